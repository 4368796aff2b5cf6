/* The cone of positive semidefinite matrices, as scaled vectors; see domain.h. */
#include "domain/cones.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

/* data: V [k, k] by columns, w [k], two matrices of room, and LAPACK's. */
enum { LAPACK_PER_COLUMN = 34 };

int64_t tw_cone_psd_data(int64_t k) {
  return 3 * k * k + k + LAPACK_PER_COLUMN * k + 16;
}

/* The lower triangle of X by columns, and the whole of it. */
static void unpack(int64_t k, const double *v, double *x) {
  for (int64_t j = 0; j < k; j++)
    for (int64_t i = j; i < k; i++) x[j * k + i] = x[i * k + j] = i == j ? *v++ : *v++ * M_SQRT1_2;
}

static void pack(int64_t k, const double *x, double *v) {
  for (int64_t j = 0; j < k; j++)
    for (int64_t i = j; i < k; i++) *v++ = i == j ? x[j * k + i] : x[j * k + i] * M_SQRT2;
}

/* V diag(max(w, 0)) V', from the side with fewer eigenvalues: that of the positive, or X less that of the negative. */
tw_status tw_cone_psd_project(int64_t k, double *data, const double *v, double *out, tw_error *error) {
  double *vectors = data, *w = data + k * k, *room = w + k, *left = room + k * k;
  if (k == 1) {
    vectors[0] = 1, w[0] = v[0], out[0] = fmax(v[0], 0);
    return TW_OK;
  }
  unpack(k, v, vectors);
  const lapack_int info = LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'V', 'L', (lapack_int)k, vectors, (lapack_int)k, w, left + k * k,
                                             (lapack_int)(LAPACK_PER_COLUMN * k));
  if (info != 0) return tw_fail(error, TW_ERR_NUMERIC, "psd cone of order %lld: its eigenvalues were not found", (long long)k);
  int64_t negative = 0;
  while (negative < k && w[negative] <= 0) negative++;
  const bool few_positive = k - negative <= negative;
  const int64_t first = few_positive ? negative : 0, count = few_positive ? k - negative : negative;
  for (int64_t j = 0; j < count; j++)
    for (int64_t i = 0; i < k; i++) left[j * k + i] = fabs(w[first + j]) * vectors[(first + j) * k + i];
  if (count == 0) memset(room, 0, (size_t)(k * k) * sizeof *room);
  if (count > 0)
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, (blasint)k, (blasint)k, (blasint)count, 1, left, (blasint)k,
                vectors + first * k, (blasint)k, 0, room, (blasint)k);
  for (int64_t j = 0, e = 0; j < k; j++)
    for (int64_t i = j; i < k; i++, e++) {
      const double part = (room[j * k + i] + room[i * k + j]) / 2 * (i == j ? 1 : M_SQRT2);
      out[e] = few_positive ? part : v[e] + part;
    }
  return TW_OK;
}

double tw_cone_psd_margin(int64_t k, const double *data) {
  double least = INFINITY;
  for (int64_t i = 0; i < k; i++) least = fmin(least, fabs(data[k * k + i]));
  return least;
}

/* V (B o V'HV) V', B_ij = (w+_i - w+_j) / (w_i - w_j), which is (w+_i + w+_j) / (|w_i| + |w_j|) (Malick & Sendov, 2006). */
void tw_cone_psd_apply(int64_t k, double *data, const double *d, double *out) {
  const double *vectors = data, *w = data + k * k;
  double *h = data + k * k + k, *room = h + k * k;
  const blasint n = (blasint)k;
  unpack(k, d, h);
  cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, n, n, n, 1, vectors, n, h, n, 0, room, n);
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, room, n, vectors, n, 0, h, n);
  for (int64_t j = 0; j < k; j++)
    for (int64_t i = 0; i < k; i++) {
      const double size = fabs(w[i]) + fabs(w[j]);
      h[j * k + i] *= size > 0 ? (fmax(w[i], 0) + fmax(w[j], 0)) / size : 0;
    }
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, vectors, n, h, n, 0, room, n);
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, n, n, n, 1, room, n, vectors, n, 0, h, n);
  for (int64_t j = 0; j < k; j++)
    for (int64_t i = 0; i < j; i++) h[i * k + j] = h[j * k + i] = (h[i * k + j] + h[j * k + i]) / 2;
  pack(k, h, out);
}
