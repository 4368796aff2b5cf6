/* What a run of ipm reports, and its last step: Newton's method on the active set that the multipliers tell, so that variables lie
 * on their bounds and multipliers of rows that do not press are zero. */
#include "method/program/ipm.h"

enum { POLISH_STEPS = 4 };

typedef struct candidate {
  double *x, *y, *zl, *zu, *c, *g, *j;
  double f;
  tw_optimality error;
  double terms; /* beside the error: see nlp.h */
} candidate;

typedef struct polish {
  tw_ipm *ipm;
  candidate from, to;
  bool *held;     /* n */
  bool *inactive; /* m */
  double *target; /* m */
  double *block;
  bool *flags;
} polish_t;

static void clip(const tw_ipm *ipm, double *x) {
  const tw_oracle *o = ipm->run->oracle;
  if (o->offers & TW_BOUNDS) vec_clip(ipm->n, o->lower, o->upper, x);
}

void ipm_report(tw_ipm *ipm, const ipm_phase *ph) {
  tw_run *run = ipm->run;
  const double sigma = *ipm->nlp.scale;
  vec_copy(ipm->n, ph->at.v, run->x);
  for (int64_t k = 0; k < ipm->n; k++)
    if (ipm->fixed[k]) { /* whatever reduced cost it has */
      double z = ph->g[k];
      for (int64_t p = ipm->nlp.j.colptr[k]; p < ipm->nlp.j.colptr[k + 1]; p++) z += ph->j[p] * ph->y[ipm->nlp.j.rowidx[p]];
      ph->zl[k] = fmax(z, 0);
      ph->zu[k] = fmax(-z, 0);
    }
  clip(ipm, run->x);
  run->f = ph->at.f / sigma;
  for (int64_t i = 0; i < ipm->m; i++) run->dual[i] = ipm->nlp.row[i] * ph->y[i] / sigma;
  run->optimality = tw_nlp_optimality(&ipm->nlp, run->x, ph->at.c, ph->g, ph->j, ph->y, ph->zl, ph->zu);
  run->size = ipm->nlp.terms;
}

static tw_status open_polish(polish_t *s, tw_ipm *ipm) {
  const int64_t n = ipm->n, m = ipm->m, nnz = ipm->nlp.j.nnz, each = 4 * n + 2 * m + nnz;
  *s = (polish_t){.ipm = ipm};
  s->block = tw_alloc((size_t)(2 * each + m), sizeof(double));
  s->flags = tw_alloc((size_t)(n + m), sizeof(bool));
  if (!s->block || !s->flags) return tw_fail(ipm->run->error, TW_ERR_MEMORY, "out of memory");
  candidate *both[] = {&s->from, &s->to};
  for (int i = 0; i < 2; i++) {
    double *b = s->block + i * each;
    *both[i] = (candidate){.x = b, .zl = b + n, .zu = b + 2 * n, .g = b + 3 * n, .y = b + 4 * n};
    both[i]->c = both[i]->y + m, both[i]->j = both[i]->y + 2 * m;
  }
  s->target = s->block + 2 * each;
  s->held = s->flags;
  s->inactive = s->flags + n;
  return TW_OK;
}

/* Everything at a.x with a.y, the reduced costs as the bounds that hold take them. */
static tw_status measure(polish_t *s, candidate *a, bool *finite) {
  tw_ipm *ipm = s->ipm;
  const tw_oracle *o = ipm->run->oracle;
  *finite = false;
  TW_TRY(tw_nlp_value(&ipm->nlp, a->x, &a->f, a->c));
  if (!isfinite(a->f)) return TW_OK;
  TW_TRY(tw_nlp_first(&ipm->nlp, a->x, a->g, a->j, finite));
  if (!*finite) return TW_OK;
  vec_copy(ipm->n, a->g, a->zl);
  tw_nlp_add_jt(&ipm->nlp, a->j, 1, a->y, a->zl);
  for (int64_t k = 0; k < ipm->n; k++) {
    const double z = a->zl[k];
    a->zl[k] = s->held[k] && z > 0 && a->x[k] == o->lower[k] ? z : 0;
    a->zu[k] = s->held[k] && z < 0 && a->x[k] == o->upper[k] ? -z : 0;
  }
  a->error = tw_nlp_optimality(&ipm->nlp, a->x, a->c, a->g, a->j, a->y, a->zl, a->zu);
  a->terms = ipm->nlp.terms;
  return TW_OK;
}

static double total(const tw_ipm *ipm, const tw_optimality *e) {
  return fmax(e->feasibility, fmax(e->stationarity, e->complementarity) / tw_run_scale(ipm->run));
}

/* A bound is active when its multiplier is larger than the distance to it. */
static void active_set(polish_t *s) {
  tw_ipm *ipm = s->ipm;
  const ipm_phase *ph = &ipm->outer;
  const tw_oracle *o = ipm->run->oracle;
  vec_copy(ipm->n, ph->at.v, s->from.x);
  vec_copy(ipm->m, ph->y, s->from.y);
  for (int64_t k = 0; k < ipm->n; k++) {
    const bool l = isfinite(ipm->lower[k]) && ph->zl[k] > ipm_gap_l(ipm, ph->at.v, k);
    const bool u = isfinite(ipm->upper[k]) && ph->zu[k] > ipm_gap_u(ipm, ph->at.v, k);
    s->held[k] = ipm->fixed[k] || l || u;
    if (s->held[k]) s->from.x[k] = u ? o->upper[k] : o->lower[k];
  }
  for (int64_t i = 0; i < ipm->m; i++) {
    const int64_t k = ipm->slack[i];
    const bool l = k >= 0 && isfinite(ipm->lower[k]) && ph->zl[k] > ipm_gap_l(ipm, ph->at.v, k);
    const bool u = k >= 0 && isfinite(ipm->upper[k]) && ph->zu[k] > ipm_gap_u(ipm, ph->at.v, k);
    s->inactive[i] = k != -1 && !l && !u;
    s->target[i] = s->inactive[i] ? 0 : ipm->nlp.row[i] * (u ? o->c_upper[i] : o->c_lower[i]);
    if (s->inactive[i]) s->from.y[i] = 0;
  }
  clip(ipm, s->from.x);
}

/* to = from + Newton's step on the active set. */
static tw_status newton(polish_t *s, bool *usable) {
  tw_ipm *ipm = s->ipm;
  const int64_t n = ipm->n, m = ipm->m;
  int64_t negative;
  double *xy = ipm->xy;
  TW_TRY(tw_nlp_second(&ipm->nlp, s->from.x, 1, s->from.y, ipm->h, usable));
  if (!*usable) return TW_OK;
  vec_zero(n, ipm->diagonal);
  vec_zero(m, ipm->e);
  TW_TRY(tw_kkt_factor(&ipm->kkt, ipm->h, s->from.j, ipm->diagonal, ipm->e, s->held, s->inactive, &negative, ipm->run->error));
  if (!(*usable = negative == m)) return TW_OK;
  vec_copy(n, s->from.g, ipm->residual);
  tw_nlp_add_jt(&ipm->nlp, s->from.j, 1, s->from.y, ipm->residual);
  for (int64_t k = 0; k < n; k++) xy[k] = s->held[k] ? 0 : -ipm->residual[k];
  for (int64_t i = 0; i < m; i++) xy[n + i] = s->inactive[i] ? 0 : s->target[i] - s->from.c[i];
  const tw_status status = tw_kkt_solve(&ipm->kkt, xy, ipm->run->error);
  if (status == TW_ERR_MEMORY) return status;
  if (!(*usable = status == TW_OK)) return TW_OK;
  vec_add(n, s->from.x, 1, xy, s->to.x);
  vec_add(m, s->from.y, 1, xy + n, s->to.y);
  clip(ipm, s->to.x);
  return TW_OK;
}

/* Newton's steps while the error halves; from: the best point. */
static tw_status refine(polish_t *s) {
  for (int step = 0; step < POLISH_STEPS; step++) {
    bool usable;
    TW_TRY(newton(s, &usable));
    if (!usable) return TW_OK;
    TW_TRY(measure(s, &s->to, &usable));
    if (!usable || !(total(s->ipm, &s->to.error) < 0.5 * total(s->ipm, &s->from.error))) return TW_OK;
    const candidate swap = s->from;
    s->from = s->to, s->to = swap;
  }
  return TW_OK;
}

static void accept(polish_t *s) {
  tw_ipm *ipm = s->ipm;
  tw_run *run = ipm->run;
  vec_copy(ipm->n, s->from.x, run->x);
  run->f = s->from.f / *ipm->nlp.scale;
  for (int64_t i = 0; i < ipm->m; i++) run->dual[i] = ipm->nlp.row[i] * s->from.y[i] / *ipm->nlp.scale;
  run->optimality = s->from.error;
  run->size = s->from.terms;
}

/* The point as it is. */
static tw_status measure_clipped(polish_t *s, candidate *a, bool *finite) {
  tw_ipm *ipm = s->ipm;
  vec_copy(ipm->n, ipm->outer.at.v, a->x);
  vec_copy(ipm->m, ipm->outer.y, a->y);
  clip(ipm, a->x);
  TW_TRY(measure(s, a, finite));
  if (!*finite) return TW_OK;
  vec_copy(ipm->n, ipm->outer.zl, a->zl);
  vec_copy(ipm->n, ipm->outer.zu, a->zu);
  a->error = tw_nlp_optimality(&ipm->nlp, a->x, a->c, a->g, a->j, a->y, a->zl, a->zu);
  a->terms = ipm->nlp.terms;
  return TW_OK;
}

/* Only equalities: no active set to find, and the phase's point is as good as Newton's method makes it. */
static bool is_plain(const tw_ipm *ipm) {
  for (int64_t k = 0; k < ipm->nv; k++)
    if (isfinite(ipm->lower[k]) || isfinite(ipm->upper[k])) return false;
  return true;
}

tw_status ipm_polish(tw_ipm *ipm) {
  polish_t s;
  if (is_plain(ipm)) return TW_OK;
  bool finite, plain = false;
  tw_status status = open_polish(&s, ipm);
  ipm_report(ipm, &ipm->outer);
  if (status == TW_OK) active_set(&s);
  if (status == TW_OK) status = measure_clipped(&s, &s.to, &plain);
  const tw_optimality before = plain ? s.to.error : ipm->run->optimality;
  if (status == TW_OK && plain) {
    ipm->run->f = s.to.f / *ipm->nlp.scale;
    ipm->run->optimality = before;
    ipm->run->size = s.to.terms;
  }
  if (status == TW_OK) status = measure(&s, &s.from, &finite);
  if (status == TW_OK && finite) {
    status = ipm->nlp.bfgs ? TW_OK : refine(&s);
    const double after = total(ipm, &s.from.error);
    if (after <= total(ipm, &before) || after <= 0.1 * ipm->tol) accept(&s);
  }
  free(s.block);
  free(s.flags);
  return status;
}
