#include "test.h"

#include <omp.h>

/* Lengths around the lanes, blocks and segments of the implementation, and up to several threads' work. */
static const size_t lengths[] = {0,    1,    2,    15,    16,     17,     31,     100,    2047,   2048,
                                 2049, 4096, 5000, 65536, 131071, 131072, 131073, 300001, 1000003};
enum { LENGTHS = sizeof lengths / sizeof lengths[0], LONGEST = 1000003 };

static double *x, *y;

static int setup(void **state) {
  (void)state;
  x = tw_alloc(LONGEST, sizeof *x);
  y = tw_alloc(LONGEST, sizeof *y);
  if (!x || !y) return -1;
  tw_random_normal_fill(1, 0, LONGEST, x);
  tw_random_normal_fill(2, 0, LONGEST, y);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  free(x);
  free(y);
  return 0;
}

static void agree_with_extended_precision(void **state) {
  (void)state;
  for (int l = 0; l < LENGTHS; l++) {
    size_t n = lengths[l];
    long double sum = 0, dot = 0, square = 0, magnitude = 0, products = 0;
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
      sum += (long double)x[i];
      dot += (long double)x[i] * (long double)y[i];
      square += (long double)x[i] * (long double)x[i];
      magnitude += fabsl((long double)x[i]);
      products += fabsl((long double)x[i] * (long double)y[i]);
      largest = fmax(largest, fabs(x[i]));
    }
    /* |error| <= (BLOCK / LANES + log2 n) u * sum of magnitudes; random signs stay far below */
    double bound = 20 * 0x1p-53;
    assert_true(fabs(tw_vec_sum(x, n) - (double)sum) <= bound * (double)magnitude);
    assert_true(fabs(tw_vec_dot(x, y, n) - (double)dot) <= bound * (double)products);
    assert_close(tw_vec_norm2(x, n), (double)sqrtl(square), 1e-15);
    assert_same_bits(tw_vec_norm_inf(x, n), largest);
  }
}

/* 1e6 equal terms: naive summation is off by about 1e-11 relative, pairwise by 1e-15. */
static void many_equal_terms(void **state) {
  (void)state;
  double *tenth = tw_alloc(LONGEST, sizeof *tenth);
  for (size_t i = 0; i < LONGEST; i++) tenth[i] = 0.1;
  assert_close(tw_vec_sum(tenth, LONGEST) / LONGEST, 0.1, 2e-15);
  free(tenth);
}

static void same_bits_whatever_the_threads(void **state) {
  (void)state;
  int threads = omp_get_max_threads();
  for (int t = 1; t <= 3; t++)
    for (int l = 0; l < LENGTHS; l++) {
      assert_same_bits(tw_vec_dot_on(t, x, y, lengths[l]), tw_vec_dot(x, y, lengths[l]));
      assert_same_bits(tw_vec_norm2_on(t, x, lengths[l]), tw_vec_norm2(x, lengths[l]));
      assert_same_bits(tw_vec_norm_inf_on(t, x, lengths[l]), tw_vec_norm_inf(x, lengths[l]));
    }
  for (int l = 0; l < LENGTHS; l++) {
    size_t n = lengths[l];
    omp_set_num_threads(1);
    const double serial[] = {tw_vec_sum(x, n), tw_vec_dot(x, y, n), tw_vec_norm2(x, n),
                             tw_vec_norm_inf(x, n)};
    for (int t = 2; t <= 5; t++) {
      omp_set_num_threads(t);
      const double parallel[] = {tw_vec_sum(x, n), tw_vec_dot(x, y, n), tw_vec_norm2(x, n),
                                 tw_vec_norm_inf(x, n)};
      assert_memory_equal(parallel, serial, sizeof serial);
    }
  }
  omp_set_num_threads(threads);
}

static void product_and_norm_in_one_pass(void **state) {
  (void)state;
  for (int l = 0; l < LENGTHS; l++)
    for (int t = 1; t <= 3; t++) {
      double norm = -1;
      assert_same_bits(tw_vec_dot_norm_inf_on(t, x, y, lengths[l], &norm), tw_vec_dot(x, y, lengths[l]));
      assert_same_bits(norm, tw_vec_norm_inf(x, lengths[l]));
    }
}

/* norm2(2^k x) = 2^k norm2(x) far beyond where the squares overflow or vanish. */
static void norm2_scales(void **state) {
  (void)state;
  enum { N = 5000 };
  double scaled[N], norm = tw_vec_norm2(x, N);
  for (int k = -960; k <= 960; k += 60) {
    for (size_t i = 0; i < N; i++) scaled[i] = ldexp(x[i], k);
    assert_close(ldexp(tw_vec_norm2(scaled, N), -k), norm, 1e-15);
  }
  const double tiny[] = {3 * 0x1p-1074, 4 * 0x1p-1074}, huge[] = {0x1.8p1022, 0x1p1023};
  assert_same_bits(tw_vec_norm2(tiny, 2), 5 * 0x1p-1074);
  assert_close(tw_vec_norm2(huge, 2) / 0x1.4p1023, 1.0, 1e-15);
  const double mixed[] = {1e-200, 1e200};
  assert_close(tw_vec_norm2(mixed, 2) / 1e200, 1.0, 1e-15);
}

/* A NaN anywhere makes every result NaN; an infinity without NaN makes the norms infinite. */
static void nan_and_infinity_are_never_lost(void **state) {
  (void)state;
  enum { N = 4200 };
  double z[N] = {0};
  for (size_t i = 0; i < N; i += i < 40 ? 1 : 97) {
    z[i] = -INFINITY;
    assert_same_bits(tw_vec_norm2(z, N), INFINITY);
    assert_same_bits(tw_vec_norm_inf(z, N), INFINITY);
    z[(i + 1) % N] = (double)NAN;
    assert_true(isnan(tw_vec_norm2(z, N)));
    assert_true(isnan(tw_vec_norm_inf(z, N)));
    assert_true(isnan(tw_vec_sum(z, N)));
    assert_true(isnan(tw_vec_dot(z, z, N)));
    double norm = 0;
    assert_true(isnan(tw_vec_dot_norm_inf_on(1, z, x, N, &norm)) && isnan(norm));
    z[i] = z[(i + 1) % N] = 0;
  }
  assert_same_bits(tw_vec_norm2(z, N), 0.0);
  /* x'y overflows, x does not. */
  z[7] = 0x1p1000;
  double norm = 0;
  assert_same_bits(tw_vec_dot_norm_inf_on(1, z, z, N, &norm), INFINITY);
  assert_same_bits(norm, 0x1p1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agree_with_extended_precision),   cmocka_unit_test(many_equal_terms),
      cmocka_unit_test(same_bits_whatever_the_threads),  cmocka_unit_test(norm2_scales),
      cmocka_unit_test(product_and_norm_in_one_pass),
      cmocka_unit_test(nan_and_infinity_are_never_lost),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
