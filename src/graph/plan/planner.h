/* What planning knows while it turns outputs into steps. */
#ifndef TALWEG_GRAPH_PLANNER_H
#define TALWEG_GRAPH_PLANNER_H

#include "graph/plan/plan.h"

/* What a node becomes. */
typedef enum tw_role {
  TW_ROLE_LEAF,    /* an input of the function or a constant: already there */
  TW_ROLE_ALIAS,   /* another node's memory */
  TW_ROLE_STEP,    /* computed by its kernel */
  TW_ROLE_MAP,     /* computed in a pass, element by element */
  TW_ROLE_GATHER,  /* likewise, looking up an array that is there as a whole */
  TW_ROLE_FOLD,    /* reduces what its pass computes */
  TW_ROLE_VIRTUAL  /* a view, an iota or a slide: made anew, at no cost, in every pass that reads it; a step for others */
} tw_role;

/* What planning knows of a node, by id. */
typedef struct tw_fact {
  int level;
  int32_t base;   /* the node whose buffer holds the value; itself unless an alias */
  size_t offset;  /* bytes into the base */
  int32_t last;   /* step of the last reader; n_steps when kept to the end */
  int reader;     /* highest level of a reader */
  tw_place place; /* of a base */
  tw_role role;
  int32_t stage;  /* longer than the stages of everything that must be complete before */
  int32_t group;  /* union-find parent among the nodes of a pass; then its representative */
  int64_t row;    /* of a representative: see tw_pass */
  int32_t number; /* of a representative: that of its group, -1: none yet */
  bool needed;    /* somebody reads it */
  bool outside;   /* .. from memory: other steps, other passes, the caller */
  bool cheap;     /* a MAP that other passes had better compute again than read */
  int32_t step;   /* that computes it */
  int32_t buffer; /* that holds it */
  int32_t held;   /* .. and its entry of fn->held */
  int32_t value;  /* in the pass under construction */
  int32_t stamp;  /* .. whose number this is */
} tw_fact;

typedef struct tw_planner {
  tw_graph *graph;
  tw_fn *fn;
  int32_t *order, count; /* topological */
  tw_fact *fact;
  int32_t *operand, *result; /* node ids, in the order of fn->operand and fn->result */
  bool fused;
  int32_t stamp;
  tw_error *error;
} tw_planner;

/* One thing that computing a node takes. */
typedef struct tw_need {
  int32_t id;     /* not a virtual node unless it is read as a whole */
  bool pointwise; /* element i for element i */
} tw_need;
/* Of one node at most: an operand read through a slide takes its array and all numbers in its indices; a look-up has an array
 * and TW_MAX_RANK indices; and in place of each of these may stand the operands of a cheap node. */
enum { TW_SLIDE_NEEDS = 1 + TW_MAX_RANK * TW_PASS_TERMS, TW_NEEDS = 1 + TW_MAX_RANK * TW_MAX_OPERANDS * TW_SLIDE_NEEDS };

/* Roles, stages, groups, and which nodes are needed and from where. */
bool tw_fuse(tw_planner *p, int n_outputs, const tw_expr *outputs);
/* What a node of a pass takes, once groups are made: of cheap nodes of other groups, what those take. */
int tw_needs(const tw_planner *p, int32_t id, tw_need *need);
/* The node read when `id` is read element by element: through aliases of the same size. */
int32_t tw_pointwise(const tw_planner *p, int32_t id);
int32_t tw_group_of(const tw_planner *p, int32_t id);
/* The value of a constant whose elements are all equal; its element's bytes. */
bool tw_repeated_constant(tw_graph *graph, int32_t id, double *bits);

/* Position `i` of the indices of a take with affine positions. */
bool tw_affine_of(tw_graph *graph, int32_t index, int64_t n, tw_affine *affine);

/* fn->step, and p->operand and p->result behind it. */
tw_status tw_make_steps(tw_planner *p);
/* Places of all operands and results, copies of outputs, the size of the workspace. */
tw_status tw_set_buffers(tw_planner *p, int n_outputs, const tw_expr *outputs);

/* Segments of fn->step. */
void tw_set_segments(tw_fn *fn);

/* The program of the pass whose representative is `group`; NULL when out of memory. */
tw_pass *tw_pass_make(tw_planner *p, int32_t group, const int32_t *member, int32_t count);

#endif
