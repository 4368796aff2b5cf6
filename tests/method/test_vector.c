/* Vector kernels and boxes of the methods against plain loops; threads. */
#include "test.h"

#include "method/gradient/box.h"
#include "method/vector.h"

static const int64_t lengths[] = {1, 2, 63, 64, 65, 8191, 8192, 8193, 65535, 65536, 140003};
enum { LENGTHS = sizeof lengths / sizeof *lengths, LONGEST = 140003 };

static double *x, *y, *out, *lower, *upper;

static int set_up(void **state) {
  (void)state;
  double **all[] = {&x, &y, &out, &lower, &upper};
  for (int k = 0; k < 5; k++)
    if ((*all[k] = tw_alloc(LONGEST, sizeof(double))) == NULL) return 1;
  tw_random_normal_fill(1, 0, LONGEST, x);
  tw_random_normal_fill(2, 0, LONGEST, y);
  /* x in the box, at its lower bound here and at its upper bound there; some sides open */
  for (int64_t i = 0; i < LONGEST; i++) {
    lower[i] = i % 7 == 0 ? x[i] : i % 5 == 0 ? -INFINITY : x[i] - tw_random_uniform(3, (uint64_t)i);
    upper[i] = i % 11 == 0 ? x[i] : i % 3 == 0 ? INFINITY : x[i] + tw_random_uniform(4, (uint64_t)i);
    if (i % 13 == 0) y[i] = 0;
  }
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  free(x);
  free(y);
  free(out);
  free(lower);
  free(upper);
  return 0;
}

static void combinations(void **state) {
  (void)state;
  static const double factors[] = {1, -0.75, 0};
  for (int l = 0; l < LENGTHS; l++)
    for (int threads = 1; threads <= 3; threads++)
      for (int k = 0; k < 3; k++) {
        const double b = factors[k];
        tw_combine(threads, lengths[l], b, x, 2.5, y, out);
        for (int64_t i = 0; i < lengths[l]; i++) assert_true(out[i] == b * x[i] + 2.5 * y[i]);
        memcpy(out, x, (size_t)lengths[l] * sizeof *out);
        tw_combine(threads, lengths[l], b, out, 2.5, y, out);
        for (int64_t i = 0; i < lengths[l]; i++) assert_true(out[i] == b * x[i] + 2.5 * y[i]);
      }
}

/* Sums of x, of |x| and of ones. */
static void three_sums(void *context, int64_t first, int64_t count, double *sums) {
  (void)context;
  for (int64_t i = first; i < first + count; i++) {
    sums[0] += x[i];
    sums[1] += fabs(x[i]);
    sums[2] += 1;
  }
}

static void reductions(void **state) {
  (void)state;
  for (int l = 0; l < LENGTHS; l++) {
    double scratch[TW_SEGMENTS * 3], serial[3], sums[3];
    long double sum = 0, magnitude = 0;
    for (int64_t i = 0; i < lengths[l]; i++) {
      sum += (long double)x[i];
      magnitude += fabsl((long double)x[i]);
    }
    tw_reduce(1, lengths[l], lengths[l], 3, three_sums, NULL, scratch, serial);
    assert_true(serial[2] == (double)lengths[l]);
    assert_true(fabs(serial[0] - (double)sum) <= 1e-13 * (double)magnitude);
    assert_true(fabs(serial[1] - (double)magnitude) <= 1e-13 * (double)magnitude);
    for (int threads = 2; threads <= 4; threads++) {
      tw_reduce(threads, lengths[l], lengths[l], 3, three_sums, NULL, scratch, sums);
      assert_memory_equal(sums, serial, sizeof sums);
    }
  }
}

static double largest_entry(const void *context, int64_t first, int64_t count) {
  const double *v = context;
  double best = -INFINITY;
  for (int64_t i = first; i < first + count; i++) best = v[i] > best || isnan(v[i]) ? v[i] : best;
  return best;
}

static void largest_values(void **state) {
  (void)state;
  for (int l = 0; l < LENGTHS; l++)
    for (int threads = 1; threads <= 3; threads++) {
      const int64_t n = lengths[l], places[] = {0, n / 2, n - 1};
      assert_same_bits(tw_largest(threads, n, largest_entry, x), largest_entry(x, 0, n));
      for (int k = 0; k < 3; k++) {
        const double kept = x[places[k]];
        x[places[k]] = 1e9;
        assert_same_bits(tw_largest(threads, n, largest_entry, x), 1e9);
        x[places[k]] = kept;
      }
    }
  double *v = tw_alloc(640, sizeof *v); /* ten entries a segment */
  for (int i = 9; i < 640; i += 10) {
    v[i] = NAN;
    assert_true(isnan(tw_largest(1, 640, largest_entry, v)));
    v[i] = 0;
  }
  free(v);
}

static double clamp(double value, int64_t i) {
  return fmin(fmax(value, lower[i]), upper[i]);
}

static void boxes(void **state) {
  (void)state;
  for (int l = 0; l < LENGTHS; l++)
    for (int threads = 1; threads <= 3; threads++) {
      const int64_t n = lengths[l];
      const tw_box box = {n, lower, upper, threads};
      double stationarity = 0, scale = 0, longest = INFINITY;
      for (int64_t i = 0; i < n; i++) {
        const double target = x[i] - y[i];
        stationarity =
            fmax(stationarity, clamp(target, i) == target ? fabs(y[i]) : fabs(clamp(target, i) - x[i]));
        const bool outward = (x[i] == lower[i] && y[i] > 0) || (x[i] == upper[i] && y[i] < 0);
        scale = fmax(scale, outward ? 0 : fabs(y[i]));
        if (y[i] != 0) longest = fmin(longest, ((y[i] > 0 ? upper[i] : lower[i]) - x[i]) / y[i]);
      }
      assert_same_bits(tw_box_stationarity(&box, x, y), stationarity);
      assert_same_bits(tw_box_scale(&box, x, y), scale);
      assert_true(tw_box_longest(&box, x, y) == longest);
      tw_box_move(&box, x, 0.7, y, out);
      for (int64_t i = 0; i < n; i++) {
        assert_true(out[i] == clamp(x[i] + 0.7 * y[i], i));
        assert_true(out[i] == tw_box_clamp(&box, i, x[i] + 0.7 * y[i]));
        assert_true(tw_box_interior(&box, i, out[i]) == (out[i] > lower[i] && out[i] < upper[i]));
      }
    }
}

static void no_bounds(void **state) {
  (void)state;
  const tw_box box = {LONGEST, NULL, NULL, 2};
  assert_same_bits(tw_box_stationarity(&box, x, y), tw_vec_norm_inf(y, LONGEST));
  assert_same_bits(tw_box_scale(&box, x, y), tw_vec_norm_inf(y, LONGEST));
  assert_true(isinf(tw_box_longest(&box, x, y)));
  tw_box_move(&box, x, 0.7, y, out);
  for (int64_t i = 0; i < LONGEST; i++) assert_true(out[i] == x[i] + 0.7 * y[i]);
  assert_true(tw_box_interior(&box, 5, 1e300));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(combinations), cmocka_unit_test(reductions),
                                     cmocka_unit_test(largest_values), cmocka_unit_test(boxes),
                                     cmocka_unit_test(no_bounds)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
