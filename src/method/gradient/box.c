#include "method/gradient/box.h"

#include <math.h>

tw_box tw_box_of(const tw_run *run) {
  const tw_oracle *o = run->oracle;
  const bool bounded = (o->offers & TW_BOUNDS) != 0;
  return (tw_box){run->n, bounded ? o->lower : NULL, bounded ? o->upper : NULL};
}

double tw_box_clamp(const tw_box *box, int64_t i, double value) {
  return box->lower == NULL ? value : fmin(fmax(value, box->lower[i]), box->upper[i]);
}

void tw_box_move(const tw_box *box, const double *x, double a, const double *d, double *out) {
  for (int64_t i = 0; i < box->n; i++) out[i] = tw_box_clamp(box, i, x[i] + a * d[i]);
}

double tw_box_stationarity(const tw_box *box, const double *x, const double *g) {
  double norm = 0;
  for (int64_t i = 0; i < box->n; i++) {
    /* Where no bound interferes it is |g_i|, not x_i - (x_i - g_i) with its rounding. */
    const double target = x[i] - g[i], clamped = tw_box_clamp(box, i, target);
    norm = fmax(norm, clamped == target ? fabs(g[i]) : fabs(clamped - x[i]));
  }
  return norm;
}

double tw_box_scale(const tw_box *box, const double *x, const double *g) {
  double norm = 0;
  for (int64_t i = 0; i < box->n; i++) {
    const bool outward =
        box->lower != NULL && ((x[i] <= box->lower[i] && g[i] > 0) || (x[i] >= box->upper[i] && g[i] < 0));
    if (!outward) norm = fmax(norm, fabs(g[i]));
  }
  return norm;
}

double tw_box_longest(const tw_box *box, const double *x, const double *d) {
  double longest = INFINITY;
  for (int64_t i = 0; box->lower != NULL && i < box->n; i++) {
    const double room = d[i] > 0 ? box->upper[i] - x[i] : d[i] < 0 ? box->lower[i] - x[i] : INFINITY;
    if (d[i] != 0) longest = fmin(longest, room / d[i]);
  }
  return longest;
}

bool tw_box_interior(const tw_box *box, int64_t i, double value) {
  return box->lower == NULL || (value > box->lower[i] && value < box->upper[i]);
}
