/* qp: a linear or quadratic program in arrays, as the methods for it see it, and how well a point solves it.
 *
 *   min 1/2 x'P x + q'x + constant   subject to   rl <= A x <= ru,   l <= x <= u
 *
 * with multipliers y of the rows and reduced costs z of the variables:
 *
 *   P x + q + A'y + z = 0,   y_i >= 0 only at an upper limit, <= 0 only at a lower one; z likewise at bounds
 *
 * Private to method/program. */
#ifndef TALWEG_METHOD_QP_H
#define TALWEG_METHOD_QP_H

#include "linear/csc.h"
#include "method/work.h"

typedef struct tw_qp {
  int64_t n, m;
  tw_csc p; /* lower triangle, n x n; no entries: a linear program */
  tw_csc a; /* m x n */
  double *q;
  double constant;
  double *row_lower, *row_upper; /* m, +-inf where there is no limit */
  double *lower, *upper;         /* n, likewise */
  tw_var_kind *kinds;            /* n: which are integer; NULL: none */
} tw_qp;

/* From the derivatives of an oracle that offers TW_QP, at 0. Entries that are zero are left out; constants of rows go to
 * their limits. O(entries) beside one evaluation of each matrix. tw_qp_free also after a failure. */
tw_status tw_qp_open(tw_qp *qp, const tw_oracle *oracle, tw_error *error);
/* Room for n variables, m rows and matrices with so many entries; values zero, limits infinite. */
tw_status tw_qp_new(tw_qp *qp, int64_t n, int64_t m, int64_t p_entries, int64_t a_entries, tw_error *error);
tw_status tw_qp_copy(tw_qp *out, const tw_qp *qp, tw_error *error);
void tw_qp_free(tw_qp *qp);
/* The program as an oracle, for methods to run on; borrows qp, whose numbers (no patterns) may change. `convex`: it is known to be. */
tw_status tw_qp_oracle(tw_oracle *out, const tw_qp *qp, bool convex, tw_error *error);
static inline bool tw_qp_is_linear(const tw_qp *qp) {
  return qp->p.start[qp->n] == 0;
}

double tw_qp_objective(const tw_qp *qp, const double *x);
/* out += a P x (the whole of P); out += a A x; out += a A'y. */
static inline void tw_qp_add_p(const tw_qp *qp, double a, const double *x, double *out) {
  csc_add_symmetric(&qp->p, a, x, out);
}
static inline void tw_qp_add_a(const tw_qp *qp, double a, const double *x, double *out) {
  csc_add(&qp->a, a, x, out);
}
static inline void tw_qp_add_at(const tw_qp *qp, double a, const double *y, double *out) {
  csc_add_transpose(&qp->a, a, y, out);
}

/* What is left of the optimality conditions, in the program's own units; z NULL: the best there is, the part of
 * -(P x + q + A'y) whose sign a finite bound allows. work: 2 n + m numbers. */
tw_optimality tw_qp_optimality(const tw_qp *qp, const double *x, const double *y, const double *z, double *work);

/* The same where A x and r = P x + q + A'y are at hand; z not NULL. Infinite where a number is not finite. */
tw_optimality tw_qp_judge(const tw_qp *qp, const double *x, const double *ax, const double *r, const double *y, const double *z);

/* Whether P is positive semidefinite, by a Cholesky factorization of P + 1e-10 max|P_ij| I. */
tw_status tw_qp_is_convex(const tw_qp *qp, bool *convex, tw_error *error);
/* tw_qp_open, and TW_ERR_UNSUPPORTED unless the oracle promises or this finds that the program is convex. */
tw_status tw_qp_open_convex(tw_qp *qp, const tw_oracle *oracle, const char *method, tw_error *error);

/* Certificates (qp_proof.c), by the rule of certificate.h: the margin of one that holds to TW_PROOF_CERTAIN, > 0 and at most 1; otherwise
 * minus what is left, or -inf. No memory: no proof.
 *
 * Primal infeasible (Farkas): y, z with A'y + z = 0 and  sum ru y+ + sum rl y- + sum u z+ + sum l z- < 0, where a+ = max(a, 0)
 * and a- = min(a, 0). */
double tw_qp_proves_infeasible(const tw_qp *qp, const double *y, const double *z);
/* Dual infeasible (unbounded when there is a feasible point): a direction d with P d = 0, q'd < 0, A d and d in the recession
 * cones of the limits. */
double tw_qp_proves_unbounded(const tw_qp *qp, const double *d);

#endif
