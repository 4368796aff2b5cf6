/* Lines, names, literals and places of C that is being written. */
#include "graph/emit/emit.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

const char *tw_c_type(tw_dtype dtype) {
  static const char *const name[TW_DTYPE_COUNT] = {[TW_F64] = "double",  [TW_F32] = "float",   [TW_I64] = "int64_t",
                                                   [TW_I32] = "int32_t", [TW_U8] = "uint8_t", [TW_BOOL] = "uint8_t"};
  return name[dtype];
}

const char *tw_c_short(tw_dtype dtype) {
  static const char *const name[TW_DTYPE_COUNT] = {[TW_F64] = "f64", [TW_F32] = "f32", [TW_I64] = "i64",
                                                   [TW_I32] = "i32", [TW_U8] = "u8",   [TW_BOOL] = "u8"};
  return name[dtype];
}

static void put_indent(tw_emitter *e) {
  for (int k = 0; k < e->indent; k++) tw_text_puts(e->text, "  ");
}

static void put(tw_emitter *e, const char *format, va_list args) {
  put_indent(e);
  tw_text_vprintf(e->text, format, args);
}

void tw_emit_line(tw_emitter *e, const char *format, ...) {
  va_list args;
  va_start(args, format);
  put(e, format, args);
  va_end(args);
  tw_text_puts(e->text, "\n");
}

void tw_emit_open(tw_emitter *e, const char *format, ...) {
  va_list args;
  va_start(args, format);
  put(e, format, args);
  va_end(args);
  tw_text_puts(e->text, " {\n");
  e->indent++;
}

void tw_emit_block(tw_emitter *e) {
  tw_emit_line(e, "{");
  e->indent++;
}

void tw_emit_close(tw_emitter *e) {
  e->indent--;
  tw_emit_line(e, "}");
}

void tw_emit_fail_if(tw_emitter *e, const char *format, ...) {
  va_list args;
  e->can_fail = true;
  put_indent(e);
  tw_text_puts(e->text, "if (");
  va_start(args, format);
  tw_text_vprintf(e->text, format, args);
  va_end(args);
  tw_text_puts(e->text, ") return 1;\n");
}

void tw_emit_name(tw_emitter *e, const char *stem, char *out) {
  bool taken = true;
  while (taken) {
    snprintf(out, TW_EMIT_NAME, "%s%d", stem, e->names++);
    taken = false;
    for (int k = 0; k < e->n_arguments && !taken; k++) taken = strcmp(e->argument[k], out) == 0;
  }
}

size_t tw_emit_work(tw_emitter *e, size_t bytes) {
  const size_t at = e->work;
  e->work += (bytes + TW_ALIGN - 1) / TW_ALIGN * TW_ALIGN;
  if (e->work > e->work_most) e->work_most = e->work;
  return at;
}

enum { VARIABLE_BYTES = 1024 }; /* of an array that is a variable: stacks are small */

void tw_emit_array(tw_emitter *e, const char *type, size_t element, const char *name, int64_t n, bool align) {
  const size_t bytes = (size_t)n * element;
  if (bytes <= VARIABLE_BYTES)
    tw_emit_line(e, "%s%s %s[%lld];", align ? "_Alignas(64) " : "", type, name, (long long)(n > 0 ? n : 1));
  else
    tw_emit_line(e, "%s *const %s = (%s *)(void *)(work + %zu);", type, name, type, tw_emit_work(e, bytes));
}

tw_text *tw_emit_to(tw_emitter *e, tw_text *text) {
  tw_text *before = e->text;
  e->text = text;
  return before;
}

void tw_emit_lines(tw_emitter *e, tw_text *text) {
  if (text->failed) e->text->failed = true;
  if (text->data) tw_text_append(e->text, text->data, text->length);
  tw_text_free(text);
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

bool tw_emit_occurs(const tw_text *text, const char *word) {
  const size_t length = strlen(word);
  for (const char *p = text->data; p && (p = strstr(p, word)); p += length)
    if ((p == text->data || !is_word(p[-1])) && !is_word(p[length])) return true;
  return false;
}

/* Hexadecimal where the decimal would not be exact. */
static void put_real(tw_text *text, double value, bool single) {
  if (value != value)
    tw_text_puts(text, "NAN");
  else if (value == INFINITY || value == -INFINITY)
    tw_text_puts(text, value > 0 ? "INFINITY" : "(-INFINITY)");
  else {
    const bool whole = value == floor(value) && fabs(value) < 1e15;
    tw_text_printf(text, whole ? "%s%.1f%s%s" : "%s%a%s%s", value < 0 ? "(" : "", value, single ? "f" : "", value < 0 ? ")" : "");
  }
}

void tw_emit_literal(tw_text *text, tw_dtype dtype, const void *element) {
  switch (dtype) {
  case TW_F64: put_real(text, *(const double *)element, false); break;
  case TW_F32: put_real(text, (double)*(const float *)element, true); break;
  case TW_I64:
    if (*(const int64_t *)element == INT64_MIN)
      tw_text_puts(text, "INT64_MIN");
    else
      tw_text_printf(text, "INT64_C(%lld)", (long long)*(const int64_t *)element);
    break;
  case TW_I32: tw_text_printf(text, "(int32_t)%lldLL", (long long)*(const int32_t *)element); break;
  default: tw_text_printf(text, "%d", *(const uint8_t *)element); break;
  }
}

void tw_emit_scratch(tw_emitter *e, tw_dtype dtype, int64_t n, char *out) {
  const size_t at = tw_emit_work(e, (size_t)n * tw_dtype_get(dtype)->size);
  snprintf(out, TW_EMIT_NAME, "(%s *)(void *)(work + %zu)", tw_c_type(dtype), at);
}

void tw_emit_zeros(tw_emitter *e, tw_expr node, const char *out) {
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = 0;", (long long)tw_size_of(node), out);
}

void tw_emit_place(const tw_emit_frame *frame, const tw_place *place, tw_dtype dtype, bool writes, char *out, size_t size) {
  const char *type = tw_c_type(dtype), *constant = writes ? "" : "const ";
  const size_t element = tw_dtype_get(dtype)->size;
  if (frame->by_operand && place->space != TW_IN_WORK) {
    const ptrdiff_t number = writes ? place - frame->fn->result : place - frame->fn->operand;
    snprintf(out, size, "((%s%s *)%s[%td])", constant, type, writes ? "out" : "in", number);
    return;
  }
  switch (place->space) {
  case TW_IN_WORK:
    snprintf(out, size, "((%s%s *)(%svoid *)(%s + %zu))", constant, type, constant, frame->memory ? frame->memory : "work",
             frame->work + place->offset);
    break;
  case TW_IN_CONSTANT: snprintf(out, size, "(c%llx + %zu)", (unsigned long long)(uintptr_t)place->data, place->offset / element); break;
  default: {
    const char *name = (place->space == TW_IN_INPUT ? frame->input : frame->output)[place->index];
    if (place->offset)
      snprintf(out, size, "(%s + %zu)", name, place->offset / element);
    else
      snprintf(out, size, "%s", name);
  }
  }
}
