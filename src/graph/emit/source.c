/* C files of functions: signatures, comments, constants, the runtime they need, a header. */
#include "base/given.h"
#include "graph/emit/emit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct tw_source {
  tw_text body;         /* functions so far */
  tw_text declarations; /* for the header */
  tw_emit_constants constants;
  int names;
};

tw_source *tw_source_new(void) { return calloc(1, sizeof(tw_source)); }

void tw_source_free(tw_source *source) {
  if (!source) return;
  tw_text_free(&source->body);
  tw_text_free(&source->declarations);
  tw_emit_constants_free(&source->constants);
  free(source);
}

/* ------------------------------------------------------------------ arguments */

/* A letter, a number and more numbers after underscores: variables of passes are called so. */
static bool is_made_up(const char *name) {
  const char *p = name + 1;
  if (!islower((unsigned char)name[0]) || !isdigit((unsigned char)*p)) return false;
  while (isdigit((unsigned char)*p) || *p == '_') p++;
  return *p == 0 && strchr(name, '_');
}

static bool occurs_in(const char *name, int n, const char (*names)[TW_EMIT_NAME]) {
  for (int k = 0; k < n; k++)
    if (strcmp(names[k], name) == 0) return true;
  return false;
}

/* A C identifier from any name, unlike the first `n` of `names`. */
static void identifier(const char *name, int number, int n, const char (*names)[TW_EMIT_NAME], char *out) {
  size_t length = 0;
  for (; name && *name && length + 32 < TW_EMIT_NAME; name++)
    out[length++] = isalnum((unsigned char)*name) ? *name : '_';
  out[length] = 0;
  if (length == 0 || !isalpha((unsigned char)out[0]) || is_made_up(out))
    snprintf(out, TW_EMIT_NAME, "arg%d", number);
  else if (tw_emit_is_reserved(out) || occurs_in(out, n, names))
    snprintf(out + length, TW_EMIT_NAME - length, "_%d", number);
  while (occurs_in(out, n, names) && strlen(out) + 1 < TW_EMIT_NAME) strcat(out, "_");
}

/* A function's arguments, and the pointers to the parts of them that inputs and outputs of the tw_fn are. */
typedef struct signature {
  const tw_fn *fn;
  int n;
  const tw_source_argument *argument;
  char (*name)[TW_EMIT_NAME];
  const char **names; /* the same */
  char (*part)[TW_EMIT_POINTER];
  const char **pointer;
} signature;

static bool make_signature(signature *s, const tw_fn *fn, int n, const tw_source_argument *argument, const tw_source_part *part) {
  const int parts = fn->n_inputs + fn->n_outputs;
  *s = (signature){.fn = fn, .n = n, .argument = argument};
  s->name = calloc((size_t)n + 1, sizeof *s->name);
  s->names = calloc((size_t)n + 1, sizeof *s->names);
  s->part = calloc((size_t)parts + 1, sizeof *s->part);
  s->pointer = calloc((size_t)parts + 1, sizeof *s->pointer);
  if (!s->name || !s->names || !s->part || !s->pointer) return false;
  for (int k = 0; k < n; k++) {
    identifier(argument[k].name, k, k, (const char(*)[TW_EMIT_NAME])s->name, s->name[k]);
    s->names[k] = s->name[k];
  }
  for (int k = 0; k < parts; k++) {
    const long long offset = (long long)part[k].offset;
    snprintf(s->part[k], TW_EMIT_POINTER, offset ? "(%s + %lld)" : "%s", s->name[part[k].argument], offset);
    s->pointer[k] = s->part[k];
  }
  return true;
}

static void free_signature(signature *s) {
  free(s->name);
  free(s->names);
  free(s->part);
  free(s->pointer);
}

static void put_arguments(tw_text *out, const signature *s, const char *name) {
  tw_text_printf(out, "int %s(", name);
  for (int k = 0; k < s->n; k++)
    tw_text_printf(out, "%s%s *%s, ", s->argument[k].output ? "" : "const ", tw_c_type(s->argument[k].dtype), s->name[k]);
  tw_text_printf(out, "struct %s_work *memory)", name);
}

/* The generated comment: index, name, type and shape of every argument. */
static void put_comment(tw_text *out, const signature *s, const char *name, const char *meaning, size_t work, bool can_fail) {
  int number[2] = {0, 0};
  tw_text_printf(out, "/* %s", name);
  if (meaning) tw_text_printf(out, ": %s", meaning);
  tw_text_printf(out, ". %.4g flops, %zu bytes of work memory. Returns 0%s.\n", s->fn->flops, work,
                 can_fail ? "; 1 where an index or a matrix is no good or a nested problem is not solved" : "");
  for (int k = 0; k < s->n; k++) {
    const tw_source_argument *a = &s->argument[k];
    char text[TW_SHAPE_TEXT];
    tw_text_printf(out, " *   %s %d: %s, %s %s", a->output ? "output" : "input", number[a->output]++, s->name[k],
                   tw_dtype_get(a->dtype)->name, tw_shape_text(&a->shape, text));
    tw_text_printf(out, a->meaning ? ": %s\n" : "\n", a->meaning);
  }
  tw_text_puts(out, " */\n");
}

/* ------------------------------------------------------------------ functions */

enum { MALLOC_ALIGN = 16 }; /* so that a work area may come from malloc */

static tw_status no_memory(tw_error *error) { return tw_fail(error, TW_ERR_MEMORY, "out of memory writing C"); }

/* Declaration and definition around the lines of a body; `before` comes first. */
static void put_function(tw_source *source, const char *name, const char *meaning, const signature *s, const tw_emitter *e,
                         const tw_text *before) {
  const tw_text *text = e->text;
  put_comment(&source->declarations, s, name, meaning, e->work_most, e->can_fail);
  tw_text_printf(&source->declarations, "struct %s_work {\n  TALWEG_ALIGNAS(%d) unsigned char bytes[%zu];\n};\n", name, MALLOC_ALIGN,
                 e->work_most ? e->work_most : TW_ALIGN);
  put_arguments(&source->declarations, s, name);
  tw_text_puts(&source->declarations, ";\n\n");
  put_arguments(&source->body, s, name);
  tw_text_puts(&source->body, " {\n");
  if (before->data || tw_emit_occurs(text, "work"))
    tw_text_puts(&source->body, "  unsigned char *const work = memory->bytes;\n");
  else
    tw_text_puts(&source->body, "  (void)memory;\n");
  for (int k = 0; k < s->n; k++)
    if (!tw_emit_occurs(text, s->name[k])) tw_text_printf(&source->body, "  (void)%s;\n", s->name[k]);
  if (before->data) tw_text_append(&source->body, before->data, before->length);
  if (text->data) tw_text_append(&source->body, text->data, text->length);
  tw_text_puts(&source->body, "  return 0;\n}\n\n");
}

tw_status tw_source_add_within(tw_source *source, const char *name, const char *meaning, const tw_fn *fn, int n,
                               const tw_source_argument *arguments, const tw_source_part *part, int64_t most,
                               tw_error *error) {
  tw_graph *graph = fn->n_inputs + fn->n_outputs > 0 ? fn->input[0].graph : NULL;
  signature s;
  tw_text text = {0}, before = {0};
  tw_emitter e = {.text = &text, .indent = 1, .names = source->names, .error = error};
  if (make_signature(&s, fn, n, arguments, part)) {
    e.n_arguments = n;
    e.argument = s.names;
    tw_emit_frame frame = {.fn = fn, .input = s.pointer, .output = s.pointer + fn->n_inputs};
    frame.work = tw_emit_work(&e, tw_emit_buffers(fn));
    tw_emit_steps(&e, &frame, -1, fn->max_level);
    if (e.status == TW_OK) tw_emit_copies(&e, &frame);
    if (e.status == TW_OK && text.failed) e.status = no_memory(error);
  } else {
    e.status = no_memory(error);
  }
  source->names = e.names;
  if (e.status == TW_OK && graph)
    e.status = tw_emit_constants_add(&source->constants, graph, &text, most, &before, &e.work_most, error);
  if (e.status == TW_OK && before.failed) e.status = no_memory(error);
  if (e.status == TW_OK) put_function(source, name, meaning, &s, &e, &before);
  tw_text_free(&before);
  tw_text_free(&text);
  free_signature(&s);
  return e.status;
}

tw_status tw_source_add_packed(tw_source *source, const char *name, const char *meaning, const tw_fn *fn, int n,
                               const tw_source_argument *arguments, const tw_source_part *part, tw_error *error) {
  TW_GIVEN(source);
  TW_GIVEN(name);
  TW_GIVEN(fn);
  TW_GIVEN(arguments);
  TW_GIVEN(part);
  return tw_source_add_within(source, name, meaning, fn, n, arguments, part, INT64_MAX, error);
}

void tw_source_append(tw_source *source, const char *declaration, const char *definition) {
  tw_text_puts(&source->declarations, declaration);
  tw_text_puts(&source->body, definition);
}

/* Every input and output an argument of its own. */
tw_status tw_source_add(tw_source *source, const char *name, const tw_fn *fn, const char *const *outputs, tw_error *error) {
  TW_GIVEN(source);
  TW_GIVEN(name);
  TW_GIVEN(fn);
  const int n = fn->n_inputs + fn->n_outputs;
  tw_source_argument *argument = calloc((size_t)n + 1, sizeof *argument);
  tw_source_part *part = calloc((size_t)n + 1, sizeof *part);
  for (int k = 0; argument && part && k < n; k++) {
    const bool output = k >= fn->n_inputs;
    const char *given = output ? outputs ? outputs[k - fn->n_inputs] : NULL : tw_name_of(fn->input[k]);
    argument[k] = (tw_source_argument){given, NULL, tw_dtype_of(fn->input[k]), tw_shape_of(fn->input[k]), output};
    part[k].argument = k;
  }
  const tw_status status = argument && part ? tw_source_add_packed(source, name, NULL, fn, n, argument, part, error) : no_memory(error);
  free(argument);
  free(part);
  return status;
}

/* Text of a comment, which it must not end. */
static void put_remark(tw_text *out, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) tw_text_printf(out, i > 0 && text[i] == '/' && text[i - 1] == '*' ? " %c" : "%c", text[i]);
}

void tw_source_comment(tw_source *source, const char *lines) {
  if (!source || !lines) return;
  tw_text *out = &source->declarations;
  const char *start = "/* ";
  for (const char *p = lines; *p; start = " * ") {
    const size_t length = strcspn(p, "\n");
    tw_text_puts(out, start);
    put_remark(out, p, length);
    p += length + (p[length] == '\n');
    tw_text_puts(out, *p ? "\n" : " */\n\n");
  }
}

static void put_includes(tw_text *out) {
  tw_text_puts(out,
               "#ifndef _DEFAULT_SOURCE\n#define _DEFAULT_SOURCE\n#endif\n#include <math.h>\n#include <stdbool.h>\n#include <stdint.h>\n"
               "#include <string.h>\n#include <tgmath.h>\n\n");
}

/* What declarations stand between, so that they are C and C++. */
static void put_begin(tw_text *out) {
  tw_text_puts(out, "#ifdef __cplusplus\n#define TALWEG_ALIGNAS alignas\nextern \"C\" {\n"
                    "#else\n#define TALWEG_ALIGNAS _Alignas\n#endif\n\n");
}
static void put_end(tw_text *out) { tw_text_puts(out, "#ifdef __cplusplus\n}\n#endif\n\n"); }

static void put_header(const tw_source *source, const char *title, const char *include, tw_text *out) {
  char guard[TW_EMIT_NAME];
  size_t n = 0;
  for (; include[n] && n + 1 < sizeof guard; n++)
    guard[n] = isalnum((unsigned char)include[n]) ? (char)toupper((unsigned char)include[n]) : '_';
  guard[n] = 0;
  tw_text_puts(out, "/* ");
  put_remark(out, title, strlen(title));
  tw_text_printf(out, ". Written by Talweg. */\n#ifndef TALWEG_%s\n#define TALWEG_%s\n\n#include <stdint.h>\n\n", guard, guard);
  put_begin(out);
  if (source->declarations.data) tw_text_append(out, source->declarations.data, source->declarations.length);
  put_end(out);
  tw_text_puts(out, "#endif\n");
}

tw_status tw_source_write(const tw_source *source, const char *title, const char *include, tw_text *c, tw_text *header,
                          tw_error *error) {
  TW_GIVEN(source);
  if (c || header) TW_GIVEN(title);
  if (c) TW_GIVEN(include);
  tw_status status = TW_OK;
  if (source->declarations.failed || source->body.failed || source->constants.text.failed) return no_memory(error);
  if (c) {
    tw_text body = {0};
    tw_emit_constants_number(&source->constants, &source->constants.text, &body);
    tw_text_puts(&body, "\n");
    tw_emit_constants_number(&source->constants, &source->body, &body);
    tw_text_puts(c, "/* ");
    put_remark(c, title, strlen(title));
    tw_text_puts(c, ". Written by Talweg; depends on libm alone. */\n");
    put_includes(c);
    if (header) {
      tw_text_printf(c, "#include \"%s\"\n\n", include);
    } else if (source->declarations.data) {
      put_begin(c);
      tw_text_append(c, source->declarations.data, source->declarations.length);
      put_end(c);
    }
    status = tw_emit_runtime(body.data ? body.data : "", c, error);
    if (body.data) tw_text_append(c, body.data, body.length);
    if (body.failed || c->failed) status = tw_fail(error, TW_ERR_MEMORY, "out of memory writing C");
    tw_text_free(&body);
  }
  if (header && status == TW_OK) put_header(source, title, include, header);
  if (header && header->failed) status = tw_fail(error, TW_ERR_MEMORY, "out of memory writing C");
  return status;
}
