/* The workshop of sparse derivatives: opening it, frames, reads, and evaluation of what depends on constants
 * alone. */
#include "graph/ops/loop.h"
#include "graph/transform/sparse.h"

#include <stdlib.h>
#include <string.h>

static void *out_of_memory(tw_sparse *s) {
  tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
  return NULL;
}

void *tw_sparse_alloc(tw_sparse *s, size_t count, size_t size) {
  void *data = tw_arena_alloc(s->arena, (count + 1) * size, 64);
  return data ? data : out_of_memory(s);
}

/* Room for one more; the arrays grow by halves. */
static void *one_more(tw_sparse *s, void *items, size_t *capacity, size_t count, size_t size) {
  void *grown = tw_grow(items, capacity, count + 1, size);
  return grown ? grown : out_of_memory(s);
}

/* ------------------------------------------------------------------ dependence */

int tw_param_number(tw_expr node) {
  return tw_op_of(node) == &tw_op_param ? (int)((const tw_param_attr *)tw_attr_of(node))->k : -1;
}

/* Fills `depends` above the nodes marked in it already: floats whose derivative rules look at an operand that
 * depends. */
static void spread(tw_graph *graph, const int32_t *order, int32_t count, bool *depends) {
  for (int32_t i = 0; i < count; i++) {
    const tw_node_data *node = tw_node_at(graph, order[i]);
    bool carries = tw_is_float(node->type.dtype) && !(node->op->flags & TW_OP_CONSTANT_DERIVATIVE);
    for (int j = 0; j < node->n && carries && !depends[order[i]]; j++)
      depends[order[i]] = depends[node->in[j]];
  }
}

static int by_id(const void *x, const void *y) {
  const int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;
  return (a > b) - (a < b);
}

/* The elements of the largest array among nodes; a loop counts as the largest of its body in every iteration. */
static int64_t largest_of(tw_graph *graph, const int32_t *order, int32_t count, int nested) {
  const int64_t most = TW_DOMAIN_MOST;
  int64_t largest = 1;
  for (int32_t i = 0; i < count; i++) {
    const tw_node_data *node = tw_node_at(graph, order[i]);
    int64_t size = node->size < most ? node->size : most;
    if (node->op == &tw_op_loop && nested > 0) {
      const tw_loop_attr *attr = node->attr;
      int32_t *inner, n_inner;
      if (!tw_walk(graph, attr->body->n_outputs, attr->body->outputs, &inner, &n_inner)) return most;
      const int64_t one = largest_of(graph, inner, n_inner, nested - 1), all = attr->n > most / one ? most : attr->n * one;
      free(inner);
      if (all > size) size = all;
    }
    if (size > largest) largest = size;
  }
  return largest;
}

/* 2^18, or four times the dense matrix (of second derivatives for a scalar) or the largest array. */
static void set_domain_most(tw_sparse *s, int n, const tw_expr *roots, const int32_t *order, int32_t count) {
  enum { NESTED = 8 };
  const int64_t most = TW_DOMAIN_MOST, least = INT64_C(1) << 16, largest = largest_of(s->graph, order, count, NESTED);
  int64_t rows = 0;
  for (int i = 0; i < n; i++) rows += tw_size_of(roots[i]);
  if (n == 1 && rows == 1) rows = s->cols;
  const int64_t dense = s->cols > 0 && rows > most / s->cols ? most : rows * s->cols;
  const int64_t larger = dense > largest ? dense : largest;
  s->domain_most = 4 * (larger > least ? larger : least);
}

static bool depends_on_x(tw_sparse *s, int n, const tw_expr *roots, bool *depends) {
  int32_t *order, count;
  if (!tw_walk_to(s->graph, n, roots, s->m, s->x, &order, &count)) return false;
  for (int j = 0; j < s->m; j++) depends[s->x[j].id] = tw_is_float(tw_dtype_of(s->x[j]));
  spread(s->graph, order, count, depends);
  set_domain_most(s, n, roots, order, count);
  free(order);
  return true;
}

/* Of the nodes of a loop's body, those that depend. */
static const tw_ids *depends_in_body(tw_sparse *s, const tw_frame *up, tw_expr loop) {
  const tw_body *body = ((const tw_loop_attr *)tw_attr_of(loop))->body;
  int32_t *order, count;
  if (!tw_walk(s->graph, body->n_outputs, body->outputs, &order, &count)) return NULL;
  bool *depends = calloc((size_t)s->graph->count + 1, sizeof *depends);
  tw_ids *ids = tw_sparse_alloc(s, 1 + (size_t)count, sizeof(int32_t));
  if (depends && ids) {
    for (int j = 1; j < body->n_params; j++)
      depends[body->params[j].id] = tw_frame_depends(up, tw_input_of(loop, j - 1));
    spread(s->graph, order, count, depends);
    for (int32_t i = 0; i < count; i++)
      if (depends[order[i]]) ids->id[ids->count++] = order[i];
    qsort(ids->id, (size_t)ids->count, sizeof *ids->id, by_id);
  }
  if (!depends) out_of_memory(s);
  free(order);
  free(depends);
  return s->graph->status == TW_OK ? ids : NULL;
}

bool tw_frame_depends(const tw_frame *frame, tw_expr node) {
  if (frame->depends) return frame->depends[node.id];
  return bsearch(&node.id, frame->ids->id, (size_t)frame->ids->count, sizeof node.id, by_id) != NULL;
}

/* ------------------------------------------------------------------ frames */

static const tw_frame *frame_add(tw_sparse *s, tw_frame wanted) {
  tw_frame **frames = one_more(s, s->frame, &s->frame_capacity, s->n_frames, sizeof *frames);
  if (frames) s->frame = frames;
  tw_frame *frame = frames ? tw_arena_dup(s->arena, &wanted, sizeof wanted, sizeof(void *)) : NULL;
  if (!frame) return out_of_memory(s);
  return s->frame[s->n_frames++] = frame;
}

const tw_frame *tw_frame_enter(tw_sparse *s, const tw_frame *up, tw_expr loop, const tw_table *k) {
  tw_frame wanted = {up, loop, k, NULL, NULL};
  if (!up || !k) return NULL;
  for (size_t i = 0; i < s->n_frames; i++) {
    const tw_frame *have = s->frame[i];
    if (!have->up || !tw_same(have->loop, loop)) continue;
    if (have->up == up && have->k == k) return have;
    if (have->up->ids == up->ids) wanted.ids = have->ids;
  }
  if (!wanted.ids) wanted.ids = depends_in_body(s, up, loop);
  return wanted.ids ? frame_add(s, wanted) : NULL;
}

const tw_frame *tw_frame_rebase(tw_sparse *s, const tw_frame *frame, const tw_table *owner) {
  if (!frame || !owner) return NULL;
  if (!frame->up || tw_table_is_identity(owner, frame->k->n)) return frame;
  return tw_frame_enter(s, tw_frame_rebase(s, frame->up, owner), frame->loop,
                        tw_table_compose(s, frame->k, owner));
}

tw_expr tw_frame_inline(tw_sparse *s, const tw_frame *frame, tw_expr node) {
  if (!frame->up || tw_is_none(node)) return node;
  const tw_body *body = ((const tw_loop_attr *)tw_attr_of(frame->loop))->body;
  tw_expr *to = tw_sparse_alloc(s, (size_t)body->n_params, sizeof *to), result = TW_NONE;
  if (!to) return TW_NONE;
  to[0] = tw_table_expr(s, frame->k);
  for (int j = 1; j < body->n_params; j++)
    to[j] = tw_frame_inline(s, frame->up, tw_input_of(frame->loop, j - 1));
  tw_substitute(1, &node, body->n_params, body->params, to, &result);
  return result;
}

/* ------------------------------------------------------------------ the iteration number and reads */

tw_expr tw_sparse_k(tw_sparse *s, int64_t n) {
  for (size_t i = 0; i < s->n_domains; i++)
    if (s->domain[i].n == n) return s->domain[i].k;
  tw_domain_k *grown = one_more(s, s->domain, &s->domain_capacity, s->n_domains, sizeof *grown);
  if (!grown) return TW_NONE;
  s->domain = grown;
  s->domain[s->n_domains++] = (tw_domain_k){n, tw_input(s->graph, "k", TW_I64, TW_SCALAR)};
  return s->domain[s->n_domains - 1].k;
}

int tw_sparse_input(const tw_sparse *s, const tw_frame *frame, tw_expr node) {
  for (int j = 0; j < s->m && !frame->up; j++)
    if (tw_same(s->x[j], node)) return j;
  return -1;
}

tw_expr tw_sparse_read_of(tw_sparse *s, int input, const tw_table *at) {
  if (!at) return TW_NONE;
  if ((int64_t)(s->n_reads - s->piece_reads) > s->most_reads) return TW_NONE; /* more than any piece may have */
  for (size_t i = s->piece_reads; i < s->n_reads; i++)
    if (s->read[i].input == input && s->read[i].at == at) return s->read[i].u;
  tw_read *grown = one_more(s, s->read, &s->read_capacity, s->n_reads, sizeof *grown);
  if (!grown) return TW_NONE;
  s->read = grown;
  tw_expr u = tw_input(s->graph, "u", tw_dtype_of(s->x[input]), TW_SCALAR);
  const tw_table *col = tw_table_scale(s, at, 1, s->offset[input]);
  s->read[s->n_reads++] = (tw_read){at->n, input, at, col, u};
  return u;
}

/* ------------------------------------------------------------------ what depends on constants alone */

enum { CLOSED = 1, COUNTS = 2, OPEN = 4 }; /* constants alone; k of a domain; anything else */

/* What a node itself is, and what its operands make of it. */
static int closedness(tw_sparse *s, tw_expr e, tw_expr k, int depth) {
  int64_t known;
  const tw_op *op = tw_op_of(e);
  if (tw_same(e, k)) return COUNTS;
  if (op == &tw_op_input || op == &tw_op_param || (op->flags & TW_OP_IMPURE)) return OPEN;
  if (tw_arity_of(e) == 0) return CLOSED;
  if (tw_memo_get(&s->closed, (uint64_t)e.id, (uint64_t)k.id, 0, &known)) return (int)known;
  int all = depth > 0 ? CLOSED : OPEN;
  for (int i = 0; i < tw_arity_of(e) && !(all & OPEN); i++)
    all |= closedness(s, tw_input_of(e, i), k, depth - 1);
  if (depth > 0 && !tw_memo_put(&s->closed, (uint64_t)e.id, (uint64_t)k.id, 0, all)) out_of_memory(s);
  return all;
}

bool tw_sparse_closed(tw_sparse *s, tw_expr scalar, int64_t n) {
  enum { DEEP = 500 };
  tw_expr k = tw_sparse_k(s, n);
  return !tw_is_none(scalar) && !tw_is_none(k) && !(closedness(s, scalar, k, DEEP) & OPEN);
}

/* The values at all iterations; false when they cannot be had. */
static bool evaluate(tw_sparse *s, tw_expr scalar, int64_t n, tw_array *out) {
  tw_error error;
  if (!tw_sparse_closed(s, scalar, n)) return false;
  tw_expr all = tw_loop_stack(tw_sparse_k(s, n), n, scalar);
  if (tw_is_none(all)) return false;
  tw_status status = tw_eval(all, out, &error);
  if (status == TW_ERR_MEMORY) out_of_memory(s);
  return status == TW_OK;
}

const tw_table *tw_sparse_numbers(tw_sparse *s, tw_expr scalar, int64_t n) {
  int64_t known;
  if (tw_is_none(scalar)) return NULL;
  if (tw_memo_get(&s->numbers, (uint64_t)scalar.id, (uint64_t)n, 0, &known))
    return (const tw_table *)(intptr_t)known;
  if (tw_dtype_get(tw_dtype_of(scalar))->kind == TW_KIND_FLOAT) return NULL;
  double same;
  if (tw_constant_value(scalar, &same)) return tw_table_constant(s, n, (int64_t)same);
  tw_array values;
  const tw_table *table = NULL;
  if (evaluate(s, tw_cast(scalar, TW_I64), n, &values)) {
    int64_t *at = tw_table_buffer(s, n);
    if (at && n > 0) memcpy(at, values.data, (size_t)n * sizeof *at);
    table = tw_table_own(s, n, at);
    tw_array_free(&values);
  }
  if (!tw_memo_put(&s->numbers, (uint64_t)scalar.id, (uint64_t)n, 0, (int64_t)(intptr_t)table))
    return out_of_memory(s);
  return table;
}

double *tw_sparse_values(tw_sparse *s, tw_expr scalar, int64_t n) {
  tw_array values;
  if (tw_is_none(scalar) || !evaluate(s, tw_cast(scalar, TW_F64), n, &values)) return NULL;
  double *out = malloc(((size_t)n + 1) * sizeof *out);
  if (!out) out_of_memory(s);
  if (out && n > 0) memcpy(out, values.data, (size_t)n * sizeof *out);
  tw_array_free(&values);
  return out;
}

const tw_table *tw_sparse_nonzeros(tw_sparse *s, tw_expr scalar, int64_t n) {
  tw_array values;
  double same;
  if (tw_is_none(scalar) || (tw_constant_value(scalar, &same) && same != 0)) return NULL;
  if (!evaluate(s, tw_ne(scalar, tw_zeros_like(scalar)), n, &values)) return NULL;
  const unsigned char *some = values.data; /* bool is a byte */
  int64_t *at = tw_table_buffer(s, n), count = 0;
  for (int64_t k = 0; at && k < n; k++)
    if (some[k]) at[count++] = k;
  tw_array_free(&values);
  if (at && count < n) return tw_table_own(s, count, at);
  free(at);
  return NULL;
}

const bool *tw_sparse_nonzero_elements(tw_sparse *s, tw_expr array) {
  tw_array values;
  tw_error error;
  const int64_t size = tw_size_of(array);
  if (!tw_sparse_closed(s, array, 1)) return NULL;
  tw_expr some = tw_ne(tw_ravel(array), tw_zeros_like(tw_ravel(array)));
  const tw_status status = tw_is_none(some) ? TW_ERR_ARGUMENT : tw_eval(some, &values, &error);
  if (status == TW_ERR_MEMORY) out_of_memory(s);
  if (status != TW_OK) return NULL;
  const unsigned char *given = values.data; /* bool is a byte */
  bool *mask = tw_sparse_alloc(s, (size_t)size, sizeof *mask), all = true;
  for (int64_t k = 0; mask && k < size; k++) all &= mask[k] = given[k] != 0;
  tw_array_free(&values);
  return all ? NULL : mask;
}

/* ------------------------------------------------------------------ opening and closing */

static bool check(tw_graph *graph, int n, const tw_expr *roots, int m, const tw_expr *x) {
  for (int i = 0; i < n + m; i++) {
    tw_expr e = i < n ? roots[i] : x[i - n];
    if (!tw_is_none(e) && e.graph == graph && tw_is_float(tw_dtype_of(e))) continue;
    tw_graph_fail(graph, TW_ERR_DTYPE,
                  "sparse derivative: %s %d is not a floating-point expression of this graph",
                  i < n ? "output" : "input", i < n ? i : i - n);
    return false;
  }
  return graph->status == TW_OK;
}

bool tw_sparse_open(tw_sparse *s, int n, const tw_expr *roots, int m, const tw_expr *x) {
  tw_graph *graph = n > 0 ? roots[0].graph : NULL;
  *s = (tw_sparse){.graph = graph, .m = m, .x = x};
  if (!graph || !check(graph, n, roots, m, x)) return false;
  s->limit = graph->count;
  s->arena = tw_arena_new();
  if (!s->arena) return out_of_memory(s) != NULL;
  s->offset = tw_sparse_alloc(s, (size_t)m + 1, sizeof *s->offset);
  bool *depends = tw_sparse_alloc(s, (size_t)s->limit, sizeof *depends);
  for (int j = 0; s->offset && j < m; j++) s->offset[j + 1] = s->offset[j] + tw_size_of(x[j]);
  if (s->offset) s->cols = s->offset[m];
  if (!s->offset || !depends || !depends_on_x(s, n, roots, depends)) return false;
  s->top = frame_add(s, (tw_frame){NULL, TW_NONE, NULL, depends, NULL});
  return s->top != NULL;
}

void tw_sparse_close(tw_sparse *s) {
  for (size_t i = 0; i < s->n_owned; i++) free(s->owned[i]);
  free(s->owned);
  free(s->table);
  free(s->frame);
  free(s->domain);
  free(s->read);
  tw_memo_free(&s->elements);
  tw_memo_free(&s->numbers);
  tw_memo_free(&s->sources);
  tw_memo_free(&s->fits);
  tw_memo_free(&s->closed);
  tw_arena_free(s->arena);
}
