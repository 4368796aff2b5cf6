/* The quadratic programs of sqp; see sqp.h.
 *
 * Where H is not positive definite, what a change of it costs near the solution is avoided as far as can be: on the limits I that were
 * active last, and on equations, d is known if they stay active, so that
 *   B = H + rho sum_I a_i a_i' / |a_i|^2,   g - rho sum_I a_i r_i / |a_i|^2,   a_i'd = r_i
 * has the same solution as H (and a second-order sufficient solution makes B definite for large rho). What is left is shifted. */
#include "method/program/sqp.h"

static const double PENALTY[] = {10, 1e3, 1e5}; /* rho relative to the size of H */
static const double FIRST_SHIFT = 1e-6, SHIFT_GROWS = 8, SHIFT_FALLS = 3, FLAT = 1e-9, LEAST_SIZE = 1e-2;

/* ------------------------------------------------------------------ curvature */

static void dense_hessian(tw_sqp *s) {
  const int64_t n = s->n;
  vec_zero(n * n, s->b);
  for (int64_t k = 0; k < n; k++)
    for (int64_t p = s->nlp.h.colptr[k]; p < s->nlp.h.colptr[k + 1]; p++) {
      const int64_t i = s->nlp.h.rowidx[p];
      s->b[i * n + k] = s->b[k * n + i] = s->h[p];
    }
}

static void dense_jacobian(tw_sqp *s) {
  vec_zero(s->m * s->n, s->a);
  for (int64_t k = 0; k < s->n; k++)
    for (int64_t p = s->nlp.j.colptr[k]; p < s->nlp.j.colptr[k + 1]; p++) s->a[s->nlp.j.rowidx[p] * s->n + k] = s->j[p];
}

/* Adds rho times the limits that are thought active. */
static void penalise(tw_sqp *s, double rho) {
  const int64_t n = s->n;
  for (int64_t i = 0; i < s->m; i++) {
    const double *a = s->a + i * n, size = vec_dot(n, a, a);
    if ((s->guess[i] == 0 && s->rl[i] != s->ru[i]) || !(size > 0)) continue;
    s->penalty[i] += rho / size;
    for (int64_t k = 0; k < n; k++)
      for (int64_t c = 0; a[k] != 0 && c < n; c++) s->b[k * n + c] += rho / size * a[k] * a[c];
  }
  for (int64_t k = 0; k < n; k++) {
    if (s->guess[s->m + k] == 0 && s->l[k] != s->u[k]) continue;
    s->penalty[s->m + k] += rho;
    s->b[k * n + k] += rho;
  }
}

static void make_definite(tw_sqp *s, double size) {
  const int64_t n = s->n;
  double *last = &s->number[SQP_SHIFT], shift = s->number[SQP_FLOOR] * size, used = 0;
  for (int64_t k = 0; k < n; k++) s->b[k * n + k] += shift;
  s->shifted = false;
  if (tw_dense_is_definite(n, s->b, -FLAT * size, s->work)) return;
  for (size_t i = 0; i < sizeof PENALTY / sizeof *PENALTY; i++) {
    penalise(s, PENALTY[i] * size - used);
    used = PENALTY[i] * size;
    if (tw_dense_is_definite(n, s->b, -FLAT * size, s->work)) return;
  }
  for (shift = fmax(FIRST_SHIFT, *last / SHIFT_FALLS); !tw_dense_is_definite(n, s->b, (shift - FLAT) * size, s->work) && shift < 1e20;)
    shift *= SHIFT_GROWS;
  *last = shift;
  s->shifted = true;
  for (int64_t k = 0; k < n; k++) s->b[k * n + k] += shift * size;
}

tw_status sqp_curvature(tw_sqp *s, bool *finite) {
  TW_TRY(tw_nlp_second(&s->nlp, s->x, 1, s->y, s->h, finite));
  if (!*finite) return TW_OK;
  dense_hessian(s);
  dense_jacobian(s);
  vec_zero(s->m + s->n, s->penalty);
  make_definite(s, fmax(vec_norm_inf(s->n * s->n, s->b), LEAST_SIZE));
  return TW_OK;
}

/* ------------------------------------------------------------------ programs */

/* q and the limits of d, for rows that are `base` at d = 0. */
static void state_program(tw_sqp *s, const double *base) {
  const int64_t n = s->n, m = s->m;
  vec_copy(n, s->g, s->q);
  for (int64_t i = 0; i < m; i++) {
    s->al[i] = s->rl[i] - base[i], s->au[i] = s->ru[i] - base[i];
    if (s->penalty[i] == 0) continue;
    const double r = s->guess[i] > 0 ? s->au[i] : s->al[i];
    for (int64_t k = 0; k < n; k++) s->q[k] -= s->penalty[i] * s->a[i * n + k] * r;
  }
  for (int64_t k = 0; k < n; k++) {
    s->dl[k] = fmin(0, s->l[k] - s->x[k]), s->du[k] = fmax(0, s->u[k] - s->x[k]);
    if (s->penalty[m + k] != 0) s->q[k] -= s->penalty[m + k] * (s->guess[m + k] > 0 ? s->du[k] : s->dl[k]);
  }
}

/* An elastic program may leave penalised limits: what the penalty presses with there belongs to their multipliers. Elsewhere it is 0. */
static void add_penalties(tw_sqp *s, const double *d, double *y) {
  for (int64_t i = 0; i < s->m; i++) {
    const double r = s->guess[i] > 0 ? s->au[i] : s->al[i];
    if (s->penalty[i] != 0 && (s->rl[i] == s->ru[i] || y[i] != 0)) y[i] += s->penalty[i] * (vec_dot(s->n, s->a + i * s->n, d) - r);
  }
}

static tw_status solve(tw_sqp *s, const tw_dense_qp *qp, tw_dense_qp_answer *answer, bool *found) {
  tw_error why = {TW_OK, ""};
  const tw_status status = tw_dense_qp_solve(qp, answer, &why);
  *found = status == TW_OK && answer->feasible && tw_vec_norm_inf(answer->x, (size_t)qp->n) < 1e30;
  if (status == TW_OK || status == TW_ERR_SINGULAR || status == TW_ERR_LIMIT) return TW_OK;
  return tw_fail(s->run->error, status, "%s", why.message);
}

tw_status sqp_program(tw_sqp *s, const double *base, double *d, double *y, double *z, bool *found) {
  for (int64_t i = 0; i < s->m + s->n; i++) s->active[i] = (signed char)s->guess[i];
  state_program(s, base);
  const tw_dense_qp qp = {s->n, s->m, s->b, s->q, s->a, s->al, s->au, s->dl, s->du};
  tw_dense_qp_answer answer = {.x = d, .y = y, .z = z, .active = s->active};
  return solve(s, &qp, &answer, found);
}

/* ------------------------------------------------------------------ elastic programs */

typedef struct stretched { /* n variables and one for each side of a row that has a limit there */
  int64_t n;
  double *h, *q, *a, *l, *u, *x, *z;
  signed char *active;
  double *block;
} stretched;

static tw_status open_stretched(tw_sqp *s, stretched *e) {
  const size_t n = (size_t)s->n, m = (size_t)s->m;
  size_t all = n;
  for (size_t i = 0; i < m; i++) all += (size_t)isfinite(s->rl[i]) + (size_t)isfinite(s->ru[i]);
  *e = (stretched){.n = (int64_t)all};
  e->block = tw_alloc(all * all + m * all + 5 * all, sizeof *e->block);
  e->active = tw_alloc(m + all, sizeof *e->active);
  if (!e->block || !e->active) return tw_fail(s->run->error, TW_ERR_MEMORY, "out of memory");
  e->h = e->block, e->a = e->h + all * all, e->q = e->a + m * all;
  e->l = e->q + all, e->u = e->l + all, e->x = e->u + all, e->z = e->x + all;
  return TW_OK;
}

/* Far from feasibility the violations' own curvature, a small part of gamma, keeps the program strictly convex. */
static void fill_stretched(tw_sqp *s, stretched *e) {
  const int64_t n = s->n, all = e->n;
  const double gamma = s->number[SQP_GAMMA];
  int64_t next = n;
  for (int64_t k = 0; k < n; k++) {
    vec_copy(n, s->b + k * n, e->h + k * all);
    e->q[k] = s->q[k], e->l[k] = s->dl[k], e->u[k] = s->du[k];
  }
  for (int64_t i = 0; i < s->m; i++) {
    vec_copy(n, s->a + i * n, e->a + i * all);
    if (isfinite(s->rl[i])) e->a[i * all + next++] = 1;
    if (isfinite(s->ru[i])) e->a[i * all + next++] = -1;
  }
  for (int64_t k = n; k < all; k++) {
    e->h[k * all + k] = 1e-4 * gamma;
    e->q[k] = gamma, e->l[k] = 0, e->u[k] = INFINITY;
  }
}

tw_status sqp_elastic(tw_sqp *s, bool *found) {
  stretched e;
  tw_status status = open_stretched(s, &e);
  if (status == TW_OK) {
    state_program(s, s->c);
    fill_stretched(s, &e);
    const tw_dense_qp qp = {e.n, s->m, e.h, e.q, e.a, s->al, s->au, e.l, e.u};
    tw_dense_qp_answer answer = {.x = e.x, .y = s->qy, .z = e.z, .active = e.active};
    status = solve(s, &qp, &answer, found);
    vec_copy(s->n, e.x, s->d);
    vec_copy(s->n, e.z, s->qz);
    for (int64_t i = 0; i < s->m + s->n; i++) s->active[i] = e.active[i];
    if (status == TW_OK && *found) add_penalties(s, s->d, s->qy);
  }
  free(e.block);
  free(e.active);
  return status;
}
