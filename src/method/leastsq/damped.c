#include <lapacke.h>
#include <math.h>

#include "linear/vec.h"
#include "method/common.h"
#include "method/leastsq/damped.h"

tw_status tw_lapack_status(int info, const char *routine, tw_error *error) {
  if (info == 0) return TW_OK;
  if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR) {
    return tw_fail(error, TW_ERR_MEMORY, "out of memory in LAPACK %s", routine);
  }
  return tw_fail(error, TW_ERR_NUMERIC, "LAPACK %s failed (info %d): not a finite matrix?", routine, info);
}

tw_status tw_damped_triangle(int64_t q, int64_t p, const double *r, int64_t ld, const double *c, double mu,
                             double *w, double *work, tw_error *error) {
  const int64_t rows = q + p;
  double *stack = work, *rhs = work + rows * p;
  vec_zero(rows * (p + 1), work);
  for (int64_t j = 0; j < p; j++) {
    vec_copy(j < q ? j + 1 : q, r + j * ld, stack + j * rows);
    stack[j * rows + q + j] = sqrt(mu);
  }
  for (int64_t i = 0; i < q; i++) rhs[i] = -c[i];
  TW_TRY(tw_lapack_status(LAPACKE_dgels(LAPACK_COL_MAJOR, 'N', (lapack_int)rows, (lapack_int)p, 1, stack,
                                        (lapack_int)rows, rhs, (lapack_int)rows),
                          "dgels", error));
  vec_copy(p, rhs, w);
  return TW_OK;
}
