/* How far a point and its multipliers are from the optimality conditions (Karush, Kuhn & Tucker). */
#include "method/constrained/al.h"

/* A point after a step of length one against the gradient, taken back into the set. */
static tw_status take_back(tw_al *al, double *step) {
  const tw_oracle *o = al->oracle;
  if (o->offers & TW_BOUNDS) {
    vec_clip(al->n, o->lower, o->upper, step);
    return TW_OK;
  }
  if (!(o->offers & (TW_PROX | TW_PROJECT))) return TW_OK;
  double *image = tw_alloc((size_t)al->n, sizeof *image);
  if (!image) return tw_fail(al->run->error, TW_ERR_MEMORY, "out of memory");
  const tw_status status =
      (o->offers & TW_PROX) ? tw_run_prox(al->run, step, 1, image) : tw_run_project(al->run, step, image);
  vec_copy(al->n, image, step);
  free(image);
  return status;
}

tw_status tw_kkt_measure(tw_al *al, const double *x, const double *gradient, const double *c, const double *y,
                         tw_kkt *kkt) {
  const double sigma = al->scalars[TW_AL_SIGMA];
  double *step = al->work;
  vec_add(al->n, x, -1 / sigma, gradient, step);
  TW_TRY(take_back(al, step));
  vec_sub(al->n, x, step, step);
  *kkt = (tw_kkt){.error = {.stationarity = vec_norm_inf(al->n, step)}};
  for (int64_t i = 0; i < al->m; i++) {
    const double above = c[i] - tw_al_upper(al, i), below = tw_al_lower(al, i) - c[i],
                 violation = fmax(above, below);
    kkt->worst_violation = fmax(kkt->worst_violation, violation);
    kkt->error.feasibility = fmax(kkt->error.feasibility, violation / al->row[i]);
    const double slack = y[i] > 0 ? above : y[i] < 0 ? below : 0;
    kkt->error.complementarity = fmax(kkt->error.complementarity, fabs(y[i] * slack) / sigma);
    if (isnan(c[i])) kkt->error.feasibility = kkt->worst_violation = INFINITY;
  }
  return TW_OK;
}
