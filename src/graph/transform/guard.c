/* Guards: where a tangent or cotangent is zero for want of a path, read off its expression. */
#include "graph/transform/guard.h"

#include "graph/ops/build.h"
#include "graph/ops/ops.h"

enum { VISITS = 32 /* nodes looked at for one guard: long sums have none */ };

static tw_expr find(tw_expr e, int *visits);

/* The op of `node` on a guard of its first operand. */
static tw_expr carried(tw_expr node, int *visits) {
  tw_expr in[1 + TW_MAX_RANK];
  if (tw_arity_of(node) > 1 + TW_MAX_RANK) return TW_NONE;
  for (int i = 0; i < tw_arity_of(node); i++) in[i] = tw_input_of(node, i);
  in[0] = find(in[0], visits);
  return tw_is_none(in[0]) ? TW_NONE
                           : tw_node(node.graph, tw_op_of(node), tw_arity_of(node), in, tw_attr_of(node));
}

static tw_expr of_choice(tw_expr node) {
  const tw_expr c = tw_input_of(node, 0);
  const bool first = tw_is_constant(tw_input_of(node, 1), 0),
             second = tw_is_constant(tw_input_of(node, 2), 0);
  if (!first && !second) return TW_NONE;
  return tw_broadcast(second ? c : tw_not(c), tw_shape_of(node));
}

/* A sum has a path where one of its terms has. */
static tw_expr of_sum(tw_expr node, int *visits) {
  const tw_expr a = find(tw_input_of(node, 0), visits),
                b = tw_is_none(a) ? a : find(tw_input_of(node, 1), visits);
  if (tw_is_none(a) || tw_is_none(b)) return TW_NONE;
  return tw_broadcast(tw_same(a, b) ? a : tw_or(a, b), tw_shape_of(node));
}

static tw_expr find(tw_expr e, int *visits) {
  const tw_op *op = tw_op_of(e);
  if (--*visits < 0) return TW_NONE;
  if (op == &tw_op_where) return of_choice(e);
  if (op == &tw_op_add || op == &tw_op_sub) return of_sum(e, visits);
  if (op == &tw_op_neg) return find(tw_input_of(e, 0), visits);
  if (op == &tw_op_reshape || op == &tw_op_broadcast || op == &tw_op_transpose || op == &tw_op_slice ||
      op == &tw_op_slice_view || op == &tw_op_take)
    return carried(e, visits);
  return TW_NONE;
}

tw_expr tw_guard_of(tw_expr e) {
  int visits = VISITS;
  return tw_is_none(e) ? e : find(e, &visits);
}

/* What a choice with a guard gives where it is not 0; TW_NONE: e is none. */
static tw_expr chosen(tw_expr e) {
  if (tw_op_of(e) != &tw_op_where || tw_is_none(of_choice(e))) return TW_NONE;
  return tw_input_of(e, tw_is_constant(tw_input_of(e, 2), 0) ? 1 : 2);
}

tw_expr tw_one_choice(tw_expr e) {
  if (tw_is_none(e)) return e;
  tw_expr in = chosen(e), guard = tw_is_none(in) ? TW_NONE : of_choice(e);
  if (tw_is_none(in) || tw_is_none(chosen(in))) return e;
  for (tw_expr next = chosen(in); !tw_is_none(next); next = chosen(in)) {
    guard = tw_and(guard, of_choice(in));
    in = next;
    if (tw_is_none(guard)) return guard;
  }
  return tw_where(guard, in, tw_weak(in, 0));
}

tw_expr tw_chain(tw_expr partial, tw_expr t) {
  if (tw_is_none(partial) || tw_is_none(t)) return TW_NONE;
  t = tw_one_choice(t);
  const tw_expr guard = tw_guard_of(t);
  if (tw_is_none(guard)) return tw_mul(partial, t);
  /* A choice gives what it chose from, so that choices do not pile up. */
  const tw_expr a = chosen(t);
  return tw_one_choice(tw_where(guard, tw_is_none(a) ? tw_mul(partial, t) : tw_chain(partial, a), tw_weak(partial, 0)));
}

tw_expr tw_guard_param(tw_expr t, int k, tw_expr *param) {
  const tw_expr guard = tw_guard_of(t);
  if (tw_is_none(guard)) return TW_NONE;
  *param = tw_where(tw_param(t.graph, k, TW_BOOL, tw_shape_of(guard)), *param, tw_weak(*param, 0));
  return guard;
}
