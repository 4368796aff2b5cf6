/* Certificates of infeasible and unbounded programs; see qp_certify.h. */
#include "method/program/qp_certify.h"

#include "linear/csc.h"

static const double ROUNDING = 1e-10; /* of the terms of a sum, what a proof must exceed */
static const double NOISE = 1e-14; /* of the largest y, what is taken for 0 */
static const double BALANCE = 1e-12; /* of the terms of A'y, what may be left of A'y + z */

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

/* ------------------------------------------------------------------ judging */

/* A multiplier without the sign its limits do not allow. */
static double allowed(double v, double l, double u) {
  return (v > 0 && u == INFINITY) || (v < 0 && l == -INFINITY) ? 0 : v;
}

static double terms(int64_t n, const double *l, const double *u, const double *v) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++)
    if (v[i] != 0) sum += fabs(v[i] * (v[i] > 0 ? u[i] : l[i]));
  return sum;
}

/* A'y + z = 0 to the rounding of its sums; r: -A'y. */
static bool balances(const tw_qp *qp, const double *y, const double *z, const double *r) {
  for (int64_t j = 0; j < qp->n; j++) {
    double size = 0;
    for (int64_t k = qp->a.start[j]; r[j] != z[j] && k < qp->a.start[j + 1]; k++) size += fabs(qp->a.value[k] * y[qp->a.row[k]]);
    if (fabs(r[j] - z[j]) > BALANCE * size) return false;
  }
  return true;
}

bool tw_qp_farkas(const tw_qp *qp, double *y, double *z, double *work, double *margin) {
  const int64_t n = qp->n, m = qp->m;
  *margin = -INFINITY;
  const double noise = NOISE * vec_norm_inf(m, y);
  for (int64_t i = 0; i < m; i++) y[i] = fabs(y[i]) <= noise ? 0 : allowed(y[i], qp->row_lower[i], qp->row_upper[i]);
  vec_zero(n, work);
  tw_qp_add_at(qp, -1, y, work);
  for (int64_t j = 0; j < n; j++) z[j] = allowed(work[j], qp->lower[j], qp->upper[j]);
  if (!balances(qp, y, z, work)) return false;
  *margin = tw_qp_proves_infeasible(qp, y, z, work);
  const double scale = fmax(vec_norm_inf(m, y), vec_norm_inf(n, z));
  const double size = (terms(m, qp->row_lower, qp->row_upper, y) + terms(n, qp->lower, qp->upper, z)) / scale;
  return *margin > ROUNDING * size;
}

bool tw_qp_ray(const tw_qp *qp, double *d, double *work, double *margin) {
  const double scale = vec_norm_inf(qp->n, d);
  double size = 0;
  *margin = -INFINITY;
  if (!(scale > 0) || !isfinite(scale)) return false;
  for (int64_t j = 0; j < qp->n; j++) {
    d[j] /= scale;
    size += fabs(qp->q[j] * d[j]);
  }
  *margin = tw_qp_proves_unbounded(qp, d, work);
  return *margin > ROUNDING * size;
}
