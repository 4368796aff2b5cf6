/* Isotonic regression: against its definition by means of means (minimax), in the Kullback-Leibler divergence by its condition of
 * optimality; derivatives; soft ranks and sorts. */
#include "call.h"

#include <talweg/domain.h>

enum { N = 7 };

static double draw(uint64_t key, int64_t i) {
  const double x = tw_random_normal(key, (uint64_t)i);
  return key % 3 ? x : floor(2 * x) / 2; /* ties */
}

typedef struct fit {
  tw_graph *graph;
  tw_expr y, w, v;
  call call;
} fit;

static fit fit_open(bool kl, bool increasing) {
  fit f = {.graph = tw_graph_new()};
  f.y = tw_input(f.graph, "y", TW_F64, TW_SHAPE(N));
  f.w = tw_input(f.graph, "w", TW_F64, TW_SHAPE(N));
  f.v = kl ? tw_isotonic_kl(f.y, f.w, increasing) : tw_isotonic(f.y, increasing);
  f.call = call_open(kl ? "kl" : "l2", 2, (tw_expr[]){f.y, f.w}, f.v);
  return f;
}

static void fit_close(fit *f) {
  call_close(&f->call);
  tw_graph_free(f->graph);
}

/* The value of positions a .. b alone. */
static double block_value(bool kl, const double *y, const double *w, int a, int b) {
  double top = 0, bottom = 0;
  for (int i = a; i <= b; i++) top += kl ? exp(y[i]) : y[i], bottom += kl ? exp(w[i]) : 1;
  return kl ? log(top) - log(bottom) : top / bottom;
}

/* v_i = max over a <= i of the min over b >= i of the value of a .. b (Barlow, Bartholomew, Bremner & Brunk, 1972). */
static void minimax(void **state) {
  (void)state;
  for (int which = 0; which < 4; which++) {
    const bool kl = which & 1, increasing = which & 2;
    fit f = fit_open(kl, increasing);
    for (uint64_t key = 0; key < 60; key++) {
      double y[N], w[N], v[N], ry[N], rw[N];
      for (int i = 0; i < N; i++) y[i] = draw(key, i), w[i] = draw(key, N + i);
      for (int i = 0; i < N; i++) ry[i] = y[increasing ? i : N - 1 - i], rw[i] = w[increasing ? i : N - 1 - i];
      call_at(&f.call, (const double *const[]){y, w}, v);
      for (int i = 0; i < N; i++) {
        double most = -INFINITY;
        for (int a = 0; a <= i; a++) {
          double least = INFINITY;
          for (int b = i; b < N; b++) least = fmin(least, block_value(kl, ry, rw, a, b));
          most = fmax(most, least);
        }
        assert_close(v[increasing ? i : N - 1 - i], most, 1e-13);
      }
    }
    fit_close(&f);
  }
}

/* Away from ties, in y and in w, to second order. */
static void derivatives(void **state) {
  (void)state;
  for (int which = 0; which < 4; which++) {
    fit f = fit_open(which & 1, which & 2);
    const tw_expr in[2] = {f.y, f.w}, s = tw_dot(f.v, tw_sin(f.v));
    call value = call_open("value", 2, in, s);
    for (int k = 0; k <= (which & 1); k++) {
      call gradient = call_open("gradient", 2, in, tw_grad(s, in[k]));
      call hessian = call_open("hessian", 2, in, tw_hessian(s, in[k]));
      for (uint64_t key = 1; key < 9; key += key % 3 == 2 ? 2 : 1) {
        double y[N], w[N], g[N], h[N * N], column[N], slope, *at[2] = {y, w};
        for (int i = 0; i < N; i++) y[i] = draw(key, i), w[i] = draw(key, N + i);
        call_at(&gradient, (const double *const *)at, g);
        call_at(&hessian, (const double *const *)at, h);
        for (int i = 0; i < N; i++) {
          call_difference(&value, at, k, i, 1e-6, &slope);
          assert_close(g[i], slope, 1e-7);
          call_difference(&gradient, at, k, i, 1e-6, column);
          for (int j = 0; j < N; j++) assert_close(h[j * N + i], column[j], 1e-6);
        }
      }
      call_close(&gradient);
      call_close(&hessian);
    }
    call_close(&value);
    fit_close(&f);
  }
}

/* Large and small numbers do not overflow; a long falling run is one block. */
static void extremes(void **state) {
  (void)state;
  fit f = fit_open(true, true);
  double y[N] = {800, -900, 3, 2, -800, 900, 900}, w[N] = {0}, v[N];
  call_at(&f.call, (const double *const[]){y, w}, v);
  for (int i = 0; i < N; i++) assert_true(isfinite(v[i]) && (i == 0 || v[i] >= v[i - 1]));
  fit_close(&f);
  enum { LONG = 100000 };
  tw_graph *graph = tw_graph_new();
  const tw_expr x = tw_neg(tw_iota(graph, TW_F64, LONG));
  tw_array out = evaluate(tw_isotonic(x, true)), rows = evaluate(tw_isotonic(tw_fill(graph, TW_F32, TW_SHAPE(2, 3), 0.1), false));
  for (int64_t i = 0; i < LONG; i += 999) assert_close(element(&out, i), -(LONG - 1) / 2.0, 1e-12);
  assert_int_equal(rows.dtype, TW_F32);
  for (int64_t i = 0; i < 6; i++) assert_same_bits(element(&rows, i), (double)0.1f);
  tw_array_free(&out);
  tw_array_free(&rows);
  assert_true(tw_is_none(tw_isotonic(tw_scalar(graph, 1), true)));
  assert_int_equal(tw_graph_status(graph), TW_ERR_SHAPE);
  tw_graph_free(graph);
}

/* Exact ranks and sorts for small epsilon; all the same for large; in between their sums are kept. */
static void soft(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr in[2] = {tw_input(graph, "x", TW_F64, TW_SHAPE(5)), tw_input(graph, "epsilon", TW_F64, TW_SCALAR)};
  call rank = call_open("rank", 2, in, tw_soft_rank(in[0], in[1])), sort = call_open("sort", 2, in, tw_soft_sort(in[0], in[1]));
  double x[5] = {0.3, -2, 5, 1, 0.9}, out[5], slope[5], epsilon = 1e-3, *at[2] = {x, &epsilon};
  static const double ranks[5] = {2, 1, 5, 4, 3}, sorted[5] = {-2, 0.3, 0.9, 1, 5};
  call_at(&rank, (const double *const *)at, out);
  for (int i = 0; i < 5; i++) assert_close(out[i], ranks[i], 1e-12);
  call_at(&sort, (const double *const *)at, out);
  for (int i = 0; i < 5; i++) assert_close(out[i], sorted[i], 1e-12);
  for (epsilon = 1; epsilon < 1e4; epsilon *= 30) {
    call_at(&rank, (const double *const *)at, out);
    assert_close(out[0] + out[1] + out[2] + out[3] + out[4], 15, 1e-14);
    if (epsilon > 100)
      for (int i = 0; i < 5; i++) assert_close(out[i], 3, 0.1);
  }
  epsilon = 1;
  call jacobian = call_open("jacobian", 2, in, tw_jacobian(tw_soft_rank(in[0], in[1]), in[0]));
  double j[25];
  call_at(&jacobian, (const double *const *)at, j);
  for (int k = 0; k < 5; k++) {
    call_difference(&rank, at, 0, k, 1e-6, slope);
    for (int i = 0; i < 5; i++) assert_close(j[i * 5 + k], slope[i], 1e-8);
  }
  call_close(&jacobian);
  call_close(&rank);
  call_close(&sort);
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(minimax), cmocka_unit_test(derivatives), cmocka_unit_test(extremes),
                                     cmocka_unit_test(soft)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
