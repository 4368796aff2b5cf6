/* Certificates of the homogeneous embedding: when tau vanishes beside y or x, these are made exact and judged by the rule of certificate.h,
 * over cones:
 *
 *   y in K*, b'y < 0:        margin = -b'y / sum |b_i y_i|,  left = max_j |(A'y)_j| / sum_i |a_ij y_i|
 *   x, s in K, c'x < 0:      margin = -c'x / sum |c_j x_j|,  left of A x + s and P x, a cone's sums beside the largest size in it.
 *
 * Cones other than zero and nonneg ones have rows of one unit: they are kept, weighed and compared as one. */
#include "method/program/certificate.h"
#include "method/program/hsde.h"

enum { ROUNDS_MOST = 5 };
static const double NEAR = 1e-2, NEARER = 0.3, PATIENCE = 1.05;   /* what is left of all sums when it is time to try */
static const double NOISE_LEAST = 1e-12, NOISE_MOST = 1e-3;

static bool is_linear(tw_cone_kind kind) {
  return kind == TW_CONE_ZERO || kind == TW_CONE_NONNEG;
}

static double terms(int64_t n, const double *c, const double *x, double *size) {
  double sum = *size = 0;
  for (int64_t j = 0; j < n; j++) sum += c[j] * x[j], *size += fabs(c[j] * x[j]);
  return sum;
}

/* ------------------------------------------------------------------ judging */

tw_proof tw_conic_proof_infeasible(const tw_conic *c, const double *y) {
  double t;
  const double by = terms(c->m, c->b, y, &t);
  if (!(by < 0) || !isfinite(t)) return TW_PROOF_NONE;
  return (tw_proof){-by / t, tw_proof_columns(&c->a, y, NULL)};
}

/* The largest entry of every cone that is not linear in the place of all. */
static void level(const tw_conic *c, double *size) {
  for (int64_t k = 0, start = 0; k < c->cones; start += c->cone[k++].rows) {
    if (is_linear(c->cone[k].kind)) continue;
    const double largest = vec_norm_inf(c->cone[k].rows, size + start);
    for (int64_t i = start; i < start + c->cone[k].rows; i++) size[i] = largest;
  }
}

/* work: 2 (n + m). */
tw_proof tw_conic_proof_unbounded(const tw_conic *c, const double *x, const double *s, double *work) {
  double t, left = 0, *sum = work, *size = sum + c->n + c->m;
  const double cx = terms(c->n, c->c, x, &t);
  if (!(cx < 0) || !isfinite(t)) return TW_PROOF_NONE;
  vec_zero(2 * (c->n + c->m), work);
  tw_proof_add_symmetric(&c->p, x, sum, size);
  tw_proof_add_rows(&c->a, x, sum + c->n, size + c->n);
  level(c, size + c->n);
  for (int64_t i = 0; i < c->m; i++) sum[c->n + i] += s[i];
  for (int64_t k = 0; k < c->n + c->m; k++) left = fmax(left, tw_proof_part(sum[k], size[k]));
  return (tw_proof){-cx / t, left};
}

/* ------------------------------------------------------------------ when to try */

static double sum_of_sizes(int64_t n, const double *v) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += fabs(v[i]);
  return sum;
}

/* What the splitting's y leaves of all sums together; in units that are equilibrated, where columns have the size 1. */
static double left_of_y(const tw_hsde *h, const double *y) {
  const tw_csc *a = &h->s.a;
  double left = 0, size = 0;
  for (int64_t j = 0; j < h->n; j++) {
    double sum = 0;
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
      const double term = a->value[k] * y[a->row[k]];
      sum += term, size += fabs(term);
    }
    left += fabs(sum);
  }
  return tw_proof_part(left, fmax(size, sum_of_sizes(h->m, y)));
}

static double left_of_x(const tw_hsde *h, const double *x, const double *s, double *work) {
  double left = 0, total = 0, *sum = work, *size = sum + h->n + h->m;
  vec_zero(2 * (h->n + h->m), work);
  tw_proof_add_symmetric(&h->s.p, x, sum, size);
  tw_proof_add_rows(&h->s.a, x, sum + h->n, size + h->n);
  for (int64_t i = 0; i < h->m; i++) sum[h->n + i] += s[i];
  for (int64_t k = 0; k < h->n + h->m; k++) left += fabs(sum[k]), total += size[k];
  return tw_proof_part(left, fmax(total, sum_of_sizes(h->n, x)));
}

static bool is_due(double left, double *last) {
  *last *= PATIENCE;
  if (!(left <= NEAR && left <= NEARER * *last)) return false;
  *last = fmax(left, DBL_MIN);
  return true;
}

static double noise_of(double left) {
  return fmin(fmax(left, NOISE_LEAST), NOISE_MOST);
}

/* ------------------------------------------------------------------ multipliers */

/* A cone is kept as a whole. */
static bool spread(const tw_conic *c, bool *kept) {
  bool more = false;
  for (int64_t k = 0, start = 0; k < c->cones; start += c->cone[k++].rows) {
    bool any = false, all = true;
    for (int64_t i = start; i < start + c->cone[k].rows; i++) any = any || kept[i], all = all && kept[i];
    if (is_linear(c->cone[k].kind) || !any || all) continue;
    for (int64_t i = start; i < start + c->cone[k].rows; i++) kept[i] = true;
    more = true;
  }
  return more;
}

/* y of the splitting without noise. */
static void drop_rows(const tw_hsde *h, double noise, double *y, bool *kept) {
  double t;
  terms(h->m, h->s.b, y, &t);
  for (int64_t i = 0; i < h->m; i++) kept[i] = fabs(h->s.b[i] * y[i]) > noise * t;
  int sweep = 0;
  for (bool more = true; more; sweep++) {
    more = tw_proof_reach_rows(&h->s.a, y, NULL, noise, sweep, kept);
    if (spread(&h->s.raw, kept)) more = true;
  }
  for (int64_t i = 0; i < h->m; i++)
    if (!kept[i]) y[i] = 0;
}

/* y in the units of the problem, judged there. */
static bool holds_y(tw_hsde *h, const double *y) {
  for (int64_t i = 0; i < h->m; i++) h->y[i] = h->s.d[i] * y[i];
  return tw_proof_holds(tw_conic_proof_infeasible(&h->s.raw, h->y), tw_run_real(h->run, "infeasible_tol"));
}

/* room: 2 m numbers. *proven: h->y is a proof. */
static tw_status refine_y(tw_hsde *h, double noise, double *room, bool *kept, bool *proven) {
  double *y = room, *weight = room + h->m, t;
  vec_copy(h->m, h->u + h->n, y);
  drop_rows(h, noise, y, kept);
  *proven = holds_y(h, y);
  for (int round = 0; round < ROUNDS_MOST && !*proven && terms(h->m, h->s.b, y, &t) < 0; round++) {
    for (int64_t i = 0; i < h->m; i++) weight[i] = fabs(y[i]);
    level(&h->s.raw, weight);
    TW_TRY(tw_proof_balance_columns(&h->s.a, NULL, weight, NULL, y, h->run->error));
    TW_TRY(tw_cone_map_at(h->map.dual, y, false, y, h->run->error));
    *proven = holds_y(h, y);
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ directions */

static void drop_columns(const tw_hsde *h, double noise, double *x, double *size, bool *kept) {
  double t;
  terms(h->n, h->s.c, x, &t);
  for (int64_t j = 0; j < h->n; j++) kept[j] = fabs(h->s.c[j] * x[j]) > noise * t;
  int sweep = 0;
  for (bool more = true; more; sweep++) {
    more = tw_proof_reach_columns(&h->s.a, false, x, noise, sweep, kept, size);
    if (tw_proof_reach_columns(&h->s.p, true, x, noise, sweep, kept, size)) more = true;
  }
  for (int64_t j = 0; j < h->n; j++)
    if (!kept[j]) x[j] = 0;
}

/* s: the nearest of -A x in K, by K* (Moreau 1962): P_K(v) = v + P_K*(-v). */
static tw_status set_slack(tw_hsde *h, const double *x, double *s) {
  double *part = h->map.y;
  tw_csc_apply(&h->s.a, x, s);
  TW_TRY(tw_cone_map_at(h->map.dual, s, false, part, h->run->error));
  for (int64_t i = 0; i < h->m; i++) s[i] = part[i] - s[i];
  return TW_OK;
}

static bool holds_x(tw_hsde *h, const double *x, const double *s, double *work) {
  for (int64_t j = 0; j < h->n; j++) h->x[j] = h->s.e[j] * x[j];
  for (int64_t i = 0; i < h->m; i++) h->slack[i] = s[i] / h->s.d[i];
  return tw_proof_holds(tw_conic_proof_unbounded(&h->s.raw, h->x, h->slack, work), tw_run_real(h->run, "infeasible_tol"));
}

/* Equations: rows in which -A x is not in K; size [m]: of their terms, 0 elsewhere, more of them every round. */
static void choose_equations(const tw_hsde *h, const double *x, const double *s, double *size, double *work) {
  double *sum = work, *all = work + h->m;
  vec_zero(2 * h->m, work);
  tw_proof_add_rows(&h->s.a, x, sum, all);
  level(&h->s.raw, all);
  for (int64_t i = 0; i < h->m; i++)
    if (size[i] > 0 || sum[i] + s[i] != 0) size[i] = all[i];
  level(&h->s.raw, size);
}

/* room: 2 n + 2 m numbers, work: 2 (n + m). *proven: h->x and h->slack are a proof. */
static tw_status refine_x(tw_hsde *h, double noise, double *room, double *work, bool *kept, bool *proven) {
  double *x = room, *weight = x + h->n, *s = weight + h->n, *size = s + h->m, t;
  vec_copy(h->n, h->u, x);
  vec_zero(h->m, size);
  drop_columns(h, noise, x, work, kept);
  TW_TRY(set_slack(h, x, s));
  *proven = holds_x(h, x, s, work);
  for (int round = 0; round < ROUNDS_MOST && !*proven && terms(h->n, h->s.c, x, &t) < 0; round++) {
    choose_equations(h, x, s, size, work);
    for (int64_t j = 0; j < h->n; j++) weight[j] = fabs(x[j]);
    TW_TRY(tw_proof_balance_rows(&h->s.a, &h->s.p, size, weight, s, x, h->run->error));
    TW_TRY(set_slack(h, x, s));
    *proven = holds_x(h, x, s, work);
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ both */

tw_status hsde_prove(tw_hsde *h, const double *slack, bool *infeasible, bool *unbounded) {
  const double *x = h->u, *y = h->u + h->n;
  const int64_t n = h->n, m = h->m;
  double t, left;
  *infeasible = *unbounded = false;
  const bool falls = terms(m, h->s.b, y, &t) < 0, descends = terms(n, h->s.c, x, &t) < 0;
  if (!falls && !descends) return TW_OK;
  double *room = tw_alloc((size_t)(4 * (n + m)), sizeof *room), *work = room + 2 * (n + m);
  bool *kept = tw_alloc((size_t)(n + m), sizeof *kept);
  tw_status status = room && kept ? TW_OK : tw_fail(h->run->error, TW_ERR_MEMORY, "out of memory for a certificate");
  if (status == TW_OK && falls && is_due(left = left_of_y(h, y), &h->state[HSDE_LEFT_Y]))
    status = refine_y(h, noise_of(left), room, kept, infeasible);
  if (status == TW_OK && !*infeasible && descends && is_due(left = left_of_x(h, x, slack, work), &h->state[HSDE_LEFT_X]))
    status = refine_x(h, noise_of(left), room, work, kept, unbounded);
  free(room), free(kept);
  return status;
}
