/* One program of a session: reduced, scaled, iterated, brought back; see qp_session.h. */
#include "method/program/qp_certify.h"
#include "method/program/qp_session.h"

static tw_status state_program(qp_stage *g, qp_stage_kind kind, const tw_qp *qp, tw_error *error) {
  g->qp = kind == QP_ITSELF ? qp : &g->own;
  if (kind == QP_ELASTIC) return tw_qp_elastic(&g->own, qp, error);
  if (kind == QP_RECESSION) return tw_qp_recession(&g->own, qp, error);
  return TW_OK;
}

tw_status qp_stage_open(qp_stage *g, qp_stage_kind kind, const tw_qp *qp, bool presolve, tw_error *error) {
  *g = (qp_stage){.open = true};
  TW_TRY(state_program(g, kind, qp, error));
  TW_TRY(tw_presolve_open(&g->pre, g->qp, presolve, error));
  TW_TRY(tw_mehrotra_open(&g->ipm, &g->pre.reduced, error));
  const int64_t n = g->qp->n, m = g->qp->m;
  g->rx = tw_alloc((size_t)(2 * g->ipm.n + g->ipm.m), sizeof(double));
  g->x = tw_alloc((size_t)(4 * n + 2 * m), sizeof(double));
  if (!g->rx || !g->x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a program");
  g->rz = g->rx + g->ipm.n, g->ry = g->rx + 2 * g->ipm.n;
  g->z = g->x + n, g->work = g->x + 2 * n, g->y = g->work + 2 * n + m;
  return TW_OK;
}

void qp_stage_close(qp_stage *g) {
  if (!g->open) return;
  tw_mehrotra_close(&g->ipm);
  tw_presolve_close(&g->pre);
  tw_qp_free(&g->own);
  free(g->rx), free(g->x);
  g->open = false;
}

void qp_stage_report(qp_stage *g) {
  tw_mehrotra_answer(&g->ipm, g->rx, g->ry, g->rz);
  tw_presolve_restore(&g->pre, g->rx, g->ry, g->x, g->y, g->z);
  g->optimality = tw_qp_optimality(g->qp, g->x, g->y, NULL, g->work);
  g->exact = false;
}

/* Of a polished point, reduced costs of variables that do not lie on the bound they would press on are rounding errors, and so is the
 * distance to it of those that do. */
static void clean(qp_stage *g) {
  const tw_qp *qp = g->qp;
  const double noise = 1e-13 * vec_norm_inf(qp->n, qp->q);
  for (int64_t j = 0; j < qp->n; j++) {
    const double bound = g->z[j] > 0 ? qp->upper[j] : qp->lower[j];
    if (isfinite(bound) && fabs(g->z[j]) > noise && fabs(g->x[j] - bound) <= 1e-12 * (1 + fabs(bound))) g->x[j] = bound;
    if (g->x[j] != bound) g->z[j] = 0;
  }
}

tw_status qp_stage_polish(qp_stage *g, double tolerance, tw_error *error) {
  bool exact;
  TW_TRY(tw_mehrotra_polish(&g->ipm, 0.1 * tolerance, g->rx, g->ry, g->rz, &exact, error));
  if (exact) qp_stage_accept(g, tolerance);
  return TW_OK;
}

void qp_stage_accept(qp_stage *g, double tolerance) {
  tw_presolve_restore(&g->pre, g->rx, g->ry, g->x, g->y, g->z);
  clean(g);
  const tw_optimality e = tw_qp_optimality(g->qp, g->x, g->y, g->z, g->work);
  g->exact = tw_qp_relative(g->qp, g->x, tw_qp_objective(g->qp, g->x), &e) <= tolerance;
  if (g->exact)
    g->optimality = e;
  else
    qp_stage_report(g);
}
