/* The questions of an oracle asked: a workspace for each, pointers into flat vectors, and what has changed since the last call. */
#ifndef TALWEG_PROBLEM_ASK_H
#define TALWEG_PROBLEM_ASK_H

#include "problem/oracle.h"

/* The workspace of a question, with the point it was last asked at: what depends on the point alone is then kept. */
typedef struct tw_asked {
  tw_work *work;
  const void **in;
  void **out;
  double *x, *y; /* NULL: the question has no direction, so its point is always new */
  bool fresh;    /* parameters as at the last call */
} tw_asked;

typedef struct tw_questions {
  tw_kit *kit;
  tw_exec exec;
  void **parameter; /* values, owned */
  tw_asked asked[TW_QUESTIONS];
  bool beside; /* the owner has opened functions of its own (blocks): remembered with the open questions */
} tw_questions;

typedef struct tw_point { /* where the groups of inputs read */
  const double *x, *y, *v, *u, *eta;
} tw_point;

/* Answers go where the kit says: to elements of `first` and `second`. A question is compiled when it is first asked. */
tw_status tw_ask(tw_questions *questions, tw_question q, const tw_point *at, double *first, double *second, tw_error *error);
void tw_ask_stale(tw_questions *questions); /* after parameters have changed */
void tw_ask_exec(tw_questions *questions, const tw_exec *exec);
void tw_ask_visit(tw_questions *questions, tw_state_visitor *visitor, void *context);
/* What states carry from call to call, of the questions asked so far; n < 0 when one of them cannot be opened again. */
void tw_ask_memory(tw_questions *questions, tw_memory_visitor *visitor, void *context);
/* Frees workspaces, parameters and kit. */
void tw_ask_close(tw_questions *questions);

#endif
