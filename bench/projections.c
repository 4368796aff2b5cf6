/* Projections as compiled functions: the simplex and a section of a box in 10^6 numbers, isotonic regression, the transport polytope in the
 * Kullback-Leibler divergence. The data are those of peers.py. */
#include "bench.h"

#include <math.h>

enum { N = 1000000 };

/* sin(1.7 i^2), which looks like noise. */
static double wave(int64_t i) {
  return sin(1.7 * (double)i * (double)i);
}

static int run(const char *name, tw_graph *g, int n, const tw_expr *in, const double *const *at, tw_expr p, double seconds) {
  double *out = tw_alloc((size_t)tw_size_of(p), sizeof *out);
  int bad = out == NULL;
  for (int threads = 1; !bad && threads <= 2; threads++) {
    bench_fn fn = {.out = {out}};
    for (int i = 0; i < n; i++) fn.in[i] = at[i];
    if (tw_graph_check(g, &bench_error) || bench_fn_open(&fn, n, in, 1, &p, (tw_exec){.threads = threads})) return bench_fail(name);
    bad |= bench_time(name, "talweg", threads, seconds, bench_fn_call, &fn);
    bench_fn_close(&fn);
  }
  free(out);
  return bad;
}

static int vectors(void) {
  double *x = tw_alloc(N, sizeof *x);
  tw_graph *g = tw_graph_new();
  const tw_expr in = tw_input(g, "x", TW_F64, TW_SHAPE(N)), one = tw_scalar(g, 1), many = tw_scalar(g, N / 10);
  if (!x || !g) return 1;
  for (int64_t i = 0; i < N; i++) x[i] = wave(i);
  const tw_expr w = tw_add(one, tw_scale(tw_cos(tw_iota(g, TW_F64, N)), 0.5));
  const tw_expr section[4] = {tw_scalar(g, -0.5), tw_scalar(g, 0.5), w, tw_scalar(g, 1000)};
  const tw_domain narrow = tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(N), 1, &one);
  const tw_domain wide = tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(N), 1, &many);
  const tw_domain cut = tw_domain_make(g, tw_domain_find("box_section"), TW_SHAPE(N), 4, section);
  const double *const at[1] = {x};
  const int bad = run("simplex, sum 1", g, 1, &in, at, tw_project(narrow, in), 1) |
                  run("simplex, sum 1e5", g, 1, &in, at, tw_project(wide, in), 1) |
                  run("box section", g, 1, &in, at, tw_project(cut, in), 1) | run("isotonic", g, 1, &in, at, tw_isotonic(in, true), 1);
  tw_graph_free(g);
  free(x);
  return bad;
}

/* Uniform marginals, costs |sin|. */
static int transport(const char *name, int64_t m, double gamma) {
  double *x = tw_alloc((size_t)(m * m), sizeof *x);
  tw_graph *g = tw_graph_new();
  if (!x || !g) return 1;
  for (int64_t k = 0; k < m * m; k++) x[k] = -fabs(wave(k)) / gamma;
  const tw_expr in = tw_input(g, "x", TW_F64, TW_SHAPE(m, m)), share = tw_scalar(g, 1 / (double)m), sums[2] = {share, share};
  const tw_domain d = tw_domain_make(g, tw_domain_find("transport"), TW_SHAPE(m, m), 2, sums);
  const double *const at[1] = {x};
  const int bad = run(name, g, 1, &in, at, tw_kl_project(d, in), 1);
  tw_graph_free(g);
  free(x);
  return bad;
}

int bench_projections(void) {
  return vectors() | transport("kl transport 100, gamma 0.02", 100, 0.02) | transport("kl transport 100, gamma 0.005", 100, 0.005) |
         transport("kl transport 400, gamma 0.02", 400, 0.02);
}
