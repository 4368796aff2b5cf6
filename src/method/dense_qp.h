/* dense_qp: strictly convex quadratic programs with dense matrices, by the dual active-set method of Goldfarb & Idnani (1983)
 * (program/dual_qp.c).
 *
 *   min 1/2 x'H x + q'x   subject to   al <= A x <= au,   l <= x <= u
 *
 * For this room and those above. */
#ifndef TALWEG_METHOD_DENSE_QP_H
#define TALWEG_METHOD_DENSE_QP_H

#include <talweg/base.h>

typedef struct tw_dense_qp {
  int64_t n, m;
  const double *h;       /* n x n, positive definite; the lower triangle is read */
  const double *q;       /* n */
  const double *a;       /* m x n row-major */
  const double *al, *au; /* m; infinite where there is no limit, equal for equations */
  const double *l, *u;   /* n; NULL: none */
} tw_dense_qp;

/* Arrays of the caller's. Multipliers with H x + q + A'y + z = 0: y_i >= 0 at au_i, <= 0 at al_i, z likewise for u and l. */
typedef struct tw_dense_qp_answer {
  double *x, *y, *z;     /* n, m, n */
  signed char *active;   /* m + n, rows first: 1 at the upper limit, -1 at the lower, 0 free. On entry a guess, or zeros. */
  bool feasible;         /* else y and z are a Farkas vector: A'y + z = 0 and y+'au - y-'al + z+'u - z-'l < 0 */
  int64_t iterations;    /* constraints added or dropped */
} tw_dense_qp_answer;

/* TW_ERR_SINGULAR: H is not positive definite. TW_ERR_LIMIT: no end in 100 (n + m) + 1000 iterations. O(n^3 + iterations (n^2 + m n)). */
tw_status tw_dense_qp_solve(const tw_dense_qp *qp, tw_dense_qp_answer *answer, tw_error *error);

/* How many rows of A (m x n) are further from the span of those before than tolerance times their length; work: tw_dense_rank_work(n). */
int64_t tw_dense_rank(int64_t n, int64_t m, const double *a, double tolerance, double *work);
size_t tw_dense_rank_work(int64_t n);
/* Whether H + shift I is positive definite; work: n x n. */
bool tw_dense_is_definite(int64_t n, const double *h, double shift, double *work);

#endif
