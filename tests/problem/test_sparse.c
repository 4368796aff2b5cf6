/* Sparse matrices of oracles: values against the dense functions, the rule for holding a matrix, and what is
 * shared. */
#include "test.h"

#include <talweg/problem.h>

static tw_error error;

typedef struct subject {
  tw_graph *graph;
  tw_problem *problem;
  tw_class cls;
  tw_oracle oracle;
} subject;

static void open_oracle(subject *s) {
  assert_int_equal(tw_graph_status(s->graph), TW_OK);
  assert_ok(tw_classify(s->problem, &s->cls, &error));
  assert_ok(tw_oracle_from_problem(&s->oracle, s->problem, &s->cls, &error));
}

static void close_subject(subject *s) {
  tw_oracle_release(&s->oracle);
  tw_problem_free(s->problem);
  tw_graph_free(s->graph);
}

static subject new_subject(void) {
  tw_graph *graph = tw_graph_new();
  return (subject){.graph = graph, .problem = tw_problem_new(graph)};
}

static tw_expr at(tw_expr x, tw_expr k, int64_t c) {
  tw_expr i = tw_add(k, tw_integer(k.graph, c));
  return tw_take(x, 1, &i);
}

/* A chain x of n numbers and z of n / 2 others, with a parameter w; constraints on both in two groups. */
static subject chain(int64_t n) {
  subject s = new_subject();
  tw_graph *g = s.graph;
  tw_expr x = tw_problem_variable(s.problem, "x", TW_SHAPE(n)),
          z = tw_problem_variable(s.problem, "z", TW_SHAPE(n / 2));
  double two = 2;
  tw_array view = tw_array_f64(&two, TW_SCALAR);
  tw_expr w = tw_problem_parameter(s.problem, "w", &view), k = tw_input(g, "k", TW_I64, TW_SCALAR),
          zero = tw_scalar(g, 0);
  tw_expr bend = tw_square(tw_sub(at(x, k, 1), tw_square(at(x, k, 0))));
  tw_problem_minimize(s.problem, "f",
                      tw_add(tw_mul(w, tw_loop_sum(k, n - 1, bend)), tw_sum(tw_exp(z), TW_ALL, false)));
  tw_problem_subject(s.problem, "a", tw_loop_stack(k, n / 2, tw_mul(at(x, k, 0), at(z, k, 0))), zero,
                     TW_NONE);
  tw_problem_subject(s.problem, "b", tw_sin(tw_add(tw_slice(x, 0, 0, n / 2, 1), z)), zero, zero);
  open_oracle(&s);
  return s;
}

static int64_t rows_of(const tw_oracle *o, tw_matrix matrix) {
  return matrix == TW_MATRIX_CONSTRAINTS ? o->m : matrix == TW_MATRIX_RESIDUAL ? o->k : o->n;
}

static tw_status dense_of(const tw_oracle *o, tw_matrix matrix, const double *x, const double *y,
                          double *out) {
  if (matrix == TW_MATRIX_CONSTRAINTS) return o->constraints_jacobian(o->context, x, out, &error);
  if (matrix == TW_MATRIX_RESIDUAL) return o->residual_jacobian(o->context, x, out, &error);
  return o->hessian(o->context, x, matrix == TW_MATRIX_LAGRANGIAN ? y : NULL, out, &error);
}

static void compare(const tw_oracle *o, tw_matrix matrix, uint64_t key) {
  const int64_t rows = rows_of(o, matrix), n = o->n;
  const bool lower = matrix == TW_MATRIX_HESSIAN || matrix == TW_MATRIX_LAGRANGIAN;
  double *x = tw_alloc((size_t)n, 8), *y = tw_alloc((size_t)o->m, 8), *full = tw_alloc((size_t)(rows * n), 8);
  const tw_pattern *p;
  tw_random_normal_fill(key, 0, (size_t)n, x);
  tw_random_normal_fill(key + 1, 0, (size_t)o->m, y);
  assert_ok(o->sparse_pattern(o->context, matrix, &p, &error));
  double *some = tw_alloc((size_t)p->nnz, 8);
  assert_true(p->rows == rows && p->cols == n);
  assert_ok(o->sparse_values(o->context, matrix, x, y, some, &error));
  assert_ok(dense_of(o, matrix, x, y, full));
  for (int64_t j = 0; j < n; j++) {
    int64_t q = p->colptr[j];
    for (int64_t i = lower ? j : 0; i < rows; i++) {
      const bool there = q < p->colptr[j + 1] && p->rowidx[q] == i;
      assert_close(there ? some[q++] : 0, full[i * n + j], 1e-13);
    }
    assert_int_equal(q, p->colptr[j + 1]);
  }
  free(x), free(y), free(full), free(some);
}

static void values_are_those_of_dense_functions(void **state) {
  (void)state;
  subject s = chain(12);
  assert_true(s.oracle.offers & TW_SPARSE);
  for (int matrix = TW_MATRIX_HESSIAN; matrix <= TW_MATRIX_CONSTRAINTS; matrix++)
    compare(&s.oracle, (tw_matrix)matrix, 1);
  const tw_pattern *p, *again;
  assert_fails(s.oracle.sparse_pattern(s.oracle.context, TW_MATRIX_RESIDUAL, &p, &error), TW_ERR_UNSUPPORTED,
               "no such");
  assert_fails(s.oracle.sparse_pattern(s.oracle.context, (tw_matrix)9, &p, &error), TW_ERR_ARGUMENT, "9");
  double x[18] = {0}, values[64];
  assert_fails(s.oracle.sparse_values(s.oracle.context, TW_MATRIX_LAGRANGIAN, x, NULL, values, &error),
               TW_ERR_ARGUMENT, "multipliers");
  /* other values of parameters, and another thread's oracle */
  const double three = 3;
  assert_ok(tw_oracle_parameters(&s.oracle, (const void *const[]){&three}, &error));
  tw_oracle other;
  assert_ok(tw_oracle_clone(&other, &s.oracle, &error));
  compare(&s.oracle, TW_MATRIX_LAGRANGIAN, 3);
  compare(&other, TW_MATRIX_LAGRANGIAN, 4);
  assert_ok(s.oracle.sparse_pattern(s.oracle.context, TW_MATRIX_HESSIAN, &p, &error));
  assert_ok(other.sparse_pattern(other.context, TW_MATRIX_HESSIAN, &again, &error));
  assert_ptr_equal(p, again);
  tw_oracle_release(&other);
  close_subject(&s);
}

static void derivatives_are_checked(void **state) {
  (void)state;
  subject s = chain(10);
  double x[15], worst;
  char where[200];
  tw_random_normal_fill(7, 0, 15, x);
  assert_ok(tw_oracle_check(&s.oracle, x, &worst, where, sizeof where, &error));
  if (worst > 1e-5) fail_msg("%g in %s", worst, where);
  close_subject(&s);
}

static void residuals_of_roots(void **state) {
  (void)state;
  const int64_t n = 60;
  subject s = new_subject();
  tw_expr x = tw_problem_variable(s.problem, "x", TW_SHAPE(n)), k = tw_input(s.graph, "k", TW_I64, TW_SCALAR);
  tw_expr zero = tw_scalar(s.graph, 0), one = tw_slice(x, 0, 0, 1, 1);
  tw_problem_subject(s.problem, "r", tw_loop_stack(k, n - 1, tw_sub(tw_exp(at(x, k, 0)), at(x, k, 1))), zero,
                     zero);
  tw_problem_subject(s.problem, "end", tw_square(one), zero, zero);
  tw_problem_root(s.problem);
  open_oracle(&s);
  compare(&s.oracle, TW_MATRIX_RESIDUAL, 1);
  tw_storage storage;
  const tw_pattern *p;
  assert_ok(tw_oracle_storage(&s.oracle, TW_MATRIX_RESIDUAL, &storage, &p, &error));
  assert_int_equal(storage, TW_STORE_SPARSE);
  assert_int_equal(p->nnz, 2 * (n - 1) + 1);
  assert_fails(s.oracle.sparse_pattern(s.oracle.context, TW_MATRIX_HESSIAN, &p, &error), TW_ERR_UNSUPPORTED,
               "no such");
  close_subject(&s);
}

static tw_storage storage_of(const tw_oracle *o, tw_matrix matrix) {
  tw_storage storage;
  const tw_pattern *p;
  assert_ok(tw_oracle_storage(o, matrix, &storage, &p, &error));
  assert_true((p != NULL) == (storage == TW_STORE_SPARSE));
  return storage;
}

static void matrices_are_held_by_rule(void **state) {
  (void)state;
  subject small = chain(12), large = chain(200);
  assert_int_equal(storage_of(&small.oracle, TW_MATRIX_LAGRANGIAN), TW_STORE_DENSE);
  assert_int_equal(storage_of(&large.oracle, TW_MATRIX_HESSIAN), TW_STORE_SPARSE);
  assert_int_equal(storage_of(&large.oracle, TW_MATRIX_LAGRANGIAN), TW_STORE_SPARSE);
  assert_int_equal(storage_of(&large.oracle, TW_MATRIX_CONSTRAINTS), TW_STORE_SPARSE);
  large.oracle.offers &= ~(unsigned)TW_SPARSE;
  assert_int_equal(storage_of(&large.oracle, TW_MATRIX_LAGRANGIAN), TW_STORE_DENSE);
  large.oracle.hessian = NULL;
  assert_int_equal(storage_of(&large.oracle, TW_MATRIX_LAGRANGIAN), TW_STORE_PRODUCTS);
  close_subject(&small);
  close_subject(&large);
}

/* A matrix of 10^10 entries without structure is refused, and everything else goes on. */
static void refusals_harm_nothing(void **state) {
  (void)state;
  const int64_t n = 100000;
  subject s = new_subject();
  tw_expr x = tw_problem_variable(s.problem, "x", TW_SHAPE(n));
  tw_problem_minimize(s.problem, "f", tw_logsumexp(x, TW_ALL, false));
  open_oracle(&s);
  const tw_pattern *p;
  for (int i = 0; i < 2; i++)
    assert_fails(s.oracle.sparse_pattern(s.oracle.context, TW_MATRIX_HESSIAN, &p, &error), TW_ERR_UNSUPPORTED,
                 "not sparse");
  assert_int_equal(tw_graph_status(s.graph), TW_OK);
  assert_int_equal(storage_of(&s.oracle, TW_MATRIX_HESSIAN), TW_STORE_PRODUCTS);
  double *v = tw_alloc((size_t)n, 8), *out = tw_alloc((size_t)n, 8);
  assert_ok(s.oracle.hvp(s.oracle.context, v, NULL, v, out, &error));
  free(v), free(out);
  close_subject(&s);
}

/* Completing an oracle passes its sparse matrices on. */
static void completion_passes_on(void **state) {
  (void)state;
  subject s = chain(12);
  assert_ok(tw_oracle_complete(&s.oracle, &error));
  assert_true(s.oracle.offers & TW_SPARSE);
  compare(&s.oracle, TW_MATRIX_CONSTRAINTS, 1);
  close_subject(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_those_of_dense_functions),
      cmocka_unit_test(derivatives_are_checked),
      cmocka_unit_test(residuals_of_roots),
      cmocka_unit_test(matrices_are_held_by_rule),
      cmocka_unit_test(refusals_harm_nothing),
      cmocka_unit_test(completion_passes_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
