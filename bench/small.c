/* x0 x3 (x0 + x1 + x2) + x2 and its gradient (Hock and Schittkowski 1981, problem 71): four variables, where what matters is the way
 * to the arithmetic. */
#include "bench.h"

#include <math.h>

enum { TIMES = 1000 }; /* calls in one that is timed: the clock is slow beside one */

typedef struct small {
  tw_oracle oracle;
  double x[4], f, gradient[4];
} small;

static int library(void *s_) {
  small *s = s_;
  for (int k = 0; k < TIMES; k++) {
    s->x[0] = 1 + 1e-6 * k;
    if (s->oracle.gradient(s->oracle.context, s->x, &s->f, s->gradient, &bench_error) != TW_OK) return 1;
  }
  return 0;
}

static __attribute__((noinline)) void by_hand_once(const double *x, double *f, double *gradient) {
  const double sum = x[0] + x[1] + x[2], product = x[0] * x[3];
  *f = product * sum + x[2];
  gradient[0] = x[3] * sum + product;
  gradient[1] = product;
  gradient[2] = product + 1;
  gradient[3] = x[0] * sum;
}

static int by_hand(void *s_) {
  small *s = s_;
  for (int k = 0; k < TIMES; k++) {
    s->x[0] = 1 + 1e-6 * k;
    by_hand_once(s->x, &s->f, s->gradient);
  }
  return 0;
}

static bool is_near(const small *s, const small *right) {
  bool near = fabs(s->f - right->f) <= 1e-13 * fabs(right->f);
  for (int i = 0; i < 4; i++) near = near && fabs(s->gradient[i] - right->gradient[i]) <= 1e-13 * fabs(right->gradient[i]);
  return near;
}

int bench_small(void) {
  tw_graph *g = tw_graph_new();
  tw_problem *p = tw_problem_new(g);
  tw_class cls;
  tw_expr v[4];
  small s = {.x = {1, 5, 5, 1}}, right = s;
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(4));
  for (int i = 0; i < 4; i++) v[i] = tw_reshape(tw_slice(x, 0, i, 1, 1), TW_SCALAR);
  tw_problem_minimize(p, NULL, tw_add(tw_mul(tw_mul(v[0], v[3]), tw_add(tw_add(v[0], v[1]), v[2])), v[2]));
  if (tw_classify(p, &cls, &bench_error) != TW_OK || tw_oracle_from_problem(&s.oracle, p, &cls, &bench_error) != TW_OK)
    return bench_fail("small");
  int bad = bench_time("small", "plain C", 1, 0.5, by_hand, &right);
  for (int jit = 0; jit < 2; jit++) {
    s.oracle.exec(s.oracle.context, &(tw_exec){.threads = 1, .jit = jit ? TW_JIT_ON : TW_JIT_OFF});
    bad |= bench_time("small", jit ? "talweg, native" : "talweg", 1, 0.5, library, &s);
    if (!is_near(&s, &right)) fprintf(stderr, "bench: small: values differ\n"), bad = 1;
  }
  tw_oracle_release(&s.oracle);
  return bad;
}
