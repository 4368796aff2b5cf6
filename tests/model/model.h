/* Models from text in tests: the values of their expressions, and what they are refused with. */
#ifndef TALWEG_TEST_MODEL_H
#define TALWEG_TEST_MODEL_H

#include "graph/evaluate.h"

#include <talweg/model.h>

static inline tw_model *model_with(const char *text, const tw_model_options *options) {
  tw_error error = {0};
  tw_model *model = NULL;
  if (tw_model_parse(&model, text, strlen(text), "test.tw", options, &error) != TW_OK)
    fail_msg("%s\nin\n%s", error.message, text);
  return model;
}

static inline tw_model *model_of(const char *text) {
  return model_with(text, NULL);
}

/* The value of an expression of the model at the start of its variables (0 when none is stated) and the
 * values of its params. */
static inline tw_array value_at_start(tw_model *model, const char *label, tw_expr e) {
  enum { MOST = 16 };
  const tw_problem *p = tw_model_problem(model);
  tw_expr input[MOST];
  tw_array value[MOST];
  const int parameters = tw_problem_parameters(p), variables = tw_problem_variables(p);
  assert_true(parameters + variables <= MOST);
  for (int i = 0; i < parameters; i++) {
    input[i] = tw_problem_parameter_at(p, i)->expr;
    value[i] = tw_problem_parameter_at(p, i)->value;
  }
  for (int i = 0; i < variables; i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    const tw_expr start =
        tw_is_none(v->start) ? tw_zeros_like(v->expr) : tw_broadcast(v->start, tw_shape_of(v->expr));
    input[parameters + i] = v->expr;
    value[parameters + i] = evaluate_on(v->name, parameters, input, value, start, 1);
  }
  const tw_array out = evaluate_on(label, parameters + variables, input, value, e, 1);
  for (int i = 0; i < variables; i++) tw_array_free(&value[parameters + i]);
  return out;
}

static inline double number_at_start(tw_model *model, tw_expr e) {
  tw_array value = value_at_start(model, "number", e);
  assert_int_equal(size_of(&value), 1);
  const double x = element(&value, 0);
  tw_array_free(&value);
  return x;
}

/* The value of an expression that the model reports: its shape as tw_shape_text writes it, its elements in C
 * order. */
enum { CASE_VALUES = 12 };
typedef struct value_case {
  const char *expression, *shape;
  double value[CASE_VALUES];
} value_case;

static inline void check_elements(const value_case *c, const tw_array *value, double tolerance) {
  char shape[TW_SHAPE_TEXT];
  if (strcmp(tw_shape_text(&value->shape, shape), c->shape) != 0)
    fail_msg("%s: shape %s, expected %s", c->expression, shape, c->shape);
  assert_in_range(size_of(value), 0, CASE_VALUES);
  for (int64_t i = 0; i < size_of(value); i++) {
    const double got = element(value, i), want = c->value[i];
    if (got != want && !(fabs(got - want) <= tolerance * fmax(1, fabs(want))))
      fail_msg("%s: element %lld is %.17g, expected %.17g", c->expression, (long long)i, got, want);
  }
}

/* All cases as reports of one model that starts with `prelude`. */
static inline void check_values(const char *prelude, const value_case *cases, size_t n, double tolerance) {
  for (size_t i = 0; i < n; i++) {
    tw_text text = {0};
    tw_text_printf(&text, "%s\nvar unused_\nminimize unused_^2\nreport %s\n", prelude, cases[i].expression);
    assert_false(text.failed);
    tw_model *model = model_of(text.data);
    const tw_problem *p = tw_model_problem(model);
    assert_int_equal(tw_problem_reports(p), 1);
    tw_array value = value_at_start(model, cases[i].expression, tw_problem_report_expr(p, 0));
    check_elements(&cases[i], &value, tolerance);
    tw_array_free(&value);
    tw_model_free(model);
    tw_text_free(&text);
  }
}
#define CHECK_VALUES(prelude, cases) check_values(prelude, cases, sizeof(cases) / sizeof *(cases), 1e-12)

/* ------------------------------------------------------------------ refusals */

/* The caret of a message stands under the column that its head names. */
static inline void check_caret(const char *message, const char *where) {
  const char *last = strrchr(message, '\n');
  const char *column = strrchr(where, ':');
  if (last == NULL || column == NULL) fail_msg("no line with a caret in: %s", message);
  const long at = strtol(column + 1, NULL, 10);
  if (at > 60) return; /* a long line is shown from somewhere in its middle */
  if ((long)strlen(last + 1) != at + 2 || last[at + 2] != '^')
    fail_msg("the caret is not at column %ld: %s", at, message);
}

static inline void check_refused(const char *text, const tw_model_options *options, const char *where,
                                 const char *part) {
  tw_error error = {0};
  tw_model *model = NULL;
  const tw_status status = tw_model_parse(&model, text, strlen(text), "test.tw", options, &error);
  if (status == TW_OK) fail_msg("accepted, expected \"%s\":\n%s", part, text);
  assert_null(model);
  assert_int_equal(error.status, status);
  const size_t length = strlen(where);
  if (strncmp(error.message, "test.tw:", 8) != 0 || strncmp(error.message + 8, where, length) != 0 ||
      error.message[8 + length] != ':')
    fail_msg("expected a message at %s:\n%s\nof\n%s", where, error.message, text);
  if (strstr(error.message, part) == NULL) fail_msg("expected \"%s\" in\n%s", part, error.message);
  check_caret(error.message, where);
}

typedef struct refusal_case {
  const char *text, *where, *part; /* "line:column", what the message says */
} refusal_case;

static inline void check_refusals(const refusal_case *cases, size_t n) {
  for (size_t i = 0; i < n; i++) check_refused(cases[i].text, NULL, cases[i].where, cases[i].part);
}
#define CHECK_REFUSALS(cases) check_refusals(cases, sizeof(cases) / sizeof *(cases))

#endif
