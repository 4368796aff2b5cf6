/* mixing: the extrapolation of Anderson (1965), type II (Walker & Ni 2011), for iterates x_k with residuals r_k = T(x_k) - x_k:
 *
 *   x = x_k + beta r_k - (dX + beta dR) gamma,   gamma = argmin |r_k - dR gamma|^2 + ridge |dR|_F^2 |gamma|^2
 *
 * with the last m differences dX, dR as columns. The least-squares problem is solved by a thin QR, newest column first; a column
 * that depends on newer ones is left out (filtering: Pollock & Rebholz 2023), so old information goes before it spoils the
 * conditioning. */
#ifndef TALWEG_METHOD_MIXING_H
#define TALWEG_METHOD_MIXING_H

#include "method/work.h"

enum { TW_MIXING_COUNT, TW_MIXING_NEWEST, TW_MIXING_STATE };

typedef struct tw_mixing {
  tw_run *run;
  int64_t n, m;             /* m: differences kept, at most n */
  double *last_x, *last_r;  /* n: what the next difference is taken from */
  double *dx, *dr, *q, *state;
} tw_mixing;

/* The run's vectors "mixing.*", made on the first call, with an empty history. */
tw_status tw_mixing_open(tw_mixing *a, tw_run *run, int64_t history);
void tw_mixing_clear(tw_mixing *a);
static inline bool tw_mixing_informed(const tw_mixing *a) { return a->state[TW_MIXING_COUNT] > 0; }
/* The difference between (x, r) and (last_x, last_r) becomes the newest one. */
void tw_mixing_record(tw_mixing *a, const double *x, const double *r);
/* out (n) from x_k = x and r_k = r; with an empty history x + beta r. O(n m^2). */
tw_status tw_mixing_extrapolate(const tw_mixing *a, const double *x, const double *r, double beta, double ridge, double *out);

#endif
