/* Roots and fixed points by the caller's own solver: derivatives of any order through F alone, evidence of what the solver returned,
 * derivatives of roots in numbers, and every mapping of the catalogue as the condition of one solution. */
#include "problems.h"

/* ------------------------------------------------------------------ a solver in C */

typedef struct newton {
  int calls, iterations;
  bool fails;
} newton;

/* x_i^3 + x_i = theta_0 c_i + theta_1 */
static const double c_of[3] = {1, -2, 0.5};
static tw_status solve_cubics(void *context, const void *const *theta, double *x, tw_error *e) {
  newton *s = context;
  const double *t = theta[0];
  s->calls++;
  if (s->fails) return tw_fail(e, TW_ERR_LIMIT, "gave up");
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < s->iterations; k++) x[i] -= (x[i] * x[i] * x[i] + x[i] - t[0] * c_of[i] - t[1]) / (3 * x[i] * x[i] + 1);
  return TW_OK;
}

static tw_expr c_expr(tw_graph *g) {
  double data[3];
  memcpy(data, c_of, sizeof data);
  tw_array a = tw_array_f64(data, TW_SHAPE(3));
  return tw_constant(g, &a);
}

static tw_expr cubics(tw_graph *g, tw_expr theta, tw_expr x) {
  tw_expr target = tw_add(tw_mul(entry(theta, 0), c_expr(g)), entry(theta, 1));
  return tw_sub(tw_add(tw_mul(x, tw_square(x)), x), target);
}

static tw_expr custom(tw_graph *g, tw_expr theta, newton *s, const char *options) {
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(3));
  const tw_custom c = {
      .x = x, .f = cubics(g, theta, x), .n_theta = 1, .theta = &theta, .solve = solve_cubics, .context = s, .options = options};
  return tw_custom_root(&c);
}

/* Value, Jacobian and second derivatives against the closed forms dx = dt / (3 x^2 + 1), d2x = -6 x dx dx / (3 x^2 + 1). */
static void derivatives_to_second_order(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  newton s = {.iterations = 60};
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(2)), x = custom(g, theta, &s, NULL), f = total(x);
  tw_expr out[4] = {x, tw_jacobian(x, theta), tw_hessian(f, theta), tw_grad(f, theta)};
  const double at[2] = {0.8, 0.3};
  double xv[3], j[6], h[4], gradient[2];
  compiled k = compile(theta, 4, out);
  call(k, at, (void *[]){xv, j, h, gradient});
  double want[4] = {0}, first[2] = {0};
  for (int i = 0; i < 3; i++) {
    const double d = 3 * xv[i] * xv[i] + 1, dx[2] = {c_of[i] / d, 1 / d};
    for (int a = 0; a < 2; a++) {
      assert_close(j[2 * i + a], dx[a], 1e-12);
      first[a] += dx[a];
      for (int b = 0; b < 2; b++) want[2 * a + b] -= 6 * xv[i] * dx[a] * dx[b] / d;
    }
  }
  for (int i = 0; i < 4; i++) assert_close(h[i], want[i], 1e-11);
  for (int i = 0; i < 2; i++) assert_close(gradient[i], first[i], 1e-12);
  assert_int_equal(s.calls, 1);
  call(k, at, (void *[]){xv, j, h, gradient}); /* nothing has changed: the solver is not asked again */
  assert_int_equal(s.calls, 1);
  tw_evidence evidence;
  tw_work_evidence(k.work, &evidence);
  assert_true(evidence.reliable);
  assert_int_equal(evidence.solves, 1);
  assert_true(evidence.inner_residual <= 1e-12 && evidence.derivative_error <= 1e-8);
  done(k);
  tw_graph_free(g);
}

static void a_bad_answer_is_told(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  newton s = {.iterations = 2};
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(2)), x = custom(g, theta, &s, NULL), out[2] = {x, tw_jacobian(x, theta)};
  double at[2] = {0.8, 0.3}, xv[3], j[6];
  compiled k = compile(theta, 2, out);
  call(k, at, (void *[]){xv, j});
  tw_evidence evidence;
  tw_work_evidence(k.work, &evidence);
  assert_false(evidence.reliable);
  assert_true(evidence.inner_residual > 1e-4);
  assert_non_null(strstr(evidence.message, "solved to"));
  s.fails = true;
  at[0] = 0.9;
  assert_int_equal(tw_fn_call(k.fn, k.work, (const void *[]){at}, (void *[]){xv, j}, 0, &error), TW_ERR_LIMIT);
  assert_non_null(strstr(error.message, "gave up"));
  done(k);
  tw_graph_free(g);
}

/* What F holds beside the theta that the solver is told is differentiated as well, and a solver that does not know it is found out. */
static void captured_values_count(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  newton s = {.iterations = 60};
  tw_expr all = tw_input(g, "all", TW_F64, TW_SHAPE(3)), told = tw_slice(all, 0, 0, 2, 1), hidden = entry(all, 2);
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(3)), f = tw_sub(cubics(g, told, x), hidden);
  const tw_custom c = {.x = x, .f = f, .n_theta = 1, .theta = &told, .solve = solve_cubics, .context = &s};
  tw_expr root = tw_custom_root(&c), out[2] = {root, tw_jacobian(root, all)};
  double at[3] = {0.8, 0.3, 0}, xv[3], j[9];
  compiled k = compile(all, 2, out);
  call(k, at, (void *[]){xv, j});
  for (int i = 0; i < 3; i++) assert_close(j[3 * i + 2], 1 / (3 * xv[i] * xv[i] + 1), 1e-12);
  tw_evidence evidence;
  tw_work_evidence(k.work, &evidence);
  assert_true(evidence.reliable);
  at[2] = 0.1;
  call(k, at, (void *[]){xv, j});
  tw_work_evidence(k.work, &evidence);
  assert_false(evidence.reliable);
  done(k);
  tw_graph_free(g);
}

static void misuse_is_refused(void **state) {
  (void)state;
  newton s = {.iterations = 1};
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(3)), theta = tw_input(g, "t", TW_F64, TW_SHAPE(2));
  tw_custom c = {.x = x, .f = entry(x, 0), .n_theta = 1, .theta = &theta, .solve = solve_cubics, .context = &s};
  assert_true(tw_is_none(tw_custom_root(&c)));
  assert_non_null(strstr(tw_graph_message(g), "expected as many entries"));
  tw_graph_clear(g);
  c.f = cubics(g, theta, x);
  c.options = "linear=magic";
  assert_true(tw_is_none(tw_custom_root(&c)));
  assert_non_null(strstr(tw_graph_message(g), "expected one of"));
  tw_graph_clear(g);
  c.options = NULL;
  c.solve = NULL;
  assert_true(tw_is_none(tw_custom_root(&c)));
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ in numbers */

static void root_products_are_adjoint(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(2)), x = tw_input(g, "x", TW_F64, TW_SHAPE(3));
  tw_expr m = constant(g, 40, TW_SHAPE(3, 3)), f = tw_add(cubics(g, theta, x), tw_scale(tw_matmul(m, x), 0.2));
  const tw_root root = {.f = f, .x = x, .n_theta = 1, .theta = &theta};
  static const char *const solvers[] = {NULL, "linear=gmres", "linear=bicgstab", "linear=normal_cg", "linear=lu", "linear=qr"};
  double at[2] = {0.8, 0.3}, xv[3] = {0}, r[3], step[3], dtheta[2] = {0.7, -1.1}, xbar[3] = {1, 2, -0.5}, dx[3], bar[2], ref[3] = {0};
  tw_fn *fn;
  tw_work *work;
  tw_expr jf = tw_jacobian(f, x), out[2] = {f, tw_linear_solve(jf, f)};
  assert_ok(tw_fn_new(&fn, 2, (tw_expr[]){x, theta}, 2, out, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  for (int k = 0; k < 40; k++) { /* Newton's method for the root */
    assert_ok(tw_fn_call(fn, work, (const void *[]){xv, at}, (void *[]){r, step}, 0, &error));
    for (int i = 0; i < 3; i++) xv[i] -= step[i];
  }
  for (size_t s = 0; s < sizeof solvers / sizeof *solvers; s++) {
    tw_evidence e;
    assert_ok(tw_root_jvp(&root, solvers[s], xv, (const void *[]){at}, (const double *[]){dtheta}, dx, &e, &error));
    assert_true(e.reliable);
    assert_ok(tw_root_vjp(&root, solvers[s], xv, (const void *[]){at}, xbar, (double *[]){bar}, &e, &error));
    assert_true(e.reliable);
    double left = 0, right = 0;
    for (int i = 0; i < 3; i++) left += xbar[i] * dx[i];
    for (int i = 0; i < 2; i++) right += bar[i] * dtheta[i];
    assert_close(left, right, 1e-10);
    if (s == 0) memcpy(ref, dx, sizeof ref);
    for (int i = 0; i < 3; i++) assert_close(dx[i], ref[i], 1e-9);
  }
  /* CG on this system, which is not symmetric, is refused; away from the root the evidence says so. */
  assert_int_equal(tw_root_jvp(&root, "linear=cg", xv, (const void *[]){at}, (const double *[]){dtheta}, dx, NULL, &error),
                   TW_ERR_ARGUMENT);
  assert_non_null(strstr(error.message, "not symmetric"));
  xv[0] += 0.1;
  tw_evidence e;
  assert_ok(tw_root_jvp(&root, NULL, xv, (const void *[]){at}, (const double *[]){dtheta}, dx, &e, &error));
  assert_false(e.reliable);
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ the catalogue */

/* A solver that knows the answer: the condition alone makes the derivative. */
typedef struct oracle {
  int64_t n;
  const double *z;
} oracle;
static tw_status recite(void *context, const void *const *theta, double *x, tw_error *e) {
  const oracle *o = context;
  (void)theta, (void)e;
  memcpy(x, o->z, (size_t)o->n * sizeof *x);
  return TW_OK;
}

/* d z / d theta of the solution z (known) of `kind`, which must be reliable. */
static void through(tw_graph *g, tw_condition_kind kind, const tw_condition_parts *parts, tw_expr theta, const double *at, const double *z,
                    double *jacobian) {
  tw_expr unknown, f = tw_condition_of(kind, parts, &unknown);
  if (tw_graph_status(g) != TW_OK) fail_msg("%s: %s", tw_condition_name(kind), tw_graph_message(g));
  oracle o = {tw_size_of(unknown), z};
  const tw_custom c = {.x = unknown, .f = f, .n_theta = 1, .theta = &theta, .solve = recite, .context = &o};
  tw_expr root = tw_custom_root(&c), j = tw_jacobian(root, theta);
  compiled k = compile(theta, 1, &j);
  call(k, at, (void *[]){jacobian});
  tw_evidence e;
  tw_work_evidence(k.work, &e);
  if (!e.reliable) fail_msg("%s: %s", tw_condition_name(kind), e.message);
  done(k);
}

/* min 1/2 x'Qx + c'x, 0 <= x <= 1, c = c_0 + theta c_1: stationary in free x, the rest at bounds. */
enum { QN = 5 };
static void qp_data(double q[QN * QN], double c0[QN], double c1[QN]) {
  double m[QN * QN];
  tw_random_normal_fill(50, 0, QN * QN, m);
  tw_random_normal_fill(51, 0, QN, c0);
  tw_random_normal_fill(52, 0, QN, c1);
  for (int i = 0; i < QN; i++)
    for (int j = 0; j < QN; j++) {
      q[i * QN + j] = i == j;
      for (int k = 0; k < QN; k++) q[i * QN + j] += m[k * QN + i] * m[k * QN + j] / QN;
    }
}

/* One quadratic program by KKT, projected gradient, box QP, block and conic mappings: equal derivatives. */
static void mappings_of_one_program_agree(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  double q[QN * QN], c0[QN], c1[QN], x[QN] = {0}, at = 0.6, grad[QN];
  qp_data(q, c0, c1);
  for (int sweep = 0; sweep < 4000; sweep++) /* coordinate descent */
    for (int i = 0; i < QN; i++) {
      double s = c0[i] + at * c1[i];
      for (int j = 0; j < QN; j++) s += q[i * QN + j] * x[j];
      x[i] = fmin(1, fmax(0, x[i] - s / q[i * QN + i]));
    }
  for (int i = 0; i < QN; i++) {
    grad[i] = c0[i] + at * c1[i];
    for (int j = 0; j < QN; j++) grad[i] += q[i * QN + j] * x[j];
  }
  tw_array qa = tw_array_f64(q, TW_SHAPE(QN, QN)), a0 = tw_array_f64(c0, TW_SHAPE(QN)), a1 = tw_array_f64(c1, TW_SHAPE(QN));
  tw_expr theta = tw_input(g, "t", TW_F64, TW_SCALAR), xe = tw_input(g, "x", TW_F64, TW_SHAPE(QN)), qe = tw_constant(g, &qa);
  tw_expr c = tw_add(tw_constant(g, &a0), tw_mul(theta, tw_constant(g, &a1)));
  tw_expr f = tw_add(tw_scale(tw_dot(xe, tw_matmul(qe, xe)), 0.5), tw_dot(c, xe)), zero = tw_scalar(g, 0), one = tw_scalar(g, 1);
  tw_expr bounds[2] = {zero, one};
  tw_domain box = tw_domain_make(g, tw_domain_find("box"), TW_SHAPE(QN), 2, bounds);

  double reference[QN], j[4 * QN], z[4 * QN];
  const tw_condition_parts by_box = {.x = xe, .q = qe, .c = c, .lower = zero, .upper = one};
  through(g, TW_CONDITION_BOX_QP, &by_box, theta, &at, x, reference);
  int held = 0, moved = 0;
  for (int i = 0; i < QN; i++) held += x[i] <= 0 || x[i] >= 1, moved += fabs(reference[i]) > 1e-3;
  assert_true(held > 0 && moved > 0);

  const tw_condition_parts projected = {.x = xe, .f = f, .domain = box};
  through(g, TW_CONDITION_PROJECTED_GRADIENT, &projected, theta, &at, x, j);
  for (int i = 0; i < QN; i++) assert_close(j[i], reference[i], 1e-9);

  tw_expr g_of_x[2] = {tw_neg(xe), tw_sub(xe, one)};
  const tw_condition_parts by_kkt = {.x = xe, .f = f, .inequality = tw_concat(2, g_of_x, 0)};
  memset(z, 0, sizeof z);
  for (int i = 0; i < QN; i++) z[i] = x[i], z[QN + i] = x[i] <= 0 ? grad[i] : 0, z[2 * QN + i] = x[i] >= 1 ? -grad[i] : 0;
  through(g, TW_CONDITION_KKT, &by_kkt, theta, &at, z, j);
  for (int i = 0; i < QN; i++) assert_close(j[i], reference[i], 1e-9);

  /* One block for each coordinate, each with a step of its own. */
  tw_expr xb = tw_input(g, "xb", TW_F64, TW_SHAPE(QN, 1)), flat = tw_ravel(xb), fb = TW_NONE, steps = tw_add(one, tw_iota(g, TW_F64, QN));
  assert_ok(tw_substitute(1, &f, 1, &xe, &flat, &fb));
  tw_domain unit = tw_domain_make(g, tw_domain_find("box"), TW_SHAPE(1), 2, bounds);
  const tw_condition_parts blocks = {.x = xb, .f = fb, .domain = unit, .eta = tw_scale(steps, 0.3)};
  through(g, TW_CONDITION_BLOCK_PROXIMAL, &blocks, theta, &at, x, j);
  for (int i = 0; i < QN; i++) assert_close(j[i], reference[i], 1e-9);
  tw_graph_free(g);
}

/* The same program over cones: min t + c'x with the quadratic as |(R x, (1 - t)/2 ..)|: a second-order cone, and bounds. */
static void the_conic_map_agrees(void **state) {
  (void)state;
  enum { M = 3, N = 2 };
  /* min c'x, x_1 >= |(x_2 - theta, 1)|..: e x + s = d with s = (x_1, x_2 - theta, 1) in the cone; c = (1, -1/2).
   * x_2 - theta = u, x_1 = sqrt(1 + u^2), u / sqrt(1 + u^2) = 1/2, so u = 1/sqrt 3: dx = (0, 1). */
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "t", TW_F64, TW_SCALAR), x = tw_input(g, "x", TW_F64, TW_SHAPE(N));
  double e[M * N] = {-1, 0, 0, -1, 0, 0}, cv[N] = {1, -0.5};
  tw_array ea = tw_array_f64(e, TW_SHAPE(M, N)), ca = tw_array_f64(cv, TW_SHAPE(N));
  tw_expr d[3] = {tw_scalar(g, 0), tw_neg(theta), tw_scalar(g, 1)};
  const tw_cone cone = {TW_CONE_SECOND_ORDER, M, 0};
  const tw_condition_parts parts = {
      .x = x, .e = tw_constant(g, &ea), .c = tw_constant(g, &ca), .d = tw_stack(3, d, 0), .n_cones = 1, .cone = &cone};
  const double at = 0.4, u = 1 / sqrt(3), r = sqrt(1 + u * u);
  /* y = (1, -u/r, -1/r), s = (r, u, 1), v = y - s */
  const double z[N + M] = {r, u + at, 1 - r, -u / r - u, -1 / r - 1};
  double j[N + M];
  through(g, TW_CONDITION_CONIC, &parts, theta, &at, z, j);
  assert_close(j[0], 0, 1e-9);
  assert_close(j[1], 1, 1e-9);
  tw_graph_free(g);
}

/* Psd: the nearest matrix in the cone to A + theta B is its projection: min |(X - A - theta B)|, as s = X, in packed form. */
static void psd_and_linear_cones(void **state) {
  (void)state;
  /* min x, [x, theta; theta, 1] psd, x >= 0: x = theta^2, dx = 2 theta. Packed: (x, sqrt2 theta, 1). */
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "t", TW_F64, TW_SCALAR), x = tw_input(g, "x", TW_F64, TW_SHAPE(1));
  double e[4] = {-1, 0, 0, -1}, cv[1] = {1};
  tw_array ea = tw_array_f64(e, TW_SHAPE(4, 1)), ca = tw_array_f64(cv, TW_SHAPE(1));
  tw_expr d[4] = {tw_scalar(g, 0), tw_scale(theta, sqrt(2)), tw_scalar(g, 1), tw_scalar(g, 0)};
  const tw_cone cones[2] = {{TW_CONE_PSD, 3, 0}, {TW_CONE_NONNEG, 1, 0}};
  const tw_condition_parts parts = {
      .x = x, .e = tw_constant(g, &ea), .c = tw_constant(g, &ca), .d = tw_stack(4, d, 0), .n_cones = 2, .cone = cones};
  const double at = 0.7;
  /* Y = [1, -t; -t, t^2], orthogonal to S = [t^2, t; t, 1]; the bound is clear: its y is 0. */
  const double z[5] = {at * at, 1 - at * at, sqrt(2) * (-at - at), at * at - 1, 0 - at * at};
  double j[5];
  through(g, TW_CONDITION_CONIC, &parts, theta, &at, z, j);
  assert_close(j[0], 2 * at, 1e-9);
  tw_graph_free(g);
}

/* Smooth problems: stationarity, Newton, least squares, mirror descent on the simplex and the prox of l1 against closed forms. */
static void smooth_mappings_agree(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const double at = 0.3;
  tw_expr theta = tw_input(g, "t", TW_F64, TW_SCALAR), x = tw_input(g, "x", TW_F64, TW_SHAPE(2)), zero = tw_scalar(g, 0);
  /* r = (x_0 - t, 2 x_1 - t^2): x = (t, t^2 / 2), dx = (1, t) */
  tw_expr both[2] = {theta, tw_scale(tw_square(theta), 1)};
  double w[2] = {1, 2};
  tw_array wa = tw_array_f64(w, TW_SHAPE(2));
  tw_expr r = tw_sub(tw_mul(tw_constant(g, &wa), x), tw_stack(2, both, 0)), f = tw_scale(total(tw_square(r)), 0.5);
  const double z[2] = {at, at * at / 2};
  double j[2];
  const tw_condition_kind kinds[] = {TW_CONDITION_STATIONARY, TW_CONDITION_LEAST_SQUARES, TW_CONDITION_NEWTON,
                                     TW_CONDITION_PROJECTED_GRADIENT};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    tw_condition_parts parts = {.x = x, .f = f, .residual = r, .eta = tw_scalar(g, 0.5)};
    if (kinds[k] == TW_CONDITION_PROJECTED_GRADIENT) parts.domain = tw_domain_make(g, tw_domain_find("nonneg"), TW_SHAPE(2), 0, NULL);
    through(g, kinds[k], &parts, theta, &at, z, j);
    assert_close(j[0], 1, 1e-12);
    assert_close(j[1], at, 1e-12);
  }
  /* + w |x|_1 with w = 0.1: x_0 = t - 0.1, x_1 = max(0, (2 t^2 - 0.1) / 4) */
  const double soft[2] = {at - 0.1, (2 * at * at - 0.1) / 4};
  const tw_condition_parts sparse = {.x = x, .f = f, .regularizer = tw_regularizer_find("l1"), .weight = tw_scalar(g, 0.1)};
  through(g, TW_CONDITION_PROXIMAL_GRADIENT, &sparse, theta, &at, soft, j);
  assert_close(j[0], 1, 1e-10);
  assert_close(j[1], at, 1e-10);
  /* min sum p log p + theta p_0 on the simplex: p_0 = e^-t / (1 + e^-t), dp_0 = -p_0 p_1 */
  tw_expr entropy = tw_add(total(tw_mul(x, tw_log(x))), tw_mul(theta, entry(x, 0)));
  tw_domain simplex = tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(2), 0, NULL);
  const tw_condition_parts mirror = {.x = x, .f = entropy, .domain = simplex};
  const double p0 = exp(-at) / (1 + exp(-at)), p[2] = {p0, 1 - p0};
  through(g, TW_CONDITION_MIRROR_DESCENT, &mirror, theta, &at, p, j);
  assert_close(j[0], -p0 * (1 - p0), 1e-9);
  assert_close(j[1], p0 * (1 - p0), 1e-9);
  /* What a kind lacks is named. */
  tw_expr unknown;
  const tw_condition_parts nothing = {.x = x, .f = zero};
  assert_true(tw_is_none(tw_condition_of(TW_CONDITION_PROXIMAL_GRADIENT, &nothing, &unknown)));
  assert_non_null(strstr(tw_graph_message(g), "regularizer"));
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(derivatives_to_second_order), cmocka_unit_test(a_bad_answer_is_told),
      cmocka_unit_test(captured_values_count),       cmocka_unit_test(misuse_is_refused),
      cmocka_unit_test(root_products_are_adjoint),   cmocka_unit_test(mappings_of_one_program_agree),
      cmocka_unit_test(the_conic_map_agrees),        cmocka_unit_test(psd_and_linear_cones),
      cmocka_unit_test(smooth_mappings_agree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
