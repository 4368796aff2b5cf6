/* Integer variables of a program in arrays. */
#include "method/program/integer.h"

double tw_integrality(int64_t n, const tw_var_kind *kinds, const double *x) {
  double worst = 0;
  for (int64_t j = 0; kinds && j < n; j++)
    if (kinds[j] != TW_CONTINUOUS) worst = fmax(worst, fabs(x[j] - nearbyint(x[j])));
  return worst;
}

double tw_qp_violation(const tw_qp *qp, const double *x, double *work) {
  double worst = tw_integrality(qp->n, qp->kinds, x);
  for (int64_t j = 0; j < qp->n; j++) worst = fmax(worst, fmax(qp->lower[j] - x[j], x[j] - qp->upper[j]));
  vec_zero(qp->m, work);
  tw_qp_add_a(qp, 1, x, work);
  for (int64_t i = 0; i < qp->m; i++) worst = fmax(worst, fmax(qp->row_lower[i] - work[i], work[i] - qp->row_upper[i]));
  return worst;
}

void tw_qp_round(const tw_qp *qp, double *x) {
  for (int64_t j = 0; j < qp->n; j++) {
    double low = qp->lower[j], high = qp->upper[j];
    if (qp->kinds && qp->kinds[j] != TW_CONTINUOUS) x[j] = nearbyint(x[j]), low = ceil(low - 1e-9), high = floor(high + 1e-9);
    x[j] = fmin(fmax(x[j], low), high) + 0.0;
  }
}
