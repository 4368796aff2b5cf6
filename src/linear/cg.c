/* Preconditioned conjugate gradients (Hestenes & Stiefel 1952; preconditioned as in Concus, Golub & O'Leary
 * 1976). */
#include "linear/krylov.h"

/* The coefficients are those of the Lanczos matrix T = R'R of M^-1 A (Golub & Van Loan 2013, section 11.3):
 * R[k][k] = 1 / sqrt(alpha_k), R[k-1][k] = sqrt(beta_{k-1} / alpha_{k-1}). */
static bool record(krylov *k, double alpha, double beta, double alpha_before) {
  return triangle_push(&k->coefficients,
                       (double[]){beta > 0 ? sqrt(beta / alpha_before) : 0, 1 / sqrt(alpha)});
}

/* p = z + beta p, z = M^-1 r; alpha = r'z / p'Ap; beta = r+'z+ / r'z. */
static krylov_end sweep(krylov *k) {
  const int64_t n = k->cols;
  double *r = k->r, *p = k->v[0], *q = k->v[1], *z = k->preconditioned ? k->v[2] : r;
  double rz = 0, alpha = 0;
  for (int64_t step = 0;; step++) {
    if (!krylov_step(k)) return KRYLOV_LIMIT;
    if (z != r && !krylov_precondition(k, r, z)) return KRYLOV_OPERATOR;
    const double rz_new = vec_dot(n, r, z), beta = step ? rz_new / rz : 0;
    if (!(rz_new > 0) || !isfinite(rz_new)) return KRYLOV_BREAKDOWN; /* M is not definite */
    rz = rz_new;
    vec_xpby(n, z, beta, p);
    if (!krylov_apply(k, p, q)) return KRYLOV_OPERATOR;
    const double curvature = vec_dot(n, p, q), alpha_before = alpha;
    if (!isfinite(curvature)) return KRYLOV_BREAKDOWN;
    if (curvature <= 0) return KRYLOV_NEGATIVE;
    alpha = rz / curvature;
    if (!isfinite(alpha)) return KRYLOV_BREAKDOWN;
    vec_axpy(n, alpha, p, k->d);
    vec_axpy(n, -alpha, q, r);
    if (!record(k, alpha, beta, alpha_before)) return KRYLOV_MEMORY;
    if (vec_norm(n, r) <= k->target) return KRYLOV_MET;
  }
}

tw_status tw_cg(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                tw_linear_result *result, tw_error *error) {
  static const krylov_method method = {.name = "tw_cg",
                                       .sweep = sweep,
                                       .col_vectors = 3,
                                       .width = 2,
                                       .symmetric = true,
                                       .squared = true,
                                       .precondition = true};
  return krylov_solve(&method, NULL, a, b, x, options, result, error);
}
