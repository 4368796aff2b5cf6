/* Every allocation may fail while a problem is stated, classified, compiled and asked: an error comes back,
 * the graph keeps it, nothing crashes, nothing leaks (address sanitizer). */
#include "failing_malloc.h"

#include <talweg/problem.h>

static tw_expr total(tw_expr e) {
  return tw_sum(e, TW_ALL, false);
}

/* Asks for all that the oracle offers, once. */
static tw_status ask_all(const tw_oracle *o, tw_error *error) {
  double x[16] = {0.5, 0.25, 0.125}, y[16] = {1, 2}, v[16] = {1, -1, 2}, f, out[256];
  tw_status status = o->start(o->context, out, error);
  if (status == TW_OK && o->gradient) status = o->gradient(o->context, x, &f, out, error);
  if (status == TW_OK && o->hvp) status = o->hvp(o->context, x, o->m ? y : NULL, v, out, error);
  if (status == TW_OK && o->hessian) status = o->hessian(o->context, x, NULL, out, error);
  if (status == TW_OK && o->residual) status = o->residual(o->context, x, out, error);
  if (status == TW_OK && o->residual_vjp) status = o->residual_vjp(o->context, x, y, out, error);
  if (status == TW_OK && o->residual_jacobian) status = o->residual_jacobian(o->context, x, out, error);
  if (status == TW_OK && o->constraints) status = o->constraints(o->context, x, out, error);
  if (status == TW_OK && o->constraints) status = o->constraints_vjp(o->context, x, y, out, error);
  if (status == TW_OK && o->constraints_jacobian) status = o->constraints_jacobian(o->context, x, out, error);
  if (status == TW_OK && o->project) status = o->project(o->context, x, out, error);
  if (status == TW_OK && o->prox) status = o->prox(o->context, x, 0.5, out, error);
  if (status == TW_OK && o->prox) status = o->regularizer(o->context, x, &f, error);
  if (status == TW_OK && o->mirror_step) status = o->mirror_step(o->context, x, v, 0.5, out, error);
  return status;
}

/* A program with parameters, loops and three kinds of constraints; a fit with a regularizer; one on a
 * simplex. */
static void state_program(tw_graph *graph, tw_problem *p) {
  const double half = 0.5;
  const tw_array value = tw_array_f64((double *)(uintptr_t)&half, TW_SCALAR);
  const tw_expr q = tw_problem_parameter(p, "q", &value), x = tw_problem_variable(p, "x", TW_SHAPE(3));
  const tw_expr i = tw_input(graph, "i", TW_I64, TW_SCALAR), xi = tw_is_none(x) ? x : tw_take(x, 1, &i);
  tw_problem_bounds(p, x, tw_neg(q), tw_scalar(graph, 2));
  tw_problem_start(p, x, q);
  tw_problem_minimize(p, "cost", tw_loop_sum(i, 3, tw_mul(tw_sin(xi), tw_exp(xi))));
  tw_problem_subject(p, NULL, tw_square(x), TW_NONE, q);
  tw_problem_subject(p, "sum", total(x), q, q);
  tw_problem_report(p, "sum", total(x));
}

static void state_fit(tw_graph *graph, tw_problem *p) {
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(3));
  const tw_expr l1 = tw_regularizer(graph, tw_regularizer_find("l1"), x, 0, NULL);
  const tw_expr fit =
      tw_add(total(tw_square(tw_sub(tw_exp(x), tw_scalar(graph, 2)))), tw_scale(total(tw_square(x)), 3));
  tw_problem_minimize(p, NULL, tw_add(fit, l1));
}

static void state_simplex(tw_graph *graph, tw_problem *p) {
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(3));
  tw_problem_domain(p, x, tw_domain_make(graph, tw_domain_find("simplex"), TW_SHAPE(3), 0, NULL));
  tw_problem_maximize(p, NULL, tw_neg(total(tw_square(x))));
}

static void state_root(tw_graph *graph, tw_problem *p) {
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(3)), zero = tw_scalar(graph, 0);
  tw_problem_root(p);
  tw_problem_subject(p, NULL, tw_sub(tw_exp(x), tw_scalar(graph, 2)), zero, zero);
}

static void state_map(tw_graph *graph, tw_problem *p) {
  (void)graph;
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(3));
  tw_problem_fixpoint(p, x, tw_cos(x));
}

static tw_status from_statement(int which, tw_error *error) {
  static void (*const statements[])(tw_graph *, tw_problem *) = {state_program, state_fit, state_simplex,
                                                                 state_root, state_map};
  tw_graph *graph = tw_graph_new();
  tw_problem *p = tw_problem_new(graph);
  tw_status status = p ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory");
  tw_class cls;
  tw_oracle o = {0}, copy = {0};
  if (p) statements[which](graph, p);
  if (status == TW_OK) status = tw_graph_check(graph, error);
  if (status == TW_OK) status = tw_classify(p, &cls, error);
  if (status == TW_OK) status = tw_oracle_from_problem(&o, p, &cls, error);
  assert_true((o.context != NULL) == (status == TW_OK));
  if (status == TW_OK) status = ask_all(&o, error);
  if (status == TW_OK) status = tw_oracle_clone(&copy, &o, error);
  if (status == TW_OK) status = ask_all(&copy, error);
  tw_oracle_release(&copy);
  tw_oracle_release(&o);
  tw_problem_free(p);
  tw_graph_free(graph);
  return status;
}

/* A standard test problem, built only. */
static tw_status built(int which, tw_error *error) {
  tw_graph *graph = tw_graph_new();
  tw_problem *p = tw_problem_new(graph);
  tw_status status =
      p ? tw_test_problems()[which].build(p, 0) : tw_fail(error, TW_ERR_MEMORY, "out of memory");
  if (p) assert_int_equal(status, tw_graph_check(graph, error));
  tw_problem_free(p);
  tw_graph_free(graph);
  return status;
}

/* ------------------------------------------------------------------ callbacks */

static tw_status value(void *context, const double *x, double *f, tw_error *error) {
  (void)context, (void)error;
  *f = exp(x[0]) + x[0] * x[1];
  return TW_OK;
}

static tw_status gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  g[0] = exp(x[0]) + x[1];
  g[1] = x[0];
  return value(context, x, f, error);
}

static tw_status rows(void *context, const double *x, double *r, tw_error *error) {
  (void)context, (void)error;
  r[0] = x[0] * x[1];
  return TW_OK;
}

static tw_status jacobian(void *context, const double *x, double *j, tw_error *error) {
  (void)context, (void)error;
  j[0] = x[1];
  j[1] = x[0];
  return TW_OK;
}

static void release(void *context) {
  ++*(int *)context;
}

static tw_status from_callbacks(int which, tw_error *error) {
  static const double zero[1] = {0}, start[2] = {0.5, 0.25};
  int released = 0;
  tw_oracle o = {.context = &released, .n = 2, .value = value, .release = release};
  if (which > 0) {
    o.gradient = gradient;
    o.m = o.k = 1;
    o.constraints = o.residual = rows;
    o.constraints_jacobian = o.residual_jacobian = jacobian;
    o.c_lower = o.c_upper = zero;
  }
  double worst, f, out[16];
  tw_status status = tw_oracle_complete(&o, error);
  if (status == TW_OK) status = o.gradient(o.context, start, &f, out, error);
  if (status == TW_OK && o.hessian) status = o.hessian(o.context, start, zero, out, error);
  if (status == TW_OK && o.m) status = o.constraints_vjp(o.context, start, zero, out, error);
  if (status == TW_OK && o.k) status = o.residual_jvp(o.context, start, start, out, error);
  if (status == TW_OK) status = tw_oracle_check(&o, start, &worst, NULL, 0, error);
  tw_oracle_release(&o);
  assert_int_equal(released, 1);
  return status;
}

static void statements(void **state) {
  (void)state;
  for (int k = 0; k < 5; k++) failing_each(from_statement, k, 5000);
}

static void standard_problems(void **state) {
  (void)state;
  for (int k = 0; tw_test_problems()[k].name; k++) failing_each(built, k, 1000);
}

static void callbacks(void **state) {
  (void)state;
  for (int k = 0; k < 2; k++) failing_each(from_callbacks, k, 200);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(statements), cmocka_unit_test(standard_problems),
                                     cmocka_unit_test(callbacks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
