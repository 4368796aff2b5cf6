/* ranging: how far costs and limits of a linear program may move before its optimal basis changes. Private to the library. */
#ifndef TALWEG_METHOD_RANGING_H
#define TALWEG_METHOD_RANGING_H

#include <talweg/method.h>

/* Of a variable's cost or a row's limit: the basis stays optimal within low .. high, infinite where nothing stops it; there the
 * objective is at_low and at_high. */
typedef struct tw_range {
  bool basic;   /* the variable, or the row's value, is in the basis: it is not at a limit that holds it */
  double value; /* of the variable, or the row */
  double rate;  /* d objective / d value held at its limit: reduced cost, or shadow price; 0 when basic */
  double now;   /* the cost; the limit (of several the active or the nearest one; NaN: none) */
  double low, high, at_low, at_high;
} tw_range;

typedef struct tw_basis_ranges {
  int64_t n, m;
  tw_range *column, *row; /* n, m */
  double objective;       /* of the basis, minimised */
  double moved;           /* how far its vertex is from the solution given, largest entry */
  bool primal_degenerate; /* a basic variable is at its limit: other bases have the same vertex, and other ranges */
  bool dual_degenerate;   /* a rate is zero: other vertices have the same objective */
  size_t bytes;           /* of the block that holds all */
} tw_basis_ranges;

/* The basis is crossed over from a solution x (n) and its row multipliers y (m) by GLPK's simplex method, and ranged by it.
 * TW_ERR_UNSUPPORTED: no linear program, or a build without GLPK; TW_ERR_NUMERIC: the basis was not found. */
tw_status tw_ranges_new(tw_basis_ranges **out, const tw_oracle *oracle, const double *x, const double *y, tw_error *error);
void tw_ranges_free(tw_basis_ranges *ranges);

#endif
