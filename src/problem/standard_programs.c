/* Standard problems with bounds and constraints, from Hock & Schittkowski (1981), by number. */
#include "problem/standard.h"

#include <math.h>

static tw_expr number(tw_expr x, double value) {
  return tw_is_none(x) ? x : tw_scalar(x.graph, value);
}

/* a'x + c */
static tw_expr plane(tw_expr x, double c, const double *a) {
  return linear(x, a, c);
}

/* sum a_i x_i^2 */
static tw_expr bowl(tw_expr x, const double *a) {
  return tw_matmul(tw_standard_vector(x, tw_size_of(x), a), tw_square(x));
}

static void at_least_zero(tw_problem *p, tw_expr e) {
  tw_problem_subject(p, NULL, e, number(e, 0), TW_NONE);
}

static void equals_zero(tw_problem *p, tw_expr e) {
  tw_expr zero = number(e, 0);
  tw_problem_subject(p, NULL, e, zero, zero);
}

static void nonnegative(tw_problem *p, tw_expr x) {
  tw_problem_bounds(p, x, number(x, 0), TW_NONE);
}

/* 100 (x2 - x1^2)^2 + (1 - x1)^2, x2 >= -1.5 */
tw_status tw_standard_hs001(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 2, (double[]){-2, 1}), a = at(x, 0), b = at(x, 1);
  tw_problem_bounds(p, x, tw_standard_vector(x, 2, (double[]){-INFINITY, -1.5}), TW_NONE);
  tw_expr valley = tw_scale(tw_square(tw_sub(b, tw_square(a))), 100);
  return tw_standard_minimize(p, tw_add(valley, tw_square(plus(a, -1))));
}

/* (1 - x1)^2, 10 (x2 - x1^2) = 0 */
tw_status tw_standard_hs006(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 2, (double[]){-1.2, 1}), a = at(x, 0);
  equals_zero(p, tw_scale(tw_sub(at(x, 1), tw_square(a)), 10));
  return tw_standard_minimize(p, tw_square(plus(a, -1)));
}

/* (x1 + x2)^2 + (x2 + x3)^2, x1 + 2 x2 + 3 x3 = 1 */
tw_status tw_standard_hs028(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 3, (double[]){-4, 1, 1});
  equals_zero(p, plane(x, -1, (double[]){1, 2, 3}));
  tw_expr r[2] = {plane(x, 0, (double[]){1, 1, 0}), plane(x, 0, (double[]){0, 1, 1})};
  return tw_standard_minimize(p, tw_standard_squares(2, r));
}

/* 9 - 8 x1 - 6 x2 - 4 x3 + 2 x1^2 + 2 x2^2 + x3^2 + 2 x1 x2 + 2 x1 x3, x1 + x2 + 2 x3 <= 3, x >= 0 */
tw_status tw_standard_hs035(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 3, (double[]){0.5, 0.5, 0.5});
  nonnegative(p, x);
  at_least_zero(p, plane(x, 3, (double[]){-1, -1, -2}));
  tw_expr mixed = tw_scale(tw_mul(at(x, 0), tw_add(at(x, 1), at(x, 2))), 2);
  return tw_standard_minimize(
      p, tw_add(tw_add(plane(x, 9, (double[]){-8, -6, -4}), bowl(x, (double[]){2, 2, 1})), mixed));
}

/* x1^2 + x2^2 + 2 x3^2 + x4^2 - 5 x1 - 5 x2 - 21 x3 + 7 x4 in three ellipsoids (Rosen & Suzuki, 1965) */
tw_status tw_standard_hs043(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 4, (double[]){0, 0, 0, 0});
  at_least_zero(p, tw_sub(plane(x, 8, (double[]){-1, 1, -1, 1}), bowl(x, (double[]){1, 1, 1, 1})));
  at_least_zero(p, tw_sub(plane(x, 10, (double[]){1, 0, 0, 1}), bowl(x, (double[]){1, 2, 1, 2})));
  at_least_zero(p, tw_sub(plane(x, 5, (double[]){-2, 1, 0, 1}), bowl(x, (double[]){2, 1, 1, 0})));
  return tw_standard_minimize(
      p, tw_add(plane(x, 0, (double[]){-5, -5, -21, 7}), bowl(x, (double[]){1, 1, 2, 1})));
}

/* x1 x4 (x1 + x2 + x3) + x3, x1 x2 x3 x4 >= 25, |x|^2 = 40, 1 <= x <= 5 */
tw_status tw_standard_hs071(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 4, (double[]){1, 5, 5, 1});
  tw_problem_bounds(p, x, number(x, 1), number(x, 5));
  at_least_zero(p, plus(tw_prod(x, TW_ALL, false), -25));
  equals_zero(p, plus(total(tw_square(x)), -40));
  tw_expr three = plane(x, 0, (double[]){1, 1, 1, 0});
  return tw_standard_minimize(p, tw_add(tw_mul(tw_mul(at(x, 0), at(x, 3)), three), at(x, 2)));
}

/* x1^2 + x2^2 / 2 + x3^2 + x4^2 / 2 - x1 x3 + x3 x4 - x1 - 3 x2 + x3 - x4, three planes, x >= 0 */
tw_status tw_standard_hs076(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 4, (double[]){0.5, 0.5, 0.5, 0.5});
  nonnegative(p, x);
  at_least_zero(p, plane(x, 5, (double[]){-1, -2, -1, -1}));
  at_least_zero(p, plane(x, 4, (double[]){-3, -1, -2, 1}));
  at_least_zero(p, plane(x, -1.5, (double[]){0, 1, 4, 0}));
  tw_expr mixed = tw_mul(at(x, 2), tw_sub(at(x, 3), at(x, 0)));
  tw_expr rest = tw_add(plane(x, 0, (double[]){-1, -3, 1, -1}), bowl(x, (double[]){1, 0.5, 1, 0.5}));
  return tw_standard_minimize(p, tw_add(rest, mixed));
}

/* (x1 - 10)^2 + 5 (x2 - 12)^2 + x3^4 + 3 (x4 - 11)^2 + 10 x5^6 + 7 x6^2 + x7^4 - 4 x6 x7 - 10 x6 - 8 x7, four
 * constraints */
tw_status tw_standard_hs100(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 7, (double[]){1, 2, 0, 4, 0, 1, 1});
  tw_expr a = at(x, 0), b = at(x, 1), fourth = tw_square(tw_square(x)), fifth = tw_square(at(x, 4));
  tw_expr ab = tw_sub(tw_square(b), tw_scale(tw_mul(a, b), 3));
  at_least_zero(p, tw_sub(tw_sub(plane(x, 127, (double[]){0, 0, -1, 0, -5, 0, 0}),
                                 bowl(x, (double[]){2, 0, 0, 4, 0, 0, 0})),
                          tw_scale(at(fourth, 1), 3)));
  at_least_zero(p, tw_sub(plane(x, 282, (double[]){-7, -3, 0, -1, 1, 0, 0}),
                          bowl(x, (double[]){0, 0, 10, 0, 0, 0, 0})));
  at_least_zero(
      p, tw_sub(plane(x, 196, (double[]){-23, 0, 0, 0, 0, 0, 8}), bowl(x, (double[]){0, 1, 0, 0, 0, 6, 0})));
  at_least_zero(p, tw_sub(tw_sub(plane(x, 0, (double[]){0, 0, 0, 0, 0, -5, 11}),
                                 bowl(x, (double[]){4, 0, 2, 0, 0, 0, 0})),
                          ab));
  tw_expr squares = tw_add(tw_square(plus(a, -10)), tw_scale(tw_square(plus(b, -12)), 5));
  squares = tw_add(squares, tw_scale(tw_square(plus(at(x, 3), -11)), 3));
  tw_expr powers = tw_add(plane(fourth, 0, (double[]){0, 0, 1, 0, 0, 0, 1}),
                          tw_scale(tw_mul(fifth, tw_square(fifth)), 10));
  tw_expr rest =
      tw_sub(plane(x, 0, (double[]){0, 0, 0, 0, 0, -10, -8}), tw_scale(tw_mul(at(x, 5), at(x, 6)), 4));
  rest = tw_add(rest, tw_scale(tw_square(at(x, 5)), 7));
  return tw_standard_minimize(p, tw_add(tw_add(squares, powers), rest));
}

/* sum (log(x_i - 2)^2 + log(10 - x_i)^2) - (prod x_i)^0.2, 2.001 <= x <= 9.999, n = 10 */
tw_status tw_standard_hs110(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 10, (double[]){9, 9, 9, 9, 9, 9, 9, 9, 9, 9});
  tw_problem_bounds(p, x, number(x, 2.001), number(x, 9.999));
  tw_expr logs = tw_add(tw_square(tw_log(plus(x, -2))), tw_square(tw_log(plus(tw_neg(x), 10))));
  return tw_standard_minimize(p, tw_sub(total(logs), tw_pow(tw_prod(x, TW_ALL, false), number(x, 0.2))));
}
