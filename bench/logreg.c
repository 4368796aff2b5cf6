/* Multinomial (or, for two classes, binary) logistic regression with an l2 penalty by lbfgs, for logreg.py:
 *
 *   talweg_logreg X.npy label.npy CLASSES L2 GRADIENT THREADS SECONDS
 *
 * minimises sum_i loss(X_i W + b, label_i) + L2/2 |W|^2 from 0 until no entry of the gradient exceeds GRADIENT, and prints the
 * median of the seconds of solves repeated for SECONDS, from the statement of the problem to its result. */
#include "bench.h"

#include <math.h>

typedef struct logreg {
  tw_array x, label;
  int64_t classes;
  double l2, gradient;
  int threads;
  tw_result result;
} logreg;

static tw_expr total(tw_expr e) { return tw_sum(e, TW_ALL, false); }

static tw_expr loss_of(const logreg *l, tw_expr x, tw_expr label, tw_expr w, tw_expr b) {
  tw_expr scores = tw_add(tw_matmul(x, w), b);
  if (l->classes == 2) return total(tw_softplus(tw_mul(tw_sub(tw_scalar(x.graph, 1), tw_scale(label, 2)), scores)));
  tw_expr own = tw_take_along(scores, tw_expand(tw_cast(label, TW_I64), -1), 1);
  return tw_sub(total(tw_logsumexp(scores, 2, false)), total(own));
}

/* The stationarity that lbfgs tests is relative to the gradient at 0. */
static tw_status run(logreg *l, const tw_oracle *oracle) {
  const size_t n = (size_t)oracle->n;
  double *g = calloc(2 * n, sizeof *g), f;
  const tw_exec exec = {.threads = l->threads};
  if (!g) return TW_ERR_MEMORY;
  oracle->exec(oracle->context, &exec);
  tw_status status = oracle->gradient(oracle->context, g + n, &f, g, &bench_error);
  const double tol = l->gradient / fmax(1, tw_vec_norm_inf(g, n));
  free(g);
  const tw_solve_options options = {.method = "lbfgs", .tolerance = tol, .exec = exec};
  return status != TW_OK ? status : tw_minimize(oracle, NULL, &options, &l->result, &bench_error);
}

static int solve(void *l_) {
  logreg *l = l_;
  const int64_t cols = l->x.shape.dim[1];
  tw_graph *graph = tw_graph_new();
  tw_problem *p = tw_problem_new(graph);
  tw_class cls;
  tw_oracle oracle = {0};
  if (!graph || !p) return 1;
  tw_expr x = tw_problem_parameter(p, "X", &l->x), label = tw_problem_parameter(p, "label", &l->label);
  tw_expr w = tw_problem_variable(p, "W", l->classes == 2 ? TW_SHAPE(cols) : TW_SHAPE(cols, l->classes));
  tw_expr b = tw_problem_variable(p, "b", l->classes == 2 ? TW_SCALAR : TW_SHAPE(l->classes));
  tw_problem_minimize(p, NULL, tw_add(loss_of(l, x, label, w, b), tw_scale(total(tw_square(w)), 0.5 * l->l2)));
  tw_result_free(&l->result);
  int bad = tw_classify(p, &cls, &bench_error) != TW_OK || tw_oracle_from_problem(&oracle, p, &cls, &bench_error) != TW_OK ||
            run(l, &oracle) != TW_OK;
  tw_oracle_release(&oracle);
  tw_problem_free(p);
  tw_graph_free(graph);
  return bad;
}

int main(int argc, char **argv) {
  logreg l = {0};
  if (argc != 8) {
    fprintf(stderr, "talweg_logreg X.npy label.npy CLASSES L2 GRADIENT THREADS SECONDS\n");
    return 2;
  }
  if (tw_npy_read(argv[1], &l.x, &bench_error) != TW_OK || tw_npy_read(argv[2], &l.label, &bench_error) != TW_OK)
    return bench_fail("logreg");
  l.classes = atoll(argv[3]);
  l.l2 = atof(argv[4]);
  l.gradient = atof(argv[5]);
  l.threads = atoi(argv[6]);
  const int bad = bench_time("logreg", "talweg", l.threads, atof(argv[7]), solve, &l);
  printf("{\"outcome\": \"%s\", \"f\": %.17g, \"iterations\": %lld, \"gradients\": %lld}\n", tw_outcome_name(l.result.outcome), l.result.f,
         (long long)l.result.iterations, (long long)l.result.counts.gradient);
  tw_result_free(&l.result);
  tw_array_free(&l.x);
  tw_array_free(&l.label);
  return bad;
}
