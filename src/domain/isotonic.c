/* Isotonic regression. An op finds the blocks on which the fit is constant; their values are expressions, so derivatives of any order
 * are those of block averages. */
#include "domain/kinds.h"
#include "graph/emit/emit.h"
#include "graph/emit/runtime/isotonic.h"
#include "graph/ops/index.h"

/* ------------------------------------------------------------------ the op: y [.., n], and w [.., n] -> labels [.., n] */

enum { FIRST, LARGEST_Y, LARGEST_W };

typedef struct blocks_attr {
  int64_t label; /* the first position of a block, or that of its largest entry */
} blocks_attr;

static bool blocks_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){TW_I64, tw_shape_of(args->in[0])};
  return true;
}

static int64_t length_of(tw_expr node) {
  const tw_shape shape = tw_shape_of(node);
  return shape.dim[shape.rank - 1];
}

static size_t blocks_scratch(tw_expr node) {
  return (size_t)length_of(node) * (2 * sizeof(double) + sizeof(int64_t));
}

static tw_status blocks_kernel(const tw_call *call) {
  const int64_t n = length_of(call->node), size = tw_size_of(call->node);
  const int64_t label = ((const blocks_attr *)tw_attr_of(call->node))->label;
  const bool weighted = tw_arity_of(call->node) > 1;
  double *a = call->scratch;
  for (int64_t row = 0; row < size; row += n) {
    const double *y = (const double *)call->in[0] + row, *w = weighted ? (const double *)call->in[1] + row : NULL;
    rt_isotonic(n, y, w, label == FIRST ? NULL : label == LARGEST_Y ? y : w, (int64_t *)call->out + row, a, a + n,
                (int64_t *)(void *)(a + 2 * n));
  }
  return TW_OK;
}

static void blocks_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const long long n = length_of(node);
  const int64_t label = ((const blocks_attr *)tw_attr_of(node))->label;
  const size_t room = tw_emit_work(e, blocks_scratch(node));
  char operand[3][TW_EMIT_POINTER + 32] = {"(const double *)0", "(const double *)0", "(const double *)0"};
  for (int k = 0; k < tw_arity_of(node); k++) snprintf(operand[k], sizeof operand[k], "%s + i * %lld", in[k], n);
  tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)tw_size_of(node) / n);
  tw_emit_line(e, "double *room = (double *)(void *)(work + %zu);", room);
  tw_emit_line(e, "rt_isotonic(%lld, %s, %s, %s, %s + i * %lld, room, room + %lld, (int64_t *)(void *)(room + %lld));", n, operand[0],
               operand[1], operand[label == FIRST ? 2 : label == LARGEST_Y ? 0 : 1], out, n, n, 2 * n);
  tw_emit_close(e);
}

static double blocks_flops(tw_expr node) {
  return 6 * (double)tw_size_of(node);
}

static const tw_op isotonic_blocks = {.name = "isotonic_blocks",
                                      .summary = "the blocks that pooling adjacent violators leaves in each row",
                                      .flags = TW_OP_CONSTANT_DERIVATIVE,
                                      .arity = -1,
                                      .attr_bytes = sizeof(blocks_attr),
                                      .infer = blocks_infer,
                                      .kernel = blocks_kernel,
                                      .scratch = blocks_scratch,
                                      .batch = tw_batch_leading,
                                      .flops = blocks_flops,
                                      .emit = blocks_emit};

/* ------------------------------------------------------------------ builders */

static bool rows(const char *name, tw_expr x) {
  return !tw_is_none(x) && tw_check_rank(x.graph, name, tw_shape_of(x), 1);
}

static int last_axis(tw_expr x) {
  return tw_shape_of(x).rank - 1;
}

/* Sums over blocks, for every position. */
static tw_expr block_sum(tw_expr x, tw_expr label) {
  return tw_take_along(tw_scatter_along(x, label, last_axis(x), length_of(x)), label, last_axis(x));
}

/* The block's mean, of differences to one of its entries: so that where all are equal it is exact. */
static tw_expr rising(tw_expr y) {
  const blocks_attr attr = {FIRST};
  const tw_expr label = tw_node(y.graph, &isotonic_blocks, 1, &y, &attr);
  if (tw_is_none(label)) return label;
  const tw_expr from = tw_stop_gradient(tw_take_along(y, label, last_axis(y)));
  return tw_add(from, tw_div(block_sum(tw_sub(y, from), label), block_sum(tw_ones_like(y), label)));
}

tw_expr tw_isotonic(tw_expr y, bool increasing) {
  if (!rows("isotonic", y)) return TW_NONE;
  const tw_dtype dtype = tw_dtype_of(y);
  y = tw_cast(y, TW_F64);
  return tw_back_to(increasing ? rising(y) : tw_neg(rising(tw_neg(y))), dtype);
}

/* log sum exp over blocks, relative to the largest entry. */
static tw_expr block_logsumexp(tw_expr x, tw_expr label) {
  const tw_expr most = tw_stop_gradient(tw_take_along(x, label, last_axis(x)));
  return tw_add(most, tw_log(block_sum(tw_exp(tw_sub(x, most)), label)));
}

static tw_expr reversed(tw_expr x) {
  const int64_t n = length_of(x);
  return tw_slice(x, last_axis(x), n - 1, n, -1);
}

tw_expr tw_isotonic_kl(tw_expr y, tw_expr w, bool increasing) {
  if (!rows("isotonic", y) || tw_is_none(w) || !tw_check_fits(y.graph, "isotonic", "w", w, tw_shape_of(y))) return TW_NONE;
  const tw_dtype dtype = tw_dtype_of(y);
  tw_expr in[2] = {tw_cast(y, TW_F64), tw_broadcast(tw_cast(w, TW_F64), tw_shape_of(y))};
  for (int k = 0; k < 2 && !increasing; k++) in[k] = reversed(in[k]);
  const blocks_attr by_y = {LARGEST_Y}, by_w = {LARGEST_W};
  const tw_expr a = tw_node(y.graph, &isotonic_blocks, 2, in, &by_y), b = tw_node(y.graph, &isotonic_blocks, 2, in, &by_w);
  if (tw_is_none(a) || tw_is_none(b)) return TW_NONE;
  const tw_expr v = tw_sub(block_logsumexp(in[0], a), block_logsumexp(in[1], b));
  return tw_back_to(increasing ? v : reversed(v), dtype);
}

/* ------------------------------------------------------------------ ordered points */

static bool order_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  if (n < 1) params[0] = tw_scalar(graph, 0);
  if (n < 2) params[1] = tw_scalar(graph, 1);
  const tw_shape row = tw_row_shape(shape);
  return tw_check_rank(graph, "order_simplex", shape, 1) && tw_check_fits(graph, "order_simplex", "the lower bound", params[0], row) &&
         tw_check_fits(graph, "order_simplex", "the upper bound", params[1], row) &&
         tw_check_ordered(graph, "order_simplex", params[0], params[1], row);
}

/* Bounds that are equal for all entries cut the isotonic fit off. */
static tw_expr order_project(tw_expr x, const tw_expr *params) {
  return tw_minimum(tw_maximum(tw_isotonic(x, true), tw_row_column(params[0])), tw_row_column(params[1]));
}

const tw_domain_kind tw_domain_order_simplex = {.name = "order_simplex",
                                                .summary = "l <= x_1 <= .. <= x_n <= u, each row",
                                                .params = "l = 0, u = 1",
                                                .max_params = 2,
                                                .convex = true,
                                                .polyhedral = true,
                                                .check = order_check,
                                                .project = order_project};

/* ------------------------------------------------------------------ permutahedra
 * With x and w sorted, the nearest point of the hull of w's permutations is x - v, v the isotonic fit of x - w, in the order of x
 * (Blondel, Teboul, Berthet & Djolonga, 2020). */

static bool permutahedron_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n;
  return tw_check_rank(graph, "permutahedron", shape, 1) && tw_check_fits(graph, "permutahedron", "w", params[0], shape);
}

static tw_expr permutahedron_project(tw_expr x, const tw_expr *params) {
  if (tw_is_none(x) || tw_is_none(params[0])) return TW_NONE;
  const int axis = last_axis(x);
  const tw_expr order = tw_argsort(x, axis), sorted = tw_take_along(x, order, axis);
  const tw_expr w = tw_sort(tw_broadcast(params[0], tw_shape_of(x)), axis);
  const tw_expr p = tw_sub(sorted, tw_isotonic(tw_sub(sorted, w), true));
  return tw_is_none(p) ? p : tw_scatter_along(p, order, axis, length_of(x));
}

const tw_domain_kind tw_domain_permutahedron = {.name = "permutahedron",
                                                .summary = "the convex hull of all permutations of w, each row",
                                                .params = "w",
                                                .min_params = 1,
                                                .max_params = 1,
                                                .convex = true,
                                                .polyhedral = true,
                                                .check = permutahedron_check,
                                                .project = permutahedron_project};

static tw_expr onto_permutahedron(tw_expr x, tw_expr w) {
  if (tw_is_none(x)) return x;
  const tw_domain hull = tw_domain_make(x.graph, &tw_domain_permutahedron, tw_shape_of(x), 1, &w);
  return tw_project(hull, x);
}

static tw_expr ranks(tw_expr x) {
  return tw_add(tw_iota(x.graph, TW_F64, length_of(x)), tw_scalar(x.graph, 1));
}

tw_expr tw_soft_rank(tw_expr x, tw_expr epsilon) {
  if (!rows("soft_rank", x) || tw_is_none(epsilon)) return TW_NONE;
  return onto_permutahedron(tw_div(x, epsilon), ranks(x));
}

tw_expr tw_soft_sort(tw_expr x, tw_expr epsilon) {
  if (!rows("soft_sort", x) || tw_is_none(epsilon)) return TW_NONE;
  return onto_permutahedron(tw_broadcast(tw_div(ranks(x), epsilon), tw_shape_of(x)), x);
}
