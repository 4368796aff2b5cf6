/* The last step of mehrotra: the program on the active set that gaps and multipliers tell,
 *
 *   min 1/2 x'P x + q'x   subject to   A_A x = b_A,   x_H = its bounds,
 *
 * solved from the interior point by the refined system, so that where x or y is not unique it is the nearest one. Where a sign or a
 * bound is broken the set is mended by the primal-dual active-set rule (Hintermueller, Ito & Kunisch 2002). Where the set is dependent
 * and its equations contradict each other, what is left of them is a direction of descent with A_A d = 0, P d = 0 (too little is held)
 * or one of ascent of the dual (too much is): it is followed to the first bound or sign on its way, as in crossover (Megiddo 1991). */
#include "method/program/mehrotra.h"

enum { PASSES = 40, NEWTON_STEPS = 10, MENDED_MOST = 10 };
static const double LEFT_OVER = 1e-12; /* of the sizes: more than rounding */

typedef struct polish {
  tw_mehrotra *s;
  double *x, *y, *z;
  double *limit; /* m: what an active row equals */
  double *d, *ad; /* n + m: directions */
} polish;

/* Active: the multiplier is larger than the gap. */
static void guess(polish *p) {
  tw_mehrotra *s = p->s;
  const tw_qp *qp = s->qp;
  for (int64_t j = 0; j < s->n; j++) {
    const bool l = qp->lower[j] > -INFINITY && s->zl[j] > s->tl[j], u = qp->upper[j] < INFINITY && s->zu[j] > s->tu[j];
    s->held[j] = s->fixed[j] || l || u;
    p->x[j] = s->fixed[j] || (l && !(u && s->zu[j] > s->zl[j])) ? qp->lower[j] : u ? qp->upper[j] : s->v[j];
  }
  for (int64_t i = 0; i < s->m; i++) {
    const int64_t k = s->slack[i];
    const bool l = k >= 0 && s->l[k] > -INFINITY && s->zl[k] > s->tl[k], u = k >= 0 && s->u[k] < INFINITY && s->zu[k] > s->tu[k];
    s->inactive[i] = k != -1 && !l && !u;
    p->limit[i] = s->inactive[i] ? 0 : u && !(l && s->zl[k] > s->zu[k]) ? qp->row_upper[i] : qp->row_lower[i];
    p->y[i] = s->inactive[i] ? 0 : s->y[i];
  }
}

/* z = -(P x + q + A'y); s->rp = A x. */
static void gradients(polish *p) {
  tw_mehrotra *s = p->s;
  for (int64_t j = 0; j < s->n; j++) p->z[j] = -s->qp->q[j];
  tw_qp_add_p(s->qp, -1, p->x, p->z);
  tw_qp_add_at(s->qp, -1, p->y, p->z);
  vec_zero(s->m, s->rp);
  tw_qp_add_a(s->qp, 1, p->x, s->rp);
}

/* What is left of the equations of the set, into s->rhs. */
static void left_over(polish *p) {
  tw_mehrotra *s = p->s;
  gradients(p);
  for (int64_t j = 0; j < s->n; j++) s->rhs[j] = s->held[j] ? 0 : p->z[j];
  for (int64_t i = 0; i < s->m; i++) s->rhs[s->n + i] = s->inactive[i] ? 0 : p->limit[i] - s->rp[i];
}

static double left_over_size(const polish *p) {
  const tw_mehrotra *s = p->s;
  return fmax(vec_norm_inf(s->n, s->rhs) / s->cost_size, vec_norm_inf(s->m, s->rhs + s->n) / s->limit_size);
}

static tw_status solve_set(polish *p, tw_error *error) {
  tw_mehrotra *s = p->s;
  const int64_t n = s->n, m = s->m;
  double left, before = INFINITY;
  vec_zero(n, s->diagonal);
  vec_zero(m, s->e);
  s->number[MEHROTRA_THETA] = 1, s->number[MEHROTRA_PIVOTED] = 0;
  TW_TRY(mehrotra_factor(s, s->held, s->inactive, error));
  for (int step = 0; step < NEWTON_STEPS; step++) {
    left_over(p);
    const double now = left_over_size(p);
    if (!(now < 0.9 * before) || now == 0) return TW_OK;
    before = now;
    TW_TRY(mehrotra_solve(s, s->held, s->inactive, &left, error));
    vec_axpy(n, 1, s->sol, p->x);
    vec_axpy(m, 1, s->sol + n, p->y);
  }
  left_over(p);
  return TW_OK;
}

/* ------------------------------------------------------------------ mending */

static int64_t mend_columns(polish *p, double tolerance) {
  tw_mehrotra *s = p->s;
  const double wrong = tolerance * s->cost_size;
  int64_t changes = 0;
  for (int64_t j = 0; j < s->n; j++) {
    const double l = s->qp->lower[j], u = s->qp->upper[j], z = p->z[j], slack = tolerance * (1 + fabs(p->x[j]));
    if (s->fixed[j]) continue;
    if (s->held[j]) {
      if ((p->x[j] == l && z > wrong) || (p->x[j] == u && z < -wrong)) s->held[j] = false, changes++;
      continue;
    }
    if (p->x[j] < l - slack || p->x[j] > u + slack) s->held[j] = true, changes++;
    p->x[j] = fmin(fmax(p->x[j], l), u);
  }
  return changes;
}

static int64_t mend_rows(polish *p, double tolerance) {
  tw_mehrotra *s = p->s;
  const double wrong = tolerance * s->cost_size;
  int64_t changes = 0;
  for (int64_t i = 0; i < s->m; i++) {
    const double l = s->qp->row_lower[i], u = s->qp->row_upper[i], a = s->rp[i], slack = tolerance * (1 + fabs(a));
    if (s->slack[i] < 0) continue;
    if (!s->inactive[i]) {
      if ((p->limit[i] == l && p->y[i] > wrong) || (p->limit[i] == u && p->y[i] < -wrong)) s->inactive[i] = true, p->y[i] = 0, changes++;
    } else if (a < l - slack || a > u + slack) {
      s->inactive[i] = false, p->limit[i] = a < l ? l : u, changes++;
    }
  }
  return changes;
}

/* ------------------------------------------------------------------ following what is left */

/* How far a value can go along d before it leaves [l, u]. */
static double room(double value, double d, double l, double u) {
  const double t = d > 0 ? (u - value) / d : d < 0 ? (l - value) / d : INFINITY;
  return fmax(t, 0);
}

/* x along d = z_F to the least value on its way (where curvature is too small for the shifted system), or until a bound or an inactive
 * row stops it, which joins the set. */
static int64_t push_primal(polish *p) {
  tw_mehrotra *s = p->s;
  const tw_qp *qp = s->qp;
  double step = INFINITY;
  int64_t first = -1;
  vec_zero(s->m, p->ad);
  tw_qp_add_a(qp, 1, p->d, p->ad);
  const double small = 1e-9 * vec_norm_inf(s->n, p->d);
  for (int64_t j = 0; j < s->n; j++) {
    const double t = fabs(p->d[j]) <= small ? INFINITY : room(p->x[j], p->d[j], qp->lower[j], qp->upper[j]);
    if (t < step) step = t, first = j;
  }
  for (int64_t i = 0; i < s->m; i++) {
    if (!s->inactive[i] || s->slack[i] < 0 || fabs(p->ad[i]) <= small) continue;
    const double t = room(s->rp[i], p->ad[i], qp->row_lower[i], qp->row_upper[i]);
    if (t < step) step = t, first = s->n + i;
  }
  vec_zero(s->n, s->px);
  tw_qp_add_p(qp, 1, p->d, s->px);
  const double curvature = vec_dot(s->n, p->d, s->px), least = curvature > 0 ? vec_dot(s->n, p->d, p->d) / curvature : INFINITY;
  if (first < 0 && isinf(least)) return 0;
  vec_axpy(s->n, fmin(step, least), p->d, p->x);
  if (least < step) return 1;
  if (first < s->n) {
    s->held[first] = true;
    p->x[first] = p->d[first] > 0 ? qp->upper[first] : qp->lower[first];
  } else {
    s->inactive[first - s->n] = false;
    p->limit[first - s->n] = p->ad[first - s->n] > 0 ? qp->row_upper[first - s->n] : qp->row_lower[first - s->n];
  }
  return 1;
}

/* y along d = A x - b of the active rows until a multiplier reaches 0, which leaves the set. */
static int64_t push_dual(polish *p) {
  tw_mehrotra *s = p->s;
  const tw_qp *qp = s->qp;
  double step = INFINITY;
  int64_t first = -1;
  vec_zero(s->n, p->ad);
  tw_qp_add_at(qp, -1, p->d, p->ad); /* of z */
  const double small = 1e-9 * vec_norm_inf(s->m, p->d);
  for (int64_t j = 0; j < s->n; j++) {
    if (!s->held[j] || s->fixed[j] || fabs(p->ad[j]) <= small) continue;
    const bool up = p->x[j] == qp->upper[j];
    const double t = room(p->z[j], p->ad[j], up ? 0 : -INFINITY, up ? INFINITY : 0);
    if (t < step) step = t, first = j;
  }
  for (int64_t i = 0; i < s->m; i++) {
    if (s->inactive[i] || s->slack[i] < 0 || fabs(p->d[i]) <= small) continue;
    const bool up = p->limit[i] == qp->row_upper[i];
    const double t = room(p->y[i], p->d[i], up ? 0 : -INFINITY, up ? INFINITY : 0);
    if (t < step) step = t, first = s->n + i;
  }
  if (first < 0) return 0;
  vec_axpy(s->m, step, p->d, p->y);
  if (first < s->n)
    s->held[first] = false;
  else
    s->inactive[first - s->n] = true, p->y[first - s->n] = 0;
  return 1;
}

/* Whether what is left is more than rounding, and then whether it led to another set. */
static int64_t push(polish *p, bool *stuck) {
  tw_mehrotra *s = p->s;
  const double cost = vec_norm_inf(s->n, s->rhs), limit = vec_norm_inf(s->m, s->rhs + s->n);
  int64_t changes = 0;
  *stuck = false;
  const double costs = s->cost_size + vec_norm_inf(s->m, p->y) + (tw_qp_is_linear(s->qp) ? 0 : vec_norm_inf(s->n, p->x));
  if (cost > LEFT_OVER * costs) {
    vec_copy(s->n, s->rhs, p->d);
    changes = push_primal(p);
  } else if (limit > LEFT_OVER * (1 + vec_norm_inf(s->m, s->rp))) {
    for (int64_t i = 0; i < s->m; i++) p->d[i] = -s->rhs[s->n + i];
    changes = push_dual(p);
  } else {
    return 0;
  }
  *stuck = changes == 0;
  return changes;
}

/* ------------------------------------------------------------------ passes */

/* Multipliers of what is free are 0, signs that rounding broke too. */
static void round_off(polish *p) {
  tw_mehrotra *s = p->s;
  const tw_qp *qp = s->qp;
  for (int64_t i = 0; i < s->m; i++) {
    const double presses_on = p->y[i] > 0 ? qp->row_upper[i] : qp->row_lower[i];
    if (s->slack[i] >= 0 && !s->inactive[i] && p->limit[i] != presses_on) p->y[i] = 0;
  }
  gradients(p);
  for (int64_t j = 0; j < s->n; j++) {
    const double presses_on = p->z[j] > 0 ? qp->upper[j] : qp->lower[j];
    if (!s->fixed[j] && !(s->held[j] && p->x[j] == presses_on)) p->z[j] = 0;
  }
}

static tw_status passes(polish *p, double tolerance, bool *exact, tw_error *error) {
  int64_t before = INT64_MAX;
  guess(p);
  for (int pass = 0; pass < PASSES; pass++) {
    TW_TRY(solve_set(p, error));
    bool stuck = false;
    int64_t changes = mend_columns(p, tolerance) + mend_rows(p, tolerance);
    if (changes > before && changes > MENDED_MOST) return TW_OK; /* the guess was none */
    before = changes > 0 ? changes : before;
    if (changes == 0) changes = push(p, &stuck);
    if (changes > 0) continue;
    if (stuck && left_over_size(p) > tolerance) return TW_OK;
    round_off(p);
    *exact = true;
    return TW_OK;
  }
  return TW_OK;
}

tw_status tw_mehrotra_polish(tw_mehrotra *s, double tolerance, double *x, double *y, double *z, bool *exact, tw_error *error) {
  const int64_t each = s->n + s->m;
  polish p = {.s = s, .x = x, .y = y, .z = z, .limit = tw_alloc((size_t)(s->m + 2 * each), sizeof(double))};
  double saved[MEHROTRA_NUMBERS];
  vec_copy(MEHROTRA_NUMBERS, s->number, saved);
  *exact = false;
  if (!p.limit) return tw_fail(error, TW_ERR_MEMORY, "mehrotra: out of memory");
  p.d = p.limit + s->m, p.ad = p.d + each;
  s->polishing = true;
  tw_status status = passes(&p, tolerance, exact, error);
  s->polishing = false;
  if (status != TW_OK && status != TW_ERR_MEMORY) *exact = false, status = TW_OK;
  vec_copy(MEHROTRA_NUMBERS, saved, s->number);
  s->known = false;
  free(p.limit);
  return status;
}
