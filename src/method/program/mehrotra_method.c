/* The method mehrotra: a session (qp_session.h) whose state is the run's. */
#include "method/program/nlp.h"
#include "method/program/qp_session.h"

static const tw_option options[] = {TW_OPTION_TOL(1e-9),
                                    TW_OPTION_MAX_ITER(500),
                                    {"presolve", TW_OPTION_FLAG, 1, 0, 1, NULL, "solve a smaller program with the same solutions"},
                                    {"polish", TW_OPTION_FLAG, 1, 0, 1, NULL, "finish on the active set"},
                                    TW_OPTION_END};

typedef struct local {
  tw_qp qp;
  tw_qp_session session;
} local;

static double *vector(void *context, const char *name, int64_t n) {
  return tw_run_vector(context, name, n);
}

static tw_status open(local **out, tw_run *run) {
  local *own = *out = run->local;
  if (own) return tw_qp_session_refresh(&own->session, run->error);
  if (!(own = *out = run->local = tw_alloc(1, sizeof *own))) return tw_fail(run->error, TW_ERR_MEMORY, "mehrotra: out of memory");
  TW_TRY(tw_qp_open(&own->qp, run->oracle, run->error));
  own->session = (tw_qp_session){.qp = &own->qp,
                                 .tolerance = tw_run_tolerance(run),
                                 .presolve = tw_run_flag(run, "presolve"),
                                 .polish = tw_run_flag(run, "polish"),
                                 .memory = vector,
                                 .context = run};
  return tw_qp_session_open(&own->session, run->error);
}

static void finish(tw_run *run) {
  local *own = run->local;
  if (!own) return;
  tw_qp_session_close(&own->session);
  tw_qp_free(&own->qp);
  free(own);
  run->local = NULL;
}

static void report(tw_run *run, const tw_qp_session *s) {
  if (s->kind == QP_RECESSION) return; /* directions, no points */
  vec_copy(run->n, s->x, run->x);
  if (run->dual) vec_copy(s->qp->m, s->y, run->dual);
  run->f = s->f;
  run->optimality = s->optimality;
  if (!s->exact) run->optimality.complementarity = fmax(s->optimality.complementarity, s->gap);
}

static bool meets(const tw_run *run, const tw_qp_session *s) {
  const double scale = tw_run_scale(run);
  const tw_optimality *o = &s->optimality;
  return o->stationarity / scale <= s->tolerance && fmax(o->complementarity, s->exact ? 0 : s->gap) / scale <= s->tolerance &&
         o->feasibility <= fmax(s->tolerance, 1e-12);
}

static tw_status end_solved(tw_run *run, const tw_qp_session *s) {
  const tw_optimality *o = &s->optimality;
  const double scale = tw_run_scale(run);
  if (meets(run, s) && scale > 1)
    return tw_run_end(run, TW_SOLVED, "stationarity %.2g <= %.2g * %.3g", o->stationarity, s->tolerance, scale);
  if (meets(run, s)) return tw_run_end(run, TW_SOLVED, "stationarity %.2g <= %.2g", o->stationarity, s->tolerance);
  return tw_run_end(run, TW_SOLVED, "solved relative to the sizes of the numbers: stationarity %.2g, complementarity %.2g, violation %.2g",
                    o->stationarity, o->complementarity, o->feasibility);
}

static tw_status end_session(tw_run *run, const tw_qp_session *s) {
  run->certified = s->outcome == TW_UNBOUNDED || s->outcome == TW_INFEASIBLE;
  if (!run->certified) report(run, s);
  switch (s->outcome) {
  case TW_SOLVED:
    return end_solved(run, s);
  case TW_INFEASIBLE:
    if (run->dual) vec_copy(s->qp->m, s->y, run->dual);
    return tw_run_end(run, TW_INFEASIBLE, "every point violates the constraints: Farkas certificate verified: margin %.3g", s->margin);
  case TW_UNBOUNDED:
    vec_copy(run->n, s->x, run->x);
    return tw_run_end(run, TW_UNBOUNDED, "there is no finite minimum: ray verified: margin %.3g", s->margin);
  default:
    return tw_run_end(run, TW_FAILED, "neither a solution nor a certificate came within reach of rounding errors");
  }
}

static tw_status after(tw_run *run, tw_qp_session *s) {
  if (s->outcome != TW_RUNNING) return end_session(run, s);
  if (s->kind == QP_ITSELF && meets(run, s)) {
    TW_TRY(tw_qp_session_settle(s, run->error));
    return end_session(run, s);
  }
  report(run, s);
  return TW_OK;
}

static tw_status init(tw_run *run) {
  local *own;
  TW_TRY(tw_nlp_check_rows(run));
  TW_TRY(open(&own, run));
  run->size = vec_norm_inf(run->n, own->qp.q);
  tw_qp_session *s = &own->session;
  run->f = tw_qp_objective(s->qp, run->x); /* where presolve proves that there is no solution, there is no other point */
  run->optimality = tw_qp_optimality(s->qp, run->x, s->y, NULL, s->work);
  while (s->outcome == TW_RUNNING && s->number[QP_STARTED] == 0) TW_TRY(tw_qp_session_step(s, run->error));
  return after(run, s);
}

/* Of the run before, the analyses of its factors serve again where the reduced program has the same pattern. */
static tw_status restart(tw_run *run) {
  local *own = run->local;
  tw_kkt_matrix before = {0};
  if (own && own->session.stage.open && own->session.kind == QP_ITSELF) {
    before = own->session.stage.ipm.kkt;
    own->session.stage.ipm.kkt = (tw_kkt_matrix){0};
  }
  finish(run);
  tw_status status = tw_nlp_check_rows(run);
  if (status == TW_OK) status = open(&own, run);
  if (status == TW_OK) tw_kkt_adopt(&own->session.stage.ipm.kkt, &before);
  tw_kkt_close(&before);
  return status == TW_OK ? init(run) : status;
}

static tw_status step(tw_run *run) {
  local *own;
  TW_TRY(open(&own, run));
  tw_qp_session *s = &own->session;
  TW_TRY(tw_qp_session_step(s, run->error));
  while (s->outcome == TW_RUNNING && s->number[QP_STARTED] == 0) TW_TRY(tw_qp_session_step(s, run->error));
  return after(run, s);
}

const tw_method tw_method_mehrotra = {
    .name = "mehrotra",
    .summary = "primal-dual interior-point method for convex linear and quadratic programs, with presolve and certificates",
    .reference = "Mehrotra 1992, On the implementation of a primal-dual interior point method; Gondzio 1996; Altman & Gondzio 1999",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT | TW_QP | TW_CONVEX,
    .matrices = TW_HOLDS_HESSIAN | TW_HOLDS_CONSTRAINTS,
    .handles = TW_HANDLES_CONSTRAINTS | TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
    .finish = finish,
    .traits = TW_FORGETS,
    .restart = restart,
};
