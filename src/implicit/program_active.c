/* The matrix of a program's active set without what is held or out,
 *
 *   K = [ H_FF   J_AF' ]   F: variables that move, A: rows that hold,
 *       [ J_AF   0     ]
 *
 * and its factorization: at a vertex of a linear program a small part of all unknowns. */
#include "implicit/program.h"
#include "base/try.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void close_patterns(tw_active *a) {
  tw_kkt_close(&a->kkt);
  free(a->place), free(a->index), free(a->number);
  *a = (tw_active){0};
}

void tw_active_close(tw_active *a) {
  close_patterns(a);
}

/* Places of the unknowns in K, -1: none. */
static tw_status place_unknowns(tw_program *s, tw_error *error) {
  tw_active *a = &s->active;
  a->place = tw_alloc((size_t)(s->n + s->m), sizeof *a->place);
  if (!a->place) return tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  for (int64_t k = 0; k < s->n; k++) a->place[k] = s->held[k] ? -1 : a->n++;
  for (int64_t i = 0; i < s->m; i++) a->place[s->n + i] = s->out[i] ? -1 : a->n + a->m++;
  return TW_OK;
}

/* Columns of `from` whose variables move, rows whose place is at least `first`; values too. */
static void take(const tw_program *s, const tw_csc *from, const int64_t *row_place, int64_t first, const double *value,
                 tw_pattern *to, double *out) {
  int64_t column = 0;
  for (int64_t k = 0; k < s->n; k++) {
    if (s->active.place[k] < 0) continue;
    to->colptr[column++] = to->nnz;
    for (int64_t p = from->start[k]; p < from->start[k + 1]; p++) {
      const int64_t row = row_place[from->row[p]];
      if (row < 0) continue;
      out[to->nnz] = value[p];
      to->rowidx[to->nnz++] = row - first;
    }
  }
  to->colptr[column] = to->nnz;
}

/* Patterns and numbers of H_FF and J_AF; no entries of H where h is NULL. */
static tw_status take_entries(tw_program *s, const double *h, tw_error *error) {
  tw_active *a = &s->active;
  const size_t hs = (size_t)csc_count(&s->hessian), js = (size_t)csc_count(&s->jacobian), columns = (size_t)a->n + 1;
  a->index = tw_alloc(2 * columns + hs + js, sizeof *a->index);
  a->number = tw_alloc(hs + js + (size_t)(a->n + a->m), sizeof *a->number);
  if (!a->index || !a->number) return tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  a->hv = a->number, a->jv = a->hv + hs, a->d = a->jv + js, a->e = a->d + a->n;
  a->h = (tw_pattern){.rows = a->n, .cols = a->n, .colptr = a->index, .rowidx = a->index + 2 * columns};
  a->j = (tw_pattern){.rows = a->m, .cols = a->n, .colptr = a->index + columns, .rowidx = a->h.rowidx + hs};
  if (h) take(s, &s->hessian, a->place, 0, h, &a->h, a->hv);
  take(s, &s->jacobian, a->place + s->n, a->n, s->j, &a->j, a->jv);
  for (int64_t k = 0; k < a->n; k++) a->d[k] = h ? 0 : 1;
  return TW_OK;
}

tw_status tw_active_factor(tw_program *s, const double *h, int64_t *negative, double *condition, tw_error *error) {
  tw_active *a = &s->active;
  close_patterns(a);
  TW_TRY(place_unknowns(s, error));
  *negative = s->m - a->m; /* as if rows that are out had -1 on the diagonal */
  *condition = 1;
  if (a->n + a->m == 0) return TW_OK;
  int64_t own;
  TW_TRY(take_entries(s, h, error));
  TW_TRY(tw_kkt_open(&a->kkt, &a->h, &a->j, TW_FACTOR_INDEFINITE, error));
  TW_TRY(tw_kkt_factor(&a->kkt, a->hv, a->jv, a->d, a->e, NULL, NULL, &own, error));
  *condition = own < 0 ? INFINITY : tw_factor_condition(a->kkt.factor);
  *negative = own < 0 ? -1 : *negative + own;
  return TW_OK;
}

/* r = b - K x in K's own numbering, and |r| / |b|. */
static double residual_of(const tw_active *a, const double *b, const double *x, double *r) {
  const int64_t n = a->n, order = n + a->m;
  memcpy(r, b, (size_t)order * sizeof *r);
  for (int64_t k = 0; k < n; k++) {
    for (int64_t p = a->h.colptr[k]; p < a->h.colptr[k + 1]; p++) {
      const int64_t i = a->h.rowidx[p];
      r[i] -= a->hv[p] * x[k];
      if (i != k) r[k] -= a->hv[p] * x[i];
    }
    for (int64_t p = a->j.colptr[k]; p < a->j.colptr[k + 1]; p++) {
      const int64_t i = n + a->j.rowidx[p];
      r[i] -= a->jv[p] * x[k], r[k] -= a->jv[p] * x[i];
    }
  }
  const double size = tw_vec_norm2(b, (size_t)order);
  return size > 0 ? tw_vec_norm2(r, (size_t)order) / size : 0;
}

static double residuals_of(const tw_active *a, int64_t columns, const double *b, const double *x, double *r) {
  const int64_t order = a->n + a->m;
  double most = 0;
  for (int64_t c = 0; c < columns; c++) {
    const double one = residual_of(a, b + c * order, x + c * order, r + c * order);
    most = one > most || isnan(one) ? one : most;
  }
  return most;
}

/* One step of iterative refinement. */
tw_status tw_program_solve(tw_program *s, int64_t columns, double *xy, double *residual, tw_error *error) {
  const tw_active *a = &s->active;
  const int64_t all = s->n + s->m, order = a->n + a->m, total = order * columns;
  double *b = tw_alloc((size_t)(3 * total), sizeof *b), *x = b + total, *r = x + total;
  *residual = 0;
  if (!b) return tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  for (int64_t c = 0; c < columns; c++)
    for (int64_t i = 0; i < all; i++)
      if (a->place[i] >= 0) b[c * order + a->place[i]] = xy[c * all + i];
  tw_status status = order > 0 ? tw_factor_solve(a->kkt.factor, false, columns, b, x, error) : TW_OK;
  if (status == TW_OK && order > 0) {
    residuals_of(a, columns, b, x, r);
    status = tw_factor_solve(a->kkt.factor, false, columns, r, r, error);
    for (int64_t i = 0; i < total && status == TW_OK; i++) x[i] += r[i];
    if (status == TW_OK) *residual = residuals_of(a, columns, b, x, r);
  }
  for (int64_t c = 0; c < columns && status == TW_OK; c++)
    for (int64_t i = 0; i < all; i++) xy[c * all + i] = a->place[i] >= 0 ? x[c * order + a->place[i]] : 0;
  free(b);
  return status;
}
