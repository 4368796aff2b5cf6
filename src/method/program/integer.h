/* integer: what integer variables add to a program in arrays. Private to method/program. */
#ifndef TALWEG_METHOD_INTEGER_H
#define TALWEG_METHOD_INTEGER_H

#include "method/program/qp.h"

/* |x_j - round(x_j)| of an integer variable, largest; `kinds` NULL: 0. */
double tw_integrality(int64_t n, const tw_var_kind *kinds, const double *x);
/* The largest violation of rows, bounds and integrality. work: m numbers. */
double tw_qp_violation(const tw_qp *qp, const double *x, double *work);
/* Integer variables to the nearest integer, all into their bounds. */
void tw_qp_round(const tw_qp *qp, double *x);

#endif
