/* The conic form of a convex problem: every expression that is not affine is replaced by a new unknown that bounds it, by
 * constraints over cones (the graph implementations of Grant & Boyd, 2008); what is left is affine, and its coefficients are
 * the sparse derivatives of the graph. */
#ifndef TALWEG_PROBLEM_CONIC_H
#define TALWEG_PROBLEM_CONIC_H

#include "problem/facts.h"

/* Cones of one kind and size over the elements of a vector that is affine in the unknowns. */
typedef struct tw_conic_segment {
  tw_cone_kind kind;
  int64_t size; /* rows of each cone; 0: one cone over all */
  double power;
  tw_expr rows;
  int64_t start; /* of its first row in the form */
} tw_conic_segment;

/* Constraint rows first .. of the problem whose multipliers are sign times those of a segment's rows. */
typedef struct tw_conic_link {
  int segment;
  int64_t first;
  int64_t *index; /* which of the problem's rows, counted from `first`; owned */
  int64_t count;
  double sign;
} tw_conic_link;

typedef struct tw_conic_build {
  const tw_problem *problem;
  tw_graph *graph;
  tw_facts facts;
  unsigned char *sign;              /* of the variables */
  tw_domain *set;
  tw_expr *input;                   /* the problem's variables, then new unknowns */
  size_t inputs, input_room;
  tw_expr *from, *to;               /* what has been replaced, by what */
  size_t pairs, from_room, to_room;
  tw_conic_segment *segment;
  size_t segments, segment_room;
  tw_conic_link *link;
  size_t links, link_room;
  tw_expr *term;                    /* what the objective and constraints are sums of, for a common walk */
  size_t terms, term_room;
  tw_error *error;
  tw_status status;                 /* of refusals; the graph has its own */
} tw_conic_build;

/* The first refusal sticks; returns its status. */
tw_status tw_conic_refuse(tw_conic_build *b, tw_status status, const char *format, ...) TW_PRINTF(3, 4);
/* A short name of an expression for messages: its op, and the names or ops below. */
void tw_conic_describe(tw_expr e, char *out, size_t size);

/* A new unknown, and the same with its bound as a pair: e is replaced by it from here on. */
tw_expr tw_conic_unknown(tw_conic_build *b, tw_shape shape);
void tw_conic_replace(tw_conic_build *b, tw_expr e, tw_expr image);
/* e with everything replaced that has been: affine when everything that is not has. */
tw_expr tw_conic_image(tw_conic_build *b, tw_expr e);
/* The elements of `rows` in cones of `size` rows each (0: one); the number of the segment, or -1. */
int tw_conic_add(tw_conic_build *b, tw_cone_kind kind, int64_t size, double power, tw_expr rows);
/* Cones over n expressions of one shape, element by element. */
void tw_conic_add_each(tw_conic_build *b, tw_cone_kind kind, double power, int n, const tw_expr *part);
/* t >= |u|^2 for a vector u and a scalar t. */
void tw_conic_add_squares(tw_conic_build *b, tw_expr t, tw_expr u);
/* Constant vectors. */
tw_expr tw_conic_indices(tw_conic_build *b, int64_t n, const int64_t *index);
tw_expr tw_conic_numbers(tw_conic_build *b, int64_t n, const double *number);

/* conic_atoms.c: replaces what is not affine below the terms (b->term), from the operands up. facts are open for them. */
tw_status tw_conic_replace_atoms(tw_conic_build *b);
/* conic_sets.c: the sets of variables; symmetric matrices get one column for two entries (`twin`, of each element of the
 * variables: the element that stands for it); group_l2. */
tw_status tw_conic_add_sets(tw_conic_build *b, int64_t *twin);
tw_expr tw_conic_group_norms(tw_conic_build *b, tw_expr x, tw_expr groups);
/* conic_matrices.c: symmetric matrices [.., k, k], by their lower triangles, in the cone; what bounds the nuclear norm, log det and an
 * eigenvalue of the image of a matrix. */
void tw_conic_add_psd(tw_conic_build *b, tw_expr x, int64_t k);
tw_expr tw_conic_nuclear(tw_conic_build *b, tw_expr x);
tw_expr tw_conic_log_det(tw_conic_build *b, tw_expr x);
tw_expr tw_conic_extreme_eigenvalue(tw_conic_build *b, tw_expr a, bool largest);
/* conic_limits.c: lower <= e <= upper; the problem's rows from `first` on are these (-1: none). */
void tw_conic_add_bounded(tw_conic_build *b, tw_expr e, tw_expr lower, tw_expr upper, int64_t first);
/* conic_rewrite.c: loops that are not affine as batches of their bodies, squares of norms as sums. In place. */
tw_status tw_conic_rewrite(tw_conic_build *b, size_t n, tw_expr *root);

/* ------------------------------------------------------------------ the form */

typedef struct tw_conic_form {
  int64_t n, m, cones;
  tw_cone *cone;
  int64_t *column; /* of each element of the inputs */
  int64_t elements;
  int64_t duals;
  struct tw_conic_dual *dual;
  tw_sparse_derivative rows;    /* m + 1 rows, the last is the objective's; elements columns */
  tw_sparse_derivative hessian; /* of the objective */
  tw_expr rows_at, hessian_at, constant; /* values and constants (m + 1) as expressions in parameters alone */
} tw_conic_form;
tw_status tw_conic_form_make(tw_conic_form *form, const tw_problem *p, const tw_class *cls, tw_error *error);
void tw_conic_form_free(tw_conic_form *form);
/* The arrays, from the values of `rows_at`, `constant` and `hessian_at`, one after the other. */
int64_t tw_conic_form_values(const tw_conic_form *form);
tw_status tw_conic_form_fill(const tw_conic_form *form, const double *values, int64_t n_x, tw_conic *out, tw_error *error);

#endif
