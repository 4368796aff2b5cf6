/* What the unconstrained descent methods share: one step x <- x + a d with a from a line search. A method
 * only says d. */
#ifndef TALWEG_METHOD_DESCENT_H
#define TALWEG_METHOD_DESCENT_H

#include "method/gradient/box.h"
#include "method/gradient/trail.h"
#include "method/linesearch/linesearch.h"

typedef struct tw_descent {
  tw_run *run;
  tw_trail trail;
  double *g, *d;             /* gradient at x; direction */
  double *x_trial, *g_trial; /* of the last trial; after a search, the accepted one */
  double formed;     /* before a search: the step with which x_trial is x + formed d already; NaN: none */
  double *last;      /* TW_DESCENT_SCALARS: see below */
  const tw_box *box; /* trials are kept in it against rounding; NULL: none */
  double longest;    /* step; inf unless set */
  tw_line_point accepted; /* by the last search: step, objective, slope */
  tw_line_end end;
} tw_descent;
enum { TW_LAST_STEP, TW_LAST_SLOPE, TW_LAST_CHANGE, TW_FIRST_VALUE, TW_DESCENT_SCALARS };

#define TW_OPTION_LINESEARCH(default_value)                                                                  \
  { "linesearch", TW_OPTION_CHOICE, default_value, 0, 2, TW_LINE_CHOICES, "line search" }
#define TW_OPTION_C1(default_value)                                                                          \
  {                                                                                                          \
    "c1", TW_OPTION_REAL, default_value, 1e-12, 0.499, NULL,                                                 \
        "sufficient decrease: f falls by c1 times the slope's promise"                                       \
  }
#define TW_OPTION_C2(default_value)                                                                          \
  {                                                                                                          \
    "c2", TW_OPTION_REAL, default_value, 1e-6, 0.9999, NULL,                                                 \
        "curvature: the slope shrinks to c2 times the one at the start"                                      \
  }
#define TW_DESCENT_OPTIONS(tol, max_iter, linesearch, c1, c2)                                                \
  TW_OPTION_TOL(tol), TW_OPTION_MAX_ITER(max_iter), TW_OPTION_LINESEARCH(linesearch), TW_OPTION_C1(c1),      \
      TW_OPTION_C2(c2)

/* Of a method that needs no iterate but the last. */
enum { TW_DESCENT_SLOTS = 2 };
/* The vectors of a run, made on the first call; `slots`: of the trail. */
tw_status tw_descent_get(tw_run *run, int slots, tw_descent *s);
/* Objective, gradient and scale at the start. */
tw_status tw_descent_begin(tw_run *run, int slots);
tw_status tw_descent_init(tw_run *run); /* the same with TW_DESCENT_SLOTS: an `init` */
/* Searches along s->d from the first trial `initial`. slope: g'd. On TW_OK look at s->end. */
tw_status tw_descent_search(tw_descent *s, double slope, double initial);
/* The first trial of a first iteration: a step of length min(1, |x| / 100 + 1 / |g|). */
double tw_descent_first_trial(const tw_descent *s);
/* x, f, g become those of the accepted point; stationarity follows. s->g and the trial's vectors are new
 * ones. */
void tw_descent_accept(tw_descent *s);
/* The last resort of a method whose direction led nowhere: s->d becomes another vector with -g and is
 * searched. Ends the run when there is no lower point either. */
tw_status tw_descent_steepest(tw_descent *s, double *slope);
tw_status tw_descent_stuck(tw_descent *s); /* ends the run */

#endif
