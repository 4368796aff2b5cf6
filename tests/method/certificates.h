/* Proofs that a result carries, judged from the program alone. */
#ifndef TALWEG_TESTS_METHOD_CERTIFICATES_H
#define TALWEG_TESTS_METHOD_CERTIFICATES_H

#include "method/program/qp.h"
#include "test.h"

/* The margin of multipliers y of the rows: what they leave of A'y is put on the bounds there are. > 0 proves. */
static inline double margin_of_multipliers(const tw_qp *qp, const double *y) {
  double *z = test_malloc((size_t)qp->n * sizeof *z);
  vec_zero(qp->n, z);
  tw_qp_add_at(qp, -1, y, z);
  for (int64_t j = 0; j < qp->n; j++)
    if (!isfinite(z[j] > 0 ? qp->upper[j] : qp->lower[j])) z[j] = 0; /* rounding, or the proof fails by |A'y + z| */
  const double margin = tw_qp_proves_infeasible(qp, y, z);
  test_free(z);
  return margin;
}

/* The margin of a ray. */
static inline double margin_of_ray(const tw_qp *qp, const double *d) {
  return tw_qp_proves_unbounded(qp, d);
}

/* Infeasible and unbounded results of an oracle that is a quadratic program prove what they say. */
static inline void expect_proof(const tw_oracle *oracle, const tw_result *r) {
  tw_qp qp;
  tw_error why;
  assert_true(r->certified);
  if (tw_qp_open(&qp, oracle, &why) != TW_OK) fail_msg("%s", why.message);
  const double margin = r->outcome == TW_INFEASIBLE ? margin_of_multipliers(&qp, r->dual) : margin_of_ray(&qp, r->x);
  if (!(margin > 0)) fail_msg("%s, %s: margin %g", r->method, tw_outcome_name(r->outcome), margin);
  tw_qp_free(&qp);
}

#endif
