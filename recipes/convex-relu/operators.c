#include "operators.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void product(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const double *a, const double *b, double *c) {
  if (m == 0 || n == 0) return;
  cblas_dgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n,
              (blasint)k, 1, a, (blasint)(transpose_a ? m : k), b, (blasint)(transpose_b ? k : n), 0, c, (blasint)n);
}

tw_status operators_open(operators *o, const design *data, const patterns *set, tw_error *error) {
  *o = (operators){.data = data, .set = set, .blocks = 2 * set->p};
  o->t = tw_alloc((size_t)(o->blocks * data->n), sizeof *o->t);
  o->c = tw_alloc((size_t)(set->p * data->d), sizeof *o->c);
  if (o->t && o->c) return TW_OK;
  operators_close(o);
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld patterns of %lld rows", (long long)set->p, (long long)data->n);
}

void operators_close(operators *o) {
  free(o->t);
  free(o->c);
  o->t = o->c = NULL;
}

/* c_i = v_i - w_i */
static const double *differences(const operators *o, const double *u) {
  const int64_t m = o->set->p * o->data->d;
  for (int64_t i = 0; i < m; i++) o->c[i] = u[i] - u[m + i];
  return o->c;
}

/* w_i = -v_i, from v. */
static void negate_second_half(const operators *o, double *u) {
  const int64_t m = o->set->p * o->data->d;
  for (int64_t i = 0; i < m; i++) u[m + i] = -u[i];
}

void apply_f(const operators *o, const double *u, double *fu) {
  const design *a = o->data;
  const int64_t p = o->set->p, n = a->n;
  product(false, true, p, n, a->d, differences(o, u), a->x, o->t);
  memset(fu, 0, (size_t)n * sizeof *fu);
  for (int64_t i = 0; i < p; i++) {
    const double *mask = mask_of(o, i), *t = o->t + i * n;
    for (int64_t k = 0; k < n; k++) fu[k] += mask[k] * t[k];
  }
}

void apply_f_transposed(const operators *o, const double *g, double *out) {
  const design *a = o->data;
  const int64_t p = o->set->p, n = a->n;
  for (int64_t i = 0; i < p; i++) {
    const double *mask = mask_of(o, i);
    for (int64_t k = 0; k < n; k++) o->t[i * n + k] = mask[k] * g[k];
  }
  product(false, false, p, a->d, n, o->t, a->x, out);
  negate_second_half(o, out);
}

/* t = (2 D - I) s, block by block; may be the same memory. */
static void flip(const operators *o, const double *s, double *t) {
  const int64_t n = o->data->n;
  for (int64_t b = 0; b < o->blocks; b++) {
    const double *mask = mask_of(o, b);
    for (int64_t k = 0; k < n; k++) t[b * n + k] = (2 * mask[k] - 1) * s[b * n + k];
  }
}

void apply_g(const operators *o, const double *u, double *gu) {
  product(false, true, o->blocks, o->data->n, o->data->d, u, o->data->x, gu);
  flip(o, gu, gu);
}

void apply_g_transposed(const operators *o, const double *s, double *out) {
  flip(o, s, o->t);
  product(false, false, o->blocks, o->data->d, o->data->n, o->t, o->data->x, out);
}

void apply_r(const operators *o, const double *u, double *ru) {
  product(true, false, o->data->n, o->data->d, o->set->p, o->set->mask, differences(o, u), ru);
}

void apply_r_transposed(const operators *o, const double *m, double *out) {
  product(false, false, o->set->p, o->data->d, o->data->n, o->set->mask, m, out);
  negate_second_half(o, out);
}

void gram_block(const operators *o, int64_t i, int64_t j, double *scratch, double *out) {
  const design *a = o->data;
  const double *di = mask_of(o, i), *dj = mask_of(o, j);
  for (int64_t k = 0; k < a->n; k++)
    for (int64_t c = 0; c < a->d; c++) scratch[k * a->d + c] = di[k] * dj[k] * a->x[k * a->d + c];
  product(true, false, a->d, a->d, a->n, scratch, a->x, out);
}

double infeasibility(const operators *o, const double *u) {
  double worst = 0;
  product(false, true, o->blocks, o->data->n, o->data->d, u, o->data->x, o->t);
  flip(o, o->t, o->t);
  for (int64_t i = 0; i < o->blocks * o->data->n; i++) worst = fmax(worst, -o->t[i]);
  return worst;
}
