/* One quadratic program by several methods and conditions: its Jacobian through the KKT conditions and through the projection's fixed point
 * is the same (card 001). */
#include "problems.h"

enum { N = 6, LARGEST = N * D };

typedef struct case_of {
  const char *name, *method;
  tw_expr (*state)(tw_graph *g, tw_expr theta, const char *method);
} case_of;

/* 1/2 x'Q x + (c + theta_2 d)'x, Q = A'A + e^theta_0 I */
static tw_expr objective(tw_graph *g, tw_expr x, tw_expr theta) {
  const tw_expr a = constant(g, 11, TW_SHAPE(N, N)), q = tw_matmul(a, x);
  const tw_expr linear = tw_add(tw_scale(constant(g, 12, TW_SHAPE(N)), 2), tw_mul(entry(theta, 2), constant(g, 13, TW_SHAPE(N))));
  const tw_expr quadratic = tw_add(tw_dot(q, q), tw_mul(tw_exp(entry(theta, 0)), tw_dot(x, x)));
  return tw_add(tw_scale(quadratic, 0.5), tw_dot(linear, x));
}

static tw_expr size_of_simplex(tw_graph *g, tw_expr theta) {
  return tw_add(tw_scalar(g, 1), tw_square(entry(theta, 1)));
}

static tw_expr by_projection(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(N)), size = size_of_simplex(g, theta);
  tw_problem_domain(p, x, tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(N), 1, &size));
  tw_problem_minimize(p, NULL, objective(g, x, theta));
  return solution_by(p, method, false);
}

static tw_expr by_rows(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(N)), size = size_of_simplex(g, theta);
  tw_problem_bounds(p, x, tw_scalar(g, 0), TW_NONE);
  tw_problem_minimize(p, NULL, objective(g, x, theta));
  tw_problem_subject(p, NULL, total(x), size, size);
  return solution_by(p, method, false);
}

static tw_expr in_box(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(N));
  tw_problem_bounds(p, x, tw_scalar(g, -0.2), size_of_simplex(g, theta));
  tw_problem_minimize(p, NULL, objective(g, x, theta));
  return solution_by(p, method, false);
}

static tw_expr on_plane(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(N)), size = size_of_simplex(g, theta);
  tw_problem_minimize(p, NULL, objective(g, x, theta));
  tw_problem_subject(p, NULL, tw_dot(constant(g, 14, TW_SHAPE(N)), x), size, size);
  return solution_by(p, method, false);
}

static void evaluate_case(const case_of *c, const double theta[D], double *x, double *jacobian) {
  tw_graph *g = tw_graph_new();
  const tw_expr input = tw_input(g, "theta", TW_F64, TW_SHAPE(D)), e = c->state(g, input, c->method);
  const tw_expr out[2] = {e, tw_jacobian(e, input)};
  compiled f = compile(input, 2, out);
  tw_work_exec(f.work, &(tw_exec){.threads = 1, .inner_tolerance = 1e-11});
  call(f, theta, (void *[]){x, jacobian});
  done(f);
  tw_graph_free(g);
}

/* All of a group give the same x and Jacobian, which is that of differences. */
static void same(int n, const case_of *cases) {
  static const double thetas[][D] = {{0.1, 0.3, -0.4}, {-0.5, 0.8, 1.2}, {0.7, -0.2, 0.3}};
  for (size_t k = 0; k < sizeof thetas / sizeof *thetas; k++) {
    double x[N], j[LARGEST], other[N], other_j[LARGEST], ahead[N], back[N], at[D];
    evaluate_case(&cases[0], thetas[k], x, j);
    for (int i = 1; i < n; i++) {
      evaluate_case(&cases[i], thetas[k], other, other_j);
      for (int r = 0; r < N; r++) assert_close(other[r], x[r], 1e-8);
      for (int r = 0; r < LARGEST; r++)
        if (!(fabs(other_j[r] - j[r]) <= 1e-6))
          fail_msg("%s and %s: entry %d is %.9g and %.9g", cases[0].name, cases[i].name, r, j[r], other_j[r]);
    }
    for (int t = 0; t < D; t++) {
      memcpy(at, thetas[k], sizeof at);
      at[t] += 1e-5, evaluate_case(&cases[0], at, ahead, other_j);
      at[t] -= 2e-5, evaluate_case(&cases[0], at, back, other_j);
      for (int r = 0; r < N; r++) assert_close(j[r * D + t], (ahead[r] - back[r]) / 2e-5, 1e-5);
    }
  }
}

static void on_the_simplex(void **state) {
  (void)state;
  same(4, (const case_of[]){{"projected gradient", "projected_gradient", by_projection},
                            {"KKT by osqp", "osqp", by_rows},
                            {"KKT by osqp, unpolished", "osqp:polish=0,max_iter=100000", by_rows},
                            {"KKT by ipm", "ipm", by_rows}});
}

static void with_bounds(void **state) {
  (void)state;
  same(3, (const case_of[]){{"tron", "tron", in_box}, {"box_cd", "box_cd:max_iter=100000", in_box}, {"osqp", "osqp", in_box}});
}

static void with_equalities(void **state) {
  (void)state;
  same(3, (const case_of[]){
              {"equality_qp", "equality_qp", on_plane}, {"by GMRES", "equality_qp:solver=gmres", on_plane}, {"osqp", "osqp", on_plane}});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(on_the_simplex),
      cmocka_unit_test(with_bounds),
      cmocka_unit_test(with_equalities),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
