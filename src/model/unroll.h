/* From a problem over arrays back to rows of scalars: every element of an expression becomes a tree, whose equal parts are
 * shared. The other way than tw_flat_state, for files that know scalars alone. */
#ifndef TALWEG_MODEL_UNROLL_H
#define TALWEG_MODEL_UNROLL_H

#include "model/flat.h"

#include <talweg/model.h>

typedef struct tw_elements { /* of a node of the graph */
  int64_t size;
  double *number; /* known: it depends on no variable; NULL: see `node` */
  int32_t *node;  /* trees of the flat problem; NULL: only numbers */
} tw_elements;

typedef struct tw_unroll {
  tw_flat *flat;
  const tw_problem *problem;
  tw_graph *graph;
  tw_error *error;
  tw_elements **memo; /* by node of the graph */
  size_t capacity;
  tw_elements **all;
  size_t n_all, all_capacity;
  tw_status status; /* of the first failure */
} tw_unroll;

/* Trees for all elements; NULL after a failure. */
const tw_elements *tw_unroll_elements(tw_unroll *u, tw_expr e);
void tw_unroll_close(tw_unroll *u);

/* Parts of it (unroll_ops.c): elements of a node from those of its operands. */
bool tw_unroll_node(tw_unroll *u, tw_expr e, const tw_elements *const *in, tw_elements *out);
/* An equivalent expression of simpler ops, or NONE. */
tw_expr tw_unroll_rewrite(tw_unroll *u, tw_expr e);
bool tw_unroll_fail(tw_unroll *u, tw_status status, const char *format, ...) TW_PRINTF(3, 4);
/* Integers of an expression that depends on no variable; malloc'd. */
int64_t *tw_unroll_positions(tw_unroll *u, tw_expr e);

/* A flat problem with the same variables, one after the other, and rows. `model` gives the names of indices; NULL: positions.
 * TW_ERR_UNSUPPORTED names what has no scalar form. Without `trees` rows and objective are left empty. *flat is released by
 * tw_flat_free. */
tw_status tw_flat_from_problem(tw_flat **flat, const tw_problem *problem, const tw_model *model, bool trees, tw_error *error);
/* The linear and quadratic terms of such empty rows, from the derivatives at 0. TW_ERR_UNSUPPORTED where there are others. */
tw_status tw_flat_fill_quadratic(tw_flat *flat, const tw_problem *problem, tw_error *error);

#endif
