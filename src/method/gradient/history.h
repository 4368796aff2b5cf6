/* The limited memory of L-BFGS: the last pairs s = x+ - x, y = g+ - g, and all inner products that the
 * two-loop recursion (Nocedal, 1980) asks for, so that a direction costs two passes over the pairs and
 * nothing else. Private to method/. */
#ifndef TALWEG_METHOD_HISTORY_H
#define TALWEG_METHOD_HISTORY_H

#include "method/common.h"

/* Views of named vectors of the run. m slots in a ring; `count` of them hold pairs, the newest in slot
 * `newest`. */
typedef struct tw_history {
  tw_run *run;
  int m;
  double *ring;        /* count, newest */
  double *pairs;       /* tile after tile: s_0 y_0 s_1 y_1 .. of the tile */
  double *sy, *yy;     /* m x m by slots: s_i'y_j for i not younger than j, y_i'y_j */
  double *sg, *yg;     /* m: s_i'g, y_i'g for the current gradient */
  double *coefficient; /* 2 m: of s and y in the direction */
  double *scratch;     /* for reductions */
} tw_history;

tw_status tw_history_get(tw_run *run, int m, tw_history *h);
int tw_history_count(const tw_history *h);
void tw_history_clear(tw_history *h);
/* One pass: moves x and g to x_trial and g_trial, remembers the pair when keep, and updates the inner
 * products. */
void tw_history_advance(tw_history *h, bool keep, double *x, double *g, const double *x_trial,
                        const double *g_trial);
/* One pass: d = -H g; returns g'd. Without pairs d = -g. */
double tw_history_direction(tw_history *h, const double *g, double *d);

#endif
