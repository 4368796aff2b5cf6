/* Is the quadratic part of a program convex? See qp.h. */
#include "linear/csc.h"
#include "method/program/qp.h"

/* Entries below the diagonal and a diagonal that is `shift` larger. */
static tw_status shifted(tw_csc *out, const tw_csc *p, double shift, tw_error *error) {
  TW_TRY(csc_new(out, p->rows, p->cols, csc_count(p) + p->cols, error));
  int64_t count = 0;
  for (int64_t j = 0; j < p->cols; j++) {
    const int64_t diagonal = count++;
    out->row[diagonal] = j, out->value[diagonal] = shift;
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      if (p->row[k] == j)
        out->value[diagonal] += p->value[k];
      else
        out->row[count] = p->row[k], out->value[count++] = p->value[k];
    }
    out->start[j + 1] = count;
  }
  return TW_OK;
}

tw_status tw_qp_is_convex(const tw_qp *qp, bool *convex, tw_error *error) {
  static const double ROUNDING = 1e-10;
  const double largest = vec_norm_inf(csc_count(&qp->p), qp->p.value);
  *convex = true;
  if (largest == 0) return TW_OK;
  tw_csc p = {0};
  tw_factor *factor = NULL;
  tw_error refusal = {0};
  tw_status status = shifted(&p, &qp->p, ROUNDING * largest, error);
  if (status == TW_OK) {
    status = tw_factor_csc(&factor, TW_FACTOR_CHOLESKY, &p, &refusal);
    *convex = status == TW_OK;
    if (status != TW_OK && status != TW_ERR_SINGULAR) status = tw_fail(error, status, "%s", refusal.message);
    if (status == TW_ERR_SINGULAR) status = TW_OK;
  }
  tw_factor_free(factor);
  tw_csc_free(&p);
  return status;
}

tw_status tw_qp_open_convex(tw_qp *qp, const tw_oracle *oracle, const char *method, tw_error *error) {
  TW_TRY(tw_qp_open(qp, oracle, error));
  bool convex = (oracle->offers & TW_CONVEX) != 0;
  if (!convex) TW_TRY(tw_qp_is_convex(qp, &convex, error));
  return convex ? TW_OK : tw_fail(error, TW_ERR_UNSUPPORTED, "%s: the quadratic part of the objective is not convex", method);
}
