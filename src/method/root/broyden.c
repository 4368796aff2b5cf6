/* Broyden's good method for r(x) = 0 (Broyden 1965) in inverse form with limited memory:
 *
 *   H = H_0 + sum_i u_i v_i',   H+ = H + (s - H y) (s'H) / (s'H y)      (Sherman-Morrison)
 *
 * with d = -H r, s = x+ - x, y = r+ - r. H_0 is the inverse Jacobian at the last restart (offered, or by
 * differences), or sigma I with sigma = s'y / y'y for large n. When the memory is full, a dense H_0
 * (n <= 500) absorbs the pairs and nothing is lost; a large sigma I starts afresh. The derivative-free line
 * search accepts |r(x + t d)| <= (1 + eta_k - 1e-4 t^2) |r(x)| with sum eta_k < inf (Li & Fukushima 2000;
 * La Cruz, Martínez & Raydan 2006). */
#include <lapacke.h>

#include "method/root/root.h"

enum { DENSE_MAX = 500, DIFFERENCES_MAX = 50, MAX_TRIALS = 30 };
enum { START_AUTO, START_IDENTITY, START_JACOBIAN };
enum { PAIRS, SIGMA, POOR, FRESH, STATE };

static const tw_option options[] = {
    TW_OPTION_TOL(1e-12),
    TW_OPTION_MAX_ITER(1000),
    {"memory", TW_OPTION_INTEGER, 20, 1, 1000, NULL, "pairs kept between restarts"},
    {"start", TW_OPTION_CHOICE, START_AUTO, 0, 2, "auto|identity|jacobian",
     "initial inverse; auto: the Jacobian's for n <= 500, or n <= 50 when it takes differences"},
    TW_OPTION_END};

typedef struct broyden {
  tw_run *run;
  int64_t n, memory;
  bool dense, jacobian; /* H_0 as a matrix; from the Jacobian */
  double *r, *trial_x, *trial_r, *d, *s, *y, *u, *v, *inverse, *state;
} broyden;

static tw_status open(broyden *b, tw_run *run) {
  const int64_t n = run->n, memory = tw_run_integer(run, "memory");
  const int start = tw_run_choice(run, "start");
  const bool offered = (run->oracle->offers & (TW_RESIDUAL_JACOBIAN | TW_RESIDUAL_JVP)) != 0;
  *b = (broyden){.run = run, .n = n, .memory = memory};
  b->jacobian =
      start == START_JACOBIAN || (start == START_AUTO && n <= (offered ? DENSE_MAX : DIFFERENCES_MAX));
  b->dense = b->jacobian || n <= DENSE_MAX;
  const tw_slot slots[] = {{"broyden.r", n, &b->r},
                           {"broyden.trial_x", n, &b->trial_x},
                           {"broyden.trial_r", n, &b->trial_r},
                           {"broyden.d", n, &b->d},
                           {"broyden.s", n, &b->s},
                           {"broyden.y", n, &b->y},
                           {"broyden.u", n * memory, &b->u},
                           {"broyden.v", n * memory, &b->v},
                           {"broyden.inverse", b->dense ? n * n : 0, &b->inverse},
                           {"broyden.state", STATE, &b->state},
                           {NULL, 0, NULL}};
  return tw_fetch(run, slots);
}

/* out = H x, or H'x: H_0 first, then the pairs. */
static void apply(const broyden *b, bool transpose, const double *x, double *out) {
  const int64_t n = b->n;
  vec_zero(n, out);
  if (!b->dense) {
    vec_axpy(n, b->state[SIGMA], x, out);
  } else if (transpose) {
    for (int64_t i = 0; i < n; i++) vec_axpy(n, x[i], b->inverse + i * n, out);
  } else {
    for (int64_t i = 0; i < n; i++) out[i] = vec_dot(n, b->inverse + i * n, x);
  }
  for (int64_t p = 0; p < (int64_t)b->state[PAIRS]; p++) {
    const double *left = (transpose ? b->v : b->u) + p * n, *right = (transpose ? b->u : b->v) + p * n;
    vec_axpy(n, vec_dot(n, right, x), left, out);
  }
}

/* column = J e_j: a product, or a forward difference of residuals. */
static tw_status column_of(broyden *b, int64_t j, double *column) {
  tw_run *run = b->run;
  double *point = b->trial_x;
  if (run->oracle->offers & TW_RESIDUAL_JVP) {
    vec_zero(b->n, point);
    point[j] = 1;
    return tw_run_residual_jvp(run, run->x, point, column);
  }
  vec_copy(b->n, run->x, point);
  point[j] += sqrt(DBL_EPSILON) * fmax(1e-3, fabs(point[j]));
  const double h = point[j] - run->x[j];
  TW_TRY(tw_run_residual(run, point, column));
  for (int64_t i = 0; i < b->n; i++) column[i] = (column[i] - b->r[i]) / h;
  return TW_OK;
}

/* The Jacobian at run->x, row-major, into `inverse`. */
static tw_status jacobian(broyden *b) {
  const int64_t n = b->n;
  if (b->run->oracle->offers & TW_RESIDUAL_JACOBIAN)
    return tw_run_residual_jacobian(b->run, b->run->x, b->inverse);
  for (int64_t j = 0; j < n; j++) {
    TW_TRY(column_of(b, j, b->trial_r));
    for (int64_t i = 0; i < n; i++) b->inverse[i * n + j] = b->trial_r[i];
  }
  return TW_OK;
}

/* sigma from a short step along r: s'y / y'y. */
static tw_status scale(broyden *b) {
  const double h = 1e-6 * fmax(1, vec_norm(b->n, b->run->x)) / fmax(vec_norm(b->n, b->r), DBL_MIN);
  vec_add(b->n, b->run->x, h, b->r, b->trial_x);
  TW_TRY(tw_run_residual(b->run, b->trial_x, b->trial_r));
  vec_sub(b->n, b->trial_r, b->r, b->y);
  const double yy = vec_dot(b->n, b->y, b->y), sigma = h * vec_dot(b->n, b->r, b->y) / yy;
  b->state[SIGMA] = isfinite(sigma) && sigma != 0 ? sigma : 1;
  return TW_OK;
}

/* Inverts the Jacobian in place; not `usable` when it is singular. */
static tw_status invert(broyden *b, bool *usable) {
  const lapack_int n = (lapack_int)b->n;
  lapack_int *pivot = tw_alloc((size_t)n, sizeof *pivot);
  if (!pivot) return tw_fail(b->run->error, TW_ERR_MEMORY, "out of memory");
  lapack_int info = LAPACKE_dgetrf(LAPACK_ROW_MAJOR, n, n, b->inverse, n, pivot);
  if (info == 0) info = LAPACKE_dgetri(LAPACK_ROW_MAJOR, n, b->inverse, n, pivot);
  free(pivot);
  *usable = info == 0 && vec_find_nonfinite(b->n * b->n, b->inverse) < 0;
  return TW_OK;
}

/* A fresh H_0 at run->x: the inverse Jacobian, or sigma I where there is none. */
static tw_status restart(broyden *b) {
  bool usable = false;
  b->state[PAIRS] = b->state[POOR] = 0;
  b->state[FRESH] = 1;
  if (b->jacobian) {
    TW_TRY(jacobian(b));
    TW_TRY(invert(b, &usable));
  }
  if (usable) return TW_OK;
  TW_TRY(scale(b));
  if (!b->dense) return TW_OK;
  vec_zero(b->n * b->n, b->inverse);
  for (int64_t i = 0; i < b->n; i++) b->inverse[i * b->n + i] = b->state[SIGMA];
  return TW_OK;
}

static tw_status init(tw_run *run) {
  TW_TRY(tw_root_square(run));
  broyden b;
  TW_TRY(open(&b, run));
  TW_TRY(tw_run_residual(run, run->x, b.r));
  if (vec_find_nonfinite(b.n, b.r) >= 0) {
    return tw_fail(run->error, TW_ERR_NUMERIC, "broyden: the residual is not finite at the start (row %lld)",
                   (long long)vec_find_nonfinite(b.n, b.r));
  }
  tw_root_measure(run, b.r, true);
  return restart(&b);
}

static void store_pair(broyden *b, const double *u, const double *v) {
  const int64_t n = b->n;
  int64_t pairs = (int64_t)b->state[PAIRS];
  if (pairs == b->memory) {
    if (b->dense) {
      for (int64_t p = 0; p < pairs; p++)
        for (int64_t i = 0; i < n; i++) vec_axpy(n, b->u[p * n + i], b->v + p * n, b->inverse + i * n);
    }
    pairs = 0;
  }
  vec_copy(n, u, b->u + pairs * n);
  vec_copy(n, v, b->v + pairs * n);
  b->state[PAIRS] = (double)(pairs + 1);
}

/* H+ from s, y; d and trial_x are scratch. A full memory of sigma I starts afresh with the newest sigma. */
static void update(broyden *b) {
  const int64_t n = b->n;
  if (!b->dense && (int64_t)b->state[PAIRS] == b->memory) {
    const double sigma = vec_dot(n, b->s, b->y) / vec_dot(n, b->y, b->y);
    if (isfinite(sigma) && sigma != 0) b->state[SIGMA] = sigma;
    b->state[PAIRS] = 0;
  }
  double *hy = b->d, *v = b->trial_x;
  apply(b, false, b->y, hy);
  apply(b, true, b->s, v);
  const double denominator = vec_dot(n, b->s, hy);
  if (fabs(denominator) <= 1e-8 * vec_norm(n, b->s) * vec_norm(n, hy))
    return; /* H+ would be nearly singular */
  for (int64_t i = 0; i < n; i++) hy[i] = (b->s[i] - hy[i]) / denominator;
  store_pair(b, hy, v);
}

static tw_status search(broyden *b, double *t, bool *accepted) {
  tw_run *run = b->run;
  const double k = (double)(run->iteration + 1), slack = 1 / (k * k), norm = vec_norm(b->n, b->r);
  *t = 1;
  for (int tries = 0; tries < MAX_TRIALS; tries++) {
    vec_add(b->n, run->x, *t, b->d, b->trial_x);
    vec_clip(b->n, run->oracle->lower, run->oracle->upper, b->trial_x);
    TW_TRY(tw_run_residual(run, b->trial_x, b->trial_r));
    const double trial = vec_norm(b->n, b->trial_r);
    *accepted = trial <= (1 + slack - 1e-4 * *t * *t) * norm;
    if (*accepted) return TW_OK;
    *t *= isfinite(trial)
              ? fmax(0.1, fmin(0.5, *t * norm * norm / (trial * trial + (2 * *t - 1) * norm * norm)))
              : 0.1;
  }
  return TW_OK;
}

static tw_status step(tw_run *run) {
  broyden b;
  TW_TRY(open(&b, run));
  apply(&b, false, b.r, b.d);
  vec_scale(b.n, -1, b.d);
  double t;
  bool accepted;
  TW_TRY(search(&b, &t, &accepted));
  if (!accepted) {
    if (b.state[FRESH] == 1) {
      return tw_run_end(run, TW_FAILED, "no step along a fresh direction keeps |r| = %.3g from growing",
                        run->optimality.stationarity);
    }
    return restart(&b);
  }
  vec_sub(b.n, b.trial_x, run->x, b.s);
  vec_sub(b.n, b.trial_r, b.r, b.y);
  vec_copy(b.n, b.trial_x, run->x);
  vec_copy(b.n, b.trial_r, b.r);
  tw_root_measure(run, b.r, false);
  b.state[FRESH] = 0;
  if (vec_norm_inf(b.n, b.d) <= 50 * DBL_EPSILON * vec_norm_inf(b.n, run->x)) {
    return tw_run_end(run, TW_SOLVED, "the correction is below rounding; |r| = %.1e",
                      run->optimality.stationarity);
  }
  b.state[POOR] = t < 0.1 ? b.state[POOR] + 1 : 0;
  if (b.state[POOR] >= 2) return restart(&b);
  update(&b);
  return TW_OK;
}

const tw_method tw_method_broyden = {
    .name = "broyden",
    .summary = "Broyden's good method for roots, limited memory, derivative-free line search",
    .reference = "Broyden 1965; Li & Fukushima 2000",
    .goals = TW_FOR_ROOT | TW_FOR_FIXPOINT,
    .needs = TW_RESIDUAL,
    .handles = TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
};
