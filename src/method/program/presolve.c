/* A program, reduced and scaled; see presolve.h. */
#include "method/program/presolve.h"

tw_status tw_presolve_open(tw_presolve *s, const tw_qp *qp, bool reduce, tw_error *error) {
  (void)reduce;
  *s = (tw_presolve){.qp = qp, .found = TW_RUNNING, .cost_scale = 1};
  TW_TRY(tw_qp_copy(&s->reduced, qp, error));
  s->column = tw_alloc((size_t)qp->n, sizeof *s->column), s->row = tw_alloc((size_t)qp->m, sizeof *s->row);
  s->column_scale = tw_alloc((size_t)qp->n, sizeof(double)), s->row_scale = tw_alloc((size_t)qp->m, sizeof(double));
  if (!s->column || !s->row || !s->column_scale || !s->row_scale) return tw_fail(error, TW_ERR_MEMORY, "presolve: out of memory");
  for (int64_t j = 0; j < qp->n; j++) s->column[j] = j;
  for (int64_t i = 0; i < qp->m; i++) s->row[i] = i;
  return tw_presolve_scale(s, error);
}

void tw_presolve_close(tw_presolve *s) {
  tw_qp_free(&s->reduced);
  free(s->column), free(s->row);
  free(s->column_scale), free(s->row_scale);
}

void tw_presolve_restore(const tw_presolve *s, const double *x, const double *y, double *full_x, double *full_y, double *full_z) {
  const tw_qp *qp = s->qp;
  for (int64_t j = 0; j < s->reduced.n; j++) full_x[s->column[j]] = s->column_scale[j] * x[j];
  for (int64_t i = 0; i < s->reduced.m; i++) full_y[s->row[i]] = s->row_scale[i] * y[i] / s->cost_scale;
  for (int64_t j = 0; j < qp->n; j++) full_z[j] = -qp->q[j];
  tw_qp_add_p(qp, -1, full_x, full_z);
  tw_qp_add_at(qp, -1, full_y, full_z);
}

void tw_presolve_restore_farkas(const tw_presolve *s, const double *y, double *full_y, double *full_z) {
  for (int64_t i = 0; i < s->reduced.m; i++) full_y[s->row[i]] = s->row_scale[i] * y[i] / s->cost_scale;
  vec_zero(s->qp->n, full_z);
  tw_qp_add_at(s->qp, -1, full_y, full_z);
}
