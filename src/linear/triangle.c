#include "linear/triangle.h"
#include "linear/vec.h"

#include <stdlib.h>

enum { TRIANGLE_SWEEPS = 40 };

bool triangle_push(triangle *r, const double *column) {
  double *value = tw_grow(r->value, &r->capacity, (size_t)r->size + 1, (size_t)r->width * sizeof *value);
  if (!value) return false;
  r->value = value;
  vec_copy(r->width, column, value + r->size * r->width);
  r->size++;
  return true;
}

void triangle_free(triangle *r) {
  free(r->value);
  *r = (triangle){.width = r->width};
}

/* Column j as an array indexed by row: entries first .. j. */
static const double *column_of(const triangle *r, int64_t j, int64_t *first) {
  *first = j - r->width + 1 > 0 ? j - r->width + 1 : 0;
  return r->value + j * r->width + r->width - 1 - j;
}

/* x = R x; row i of the product needs x[i..], so ascending columns may overwrite. */
static void multiply(const triangle *r, double *x) {
  for (int64_t j = 0; j < r->size; j++) {
    int64_t first;
    const double *c = column_of(r, j, &first), xj = x[j];
    x[j] = 0;
    for (int64_t i = first; i <= j; i++) x[i] += c[i] * xj;
  }
}

/* x = R' x, descending for the same reason. */
static void multiply_transpose(const triangle *r, double *x) {
  for (int64_t j = r->size - 1; j >= 0; j--) {
    int64_t first;
    const double *c = column_of(r, j, &first);
    double sum = 0;
    for (int64_t i = first; i <= j; i++) sum += c[i] * x[i];
    x[j] = sum;
  }
}

/* x = R^-1 x */
static void divide(const triangle *r, double *x) {
  for (int64_t j = r->size - 1; j >= 0; j--) {
    int64_t first;
    const double *c = column_of(r, j, &first);
    x[j] /= c[j];
    for (int64_t i = first; i < j; i++) x[i] -= c[i] * x[j];
  }
}

/* x = R'^-1 x */
static void divide_transpose(const triangle *r, double *x) {
  for (int64_t j = 0; j < r->size; j++) {
    int64_t first;
    const double *c = column_of(r, j, &first);
    double sum = x[j];
    for (int64_t i = first; i < j; i++) sum -= c[i] * x[i];
    x[j] = sum / c[j];
  }
}

/* The 2-norm of the operator `half` from |half x| over unit vectors x that iterate x <- half' half x. */
static double power_norm(const triangle *r, void (*half)(const triangle *, double *),
                         void (*other)(const triangle *, double *), double *x) {
  double norm = 0;
  for (int64_t i = 0; i < r->size; i++) x[i] = 0.5 + tw_random_uniform(1, (uint64_t)i);
  for (int sweep = 0; sweep < TRIANGLE_SWEEPS; sweep++) {
    const double length = vec_norm(r->size, x);
    if (!(length > 0) || !isfinite(length)) return sweep ? INFINITY : 0;
    vec_scale(r->size, 1 / length, x);
    half(r, x);
    const double next = vec_norm(r->size, x);
    if (!isfinite(next)) return INFINITY;
    const bool settled = fabs(next - norm) <= 1e-3 * next;
    norm = fmax(norm, next);
    if (sweep > 4 && settled) break;
    other(r, x);
  }
  return norm;
}

double triangle_condition(const triangle *r) {
  if (r->size == 0) return NAN;
  for (int64_t j = 0; j < r->size; j++)
    if (r->value[(j + 1) * r->width - 1] == 0) return INFINITY;
  double *x = tw_alloc((size_t)r->size, sizeof *x);
  if (!x) return NAN;
  const double largest = power_norm(r, multiply, multiply_transpose, x);
  const double inverse = power_norm(r, divide_transpose, divide, x);
  free(x);
  return fmax(1, largest * inverse);
}
