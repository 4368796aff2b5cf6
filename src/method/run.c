/* Evaluations on behalf of a method: offered? within budget? counted, and with a NaN policy. */
#include "method/driver.h"
#include "method/sweep.h"

#include <math.h>
#include <stdio.h>

/* What every evaluation asks first. `offered`: the oracle has the function; `cost`: what the budget counts.
 */
static tw_status permit(tw_run *run, bool offered, const char *what, int64_t *counter) {
  if (!offered)
    return tw_fail(run->error, TW_ERR_UNSUPPORTED, "method %s asked for %s, which this oracle does not offer",
                   run->method->name, what);
  const tw_status status = tw_driver_check_budget(run->driver, run->error);
  if (status != TW_OK) return status;
  if (counter != NULL) ++*counter;
  return TW_OK;
}

/* NaN means "outside the domain", as +inf does; the line search backs off. */
static double finite_or_infinite(double f) {
  return isnan(f) ? INFINITY : f;
}

/* An objective of -inf ends the run: nothing can be lower. */
static tw_status check_bottom(tw_run *run, double f) {
  if (f != -INFINITY) return TW_OK;
  return tw_run_end(run, TW_UNBOUNDED,
                    "the objective is -inf at a point met in iteration %lld: it has no finite minimum",
                    (long long)run->iteration + 1);
}

/* A nested problem that is infeasible, unbounded or not solved within its limits is a failure of the evaluation: it says
 * nothing of the kind about this run's own problem. */
static tw_status evaluated(tw_run *run, tw_status status) {
  const bool out_of_time = status == TW_ERR_LIMIT && tw_now() > run->driver->deadline;
  if (out_of_time || (status != TW_ERR_INFEASIBLE && status != TW_ERR_UNBOUNDED && status != TW_ERR_LIMIT)) return status;
  if (run->error != NULL) run->error->status = TW_ERR_NUMERIC;
  return TW_ERR_NUMERIC;
}

/* No function of an outer run counts it for those above. */
tw_status tw_run_sweep(tw_run *run) {
  for (tw_driver *d = run->driver; d != NULL; d = d->parent) {
    const tw_status status = tw_driver_check_budget(d, run->error);
    if (status != TW_OK) return status;
    ++d->counts.gradient;
  }
  return TW_OK;
}

#define ORACLE(run) ((run)->oracle)
#define COUNT(run, name) (&(run)->driver->counts.name)

tw_status tw_run_value(tw_run *run, const double *x, double *f) {
  const tw_oracle *o = ORACLE(run);
  tw_status status = permit(run, o->value != NULL || o->gradient != NULL, "values", COUNT(run, value));
  if (status != TW_OK) return status;
  if (o->value == NULL)
    return tw_fail(run->error, TW_ERR_UNSUPPORTED,
                   "method %s asked for a value alone of an oracle without one", run->method->name);
  status = evaluated(run, o->value(o->context, x, f, run->error));
  if (status != TW_OK) return status;
  *f = finite_or_infinite(*f);
  return check_bottom(run, *f);
}

tw_status tw_run_gradient(tw_run *run, const double *x, double *f, double *g) {
  return tw_run_gradient_along(run, x, NULL, f, g, NULL);
}

tw_status tw_run_gradient_along(tw_run *run, const double *x, const double *d, double *f, double *g,
                                double *slope) {
  const tw_oracle *o = ORACLE(run);
  tw_status status = permit(run, o->gradient != NULL, "gradients", COUNT(run, gradient));
  if (status != TW_OK) return status;
  status = evaluated(run, o->gradient(o->context, x, f, g, run->error));
  if (status != TW_OK) return status;
  *f = finite_or_infinite(*f);
  const int threads = run->exec->threads;
  if (d != NULL)
    *slope = tw_vec_dot_norm_inf_on(threads, g, d, (size_t)run->n, &run->gradient_norm);
  else
    run->gradient_norm = tw_vec_norm_inf_on(threads, g, (size_t)run->n);
  if (!isfinite(run->gradient_norm) && *f != -INFINITY) *f = INFINITY; /* as good as undefined here */
  return check_bottom(run, *f);
}

tw_status tw_run_hvp(tw_run *run, const double *x, const double *y, const double *v, double *out) {
  const tw_oracle *o = ORACLE(run);
  const tw_status status = permit(run, o->hvp != NULL, "Hessian-vector products", COUNT(run, hvp));
  return status != TW_OK ? status : evaluated(run, o->hvp(o->context, x, y, v, out, run->error));
}

tw_status tw_run_hessian(tw_run *run, const double *x, const double *y, double *h) {
  const tw_oracle *o = ORACLE(run);
  const tw_status status = permit(run, o->hessian != NULL, "a Hessian", NULL);
  if (status != TW_OK) return status;
  run->driver->counts.hvp += run->n; /* a dense Hessian costs n products */
  return evaluated(run, o->hessian(o->context, x, y, h, run->error));
}

tw_status tw_run_sample(tw_run *run, const double *x, int64_t count, const int64_t *row, const double *weight, double *f, double *g) {
  const tw_oracle *o = ORACLE(run);
  tw_status status = permit(run, o->sample != NULL, "samples of a sum", g != NULL ? COUNT(run, gradient) : COUNT(run, value));
  if (status != TW_OK) return status;
  status = evaluated(run, o->sample(o->context, x, count, row, weight, f, g, run->error));
  if (status != TW_OK) return status;
  *f = finite_or_infinite(*f);
  if (g == NULL) return check_bottom(run, *f);
  run->gradient_norm = tw_vec_norm_inf_on(run->exec->threads, g, (size_t)run->n);
  if (!isfinite(run->gradient_norm) && *f != -INFINITY) *f = INFINITY;
  return check_bottom(run, *f);
}

/* The rest has one form: out = function(x, more..). Projections fail for the problem's own reasons. */
static tw_status as_it_is(tw_run *run, tw_status status) {
  (void)run;
  return status;
}
#define EVALUATION(judge, function, counter, what, parameters, arguments)                                    \
  tw_status tw_run_##function parameters {                                                                   \
    const tw_oracle *o = ORACLE(run);                                                                        \
    const tw_status status = permit(run, o->function != NULL, what, COUNT(run, counter));                    \
    return status != TW_OK ? status : judge(run, o->function arguments);                                     \
  }

EVALUATION(evaluated, residual, residual, "residuals", (tw_run * run, const double *x, double *r),
           (o->context, x, r, run->error))
EVALUATION(evaluated, residual_jvp, jacobian, "products with the Jacobian of the residual",
           (tw_run * run, const double *x, const double *v, double *jv), (o->context, x, v, jv, run->error))
EVALUATION(evaluated, residual_vjp, jacobian, "products with the transposed Jacobian of the residual",
           (tw_run * run, const double *x, const double *u, double *jtu), (o->context, x, u, jtu, run->error))
EVALUATION(evaluated, residual_jacobian, jacobian, "the Jacobian of the residual",
           (tw_run * run, const double *x, double *j), (o->context, x, j, run->error))
EVALUATION(evaluated, constraints, constraints, "constraints", (tw_run * run, const double *x, double *c),
           (o->context, x, c, run->error))
EVALUATION(evaluated, constraints_jvp, constraints, "products with the Jacobian of the constraints",
           (tw_run * run, const double *x, const double *v, double *jv), (o->context, x, v, jv, run->error))
EVALUATION(evaluated, constraints_vjp, constraints, "products with the transposed Jacobian of the constraints",
           (tw_run * run, const double *x, const double *y, double *jty), (o->context, x, y, jty, run->error))
EVALUATION(evaluated, constraints_jacobian, constraints, "the Jacobian of the constraints",
           (tw_run * run, const double *x, double *j), (o->context, x, j, run->error))
EVALUATION(as_it_is, project, project, "projections", (tw_run * run, const double *x, double *out),
           (o->context, x, out, run->error))
EVALUATION(as_it_is, prox, project, "a proximal operator", (tw_run * run, const double *x, double eta, double *out),
           (o->context, x, eta, out, run->error))
EVALUATION(as_it_is, mirror_step, project, "mirror steps",
           (tw_run * run, const double *x, const double *g, double eta, double *out),
           (o->context, x, g, eta, out, run->error))

tw_status tw_run_sparse_values(tw_run *run, tw_matrix matrix, const double *x, const double *y, double *values) {
  const tw_oracle *o = ORACLE(run);
  const bool second = matrix == TW_MATRIX_HESSIAN || matrix == TW_MATRIX_LAGRANGIAN;
  const tw_status status =
      permit(run, o->sparse_values != NULL, "sparse derivatives", second ? COUNT(run, hvp) : COUNT(run, jacobian));
  return status != TW_OK ? status : o->sparse_values(o->context, matrix, x, y, values, run->error);
}

tw_status tw_run_regularizer(tw_run *run, const double *x, double *g) {
  const tw_oracle *o = ORACLE(run);
  const tw_status status = permit(run, o->regularizer != NULL, "the regularizer's value", NULL);
  if (status != TW_OK) return status;
  const tw_status result = o->regularizer(o->context, x, g, run->error);
  if (result == TW_OK) *g = finite_or_infinite(*g);
  return result;
}

tw_status tw_run_end(tw_run *run, tw_outcome outcome, const char *format, ...) {
  tw_driver *d = run->driver;
  if (d->outcome == TW_RUNNING) {
    va_list args;
    va_start(args, format);
    vsnprintf(d->message, sizeof d->message, format, args);
    va_end(args);
    d->outcome = outcome;
  }
  return TW_ERR_INTERRUPT;
}

const char *tw_run_message(const tw_run *run) {
  return run->driver->message;
}
double tw_run_tolerance(const tw_run *run) {
  return run->driver->tol;
}
