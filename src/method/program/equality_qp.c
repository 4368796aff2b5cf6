/* Quadratic programs with equalities alone, by their optimality condition
 *
 *   [ P  A' ] [ x ]   [ -q ]
 *   [ A     ] [ y ] = [  b ]
 *
 * directly: of the equilibrated matrix S K S (Ruiz 2001) LDL' with delta I and -delta I on its diagonal (quasi-definite, Vanderbei 1995),
 * refined against the matrix without; or by GMRES, without forming anything. The run is one step. */
#include "linear/csc.h"
#include "method/program/nlp.h"
#include "method/program/qp_certify.h"

static const double DELTA = 1e-8; /* of entries that are at most 1 */
enum { REFINE_MOST = 100 };

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

/* The lower triangle of the matrix, with room on all of its diagonal. */
static tw_status lower_triangle(tw_csc *out, const tw_qp *qp, tw_error *error) {
  const tw_csc *p = &qp->p, *a = &qp->a;
  TW_TRY(csc_new(out, qp->n + qp->m, qp->n + qp->m, qp->n + qp->m + csc_count(p) + csc_count(a), error));
  int64_t at = 0;
  for (int64_t j = 0; j < qp->n; j++) {
    const int64_t diagonal = at++;
    out->row[diagonal] = j, out->value[diagonal] = 0;
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      if (p->row[k] == j)
        out->value[diagonal] += p->value[k];
      else
        out->row[at] = p->row[k], out->value[at++] = p->value[k];
    }
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) out->row[at] = qp->n + a->row[k], out->value[at++] = a->value[k];
    out->start[j + 1] = at;
  }
  for (int64_t i = qp->n; i < qp->n + qp->m; i++) out->row[at] = i, out->value[at++] = 0, out->start[i + 1] = at;
  return TW_OK;
}

typedef struct scaled {
  const tw_qp *qp;
  const double *s;
  double *work;
} scaled;

static tw_status apply_scaled(void *context, const double *v, double *out) {
  const scaled *k = context;
  const int64_t order = k->qp->n + k->qp->m;
  for (int64_t i = 0; i < order; i++) k->work[i] = k->s[i] * v[i];
  TW_TRY(apply((void *)(uintptr_t)k->qp, k->work, out));
  for (int64_t i = 0; i < order; i++) out[i] *= k->s[i];
  return TW_OK;
}

static tw_status factor(tw_factor **out, const tw_qp *qp, tw_csc *k, tw_error *error) {
  int64_t positive = 0;
  for (int64_t j = 0; j < k->cols; j++) k->value[k->start[j]] += j < qp->n ? DELTA : -DELTA;
  TW_TRY(tw_factor_csc(out, TW_FACTOR_LDLT, k, error));
  tw_factor_inertia(*out, &positive, NULL, NULL);
  if (positive == qp->n) return TW_OK;
  return tw_fail(error, TW_ERR_UNSUPPORTED, "equality_qp: the objective is not convex where the rows hold");
}

/* S K S (S^-1 v) = S b. */
static tw_status solve_direct(const tw_qp *qp, const double *b, double *v, tw_error *error) {
  const int64_t order = qp->n + qp->m;
  double *s = tw_alloc((size_t)(4 * order), sizeof *s), *right = s + order, *u = right + order;
  const scaled context = {qp, s, u + order};
  tw_csc k = {0};
  tw_factor *f = NULL;
  tw_linear_result result;
  tw_status status = s ? lower_triangle(&k, qp, error) : tw_fail(error, TW_ERR_MEMORY, "equality_qp: out of memory");
  if (status == TW_OK) csc_equilibrate(&k, s, right);
  if (status == TW_OK) status = factor(&f, qp, &k, error);
  if (status == TW_OK) {
    const tw_linear_options accuracy = {.rtol = 1e-15, .max_iter = REFINE_MOST};
    const tw_linop matrix = {order, order, TW_LINOP_SYMMETRIC, apply_scaled, NULL, (void *)(uintptr_t)&context};
    const tw_linop inverse = tw_factor_linop(f);
    for (int64_t i = 0; i < order; i++) right[i] = s[i] * b[i], u[i] = v[i] / s[i];
    status = tw_refine(&matrix, &inverse, right, u, &accuracy, &result, error);
    for (int64_t i = 0; i < order; i++) v[i] = s[i] * u[i];
  }
  tw_factor_free(f);
  tw_csc_free(&k);
  free(s);
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
  const double scale = tw_run_scale(run);
  double *rows = r + qp->n, *none = work + 2 * qp->n + qp->m;
  bool proven;
  if (run->optimality.stationarity <= tw_run_tolerance(run) * scale && run->optimality.feasibility <= tw_run_tolerance(run) * scale)
    return tw_run_end(run, TW_SOLVED, "stationarity %.2g, violation %.2g", run->optimality.stationarity / scale,
                      run->optimality.feasibility);
  for (int64_t i = 0; i < qp->m; i++) rows[i] = -rows[i];
  TW_TRY(tw_qp_refine_farkas(qp, tw_qp_farkas_noise(qp, rows, NULL, NULL), rows, none, work, &proven, run->error));
  if (proven)
    return tw_run_end(run, TW_INFEASIBLE, "the rows contradict each other: no point is within %.2g of all", run->optimality.feasibility);
  TW_TRY(tw_qp_refine_ray(qp, tw_qp_ray_noise(qp, r, NULL, NULL), r, work, &proven, run->error));
  if (proven)
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
  run->scale = run->optimality.stationarity;
  run->size = fmax(vec_norm_inf(qp->n, qp->q), vec_norm_inf(qp->m, qp->row_lower));
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
