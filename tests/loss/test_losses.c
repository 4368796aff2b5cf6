/* Losses and objectives: values in closed form, gradients and Hessians against differences, stable at extreme scores, kept in single
 * precision; Fenchel-Young losses are never negative and 0 where the argmax is the label. */
#include "domain/call.h"

#include <talweg/loss.h>

#include "graph/graph_fixture.h"

static double normal(uint64_t key, int64_t i) {
  return tw_random_normal(key, (uint64_t)i);
}

/* ------------------------------------------------------------------ derivatives against differences */

enum { MOST = 32 };

/* Gradient and Hessian of a scalar in each of its inputs, at random points. */
static void differentiate(const char *label, int n, const tw_expr *in, tw_expr value) {
  call c = call_open(label, n, in, value);
  double store[4][MOST], *at[4];
  for (int k = 0; k < n; k++) at[k] = store[k];
  for (int k = 0; k < n; k++) {
    const int64_t size = tw_size_of(in[k]);
    const tw_expr g = tw_grad(value, in[k]);
    call gradient = call_open(label, n, in, g), hessian = call_open(label, n, in, tw_hessian(value, in[k]));
    for (uint64_t key = 0; key < 6; key++) {
      double slope, column[MOST], *h = tw_alloc((size_t)(size * size), sizeof *h), found[MOST];
      for (int j = 0; j < n; j++)
        for (int64_t i = 0; i < tw_size_of(in[j]); i++)
          store[j][i] = tw_size_of(in[j]) == 1 ? 0.5 + 0.1 * (double)key : normal(key, 10 * j + i);
      call_at(&gradient, (const double *const *)at, found);
      call_at(&hessian, (const double *const *)at, h);
      for (int64_t i = 0; i < size; i++) {
        call_difference(&c, at, k, i, 1e-6, &slope);
        if (!(fabs(found[i] - slope) <= 1e-7 * fmax(1, fabs(slope))))
          fail_msg("%s: input %d[%d]: %g, %g", label, k, (int)i, found[i], slope);
        call_difference(&gradient, at, k, i, 1e-6, column);
        for (int64_t j = 0; j < size; j++) assert_close(h[j * size + i], column[j], 1e-6);
      }
      free(h);
    }
    call_close(&gradient);
    call_close(&hessian);
  }
  call_close(&c);
}

typedef tw_expr of_margin(tw_expr);
static of_margin *const margins[] = {tw_loss_logistic,  tw_loss_hinge,  tw_loss_perceptron,
                                     tw_loss_sparsemax, tw_sparse_plus, tw_sparse_sigmoid};

typedef tw_expr of_scores(tw_expr, tw_expr);
static of_scores *const classes[] = {tw_loss_multiclass_logistic, tw_loss_multiclass_hinge, tw_loss_multiclass_perceptron,
                                     tw_loss_multiclass_sparsemax};

static tw_expr labels_of(const int64_t *value, int64_t n) {
  const tw_array array = tw_array_view((void *)(uintptr_t)value, TW_I64, TW_SHAPE(n));
  return tw_constant(graph, &array);
}

static tw_expr squares(tw_expr x) {
  return tw_sum(tw_mul(x, tw_add(x, tw_scalar(x.graph, 1))), TW_ALL, false);
}

static void losses_are_differentiable(void **state) {
  (void)state;
  const tw_expr m = tw_input(graph, "m", TW_F64, TW_SHAPE(5)), s = tw_input(graph, "s", TW_F64, TW_SHAPE(3, 4));
  const tw_expr y = labels_of((int64_t[]){2, 0, 3}, 3), delta = tw_input(graph, "delta", TW_F64, TW_SCALAR);
  for (size_t k = 0; k < sizeof margins / sizeof *margins; k++) differentiate("margin", 1, &m, squares(margins[k](m)));
  for (size_t k = 0; k < sizeof classes / sizeof *classes; k++) differentiate("classes", 1, &s, squares(classes[k](s, y)));
  differentiate("huber", 2, (tw_expr[]){m, delta}, squares(tw_loss_huber(m, delta)));
  differentiate("sparsemax", 1, &s, squares(tw_sparsemax(s, 0)));
  const tw_expr z = tw_input(graph, "z", TW_F64, TW_SCALAR);
  call gap = call_open("sparse_plus", 1, &z, tw_sub(tw_grad(tw_sparse_plus(z), z), tw_sparse_sigmoid(z)));
  for (int i = -30; i <= 30; i++) {
    double out, at = i / 10.0;
    call_on(&gap, &at, &out);
    assert_close(out, 0, 1e-15);
  }
  call_close(&gap);
}

/* ------------------------------------------------------------------ closed forms */

static double value_of(tw_expr e) {
  tw_array out = evaluate(e);
  const double x = element(&out, 0);
  tw_array_free(&out);
  return x;
}

static void closed_forms(void **state) {
  (void)state;
  const tw_expr far = tw_scalar(graph, 800), y = tw_integer(graph, 1);
  assert_close(value_of(tw_loss_logistic(far)), 0, 0);
  assert_close(value_of(tw_loss_logistic(tw_neg(far))), 800, 0);
  assert_true(value_of(tw_loss_logistic(tw_scalar(graph, 40))) > 0);
  assert_close(value_of(tw_margin(tw_integer(graph, 0), far)), -800, 0);
  assert_close(value_of(tw_margin(y, far)), 800, 0);
  assert_close(value_of(tw_loss_multiclass_logistic(VECTOR(graph, 1e5, 1e5 + 1), y)), log1p(exp(-1)), 1e-14);
  assert_close(value_of(tw_loss_multiclass_logistic(VECTOR(graph, 3, 3, 3), y)), log(3), 1e-15);
  assert_close(value_of(tw_loss_multiclass_hinge(VECTOR(graph, 1, 3, 2.5), y)), 0.5, 1e-15);
  assert_close(value_of(tw_loss_multiclass_hinge(VECTOR(graph, 1, 3, 2), y)), 0, 0);
  assert_close(value_of(tw_loss_multiclass_perceptron(VECTOR(graph, 1, 3, 5), y)), 2, 0);
  assert_close(value_of(tw_loss_multiclass_sparsemax(VECTOR(graph, 0, 1, -3), y)), 0, 1e-16); /* a margin of 1 is enough */
  assert_close(value_of(tw_loss_multiclass_sparsemax(VECTOR(graph, 1e8, 1e8 + 0.5), y)), 0.0625, 1e-15);
  /* two classes are one margin */
  for (int i = -20; i <= 20; i++) {
    const tw_expr m = tw_scalar(graph, i / 7.0), pair = VECTOR(graph, 0, i / 7.0);
    assert_close(value_of(tw_loss_multiclass_logistic(pair, y)), value_of(tw_loss_logistic(m)), 1e-15);
    assert_close(value_of(tw_loss_multiclass_sparsemax(pair, y)), value_of(tw_loss_sparsemax(m)), 1e-15);
    assert_close(value_of(tw_loss_multiclass_hinge(pair, y)), value_of(tw_loss_hinge(m)), 1e-15);
    assert_close(value_of(tw_loss_multiclass_perceptron(pair, y)), value_of(tw_loss_perceptron(m)), 1e-15);
  }
}

static void single_precision(void **state) {
  (void)state;
  const tw_expr m = tw_input(graph, "m", TW_F32, TW_SHAPE(5)), s = tw_input(graph, "s", TW_F32, TW_SHAPE(3, 4));
  const tw_expr y = labels_of((int64_t[]){2, 0, 3}, 3);
  for (size_t k = 0; k < sizeof margins / sizeof *margins; k++) assert_int_equal(tw_dtype_of(margins[k](m)), TW_F32);
  for (size_t k = 0; k < sizeof classes / sizeof *classes; k++) assert_int_equal(tw_dtype_of(classes[k](s, y)), TW_F32);
  assert_int_equal(tw_dtype_of(tw_margin(tw_fill(graph, TW_I64, TW_SHAPE(5), 1), m)), TW_F32);
}

static void mistakes(void **state) {
  (void)state;
  const tw_expr s = tw_input(graph, "s", TW_F64, TW_SHAPE(3, 4)), y = labels_of((int64_t[]){2, 0}, 2);
  for (size_t k = 0; k < sizeof classes / sizeof *classes; k++) assert_refused(graph, classes[k](s, y), TW_ERR_SHAPE, "labels");
  assert_refused(graph, tw_sparsemax(s, 2), TW_ERR_SHAPE, "axis 2");
  assert_refused(graph, tw_sparsemax(tw_scalar(graph, 1), 0), TW_ERR_SHAPE, "sparsemax");
  assert_refused(graph, tw_with_gradient(tw_sum(s, 1, false), s, s), TW_ERR_SHAPE, "with_gradient");
  assert_refused(graph, tw_fenchel_young(tw_sum(s, TW_ALL, false), s, y), TW_ERR_SHAPE, "y has shape [2]");
  const tw_expr bad = tw_loss_multiclass_hinge(s, labels_of((int64_t[]){2, 0, 4}, 3));
  tw_fn *fn;
  tw_work *work;
  tw_error error = {0};
  double at[12] = {0}, out[3];
  assert_ok(tw_fn_new(&fn, 1, &s, 1, &bad, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  assert_fails(tw_fn_call(fn, work, (const void *[]){at}, (void *[]){out}, 0, &error), TW_ERR_RANGE, "4");
  tw_work_free(work);
  tw_fn_free(fn);
}

/* ------------------------------------------------------------------ Fenchel-Young */

enum { K = 4 };

/* sum p log p and |p|^2 / 2 of points of the simplex, for F = logsumexp and <p, s> - |p|^2 / 2 at p = sparsemax(s). */
static double omega(bool entropy, const double *y) {
  double sum = 0;
  for (int i = 0; i < K; i++) sum += entropy ? (y[i] > 0 ? y[i] * log(y[i]) : 0) : y[i] * y[i] / 2;
  return sum;
}

static void fenchel_young(void **state) {
  (void)state;
  for (int entropy = 0; entropy < 2; entropy++) {
    const tw_expr in[2] = {tw_input(graph, "s", TW_F64, TW_SHAPE(K)), tw_input(graph, "y", TW_F64, TW_SHAPE(K))};
    const tw_expr p = entropy ? tw_softmax(in[0], 0) : tw_sparsemax(in[0], 0);
    const tw_expr max = entropy ? tw_logsumexp(in[0], TW_ALL, false)
                                : tw_sub(tw_dot(p, in[0]), tw_scale(tw_sum(tw_square(p), TW_ALL, false), 0.5));
    const tw_expr loss = tw_fenchel_young(max, in[0], in[1]);
    const tw_expr danskin = tw_fenchel_young(tw_with_gradient(max, in[0], p), in[0], in[1]);
    call c = call_open("loss", 2, in, loss), argmax = call_open("argmax", 2, in, p);
    const tw_expr first = tw_sub(tw_grad(loss, in[0]), tw_grad(danskin, in[0]));
    const tw_expr second = tw_sub(tw_hessian(loss, in[0]), tw_hessian(danskin, in[0]));
    call slope = call_open("gradient", 2, in, tw_sub(tw_grad(danskin, in[0]), tw_sub(p, in[1])));
    call gap = call_open("first", 2, in, first), bend = call_open("second", 2, in, second);
    for (uint64_t key = 0; key < 40; key++) {
      double s[K], y[K], out[K * K], best[K], total = 0;
      for (int i = 0; i < K; i++) s[i] = 2 * normal(key, i), total += y[i] = key % 3 && i % 2 ? 0 : tw_random_uniform(key, (uint64_t)i);
      for (int i = 0; i < K; i++) y[i] /= total;
      const double *const at[2] = {s, y};
      call_at(&c, at, out);
      assert_true(out[0] + omega(entropy, y) >= -1e-14);
      call_at(&argmax, at, best);
      call_at(&c, (const double *const[]){s, best}, out);
      assert_close(out[0] + omega(entropy, best), 0, 1e-14);
      call_at(&slope, at, out);
      for (int i = 0; i < K; i++) assert_close(out[i], 0, 1e-15);
      call_at(&gap, at, out);
      for (int i = 0; i < K; i++) assert_close(out[i], 0, 1e-14);
      call_at(&bend, at, out);
      for (int i = 0; i < K * K; i++) assert_close(out[i], 0, 1e-14);
    }
    call_close(&c);
    call_close(&argmax);
    call_close(&slope);
    call_close(&gap);
    call_close(&bend);
  }
}

/* By rows, batched, and through forward mode: the derivative is the one that was given. */
static void given_gradients(void **state) {
  (void)state;
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(2, 3)), many = tw_input(graph, "many", TW_F64, TW_SHAPE(4, 2, 3));
  const tw_expr other = tw_input(graph, "other", TW_F64, TW_SHAPE(2));
  const tw_expr value = tw_mul(tw_reduce_max(x, 2, false), other), g = tw_sin(x);
  const tw_expr f = tw_with_gradient(value, x, g), t = tw_cos(x);
  tw_expr forward, batched;
  assert_int_equal(tw_jvp(1, &f, 1, &x, &t, &forward), TW_OK);
  assert_int_equal(tw_batch(1, &f, 1, &x, &many, 4, &batched), TW_OK);
  const tw_expr expected = tw_sum(tw_mul(g, t), 2, false);
  const tw_expr in[3] = {x, other, many};
  const tw_expr rows = tw_grad(tw_sum(batched, TW_ALL, false), many);
  const tw_expr parts[4] = {tw_ravel(tw_sub(forward, expected)), tw_ravel(tw_sub(f, value)), tw_ravel(tw_sub(rows, tw_sin(many))),
                            tw_ravel(tw_sub(tw_grad(tw_sum(f, TW_ALL, false), other), tw_reduce_max(x, 2, false)))};
  call gap = call_open("gap", 3, in, tw_concat(4, parts, 0));
  double a[6], b[2] = {3, -2}, m[24], out[40];
  for (int i = 0; i < 24; i++) m[i] = normal(3, i);
  for (int i = 0; i < 6; i++) a[i] = normal(4, i);
  call_at(&gap, (const double *const[]){a, b, m}, out);
  for (int64_t i = 0; i < gap.size; i++) assert_close(out[i], 0, 1e-15);
  call_close(&gap);
}

/* ------------------------------------------------------------------ objectives */

enum { ROWS = 5, COLS = 3, CLASSES = 3 };

static void objectives(void **state) {
  (void)state;
  double numbers[ROWS * COLS];
  for (int i = 0; i < ROWS * COLS; i++) numbers[i] = normal(8, i);
  const tw_array matrix = tw_array_f64(numbers, TW_SHAPE(ROWS, COLS));
  const tw_expr X = tw_constant(graph, &matrix), l2 = tw_input(graph, "l2", TW_F64, TW_SCALAR);
  const tw_expr w = tw_input(graph, "w", TW_F64, TW_SHAPE(COLS)), b = tw_input(graph, "b", TW_F64, TW_SCALAR);
  const tw_expr W = tw_input(graph, "W", TW_F64, TW_SHAPE(COLS, CLASSES)), c = tw_input(graph, "c", TW_F64, TW_SHAPE(CLASSES));
  const tw_expr y = labels_of((int64_t[]){0, 1, 1, 0, 1}, ROWS), k = labels_of((int64_t[]){0, 2, 1, 1, 2}, ROWS);
  const tw_expr target = VECTOR(graph, 1, -1, 0.5, 2, 0);
  differentiate("ridge", 2, (tw_expr[]){w, l2}, tw_ridge_regression(X, w, target, l2));
  differentiate("binary", 3, (tw_expr[]){w, b, l2}, tw_binary_logreg(X, w, b, y, l2));
  differentiate("multiclass", 3, (tw_expr[]){W, c, l2}, tw_multiclass_logreg(X, W, c, k, l2));
  differentiate("plain", 1, &W, tw_multiclass_logreg(X, W, TW_NONE, k, TW_NONE));
  /* against sums written out */
  const tw_expr scores = tw_matmul(X, w), residual = tw_sub(scores, target);
  const tw_expr half = tw_scale(tw_dot(residual, residual), 0.5 / ROWS);
  const tw_expr signs = VECTOR(graph, -1, 1, 1, -1, 1), z = tw_mul(signs, tw_add(scores, b));
  const tw_expr logistic = tw_mean(tw_log1p(tw_exp(tw_neg(z))), TW_ALL, false);
  const tw_expr penalty = tw_mul(tw_scale(l2, 0.5), tw_dot(w, w));
  const tw_expr gaps[3] = {tw_sub(tw_least_squares(X, w, target), half),
                           tw_sub(tw_ridge_regression(X, w, target, l2), tw_add(half, penalty)),
                           tw_sub(tw_binary_logreg(X, w, b, y, l2), tw_add(logistic, penalty))};
  call gap = call_open("objectives", 3, (tw_expr[]){w, b, l2}, tw_stack(3, gaps, 0));
  double at[3] = {0.3, -1, 2}, offset = 0.4, ridge = 0.7, out[3];
  call_at(&gap, (const double *const[]){at, &offset, &ridge}, out);
  for (int i = 0; i < 3; i++) assert_close(out[i], 0, 1e-15);
  call_close(&gap);
}

/* Weak duality of the multiclass SVM: min over W of mean-free hinge + l2/2 |W|^2 is at least -dual(beta) + n, with equality for
 * the W that the optimal beta gives: here at beta = Y, W = 0 where all losses are 1. */
static void svm_dual(void **state) {
  (void)state;
  double numbers[ROWS * COLS];
  for (int i = 0; i < ROWS * COLS; i++) numbers[i] = normal(9, i);
  const tw_array matrix = tw_array_f64(numbers, TW_SHAPE(ROWS, COLS));
  const tw_expr X = tw_constant(graph, &matrix), k = labels_of((int64_t[]){0, 2, 1, 1, 2}, ROWS), l2 = tw_scalar(graph, 0.8);
  const tw_expr Y = tw_cast(tw_eq(tw_expand(k, -1), tw_iota(graph, TW_I64, CLASSES)), TW_F64);
  const tw_expr raw = tw_input(graph, "raw", TW_F64, TW_SHAPE(ROWS, CLASSES)), W = tw_input(graph, "W", TW_F64, TW_SHAPE(COLS, CLASSES));
  const tw_expr beta = tw_softmax(raw, 1), own = tw_multiclass_svm_weights(X, beta, Y, l2);
  const tw_expr primal = tw_add(tw_sum(tw_loss_multiclass_hinge(tw_matmul(X, W), k), TW_ALL, false),
                                tw_mul(tw_scale(l2, 0.5), tw_sum(tw_square(W), TW_ALL, false)));
  const tw_expr gap = tw_sub(tw_add(primal, tw_multiclass_svm_dual(X, beta, Y, l2)), tw_scalar(graph, ROWS));
  const tw_expr in[2] = {raw, W};
  call duality = call_open("gap", 2, in, gap), weights = call_open("weights", 2, in, own);
  for (uint64_t key = 0; key < 50; key++) {
    double r[ROWS * CLASSES], at[COLS * CLASSES], out;
    for (int i = 0; i < ROWS * CLASSES; i++) r[i] = 3 * normal(key, i);
    for (int i = 0; i < COLS * CLASSES; i++) at[i] = normal(key, 100 + i);
    if (key % 2) call_at(&weights, (const double *const[]){r, at}, at);
    call_at(&duality, (const double *const[]){r, at}, &out);
    assert_true(out >= -1e-12);
  }
  call_close(&duality);
  call_close(&weights);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_graph, close_graph)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(losses_are_differentiable), TEST(closed_forms), TEST(single_precision), TEST(mistakes),
                                     TEST(fenchel_young), TEST(given_gradients), TEST(objectives), TEST(svm_dual)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
