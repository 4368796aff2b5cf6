/* Eigenvalues and singular values by Jacobi's rotations (Golub & Van Loan 2013, sections 8.5 and 8.6.3),
 * packed as in ops/eigh.c and ops/svd.c; matrices are kept so that rotations act on rows. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_JACOBI_H
#define TALWEG_GRAPH_EMIT_RUNTIME_JACOBI_H
#include "graph/emit/runtime/linalg.h"
#include "graph/emit/runtime/scale_columns.h"

/* t = tan of the angle that makes [a, g; g, b] diagonal, the smaller of the two; its cosine and sine. */
static inline void rt_rotation_T(double a, double b, double g, real *c, real *s) {
  const double zeta = (b - a) / (2 * g), t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
  *c = (real)(1 / sqrt(1 + t * t));
  *s = (real)(t / sqrt(1 + t * t));
}

/* (x, y) -> (c x - s y, s x + c y). */
static inline void rt_rotate_T(int64_t n, real *x, real *y, int64_t step, real c, real s) {
  for (int64_t i = 0; i < n * step; i += step) {
    const real u = x[i], v = y[i];
    x[i] = c * u - s * v;
    y[i] = s * u + c * v;
  }
}

/* The sign of the first element of largest magnitude among n, `step` apart. */
static inline real rt_leading_sign_T(int64_t n, const real *x, int64_t step) {
  real leading = 0;
  for (int64_t i = 0; i < n; i++)
    if (fabs(x[i * step]) > fabs(leading)) leading = x[i * step];
  return leading < 0 ? -1 : 1;
}

/* Row p of x, n long, and row q change places. */
static inline void rt_swap_rows_T(int64_t n, real *x, int64_t p, int64_t q) {
  for (int64_t i = 0; i < n; i++) {
    const real swap = x[p * n + i];
    x[p * n + i] = x[q * n + i];
    x[q * n + i] = swap;
  }
}

/* Rotates S and the rows of V until S is diagonal to rounding. 1 when sweeps do not get there. */
static inline int rt_diagonalize_T(int64_t n, real *s, real *v, real small) {
  for (int sweep = 0; sweep < 60; sweep++) {
    bool done = true;
    for (int64_t p = 0; p < n; p++)
      for (int64_t q = p + 1; q < n; q++) {
        real c, t;
        if (fabs(s[p * n + q]) <= small) continue;
        done = false;
        rt_rotation_T((double)s[p * n + p], (double)s[q * n + q], (double)s[p * n + q], &c, &t);
        rt_rotate_T(n, s + p * n, s + q * n, 1, c, t);
        rt_rotate_T(n, s + p, s + q, n, c, t);
        rt_rotate_T(n, v + p * n, v + q * n, 1, c, t);
      }
    if (done) return 0;
  }
  return 1;
}

/* out [n, n+1]: w ascending, then V, from the lower triangle of A; work: 2 n^2. 1 when A holds NaN or
 * infinity. */
static inline int rt_eigh_T(int64_t n, const real *a, real *restrict out, real *restrict work) {
  real *s = work, *v = work + n * n, largest = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++) {
      const real x = a[i * n + j];
      if (!(x - x == 0)) return 1;
      if (fabs(x) > largest) largest = fabs(x);
      s[i * n + j] = s[j * n + i] = x;
      v[i * n + j] = i == j;
      v[j * n + i] = i == j;
    }
  if (rt_diagonalize_T(n, s, v, largest * (sizeof(real) == 8 ? 0x1p-55 : 0x1p-26))) return 1;
  for (int64_t j = 0; j < n; j++) s[j] = s[j * (n + 1)];
  for (int64_t j = 0; j < n; j++) {
    int64_t least = j;
    for (int64_t i = j + 1; i < n; i++)
      if (s[i] < s[least]) least = i;
    rt_swap_rows_T(1, s, j, least);
    rt_swap_rows_T(n, v, j, least);
    const real sign = rt_leading_sign_T(n, v + j * n, 1);
    out[j * (n + 1)] = s[j];
    for (int64_t i = 0; i < n; i++) out[i * (n + 1) + 1 + j] = sign * v[j * n + i];
  }
  return 0;
}

/* Rotates the k rows of W, `length` long, and with them those of Z, until they are orthogonal to rounding
 * (Hestenes 1958); rows that vanish beside others of order 1 become zero. */
static inline int rt_orthogonalize_T(int64_t k, int64_t length, real *w, real *z) {
  const double small = (sizeof(real) == 8 ? 0x1p-51 : 0x1p-22) * sqrt((double)length);
  for (int sweep = 0; sweep < 60; sweep++) {
    bool done = true;
    for (int64_t p = 0; p < k; p++)
      for (int64_t q = p + 1; q < k; q++) {
        real *x = w + p * length, *y = w + q * length, c, s;
        double xx = 0, yy = 0, xy = 0;
        for (int64_t i = 0; i < length; i++) {
          xx += (double)x[i] * (double)x[i];
          yy += (double)y[i] * (double)y[i];
          xy += (double)x[i] * (double)y[i];
        }
        for (int64_t i = 0; i < length && xx < 0x1p-900; i++) x[i] = 0;
        for (int64_t i = 0; i < length && yy < 0x1p-900; i++) y[i] = 0;
        if (xx < 0x1p-900 || yy < 0x1p-900 || fabs(xy) <= small * sqrt(xx) * sqrt(yy)) continue;
        done = false;
        rt_rotation_T(xx, yy, xy, &c, &s);
        rt_rotate_T(length, x, y, 1, c, s);
        rt_rotate_T(k, z + p * k, z + q * k, 1, c, s);
      }
    if (done) return 0;
  }
  return 1;
}

/* Row j of W, orthogonal to the unit rows before it, from the first coordinate vector that is not nearly in
 * their span. */
static inline void rt_complete_T(int64_t j, int64_t length, real *w) {
  real *x = w + j * length;
  for (int64_t e = 0; e < length; e++) {
    for (int64_t i = 0; i < length; i++) x[i] = i == e;
    for (int64_t pass = 0; pass < 2 * j; pass++) {
      const real *q = w + pass % j * length, along = rt_dot_T(length, q, x);
      for (int64_t i = 0; i < length; i++) x[i] -= along * q[i];
    }
    const real square = rt_dot_T(length, x, x);
    if (square * (real)(2 * length) < 1) continue;
    for (int64_t i = 0; i < length; i++) x[i] /= sqrt(square);
    return;
  }
}

/* W, scaled by a power of two to elements below 1, from A or A', so that rows are the shorter side; Z = I.
 * The exponent. */
static inline int rt_svd_start_T(int64_t m, int64_t n, const real *a, real *w, real *z) {
  const int64_t k = m < n ? m : n;
  real largest = 0;
  int exponent;
  for (int64_t i = 0; i < m * n; i++)
    if (fabs(a[i]) > largest) largest = fabs(a[i]);
  (void)frexp(largest, &exponent);
  for (int64_t i = 0; i < m * n; i++) w[m < n ? i : i % n * m + i / n] = ldexp(a[i], -exponent);
  for (int64_t i = 0; i < k * k; i++) z[i] = i % (k + 1) == 0;
  return exponent;
}

/* out [m+n+1, k]: U, the singular values descending, V; work: (m+n+1) k. 1 when A holds NaN or infinity. */
static inline int rt_svd_T(int64_t m, int64_t n, const real *a, real *restrict out, real *restrict work) {
  const int64_t k = m < n ? m : n, length = m < n ? n : m;
  real *w = work, *z = w + k * length, *s = z + k * k;
  for (int64_t i = 0; i < m * n; i++)
    if (!(a[i] - a[i] == 0)) return 1;
  const int exponent = rt_svd_start_T(m, n, a, w, z);
  if (rt_orthogonalize_T(k, length, w, z)) return 1;
  for (int64_t j = 0; j < k; j++) s[j] = sqrt(rt_dot_T(length, w + j * length, w + j * length));
  for (int64_t j = 0; j < k; j++) {
    int64_t largest = j;
    for (int64_t i = j + 1; i < k; i++)
      if (s[i] > s[largest]) largest = i;
    rt_swap_rows_T(1, s, j, largest);
    rt_swap_rows_T(length, w, j, largest);
    rt_swap_rows_T(k, z, j, largest);
    for (int64_t i = 0; i < length && s[j] > 0; i++) w[j * length + i] /= s[j];
    if (!(s[j] > 0)) rt_complete_T(j, length, w);
    const real *u = m < n ? z + j * k : w + j * length, *v = m < n ? w + j * length : z + j * k;
    const real sign = rt_leading_sign_T(m, u, 1);
    for (int64_t i = 0; i < m; i++) out[i * k + j] = sign * u[i];
    out[m * k + j] = ldexp(s[j], exponent);
    for (int64_t i = 0; i < n; i++) out[(m + 1 + i) * k + j] = sign * v[i];
  }
  return 0;
}

/* Cofactors C = det(U V') U diag(p) V', p_i = prod_{l /= i} s_l, as in ops/cofactor.c; work: 4 n^2 + 2 n. */
static inline int rt_cofactor_T(int64_t n, const real *a, real *restrict c, real *restrict work) {
  real *u = work, *s = u + n * n, *v = s + n, *rest = v + n * n, *f = rest + n * n;
  if (rt_svd_T(n, n, a, u, rest)) return 1;
  rt_matmul_rows_T(n, n, n, u, n, 1, v, n, rest);
  if (rt_lu_T(n, rest, f)) return 1;
  rt_scale_columns_T(n, u, s, rt_det_T(n, f) < 0 ? -1 : 1);
  rt_matmul_rows_T(n, n, n, u, n, 1, v, n, c);
  return 0;
}

#endif
