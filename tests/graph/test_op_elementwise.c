/* Element-wise ops: values against the C library and plain loops, broadcasting, promotion, edge cases, derivatives
 * at the points where they are delicate. */
#include "evaluate.h"

static tw_graph *graph;

static int graph_open(void **state) {
  (void)state;
  graph = tw_graph_new();
  return graph ? 0 : -1;
}

static int graph_close(void **state) {
  (void)state;
  tw_graph_free(graph);
  return 0;
}

/* ------------------------------------------------------------------ functions against the C library */

static double sigmoid_reference(double x) {
  return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double softplus_reference(double x) {
  return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double sign_reference(double x) {
  return x > 0 ? 1 : x < 0 ? -1 : x;
}

static double square_reference(double x) {
  return x * x;
}

static double reciprocal_reference(double x) {
  return 1 / x;
}

static double relu_reference(double x) {
  return x <= 0 ? 0 : x;
}

static double negative(double x) {
  return -x;
}

typedef struct function {
  const char *name;
  tw_expr (*build)(tw_expr x);
  double (*reference)(double x);
} function;

static const function functions[] = {
    {"neg", tw_neg, negative},
    {"abs", tw_abs, fabs},
    {"sign", tw_sign, sign_reference},
    {"square", tw_square, square_reference},
    {"relu", tw_relu, relu_reference},
    {"floor", tw_floor, floor},
    {"ceil", tw_ceil, ceil},
    {"round", tw_round, rint},
    {"sqrt", tw_sqrt, sqrt},
    {"reciprocal", tw_reciprocal, reciprocal_reference},
    {"exp", tw_exp, exp},
    {"expm1", tw_expm1, expm1},
    {"log", tw_log, log},
    {"log1p", tw_log1p, log1p},
    {"sin", tw_sin, sin},
    {"cos", tw_cos, cos},
    {"tan", tw_tan, tan},
    {"asin", tw_asin, asin},
    {"acos", tw_acos, acos},
    {"atan", tw_atan, atan},
    {"sinh", tw_sinh, sinh},
    {"cosh", tw_cosh, cosh},
    {"tanh", tw_tanh, tanh},
    {"sigmoid", tw_sigmoid, sigmoid_reference},
    {"softplus", tw_softplus, softplus_reference},
    {"erf", tw_erf, erf},
    {"lgamma", tw_lgamma, lgamma},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions, POINTS = 4003 };

/* Special values, then magnitudes from 1e-20 to 1e20 of both signs, thick around 1. */
static double point(int64_t i) {
  static const double special[] = {0,   -0.0, 1,    -1,    0.5,    -0.5,   2,     -2,   INFINITY, -INFINITY, NAN, 1e-310,
                                   709, -709, 745,  -745,  710,    -746,   1e300, 30,   -30,      36.8,      171, 88.5,
                                   -87, -103, 1e-8, -1e-8, 0x1p52, -2.5,   3.5,   1e-5, 3.14159265358979,    22.5};
  const int64_t specials = (int64_t)(sizeof special / sizeof *special);
  if (i < specials) return special[i];
  const double sign = tw_random_uniform(11, (uint64_t)i) < 0.5 ? -1 : 1, u = tw_random_uniform(12, (uint64_t)i);
  return sign * pow(10, i % 2 ? 4 * u - 3 : 40 * u - 20);
}

static void compare_function(const function *f, tw_dtype dtype, double tolerance) {
  tw_error error = {0};
  tw_expr x = tw_input(graph, "x", dtype, TW_SHAPE(POINTS)), y = f->build(x);
  tw_array in, out;
  assert_ok(tw_array_new(&in, dtype, TW_SHAPE(POINTS), &error));
  for (int64_t i = 0; i < POINTS; i++) set_element(&in, i, point(i));
  out = evaluate_on(f->name, 1, &x, &in, y, 2);
  for (int64_t i = 0; i < POINTS; i++) {
    const double a = element(&in, i), b = element(&out, i);
    const double e = dtype == TW_F32 ? (double)(float)f->reference(a) : f->reference(a);
    /* Near a pole or beyond its precision the reference itself rounds: compare lgamma absolutely around its zeros. */
    const double floor_scale = f->build == tw_lgamma ? 1 : dtype == TW_F32 ? 1e-38 : 1e-300;
    const bool same = b == e || (b != b && e != e) || fabs(b - e) <= tolerance * fmax(fabs(e), floor_scale);
    if (!same) fail_msg("%s(%.17g) = %.17g in %s, expected %.17g", f->name, a, b, tw_dtype_get(dtype)->name, e);
  }
  tw_array_free(&in);
  tw_array_free(&out);
}

static void test_functions(void **state) {
  (void)state;
  for (int k = 0; k < FUNCTIONS; k++) {
    compare_function(&functions[k], TW_F64, functions[k].build == tw_lgamma ? 5e-15 : 4e-16);
    compare_function(&functions[k], TW_F32, 3e-7);
  }
}

/* Vector loops take elements in groups with a padded rest: where an element stands must not matter. */
static void test_position(void **state) {
  (void)state;
  enum { N = 13 };
  tw_error error = {0};
  for (int k = 0; k < FUNCTIONS; k++)
    for (int d = 0; d < 2; d++) {
      const tw_dtype dtype = d ? TW_F32 : TW_F64;
      const tw_expr x = tw_input(graph, "x", dtype, TW_SHAPE(N)), one = tw_input(graph, "x", dtype, TW_SCALAR);
      tw_array in, out, single, result;
      assert_ok(tw_array_new(&in, dtype, TW_SHAPE(N), &error));
      assert_ok(tw_array_new(&single, dtype, TW_SCALAR, &error));
      for (int64_t i = 0; i < N; i++) set_element(&in, i, 0.9 * tw_random_uniform((uint64_t)k, (uint64_t)i));
      out = evaluate_on(functions[k].name, 1, &x, &in, functions[k].build(x), 1);
      for (int64_t i = 0; i < N; i++) {
        set_element(&single, 0, element(&in, i));
        result = evaluate_on(functions[k].name, 1, &one, &single, functions[k].build(one), 1);
        assert_same_bits(element(&result, 0), element(&out, i));
        tw_array_free(&result);
      }
      tw_array_free(&in);
      tw_array_free(&out);
      tw_array_free(&single);
    }
}

/* d f / d x at the number `at`. */
static double slope(tw_expr (*f)(tw_expr x), double at, int order) {
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SCALAR);
  tw_expr e = f(x);
  for (int k = 0; k < order; k++) e = tw_grad(e, x);
  tw_array value = tw_array_f64(&at, TW_SCALAR), out = evaluate_on("slope", 1, &x, &value, e, 1);
  const double result = element(&out, 0);
  tw_array_free(&out);
  return result;
}

/* psi_n(x+1) - psi_n(x) = (-1)^n n! / x^(n+1) on both sides of 0, and known values. */
static void test_polygamma(void **state) {
  (void)state;
  tw_expr x = tw_input(graph, "x", TW_F64, TW_SCALAR), psi[5];
  tw_error error = {0};
  double n_factorial = 1;
  psi[0] = tw_digamma(x);
  for (int n = 1; n < 5; n++) psi[n] = tw_grad(psi[n - 1], x);
  for (int n = 0; n < 5; n++) {
    n_factorial *= n > 0 ? n : 1;
    for (int i = 0; i < 200; i++) {
      tw_array at, a, b;
      const double t = 24 * tw_random_uniform(5, (uint64_t)i) - 12;
      assert_ok(tw_array_new(&at, TW_F64, TW_SCALAR, &error));
      set_element(&at, 0, t);
      a = evaluate_on("polygamma", 1, &x, &at, psi[n], 1);
      set_element(&at, 0, t + 1);
      b = evaluate_on("polygamma", 1, &x, &at, psi[n], 1);
      const double step = (n % 2 ? -1 : 1) * n_factorial / pow(t, n + 1);
      const double scale = fabs(element(&a, 0)) + fabs(element(&b, 0)) + fabs(step);
      /* Near a pole x's own rounding error is magnified by its distance from the pole. */
      const double distance = fmin(1, fabs(t - rint(t)));
      assert_true(fabs(element(&b, 0) - element(&a, 0) - step) <= 1e-13 * (1 + 1 / distance) * scale);
      tw_array_free(&at);
      tw_array_free(&a);
      tw_array_free(&b);
    }
  }
  assert_value(tw_digamma(VECTOR(graph, 1, 0.5, -0.5, 1e8, INFINITY)), 1e-15, -0.57721566490153286,
               -1.9635100260214235, 0.03648997397857652, 18.420680738952367, INFINITY);
  assert_close(slope(tw_digamma, 1, 1), 1.6449340668482264, 1e-14);
  assert_close(slope(tw_digamma, -0.5, 1), 8.934802200544679, 1e-14);
  assert_close(slope(tw_lgamma, 1, 3), -2.4041138063191886, 1e-14);
  assert_value(tw_digamma(VECTOR(graph, 0, -3, NAN)), 0, NAN, NAN, NAN);
}

/* ------------------------------------------------------------------ arithmetic */

static void test_integers(void **state) {
  (void)state;
  const tw_expr a = tw_cast(VECTOR(graph, 7, -7, 7, -7, 6, -6, 0), TW_I64);
  const tw_expr b = tw_cast(VECTOR(graph, 3, 3, -3, -3, 3, -3, 5), TW_I64);
  assert_value(tw_idiv(a, b), 0, 2, -3, -3, 2, 2, 2, 0);
  assert_value(tw_mod(a, b), 0, 1, 2, -2, -1, 0, 0, 0);
  assert_value(tw_div(a, b), 1e-15, 7.0 / 3, -7.0 / 3, -7.0 / 3, 7.0 / 3, 2, 2, 0);
  assert_int_equal(tw_dtype_of(tw_div(a, b)), TW_F64);
  /* Overflow wraps; the smallest integer divided by -1 is itself. */
  const tw_expr low = tw_integer(graph, INT64_MIN), minus = tw_integer(graph, -1);
  assert_value(tw_neg(low), 0, -0x1p63);
  assert_value(tw_abs(low), 0, -0x1p63);
  assert_value(tw_sub(low, tw_integer(graph, 1)), 0, 0x1p63); /* rounded by the comparison in double */
  assert_value(tw_idiv(low, minus), 0, -0x1p63);
  assert_value(tw_mod(low, minus), 0, 0);
  const tw_expr bytes = tw_cast(VECTOR(graph, 200, 100), TW_U8);
  assert_value(tw_add(bytes, bytes), 0, 144, 200);
  assert_value(tw_abs(bytes), 0, 200, 100);
  assert_value(tw_sign(bytes), 0, 1, 1);
  /* bool counts as 0 and 1. */
  const tw_expr truth = tw_gt(VECTOR(graph, 1, -1), tw_scalar(graph, 0));
  assert_value(tw_add(truth, truth), 0, 2, 0);
  assert_int_equal(tw_dtype_of(tw_add(truth, truth)), TW_I64);
  assert_value(tw_pow(a, tw_integer(graph, 3)), 0, 343, -343, 343, -343, 216, -216, 0);
  assert_value(tw_pow(a, tw_integer(graph, 0)), 0, 1, 1, 1, 1, 1, 1, 1);
  assert_int_equal(tw_dtype_of(tw_pow(a, tw_integer(graph, 5))), TW_I64);
  assert_int_equal(tw_dtype_of(tw_pow(a, b)), TW_F64);
  assert_true(tw_same(tw_floor(a), a));
}

static void test_division_by_zero(void **state) {
  (void)state;
  tw_error error = {0};
  tw_array out;
  const tw_expr a = tw_cast(VECTOR(graph, 1, 2), TW_I64), zero = tw_cast(VECTOR(graph, 1, 0), TW_I64);
  assert_fails(tw_eval(tw_idiv(a, zero), &out, &error), TW_ERR_NUMERIC, "idiv: integer division by zero (element 1");
  assert_fails(tw_eval(tw_mod(a, zero), &out, &error), TW_ERR_NUMERIC, "mod: integer division by zero");
  assert_value(tw_div(a, zero), 0, 1, INFINITY);
}

/* For floats: mod has b's sign and |mod| < |b|, idiv is an integer, and together they make up a. */
static void test_float_quotients(void **state) {
  (void)state;
  tw_error error = {0};
  const int64_t n = 3000;
  tw_array a, b;
  assert_ok(tw_array_new(&a, TW_F64, TW_SHAPE(n), &error));
  assert_ok(tw_array_new(&b, TW_F64, TW_SHAPE(n), &error));
  for (int64_t i = 0; i < n; i++) {
    set_element(&a, i, i % 3 ? 20 * tw_random_uniform(1, (uint64_t)i) - 10 : rint(20 * tw_random_uniform(1, (uint64_t)i) - 10) * 0.1);
    set_element(&b, i, i % 3 ? 4 * tw_random_uniform(2, (uint64_t)i) - 2 : i % 2 ? 0.1 : -0.1);
  }
  const tw_expr x = tw_constant(graph, &a), y = tw_constant(graph, &b);
  tw_array q = evaluate(tw_idiv(x, y)), r = evaluate(tw_mod(x, y));
  for (int64_t i = 0; i < n; i++) {
    const double d = element(&b, i), rest = element(&r, i), quotient = element(&q, i);
    assert_true(rest == 0 || (rest < 0) == (d < 0));
    assert_true(fabs(rest) <= fabs(d));
    assert_true(quotient == rint(quotient));
    assert_true(fabs(quotient * d + rest - element(&a, i)) <= 1e-14 * (1 + fabs(element(&a, i))));
  }
  tw_array_free(&a);
  tw_array_free(&b);
  tw_array_free(&q);
  tw_array_free(&r);
  const tw_expr u = VECTOR(graph, 1, -1, 5, -5, 1, INFINITY), v = VECTOR(graph, INFINITY, INFINITY, -INFINITY, 0, 0, 2);
  assert_value(tw_idiv(u, v), 0, 0, -1, -1, -INFINITY, INFINITY, INFINITY);
  assert_value(tw_mod(u, v), 0, 1, INFINITY, -INFINITY, NAN, NAN, NAN);
}

static void test_comparisons(void **state) {
  (void)state;
  const tw_expr a = VECTOR(graph, 1, 2, 3, NAN, 0), b = VECTOR(graph, 2, 2, 2, NAN, -0.0);
  assert_value(tw_lt(a, b), 0, 1, 0, 0, 0, 0);
  assert_value(tw_le(a, b), 0, 1, 1, 0, 0, 1);
  assert_value(tw_gt(a, b), 0, 0, 0, 1, 0, 0);
  assert_value(tw_ge(a, b), 0, 0, 1, 1, 0, 1);
  assert_value(tw_eq(a, b), 0, 0, 1, 0, 0, 1);
  assert_value(tw_ne(a, b), 0, 1, 0, 1, 1, 0);
  assert_value(tw_is_finite(VECTOR(graph, 1, INFINITY, -INFINITY, NAN, 1e308)), 0, 1, 0, 0, 0, 1);
  const tw_expr p = tw_gt(VECTOR(graph, 1, 1, 0, 0), tw_scalar(graph, 0.5));
  const tw_expr q = tw_gt(VECTOR(graph, 1, 0, 1, 0), tw_scalar(graph, 0.5));
  assert_value(tw_and(p, q), 0, 1, 0, 0, 0);
  assert_value(tw_or(p, q), 0, 1, 1, 1, 0);
  assert_value(tw_not(p), 0, 0, 0, 1, 1);
  assert_int_equal(tw_dtype_of(tw_lt(a, b)), TW_BOOL);
  assert_value(tw_lt(tw_integer(graph, INT64_MAX - 1), tw_integer(graph, INT64_MAX)), 0, 1);
}

static void test_extrema(void **state) {
  (void)state;
  const tw_expr a = VECTOR(graph, 1, 2, NAN, 3), b = VECTOR(graph, 2, 1, 1, NAN);
  assert_value(tw_minimum(a, b), 0, 1, 1, NAN, NAN);
  assert_value(tw_maximum(a, b), 0, 2, 2, NAN, NAN);
  /* Ties share the derivative. */
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SCALAR), y = tw_input(graph, "y", TW_F64, TW_SCALAR);
  const tw_expr dx = tw_grad(tw_maximum(x, y), x), dy = tw_grad(tw_maximum(x, y), y);
  double values[] = {2, 2};
  const tw_array at[] = {tw_array_f64(&values[0], TW_SCALAR), tw_array_f64(&values[1], TW_SCALAR)};
  for (int k = 0; k < 3; k++) {
    values[0] = 1 + k;
    tw_array gx = evaluate_on("maximum", 2, (tw_expr[]){x, y}, at, dx, 1);
    tw_array gy = evaluate_on("maximum", 2, (tw_expr[]){x, y}, at, dy, 1);
    assert_close(element(&gx, 0), 0.5 * k, 0);
    assert_close(element(&gy, 0), 1 - 0.5 * k, 0);
    tw_array_free(&gx);
    tw_array_free(&gy);
  }
}

static void test_casts(void **state) {
  (void)state;
  const tw_expr x = VECTOR(graph, 1.9, -1.9, 300, -5, 1e30, -1e30, NAN, INFINITY, 0);
  assert_value(tw_cast(x, TW_I64), 0, 1, -1, 300, -5, 0x1p63, -0x1p63, 0, 0x1p63, 0);
  assert_value(tw_cast(x, TW_I32), 0, 1, -1, 300, -5, INT32_MAX, INT32_MIN, 0, INT32_MAX, 0);
  assert_value(tw_cast(x, TW_U8), 0, 1, 0, 255, 0, 255, 0, 0, 255, 0);
  assert_value(tw_cast(x, TW_BOOL), 0, 1, 1, 1, 1, 1, 1, 1, 1, 0);
  assert_value(tw_cast(tw_cast(x, TW_F32), TW_F64), 1e-7, 1.9, -1.9, 300, -5, 1e30, -1e30, NAN, INFINITY, 0);
  for (int from = 0; from < TW_DTYPE_COUNT; from++)
    for (int to = 0; to < TW_DTYPE_COUNT; to++) {
      const tw_expr e = tw_cast(tw_cast(VECTOR(graph, 0, 1, 1), (tw_dtype)from), (tw_dtype)to);
      assert_int_equal(tw_dtype_of(e), to);
      assert_value(e, 0, 0, 1, 1);
    }
}

static void test_promotion(void **state) {
  (void)state;
  for (int a = 0; a < TW_DTYPE_COUNT; a++)
    for (int b = 0; b < TW_DTYPE_COUNT; b++) {
      const tw_expr x = tw_cast(VECTOR(graph, 1, 0), (tw_dtype)a), y = tw_cast(VECTOR(graph, 1, 1), (tw_dtype)b);
      const tw_dtype common = tw_dtype_promote((tw_dtype)a, (tw_dtype)b);
      assert_int_equal(tw_dtype_of(tw_mul(x, y)), common == TW_BOOL ? TW_I64 : common);
      assert_int_equal(tw_dtype_of(tw_where(tw_lt(x, y), x, y)), common);
      assert_int_equal(tw_dtype_of(tw_atan2(x, y)), common == TW_F32 ? TW_F32 : TW_F64);
      assert_value(tw_mul(x, y), 0, 1, 0);
      assert_value(tw_where(tw_lt(x, y), x, y), 0, 1, 0);
    }
  const tw_expr half = tw_cast(tw_scalar(graph, 0.5), TW_F32);
  assert_int_equal(tw_dtype_of(tw_scale(half, 3)), TW_F32);
  assert_int_equal(tw_dtype_of(tw_exp(tw_integer(graph, 2))), TW_F64);
}

/* ------------------------------------------------------------------ broadcasting */

/* Two or three operands of random shapes that fit, against indices worked out the slow way. */
static tw_shape random_part(tw_shape whole, uint64_t key) {
  tw_shape part = {0};
  const int drop = (int)tw_random_integer(key, 0, 0, whole.rank);
  for (int k = drop; k < whole.rank; k++)
    part.dim[part.rank++] = tw_random_uniform(key, (uint64_t)k + 1) < 0.4 ? 1 : whole.dim[k];
  return part;
}

static double broadcast_element(const tw_array *x, const tw_shape *whole, int64_t flat) {
  const int shift = whole->rank - x->shape.rank;
  int64_t index[TW_MAX_RANK] = {0};
  for (int k = whole->rank - 1; k >= 0; k--) {
    const int64_t i = flat % whole->dim[k];
    flat /= whole->dim[k];
    if (k >= shift) index[k - shift] = x->shape.dim[k - shift] == 1 ? 0 : i;
  }
  return tw_array_get(x, index);
}

static void check_broadcast(tw_shape whole, uint64_t key) {
  tw_error error = {0};
  tw_shape shape[3], joint = {0};
  tw_array value[3];
  tw_expr x[3];
  for (int i = 0; i < 3; i++) {
    shape[i] = random_part(whole, tw_key_split(key, (uint64_t)i));
    assert_true(tw_shape_broadcast(&joint, &shape[i], &joint));
    assert_ok(tw_array_new(&value[i], TW_F64, shape[i], &error));
    tw_random_normal_fill(tw_key_split(key, 10 + (uint64_t)i), 0, (size_t)size_of(&value[i]), value[i].data);
    x[i] = tw_input(graph, "x", TW_F64, shape[i]);
  }
  const tw_expr condition = tw_gt(x[0], tw_scalar(graph, 0));
  tw_array chosen = evaluate_on("where", 3, x, value, tw_where(condition, x[1], x[2]), 2);
  tw_array summed = evaluate_on("add", 3, x, value, tw_sub(tw_sub(x[0], x[1]), x[2]), 2);
  tw_array angle = evaluate_on("atan2", 3, x, value, tw_broadcast(tw_atan2(x[0], x[1]), joint), 2);
  tw_array copy = evaluate_on("broadcast", 3, x, value, tw_broadcast(x[1], joint), 2);
  assert_true(tw_shape_equal(&chosen.shape, &joint) && tw_shape_equal(&summed.shape, &joint));
  for (int64_t i = 0; i < size_of(&chosen); i++) {
    double v[3];
    for (int k = 0; k < 3; k++) v[k] = broadcast_element(&value[k], &joint, i);
    assert_same_bits(element(&chosen, i), v[0] > 0 ? v[1] : v[2]);
    assert_same_bits(element(&summed, i), v[0] - v[1] - v[2]);
    assert_same_bits(element(&copy, i), v[1]);
    assert_close(element(&angle, i), atan2(v[0], v[1]), 1e-15);
  }
  for (int i = 0; i < 3; i++) tw_array_free(&value[i]);
  tw_array_free(&chosen);
  tw_array_free(&summed);
  tw_array_free(&angle);
  tw_array_free(&copy);
}

static void test_broadcasting(void **state) {
  (void)state;
  for (uint64_t trial = 0; trial < 150; trial++) {
    tw_shape whole = {.rank = (int)tw_random_integer(1, trial, 0, 4)};
    for (int k = 0; k < whole.rank; k++) whole.dim[k] = tw_random_integer(2, 8 * trial + (uint64_t)k, trial % 10 ? 1 : 0, 5);
    check_broadcast(whole, 100 + trial);
  }
  for (uint64_t trial = 0; trial < 12; trial++) check_broadcast(TW_SHAPE(37, 50, 41), 1000 + trial); /* several tiles */
}

static void test_threads(void **state) {
  (void)state;
  tw_error error = {0};
  tw_array value[2];
  tw_expr x[2];
  const tw_shape shape[] = {TW_SHAPE(211, 1009), TW_SHAPE(1009)};
  for (int i = 0; i < 2; i++) {
    assert_ok(tw_array_new(&value[i], TW_F64, shape[i], &error));
    tw_random_uniform_fill(77, 0, (size_t)size_of(&value[i]), value[i].data);
    x[i] = tw_input(graph, "x", TW_F64, shape[i]);
  }
  const tw_expr e = tw_add(tw_pow(x[0], x[1]), tw_exp(tw_sin(tw_mul(x[0], x[1]))));
  tw_array one = evaluate_on("threads", 2, x, value, e, 1);
  for (int threads = 2; threads < 5; threads++) {
    tw_array many = evaluate_on("threads", 2, x, value, e, threads);
    assert_memory_equal(one.data, many.data, (size_t)size_of(&one) * sizeof(double));
    tw_array_free(&many);
  }
  tw_array_free(&one);
  tw_array_free(&value[0]);
  tw_array_free(&value[1]);
}

/* ------------------------------------------------------------------ derivatives where they are delicate */

static tw_expr square_by_pow(tw_expr x) {
  return tw_pow(x, tw_scalar(graph, 2));
}
static tw_expr power_of_two_and_half(tw_expr x) {
  return tw_pow(x, tw_scalar(graph, 2.5));
}
static tw_expr fifth(tw_expr x) {
  return tw_pow(x, tw_scalar(graph, 5));
}
static tw_expr zero_to_the(tw_expr x) {
  return tw_pow(tw_scalar(graph, 0), x);
}
static tw_expr guarded_root(tw_expr x) {
  return tw_where(tw_gt(x, tw_scalar(graph, 0)), tw_sqrt(x), tw_scalar(graph, 0));
}
static tw_expr guarded_chain(tw_expr x) {
  return tw_sum(tw_where(tw_lt(x, tw_scalar(graph, 0)), tw_scalar(graph, 0), tw_exp(tw_sqrt(tw_log(x)))), TW_ALL, false);
}
static tw_expr stopped(tw_expr x) {
  return tw_mul(x, tw_stop_gradient(x));
}

static void test_delicate_derivatives(void **state) {
  (void)state;
  assert_close(slope(square_by_pow, 0, 1), 0, 0);
  assert_close(slope(square_by_pow, -3, 1), -6, 0);
  assert_close(slope(square_by_pow, 0, 2), 2, 0);
  assert_close(slope(power_of_two_and_half, 0, 1), 0, 0);
  assert_close(slope(power_of_two_and_half, 0, 2), 0, 0);
  assert_close(slope(fifth, -2, 3), 240, 1e-14);
  assert_close(slope(fifth, 0, 5), 120, 1e-14);
  assert_close(slope(zero_to_the, 2, 1), 0, 0);
  assert_close(slope(guarded_root, -1, 1), 0, 0); /* the branch not taken has slope NaN there */
  assert_close(slope(guarded_root, 0, 1), 0, 0);  /* and an infinite one there */
  assert_close(slope(guarded_chain, -1, 1), 0, 0);
  assert_close(slope(guarded_chain, M_E, 1), 0.5, 1e-15);
  assert_close(slope(guarded_root, 4, 1), 0.25, 0);
  assert_close(slope(tw_abs, 0, 1), 0, 0);
  assert_close(slope(tw_relu, 0, 1), 0, 0);
  assert_close(slope(stopped, 3, 1), 3, 0);
  assert_close(slope(tw_sigmoid, -800, 1), 0, 0);
  assert_close(slope(tw_softplus, 800, 1), 1, 0);
  assert_close(slope(tw_expm1, -40, 1), exp(-40), 0);
  assert_close(slope(tw_tanh, 700, 2), 0, 0);
}

/* a^b at a = b = 0 for a base and an exponent that both vary. */
static void test_power_at_zero(void **state) {
  (void)state;
  const tw_expr x[] = {tw_input(graph, "a", TW_F64, TW_SCALAR), tw_input(graph, "b", TW_F64, TW_SCALAR)};
  const tw_expr power = tw_pow(x[0], x[1]);
  static const double at[][4] = {{0, 0, 0, 0}, {0, 2, 0, 0}, {2, 3, 12, 5.545177444479562}, {-2, 2, -4, 0}, {0, 1, 1, 0}};
  for (int k = 0; k < 5; k++) {
    double v[] = {at[k][0], at[k][1]};
    const tw_array value[] = {tw_array_f64(&v[0], TW_SCALAR), tw_array_f64(&v[1], TW_SCALAR)};
    tw_array da = evaluate_on("pow", 2, x, value, tw_grad(power, x[0]), 1);
    tw_array db = evaluate_on("pow", 2, x, value, tw_grad(power, x[1]), 1);
    assert_close(element(&da, 0), at[k][2], 1e-15);
    assert_close(element(&db, 0), at[k][3], 1e-15);
    tw_array_free(&da);
    tw_array_free(&db);
  }
  assert_value(tw_pow(VECTOR(graph, 0, NAN, 2, -8, 0), VECTOR(graph, 0, 0, -1, 1.0 / 3, -1)), 1e-15, 1, 1, 0.5, NAN,
               INFINITY);
}

/* ------------------------------------------------------------------ structure */

static void test_simplification(void **state) {
  (void)state;
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(3)), i = tw_input(graph, "i", TW_I64, TW_SHAPE(3));
  const tw_expr m = tw_input(graph, "m", TW_F64, TW_SHAPE(4, 3)), c = tw_input(graph, "c", TW_BOOL, TW_SHAPE(3));
  const tw_expr zero = tw_scalar(graph, 0), one = tw_scalar(graph, 1), two = tw_scalar(graph, 2);
  assert_true(tw_same(tw_add(x, zero), x));
  assert_true(tw_same(tw_add(zero, x), x));
  assert_true(tw_same(tw_sub(x, zero), x));
  assert_true(tw_same(tw_sub(zero, x), tw_neg(x)));
  assert_true(tw_same(tw_mul(one, x), x));
  assert_true(tw_same(tw_mul(x, tw_scalar(graph, -1)), tw_neg(x)));
  assert_true(tw_same(tw_div(x, one), x));
  assert_true(tw_same(tw_div(one, x), tw_reciprocal(x)));
  assert_true(tw_same(tw_neg(tw_neg(x)), x));
  assert_true(tw_same(tw_not(tw_not(c)), c));
  assert_true(tw_same(tw_sub(x, tw_neg(m)), tw_add(x, m)));
  assert_true(tw_same(tw_mul(x, x), tw_square(x)));
  assert_true(tw_same(tw_pow(x, two), tw_square(x)));
  assert_true(tw_same(tw_pow(x, one), x));
  assert_true(tw_same(tw_pow(x, tw_scalar(graph, 0.5)), tw_sqrt(x)));
  assert_true(tw_same(tw_pow(x, tw_scalar(graph, -1)), tw_reciprocal(x)));
  assert_true(tw_same(tw_pow(x, zero), tw_ones_like(x)));
  assert_true(tw_same(tw_cast(x, TW_F64), x));
  assert_true(tw_same(tw_maximum(x, x), x));
  assert_true(tw_same(tw_where(tw_gt(one, zero), x, m), tw_broadcast(x, TW_SHAPE(4, 3))));
  assert_true(tw_same(tw_where(c, x, x), x));
  assert_true(tw_same(tw_add(x, m), tw_add(m, x)));
  /* 0 x is 0 only where x is known to be finite. */
  assert_true(tw_same(tw_mul(i, tw_integer(graph, 0)), tw_zeros_like(i)));
  assert_false(tw_same(tw_mul(x, zero), tw_zeros_like(x)));
  assert_value(tw_mul(VECTOR(graph, NAN, INFINITY, 1), zero), 0, NAN, NAN, 0);
  /* Neutral elements do not lose the shape. */
  assert_true(tw_same(tw_add(x, tw_fill(graph, TW_F64, TW_SHAPE(4, 3), 0)), tw_broadcast(x, TW_SHAPE(4, 3))));
  /* Repetition is put off to the end, or dropped where the other operand repeats anyway. */
  const tw_expr repeated = tw_broadcast(x, TW_SHAPE(4, 3));
  assert_true(tw_same(tw_exp(repeated), tw_broadcast(tw_exp(x), TW_SHAPE(4, 3))));
  assert_true(tw_same(tw_mul(repeated, m), tw_mul(x, m)));
  assert_true(tw_same(tw_mul(tw_fill(graph, TW_F64, TW_SHAPE(4, 3), 2), m), tw_scale(m, 2)));
  assert_true(tw_same(tw_add(tw_fill(graph, TW_F64, TW_SHAPE(5, 7), 2), tw_fill(graph, TW_F64, TW_SHAPE(7), 3)),
                      tw_fill(graph, TW_F64, TW_SHAPE(5, 7), 5)));
}

static void test_refusals(void **state) {
  (void)state;
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(3, 4)), y = tw_input(graph, "y", TW_F64, TW_SHAPE(5));
  tw_graph *other = tw_graph_new();
  assert_refused(graph, tw_add(x, y), TW_ERR_SHAPE, "add: shapes [3, 4] and [5] do not broadcast");
  assert_refused(graph, tw_where(tw_gt(x, x), x, y), TW_ERR_SHAPE, "where: shapes [3, 4] and [5]");
  assert_refused(graph, tw_mul(x, TW_NONE), TW_ERR_ARGUMENT, "mul: operand 2 is no expression");
  assert_refused(graph, tw_add(x, tw_scalar(other, 1)), TW_ERR_ARGUMENT, "add: operand 2 belongs to another graph");
  assert_refused(graph, tw_cast(x, (tw_dtype)77), TW_ERR_DTYPE, "cast: no dtype has number 77");
  const int64_t large = (int64_t)1 << 40;
  assert_refused(graph, tw_add(tw_input(graph, "a", TW_F64, TW_SHAPE(large, 1)), tw_input(graph, "b", TW_F64, TW_SHAPE(large))),
                 TW_ERR_SHAPE, "add: shape [1099511627776, 1099511627776] has");
  assert_true(tw_is_none(tw_exp(TW_NONE)));
  assert_int_equal(tw_graph_status(graph), TW_OK);
  /* After a failure builders do nothing. */
  (void)tw_add(x, y);
  assert_true(tw_is_none(tw_add(x, x)));
  assert_string_equal(tw_graph_message(graph), "add: shapes [3, 4] and [5] do not broadcast");
  tw_graph_clear(graph);
  tw_graph_free(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, graph_open, graph_close)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_functions),            TEST(test_position),         TEST(test_polygamma),
      TEST(test_integers),             TEST(test_division_by_zero), TEST(test_float_quotients),
      TEST(test_comparisons),          TEST(test_extrema),          TEST(test_casts),
      TEST(test_promotion),            TEST(test_broadcasting),     TEST(test_threads),
      TEST(test_delicate_derivatives), TEST(test_power_at_zero),    TEST(test_simplification),
      TEST(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
