/* talweg compile: the files compile without a warning and stand alone, their functions agree with the
 * library's oracle, and wrong input is refused without leaving files. */
#include "agree.h"

static void assert_agrees(const char *path, const char *set, const char *cc) { assert_agrees_within(1e-14, path, set, cc); }

static void examples_agree(void **state) {
  (void)state;
  static const char *const name[] = {"rosenbrock", "lasso", "transport", "knapsack", "portfolio", "hs071", "maxcut", "robust-portfolio"};
  const bool clang = system("command -v clang > /dev/null") == 0;
  for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
    assert_agrees(example_path(name[i]), NULL, "cc -O2");
    if (clang) assert_agrees(example_path(name[i]), NULL, "clang -O1");
  }
  assert_agrees(example_path("luksan-vlcek"), "N=120", "cc -O2"); /* with dense matrices */
  assert_agrees(example_path("luksan-vlcek"), "N=5000", "cc -O3");
  if (clang) assert_agrees(example_path("luksan-vlcek"), "N=5000", "clang -O2");
}

/* Projections with algorithms of their own, nested problems that are iterated. */
static void algorithms_agree(void **state) {
  (void)state;
  static const char *const model[] = {
      "param a = [1, 0.7]\nparam b = [0.75, 0.5, 0.45]\nvar x[2, 3] init 0.1\n"
      "minimize sum((project(x, transport(a, b)) - 0.3)^2) + sum(kl_project(2 * x, transport(a, b))^2) + sum(x^4)\n",
      "var x init 1\nlet z = argmin {\n  var z\n  minimize (z - x)^2 + z^2\n"
      "  solve with gd(derivative=unrolled, step=0.1, max_iter=20)\n}\n"
      "let w = fixpoint { var w  w = 0.5 * w + x  solve with picard(derivative=unrolled, max_iter=5) }\n"
      "minimize (z - 3)^2 + w^2 + x^4\n"};
  char folder[64], path[128];
  test_folder_make(folder);
  for (size_t k = 0; k < sizeof model / sizeof *model; k++) {
    write_text(folder, "a.tw", model[k]);
    assert_agrees(test_path(folder, "a.tw", path), NULL, "cc -O2");
  }
  test_folder_remove(folder);
}

/* ------------------------------------------------------------------ what the files are */

/* A program of a million variables: products by the written matrices are the written products. */
static const char products[] =
    "#include \"m.h\"\n#include <math.h>\n#include <stdio.h>\n"
    "enum { N = 1000000, M = N - 2 };\n"
    "static double x[N], y[M], v[N], product[N], sum[N], value[3 * N];\n"
    "static int64_t start[N + 1], row[3 * N];\n"
    "static struct m_hvp_work hvp;\nstatic struct m_hessian_values_work hessian;\n"
    "static struct m_constraints_jvp_work jvp;\nstatic struct m_jacobian_values_work jacobian;\n"
    "static double difference(int rows, int symmetric) {\n"
    "  double worst = 0;\n"
    "  for (int i = 0; i < rows; i++) sum[i] = 0;\n"
    "  for (int j = 0; j < N; j++)\n"
    "    for (int64_t k = start[j]; k < start[j + 1]; k++) {\n"
    "      sum[row[k]] += value[k] * v[j];\n"
    "      if (symmetric && row[k] != j) sum[j] += value[k] * v[row[k]];\n"
    "    }\n"
    "  for (int i = 0; i < rows; i++) worst = fmax(worst, fabs(sum[i] - product[i]) / (1 + fabs(sum[i])));\n"
    "  return worst;\n}\n"
    "int main(void) {\n"
    "  for (int i = 0; i < N; i++) x[i] = sin(i), v[i] = cos(i);\n"
    "  for (int i = 0; i < M; i++) y[i] = sin(2. * i);\n"
    "  m_hessian_pattern(start, row);\n"
    "  if (start[N] != m_hessian_nnz || m_hessian_values(x, y, value, &hessian) || m_hvp(x, y, v, product, &hvp)) return 1;\n"
    "  if (!(difference(N, 1) < 1e-12)) return 2;\n"
    "  m_jacobian_pattern(start, row);\n"
    "  if (start[N] != m_jacobian_nnz || m_jacobian_values(x, value, &jacobian) || m_constraints_jvp(x, v, product, &jvp)) return 3;\n"
    "  return difference(M, 0) < 1e-12 ? 0 : 4;\n}\n";

static void files_do_not_grow(void **state) {
  (void)state;
  enum { SIZES = 3 };
  char folder[64], *text[SIZES];
  const int sizes[SIZES] = {1000, 20000, 1000000};
  test_folder_make(folder);
  for (int t = 0; t < SIZES; t++) {
    outcome o = command("compile %s -o %s/m.c --set N=%d", example_path("luksan-vlcek"), folder, sizes[t]);
    expect_code(&o, 0);
    outcome_free(&o);
    text[t] = text_of(folder, "m.c");
    assert_true(strlen(text[t]) < 65536);
    drop_digits(text[t]);
  }
  for (int t = 1; t < SIZES; t++) assert_string_equal(text[0], text[t]);
  assert_null(strstr(text[0], "alloc"));
  write_text(folder, "main.c", products);
  run_shell("cc -std=c11 -O2 -Wall -Wextra -Werror %s/main.c %s/m.c -o %s/main -lm && %s/main", folder, folder, folder, folder);
  for (int t = 0; t < SIZES; t++) free(text[t]);
  test_folder_remove(folder);
}

/* A program of its own from the files, linked with libm alone: it gives the optimum's value. */
static void files_stand_alone(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  outcome o = command("compile %s -o %s/hs.c --name nlp", example_path("hs071"), folder);
  expect_code(&o, 0);
  outcome_free(&o);
  write_text(folder, "main.c",
             "#include \"hs.h\"\n#include <math.h>\n#include <stdio.h>\n"
             "int main(void) {\n"
             "  static struct nlp_objective_work w;\n  static struct nlp_constraints_work v;\n"
             "  const double x[4] = {1, 4.742999637, 3.821149979, 1.379408293};\n  double f, c[2];\n"
             "  if (nlp_objective(x, &f, &w) || nlp_constraints(x, c, &v)) return 1;\n"
             "  return fabs(f - 17.0140173) < 1e-6 && fabs(c[0] - 25) < 1e-6 && fabs(c[1] - 40) < 1e-6 ? 0 : "
             "2;\n}\n");
  run_shell("cc -std=c11 -Wall -Wextra -Werror %s/main.c %s/hs.c -o %s/main -lm && %s/main", folder, folder,
            folder, folder);
  char *c = text_of(folder, "hs.c"), *header = text_of(folder, "hs.h");
  expect_text(header, "x[0 .. 3]  x [4]");
  expect_text(header, "c[0]  prod");
  expect_text(header, "c[1]  norm, equality");
  expect_text(c, "#include \"hs.h\"");
  free(c), free(header);
  test_folder_remove(folder);
}

/* Parameters are inputs, so that data are not in the file; names are those of the model where C allows. */
static void parameters_are_inputs(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  write_text(folder, "fit.tw",
             "model \"two */ of them\"\nparam exp = 2\nparam work = 0.5\nparam y = 3\nvar x init 1\nvar "
             "t0_1[3] init 2\n"
             "minimize exp * x^2 + work * (x - y)^2 + sum((t0_1 - exp)^2)\nsubject to t0_1[0] * x >= y\n");
  assert_agrees(test_path(folder, "fit.tw", path), NULL, "cc -O2");
  outcome o = command("compile %s/fit.tw --set y=4", folder); /* beside the model, under its name */
  expect_code(&o, 0);
  outcome_free(&o);
  char *header = text_of(folder, "fit.h");
  expect_text(header, "int fit_objective(const double *x, const double *exp_1, const double *work_2, const "
                      "double *y, double *objective");
  expect_text(header, "int fit_constraints_vjp(const double *x, const double *exp_1, const double *work_2, "
                      "const double *y, const double *y_4, double *product");
  expect_text(header, "x[0]  x\n");
  expect_text(header, "x[1 .. 3]  t0_1 [3]");
  free(header);
  test_folder_remove(folder);
}

/* The header is one of C++ too, whatever the model calls its params. */
static void headers_are_for_cpp_too(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  write_text(folder, "m.tw", "param class = 2\nparam new = 3\nvar x init 1\nminimize class * x^2 + new * x\n");
  outcome o = command("compile %s/m.tw", folder);
  expect_code(&o, 0);
  outcome_free(&o);
  write_text(folder, "main.cc", "#include \"m.h\"\n#include \"m.h\"\nstatic m_objective_work work;\nint main() {\n"
                                "  const double x = 2, a = 2, b = 3;\n  double f;\n  return m_objective(&x, &a, &b, &f, &work) || f != 14;\n}\n");
  run_shell("cc -std=c11 -Wall -Wextra -Werror -c %s/m.c -o %s/m.o && c++ -std=c++17 -Wall -Wextra -Werror %s/main.cc %s/m.o -o %s/main -lm && %s/main",
            folder, folder, folder, folder, folder, folder);
  test_folder_remove(folder);
}

static void integers_are_relaxed(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  outcome o = command("compile %s -o %s/k.c", example_path("knapsack"), folder);
  expect_code(&o, 0);
  expect_text(o.out, "relaxation");
  outcome_free(&o);
  char *header = text_of(folder, "k.h");
  expect_text(header, "take [5], binary: continuous here");
  expect_text(header, "Objective: maximize");
  free(header);
  test_folder_remove(folder);
}

static void systems_have_no_objective(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  write_text(folder, "s.tw",
             "var x[2] init 1\nsubject to a: x[0]^2 + x[1] == 3\nsubject to b: x[0] - x[1] == 1\n");
  outcome o = command("compile %s/s.tw", folder);
  expect_code(&o, 0);
  outcome_free(&o);
  char *header = text_of(folder, "s.h");
  expect_text(header, "int s_constraints(");
  expect_text(header, "int s_hvp(");
  assert_null(strstr(header, "s_objective"));
  free(header);
  run_shell("cc -std=c11 -Wall -Wextra -Werror -c %s/s.c -o %s/s.o", folder, folder);
  test_folder_remove(folder);
}

/* ------------------------------------------------------------------ refusals */

static void expect_refused(const char *part, const char *format, ...) TW_PRINTF(2, 3);
static void expect_refused(const char *part, const char *format, ...) {
  char words[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(words, sizeof words, format, args);
  va_end(args);
  outcome o = command("%s", words);
  expect_code(&o, 1);
  expect_text(o.err, part);
  assert_string_equal(o.out, "");
  outcome_free(&o);
}

static void wrong_input_is_refused(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  const char *model = example_path("hs071");
  expect_refused("cannot write", "compile %s -o %s/no/folder.c", model, folder);
  expect_refused("--name '9x'", "compile %s -o %s/m.c --name 9x", model, folder);
  expect_refused("--name 'a-b'", "compile %s -o %s/m.c --name a-b", model, folder);
  expect_refused("ends in .c", "compile %s -o %s/m.h", model, folder);
  expect_refused("no param", "compile %s -o %s/m.c --set q=1", model, folder);
  expect_refused("compile needs a MODEL", "compile");
  expect_refused("cannot read", "compile %s/none.tw", folder);
  write_text(folder, "m.tw", "var x\nminimize x^2\n");
  expect_refused("over the model", "compile %s/m.tw -o %s/m.tw", folder, folder);
  write_text(folder, "m.c", "var x\nminimize x^2\n"); /* a model with the name of a C file */
  expect_refused("over the model", "compile %s/m.c -o %s/m.c", folder, folder);
  write_text(folder, "q.h", "var x\nminimize x^2\n");
  expect_refused("over the model", "compile %s/q.h -o %s/q.c", folder, folder);
  assert_int_equal(symlink(test_path(folder, "m.tw", path), test_path(folder, "link.c", (char[128]){0})), 0);
  expect_refused("over the model", "compile %s/m.tw -o %s/link.c", folder, folder);
  assert_int_equal(test_folder_remove(folder), 4); /* nothing was left behind */
}

/* A header that cannot be written keeps the C file away too. */
static void both_files_or_none(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  assert_int_equal(mkdir(test_path(folder, "m.h", path), 0777), 0);
  expect_refused("cannot write", "compile %s -o %s/m.c", example_path("hs071"), folder);
  assert_int_equal(access(test_path(folder, "m.c", (char[128]){0}), F_OK), -1);
  assert_int_equal(rmdir(path), 0);
  assert_int_equal(test_folder_remove(folder), 0);
}

/* Devices and pipes are not written, and have no header beside them. */
static void only_regular_files_are_written(void **state) {
  (void)state;
  char folder[64], path[128];
  const char *model = example_path("hs071");
  static const char *const device[] = {"/dev/null", "/dev/stdout", "/dev/full"};
  for (size_t k = 0; k < sizeof device / sizeof *device; k++) {
    char header[64];
    snprintf(header, sizeof header, "%s.h", device[k]);
    assert_int_equal(access(header, F_OK), -1);
    expect_refused("cannot write /dev/", "compile %s -o %s", model, device[k]);
    assert_int_equal(access(header, F_OK), -1);
  }
  test_folder_make(folder);
  assert_int_equal(mkfifo(test_path(folder, "m.h", path), 0600), 0);
  expect_refused("it is no regular file", "compile %s -o %s/m.c", model, folder);
  assert_int_equal(access(test_path(folder, "m.c", (char[128]){0}), F_OK), -1);
  assert_int_equal(rename(path, test_path(folder, "m.nl", (char[128]){0})), 0);
  expect_refused("it is no regular file", "compile %s -o %s/m.nl", model, folder);
  assert_int_equal(test_folder_remove(folder), 1);
}

static void help_tells(void **state) {
  (void)state;
  outcome o = command("compile --help");
  expect_code(&o, 0);
  expect_text(o.out, "-o FILE.c");
  expect_text(o.out, "--name PREFIX");
  outcome_free(&o);
  o = command("--help");
  expect_text(o.out, "compile");
  outcome_free(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(examples_agree), cmocka_unit_test(algorithms_agree),
                                     cmocka_unit_test(files_do_not_grow),
                                     cmocka_unit_test(files_stand_alone),
                                     cmocka_unit_test(parameters_are_inputs),
                                     cmocka_unit_test(headers_are_for_cpp_too), cmocka_unit_test(integers_are_relaxed),
                                     cmocka_unit_test(systems_have_no_objective),
                                     cmocka_unit_test(wrong_input_is_refused),
                                     cmocka_unit_test(both_files_or_none),
                                     cmocka_unit_test(only_regular_files_are_written),
                                     cmocka_unit_test(help_tells)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
