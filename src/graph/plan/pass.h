/* A pass: element-wise work over n elements in one sweep, block by block, with reductions at its end. What it computes in
 * between stays in registers: blocks of a few hundred elements that live in the first-level cache.
 *
 * A pass is a list of instructions on values. A value is a block register, an operand read in place, a constant, or a
 * result written in place. All values have n elements in C order, or one that repeats. */
#ifndef TALWEG_GRAPH_PASS_H
#define TALWEG_GRAPH_PASS_H

#include "graph/node.h"
#include "graph/ops/loops.h"
#include "graph/ops/reduce.h"

typedef enum tw_value_kind {
  TW_VALUE_BLOCK,    /* a register: slot */
  TW_VALUE_OPERAND,  /* element i is element i of an operand */
  TW_VALUE_SCALAR,   /* the operand's only element repeats */
  TW_VALUE_CONSTANT, /* repeats */
  TW_VALUE_RESULT,   /* computed straight into a result */
  TW_VALUE_WINDOW,   /* set by TW_INSTR_SLIDE: somewhere in an operand; at: its step, 0 or 1 */
  TW_VALUE_LOCAL     /* a variable of compiled code */
} tw_value_kind;

typedef struct tw_value {
  tw_value_kind kind;
  tw_dtype dtype;
  int32_t at;  /* slot, operand or result */
  double bits; /* of a constant: its element's bytes */
  size_t bytes; /* of an element; set when it is added */
} tw_value;

typedef enum tw_instr_kind {
  TW_INSTR_MAP,    /* out = loop(in ..) */
  TW_INSTR_VIEW,   /* out = elements of operand `array` in the order of `view` */
  TW_INSTR_IOTA,   /* out = 0, 1, .. */
  TW_INSTR_GATHER, /* out = array[in[0] ..] */
  TW_INSTR_SLIDE,  /* the same where positions are affine in the element's number */
  TW_INSTR_FOLD,   /* result `out` = fold of in[0] */
  TW_INSTR_NATIVE  /* several maps in one loop of compiled code */
} tw_instr_kind;

enum {
  TW_PASS_TERMS = 4,
  TW_PASS_ROW = 1024 /* elements of a row that is reduced, and of a block, at most */
};

/* An index that is constant + slope i + sum_t coefficient_t scalar_t at element i. */
typedef struct tw_affine {
  int64_t constant, slope;
  int n;
  int32_t scalar[TW_PASS_TERMS]; /* node ids, then operands of the pass */
  int64_t coefficient[TW_PASS_TERMS];
} tw_affine;

typedef enum tw_fold_shape { TW_FOLD_ALL, TW_FOLD_ROWS, TW_FOLD_COLUMNS } tw_fold_shape;

typedef struct tw_instr {
  tw_instr_kind kind;
  int32_t node; /* id, for dumps, profiles and emission */
  tw_loop *loop;
  int n;
  int32_t in[TW_MAX_RANK]; /* values */
  int32_t out;             /* value; of a fold: the result */
  int32_t array;           /* operand */
  tw_view view;            /* VIEW: innermost axis first, extents and steps in elements */
  int rank;                /* GATHER, SLIDE: indexed axes */
  int64_t extent[TW_MAX_RANK];
  tw_affine affine[TW_MAX_RANK];
  tw_fold_shape shape; /* FOLD */
  tw_fold_id fold, combine;
  size_t partial; /* FOLD: offset of the blocks' results in the step's scratch */
  int32_t turn;           /* MAP: by which of the pass's functions of a mathematical library; -1: plain arithmetic */
  int32_t first, cluster; /* NATIVE: pass->map[first .. first+n-1]; number of its function */
} tw_instr;

/* Compiled maps over n elements of the values `at`. */
typedef void tw_native_map(int64_t n, char *const *at);

typedef struct tw_pass {
  int64_t n;     /* elements */
  int64_t block; /* elements at a time; a multiple of `row` */
  int64_t tile;  /* elements a thread takes at a time; a multiple of `block` */
  int64_t row;   /* rows of a reduction must not be cut; 1: none */
  int n_values, n_instrs, n_operands, n_results, slots;
  tw_value *value;
  tw_instr *instr;
  int32_t *operand; /* node ids */
  int32_t *result;  /* node ids */
  int32_t *last;    /* per operand: the last instruction that reads it in place; INT32_MAX: not element by element */
  int workers;      /* threads at most */
  size_t slot_bytes, room_bytes; /* of a register; of a worker's registers and pointers, at the start of the scratch */
  size_t scratch;
  tw_instr *map; /* of NATIVE instructions */
  int n_maps;
  int turns;   /* maps by functions of a mathematical library */
  struct tw_pass *native; /* the same with plain arithmetic in compiled loops; NULL: nothing to gain. Shares operand, result */
  double gain;            /* seconds that `native` is estimated to save in a run */
  double flops, bytes; /* of one run */
  int64_t work;        /* element operations, for the number of threads */
} tw_pass;

/* Gives `pass` its native form, when there is something to gain; clusters are numbered from *clusters on. False when out of
 * memory. In cluster.c. */
bool tw_pass_cluster(tw_pass *pass, tw_graph *graph, int32_t *clusters);
/* Whether the node's formula is arithmetic without calls, which gives the same bits in compiled C. In cluster.c. */
bool tw_is_plain(tw_expr node);
/* A map that is not. */
static inline bool tw_needs_loop(const tw_instr *instr, tw_graph *graph) {
  return instr->kind == TW_INSTR_MAP && !tw_is_plain(tw_at(graph, instr->node));
}
/* Whether the value is the same for all elements. */
static inline bool tw_value_repeats(const tw_value *value) {
  return value->kind == TW_VALUE_SCALAR || value->kind == TW_VALUE_CONSTANT || (value->kind == TW_VALUE_WINDOW && !value->at);
}
/* Registers of block values, and until when operands are read in place. */
bool tw_pass_set_slots(tw_pass *pass);
bool tw_pass_set_last_reads(tw_pass *pass);
void tw_pass_free(tw_pass *pass);
/* Flops of instruction i, and the bytes that it is the first to read and those that it writes; read[operand] is set. */
void tw_pass_cost(const tw_pass *pass, tw_graph *graph, int i, bool *read, double *flops, double *bytes);

/* Pointers of one run. */
typedef struct tw_pass_call {
  const tw_pass *pass;
  tw_graph *graph;
  const void *const *in; /* operands */
  void *const *out;      /* results */
  char *scratch;
  tw_native_map *const *native; /* by cluster */
  const tw_exec *exec;
  tw_error *error;
} tw_pass_call;

tw_status tw_pass_run(const tw_pass_call *call);

#endif
