/* Integer models through the command: files of other modellers, AMPL's convention, JSON, explanations, ranges. */
#include "command.h"

#include <talweg/method.h>

static tw_error error;

static bool has_cbc(void) {
  return tw_method_find("cbc") != NULL;
}

static json_t *run_json(int code, const char *words) {
  outcome o = command("%s --json", words);
  expect_code(&o, code);
  json_t *object = parse_object(&o);
  outcome_free(&o);
  return object;
}

/* Optima as CBC 2.10.8 and GLPK 5.0 report them. */
static void files_of_others(void **state) {
  (void)state;
  static const struct {
    const char *file, *method;
    double optimum;
  } cases[] = {{"small_mip", "cbc", 3.236842105263157},  {"egout", "cbc", 568.1007}, {"flugpl", "cbc", 1201500}, {"lseu", "cbc", 1120},
               {"bell5", "cbc", 8966406.49152},          {"small_mip", "branch_and_bound", 3.236842105263157}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    if (strcmp(cases[k].method, "cbc") == 0 && !has_cbc()) continue;
    char words[256];
    snprintf(words, sizeof words, "solve tests/data/mps/%s.mps --quiet --method %s", cases[k].file, cases[k].method);
    json_t *object = run_json(0, words);
    assert_close(find_number(object, "objective"), cases[k].optimum, 1e-7);
    assert_close(find_number(object, "bound"), cases[k].optimum, 1e-7);
    assert_true(find_number(object, "gap") <= 1e-7);
    assert_true(find_number(object, "optimality.feasibility") <= 1e-6);
    json_decref(object);
  }
}

static void infeasible_is_named(void **state) {
  (void)state;
  if (!has_cbc()) skip();
  json_t *object = run_json(3, "solve tests/data/mps/infeasible-mip0.mps --quiet");
  assert_string_equal(find_string(object, "status"), "infeasible");
  assert_true(json_is_null(find_value(object, "gap")));
  json_decref(object);
  object = run_json(3, "solve tests/data/mps/klein1.mps --quiet --method cbc");
  assert_non_null(strstr(find_string(object, "message"), "Farkas"));
  json_decref(object);
}

static void classes_choose_methods(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  write_text(folder, "q.tw", "var x[2] integer in -3..3\nminimize sum((x - [0.4, 1.6])^2)\nsubject to x[0] + x[1] <= 1\n");
  write_text(folder, "n.tw", "var x integer in -3..5\nvar y >= -2 <= 3\nminimize (x - 1.7)^2 + exp(y) - y/2\nsubject to x^2 + y^2 <= 5\n");
  write_text(folder, "s.tw", "var x integer in 0..9\nminimize sin(x)\n");
  char words[256];
  snprintf(words, sizeof words, "solve %s/q.tw", folder);
  json_t *object = run_json(0, words);
  assert_string_equal(find_string(object, "method"), "branch_and_bound");
  assert_close(find_number(object, "objective"), 0.16 + 0.36, 1e-7); /* (0, 1) */
  json_decref(object);
  snprintf(words, sizeof words, "solve %s/n.tw", folder);
  object = run_json(0, words);
  assert_string_equal(find_string(object, "class"), "MINLP");
  assert_true(find_number(object, "variables.x") == 2);
  assert_close(find_number(object, "variables.y"), log(0.5), 1e-6);
  assert_close(find_number(object, "objective"), 0.09 + 0.5 - log(0.5) / 2, 1e-7);
  json_decref(object);
  outcome o = command("solve %s/s.tw", folder);
  expect_code(&o, 1);
  expect_text(o.err, "not proven convex");
  outcome_free(&o);
  o = command("solve %s/s.tw --method ipm", folder);
  expect_code(&o, 1);
  expect_text(o.err, "cannot respect integer variables");
  outcome_free(&o);
  o = command("solve %s/s.tw --method branch_and_bound:convex=assume", folder);
  expect_code(&o, 0);
  assert_null(strstr(o.out, "Bound"));
  outcome_free(&o);
  o = command("solve %s/q.tw --ranging", folder);
  expect_code(&o, 1);
  expect_text(o.err, "expected a linear program without integers");
  outcome_free(&o);
  o = command("solve examples/knapsack.tw");
  expect_code(&o, 0);
  expect_text(o.out, "Maximum = 15\nBound = 15, gap 0");
  outcome_free(&o);
  test_folder_remove(folder);
}

/* A limit before any feasible point: exit 4, for there is no usable point. */
static void limits(void **state) {
  (void)state;
  json_t *object = run_json(4, "solve tests/data/mps/bell5.mps --quiet --method branch_and_bound:heuristics=0 --max-iter 1");
  assert_string_equal(find_string(object, "status"), "iteration limit");
  assert_true(json_is_null(find_value(object, "gap")));
  assert_true(find_number(object, "bound") <= 8966406.49153);
  json_decref(object);
}

/* Generals, binaries and semi-continuous variables of an .lp file; the same as .nl, by AMPL's convention too. */
static void other_formats(void **state) {
  (void)state;
  static const char *const methods[] = {"cbc", "branch_and_bound"};
  char folder[64], path[128], words[256];
  test_folder_make(folder);
  write_text(folder, "m.lp",
             "Maximize\n obj: 3 a + 2 b + 4 c + s\nSubject To\n one: 2 a + b + 3 c + s <= 10.5\n two: a + b + c <= 6\n off: s <= 1.5\n"
             "Bounds\n a <= 3.5\n 2 <= s <= 5\nGenerals\n a b\nBinaries\n c\nSemi-continuous\n s\nEnd\n");
  for (size_t k = 0; k < 2; k++) {
    if (k == 0 && !has_cbc()) continue;
    snprintf(words, sizeof words, "solve %s/m.lp --method %s", folder, methods[k]);
    json_t *object = run_json(0, words);
    /* s is 0 or at least 2, and `off` leaves 0; then a = 3, b = 3: 15, or a = 2, b = 3, c = 1: 16 */
    assert_close(find_number(object, "objective"), 16, 1e-7);
    assert_close(find_number(object, "variables.s"), 0, 1e-7);
    assert_close(find_number(object, "variables.c"), 1, 1e-7);
    json_decref(object);
  }
  outcome o = command("compile examples/knapsack.tw -o %s", test_path(folder, "k.nl", path));
  expect_code(&o, 0);
  outcome_free(&o);
  snprintf(words, sizeof words, "solve %s", path);
  json_t *object = run_json(0, words);
  assert_close(find_number(object, "objective"), 15, 1e-9);
  json_decref(object);
  o = command("%s/k -AMPL", folder);
  expect_code(&o, 0);
  expect_text(o.out, "optimal solution found; objective 15");
  outcome_free(&o);
  char *sol;
  size_t bytes;
  assert_ok(tw_file_read(test_path(folder, "k.sol", path), 1 << 20, &sol, &bytes, &error));
  expect_text(sol, "0\n1\n1\n1\n1\nobjno 0 0\n");
  free(sol);
  test_folder_remove(folder);
}

/* ------------------------------------------------------------------ explain, ranging */

static bool names(json_t *object, const char *kind, const char *name, const char *side) {
  json_t *subset = find_value(object, "subset");
  for (size_t k = 0; k < json_array_size(subset); k++) {
    json_t *member = json_array_get(subset, k);
    if (strcmp(find_string(member, "kind"), kind) == 0 && strcmp(find_string(member, "name"), name) == 0 &&
        strcmp(find_string(member, "side"), side) == 0)
      return true;
  }
  return false;
}

static json_t *explain_text(const char *folder, const char *model, int code) {
  char words[256];
  write_text(folder, "e.tw", model);
  snprintf(words, sizeof words, "explain %s/e.tw", folder);
  return run_json(code, words);
}

static void explanations(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  json_t *object = explain_text(folder, "set I = {a, b, c}\nvar x[I] >= 0 <= 10\nminimize sum(x)\nsubject to total: sum(x) >= 12\n"
                                        "subject to cap[i in I]: x[i] <= 3\nsubject to loose: x[a] - x[b] <= 100\n", 3);
  assert_int_equal(json_array_size(find_value(object, "subset")), 4);
  assert_true(names(object, "row", "total", "lower") && names(object, "row", "cap[a]", "upper") && names(object, "row", "cap[c]", "upper"));
  assert_true(json_is_true(find_value(object, "irreducible")));
  assert_non_null(strstr(find_string(object, "subset.0.where"), "e.tw:4:"));
  json_decref(object);
  object = explain_text(folder, "var x\nvar y >= 0 init 1\nminimize x + y\nsubject to disk: x^2 + y^2 <= 1\nsubject to far: x + y >= 3\n"
                                "subject to other: x - y <= 10\n", 3);
  assert_int_equal(json_array_size(find_value(object, "subset")), 2);
  assert_true(names(object, "row", "disk", "upper") && names(object, "row", "far", "lower"));
  assert_true(json_is_false(find_value(object, "local")));
  json_decref(object);
  object = explain_text(folder, "var x init 0.5\nvar y init 0.4\nsubject to curve: x * y == 1\nsubject to circle: x^2 + y^2 <= 1\n"
                                "subject to half: x >= -5\n", 3);
  assert_true(json_is_true(find_value(object, "local")));
  assert_true(names(object, "row", "curve", "both") && names(object, "row", "circle", "upper"));
  assert_int_equal(json_array_size(find_value(object, "subset")), 2);
  json_decref(object);
  object = explain_text(folder, "var x[3] >= [0, 5, 1] <= [1, 2, 3]\nminimize sum(x)\n", 3);
  assert_true(names(object, "bound", "x[1]", "lower") && names(object, "bound", "x[1]", "upper"));
  json_decref(object);
  object = explain_text(folder, "var x >= 0\nminimize x\nsubject to x >= 1\n", 0);
  assert_string_equal(find_string(object, "status"), "feasible");
  assert_true(find_number(object, "residual") <= 1e-7);
  json_decref(object);
  outcome o = command("explain examples/equilibrium.tw");
  expect_code(&o, 0);
  outcome_free(&o);
  o = command("explain examples/portfolio.tw");
  expect_code(&o, 1);
  expect_text(o.err, "no boxes");
  outcome_free(&o);
  o = command("explain --help");
  expect_code(&o, 0);
  expect_text(o.out, "--time-limit");
  outcome_free(&o);
  test_folder_remove(folder);
}

static void explained_files(void **state) {
  (void)state;
  json_t *object = run_json(3, "explain tests/data/mps/klein1.mps");
  assert_true(json_is_true(find_value(object, "irreducible")));
  assert_true(json_array_size(find_value(object, "subset")) > 10);
  json_decref(object);
}

static void ranges(void **state) {
  (void)state;
  char folder[64], words[256];
  test_folder_make(folder);
  write_text(folder, "m.lp", "Maximize\n obj: 3 tables + 2 chairs + 5\nSubject To\n wood: tables + chairs <= 4\n least: chairs >= 1\n"
                             " both: tables + 3 chairs <= 7\nEnd\n");
  snprintf(words, sizeof words, "solve %s/m.lp --ranging", folder);
  outcome o = command("%s", words);
  if (o.code == 1 && strstr(o.err, "GLPK") != NULL) skip();
  expect_code(&o, 0);
  expect_text(o.out, "Ranges of limits");
  outcome_free(&o);
  json_t *object = run_json(0, words); /* tables 3, chairs 1: at wood and least */
  json_t *wood = find_value(object, "ranging.constraints.wood"), *tables = find_value(object, "ranging.variables.tables");
  assert_close(find_number(wood, "price"), 3, 1e-9);
  assert_close(find_number(wood, "range.0"), 1, 1e-9); /* tables >= 0 */
  assert_close(find_number(wood, "range.1"), 5, 1e-9); /* then `both` holds */
  assert_close(find_number(wood, "objective.0"), 7, 1e-9);
  assert_close(find_number(wood, "objective.1"), 19, 1e-9);
  assert_close(find_number(wood, "increase"), 1, 1e-9);
  assert_close(find_number(tables, "range.0"), 2, 1e-9); /* below, chairs are worth more */
  assert_true(json_is_null(find_value(tables, "range.1")));
  assert_close(find_number(tables, "objective.0"), 13, 1e-9);
  assert_true(json_is_false(find_value(object, "ranging.degenerate")));
  json_decref(object);
  test_folder_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(files_of_others), cmocka_unit_test(infeasible_is_named), cmocka_unit_test(classes_choose_methods),
                                     cmocka_unit_test(limits),          cmocka_unit_test(other_formats),       cmocka_unit_test(explanations),
                                     cmocka_unit_test(explained_files), cmocka_unit_test(ranges)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
