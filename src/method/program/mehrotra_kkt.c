/* The linear systems of mehrotra:
 *
 *   [ P + D   A' ] [dx]   [a]
 *   [ A      -E  ] [dy] = [b]
 *
 * factored with D + delta and E + delta, which makes LDL' exist for every order (Vanderbei 1995), and refined towards the system
 * without delta: each step is one of the proximal method of multipliers, so that dependent rows and free directions do no harm. */
#include "method/program/mehrotra.h"

static const double SHIFT_FIRST = 1e-9, SHIFT_MOST = 1e-5, SHIFT_LDL = 1e-8, SHIFT_PIVOTED = 1e-16, SHIFT_UP = 10;
static const double INACCURATE = 1e-8; /* relative residual after which factorizations pivot */
enum { REFINE_MOST = 12 };

static tw_status factor_shifted(tw_mehrotra *s, double delta, const bool *no_variable, const bool *no_row, bool *right, tw_error *error) {
  for (int64_t j = 0; j < s->n; j++) s->shifted[j] = s->diagonal[j] + delta;
  for (int64_t i = 0; i < s->m; i++) s->e_shifted[i] = s->e[i] + delta;
  int64_t negative;
  TW_TRY(tw_kkt_factor(&s->kkt, s->qp->p.value, s->qp->a.value, s->shifted, s->e_shifted, no_variable, no_row, &negative, error));
  *right = negative == s->m;
  return TW_OK;
}

static void start_pivoting(tw_mehrotra *s) {
  s->number[MEHROTRA_PIVOTED] = 1;
  s->number[MEHROTRA_SHIFT] = SHIFT_PIVOTED;
}

tw_status mehrotra_factor(tw_mehrotra *s, const bool *no_variable, const bool *no_row, tw_error *error) {
  double *delta = &s->number[MEHROTRA_SHIFT];
  if (*delta == 0) *delta = SHIFT_FIRST;
  for (;;) {
    const bool pivoted = s->number[MEHROTRA_PIVOTED] != 0;
    bool right;
    tw_kkt_set_kind(&s->kkt, pivoted ? TW_FACTOR_INDEFINITE : TW_FACTOR_LDLT);
    TW_TRY(factor_shifted(s, *delta, no_variable, no_row, &right, error));
    if (right) return TW_OK;
    *delta *= SHIFT_UP;
    if (*delta <= (pivoted ? SHIFT_MOST : SHIFT_LDL)) continue;
    if (pivoted)
      return tw_fail(error, TW_ERR_NUMERIC, "mehrotra: the optimality system has the wrong inertia: is the program convex?");
    start_pivoting(s);
  }
}

/* res = rhs - K sol, for K without the shift; entries that are masked out: 0. */
static void residual(tw_mehrotra *s, const bool *no_variable, const bool *no_row) {
  const int64_t n = s->n, m = s->m;
  double *dx = s->sol, *dy = s->sol + n, *ra = s->res, *rb = s->res + n;
  vec_copy(n + m, s->rhs, s->res);
  tw_qp_add_p(s->qp, -1, dx, ra);
  tw_qp_add_at(s->qp, -1, dy, ra);
  tw_qp_add_a(s->qp, -1, dx, rb);
  for (int64_t j = 0; j < n; j++) ra[j] = no_variable && no_variable[j] ? 0 : ra[j] - s->diagonal[j] * dx[j];
  for (int64_t i = 0; i < m; i++) rb[i] = no_row && no_row[i] ? 0 : rb[i] + s->e[i] * dy[i];
}

/* Largest entry, each relative to its diagonal: about its share of the error of the solution. */
static double weighted(const tw_mehrotra *s, const double *r) {
  double most = 0;
  for (int64_t j = 0; j < s->n; j++) most = fmax(most, fabs(r[j]) / (1 + s->diagonal[j]));
  for (int64_t i = 0; i < s->m; i++) most = fmax(most, fabs(r[s->n + i]) / (1 + s->e[i]));
  return most;
}

tw_status mehrotra_solve(tw_mehrotra *s, const bool *no_variable, const bool *no_row, double *left, tw_error *error) {
  const int64_t order = s->n + s->m;
  const double size = weighted(s, s->rhs);
  double best = INFINITY, before = INFINITY;
  *left = 0;
  vec_zero(order, s->sol);
  vec_zero(order, s->best);
  if (size == 0) return TW_OK;
  if (!isfinite(size)) return tw_fail(error, TW_ERR_NUMERIC, "mehrotra: the right side of the optimality system is not finite");
  vec_copy(order, s->rhs, s->res);
  for (int step = 0; step < REFINE_MOST; step++) {
    TW_TRY(tw_kkt_solve(&s->kkt, s->res, error));
    vec_axpy(order, 1, s->res, s->sol);
    residual(s, no_variable, no_row);
    const double now = weighted(s, s->res);
    if (!isfinite(now)) break;
    if (now < best) best = now, vec_copy(order, s->sol, s->best);
    if (now <= 1e-14 * size || now > 0.7 * before) break;
    before = now;
  }
  vec_copy(order, s->best, s->sol);
  *left = best / size;
  if (*left > INACCURATE && s->number[MEHROTRA_PIVOTED] == 0) start_pivoting(s);
  return isfinite(best) ? TW_OK : tw_fail(error, TW_ERR_NUMERIC, "mehrotra: the optimality system cannot be solved");
}
