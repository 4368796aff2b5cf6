/* work: how a method names the vectors of its state. */
#ifndef TALWEG_METHOD_WORK_H
#define TALWEG_METHOD_WORK_H

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <talweg/method.h>

#include "linear/vec.h"
#include "method/common.h"

/* One vector of a method's state: tw_run_vector(run, name, n) goes to *at. */
typedef struct tw_slot {
  const char *name;
  int64_t n;
  double **at;
} tw_slot;

/* Fetches every slot up to the one whose name is NULL (run->error is set on failure). */
static inline tw_status tw_fetch(tw_run *run, const tw_slot *slots) {
  for (; slots->name; slots++)
    if (!(*slots->at = tw_run_vector(run, slots->name, slots->n))) return TW_ERR_MEMORY;
  return TW_OK;
}

static inline double vec_norm_inf(int64_t n, const double *x) {
  return tw_vec_norm_inf(x, (size_t)n);
}

/* z = x + a y */
static inline void vec_add(int64_t n, const double *x, double a, const double *y, double *z) {
  for (int64_t i = 0; i < n; i++) z[i] = x[i] + a * y[i];
}

/* z = x - y */
static inline void vec_sub(int64_t n, const double *x, const double *y, double *z) {
  for (int64_t i = 0; i < n; i++) z[i] = x[i] - y[i];
}

/* x moved into [lower, upper]; NULL bounds are infinite. */
static inline void vec_clip(int64_t n, const double *lower, const double *upper, double *x) {
  for (int64_t i = 0; i < n; i++) {
    if (lower && x[i] < lower[i]) x[i] = lower[i];
    if (upper && x[i] > upper[i]) x[i] = upper[i];
  }
}

/* max_i |s_i| / |x_i| <= factor * DBL_EPSILON: s is below the spacing of the numbers around x. */
static inline bool vec_at_rounding(int64_t n, const double *s, const double *x, double factor) {
  for (int64_t i = 0; i < n; i++)
    if (!(fabs(s[i]) <= factor * DBL_EPSILON * fabs(x[i]))) return false;
  return true;
}

#endif
