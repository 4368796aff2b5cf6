/* Anderson acceleration of the splitting, type I (Zhang, O'Donoghue & Boyd, 2020): every HSDE_AA_EVERY iterations, with S and Y the
 * last differences of points w and of f = w - G(w),
 *
 *   w+ = G(w) - (S - Y) gamma,   (S'Y + eps |S'Y| I) gamma = S'f.
 *
 * Safeguard: where |f| at w+ comes out larger than it was, the plain G(w) takes its place and the history is dropped. */
#include "method/program/hsde.h"

#include <lapacke.h>

static const double REGULARIZATION = 1e-8, GROWTH = 2, WEIGHT_MOST = 1e8;

void hsde_forget(tw_hsde *h) {
  h->state[HSDE_AA_COUNT] = 0;
  h->state[HSDE_AA_TRIED] = 0;
  h->state[HSDE_AA_NORM] = INFINITY;
}

/* The columns of S and Y hold points and values; the newest difference takes the oldest one's place. */
static void remember(tw_hsde *h, const double *w, const double *f) {
  const int64_t size = h->size, count = (int64_t)h->state[HSDE_AA_COUNT];
  if (count > 0) {
    const int64_t column = (count - 1) % HSDE_MEMORY;
    vec_sub(size, w, h->aa_last_w, h->aa_w + column * size);
    vec_sub(size, f, h->aa_last_f, h->aa_f + column * size);
  }
  vec_copy(size, w, h->aa_last_w);
  vec_copy(size, f, h->aa_last_f);
  h->state[HSDE_AA_COUNT]++;
}

/* gamma [k]; false when the system is singular or its solution is wild. */
static bool solve_weights(const tw_hsde *h, int k, const double *f, double *gamma) {
  double matrix[HSDE_MEMORY * HSDE_MEMORY], size = 0, norm = 0;
  lapack_int pivot[HSDE_MEMORY];
  for (int j = 0; j < k; j++)
    for (int i = 0; i < k; i++) {
      matrix[j * k + i] = vec_dot(h->size, h->aa_w + i * h->size, h->aa_f + j * h->size);
      size += matrix[j * k + i] * matrix[j * k + i];
    }
  for (int i = 0; i < k; i++) matrix[i * k + i] += REGULARIZATION * sqrt(size);
  for (int i = 0; i < k; i++) gamma[i] = vec_dot(h->size, h->aa_w + i * h->size, f);
  if (LAPACKE_dgesv(LAPACK_COL_MAJOR, k, 1, matrix, k, pivot, gamma, k) != 0) return false;
  for (int i = 0; i < k; i++) norm += gamma[i] * gamma[i];
  return isfinite(norm) && norm < WEIGHT_MOST * WEIGHT_MOST;
}

/* w holds G(w_before); f = w_before - G(w_before) = -alpha (u - u~). */
tw_status hsde_accelerate(tw_hsde *h) {
  const int64_t size = h->size;
  double *f = h->work, *before = h->work + size;
  for (int64_t i = 0; i < size; i++) f[i] = -HSDE_ALPHA * (h->u[i] - h->tilde[i]), before[i] = h->w[i] + f[i];
  const double norm = vec_norm(size, f);
  if (h->state[HSDE_AA_TRIED] != 0 && !(norm <= GROWTH * h->state[HSDE_AA_NORM])) {
    vec_copy(size, h->aa_plain, h->w);
    hsde_forget(h);
    return TW_OK;
  }
  h->state[HSDE_AA_TRIED] = 0;
  if (h->run->iteration % HSDE_AA_EVERY != 0) return TW_OK;
  remember(h, before, f);
  const int64_t columns = (int64_t)h->state[HSDE_AA_COUNT] - 1;
  const int k = columns < HSDE_MEMORY ? (int)columns : HSDE_MEMORY;
  double gamma[HSDE_MEMORY];
  if (k < 1 || !solve_weights(h, k, f, gamma)) return TW_OK;
  vec_copy(size, h->w, h->aa_plain);
  for (int j = 0; j < k; j++)
    for (int64_t i = 0; i < size; i++) h->w[i] -= gamma[j] * (h->aa_w[j * size + i] - h->aa_f[j * size + i]);
  h->state[HSDE_AA_NORM] = norm;
  h->state[HSDE_AA_TRIED] = 1;
  return TW_OK;
}
