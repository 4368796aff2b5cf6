/* al: the augmented Lagrangian of min f(x) subject to l <= c(x) <= u and x in X (bounds, a set or a
 * regularizer, which stay with the inner method). After Powell 1969, Hestenes 1969, Rockafellar 1973:
 *
 *   L_rho(x; y) = f + sum_i (v_i - y_i) (v_i + y_i) / (2 rho)
 *           v_i = rho (t_i - clip(t_i, l_i, u_i)),  t_i = c_i + y_i / rho
 *
 * grad L_rho = grad f + J'v: v are the first-order multiplier estimates, positive where an upper bound
 * presses. Equalities are l = u. Everything inside is scaled as in Ipopt (Wächter & Biegler 2006): objective
 * and rows are divided so that no gradient at the start exceeds 100. */
#ifndef TALWEG_METHOD_AL_H
#define TALWEG_METHOD_AL_H

#include "method/work.h"

typedef struct tw_al {
  tw_run *run;
  const tw_oracle *oracle;
  int64_t n, m;
  double *scalars; /* below */
  double *row;     /* m: scale of each row */
  double *y;       /* m: multipliers, scaled */
  /* At the point `x`, while TW_AL_KNOWN is set: */
  double *x, *c, *v, *gradient; /* scaled c and v; scaled grad L_rho */
  double *trial_c, *row_work, *row_more, *work;
  tw_status failure; /* of an evaluation inside the inner run: the reason why that ended */
  tw_oracle inner;   /* L_rho as an oracle for the inner run */
} tw_al;

enum { TW_AL_SIGMA /* of f */, TW_AL_RHO, TW_AL_KNOWN, TW_AL_F /* unscaled f(x) */, TW_AL_TERMS /* unscaled |J'v|_inf */, TW_AL_SCALARS };

/* The run's own tw_al, made when first asked for and released by tw_al_close. */
tw_status tw_al_open(tw_al **out, tw_run *run);
void tw_al_close(tw_run *run);
/* sigma and rows from the gradients at run->x. */
tw_status tw_al_scale(tw_al *al);
/* Makes x, c, v, gradient those of `x`. Non-finite values are left for the caller to see in TW_AL_F. */
tw_status tw_al_at(tw_al *al, const double *x);
/* sigma from the gradient at `x`, where the one at the start was larger tenfold or more: L_rho, y and rho are multiplied alike, so that the
 * minimisers stay what they are. Only after tw_al_at. */
tw_status tw_al_rescale(tw_al *al);
/* After a change of y or rho. */
void tw_al_forget(tw_al *al);
/* Scaled bounds of row i. */
static inline double tw_al_lower(const tw_al *al, int64_t i) {
  return al->row[i] * al->oracle->c_lower[i];
}
static inline double tw_al_upper(const tw_al *al, int64_t i) {
  return al->row[i] * al->oracle->c_upper[i];
}
/* Scaled constraints at x. */
tw_status tw_al_constraints(tw_al *al, const double *x, double *c);
/* jty = scaled J(x)'y; jv = scaled J(x) v. */
tw_status tw_al_vjp(tw_al *al, const double *x, const double *y, double *jty);
tw_status tw_al_jvp(tw_al *al, const double *x, const double *v, double *jv);
/* out = sigma hess f v + sum_i y_i hess c_i v with scaled c and y. */
tw_status tw_al_hvp(tw_al *al, const double *x, const double *y, const double *v, double *out);

/* What is left of the optimality conditions at x with scaled multipliers y: in the problem's own units. */
typedef struct tw_kkt {
  tw_optimality error;
  double worst_violation; /* of the scaled rows, for the penalty */
} tw_kkt;
/* gradient: scaled grad f + J'y; c: scaled. */
tw_status tw_kkt_measure(tw_al *al, const double *x, const double *gradient, const double *c, const double *y,
                         tw_kkt *kkt);

/* |x - P(x - g / sigma)|_inf with P the projection on bounds or set, or (`prox`, when offered) the prox of
 * the regularizer. */
tw_status tw_al_reduced_gradient(tw_al *al, const double *x, const double *g, double sigma, bool prox,
                                 double *norm);

/* Newton's system at x and scaled multipliers y with the active set held fixed: see kkt_newton.c. */
typedef struct tw_kkt_system {
  tw_al *al;
  const double *x, *y;
  int64_t nf, na;
  int64_t *variable, *constraint; /* the free and the active ones */
} tw_kkt_system;
/* rhs <- K^-1 rhs by a sparse factorization. Not `usable`, rhs untouched: the oracle's matrices are not sparse, or K is
 * singular. */
tw_status tw_kkt_solve_sparse(const tw_kkt_system *system, double *rhs, bool *usable);

/* One step of Newton's method on the optimality conditions with the active set held, from run->x and the
 * scaled multipliers y. `moved` when the error fell at least to half; then run->x, al->y, f, dual and
 * optimality are up to date. */
tw_status tw_kkt_newton(tw_al *al, const double *y, bool *moved);

#endif
