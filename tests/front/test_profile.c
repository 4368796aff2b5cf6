/* What the command tells of derivatives (--plan) and of time (--profile). */
#include "command.h"

/* ------------------------------------------------------------------ --plan */

static char *plan_of(const char *words) {
  outcome o = command("check %s --plan", words);
  expect_code(&o, 0);
  free(o.err);
  return o.out;
}

static void expect_not(const char *text, const char *part) {
  if (strstr(text, part)) fail_msg("\"%s\" is in:\n%s", part, text);
}

/* The line of a matrix has these words in this order. */
static void expect_matrix(const char *plan, const char *name, const char *entries, const char *way, const char *colors,
                          const char *storage) {
  const char *const word[] = {entries, way, colors, storage};
  char line[256];
  const char *at = strstr(plan, name);
  if (!at) fail_msg("no %s in:\n%s", name, plan);
  snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
  at = line + strlen(name);
  for (int k = 0; k < 4; k++) {
    const char *found = strstr(at, word[k]);
    if (!found) fail_msg("no \"%s\" in \"%s\"", word[k], line);
    at = found + strlen(word[k]);
  }
}

static void derivatives_are_told(void **state) {
  (void)state;
  char *plan = plan_of("examples/hs071.tw");
  expect_matrix(plan, "Hessian of the Lagrangian", " 16 ", "dense", "-", "dense");
  expect_matrix(plan, "Jacobian of the constraints", " 8 ", "dense", "-", "dense");
  free(plan);
  plan = plan_of("examples/hs071.tw --method auglag");
  expect_matrix(plan, "Hessian of the Lagrangian", "-", "products only", "-", "matrix-free");
  free(plan);
  plan = plan_of("examples/rosenbrock.tw --method lbfgs");
  expect_text(plan, "lbfgs holds no matrix of derivatives: products only");
  free(plan);
  plan = plan_of("examples/luksan-vlcek.tw");
  expect_matrix(plan, "Jacobian of the constraints", " ", "element by element", "-", "sparse");
  expect_matrix(plan, "Hessian of the Lagrangian", " ", "element by element", "-", "sparse, lower triangle");
  expect_not(plan, "Jacobian of the residual");
  free(plan);
  plan = plan_of("examples/maxcut.tw");
  expect_matrix(plan, "rows of the conic form", " ", "element by element", "-", "sparse");
  free(plan);
}

/* Running sums do not part into elements. */
static void colors_are_told(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  write_text(folder, "m.tw", "var x[30, 40] init 0.1\nminimize sum(cumsum(exp(x), 1)^2)\n");
  char words[256];
  snprintf(words, sizeof words, "%s --method ipm", test_path(folder, "m.tw", path));
  char *plan = plan_of(words);
  expect_matrix(plan, "Hessian of the objective", " 24600 ", "star coloring", " 40 ", "sparse, lower triangle");
  free(plan);
  test_folder_remove(folder);
}

/* ------------------------------------------------------------------ --profile */

static void the_table_ends_with_the_whole(void **state) {
  (void)state;
  outcome o = command("solve examples/hs071.tw --profile - --quiet --threads 1");
  expect_code(&o, 0);
  const char *total = strstr(o.out, "\ntotal: ");
  assert_non_null(total);
  double steps, wall, outside, coverage;
  assert_int_equal(sscanf(total,
                          " total: %lf ms in steps of %lf ms wall time; outside the graph (factorizations, method, making functions) %lf "
                          "ms; coverage %lf%%",
                          &steps, &wall, &outside, &coverage),
                   4);
  assert_true(steps > 0 && wall > 0 && fabs(fmax(wall - steps, 0) - outside) <= 0.0021 &&
              fabs(coverage - 100 * steps / wall) <= 0.2 + 0.1 / wall);
  assert_string_equal(strchr(total + 1, '\n'), "\n");
  outcome_free(&o);
}

static void options_are_no_files(void **state) {
  (void)state;
  static const char *const option[] = {"--profile", "--trace", "--plot", "--checkpoint", "--resume"};
  for (size_t k = 0; k < sizeof option / sizeof *option; k++) {
    char expected[128];
    outcome o = command("solve examples/hs071.tw %s --quiet", option[k]);
    expect_code(&o, 1);
    snprintf(expected, sizeof expected, "%s needs the name of a file and is followed by --quiet; a file of that name is %s=--quiet",
             option[k], option[k]);
    expect_text(o.err, expected);
    outcome_free(&o);
  }
  outcome o = command("compile examples/hs071.tw -o --name");
  expect_code(&o, 1);
  expect_text(o.err, "-o needs the name of a file");
  outcome_free(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(derivatives_are_told), cmocka_unit_test(colors_are_told),
                                     cmocka_unit_test(the_table_ends_with_the_whole), cmocka_unit_test(options_are_no_files)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
