/* factor: the common part of the direct solvers. A backend factors and solves with T, which is A or A'
 * (`flipped`), its columns scaled by powers of two where that helps: T = A S or A' S. factor.c translates. */
#ifndef LINEAR_FACTOR_H
#define LINEAR_FACTOR_H

#include "linear/csc.h"
#include "linear/vec.h"

#include <float.h>
#include <stdlib.h>
#include <talweg/linear.h>

typedef struct factor_ops {
  const char *name;
  size_t size; /* of the backend's struct, which embeds tw_factor first */
  bool square, symmetric, scaled;
  bool tall;                                           /* T must have at least as many rows as columns */
  tw_status (*analyse)(tw_factor *f, tw_error *error); /* of T's pattern; NULL: nothing to do */
  tw_status (*factorize)(tw_factor *f, tw_error *error);
  /* x = T^-1 b, or T'^-1 b when `adjoint`; not square: least squares, or minimum norm when `adjoint`. b and x
   * may be the same memory. */
  tw_status (*solve)(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x,
                     tw_error *error);
  const int64_t *(*order)(const tw_factor *f); /* of elimination; NULL: there is none */
  void (*release)(tw_factor *f); /* what the backend allocated, even when it failed */
} factor_ops;

struct tw_factor {
  const factor_ops *ops;
  tw_factor_kind kind;
  int64_t rows, cols; /* of A */
  bool flipped, ready;
  double *dense;             /* T by columns, overwritten by its factors; dense backends */
  tw_csc sparse;             /* T, the lower triangle when symmetric; sparse backends */
  double *scale;             /* diagonal of S, or NULL */
  double norm_one, norm_inf; /* of A or A' */
  double condition;          /* negative until asked for */
  int64_t positive, negative;
  int64_t replaced; /* pivots that are not the matrix's own */
  const int64_t *given; /* an order of elimination during the analysis, or NULL */
  int refinements; /* most steps of refinement in a solve that does them */
};

/* TW_ERR_MEMORY. */
tw_status factor_no_memory(const tw_factor *f, tw_error *error);
/* TW_ERR_SINGULAR for pivot k of the given value. */
tw_status factor_singular(const tw_factor *f, int64_t k, double pivot, tw_error *error);
/* The same from the rank, when the backend knows no single pivot. */
tw_status factor_deficient(const tw_factor *f, int64_t rank, tw_error *error);

extern const factor_ops factor_dense_lu, factor_dense_cholesky, factor_dense_ldlt, factor_dense_qr;
extern const factor_ops factor_umfpack, factor_cholmod, factor_ldl, factor_spqr, factor_mumps;

static inline int64_t factor_t_rows(const tw_factor *f) {
  return f->flipped ? f->cols : f->rows;
}
static inline int64_t factor_t_cols(const tw_factor *f) {
  return f->flipped ? f->rows : f->cols;
}

/* A pivot that is a difference of terms of this total size is nothing but their rounding errors. The factor
 * 64 finds nine of ten matrices of order 5 to 160 that were singular before they were rounded, and spares
 * condition numbers to 1e13. */
static inline bool factor_is_rounding(double pivot, double terms) {
  return !(fabs(pivot) > 64 * DBL_EPSILON * terms);
}

#endif
