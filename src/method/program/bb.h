/* bb: branch and bound over convex relaxations. Shared by the files of the method branch_and_bound. Private to method/program.
 *
 *   min f(x)  subject to  rl <= c(x) <= ru,  l <= x <= u,  x_j integer for j in I
 *
 * A node is the problem with other bounds on I. Its relaxation drops integrality; being convex, its solution bounds f on the node
 * from below. What a resumed run needs lives in vectors of the run: `head`, `pseudo`, and the open nodes in blocks. */
#ifndef TALWEG_METHOD_BB_H
#define TALWEG_METHOD_BB_H

#include "method/driver.h"
#include "method/program/bb_lp.h"
#include "method/program/qp.h"

enum {               /* head */
       TW_BB_OPEN,   /* open nodes */
       TW_BB_BLOCKS, /* of nodes */
       TW_BB_FOUND,  /* 1: run->x is feasible, f its objective */
       TW_BB_LOST,   /* the lowest bound of what was dropped although it was not proven worthless; inf: nothing was */
       TW_BB_SEQ,    /* nodes made so far */
       TW_BB_DIVE,   /* the open node to go on with, -1: none */
       TW_BB_PLUNGE, /* nodes since the last choice by bound */
       TW_BB_SOLVES, /* relaxations */
       TW_BB_BLIND,  /* 1: the relaxation is unbounded, the objective is left out and any feasible point ends the search */
       TW_BB_DOUBT,  /* relaxations that failed */
       TW_BB_LOWER,  /* the bound so far; the run's, where the relaxation is proven convex */
       TW_BB_VIOLATION, /* of run->x */
  TW_BB_HEAD
};
enum { /* a node; then lower bounds of I, upper bounds of I */
       TW_BB_BOUND,
       TW_BB_BORN, /* its number */
       TW_BB_DEPTH,
       TW_BB_VAR,   /* position in I of what made it, -1: the root */
       TW_BB_UP,    /* 1: by a larger lower bound */
       TW_BB_MOVED, /* how far that bound moved the relaxed value */
       TW_BB_NODE
};
enum { TW_BB_BLOCK = 256 };
enum { TW_BB_DOWN_SUM, TW_BB_DOWN_COUNT, TW_BB_UP_SUM, TW_BB_UP_COUNT, TW_BB_PSEUDO }; /* of each integer variable */

typedef enum tw_bb_verdict { TW_BB_FAILED, TW_BB_SOLVED, TW_BB_INFEASIBLE, TW_BB_UNBOUNDED } tw_bb_verdict;
typedef struct tw_bb_answer {
  tw_bb_verdict verdict;
  double f; /* of the relaxation, a lower bound of the node up to its tolerance */
} tw_bb_answer;

typedef struct tw_bb {
  tw_run *run;
  int64_t n, m, ni;
  int64_t *index;        /* ni: I */
  int64_t *place;        /* n: position in I, or -1 */
  bool is_qp;            /* f is quadratic and c linear: arrays instead of the oracle */
  tw_qp qp;              /* the relaxation's program, with tightened rows; its bounds are those of the node */
  tw_qp stated;          /* the problem's own */
  tw_qp pump;            /* the rows of qp with another objective; shares its arrays but q and p */
  tw_csc rows;           /* transpose of qp.a */
  tw_bb_lp *lp;          /* bases of a linear program's relaxations; NULL: interior points instead */
  tw_oracle oracle;      /* the relaxation of a nonlinear problem; of qp, stated, pump where a run of another method solves them */
  double *lower, *upper; /* n: of the nonlinear relaxation */
  double *root_lower, *root_upper;   /* n: integer bounds are integers */
  double *tight_lower, *tight_upper; /* n: what rows leave of the bounds of a node */
  double *x, *y;                     /* n, rows of qp (with cuts; or m): of the last relaxation */
  double *at;                        /* n: of the node's */
  double *multiplier;                /* as y: of the node's */
  double *point;                     /* n: a trial */
  double *work;                      /* 2 n + 2 m */
  double *best, *best_dual, best_f, best_violation;  /* n, m: a better point of this step */
  bool improved;
  double *node;     /* the node at hand */
  double *child[2]; /* nodes to be; the second is gone on with */
  int children;
  int64_t solves, doubts; /* of this step */
  double lost;            /* bounds of what this step drops */
  double learned;         /* rise per unit of the node's own branching; NaN: none */
  double *gain;           /* 2 ni: what strong branching measured in this step per unit, down and up; NaN: nothing */
  double grid;            /* f is a multiple of it at feasible points; 0: unknown */
  double *head, *pseudo, **block;
  int64_t blocks;
  int64_t *order; /* ni */
  double *score;  /* ni */
  double *allocation;
} tw_bb;

/* bb_open.c: memory, arrays, vectors of the run. tw_bb_close also after a failure. */
tw_status tw_bb_open(tw_bb **bb, tw_run *run);
void tw_bb_close(tw_bb *bb);

/* bb_node.c: the open nodes. */
static inline int64_t tw_bb_node_size(const tw_bb *bb) {
  return TW_BB_NODE + 2 * bb->ni;
}
static inline double *tw_bb_node(const tw_bb *bb, int64_t slot) {
  return bb->block[slot / TW_BB_BLOCK] + slot % TW_BB_BLOCK * tw_bb_node_size(bb);
}
tw_status tw_bb_fetch_blocks(tw_bb *bb);
tw_status tw_bb_push(tw_bb *bb, const double *node, int64_t *slot);
void tw_bb_remove(tw_bb *bb, int64_t slot);
int64_t tw_bb_select(tw_bb *bb);                   /* -1: none is open */
double tw_bb_lowest(const tw_bb *bb);              /* bound over all open nodes; inf: none */
double tw_bb_cutoff(const tw_bb *bb);              /* nodes whose bound is not below it hold nothing that matters */
double tw_bb_raise(const tw_bb *bb, double bound); /* to the next multiple of the grid */

/* bb_relax.c. A nonzero status: the run ends. */
void tw_bb_set_bounds(tw_bb *bb, const double *node);   /* of I, the others as at the root */
tw_status tw_bb_relax(tw_bb *bb, tw_bb_answer *answer); /* at the bounds set; x and y */
/* Integer variables fixed at `values` [n] (rounded), the rest optimal: offered as the better point. */
tw_status tw_bb_complete(tw_bb *bb, const double *values);
tw_status tw_bb_evaluate(tw_bb *bb, const double *x, double *f, double *violation); /* at a point; violation of everything */
/* The rows' program with objective q (n) at the bounds set. */
tw_status tw_bb_relax_pump(tw_bb *bb, const double *q, tw_bb_answer *answer);

/* bb_tighten.c */
bool tw_bb_propagate(tw_bb *bb, double *lower, double *upper); /* n each; false: infeasible */
void tw_bb_tighten_rows(tw_bb *bb);
/* Bounds of I in a node from the multipliers of its relaxation and the cutoff. */
void tw_bb_fix_by_cost(tw_bb *bb, const tw_bb_answer *answer, double *node);
double tw_bb_grid(const tw_bb *bb);

/* bb_cuts.c: rows of qp that integer points meet and its relaxation does not; at most tw_bb_cuts_most. */
tw_status tw_bb_cut(tw_bb *bb);
int64_t tw_bb_cuts_most(const tw_bb *bb);
static inline int64_t tw_bb_rows(const tw_bb *bb) { return bb->is_qp ? bb->qp.m : bb->m; }

/* bb_process.c: the node in a slot; what comes of it is in children, improved, gain, learned, lost. */
tw_status tw_bb_process(tw_bb *bb, int64_t slot, bool *unbounded);

/* bb_branch.c: the variable to branch on, -1: none is fractional. *bound rises where a branch proves empty; *empty: both are.
 * node: its bounds may shrink. */
tw_status tw_bb_branch(tw_bb *bb, const tw_bb_answer *answer, double *node, int64_t *chosen, bool *changed, bool *empty);
int64_t tw_bb_fractional(tw_bb *bb, const double *x); /* how many; bb->order */
void tw_bb_learn(tw_bb *bb, int64_t var, bool up, double per_unit);

/* bb_heuristic.c: feasible points from the relaxation at bb->at. */
tw_status tw_bb_search(tw_bb *bb, const double *node);

#endif
