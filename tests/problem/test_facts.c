/* Degrees and curvatures: what the rules say of named expressions, and of thousands of random ones, where
 * every claim must hold on sampled points: polynomials have vanishing differences, convex functions lie below
 * their chords. */
#include "model.h"

enum { N = 3 };

static tw_expr x, y; /* [N] */

static int open_inputs(void **state) {
  if (open_model(state)) return 1;
  x = variable("x", N);
  y = variable("y", N);
  return 0;
}

/* ------------------------------------------------------------------ named expressions */

typedef struct claim {
  const char *text;
  tw_expr e;
  tw_degree degree;
  tw_curvature curvature;
} claim;

static void check_claims(int n, const claim *claims) {
  const tw_expr inputs[2] = {x, y};
  for (int i = 0; i < n; i++) {
    if (tw_is_none(claims[i].e)) fail_msg("%s: %s", claims[i].text, tw_graph_message(graph));
    const tw_degree degree = tw_degree_in(claims[i].e, 2, inputs);
    const tw_curvature curvature = tw_curvature_in(claims[i].e, 2, inputs);
    if (degree != claims[i].degree || curvature != claims[i].curvature)
      fail_msg("%s: degree %d, curvature %d; expected %d, %d", claims[i].text, (int)degree, (int)curvature,
               (int)claims[i].degree, (int)claims[i].curvature);
  }
}

#define CLAIM(e, degree, curvature)                                                                          \
  { #e, e, TW_##degree, TW_CURV_##curvature }
#define CHECK(...)                                                                                           \
  do {                                                                                                       \
    const claim claims[] = {__VA_ARGS__};                                                                    \
    check_claims((int)(sizeof claims / sizeof *claims), claims);                                             \
  } while (0)

static tw_expr loop_of(tw_expr (*body)(tw_expr k)) {
  const tw_expr k = tw_input(graph, "k", TW_I64, TW_SCALAR);
  return tw_loop_sum(k, N, body(k));
}
static tw_expr x_k(tw_expr k) {
  return tw_take(x, 1, &k);
}
static tw_expr weighted(tw_expr k) {
  return tw_mul(tw_cast(k, TW_F64), x_k(k));
}
static tw_expr squared(tw_expr k) {
  return tw_square(plus(x_k(k), 1));
}
static tw_expr crossed(tw_expr k) {
  return tw_mul(x_k(k), tw_take(y, 1, &k));
}
static tw_expr exponential(tw_expr k) {
  return tw_mul(tw_cast(k, TW_F64), tw_exp(x_k(k)));
}
static tw_expr falling(tw_expr k) {
  return tw_neg(exponential(k));
}
static tw_expr picked(tw_expr k) {
  const tw_expr j = tw_mod(tw_mul(k, k), tw_integer(graph, N));
  return tw_take(x, 1, &j);
}
static tw_expr by_value(tw_expr k) {
  const tw_expr j = tw_cast(tw_sigmoid(x_k(k)), TW_I64);
  return tw_take(y, 1, &j);
}

static void linear_expressions(void **state) {
  (void)state;
  const tw_expr a = random_constant(1, TW_SHAPE(4, N)), p = tw_input(graph, "p", TW_F64, TW_SCALAR);
  const tw_expr spd = tw_add(tw_eye(graph, TW_F64, N, N), tw_matmul(tw_matrix_transpose(a), a));
  const tw_expr two[2] = {x, tw_exp(y)}, index = tw_iota(graph, TW_I64, 2);
  CHECK(CLAIM(number(3), CONSTANT, AFFINE), CLAIM(tw_exp(p), CONSTANT, AFFINE), CLAIM(x, LINEAR, AFFINE),
        CLAIM(tw_neg(x), LINEAR, AFFINE), CLAIM(tw_sub(tw_scale(x, 2), y), LINEAR, AFFINE),
        CLAIM(tw_matmul(a, x), LINEAR, AFFINE), CLAIM(tw_mul(tw_sin(p), x), LINEAR, AFFINE),
        CLAIM(tw_div(x, p), LINEAR, AFFINE), CLAIM(total(x), LINEAR, AFFINE),
        CLAIM(tw_cumsum(x, 0, true), LINEAR, AFFINE), CLAIM(tw_slice(x, 0, 0, 2, 1), LINEAR, AFFINE),
        CLAIM(tw_stack(2, (tw_expr[]){x, y}, 0), LINEAR, AFFINE), CLAIM(tw_diag(x), LINEAR, AFFINE),
        CLAIM(tw_trace(tw_diag(x)), LINEAR, AFFINE), CLAIM(tw_take(x, 1, &index), LINEAR, AFFINE),
        CLAIM(tw_cholesky_solve(spd, x), LINEAR, AFFINE), CLAIM(tw_linear_solve(spd, x), LINEAR, AFFINE),
        CLAIM(tw_where(tw_gt(p, number(0)), x, y), LINEAR, AFFINE),
        CLAIM(tw_mean(x, TW_ALL, false), LINEAR, AFFINE), CLAIM(tw_cast(x, TW_F32), LINEAR, AFFINE),
        CLAIM(loop_of(x_k), LINEAR, AFFINE), CLAIM(loop_of(weighted), LINEAR, AFFINE),
        CLAIM(loop_of(picked), LINEAR, AFFINE), CLAIM(tw_concat(2, two, 0), NONLINEAR, CONVEX),
        CLAIM(tw_matmul(a, tw_exp(x)), NONLINEAR, UNKNOWN), CLAIM(tw_cast(x, TW_I64), NONLINEAR, UNKNOWN),
        CLAIM(tw_stop_gradient(x), NONLINEAR, UNKNOWN), CLAIM(tw_floor(x), NONLINEAR, UNKNOWN),
        CLAIM(tw_where(tw_gt(x, y), x, y), NONLINEAR, UNKNOWN), CLAIM(loop_of(by_value), NONLINEAR, UNKNOWN));
}

static void quadratic_expressions(void **state) {
  (void)state;
  const tw_expr a = random_constant(2, TW_SHAPE(4, N)), q = tw_matmul(tw_matrix_transpose(a), a),
                skew = tw_tril(q, -1);
  /* x0 x1 + x1 x2 / 2 + x2 x0, whose Hessian is computed with 1 / 0 on the way */
  const tw_expr index = tw_cast(tw_iota(graph, TW_I64, N), TW_F64), ratio = tw_div(x, index);
  const tw_expr turned[2] = {tw_slice(ratio, 0, 1, 2, 1), tw_slice(x, 0, 0, 1, 1)};
  const tw_expr hidden = tw_dot(x, tw_concat(2, turned, 0));
  const tw_expr xy = tw_dot(x, y), both = tw_add(tw_dot(x, x), tw_dot(y, y));
  CHECK(CLAIM(tw_square(x), QUADRATIC, CONVEX), CLAIM(total(tw_square(tw_matmul(a, x))), QUADRATIC, CONVEX),
        CLAIM(tw_matmul(x, x), QUADRATIC, CONVEX),
        CLAIM(tw_square(tw_norm(x, TW_ALL, false)), QUADRATIC, CONVEX),
        CLAIM(tw_dot(x, tw_matmul(q, x)), QUADRATIC, CONVEX),
        CLAIM(tw_neg(tw_dot(x, tw_matmul(q, x))), QUADRATIC, CONCAVE),
        CLAIM(tw_dot(x, tw_matmul(skew, x)), QUADRATIC, UNKNOWN), CLAIM(xy, QUADRATIC, UNKNOWN),
        CLAIM(tw_add(tw_scale(xy, 1.9), both), QUADRATIC, CONVEX),
        CLAIM(tw_add(tw_scale(xy, 2.1), both), QUADRATIC, UNKNOWN),
        CLAIM(tw_add(tw_scale(xy, 2), both), QUADRATIC, CONVEX), CLAIM(tw_mul(x, y), QUADRATIC, UNKNOWN),
        CLAIM(hidden, QUADRATIC, UNKNOWN), CLAIM(loop_of(squared), QUADRATIC, CONVEX),
        CLAIM(loop_of(crossed), QUADRATIC, UNKNOWN),
        CLAIM(tw_add(tw_add(loop_of(crossed), both), total(tw_exp(x))), NONLINEAR, CONVEX),
        CLAIM(tw_add(loop_of(crossed), total(tw_exp(x))), NONLINEAR, UNKNOWN),
        CLAIM(tw_mul(tw_square(x), y), NONLINEAR, UNKNOWN),
        CLAIM(tw_square(tw_square(x)), NONLINEAR, CONVEX));
}

static void disciplined_expressions(void **state) {
  (void)state;
  const tw_expr big = tw_exp(x), log_x = tw_log(x), p = tw_input(graph, "p", TW_F64, TW_SCALAR);
  CHECK(CLAIM(tw_abs(x), NONLINEAR, CONVEX), CLAIM(tw_norm(tw_sub(x, y), TW_ALL, false), NONLINEAR, CONVEX),
        CLAIM(tw_logsumexp(x, TW_ALL, false), NONLINEAR, CONVEX),
        CLAIM(tw_reduce_max(x, TW_ALL, false), NONLINEAR, CONVEX),
        CLAIM(tw_reduce_min(x, TW_ALL, false), NONLINEAR, CONCAVE),
        CLAIM(tw_maximum(x, y), NONLINEAR, CONVEX), CLAIM(tw_minimum(x, tw_neg(big)), NONLINEAR, CONCAVE),
        CLAIM(tw_maximum(x, tw_neg(big)), NONLINEAR, UNKNOWN), CLAIM(log_x, NONLINEAR, CONCAVE),
        CLAIM(tw_sqrt(x), NONLINEAR, CONCAVE), CLAIM(tw_mul(x, log_x), NONLINEAR, CONVEX),
        CLAIM(tw_mul(log_x, x), NONLINEAR, CONVEX), CLAIM(tw_mul(y, log_x), NONLINEAR, UNKNOWN),
        CLAIM(tw_exp(big), NONLINEAR, CONVEX), CLAIM(tw_exp(tw_neg(big)), NONLINEAR, UNKNOWN),
        CLAIM(tw_log(big), NONLINEAR, UNKNOWN), CLAIM(tw_square(big), NONLINEAR, CONVEX),
        CLAIM(tw_square(tw_sub(big, y)), NONLINEAR, UNKNOWN), CLAIM(tw_reciprocal(big), NONLINEAR, UNKNOWN),
        CLAIM(tw_reciprocal(x), NONLINEAR, UNKNOWN), CLAIM(tw_reciprocal(log_x), NONLINEAR, UNKNOWN),
        CLAIM(tw_reciprocal(tw_sqrt(x)), NONLINEAR, CONVEX), CLAIM(tw_pow(x, number(6)), NONLINEAR, CONVEX),
        CLAIM(tw_pow(x, number(3)), NONLINEAR, UNKNOWN), CLAIM(tw_pow(big, number(3)), NONLINEAR, CONVEX),
        CLAIM(tw_pow(big, number(1.5)), NONLINEAR, CONVEX),
        CLAIM(tw_pow(tw_sqrt(x), number(0.25)), NONLINEAR, CONCAVE),
        CLAIM(tw_pow(number(2), x), NONLINEAR, CONVEX), CLAIM(tw_pow(number(0.5), x), NONLINEAR, CONVEX),
        CLAIM(tw_pow(number(0.5), log_x), NONLINEAR, CONVEX),
        CLAIM(tw_pow(number(2), log_x), NONLINEAR, UNKNOWN), CLAIM(tw_softplus(tw_abs(x)), NONLINEAR, CONVEX),
        CLAIM(tw_cosh(x), NONLINEAR, CONVEX), CLAIM(tw_sin(x), NONLINEAR, UNKNOWN),
        CLAIM(tw_sigmoid(x), NONLINEAR, UNKNOWN), CLAIM(tw_softmax(x, 0), NONLINEAR, UNKNOWN),
        CLAIM(tw_prod(x, TW_ALL, false), NONLINEAR, UNKNOWN), CLAIM(tw_sort(x, 0), NONLINEAR, UNKNOWN),
        CLAIM(tw_scale(tw_abs(x), -2), NONLINEAR, CONCAVE), CLAIM(tw_mul(p, tw_abs(x)), NONLINEAR, UNKNOWN),
        CLAIM(tw_mul(tw_square(p), tw_abs(x)), NONLINEAR, CONVEX),
        CLAIM(tw_div(tw_abs(x), tw_exp(p)), NONLINEAR, CONVEX),
        CLAIM(tw_add(tw_abs(x), log_x), NONLINEAR, UNKNOWN),
        CLAIM(tw_sub(tw_abs(x), log_x), NONLINEAR, CONVEX), CLAIM(loop_of(exponential), NONLINEAR, CONVEX),
        CLAIM(loop_of(falling), NONLINEAR, CONCAVE),
        CLAIM(regularizer("linf", tw_sub(x, y)), NONLINEAR, CONVEX),
        CLAIM(regularizer("l2sq", x), QUADRATIC, CONVEX), CLAIM(regularizer("l1", big), NONLINEAR, CONVEX));
  assert_int_equal(tw_curvature_in(TW_NONE, 0, NULL), TW_CURV_UNKNOWN);
  assert_int_equal(tw_degree_in(TW_NONE, 0, NULL), TW_CONSTANT);
  assert_int_equal(tw_degree_in(x, 1, &y), TW_CONSTANT);
}

/* ------------------------------------------------------------------ random expressions */

typedef struct draws {
  uint64_t key, count;
} draws;

static int64_t pick(draws *d, int64_t n) {
  return tw_random_integer(d->key, d->count++, 0, n);
}
static double factor(draws *d) {
  return 2 * tw_random_normal(d->key, d->count++);
}

static tw_expr leaf(draws *d) {
  switch (pick(d, 6)) {
  case 0:
    return random_constant(tw_key_split(d->key, d->count++), TW_SHAPE(N));
  case 1:
    return tw_fill(graph, TW_F64, TW_SHAPE(N), factor(d));
  case 2:
    return tw_cast(tw_iota(graph, TW_I64, N), TW_F64);
  case 3:
    return y;
  default:
    return x;
  }
}

static tw_expr spread(tw_expr scalar) {
  return tw_broadcast(scalar, TW_SHAPE(N));
}

static tw_expr random_loop(draws *d, tw_expr a, tw_expr b) {
  const tw_expr k = tw_input(graph, "k", TW_I64, TW_SCALAR), ak = tw_take(a, 1, &k), bk = tw_take(b, 1, &k);
  const tw_expr weight = plus(tw_cast(k, TW_F64), pick(d, 2) ? 1 : -1);
  const tw_expr body = pick(d, 2) ? tw_add(tw_mul(weight, ak), tw_square(bk)) : tw_mul(ak, bk);
  return pick(d, 2) ? tw_loop_stack(k, N, body) : spread(tw_loop_sum(k, N, body));
}

static tw_expr random_unary(draws *d, tw_expr a) {
  static tw_expr (*const functions[])(tw_expr) = {
      tw_neg,        tw_square, tw_abs, tw_exp,     tw_relu,  tw_softplus, tw_sqrt,         tw_log,
      tw_reciprocal, tw_cosh,   tw_sin, tw_sigmoid, tw_expm1, tw_log1p,    tw_stop_gradient};
  static const double powers[] = {-1, -2, 0, 0.5, 1, 1.5, 3, 4, 2.5, 6, -0.5};
  const int64_t which = pick(d, 22);
  if (which < 15) return functions[which](a);
  switch (which) {
  case 15:
    return tw_pow(a, number(powers[pick(d, 11)]));
  case 16:
    return tw_pow(number(fabs(factor(d)) + 0.1), a);
  case 17:
    return spread(tw_logsumexp(a, TW_ALL, false));
  case 18:
    return spread(tw_reduce_max(a, TW_ALL, false));
  case 19:
    return spread(tw_reduce_min(a, TW_ALL, false));
  case 20:
    return spread(tw_norm(a, TW_ALL, false));
  default:
    return tw_cumsum(a, 0, pick(d, 2));
  }
}

static tw_expr random_binary(draws *d, tw_expr a, tw_expr b) {
  const tw_expr mask = tw_gt(random_constant(tw_key_split(d->key, d->count++), TW_SHAPE(N)), number(0));
  const tw_expr parts[2] = {tw_slice(a, 0, 0, 1, 1), tw_slice(b, 0, 1, 2, 1)};
  switch (pick(d, 10)) {
  case 0:
  case 1:
    return tw_add(a, b);
  case 2:
    return tw_sub(a, b);
  case 3:
    return tw_mul(a, b);
  case 4:
    return tw_div(a, b);
  case 5:
    return tw_maximum(a, b);
  case 6:
    return tw_minimum(a, b);
  case 7:
    return tw_where(mask, a, b);
  case 8:
    return tw_concat(2, parts, 0);
  default:
    return random_loop(d, a, b);
  }
}

static tw_expr random_expression(draws *d, int depth) {
  if (depth == 0 || pick(d, 8) == 0) return leaf(d);
  const tw_expr a = random_expression(d, depth - 1);
  switch (pick(d, 6)) {
  case 0:
    return tw_scale(a, factor(d));
  case 1:
    return tw_matmul(random_constant(tw_key_split(d->key, d->count++), TW_SHAPE(N, N)), a);
  case 2:
  case 3:
    return random_unary(d, a);
  default:
    return random_binary(d, a, random_expression(d, depth - 1));
  }
}

typedef struct function {
  tw_fn *fn;
  tw_work *work;
} function;

static double value_at(const function *f, const double *p) {
  double out = NAN;
  tw_error error;
  if (tw_fn_call(f->fn, f->work, (const void *[]){p, p + N}, (void *[]){&out}, 0, &error) != TW_OK)
    fail_msg("%s", error.message);
  return out;
}

/* f at k points from a to b, and the largest of them in size. */
static double along(const function *f, const double *a, const double *b, int k, double *value) {
  double p[2 * N], most = 0;
  for (int i = 0; i < k; i++) {
    const double t = (double)i / (k - 1);
    for (int j = 0; j < 2 * N; j++) p[j] = (1 - t) * a[j] + t * b[j];
    value[i] = value_at(f, p);
    most = fmax(most, fabs(value[i]));
  }
  return most;
}

/* A polynomial of degree d has no difference of order d + 1. */
static void check_degree(const function *f, tw_degree degree, const double *a, const double *b,
                         uint64_t seed) {
  double v[4];
  const double most = along(f, a, b, 4, v);
  if (degree == TW_NONLINEAR || !isfinite(v[0] + v[1] + v[2] + v[3])) return;
  for (int order = 0; order <= (int)degree; order++)
    for (int i = 0; i + 1 < 4 - order; i++) v[i] = v[i + 1] - v[i];
  for (int i = 0; i < 3 - (int)degree; i++)
    if (!(fabs(v[i]) <= 1e-9 * most))
      fail_msg("expression %llu: degree %d, %g", (unsigned long long)seed, (int)degree, v[i]);
}

/* Below every chord between points where it is defined; defined between them. */
static void check_curvature(const function *f, tw_curvature curvature, const double *a, const double *b,
                            uint64_t seed) {
  double v[5], most = along(f, a, b, 5, v);
  if (curvature == TW_CURV_UNKNOWN || !isfinite(v[0]) || !isfinite(v[4])) return;
  for (int i = 1; i < 4; i++) {
    const double chord = ((4 - i) * v[0] + i * v[4]) / 4;
    const double gap = curvature == TW_CURV_CONCAVE ? chord - v[i] : v[i] - chord;
    const bool holds = gap <= 1e-9 * most && (curvature != TW_CURV_AFFINE || -gap <= 1e-9 * most);
    if (!holds)
      fail_msg("expression %llu: curvature %d, off by %g of %g", (unsigned long long)seed, (int)curvature,
               gap, most);
  }
}

typedef struct tally {
  int degree[TW_NONLINEAR + 1], curvature[TW_CURV_CONCAVE + 1];
} tally;

/* One random scalar: its facts as claimed for points in the sampled set, checked. */
static void check_random(uint64_t seed, bool nonneg, tally *count) {
  tw_error error = {0};
  draws d = {tw_key_split(seed, 1), 0};
  reopen_model();
  x = variable("x", N);
  y = variable("y", N);
  const tw_expr inputs[2] = {x, y}, e = total(random_expression(&d, 4));
  tw_degree degree = tw_degree_in(e, 2, inputs);
  tw_curvature curvature = tw_curvature_in(e, 2, inputs);
  if (nonneg) { /* with signs, as a problem knows them */
    tw_class cls;
    for (int i = 0; i < 2; i++) tw_problem_bounds(problem, inputs[i], number(0), TW_NONE);
    tw_problem_minimize(problem, NULL, e);
    if (tw_classify(problem, &cls, &error) != TW_OK)
      fail_msg("expression %llu: %s", (unsigned long long)seed, error.message);
    degree = cls.objective;
    curvature = cls.convex ? TW_CURV_CONVEX : TW_CURV_UNKNOWN;
  }
  count->degree[degree]++;
  count->curvature[curvature]++;
  function f;
  if (tw_fn_new(&f.fn, 2, inputs, 1, &e, NULL, &error) != TW_OK) fail_msg("%s", error.message);
  assert_ok(tw_work_new(&f.work, f.fn, &error));
  for (uint64_t k = 0; k < 12; k++) {
    double a[2 * N], b[2 * N];
    for (uint64_t i = 0; i < 2 * N; i++) {
      const double scale = k % 3 == 2 ? 0.1 : 1.5;
      a[i] = scale * tw_random_normal(2 * k + 1, i);
      b[i] = scale * tw_random_normal(2 * k + 2, i);
      if (nonneg || k % 4 == 3) a[i] = fabs(a[i]), b[i] = fabs(b[i]);
    }
    check_degree(&f, degree, a, b, seed);
    check_curvature(&f, curvature, a, b, seed);
  }
  tw_work_free(f.work);
  tw_fn_free(f.fn);
}

static void claims_hold_on_samples(void **state) {
  (void)state;
  tally count = {0};
  for (uint64_t seed = 0; seed < 3000; seed++) check_random(seed, false, &count);
  for (int i = 0; i <= TW_NONLINEAR; i++) assert_true(count.degree[i] >= 20);
  for (int i = 0; i <= TW_CURV_CONCAVE; i++) assert_true(count.curvature[i] >= 50);
}

static void claims_hold_on_nonnegative_samples(void **state) {
  (void)state;
  tally count = {0};
  for (uint64_t seed = 5000; seed < 7000; seed++) check_random(seed, true, &count);
  assert_true(count.curvature[TW_CURV_CONVEX] >= 200);
}

#define WITH_INPUTS(name) cmocka_unit_test_setup_teardown(name, open_inputs, close_model)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_INPUTS(linear_expressions),
      WITH_INPUTS(quadratic_expressions),
      WITH_INPUTS(disciplined_expressions),
      WITH_INPUTS(claims_hold_on_samples),
      WITH_INPUTS(claims_hold_on_nonnegative_samples),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
