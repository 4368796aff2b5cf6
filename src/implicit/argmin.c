/* argmin, root and fixpoint as one op: operands theta, result z = [x; y]. Its kernel states the inner problem anew at
 * theta and solves it from where the last call ended; its derivatives come from the optimality condition alone. */
#include "implicit/argmin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A solve that stopped short of its tolerance is used when it got this far, and the evidence says so; never beyond. */
static const double ACCEPTABLE = 1e-7;

typedef struct argmin_attr {
  const tw_nested *nested;
} argmin_attr;

typedef struct state {
  const tw_nested *nested;
  tw_problem *problem;
  tw_oracle oracle;
  const char *method;
  double *z; /* the last solution, n + m */
  double warm; /* 1 once z holds one: kept with z by checkpoints */
  tw_fn *margin_fn;
  tw_work *margin_work;
  tw_argmin_evidence evidence;
} state;

const tw_nested *tw_nested_of(tw_expr node) { return ((const argmin_attr *)tw_attr_of(node))->nested; }
const tw_argmin_evidence *tw_argmin_evidence_of(const void *s) { return &((const state *)s)->evidence; }
const tw_oracle *tw_argmin_oracle(const void *s) { return &((const state *)s)->oracle; }

tw_expr tw_argmin(const tw_nested *nested) {
  if (!nested) return TW_NONE;
  argmin_attr attr = {nested};
  return tw_node(nested->graph, &tw_op_argmin, nested->n_theta, nested->theta, &attr);
}

static bool argmin_infer(const tw_args *args, tw_type *type) {
  const tw_nested *nested = ((const argmin_attr *)args->attr)->nested;
  *type = (tw_type){TW_F64, TW_SHAPE(nested->n + nested->m)};
  return true;
}

/* ------------------------------------------------------------------ derivatives */

/* Everything a rule needs at z, theta. */
static tw_expr *args_at(const tw_nested *nested, tw_expr z, const tw_expr *theta) {
  tw_expr *args = calloc((size_t)(nested->n_variables + 2 * nested->n_theta) + 4, sizeof *args);
  if (args)
    tw_nested_args(nested, z, theta, args);
  else
    tw_graph_fail(nested->graph, TW_ERR_MEMORY, "out of memory differentiating %s", nested->word);
  return args;
}

tw_expr tw_nested_tangent(const tw_nested *nested, tw_expr z, const tw_expr *theta, const tw_expr *dtheta) {
  tw_graph *graph = nested->graph;
  tw_expr *args = args_at(nested, z, theta), dz = TW_NONE, df, at[3];
  if (args && tw_body_inline(nested->condition, args, at) == TW_OK) {
    tw_theta_jvp(nested, nested->condition, args, dtheta, 1, nested->condition->outputs, &df);
    if (!tw_is_none(df))
      dz = tw_implicit_solve(graph, nested->linear, nested->n_variables + nested->n_theta + 1, args, tw_neg(df),
                             nested->masked ? at[1] : TW_NONE, nested->symmetric);
  }
  free(args);
  return dz;
}

/* The arguments of tw_nested_tangent. */
typedef struct solution_at {
  const tw_nested *nested;
  tw_expr z;
  const tw_expr *theta;
} solution_at;

static tw_expr solution_tangent(const void *context, const tw_expr *dtheta) {
  const solution_at *at = context;
  return tw_nested_tangent(at->nested, at->z, at->theta, dtheta);
}

void tw_nested_cotangent(const tw_nested *nested, tw_expr z, const tw_expr *theta, tw_expr cotangent, tw_expr *cotangents) {
  const solution_at at = {nested, z, theta};
  tw_theta_transpose(nested->graph, nested->n_theta, theta, solution_tangent, &at, cotangent, cotangents);
}

static tw_expr *theta_of(tw_expr node) {
  tw_expr *theta = calloc((size_t)tw_arity_of(node) + 1, sizeof *theta);
  for (int j = 0; theta && j < tw_arity_of(node); j++) theta[j] = tw_input_of(node, j);
  if (!theta) tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory differentiating a nested problem");
  return theta;
}

static tw_expr argmin_jvp(tw_expr node, const tw_expr *tangents) {
  tw_expr *theta = theta_of(node), dz = TW_NONE;
  if (theta) dz = tw_nested_tangent(tw_nested_of(node), node, theta, tangents);
  free(theta);
  return dz;
}

static void argmin_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  tw_expr *theta = theta_of(node);
  if (theta) tw_nested_cotangent(tw_nested_of(node), node, theta, cotangent, cotangents);
  free(theta);
}

/* ------------------------------------------------------------------ state */

/* Compiles (x.., theta.., y) -> margin when there is something at stake. */
static tw_status open_margin(state *s, tw_error *error) {
  const tw_body *c = s->nested->condition;
  double value;
  if (tw_constant_value(c->outputs[2], &value)) return TW_OK;
  tw_status status = tw_fn_new(&s->margin_fn, c->n_params, c->params, 1, &c->outputs[2], NULL, error);
  return status == TW_OK ? tw_work_new(&s->margin_work, s->margin_fn, error) : status;
}

static tw_status open_problem(state *s, tw_error *error) {
  tw_class cls;
  char why[256] = "";
  s->problem = tw_nested_instance(s->nested, error);
  if (!s->problem) return error ? error->status : TW_ERR_ARGUMENT;
  tw_status status = tw_classify(s->problem, &cls, error);
  if (status != TW_OK) return status;
  s->method = s->nested->method ? s->nested->method : tw_method_choose(s->problem, &cls, why, sizeof why);
  if (!s->method) return tw_fail(error, TW_ERR_UNSUPPORTED, "%s: %s", s->nested->word, why);
  return tw_oracle_from_problem(&s->oracle, s->problem, &cls, error);
}

static tw_status argmin_open(tw_expr node, void *prepared, void **out, tw_error *error) {
  (void)prepared;
  state *s = calloc(1, sizeof *s);
  if (!s) return tw_fail(error, TW_ERR_MEMORY, "argmin: out of memory");
  s->nested = tw_nested_of(node);
  s->z = tw_alloc((size_t)(s->nested->n + s->nested->m) + 1, sizeof *s->z);
  tw_status status = s->z ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "argmin: out of memory");
  tw_graph_lock(node.graph);
  if (status == TW_OK) status = open_problem(s, error);
  if (status == TW_OK) status = open_margin(s, error);
  tw_graph_unlock(node.graph);
  if (status != TW_OK) {
    tw_argmin_close(s);
    return status;
  }
  *out = s;
  return TW_OK;
}

void tw_argmin_close(void *state_) {
  state *s = state_;
  if (!s) return;
  tw_work_free(s->margin_work);
  tw_fn_free(s->margin_fn);
  tw_oracle_release(&s->oracle);
  tw_problem_free(s->problem);
  free(s->z);
  free(s);
}

static void argmin_visit(void *state_, tw_state_visitor *visitor, void *context) {
  state *s = state_;
  if (s->oracle.visit) s->oracle.visit(s->oracle.context, visitor, context);
}

static void argmin_memory(void *state_, tw_memory_visitor *visitor, void *context) {
  state *s = state_;
  visitor(context, s->z, s->nested->n + s->nested->m);
  visitor(context, &s->warm, 1);
}

/* ------------------------------------------------------------------ solving */

static tw_status status_for(tw_outcome outcome) {
  switch (outcome) {
  case TW_STOPPED_CALLER: return TW_ERR_INTERRUPT;
  case TW_INFEASIBLE: return TW_ERR_INFEASIBLE;
  case TW_UNBOUNDED: return TW_ERR_UNBOUNDED;
  case TW_FAILED: return TW_ERR_NUMERIC;
  default: return TW_ERR_LIMIT;
  }
}

static double nan_as_zero(double x) { return isnan(x) ? 0 : x; }

static tw_status check_outcome(const state *s, const tw_result *r, tw_error *error) {
  bool finite = isfinite(tw_vec_norm_inf(r->x, (size_t)r->n));
  bool stopped_short = r->outcome == TW_FAILED || r->outcome == TW_STOPPED_ITERATIONS;
  bool near = r->optimality.stationarity <= ACCEPTABLE && nan_as_zero(r->optimality.feasibility) <= ACCEPTABLE;
  if (finite && (r->outcome == TW_SOLVED || (stopped_short && near))) return TW_OK;
  return tw_fail(error, status_for(r->outcome), "%s: the inner problem was not solved: %s ended with \"%s\" (%s)",
                 s->nested->word, r->method, tw_outcome_name(r->outcome), r->message);
}

/* min over inequalities, bounds and supports of max(slack, |multiplier|). */
static tw_status measure_margin(state *s, const tw_call *call) {
  s->evidence.margin = INFINITY;
  if (!s->margin_fn) return TW_OK;
  const tw_nested *nested = s->nested;
  const void **in = calloc((size_t)(nested->n_variables + nested->n_theta) + 1, sizeof *in);
  if (!in) return tw_fail(call->error, TW_ERR_MEMORY, "%s: out of memory", nested->word);
  for (int i = 0; i < nested->n_variables; i++) in[i] = s->z + nested->variable[i].offset;
  for (int j = 0; j < nested->n_theta; j++) in[nested->n_variables + j] = call->in[j];
  in[nested->n_variables + nested->n_theta] = s->z + nested->n;
  void *out[1] = {&s->evidence.margin};
  tw_status status = tw_fn_call(s->margin_fn, s->margin_work, in, out, 0, call->error);
  free(in);
  return status;
}

static tw_status argmin_kernel(const tw_call *call) {
  state *s = call->state;
  const tw_nested *nested = s->nested;
  tw_status status = tw_oracle_parameters(&s->oracle, call->in, call->error);
  if (status != TW_OK) return status;
  tw_solve_options options = {.method = s->method, .tolerance = call->exec->inner_tolerance, .exec = *call->exec};
  tw_result result = {0};
  status = tw_minimize(&s->oracle, s->warm == 1 ? s->z : NULL, &options, &result, call->error);
  if (status == TW_OK) status = check_outcome(s, &result, call->error);
  if (status != TW_OK && s->warm == 1 && status != TW_ERR_INTERRUPT) {
    /* The old solution may be a bad place to start: once more from the stated one. */
    tw_result_free(&result);
    status = tw_minimize(&s->oracle, NULL, &options, &result, call->error);
    if (status == TW_OK) status = check_outcome(s, &result, call->error);
  }
  if (status == TW_OK) {
    memcpy(s->z, result.x, (size_t)nested->n * sizeof *s->z);
    if (nested->m) memcpy(s->z + nested->n, result.dual, (size_t)nested->m * sizeof *s->z);
    s->warm = 1;
    s->evidence.used = true;
    s->evidence.residual =
        fmax(nan_as_zero(result.optimality.stationarity), nan_as_zero(result.optimality.feasibility));
    memcpy(call->out, s->z, (size_t)(nested->n + nested->m) * sizeof *s->z);
    status = measure_margin(s, call);
  }
  tw_result_free(&result);
  return status;
}

const tw_op tw_op_argmin = {.name = "argmin",
                            .summary = "the solution of a nested problem",
                            .arity = -1,
                            .attr_bytes = sizeof(argmin_attr),
                            .infer = argmin_infer,
                            .kernel = argmin_kernel,
                            .jvp = argmin_jvp,
                            .vjp = argmin_vjp,
                            .open = argmin_open,
                            .close = tw_argmin_close,
                            .visit = argmin_visit,
                            .memory = argmin_memory};
