/* Constant folding of small nodes, with the op's own kernel. */
#include "graph/node.h"
#include "graph/ops/ops.h"

#include <string.h>

enum { FOLD_ELEMENTS = 16, FOLD_INPUTS = 4 };

typedef union tw_small { /* room for FOLD_ELEMENTS of any dtype */
  double f64[FOLD_ELEMENTS];
  int64_t i64[FOLD_ELEMENTS];
  unsigned char bytes[FOLD_ELEMENTS * 8];
} tw_small;

bool tw_constant_value(tw_expr e, double *value) {
  if (tw_is_none(e)) return false;
  const tw_node_data *node = tw_data(e);
  if (node->op == &tw_op_fill) {
    *value = ((const tw_fill_attr *)node->attr)->value;
    return true;
  }
  if (node->op != &tw_op_constant || node->size != 1) return false;
  tw_array view = tw_array_view((void *)(uintptr_t)tw_constant_data(e), node->type.dtype, TW_SCALAR);
  *value = tw_array_get(&view, NULL);
  return true;
}

/* The elements of a small constant or fill. */
static bool small_value(tw_expr e, tw_small *out) {
  const tw_node_data *node = tw_data(e);
  if (node->size > FOLD_ELEMENTS) return false;
  const void *data = tw_constant_data(e);
  if (data) {
    memcpy(out->bytes, data, (size_t)node->size * tw_dtype_get(node->type.dtype)->size);
    return true;
  }
  double value;
  if (!tw_constant_value(e, &value)) return false;
  tw_array view = tw_array_view(out->bytes, node->type.dtype, tw_shape_make(1, &node->size));
  for (int64_t i = 0; i < node->size; i++) tw_array_set(&view, &i, value);
  return true;
}

static bool foldable(const tw_args *args, int64_t size) {
  const tw_op *op = args->op;
  return args->n > 0 && args->n <= FOLD_INPUTS && size > 0 && size <= FOLD_ELEMENTS && op->kernel && !op->scratch &&
         !op->prepare && !op->open && (op->flags & TW_OP_ELEMENTWISE) && !(op->flags & TW_OP_IMPURE);
}

tw_expr tw_fold(const tw_args *args, const tw_type *type) {
  int64_t size = tw_shape_size(&type->shape);
  if (!foldable(args, size)) return TW_NONE;
  tw_small in[FOLD_INPUTS], out;
  const void *pointers[FOLD_INPUTS];
  for (int i = 0; i < args->n; i++) {
    if (!small_value(args->in[i], &in[i])) return TW_NONE;
    pointers[i] = in[i].bytes;
  }
  /* The kernel reads shapes from its node: lend it one that is not part of the graph's index. */
  tw_graph *graph = args->graph;
  int32_t ids[FOLD_INPUTS];
  for (int i = 0; i < args->n; i++) ids[i] = args->in[i].id;
  tw_node_data node = {.op = args->op, .type = *type, .size = size, .attr = args->attr, .n = args->n, .in = ids};
  tw_expr lent = tw_graph_lend(graph, &node);
  if (tw_is_none(lent)) return TW_NONE;
  tw_exec exec = {.threads = 1};
  tw_error error;
  tw_call call = {.node = lent, .in = pointers, .out = out.bytes, .exec = &exec, .error = &error};
  tw_status status = args->op->kernel(&call);
  tw_graph_return(graph);
  if (status != TW_OK) return TW_NONE; /* it will be reported when evaluated */
  tw_array view = tw_array_view(out.bytes, type->dtype, type->shape);
  return tw_constant(graph, &view);
}
