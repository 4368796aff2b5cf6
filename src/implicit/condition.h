/* The optimality condition of a nested problem while it is built, over params: variables, theta, y. */
#ifndef TALWEG_IMPLICIT_CONDITION_H
#define TALWEG_IMPLICIT_CONDITION_H

#include "implicit/nested.h"

typedef struct tw_condition {
  tw_nested *nested;
  const tw_class *cls;
  tw_graph *graph;
  tw_expr *param;    /* n_variables + n_theta + 1 */
  tw_expr *out;      /* the statement's outputs */
  tw_expr *gradient; /* grad_x L per variable */
  tw_expr *step;     /* eta per variable with a set; NONE: 1 */
  tw_expr lagrangian;
  tw_expr y, r, held; /* r and held: see tw_nested.lagrangian */
  tw_expr margin;     /* NONE while nothing is at stake */
} tw_condition;

/* What a variable or a block of constraints contributes, in its shape. */
typedef struct tw_piece {
  tw_expr f;     /* vanishes on the free entries */
  tw_expr mask;  /* true: free; NONE: all are */
  tw_expr fixed; /* where the others are held; NONE: at 0 */
  tw_expr moved; /* s(theta) of Danskin's rule; NONE: what does not move by itself */
} tw_piece;

/* An output of the statement; TW_NONE for -1. */
static inline tw_expr tw_condition_output(const tw_condition *c, int i) {
  return i < 0 ? TW_NONE : c->out[i];
}
static inline tw_expr tw_part_of(tw_expr flat, const tw_part *part) {
  return tw_reshape(tw_slice(flat, 0, part->offset, part->size, 1), part->shape);
}
/* The smallest margin also covers `candidates`. */
void tw_condition_margin(tw_condition *c, tw_expr candidates);

/* L = f + y'c and its gradient in every variable. */
void tw_condition_lagrangian(tw_condition *c);
tw_piece tw_condition_variable(tw_condition *c, int i);

/* A regularizer over the statement's params: the class speaks of the problem's own expressions, so it is read
 * off the objective again. weight: d objective / d value. */
typedef struct tw_penalty {
  tw_expr value, weight, x;
  tw_expr param[TW_REGULARIZER_PARAMS];
  const tw_regularizer_kind *kind; /* NULL: none was found */
} tw_penalty;
bool tw_condition_is_penalized(const tw_condition *c, int i);
tw_penalty tw_condition_penalty(const tw_condition *c, int i);
/* grad_x of L without the penalty. */
tw_expr tw_condition_smooth_gradient(const tw_condition *c, int i, const tw_penalty *p);

/* nested->iteration, for methods that have one; TW_ERR_UNSUPPORTED for others, and for problems that the map is not for. */
tw_status tw_condition_map(tw_condition *c, tw_error *error);

/* The map of proximal_gradient whatever was chosen, in the form of tw_nested.iteration. NULL on failure, which the graph tells. */
const tw_body *tw_nested_proximal_map(const tw_nested *nested, const tw_class *cls);

/* Distances from points where a projection or prox has no derivative, as an array of candidates for the
 * smallest: of u for the projection on a set, and of the point u = x - grad of the smooth part for the prox
 * of weight times a regularizer. TW_NONE where there is a derivative everywhere. */
tw_expr tw_set_margin(const tw_domain_kind *kind, tw_expr u, tw_expr projection, const tw_expr *param);
tw_expr tw_prox_margin(const tw_regularizer_kind *kind, tw_expr u, tw_expr weight, const tw_expr *param);

#endif
