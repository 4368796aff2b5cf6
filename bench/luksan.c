/* Example 8, Luksan and Vlcek's chained Rosenbrock function with trigonometric-exponential constraints (1999, problem 5.1): objective,
 * gradient, values of the constraints' Jacobian and of the Lagrangian's Hessian, N = 10^6, against the same by hand. */
#include "bench.h"

#include <math.h>

typedef struct program {
  tw_graph *graph;
  tw_expr x, y, out[4];
  tw_sparse_derivative jacobian, hessian;
  int64_t n;
} program;

static tw_expr at(tw_expr x, tw_expr k, int64_t shift) {
  tw_expr i = shift ? tw_add(k, tw_integer(k.graph, shift)) : k;
  return tw_take(x, 1, &i);
}

/* The statement and its gradient: what grows with N is arrays alone, and there are none yet. */
static int state(program *p, int64_t n, tw_expr *rows) {
  tw_graph *g = p->graph = tw_graph_new();
  p->n = n;
  p->x = tw_input(g, "x", TW_F64, TW_SHAPE(n));
  p->y = tw_input(g, "y", TW_F64, TW_SHAPE(n - 2));
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), a = at(p->x, k, 0), b = at(p->x, k, 1), c = at(p->x, k, 2), one = tw_scalar(g, 1);
  p->out[0] = tw_loop_sum(k, n - 1, tw_add(tw_scale(tw_square(tw_sub(tw_square(a), b)), 100), tw_square(tw_sub(a, one))));
  tw_expr row = tw_add(tw_scale(tw_mul(tw_square(b), b), 3), tw_sub(tw_scale(c, 2), tw_scalar(g, 5)));
  row = tw_add(row, tw_mul(tw_sin(tw_sub(b, c)), tw_sin(tw_add(b, c))));
  row = tw_sub(tw_sub(tw_add(row, tw_scale(b, 4)), tw_mul(a, tw_exp(tw_sub(a, b)))), tw_scalar(g, 3));
  *rows = tw_loop_stack(k, n - 2, row);
  p->out[1] = tw_grad(p->out[0], p->x);
  return tw_graph_check(g, &bench_error) != TW_OK;
}

/* .. and the sparse derivatives, whose patterns are arrays of N. */
static int build(program *p, int64_t n) {
  tw_expr rows;
  if (state(p, n, &rows)) return 1;
  tw_graph *g = p->graph;
  if (tw_sparse_jacobian(rows, 1, &p->x, &p->jacobian) != TW_OK ||
      tw_sparse_hessian(tw_add(p->out[0], tw_dot(p->y, rows)), 1, &p->x, &p->hessian) != TW_OK)
    return tw_graph_check(g, &bench_error) != TW_OK;
  p->out[2] = p->jacobian.values;
  p->out[3] = p->hessian.values;
  return 0;
}

static void discard(program *p) {
  tw_sparse_derivative_free(&p->jacobian);
  tw_sparse_derivative_free(&p->hessian);
  tw_graph_free(p->graph);
}

/* The same quantities in compressed columns, written for this problem. Column j of the Jacobian: rows j-2, j-1, j. */
typedef struct by_hand {
  int64_t n;
  const double *x, *y;
  double f, *g, *jac, *hes;
} by_hand;

static double *entry(double *jac, int64_t n, int64_t row, int64_t col) { /* rows max(0, j-2) .. min(j, n-3) */
  const int64_t first = col >= 2 ? col - 2 : 0, before = col < 2 ? col * (col + 1) / 2 : 3 * (col - 1) - (col == n - 1);
  return jac + before + (row - first);
}

static int plain(void *h_) {
  by_hand *h = h_;
  const int64_t n = h->n;
  const double *x = h->x, *y = h->y;
  double f = 0, *g = h->g, *hes = h->hes;
  memset(g, 0, (size_t)n * sizeof *g);
  memset(hes, 0, (size_t)(2 * n) * sizeof *hes); /* (j, j), (j+1, j) */
  for (int64_t k = 0; k + 1 < n; k++) {
    const double a = x[k], u = a * a - x[k + 1], v = a - 1;
    f += 100 * u * u + v * v;
    g[k] += 400 * a * u + 2 * v;
    g[k + 1] -= 200 * u;
    hes[2 * k] += 1200 * a * a - 400 * x[k + 1] + 2;
    hes[2 * k + 1] -= 400 * a;
    hes[2 * k + 2] += 200;
  }
  for (int64_t k = 0; k + 2 < n; k++) {
    const double a = x[k], b = x[k + 1], c = x[k + 2], w = y[k];
    const double s1 = sin(b - c), c1 = cos(b - c), s2 = sin(b + c), c2 = cos(b + c), e = exp(a - b);
    *entry(h->jac, n, k, k) = -(1 + a) * e;
    *entry(h->jac, n, k, k + 1) = 9 * b * b + c1 * s2 + s1 * c2 + 4 + a * e;
    *entry(h->jac, n, k, k + 2) = 2 - c1 * s2 + s1 * c2;
    hes[2 * k] -= w * (2 + a) * e;
    hes[2 * k + 1] += w * (1 + a) * e;
    hes[2 * k + 2] += w * (18 * b + 2 * c1 * c2 - 2 * s1 * s2 - a * e);
    hes[2 * k + 4] -= w * (2 * s1 * s2 + 2 * c1 * c2);
  }
  h->f = f;
  return 0;
}

static double difference(const double *a, const double *b, int64_t n) {
  double most = 0, scale = 0;
  for (int64_t i = 0; i < n; i++) {
    most = fmax(most, fabs(a[i] - b[i]));
    scale = fmax(scale, fabs(b[i]));
  }
  return most / scale;
}

static int state_and_discard(void *n) {
  program p = {0};
  tw_expr rows;
  if (state(&p, *(int64_t *)n, &rows)) return 1;
  discard(&p);
  return 0;
}

static int build_and_discard(void *n) {
  program p = {0};
  if (build(&p, *(int64_t *)n)) return 1;
  discard(&p);
  return 0;
}

/* Adds up the milliseconds of "jit: .. in N ms". */
static void add_compile_time(void *total, tw_level level, const char *message) {
  const char *in = strstr(message, " in ");
  (void)level;
  if (strncmp(message, "jit: ", 5) == 0 && in) *(double *)total += 1e-3 * atof(in + 4);
}

/* How long cc takes for the program's loops of n, in a cache folder of its own that does not know them; `name` NULL: to warm
 * cc up. */
static int bench_compile(const char *name, int64_t n, double *x, double *y, double *out) {
  char folder[512];
  if (tw_temporary_folder(folder, sizeof folder, &bench_error) != TW_OK) return bench_fail("luksan");
  setenv("XDG_CACHE_HOME", folder, 1);
  program p = {0};
  bench_fn fn = {.in = {x, y}, .out = {out, out + 1, out + 1 + n, out + 1 + 4 * n}};
  if (build(&p, n) || bench_fn_open(&fn, 2, (tw_expr[]){p.x, p.y}, 4, p.out, (tw_exec){.jit = TW_JIT_OFF})) return bench_fail(name);
  double total = 0;
  tw_logger log = {add_compile_time, &total, TW_LOG_DEBUG};
  tw_work_exec(fn.work, &(tw_exec){.jit = TW_JIT_ON, .log = &log, .threads = 1});
  if (bench_fn_call(&fn)) return bench_fail("luksan");
  if (name) bench_number("luksan", name, total);
  bench_fn_close(&fn);
  discard(&p);
  return 0;
}

int bench_luksan(void) {
  int64_t n = 1000000, small = 1000;
  double *x = tw_alloc((size_t)n, sizeof *x), *y = tw_alloc((size_t)n, sizeof *y), *out = tw_alloc((size_t)(8 * n), sizeof *out);
  double *mine = tw_alloc((size_t)(8 * n), sizeof *mine);
  if (!x || !y || !out || !mine) return 1;
  tw_random_normal_fill(1, 0, (size_t)n, x);
  tw_random_normal_fill(2, 0, (size_t)n, y);
  int bad = bench_compile(NULL, 100, x, y, out);
  bad |=
      bench_compile("native code for N = 1e3, seconds", 1000, x, y, out) | bench_compile("native code for N = 1e6, seconds", n, x, y, out);
  bad |= bench_time("luksan graph 1e3", "talweg", 1, 0.3, state_and_discard, &small);
  bad |= bench_time("luksan graph 1e6", "talweg", 1, 0.3, state_and_discard, &n);
  bad |= bench_time("luksan patterns 1e6", "talweg", 1, 0.1, build_and_discard, &n);
  program p = {0};
  if (build(&p, n)) return bench_fail("luksan");
  for (int threads = 1; threads <= 2; threads++) {
    bench_fn fn = {.in = {x, y}, .out = {out, out + 1, out + 1 + n, out + 1 + 4 * n}};
    if (bench_fn_open(&fn, 2, (tw_expr[]){p.x, p.y}, 4, p.out, (tw_exec){.threads = threads, .jit = TW_JIT_ON}))
      return bench_fail("luksan");
    bad |= bench_time("luksan", "talweg", threads, 3, bench_fn_call, &fn);
    bench_fn_close(&fn);
  }
  by_hand h = {.n = n, .x = x, .y = y, .g = mine, .jac = mine + n, .hes = mine + 4 * n};
  bad |= bench_time("luksan", "plain C", 1, 3, plain, &h);
  double worst = fabs(out[0] - h.f) / fabs(h.f);
  worst = fmax(worst, difference(out + 1, h.g, n));
  worst = fmax(worst, difference(out + 1 + n, h.jac, p.jacobian.pattern.nnz));
  worst = fmax(worst, difference(out + 1 + 4 * n, h.hes, p.hessian.pattern.nnz));
  bench_number("luksan", "largest relative difference from plain C", worst);
  bench_number("luksan", "Jacobian entries", (double)p.jacobian.pattern.nnz);
  bench_number("luksan", "Hessian entries", (double)p.hessian.pattern.nnz);
  discard(&p);
  free(x);
  free(y);
  free(out);
  free(mine);
  return bad || !(worst < 1e-12);
}
