/* explain_engine: how a subset of limits is tested. Private to method/program. */
#ifndef TALWEG_METHOD_EXPLAIN_ENGINE_H
#define TALWEG_METHOD_EXPLAIN_ENGINE_H

#include "method/explain.h"
#include "method/program/qp.h"

/* All limits of a problem. */
typedef struct tw_limits {
  int64_t n, m;
  const double *lower, *upper, *row_lower, *row_upper;
  tw_member *member;
  int64_t count;
} tw_limits;
tw_status tw_limits_new(tw_limits *limits, const tw_oracle *oracle, tw_error *error);
/* The limits that the members leave: rows to rl, ru [m], variables to l, u [n]; the others infinite. */
void tw_limits_keep(const tw_limits *limits, const bool *in, double *rl, double *ru, double *l, double *u);

typedef struct tw_test {
  tw_explain_verdict verdict;
  double residual; /* largest violation where it ended; NaN: unknown */
} tw_test;

typedef struct tw_engine {
  void *context;
  /* Is there a point within the members that are `in`? `hard` rows (NULL: none) are kept exactly, the others at a price.
   * Infeasible: cause[k] says which members a proof rests on, or which rows are violated where the violation is least; all
   * false when that is not known. */
  tw_status (*test)(void *context, const bool *in, const bool *hard, tw_test *result, bool *cause, tw_error *error);
  bool proves; /* cause is the support of a proof */
} tw_engine;

/* in: all at first, the subset at the end. */
typedef struct tw_filter {
  const tw_limits *limits;
  bool *in, *cause, *hard; /* count each */
  int64_t tests;
  tw_test first; /* of all members */
  bool irreducible;
} tw_filter;
tw_status tw_filter_run(tw_filter *filter, const tw_engine *engine, tw_error *error);

/* explain_lp.c: linear programs by GLPK's simplex method, the whole filter in a copy of the process. */
tw_status tw_explain_lp(const tw_qp *qp, tw_filter *filter, const tw_exec *exec, tw_error *error);
/* explain_program.c: programs in arrays by a method; with or without integers. */
tw_status tw_explain_program(const tw_qp *qp, tw_filter *filter, const tw_exec *exec, tw_error *error);
/* explain_nlp.c: nonlinear problems by ipm. */
tw_status tw_explain_nlp(const tw_oracle *oracle, tw_filter *filter, const tw_exec *exec, tw_error *error);

/* A row counts as violated, a model as infeasible, beyond this violation relative to max(1, largest coefficient of the row). */
#define TW_EXPLAIN_TOLERANCE 1e-7

#endif
