/* The way back through the steps of presolve, last one first: first x, then y together with the reduced costs
 *
 *   z_j = -(c_j + (P x)_j + sum of a_ij y_i over the rows that were there)
 *
 * of the program as it was before each step; see presolve.h. */
#include "method/program/presolve.h"

typedef struct postsolve {
  const tw_presolve *s;
  const tw_qp *qp;
  double *x, *y, *z, *px;
} postsolve;

/* ------------------------------------------------------------------ points */

/* A x of row i over the columns that were left after step t. */
static double activity(const postsolve *p, int64_t i, int64_t t) {
  const tw_csc *at = &p->s->at;
  double sum = 0;
  for (int64_t k = at->start[i]; k < at->start[i + 1]; k++)
    if (p->s->column_step[at->row[k]] > t) sum += at->value[k] * p->x[at->row[k]];
  return sum;
}

/* What fixed columns took from the limits of row i before step t is in them: they are those of that time. */
static void absorbed_point(const postsolve *p, int64_t t) {
  const presolve_step *e = &p->s->step[t];
  const double rest = activity(p, e->i, t);
  const double low = ((e->a > 0 ? e->lower : e->upper) - rest) / e->a, high = ((e->a > 0 ? e->upper : e->lower) - rest) / e->a;
  p->x[e->j] = fmin(fmax(fmin(fmax(0, low), high), e->column_lower), e->column_upper);
}

static void restore_points(const postsolve *p) {
  for (int64_t t = p->s->steps - 1; t >= 0; t--) {
    const presolve_step *e = &p->s->step[t];
    if (e->kind == PRESOLVE_FIX) p->x[e->j] = e->value;
    if (e->kind == PRESOLVE_ABSORB) absorbed_point(p, t);
  }
}

/* ------------------------------------------------------------------ multipliers */

/* z_j as it was before the step that took column j away. */
static void column_back(const postsolve *p, int64_t j, double cost) {
  const tw_csc *a = &p->qp->a;
  const int64_t t = p->s->column_step[j];
  double sum = cost + p->px[j];
  for (int64_t k = a->start[j]; k < a->start[j + 1]; k++)
    if (p->s->row_step[a->row[k]] > t) sum += a->value[k] * p->y[a->row[k]];
  p->z[j] = -sum;
}

/* y_i of a row that comes back, and what that does to the columns of its time. */
static void row_back(const postsolve *p, int64_t i, double y) {
  const tw_csc *at = &p->s->at;
  p->y[i] = y;
  for (int64_t k = at->start[i]; k < at->start[i + 1] && y != 0; k++)
    if (p->s->column_step[at->row[k]] > p->s->row_step[i]) p->z[at->row[k]] -= at->value[k] * y;
}

/* A reduced cost that presses on a bound which is really the row's belongs to the row. */
static void singleton_back(const postsolve *p, const presolve_step *e) {
  const double z = p->z[e->j];
  if (!(z > 0 ? e->upper_moved : e->lower_moved) || z == 0) return;
  row_back(p, e->i, z / e->a);
  p->z[e->j] = 0;
}

/* The least |y_i| that gives all columns reduced costs of the signs of the bounds that they are at. */
static void forcing_back(const postsolve *p, const presolve_step *e) {
  const tw_csc *at = &p->s->at;
  double y = 0;
  for (int64_t k = at->start[e->i]; k < at->start[e->i + 1]; k++)
    if (at->value[k] != 0 && p->s->column_step[at->row[k]] > p->s->row_step[e->i]) {
      const double needed = p->z[at->row[k]] / at->value[k];
      y = e->side > 0 ? fmax(y, needed) : fmin(y, needed);
    }
  row_back(p, e->i, y);
}

/* Of the merged row's multiplier, the part that presses on a limit of the row that went. */
static void duplicate_back(const postsolve *p, const presolve_step *e) {
  const double y = p->y[e->j];
  p->y[e->i] = 0;
  if (y == 0 || !(y > 0 ? e->upper_moved : e->lower_moved)) return;
  p->y[e->i] = y / e->a;
  p->y[e->j] = 0;
}

/* `costs` 0: of a certificate. */
static void restore_multipliers(const postsolve *p, double costs) {
  for (int64_t t = p->s->steps - 1; t >= 0; t--) {
    const presolve_step *e = &p->s->step[t];
    switch (e->kind) {
    case PRESOLVE_FIX:
      column_back(p, e->j, costs * p->s->cost[e->j]);
      break;
    case PRESOLVE_ABSORB:
      p->y[e->i] -= costs * e->cost / e->a;
      p->z[e->j] = -costs * e->cost - e->a * p->y[e->i];
      break;
    case PRESOLVE_SINGLETON:
      singleton_back(p, e);
      break;
    case PRESOLVE_FORCING:
      forcing_back(p, e);
      break;
    case PRESOLVE_DUPLICATE:
      duplicate_back(p, e);
      break;
    case PRESOLVE_DROP:
      p->y[e->i] = 0;
      break;
    }
  }
}

/* Reduced costs of the columns that are left, with the costs that they have at the end. */
static void start_multipliers(const postsolve *p, double costs) {
  const tw_csc *a = &p->qp->a;
  for (int64_t r = 0; r < p->s->reduced.n; r++) {
    const int64_t j = p->s->column[r];
    double sum = costs * p->s->cost[j] + p->px[j];
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++)
      if (p->s->row_step[a->row[k]] == INT64_MAX) sum += a->value[k] * p->y[a->row[k]];
    p->z[j] = -sum;
  }
}

/* ------------------------------------------------------------------ */

static tw_status open(postsolve *p, const tw_presolve *s, tw_error *error) {
  p->px = tw_alloc((size_t)s->qp->n, sizeof *p->px);
  return p->px ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "presolve: out of memory");
}

static void take_rows(const tw_presolve *s, const double *y, double *full) {
  vec_zero(s->qp->m, full);
  for (int64_t i = 0; i < s->reduced.m; i++) full[s->row[i]] = s->row_scale[i] * y[i] / s->cost_scale;
}

tw_status tw_presolve_restore(const tw_presolve *s, const double *x, const double *y, double *full_x, double *full_y, double *full_z,
                              tw_error *error) {
  postsolve p = {s, s->qp, full_x, full_y, full_z, NULL};
  TW_TRY(open(&p, s, error));
  vec_zero(s->qp->n, full_x);
  for (int64_t j = 0; j < s->reduced.n; j++) full_x[s->column[j]] = s->column_scale[j] * x[j];
  take_rows(s, y, full_y);
  restore_points(&p);
  tw_qp_add_p(s->qp, 1, full_x, p.px);
  start_multipliers(&p, 1);
  restore_multipliers(&p, 1);
  free(p.px);
  return TW_OK;
}

tw_status tw_presolve_restore_farkas(const tw_presolve *s, const double *y, double *full_y, double *full_z, tw_error *error) {
  postsolve p = {s, s->qp, NULL, full_y, full_z, NULL};
  TW_TRY(open(&p, s, error));
  if (y)
    take_rows(s, y, full_y);
  else
    vec_zero(s->qp->m, full_y);
  if (!y && s->contradiction >= 0) full_y[s->contradiction] = s->side;
  start_multipliers(&p, 0);
  restore_multipliers(&p, 0);
  free(p.px);
  return TW_OK;
}
