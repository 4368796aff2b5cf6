/* Standard sums of squares: f = sum r_i(x)^2, minimised from the standard start. Formulas and numbers of
 * More, Garbow & Hillstrom (1981), indices from 1 in the comments; himmelblau from Himmelblau (1972). */
#include "problem/standard.h"

#include <math.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* t_i = (i + shift) factor, i = 0 .. m-1, as a constant vector. */
static tw_expr points(tw_expr x, int64_t m, double shift, double factor) {
  return tw_is_none(x) ? x : tw_scale(plus(tw_iota(x.graph, TW_F64, m), shift), factor);
}

static tw_expr sum_of_squares(tw_expr r) {
  return total(tw_square(r));
}

/* ------------------------------------------------------------------ fixed dimension */

/* -13 + x1 + ((5 - x2) x2 - 2) x2, -29 + x1 + ((x2 + 1) x2 - 14) x2 */
tw_status tw_standard_freudenstein_roth(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 2, (double[]){0.5, -2}), a = at(x, 0), b = at(x, 1);
  tw_expr first = plus(tw_mul(tw_neg(plus(b, -5)), b), -2), second = plus(tw_mul(plus(b, 1), b), -14);
  tw_expr r[2] = {plus(tw_add(a, tw_mul(first, b)), -13), plus(tw_add(a, tw_mul(second, b)), -29)};
  return tw_standard_minimize(p, tw_standard_squares(2, r));
}

/* 1e4 x1 x2 - 1, exp(-x1) + exp(-x2) - 1.0001 */
tw_status tw_standard_powell_badly_scaled(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 2, (double[]){0, 1});
  tw_expr r[2] = {plus(tw_scale(tw_mul(at(x, 0), at(x, 1)), 1e4), -1),
                  plus(total(tw_exp(tw_neg(x))), -1.0001)};
  return tw_standard_minimize(p, tw_standard_squares(2, r));
}

/* x1 - 1e6, x2 - 2e-6, x1 x2 - 2 */
tw_status tw_standard_brown_badly_scaled(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 2, (double[]){1, 1}), a = at(x, 0), b = at(x, 1);
  tw_expr r[3] = {plus(a, -1e6), plus(b, -2e-6), plus(tw_mul(a, b), -2)};
  return tw_standard_minimize(p, tw_standard_squares(3, r));
}

/* y_i - x1 (1 - x2^i) */
tw_status tw_standard_beale(tw_problem *p, int64_t n) {
  static const double y[3] = {1.5, 2.25, 2.625};
  tw_expr x = tw_standard_fixed(p, n, 2, (double[]){1, 1}), power = at(x, 1), r[3];
  for (int i = 0; i < 3; i++) {
    r[i] = plus(tw_mul(at(x, 0), plus(power, -1)), y[i]);
    power = tw_mul(power, at(x, 1));
  }
  return tw_standard_minimize(p, tw_standard_squares(3, r));
}

/* 2 + 2i - exp(i x1) - exp(i x2), i = 1 .. 10 */
tw_status tw_standard_jennrich_sampson(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 2, (double[]){0.3, 0.4}), i = points(x, 10, 1, 1);
  tw_expr waves = tw_add(tw_exp(tw_mul(i, at(x, 0))), tw_exp(tw_mul(i, at(x, 1))));
  return tw_standard_minimize(p, sum_of_squares(tw_sub(plus(tw_scale(i, 2), 2), waves)));
}

/* 10 (x3 - 10 theta), 10 (sqrt(x1^2 + x2^2) - 1), x3; theta = atan(x2 / x1) / 2 pi, half a turn more where x1
 * < 0 */
tw_status tw_standard_helical_valley(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 3, (double[]){-1, 0, 0}), a = at(x, 0), b = at(x, 1), c = at(x, 2);
  if (tw_is_none(x)) return tw_standard_minimize(p, x);
  tw_expr angle = tw_atan(tw_div(b, a)), behind = tw_lt(a, tw_scalar(x.graph, 0));
  tw_expr turns = tw_scale(tw_where(behind, plus(angle, M_PI), angle), 1 / (2 * M_PI));
  tw_expr radius = tw_sqrt(tw_add(tw_square(a), tw_square(b)));
  tw_expr r[3] = {tw_scale(tw_sub(c, tw_scale(turns, 10)), 10), tw_scale(plus(radius, -1), 10), c};
  return tw_standard_minimize(p, tw_standard_squares(3, r));
}

/* y_i - (x1 + u_i / (v_i x2 + w_i x3)); u = i, v = 16 - i, w = min(u, v) */
tw_status tw_standard_bard(tw_problem *p, int64_t n) {
  static const double y[] = {0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39,
                             0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39};
  tw_expr x = tw_standard_fixed(p, n, 3, (double[]){1, 1, 1}), u = points(x, LENGTH(y), 1, 1);
  tw_expr v = plus(tw_neg(u), 16), w = tw_minimum(u, v);
  tw_expr fit = tw_add(at(x, 0), tw_div(u, tw_add(tw_mul(v, at(x, 1)), tw_mul(w, at(x, 2)))));
  return tw_standard_minimize(p, sum_of_squares(tw_sub(tw_standard_vector(x, LENGTH(y), y), fit)));
}

/* x1 exp(-x2 (t_i - x3)^2 / 2) - y_i, t = (8 - i) / 2 */
tw_status tw_standard_gaussian(tw_problem *p, int64_t n) {
  static const double y[] = {0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
                             0.3521, 0.2420, 0.1295, 0.0540, 0.0175, 0.0044, 0.0009};
  tw_expr x = tw_standard_fixed(p, n, 3, (double[]){0.4, 1, 0}), t = points(x, LENGTH(y), -7, -0.5);
  tw_expr bell = tw_exp(tw_mul(tw_scale(at(x, 1), -0.5), tw_square(tw_sub(t, at(x, 2)))));
  return tw_standard_minimize(
      p, sum_of_squares(tw_sub(tw_mul(at(x, 0), bell), tw_standard_vector(x, LENGTH(y), y))));
}

/* exp(-t x1) - exp(-t x2) - x3 (exp(-t) - exp(-10 t)), t = i / 10, i = 1 .. 10 */
tw_status tw_standard_box3d(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 3, (double[]){0, 10, 20}), t = points(x, 10, 1, -0.1);
  tw_expr waves = tw_sub(tw_exp(tw_mul(t, at(x, 0))), tw_exp(tw_mul(t, at(x, 1))));
  tw_expr known = tw_sub(tw_exp(t), tw_exp(tw_scale(t, 10)));
  return tw_standard_minimize(p, sum_of_squares(tw_sub(waves, tw_mul(at(x, 2), known))));
}

/* 10 (x2 - x1^2), 1 - x1, sqrt(90) (x4 - x3^2), 1 - x3, sqrt(10) (x2 + x4 - 2), (x2 - x4) / sqrt(10) */
tw_status tw_standard_wood(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 4, (double[]){-3, -1, -3, -1});
  tw_expr a = at(x, 0), b = at(x, 1), c = at(x, 2), d = at(x, 3);
  tw_expr r[6] = {tw_scale(tw_sub(b, tw_square(a)), 10),       plus(a, -1),
                  tw_scale(tw_sub(d, tw_square(c)), sqrt(90)), plus(c, -1),
                  tw_scale(plus(tw_add(b, d), -2), sqrt(10)),  tw_scale(tw_sub(b, d), 1 / sqrt(10))};
  return tw_standard_minimize(p, tw_standard_squares(6, r));
}

/* y_i - x1 (u_i^2 + u_i x2) / (u_i^2 + u_i x3 + x4) */
tw_status tw_standard_kowalik_osborne(tw_problem *p, int64_t n) {
  static const double y[] = {0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627,
                             0.0456, 0.0342, 0.0323, 0.0235, 0.0246};
  static const double data[LENGTH(y)] = {4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625};
  tw_expr x = tw_standard_fixed(p, n, 4, (double[]){0.25, 0.39, 0.415, 0.39});
  tw_expr u = tw_standard_vector(x, LENGTH(y), data), square = tw_square(u);
  tw_expr above = tw_mul(at(x, 0), tw_add(square, tw_mul(u, at(x, 1))));
  tw_expr below = tw_add(tw_add(square, tw_mul(u, at(x, 2))), at(x, 3));
  return tw_standard_minimize(
      p, sum_of_squares(tw_sub(tw_standard_vector(x, LENGTH(y), y), tw_div(above, below))));
}

/* (x1 + t x2 - exp t)^2 + (x3 + x4 sin t - cos t)^2, t = i / 5, i = 1 .. 20 */
tw_status tw_standard_brown_dennis(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 4, (double[]){25, 5, -5, -1}), t = points(x, 20, 1, 0.2);
  tw_expr first = tw_sub(tw_add(at(x, 0), tw_mul(t, at(x, 1))), tw_exp(t));
  tw_expr second = tw_sub(tw_add(at(x, 2), tw_mul(tw_sin(t), at(x, 3))), tw_cos(t));
  return tw_standard_minimize(p, sum_of_squares(tw_add(tw_square(first), tw_square(second))));
}

/* x1^2 + x2 - 11, x1 + x2^2 - 7: zero at (3, 2) and at three other points */
tw_status tw_standard_himmelblau(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_fixed(p, n, 2, (double[]){0, 0}), a = at(x, 0), b = at(x, 1);
  tw_expr r[2] = {plus(tw_add(tw_square(a), b), -11), plus(tw_add(a, tw_square(b)), -7)};
  return tw_standard_minimize(p, tw_standard_squares(2, r));
}

/* ------------------------------------------------------------------ variable dimension: loops over the index
 */

/* 10 (x_{2i} - x_{2i-1}^2), 1 - x_{2i-1} */
tw_status tw_standard_rosenbrock(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 10, 2), i = loop_index(x), a = entry(x, i, 2, 0), b = entry(x, i, 2, 1);
  tw_standard_start(p, x, 2, (double[]){-1.2, 1});
  tw_expr valley = tw_scale(tw_square(tw_sub(b, tw_square(a))), 100);
  return tw_standard_minimize(p, tw_loop_sum(i, tw_size_of(x) / 2, tw_add(valley, tw_square(plus(a, -1)))));
}

/* x_{4i-3} + 10 x_{4i-2}, sqrt(5) (x_{4i-1} - x_{4i}), (x_{4i-2} - 2 x_{4i-1})^2, sqrt(10) (x_{4i-3} -
 * x_{4i})^2 */
tw_status tw_standard_powell_singular(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 12, 4), i = loop_index(x);
  tw_standard_start(p, x, 4, (double[]){3, -1, 0, 1});
  tw_expr a = entry(x, i, 4, 0), b = entry(x, i, 4, 1), c = entry(x, i, 4, 2), d = entry(x, i, 4, 3);
  tw_expr flat = tw_add(tw_square(tw_add(a, tw_scale(b, 10))), tw_scale(tw_square(tw_sub(c, d)), 5));
  tw_expr second = tw_square(tw_sub(b, tw_scale(c, 2))), fourth = tw_square(tw_sub(a, d));
  tw_expr steep = tw_add(tw_square(second), tw_scale(tw_square(fourth), 10));
  return tw_standard_minimize(p, tw_loop_sum(i, tw_size_of(x) / 4, tw_add(flat, steep)));
}

/* With t = i / 29, i = 1 .. 29: sum_{j >= 2} (j - 1) x_j t^{j-2} - (sum_j x_j t^{j-1})^2 - 1; then x1, x2 -
 * x1^2 - 1 */
tw_status tw_standard_watson(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 6, 1), i = loop_index(x), j = loop_index(x),
          t = tw_scale(real(i, 1), 1.0 / 29);
  n = tw_size_of(x);
  if (!tw_is_none(x) && n < 2)
    tw_graph_fail(x.graph, TW_ERR_ARGUMENT, "test problem: n is 1, expected at least 2");
  tw_problem_start(p, x, tw_zeros_like(x));
  tw_expr value = tw_loop_sum(j, n, tw_mul(entry(x, j, 1, 0), tw_pow(t, real(j, 0))));
  tw_expr slope = tw_loop_sum(j, n - 1, tw_mul(tw_mul(real(j, 1), entry(x, j, 1, 1)), tw_pow(t, real(j, 0))));
  tw_expr fit = tw_loop_sum(i, 29, tw_square(plus(tw_sub(slope, tw_square(value)), -1)));
  tw_expr ends = tw_add(tw_square(at(x, 0)), tw_square(plus(tw_sub(at(x, 1), tw_square(at(x, 0))), -1)));
  return tw_standard_minimize(p, tw_add(fit, ends));
}

/* sqrt(1e-5) (x_i - 1), sum x_j^2 - 1/4; start x_j = j */
tw_status tw_standard_penalty1(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 10, 1), i = loop_index(x);
  tw_problem_start(p, x, points(x, tw_size_of(x), 1, 1));
  tw_expr pull = tw_loop_sum(i, tw_size_of(x), tw_square(plus(entry(x, i, 1, 0), -1)));
  return tw_standard_minimize(p, tw_add(tw_scale(pull, 1e-5), tw_square(plus(total(tw_square(x)), -0.25))));
}

/* x1 - 0.2, sqrt(1e-5) (exp(x_i / 10) + exp(x_{i-1} / 10) - y_i), sqrt(1e-5) (exp(x_i / 10) - exp(-1 / 10))
 * for i >= 2, sum_j (n - j + 1) x_j^2 - 1; y_i = exp(i / 10) + exp((i - 1) / 10) */
tw_status tw_standard_penalty2(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 10, 1), i = loop_index(x), j = loop_index(x);
  n = tw_size_of(x);
  tw_standard_start(p, x, 1, (double[]){0.5});
  tw_expr here = tw_exp(tw_scale(entry(x, i, 1, 1), 0.1)), before = tw_exp(tw_scale(entry(x, i, 1, 0), 0.1));
  tw_expr y = tw_add(tw_exp(tw_scale(real(i, 2), 0.1)), tw_exp(tw_scale(real(i, 1), 0.1)));
  tw_expr pair = tw_add(tw_square(tw_sub(tw_add(here, before), y)), tw_square(plus(here, -exp(-0.1))));
  tw_expr weight = plus(tw_neg(real(j, 0)), (double)n);
  tw_expr whole = plus(tw_loop_sum(j, n, tw_mul(weight, tw_square(entry(x, j, 1, 0)))), -1);
  tw_expr ends = tw_add(tw_square(plus(at(x, 0), -0.2)), tw_square(whole));
  return tw_standard_minimize(p, tw_add(tw_scale(tw_loop_sum(i, n - 1, pair), 1e-5), ends));
}

/* x_i - 1, s, s^2 with s = sum_j j (x_j - 1); start x_j = 1 - j / n */
tw_status tw_standard_variably_dimensioned(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 10, 1), j = loop_index(x);
  n = tw_size_of(x);
  tw_problem_start(p, x, points(x, n, 1 - (double)n, -1 / (double)n));
  tw_expr s = tw_loop_sum(j, n, tw_mul(real(j, 1), plus(entry(x, j, 1, 0), -1))), square = tw_square(s);
  return tw_standard_minimize(p, tw_add(total(tw_square(plus(x, -1))), tw_add(square, tw_square(square))));
}

/* n - sum_j cos x_j + i (1 - cos x_i) - sin x_i; start 1 / n */
tw_status tw_standard_trigonometric(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 10, 1), i = loop_index(x), own = entry(x, i, 1, 0);
  n = tw_size_of(x);
  tw_standard_start(p, x, 1, (double[]){1 / (double)n});
  tw_expr all = plus(tw_neg(total(tw_cos(x))), (double)n);
  tw_expr one = tw_sub(tw_mul(real(i, 1), tw_neg(plus(tw_cos(own), -1))), tw_sin(own));
  return tw_standard_minimize(p, tw_loop_sum(i, n, tw_square(tw_add(all, one))));
}

/* ------------------------------------------------------------------ discretised equations and bands */

/* 0, x, 0: so that neighbours of the ends are zeros. */
static tw_expr padded(tw_expr x) {
  if (tw_is_none(x)) return x;
  tw_expr zero = tw_fill(x.graph, TW_F64, TW_SHAPE(1), 0), part[3] = {zero, x, zero};
  return tw_concat(3, part, 0);
}

/* h^2 (x + t + 1)^3 / 2 or with another factor */
static tw_expr cubed(tw_expr x, tw_expr t) {
  tw_expr z = plus(tw_add(x, t), 1);
  return tw_mul(z, tw_square(z));
}

static void start_parabola(tw_problem *p, tw_expr x) { /* t_j (t_j - 1), t_j = j / (n + 1) */
  tw_expr t = points(x, tw_size_of(x), 1, 1 / ((double)tw_size_of(x) + 1));
  tw_problem_start(p, x, tw_mul(t, plus(t, -1)));
}

/* 2 x_i - x_{i-1} - x_{i+1} + h^2 (x_i + t_i + 1)^3 / 2, h = 1 / (n + 1), t_i = i h, x_0 = x_{n+1} = 0 */
tw_status tw_standard_boundary_value(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 10, 1), i = loop_index(x), z = padded(x), own = entry(z, i, 1, 1);
  double h = 1 / ((double)tw_size_of(x) + 1);
  start_parabola(p, x);
  tw_expr bend = tw_sub(tw_scale(own, 2), tw_add(entry(z, i, 1, 0), entry(z, i, 1, 2)));
  tw_expr r = tw_add(bend, tw_scale(cubed(own, tw_scale(real(i, 1), h)), h * h / 2));
  return tw_standard_minimize(p, tw_loop_sum(i, tw_size_of(x), tw_square(r)));
}

/* x_i + h / 2 (sum_j min(t_i, t_j) (1 - max(t_i, t_j)) (x_j + t_j + 1)^3) */
tw_status tw_standard_integral_equation(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 10, 1), i = loop_index(x), j = loop_index(x);
  n = tw_size_of(x);
  double h = 1 / ((double)n + 1);
  start_parabola(p, x);
  tw_expr ti = tw_scale(real(i, 1), h), tj = tw_scale(real(j, 1), h);
  tw_expr green = tw_mul(tw_minimum(ti, tj), tw_neg(plus(tw_maximum(ti, tj), -1)));
  tw_expr integral = tw_loop_sum(j, n, tw_mul(green, cubed(entry(x, j, 1, 0), tj)));
  tw_expr r = tw_add(entry(x, i, 1, 0), tw_scale(integral, h / 2));
  return tw_standard_minimize(p, tw_loop_sum(i, n, tw_square(r)));
}

/* (3 - 2 x_i) x_i - x_{i-1} - 2 x_{i+1} + 1 */
tw_status tw_standard_broyden_tridiagonal(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 10, 1), i = loop_index(x), z = padded(x), own = entry(z, i, 1, 1);
  tw_standard_start(p, x, 1, (double[]){-1});
  tw_expr bent = tw_sub(tw_scale(own, 3), tw_scale(tw_square(own), 2));
  tw_expr sides = tw_add(entry(z, i, 1, 0), tw_scale(entry(z, i, 1, 2), 2));
  return tw_standard_minimize(p, tw_loop_sum(i, tw_size_of(x), tw_square(plus(tw_sub(bent, sides), 1))));
}

/* x_i (2 + 5 x_i^2) + 1 - sum_j x_j (1 + x_j), j from i - 5 to i + 1 without i, inside 1 .. n */
tw_status tw_standard_broyden_banded(tw_problem *p, int64_t n) {
  tw_expr x = tw_standard_sized(p, n, 10, 1), i = loop_index(x), k = loop_index(x), own = entry(x, i, 1, 0);
  n = tw_size_of(x);
  tw_standard_start(p, x, 1, (double[]){-1});
  if (tw_is_none(x)) return tw_standard_minimize(p, x);
  tw_expr j = tw_add(tw_sub(i, tw_integer(x.graph, 5)), k), first = tw_integer(x.graph, 0),
          last = tw_integer(x.graph, n - 1);
  tw_expr inside = tw_and(tw_ne(j, i), tw_and(tw_ge(j, first), tw_le(j, last)));
  tw_expr near = entry(x, tw_minimum(tw_maximum(j, first), last), 1, 0);
  tw_expr band = tw_loop_sum(k, 7, tw_where(inside, tw_mul(near, plus(near, 1)), tw_scalar(x.graph, 0)));
  tw_expr bent = tw_mul(own, plus(tw_scale(tw_square(own), 5), 2));
  return tw_standard_minimize(p, tw_loop_sum(i, n, tw_square(tw_sub(plus(bent, 1), band))));
}
