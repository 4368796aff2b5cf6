/* The exponential and the power cone: projections by a root of one variable, derivatives by the implicit rule. */
#include "domain/cones.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void set_diagonal(double *d, double x, double y, double z, double margin) {
  if (!d) return;
  memset(d, 0, 9 * sizeof *d);
  d[0] = x, d[4] = y, d[8] = z, d[9] = margin;
}

static double least_of(double x, double y, double z) {
  return fmin(fabs(x), fmin(fabs(y), fabs(z)));
}

static double norm_of(const double *v) {
  return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

/* The projection and what it leaves, v - p. */
static void copy_point(const double *v, double *out, double *rest, double x, double y, double z) {
  out[0] = x, out[1] = y, out[2] = z;
  for (int i = 0; i < 3; i++) rest[i] = v[i] - out[i];
}

static void cross(const double a[3], const double b[3], double out[3]) {
  for (int i = 0; i < 3; i++) out[i] = a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3];
}

/* The projection p of v on the surface g = 0 solves p - v + lambda grad g = 0. With n along grad g and lambda hess g = k q q',
 *   H = I + k q q',   dp = (H^-1 - H^-1 n n' H^-1 / n'H^-1 n) dv,   H^-1 = I - q q' / (1/k + q'q);   inverse_k = 1/k.
 * n and q may be nearly parallel:  (1/k + q'q) H^-1 n = n/k + q x (n x q)  and  (1/k + q'q) n'H^-1 n = n'n/k + |n x q|^2. */
static void surface_derivative(const double n[3], const double q[3], double inverse_k, double *d) {
  inverse_k = fmin(inverse_k, 1e100); /* v on the surface */
  const double qq = q[0] * q[0] + q[1] * q[1] + q[2] * q[2], weight = 1 / (inverse_k + qq);
  double normal[3], back[3], hn[3], nhn = 0;
  cross(n, q, normal);
  cross(q, normal, back);
  for (int i = 0; i < 3; i++) hn[i] = n[i] * inverse_k + back[i];
  for (int i = 0; i < 3; i++) nhn += n[i] * n[i] * inverse_k + normal[i] * normal[i];
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) d[3 * i + j] = (i == j) - weight * (q[i] * q[j] + hn[i] * hn[j] / nhn);
}

/* A root of f, increasing on [0, high] with f(0) <= 0 <= f(high), to relative precision however small it is: Newton's steps,
 * the first from 0, kept in a bracket that is cut at its geometric mean whenever they leave it or do not shrink. */
typedef void function(const void *context, double x, double *f, double *slope);
static double root(function *f, const void *context, double high) {
  double low = 0, x = 0, before = high, value, slope;
  for (int k = 0; k < 300 && high - low > 2 * DBL_EPSILON * high; k++) {
    f(context, x, &value, &slope);
    if (value == 0) return x;
    if (value > 0)
      high = x;
    else
      low = x;
    double next = x - value / slope;
    const bool inside = next > low && next < high;
    if (inside && fabs(next - x) <= DBL_EPSILON * x) return next;
    if (!inside || fabs(next - x) > before / 2) next = low > 0 ? sqrt(low) * sqrt(high) : high / 16;
    before = fabs(next - x);
    x = next;
  }
  return x;
}

/* ------------------------------------------------------------------ exp: v = (r, s, t) */

enum { EXP_MOST = 700 }; /* exp(+-x) is a number */

/* A boundary point is a (rho, 1, e^rho), the normal there (1, 1 - rho, -e^-rho). v = a (..) + b (..) gives
 * a = (s + (rho - 1) r) / (rho^2 - rho + 1), b = (r - rho s) / (rho^2 - rho + 1) and, from t, the equation h(rho) = 0 (Friberg,
 * 2023, theorem 3); h increases where a, b >= 0. Which of them vanishes at the end of that interval is sensitive there, so rho
 * is measured from it: rho = 1 - s/r + delta and a ~ r delta where r > 0, else rho = r/s - delta and b ~ s delta. */
typedef struct exp_point {
  double rho, a, b; /* a and b times rho^2 - rho + 1 */
} exp_point;

static exp_point exp_point_at(const double *v, double delta) {
  const double r = v[0], s = v[1];
  if (r > 0) return (exp_point){1 - s / r + delta, r * delta, (r * r - r * s + s * s) / r - delta * s};
  return (exp_point){r / s - delta, (r * r - r * s + s * s) / s - delta * r, s * delta};
}

static void exp_equation(const void *context, double delta, double *h, double *slope) {
  const double *v = context, r = v[0], s = v[1], t = v[2];
  const exp_point p = exp_point_at(v, delta);
  const double up = exp(p.rho), down = exp(-p.rho), sign = r > 0 ? 1 : -1;
  *h = sign * (p.a * up - p.b * down - (p.rho * (p.rho - 1) + 1) * t);
  *slope = (r + p.a) * up + (s + p.b) * down - (2 * p.rho - 1) * t;
}

static bool in_exp(double r, double s, double t) {
  return s > 0 && (r / s < EXP_MOST) && s * exp(r / s) <= t;
}

/* -v in the dual cone: r > 0, r exp(s / r) <= -e t. */
static bool in_exp_polar(double r, double s, double t) {
  return r > 0 && s / r < EXP_MOST && r * exp(s / r) <= -M_E * t;
}

/* An upper end of the root: the length of the interval, or the first of 1, 2, 4, .. where h has changed its sign. */
static double exp_reach(const double *v) {
  const double r = v[0], s = v[1];
  if (r > 0 && s > 0) return (r * r - r * s + s * s) / (r * s);
  double step = 1, h, slope;
  for (; step < 2 * EXP_MOST; step *= 2) {
    exp_equation(v, step, &h, &slope);
    if (!(h < 0)) break;
  }
  return step;
}

void tw_cone_exp_project(const double *v, double *out, double *rest, double *d) {
  const double r = v[0], s = v[1], t = v[2];
  if (in_exp(r, s, t)) {
    const double up = exp(r / s), slope[3] = {up, (1 - r / s) * up, 1};
    set_diagonal(d, 1, 1, 1, (t - s * up) / norm_of(slope));
    copy_point(v, out, rest, r, s, t);
    return;
  }
  if ((r <= 0 && s <= 0) || (r < 0 && r / s < -EXP_MOST)) { /* the face y = 0, to rounding in the second case */
    set_diagonal(d, 1, s > 0, t > 0, least_of(r, s, t));
    copy_point(v, out, rest, r, fmax(s, 0), fmax(t, 0));
    return;
  }
  const bool polar = in_exp_polar(r, s, t);
  if (polar || (r > 0 && -s / r > EXP_MOST)) { /* the ray x = y = 0, to rounding in the second case */
    const double up = polar ? exp(s / r) : 0, slope[3] = {(1 - s / r) * up, up, M_E};
    set_diagonal(d, 0, 0, !polar && t > 0, polar ? (-M_E * t - r * up) / norm_of(slope) : least_of(r, s, t));
    copy_point(v, out, rest, 0, 0, polar ? 0 : fmax(t, 0));
    return;
  }
  const exp_point p = exp_point_at(v, root(exp_equation, v, exp_reach(v)));
  const double rho = fmin(fmax(p.rho, -EXP_MOST), EXP_MOST), up = exp(rho), below = rho * (rho - 1) + 1;
  const double a = fmax(p.a, 0) / below, b = fmax(p.b, 0) / below;
  out[0] = a * rho, out[1] = a, out[2] = a * up;
  rest[0] = b, rest[1] = b * (1 - rho), rest[2] = -b / up;
  if (!d) return;
  const double shrink = fmin(up, 1); /* (1, 1 - rho, -e^-rho), as large as fits */
  const double n[3] = {shrink, (1 - rho) * shrink, -shrink / up}, q[3] = {1, -rho, 0};
  surface_derivative(n, q, p.a / fmax(p.b, DBL_MIN), d);
  d[9] = fmin(norm_of(out), norm_of(rest));
}

/* ------------------------------------------------------------------ power: v = (x, y, z) */

typedef struct power_case {
  double a, x, y, z; /* z >= 0 */
  bool from_z;       /* the unknown is z - r */
} power_case;

/* The positive root of u^2 - x u - c = 0, c >= 0. */
static double positive_root(double x, double c) {
  const double size = sqrt(x * x + 4 * c);
  return x > 0 ? (x + size) / 2 : size > 0 ? 2 * c / (size - x) : 0;
}

/* r - x(r)^a y(r)^(1-a) with x(r) (x(r) - x) = a r (z - r), y likewise (Hien, 2015). Either r or z - r may be tiny. */
static void power_equation(const void *context, double t, double *h, double *slope) {
  const power_case *p = context;
  const double r = p->from_z ? p->z - t : t, left = t * (p->z - t), sign = p->from_z ? -1 : 1;
  *h = -1, *slope = 0;
  if (t == 0) return; /* f is larger than r, and r = z too large */
  const double x = positive_root(p->x, p->a * left), y = positive_root(p->y, (1 - p->a) * left);
  const double f = pow(x, p->a) * pow(y, 1 - p->a), change = p->z - 2 * t;
  const double dx = p->a * change / (2 * x - p->x), dy = (1 - p->a) * change / (2 * y - p->y);
  *h = sign * (r - f);
  *slope = 1 - sign * f * (p->a * dx / x + (1 - p->a) * dy / y);
}

static double power_mean(double a, double x, double y) {
  return x > 0 && y > 0 ? pow(x, a) * pow(y, 1 - a) : 0;
}

void tw_cone_power_project(double a, const double *v, double *out, double *rest, double *d) {
  power_case p = {a, v[0], v[1], fabs(v[2]), false};
  if (v[0] >= 0 && v[1] >= 0 && power_mean(a, v[0], v[1]) >= p.z) {
    const double mean = power_mean(a, v[0], v[1]), slope[3] = {a * mean / v[0], (1 - a) * mean / v[1], 1};
    set_diagonal(d, 1, 1, 1, mean > 0 ? (mean - p.z) / norm_of(slope) : 0);
    copy_point(v, out, rest, v[0], v[1], v[2]);
    return;
  }
  if (v[0] <= 0 && v[1] <= 0 && power_mean(a, -v[0] / a, -v[1] / (1 - a)) >= p.z) {
    const double mean = power_mean(a, -v[0] / a, -v[1] / (1 - a)), slope[3] = {a * mean / v[0], (1 - a) * mean / v[1], 1};
    set_diagonal(d, 0, 0, 0, mean > 0 ? (mean - p.z) / norm_of(slope) : 0);
    copy_point(v, out, rest, 0, 0, 0);
    return;
  }
  if (p.z == 0) { /* one of x, y is negative, the other positive: its face */
    set_diagonal(d, v[0] > 0, v[1] > 0, 0, fmin(fabs(v[0]), fabs(v[1])));
    copy_point(v, out, rest, fmax(v[0], 0), fmax(v[1], 0), 0);
    return;
  }
  double half, slope;
  power_equation(&p, p.z / 2, &half, &slope);
  p.from_z = half < 0;
  const double t = root(power_equation, &p, p.z / 2), left = t * (p.z - t), sign = v[2] < 0 ? -1 : 1;
  const double r = p.from_z ? p.z - t : t;
  const double x = positive_root(p.x, a * left), y = positive_root(p.y, (1 - a) * left);
  out[0] = x, out[1] = y, out[2] = sign * r;
  rest[0] = -positive_root(-p.x, a * left), rest[1] = -positive_root(-p.y, (1 - a) * left), rest[2] = sign * (p.from_z ? t : p.z - t);
  if (!d) return;
  /* g = |z| - x^a y^(1-a), lambda = |z_v| - r; scaled by x y against overflow. */
  const double n[3] = {-a * r * y, -(1 - a) * r * x, sign * x * y}, q[3] = {y, -x, 0};
  const double size = fmax(fmax(fabs(n[0]), fabs(n[1])), fmax(fabs(n[2]), DBL_MIN)), unit[3] = {n[0] / size, n[1] / size, n[2] / size};
  surface_derivative(unit, q, x * x * y * y / fmax(a * (1 - a) * left, DBL_MIN), d);
  d[9] = fmin(norm_of(out), norm_of(rest));
}
