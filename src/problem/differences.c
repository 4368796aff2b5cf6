/* Derivatives by central differences, inside bounds. */
#include "problem/differences.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double cube_root_eps = 6.0554544523933395e-6; /* (2^-52)^(1/3) */

bool tw_differences_open(tw_differences *d, tw_vector_function *function, void *context, int64_t n, int64_t count,
                         const double *lower, const double *upper) {
  *d = (tw_differences){.function = function, .context = context, .n = n, .count = count, .lower = lower, .upper = upper};
  d->point = tw_alloc((size_t)n, sizeof(double));
  d->near = tw_alloc((size_t)count, sizeof(double));
  d->far = tw_alloc((size_t)count, sizeof(double));
  return d->point && d->near && d->far;
}

void tw_differences_close(tw_differences *d) {
  free(d->point);
  free(d->near);
  free(d->far);
  *d = (tw_differences){0};
}

/* Room to the bounds from x_i on both sides. */
static void room(const tw_differences *d, const double *x, int64_t i, double *down, double *up) {
  *down = d->lower ? x[i] - d->lower[i] : INFINITY;
  *up = d->upper ? d->upper[i] - x[i] : INFINITY;
}

static tw_status evaluate(tw_differences *d, const double *x, int64_t i, double at, double *out, tw_error *error) {
  memcpy(d->point, x, (size_t)d->n * sizeof *x);
  d->point[i] = at;
  return d->function(d->context, d->point, out, error);
}

/* (-3 F(x) + 4 F(x + h) - F(x + 2h)) / 2h, h of either sign. */
static tw_status one_sided(tw_differences *d, const double *x, int64_t i, double h, double *out, int64_t stride,
                           tw_error *error) {
  volatile double first = x[i] + h, second = x[i] + 2 * h; /* the steps as they are rounded */
  double a = first - x[i], b = second - x[i];
  tw_status status = evaluate(d, x, i, first, d->near, error);
  if (status == TW_OK) status = evaluate(d, x, i, second, d->far, error);
  if (status != TW_OK) return status;
  for (int64_t k = 0; k < d->count; k++) out[k * stride] = b / (a * (b - a)) * d->near[k] - a / (b * (b - a)) * d->far[k];
  status = evaluate(d, x, i, x[i], d->near, error);
  for (int64_t k = 0; status == TW_OK && k < d->count; k++) out[k * stride] -= (a + b) / (a * b) * d->near[k];
  return status;
}

tw_status tw_difference_column(tw_differences *d, const double *x, int64_t i, double *out, int64_t stride, tw_error *error) {
  double down, up, h = cube_root_eps * fmax(1, fabs(x[i]));
  room(d, x, i, &down, &up);
  double widest = fmax(down, up);
  if (widest <= 0) { /* a fixed variable */
    for (int64_t k = 0; k < d->count; k++) out[k * stride] = 0;
    return TW_OK;
  }
  if (fmin(down, up) < h) return one_sided(d, x, i, (up >= down ? 1 : -1) * fmin(h, widest / 2), out, stride, error);
  volatile double above = x[i] + h, below = x[i] - h;
  tw_status status = evaluate(d, x, i, above, d->near, error);
  if (status == TW_OK) status = evaluate(d, x, i, below, d->far, error);
  for (int64_t k = 0; status == TW_OK && k < d->count; k++) out[k * stride] = (d->near[k] - d->far[k]) / (above - below);
  return status;
}

/* How far x + t v and x - t v stay inside the bounds. */
static void reach(const tw_differences *d, const double *x, const double *v, double *ahead, double *behind) {
  *ahead = *behind = INFINITY;
  for (int64_t i = 0; i < d->n; i++) {
    double down, up, size = fabs(v[i]);
    if (size == 0) continue;
    room(d, x, i, &down, &up);
    *ahead = fmin(*ahead, fmax(v[i] > 0 ? up : down, 0) / size);
    *behind = fmin(*behind, fmax(v[i] > 0 ? down : up, 0) / size);
  }
}

static tw_status evaluate_along(tw_differences *d, const double *x, const double *v, double t, double *out,
                                tw_error *error) {
  for (int64_t i = 0; i < d->n; i++) d->point[i] = x[i] + t * v[i];
  return d->function(d->context, d->point, out, error);
}

/* (-3 F(x) + 4 F(x + t v) - F(x + 2t v)) / 2t, t of either sign. */
static tw_status one_sided_along(tw_differences *d, const double *x, const double *v, double t, double *out,
                                 tw_error *error) {
  tw_status status = evaluate_along(d, x, v, t, d->near, error);
  if (status == TW_OK) status = evaluate_along(d, x, v, 2 * t, d->far, error);
  if (status != TW_OK) return status;
  for (int64_t k = 0; k < d->count; k++) out[k] = (4 * d->near[k] - d->far[k]) / (2 * t);
  status = evaluate_along(d, x, v, 0, d->near, error);
  for (int64_t k = 0; status == TW_OK && k < d->count; k++) out[k] -= 3 * d->near[k] / (2 * t);
  return status;
}

tw_status tw_difference_along(tw_differences *d, const double *x, const double *v, double *out, tw_error *error) {
  double size = tw_vec_norm_inf(v, (size_t)d->n), ahead, behind;
  if (!(size > 0)) {
    for (int64_t k = 0; k < d->count; k++) out[k] = size == 0 ? 0 : NAN;
    return TW_OK;
  }
  double t = cube_root_eps * fmax(1, tw_vec_norm_inf(x, (size_t)d->n)) / size;
  reach(d, x, v, &ahead, &behind);
  bool central = ahead >= t && behind >= t;
  if (!central && fmax(ahead, behind) >= 2 * t)
    return one_sided_along(d, x, v, ahead >= behind ? t : -t, out, error);
  /* Where neither side has room the point must leave the bounds: derivatives are wanted all the same. */
  tw_status status = evaluate_along(d, x, v, t, d->near, error);
  if (status == TW_OK) status = evaluate_along(d, x, v, -t, d->far, error);
  for (int64_t k = 0; status == TW_OK && k < d->count; k++) out[k] = (d->near[k] - d->far[k]) / (2 * t);
  return status;
}
