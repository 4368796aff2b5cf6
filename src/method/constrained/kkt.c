/* How far a point and its multipliers are from the optimality conditions (Karush, Kuhn & Tucker). */
#include "method/constrained/al.h"

/* clip(x - g) - x for variable j and the problem's bounds, without cancellation. */
static double box_step(const tw_al *al, int64_t j, double x, double g) {
  const double *l = al->oracle->lower, *u = al->oracle->upper;
  double step = -g;
  if (u) step = fmin(step, u[j] - x);
  if (l) step = fmax(step, l[j] - x);
  return step;
}

tw_status tw_al_reduced_gradient(tw_al *al, const double *x, const double *g, double sigma, bool prox,
                                 double *norm) {
  const unsigned offers = al->oracle->offers;
  prox = prox && (offers & TW_PROX);
  *norm = 0;
  if (!prox && ((offers & TW_BOUNDS) || !(offers & TW_PROJECT))) {
    for (int64_t j = 0; j < al->n; j++) *norm = fmax(*norm, fabs(box_step(al, j, x[j], g[j] / sigma)));
    return TW_OK;
  }
  double *to = tw_run_vector(al->run, "kkt.to", al->n), *image = tw_run_vector(al->run, "kkt.image", al->n);
  if (!to || !image) return TW_ERR_MEMORY;
  vec_add(al->n, x, -1 / sigma, g, to);
  TW_TRY(prox ? tw_run_prox(al->run, to, 1, image) : tw_run_project(al->run, to, image));
  for (int64_t j = 0; j < al->n; j++) *norm = fmax(*norm, fabs(x[j] - image[j]));
  return TW_OK;
}

tw_status tw_kkt_measure(tw_al *al, const double *x, const double *gradient, const double *c, const double *y,
                         tw_kkt *kkt) {
  const double sigma = al->scalars[TW_AL_SIGMA];
  *kkt = (tw_kkt){0};
  TW_TRY(tw_al_reduced_gradient(al, x, gradient, sigma, true, &kkt->error.stationarity));
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
