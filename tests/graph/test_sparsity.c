/* Patterns: sound and, where the structure says all, exact; for every op, for random expressions and for
 * models whose patterns are known. */
#include "graph/ops/ops.h"
#include "graph/transform/sparsity.h"
#include "sparse.h"

/* ------------------------------------------------------------------ every op */

/* Entries of the dense matrix that are not 0 at one of some points; by row, then column. */
static bool *nonzeros(const model *x, tw_expr dense, int64_t size) {
  bool *some = calloc((size_t)size + 1, sizeof *some);
  for (uint64_t point = 0; point < 4; point++) {
    tw_array value[MAX_MODEL_INPUTS];
    draw_inputs(x, 50 + point, value);
    tw_array full = evaluate_on(x->name, x->n, x->in, value, dense, 1);
    for (int64_t i = 0; i < size; i++) some[i] |= element(&full, i) != 0;
    for (int i = 0; i < x->n; i++) tw_array_free(&value[i]);
    tw_array_free(&full);
  }
  return some;
}

/* How many entries of the pattern are never used; fails where one that is used is not there. */
static int64_t idle_entries(const char *name, const tw_pattern *p, const bool *some, bool lower) {
  int64_t idle = 0;
  for (int64_t j = 0; j < p->cols; j++) {
    int64_t at = p->colptr[j];
    for (int64_t i = lower ? j : 0; i < p->rows; i++) {
      const bool there = at < p->colptr[j + 1] && p->rowidx[at] == i;
      at += there;
      if (some[i * p->cols + j] && !there)
        fail_msg("%s: entry (%lld, %lld) is missing", name, (long long)i, (long long)j);
      idle += there && !some[i * p->cols + j];
    }
    assert_int_equal(at, p->colptr[j + 1]);
  }
  return idle;
}

/* Ops whose structure says less than the values of an example: stacks of matrices, what is chosen by value,
 * edges. */
static bool may_be_loose(const tw_op *op) {
  static const tw_op *const loose[] = {&tw_op_relu,
                                       &tw_op_mod,
                                       &tw_op_minimum,
                                       &tw_op_maximum,
                                       &tw_op_where,
                                       &tw_op_reduce_max,
                                       &tw_op_reduce_min,
                                       &tw_op_softmax,
                                       &tw_op_cumprod,
                                       &tw_op_take_along,
                                       &tw_op_recurrence,
                                       &tw_op_cholesky,
                                       &tw_op_inverse,
                                       &tw_op_det,
                                       &tw_op_cofactor,
                                       &tw_op_cholesky_solve,
                                       &tw_op_triangular_solve,
                                       &tw_op_linear_solve,
                                       &tw_op_logdet,
                                       &tw_op_eigh,
                                       &tw_op_svd,
                                       &tw_op_scan,
                                       &tw_op_scan_reverse,
                                       &tw_op_conv,
                                       &tw_op_conv_input,
                                       &tw_op_conv_weight,
                                       &tw_op_attention,
                                       NULL};
  for (int i = 0; loose[i]; i++)
    if (op == loose[i]) return true;
  return false;
}

static void ops_are_sound_and_exact(void **state) {
  (void)state;
  for (const tw_op *const *op = tw_op_table(); *op; op++) {
    model x;
    if (!(*op)->example) continue;
    for (int variant = 0; open_example(&x, *op, variant); variant++) {
      if (is_real_expr(x.e) && x.m > 0 && flat_size(&x) < 500) {
        tw_pattern p, q;
        const int64_t size = tw_size_of(x.e) * flat_size(&x);
        assert_true(tw_structure_of(1, &x.e, x.m, x.in, &p));
        assert_well_formed(x.name, &p);
        bool *some = nonzeros(&x, dense_of(&x, x.e), size);
        const int64_t idle = idle_entries(x.name, &p, some, false);
        if (idle && !may_be_loose(*op))
          fail_msg("%s, example %d: %lld idle entries", x.name, variant, (long long)idle);
        assert_int_equal(tw_jacobian_pattern(x.e, x.m, x.in, &q), TW_OK);
        assert_well_formed(x.name, &q);
        idle_entries(x.name, &q, some, false);
        free(some);
        tw_pattern_free(&p);
        tw_pattern_free(&q);
      }
      tw_graph_free(x.graph);
    }
  }
}

/* Second derivatives of sum w e^2 over every op. */
static void hessians_of_ops_are_sound(void **state) {
  (void)state;
  for (const tw_op *const *op = tw_op_table(); *op; op++) {
    model x;
    if (!(*op)->example) continue;
    for (int variant = 0; open_example(&x, *op, variant); variant++) {
      if (is_real_expr(x.e) && x.m > 0 && flat_size(&x) > 0 && flat_size(&x) < 200) {
        tw_pattern p, q;
        const int64_t n = flat_size(&x);
        tw_expr w = tw_reshape(tw_add(tw_iota(x.graph, TW_F64, tw_size_of(x.e)), tw_scalar(x.graph, 1)),
                               tw_shape_of(x.e));
        x.e = tw_sum(tw_mul(w, tw_square(x.e)), TW_ALL, false);
        assert_true(tw_structure_of_hessian(x.e, x.m, x.in, &p));
        assert_well_formed(x.name, &p);
        assert_int_equal(tw_hessian_pattern(x.e, x.m, x.in, &q), TW_OK);
        assert_well_formed(x.name, &q);
        bool *some = nonzeros(&x, dense_of(&x, gradient_of(&x)), n * n);
        idle_entries(x.name, &p, some, true);
        idle_entries(x.name, &q, some, true);
        free(some);
        tw_pattern_free(&p);
        tw_pattern_free(&q);
      }
      tw_graph_free(x.graph);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ops_are_sound_and_exact),
      cmocka_unit_test(hessians_of_ops_are_sound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
