/* Gradients, Hessian products, Jacobians and Hessians from jvp, vjp and batch. */
#include "graph/node.h"

static bool is_scalar(tw_expr e, const char *what) {
  if (tw_is_none(e)) return false;
  if (tw_shape_of(e).rank == 0 && tw_is_float(tw_dtype_of(e))) return true;
  char text[TW_SHAPE_TEXT];
  tw_shape shape = tw_shape_of(e);
  tw_graph_fail(e.graph, TW_ERR_SHAPE, "%s: needs a floating-point scalar, got %s %s", what,
                tw_dtype_get(tw_dtype_of(e))->name, tw_shape_text(&shape, text));
  return false;
}

static tw_expr or_zeros(tw_expr e, tw_expr like) { return tw_is_none(e) ? tw_zeros_like(like) : e; }

tw_expr tw_grad(tw_expr scalar, tw_expr x) {
  if (!is_scalar(scalar, "grad") || tw_is_none(x)) return TW_NONE;
  tw_expr one = tw_ones_like(scalar), g;
  if (tw_vjp(1, &scalar, &one, 1, &x, &g) != TW_OK) return TW_NONE;
  return or_zeros(g, x);
}

tw_expr tw_hvp(tw_expr scalar, tw_expr x, tw_expr v) {
  tw_expr g = tw_grad(scalar, x), hv;
  if (tw_is_none(g) || tw_jvp(1, &g, 1, &x, &v, &hv) != TW_OK) return TW_NONE;
  return or_zeros(hv, x);
}

static tw_shape joined(tw_shape a, tw_shape b) {
  tw_shape out = {.rank = a.rank + b.rank};
  for (int i = 0; i < out.rank && i < TW_MAX_RANK; i++) out.dim[i] = i < a.rank ? a.dim[i] : b.dim[i - a.rank];
  return out;
}

/* The n unit arrays of x's shape, [n] + x.shape. */
static tw_expr units(tw_expr x) {
  int64_t n = tw_size_of(x);
  tw_shape shape = joined(TW_SHAPE(n), tw_shape_of(x));
  return tw_reshape(tw_eye(x.graph, tw_dtype_of(x), n, n), shape);
}

/* One jvp for every element of x: [size x] + e.shape, then the first axis to the end. */
static tw_expr forward_jacobian(tw_expr e, tw_expr x) {
  tw_expr t = tw_input(e.graph, "tangent", tw_dtype_of(x), tw_shape_of(x)), de, unit = units(x), all;
  if (tw_jvp(1, &e, 1, &x, &t, &de) != TW_OK) return TW_NONE;
  if (tw_is_none(de)) return tw_fill(e.graph, tw_dtype_of(e), joined(tw_shape_of(e), tw_shape_of(x)), 0);
  if (tw_batch(1, &de, 1, &t, &unit, tw_size_of(x), &all) != TW_OK) return TW_NONE;
  return tw_reshape(tw_move_axis(all, 0, tw_shape_of(e).rank), joined(tw_shape_of(e), tw_shape_of(x)));
}

/* One vjp for every element of e: [size e] + x.shape. */
static tw_expr reverse_jacobian(tw_expr e, tw_expr x) {
  tw_expr c = tw_input(e.graph, "cotangent", tw_dtype_of(e), tw_shape_of(e)), dx, unit = units(e), all;
  if (tw_vjp(1, &e, &c, 1, &x, &dx) != TW_OK) return TW_NONE;
  if (tw_is_none(dx)) return tw_fill(e.graph, tw_dtype_of(x), joined(tw_shape_of(e), tw_shape_of(x)), 0);
  if (tw_batch(1, &dx, 1, &c, &unit, tw_size_of(e), &all) != TW_OK) return TW_NONE;
  return tw_reshape(all, joined(tw_shape_of(e), tw_shape_of(x)));
}

tw_expr tw_jacobian(tw_expr e, tw_expr x) {
  if (tw_is_none(e) || tw_is_none(x)) return TW_NONE;
  if (!tw_is_float(tw_dtype_of(e)) || !tw_is_float(tw_dtype_of(x)))
    return tw_graph_fail(e.graph, TW_ERR_DTYPE, "jacobian: both sides need a floating-point dtype");
  if (tw_shape_of(e).rank + tw_shape_of(x).rank > TW_MAX_RANK)
    return tw_graph_fail(e.graph, TW_ERR_SHAPE, "jacobian: the ranks add up to more than %d", TW_MAX_RANK);
  return tw_size_of(e) < tw_size_of(x) ? reverse_jacobian(e, x) : forward_jacobian(e, x);
}

tw_expr tw_hessian(tw_expr scalar, tw_expr x) {
  tw_expr g = tw_grad(scalar, x);
  return tw_is_none(g) ? g : forward_jacobian(g, x);
}
