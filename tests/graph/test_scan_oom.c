/* Every allocation of making, differentiating, batching, compiling and running a scan may fail: an error
 * comes back and nothing leaks (address sanitizer). */
#include "failing_malloc.h"

#include "chain.h"

/* The value, or what kept it from being. */
static tw_status evaluate_or_fail(int n, const tw_expr *in, const void *const *data, tw_expr e, double *out,
                                  tw_error *error) {
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  tw_status status = tw_graph_check(in[0].graph, error);
  if (status == TW_OK) status = tw_fn_new(&fn, n, in, 1, &e, NULL, error);
  if (status == TW_OK) status = tw_work_new(&work, fn, error);
  if (status == TW_OK) status = tw_fn_call(fn, work, data, (void *[]){out}, 0, error);
  tw_work_free(work);
  tw_fn_free(fn);
  return status;
}

enum { VALUE, GRADIENT, TANGENT, REVERSE_TWICE, BATCH, TASKS };

static tw_expr build(int task, const chain *c, tw_expr many) {
  tw_expr k = tw_input(c->graph, "k", TW_I64, TW_SCALAR), next[2], out[2];
  tw_expr carry[2] = {tw_input(c->graph, "x_k", TW_F64, TW_SHAPE(3)),
                      tw_input(c->graph, "s_k", TW_F64, TW_SCALAR)};
  if (tw_graph_status(c->graph)) return TW_NONE;
  chain_step(c, k, carry, next, out);
  tw_expr scan = tw_scan(k, c->n, 2, carry, (tw_expr[]){c->x, c->s}, next, 1, out, NULL);
  tw_expr loss =
      tw_add(tw_sum(tw_scan_final(scan, 0), TW_ALL, false), tw_sum(tw_scan_out(scan, 0), TW_ALL, false));
  if (task == VALUE || tw_is_none(loss)) return loss;
  tw_expr d = tw_sum(tw_grad(loss, c->u), TW_ALL, false), result;
  if (task == GRADIENT || tw_is_none(d)) return d;
  if (task == TANGENT) return tw_jvp(1, &d, 1, &c->s, &c->s, &result) == TW_OK ? result : TW_NONE;
  if (task == REVERSE_TWICE) return tw_grad(d, c->s);
  return tw_batch(1, &d, 1, &c->x, &many, 2, &result) == TW_OK ? tw_sum(result, TW_ALL, false) : TW_NONE;
}

static tw_status attempt(int task, double *result, tw_error *error) {
  static const double x[3] = {0.1, 0.2, 0.3}, s = 0.5, w[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9},
                      u[4] = {1, 2, 3, 4};
  static const double pair[6] = {1, 2, 3, 4, 5, 6};
  tw_graph *g = tw_graph_new();
  if (!g) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  chain c = chain_of(g, 3);
  tw_expr many = tw_input(g, "many", TW_F64, TW_SHAPE(2, 3)), e = TW_NONE;
  if (!tw_graph_status(g)) e = build(task, &c, many);
  tw_status status = tw_graph_check(g, error);
  if (status == TW_OK) {
    assert_false(tw_is_none(e));
    status = evaluate_or_fail(5, (tw_expr[]){c.x, c.s, c.w, c.u, many}, (const void *[]){x, &s, w, u, pair},
                              e, result, error);
  }
  tw_graph_free(g);
  return status;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  for (int task = 0; task < TASKS; task++) {
    double expected = 0, result = 0;
    tw_error error = {0};
    assert_ok(attempt(task, &expected, &error));
    assert_true(isfinite(expected) && expected != 0);
    bool happened = true;
    for (long i = 0; happened; i++) {
      failing_arm(i);
      tw_status status = attempt(task, &result, &error);
      happened = failing_disarm();
      if (status == TW_OK)
        assert_same_bits(result, expected); /* it did without */
      else if (status != TW_ERR_MEMORY || !happened)
        fail_msg("task %d, allocation %ld: %s", task, i, error.message);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
