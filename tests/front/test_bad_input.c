/* Models and data that are wrong: each ends with the exit code of the language page and a message that says
 * where and what was expected, one JSON object when JSON is asked for, and leaves the folder as it was. */
#include "bad_case.h"

#include <sys/resource.h>

/* ------------------------------------------------------------------ models and data */

static void models(void **state) {
  (void)state;
  static const bad_case cases[] = {
      {"var x\nminimize y^2\n", SOLVE, INPUT, {"m.tw:2:10: unknown name `y`", "\n           ^"}},
      {"var speed\nminimize sped^2\n", SOLVE, INPUT, {"m.tw:2:10: ", "did you mean `speed`?"}},
      {"var x[2]\nminimize sum(x + [1, 2, 3])\n",
       SOLVE,
       INPUT,
       {"m.tw:2:16: ", "shapes [2] and [3] do not fit"}},
      {"var x\nminimize (x\n", SOLVE, INPUT, {"m.tw:2:12: ", "expected `)`"}},
      {"", SOLVE, INPUT, {"m.tw:1:1: no variable, expected a `var`"}},
      {"# nothing\n", SOLVE, INPUT, {"m.tw:1:1: no variable"}},
      {"var x\n",
       SOLVE,
       INPUT,
       {"m.tw:1:6: nothing is asked for, expected minimize, maximize or subject to"}},
      {"var x[0]\nminimize sum(x)\n", SOLVE, INPUT, {"m.tw: the problem has no variables"}},
      {"var x integer in 0..9\nminimize sin(x)\n",
       SOLVE,
       INPUT,
       {"MINLP: integer variables, and a relaxation that is not proven convex"}},
      {"var b binary\nvar x[2] in simplex\nminimize sum(x) + b\n",
       SOLVE,
       INPUT,
       {"MILP: integer variables beside a set"}},
      {"var x\nminimize x^2\nsolve with lbgs\n",
       SOLVE,
       INPUT,
       {"m.tw:3:12: unknown method `lbgs`, did you mean `lbfgs`?"}},
      {"var x\nminimize x^2\nsolve with lbfgs(tol=7)\n",
       SOLVE,
       INPUT,
       {"m.tw:3:22: ", "expected a number in 0 .. 1"}},
      {"var x\nminimize x^2\nsolve with broyden\n",
       SOLVE,
       INPUT,
       {"m.tw:3:12: ", "expected one that minimizes"}},
      {"var x[3] in simplex\nminimize sum(x^2)\nsolve with lbfgs\n",
       SOLVE,
       INPUT,
       {"m.tw: method lbfgs cannot respect sets"}},
      {"param lo = 1\nvar x[3] in simplex(-lo)\nminimize sum(x^2)\n",
       SOLVE,
       INPUT,
       {"m.tw: ", "expected at least 0"}},
      {"var x[2] init [1, 0/0]\nminimize sum(x^2)\n",
       SOLVE,
       INPUT,
       {"m.tw:1:5: x[1]: the start is NaN, expected a finite number"}},
      {"param a\nvar x\nminimize a * x^2\n",
       SOLVE,
       INPUT,
       {"m.tw:1:7: ", "expected `= value` here or --set a=VALUE"}},
  };
  RUN_CASES(cases);
}

static void data(void **state) {
  (void)state;
#define WITH(file) "var x\nparam X = " file "\nminimize sum(X) * x^2\n"
  static const bad_case cases[] = {
      {WITH("csv(\"nothing.csv\")"),
       SOLVE,
       INPUT,
       {"m.tw:2:11: cannot read ", "nothing.csv", "\n            ^"}},
      {WITH("csv(\"ragged.csv\")"),
       SOLVE,
       INPUT,
       {"m.tw:2:11: ", "ragged.csv: row 3: expected 2 cells, found 1"}},
      {WITH("csv(\"nan.csv\")"),
       SOLVE,
       INPUT,
       {"m.tw:2:11: ", "nan.csv: row 3, column \"b\": expected a finite number"}},
      {WITH("csv(\"missing.csv\")"),
       SOLVE,
       INPUT,
       {"m.tw:2:11: ", "missing.csv: row 3, column \"b\": missing value"}},
      {WITH("csv(\"words.csv\")"),
       SOLVE,
       INPUT,
       {"m.tw:2:11: ", "row 3, column \"b\": expected a number, found \"four\""}},
      {WITH("csv(\"empty.csv\")"),
       SOLVE,
       INPUT,
       {"m.tw:2:11: ", "empty.csv: empty: expected a row of names"}},
      {WITH("csv(\"good.csv\", columns=\"c\")"), SOLVE, INPUT, {"m.tw:2:11: ", "\"c\""}},
      {WITH("csv(\".\")"), SOLVE, INPUT, {"m.tw:2:11: ", "not a regular file"}},
      {WITH("npy(\"noise.npy\")"), SOLVE, INPUT, {"m.tw:2:11: ", "noise.npy: not an npy file"}},
      {WITH("npy(\"good.csv\")"), SOLVE, INPUT, {"m.tw:2:11: ", "not an npy file"}},
      {"param X[3] = csv(\"good.csv\")\nvar x\nminimize x\n",
       SOLVE,
       INPUT,
       {"m.tw:1:14: ", "an array of shape [2, 2] for X, expected [3]"}},
      {"param a = 0/0\nvar x\nminimize a * x^2\n",
       SOLVE,
       INPUT,
       {"m.tw:1:11: a: NaN at element 0, expected numbers"}},
      {"set P = {a, b}\nparam c[P] = {a: 1}\nvar x\nminimize x\n",
       SOLVE,
       INPUT,
       {"m.tw:2:14: no value of c for b"}},
      {"var x\nminimize x^2 * sum(csv(\"nan.csv\"))\n",
       SOLVE,
       INPUT,
       {"m.tw:2:20: ", "expected a finite number"}},
  };
  RUN_CASES(cases);
}

/* Ranges and arrays that no machine holds, loops that no evaluation would end. */
static const bad_case size_cases[] = {
    {"set S = 1..1e15\nvar x[S]\nminimize sum(x)\n",
     SOLVE,
     INPUT,
     {"m.tw:2:5: ", "expected at most 268435456 elements"}},
    {"var x[1e15]\nminimize sum(x)\n", SOLVE, INPUT, {"m.tw:1:5: ", "expected at most 268435456 elements"}},
    {"var x[1e5, 1e5]\nminimize sum(x)\n",
     SOLVE,
     INPUT,
     {"m.tw:1:5: ", "expected at most 268435456 elements"}},
    {"param c[1e15] = 0\nvar x\nminimize x\n",
     SOLVE,
     INPUT,
     {"m.tw:1:7: ", "expected at most 268435456 elements"}},
    {"var x\nminimize sum((x - i)^2 for i in 1..1e15)\n",
     SOLVE,
     INPUT,
     {"m.tw:2:10: ", "combinations of indices, expected fewer"}},
    {"var x\nminimize sum((x - i)^2 for i in 1..1e15 if i % 2 == 0)\n",
     SOLVE,
     INPUT,
     {"m.tw:2:10: ", "combinations of indices"}},
    {"var x\nminimize sum(sum(sum(x^2 / i for k in 1..1e6) for j in 1..1e6) for i in 1..1e6)\n",
     SOLVE,
     INPUT,
     {"m.tw:2:14: "}},
    {"var x\nminimize sum([x - i for i in 1..1e9]^2)\n",
     SOLVE,
     INPUT,
     {"m.tw:2:14: ", "expected at most 268435456 elements"}},
    {"var x\nsubject to c[i in 1..1e15]: x >= i\n", SOLVE, INPUT, {"m.tw:2:12: ", "combinations of indices"}},
    {"var x\nminimize x^2 * sum(zeros(1e15))\n",
     SOLVE,
     INPUT,
     {"m.tw:2:20: ", "expected at most 268435456 elements"}},
    {"var x\nminimize x^2 * trace(eye(1e9))\n",
     SOLVE,
     INPUT,
     {"m.tw:2:22: ", "expected at most 268435456 elements"}},
    {"set S = 1..sum(i for i in 1..1e15)\nvar x[S]\nminimize sum(x)\n",
     SOLVE,
     INPUT,
     {"m.tw:1:12: ", "combinations of indices"}},
    {"set S = -9e15..9e15\nset T = 1..99999999999999999999\nvar x\nminimize x\n",
     SOLVE,
     INPUT,
     {"m.tw:2:12: ", "expected an integer"}},
    {"var x[1e4]\nminimize sum(hessian(sum(x^2), x)) + sum(jacobian(hessian(sum(x^2), x), x))\n",
     SOLVE,
     INPUT,
     {"m.tw:2:42: ", "expected at most 268435456 elements"}},
};

static void sizes(void **state) {
  (void)state;
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  RUN_CASES(size_cases);
  getrusage(RUSAGE_SELF, &after);
  assert_true(after.ru_maxrss - before.ru_maxrss < 1 << 20); /* KiB: none of them was built */
}

/* ------------------------------------------------------------------ problems without an answer */

static void answers(void **state) {
  (void)state;
  static const bad_case cases[] = {
      {"var x\nminimize x\n", SOLVE, NO_OPTIMUM, {"no finite minimum"}},
      {"var x >= 0\nmaximize x + 1\n", SOLVE, NO_OPTIMUM, {"no finite"}},
      {"var x\nvar y\nminimize x + y\nsubject to x - y <= 1\n", SOLVE, NO_OPTIMUM, {"no finite minimum"}},
      {"var x\nminimize x^2\nsubject to x >= 1\nsubject to x <= 0\n",
       SOLVE,
       NO_OPTIMUM,
       {"violates the constraints"}},
      {"var x >= 1 <= 0\nminimize x^2\n",
       SOLVE,
       NO_OPTIMUM,
       {"m.tw:1:15: the lower bound 1 is above the upper bound 0"}},
      {"param lo = 1\nvar x[2] >= [lo, 0] <= [0, 1]\nminimize sum(x)\n",
       SOLVE,
       NO_OPTIMUM,
       {"m.tw:2:5: x[0]: the lower bound 1 is above the upper bound 0"}},
      {"set P = {a, b}\nvar x[P] <= 1\nsubject to c[i in P]: 2 <= x[i] <= (1 if i == b else 3)\nminimize "
       "sum(x)\n",
       SOLVE,
       NO_OPTIMUM,
       {"m.tw:3:12: c[b]: the lower limit 2 is above the upper limit 1"}},
      {"var x[2]\nsubject to x >= 1/0\nminimize sum(x)\n",
       SOLVE,
       NO_OPTIMUM,
       {"m.tw:2:12: c1[0]: the lower limit is inf"}},
      {"var t init 0\nlet w = argmin { var w  minimize w^4 - t * w }\nminimize (w - 1)^2\n",
       SOLVE,
       NUMERIC,
       {"the linear system of the optimality condition is singular"}},
      {"var t init 1\nlet w = argmin { var w init 1  minimize (w^2 - 1)^3 * t }\nminimize (w - 2)^2 + t^2\n",
       SOLVE,
       NUMERIC,
       {"derivatives through a nested problem are not reliable"}},
      {"var x init 1\nlet w = root { var w  subject to w^2 + 1 + x^2 == 0 }\nminimize (w - x)^2\n",
       SOLVE,
       NUMERIC,
       {"root: the inner problem was not solved"}},
      {"var x\nminimize x^2\nreport inv([[1, 1], [1, 1]])\n", SOLVE, NUMERIC, {"the matrix is singular"}},
      {"var x\nsubject to x^2 == -1\n", SOLVE, NUMERIC, {"no root nearby, start elsewhere"}},
      {"var x init -1\nminimize x + log(x)\n", SOLVE, NUMERIC, {"is not finite at the starting point"}},
      {"param a = inf\nvar x\nminimize (x - a)^2\n", SOLVE, NUMERIC, {"is not finite at the starting point"}},
      {ROSENBROCK, "solve @/m.tw --method lbfgs --max-iter 2", STOPPED, {"limit of 2 iterations reached"}},
      {ROSENBROCK,
       "solve @/m.tw --time-limit 1e-9",
       NUMERIC,
       {"time limit reached"}}, /* no point was evaluated */
  };
  RUN_CASES(cases);
}

/* An interrupt ends what is computed on reading, and what is checked. */
static void interrupted(void **state) {
  (void)state;
  scene s;
  open_scene(&s);
  const int stop = 1;
  static const char *const texts[] = {"param a = sum(sin(i) for i in 1..1000)\nvar x\nminimize (x - a)^2\n",
                                      "var x\nminimize sum((x - sin(i))^2 for i in 1..1000)\n"};
  for (int t = 0; t < 2; t++) {
    char words[128];
    write_text(s.folder, "m.tw", texts[t]);
    watch(&s);
    snprintf(words, sizeof words, "check %s/m.tw", s.folder);
    outcome o = command_on(words, (tw_console){.stop = &stop});
    expect_code(&o, INPUT);
    expect_text(o.err, t == 0 ? "m.tw:1:11: loop: interrupted" : "interrupted");
    outcome_free(&o);
    unwatch(&s, words);
  }
  close_scene(&s);
}

/* ------------------------------------------------------------------ what is no model at all */

static void check_refused_file(scene *s, const char *part) {
  watch(s);
  static const char *const verbs[] = {"solve", "check"};
  for (int v = 0; v < 2; v++) {
    outcome o = command("%s %s/m.tw", verbs[v], s->folder);
    expect_code(&o, INPUT);
    expect_text(o.err, part);
    assert_true(strlen(o.err) < 2 * TW_MESSAGE_MAX);
    outcome_free(&o);
  }
  unwatch(s, "a file that is no model");
}

static void deep_nesting(void **state) {
  (void)state;
  enum { LEVELS = 100000 };
  static const char *const opening[] = {
      "(", "[", "-", "not ", "sin(", "x[", "2^", "min { var y minimize ", "1 if 1 else "};
  scene s;
  open_scene(&s);
  for (size_t i = 0; i < sizeof opening / sizeof *opening; i++) {
    tw_text text = {0};
    tw_text_puts(&text, "var x\nminimize ");
    for (int k = 0; k < LEVELS; k++) tw_text_puts(&text, opening[i]);
    write_text(s.folder, "m.tw", text.data);
    check_refused_file(&s, "levels deep, expected fewer");
    tw_text_free(&text);
  }
  close_scene(&s);
}

static void binary_noise(void **state) {
  (void)state;
  scene s;
  open_scene(&s);
  for (uint64_t key = 0; key < 20; key++) {
    char noise[3000];
    for (uint64_t i = 0; i < sizeof noise; i++) noise[i] = (char)(int)(256 * tw_random_uniform(key, i) - 128);
    write_bytes(s.folder, "m.tw", noise, sizeof noise);
    check_refused_file(&s, "m.tw:");
  }
  char *large = calloc((size_t)17 << 20, 1);
  assert_non_null(large);
  write_bytes(s.folder, "m.tw", large, (size_t)17 << 20);
  free(large);
  check_refused_file(&s, "larger than the limit of 16777216 bytes");
  close_scene(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(models),      cmocka_unit_test(data),
                                     cmocka_unit_test(sizes),       cmocka_unit_test(answers),
                                     cmocka_unit_test(interrupted), cmocka_unit_test(deep_nesting),
                                     cmocka_unit_test(binary_noise)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
