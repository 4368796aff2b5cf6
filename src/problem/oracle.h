/* The oracle of a problem over expressions: a list of questions, each answered by one compiled function. */
#ifndef TALWEG_PROBLEM_ORACLE_H
#define TALWEG_PROBLEM_ORACLE_H

#include "problem/problem.h"

typedef enum tw_question {
  TW_ASK_VALUE,
  TW_ASK_GRADIENT,
  TW_ASK_HVP,              /* of the objective */
  TW_ASK_LAGRANGIAN_HVP,
  TW_ASK_HESSIAN,
  TW_ASK_LAGRANGIAN_HESSIAN,
  TW_ASK_RESIDUAL,
  TW_ASK_RESIDUAL_JVP,
  TW_ASK_RESIDUAL_VJP,
  TW_ASK_RESIDUAL_JACOBIAN,
  TW_ASK_CONSTRAINTS,
  TW_ASK_CONSTRAINTS_JVP,
  TW_ASK_CONSTRAINTS_VJP,
  TW_ASK_CONSTRAINTS_JACOBIAN,
  TW_ASK_PROJECT,
  TW_ASK_PROX,
  TW_ASK_REGULARIZER,
  TW_ASK_MIRROR,
  TW_ASK_START,
  TW_ASK_BOUNDS,
  TW_ASK_C_BOUNDS,
  TW_ASK_OFFSET,
  TW_ASK_CONIC,  /* the numbers of the conic form, one after the other */
  TW_ASK_SPARSE, /* the values of a sparse matrix, one question for each tw_matrix */
  TW_QUESTIONS = TW_ASK_SPARSE + TW_MATRICES
} tw_question;

/* Groups of inputs. A group that follows the variables (or constraints) has one input for each, which reads its part of a
 * flat vector; the others are one input. */
typedef enum tw_group {
  TW_GROUP_PARAMETERS, /* level 0 */
  TW_GROUP_X,          /* level 1: the variables */
  TW_GROUP_FLAT,       /* level 1: all variables as one vector */
  TW_GROUP_Y,          /* level 1: multipliers, one for each constraint */
  TW_GROUP_V,          /* level 2: a direction, one for each variable */
  TW_GROUP_U,          /* level 2: one for each row of the residual */
  TW_GROUP_W,          /* level 2: one for each row of each constraint */
  TW_GROUP_ETA,        /* level 2: a step */
  TW_GROUPS
} tw_group;

typedef struct tw_place_out { /* where an output goes: an element of one of two arrays */
  int array;
  int64_t offset;
} tw_place_out;

typedef struct tw_kit_matrix { /* a sparse matrix of derivatives, once asked for */
  bool known;
  tw_sparse_derivative derivative;
  tw_error refusal; /* why there is none */
} tw_kit_matrix;

typedef struct tw_kit_conic { /* the conic form, once asked for */
  bool known;
  struct tw_conic_form *form; /* NULL: refused */
  tw_error refusal;
} tw_kit_conic;

/* What is compiled, shared by an oracle and its clones; changed under the graph's lock alone. */
typedef struct tw_kit {
  int users;
  const tw_problem *problem;
  tw_class cls;
  tw_domain *set; /* of every variable, bounds included */
  int64_t k;
  tw_expr *input[TW_GROUPS];
  int count[TW_GROUPS];
  tw_fn *fn[TW_QUESTIONS];
  tw_place_out *out[TW_QUESTIONS];
  int n_out[TW_QUESTIONS];
  tw_kit_matrix matrix[TW_MATRICES];
  tw_kit_conic conic;
} tw_kit;

tw_status tw_kit_new(tw_kit **kit, const tw_problem *p, const tw_class *cls, tw_error *error);
void tw_kit_release(tw_kit *kit);
/* Compiles the question's function when it is first asked. */
tw_status tw_kit_compile(tw_kit *kit, tw_question question, tw_error *error);
/* Derives a sparse matrix when it is first asked for (sparse.c). The kit owns the pattern. */
tw_status tw_kit_sparse(tw_kit *kit, tw_matrix matrix, const tw_sparse_derivative **out, tw_error *error);
/* TW_STORE_SPARSE by tw_oracle_storage's rule, else TW_STORE_DENSE. */
tw_storage tw_pattern_storage(const tw_pattern *pattern, tw_matrix matrix);
/* The conic form, derived when it is first asked for (conic.c); the kit's. */
tw_status tw_kit_conic_form(tw_kit *kit, const struct tw_conic_form **out, tw_error *error);
void tw_kit_conic_free(tw_kit *kit);
/* The groups that a question reads, a bit each. */
unsigned tw_question_groups(tw_question question);
bool tw_kit_has_mirror(const tw_kit *kit);
/* The parameter values of an oracle made by tw_oracle_from_problem, in the problem's order. */
const void *const *tw_oracle_values(const tw_oracle *oracle);
/* What is compiled for an oracle made by tw_oracle_from_problem; NULL for others. */
tw_kit *tw_oracle_kit(const tw_oracle *oracle);
/* The lines of tw_oracle_describe on matrices, of those that the conic form is made of (describe.c). */
tw_status tw_oracle_describe_conic(const tw_oracle *oracle, tw_text *out, tw_error *error);

/* Collecting the outputs of a question (questions.c). */
typedef struct tw_answers {
  tw_kit *kit;
  tw_expr *expr;
  tw_place_out *place;
  int n, capacity;
} tw_answers;
/* f, with multipliers f + y'c; all constraints as one vector. */
tw_expr tw_kit_lagrangian(const tw_kit *kit, bool multipliers);
tw_expr tw_kit_constraints(const tw_kit *kit);
/* The prox of eta times variable i's regularizer, and the projection on its set, at the variable. */
tw_expr tw_kit_prox(const tw_kit *kit, int i);
typedef void tw_question_build(tw_answers *answers);
extern tw_question_build *const tw_question_builders[TW_QUESTIONS];
void tw_answer(tw_answers *answers, tw_expr e, int array, int64_t offset);

#endif
