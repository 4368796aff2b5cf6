/* The vector loops of exp and log1p: their errors in units in the last place against the C library's in higher precision, the
 * ends of their own ranges, zeros' signs, and each element as if it stood alone. */
#include "evaluate.h"

#include "graph/ops/loops.h"

#include <float.h>

enum { N = 4096, ROUNDS = 200 };

typedef struct function {
  const char *name;
  tw_loop_id loop;
  double (*argument)(uint64_t kind, uint64_t at);
  double (*exact)(double x);
  long double (*precise)(long double x);
  double least, most; /* where f32 has normal numbers */
  double special[14];
} function;

/* Around 0, over the whole range by exponents, and where 1 + x crosses a power of two or its root. */
static double log1p_argument(uint64_t kind, uint64_t at) {
  const double u = tw_random_uniform(kind, at), v = tw_random_uniform(kind + 100, at);
  switch (kind % 4) {
  case 0: return 2 * u - 1;
  case 1: return (v < 0.5 ? -1 : 1) * exp2(-60 * u);
  case 2: return exp2(120 * u);
  default: return exp2(floor(8 * u) - 3) * (v < 0.5 ? 1 : 0.70710678118654752) * (1 + 1e-3 * (2 * v - 1)) - 1;
  }
}

/* Around 0, over the whole range, and around odd multiples of log(2) / 2. */
static double exp_argument(uint64_t kind, uint64_t at) {
  const double u = tw_random_uniform(kind, at), v = tw_random_uniform(kind + 100, at);
  switch (kind % 4) {
  case 0: return 2 * u - 1;
  case 1: return 1400 * u - 700;
  case 2: return 174 * u - 87;
  default: return (floor(200 * u) - 99.5) * 0.69314718055994531 * (1 + 1e-3 * (2 * v - 1));
  }
}

static const function functions[] = {
    {"log1p",
     TW_LOOP_log1p,
     log1p_argument,
     log1p,
     log1pl,
     -1,
     INFINITY,
     {0, -0.0, -1, -1.5, INFINITY, -INFINITY, NAN, 0x1p1023, 0x1p999, 0x1p1000, 4e-320, -4e-320, 0x1.fffffep126, -0x1p-1}},
    {"exp",
     TW_LOOP_exp,
     exp_argument,
     exp,
     expl,
     -87,
     88,
     {0, -0.0, 1, 709, INFINITY, -INFINITY, NAN, 710, 708, -708, -745, -746, 4e-320, -720}},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static long double units(long double got, long double exact, int digits) {
  int exponent;
  if (exact == 0) return got == 0 ? 0 : 1e9L;
  frexpl(exact, &exponent);
  return fabsl(got - exact) / ldexpl(1, exponent - digits);
}

static void check_error(const function *f) {
  tw_loop *wide = tw_loop_get(f->loop, TW_F64), *narrow = tw_loop_get(f->loop, TW_F32);
  static double x[N], y[N];
  static float xf[N], yf[N];
  long double worst = 0, worst_narrow = 0;
  for (uint64_t r = 0; r < ROUNDS; r++) {
    for (uint64_t i = 0; i < N; i++) xf[i] = (float)(x[i] = f->argument(r, i));
    wide(1, N, (const void *[]){x}, (int64_t[]){0}, (int64_t[]){1}, y);
    narrow(1, N, (const void *[]){xf}, (int64_t[]){0}, (int64_t[]){1}, yf);
    for (int i = 0; i < N; i++) {
      const bool normal = xf[i] > f->least && xf[i] < f->most;
      const long double e = units(y[i], f->precise(x[i]), DBL_MANT_DIG);
      const long double n = normal ? units(yf[i], f->precise(xf[i]), FLT_MANT_DIG) : 0;
      if (e > worst) worst = e;
      if (n > worst_narrow) worst_narrow = n;
    }
  }
  print_message("%s: largest error %.3Lf units (f64), %.3Lf units (f32)\n", f->name, worst, worst_narrow);
  assert_true(worst < 0.9 && worst_narrow < 0.9);
}

static void errors_are_below_a_unit(void **state) {
  (void)state;
  for (int k = 0; k < FUNCTIONS; k++) check_error(&functions[k]);
}

static void check_special(const function *f, double x) {
  const double e = f->exact(x);
  double four[4] = {1, x, 2, 3}, y[4], alone;
  tw_loop *loop = tw_loop_get(f->loop, TW_F64);
  loop(1, 4, (const void *[]){four}, (int64_t[]){0}, (int64_t[]){1}, y);
  loop(1, 1, (const void *[]){&x}, (int64_t[]){0}, (int64_t[]){1}, &alone);
  if (isnan(e)) {
    assert_true(isnan(y[1]));
  } else {
    if (!(y[1] == e || fabs(y[1] - e) <= fmax(2.3e-16 * fabs(e), 5e-324))) fail_msg("%s(%a) = %a, expected %a", f->name, x, y[1], e);
    assert_int_equal(signbit(e), signbit(y[1]));
    assert_memory_equal(&alone, &y[1], sizeof alone);
  }
  for (int i = 0; i < 4; i += 3) assert_true(fabs(y[i] - f->exact(four[i])) <= 2.3e-16 * f->exact(four[i])); /* neighbours */
}

static void special_values(void **state) {
  (void)state;
  for (int k = 0; k < FUNCTIONS; k++)
    for (size_t i = 0; i < sizeof functions[k].special / sizeof *functions[k].special; i++)
      check_special(&functions[k], functions[k].special[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(errors_are_below_a_unit), cmocka_unit_test(special_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
