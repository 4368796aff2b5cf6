/* emit: planned functions written as C. What an op says of itself in C, and what it is told. */
#ifndef TALWEG_GRAPH_EMIT_H
#define TALWEG_GRAPH_EMIT_H

#include "graph/plan/plan.h"

/* One function being written. */
struct tw_emitter {
  tw_text *text;
  int indent;
  size_t work;     /* bytes of the work area so far */
  int names;       /* fresh names handed out */
  bool can_fail;   /* something written may return nonzero */
  tw_status status;
  tw_error *error;
};

/* Where the values of a function's steps are, as C: a pointer expression for an operand or result. */
typedef struct tw_emit_frame {
  const tw_fn *fn;
  const char *const *input, *const *output; /* C names of pointers */
  size_t work;                              /* offset of the function's buffers in `work` */
} tw_emit_frame;

enum { TW_EMIT_NAME = 96 };

/* The C type of a dtype's elements: "double" .. and the short name in runtime functions: "f64" .. */
const char *tw_c_type(tw_dtype dtype);
const char *tw_c_short(tw_dtype dtype);

/* A line at the present indent. */
void tw_emit_line(tw_emitter *e, const char *format, ...) TW_PRINTF(2, 3);
/* `{` and `}` of a block around lines. */
void tw_emit_open(tw_emitter *e, const char *format, ...) TW_PRINTF(2, 3);
void tw_emit_close(tw_emitter *e);
/* A line that ends the function with a nonzero result when `condition` holds. */
void tw_emit_fail_if(tw_emitter *e, const char *format, ...) TW_PRINTF(2, 3);
/* "name7": never used before in this file. */
void tw_emit_name(tw_emitter *e, const char *stem, char *out);
/* Bytes of the work area for the op's own use; their offset. */
size_t tw_emit_work(tw_emitter *e, size_t bytes);
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
/* .. and the copies of outputs that lie elsewhere. */
void tw_emit_copies(tw_emitter *e, const tw_emit_frame *frame);
/* The C pointer expression of a place. */
void tw_emit_place(const tw_emit_frame *frame, const tw_place *place, tw_dtype dtype, bool writes, char *out, size_t size);

void tw_emit_pass(tw_emitter *e, const tw_emit_frame *frame, const tw_step *step);

/* Puts the runtime functions that `body` calls, and those that they call, before it into `out`. */
tw_status tw_emit_runtime(const char *body, tw_text *out, tw_error *error);

#endif
