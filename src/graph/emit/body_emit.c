/* Bodies of loops: planned for one run, written as the lines of one. What a run computes in between lives in
 * small arrays that are variables of the block, which compilers keep in registers. */
#include "graph/emit/emit.h"

#include <stdarg.h>
#include <stdlib.h>

static tw_status plan(tw_emitter *e, tw_emit_body *b, int n_varying) {
  int *level = calloc((size_t)b->body->n_params + 1, sizeof *level);
  if (!level) return tw_fail(e->error, TW_ERR_MEMORY, "out of memory writing C");
  for (int j = 0; j < n_varying; j++) level[j] = 1;
  const tw_fn_options options = {.levels = level, .mode = TW_MODE_SERIAL};
  const tw_status status = tw_fn_new(&b->fn, b->body->n_params, b->body->params, b->body->n_outputs,
                                     b->body->outputs, &options, e->error);
  free(level);
  return status;
}

tw_status tw_emit_body_open(tw_emitter *e, tw_emit_body *b, const tw_body *body, int n_varying) {
  const int n = body->n_params, count = n + body->n_outputs;
  *b = (tw_emit_body){.body = body};
  b->pointer = calloc((size_t)count + 1, sizeof *b->pointer);
  b->name = calloc((size_t)count + 1, sizeof *b->name);
  tw_status status = b->pointer && b->name ? plan(e, b, n_varying)
                                           : tw_fail(e->error, TW_ERR_MEMORY, "out of memory writing C");
  if (status != TW_OK) {
    tw_emit_body_close(b);
    return e->status = status;
  }
  for (int k = 0; k < count; k++) {
    b->pointer[k] = b->name[k];
    if (k >= n_varying) tw_emit_name(e, k < n ? "a" : "o", b->name[k]);
  }
  b->frame = (tw_emit_frame){.fn = b->fn, .input = b->pointer, .output = b->pointer + n, .memory = b->memory};
  tw_emit_name(e, "w", b->memory);
  return TW_OK;
}

void tw_emit_body_close(tw_emit_body *b) {
  tw_fn_free(b->fn);
  free(b->pointer);
  free(b->name);
  *b = (tw_emit_body){0};
}

/* ------------------------------------------------------------------ names */

static void set_name(char *name, const char *format, va_list args) {
  vsnprintf(name, TW_EMIT_POINTER, format, args);
}

void tw_emit_body_param(tw_emit_body *b, int i, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set_name(b->name[i], format, args);
  va_end(args);
}

void tw_emit_body_target(tw_emit_body *b, int i, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set_name(b->name[b->body->n_params + i], format, args);
  va_end(args);
}

static const tw_copy *copy_of(const tw_emit_body *b, int i) {
  for (int k = 0; k < b->fn->n_copies; k++)
    if (b->fn->copy[k].output == i) return &b->fn->copy[k];
  return NULL;
}

bool tw_emit_body_writes(const tw_emit_body *b, int i) {
  return copy_of(b, i) == NULL;
}

void tw_emit_body_output(const tw_emit_body *b, int i, char *out, size_t size) {
  const tw_copy *copy = copy_of(b, i);
  if (copy)
    tw_emit_place(&b->frame, &copy->from, tw_dtype_of(b->body->outputs[i]), false, out, size);
  else
    snprintf(out, size, "%s", b->frame.output[i]);
}

/* ------------------------------------------------------------------ lines */

void tw_emit_body_declare(tw_emitter *e, const tw_emit_body *b, int i) {
  const tw_dtype dtype = tw_dtype_of(b->body->outputs[i]);
  tw_emit_array(e, tw_c_type(dtype), tw_dtype_get(dtype)->size, b->frame.output[i],
                tw_size_of(b->body->outputs[i]), false);
}

void tw_emit_body_before(tw_emitter *e, tw_emit_body *b) {
  const size_t bytes = tw_emit_buffers(b->fn);
  if (bytes > 0) tw_emit_array(e, "unsigned char", 1, b->memory, (int64_t)bytes, true);
  tw_emit_steps(e, &b->frame, -1, 0);
}

void tw_emit_body_run(tw_emitter *e, const tw_emit_body *b) {
  tw_emit_steps(e, &b->frame, 1, 1);
}

void tw_emit_body_captured(tw_emitter *e, const tw_emit_body *b, int n_varying, const char *const *in,
                           const tw_text *text) {
  for (int j = n_varying; j < b->body->n_params; j++) {
    if (!tw_emit_occurs(text, b->name[j])) continue;
    const char *type = tw_c_type(tw_dtype_of(b->body->params[j]));
    tw_emit_line(e, "const %s *const %s = %s;", type, b->name[j], in[j - n_varying]);
  }
}
