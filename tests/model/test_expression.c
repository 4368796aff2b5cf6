/* Expressions: random trees written with as few parentheses as the table of precedences allows mean what they
 * mean when every operation is in parentheses; shapes and values of what NumPy users expect. */
#include "model.h"

/* ------------------------------------------------------------------ random trees */

enum { MOST_NODES = 64, DEPTH = 4 };
static const double LARGEST = 1e6;

/* From the loosest to the tightest. */
typedef enum level { CHOICE, OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, POWER, PRIMARY } level;

typedef struct operation {
  const char *text;
  level level;
  int operands;
} operation;

static const operation operations[] = {
    {"if", CHOICE, 3},  {"or", OR, 2},      {"and", AND, 2},   {"not ", NOT, 1}, {"<", COMPARE, 2},
    {">=", COMPARE, 2}, {"==", COMPARE, 2}, {"+", SUM, 2},     {"-", SUM, 2},    {"*", PRODUCT, 2},
    {"/", PRODUCT, 2},  {"//", PRODUCT, 2}, {"%", PRODUCT, 2}, {"-", UNARY, 1},  {"^", POWER, 2},
    {"^", POWER, 2},    {"-", UNARY, 1}};
enum { OPERATIONS = sizeof operations / sizeof *operations };

typedef struct tree {
  const operation *op; /* NULL: a leaf */
  const char *leaf;
  double value; /* of a leaf */
  const struct tree *operand[3];
} tree;

typedef struct forest {
  tree node[MOST_NODES];
  int n;
  uint64_t key, drawn;
} forest;

static const char *const prelude = "param a = 2\nparam b = -3\nparam h = 0.5\n";
static const tree leaves[] = {{.leaf = "1", .value = 1},  {.leaf = "2", .value = 2},
                              {.leaf = "3", .value = 3},  {.leaf = "a", .value = 2},
                              {.leaf = "b", .value = -3}, {.leaf = "h", .value = 0.5},
                              {.leaf = "0", .value = 0},  {.leaf = "1.5", .value = 1.5}};

static uint64_t draw(forest *f, uint64_t below) {
  return (uint64_t)(tw_random_uniform(f->key, f->drawn++) * (double)below);
}

static const tree *grow(forest *f, int depth) {
  tree *t = &f->node[f->n++];
  const bool leaf = depth == 0 || f->n > MOST_NODES / 4 || draw(f, 5) == 0;
  *t =
      leaf ? leaves[draw(f, sizeof leaves / sizeof *leaves)] : (tree){.op = &operations[draw(f, OPERATIONS)]};
  for (int k = 0; t->op != NULL && k < t->op->operands; k++) t->operand[k] = grow(f, depth - 1);
  return t;
}

static level level_of(const tree *t) {
  return t->op != NULL ? t->op->level : PRIMARY;
}

static void write_tree(tw_text *out, const tree *t, bool full);

static void write_operand(tw_text *out, const tree *t, level loosest, bool full) {
  const bool parentheses = full ? t->op != NULL : level_of(t) < loosest;
  tw_text_puts(out, parentheses ? "(" : "");
  write_tree(out, t, full);
  tw_text_puts(out, parentheses ? ")" : "");
}

/* Chains lean to the left, powers to the right; comparisons do not chain here. An exponent may have a sign.
 */
static void write_tree(tw_text *out, const tree *t, bool full) {
  if (t->op == NULL) {
    tw_text_puts(out, t->leaf);
    return;
  }
  const level own = t->op->level;
  if (own == CHOICE) {
    write_operand(out, t->operand[0], OR, full);
    tw_text_puts(out, " if ");
    write_operand(out, t->operand[1], OR, full);
    tw_text_puts(out, " else ");
    write_operand(out, t->operand[2], CHOICE, full);
  } else if (t->op->operands == 1) {
    tw_text_puts(out, t->op->text);
    write_operand(out, t->operand[0], own, full);
  } else {
    write_operand(out, t->operand[0], own == POWER || own == COMPARE ? own + 1 : own, full);
    tw_text_printf(out, " %s ", t->op->text);
    write_operand(out, t->operand[1], own == POWER ? UNARY : own + 1, full);
  }
}

static bool whole(double x) {
  return x == floor(x);
}

/* NaN: of no interest, because undefined, large or sensitive to rounding. */
static double value_of(const tree *t);

static double binary(const char *op, double x, double y) {
  if (strcmp(op, "or") == 0) return x != 0 || y != 0;
  if (strcmp(op, "and") == 0) return x != 0 && y != 0;
  if (strcmp(op, "<") == 0) return fabs(x - y) < 1e-9 && x != y ? NAN : x < y;
  if (strcmp(op, ">=") == 0) return fabs(x - y) < 1e-9 && x != y ? NAN : x >= y;
  if (strcmp(op, "==") == 0) return fabs(x - y) < 1e-9 && x != y ? NAN : x == y;
  if (strcmp(op, "+") == 0) return x + y;
  if (strcmp(op, "-") == 0) return x - y;
  if (strcmp(op, "*") == 0) return x * y;
  if (strcmp(op, "^") == 0) return pow(x, y);
  if (y == 0) return NAN;
  if (strcmp(op, "/") == 0) return x / y;
  if (!whole(x) || !whole(y)) return NAN;
  return strcmp(op, "//") == 0 ? floor(x / y) : x - y * floor(x / y);
}

static double value_of(const tree *t) {
  if (t->op == NULL) return t->value;
  double x[3] = {0}, result;
  for (int k = 0; k < t->op->operands; k++) {
    x[k] = value_of(t->operand[k]);
    if (isnan(x[k])) return NAN;
  }
  switch (t->op->operands) {
  case 1:
    result = t->op->level == NOT ? x[0] == 0 : -x[0];
    break;
  case 2:
    result = binary(t->op->text, x[0], x[1]);
    break;
  default:
    result = x[1] != 0 ? x[0] : x[2];
    break;
  }
  return fabs(result) <= LARGEST ? result : NAN;
}

static void precedence_and_associativity(void **state) {
  (void)state;
  int checked = 0;
  for (uint64_t key = 0; key < 3000; key++) {
    forest f = {.key = key};
    const tree *t = grow(&f, DEPTH);
    const double value = value_of(t);
    if (isnan(value)) continue;
    tw_text text[2] = {{0}, {0}};
    for (int k = 0; k < 2; k++) {
      write_tree(&text[k], t, k == 1);
      const value_case c = {text[k].data, "[]", {value}};
      check_values(prelude, &c, 1, 1e-9);
    }
    for (int k = 0; k < 2; k++) tw_text_free(&text[k]);
    checked++;
  }
  assert_true(checked > 1000);
}

/* ------------------------------------------------------------------ by hand */

static void operators(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"-a^2", "[]", {-4}},
      {"2^3^2", "[]", {512}},
      {"2^-1", "[]", {0.5}},
      {"-2^-2", "[]", {-0.25}},
      {"(-a)^2", "[]", {4}},
      {"2 ** 3", "[]", {8}},
      {"8 / 4 / 2", "[]", {1}},
      {"1 - 2 - 3", "[]", {-4}},
      {"7 / 2", "[]", {3.5}},
      {"-7 // 2", "[]", {-4}},
      {"-7 % 3", "[]", {2}},
      {"7 % -3", "[]", {-2}},
      {"- - a", "[]", {2}},
      {"+a", "[]", {2}},
      {"1 < a < 3", "[]", {1}},
      {"1 < a > 5", "[]", {0}},
      {"a == 2 and not b > 0", "[]", {1}},
      {"1 if a > 5 else 2 if a > 1 else 3", "[]", {2}},
      {"v if v > 1 else -v", "[3]", {-1, 2, 3}},
      {"sum(v > 1)", "[]", {2}},
      {"(a > 1) + (a > 1)", "[]", {2}},
      {"-(a > 1)", "[]", {-1}},
      {"9007199254740993 - 1", "[]", {9007199254740992.0}},
      {"2^62 * 4", "[]", {0x1p64}},
      {"9223372036854775807 + 1", "[]", {0x1p63}},
      {"3^40", "[]", {12157665459056928801.0}},
      {"1e-3", "[]", {0.001}},
      {".5", "[]", {0.5}},
      {"pi", "[]", {3.14159265358979323846}},
      {"min(inf, 3)", "[]", {3}},
      {"-inf < 0", "[]", {1}},
  };
  CHECK_VALUES("param a = 2\nparam b = -3\nparam v = [1, 2, 3]", cases);
}

static void broadcasting_and_products(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"v + 1", "[3]", {2, 3, 4}},
      {"v * v", "[3]", {1, 4, 9}},
      {"X + v", "[2, 3]", {2, 4, 6, 5, 7, 9}},
      {"X + [[10], [20]]", "[2, 3]", {11, 12, 13, 24, 25, 26}},
      {"[[1], [2]] * v", "[2, 3]", {1, 2, 3, 2, 4, 6}},
      {"v ^ 2", "[3]", {1, 4, 9}},
      {"2 ^ v", "[3]", {2, 4, 8}},
      {"X @ v", "[2]", {14, 32}},
      {"v @ v", "[]", {14}},
      {"[1, 1] @ X", "[3]", {5, 7, 9}},
      {"X @ X'", "[2, 2]", {14, 32, 32, 77}},
      {"X.T @ [1, 1]", "[3]", {5, 7, 9}},
      {"X'", "[3, 2]", {1, 4, 2, 5, 3, 6}},
      {"X''", "[2, 3]", {1, 2, 3, 4, 5, 6}},
      {"v'", "[3]", {1, 2, 3}},
      {"X'[0, 1]", "[]", {4}},
      {"-X[0]' @ v", "[]", {-14}},
      {"2 * X @ v", "[2]", {28, 64}},
      {"X @ v ^ 2", "[2]", {36, 78}},
      {"stack(X, X) @ v", "[2, 2]", {14, 32, 14, 32}},
      {"[v, v]", "[2, 3]", {1, 2, 3, 1, 2, 3}},
      {"[[1, a], [a, 4]]", "[2, 2]", {1, 2, 2, 4}},
      {"[1, 2.5]", "[2]", {1, 2.5}},
      {"v == [1, 5, 3]", "[3]", {1, 0, 1}},
  };
  CHECK_VALUES("param a = 2\nparam v = [1, 2, 3]\nparam X = [[1, 2, 3], [4, 5, 6]]", cases);
}

static void mistakes(void **state) {
  (void)state;
  static const refusal_case cases[] = {
      {"var x\nminimize x + [1, 2] + [1, 2, 3]\n", "2:21", "shapes [2] and [3] do not fit"},
      {"var x[2]\nminimize x @ [1, 2, 3]\n", "2:12",
       "the columns of the left to equal the rows of the right"},
      {"var x\nminimize 2 @ x\n", "2:12", "`*` scales"},
      {"var x\nminimize (x + 1\n", "2:16", "expected `)` to close the bracket at 2:10"},
      {"var x\nminimize x +", "2:13", "expected an expression"},
      {"var x\nminimize x x\n", "2:12", "expected an operator or the end of the line"},
      {"var x\nminimize 2x\n", "2:10", "2*x, not 2x"},
      {"var x\nminimize x if x > 1\n", "2:20", "expected `else`"},
      {"var x\nminimize x ^\n", "2:13", "expected an expression"},
      {"var x\nminimize y^2\n", "2:10", "unknown name `y`"},
      {"var speed\nminimize sped^2\n", "2:10", "did you mean `speed`?"},
      {"var x\nminimize x.T.w\n", "2:13", "no part `w`"},
      {"var x\nminimize \"x\"\n", "2:10", "a string is no number"},
      {"var x\nminimize [[1, 2], [3]]\n", "2:19", "an element of shape [1], expected [2]"},
      {"var x\nminimize []\n", "2:11", "expected an expression"},
      {"var x\nminimize sin\n", "2:10", "expected its arguments: sin(x)"},
      {"var x\nminimize x(2)\n", "2:10", "is a var, not a function; index it with [..]"},
      {"set S = 1..3\nvar x\nminimize S\n", "3:10", "run over it with `for i in S`"},
      {"var x\nminimize x & 1\n", "2:12", "write `and`"},
      {"var x\nminimize x = 3\n", "2:12", "expected an operator or the end of the line"},
      {"var x\nminimize {x}\n", "2:10", "{..} is the value of a set"},
  };
  CHECK_REFUSALS(cases);
}

/* Chains of any length are flat; what nests too deep is refused before the stack is. */
static void long_and_deep(void **state) {
  (void)state;
  enum { TERMS = 20000, LEVELS = 100000 };
  tw_text text = {0};
  tw_text_puts(&text, "0");
  for (int k = 0; k < TERMS; k++) tw_text_puts(&text, " + 1");
  check_values("", &(value_case){text.data, "[]", {TERMS}}, 1, 0);
  tw_text_free(&text);
  static const char *const opening[] = {
      "(", "-", "[", "not ", "sin(", "2^", "x[", "min{var y minimize ", "1 if 1 else "};
  for (size_t i = 0; i < sizeof opening / sizeof *opening; i++) {
    tw_error error = {0};
    tw_model *model = NULL;
    text = (tw_text){0};
    tw_text_puts(&text, "var x\nminimize ");
    for (int k = 0; k < LEVELS; k++) tw_text_puts(&text, opening[i]);
    assert_fails(tw_model_parse(&model, text.data, text.length, "deep.tw", NULL, &error), TW_ERR_PARSE,
                 "levels deep, expected fewer");
    tw_text_free(&text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(precedence_and_associativity),
      cmocka_unit_test(operators),
      cmocka_unit_test(broadcasting_and_products),
      cmocka_unit_test(mistakes),
      cmocka_unit_test(long_and_deep),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
