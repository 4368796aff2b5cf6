/* Activation patterns of a ReLU layer: D = diag(1[X h >= 0]) for h in R^d. */
#ifndef CONVEX_RELU_PATTERNS_H
#define CONVEX_RELU_PATTERNS_H

#include <talweg/base.h>

/* Distinct patterns, one per row. */
typedef struct patterns {
  int64_t p, n;
  double *mask; /* p x n, 0 or 1 */
  int64_t capacity;
  int64_t *slot; /* hash table of rows: index + 1, 0 where empty; a power of two of slots */
  int64_t slots;
} patterns;

/* x'y */
static inline double dot(int64_t n, const double *x, const double *y) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

enum { PATTERNS_MOST = 1 << 24 /* entries of the mask */ };

void patterns_free(patterns *set);
/* Adds the pattern of the signs a (n numbers, a >= 0 is active) unless it is there. *added may be NULL. */
tw_status patterns_add(patterns *set, int64_t n, const double *a, bool *added, tw_error *error);

/* What is drawn. `reach` > 0: the data are perturbed, D = diag(1[(X + R) h >= 0]) with |R_k|_p <= reach in the first `features`
 * columns; every h gives the pattern of X and of `perturbed` draws of R. */
typedef struct sampling {
  int64_t wanted; /* distinct patterns */
  uint64_t seed;
  double reach, p; /* p >= 1; INFINITY */
  int64_t features, perturbed;
  bool whole; /* starts with D = I, which is the pattern of the column of ones */
} sampling;

/* Draws h ~ N(0, I_d), X n x d, until `wanted` distinct patterns are found, or 1000 + 200 wanted draws have been made: fewer then.
 * O(n d) a draw and expected O(n) to look one up. */
tw_status patterns_sample(patterns *set, int64_t n, int64_t d, const double *x, const sampling *how, tw_error *error);

/* All of them: the cells of the arrangement of the hyperplanes x_k' h = 0. With r = rank X in general position there are
 * 2 sum_{j < r} C(n - 1, j) (Cover, 1965). O(n^(r-2) log n + n^(r-1) n) for r >= 2: TW_ERR_UNSUPPORTED above 2e9 operations or
 * PATTERNS_MOST entries. */
tw_status patterns_enumerate(patterns *set, int64_t n, int64_t d, const double *x, tw_error *error);
/* 2 sum_{j < r} C(n - 1, j). */
double patterns_bound(int64_t n, int64_t rank);

#endif
