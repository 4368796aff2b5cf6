/* where(c, a, b): a where c holds, else b. Derivatives are chosen the same way, not multiplied by 0 or 1, so
 * that an infinite derivative of the branch not taken stays out. */
#include "graph/ops/elementwise.h"
#include "graph/transform/guard.h"

static bool where_infer(const tw_args *args, tw_type *type) {
  const tw_dtype a = tw_dtype_of(args->in[1]), b = tw_dtype_of(args->in[2]);
  if (tw_dtype_of(args->in[0]) != TW_BOOL || a != b) {
    tw_graph_fail(args->graph, TW_ERR_DTYPE,
                  "where: operands are %s, %s, %s, expected bool and two equal dtypes",
                  tw_dtype_get(tw_dtype_of(args->in[0]))->name, tw_dtype_get(a)->name, tw_dtype_get(b)->name);
    return false;
  }
  type->dtype = a;
  return tw_infer_broadcast(args, &type->shape);
}

/* What is left of e where `condition` is known: the branch of a choice by it, also under a sign. TW_NONE: all of e. */
static tw_expr known_branch(tw_expr e, tw_expr condition, bool holds) {
  const bool negated = tw_op_of(e) == &tw_op_neg;
  const tw_expr choice = negated ? tw_input_of(e, 0) : e;
  if (tw_op_of(choice) != &tw_op_where || !tw_same(tw_input_of(choice, 0), condition)) return TW_NONE;
  const tw_expr branch = tw_broadcast(tw_input_of(choice, holds ? 1 : 2), tw_shape_of(choice));
  return negated ? tw_neg(branch) : branch;
}

/* where(c, where(c, a, x), b) = where(c, a, b): what is not looked at need not be computed. */
static tw_expr choose_once(const tw_args *args) {
  tw_expr in[3] = {args->in[0], args->in[1], args->in[2]};
  bool changed = false;
  for (int i = 1; i < 3; i++) {
    const tw_expr branch = known_branch(in[i], in[0], i == 1);
    if (tw_is_none(branch)) continue;
    in[i] = branch;
    changed = true;
  }
  return changed ? tw_node(args->graph, &tw_op_where, 3, in, NULL) : tw_simplify_broadcast(args);
}

static tw_expr where_simplify(const tw_args *args) {
  const bool same = tw_same(args->in[1], args->in[2]);
  tw_shape shape;
  double c;
  if (!same && !tw_constant_value(args->in[0], &c)) return choose_once(args);
  if (!tw_infer_broadcast(args, &shape)) return TW_NONE;
  return tw_broadcast(args->in[same || c != 0 ? 1 : 2], shape);
}

static tw_loop *where_loop(tw_expr node) {
  return tw_loop_get(TW_LOOP_where, tw_dtype_of(node));
}

static const char *where_formula(tw_expr node) {
  (void)node;
  return "a ? b : c";
}

static tw_expr where_jvp(tw_expr node, const tw_expr *tangents) {
  tw_expr a = tangents[1], b = tangents[2];
  if (tw_is_none(a) && tw_is_none(b)) return TW_NONE;
  if (tw_is_none(a)) a = tw_weak(b, 0);
  if (tw_is_none(b)) b = tw_weak(a, 0);
  return tw_broadcast(tw_one_choice(tw_where(tw_input_of(node, 0), a, b)), tw_shape_of(node));
}

static void where_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_expr condition = tw_input_of(node, 0), zero = tw_weak(cotangent, 0);
  const tw_expr a = tw_one_choice(tw_where(condition, cotangent, zero)), b = tw_one_choice(tw_where(condition, zero, cotangent));
  cotangents[1] = tw_unbroadcast(a, tw_shape_of(tw_input_of(node, 1)));
  cotangents[2] = tw_unbroadcast(b, tw_shape_of(tw_input_of(node, 2)));
}

static tw_expr where_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[][3] = {{{2, {3, 4}}, {2, {3, 4}}, {2, {3, 4}}},
                                      {{1, {4}}, {2, {3, 1}}, {0, {0}}},
                                      {{0, {0}}, {1, {5}}, {1, {5}}},
                                      {{2, {2, 3}}, {0, {0}}, {1, {3}}},
                                      {{1, {0}}, {0, {0}}, {1, {0}}}};
  if (variant >= (int)(sizeof shape / sizeof *shape)) return TW_NONE;
  const tw_expr c = tw_input(graph, "c", dtype, shape[variant][0]);
  const tw_expr a = tw_input(graph, "a", dtype, shape[variant][1]);
  const tw_expr b = tw_input(graph, "b", dtype, shape[variant][2]);
  return tw_where(tw_gt(c, tw_weak(c, 0)), a, b);
}

const tw_op tw_op_where = {.name = "where",
                           .summary = "a where the condition holds, else b",
                           .flags = TW_OP_ELEMENTWISE,
                           .arity = 3,
                           .infer = where_infer,
                           .simplify = where_simplify,
                           .kernel = tw_elementwise_kernel,
                           .loop = where_loop,
                           .formula = where_formula,
                           .jvp = where_jvp,
                           .vjp = where_vjp,
                           .flops = tw_flops_of_size,
                           .example = where_example,
                           .low = -2,
                           .high = 2};

tw_expr tw_where(tw_expr condition, tw_expr a, tw_expr b) {
  if (!tw_operands("where", 3, (tw_expr[]){condition, a, b})) return TW_NONE;
  const tw_dtype dtype = tw_dtype_promote(tw_dtype_of(a), tw_dtype_of(b));
  const tw_expr in[] = {tw_cast(condition, TW_BOOL), tw_cast(a, dtype), tw_cast(b, dtype)};
  return tw_node(condition.graph, &tw_op_where, 3, in, NULL);
}
