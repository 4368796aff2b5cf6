/* propagate: bounds of variables that rows imply (Brearley, Mitra & Williams 1975; Savelsbergh 1994). Of rl <= a_j x_j + rest <= ru the
 * bounds of the rest leave  x_j <= (ru - least of the rest) / a_j  where a_j > 0, and so on. Private to method/program. */
#ifndef TALWEG_METHOD_PROPAGATE_H
#define TALWEG_METHOD_PROPAGATE_H

#include "method/program/qp.h"

typedef struct tw_bounded_rows {
  const tw_csc *at;       /* A': row i is its column i */
  const double *l, *u;    /* n */
  const int64_t *columns; /* n: INT64_MAX at those that count; NULL: all do */
} tw_bounded_rows;

typedef struct tw_activity { /* of a row within l and u */
  double least, most, size;  /* size: the sum of the sizes of what makes up both */
  int64_t least_infinite, most_infinite; /* terms without limit, which the sums leave out */
} tw_activity;
/* Of row i without column `but` (-1: none). */
tw_activity tw_row_activity(const tw_bounded_rows *r, int64_t i, int64_t but);

typedef struct tw_implied {
  int64_t i, j;
  double a;   /* of x_j in row i */
  int limit;  /* of the row, that implies it: 1 the upper one, -1 the lower one */
  bool upper; /* x_j <= bound, else x_j >= bound */
  double bound;
} tw_implied;
/* May shrink l and u of column j. False: enough. */
typedef bool tw_take_implied(void *context, const tw_implied *implied);

/* Every bound that the limits rl and ru of row i and its activity imply, but for those that rounding blurs, of columns with |a| >= pivot.
 * False: `take` said so. O(entries of the row). */
bool tw_propagate_row(const tw_bounded_rows *r, int64_t i, tw_activity activity, double rl, double ru, double pivot, tw_take_implied *take,
                      void *context);

/* The bound of an integer: rounded inwards but for what rounding errors explain. */
static inline double tw_whole_bound(double bound, bool upper) {
  const double slack = 1e-6 * fmax(1, fabs(bound));
  return upper ? floor(bound + slack) + 0.0 : ceil(bound - slack) + 0.0;
}

#endif
