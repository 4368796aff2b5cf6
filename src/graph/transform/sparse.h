/* The workshop of sparse derivatives: what one derivation of `roots` in the inputs x_0 .. x_{m-1} (taken as
 * one flat vector) knows and makes.
 *
 * Everything is asked for "at iteration k of a domain 0 .. n-1": a table gives the element of an array that
 * is meant at each iteration, a frame says in which loop's body a node stands. So index sets are never
 * expanded into scalars; what an index expression is worth is evaluated once, for all iterations.
 *
 * Cost: tables are as long as domains, which nest no further than some times the dense matrix or the largest
 * array or loop; elements and terms are followed to a limited depth, and what lies deeper is a rest. */
#ifndef TALWEG_GRAPH_SPARSE_H
#define TALWEG_GRAPH_SPARSE_H

#include "graph/memo.h"
#include "graph/transform/sparsity.h"

/* ------------------------------------------------------------------ tables (sparse_table.c, sparse_fit.c) */

/* Integers by iteration; equal tables of one workshop are the same table. */
typedef struct tw_table {
  int64_t n;
  const int64_t *at; /* NULL: base + step k */
  int64_t base, step;
  uint64_t hash;
} tw_table;

static inline int64_t tw_table_at(const tw_table *t, int64_t k) {
  return t->at ? t->at[k] : t->base + t->step * k;
}

/* The loop body in which a node stands: param 0 is `k`, param j the loop's operand j-1, which stands in `up`.
 */
typedef struct tw_frame {
  const struct tw_frame *up;
  tw_expr loop;      /* NONE: the graph itself */
  const tw_table *k; /* of the domain from which the frame is looked at */
  /* Nodes with a derivative in x that is not zero by its structure: of the whole graph by id, of a body their
   * ids in order. */
  const bool *depends;
  const struct tw_ids *ids;
} tw_frame;

typedef struct tw_ids {
  int32_t count, id[];
} tw_ids;

/* Element at[k] of input `input`, read at iteration k: `u` stands for it in expressions of the domain. Each
 * piece has reads of its own, so that all pieces can be differentiated at once. */
typedef struct tw_read {
  int64_t n;
  int input;
  const tw_table *at, *col; /* in the input, in the flat vector */
  tw_expr u;
} tw_read;

typedef struct tw_domain_k {
  int64_t n;
  tw_expr k; /* i64 scalar */
} tw_domain_k;

typedef struct tw_sparse {
  tw_graph *graph;
  tw_arena *arena;
  int m;
  const tw_expr *x;
  int64_t *offset; /* m + 1 */
  int64_t cols;    /* flat length */
  int32_t limit;   /* nodes when opened */
  const tw_frame *top;
  tw_frame **frame;
  size_t n_frames, frame_capacity;
  tw_table **table; /* open addressing; NULL: free */
  size_t n_tables, table_capacity;
  void **owned; /* released at the end */
  size_t n_owned, owned_capacity;
  tw_domain_k *domain;
  size_t n_domains, domain_capacity;
  tw_read *read;
  size_t n_reads, read_capacity;
  uint32_t piece;     /* whose reads are being made; 0: x is looked up as it is */
  size_t piece_reads; /* where they begin */
  tw_memo elements, numbers, sources, fits, closed;
  const tw_table
      *split; /* why an element was refused: it differs in kind between iterations with different labels */
  int64_t visits;      /* nodes looked at by tw_element */
  int depth;           /* of tw_element in itself */
  int64_t most_reads;  /* of a piece */
  int64_t domain_most; /* iterations of nested domains: some times the dense matrix, the largest array or loop */
} tw_sparse;

/* False with the graph's error set on failure. */
bool tw_sparse_open(tw_sparse *s, int n, const tw_expr *roots, int m, const tw_expr *x);
void tw_sparse_close(tw_sparse *s);
/* Memory that lives as long as the workshop; NULL sets the graph's error. */
void *tw_sparse_alloc(tw_sparse *s, size_t count, size_t size);

/* NULL with the graph's error set when out of memory; so for all that make tables. */
int64_t *tw_table_buffer(tw_sparse *s, int64_t n);
const tw_table *tw_table_own(tw_sparse *s, int64_t n,
                             int64_t *at); /* takes over a buffer (NULL stays NULL) */
const tw_table *tw_table_affine(tw_sparse *s, int64_t n, int64_t base, int64_t step);
static inline const tw_table *tw_table_identity(tw_sparse *s, int64_t n) {
  return tw_table_affine(s, n, 0, 1);
}
static inline const tw_table *tw_table_constant(tw_sparse *s, int64_t n, int64_t c) {
  return tw_table_affine(s, n, c, 0);
}
/* outer[inner[k]]; a t + b; floor(t / d); t mod d (of t >= 0). Operands may be NULL: then so is the result.
 */
const tw_table *tw_table_compose(tw_sparse *s, const tw_table *outer, const tw_table *inner);
const tw_table *tw_table_scale(tw_sparse *s, const tw_table *t, int64_t a, int64_t b);
const tw_table *tw_table_divide(tw_sparse *s, const tw_table *t, int64_t d);
const tw_table *tw_table_remainder(tw_sparse *s, const tw_table *t, int64_t d);
/* scale a + b, element by element */
const tw_table *tw_table_sum(tw_sparse *s, const tw_table *a, int64_t scale, const tw_table *b);
void tw_table_range(const tw_table *t, int64_t *low, int64_t *high);
bool tw_table_is_identity(const tw_table *t, int64_t size);
/* For every label, smallest first, the iterations that have it: *count tables (arena-owned); labels in
 * `label`. */
bool tw_table_partition(tw_sparse *s, const tw_table *labels, int *count, const tw_table ***part,
                        int64_t **label);

/* The iteration number of the domain 0 .. n-1 as an i64 scalar. */
tw_expr tw_sparse_k(tw_sparse *s, int64_t n);
/* The table as an i64 scalar of its domain's k: affine, in few affine pieces, affine in the digits of k, or a
 * constant map. */
tw_expr tw_table_expr(tw_sparse *s, const tw_table *t);

/* ------------------------------------------------------------------ frames and evaluation (sparse_open.c) */

const tw_frame *tw_frame_enter(tw_sparse *s, const tw_frame *up, tw_expr loop, const tw_table *k);
/* The frame seen from a domain whose iteration k is owner[k] of the old one. */
const tw_frame *tw_frame_rebase(tw_sparse *s, const tw_frame *frame, const tw_table *owner);
/* The node as an expression of the whole graph and its domain's k. */
tw_expr tw_frame_inline(tw_sparse *s, const tw_frame *frame, tw_expr node);
bool tw_frame_depends(const tw_frame *frame, tw_expr node);
/* 0: the iteration number, j: operand j - 1 of the loop; -1: no param */
int tw_param_number(tw_expr node);
/* Which x the node is, -1: none. Inside bodies, none. */
int tw_sparse_input(const tw_sparse *s, const tw_frame *frame, tw_expr node);
/* Of the piece that is being made. */
tw_expr tw_sparse_read_of(tw_sparse *s, int input, const tw_table *at);

/* True when the scalar depends on constants and the domain's k alone. */
bool tw_sparse_closed(tw_sparse *s, tw_expr scalar, int64_t n);
/* Its integer values at all iterations; NULL when it is not closed or cannot be evaluated (no error). */
const tw_table *tw_sparse_numbers(tw_sparse *s, tw_expr scalar, int64_t n);
/* Its values as f64, malloc'd; NULL likewise. */
double *tw_sparse_values(tw_sparse *s, tw_expr scalar, int64_t n);
/* The iterations at which a closed scalar is not 0; NULL: all, or it is not closed. */
const tw_table *tw_sparse_nonzeros(tw_sparse *s, tw_expr scalar, int64_t n);
/* Which elements of an array outside of loops are not 0, by position; NULL: all, or it is not closed. */
const bool *tw_sparse_nonzero_elements(tw_sparse *s, tw_expr array);

/* ------------------------------------------------------------------ where elements come from
 * (sparse_place.c) */

/* Positions in operand i of an element-wise node. */
const tw_table *tw_place_operand(tw_sparse *s, tw_expr node, int i, const tw_table *at);
/* Ops that only move elements and fill with zeros. */
bool tw_is_move(tw_expr node);
/* Where operand i begins when all lie one after the other; arity + 1 places. */
const int64_t *tw_place_begin(tw_sparse *s, tw_expr node);
/* 0: zero, else 1 + position in the operands one after the other. */
const tw_table *tw_place_moved(tw_sparse *s, tw_expr node, const tw_table *at);
/* Parts moved positions by operand. When all come from one operand: *from is it (-1: zeros) and *position the
 * positions in it. Otherwise *position is NULL. The labels are operands, -1 for zeros. */
const tw_table *tw_place_labels(tw_sparse *s, int arity, const int64_t *begin, const tw_table *moved,
                                int64_t *from, const tw_table **position);
/* The slot of leading axes of `shape` that n index nodes name at positions p of theirs; elements of a slot.
 */
const tw_table *tw_place_slots(tw_sparse *s, const tw_frame *frame, int n, const tw_expr *index,
                               const tw_shape *shape, const tw_table *p);
int64_t tw_place_tail(const tw_shape *shape, int n);
/* The place in an array whose axis has `length` elements that an index along that axis names at each position
 * of its. */
const tw_table *tw_place_along(tw_sparse *s, const tw_frame *frame, tw_expr index, int axis, int64_t length,
                               const tw_table *at);
/* Positions in operand 0 of take and take_along; NULL (without an error) where they are not known. */
const tw_table *tw_place_taken(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at);
/* Reductions (reduction.h) and products of matrices: how many elements make one. */
int64_t tw_place_fan(tw_expr node);
/* The q-th element of the operand of a reduction. */
const tw_table *tw_place_reduced(tw_sparse *s, tw_expr node, const tw_table *at, const tw_table *q);
/* Products of matrices: operand 0 or 1 of term q. */
const tw_table *tw_place_factor(tw_sparse *s, tw_expr node, int operand, const tw_table *at,
                                const tw_table *q);
/* Scattered sums (sparse_scatter.c): contribution c goes to slot[c]. */
typedef struct tw_scatter {
  int64_t tail; /* elements of a slot */
  const tw_table *slot;
} tw_scatter;
/* Of scatter_add and scatter_along nodes and of SCATTER results of loops, outside other loops. False when not
 * known. */
bool tw_scatter_of_node(tw_sparse *s, tw_expr node, tw_scatter *out);
bool tw_scatter_of_result(tw_sparse *s, tw_expr loop, int result, tw_scatter *out);
/* For every iteration k the contributions to the slot of at[k]: `owner` is k, `which` the contribution,
 * `tail` the place in the slot. False when they are too many. */
bool tw_place_scattered(tw_sparse *s, const tw_scatter *scatter, const tw_table *at, const tw_table **owner,
                        const tw_table **which, const tw_table **tail);
/* The target of a packed loop that holds each position. */
const tw_table *tw_place_target(tw_sparse *s, tw_expr loop, const tw_table *at);
/* Domains with more iterations are not made. */
#define TW_DOMAIN_MOST (INT64_C(1) << 25)
/* n x fan: iterations repeated, `fan` times each, and the number of the repetition. NULL when too many: more
 * than TW_DOMAIN_MOST, or, where both are above 1, than `domain_most`. */
const tw_table *tw_place_repeat(tw_sparse *s, int64_t n, int64_t fan);
const tw_table *tw_place_digit(tw_sparse *s, int64_t n, int64_t fan);

/* ------------------------------------------------------------------ elements (sparse_element.c) */

/* Element at[k] of `node` as a scalar of the domain's k and of reads of x. TW_NONE where there is no such
 * scalar of moderate size and depth: then s->split may hold labels that part the domain into pieces on which there is
 * one. */
tw_expr tw_element(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at);
/* Which operand of a `where` node is chosen at all iterations; 0: not known beforehand, -1: it differs
 * (s->split) or failed. */
int tw_element_branch(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at);

/* The same of a node without derivative: always found. */
tw_expr tw_element_fixed(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at);
/* Of products of matrices (sparse_product.c): at most `most` terms. */
tw_expr tw_element_of_product(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at,
                              int64_t most);

/* ------------------------------------------------------------------ terms (sparse_term.c) */

/* A factor of a term that has no derivative. */
typedef struct tw_weight {
  const struct tw_weight *next;
  bool divides;
  const tw_frame *frame;
  tw_expr node;
  const tw_table *at;
} tw_weight;

/* Adds node[at[k]], weighted, to element row[k] of the whole, for all k. */
typedef struct tw_term {
  int64_t n;
  const tw_table *row;
  bool negative;
  const tw_weight *weight;
  const tw_frame *frame;
  tw_expr node;
  const tw_table *at;
  int steps; /* nodes it was followed through */
} tw_term;
/* A value of the term's domain times its weights and sign. */
tw_expr tw_weighted(tw_sparse *s, const tw_term *term, tw_expr value);

typedef struct tw_piece { /* a term that became a scalar of reads */
  int64_t n;
  const tw_table *row;
  tw_expr value;
  size_t first; /* of its reads */
  int reads;
} tw_piece;

typedef struct tw_pieces {
  tw_piece *piece;
  size_t n_pieces, piece_capacity;
  tw_term *rest; /* terms that did not */
  size_t n_rest, rest_capacity;
  bool curved;    /* only second derivatives matter: linear terms are dropped */
  int most_reads; /* of a piece */
} tw_pieces;
/* Parts `e` into pieces; false with the graph's error set on failure. Release with tw_pieces_free. */
bool tw_pieces_make(tw_sparse *s, tw_expr e, tw_pieces *out);
void tw_pieces_free(tw_pieces *pieces);

/* ------------------------------------------------------------------ entries (sparse_entry.c,
 * sparse_assemble.c) */

/* Adds value(k) to entry (row[k], col[k]) of the matrix, for all k. */
typedef struct tw_entry {
  int64_t n;
  const tw_table *row, *col;
  tw_expr value; /* of the domain's k and reads */
} tw_entry;

typedef struct tw_entries {
  tw_entry *entry;
  size_t count, capacity;
} tw_entries;
/* First derivatives of pieces by what they read; second ones, lower triangle, of pieces in one row.
 * Structural zeros are left out. False with the graph's error set on failure. */
bool tw_entries_first(tw_sparse *s, const tw_pieces *pieces, tw_entries *out);
bool tw_entries_second(tw_sparse *s, const tw_pieces *pieces, tw_entries *out);

/* What is known of a part of the matrix beside entries: values[p] goes to (row[p], col[p]). */
typedef struct tw_part {
  const tw_table *row, *col;
  tw_expr values;
} tw_part;
/* The pattern of all, and its values as an expression (`values` may be NULL). */
bool tw_assemble(tw_sparse *s, int64_t rows, const tw_entries *entries, const tw_part *part, tw_dtype dtype,
                 tw_pattern *pattern, tw_expr *values);

/* ------------------------------------------------------------------ patterns (pattern.c) */

/* The pattern of entries (row[i][k], col[i][k]); false with the graph's error set when out of memory. */
bool tw_pattern_of(tw_graph *graph, int64_t rows, int64_t cols, size_t n, const tw_table *const *row,
                   const tw_table *const *col, tw_pattern *out);
#endif
