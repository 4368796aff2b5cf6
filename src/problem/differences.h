/* Derivatives by central differences, inside bounds. */
#ifndef TALWEG_PROBLEM_DIFFERENCES_H
#define TALWEG_PROBLEM_DIFFERENCES_H

#include <talweg/problem.h>

/* out[0 .. count) = F(x). */
typedef tw_status tw_vector_function(void *context, const double *x, double *out, tw_error *error);

typedef struct tw_differences {
  tw_vector_function *function;
  void *context;
  int64_t n, count;
  const double *lower, *upper; /* NULL: none */
  double *point;               /* n */
  double *near, *far;          /* count each */
} tw_differences;

bool tw_differences_open(tw_differences *d, tw_vector_function *function, void *context, int64_t n, int64_t count,
                         const double *lower, const double *upper);
void tw_differences_close(tw_differences *d);

/* out[k * stride] = dF_k / dx_i. Step eps^(1/3) max(1, |x_i|), where the error of truncation, h^2, meets that of rounding,
 * eps/h. At a bound the second-order formula of one side. Two to three evaluations. */
tw_status tw_difference_column(tw_differences *d, const double *x, int64_t i, double *out, int64_t stride, tw_error *error);
/* out = dF/dx v, along the direction v: two evaluations, three where the bounds leave room on one side only.
 */
tw_status tw_difference_along(tw_differences *d, const double *x, const double *v, double *out, tw_error *error);

#endif
