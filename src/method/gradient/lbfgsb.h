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
  double *d;       /* direction; in between, of the path */
  double *x_trial; /* P(x + d) */
  double *cauchy;  /* the generalised Cauchy point: at first only where a bound stopped the path */
  double *t;       /* breakpoints of the path; then the reduced gradient */
  int64_t *heap;
  bool *is_free;
  double at;                      /* length of the path to the Cauchy point */
  double c[2 * TW_COMPACT_PAIRS]; /* W'(cauchy - x) */
} tw_lbfgsb;

/* Both need K factored in b; subspace leaves another factorization there. */
void tw_lbfgsb_cauchy(tw_lbfgsb *s);
/* d = minimiser over the free variables - x, within the box, and x_trial; *slope = g'd. False when the matrix
 * is singular. */
bool tw_lbfgsb_subspace(tw_lbfgsb *s, double *slope);

#endif
