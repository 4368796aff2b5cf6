/* Certificates of a program in arrays: judged by the rule of certificate.h, and made exact; see qp.h and qp_certify.h. */
#include "method/program/certificate.h"
#include "method/program/qp_certify.h"

enum { ROUNDS_MOST = 5 };
static const double NOISE = 1e-14; /* relative: what contributes less to every sum is a rounding error */
static const double NOISE_LEAST = 1e-12, NOISE_MOST = 1e-3;

/* ------------------------------------------------------------------ judging */

static double term_of(double v, double l, double u) {
  return v == 0 ? 0 : v * (v > 0 ? u : l);
}

static void add_terms(int64_t n, const double *l, const double *u, const double *v, double *sum, double *size) {
  for (int64_t i = 0; i < n; i++) {
    const double term = term_of(v[i], l[i], u[i]);
    *sum += term, *size += fabs(term);
  }
}

static tw_proof proof_infeasible(const tw_qp *qp, const double *y, const double *z) {
  double sigma = 0, t = 0;
  add_terms(qp->m, qp->row_lower, qp->row_upper, y, &sigma, &t);
  add_terms(qp->n, qp->lower, qp->upper, z, &sigma, &t);
  if (!(sigma < 0) || !isfinite(t)) return TW_PROOF_NONE;
  return (tw_proof){-sigma / t, tw_proof_columns(&qp->a, y, z)};
}

/* How far v leaves the recession cone of [l, u]. */
static double leaves(double v, double l, double u) {
  return v > 0 && u < INFINITY ? v : v < 0 && l > -INFINITY ? -v : 0;
}

static double slope(const tw_qp *qp, const double *d, double *size) {
  double sum = *size = 0;
  for (int64_t j = 0; j < qp->n; j++) sum += qp->q[j] * d[j], *size += fabs(qp->q[j] * d[j]);
  return sum;
}

/* P d and A d with their sizes: n + m numbers each. */
static double *sums_along(const tw_qp *qp, const double *d) {
  const int64_t n = qp->n, m = qp->m;
  double *sum = tw_alloc((size_t)(2 * (n + m)), sizeof *sum);
  if (!sum) return NULL;
  tw_proof_add_symmetric(&qp->p, d, sum, sum + n + m);
  tw_proof_add_rows(&qp->a, d, sum + n, sum + n + m + n);
  for (int64_t k = 0; k < n + m; k++) sum[k] = k < n ? fabs(sum[k]) : leaves(sum[k], qp->row_lower[k - n], qp->row_upper[k - n]);
  return sum;
}

static double left_by(const tw_qp *qp, const double *d) {
  double *sum = sums_along(qp, d), left = sum ? 0 : INFINITY;
  const int64_t all = qp->n + qp->m;
  for (int64_t k = 0; sum && k < all; k++) left = fmax(left, tw_proof_part(sum[k], sum[all + k]));
  for (int64_t j = 0; j < qp->n; j++)
    if (leaves(d[j], qp->lower[j], qp->upper[j]) > 0) left = 1;
  free(sum);
  return left;
}

static tw_proof proof_unbounded(const tw_qp *qp, const double *d) {
  double t;
  const double down = slope(qp, d, &t);
  return down < 0 && isfinite(t) ? (tw_proof){-down / t, left_by(qp, d)} : TW_PROOF_NONE;
}

static double margin_of(tw_proof p) {
  return tw_proof_holds(p, TW_PROOF_CERTAIN) ? p.margin : p.margin > 0 ? fmin(-p.left, -DBL_MIN) : -INFINITY;
}

double tw_qp_proves_infeasible(const tw_qp *qp, const double *y, const double *z) {
  return margin_of(proof_infeasible(qp, y, z));
}

double tw_qp_proves_unbounded(const tw_qp *qp, const double *d) {
  return margin_of(proof_unbounded(qp, d));
}

/* ------------------------------------------------------------------ multipliers made exact */

/* A multiplier without the sign its limits do not allow. */
static double allowed(double v, double l, double u) {
  return (v > 0 && u == INFINITY) || (v < 0 && l == -INFINITY) ? 0 : v;
}

/* z = -A'y where a bound allows it; r = -A'y. */
static void set_z(const tw_qp *qp, const double *y, double *z, double *r) {
  vec_zero(qp->n, r);
  tw_qp_add_at(qp, -1, y, r);
  for (int64_t j = 0; j < qp->n; j++) z[j] = allowed(r[j], qp->lower[j], qp->upper[j]);
}

static void clean_signs(const tw_qp *qp, double *y) {
  for (int64_t i = 0; i < qp->m; i++) y[i] = allowed(y[i], qp->row_lower[i], qp->row_upper[i]);
}

/* y_i that contribute nothing beyond noise become 0. z: anything; kept: m. */
static void drop_rows(const tw_qp *qp, double noise, double *y, double *z, double *r, bool *kept) {
  double sigma = 0, t = 0;
  set_z(qp, y, z, r);
  add_terms(qp->m, qp->row_lower, qp->row_upper, y, &sigma, &t);
  add_terms(qp->n, qp->lower, qp->upper, z, &sigma, &t);
  if (!(sigma < 0)) return;
  for (int64_t i = 0; i < qp->m; i++) kept[i] = fabs(term_of(y[i], qp->row_lower[i], qp->row_upper[i])) > noise * t;
  for (int64_t j = 0; j < qp->n; j++)
    if (!(fabs(term_of(z[j], qp->lower[j], qp->upper[j])) > noise * t)) z[j] = 0;
  for (int sweep = 0; tw_proof_reach_rows(&qp->a, y, z, noise, sweep, kept);) sweep++;
  for (int64_t i = 0; i < qp->m; i++)
    if (!kept[i]) y[i] = 0;
}

bool tw_qp_farkas(const tw_qp *qp, double *y, double *z, double *work, double *margin) {
  clean_signs(qp, y);
  drop_rows(qp, NOISE, y, z, work, (bool *)(work + qp->n));
  set_z(qp, y, z, work);
  const tw_proof proof = proof_infeasible(qp, y, z);
  *margin = margin_of(proof);
  return tw_proof_holds(proof, TW_PROOF_EXACT);
}

static double unit(const double *units, int64_t k) {
  return units ? units[k] : 1;
}

double tw_qp_farkas_noise(const tw_qp *qp, const double *y, const double *row, const double *column) {
  double left = 0, size = 0, own = 0;
  for (int64_t j = 0; j < qp->n; j++) {
    double sum = 0;
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++) {
      const double term = qp->a.value[k] * y[qp->a.row[k]];
      sum += term, size += unit(column, j) * fabs(term);
    }
    left += unit(column, j) * fabs(sum + allowed(-sum, qp->lower[j], qp->upper[j]));
  }
  for (int64_t i = 0; i < qp->m; i++) own += fabs(y[i]) / unit(row, i);
  return tw_proof_part(left, fmax(size, own));
}

/* y balanced in the columns whose bounds do not take up the rest; equation: n, more of them every round. */
static tw_status balance(const tw_qp *qp, double *y, double *z, double *work, double *weight, bool *equation, tw_error *error) {
  set_z(qp, y, z, work);
  for (int64_t j = 0; j < qp->n; j++) equation[j] = equation[j] || work[j] != z[j];
  for (int64_t i = 0; i < qp->m; i++) weight[i] = fabs(y[i]);
  TW_TRY(tw_proof_balance_columns(&qp->a, equation, weight, NULL, y, error));
  clean_signs(qp, y);
  set_z(qp, y, z, work);
  return TW_OK;
}

tw_status tw_qp_refine_farkas(const tw_qp *qp, double noise, double *y, double *z, double *work, bool *proven, tw_error *error) {
  bool *equation = tw_alloc((size_t)qp->n, sizeof *equation);
  double *weight = tw_alloc((size_t)qp->m, sizeof *weight);
  tw_status status = equation && weight ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for a certificate");
  *proven = false;
  if (status == TW_OK) {
    clean_signs(qp, y);
    drop_rows(qp, fmin(fmax(noise, NOISE_LEAST), NOISE_MOST), y, z, work, (bool *)(work + qp->n));
    set_z(qp, y, z, work);
    *proven = tw_proof_holds(proof_infeasible(qp, y, z), TW_PROOF_EXACT);
  }
  for (int round = 0; round < ROUNDS_MOST && !*proven && status == TW_OK; round++) {
    if (!(proof_infeasible(qp, y, z).margin > 0)) break;
    status = balance(qp, y, z, work, weight, equation, error);
    *proven = status == TW_OK && tw_proof_holds(proof_infeasible(qp, y, z), TW_PROOF_CERTAIN);
  }
  free(equation), free(weight);
  return status;
}

/* ------------------------------------------------------------------ directions made exact */

/* No way out of a bound, and nothing that contributes only noise; |d|_inf = 1. work: 2 n + m. */
static void drop_columns(const tw_qp *qp, double noise, double *d, double *work) {
  const int64_t n = qp->n;
  bool *kept = (bool *)(work + n + qp->m);
  double t;
  for (int64_t j = 0; j < n; j++)
    if (leaves(d[j], qp->lower[j], qp->upper[j]) > 0) d[j] = 0;
  slope(qp, d, &t);
  for (int64_t j = 0; j < n; j++) kept[j] = fabs(qp->q[j] * d[j]) > noise * t;
  int sweep = 0;
  for (bool more = true; more; sweep++) {
    more = tw_proof_reach_columns(&qp->a, false, d, noise, sweep, kept, work + n);
    if (tw_proof_reach_columns(&qp->p, true, d, noise, sweep, kept, work)) more = true;
  }
  for (int64_t j = 0; j < n; j++)
    if (!kept[j]) d[j] = 0;
  const double largest = vec_norm_inf(n, d);
  if (largest > 0) vec_scale(n, 1 / largest, d);
}

bool tw_qp_ray(const tw_qp *qp, double *d, double *work, double *margin) {
  drop_columns(qp, NOISE, d, work);
  const tw_proof proof = proof_unbounded(qp, d);
  *margin = margin_of(proof);
  return tw_proof_holds(proof, TW_PROOF_CERTAIN);
}

double tw_qp_ray_noise(const tw_qp *qp, const double *d, const double *row, const double *column) {
  double *sum = sums_along(qp, d), left = sum ? 0 : INFINITY, size = 0, own = 0;
  const int64_t n = qp->n, all = n + qp->m;
  for (int64_t k = 0; sum && k < all; k++) {
    const double u = k < n ? unit(column, k) : unit(row, k - n);
    left += u * sum[k], size += u * sum[all + k];
  }
  for (int64_t j = 0; j < n; j++) own += fabs(d[j]) / unit(column, j);
  free(sum);
  return tw_proof_part(left, fmax(size, own));
}

/* Rows that are left become equations, more of them every round: size [m], 0: none. room: n + 2 m. */
static tw_status straighten(const tw_qp *qp, double *d, double *size, double *room, tw_error *error) {
  const int64_t n = qp->n, m = qp->m;
  double *weight = room, *sum = room + n, *now = sum + m;
  vec_zero(2 * m, sum);
  tw_proof_add_rows(&qp->a, d, sum, now);
  for (int64_t i = 0; i < m; i++)
    if (size[i] > 0 || leaves(sum[i], qp->row_lower[i], qp->row_upper[i]) > 0) size[i] = now[i];
  for (int64_t j = 0; j < n; j++) weight[j] = fabs(d[j]);
  vec_zero(m, sum);
  TW_TRY(tw_proof_balance_rows(&qp->a, &qp->p, size, weight, sum, d, error));
  for (int64_t j = 0; j < n; j++)
    if (leaves(d[j], qp->lower[j], qp->upper[j]) > 0) d[j] = 0;
  return TW_OK;
}

tw_status tw_qp_refine_ray(const tw_qp *qp, double noise, double *d, double *work, bool *proven, tw_error *error) {
  double *size = tw_alloc((size_t)(qp->n + 3 * qp->m), sizeof *size);
  if (!size) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a certificate");
  tw_status status = TW_OK;
  drop_columns(qp, fmin(fmax(noise, NOISE_LEAST), NOISE_MOST), d, work);
  *proven = tw_proof_holds(proof_unbounded(qp, d), TW_PROOF_EXACT);
  for (int round = 0; round < ROUNDS_MOST && !*proven && status == TW_OK; round++) {
    if (!(proof_unbounded(qp, d).margin > 0)) break;
    status = straighten(qp, d, size, size + qp->m, error);
    *proven = status == TW_OK && tw_proof_holds(proof_unbounded(qp, d), TW_PROOF_CERTAIN);
  }
  free(size);
  return status;
}
