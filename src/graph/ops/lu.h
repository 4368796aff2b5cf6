/* The LU factors of a stack of matrices as an expression, which solutions, inverses, determinants and all
 * their derivatives share. */
#ifndef TALWEG_GRAPH_OPS_LU_H
#define TALWEG_GRAPH_OPS_LU_H

#include "graph/ops/linalg.h"

/* rt_exchange_f64 .. : what follows from factors, element by element. */
#define RUNTIME_FILE "graph/emit/runtime/pivots.h"
#define rt_exchange_T TW_OF_TYPE(rt_exchange)
#define rt_parity_T TW_OF_TYPE(rt_parity)
#define rt_zero_T TW_OF_TYPE(rt_zero)
#define rt_det_T TW_OF_TYPE(rt_det)
#define rt_logdet_T TW_OF_TYPE(rt_logdet)
#include "graph/emit/instantiate.h"

/* [.., n, n+1]. In C order, A = L U P': L lower triangular and U unit upper triangular in columns 0 .. n-1;
 * column n holds LAPACK's row exchanges of A', that is, of the columns of A, counted from 1. Its own
 * derivative counts as zero: ops that take (A, lu(A), ..) have derivative rules in terms of A. */
tw_expr tw_lu(tw_expr a);
extern const tw_op tw_op_lu; /* no op of the table: it has no derivative of its own */

/* As tw_linear_solve for a square matrix and a vector; NaN where the matrix is singular. */
tw_expr tw_linear_solve_or_nan(tw_expr a, tw_expr b);

/* The first row with a zero pivot, -1 when there is none. */
int64_t tw_lu_zero_pivot(tw_dtype dtype, int64_t n, const void *lu);
/* TW_ERR_SINGULAR in the op's name when a factor (operand `factor` of the call) has a zero pivot. */
tw_status tw_lu_check(const tw_call *call, int factor);
/* Operands 0 and 1 are a stack of square matrices and their factors. */
bool tw_infer_lu(const tw_args *args, int64_t *n);

#endif
