/* The parts of an L-BFGS-B iteration. Private to method/gradient/. */
#ifndef TALWEG_METHOD_LBFGSB_H
#define TALWEG_METHOD_LBFGSB_H

#include "method/gradient/box.h"
#include "method/gradient/compact.h"

typedef struct tw_lbfgsb {
  int64_t n;
  tw_box box;
  tw_compact b;
  const double *x, *g;
  double *d;      /* direction; in between, the path's direction and the reduced gradient */
  double *cauchy; /* the generalised Cauchy point */
  double *t;      /* breakpoints of the path */
  int64_t *heap;
  bool *is_free;
  double c[2 * TW_COMPACT_PAIRS]; /* W'(cauchy - x) */
} tw_lbfgsb;

/* Both need K factored in b; subspace leaves another factorization there. */
void tw_lbfgsb_cauchy(tw_lbfgsb *s);
/* d = minimiser over the free variables - x, within the box; false when the matrix is singular. */
bool tw_lbfgsb_subspace(tw_lbfgsb *s);

#endif
