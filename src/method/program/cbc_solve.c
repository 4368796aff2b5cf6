/* CBC and Clp by their C interfaces, in a copy of the process: they print where they like and have no other way to be stopped.
 *
 * First the relaxation by Clp, which tells infeasible from unbounded; a mixed-integer program with an unbounded relaxation is
 * unbounded exactly when it has a feasible point (Meyer 1974, rational data), which is found out without its objective. At the
 * end integer variables are fixed and Clp prices the rows and makes the rest exact. Tolerances of reduced costs and of a better point
 * are absolute there: both are given the objective times a power of two that makes its largest coefficient about 5e4. */
#ifdef TALWEG_CBC
#include "method/program/cbc_solve.h"

#include "linear/csc.h"

#include <Cbc_C_Interface.h>
#include <Clp_C_Interface.h>

static const double PRIMAL = 1e-9, DUAL = 1e-9; /* Clp's tolerances */

typedef struct job {
  const tw_qp *qp;
  const tw_cbc_task *task;
  tw_cbc_answer *answer;
  double deadline;
  CoinBigIndex *start;
  int *row;
  double *lower, *upper, *row_lower, *row_upper; /* infinite as COIN has it */
  double *cost, unit;                            /* unit q, unit a power of two */
} job;

/* ------------------------------------------------------------------ arrays */

static void take_limits(int64_t n, const double *from, double *to) {
  for (int64_t k = 0; k < n; k++) to[k] = fmin(fmax(from[k], -DBL_MAX), DBL_MAX);
}

static void take_cost(job *j) {
  double most = 0;
  int exponent;
  for (int64_t k = 0; k < j->qp->n; k++) most = fmax(most, fabs(j->qp->q[k]));
  frexp(most, &exponent);
  j->unit = most > 0 && isfinite(most) ? ldexp(1, 16 - exponent) : 1;
  for (int64_t k = 0; k < j->qp->n; k++) j->cost[k] = j->unit * j->qp->q[k];
}

static bool open_job(job *j) {
  const tw_qp *qp = j->qp;
  const int64_t count = csc_count(&qp->a);
  double *b = tw_alloc((size_t)(3 * qp->n + 2 * qp->m), sizeof *b);
  j->start = tw_alloc((size_t)qp->n + 1, sizeof *j->start);
  j->row = tw_alloc((size_t)count, sizeof *j->row);
  j->lower = b;
  if (!b || !j->start || !j->row) return false;
  j->upper = b + qp->n, j->row_lower = b + 2 * qp->n, j->row_upper = b + 2 * qp->n + qp->m;
  j->cost = b + 2 * (qp->n + qp->m);
  for (int64_t k = 0; k <= qp->n; k++) j->start[k] = (CoinBigIndex)qp->a.start[k];
  for (int64_t k = 0; k < count; k++) j->row[k] = (int)qp->a.row[k];
  take_limits(qp->n, qp->lower, j->lower), take_limits(qp->n, qp->upper, j->upper);
  take_limits(qp->m, qp->row_lower, j->row_lower), take_limits(qp->m, qp->row_upper, j->row_upper);
  take_cost(j);
  return true;
}

static void close_job(job *j) {
  free(j->lower);
  free(j->start);
  free(j->row);
}

static double seconds_left(const job *j) {
  return fmax(0.01, j->deadline - tw_now());
}

/* ------------------------------------------------------------------ Clp */

static Clp_Simplex *open_clp(const job *j, const double *objective) {
  const tw_qp *qp = j->qp;
  Clp_Simplex *clp = Clp_newModel();
  Clp_setLogLevel(clp, 1);
  Clp_loadProblem(clp, (int)qp->n, (int)qp->m, j->start, j->row, qp->a.value, j->lower, j->upper, objective, j->row_lower,
                  j->row_upper);
  Clp_setPrimalTolerance(clp, PRIMAL);
  Clp_setDualTolerance(clp, DUAL);
  if (isfinite(j->deadline)) Clp_setMaximumSeconds(clp, seconds_left(j));
  return clp;
}

/* Clp prices rows with d = q - A'pi. */
static void take_point(const job *j, Clp_Simplex *clp) {
  const tw_qp *qp = j->qp;
  tw_cbc_answer *a = j->answer;
  vec_copy(qp->n, Clp_getColSolution(clp), a->x);
  for (int64_t i = 0; i < qp->m; i++) a->y[i] = 0 - Clp_dualRowSolution(clp)[i] / j->unit;
  a->found = a->priced = true;
}

static void take_ray(const job *j, Clp_Simplex *clp, bool infeasible) {
  tw_cbc_answer *a = j->answer;
  infeasible ? Clp_dual(clp, 0) : Clp_primal(clp, 0); /* presolve leaves none */
  double *ray = infeasible ? Clp_infeasibilityRay(clp) : Clp_unboundedRay(clp);
  a->certified = ray != NULL;
  if (!ray) return;
  vec_copy(infeasible ? j->qp->m : j->qp->n, ray, a->certificate);
  Clp_freeRay(clp, ray);
}

/* ------------------------------------------------------------------ CBC */

static Cbc_Model *open_cbc(const job *j, const double *objective) {
  const tw_qp *qp = j->qp;
  char text[40];
  Cbc_Model *cbc = Cbc_newModel();
  Cbc_loadProblem(cbc, (int)qp->n, (int)qp->m, j->start, j->row, qp->a.value, j->lower, j->upper, objective, j->row_lower,
                  j->row_upper);
  for (int64_t k = 0; k < qp->n; k++)
    if (qp->kinds[k] != TW_CONTINUOUS) Cbc_setInteger(cbc, (int)k);
  Cbc_setParameter(cbc, "log", "1");
  Cbc_setParameter(cbc, "timeMode", "elapsed");
  Cbc_setParameter(cbc, "allowableGap", "0");
  snprintf(text, sizeof text, "%.17g", j->task->gap);
  Cbc_setParameter(cbc, "ratioGap", text);
  if (isfinite(j->deadline)) snprintf(text, sizeof text, "%.3f", seconds_left(j)), Cbc_setParameter(cbc, "seconds", text);
  if (j->task->nodes > 0)
    snprintf(text, sizeof text, "%.0f", fmin(2e9, (double)j->task->nodes)), Cbc_setParameter(cbc, "maxNodes", text);
  if (j->task->seed) {
    snprintf(text, sizeof text, "%d", (int)(j->task->seed % 2147483647u));
    Cbc_setParameter(cbc, "randomCbcSeed", text);
    Cbc_setParameter(cbc, "randomSeed", text);
  }
  return cbc;
}

/* Fixes integer variables and prices the rows; where Clp does not confirm the point it stays as CBC has it. */
static void make_exact(const job *j, Clp_Simplex *clp) {
  const tw_qp *qp = j->qp;
  for (int64_t k = 0; k < qp->n; k++)
    if (qp->kinds[k] != TW_CONTINUOUS) j->lower[k] = j->upper[k] = j->answer->x[k] = nearbyint(j->answer->x[k]) + 0.0;
  Clp_chgColumnLower(clp, j->lower);
  Clp_chgColumnUpper(clp, j->upper);
  if (isfinite(j->deadline)) Clp_setMaximumSeconds(clp, seconds_left(j) + 1);
  Clp_dual(clp, 0);
  if (Clp_status(clp) != 0) Clp_primal(clp, 0);
  if (Clp_status(clp) == 0) take_point(j, clp);
}

static void search_integers(const job *j, Clp_Simplex *clp, double relaxation) {
  tw_cbc_answer *a = j->answer;
  Cbc_Model *cbc = open_cbc(j, j->cost);
  Cbc_solve(cbc);
  const double *x = Cbc_bestSolution(cbc);
  const bool optimal = Cbc_isProvenOptimal(cbc) != 0;
  if (!x && optimal) x = Cbc_getColSolution(cbc);
  a->nodes = Cbc_getNodeCount(cbc);
  a->iterations += Cbc_getIterationCount(cbc);
  a->bound = fmax(relaxation, fmin(Cbc_getBestPossibleObjValue(cbc), x ? Cbc_getObjValue(cbc) : INFINITY) / j->unit);
  a->found = x != NULL;
  if (x) vec_copy(j->qp->n, x, a->x);
  const bool infeasible = !x && Cbc_isProvenInfeasible(cbc);
  a->verdict = optimal ? TW_CBC_OPTIMAL : infeasible ? TW_CBC_INFEASIBLE : Cbc_isAbandoned(cbc) ? TW_CBC_FAILED : TW_CBC_STOPPED;
  if (x) make_exact(j, clp);
  Cbc_deleteModel(cbc);
}

/* Is there a feasible point at all? */
static bool has_point(const job *j) {
  double *nothing = tw_alloc((size_t)j->qp->n, sizeof *nothing);
  bool found = false;
  if (!nothing) return false;
  if (j->qp->kinds) {
    Cbc_Model *cbc = open_cbc(j, nothing);
    Cbc_solve(cbc);
    found = Cbc_isProvenOptimal(cbc) || Cbc_bestSolution(cbc);
    Cbc_deleteModel(cbc);
  } else {
    Clp_Simplex *clp = open_clp(j, nothing);
    Clp_primal(clp, 0);
    found = Clp_status(clp) == 0;
    Clp_deleteModel(clp);
  }
  free(nothing);
  return found;
}

/* ------------------------------------------------------------------ in the copy */

static void solve_relaxed(const job *j, Clp_Simplex *clp) {
  tw_cbc_answer *a = j->answer;
  Clp_initialSolve(clp);
  if (Clp_status(clp) != 0 && Clp_status(clp) != 3) Clp_primal(clp, 0); /* presolve does not tell infeasible from unbounded */
  a->iterations = Clp_getIterationCount(clp);
  switch (Clp_status(clp)) {
  case 0:
    a->bound = Clp_getObjValue(clp) / j->unit;
    if (j->qp->kinds) {
      search_integers(j, clp, a->bound);
      return;
    }
    a->verdict = TW_CBC_OPTIMAL;
    take_point(j, clp);
    return;
  case 1:
    a->verdict = TW_CBC_INFEASIBLE;
    a->relaxed = true;
    take_ray(j, clp, true);
    return;
  case 2:
    a->relaxed = true;
    a->verdict = has_point(j) ? TW_CBC_UNBOUNDED : TW_CBC_INFEASIBLE;
    if (a->verdict == TW_CBC_UNBOUNDED)
      take_ray(j, clp, false);
    else
      a->relaxed = false;
    return;
  default:
    a->verdict = Clp_status(clp) == 3 ? TW_CBC_STOPPED : TW_CBC_FAILED;
  }
}

static void solve_apart(void *context) {
  job *j = context;
  Clp_Simplex *clp = open_clp(j, j->cost);
  solve_relaxed(j, clp);
  Clp_deleteModel(clp);
}

/* ------------------------------------------------------------------ around it */

static void take_line(void *context, const char *line) {
  const job *j = context;
  if (j->task->log) tw_log_write(j->task->log, TW_LOG_DEBUG, "cbc: %s", line);
}

static bool go_on(void *context) {
  const job *j = context;
  return !j->task->go_on || j->task->go_on(j->task->context);
}

static size_t answer_bytes(const tw_qp *qp) {
  const size_t n = (size_t)qp->n, m = (size_t)qp->m;
  return sizeof(tw_cbc_answer) + (n + m + (n > m ? n : m)) * sizeof(double);
}

static tw_cbc_answer *new_answer(const tw_qp *qp) {
  tw_cbc_answer *a = tw_shared_alloc(answer_bytes(qp));
  if (!a) return NULL;
  a->x = (double *)(void *)(a + 1);
  a->y = a->x + qp->n;
  a->certificate = a->y + qp->m;
  a->bound = -INFINITY;
  return a;
}

void tw_cbc_answer_free(const tw_qp *qp, tw_cbc_answer *a) {
  tw_shared_free(a, answer_bytes(qp));
}

tw_status tw_cbc_solve(const tw_qp *qp, const tw_cbc_task *task, tw_cbc_answer **answer, tw_error *error) {
  *answer = NULL;
  if (qp->n > INT32_MAX || qp->m > INT32_MAX || csc_count(&qp->a) > INT32_MAX)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "cbc: the problem is larger than CBC's integers");
  job j = {.qp = qp, .task = task, .answer = new_answer(qp), .deadline = task->seconds > 0 ? tw_now() + task->seconds : INFINITY};
  tw_status status = j.answer ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for CBC's answer");
  if (status == TW_OK && !open_job(&j)) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for CBC's arrays");
  bool stopped = false;
  const tw_apart apart = {.task = solve_apart, .line = take_line, .go_on = go_on, .context = &j, .grace = 5};
  if (status == TW_OK) status = tw_run_apart(&apart, &stopped, error);
  if (status == TW_OK && stopped && j.answer->verdict == TW_CBC_FAILED) j.answer->verdict = TW_CBC_STOPPED;
  if (status == TW_OK) j.answer->bound += qp->constant;
  close_job(&j);
  if (status != TW_OK)
    tw_cbc_answer_free(qp, j.answer), tw_error_prefix(error, "cbc");
  else
    *answer = j.answer;
  return status;
}
#else
typedef int tw_without_cbc_solve; /* a file of C holds something */
#endif
