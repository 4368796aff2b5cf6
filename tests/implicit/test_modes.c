/* Derivative modes: by the optimality condition, by one iteration at the solution, by all iterations. */
#include "problems.h"

enum { N = 4 };

/* ------------------------------------------------------------------ problems for every map */

static tw_expr closed(tw_problem *p, const char *method) {
  const tw_nested *nested = tw_nested_close(p, method, &error);
  if (!nested) fail_msg("%s: %s", method, error.message);
  tw_problem_free(p);
  return tw_nested_variable(tw_argmin(nested), nested, 0);
}

static tw_expr smooth_f(tw_graph *g, tw_expr theta, tw_expr w) {
  tw_expr a = constant(g, 1, TW_SHAPE(9, N)), b = constant(g, 2, TW_SHAPE(9));
  tw_expr r = tw_sub(tw_matmul(a, w), tw_mul(b, entry(theta, 0)));
  return tw_add(tw_scale(total(tw_square(r)), 0.5), tw_scale(tw_mul(tw_exp(entry(theta, 1)), total(tw_square(w))), 0.5));
}

static tw_expr ridge_by(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(N));
  tw_problem_minimize(p, NULL, smooth_f(g, theta, w));
  return closed(p, method);
}
static tw_expr lasso_by(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(N)), l1 = tw_regularizer(g, tw_regularizer_find("l1"), w, 0, NULL);
  tw_problem_minimize(p, NULL, tw_add(smooth_f(g, theta, w), tw_mul(tw_exp(entry(theta, 2)), l1)));
  return closed(p, method);
}
static tw_expr simplex_by(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(N)), size = tw_exp(entry(theta, 2));
  tw_problem_domain(p, w, tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(N), 1, &size));
  tw_problem_minimize(p, NULL, smooth_f(g, theta, w));
  return closed(p, method);
}
/* On the simplex of size 1, where the optimum is inside for mirror descent to meet at a linear rate. */
static tw_expr entropic_by(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(N));
  tw_problem_domain(p, w, tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(N), 0, NULL));
  tw_expr inside = tw_sub(w, tw_add(tw_scalar(g, 0.25), tw_scale(tw_sin(tw_mul(entry(theta, 0), tw_iota(g, TW_F64, N))), 0.1)));
  tw_problem_start(p, w, tw_fill(g, TW_F64, TW_SHAPE(N), 1.0 / N));
  tw_problem_minimize(p, NULL, tw_mul(tw_exp(entry(theta, 1)), total(tw_square(inside))));
  return closed(p, method);
}
static tw_expr picard_by(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(N)), m = constant(g, 16, TW_SHAPE(N, N));
  tw_problem_fixpoint(p, x, tw_tanh(tw_add(tw_scale(tw_matmul(m, x), 0.2), tw_mul(entry(theta, 0), tw_iota(g, TW_F64, N)))));
  return closed(p, method);
}
static tw_expr root_by(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(N)), m = constant(g, 16, TW_SHAPE(N, N));
  tw_expr row =
      tw_sub(tw_add(tw_mul(x, tw_square(x)), tw_add(x, tw_scale(tw_matmul(m, x), 0.1))), tw_mul(entry(theta, 0), tw_iota(g, TW_F64, N)));
  tw_problem_subject(p, "r", row, tw_scalar(g, 0), tw_scalar(g, 0));
  tw_problem_root(p);
  return closed(p, method);
}

typedef tw_expr by_method(tw_graph *g, tw_expr theta, const char *method);
static const double here[D] = {0.7, 0.4, -0.3};

/* x [N], dx/dtheta [N, D], gradient of |x|^2 by reverse mode. */
typedef struct answer {
  double x[N], j[N * D], g[D];
  tw_evidence evidence;
  size_t bytes;
} answer;

static answer differentiate(by_method *state, const char *method, const double *at) {
  answer a;
  memset(&a, 0, sizeof a);
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(D)), x = state(g, theta, method);
  tw_expr out[3] = {x, tw_jacobian(x, theta), tw_grad(total(tw_square(x)), theta)};
  compiled c = compile(theta, 3, out);
  a.bytes = tw_fn_work_bytes(c.fn);
  call(c, at, (void *[]){a.x, a.j, a.g});
  tw_work_evidence(c.work, &a.evidence);
  done(c);
  tw_graph_free(g);
  return a;
}

/* ------------------------------------------------------------------ agreement */

/* After enough iterations all modes give the derivative of the solution; forward and reverse mode agree. */
static void unrolled_to_the_end_is_implicit(void **state) {
  (void)state;
  const struct {
    by_method *state;
    const char *implicit, *unrolled;
  } cases[] = {
      {ridge_by, "newton_cg:tol=1e-13", "gd:derivative=unrolled,max_iter=1500"},
      {ridge_by, "newton_cg:tol=1e-13", "gd:derivative=unrolled,step=0.05,max_iter=1500,checkpoints=7"},
      {ridge_by, "newton_cg:tol=1e-13", "newton_cg:derivative=unrolled,max_iter=2"},
      {lasso_by, "proximal_gradient:tol=1e-13", "proximal_gradient:derivative=unrolled,max_iter=1500"},
      {lasso_by, "proximal_gradient:tol=1e-13", "proximal_gradient:derivative=unrolled,max_iter=1500,accelerate=off"},
      {simplex_by, "projected_gradient:tol=1e-13", "projected_gradient:derivative=unrolled,max_iter=1500"},
      {entropic_by, "projected_gradient:tol=1e-13", "mirror_descent:derivative=unrolled,step=0.3,max_iter=1000"},
      {picard_by, "newton_root:tol=1e-14", "picard:derivative=unrolled,max_iter=300"},
      {picard_by, "newton_root:tol=1e-14", "picard:derivative=unrolled,mixing=0.5,max_iter=300"},
      {root_by, "newton_root:tol=1e-14", "newton_root:derivative=unrolled,max_iter=12"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const answer a = differentiate(cases[k].state, cases[k].implicit, here), b = differentiate(cases[k].state, cases[k].unrolled, here);
    if (!a.evidence.reliable || !b.evidence.reliable)
      fail_msg("%s: %s %s", cases[k].unrolled, a.evidence.message, b.evidence.message);
    assert_int_equal(b.evidence.solves, 1);
    double largest = 0;
    for (int i = 0; i < N; i++)
      if (!(fabs(a.x[i] - b.x[i]) <= 1e-8))
        fail_msg("%s: x[%d] = %.10g, expected %.10g (%s)", cases[k].unrolled, i, b.x[i], a.x[i], b.evidence.message);
    for (int i = 0; i < N * D; i++) {
      if (!(fabs(a.j[i] - b.j[i]) <= 1e-7 * fmax(1, fabs(a.j[i]))))
        fail_msg("%s: %.10g, implicit %.10g", cases[k].unrolled, b.j[i], a.j[i]);
      largest = fmax(largest, fabs(a.j[i]));
    }
    assert_true(largest > 1e-2);
    for (int j = 0; j < D; j++) {
      double want = 0;
      for (int i = 0; i < N; i++) want += 2 * b.x[i] * b.j[i * D + j];
      assert_close(b.g[j], want, 1e-10);
    }
  }
}

/* Cut short, the derivative is that of the iterate: against central differences of the iterate, and the evidence tells. */
static void derivatives_of_iterates(void **state) {
  (void)state;
  const struct {
    by_method *state;
    const char *method;
  } cases[] = {{ridge_by, "gd:derivative=unrolled,step=0.03,max_iter=7"},
               {lasso_by, "proximal_gradient:derivative=unrolled,step=0.03,max_iter=9"},
               {simplex_by, "projected_gradient:derivative=unrolled,step=0.03,max_iter=3"},
               {entropic_by, "mirror_descent:derivative=unrolled,step=0.1,max_iter=5"},
               {picard_by, "picard:derivative=unrolled,max_iter=3"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const answer a = differentiate(cases[k].state, cases[k].method, here);
    if (a.evidence.reliable || !(a.evidence.inner_residual > 1e-6))
      fail_msg("%s: residual %.1e", cases[k].method, a.evidence.inner_residual);
    for (int j = 0; j < D; j++) {
      const double h = 1e-6;
      double at[D];
      memcpy(at, here, sizeof at);
      at[j] += h;
      const answer up = differentiate(cases[k].state, cases[k].method, at);
      at[j] -= 2 * h;
      const answer down = differentiate(cases[k].state, cases[k].method, at);
      for (int i = 0; i < N; i++) assert_close(a.j[i * D + j], (up.x[i] - down.x[i]) / (2 * h), 1e-7);
    }
  }
}

/* One step of gradient descent at w*: J = -eta d2f/dw dtheta; of Newton's map: the implicit derivative itself. */
static void one_step_derivatives(void **state) {
  (void)state;
  const answer exact = differentiate(ridge_by, "newton_cg:tol=1e-13", here),
               newton = differentiate(ridge_by, "newton_cg:tol=1e-13,derivative=one_step", here);
  const answer root = differentiate(root_by, "newton_root:tol=1e-14", here),
               step = differentiate(root_by, "newton_root:tol=1e-14,derivative=one_step", here);
  for (int i = 0; i < N * D; i++) {
    assert_close(newton.j[i], exact.j[i], 1e-9);
    assert_close(step.j[i], root.j[i], 1e-9);
  }
  const answer gd = differentiate(ridge_by, "gd:tol=1e-9,derivative=one_step,step=0.02", here);
  for (int i = 0; i < N; i++) { /* d2f / dw_i dtheta_1 = e^theta_1 w_i */
    assert_close(gd.j[i * D + 1], -0.02 * exp(here[1]) * exact.x[i], 1e-7);
    assert_close(gd.x[i], exact.x[i], 1e-7);
  }
  double miss = 0, size = 0;
  for (int i = 0; i < N * D; i++) miss += (gd.j[i] - exact.j[i]) * (gd.j[i] - exact.j[i]), size += gd.j[i] * gd.j[i];
  assert_false(gd.evidence.reliable); /* and the evidence tells by how much: the slowest direction's share */
  assert_non_null(strstr(gd.evidence.message, "of one step"));
  const double part = gd.evidence.derivative_error / sqrt(miss / size);
  if (!(part >= 1 && part <= 10)) fail_msg("%.2e, not %.2e", gd.evidence.derivative_error, sqrt(miss / size));
  if (!newton.evidence.reliable || !step.evidence.reliable) fail_msg("%s%s", newton.evidence.message, step.evidence.message);
}

/* Through the start, as model-agnostic meta-learning has it: dw_k / dw_0 = (I - eta H)^k, here with H = c I. */
static void derivatives_through_the_start(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(D));
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(D));
  tw_problem_start(p, w, theta);
  tw_problem_minimize(p, NULL, tw_scale(total(tw_square(w)), 1.5));
  tw_expr x = closed(p, "gd:derivative=unrolled,step=0.1,max_iter=4"), j = tw_jacobian(x, theta);
  double jv[D * D];
  compiled c = compile(theta, 1, &j);
  call(c, here, (void *[]){jv});
  for (int i = 0; i < D * D; i++) assert_close(jv[i], i % (D + 1) == 0 ? pow(1 - 0.1 * 3, 4) : 0, 1e-12);
  tw_evidence evidence;
  tw_work_evidence(c.work, &evidence); /* derivatives alone keep it */
  assert_true(evidence.inner_residual > 1e-3);
  done(c);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ memory */

static size_t gradient_bytes(const char *format, int iterations) {
  char method[128];
  snprintf(method, sizeof method, format, iterations);
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(D)), grad = tw_grad(total(tw_square(ridge_by(g, theta, method))), theta);
  compiled c = compile(theta, 1, &grad);
  double out[D];
  const size_t planned = tw_fn_work_bytes(c.fn);
  call(c, here, (void *[]){out});
  done(c);
  tw_graph_free(g);
  return planned;
}

/* Planned bytes of the backward pass: implicit does not see the iterations, unrolled keeps a state for each, or as many as asked. */
static void memory_of_backward_passes(void **state) {
  (void)state;
  const char *unrolled = "gd:derivative=unrolled,step=0.05,max_iter=%d",
             *revolve = "gd:derivative=unrolled,step=0.05,checkpoints=10,max_iter=%d";
  const size_t implicit_few = gradient_bytes("gd:tol=1,max_iter=%d", 1000),
               implicit_many = gradient_bytes("gd:tol=1e-9,max_iter=%d", 100000);
  assert_int_equal(implicit_few, implicit_many);
  const size_t few = gradient_bytes(unrolled, 1000), many = gradient_bytes(unrolled, 8000);
  const double slope = (double)(many - few) / 7000;
  assert_true(slope >= N * sizeof(double) && slope <= 4 * N * sizeof(double));
  assert_true(many > 5 * few);
  const size_t kept_few = gradient_bytes(revolve, 1000), kept_many = gradient_bytes(revolve, 8000);
  assert_true(kept_many <= kept_few + kept_few / 10);
}

/* ------------------------------------------------------------------ refusals */

static void refused(const char *method, tw_status status, const char *why) {
  tw_graph *g = tw_graph_new();
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(2));
  tw_problem_minimize(p, NULL, total(tw_square(w)));
  tw_problem_bounds(p, w, tw_scalar(g, 0), TW_NONE);
  error = (tw_error){0};
  assert_null(tw_nested_close(p, method, &error));
  if (error.status != status || !strstr(error.message, why)) fail_msg("%s: %s", method, error.message);
  tw_problem_free(p);
  tw_graph_free(g);
}

static void methods_without_a_map_refuse(void **state) {
  (void)state;
  refused("lbfgsb:derivative=unrolled", TW_ERR_UNSUPPORTED, "lbfgsb has no map");
  refused("tron:derivative=one_step", TW_ERR_UNSUPPORTED, "these have: gd");
  refused("auto:derivative=unrolled", TW_ERR_UNSUPPORTED, "chosen by class has no map");
  refused("gd:derivative=unrolled", TW_ERR_UNSUPPORTED, "does not handle sets and bounds");
  refused("projected_gradient:derivative=sideways", TW_ERR_ARGUMENT, "implicit|one_step|unrolled");
  refused("projected_gradient:linear=magic", TW_ERR_ARGUMENT, "auto|cg|minres");
  refused("projected_gradient:ridge=-1", TW_ERR_ARGUMENT, "ridge");
  refused("auto:memory=3", TW_ERR_ARGUMENT, "name it");
  refused("nothing:linear=cg", TW_ERR_NAME, "no method");
  refused("projected_gradient:derivative=unrolled,max_iter=1e12", TW_ERR_RANGE, "max_iter");
  assert_ok(tw_nested_check("lbfgs:memory=5,linear=minres,ridge=0.1,precondition=jacobi", TW_GOAL_MINIMIZE, &error));
  assert_int_equal(tw_nested_check("picard:linear=lu", TW_GOAL_MINIMIZE, &error), TW_ERR_UNSUPPORTED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unrolled_to_the_end_is_implicit), cmocka_unit_test(derivatives_of_iterates),
      cmocka_unit_test(one_step_derivatives),            cmocka_unit_test(derivatives_through_the_start),
      cmocka_unit_test(memory_of_backward_passes),       cmocka_unit_test(methods_without_a_map_refuse),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
