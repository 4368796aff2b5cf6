/* Marching squares: closed loops, areas, complements, nesting. */
#include "test.h"

#include "front/contour.h"

typedef struct tally {
  double area; /* signed: counter-clockwise is positive */
  int loops, shortest;
} tally;

static void add(void *context, int n, const tw_point *p) {
  tally *t = context;
  double twice = 0;
  for (int i = 0; i < n; i++) {
    const tw_point a = p[i], b = p[(i + 1) % n];
    twice += a.x * b.y - b.x * a.y;
  }
  t->area += twice / 2;
  t->loops++;
  if (t->shortest == 0 || n < t->shortest) t->shortest = n;
}

static tally contour(const tw_grid *grid, double level) {
  tw_error error = {0};
  tally t = {0};
  assert_ok(tw_contour(grid, level, add, &t, &error));
  return t;
}

enum { N = 33, M = 27 };

static void fill_random(double *value, uint64_t key) { tw_random_normal_fill(key, 0, (size_t)N * M, value); }

static void disk_has_its_area(void **state) {
  (void)state;
  enum { SIDE = 201 };
  static double value[SIDE * SIDE];
  const double h = 4.0 / (SIDE - 1);
  for (int j = 0; j < SIDE; j++)
    for (int i = 0; i < SIDE; i++) {
      const double x = -2 + i * h, y = -2 + j * h;
      value[j * SIDE + i] = 1 - x * x - y * y;
    }
  const tw_grid grid = {SIDE, SIDE, -2, h, -2, h, value};
  const tally disk = contour(&grid, 0);
  assert_int_equal(disk.loops, 1);
  assert_close(disk.area, acos(-1.0), 2 * h * h);
  const tally small = contour(&grid, 0.75); /* radius 1/2 */
  assert_close(small.area, acos(-1.0) / 4, 2 * h * h);
}

static void hole_is_a_loop_of_its_own(void **state) {
  (void)state;
  double value[9 * 9];
  for (int j = 0; j < 9; j++)
    for (int i = 0; i < 9; i++) value[j * 9 + i] = i == 4 && j == 4 ? -1 : 1;
  const tw_grid grid = {9, 9, 0, 1, 0, 1, value};
  const tally t = contour(&grid, 0);
  assert_int_equal(t.loops, 2);
  assert_close(t.area, 64 - 0.5, 1e-12); /* the hole is a diamond of half-diagonal 1/2 */
}

static void extremes(void **state) {
  (void)state;
  double value[N * M];
  fill_random(value, 3);
  const tw_grid grid = {N, M, -1, 0.25, 5, 0.5, value};
  assert_int_equal(contour(&grid, 1e9).loops, 0);
  const tally all = contour(&grid, -1e9);
  assert_int_equal(all.loops, 1);
  assert_close(all.area, 0.25 * (N - 1) * 0.5 * (M - 1), 1e-12);
}

/* {v >= l} and {-v >= -l} share the rectangle, saddles included. */
static void complements_fill_the_rectangle(void **state) {
  (void)state;
  double value[N * M], negated[N * M];
  for (uint64_t key = 0; key < 50; key++) {
    fill_random(value, key);
    for (int i = 0; i < N * M; i++) negated[i] = -value[i];
    const tw_grid up = {N, M, 0, 1, 0, 1, value}, down = {N, M, 0, 1, 0, 1, negated};
    const double level = tw_random_normal(1000, key);
    const tally a = contour(&up, level), b = contour(&down, -level);
    assert_true(a.area >= 0 && b.area >= 0);
    assert_close(a.area + b.area, (N - 1) * (M - 1), 1e-12);
    assert_true(a.shortest >= 3 && b.shortest >= 3);
  }
}

static void higher_sets_are_smaller(void **state) {
  (void)state;
  double value[N * M];
  fill_random(value, 77);
  const tw_grid grid = {N, M, 0, 1, 0, 1, value};
  double last = INFINITY;
  for (double level = -3; level <= 3; level += 0.125) {
    const double area = contour(&grid, level).area;
    assert_true(area <= last + 1e-9);
    last = area;
  }
}

static void saddle_follows_the_mean(void **state) {
  (void)state;
  const double low[] = {1, -1.5, -1.5, 1}, high[] = {1.5, -1, -1, 1.5};
  const tw_grid apart = {2, 2, 0, 1, 0, 1, low}, joined = {2, 2, 0, 1, 0, 1, high};
  assert_int_equal(contour(&apart, 0).loops, 2);
  assert_int_equal(contour(&joined, 0).loops, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(disk_has_its_area),       cmocka_unit_test(hole_is_a_loop_of_its_own),
      cmocka_unit_test(extremes),                cmocka_unit_test(complements_fill_the_rectangle),
      cmocka_unit_test(higher_sets_are_smaller), cmocka_unit_test(saddle_follows_the_mean)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
