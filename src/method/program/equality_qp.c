/* Quadratic programs with equalities alone, by their optimality condition
 *
 *   [ P  A' ] [ x ]   [ -q ]
 *   [ A     ] [ y ] = [  b ]
 *
 * directly: LDL' of the matrix with delta I and -delta I on its diagonal (quasi-definite, Vanderbei 1995), refined against the matrix
 * without; or by GMRES, without forming anything. The run is one step. */
#include "linear/csc.h"
#include "method/program/nlp.h"
#include "method/program/qp.h"

static const double DELTA = 1e-8; /* times the largest entry of P and A */

static const tw_option options[] = {TW_OPTION_TOL(1e-9),
                                    TW_OPTION_MAX_ITER(1),
                                    {"solver", TW_OPTION_CHOICE, 0, 0, 1, "direct|gmres", "how the optimality condition is solved"},
                                    TW_OPTION_END};

static tw_status apply(void *qp_, const double *v, double *out) {
  const tw_qp *qp = qp_;
  vec_zero(qp->n + qp->m, out);
  tw_qp_add_p(qp, 1, v, out);
  tw_qp_add_at(qp, 1, v + qp->n, out);
  tw_qp_add_a(qp, 1, v, out + qp->n);
  return TW_OK;
}

/* The lower triangle of the matrix, its diagonal shifted. */
static tw_status regularized(tw_csc *out, const tw_qp *qp, double delta, tw_error *error) {
  const tw_csc *p = &qp->p, *a = &qp->a;
  TW_TRY(csc_new(out, qp->n + qp->m, qp->n + qp->m, qp->n + qp->m + csc_count(p) + csc_count(a), error));
  int64_t at = 0;
  for (int64_t j = 0; j < qp->n; j++) {
    const int64_t diagonal = at++;
    out->row[diagonal] = j, out->value[diagonal] = delta;
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      if (p->row[k] == j)
        out->value[diagonal] += p->value[k];
      else
        out->row[at] = p->row[k], out->value[at++] = p->value[k];
    }
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) out->row[at] = qp->n + a->row[k], out->value[at++] = a->value[k];
    out->start[j + 1] = at;
  }
  for (int64_t i = qp->n; i < qp->n + qp->m; i++) out->row[at] = i, out->value[at++] = -delta, out->start[i + 1] = at;
  return TW_OK;
}

static tw_status solve_direct(const tw_qp *qp, const double *b, double *v, tw_error *error) {
  const double delta = DELTA * fmax(vec_norm_inf(csc_count(&qp->p), qp->p.value), vec_norm_inf(csc_count(&qp->a), qp->a.value));
  const int64_t order = qp->n + qp->m;
  tw_csc k = {0};
  tw_factor *factor = NULL;
  tw_linear_result result;
  int64_t positive = 0;
  const tw_linear_options accuracy = {.rtol = 1e-15};
  tw_status status = regularized(&k, qp, delta > 0 ? delta : 1, error);
  if (status == TW_OK) status = tw_factor_csc(&factor, TW_FACTOR_LDLT, &k, error);
  if (status == TW_OK) {
    tw_factor_inertia(factor, &positive, NULL, NULL);
    if (positive != qp->n)
      status = tw_fail(error, TW_ERR_UNSUPPORTED, "equality_qp: the objective is not convex where the rows hold");
  }
  if (status == TW_OK) {
    const tw_linop matrix = {order, order, TW_LINOP_SYMMETRIC, apply, NULL, (void *)(uintptr_t)qp}, inverse = tw_factor_linop(factor);
    status = tw_refine(&matrix, &inverse, b, v, &accuracy, &result, error);
  }
  tw_factor_free(factor);
  tw_csc_free(&k);
  return status;
}

static tw_status solve_gmres(const tw_qp *qp, const double *b, double *v, tw_error *error) {
  enum { RESTART_MOST = 200 };
  const int64_t order = qp->n + qp->m;
  const tw_linop matrix = {order, order, TW_LINOP_SYMMETRIC, apply, NULL, (void *)(uintptr_t)qp};
  const tw_linear_options accuracy = {.rtol = 1e-13, .restart = order < RESTART_MOST ? (int)order : RESTART_MOST};
  tw_linear_result result;
  return tw_gmres(&matrix, b, v, &accuracy, &result, error);
}

/* ------------------------------------------------------------------ the run */

static tw_status check_equalities(tw_run *run) {
  const tw_oracle *o = run->oracle;
  TW_TRY(tw_nlp_check_rows(run));
  for (int64_t i = 0; i < o->m; i++)
    if (o->c_lower[i] != o->c_upper[i])
      return tw_fail(run->error, TW_ERR_UNSUPPORTED, "equality_qp: constraint row %lld is no equality; osqp and ipm take inequalities",
                     (long long)i);
  return TW_OK;
}

static void report(const tw_qp *qp, tw_run *run, double *work) {
  run->f = tw_qp_objective(qp, run->x);
  run->optimality = tw_qp_optimality(qp, run->x, run->dual, NULL, work);
}

/* The residuals of a singular system prove that it has no solution: A'r = 0, r'b != 0; or P d = 0, A d = 0, q'd < 0. */
static tw_status end_run(const tw_qp *qp, tw_run *run, double *r, double *work) {
  static const double CERTAIN = 1e-6;
  const double scale = fmax(1, run->scale);
  double *rows = r + qp->n, *none = work + 2 * qp->n + qp->m;
  if (run->optimality.stationarity <= tw_run_tolerance(run) * scale && run->optimality.feasibility <= tw_run_tolerance(run) * scale)
    return tw_run_end(run, TW_SOLVED, "stationarity %.2g, violation %.2g", run->optimality.stationarity / scale,
                      run->optimality.feasibility);
  vec_zero(qp->n, none);
  for (int64_t i = 0; i < qp->m; i++) rows[i] = -rows[i];
  if (vec_norm_inf(qp->m, rows) > CERTAIN && tw_qp_proves_infeasible(qp, rows, none, work) > 0)
    return tw_run_end(run, TW_INFEASIBLE, "the rows contradict each other: no point is within %.2g of all", run->optimality.feasibility);
  if (vec_norm_inf(qp->n, r) > CERTAIN && tw_qp_proves_unbounded(qp, r, work) > 0)
    return tw_run_end(run, TW_UNBOUNDED, "the objective falls along a line on which the rows hold");
  return tw_run_end(run, TW_FAILED, "the optimality condition is too ill-conditioned: stationarity %.2g, violation %.2g",
                    run->optimality.stationarity / scale, run->optimality.feasibility);
}

static tw_status solve(tw_run *run, const tw_qp *qp) {
  const int64_t order = qp->n + qp->m;
  double *b = tw_alloc((size_t)(3 * order + 2 * qp->n), sizeof *b), *v = b + order, *work = v + order;
  if (!b) return tw_fail(run->error, TW_ERR_MEMORY, "equality_qp: out of memory");
  for (int64_t j = 0; j < qp->n; j++) b[j] = -qp->q[j];
  vec_copy(qp->m, qp->row_lower, b + qp->n);
  vec_copy(qp->n, run->x, v);
  vec_copy(qp->m, run->dual, v + qp->n);
  tw_status status = (tw_run_choice(run, "solver") == 0 ? solve_direct : solve_gmres)(qp, b, v, run->error);
  if (status == TW_OK) {
    vec_copy(qp->n, v, run->x);
    vec_copy(qp->m, v + qp->n, run->dual);
    report(qp, run, work);
    apply((void *)(uintptr_t)qp, v, work);
    for (int64_t i = 0; i < order; i++) b[i] -= work[i];
    status = end_run(qp, run, b, work);
  }
  free(b);
  return status;
}

static tw_status with_program(tw_run *run, tw_status (*act)(tw_run *run, const tw_qp *qp)) {
  tw_qp qp;
  tw_status status = tw_qp_open(&qp, run->oracle, run->error);
  if (status == TW_OK) status = act(run, &qp);
  tw_qp_free(&qp);
  return status;
}

static tw_status start(tw_run *run, const tw_qp *qp) {
  double *work = tw_alloc((size_t)(2 * qp->n + qp->m), sizeof *work);
  if (!work) return tw_fail(run->error, TW_ERR_MEMORY, "equality_qp: out of memory");
  report(qp, run, work);
  run->scale = fmax(run->optimality.stationarity, vec_norm_inf(qp->m, qp->row_lower));
  free(work);
  return TW_OK;
}

static tw_status init(tw_run *run) {
  TW_TRY(check_equalities(run));
  return with_program(run, start);
}

static tw_status step(tw_run *run) {
  return with_program(run, solve);
}

const tw_method tw_method_equality_qp = {
    .name = "equality_qp",
    .summary = "QPs with equalities alone by one linear system",
    .reference = "Vanderbei 1995, Symmetric quasidefinite matrices; Saad & Schultz 1986",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT | TW_QP,
    .matrices = TW_HOLDS_HESSIAN | TW_HOLDS_CONSTRAINTS,
    .handles = TW_HANDLES_CONSTRAINTS,
    .options = options,
    .init = init,
    .step = step,
};
