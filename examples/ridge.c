/* Choosing a ridge penalty on held-out rows, by differentiating through argmin.
 *
 *   w(l)  = argmin_w |A w - a|^2 + exp(l) |w|^2          on the first 300 rows
 *   v(l)  = mean (B w(l) - b)^2                           on the rest
 *   minimise v over l
 *
 * The data, the nested problem and its derivative are expressions; the outer solver sees a smooth function of l.
 * Usage: ridge diabetes.csv */
#include <talweg/talweg.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRAIN = 300 };

static int fail(const char *what, const tw_error *error) {
  fprintf(stderr, "ridge: %s: %s\n", what, error->message);
  return 1;
}

/* Columns centred and scaled to norm one. */
static tw_expr standardise(tw_expr x) {
  tw_expr centred = tw_sub(x, tw_mean(x, 1u << 0, true));
  return tw_div(centred, tw_norm(centred, 1u << 0, true));
}

static tw_expr rows(tw_expr x, int64_t first, int64_t count) { return tw_slice(x, 0, first, count, 1); }

/* v(l) as stated above. */
static tw_expr validation(tw_graph *g, const tw_array *x, const tw_array *y, tw_expr l, tw_error *error) {
  int64_t n = x->shape.dim[0], d = x->shape.dim[1];
  tw_expr xs = standardise(tw_constant(g, x)), target = tw_constant(g, y);
  tw_expr ys = tw_sub(target, tw_mean(target, TW_ALL, false));

  tw_problem *inner = tw_problem_new(g);
  if (!inner) return TW_NONE;
  tw_expr w = tw_problem_variable(inner, "w", TW_SHAPE(d));
  tw_expr r = tw_sub(tw_matmul(rows(xs, 0, TRAIN), w), rows(ys, 0, TRAIN));
  tw_problem_minimize(inner, NULL, tw_add(tw_sum(tw_square(r), TW_ALL, false),
                                          tw_mul(tw_exp(l), tw_sum(tw_square(w), TW_ALL, false))));
  const tw_nested *nested = tw_nested_close(inner, NULL, error);
  tw_problem_free(inner);
  if (!nested) return TW_NONE;

  tw_expr best = tw_nested_variable(tw_argmin(nested), nested, 0);
  tw_expr held = tw_sub(tw_matmul(rows(xs, TRAIN, n - TRAIN), best), rows(ys, TRAIN, n - TRAIN));
  return tw_mean(tw_square(held), TW_ALL, false);
}

/* The implicit gradient at l against a central difference of the whole inner solve. */
static int compare_gradients(const tw_oracle *oracle, double l, tw_error *error) {
  double f, g, up, down, h = 1e-4;
  if (oracle->gradient(oracle->context, &l, &f, &g, error) != TW_OK) return fail("gradient", error);
  if (oracle->value(oracle->context, &(double){l + h}, &up, error) != TW_OK) return fail("value", error);
  if (oracle->value(oracle->context, &(double){l - h}, &down, error) != TW_OK) return fail("value", error);
  double difference = (up - down) / (2 * h), relative = fabs(g - difference) / fabs(g);
  printf("implicit gradient at l = %g: %.10g, central difference %.10g, relative difference %.1e\n", l, g, difference, relative);
  return relative <= 1e-6 ? 0 : 1;
}

static int run(tw_graph *g, const tw_array *x, const tw_array *y, tw_error *error) {
  tw_problem *p = tw_problem_new(g);
  tw_expr l = tw_problem_variable(p, "l", TW_SCALAR);
  tw_problem_minimize(p, "validation", validation(g, x, y, l, error));
  if (tw_graph_check(g, error) != TW_OK) return fail("model", error);

  tw_class cls;
  tw_oracle oracle;
  tw_result result = {0};
  double before, start = 0;
  if (tw_classify(p, &cls, error) != TW_OK || tw_oracle_from_problem(&oracle, p, &cls, error) != TW_OK)
    return fail("problem", error);
  int bad = compare_gradients(&oracle, start, error);
  if (oracle.value(oracle.context, &start, &before, error) != TW_OK) return fail("value", error);
  if (tw_minimize(&oracle, &start, &(tw_solve_options){.method = tw_method_choose(p, &cls, NULL, 0)}, &result, error) != TW_OK)
    return fail("solve", error);

  tw_evidence evidence;
  tw_oracle_evidence(&oracle, &evidence);
  printf("%s by %s in %lld iterations\n", tw_outcome_name(result.outcome), result.method, (long long)result.iterations);
  printf("penalty exp(l) = %.6g; validation error %.6g before (exp(0)), %.6g after\n", exp(result.x[0]), before, result.f);
  printf("evidence: inner residual %.1e, linear residual %.1e, condition %.1e: %s\n", evidence.inner_residual,
         evidence.linear_residual, evidence.condition, evidence.reliable ? "reliable" : evidence.message);
  bad |= result.outcome != TW_SOLVED || !evidence.reliable || !(result.f < before);
  tw_result_free(&result);
  tw_oracle_release(&oracle);
  tw_problem_free(p);
  return bad;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "examples/data/diabetes.csv";
  tw_error error = {0};
  tw_array x = {0}, y = {0};
  if (tw_csv_read(path, "age..s6", &x, &error) != TW_OK || tw_csv_read(path, "target", &y, &error) != TW_OK)
    return fail("data", &error);
  tw_graph *g = tw_graph_new();
  int bad = g ? run(g, &x, &y, &error) : 1;
  tw_graph_free(g);
  tw_array_free(&x);
  tw_array_free(&y);
  return bad;
}
