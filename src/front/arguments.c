/* Options and positional arguments by a table. */
#include "front/arguments.h"

#include "model/diagnose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_option(const tw_argument *a) { return a->name[0] == '-'; }

static void *field_of(const tw_argument *a, void *fields) { return (char *)fields + a->offset; }

static const tw_argument *find_option(const tw_verb *verb, const char *name, size_t length) {
  for (const tw_argument *a = verb->arguments; a->name != NULL; a++)
    if (is_option(a) && strlen(a->name) == length && strncmp(a->name, name, length) == 0) return a;
  return NULL;
}

static const tw_argument *find_positional(const tw_verb *verb, int position) {
  for (const tw_argument *a = verb->arguments; a->name != NULL; a++)
    if (!is_option(a) && position-- == 0) return a;
  return NULL;
}

static tw_status unknown_option(const tw_verb *verb, const char *word, size_t length, tw_error *error) {
  char name[64], hint[96];
  snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), word);
  tw_nearest nearest = tw_nearest_start(name);
  for (const tw_argument *a = verb->arguments; a->name != NULL; a++)
    if (is_option(a)) tw_nearest_offer(&nearest, a->name);
  tw_nearest_offer(&nearest, "--help");
  return tw_fail(error, TW_ERR_ARGUMENT, "%s has no option %s%s (see talweg %s --help)", verb->name, name,
                 tw_nearest_text(&nearest, hint), verb->name);
}

/* ------------------------------------------------------------------ values */

static tw_status set_number(const tw_argument *a, void *fields, const char *word, tw_error *error) {
  const char *end = word + strlen(word);
  const bool whole = a->kind == TW_ARGUMENT_INTEGER;
  double value = NAN;
  const bool read = *word != '\0' && tw_parse_number(word, end, false, &value) == end;
  if (!read || (whole && value != floor(value)) || !(value >= a->low && value <= a->high)) {
    tw_text range = {0};
    tw_text_puts(&range, whole ? "an integer" : "a number");
    if (isfinite(a->high)) tw_text_printf(&range, " in %.15g .. %.15g", a->low, a->high);
    if (!isfinite(a->high)) tw_text_printf(&range, " of at least %.15g", a->low);
    const tw_status status = tw_fail(error, TW_ERR_ARGUMENT, "%s is '%.100s'; expected %s", a->name, word,
                                     range.failed ? "a number" : range.data);
    tw_text_free(&range);
    return status;
  }
  if (whole)
    *(int64_t *)field_of(a, fields) = (int64_t)value;
  else
    *(double *)field_of(a, fields) = value;
  return TW_OK;
}

static tw_status add_word(const tw_argument *a, void *fields, const char *word, tw_error *error) {
  tw_words *words = field_of(a, fields);
  const char **grown = realloc(words->word, (size_t)(words->count + 1) * sizeof *grown);
  if (grown == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the arguments");
  words->word = grown;
  grown[words->count++] = word;
  return TW_OK;
}

/* The value of an argument that has not been given before. */
static tw_status set_value(const tw_argument *a, void *fields, const char *word, tw_error *error) {
  switch (a->kind) {
  case TW_ARGUMENT_FLAG:
    *(bool *)field_of(a, fields) = true;
    return TW_OK;
  case TW_ARGUMENT_TEXT:
  case TW_ARGUMENT_FILE:
    if (*word == '\0') return tw_fail(error, TW_ERR_ARGUMENT, "%s is empty", a->name);
    *(const char **)field_of(a, fields) = word;
    return TW_OK;
  case TW_ARGUMENT_TEXTS:
    return add_word(a, fields, word, error);
  case TW_ARGUMENT_INTEGER:
  case TW_ARGUMENT_REAL:
    break;
  }
  return set_number(a, fields, word, error);
}

/* ------------------------------------------------------------------ the line */

typedef struct reader {
  const tw_verb *verb;
  int argc, at, positionals;
  char *const *argv;
  void *fields;
  uint64_t given; /* bit i: arguments[i] */
} reader;

static tw_status set_once(reader *r, const tw_argument *a, const char *word, tw_error *error) {
  const uint64_t bit = UINT64_C(1) << (a - r->verb->arguments);
  if ((r->given & bit) != 0 && a->kind != TW_ARGUMENT_TEXTS && a->kind != TW_ARGUMENT_FLAG)
    return tw_fail(error, TW_ERR_ARGUMENT, "%s is given twice", a->name);
  r->given |= bit;
  return set_value(a, r->fields, word, error);
}

/* --name, --name VALUE, --name=VALUE */
static tw_status read_option(reader *r, const char *word, tw_error *error) {
  const size_t length = strcspn(word, "=");
  const bool joined = word[length] == '=';
  const tw_argument *a = find_option(r->verb, word, length);
  if (a == NULL) return unknown_option(r->verb, word, length, error);
  if (a->kind == TW_ARGUMENT_FLAG) {
    if (joined) return tw_fail(error, TW_ERR_ARGUMENT, "%s takes no value", a->name);
    return set_once(r, a, NULL, error);
  }
  if (joined) return set_once(r, a, word + length + 1, error);
  if (r->at >= r->argc)
    return tw_fail(error, TW_ERR_ARGUMENT, "%s needs a value: %s %s", a->name, a->name, a->placeholder);
  const char *value = r->argv[r->at++];
  if (a->kind == TW_ARGUMENT_FILE && strncmp(value, "--", 2) == 0)
    return tw_fail(error, TW_ERR_ARGUMENT, "%s needs the name of a file and is followed by %.100s; a file of that name is %s=%.100s",
                   a->name, value, a->name, value);
  return set_once(r, a, value, error);
}

static tw_status read_positional(reader *r, const char *word, tw_error *error) {
  const tw_argument *a = find_positional(r->verb, r->positionals++);
  if (a != NULL) return set_once(r, a, word, error);
  return tw_fail(error, TW_ERR_ARGUMENT, "%s does not know what to do with '%.100s' (see talweg %s --help)",
                 r->verb->name, word, r->verb->name);
}

tw_status tw_arguments_read(const tw_verb *verb, int argc, char *const *argv, void *fields, bool *help,
                            tw_error *error) {
  reader r = {.verb = verb, .argc = argc, .argv = argv, .fields = fields};
  bool options = true;
  *help = false;
  while (r.at < argc) {
    const char *word = argv[r.at++];
    tw_status status = TW_OK;
    if (options && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
      *help = true;
      return TW_OK;
    }
    if (options && strcmp(word, "--") == 0)
      options = false;
    else if (options && word[0] == '-' && word[1] != '\0')
      status = read_option(&r, word, error);
    else
      status = read_positional(&r, word, error);
    if (status != TW_OK) return status;
  }
  for (const tw_argument *a = verb->arguments; a->name != NULL; a++)
    if (a->required && (r.given >> (a - verb->arguments) & 1) == 0)
      return tw_fail(error, TW_ERR_ARGUMENT, "%s needs a %s (see talweg %s --help)", verb->name, a->name, verb->name);
  return TW_OK;
}

void tw_arguments_free(const tw_verb *verb, void *fields) {
  if (fields == NULL) return;
  for (const tw_argument *a = verb->arguments; a->name != NULL; a++)
    if (a->kind == TW_ARGUMENT_TEXTS) free(((tw_words *)field_of(a, fields))->word);
  free(fields);
}

/* ------------------------------------------------------------------ help */

static void print_usage(const tw_verb *verb, FILE *out) {
  bool options = false;
  for (const tw_argument *a = verb->arguments; a->name != NULL; a++) options |= is_option(a);
  fprintf(out, "usage: talweg %s", verb->name);
  for (const tw_argument *a = verb->arguments; a->name != NULL; a++)
    if (!is_option(a)) fprintf(out, a->required ? " %s" : " [%s]", a->name);
  fprintf(out, "%s\n\n%s\n", options ? " [OPTION]..." : "", verb->summary);
}

void tw_arguments_help(const tw_verb *verb, FILE *out) {
  print_usage(verb, out);
  static const tw_argument help = {.name = "--help", .kind = TW_ARGUMENT_FLAG, .doc = "print this text"};
  fputc('\n', out);
  for (const tw_argument *a = verb->arguments;; a++) {
    const tw_argument *shown = a->name != NULL ? a : &help;
    char left[64];
    snprintf(left, sizeof left, "%s%s%s", shown->name, shown->placeholder != NULL ? " " : "",
             shown->placeholder != NULL ? shown->placeholder : "");
    fprintf(out, "  %-30s%s%s\n", left, shown->doc, shown->kind == TW_ARGUMENT_TEXTS ? "; may be repeated" : "");
    if (a->name == NULL) break;
  }
}
