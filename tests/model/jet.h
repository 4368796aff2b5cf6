/* Trees of scalar operators evaluated one node after the other, with first and second derivatives along a line: what
 * rerolled expressions must agree with. A jet is a function of t near 0: value, first and second derivative. */
#ifndef TALWEG_TEST_JET_H
#define TALWEG_TEST_JET_H

#include "test.h"

#include "model/flat.h"

typedef struct jet {
  double f, d, dd;
} jet;

static inline jet jet_number(double f) {
  return (jet){f, 0, 0};
}
static inline jet jet_add(jet a, jet b, double s) {
  return (jet){a.f + s * b.f, a.d + s * b.d, a.dd + s * b.dd};
}
static inline jet jet_mul(jet a, jet b) {
  return (jet){a.f * b.f, a.d * b.f + a.f * b.d, a.dd * b.f + 2 * a.d * b.d + a.f * b.dd};
}
/* phi(a) from phi, phi' and phi'' at a.f */
static inline jet jet_of(jet a, double f, double d, double dd) {
  return (jet){f, d * a.d, dd * a.d * a.d + d * a.dd};
}
static inline jet jet_log(jet a) {
  return jet_of(a, log(a.f), 1 / a.f, -1 / (a.f * a.f));
}
static inline jet jet_exp(jet a) {
  return jet_of(a, exp(a.f), exp(a.f), exp(a.f));
}
static inline jet jet_reciprocal(jet a) {
  return jet_of(a, 1 / a.f, -1 / (a.f * a.f), 2 / (a.f * a.f * a.f));
}
static inline jet jet_power(jet a, double c) {
  const double d = c == 0 ? 0 : c * pow(a.f, c - 1), dd = c == 0 || c == 1 ? 0 : c * (c - 1) * pow(a.f, c - 2);
  return jet_of(a, pow(a.f, c), d, dd);
}

static inline jet jet_unary(int op, jet a) {
  const double x = a.f, r = sqrt(1 - x * x), s = sqrt(1 + x * x), q = sqrt(x * x - 1), t = tan(x), h = tanh(x);
  switch (op) {
  case TW_S_FLOOR: return jet_number(floor(x));
  case TW_S_CEIL: return jet_number(ceil(x));
  case TW_S_ABS: return jet_of(a, fabs(x), x < 0 ? -1 : 1, 0);
  case TW_S_NEG: return jet_add(jet_number(0), a, -1);
  case TW_S_NOT: return jet_number(x == 0);
  case TW_S_TANH: return jet_of(a, h, 1 - h * h, -2 * h * (1 - h * h));
  case TW_S_TAN: return jet_of(a, t, 1 + t * t, 2 * t * (1 + t * t));
  case TW_S_SQRT: return jet_power(a, 0.5);
  case TW_S_SINH: return jet_of(a, sinh(x), cosh(x), sinh(x));
  case TW_S_SIN: return jet_of(a, sin(x), cos(x), -sin(x));
  case TW_S_LOG10: return jet_mul(jet_number(1 / log(10)), jet_log(a));
  case TW_S_LOG: return jet_log(a);
  case TW_S_EXP: return jet_exp(a);
  case TW_S_COSH: return jet_of(a, cosh(x), sinh(x), cosh(x));
  case TW_S_COS: return jet_of(a, cos(x), -sin(x), -cos(x));
  case TW_S_ATANH: return jet_of(a, atanh(x), 1 / (1 - x * x), 2 * x / pow(1 - x * x, 2));
  case TW_S_ATAN: return jet_of(a, atan(x), 1 / (1 + x * x), -2 * x / pow(1 + x * x, 2));
  case TW_S_ASINH: return jet_of(a, asinh(x), 1 / s, -x / pow(s, 3));
  case TW_S_ASIN: return jet_of(a, asin(x), 1 / r, x / pow(r, 3));
  case TW_S_ACOSH: return jet_of(a, acosh(x), 1 / q, -x / pow(q, 3));
  case TW_S_ACOS: return jet_of(a, acos(x), -1 / r, -x / pow(r, 3));
  case TW_S_SQUARE: return jet_mul(a, a);
  default: fail_msg("no jet of operator %d", op); return a;
  }
}

/* atan2(y, x): gradient (x, -y) / r^2 */
static inline jet jet_atan2(jet y, jet x) {
  const double r = x.f * x.f + y.f * y.f, p = x.f * y.d - y.f * x.d;
  const double pd = x.f * y.dd - y.f * x.dd, rd = 2 * (x.f * x.d + y.f * y.d);
  return (jet){atan2(y.f, x.f), p / r, pd / r - p * rd / (r * r)};
}

static inline double decimals(double x, double places, double (*whole)(double)) {
  return whole(x * pow(10, places)) / pow(10, places);
}

static inline jet jet_binary(int op, jet a, jet b) {
  switch (op) {
  case TW_S_ADD: return jet_add(a, b, 1);
  case TW_S_SUB: return jet_add(a, b, -1);
  case TW_S_MUL: return jet_mul(a, b);
  case TW_S_DIV: return jet_mul(a, jet_reciprocal(b));
  case TW_S_REM: return jet_add(a, jet_mul(b, jet_number(trunc(a.f / b.f))), -1);
  case TW_S_POW: return jet_exp(jet_mul(b, jet_log(a)));
  case TW_S_POW_CONSTANT: return jet_power(a, b.f);
  case TW_S_CONSTANT_POW: return jet_exp(jet_mul(b, jet_number(log(a.f))));
  case TW_S_LESS: return a.f > b.f ? jet_add(a, b, -1) : jet_number(0);
  case TW_S_OR: return jet_number(a.f != 0 || b.f != 0);
  case TW_S_AND: return jet_number(a.f != 0 && b.f != 0);
  case TW_S_LT: return jet_number(a.f < b.f);
  case TW_S_LE: return jet_number(a.f <= b.f);
  case TW_S_EQ: return jet_number(a.f == b.f);
  case TW_S_GE: return jet_number(a.f >= b.f);
  case TW_S_GT: return jet_number(a.f > b.f);
  case TW_S_NE: return jet_number(a.f != b.f);
  case TW_S_ATAN2: return jet_atan2(a, b);
  case TW_S_INTDIV: return jet_number(trunc(a.f / b.f));
  case TW_S_PRECISION: return jet_number(a.f == 0 ? 0 : decimals(a.f, b.f - 1 - floor(log10(fabs(a.f))), rint));
  case TW_S_ROUND: return jet_number(decimals(a.f, b.f, rint));
  case TW_S_TRUNC: return jet_number(decimals(a.f, b.f, trunc));
  case TW_S_ATLEAST: return jet_number(b.f >= a.f);
  case TW_S_ATMOST: return jet_number(b.f <= a.f);
  case TW_S_EXACTLY: return jet_number(b.f == a.f);
  case TW_S_NOT_ATLEAST: return jet_number(b.f < a.f);
  case TW_S_NOT_ATMOST: return jet_number(b.f > a.f);
  case TW_S_NOT_EXACTLY: return jet_number(b.f != a.f);
  case TW_S_IFF: return jet_number((a.f != 0) == (b.f != 0));
  default: fail_msg("no jet of operator %d", op); return a;
  }
}

/* n >= 1 operands. */
static inline jet jet_list(int op, int32_t n, const jet *a) {
  jet out = a[0];
  double count = 0, equal = 0, same = 0;
  for (int32_t k = 0; k < n; k++) {
    count += a[k].f != 0;
    equal += k > 0 && a[k].f == a[0].f;
    for (int32_t i = 0; i < k; i++) same += a[i].f == a[k].f;
    if (k == 0) continue;
    if (op == TW_S_SUM) out = jet_add(out, a[k], 1);
    if ((op == TW_S_MIN && a[k].f < out.f) || (op == TW_S_MAX && a[k].f > out.f)) out = a[k];
  }
  switch (op) {
  case TW_S_SUM:
  case TW_S_MIN:
  case TW_S_MAX: return out;
  case TW_S_COUNT: return jet_number(count);
  case TW_S_ALL: return jet_number(count == n);
  case TW_S_ANY: return jet_number(count > 0);
  case TW_S_NUMBEROF: return jet_number(equal);
  case TW_S_ALLDIFF: return jet_number(same == 0);
  case TW_S_SOMESAME: return jet_number(same > 0);
  default: fail_msg("no jet of list operator %d", op); return out;
  }
}

/* The piece that the argument lies in, continued from 0 at 0: a sum over the pieces between 0 and x. */
static inline jet jet_piecewise(int32_t n, const jet *a) {
  const double x = a[0].f, sign = x < 0 ? -1 : 1, low = fmin(0, x), high = fmax(0, x);
  double f = 0, slope = 0;
  for (int32_t k = 1; k < n; k += 2) {
    const double from = k > 1 ? a[k - 1].f : -INFINITY, to = k + 1 < n ? a[k + 1].f : INFINITY;
    const double width = fmin(to, high) - fmax(from, low);
    if (width > 0) f += sign * a[k].f * width;
    if (x >= from && x <= to) slope = a[k].f;
  }
  return jet_of(a[0], f, slope, 0);
}

/* At x + t v. Trees of tests are shallow enough for recursion. */
static inline jet jet_tree(const tw_flat *flat, int32_t node, const double *x, const double *v) {
  const tw_tree *s = &flat->node[node];
  if (s->op == TW_S_NUMBER) return jet_number(s->is.number);
  if (s->op == TW_S_VARIABLE) return (jet){x[s->is.index], v[s->is.index], 0};
  if (s->op == TW_S_COMMON) return jet_tree(flat, flat->common[s->is.index], x, v);
  jet few[3], *a = s->count <= 3 ? few : calloc((size_t)s->count, sizeof *a), out;
  assert_non_null(a);
  for (int32_t k = 0; k < s->count; k++) a[k] = jet_tree(flat, flat->operand[s->is.first + k], x, v);
  if (s->op == TW_S_IF || s->op == TW_S_IMPLIES)
    out = a[0].f != 0 ? a[1] : a[2];
  else if (s->op == TW_S_PIECEWISE)
    out = jet_piecewise(s->count, a);
  else if (tw_scalar_arity_of(s->op) == TW_S_LIST)
    out = jet_list(s->op, s->count, a);
  else
    out = s->count == 1 ? jet_unary(s->op, a[0]) : jet_binary(s->op, a[0], a[1]);
  if (a != few) free(a);
  return out;
}

/* Row -1 is the objective. */
static inline jet jet_row(const tw_flat *f, int64_t row, const double *x, const double *v) {
  const int32_t body = row < 0 ? f->objective : f->body[row];
  jet out = jet_number(row < 0 ? f->constant : 0);
  if (body >= 0) out = jet_add(out, jet_tree(f, body, x, v), 1);
  for (size_t k = 0; k < f->n_linear; k++) {
    const tw_linear_term *t = &f->linear[k];
    if (t->row == row) out = jet_add(out, (jet){x[t->col], v[t->col], 0}, t->value);
  }
  for (size_t k = 0; k < f->n_quadratic; k++) {
    const tw_quadratic_term *t = &f->quadratic[k];
    if (t->row == row) out = jet_add(out, jet_mul((jet){x[t->i], v[t->i], 0}, (jet){x[t->j], v[t->j], 0}), t->value);
  }
  return out;
}

#endif
