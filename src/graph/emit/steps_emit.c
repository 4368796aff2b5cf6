/* The steps of a planned function as C. */
#include "graph/emit/emit.h"
#include "graph/ops/loop_emit.h"

#include <stdlib.h>

enum { POINTER = TW_EMIT_POINTER };

/* The C names of a step's operands and result. */
typedef struct names {
  char (*room)[POINTER];
  const char **in;
  tw_emit_call call;
} names;

static bool open_names(tw_emitter *e, const tw_emit_frame *frame, const tw_step *step, names *n) {
  const size_t count = (size_t)step->n;
  *n = (names){.room = calloc(count + 1, sizeof *n->room), .in = calloc(count + 1, sizeof *n->in)};
  if (!n->room || !n->in) {
    e->status = tw_fail(e->error, TW_ERR_MEMORY, "out of memory writing C");
    return false;
  }
  for (size_t k = 0; k < count; k++) {
    n->in[k] = n->room[k];
    const tw_dtype dtype = tw_dtype_of(tw_input_of(step->node, (int)k));
    tw_emit_place(frame, &frame->fn->operand[step->first_in + (int)k], dtype, false, n->room[k], POINTER);
  }
  tw_emit_place(frame, &frame->fn->result[step->first_out], tw_dtype_of(step->node), true, n->room[count], POINTER);
  n->call = (tw_emit_call){step->node, n->in, n->room[count]};
  return true;
}

static void close_names(names *n) {
  free(n->room);
  free(n->in);
}

static void refuse(tw_emitter *e, const tw_op *op) {
  e->status = tw_fail(e->error, TW_ERR_UNSUPPORTED, "%s has no C form", op->name);
}

/* A kernel's step: the op writes itself, or is a formula or a view written as a loop. */
static void emit_kernel(tw_emitter *e, const tw_emit_frame *frame, const tw_step *step) {
  const tw_op *op = tw_op_of(step->node);
  const size_t work = e->work;
  names n;
  if (open_names(e, frame, step, &n)) {
    if (op->emit)
      op->emit(e, step->node, n.in, n.call.out);
    else if (op->view)
      tw_emit_view(e, step->node, n.in[0], n.call.out);
    else if (op->formula)
      tw_emit_formula(e, step->node, n.in, n.call.out);
    else
      refuse(e, op);
  }
  e->work = work;
  close_names(&n);
}

void tw_emit_step(tw_emitter *e, const tw_emit_frame *frame, const tw_step *step) {
  if (step->pass)
    tw_emit_pass(e, frame, step);
  else if (tw_size_of(step->node) > 0)
    emit_kernel(e, frame, step);
}

/* A loop and those that share its `for`. */
static void emit_loops(tw_emitter *e, const tw_emit_frame *frame, bool *done, int first, int high) {
  int steps[TW_EMIT_TOGETHER];
  names n[TW_EMIT_TOGETHER] = {{0}};
  tw_emit_call call[TW_EMIT_TOGETHER];
  const size_t work = e->work;
  const int count = tw_emit_together(frame->fn, done, first, high, steps);
  for (int k = 0; k < count && e->status == TW_OK; k++) {
    done[steps[k]] = true;
    if (open_names(e, frame, &frame->fn->step[steps[k]], &n[k])) call[k] = n[k].call;
  }
  if (e->status == TW_OK) tw_loop_emit_together(e, call, count);
  e->work = work;
  for (int k = 0; k < count; k++) close_names(&n[k]);
}

void tw_emit_steps(tw_emitter *e, const tw_emit_frame *frame, int low, int high) {
  bool *done = calloc((size_t)frame->fn->n_steps + 1, sizeof *done);
  if (!done) e->status = tw_fail(e->error, TW_ERR_MEMORY, "out of memory writing C");
  for (int s = 0; s < frame->fn->n_steps && e->status == TW_OK; s++) {
    const tw_step *step = &frame->fn->step[s];
    if (step->level < low || step->level > high || done[s]) continue;
    if (!step->pass && tw_op_of(step->node) == &tw_op_loop)
      emit_loops(e, frame, done, s, high);
    else
      tw_emit_step(e, frame, step);
    done[s] = true;
  }
  free(done);
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

size_t tw_emit_buffers(const tw_fn *fn) {
  size_t end = 0;
  for (int s = 0; s < fn->n_steps; s++) {
    const tw_step *step = &fn->step[s];
    for (int k = 0; k < step->n_out; k++) {
      const tw_place *place = &fn->result[step->first_out + k];
      const tw_node_data *node = tw_node_at(step->node.graph, step->pass ? step->pass->result[k] : step->node.id);
      const size_t last = place->offset + (size_t)node->size * tw_dtype_get(node->type.dtype)->size;
      if (place->space == TW_IN_WORK && last > end) end = last;
    }
  }
  return end;
}
