/* lsq_dense: the damped linear least-squares problem by orthogonal factors, never by normal equations, which
 * would square the condition number: A = J D^-1 is factored once per iterate, A P = Q R with column pivoting
 * (Businger & Golub 1965), and every mu costs the QR of the small stacked matrix [R; sqrt(mu) I]. */
#include <lapacke.h>

#include "method/leastsq/damped.h"
#include "method/leastsq/lsq.h"

/* The free columns of J, scaled, column-major; p of them. */
static int64_t gather_columns(tw_lsq *s) {
  int64_t p = 0;
  for (int64_t j = 0; j < s->n; j++) {
    if (s->free[j] == 0) continue;
    double *column = s->qr + p++ * s->k;
    for (int64_t i = 0; i < s->k; i++) column[i] = s->jacobian[i * s->n + j] / s->d[j];
  }
  return p;
}

/* b <- Q'b */
static tw_status apply_qt(const tw_lsq *s, int64_t q, double *b) {
  if (q == 0) return TW_OK;
  const lapack_int k = (lapack_int)s->k;
  return tw_lapack_status(
      LAPACKE_dormqr(LAPACK_COL_MAJOR, 'L', 'T', k, 1, (lapack_int)q, s->qr, k, s->tau, b, k), "dormqr",
      s->run->error);
}

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

tw_status tw_lsq_factor_dense(tw_lsq *s) {
  const int64_t p = gather_columns(s), q = smaller(s->k, p);
  vec_copy(s->k, s->r, s->qtr);
  s->scalars[TW_LSQ_RANK] = s->scalars[TW_LSQ_PROJECTED] = 0;
  if (q == 0) return TW_OK;
  lapack_int *pivot = tw_alloc((size_t)p, sizeof *pivot);
  if (!pivot) return tw_fail(s->run->error, TW_ERR_MEMORY, "out of memory");
  const lapack_int info = LAPACKE_dgeqp3(LAPACK_COL_MAJOR, (lapack_int)s->k, (lapack_int)p, s->qr,
                                         (lapack_int)s->k, pivot, s->tau);
  for (int64_t j = 0; j < p; j++) s->pivot[j] = (double)(pivot[j] - 1);
  free(pivot);
  TW_TRY(tw_lapack_status(info, "dgeqp3", s->run->error));
  TW_TRY(apply_qt(s, q, s->qtr));
  const double least = fabs(s->qr[0]) * DBL_EPSILON * (double)(s->k > p ? s->k : p);
  int64_t rank = 0;
  while (rank < q && fabs(s->qr[rank * s->k + rank]) > least) rank++;
  s->scalars[TW_LSQ_RANK] = (double)rank;
  s->scalars[TW_LSQ_PROJECTED] = vec_norm(rank, s->qtr);
  return TW_OK;
}

/* w = -R^-1 c on the leading `rank` rows and columns, zero after. */
static void back_substitute(int64_t rank, int64_t p, const double *r, int64_t ld, const double *c,
                            double *w) {
  vec_zero(p, w);
  for (int64_t i = 0; i < rank; i++) w[i] = -c[i];
  for (int64_t j = rank - 1; j >= 0; j--) {
    w[j] /= r[j * ld + j];
    vec_axpy(j, -w[j], r + j * ld, w);
  }
}

/* step = D^-1 P w over the free variables. */
static void scatter(const tw_lsq *s, int64_t p, const double *w, double *column_step, double *step) {
  for (int64_t j = 0; j < p; j++) column_step[(int64_t)s->pivot[j]] = w[j];
  for (int64_t j = 0, at = 0; j < s->n; j++) step[j] = s->free[j] == 0 ? 0 : column_step[at++] / s->d[j];
}

tw_status tw_lsq_solve_dense(tw_lsq *s, const double *b, double mu, double *step) {
  const int64_t p = (int64_t)s->scalars[TW_LSQ_FREE], q = smaller(s->k, p);
  const size_t stack = (size_t)((q + p) * (p + 1));
  double *work = tw_alloc((size_t)s->k + 2 * (size_t)p + stack, sizeof *work);
  if (!work)
    return tw_fail(s->run->error, TW_ERR_MEMORY, "out of memory for a %lld x %lld least-squares step",
                   (long long)(q + p), (long long)p);
  double *c = work, *w = c + s->k, *unpivoted = w + p;
  tw_status status = TW_OK;
  if (b == s->r) {
    vec_copy(s->k, s->qtr, c);
  } else {
    vec_copy(s->k, b, c);
    status = apply_qt(s, q, c);
  }
  if (status == TW_OK && mu > 0 && p > 0) {
    status = tw_damped_triangle(q, p, s->qr, s->k, c, mu, w, unpivoted + p, s->run->error);
  } else if (status == TW_OK) {
    back_substitute((int64_t)s->scalars[TW_LSQ_RANK], p, s->qr, s->k, c, w);
  }
  if (status == TW_OK) scatter(s, p, w, unpivoted, step);
  free(work);
  return status;
}
