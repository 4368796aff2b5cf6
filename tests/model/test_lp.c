/* LP files: sections, expressions, quadratic terms, and refusals. */
#include "flat_check.h"

#include "model/lp.h"

static tw_error error;

static tw_flat *parse(const char *text) {
  tw_flat *flat = NULL;
  assert_ok(tw_lp_parse(&flat, text, strlen(text), "t.lp", &error));
  return flat;
}

static double row_at(const tw_flat *f, int64_t row, const double *x) {
  return jet_row(f, row, x, x).f;
}

static void test_sections(void **state) {
  (void)state;
  tw_flat *f = parse("\\ a comment\n"
                     "Maximize\n"
                     " profit: 3 x + 2y - z + 10 \\ and a constant\n"
                     "  + [ 2 x^2 - 4 x * y + 6 y ^2 ] / 2\n"
                     "Subject To\n"
                     " c1: x + y + 2 x <= 4\n"
                     " -1 <= x - 3 z <= 8\n"
                     " eq: 2 z + 1 = 7\n"
                     " 5 >= y\n"
                     " q: x + [ y^2 + 2 x*z ] >= 1\n"
                     " st: x =< 9\n"
                     "Bounds\n"
                     " x <= 40\n -5 <= y <= 5\n z free\n w >= -2\n v = 3\n -inf <= u <= 7\n s <= 8\n s >= 1.5\n"
                     "Generals\n z w\n"
                     "Binary\n b\n"
                     "Semi-Continuous\n s\n"
                     "End\n");
  const char *const column[] = {"x", "y", "z", "w", "v", "u", "s", "b", "s_on"};
  const double lower[] = {0, -5, -INFINITY, -2, 3, -INFINITY, 0, 0, 0}, upper[] = {40, 5, INFINITY, INFINITY, 3, 7, 8, 1, 1};
  const tw_var_kind kind[] = {TW_CONTINUOUS, TW_CONTINUOUS, TW_INTEGER, TW_INTEGER, TW_CONTINUOUS,
                              TW_CONTINUOUS, TW_CONTINUOUS, TW_BINARY,  TW_BINARY};
  assert_int_equal(f->n, 9);
  for (int j = 0; j < 9; j++) {
    assert_string_equal(f->column[j], column[j]);
    if (f->lower[j] != lower[j] || f->upper[j] != upper[j]) fail_msg("%s is in [%g, %g]", column[j], f->lower[j], f->upper[j]);
    assert_int_equal(f->kind[j], kind[j]);
  }
  const char *const row[] = {"c1", "c2", "eq", "c4", "q", "st", "s_on", "s_off"};
  const double low[] = {-INFINITY, -1, 6, -INFINITY, 1, -INFINITY}, high[] = {4, 8, 6, 5, INFINITY, 9};
  assert_int_equal(f->m, 8);
  for (int i = 0; i < 8; i++) {
    assert_string_equal(f->row[i], row[i]);
    if (i < 6 && (f->row_lower[i] != low[i] || f->row_upper[i] != high[i]))
      fail_msg("row %s is in [%g, %g]", row[i], f->row_lower[i], f->row_upper[i]);
  }
  const double x[9] = {2, 3, 5};
  assert_true(f->maximize);
  assert_string_equal(f->objective_name, "profit");
  assert_true(row_at(f, -1, x) == 6 + 6 - 5 + 10 + 4 - 12 + 27);
  assert_true(row_at(f, 0, x) == 9 && row_at(f, 1, x) == -13 && row_at(f, 2, x) == 10 && row_at(f, 3, x) == 3 &&
              row_at(f, 4, x) == 2 + 9 + 20);
  check_flat("lp", f, 0.1);
  tw_flat_free(f);
}

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "t.lp:1: the file ends, expected end"},
      {"x\n", "t.lp:1: 'x', expected maximize or minimize"},
      {"st\n x <= 1\nend\n", "t.lp:1: 'st', expected maximize or minimize"},
      {"min\n x\nmax\n y\nend\n", "t.lp:3: a second objective"},
      {"min\n x +\nst\nend\n", "t.lp:3: 'st', expected a variable or a number"},
      {"min\n x\nst\n x + y\nend\n", "t.lp:5: 'end', expected <=, >= or ="},
      {"min\n x\nst\n x <= y\nend\n", "t.lp:4: 'y', expected a number"},
      {"min\n x\nst\n a: x <= 1\n a: x <= 2\nend\n", "row 'a' is stated twice"},
      {"min\n [ x^2 ]\nend\n", "t.lp:3: 'end', expected / 2"},
      {"min\n [ x^3 ] / 2\nend\n", "t.lp:2: '3', expected the exponent 2"},
      {"min\n [ x ] / 2\nend\n", "expected ^ 2 or * and a variable"},
      {"min\n [ x^2\n", "the file ends, expected a variable"},
      {"min\n x\nbounds\n x\nend\n", "t.lp:5: 'end', expected <=, >=, = or free"},
      {"min\n x\nbounds\n 3 x\nend\n", "t.lp:4: 'x', expected <=, >= or ="},
      {"min\n x\ngeneral\n 3\nend\n", "t.lp:4: '3', expected a variable"},
      {"min\n x\nsos1\n s: x:1\nend\n", "t.lp:3: section 'sos1', which no method handles"},
      {"min\n x\nbounds\n s >= 1\nsemi\n s\nend\n", "semi-continuous without an upper bound"},
      {"min\n inf x\nend\n", "a coefficient is not finite"},
      {"min\nend\n", "the file has no variables"},
      {"min\n x\nst\n x <= 1", "the file ends, expected end"},
      {"min\n x\nst\n x <= 1 + y\nend\n", "t.lp:4: '+', expected nothing behind the number"},
      {"min\n x @[\n", "t.lp:2: '@', expected a section"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    tw_flat *flat = NULL;
    error = (tw_error){0};
    if (tw_lp_parse(&flat, cases[k].text, strlen(cases[k].text), "t.lp", &error) == TW_OK) fail_msg("accepted:\n%s", cases[k].text);
    assert_null(flat);
    if (strstr(error.message, cases[k].message) == NULL) fail_msg("\"%s\" is not in \"%s\"", cases[k].message, error.message);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sections), cmocka_unit_test(test_refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
