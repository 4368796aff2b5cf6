/* argsort and sort. The order is that of numbers, NaN after all of them, equals as they come (stable).
 *
 * Every dtype is mapped to unsigned 64-bit keys of the same order, so one sort serves all: insertion up to a
 * few elements, above that least-significant-digit radix sort with 8-bit digits (Knuth vol. 3, 5.2.5), which
 * counts all digits in one pass and skips those on which the keys agree. O(n) for each lane. */
#include "graph/emit/emit.h"
#include "graph/ops/build.h"
#include "graph/ops/ops.h"

#include <math.h>
#include <string.h>

typedef struct sort_attr {
  int64_t axis;
} sort_attr;

typedef struct sort_item {
  uint64_t key;
  int64_t index;
} sort_item;

enum { DIGITS = 8, RADIX = 256, INSERTION = 48 };

/* Negative doubles order backwards as bit patterns: flip them, and set the sign bit of the others. -0 equals
 * 0. */
static uint64_t key_of_double(double x) {
  uint64_t bits;
  if (isnan(x)) return UINT64_MAX;
  x += 0.0;
  memcpy(&bits, &x, sizeof bits);
  return bits >> 63 ? ~bits : bits | 1ull << 63;
}

static uint64_t key_of_integer(int64_t x) {
  return (uint64_t)x ^ 1ull << 63;
}

/* The keys of a lane: n elements `step` apart from `first` on. */
static void load_keys(tw_dtype dtype, const void *x, int64_t first, int64_t step, int64_t n,
                      sort_item *item) {
#define LOAD(type, key)                                                                                      \
  for (int64_t i = 0; i < n; i++) item[i] = (sort_item) {                                                    \
      key(((const type *)x)[first + i * step]), i                                                            \
    }
  switch (dtype) {
  case TW_F64:
    LOAD(double, key_of_double);
    break;
  case TW_F32:
    LOAD(float, key_of_double);
    break;
  case TW_I64:
    LOAD(int64_t, key_of_integer);
    break;
  case TW_I32:
    LOAD(int32_t, key_of_integer);
    break;
  default:
    LOAD(uint8_t, key_of_integer);
    break;
  }
#undef LOAD
}

static void insertion_sort(sort_item *item, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    sort_item moving = item[i];
    int64_t j = i;
    for (; j > 0 && item[j - 1].key > moving.key; j--) item[j] = item[j - 1];
    item[j] = moving;
  }
}

/* Sorts item[0..n-1]; returns where the result is, `item` or `other`. */
static sort_item *radix_sort(sort_item *item, sort_item *other, int64_t n) {
  int64_t count[DIGITS][RADIX] = {{0}};
  for (int64_t i = 0; i < n; i++)
    for (int d = 0; d < DIGITS; d++) count[d][item[i].key >> (8 * d) & 0xff]++;
  for (int d = 0; d < DIGITS; d++) {
    int64_t *place = count[d], total = 0;
    if (place[item[0].key >> (8 * d) & 0xff] == n) continue;
    for (int digit = 0; digit < RADIX; digit++) {
      int64_t these = place[digit];
      place[digit] = total;
      total += these;
    }
    for (int64_t i = 0; i < n; i++) other[place[item[i].key >> (8 * d) & 0xff]++] = item[i];
    sort_item *swap = item;
    item = other;
    other = swap;
  }
  return item;
}

static tw_status argsort_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(call->node);
  tw_dtype dtype = tw_dtype_of(tw_input_of(call->node, 0));
  tw_extents e = tw_shape_split(&shape, (int)((const sort_attr *)tw_attr_of(call->node))->axis, 1);
  int64_t n = e.middle, *out = call->out;
  sort_item *item = call->scratch, *other = item + n;
  if (n == 0) return TW_OK;
  for (int64_t o = 0; o < e.outer; o++)
    for (int64_t j = 0; j < e.inner; j++) {
      int64_t first = o * n * e.inner + j;
      load_keys(dtype, call->in[0], first, e.inner, n, item);
      const sort_item *sorted = item;
      if (n <= INSERTION)
        insertion_sort(item, n);
      else
        sorted = radix_sort(item, other, n);
      for (int64_t i = 0; i < n; i++) out[first + i * e.inner] = sorted[i].index;
    }
  return TW_OK;
}

static void argsort_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_shape shape = tw_shape_of(node);
  const tw_extents x = tw_shape_split(&shape, (int)((const sort_attr *)tw_attr_of(node))->axis, 1);
  char work[TW_EMIT_NAME];
  tw_emit_scratch(e, TW_I64, 2 * x.middle, work);
  tw_emit_line(e, "rt_argsort_%s(%lld, %lld, %lld, %s, %s, %s);",
               tw_c_short(tw_dtype_of(tw_input_of(node, 0))), (long long)x.outer, (long long)x.middle,
               (long long)x.inner, in[0], out, work);
}

static size_t argsort_scratch(tw_expr node) {
  int64_t n = tw_shape_of(node).dim[((const sort_attr *)tw_attr_of(node))->axis];
  return 2 * (size_t)n * sizeof(sort_item);
}

static bool argsort_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){TW_I64, tw_shape_of(args->in[0])};
  int64_t n = type->shape.dim[((const sort_attr *)args->attr)->axis];
  if (n <= INT64_MAX / (int64_t)(4 * sizeof(sort_item))) return true;
  tw_graph_fail(args->graph, TW_ERR_SHAPE, "argsort: an axis of extent %lld is too long", (long long)n);
  return false;
}

static tw_expr argsort_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  (void)size, (void)batched;
  sort_attr attr = {((const sort_attr *)tw_attr_of(node))->axis + 1};
  return tw_node(node.graph, &tw_op_argsort, 1, in, &attr);
}

/* n log2 n comparisons, for want of a better measure. */
static double argsort_flops(tw_expr node) {
  double size = (double)tw_size_of(node);
  return size > 1 ? size * log2(size) : 0;
}

static tw_expr argsort_example(tw_graph *graph, tw_dtype dtype, int variant) {
  if (variant > 1) return TW_NONE;
  return tw_argsort(tw_input(graph, "x", dtype, TW_SHAPE(3, 50)), variant);
}

const tw_op tw_op_argsort = {
    .name = "argsort",
    .summary = "the indices that sort along one axis",
    .kind = TW_OP_KIND_LOOKUP,
    .flags = TW_OP_CONSTANT_DERIVATIVE,
    .arity = 1,
    .attr_bytes = sizeof(sort_attr),
    .infer = argsort_infer,
    .kernel = argsort_kernel,
    .scratch = argsort_scratch,
    .batch = argsort_batch,
    .flops = argsort_flops,
    .emit = argsort_emit,
    .example = argsort_example,
    .low = -2,
    .high = 2,
};

tw_expr tw_argsort(tw_expr x, int axis) {
  if (!tw_operands("argsort", 1, &x)) return TW_NONE;
  tw_shape shape = tw_shape_of(x);
  if (!tw_axis_check(x.graph, "argsort", &shape, &axis)) return TW_NONE;
  sort_attr attr = {axis};
  return tw_node(x.graph, &tw_op_argsort, 1, &x, &attr);
}

/* The derivative flows through the look-up: the order is locally constant. */
tw_expr tw_sort(tw_expr x, int axis) {
  return tw_take_along(x, tw_argsort(x, axis), axis);
}
