/* Implicit systems by Krylov methods. */
#include "implicit/system.h"

#include "base/try.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void note(tw_system *a, const char *by, const tw_linear_result *result) {
  a->s->evidence.by = by;
  if (isfinite(result->condition) && result->condition > a->s->evidence.condition) a->s->evidence.condition = result->condition;
}

/* Least-norm least squares: right for singular consistent systems. */
tw_status tw_system_least_norm(tw_system *a, const double *b, double *x) {
  tw_linop op = tw_system_linop(a, a->symmetric ? TW_LINOP_SYMMETRIC : 0);
  tw_linear_options options = {.rtol = 1e-14, .max_iter = 20 * a->m + 100};
  tw_linear_result result;
  memset(x, 0, (size_t)a->m * sizeof *x);
  a->s->evidence.by = "lsqr";
  return tw_lsqr(&op, b, x, &options, &result, a->call->error);
}

/* ------------------------------------------------------------------ preconditioners */

/* The diagonal by random signs: the mean of s (L s) (Bekas, Kokiopoulou & Saad, 2007). *clear: every entry stands out of what the rest
 * of its row adds to it, judged by the spread of its samples. */
static tw_status probe_diagonal(tw_system *a, double *d, bool *clear) {
  enum { PROBES = 16, KEY = 72 };
  const size_t m = (size_t)a->m;
  double *s = tw_alloc(3 * m, sizeof *s);
  if (!s) return tw_system_oom(a);
  double *ls = s + m, *squares = ls + m;
  tw_status status = TW_OK;
  memset(d, 0, m * sizeof *d);
  memset(squares, 0, m * sizeof *squares);
  for (int k = 0; k < PROBES && status == TW_OK; k++) {
    for (size_t i = 0; i < m; i++) s[i] = tw_random_bits(KEY, (uint64_t)k * m + i) & 1 ? 1 : -1;
    status = tw_system_apply(a, false, s, ls);
    for (size_t i = 0; i < m; i++) {
      const double sample = s[i] * ls[i];
      d[i] += sample / PROBES;
      squares[i] += sample * sample / PROBES;
    }
  }
  *clear = true;
  for (size_t i = 0; i < m; i++) *clear = *clear && (squares[i] - d[i] * d[i]) / PROBES <= 0.25 * d[i] * d[i];
  free(s);
  return status;
}

static void read_diagonal(const tw_csc *c, double *d) {
  for (int64_t j = 0; j < c->cols; j++) {
    d[j] = 0;
    for (int64_t e = c->start[j]; e < c->start[j + 1]; e++)
      if (c->row[e] == j) d[j] = c->value[e];
  }
}

/* Where all entries are positive and differ enough to matter; others would do harm. */
static tw_status jacobi(tw_system *a, bool sparse, bool asked) {
  static const double SPREAD = 10;
  double *d = tw_alloc((size_t)a->m, sizeof *d), least = INFINITY, most = 0;
  bool clear = true;
  tw_status status = d ? TW_OK : tw_system_oom(a);
  if (status == TW_OK && sparse) read_diagonal(&a->sparse, d);
  else if (status == TW_OK) status = probe_diagonal(a, d, &clear);
  for (int64_t i = 0; i < a->m && status == TW_OK; i++) least = fmin(least, d[i]), most = fmax(most, d[i]);
  if (status == TW_OK && least > 0 && (asked || (clear && most > SPREAD * least)))
    status = tw_precond_jacobi(&a->precond, a->m, d, a->call->error);
  free(d);
  return status;
}

static tw_status precondition(tw_system *a, bool definite) {
  const int64_t kind = a->choice->precondition;
  bool sparse = false;
  if (a->conditioned) return TW_OK;
  a->conditioned = true;
  if (kind == TW_PRECONDITION_NONE || (kind == TW_PRECONDITION_AUTO && (!definite || a->m <= TW_SYSTEM_DENSE_LIMIT))) return TW_OK;
  if (!a->index) TW_TRY(tw_system_sparse(a, &sparse));
  if (kind == TW_PRECONDITION_JACOBI || kind == TW_PRECONDITION_AUTO) return jacobi(a, sparse, kind == TW_PRECONDITION_JACOBI);
  if (!sparse)
    return tw_fail(a->call->error, TW_ERR_UNSUPPORTED,
                   "precondition=%s: the entries of the implicit linear system are not known to be few, "
                   "expected jacobi or none",
                   kind == TW_PRECONDITION_IC0 ? "ic0" : "ilu0");
  return kind == TW_PRECONDITION_IC0 ? tw_precond_ic0(&a->precond, &a->sparse, a->call->error)
                                     : tw_precond_ilu0(&a->precond, &a->sparse, a->call->error);
}

/* ------------------------------------------------------------------ runs */

typedef tw_status tw_krylov(const tw_linop *a, const double *b, double *x, const tw_linear_options *options, tw_linear_result *result,
                            tw_error *error);

enum { RESTART = 60, TRIED = 4 * RESTART };

static tw_status run_for(tw_system *a, int64_t most, tw_krylov *krylov, const char *by, unsigned flags, const double *b, double *x,
                         tw_linear_result *result) {
  const bool normal = a->choice->kind == TW_SOLVE_NORMAL_CG;
  tw_linear_options options = {
      .rtol = normal ? 1e-13 : 1e-12, .max_iter = most, .restart = RESTART, .damp = normal ? sqrt(a->choice->ridge) : 0};
  if (!normal) options.preconditioner = a->precond ? tw_precond_linop(a->precond) : NULL;
  tw_linop op = tw_system_linop(a, flags);
  memset(x, 0, (size_t)a->m * sizeof *x);
  *result = (tw_linear_result){.reason = TW_LINEAR_BREAKDOWN, .condition = NAN};
  const tw_status status = krylov(&op, b, x, &options, result, a->call->error);
  if (status == TW_OK) note(a, by, result);
  return status;
}

static tw_status run(tw_system *a, tw_krylov *krylov, const char *by, unsigned flags, const double *b, double *x,
                     tw_linear_result *result) {
  return run_for(a, a->choice->kind == TW_SOLVE_NORMAL_CG ? 20 * a->m + 100 : 0, krylov, by, flags, b, x, result);
}

tw_status tw_system_try(tw_system *a, const double *b, double *x, bool *done) {
  tw_linear_result result;
  TW_TRY(a->symmetric ? run_for(a, TRIED, tw_cg, "cg", TW_LINOP_DEFINITE, b, x, &result)
                      : run_for(a, TRIED, tw_gmres, "gmres", 0, b, x, &result));
  *done = result.reason == TW_LINEAR_CONVERGED;
  return TW_OK;
}

static bool solved(const tw_linear_result *r) {
  return r->reason == TW_LINEAR_CONVERGED || r->residual <= tw_system_consistent * r->rhs_norm;
}

/* CG while no direction of negative curvature shows, then MINRES; GMRES, then BiCGSTAB. */
static tw_status automatic(tw_system *a, const double *b, double *x) {
  tw_linear_result result;
  if (a->symmetric) {
    TW_TRY(precondition(a, true));
    TW_TRY(run(a, tw_cg, "cg", TW_LINOP_DEFINITE, b, x, &result));
    if (result.reason == TW_LINEAR_CONVERGED) return TW_OK;
    tw_precond_free(a->precond);
    a->precond = NULL;
    TW_TRY(run(a, tw_minres, "minres", TW_LINOP_SYMMETRIC, b, x, &result));
  } else {
    TW_TRY(precondition(a, false));
    TW_TRY(run(a, tw_gmres, "gmres", 0, b, x, &result));
    if (!solved(&result)) TW_TRY(run(a, tw_bicgstab, "bicgstab", 0, b, x, &result));
  }
  return solved(&result) ? TW_OK : tw_system_least_norm(a, b, x);
}

tw_status tw_system_iterate(tw_system *a, const double *b, double *x) {
  tw_linear_result result;
  switch (a->choice->kind) {
  case TW_SOLVE_CG:
    TW_TRY(precondition(a, true));
    TW_TRY(run(a, tw_cg, "cg", TW_LINOP_DEFINITE, b, x, &result));
    break;
  case TW_SOLVE_MINRES:
    TW_TRY(precondition(a, false));
    TW_TRY(run(a, tw_minres, "minres", TW_LINOP_SYMMETRIC, b, x, &result));
    break;
  case TW_SOLVE_GMRES:
    TW_TRY(precondition(a, false));
    TW_TRY(run(a, tw_gmres, "gmres", 0, b, x, &result));
    break;
  case TW_SOLVE_BICGSTAB:
    TW_TRY(precondition(a, false));
    TW_TRY(run(a, tw_bicgstab, "bicgstab", 0, b, x, &result));
    break;
  case TW_SOLVE_NORMAL_CG:
    TW_TRY(run(a, tw_normal_cg, "normal_cg", a->symmetric ? TW_LINOP_SYMMETRIC : 0, b, x, &result));
    return TW_OK;
  default:
    return automatic(a, b, x);
  }
  if (solved(&result)) return TW_OK;
  return tw_fail(a->call->error, TW_ERR_SINGULAR, "linear=%s: the implicit linear system is not solved (%s, residual %.1e of %.1e)",
                 tw_solve_kind_name((tw_solve_kind)a->choice->kind), tw_linear_reason_text(result.reason), result.residual,
                 result.rhs_norm);
}
