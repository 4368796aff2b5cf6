/* Derivatives of solutions: implicit, one step, unrolled, by central differences; their errors, times and memory, and what a support saves.
 * Writes docs/benchmarks/implicit.md: talweg_implicit examples/data/diabetes.csv OUT. */
#include <talweg/talweg.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static tw_error error;
static FILE *page;

static int fail(const char *what) {
  fprintf(stderr, "implicit: %s: %s\n", what, error.message);
  return 1;
}

static tw_expr total(tw_expr e) { return tw_sum(e, TW_ALL, false); }

static tw_expr normal_constant(tw_graph *g, uint64_t key, tw_shape shape) {
  tw_array a;
  if (tw_array_new(&a, TW_F64, shape, &error) != TW_OK) return TW_NONE;
  tw_random_normal_fill(key, 0, (size_t)tw_shape_size(&shape), a.data);
  tw_expr e = tw_constant(g, &a);
  tw_array_free(&a);
  return e;
}

/* ------------------------------------------------------------------ problems in a scalar theta, as sums over a solution */

typedef tw_expr state_case(tw_graph *g, tw_expr theta, const char *method);
static const char *diabetes;

static tw_expr close_case(tw_problem *p, const char *method) {
  const tw_nested *nested = tw_nested_close(p, method, &error);
  tw_problem_free(p);
  return nested ? tw_nested_variable(tw_argmin(nested), nested, 0) : TW_NONE;
}

/* X w - y of diabetes, columns centred to norm 1. */
static tw_expr ridge_residual(tw_graph *g, tw_expr w, tw_expr *xs) {
  tw_array x = {0}, y = {0};
  if (tw_csv_read(diabetes, "age..s6", &x, &error) != TW_OK || tw_csv_read(diabetes, "target", &y, &error) != TW_OK) return TW_NONE;
  tw_expr ys = tw_scale(tw_constant(g, &y), 0.01);
  *xs = tw_constant(g, &x);
  tw_array_free(&x);
  tw_array_free(&y);
  *xs = tw_sub(*xs, tw_mean(*xs, 1, true));
  *xs = tw_div(*xs, tw_norm(*xs, 1, true));
  return tw_sub(tw_matmul(*xs, w), tw_sub(ys, tw_mean(ys, TW_ALL, false)));
}

static tw_expr ridge(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(10)), xs, r = ridge_residual(g, w, &xs);
  if (tw_is_none(r)) return TW_NONE;
  tw_problem_minimize(p, NULL, tw_scale(tw_add(total(tw_square(r)), tw_mul(theta, total(tw_square(w)))), 0.5));
  return close_case(p, method);
}

static tw_expr lasso(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(100)), x = tw_scale(normal_constant(g, 1, TW_SHAPE(200, 100)), 0.1);
  tw_expr planted = tw_where(tw_lt(tw_iota(g, TW_F64, 100), tw_scalar(g, 5)), tw_scalar(g, 2), tw_scalar(g, 0));
  tw_expr r = tw_sub(tw_matmul(x, tw_sub(w, planted)), tw_scale(normal_constant(g, 2, TW_SHAPE(200)), 0.02));
  tw_expr l1 = tw_regularizer(g, tw_regularizer_find("l1"), w, 0, NULL);
  tw_problem_minimize(p, NULL, tw_add(tw_scale(total(tw_square(r)), 0.5), tw_mul(tw_scale(theta, 0.3), l1)));
  return close_case(p, method);
}

static tw_expr quadratic(tw_graph *g, tw_expr theta, tw_expr x) {
  tw_expr m = normal_constant(g, 4, TW_SHAPE(20, 20)), mx = tw_matmul(m, x),
          c = tw_add(normal_constant(g, 5, TW_SHAPE(20)), tw_mul(theta, normal_constant(g, 6, TW_SHAPE(20))));
  return tw_add(tw_scale(tw_add(tw_scale(tw_dot(mx, mx), 0.05), tw_dot(x, x)), 0.5), tw_dot(c, x));
}
static tw_expr box_qp(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(20));
  tw_problem_bounds(p, x, tw_scalar(g, 0), tw_scalar(g, 1));
  tw_problem_minimize(p, NULL, quadratic(g, theta, x));
  return close_case(p, method);
}
static tw_expr simplex_qp(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(20));
  tw_problem_domain(p, x, tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(20), 0, NULL));
  tw_problem_minimize(p, NULL, quadratic(g, theta, x));
  return close_case(p, method);
}

/* The dual of the multiclass support vector machine: rows on the simplex, 120 samples, 4 classes, 40 features. */
static tw_expr svm(tw_graph *g, tw_expr theta, const char *method) {
  enum { M = 120, K = 4, F = 40 };
  tw_problem *p = tw_problem_new(g);
  tw_expr b = tw_problem_variable(p, "beta", TW_SHAPE(M, K));
  tw_expr row = tw_reshape(tw_iota(g, TW_F64, M), TW_SHAPE(M, 1)), label = tw_mod(row, tw_scalar(g, K));
  tw_expr y = tw_cast(tw_eq(label, tw_reshape(tw_iota(g, TW_F64, K), TW_SHAPE(1, K))), TW_F64);
  tw_expr x = tw_add(normal_constant(g, 7, TW_SHAPE(M, F)), tw_scale(tw_matmul(y, normal_constant(g, 8, TW_SHAPE(K, F))), 0.5));
  tw_expr w = tw_matmul(tw_matrix_transpose(x), tw_sub(y, b)), scale = tw_exp(tw_scale(theta, 4));
  tw_domain rows = tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(M, K), 0, NULL);
  tw_problem_domain(p, b, rows);
  tw_problem_start(p, b, tw_fill(g, TW_F64, TW_SHAPE(M, K), 1.0 / K));
  tw_problem_minimize(p, NULL, tw_add(tw_div(total(tw_square(w)), tw_scale(scale, 2)), total(tw_mul(b, y))));
  return close_case(p, method);
}

static tw_expr layer(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(50)), m = tw_scale(normal_constant(g, 9, TW_SHAPE(50, 50)), 0.07);
  tw_problem_fixpoint(p, x, tw_tanh(tw_add(tw_matmul(m, x), tw_mul(theta, normal_constant(g, 10, TW_SHAPE(50))))));
  return close_case(p, method);
}

/* ------------------------------------------------------------------ one way of differentiating one problem */

typedef struct measured {
  double value, slope, seconds;
  size_t bytes;
  tw_evidence evidence;
} measured;

/* f = sum sin(x_i + i) of the solution and df/dtheta by reverse mode, cold, at theta. */
static int measure(state_case *state, const char *method, double theta, bool slope, measured *out) {
  tw_graph *g = tw_graph_new();
  tw_expr t = tw_input(g, "theta", TW_F64, TW_SCALAR), x = state(g, t, method), f = TW_NONE;
  if (tw_is_none(x)) return fail(method);
  f = total(tw_sin(tw_add(tw_ravel(x), tw_iota(g, TW_F64, tw_size_of(x)))));
  tw_expr e[2] = {f, slope ? tw_grad(f, t) : f};
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  int bad = tw_fn_new(&fn, 1, &t, 2, e, NULL, &error) != TW_OK || tw_work_new(&work, fn, &error) != TW_OK;
  if (!bad) {
    tw_work_exec(work, &(tw_exec){.threads = 1, .jit = TW_JIT_OFF});
    const double from = tw_now();
    bad = tw_fn_call(fn, work, (const void *[]){&theta}, (void *[]){&out->value, &out->slope}, 0, &error) != TW_OK;
    out->seconds = tw_now() - from;
    out->bytes = tw_fn_work_bytes(fn);
  }
  if (!bad) tw_work_evidence(work, &out->evidence);
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
  return bad ? fail(method) : 0;
}

typedef struct bench_case {
  const char *name;
  state_case *state;
  const char *solver; /* of the reference and of the differences */
  const char *way[5];
} bench_case;

static const bench_case cases[] = {
    {"ridge, diabetes",
     ridge,
     "newton_cg:tol=1e-14",
     {"gd:tol=1e-10", "gd:tol=1e-10,derivative=one_step", "gd:derivative=unrolled,max_iter=30", "gd:derivative=unrolled,max_iter=300"}},
    {"lasso 200 x 100",
     lasso,
     "proximal_gradient:tol=1e-14",
     {"proximal_gradient:tol=1e-10", "proximal_gradient:tol=1e-10,derivative=one_step",
      "proximal_gradient:derivative=unrolled,max_iter=100", "proximal_gradient:derivative=unrolled,max_iter=1000"}},
    {"QP in a box",
     box_qp,
     "projected_gradient:tol=1e-14",
     {"projected_gradient:tol=1e-10", "projected_gradient:tol=1e-10,derivative=one_step",
      "projected_gradient:derivative=unrolled,max_iter=50", "projected_gradient:derivative=unrolled,max_iter=500"}},
    {"QP on the simplex",
     simplex_qp,
     "projected_gradient:tol=1e-14",
     {"projected_gradient:tol=1e-10", "projected_gradient:tol=1e-10,derivative=one_step",
      "projected_gradient:derivative=unrolled,max_iter=50", "projected_gradient:derivative=unrolled,max_iter=500"}},
    {"multiclass SVM",
     svm,
     "projected_gradient:tol=1e-14",
     {"projected_gradient:tol=1e-10", "projected_gradient:derivative=unrolled,max_iter=500",
      "projected_gradient:derivative=unrolled,max_iter=2000", "projected_gradient:derivative=unrolled,max_iter=2000,checkpoints=64",
      "mirror_descent:derivative=unrolled,step=0.2,max_iter=2000"}},
    {"equilibrium layer",
     layer,
     "newton_root:tol=1e-14",
     {"picard:tol=1e-12", "picard:tol=1e-12,derivative=one_step", "picard:derivative=unrolled,max_iter=20",
      "picard:derivative=unrolled,max_iter=200"}},
};

static int compare(const bench_case *c) {
  const double theta = 1, h = 1e-5;
  measured reference, up, down, m;
  if (measure(c->state, c->solver, theta, true, &reference) || measure(c->state, c->solver, theta + h, false, &up) ||
      measure(c->state, c->solver, theta - h, false, &down))
    return 1;
  const double exact = reference.slope, difference = (up.value - down.value) / (2 * h);
  fprintf(page, "| %s | central differences, %s | %.1e | %.3g | - | - |\n", c->name, c->solver, fabs(difference - exact) / fabs(exact),
          up.seconds + down.seconds);
  for (int k = 0; k < 5 && c->way[k]; k++) {
    if (measure(c->state, c->way[k], theta, true, &m)) return 1;
    fprintf(page, "| %s | %s | %.1e | %.3g | %zu | %s |\n", c->name, c->way[k], fabs(m.slope - exact) / fabs(exact), m.seconds,
            m.bytes / 1024, m.evidence.reliable ? "yes" : "no");
  }
  return 0;
}

/* ------------------------------------------------------------------ early stops */

static int call_once(tw_expr in, tw_expr out, const double *at, double *value) {
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  const int bad = tw_fn_new(&fn, 1, &in, 1, &out, NULL, &error) != TW_OK || tw_work_new(&work, fn, &error) != TW_OK ||
                  tw_fn_call(fn, work, (const void *[]){at}, (void *[]){value}, 0, &error) != TW_OK;
  tw_work_free(work);
  tw_fn_free(fn);
  return bad ? fail("early stops") : 0;
}

/* df/dtheta by the implicit rule at the iterate that `method` stops at: F = X'(X w - y) + theta w. */
static int implicit_at_iterate(const char *method, double theta, double *slope) {
  tw_graph *g = tw_graph_new();
  tw_expr t = tw_input(g, "theta", TW_F64, TW_SCALAR), iterate = ridge(g, t, method), w = tw_input(g, "w", TW_F64, TW_SHAPE(10)), xs;
  if (tw_is_none(iterate)) return fail(method);
  tw_expr r = ridge_residual(g, w, &xs), f = total(tw_sin(tw_add(w, tw_iota(g, TW_F64, 10))));
  double wk[10], bar[10];
  if (call_once(t, iterate, &theta, wk) || call_once(w, tw_grad(f, w), wk, bar)) return 1;
  const tw_root root = {.f = tw_add(tw_matmul(r, xs), tw_mul(t, w)), .x = w, .n_theta = 1, .theta = &t};
  const int bad = tw_root_vjp(&root, NULL, wk, (const void *[]){&theta}, bar, (double *[]){slope}, NULL, &error) != TW_OK;
  tw_graph_free(g);
  return bad ? fail(method) : 0;
}

static int early_stops(void) {
  measured exact, unrolled;
  fprintf(page, "\n## Ridge on diabetes, stopped early\n\nRelative errors of d f / d theta after so many iterations of gradient descent: "
                "by the implicit rule at the iterate "
                "(`tw_root_vjp`), and unrolled.\n\n| iterations | implicit | unrolled |\n|--:|--:|--:|\n");
  if (measure(ridge, "newton_cg:tol=1e-14", 1, true, &exact)) return 1;
  for (int a = 1; a <= 12; a++) {
    char method[96];
    double slope;
    snprintf(method, sizeof method, "gd:derivative=unrolled,step=0.19,max_iter=%d", 5 * a);
    if (measure(ridge, method, 1, true, &unrolled) || implicit_at_iterate(method, 1, &slope)) return 1;
    fprintf(page, "| %d | %.1e | %.1e |\n", 5 * a, fabs(slope - exact.slope) / fabs(exact.slope),
            fabs(unrolled.slope - exact.slope) / fabs(exact.slope));
  }
  return 0;
}

/* ------------------------------------------------------------------ supports */

enum { ROWS = 100, COLUMNS = 1000 };

static tw_expr planted_residual(tw_graph *g, tw_expr w) {
  static const int64_t at[] = {3, 10, 500, 900};
  static const double value[] = {3, -2, 2.5, -3};
  double v[COLUMNS] = {0};
  for (int k = 0; k < 4; k++) v[at[k]] = value[k];
  tw_array a = tw_array_f64(v, TW_SHAPE(COLUMNS));
  tw_expr x = normal_constant(g, 1, TW_SHAPE(ROWS, COLUMNS));
  return tw_sub(tw_matmul(x, tw_sub(w, tw_constant(g, &a))), tw_scale(normal_constant(g, 2, TW_SHAPE(ROWS)), 0.1));
}

static tw_expr smooth_part(tw_graph *g, tw_expr w) {
  return tw_add(tw_scale(total(tw_square(planted_residual(g, w))), 0.5), tw_scale(tw_dot(w, w), 0.5));
}

/* Seconds of one hyper-gradient at a solution that is known: the solve and its products. */
static double seconds_of(tw_fn *fn, tw_work *work, const void *const *in, void *const *out) {
  enum { CALLS = 20 };
  double least = INFINITY;
  for (int k = 0; k < CALLS; k++) {
    const double from = tw_now();
    if (tw_fn_call(fn, work, in, out, 0, &error) != TW_OK) return NAN;
    least = fmin(least, tw_now() - from);
  }
  return least;
}

typedef struct known {
  const double *x;
} known;
static tw_status recite(void *context, const void *const *theta, double *x, tw_error *e) {
  (void)theta, (void)e;
  memcpy(x, ((const known *)context)->x, COLUMNS * sizeof *x);
  return TW_OK;
}

static int hypergradient(tw_expr theta, tw_expr x, const double *lambda, double *slope, double *seconds, tw_evidence *evidence) {
  tw_expr f = tw_grad(total(tw_square(x)), theta);
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  if (tw_fn_new(&fn, 1, &theta, 1, &f, NULL, &error) != TW_OK || tw_work_new(&work, fn, &error) != TW_OK) return fail("hyper-gradient");
  tw_work_exec(work, &(tw_exec){.threads = 1});
  *seconds = seconds_of(fn, work, (const void *[]){lambda}, (void *[]){slope});
  tw_work_evidence(work, evidence);
  tw_work_free(work);
  tw_fn_free(fn);
  return isnan(*seconds) ? fail("hyper-gradient") : 0;
}

static int supports(void) {
  const double lambda = 30;
  double x[COLUMNS], slope[2], seconds[2];
  tw_evidence evidence[2];
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "lambda", TW_F64, TW_SCALAR);
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(COLUMNS)), l1 = tw_regularizer(g, tw_regularizer_find("l1"), w, 0, NULL);
  tw_problem_minimize(p, NULL, tw_add(smooth_part(g, w), tw_mul(theta, l1)));
  tw_expr solution = close_case(p, "proximal_gradient:tol=1e-13");
  if (tw_is_none(solution)) return fail("lasso");
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  if (tw_fn_new(&fn, 1, &theta, 1, &solution, NULL, &error) != TW_OK || tw_work_new(&work, fn, &error) != TW_OK ||
      tw_fn_call(fn, work, (const void *[]){&lambda}, (void *[]){x}, 0, &error) != TW_OK)
    return fail("lasso");
  tw_work_free(work);
  tw_fn_free(fn);
  int support = 0;
  for (int i = 0; i < COLUMNS; i++) support += x[i] != 0;
  if (hypergradient(theta, solution, &lambda, &slope[0], &seconds[0], &evidence[0])) return 1;
  tw_expr unknown = tw_input(g, "w", TW_F64, TW_SHAPE(COLUMNS)), z;
  const tw_condition_parts parts = {
      .x = unknown, .f = smooth_part(g, unknown), .regularizer = tw_regularizer_find("l1"), .weight = theta, .eta = tw_scalar(g, 1e-3)};
  known k = {x};
  const tw_custom custom = {.x = unknown,
                            .f = tw_condition_of(TW_CONDITION_PROXIMAL_GRADIENT, &parts, &z),
                            .n_theta = 1,
                            .theta = &theta,
                            .solve = recite,
                            .context = &k};
  if (hypergradient(theta, tw_custom_root(&custom), &lambda, &slope[1], &seconds[1], &evidence[1])) return 1;
  fprintf(
      page,
      "\n## Support of the solution\n\nThe hyper-gradient of a lasso (with a small ridge) of %d rows and %d columns whose solution has %d "
      "entries, at a known solution: by the "
      "condition of the nested problem, which holds the entries off the support, and through the proximal mapping over all entries.\n\n",
      ROWS, COLUMNS, support);
  fprintf(page, "| | solver | products | flops of products | s | gradient |\n|---|---|--:|--:|--:|--:|\n");
  const char *names[2] = {"on the support", "over all entries"};
  for (int i = 0; i < 2; i++)
    fprintf(page, "| %s | %s | %lld | %.3g | %.3g | %.9g |\n", names[i], evidence[i].linear, (long long)evidence[i].evaluations,
            evidence[i].product_flops, seconds[i], slope[i]);
  fprintf(page, "| ratio | | | %.0f | %.0f | |\n", evidence[1].product_flops / evidence[0].product_flops, seconds[1] / seconds[0]);
  tw_graph_free(g);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: talweg_implicit DIABETES.csv OUT.md\n");
    return 1;
  }
  diabetes = argv[1];
  if (!(page = fopen(argv[2], "w"))) {
    fprintf(stderr, "implicit: cannot write %s\n", argv[2]);
    return 1;
  }
  char day[32] = "";
  const time_t now = time(NULL);
  struct tm parts;
  if (localtime_r(&now, &parts)) strftime(day, sizeof day, "%Y-%m-%d", &parts);
  fprintf(page,
          "# Derivatives of solutions\n\n%s, one thread, no native code; written by `bench/implicit.c` (`make bench`).\n\n"
          "The derivative in theta of f = sum sin(x_i + i) of a solution x(theta), by reverse mode, cold: the solve included. Errors are "
          "relative to the implicit derivative at a "
          "solution to 1e-14, whose own error the central differences (h = 1e-5) bound. KiB: planned buffers of value and gradient. "
          "Reliable: what `tw_work_evidence` says.\n\n"
          "| problem | how | error | s | KiB | reliable |\n|---|---|--:|--:|--:|---|\n",
          day);
  int bad = 0;
  for (size_t k = 0; k < sizeof cases / sizeof *cases && !bad; k++) bad = compare(&cases[k]);
  if (!bad) bad = early_stops();
  if (!bad) bad = supports();
  if (fclose(page) != 0) bad = 1;
  return bad;
}
