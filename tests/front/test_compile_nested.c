/* talweg compile of models with nested problems: their C forms against the library's solvers, values and derivatives. */
#include "agree.h"

/* Solutions of both are as good as the library's tolerance. */
#define AGREE 1e-7

typedef struct nested_case {
  const char *label, *model;
} nested_case;

static void assert_all_agree(int n, const nested_case *cases) {
  char folder[64], path[128];
  test_folder_make(folder);
  for (int k = 0; k < n; k++) {
    print_message("%s\n", cases[k].label);
    write_text(folder, "a.tw", cases[k].model);
    assert_agrees_within(AGREE, test_path(folder, "a.tw", path), NULL, "cc -O1");
  }
  test_folder_remove(folder);
}
#define ALL_AGREE(cases) assert_all_agree((int)(sizeof(cases) / sizeof *(cases)), cases)

static void examples_agree(void **state) {
  (void)state;
  assert_agrees_within(AGREE, example_path("ridge-path"), NULL, "cc -O2");
  assert_agrees_within(AGREE, example_path("equilibrium"), NULL, "cc -O2");
}

static void minima_agree(void **state) {
  (void)state;
  static const nested_case cases[] = {
      {"quartic", "var x init 1\nlet v = min { var z\n minimize (z - x)^2 + z^4 }\nminimize v + x^2\n"},
      {"not convex at the start", "var x[2] init 0.5\nlet z = argmin { var z[2] init [-1.2, 1]\n"
                                  "  minimize 100 * (z[1] - z[0]^2)^2 + (1 - z[0])^2 + 0.1 * sum((z - x)^2) }\n"
                                  "minimize sum(z^2) + sum(x^4)\n"},
      {"logistic", "param A = normal(1, 40, 5)\nparam s = sign(normal(2, 40))\nvar r init -1\nlet w = argmin { var w[5]\n"
                   "  minimize sum(log1p(exp(-s * (A @ w)))) + exp(r) * sum(w^2) }\nminimize sum((w - 0.2)^2) + r^2\n"},
      {"maximum", "var x[3] init 0.2\nlet v = max { var z[3]\n maximize x @ z - sum(exp(z)) - sum(z^2) }\nminimize v + sum(x^2)\n"},
      {"nested twice", "var x init 0.7\nlet z = argmin { var z\n let u = argmin { var u\n minimize (u - z)^2 + u^4 }\n"
                       "  minimize (z - x)^2 + u^2 + z^4 }\nminimize (z - 1)^2 + x^2\n"}};
  ALL_AGREE(cases);
}

static void equations_agree(void **state) {
  (void)state;
  static const nested_case cases[] = {
      {"root", "var x init 1\nlet z = root { var z\n subject to z^3 + z == x }\nminimize z^2 + (x - 2)^2\n"},
      {"far root", "var x init 1\nlet z = root { var z init 20\n subject to exp(z) - 1 + z == x }\nminimize z^2 + (x - 2)^2\n"},
      {"singular at the start", "var x init 1\nlet z = root { var z[2] init 0\n subject to a: z[0] + z[1] + z[0]^3 == x\n"
                                "  subject to b: z[0] + z[1] + z[1]^3 == 0.5 }\nminimize sum(z^2) + x^2\n"},
      {"fixed point", "param W = normal(3, 6, 6)\nvar u[6] init 0.1\nlet z = fixpoint { var z[6]  z = tanh(0.3 * W @ z + u) }\n"
                      "minimize sum((z - 0.1)^2) + sum(u^2)\n"}};
  ALL_AGREE(cases);
}

static void composites_agree(void **state) {
  (void)state;
  static const nested_case cases[] = {
      {"lasso", "param A = normal(1, 30, 8)\nparam b = normal(2, 30)\nvar r init 0\nlet w = argmin { var w[8]\n"
                "  minimize 0.5 * sum((A @ w - b)^2) + exp(r) * sum(abs(w)) }\nminimize sum((w - 0.1)^2) + 0.1 * r^2\n"},
      {"bounds", "param A = normal(1, 6, 6)\nvar t[6] init 0.3\nlet w = argmin { var w[6] >= 0 <= 0.5\n"
                 "  minimize 0.5 * sum((A @ w - t)^2) + sum(w^4) }\nminimize sum((w - 0.1)^2) + sum(t^2)\n"},
      {"simplex", "param A = normal(1, 6, 6)\nvar t[6] init 0.3\nlet w = argmin { var w[6] in simplex\n"
                  "  minimize 0.5 * sum((A @ w - t)^2) }\nminimize sum((w - 0.1)^2) + sum(t^2)\n"},
      {"ball", "param A = normal(1, 4, 4)\nvar t[4] init 2\nlet w = argmin { var w[4] in ball(0.5)\n"
               "  minimize sum((A @ w - t)^2) + 0.1 * sum(w^2) }\nminimize sum((w - 0.1)^2) + sum(t^2)\n"}};
  ALL_AGREE(cases);
}

static void programs_agree(void **state) {
  (void)state;
  static const nested_case cases[] = {
      {"equation", "var x init 1\nlet z = argmin { var z[3]\n  minimize sum((z - x)^2) + z[0]^4\n  subject to z[0] + z[1] == 1\n"
                   "  subject to z[1] - 2 * z[2] == x }\nminimize sum(z^2) + x^2\n"},
      {"portfolio", "param F = normal(1, 6, 4)\nparam mu = uniform(2, 6)\nvar r init 0.5\nlet w = argmin { var w[6] >= 0\n"
                    "  minimize 0.5 * sum((w @ F)^2) - r * (mu @ w) + 0.05 * sum(w^2)\n  subject to sum(w) == 1 }\n"
                    "minimize sum((w - 0.2)^2) + 0.1 * r^2\n"},
      {"linear program", "var x[2] init [0.9, 1.3]\nlet v = min { var z[2] >= 0\n  minimize x @ z\n"
                         "  subject to 2 * z[0] + z[1] >= 3\n  subject to z[0] + 3 * z[1] >= 4 }\nminimize (v - 3)^2 + sum(x^4)\n"},
      {"two-sided rows", "param A = normal(5, 5, 3)\nvar x[3] init 0.4\nlet z = argmin { var z[3]\n  minimize sum((z - 3 * x)^2)\n"
                         "  subject to -0.5 <= A @ z <= 0.7 }\nminimize sum((z - 0.1)^2) + sum(x^2)\n"},
      {"not convex", "var x init 0.3\nlet z = argmin { var z[2] init [1, 1] >= 0.1 <= 5\n  minimize z[0] * z[1] + x * z[0] + log(z[1])\n"
                     "  subject to z[0]^2 + z[1]^2 >= 2 + x^2 }\nminimize sum((z - 1)^2) + x^2\n"}};
  ALL_AGREE(cases);
}

static void others_agree(void **state) {
  (void)state;
  static const nested_case cases[] = {
      {"in a comprehension", "var x[3] init 0.5\nlet w = [argmin { var z[2]  minimize sum((z - x[i])^2) + z[0]^4 + z[0] * z[1] } for i in 0..2]\n"
                             "minimize sum(w^2) + sum(min { var z  minimize (z - x[i])^2 + z^4 } for i in 0..2) + sum(x^2)\n"},
      {"several variables", "var x init 0.5\nlet w = argmin { var a  var b[2] >= 0\n  minimize (a - x)^2 + sum((b - a)^2) + sum(b) }\n"
                            "minimize w.a^2 + sum(w.b^2) + x^2\n"},
      {"kinks and a constraint", "var x init 0.5\nlet w = argmin { var z[3]\n  minimize sum((z - x)^2) + 0.3 * sum(abs(z))\n"
                                 "  subject to sum(z) == 0.4 }\nminimize sum(w^2) + x^2\n"},
      {"one step", "param a = 2\nvar x init 0.5\nlet w = root { var z init 1\n  subject to z^3 == a + x\n"
                   "  solve with newton_root(derivative=one_step) }\nminimize (w - 1)^2 + x^2\n"}};
  ALL_AGREE(cases);
}

/* An inner problem without a solution at some x: the function says so, and goes on to work elsewhere. */
static void failures_are_returned(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  write_text(folder, "m.tw", "var x init 1\nlet z = argmin { var z\n  minimize (z - 3)^2\n  subject to z >= x\n  subject to z^2 <= 1 }\n"
                             "minimize z^2 + x^2\n");
  write_text(folder, "main.c",
             "#include \"m.h\"\nint main(void) {\n  static struct m_gradient_work w;\n  double f, g;\n  const double in = 0.5, out = 1.5;\n"
             "  if (m_gradient(&in, &f, &g, &w) || f != 1.25 || g != 1) return 1;\n  if (m_gradient(&out, &f, &g, &w) != 1) return 2;\n"
             "  return m_gradient(&in, &f, &g, &w) || f != 1.25;\n}\n");
  outcome o = command("compile %s/m.tw", folder);
  expect_code(&o, 0);
  outcome_free(&o);
  run_shell("cc -std=c11 -Wall -Wextra -Werror %s/main.c %s/m.c -o %s/main -lm && %s/main", folder, folder, folder, folder);
  test_folder_remove(folder);
}

/* What is written needs no nested problem that only reports hold. */
static void reports_are_left_out(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  write_text(folder, "r.tw", "var x init 1\nlet w = argmin { var w[1001]\n  minimize sum((w - x)^2) + sum(w^4) }\nminimize x^2\nreport w\n");
  outcome o = command("compile %s/r.tw", folder);
  expect_code(&o, 0);
  outcome_free(&o);
  assert_int_equal(test_folder_remove(folder), 3);
}

static void what_has_no_form_is_refused(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"var x init 1\nlet w = argmin { var w[3] in simplex\n  minimize sum((w - x)^2)\n  subject to w[0] <= 0.2 }\nminimize sum(w^2) + x^2\n",
       "constraints beside sets or regularizers"},
      {"var x init 1\nlet w = argmin { var w[1001]\n  minimize sum((w - x)^2) + sum(w^4) }\nminimize sum(w^2) + x^2\n",
       "1001 unknowns, where the C form of a nested problem takes at most 1000"}};
  char folder[64];
  test_folder_make(folder);
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    write_text(folder, "m.tw", cases[k][0]);
    outcome o = command("compile %s/m.tw", folder);
    expect_code(&o, 1);
    expect_text(o.err, "m.tw: cannot be compiled: argmin over w: ");
    expect_text(o.err, cases[k][1]);
    outcome_free(&o);
  }
  assert_int_equal(test_folder_remove(folder), 1); /* nothing was written */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(examples_agree), cmocka_unit_test(minima_agree), cmocka_unit_test(equations_agree),
                                     cmocka_unit_test(composites_agree), cmocka_unit_test(programs_agree), cmocka_unit_test(others_agree),
                                     cmocka_unit_test(failures_are_returned), cmocka_unit_test(reports_are_left_out),
                                     cmocka_unit_test(what_has_no_form_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
