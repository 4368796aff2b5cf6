/* Optimal values: v(theta) = f(x*(theta), theta), with Danskin's rule for the first derivative, so that it
 * costs no linear solve; higher ones go through the derivative of x*. */
#include "graph/emit/emit.h"
#include "implicit/argmin.h"

#include <stdlib.h>
#include <string.h>

typedef struct value_attr {
  const tw_nested *nested;
} value_attr;

/* Operands: the value as an ordinary expression, z, theta. The op passes the first on. */
static bool value_infer(const tw_args *args, tw_type *type) {
  (void)args;
  *type = (tw_type){TW_F64, TW_SCALAR};
  return true;
}

static tw_status value_kernel(const tw_call *call) {
  memcpy(call->out, call->in[0], sizeof(double));
  return TW_OK;
}

static void value_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  (void)node;
  tw_emit_line(e, "*%s = *%s;", out, in[0]);
}

/* dv = d/dtheta [f + y'(c - bound) + r' s(theta)] dtheta with x, y, r, u held. */
static tw_expr value_tangent(const void *context, const tw_expr *dtheta) {
  const tw_expr node = *(const tw_expr *)context;
  const tw_nested *nested = tw_nested_of(node);
  int n_args = nested->n_variables + nested->n_theta + 1;
  tw_expr z = tw_input_of(node, 1), dv = TW_NONE;
  tw_expr *theta = calloc((size_t)nested->n_theta + 1, sizeof *theta),
          *args = calloc((size_t)n_args + 2, sizeof *args);
  if (theta && args) {
    for (int j = 0; j < nested->n_theta; j++) theta[j] = tw_input_of(node, 2 + j);
    tw_nested_args(nested, z, theta, args);
    if (tw_body_inline(nested->held, args, args + n_args) == TW_OK)
      tw_theta_jvp(nested, nested->lagrangian, args, dtheta, 1, nested->lagrangian->outputs, &dv);
    if (!tw_is_none(dv) && nested->goal == TW_GOAL_MAXIMIZE) dv = tw_neg(dv);
  } else {
    tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory differentiating an optimal value");
  }
  free(theta), free(args);
  return dv;
}

static tw_expr value_jvp(tw_expr node, const tw_expr *tangents) {
  return value_tangent(&node, tangents + 2);
}

static void value_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  int n = tw_arity_of(node) - 2;
  tw_expr *theta = calloc((size_t)n + 1, sizeof *theta);
  for (int j = 0; theta && j < n; j++) theta[j] = tw_input_of(node, 2 + j);
  if (theta)
    tw_theta_transpose(node.graph, n, theta, value_tangent, &node, cotangent, cotangents + 2);
  else
    tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory differentiating an optimal value");
  free(theta);
}

tw_expr tw_optimal_value(const tw_nested *nested) {
  if (!nested) return TW_NONE;
  tw_graph *graph = nested->graph;
  if (nested->objective < 0)
    return tw_graph_fail(graph, TW_ERR_ARGUMENT, "%s has no optimal value", nested->word);
  tw_expr z = tw_argmin(nested), value = TW_NONE;
  tw_expr *args = calloc((size_t)(nested->n_variables + nested->n_theta) + 1, sizeof *args);
  tw_expr *out = calloc((size_t)nested->statement->n_outputs + 1, sizeof *out);
  tw_expr *in = calloc((size_t)nested->n_theta + 2, sizeof *in);
  if (args && out && in) {
    tw_nested_args(nested, z, nested->theta, args);
    if (tw_body_inline(nested->statement, args, out) == TW_OK) {
      tw_expr f = out[nested->objective];
      in[0] = nested->goal == TW_GOAL_MAXIMIZE ? tw_neg(f) : f;
      in[1] = z;
      memcpy(in + 2, nested->theta, (size_t)nested->n_theta * sizeof *in);
      value_attr attr = {nested};
      value = tw_node(graph, &tw_op_optimal_value, nested->n_theta + 2, in, &attr);
    }
  } else {
    tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory stating an optimal value");
  }
  free(args), free(out), free(in);
  return value;
}

const tw_op tw_op_optimal_value = {.name = "optimal_value",
                                   .summary = "the optimal value of a nested problem (Danskin's rule)",
                                   .kind = TW_OP_KIND_NESTED,
                                   .arity = -1,
                                   .attr_bytes = sizeof(value_attr),
                                   .infer = value_infer,
                                   .kernel = value_kernel,
                                   .jvp = value_jvp,
                                   .vjp = value_vjp,
                                   .emit = value_emit};
