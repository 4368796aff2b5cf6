/* emit: planned functions written as C. What an op says of itself in C, and what it is told. */
#ifndef TALWEG_GRAPH_EMIT_H
#define TALWEG_GRAPH_EMIT_H

#include "graph/plan/plan.h"

/* One function being written. */
struct tw_emitter {
  tw_text *text;
  int indent;
  size_t work;     /* bytes of the work area in use */
  size_t work_most; /* .. and the most that ever were */
  int names;       /* fresh names handed out */
  int n_arguments; /* names that fresh ones must not equal */
  const char *const *argument;
  bool can_fail;   /* something written may return nonzero */
  bool native;     /* for the library itself, whose bits it gives: passes of segments (plan/segment.c) */
  int loops;       /* .. and how many of its loops are called: loop[0] .. */
  tw_status status;
  tw_error *error;
};

/* Where the values of a function's steps are, as C: a pointer expression for an operand or result. */
typedef struct tw_emit_frame {
  const tw_fn *fn;
  const char *const *input, *const *output; /* C names of pointers */
  const char *memory;                       /* where the function's buffers are: a pointer to bytes; NULL: `work` */
  size_t work;                              /* .. and their offset there */
  bool by_operand;                          /* what is not in buffers is found by the number of the operand or result: in[7], out[2] */
} tw_emit_frame;

enum { TW_EMIT_NAME = 96, TW_EMIT_POINTER = 256 };

/* The C type of a dtype's elements: "double" .. and the short name in runtime functions: "f64" .. */
const char *tw_c_type(tw_dtype dtype);
const char *tw_c_short(tw_dtype dtype);

/* A line at the present indent. */
void tw_emit_line(tw_emitter *e, const char *format, ...) TW_PRINTF(2, 3);
/* `{` (of a statement, or alone) and `}` of a block around lines. */
void tw_emit_open(tw_emitter *e, const char *format, ...) TW_PRINTF(2, 3);
void tw_emit_block(tw_emitter *e);
void tw_emit_close(tw_emitter *e);
/* A line that ends the function with a nonzero result when `condition` holds. */
void tw_emit_fail_if(tw_emitter *e, const char *format, ...) TW_PRINTF(2, 3);
/* "name7": never used before in this file. */
void tw_emit_name(tw_emitter *e, const char *stem, char *out);
/* Bytes of the work area for the op's own use until its step is done; their offset. */
size_t tw_emit_work(tw_emitter *e, size_t bytes);
/* Declares `name`, an array of n elements: a variable when it is small, so that the compiler may keep it in registers, else
 * a pointer into the work area. `align`: to TW_ALIGN bytes. */
void tw_emit_array(tw_emitter *e, const char *type, size_t element, const char *name, int64_t n, bool align);
/* Lines go to `text` from here on; where they went before. tw_emit_lines puts them where they belong and frees `text`. */
tw_text *tw_emit_to(tw_emitter *e, tw_text *text);
void tw_emit_lines(tw_emitter *e, tw_text *text);
/* Whether the identifier `word` occurs in `text`. */
bool tw_emit_occurs(const tw_text *text, const char *word);
/* The number as a C literal of the dtype. */
void tw_emit_literal(tw_text *text, tw_dtype dtype, const void *element);
/* n elements of the work area for the op's own use: a C pointer expression, into out[TW_EMIT_NAME]. */
void tw_emit_scratch(tw_emitter *e, tw_dtype dtype, int64_t n, char *out);
/* out = zeros for all of the node. */
void tw_emit_zeros(tw_emitter *e, tw_expr node, const char *out);

/* The formula of an element-wise node with its letters replaced by these C expressions. */
void tw_emit_put_formula(tw_expr node, const char *const *operand, tw_text *out);
/* The position in its operand of element i of a view. */
void tw_emit_put_view_index(const tw_view *view, tw_text *out);
/* Loops for nodes that are a view of in[0], or a formula. */
void tw_emit_view(tw_emitter *e, tw_expr node, const char *in, const char *out);
void tw_emit_formula(tw_emitter *e, tw_expr node, const char *const *in, const char *out);
/* Names that arguments must not have. */
bool tw_emit_is_reserved(const char *name);

/* Writes the steps of `frame`'s function whose level is in low .. high. */
void tw_emit_steps(tw_emitter *e, const tw_emit_frame *frame, int low, int high);
/* One step that is not a loop. */
void tw_emit_step(tw_emitter *e, const tw_emit_frame *frame, const tw_step *step);
/* .. and the copies of outputs that lie elsewhere. */
void tw_emit_copies(tw_emitter *e, const tw_emit_frame *frame);
/* The C pointer expression of a place. */
void tw_emit_place(const tw_emit_frame *frame, const tw_place *place, tw_dtype dtype, bool writes, char *out, size_t size);

/* A node to write, with the pointer expressions of its operands and result. */
typedef struct tw_emit_call {
  tw_expr node;
  const char *const *in, *out;
} tw_emit_call;

/* The loops that step `first`, a loop, can share its `for` with: those of as many iterations that may as well run when it
 * does. Their steps, `first` among them; how many. Steps that are done or above level `high` are left out. */
enum { TW_EMIT_TOGETHER = 8 };
int tw_emit_together(const tw_fn *fn, const bool *done, int first, int high, int steps[TW_EMIT_TOGETHER]);
/* Bytes of the function's buffers that its steps use as C: those of its results in work memory. */
size_t tw_emit_buffers(const tw_fn *fn);

/* ------------------------------------------------------------------ bodies of loops */

/* A body written inside a loop, planned for one run of it: the first `n_varying` params change with every run, the others
 * are captured from outside. */
typedef struct tw_emit_body {
  const tw_body *body;
  tw_fn *fn;
  tw_emit_frame frame;   /* .input: params; .output: outputs */
  const char **pointer;  /* the C names of both */
  char (*name)[TW_EMIT_POINTER];
  char memory[TW_EMIT_NAME]; /* of its buffers */
} tw_emit_body;

/* Plans; names captured params and outputs freshly, varying params not at all. */
tw_status tw_emit_body_open(tw_emitter *e, tw_emit_body *b, const tw_body *body, int n_varying);
void tw_emit_body_close(tw_emit_body *b);
/* The name of param i, or of output i where it is written to by its own step: a pointer expression. */
void tw_emit_body_param(tw_emit_body *b, int i, const char *format, ...) TW_PRINTF(3, 4);
void tw_emit_body_target(tw_emit_body *b, int i, const char *format, ...) TW_PRINTF(3, 4);
/* Whether output i is written under its name; else it is found elsewhere. */
bool tw_emit_body_writes(const tw_emit_body *b, int i);
/* The pointer expression under which output i is found after a run. */
void tw_emit_body_output(const tw_emit_body *b, int i, char *out, size_t size);
/* Declares memory for output i under its name. */
void tw_emit_body_declare(tw_emitter *e, const tw_emit_body *b, int i);
/* Declares the buffers and writes what no run changes; one run. */
void tw_emit_body_before(tw_emitter *e, tw_emit_body *b);
void tw_emit_body_run(tw_emitter *e, const tw_emit_body *b);
/* Declares those of the captured pointers in[0 ..] (params n_varying ..) that `text` uses. */
void tw_emit_body_captured(tw_emitter *e, const tw_emit_body *b, int n_varying, const char *const *in, const tw_text *text);

void tw_emit_pass(tw_emitter *e, const tw_emit_frame *frame, const tw_step *step);

/* Constants that a file holds, in the order of their numbers. */
typedef struct tw_emit_constant {
  const void *data;
  bool literal, filled; /* what of it is in the text: an array, a function that fills one */
} tw_emit_constant;

typedef struct tw_emit_constants {
  tw_text text;
  tw_emit_constant *item;
  size_t n, capacity;
} tw_emit_constants;

void tw_emit_constants_free(tw_emit_constants *c);
/* Adds those that `written` reads and that are not there. With `most` below INT64_MAX, long tables of integers that are loops
 * lie in work memory instead, at its end; `before` gets lines that fill them there; and nothing is added when what is added
 * takes more than `most` numbers: TW_ERR_UNSUPPORTED. */
tw_status tw_emit_constants_add(tw_emit_constants *c, tw_graph *graph, const tw_text *written, int64_t most, tw_text *before,
                                size_t *work, tw_error *error);
/* Copies `text` with the names that constants have while the file is made replaced by their numbers. */
void tw_emit_constants_number(const tw_emit_constants *c, const tw_text *text, tw_text *out);

/* tw_source_add_packed, with constants of at most `most` numbers (see tw_emit_constants_add). */
tw_status tw_source_add_within(tw_source *source, const char *name, const char *meaning, const tw_fn *fn, int n,
                               const tw_source_argument *arguments, const tw_source_part *part, int64_t most,
                               tw_error *error);
/* Text for the header and for the file. */
void tw_source_append(tw_source *source, const char *declaration, const char *definition);

/* Puts the runtime functions that `body` calls, and those that they call, before it into `out`. */
tw_status tw_emit_runtime(const char *body, tw_text *out, tw_error *error);

#endif
