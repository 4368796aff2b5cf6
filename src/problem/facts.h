/* What the graph tells of an expression as a function of some inputs: its polynomial degree, its curvature by the rules of
 * disciplined convex programming (Grant, Boyd & Ye, 2006), its sign. Of an array: what holds for every element. */
#ifndef TALWEG_PROBLEM_FACTS_H
#define TALWEG_PROBLEM_FACTS_H

#include "problem/problem.h"

enum { TW_SIGN_NONNEG = 1, TW_SIGN_NONPOS = 2, TW_SIGN_ZERO = 3 }; /* a set of what is known; 0: nothing */

typedef struct tw_fact {
  unsigned char degree;    /* tw_degree */
  unsigned char curvature; /* tw_curvature */
  unsigned char sign;
} tw_fact;

/* Beside the signs of an input: it is a symmetric positive semidefinite matrix. */
enum { TW_SET_PSD = 4 };

/* The facts of every node below some roots. */
typedef struct tw_facts {
  tw_graph *graph;
  const tw_problem *problem; /* gives parameters their values; NULL: they have none */
  int m;
  const tw_expr *inputs;
  const unsigned char *signs; /* of the inputs; NULL: unknown */
  int n_params;
  const tw_fact *params; /* of the params of a loop's body */
  int32_t limit;
  tw_fact *fact;         /* [limit] */
  unsigned char *wanted; /* [limit] */
} tw_facts;

/* Fills facts->fact for what lies below the roots; the fields above `limit` are given. False with the graph's error set. */
bool tw_facts_open(tw_facts *facts, int n, const tw_expr *roots);
void tw_facts_close(tw_facts *facts);
tw_fact tw_fact_of(const tw_facts *facts, tw_expr e);
static inline bool tw_fixed(const tw_facts *facts, tw_expr e) { return tw_fact_of(facts, e).degree == TW_CONSTANT; }
/* The sign of a node that depends on no input, by its rule or by evaluation at the parameters' values. */
unsigned tw_sign_of(const tw_facts *facts, tw_expr e);

/* matrices.c: whether e, [n, n], is symmetric positive semidefinite wherever the inputs lie in their sets (false: not known); and A where
 * `values` are the eigenvalues (tw_eigh_values) of one matrix A, else TW_NONE. */
bool tw_is_psd(const tw_facts *facts, tw_expr e);
tw_expr tw_spectrum_of(tw_expr values);

/* What a set says of the sign of its points, and TW_SET_PSD (classify.c). */
unsigned char tw_sign_in(const tw_problem *p, const tw_domain *set, tw_shape shape);

/* The facts of a node from those of its operands (rules.c). */
tw_fact tw_fact_by_rule(const tw_facts *facts, tw_expr e, const tw_fact *in);

/* Curvature of a scalar root with the help of its Hessian: all its terms of degree 2 together are convex when their constant
 * Hessian is positive semidefinite, which is tested numerically when it is not too large. */
tw_curvature tw_curvature_of(const tw_facts *facts, tw_expr root);

/* ------------------------------------------------------------------ terms */

/* root = sum_i scale_i weight_i body_i, the weights scalars that depend on no input (TW_NONE: 1). */
typedef struct tw_term {
  double scale;
  tw_expr weight, body;
} tw_term;

typedef struct tw_terms {
  tw_term *term;
  size_t count, capacity;
} tw_terms;

/* Splits a scalar into terms; false when out of memory (the graph's error is set). */
bool tw_terms_split(const tw_facts *facts, tw_expr root, tw_terms *terms);
void tw_terms_free(tw_terms *terms);
tw_expr tw_term_value(const tw_term *term);
/* scale times weight (TW_NONE: 1) as a sign. */
unsigned tw_term_sign(const tw_facts *facts, const tw_term *term);

/* Sums of squares (squares.c): root = scale |residual|^2 + constant, the residual a vector; residual TW_NONE when the root
 * is of another form. */
typedef struct tw_squares {
  tw_expr residual, constant;
  double scale;
} tw_squares;
/* r of a node square(r) or square(|r|), whose elements add up to |r|^2. */
tw_expr tw_squared(tw_expr square);
bool tw_squares_find(const tw_facts *facts, tw_expr root, tw_squares *squares);

#endif
