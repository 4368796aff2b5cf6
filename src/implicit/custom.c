/* Custom roots and fixed points as one op: operands start, theta, what F holds beside; result x, flat. Its kernel asks the caller's
 * solver and measures F at the answer; its derivatives come from F alone, as those of nested problems do. */
#include "implicit/custom.h"

#include "graph/node.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct custom_attr {
  const tw_nested *nested;
  tw_status (*solve)(void *context, const void *const *theta, double *x, tw_error *error);
  void *context;
  int64_t n_told; /* theta that the solver is told */
} custom_attr;

enum { KNOWN, KEY, RESIDUAL, FACTS };

typedef struct prepared {
  const custom_attr *attr;
  tw_fn *residual_fn; /* (x, theta.., y) -> |F|_inf */
  tw_fn *error_fn;    /* (x, theta.., y) -> derivative error; compiled when first asked for, under the graph's lock */
} prepared;

typedef struct state {
  prepared *p;
  tw_work *residual_work, *error_work;
  double *x;          /* n: the last solution */
  double fact[FACTS]; /* KNOWN: 1 once x holds one; KEY: of what it solves, 64 bits */
  const void **in;    /* x, theta.., y */
  void **copy;        /* of theta at the last solution, for the evidence */
} state;

static const custom_attr *attr_of(tw_expr node) { return tw_attr_of(node); }

/* ------------------------------------------------------------------ building */

static tw_expr build(const tw_custom *custom, bool fixed_point) {
  tw_graph *graph = custom->x.graph;
  if (!custom->solve)
    return graph ? tw_graph_fail(graph, TW_ERR_ARGUMENT, "custom root: no function that solves") : TW_NONE;
  const tw_nested *nested = tw_equations_close(custom->x, custom->f, fixed_point, custom->n_theta, custom->theta, custom->options);
  if (!nested) return TW_NONE;
  custom_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.nested = nested;
  attr.solve = custom->solve;
  attr.context = custom->context;
  attr.n_told = custom->n_theta;
  tw_expr *in = calloc((size_t)nested->n_theta + 1, sizeof *in);
  if (!in) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory for a custom root");
  in[0] = tw_is_none(custom->start) ? tw_fill(graph, TW_F64, TW_SHAPE(nested->n), 0) : tw_ravel(tw_cast(custom->start, TW_F64));
  for (int j = 0; j < nested->n_theta; j++) in[j + 1] = nested->theta[j];
  tw_expr z = tw_node(graph, &tw_op_custom, nested->n_theta + 1, in, &attr);
  free(in);
  return tw_reshape(z, tw_shape_of(custom->x));
}

tw_expr tw_custom_root(const tw_custom *custom) { return custom ? build(custom, false) : TW_NONE; }
tw_expr tw_custom_fixed_point(const tw_custom *custom) { return custom ? build(custom, true) : TW_NONE; }

static bool custom_infer(const tw_args *args, tw_type *type) {
  const custom_attr *attr = args->attr;
  if (tw_size_of(args->in[0]) != attr->nested->n || tw_shape_of(args->in[0]).rank != 1) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: the start has %lld entries, expected %lld", attr->nested->word,
                  (long long)tw_size_of(args->in[0]), (long long)attr->nested->n);
    return false;
  }
  *type = (tw_type){TW_F64, TW_SHAPE(attr->nested->n)};
  return true;
}

/* ------------------------------------------------------------------ derivatives */

static tw_expr *theta_of(tw_expr node) {
  const int n = tw_arity_of(node) - 1;
  tw_expr *theta = calloc((size_t)n + 1, sizeof *theta);
  for (int j = 0; theta && j < n; j++) theta[j] = tw_input_of(node, j + 1);
  if (!theta) tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory differentiating a custom root");
  return theta;
}

static tw_expr custom_jvp(tw_expr node, const tw_expr *tangents) {
  tw_expr *theta = theta_of(node), dz = TW_NONE;
  if (theta) dz = tw_nested_tangent(attr_of(node)->nested, node, theta, tangents + 1);
  free(theta);
  return dz;
}

static void custom_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  tw_expr *theta = theta_of(node);
  if (theta) tw_nested_cotangent(attr_of(node)->nested, node, theta, cotangent, cotangents + 1);
  free(theta);
}

/* ------------------------------------------------------------------ state */

static void custom_release(void *prepared_) {
  prepared *p = prepared_;
  if (!p) return;
  tw_fn_free(p->residual_fn);
  tw_fn_free(p->error_fn);
  free(p);
}

static tw_status custom_prepare(tw_expr node, unsigned mode, void **out, tw_error *error) {
  prepared *p = calloc(1, sizeof *p);
  if (!p) return tw_fail(error, TW_ERR_MEMORY, "custom root: out of memory");
  p->attr = attr_of(node);
  const tw_body *c = p->attr->nested->condition;
  const tw_fn_options options = {.mode = mode};
  tw_graph_lock(node.graph);
  tw_expr size = p->attr->nested->n ? tw_reduce_max(tw_abs(c->outputs[0]), TW_ALL, false) : tw_scalar(node.graph, 0);
  tw_status status = tw_graph_check(node.graph, error);
  if (status == TW_OK) status = tw_fn_new(&p->residual_fn, c->n_params, c->params, 1, &size, &options, error);
  tw_graph_unlock(node.graph);
  if (status == TW_OK) *out = p;
  else custom_release(p);
  return status;
}

static size_t bytes_of(tw_expr e) { return (size_t)tw_size_of(e) * tw_dtype_get(tw_dtype_of(e))->size; }

static void custom_close(void *state_) {
  state *s = state_;
  if (!s) return;
  for (int j = 0; s->copy && j < s->p->attr->nested->n_theta; j++) free(s->copy[j]);
  tw_work_free(s->residual_work);
  tw_work_free(s->error_work);
  free(s->x);
  free(s->in);
  free(s->copy);
  free(s);
}

static tw_status custom_open(tw_expr node, void *prepared_, void **out, tw_error *error) {
  (void)node;
  state *s = calloc(1, sizeof *s);
  if (!s) return tw_fail(error, TW_ERR_MEMORY, "custom root: out of memory");
  s->p = prepared_;
  const tw_nested *nested = s->p->attr->nested;
  s->x = calloc((size_t)nested->n + 1, sizeof *s->x);
  s->in = calloc((size_t)nested->n_theta + 2, sizeof *s->in);
  s->copy = calloc((size_t)nested->n_theta + 1, sizeof *s->copy);
  bool ok = s->x && s->in && s->copy;
  for (int j = 0; ok && j < nested->n_theta; j++) ok = (s->copy[j] = calloc(bytes_of(nested->theta[j]) + 1, 1)) != NULL;
  tw_status status =
      ok ? tw_work_new(&s->residual_work, s->p->residual_fn, error) : tw_fail(error, TW_ERR_MEMORY, "custom root: out of memory");
  if (status == TW_OK) *out = s;
  else custom_close(s);
  return status;
}

static void custom_visit(void *state_, tw_state_visitor *visitor, void *context) {
  tw_work_visit(((state *)state_)->residual_work, visitor, context);
}

static void custom_memory(void *state_, tw_memory_visitor *visitor, void *context) {
  state *s = state_;
  tw_work_memory(s->residual_work, visitor, context);
  visitor(context, s->x, s->p->attr->nested->n);
  visitor(context, s->fact, FACTS);
}

/* ------------------------------------------------------------------ solving */

/* A number from a function of (x, theta.., y) at x. */
static tw_status measure(state *s, const tw_fn *fn, tw_work *work, const double *x, const void *const *theta, double *out,
                         tw_error *error) {
  const tw_nested *nested = s->p->attr->nested;
  s->in[0] = x;
  for (int j = 0; j < nested->n_theta; j++) s->in[j + 1] = theta[j];
  s->in[nested->n_theta + 1] = s->x; /* no multipliers: not read */
  return tw_fn_call(fn, work, s->in, (void *[]){out}, 0, error);
}

static double key_of(const tw_call *call) {
  uint64_t hash = 0;
  for (int j = 0; j < tw_arity_of(call->node); j++) {
    const tw_expr operand = tw_input_of(call->node, j);
    if (!tw_constant_data(operand)) hash = tw_hash(call->in[j], bytes_of(operand), hash);
  }
  double key;
  memcpy(&key, &hash, sizeof key);
  return key;
}

static tw_status solve(state *s, const tw_call *call) {
  const custom_attr *attr = s->p->attr;
  const tw_nested *nested = attr->nested;
  const void *const *theta = call->in + 1;
  double at_start, at_end;
  tw_error why = {TW_OK, ""};
  s->fact[KNOWN] = 0;
  memcpy(s->x, call->in[0], (size_t)nested->n * sizeof *s->x);
  tw_status status = measure(s, s->p->residual_fn, s->residual_work, s->x, theta, &at_start, call->error);
  if (status != TW_OK) return status;
  status = attr->solve(attr->context, theta, s->x, &why);
  if (status != TW_OK)
    return tw_fail(call->error, status, "%s: %s", nested->word, why.message[0] ? why.message : "the caller's solver failed");
  if (!isfinite(tw_vec_norm_inf(s->x, (size_t)nested->n)))
    return tw_fail(call->error, TW_ERR_NUMERIC, "%s: the caller's solver returned NaN or infinities", nested->word);
  status = measure(s, s->p->residual_fn, s->residual_work, s->x, theta, &at_end, call->error);
  if (status != TW_OK) return status;
  s->fact[RESIDUAL] = at_end / (at_start > 1 && isfinite(at_start) ? at_start : 1);
  s->fact[KNOWN] = 1;
  return TW_OK;
}

static tw_status custom_kernel(const tw_call *call) {
  state *s = call->state;
  const tw_nested *nested = s->p->attr->nested;
  const double key = key_of(call);
  tw_status status = TW_OK;
  if (s->fact[KNOWN] != 1 || memcmp(&key, &s->fact[KEY], sizeof key) != 0) status = solve(s, call);
  if (status != TW_OK) return status;
  s->fact[KEY] = key;
  for (int j = 0; j < nested->n_theta; j++) memcpy(s->copy[j], call->in[j + 1], bytes_of(nested->theta[j]));
  memcpy(call->out, s->x, (size_t)nested->n * sizeof *s->x);
  return TW_OK;
}

/* ------------------------------------------------------------------ evidence */

tw_argmin_evidence tw_custom_evidence_of(const void *state_) {
  const state *s = state_;
  return (tw_argmin_evidence){.used = s->fact[KNOWN] == 1,
                              .residual = s->fact[RESIDUAL],
                              .margin = INFINITY,
                              .outcome = TW_SOLVED,
                              .method = "the caller's solver",
                              .word = s->p->attr->nested->word};
}

static tw_status compile_error_fn(prepared *p) {
  const tw_nested *nested = p->attr->nested;
  const tw_body *c = nested->condition;
  tw_status status = TW_OK;
  tw_graph_lock(nested->graph);
  if (!p->error_fn) {
    tw_expr e = tw_nested_exactness(nested, tw_ravel(c->params[0]), c->params + 1).error;
    status = tw_graph_status(nested->graph);
    if (status == TW_OK) status = tw_fn_new(&p->error_fn, c->n_params, c->params, 1, &e, NULL, NULL);
  }
  tw_graph_unlock(nested->graph);
  return status;
}

double tw_custom_derivative_error(void *state_) {
  state *s = state_;
  double error = NAN;
  tw_status status = compile_error_fn(s->p);
  if (status == TW_OK && !s->error_work) status = tw_work_new(&s->error_work, s->p->error_fn, NULL);
  if (status == TW_OK) status = measure(s, s->p->error_fn, s->error_work, s->x, (const void *const *)s->copy, &error, NULL);
  return status == TW_OK ? error : status == TW_ERR_SINGULAR || status == TW_ERR_NUMERIC ? INFINITY : NAN;
}

const tw_op tw_op_custom = {.name = "custom_root",
                            .summary = "a solution found by the caller's solver, differentiated through its equations",
                            .kind = TW_OP_KIND_NESTED,
                            .arity = -1,
                            .attr_bytes = sizeof(custom_attr),
                            .infer = custom_infer,
                            .kernel = custom_kernel,
                            .jvp = custom_jvp,
                            .vjp = custom_vjp,
                            .prepare = custom_prepare,
                            .release = custom_release,
                            .open = custom_open,
                            .close = custom_close,
                            .visit = custom_visit,
                            .memory = custom_memory};
