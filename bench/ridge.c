/* sum((Xs w - yc)^2) + exp(l) sum(w^2) and its gradient in w, 442 x 10: interpreted, with native code, and by hand with BLAS. */
#include "bench.h"

#include <cblas.h>
#include <math.h>

typedef struct ridge {
  tw_oracle oracle;
  tw_array xs, yc;
  double w[10], grad[10], f, r[442];
} ridge;

static int build(ridge *b, tw_graph *g, const char *path) {
  tw_array x = {0}, y = {0};
  tw_class cls;
  if (tw_csv_read(path, "age..s6", &x, &bench_error) != TW_OK || tw_csv_read(path, "target", &y, &bench_error) != TW_OK) return 1;
  tw_expr xs = tw_constant(g, &x), ys = tw_constant(g, &y);
  xs = tw_sub(xs, tw_mean(xs, 1, true));
  xs = tw_div(xs, tw_norm(xs, 1, true));
  ys = tw_sub(ys, tw_mean(ys, TW_ALL, false));
  tw_problem *p = tw_problem_new(g); /* lives as long as the program */
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(x.shape.dim[1]));
  tw_expr penalty = tw_mul(tw_exp(tw_scalar(g, 0)), tw_sum(tw_square(w), TW_ALL, false));
  tw_problem_minimize(p, NULL, tw_add(tw_sum(tw_square(tw_sub(tw_matmul(xs, w), ys)), TW_ALL, false), penalty));
  tw_array_free(&x);
  tw_array_free(&y);
  if (tw_eval(xs, &b->xs, &bench_error) != TW_OK || tw_eval(ys, &b->yc, &bench_error) != TW_OK) return 1;
  return tw_classify(p, &cls, &bench_error) != TW_OK || tw_oracle_from_problem(&b->oracle, p, &cls, &bench_error) != TW_OK;
}

static int library(void *b_) {
  ridge *b = b_;
  return b->oracle.gradient(b->oracle.context, b->w, &b->f, b->grad, &bench_error) != TW_OK;
}

static int by_hand(void *b_) {
  ridge *b = b_;
  memcpy(b->r, b->yc.data, sizeof b->r);
  cblas_dgemv(CblasRowMajor, CblasNoTrans, 442, 10, 1, b->xs.data, 10, b->w, 1, -1, b->r, 1);
  memcpy(b->grad, b->w, sizeof b->grad);
  cblas_dgemv(CblasRowMajor, CblasTrans, 442, 10, 2, b->xs.data, 10, b->r, 1, 2, b->grad, 1);
  b->f = cblas_ddot(442, b->r, 1, b->r, 1) + cblas_ddot(10, b->w, 1, b->w, 1);
  return 0;
}

int bench_ridge(const char *path) {
  tw_graph *g = tw_graph_new();
  ridge b = {0};
  if (!g || build(&b, g, path)) return bench_fail("ridge");
  tw_random_normal_fill(1, 0, 10, b.w);
  double first[2];
  int bad = 0;
  for (int jit = 0; jit < 2; jit++) {
    b.oracle.exec(b.oracle.context, &(tw_exec){.threads = 1, .jit = jit ? TW_JIT_ON : TW_JIT_OFF});
    bad |= bench_time("ridge", jit ? "talweg, native" : "talweg", 1, 1, library, &b);
    first[jit] = b.f;
  }
  bad |= bench_time("ridge", "C with BLAS", 1, 1, by_hand, &b);
  if (!(fabs(b.f - first[0]) <= 1e-12 * b.f && first[0] == first[1])) fprintf(stderr, "bench: ridge: values differ\n"), bad = 1;
  tw_oracle_release(&b.oracle);
  return bad;
}
