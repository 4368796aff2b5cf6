/* Checks of parameters, and parameters as rows. */
#include "domain/kinds.h"
#include "graph/ops/build.h"

bool tw_take_params(tw_graph *graph, const char *kind, const char *usage, int least, int most, int n,
                    const tw_expr *params, tw_expr *out) {
  if (n < least || n > most) {
    tw_graph_fail(graph, TW_ERR_ARGUMENT, "%s(%s): %d parameter%s given, expected %d to %d", kind, usage, n,
                  n == 1 ? "" : "s", least, most);
    return false;
  }
  for (int i = 0; i < n; i++) {
    if (tw_is_none(params[i]) || params[i].graph != graph) {
      tw_graph_fail(graph, TW_ERR_ARGUMENT, "%s(%s): parameter %d is no expression of this graph", kind, usage, i + 1);
      return false;
    }
    out[i] = tw_cast(params[i], TW_F64);
  }
  return tw_graph_status(graph) == TW_OK;
}

bool tw_check_rank(tw_graph *graph, const char *kind, tw_shape shape, int rank) {
  if (shape.rank >= rank && shape.dim[shape.rank - 1] > 0) return true;
  char text[TW_SHAPE_TEXT];
  tw_graph_fail(graph, TW_ERR_SHAPE, "%s: shape %s, expected at least %d %s, the last of them not empty", kind,
                tw_shape_text(&shape, text), rank, rank == 1 ? "axis" : "axes");
  return false;
}

bool tw_check_fits(tw_graph *graph, const char *kind, const char *name, tw_expr param, tw_shape shape) {
  if (tw_is_none(param)) return false;
  tw_shape own = tw_shape_of(param), both;
  if (tw_shape_broadcast(&own, &shape, &both) && tw_shape_equal(&both, &shape)) return true;
  char a[TW_SHAPE_TEXT], b[TW_SHAPE_TEXT];
  tw_graph_fail(graph, TW_ERR_SHAPE, "%s: %s has shape %s, expected one that broadcasts to %s", kind, name,
                tw_shape_text(&own, a), tw_shape_text(&shape, b));
  return false;
}

/* A constant as an array of `shape`, by strides of 0; false when it is none. `uniform` holds the value of all
 * elements. */
static bool broadcast_constant(tw_expr e, const tw_shape *shape, double *uniform, tw_array *out) {
  tw_shape own = tw_shape_of(e);
  int64_t known, stride = 1;
  const double *data = tw_known_elements(e, uniform, &known);
  *out = (tw_array){.dtype = TW_F64, .shape = *shape, .data = (void *)(uintptr_t)data};
  for (int d = own.rank; data != uniform && d-- > 0; stride *= own.dim[d])
    out->stride[d + shape->rank - own.rank] = own.dim[d] == 1 ? 0 : stride;
  return known > 0;
}

bool tw_check_ordered(tw_graph *graph, const char *kind, tw_expr low, tw_expr high, tw_shape shape) {
  tw_array a, b;
  double all_low, all_high;
  if (!broadcast_constant(low, &shape, &all_low, &a) || !broadcast_constant(high, &shape, &all_high, &b))
    return true;
  int64_t index[TW_MAX_RANK] = {0};
  int64_t size = tw_shape_size(&shape),
          count = a.data == &all_low && b.data == &all_high && size > 1 ? 1 : size;
  for (int64_t i = 0; i < count; i++) {
    double least = tw_array_get(&a, index), most = tw_array_get(&b, index);
    if (!(least <= most)) {
      tw_graph_fail(graph, TW_ERR_INFEASIBLE, "%s: lower bound %g above upper bound %g at position %lld",
                    kind, least, most, (long long)i);
      return false;
    }
    for (int d = shape.rank; d-- > 0 && ++index[d] == shape.dim[d];) index[d] = 0;
  }
  return true;
}

tw_shape tw_row_shape(tw_shape shape) {
  return shape.rank > 0 ? tw_shape_remove(shape, shape.rank - 1) : shape;
}

bool tw_check_row_scalar(tw_graph *graph, const char *kind, tw_shape shape, int n, tw_expr *param, double fallback) {
  if (!tw_check_rank(graph, kind, shape, 1)) return false;
  if (n == 0) *param = tw_scalar(graph, fallback);
  return tw_check_fits(graph, kind, "the size", *param, tw_row_shape(shape)) &&
         tw_check_at_least(graph, kind, "the size", param, 0);
}

tw_expr tw_row_column(tw_expr param) {
  return tw_shape_of(param).rank == 0 ? param : tw_expand(param, -1);
}

static unsigned last_axis(tw_expr x) {
  return 1u << (tw_shape_of(x).rank - 1);
}

tw_expr tw_row_sum(tw_expr x) {
  return tw_is_none(x) ? x : tw_sum(x, last_axis(x), true);
}

tw_expr tw_row_norm(tw_expr x) {
  return tw_is_none(x) ? x : tw_norm(x, last_axis(x), true);
}

tw_expr tw_divide_or(tw_expr a, tw_expr b, double otherwise) {
  if (tw_is_none(a) || tw_is_none(b)) return TW_NONE;
  tw_expr zero = tw_eq(b, tw_scalar(b.graph, 0));
  tw_expr ratio = tw_div(a, tw_where(zero, tw_scalar(b.graph, 1), b));
  return tw_where(zero, tw_scalar(b.graph, otherwise), ratio);
}

/* As a difference of two ramps: one of them is 0, so the result is rounded once. */
tw_expr tw_soft_threshold(tw_expr x, tw_expr t) {
  return tw_sub(tw_relu(tw_sub(x, t)), tw_relu(tw_sub(tw_neg(x), t)));
}

tw_expr tw_batch_leading(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  enum { MOST = 8 };
  tw_expr operand[MOST];
  int n = tw_arity_of(node);
  if (n > MOST) return tw_graph_fail(node.graph, TW_ERR_ARGUMENT, "batch: %d operands, expected at most %d", n, MOST);
  for (int i = 0; i < n; i++) {
    operand[i] = in[i];
    if (batched[i] || tw_is_none(in[i])) continue;
    if (tw_shape_of(in[i]).rank == TW_MAX_RANK)
      return tw_graph_fail(node.graph, TW_ERR_SHAPE, "batch: more than %d axes", TW_MAX_RANK);
    operand[i] = tw_broadcast(in[i], tw_shape_insert(tw_shape_of(in[i]), 0, size));
  }
  return tw_node(node.graph, tw_op_of(node), n, operand, tw_attr_of(node));
}

bool tw_infer_alias(const tw_args *args, tw_type *type) {
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  return true;
}
