/* The vector loop of log1p: its error in units in the last place against the C library's in higher precision, the ends of
 * its own range, zeros' signs, and each element as if it stood alone. */
#include "evaluate.h"

#include "graph/ops/loops.h"

#include <float.h>

enum { N = 4096, ROUNDS = 200 };

/* Around 0, over the whole range by exponents, and where 1 + x crosses a power of two or its root. */
static double argument(uint64_t kind, uint64_t at) {
  const double u = tw_random_uniform(kind, at), v = tw_random_uniform(kind + 100, at);
  switch (kind % 4) {
  case 0: return 2 * u - 1;
  case 1: return (v < 0.5 ? -1 : 1) * exp2(-60 * u);
  case 2: return exp2(120 * u);
  default: return exp2(floor(8 * u) - 3) * (v < 0.5 ? 1 : 0.70710678118654752) * (1 + 1e-3 * (2 * v - 1)) - 1;
  }
}

static long double units(long double got, long double exact, int digits) {
  int exponent;
  if (exact == 0) return got == 0 ? 0 : 1e9L;
  frexpl(exact, &exponent);
  return fabsl(got - exact) / ldexpl(1, exponent - digits);
}

static void error_is_below_a_unit(void **state) {
  (void)state;
  tw_loop *wide = tw_loop_get(TW_LOOP_log1p, TW_F64), *narrow = tw_loop_get(TW_LOOP_log1p, TW_F32);
  static double x[N], y[N];
  static float xf[N], yf[N];
  long double worst = 0, worst_narrow = 0;
  for (uint64_t r = 0; r < ROUNDS; r++) {
    for (uint64_t i = 0; i < N; i++) xf[i] = (float)(x[i] = argument(r, i));
    wide(1, N, (const void *[]){x}, (int64_t[]){0}, (int64_t[]){1}, y);
    narrow(1, N, (const void *[]){xf}, (int64_t[]){0}, (int64_t[]){1}, yf);
    for (int i = 0; i < N; i++) {
      const long double e = units(y[i], log1pl(x[i]), DBL_MANT_DIG);
      const long double n = xf[i] > -1 ? units(yf[i], log1pl(xf[i]), FLT_MANT_DIG) : 0;
      if (e > worst) worst = e;
      if (n > worst_narrow) worst_narrow = n;
    }
  }
  print_message("log1p: largest error %.3Lf units (f64), %.3Lf units (f32)\n", worst, worst_narrow);
  assert_true(worst < 0.9 && worst_narrow < 0.9);
}

static void special_values(void **state) {
  (void)state;
  static const double x[] = {0, -0.0, -1, -1.5, INFINITY, -INFINITY, NAN, 0x1p1023, 0x1p999, 0x1p1000, 4e-320, -4e-320, 0x1.fffffep126, -0x1p-1};
  enum { COUNT = sizeof x / sizeof *x };
  for (int i = 0; i < COUNT; i++) {
    double four[4] = {1, x[i], 2, 3}, y[4], alone;
    tw_loop *loop = tw_loop_get(TW_LOOP_log1p, TW_F64);
    loop(1, 4, (const void *[]){four}, (int64_t[]){0}, (int64_t[]){1}, y);
    loop(1, 1, (const void *[]){&x[i]}, (int64_t[]){0}, (int64_t[]){1}, &alone);
    const double e = log1p(x[i]);
    assert_true(isnan(e) ? isnan(y[1]) : fabs(y[1] - e) <= 2e-16 * fabs(e) || y[1] == e);
    assert_int_equal(isnan(e) ? 0 : signbit(e), isnan(e) ? 0 : signbit(y[1]));
    assert_true(memcmp(&alone, &y[1], sizeof alone) == 0 || isnan(e));
    assert_true(fabs(y[0] - log1p(1)) <= 2e-16 && fabs(y[3] - log1p(3)) <= 4e-16); /* the neighbours of a special value */
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(error_is_below_a_unit), cmocka_unit_test(special_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
