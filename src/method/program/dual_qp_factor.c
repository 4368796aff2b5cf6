/* The factors J and R of Goldfarb & Idnani (1983, section 4), changed by Givens rotations; see dual_qp.h. */
#include "method/program/dual_qp.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* The Cholesky factor of H + shift I by rows into the lower triangle of l. */
static bool cholesky(int64_t n, const double *h, double shift, double *l) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++) {
      const double *a = l + i * n, *b = l + j * n;
      double sum = h[i * n + j] + (i == j ? shift : 0);
      for (int64_t k = 0; k < j; k++) sum -= a[k] * b[k];
      if (i != j)
        l[i * n + j] = sum / l[j * n + j];
      else if (sum > 8 * DBL_EPSILON * fabs(h[i * n + i]) && isfinite(sum))
        l[i * n + i] = sqrt(sum);
      else
        return false;
    }
  return true;
}

bool tw_dual_is_definite(int64_t n, const double *h, double shift, double *work) {
  return cholesky(n, h, shift, work);
}

/* Column i of L^-T is row i of L^-1. */
bool tw_dual_factor_start(tw_dual_factor *f, const double *h) {
  const int64_t n = f->n;
  double *l = f->r, *inverse = f->j;
  f->active = 0;
  if (!cholesky(n, h, 0, l)) return false;
  memset(inverse, 0, (size_t)(n * n) * sizeof *inverse);
  for (int64_t i = 0; i < n; i++) {
    double *row = inverse + i * n;
    row[i] = 1;
    for (int64_t k = 0; k < i; k++) {
      const double a = l[i * n + k], *other = inverse + k * n;
      for (int64_t c = 0; c <= k; c++) row[c] -= a * other[c];
    }
    for (int64_t c = 0; c <= i; c++) row[c] /= l[i * n + i];
  }
  return true;
}

void tw_dual_factor_image(const tw_dual_factor *f, const double *v, int64_t k, double *d) {
  for (int64_t i = 0; i < f->n; i++) {
    const double *column = f->j + i * f->n;
    double sum = v ? 0 : column[k];
    for (int64_t c = 0; v && c < f->n; c++) sum += column[c] * v[c];
    d[i] = sum;
  }
}

/* (a, b) -> (c a + s b, -s a + c b), n pairs. */
static void rotate(int64_t n, double c, double s, double *a, double *b) {
  for (int64_t i = 0; i < n; i++) {
    const double x = a[i], y = b[i];
    a[i] = c * x + s * y;
    b[i] = c * y - s * x;
  }
}

void tw_dual_factor_add(tw_dual_factor *f, double *d) {
  const int64_t n = f->n, q = f->active;
  for (int64_t i = n - 1; i > q; i--) {
    if (d[i] == 0) continue;
    const double size = hypot(d[i - 1], d[i]), c = d[i - 1] / size, s = d[i] / size;
    rotate(n, c, s, f->j + (i - 1) * n, f->j + i * n);
    d[i - 1] = size;
    d[i] = 0;
  }
  memcpy(f->r + q * n, d, (size_t)(q + 1) * sizeof *d);
  f->active++;
}

void tw_dual_factor_drop(tw_dual_factor *f, int64_t k) {
  const int64_t n = f->n, q = --f->active;
  for (int64_t j = k; j < q; j++) memcpy(f->r + j * n, f->r + (j + 1) * n, (size_t)(j + 2) * sizeof *f->r);
  for (int64_t j = k; j < q; j++) {
    double *column = f->r + j * n;
    const double size = hypot(column[j], column[j + 1]);
    if (size == 0) continue;
    const double c = column[j] / size, s = column[j + 1] / size;
    for (int64_t i = j; i < q; i++) rotate(1, c, s, f->r + i * n + j, f->r + i * n + j + 1);
    rotate(n, c, s, f->j + j * n, f->j + (j + 1) * n);
  }
}

void tw_dual_factor_solve(const tw_dual_factor *f, double *x) {
  for (int64_t k = f->active - 1; k >= 0; k--) {
    const double *column = f->r + k * f->n;
    x[k] /= column[k];
    for (int64_t i = 0; i < k; i++) x[i] -= column[i] * x[k];
  }
}

void tw_dual_factor_solve_transposed(const tw_dual_factor *f, double *x) {
  for (int64_t k = 0; k < f->active; k++) {
    const double *column = f->r + k * f->n;
    for (int64_t i = 0; i < k; i++) x[k] -= column[i] * x[i];
    x[k] /= column[k];
  }
}
