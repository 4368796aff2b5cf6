/* Files of other modelling systems by the command: names and order in the output, messages, conversions that keep the
 * optimum, and the part that AMPL plays: a stub goes in, a solution comes out. */
#include "command.h"

static tw_error error;

static json_t *solve_json(const char *path, const char *more) {
  outcome o = command("solve %s --json --quiet%s%s", path, *more != '\0' ? " " : "", more);
  expect_code(&o, 0);
  json_error_t problem;
  json_t *object = json_loads(o.out, 0, &problem);
  if (object == NULL) fail_msg("%s: %s in %s", path, problem.text, o.out);
  outcome_free(&o);
  return object;
}

static double number_in(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  if (!json_is_number(value)) fail_msg("no number '%s'", name);
  return json_number_value(value);
}

static void expect_keys(const json_t *object, int count, const char *const *key) {
  int k = 0;
  for (void *at = json_object_iter((json_t *)object); at != NULL; at = json_object_iter_next((json_t *)object, at), k++)
    if (k >= count || strcmp(json_object_iter_key(at), key[k]) != 0) fail_msg("key %d is %s", k, json_object_iter_key(at));
  assert_int_equal(k, count);
}

/* ------------------------------------------------------------------ names and order */

static const char lp[] = "Maximize\n obj: 3 tables + 2 chairs + 5\nSubject To\n wood: tables + chairs <= 4\n least: chairs >= 1\n"
                         " both: tables + 3 chairs <= 7\nEnd\n";

static void names(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  write_text(folder, "m.lp", lp);
  json_t *object = solve_json(test_path(folder, "m.lp", path), "");
  assert_close(number_in(object, "objective"), 16, 1e-6);
  const json_t *variables = json_object_get(object, "variables"), *constraints = json_object_get(object, "constraints");
  expect_keys(variables, 2, (const char *const[]){"tables", "chairs"});
  expect_keys(constraints, 3, (const char *const[]){"wood", "least", "both"});
  assert_close(number_in(variables, "tables"), 3, 1e-6);
  assert_close(number_in(json_object_get(constraints, "both"), "value"), 6, 1e-6);
  assert_close(number_in(json_object_get(constraints, "wood"), "dual"), -3, 1e-5); /* grad f + y' grad c = 0 */
  assert_close(number_in(json_object_get(constraints, "least"), "dual"), 1, 1e-5);
  json_decref(object);
  outcome o = command("solve %s --quiet", path);
  expect_code(&o, 0);
  expect_text(o.out, "tables");
  expect_text(o.out, "wood");
  outcome_free(&o);
  o = command("check %s", path);
  expect_code(&o, 0);
  expect_text(o.out, "LP");
  outcome_free(&o);
  test_folder_remove(folder);
}

static void without_names(void **state) {
  (void)state;
  char folder[64], path[128];
  json_t *object = solve_json("tests/data/nl/polak5.nl", "");
  assert_close(number_in(object, "objective"), 50, 1e-5);
  assert_int_equal(json_array_size(json_object_get(json_object_get(object, "variables"), "x")), 3);
  const json_t *c = json_object_get(json_object_get(object, "constraints"), "c");
  assert_int_equal(json_array_size(json_object_get(c, "value")), 2);
  assert_int_equal(json_array_size(json_object_get(c, "dual")), 2);
  json_decref(object);
  test_folder_make(folder);
  char *text;
  size_t bytes;
  assert_ok(tw_file_read("tests/data/nl/polak5.nl", 1 << 20, &text, &bytes, &error));
  write_text(folder, "p.nl", text);
  free(text);
  write_text(folder, "p.col", "alpha\nbeta\ngamma\n");
  write_text(folder, "p.row", "first\nsecond\n");
  object = solve_json(test_path(folder, "p.nl", path), "");
  expect_keys(json_object_get(object, "variables"), 3, (const char *const[]){"alpha", "beta", "gamma"});
  expect_keys(json_object_get(object, "constraints"), 2, (const char *const[]){"first", "second"});
  json_decref(object);
  write_text(folder, "p.row", "first\n");
  outcome o = command("solve %s", path);
  expect_code(&o, 1);
  expect_text(o.err, "p.row:1: the file ends, expected 2 names");
  outcome_free(&o);
  test_folder_remove(folder);
}

static void messages(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  write_text(folder, "bad.mps", "NAME x\nROWS\n N o\n Q r\n");
  outcome o = command("solve %s", test_path(folder, "bad.mps", path));
  expect_code(&o, 1);
  expect_text(o.err, "bad.mps:4: 'Q' is no type of row");
  outcome_free(&o);
  o = command("check tests/data/nl/polak5.nl --set objno=2");
  expect_code(&o, 1);
  expect_text(o.err, "objective 2 is asked for, the model has 1");
  outcome_free(&o);
  o = command("check tests/data/nl/polak5.nl --set lam=2");
  expect_code(&o, 1);
  expect_text(o.err, "--set lam: the file has no param");
  outcome_free(&o);
  o = command("check tests/data/mps/afiro.mps --set lam=2");
  expect_code(&o, 1);
  expect_text(o.err, "--set lam: the file has no params");
  outcome_free(&o);
  test_folder_remove(folder);
}

/* ------------------------------------------------------------------ conversions */

static void conversions(void **state) {
  (void)state;
  static const struct {
    const char *model, *file;
    double optimum;
    double sign; /* -1: maximised, and written with its sign changed */
  } cases[] = {{"examples/hs071.tw", "m.nl", 17.0140173, 1},       {"examples/transport.tw", "m.nl", 153.675, 1},
               {"examples/transport.tw", "m.mps", 153.675, 1},     {"examples/rosenbrock.tw", "m.nl", 0, 1},
               {"examples/portfolio.tw", "m.mps", NAN, -1},         {"examples/portfolio.tw", "m.nl", NAN, 1},
               {"tests/data/nl/polak5.nl", "m.nl", 50, 1},         {"tests/data/mps/afiro.mps", "m.nl", -464.7531428571, 1},
               {"tests/data/mps/qjh_quadobj.mps", "m.mps", NAN, 1}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    char folder[64], path[128];
    test_folder_make(folder);
    outcome o = command("compile %s -o %s", cases[k].model, test_path(folder, cases[k].file, path));
    expect_code(&o, 0);
    outcome_free(&o);
    json_t *before = solve_json(cases[k].model, ""), *after = solve_json(path, "");
    assert_close(number_in(after, "objective"), cases[k].sign * number_in(before, "objective"), 1e-5);
    if (!isnan(cases[k].optimum)) assert_close(number_in(after, "objective"), cases[k].optimum, 1e-5);
    json_decref(before);
    json_decref(after);
    test_folder_remove(folder);
  }
}

static void conversion_refusals(void **state) {
  (void)state;
  static const struct {
    const char *model, *file, *message;
  } cases[] = {{"examples/equilibrium.tw", "m.nl", "argmin has no scalar form"},
               {"examples/hs071.tw", "m.mps", "linear and quadratic terms alone"},
               {"examples/lasso.tw", "m.mps", "linear and quadratic terms alone"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    char folder[64], path[128];
    test_folder_make(folder);
    outcome o = command("compile %s -o %s", cases[k].model, test_path(folder, cases[k].file, path));
    expect_code(&o, 1);
    expect_text(o.err, cases[k].message);
    outcome_free(&o);
    assert_int_equal(test_folder_remove(folder), 0); /* no file is left */
  }
  outcome o = command("compile tests/data/nl/polak5.nl -o tests/data/nl/polak5.nl");
  expect_code(&o, 1);
  expect_text(o.err, "written over the model");
  outcome_free(&o);
}

/* ------------------------------------------------------------------ AMPL's part */

typedef struct sol {
  char *text, *at;
  long option[10], n_options, rows, duals, columns, primals, objective, code;
  double dual[64], primal[64];
} sol;

static long whole(sol *s) {
  char *end;
  const long value = strtol(s->at, &end, 10);
  if (end == s->at || *end != '\n') fail_msg("no integer alone in its line: %.40s", s->at);
  s->at = end + 1;
  return value;
}

static void read_values(sol *s, long count, double *out) {
  assert_true(count <= 64);
  for (long k = 0; k < count; k++) {
    char *end;
    out[k] = strtod(s->at, &end);
    if (end == s->at || *end != '\n') fail_msg("no number alone in its line: %.40s", s->at);
    s->at = end + 1;
  }
}

/* What AMPL does with the file: message up to an empty line, options, sizes, values, the code. */
static void read_sol(sol *s, const char *folder, const char *name) {
  char path[128];
  size_t bytes;
  *s = (sol){0};
  assert_ok(tw_file_read(test_path(folder, name, path), 1 << 20, &s->text, &bytes, &error));
  char *options = strstr(s->text, "\n\nOptions\n");
  assert_non_null(options);
  assert_true(options > s->text + 1); /* there is a message */
  s->at = options + strlen("\n\nOptions\n");
  s->n_options = whole(s);
  for (long k = 0; k < s->n_options; k++) s->option[k] = whole(s);
  s->rows = whole(s);
  s->duals = whole(s);
  s->columns = whole(s);
  s->primals = whole(s);
  read_values(s, s->duals, s->dual);
  read_values(s, s->primals, s->primal);
  assert_int_equal(sscanf(s->at, "objno %ld %ld", &s->objective, &s->code), 2);
}

static void ampl_solve(const char *model, const char *options, const char *folder, sol *s) {
  char path[128];
  outcome o = command("compile %s -o %s", model, test_path(folder, "stub.nl", path));
  expect_code(&o, 0);
  outcome_free(&o);
  o = command("%s -AMPL%s%s", test_path(folder, "stub", path), *options != '\0' ? " " : "", options);
  expect_code(&o, 0);
  outcome_free(&o);
  read_sol(s, folder, "stub.sol");
}

/* hs071: grad f = J' dual on the variables within their bounds, duals in the order of the file. */
static void ampl_nlp(void **state) {
  (void)state;
  char folder[64];
  sol s;
  test_folder_make(folder);
  ampl_solve("examples/hs071.tw", "", folder, &s);
  assert_int_equal(s.code, 0);
  assert_int_equal(s.n_options, 3);
  assert_true(s.rows == 2 && s.duals == 2 && s.columns == 4 && s.primals == 4 && s.objective == 0);
  const double *x = s.primal;
  assert_close(x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2], 17.0140173, 1e-6);
  assert_true(s.dual[0] >= 0); /* prod >= 25: more costs more */
  const double g[4] = {x[3] * (2 * x[0] + x[1] + x[2]), x[0] * x[3], x[0] * x[3] + 1, x[0] * (x[0] + x[1] + x[2])};
  const double product = x[0] * x[1] * x[2] * x[3];
  for (int j = 1; j < 4; j++) assert_close(g[j], s.dual[0] * product / x[j] + s.dual[1] * 2 * x[j], 1e-4);
  free(s.text);
  test_folder_remove(folder);
}

/* Duals are d objective / d right-hand side whatever the sense; reduced costs when asked for. */
static void ampl_lp(void **state) {
  (void)state;
  for (int maximize = 0; maximize < 2; maximize++) {
    char folder[64], path[128], name[128];
    sol s;
    test_folder_make(folder);
    write_text(folder, "m.lp",
               maximize ? lp
                        : "min\n obj: - 3 tables - 2 chairs\nst\n wood: tables + chairs <= 4\n least: chairs >= 1\n"
                          " both: tables + 3 chairs <= 7\nend\n");
    snprintf(path, sizeof path, "%s", test_path(folder, "m.lp", name));
    ampl_solve(path, "rc=1", folder, &s);
    const double sign = maximize ? 1 : -1;
    assert_int_equal(s.code, 0);
    assert_close(s.dual[0], sign * 3, 1e-5);
    assert_close(s.dual[1], 0, 1e-5);
    assert_close(s.dual[2], sign * -1, 1e-5);
    char *rows;
    size_t bytes;
    assert_ok(tw_file_read(test_path(folder, "stub.row", name), 1 << 20, &rows, &bytes, &error));
    assert_string_equal(rows, "wood\nboth\nleast\n");
    free(rows);
    double reduced[2];
    const char *suffix = strstr(s.at, "suffix 4 2 3 0 0\nrc\n");
    assert_non_null(suffix);
    assert_int_equal(sscanf(suffix, "suffix 4 2 3 0 0 rc 0 %lf 1 %lf", &reduced[0], &reduced[1]), 2);
    assert_close(reduced[0], 0, 1e-5);
    assert_close(reduced[1], 0, 1e-5);
    free(s.text);
    test_folder_remove(folder);
  }
}

static void ampl_codes(void **state) {
  (void)state;
  char folder[64], path[128];
  sol s;
  test_folder_make(folder);
  ampl_solve("examples/hs071.tw", "max_iter=1", folder, &s);
  assert_int_equal(s.code, 400);
  free(s.text);
  write_text(folder, "m.lp", "min\n x\nst\n x <= 1\nbounds\n 3 <= x <= 2\nend\n");
  char model[128];
  snprintf(model, sizeof model, "%s", test_path(folder, "m.lp", path));
  ampl_solve(model, "", folder, &s);
  assert_true(s.code >= 200 && s.code < 300);
  assert_int_equal(s.primals, 0);
  free(s.text);
  test_folder_remove(folder);
}

static void ampl_options(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  outcome o = command("compile examples/hs071.tw -o %s", test_path(folder, "stub.nl", path));
  expect_code(&o, 0);
  outcome_free(&o);
  assert_int_equal(setenv("talweg_options", "outlev=0  max_iter 1", 1), 0);
  o = command("%s -AMPL", test_path(folder, "stub", path));
  expect_code(&o, 0);
  assert_string_equal(o.out, "");
  sol s;
  read_sol(&s, folder, "stub.sol");
  assert_int_equal(s.code, 400);
  free(s.text);
  outcome_free(&o);
  o = command("%s -AMPL max_iter=1000 outlev=1 tol=1e-7", path); /* the command line has the last word */
  expect_code(&o, 0);
  expect_text(o.out, "optimal solution found");
  outcome_free(&o);
  unsetenv("talweg_options");
  o = command("%s -AMPL speed=11", path);
  expect_code(&o, 1);
  expect_text(o.err, "there is no option 'speed'");
  outcome_free(&o);
  o = command("%s -AMPL tol=fast", path);
  expect_code(&o, 1);
  expect_text(o.err, "tol=fast: expected a number");
  outcome_free(&o);
  o = command("%s/none -AMPL", folder);
  expect_code(&o, 1);
  outcome_free(&o);
  o = command("-v");
  expect_code(&o, 0);
  expect_text(o.out, "talweg 0.");
  outcome_free(&o);
  o = command("-=");
  expect_code(&o, 0);
  expect_text(o.out, "timelimit");
  outcome_free(&o);
  test_folder_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(names),       cmocka_unit_test(without_names),       cmocka_unit_test(messages),
                                     cmocka_unit_test(conversions), cmocka_unit_test(conversion_refusals), cmocka_unit_test(ampl_nlp),
                                     cmocka_unit_test(ampl_lp),     cmocka_unit_test(ampl_codes),          cmocka_unit_test(ampl_options)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
