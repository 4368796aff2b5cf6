/* The optimality system of a program on its active set, by one sparse factorization; see program.h. */
#include "implicit/program.h"
#include "base/try.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* y = K x on the unknowns that are in. */
static void apply(const tw_program *s, double *h, double *j, const double *x, double *y) {
  memset(y, 0, (size_t)(s->n + s->m) * sizeof *y);
  tw_csc hessian = s->hessian, jacobian = s->jacobian;
  hessian.value = h, jacobian.value = j;
  csc_add_symmetric(&hessian, 1, x, y);
  csc_add_transpose(&jacobian, 1, x + s->n, y);
  csc_add(&jacobian, 1, x, y + s->n);
  for (int64_t k = 0; k < s->n; k++)
    if (s->held[k]) y[k] = 0;
  for (int64_t i = 0; i < s->m; i++)
    if (s->out[i]) y[s->n + i] = 0;
}

static double norm(const tw_program *s, const double *v) { return tw_vec_norm2(v, (size_t)(s->n + s->m)); }

tw_status tw_program_factor(tw_program *s, const double *h, int64_t *negative, double *condition, tw_error *error) {
  for (int64_t k = 0; k < s->n; k++) s->held[k] = s->side[k] != TW_SIDE_NONE && (!h || !s->weak[k]);
  for (int64_t i = 0; i < s->m; i++) s->out[i] = s->side[s->n + i] == TW_SIDE_NONE || (h && s->weak[s->n + i]);
  s->factorizations++;
  return tw_active_factor(s, h, negative, condition, error);
}

/* The right-hand side along the present direction, and dx of held variables. Danskin's rule: df = d f + y'(dc - d limit) + z' d limit,
 * z = grad_x L on held variables. */
void tw_program_right_side(tw_program *s, double *xy, double *dx, double *df) {
  const int64_t n = s->n, m = s->m;
  memset(dx, 0, (size_t)n * sizeof *dx);
  memset(xy, 0, (size_t)(n + m) * sizeof *xy);
  *df = s->d_f;
  for (int64_t k = 0; k < n; k++) {
    if (!s->held[k]) continue;
    dx[k] = tw_program_limit(s, k);
    *df -= s->multiplier[k] * dx[k];
  }
  csc_add_symmetric(&s->hessian, -1, dx, xy);
  csc_add(&s->jacobian, -1, dx, xy + n);
  for (int64_t k = 0; k < n; k++) xy[k] = s->held[k] ? 0 : xy[k] - s->d_stationarity[k];
  for (int64_t i = 0; i < m; i++) {
    const double d = s->out[i] ? 0 : tw_program_limit(s, n + i) - s->d_rows[i];
    xy[n + i] = s->out[i] ? 0 : xy[n + i] + d;
    *df -= s->y[i] * d;
  }
}

static tw_status apply_here(void *context, const double *x, double *y) {
  const tw_program *s = context;
  apply(s, s->h, s->j, x, y);
  return TW_OK;
}

tw_status tw_program_least_norm(tw_program *s, double *dx, double *df, double *residual, tw_error *error) {
  const int64_t all = s->n + s->m;
  double *b = tw_alloc((size_t)(2 * all), sizeof *b), *xy = b ? b + all : NULL;
  if (!b) return tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  const tw_linop k = {.rows = all, .cols = all, .flags = TW_LINOP_SYMMETRIC, .apply = apply_here, .context = s};
  const tw_linear_options options = {.rtol = 1e-12, .max_iter = 4 * all + 1000};
  tw_linear_result result = {0};
  tw_program_right_side(s, b, dx, df);
  const tw_status status = tw_minres(&k, b, xy, &options, &result, error);
  *residual = result.rhs_norm > 0 ? result.residual / result.rhs_norm : 0;
  for (int64_t i = 0; i < s->n && status == TW_OK; i++)
    if (!s->held[i]) dx[i] = xy[i];
  free(b);
  return status;
}

/* The Newton step d = K^-1 F at the solution; F of held variables is their distance from the limit. */
static tw_status newton_step(tw_program *s, double *d, tw_error *error) {
  const int64_t n = s->n, m = s->m;
  double residual;
  for (int64_t k = 0; k < n; k++) d[k] = -s->multiplier[k];
  for (int64_t i = 0; i < m; i++)
    d[n + i] = s->out[i] ? 0 : s->value[n + i] - (s->side[n + i] == TW_SIDE_UPPER ? s->upper[n + i] : s->lower[n + i]);
  return tw_program_solve(s, 1, d, &residual, error);
}

/* |(K(z - d) - K(z)) u| / |K(z) u|, u along d; quadratic programs have one K. */
static tw_status bend(tw_program *s, const double *d, double *out, double *memory, tw_error *error) {
  const size_t all = (size_t)(s->n + s->m);
  double *z = memory, *here = memory + all, *there = here + all, *h = there + all, *j = h + csc_count(&s->hessian);
  const double size = norm(s, d);
  bool finite;
  *out = 0;
  if (size == 0 || (s->cls->objective <= TW_QUADRATIC && s->cls->constraints <= TW_LINEAR)) return TW_OK;
  for (size_t i = 0; i < all; i++) z[i] = s->x[i] - d[i];
  TW_TRY(tw_program_matrices(s, z, z + s->n, h, j, &finite, error));
  apply(s, s->h, s->j, d, here);
  apply(s, h, j, d, there);
  for (size_t i = 0; i < all; i++) there[i] -= here[i];
  *out = finite && norm(s, here) > 0 ? norm(s, there) / norm(s, here) : INFINITY;
  return TW_OK;
}

/* |K^-1 K u - u| / |u| for a fixed u. */
static tw_status miss(tw_program *s, double *out, double *memory, tw_error *error) {
  const int64_t n = s->n, all = s->n + s->m;
  double *u = memory, *b = memory + all, residual;
  for (int64_t i = 0; i < all; i++) u[i] = (i < n ? s->held[i] : s->out[i - n]) ? 0 : cos((double)i);
  apply(s, s->h, s->j, u, b);
  TW_TRY(tw_program_solve(s, 1, b, &residual, error));
  for (int64_t i = 0; i < all; i++) b[i] -= u[i];
  const double size = norm(s, u);
  *out = size > 0 ? norm(s, b) / size : 0;
  return TW_OK;
}

static double largest(int64_t n, const double *x, const bool *but) {
  double most = 0;
  for (int64_t k = 0; k < n; k++)
    if (!but[k] && !(fabs(x[k]) <= most)) most = fabs(x[k]);
  return most;
}

/* |grad_x L| on the free variables relative to |K (u s)|; where that is bad, the smaller of those at z and z - d. */
static tw_status residual_of(tw_program *s, const double *d, double *out, double *memory, tw_error *error) {
  const int64_t n = s->n, all = s->n + s->m;
  double *z = memory, *g = memory + all, *j = memory + 3 * all;
  const double here = largest(n, s->multiplier, s->held);
  for (int64_t i = 0; i < all; i++)
    z[i] = (i < n ? s->held[i] : s->out[i - n]) ? 0 : cos((double)i) * (i < n ? fmax(fabs(s->x[i]), 1) : fabs(s->x[i]));
  apply(s, s->h, s->j, z, g);
  const double scale = largest(n, g, s->held);
  *out = here == 0 ? 0 : here / scale;
  if (*out <= tw_good_residual) return TW_OK;
  bool finite;
  for (int64_t i = 0; i < all; i++) z[i] = s->x[i] - d[i];
  TW_TRY(tw_derivatives_first(s->derivatives, z, g, j, &finite, error));
  tw_csc there_j = s->jacobian;
  there_j.value = j;
  if (s->m > 0) csc_add_transpose(&there_j, 1, z + n, g);
  const double there = finite ? largest(n, g, s->held) : INFINITY;
  if (there < here) *out = there == 0 ? 0 : there / scale;
  return TW_OK;
}

tw_status tw_program_exactness(tw_program *s, double *inexact, double *residual, tw_error *error) {
  const size_t all = (size_t)(s->n + s->m), entries = (size_t)(csc_count(&s->hessian) + csc_count(&s->jacobian));
  double *d = tw_alloc(4 * all + entries, sizeof *d), missed = 0;
  if (!d) return tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  tw_status status = newton_step(s, d, error);
  if (status == TW_OK) status = bend(s, d, inexact, d + all, error);
  if (status == TW_OK) status = residual_of(s, d, residual, d + all, error);
  if (status == TW_OK) status = miss(s, &missed, d + all, error);
  *inexact = missed > *inexact || isnan(missed) ? missed : *inexact;
  free(d);
  return status;
}
