#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* sum_b |u_b|, the number of blocks that are not 0, and the largest of eps |u_b,J|_q - (G u)_bk. */
static void evaluate_blocks(const program *a, const operators *o, const double *u, double *norms, program_value *value) {
  const int64_t n = a->data->n, d = a->data->d;
  *norms = 0;
  apply_g(o, u, o->t);
  for (int64_t b = 0; b < o->blocks; b++) {
    const double *block = u + b * d, norm = sqrt(dot(d, block, block));
    const double margin = a->eps > 0 ? a->eps * norm_of(dual_exponent(a->p), a->data->features, block) : 0;
    *norms += norm;
    value->blocks += norm > 0;
    for (int64_t k = 0; k < n; k++) value->infeasibility = fmax(value->infeasibility, margin - o->t[b * n + k]);
  }
}

tw_status program_evaluate(const program *a, const operators *o, const double *u, program_value *value, double *z, double *b,
                           tw_error *error) {
  const int64_t n = a->data->n, d = a->data->d;
  double *room = tw_alloc((size_t)(n * d + 2 * n), sizeof *room), *r = room + 2 * n, norms;
  if (!room) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld rows", (long long)n);
  *value = (program_value){0};
  double *zs = z ? z : room, *bs = b ? b : room + n;
  apply_r(o, u, r);
  for (int64_t k = 0; k < n; k++) {
    zs[k] = dot(d, a->data->x + k * d, r + k * d);
    bs[k] = a->eps > 0 ? a->eps * norm_of(dual_exponent(a->p), a->data->features, r + k * d) : 0;
  }
  value->loss = loss_value(a->loss, n, a->data->y, zs, bs);
  evaluate_blocks(a, o, u, &norms, value);
  value->objective = value->loss + a->beta * norms;
  free(room);
  return TW_OK;
}

/* ------------------------------------------------------------------ the dual */

/* Shrinks x to norm at most `most`. */
static void fit(double p, int64_t n, double most, double *x) {
  const double norm = norm_of(p, n, x), factor = norm > most ? fmax(most, 0) / norm : 1;
  for (int64_t i = 0; i < n; i++) x[i] *= factor;
}

/* Makes pi and psi fit, writes to m (n x d) the rows theta_k x_k + pi_k, and says by how much the squared loss pays for pi:
 * omega_k = max(|theta_k|, |pi_k|_p / eps) and -omega_k^2 / 2 in place of -theta_k^2 / 2. */
static double robust_rows(const program *a, const multipliers *v, double *m) {
  const int64_t n = a->data->n, d = a->data->d, f = a->data->features;
  double paid = 0;
  for (int64_t k = 0; k < n; k++) {
    const double theta = v->theta[k];
    for (int64_t j = 0; j < d; j++) m[k * d + j] = theta * a->data->x[k * d + j];
    if (!v->pi) continue;
    if (a->loss != LOSS_SQUARED) fit(a->p, f, a->eps * a->data->y[k] * theta, v->pi + k * f);
    const double omega = fmax(fabs(theta), norm_of(a->p, f, v->pi + k * f) / a->eps);
    if (a->loss == LOSS_SQUARED) paid += 0.5 * (omega * omega - theta * theta);
    for (int64_t j = 0; j < f; j++) m[k * d + j] += v->pi[k * f + j];
  }
  return paid;
}

/* The largest |F'theta + R'J pi + G'kappa + psi| of all blocks; room: 4P x d. */
static double largest_block(const program *a, const operators *o, const multipliers *v, const double *m, double *room) {
  const int64_t n = a->data->n, d = a->data->d, f = a->data->features;
  double *from_g = room + o->blocks * d, largest = 0;
  for (int64_t i = 0; i < o->blocks * n; i++) v->kappa[i] = fmax(v->kappa[i], 0);
  apply_r_transposed(o, m, room);
  apply_g_transposed(o, v->kappa, from_g);
  for (int64_t b = 0; b < o->blocks; b++) {
    double total = 0, square = 0;
    for (int64_t k = 0; k < n; k++) total += v->kappa[b * n + k];
    if (v->psi) fit(a->p, f, a->eps * total, v->psi + b * f);
    for (int64_t j = 0; j < d; j++) {
      const double g = room[b * d + j] + from_g[b * d + j] + (v->psi && j < f ? v->psi[b * f + j] : 0);
      square += g * g;
    }
    largest = fmax(largest, sqrt(square));
  }
  return largest;
}

tw_status program_bound(const program *a, const operators *o, const multipliers *v, double *bound, tw_error *error) {
  const int64_t n = a->data->n, d = a->data->d;
  double *m = tw_alloc((size_t)(n * d + 2 * o->blocks * d), sizeof *m);
  if (!m) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a dual point");
  const double paid = robust_rows(a, v, m), largest = largest_block(a, o, v, m, m + n * d),
               factor = largest > a->beta ? a->beta / largest : 1;
  for (int64_t k = 0; k < n; k++) v->theta[k] *= factor;
  *bound = loss_dual(a->loss, n, a->data->y, v->theta) - factor * factor * paid;
  free(m);
  return TW_OK;
}
