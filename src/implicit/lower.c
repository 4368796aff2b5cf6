/* Nested problems written as C: which form, and its lines. */
#include "implicit/lower.h"

#include "graph/emit/emit.h"
#include "implicit/argmin.h"
#include "implicit/solve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ parts of forms */

static void out_of_memory(tw_graph *graph) { tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory writing a nested problem as C"); }

bool tw_lower_statement(const tw_lowering *l, tw_expr x, tw_expr *out) {
  const tw_nested *nested = l->nested;
  tw_expr *args = calloc((size_t)(nested->n_variables + nested->n_theta) + 1, sizeof *args);
  if (!args) out_of_memory(l->graph);
  for (int i = 0; args && i < nested->n_variables; i++) args[i] = tw_nested_variable(x, nested, i);
  for (int j = 0; args && j < nested->n_theta; j++) args[nested->n_variables + j] = l->theta[j];
  const bool done = args && tw_body_inline(nested->statement, args, out) == TW_OK;
  free(args);
  return done;
}

static tw_expr stated(const tw_lowering *l, tw_expr x, int output) {
  tw_expr *out = calloc((size_t)l->nested->statement->n_outputs + 1, sizeof *out), e = TW_NONE;
  if (!out) out_of_memory(l->graph);
  if (out && tw_lower_statement(l, x, out)) e = out[output];
  free(out);
  return e;
}

tw_expr tw_lower_objective(const tw_lowering *l, tw_expr x) { return stated(l, x, l->nested->objective); }

/* Output 0 of the condition (with v NONE) or of its derivative along v. */
static tw_expr condition_at(const tw_lowering *l, const tw_body *body, tw_expr v, tw_expr z) {
  const tw_nested *nested = l->nested;
  const int before = tw_is_none(v) ? 0 : 1;
  tw_expr *args = calloc((size_t)(before + nested->n_variables + nested->n_theta) + 1, sizeof *args), out[3] = {TW_NONE, TW_NONE, TW_NONE};
  if (!args) out_of_memory(l->graph);
  if (args) {
    args[0] = v;
    tw_nested_args(nested, z, l->theta, args + before);
    tw_body_inline(body, args, out);
  }
  free(args);
  return out[0];
}

tw_expr tw_lower_condition(const tw_lowering *l, tw_expr z) { return condition_at(l, l->nested->condition, TW_NONE, z); }

tw_expr tw_lower_matrix_of(tw_expr lv, tw_expr v) {
  const int64_t n = tw_size_of(v);
  tw_expr eye = tw_eye(v.graph, TW_F64, n, n), columns = TW_NONE;
  if (tw_is_none(lv) || tw_batch(1, &lv, 1, &v, &eye, n, &columns) != TW_OK) return TW_NONE;
  return tw_matrix_transpose(columns);
}

tw_expr tw_lower_matrix(const tw_lowering *l, tw_expr z) {
  tw_expr v = tw_input(l->graph, "v", TW_F64, TW_SHAPE(l->nested->n + l->nested->m));
  return tw_lower_matrix_of(condition_at(l, l->nested->linear, v, z), v);
}

tw_expr tw_lower_size(tw_expr e) { return tw_reduce_max(tw_abs(e), TW_ALL, false); }

/* The stated start, else 0. Starts depend on theta alone. */
tw_expr tw_lower_start(const tw_lowering *l) {
  const tw_nested *nested = l->nested;
  tw_expr zero = tw_fill(l->graph, TW_F64, TW_SHAPE(nested->n), 0), all = TW_NONE;
  tw_expr *x = calloc((size_t)nested->n_variables + 1, sizeof *x);
  if (!x) out_of_memory(l->graph);
  for (int i = 0; x && i < nested->n_variables; i++) {
    const tw_shape shape = nested->variable[i].shape;
    const bool given = nested->start[i] >= 0;
    x[i] = given ? tw_broadcast(tw_cast(stated(l, zero, nested->start[i]), TW_F64), shape) : tw_fill(l->graph, TW_F64, shape, 0);
  }
  if (x) all = tw_flatten(l->graph, nested->n_variables, x);
  free(x);
  return all;
}

/* ------------------------------------------------------------------ which form */

typedef tw_lowered form(const tw_lowering *l);

static form *form_of(const tw_nested *nested, const tw_class *cls, tw_error *error) {
  if (nested->n + nested->m > TW_LOWER_MOST) {
    tw_fail(error, TW_ERR_UNSUPPORTED, "%s over %s: %lld unknowns, where the C form of a nested problem takes at most %d",
            nested->word, nested->variable[0].name, (long long)(nested->n + nested->m), TW_LOWER_MOST);
    return NULL;
  }
  if (nested->objective < 0) return tw_lower_newton;
  if (cls->constrained && !nested->program) {
    tw_fail(error, TW_ERR_UNSUPPORTED, "%s over %s: a nested problem with constraints beside sets or regularizers has no C form",
            nested->word, nested->variable[0].name);
    return NULL;
  }
  if (cls->constrained) return tw_lower_program;
  return cls->has_set || cls->has_regularizer || cls->bounded ? tw_lower_composite : tw_lower_newton;
}

/* A body over the inputs in the place of its params. */
static tw_status close_over(tw_graph *graph, int n, const tw_expr *input, int n_outputs, tw_expr *outputs, const tw_body **body,
                            tw_error *error) {
  tw_expr *param = calloc((size_t)n + 1, sizeof *param);
  if (!param) return tw_fail(error, TW_ERR_MEMORY, "out of memory writing a nested problem as C");
  for (int j = 0; j < n; j++) param[j] = tw_param(graph, j, tw_dtype_of(input[j]), tw_shape_of(input[j]));
  if (tw_substitute(n_outputs, outputs, n, input, param, outputs) == TW_OK) *body = tw_body_make(graph, n, param, n_outputs, outputs);
  free(param);
  return tw_graph_check(graph, error);
}

static tw_expr *inputs_like(tw_graph *graph, int n, const tw_expr *e) {
  tw_expr *input = calloc((size_t)n + 1, sizeof *input);
  for (int j = 0; input && j < n; j++) input[j] = tw_input(graph, "p", tw_dtype_of(e[j]), tw_shape_of(e[j]));
  if (!input) tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory writing a nested problem as C");
  return input;
}

/* theta.. -> z, residual. */
static tw_status lower_problem(const tw_nested *nested, const tw_body **body, tw_error *error) {
  tw_graph *graph = nested->graph;
  tw_class cls;
  tw_problem *p = tw_nested_instance(nested, error);
  if (!p) return tw_graph_check(graph, error);
  tw_expr *theta = inputs_like(graph, nested->n_theta, nested->theta);
  tw_status status = theta ? tw_classify(p, &cls, error) : tw_graph_check(graph, error);
  form *make = status == TW_OK ? form_of(nested, &cls, error) : NULL;
  if (make) {
    const tw_lowering l = {nested, &cls, graph, theta};
    const tw_lowered found = make(&l);
    tw_expr out[2] = {found.z, found.residual};
    status = tw_graph_check(graph, error);
    if (status == TW_OK) status = close_over(graph, nested->n_theta, theta, 2, out, body, error);
  } else if (status == TW_OK) {
    status = TW_ERR_UNSUPPORTED;
  }
  tw_problem_free(p);
  free(theta);
  return status;
}

/* ------------------------------------------------------------------ linear systems
 *
 * Rows and columns that are held are those of the identity; see tw_op_implicit_solve. */

/* p.. and the mask are inputs, in the order of operands. */
static tw_expr solve_form(tw_expr node, const tw_expr *in) {
  const tw_solve_attr *attr = tw_attr_of(node);
  tw_graph *graph = node.graph;
  const int first = tw_solve_first(node);
  const int64_t n = tw_size_of(attr->body->params[0]), rows = tw_size_of(node) / n;
  tw_expr *args = calloc((size_t)attr->body->n_params + 1, sizeof *args), lv = TW_NONE, b = tw_reshape(in[0], TW_SHAPE(rows, n));
  if (!args) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory writing a linear solve as C");
  tw_expr v = args[0] = tw_input(graph, "v", TW_F64, TW_SHAPE(n));
  for (int j = 1; j < attr->body->n_params; j++) args[j] = in[first + j - 1];
  tw_body_inline(attr->body, args, &lv);
  free(args);
  tw_expr a = tw_lower_matrix_of(lv, v), eye = tw_eye(graph, TW_F64, n, n);
  if (tw_is_none(a)) return a;
  if (attr->masked) {
    tw_expr is_free = tw_cast(in[1], TW_BOOL), held = tw_not(is_free), zero = tw_zeros_like(b);
    b = tw_sub(b, tw_where(is_free, tw_matmul(tw_where(is_free, zero, b), tw_matrix_transpose(a)), zero));
    a = tw_where(tw_or(held, tw_expand(held, 1)), eye, a);
    eye = tw_where(held, tw_zeros_like(eye), eye);
  }
  if (attr->choice.kind == TW_SOLVE_NORMAL_CG && attr->choice.ridge > 0) {
    b = tw_matmul(b, a);
    a = tw_matmul(tw_matrix_transpose(a), a);
  }
  if (attr->choice.ridge > 0) a = tw_add(a, tw_scale(eye, attr->choice.ridge));
  return tw_reshape(tw_matrix_transpose(tw_linear_solve(a, tw_matrix_transpose(b))), tw_shape_of(node));
}

static tw_status lower_solve(tw_expr node, const tw_body **body, tw_error *error) {
  tw_graph *graph = node.graph;
  const int n = tw_arity_of(node);
  tw_expr *operand = calloc((size_t)n + 1, sizeof *operand), *in = NULL;
  for (int j = 0; operand && j < n; j++) operand[j] = tw_input_of(node, j);
  const int64_t order = tw_size_of(((const tw_solve_attr *)tw_attr_of(node))->body->params[0]);
  tw_status status = operand ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory writing a linear solve as C");
  if (order > TW_LOWER_MOST)
    status = tw_fail(error, TW_ERR_UNSUPPORTED, "implicit_solve: %lld unknowns, where its C form takes at most %d", (long long)order,
                     TW_LOWER_MOST);
  if (status == TW_OK && (in = inputs_like(graph, n, operand))) {
    tw_expr v = solve_form(node, in);
    status = tw_graph_check(graph, error);
    if (status == TW_OK) status = close_over(graph, n, in, 1, &v, body, error);
  }
  free(operand), free(in);
  return status == TW_OK ? tw_graph_check(graph, error) : status;
}

/* ------------------------------------------------------------------ lines */

/* The lines of a body over in[..]: output 0 goes to `out`; where there is a second one, a number, the function fails beyond `most`. */
static void put_body(tw_emitter *e, const tw_body *body, const char *const *in, const char *out, double most) {
  tw_emit_body b;
  tw_text lines = {0};
  char at[TW_EMIT_POINTER];
  if (tw_emit_body_open(e, &b, body, 0) != TW_OK) return;
  tw_emit_block(e);
  tw_text *text = tw_emit_to(e, &lines);
  tw_emit_body_target(&b, 0, "%s", out);
  if (body->n_outputs > 1 && tw_emit_body_writes(&b, 1)) tw_emit_body_declare(e, &b, 1);
  tw_emit_body_before(e, &b);
  if (!tw_emit_body_writes(&b, 0)) {
    tw_emit_body_output(&b, 0, at, sizeof at);
    tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = %s[i];", (long long)tw_size_of(body->outputs[0]), out, at);
  }
  if (body->n_outputs > 1) {
    tw_emit_body_output(&b, 1, at, sizeof at);
    tw_emit_fail_if(e, "!(*%s <= %.17g)", at, most);
  }
  tw_emit_to(e, text);
  tw_emit_body_captured(e, &b, 0, in, &lines);
  tw_emit_lines(e, &lines);
  tw_emit_close(e);
  tw_emit_body_close(&b);
}

void tw_argmin_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_body *body = NULL;
  tw_graph_lock(node.graph);
  e->status = lower_problem(tw_nested_of(node), &body, e->error);
  tw_graph_unlock(node.graph);
  if (e->status == TW_OK) put_body(e, body, in, out, tw_acceptable_residual);
}

void tw_solve_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_body *body = NULL;
  tw_graph_lock(node.graph);
  e->status = lower_solve(node, &body, e->error);
  tw_graph_unlock(node.graph);
  if (e->status == TW_OK) put_body(e, body, in, out, 0);
}
