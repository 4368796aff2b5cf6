/* Sums and arrays over index sets: values against loops by hand, filters, ranges that depend on indices,
 * labels, empty sets, and the one loop node that each of them is whatever the set's size. */
#include "model.h"

static const char *const sets =
    "set P = {a, b}\nset M = {x, y, z}\nset T = 1..4\nset E = {}\nset Q = {3, 7, 5}\nset R = 5..2\n"
    "param cap[P] = {a: 350, b: 600}\nparam t[T] = [10, 20, 30, 40]\nparam n = 3\n"
    "param q[Q] = {3: 30, 7: 70, 5: 50}\nparam d[P, M] = [[1, 2, 3], [4, 5, 6]]\nparam none[E] = 0";

static void sums_and_arrays(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"sum(i for i in T)", "[]", {10}},
      {"prod(i for i in T)", "[]", {24}},
      {"min(-i for i in T)", "[]", {-4}},
      {"max(t[i] for i in T)", "[]", {40}},
      {"mean(i for i in T)", "[]", {2.5}},
      {"sum(i for i in 1..n)", "[]", {6}},
      {"sum(t[i] for i in {1, 3})", "[]", {40}},
      {"sum(d[i, j] for i in P, j in M)", "[]", {21}},
      {"sum(d[i, j] for i in P for j in M)", "[]", {21}},
      {"sum(cap[i] * d[i, j] for i in P, j in M)", "[]", {11100}},
      {"sum(sum(d[i, j] for j in M)^2 for i in P)", "[]", {261}},
      {"sum(d[i, :] for i in P)", "[3]", {5, 7, 9}},
      {"max(d[i, :] for i in P)", "[3]", {4, 5, 6}},
      {"mean(d[:, j] for j in M)", "[2]", {2, 5}},
      {"sum([i, 1] for i in T)", "[2]", {10, 4}},
      {"sum(i == j for i in T, j in T)", "[]", {4}},
      {"[i for i in Q]", "[3]", {3, 7, 5}},
      {"[q[i] - i for i in Q]", "[3]", {27, 63, 45}},
      {"[i + 10 * j for i in 0..1, j in 0..2]", "[2, 3]", {0, 10, 20, 1, 11, 21}},
      {"[[i + 10 * j for j in 0..2] for i in 0..1]", "[2, 3]", {0, 10, 20, 1, 11, 21}},
      {"[d[i, :] for i in P]", "[2, 3]", {1, 2, 3, 4, 5, 6}},
      {"[i + j + k for i in 0..1, j in 0..1, k in 0..1]", "[2, 2, 2]", {0, 1, 1, 2, 1, 2, 2, 3}},
      {"sum(sum(sum(i * j * k for k in 1..2) for j in 1..2) for i in 1..2)", "[]", {27}},
      {"sum(x for x in 1..n)", "[]", {6}}, /* an index takes precedence over a label */
      {"sum(n for n in 1..2) + n", "[]", {6}},
      {"sum(i for i in -2..2)", "[]", {0}},
  };
  CHECK_VALUES(sets, cases);
}

static void filters(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"sum(i for i in T if i % 2 == 0)", "[]", {6}},
      {"[t[i] * i for i in T if i % 2 == 0]", "[2]", {40, 160}},
      {"[i for i in T if i >= 2 and i <= 3]", "[2]", {2, 3}},
      {"[i for i in T if not i == 2]", "[3]", {1, 3, 4}},
      {"[i for i in T if i == 1 or i == 4]", "[2]", {1, 4}},
      {"[t[i] for i in T if t[i] > 15]", "[3]", {20, 30, 40}},
      {"sum(1 for i in T, j in T if i < j)", "[]", {6}},
      {"[10 * i + j for i in T, j in T if i + j == 4]", "[3]", {13, 22, 31}},
      {"sum(d[i, j] for i in P, j in M if i == a)", "[]", {6}},
      {"sum(d[i, j] for i in P, j in M if i != \"a\")", "[]", {15}},
      {"sum(d[i, j] for i in P, j in M if d[i, j] > 2 and j != x)", "[]", {14}},
      {"sum(t[i + 1] for i in T if i < 4)", "[]", {90}},
      {"mean(i for i in T if i > 2)", "[]", {3.5}},
      {"max(-i for i in T if i > 2)", "[]", {-3}},
      {"prod(i for i in T if i > 2)", "[]", {12}},
      {"[i for i in T if i > 9]", "[0]", {0}},
      {"sum(i for i in T if i > 9)", "[]", {0}},
      {"[sum(j for j in T if j <= i) for i in T]", "[4]", {1, 3, 6, 10}},
      {"[sum(1 for j in T if t[j] < t[i]) for i in T]", "[4]", {0, 1, 2, 3}},
      {"sum(1 for i in T if i)", "[]", {4}},
  };
  CHECK_VALUES(sets, cases);
}

static void ranges_of_indices(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"sum(i * j for i in 1..3, j in 1..i)", "[]", {25}},
      {"sum(1 for i in 1..5, j in i + 1..5)", "[]", {10}},
      {"sum(1 for i in 0..3, j in 3 - i..3)", "[]", {10}},
      {"sum(t[j] for i in 1..3, j in i..i + 1)", "[]", {150}},
      {"[sum(j for j in 1..i) for i in 1..4]", "[4]", {1, 3, 6, 10}},
      {"sum(sum(1 for k in j..i) for i in 1..4, j in 1..i)", "[]", {20}},
      {"[10 * i + j for i in 1..2, j in i..2]", "[3]", {11, 12, 22}},
      {"sum(k for i in 1..2, j in i..3, k in j..3)", "[]", {22}},
  };
  CHECK_VALUES(sets, cases);
}

static void empty_sets(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"sum(i for i in E)", "[]", {0}},
      {"prod(i for i in E)", "[]", {1}},
      {"sum(i for i in R)", "[]", {0}},
      {"sum(i * j for i in T, j in E)", "[]", {0}},
      {"sum([1, 2] for i in E)", "[2]", {0, 0}},
      {"[i for i in E]", "[0]", {0}},
      {"[i for i in T, j in R]", "[4, 0]", {0}},
      {"[[1, 2] for i in E]", "[0, 2]", {0}},
      {"sum(none)", "[]", {0}},
      {"sum(none[i] for i in E)", "[]", {0}},
      {"sum(zeros(E))", "[]", {0}},
      {"sum(i for i in 1..0)", "[]", {0}},
  };
  CHECK_VALUES(sets, cases);
}

static void mistakes(void **state) {
  (void)state;
  static const refusal_case cases[] = {
      {"set E = {}\nvar x\nminimize x * mean(i for i in E)\n", "3:14", "mean over no elements"},
      {"var x\nminimize x * max(i for i in 2..1)\n", "2:14", "max over no elements"},
      {"var x\nminimize norm(x for i in 1..2)\n", "2:10", "an array: norm([.. for ..])"},
      {"var x\nminimize total(x for i in 1..2)\n", "2:10", "expected sum, mean, prod, min or max"},
      {"var x\nminimize sum(x for i 1..3)\n", "2:22", "expected `in` after the name of an index"},
      {"var x\nminimize sum(x for i in 1..)\n", "2:28", "expected an expression"},
      {"var x\nminimize sum(for i in 1..3)\n", "2:14", "got `for`, expected an expression"},
      {"var x\nminimize sum(x for i in I)\n", "2:25", "unknown name `I`"},
      {"var x\nminimize sum(x for i in x)\n", "2:25",
       "this is no set, expected {a, b}, 1..n or the name of one"},
      {"var x\nminimize sum(x for i in 1..x)\n", "2:28", "depends on the var `x`"},
      {"var x\nminimize sum(x for i in 1..2, i in 1..2)\n", "2:10", "the index `i` comes twice"},
      {"set P = {a, b}\nvar x\nminimize sum(i * x for i in P)\n", "3:14",
       "a label of the set P, expected a number"},
      {"set P = {a, b}\nset M = {c, d}\nvar x\nminimize sum(x for i in P, j in M if i == j)\n", "4:40",
       "labels of the sets P and M do not compare"},
      {"set P = {aa, b}\nvar x\nminimize sum(x for i in P if i == ab)\n", "3:35", "did you mean `aa`?"},
      {"set P = {a, b}\nvar x\nminimize sum(x for i in P if i < b)\n", "3:32", "labels have no order"},
      {"set P = {a, b}\nvar x\nminimize sum(x for i in P if i == 1)\n", "3:32",
       "a label of P and a number do not compare"},
      {"var x[3]\nminimize sum([x[i] for i in 0..2 if x[i] > 0])\n", "2:14",
       "a condition on the indices here alone"},
      {"var x\nminimize sum(x for i in 1..2 if [i, i] > 1)\n", "2:33", "a condition that is an array"},
      {"var x\nminimize sum(x for i in 1..3000000000, j in 1..3000000000, k in 1..9)\n", "2:10",
       "more than 1073741824 combinations of indices"},
      {"var x\nminimize sum(x for a in 1..2, b in a * a..9)\n", "2:36", "in a way that is not followed"},
      {"var x\nminimize sum(x^i for i in 1..1e15)\n", "2:10", "combinations of indices, expected fewer"},
      {"var x\nminimize sum(sum(x^i for j in 1..1e6) for i in 1..1e6)\n", "2:14", "combinations of indices"},
      {"var x\nminimize sum([1 for i in 1..1e9]) * x\n", "2:14", "expected at most 268435456 elements"},
      {"set S = 1..1e9\nvar x[S]\n", "2:5", "expected at most 268435456 elements"},
      {"var x\nsubject to c[i in 1..1e9]: i * x >= 1\n", "2:28", "expected at most 268435456 elements"},
  };
  CHECK_REFUSALS(cases);
}

/* A condition on variables is part of the sum. */
static void conditions_on_variables(void **state) {
  (void)state;
  tw_model *model =
      model_of("var x[4] init [-1, 2, -3, 4]\nminimize sum(x[i]^2 for i in 0..3 if x[i] > 0)\n"
               "report mean(x[i] for i in 0..3 if x[i] > 0), max(x[i] for i in 0..3 if x[i] < 0)\n");
  const tw_problem *p = tw_model_problem(model);
  assert_close(number_at_start(model, tw_problem_objective(p)), 20, 1e-12);
  assert_close(number_at_start(model, tw_problem_report_expr(p, 0)), 3, 1e-12);
  assert_close(number_at_start(model, tw_problem_report_expr(p, 1)), -1, 1e-12);
  tw_model_free(model);
}

/* As many nodes for a million elements as for twenty, but for small constants that loops keep inside. */
static void nodes_do_not_grow(void **state) {
  (void)state;
  static const char *const texts[] = {
      "param n = 10\nvar x[n]\nminimize sum((x[i] - i)^2 for i in 0..n-1)\n",
      "param n = 10\nvar x[n]\nminimize sum(x[i]^2 for i in 0..n-1 if i % 2 == 0)\n",
      "param n = 10\nset I = 1..n-1\nvar x[n] >= 0\nminimize sum(x)\nsubject to c[i in I]: x[i] - x[i-1] <= "
      "i\n",
      "param n = 10\nvar x[n] init [sin(i) for i in 0..n-1]\nminimize prod(x[i] for i in 0..n-1) + max(x[i] "
      "for i in 0..n-1)\n",
      "param n = 10\nset S = 0..n-1\nparam c[i in S] = i\nvar x[i in S] >= -i <= i + 1\nminimize sum(c[i] * "
      "x[i] for i in S)\n",
      "param n = 10\nvar x[n]\nminimize sum(sum(x[i:i+3])^2 for i in 0..n-3)\n",
  };
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
    int32_t nodes[2];
    for (int k = 0; k < 2; k++) {
      const tw_override n = {"n", k ? "1000000" : "20"};
      tw_model *model = model_with(texts[t], &(tw_model_options){.n_overrides = 1, .overrides = &n});
      nodes[k] = tw_graph_nodes(tw_problem_graph(tw_model_problem(model)));
      tw_model_free(model);
    }
    if (nodes[1] > nodes[0] + 2) fail_msg("%d nodes, then %d:\n%s", nodes[0], nodes[1], texts[t]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sums_and_arrays),   cmocka_unit_test(filters),
      cmocka_unit_test(ranges_of_indices), cmocka_unit_test(empty_sets),
      cmocka_unit_test(mistakes),          cmocka_unit_test(conditions_on_variables),
      cmocka_unit_test(nodes_do_not_grow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
