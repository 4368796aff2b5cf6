/* The builds of the inner loops for vector instructions against the portable one: the same bits for arithmetic, a few units in the last
 * place for functions, at special values and everywhere; each element as if it stood alone, whatever the length, the steps and the
 * alignment; nothing written beside the result. Builds that this processor cannot run are skipped (tools/check-avx512 runs them all). */
#include "test.h"

#include "graph/ops/loops.h"

#include <float.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { POINTS = 4096, LONGEST = 129, GUARD = 64, MOST_BYTES = 8, MOST_UNITS = 4 };

typedef struct loop_kind {
  const char *name;
  int operands;
  bool function, makes_bool;
} loop_kind;
static const loop_kind kinds[TW_LOOP_COUNT] = {
#define NUMERIC1(name, real, whole) {#name, 1, false, false},
#define NUMERIC2(name, real, whole) {#name, 2, false, false},
#define SLOW2(name, real, whole) {#name, 2, false, false},
#define FLOATS1(name, real) {#name, 1, false, false},
#define FLOATS2(name, real) {#name, 2, false, false},
#define TEST1(name, test) {#name, 1, false, true},
#define FUNCTION1(name, real) {#name, 1, true, false},
#define FUNCTION2(name, real) {#name, 2, true, false},
#define COMPARE2(name, test) {#name, 2, false, true},
#define LOGIC1(name, test) {#name, 1, false, true},
#define LOGIC2(name, test) {#name, 2, false, true},
#define BYTES(name) {#name, TW_LOOP_##name == TW_LOOP_where ? 3 : 1, false, false},
#include "graph/ops/loops.def"
};

static tw_dtype operand_dtype(int id, int k, tw_dtype dtype) {
  return id == TW_LOOP_where && k == 0 ? TW_BOOL : dtype;
}

static size_t operand_bytes(int id, int k, tw_dtype dtype) {
  return tw_dtype_get(operand_dtype(id, k, dtype))->size;
}

static size_t result_bytes(int id, tw_dtype dtype) {
  return kinds[id].makes_bool ? 1 : tw_dtype_get(dtype)->size;
}

/* ------------------------------------------------------------------ operands */

static const double specials[] = {
    0, -0.0, 1, -1, 0.5, -0.5, 2, -2, INFINITY, -INFINITY, NAN, 1e-310, -1e-310, 5e-324, 1e-40,
    -1e-40, 1.5e-45, FLT_MIN, DBL_MIN, FLT_MAX, -FLT_MAX, DBL_MAX, -DBL_MAX, 709, -709, 709.9, 710.5, -746, 88.5, -87.5, -104, 1e300,
    -1e300, 1e-300, 0x1p31, 0x1p52, -0x1p53, 2.5, -2.5, 1.5, 3, -3, 30, -30, 36.8, 171, 22.5, 1e-8, -1e-8, 1e5, -1e22,
    3.14159265358979324, 1 - 0x1p-53, 1 + 0x1p-52};
static const int64_t whole_specials[] = {
    0, 1, -1, 2, -2, 7, -7, 127, 128, 255, 256, -128, INT32_MAX, INT32_MIN, INT64_MAX,
    INT64_MIN, INT64_MIN + 1, UINT32_MAX, (1LL << 53) + 1, 1000003, -1000003};
enum { SPECIALS = sizeof specials / sizeof *specials, WHOLES = sizeof whole_specials / sizeof *whole_specials };

/* Number i of operand k: all pairs of special values, then magnitudes from 1e-20 to 1e20 of both signs, thick around 1. */
static double point(int k, int64_t i) {
  if (i < SPECIALS * SPECIALS) return specials[k ? i / SPECIALS : i % SPECIALS];
  const uint64_t key = (uint64_t)(100 + 3 * k), at = (uint64_t)i;
  const double sign = tw_random_uniform(key, at) < 0.5 ? -1 : 1, u = tw_random_uniform(key + 1, at);
  return sign * pow(10, i % 2 ? 4 * u - 3 : 40 * u - 20);
}

/* The quotient of integers is not asked for a divisor 0. */
static int64_t whole_point(int id, int k, int64_t i, tw_dtype dtype) {
  int64_t value = (int64_t)tw_random_bits((uint64_t)(200 + k), (uint64_t)i) >> (i % 60);
  if (i < WHOLES * WHOLES) value = whole_specials[k ? i / WHOLES : i % WHOLES];
  if (dtype == TW_I32) value = (int32_t)(uint32_t)value;
  if (dtype == TW_U8) value = (uint8_t)value;
  if (dtype == TW_BOOL) value = (uint64_t)i >> k & 1;
  return value == 0 && k == 1 && (id == TW_LOOP_idiv || id == TW_LOOP_mod) ? 3 : value;
}

typedef struct operands {
  unsigned char bytes[3][POINTS * MOST_BYTES];
} operands;

static void put(int id, int k, int64_t i, tw_dtype dtype, unsigned char *at) {
  if (dtype == TW_F64) {
    memcpy(at, (double[]){point(k, i)}, sizeof(double));
  } else if (dtype == TW_F32) {
    memcpy(at, (float[]){(float)point(k, i)}, sizeof(float));
  } else {
    const int64_t value = whole_point(id, k, i, dtype); /* its low bytes come first on the processors with vector loops */
    memcpy(at, &value, tw_dtype_get(dtype)->size);
  }
}

static void fill(int id, tw_dtype dtype, operands *x) {
  for (int k = 0; k < kinds[id].operands; k++)
    for (int64_t i = 0; i < POINTS; i++) {
      const tw_dtype own = operand_dtype(id, k, dtype);
      put(id, k, i, own, x->bytes[k] + (size_t)i * tw_dtype_get(own)->size);
    }
}

static void run(tw_loop *loop, const operands *x, int64_t n, void *out) {
  const void *in[] = {x->bytes[0], x->bytes[1], x->bytes[2]};
  loop(1, n, in, (int64_t[]){0, 0, 0}, (int64_t[]){1, 1, 1}, out);
}

/* ------------------------------------------------------------------ values */

static const tw_loops *build_or_skip(void **state) {
  const tw_cpu *wanted = *state, here = tw_cpu_features();
  const tw_loops *build = tw_loops_for(*wanted);
  if ((wanted->avx2 && !here.avx2) || (wanted->avx512 && !here.avx512) || build == &tw_loops_portable) skip();
  return build;
}

static void the_best_build_is_chosen(void **state) {
  (void)state;
  const tw_cpu here = tw_cpu_features();
  const tw_loops *best = tw_loops_for(here);
  if (best != &tw_loops_portable) assert_string_equal(best->name, here.avx512 ? "avx512" : "avx2");
  for (int id = 0; id < TW_LOOP_COUNT; id++)
    for (int dtype = 0; dtype < TW_DTYPE_COUNT; dtype++)
      assert_true(tw_loop_get((tw_loop_id)id, (tw_dtype)dtype) == best->loop[id][dtype]);
  assert_true(tw_exp_sum_get(TW_F64) == best->exp_sum[0] && tw_exp_sum_get(TW_F32) == best->exp_sum[1]);
  print_message("build chosen: %s\n", best->name);
}

static void arithmetic_has_the_same_bits(void **state) {
  const tw_loops *build = build_or_skip(state);
  static operands x;
  static unsigned char expected[POINTS * MOST_BYTES], got[POINTS * MOST_BYTES];
  int compared = 0;
  for (int id = 0; id < TW_LOOP_COUNT; id++)
    for (int d = 0; d < TW_DTYPE_COUNT; d++) {
      const tw_dtype dtype = (tw_dtype)d;
      assert_true(!tw_loops_portable.loop[id][d] == !build->loop[id][d]);
      if (!build->loop[id][d] || kinds[id].function) continue;
      const size_t bytes = result_bytes(id, dtype);
      fill(id, dtype, &x);
      run(tw_loops_portable.loop[id][d], &x, POINTS, expected);
      run(build->loop[id][d], &x, POINTS, got);
      for (size_t i = 0; i < POINTS; i++)
        if (memcmp(expected + i * bytes, got + i * bytes, bytes) != 0)
          fail_msg("%s: %s of %s differs at %zu", build->name, kinds[id].name, tw_dtype_get(dtype)->name, i);
      compared++;
    }
  print_message("%s: %d loops of arithmetic with the same bits\n", build->name, compared);
}

/* |got - expected| in units in the last place of `expected` rounded to `digits`, subnormal numbers' being the least; lgamma by its error
 * beside 1, for its zeros are no numbers. Infinities, NaN and signs of zeros must be the same. */
static double units(int id, double got, double expected, tw_dtype dtype) {
  const bool narrow = dtype == TW_F32;
  const double rounded = narrow ? (double)(float)expected : expected;
  int exponent;
  if (isnan(rounded) || isnan(got)) return isnan(rounded) && isnan(got) ? 0 : INFINITY;
  if (isinf(rounded) || isinf(got)) return rounded == got ? 0 : INFINITY;
  if (rounded == 0 && got == 0) return signbit(rounded) == signbit(got) ? 0 : INFINITY;
  frexp(id == TW_LOOP_lgamma ? fmax(1, fabs(expected)) : expected, &exponent);
  const int least = narrow ? FLT_MIN_EXP : DBL_MIN_EXP, digits = narrow ? FLT_MANT_DIG : DBL_MANT_DIG;
  if (exponent < least) exponent = least;
  return ldexp(fabs(got - expected), digits - exponent);
}

/* Two flaws of an emulated processor (Bochs 2.7): an f64 a b + c that cancels to less than some 2^-64 of c is 0 there, and getmant, which
 * SLEEF's logarithm and power use with AVX-512, is twice the mantissa of a subnormal f64. */
static bool fma_is_flawed(void) {
  const volatile double a = 0x1.284ad60aadc95p+2, b = -0x1.2d07553960c6cp+5, c = 0x1.5c687a59aa5dcp+7;
  return fma(a, b, c) == 0;
}

#ifdef __x86_64__
__attribute__((target("avx512f"))) static bool getmant_is_flawed(void) {
  const volatile double least = 5e-324;
  return _mm512_cvtsd_f64(_mm512_getmant_pd(_mm512_set1_pd(least), _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)) != 1;
}
#else
static bool getmant_is_flawed(void) {
  return false;
}
#endif

static bool emulator_is_to_blame(const tw_loops *build, int id, tw_dtype dtype, double x, double got, double expected) {
  if (dtype != TW_F64) return false;
  if (fma_is_flawed() && fabs(got - expected) <= 0x1p-63) return true;
  const bool logarithm = id == TW_LOOP_log || id == TW_LOOP_pow;
  return logarithm && fpclassify(x) == FP_SUBNORMAL && strcmp(build->name, "avx512") == 0 && getmant_is_flawed();
}

static double float_at(const unsigned char *bytes, tw_dtype dtype, int64_t i) {
  tw_array view = tw_array_view((void *)(uintptr_t)bytes, dtype, TW_SHAPE(POINTS));
  return tw_array_get(&view, &i);
}

/* The reference in f64 is the portable build; it is exact beside f32. */
static double worst_units(const tw_loops *build, int id, tw_dtype dtype, int *excused) {
  static operands x, wide;
  static unsigned char got[POINTS * MOST_BYTES], expected[POINTS * MOST_BYTES];
  double worst = 0;
  fill(id, dtype, &x);
  for (int k = 0; k < kinds[id].operands; k++)
    for (int64_t i = 0; i < POINTS; i++)
      memcpy(wide.bytes[k] + i * MOST_BYTES, (double[]){float_at(x.bytes[k], dtype, i)}, sizeof(double));
  run(build->loop[id][dtype], &x, POINTS, got);
  run(tw_loops_portable.loop[id][TW_F64], &wide, POINTS, expected);
  for (int64_t i = 0; i < POINTS; i++) {
    const double a = float_at(wide.bytes[0], TW_F64, i), b = float_at(wide.bytes[1], TW_F64, i);
    const double z = float_at(got, dtype, i), e = float_at(expected, TW_F64, i), distance = units(id, z, e, dtype);
    if (distance > MOST_UNITS && emulator_is_to_blame(build, id, dtype, a, z, e)) {
      (*excused)++;
      continue;
    }
    if (distance > MOST_UNITS)
      print_error("%s: %s(%a, %a) = %a, expected %a: %g units of %s\n", build->name, kinds[id].name, a, b, z, e, distance,
                  tw_dtype_get(dtype)->name);
    if (distance > worst) worst = distance;
  }
  return worst;
}

static void functions_agree(void **state) {
  const tw_loops *build = build_or_skip(state);
  double worst[TW_DTYPE_COUNT] = {0};
  const char *name[TW_DTYPE_COUNT] = {0};
  int compared = 0, excused = 0;
  for (int id = 0; id < TW_LOOP_COUNT; id++)
    for (int d = 0; d < TW_DTYPE_COUNT; d++) {
      if (!kinds[id].function || !build->loop[id][d]) continue;
      const double distance = worst_units(build, id, (tw_dtype)d, &excused);
      if (distance >= worst[d]) worst[d] = distance, name[d] = kinds[id].name;
      compared++;
    }
  print_message("%s: %d loops of functions, largest difference %.2f units (f64, %s) and %.2f (f32, %s)\n", build->name, compared,
                worst[TW_F64], name[TW_F64], worst[TW_F32], name[TW_F32]);
  if (excused) print_message("%s: %d points of f64 left out, which this emulator computes wrongly\n", build->name, excused);
  assert_true(excused < POINTS / 16);
  assert_true(worst[TW_F64] <= MOST_UNITS && worst[TW_F32] <= MOST_UNITS);
}

/* exp and log1p are the same arithmetic in both builds, SLEEF's parts apart, so that what test_exp_log1p says of one holds for the
 * other. */
static void own_functions_have_the_bits_of_avx2(void **state) {
  const tw_loops *build = build_or_skip(state), *narrower = tw_loops_for((tw_cpu){.avx2 = true});
  static const tw_loop_id own[] = {TW_LOOP_exp, TW_LOOP_log1p};
  static operands x;
  static unsigned char expected[POINTS * MOST_BYTES], got[POINTS * MOST_BYTES];
  tw_array f64 = tw_array_view(x.bytes[0], TW_F64, TW_SHAPE(POINTS)), f32 = tw_array_view(x.bytes[0], TW_F32, TW_SHAPE(POINTS));
  for (int k = 0; k < 4; k++)
    for (uint64_t r = 0; r < 20; r++) {
      const tw_dtype dtype = k % 2 ? TW_F32 : TW_F64;
      for (int64_t i = 0; i < POINTS; i++) {
        const double u = tw_random_uniform(300 + r, (uint64_t)i), wide = k < 2 ? 170 * u - 85 : exp2(80 * u) - 1 + 0x1p-20;
        tw_array_set(dtype == TW_F64 ? &f64 : &f32, &i, r % 4 ? wide : (2 * u - 1) * exp2(-(double)(i % 50)));
      }
      run(narrower->loop[own[k / 2]][dtype], &x, POINTS, expected);
      run(build->loop[own[k / 2]][dtype], &x, POINTS, got);
      assert_memory_equal(got, expected, POINTS * tw_dtype_get(dtype)->size);
    }
}

/* ------------------------------------------------------------------ lengths, steps, places */

typedef struct layout {
  int64_t rows, n, row[3], step[3];
} layout;

/* What `loop` makes of the same operands copied element by element, in whole vectors. */
static void expect(tw_loop *loop, int id, tw_dtype dtype, const layout *at, const void *const *in, unsigned char *expected) {
  static operands gathered;
  const int64_t count = at->rows * at->n, whole = (count + 63) / 64 * 64;
  for (int k = 0; k < kinds[id].operands; k++) {
    const size_t bytes = operand_bytes(id, k, dtype);
    for (int64_t i = 0; i < whole; i++) {
      const int64_t j = i < count ? i / at->n * at->row[k] + i % at->n * at->step[k] : 0;
      memcpy(gathered.bytes[k] + (size_t)i * bytes, (const unsigned char *)in[k] + (size_t)j * bytes, bytes);
    }
  }
  run(loop, &gathered, whole, expected);
}

static void check_layout(const tw_loops *build, int id, tw_dtype dtype, const layout *at, const void *const *in) {
  static unsigned char expected[POINTS * MOST_BYTES], room[2 * LONGEST * MOST_BYTES + 4 * GUARD], guard[4 * GUARD];
  tw_loop *loop = build->loop[id][dtype];
  const size_t bytes = result_bytes(id, dtype), all = (size_t)(at->rows * at->n) * bytes;
  unsigned char *out = room + GUARD + (size_t)(at->n % 5) * bytes;
  expect(loop, id, dtype, at, in, expected);
  memset(room, 0xa5, sizeof room), memset(guard, 0xa5, sizeof guard);
  loop(at->rows, at->n, in, at->row, at->step, out);
  if (memcmp(out, expected, all) != 0)
    fail_msg("%s: %s of %s differs for %d rows of %d", build->name, kinds[id].name, tw_dtype_get(dtype)->name, (int)at->rows, (int)at->n);
  assert_memory_equal(room, guard, (size_t)(out - room));
  assert_memory_equal(out + all, guard, GUARD);
  for (int k = 0; k < kinds[id].operands; k++) { /* the result takes the place of an operand */
    const void *own[] = {in[0], in[1], in[2]};
    if (at->rows > 1 || at->step[k] == 0 || operand_bytes(id, k, dtype) != bytes) continue;
    memcpy(out, in[k], all);
    own[k] = out;
    loop(1, at->n, own, at->row, at->step, out);
    assert_memory_equal(out, expected, all);
  }
}

static void every_length_and_step(void **state) {
  const tw_loops *build = build_or_skip(state);
  static const int64_t steps[][3] = {{1, 1, 1}, {1, 1, 0}, {1, 0, 1}, {0, 1, 1}, {0, 0, 0}};
  static operands x;
  for (int id = 0; id < TW_LOOP_COUNT; id++)
    for (int d = 0; d < TW_DTYPE_COUNT; d++) {
      if (!build->loop[id][d]) continue;
      fill(id, (tw_dtype)d, &x);
      for (int64_t n = 0; n <= LONGEST; n += n < 40 ? 1 : n == 40 ? 24 : n == 64 ? 1 : 64)
        for (int p = 0; p < (kinds[id].operands > 1 ? 5 : 1); p++) {
          const void *in[3];
          layout at = {kinds[id].operands > 1 && n % 2 ? 2 : 1, n, {n + 1, 0, 3}, {steps[p][0], steps[p][1], steps[p][2]}};
          const int64_t first = SPECIALS * SPECIALS - 2 * n + 7 * p; /* special values and others */
          for (int k = 0; k < 3; k++) in[k] = x.bytes[k] + (size_t)first * operand_bytes(id, k, (tw_dtype)d);
          check_layout(build, id, (tw_dtype)d, &at, in);
        }
    }
}

/* ------------------------------------------------------------------ sums of exponentials */

/* The exponentials are those of the loop exp; the sum is of at least 16 partial sums of positive terms, so that its relative error is below
 * n / 16 rounding errors and a few for combining them. */
static void check_exp_sum(const tw_loops *build, tw_dtype dtype, int64_t n, double shift, double odd) {
  static operands moved;
  static unsigned char x[TW_EXP_SUM_MOST * MOST_BYTES], expected[TW_EXP_SUM_MOST * MOST_BYTES], got[TW_EXP_SUM_MOST * MOST_BYTES + GUARD];
  const size_t all = (size_t)n * tw_dtype_get(dtype)->size;
  const int64_t whole = (n + 63) / 64 * 64;
  tw_array in = tw_array_view(x, dtype, TW_SHAPE(TW_EXP_SUM_MOST)), at = tw_array_view(moved.bytes[0], dtype, TW_SHAPE(TW_EXP_SUM_MOST));
  long double exact = 0;
  for (int64_t i = 0; i < n; i++) {
    tw_array_set(&in, &i, i == n / 2 ? odd : 6 * tw_random_uniform(7, (uint64_t)i) - 5);
    tw_array_set(&at, &i, tw_array_get(&in, &i) - shift);
  }
  run(build->loop[TW_LOOP_exp][dtype], &moved, whole, expected);
  for (int64_t i = 0; i < n; i++) exact += (long double)float_at(expected, dtype, i);
  memset(got, 0xa5, sizeof got);
  const double sum = build->exp_sum[dtype == TW_F32](n, x, shift, got);
  assert_memory_equal(got, expected, all);
  for (size_t i = all; i < all + GUARD; i++) assert_int_equal(got[i], 0xa5);
  const double error = fabs(sum - (double)exact), unit = dtype == TW_F32 ? FLT_EPSILON / 2 : DBL_EPSILON / 2;
  const double most = ((double)n / 16 + 8) * unit * (double)exact;
  const bool same = isfinite(exact) ? error <= most : isnan(exact) ? isnan(sum) : sum == (double)exact;
  if (!same) fail_msg("%s: sum of %d exponentials %.17g, expected %.17Lg", build->name, (int)n, sum, exact);
  const double again = build->exp_sum[dtype == TW_F32](n, x, shift, x);
  assert_memory_equal(x, expected, all);
  assert_memory_equal(&again, &sum, sizeof sum);
}

static void sums_of_exponentials(void **state) {
  const tw_loops *build = build_or_skip(state);
  static const double odd[] = {0.5, -INFINITY, INFINITY, NAN, -800, -90, 89, 710}, shift[] = {0, 3.75, -1e-3f};
  for (int d = 0; d < 2; d++)
    for (int64_t n = 0; n <= TW_EXP_SUM_MOST; n += n < 70 ? 1 : n < 1000 ? 97 : TW_EXP_SUM_MOST - n ? TW_EXP_SUM_MOST - n : 1)
      for (int k = 0; k < 8; k++) check_exp_sum(build, d ? TW_F32 : TW_F64, n, shift[(k + n) % 3], odd[k]);
}

int main(void) {
  static tw_cpu avx2 = {.avx2 = true}, avx512 = {.avx2 = true, .avx512 = true};
#define ON(cpu, test) {#cpu ": " #test, test, NULL, NULL, &cpu}
#define TESTS_ON(cpu) \
  ON(cpu, arithmetic_has_the_same_bits), ON(cpu, functions_agree), ON(cpu, every_length_and_step), ON(cpu, sums_of_exponentials)
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_best_build_is_chosen), TESTS_ON(avx2), TESTS_ON(avx512),
                                     ON(avx512, own_functions_have_the_bits_of_avx2)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
