/* Every allocation may fail while sets and regularizers are made, projected on and differentiated: the graph
 * keeps the error, nothing crashes, nothing leaks (address sanitizer). */
#include "failing_malloc.h"

#include "sets.h"

/* Compiles e in x, evaluates it at ones and gives its largest element. */
static tw_status evaluate_once(tw_expr x, tw_expr e, double *largest_element, tw_error *error) {
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  double *at = tw_alloc((size_t)tw_size_of(x), sizeof *at);
  double *out = tw_alloc((size_t)tw_size_of(e), sizeof *out);
  tw_status status = at && out ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory");
  for (int64_t i = 0; status == TW_OK && i < tw_size_of(x); i++) at[i] = 1 + 0.25 * (double)i;
  if (status == TW_OK) status = tw_fn_new(&fn, 1, &x, 1, &e, NULL, error);
  if (status == TW_OK) status = tw_work_new(&work, fn, error);
  if (status == TW_OK) status = tw_fn_call(fn, work, (const void *[]){at}, (void *[]){out}, 0, error);
  if (status == TW_OK) *largest_element = size_inf(out, tw_size_of(e));
  tw_work_free(work);
  tw_fn_free(fn);
  free(at);
  free(out);
  return status;
}

/* The value and Jacobian of an expression in x. */
static tw_status finish(tw_graph *graph, tw_expr x, tw_expr e, tw_error *error) {
  tw_expr both[2] = {tw_ravel(e), TW_NONE};
  if (!tw_is_none(e)) both[1] = tw_ravel(tw_jacobian(e, x));
  const tw_expr all = tw_is_none(both[1]) ? TW_NONE : tw_concat(2, both, 0);
  double size = NAN;
  tw_status status = tw_graph_check(graph, error);
  assert_true((status == TW_OK) == !tw_is_none(all));
  if (status == TW_OK) status = evaluate_once(x, all, &size, error);
  if (status == TW_OK) assert_true(isfinite(size));
  tw_graph_free(graph);
  return status;
}

static tw_status project(int which, tw_error *error) {
  const set_case *c = &set_cases[which];
  tw_graph *graph = tw_graph_new();
  if (!graph) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  tw_expr x = tw_input(graph, "x", TW_F64, case_shape(c)), param[TW_DOMAIN_PARAMS];
  for (int i = 0; i < c->n_params; i++) {
    const tw_array value = tw_array_f64((double *)(uintptr_t)c->param[i].v, values_shape(&c->param[i]));
    param[i] = tw_constant(graph, &value);
  }
  const tw_domain d = tw_domain_make(graph, tw_domain_find(c->kind), case_shape(c), c->n_params, param);
  assert_true((d.kind != NULL) == (tw_graph_status(graph) == TW_OK));
  return finish(graph, x, d.kind ? tw_project(d, x) : TW_NONE, error);
}

static tw_status shrink(int which, tw_error *error) {
  const tw_regularizer_kind *kind = tw_regularizer_kinds()[which];
  tw_graph *graph = tw_graph_new();
  if (!graph) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(2, 2)), half = tw_scalar(graph, 0.5);
  const tw_expr r = tw_regularizer(graph, kind, x, kind->min_params, &half);
  tw_expr param[TW_REGULARIZER_PARAMS], p = TW_NONE;
  if (tw_regularizer_of(r, NULL, param)) p = tw_add(kind->prox(x, half, param), r);
  return finish(graph, x, p, error);
}

static void sets(void **state) {
  (void)state;
  for (int k = 0; k < SET_CASES; k++) failing_each(project, k, 2000);
}

static void regularizers(void **state) {
  (void)state;
  for (int k = 0; tw_regularizer_kinds()[k]; k++) failing_each(shrink, k, 2000);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sets), cmocka_unit_test(regularizers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
