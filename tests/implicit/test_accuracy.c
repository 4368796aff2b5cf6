/* Inner solves start where the last one ended, are not repeated for the same parameters, and are as accurate
 * as the outer problem asks for. */
#include "problems.h"

/* ------------------------------------------------------------------ counting evaluations */

static int evaluations;

static bool counted_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){TW_F64, tw_shape_of(args->in[0])};
  return true;
}
static tw_status counted_kernel(const tw_call *call) {
  evaluations++;
  memcpy(call->out, call->in[0], (size_t)tw_size_of(call->node) * sizeof(double));
  return TW_OK;
}
static tw_expr counted_jvp(tw_expr node, const tw_expr *tangents) {
  (void)node;
  return tangents[0];
}
static void counted_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  (void)node;
  cotangents[0] = cotangent;
}
static const tw_op counted = {.name = "counted",
                              .summary = "x, noticed",
                              .flags = TW_OP_IMPURE,
                              .arity = 1,
                              .infer = counted_infer,
                              .kernel = counted_kernel,
                              .jvp = counted_jvp,
                              .vjp = counted_vjp};

/* min sum exp(x_i - theta) + |x|^2 by a first-order method. */
static tw_expr slow_argmin(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(5)),
          weights = tw_add(tw_iota(g, TW_F64, 5), tw_scalar(g, 0.1));
  tw_expr noticed = tw_node(g, &counted, 1, &x, NULL);
  tw_problem_minimize(p, NULL,
                      tw_add(total(tw_mul(weights, tw_square(noticed))), total(tw_exp(tw_sub(x, theta)))));
  return solution_by(p, "lbfgs", false);
}

static int evaluations_at(compiled c, double theta, double out[5]) {
  evaluations = 0;
  call(c, &theta, (void *[]){out});
  return evaluations;
}

static void solves_start_where_the_last_one_ended(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SCALAR), x = slow_argmin(g, theta);
  compiled c = compile(theta, 1, &x);
  double first[5], near[5], again[5], cold[5];
  tw_work_exec(c.work, &(tw_exec){.threads = 1, .inner_tolerance = 1e-9});
  const int from_start = evaluations_at(c, 1, first), further = evaluations_at(c, 1.0001, near);
  const int nearby = evaluations_at(c, 1.0001 + 1e-11, near);
  if (!(0 < nearby && nearby <= 2 && nearby < further && further < from_start))
    fail_msg("%d evaluations, then %d and %d", from_start, further, nearby);
  assert_int_equal(evaluations_at(c, 1.0001 + 1e-11, again), 0);
  assert_memory_equal(again, near, sizeof near);
  done(c);
  c = compile(theta, 1, &x);
  evaluations_at(c, 1.0001 + 1e-11, cold);
  for (int i = 0; i < 5; i++) assert_close(near[i], cold[i], 1e-8);
  done(c);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ accuracy */

static void inner_accuracy_follows_the_outer(void **state) {
  (void)state;
  const double tolerances[] = {1e-3, 1e-6, 1e-9};
  int work[3];
  for (int t = 0; t < 3; t++) {
    tw_graph *g = tw_graph_new();
    tw_problem *p = tw_problem_new(g);
    tw_expr theta = tw_problem_variable(p, "theta", TW_SCALAR);
    tw_problem_minimize(p, NULL, total(tw_square(tw_sub(slow_argmin(g, theta), tw_scalar(g, 0.1)))));
    tw_class cls;
    tw_oracle oracle;
    tw_result r;
    tw_evidence evidence;
    assert_ok(tw_classify(p, &cls, &error));
    assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
    evaluations = 0;
    assert_ok(tw_minimize(
        &oracle, NULL, &(tw_solve_options){.method = "bfgs", .tolerance = tolerances[t], .exec.threads = 1},
        &r, &error));
    work[t] = evaluations;
    assert_int_equal(r.outcome, TW_SOLVED);
    tw_oracle_evidence(&oracle, &evidence);
    if (!(evidence.inner_residual <= 0.01 * tolerances[t]))
      fail_msg("outer tolerance %g, inner residual %g", tolerances[t], evidence.inner_residual);
    tw_result_free(&r);
    tw_oracle_release(&oracle);
    tw_problem_free(p);
    tw_graph_free(g);
  }
  assert_true(work[0] < work[1] && work[1] < work[2]);
}

/* Each level of nesting is two digits better than the one around it: the solution at the top is as accurate
 * as asked for. */
static void levels_of_nesting_are_ever_more_accurate(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(D)), s = in_each_other(g, theta);
  const double at[D] = {0.7, -0.4, 0.3};
  double rough[2], exact[2];
  compiled c = compile(theta, 1, &s);
  call(c, at, (void *[]){exact});
  done(c);
  c = compile(theta, 1, &s);
  tw_work_exec(c.work, &(tw_exec){.threads = 1, .inner_tolerance = 1e-7});
  call(c, at, (void *[]){rough});
  for (int i = 0; i < 2; i++) assert_close(rough[i], exact[i], 1e-6);
  done(c);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(solves_start_where_the_last_one_ended),
      cmocka_unit_test(inner_accuracy_follows_the_outer),
      cmocka_unit_test(levels_of_nesting_are_ever_more_accurate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
