#include "table.h"

#include <talweg/array.h>

#include <math.h>
#include <stdlib.h>

void table_free(table *t) {
  free(t->x);
  free(t->y);
  *t = (table){0};
}

static tw_status allocate(table *t, int64_t rows, int64_t d, tw_error *error) {
  *t = (table){.x = tw_alloc((size_t)(rows * d), sizeof(double)), .y = tw_alloc((size_t)rows, sizeof(double)), .scale = 1};
  if (t->x && t->y) return TW_OK;
  table_free(t);
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld rows", (long long)rows);
}

static void split(table *t, int64_t rows, int64_t d, int64_t train) {
  t->train = (design){train, d, d - 1, t->x, t->y};
  t->test = (design){rows - train, d, d - 1, t->x + train * d, t->y + train};
}

/* Whether there are just two values, which become -1 and 1. */
static bool label(int64_t n, double *y) {
  double low = y[0], high = y[0];
  for (int64_t k = 0; k < n; k++) low = fmin(low, y[k]), high = fmax(high, y[k]);
  for (int64_t k = 0; k < n; k++)
    if (y[k] != low && y[k] != high) return false;
  if (low == high) return false;
  for (int64_t k = 0; k < n; k++) y[k] = y[k] == high ? 1 : -1;
  return true;
}

static tw_status standardise(table *t, int64_t rows, int64_t d, tw_error *error) {
  const int64_t n = t->train.n;
  t->scale = 1 / sqrt((double)(d - 1));
  for (int64_t j = 0; j < d - 1; j++) {
    double mean = 0, square = 0;
    for (int64_t k = 0; k < n; k++) mean += t->x[k * d + j] / (double)n;
    for (int64_t k = 0; k < n; k++) square += (t->x[k * d + j] - mean) * (t->x[k * d + j] - mean) / (double)n;
    if (!(square > 0)) return tw_fail(error, TW_ERR_DATA, "feature %lld is constant over the rows to train on", (long long)j);
    for (int64_t k = 0; k < rows; k++) t->x[k * d + j] = (t->x[k * d + j] - mean) / sqrt(square) * t->scale;
  }
  return TW_OK;
}

/* The rows to keep, in random order; returns their number. */
static int64_t choose_rows(const tw_array *a, const table_options *o, int64_t *order) {
  const int64_t cols = a->shape.dim[1];
  const double *value = a->data;
  int64_t kept = 0;
  tw_random_permutation(tw_key_split(o->seed, 5), (size_t)a->shape.dim[0], order);
  for (int64_t k = 0; k < a->shape.dim[0]; k++) {
    const double y = value[order[k] * cols + cols - 1];
    if (!o->two || y == o->low || y == o->high) order[kept++] = order[k];
  }
  return kept;
}

static tw_status fill(table *t, const tw_array *a, const table_options *o, const int64_t *order, int64_t rows, tw_error *error) {
  const int64_t d = a->shape.dim[1];
  const double *value = a->data;
  if (rows < 2) return tw_fail(error, TW_ERR_DATA, "%s: %lld rows to use, expected at least 2", o->path, (long long)rows);
  if (o->train > rows)
    return tw_fail(error, TW_ERR_RANGE, "--train %lld: %s has %lld rows to use", (long long)o->train, o->path, (long long)rows);
  const tw_status status = allocate(t, rows, d, error);
  if (status != TW_OK) return status;
  for (int64_t k = 0; k < rows; k++) {
    for (int64_t j = 0; j < d - 1; j++) t->x[k * d + j] = value[order[k] * d + j];
    t->x[k * d + d - 1] = 1;
    t->y[k] = value[order[k] * d + d - 1];
  }
  t->classes = label(rows, t->y);
  split(t, rows, d, o->train ? o->train : rows);
  return o->raw ? TW_OK : standardise(t, rows, d, error);
}

tw_status table_read(table *t, const table_options *o, tw_error *error) {
  tw_array read = {0}, a = {0};
  *t = (table){0};
  tw_status status = tw_csv_read(o->path, o->columns, &read, error);
  if (status != TW_OK) return status;
  if (read.shape.rank != 2 || read.shape.dim[1] < 2)
    status = tw_fail(error, TW_ERR_SHAPE, "%s: expected at least one feature and a target", o->path);
  if (status == TW_OK) status = tw_array_copy(&a, &read, TW_F64, error);
  int64_t *order = status == TW_OK ? tw_alloc((size_t)a.shape.dim[0], sizeof *order) : NULL;
  if (status == TW_OK && !order) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for %s", o->path);
  if (status == TW_OK) status = fill(t, &a, o, order, choose_rows(&a, o, order), error);
  if (status != TW_OK) table_free(t);
  free(order);
  tw_array_free(&a);
  tw_array_free(&read);
  return status;
}

tw_status table_wave(table *t, int64_t n, uint64_t seed, tw_error *error) {
  const tw_status status = allocate(t, n, 2, error);
  if (status != TW_OK) return status;
  for (int64_t k = 0; k < n; k++) {
    const double x = 2 * tw_random_uniform(tw_key_split(seed, 1), (uint64_t)k) - 1;
    t->x[2 * k] = x;
    t->x[2 * k + 1] = 1;
    t->y[k] = sin(4 * x) + 0.3 * x + 0.1 * tw_random_normal(tw_key_split(seed, 2), (uint64_t)k);
  }
  split(t, n, 2, n);
  return TW_OK;
}
