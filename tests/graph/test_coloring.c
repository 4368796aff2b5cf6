/* Colorings: valid by definition whatever the order, few colors where the least number is known, and matrices
 * come back from what they are compressed to. */
#include "graph/transform/coloring.h"
#include "test.h"

/* ------------------------------------------------------------------ matrices */

typedef struct matrix {
  int64_t rows, cols;
  bool *has;
} matrix;

static matrix empty_matrix(int64_t rows, int64_t cols) {
  return (matrix){rows, cols, calloc((size_t)(rows * cols) + 1, sizeof(bool))};
}

static bool *entry(matrix *a, int64_t i, int64_t j) {
  return &a->has[i * a->cols + j];
}

/* The pattern; for symmetric matrices that of the lower triangle. */
static tw_pattern pattern_of(matrix *a, bool lower) {
  tw_pattern p = {.rows = a->rows, .cols = a->cols};
  p.colptr = calloc((size_t)a->cols + 1, sizeof *p.colptr);
  p.rowidx = calloc((size_t)(a->rows * a->cols) + 1, sizeof *p.rowidx);
  for (int64_t j = 0; j < a->cols; j++) {
    for (int64_t i = lower ? j : 0; i < a->rows; i++)
      if (*entry(a, i, j)) p.rowidx[p.nnz++] = i;
    p.colptr[j + 1] = p.nnz;
  }
  return p;
}

static matrix band(int64_t n, int64_t width) {
  matrix a = empty_matrix(n, n);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) *entry(&a, i, j) = llabs(i - j) <= width;
  return a;
}

static matrix arrow(int64_t n) {
  matrix a = empty_matrix(n, n);
  for (int64_t i = 0; i < n; i++) *entry(&a, i, i) = *entry(&a, i, n - 1) = *entry(&a, n - 1, i) = true;
  return a;
}

static matrix grid(int64_t m, int64_t n) {
  matrix a = empty_matrix(m * n, m * n);
  for (int64_t i = 0; i < m * n; i++)
    for (int64_t j = 0; j < m * n; j++) *entry(&a, i, j) = llabs(i / n - j / n) + llabs(i % n - j % n) <= 1;
  return a;
}

static matrix random_matrix(int64_t rows, int64_t cols, double density, bool symmetric, uint64_t key) {
  matrix a = empty_matrix(rows, cols);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++)
      if (!symmetric || j <= i) *entry(&a, i, j) = tw_random_uniform(key, (uint64_t)(i * cols + j)) < density;
  for (int64_t i = 0; symmetric && i < rows; i++)
    for (int64_t j = i + 1; j < cols; j++) *entry(&a, i, j) = *entry(&a, j, i);
  return a;
}

/* ------------------------------------------------------------------ definitions */

static void assert_colors(const tw_coloring *c, int64_t n) {
  assert_int_equal(c->n, n);
  bool *used = calloc((size_t)c->colors + 1, sizeof *used);
  for (int64_t v = 0; v < n; v++) {
    assert_true(c->color[v] >= 0 && c->color[v] < c->colors);
    used[c->color[v]] = true;
  }
  for (int64_t k = 0; k < c->colors; k++) assert_true(used[k]);
  free(used);
}

/* Columns with an entry in one row differ. */
static void assert_distance_2(matrix *a, const tw_coloring *c) {
  assert_colors(c, a->cols);
  for (int64_t i = 0; i < a->rows; i++)
    for (int64_t j = 0; j < a->cols; j++)
      for (int64_t k = 0; k < j; k++)
        if (*entry(a, i, j) && *entry(a, i, k)) assert_int_not_equal(c->color[j], c->color[k]);
}

static bool adjacent(matrix *a, int64_t v, int64_t w) {
  return v != w && *entry(a, v, w);
}

static void assert_proper(matrix *a, const tw_coloring *c) {
  assert_colors(c, a->cols);
  for (int64_t v = 0; v < a->cols; v++)
    for (int64_t w = 0; w < v; w++)
      if (adjacent(a, v, w)) assert_int_not_equal(c->color[v], c->color[w]);
}

/* No path a - b - d - e has two colors. */
static void assert_star(matrix *m, const tw_coloring *c) {
  const int64_t n = m->cols;
  assert_proper(m, c);
  for (int64_t b = 0; b < n; b++)
    for (int64_t d = 0; d < n; d++) {
      if (!adjacent(m, b, d)) continue;
      bool left = false, right = false;
      for (int64_t a = 0; a < n; a++) {
        left |= adjacent(m, a, b) && a != d && c->color[a] == c->color[d];
        right |= adjacent(m, a, d) && a != b && c->color[a] == c->color[b];
      }
      assert_false(left && right);
    }
}

static int64_t find(int64_t *up, int64_t v) {
  while (up[v] != v) v = up[v];
  return v;
}

/* Edges between any two colors close no cycle. */
static void assert_acyclic(matrix *m, const tw_coloring *c) {
  const int64_t n = m->cols;
  assert_proper(m, c);
  int64_t *up = calloc((size_t)n + 1, sizeof *up);
  for (int64_t p = 0; p < c->colors; p++)
    for (int64_t q = 0; q < p; q++) {
      for (int64_t v = 0; v < n; v++) up[v] = v;
      for (int64_t v = 0; v < n; v++)
        for (int64_t w = 0; w < v; w++) {
          const bool between =
              (c->color[v] == p && c->color[w] == q) || (c->color[v] == q && c->color[w] == p);
          if (!between || !adjacent(m, v, w)) continue;
          int64_t a = find(up, v), b = find(up, w);
          assert_int_not_equal(a, b);
          up[a] = b;
        }
    }
  free(up);
}

/* ------------------------------------------------------------------ recovery */

/* A random symmetric matrix with this pattern comes back from its product with the colors. */
static void assert_recovered(matrix *m, const tw_pattern *lower, const tw_coloring *c, bool direct,
                             uint64_t key) {
  const int64_t n = m->cols;
  double *h = calloc((size_t)(n * n) + 1, sizeof *h), *b = calloc((size_t)(n * c->colors) + 1, sizeof *b);
  double *values = calloc((size_t)lower->nnz + 1, sizeof *values);
  for (int64_t j = 0; j < n; j++)
    for (int64_t p = lower->colptr[j]; p < lower->colptr[j + 1]; p++) {
      const int64_t i = lower->rowidx[p];
      h[i * n + j] = h[j * n + i] = tw_random_normal(key, (uint64_t)p);
    }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) b[i * c->colors + c->color[j]] += h[i * n + j];
  tw_recovery r;
  assert_int_equal(tw_recovery_new(lower, c, &r), TW_OK);
  if (direct) assert_int_equal(r.highest, 0);
  tw_recover(&r, c->colors, b, values);
  for (int64_t j = 0; j < n; j++)
    for (int64_t p = lower->colptr[j]; p < lower->colptr[j + 1]; p++)
      assert_close(values[p], h[lower->rowidx[p] * n + j], direct ? 0 : 1e-12);
  tw_recovery_free(&r);
  free(h);
  free(b);
  free(values);
}

/* ------------------------------------------------------------------ tests */

static void check_columns(matrix *a) {
  tw_pattern p = pattern_of(a, false);
  tw_coloring c, best;
  assert_int_equal(tw_color_columns(&p, &best), TW_OK);
  assert_distance_2(a, &best);
  for (int o = 0; o < TW_ORDERINGS; o++) {
    assert_int_equal(tw_color_columns_by(&p, (tw_ordering)o, &c), TW_OK);
    assert_distance_2(a, &c);
    assert_true(best.colors <= c.colors);
    tw_coloring_free(&c);
  }
  tw_coloring_free(&best);
  tw_pattern_free(&p);
}

static void check_symmetric(matrix *a, uint64_t key) {
  tw_pattern p = pattern_of(a, true);
  for (int kind = 0; kind < 2; kind++) {
    const bool star = kind == TW_COLOR_STAR;
    tw_coloring c, best;
    assert_int_equal(tw_color_symmetric(&p, (tw_symmetric_coloring)kind, &best), TW_OK);
    for (int o = 0; o < TW_ORDERINGS; o++) {
      assert_int_equal(tw_color_symmetric_by(&p, (tw_symmetric_coloring)kind, (tw_ordering)o, &c), TW_OK);
      (star ? assert_star : assert_acyclic)(a, &c);
      assert_recovered(a, &p, &c, star, key);
      assert_true(best.colors <= c.colors);
      tw_coloring_free(&c);
    }
    tw_coloring_free(&best);
  }
  tw_pattern_free(&p);
}

static void random_matrices(void **state) {
  (void)state;
  const double densities[] = {0, 0.02, 0.05, 0.1, 0.3, 1};
  for (uint64_t t = 0; t < 60; t++) {
    const double density = densities[t % 6];
    const int64_t n = 1 + tw_random_integer(5, t, 0, 30), m = 1 + tw_random_integer(6, t, 0, 30);
    matrix a = random_matrix(m, n, density, false, t), s = random_matrix(n, n, density, true, t);
    check_columns(&a);
    check_symmetric(&s, t);
    free(a.has);
    free(s.has);
  }
}

static int64_t colors_of(matrix *a, int kind) { /* -1: of columns */
  tw_pattern p = pattern_of(a, kind >= 0);
  tw_coloring c;
  assert_int_equal(
      kind < 0 ? tw_color_columns(&p, &c) : tw_color_symmetric(&p, (tw_symmetric_coloring)kind, &c), TW_OK);
  const int64_t colors = c.colors;
  tw_coloring_free(&c);
  tw_pattern_free(&p);
  return colors;
}

static void known_numbers(void **state) {
  (void)state;
  for (int64_t width = 0; width < 4; width++) {
    matrix a = band(23, width);
    check_columns(&a);
    check_symmetric(&a, 1);
    assert_int_equal(colors_of(&a, -1), 2 * width + 1);
    free(a.has);
  }
  matrix path = band(40, 1), star = arrow(30), square = grid(7, 9), full = band(12, 12);
  assert_int_equal(colors_of(&path, TW_COLOR_STAR), 3);
  assert_int_equal(colors_of(&path, TW_COLOR_ACYCLIC), 2);
  assert_int_equal(colors_of(&star, -1), 30);
  assert_int_equal(colors_of(&star, TW_COLOR_STAR), 2);
  assert_int_equal(colors_of(&star, TW_COLOR_ACYCLIC), 2);
  check_columns(&square);
  check_symmetric(&square, 2);
  assert_in_range(colors_of(&square, -1), 5, 7);            /* a cross of five is in one row */
  assert_in_range(colors_of(&square, TW_COLOR_STAR), 4, 7); /* least: 5 on large grids */
  assert_in_range(colors_of(&square, TW_COLOR_ACYCLIC), 3, 4);
  for (int kind = -1; kind < 2; kind++) assert_int_equal(colors_of(&full, kind), 12);
  free(path.has);
  free(star.has);
  free(square.has);
  free(full.has);
}

/* A proper coloring whose pairs of colors close cycles cannot be recovered from, and is told. */
static void cycles_are_told(void **state) {
  (void)state;
  matrix a = grid(2, 2);
  tw_pattern p = pattern_of(&a, true);
  int32_t color[4] = {0, 1, 1, 0};
  tw_coloring two = {4, 2, color};
  tw_recovery r;
  assert_int_equal(tw_recovery_new(&p, &two, &r), TW_ERR_ARGUMENT);
  assert_null(r.row);
  tw_pattern_free(&p);
  free(a.has);
}

/* A dense row among many columns would take squared time: told at once. */
static void too_much_work_is_told(void **state) {
  (void)state;
  const int64_t n = 100000;
  tw_pattern p = {
      .rows = 1, .cols = n, .nnz = n, .colptr = calloc((size_t)n + 1, 8), .rowidx = calloc((size_t)n, 8)};
  for (int64_t j = 0; j < n; j++) p.colptr[j + 1] = j + 1;
  tw_coloring c;
  assert_int_equal(tw_color_columns(&p, &c), TW_ERR_LIMIT);
  assert_null(c.color);
  tw_pattern t;
  assert_int_equal(tw_pattern_turn(&p, &t), TW_OK);
  assert_int_equal(tw_color_columns(&t, &c), TW_OK);
  assert_int_equal(c.colors, 1);
  tw_coloring_free(&c);
  tw_pattern_free(&t);
  tw_pattern_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_matrices),
      cmocka_unit_test(known_numbers),
      cmocka_unit_test(cycles_are_told),
      cmocka_unit_test(too_much_work_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
