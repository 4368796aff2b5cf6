/* Sensitivities of random problems at kinks and on sets that are not convex: the derivatives of re-solved optima, or not reliable. */
#include "test.h"

#include <talweg/implicit.h>
#include <talweg/model.h>

static tw_error error;

/* A model in t with data by a seed, which stands where # does. */
typedef struct family {
  const char *name, *text;
  double t;
  int agree; /* of DRAWS, at least */
} family;

enum { DRAWS = 6, MOST = 64 };

static tw_model *state_model(const char *text, uint64_t seed) {
  char full[2048];
  size_t n = 0;
  for (const char *c = text; *c && n + 32 < sizeof full; c++)
    if (*c == '#') n += (size_t)snprintf(full + n, sizeof full - n, "%d", (int)seed);
    else full[n++] = *c;
  tw_model *model;
  assert_ok(tw_model_parse(&model, full, n, "kinks", NULL, &error));
  return model;
}

static tw_problem *at(tw_model *model, double t) {
  tw_problem *p = tw_model_problem(model);
  const tw_array value = tw_array_view(&t, TW_F64, TW_SCALAR);
  assert_ok(tw_problem_set_parameter(p, "t", &value, &error));
  return p;
}

static bool solve(tw_model *model, double t, tw_result *result) {
  const tw_solve_options options = {.tolerance = 1e-11};
  assert_ok(tw_solve_problem(at(model, t), &options, result, &error));
  return result->outcome == TW_SOLVED || result->outcome == TW_FAILED;
}

/* Central differences with two steps, which agree where the optimum is smooth and both sides have the same of several minima. */
static bool differences(tw_model *model, double t, int64_t n, double *df, double *dx) {
  const double h[2] = {1e-5, 3e-5};
  double f[2], x[2][MOST], d[2][MOST + 1], apart = 0;
  for (int k = 0; k < 2; k++) {
    for (int side = 0; side < 2; side++) {
      tw_result r;
      if (!solve(model, t + (side ? h[k] : -h[k]), &r)) fail_msg("not solved: %s", r.message);
      f[side] = r.f;
      memcpy(x[side], r.x, (size_t)n * sizeof(double));
      tw_result_free(&r);
    }
    for (int64_t i = 0; i < n; i++) d[k][i] = (x[1][i] - x[0][i]) / (2 * h[k]);
    d[k][n] = (f[1] - f[0]) / (2 * h[k]);
  }
  for (int64_t i = 0; i <= n; i++) apart = fmax(apart, fabs(d[1][i] - d[0][i]) / fmax(1, fabs(d[0][i])));
  memcpy(dx, d[0], (size_t)n * sizeof(double));
  *df = d[0][n];
  return apart < 1e-5;
}

/* Whether the sensitivity is claimed reliable and has differences to be compared with, which it agrees with. */
static bool agrees(const family *which, uint64_t seed) {
  tw_model *model = state_model(which->text, seed);
  tw_result result;
  tw_evidence evidence;
  double df, dx[MOST], own_df, own_dx[MOST];
  if (!solve(model, which->t, &result)) fail_msg("%s %d: %s", which->name, (int)seed, result.message);
  const int64_t n = result.n;
  assert_true(n <= MOST);
  const tw_status status = tw_sensitivity(tw_model_problem(model), &result, "t", &own_df, own_dx, &evidence, &error);
  if (status != TW_OK) assert_true(status == TW_ERR_NUMERIC || status == TW_ERR_SINGULAR); /* it says that there is none */
  const bool compared = status == TW_OK && evidence.reliable && differences(model, which->t, n, &df, dx);
  if (compared) {
    if (!(fabs(own_df - df) <= 1e-5 * fmax(1, fabs(df)))) fail_msg("%s %d: df = %g, not %g", which->name, (int)seed, own_df, df);
    for (int64_t i = 0; i < n; i++)
      if (!(fabs(own_dx[i] - dx[i]) <= 1e-5 * fmax(1, fabs(dx[i]))))
        fail_msg("%s %d: dx[%d] = %g, not %g (%s)", which->name, (int)seed, (int)i, own_dx[i], dx[i], result.method);
  }
  tw_result_free(&result);
  tw_model_free(model);
  return compared;
}

static void check(const family *which) {
  int agree = 0;
  for (uint64_t k = 0; k < DRAWS; k++) agree += agrees(which, 10 * k + 3);
  if (agree < which->agree) fail_msg("%s: %d of %d are reliable and agree", which->name, agree, DRAWS);
}

/* ------------------------------------------------------------------ kinks */

static void kinks(void **state) {
  (void)state;
  static const family families[] = {
      {"lasso", "param t = 0.7\nparam A = normal(#,8,4)\nparam b = normal(#1,8)\nvar w[4]\n"
                "minimize 0.5*sum((A@w-b)^2) + t*sum(abs(w))\n", 0.7, 5},
      {"lasso by l1", "param t = 0.7\nparam A = normal(#,8,4)\nparam b = normal(#1,8)\nvar w[4]\n"
                      "minimize 0.5*sum((A@w-t*b)^2) + l1(w)\n", 0.7, 5},
      {"LAD with a ridge", "param t = 0.3\nparam A = normal(#,8,4)\nparam b = normal(#1,8)\nvar w[4]\n"
                           "minimize sum(abs(A@w-b)) + t*sum(w^2)\n", 0.3, 5},
      {"LAD", "param t = 0.3\nparam A = normal(#,8,3)\nparam b = normal(#1,8)\nvar w[3]\n"
              "minimize sum(abs(A@w-b-t*A[:,0]^2))\n", 0.3, 4},
      {"ReLU", "param t = 0.3\nparam F = normal(#,8,4)\nparam b = normal(#1,8)\nvar x[4]\n"
               "minimize sum(max(F@x-t*b,0)) + 0.1*sum(x^2)\n", 0.3, 4},
      {"hinge", "param t = 0.3\nparam X = normal(#,12,3)\nparam y = [1,1,-1,-1,1,-1,1,1,-1,1,-1,-1]\nvar w[3]\nvar c\n"
                "minimize 0.5*sum(w^2) + t*sum(max(1-y*(X@w+c),0))\n", 0.3, 4},
      {"norm", "param t = 2\nparam A = normal(#,8,4)\nparam b = normal(#1,8)\nvar w[4]\n"
               "minimize norm(A@w-t*b) + 0.8*sum(abs(w)) + 0.1*sum(w^2)\n", 2, 5}};
  for (size_t k = 0; k < sizeof families / sizeof *families; k++) check(&families[k]);
}

/* ------------------------------------------------------------------ sets that are not convex */

static void curved_sets(void **state) {
  (void)state;
  static const family families[] = {
      {"sphere", "param t = 1\nparam c = normal(#,3)\nvar x[3] in sphere\nminimize 5*sum(x*x) + sum(c*x) + t*x[0]\n", 1, 5},
      {"sphere of radius t", "param t = 1.3\nparam c = normal(#,3)\nvar x[3] in sphere(t)\nminimize 7*sum(x*x) + sum(c*x) + x[0]*x[1]\n",
       1.3, 5},
      {"quadratic on a sphere", "param t = 1\nparam C = normal(#,4,4)\nparam c = normal(#1,4)\nvar x[4] in sphere\n"
                                "minimize x@C@x - 20*sum(x^2) + t*sum(c*x)\n", 1, 5},
      {"stiefel", "param t = 1\nparam C = normal(#,3,2)\nvar x[3,2] in stiefel\n"
                  "minimize 5*sum(x*x) + sum(x*C) + t*x[1,0] + 0.3*x[2,1]^2\n", 1, 5},
      {"stiefel far away", "param t = 1\nparam C = normal(#,4,2)\nvar x[4,2] in stiefel\nminimize 30*sum((x-C)^2) + t*x[0,0]*x[1,1]\n",
       1, 5}};
  for (size_t k = 0; k < sizeof families / sizeof *families; k++) check(&families[k]);
}

/* ------------------------------------------------------------------ nested */

/* Outer minima through nested solutions: the sensitivity of what the outer minimum is. */
static void nested(void **state) {
  (void)state;
  static const family families[] = {
      {"nested sphere", "param t = 1\nparam c = normal(#,2)\nvar z\nlet w = argmin {\n var x[2] in sphere\n"
                        " minimize 5*sum(x*x) + t*x[0] + z*x[1] + sum(c*x)\n}\nminimize (w[0] + 0.5*z)^2 + 0.1*z^2 + 0.2*t*z\n", 1, 5},
      {"nested lasso", "param t = 0.6\nparam A = normal(#,8,4)\nparam b = normal(#1,8)\nvar z\nlet w = argmin {\n var w[4]\n"
                       " minimize 0.5*sum((A@w-b)^2) + exp(z)*sum(abs(w)) + z*w[0]\n}\nminimize sum((w-t)^2) + 0.5*(z-t)^2\n", 0.6, 4},
      {"nested lasso, its weight from outside", "param t = 0.6\nparam A = normal(#,8,4)\nparam b = normal(#1,8)\nvar z\n"
                       "let w = argmin {\n var w[4]\n minimize 0.5*sum((A@w-z*b)^2) + t*sum(abs(w))\n}\n"
                       "minimize sum((w-0.3)^2) + 0.5*(z-1)^2\n", 0.6, 4},
      {"nested LAD", "param t = 0.6\nparam A = normal(#,8,4)\nparam b = normal(#1,8)\nvar z init 1\nlet w = argmin {\n var w[4]\n"
                     " minimize exp(z)*sum(abs(A@w-b)) + sum((w-z)^2)\n}\nminimize sum((w-t)^2) + 20*(z-t)^2\n", 0.6, 5},
      {"nested LAD, its ridge from outside", "param t = 0.6\nparam A = normal(#,8,4)\nparam b = normal(#1,8)\nvar z init 1\n"
                                             "let w = argmin {\n var w[4]\n minimize sum(abs(A@w-z*b)) + t*sum(w^2)\n}\n"
                                             "minimize sum((w-t)^2) + 20*(z-t)^2\n", 0.6, 5},
      {"nested norms", "param t = 0.6\nparam c = normal(#,4)\nvar z init 1\nlet w = argmin {\n var w[4]\n"
                       " minimize 0.5*sum((w-z*c)^2) + norm(w[0:2]) + exp(z)*norm(w[2:4])\n}\nminimize sum((w-t)^2) + 20*(z-t)^2\n",
       0.6, 0},
      {"nested hinge", "param t = 0.6\nparam A = normal(#,12,3)\nparam y = [1,1,-1,-1,1,-1,1,1,-1,1,-1,-1]\nvar z\nlet w = argmin {\n"
                       " var w[3]\n var c\n minimize exp(z)*sum(max(1-y*(A@w+c),0)) + 0.5*sum(w^2)\n}\n"
                       "minimize sum((w.w-t)^2) + 20*(z-t)^2\n", 0.6, 5},
      {"nested distances", "param t = 0.6\nparam A = normal(#,8,3)\nparam b = normal(#1,8)\nvar z init 1\nlet w = argmin {\n var w[3]\n"
                           " maximize -sum(max(abs(A@w-b)-0.3,0.1*A@w-z)) - sum((w-z)^2)\n}\n"
                           "minimize sum((w-t)^2) + 20*(z-t)^2\n", 0.6, 5}};
  for (size_t k = 0; k < sizeof families / sizeof *families; k++) check(&families[k]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(kinks), cmocka_unit_test(curved_sets), cmocka_unit_test(nested)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
