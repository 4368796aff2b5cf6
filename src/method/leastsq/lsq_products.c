/* lsq_products: the damped linear least-squares problem without a matrix: LSQR (Paige & Saunders 1982) on
 * A = J D^-1 restricted to the free variables. Column norms of J, wanted for D, are estimated by
 * |J_j|^2 = E (J'u)_j^2 with random signs u, within a factor of two for the few probes taken here. */
#include "method/leastsq/lsq.h"

enum { PROBES = 8 };

typedef struct products {
  tw_lsq *s;
  double *scaled; /* n */
} products;

/* y = J D^-1 z */
static tw_status apply(void *context, const double *z, double *y) {
  const products *a = context;
  const tw_lsq *s = a->s;
  for (int64_t j = 0; j < s->n; j++) a->scaled[j] = s->free[j] * z[j] / s->d[j];
  return tw_run_residual_jvp(s->run, s->run->x, a->scaled, y);
}

/* z = D^-1 J'y */
static tw_status apply_transpose(void *context, const double *y, double *z) {
  const products *a = context;
  const tw_lsq *s = a->s;
  TW_TRY(tw_run_residual_vjp(s->run, s->run->x, y, z));
  for (int64_t j = 0; j < s->n; j++) z[j] *= s->free[j] / s->d[j];
  return TW_OK;
}

tw_status tw_lsq_linearise_products(tw_lsq *s, double *norms) {
  tw_run *run = s->run;
  TW_TRY(tw_run_residual_vjp(run, run->x, s->r, s->gradient));
  double *u = s->js, *jtu = s->trial_x; /* free at this point of an iteration */
  vec_zero(s->n, norms);
  for (int probe = 0; probe < PROBES; probe++) {
    const uint64_t key = tw_key_split(run->seed, (uint64_t)probe);
    for (int64_t i = 0; i < s->k; i++) u[i] = (tw_random_bits(key, (uint64_t)i) & 1) ? 1 : -1;
    TW_TRY(tw_run_residual_vjp(run, run->x, u, jtu));
    for (int64_t j = 0; j < s->n; j++) norms[j] += jtu[j] * jtu[j] / PROBES;
  }
  for (int64_t j = 0; j < s->n; j++) norms[j] = sqrt(norms[j]);
  return TW_OK;
}

/* min |A z + b|^2 + mu |z|^2 to a relative residual `rtol` of its normal equations. */
static tw_status solve(tw_lsq *s, const double *b, double mu, double rtol, double *step) {
  double *work = tw_alloc((size_t)(s->k + 2 * s->n), sizeof *work);
  if (!work) return tw_fail(s->run->error, TW_ERR_MEMORY, "out of memory");
  double *rhs = work, *z = rhs + s->k;
  products context = {.s = s, .scaled = z + s->n};
  const tw_linop a = {
      .rows = s->k, .cols = s->n, .apply = apply, .apply_transpose = apply_transpose, .context = &context};
  const tw_linear_options options = {.rtol = rtol, .damp = sqrt(mu)};
  tw_linear_result result;
  for (int64_t i = 0; i < s->k; i++) rhs[i] = -b[i];
  const tw_status status = tw_lsqr(&a, rhs, z, &options, &result, s->run->error);
  for (int64_t j = 0; j < s->n; j++) step[j] = s->free[j] * z[j] / s->d[j];
  free(work);
  return status;
}

/* |P r| from below by the steepest-descent direction: |P r| >= |A'r|^2 / |A A'r|. The forcing term of later
 * solves goes with it. */
tw_status tw_lsq_factor_products(tw_lsq *s) {
  double *direction = s->step;
  double squared = 0;
  for (int64_t j = 0; j < s->n; j++) {
    const double g = s->free[j] * s->gradient[j] / s->d[j];
    squared += g * g;
    direction[j] = g / s->d[j];
  }
  s->scalars[TW_LSQ_PROJECTED] = 0;
  if (squared == 0) return TW_OK;
  TW_TRY(tw_run_residual_jvp(s->run, s->run->x, direction, s->js));
  s->scalars[TW_LSQ_PROJECTED] = squared / fmax(vec_norm(s->k, s->js), DBL_MIN);
  return TW_OK;
}

tw_status tw_lsq_solve_products(tw_lsq *s, const double *b, double mu, double *step) {
  const double norm = s->scalars[TW_LSQ_NORM];
  const double offset = norm > 0 ? s->scalars[TW_LSQ_PROJECTED] / norm : 1;
  return solve(s, b, mu, fmax(1e-12, fmin(0.1, offset)), step);
}
