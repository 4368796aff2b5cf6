/* A program, reduced and scaled: passes over rows and columns, and what is left; see presolve.h. */
#include "method/program/presolve_work.h"

#include "linear/csc.h"

enum { PASSES_MOST = 20 };

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "presolve: out of memory");
}

/* ------------------------------------------------------------------ taking away */

tw_status presolve_record(presolve_work *w, presolve_step step) {
  tw_presolve *s = w->s;
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

static void leave_rows(presolve_work *w, int64_t j, double value) {
  const tw_csc *a = &w->qp->a;
  for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
    const int64_t i = a->row[k];
    if (a->value[k] == 0 || !row_left(w, i)) continue;
    w->row_count[i]--;
    w->rl[i] -= a->value[k] * value;
    w->ru[i] -= a->value[k] * value;
  }
}

tw_status presolve_fix(presolve_work *w, int64_t j, double value) {
  w->s->column_step[j] = w->s->steps;
  leave_rows(w, j, value);
  return presolve_record(w, (presolve_step){.kind = PRESOLVE_FIX, .j = j, .value = value});
}

tw_status presolve_remove_row(presolve_work *w, presolve_step step) {
  const tw_csc *at = &w->s->at;
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

/* ------------------------------------------------------------------ passes */

static tw_status open_work(presolve_work *w, tw_presolve *s, tw_error *error) {
  const tw_qp *qp = s->qp;
  const size_t n = (size_t)qp->n, m = (size_t)qp->m;
  *w = (presolve_work){.s = s, .qp = qp, .error = error};
  w->l = tw_alloc(3 * n + 4 * m, sizeof(double));
  w->column_count = tw_alloc(n + m, sizeof *w->column_count);
  w->curved = tw_alloc(n, sizeof *w->curved);
  if (!w->l || !w->column_count || !w->curved) return out_of_memory(error);
  w->u = w->l + n, w->rl = w->u + n, w->ru = w->rl + m, w->dual_lower = w->ru + m, w->dual_upper = w->dual_lower + m;
  w->cost_size = w->dual_upper + m;
  for (size_t j = 0; j < n; j++) w->cost_size[j] = fabs(qp->q[j]);
  w->row_count = w->column_count + n;
  vec_copy(qp->n, qp->lower, w->l), vec_copy(qp->n, qp->upper, w->u);
  vec_copy(qp->m, qp->row_lower, w->rl), vec_copy(qp->m, qp->row_upper, w->ru);
  for (int64_t j = 0; j < qp->n; j++) {
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++)
      if (qp->a.value[k] != 0) w->column_count[j]++, w->row_count[qp->a.row[k]]++;
    for (int64_t k = qp->p.start[j]; k < qp->p.start[j + 1]; k++)
      if (qp->p.value[k] != 0) w->curved[j] = w->curved[qp->p.row[k]] = true;
  }
  return TW_OK;
}

static void close_work(presolve_work *w) {
  free(w->l);
  free(w->column_count);
  free(w->curved);
}

static tw_status run_passes(presolve_work *w) {
  for (int pass = 0; pass < PASSES_MOST && w->s->found == TW_RUNNING; pass++) {
    w->changes = 0;
    TW_TRY(presolve_rows(w));
    if (w->s->found == TW_RUNNING) TW_TRY(presolve_columns(w));
    if (w->s->found == TW_RUNNING) TW_TRY(presolve_duplicates(w));
    if (w->changes == 0) return TW_OK;
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ what is left */

/* Of `from`, the rows that have a place and the columns listed; a lower triangle stays one. */
static tw_status cut_matrix(tw_csc *out, const tw_csc *from, const int64_t *row_place, const int64_t *column, int64_t rows, int64_t cols,
                            tw_error *error) {
  int64_t count = 0;
  for (int64_t j = 0; j < cols; j++)
    for (int64_t k = from->start[column[j]]; k < from->start[column[j] + 1]; k++)
      count += from->value[k] != 0 && row_place[from->row[k]] >= 0;
  TW_TRY(csc_new(out, rows, cols, count, error));
  int64_t at = 0;
  for (int64_t j = 0; j < cols; j++) {
    for (int64_t k = from->start[column[j]]; k < from->start[column[j] + 1]; k++)
      if (from->value[k] != 0 && row_place[from->row[k]] >= 0) out->row[at] = row_place[from->row[k]], out->value[at++] = from->value[k];
    out->start[j + 1] = at;
  }
  return TW_OK;
}

/* Costs of the columns left, with the curvature towards fixed ones. */
static void cut_costs(const presolve_work *w, const double *fixed, double *shifted) {
  tw_presolve *s = w->s;
  vec_zero(s->qp->n, shifted);
  tw_qp_add_p(s->qp, 1, fixed, shifted);
  for (int64_t j = 0; j < s->reduced.n; j++) s->reduced.q[j] = s->cost[s->column[j]] + shifted[s->column[j]];
}

static tw_status cut_program(const presolve_work *w, int64_t *place, double *fixed) {
  tw_presolve *s = w->s;
  tw_qp *out = &s->reduced;
  const int64_t n = s->qp->n, m = s->qp->m;
  int64_t *row_place = place + n;
  for (int64_t j = 0; j < n; j++) place[j] = column_left(w, j) ? out->n : -1, s->column[out->n] = j, out->n += place[j] >= 0;
  for (int64_t i = 0; i < m; i++) row_place[i] = row_left(w, i) ? out->m : -1, s->row[out->m] = i, out->m += row_place[i] >= 0;
  const int64_t cols = out->n, rows = out->m;
  TW_TRY(tw_qp_new(out, cols, rows, 0, 0, w->error));
  tw_csc_free(&out->a), tw_csc_free(&out->p);
  TW_TRY(cut_matrix(&out->a, &s->qp->a, row_place, s->column, rows, cols, w->error));
  TW_TRY(cut_matrix(&out->p, &s->qp->p, place, s->column, cols, cols, w->error));
  for (int64_t j = 0; j < cols; j++) out->lower[j] = w->l[s->column[j]], out->upper[j] = w->u[s->column[j]];
  for (int64_t i = 0; i < rows; i++) out->row_lower[i] = w->rl[s->row[i]], out->row_upper[i] = w->ru[s->row[i]];
  for (int64_t t = 0; t < s->steps; t++)
    if (s->step[t].kind == PRESOLVE_FIX) fixed[s->step[t].j] = s->step[t].value;
  cut_costs(w, fixed, fixed + n);
  return TW_OK;
}

static tw_status allocate(tw_presolve *s, tw_error *error) {
  const size_t n = (size_t)s->qp->n, m = (size_t)s->qp->m;
  s->column = tw_alloc(n + 1, sizeof *s->column), s->row = tw_alloc(m + 1, sizeof *s->row);
  s->column_scale = tw_alloc(n, sizeof(double)), s->row_scale = tw_alloc(m, sizeof(double));
  s->column_step = tw_alloc(n, sizeof *s->column_step), s->row_step = tw_alloc(m, sizeof *s->row_step);
  s->cost = tw_alloc(n, sizeof(double));
  if (!s->column || !s->row || !s->column_scale || !s->row_scale || !s->column_step || !s->row_step || !s->cost)
    return out_of_memory(error);
  for (size_t j = 0; j < n; j++) s->column_step[j] = INT64_MAX;
  for (size_t i = 0; i < m; i++) s->row_step[i] = INT64_MAX;
  vec_copy(s->qp->n, s->qp->q, s->cost);
  return tw_csc_transpose(&s->at, &s->qp->a, error);
}

tw_status tw_presolve_open(tw_presolve *s, const tw_qp *qp, bool reduce, tw_error *error) {
  *s = (tw_presolve){.qp = qp, .found = TW_RUNNING, .cost_scale = 1, .contradiction = -1};
  TW_TRY(allocate(s, error));
  presolve_work w;
  tw_status status = open_work(&w, s, error);
  int64_t *place = tw_alloc((size_t)(qp->n + qp->m), sizeof *place);
  double *fixed = tw_alloc((size_t)(2 * qp->n), sizeof *fixed);
  if (status == TW_OK && (!place || !fixed)) status = out_of_memory(error);
  if (status == TW_OK && reduce) status = run_passes(&w);
  if (status == TW_OK) status = cut_program(&w, place, fixed);
  close_work(&w);
  free(place), free(fixed);
  return status == TW_OK ? tw_presolve_scale(s, error) : status;
}

void tw_presolve_close(tw_presolve *s) {
  tw_qp_free(&s->reduced);
  tw_csc_free(&s->at);
  free(s->column), free(s->row);
  free(s->column_scale), free(s->row_scale);
  free(s->column_step), free(s->row_step);
  free(s->step), free(s->cost);
}
