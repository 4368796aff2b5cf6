/* talweg methods: the registry, as a table, a page of text, or a page of Markdown. */
#include "front/command.h"

#include "model/diagnose.h"

#include <math.h>
#include <string.h>

typedef struct methods_fields {
  const char *name;
  bool markdown;
} methods_fields;

/* ------------------------------------------------------------------ words for bits */

typedef struct word_of_bit {
  unsigned bit;
  const char *word;
} word_of_bit;

static const word_of_bit goals[] = {{TW_FOR_MINIMIZE, "minimize"},
                                    {TW_FOR_LEAST_SQUARES, "least squares"},
                                    {TW_FOR_ROOT, "root"},
                                    {TW_FOR_FIXPOINT, "fixed point"},
                                    {0, NULL}};
static const word_of_bit needs[] = {{TW_VALUE, "value"},
                                    {TW_GRADIENT, "gradient"},
                                    {TW_CURVATURE, "Hessian products"},
                                    {TW_HESSIAN, "dense Hessian"},
                                    {TW_RESIDUAL, "residual"},
                                    {TW_RESIDUAL_JVP, "Jacobian products"},
                                    {TW_RESIDUAL_JACOBIAN, "dense Jacobian"},
                                    {TW_PROJECT, "projection"},
                                    {TW_PROX, "prox"},
                                    {TW_MIRROR, "mirror step"},
                                    {TW_CONSTRAINTS, "constraints"},
                                    {TW_BOUNDS, "bounds"},
                                    {TW_SPARSE, "sparse derivatives"},
                                    {TW_QP, "linear or quadratic program"},
                                    {TW_CONVEX, "convexity"},
                                    {TW_CONIC, "conic form"},
                                    {0, NULL}};
static const word_of_bit handles[] = {{TW_HANDLES_BOUNDS, "bounds"},
                                      {TW_HANDLES_SETS, "sets"},
                                      {TW_HANDLES_REGULARIZERS, "regularizers"},
                                      {TW_HANDLES_CONSTRAINTS, "constraints"},
                                      {TW_HANDLES_INTEGERS, "integers"},
                                      {0, NULL}};

static const char *words(const word_of_bit *table, unsigned bits, char text[160]) {
  size_t used = 0;
  text[0] = '\0';
  for (; table->word != NULL; table++)
    if (bits & table->bit && used < 160)
      used += (size_t)snprintf(text + used, 160 - used, "%s%s", used > 0 ? ", " : "", table->word);
  return used > 0 ? text : "nothing";
}

/* ------------------------------------------------------------------ options */

static const char *choice(const tw_option *o, char text[64]) {
  const char *at = o->choices;
  for (int i = (int)o->value; i > 0 && at != NULL; i--) at = (at = strchr(at, '|')) != NULL ? at + 1 : NULL;
  if (at == NULL) return "";
  const size_t length = strcspn(at, "|");
  snprintf(text, 64, "%.*s", (int)length, at);
  return text;
}

static const char *default_of(const tw_option *o, char text[64]) {
  if (o->type == TW_OPTION_CHOICE) return choice(o, text);
  if (o->type == TW_OPTION_FLAG) return o->value != 0 ? "true" : "false";
  snprintf(text, 64, "%.10g", o->value);
  return text;
}

static const char *range_of(const tw_option *o, char text[160]) {
  static const char *const type[] = {"real", "integer", "true or false", ""};
  if (o->type == TW_OPTION_FLAG) return type[o->type];
  if (o->type == TW_OPTION_CHOICE) {
    size_t used = 0;
    for (const char *at = o->choices; at != NULL && *at != '\0' && used < 160; at++)
      used += (size_t)snprintf(text + used, 160 - used, *at == '|' ? " or " : "%c", *at);
    return text;
  }
  if (o->high >= 1e15)
    snprintf(text, 160, "%s, at least %.10g", type[o->type], o->low);
  else
    snprintf(text, 160, "%s in %.10g .. %.10g", type[o->type], o->low, o->high);
  return text;
}

/* ------------------------------------------------------------------ text */

enum { COLUMNS = 3 };

/* The cells of a method's row before its summary. */
static const char *cell(const tw_method *m, int column, char text[160]) {
  if (column == 0) return m->name;
  if (column == 1) return words(goals, m->goals, text);
  return m->handles != 0 ? words(handles, m->handles, text) : "-";
}

static void print_table(FILE *out) {
  static const char *const heading[COLUMNS] = {"method", "for", "handles"};
  int width[COLUMNS];
  char text[160];
  for (int c = 0; c < COLUMNS; c++) {
    width[c] = (int)strlen(heading[c]);
    for (const tw_method *const *m = tw_methods(); *m != NULL; m++) {
      const int own = (int)strlen(cell(*m, c, text));
      if (own > width[c]) width[c] = own;
    }
    fprintf(out, "%-*s  ", width[c], heading[c]);
  }
  fputs("summary\n", out);
  for (const tw_method *const *m = tw_methods(); *m != NULL; m++) {
    for (int c = 0; c < COLUMNS; c++) fprintf(out, "%-*s  ", width[c], cell(*m, c, text));
    fprintf(out, "%s\n", (*m)->summary);
  }
  fputs("\ntalweg methods NAME tells what a method needs, its options and its reference.\n", out);
}

static void print_method(const tw_method *m, FILE *out) {
  char text[160], value[64];
  fprintf(out, "%s: %s\n\n", m->name, m->summary);
  fprintf(out, "  for        %s\n", words(goals, m->goals, text));
  fprintf(out, "  needs      %s\n", words(needs, m->needs, text));
  fprintf(out, "  handles    %s\n", words(handles, m->handles, text));
  fprintf(out, "  reference  %s\n\nOptions, as in --method %s:NAME=VALUE,..\n", m->reference, m->name);
  for (const tw_option *o = m->options; o != NULL && o->name != NULL; o++)
    fprintf(out, "  %-16s %-14s %s\n  %-16s %-14s (%s)\n", o->name, default_of(o, value), o->doc, "", "",
            range_of(o, text));
}

/* ------------------------------------------------------------------ Markdown */

static void print_markdown_method(const tw_method *m, FILE *out) {
  char text[160], value[64];
  fprintf(out, "# %s\n\n%s\n\n| | |\n|---|---|\n", m->name, m->summary);
  fprintf(out, "| for | %s |\n", words(goals, m->goals, text));
  fprintf(out, "| needs | %s |\n", words(needs, m->needs, text));
  fprintf(out, "| handles | %s |\n", words(handles, m->handles, text));
  fprintf(out, "| reference | %s |\n\n", m->reference);
  fputs("| option | default | range | meaning |\n|---|---|---|---|\n", out);
  for (const tw_option *o = m->options; o != NULL && o->name != NULL; o++)
    fprintf(out, "| `%s` | %s | %s | %s |\n", o->name, default_of(o, value), range_of(o, text), o->doc);
}

static void print_markdown_table(FILE *out) {
  char text[160];
  fputs("# Methods\n\n| method | for | handles | summary |\n|---|---|---|---|\n", out);
  for (const tw_method *const *m = tw_methods(); *m != NULL; m++) {
    fprintf(out, "| [%s](%s.md) | %s | ", (*m)->name, (*m)->name, words(goals, (*m)->goals, text));
    fprintf(out, "%s | %s |\n", words(handles, (*m)->handles, text), (*m)->summary);
  }
}

/* ------------------------------------------------------------------ the command */

static int unknown_method(const char *name, const tw_console *console) {
  char hint[96];
  tw_nearest nearest = tw_nearest_start(name);
  for (const tw_method *const *m = tw_methods(); *m != NULL; m++) tw_nearest_offer(&nearest, (*m)->name);
  tw_error error;
  tw_fail(&error, TW_ERR_NAME, "there is no method '%.60s'%s (see talweg methods)", name,
          tw_nearest_text(&nearest, hint));
  return tw_print_error(console, false, &error);
}

static int run(const void *fields, const tw_console *console) {
  const methods_fields *f = fields;
  const tw_method *method = f->name != NULL ? tw_method_find(f->name) : NULL;
  if (f->name != NULL && method == NULL) return unknown_method(f->name, console);
  if (method != NULL)
    (f->markdown ? print_markdown_method : print_method)(method, console->out);
  else
    (f->markdown ? print_markdown_table : print_table)(console->out);
  return TW_EXIT_SOLVED;
}

static const tw_argument arguments[] = {
    {.name = "NAME", .kind = TW_ARGUMENT_TEXT, .offset = offsetof(methods_fields, name), .doc = "one method, with its options"},
    {.name = "--markdown", .kind = TW_ARGUMENT_FLAG, .offset = offsetof(methods_fields, markdown), .doc = "as a page of docs/methods"},
    {.name = NULL}};

const tw_verb tw_verb_methods = {.name = "methods",
                                 .summary = "The methods: what they are for, what they need, their options and references.",
                                 .arguments = arguments,
                                 .bytes = sizeof(methods_fields),
                                 .run = run};
