/* qp_solve: a convex linear or quadratic program solved in one call, for methods that need the answer to one. Private to method/program. */
#ifndef TALWEG_METHOD_QP_SOLVE_H
#define TALWEG_METHOD_QP_SOLVE_H

#include "method/program/qp.h"

typedef struct tw_qp_answer {
  tw_outcome outcome; /* TW_SOLVED, TW_INFEASIBLE, TW_UNBOUNDED, TW_FAILED, or a stop by exec's flag or deadline */
  double *x, *y, *z;  /* n, m, n; infeasible: y, z are a Farkas certificate; unbounded: x is a ray */
  double f;
  int64_t iterations;
} tw_qp_answer;

/* By presolve and interior points (qp_session.h); integrality is not looked at. To `tolerance` relative to the sizes of the program's
 * numbers, usually to rounding, on the active set. `exec` (threads, stop flag, deadline) may be NULL. An error only when memory
 * runs out. The answer is the caller's, also after a failure. */
tw_status tw_qp_solve(const tw_qp *qp, double tolerance, const tw_exec *exec, tw_qp_answer *answer, tw_error *error);
void tw_qp_answer_free(tw_qp_answer *answer);

#endif
