/* recurrence: z_i = a_i z_{i-1} + b_i along one axis, in either direction. The derivative of running
 * products, and closed under differentiation. O(n), exact at zeros. */
#include "graph/emit/emit.h"
#include "graph/ops/cumulate.h"

#define RUNTIME_FILE "graph/emit/runtime/recurrence.h"
#define rt_recurrence_T TW_OF_TYPE(rt_recurrence)
#include "graph/emit/instantiate.h"

static bool is_reverse(tw_expr node) {
  return ((const tw_cumulate_attr *)tw_attr_of(node))->reverse != 0;
}

static tw_status recurrence_kernel(const tw_call *call) {
  const tw_extents e = tw_lanes_of(call->node).extents;
  const bool reverse = is_reverse(call->node);
  if (tw_dtype_of(call->node) == TW_F64)
    rt_recurrence_f64(e.outer, e.middle, e.inner, reverse, call->in[0], call->in[1], call->out);
  else
    rt_recurrence_f32(e.outer, e.middle, e.inner, reverse, call->in[0], call->in[1], call->out);
  return TW_OK;
}

static void recurrence_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_extents x = tw_lanes_of(node).extents;
  tw_emit_line(e, "rt_recurrence_%s(%lld, %lld, %lld, %d, %s, %s, %s);", tw_c_short(tw_dtype_of(node)),
               (long long)x.outer, (long long)x.middle, (long long)x.inner, is_reverse(node), in[0], in[1],
               out);
}

/* dz_i = a_i dz_{i-1} + (da_i z_{i-1} + db_i) */
static tw_expr recurrence_jvp(tw_expr node, const tw_expr *tangents) {
  const tw_cumulate_attr *attr = tw_attr_of(node);
  int axis = (int)attr->axis;
  bool reverse = attr->reverse != 0;
  tw_expr db = tangents[1];
  if (!tw_is_none(tangents[0])) {
    tw_expr term = tw_mul(tangents[0], tw_neighbour(node, axis, reverse, 0));
    db = tw_is_none(db) ? term : tw_add(term, db);
  }
  return tw_is_none(db) ? TW_NONE : tw_recurrence(tw_input_of(node, 0), db, axis, reverse);
}

/* l_i = g_i + a_{i+1} l_{i+1}; b_i gets l_i and a_i gets l_i z_{i-1}. */
static void recurrence_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_cumulate_attr *attr = tw_attr_of(node);
  int axis = (int)attr->axis;
  bool reverse = attr->reverse != 0;
  tw_expr l = tw_recurrence(tw_neighbour(tw_input_of(node, 0), axis, !reverse, 0), cotangent, axis, !reverse);
  cotangents[0] = tw_mul(l, tw_neighbour(node, axis, reverse, 0));
  cotangents[1] = l;
}

static double recurrence_flops(tw_expr node) {
  return 2 * tw_flops_of_size(node);
}

static tw_expr recurrence_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_shape shapes[] = {TW_SHAPE(5), TW_SHAPE(3, 2), TW_SHAPE(2, 4), TW_SHAPE(0)};
  if (variant >= 4) return TW_NONE;
  tw_expr a = tw_input(graph, "a", dtype, shapes[variant]);
  tw_expr b = tw_input(graph, "b", dtype, shapes[variant]);
  return tw_recurrence(a, b, variant == 2, variant % 2 != 0);
}

const tw_op tw_op_recurrence = {
    .name = "recurrence",
    .summary = "linear recurrence along one axis",
    .kind = TW_OP_KIND_SCAN,
    .arity = 2,
    .attr_bytes = sizeof(tw_cumulate_attr),
    .infer = tw_cumulate_infer,
    .kernel = recurrence_kernel,
    .jvp = recurrence_jvp,
    .vjp = recurrence_vjp,
    .batch = tw_cumulate_batch,
    .flops = recurrence_flops,
    .emit = recurrence_emit,
    .example = recurrence_example,
    .low = -2,
    .high = 2,
};

tw_expr tw_recurrence(tw_expr a, tw_expr b, int axis, bool reverse) {
  if (!tw_operands("recurrence", 2, (tw_expr[]){a, b})) return TW_NONE;
  tw_cumulate_attr attr = {axis, reverse};
  return tw_node(a.graph, &tw_op_recurrence, 2, (tw_expr[]){a, b}, &attr);
}
