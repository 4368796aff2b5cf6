/* The blocks of an oracle: blocks.c decides what they are, block_run.c answers. */
#ifndef TALWEG_PROBLEM_BLOCK_SET_H
#define TALWEG_PROBLEM_BLOCK_SET_H

#include "problem/summands.h"

enum { TW_PRODUCTS_MOST = 16 };

/* Z = A e(W): row k of W adds A's column k times row k of e(W). */
typedef struct tw_product_of_rows {
  int variable;
  tw_expr node, z;  /* the product, and the input in its place */
  tw_expr row;      /* row k of e(W) in terms of the block */
  tw_expr columns;  /* [p, m]: A', depends on parameters alone */
  bool same;        /* e(W) = W */
  int64_t m, width; /* Z is [m, width] */
  int64_t at;       /* in z */
  double *data;     /* p x m: the value of `columns` */
} tw_product_of_rows;

typedef struct tw_block_part { /* of a variable */
  bool rows;               /* cut into rows; otherwise one block, which z has a copy of */
  tw_expr block;           /* the input that stands for a block; the variable itself when it is one */
  tw_expr prox, row_prox;  /* of the whole variable; of row k in terms of the block */
  tw_expr own;             /* what row k adds to f beside the products; TW_NONE: nothing */
  int64_t count, size, first; /* blocks, their length, the first of them */
  int64_t at;              /* in z when it is one block */
  tw_asker local, nearest, inner; /* own value and gradient; prox; rows of e */
  bool plain;              /* the gradient is that of the products, e(W) = W */
} tw_block_part;

struct tw_block_set {
  const tw_kit *kit;
  const tw_exec *exec;
  void *const *parameters;
  tw_expr k, outer;
  tw_product_of_rows product[TW_PRODUCTS_MOST];
  int products;
  tw_block_part *part; /* of every variable */
  int64_t *start, *size;
  int *of;             /* the variable of a block */
  tw_asker sum, meet;  /* outer and its gradient; z from x */
  tw_asker fixed;      /* the products' columns */
  double *work;        /* rows of e before and after, cotangents */
  const void **more;
  void **out;
  bool stale;
  tw_blocks blocks;
};

tw_status tw_block_set_compile(tw_block_set *s, tw_error *error);

#endif
