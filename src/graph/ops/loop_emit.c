/* Loops as C: the captured pointers, what no iteration changes, then `for (k = 0; k < n; k++)` around the
 * lines of one iteration. Scans (scan_emit.c) write their results by the same functions. */
#include "graph/ops/loop_emit.h"

static size_t element_of(const tw_loop_writer *w) {
  return tw_dtype_get((tw_dtype)w->attr->dtype)->size;
}
static const char *type_of(const tw_loop_writer *w) {
  return tw_c_type((tw_dtype)w->attr->dtype);
}
static bool is_real(const tw_loop_writer *w) {
  return tw_dtype_get((tw_dtype)w->attr->dtype)->kind == TW_KIND_FLOAT;
}

static int64_t size_of(const tw_loop_writer *w, int64_t output) {
  return tw_size_of(w->body.body->outputs[output]);
}

/* A sum of reals lives in variables s and r where it has the target for itself and one element; else s is the
 * target. */
static bool is_scalar_sum(const tw_loop_writer *w, int64_t result) {
  return w->attr->result[result].kind == TW_LOOP_SUM && is_real(w) &&
         size_of(w, w->attr->result[result].first) == 1;
}

static int results_of(const tw_loop_attr *attr, int64_t target) {
  int count = 0;
  for (int64_t i = 0; i < attr->n_results; i++) count += attr->result[i].target == target;
  return count;
}

static const tw_loop_result *result_of(const tw_loop_attr *attr, int64_t target) {
  for (int64_t i = 0; i < attr->n_results; i++)
    if (attr->result[i].target == target) return &attr->result[i];
  return NULL;
}

/* Whether the target must be zero before the iterations, which add to it, or leave it so. */
static bool adds_up(const tw_loop_writer *w, int64_t target) {
  const tw_loop_result *result = result_of(w->attr, target);
  if (!result) return target >= w->finals;
  if (result->kind == TW_LOOP_STACK) return false;
  return results_of(w->attr, target) > 1 || !is_scalar_sum(w, result - w->attr->result);
}

/* ------------------------------------------------------------------ before the iterations */

/* Neighbouring targets together. */
static void put_zeros(tw_emitter *e, const tw_loop_writer *w) {
  const tw_loop_target *target = w->attr->target;
  for (int64_t t = 0; t < w->attr->n_targets; t++) {
    if (!adds_up(w, t)) continue;
    const int64_t first = target[t].offset;
    while (t + 1 < w->attr->n_targets && adds_up(w, t + 1)) t++;
    tw_emit_line(e, "for (int64_t i = %lld; i < %lld; i++) %s[i] = 0;", (long long)first,
                 (long long)(target[t].offset + target[t].size), w->out);
  }
}

void tw_loop_write_start(tw_emitter *e, const tw_loop_writer *w) {
  put_zeros(e, w);
  for (int i = 0; i < w->attr->n_results; i++) {
    char name[TW_EMIT_NAME];
    const int64_t size = size_of(w, w->attr->result[i].first);
    if (w->attr->result[i].kind != TW_LOOP_SUM || !is_real(w)) continue;
    snprintf(name, sizeof name, "r%d_%d", w->id, i);
    if (is_scalar_sum(w, i)) {
      tw_emit_line(e, "%s s%d_%d = 0, %s = 0;", type_of(w), w->id, i, name);
    } else {
      tw_emit_array(e, type_of(w), element_of(w), name, size, false);
      tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = 0;", (long long)size, name);
    }
  }
}

/* ------------------------------------------------------------------ one iteration */

void tw_loop_write_outputs(tw_emitter *e, tw_loop_writer *w) {
  for (int i = 0; i < w->attr->n_results; i++) {
    const tw_loop_result *result = &w->attr->result[i];
    const int first = (int)result->first;
    if (result->kind == TW_LOOP_STACK && tw_emit_body_writes(&w->body, first))
      tw_emit_body_target(&w->body, first, "(%s + %lld + %s * %lld)", w->out,
                          (long long)w->attr->target[result->target].offset, w->k,
                          (long long)size_of(w, first));
    for (int o = first; o <= first + (int)result->n_index; o++)
      if (tw_emit_body_writes(&w->body, o) && !(result->kind == TW_LOOP_STACK && o == first))
        tw_emit_body_declare(e, &w->body, o);
  }
}

/* target[offset + i] for i of a loop. */
static void put_sum(tw_emitter *e, const tw_loop_writer *w, int i, const char *value) {
  const tw_loop_result *result = &w->attr->result[i];
  const char *shortly = tw_c_short((tw_dtype)w->attr->dtype);
  const long long at = (long long)w->attr->target[result->target].offset,
                  size = (long long)size_of(w, result->first);
  if (is_scalar_sum(w, i))
    tw_emit_line(e, "rt_add_%s(&s%d_%d, &r%d_%d, *%s);", shortly, w->id, i, w->id, i, value);
  else if (is_real(w))
    tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) rt_add_%s(&%s[%lld + i], &r%d_%d[i], %s[i]);", size,
                 shortly, w->out, at, w->id, i, value);
  else
    tw_emit_line(e,
                 "for (int64_t i = 0; i < %lld; i++) %s[%lld + i] = (int64_t)((uint64_t)%s[%lld + i] + "
                 "(uint64_t)%s[i]);",
                 size, w->out, at, w->out, at, value);
}

static void put_stack(tw_emitter *e, const tw_loop_writer *w, const tw_loop_result *result,
                      const char *value) {
  const long long size = (long long)size_of(w, result->first);
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[%lld + %s * %lld + i] = %s[i];", size, w->out,
               (long long)w->attr->target[result->target].offset, w->k, size, value);
}

/* The entry that the indices name, checked: the position of its first element in a variable. */
static void put_entry(tw_emitter *e, const tw_loop_writer *w, const tw_loop_result *result, int64_t tail,
                      const char *position) {
  const tw_loop_target *target = &w->attr->target[result->target];
  char value[TW_EMIT_POINTER];
  tw_text at = {0};
  for (int d = 0; d < result->n_index; d++) {
    tw_emit_body_output(&w->body, (int)result->first + 1 + d, value, sizeof value);
    tw_emit_line(e, "const int64_t %s_%d = %s[i];", position, d, value);
    tw_emit_fail_if(e, "%s_%d < 0 || %s_%d >= %lld", position, d, position, d,
                    (long long)target->shape.dim[d]);
  }
  for (int d = 0; d < result->n_index; d++) { /* Horner, from the innermost index outwards */
    tw_text_printf(&at, d ? " + %s_%d" : "%s_%d", position, d);
    int64_t inner = tail;
    for (int k = d + 1; k < result->n_index; k++) inner *= target->shape.dim[k];
    if (inner != 1) tw_text_printf(&at, " * %lld", (long long)inner);
  }
  if (target->offset) tw_text_printf(&at, " + %lld", (long long)target->offset);
  if (at.failed) e->text->failed = true;
  tw_emit_line(e, "const int64_t %s = %s;", position, at.data ? at.data : "");
  tw_text_free(&at);
}

/* target[index_0, .., :] += value, for every entry. */
static void put_scatter(tw_emitter *e, const tw_loop_writer *w, const tw_loop_result *result,
                        const char *value) {
  const int64_t points = size_of(w, result->first + 1);
  char position[TW_EMIT_NAME], inner[TW_EMIT_NAME];
  int64_t tail = 1;
  for (int d = (int)result->n_index; d < w->attr->target[result->target].shape.rank; d++)
    tail *= w->attr->target[result->target].shape.dim[d];
  tw_emit_name(e, "p", position);
  tw_emit_name(e, "j", inner);
  if (points == 1) {
    tw_emit_block(e);
    tw_emit_line(e, "enum { i = 0 };");
  } else
    tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)points);
  put_entry(e, w, result, tail, position);
  if (tail == 1)
    tw_emit_line(e, "%s[%s] += %s[i];", w->out, position, value);
  else
    tw_emit_line(e, "for (int64_t %s = 0; %s < %lld; %s++) %s[%s + %s] += %s[i * %lld + %s];", inner, inner,
                 (long long)tail, inner, w->out, position, inner, value, (long long)tail, inner);
  tw_emit_close(e);
}

void tw_loop_write_results(tw_emitter *e, const tw_loop_writer *w) {
  for (int i = 0; i < w->attr->n_results; i++) {
    const tw_loop_result *result = &w->attr->result[i];
    char value[TW_EMIT_POINTER];
    tw_emit_body_output(&w->body, (int)result->first, value, sizeof value);
    if (result->kind == TW_LOOP_SUM)
      put_sum(e, w, i, value);
    else if (result->kind == TW_LOOP_SCATTER)
      put_scatter(e, w, result, value);
    else if (!tw_emit_body_writes(&w->body, (int)result->first))
      put_stack(e, w, result, value);
  }
}

/* ------------------------------------------------------------------ after the iterations */

void tw_loop_write_end(tw_emitter *e, const tw_loop_writer *w) {
  for (int i = 0; i < w->attr->n_results; i++) {
    const tw_loop_result *result = &w->attr->result[i];
    const char *shortly = tw_c_short((tw_dtype)w->attr->dtype);
    const long long at = (long long)w->attr->target[result->target].offset,
                    size = (long long)size_of(w, result->first);
    if (result->kind != TW_LOOP_SUM || !is_real(w)) continue;
    if (is_scalar_sum(w, i))
      tw_emit_line(e, "%s[%lld] %s rt_total_%s(s%d_%d, r%d_%d);", w->out, at,
                   adds_up(w, result->target) ? "+=" : "=", shortly, w->id, i, w->id, i);
    else
      tw_emit_line(e,
                   "for (int64_t i = 0; i < %lld; i++) %s[%lld + i] = rt_total_%s(%s[%lld + i], r%d_%d[i]);",
                   size, w->out, at, shortly, w->out, at, w->id, i);
  }
}

/* ------------------------------------------------------------------ loops */

/* All bodies in one iteration; what they have in common the compiler finds. */
static void put_loops(tw_emitter *e, tw_loop_writer *w, int n) {
  for (int l = 0; l < n && e->status == TW_OK; l++) {
    tw_emit_body_before(e, &w[l].body);
    tw_loop_write_start(e, &w[l]);
  }
  tw_emit_open(e, "for (int64_t %s = 0; %s < %lld; %s++)", w->k, w->k, (long long)w->attr->n, w->k);
  for (int l = 0; l < n && e->status == TW_OK; l++) {
    tw_loop_write_outputs(e, &w[l]);
    tw_emit_body_run(e, &w[l].body);
    tw_loop_write_results(e, &w[l]);
  }
  tw_emit_close(e);
  for (int l = 0; l < n; l++) tw_loop_write_end(e, &w[l]);
}

static tw_status open_loop(tw_emitter *e, tw_loop_writer *w, const tw_emit_call *call, const char *k) {
  *w = (tw_loop_writer){.attr = tw_attr_of(call->node), .out = call->out, .k = k, .id = e->names++};
  const tw_status status = tw_emit_body_open(e, &w->body, w->attr->body, 1);
  if (status == TW_OK) tw_emit_body_param(&w->body, 0, "(&%s)", k);
  return status;
}

void tw_loop_emit_together(tw_emitter *e, const tw_emit_call *call, int n) {
  tw_loop_writer w[TW_EMIT_TOGETHER];
  tw_text lines = {0};
  char k[TW_EMIT_NAME];
  int opened = 0;
  tw_emit_name(e, "k", k);
  while (opened < n && open_loop(e, &w[opened], &call[opened], k) == TW_OK) opened++;
  if (opened == n) {
    tw_emit_block(e);
    tw_text *text = tw_emit_to(e, &lines);
    put_loops(e, w, n);
    tw_emit_to(e, text);
    for (int l = 0; l < n; l++) tw_emit_body_captured(e, &w[l].body, 1, call[l].in, &lines);
    tw_emit_lines(e, &lines);
    tw_emit_close(e);
  }
  while (opened > 0) tw_emit_body_close(&w[--opened].body);
}

void tw_loop_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_loop_emit_together(e, &(tw_emit_call){node, in, out}, 1);
}
