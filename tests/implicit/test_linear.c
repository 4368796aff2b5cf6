/* How implicit linear systems are solved: by choice and by structure, at the cost of the support, with one factorization for a Jacobian. */
#include "problems.h"

typedef struct answer {
  tw_status status;
  double *x, *j; /* n, n x size(theta) */
  tw_evidence evidence;
} answer;

/* x and its Jacobian in theta, by forward or reverse mode as the graph likes. */
static answer differentiate(tw_expr theta, tw_expr x, const double *at) {
  answer a = {.status = TW_OK};
  const size_t n = (size_t)tw_size_of(x), d = (size_t)tw_size_of(theta);
  a.x = calloc(n, sizeof *a.x);
  a.j = calloc(n * d, sizeof *a.j);
  assert_non_null(a.x);
  assert_non_null(a.j);
  tw_expr out[2] = {x, tw_jacobian(x, theta)};
  compiled c = compile(theta, 2, out);
  error = (tw_error){0};
  a.status = tw_fn_call(c.fn, c.work, (const void *[]){at}, (void *[]){a.x, a.j}, 0, &error);
  if (a.status == TW_OK) tw_work_evidence(c.work, &a.evidence);
  done(c);
  return a;
}
static void release(answer *a) { free(a->x), free(a->j); }

static tw_expr closed(tw_problem *p, const char *method) {
  const tw_nested *nested = tw_nested_close(p, method, &error);
  if (!nested) fail_msg("%s: %s", method ? method : "by class", error.message);
  tw_problem_free(p);
  return tw_nested_variable(tw_argmin(nested), nested, 0);
}

/* ------------------------------------------------------------------ choices */

enum { SMALL = 40 };

/* min x'(I + U'U)x / 2 - theta'B x over x, and the same as a fixed point with a matrix that is not symmetric. */
static tw_expr symmetric(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(SMALL)), u = tw_matmul(tw_scale(constant(g, 1, TW_SHAPE(10, SMALL)), 0.3), x);
  tw_problem_minimize(
      p, NULL, tw_sub(tw_scale(tw_add(tw_dot(x, x), tw_dot(u, u)), 0.5), tw_dot(theta, tw_matmul(constant(g, 2, TW_SHAPE(2, SMALL)), x))));
  return closed(p, method);
}
static tw_expr asymmetric(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(SMALL)), m = tw_matmul(tw_scale(constant(g, 3, TW_SHAPE(SMALL, SMALL)), 0.05), x);
  tw_problem_fixpoint(p, x, tw_add(m, tw_matmul(theta, constant(g, 2, TW_SHAPE(2, SMALL)))));
  return closed(p, method);
}

static void every_choice_solves(void **state) {
  (void)state;
  static const char *const both[] = {"gmres", "bicgstab", "normal_cg", "lu", "qr"}, *const more[] = {"cg", "minres", "cholesky"};
  const double at[2] = {0.5, -0.8};
  for (int s = 0; s < 2; s++) {
    answer reference = {0};
    for (size_t k = 0; k < 9; k++) {
      const char *choice = k == 0 ? "auto" : k < 6 ? both[k - 1] : more[k - 6];
      char method[64];
      snprintf(method, sizeof method, "auto:linear=%s", choice);
      tw_graph *g = tw_graph_new();
      tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(2));
      answer a = differentiate(theta, s == 0 ? symmetric(g, theta, method) : asymmetric(g, theta, method), at);
      if (s == 1 && k >= 6) { /* not symmetric: refused, whatever the solver would have made of it */
        assert_int_equal(a.status, TW_ERR_ARGUMENT);
        assert_non_null(strstr(error.message, "not symmetric"));
      } else {
        if (a.status != TW_OK) fail_msg("%s: %s", method, error.message);
        if (!a.evidence.reliable) fail_msg("%s: %s", method, a.evidence.message);
        if (k > 0) assert_string_equal(a.evidence.linear, choice);
        for (int i = 0; i < 2 * SMALL && k > 0; i++) assert_close(a.j[i], reference.j[i], 1e-8);
      }
      if (k == 0) reference = a;
      else release(&a);
      tw_graph_free(g);
    }
    release(&reference);
  }
}

/* With a ridge r the derivative is (A + r I)^-1 B, of normal CG (A'A + r I)^-1 A'B, and the evidence tells the difference. */
static void ridges(void **state) {
  (void)state;
  const double at = 1, r = 0.5;
  static const char *const choices[] = {"lu", "cholesky", "cg", "gmres", "minres", "bicgstab", "normal_cg"};
  for (size_t k = 0; k < sizeof choices / sizeof *choices; k++) {
    char method[64];
    snprintf(method, sizeof method, "auto:linear=%s,ridge=%g", choices[k], r);
    tw_graph *g = tw_graph_new();
    tw_expr theta = tw_input(g, "theta", TW_F64, TW_SCALAR);
    tw_problem *p = tw_problem_new(g);
    tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(5)), d = tw_add(tw_scalar(g, 1), tw_iota(g, TW_F64, 5));
    tw_problem_minimize(p, NULL, tw_sub(tw_scale(tw_dot(d, tw_square(x)), 0.5), tw_mul(theta, total(x))));
    answer a = differentiate(theta, closed(p, method), &at);
    if (a.status != TW_OK) fail_msg("%s: %s", method, error.message);
    for (int i = 0; i < 5; i++) assert_close(a.j[i], k < 6 ? 1 / (i + 1 + r) : (i + 1) / ((i + 1.0) * (i + 1) + r), 1e-9);
    assert_false(a.evidence.reliable);
    assert_true(a.evidence.derivative_error > 0.05);
    release(&a);
    tw_graph_free(g);
  }
}

/* A singular system whose right-hand side is in its range: normal CG and MINRES give the answer of least norm, Cholesky fails. */
static void singular_systems(void **state) {
  (void)state;
  static const char *const choices[] = {"normal_cg", "minres", "auto", "cholesky"};
  const double at = 0.7;
  for (int k = 0; k < 4; k++) {
    char method[64];
    snprintf(method, sizeof method, "lbfgs:linear=%s", choices[k]);
    tw_graph *g = tw_graph_new();
    tw_expr theta = tw_input(g, "theta", TW_F64, TW_SCALAR);
    tw_problem *p = tw_problem_new(g);
    tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(3));
    tw_problem_minimize(p, NULL, tw_square(tw_sub(total(x), theta)));
    answer a = differentiate(theta, closed(p, method), &at);
    assert_int_equal(a.status, k < 3 ? TW_OK : TW_ERR_SINGULAR);
    for (int i = 0; i < 3 && k < 3; i++) assert_close(a.j[i], 1.0 / 3, 1e-8);
    assert_true(a.status != TW_OK || !a.evidence.reliable);
    release(&a);
    tw_graph_free(g);
  }
}

/* ------------------------------------------------------------------ structure */

enum { CHAIN = 2000 };

/* A chain with springs: tridiagonal, definite (or, with both signs, not). */
static tw_expr chain(tw_graph *g, tw_expr theta, const char *method, bool definite) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(CHAIN)), k = tw_iota(g, TW_F64, CHAIN);
  tw_expr step = tw_sub(tw_slice(x, 0, 1, CHAIN - 1, 1), tw_slice(x, 0, 0, CHAIN - 1, 1));
  tw_expr energy = tw_add(tw_scale(tw_dot(step, step), 0.5), tw_scale(tw_dot(x, x), 0.05));
  if (definite) {
    tw_problem_minimize(p, NULL, tw_sub(energy, tw_mul(theta, tw_dot(tw_sin(k), x))));
  } else { /* its equations, row by row with other signs */
    tw_expr sign = tw_where(tw_lt(tw_mod(k, tw_scalar(g, 2)), tw_scalar(g, 1)), tw_scalar(g, 1), tw_scalar(g, -1));
    tw_expr row = tw_mul(sign, tw_sub(tw_grad(energy, x), tw_mul(theta, tw_sin(k))));
    tw_problem_subject(p, "force", row, tw_scalar(g, 0), tw_scalar(g, 0));
    tw_problem_root(p);
  }
  return closed(p, method);
}

static void sparse_systems_are_solved_as_asked(void **state) {
  (void)state;
  const struct {
    const char *method, *by;
    bool definite;
  } cases[] = {{"lbfgs:tol=1e-12", "cg", true},
               {"newton_root:tol=1e-12", "gmres", false},
               {"lbfgs:tol=1e-12,linear=cholesky", "sparse cholesky", true},
               {"newton_root:tol=1e-12,linear=lu", "sparse lu", false},
               {"lbfgs:tol=1e-12,linear=qr", "sparse qr", true},
               {"lbfgs:tol=1e-12,linear=cg,precondition=ic0", "cg", true},
               {"lbfgs:tol=1e-12,linear=cg,precondition=jacobi", "cg", true},
               {"newton_root:tol=1e-12,linear=gmres,precondition=ilu0", "gmres", false}};
  const double at = 1.3;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    tw_graph *g = tw_graph_new();
    tw_expr theta = tw_input(g, "theta", TW_F64, TW_SCALAR);
    answer a = differentiate(theta, chain(g, theta, cases[k].method, cases[k].definite), &at);
    if (a.status != TW_OK) fail_msg("%s: %s", cases[k].method, error.message);
    if (!a.evidence.reliable) fail_msg("%s: %s", cases[k].method, a.evidence.message);
    assert_string_equal(a.evidence.linear, cases[k].by);
    for (int i = 0; i < CHAIN; i++) assert_close(a.j[i], a.x[i] / at, 1e-6); /* linear in theta */
    release(&a);
    tw_graph_free(g);
  }
}

/* A root whose Jacobian is a large symmetric matrix with both signs and no sparsity: MINRES by itself; one that is not symmetric: GMRES. */
static void symmetry_is_detected(void **state) {
  (void)state;
  enum { LARGE = 700 };
  const double at = 0.9;
  for (int skew = 0; skew < 2; skew++) {
    tw_graph *g = tw_graph_new();
    tw_expr theta = tw_input(g, "theta", TW_F64, TW_SCALAR);
    tw_problem *p = tw_problem_new(g);
    tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(LARGE)), u = constant(g, 5, TW_SHAPE(3, LARGE)), ux = tw_matmul(u, x);
    tw_expr sign = tw_where(tw_lt(tw_iota(g, TW_F64, LARGE), tw_scalar(g, LARGE / 3)), tw_scalar(g, -2), tw_scalar(g, 1));
    tw_expr back = skew ? tw_matmul(ux, constant(g, 6, TW_SHAPE(3, LARGE))) : tw_matmul(ux, u);
    tw_expr row = tw_sub(tw_add(tw_mul(sign, x), tw_scale(back, 0.5 / LARGE)), tw_mul(theta, constant(g, 7, TW_SHAPE(LARGE))));
    tw_problem_subject(p, "r", row, tw_scalar(g, 0), tw_scalar(g, 0));
    tw_problem_root(p);
    answer a = differentiate(theta, closed(p, "newton_root:tol=1e-13"), &at);
    if (a.status != TW_OK) fail_msg("%s", error.message);
    assert_true(a.evidence.reliable);
    assert_string_equal(a.evidence.linear, skew ? "gmres" : "minres");
    for (int i = 0; i < LARGE; i++) assert_close(a.j[i], a.x[i] / at, 1e-7);
    release(&a);
    tw_graph_free(g);
  }
}

/* A Jacobian of n columns costs one factorization. */
static void a_jacobian_factors_once(void **state) {
  (void)state;
  enum { COLUMNS = 12 };
  double at[COLUMNS];
  tw_random_normal_fill(9, 0, COLUMNS, at);
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(COLUMNS));
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(SMALL)), u = tw_matmul(constant(g, 1, TW_SHAPE(COLUMNS, SMALL)), x);
  tw_problem_minimize(p, NULL, tw_add(tw_scale(total(tw_square(tw_sub(u, theta))), 0.5), tw_scale(tw_dot(x, x), 0.5)));
  answer a = differentiate(theta, closed(p, NULL), at);
  assert_int_equal(a.status, TW_OK);
  assert_int_equal(a.evidence.factorizations, 1);
  assert_true(a.evidence.evaluations <= SMALL + 2 * SMALL + 2);
  release(&a);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ supports */

enum { ROWS = 100, COLUMNS_ALL = 1000, SUPPORT = 4 };

/* 1/2 |X w - y|^2 + lambda |w|_1 with a solution of four entries; data in arrays or as captured inputs. */
static tw_expr lasso_problem(tw_graph *g, tw_expr lambda, tw_expr x, tw_expr y, const char *method, bool elastic) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(COLUMNS_ALL)), r = tw_sub(tw_matmul(x, w), y);
  tw_expr l1 = tw_regularizer(g, tw_regularizer_find("l1"), w, 0, NULL), f = tw_add(tw_scale(total(tw_square(r)), 0.5), tw_mul(lambda, l1));
  if (elastic) f = tw_add(f, tw_scale(tw_dot(w, w), 0.5));
  tw_problem_minimize(p, NULL, f);
  return closed(p, method);
}

static void planted(double *x, double *y) {
  static const int at[SUPPORT] = {3, 10, 500, 900};
  static const double value[SUPPORT] = {3, -2, 2.5, -3};
  tw_random_normal_fill(1, 0, ROWS * COLUMNS_ALL, x);
  for (int i = 0; i < ROWS; i++) {
    y[i] = 0.1 * tw_random_normal(2, (uint64_t)i);
    for (int k = 0; k < SUPPORT; k++) y[i] += value[k] * x[i * COLUMNS_ALL + at[k]];
  }
}

/* d beta_S / d lambda = -(X_S'X_S)^-1 sign(beta_S), zero elsewhere; and the products follow the support. */
static void lasso_follows_its_support(void **state) {
  (void)state;
  const double lambda = 30;
  double *data = calloc(ROWS * COLUMNS_ALL, sizeof *data), y[ROWS];
  assert_non_null(data);
  planted(data, y);
  tw_array xa = tw_array_f64(data, TW_SHAPE(ROWS, COLUMNS_ALL)), ya = tw_array_f64(y, TW_SHAPE(ROWS));
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "lambda", TW_F64, TW_SCALAR), x = tw_constant(g, &xa), target = tw_constant(g, &ya);
  answer a = differentiate(theta, lasso_problem(g, theta, x, target, NULL, false), &lambda);
  if (a.status != TW_OK) fail_msg("%s", error.message);
  assert_true(a.evidence.reliable);
  int support[SUPPORT], k = 0;
  for (int i = 0; i < COLUMNS_ALL; i++) {
    if (a.x[i] != 0) {
      assert_true(k < SUPPORT);
      support[k++] = i;
    } else {
      assert_true(a.j[i] == 0);
    }
  }
  assert_int_equal(k, SUPPORT);
  for (int i = 0; i < SUPPORT; i++) { /* X_S'X_S j_S + sign = 0 */
    double sum = a.x[support[i]] > 0 ? 1 : -1;
    for (int j = 0; j < SUPPORT; j++)
      for (int r = 0; r < ROWS; r++) sum += data[r * COLUMNS_ALL + support[i]] * data[r * COLUMNS_ALL + support[j]] * a.j[support[j]];
    assert_close(sum, 0, 1e-10);
  }
  /* One product with all columns takes 4 ROWS COLUMNS_ALL flops; here all of them together take a part of that. */
  assert_string_equal(a.evidence.linear, "ldlt");
  assert_true(a.evidence.evaluations >= SUPPORT);
  assert_true(a.evidence.product_flops * 2 <= 4.0 * ROWS * COLUMNS_ALL);
  release(&a);

  /* With a ridge, at the same solution through a condition that holds no support: at least twenty times as much. */
  answer solution = differentiate(theta, lasso_problem(g, theta, x, target, "proximal_gradient:tol=1e-13", true), &lambda);
  assert_int_equal(solution.status, TW_OK);
  tw_expr w = tw_input(g, "w", TW_F64, TW_SHAPE(COLUMNS_ALL)), unknown;
  tw_expr f = tw_add(tw_scale(total(tw_square(tw_sub(tw_matmul(x, w), target))), 0.5), tw_scale(tw_dot(w, w), 0.5));
  const tw_condition_parts parts = {.x = w, .f = f, .regularizer = tw_regularizer_find("l1"), .weight = theta, .eta = tw_scalar(g, 1e-3)};
  tw_expr condition = tw_condition_of(TW_CONDITION_PROXIMAL_GRADIENT, &parts, &unknown);
  const tw_root root = {.f = condition, .x = w, .n_theta = 1, .theta = &theta};
  double *dx = calloc(COLUMNS_ALL, sizeof *dx), one = 1;
  assert_non_null(dx);
  tw_evidence e;
  assert_ok(tw_root_jvp(&root, NULL, solution.x, (const void *[]){&lambda}, (const double *[]){&one}, dx, &e, &error));
  for (int i = 0; i < COLUMNS_ALL; i++) assert_close(dx[i], solution.j[i], 1e-7);
  assert_true(solution.evidence.product_flops * 20 <= e.product_flops);
  release(&solution);
  free(dx), free(data);
  tw_graph_free(g);
}

/* Restricted derivatives are those without restriction, in the data too, to second order; the data are inputs here. */
static void restricted_derivatives_in_the_data(void **state) {
  (void)state;
  enum { M = 20, N = 80 };
  double data[M * N], y[M], at[2] = {6, 0.2};
  tw_random_normal_fill(21, 0, M * N, data);
  for (int i = 0; i < M; i++) y[i] = 2 * data[i * N + 5] - 3 * data[i * N + 40] + 0.1 * tw_random_normal(22, (uint64_t)i);
  tw_array xa = tw_array_f64(data, TW_SHAPE(M, N)), ya = tw_array_f64(y, TW_SHAPE(M));
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(2)), shift = constant(g, 23, TW_SHAPE(M, N));
  tw_expr x = tw_add(tw_constant(g, &xa), tw_mul(entry(theta, 1), shift)); /* moves with theta */
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(N)), r = tw_sub(tw_matmul(x, w), tw_constant(g, &ya));
  tw_expr smooth = total(tw_sqrt(tw_add(tw_scalar(g, 1), tw_square(r))));
  tw_problem_minimize(p, NULL, tw_add(smooth, tw_mul(entry(theta, 0), tw_regularizer(g, tw_regularizer_find("l1"), w, 0, NULL))));
  tw_expr s = closed(p, "proximal_gradient:tol=1e-13"), f = total(tw_mul(s, tw_add(constant(g, 24, TW_SHAPE(N)), s)));
  tw_expr out[3] = {tw_grad(f, theta), tw_hessian(f, theta), f};
  double gradient[2], hessian[4], value, up[2], down[2], skip[4];
  compiled c = compile(theta, 3, out);
  call(c, at, (void *[]){gradient, hessian, &value});
  tw_evidence e;
  tw_work_evidence(c.work, &e);
  if (!e.reliable) fail_msg("%s", e.message);
  for (int j = 0; j < 2; j++) {
    const double h = 1e-5;
    double moved[2] = {at[0], at[1]}, fu, fd;
    moved[j] += h;
    call(c, moved, (void *[]){up, skip, &fu});
    moved[j] -= 2 * h;
    call(c, moved, (void *[]){down, skip, &fd});
    assert_true(fabs(gradient[j]) > 1e-4);
    assert_close(gradient[j], (fu - fd) / (2 * h), 1e-6);
    for (int i = 0; i < 2; i++) assert_close(hessian[2 * i + j], (up[i] - down[i]) / (2 * h), 1e-5);
  }
  done(c);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_choice_solves),         cmocka_unit_test(ridges),
      cmocka_unit_test(singular_systems),            cmocka_unit_test(sparse_systems_are_solved_as_asked),
      cmocka_unit_test(symmetry_is_detected),        cmocka_unit_test(a_jacobian_factors_once),
      cmocka_unit_test(lasso_follows_its_support),   cmocka_unit_test(restricted_derivatives_in_the_data),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
