/* Running the command inside a test. */
#ifndef TALWEG_TEST_COMMAND_H
#define TALWEG_TEST_COMMAND_H

#include "test.h"

#include <jansson.h>
#include <stdio.h>

#include <talweg/front.h>
#include <talweg/method.h>

enum { COMMAND_WORDS = 24 };

typedef struct outcome {
  int code;
  char *out, *err; /* malloc'd */
} outcome;

static inline char *read_back(FILE *file) {
  const long bytes = (fflush(file), ftell(file));
  assert_true(bytes >= 0);
  char *text = calloc((size_t)bytes + 1, 1);
  assert_non_null(text);
  rewind(file);
  assert_int_equal(fread(text, 1, (size_t)bytes, file), bytes);
  fclose(file);
  return text;
}

/* words: split at blanks; the console's streams are replaced by files. */
static inline outcome command_on(const char *words, tw_console console) {
  char copy[2048], *argv[COMMAND_WORDS + 1] = {"talweg"};
  int argc = 1;
  assert_true(strlen(words) < sizeof copy);
  strcpy(copy, words);
  for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
    assert_true(argc < COMMAND_WORDS);
    argv[argc++] = word;
  }
  FILE *out = tmpfile(), *err = tmpfile();
  assert_true(out != NULL && err != NULL);
  console.out = out;
  console.err = err;
  outcome o = {.code = tw_command_on(argc, argv, &console)};
  o.out = read_back(out);
  o.err = read_back(err);
  return o;
}

static inline outcome command(const char *format, ...) TW_PRINTF(1, 2);
static inline outcome command(const char *format, ...) {
  char words[2048];
  va_list args;
  va_start(args, format);
  const int length = vsnprintf(words, sizeof words, format, args);
  va_end(args);
  assert_in_range(length, 0, sizeof words - 1);
  return command_on(words, (tw_console){0});
}

static inline void outcome_free(outcome *o) {
  free(o->out);
  free(o->err);
}

/* The run ended with `code`; shows what it said when not. */
static inline void expect_code(const outcome *o, int code) {
  if (o->code != code) fail_msg("exit code %d, expected %d\n%s%s", o->code, code, o->out, o->err);
}

static inline void expect_text(const char *text, const char *part) {
  if (strstr(text, part) == NULL) fail_msg("\"%s\" is not in:\n%s", part, text);
}

static inline void write_text(const char *folder, const char *name, const char *text) {
  char path[128];
  FILE *file = fopen(test_path(folder, name, path), "wb");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static inline void write_array(const char *folder, const char *name, double *data, tw_shape shape) {
  char path[128];
  tw_error error = {0};
  const tw_array array = tw_array_f64(data, shape);
  assert_ok(tw_npy_write(test_path(folder, name, path), &array, &error));
}

/* The single JSON object that the command printed; released by json_decref. */
static inline json_t *parse_object(const outcome *o) {
  json_error_t error;
  json_t *object = json_loads(o->out, 0, &error);
  if (object == NULL) fail_msg("not JSON: %s at %d in:\n%s", error.text, error.position, o->out);
  assert_true(json_is_object(object));
  return object;
}

/* The object that the command prints with --json, after it ended with `code`. */
static inline json_t *run_json(int code, const char *words) {
  outcome o = command("%s --json", words);
  expect_code(&o, code);
  json_t *object = parse_object(&o);
  outcome_free(&o);
  return object;
}

static inline bool has_method(const char *name) { return tw_method_find(name) != NULL; }

/* The value at "a.b.0": keys and positions. */
static inline json_t *find_value(json_t *value, const char *path) {
  char copy[128];
  assert_true(strlen(path) < sizeof copy);
  strcpy(copy, path);
  for (char *step = strtok(copy, "."); step != NULL; step = strtok(NULL, ".")) {
    json_t *next =
        json_is_array(value) ? json_array_get(value, (size_t)atoi(step)) : json_object_get(value, step);
    if (next == NULL) fail_msg("no %s in the object (at %s)", path, step);
    value = next;
  }
  return value;
}

static inline double find_number(json_t *value, const char *path) {
  json_t *number = find_value(value, path);
  if (!json_is_number(number)) fail_msg("%s is not a number", path);
  return json_number_value(number);
}

static inline const char *find_string(json_t *value, const char *path) {
  json_t *string = find_value(value, path);
  if (!json_is_string(string)) fail_msg("%s is not a string", path);
  return json_string_value(string);
}

#endif
