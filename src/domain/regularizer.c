/* The table of regularizers, and the op that makes one recognisable in an expression. */
#include "domain/kinds.h"
#include "graph/ops/build.h"

#include <string.h>

static const tw_regularizer_kind *const kinds[] = {
#define X(name) &tw_regularizer_##name,
#include "domain/regularizers.def"
#undef X
    NULL};

const tw_regularizer_kind *const *tw_regularizer_kinds(void) {
  return kinds;
}

const tw_regularizer_kind *tw_regularizer_find(const char *name) {
  if (!name) return NULL;
  for (const tw_regularizer_kind *const *kind = kinds; *kind; kind++)
    if (strcmp((*kind)->name, name) == 0) return *kind;
  return NULL;
}

/* ------------------------------------------------------------------ the op: in = value, x, params..; out is the value */

typedef struct regularizer_attr {
  const tw_regularizer_kind *kind;
} regularizer_attr;

static tw_expr regularizer_jvp(tw_expr node, const tw_expr *tangents) {
  (void)node;
  return tangents[0];
}

static void regularizer_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  (void)node;
  cotangents[0] = cotangent;
}

/* A batch of values is no regularizer of one array any more. */
static tw_expr regularizer_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  (void)node;
  return batched[0] ? in[0] : tw_broadcast(in[0], TW_SHAPE(size));
}

static const tw_op regularizer_op = {.name = "regularizer",
                                     .summary = "the value of a regularizer, marked as such",
                                     .flags = TW_OP_ALIAS,
                                     .arity = -1,
                                     .attr_bytes = sizeof(regularizer_attr),
                                     .infer = tw_infer_alias,
                                     .alias = tw_alias_start,
                                     .jvp = regularizer_jvp,
                                     .vjp = regularizer_vjp,
                                     .batch = regularizer_batch};

/* Checked parameters of a kind for x, defaults filled in. */
static bool take(tw_graph *graph, const tw_regularizer_kind *kind, tw_expr x, int n, const tw_expr *params, tw_expr *own) {
  return tw_take_params(graph, kind->name, kind->params, kind->min_params, kind->max_params, n, params, own) &&
         (!kind->check || kind->check(graph, tw_shape_of(x), n, own));
}

tw_expr tw_regularizer(tw_graph *graph, const tw_regularizer_kind *kind, tw_expr x, int n, const tw_expr *params) {
  if (n > 0 && !params) return tw_graph_fail(graph, TW_ERR_ARGUMENT, "a regularizer without parameters");
  if (tw_graph_status(graph) != TW_OK) return TW_NONE;
  if (!kind || tw_is_none(x) || x.graph != graph)
    return tw_graph_fail(graph, TW_ERR_ARGUMENT, "regularizer: %s", kind ? "x is no expression of this graph" : "no kind given");
  regularizer_attr attr = {kind};
  tw_expr in[2 + TW_REGULARIZER_PARAMS] = {TW_NONE, tw_cast(x, TW_F64), TW_NONE, TW_NONE}, *own = in + 2;
  if (!take(graph, kind, x, n, params, own)) return TW_NONE;
  in[0] = kind->value(in[1], own);
  return tw_node(graph, &regularizer_op, 2 + kind->max_params, in, &attr);
}

const tw_regularizer_kind *tw_regularizer_of(tw_expr e, tw_expr *x, tw_expr params[TW_REGULARIZER_PARAMS]) {
  if (tw_is_none(e) || tw_op_of(e) != &regularizer_op) return NULL;
  const regularizer_attr *attr = tw_attr_of(e);
  if (x) *x = tw_input_of(e, 1);
  for (int i = 0; params && i < TW_REGULARIZER_PARAMS; i++)
    params[i] = i < attr->kind->max_params ? tw_input_of(e, 2 + i) : TW_NONE;
  return attr->kind;
}

/* ------------------------------------------------------------------ proximal operators within sets */

/* A separable regularizer's prox within a box is its prox, clipped; eta sum z^2 + |z - x|^2 / 2 is (1 + 2 eta) / 2 |z - p|^2 and a
 * constant, p its prox, which is projected on any set. */
tw_expr tw_prox(const tw_regularizer_kind *kind, tw_expr x, tw_expr eta, int n, const tw_expr *params, tw_domain domain) {
  if (tw_is_none(x) || !kind) return tw_project(domain, x);
  if (tw_is_none(eta)) return TW_NONE;
  tw_expr own[TW_REGULARIZER_PARAMS] = {TW_NONE, TW_NONE};
  const tw_shape scalar = TW_SCALAR;
  if (!tw_check_fits(x.graph, kind->name, "eta", eta, scalar) || !take(x.graph, kind, x, n, params, own)) return TW_NONE;
  if (domain.kind && kind != &tw_regularizer_l2sq && !(kind->separable && domain.kind->bounds))
    return tw_graph_fail(x.graph, TW_ERR_UNSUPPORTED, "prox: %s within the set %s has no formula, expected a separable one and a box",
                         kind->name, domain.kind->name);
  return tw_back_to(tw_project(domain, kind->prox(tw_cast(x, TW_F64), tw_cast(eta, TW_F64), own)), tw_dtype_of(x));
}
