/* Leaves: inputs, params of bodies, constants. */
#include "graph/node.h"

#include <string.h>

static bool infer_from_attr(const tw_args *args, tw_type *type) {
  *type = *(const tw_type *)args->attr; /* every leaf's attribute begins with its type */
  return true;
}

const tw_op tw_op_input = {.name = "input", .summary = "a named placeholder", .arity = 0,
                           .flags = TW_OP_CONSTANT_DERIVATIVE, .attr_bytes = sizeof(tw_input_attr),
                           .infer = infer_from_attr};
const tw_op tw_op_param = {.name = "param", .summary = "a parameter of a body", .arity = 0,
                           .flags = TW_OP_CONSTANT_DERIVATIVE, .attr_bytes = sizeof(tw_param_attr),
                           .infer = infer_from_attr};
const tw_op tw_op_constant = {.name = "constant", .summary = "an array of numbers", .arity = 0,
                              .flags = TW_OP_CONSTANT_DERIVATIVE, .attr_bytes = sizeof(tw_constant_attr),
                              .infer = infer_from_attr};

/* Into an attribute that is all zeros: padding is hashed, and copies of whole structures do not carry it. */
static void set_type(tw_type *type, tw_dtype dtype, const tw_shape *shape) {
  type->dtype = dtype;
  type->shape.rank = shape->rank;
  for (int i = 0; i < shape->rank && i < TW_MAX_RANK; i++) type->shape.dim[i] = shape->dim[i];
}

tw_expr tw_input(tw_graph *graph, const char *name, tw_dtype dtype, tw_shape shape) {
  if (!graph || graph->status != TW_OK) return TW_NONE;
  tw_input_attr attr;
  memset(&attr, 0, sizeof attr);
  set_type(&attr.type, dtype, &shape);
  attr.serial = graph->serial++;
  attr.name = tw_arena_strdup(graph->arena, name ? name : "");
  if (!attr.name) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory naming an input");
  return tw_node(graph, &tw_op_input, 0, NULL, &attr);
}

tw_expr tw_param(tw_graph *graph, int k, tw_dtype dtype, tw_shape shape) {
  tw_param_attr attr;
  memset(&attr, 0, sizeof attr);
  set_type(&attr.type, dtype, &shape);
  attr.k = k;
  return tw_node(graph, &tw_op_param, 0, NULL, &attr);
}

static bool all_equal(const unsigned char *data, size_t bytes, size_t element) {
  return bytes > 0 && (bytes == element || memcmp(data, data + element, bytes - element) == 0);
}

tw_expr tw_constant(tw_graph *graph, const tw_array *value) {
  if (!graph || graph->status != TW_OK) return TW_NONE;
  if (!value) return tw_graph_fail(graph, TW_ERR_ARGUMENT, "constant: the array is NULL");
  tw_array copy = {0};
  const tw_array *source = value;
  if (!tw_array_contiguous(value)) {
    tw_error error;
    if (tw_array_copy(&copy, value, value->dtype, &error) != TW_OK)
      return tw_graph_fail(graph, error.status, "constant: %s", error.message);
    source = &copy;
  }
  tw_constant_attr attr;
  memset(&attr, 0, sizeof attr);
  set_type(&attr.type, value->dtype, &value->shape);
  attr.data = source->data;
  size_t element = tw_dtype_get(value->dtype)->size;
  attr.bytes = (size_t)tw_shape_size(&value->shape) * element;
  tw_expr e;
  double first = 0;
  if (all_equal(attr.data, attr.bytes, element)) {
    int64_t zero[TW_MAX_RANK] = {0};
    first = tw_array_get(source, zero);
  }
  /* A fill needs no storage; 64-bit integers beyond 2^53 do not fit its double. */
  if (all_equal(attr.data, attr.bytes, element) && (value->dtype != TW_I64 || (first < 9e15 && first > -9e15)))
    e = tw_fill(graph, value->dtype, value->shape, first);
  else
    e = tw_node(graph, &tw_op_constant, 0, NULL, &attr);
  tw_array_free(&copy);
  return e;
}

tw_expr tw_scalar(tw_graph *graph, double value) { return tw_fill(graph, TW_F64, TW_SCALAR, value); }

tw_expr tw_integer(tw_graph *graph, int64_t value) {
  tw_array array = tw_array_view(&value, TW_I64, TW_SCALAR);
  return tw_constant(graph, &array);
}

const char *tw_name_of(tw_expr e) {
  return tw_is_input(e) ? ((const tw_input_attr *)tw_data(e)->attr)->name : "";
}

bool tw_is_input(tw_expr e) { return !tw_is_none(e) && tw_data(e)->op == &tw_op_input; }

const void *tw_constant_data(tw_expr e) {
  if (tw_is_none(e) || tw_data(e)->op != &tw_op_constant) return NULL;
  return ((const tw_constant_attr *)tw_data(e)->attr)->data;
}

enum { SMALL_CONSTANT = 16 };

bool tw_is_cheap_leaf(tw_expr e) {
  const tw_node_data *node = tw_data(e);
  if (node->n != 0 || node->op == &tw_op_input || node->op == &tw_op_param) return false;
  return node->op != &tw_op_constant || node->size <= SMALL_CONSTANT;
}
