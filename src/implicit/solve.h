/* The implicit linear solve: what its rules and its kernel share. */
#ifndef TALWEG_IMPLICIT_SOLVE_H
#define TALWEG_IMPLICIT_SOLVE_H

#include "implicit/nested.h"

typedef struct tw_solve_attr {
  const tw_body *body; /* (v [n], p..) -> [n] */
  int64_t symmetric, masked;
  tw_linear_choice choice;
} tw_solve_attr;

/* tw_implicit_solve by a solver of choice (NULL: automatic). */
tw_expr tw_implicit_solve_by(tw_graph *graph, const tw_body *body, int n_p, const tw_expr *p, tw_expr b, tw_expr free_mask,
                             bool symmetric, const tw_linear_choice *choice);

/* Operands: b, the mask when there is one, then p. */
tw_expr tw_solve_rhs(tw_expr node);
tw_expr tw_solve_mask(tw_expr node);
int tw_solve_first(tw_expr node);

/* u -> L(.; p)' u, over the same params. NULL on failure. */
const tw_body *tw_solve_transposed(const tw_body *body);

/* What the last call of one workspace found. */
typedef struct tw_solve_evidence {
  bool used;
  double residual;  /* |b - L v| / |b| on the free rows, worst right-hand side */
  double condition; /* estimate; inf: singular */
  int factorizations;
  int64_t products; /* with L or L', */
  double flops;     /* and what they took */
  const char *by;   /* the solver used last; NULL: none was needed */
} tw_solve_evidence;
const tw_solve_evidence *tw_solve_evidence_of(const void *state);

tw_status tw_solve_kernel(const tw_call *call);
tw_status tw_solve_prepare(tw_expr node, unsigned mode, void **prepared, tw_error *error);
void tw_solve_release(void *prepared);
tw_status tw_solve_open(tw_expr node, void *prepared, void **state, tw_error *error);
void tw_solve_close(void *state);
void tw_solve_visit(void *state, tw_state_visitor *visitor, void *context);
void tw_solve_memory(void *state, tw_memory_visitor *visitor, void *context);

#endif
