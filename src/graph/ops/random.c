/* Random draws: pure functions of an integer key, so a graph that holds them can be evaluated again,
 * differentiated (they are constants) and batched over keys. An array of keys gives an array of independent
 * draws. */
#include "graph/emit/emit.h"
#include "graph/ops/build.h"
#include "graph/ops/ops.h"

static bool random_infer(const tw_args *args, tw_type *type) {
  tw_shape keys = tw_shape_of(args->in[0]), shape = tw_attr_shape(args->attr);
  if (tw_dtype_of(args->in[0]) != TW_I64) {
    tw_graph_fail(args->graph, TW_ERR_DTYPE, "%s: the key is %s, not i64", args->op->name,
                  tw_dtype_get(tw_dtype_of(args->in[0]))->name);
    return false;
  }
  if (!tw_shape_possible(args->graph, args->op->name, &shape)) return false;
  if (keys.rank + shape.rank > TW_MAX_RANK)
    return tw_fail_shapes(args->graph, args->op->name, &keys, &shape, "of keys and draws give too many axes");
  *type = (tw_type){TW_F64, keys};
  for (int axis = 0; axis < shape.rank; axis++) type->shape.dim[type->shape.rank++] = shape.dim[axis];
  return tw_shape_possible(args->graph, args->op->name, &type->shape);
}

typedef void draw_fill(uint64_t key, uint64_t first, size_t n, double *out);

enum { TILE = 8192 };

typedef struct draw_task {
  draw_fill *fill;
  const int64_t *key;
  double *out;
  int64_t per_key, tiles_per_key;
} draw_task;

static void draw_tile(void *context, int64_t tile, int worker) {
  (void)worker;
  const draw_task *t = context;
  int64_t k = tile / t->tiles_per_key, first = tile % t->tiles_per_key * TILE, n = t->per_key - first;
  t->fill((uint64_t)t->key[k], (uint64_t)first, (size_t)(n < TILE ? n : TILE),
          t->out + k * t->per_key + first);
}

static tw_status draw(const tw_call *call, draw_fill *fill) {
  int64_t keys = tw_size_of(tw_input_of(call->node, 0)), size = tw_size_of(call->node);
  if (size == 0) return TW_OK;
  draw_task t = {.fill = fill, .key = call->in[0], .out = call->out, .per_key = size / keys};
  t.tiles_per_key = (t.per_key + TILE - 1) / TILE;
  tw_parallel(tw_call_threads(call, size), keys * t.tiles_per_key, draw_tile, &t);
  return TW_OK;
}

static tw_status uniform_kernel(const tw_call *call) {
  return draw(call, tw_random_uniform_fill);
}
static tw_status normal_kernel(const tw_call *call) {
  return draw(call, tw_random_normal_fill);
}

/* rt_uniform or rt_normal for each key. */
static void random_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const int64_t keys = tw_size_of(tw_input_of(node, 0)), per_key = tw_size_of(node) / keys;
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) rt_%s(%s[i], %lld, %s + i * %lld);", (long long)keys,
               tw_op_of(node)->name, in[0], (long long)per_key, out, (long long)per_key);
}

/* The keys' own axes come first in the result, so a batch of keys is one more of them. */
static tw_expr random_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  (void)size, (void)batched;
  return tw_node(node.graph, tw_op_of(node), 1, in, tw_attr_of(node));
}

static double random_flops(tw_expr node) {
  return 40 * tw_flops_of_size(node);
}

static tw_expr random_node(const tw_op *op, tw_expr key, tw_shape shape) {
  if (!tw_operands(op->name, 1, &key)) return TW_NONE;
  if (tw_dtype_get(tw_dtype_of(key))->kind != TW_KIND_INTEGER)
    return tw_graph_fail(key.graph, TW_ERR_DTYPE, "%s: the key is %s; keys are integers", op->name,
                         tw_dtype_get(tw_dtype_of(key))->name);
  key = tw_cast(key, TW_I64);
  tw_shape_attr attr = tw_shape_attr_of(&shape);
  return tw_node(key.graph, op, 1, &key, &attr);
}

/* Depends on an input of `dtype`, as examples do, only by way of a key made from it. */
static tw_expr random_example(const tw_op *op, tw_graph *graph, tw_dtype dtype, int variant) {
  tw_shape shapes[] = {TW_SHAPE(3, 4), TW_SCALAR, TW_SHAPE(0, 2)};
  if (variant >= 3) return TW_NONE;
  tw_expr x = tw_input(graph, "x", dtype, variant == 1 ? TW_SHAPE(2) : TW_SCALAR);
  return random_node(op, tw_cast(tw_floor(tw_scale(x, 100)), TW_I64), shapes[variant]);
}

static tw_expr uniform_example(tw_graph *graph, tw_dtype dtype, int variant) {
  return random_example(&tw_op_uniform, graph, dtype, variant);
}

static tw_expr normal_example(tw_graph *graph, tw_dtype dtype, int variant) {
  return random_example(&tw_op_normal, graph, dtype, variant);
}

#define RANDOM_OP(ident, text)                                                                               \
  const tw_op tw_op_##ident = {                                                                              \
      .name = #ident,                                                                                        \
      .summary = text,                                                                                       \
      .flags = TW_OP_CONSTANT_DERIVATIVE,                                                                    \
      .arity = 1,                                                                                            \
      .attr_bytes = sizeof(tw_shape_attr),                                                                   \
      .infer = random_infer,                                                                                 \
      .kernel = ident##_kernel,                                                                              \
      .batch = random_batch,                                                                                 \
      .flops = random_flops,                                                                                 \
      .emit = random_emit,                                                                                   \
      .example = ident##_example,                                                                            \
      .low = -2,                                                                                             \
      .high = 2,                                                                                             \
  };                                                                                                         \
  tw_expr tw_##ident(tw_expr key, tw_shape shape) {                                                          \
    return random_node(&tw_op_##ident, key, shape);                                                          \
  }

RANDOM_OP(uniform, "uniform draws in [0, 1) by key")
RANDOM_OP(normal, "standard normal draws by key")
