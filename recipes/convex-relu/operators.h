/* The linear maps of the convex program, applied without forming them: a product with X and a mask.
 *
 * Vectors u of 2 P blocks of d: v_1 .. v_P, w_1 .. w_P. Block b belongs to pattern i = b mod P.
 *   F u = sum_i D_i X (v_i - w_i)                  n
 *   G u = ((2 D_i - I) X u_b)_b                    2P x n
 *   R u = sum_i D_i (v_i - w_i)', row by row       n x d: (R u)_k is the gradient of the network at x_k, and (F u)_k = x_k' (R u)_k
 * Each costs O(n d P). */
#ifndef CONVEX_RELU_OPERATORS_H
#define CONVEX_RELU_OPERATORS_H

#include "patterns.h"

typedef struct design {
  int64_t n, d;
  int64_t features; /* leading columns that an adversary may change: all but the column of ones */
  const double *x;  /* n x d */
  const double *y;  /* n */
} design;

/* c = A B for row-major A [m, k] and B [k, n], or with their transposes, which are stored instead. */
void product(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const double *a, const double *b, double *c);

typedef struct operators {
  const design *data;
  const patterns *set;
  int64_t blocks; /* 2 P */
  double *t;      /* 2P x n, scratch */
  double *c;      /* P x d, scratch */
} operators;

tw_status operators_open(operators *o, const design *data, const patterns *set, tw_error *error);
void operators_close(operators *o);
static inline const double *mask_of(const operators *o, int64_t block) { return o->set->mask + block % o->set->p * o->set->n; }

void apply_f(const operators *o, const double *u, double *fu);
void apply_f_transposed(const operators *o, const double *g, double *out); /* out: 2P x d */
void apply_g(const operators *o, const double *u, double *gu);
void apply_g_transposed(const operators *o, const double *s, double *out);
void apply_r(const operators *o, const double *u, double *ru);
/* R' m for m n x d. */
void apply_r_transposed(const operators *o, const double *m, double *out);
/* F'F between patterns: out (d x d) = X' D_i D_j X; scratch n x d. */
void gram_block(const operators *o, int64_t i, int64_t j, double *scratch, double *out);
/* The largest violation of G u >= 0. */
double infeasibility(const operators *o, const double *u);

#endif
