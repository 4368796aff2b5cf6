/* Rewriting of a linear function for arguments with a support. Two forms of an expression e that depends on v:
 *
 *   rows(e)   of e [n]:  e[index], an array [k]
 *   dense(e)  e itself, where no step of its evaluation has the length n
 *
 * Products are where the work is:  rows(A w) = A[index, :] dense(w),  and A s = A[:, index] rows(s) for s that vanishes off the support:
 * together (A'A s)[index] = A[:, index]' (A[:, index] rows(s)), the Gram matrix of the support's columns, which is never formed. */
#include "implicit/restrict.h"

#include "graph/node.h"
#include "graph/ops/matmul.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MOST = 1000, UNKNOWN = 0, YES = 1, NO = 2 };

typedef struct memo {
  char depends, supported;
  bool has_rows, has_dense;
  tw_expr rows, dense;
} memo;

typedef struct restrictor {
  tw_graph *graph;
  tw_expr v, u, index;
  int64_t n, k;
  int32_t limit; /* nodes when opened */
  int32_t *slot; /* by node: 1 + its memo */
  memo *memo;
  int32_t count, capacity;
  int depth;
  bool failed; /* out of memory */
} restrictor;

static tw_expr rows(restrictor *r, tw_expr e);
static tw_expr dense(restrictor *r, tw_expr e);

/* The index of e's memo, -1 out of memory. Memos move when others are made. */
static int32_t memo_of(restrictor *r, tw_expr e) {
  if (e.id >= r->limit) return -1;
  if (r->slot[e.id]) return r->slot[e.id] - 1;
  if (r->count == r->capacity) {
    const int32_t capacity = r->capacity ? 2 * r->capacity : 64;
    memo *more = realloc(r->memo, (size_t)capacity * sizeof *more);
    if (!more) {
      r->failed = true;
      return -1;
    }
    r->memo = more;
    r->capacity = capacity;
  }
  memset(&r->memo[r->count], 0, sizeof *r->memo);
  r->slot[e.id] = ++r->count;
  return r->count - 1;
}

static bool is(tw_expr e, const char *name) { return strcmp(tw_op_of(e)->name, name) == 0; }
static bool is_vector(const restrictor *r, tw_expr e) { return tw_shape_of(e).rank == 1 && tw_size_of(e) == r->n; }
static bool is_zero(tw_expr e) {
  double value;
  return tw_constant_value(e, &value) && value == 0;
}

static bool depends(restrictor *r, tw_expr e) {
  if (tw_same(e, r->v)) return true;
  if (tw_arity_of(e) == 0) return false;
  const int32_t at = memo_of(r, e);
  if (at < 0) return true;
  if (r->memo[at].depends != UNKNOWN) return r->memo[at].depends == YES;
  bool found = ++r->depth > DEPTH_MOST;
  for (int i = 0; i < tw_arity_of(e) && !found; i++) found = depends(r, tw_input_of(e, i));
  r->depth--;
  r->memo[at].depends = found ? YES : NO;
  return found;
}

/* Whether e [n] is zero wherever v is. */
static bool find_supported(restrictor *r, tw_expr e);
static bool supported(restrictor *r, tw_expr e) {
  if (tw_same(e, r->v) || is_zero(e)) return true;
  if (!depends(r, e) || !is_vector(r, e)) return false;
  const int32_t at = memo_of(r, e);
  if (at < 0) return false;
  if (r->memo[at].supported == UNKNOWN) {
    const bool found = ++r->depth <= DEPTH_MOST && find_supported(r, e);
    r->depth--;
    r->memo[at].supported = found ? YES : NO;
  }
  return r->memo[at].supported == YES;
}

static bool find_supported(restrictor *r, tw_expr e) {
  if (is(e, "neg")) return supported(r, tw_input_of(e, 0));
  if (is(e, "mul")) return supported(r, tw_input_of(e, 0)) || supported(r, tw_input_of(e, 1));
  if (is(e, "div")) return supported(r, tw_input_of(e, 0));
  if (is(e, "add") || is(e, "sub")) return supported(r, tw_input_of(e, 0)) && supported(r, tw_input_of(e, 1));
  if (is(e, "where")) return !depends(r, tw_input_of(e, 0)) && supported(r, tw_input_of(e, 1)) && supported(r, tw_input_of(e, 2));
  return false;
}

/* ------------------------------------------------------------------ matrices without v */

static tw_expr some_rows(restrictor *r, tw_expr a);
static tw_expr some_columns(restrictor *r, tw_expr a) {
  if (tw_shape_of(a).rank == 1) return tw_take(a, 1, &r->index);
  if (is(a, "transpose")) return tw_matrix_transpose(some_rows(r, tw_input_of(a, 0)));
  const int64_t q = tw_shape_of(a).dim[0];
  tw_expr both[2] = {tw_reshape(tw_iota(r->graph, TW_I64, q), TW_SHAPE(q, 1)), tw_reshape(r->index, TW_SHAPE(1, r->k))};
  return tw_take(a, 2, both);
}
static tw_expr some_rows(restrictor *r, tw_expr a) {
  if (tw_shape_of(a).rank == 2 && is(a, "transpose")) return tw_matrix_transpose(some_columns(r, tw_input_of(a, 0)));
  return tw_take(a, 1, &r->index);
}

/* A w or w A, w the operand that depends on v; by_rows: its entries at index. */
static tw_expr product(restrictor *r, tw_expr e, bool by_rows) {
  tw_expr a = tw_input_of(e, 0), b = tw_input_of(e, 1);
  const bool left = depends(r, a); /* which operand holds v */
  if (left && depends(r, b)) return TW_NONE;
  const tw_matmul_attr *attr = tw_attr_of(e);
  tw_expr w = left ? a : b, m = left ? b : a;
  if (tw_shape_of(m).rank == 2 && (left ? attr->tb : attr->ta)) m = tw_matrix_transpose(m);
  if (tw_shape_of(w).rank != 1 || tw_shape_of(m).rank > 2 || tw_shape_of(m).rank < 1) return TW_NONE;
  if (by_rows && tw_shape_of(m).rank != 2) return TW_NONE;
  if (by_rows) m = left ? some_columns(r, m) : some_rows(r, m);
  if (is_vector(r, w) && supported(r, w)) {
    if (tw_shape_of(m).rank == 1) m = some_rows(r, m);
    else m = left ? some_rows(r, m) : some_columns(r, m);
    w = rows(r, w);
  } else {
    w = dense(r, w);
  }
  if (tw_is_none(w) || tw_is_none(m)) return TW_NONE;
  return left ? tw_matmul(w, m) : tw_matmul(m, w);
}

/* ------------------------------------------------------------------ the two forms */

/* The node over other operands. */
static tw_expr again(restrictor *r, tw_expr e, const tw_expr *in) {
  return tw_node(r->graph, tw_op_of(e), tw_arity_of(e), in, tw_attr_of(e));
}

static tw_expr elementwise_rows(restrictor *r, tw_expr e) {
  enum { MOST = 3 };
  tw_expr in[MOST];
  const int n = tw_arity_of(e);
  if (n > MOST) return TW_NONE;
  for (int i = 0; i < n; i++) {
    const tw_expr a = tw_input_of(e, i);
    const bool scalar = tw_size_of(a) == 1 && r->n > 1;
    if (!scalar && !is_vector(r, a)) return TW_NONE;
    in[i] = scalar ? (depends(r, a) ? dense(r, a) : a) : rows(r, a);
    if (tw_is_none(in[i])) return TW_NONE;
  }
  return again(r, e, in);
}

static tw_expr find_rows(restrictor *r, tw_expr e) {
  if (tw_op_of(e)->flags & TW_OP_ELEMENTWISE) return elementwise_rows(r, e);
  if (is(e, "matmul")) return product(r, e, true);
  if (is(e, "broadcast") && tw_size_of(tw_input_of(e, 0)) == 1) {
    tw_expr scalar = dense(r, tw_input_of(e, 0));
    return tw_is_none(scalar) ? TW_NONE : tw_broadcast(scalar, TW_SHAPE(r->k));
  }
  return TW_NONE;
}

static tw_expr rows(restrictor *r, tw_expr e) {
  double value;
  if (tw_same(e, r->v)) return r->u;
  if (!is_vector(r, e)) return TW_NONE;
  if (tw_constant_value(e, &value)) return tw_fill(r->graph, tw_dtype_of(e), TW_SHAPE(r->k), value);
  if (!depends(r, e)) return tw_take(e, 1, &r->index);
  int32_t at = memo_of(r, e);
  if (at < 0) return TW_NONE;
  if (r->memo[at].has_rows) return r->memo[at].rows;
  tw_expr found = ++r->depth > DEPTH_MOST ? TW_NONE : find_rows(r, e);
  r->depth--;
  r->memo[at].has_rows = true;
  r->memo[at].rows = found;
  return found;
}

static tw_expr find_dense(restrictor *r, tw_expr e) {
  enum { MOST = 4 };
  tw_expr in[MOST];
  const int n = tw_arity_of(e);
  if (is(e, "matmul")) return product(r, e, false);
  if (is(e, "sum") && tw_size_of(e) == 1 && is_vector(r, tw_input_of(e, 0)) && supported(r, tw_input_of(e, 0))) {
    in[0] = rows(r, tw_input_of(e, 0));
    return tw_is_none(in[0]) ? TW_NONE : tw_sum(in[0], TW_ALL, tw_shape_of(e).rank == 1);
  }
  const bool moves = is(e, "reshape") || is(e, "broadcast") || is(e, "sum") || is(e, "transpose");
  if (n > MOST || !((tw_op_of(e)->flags & TW_OP_ELEMENTWISE) || moves)) return TW_NONE;
  for (int i = 0; i < n; i++) {
    in[i] = tw_input_of(e, i);
    if (depends(r, in[i])) in[i] = dense(r, in[i]);
    if (tw_is_none(in[i])) return TW_NONE;
  }
  return again(r, e, in);
}

static tw_expr dense(restrictor *r, tw_expr e) {
  if (tw_same(e, r->v)) return TW_NONE;
  if (!depends(r, e)) return e;
  int32_t at = memo_of(r, e);
  if (at < 0) return TW_NONE;
  if (r->memo[at].has_dense) return r->memo[at].dense;
  tw_expr found = ++r->depth > DEPTH_MOST ? TW_NONE : find_dense(r, e);
  r->depth--;
  r->memo[at].has_dense = true;
  r->memo[at].dense = found;
  return found;
}

tw_expr tw_restrict(tw_expr e, tw_expr v, tw_expr u, tw_expr index) {
  restrictor r = {
      .graph = e.graph, .v = v, .u = u, .index = index, .n = tw_size_of(v), .k = tw_size_of(u), .limit = tw_graph_nodes(e.graph)};
  r.slot = calloc((size_t)r.limit + 1, sizeof *r.slot);
  tw_expr found = r.slot ? rows(&r, e) : TW_NONE;
  if (!r.slot || r.failed) found = tw_graph_fail(e.graph, TW_ERR_MEMORY, "out of memory restricting a linear system");
  free(r.slot);
  free(r.memo);
  return found;
}
