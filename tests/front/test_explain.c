/* talweg explain and talweg solve --ranging: what they name, in text and JSON. */
#include "command.h"

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
  json_t *object = explain_text(folder,
                                "set I = {a, b, c}\nvar x[I] >= 0 <= 10\nminimize sum(x)\nsubject to total: sum(x) >= 12\n"
                                "subject to cap[i in I]: x[i] <= 3\nsubject to loose: x[a] - x[b] <= 100\n",
                                3);
  assert_int_equal(json_array_size(find_value(object, "subset")), 4);
  assert_true(names(object, "row", "total", "lower") && names(object, "row", "cap[a]", "upper") &&
              names(object, "row", "cap[c]", "upper"));
  assert_true(json_is_true(find_value(object, "irreducible")));
  assert_non_null(strstr(find_string(object, "subset.0.where"), "e.tw:4:"));
  json_decref(object);
  object = explain_text(folder,
                        "var x\nvar y >= 0 init 1\nminimize x + y\nsubject to disk: x^2 + y^2 <= 1\nsubject to far: x + y >= 3\n"
                        "subject to other: x - y <= 10\n",
                        3);
  assert_int_equal(json_array_size(find_value(object, "subset")), 2);
  assert_true(names(object, "row", "disk", "upper") && names(object, "row", "far", "lower"));
  assert_true(json_is_false(find_value(object, "local")));
  json_decref(object);
  object = explain_text(folder,
                        "var x init 0.5\nvar y init 0.4\nsubject to curve: x * y == 1\nsubject to circle: x^2 + y^2 <= 1\n"
                        "subject to half: x >= -5\n",
                        3);
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
  write_text(folder, "m.lp",
             "Maximize\n obj: 3 tables + 2 chairs + 5\nSubject To\n wood: tables + chairs <= 4\n least: chairs >= 1\n"
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
  const struct CMUnitTest tests[] = {cmocka_unit_test(explanations), cmocka_unit_test(explained_files), cmocka_unit_test(ranges)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
