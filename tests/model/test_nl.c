/* .nl files made by hand: each segment, and what is refused with which line or byte. */
#include "flat_check.h"

#include "model/nl.h"

#include <talweg/model.h>

static tw_error error;

/* Two variables, two constraints, one objective; `body` is what follows the header. */
static const char head[] = "g3 1 1 0\t# problem tiny\n"
                           " 2 2 1 0 1\n"
                           " 1 1\n"
                           " 0 0\n"
                           " 2 2 2\n"
                           " 0 0 0 1\n"
                           " 0 0 0 0 0\n"
                           " 3 2\n"
                           " 0 0\n"
                           " 0 0 0 0 0\n";
static const char rest[] = "O0 0\nn0\nr\n1 4\n4 1\nb\n3\n0 -1 5\nk1\n2\nJ0 2\n0 0\n1 2\nJ1 1\n0 1\n";

static tw_flat *parse(const char *text, size_t bytes, int64_t objective) {
  tw_flat *flat = tw_flat_new();
  assert_non_null(flat);
  assert_ok(tw_nl_parse(flat, text, bytes, "t.nl", objective, &error));
  return flat;
}

static char *join(const char *a, const char *b, const char *c) {
  tw_text text = {0};
  tw_text_puts(&text, a);
  tw_text_puts(&text, b);
  tw_text_puts(&text, c);
  assert_false(text.failed);
  return text.data;
}

static void test_segments(void **state) {
  (void)state;
  char *text = join(head, "S0 1 rank\n1 7\nS5 2 scale # a comment\n0 0.5\n1 2\nd1\n1 0.25\nx1\n0 3\n\n", rest);
  tw_flat *f = parse(text, strlen(text), 0);
  assert_int_equal(f->n, 2);
  assert_int_equal(f->m, 2);
  assert_int_equal(f->algebraic, 2);
  assert_string_equal(f->title, "tiny");
  assert_true(f->lower[0] == -INFINITY && f->upper[0] == INFINITY && f->lower[1] == -1 && f->upper[1] == 5);
  assert_true(f->row_lower[0] == -INFINITY && f->row_upper[0] == 4 && f->row_lower[1] == 1 && f->row_upper[1] == 1);
  assert_true(f->start[0] == 3 && isnan(f->start[1]));
  assert_true(isnan(f->row_start[0]) && f->row_start[1] == 0.25);
  assert_int_equal(f->n_linear, 2); /* the zero is dropped */
  assert_int_equal(f->n_options, 3);
  tw_flat_free(f);
  free(text);
}

static void test_kinds(void **state) {
  (void)state;
  /* 9 variables: both [0,3) with 1 integer, constraints [3,5) with 1, objectives [5,6) with 1, linear 3: 1 binary, 1 integer */
  const tw_nl_header h = {.n = 9,
                          .vars_both = 3,
                          .vars_rows = 5,
                          .vars_objectives = 6,
                          .binary = 1,
                          .integer = 1,
                          .integer_both = 1,
                          .integer_rows = 1,
                          .integer_objectives = 1};
  const tw_var_kind want[9] = {TW_CONTINUOUS, TW_CONTINUOUS, TW_INTEGER, TW_CONTINUOUS, TW_INTEGER,
                               TW_INTEGER,    TW_CONTINUOUS, TW_BINARY,  TW_INTEGER};
  tw_flat *f = tw_flat_new();
  assert_true(tw_flat_size(f, 9, 0, 0));
  tw_nl_kinds(&h, f);
  for (int j = 0; j < 9; j++) assert_int_equal(f->kind[j], want[j]);
  tw_flat_free(f);
}

static void test_objectives(void **state) {
  (void)state;
  char *text = join(head, "O1 1\nv0\nG1 1\n1 3\nG0 1\n0 2\n", rest);
  text[strlen("g3 1 1 0\t# problem tiny\n 2 2 ")] = '2';
  tw_flat *first = parse(text, strlen(text), 0), *second = parse(text, strlen(text), 2);
  assert_false(first->maximize);
  assert_true(second->maximize);
  const double x[2] = {10, 100}, v[2] = {0, 0};
  assert_true(jet_row(first, -1, x, v).f == 20);
  assert_true(jet_row(second, -1, x, v).f == 310);
  tw_flat_free(first);
  tw_flat_free(second);
  tw_flat *none = tw_flat_new();
  assert_fails(tw_nl_parse(none, text, strlen(text), "t.nl", 3, &error), TW_ERR_PARSE, "objective 3 is asked for, the model has 2");
  tw_flat_free(none);
  free(text);
}

/* Logical constraints: comparisons become rows, others must have the value 1. */
static void test_logical(void **state) {
  (void)state;
  char *text = join(head, "L0\no21\no23\nv0\nn3\no34\no24\nv0\nv1\n", rest);
  char *wide = join("g3 1 1 0\n 2 2 1 0 1 1\n", strstr(text, " 1 1\n"), "");
  tw_flat *f = parse(wide, strlen(wide), 0);
  assert_int_equal(f->m, 4);
  assert_int_equal(f->algebraic, 2);
  const double x[2] = {2, 2}, v[2] = {0, 0};
  assert_true(jet_row(f, 2, x, v).f == -1 && f->row_upper[2] == 0 && f->row_lower[2] == -INFINITY);
  assert_true(jet_row(f, 3, x, v).f == 1 && f->row_upper[3] == 0 && f->row_lower[3] == 0); /* not(not(2 == 2)) */
  tw_flat_free(f);
  free(text);
  free(wide);
}

/* Common expressions with linear parts, read by others and by rows: groups of one shape. */
static void test_commons(void **state) {
  (void)state;
  char *plain = join(head, "V2 1 0\n0 2\no2\nv0\nv1\nV3 0 0\no44\nv2\nV4 1 0\n1 5\no2\nv1\nv1\nC0\no2\nv3\nv4\nC1\nv2\n", rest);
  memcpy(strstr(plain, " 0 0 0 0 0\nV"), " 3 0 0 0 0", 10);
  tw_flat *f = parse(plain, strlen(plain), 0);
  const double x[2] = {0.5, -0.25}, v[2] = {0, 0};
  const double v2 = 2 * 0.5 - 0.125, v4 = 5 * -0.25 + 0.0625;
  assert_close(jet_row(f, 0, x, v).f, exp(v2) * v4 + 2 * -0.25, 1e-15);
  assert_close(jet_row(f, 1, x, v).f, v2 + 0.5, 1e-15);
  check_flat("commons", f, 0.1);
  tw_flat_free(f);
  free(plain);
}

/* ------------------------------------------------------------------ refusals */

typedef struct refusal {
  const char *body, *message; /* put before `rest` */
} refusal;

static void test_refusals(void **state) {
  (void)state;
  static const refusal cases[] = {
      {"C2\nn0\n", "t.nl:11: the number of a constraint is 2, expected an integer in 0..1"},
      {"C0\nn0\nC0\nn0\n", "t.nl:13: constraint C0 is stated twice"},
      {"C0\nv2\n", "t.nl:12: the number of a variable is 2, expected an integer in 0..1"},
      {"C0\no99\n", "t.nl:12: an operator is 99"},
      {"C0\no36\n", "t.nl:12: there is no operator o36"},
      {"C0\no54\n0\n", "t.nl:13: the number of operands is 0"},
      {"C0\no65\n", "t.nl:12: operator o65 works on text"},
      {"C0\nh3:abc\n", "t.nl:12: the expression holds text"},
      {"C0\nf0 1\nv0\n", "t.nl:12: the expression calls an imported function"},
      {"C0\nq\n", "t.nl:12: 'q' in an expression"},
      {"C0\nnx\n", "t.nl:12: 'x' is no number, expected a number"},
      {"C0\nnnan\n", "a number is NaN"},
      {"C0\nn1 2\n", "t.nl:12: '2"},
      {"C0\no64\n2\nn1\nn0\nn2\no0\n", "t.nl:17: no variable behind the slopes"},
      {"C0\no64\n3\nn1\nn0\nn2\nn-1\nn3\nv0\n", "breakpoint -1 of a piecewise-linear term is below"},
      {"x3\n0 1\n", "t.nl:11: the number of initial values is 3"},
      {"x1\n0\n", "t.nl:12: the line ends, expected an initial value"},
      {"J0 1\n0 inf\n", "a coefficient is not finite"},
      {"S0 1 sosno\n0 1\n", "suffix sosno states special ordered sets"},
      {"F0 0 1 f\n", "t.nl:11: the number of a function is 0"},
      {"k0\n", "t.nl:11: the number of column counts is 0, expected an integer in 1..1"},
      {"k1\n9\n", "t.nl:12: a column count is 9, expected an integer in 0..3"},
      {"r\n5 1 1\n", "t.nl:12: the limit of constraint 0 is a complementarity condition"},
      {"r\n7\n", "t.nl:12: the limit of constraint 0 begins with '7', expected 0 to 4"},
      {"V2 0 0\nn1\n", "the number of a common expression"},
      {"?\n", "t.nl:11: a segment begins with '?'"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    char *text = join(head, cases[k].body, rest);
    tw_flat *flat = tw_flat_new();
    error = (tw_error){0};
    if (tw_nl_parse(flat, text, strlen(text), "t.nl", 0, &error) == TW_OK) fail_msg("accepted:\n%s", cases[k].body);
    if (strstr(error.message, cases[k].message) == NULL) fail_msg("\"%s\" is not in \"%s\"", cases[k].message, error.message);
    tw_flat_free(flat);
    free(text);
  }
}

static void refuse(const char *text, tw_status status, const char *message) {
  tw_flat *flat = tw_flat_new();
  assert_fails(tw_nl_parse(flat, text, strlen(text), "t.nl", 0, &error), status, message);
  tw_flat_free(flat);
}

static void test_header_refusals(void **state) {
  (void)state;
  refuse("", TW_ERR_PARSE, "t.nl:1: the file begins with '?', expected g (text) or b (binary)");
  refuse("x3\n", TW_ERR_PARSE, "the file begins with 'x'");
  refuse("g3\n 2 2 1\n", TW_ERR_PARSE, "the header ends in line 3, expected 10 lines");
  refuse("g3\n 99999 2 1\n0\n0\n0\n0\n0\n0\n0\n0\n", TW_ERR_PARSE, "more than a file of");
  refuse("g3\n 0 0 1\n0\n0\n0\n0\n0\n0\n0\n0\n", TW_ERR_PARSE, "expected at least 1");
  refuse("g3\n -1 0 1\n", TW_ERR_PARSE, "t.nl:2: a count of the header is -1");
  refuse("g3\n 2 0 1\n0 0 3\n0\n0\n0\n0\n0\n0\n0\n", TW_ERR_UNSUPPORTED, "3 complementarity conditions");
  char *text = join(head, "", "O0 0\nn0\n");
  refuse(text, TW_ERR_PARSE, "without bounds of the variables");
  free(text);
}

/* Depth is limited, but not that of sums. */
static void test_depth(void **state) {
  (void)state;
  for (int product = 0; product < 2; product++) {
    tw_text text = {0};
    tw_text_puts(&text, head);
    tw_text_puts(&text, "C0\n");
    for (int k = 0; k < 20000; k++) tw_text_puts(&text, product ? "o2\nv0\n" : "o0\nv0\n");
    tw_text_printf(&text, "v1\n%s", rest);
    if (product) {
      refuse(text.data, TW_ERR_PARSE, "nested more than 1500 deep");
    } else {
      tw_flat *f = parse(text.data, text.length, 0);
      stated s;
      stated_open(&s, f);
      const double x[2] = {0.5, 1};
      double c[2];
      assert_ok(s.oracle.constraints(s.oracle.context, x, c, &error));
      assert_close(c[s.rows.position[0]], 20000 * 0.5 + 1 + 2, 1e-12);
      stated_free(&s);
      tw_flat_free(f);
    }
    tw_text_free(&text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_segments),        cmocka_unit_test(test_kinds),
                                     cmocka_unit_test(test_objectives),      cmocka_unit_test(test_logical),
                                     cmocka_unit_test(test_commons),         cmocka_unit_test(test_refusals),
                                     cmocka_unit_test(test_header_refusals), cmocka_unit_test(test_depth)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
