/* One layer of presolve: passes over rows and columns; see presolve.h. */
#include "linear/csc.h"
#include "method/program/presolve_work.h"

enum { PASSES_MOST = 20 };

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "presolve: out of memory");
}

/* ------------------------------------------------------------------ taking away */

tw_status presolve_record(presolve_work *w, presolve_step step) {
  presolve_layer *s = w->s;
  if (s->steps == s->step_room) {
    const int64_t room = 2 * s->step_room + 64;
    presolve_step *grown = realloc(s->step, (size_t)room * sizeof *grown);
    if (!grown) return out_of_memory(w->error);
    s->step = grown, s->step_room = room;
  }
  s->step[s->steps++] = step;
  w->changes++;
  return TW_OK;
}

void presolve_leave_rows(presolve_work *w, int64_t j) {
  const tw_csc *a = &w->qp->a;
  for (int64_t k = a->start[j]; k < a->start[j + 1]; k++)
    if (a->value[k] != 0 && row_left(w, a->row[k])) w->row_count[a->row[k]]--;
}

void presolve_shift_rows(presolve_work *w, int64_t j, double value) {
  const tw_csc *a = &w->qp->a;
  for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
    const int64_t i = a->row[k];
    if (a->value[k] == 0 || !row_left(w, i)) continue;
    w->rl[i] -= a->value[k] * value;
    w->ru[i] -= a->value[k] * value;
  }
}

tw_status presolve_fix(presolve_work *w, int64_t j, double value) {
  w->s->column_step[j] = w->s->steps;
  presolve_leave_rows(w, j);
  presolve_shift_rows(w, j, value);
  return presolve_record(w, (presolve_step){.kind = PRESOLVE_FIX, .j = j, .value = value});
}

tw_status presolve_remove_row(presolve_work *w, presolve_step step) {
  const tw_csc *at = &w->s->at;
  presolve_promote(w, step.i, 0);
  w->s->row_step[step.i] = w->s->steps;
  for (int64_t k = at->start[step.i]; k < at->start[step.i + 1]; k++)
    if (at->value[k] != 0 && column_left(w, at->row[k])) w->column_count[at->row[k]]--;
  return presolve_record(w, step);
}

int64_t presolve_only_column(const presolve_work *w, int64_t i, double *a) {
  const tw_csc *at = &w->s->at;
  for (int64_t k = at->start[i]; k < at->start[i + 1]; k++)
    if (at->value[k] != 0 && column_left(w, at->row[k])) return *a = at->value[k], at->row[k];
  return -1;
}

double presolve_largest_in_row(const presolve_work *w, int64_t i) {
  const tw_csc *at = &w->s->at;
  double most = 0;
  for (int64_t k = at->start[i]; k < at->start[i + 1]; k++)
    if (column_left(w, at->row[k])) most = fmax(most, fabs(at->value[k]));
  return most;
}

tw_activity presolve_activity(const presolve_work *w, int64_t i, const double *l, const double *u, int64_t but) {
  const tw_bounded_rows rows = {&w->s->at, l, u, w->s->column_step};
  return tw_row_activity(&rows, i, but);
}

/* ------------------------------------------------------------------ passes */

static void count_entries(presolve_work *w) {
  const tw_qp *qp = w->qp;
  for (int64_t j = 0; j < qp->n; j++) {
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++)
      if (qp->a.value[k] != 0) w->column_count[j]++, w->row_count[qp->a.row[k]]++;
    for (int64_t k = qp->p.start[j]; k < qp->p.start[j + 1]; k++)
      if (qp->p.value[k] != 0) w->curved[j] = w->curved[qp->p.row[k]] = true;
  }
}

/* Bounds of integers are integers. */
static void round_integers(presolve_work *w) {
  static const double INTEGRAL = 1e-9;
  for (int64_t j = 0; j < w->qp->n; j++)
    if (is_integer(w, j)) w->l[j] = ceil(w->l[j] - INTEGRAL) + 0.0, w->u[j] = floor(w->u[j] + INTEGRAL) + 0.0;
}

static tw_status open_work(presolve_work *w) {
  const tw_qp *qp = w->qp;
  const size_t n = (size_t)qp->n, m = (size_t)qp->m;
  w->l = tw_alloc(5 * n + 4 * m, sizeof(double));
  w->column_count = tw_alloc(2 * n + 2 * m, sizeof *w->column_count);
  w->curved = tw_alloc(n, sizeof *w->curved);
  if (!w->l || !w->column_count || !w->curved) return out_of_memory(w->error);
  w->u = w->l + n, w->tl = w->u + n, w->tu = w->tl + n, w->cost_size = w->tu + n;
  w->rl = w->cost_size + n, w->ru = w->rl + m, w->dual_lower = w->ru + m, w->dual_upper = w->dual_lower + m;
  w->row_count = w->column_count + n, w->tightened = w->row_count + m, w->joined = w->tightened + m;
  for (size_t j = 0; j < n; j++) w->cost_size[j] = fabs(qp->q[j]);
  for (size_t i = 0; i < m; i++) w->tightened[i] = -1;
  vec_copy(qp->n, qp->lower, w->l), vec_copy(qp->n, qp->upper, w->u);
  round_integers(w);
  vec_copy(qp->n, w->l, w->tl), vec_copy(qp->n, w->u, w->tu);
  vec_copy(qp->m, qp->row_lower, w->rl), vec_copy(qp->m, qp->row_upper, w->ru);
  count_entries(w);
  return TW_OK;
}

static tw_status run_passes(presolve_work *w) {
  for (w->pass = 0; w->pass < PASSES_MOST && *w->found == TW_RUNNING; w->pass++) {
    w->changes = 0;
    TW_TRY(presolve_rows(w));
    if (*w->found == TW_RUNNING) TW_TRY(presolve_columns(w));
    if (*w->found == TW_RUNNING) TW_TRY(presolve_duplicates(w));
    if (w->changes == 0) break;
  }
  return *w->found == TW_RUNNING ? presolve_aggregate(w) : TW_OK;
}

/* ------------------------------------------------------------------ memory */

static tw_status allocate(presolve_layer *s, tw_error *error) {
  const size_t n = (size_t)s->qp->n, m = (size_t)s->qp->m;
  s->column = tw_alloc(n + 1, sizeof *s->column), s->row = tw_alloc(m + 1, sizeof *s->row);
  s->column_step = tw_alloc(n, sizeof *s->column_step), s->row_step = tw_alloc(m, sizeof *s->row_step);
  s->cost = tw_alloc(5 * n + m, sizeof(double));
  if (!s->column || !s->row || !s->column_step || !s->row_step || !s->cost) return out_of_memory(error);
  s->x = s->cost + n, s->z = s->x + n, s->px = s->z + n, s->joined = s->px + n, s->y = s->joined + n;
  for (size_t j = 0; j < n; j++) s->column_step[j] = INT64_MAX;
  for (size_t i = 0; i < m; i++) s->row_step[i] = INT64_MAX;
  vec_copy(s->qp->n, s->qp->q, s->cost);
  return tw_csc_transpose(&s->at, &s->qp->a, error);
}

tw_status presolve_layer_open(presolve_layer *s, const tw_qp *qp, const tw_presolve_rules *rules, tw_outcome *found, tw_error *error) {
  *s = (presolve_layer){.qp = qp, .contradiction = -1};
  TW_TRY(allocate(s, error));
  presolve_work w = {.s = s, .qp = qp, .found = found, .error = error};
  if (rules) w.held = rules->held, w.kinds = rules->integer ? qp->kinds : NULL;
  tw_status status = open_work(&w);
  if (status == TW_OK && rules) status = run_passes(&w);
  if (status == TW_OK) status = presolve_cut(&w);
  free(w.l);
  free(w.column_count);
  free(w.curved);
  return status;
}

void presolve_layer_close(presolve_layer *s) {
  tw_qp_free(&s->left);
  tw_csc_free(&s->at);
  free(s->column), free(s->row);
  free(s->column_step), free(s->row_step);
  free(s->step), free(s->cost);
}
