/* Choosing the runtime functions that a file needs.
 *
 * The texts are paragraphs: a comment and one function each, between blank lines. A paragraph goes into the file when its
 * function's name occurs in what is there, and so do those that it calls itself. A function whose name ends in _T is a
 * template: `real` stands for the type, and rt_name_f64 or rt_name_f32 is what is asked for. */
#include "graph/emit/runtime.h"
#include "graph/emit/emit.h"
#include "graph/ops/elementwise.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct chunk {
  const char *text;
  size_t length;
  char name[64]; /* without _T */
  bool template;
  bool wanted[TW_DTYPE_COUNT]; /* by dtype; [0] of plain functions */
} chunk;

typedef struct chunks {
  chunk *item;
  size_t count, capacity;
} chunks;

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* The function a paragraph defines: the word before the first '(' of a line that starts with "static". */
static bool function_name(chunk *c) {
  const char *p = c->text, *end = c->text + c->length;
  while (p < end && strncmp(p, "static", 6) != 0) {
    p = memchr(p, '\n', (size_t)(end - p));
    if (!p) return false;
    p++;
  }
  const char *open = p < end ? memchr(p, '(', (size_t)(end - p)) : NULL, *start = open;
  if (!open) return false;
  while (start > p && is_word(start[-1])) start--;
  size_t length = (size_t)(open - start);
  c->template = length > 2 && strncmp(open - 2, "_T", 2) == 0;
  if (c->template) length -= 2;
  if (length == 0 || length >= sizeof c->name) return false;
  memcpy(c->name, start, length);
  c->name[length] = 0;
  return true;
}

static bool split(chunks *list) {
  for (const tw_runtime_file *file = tw_runtime_files; file->name; file++)
    for (const char *p = file->text; *p;) {
      const char *end = strstr(p, "\n\n");
      chunk c = {.text = p, .length = end ? (size_t)(end - p) + 1 : strlen(p)};
      p += c.length + (end ? 1 : 0);
      if (!function_name(&c)) continue;
      chunk *grown = tw_grow(list->item, &list->capacity, list->count + 1, sizeof *grown);
      if (!grown) return false;
      list->item = grown;
      grown[list->count++] = c;
    }
  return true;
}

/* Marks what `length` characters of text call, comments aside. A template's own calls of _T stand for `of`.
 * True when something is new. */
static bool mark(chunks *list, const char *text, size_t length, int of) {
  bool news = false;
  for (const char *p = text; p < text + length;) {
    if (strncmp(p, "/*", 2) == 0) {
      const char *end = strstr(p, "*/");
      p = end ? end + 2 : text + length;
      continue;
    }
    if (!is_word(*p)) {
      p++;
      continue;
    }
    const char *start = p;
    while (p < text + length && is_word(*p)) p++;
    const size_t word = (size_t)(p - start);
    for (size_t k = 0; k < list->count; k++) {
      chunk *c = &list->item[k];
      const size_t name = strlen(c->name);
      if (word < name || strncmp(start, c->name, name) != 0) continue;
      int which = -1;
      if (!c->template)
        which = word == name ? 0 : -1;
      else if (word == name + 2 && strncmp(start + name, "_T", 2) == 0)
        which = of;
      else
        for (int d = 0; d < TW_DTYPE_COUNT && which < 0; d++) {
          const char *suffix = tw_c_short((tw_dtype)d);
          if (word == name + 1 + strlen(suffix) && start[name] == '_' && strncmp(start + name + 1, suffix, strlen(suffix)) == 0) which = d;
        }
      if (which < 0 || c->wanted[which]) continue;
      c->wanted[which] = true;
      news = true;
    }
  }
  return news;
}

/* The paragraph with `real` and _T made those of dtype d. */
static void put_chunk(const chunk *c, int d, tw_text *out) {
  for (const char *p = c->text, *end = c->text + c->length; p < end;) {
    size_t length = 1;
    if (is_word(*p))
      while (p + length < end && is_word(p[length])) length++;
    if (c->template && length == 4 && strncmp(p, "real", 4) == 0)
      tw_text_puts(out, tw_c_type((tw_dtype)d));
    else if (c->template && length > 2 && strncmp(p + length - 2, "_T", 2) == 0) {
      tw_text_append(out, p, length - 1);
      tw_text_puts(out, tw_c_short((tw_dtype)d));
    } else
      tw_text_append(out, p, length);
    p += length;
  }
  tw_text_puts(out, "\n");
}

tw_status tw_emit_runtime(const char *body, tw_text *out, tw_error *error) {
  chunks list = {0};
  const bool ok = split(&list);
  bool news = ok && mark(&list, body, strlen(body), -1);
  while (news) {
    news = false;
    for (size_t k = 0; k < list.count; k++)
      for (int d = 0; d < TW_DTYPE_COUNT; d++)
        if (list.item[k].wanted[d]) news = mark(&list, list.item[k].text, list.item[k].length, d) || news;
  }
  for (size_t k = 0; ok && k < list.count; k++)
    for (int d = 0; d < TW_DTYPE_COUNT; d++)
      if (list.item[k].wanted[d]) put_chunk(&list.item[k], d, out);
  free(list.item);
  return ok && !out->failed ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory writing C");
}

/* Whether `name` is followed by a bracket in the text. */
static bool is_called(const char *text, const char *name) {
  const size_t length = strlen(name);
  for (const char *p = text; (p = strstr(p, name)); p += length)
    if ((p == text || !is_word(p[-1])) && p[length] == '(') return true;
  return false;
}

static bool is_function(const char *name) {
  for (int id = 0; id < TW_LOOP_COUNT; id++) {
    const char *real = tw_loop_formula((tw_loop_id)id, TW_F64), *whole = tw_loop_formula((tw_loop_id)id, TW_I64);
    if ((real && is_called(real, name)) || (whole && is_called(whole, name))) return true;
  }
  for (const tw_runtime_file *file = tw_runtime_files; file->name; file++)
    if (is_called(file->text, name)) return true;
  return false;
}

/* Words of C and C++, what the headers that written files include define, the functions that they call. */
bool tw_emit_is_reserved(const char *name) {
  static const char *const word[] = {
      "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float", "for",
      "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct",
      "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "work", "memory", "i", "main", "int8_t", "int16_t",
      "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t", "size_t", "bool", "true", "false", "memcpy", "memset",
      "memmove", "NULL", "NAN", "I", "complex", "imaginary", "linux", "unix", "typeof", "typeof_unqual",
      "alignas", "alignof", "and", "and_eq", "asm", "bitand", "bitor", "catch", "char8_t", "char16_t", "char32_t", "class", "compl",
      "concept", "const_cast", "consteval", "constexpr", "constinit", "co_await", "co_return", "co_yield", "decltype", "delete",
      "dynamic_cast", "explicit", "export", "friend", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator",
      "or", "or_eq", "private", "protected", "public", "reinterpret_cast", "requires", "static_assert", "static_cast", "template", "this",
      "thread_local", "throw", "try", "typeid", "typename", "using", "virtual", "wchar_t", "xor", "xor_eq"};
  static const char *const start[] = {"rt_",   "TALWEG_", "constant_", "INT",     "UINT",   "INFINITY", "FP_", "M_",
                                      "HUGE_", "MATH_",   "SIZE_",     "PTRDIFF_", "WCHAR_", "WINT_",    "SIG_"};
  for (size_t k = 0; k < sizeof word / sizeof *word; k++)
    if (strcmp(word[k], name) == 0) return true;
  for (size_t k = 0; k < sizeof start / sizeof *start; k++)
    if (strncmp(name, start[k], strlen(start[k])) == 0) return true;
  return is_function(name);
}
