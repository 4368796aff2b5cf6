/* qp_session: a convex quadratic program from presolve to polish, one iteration at a time. Three programs are worked on in turn,
 * as far as needed: the program itself; where that does not come to an end, the least violation of its rows (qp_certify.h), whose
 * dual solution is a Farkas certificate; where there is none, the steepest ray. Private to method/program. */
#ifndef TALWEG_METHOD_QP_SESSION_H
#define TALWEG_METHOD_QP_SESSION_H

#include "method/program/mehrotra.h"
#include "method/program/presolve.h"

typedef enum qp_stage_kind { QP_ITSELF, QP_ELASTIC, QP_RECESSION, QP_STAGES } qp_stage_kind;

enum { /* saved numbers */
  QP_STAGE,
  QP_STARTED,
  QP_POLISH_BELOW, /* the error at which the next polish is due */
  QP_SEEN,         /* 1: a point was measured */
  QP_VIOLATION,    /* then the least violation of a point so far, relative to the limits */
  QP_PLAIN,        /* 1: without presolve, after all stages with it came to nothing */
  QP_NUMBERS
};

typedef struct qp_stage { /* one program on its way */
  const tw_qp *qp;
  tw_qp own; /* what qp points at, unless it is the session's */
  tw_presolve pre;
  tw_mehrotra ipm;
  bool open;
  double *rx, *ry, *rz;          /* of the reduced program */
  double *x, *y, *z, *work;      /* of the program */
  tw_optimality optimality;      /* at x, y, z */
  bool exact;                    /* they are polished */
} qp_stage;

typedef struct tw_qp_session {
  const tw_qp *qp;
  double tolerance;
  bool presolve, polish;
  double *(*memory)(void *context, const char *name, int64_t n); /* saved vectors: the same for the same name, zeros at first */
  void *context;
  double *number;
  qp_stage_kind kind; /* of the stage */
  bool plain;
  qp_stage stage;
  /* the answer so far, in the program's own units */
  double *x, *y, *z, *work;   /* n, m, n, 2 n + m */
  double *farkas_y, *farkas_z; /* m, n: scratch */
  double f;
  double gap; /* sum of all products of multipliers and distances to limits */
  tw_optimality optimality;
  tw_outcome outcome;
  double margin;     /* of the certificate */
  double limit_size; /* 1 + the largest |limit| */
  int64_t iterations;
  bool exact; /* on its active set */
} tw_qp_session;

/* Fields up to `context` are the caller's. Goes on where saved vectors say. tw_qp_session_close also after a failure. */
tw_status tw_qp_session_open(tw_qp_session *s, tw_error *error);
void tw_qp_session_close(tw_qp_session *s);
/* After saved vectors were replaced. */
tw_status tw_qp_session_refresh(tw_qp_session *s, tw_error *error);
/* The present point is good enough: polishes it and ends. */
tw_status tw_qp_session_settle(tw_qp_session *s, tw_error *error);
/* The start, or an iteration. When it is over, `outcome` is TW_SOLVED, TW_INFEASIBLE (y, z: a certificate), TW_UNBOUNDED (x: a ray) or
 * TW_FAILED. An error only when memory runs out. */
tw_status tw_qp_session_step(tw_qp_session *s, tw_error *error);
/* How far optimality is from 0 beside the sizes of the program's numbers. */
double tw_qp_relative(const tw_qp *qp, const double *x, double f, const tw_optimality *e);

/* qp_stage.c */
tw_status qp_stage_open(qp_stage *g, qp_stage_kind kind, const tw_qp *qp, bool presolve, tw_error *error);
void qp_stage_close(qp_stage *g);
/* The interior point as it is, in the program's units. */
void qp_stage_report(qp_stage *g);
/* On its active set, where that is better; sets `exact`. */
tw_status qp_stage_polish(qp_stage *g, double tolerance, tw_error *error);
/* rx, ry as a point on its active set: x, y, z, and `exact` if they meet the tolerance. */
void qp_stage_accept(qp_stage *g, double tolerance);

#endif
