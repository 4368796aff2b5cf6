/* graph: the descriptor of an op, for new ones inside and outside the library. */
#ifndef TALWEG_GRAPH_OP_H
#define TALWEG_GRAPH_OP_H

#ifndef TALWEG_GRAPH_H
#error "include <talweg/graph.h>, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_emitter tw_emitter;

typedef struct tw_type {
  tw_dtype dtype;
  tw_shape shape;
} tw_type;

typedef struct tw_args {
  tw_graph *graph;
  const tw_op *op;
  int n;
  const tw_expr *in;
  const void *attr;
} tw_args;

typedef struct tw_call {
  tw_expr node;
  const void *const *in; /* contiguous */
  void *out;             /* contiguous, uninitialised */
  void *scratch;         /* op->scratch(node) bytes, 64-byte aligned */
  void *state;           /* what op->open made */
  const tw_exec *exec;
  tw_error *error;
} tw_call;

/* How a result's elements lie in its operand: element [i_0, i_1, ..] is operand element offset + sum_k i_k stride[k], i_0
 * along the innermost axis. */
typedef struct tw_view {
  int rank;
  int64_t dim[TW_MAX_RANK], stride[TW_MAX_RANK], offset;
} tw_view;

/* An inner loop: out[r * n + i] = f(in[k][r * row[k] + i * step[k]] ..) for r < rows, i < n; step[k] is 0 or 1. out may be an
 * operand of out's element size. Loops of one operand are called with rows = 1 and step 1. */
typedef void tw_loop(int64_t rows, int64_t n, const void *const *in, const int64_t *row, const int64_t *step, void *out);

enum {
  TW_OP_ELEMENTWISE = 1, /* out[i] depends on the broadcast in[.][i] alone; see loop and formula */
  TW_OP_COMMUTATIVE = 2,
  TW_OP_ALIAS = 4,       /* out is in[0]'s memory from element op->alias(node) on */
  TW_OP_IMPURE = 8,      /* never shared nor folded (has state) */
  TW_OP_CONSTANT_DERIVATIVE = 16, /* derivative zero everywhere: no rules needed */
  TW_OP_BY_ROWS = 32     /* works on vectors along the last axis of in[0]: all operands have the same leading axes, and a slice of
                            the result is the op on slices of them */
};

/* What an op spends its time on, for profiles. Ops flagged TW_OP_ELEMENTWISE need not say so again. */
typedef enum tw_op_kind {
  TW_OP_KIND_OTHER,
  TW_OP_KIND_ELEMENTWISE,
  TW_OP_KIND_PRODUCT,
  TW_OP_KIND_CONVOLUTION,
  TW_OP_KIND_ATTENTION,
  TW_OP_KIND_FACTORIZATION, /* and solves with factors */
  TW_OP_KIND_REDUCTION,
  TW_OP_KIND_LOOKUP,
  TW_OP_KIND_MOVEMENT,
  TW_OP_KIND_SCAN,
  TW_OP_KIND_LOOP,
  TW_OP_KIND_NESTED, /* a solve */
  TW_OP_KINDS
} tw_op_kind;
/* "element-wise", "product", .. */
const char *tw_op_kind_name(tw_op_kind kind);
tw_op_kind tw_op_kind_of(const tw_op *op);

struct tw_op {
  const char *name, *summary;
  unsigned flags;
  tw_op_kind kind;
  int arity; /* -1: any number */
  size_t attr_bytes;
  /* Result type; on failure calls tw_graph_fail with the op's name and the offending shapes and returns false. */
  bool (*infer)(const tw_args *args, tw_type *type);
  /* An equivalent simpler expression, or TW_NONE. Optional. */
  tw_expr (*simplify)(const tw_args *args);
  tw_status (*kernel)(const tw_call *call);
  size_t (*scratch)(tw_expr node);
  int64_t (*alias)(tw_expr node);
  /* Element-wise ops that may be fused with others: the loop over the node's elements, which cannot fail (NULL: not for
   * this node), and the same as a C expression in the operands a, b, c, of their own C types, for the C that is written. */
  tw_loop *(*loop)(tw_expr node);
  const char *(*formula)(tw_expr node);
  /* Ops that rearrange in[0] by steps along axes tell where its elements go. */
  bool (*view)(tw_expr node, tw_view *view);
  /* Element-wise ops give d out / d in[i] (TW_NONE: zero) and get jvp and vjp from it. */
  tw_expr (*partial)(tw_expr node, int i);
  tw_expr (*jvp)(tw_expr node, const tw_expr *tangents);
  /* cotangents: TW_NONE on entry, TW_UNASKED of inputs whose cotangent will not be looked at; leave zeros so. */
  void (*vjp)(tw_expr node, tw_expr cotangent, tw_expr *cotangents);
  /* The op on inputs of which those marked have a leading axis of `size`. Optional for element-wise ops; without it
   * the op is looped over the batch. */
  tw_expr (*batch)(tw_expr node, int64_t size, const tw_expr *in, const bool *batched);
  double (*flops)(tw_expr node);
  /* Bytes read and written at least, where that is not every operand once and the result once; and those that the kernel
   * moves, where that is more (`prepared`: see below; NULL where there is none). Optional. */
  double (*bytes)(tw_expr node);
  double (*moved)(tw_expr node, const void *prepared);
  /* Writes C that computes the node: `in` and `out` are C expressions of pointers. See src/graph/emit/emit.h; ops with
   * `formula` or `view` alone need none. Optional: functions with ops that have none are refused by tw_source_add. */
  void (*emit)(tw_emitter *e, tw_expr node, const char *const *in, const char *out);
  /* Stateful ops: compile bodies once per tw_fn; open a state per workspace. All optional. */
  tw_status (*prepare)(tw_expr node, unsigned mode, void **prepared, tw_error *error); /* mode of the function around */
  void (*release)(void *prepared);
  const tw_fn *(*function)(const void *prepared, int i); /* the i-th function inside; NULL after the last */
  tw_status (*open)(tw_expr node, void *prepared, void **state, tw_error *error);
  void (*close)(void *state);
  void (*visit)(void *state, tw_state_visitor *visitor, void *context); /* bodies' states */
  void (*memory)(void *state, tw_memory_visitor *visitor, void *context); /* numbers carried from call to call */
  /* A typical node for the property tests over fresh inputs of dtype `dtype` drawn from [low, high]; variant 0, 1, ..
   * until TW_NONE. Ops without one are not in the table of built-in ops. */
  tw_expr (*example)(tw_graph *graph, tw_dtype dtype, int variant);
  double low, high;
};

/* A node of any op, built-in or the caller's own; attr is copied (op->attr_bytes). The descriptor must outlive the graph. */
tw_expr tw_node(tw_graph *graph, const tw_op *op, int n, const tw_expr *in, const void *attr);
/* The built-in ops of this room, for tests and documentation; NULL-terminated. */
const tw_op *const *tw_op_table(void);

#ifdef __cplusplus
}
#endif
#endif
