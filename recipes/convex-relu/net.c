#include "net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

tw_status net_new(net *f, int64_t m, int64_t d, tw_error *error) {
  *f = (net){.m = m, .d = d, .u = tw_alloc((size_t)m, (size_t)d * sizeof *f->u), .alpha = tw_alloc((size_t)m, sizeof *f->alpha)};
  if (f->u && f->alpha) return TW_OK;
  net_free(f);
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld neurons", (long long)m);
}

void net_free(net *f) {
  free(f->u);
  free(f->alpha);
  *f = (net){0};
}

/* Neuron j of direction v and outer weight `sign` |v| split evenly: |u| = |alpha| = sqrt|v|. */
static void set_neuron(net *f, int64_t j, const double *v, double norm, double sign) {
  for (int64_t i = 0; i < f->d; i++) f->u[j * f->d + i] = v[i] / sqrt(norm);
  f->alpha[j] = sign * sqrt(norm);
}

tw_status net_recover(net *f, int64_t p, int64_t d, const double *blocks, tw_error *error) {
  int64_t m = 0;
  for (int64_t b = 0; b < 2 * p; b++) m += tw_vec_norm2(blocks + b * d, (size_t)d) > 0;
  const tw_status status = net_new(f, m, d, error);
  m = 0;
  for (int64_t b = 0; b < 2 * p && status == TW_OK; b++) {
    const double norm = tw_vec_norm2(blocks + b * d, (size_t)d);
    if (norm > 0) set_neuron(f, m++, blocks + b * d, norm, b < p ? 1 : -1);
  }
  return status;
}

tw_status net_from_weights(net *f, int64_t m, int64_t d, const double *u, const double *w, tw_error *error) {
  int64_t kept = 0;
  for (int64_t i = 0; i < m; i++) kept += w[i] != 0;
  const tw_status status = net_new(f, kept, d, error);
  kept = 0;
  for (int64_t i = 0; i < m && status == TW_OK; i++) {
    if (w[i] == 0) continue;
    const double root = sqrt(fabs(w[i]));
    for (int64_t j = 0; j < d; j++) f->u[kept * d + j] = root * u[i * d + j];
    f->alpha[kept++] = w[i] > 0 ? root : -root;
  }
  return status;
}

void net_predict(const net *f, int64_t n, const double *x, double *z) {
  for (int64_t k = 0; k < n; k++) {
    double sum = 0;
    for (int64_t j = 0; j < f->m; j++) sum += fmax(dot(f->d, x + k * f->d, f->u + j * f->d), 0) * f->alpha[j];
    z[k] = sum;
  }
}

tw_status net_objective(const net *f, const design *data, loss_kind loss, double beta, double *objective, tw_error *error) {
  double *z = tw_alloc((size_t)data->n, sizeof *z);
  if (!z) return tw_fail(error, TW_ERR_MEMORY, "out of memory for predictions");
  net_predict(f, data->n, data->x, z);
  *objective = loss_value(loss, data->n, data->y, z, NULL) + 0.5 * beta * (dot(f->m * f->d, f->u, f->u) + dot(f->m, f->alpha, f->alpha));
  free(z);
  return TW_OK;
}

double accuracy(int64_t n, const double *y, const double *z) {
  int64_t right = 0;
  for (int64_t k = 0; k < n; k++) right += y[k] * z[k] > 0;
  return (double)right / (double)n;
}

tw_status net_certify(const net *f, int64_t n, const double *x, const double *y, int64_t features, double eps, double p, double *margin,
                      tw_error *error) {
  const double q = dual_exponent(p);
  double *slope = tw_alloc((size_t)(f->d + f->m), sizeof *slope), *reach = slope + f->d;
  if (!slope) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a certificate");
  for (int64_t j = 0; j < f->m; j++) reach[j] = eps * norm_of(q, features, f->u + j * f->d);
  for (int64_t k = 0; k < n; k++) {
    double value = 0, slack = 0;
    memset(slope, 0, (size_t)f->d * sizeof *slope);
    for (int64_t j = 0; j < f->m; j++) {
      const double a = dot(f->d, x + k * f->d, f->u + j * f->d);
      if (y[k] * f->alpha[j] < 0) slack += fabs(f->alpha[j]) * fmax(reach[j] - fabs(a), 0);
      if (a < 0) continue;
      value += a * f->alpha[j];
      for (int64_t i = 0; i < features; i++) slope[i] += f->alpha[j] * f->u[j * f->d + i];
    }
    margin[k] = y[k] * value - eps * norm_of(q, features, slope) - slack;
  }
  free(slope);
  return TW_OK;
}
