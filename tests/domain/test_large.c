/* Long rows, which have ways of their own: projections on the simplex and on sections of boxes by their conditions of optimality, for
 * many shapes of data and sums; the largest entries. */
#include "call.h"

#include <talweg/domain.h>

enum { N = 70001, SHAPES = 8 };

/* Noise, ties, runs, one far entry, heavy tails, blocks that a sample by strides sees badly. */
static double entry(int shape, int64_t i) {
  const double u = tw_random_uniform(7, (uint64_t)i), z = tw_random_normal(9, (uint64_t)i);
  switch (shape) {
  case 0:
    return z;
  case 1:
    return floor(3 * z);
  case 2:
    return (double)i / N;
  case 3:
    return i == N / 3 ? 1e3 : z;
  case 4:
    return -1 / (u + 1e-9);
  case 5:
    return i % 64 == 0 ? 1 + 1e-3 * u : u - 3;
  case 6:
    return i < 40 ? 2 + u : 1e-2 * z;
  default:
    return 0.25;
  }
}

static const double sums[] = {1e-3, 1, 50, 7000, 1e6, 0};

/* p = max(x - tau, 0) with one tau, and the sum holds. */
static void simplex(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr in[2] = {tw_input(graph, "x", TW_F64, TW_SHAPE(N)), tw_input(graph, "s", TW_F64, TW_SCALAR)};
  call c = call_open("simplex", 2, in, tw_project(tw_domain_make(graph, tw_domain_find("simplex"), TW_SHAPE(N), 1, &in[1]), in[0]));
  double *x = tw_alloc(N, sizeof *x), *p = tw_alloc(N, sizeof *p);
  for (int shape = 0; shape < SHAPES; shape++) {
    for (int64_t i = 0; i < N; i++) x[i] = entry(shape, i);
    for (size_t k = 0; k < sizeof sums / sizeof *sums; k++) {
      double least = INFINITY, most = -INFINITY, out = -INFINITY, size = 1;
      call_at(&c, (const double *const[]){x, &sums[k]}, p);
      assert_close(tw_vec_sum(p, N), sums[k], 1e-12);
      for (int64_t i = 0; i < N; i++) {
        assert_true(p[i] >= 0);
        if (p[i] > 0) least = fmin(least, x[i] - p[i]), most = fmax(most, x[i] - p[i]), size = fmax(size, fabs(x[i]) + p[i]);
        if (p[i] == 0) out = fmax(out, x[i]);
      }
      if (sums[k] > 0 && !(most - least <= 1e-14 * size && out <= least + 1e-14 * size))
        fail_msg("shape %d, sum %g: tau in [%.17g, %.17g], %.17g left out", shape, sums[k], least, most, out);
    }
  }
  free(x), free(p);
  call_close(&c);
  tw_graph_free(graph);
}

/* p = clip(x - tau w, l, u) with one tau, and the weighted sum holds. */
static void box_section(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr in[3] = {tw_input(graph, "x", TW_F64, TW_SHAPE(N)), tw_input(graph, "w", TW_F64, TW_SHAPE(N)),
                         tw_input(graph, "c", TW_F64, TW_SCALAR)};
  const tw_expr param[4] = {tw_scalar(graph, -0.5), tw_scalar(graph, 1), in[1], in[2]};
  call c = call_open("section", 3, in, tw_project(tw_domain_make(graph, tw_domain_find("box_section"), TW_SHAPE(N), 4, param), in[0]));
  double *x = tw_alloc(N, sizeof *x), *w = tw_alloc(N, sizeof *w), *p = tw_alloc(N, sizeof *p);
  static const double wanted[] = {0, 100, -3000, 9000};
  for (int shape = 0; shape < SHAPES; shape++) {
    for (int64_t i = 0; i < N; i++) x[i] = entry(shape, i), w[i] = shape % 2 ? 1 : cos((double)i);
    for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++) {
      double low = -INFINITY, high = INFINITY, size = 1;
      call_at(&c, (const double *const[]){x, w, &wanted[k]}, p);
      assert_close(tw_vec_dot(w, p, N) / N, wanted[k] / N, 1e-12);
      for (int64_t i = 0; i < N; i++) {
        const double tau = (x[i] - p[i]) / w[i]; /* at a bound tau may be beyond, on the side that the sign of w tells */
        const bool at_low = p[i] <= -0.5, at_high = p[i] >= 1;
        if (fabs(w[i]) < 1e-2) continue;
        size = fmax(size, fabs(tau));
        if (!(w[i] > 0 ? at_high : at_low)) low = fmax(low, at_low || at_high ? tau : tau - 1e-11 * size);
        if (!(w[i] > 0 ? at_low : at_high)) high = fmin(high, at_low || at_high ? tau : tau + 1e-11 * size);
      }
      if (!(low <= high + 1e-11 * size)) fail_msg("shape %d, sum %g: tau from %.17g to %.17g", shape, wanted[k], low, high);
    }
  }
  free(x), free(w), free(p);
  call_close(&c);
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(simplex), cmocka_unit_test(box_section)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
