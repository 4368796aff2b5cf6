/* MINRES (Paige & Saunders 1975) for symmetric, possibly indefinite or singular A, with a definite
 * preconditioner M. */
#include "linear/krylov.h"

/* Lanczos process in the inner product of M^-1: beta_{k+1} z_{k+1} = A v_k - alpha_k z_k - beta_k z_{k-1},
 * v = M^-1 z, v'z = 1, and the QR factorization of its tridiagonal matrix by reflections (c, s). */
typedef struct lanczos {
  double *z_before, *z, *v, *product, *w_before, *w, *w_new; /* z is beta-scaled, v = M^-1 z */
  double beta, beta_before, alpha;
  double c, s, delta_bar, epsilon, phi_bar; /* the last reflection and what it left for the next column */
  double norm2;                             /* |T|_F^2 so far, stands for |A|^2 */
  /* The correction with the smallest slope |A r| / |A| |r| of a plateau, see `watch`. */
  double *best, best_slope, best_phi;
  int64_t waited;
} lanczos;

static void rotate3(double **a, double **b, double **c) {
  double *first = *a;
  *a = *b, *b = *c, *c = first;
}

static krylov_end start(krylov *k, lanczos *l) {
  double **v = k->v;
  *l = (lanczos){.z_before = v[0],
                 .z = v[1],
                 .v = v[2],
                 .product = v[3],
                 .w_before = v[4],
                 .w = v[5],
                 .w_new = v[6],
                 .best = v[7],
                 .c = -1,
                 .best_slope = INFINITY};
  vec_zero(k->cols, l->z_before);
  vec_zero(k->cols, l->w_before);
  vec_zero(k->cols, l->w);
  vec_copy(k->cols, k->r, l->z);
  if (!krylov_precondition(k, l->z, l->v)) return KRYLOV_OPERATOR;
  const double beta2 = vec_dot(k->cols, l->z, l->v);
  if (!(beta2 > 0) || !isfinite(beta2)) return KRYLOV_BREAKDOWN;
  l->phi_bar = l->beta = sqrt(beta2);
  vec_scale(k->cols, 1 / l->beta, l->z);
  vec_scale(k->cols, 1 / l->beta, l->v);
  return KRYLOV_MET;
}

/* One Lanczos step: alpha_k, beta_{k+1} and the next z. The new v waits in `product` (unscaled) until w used
 * the old. */
static krylov_end extend(krylov *k, lanczos *l, int64_t step) {
  const int64_t n = k->cols;
  if (!krylov_apply(k, l->v, l->product)) return KRYLOV_OPERATOR;
  if (step) vec_axpy(n, -l->beta, l->z_before, l->product);
  l->alpha = vec_dot(n, l->v, l->product);
  vec_axpy(n, -l->alpha, l->z, l->product);
  rotate3(&l->z_before, &l->z, &l->product);
  l->beta_before = l->beta;
  if (!krylov_precondition(k, l->z, l->product)) return KRYLOV_OPERATOR;
  const double beta2 = vec_dot(n, l->z, l->product);
  if (!(beta2 >= 0) || !isfinite(beta2) || !isfinite(l->alpha)) return KRYLOV_BREAKDOWN;
  l->beta = sqrt(beta2);
  if (l->beta > 0) {
    vec_scale(n, 1 / l->beta, l->z);
    vec_scale(n, 1 / l->beta, l->product);
  }
  l->norm2 += l->alpha * l->alpha + l->beta * l->beta + (step ? l->beta_before * l->beta_before : 0);
  return KRYLOV_MET;
}

/* A system without solution ends at a least-squares solution, A r = 0. In floating point the slope then only
 * comes close to zero and later d runs away along the null space (Choi, Paige & Saunders 2011), so keep the d
 * of the smallest slope and stop when the residual has left it behind by less than a tenth for long. A
 * solvable ill-conditioned system also meets small slopes, but its residual goes on falling. */
static krylov_end watch(krylov *k, lanczos *l, double slope) {
  const int64_t patience = k->cols < 20 ? 20 : k->cols < 1000 ? k->cols : 1000;
  if (l->phi_bar < 0.9 * l->best_phi) l->best_slope = INFINITY;
  if (slope <= sqrt(DBL_EPSILON) && slope < l->best_slope) {
    vec_copy(k->cols, k->d, l->best);
    l->best_slope = slope;
    l->best_phi = l->phi_bar;
    l->waited = 0;
  } else if (l->best_slope < INFINITY) {
    l->waited++;
  }
  return l->best_slope <= 4 * DBL_EPSILON || l->waited > patience ? KRYLOV_STALLED : KRYLOV_MET;
}

/* Reflects column k of T onto R = (epsilon, delta, gamma); d += phi w, w = (v - epsilon w_{k-2} - delta
 * w_{k-1}) / gamma. */
static krylov_end advance(krylov *k, lanczos *l) {
  const int64_t n = k->cols;
  const double epsilon = l->epsilon, delta = l->c * l->delta_bar + l->s * l->alpha;
  const double gamma_bar = l->s * l->delta_bar - l->c * l->alpha, gamma = hypot(gamma_bar, l->beta);
  l->epsilon = l->s * l->beta;
  l->delta_bar = -l->c * l->beta;
  /* |A r_{k-1}| = phi_bar |(gamma_bar, delta_bar)| */
  const krylov_end end = watch(k, l, hypot(gamma_bar, l->delta_bar) / sqrt(l->norm2));
  if (end != KRYLOV_MET || !(gamma > 0)) return KRYLOV_STALLED;
  l->c = gamma_bar / gamma;
  l->s = l->beta / gamma;
  const double phi = l->c * l->phi_bar;
  l->phi_bar *= l->s;
  for (int64_t i = 0; i < n; i++)
    l->w_new[i] = (l->v[i] - epsilon * l->w_before[i] - delta * l->w[i]) / gamma;
  rotate3(&l->w_before, &l->w, &l->w_new);
  vec_axpy(n, phi, l->w, k->d);
  double *v = l->v;
  l->v = l->product, l->product = v;
  return triangle_push(&k->coefficients, (double[]){epsilon, delta, gamma}) ? KRYLOV_MET : KRYLOV_MEMORY;
}

/* |r_k| in the 2-norm; phi_bar is it in the norm of M^-1. r_k = s^2 r_{k-1} - c phi_bar z_{k+1}. */
static double residual_norm(krylov *k, const lanczos *l) {
  if (!k->preconditioned) return l->phi_bar;
  for (int64_t i = 0; i < k->cols; i++) k->r[i] = l->s * l->s * k->r[i] - l->c * l->phi_bar * l->z[i];
  return vec_norm(k->cols, k->r);
}

static krylov_end iterate(krylov *k, lanczos *l) {
  for (int64_t step = 0;; step++) {
    if (!krylov_step(k)) return KRYLOV_LIMIT;
    krylov_end end = extend(k, l, step);
    if (end == KRYLOV_MET) end = advance(k, l);
    if (end != KRYLOV_MET) return end;
    if (residual_norm(k, l) <= k->target) return KRYLOV_MET;
  }
}

static krylov_end sweep(krylov *k) {
  lanczos l;
  krylov_end end = start(k, &l);
  if (end == KRYLOV_MET) end = iterate(k, &l);
  if ((end == KRYLOV_STALLED || end == KRYLOV_LIMIT) && l.best_slope < INFINITY)
    vec_copy(k->cols, l.best, k->d);
  return end;
}

tw_status tw_minres(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                    tw_linear_result *result, tw_error *error) {
  static const krylov_method method = {.name = "tw_minres",
                                       .sweep = sweep,
                                       .col_vectors = 8,
                                       .width = 3,
                                       .symmetric = true,
                                       .precondition = true};
  return krylov_solve(&method, NULL, a, b, x, options, result, error);
}
