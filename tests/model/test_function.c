/* Built-in functions: every one of the table against values by hand, along axes, and with wrong arguments. */
#include "model.h"

#include "model/functions.h"

static const char *const prelude =
    "param a = 3\nparam v = [3, 1, 2]\nparam X = [[1, 2, 3], [4, 5, 6]]\n"
    "param M = [[2, 1], [1, 3]]\nparam s = [-1.5, 0, 2.5]\nset P = {p, q}\nset T = 1..3";

static const value_case elementwise[] = {
    {"exp(1)", "[]", {2.718281828459045}},
    {"expm1(0.5)", "[]", {0.6487212707001282}},
    {"log(2)", "[]", {0.6931471805599453}},
    {"log1p(0.5)", "[]", {0.4054651081081644}},
    {"sqrt(2)", "[]", {1.4142135623730951}},
    {"abs(s)", "[3]", {1.5, 0, 2.5}},
    {"sign(s)", "[3]", {-1, 0, 1}},
    {"square(s)", "[3]", {2.25, 0, 6.25}},
    {"floor(s)", "[3]", {-2, 0, 2}},
    {"ceil(s)", "[3]", {-1, 0, 3}},
    {"round(s)", "[3]", {-2, 0, 2}},
    {"sin(1)", "[]", {0.8414709848078965}},
    {"cos(1)", "[]", {0.5403023058681398}},
    {"tan(1)", "[]", {1.5574077246549023}},
    {"asin(0.5)", "[]", {0.5235987755982989}},
    {"acos(0.5)", "[]", {1.0471975511965979}},
    {"atan(1)", "[]", {0.7853981633974483}},
    {"sinh(1)", "[]", {1.1752011936438014}},
    {"cosh(1)", "[]", {1.5430806348152437}},
    {"tanh(0.5)", "[]", {0.46211715726000973}},
    {"sigmoid(1)", "[]", {0.7310585786300049}},
    {"softplus(0)", "[]", {0.6931471805599453}},
    {"relu(s)", "[3]", {0, 0, 2.5}},
    {"erf(0.5)", "[]", {0.5204998778130465}},
    {"lgamma(4)", "[]", {1.791759469228055}},
    {"digamma(1)", "[]", {-0.5772156649015329}},
    {"max(a, v)", "[3]", {3, 3, 3}},
    {"max(1, a, 2)", "[]", {3}},
    {"min(v, 2)", "[3]", {2, 1, 2}},
    {"max(X, 2)", "[2, 3]", {2, 2, 3, 4, 5, 6}},
    {"where(v > 1, v, -1)", "[3]", {3, -1, 2}},
    {"abs(-a)", "[]", {3}},
    {"abs(v > 1)", "[3]", {1, 0, 1}},
};

static const value_case reductions[] = {
    {"sum(X)", "[]", {21}},
    {"sum(X, 0)", "[3]", {5, 7, 9}},
    {"sum(X, axis=-1)", "[2]", {6, 15}},
    {"sum(sum(X, 1))", "[]", {21}},
    {"mean(X)", "[]", {3.5}},
    {"mean(X, 0)", "[3]", {2.5, 3.5, 4.5}},
    {"prod(X)", "[]", {720}},
    {"prod(X, 1)", "[2]", {6, 120}},
    {"max(X)", "[]", {6}},
    {"max(X, axis=0)", "[3]", {4, 5, 6}},
    {"min(X, axis=1)", "[2]", {1, 4}},
    {"norm([3, 4])", "[]", {5}},
    {"norm(X)", "[]", {9.539392014169456}},
    {"norm([[3, 0], [4, 2]], 0)", "[2]", {5, 2}},
    {"logsumexp([0, log(3)])", "[]", {1.3862943611198906}},
    {"logsumexp([1000, 1000])", "[]", {1000.6931471805599}},
    {"dot(v, [1, 10, 100])", "[]", {213}},
    {"argmax(v)", "[]", {0}},
    {"argmin(v)", "[]", {1}},
    {"argmax(X, 1)", "[2]", {2, 2}},
    {"argmin(X, axis=0)", "[3]", {0, 0, 0}},
    {"cumsum(v)", "[3]", {3, 4, 6}},
    {"cumsum(X)", "[6]", {1, 3, 6, 10, 15, 21}},
    {"cumsum(X, 0)", "[2, 3]", {1, 2, 3, 5, 7, 9}},
    {"cumprod(X, 1)", "[2, 3]", {1, 2, 6, 4, 20, 120}},
    {"sort(v)", "[3]", {1, 2, 3}},
    {"sort([[2, 1], [0, 3]], 0)", "[2, 2]", {0, 1, 2, 3}},
    {"argsort(v)", "[3]", {1, 2, 0}},
    {"sum(v > 1)", "[]", {2}},
};

static const value_case arrays[] = {
    {"zeros(2)", "[2]", {0, 0}},
    {"zeros(P, 2)", "[2, 2]", {0, 0, 0, 0}},
    {"ones([2, 1])", "[2, 1]", {1, 1}},
    {"ones(T)[3]", "[]", {1}},
    {"eye(2)", "[2, 2]", {1, 0, 0, 1}},
    {"eye(2, 3)", "[2, 3]", {1, 0, 0, 0, 1, 0}},
    {"reshape(X, 3, 2)", "[3, 2]", {1, 2, 3, 4, 5, 6}},
    {"reshape(X, [-1])", "[6]", {1, 2, 3, 4, 5, 6}},
    {"reshape(X, 2, -1, 1)", "[2, 3, 1]", {1, 2, 3, 4, 5, 6}},
    {"reshape(v, T)[1]", "[]", {3}},
    {"concat(v, [7])", "[4]", {3, 1, 2, 7}},
    {"concat([X, X], axis=1)", "[2, 6]", {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}},
    {"concat(X, [[0, 0, 0]])", "[3, 3]", {1, 2, 3, 4, 5, 6, 0, 0, 0}},
    {"stack(v, v)", "[2, 3]", {3, 1, 2, 3, 1, 2}},
    {"stack([v, v], axis=-1)", "[3, 2]", {3, 3, 1, 1, 2, 2}},
    {"stack(1, a)", "[2]", {1, 3}},
    {"transpose(X)", "[3, 2]", {1, 4, 2, 5, 3, 6}},
    {"diag([1, 2])", "[2, 2]", {1, 0, 0, 2}},
    {"diag(M)", "[2]", {2, 3}},
    {"trace(M)", "[]", {5}},
    {"size(X)", "[]", {6}},
    {"size(X, 1)", "[]", {3}},
    {"rows(X)", "[]", {2}},
    {"cols(X)", "[]", {3}},
    {"size(T)", "[]", {3}},
    {"size(P)", "[]", {2}},
    {"normal(1, 3) - normal(1, [3])", "[3]", {0, 0, 0}},
    {"sum(normal(1, 3) == normal(2, 3))", "[]", {0}},
    {"abs(mean(normal(7, 10000))) < 0.05", "[]", {1}},
    {"abs(mean(normal(7, 10000)^2) - 1) < 0.05", "[]", {1}},
    {"sum(uniform(3, 1000) < 0) + sum(uniform(3, 1000) >= 1)", "[]", {0}},
    {"abs(mean(uniform(3, 10000)) - 0.5) < 0.02", "[]", {1}},
    {"sum(uniform(1, P, T)[q])== sum(uniform(1, [2, 3])[1])", "[]", {1}},
};

static const value_case algebra[] = {
    {"solve(M, [1, 2])", "[2]", {0.2, 0.6}},         {"solve(M, eye(2))", "[2, 2]", {0.6, -0.2, -0.2, 0.4}},
    {"inv(M)", "[2, 2]", {0.6, -0.2, -0.2, 0.4}},    {"det(M)", "[]", {5}},
    {"lambda_max([[2, 9], [1, 2]])", "[]", {3}},     {"lambda_min([[2, 9], [1, 2]])", "[]", {1}},
    {"logdet(M)", "[]", {1.6094379124341003}},       {"cholesky([[4, 2], [2, 5]])", "[2, 2]", {2, 0, 1, 2}},
    {"inv(M) @ M - eye(2)", "[2, 2]", {0, 0, 0, 0}},
};

static const value_case learning[] = {
    {"softmax([0, log(3)])", "[2]", {0.25, 0.75}},
    {"softmax([[0, 0], [0, log(3)]])", "[2, 2]", {0.5, 0.5, 0.25, 0.75}},
    {"softmax([[0, 0], [0, log(3)]], 0)", "[2, 2]", {0.5, 0.25, 0.5, 0.75}},
    {"logistic([0, 1])", "[2]", {0.6931471805599453, 0.31326168751822286}},
    {"hinge([0.5, 2, -1])", "[3]", {0.5, 0, 2}},
    {"huber([0.5, -3])", "[2]", {0.125, 2.5}},
    {"huber([0.5, -3], 2)", "[2]", {0.125, 4}},
    {"cross_entropy([[0, log(3)], [0, 0]], [1, 0])", "[]", {0.4904146265058631}},
    {"cross_entropy([0, log(3)], 1)", "[]", {0.28768207245178085}},
    {"l1(s)", "[]", {4}},
    {"l2sq(s)", "[]", {8.5}},
    {"group_l2([3, 4, 2], [0, 0, 1])", "[]", {7}},
    {"nuclear([[3, 0], [0, 4]])", "[]", {7}},
    {"elastic_net(s, 2)", "[]", {12.5}},
    {"linf(s)", "[]", {2.5}},
};

static const value_case catalogue[] = {
    {"perceptron([0.5, -2])", "[2]", {0, 2}},
    {"sparse_plus([-2, 0, 0.5, 3])", "[4]", {0, 0.25, 0.5625, 3}},
    {"sparse_sigmoid([-2, 0, 0.5, 3])", "[4]", {0, 0.5, 0.75, 1}},
    {"sparsemax([0.9, 0.5, -0.2])", "[3]", {0.7, 0.3, 0}},
    {"sparsemax([[2, 0.2], [0, 0.4]], axis=0)", "[2, 2]", {1, 0.4, 0, 0.6}},
    {"multiclass_sparsemax([0.5, 0], 1)", "[]", {0.5625}},
    {"multiclass_hinge([[0.5, 0], [0, 2]], [1, 1])", "[]", {0.75}},
    {"multiclass_perceptron([[0.5, 0], [0, 2]], [1, 1])", "[]", {0.25}},
    {"l1(s, [1, 2, 0])", "[]", {1.5}},
    {"isotonic([1, 3, 2, 4])", "[4]", {1, 2.5, 2.5, 4}},
    {"soft_rank([3, 1, 2], 0.01)", "[3]", {3, 1, 2}},
    {"soft_sort([3, 1, 2], 0.01)", "[3]", {1, 2, 3}},
    {"project([0.9, 0.5, -0.2], simplex)", "[3]", {0.7, 0.3, 0}},
    {"project([3, 4], ball(a))", "[2]", {1.8, 2.4}},
    {"project([[3, 4], [0, 1]], ball([5, 0.5]))", "[2, 2]", {3, 4, 0, 0.5}},
    {"project([2, 0], box_section(0, 1, [1, 2], 2))", "[2]", {1, 0.5}},
    {"project([0.6, 0.3, 0.5], sparse_simplex(2))", "[3]", {0.55, 0, 0.45}},
    {"project([0.6, 0.2, 2], order_simplex)", "[3]", {0.4, 0.4, 1}},
    {"project([5, 0, 0], permutahedron([1, 2, 3]))", "[3]", {3, 1.5, 1.5}},
    {"grad(sum(project([3, 4], ball(a))), a)", "[]", {1.4}},
    {"[project([i, 0], simplex)[0] for i in 0..1]", "[2]", {0.5, 1}},
    {"kl_project([0, log(3)], simplex(2))", "[2]", {0.5, 1.5}},
    {"prox([3, -0.5, 1], 0.7, l1)", "[3]", {2.3, 0, 0.3}},
    {"prox([3, -0.5, 1], 1, l1([0, 1, 2]))", "[3]", {3, 0, 0}},
    {"prox([3, -0.5, 1], 0.5, elastic_net(2))", "[3]", {1.25, 0, 0.25}},
    {"prox([3, -3, 1], 0.5, l2sq, nonneg)", "[3]", {1.5, 0, 0.5}},
    {"grad(sum(prox(v, a, l1([0.5, 0, 0]))), a)", "[]", {-0.5}},
};

static const value_case derivatives[] = {
    {"grad(a^3, a)", "[]", {27}},
    {"grad(sum(v^2) * a, v)", "[3]", {18, 6, 12}},
    {"grad(grad(a^3, a), a)", "[]", {18}},
    {"hessian(a^3, a)", "[]", {18}},
    {"hessian(v[0] * v[1] + v[2]^2, v)", "[3, 3]", {0, 1, 0, 1, 0, 0, 0, 0, 2}},
    {"jacobian([v[0] * v[1], v[2]], v)", "[2, 3]", {1, 3, 0, 0, 0, 1}},
    {"jacobian(a * v, a)", "[3]", {3, 1, 2}},
    {"grad(7, a)", "[]", {0}},
    {"abs(sum(perturbed(v == max(v), v, 1, 1, 5000)) - 1) < 1e-9", "[]", {1}},
    {"max(abs(perturbed(v == max(v), v, 1, 1, 20000) - softmax(v))) < 0.02", "[]", {1}},
    {"max(abs(grad(perturbed(max(v), v, 1, 1, 20000), v) - softmax(v))) < 0.1", "[]", {1}},
    {"grad(sum(abs(v[i] - i) for i in 0..2), v)", "[3]", {1, 0, 0}},
    {"grad(max(v), v)", "[3]", {1, 0, 0}},
    {"argmin { var w[2]  minimize 0.5 * sum((w - [3, 1])^2) + a * l1(w, [0.5, 2]) }", "[2]", {1.5, 0}},
    {"jacobian(argmin { var w[2]  minimize 0.5 * sum((w - [3, 1])^2) + a * l1(w, [0.5, 2]) }, a)", "[2]", {-0.5, 0}},
    {"argmin { var w[3] in box_section(0, 1, [1, 2, 1], 2)  minimize sum((w - [0, 1, 0.5])^2) }", "[3]", {0, 0.8, 0.4}},
    {"jacobian(argmin { var w[3] in box_section(0, 1, [1, 2, 1], a - 1)  minimize sum((w - [0, 1, 0.5])^2) }, a)", "[3]", {0, 0.4, 0.2}},
    {"hessian(min { var w[3] in box_section(0, 1, [1, 2, 1], a - 1)  minimize sum((w - [0, 1, 0.5])^2) }, a)", "[]", {0.4}},
    {"jacobian(argmin { var w[3] in order_simplex(0, a)  minimize sum((w - [2, 1, 5])^2) }, a)", "[3]", {0, 0, 1}},
};

static void values_by_hand(void **state) {
  (void)state;
  CHECK_VALUES(prelude, elementwise);
  CHECK_VALUES(prelude, reductions);
  CHECK_VALUES(prelude, arrays);
  CHECK_VALUES(prelude, algebra);
  CHECK_VALUES(prelude, learning);
  CHECK_VALUES(prelude, catalogue);
  CHECK_VALUES(prelude, derivatives);
}

/* The file readers are tested with params. */
static bool is_tested(const char *name) {
  const struct {
    const value_case *cases;
    size_t n;
  } tables[] = {{elementwise, sizeof elementwise / sizeof *elementwise},
                {reductions, sizeof reductions / sizeof *reductions},
                {arrays, sizeof arrays / sizeof *arrays},
                {algebra, sizeof algebra / sizeof *algebra},
                {learning, sizeof learning / sizeof *learning},
                {catalogue, sizeof catalogue / sizeof *catalogue},
                {derivatives, sizeof derivatives / sizeof *derivatives}};
  const size_t length = strlen(name);
  if (strcmp(name, "csv") == 0 || strcmp(name, "npy") == 0) return true;
  for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
    for (size_t i = 0; i < tables[t].n; i++)
      for (const char *at = tables[t].cases[i].expression; (at = strstr(at, name)) != NULL; at += length) {
        const bool starts =
            at == tables[t].cases[i].expression || strspn(at - 1, "abcdefghijklmnopqrstuvwxyz_12") == 0;
        if (starts && at[length] == '(') return true;
      }
  return false;
}

static void every_function_is_tested(void **state) {
  (void)state;
  for (const tw_function *f = tw_function_table(); f->name != NULL; f++) {
    if (!is_tested(f->name)) fail_msg("no value by hand for %s", f->name);
    assert_non_null(f->doc);
    assert_ptr_equal(tw_function_find(f->name), f);
  }
}

/* An axis of a labelled array that is left keeps its labels. */
static void axes_keep_their_sets(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"sum(d, 0)[y]", "[]", {7}},
      {"max(d, axis=1)[q]", "[]", {6}},
      {"cumsum(d, 1)[q, y]", "[]", {9}},
      {"exp(0 * d)[p, x]", "[]", {1}},
      {"softmax(0 * d)[p, x]", "[]", {1.0 / 3}},
      {"where(d > 2, d, 0)[p, z]", "[]", {3}},
      {"transpose(d)[z, p]", "[]", {3}},
      {"max(d, 2)[p, x]", "[]", {2}},
      {"huber(d)[q, z]", "[]", {5.5}},
      {"argmax(d, 1)[q]", "[]", {2}},
      {"(d if d > 1 else 0)[p, y]", "[]", {2}},
      {"grad(sum(d^2), d)[q, x]", "[]", {8}},
  };
  CHECK_VALUES("set P = {p, q}\nset M = {x, y, z}\nparam d[P, M] = [[1, 2, 3], [4, 5, 6]]", cases);
}

static void mistakes(void **state) {
  (void)state;
  static const refusal_case cases[] = {
      {"var x\nminimize exq(x)\n", "2:10", "unknown function `exq`, did you mean `exp`?"},
      {"var x\nminimize exp()\n", "2:10", "the argument `x` is missing, expected exp(x)"},
      {"var x\nminimize exp(x, 2)\n", "2:17", "too many arguments, expected exp(x)"},
      {"var x[2]\nminimize sum(x, ax=0)\n", "2:20", "no argument `ax`, expected sum(x, axis=all)"},
      {"var x[2]\nminimize sum(x, 0, axis=0)\n", "2:25", "an argument that is given already"},
      {"var x[2]\nminimize sum(x, axis=0, axis=0)\n", "2:30", "an argument that is given already"},
      {"var x[2]\nminimize sum(x, 1)\n", "2:17", "axis 1 of an array with 1, expected -1..0"},
      {"var x[2]\nminimize sum(x, 0.5)\n", "2:17", "this argument is 0.5, expected an integer"},
      {"var x[2]\nminimize sum(max(x, [1, 2, 3]))\n", "2:14", "shapes [2] and [3] do not fit"},
      {"var x[2]\nminimize sum(max(x, 1, axis=0))\n", "2:29", "an axis goes with one array"},
      {"var x[2, 3]\nminimize trace(inv(x))\n", "2:16", "expected a square matrix"},
      {"var x[2, 3]\nminimize dot(x, x)\n", "2:10", "matrices multiply by `@`"},
      {"var x[2]\nminimize sum(reshape(x, 3))\n", "2:14", "expected an array that fills [3]"},
      {"var x[2]\nminimize sum(reshape(x, -1, -1))\n", "2:14", "expected an array that fills"},
      {"var x[2]\nminimize sum(concat(x, [[1, 2]]))\n", "2:24",
       "expected equal extents beside the joined axis"},
      {"var x[2]\nminimize sum(stack(x, 1))\n", "2:23", "expected equal shapes"},
      {"var x[2]\nminimize sum(concat(1, 2))\n", "2:14", "stack joins numbers"},
      {"var x[2]\nminimize sum(solve([[1, 2]], x))\n", "2:14", "expected a square matrix A"},
      {"var x[3]\nminimize sum(solve(eye(2), x))\n", "2:14", "a right-hand side with 2 rows"},
      {"var x\nminimize sum(zeros(x))\n", "2:20", "it depends on the var `x`"},
      {"var x\nminimize x * sum(zeros(-2))\n", "2:24", "an extent of -2, expected 0 or more"},
      {"var x\nminimize x * sum(zeros(1e5, 1e5))\n", "2:18", "expected at most 268435456 elements"},
      {"var x\nminimize x * sum(eye(1e6))\n", "2:18", "expected at most 268435456 elements"},
      {"var x\nminimize x * sum(normal(x, 2))\n", "2:25", "it depends on the var `x`"},
      {"var x[2]\nminimize cross_entropy(x, [0, 1])\n", "2:10", "one label for each row of the logits"},
      {"var x[2]\nminimize cross_entropy(x, 2)\n", "2:27",
       "label 2 at position 0, expected an integer in 0..1"},
      {"var x[2]\nminimize sum(project(x, simplx))\n", "2:25", "unknown set `simplx`, did you mean `simplex`?"},
      {"var x[2]\nminimize sum(project(x, ball(1, 2)))\n", "2:25", "2 arguments, expected ball(r = 1)"},
      {"var x[2]\nminimize sum(project(x, 3))\n", "2:25", "expected a domain such as simplex"},
      {"var x[2]\nminimize sum(kl_project(x, ball))\n", "2:14", "no projection on the set ball"},
      {"var x[2]\nminimize sum(prox(x, 1, l3))\n", "2:25", "unknown regularizer `l3`"},
      {"var x[2]\nminimize sum(prox(x, 1, 2))\n", "2:25", "expected a regularizer such as l1"},
      {"var x[2]\nminimize sum(prox(x, 1, linf, simplex))\n", "2:14", "has no formula"},
      {"var x\nminimize isotonic(x)\n", "2:10", "at least one axis"},
      {"var x[2]\nminimize group_l2(x, [0])\n", "2:10", "groups has shape [1]"},
      {"var x[2]\nminimize grad(x, x)\n", "2:10", "jacobian takes arrays"},
      {"var x\nlet y = x^2\nminimize grad(y^2, y)\n", "3:20", "expected the name of a var or param"},
      {"param n = 2\nvar x[n]\nminimize grad(n^2, n) * sum(x)\n", "3:20", "sets sizes or indices"},
      {"param a = 2\nparam b = a^2\nvar x\nminimize x * grad(b, b)\n", "4:22",
       "is computed from other params"},
      {"var x[3000]\nminimize hessian(sum(x^2), x)[0, 0] + sum(hessian(jacobian(sum(x), x)[0], x))*0 + "
       "sum(jacobian(x, x)[0])\n"
       "report sum(hessian(sum(hessian(sum(x^4), x)), x)), jacobian(hessian(sum(x^2), x), x)\n",
       "3:52", "expected at most"},
      {"var x\nminimize x * min()\n", "2:14", "the argument `x` is missing"},
      {"var x\nminimize csv(x)\n", "2:14", "expected a string in double quotes"},
      {"var x\nminimize x * max(zeros(0))\n", "2:14", "expected at least one element"},
  };
  CHECK_REFUSALS(cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_by_hand),
      cmocka_unit_test(every_function_is_tested),
      cmocka_unit_test(axes_keep_their_sets),
      cmocka_unit_test(mistakes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
