/* The op behind all implicit derivatives: v with L(v; p) = b, L linear in v, differentiable to any order.
 *
 * Where the mask is false the unknown is fixed to b's entry. With M the free unknowns and N the fixed ones
 *   v_N = b_N,  L_MM v_M = b_M - L_MN b_N
 * so the adjoint of b -> v is  w_M = L_MM^-T c_M,  bbar_M = w_M,  bbar_N = c_N - (L' w)_N. */
#include "implicit/lower.h"
#include "implicit/solve.h"

#include <stdlib.h>
#include <string.h>

static const tw_solve_attr *attr_of(tw_expr node) { return tw_attr_of(node); }

tw_expr tw_solve_rhs(tw_expr node) { return tw_input_of(node, 0); }
tw_expr tw_solve_mask(tw_expr node) { return attr_of(node)->masked ? tw_input_of(node, 1) : TW_NONE; }
int tw_solve_first(tw_expr node) { return attr_of(node)->masked ? 2 : 1; }

tw_expr tw_implicit_solve(tw_graph *graph, const tw_body *body, int n_p, const tw_expr *p, tw_expr b, tw_expr mask,
                          bool symmetric) {
  return tw_implicit_solve_by(graph, body, n_p, p, b, mask, symmetric, NULL);
}

tw_expr tw_implicit_solve_by(tw_graph *graph, const tw_body *body, int n_p, const tw_expr *p, tw_expr b, tw_expr mask, bool symmetric,
                             const tw_linear_choice *choice) {
  if (!body || tw_is_none(b)) return TW_NONE;
  tw_solve_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.body = body;
  attr.symmetric = symmetric;
  attr.masked = !tw_is_none(mask);
  if (choice) attr.choice = *choice;
  tw_expr *in = calloc((size_t)n_p + 2, sizeof *in);
  if (!in) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory making a linear solve");
  int n = 0;
  in[n++] = b;
  if (attr.masked) in[n++] = mask;
  for (int j = 0; j < n_p; j++) in[n++] = p[j];
  tw_expr e = tw_node(graph, &tw_op_implicit_solve, n, in, &attr);
  free(in);
  return e;
}

static bool solve_infer(const tw_args *args, tw_type *type) {
  const tw_solve_attr *attr = args->attr;
  tw_shape v = tw_shape_of(attr->body->params[0]), out = tw_shape_of(attr->body->outputs[0]);
  tw_shape b = tw_shape_of(args->in[0]);
  char text[TW_SHAPE_TEXT];
  int first = attr->masked ? 2 : 1;
  if (v.rank != 1 || !tw_shape_equal(&v, &out) || args->n != attr->body->n_params - 1 + first) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "implicit_solve: the body must map a vector [n] and its %d parameters to [n]",
                  args->n - first);
    return false;
  }
  if (b.rank < 1 || b.dim[b.rank - 1] != v.dim[0] || tw_dtype_of(args->in[0]) != TW_F64) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "implicit_solve: the right-hand side %s must end in %lld",
                  tw_shape_text(&b, text), (long long)v.dim[0]);
    return false;
  }
  *type = (tw_type){TW_F64, b};
  return true;
}

/* ------------------------------------------------------------------ derivatives */

/* v is not needed in the transpose: L is linear in it. */
const tw_body *tw_solve_transposed(const tw_body *body) {
  tw_graph *graph = body->params[0].graph;
  tw_expr v = body->params[0], u = tw_input(graph, "u", TW_F64, tw_shape_of(v)), ltu, zero = tw_zeros_like(v);
  if (tw_vjp(1, body->outputs, &u, 1, &v, &ltu) != TW_OK) return NULL;
  if (tw_is_none(ltu)) ltu = zero;
  tw_substitute(1, &ltu, 1, &v, &zero, &ltu);
  tw_substitute(1, &ltu, 1, &u, &v, &ltu);
  return tw_body_make(graph, body->n_params, body->params, 1, &ltu);
}

static void out_of_memory(tw_expr node) { tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory differentiating a linear solve"); }

static tw_expr where_free(tw_expr mask, tw_expr a, tw_expr b) { return tw_is_none(mask) ? a : tw_where(mask, a, b); }

/* The parameters of the solve, and the body's output at (v, p..) with a tangent of p: dL(v; p) . dp. */
static tw_expr parameter_jvp(tw_expr node, tw_expr v, const tw_expr *dp) {
  const tw_body *body = attr_of(node)->body;
  int n_p = body->n_params - 1, first = tw_solve_first(node), m = 0;
  tw_expr *wrt = calloc((size_t)n_p + 1, sizeof *wrt), *tangent = calloc((size_t)n_p + 1, sizeof *tangent);
  tw_expr *from = calloc((size_t)(2 * n_p) + 2, sizeof *from), *to = calloc((size_t)(2 * n_p) + 2, sizeof *to);
  tw_expr dl = TW_NONE;
  if (wrt && tangent && from && to) {
    from[0] = body->params[0];
    to[0] = v;
    for (int j = 0; j < n_p; j++) {
      from[j + 1] = body->params[j + 1];
      to[j + 1] = tw_input_of(node, first + j);
      if (tw_is_none(dp[j])) continue;
      wrt[m] = body->params[j + 1];
      tangent[m] = tw_param(node.graph, body->n_params + m, tw_dtype_of(dp[j]), tw_shape_of(dp[j]));
      from[n_p + 1 + m] = tangent[m];
      to[n_p + 1 + m] = dp[j];
      m++;
    }
    if (m && tw_jvp(1, body->outputs, m, wrt, tangent, &dl) == TW_OK && !tw_is_none(dl))
      tw_substitute(1, &dl, n_p + 1 + m, from, to, &dl);
  } else {
    out_of_memory(node);
  }
  free(wrt), free(tangent), free(from), free(to);
  return dl;
}

/* Rows of a right-hand side with leading axes, as one axis. */
static tw_expr rows_of(tw_expr b) {
  int64_t n = tw_shape_of(b).dim[tw_shape_of(b).rank - 1];
  return tw_reshape(b, TW_SHAPE(n ? tw_size_of(b) / n : 0, n));
}

static tw_expr node_like(tw_expr node, tw_expr b) {
  int first = tw_solve_first(node), n_p = tw_arity_of(node) - first;
  tw_expr *p = calloc((size_t)n_p + 1, sizeof *p), e = TW_NONE;
  for (int j = 0; p && j < n_p; j++) p[j] = tw_input_of(node, first + j);
  if (p)
    e = tw_implicit_solve_by(node.graph, attr_of(node)->body, n_p, p, b, tw_solve_mask(node), attr_of(node)->symmetric,
                             &attr_of(node)->choice);
  else
    out_of_memory(node);
  free(p);
  return e;
}

/* dv = S(db - dL(v) on the free rows, db on the fixed ones). */
static tw_expr solve_jvp(tw_expr node, const tw_expr *tangents) {
  tw_expr b = tw_solve_rhs(node), db = tw_is_none(tangents[0]) ? tw_zeros_like(b) : tangents[0];
  const tw_expr *dp = tangents + tw_solve_first(node);
  tw_expr dl;
  if (tw_shape_of(b).rank == 1) {
    dl = parameter_jvp(node, node, dp);
  } else {
    tw_expr v = tw_input(node.graph, "v", TW_F64, tw_shape_of(attr_of(node)->body->params[0])), rows = rows_of(node);
    dl = parameter_jvp(node, v, dp);
    if (!tw_is_none(dl)) tw_batch(1, &dl, 1, &v, &rows, tw_shape_of(rows).dim[0], &dl);
    if (!tw_is_none(dl)) dl = tw_reshape(dl, tw_shape_of(b));
  }
  if (tw_is_none(dl) && tw_is_none(tangents[0])) return TW_NONE;
  if (!tw_is_none(dl)) db = where_free(tw_solve_mask(node), tw_sub(db, dl), db);
  return node_like(node, db);
}

/* (dL(v; p)/dp)' w for every parameter. */
static void parameter_vjp(tw_expr node, tw_expr v, tw_expr w, tw_expr *cotangents) {
  const tw_body *body = attr_of(node)->body;
  int n_p = body->n_params - 1, first = tw_solve_first(node);
  tw_expr *result = calloc((size_t)n_p + 1, sizeof *result), *args = calloc((size_t)n_p + 2, sizeof *args);
  tw_expr *from = calloc((size_t)n_p + 2, sizeof *from);
  if (result && args && from) {
    tw_expr u = tw_input(node.graph, "w", TW_F64, tw_shape_of(w));
    tw_vjp(1, body->outputs, &u, n_p, body->params + 1, result);
    args[0] = v;
    for (int j = 0; j < n_p; j++) args[j + 1] = tw_input_of(node, first + j);
    for (int j = 0; j <= n_p; j++) from[j] = body->params[j];
    from[n_p + 1] = u;
    args[n_p + 1] = w;
    for (int j = 0; j < n_p; j++)
      if (!tw_is_none(result[j]) && tw_substitute(1, &result[j], n_p + 2, from, args, &result[j]) == TW_OK)
        cotangents[j] = result[j];
  } else {
    out_of_memory(node);
  }
  free(result), free(args), free(from);
}

static tw_expr transposed_solve(tw_expr node, tw_expr c) {
  const tw_solve_attr *attr = attr_of(node);
  const tw_body *body = attr->symmetric ? attr->body : tw_solve_transposed(attr->body);
  int first = tw_solve_first(node), n_p = tw_arity_of(node) - first;
  tw_expr *p = calloc((size_t)n_p + 1, sizeof *p), w = TW_NONE;
  for (int j = 0; p && j < n_p; j++) p[j] = tw_input_of(node, first + j);
  if (!p) out_of_memory(node);
  if (p && body) w = tw_implicit_solve_by(node.graph, body, n_p, p, c, tw_solve_mask(node), attr->symmetric, &attr->choice);
  free(p);
  return w;
}

/* L(.; p)' w */
static tw_expr transposed_apply(tw_expr node, tw_expr w) {
  const tw_body *body = tw_solve_transposed(attr_of(node)->body);
  int first = tw_solve_first(node), n_p = tw_arity_of(node) - first;
  tw_expr *args = calloc((size_t)n_p + 2, sizeof *args), ltw = TW_NONE;
  if (args && body) {
    args[0] = w;
    for (int j = 0; j < n_p; j++) args[j + 1] = tw_input_of(node, first + j);
    tw_body_inline(body, args, &ltw);
  } else if (!args) {
    out_of_memory(node);
  }
  free(args);
  return ltw;
}

static void solve_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  tw_expr mask = tw_solve_mask(node), zero = tw_zeros_like(cotangent);
  int first = tw_solve_first(node), n_p = tw_arity_of(node) - first;
  tw_expr w = transposed_solve(node, where_free(mask, cotangent, zero));
  if (tw_is_none(w)) return;
  tw_expr *pbar = cotangents + first, minus = tw_neg(w);
  if (tw_shape_of(node).rank == 1) {
    cotangents[0] = tw_is_none(mask) ? w : tw_where(mask, w, tw_sub(cotangent, transposed_apply(node, w)));
    parameter_vjp(node, node, minus, pbar);
    return;
  }
  tw_expr v_rows = rows_of(node), w_rows = rows_of(w), m_rows = rows_of(minus);
  int64_t rows = tw_shape_of(v_rows).dim[0];
  cotangents[0] = w;
  if (!tw_is_none(mask)) {
    tw_expr one = tw_input(node.graph, "w", TW_F64, TW_SHAPE(tw_shape_of(w_rows).dim[1]));
    tw_expr ltw = transposed_apply(node, one);
    tw_batch(1, &ltw, 1, &one, &w_rows, rows, &ltw);
    cotangents[0] = tw_where(mask, w, tw_sub(cotangent, tw_reshape(ltw, tw_shape_of(cotangent))));
  }
  tw_expr k = tw_input(node.graph, "row", TW_I64, TW_SCALAR);
  parameter_vjp(node, tw_take(v_rows, 1, &k), tw_take(m_rows, 1, &k), pbar);
  for (int j = 0; j < n_p; j++)
    if (!tw_is_none(pbar[j])) pbar[j] = tw_loop_sum(k, rows, pbar[j]);
}

/* Several right-hand sides share the factorization. */
static tw_expr solve_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  for (int i = 1; i < tw_arity_of(node); i++)
    if (batched[i]) return tw_batch_by_loop(node, size, in, batched);
  return node_like(node, in[0]);
}

const tw_op tw_op_implicit_solve = {.name = "implicit_solve",
                                    .summary = "v with L(v; p) = b for a linear body L",
                                    .kind = TW_OP_KIND_NESTED,
                                    .arity = -1,
                                    .attr_bytes = sizeof(tw_solve_attr),
                                    .infer = solve_infer,
                                    .kernel = tw_solve_kernel,
                                    .jvp = solve_jvp,
                                    .vjp = solve_vjp,
                                    .batch = solve_batch,
                                    .prepare = tw_solve_prepare,
                                    .release = tw_solve_release,
                                    .open = tw_solve_open,
                                    .close = tw_solve_close,
                                    .visit = tw_solve_visit,
                                    .memory = tw_solve_memory,
                                    .emit = tw_solve_emit};
