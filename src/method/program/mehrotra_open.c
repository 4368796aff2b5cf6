/* Memory and start of mehrotra; see mehrotra.h. */
#include "method/program/mehrotra.h"

/* ------------------------------------------------------------------ memory */

static void classify(tw_mehrotra *s) {
  const tw_qp *qp = s->qp;
  s->nv = s->n;
  for (int64_t j = 0; j < s->n; j++) s->fixed[j] = qp->lower[j] == qp->upper[j];
  for (int64_t i = 0; i < s->m; i++) {
    s->no_row[i] = qp->row_lower[i] == -INFINITY && qp->row_upper[i] == INFINITY;
    s->slack[i] = s->no_row[i] ? -2 : qp->row_lower[i] == qp->row_upper[i] ? -1 : s->nv++;
  }
}

static void set_bounds(tw_mehrotra *s) {
  const tw_qp *qp = s->qp;
  double most = 0;
  for (int64_t j = 0; j < s->n; j++) {
    s->l[j] = s->fixed[j] ? -INFINITY : qp->lower[j];
    s->u[j] = s->fixed[j] ? INFINITY : qp->upper[j];
  }
  for (int64_t i = 0; i < s->m; i++) {
    if (s->slack[i] == -1) most = fmax(most, fabs(qp->row_lower[i]));
    if (s->slack[i] < 0) continue;
    s->l[s->slack[i]] = qp->row_lower[i];
    s->u[s->slack[i]] = qp->row_upper[i];
  }
  for (int64_t k = 0; k < s->nv; k++) {
    if (isfinite(s->l[k])) most = fmax(most, fabs(s->l[k])), s->pairs++;
    if (isfinite(s->u[k])) most = fmax(most, fabs(s->u[k])), s->pairs++;
  }
  s->limit_size = 1 + most;
  s->cost_size = 1 + vec_norm_inf(s->n, qp->q);
}

/* Cuts numbers off the block; with block NULL only counts. */
static double *cut(double *block, size_t *used, int64_t n) {
  double *at = block ? block + *used : NULL;
  *used += (size_t)n;
  return at;
}

static size_t lay_out(tw_mehrotra *s, double *b) {
  const int64_t n = s->n, m = s->m, nv = s->nv;
  size_t used = 0;
  mehrotra_direction *directions[] = {&s->predictor, &s->d, &s->trial};
  for (int i = 0; i < 3; i++) {
    mehrotra_direction *d = directions[i];
    d->v = cut(b, &used, nv), d->y = cut(b, &used, m);
    d->tl = cut(b, &used, nv), d->tu = cut(b, &used, nv), d->zl = cut(b, &used, nv), d->zu = cut(b, &used, nv);
  }
  s->l = cut(b, &used, nv), s->u = cut(b, &used, nv);
  s->rd = cut(b, &used, nv), s->rp = cut(b, &used, m), s->rl = cut(b, &used, nv), s->ru = cut(b, &used, nv), s->px = cut(b, &used, n);
  s->cl = cut(b, &used, nv), s->cu = cut(b, &used, nv), s->g = cut(b, &used, nv), s->norm = cut(b, &used, nv);
  s->diagonal = cut(b, &used, n), s->shifted = cut(b, &used, n), s->e = cut(b, &used, m), s->e_shifted = cut(b, &used, m);
  s->rhs = cut(b, &used, n + m), s->res = cut(b, &used, n + m), s->sol = cut(b, &used, n + m), s->best = cut(b, &used, n + m);
  return used;
}

static tw_pattern view(const tw_csc *a) {
  return (tw_pattern){.rows = a->rows, .cols = a->cols, .nnz = a->start[a->cols], .colptr = a->start, .rowidx = a->row};
}

tw_status tw_mehrotra_open(tw_mehrotra *s, const tw_qp *qp, tw_error *error) {
  *s = (tw_mehrotra){.qp = qp, .n = qp->n, .m = qp->m};
  const size_t n = (size_t)qp->n, m = (size_t)qp->m;
  s->slack = tw_alloc(m, sizeof *s->slack);
  s->fixed = tw_alloc(n, sizeof *s->fixed), s->held = tw_alloc(n, sizeof *s->held);
  s->no_row = tw_alloc(m, sizeof *s->no_row), s->inactive = tw_alloc(m, sizeof *s->inactive);
  if (!s->slack || !s->fixed || !s->held || !s->no_row || !s->inactive) return tw_fail(error, TW_ERR_MEMORY, "mehrotra: out of memory");
  classify(s);
  s->block = tw_alloc(lay_out(s, NULL), sizeof *s->block);
  if (!s->block) return tw_fail(error, TW_ERR_MEMORY, "mehrotra: out of memory");
  lay_out(s, s->block);
  set_bounds(s);
  const tw_pattern p = view(&qp->p), a = view(&qp->a);
  return tw_kkt_open(&s->kkt, &p, &a, TW_FACTOR_QUASIDEFINITE, error);
}

int64_t tw_mehrotra_state(const tw_mehrotra *s) {
  return MEHROTRA_NUMBERS + 5 * s->nv + s->m;
}

void tw_mehrotra_attach(tw_mehrotra *s, double *state) {
  size_t used = 0;
  s->number = cut(state, &used, MEHROTRA_NUMBERS);
  s->v = cut(state, &used, s->nv), s->y = cut(state, &used, s->m);
  s->tl = cut(state, &used, s->nv), s->tu = cut(state, &used, s->nv), s->zl = cut(state, &used, s->nv), s->zu = cut(state, &used, s->nv);
  s->known = false;
}

void tw_mehrotra_close(tw_mehrotra *s) {
  tw_kkt_close(&s->kkt);
  free(s->slack);
  free(s->fixed), free(s->held);
  free(s->no_row), free(s->inactive);
  free(s->block);
}

/* ------------------------------------------------------------------ start */

/* v = the point of [l, u] nearest to 0, moved to A x = s by the least amount; y = that of the least |P x + q + A'y|, |y_s|. */
static tw_status least_norms(tw_mehrotra *s, tw_error *error) {
  const int64_t n = s->n, m = s->m;
  double left;
  for (int64_t k = 0; k < s->nv; k++) s->v[k] = fmin(fmax(0, s->l[k]), s->u[k]);
  for (int64_t j = 0; j < n; j++)
    if (s->fixed[j]) s->v[j] = s->qp->lower[j];
  for (int64_t j = 0; j < n; j++) s->diagonal[j] = 1;
  for (int64_t i = 0; i < m; i++) s->e[i] = s->slack[i] >= 0 ? 1 : 0;
  TW_TRY(mehrotra_factor(s, s->fixed, s->no_row, error));
  tw_mehrotra_measure(s);
  vec_zero(n, s->rhs);
  for (int64_t i = 0; i < m; i++) s->rhs[n + i] = -s->rp[i];
  TW_TRY(mehrotra_solve(s, s->fixed, s->no_row, &left, error));
  vec_axpy(n, 1, s->sol, s->v);
  for (int64_t i = 0; i < m; i++)
    if (s->slack[i] >= 0) s->v[s->slack[i]] += s->sol[n + i];
  tw_mehrotra_measure(s);
  for (int64_t j = 0; j < n; j++) s->rhs[j] = s->fixed[j] ? 0 : -s->px[j] - s->qp->q[j];
  vec_zero(m, s->rhs + n);
  TW_TRY(mehrotra_solve(s, s->fixed, s->no_row, &left, error));
  vec_copy(m, s->sol + n, s->y);
  return TW_OK;
}

/* Gaps and multipliers as they are, of either sign. */
static void take_gaps(tw_mehrotra *s) {
  tw_mehrotra_measure(s);
  for (int64_t k = 0; k < s->nv; k++) {
    const double z = -s->rd[k]; /* what zu - zl should be */
    const bool below = s->l[k] > -INFINITY, above = s->u[k] < INFINITY;
    s->tl[k] = below ? s->v[k] - s->l[k] : 0;
    s->tu[k] = above ? s->u[k] - s->v[k] : 0;
    s->zl[k] = below ? (above ? fmax(-z, 0) : -z) : 0;
    s->zu[k] = above ? (below ? fmax(z, 0) : z) : 0;
  }
}

/* Calls for every pair. */
static void shift(tw_mehrotra *s, double gap, double multiplier) {
  for (int64_t k = 0; k < s->nv; k++) {
    if (s->l[k] > -INFINITY) s->tl[k] += gap, s->zl[k] += multiplier;
    if (s->u[k] < INFINITY) s->tu[k] += gap, s->zu[k] += multiplier;
  }
}

tw_status tw_mehrotra_start(tw_mehrotra *s, tw_error *error) {
  vec_zero(tw_mehrotra_state(s), s->number);
  TW_TRY(least_norms(s, error));
  take_gaps(s);
  double gap = 0, multiplier = 0, products = 0, gaps = 0, multipliers = 0;
  for (int64_t k = 0; k < s->nv; k++) {
    gap = fmax(gap, -1.5 * fmin(s->tl[k], s->tu[k]));
    multiplier = fmax(multiplier, -1.5 * fmin(s->zl[k], s->zu[k]));
  }
  shift(s, gap, multiplier);
  for (int64_t k = 0; k < s->nv; k++) {
    products += s->tl[k] * s->zl[k] + s->tu[k] * s->zu[k];
    gaps += s->tl[k] + s->tu[k];
    multipliers += s->zl[k] + s->zu[k];
  }
  const bool plain = products > 0;
  shift(s, plain ? 0.5 * products / multipliers : 1, plain ? 0.5 * products / gaps : 1);
  tw_mehrotra_measure(s);
  s->number[MEHROTRA_BEST] = tw_mehrotra_error(s);
  return TW_OK;
}
