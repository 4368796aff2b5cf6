/* An op defined outside the library: the log-cosh loss, log(cosh(x)), with a kernel that does not overflow. One descriptor
 * gives values, derivatives of any order and batching; it fuses into graphs like a built-in one. */
#include <talweg/talweg.h>

#include <math.h>
#include <stdio.h>

static bool log_cosh_infer(const tw_args *args, tw_type *type) {
  if (tw_dtype_of(args->in[0]) != TW_F64) {
    tw_graph_fail(args->graph, TW_ERR_DTYPE, "log_cosh: needs f64");
    return false;
  }
  *type = (tw_type){TW_F64, tw_shape_of(args->in[0])};
  return true;
}

/* log cosh x = |x| + log1p(exp(-2|x|)) - log 2 */
static tw_status log_cosh_kernel(const tw_call *call) {
  const double *x = call->in[0];
  double *out = call->out;
  for (int64_t i = 0; i < tw_size_of(call->node); i++) {
    double a = fabs(x[i]);
    out[i] = a + log1p(exp(-2 * a)) - 0.69314718055994530942;
  }
  return TW_OK;
}

/* d log cosh x / dx = tanh x */
static tw_expr log_cosh_partial(tw_expr node, int i) {
  (void)i;
  return tw_tanh(tw_input_of(node, 0));
}

static const tw_op log_cosh = {.name = "log_cosh",
                               .summary = "log(cosh(x))",
                               .flags = TW_OP_ELEMENTWISE,
                               .arity = 1,
                               .infer = log_cosh_infer,
                               .kernel = log_cosh_kernel,
                               .partial = log_cosh_partial};

/* Robust location of five numbers: minimise sum log_cosh(x_i - m). */
int main(void) {
  tw_error error = {0};
  tw_graph *g = tw_graph_new();
  tw_problem *p = g ? tw_problem_new(g) : NULL;
  if (!p) return 1;
  double data[5] = {1.0, 1.2, 0.9, 1.1, 50.0};
  tw_array x = tw_array_f64(data, TW_SHAPE(5));
  tw_expr m = tw_problem_variable(p, "m", TW_SCALAR);
  tw_expr loss = tw_node(g, &log_cosh, 1, (tw_expr[]){tw_sub(tw_constant(g, &x), m)}, NULL);
  tw_problem_minimize(p, NULL, tw_sum(loss, TW_ALL, false));

  tw_result result = {0};
  if (tw_solve_problem(p, NULL, &result, &error) != TW_OK) {
    fprintf(stderr, "custom_op: %s\n", error.message);
    return 1;
  }
  double balance = 0; /* the optimality condition: sum tanh(x_i - m) = 0 */
  for (int i = 0; i < 5; i++) balance += tanh(data[i] - result.x[0]);
  printf("%s: location %.10f, sum of tanh %.1e\n", tw_outcome_name(result.outcome), result.x[0], balance);
  int bad = result.outcome != TW_SOLVED || fabs(balance) > 1e-8;
  tw_result_free(&result);
  tw_problem_free(p);
  tw_graph_free(g);
  return bad;
}
