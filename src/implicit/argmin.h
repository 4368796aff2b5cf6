/* The op of nested problems: what the evidence and the sensitivities need of it. */
#ifndef TALWEG_IMPLICIT_ARGMIN_H
#define TALWEG_IMPLICIT_ARGMIN_H

#include "implicit/nested.h"

typedef struct tw_argmin_evidence {
  bool used;
  double residual;    /* of the inner optimality condition, as the method measured it */
  double condition;   /* of the condition that is differentiated: see tw_exactness; 0 where it was not measured */
  double margin;      /* smallest strict-complementarity margin; inf when nothing is at stake */
  tw_outcome outcome; /* of the inner run */
  const char *method, *word;
} tw_argmin_evidence;

const tw_nested *tw_nested_of(tw_expr node);
tw_argmin_evidence tw_argmin_evidence_of(const void *state);
/* tw_nested_exactness at the last solution. Its error is inf when the linear system cannot be solved, NaN when out of memory. */
typedef struct tw_exact {
  double error, residual;
} tw_exact;
tw_exact tw_argmin_exactness(void *state);

/* The larger of stationarity and feasibility; NaN (not applicable) feasibility does not count, NaN
 * stationarity does. */
double tw_worst_residual(const tw_optimality *optimality);

/* tw_work_evidence of derivatives at a solution that was found elsewhere. */
void tw_work_evidence_with(tw_work *work, const tw_argmin_evidence *solution, double derivative_error,
                           tw_evidence *evidence);

/* The evidence of derivatives at a solution by one linear solve; `kind` and `why` tell what they are. */
struct tw_solve_evidence;
void tw_evidence_at(const tw_argmin_evidence *solution, const struct tw_solve_evidence *solve, double derivative_error,
                    tw_derivative_kind kind, const char *why, tw_evidence *evidence);
/* A solve that stopped short of its tolerance is used when its residual is no larger than this. */
extern const double tw_acceptable_residual;
/* Condition numbers beyond this are singular. */
extern const double tw_good_condition;
/* Conditions with a larger residual do not hold: see tw_exactness. */
extern const double tw_good_residual;

/* The derivatives along dtheta, with z held, of outputs over the params of `body` (variables, theta, ..) at
 * args. */
void tw_theta_jvp(const tw_nested *nested, const tw_body *body, const tw_expr *args, const tw_expr *dtheta,
                  int n_outputs, const tw_expr *outputs, tw_expr *results);
/* Cotangents of the n theta that are asked for, from one of map(dtheta), which is linear in dtheta: its
 * transpose, by reverse mode. */
typedef tw_expr tw_theta_map(const void *context, const tw_expr *dtheta);
void tw_theta_transpose(tw_graph *graph, int n, const tw_expr *theta, tw_theta_map *map, const void *context,
                        tw_expr cotangent, tw_expr *cotangents);

#endif
