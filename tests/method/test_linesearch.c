/* The line searches on functions of one variable: what they accept satisfies their conditions. */
#include "test.h"

#include "method/linesearch/linesearch.h"

typedef struct curve {
  double (*f)(double a, double *slope);
  double at; /* evaluated last */
  int calls;
} curve;

static double quadratic(double a, double *slope) {
  *slope = 2 * (a - 1);
  return (a - 1) * (a - 1);
}
/* More & Thuente (1994), their first function: nearly flat far out. */
static double rational(double a, double *slope) {
  const double q = a * a + 2;
  *slope = (a * a - 2) / (q * q);
  return -a / q;
}
/* Their second: a deep, narrow valley behind a concave slope. */
static double fifth_power(double a, double *slope) {
  const double t = a + 0.004;
  *slope = 5 * pow(t, 4) - 8 * pow(t, 3);
  return pow(t, 5) - 2 * pow(t, 4);
}
/* A wall: not defined from 0.3 on. */
static double barrier(double a, double *slope) {
  *slope = -1 + 0.01 / (0.3 - a);
  return a < 0.3 ? -a - 0.01 * log(0.3 - a) : NAN;
}
static double ripples(double a, double *slope) {
  *slope = -1 + 0.2 * a + 0.9 * cos(15 * a);
  return -a + 0.1 * a * a + 0.06 * sin(15 * a);
}
/* Falls for ever. */
static double ramp(double a, double *slope) {
  *slope = -1;
  return -a;
}

static tw_status phi(void *context, double alpha, double *value, double *slope) {
  curve *c = context;
  double unused;
  c->at = alpha;
  c->calls++;
  *value = c->f(alpha, slope ? slope : &unused);
  if (isnan(*value)) *value = INFINITY;
  return TW_OK;
}

static tw_line line_on(curve *c, double initial, double longest) {
  tw_line line = {.phi = phi,
                  .context = c,
                  .c1 = 1e-4,
                  .c2 = 0.5,
                  .initial = initial,
                  .longest = longest,
                  .noise = 0,
                  .max_evaluations = 60};
  line.start.value = c->f(0, &line.start.slope);
  return line;
}

static void accepted_points_satisfy_the_conditions(void **state) {
  (void)state;
  double (*const all[])(double, double *) = {quadratic, rational, fifth_power, barrier, ripples};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    for (int kind = TW_LINE_ARMIJO; kind <= TW_LINE_HAGER_ZHANG; kind++)
      for (double initial = 1e-3; initial < 2e3; initial *= 10) {
        curve c = {.f = all[k]};
        tw_line line = line_on(&c, initial, INFINITY);
        tw_line_point p;
        tw_line_end end;
        assert_int_equal(tw_line_search((tw_line_kind)kind, &line, &p, &end), TW_OK);
        if (end != TW_LINE_ACCEPTED)
          fail_msg("function %zu, kind %d, from %g: end %d", k, kind, initial, end);
        double slope;
        assert_true(p.alpha > 0 && c.at == p.alpha && line.evaluations <= c.calls);
        assert_same_bits(p.value, c.f(p.alpha, &slope));
        assert_same_bits(p.slope, slope);
        const tw_line_point *s = &line.start;
        const bool armijo = p.value <= s->value + line.c1 * p.alpha * s->slope;
        const bool approximate = p.value <= s->value && p.slope <= (2 * line.c1 - 1) * s->slope;
        assert_true(armijo || approximate);
        if (kind != TW_LINE_ARMIJO) assert_true(fabs(p.slope) <= -line.c2 * s->slope);
      }
}

static void no_step_goes_beyond_the_longest(void **state) {
  (void)state;
  for (int kind = TW_LINE_ARMIJO; kind <= TW_LINE_HAGER_ZHANG; kind++)
    for (double longest = 0.25; longest < 100; longest *= 4) {
      curve c = {.f = ramp};
      tw_line line = line_on(&c, 1, longest);
      tw_line_point p;
      tw_line_end end;
      assert_int_equal(tw_line_search((tw_line_kind)kind, &line, &p, &end), TW_OK);
      assert_true(p.alpha > 0 && p.alpha <= longest && c.at == p.alpha);
      if (kind != TW_LINE_ARMIJO) assert_true(end == TW_LINE_LONGEST && p.alpha == longest);
    }
}

/* Equal values decide nothing: where the objective is flat to rounding, a point with a steeper slope is no
 * progress, and one with a flatter slope is. */
static double steeper(double a, double *slope) {
  *slope = a == 0 ? -1e-9 : 1e-6;
  return 5;
}
static double flatter(double a, double *slope) {
  *slope = 1e-9 * (a - 1);
  return 5;
}

static void flat_objectives_are_judged_by_slopes(void **state) {
  (void)state;
  for (int kind = TW_LINE_WOLFE; kind <= TW_LINE_HAGER_ZHANG; kind++) {
    curve c = {.f = steeper};
    tw_line line = line_on(&c, 1, INFINITY);
    line.noise = 1e-12;
    tw_line_point p;
    tw_line_end end;
    assert_int_equal(tw_line_search((tw_line_kind)kind, &line, &p, &end), TW_OK);
    assert_int_equal(end, TW_LINE_STUCK);
    c.f = flatter;
    line = line_on(&c, 0.1, INFINITY);
    line.noise = 1e-12;
    assert_int_equal(tw_line_search((tw_line_kind)kind, &line, &p, &end), TW_OK);
    assert_true(end == TW_LINE_ACCEPTED && fabs(p.slope) <= 0.5e-9);
  }
}

static void nothing_to_search(void **state) {
  (void)state;
  curve c = {.f = quadratic};
  tw_line_point p;
  tw_line_end end;
  tw_line line = line_on(&c, 1, INFINITY);
  line.start.slope = 0.5;
  assert_int_equal(tw_line_search(TW_LINE_WOLFE, &line, &p, &end), TW_OK);
  assert_int_equal(end, TW_LINE_STUCK);
  line.start.slope = NAN;
  assert_int_equal(tw_line_search(TW_LINE_WOLFE, &line, &p, &end), TW_OK);
  assert_int_equal(end, TW_LINE_STUCK);
  assert_int_equal(c.calls, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepted_points_satisfy_the_conditions),
      cmocka_unit_test(no_step_goes_beyond_the_longest),
      cmocka_unit_test(flat_objectives_are_judged_by_slopes),
      cmocka_unit_test(nothing_to_search),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
