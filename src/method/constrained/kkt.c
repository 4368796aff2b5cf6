/* How far a point and its multipliers are from the optimality conditions (Karush, Kuhn & Tucker). */
#include "method/constrained/al.h"

double tw_al_box_step(const tw_al *al, int64_t j, double x, double g) {
  const double *l = al->oracle->lower, *u = al->oracle->upper;
  double step = -g; /* clip(x - g) - x without cancellation */
  if (u) step = fmin(step, u[j] - x);
  if (l) step = fmax(step, l[j] - x);
  return step;
}

/* |x - P(x - g / sigma)|_inf, P the clip, prox or projection of the set. */
static tw_status stationarity(tw_al *al, const double *x, const double *gradient, double *largest) {
  const double sigma = al->scalars[TW_AL_SIGMA];
  const unsigned offers = al->oracle->offers;
  *largest = 0;
  if ((offers & TW_BOUNDS) || !(offers & (TW_PROX | TW_PROJECT))) {
    for (int64_t j = 0; j < al->n; j++)
      *largest = fmax(*largest, fabs(tw_al_box_step(al, j, x[j], gradient[j] / sigma)));
    return TW_OK;
  }
  double *image = tw_run_vector(al->run, "kkt.image", al->n);
  if (!image) return TW_ERR_MEMORY;
  vec_add(al->n, x, -1 / sigma, gradient, al->work);
  TW_TRY((offers & TW_PROX) ? tw_run_prox(al->run, al->work, 1, image)
                            : tw_run_project(al->run, al->work, image));
  for (int64_t j = 0; j < al->n; j++) *largest = fmax(*largest, fabs(x[j] - image[j]));
  return TW_OK;
}

tw_status tw_kkt_measure(tw_al *al, const double *x, const double *gradient, const double *c, const double *y,
                         tw_kkt *kkt) {
  const double sigma = al->scalars[TW_AL_SIGMA];
  *kkt = (tw_kkt){0};
  TW_TRY(stationarity(al, x, gradient, &kkt->error.stationarity));
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
