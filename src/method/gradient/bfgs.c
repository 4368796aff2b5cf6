/* BFGS (Broyden, Fletcher, Goldfarb, Shanno, 1970) with the dense inverse H: d = -H g, and with s = x+ - x, y
 * = g+ - g H+ = (I - rho s y') H (I - rho y s') + rho s s',  rho = 1 / s'y. The first update starts from (s'y
 * / y'y) I (Shanno & Phua, 1978). O(n^2) memory and work per iteration. */
#include "method/gradient/descent.h"

#include "method/vector.h"

#include <math.h>

enum { LARGEST_N = 20000, ROWS_PER_TILE = 32, PARALLEL_FROM_N = 500 };

typedef struct inverse {
  int64_t n;
  double *h;
  const double *s, *y, *g;
  double *out; /* -H g or H y */
  double a, b; /* H += a s s' - b (s out' + out s') */
  double sign;
} inverse;

static tw_status init(tw_run *run) {
  if (run->n > LARGEST_N)
    return tw_fail(run->error, TW_ERR_UNSUPPORTED,
                   "bfgs keeps an n x n matrix and takes n <= %d; here n = %lld: use lbfgs", LARGEST_N,
                   (long long)run->n);
  TW_TRY(tw_descent_init(run));
  double *h = tw_run_vector(run, "inverse", run->n * run->n);
  if (h == NULL || tw_run_vector(run, "updates", 1) == NULL) return TW_ERR_MEMORY;
  for (int64_t i = 0; i < run->n; i++) h[i * run->n + i] = 1;
  return TW_OK;
}

static void each_row_tile(tw_run *run, tw_task *task, inverse *k) {
  const int64_t tiles = (k->n + ROWS_PER_TILE - 1) / ROWS_PER_TILE;
  tw_parallel(k->n >= PARALLEL_FROM_N ? run->exec->threads : 1, tiles, task, k);
}

static void multiply_rows(void *context, int64_t tile, int worker) {
  (void)worker;
  const inverse *k = context;
  const int64_t end = (tile + 1) * ROWS_PER_TILE < k->n ? (tile + 1) * ROWS_PER_TILE : k->n;
  for (int64_t i = tile * ROWS_PER_TILE; i < end; i++)
    k->out[i] = k->sign * tw_vec_dot(k->h + i * k->n, k->g, (size_t)k->n);
}

static void update_rows(void *context, int64_t tile, int worker) {
  (void)worker;
  const inverse *k = context;
  const int64_t end = (tile + 1) * ROWS_PER_TILE < k->n ? (tile + 1) * ROWS_PER_TILE : k->n;
  for (int64_t i = tile * ROWS_PER_TILE; i < end; i++) {
    const double along_s = k->a * k->s[i] - k->b * k->out[i], along_out = -k->b * k->s[i];
    double *row = k->h + i * k->n;
    for (int64_t j = 0; j < k->n; j++) row[j] += along_s * k->s[j] + along_out * k->out[j];
  }
}

static void update(tw_run *run, inverse *k, double *updates) {
  const size_t n = (size_t)k->n;
  const double sy = tw_vec_dot(k->s, k->y, n), yy = tw_vec_dot(k->y, k->y, n);
  if (!(sy > 1e-14 * sqrt(yy) * tw_vec_norm2(k->s, n))) return; /* no positive curvature: H stays */
  if (*updates == 0)
    for (int64_t i = 0; i < k->n; i++) k->h[i * k->n + i] = sy / yy;
  k->g = k->y;
  k->sign = 1;
  each_row_tile(run, multiply_rows, k);
  k->a = (1 + tw_vec_dot(k->y, k->out, n) / sy) / sy;
  k->b = 1 / sy;
  each_row_tile(run, update_rows, k);
  *updates += 1;
}

static void reset(inverse *k, double *updates) {
  for (int64_t i = 0; i < k->n * k->n; i++) k->h[i] = 0;
  for (int64_t i = 0; i < k->n; i++) k->h[i * k->n + i] = 1;
  *updates = 0;
}

static tw_status step(tw_run *run) {
  tw_descent s;
  TW_TRY(tw_descent_get(run, TW_DESCENT_SLOTS, &s));
  const int64_t n = run->n;
  double *updates = tw_run_vector(run, "updates", 1), *y = tw_run_vector(run, "y", n),
         *hy = tw_run_vector(run, "hy", n);
  inverse k = {.n = n, .h = tw_run_vector(run, "inverse", n * n), .y = y, .g = s.g, .out = s.d, .sign = -1};
  if (updates == NULL || y == NULL || hy == NULL || k.h == NULL) return TW_ERR_MEMORY;
  each_row_tile(run, multiply_rows, &k);
  double slope = tw_vec_dot(s.g, s.d, (size_t)n);
  TW_TRY(tw_descent_search(&s, slope, *updates > 0 ? 1 : tw_descent_first_trial(&s)));
  if (s.end == TW_LINE_STUCK) {
    TW_TRY(tw_descent_steepest(&s, &slope));
    reset(&k, updates);
  }
  tw_combine(run->exec->threads, n, 1, s.x_trial, -1, run->x, s.d);
  tw_combine(run->exec->threads, n, 1, s.g_trial, -1, s.g, y);
  k.s = s.d;
  k.out = hy;
  update(run, &k, updates);
  tw_descent_accept(&s);
  return TW_OK;
}

static const tw_option options[] = {TW_DESCENT_OPTIONS(1e-9, 10000, TW_LINE_WOLFE, 1e-4, 0.9), TW_OPTION_END};

const tw_method tw_method_bfgs = {.name = "bfgs",
                                  .summary = "quasi-Newton with a dense inverse Hessian",
                                  .reference = "Broyden; Fletcher; Goldfarb; Shanno, 1970",
                                  .goals = TW_FOR_MINIMIZE,
                                  .needs = TW_VALUE | TW_GRADIENT,
                                  .options = options,
                                  .init = init,
                                  .step = step,
                                  .traits = TW_MONOTONE | TW_ATOMIC};
