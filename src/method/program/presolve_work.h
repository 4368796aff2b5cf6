/* presolve_work: a program on its way to be reduced. Private to presolve. */
#ifndef TALWEG_METHOD_PRESOLVE_WORK_H
#define TALWEG_METHOD_PRESOLVE_WORK_H

#include "method/program/presolve.h"

typedef struct presolve_work {
  tw_presolve *s;
  const tw_qp *qp;
  double *cost_size;                /* n: sum of the sizes of what makes up a column's cost, which says what of it is rounding */
  double *l, *u, *rl, *ru;          /* present limits; fixed columns are taken out of the rows' */
  int64_t *column_count, *row_count; /* present entries */
  bool *curved;                     /* columns with entries in P */
  double *dual_lower, *dual_upper;  /* m: bounds of y that signs and columns of one entry imply */
  int64_t changes;
  tw_error *error;
} presolve_work;

static inline bool column_left(const presolve_work *w, int64_t j) { return w->s->column_step[j] == INT64_MAX; }
static inline bool row_left(const presolve_work *w, int64_t i) { return w->s->row_step[i] == INT64_MAX; }

/* presolve.c */
tw_status presolve_record(presolve_work *w, presolve_step step);
/* Takes column j out of the program at `value`. */
tw_status presolve_fix(presolve_work *w, int64_t j, double value);
/* Takes row i out; the step says why. */
tw_status presolve_remove_row(presolve_work *w, presolve_step step);
/* The only column left in row i, and its coefficient. */
int64_t presolve_only_column(const presolve_work *w, int64_t i, double *a);

/* One pass over all rows or columns; s->found may be set. */
tw_status presolve_rows(presolve_work *w);       /* presolve_rows.c */
tw_status presolve_columns(presolve_work *w);    /* presolve_columns.c */
tw_status presolve_duplicates(presolve_work *w); /* presolve_duplicates.c */

#endif
