/* The way back through the steps of a layer, last one first: first x, then y together with the reduced costs
 *
 *   z_j = -(c_j + (P x)_j + sum of a_ij y_i over the rows that were there)
 *
 * of the program as it was before each step; see presolve.h. */
#include "method/program/presolve_work.h"

/* ------------------------------------------------------------------ points */

/* A x of row i over the columns that were left after step t. */
static double activity(const presolve_layer *s, int64_t i, int64_t t) {
  const tw_csc *at = &s->at;
  double sum = 0;
  for (int64_t k = at->start[i]; k < at->start[i + 1]; k++)
    if (s->column_step[at->row[k]] > t) sum += at->value[k] * s->x[at->row[k]];
  return sum;
}

static double clip(double v, double l, double u) {
  return fmin(fmax(v, l), u);
}

/* Of a limit, what it is to directions. */
static double limit(double v, bool ray) {
  return ray && isfinite(v) ? 0 : v;
}

/* What fixed columns took from the limits of row i before step t is in them: they are those of that time. */
static void absorbed_point(const presolve_layer *s, int64_t t, bool ray) {
  const presolve_step *e = &s->step[t];
  const double rest = activity(s, e->i, t), lower = limit(e->lower, ray), upper = limit(e->upper, ray);
  const double low = ((e->a > 0 ? lower : upper) - rest) / e->a, high = ((e->a > 0 ? upper : lower) - rest) / e->a;
  s->x[e->j] = clip(clip(0, low, high), limit(e->column_lower, ray), limit(e->column_upper, ray));
}

/* The part v in [vl, vu] of v + w = sum, w in [wl, wu]: between its bounds where there is room, as far from them as w is from its own. */
static double share(double sum, double vl, double vu, double wl, double wu) {
  const double v = vu - vl, w = wu - wl, low = sum - vl - wl, high = vu + wu - sum;
  if (isfinite(v) && isfinite(w)) return v + w > 0 ? vl + low * v / (v + w) : vl;
  if (isfinite(vl) && isfinite(wl)) return vl + (isfinite(w) ? low - fmin(low, w) / 2 : fmin(low, v) / 2);
  if (isfinite(vu) && isfinite(wu)) return vu - (isfinite(w) ? high - fmin(high, w) / 2 : fmin(high, v) / 2);
  const double inside = isfinite(v) ? vl + v / 2 : isfinite(vl) ? vl + 1 : isfinite(vu) ? vu - 1 : 0;
  return sum - clip(sum - inside, wl, wu);
}

/* x_k + a x_j parts into two; both are at a bound where the sum is. */
static void twin_point(const presolve_layer *s, const presolve_step *e, bool ray) {
  const double l = limit(e->lower, ray), u = limit(e->upper, ray), sum = s->x[e->k];
  const double column_l = limit(e->column_lower, ray), column_u = limit(e->column_upper, ray);
  const double part = share(sum, e->a * (e->a > 0 ? column_l : column_u), e->a * (e->a > 0 ? column_u : column_l), l, u);
  s->x[e->j] = clip(part / e->a, column_l, column_u);
  s->x[e->k] = clip(sum - e->a * s->x[e->j], l, u);
}

void presolve_layer_point(const presolve_layer *s, const double *x, bool ray) {
  for (int64_t j = 0; j < s->left.n; j++) s->x[s->column[j]] = x[j];
  for (int64_t t = s->steps - 1; t >= 0; t--) {
    const presolve_step *e = &s->step[t];
    if (e->kind == PRESOLVE_FIX) s->x[e->j] = limit(e->value, ray);
    if (e->kind == PRESOLVE_ABSORB) absorbed_point(s, t, ray);
    if (e->kind == PRESOLVE_TWIN) twin_point(s, e, ray);
    if (e->kind == PRESOLVE_AGGREGATE) s->x[e->j] = (limit(e->value, ray) - e->b * s->x[e->k]) / e->a;
  }
}

/* ------------------------------------------------------------------ multipliers */

/* z_j as it was before step t, which took column j away. */
static void column_back(const presolve_layer *s, int64_t j, int64_t t, double cost) {
  const tw_csc *a = &s->qp->a;
  double sum = cost + s->px[j];
  for (int64_t k = a->start[j]; k < a->start[j + 1]; k++)
    if (s->row_step[a->row[k]] > t) sum += a->value[k] * s->y[a->row[k]];
  s->z[j] = -sum;
}

/* y_i grows, and what that does to the columns that were there at step t. */
static void row_adds(const presolve_layer *s, int64_t i, double y, int64_t t) {
  const tw_csc *at = &s->at;
  s->y[i] += y;
  for (int64_t k = at->start[i]; k < at->start[i + 1] && y != 0; k++)
    if (s->column_step[at->row[k]] > t) s->z[at->row[k]] -= at->value[k] * y;
}

/* A reduced cost that presses on a bound which is really the row's belongs to the row. */
static void singleton_back(const presolve_layer *s, const presolve_step *e, int64_t t) {
  const double z = s->z[e->j];
  if (!(z > 0 ? e->upper_moved : e->lower_moved) || z == 0) return;
  row_adds(s, e->i, z / e->a, t);
  s->z[e->j] = 0;
}

/* Likewise one that presses on an implied bound: where x_j is there, so are row i at its limit and its other columns at their bounds. */
static void tighten_back(const presolve_layer *s, const presolve_step *e, int64_t t, bool certificate) {
  const double z = s->z[e->j], x = s->joined[e->j];
  if (z == 0 || (z > 0) != (e->side > 0)) return;
  if (!certificate && !(fabs(x - e->value) <= fabs(x - e->cost))) return;
  row_adds(s, e->i, z / e->a, t);
  s->z[e->j] = 0;
}

/* The least |y_i| that gives all columns reduced costs of the signs of the bounds that they are at. */
static void forcing_back(const presolve_layer *s, const presolve_step *e, int64_t t) {
  const tw_csc *at = &s->at;
  double y = 0;
  for (int64_t k = at->start[e->i]; k < at->start[e->i + 1]; k++)
    if (at->value[k] != 0 && s->column_step[at->row[k]] > t) {
      const double needed = s->z[at->row[k]] / at->value[k];
      y = e->side > 0 ? fmax(y, needed) : fmin(y, needed);
    }
  row_adds(s, e->i, y, t);
}

/* Of the merged row's multiplier, the part that presses on a limit of the row that went. */
static void duplicate_back(const presolve_layer *s, const presolve_step *e) {
  const double y = s->y[e->j];
  if (y == 0 || !(y > 0 ? e->upper_moved : e->lower_moved)) return;
  s->y[e->i] = y / e->a;
  s->y[e->j] = 0;
}

/* z_j or z_k, whichever has the bound that is pressed on, is what the reduced cost of x_k was; y_i makes the other 0. */
static void aggregate_back(const presolve_layer *s, const presolve_step *e, int64_t t, double costs) {
  const double z = s->z[e->k];
  const bool moved = z != 0 && (z > 0 ? e->upper_moved : e->lower_moved);
  column_back(s, e->j, t, costs * s->cost[e->j]);
  s->y[e->i] = s->z[e->j] / e->a + (moved ? z / e->b : 0);
  s->z[e->j] = moved ? -e->a / e->b * z : 0;
  if (moved) s->z[e->k] = 0;
}

static void undo(const presolve_layer *s, int64_t t, double costs) {
  const presolve_step *e = &s->step[t];
  switch (e->kind) {
  case PRESOLVE_TWIN:
    s->joined[e->k] -= e->a * s->joined[e->j];
    column_back(s, e->j, t, costs * s->cost[e->j]);
    break;
  case PRESOLVE_FIX:
    column_back(s, e->j, t, costs * s->cost[e->j]);
    break;
  case PRESOLVE_ABSORB:
    s->y[e->i] -= costs * e->cost / e->a;
    s->z[e->j] = -costs * e->cost - e->a * s->y[e->i];
    break;
  case PRESOLVE_SINGLETON:
    singleton_back(s, e, t);
    break;
  case PRESOLVE_FORCING:
    forcing_back(s, e, t);
    break;
  case PRESOLVE_DUPLICATE:
    duplicate_back(s, e);
    break;
  case PRESOLVE_TIGHTEN:
    tighten_back(s, e, t, costs == 0);
    break;
  case PRESOLVE_AGGREGATE:
    aggregate_back(s, e, t, costs);
    break;
  case PRESOLVE_DROP:
  case PRESOLVE_KINDS:
    break;
  }
}

void presolve_layer_join(const presolve_layer *s, const double *x) {
  vec_copy(s->qp->n, x, s->joined);
  for (int64_t t = 0; t < s->steps; t++)
    if (s->step[t].kind == PRESOLVE_TWIN) s->joined[s->step[t].k] += s->step[t].a * s->joined[s->step[t].j];
}

void presolve_layer_multipliers(const presolve_layer *s, const double *y, const double *z, double costs) {
  vec_zero(s->qp->m, s->y);
  for (int64_t i = 0; i < s->left.m; i++) s->y[s->row[i]] = y[i];
  for (int64_t j = 0; j < s->left.n; j++) s->z[s->column[j]] = z[j];
  presolve_layer_join(s, s->x);
  for (int64_t t = s->steps - 1; t >= 0; t--) undo(s, t, costs);
}
