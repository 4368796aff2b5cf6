#include "test.h"

/* Known answers published with Random123 (Salmon et al., 2011), philox4x32 with 10 rounds. */
static void philox_known_answers(void **state) {
  (void)state;
  static const struct {
    uint32_t counter[4], key[2], out[4];
  } cases[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t k = 0; k < 3; k++) {
    uint32_t out[4];
    tw_philox4x32(cases[k].counter, cases[k].key, out);
    assert_memory_equal(out, cases[k].out, sizeof out);
  }
}

static void fills_equal_single_draws(void **state) {
  (void)state;
  double filled[9];
  for (uint64_t first = 0; first < 4; first++) {
    for (size_t n = 0; n <= 9; n++) {
      tw_random_uniform_fill(7, first, n, filled);
      for (size_t i = 0; i < n; i++) assert_same_bits(filled[i], tw_random_uniform(7, first + i));
      tw_random_normal_fill(7, first, n, filled);
      for (size_t i = 0; i < n; i++) assert_same_bits(filled[i], tw_random_normal(7, first + i));
    }
  }
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double uniform_cdf(double x) {
  return x;
}
static double normal_cdf(double x) {
  return 0.5 * erfc(-x / sqrt(2.0));
}

/* Kolmogorov-Smirnov: sqrt(n) sup |F_n - F| < 1.95 at the 0.1 % level. */
static void assert_distributed(double *x, size_t n, double (*cdf)(double)) {
  qsort(x, n, sizeof *x, compare);
  double d = 0;
  for (size_t i = 0; i < n; i++) {
    double f = cdf(x[i]);
    d = fmax(d, fmax(f - (double)i / (double)n, (double)(i + 1) / (double)n - f));
  }
  assert_true(sqrt((double)n) * d < 1.95);
}

static void uniforms_and_normals_are_distributed_so(void **state) {
  (void)state;
  enum { N = 100000 };
  double *x = tw_alloc(N, sizeof *x);
  for (uint64_t key = 1; key <= 3; key++) {
    tw_random_uniform_fill(key, 0, N, x);
    for (size_t i = 0; i < N; i++) assert_true(x[i] >= 0 && x[i] < 1);
    assert_distributed(x, N, uniform_cdf);
    tw_random_normal_fill(key, 0, N, x);
    assert_distributed(x, N, normal_cdf);
  }
  free(x);
}

/* Neighbours, keys that differ in a bit, and split keys: correlations within 4 / sqrt(n) of zero. */
static void draws_are_uncorrelated(void **state) {
  (void)state;
  enum { N = 40000 };
  double *x = tw_alloc(N + 2, sizeof *x), *y = tw_alloc(N + 2, sizeof *y);
  tw_random_normal_fill(6, 0, N + 2, x);
  for (size_t lag = 1; lag <= 2; lag++) assert_true(fabs(tw_vec_dot(x, x + lag, N)) < 4 * sqrt(N));
  const uint64_t others[] = {7, 4, tw_key_split(6, 0), tw_key_split(6, 1), tw_key_split(7, 0)};
  for (size_t k = 0; k < sizeof others / sizeof others[0]; k++) {
    tw_random_normal_fill(others[k], 0, N, y);
    assert_true(fabs(tw_vec_dot(x, y, N)) < 4 * sqrt(N));
  }
  free(x);
  free(y);
}

static void integers_stay_in_range_and_are_unbiased(void **state) {
  (void)state;
  enum { N = 60000 };
  double count[6] = {0};
  for (uint64_t i = 0; i < N; i++) {
    int64_t die = tw_random_integer(3, i, 1, 7);
    assert_in_range(die, 1, 6);
    count[die - 1]++;
  }
  double chi2 = 0;
  for (int k = 0; k < 6; k++) chi2 += (count[k] - N / 6.0) * (count[k] - N / 6.0) / (N / 6.0);
  assert_true(chi2 < 20.5); /* 5 degrees of freedom, 0.1 % */
  /* range 3 * 2^62: reducing 64 bits without rejection would favour a third of it two to one */
  double third[3] = {0};
  for (uint64_t i = 0; i < N; i++) {
    int64_t low = INT64_MIN, high = INT64_MAX / 2 + 1;
    int64_t draw = tw_random_integer(4, i, low, high);
    assert_true(draw >= low && draw < high);
    third[((uint64_t)draw - (uint64_t)low) >> 62]++;
  }
  for (int k = 0; k < 3; k++) assert_close(third[k] / N, 1 / 3.0, 0.01);
}

static void integer_corner_ranges(void **state) {
  (void)state;
  for (uint64_t i = 0; i < 100; i++) {
    assert_int_equal(tw_random_integer(1, i, 5, 6), 5);
    assert_true(tw_random_integer(1, i, INT64_MIN, INT64_MAX) < INT64_MAX);
    assert_int_equal(tw_random_integer(1, i, INT64_MIN, INT64_MIN + 1), INT64_MIN);
    assert_int_equal(tw_random_integer(1, i, 5, 5), 5); /* empty: low */
  }
}

static void permutations_are_uniform(void **state) {
  (void)state;
  enum { N = 60000 };
  double count[27] = {0}, chi2 = 0;
  for (uint64_t i = 0; i < N; i++) {
    int64_t p[3];
    tw_random_permutation(tw_key_split(5, i), 3, p);
    assert_true(p[0] != p[1] && p[1] != p[2] && p[0] != p[2]);
    count[p[0] * 9 + p[1] * 3 + p[2]]++;
  }
  for (int k = 0; k < 27; k++)
    if (count[k] > 0) chi2 += (count[k] - N / 6.0) * (count[k] - N / 6.0) / (N / 6.0);
  assert_true(chi2 < 20.5);
  int64_t p[1000];
  bool seen[1000] = {false};
  tw_random_permutation(5, 1000, p);
  for (int i = 0; i < 1000; i++) {
    assert_in_range(p[i], 0, 999);
    assert_false(seen[p[i]]);
    seen[p[i]] = true;
  }
  tw_random_permutation(5, 0, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(philox_known_answers),
      cmocka_unit_test(fills_equal_single_draws),
      cmocka_unit_test(uniforms_and_normals_are_distributed_so),
      cmocka_unit_test(draws_are_uncorrelated),
      cmocka_unit_test(integers_stay_in_range_and_are_unbiased),
      cmocka_unit_test(integer_corner_ranges),
      cmocka_unit_test(permutations_are_uniform),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
