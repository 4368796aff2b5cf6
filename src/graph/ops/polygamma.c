/* Polygamma functions psi_n(x), the n-th derivatives of digamma = psi_0; a family closed under
 * differentiation. */
#include "graph/emit/runtime/polygamma.h"
#include "graph/emit/emit.h"
#include "graph/ops/elementwise.h"

enum { ORDER_MAX = 40 };

typedef struct polygamma_attr {
  int64_t order;
} polygamma_attr;

static int order_of(tw_expr node) {
  return (int)((const polygamma_attr *)tw_attr_of(node))->order;
}

static tw_expr polygamma_build(tw_expr x, int64_t order) {
  const polygamma_attr attr = {order};
  if (!tw_operands("polygamma", 1, &x)) return TW_NONE;
  if (tw_dtype_get(tw_dtype_of(x))->kind != TW_KIND_FLOAT) x = tw_cast(x, TW_F64);
  return tw_node(x.graph, &tw_op_polygamma, 1, &x, &attr);
}

static bool polygamma_infer(const tw_args *args, tw_type *type) {
  const int64_t order = ((const polygamma_attr *)args->attr)->order;
  if (order >= 0 && order <= ORDER_MAX) return tw_infer_float(args, type);
  tw_graph_fail(args->graph, TW_ERR_RANGE, "polygamma: order %lld is not in 0..%d", (long long)order,
                ORDER_MAX);
  return false;
}

static tw_status polygamma_kernel(const tw_call *call) {
  const int n = order_of(call->node);
  const int64_t size = tw_size_of(call->node);
  if (tw_dtype_of(call->node) == TW_F64)
    for (int64_t i = 0; i < size; i++)
      ((double *)call->out)[i] = rt_polygamma(n, ((const double *)call->in[0])[i]);
  else
    for (int64_t i = 0; i < size; i++)
      ((float *)call->out)[i] = (float)rt_polygamma(n, (double)((const float *)call->in[0])[i]);
  return TW_OK;
}

static void polygamma_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = (%s)rt_polygamma(%d, (double)%s[i]);",
               (long long)tw_size_of(node), out, tw_c_type(tw_dtype_of(node)), order_of(node), in[0]);
}

static tw_expr polygamma_partial(tw_expr node, int i) {
  return polygamma_build(tw_input_of(node, i), order_of(node) + 1);
}

static double polygamma_flops(tw_expr node) {
  return 100 * tw_flops_of_size(node);
}

static tw_expr polygamma_example(tw_graph *graph, tw_dtype dtype, int variant) {
  if (variant > 2) return TW_NONE;
  return polygamma_build(tw_input(graph, "x", dtype, TW_SHAPE(2, 3)), variant);
}

const tw_op tw_op_polygamma = {.name = "polygamma",
                               .summary = "n-th derivative of digamma",
                               .flags = TW_OP_ELEMENTWISE,
                               .arity = 1,
                               .attr_bytes = sizeof(polygamma_attr),
                               .infer = polygamma_infer,
                               .simplify = tw_simplify_broadcast,
                               .kernel = polygamma_kernel,
                               .partial = polygamma_partial,
                               .flops = polygamma_flops,
                               .emit = polygamma_emit,
                               .example = polygamma_example,
                               .low = 0.4,
                               .high = 4};

tw_expr tw_digamma(tw_expr x) {
  return polygamma_build(x, 0);
}
