/* Rerolling: trees of one shape, equal up to numbers and to which variables they read, become one expression over arrays. */
#ifndef TALWEG_MODEL_REROLL_H
#define TALWEG_MODEL_REROLL_H

#include "model/flat.h"

typedef struct tw_summand { /* of a list, sorted by shape and sign; then in the order of the file */
  int32_t shape, sign, order, node;
} tw_summand;

typedef struct tw_shape_key { /* words of r->word */
  size_t first;
  int32_t length;
  uint64_t hash;
} tw_shape_key;

typedef struct tw_reroll {
  const tw_flat *flat;
  tw_graph *graph;
  tw_expr x;      /* [n] */
  bool failed;    /* out of memory */
  int32_t *shape; /* by node; -1: not known so far */
  size_t *list;   /* by node whose operands may be exchanged: where its summands begin in `summand` */
  int32_t *count; /* and how many there are */
  tw_summand *summand;
  size_t n_summands, summand_capacity;
  int64_t *word;
  size_t n_words, word_capacity;
  tw_shape_key *key; /* by shape */
  size_t n_shapes, shape_capacity;
  int32_t *slot; /* hash table of shapes, -1: free */
  size_t slots;
  tw_expr *group; /* by shape: the common expressions of this shape as one array; NONE: not built */
  int64_t *place; /* by common expression: its place in that array */
} tw_reroll;

/* Shapes of all trees, and the arrays of common expressions. False when out of memory or with the graph's error set. */
bool tw_reroll_open(tw_reroll *r, const tw_flat *flat, tw_graph *graph, tw_expr x);
void tw_reroll_close(tw_reroll *r);
int32_t tw_reroll_shape(tw_reroll *r, int32_t node);
/* Appends what a tree is a sum of: sums in sums are opened. */
bool tw_reroll_collect(tw_reroll *r, int32_t node, tw_summand **list, size_t *count, size_t *capacity);
/* `count` trees of one shape as an array [count], or something that broadcasts to it. */
tw_expr tw_reroll_build(tw_reroll *r, const int32_t *node, int64_t count);
/* x at these positions: a slice where they are evenly spaced. */
tw_expr tw_reroll_read(tw_graph *graph, tw_expr x, int64_t count, const int64_t *position);
/* Constants: one number where all are equal. */
tw_expr tw_reroll_numbers(tw_graph *graph, int64_t count, const double *value);
tw_expr tw_reroll_integers(tw_graph *graph, int64_t count, const int64_t *value);

/* A scalar operator on arrays (scalar_ops.c). Logical results are bool arrays. Of TW_S_PIECEWISE operand 0 is the argument. */
tw_expr tw_scalar_apply(tw_graph *graph, int op, int n, const tw_expr *operand);
tw_expr tw_scalar_real(tw_expr e);
/* A list operator over one axis of an array, and on two of its results. */
tw_expr tw_scalar_reduce(int op, tw_expr e, int axis);
tw_expr tw_scalar_join(int op, tw_expr a, tw_expr b);

#endif
