/* What the parts of a conic form are collected in. */
#include "graph/ops/ops.h"
#include "problem/conic.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

tw_status tw_conic_refuse(tw_conic_build *b, tw_status status, const char *format, ...) {
  if (b->status != TW_OK) return b->status;
  char text[TW_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return b->status = tw_fail(b->error, status, "conic form: %s", text);
}

static void describe(tw_expr e, int depth, tw_text *text) {
  double value;
  if (tw_is_input(e) && tw_name_of(e)[0]) {
    tw_text_printf(text, "%s", tw_name_of(e));
  } else if (tw_constant_value(e, &value)) {
    tw_text_printf(text, "%g", value);
  } else {
    tw_text_printf(text, "%s", tw_op_of(e)->name);
    const int n = depth > 0 ? tw_arity_of(e) : 0;
    for (int i = 0; i < n; i++) {
      tw_text_printf(text, i == 0 ? "(" : ", ");
      describe(tw_input_of(e, i), depth - 1, text);
    }
    if (n > 0) tw_text_printf(text, ")");
  }
}

void tw_conic_describe(tw_expr e, char *out, size_t size) {
  tw_text text = {0};
  describe(e, 3, &text);
  snprintf(out, size, "%s", text.failed || !text.data ? tw_op_of(e)->name : text.data);
  tw_text_free(&text);
}

/* ------------------------------------------------------------------ growing lists */

#define PUSH(b, list, count, room, value)                                                                    \
  do {                                                                                                       \
    void *grown = tw_grow((b)->list, &(b)->room, (b)->count + 1, sizeof *(b)->list);                         \
    if (grown)                                                                                               \
      (b)->list = grown, (b)->list[(b)->count++] = (value);                                                  \
    else                                                                                                     \
      tw_conic_refuse((b), TW_ERR_MEMORY, "out of memory");                                                  \
  } while (0)

tw_expr tw_conic_unknown(tw_conic_build *b, tw_shape shape) {
  const tw_expr t = tw_input(b->graph, "bound", TW_F64, shape);
  if (!tw_is_none(t)) PUSH(b, input, inputs, input_room, t);
  return t;
}

void tw_conic_replace(tw_conic_build *b, tw_expr e, tw_expr image) {
  if (tw_is_none(e) || tw_is_none(image)) return;
  void *to = tw_grow(b->to, &b->to_room, b->pairs + 1, sizeof *b->to);
  if (!to) {
    tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
    return;
  }
  b->to = to;
  b->to[b->pairs] = image;
  PUSH(b, from, pairs, from_room, e);
}

tw_expr tw_conic_image(tw_conic_build *b, tw_expr e) {
  tw_expr image = e;
  if (tw_is_none(e) || b->pairs == 0) return e;
  return tw_substitute(1, &e, (int)b->pairs, b->from, b->to, &image) == TW_OK ? image : TW_NONE;
}

int tw_conic_add(tw_conic_build *b, tw_cone_kind kind, int64_t size, double power, tw_expr rows) {
  if (tw_is_none(rows) || b->status != TW_OK) return -1;
  const tw_conic_segment segment = {kind, size > 0 ? size : tw_size_of(rows), power, tw_ravel(rows), 0};
  if (tw_is_none(segment.rows) || tw_size_of(rows) == 0) return -1;
  PUSH(b, segment, segments, segment_room, segment);
  return (int)b->segments - 1;
}

void tw_conic_add_each(tw_conic_build *b, tw_cone_kind kind, double power, int n, const tw_expr *part) {
  enum { MOST = 4 };
  tw_expr flat[MOST], whole = part[0];
  for (int i = 1; i < n; i++)
    if (tw_size_of(part[i]) > tw_size_of(whole)) whole = part[i];
  for (int i = 0; i < n; i++) flat[i] = tw_ravel(tw_broadcast(part[i], tw_shape_of(whole)));
  tw_conic_add(b, kind, n, power, tw_stack(n, flat, 1));
}

/* (t + 1)^2 - (t - 1)^2 = 4t >= |2u|^2. */
void tw_conic_add_squares(tw_conic_build *b, tw_expr t, tw_expr u) {
  if (tw_is_none(t) || tw_is_none(u)) return;
  const tw_expr one = tw_scalar(b->graph, 1), scalar = tw_reshape(t, TW_SHAPE(1));
  const tw_expr rows[3] = {tw_add(scalar, one), tw_sub(scalar, one), tw_scale(tw_ravel(u), 2)};
  tw_conic_add(b, TW_CONE_SECOND_ORDER, 0, 0, tw_concat(3, rows, 0));
}

tw_expr tw_conic_indices(tw_conic_build *b, int64_t n, const int64_t *index) {
  const tw_array view = tw_array_view((void *)(uintptr_t)index, TW_I64, TW_SHAPE(n));
  return tw_constant(b->graph, &view);
}

tw_expr tw_conic_numbers(tw_conic_build *b, int64_t n, const double *number) {
  const tw_array view = tw_array_view((void *)(uintptr_t)number, TW_F64, TW_SHAPE(n));
  return tw_constant(b->graph, &view);
}
