/* Options of methods: "name:option=value,option=value" against a typed table. */
#include "method/driver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct token {
  const char *at, *end;
} token;

static token trimmed(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t')) at++;
  while (end > at && (end[-1] == ' ' || end[-1] == '\t')) end--;
  return (token){at, end};
}

static bool slice_is(token s, const char *word) {
  const size_t length = (size_t)(s.end - s.at);
  return strlen(word) == length && strncmp(s.at, word, length) == 0;
}

static int slice_length(token s) {
  return (int)(s.end - s.at > 200 ? 200 : s.end - s.at);
}

static token spec_name(const char *spec) {
  const char *colon = strchr(spec, ':');
  return trimmed(spec, colon != NULL ? colon : spec + strlen(spec));
}

int tw_options_count(const tw_method *method) {
  int count = 0;
  while (method->options != NULL && method->options[count].name != NULL) count++;
  return count;
}

static int find_option(const tw_method *method, token name) {
  for (int i = 0; i < tw_options_count(method); i++)
    if (slice_is(name, method->options[i].name)) return i;
  return -1;
}

int tw_options_index(const tw_method *method, const char *name) {
  return find_option(method, (token){name, name + strlen(name)});
}

static tw_status unknown_option(const tw_method *method, token name, tw_error *error) {
  tw_text known = {0};
  for (int i = 0; i < tw_options_count(method); i++)
    tw_text_printf(&known, "%s%s", i > 0 ? ", " : "", method->options[i].name);
  const tw_status status =
      tw_fail(error, TW_ERR_ARGUMENT, "method %s has no option '%.*s'; its options are: %s", method->name,
              slice_length(name), name.at, known.length > 0 ? known.data : "none");
  tw_text_free(&known);
  return status;
}

/* Position of the word among "a|b|c", or -1. */
static int find_choice(const char *choices, token word) {
  int index = 0;
  for (const char *at = choices; at != NULL && *at != '\0'; index++) {
    const char *bar = strchr(at, '|');
    const char *end = bar != NULL ? bar : at + strlen(at);
    if (end - at == word.end - word.at && strncmp(at, word.at, (size_t)(end - at)) == 0) return index;
    at = bar != NULL ? bar + 1 : end;
  }
  return -1;
}

static bool read_flag(token word, double *value) {
  static const char *const words[] = {"false", "true", "0", "1", "no", "yes", "off", "on"};
  for (int i = 0; i < 8; i++)
    if (slice_is(word, words[i])) {
      *value = i & 1;
      return true;
    }
  return false;
}

static bool read_value(const tw_option *o, token word, double *value) {
  switch (o->type) {
  case TW_OPTION_FLAG:
    return read_flag(word, value);
  case TW_OPTION_CHOICE:
    *value = find_choice(o->choices, word);
    return *value >= 0;
  case TW_OPTION_REAL:
  case TW_OPTION_INTEGER:
    break;
  }
  if (word.at < word.end && *word.at == '+') word.at++;
  if (tw_parse_number(word.at, word.end, true, value) != word.end || word.at == word.end) return false;
  if (o->type == TW_OPTION_INTEGER && *value != floor(*value)) return false;
  return *value >= o->low && *value <= o->high; /* false for NaN */
}

static tw_status bad_value(const tw_method *method, const tw_option *o, token word, tw_error *error) {
  tw_text expected = {0};
  if (o->type == TW_OPTION_FLAG) tw_text_puts(&expected, "true or false");
  if (o->type == TW_OPTION_CHOICE) tw_text_printf(&expected, "one of %s", o->choices);
  if (o->type == TW_OPTION_REAL || o->type == TW_OPTION_INTEGER)
    tw_text_printf(&expected, "%s in %g .. %g", o->type == TW_OPTION_REAL ? "a number" : "an integer", o->low,
                   o->high);
  const tw_status status =
      tw_fail(error, TW_ERR_ARGUMENT, "option %s of method %s is '%.*s': expected %s", o->name, method->name,
              slice_length(word), word.at, expected.failed ? "another value" : expected.data);
  tw_text_free(&expected);
  return status;
}

static tw_status read_assignment(const tw_method *method, token item, double *value, bool *given,
                                 tw_error *error) {
  const char *equals = memchr(item.at, '=', (size_t)(item.end - item.at));
  if (equals == NULL)
    return tw_fail(error, TW_ERR_ARGUMENT, "'%.*s' in the options of method %s: expected option=value",
                   slice_length(item), item.at, method->name);
  const token name = trimmed(item.at, equals), word = trimmed(equals + 1, item.end);
  const int i = find_option(method, name);
  if (i < 0) return unknown_option(method, name, error);
  if (!read_value(&method->options[i], word, &value[i]))
    return bad_value(method, &method->options[i], word, error);
  given[i] = true;
  return TW_OK;
}

/* value and given have one entry per option; both are filled in. */
tw_status tw_options_parse(const tw_method *method, const char *spec, double *value, bool *given,
                           tw_error *error) {
  const int count = tw_options_count(method);
  for (int i = 0; i < count; i++) {
    value[i] = method->options[i].value;
    given[i] = false;
  }
  if (spec == NULL) return TW_OK;
  const token name = spec_name(spec);
  if (!slice_is(name, method->name))
    return tw_fail(error, TW_ERR_ARGUMENT, "the options '%.200s' are not for method %s", spec, method->name);
  const char *at = strchr(spec, ':');
  if (at == NULL) return TW_OK;
  const char *end = spec + strlen(spec);
  for (at++; at < end;) {
    const char *comma = memchr(at, ',', (size_t)(end - at));
    const char *stop = comma != NULL ? comma : end;
    const tw_status status = read_assignment(method, trimmed(at, stop), value, given, error);
    if (status != TW_OK) return status;
    at = stop + 1;
  }
  return TW_OK;
}

tw_status tw_spec_method(const char *spec, const tw_method **method, tw_error *error) {
  const token name = spec_name(spec);
  for (const tw_method *const *m = tw_methods(); *m != NULL; m++)
    if (slice_is(name, (*m)->name)) {
      *method = *m;
      return TW_OK;
    }
  tw_text known = {0};
  for (const tw_method *const *m = tw_methods(); *m != NULL; m++)
    tw_text_printf(&known, "%s%s", m == tw_methods() ? "" : ", ", (*m)->name);
  const tw_status status =
      tw_fail(error, TW_ERR_NAME, "no method '%.*s'; the methods are: %s", slice_length(name), name.at,
              known.failed || known.data == NULL ? "" : known.data);
  tw_text_free(&known);
  return status;
}

static bool minimizes(const tw_method *method) {
  return (method->goals & (TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES)) != 0;
}

static tw_status unsuited(const tw_method *method, tw_error *error) {
  tw_text names = {0};
  for (const tw_method *const *m = tw_methods(); *m != NULL; m++)
    if (minimizes(*m) != minimizes(method))
      tw_text_printf(&names, "%s%s", names.length > 0 ? ", " : "", (*m)->name);
  const tw_status status =
      tw_fail(error, TW_ERR_UNSUPPORTED, "method %s %s, expected one that %s: %s", method->name,
              minimizes(method) ? "minimizes" : "solves equations",
              minimizes(method) ? "solves equations" : "minimizes", names.failed ? "" : names.data);
  tw_text_free(&names);
  return status;
}

tw_status tw_spec_check(const char *spec, tw_goal goal, tw_error *error) {
  const tw_method *method = NULL;
  tw_status status = tw_spec_method(spec, &method, error);
  if (status != TW_OK) return status;
  const bool equations = goal == TW_GOAL_ROOT || goal == TW_GOAL_FIXPOINT;
  if (minimizes(method) == equations) return unsuited(method, error);
  const size_t count = (size_t)tw_options_count(method) + 1;
  double *value = tw_alloc(count, sizeof *value);
  bool *given = tw_alloc(count, sizeof *given);
  status = value != NULL && given != NULL ? tw_options_parse(method, spec, value, given, error)
                                          : tw_fail(error, TW_ERR_MEMORY, "out of memory for options");
  free(value);
  free(given);
  return status;
}

static double option_value(const tw_run *run, const char *name) {
  const int i = tw_options_index(run->method, name);
  return i < 0 ? NAN : run->driver->option[i];
}

double tw_run_real(const tw_run *run, const char *option) {
  return option_value(run, option);
}

int64_t tw_run_integer(const tw_run *run, const char *option) {
  const double value = option_value(run, option);
  return value >= -9e18 && value <= 9e18 ? (int64_t)value : value > 0 ? INT64_MAX : 0;
}

bool tw_run_flag(const tw_run *run, const char *option) {
  return option_value(run, option) == 1;
}

int tw_run_choice(const tw_run *run, const char *option) {
  const double value = option_value(run, option);
  return value >= 0 ? (int)value : 0;
}
