/* Pieces of a product. They depend on the shapes alone, each is computed by one thread in one way, and
 * partial sums are joined in one order: the result has the same bits whatever the threads. */
#include "graph/ops/matmul.h"

enum {
  PIECE = 1 << 18, /* multiplications worth a piece of their own */
  BLOCK = 256,     /* rows and columns of a block of C, halved where that makes fewer than MANY */
  MANY = 16,
  THIN = 16,      /* rows or columns of a C that is cut along the other side alone */
  SMALL_C = 4096, /* elements of C up to which the inner extent may be cut, too */
  LONG_C = 32768, /* the same of A'B with a thin C: pieces are then rows of A, which lie one after the other */
  DEPTH = 1024    /* the least inner extent of a cut */
};

typedef struct plan {
  tw_product whole; /* one entry of the stack */
  tw_matrices stack;
  int64_t group;                                /* entries to a piece when entries are small, else 1 */
  int64_t rows, cols, depth;                    /* extents of a piece of one entry */
  int64_t row_pieces, col_pieces, depth_pieces; /* of one entry */
  int64_t pieces;
} plan;

static int64_t at_least(int64_t least, int64_t x) {
  return x > least ? x : least;
}
static int64_t pieces_of(int64_t extent, int64_t piece) {
  return extent > piece ? (extent + piece - 1) / piece : 1;
}

tw_matmul_extents tw_matmul_extents_of(const tw_shape *a, const tw_shape *b, const tw_matmul_attr *attr) {
  tw_matmul_extents e = {1, 1, a->dim[a->rank - 1], b->dim[0]};
  if (a->rank > 1) {
    e.m = a->dim[a->rank - (attr->ta ? 1 : 2)];
    e.k_a = a->dim[a->rank - (attr->ta ? 2 : 1)];
  }
  if (b->rank > 1) {
    e.k_b = b->dim[b->rank - (attr->tb ? 1 : 2)];
    e.n = b->dim[b->rank - (attr->tb ? 2 : 1)];
  }
  return e;
}

/* Cuts one entry: a small C by its inner extent, a thin one by its long side, others into square blocks. */
static void cut_entry(plan *p) {
  int64_t m = p->whole.m, n = p->whole.n, k = p->whole.k;
  p->rows = m, p->cols = n, p->depth = k;
  double work = (double)m * (double)n * (double)k;
  if (work >= 2.0 * PIECE) {
    const int64_t most = p->whole.ta && n <= THIN ? LONG_C : SMALL_C;
    if (m * n <= most && k >= 2 * DEPTH && p->stack.count == 1)
      p->depth = at_least(DEPTH, PIECE / (m * n));
    else if (n <= THIN)
      p->rows = at_least(BLOCK / 4, PIECE / (n * k));
    else if (m <= THIN)
      p->cols = at_least(BLOCK / 4, PIECE / (m * k));
    else
      p->rows = p->cols = pieces_of(m, BLOCK) * pieces_of(n, BLOCK) < MANY ? BLOCK / 2 : BLOCK;
  }
  p->row_pieces = pieces_of(m, p->rows);
  p->col_pieces = pieces_of(n, p->cols);
  p->depth_pieces = pieces_of(k, p->depth);
  int64_t of_entry = p->row_pieces * p->col_pieces * p->depth_pieces;
  p->group = of_entry > 1 || work >= PIECE ? 1 : (int64_t)(PIECE / (work > 1 ? work : 1));
  p->pieces = p->group > 1 ? pieces_of(p->stack.count, p->group) : p->stack.count * of_entry;
}

tw_product tw_matmul_product(tw_expr node, tw_matrices *stack) {
  const tw_matmul_attr *attr = tw_attr_of(node);
  const tw_shape a = tw_shape_of(tw_input_of(node, 0)), b = tw_shape_of(tw_input_of(node, 1));
  const tw_matmul_extents e = tw_matmul_extents_of(&a, &b, attr);
  tw_product p = {.dtype = tw_dtype_of(node),
                  .m = e.m,
                  .n = e.n,
                  .k = e.k_a,
                  .ta = attr->ta && a.rank > 1,
                  .tb = attr->tb && b.rank > 1,
                  .lda = a.rank > 1 ? a.dim[a.rank - 1] : e.k_a,
                  .ldb = b.rank > 1 ? b.dim[b.rank - 1] : 1,
                  .ldc = e.n};
  *stack = tw_matrices_make(&a, a.rank < 2 ? a.rank : 2, &b, b.rank < 2 ? b.rank : 2);
  if (b.rank <= 2 && !p.ta) { /* one matrix on the right: the stack on the left is one tall matrix */
    p.m *= stack->count;
    *stack = (tw_matrices){.count = 1};
  }
  return p;
}

static plan plan_of(tw_expr node) {
  plan p;
  p.whole = tw_matmul_product(node, &p.stack);
  cut_entry(&p);
  return p;
}

/* ------------------------------------------------------------------ pieces */

typedef struct matmul_task {
  const plan *plan;
  const void *a, *b;
  void *c, *partial;
} matmul_task;

static void entry_operands(const matmul_task *t, int64_t entry, const void **a, const void **b, void **c) {
  const tw_product *w = &t->plan->whole;
  int64_t matrix[2] = {0, 0};
  if (t->plan->stack.count > 1) tw_matrices_at(&t->plan->stack, entry, matrix);
  *a = tw_dense_at(w->dtype, t->a, matrix[0] * w->m * w->k);
  *b = tw_dense_at(w->dtype, t->b, matrix[1] * w->k * w->n);
  *c = tw_dense_put(w->dtype, t->c, entry * w->m * w->n);
}

/* Entries in a row of the last stack axis lie evenly apart. */
static void matmul_group(const matmul_task *t, int64_t tile) {
  const plan *p = t->plan;
  const tw_product *w = &p->whole;
  int64_t entry = tile * p->group, end = entry + p->group, last = p->stack.rank - 1;
  if (end > p->stack.count) end = p->stack.count;
  while (entry < end) {
    const void *a, *b;
    void *c;
    int64_t left = last < 0 ? 1 : p->stack.dim[last] - entry % p->stack.dim[last];
    int64_t run = left < end - entry ? left : end - entry;
    int64_t step_a = last < 0 ? 0 : p->stack.step[0][last], step_b = last < 0 ? 0 : p->stack.step[1][last];
    entry_operands(t, entry, &a, &b, &c);
    for (int64_t i = 0; i < run; i++)
      tw_dense_product(w, tw_dense_at(w->dtype, a, i * step_a * w->m * w->k),
                       tw_dense_at(w->dtype, b, i * step_b * w->k * w->n),
                       tw_dense_put(w->dtype, c, i * w->m * w->n));
    entry += run;
  }
}

static int64_t clip(int64_t extent, int64_t first, int64_t piece) {
  return extent - first < piece ? extent - first : piece;
}

static void matmul_piece(void *context, int64_t tile, int worker) {
  (void)worker;
  const matmul_task *t = context;
  const plan *p = t->plan;
  if (p->group > 1) {
    matmul_group(t, tile);
    return;
  }
  const void *a, *b;
  void *c;
  int64_t of_entry = p->row_pieces * p->col_pieces * p->depth_pieces, in_entry = tile % of_entry;
  entry_operands(t, tile / of_entry, &a, &b, &c);
  int64_t depth_piece = in_entry % p->depth_pieces, block = in_entry / p->depth_pieces;
  int64_t i = block / p->col_pieces * p->rows, j = block % p->col_pieces * p->cols,
          l = depth_piece * p->depth;
  tw_product part = p->whole;
  part.m = clip(p->whole.m, i, p->rows);
  part.n = clip(p->whole.n, j, p->cols);
  part.k = clip(p->whole.k, l, p->depth);
  a = tw_dense_at(part.dtype, a, part.ta ? l * part.lda + i : i * part.lda + l);
  b = tw_dense_at(part.dtype, b, part.tb ? j * part.ldb + l : l * part.ldb + j);
  if (p->depth_pieces > 1) /* then C is one block */
    c = tw_dense_put(part.dtype, t->partial, depth_piece * part.m * part.n);
  else
    c = tw_dense_put(part.dtype, c, i * part.ldc + j);
  tw_dense_product(&part, a, b, c);
}

#define JOIN(type, wide)                                                                                     \
  do {                                                                                                       \
    type *x = t->partial;                                                                                    \
    for (int64_t step = 1; step < pieces; step *= 2)                                                         \
      for (int64_t q = 0; q + step < pieces; q += 2 * step)                                                  \
        for (int64_t i = 0; i < size; i++)                                                                   \
          x[q * size + i] = (type)((wide)x[q * size + i] + (wide)x[(q + step) * size + i]);                  \
  } while (0)

/* C = the partial products added up in pairs. */
static void join_partials(const matmul_task *t) {
  const tw_product *w = &t->plan->whole;
  int64_t pieces = t->plan->depth_pieces, size = w->m * w->n;
  switch (w->dtype) {
  case TW_F64:
    JOIN(double, double);
    break;
  case TW_F32:
    JOIN(float, float);
    break;
  case TW_I64:
    JOIN(int64_t, uint64_t);
    break;
  default:
    JOIN(int32_t, uint32_t);
    break;
  }
  tw_dense_copy(w->dtype, 1, size, t->partial, size, t->c, size);
}

tw_status tw_matmul_kernel(const tw_call *call) {
  plan p = plan_of(call->node);
  matmul_task t = {&p, call->in[0], call->in[1], call->out, call->scratch};
  if (p.pieces == 1 && p.stack.count == 1)
    tw_dense_product(&p.whole, t.a, t.b, t.c);
  else
    tw_parallel(call->exec ? call->exec->threads : 1, p.pieces, matmul_piece, &t);
  if (p.depth_pieces > 1) join_partials(&t);
  return TW_OK;
}

size_t tw_matmul_scratch(tw_expr node) {
  plan p = plan_of(node);
  if (p.depth_pieces <= 1) return 0;
  return (size_t)(p.depth_pieces * p.whole.m * p.whole.n) * tw_dtype_get(p.whole.dtype)->size;
}
