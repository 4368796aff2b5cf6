/* What a problem is inside. */
#ifndef TALWEG_PROBLEM_PROBLEM_H
#define TALWEG_PROBLEM_PROBLEM_H

#include <talweg/problem.h>

typedef struct tw_list { /* of pointers into the problem's arena */
  void **item;
  int count, capacity;
} tw_list;

typedef struct tw_report {
  const char *name;
  tw_expr expr;
} tw_report;

struct tw_problem {
  tw_graph *graph;
  tw_arena *arena;
  tw_goal goal;
  const char *objective_name;
  tw_expr objective;
  tw_list variables, parameters, constraints, reports;
  tw_list maps;     /* tw_expr *, one per variable, of a fixed point */
  tw_map *names;    /* of variables and parameters */
  tw_map *subjects; /* of constraints */
  tw_map *results;  /* of reports */
  int64_t size, rows;
  tw_expr *unknowns; /* the variables' expressions, as tw_depends wants them */
  int unknown_capacity;
  const tw_problem *around; /* of a nested problem: the one that states the parameters it captures; NULL: unknown */
  bool open; /* values of parameters tell their signs and nothing else (nested problems, whose parameters change) */
};

/* The value of an expression that depends on no variable, at the current values of the parameters; of one that depends on parameters
 * TW_ERR_ARGUMENT where the problem is open. */
tw_status tw_problem_evaluate(const tw_problem *p, tw_expr e, tw_array *out, tw_error *error);

#endif
