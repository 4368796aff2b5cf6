/* Rows of expressions: the same as looking them up in the whole, at the work of a row. */
#include "examples.h"

static tw_error error;

static void compare(const example *x, tw_expr rows, tw_expr whole) {
  tw_array a = evaluate_on(x->label, x->n, x->in, x->value, rows, 1), b = evaluate_on(x->label, x->n, x->in, x->value, whole, 1);
  assert_int_equal(size_of(&a), size_of(&b));
  for (int64_t i = 0; i < size_of(&a); i++) {
    const double p = element(&a, i), q = element(&b, i);
    if (!(p == q || (p != p && q != q) || fabs(p - q) <= 1e-12 * fmax(1, fabs(q))))
      fail_msg("%s: element %lld: %.17g, %.17g", x->label, (long long)i, p, q);
  }
  tw_array_free(&a);
  tw_array_free(&b);
}

/* Of every op in the table, alone and below others: 1 + the sum over what follows the leading axis of the square. */
static void rows_are_those_of_the_whole(void **state) {
  (void)state;
  int count = 0;
  for (const tw_op *const *op = tw_op_table(); *op; op++) {
    example x;
    for (int variant = 0; example_open(&x, *op, TW_F64, variant); variant++) {
      const tw_shape shape = tw_shape_of(x.e);
      if (shape.rank > 0 && shape.dim[0] > 0 && !((*op)->flags & TW_OP_IMPURE)) {
        const double positions[3] = {(double)(shape.dim[0] - 1), 0, (double)(shape.dim[0] / 2)};
        tw_expr index = tw_cast(VECTOR(x.graph, positions[0], positions[1], positions[2]), TW_I64);
        compare(&x, tw_rows(x.e, index), tw_take(x.e, 1, &index));
        tw_expr above = tw_add(tw_cast(x.e, TW_F64), tw_scalar(x.graph, 1));
        if (shape.rank > 1) above = tw_sum(tw_square(above), ((1u << shape.rank) - 1) & ~1u, false);
        compare(&x, tw_rows(above, index), tw_take(above, 1, &index));
        count++;
      }
      example_close(&x);
    }
  }
  print_message("%d examples\n", count);
  assert_true(count > 100);
}

/* The largest array computed for e; nodes without operands are given. */
static int64_t largest_node(tw_expr e) {
  int64_t size = tw_arity_of(e) > 0 ? tw_size_of(e) : 0;
  for (int i = 0; i < tw_arity_of(e); i++) {
    const int64_t below = largest_node(tw_input_of(e, i));
    if (below > size) size = below;
  }
  return size;
}

static void a_row_costs_the_work_of_a_row(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  tw_expr x = tw_input(graph, "X", TW_F64, TW_SHAPE(1000, 7)), y = tw_input(graph, "y", TW_F64, TW_SHAPE(1000)),
          w = tw_input(graph, "w", TW_F64, TW_SHAPE(7, 3)), b = tw_input(graph, "b", TW_F64, TW_SHAPE(3)),
          k = tw_input(graph, "k", TW_I64, TW_SCALAR),
          label = tw_input(graph, "label", TW_I64, TW_SHAPE(1000)), i = tw_input(graph, "i", TW_I64, TW_SCALAR);
  tw_expr centred = tw_div(tw_sub(x, tw_expand(tw_mean(x, 2, false), -1)), tw_expand(tw_norm(x, 2, false), -1));
  tw_expr scores = tw_add(tw_matmul(centred, w), b);
  tw_expr own = tw_take_along(tw_log_softmax(scores, 1), tw_expand(label, -1), 1);
  tw_expr loop = tw_loop_stack(i, 1000, tw_mul(tw_take(y, 1, &i), tw_sum(tw_exp(tw_take(scores, 1, &i)), TW_ALL, false)));
  tw_expr margins = tw_mul(y, tw_matmul(x, tw_take(tw_matrix_transpose(w), 1, &k)));
  tw_expr each[] = {tw_mul(tw_squeeze(own, 1), y), tw_logsumexp(scores, 2, false), tw_softplus(tw_neg(margins)), loop};
  for (size_t j = 0; j < sizeof each / sizeof *each; j++) {
    tw_expr row = tw_row(each[j], k);
    assert_ok(tw_graph_check(graph, &error));
    assert_int_equal(tw_shape_of(row).rank, 0);
    if (largest_node(row) > 30) fail_msg("expression %zu: a row computes %lld numbers", j, (long long)largest_node(row));
  }
  assert_refused(graph, tw_row(tw_scalar(graph, 1), k), TW_ERR_SHAPE, "no rows");
  assert_refused(graph, tw_rows(y, k), TW_ERR_SHAPE, "rank 0");
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_those_of_the_whole), cmocka_unit_test(a_row_costs_the_work_of_a_row)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
