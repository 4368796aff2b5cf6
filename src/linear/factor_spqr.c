/* Sparse QR by SuiteSparseQR (Davis 2011), T E = Q R, T tall: least squares with T, minimum norm with T'. */
#include "linear/cholmod_common.h"
#include "linear/factor.h"

#include <SuiteSparseQR_C.h>

typedef struct spqr {
  tw_factor base;
  cholmod_common common;
  bool begun;
  SuiteSparseQR_C_factorization *qr;
} spqr;

static tw_status analyse(tw_factor *f, tw_error *error) {
  spqr *q = (spqr *)f;
  cholmod_begin(&q->common);
  q->begun = true;
  cholmod_sparse a = cholmod_view(&f->sparse, 0);
  q->qr = SuiteSparseQR_C_symbolic(SPQR_ORDERING_COLAMD, 1, &a, &q->common);
  return q->qr && q->common.status >= 0 ? TW_OK : factor_no_memory(f, error);
}

/* SPQR takes columns shorter than this for dependent: rounding errors of the longest column, as in the dense
 * QR. */
static double tolerance(const tw_csc *a) {
  double longest = 0;
  for (int64_t j = 0; j < a->cols; j++)
    longest = fmax(longest, vec_norm(a->start[j + 1] - a->start[j], a->value + a->start[j]));
  return (double)a->rows * DBL_EPSILON * longest;
}

static tw_status factorize(tw_factor *f, tw_error *error) {
  enum { RANK = 4 }; /* of SPQR_istat */
  spqr *q = (spqr *)f;
  cholmod_sparse a = cholmod_view(&f->sparse, 0);
  if (!SuiteSparseQR_C_numeric(tolerance(&f->sparse), &a, q->qr, &q->common) || q->common.status < 0)
    return factor_no_memory(f, error);
  const int64_t rank = q->common.SPQR_istat[RANK];
  return rank == f->sparse.cols ? TW_OK : factor_deficient(f, rank, error);
}

/* x = E (R^-1 (Q'b)), or x = Q (R'^-1 (E'b)); takes two steps through a matrix of SPQR's. */
static tw_status solve(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x,
                       tw_error *error) {
  spqr *q = (spqr *)f;
  cholmod_dense right = cholmod_columns(adjoint ? f->sparse.cols : f->sparse.rows, columns, b);
  cholmod_dense *first = adjoint ? SuiteSparseQR_C_solve(SPQR_RTX_EQUALS_ETB, q->qr, &right, &q->common)
                                 : SuiteSparseQR_C_qmult(SPQR_QTX, q->qr, &right, &q->common);
  cholmod_dense *second = NULL;
  if (first)
    second = adjoint ? SuiteSparseQR_C_qmult(SPQR_QX, q->qr, first, &q->common)
                     : SuiteSparseQR_C_solve(SPQR_RETX_EQUALS_B, q->qr, first, &q->common);
  if (second) vec_copy((adjoint ? f->sparse.rows : f->sparse.cols) * columns, second->x, x);
  const bool ok = second != NULL;
  cholmod_l_free_dense(&first, &q->common);
  cholmod_l_free_dense(&second, &q->common);
  return ok ? TW_OK : factor_no_memory(f, error);
}

static void release(tw_factor *f) {
  spqr *q = (spqr *)f;
  if (!q->begun) return;
  SuiteSparseQR_C_free(&q->qr, &q->common);
  cholmod_l_finish(&q->common);
}

const factor_ops factor_spqr = {.name = "sparse QR factorization",
                                .size = sizeof(spqr),
                                .scaled = true,
                                .tall = true,
                                .analyse = analyse,
                                .factorize = factorize,
                                .solve = solve,
                                .release = release};
