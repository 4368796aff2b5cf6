/* The dual simplex method on a dense tableau; see bb_lp.h. */
#include "method/program/bb_lp.h"

#include "linear/csc.h"

enum { ENTRIES_MOST = 1000000 };
static const double FEASIBLE = 1e-9, /* violation of a basic variable, relative to max(1, |limit|) */
    PIVOT = 1e-8,                    /* smallest pivot */
    SLACK = 1e-9,                    /* by which a reduced cost may have the wrong sign (Harris 1973) */
    AGREE = 1e-7,                    /* of objective and bound, of values and rows, relative */
    BOX = 1e6;                       /* stands for infinite bounds until the root's basis is found */

/* ------------------------------------------------------------------ memory */

static bool new_tableau(const tw_bb_lp *lp, tw_bb_tableau *t) {
  t->t = tw_alloc((size_t)(lp->m * lp->columns), sizeof(double));
  t->d = tw_alloc((size_t)lp->columns, sizeof(double));
  t->basic = tw_alloc((size_t)lp->m, sizeof *t->basic);
  t->at_upper = tw_alloc((size_t)lp->columns, sizeof *t->at_upper);
  return t->t && t->d && t->basic && t->at_upper;
}

static void free_tableau(tw_bb_tableau *t) {
  free(t->t);
  free(t->d);
  free(t->basic);
  free(t->at_upper);
}

static void copy_tableau(const tw_bb_lp *lp, const tw_bb_tableau *from, tw_bb_tableau *to) {
  vec_copy(lp->m * lp->columns, from->t, to->t);
  vec_copy(lp->columns, from->d, to->d);
  memcpy(to->basic, from->basic, (size_t)lp->m * sizeof *to->basic);
  memcpy(to->at_upper, from->at_upper, (size_t)lp->columns * sizeof *to->at_upper);
}

void tw_bb_lp_free(tw_bb_lp *lp) {
  if (!lp) return;
  free_tableau(&lp->root), free_tableau(&lp->node), free_tableau(&lp->now);
  free(lp->row_of);
  free(lp->lower);
  free(lp);
}

/* ------------------------------------------------------------------ bounds and values */

static void take_bounds(tw_bb_lp *lp) {
  vec_copy(lp->n, lp->qp->lower, lp->lower), vec_copy(lp->n, lp->qp->upper, lp->upper);
  vec_copy(lp->m, lp->qp->row_lower, lp->lower + lp->n), vec_copy(lp->m, lp->qp->row_upper, lp->upper + lp->n);
}

/* Nonbasic ones at their bounds, free ones at 0; x_B = -T x_N. */
static void take_values(tw_bb_lp *lp) {
  const tw_bb_tableau *t = &lp->now;
  for (int64_t j = 0; j < lp->columns; j++) lp->row_of[j] = -1;
  for (int64_t r = 0; r < lp->m; r++) lp->row_of[t->basic[r]] = r;
  for (int64_t j = 0; j < lp->columns; j++) {
    if (lp->row_of[j] >= 0) {
      lp->x[j] = 0;
      continue;
    }
    const double l = lp->lower[j], u = lp->upper[j];
    lp->x[j] = t->at_upper[j] && u < INFINITY ? u : l > -INFINITY ? l : u < INFINITY ? u : 0;
  }
  for (int64_t r = 0; r < lp->m; r++) {
    const double *row = t->t + r * lp->columns;
    double sum = 0;
    for (int64_t j = 0; j < lp->columns; j++) sum -= row[j] * lp->x[j];
    lp->work[r] = sum;
  }
  for (int64_t r = 0; r < lp->m; r++) lp->x[t->basic[r]] = lp->work[r];
}

/* ------------------------------------------------------------------ pivots */

/* |e_r'B^-1|^2: the tableau holds -B^-1 under the slacks. */
static double edge(const tw_bb_lp *lp, int64_t r) {
  const double *row = lp->now.t + r * lp->columns + lp->n;
  double sum = 0;
  for (int64_t i = 0; i < lp->m; i++) sum += row[i] * row[i];
  return fmax(sum, 1e-12);
}

/* The row whose basic variable is furthest outside beside the length of its edge (Forrest & Goldfarb 1992), -1: none; *toward: the
 * bound it goes to. */
static int64_t leaving(const tw_bb_lp *lp, double *toward) {
  int64_t best = -1;
  double most = 0;
  for (int64_t r = 0; r < lp->m; r++) {
    const int64_t j = lp->now.basic[r];
    const double l = lp->lower[j], u = lp->upper[j], x = lp->x[j];
    const double below = x < l ? (l - x) / fmax(1, fabs(l)) : 0, above = x > u ? (x - u) / fmax(1, fabs(u)) : 0,
                 by = fmax(below, above);
    if (by <= FEASIBLE) continue;
    const double far = fmax(l - x, x - u), gain = far * far / edge(lp, r);
    if (gain <= most) continue;
    most = gain;
    best = r;
    *toward = below > 0 ? l : u;
  }
  return best;
}

/* The column that keeps reduced costs of the right sign, with the largest pivot among those that do within the slack; -1: none. */
static int64_t entering(const tw_bb_lp *lp, int64_t r, bool rise) {
  const double *row = lp->now.t + r * lp->columns;
  double least = INFINITY, pivot = 0;
  int64_t best = -1;
  for (int pass = 0; pass < 2; pass++)
    for (int64_t j = 0; j < lp->columns; j++) {
      if (lp->row_of[j] >= 0 || lp->lower[j] == lp->upper[j] || fabs(row[j]) < PIVOT) continue;
      const bool unbounded = lp->lower[j] == -INFINITY && lp->upper[j] == INFINITY;
      const bool grows = lp->now.at_upper[j] == ((row[j] > 0) == rise); /* moving it off its bound moves x_B(r) as wanted */
      if (!unbounded && !grows) continue;
      const double d = fabs(lp->now.d[j]), size = fabs(row[j]);
      if (pass == 0)
        least = fmin(least, (d + SLACK) / size);
      else if (d / size <= least && size > pivot)
        pivot = size, best = j;
    }
  return best;
}

static void pivot_on(tw_bb_lp *lp, int64_t r, int64_t q) {
  tw_bb_tableau *t = &lp->now;
  const int64_t c = lp->columns, out = t->basic[r];
  double *row = t->t + r * c;
  const double inverse = 1 / row[q];
  for (int64_t j = 0; j < c; j++) row[j] *= inverse;
  row[q] = 1;
  for (int64_t i = 0; i < lp->m; i++) {
    double *other = t->t + i * c;
    const double factor = other[q];
    if (i == r || factor == 0) continue;
    for (int64_t j = 0; j < c; j++) other[j] -= factor * row[j];
    other[q] = 0;
  }
  const double factor = t->d[q];
  for (int64_t j = 0; j < c; j++) t->d[j] -= factor * row[j];
  t->d[q] = 0;
  t->basic[r] = q;
  lp->row_of[q] = r, lp->row_of[out] = -1;
}

/* Reduced costs that the slack left with the wrong sign count as 0. */
static void mend_signs(tw_bb_lp *lp) {
  for (int64_t j = 0; j < lp->columns; j++) {
    double *d = &lp->now.d[j];
    if (lp->row_of[j] < 0 && lp->lower[j] < lp->upper[j] && (lp->now.at_upper[j] ? *d > 0 : *d < 0) && fabs(*d) < 1e-6) *d = 0;
  }
}

/* Row r of the tableau is a combination w of the rows A x - s = 0: it has no solution within the bounds. */
static bool proves(tw_bb_lp *lp, int64_t r) {
  const double *row = lp->now.t + r * lp->columns;
  double low = 0, high = 0, size = 0;
  double *c = lp->work; /* w'A, then -w */
  vec_zero(lp->columns, c);
  for (int64_t i = 0; i < lp->m; i++) c[lp->n + i] = row[lp->n + i]; /* -w_i */
  for (int64_t j = 0; j < lp->n; j++)
    for (int64_t p = lp->qp->a.start[j]; p < lp->qp->a.start[j + 1]; p++) c[j] -= c[lp->n + lp->qp->a.row[p]] * lp->qp->a.value[p];
  for (int64_t j = 0; j < lp->columns; j++) {
    if (fabs(c[j]) < 1e-11) continue;
    low += c[j] > 0 ? c[j] * lp->lower[j] : c[j] * lp->upper[j];
    high += c[j] > 0 ? c[j] * lp->upper[j] : c[j] * lp->lower[j];
    if (isfinite(lp->x[j])) size = fmax(size, fabs(c[j] * lp->x[j]));
  }
  return low > 1e-9 * fmax(1, size) || high < -1e-9 * fmax(1, size);
}

static tw_bb_lp_end iterate(tw_bb_lp *lp) {
  const int64_t most = 20 * (lp->columns + 50);
  take_values(lp);
  for (int64_t k = 0; k < most; k++) {
    double toward = 0;
    const int64_t r = leaving(lp, &toward);
    if (r < 0) return TW_BB_LP_SOLVED;
    const int64_t out = lp->now.basic[r];
    const bool rise = lp->x[out] < toward;
    const int64_t q = entering(lp, r, rise);
    if (q < 0) return proves(lp, r) ? TW_BB_LP_INFEASIBLE : TW_BB_LP_GAVE_UP;
    const double step = (lp->x[out] - toward) / lp->now.t[r * lp->columns + q];
    for (int64_t i = 0; i < lp->m; i++) lp->x[lp->now.basic[i]] -= lp->now.t[i * lp->columns + q] * step;
    lp->x[q] += step;
    lp->x[out] = toward;
    pivot_on(lp, r, q);
    lp->now.at_upper[out] = !rise;
    mend_signs(lp);
  }
  return TW_BB_LP_GAVE_UP;
}

/* ------------------------------------------------------------------ answers */

/* min over the bounds of q'x + y'(A x - s), a lower bound whatever y is; -inf where it has none. */
static double lagrangian(tw_bb_lp *lp, const double *y) {
  const tw_qp *qp = lp->qp;
  double sum = qp->constant;
  for (int64_t j = 0; j < lp->columns; j++) {
    double r = j < lp->n ? qp->q[j] : -y[j - lp->n];
    if (j < lp->n)
      for (int64_t p = qp->a.start[j]; p < qp->a.start[j + 1]; p++) r += qp->a.value[p] * y[qp->a.row[p]];
    if (fabs(r) < 1e-12) continue;
    const double bound = r > 0 ? lp->lower[j] : lp->upper[j];
    if (isfinite(bound))
      sum += r * bound;
    else if (fabs(r) > 1e-8)
      return -INFINITY;
  }
  return sum;
}

/* s = A x as the basis has it? */
static bool consistent(tw_bb_lp *lp) {
  double *s = lp->work;
  vec_zero(lp->m, s);
  tw_qp_add_a(lp->qp, 1, lp->x, s);
  for (int64_t i = 0; i < lp->m; i++)
    if (!(fabs(s[i] - lp->x[lp->n + i]) <= AGREE * fmax(1, fabs(s[i])))) return false;
  return true;
}

tw_bb_lp_end tw_bb_lp_solve(tw_bb_lp *lp, double *x, double *y, double *f) {
  copy_tableau(lp, &lp->node, &lp->now);
  take_bounds(lp);
  const tw_bb_lp_end end = iterate(lp);
  if (end != TW_BB_LP_SOLVED) return end;
  for (int64_t i = 0; i < lp->m; i++) y[i] = 0 - lp->now.d[lp->n + i];
  vec_copy(lp->n, lp->x, x);
  vec_clip(lp->n, lp->qp->lower, lp->qp->upper, x);
  const double objective = tw_qp_objective(lp->qp, x);
  *f = lagrangian(lp, y);
  const bool agree = fabs(objective - *f) <= AGREE * fmax(1, fabs(objective));
  return agree && consistent(lp) ? TW_BB_LP_SOLVED : TW_BB_LP_GAVE_UP;
}

void tw_bb_lp_restart(tw_bb_lp *lp) {
  copy_tableau(lp, &lp->root, &lp->node);
}

void tw_bb_lp_keep(tw_bb_lp *lp) {
  copy_tableau(lp, &lp->now, &lp->node);
}

/* ------------------------------------------------------------------ the root */

/* All slacks basic: T = [-A, I], d = (q, 0). */
static void set_slack_basis(tw_bb_lp *lp) {
  tw_bb_tableau *t = &lp->now;
  for (int64_t j = 0; j < lp->n; j++) {
    for (int64_t p = lp->qp->a.start[j]; p < lp->qp->a.start[j + 1]; p++)
      t->t[lp->qp->a.row[p] * lp->columns + j] = -lp->qp->a.value[p];
    t->d[j] = lp->qp->q[j];
    t->at_upper[j] = t->d[j] < 0;
  }
  for (int64_t i = 0; i < lp->m; i++) {
    t->t[i * lp->columns + lp->n + i] = 1;
    t->basic[i] = lp->n + i;
  }
}

/* Where the sign of a cost asks for an infinite bound a large one stands for it; it must not matter at the end. */
static bool solve_root(tw_bb_lp *lp) {
  set_slack_basis(lp);
  take_bounds(lp);
  double largest = 1;
  for (int64_t j = 0; j < lp->columns; j++) {
    if (isfinite(lp->lower[j])) largest = fmax(largest, fabs(lp->lower[j]));
    if (isfinite(lp->upper[j])) largest = fmax(largest, fabs(lp->upper[j]));
  }
  for (int64_t j = 0; j < lp->n; j++) {
    if (lp->now.d[j] > 0 && lp->lower[j] == -INFINITY) lp->lower[j] = -BOX * largest;
    if (lp->now.d[j] < 0 && lp->upper[j] == INFINITY) lp->upper[j] = BOX * largest;
  }
  if (iterate(lp) != TW_BB_LP_SOLVED) return false;
  for (int64_t j = 0; j < lp->n; j++) {
    const bool lower = lp->x[j] <= -0.5 * BOX * largest, upper = lp->x[j] >= 0.5 * BOX * largest;
    if (lower || upper) return false;
  }
  copy_tableau(lp, &lp->now, &lp->root);
  tw_bb_lp_restart(lp);
  return true;
}

tw_status tw_bb_lp_new(tw_bb_lp **out, const tw_qp *qp, tw_error *error) {
  *out = NULL;
  if (qp->m < 1 || !tw_qp_is_linear(qp) || qp->n + qp->m > ENTRIES_MOST / qp->m) return TW_OK;
  tw_bb_lp *lp = tw_alloc(1, sizeof *lp);
  if (!lp) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a tableau");
  *lp = (tw_bb_lp){.qp = qp, .n = qp->n, .m = qp->m, .columns = qp->n + qp->m};
  double *b = lp->lower = tw_alloc((size_t)(4 * lp->columns), sizeof *b);
  lp->row_of = tw_alloc((size_t)lp->columns, sizeof *lp->row_of);
  if (!b || !lp->row_of || !new_tableau(lp, &lp->root) || !new_tableau(lp, &lp->node) || !new_tableau(lp, &lp->now)) {
    tw_bb_lp_free(lp);
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for a tableau");
  }
  lp->upper = b + lp->columns, lp->x = b + 2 * lp->columns, lp->work = b + 3 * lp->columns;
  if (solve_root(lp))
    *out = lp;
  else
    tw_bb_lp_free(lp);
  return TW_OK;
}
