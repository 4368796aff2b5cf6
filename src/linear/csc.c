/* Sparse matrices in compressed columns (Davis 2006, chapter 2). */
#include "linear/csc.h"
#include "linear/vec.h"

#include <math.h>
#include <stdlib.h>

tw_status csc_new(tw_csc *out, int64_t rows, int64_t cols, int64_t count, tw_error *error) {
  *out = (tw_csc){.rows = rows, .cols = cols};
  out->start = tw_alloc((size_t)cols + 1, sizeof *out->start);
  out->row = tw_alloc((size_t)count, sizeof *out->row);
  out->value = tw_alloc((size_t)count, sizeof *out->value);
  if (out->start && out->row && out->value) return TW_OK;
  tw_csc_free(out);
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for a sparse matrix of %lld entries", (long long)count);
}

void tw_csc_free(tw_csc *a) {
  if (!a) return;
  free(a->start);
  free(a->row);
  free(a->value);
  *a = (tw_csc){0};
}

/* ------------------------------------------------------------------ checks */

static tw_status check_column(const tw_csc *a, int64_t j, const char *name, tw_error *error) {
  for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) {
    if (a->row[p] < 0 || a->row[p] >= a->rows)
      return tw_fail(error, TW_ERR_RANGE, "%s: column %lld has an entry in row %lld of %lld", name,
                     (long long)j, (long long)a->row[p], (long long)a->rows);
    if (p > a->start[j] && a->row[p] <= a->row[p - 1])
      return tw_fail(error, TW_ERR_RANGE, "%s: the row indices of column %lld do not ascend", name,
                     (long long)j);
    if (!isfinite(a->value[p]))
      return tw_fail(error, TW_ERR_DATA, "%s: the entry at row %lld, column %lld is %g", name,
                     (long long)a->row[p], (long long)j, a->value[p]);
  }
  return TW_OK;
}

tw_status csc_check(const tw_csc *a, const char *name, tw_error *error) {
  if (!a || !a->start) return tw_fail(error, TW_ERR_ARGUMENT, "%s: the matrix must not be NULL", name);
  if (a->rows < 0 || a->cols < 0)
    return tw_fail(error, TW_ERR_SHAPE, "%s: the shape is %lld x %lld", name, (long long)a->rows,
                   (long long)a->cols);
  if (a->start[0] != 0) return tw_fail(error, TW_ERR_RANGE, "%s: start[0] is not 0", name);
  for (int64_t j = 0; j < a->cols; j++)
    if (a->start[j + 1] < a->start[j])
      return tw_fail(error, TW_ERR_RANGE, "%s: start descends at column %lld", name, (long long)j);
  if (a->start[a->cols] > 0 && (!a->row || !a->value))
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: the matrix has entries but no row or value array", name);
  tw_status status = TW_OK;
  for (int64_t j = 0; j < a->cols && status == TW_OK; j++) status = check_column(a, j, name, error);
  return status;
}

tw_status csc_check_square(const tw_csc *a, const char *name, tw_error *error) {
  const tw_status status = csc_check(a, name, error);
  if (status != TW_OK || a->rows == a->cols) return status;
  return tw_fail(error, TW_ERR_SHAPE, "%s: the matrix is %lld x %lld, expected a square one", name,
                 (long long)a->rows, (long long)a->cols);
}

bool csc_same_pattern(const tw_csc *a, const tw_csc *b) {
  if (a->rows != b->rows || a->cols != b->cols || csc_count(a) != csc_count(b)) return false;
  const size_t n = (size_t)a->cols + 1, count = (size_t)csc_count(a);
  return memcmp(a->start, b->start, n * sizeof *a->start) == 0 &&
         (count == 0 || memcmp(a->row, b->row, count * sizeof *a->row) == 0);
}

/* ------------------------------------------------------------------ construction */

/* Turns counts[0..n-1] into starts 0 .. total in place; counts has n + 1 entries. */
static void accumulate(int64_t n, int64_t *counts) {
  int64_t sum = 0;
  for (int64_t j = 0; j <= n; j++) {
    const int64_t count = j < n ? counts[j] : 0;
    counts[j] = sum;
    sum += count;
  }
}

/* order = a stable counting sort of 0..n-1 (or of `before`) by key, keys in 0..keys-1. */
static bool sort_by(int64_t n, int64_t keys, const int64_t *key, const int64_t *before, int64_t *order) {
  int64_t *next = tw_alloc((size_t)keys + 1, sizeof *next);
  if (!next) return false;
  for (int64_t i = 0; i < n; i++) next[key[i]]++;
  accumulate(keys, next);
  for (int64_t i = 0; i < n; i++) {
    const int64_t item = before ? before[i] : i;
    order[next[key[item]]++] = item;
  }
  free(next);
  return true;
}

/* Writes the triplets in `order` (by column, then row), adding neighbours with equal indices. */
static void fill(tw_csc *out, int64_t n, const int64_t *order, const int64_t *row, const int64_t *col,
                 const double *value) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) {
    const int64_t t = order[i], before = i ? order[i - 1] : 0;
    if (i && row[t] == row[before] && col[t] == col[before]) {
      out->value[count - 1] += value[t];
      continue;
    }
    out->row[count] = row[t];
    out->value[count++] = value[t];
    out->start[col[t]]++;
  }
  accumulate(out->cols, out->start);
}

static tw_status check_triplets(int64_t rows, int64_t cols, int64_t n, const int64_t *row, const int64_t *col,
                                const double *value, tw_error *error) {
  if (rows < 0 || cols < 0 || n < 0)
    return tw_fail(error, TW_ERR_SHAPE,
                   "tw_csc_from_triplets: rows, cols and n are %lld, %lld and %lld, expected >= 0",
                   (long long)rows, (long long)cols, (long long)n);
  if (n > 0 && (!row || !col || !value))
    return tw_fail(error, TW_ERR_ARGUMENT, "tw_csc_from_triplets: row, col and value must not be NULL");
  for (int64_t i = 0; i < n; i++)
    if (row[i] < 0 || row[i] >= rows || col[i] < 0 || col[i] >= cols)
      return tw_fail(error, TW_ERR_RANGE,
                     "tw_csc_from_triplets: triplet %lld is at (%lld, %lld), outside %lld x %lld",
                     (long long)i, (long long)row[i], (long long)col[i], (long long)rows, (long long)cols);
  return TW_OK;
}

tw_status tw_csc_from_triplets(tw_csc *out, int64_t rows, int64_t cols, int64_t n, const int64_t *row,
                               const int64_t *col, const double *value, tw_error *error) {
  if (!out) return tw_fail(error, TW_ERR_ARGUMENT, "tw_csc_from_triplets: out must not be NULL");
  *out = (tw_csc){0};
  tw_status status = check_triplets(rows, cols, n, row, col, value, error);
  if (status == TW_OK) status = csc_new(out, rows, cols, n, error);
  if (status != TW_OK) return status;
  int64_t *by_row = tw_alloc((size_t)n, sizeof *by_row), *order = tw_alloc((size_t)n, sizeof *order);
  if (by_row && order && sort_by(n, rows, row, NULL, by_row) && sort_by(n, cols, col, by_row, order)) {
    fill(out, n, order, row, col, value);
  } else {
    tw_csc_free(out);
    status =
        tw_fail(error, TW_ERR_MEMORY, "tw_csc_from_triplets: out of memory for %lld triplets", (long long)n);
  }
  free(by_row);
  free(order);
  return status;
}

tw_status tw_csc_transpose(tw_csc *out, const tw_csc *a, tw_error *error) {
  if (!out) return tw_fail(error, TW_ERR_ARGUMENT, "tw_csc_transpose: out must not be NULL");
  *out = (tw_csc){0};
  if (!a || !a->start)
    return tw_fail(error, TW_ERR_ARGUMENT, "tw_csc_transpose: the matrix must not be NULL");
  tw_csc t;
  const tw_status status = csc_new(&t, a->cols, a->rows, csc_count(a), error);
  if (status != TW_OK) return status;
  for (int64_t p = 0; p < csc_count(a); p++) t.start[a->row[p]]++;
  accumulate(t.cols, t.start);
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) {
      const int64_t q = t.start[a->row[p]]++;
      t.row[q] = j;
      t.value[q] = a->value[p];
    }
  for (int64_t i = t.cols; i > 0; i--) t.start[i] = t.start[i - 1]; /* start[i] ran to the end of column i */
  t.start[0] = 0;
  *out = t;
  return TW_OK;
}

tw_status csc_copy(tw_csc *out, const tw_csc *a, tw_error *error) {
  const tw_status status = csc_new(out, a->rows, a->cols, csc_count(a), error);
  if (status != TW_OK) return status;
  memcpy(out->start, a->start, ((size_t)a->cols + 1) * sizeof *a->start);
  if (csc_count(a) > 0) memcpy(out->row, a->row, (size_t)csc_count(a) * sizeof *a->row);
  vec_copy(csc_count(a), a->value, out->value);
  return TW_OK;
}

tw_status csc_triangle(tw_csc *out, const tw_csc *a, bool lower, tw_error *error) {
  const tw_status status = csc_new(out, a->rows, a->cols, csc_count(a), error);
  if (status != TW_OK) return status;
  int64_t count = 0;
  for (int64_t j = 0; j < a->cols; j++) {
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) {
      if (lower ? a->row[p] < j : a->row[p] > j) continue;
      out->row[count] = a->row[p];
      out->value[count++] = a->value[p];
    }
    out->start[j + 1] = count;
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ products */

void csc_add(const tw_csc *a, double s, const double *x, double *out) {
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) out[a->row[p]] += s * a->value[p] * x[j];
}

void csc_add_transpose(const tw_csc *a, double s, const double *y, double *out) {
  for (int64_t j = 0; j < a->cols; j++) {
    double sum = 0;
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) sum += a->value[p] * y[a->row[p]];
    out[j] += s * sum;
  }
}

void csc_add_symmetric(const tw_csc *a, double s, const double *x, double *out) {
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) {
      const int64_t i = a->row[p];
      out[i] += s * a->value[p] * x[j];
      if (i != j) out[j] += s * a->value[p] * x[i];
    }
}

void tw_csc_apply(const tw_csc *a, const double *x, double *y) {
  if (!a || !x || !y) return;
  vec_zero(a->rows, y);
  for (int64_t j = 0; j < a->cols; j++) {
    const double xj = x[j];
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) y[a->row[p]] += a->value[p] * xj;
  }
}

void tw_csc_apply_transpose(const tw_csc *a, const double *x, double *y) {
  if (!a || !x || !y) return;
  for (int64_t j = 0; j < a->cols; j++) {
    double sum = 0;
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) sum += a->value[p] * x[a->row[p]];
    y[j] = sum;
  }
}

void csc_equilibrate(tw_csc *k, double *s, double *most) {
  enum { PASSES = 10 };
  for (int64_t j = 0; j < k->cols; j++) s[j] = 1;
  for (int pass = 0; pass < PASSES; pass++) {
    for (int64_t j = 0; j < k->cols; j++) most[j] = 0;
    for (int64_t j = 0; j < k->cols; j++)
      for (int64_t e = k->start[j]; e < k->start[j + 1]; e++) {
        const double size = fabs(k->value[e]);
        most[j] = fmax(most[j], size), most[k->row[e]] = fmax(most[k->row[e]], size);
      }
    for (int64_t j = 0; j < k->cols; j++) most[j] = most[j] > 0 ? 1 / sqrt(most[j]) : 1, s[j] *= most[j];
    for (int64_t j = 0; j < k->cols; j++)
      for (int64_t e = k->start[j]; e < k->start[j + 1]; e++) k->value[e] *= most[j] * most[k->row[e]];
  }
}
