/* Programs whose solutions are certificates; see qp_certify.h. */
#include "method/program/qp_certify.h"

#include "linear/csc.h"

/* ------------------------------------------------------------------ the elastic program */

tw_status tw_qp_elastic(tw_qp *out, const tw_qp *qp, tw_error *error) {
  const int64_t n = qp->n, m = qp->m, count = qp->a.start[n];
  int64_t extra = 0;
  for (int64_t i = 0; i < m; i++) extra += (qp->row_lower[i] > -INFINITY) + (qp->row_upper[i] < INFINITY);
  TW_TRY(tw_qp_new(out, n + extra, m, 0, count + extra, error));
  vec_copy(n, qp->lower, out->lower), vec_copy(n, qp->upper, out->upper);
  vec_copy(m, qp->row_lower, out->row_lower), vec_copy(m, qp->row_upper, out->row_upper);
  memcpy(out->a.start, qp->a.start, (size_t)(n + 1) * sizeof *out->a.start);
  if (count > 0) memcpy(out->a.row, qp->a.row, (size_t)count * sizeof *out->a.row);
  vec_copy(count, qp->a.value, out->a.value);
  int64_t j = n, at = count;
  for (int64_t i = 0; i < m; i++)
    for (int side = 0; side < 2; side++) {
      if (side == 0 ? qp->row_lower[i] == -INFINITY : qp->row_upper[i] == INFINITY) continue;
      out->a.row[at] = i, out->a.value[at++] = side == 0 ? 1 : -1;
      out->lower[j] = 0, out->q[j] = 1;
      out->a.start[++j] = at;
    }
  return TW_OK;
}

/* ------------------------------------------------------------------ the program of rays */

typedef struct triplets {
  int64_t n, *row, *col;
  double *value;
} triplets;

static void add(triplets *t, int64_t row, int64_t col, double value) {
  t->row[t->n] = row, t->col[t->n] = col, t->value[t->n++] = value;
}

/* Rows of A, then of P's rows that have entries: place[j]. */
static void list_entries(const tw_qp *qp, const int64_t *place, triplets *t) {
  for (int64_t j = 0; j < qp->n; j++) {
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++) add(t, qp->a.row[k], j, qp->a.value[k]);
    for (int64_t k = qp->p.start[j]; k < qp->p.start[j + 1]; k++) {
      const int64_t i = qp->p.row[k];
      add(t, place[i], j, qp->p.value[k]);
      if (i != j) add(t, place[j], i, qp->p.value[k]);
    }
  }
}

/* The recession cone of [l, u], cut at most. */
static void cone(double l, double u, double most, double *lower, double *upper) {
  *lower = l > -INFINITY ? 0 : -most;
  *upper = u < INFINITY ? 0 : most;
}

static tw_status fill_recession(tw_qp *out, const tw_qp *qp, const triplets *t, tw_error *error) {
  tw_csc_free(&out->a);
  TW_TRY(tw_csc_from_triplets(&out->a, out->m, out->n, t->n, t->row, t->col, t->value, error));
  vec_copy(qp->n, qp->q, out->q);
  for (int64_t j = 0; j < qp->n; j++) cone(qp->lower[j], qp->upper[j], 1, &out->lower[j], &out->upper[j]);
  for (int64_t i = 0; i < out->m; i++) out->row_lower[i] = out->row_upper[i] = 0;
  for (int64_t i = 0; i < qp->m; i++) cone(qp->row_lower[i], qp->row_upper[i], INFINITY, &out->row_lower[i], &out->row_upper[i]);
  return TW_OK;
}

tw_status tw_qp_recession(tw_qp *out, const tw_qp *qp, tw_error *error) {
  const int64_t n = qp->n, most = qp->a.start[n] + 2 * qp->p.start[n];
  int64_t *place = tw_alloc((size_t)n, sizeof *place), rows = qp->m;
  triplets t = {0, tw_alloc((size_t)most, sizeof *t.row), tw_alloc((size_t)most, sizeof *t.col), tw_alloc((size_t)most, sizeof *t.value)};
  tw_status status = place && t.row && t.col && t.value ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for a program of rays");
  if (status == TW_OK) {
    for (int64_t j = 0; j < n; j++)
      for (int64_t k = qp->p.start[j]; k < qp->p.start[j + 1]; k++) place[j] = place[qp->p.row[k]] = 1;
    for (int64_t j = 0; j < n; j++) place[j] = place[j] != 0 ? rows++ : -1;
    list_entries(qp, place, &t);
    status = tw_qp_new(out, n, rows, 0, 0, error);
  }
  if (status == TW_OK) status = fill_recession(out, qp, &t, error);
  free(place), free(t.row), free(t.col), free(t.value);
  return status;
}
