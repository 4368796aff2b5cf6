/* CBC, for mixed-integer linear programs and linear ones. It owns its loop: the run's one step is all of it. */
#ifdef TALWEG_CBC
#include "method/driver.h"
#include "method/program/cbc_solve.h"
#include "method/program/integer.h"
#include "method/program/qp_certify.h"

static const tw_option options[] = {
    {"tol", TW_OPTION_REAL, 1e-9, 0, 1, NULL, "relative gap between objective and bound at which the search ends"},
    {"max_iter", TW_OPTION_INTEGER, 2e9, 0, 1e15, NULL, "limit on nodes of the search"},
    TW_OPTION_END};

static tw_status open_program(tw_run *run, tw_qp *qp) {
  TW_TRY(tw_qp_open(qp, run->oracle, run->error));
  if (tw_qp_is_linear(qp)) return TW_OK;
  return tw_fail(run->error, TW_ERR_UNSUPPORTED,
                 "cbc: the objective is quadratic, expected a linear one (branch_and_bound takes both)");
}

/* f and what run->x leaves of feasibility; the gap stands for stationarity. */
static tw_status report(tw_run *run, const tw_qp *qp, const double *y, double *work) {
  run->f = tw_qp_objective(qp, run->x);
  const double violation = tw_qp_violation(qp, run->x, work);
  const bool measured = violation <= 1e-6 && run->bound < INFINITY;
  run->optimality = (tw_optimality){measured ? fmax(0, run->f - run->bound) : INFINITY, violation, NAN};
  run->size = fabs(run->f);
  if (y && !qp->kinds) {
    run->optimality = tw_qp_optimality(qp, run->x, y, NULL, work);
    run->size = vec_norm_inf(qp->n, qp->q);
  }
  return TW_OK;
}

static tw_status with_program(tw_run *run, tw_status (*work)(tw_run *run, const tw_qp *qp, double *scratch)) {
  tw_qp qp;
  double *scratch = NULL;
  tw_status status = open_program(run, &qp);
  if (status == TW_OK && !(scratch = tw_alloc((size_t)(2 * qp.n + qp.m), sizeof *scratch)))
    status = tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  if (status == TW_OK) status = work(run, &qp, scratch);
  free(scratch);
  tw_qp_free(&qp);
  return status;
}

static tw_status begin(tw_run *run, const tw_qp *qp, double *scratch) {
  run->bound = -INFINITY;
  return report(run, qp, NULL, scratch);
}

static tw_status init(tw_run *run) {
  return with_program(run, begin);
}

/* ------------------------------------------------------------------ verdicts */

static tw_status end_infeasible(tw_run *run, const tw_qp *qp, const tw_cbc_answer *a, double *scratch) {
  double proof = -INFINITY, *z = tw_alloc((size_t)qp->n, sizeof *z);
  for (int side = 0; side < 2 && z && a->certified && !(proof > 0); side++) { /* z = -A'y, y up to its sign */
    for (int64_t i = 0; i < qp->m; i++) a->y[i] = side ? -a->certificate[i] : a->certificate[i];
    if (!tw_qp_farkas(qp, a->y, z, scratch, &proof)) proof = -INFINITY;
  }
  free(z);
  run->certified = proof > 0;
  if (run->certified) vec_copy(qp->m, a->y, run->dual);
  if (proof > 0) return tw_run_end(run, TW_INFEASIBLE, "CBC: infeasible, as multipliers of the rows prove (Farkas, by %.2g)", proof);
  return tw_run_end(run, TW_INFEASIBLE, a->relaxed ? "CBC: infeasible" : "CBC: no integers are feasible, after %lld nodes",
                    (long long)a->nodes);
}

static tw_status end_run(tw_run *run, const tw_qp *qp, const tw_cbc_answer *a, double *scratch) {
  const long long nodes = (long long)a->nodes;
  switch (a->verdict) {
  case TW_CBC_OPTIMAL:
    return qp->kinds ? tw_run_end(run, TW_SOLVED, "CBC: optimal after %lld nodes", nodes)
                       : tw_run_end(run, TW_SOLVED, "CBC: optimal");
  case TW_CBC_INFEASIBLE:
    return end_infeasible(run, qp, a, scratch);
  case TW_CBC_UNBOUNDED:
    return tw_run_end(run, TW_UNBOUNDED, "CBC: feasible, and the objective has no finite minimum");
  case TW_CBC_STOPPED:
    if (nodes >= run->driver->max_iter) return tw_run_end(run, TW_STOPPED_ITERATIONS, "CBC: limit of %lld nodes reached", nodes);
    return tw_run_end(run, TW_STOPPED_TIME, "CBC: time limit reached after %lld nodes", nodes);
  default:
    return tw_run_end(run, TW_FAILED, "CBC: abandoned for numerical difficulties");
  }
}

/* ------------------------------------------------------------------ the step */

static bool go_on(void *context) {
  return tw_driver_check_budget(context, NULL) == TW_OK;
}

static tw_status solve(tw_run *run, const tw_qp *qp, double *scratch) {
  const double deadline = run->driver->deadline;
  const tw_cbc_task task = {.gap = tw_run_tolerance(run),
                            .seconds = isfinite(deadline) ? fmax(0.01, deadline - tw_now()) : 0,
                            .nodes = run->driver->max_iter,
                            .seed = run->seed,
                            .log = run->exec->log,
                            .go_on = go_on,
                            .context = run->driver};
  tw_cbc_answer *a = NULL;
  TW_TRY(tw_cbc_solve(qp, &task, &a, run->error));
  if (a->found) {
    vec_copy(qp->n, a->x, run->x);
    tw_qp_round(qp, run->x);
    if (a->priced) vec_copy(qp->m, a->y, run->dual);
  }
  run->bound = a->verdict == TW_CBC_INFEASIBLE ? INFINITY : a->bound;
  report(run, qp, a->priced ? run->dual : NULL, scratch);
  if (a->verdict == TW_CBC_OPTIMAL) run->bound = fmin(run->bound, run->f);
  const tw_status status = end_run(run, qp, a, scratch);
  if (a->nodes > 0) run->iteration += a->nodes - 1; /* the driver counts the step as one */
  tw_cbc_answer_free(qp, a);
  return status;
}

static tw_status step(tw_run *run) {
  return with_program(run, solve);
}

const tw_method tw_method_cbc = {
    .name = "cbc",
    .summary = "CBC, where it is installed: branch and cut for mixed-integer linear programs",
    .reference = "Forrest & Lougee-Heimer 2005; CBC 2.10 with Clp",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT | TW_QP,
    .matrices = TW_HOLDS_HESSIAN | TW_HOLDS_CONSTRAINTS,
    .handles = TW_HANDLES_CONSTRAINTS | TW_HANDLES_BOUNDS | TW_HANDLES_INTEGERS,
    .options = options,
    .init = init,
    .step = step,
    .traits = TW_MONOTONE | TW_PATIENT,
};
#else
typedef int tw_without_cbc; /* a file of C holds something */
#endif
