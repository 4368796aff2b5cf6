/* One implicit linear system while it is solved: products with it, its entries, its solvers. */
#ifndef TALWEG_IMPLICIT_SYSTEM_H
#define TALWEG_IMPLICIT_SYSTEM_H

#include "graph/node.h"
#include "implicit/solve.h"

enum {
  TW_SYSTEM_DENSE_LIMIT = 512,  /* free unknowns up to which the system is assembled by itself, */
  TW_SYSTEM_DENSE_MOST = 8000,  /* and when that is asked for */
  TW_SYSTEM_FEW = 4,            /* right sides for which a large system is iterated before it is factorized */
  TW_SYSTEM_BUCKETS = 24        /* restricted functions, for up to 2^b free unknowns */
};
extern const double tw_system_consistent; /* residual that an answer must meet */

/* A function u -> (L scatter(u, index))[index], for `room` free unknowns: inputs p.. and index, then u at level 1. */
typedef struct tw_restricted {
  bool known; /* whether it was tried; fn NULL: the graph does not part so */
  int64_t room;
  tw_fn *fn;
} tw_restricted;

/* p.. -> the entries of L by its sparsity. */
typedef struct tw_entries_fn {
  bool known;
  tw_pattern pattern;
  tw_fn *fn; /* NULL: not sparse */
} tw_entries_fn;

typedef struct tw_solve_prepared {
  tw_expr node;
  unsigned mode;
  int64_t n;
  tw_fn *apply, *apply_transpose; /* (p.. at level 0, v at level 1) -> L v; NULL transpose: symmetric */
  const tw_body *transpose;
  /* made when first needed, under the graph's lock */
  tw_restricted restricted[2][TW_SYSTEM_BUCKETS]; /* of L, of L' */
  tw_entries_fn entries;
} tw_solve_prepared;

typedef struct tw_solve_state {
  tw_solve_prepared *p;
  tw_work *work, *work_transpose;
  tw_work *restricted[2][TW_SYSTEM_BUCKETS];
  tw_solve_evidence evidence;
} tw_solve_state;

typedef struct tw_system {
  const tw_call *call;
  tw_solve_state *s;
  const tw_linear_choice *choice;
  bool symmetric;
  int64_t n, m;        /* all unknowns, free ones */
  int64_t *free_index; /* n */
  double *v, *lv;      /* n: full products, and restricted ones */
  const void **in;     /* operands of the body: p.., then v */
  const void **in_restricted; /* p.., index, u */
  int64_t *index;      /* of the restricted function, `room` long; NULL: products over all n */
  int bucket;
  int level[2], level_restricted[2];
  bool later; /* it is not factorized before iteration has proven slow */
  /* once factorized */
  double *dense; /* m x m row-major L_MM */
  tw_csc sparse; /* likewise; start NULL: not made */
  tw_factor *factor;
  tw_precond *precond;
  bool conditioned; /* precond was looked for */
} tw_system;

/* y = (L_MM + ridge) x (or its transpose). */
tw_status tw_system_apply(tw_system *a, bool transpose, const double *x, double *y);
/* lv = L v over all unknowns. */
tw_status tw_system_apply_full(tw_system *a, bool transpose);
/* Chooses the restricted products when the graph has them. */
tw_status tw_system_restrict(tw_system *a);
tw_linop tw_system_linop(tw_system *a, unsigned flags);

/* Entries of L by sparsity: *found false where it is not sparse. The matrix is L_MM (with the ridge). */
tw_status tw_system_sparse(tw_system *a, bool *found);
/* Factorizes by the choice; a->factor stays NULL where, automatically, it is not to be trusted or not to be had. */
tw_status tw_system_factorize(tw_system *a);
/* x of one right-hand side by iteration. */
tw_status tw_system_iterate(tw_system *a, const double *b, double *x);
/* By a few iterations of CG or GMRES: a well-conditioned system is solved before its factors would be found. */
tw_status tw_system_try(tw_system *a, const double *b, double *x, bool *done);
tw_status tw_system_least_norm(tw_system *a, const double *b, double *x);
/* Whether u'Lv = v'Lu for two random vectors. */
tw_status tw_system_is_symmetric(tw_system *a, bool *symmetric);
/* TW_ERR_ARGUMENT where the solver asked for needs symmetry that is not there. */
tw_status tw_system_refuse_asymmetric(tw_system *a);

static inline tw_status tw_system_oom(const tw_system *a) {
  return tw_fail(a->call->error, TW_ERR_MEMORY, "implicit_solve: out of memory");
}

#endif
