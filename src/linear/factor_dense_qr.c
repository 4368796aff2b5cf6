/* Dense QR with column pivoting, T P = Q R, T tall (Golub & Van Loan 2013, section 5.4): least squares with
 * T, minimum norm with T'. */
#include "linear/factor.h"

#include <lapacke.h>

typedef struct qr {
  tw_factor base;
  lapack_int *permutation; /* column k of T P is column permutation[k] - 1 of T */
  double *tau, *work;
  lapack_int work_size;
} qr;

static lapack_int rows_of(const tw_factor *f) {
  return (lapack_int)factor_t_rows(f);
}
static lapack_int cols_of(const tw_factor *f) {
  return (lapack_int)factor_t_cols(f);
}

/* x = Q x or Q'x for `columns` columns; with work NULL only asks for the size of the work array, in *size. */
static lapack_int apply_q(const qr *q, char transpose, lapack_int columns, double *x, double *work,
                          lapack_int size) {
  const lapack_int m = rows_of(&q->base), n = cols_of(&q->base);
  return LAPACKE_dormqr_work(LAPACK_COL_MAJOR, 'L', transpose, m, columns, n, q->base.dense, m, q->tau, x, m,
                             work, size);
}

/* |r_kk| falls with k; the rank is the number of those above rounding. */
static tw_status check_rank(const tw_factor *f, tw_error *error) {
  const int64_t m = factor_t_rows(f), n = factor_t_cols(f);
  const double smallest = (double)m * DBL_EPSILON * fabs(f->dense[0]);
  for (int64_t k = 0; k < n; k++)
    if (!(fabs(f->dense[k * (m + 1)]) > smallest)) return factor_deficient(f, k, error);
  return TW_OK;
}

static tw_status qr_factorize(tw_factor *f, tw_error *error) {
  qr *q = (qr *)f;
  const lapack_int m = rows_of(f), n = cols_of(f);
  q->permutation = tw_alloc((size_t)n, sizeof *q->permutation); /* zeros: every column is free to move */
  q->tau = tw_alloc((size_t)n, sizeof *q->tau);
  if (!q->permutation || !q->tau) return factor_no_memory(f, error);
  double size;
  LAPACKE_dgeqp3_work(LAPACK_COL_MAJOR, m, n, f->dense, m, q->permutation, q->tau, &size, -1);
  double *work = tw_alloc((size_t)size, sizeof *work);
  if (!work) return factor_no_memory(f, error);
  LAPACKE_dgeqp3_work(LAPACK_COL_MAJOR, m, n, f->dense, m, q->permutation, q->tau, work, (lapack_int)size);
  free(work);
  return check_rank(f, error);
}

/* x_p = R^-1 (Q'b), with b in `space`. */
static void least_squares(const qr *q, lapack_int columns, double *space, double *x, double *work,
                          lapack_int size) {
  const lapack_int m = rows_of(&q->base), n = cols_of(&q->base);
  apply_q(q, 'T', columns, space, work, size);
  LAPACKE_dtrtrs_work(LAPACK_COL_MAJOR, 'U', 'N', 'N', n, columns, q->base.dense, m, space, m);
  for (int64_t c = 0; c < columns; c++)
    for (int64_t k = 0; k < n; k++) x[c * n + q->permutation[k] - 1] = space[c * m + k];
}

/* x = Q [R'^-1 P'b; 0] */
static void minimum_norm(const qr *q, lapack_int columns, const double *b, double *space, double *work,
                         lapack_int size) {
  const lapack_int m = rows_of(&q->base), n = cols_of(&q->base);
  for (int64_t c = 0; c < columns; c++)
    for (int64_t k = 0; k < n; k++) space[c * m + k] = b[c * n + q->permutation[k] - 1];
  LAPACKE_dtrtrs_work(LAPACK_COL_MAJOR, 'U', 'T', 'N', n, columns, q->base.dense, m, space, m);
  apply_q(q, 'N', columns, space, work, size);
}

static tw_status qr_solve(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x,
                          tw_error *error) {
  const qr *q = (const qr *)f;
  const int64_t m = factor_t_rows(f);
  const lapack_int count = (lapack_int)columns;
  double size;
  apply_q(q, adjoint ? 'N' : 'T', count, NULL, &size, -1);
  double *space = tw_alloc((size_t)m, (size_t)columns * sizeof *space),
         *work = tw_alloc((size_t)size, sizeof *work);
  const bool ok = space && work;
  if (ok && adjoint) {
    minimum_norm(q, count, b, space, work, (lapack_int)size);
    vec_copy(m * columns, space, x);
  } else if (ok) {
    vec_copy(m * columns, b, space);
    least_squares(q, count, space, x, work, (lapack_int)size);
  }
  free(space);
  free(work);
  return ok ? TW_OK : factor_no_memory(f, error);
}

static void qr_release(tw_factor *f) {
  free(((qr *)f)->permutation);
  free(((qr *)f)->tau);
}

const factor_ops factor_dense_qr = {.name = "dense QR factorization",
                                    .size = sizeof(qr),
                                    .scaled = true,
                                    .tall = true,
                                    .factorize = qr_factorize,
                                    .solve = qr_solve,
                                    .release = qr_release};
