/* Tests of subsets of a program in arrays by a method of the registry, which may know integers: the elastic program
 *
 *   min sum_i p_i + q_i  with  rl <= A x + p - q <= ru,  l <= x <= u,  p, q >= 0, and = 0 for hard rows. */
#include "linear/csc.h"
#include "method/program/explain_engine.h"
#include "method/program/qp.h"

static const double SECONDS = 10; /* of one test among integers */

typedef struct program_engine {
  tw_qp elastic;
  tw_oracle oracle;
  const tw_limits *limits;
  const tw_exec *exec;
  const char *method;
} program_engine;

static tw_status open_elastic(tw_qp *e, const tw_qp *qp, tw_error *error) {
  const int64_t n = qp->n, m = qp->m, count = csc_count(&qp->a);
  TW_TRY(tw_qp_new(e, n + 2 * m, m, 0, count + 2 * m, error));
  memcpy(e->a.start, qp->a.start, (size_t)(n + 1) * sizeof *e->a.start);
  memcpy(e->a.row, qp->a.row, (size_t)count * sizeof *e->a.row);
  vec_copy(count, qp->a.value, e->a.value);
  for (int64_t k = 0; k < 2 * m; k++) {
    e->a.row[count + k] = k % m;
    e->a.value[count + k] = k < m ? 1 : -1;
    e->a.start[n + k + 1] = count + k + 1;
    e->q[n + k] = 1;
    e->lower[n + k] = 0;
  }
  if (!qp->kinds) return TW_OK;
  if (!(e->kinds = tw_alloc((size_t)(n + 2 * m), sizeof *e->kinds))) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  memcpy(e->kinds, qp->kinds, (size_t)n * sizeof *e->kinds);
  return TW_OK;
}

static tw_status test(void *context, const bool *in, const bool *hard, tw_test *result, bool *cause, tw_error *error) {
  program_engine *e = context;
  tw_qp *q = &e->elastic;
  const int64_t n = e->limits->n, m = e->limits->m;
  tw_limits_keep(e->limits, in, q->row_lower, q->row_upper, q->lower, q->upper);
  for (int64_t i = 0; i < 2 * m; i++) q->upper[n + i] = INFINITY;
  for (int64_t k = 0; hard && k < e->limits->count; k++)
    if (hard[k] && e->limits->member[k].row)
      q->upper[n + e->limits->member[k].index] = q->upper[n + m + e->limits->member[k].index] = 0;
  tw_result r;
  const tw_solve_options options = {.method = e->method, .exec = *e->exec, .time_limit = q->kinds ? SECONDS : 0};
  TW_TRY(tw_minimize(&e->oracle, NULL, &options, &r, error));
  if (r.outcome == TW_INFEASIBLE) result->verdict = TW_EXPLAIN_INFEASIBLE;
  if (r.outcome == TW_SOLVED || (isfinite(r.bound) && r.bound > 1e-6)) {
    const bool infeasible = r.f > 10 * TW_EXPLAIN_TOLERANCE;
    result->verdict = infeasible ? TW_EXPLAIN_INFEASIBLE : TW_EXPLAIN_FEASIBLE;
    result->residual = 0;
    for (int64_t k = 0; k < 2 * m; k++) result->residual = fmax(result->residual, r.x[n + k]);
    for (int64_t k = 0; infeasible && k < e->limits->count; k++) {
      const tw_member *x = &e->limits->member[k];
      cause[k] = in[k] && x->row && r.x[n + x->index] + r.x[n + m + x->index] > TW_EXPLAIN_TOLERANCE;
    }
  }
  tw_result_free(&r);
  return TW_OK;
}

static const char *method_for(const tw_qp *qp) {
  if (!qp->kinds) return "mehrotra";
  return tw_method_find("cbc") ? "cbc" : "branch_and_bound";
}

tw_status tw_explain_program(const tw_qp *qp, tw_filter *filter, const tw_exec *exec, tw_error *error) {
  program_engine e = {.limits = filter->limits, .exec = exec, .method = method_for(qp)};
  const tw_engine engine = {.context = &e, .test = test};
  tw_status status = open_elastic(&e.elastic, qp, error);
  if (status == TW_OK) status = tw_qp_oracle(&e.oracle, &e.elastic, true, error);
  if (status == TW_OK) status = tw_filter_run(filter, &engine, error);
  tw_oracle_release(&e.oracle);
  tw_qp_free(&e.elastic);
  return status;
}
