/* Derivatives of first, second and third order of nested solutions, by every sequence of forward and reverse
 * mode.
 *
 *   q_0(theta) = c's(theta),   q_{k+1}(theta) = d q_k / d theta . d_k
 *
 * where each derivative is taken forward (jvp) or in reverse (vjp, then the product with d_k). All 2^k
 * sequences must agree, and with the central difference of q_{k-1}. */
#include "problems.h"

enum { ORDER = 3, SEQUENCES = 1 << ORDER };

static tw_expr along(tw_expr q, tw_expr theta, tw_expr d, bool reverse) {
  tw_expr dq = TW_NONE;
  if (reverse) return tw_dot(tw_grad(q, theta), d);
  if (tw_jvp(1, &q, 1, &theta, &d, &dq) != TW_OK) return TW_NONE;
  return tw_is_none(dq) ? tw_scalar(theta.graph, 0) : dq;
}

typedef struct ladder {
  tw_graph *graph;
  tw_expr theta;
  tw_expr q[ORDER + 1]
           [SEQUENCES]; /* by order and sequence: bit k of the number says whether d_k was in reverse */
} ladder;

static ladder climb(tw_expr (*solve)(tw_graph *, tw_expr)) {
  ladder l = {.graph = tw_graph_new()};
  l.theta = tw_input(l.graph, "theta", TW_F64, TW_SHAPE(D));
  tw_expr s = solve(l.graph, l.theta);
  l.q[0][0] = total(tw_mul(s, constant(l.graph, 40, tw_shape_of(s))));
  for (int k = 0; k < ORDER; k++)
    for (int i = 0; i < 1 << k; i++)
      for (int reverse = 0; reverse < 2; reverse++)
        l.q[k + 1][i | reverse << k] =
            along(l.q[k][i], l.theta, constant(l.graph, 41 + (uint64_t)k, TW_SHAPE(D)), reverse);
  if (tw_graph_check(l.graph, &error) != TW_OK) fail_msg("%s", error.message);
  return l;
}

static void sequence_name(int order, int i, char name[ORDER + 1]) {
  for (int k = 0; k < order; k++) name[k] = i >> k & 1 ? 'R' : 'F';
  name[order] = '\0';
}

/* The central difference of q_{order - 1} along d_{order - 1}, by the sequence of forward mode alone. */
static double difference(const ladder *l, int order, const double *at, double h) {
  compiled c = compile(l->theta, 1, &l->q[order - 1][0]);
  double d[D], moved[D], value[2];
  tw_random_normal_fill(40 + (uint64_t)order, 0, D, d);
  for (int side = 0; side < 2; side++) {
    for (int j = 0; j < D; j++) moved[j] = at[j] + (side ? -h : h) * d[j];
    call(c, moved, (void *[]){&value[side]});
  }
  done(c);
  return (value[0] - value[1]) / (2 * h);
}

static void check_order(const char *name, const ladder *l, int order, const double *at, double tolerance) {
  double want = difference(l, order, at, 1e-4), got[SEQUENCES];
  void *out[SEQUENCES];
  for (int i = 0; i < 1 << order; i++) out[i] = &got[i];
  compiled c = compile(l->theta, 1 << order, l->q[order]);
  call(c, at, out);
  tw_evidence evidence;
  tw_work_evidence(c.work, &evidence);
  if (!evidence.reliable) fail_msg("%s: %s", name, evidence.message);
  assert_true(evidence.solves > 0);
  for (int i = 0; i < 1 << order; i++) {
    char modes[ORDER + 1];
    sequence_name(order, i, modes);
    if (!(fabs(got[i] - want) <= tolerance * fmax(1, fabs(want))))
      fail_msg("%s: order %d by %s is %.12g, difference %.12g", name, order, modes, got[i], want);
    if (!(fabs(got[i] - got[0]) <= 1e-7 * fmax(1, fabs(got[0]))))
      fail_msg("%s: order %d by %s is %.12g, by forward mode %.12g", name, order, modes, got[i], got[0]);
  }
  done(c);
}

static const double here[D] = {0.7, -0.4, 0.3};

/* How many entries of the solution are held at 0. */
static int zeros_of(tw_expr (*solve)(tw_graph *, tw_expr)) {
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(D)), s = solve(g, theta);
  double value[16];
  int zeros = 0;
  compiled c = compile(theta, 1, &s);
  call(c, here, (void *[]){value});
  for (int64_t i = 0; i < tw_size_of(s); i++) zeros += value[i] == 0;
  done(c);
  tw_graph_free(g);
  return zeros;
}

#define CASE(name, zeros)                                                                                    \
  static void test_##name(void **state) {                                                                    \
    (void)state;                                                                                             \
    ladder l = climb(name);                                                                                  \
    assert_int_equal(zeros_of(name), zeros);                                                                 \
    for (int order = 1; order <= ORDER; order++) check_order(#name, &l, order, here, 1e-6);                  \
    tw_graph_free(l.graph);                                                                                  \
  }
CASE(ridge, 0)
CASE(ridge_value, 0)
CASE(lasso, 3)
CASE(elastic_net, 4)
CASE(group_lasso, 4)
CASE(bounded_lasso, 1)
CASE(portfolio, 1)
CASE(portfolio_value, 0)
CASE(on_ball, 0)
CASE(bounded, 0)
CASE(bounded_value, 0)
CASE(infinite_curvature, 3)
CASE(infinite_third_derivative, 3)
CASE(infinite_curvature_value, 0)
CASE(infinite_curvature_in_loop, 3)
CASE(low_rank, 0)
CASE(flat_matrix, 1)
CASE(on_capped_simplex, 1)
CASE(on_l1_ball, 3)
CASE(in_halfspace, 0)
CASE(cut_simplex, 1)
CASE(constrained_simplex, 2)
CASE(two_variables, 0)
CASE(equality_qp, 0)
CASE(inequality_qp, 0)
CASE(inequality_value, 0)
CASE(logistic, 0)
CASE(equilibrium, 0)
CASE(root, 0)
CASE(two_levels, 0)
CASE(in_each_other, 0)

/* Danskin's rule and what follows from it, for every kind of condition. */
static void optimal_values(void **state) {
  (void)state;
  const struct {
    const char *name;
    tw_expr (*solve)(tw_graph *, tw_expr);
  } cases[] = {{"lasso", lasso},
               {"elastic net", elastic_net},
               {"group lasso", group_lasso},
               {"bounded lasso", bounded_lasso},
               {"nuclear", low_rank},
               {"linf", flat_matrix},
               {"ball", on_ball},
               {"capped simplex", on_capped_simplex},
               {"l1 ball", on_l1_ball},
               {"halfspace", in_halfspace},
               {"cut simplex", cut_simplex},
               {"constrained simplex", constrained_simplex},
               {"two variables", two_variables},
               {"power in a loop", infinite_curvature_in_loop},
               {"logistic", logistic},
               {"two levels", two_levels},
               {"argmin in min", in_each_other}};
  as_value = true;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ladder l = climb(cases[i].solve);
    for (int order = 1; order <= ORDER; order++) check_order(cases[i].name, &l, order, here, 1e-6);
    tw_graph_free(l.graph);
  }
  as_value = false;
}

/* The array of third derivatives, jacobian(hessian(f)), contracted with the three directions. */
static void third_derivatives_as_an_array(void **state) {
  (void)state;
  tw_expr (*const solve[])(tw_graph *, tw_expr) = {ridge, lasso, portfolio, inequality_qp, in_each_other};
  for (size_t k = 0; k < sizeof solve / sizeof *solve; k++) {
    ladder l = climb(solve[k]);
    tw_expr out[2] = {tw_jacobian(tw_hessian(l.q[0][0], l.theta), l.theta), l.q[ORDER][0]};
    double third[D][D][D], d[ORDER][D], want, got = 0;
    compiled c = compile(l.theta, 2, out);
    call(c, here, (void *[]){third, &want});
    for (int i = 0; i < ORDER; i++) tw_random_normal_fill(41 + (uint64_t)i, 0, D, d[i]);
    for (int i = 0; i < D * D * D; i++)
      got += third[i / (D * D)][i / D % D][i % D] * d[0][i / (D * D)] * d[1][i / D % D] * d[2][i % D];
    assert_close(got, want, 1e-8);
    done(c);
    tw_graph_free(l.graph);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ridge),
      cmocka_unit_test(test_ridge_value),
      cmocka_unit_test(test_lasso),
      cmocka_unit_test(test_elastic_net),
      cmocka_unit_test(test_group_lasso),
      cmocka_unit_test(test_bounded_lasso),
      cmocka_unit_test(test_portfolio),
      cmocka_unit_test(test_portfolio_value),
      cmocka_unit_test(test_on_ball),
      cmocka_unit_test(test_bounded),
      cmocka_unit_test(test_bounded_value),
      cmocka_unit_test(test_infinite_curvature),
      cmocka_unit_test(test_infinite_third_derivative),
      cmocka_unit_test(test_infinite_curvature_value),
      cmocka_unit_test(test_infinite_curvature_in_loop),
      cmocka_unit_test(test_low_rank),
      cmocka_unit_test(test_flat_matrix),
      cmocka_unit_test(test_on_capped_simplex),
      cmocka_unit_test(test_on_l1_ball),
      cmocka_unit_test(test_in_halfspace),
      cmocka_unit_test(test_cut_simplex),
      cmocka_unit_test(test_constrained_simplex),
      cmocka_unit_test(test_two_variables),
      cmocka_unit_test(test_equality_qp),
      cmocka_unit_test(test_inequality_qp),
      cmocka_unit_test(test_inequality_value),
      cmocka_unit_test(test_logistic),
      cmocka_unit_test(test_equilibrium),
      cmocka_unit_test(test_root),
      cmocka_unit_test(test_two_levels),
      cmocka_unit_test(test_in_each_other),
      cmocka_unit_test(optimal_values),
      cmocka_unit_test(third_derivatives_as_an_array),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
