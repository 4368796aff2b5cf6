/* The compact form of the limited-memory matrix against the BFGS matrix written down from the definition. */
#include "walk.h"

#include "method/gradient/compact.h"

enum { N = 9 };

/* B+ = B - B s s'B / s'Bs + y y' / s'y, from theta I. */
static void bfgs_matrix(const walk *w, int points, double b[N][N]) {
  double s[N], y[N], bs[N], theta = 1;
  if (points > 1) {
    walk_pair(w, points - 1, s, y);
    theta = walk_dot(y, y, N) / walk_dot(s, y, N);
  }
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) b[i][j] = i == j ? theta : 0;
  for (int p = walk_oldest(w, points); p < points; p++) {
    walk_pair(w, p, s, y);
    for (int i = 0; i < N; i++) bs[i] = walk_dot(b[i], s, N);
    const double sbs = walk_dot(s, bs, N), sy = walk_dot(s, y, N);
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) b[i][j] += y[i] * y[j] / sy - bs[i] * bs[j] / sbs;
  }
}

static tw_status product_is_that_of_the_matrix(walk *w, tw_run *run, const tw_trail *trail, int points) {
  tw_compact c;
  const tw_status status = tw_compact_get(run, trail, &c);
  if (status != TW_OK) return status;
  double b[N][N], v[N], mwv[2 * N], sums[2 * (N + 1)] = {0}, coefficient[2 * N], out[N];
  assert_int_equal(c.pairs.count, points - walk_oldest(w, points));
  bfgs_matrix(w, points, b);
  tw_random_normal_fill(99, (uint64_t)points * N, N, v);
  tw_pairs_project(&c.pairs, 0, N, v, sums);
  tw_compact_collect(&c, sums, mwv);
  assert_true(tw_compact_factor(&c, NULL));
  tw_compact_solve(&c, mwv);
  tw_compact_coefficients(&c, -1, mwv, coefficient);
  for (int i = 0; i < N; i++) out[i] = c.theta * v[i];
  tw_pairs_combine(&c.pairs, 0, N, coefficient, out);
  for (int i = 0; i < N; i++) assert_close(out[i], walk_dot(b[i], v, N), 1e-9);
  return TW_OK;
}

/* Entry of a Gram matrix against another, by the size of its two columns. */
static void assert_entry(double value, double expected, double column_a, double column_b) {
  if (!(fabs(value - expected) <= 1e-12 * sqrt(column_a * column_b)))
    fail_msg("%.17g, expected %.17g", value, expected);
}

/* Rows, products and Gram matrices agree with each other on any set of free variables. */
static tw_status gram_matrices_are_sums_over_rows(walk *w, tw_run *run, const tw_trail *trail, int points) {
  tw_compact c;
  const tw_status status = tw_compact_get(run, trail, &c);
  if (status != TW_OK) return status;
  const int k = c.pairs.count, size = 2 * k;
  double row[2 * N], *gram = calloc((size_t)(4 * N * N), sizeof *gram),
                     *sum = calloc((size_t)(4 * N * N), sizeof *sum);
  bool *is_free = malloc((size_t)w->n), *all = malloc((size_t)w->n);
  assert_true(gram && sum && is_free && all);
  for (int64_t i = 0; i < w->n; i++) {
    all[i] = true;
    is_free[i] = tw_random_uniform(3, (uint64_t)(points * w->n + i)) < 0.1 * (points % 11);
    tw_compact_row(&c, i, row);
    for (int a = 0; a < size && is_free[i]; a++)
      for (int b = a; b < size; b++)
        sum[a * size + b] += row[a] * row[b] / ((a < k ? 1 : c.theta) * (b < k ? 1 : c.theta));
  }
  tw_compact_add_gram(&c, 0, w->n, is_free, gram);
  for (int a = 0; a < size; a++)
    for (int b = a; b < size; b++)
      assert_entry(gram[a * size + b], sum[a * size + b], sum[a * size + a], sum[b * size + b]);
  memset(gram, 0, (size_t)(size * size) * sizeof *gram);
  tw_compact_add_gram(&c, 0, w->n, all, gram);
  tw_compact_whole_gram(&c, sum);
  for (int a = 0; a < size; a++)
    for (int b = a; b < size; b++)
      assert_entry(gram[a * size + b], sum[a * size + b], sum[a * size + a], sum[b * size + b]);
  free(gram);
  free(sum);
  free(is_free);
  free(all);
  return TW_OK;
}

static tw_status learn(walk *w, tw_run *run, const tw_trail *trail, int points) {
  (void)w;
  (void)points;
  tw_compact c;
  const tw_status status = tw_compact_get(run, trail, &c);
  if (status == TW_OK) tw_compact_update(&c);
  return status;
}

static void matrices(void **state) {
  (void)state;
  for (int memory = 1; memory <= 5; memory++) {
    walk w = {.n = N, .memory = memory, .look = product_is_that_of_the_matrix, .learn = learn};
    walk_take(&w, 1);
    walk_drop(&w);
  }
}

static void grams(void **state) {
  (void)state;
  for (int64_t n = 5; n < 4000; n = n * 3 + 1) {
    walk w = {.n = n, .memory = 4, .look = gram_matrices_are_sums_over_rows, .learn = learn};
    walk_take(&w, 1);
    walk_drop(&w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(matrices), cmocka_unit_test(grams)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
