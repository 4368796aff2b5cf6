/* Which engine explains a problem, and the limits it has. */
#include "method/explain.h"

#include "method/program/explain_engine.h"

void tw_explanation_free(tw_explanation *e) {
  free(e->member);
  *e = (tw_explanation){0};
}

/* ------------------------------------------------------------------ limits */

static void add_members(tw_limits *limits, bool row, int64_t count, const double *l, const double *u) {
  for (int64_t k = 0; k < count; k++) {
    const bool low = l[k] > -INFINITY, high = u[k] < INFINITY;
    if (l[k] == u[k]) {
      limits->member[limits->count++] = (tw_member){row, k, true, true, l[k]};
      continue;
    }
    if (low) limits->member[limits->count++] = (tw_member){row, k, true, false, l[k]};
    if (high) limits->member[limits->count++] = (tw_member){row, k, false, true, u[k]};
  }
}

tw_status tw_limits_new(tw_limits *limits, const tw_oracle *o, tw_error *error) {
  const bool bounded = (o->offers & TW_BOUNDS) != 0;
  *limits = (tw_limits){.n = o->n,
                        .m = o->m,
                        .lower = bounded ? o->lower : NULL,
                        .upper = bounded ? o->upper : NULL,
                        .row_lower = o->c_lower,
                        .row_upper = o->c_upper};
  limits->member = tw_alloc((size_t)(2 * (o->n + o->m)), sizeof *limits->member);
  if (!limits->member) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the limits of a problem");
  add_members(limits, true, o->m, o->c_lower, o->c_upper);
  if (bounded) add_members(limits, false, o->n, o->lower, o->upper);
  return TW_OK;
}

void tw_limits_keep(const tw_limits *limits, const bool *in, double *rl, double *ru, double *l, double *u) {
  for (int64_t i = 0; i < limits->m; i++) rl[i] = -INFINITY, ru[i] = INFINITY;
  for (int64_t j = 0; j < limits->n; j++) l[j] = -INFINITY, u[j] = INFINITY;
  for (int64_t k = 0; k < limits->count; k++) {
    const tw_member *x = &limits->member[k];
    if (!in[k]) continue;
    if (x->lower) (x->row ? rl : l)[x->index] = (x->row ? limits->row_lower : limits->lower)[x->index];
    if (x->upper) (x->row ? ru : u)[x->index] = (x->row ? limits->row_upper : limits->upper)[x->index];
  }
}

/* ------------------------------------------------------------------ limits that cross */

static bool crosses(double l, double u, bool integer) {
  return integer ? ceil(l - 1e-9) > floor(u + 1e-9) : l > u;
}

static void count_crossing(tw_explanation *e, bool row, int64_t count, const double *l, const double *u, const tw_var_kind *kinds) {
  for (int64_t k = 0; k < count; k++) {
    const bool integer = kinds && kinds[k] != TW_CONTINUOUS;
    if (!crosses(l[k], u[k], integer)) continue;
    if (e->crossing++ > 0) continue;
    e->integral = !(l[k] > u[k]);
    e->member[0] = (tw_member){row, k, true, l[k] == u[k], l[k]};
    e->member[1] = (tw_member){row, k, false, true, u[k]};
    e->members = l[k] == u[k] ? 1 : 2;
  }
}

static void find_crossing(const tw_limits *limits, const tw_oracle *o, tw_explanation *e) {
  count_crossing(e, true, limits->m, limits->row_lower, limits->row_upper, NULL);
  if (limits->lower) count_crossing(e, false, limits->n, limits->lower, limits->upper, o->kinds);
  if (e->crossing == 0) return;
  e->verdict = TW_EXPLAIN_INFEASIBLE;
  e->irreducible = true;
  int at = snprintf(e->message, sizeof e->message, e->integral ? "no integer lies within the bounds" : "limits cross");
  if (e->crossing > 1) snprintf(e->message + at, sizeof e->message - (size_t)at, "; so do %lld more", (long long)e->crossing - 1);
}

/* ------------------------------------------------------------------ engines */

static tw_status explain_relaxed(const tw_qp *qp, tw_filter *filter, const tw_exec *exec, tw_error *error) {
#ifdef TALWEG_GLPK
  return tw_explain_lp(qp, filter, exec, error);
#else
  return tw_explain_program(qp, filter, exec, error);
#endif
}

/* The relaxation first; integers only where it is feasible. */
static tw_status explain_program(const tw_oracle *o, tw_filter *filter, const tw_exec *exec, tw_explanation *e, tw_error *error) {
  tw_qp qp;
  tw_status status = tw_qp_open(&qp, o, error);
  tw_var_kind *kinds = qp.kinds;
  qp.kinds = NULL;
  if (status == TW_OK) status = explain_relaxed(&qp, filter, exec, error);
  qp.kinds = kinds;
  if (status == TW_OK && kinds && filter->first.verdict == TW_EXPLAIN_FEASIBLE) {
    e->integral = true;
    filter->irreducible = false;
    status = tw_explain_program(&qp, filter, exec, error);
  }
  tw_qp_free(&qp);
  return status;
}

static tw_status search(const tw_oracle *o, tw_filter *filter, const tw_exec *exec, tw_explanation *e, tw_error *error) {
  if (o->offers & TW_QP) return explain_program(o, filter, exec, e, error);
  e->local = o->m > 0 && !(o->offers & TW_CONVEX);
  if (o->m > 0) TW_TRY(tw_explain_nlp(o, filter, exec, error));
  if (o->m == 0) filter->first = (tw_test){TW_EXPLAIN_FEASIBLE, 0};
  if (o->kinds && filter->first.verdict == TW_EXPLAIN_FEASIBLE && o->m > 0) {
    e->integral = true;
    filter->first.verdict = TW_EXPLAIN_UNDECIDED;
  }
  return TW_OK;
}

static void tell(const tw_filter *f, tw_explanation *e) {
  const tw_limits *limits = f->limits;
  e->verdict = f->first.verdict;
  e->residual = f->first.residual;
  e->tests = f->tests;
  const char *relaxed = e->integral ? "the continuous relaxation is feasible" : "", *colon = e->integral ? "; " : "";
  if (e->verdict == TW_EXPLAIN_FEASIBLE)
    snprintf(e->message, sizeof e->message, "there is a feasible point, its largest violation is %.2g", e->residual);
  if (e->verdict == TW_EXPLAIN_UNDECIDED)
    snprintf(e->message, sizeof e->message, "%s%s", e->integral ? relaxed : "no verdict: the search ended before it knew",
             e->integral ? "; whether integers are feasible too was not found out" : "");
  if (e->verdict != TW_EXPLAIN_INFEASIBLE) return;
  for (int64_t k = 0; k < limits->count; k++)
    if (f->in[k]) e->member[e->members++] = limits->member[k];
  e->irreducible = f->irreducible;
  snprintf(e->message, sizeof e->message, "%s%s%s%s%s", relaxed, colon,
           e->irreducible ? "an irreducible infeasible subset" : "an infeasible subset, perhaps not irreducible",
           e->integral ? " together with integrality" : "", e->local ? ", by local solves: evidence, no proof" : "");
}

tw_status tw_explain(const tw_oracle *o, const tw_exec *exec, tw_explanation *e, tw_error *error) {
  *e = (tw_explanation){.residual = NAN};
  if ((o->offers & TW_PROJECT) && !(o->offers & TW_BOUNDS))
    return tw_fail(error, TW_ERR_UNSUPPORTED, "variables on sets that are no boxes: explain knows bounds and rows alone");
  tw_limits limits;
  tw_status status = tw_limits_new(&limits, o, error);
  const size_t count = (size_t)limits.count;
  bool *flags = tw_alloc(3 * count, sizeof *flags);
  e->member = tw_alloc(count + 2, sizeof *e->member);
  if (status == TW_OK && (!flags || !e->member)) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for a search");
  tw_filter filter = {
      .limits = &limits, .in = flags, .cause = flags + count, .hard = flags + 2 * count, .first = {TW_EXPLAIN_UNDECIDED, NAN}};
  if (status == TW_OK) find_crossing(&limits, o, e);
  if (status == TW_OK && e->crossing == 0) {
    status = search(o, &filter, exec, e, error);
    if (status == TW_OK) tell(&filter, e);
  }
  free(flags);
  free(limits.member);
  if (status != TW_OK) tw_explanation_free(e);
  return status;
}
