/* presolve: a quadratic program made smaller and scaled, and the way back for points, multipliers and certificates.
 *
 * A layer takes away, in turn until nothing applies (Brearley, Mitra & Williams 1975; Andersen & Andersen 1995; Achterberg et al. 2020):
 * empty, redundant, forcing and duplicate rows, rows of one entry; empty, fixed and dominated columns, columns of one entry, columns
 * that are multiples of each other. None of these changes a coefficient. Bounds that rows imply serve to find more of them; they stay
 * only where the row that implies them goes. At its end columns are aggregated out of equations of two entries, which gives another
 * matrix and the next layer.
 *
 * The reduced program is  min 1/2 x'P x + q'x,  rl <= A x <= ru,  l <= x <= u  of the columns and rows that are left, in the scaled
 * variables x~ = x / C, rows R A C, objective sigma (..): P~ = sigma C P C, q~ = sigma C q, y = R y~ / sigma, z = z~ / (C sigma).
 * C, R and sigma are powers of two, so that scaling rounds nothing. Private to method/program. */
#ifndef TALWEG_METHOD_PRESOLVE_H
#define TALWEG_METHOD_PRESOLVE_H

#include "method/program/qp.h"

typedef enum presolve_kind {
  PRESOLVE_FIX,       /* column j = value */
  PRESOLVE_DROP,      /* row i never presses */
  PRESOLVE_SINGLETON, /* row i: a x_j became bounds of x_j */
  PRESOLVE_FORCING,   /* row i held all its columns, which are fixed next: side 1 at its upper limit, -1 at its lower one */
  PRESOLVE_DUPLICATE, /* row i is `a` times row j, which took over its limits */
  PRESOLVE_ABSORB,    /* column j, alone in row i, became room of that row: x_j costs `cost` */
  PRESOLVE_TIGHTEN,   /* row i: a x_j + .. implies the bound `value` of x_j (side 1: upper); it was `cost` before */
  PRESOLVE_TWIN,      /* column j is `a` times column k: x_k + a x_j became x_k */
  PRESOLVE_AGGREGATE, /* a x_j + b x_k = value, row i, took the place of x_j */
  PRESOLVE_KINDS
} presolve_kind;

typedef struct presolve_step {
  presolve_kind kind;
  int64_t i, j, k;
  double a, b, value, cost;
  double lower, upper;               /* PRESOLVE_ABSORB: limits of row i before the step; PRESOLVE_TWIN: bounds of x_k */
  double column_lower, column_upper; /* and bounds of x_j */
  bool lower_moved, upper_moved;     /* SINGLETON, DUPLICATE: which limits are row i's; AGGREGATE: which bounds of x_k are x_j's */
  int side;
  int64_t next;                      /* PRESOLVE_TIGHTEN: another one of row i, or -1 */
} presolve_step;

typedef struct presolve_layer {
  const tw_qp *qp;           /* the layer before's `left`, or the program */
  tw_qp left;                /* what the steps leave */
  int64_t *column, *row;     /* left.n, left.m: their places in qp */
  tw_csc at;                 /* A' */
  presolve_step *step;
  int64_t steps, step_room;
  int64_t *column_step, *row_step; /* n, m: the step that took it away; INT64_MAX: none */
  double *cost;              /* n: q of the program at the end, or when the column went */
  int64_t contradiction;     /* a row whose activity is out of reach of its limits, or -1 */
  int side;                  /* 1: above its upper limit, -1: below its lower one */
  double *x, *y, *z;         /* n, m, n: on the way back */
  double *px, *joined;       /* n: the gradient but for cost and rows; x with twins added to columns, as at the step at hand */
} presolve_layer;

enum { PRESOLVE_LAYERS = 8 };

typedef struct tw_presolve {
  const tw_qp *qp; /* borrowed */
  presolve_layer layer[PRESOLVE_LAYERS];
  int layers;      /* at least 1 */
  tw_qp reduced;
  tw_outcome found; /* TW_RUNNING, or TW_INFEASIBLE, TW_UNBOUNDED where the reductions saw it */
  double *column_scale, *row_scale, cost_scale;
  double *work;    /* 2 reduced.n + reduced.m */
} tw_presolve;

typedef struct tw_presolve_rules {
  const bool *held; /* n: columns that occur outside of the program too, of which only bounds and values are used; NULL: none */
  bool integer;     /* columns of integer kind stay integer; multipliers are then those of no program */
} tw_presolve_rules;

/* Without scaling. tw_presolve_close also after a failure. O(passes * entries). */
tw_status tw_presolve_reduce(tw_presolve *s, const tw_qp *qp, const tw_presolve_rules *rules, tw_error *error);
/* Reduced and scaled; `reduce` false: only scaled. */
tw_status tw_presolve_open(tw_presolve *s, const tw_qp *qp, bool reduce, tw_error *error);
void tw_presolve_close(tw_presolve *s);

/* x (n) of qp from that of the reduced program; feasible where that is. */
void tw_presolve_point(const tw_presolve *s, const double *x, double *full_x);
/* y (m), z (n) after tw_presolve_point: where the optimality conditions hold there, they hold here. `outside` (n): the gradient of what
 * held columns occur in besides, with its multipliers; NULL: zero. */
void tw_presolve_multipliers(const tw_presolve *s, const double *y, const double *outside, double *full_y, double *full_z);
/* Both. */
void tw_presolve_restore(const tw_presolve *s, const double *x, const double *y, double *full_x, double *full_y, double *full_z);
/* The same for a Farkas certificate: y and z with A'y + outside + z = 0. y NULL: the one that the reductions found. */
void tw_presolve_restore_farkas(const tw_presolve *s, const double *y, const double *outside, double *full_y, double *full_z);
/* The same for a direction that all limits allow. */
void tw_presolve_ray(const tw_presolve *s, const double *x, double *full_x);
/* The other way: x and y of qp as a start of the reduced program; multipliers of rows that went are lost. */
void tw_presolve_push(const tw_presolve *s, const double *full_x, const double *full_y, double *x, double *y);

/* presolve_scale.c: scales `reduced` in place, with its entries near 1: geometric means (Curtis & Reid's aim, by alternation), then
 * the equilibration of Ruiz (2001). */
tw_status tw_presolve_scale(tw_presolve *s, tw_error *error);

#endif
