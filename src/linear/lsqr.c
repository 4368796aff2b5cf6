/* LSQR (Paige & Saunders 1982): min |A x - b| through the Golub-Kahan bidiagonalisation. A preconditioner M,
 * which approximates A'A (+ damp^2 I), changes the inner product of the right vectors (Arioli & Orban 2017,
 * chapter 4). */
#include "linear/krylov.h"

/* beta_{k+1} u_{k+1} = A v_k - alpha_k u_k, alpha_{k+1} p_{k+1} = A'u_{k+1} - beta_{k+1} p_k, v = M^-1 p, p'v
 * = 1. */
typedef struct bidiagonal {
  double *u, *u_new, *p, *p_new, *v; /* v is p without preconditioner */
  double alpha, beta;
  double norm2; /* |B|_F^2 so far, stands for |A|^2 */
} bidiagonal;

static void exchange(double **a, double **b) {
  double *first = *a;
  *a = *b, *b = first;
}

/* The new p from u, with alpha; p_new is scratch. */
static krylov_end extend_right(krylov *k, bidiagonal *g, bool first) {
  const int64_t n = k->cols;
  if (!krylov_apply_transpose(k, g->u, g->p_new)) return KRYLOV_OPERATOR;
  if (!first) vec_axpy(n, -g->beta, g->p, g->p_new);
  exchange(&g->p, &g->p_new);
  if (k->preconditioned && !krylov_precondition(k, g->p, g->v)) return KRYLOV_OPERATOR;
  if (!k->preconditioned) g->v = g->p;
  const double alpha2 = vec_dot(n, g->p, g->v);
  if (!(alpha2 >= 0) || !isfinite(alpha2)) return KRYLOV_BREAKDOWN;
  g->alpha = sqrt(alpha2);
  if (g->alpha > 0) {
    vec_scale(n, 1 / g->alpha, g->p);
    if (k->preconditioned) vec_scale(n, 1 / g->alpha, g->v);
  }
  return KRYLOV_MET;
}

static krylov_end extend_left(krylov *k, bidiagonal *g) {
  if (!krylov_apply(k, g->v, g->u_new)) return KRYLOV_OPERATOR;
  vec_axpy(k->rows, -g->alpha, g->u, g->u_new);
  exchange(&g->u, &g->u_new);
  g->beta = vec_norm(k->rows, g->u);
  if (!isfinite(g->beta)) return KRYLOV_BREAKDOWN;
  if (g->beta > 0) vec_scale(k->rows, 1 / g->beta, g->u);
  g->norm2 += g->alpha * g->alpha + g->beta * g->beta;
  return KRYLOV_MET;
}

/* Rotates B to R = (rho on the diagonal, theta above it); d += (phi / rho) w, w = v - (theta / rho) w. */
static krylov_end sweep(krylov *k) {
  const int64_t n = k->cols;
  double *w = k->v[3];
  bidiagonal g = {.u = k->r, .u_new = k->u[0], .p = k->v[0], .p_new = k->v[1], .v = k->v[2]};
  krylov_end end = extend_right(k, &g, true);
  if (end != KRYLOV_MET) return end;
  vec_copy(n, g.v, w);
  double rho_bar = g.alpha, phi_bar = 1, theta = 0;
  while (g.alpha > 0) {
    if (!krylov_step(k)) return KRYLOV_LIMIT;
    if ((end = extend_left(k, &g)) != KRYLOV_MET) return end;
    const double rho = hypot(rho_bar, g.beta), c = rho_bar / rho, s = g.beta / rho, theta_before = theta;
    if (!(rho > 0)) return KRYLOV_STALLED;
    if ((end = extend_right(k, &g, false)) != KRYLOV_MET) return end;
    vec_axpy(n, c * phi_bar / rho, w, k->d);
    theta = s * g.alpha;
    rho_bar = -c * g.alpha;
    phi_bar *= s;
    vec_xpby(n, g.v, -theta / rho, w);
    if (!triangle_push(&k->coefficients, (double[]){theta_before, rho})) return KRYLOV_MEMORY;
    /* A'r = -phi_bar alpha c p, of which p has length 1 only without preconditioner. */
    const double slope = g.alpha * fabs(c), length = k->preconditioned ? vec_norm(n, g.p) : 1;
    if (phi_bar * slope * length <= k->target) return KRYLOV_MET;
    if (slope <= DBL_EPSILON * sqrt(g.norm2)) return KRYLOV_STALLED;
  }
  return KRYLOV_MET;
}

tw_status tw_lsqr(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                  tw_linear_result *result, tw_error *error) {
  static const krylov_method method = {.name = "tw_lsqr",
                                       .sweep = sweep,
                                       .row_vectors = 1,
                                       .col_vectors = 4,
                                       .width = 2,
                                       .least_squares = true,
                                       .precondition = true};
  return krylov_solve(&method, NULL, a, b, x, options, result, error);
}
