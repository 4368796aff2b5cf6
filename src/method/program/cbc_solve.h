/* cbc_solve: a linear program, mixed-integer or not, by CBC and its Clp in a copy of the process. Private to method/program. */
#ifndef TALWEG_METHOD_CBC_SOLVE_H
#define TALWEG_METHOD_CBC_SOLVE_H

#include "method/program/qp.h"

typedef enum tw_cbc_verdict { TW_CBC_FAILED, TW_CBC_OPTIMAL, TW_CBC_INFEASIBLE, TW_CBC_UNBOUNDED, TW_CBC_STOPPED } tw_cbc_verdict;

typedef struct tw_cbc_answer {
  tw_cbc_verdict verdict;
  bool relaxed;   /* infeasible or unbounded is already the relaxation, and `certificate` may prove it */
  bool found;     /* x is there */
  bool priced;    /* y is there: of the program whose integer variables are fixed as in x */
  bool certified; /* `certificate` is there: m multipliers (infeasible), or a direction of n numbers (unbounded) */
  int64_t nodes, iterations;
  double bound;                /* of the objective with its constant */
  double *x, *y, *certificate; /* n, m, max(n, m) */
} tw_cbc_answer;

typedef struct tw_cbc_task {
  double gap, seconds; /* relative gap; time limit, <= 0: none */
  int64_t nodes;       /* limit; <= 0: none */
  uint64_t seed;
  const tw_logger *log;         /* what CBC prints goes here, at debug level; may be NULL */
  bool (*go_on)(void *context); /* may be NULL */
  void *context;
} tw_cbc_task;

/* The quadratic part is not looked at. TW_OK whatever the verdict; tw_cbc_answer_free when done. */
tw_status tw_cbc_solve(const tw_qp *qp, const tw_cbc_task *task, tw_cbc_answer **answer, tw_error *error);
void tw_cbc_answer_free(const tw_qp *qp, tw_cbc_answer *answer);

#endif
