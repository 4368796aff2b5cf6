/* The landscape around a path: choice of the window, evaluations on its grid. */
#include "front/landscape.h"

#include <math.h>
#include <stdlib.h>

enum { LINE_POINTS = 401, PLANE_POINTS = 161, COSTLY_LINE = 121, COSTLY_PLANE = 41 };

static const double LINE_MARGIN = 0.35, PLANE_MARGIN = 0.18; /* of the window around the path */

/* ------------------------------------------------------------------ the window */

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The interval of the middle nine tenths of the iterates, start and end: a wild step early on does not shrink the rest. */
static tw_status window(const tw_history *history, int axis, double *low, double *high, tw_error *error) {
  double *x = tw_alloc(history->count, sizeof *x);
  if (x == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a plot");
  for (size_t i = 0; i < history->count; i++) x[i] = history->row[i].x[axis];
  const double first = x[0], last = x[history->count - 1];
  qsort(x, history->count, sizeof *x, compare);
  const size_t cut = history->count / 20;
  *low = fmin(x[cut], fmin(first, last));
  *high = fmax(x[history->count - 1 - cut], fmax(first, last));
  free(x);
  if (!isfinite(*low) || !isfinite(*high))
    return tw_fail(error, TW_ERR_NUMERIC, "no level sets: an iterate is not finite");
  return TW_OK;
}

/* Neither too thin for its magnitude nor much thinner than the other axis. */
static void widen(double *low, double *high, double margin, double other) {
  const double center = *low + (*high - *low) / 2;
  double half = (*high - *low) * (0.5 + margin);
  half = fmax(half, 0.1 * other);
  if (!(half > 1e-6 * fabs(center))) half = fmax(0.5 * fabs(center), 1);
  *low = center - half;
  *high = center + half;
}

static tw_status place_grid(tw_grid *g, const tw_plot *plot, tw_error *error) {
  double low[2] = {0, 0}, high[2] = {0, 0};
  const int axes = plot->history->coordinates;
  for (int axis = 0; axis < axes; axis++) {
    const tw_status status = window(plot->history, axis, &low[axis], &high[axis], error);
    if (status != TW_OK) return status;
  }
  const double w = high[0] - low[0], h = high[1] - low[1];
  widen(&low[0], &high[0], axes > 1 ? PLANE_MARGIN : LINE_MARGIN, axes > 1 ? h : 0);
  if (axes > 1) widen(&low[1], &high[1], PLANE_MARGIN, w);
  const int plane = plot->costly ? COSTLY_PLANE : PLANE_POINTS, line = plot->costly ? COSTLY_LINE : LINE_POINTS;
  *g = (tw_grid){.nx = axes > 1 ? plane : line, .ny = axes > 1 ? plane : 1, .x0 = low[0], .y0 = low[1]};
  g->dx = (high[0] - low[0]) / (g->nx - 1);
  g->dy = axes > 1 ? (high[1] - low[1]) / (g->ny - 1) : 1;
  return TW_OK;
}

/* ------------------------------------------------------------------ evaluations */

typedef struct sampler {
  const tw_oracle *oracle;
  bool maximize;
  double *c; /* m: scratch */
  int equality[TW_LANDSCAPE_EQUALITIES];
} sampler;

/* NaN where it cannot be evaluated. */
static double objective_at(const sampler *s, const double *x) {
  const tw_oracle *o = s->oracle;
  double f = NAN, r = 0;
  if (o->value(o->context, x, &f, NULL) != TW_OK) return NAN;
  if (o->regularizer != NULL && o->regularizer(o->context, x, &r, NULL) != TW_OK) return NAN;
  return s->maximize ? 0 - (f + r) : f + r;
}

/* Largest violation of bounds, sets and inequalities; fills s->c. */
static double violation_at(const sampler *s, const double *x) {
  const tw_oracle *o = s->oracle;
  double worst = -INFINITY, nearest[2];
  for (int64_t i = 0; i < o->n && (o->offers & TW_BOUNDS) != 0; i++)
    worst = fmax(worst, fmax(o->lower[i] - x[i], x[i] - o->upper[i]));
  if ((o->offers & TW_PROJECT) != 0 && (o->offers & TW_BOUNDS) == 0 &&
      o->project(o->context, x, nearest, NULL) == TW_OK)
    for (int64_t i = 0; i < o->n; i++) worst = fmax(worst, fabs(x[i] - nearest[i]) - 1e-9 * (1 + fabs(x[i])));
  if (o->m == 0) return worst;
  if (o->constraints(o->context, x, s->c, NULL) != TW_OK) return INFINITY;
  for (int64_t i = 0; i < o->m; i++)
    if (o->c_lower[i] < o->c_upper[i]) worst = fmax(worst, fmax(o->c_lower[i] - s->c[i], s->c[i] - o->c_upper[i]));
  return worst;
}

static bool has_violation(const tw_oracle *o) {
  bool inequalities = false;
  for (int64_t i = 0; i < o->m; i++) inequalities |= o->c_lower[i] < o->c_upper[i];
  return inequalities || (o->offers & (TW_BOUNDS | TW_PROJECT)) != 0;
}

/* A number that linear interpolation can use. */
static double tame(double value) { return isnan(value) ? 1e30 : fmin(fmax(value, -1e30), 1e30); }

static void sample_point(tw_landscape *l, const sampler *s, const double *x, size_t at) {
  l->objective[at] = objective_at(s, x);
  const double violation = violation_at(s, x);
  if (l->violation != NULL) l->violation[at] = tame(violation);
  for (int k = 0; k < l->n_equalities; k++) {
    const int row = s->equality[k];
    l->equality[k][at] = tame(s->c[row] - s->oracle->c_lower[row]);
  }
}

/* Replaces what is not finite by the worst finite value. */
static tw_status fill_gaps(tw_landscape *l, bool maximize, tw_error *error) {
  const size_t n = (size_t)l->grid.nx * (size_t)l->grid.ny;
  double *value = l->objective;
  l->low = INFINITY;
  l->high = -INFINITY;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(value[i])) continue;
    l->low = fmin(l->low, value[i]);
    l->high = fmax(l->high, value[i]);
  }
  if (!(l->low <= l->high))
    return tw_fail(error, TW_ERR_NUMERIC, "no level sets: the objective is nowhere finite around the iterates");
  for (size_t i = 0; i < n; i++)
    if (!isfinite(value[i])) value[i] = maximize ? l->low : l->high;
  return TW_OK;
}

static tw_status allocate(tw_landscape *l, sampler *s, tw_error *error) {
  const tw_oracle *o = s->oracle;
  const size_t n = (size_t)l->grid.nx * (size_t)l->grid.ny;
  l->grid.value = l->objective = tw_alloc(n, sizeof(double));
  s->c = tw_alloc((size_t)o->m, sizeof(double));
  bool enough = l->objective != NULL && s->c != NULL;
  if (has_violation(o)) enough = (l->violation = tw_alloc(n, sizeof(double))) != NULL && enough;
  for (int64_t i = 0; i < o->m && l->n_equalities < TW_LANDSCAPE_EQUALITIES; i++) {
    if (o->c_lower[i] < o->c_upper[i]) continue;
    s->equality[l->n_equalities] = (int)i;
    l->equality[l->n_equalities] = tw_alloc(n, sizeof(double));
    enough = l->equality[l->n_equalities++] != NULL && enough;
  }
  return enough ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for level sets");
}

tw_status tw_landscape_sample(tw_landscape *l, const tw_plot *plot, tw_error *error) {
  *l = (tw_landscape){0};
  sampler s = {.oracle = plot->oracle, .maximize = plot->maximize};
  if (plot->oracle->value == NULL)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "no level sets: there is no objective");
  tw_status status = place_grid(&l->grid, plot, error);
  if (status == TW_OK) status = allocate(l, &s, error);
  if (status == TW_OK) {
    const tw_grid *g = &l->grid;
    for (int j = 0; j < g->ny; j++)
      for (int i = 0; i < g->nx; i++)
        sample_point(l, &s, (double[2]){g->x0 + i * g->dx, g->y0 + j * g->dy}, (size_t)(j * g->nx + i));
    status = fill_gaps(l, plot->maximize, error);
  }
  free(s.c);
  if (status != TW_OK) tw_landscape_free(l);
  return status;
}

void tw_landscape_free(tw_landscape *l) {
  free(l->objective);
  free(l->violation);
  for (int k = 0; k < l->n_equalities; k++) free(l->equality[k]);
  *l = (tw_landscape){0};
}
