/* Rows that are multiples of each other: found by sorting hashes of their columns and ratios (Tomlin & Welch 1986), merged into one. */
#include "method/program/presolve_work.h"

typedef struct fingerprint {
  uint64_t hash;
  int64_t row;
} fingerprint;

static int by_hash(const void *a, const void *b) {
  const fingerprint *p = a, *q = b;
  if (p->hash != q->hash) return p->hash < q->hash ? -1 : 1;
  return (p->row > q->row) - (p->row < q->row);
}

/* The next entry of row i at or after place k of A'. */
static int64_t next_entry(const presolve_work *w, int64_t i, int64_t k) {
  const tw_csc *at = &w->s->at;
  while (k < at->start[i + 1] && (at->value[k] == 0 || !column_left(w, at->row[k]))) k++;
  return k;
}

/* Of the columns and the ratios to the first entry, to 9 digits. */
static uint64_t hash_row(const presolve_work *w, int64_t i) {
  const tw_csc *at = &w->s->at;
  int64_t k = next_entry(w, i, at->start[i]);
  const double first = at->value[k];
  uint64_t hash = 0;
  for (; k < at->start[i + 1]; k = next_entry(w, i, k + 1)) {
    const float ratio = (float)(at->value[k] / first) + 0.0F;
    hash = tw_hash(&at->row[k], sizeof at->row[k], hash);
    hash = tw_hash(&ratio, sizeof ratio, hash);
  }
  return hash;
}

/* Row i = *factor times row k? */
static bool is_multiple(const presolve_work *w, int64_t i, int64_t k, double *factor) {
  const tw_csc *at = &w->s->at;
  int64_t p = next_entry(w, i, at->start[i]), q = next_entry(w, k, at->start[k]);
  *factor = at->value[p] / at->value[q];
  while (p < at->start[i + 1] && q < at->start[k + 1]) {
    if (at->row[p] != at->row[q] || at->value[p] != *factor * at->value[q]) return false;
    p = next_entry(w, i, p + 1), q = next_entry(w, k, q + 1);
  }
  return p == at->start[i + 1] && q == at->start[k + 1];
}

/* Row i goes, its limits to row k. */
static tw_status merge(presolve_work *w, int64_t i, int64_t k, double factor) {
  const double low = (factor > 0 ? w->rl[i] : w->ru[i]) / factor, high = (factor > 0 ? w->ru[i] : w->rl[i]) / factor;
  const double slack = 1e-12 * (1 + fmax(isfinite(low) ? fabs(low) : 0, isfinite(high) ? fabs(high) : 0));
  if (low > w->ru[k] + slack || high < w->rl[k] - slack) return TW_OK; /* contradict each other: for the solver to prove */
  presolve_step step = {.kind = PRESOLVE_DUPLICATE, .i = i, .j = k, .a = factor};
  step.lower_moved = low > w->rl[k], step.upper_moved = high < w->ru[k];
  const double least = fmax(low, w->rl[k]), most = fmin(high, w->ru[k]);
  w->rl[k] = least;
  w->ru[k] = fmax(least, most);
  if (least > most) step.upper_moved = false, w->rl[k] = w->ru[k] = step.lower_moved ? most : least;
  return presolve_remove_row(w, step);
}

tw_status presolve_duplicates(presolve_work *w) {
  const int64_t m = w->qp->m;
  fingerprint *print = tw_alloc((size_t)m, sizeof *print);
  int64_t count = 0;
  if (!print) return tw_fail(w->error, TW_ERR_MEMORY, "presolve: out of memory");
  for (int64_t i = 0; i < m; i++)
    if (row_left(w, i) && w->row_count[i] > 1) print[count++] = (fingerprint){hash_row(w, i), i};
  qsort(print, (size_t)count, sizeof *print, by_hash);
  tw_status status = TW_OK;
  for (int64_t p = 0; p + 1 < count && status == TW_OK; p++) {
    double factor;
    if (print[p].hash == print[p + 1].hash && is_multiple(w, print[p].row, print[p + 1].row, &factor))
      status = merge(w, print[p].row, print[p + 1].row, factor);
  }
  free(print);
  return status;
}
