/* presolve_work: a layer on its way. Private to presolve.
 *
 * The program at hand has the rows and columns that are left, with limits rl, ru and bounds l, u. Bounds tl, tu within those follow from
 * it, by steps of the kind TIGHTEN. A row that goes because of them could be one that they follow from: before it goes, its own become
 * bounds of the program (presolve_promote), so that what is left still implies all others, in the order in which they were found. */
#ifndef TALWEG_METHOD_PRESOLVE_WORK_H
#define TALWEG_METHOD_PRESOLVE_WORK_H

#include "method/program/presolve.h"
#include "method/program/propagate.h"

static const double PRESOLVE_PIVOT = 1e-3; /* of the largest entry of its row, what a coefficient must have that is divided by */
static const double PRESOLVE_ROUNDING = 1e-14; /* of what cancels, relative to the sizes of its terms */

typedef struct presolve_work {
  presolve_layer *s;
  const tw_qp *qp;
  tw_outcome *found;
  const bool *held;                  /* n or NULL */
  const tw_var_kind *kinds;          /* n or NULL */
  double *cost_size;                 /* n: sum of the sizes of what makes up a column's cost, which says what of it is rounding */
  double *l, *u, *tl, *tu, *rl, *ru; /* fixed columns are taken out of the rows' limits */
  int64_t *column_count, *row_count; /* present entries */
  int64_t *tightened;                /* m: the last TIGHTEN step of a row, or -1 */
  int64_t *joined;                   /* n: the step from which on x_j is what it is: twins were added to it before */
  bool *curved;                      /* columns with entries in P */
  double *dual_lower, *dual_upper;   /* m: bounds of y that signs and columns of one entry imply */
  int64_t changes;
  int pass;
  tw_error *error;
} presolve_work;

static inline bool column_left(const presolve_work *w, int64_t j) { return w->s->column_step[j] == INT64_MAX; }
static inline bool row_left(const presolve_work *w, int64_t i) { return w->s->row_step[i] == INT64_MAX; }
static inline bool is_integer(const presolve_work *w, int64_t j) { return w->kinds && w->kinds[j] != TW_CONTINUOUS; }
/* What it costs, and the rows it is in, are all that there is to the column. */
static inline bool is_plain(const presolve_work *w, int64_t j) { return !w->curved[j] && !(w->held && w->held[j]); }

/* presolve_layer.c */
tw_status presolve_record(presolve_work *w, presolve_step step);
/* Takes column j out of the program at `value`. */
tw_status presolve_fix(presolve_work *w, int64_t j, double value);
/* x_j moves to `value` in the limits of the rows that are left. */
void presolve_shift_rows(presolve_work *w, int64_t j, double value);
/* Takes row i out; the step says why. */
tw_status presolve_remove_row(presolve_work *w, presolve_step step);
/* Takes a column out of the counts of its rows. */
void presolve_leave_rows(presolve_work *w, int64_t j);
/* The only column left in row i, and its coefficient. */
int64_t presolve_only_column(const presolve_work *w, int64_t i, double *a);
double presolve_largest_in_row(const presolve_work *w, int64_t i);

/* Of the columns left in row i within the bounds l, u (n each), without column `but` (-1: none). */
tw_activity presolve_activity(const presolve_work *w, int64_t i, const double *l, const double *u, int64_t but);

/* One pass over all rows or columns; *found may be set. */
tw_status presolve_rows(presolve_work *w);       /* presolve_rows.c */
tw_status presolve_columns(presolve_work *w);    /* presolve_columns.c */
tw_status presolve_duplicates(presolve_work *w); /* presolve_duplicates.c: rows, then columns */
tw_status presolve_aggregate(presolve_work *w);  /* presolve_aggregate.c: after the last pass */

/* presolve_tighten.c: bounds of the columns of row i that it implies; its activity within tl, tu. */
tw_status presolve_tighten(presolve_work *w, int64_t i, tw_activity activity);
/* Bounds that the upper (side 1), lower (-1) or any (0) limit of row i implied become bounds of the program. */
void presolve_promote(presolve_work *w, int64_t i, int side);

/* presolve_cut.c: what is left, into s->left. */
tw_status presolve_cut(const presolve_work *w);

/* presolve_layer.c */
tw_status presolve_layer_open(presolve_layer *s, const tw_qp *qp, const tw_presolve_rules *rules, tw_outcome *found, tw_error *error);
void presolve_layer_close(presolve_layer *s);
/* postsolve.c: s->x from x (left.n), a point or (ray) a direction. */
void presolve_layer_point(const presolve_layer *s, const double *x, bool ray);
/* s->joined from x (n). */
void presolve_layer_join(const presolve_layer *s, const double *x);
/* s->y and s->z from y and z (left.m, left.n) and s->x, s->px; `costs` 0: of a certificate. */
void presolve_layer_multipliers(const presolve_layer *s, const double *y, const double *z, double costs);

#endif
