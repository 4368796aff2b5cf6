/* The box l <= x <= u of the bound-constrained methods; without bounds, everything. Private to method/. */
#ifndef TALWEG_METHOD_BOX_H
#define TALWEG_METHOD_BOX_H

#include "method/common.h"

typedef struct tw_box {
  int64_t n;
  const double *lower, *upper; /* both NULL: no bounds */
  int threads;                 /* for the functions over all variables */
} tw_box;

tw_box tw_box_of(const tw_run *run);
double tw_box_clamp(const tw_box *box, int64_t i, double value);
/* P on the variables first .. first+count-1, in place. */
void tw_box_clamp_tile(const tw_box *box, int64_t first, int64_t count, double *values);
/* out = P(x + a d). */
void tw_box_move(const tw_box *box, const double *x, double a, const double *d, double *out);
/* |P(x - g) - x|_inf: zero exactly at a stationary point. */
double tw_box_stationarity(const tw_box *box, const double *x, const double *g);
/* Largest |g_i| that does not point out of the box at an active bound: the scale of the gradient at x. */
double tw_box_scale(const tw_box *box, const double *x, const double *g);
/* Largest a with x + a d in the box; smallest a > 0 at which x + a d meets a bound (inf when none). */
double tw_box_longest(const tw_box *box, const double *x, const double *d);
/* Whether variable i may move from x_i both ways. */
bool tw_box_interior(const tw_box *box, int64_t i, double value);

#endif
