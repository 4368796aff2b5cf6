/* explain: why a problem has no feasible point: an irreducible infeasible subset of its limits. Private to the library. */
#ifndef TALWEG_METHOD_EXPLAIN_H
#define TALWEG_METHOD_EXPLAIN_H

#include <talweg/method.h>

/* A limit, or both of an equality: of row `index`, or of a variable. */
typedef struct tw_member {
  bool row;
  int64_t index;
  bool lower, upper;
  double limit;
} tw_member;

typedef enum tw_explain_verdict { TW_EXPLAIN_UNDECIDED, TW_EXPLAIN_FEASIBLE, TW_EXPLAIN_INFEASIBLE } tw_explain_verdict;

typedef struct tw_explanation {
  tw_explain_verdict verdict;
  bool integral;     /* the relaxation is feasible: that variables are integers is part of the reason */
  bool local;        /* told by local solves of a problem that is not proven convex: evidence, no proof */
  bool irreducible;  /* without any one of its members the subset is feasible */
  tw_member *member; /* the subset; owned */
  int64_t members, tests;
  int64_t crossing; /* pairs of limits that cross, of which the subset is the first */
  double residual;  /* the largest violation at the best point found; NaN: no point was looked for */
  char message[TW_MESSAGE_MAX];
} tw_explanation;
void tw_explanation_free(tw_explanation *e);

/* Looks for a feasible point, and where there is none reduces the limits to a subset that is infeasible and becomes feasible
 * when any one is dropped. Linear problems: by the support of a Farkas certificate, then the deletion filter (Chinneck &
 * Dravnieks 1991); others by the elastic filter, then the deletion filter. The objective plays no part. exec: deadline, stop;
 * when they end the search the subset so far is told, not irreducible. TW_ERR_UNSUPPORTED: variables on sets that are no boxes. */
tw_status tw_explain(const tw_oracle *oracle, const tw_exec *exec, tw_explanation *out, tw_error *error);

#endif
