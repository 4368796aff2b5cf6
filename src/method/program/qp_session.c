/* From one program to the next, and every end of a session; see qp_session.h. */
#include "method/program/qp_session.h"

#include "method/program/qp_certify.h"

enum { STEPS_MOST = 300 };
static const double POLISH_FIRST = 1e-6, POLISH_NEXT = 0.02, ACCEPTABLE = 1e-6;

static const char *const stage_name[2][QP_STAGES] = {{"qp", "qp.elastic", "qp.recession"},
                                                     {"qp.plain", "qp.plain.elastic", "qp.plain.recession"}};

static qp_stage_kind stage_of(const tw_qp_session *s) {
  return (qp_stage_kind)s->number[QP_STAGE];
}

/* ------------------------------------------------------------------ memory */

static tw_status attach(tw_qp_session *s, tw_error *error) {
  double *state = s->memory(s->context, stage_name[s->plain][s->kind], tw_mehrotra_state(&s->stage.ipm));
  if (!state) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a program");
  tw_mehrotra_attach(&s->stage.ipm, state);
  return TW_OK;
}

static tw_status open_stage(tw_qp_session *s, tw_error *error) {
  qp_stage_close(&s->stage);
  s->kind = stage_of(s);
  s->plain = s->number[QP_PLAIN] != 0;
  TW_TRY(qp_stage_open(&s->stage, s->kind, s->qp, s->presolve && !s->plain, error));
  return attach(s, error);
}

tw_status tw_qp_session_refresh(tw_qp_session *s, tw_error *error) {
  s->number = s->memory(s->context, "qp.number", QP_NUMBERS);
  if (!s->number) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a program");
  return s->stage.open && s->kind == stage_of(s) && s->plain == (s->number[QP_PLAIN] != 0) ? attach(s, error) : open_stage(s, error);
}

static double largest_limit(int64_t n, const double *limit, double most) {
  for (int64_t k = 0; k < n; k++)
    if (isfinite(limit[k])) most = fmax(most, fabs(limit[k]));
  return most;
}

tw_status tw_qp_session_open(tw_qp_session *s, tw_error *error) {
  const int64_t n = s->qp->n, m = s->qp->m;
  const double rows = largest_limit(m, s->qp->row_lower, largest_limit(m, s->qp->row_upper, 0));
  s->limit_size = 1 + largest_limit(n, s->qp->lower, largest_limit(n, s->qp->upper, rows));
  s->outcome = TW_RUNNING;
  s->optimality = (tw_optimality){NAN, NAN, NAN};
  s->x = tw_alloc((size_t)(5 * n + 3 * m), sizeof(double));
  if (!s->x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a program");
  s->z = s->x + n, s->work = s->x + 2 * n, s->y = s->work + 2 * n + m;
  s->farkas_z = s->y + m, s->farkas_y = s->farkas_z + n;
  return tw_qp_session_refresh(s, error);
}

void tw_qp_session_close(tw_qp_session *s) {
  qp_stage_close(&s->stage);
  free(s->x);
}

/* ------------------------------------------------------------------ ends */

double tw_qp_relative(const tw_qp *qp, const double *x, double f, const tw_optimality *e) {
  const double point = fmax(1, vec_norm_inf(qp->n, x)), cost = fmax(1, vec_norm_inf(qp->n, qp->q)), value = fmax(1, fabs(f));
  return fmax(e->feasibility / point, fmax(e->stationarity / cost, e->complementarity / value));
}

/* The stage's point as the answer; only x of the elastic one, whose y is none of the program. */
static void take_answer(tw_qp_session *s) {
  const qp_stage *g = &s->stage;
  const int64_t n = s->qp->n, m = s->qp->m;
  if (s->kind == QP_RECESSION) return;
  vec_copy(n, g->x, s->x);
  s->f = tw_qp_objective(s->qp, s->x);
  if (s->kind == QP_ITSELF) {
    vec_copy(m, g->y, s->y), vec_copy(n, g->z, s->z);
    s->optimality = g->optimality;
  } else {
    vec_zero(m, s->y), vec_zero(n, s->z);
    s->optimality = tw_qp_optimality(s->qp, s->x, s->y, NULL, s->work);
  }
  const double violation = s->optimality.feasibility / s->limit_size;
  s->number[QP_VIOLATION] = s->number[QP_SEEN] != 0 ? fmin(s->number[QP_VIOLATION], violation) : violation;
  s->number[QP_SEEN] = 1;
  s->exact = g->exact;
  s->gap = g->ipm.mu * (double)g->ipm.pairs / g->pre.cost_scale;
}

/* Nothing came of all stages: once more without presolve, whose rounding errors may be the reason. */
static tw_status start_over(tw_qp_session *s, tw_error *error) {
  if (!s->presolve || s->plain) {
    s->outcome = TW_FAILED;
    return TW_OK;
  }
  s->number[QP_PLAIN] = 1;
  s->number[QP_STAGE] = QP_ITSELF;
  s->number[QP_STARTED] = 0;
  return open_stage(s, error);
}

static tw_status next_stage(tw_qp_session *s, tw_error *error) {
  if (s->kind == QP_RECESSION) return start_over(s, error);
  const bool feasible = s->number[QP_SEEN] != 0 && s->number[QP_VIOLATION] <= s->tolerance;
  s->number[QP_STAGE] = s->kind == QP_ITSELF && !feasible ? QP_ELASTIC : QP_RECESSION;
  s->number[QP_STARTED] = 0;
  return open_stage(s, error);
}

/* Ends when y and z of the stage prove that there is no feasible point. */
static void test_infeasible(tw_qp_session *s) {
  qp_stage *g = &s->stage;
  const bool found = g->pre.found != TW_RUNNING;
  if (s->kind == QP_ITSELF) {
    if (!found) tw_mehrotra_answer(&g->ipm, g->rx, g->ry, g->rz);
    tw_presolve_restore_farkas(&g->pre, found ? NULL : g->ry, NULL, s->farkas_y, s->farkas_z);
  } else {
    vec_copy(s->qp->m, g->y, s->farkas_y);
  }
  if (!tw_qp_farkas(s->qp, s->farkas_y, s->farkas_z, s->work, &s->margin)) return;
  vec_copy(s->qp->m, s->farkas_y, s->y), vec_copy(s->qp->n, s->farkas_z, s->z);
  s->outcome = TW_INFEASIBLE;
}

/* The stage's program is solved, as well as can be. */
static tw_status end_stage(tw_qp_session *s, tw_error *error) {
  qp_stage *g = &s->stage;
  switch (s->kind) {
  case QP_ITSELF:
    s->outcome = TW_SOLVED;
    return TW_OK;
  case QP_ELASTIC:
    test_infeasible(s);
    return s->outcome == TW_INFEASIBLE ? TW_OK : next_stage(s, error);
  default:
    if (s->number[QP_SEEN] != 0 && s->number[QP_VIOLATION] <= ACCEPTABLE && tw_qp_ray(s->qp, g->x, s->work, &s->margin)) {
      vec_copy(s->qp->n, g->x, s->x);
      s->outcome = TW_UNBOUNDED;
      return TW_OK;
    }
    return next_stage(s, error);
  }
}

/* ------------------------------------------------------------------ one iteration */

static tw_status try_polish(tw_qp_session *s, bool met, tw_error *error) {
  const double e = tw_mehrotra_error(&s->stage.ipm);
  double *below = &s->number[QP_POLISH_BELOW];
  const bool stalled = tw_mehrotra_stalled(&s->stage.ipm);
  if (!s->polish || !(met || e <= *below || (stalled && e <= 1e-4))) return TW_OK;
  *below = fmin(*below, e) * POLISH_NEXT;
  return qp_stage_polish(&s->stage, s->tolerance, error);
}

static bool numerical(tw_status status) {
  return status == TW_ERR_NUMERIC || status == TW_ERR_SINGULAR || status == TW_ERR_DATA;
}

/* How far the stage's point is from the optimality conditions. */
static double distance(const qp_stage *g) {
  return fmax(g->ipm.gap, tw_qp_relative(g->qp, g->x, tw_qp_objective(g->qp, g->x), &g->optimality));
}

static tw_status after_step(tw_qp_session *s, tw_error *error) {
  qp_stage *g = &s->stage;
  qp_stage_report(g);
  const double here = distance(g);
  TW_TRY(try_polish(s, here <= s->tolerance, error));
  take_answer(s);
  if (g->exact || here <= s->tolerance) return end_stage(s, error);
  const bool over = tw_mehrotra_stalled(&g->ipm) || g->ipm.number[MEHROTRA_STEPS] >= STEPS_MOST;
  if (over && here <= ACCEPTABLE) return end_stage(s, error);
  if (s->kind == QP_ELASTIC || (s->kind == QP_ITSELF && g->ipm.primal > s->tolerance)) test_infeasible(s);
  if (s->outcome != TW_RUNNING) return TW_OK;
  return over ? next_stage(s, error) : TW_OK;
}

tw_status tw_qp_session_settle(tw_qp_session *s, tw_error *error) {
  if (s->outcome != TW_RUNNING || s->kind != QP_ITSELF) return TW_OK;
  if (s->polish) TW_TRY(qp_stage_polish(&s->stage, s->tolerance, error));
  take_answer(s);
  s->outcome = TW_SOLVED;
  return TW_OK;
}

/* Presolve said it all. */
static tw_status nothing_left(tw_qp_session *s, tw_error *error) {
  qp_stage_accept(&s->stage, s->tolerance);
  take_answer(s);
  return end_stage(s, error);
}

static tw_status start(tw_qp_session *s, tw_error *error) {
  qp_stage *g = &s->stage;
  s->number[QP_STARTED] = 1;
  s->number[QP_POLISH_BELOW] = POLISH_FIRST;
  if (g->pre.found == TW_INFEASIBLE) test_infeasible(s);
  if (s->outcome != TW_RUNNING) return TW_OK;
  if (g->pre.found != TW_RUNNING) return next_stage(s, error);
  if (g->ipm.n == 0) return nothing_left(s, error);
  const tw_status status = tw_mehrotra_start(&g->ipm, error);
  if (numerical(status)) return next_stage(s, error);
  TW_TRY(status);
  qp_stage_report(g);
  take_answer(s);
  return TW_OK;
}

/* The equations of the next step cannot be solved: the last point, if it will do. */
static tw_status broken_off(tw_qp_session *s, tw_error *error) {
  return distance(&s->stage) <= ACCEPTABLE ? end_stage(s, error) : next_stage(s, error);
}

tw_status tw_qp_session_step(tw_qp_session *s, tw_error *error) {
  tw_error why = {TW_OK, ""};
  if (s->number[QP_STARTED] == 0) return start(s, error);
  const tw_status status = tw_mehrotra_step(&s->stage.ipm, &why);
  s->iterations++;
  if (numerical(status)) return broken_off(s, error);
  if (status != TW_OK) return tw_fail(error, status, "%s", why.message);
  return after_step(s, error);
}
