/* Integer models through the command: files of other modellers, AMPL's convention, JSON. */
#include "command.h"

static tw_error error;

static void classes_choose_methods(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  write_text(folder, "q.tw", "var x[2] integer in -3..3\nminimize sum((x - [0.4, 1.6])^2)\nsubject to x[0] + x[1] <= 1\n");
  write_text(folder, "n.tw",
             "var x integer in -3..5\nvar y >= -2 <= 3\nminimize (x - 1.7)^2 + exp(y) - y/2\nsubject to x^2 + y^2 <= 5\n");
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
    if (k == 0 && !has_method("cbc")) continue;
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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(classes_choose_methods), cmocka_unit_test(limits),
                                     cmocka_unit_test(other_formats)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
