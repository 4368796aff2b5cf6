/* MPS files: fixed and free, the rules of each section, quadratic terms, writing and reading back, and refusals. */
#include "flat_check.h"

#include "model/mps.h"
#include "model/mps_write.h"

static tw_error error;

static tw_flat *parse(const char *text) {
  tw_flat *flat = NULL;
  assert_ok(tw_mps_parse(&flat, text, strlen(text), "t.mps", &error));
  return flat;
}

static double objective_at(const tw_flat *f, const double *x) {
  const double zero[16] = {0};
  return jet_row(f, -1, x, zero).f;
}

static const char small[] = "* a comment\n"
                            "NAME          SMALL\n"
                            "ROWS\n"
                            " N  COST\n"
                            " L  LIM1\n"
                            " G  LIM2\n"
                            " E  MYEQN\n"
                            " E  EQ2\n"
                            " N  OTHER\n"
                            "COLUMNS\n"
                            "    X1        COST         1.0   LIM1         1.0\n"
                            "    X1        LIM2         1.0   OTHER        9.0\n"
                            "    MARKER                 'MARKER'                 'INTORG'\n"
                            "    X2        COST         2.0   LIM1         1.0\n"
                            "    X2        MYEQN       -1.0   EQ2          1.0\n"
                            "    X4        COST         0.5\n"
                            "    MARKER                 'MARKER'                 'INTEND'\n"
                            "    X3        COST        -1.0   MYEQN        1.0\n"
                            "RHS\n"
                            "    RHS       COST       -12.5   LIM1         4.0\n"
                            "    RHS       LIM2         1.0   MYEQN        7.0\n"
                            "    RHS2      LIM1        99.0\n"
                            "RANGES\n"
                            "    RNG       LIM1         2.5   LIM2         3.0\n"
                            "    RNG       MYEQN        2.0   EQ2         -4.0\n"
                            "BOUNDS\n"
                            " UP BND       X1           4.0\n"
                            " LO BND       X2          -1.0\n"
                            " UP BND       X2           1.0\n"
                            " UP BND       X3          -3.0\n"
                            " UP OTHER     X3          50.0\n"
                            "ENDATA\n";

static void test_rules(void **state) {
  (void)state;
  tw_flat *f = parse(small);
  assert_string_equal(f->title, "SMALL");
  assert_int_equal(f->n, 4);
  assert_int_equal(f->m, 4);
  const char *const column[4] = {"X1", "X2", "X4", "X3"}, *const row[4] = {"LIM1", "LIM2", "MYEQN", "EQ2"};
  const double lower[4] = {0, -1, 0, -INFINITY}, upper[4] = {4, 1, 1, -3}; /* integers without bounds are binary */
  const tw_var_kind kind[4] = {TW_CONTINUOUS, TW_INTEGER, TW_BINARY, TW_CONTINUOUS};
  const double low[4] = {1.5, 1, 7, -4}, high[4] = {4, 4, 9, 0};
  for (int k = 0; k < 4; k++) {
    assert_string_equal(f->column[k], column[k]);
    assert_string_equal(f->row[k], row[k]);
    assert_true(f->lower[k] == lower[k] && f->upper[k] == upper[k] && f->row_lower[k] == low[k] && f->row_upper[k] == high[k]);
    assert_int_equal(f->kind[k], kind[k]);
  }
  assert_true(objective_at(f, (double[]){1, 10, 100, 1000}) == 1 + 20 + 50 - 1000 + 12.5);
  check_flat("small", f, 0.1);
  tw_flat_free(f);
}

/* Names with blanks, which only fixed files have; bounds of all types; free files with fields left out. */
static void test_formats(void **state) {
  (void)state;
  tw_flat *f = parse("NAME          WITH BLANKS\n"
                     "ROWS\n"
                     " N  TOTAL C\n"
                     " L  MY ROW 1\n"
                     "COLUMNS\n"
                     "    COL A     TOTAL C            3.0   MY ROW 1           2.0\n"
                     "    COL B     MY ROW 1           1.0\n"
                     "RHS\n"
                     "              MY ROW 1           8.0\n"
                     "BOUNDS\n"
                     " MI           COL A\n"
                     " UP           COL A              5.0\n"
                     "ENDATA\n");
  assert_string_equal(f->column[1], "COL B");
  assert_true(f->row_upper[0] == 8 && f->lower[0] == -INFINITY && f->upper[0] == 5);
  tw_flat_free(f);
  f = parse("NAME\nOBJSENSE MAX\nROWS\n N o\n G r\nCOLUMNS\n a o 1 r 1\n b r 1\n c r 1\n d r 1\n e r 1\n g r 1\n h r 1\nRHS\n r 2\n"
            "BOUNDS\n FR a\n FX s b 3\n BV s c\n LI s d -2\n UI s e 9\n PL s g\n SC s h 6\n LO s h 2\nENDATA\n");
  assert_true(f->maximize && f->row_lower[0] == 2);
  const double lower[8] = {-INFINITY, 3, 0, -2, 0, 0, 0, 0}, upper[8] = {INFINITY, 3, 1, INFINITY, 9, INFINITY, 6, 1};
  const tw_var_kind kind[8] = {TW_CONTINUOUS, TW_CONTINUOUS, TW_BINARY, TW_INTEGER, TW_INTEGER, TW_CONTINUOUS, TW_CONTINUOUS, TW_BINARY};
  assert_int_equal(f->n, 8); /* h = 0 or 2 <= h <= 6 has a switch */
  for (int k = 0; k < 8; k++) {
    assert_true(f->lower[k] == lower[k] && f->upper[k] == upper[k]);
    assert_int_equal(f->kind[k], kind[k]);
  }
  const double zero[8] = {0}, on[8] = {0, 0, 0, 0, 0, 0, 3, 1}, off[8] = {0, 0, 0, 0, 0, 0, 3, 0};
  assert_int_equal(f->m, 3);
  assert_true(jet_row(f, 1, on, zero).f >= f->row_lower[1] && jet_row(f, 2, on, zero).f <= f->row_upper[2]);
  assert_true(jet_row(f, 2, off, zero).f > f->row_upper[2]);
  tw_flat_free(f);
}

#define QUADRATIC_HEAD "NAME q\nROWS\n N o\n L r\nCOLUMNS\n a o 1 r 1\n b o 1\nRHS\n r r 2\n"
static void test_quadratic(void **state) {
  (void)state;
  static const char *const sections[] = {"QUADOBJ\n a a 2\n a b -1\n b b 6\n", "QSECTION o\n a a 2\n a b -1\n b b 6\n",
                                         "QMATRIX\n a a 2\n a b -1\n b a -1\n b b 6\n"};
  const double x[2] = {2, 5};
  for (int k = 0; k < 3; k++) {
    char text[512];
    snprintf(text, sizeof text, "%s%sQCMATRIX r\n a b 1.5\n b a 1.5\nENDATA\n", QUADRATIC_HEAD, sections[k]);
    tw_flat *f = parse(text);
    assert_true(objective_at(f, x) == 7 + 4 - 10 + 75);
    assert_true(jet_row(f, 0, x, x).f == 2 + 30);
    check_flat("quadratic", f, 0.5);
    tw_flat_free(f);
  }
}

/* The optimum does not depend on which of two files states it: functions and limits are the same, but for the sign of an objective that
 * is maximised. */
static void check_back(const char *label, const tw_flat *f) {
  tw_text text = {0};
  assert_ok(tw_mps_write(f, &text, &error));
  tw_flat *back = NULL;
  assert_ok(tw_mps_parse(&back, text.data, text.length, label, &error));
  assert_int_equal(back->n, f->n);
  assert_int_equal(back->m, f->m);
  assert_false(back->maximize);
  double *x = calloc((size_t)f->n, sizeof *x), *v = calloc((size_t)f->n, sizeof *v);
  for (int64_t j = 0; j < f->n; j++) {
    x[j] = tw_random_normal(1, (uint64_t)j);
    v[j] = tw_random_normal(2, (uint64_t)j);
    if (back->lower[j] != f->lower[j] || back->upper[j] != f->upper[j] || back->kind[j] != f->kind[j] ||
        strcmp(back->column[j], f->column[j]) != 0)
      fail_msg("%s: column %s came back as %s, [%g, %g] for [%g, %g]", label, f->column[j], back->column[j], back->lower[j], back->upper[j],
               f->lower[j], f->upper[j]);
  }
  for (int64_t i = -1; i < f->m; i++) {
    const jet a = jet_row(f, i, x, v), b = jet_row(back, i, x, v);
    const double sign = i < 0 && f->maximize ? -1 : 1;
    check_number(label, "the value", i, b.f, sign * a.f, 0);
    check_number(label, "the second derivative", i, b.dd, sign * a.dd, 0);
    if (i < 0) continue;
    assert_close(back->row_lower[i] == f->row_lower[i] ? 0 : back->row_lower[i] - f->row_lower[i], 0, 1e-9);
    assert_true(back->row_upper[i] == f->row_upper[i]);
  }
  free(x);
  free(v);
  tw_flat_free(back);
  tw_text_free(&text);
}

static void test_written(void **state) {
  (void)state;
  tw_flat *f = parse(small);
  check_back("small", f);
  f->maximize = true;
  tw_flat_quadratic(f, -1, 1, 1, 2.5);
  tw_flat_quadratic(f, -1, 3, 1, -1.5);
  tw_flat_quadratic(f, 2, 0, 1, 4);
  check_back("small with squares", f);
  f->body[0] = tw_flat_variable(f, 0);
  tw_text text = {0};
  assert_fails(tw_mps_write(f, &text, &error), TW_ERR_UNSUPPORTED, "linear and quadratic terms alone");
  tw_text_free(&text);
  tw_flat_free(f);
}

/* n, m and the number of integers, as GLPK counts them. */
static void test_files(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int64_t n, m, integer;
  } files[] = {{"adlittle", 97, 56, 0}, {"afiro", 32, 27, 0},     {"avgas", 8, 10, 0},    {"bell5", 104, 91, 58},
               {"blending", 2, 2, 0},   {"egout", 141, 98, 55},   {"flugpl", 18, 18, 11}, {"infeasible-mip0", 9, 11, 6},
               {"klein1", 54, 54, 0},   {"lseu", 89, 28, 89},     {"qjh", 3, 1, 0},       {"qjh_quadobj", 3, 1, 0},
               {"small_mip", 8, 5, 2},  {"etamacro", 688, 400, 0}};
  for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
    char path[128], *text;
    size_t bytes;
    tw_flat *f = NULL;
    snprintf(path, sizeof path, "tests/data/mps/%s.mps", files[k].name);
    assert_ok(tw_file_read(path, 1 << 24, &text, &bytes, &error));
    assert_ok(tw_mps_parse(&f, text, bytes, path, &error));
    int64_t integer = 0;
    for (int64_t j = 0; j < f->n; j++) integer += f->kind[j] != TW_CONTINUOUS;
    if (f->n != files[k].n || f->m != files[k].m || integer != files[k].integer)
      fail_msg("%s: %lld columns, %lld rows, %lld integers", path, (long long)f->n, (long long)f->m, (long long)integer);
    check_flat(path, f, 0.3);
    check_back(path, f);
    tw_flat_free(f);
    free(text);
  }
}

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "t.mps:0: the file ends without ENDATA"},
      {"ROWS\n N o\nCOLUMNS\nENDATA\n", "t.mps:4: the file has no columns"},
      {"ROWS\n X o\n", "t.mps:2: 'X' is no type of row"},
      {"ROWS\n N o\n L a\n L a\n", "t.mps:4: row 'a' is stated twice"},
      {"ROWS\n N o\nCOLUMNS\n x q 1\n", "t.mps:4: there is no row 'q'"},
      {"ROWS\n N o\nCOLUMNS\n x o one\n", "t.mps:4: 'one' is no number"},
      {"ROWS\n N o\nCOLUMNS\n x o inf\n", "t.mps:4: the coefficient of row 'o' is not finite"},
      {"ROWS\n N o\nCOLUMNS\n x o 1 o 2\n", "t.mps:4: column 'x' has two entries in row 'o'"},
      {"ROWS\n N o\nCOLUMNS\n x o 1\n y o 1\n x o 1\n", "t.mps:6: column 'x' begins again"},
      {"ROWS\n N o\nCOLUMNS\n x o 1\nBOUNDS\n XX b x 1\n", "t.mps:6: 'XX' is no type of bound"},
      {"ROWS\n N o\nCOLUMNS\n x o 1\nBOUNDS\n UP b y 1\n", "t.mps:6: there is no column 'y'"},
      {"ROWS\n N o\nCOLUMNS\n x o 1\nSOS1\n", "t.mps:5: section 'SOS1', expected NAME ROWS"},
      {"ROWS\n N o\nCOLUMNS\n x o 1\nBOUNDS\n SC b x 1e30\n LO b x 1\nENDATA\n", "semi-continuous without an upper bound"},
      {"ROWS\n N o\nOBJSENSE\n UPWARDS\n", "t.mps:4: OBJSENSE 'UPWARDS', expected MAX or MIN"},
      {"ROWS\n N o\nCOLUMNS\n x o 1\nQCMATRIX\n", "t.mps:5: QCMATRIX names no row"},
      {" x o 1\n", "t.mps:1: 'x' stands in no section"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    tw_flat *flat = NULL;
    error = (tw_error){0};
    if (tw_mps_parse(&flat, cases[k].text, strlen(cases[k].text), "t.mps", &error) == TW_OK) fail_msg("accepted:\n%s", cases[k].text);
    assert_null(flat);
    if (strstr(error.message, cases[k].message) == NULL) fail_msg("\"%s\" is not in \"%s\"", cases[k].message, error.message);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules),   cmocka_unit_test(test_formats), cmocka_unit_test(test_quadratic),
                                     cmocka_unit_test(test_written), cmocka_unit_test(test_files),   cmocka_unit_test(test_refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
