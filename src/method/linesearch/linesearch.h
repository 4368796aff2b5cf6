/* Line searches: one-dimensional minimisation of phi(a) = f(x + a d) from phi'(0) < 0. Private to method/.
 *
 * All accept by sufficient decrease, phi(a) <= phi(0) + c1 a phi'(0), or, where the difference of two
 * objectives is lost in rounding, by the approximate Wolfe condition of Hager & Zhang (2005), which needs
 * slopes alone: phi'(a) <= (2 c1 - 1) phi'(0)  and  phi(a) <= phi(0) + noise. */
#ifndef TALWEG_METHOD_LINESEARCH_H
#define TALWEG_METHOD_LINESEARCH_H

#include <talweg/base.h>

/* Value (inf outside the domain) and slope at a; slope NULL: not wanted. */
typedef tw_status tw_phi(void *context, double alpha, double *value, double *slope);

typedef struct tw_line_point {
  double alpha, value, slope;
} tw_line_point;

typedef enum tw_line_kind { TW_LINE_ARMIJO, TW_LINE_WOLFE, TW_LINE_HAGER_ZHANG } tw_line_kind;
#define TW_LINE_CHOICES "armijo|wolfe|hager-zhang"

typedef struct tw_line {
  tw_phi *phi;
  void *context;
  tw_line_point start; /* alpha = 0 */
  double c1, c2;       /* 0 < c1 < 1/2, c1 < c2 < 1 */
  double initial;      /* first trial, > 0 */
  double longest;      /* no trial beyond; inf: none */
  double noise;        /* absolute error of the objective's values */
  int max_evaluations;
  int evaluations; /* spent */
} tw_line;

/* The curvature condition may be left out: TW_LINE_DECREASED is a lower point that does not satisfy it. */
typedef enum tw_line_end { TW_LINE_ACCEPTED, TW_LINE_DECREASED, TW_LINE_LONGEST, TW_LINE_STUCK } tw_line_end;

/* Each leaves phi evaluated last (with its slope) at the point returned, unless *end is TW_LINE_STUCK. */
tw_status tw_line_search(tw_line_kind kind, tw_line *line, tw_line_point *out, tw_line_end *end);
tw_status tw_line_armijo(tw_line *line, tw_line_point *out,
                         tw_line_end *end); /* backtracking; no curvature condition */
tw_status tw_line_wolfe(tw_line *line, tw_line_point *out,
                        tw_line_end *end); /* Nocedal & Wright, algorithms 3.5, 3.6 */
tw_status tw_line_hager_zhang(tw_line *line, tw_line_point *out, tw_line_end *end); /* Hager & Zhang 2005 */

/* Shared parts. */
tw_status tw_line_evaluate(tw_line *line, double alpha, tw_line_point *out);
bool tw_line_decreases(const tw_line *line,
                       const tw_line_point *p); /* sufficient, or within the noise by slope */
/* Minimiser of the cubic through values and slopes at a and b; NaN when there is none. */
double tw_line_cubic(const tw_line_point *a, const tw_line_point *b);
/* Evaluates again at `best` when the last evaluation was elsewhere; STUCK unless best is below the start. */
tw_status tw_line_settle(tw_line *line, const tw_line_point *best, double last_alpha, tw_line_point *out,
                         tw_line_end *end);

#endif
