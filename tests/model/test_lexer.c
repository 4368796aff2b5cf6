/* Tokens: they cover the text in order, numbers read as C reads them, what ends a statement, what people
 * bring along from other languages. */
#include "model.h"

#include "model/diagnose.h"

static tw_model_text source_of(const char *text) {
  return (tw_model_text){"test.tw", text, strlen(text)};
}

/* Tokens of any text follow each other, and each is where it says. */
static void check_cover(const tw_model_text *source) {
  uint32_t at = 0;
  for (size_t steps = 0;; steps++) {
    assert_true(steps <= source->length);
    const tw_token t = tw_token_next(source, at), again = tw_token_next(source, at);
    assert_true(t.begin >= at && t.end >= t.begin && t.end <= source->length);
    assert_int_equal(t.kind, again.kind);
    assert_int_equal(t.end, again.end);
    if (t.kind == TW_TOKEN_END) {
      assert_int_equal(t.begin, source->length);
      return;
    }
    assert_true(t.end > t.begin);
    if (t.kind == TW_TOKEN_BAD) assert_non_null(t.hint);
    at = t.end;
  }
}

static void tokens_cover_any_text(void **state) {
  (void)state;
  enum { LENGTH = 60 };
  static const char alphabet[] = "ab_ 19.eE\"#\n\r\t+-*/^<>=!&|()[]{},:;'@%$\xc3\x97\xe2\x89\xa4";
  for (uint64_t key = 0; key < 2000; key++) {
    char text[LENGTH + 1];
    for (uint64_t i = 0; i < LENGTH; i++)
      text[i] = alphabet[(size_t)(tw_random_uniform(key, i) * (sizeof alphabet - 1))];
    for (size_t length = 0; length <= LENGTH; length += 7) check_cover(&(tw_model_text){"test.tw", text, length});
  }
  const char nul[] = {'a', '\0', '"', '\0', '"', 'b'};
  check_cover(&(tw_model_text){"test.tw", nul, sizeof nul});
}

static void numbers_read_as_in_c(void **state) {
  (void)state;
  static const char *const numbers[] = {"0",
                                        "1",
                                        "2.5",
                                        "1e-3",
                                        ".5",
                                        "1.",
                                        "1E+5",
                                        "123456789012345678901234567890",
                                        "0.1",
                                        "4.9e-324",
                                        "1.7976931348623157e308",
                                        "007",
                                        "1e999"};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    const tw_model_text source = source_of(numbers[i]);
    const tw_token t = tw_token_next(&source, 0);
    assert_int_equal(t.end, source.length);
    assert_same_bits(t.number, strtod(numbers[i], NULL));
    assert_int_equal(t.kind, strspn(numbers[i], "0123456789") < source.length || source.length > 18
                                 ? TW_TOKEN_NUMBER
                                 : TW_TOKEN_INTEGER);
    if (t.kind == TW_TOKEN_INTEGER) assert_int_equal(t.integer, strtol(numbers[i], NULL, 10));
  }
  const tw_model_text range = source_of("1..5");
  const tw_token first = tw_token_next(&range, 0), dots = tw_token_next(&range, first.end);
  assert_int_equal(first.kind, TW_TOKEN_INTEGER);
  assert_int_equal(dots.kind, TW_TOKEN_RANGE);
}

/* The same model however it is laid out. */
static void layout(void **state) {
  (void)state;
  static const char *const texts[] = {
      "var x init 3\nminimize (x - 1)^2 + 2 * x",
      "\xef\xbb\xbfvar x init 3\r\nminimize (x - 1)^2 + 2 * x\r\n",
      "# a comment\n\nvar x init 3 # another\n\n\tminimize (x - 1)^2 + # goes on\n  2 * x\n\n",
      "var x init 3\nminimize (\nx\n- 1\n)^2 +\n\n2 *\nx\n",
      "var x init\n3\nminimize sum([(x - 1)^2,\n\n2 * x # inside\n\n])",
      "var x init 3#\nminimize (x-1)^2+2*x#",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    tw_model *model = model_of(texts[i]);
    assert_close(number_at_start(model, tw_problem_objective(tw_model_problem(model))), 10, 1e-12);
    tw_model_free(model);
  }
}

static void foreign_symbols(void **state) {
  (void)state;
  static const refusal_case cases[] = {
      {"var x;\nminimize x", "1:6", "a statement ends with its line"},
      {"var x\nminimize x && 1", "2:12", "write `and`"},
      {"var x\nminimize x || 1", "2:12", "write `or`"},
      {"var x\nminimize !x", "2:10", "write `not`"},
      {"param a := 3", "1:9", "write `=`"},
      {"var x\nsubject to x \xe2\x89\xa4 1", "2:14", "write `<=`"},
      {"var x\nminimize 2 \xc3\x97 x", "2:12", "write `*`"},
      {"var x\nminimize x[...]", "2:12", "write `:` for a whole axis"},
      {"var x\nminimize $x", "2:10", "this character is not part of the language"},
      {"var gr\xc3\xb6\xc3\x9f"
       "e",
       "1:7", "names are made of the letters"},
      {"model \"open\nvar x", "1:7", "expected `\"` on the same line"},
      {"var x\nminimize x\n  - 1", "3:3",
       "an expression goes on in the next line in brackets or after an operator"},
      {"var x var y", "1:7", "got `var`, expected an operator or the end of the line"},
      {"x = 3", "1:1", "expected `let`, `param` or `set` before the name"},
      {"minimise x", "1:1", "did you mean `minimize`?"},
      {"constraint x >= 1", "1:1", "expected set, param, var, let, minimize"},
  };
  CHECK_REFUSALS(cases);
}

/* Keywords of one statement are names elsewhere. */
static void contextual_words(void **state) {
  (void)state;
  tw_model *model =
      model_of("model \"words\"\nparam to = 1\nparam init = 2\nparam with = 3\nparam integer = 4\n"
               "param binary = 5\nparam solve_ = 6\nvar model init init\nminimize to + init + with + "
               "integer + binary + solve_ + model\n");
  assert_close(number_at_start(model, tw_problem_objective(tw_model_problem(model))), 23, 0);
  assert_string_equal(tw_model_title(model), "words");
  tw_model_free(model);
}

/* ------------------------------------------------------------------ messages */

static void positions_count_characters(void **state) {
  (void)state;
  const tw_model_text source = source_of("a\n\xc3\xa4\xe2\x82\xac"
                                     "b\n\nc");
  const struct {
    uint32_t at;
    int64_t line, column;
  } cases[] = {{0, 1, 1}, {1, 1, 2}, {2, 2, 1},  {4, 2, 2},  {7, 2, 3},
               {8, 2, 4}, {9, 3, 1}, {10, 4, 1}, {11, 4, 2}, {99, 4, 2}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t line, column;
    tw_place_position((tw_place){&source, cases[i].at}, &line, &column);
    assert_int_equal(line, cases[i].line);
    assert_int_equal(column, cases[i].column);
  }
}

/* A message of any length about a line of any length keeps its head, a window of the line and the caret below
 * the place. */
static void messages_fit(void **state) {
  (void)state;
  enum { LONG = 5000 };
  char *text = malloc(LONG + 1);
  assert_non_null(text);
  memset(text, 'x', LONG);
  text[LONG] = '\0';
  const tw_model_text source = source_of(text);
  for (uint32_t at = 0; at <= LONG; at += 97) {
    tw_error error = {0};
    text[at < LONG ? at : 0] = '!';
    assert_int_equal(tw_place_fail((tw_place){&source, at}, &error, TW_ERR_PARSE, "%s", text), TW_ERR_PARSE);
    char head[64];
    snprintf(head, sizeof head, "test.tw:1:%u: ", (unsigned)at + 1);
    assert_memory_equal(error.message, head, strlen(head));
    const char *caret = strrchr(error.message, '\n'), *line = caret - 1;
    while (*line != '\n') line--;
    assert_string_equal(caret + strlen(caret) - 1, "^");
    if (at < LONG) assert_int_equal(line[strlen(caret) - 1], '!');
    text[at < LONG ? at : 0] = 'x';
  }
  free(text);
}

static void nearest_names(void **state) {
  (void)state;
  static const struct {
    const char *wanted, *candidate;
    bool near;
  } cases[] = {{"sped", "speed", true}, {"demnad", "demand", true}, {"x", "y", false},
               {"xs", "x", false},      {"weigth", "weight", true}, {"alpha", "omega", false},
               {"ab", "ac", true},      {"ship", "shop", true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_nearest nearest = tw_nearest_start(cases[i].wanted);
    tw_nearest_offer(&nearest, cases[i].candidate);
    if ((nearest.best != NULL) != cases[i].near) fail_msg("%s, %s", cases[i].wanted, cases[i].candidate);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tokens_cover_any_text),
      cmocka_unit_test(numbers_read_as_in_c),
      cmocka_unit_test(layout),
      cmocka_unit_test(foreign_symbols),
      cmocka_unit_test(contextual_words),
      cmocka_unit_test(positions_count_characters),
      cmocka_unit_test(messages_fit),
      cmocka_unit_test(nearest_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
