#include "sampled.h"

#include <talweg/method.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows first .. first+m-1 of the sequence of draws on the sphere of R^d. */
static void draw_neurons(uint64_t seed, int64_t first, int64_t m, int64_t d, double *u) {
  for (int64_t i = 0; i < m; i++) {
    tw_random_normal_fill(tw_key_split(seed, (uint64_t)(first + i)), 0, (size_t)d, u + i * d);
    const double norm = tw_vec_norm2(u + i * d, (size_t)d);
    for (int64_t j = 0; j < d; j++) u[i * d + j] /= norm;
  }
}

/* H (n x m) = (X U')_+ */
static void activate(const design *data, int64_t m, const double *u, double *h) {
  product(false, true, data->n, m, data->d, data->x, u, h);
  for (int64_t i = 0; i < data->n * m; i++) h[i] = fmax(h[i], 0);
}

/* L(H w, y) + b |w|_1 with the parameter b. */
static tw_expr state_lasso(tw_problem *p, tw_graph *graph, const design *data, loss_kind loss, int64_t m, const double *h, double first) {
  const tw_array start = tw_array_f64(&first, TW_SCALAR);
  const tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(m)), b = tw_problem_parameter(p, "b", &start),
                y = constant_of(graph, data->y, TW_SHAPE(data->n));
  const tw_expr z = tw_matmul(constant_of(graph, h, TW_SHAPE(data->n, m)), w);
  const tw_expr squares = tw_scale(tw_sum(tw_square(tw_sub(z, y)), TW_ALL, false), 0.5),
                logistic = tw_mean(tw_softplus(tw_neg(tw_mul(y, z))), TW_ALL, false);
  return tw_add(loss == LOSS_SQUARED ? squares : logistic, tw_mul(b, tw_regularizer(graph, tw_regularizer_find("l1"), w, 0, NULL)));
}

/* |H'grad L(0)|_inf: above it w = 0. */
static double largest_beta(const design *data, loss_kind loss, int64_t m, const double *h, double *g) {
  double largest = 0;
  memset(g + data->n, 0, (size_t)data->n * sizeof *g);
  loss_gradient(loss, data->n, data->y, g + data->n, g);
  for (int64_t i = 0; i < m; i++) {
    double sum = 0;
    for (int64_t k = 0; k < data->n; k++) sum += h[k * m + i] * g[k];
    largest = fmax(largest, fabs(sum));
  }
  return largest;
}

/* A path of falling b, each from the solution before (Hale, Yin & Zhang, 2008): supports are found while they are small. */
static tw_status follow_path(tw_oracle *oracle, double first, double beta, const sampled_options *o, tw_result *result, int64_t *iterations,
                             tw_error *error) {
  const tw_solve_options options = {.method = "proximal_gradient",
                                    .max_iter = o->max_iter,
                                    .tolerance = o->tol,
                                    .seed = o->seed,
                                    .exec = {.threads = 1, .jit = TW_JIT_OFF}};
  tw_status status = TW_OK;
  for (double b = fmax(0.5 * first, beta); status == TW_OK; b = fmax(0.5 * b, beta)) {
    tw_result next = {0};
    status = tw_oracle_parameters(oracle, (const void *[]){&b}, error);
    if (status == TW_OK) status = tw_minimize(oracle, result->x, &options, &next, error);
    tw_result_free(result);
    *result = next;
    *iterations += next.iterations;
    if (b == beta) break;
  }
  return status;
}

static tw_status lasso(const design *data, loss_kind loss, double beta, const sampled_options *o, const double *h, double *room,
                       tw_result *result, int64_t *iterations, tw_error *error) {
  tw_graph *graph = tw_graph_new();
  tw_problem *p = graph ? tw_problem_new(graph) : NULL;
  tw_oracle oracle = {0};
  tw_class class;
  tw_status status = p ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for a problem");
  if (status == TW_OK) {
    const double first = largest_beta(data, loss, o->neurons, h, room);
    tw_problem_minimize(p, "objective", state_lasso(p, graph, data, loss, o->neurons, h, first));
    status = tw_classify(p, &class, error);
    if (status == TW_OK) status = tw_oracle_from_problem(&oracle, p, &class, error);
    if (status == TW_OK) status = follow_path(&oracle, first, beta, o, result, iterations, error);
    tw_oracle_release(&oracle);
  }
  tw_problem_free(p);
  tw_graph_free(graph);
  return status;
}

/* theta = -grad L at H w; the dual value of theta shrunk until |H'theta|_inf <= beta. */
static void dual(const design *data, loss_kind loss, double beta, int64_t m, const double *h, const double *w, double *theta,
                 double *bound) {
  const int64_t n = data->n;
  double largest = 0, *shrunk = theta + n;
  product(false, false, n, 1, m, h, w, shrunk);
  loss_gradient(loss, n, data->y, shrunk, theta);
  for (int64_t k = 0; k < n; k++) theta[k] = -theta[k];
  for (int64_t i = 0; i < m; i++) {
    double sum = 0;
    for (int64_t k = 0; k < n; k++) sum += theta[k] * h[k * m + i];
    largest = fmax(largest, fabs(sum));
  }
  for (int64_t k = 0; k < n; k++) shrunk[k] = theta[k] * (largest > beta ? beta / largest : 1);
  *bound = loss_dual(loss, n, data->y, shrunk);
}

static void look_at_fresh(const design *data, double beta, const sampled_options *o, const double *theta, double *u,
                          sampled_result *result) {
  int64_t violated = 0;
  for (int64_t i = 0; i < o->fresh; i++) {
    double sum = 0;
    draw_neurons(tw_key_split(o->seed, 99), i, 1, data->d, u);
    for (int64_t k = 0; k < data->n; k++) sum += theta[k] * fmax(dot(data->d, data->x + k * data->d, u), 0);
    violated += fabs(sum) > beta * (1 + 1e-9);
    result->worst = fmax(result->worst, fabs(sum) / beta);
  }
  result->violated = o->fresh ? (double)violated / (double)o->fresh : NAN;
}

tw_status sampled_solve(const design *data, loss_kind loss, double beta, const sampled_options *o, sampled_result *result, net *f,
                        tw_error *error) {
  const int64_t n = data->n, m = o->neurons, d = data->d;
  *result = (sampled_result){0};
  if (loss == LOSS_HINGE)
    return tw_fail(error, TW_ERR_ARGUMENT, "a sampled program by proximal gradient needs a smooth loss: expected squared or logistic");
  if (m > (1 << 27) / (n + d))
    return tw_fail(error, TW_ERR_UNSUPPORTED, "%lld neurons for %lld rows: more than %d entries", (long long)m, (long long)n, 1 << 27);
  double *u = tw_alloc((size_t)((m + 1) * d), sizeof *u), *h = tw_alloc((size_t)(n * m), sizeof *h),
         *theta = tw_alloc((size_t)(2 * n), sizeof *theta);
  tw_result lasso_result = {0};
  tw_status status = u && h && theta ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld neurons", (long long)m);
  if (status == TW_OK) {
    draw_neurons(o->seed, 0, m, d, u);
    activate(data, m, u, h);
    status = lasso(data, loss, beta, o, h, theta, &lasso_result, &result->iterations, error);
  }
  if (status == TW_OK && lasso_result.outcome == TW_FAILED)
    status = tw_fail(error, TW_ERR_NUMERIC, "sampled program: %s", lasso_result.message);
  if (status == TW_OK) {
    result->objective = lasso_result.f;
    result->outcome = tw_outcome_name(lasso_result.outcome);
    for (int64_t i = 0; i < m; i++) result->active += lasso_result.x[i] != 0;
    dual(data, loss, beta, m, h, lasso_result.x, theta, &result->bound);
    look_at_fresh(data, beta, o, theta, u + m * d, result);
    status = net_from_weights(f, m, d, u, lasso_result.x, error);
  }
  tw_result_free(&lasso_result);
  free(u);
  free(h);
  free(theta);
  return status;
}
