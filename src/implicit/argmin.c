/* argmin, root and fixpoint as one op: operands theta, result z = [x; y]. Its kernel states the inner problem
 * anew at theta and solves it from where the last call ended; its derivatives come from the optimality
 * condition alone. */
#include "implicit/argmin.h"

#include "graph/node.h"
#include "implicit/lower.h"
#include "problem/oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The evidence says so where it is used. */
const double tw_acceptable_residual = 1e-6;

typedef struct argmin_attr {
  const tw_nested *nested;
} argmin_attr;

/* What is known of the last solution beside itself; kept with it by checkpoints. */
enum { WARM, KEY, RESIDUAL, MARGIN, OUTCOME, FACTS };

/* Once per compiled function: the problem and what is compiled for it, shared by all workspaces. */
typedef struct prepared {
  const tw_nested *nested;
  tw_problem *problem;
  tw_oracle oracle;            /* never asked: workspaces have clones */
  const char *method, *polish; /* polish: of second order, NULL when the problem is not of that kind */
  tw_fn *margin_fn;            /* NULL: nothing is at stake */
  tw_fn *exact_fn;             /* (x.., theta.., y) -> tw_exactness; compiled when first asked for, under the graph's lock */
} prepared;

typedef struct state {
  prepared *p;
  tw_oracle oracle;
  tw_solver *solver;  /* of the last solve: its analyses and factorizations serve the next */
  double tolerance;   /* that it was made for */
  double *z;          /* the last solution, n + m */
  double fact[FACTS]; /* WARM: 1 once z holds a solution; KEY: of what it solves, 64 bits */
  tw_work *margin_work, *exact_work;
  double stated; /* KEY of the theta that the oracle has; NaN at first */
} state;

const tw_nested *tw_nested_of(tw_expr node) {
  return ((const argmin_attr *)tw_attr_of(node))->nested;
}

tw_argmin_evidence tw_argmin_evidence_of(const void *state_) {
  const state *s = state_;
  return (tw_argmin_evidence){.used = s->fact[WARM] == 1,
                              .residual = s->fact[RESIDUAL],
                              .margin = s->fact[MARGIN],
                              .outcome = (tw_outcome)s->fact[OUTCOME],
                              .method = s->p->method,
                              .word = s->p->nested->word};
}

tw_expr tw_argmin_node(const tw_nested *nested) {
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
static tw_status compile_margin(prepared *p, unsigned mode, tw_error *error) {
  const tw_body *c = p->nested->condition;
  const tw_fn_options options = {.mode = mode};
  double value;
  if (tw_constant_value(c->outputs[2], &value)) return TW_OK;
  return tw_fn_new(&p->margin_fn, c->n_params, c->params, 1, &c->outputs[2], &options, error);
}

/* Whether `p->method` is the choice for the problem whatever its parameters are, and then its class as such. */
static bool chosen_for_all(prepared *p, tw_class *cls) {
  tw_class open;
  char why[256];
  p->problem->open = true;
  const char *method = tw_classify(p->problem, &open, NULL) == TW_OK ? tw_method_choose(p->problem, &open, why, sizeof why) : NULL;
  p->problem->open = method && strcmp(method, p->method) == 0;
  if (p->problem->open) *cls = open;
  return p->problem->open;
}

static tw_status state_problem(prepared *p, tw_error *error) {
  tw_class cls;
  char why[256] = "";
  tw_error local = {0};
  p->problem = tw_nested_instance(p->nested, &local);
  if (!p->problem) return tw_fail(error, local.status, "%s", local.message);
  tw_status status = tw_classify(p->problem, &cls, error);
  if (status != TW_OK) return status;
  p->method = p->nested->method ? p->nested->method : tw_method_choose(p->problem, &cls, why, sizeof why);
  /* Cones where functions have kinks, if the form does not rest on signs that may change. Elsewhere entries on bounds of sets are wanted
   * to the last bit, which tell derivatives what is held. */
  if (!p->nested->method && p->method && strcmp(p->method, "hsde") == 0 && !(cls.kinks && chosen_for_all(p, &cls))) {
    cls.convex = false;
    p->method = tw_method_choose(p->problem, &cls, why, sizeof why);
  }
  if (!p->method) return tw_fail(error, TW_ERR_UNSUPPORTED, "%s: %s", p->nested->word, why);
  /* Convex it may be where the outer names are what stands in for them alone. */
  const bool unproven = cls.objective == TW_QUADRATIC && p->nested->n_theta > 0;
  if (!p->nested->method && unproven && strcmp(p->method, "mehrotra") == 0 && !chosen_for_all(p, &cls)) p->method = "ipm";
  if (p->nested->objective >= 0 && !cls.constrained && !cls.has_set && !cls.has_regularizer)
    p->polish = cls.bounded ? "tron" : "newton_cg";
  return tw_oracle_from_problem(&p->oracle, p->problem, &cls, error);
}

static void argmin_release(void *prepared_) {
  prepared *p = prepared_;
  if (!p) return;
  tw_fn_free(p->margin_fn);
  tw_fn_free(p->exact_fn);
  tw_oracle_release(&p->oracle);
  tw_problem_free(p->problem);
  free(p);
}

static tw_status argmin_prepare(tw_expr node, unsigned mode, void **out, tw_error *error) {
  prepared *p = calloc(1, sizeof *p);
  if (!p) return tw_fail(error, TW_ERR_MEMORY, "argmin: out of memory");
  p->nested = tw_nested_of(node);
  tw_graph_lock(node.graph);
  tw_status status = state_problem(p, error);
  if (status == TW_OK) status = compile_margin(p, mode, error);
  tw_graph_unlock(node.graph);
  if (status == TW_OK)
    *out = p;
  else
    argmin_release(p);
  return status;
}

static void argmin_close(void *state_) {
  state *s = state_;
  if (!s) return;
  tw_work_free(s->margin_work);
  tw_work_free(s->exact_work);
  tw_solver_free(s->solver);
  tw_oracle_release(&s->oracle);
  free(s->z);
  free(s);
}

static tw_status argmin_open(tw_expr node, void *prepared_, void **out, tw_error *error) {
  (void)node;
  state *s = calloc(1, sizeof *s);
  if (!s) return tw_fail(error, TW_ERR_MEMORY, "argmin: out of memory");
  s->p = prepared_;
  s->stated = NAN;
  s->z = tw_alloc((size_t)(s->p->nested->n + s->p->nested->m) + 1, sizeof *s->z);
  tw_status status = s->z ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "argmin: out of memory");
  if (status == TW_OK) status = tw_oracle_clone(&s->oracle, &s->p->oracle, error);
  if (status == TW_OK && s->p->margin_fn) status = tw_work_new(&s->margin_work, s->p->margin_fn, error);
  if (status == TW_OK)
    *out = s;
  else
    argmin_close(s);
  return status;
}

static void argmin_visit(void *state_, tw_state_visitor *visitor, void *context) {
  state *s = state_;
  if (s->oracle.visit) s->oracle.visit(s->oracle.context, visitor, context);
}

static void argmin_memory(void *state_, tw_memory_visitor *visitor, void *context) {
  state *s = state_;
  visitor(context, s->z, s->p->nested->n + s->p->nested->m);
  visitor(context, s->fact, FACTS);
  if (s->oracle.memory) s->oracle.memory(s->oracle.context, visitor, context);
}

/* ------------------------------------------------------------------ solving */

static tw_status status_for(tw_outcome outcome) {
  switch (outcome) {
  case TW_STOPPED_CALLER:
    return TW_ERR_INTERRUPT;
  case TW_INFEASIBLE:
    return TW_ERR_INFEASIBLE;
  case TW_UNBOUNDED:
    return TW_ERR_UNBOUNDED;
  case TW_FAILED:
    return TW_ERR_NUMERIC;
  default:
    return TW_ERR_LIMIT;
  }
}

static tw_status check_outcome(const state *s, const tw_result *r, tw_error *error) {
  bool finite = isfinite(tw_vec_norm_inf(r->x, (size_t)r->n));
  bool stopped_short = r->outcome == TW_FAILED || r->outcome == TW_STOPPED_ITERATIONS;
  bool near = tw_worst_residual(&r->optimality) <= tw_acceptable_residual;
  if (finite && (r->outcome == TW_SOLVED || (stopped_short && near))) return TW_OK;
  return tw_fail(error, status_for(r->outcome),
                 "%s: the inner problem was not solved: %s ended with \"%s\" (%s)", s->p->nested->word,
                 r->method, tw_outcome_name(r->outcome), r->message);
}

/* Numbers from a function of (x.., theta.., y), at z and `theta`. */
static tw_status measure(const state *s, const tw_fn *fn, tw_work *work, const void *const *theta, void *const *out, tw_error *error) {
  const tw_nested *nested = s->p->nested;
  const void **in = calloc((size_t)(nested->n_variables + nested->n_theta) + 1, sizeof *in);
  if (!in) return tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", nested->word);
  for (int i = 0; i < nested->n_variables; i++) in[i] = s->z + nested->variable[i].offset;
  for (int j = 0; j < nested->n_theta; j++) in[nested->n_variables + j] = theta[j];
  in[nested->n_variables + nested->n_theta] = s->z + nested->n;
  tw_status status = tw_fn_call(fn, work, in, out, 0, error);
  free(in);
  return status;
}

static tw_status compile_exact_fn(prepared *p) {
  const tw_nested *nested = p->nested;
  const tw_body *c = nested->condition;
  tw_graph *graph = nested->graph;
  tw_status status = TW_OK;
  tw_graph_lock(graph);
  if (!p->exact_fn) {
    tw_expr x = tw_flatten(graph, nested->n_variables, c->params);
    tw_expr z = nested->m ? tw_concat(2, (tw_expr[]){x, c->params[c->n_params - 1]}, 0) : x;
    const tw_exactness e = tw_nested_exactness(nested, z, c->params + nested->n_variables);
    status = tw_graph_status(graph);
    if (status == TW_OK) status = tw_fn_new(&p->exact_fn, c->n_params, c->params, 2, (tw_expr[]){e.error, e.residual}, NULL, NULL);
  }
  tw_graph_unlock(graph);
  return status;
}

tw_exact tw_argmin_exactness(void *state_) {
  state *s = state_;
  tw_exact e = {0, 0};
  tw_status status = compile_exact_fn(s->p);
  if (status == TW_OK && !s->exact_work) status = tw_work_new(&s->exact_work, s->p->exact_fn, NULL);
  if (status == TW_OK)
    status = measure(s, s->p->exact_fn, s->exact_work, tw_oracle_values(&s->oracle), (void *[]){&e.error, &e.residual}, NULL);
  if (status == TW_OK) return e;
  return (tw_exact){.error = status == TW_ERR_SINGULAR || status == TW_ERR_NUMERIC ? INFINITY : NAN};
}

/* A key of the problem that is solved: the values of theta and the tolerance. A solution is used again for
 * the same key, so that it does not depend on how often it was asked for, which a resumed run could not
 * repeat. */
static double key_of(const tw_call *call) {
  uint64_t hash = tw_hash(&call->exec->inner_tolerance, sizeof call->exec->inner_tolerance, 0);
  for (int j = 0; j < tw_arity_of(call->node); j++) {
    tw_expr theta = tw_input_of(call->node, j);
    if (tw_constant_data(theta)) continue;
    hash = tw_hash(call->in[j], (size_t)tw_size_of(theta) * tw_dtype_get(tw_dtype_of(theta))->size, hash);
  }
  double key;
  memcpy(&key, &hash, sizeof key);
  return key;
}

/* Methods that compare values (lm, first-order ones) stop where these drown in rounding, at half the digits
 * in x. Newton steps by gradients go on from there; what does not get better is dropped. */
static tw_status improve(state *s, tw_solve_options *options, tw_result *result, tw_error *error) {
  const bool asked =
      options->tolerance > 0 || !s->p->nested->method; /* a method that was named has its own tolerance */
  const double wanted = options->tolerance > 0 ? options->tolerance : 1e-9;
  tw_result better = {0};
  if (!s->p->polish || !asked || result->outcome == TW_STOPPED_ITERATIONS ||
      strcmp(s->p->polish, result->method) == 0 || !(tw_worst_residual(&result->optimality) > wanted))
    return TW_OK;
  options->method = s->p->polish;
  tw_status status = tw_minimize(&s->oracle, result->x, options, &better, error);
  if (status == TW_OK && tw_worst_residual(&better.optimality) < tw_worst_residual(&result->optimality)) {
    tw_result_free(result);
    *result = better;
    return TW_OK;
  }
  tw_result_free(&better);
  return status == TW_ERR_INTERRUPT || status == TW_ERR_MEMORY ? status : TW_OK;
}

/* As tw_minimize, bit for bit, with the solver of the last call where the limits are the same. */
static tw_status minimize(state *s, const double *x0, const tw_solve_options *options, tw_result *result, tw_error *error) {
  tw_status status = TW_OK;
  if (!s->solver || s->tolerance != options->tolerance) {
    tw_solver_free(s->solver);
    s->solver = NULL;
    status = tw_solver_new(&s->solver, &s->oracle, x0, options, error);
    s->tolerance = options->tolerance;
  } else {
    status = tw_solver_again(s->solver, x0, options, error);
  }
  while (status == TW_OK && tw_solver_step(s->solver) == TW_RUNNING) continue;
  if (status == TW_OK) status = tw_solver_result(s->solver, result, error);
  if (status == TW_OK) return TW_OK;
  tw_solver_free(s->solver);
  s->solver = NULL;
  return status;
}

static tw_status solve_from(state *s, const double *x0, const tw_call *call, tw_result *result) {
  tw_solve_options options = {
      .method = s->p->method, .tolerance = call->exec->inner_tolerance, .exec = tw_exec_inside(call->exec)};
  options.exec.inner_tolerance = 0; /* problems nested in this one: as much better than it */
  tw_status status = minimize(s, x0, &options, result, call->error);
  if (status == TW_OK) status = check_outcome(s, result, call->error);
  return status == TW_OK ? improve(s, &options, result, call->error) : status;
}

static tw_status keep(state *s, const tw_result *result, double key, const tw_call *call) {
  const tw_nested *nested = s->p->nested;
  memcpy(s->z, result->x, (size_t)nested->n * sizeof *s->z);
  if (nested->m) memcpy(s->z + nested->n, result->dual, (size_t)nested->m * sizeof *s->z);
  s->fact[RESIDUAL] = tw_worst_residual(&result->optimality);
  s->fact[OUTCOME] = result->outcome;
  s->fact[KEY] = key;
  s->fact[MARGIN] = INFINITY;
  tw_status status = TW_OK;
  if (s->margin_work)
    status = measure(s, s->p->margin_fn, s->margin_work, (const void *const *)call->in,
                     (void *[]){&s->fact[MARGIN]}, call->error);
  s->fact[WARM] = status == TW_OK;
  return status;
}

static tw_status argmin_kernel(const tw_call *call) {
  state *s = call->state;
  const tw_nested *nested = s->p->nested;
  const bool warm = s->fact[WARM] == 1;
  const double key = key_of(call);
  tw_status status = TW_OK;
  if (memcmp(&key, &s->stated, sizeof key) != 0)
    status = tw_oracle_parameters(&s->oracle, call->in, call->error);
  s->stated = status == TW_OK ? key : NAN;
  if (status == TW_OK && (!warm || memcmp(&key, &s->fact[KEY], sizeof key) != 0)) {
    tw_result result = {0};
    status = solve_from(s, warm ? s->z : NULL, call, &result);
    if (status != TW_OK && warm && status != TW_ERR_INTERRUPT && status != TW_ERR_MEMORY) {
      /* The old solution may be a bad place to start: once more from the stated one. */
      tw_result_free(&result);
      status = solve_from(s, NULL, call, &result);
    }
    if (status == TW_OK) status = keep(s, &result, key, call);
    tw_result_free(&result);
  }
  if (status == TW_OK) memcpy(call->out, s->z, (size_t)(nested->n + nested->m) * sizeof *s->z);
  return status;
}

const tw_op tw_op_argmin = {.name = "argmin",
                            .summary = "the solution of a nested problem",
                            .kind = TW_OP_KIND_NESTED,
                            .arity = -1,
                            .attr_bytes = sizeof(argmin_attr),
                            .infer = argmin_infer,
                            .kernel = argmin_kernel,
                            .jvp = argmin_jvp,
                            .vjp = argmin_vjp,
                            .prepare = argmin_prepare,
                            .release = argmin_release,
                            .open = argmin_open,
                            .close = argmin_close,
                            .visit = argmin_visit,
                            .memory = argmin_memory,
                            .emit = tw_argmin_emit};
