/* Nested problems as expressions: values and derivatives by hand, several variables, scopes, in loops and in
 * each other, and what they may not state. */
#include "model.h"

static const char *const prelude =
    "param a = 2\nparam v = [3, 1, 2]\nset P = {p, q}\nparam c[P] = {p: 1, q: 4}\nparam w = 7";

static void values(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"argmin { var z  minimize (z - a)^2 }", "[]", {2}},
      {"argmin { var z  maximize 1 - (z - a)^2 }", "[]", {2}},
      {"argmin { var z  minimize (z - a)^2 + a^3 }", "[]", {2}},
      {"argmin { var z[3]  minimize sum((z - v)^2) + a * sum(z^2) }", "[3]", {1, 1.0 / 3, 2.0 / 3}},
      {"argmin { var z[P]  minimize sum((z[i] - c[i])^2 for i in P) }[q]", "[]", {4}},
      {"argmin { var z >= 3  minimize (z - a)^2 }", "[]", {3}},
      {"argmin { var z[3] in simplex  minimize sum((z - v)^2) }", "[3]", {1, 0, 0}},
      {"argmin { var z[2]  minimize sum(z^2)  subject to sum(z) == a }", "[2]", {1, 1}},
      {"argmin { var z  minimize 0.5 * (z - a)^2 + l1(z) }", "[]", {1}},
      {"argmin { var z  let t = z - a  minimize t^2 }", "[]", {2}},
      {"argmin { var z  minimize (z - a)^2  solve with bfgs(tol=1e-10) }", "[]", {2}},
      {"min { var z  minimize (z - a)^2 + 5 }", "[]", {5}},
      {"max { var z  maximize a - (z - a)^2 }", "[]", {2}},
      {"root { var z init 1  subject to z^3 - 8 == 0 }", "[]", {2}},
      {"root { var z init 1  subject to z^3 == 4 * a }", "[]", {2}},
      {"root { var z[2] init [1, 2]  subject to z[0] + z[1] == 3  subject to z[0] * z[1] == a }",
       "[2]",
       {1, 2}},
      {"fixpoint { var z  z = cos(z) }", "[]", {0.7390851332151607}},
      {"fixpoint { var z[3]  z = 0.5 * z + v }", "[3]", {6, 2, 4}},
      {"fixpoint {\n  var z[3]\n  z = 0.5 * z + v\n}", "[3]", {6, 2, 4}},
      {"fixpoint { var y  var z  y = 0.5 * z  z = 0.5 * y + a }.z", "[]", {8.0 / 3}},
      {"argmin { var y  var z  minimize (y - a)^2 + (z - y)^2 }.y", "[]", {2}},
      {"argmin { var y  var z  minimize (y - a)^2 + (z - 1)^2 }.z", "[]", {1}},
      {"argmin { var z\n minimize (z\n - a)^2\n }", "[]", {2}},
      {"argmin { var z\n minimize (z - a)^2\n + 3\n }", "[]", {2}},
      {"argmin { var w  minimize (w - a)^2 } + w", "[]", {9}}, /* the inner w hides the outer one */
      {"argmin { var z  minimize (z - argmin { var y  minimize (y - a)^2 })^2 }", "[]", {2}},
      {"argmin { var z  minimize argmin { var y  minimize (y - z)^2 }^2 + (z - a)^2 }", "[]", {1}},
      {"argmin { var z  minimize min { var y  minimize (y - z)^2 + z^2 } + (z - a)^2 }", "[]", {1}},
  };
  check_values(prelude, cases, sizeof cases / sizeof *cases, 1e-7);
}

static void derivatives(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"grad(argmin { var z  minimize (z - a^2)^2 }, a)", "[]", {4}},
      {"hessian(argmin { var z  minimize (z - a^3)^2 }, a)", "[]", {12}},
      {"grad(grad(argmin { var z  minimize (z - a^3)^2 }, a), a)", "[]", {12}},
      {"jacobian(argmin { var z[3]  minimize sum((z - v)^2) + a * sum(z^2) }, a)",
       "[3]",
       {-1.0 / 3, -1.0 / 9, -2.0 / 9}},
      {"jacobian(argmin { var z[3]  minimize sum((z - v)^2) + a * sum(z^2) }, v)[0]", "[3]", {1.0 / 3, 0, 0}},
      {"grad(min { var z  minimize (z - a)^2 + a * z }, a)", "[]", {3}},
      {"hessian(min { var z  minimize (z - a)^2 + a * z }, a)", "[]", {1.5}},
      {"grad(max { var z  maximize a * z - z^2 / 2 }, a)", "[]", {2}},
      {"grad(root { var z init 1  subject to z^3 == 4 * a }, a)", "[]", {1.0 / 3}},
      {"grad(fixpoint { var z  z = 0.5 * z + a^2 }, a)", "[]", {8}},
      {"grad(argmin { var z >= 3  minimize (z - a)^2 }, a)", "[]", {0}},
      {"jacobian(argmin { var z[2]  minimize sum(z^2)  subject to sum(z) == a }, a)", "[2]", {0.5, 0.5}},
      {"grad(argmin { var y  var z  minimize (y - a)^2 + (z - a * y)^2 }.z, a)", "[]", {4}},
  };
  check_values(prelude, cases, sizeof cases / sizeof *cases, 1e-6);
}

static void in_loops(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"[argmin { var z  minimize (z - i)^2 } for i in 1..3]", "[3]", {1, 2, 3}},
      {"sum(argmin { var z  minimize (z - c[i])^2 + z^2 } for i in P)", "[]", {2.5}},
      {"sum(min { var z  minimize (z - i)^2 + a * i } for i in 1..3)", "[]", {12}},
      {"sum(v[i] * argmin { var z  minimize (z - v[i])^2 } for i in 0..2)", "[]", {14}},
      {"grad(sum(argmin { var z  minimize (z - a * i)^2 } for i in 1..3), a)", "[]", {6}},
      {"argmin { var z[3]  minimize sum((z[i] - v[i])^2 for i in 0..2) }", "[3]", {3, 1, 2}},
      {"[argmin { var z[2]  minimize sum((z[j] - i * j)^2 for j in 0..1) } for i in 1..2]",
       "[2, 2]",
       {0, 1, 0, 2}},
      {"[argmin { var y  var z  minimize (y - i)^2 + (z - 2 * i)^2 }.z for i in 1..2]", "[2]", {2, 4}},
  };
  check_values(prelude, cases, sizeof cases / sizeof *cases, 1e-7);
}

static void mistakes(void **state) {
  (void)state;
  static const refusal_case cases[] = {
      {"var x\nlet w = argmin { var z }\n", "2:9", "argmin without an objective"},
      {"var x\nlet w = argmin { minimize x }\n", "2:9", "no variable, expected a `var`"},
      {"var x\nlet w = min { var z  maximize z }\n", "2:22", "min with the other sense, expected minimize"},
      {"var x\nlet w = argmin { var z  minimize z  minimize x }\n", "2:37", "a second objective"},
      {"var x\nlet w = argmax { var z  maximize z }\n", "2:9", "expected argmin { .. maximize .. }"},
      {"var x\nlet w = root { var z  subject to z >= x }\n", "2:34", "an inequality in a root"},
      {"var x\nlet w = root { var z[2]  subject to z[0] == x }\n", "2:9",
       "a root of 1 equations for 2 unknowns"},
      {"var x\nlet w = root { var z  minimize z }\n", "2:23", "an objective in a root"},
      {"var x\nlet w = fixpoint { var z  minimize z }\n", "2:27", "an objective in a fixpoint"},
      {"var x\nlet w = fixpoint { var y  var z  z = y + x }\n", "2:9", "no map for the variable y"},
      {"var x\nlet w = fixpoint { var z  x = z }\n", "2:27", "`x` is no variable of this fixpoint"},
      {"var x\nlet w = fixpoint { var z  z = z / 2  subject to z >= x }\n", "2:49",
       "a constraint in a fixpoint"},
      {"var x\nlet w = fixpoint { var z[2]  z = [x, x, x] }\n", "2:34", "a map of shape [3], expected [2]"},
      {"var x\nlet w = argmin { var z  z = x  minimize z }\n", "2:25", "only fixpoint { } has maps"},
      {"var x\nlet w = argmin { var z  minimize (z - x)^2  report z }\n", "2:45",
       "a report in a nested problem"},
      {"var x\nlet w = argmin { model \"m\"  var z  minimize (z - x)^2 }\n", "2:18",
       "a title in a nested problem"},
      {"var x\nlet w = argmin { var z  minimize (z - x)^2 \n", "2:43",
       "expected `}` to close the bracket at 2:16"},
      {"var x\nlet w = argmin { var z  minimize (z - x)^2 }\nminimize z\n", "3:10", "unknown name `z`"},
      {"var x\nlet w = argmin { var y  var z  minimize (y - x)^2 + z^2 }\nminimize w\n", "3:10",
       "a nested problem with 2 variables, expected one of them: .y"},
      {"var x\nlet w = argmin { var y  var z  minimize (y - x)^2 + z^2 }\nminimize w.q\n", "3:11",
       "the nested problem has no variable `q`"},
      {"var x\nlet w = argmin { var z[2]  minimize z - x }\n", "2:37",
       "an objective of shape [2], expected a number"},
      {"var x\nlet w = argmin { var z  minimize (z - x)^2  solve with nothing }\n", "2:56",
       "unknown method `nothing`"},
  };
  CHECK_REFUSALS(cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values),
      cmocka_unit_test(derivatives),
      cmocka_unit_test(in_loops),
      cmocka_unit_test(mistakes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
