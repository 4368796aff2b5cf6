/* Sets of columns, one for every element of an array: what each element has a derivative in. */
#ifndef TALWEG_GRAPH_DEPS_H
#define TALWEG_GRAPH_DEPS_H

#include "graph/transform/sparse.h"

/* Sets are numbers: 0 the empty one, 1 + c that of column c alone, and from 1 + cols on those of the pool.
 * Equal sets have equal numbers. */
typedef struct tw_sets {
  int64_t cols, count; /* sets in the pool */
  int64_t *start;      /* count + 1 */
  int32_t *item;
  size_t start_capacity, item_capacity;
  int64_t most, work_most; /* items kept and items looked at; beyond them the sets are called dense */
  int64_t work;
  bool dense; /* that has happened: no more sets are made */
  int32_t *slot; /* open addressing by content */
  int64_t slots;
  tw_memo pairs;  /* unions of two large sets */
  int64_t *stamp; /* by column: last union that had it */
  int64_t stamps;
  int32_t *mixed; /* scratch of a union */
  size_t mixed_capacity;
} tw_sets;
/* For a matrix of rows x cols, whose dense derivative bounds what sparsity can gain: at most 2^22 + 16 rows cols
 * items (and never more than 2^24 + 16 (rows + cols)) are kept, and 2^26 + 256 rows cols looked at. False: out
 * of memory. */
bool tw_sets_open(tw_sets *sets, int64_t rows, int64_t cols);
void tw_sets_close(tw_sets *sets);
/* The union of n sets; -1 out of memory or dense. O(n) where one of them has all columns. */
int64_t tw_sets_join(tw_sets *sets, int64_t n, const int32_t *set);
int64_t tw_sets_size(const tw_sets *sets, int32_t set);
/* The columns of a set; those of one column use *one. */
const int32_t *tw_sets_items(const tw_sets *sets, int32_t set, int32_t *one);

/* The place of an element by iteration. */
typedef struct tw_origin {
  const tw_frame *frame;
  tw_expr node;
  const tw_table *at;
  bool later; /* left for another walk */
} tw_origin;
static inline tw_origin tw_origin_of(const tw_frame *frame, tw_expr node, const tw_table *at) {
  return (tw_origin){frame, node, at, false};
}

typedef struct tw_deps {
  tw_sparse *s;
  tw_sets sets;
  tw_memo known; /* by frame, node and table: sets by iteration */
  /* By node outside of loops: the sets of all its elements, once they are made; any table looks them up. */
  const int32_t **whole;
  int depth; /* of unions within unions */
  bool deep; /* too many: nothing was found */
} tw_deps;

bool tw_deps_open(tw_deps *d, tw_sparse *s, int64_t rows); /* false with the graph's error set */
void tw_deps_close(tw_deps *d);

/* Sets by iteration; they live as long as the workshop. NULL with the graph's error set, or, without one,
 * where it would be too much. The stack needed is bounded, whatever the depth of the graph. */
const int32_t *tw_deps_of(tw_deps *d, tw_origin p);
/* Makes the sets of the nodes below `roots` from the leaves up, so that no union is far from the ones it is made
 * of; for chains on which tw_deps_of found itself too deep. False as NULL above. */
bool tw_deps_from_leaves(tw_deps *d, int n, const tw_expr *roots);
int32_t *tw_deps_alloc(tw_deps *d, int64_t n); /* zeros */
bool tw_deps_memory(tw_deps *d);               /* false, with the graph's error set */
bool tw_deps_join_sets(tw_deps *d, int32_t *to, int64_t n, const int32_t *set);
/* Joins what p is made of to out, where no element of p comes from one element of each operand. */
bool tw_deps_join(tw_deps *d, int32_t *out, tw_origin p);

#endif
