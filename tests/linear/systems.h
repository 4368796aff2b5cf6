/* Random and standard linear systems for the tests of this room. Everything comes from fixed keys. */
#ifndef LINEAR_SYSTEMS_H
#define LINEAR_SYSTEMS_H

#include "test.h"

#include <talweg/linear.h>

static inline double *vector_new(int64_t n) {
  double *x = tw_alloc((size_t)n, sizeof *x);
  if (!x) fail_msg("out of memory");
  return x;
}

static inline double *vector_random(uint64_t key, int64_t n) {
  double *x = vector_new(n);
  tw_random_normal_fill(key, 0, (size_t)n, x);
  return x;
}

static inline double distance(int64_t n, const double *x, const double *y) {
  double square = 0;
  for (int64_t i = 0; i < n; i++) square += (x[i] - y[i]) * (x[i] - y[i]);
  return sqrt(square);
}

/* A <- H A (left) or A H, H = I - 2 v v' / v'v with random v. */
static inline void reflect(uint64_t key, int64_t rows, int64_t cols, double *a, bool left) {
  const int64_t n = left ? rows : cols, other = left ? cols : rows;
  const int64_t along = left ? cols : 1, across = left ? 1 : cols;
  double *v = vector_random(key, n);
  const double square = tw_vec_dot(v, v, (size_t)n);
  for (int64_t j = 0; j < other; j++) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += v[i] * a[i * along + j * across];
    for (int64_t i = 0; i < n; i++) a[i * along + j * across] -= 2 * sum / square * v[i];
  }
  free(v);
}

/* Row-major Q diag(value) P' with random orthogonal Q and P; P = Q when symmetric. value has min(rows, cols)
 * entries. */
static inline double *matrix_with_values(uint64_t key, int64_t rows, int64_t cols, const double *value,
                                         bool symmetric) {
  double *a = vector_new(rows * cols);
  for (int64_t i = 0; i < rows && i < cols; i++) a[i * cols + i] = value[i];
  for (uint64_t turn = 0; turn < 3; turn++) {
    reflect(tw_key_split(key, turn), rows, cols, a, true);
    reflect(tw_key_split(key, symmetric ? turn : turn + 100), rows, cols, a, false);
  }
  for (int64_t i = 0; symmetric && i < rows; i++)
    for (int64_t j = 0; j < i; j++) a[i * cols + j] = a[j * cols + i];
  return a;
}

/* n values from `low` to `high`, geometrically spaced; every second one negated when `alternate`. */
static inline double *spectrum(int64_t n, double low, double high, bool alternate) {
  double *value = vector_new(n);
  for (int64_t i = 0; i < n; i++) {
    value[i] = n > 1 ? low * pow(high / low, (double)i / (double)(n - 1)) : low;
    if (alternate && i % 2) value[i] = -value[i];
  }
  return value;
}

/* Symmetric with condition high / low. */
static inline double *matrix_symmetric(uint64_t key, int64_t n, double low, double high, bool indefinite) {
  double *value = spectrum(n, low, high, indefinite), *a = matrix_with_values(key, n, n, value, true);
  free(value);
  return a;
}

static inline double *matrix_general(uint64_t key, int64_t rows, int64_t cols, double low, double high) {
  double *value = spectrum(rows < cols ? rows : cols, low, high, false);
  double *a = matrix_with_values(key, rows, cols, value, false);
  free(value);
  return a;
}

/* The sparse matrix with the entries of a dense one that are not zero. */
static inline tw_csc sparse_of(int64_t rows, int64_t cols, const double *a) {
  tw_error error = {0};
  tw_csc out;
  int64_t n = 0, *row = tw_alloc((size_t)(rows * cols), sizeof *row),
          *col = tw_alloc((size_t)(rows * cols), sizeof *col);
  double *value = vector_new(rows * cols);
  for (int64_t i = 0; i < rows * cols; i++)
    if (a[i] != 0) row[n] = i / cols, col[n] = i % cols, value[n++] = a[i];
  assert_ok(tw_csc_from_triplets(&out, rows, cols, n, row, col, value, &error));
  free(row), free(col), free(value);
  return out;
}

/* Five-point stencil on a side x side grid: diagonal `centre`, west and east -1 -+ wind, south and north -1.
 * centre = 4 and wind = 0 is the Laplacian, whose extreme eigenvalues are 8 sin^2 and 8 cos^2 of pi / (2
 * (side + 1)). */
static inline tw_csc grid(int64_t side, double centre, double wind) {
  const int64_t n = side * side;
  tw_error error = {0};
  tw_csc out;
  int64_t count = 0, *row = tw_alloc((size_t)(5 * n), sizeof *row),
          *col = tw_alloc((size_t)(5 * n), sizeof *col);
  double *value = vector_new(5 * n);
  static const int64_t step[5][2] = {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}};
  const double weight[5] = {centre, -1 - wind, -1 + wind, -1, -1};
  for (int64_t i = 0; i < n; i++)
    for (int s = 0; s < 5; s++) {
      const int64_t x = i % side + step[s][0], y = i / side + step[s][1];
      if (x < 0 || x >= side || y < 0 || y >= side) continue;
      row[count] = i, col[count] = y * side + x, value[count++] = weight[s];
    }
  assert_ok(tw_csc_from_triplets(&out, n, n, count, row, col, value, &error));
  free(row), free(col), free(value);
  return out;
}

/* |b - A x| / |b| for a row-major matrix. */
static inline double relative_residual(int64_t rows, int64_t cols, const double *a, const double *x,
                                       const double *b) {
  double square = 0, scale = 0;
  for (int64_t i = 0; i < rows; i++) {
    double r = b[i];
    for (int64_t j = 0; j < cols; j++) r -= a[i * cols + j] * x[j];
    square += r * r;
    scale += b[i] * b[i];
  }
  return sqrt(square / scale);
}

typedef tw_status solver(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                         tw_linear_result *result, tw_error *error);

/* The operator multiplies by a matrix until its `calls` run out, then fails. */
typedef struct failing {
  tw_linop inner;
  int64_t calls;
} failing;

static inline tw_status failing_apply(void *context, const double *x, double *y) {
  failing *f = context;
  return f->calls-- > 0 ? f->inner.apply(f->inner.context, x, y) : TW_ERR_INTERRUPT;
}

static inline tw_status failing_apply_transpose(void *context, const double *x, double *y) {
  failing *f = context;
  return f->calls-- > 0 ? f->inner.apply_transpose(f->inner.context, x, y) : TW_ERR_INTERRUPT;
}

static inline tw_linop failing_linop(failing *f) {
  return (tw_linop){f->inner.rows, f->inner.cols, f->inner.flags, failing_apply, failing_apply_transpose, f};
}

#endif
