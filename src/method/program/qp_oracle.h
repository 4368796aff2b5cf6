/* qp_oracle: a program in arrays as an oracle, for methods to run on. Private to method/program. */
#ifndef TALWEG_METHOD_QP_ORACLE_H
#define TALWEG_METHOD_QP_ORACLE_H

#include "method/program/qp.h"

/* Borrows qp, which must outlive the oracle and may change in its numbers (not in its pattern). `convex`: it is known to be.
 * Released by tw_oracle_release. */
tw_status tw_qp_oracle(tw_oracle *out, const tw_qp *qp, bool convex, tw_error *error);

#endif
