#include "losses.h"

#include <math.h>

const char *const loss_names[LOSSES] = {"squared", "hinge", "logistic"};

/* log(1 + exp(-m)) without overflow. */
static double softplus(double m) { return m > 0 ? log1p(exp(-m)) : log1p(exp(m)) - m; }
/* 1 / (1 + exp(m)): minus its derivative. */
static double sigmoid(double m) { return m > 0 ? exp(-m) / (1 + exp(-m)) : 1 / (1 + exp(m)); }

double loss_at(loss_kind kind, int64_t n, double y, double z, double b) {
  if (kind == LOSS_SQUARED) return 0.5 * (fabs(z - y) + b) * (fabs(z - y) + b);
  const double margin = y * z - b;
  return (kind == LOSS_HINGE ? fmax(0, 1 - margin) : softplus(margin)) / (double)n;
}

double loss_value(loss_kind kind, int64_t n, const double *y, const double *z, const double *b) {
  double sum = 0;
  for (int64_t k = 0; k < n; k++) sum += loss_at(kind, n, y[k], z[k], b ? b[k] : 0);
  return sum;
}

void loss_gradient(loss_kind kind, int64_t n, const double *y, const double *z, double *g) {
  for (int64_t k = 0; k < n; k++) {
    const double margin = y[k] * z[k];
    g[k] = kind == LOSS_SQUARED ? z[k] - y[k] : -y[k] / (double)n * (kind == LOSS_HINGE ? margin < 1 : sigmoid(margin));
  }
}

/* x log x, 0 at 0. */
static double entropy_term(double x) { return x > 0 ? x * log(x) : 0; }

double loss_dual(loss_kind kind, int64_t n, const double *y, const double *theta) {
  double sum = 0;
  for (int64_t k = 0; k < n; k++) {
    if (kind == LOSS_SQUARED) {
      sum += theta[k] * y[k] - 0.5 * theta[k] * theta[k];
      continue;
    }
    const double p = (double)n * y[k] * theta[k]; /* of [0, 1], up to rounding */
    if (!(p >= -1e-12 && p <= 1 + 1e-12)) return -INFINITY;
    sum += (kind == LOSS_HINGE ? p : -entropy_term(p) - entropy_term(1 - p)) / (double)n;
  }
  return sum;
}

/* argmin f(m) + weight/2 (m - m0)^2 for f = max(0, 1 - m) or log(1 + exp(-m)). The second: Newton on
 * weight (m - m0) = s(m), s in (0, 1), safeguarded by bisection on [m0, m0 + 1/weight]. */
static double margin_prox(loss_kind kind, double m0, double weight) {
  if (kind == LOSS_HINGE) return m0 >= 1 ? m0 : fmin(1, m0 + 1 / weight);
  double low = m0, high = m0 + 1 / weight, m = m0 + sigmoid(m0) / (weight + 0.25);
  for (int i = 0; i < 60; i++) {
    const double s = sigmoid(m), residual = weight * (m - m0) - s;
    *(residual > 0 ? &high : &low) = m;
    const double next = m - residual / (weight + s * (1 - s));
    const double step = (next > low && next < high ? next : 0.5 * (low + high)) - m;
    m += step;
    if (fabs(step) <= 1e-15 * (1 + fabs(m))) break;
  }
  return m;
}

/* argmin 1/2 max(|a| + b, 0)^2 + rho/2 ((a - a0)^2 + (b - b0)^2): moves by w/rho along (-sign a, -1), w = |a| + b, until a = 0. */
static void squared_prox(double rho, double *a, double *b) {
  const double size = fabs(*a), w = rho * (size + *b) / (2 + rho);
  if (size + *b <= 0) return;
  if (size >= w / rho) {
    *a -= copysign(w / rho, *a);
    *b -= w / rho;
  } else {
    *a = 0;
    *b = *b > 0 ? rho * *b / (1 + rho) : *b;
  }
}

void loss_prox(loss_kind kind, int64_t n, const double *y, double rho, double *z, double *b) {
  for (int64_t k = 0; k < n; k++) {
    if (kind == LOSS_SQUARED) {
      double a = z[k] - y[k];
      if (b) squared_prox(rho, &a, &b[k]);
      else a *= rho / (1 + rho);
      z[k] = y[k] + a;
      continue;
    }
    /* f(m) in m = y z - b, whose gradient (y, -1) has the square 2, or 1 in z alone (y = +-1) */
    const double square = b ? 2 : 1, m0 = y[k] * z[k] - (b ? b[k] : 0);
    const double step = (margin_prox(kind, m0, rho * (double)n / square) - m0) / square;
    z[k] += y[k] * step;
    if (b) b[k] -= step;
  }
}
