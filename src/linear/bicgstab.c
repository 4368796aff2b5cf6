/* BiCGSTAB (van der Vorst 1992), right preconditioned, for general A without its transpose. */
#include "linear/krylov.h"

/* |x'y| this small against |x| |y| counts as orthogonal. */
static bool orthogonal(double product, double x, double y) {
  return !(fabs(product) > DBL_EPSILON * x * y);
}

/* The shadow residual: r itself, then, after a breakdown at the first step, pseudo-random ones. */
static void choose_shadow(const krylov *k, int attempt, double *shadow) {
  if (attempt == 0)
    vec_copy(k->cols, k->r, shadow);
  else
    tw_random_normal_fill((uint64_t)attempt, 0, (size_t)k->cols, shadow);
}

/* omega minimises |s - omega t|, but is kept away from zero when s and t are nearly orthogonal, where the
 * recurrence loses its accuracy (Sleijpen & van der Vorst 1995: |cos| at least 0.7). */
static double stabilise(double ts, double s, double t) {
  const double cosine = ts / (s * t);
  return fabs(cosine) >= 0.7 ? cosine * s / t : copysign(0.7, ts) * s / t;
}

/* p = r + beta (p - omega v), v = A M^-1 p, s = r - alpha v, t = A M^-1 s, r = s - omega t. One iteration
 * applies A twice. */
static krylov_end iterate(krylov *k, const double *shadow, int64_t *done) {
  const int64_t n = k->cols;
  double *r = k->r, *p = k->v[1], *v = k->v[2], *t = k->v[3], *z = k->v[4];
  const double shadow_norm = vec_norm(n, shadow);
  double rho = 1, alpha = 1, omega = 1;
  vec_zero(n, p);
  vec_zero(n, v);
  for (*done = 0;; ++*done) {
    const double rho_new = vec_dot(n, shadow, r);
    if (orthogonal(rho_new, shadow_norm, vec_norm(n, r))) return KRYLOV_BREAKDOWN;
    if (!krylov_step(k)) return KRYLOV_LIMIT;
    vec_axpy(n, -omega, v, p);
    vec_xpby(n, r, (rho_new / rho) * (alpha / omega), p);
    rho = rho_new;
    if (!krylov_precondition(k, p, z) || !krylov_apply(k, z, v)) return KRYLOV_OPERATOR;
    const double sigma = vec_dot(n, shadow, v);
    if (orthogonal(sigma, shadow_norm, vec_norm(n, v))) return KRYLOV_BREAKDOWN;
    alpha = rho / sigma;
    if (!isfinite(alpha)) return KRYLOV_BREAKDOWN;
    vec_axpy(n, alpha, z, k->d);
    vec_axpy(n, -alpha, v, r);
    const double s_norm = vec_norm(n, r);
    if (s_norm <= k->target) return KRYLOV_MET;
    if (!krylov_precondition(k, r, z) || !krylov_apply(k, z, t)) return KRYLOV_OPERATOR;
    omega = stabilise(vec_dot(n, t, r), s_norm, vec_norm(n, t));
    if (!isfinite(omega) || omega == 0) return KRYLOV_BREAKDOWN;
    vec_axpy(n, omega, z, k->d);
    vec_axpy(n, -omega, t, r);
    if (vec_norm(n, r) <= k->target) return KRYLOV_MET;
  }
}

static krylov_end sweep(krylov *k) {
  enum { ATTEMPTS = 3 };
  int64_t done = 0;
  krylov_end end = KRYLOV_BREAKDOWN;
  for (int attempt = 0; attempt < ATTEMPTS && end == KRYLOV_BREAKDOWN && done == 0; attempt++) {
    choose_shadow(k, attempt, k->v[0]);
    end = iterate(k, k->v[0], &done);
  }
  return end;
}

tw_status tw_bicgstab(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                      tw_linear_result *result, tw_error *error) {
  static const krylov_method method = {
      .name = "tw_bicgstab", .sweep = sweep, .col_vectors = 5, .keep_best = true, .precondition = true};
  return krylov_solve(&method, NULL, a, b, x, options, result, error);
}
