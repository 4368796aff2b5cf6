/* The limited memory of L-BFGS: the last pairs of a trail and all inner products that the two-loop recursion
 * (Nocedal, 1980) asks for. The recursion then runs on coefficients (Chen, Wang & Zhou, 2014; in matrices,
 * Byrd, Nocedal & Schnabel, 1994), and an iteration costs two passes over the memory: one for the products
 * with the new gradient, one for the direction. Private to method/gradient/. */
#ifndef TALWEG_METHOD_HISTORY_H
#define TALWEG_METHOD_HISTORY_H

#include "method/gradient/pairs.h"

/* Views of named vectors of the run. A pair has the slot of its younger iterate. */
typedef struct tw_history {
  tw_pairs pairs;
  double *count;   /* pairs.count */
  double *sy, *yy; /* slots x slots: s_i'y_j for i not younger than j, y_i'y_j; s_i'y_i = 0: a pair without
                      curvature, left out */
  double *sg, *yg; /* slots: s_i'g, y_i'g for the current gradient */
  double *coefficient; /* 2 a pair, by age: of s and y in the direction */
  double *scratch;     /* for reductions */
} tw_history;

/* The trail has tw_pairs_slots(m) slots for a memory of m pairs. */
tw_status tw_history_get(tw_run *run, const tw_trail *trail, tw_history *h);
bool tw_history_informed(const tw_history *h); /* there is a pair to learn from */
void tw_history_clear(tw_history *h);
/* One pass, after the trail moved on: the pair of the last step enters, and its products with all others; not
 * curved: without being used. */
void tw_history_update(tw_history *h, bool curved);
/* One pass: d = -H g and x_trial = x + d; returns g'd. Without pairs d = -g. O(m n). */
double tw_history_direction(tw_history *h, double *d, double *x_trial);

#endif
