/* Perturbed optimizers against closed forms: with Gumbel noise the one-hot argmax has expectation softmax(theta / sigma) and the max
 * sigma (logsumexp(theta / sigma) + Euler's constant); smoothed polynomials under normal noise. Derivatives to second order. */
#include "graph/written.h"

#include "domain/call.h"

#include <talweg/loss.h>

#include "graph/graph_fixture.h"

enum { N = 3, SAMPLES = 40000 };

static const double EULER = 0.57721566490153286061;

static tw_expr one_hot(tw_expr x) {
  return tw_cast(tw_eq(tw_expand(tw_argmax(x, 0), -1), tw_iota(x.graph, TW_I64, N)), TW_F64);
}

typedef struct pieces {
  tw_expr x, theta, sigma, key;
  tw_perturbation p;
} pieces;

static pieces parts(tw_noise noise, bool control, int64_t samples) {
  pieces q = {.x = tw_input(graph, "x", TW_F64, TW_SHAPE(N)), .theta = tw_input(graph, "theta", TW_F64, TW_SHAPE(N))};
  q.sigma = tw_input(graph, "sigma", TW_F64, TW_SCALAR);
  q.key = tw_integer(graph, 42);
  q.p = (tw_perturbation){.samples = samples, .sigma = q.sigma, .noise = noise, .control_variate = control};
  return q;
}

/* Means over so many draws are within a few hundredths. */
static void near(const char *label, int n, const tw_expr *in, const double *const *at, tw_expr found, tw_expr expected, double tolerance) {
  call a = call_open(label, n, in, found), b = call_open(label, n, in, expected);
  double x[64], y[64];
  assert_true(a.size == b.size && a.size <= 64);
  call_at(&a, at, x);
  call_at(&b, at, y);
  for (int64_t i = 0; i < a.size; i++)
    if (!(fabs(x[i] - y[i]) <= tolerance)) fail_msg("%s[%d]: %g, expected %g", label, (int)i, x[i], y[i]);
  call_close(&a);
  call_close(&b);
}

static const double theta_at[N] = {0.4, -0.3, 0.1}, sigma_at = 0.8;

static void gumbel_argmax_is_softmax(void **state) {
  (void)state;
  for (int control = 0; control < 2; control++) {
    const pieces q = parts(TW_NOISE_GUMBEL, control, SAMPLES);
    const tw_expr in[2] = {q.theta, q.sigma};
    const double *const at[2] = {theta_at, &sigma_at};
    const tw_expr y = tw_perturbed_argmax(q.x, one_hot(q.x), q.theta, q.key, &q.p), exact = tw_softmax(tw_div(q.theta, q.sigma), 0);
    near("value", 2, in, at, y, exact, 0.01);
    near("jacobian", 2, in, at, tw_jacobian(y, q.theta), tw_jacobian(exact, q.theta), 0.03);
    near("in sigma", 2, in, at, tw_jacobian(y, q.sigma), tw_jacobian(exact, q.sigma), 0.04);
    const tw_expr first = tw_slice(y, 0, 0, 1, 1), last = tw_slice(exact, 0, 0, 1, 1);
    near("hessian", 2, in, at, tw_hessian(tw_squeeze(first, 0), q.theta), tw_hessian(tw_squeeze(last, 0), q.theta), 0.15);
  }
}

/* The gradient of the max is the argmax by the same draws, bit for bit; its Hessian the argmax's Jacobian. */
static void max_has_the_argmax_as_gradient(void **state) {
  (void)state;
  const pieces q = parts(TW_NOISE_GUMBEL, false, SAMPLES);
  const tw_expr in[2] = {q.theta, q.sigma};
  const double *const at[2] = {theta_at, &sigma_at};
  const tw_expr f = tw_perturbed_max(q.x, one_hot(q.x), q.theta, q.key, &q.p);
  const tw_expr y = tw_perturbed_argmax(q.x, one_hot(q.x), q.theta, q.key, &q.p);
  const tw_expr scores = tw_div(q.theta, q.sigma), lse = tw_logsumexp(scores, TW_ALL, false);
  const tw_expr exact = tw_mul(q.sigma, tw_add(lse, tw_scalar(graph, EULER)));
  near("value", 2, in, at, f, exact, 0.02);
  near("gradient", 2, in, at, tw_grad(f, q.theta), y, 0);
  near("hessian", 2, in, at, tw_hessian(f, q.theta), tw_jacobian(y, q.theta), 1e-13);
  near("in sigma", 2, in, at, tw_grad(f, q.sigma), tw_grad(exact, q.sigma), 0.03);
}

/* E (theta + sigma Z)^3 = theta^3 + 3 theta sigma^2, element by element. */
static void smoothed_functions(void **state) {
  (void)state;
  for (int control = 0; control < 2; control++) {
    const pieces q = parts(TW_NOISE_NORMAL, control, SAMPLES);
    const tw_expr in[2] = {q.theta, q.sigma};
    const double *const at[2] = {theta_at, (double[]){0.5}};
    const tw_expr cube = tw_sum(tw_mul(q.x, tw_square(q.x)), TW_ALL, false);
    const tw_expr f = tw_perturbed_argmax(q.x, cube, q.theta, q.key, &q.p), three = tw_scalar(graph, 3);
    const tw_expr spread = tw_mul(three, tw_mul(q.theta, tw_square(q.sigma)));
    const tw_expr exact = tw_sum(tw_add(tw_mul(q.theta, tw_square(q.theta)), spread), TW_ALL, false);
    near("value", 2, in, at, f, exact, 0.02);
    near("gradient", 2, in, at, tw_grad(f, q.theta), tw_grad(exact, q.theta), 0.05);
    near("hessian", 2, in, at, tw_hessian(f, q.theta), tw_hessian(exact, q.theta), 0.3);
    near("in sigma", 2, in, at, tw_grad(f, q.sigma), tw_grad(exact, q.sigma), 0.25);
  }
}

/* The first derivative is the score-function formula on the same draws. */
static void score_function(void **state) {
  (void)state;
  enum { FEW = 50 };
  for (int noise = 0; noise < 2; noise++) {
    const pieces q = parts(noise ? TW_NOISE_NORMAL : TW_NOISE_GUMBEL, false, FEW);
    const tw_expr in[2] = {q.theta, q.sigma}, uniform = tw_uniform(q.key, TW_SHAPE(FEW, N));
    const double *const at[2] = {theta_at, &sigma_at};
    const tw_expr z = noise ? tw_normal(q.key, TW_SHAPE(FEW, N)) : tw_neg(tw_log(tw_neg(tw_log(uniform))));
    const tw_expr slope = noise ? z : tw_sub(tw_scalar(graph, 1), tw_exp(tw_neg(z)));
    const tw_expr points = tw_add(q.theta, tw_mul(q.sigma, z)), axis = tw_argmax(points, 1);
    const tw_expr y = tw_cast(tw_eq(tw_expand(axis, -1), tw_iota(graph, TW_I64, N)), TW_F64);
    const tw_expr formula = tw_div(tw_matmul(tw_matrix_transpose(y), slope), tw_scale(q.sigma, FEW));
    const tw_expr found = tw_perturbed_argmax(q.x, one_hot(q.x), q.theta, q.key, &q.p);
    near("value", 2, in, at, found, tw_mean(y, 1, false), 1e-15);
    near("jacobian", 2, in, at, tw_jacobian(found, q.theta), formula, 1e-13);
  }
}

/* The control variate lowers the variance of derivatives where f hardly changes. */
static void control_variates(void **state) {
  (void)state;
  const double small = 0.05, apart[N] = {1, 0, -1}, *const at[2] = {apart, &small};
  double size[2];
  for (int control = 0; control < 2; control++) {
    const pieces q = parts(TW_NOISE_NORMAL, control, 200);
    const tw_expr in[2] = {q.theta, q.sigma}, y = tw_perturbed_argmax(q.x, one_hot(q.x), q.theta, q.key, &q.p);
    call c = call_open("norm", 2, in, tw_norm(tw_jacobian(y, q.theta), TW_ALL, false));
    call_at(&c, at, &size[control]);
    call_close(&c);
  }
  assert_true(size[0] > 0.1);
  assert_true(size[1] == 0);
}

static void fenchel_young_learning(void **state) {
  (void)state;
  const pieces q = parts(TW_NOISE_GUMBEL, false, 500);
  const tw_expr in[2] = {q.theta, q.sigma}, y = VECTOR(graph, 0, 1, 0);
  const double *const at[2] = {theta_at, &sigma_at};
  const tw_expr f = tw_perturbed_max(q.x, one_hot(q.x), q.theta, q.key, &q.p), loss = tw_fenchel_young(f, q.theta, y);
  near("gradient", 2, in, at, tw_grad(loss, q.theta), tw_sub(tw_perturbed_argmax(q.x, one_hot(q.x), q.theta, q.key, &q.p), y), 1e-15);
}

static void mistakes_and_defaults(void **state) {
  (void)state;
  const pieces q = parts(TW_NOISE_GUMBEL, false, 100);
  const tw_perturbation negative = {.samples = -1};
  assert_refused(graph, tw_perturbed_argmax(q.theta, q.theta, tw_scalar(graph, 1), q.key, NULL), TW_ERR_ARGUMENT, "theta's shape");
  assert_refused(graph, tw_perturbed_argmax(q.x, q.x, q.theta, q.key, &negative), TW_ERR_ARGUMENT, "samples above 0");
  assert_refused(graph, tw_perturbed_max(q.x, tw_sum(q.x, TW_ALL, false), q.theta, q.key, NULL), TW_ERR_SHAPE, "differ in shape");
  const tw_expr in[1] = {q.theta}, y = tw_perturbed_argmax(q.x, one_hot(q.x), q.theta, q.key, NULL);
  near("defaults", 1, in, (const double *const[]){theta_at}, y, tw_softmax(tw_scale(q.theta, 10), 0), 0.05);
}

static void written(void **state) {
  (void)state;
  const pieces q = parts(TW_NOISE_GUMBEL, true, 20);
  const tw_expr f = tw_perturbed_max(q.x, one_hot(q.x), q.theta, q.key, &q.p);
  function code = {
      .label = "perturbed", .n_in = 2, .n_out = 2, .in = {q.theta, q.sigma}, .out = {f, tw_grad(f, q.theta)}, .low = 0.5, .high = 1.5};
  assert_written(&code);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_graph, close_graph)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(gumbel_argmax_is_softmax), TEST(max_has_the_argmax_as_gradient), TEST(smoothed_functions),
                                     TEST(score_function),           TEST(control_variates),               TEST(fenchel_young_learning),
                                     TEST(mistakes_and_defaults),    TEST(written)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
