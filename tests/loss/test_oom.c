/* Every allocation may fail while losses, perturbed optimizers, proxes and intersections are built, differentiated and evaluated: the graph
 * keeps the error, nothing crashes. */
#include "failing_malloc.h"

#include <talweg/loss.h>

enum { N = 3, CASES = 7 };

static tw_expr of_point(int which, tw_expr x) {
  tw_graph *graph = x.graph;
  const tw_expr y = tw_fill(graph, TW_I64, TW_SCALAR, 1), one = tw_scalar(graph, 1), key = tw_integer(graph, 7);
  const tw_expr in = tw_input(graph, "in", TW_F64, TW_SHAPE(N)), best = tw_sparsemax(in, 0);
  const tw_perturbation p = {.samples = 5, .control_variate = true};
  const tw_domain set[2] = {tw_domain_make(graph, tw_domain_find("ball"), TW_SHAPE(N), 0, NULL),
                            tw_domain_make(graph, tw_domain_find("nonneg"), TW_SHAPE(N), 0, NULL)};
  switch (which) {
  case 0:
    return tw_loss_multiclass_sparsemax(x, y);
  case 1:
    return tw_add(tw_loss_multiclass_hinge(x, y), tw_loss_multiclass_logistic(x, y));
  case 2:
    return tw_sum(tw_loss_huber(tw_margin(tw_fill(graph, TW_F64, TW_SHAPE(N), 1), x), one), TW_ALL, false);
  case 3:
    return tw_perturbed_max(in, best, x, key, &p);
  case 4:
    return tw_fenchel_young(tw_with_gradient(tw_dot(x, x), x, tw_sin(x)), x, tw_ones_like(x));
  case 5:
    return tw_dot(tw_prox(tw_regularizer_find("l1"), x, one, 0, NULL, set[1]), x);
  default:
    return tw_dot(tw_project_intersection(2, set, x, 3), tw_soft_rank(x, one));
  }
}

static tw_status evaluate_gradient(tw_expr x, tw_expr e, tw_error *error) {
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  const double at[N] = {0.5, -1, 2};
  double out[N];
  const tw_expr g = tw_grad(e, x);
  tw_status status = tw_graph_check(x.graph, error);
  assert_true((status == TW_OK) == !tw_is_none(g));
  if (status == TW_OK) status = tw_fn_new(&fn, 1, &x, 1, &g, NULL, error);
  if (status == TW_OK) status = tw_work_new(&work, fn, error);
  if (status == TW_OK) status = tw_fn_call(fn, work, (const void *[]){at}, (void *[]){out}, 0, error);
  for (int i = 0; status == TW_OK && i < N; i++) assert_true(isfinite(out[i]));
  tw_work_free(work);
  tw_fn_free(fn);
  return status;
}

static tw_status build(int which, tw_error *error) {
  tw_graph *graph = tw_graph_new();
  if (!graph) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(N));
  tw_status status = tw_graph_check(graph, error);
  if (status == TW_OK) status = evaluate_gradient(x, of_point(which, x), error);
  tw_graph_free(graph);
  return status;
}

static void losses(void **state) {
  (void)state;
  for (int k = 0; k < CASES; k++) failing_each(build, k, 5000);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(losses)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
