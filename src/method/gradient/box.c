#include "method/gradient/box.h"

#include "method/vector.h"

#include <math.h>

tw_box tw_box_of(const tw_run *run) {
  const tw_oracle *o = run->oracle;
  const bool bounded = (o->offers & TW_BOUNDS) != 0;
  return (tw_box){run->n, bounded ? o->lower : NULL, bounded ? o->upper : NULL, run->exec->threads};
}

static double between(double value, double low, double high) {
  const double above = value < low ? low : value;
  return above > high ? high : above;
}

double tw_box_clamp(const tw_box *box, int64_t i, double value) {
  return box->lower == NULL ? value : between(value, box->lower[i], box->upper[i]);
}

void tw_box_clamp_tile(const tw_box *box, int64_t first, int64_t count, double *values) {
  if (box->lower == NULL) return;
  const double *lower = box->lower + first, *upper = box->upper + first;
  for (int64_t i = 0; i < count; i++) values[i] = between(values[i], lower[i], upper[i]);
}

bool tw_box_interior(const tw_box *box, int64_t i, double value) {
  return box->lower == NULL || (value > box->lower[i] && value < box->upper[i]);
}

/* ------------------------------------------------------------------ over all variables */

typedef struct pass {
  const tw_box *box;
  const double *x, *v; /* v: a direction or a gradient */
  double a;
  double *out;
} pass;

static void move_tile(const void *context, int64_t first, int64_t count) {
  const pass *p = context;
  const double a = p->a, *x = p->x + first, *d = p->v + first;
  double *out = p->out + first;
  for (int64_t i = 0; i < count; i++) out[i] = x[i] + a * d[i];
  tw_box_clamp_tile(p->box, first, count, out);
}

void tw_box_move(const tw_box *box, const double *x, double a, const double *d, double *out) {
  tw_for_tiles(box->threads, box->n, move_tile, &(pass){box, x, d, a, out});
}

static double larger(double a, double b) {
  return b > a || isnan(b) ? b : a;
}

/* Where no bound interferes it is |g_i|, not x_i - (x_i - g_i) with its rounding. */
static double stationarity_segment(const void *context, int64_t first, int64_t count) {
  const pass *p = context;
  const double *lower = p->box->lower, *upper = p->box->upper, *x = p->x, *g = p->v;
  double norm = 0;
  for (int64_t i = first; i < first + count; i++) {
    const double target = x[i] - g[i], clamped = between(target, lower[i], upper[i]);
    norm = larger(norm, clamped == target ? fabs(g[i]) : fabs(clamped - x[i]));
  }
  return norm;
}

double tw_box_stationarity(const tw_box *box, const double *x, const double *g) {
  if (box->lower == NULL) return tw_vec_norm_inf_on(box->threads, g, (size_t)box->n);
  return tw_largest(box->threads, box->n, stationarity_segment, &(pass){.box = box, .x = x, .v = g});
}

static double scale_segment(const void *context, int64_t first, int64_t count) {
  const pass *p = context;
  const double *lower = p->box->lower, *upper = p->box->upper, *x = p->x, *g = p->v;
  double norm = 0;
  for (int64_t i = first; i < first + count; i++) {
    const bool outward = (x[i] <= lower[i] && g[i] > 0) || (x[i] >= upper[i] && g[i] < 0);
    norm = outward ? norm : larger(norm, fabs(g[i]));
  }
  return norm;
}

double tw_box_scale(const tw_box *box, const double *x, const double *g) {
  if (box->lower == NULL) return tw_vec_norm_inf_on(box->threads, g, (size_t)box->n);
  return tw_largest(box->threads, box->n, scale_segment, &(pass){.box = box, .x = x, .v = g});
}

/* The negative of the step to the first bound that a variable meets. */
static double bound_segment(const void *context, int64_t first, int64_t count) {
  const pass *p = context;
  const double *lower = p->box->lower, *upper = p->box->upper, *x = p->x, *d = p->v;
  double nearest = -INFINITY;
  for (int64_t i = first; i < first + count; i++) {
    const double room = d[i] > 0 ? upper[i] - x[i] : lower[i] - x[i];
    const double step = d[i] != 0 ? -(room / d[i]) : -INFINITY;
    nearest = step > nearest ? step : nearest;
  }
  return nearest;
}

double tw_box_longest(const tw_box *box, const double *x, const double *d) {
  if (box->lower == NULL) return INFINITY;
  return -tw_largest(box->threads, box->n, bound_segment, &(pass){.box = box, .x = x, .v = d});
}
