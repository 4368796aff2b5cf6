/* Flat problems written as .nl files. */
#ifndef TALWEG_MODEL_NL_WRITE_H
#define TALWEG_MODEL_NL_WRITE_H

#include "model/flat.h"

/* What is where in the file: which parts of rows are linear, which variables and rows are nonlinear, and which trees are read
 * more than once. Operators' trees may be shared: then they become common expressions (nl_plan.c). */
typedef struct tw_nl_rest { /* scale times a tree that is not linear */
  int32_t node;
  double scale;
} tw_nl_rest;

typedef struct tw_nl_entry { /* of a row, by column; value 0: in its nonlinear part alone */
  int64_t col;
  double value;
} tw_nl_entry;

typedef struct tw_nl_row {
  double constant;
  size_t rest, n_rest;     /* in `rest` */
  size_t entry, n_entries; /* in `entry` */
} tw_nl_row;

typedef struct tw_nl_plan {
  const tw_flat *flat;
  bool failed;
  bool *affine;    /* by node */
  int32_t *uses;   /* by node: how often it is read */
  int32_t *common; /* by node: its number as a common expression; -1: none */
  int32_t n_common;
  tw_nl_row *row; /* m + 1: the objective first */
  tw_nl_rest *rest;
  tw_nl_entry *entry;
  size_t n_rest, rest_capacity, n_entries, entry_capacity;
  unsigned char *where;       /* by variable: 1 nonlinear in a constraint, 2 in the objective */
  int64_t *column, *place;    /* the column at a place of the file, and the inverse */
  int64_t *line, *line_place; /* likewise of rows */
  int64_t vars_both, vars_rows, vars_objective, nonlinear_rows, jacobian;
  int64_t binary, integer, integer_both, integer_rows, integer_objective;
} tw_nl_plan;
bool tw_nl_plan_make(tw_nl_plan *plan, const tw_flat *flat); /* false: out of memory */
void tw_nl_plan_free(tw_nl_plan *plan);
/* The tree that a node stands for: that of a common expression of `flat`, else itself. */
int32_t tw_nl_tree(const tw_flat *flat, int32_t node);

typedef struct tw_nl_style {
  bool binary, swap; /* swap: the other byte order */
} tw_nl_style;
/* Appends the file (quadratic terms of `flat` become trees); *columns and *rows (malloc'd by the callee, may be NULL) say which variable
 * and row stands at a place. */
tw_status tw_nl_write(tw_flat *flat, const tw_nl_style *style, tw_text *out, int64_t **columns, int64_t **rows, tw_error *error);

#endif
