/* The memory of a run of ipm: what is saved, what is found again, scratch. */
#include "method/program/ipm.h"

/* Slacks in the order of their rows; without a limit on their number of bounds. */
static void classify(tw_ipm *ipm) {
  const tw_oracle *o = ipm->run->oracle;
  ipm->nv = ipm->n;
  for (int64_t k = 0; k < ipm->n; k++) ipm->fixed[k] = (o->offers & TW_BOUNDS) && o->lower[k] == o->upper[k];
  for (int64_t i = 0; i < ipm->m; i++) {
    const double l = o->c_lower[i], u = o->c_upper[i];
    ipm->no_row[i] = l == -INFINITY && u == INFINITY;
    ipm->slack[i] = ipm->no_row[i] ? -2 : l == u ? -1 : ipm->nv;
    if (ipm->slack[i] >= 0) ipm->slack_row[ipm->nv++ - ipm->n] = i;
  }
}

void ipm_bounds(tw_ipm *ipm) {
  const tw_oracle *o = ipm->run->oracle;
  for (int64_t k = 0; k < ipm->n; k++) {
    const bool bounded = (o->offers & TW_BOUNDS) && !ipm->fixed[k];
    ipm->lower[k] = bounded ? o->lower[k] : -INFINITY;
    ipm->upper[k] = bounded ? o->upper[k] : INFINITY;
  }
  for (int64_t i = 0; i < ipm->m; i++) {
    const double r = ipm->nlp.row[i];
    const int64_t k = ipm->slack[i];
    ipm->target[i] = k == -1 ? r * o->c_lower[i] : 0;
    if (k < 0) continue;
    ipm->lower[k] = r * o->c_lower[i];
    ipm->upper[k] = r * o->c_upper[i];
  }
}

/* The saved vectors of a phase, under names of its own. */
static tw_status fetch_phase(tw_ipm *ipm, ipm_phase *ph, const char *prefix) {
  const int64_t nv = ipm->nv, m = ipm->m, elastic = ph->elastic ? m : 0;
  const tw_slot slots[] = {{"number", IPM_PHASE_NUMBERS, &ph->number},
                           {"v", nv, &ph->at.v},
                           {"c", m, &ph->at.c},
                           {"y", m, &ph->y},
                           {"zl", nv, &ph->zl},
                           {"zu", nv, &ph->zu},
                           {"p", elastic, &ph->at.p},
                           {"q", elastic, &ph->at.q},
                           {"zp", elastic, &ph->zp},
                           {"zq", elastic, &ph->zq},
                           {"g", ipm->n, &ph->g},
                           {"j", ipm->nlp.j.nnz, &ph->j},
                           {"filter", 2 * IPM_FILTER_MOST, &ph->filter},
                           {"anchor", ph->elastic ? ipm->n : 0, &ph->anchor},
                           {"weight", ph->elastic ? ipm->n : 0, &ph->weight}};
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
    char name[32];
    snprintf(name, sizeof name, "%s.%s", prefix, slots[i].name);
    if (!(*slots[i].at = tw_run_vector(ipm->run, name, slots[i].n))) return TW_ERR_MEMORY;
  }
  if (!ph->elastic) ph->at.p = ph->at.q = NULL;
  ph->at.f = ph->number[IPM_F];
  return TW_OK;
}

/* Cuts n numbers off the block; with block NULL only counts. */
static double *cut(double *block, size_t *used, int64_t n) {
  double *at = block ? block + *used : NULL;
  *used += (size_t)n;
  return at;
}

static size_t lay_out(tw_ipm *ipm, double *b) {
  const int64_t n = ipm->n, m = ipm->m, nv = ipm->nv;
  size_t used = 0;
  ipm_point *points[] = {&ipm->trial, &ipm->corrected};
  for (int i = 0; i < 2; i++) {
    points[i]->v = cut(b, &used, nv), points[i]->c = cut(b, &used, m);
    ipm->elastic[i] = cut(b, &used, 2 * m);
  }
  ipm_direction *directions[] = {&ipm->d, &ipm->soc};
  for (int i = 0; i < 2; i++) {
    ipm_direction *d = directions[i];
    d->v = cut(b, &used, nv), d->zl = cut(b, &used, nv), d->zu = cut(b, &used, nv), d->y = cut(b, &used, m);
    d->p = cut(b, &used, m), d->q = cut(b, &used, m), d->zp = cut(b, &used, m), d->zq = cut(b, &used, m);
  }
  ipm->h = cut(b, &used, ipm->nlp.h.nnz);
  ipm->diagonal = cut(b, &used, nv), ipm->e = cut(b, &used, m);
  ipm->dual_rhs = cut(b, &used, nv), ipm->row_rhs = cut(b, &used, m);
  ipm->residual = cut(b, &used, nv), ipm->row_residual = cut(b, &used, m);
  ipm->best = cut(b, &used, nv + m), ipm->xy = cut(b, &used, n + m), ipm->rows = cut(b, &used, m);
  ipm->lower = cut(b, &used, nv), ipm->upper = cut(b, &used, nv), ipm->target = cut(b, &used, m);
  return used;
}

static tw_status allocate(tw_ipm *ipm) {
  tw_run *run = ipm->run;
  const size_t n = (size_t)ipm->n, m = (size_t)ipm->m;
  ipm->slack = tw_alloc(m, sizeof *ipm->slack);
  ipm->slack_row = tw_alloc(m, sizeof *ipm->slack_row);
  ipm->fixed = tw_alloc(n, sizeof *ipm->fixed);
  ipm->no_row = tw_alloc(m, sizeof *ipm->no_row);
  if (!ipm->slack || !ipm->slack_row || !ipm->fixed || !ipm->no_row) return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  classify(ipm);
  ipm->block = tw_alloc(lay_out(ipm, NULL), sizeof *ipm->block);
  if (!ipm->block) return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  lay_out(ipm, ipm->block);
  return TW_OK;
}

void ipm_enter(tw_ipm *ipm, ipm_phase *ph) {
  ipm_point *points[] = {&ipm->trial, &ipm->corrected};
  ipm->now = ph;
  ipm->number[IPM_RESTORING] = ph->elastic;
  for (int i = 0; i < 2; i++) {
    points[i]->p = ph->elastic ? ipm->elastic[i] : NULL;
    points[i]->q = ph->elastic ? ipm->elastic[i] + ipm->m : NULL;
  }
}

static tw_status fetch(tw_ipm *ipm) {
  ipm->number = tw_run_vector(ipm->run, "ipm.run", IPM_NUMBERS);
  ipm->start = tw_run_vector(ipm->run, "ipm.start", ipm->n);
  if (!ipm->number || !ipm->start) return TW_ERR_MEMORY;
  TW_TRY(tw_nlp_fetch(&ipm->nlp));
  ipm->inner.elastic = true;
  TW_TRY(fetch_phase(ipm, &ipm->outer, "ipm"));
  TW_TRY(fetch_phase(ipm, &ipm->inner, "ipm.r"));
  ipm_enter(ipm, ipm->number[IPM_RESTORING] != 0 ? &ipm->inner : &ipm->outer);
  ipm_bounds(ipm);
  return TW_OK;
}

tw_status ipm_open(tw_ipm **out, tw_run *run) {
  tw_ipm *ipm = *out = run->local;
  if (ipm) return fetch(ipm);
  if (!(ipm = *out = run->local = tw_alloc(1, sizeof *ipm))) return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  ipm->run = run;
  ipm->n = run->n;
  ipm->m = run->oracle->m;
  ipm->tol = tw_run_tolerance(run);
  TW_TRY(tw_nlp_open(&ipm->nlp, run));
  TW_TRY(tw_kkt_open(&ipm->kkt, &ipm->nlp.h, &ipm->nlp.j, TW_FACTOR_INDEFINITE, run->error));
  TW_TRY(allocate(ipm));
  return fetch(ipm);
}

void ipm_close(tw_run *run) {
  tw_ipm *ipm = run->local;
  if (!ipm) return;
  tw_kkt_close(&ipm->kkt);
  tw_nlp_close(&ipm->nlp);
  free(ipm->slack);
  free(ipm->slack_row);
  free(ipm->fixed);
  free(ipm->no_row);
  free(ipm->block);
  free(ipm);
}
