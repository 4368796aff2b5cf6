/* Conjugate gradients on the normal equations A'A x = A'b without forming them (CGLS: Hestenes & Stiefel
 * 1952, section 10; Bjorck 1996, section 7.4). A preconditioner M approximates A'A (+ damp^2 I). */
#include "linear/krylov.h"

/* s = A'r, z = M^-1 s, gamma = s'z; p = z + beta p, q = A p, alpha = gamma / q'q. */
static krylov_end sweep(krylov *k) {
  const int64_t n = k->cols;
  double *r = k->r, *q = k->u[0], *s = k->v[0], *p = k->v[1], *z = k->preconditioned ? k->v[2] : s;
  double gamma = 0, alpha = 0;
  for (int64_t step = 0;; step++) {
    if (!krylov_apply_transpose(k, r, s)) return KRYLOV_OPERATOR;
    if (step && vec_norm(n, s) <= k->target) return KRYLOV_MET;
    if (!krylov_step(k)) return KRYLOV_LIMIT;
    if (z != s && !krylov_precondition(k, s, z)) return KRYLOV_OPERATOR;
    const double gamma_new = vec_dot(n, s, z), beta = step ? gamma_new / gamma : 0;
    if (!(gamma_new > 0) || !isfinite(gamma_new)) return KRYLOV_BREAKDOWN;
    gamma = gamma_new;
    vec_xpby(n, z, beta, p);
    if (!krylov_apply(k, p, q)) return KRYLOV_OPERATOR;
    const double alpha_before = alpha;
    alpha = gamma / vec_dot(k->rows, q, q);
    if (!isfinite(alpha)) return KRYLOV_BREAKDOWN;
    vec_axpy(n, alpha, p, k->d);
    vec_axpy(k->rows, -alpha, q, r);
    const double column[] = {step ? sqrt(beta / alpha_before) : 0, 1 / sqrt(alpha)};
    if (!triangle_push(&k->coefficients, column)) return KRYLOV_MEMORY;
  }
}

tw_status tw_normal_cg(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                       tw_linear_result *result, tw_error *error) {
  static const krylov_method method = {.name = "tw_normal_cg",
                                       .sweep = sweep,
                                       .row_vectors = 1,
                                       .col_vectors = 3,
                                       .width = 2,
                                       .least_squares = true,
                                       .precondition = true};
  return krylov_solve(&method, NULL, a, b, x, options, result, error);
}
