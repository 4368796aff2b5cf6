#include "cones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

tw_status shrinkage_open(compiled *m, int64_t rows, int64_t cols, tw_error *error) {
  const tw_status status = compiled_graph(m, error);
  if (status != TW_OK) return status;
  const tw_expr in[2] = {tw_input(m->graph, "x", TW_F64, TW_SHAPE(rows, cols)), tw_input(m->graph, "eta", TW_F64, TW_SCALAR)};
  const tw_expr r = tw_regularizer(m->graph, tw_regularizer_find("group_l2"), in[0], 0, NULL);
  tw_expr param[TW_REGULARIZER_PARAMS];
  const tw_regularizer_kind *kind = tw_regularizer_of(r, NULL, param);
  const tw_expr out = kind ? kind->prox(in[0], in[1], param) : TW_NONE;
  return compiled_finish(m, 2, in, 1, &out, error);
}

tw_status shrink(const compiled *m, const double *x, double eta, double *out, tw_error *error) {
  return compiled_call(m, (const void *[]){x, &eta}, (void *[]){out}, error);
}

/* ------------------------------------------------------------------ epigraphs */

tw_status epigraph_open(epigraph *e, int64_t rows, int64_t cols, double q, tw_error *error) {
  *e = (epigraph){.rows = rows, .cols = cols, .q = q};
  if (q != 1 && !isinf(q)) return TW_OK;
  e->flipped = tw_alloc((size_t)(rows * cols), sizeof(double));
  const tw_status status = compiled_graph(&e->l1, error);
  if (status != TW_OK) return status;
  if (!e->flipped) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld rows", (long long)rows);
  const tw_expr x = tw_input(e->l1.graph, "x", TW_F64, TW_SHAPE(rows, cols));
  const tw_domain set = tw_domain_make(e->l1.graph, tw_domain_find("l1_epigraph"), tw_shape_of(x), 0, NULL);
  const tw_expr p = tw_project(set, x);
  return compiled_finish(&e->l1, 1, &x, 1, &p, error);
}

void epigraph_close(epigraph *e) {
  compiled_close(&e->l1);
  free(e->flipped);
  *e = (epigraph){0};
}

double dual_exponent(double p) { return p == 1 ? INFINITY : isinf(p) ? 1 : p / (p - 1); }

double norm_of(double q, int64_t n, const double *z) {
  double largest = 0, sum = 0;
  for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(z[i]));
  if (isinf(q) || largest == 0) return largest;
  for (int64_t i = 0; i < n; i++) sum += q == 1 ? fabs(z[i]) : q == 2 ? z[i] * z[i] / (largest * largest) : pow(fabs(z[i]) / largest, q);
  return q == 1 ? sum : largest * pow(sum, 1 / q);
}

/* Second-order cone: outside it and its polar, the ray through ((|z| + t) / 2) (z / |z|, 1). */
static void project_second_order(int64_t n, const double *x, double *out) {
  const double norm = norm_of(2, n, x), t = x[n], along = 0.5 * (norm + t);
  for (int64_t i = 0; i < n; i++) out[i] = norm <= t ? x[i] : along <= 0 ? 0 : along * x[i] / norm;
  out[n] = norm <= t ? t : fmax(along, 0);
}

/* p > 0 with p + kappa p^(q-1) = a (q > 1, kappa >= 0): Newton, safeguarded by bisection on [0, a]. */
static double shrink_power(double a, double kappa, double q) {
  double low = 0, high = a, p = a / (1 + kappa * pow(a, q - 2));
  for (int i = 0; i < 80 && a > 0; i++) {
    const double power = kappa * pow(p, q - 1), f = p + power - a;
    *(f > 0 ? &high : &low) = p;
    const double next = p - f / (1 + (q - 1) * power / p), moved = next > low && next < high ? next : 0.5 * (low + high);
    if (fabs(moved - p) <= 1e-16 * a) return moved;
    p = moved;
  }
  return p;
}

/* Outside: z_i = p_i + kappa p_i^(q-1), s - t = kappa N^(q-1), s = N = |p|_q, from p + mu d|p|_q = z with kappa = mu / N^(q-1).
 * N - t - kappa N^(q-1) falls in kappa; its root by bisection in log kappa. p = 0 where |z|_p <= -t, the dual norm. */
static void project_power(double q, int64_t n, const double *x, double *out) {
  const double t = x[n], norm = norm_of(q, n, x);
  if (norm <= t) {
    memcpy(out, x, (size_t)(n + 1) * sizeof *x);
    return;
  }
  memset(out, 0, (size_t)(n + 1) * sizeof *x);
  if (norm_of(dual_exponent(q), n, x) <= -t) return;
  const double scale = pow(norm, 2 - q);
  double low = log(scale) - 80, high = log(scale) + 80;
  for (int i = 0; i < 200 && high - low > 1e-15 * (1 + fabs(low)); i++) {
    const double middle = 0.5 * (low + high), kappa = exp(middle);
    for (int64_t j = 0; j < n; j++) out[j] = shrink_power(fabs(x[j]), kappa, q);
    const double size = norm_of(q, n, out);
    *(size - t - kappa * pow(size, q - 1) > 0 ? &low : &high) = middle;
  }
  out[n] = norm_of(q, n, out);
  for (int64_t j = 0; j < n; j++) out[j] = copysign(out[j], x[j]);
}

tw_status epigraph_project(const epigraph *e, const double *x, double *out, tw_error *error) {
  const int64_t size = e->rows * e->cols;
  if (e->q == 1) return compiled_call(&e->l1, (const void *[]){x}, (void *[]){out}, error);
  if (isinf(e->q)) { /* Moreau: x minus its projection on the polar cone, minus the epigraph of the l1 norm */
    for (int64_t i = 0; i < size; i++) e->flipped[i] = -x[i];
    const tw_status status = compiled_call(&e->l1, (const void *[]){e->flipped}, (void *[]){out}, error);
    for (int64_t i = 0; i < size && status == TW_OK; i++) out[i] += x[i];
    return status;
  }
  for (int64_t r = 0; r < e->rows; r++) {
    const double *row = x + r * e->cols;
    if (e->q == 2) project_second_order(e->cols - 1, row, out + r * e->cols);
    else project_power(e->q, e->cols - 1, row, out + r * e->cols);
  }
  return TW_OK;
}
