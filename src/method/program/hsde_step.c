/* One iteration of the splitting, and the factorization behind it; see hsde.h.
 *
 *   u~ = (R + F)^-1 R w,   u = projection of 2 u~ - w,   w <- w + alpha (u - u~),   R diagonal */
#include "method/program/hsde.h"

#include "linear/csc.h"

static const double RHO_X = 1e-6, ZERO_CONE = 1e3, TAU_WEIGHT = 10;

/* ------------------------------------------------------------------ factorization */

/* Equations get 1000 times the weight of other rows. */
static void set_weights(tw_hsde *h) {
  const double scale = h->state[HSDE_SCALE];
  int64_t row = h->n;
  for (int64_t j = 0; j < h->n; j++) h->r[j] = RHO_X;
  for (int64_t i = 0; i < h->s.raw.cones; i++) {
    const tw_cone *cone = &h->s.raw.cone[i];
    for (int64_t k = 0; k < cone->rows; k++) h->r[row++] = cone->kind == TW_CONE_ZERO ? 1 / (ZERO_CONE * scale) : 1 / scale;
  }
  h->r[h->size - 1] = TAU_WEIGHT;
}

/* Room and pattern of the lower triangle: in column j < n the diagonal, P below it, A's column; then the diagonal -R_y. */
static tw_status lay_out(tw_hsde *h) {
  const tw_csc *p = &h->s.p, *a = &h->s.a;
  const int64_t n = h->n, m = h->m;
  TW_TRY(csc_new(&h->kkt, n + m, n + m, csc_count(p) + csc_count(a) + n + m, h->run->error));
  int64_t at = 0;
  for (int64_t j = 0; j < n; j++) {
    h->kkt.row[at++] = j;
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++)
      if (p->row[k] > j) h->kkt.row[at++] = p->row[k];
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) h->kkt.row[at++] = n + a->row[k];
    h->kkt.start[j + 1] = at;
  }
  for (int64_t i = 0; i < m; i++) {
    h->kkt.row[at++] = n + i;
    h->kkt.start[n + i + 1] = at;
  }
  return TW_OK;
}

static void fill(tw_hsde *h) {
  const tw_csc *p = &h->s.p, *a = &h->s.a;
  int64_t at = 0;
  for (int64_t j = 0; j < h->n; j++) {
    double *diagonal = &h->kkt.value[at++];
    *diagonal = h->r[j];
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      if (p->row[k] == j)
        *diagonal += p->value[k];
      else
        h->kkt.value[at++] = p->value[k];
    }
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) h->kkt.value[at++] = a->value[k];
  }
  for (int64_t i = 0; i < h->m; i++) h->kkt.value[at++] = -h->r[h->n + i];
}

static double p_product(const tw_hsde *h, const double *x, const double *z) {
  double sum = 0;
  const tw_csc *p = &h->s.p;
  for (int64_t j = 0; j < h->n; j++)
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      const int64_t i = p->row[k];
      sum += p->value[k] * (i == j ? x[i] * z[j] : x[i] * z[j] + x[j] * z[i]);
    }
  return sum;
}

static double linear_product(const tw_hsde *h, const double *z) {
  return vec_dot(h->n, h->s.c, z) + vec_dot(h->m, h->s.b, z + h->n);
}

tw_status hsde_factorize(tw_hsde *h) {
  tw_error *error = h->run->error;
  set_weights(h);
  if (!h->kkt.start) TW_TRY(lay_out(h));
  fill(h);
  TW_TRY(h->factor ? tw_factor_update(h->factor, &h->kkt, error) : tw_factor_csc(&h->factor, TW_FACTOR_LDLT, &h->kkt, error));
  vec_copy(h->n, h->s.c, h->g);
  for (int64_t i = 0; i < h->m; i++) h->g[h->n + i] = -h->s.b[i];
  TW_TRY(tw_factor_solve(h->factor, false, 1, h->g, h->g, error));
  h->g_curvature = p_product(h, h->g, h->g);
  h->g_linear = linear_product(h, h->g);
  h->factored_scale = h->state[HSDE_SCALE];
  return TW_OK;
}

/* ------------------------------------------------------------------ one step */

/* tau of u~ = (p - tau g, tau): the non-negative root of
 *   d tau^2 - d w_tau tau - x'P x - tau (c'x + b'y) = 0,   (x, y) = p - tau g,  d the weight of tau. */
static double solve_tau(const tw_hsde *h, const double *p) {
  const double d = TAU_WEIGHT, own = fmax(p_product(h, p, p), 0);
  const double a = d + h->g_linear - h->g_curvature;
  const double b = -d * h->w[h->size - 1] + 2 * p_product(h, p, h->g) - linear_product(h, p);
  const double root = sqrt(b * b + 4 * a * own);
  return b > 0 ? 2 * own / (b + root) : (root - b) / (2 * a);
}

tw_status hsde_iterate(tw_hsde *h) {
  const int64_t n = h->n, m = h->m, last = h->size - 1;
  tw_error *error = h->run->error;
  double *p = h->tilde, *v = h->work;
  for (int64_t j = 0; j < n; j++) p[j] = h->r[j] * h->w[j];
  for (int64_t i = n; i < n + m; i++) p[i] = -h->r[i] * h->w[i];
  TW_TRY(tw_factor_solve(h->factor, false, 1, p, p, error));
  const double tau = solve_tau(h, p);
  for (int64_t i = 0; i < n + m; i++) p[i] -= tau * h->g[i];
  h->tilde[last] = tau;
  for (int64_t i = 0; i <= last; i++) v[i] = 2 * h->tilde[i] - h->w[i];
  vec_copy(n, v, h->u);
  TW_TRY(tw_cone_map_at(h->map.dual, v + n, false, h->u + n, error));
  h->u[last] = fmax(v[last], 0);
  for (int64_t i = 0; i <= last; i++) h->w[i] += HSDE_ALPHA * (h->u[i] - h->tilde[i]);
  return TW_OK;
}

void hsde_normalize(tw_hsde *h) {
  const double norm = vec_norm(h->size, h->w);
  if (norm > 0) vec_scale(h->size, sqrt((double)h->size) / norm, h->w);
}

/* With w already moved by alpha (u - u~). */
void hsde_slack(const tw_hsde *h, double *s) {
  for (int64_t i = 0; i < h->m; i++) {
    const int64_t k = h->n + i;
    const double w = h->w[k] - HSDE_ALPHA * (h->u[k] - h->tilde[k]);
    s[i] = h->r[k] * (h->u[k] + w - 2 * h->tilde[k]);
  }
}

/* 2 u~ - u + s / R_y before the step. */
void hsde_set_w(tw_hsde *h, const double *slack) {
  for (int64_t i = 0; i < h->m; i++) {
    const int64_t k = h->n + i;
    h->w[k] = 2 * h->tilde[k] - h->u[k] + slack[i] / h->r[k] + HSDE_ALPHA * (h->u[k] - h->tilde[k]);
  }
}
