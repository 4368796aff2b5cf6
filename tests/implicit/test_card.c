/* What implicit differentiation must show (Blondel et al., 2022): derivatives at inexact solutions are as wrong as these are far from the
 * solution, within the bound and below those of unrolling; and one hyper-gradient through the conditions of three solvers. */
#include "problems.h"

static double norm_of(int64_t n, const double *x) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
  return sqrt(sum);
}

/* ------------------------------------------------------------------ diabetes */

enum { P = 10, ROWS = 442, ACCURACIES = 12, PER_ACCURACY = 6 };

typedef struct ridge_data {
  double xs[ROWS * P], yc[ROWS], h[P * P], b[P]; /* columns centred to norm 1; H = Xs'Xs + theta I, b = Xs'yc */
} ridge_data;

static void read_diabetes(ridge_data *d, double theta) {
  tw_array x = {0}, y = {0};
  assert_ok(tw_csv_read(TALWEG_SOURCE_DIR "/examples/data/diabetes.csv", "age..s6", &x, &error));
  assert_ok(tw_csv_read(TALWEG_SOURCE_DIR "/examples/data/diabetes.csv", "target", &y, &error));
  assert_int_equal(x.shape.dim[0], ROWS);
  const double *xv = x.data, *yv = y.data;
  double mean = 0;
  for (int i = 0; i < ROWS; i++) mean += yv[i] / ROWS;
  for (int i = 0; i < ROWS; i++) d->yc[i] = (yv[i] - mean) / 100;
  for (int j = 0; j < P; j++) {
    double m = 0, size = 0;
    for (int i = 0; i < ROWS; i++) m += xv[i * P + j] / ROWS;
    for (int i = 0; i < ROWS; i++) size += (xv[i * P + j] - m) * (xv[i * P + j] - m);
    for (int i = 0; i < ROWS; i++) d->xs[i * P + j] = (xv[i * P + j] - m) / sqrt(size);
  }
  for (int a = 0; a < P; a++) {
    d->b[a] = 0;
    for (int i = 0; i < ROWS; i++) d->b[a] += d->xs[i * P + a] * d->yc[i];
    for (int c = 0; c < P; c++) {
      d->h[a * P + c] = a == c ? theta : 0;
      for (int i = 0; i < ROWS; i++) d->h[a * P + c] += d->xs[i * P + a] * d->xs[i * P + c];
    }
  }
  tw_array_free(&x);
  tw_array_free(&y);
}

/* x = H^-1 r */
static void solve_h(const ridge_data *d, const double *r, double *x) {
  tw_factor *f = NULL;
  assert_ok(tw_factor_dense(&f, TW_FACTOR_CHOLESKY, P, P, d->h, &error));
  assert_ok(tw_factor_solve(f, false, 1, r, x, &error));
  tw_factor_free(f);
}

/* The extreme eigenvalues of H by power iteration, the smaller one of the inverse. */
static void extremes(const ridge_data *d, double *least, double *most) {
  double up[P], down[P], next[P];
  for (int i = 0; i < P; i++) up[i] = down[i] = 1 + 0.1 * i;
  for (int k = 0; k < 500; k++) {
    for (int i = 0; i < P; i++) {
      next[i] = 0;
      for (int j = 0; j < P; j++) next[i] += d->h[i * P + j] * up[j];
    }
    *most = norm_of(P, next);
    for (int i = 0; i < P; i++) up[i] = next[i] / *most;
    solve_h(d, down, next);
    *least = 1 / norm_of(P, next);
    for (int i = 0; i < P; i++) down[i] = next[i] * *least;
  }
}

static tw_expr objective(tw_graph *g, ridge_data *d, tw_expr theta, tw_expr w) {
  tw_array xa = tw_array_f64(d->xs, TW_SHAPE(ROWS, P)), ya = tw_array_f64(d->yc, TW_SHAPE(ROWS));
  tw_expr r = tw_sub(tw_matmul(tw_constant(g, &xa), w), tw_constant(g, &ya));
  return tw_scale(tw_add(total(tw_square(r)), tw_mul(theta, total(tw_square(w)))), 0.5);
}

/* With f = (|X w - y|^2 + theta |w|^2) / 2: A = -H is constant (gamma = 0) and B = -w has beta = 1, so that
 * |J(w_k) - J| <= |w_k - w*| / alpha, alpha the least eigenvalue of H (Blondel et al., theorem 1). */
static void errors_of_early_stops(void **state) {
  (void)state;
  const double theta = 0.5;
  ridge_data *d = calloc(1, sizeof *d);
  assert_non_null(d);
  read_diabetes(d, theta);
  double w[P], j[P], minus[P], least, most, log_x[ACCURACIES], log_j[ACCURACIES];
  solve_h(d, d->b, w);
  for (int i = 0; i < P; i++) minus[i] = -w[i];
  solve_h(d, minus, j);
  extremes(d, &least, &most);
  for (int a = 0; a < ACCURACIES; a++) {
    tw_graph *g = tw_graph_new();
    tw_expr t = tw_input(g, "theta", TW_F64, TW_SCALAR), x = tw_input(g, "w", TW_F64, TW_SHAPE(P)), f = objective(g, d, t, x);
    char method[96];
    snprintf(method, sizeof method, "gd:derivative=unrolled,step=%.17g,max_iter=%d", 1 / most, (a + 1) * PER_ACCURACY);
    tw_problem *p = tw_problem_new(g);
    tw_expr v = tw_problem_variable(p, "w", TW_SHAPE(P));
    tw_problem_minimize(p, NULL, objective(g, d, t, v));
    const tw_nested *nested = tw_nested_close(p, method, &error);
    assert_non_null(nested);
    tw_expr unrolled = tw_argmin(nested), out[2] = {unrolled, tw_jacobian(unrolled, t)};
    double wk[P], jk[P], implicit[P], one = 1, dx = 0, dj = 0, du = 0;
    compiled c = compile(t, 2, out);
    call(c, &theta, (void *[]){wk, jk});
    const tw_root root = {.f = tw_grad(f, x), .x = x, .n_theta = 1, .theta = &t};
    tw_evidence e;
    assert_ok(tw_root_jvp(&root, NULL, wk, (const void *[]){&theta}, (const double *[]){&one}, implicit, &e, &error));
    for (int i = 0; i < P; i++) dx += pow(wk[i] - w[i], 2), dj += pow(implicit[i] - j[i], 2), du += pow(jk[i] - j[i], 2);
    dx = sqrt(dx), dj = sqrt(dj), du = sqrt(du);
    assert_true(dj <= dx / least * (1 + 1e-9));
    if (a >= 3 && !(dj <= du)) fail_msg("stop %d: implicit %.3e, unrolled %.3e", a, dj, du);
    assert_true(e.reliable == (e.inner_residual <= 1e-7)); /* what is far from a solution is told */
    log_x[a] = log(dx), log_j[a] = log(dj);
    done(c);
    tw_problem_free(p);
    tw_graph_free(g);
  }
  double mx = 0, mj = 0, xx = 0, xj = 0;
  for (int a = 0; a < ACCURACIES; a++) mx += log_x[a] / ACCURACIES, mj += log_j[a] / ACCURACIES;
  for (int a = 0; a < ACCURACIES; a++) xx += (log_x[a] - mx) * (log_x[a] - mx), xj += (log_x[a] - mx) * (log_j[a] - mj);
  assert_in_range((int64_t)(1000 * xj / xx), 900, 1100);
  assert_true(log_x[0] - log_x[ACCURACIES - 1] > log(1e3)); /* over decades */
  free(d);
}

/* The closed form at the solution: J = -H^-1 w. */
static void ridge_in_closed_form(void **state) {
  (void)state;
  const double theta = 0.5;
  ridge_data *d = calloc(1, sizeof *d);
  assert_non_null(d);
  read_diabetes(d, theta);
  double w[P], minus[P], j[P], found[P];
  solve_h(d, d->b, w);
  for (int i = 0; i < P; i++) minus[i] = -w[i];
  solve_h(d, minus, j);
  tw_graph *g = tw_graph_new();
  tw_expr t = tw_input(g, "theta", TW_F64, TW_SCALAR);
  tw_problem *p = tw_problem_new(g);
  tw_expr v = tw_problem_variable(p, "w", TW_SHAPE(P));
  tw_problem_minimize(p, NULL, objective(g, d, t, v));
  const tw_nested *nested = tw_nested_close(p, NULL, &error);
  assert_non_null(nested);
  tw_expr out = tw_jacobian(tw_argmin(nested), t);
  compiled c = compile(t, 1, &out);
  call(c, &theta, (void *[]){found});
  for (int i = 0; i < P; i++) found[i] -= j[i];
  assert_true(norm_of(P, found) <= 1e-8 * norm_of(P, j));
  done(c);
  tw_problem_free(p);
  tw_graph_free(g);
  free(d);
}

/* ------------------------------------------------------------------ multiclass support vectors */

enum { M = 60, V = 20, K = 3, F = 15 };

typedef struct svm {
  tw_graph *g;
  tw_expr lambda, x, y, x_val, y_val;
} svm;

static svm open_svm(void) {
  static double x[M * F], y[M * K], xv[V * F], yv[V * K], centre[K * F];
  tw_random_normal_fill(80, 0, K * F, centre);
  tw_random_normal_fill(81, 0, M * F, x);
  tw_random_normal_fill(82, 0, V * F, xv);
  memset(y, 0, sizeof y);
  memset(yv, 0, sizeof yv);
  for (int i = 0; i < M; i++) {
    y[i * K + i % K] = 1;
    for (int j = 0; j < F; j++) x[i * F + j] = 0.5 * centre[i % K * F + j] + x[i * F + j];
  }
  for (int i = 0; i < V; i++) {
    yv[i * K + i % K] = 1;
    for (int j = 0; j < F; j++) xv[i * F + j] = 0.5 * centre[i % K * F + j] + xv[i * F + j];
  }
  svm s = {.g = tw_graph_new()};
  tw_array a[4] = {tw_array_f64(x, TW_SHAPE(M, F)), tw_array_f64(y, TW_SHAPE(M, K)), tw_array_f64(xv, TW_SHAPE(V, F)),
                   tw_array_f64(yv, TW_SHAPE(V, K))};
  s.lambda = tw_input(s.g, "lambda", TW_F64, TW_SCALAR);
  s.x = tw_constant(s.g, &a[0]), s.y = tw_constant(s.g, &a[1]), s.x_val = tw_constant(s.g, &a[2]), s.y_val = tw_constant(s.g, &a[3]);
  return s;
}

/* W = X'(Y - beta) / theta;  f = theta |W|^2 / 2 + <beta, Y>;  loss = |X_val W - Y_val|^2 / 2 */
static tw_expr weights(const svm *s, tw_expr beta) {
  return tw_div(tw_matmul(tw_matrix_transpose(s->x), tw_sub(s->y, beta)), tw_exp(s->lambda));
}
static tw_expr svm_f(const svm *s, tw_expr beta) {
  return tw_add(tw_scale(tw_mul(tw_exp(s->lambda), total(tw_square(weights(s, beta)))), 0.5), total(tw_mul(beta, s->y)));
}
static tw_expr svm_loss(const svm *s, tw_expr beta) {
  return tw_scale(total(tw_square(tw_sub(tw_matmul(s->x_val, weights(s, beta)), s->y_val))), 0.5);
}

/* The solution, the loss and its derivative by the nested problem's own condition. */
static void solve_svm(const svm *s, double lambda, double *beta, double *loss, double *slope) {
  tw_problem *p = tw_problem_new(s->g);
  tw_expr b = tw_problem_variable(p, "beta", TW_SHAPE(M, K));
  tw_problem_domain(p, b, tw_domain_make(s->g, tw_domain_find("simplex"), TW_SHAPE(M, K), 0, NULL));
  tw_problem_minimize(p, NULL, svm_f(s, b));
  const tw_nested *nested = tw_nested_close(p, "projected_gradient:tol=1e-13", &error);
  if (!nested) fail_msg("%s", error.message);
  tw_expr at = tw_nested_variable(tw_argmin(nested), nested, 0), l = svm_loss(s, at), out[3] = {at, l, tw_grad(l, s->lambda)};
  compiled c = compile(s->lambda, 3, out);
  call(c, &lambda, (void *[]){beta, loss, slope});
  tw_evidence e;
  tw_work_evidence(c.work, &e);
  if (!e.reliable) fail_msg("%s", e.message);
  done(c);
  tw_problem_free(p);
}

/* d loss / d lambda + (d beta / d lambda)' d loss / d beta, by the condition of `kind` with step 1. */
static double slope_through(const svm *s, tw_condition_kind kind, double lambda, const double *beta) {
  tw_expr b = tw_input(s->g, "beta", TW_F64, TW_SHAPE(M, K)), loss = svm_loss(s, b), out[2] = {tw_grad(loss, b), tw_grad(loss, s->lambda)},
          z;
  const tw_shape shape = kind == TW_CONDITION_BLOCK_PROXIMAL ? TW_SHAPE(K) : TW_SHAPE(M, K);
  const tw_condition_parts parts = {.x = b, .f = svm_f(s, b), .domain = tw_domain_make(s->g, tw_domain_find("simplex"), shape, 0, NULL)};
  const tw_root root = {.f = tw_condition_of(kind, &parts, &z), .x = b, .n_theta = 1, .theta = &s->lambda};
  double bar[M * K], direct, through;
  tw_fn *fn;
  tw_work *work;
  assert_ok(tw_fn_new(&fn, 2, (tw_expr[]){b, s->lambda}, 2, out, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  assert_ok(tw_fn_call(fn, work, (const void *[]){beta, &lambda}, (void *[]){bar, &direct}, 0, &error));
  tw_evidence e;
  assert_ok(tw_root_vjp(&root, NULL, beta, (const void *[]){&lambda}, bar, (double *[]){&through}, &e, &error));
  if (!e.reliable) fail_msg("%s: %s", tw_condition_name(kind), e.message);
  tw_work_free(work);
  tw_fn_free(fn);
  return direct + through;
}

static void three_conditions_one_hypergradient(void **state) {
  (void)state;
  const double at = 3, h = 1e-5;
  double *beta = calloc(M * K, sizeof *beta), *other = calloc(M * K, sizeof *other), loss, slope, up, down, skip;
  assert_non_null(beta);
  assert_non_null(other);
  const svm s = open_svm();
  solve_svm(&s, at, beta, &loss, &slope);
  solve_svm(&s, at + h, other, &up, &skip);
  solve_svm(&s, at - h, other, &down, &skip);
  const double difference = (up - down) / (2 * h);
  const tw_condition_kind kinds[] = {TW_CONDITION_MIRROR_DESCENT, TW_CONDITION_PROJECTED_GRADIENT, TW_CONDITION_BLOCK_PROXIMAL};
  assert_true(fabs(difference) > 1e-2);
  assert_true(fabs(slope - difference) <= 1e-4 * fabs(difference));
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    const double through = slope_through(&s, kinds[k], at, beta);
    if (!(fabs(through - difference) <= 1e-4 * fabs(difference)) || !(fabs(through - slope) <= 1e-6 * fabs(slope)))
      fail_msg("%s: %.10g, difference %.10g, nested %.10g", tw_condition_name(kinds[k]), through, difference, slope);
  }
  free(beta), free(other);
  tw_graph_free(s.g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ridge_in_closed_form),
      cmocka_unit_test(errors_of_early_stops),
      cmocka_unit_test(three_conditions_one_hypergradient),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
