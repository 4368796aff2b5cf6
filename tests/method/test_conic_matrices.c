/* log det and extreme eigenvalues over cones, by hsde, against closed forms; and what passes for positive semidefinite. */
#include "test.h"

#include <talweg/method.h>

enum { N = 4 };

typedef struct model {
  tw_graph *graph;
  tw_problem *p;
} model;

static model model_new(void) {
  model m = {.graph = tw_graph_new()};
  m.p = tw_problem_new(m.graph);
  return m;
}

static tw_expr numbers(const model *m, tw_shape shape, const double *value) {
  const tw_array view = tw_array_view((void *)(uintptr_t)value, TW_F64, shape);
  return tw_constant(m->graph, &view);
}

static tw_expr matrix_in_psd(const model *m, int64_t n) {
  const tw_expr x = tw_problem_variable(m->p, "X", TW_SHAPE(n, n));
  tw_problem_domain(m->p, x, tw_domain_make(m->graph, tw_domain_find("psd"), TW_SHAPE(n, n), 0, NULL));
  return x;
}

static tw_result solve(model *m) {
  tw_error error;
  tw_result r;
  const tw_solve_options options = {.method = "hsde"};
  assert_string_equal(tw_graph_message(m->graph), "");
  if (tw_solve_problem(m->p, &options, &r, &error) != TW_OK) fail_msg("%s", error.message);
  assert_int_equal(r.outcome, TW_SOLVED);
  return r;
}

static void release(model *m, tw_result *r) {
  if (r) tw_result_free(r);
  tw_problem_free(m->p);
  tw_graph_free(m->graph);
}

static void random_numbers(uint64_t key, int64_t n, double *v) {
  tw_random_normal_fill(key, 0, (size_t)n, v);
}

static tw_expr trace_of(tw_expr x) {
  return tw_trace(x);
}

/* max log det X over tr X = k: X = (k / n) I. */
static void volume_under_a_trace(void **state) {
  (void)state;
  for (int n = 1; n <= 6; n++) {
    model m = model_new();
    const tw_expr x = matrix_in_psd(&m, n), k = tw_scalar(m.graph, 3);
    tw_problem_subject(m.p, "trace", trace_of(x), k, k);
    tw_problem_maximize(m.p, NULL, tw_logdet(x));
    tw_result r = solve(&m);
    assert_close(-r.f, n * log(3.0 / n), 1e-8);
    for (int i = 0; i < n * n; i++) assert_close(r.x[i], i % (n + 1) == 0 ? 3.0 / n : 0, 1e-6);
    release(&m, &r);
  }
}

/* min tr S X - log det X = n + log det S at X = S^-1. */
static void inverse_covariance(void **state) {
  (void)state;
  for (uint64_t key = 1; key <= 5; key++) {
    double f[N * N], s[N * N], sum;
    random_numbers(key, N * N, f);
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        s[i * N + j] = i == j;
        for (int k = 0; k < N; k++) s[i * N + j] += f[i * N + k] * f[j * N + k];
      }
    model m = model_new();
    const tw_expr x = matrix_in_psd(&m, N), c = numbers(&m, TW_SHAPE(N, N), s);
    tw_problem_minimize(m.p, NULL, tw_sub(tw_dot(c, x), tw_logdet(x)));
    tw_result r = solve(&m);
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        sum = 0;
        for (int k = 0; k < N; k++) sum += s[i * N + k] * r.x[k * N + j];
        assert_close(sum, i == j, 1e-6);
      }
    release(&m, &r);
  }
}

/* The smallest ellipsoid {|B v| <= 1} around +-T e_i: B' B = (T T')^-1, so log det B = -log |det T|. */
static void smallest_ellipsoid(void **state) {
  (void)state;
  enum { D = 3 };
  for (uint64_t key = 1; key <= 5; key++) {
    double t[D * D];
    random_numbers(key, D * D, t);
    for (int i = 0; i < D; i++) t[i * D + i] += 2;
    const double det = t[0] * (t[4] * t[8] - t[5] * t[7]) - t[1] * (t[3] * t[8] - t[5] * t[6]) + t[2] * (t[3] * t[7] - t[4] * t[6]);
    model m = model_new();
    const tw_expr b = matrix_in_psd(&m, D), points = numbers(&m, TW_SHAPE(D, D), t);
    tw_problem_subject(m.p, "inside", tw_norm(tw_matmul(b, points), 1, false), TW_NONE, tw_scalar(m.graph, 1));
    tw_problem_maximize(m.p, NULL, tw_logdet(b));
    tw_result r = solve(&m);
    assert_close(-r.f, -log(fabs(det)), 1e-7);
    release(&m, &r);
  }
}

/* max log det sum_i w_i v_i v_i' over the simplex: at the optimum max_i v_i' M^-1 v_i = the dimension (Kiefer & Wolfowitz 1960). The
 * matrix is written as V' diag(w) V and as (V' w) V. */
static void optimal_design(void **state) {
  (void)state;
  enum { POINTS = 7, D = 2 };
  for (int form = 0; form < 2; form++) {
    double v[POINTS * D], most = 0;
    random_numbers(3, POINTS * D, v);
    model m = model_new();
    const tw_expr w = tw_problem_variable(m.p, "w", TW_SHAPE(POINTS)), points = numbers(&m, TW_SHAPE(POINTS, D), v);
    const tw_expr one = tw_scalar(m.graph, 1), t = tw_matrix_transpose(points);
    tw_problem_domain(m.p, w, tw_domain_make(m.graph, tw_domain_find("simplex"), TW_SHAPE(POINTS), 1, &one));
    tw_problem_maximize(m.p, NULL, tw_logdet(tw_matmul(form ? tw_mul(t, w) : tw_matmul(t, tw_diag(w)), points)));
    tw_result r = solve(&m);
    double a = 0, b = 0, c = 0;
    for (int i = 0; i < POINTS; i++)
      a += r.x[i] * v[2 * i] * v[2 * i], b += r.x[i] * v[2 * i] * v[2 * i + 1], c += r.x[i] * v[2 * i + 1] * v[2 * i + 1];
    for (int i = 0; i < POINTS; i++) {
      const double p = v[2 * i], q = v[2 * i + 1];
      most = fmax(most, (c * p * p - 2 * b * p * q + a * q * q) / (a * c - b * b));
    }
    assert_close(most, D, 1e-6);
    release(&m, &r);
  }
}

/* Of a cycle's adjacency A and d with sum 0, min lambda_max(A + diag(d)) is at d = 0 by symmetry, and max lambda_min: 2 cos(2 pi k / n). */
static void eigenvalues_of_a_cycle(void **state) {
  (void)state;
  for (int n = 3; n <= 7; n++)
    for (int largest = 0; largest < 2; largest++) {
      double a[49] = {0};
      for (int i = 0; i < n; i++) a[i * n + (i + 1) % n] = a[(i + 1) % n * n + i] = 1;
      model m = model_new();
      const tw_expr d = tw_problem_variable(m.p, "d", TW_SHAPE(n)), zero = tw_scalar(m.graph, 0);
      const tw_expr matrix = tw_add(numbers(&m, TW_SHAPE(n, n), a), tw_diag(d));
      tw_problem_subject(m.p, "sum", tw_sum(d, TW_ALL, false), zero, zero);
      if (largest)
        tw_problem_minimize(m.p, NULL, tw_lambda_max(matrix));
      else
        tw_problem_maximize(m.p, NULL, tw_lambda_min(matrix));
      tw_result r = solve(&m);
      assert_close(largest ? r.f : -r.f, largest ? 2 : 2 * cos(2 * acos(-1) * (n / 2) / n), 1e-7);
      release(&m, &r);
    }
}

/* The largest eigenvalue of [x 1; 1 -x] is sqrt(1 + x^2). */
static void eigenvalue_as_a_bound(void **state) {
  (void)state;
  model m = model_new();
  const tw_expr x = tw_problem_variable(m.p, "x", TW_SCALAR), one = tw_reshape(tw_scalar(m.graph, 1), TW_SHAPE(1));
  const tw_expr entry[4] = {tw_reshape(x, TW_SHAPE(1)), one, one, tw_neg(tw_reshape(x, TW_SHAPE(1)))};
  tw_problem_subject(m.p, "bound", tw_lambda_max(tw_reshape(tw_concat(4, entry, 0), TW_SHAPE(2, 2))), TW_NONE, tw_scalar(m.graph, 2));
  tw_problem_maximize(m.p, NULL, x);
  tw_result r = solve(&m);
  assert_close(r.x[0], sqrt(3), 1e-7);
  release(&m, &r);
}

typedef tw_expr form(tw_expr x, tw_expr w);

#define FORM(name, e)                                                                                        \
  static tw_expr name(tw_expr x, tw_expr w) {                                                                \
    (void)x, (void)w;                                                                                        \
    return e;                                                                                                \
  }
FORM(itself, x)
FORM(with_identity, tw_add(x, tw_eye(x.graph, TW_F64, N, N)))
FORM(doubled, tw_scale(x, 2))
FORM(weights, tw_diag(w))
FORM(mirrored, tw_matrix_transpose(x))
FORM(less_identity, tw_sub(x, tw_eye(x.graph, TW_F64, N, N)))
FORM(with_indefinite, tw_add(x, tw_scale(tw_eye(x.graph, TW_F64, N, N), -1)))
FORM(negative, tw_neg(x))
FORM(reversed, tw_slice(x, 0, N - 1, N, -1))
FORM(one_sided, tw_matmul(x, tw_tril(tw_fill(x.graph, TW_F64, TW_SHAPE(N, N), 1), 0)))

static void what_is_semidefinite(void **state) {
  (void)state;
  static const struct {
    form *build;
    bool psd;
  } forms[] = {{itself, true},         {with_identity, true},    {doubled, true},   {weights, true},   {mirrored, true},
               {less_identity, false}, {with_indefinite, false}, {negative, false}, {reversed, false}, {one_sided, false}};
  for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
    tw_error error;
    tw_result r = {0};
    model m = model_new();
    const tw_expr x = matrix_in_psd(&m, N), w = tw_problem_variable(m.p, "w", TW_SHAPE(N)), matrix = forms[k].build(x, w);
    tw_problem_bounds(m.p, w, tw_scalar(m.graph, 0), tw_scalar(m.graph, 1));
    tw_problem_subject(m.p, "trace", trace_of(x), TW_NONE, tw_scalar(m.graph, 1));
    tw_problem_maximize(m.p, NULL, tw_logdet(matrix));
    assert_string_equal(tw_graph_message(m.graph), "");
    const tw_solve_options options = {.method = "hsde"};
    const tw_status status = tw_solve_problem(m.p, &options, &r, &error);
    if ((status == TW_OK) != forms[k].psd) fail_msg("form %d: %s", (int)k, status == TW_OK ? "taken" : error.message);
    release(&m, status == TW_OK ? &r : NULL);
  }
}

/* d lambda = v' dA v, by central differences. */
static void eigenvalues_are_differentiated(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr a = tw_input(graph, "a", TW_F64, TW_SHAPE(N, N)), high = tw_lambda_max(a), low = tw_lambda_min(a);
  const tw_expr out[4] = {high, low, tw_grad(high, a), tw_grad(low, a)};
  tw_error error;
  tw_fn *fn;
  tw_work *work;
  double at[N * N], f[2], g[2][N * N], moved[2][2], scratch[2][N * N];
  random_numbers(9, N * N, at);
  assert_ok(tw_fn_new(&fn, 1, &a, 4, out, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  assert_ok(tw_fn_call(fn, work, (const void *const[]){at}, (void *[]){&f[0], &f[1], g[0], g[1]}, 0, &error));
  assert_true(f[0] > f[1]);
  for (int i = 0; i < N * N; i++) {
    for (int side = 0; side < 2; side++) {
      const double kept = at[i];
      at[i] += side ? 1e-6 : -1e-6;
      void *const to[] = {&moved[side][0], &moved[side][1], scratch[0], scratch[1]};
      assert_ok(tw_fn_call(fn, work, (const void *const[]){at}, to, 0, &error));
      at[i] = kept;
    }
    for (int k = 0; k < 2; k++) assert_close(g[k][i], (moved[1][k] - moved[0][k]) / 2e-6, 1e-7);
  }
  tw_work_free(work), tw_fn_free(fn), tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(volume_under_a_trace),   cmocka_unit_test(inverse_covariance),    cmocka_unit_test(smallest_ellipsoid),
      cmocka_unit_test(optimal_design),         cmocka_unit_test(eigenvalues_of_a_cycle), cmocka_unit_test(eigenvalue_as_a_bound),
      cmocka_unit_test(what_is_semidefinite),   cmocka_unit_test(eigenvalues_are_differentiated)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
