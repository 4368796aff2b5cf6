/* Gradient descent stopped early: its Jacobian by the optimality condition, and by differentiating the steps. */
#include "precision.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 10 };
static const int64_t steps[PRECISION_POINTS] = {4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 640};

static double distance(int64_t n, const double *a, const double *b) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sqrt(sum);
}

/* The largest eigenvalue of the symmetric positive semidefinite shift I + sign A, less the shift, by powers. */
static double eigenvalue(const double *a, double shift, double sign) {
  double v[N], u[N], value = 0;
  for (int i = 0; i < N; i++) v[i] = 1 + 0.1 * i;
  for (int k = 0; k < 5000; k++) {
    double length = 0;
    for (int i = 0; i < N; i++) {
      u[i] = shift * v[i];
      for (int j = 0; j < N; j++) u[i] += sign * a[i * N + j] * v[j];
      length += u[i] * u[i];
    }
    value = sqrt(length);
    for (int i = 0; i < N; i++) v[i] = u[i] / value;
  }
  return sign * (value - shift);
}

/* w after k steps from 0, w <- w - eta grad f, and its Jacobian in theta by differentiating them. */
static tw_status unroll(const study *s, int64_t k, double eta, double *w, double *jacobian, tw_error *error) {
  tw_graph *graph = tw_problem_graph(s->problem);
  const tw_expr x = tw_problem_variable_at(s->problem, 0)->expr, start = tw_fill(graph, TW_F64, TW_SHAPE(N), 0);
  const tw_expr next = tw_sub(x, tw_scale(tw_grad(tw_problem_objective(s->problem), x), eta));
  const tw_expr count = tw_input(graph, "step", TW_I64, TW_SCALAR);
  const int m = tw_problem_parameters(s->problem);
  tw_expr in[8], out[2] = {tw_scan(count, k, 1, &x, &start, &next, 0, NULL, NULL)};
  const void *value[8];
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  for (int i = 0; i < m && i < 8; i++) {
    const tw_parameter *p = tw_problem_parameter_at(s->problem, i);
    in[i] = p->expr;
    value[i] = p->value.data;
    if (strcmp(p->name, "theta") == 0) out[1] = tw_jacobian(out[0], p->expr);
  }
  tw_status status = tw_graph_check(graph, error);
  if (status == TW_OK) status = tw_fn_new(&fn, m, in, 2, out, NULL, error);
  if (status == TW_OK) status = tw_work_new(&work, fn, error);
  if (status == TW_OK) tw_work_exec(work, &(tw_exec){.threads = 1});
  if (status == TW_OK) status = tw_fn_call(fn, work, value, (void *[]){w, jacobian}, 0, error);
  tw_work_free(work);
  tw_fn_free(fn);
  return status;
}

/* The Jacobian by the optimality condition at w. */
static tw_status implicit_at(const study *s, double *w, double *jacobian, tw_error *error) {
  double df[N];
  tw_evidence evidence;
  tw_result at = s->solution.result;
  at.x = w;
  return tw_sensitivity(s->problem, &at, "theta", df, jacobian, &evidence, error);
}

static double log_slope(int n, const double *x, const double *y) {
  double mx = 0, my = 0, xx = 0, xy = 0;
  for (int i = 0; i < n; i++) mx += log(x[i]) / n, my += log(y[i]) / n;
  for (int i = 0; i < n; i++) xx += (log(x[i]) - mx) * (log(x[i]) - mx), xy += (log(x[i]) - mx) * (log(y[i]) - my);
  return xy / xx;
}

tw_status precision_run(precision *p, tw_error *error) {
  study s = {0};
  double h[N * N], w[N], jacobian[N * N], by_steps[N * N], largest = 0, least = 0;
  tw_status status = study_open(&s, &(study_options){.path = "recipes/hyperparameters/precision.tw"}, error);
  if (status == TW_OK) status = study_solve(&s, NULL, error);
  const double *best = s.solution.result.x;
  if (status == TW_OK) status = s.oracle.hessian(s.oracle.context, best, NULL, h, error);
  if (status == TW_OK) {
    largest = eigenvalue(h, 0, 1);
    least = eigenvalue(h, largest, -1);
  }
  for (int k = 0; k < PRECISION_POINTS && status == TW_OK; k++) {
    const double *exact = study_array(&s, "closed")->data;
    status = unroll(&s, steps[k], 1 / largest, w, by_steps, error);
    if (status == TW_OK) status = implicit_at(&s, w, jacobian, error);
    p->steps[k] = (double)steps[k];
    p->iterate[k] = distance(N, w, best);
    p->implicit[k] = distance(N * N, jacobian, exact);
    p->unrolled[k] = distance(N * N, by_steps, exact);
    p->bound[k] = p->iterate[k] / least;
  }
  p->slope = log_slope(PRECISION_POINTS, p->iterate, p->implicit);
  study_close(&s);
  return status;
}
