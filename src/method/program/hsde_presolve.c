/* Presolve of a conic problem: its zero and nonnegative cones are the rows of a program (presolve.h) whose columns are held where other
 * cones have them too; see hsde.h. */
#include "method/program/hsde.h"

#include "linear/csc.h"
#include "method/program/presolve.h"

struct tw_conic_presolve {
  const tw_conic *full;
  tw_qp qp;
  tw_presolve pre;
  int64_t *linear;      /* full->m: a row's place in qp, or -1 */
  int64_t *row;         /* full->m: another row's place in the smaller problem */
  int64_t *above, *below; /* reduced.m: places of a row's limits, or -1; an equation's is above */
  bool *held;
  double *x, *y, *z, *outside, *reduced_y; /* n, qp.m, n, n, reduced.m */
};

static bool is_linear(tw_cone_kind kind) {
  return kind == TW_CONE_ZERO || kind == TW_CONE_NONNEG;
}

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "presolve: out of memory");
}

/* ------------------------------------------------------------------ the linear rows as a program */

static tw_status state_rows(tw_conic_presolve *s, tw_error *error) {
  const tw_conic *c = s->full;
  int64_t count = 0, start = 0, entries = 0;
  for (int64_t k = 0; k < c->cones; start += c->cone[k++].rows)
    for (int64_t i = start; i < start + c->cone[k].rows; i++) s->linear[i] = is_linear(c->cone[k].kind) ? count++ : -1;
  TW_TRY(tw_qp_new(&s->qp, c->n, count, 0, csc_count(&c->a), error));
  tw_csc_free(&s->qp.p);
  TW_TRY(csc_copy(&s->qp.p, &c->p, error));
  vec_copy(c->n, c->c, s->qp.q);
  for (int64_t j = 0; j < c->n; j++) {
    for (int64_t k = c->a.start[j]; k < c->a.start[j + 1]; k++) {
      const int64_t i = s->linear[c->a.row[k]];
      if (i < 0) s->held[j] = s->held[j] || c->a.value[k] != 0;
      if (i >= 0) s->qp.a.row[entries] = i, s->qp.a.value[entries++] = c->a.value[k];
    }
    s->qp.a.start[j + 1] = entries;
  }
  start = 0;
  for (int64_t k = 0; k < c->cones; start += c->cone[k++].rows)
    for (int64_t i = start; i < start + c->cone[k].rows && is_linear(c->cone[k].kind); i++) {
      s->qp.row_upper[s->linear[i]] = c->b[i];
      if (c->cone[k].kind == TW_CONE_ZERO) s->qp.row_lower[s->linear[i]] = c->b[i];
    }
  return TW_OK;
}

/* ------------------------------------------------------------------ the smaller problem */

typedef struct building {
  int64_t count, *row, *col;
  double *value, *b;
} building;

static void put(building *t, int64_t row, int64_t col, double value) {
  t->row[t->count] = row, t->col[t->count] = col, t->value[t->count++] = value;
}

static void add_cone(tw_conic *out, tw_cone cone) {
  if (cone.rows > 0) out->cone[out->cones++] = cone;
}

/* Places of equations, of upper and lower limits, then of other cones. */
static void number_rows(tw_conic_presolve *s, tw_conic *out) {
  const tw_qp *left = &s->pre.reduced;
  const tw_conic *c = s->full;
  int64_t at = 0, start = 0;
  for (int64_t i = 0; i < left->m; i++) s->above[i] = left->row_lower[i] == left->row_upper[i] ? at++ : -1, s->below[i] = -1;
  const int64_t equations = at;
  add_cone(out, (tw_cone){.kind = TW_CONE_ZERO, .rows = equations});
  for (int64_t i = 0; i < left->m; i++) {
    if (s->above[i] >= 0) continue;
    if (left->row_upper[i] < INFINITY) s->above[i] = at++;
    if (left->row_lower[i] > -INFINITY) s->below[i] = at++;
  }
  for (int64_t j = 0; j < left->n; j++) at += (left->upper[j] < INFINITY) + (left->lower[j] > -INFINITY);
  add_cone(out, (tw_cone){.kind = TW_CONE_NONNEG, .rows = at - equations});
  for (int64_t k = 0; k < c->cones; start += c->cone[k++].rows) {
    if (is_linear(c->cone[k].kind)) continue;
    for (int64_t i = start; i < start + c->cone[k].rows; i++) s->row[i] = at++;
    add_cone(out, c->cone[k]);
  }
  out->m = at;
}

static void put_rows(const tw_conic_presolve *s, building *t) {
  const tw_qp *left = &s->pre.reduced;
  int64_t last = 0;
  for (int64_t i = 0; i < left->m; i++) {
    if (s->above[i] >= 0) t->b[s->above[i]] = left->row_upper[i], last = s->above[i] + 1 > last ? s->above[i] + 1 : last;
    if (s->below[i] >= 0) t->b[s->below[i]] = -left->row_lower[i], last = s->below[i] + 1 > last ? s->below[i] + 1 : last;
  }
  for (int64_t j = 0; j < left->n; j++) {
    for (int64_t k = left->a.start[j]; k < left->a.start[j + 1]; k++) {
      const int64_t i = left->a.row[k];
      if (s->above[i] >= 0) put(t, s->above[i], j, left->a.value[k]);
      if (s->below[i] >= 0) put(t, s->below[i], j, -left->a.value[k]);
    }
    if (left->upper[j] < INFINITY) t->b[last] = left->upper[j], put(t, last++, j, 1);
    if (left->lower[j] > -INFINITY) t->b[last] = -left->lower[j], put(t, last++, j, -1);
  }
}

/* Rows of other cones; what fixed columns have in them goes to b. place: of all columns in what is left, or -1; s->x: a point. */
static void put_others(const tw_conic_presolve *s, const int64_t *place, building *t) {
  const tw_conic *c = s->full;
  for (int64_t i = 0; i < c->m; i++)
    if (s->linear[i] < 0) t->b[s->row[i]] = c->b[i];
  for (int64_t j = 0; j < c->n; j++)
    for (int64_t k = c->a.start[j]; k < c->a.start[j + 1]; k++) {
      const int64_t i = c->a.row[k];
      if (s->linear[i] >= 0) continue;
      if (place[j] < 0)
        t->b[s->row[i]] -= c->a.value[k] * s->x[j];
      else
        put(t, s->row[i], place[j], c->a.value[k]);
    }
}

static void place_columns(const tw_conic_presolve *s, int64_t *place) {
  for (int64_t j = 0; j < s->full->n; j++) place[j] = -1;
  for (int64_t j = 0; j < s->pre.reduced.n; j++) {
    int64_t at = j;
    for (int l = s->pre.layers - 1; l >= 0; l--) at = s->pre.layer[l].column[at];
    place[at] = j;
  }
}

static tw_status fill(tw_conic_presolve *s, tw_conic *out, building *t, int64_t *place, tw_error *error) {
  const tw_qp *left = &s->pre.reduced;
  place_columns(s, place);
  for (int64_t j = 0; j < left->n; j++) s->z[j] = fmin(fmax(0, left->lower[j]), left->upper[j]);
  tw_presolve_point(&s->pre, s->z, s->x);
  out->constant = s->full->constant + left->constant;
  put_rows(s, t);
  put_others(s, place, t);
  vec_copy(out->n, left->q, out->c), vec_copy(out->m, t->b, out->b);
  TW_TRY(csc_copy(&out->p, &left->p, error));
  return tw_csc_from_triplets(&out->a, out->m, out->n, t->count, t->row, t->col, t->value, error);
}

static tw_status make_smaller(tw_conic_presolve *s, tw_conic *out, tw_error *error) {
  const tw_qp *left = &s->pre.reduced;
  *out = (tw_conic){.n = left->n};
  if (!(out->cone = tw_alloc((size_t)s->full->cones + 2, sizeof *out->cone))) return out_of_memory(error);
  number_rows(s, out);
  out->c = tw_alloc((size_t)out->n, sizeof(double)), out->b = tw_alloc((size_t)out->m, sizeof(double));
  const size_t most = (size_t)(2 * csc_count(&left->a) + 2 * left->n + csc_count(&s->full->a));
  building t = {0, tw_alloc(most, sizeof *t.row), tw_alloc(most, sizeof *t.col), tw_alloc(most, sizeof *t.value),
                tw_alloc((size_t)out->m, sizeof(double))};
  int64_t *place = tw_alloc((size_t)s->full->n, sizeof *place);
  const bool room = out->c && out->b && t.row && t.col && t.value && t.b && place;
  const tw_status status = room ? fill(s, out, &t, place, error) : out_of_memory(error);
  free(t.row), free(t.col), free(t.value), free(t.b), free(place);
  return status;
}

/* ------------------------------------------------------------------ opening */

static tw_status allocate(tw_conic_presolve *s, tw_error *error) {
  const size_t n = (size_t)s->full->n, m = (size_t)s->full->m;
  s->linear = tw_alloc(4 * m, sizeof *s->linear);
  s->held = tw_alloc(n, sizeof *s->held);
  s->x = tw_alloc(3 * n + 2 * m, sizeof *s->x);
  if (!s->linear || !s->held || !s->x) return out_of_memory(error);
  s->row = s->linear + m, s->above = s->row + m, s->below = s->above + m;
  s->z = s->x + n, s->outside = s->z + n, s->y = s->outside + n, s->reduced_y = s->y + m;
  return TW_OK;
}

tw_status tw_conic_presolve_open(tw_conic_presolve **out, const tw_conic *full, tw_conic *smaller, tw_error *error) {
  tw_conic_presolve *s = *out = tw_alloc(1, sizeof *s);
  if (!s) return out_of_memory(error);
  s->full = full;
  tw_status status = allocate(s, error);
  if (status == TW_OK) status = state_rows(s, error);
  if (status == TW_OK) status = tw_presolve_reduce(&s->pre, &s->qp, &(tw_presolve_rules){.held = s->held}, error);
  const bool any = status == TW_OK && s->pre.found == TW_RUNNING && s->pre.reduced.n > 0;
  *smaller = (tw_conic){0};
  if (any) status = make_smaller(s, smaller, error);
  if (status == TW_OK && any && (smaller->m < full->m || smaller->n < full->n)) return TW_OK;
  tw_conic_free(smaller);
  tw_conic_presolve_close(s);
  *out = NULL;
  return status;
}

void tw_conic_presolve_close(tw_conic_presolve *s) {
  if (!s) return;
  tw_presolve_close(&s->pre);
  tw_qp_free(&s->qp);
  free(s->linear), free(s->held), free(s->x);
  free(s);
}

/* ------------------------------------------------------------------ the way back */

/* y of the program's rows that are left, and what that of other cones is to the columns. */
static void take_multipliers(const tw_conic_presolve *s, const double *y, double *full_y) {
  const tw_conic *c = s->full;
  for (int64_t i = 0; i < s->pre.reduced.m; i++)
    s->reduced_y[i] = (s->above[i] >= 0 ? y[s->above[i]] : 0) - (s->below[i] >= 0 ? y[s->below[i]] : 0);
  for (int64_t i = 0; i < c->m; i++) full_y[i] = s->linear[i] < 0 ? y[s->row[i]] : 0;
  tw_csc_apply_transpose(&c->a, full_y, s->outside);
}

void tw_conic_presolve_bring(const tw_conic_presolve *s, const double *x, const double *y, bool certificate, double *full_x,
                             double *full_y) {
  take_multipliers(s, y, full_y);
  if (certificate)
    tw_presolve_ray(&s->pre, x, full_x);
  else
    tw_presolve_point(&s->pre, x, full_x);
  if (certificate)
    tw_presolve_restore_farkas(&s->pre, s->reduced_y, s->outside, s->y, s->z);
  else
    tw_presolve_multipliers(&s->pre, s->reduced_y, s->outside, s->y, s->z);
  for (int64_t i = 0; i < s->full->m; i++) {
    const int64_t at = s->linear[i];
    if (at >= 0) full_y[i] = s->qp.row_lower[at] == -INFINITY ? fmax(0, s->y[at]) : s->y[at];
  }
}

void tw_conic_presolve_slack(const tw_conic_presolve *s, const double *full_x, const double *slack, double *full_slack) {
  const tw_csc *a = &s->full->a;
  tw_csc_apply(a, full_x, full_slack);
  for (int64_t i = 0; i < s->full->m; i++) {
    const int64_t at = s->linear[i];
    full_slack[i] = at < 0 ? slack[s->row[i]] : s->qp.row_lower[at] == -INFINITY ? fmax(0, -full_slack[i]) : 0;
  }
}
