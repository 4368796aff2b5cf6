/* bb_cut: inequalities that all integer points of a linear system meet and a given point does not. Private to method/program. */
#ifndef TALWEG_METHOD_BB_CUT_H
#define TALWEG_METHOD_BB_CUT_H

#include "method/program/qp.h"

typedef struct tw_cut { /* sum value x[col] <= limit */
  int64_t count, *col;
  double *value, limit;
  double efficacy; /* violation at the point, over |value| */
} tw_cut;

typedef struct tw_cutter {
  int64_t n, m;              /* m: rows that cuts are made of */
  const tw_qp *qp;           /* its rows, a and limits */
  const tw_csc *rows;        /* transpose of qp->a */
  const int64_t *place;      /* n: >= 0 where a variable is integer */
  const double *lower, *upper; /* n: bounds at the root; of integers integers */
  const double *x;           /* n: the point */
  int64_t *binary;           /* n: variable bounds x_j <= most_j x_binary of continuous variables, x_binary integer; -1: none */
  double *most;
  double *row;               /* n: a sum of rows */
  double *activity;          /* m: a x of the rows */
  bool *used;                /* m: in the sum */
  double *a;                 /* n: a cut in the making */
  double *memory;            /* of the separators */
  int64_t *index;            /* likewise: 2 n */
  tw_cut *cut;
  size_t cuts, room;
} tw_cutter;

/* Fields up to x are the caller's; x may be set later. tw_cutter_close also after a failure. */
tw_status tw_cutter_open(tw_cutter *c, tw_error *error);
void tw_cutter_close(tw_cutter *c);
/* Cuts off x, of all rows, appended; *c->cut are released by tw_cutter_clear and tw_cutter_close. */
tw_status tw_cutter_separate(tw_cutter *c, tw_error *error);
void tw_cutter_clear(tw_cutter *c);
void tw_cut_free(tw_cut *cut);

/* bb_mir.c, bb_cover.c: of c->row x <= b; of a x <= limit, a the entries of row i times sign. What is found goes to c->a and *limit. */
bool tw_cut_mir(tw_cutter *c, double b, double *limit);
bool tw_cut_cover(tw_cutter *c, int64_t i, double sign, double *limit);

#endif
