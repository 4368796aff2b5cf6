/* The steps of a planned function as C. */
#include "graph/emit/emit.h"
#include "graph/ops/ops.h"

#include <stdlib.h>

enum { POINTER = 256 };

/* A kernel's step: the op writes itself, or is a formula or a view written as a loop. */
static void emit_step(tw_emitter *e, const tw_emit_frame *frame, const tw_step *step) {
  const tw_op *op = tw_op_of(step->node);
  const size_t n = (size_t)step->n;
  char *room = calloc(n + 1, POINTER), out[POINTER];
  const char **in = calloc(n + 1, sizeof *in);
  if (!room || !in) {
    e->status = tw_fail(e->error, TW_ERR_MEMORY, "out of memory writing C");
  } else {
    for (size_t k = 0; k < n; k++) {
      in[k] = room + k * POINTER;
      const tw_dtype dtype = tw_dtype_of(tw_input_of(step->node, (int)k));
      tw_emit_place(frame, &frame->fn->operand[step->first_in + (int)k], dtype, false, room + k * POINTER, POINTER);
    }
    tw_emit_place(frame, &frame->fn->result[step->first_out], tw_dtype_of(step->node), true, out, sizeof out);
    if (op->emit)
      op->emit(e, step->node, in, out);
    else if (op->view)
      tw_emit_view(e, step->node, in[0], out);
    else if (op->formula)
      tw_emit_formula(e, step->node, in, out);
    else
      e->status = tw_fail(e->error, TW_ERR_UNSUPPORTED, "%s has no C form", op->name);
  }
  free(room);
  free(in);
}

void tw_emit_steps(tw_emitter *e, const tw_emit_frame *frame, int low, int high) {
  for (int s = 0; s < frame->fn->n_steps && e->status == TW_OK; s++) {
    const tw_step *step = &frame->fn->step[s];
    if (step->level < low || step->level > high) continue;
    if (step->pass)
      tw_emit_pass(e, frame, step);
    else if (tw_size_of(step->node) > 0)
      emit_step(e, frame, step);
  }
}

void tw_emit_copies(tw_emitter *e, const tw_emit_frame *frame) {
  for (int k = 0; k < frame->fn->n_copies; k++) {
    const tw_copy *copy = &frame->fn->copy[k];
    const tw_expr output = frame->fn->output[copy->output];
    char from[POINTER];
    if (copy->bytes == 0) continue;
    tw_emit_place(frame, &copy->from, tw_dtype_of(output), false, from, sizeof from);
    tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = %s[i];", (long long)tw_size_of(output), frame->output[copy->output], from);
  }
}
