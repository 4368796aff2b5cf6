/* Solutions found by the caller's own solver. */
#ifndef TALWEG_IMPLICIT_CUSTOM_H
#define TALWEG_IMPLICIT_CUSTOM_H

#include "implicit/argmin.h"

/* F(x, theta) = 0, or x = F(x, theta), as a nested problem of one variable: theta[0 .. n_theta-1], then what f holds beside.
 * NULL with the graph's error set. */
const tw_nested *tw_equations_close(tw_expr x, tw_expr f, bool fixed_point, int n_theta, const tw_expr *theta, const char *options);

tw_argmin_evidence tw_custom_evidence_of(const void *state);
/* The error of tw_argmin_exactness. */
double tw_custom_derivative_error(void *state);

extern const tw_op tw_op_custom;

#endif
