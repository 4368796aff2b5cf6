/* Anderson acceleration, type II (Anderson 1965; Walker & Ni 2011), for x = T(x), r_k = T(x_k) - x_k:
 *
 *   x_{k+1} = x_k + beta r_k - (dX + beta dR) gamma,   gamma = argmin |r_k - dR gamma|^2 + ridge |dR|_F^2
 * |gamma|^2
 *
 * with the last m differences dX, dR as columns. The least-squares problem is solved by a thin QR, newest
 * column first; a column that depends on newer ones is left out (filtering: Pollock & Rebholz 2023), so old
 * information goes before it spoils the conditioning. Safeguard: when |r| grows tenfold above the best, or
 * has not improved for a while, the history is dropped, x goes back to the best point and beta is halved; it
 * recovers as steps succeed. */
#include "method/fixpoint/fixpoint.h"
#include "method/leastsq/damped.h"

enum { COUNT, NEWEST, BETA, BEST, STALE, STATE };

static const double DEPENDENT = 1e-12; /* |part of a column orthogonal to newer ones| / |column| */
static const double GROWTH = 10;

static const tw_option options[] = {
    TW_OPTION_TOL(1e-12),
    TW_OPTION_MAX_ITER(10000),
    {"history", TW_OPTION_INTEGER, 5, 0, 200, NULL, "m: differences kept"},
    {"ridge", TW_OPTION_REAL, 0, 0, 1, NULL,
     "Tikhonov term of the least-squares problem, relative to |dR|_F^2"},
    {"mixing", TW_OPTION_REAL, 1, 1e-6, 1, NULL, "beta: how far to go along the combined residual"},
    TW_OPTION_END};

typedef struct anderson {
  tw_run *run;
  int64_t n, m;
  double *r, *last_x, *last_r, *best_x, *best_r, *dx, *dr, *q, *state;
} anderson;

static tw_status open(anderson *a, tw_run *run) {
  const int64_t n = run->n, m = tw_run_integer(run, "history") < n ? tw_run_integer(run, "history") : n;
  *a = (anderson){.run = run, .n = n, .m = m};
  const tw_slot slots[] = {{"anderson.r", n, &a->r},
                           {"anderson.last_x", n, &a->last_x},
                           {"anderson.last_r", n, &a->last_r},
                           {"anderson.best_x", n, &a->best_x},
                           {"anderson.best_r", n, &a->best_r},
                           {"anderson.dx", n * m, &a->dx},
                           {"anderson.dr", n * m, &a->dr},
                           {"anderson.q", n * m, &a->q},
                           {"anderson.state", STATE, &a->state},
                           {NULL, 0, NULL}};
  return tw_fetch(run, slots);
}

static void remember_best(anderson *a) {
  vec_copy(a->n, a->run->x, a->best_x);
  vec_copy(a->n, a->r, a->best_r);
  a->state[BEST] = vec_norm(a->n, a->r);
  a->state[STALE] = 0;
}

static tw_status init(tw_run *run) {
  anderson a;
  TW_TRY(open(&a, run));
  TW_TRY(tw_fixpoint_start(run, a.r));
  a.state[BETA] = tw_run_real(run, "mixing");
  remember_best(&a);
  return TW_OK;
}

/* Thin QR of dR, newest first, by modified Gram-Schmidt done twice: q holds the orthonormal columns, triangle
 * (column-major, leading dimension m) R, chosen[j] the slot of column j. Returns the number of columns kept;
 * O(n m^2). */
static int64_t factor(const anderson *a, double *triangle, int64_t *chosen) {
  const int64_t n = a->n, m = a->m, count = (int64_t)a->state[COUNT];
  int64_t kept = 0;
  for (int64_t age = 0; age < count; age++) {
    const int64_t slot = ((int64_t)a->state[NEWEST] - age + m) % m;
    double *column = a->q + kept * n, *coefficients = triangle + kept * m;
    vec_copy(n, a->dr + slot * n, column);
    vec_zero(m, coefficients);
    const double size = vec_norm(n, column);
    for (int pass = 0; pass < 2; pass++) {
      for (int64_t j = 0; j < kept; j++) {
        const double h = vec_dot(n, a->q + j * n, column);
        coefficients[j] += h;
        vec_axpy(n, -h, a->q + j * n, column);
      }
    }
    const double rest = vec_norm(n, column);
    if (!(rest > DEPENDENT * size)) continue;
    coefficients[kept] = rest;
    vec_scale(n, 1 / rest, column);
    chosen[kept++] = slot;
  }
  return kept;
}

/* x = x_k + beta r_k - (dX + beta dR) gamma */
static tw_status extrapolate(const anderson *a, double *x) {
  const int64_t m = a->m;
  const double beta = a->state[BETA], ridge = tw_run_real(a->run, "ridge");
  vec_add(a->n, a->run->x, beta, a->r, x);
  if (a->state[COUNT] == 0) return TW_OK;
  const size_t size = (size_t)(m * m + 2 * m + 2 * m * (m + 1));
  double *triangle = tw_alloc(size, sizeof *triangle);
  int64_t *chosen = tw_alloc((size_t)m, sizeof *chosen);
  tw_status status = TW_ERR_MEMORY;
  if (triangle && chosen) {
    double *c = triangle + m * m, *gamma = c + m, *work = gamma + m;
    const int64_t kept = factor(a, triangle, chosen);
    double frobenius = 0;
    for (int64_t j = 0; j < kept; j++) {
      c[j] = -vec_dot(a->n, a->q + j * a->n, a->r);
      frobenius += vec_dot(j + 1, triangle + j * m, triangle + j * m);
    }
    status = kept == 0 ? TW_OK
                       : tw_damped_triangle(kept, kept, triangle, m, c, ridge * frobenius, gamma, work,
                                            a->run->error);
    for (int64_t j = 0; j < kept && status == TW_OK; j++) {
      vec_axpy(a->n, -gamma[j], a->dx + chosen[j] * a->n, x);
      vec_axpy(a->n, -beta * gamma[j], a->dr + chosen[j] * a->n, x);
    }
  } else {
    tw_fail(a->run->error, TW_ERR_MEMORY, "out of memory");
  }
  free(triangle);
  free(chosen);
  return status;
}

/* Back to the best point with an empty history and half the mixing. */
static tw_status restart(anderson *a) {
  double *s = a->state;
  const double residual = vec_norm_inf(a->n, a->best_r), size = vec_norm_inf(a->n, a->best_x);
  const bool hopeless = s[BETA] <= 1e-5 * tw_run_real(a->run, "mixing");
  if (hopeless) {
    return tw_run_end(a->run, TW_FAILED, "no mixing, however small, brings |T(x) - x| below %.3g", s[BEST]);
  }
  vec_copy(a->n, a->best_x, a->run->x);
  vec_copy(a->n, a->best_r, a->r);
  if (residual <= 1e3 * DBL_EPSILON * size) {
    TW_TRY(tw_fixpoint_measure(a->run, a->r));
    return tw_run_end(a->run, TW_SOLVED, "T(x) - x stays at %.1e, the rounding of T", residual);
  }
  s[BETA] *= 0.5;
  s[COUNT] = s[STALE] = 0;
  return tw_fixpoint_measure(a->run, a->r);
}

/* The newest difference, with what is now the last iterate. */
static void record(anderson *a) {
  if (a->m == 0) return;
  double *s = a->state;
  s[NEWEST] = s[COUNT] == 0 ? 0 : (double)(((int64_t)s[NEWEST] + 1) % a->m);
  s[COUNT] = fmin((double)a->m, s[COUNT] + 1);
  vec_sub(a->n, a->run->x, a->last_x, a->dx + (int64_t)s[NEWEST] * a->n);
  vec_sub(a->n, a->r, a->last_r, a->dr + (int64_t)s[NEWEST] * a->n);
}

static tw_status step(tw_run *run) {
  anderson a;
  TW_TRY(open(&a, run));
  double *s = a.state, *x = tw_run_vector(run, "anderson.trial_x", a.n),
         *r = tw_run_vector(run, "anderson.trial_r", a.n);
  if (!x || !r) return TW_ERR_MEMORY;
  TW_TRY(extrapolate(&a, x));
  TW_TRY(tw_run_residual(run, x, r));
  const double norm = vec_norm(a.n, r);
  if (!(norm <= GROWTH * s[BEST]) || s[STALE] > 20 + 4 * (double)a.m) return restart(&a);
  vec_copy(a.n, run->x, a.last_x);
  vec_copy(a.n, a.r, a.last_r);
  vec_copy(a.n, x, run->x);
  vec_copy(a.n, r, a.r);
  record(&a);
  s[STALE] += 1;
  if (norm < s[BEST]) {
    remember_best(&a);
    s[BETA] = fmin(tw_run_real(run, "mixing"), 1.2 * s[BETA]);
  }
  return tw_fixpoint_measure(run, a.r);
}

const tw_method tw_method_anderson = {
    .name = "anderson",
    .summary = "fixed points by Anderson acceleration with filtering and safeguarded restarts",
    .reference = "Anderson 1965; Walker & Ni 2011; Pollock & Rebholz 2023",
    .goals = TW_FOR_FIXPOINT,
    .needs = TW_RESIDUAL,
    .options = options,
    .init = init,
    .step = step,
    .traits = TW_ATOMIC,
};
