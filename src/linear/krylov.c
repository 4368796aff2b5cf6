#include "linear/krylov.h"

/* What to do after a sweep: another one while it brought the measure below `worth` times what it was, else
 * stop. */
static const struct {
  double worth;
  tw_linear_reason reason;
} krylov_rules[] = {
    [KRYLOV_MET] = {0.5, TW_LINEAR_STAGNATED}, /* the recurrence drifted away from the true residual */
    [KRYLOV_RESTART] = {0.999, TW_LINEAR_STAGNATED}, [KRYLOV_LIMIT] = {0, TW_LINEAR_LIMIT},
    [KRYLOV_BREAKDOWN] = {0.5, TW_LINEAR_BREAKDOWN}, [KRYLOV_NEGATIVE] = {0, TW_LINEAR_NEGATIVE},
    [KRYLOV_STALLED] = {0.5, TW_LINEAR_STAGNATED},   [KRYLOV_OPERATOR] = {0, TW_LINEAR_OPERATOR},
    [KRYLOV_MEMORY] = {0, TW_LINEAR_OPERATOR},
};

/* Sweeps aim a little below the tolerance, so that rounding in the recomputed residual does not cost another
 * one. */
static const double krylov_margin = 0.9;

const char *tw_linear_reason_text(tw_linear_reason reason) {
  switch (reason) {
  case TW_LINEAR_CONVERGED:
    return "converged";
  case TW_LINEAR_LIMIT:
    return "iteration limit reached";
  case TW_LINEAR_BREAKDOWN:
    return "the recurrence broke down";
  case TW_LINEAR_NEGATIVE:
    return "direction of non-positive curvature";
  case TW_LINEAR_STAGNATED:
    return "stagnated above the tolerance";
  case TW_LINEAR_OPERATOR:
    return "the operator failed";
  }
  return "unknown reason";
}

/* ------------------------------------------------------------------ services for sweeps */

bool krylov_step(krylov *k) {
  if (k->result->iterations >= k->max_iter) return false;
  k->result->iterations++;
  return true;
}

static bool krylov_called(krylov *k, tw_status status, const char *what) {
  if (status == TW_OK) return true;
  k->status = tw_fail(k->error, status, "%s: %s failed (%s)", k->method->name, what, tw_status_name(status));
  return false;
}

bool krylov_apply(krylov *k, const double *x, double *y) {
  k->result->applications++;
  if (!krylov_called(k, k->a->apply(k->a->context, x, y), "the operator")) return false;
  for (int64_t i = k->a->rows; i < k->rows; i++) y[i] = k->damp * x[i - k->a->rows];
  return true;
}

static bool krylov_is_symmetric(const tw_linop *a) {
  return a->flags & (TW_LINOP_SYMMETRIC | TW_LINOP_DEFINITE);
}

bool krylov_apply_transpose(krylov *k, const double *x, double *y) {
  const tw_linop *a = k->a;
  k->result->applications++;
  const tw_status status =
      a->apply_transpose ? a->apply_transpose(a->context, x, y) : a->apply(a->context, x, y);
  if (!krylov_called(k, status, "the transposed operator")) return false;
  if (k->rows > a->rows) vec_axpy(k->cols, k->damp, x + a->rows, y);
  return true;
}

bool krylov_precondition(krylov *k, const double *r, double *z) {
  if (k->m) return krylov_called(k, k->m->apply(k->m->context, r, z), "the preconditioner");
  vec_copy(k->cols, r, z);
  return true;
}

double *krylov_vector(krylov *k, int64_t n) {
  const size_t count = n > 0 ? (size_t)n : 1;
  if (count > SIZE_MAX / sizeof(double)) return NULL;
  return tw_arena_alloc(k->arena, count * sizeof(double), 64);
}

/* ------------------------------------------------------------------ checks */

static tw_status check_operator(const krylov_method *method, const tw_linop *a, tw_error *error) {
  if (!a || !a->apply)
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: the operator `a` and its apply must not be NULL",
                   method->name);
  if (a->rows < 0 || a->cols < 0 || (!method->least_squares && a->rows != a->cols))
    return tw_fail(error, TW_ERR_SHAPE, "%s: the operator `a` is %lld x %lld, expected %s", method->name,
                   (long long)a->rows, (long long)a->cols,
                   method->least_squares ? "a shape" : "a square one");
  if (method->symmetric && !krylov_is_symmetric(a))
    return tw_fail(error, TW_ERR_ARGUMENT,
                   "%s: the operator `a` is not flagged symmetric (TW_LINOP_SYMMETRIC or TW_LINOP_DEFINITE)",
                   method->name);
  if (method->least_squares && !a->apply_transpose && !krylov_is_symmetric(a))
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: the operator `a` has no apply_transpose", method->name);
  return TW_OK;
}

static tw_status check_options(const krylov_method *method, const tw_linop *a,
                               const tw_linear_options *options, tw_error *error) {
  const tw_linop *m = options->preconditioner;
  if (!(options->rtol >= 0) || !(options->atol >= 0))
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: rtol and atol are %g and %g, expected >= 0", method->name,
                   options->rtol, options->atol);
  if (options->max_iter < 0 || options->restart < 0)
    return tw_fail(error, TW_ERR_ARGUMENT,
                   "%s: max_iter and restart are %lld and %d, expected >= 0 (0: default)", method->name,
                   (long long)options->max_iter, options->restart);
  if (!(options->damp >= 0) || isinf(options->damp) || (options->damp > 0 && !method->least_squares))
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: damp is %g, expected %s", method->name, options->damp,
                   method->least_squares ? "a finite number >= 0" : "0 (only tw_lsqr and tw_normal_cg damp)");
  if (m && !method->precondition)
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: takes no preconditioner", method->name);
  if (m && !m->apply)
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: the preconditioner's apply must not be NULL", method->name);
  if (m && (m->rows != a->cols || m->cols != a->cols))
    return tw_fail(error, TW_ERR_SHAPE, "%s: the preconditioner is %lld x %lld, expected %lld x %lld",
                   method->name, (long long)m->rows, (long long)m->cols, (long long)a->cols,
                   (long long)a->cols);
  return TW_OK;
}

static tw_status check_vector(const krylov_method *method, const char *name, int64_t n, const double *v,
                              tw_error *error) {
  if (!v && n > 0) return tw_fail(error, TW_ERR_ARGUMENT, "%s: %s must not be NULL", method->name, name);
  const int64_t bad = vec_find_nonfinite(n, v);
  if (bad >= 0)
    return tw_fail(error, TW_ERR_DATA, "%s: %s[%lld] is %g", method->name, name, (long long)bad, v[bad]);
  return TW_OK;
}

static tw_status check_arguments(const krylov_method *method, const tw_linop *a, const double *b,
                                 const double *x, const tw_linear_options *options,
                                 const tw_linear_result *result, tw_error *error) {
  tw_status status = check_operator(method, a, error);
  if (status == TW_OK) status = check_options(method, a, options, error);
  if (status == TW_OK) status = check_vector(method, "b", a->rows, b, error);
  if (status == TW_OK) status = check_vector(method, "x", a->cols, x, error);
  if (status != TW_OK) return status;
  if (!result) return tw_fail(error, TW_ERR_ARGUMENT, "%s: result must not be NULL", method->name);
  if (a->cols > 0 && b == x)
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: b and x are the same memory", method->name);
  return TW_OK;
}

/* ------------------------------------------------------------------ the driver */

static bool allocate(krylov *k) {
  k->arena = tw_arena_new();
  bool ok = k->arena && (k->r = krylov_vector(k, k->rows)) && (k->d = krylov_vector(k, k->cols));
  for (int i = 0; ok && i < k->method->row_vectors; i++) ok = (k->u[i] = krylov_vector(k, k->rows)) != NULL;
  for (int i = 0; ok && i < k->method->col_vectors; i++) ok = (k->v[i] = krylov_vector(k, k->cols)) != NULL;
  return ok;
}

/* r = b - A x, rho = |r|, and the measure: rho, or |A' r| for least squares (through `scratch`, cols long).
 */
static bool residual(krylov *k, const double *x, double *scratch, double *measure) {
  bool zero = true;
  for (int64_t i = 0; i < k->cols && zero; i++) zero = x[i] == 0;
  if (zero)
    vec_zero(k->rows, k->r);
  else if (!krylov_apply(k, x, k->r))
    return false;
  for (int64_t i = 0; i < k->rows; i++) k->r[i] = (i < k->a->rows ? k->b[i] : 0) - k->r[i];
  *measure = k->rho = vec_norm(k->rows, k->r);
  if (!k->method->least_squares || !(k->rho > 0)) return true;
  if (!krylov_apply_transpose(k, k->r, scratch)) return false;
  *measure = vec_norm(k->cols, scratch);
  return true;
}

/* The tolerance from |b|, or from |A'b| for least squares. */
static bool set_tolerance(krylov *k, const tw_linear_options *options) {
  const double rtol = options->rtol == 0 && options->atol == 0 ? 1e-10 : options->rtol;
  double norm = vec_norm(k->a->rows, k->b);
  if (k->method->least_squares && norm > 0) {
    vec_zero(k->rows, k->r);
    vec_copy(k->a->rows, k->b, k->r);
    if (!krylov_apply_transpose(k, k->r, k->d)) return false;
    norm = vec_norm(k->cols, k->d);
  }
  k->result->rhs_norm = norm;
  k->tolerance = fmax(rtol * norm, options->atol);
  return true;
}

static void estimate_condition(krylov *k) {
  const double condition = triangle_condition(&k->coefficients);
  if (isnan(condition)) return;
  k->result->condition = fmax(k->result->condition, k->method->squared ? condition * condition : condition);
}

/* One sweep from x, and x += rho d when the true residual allows. False when the solve is over. */
static bool correct(krylov *k) {
  tw_linear_result *result = k->result;
  vec_scale(k->rows, 1 / k->rho, k->r);
  vec_zero(k->cols, k->d);
  k->target = krylov_margin * k->tolerance / k->rho;
  k->coefficients.size = 0;
  const double rho = k->rho;
  const krylov_end end = k->method->sweep(k);
  result->reason = krylov_rules[end].reason;
  estimate_condition(k);
  if (end == KRYLOV_MEMORY)
    k->status = tw_fail(k->error, TW_ERR_MEMORY, "%s: out of memory", k->method->name);
  if (end == KRYLOV_MEMORY || end == KRYLOV_OPERATOR) return false;

  double measure;
  for (int64_t i = 0; i < k->cols; i++) k->d[i] = k->x[i] + rho * k->d[i];
  double *scratch = k->method->least_squares ? k->v[0] : NULL;
  if (!residual(k, k->d, scratch, &measure)) return (void)(result->reason = TW_LINEAR_OPERATOR), false;
  if (!isfinite(measure) || (k->method->keep_best && measure > k->measure)) {
    if (!isfinite(measure)) result->reason = TW_LINEAR_BREAKDOWN;
    return false;
  }
  const double before = k->measure;
  vec_copy(k->cols, k->d, k->x);
  k->measure = measure;
  if (measure <= k->tolerance) return (void)(result->reason = TW_LINEAR_CONVERGED), false;
  if (measure > krylov_rules[end].worth * before) return false;
  result->reason = TW_LINEAR_LIMIT;
  return result->iterations < k->max_iter;
}

static void drive(krylov *k, const tw_linear_options *options) {
  tw_linear_result *result = k->result;
  result->reason = TW_LINEAR_OPERATOR;
  if (!set_tolerance(k, options)) return;
  if (result->rhs_norm == 0) vec_zero(k->cols, k->x); /* the minimum-norm solution, whatever the start */
  if (!residual(k, k->x, k->method->least_squares ? k->v[0] : NULL, &k->measure)) return;
  if (!isfinite(k->measure))
    result->reason = TW_LINEAR_BREAKDOWN;
  else if (k->measure <= k->tolerance)
    result->reason = TW_LINEAR_CONVERGED;
  else
    while (correct(k)) continue;
  result->residual = k->measure;
}

tw_status krylov_solve(const krylov_method *method, void *context, const tw_linop *a, const double *b,
                       double *x, const tw_linear_options *options, tw_linear_result *result,
                       tw_error *error) {
  const tw_linear_options defaults = {0};
  if (!options) options = &defaults;
  const tw_status status = check_arguments(method, a, b, x, options, result, error);
  if (status != TW_OK) return status;
  const int64_t n = a->cols > 0 ? a->cols : 1;
  krylov k = {.method = method,
              .context = context,
              .a = a,
              .m = options->preconditioner,
              .b = b,
              .x = x,
              .rows = a->rows + (options->damp > 0 ? a->cols : 0),
              .cols = a->cols,
              .damp = options->damp,
              .preconditioned = options->preconditioner != NULL,
              .restart = options->restart ? options->restart : 30,
              .max_iter = options->max_iter    ? options->max_iter
                          : n < INT64_MAX / 10 ? 10 * n
                                               : INT64_MAX,
              .result = result,
              .error = error};
  if (k.restart > n) k.restart = (int)n;
  k.coefficients.width = method->width < 0 ? k.restart : method->width;
  *result = (tw_linear_result){.condition = NAN, .residual = NAN, .rhs_norm = NAN};
  if (allocate(&k))
    drive(&k, options);
  else
    k.status = tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", method->name);
  triangle_free(&k.coefficients);
  tw_arena_free(k.arena);
  return k.status;
}
