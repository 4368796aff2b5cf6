/* Rows that are multiples of each other are merged into one, and so are columns: found by sorting hashes of their places and ratios
 * (Tomlin & Welch 1986). */
#include "method/program/presolve_work.h"

static const double FACTOR_MOST = 1e3; /* of columns */

typedef struct lines { /* rows, or columns: the columns of a matrix, with those of its rows that are left */
  const tw_csc *m;
  const int64_t *entry_step;
} lines;

typedef struct fingerprint {
  uint64_t hash;
  int64_t line;
} fingerprint;

static int by_hash(const void *a, const void *b) {
  const fingerprint *p = a, *q = b;
  if (p->hash != q->hash) return p->hash < q->hash ? -1 : 1;
  return (p->line > q->line) - (p->line < q->line);
}

/* The next entry of line i at or after place k. */
static int64_t next_entry(const lines *of, int64_t i, int64_t k) {
  while (k < of->m->start[i + 1] && (of->m->value[k] == 0 || of->entry_step[of->m->row[k]] != INT64_MAX)) k++;
  return k;
}

/* Of the places and the ratios to the first entry, to 7 digits. */
static uint64_t hash_line(const lines *of, int64_t i) {
  const tw_csc *m = of->m;
  int64_t k = next_entry(of, i, m->start[i]);
  const double first = m->value[k];
  uint64_t hash = 0;
  for (; k < m->start[i + 1]; k = next_entry(of, i, k + 1)) {
    const float ratio = (float)(m->value[k] / first) + 0.0F;
    hash = tw_hash(&m->row[k], sizeof m->row[k], hash);
    hash = tw_hash(&ratio, sizeof ratio, hash);
  }
  return hash;
}

/* Line i = *factor times line k? */
static bool is_multiple(const lines *of, int64_t i, int64_t k, double *factor) {
  const tw_csc *m = of->m;
  int64_t p = next_entry(of, i, m->start[i]), q = next_entry(of, k, m->start[k]);
  *factor = m->value[p] / m->value[q];
  while (p < m->start[i + 1] && q < m->start[k + 1]) {
    if (m->row[p] != m->row[q] || m->value[p] != *factor * m->value[q]) return false;
    p = next_entry(of, i, p + 1), q = next_entry(of, k, q + 1);
  }
  return p == m->start[i + 1] && q == m->start[k + 1];
}

typedef tw_status merge(presolve_work *w, int64_t i, int64_t k, double factor);

/* Merges the first of every two neighbours among `count` lines, which are hashed here. */
static tw_status merge_lines(presolve_work *w, const lines *of, fingerprint *print, int64_t count, merge *merge_into) {
  tw_status status = TW_OK;
  for (int64_t p = 0; p < count; p++) print[p].hash = hash_line(of, print[p].line);
  qsort(print, (size_t)count, sizeof *print, by_hash);
  for (int64_t p = 0; p + 1 < count && status == TW_OK; p++) {
    double factor;
    if (print[p].hash == print[p + 1].hash && is_multiple(of, print[p].line, print[p + 1].line, &factor))
      status = merge_into(w, print[p].line, print[p + 1].line, factor);
  }
  return status;
}

/* ------------------------------------------------------------------ rows */

/* Row i goes, its limits to row k. */
static tw_status merge_rows(presolve_work *w, int64_t i, int64_t k, double factor) {
  const double low = (factor > 0 ? w->rl[i] : w->ru[i]) / factor, high = (factor > 0 ? w->ru[i] : w->rl[i]) / factor;
  const double slack = 1e-12 * (1 + fmax(isfinite(low) ? fabs(low) : 0, isfinite(high) ? fabs(high) : 0));
  if (low > w->ru[k] + slack || high < w->rl[k] - slack) return TW_OK; /* contradict each other: for the solver to prove */
  presolve_step step = {.kind = PRESOLVE_DUPLICATE, .i = i, .j = k, .a = factor};
  step.lower_moved = low > w->rl[k], step.upper_moved = high < w->ru[k];
  const double least = fmax(low, w->rl[k]), most = fmin(high, w->ru[k]);
  w->rl[k] = least;
  w->ru[k] = fmax(least, most);
  if (least > most) w->rl[k] = w->ru[k] = step.lower_moved ? most : least; /* by rounding; each row keeps its side */
  return presolve_remove_row(w, step);
}

/* ------------------------------------------------------------------ columns */

/* With a_j = f a_k, z_j - f z_k = f q_k - q_j. Where that is not 0 and one of z_j, z_k cannot have a sign, the other has one: if
 * q_j > f q_k and x_k is without limit in the direction of f, x_j lies at its lower bound. */
static bool twin_dominates(presolve_work *w, int64_t j, int64_t k, double f, double *value) {
  const double worse = w->s->cost[j] - f * w->s->cost[k];
  const bool up = (worse > 0) == (f > 0); /* x_k takes over by growing */
  if (up ? w->u[k] < INFINITY : w->l[k] > -INFINITY) return false;
  *value = worse > 0 ? w->l[j] : w->u[j];
  return isfinite(*value);
}

static void stay(presolve_work *w, int64_t j) {
  w->l[j] = w->tl[j], w->u[j] = w->tu[j];
}

/* x_k + f x_j takes the place of x_k: bounds add up. What rows imply of them is kept, lest it is lost with one of them. */
static tw_status join(presolve_work *w, int64_t j, int64_t k, double f) {
  stay(w, j), stay(w, k);
  const presolve_step step = {.kind = PRESOLVE_TWIN, .j = j, .k = k, .a = f, .lower = w->l[k], .upper = w->u[k],
                              .column_lower = w->l[j], .column_upper = w->u[j]};
  w->l[k] += f * (f > 0 ? w->l[j] : w->u[j]), w->u[k] += f * (f > 0 ? w->u[j] : w->l[j]);
  w->tl[k] = w->l[k], w->tu[k] = w->u[k];
  presolve_leave_rows(w, j);
  w->s->column_step[j] = w->s->steps;
  w->joined[k] = w->s->steps + 1;
  return presolve_record(w, step);
}

static tw_status merge_columns(presolve_work *w, int64_t j, int64_t k, double f) {
  const double *cost = w->s->cost, size = w->cost_size[j] + fabs(f) * w->cost_size[k];
  double value;
  if (!column_left(w, j) || fabs(f) > FACTOR_MOST || fabs(f) < 1 / FACTOR_MOST) return TW_OK;
  if (fabs(cost[j] - f * cost[k]) <= PRESOLVE_ROUNDING * size) return join(w, j, k, f);
  if (fabs(cost[j] - f * cost[k]) <= 1e-9 * (1 + size)) return TW_OK;
  if (twin_dominates(w, j, k, f, &value)) return presolve_fix(w, j, value);
  return twin_dominates(w, k, j, 1 / f, &value) ? presolve_fix(w, k, value) : TW_OK;
}

/* ------------------------------------------------------------------ */

tw_status presolve_duplicates(presolve_work *w) {
  const int64_t n = w->qp->n, m = w->qp->m;
  fingerprint *print = tw_alloc((size_t)(n > m ? n : m), sizeof *print);
  int64_t count = 0;
  if (!print) return tw_fail(w->error, TW_ERR_MEMORY, "presolve: out of memory");
  for (int64_t i = 0; i < m; i++)
    if (row_left(w, i) && w->row_count[i] > 1) print[count++].line = i;
  tw_status status = merge_lines(w, &(lines){&w->s->at, w->s->column_step}, print, count, merge_rows);
  count = 0;
  for (int64_t j = 0; j < n; j++)
    if (column_left(w, j) && w->column_count[j] > 0 && is_plain(w, j) && !is_integer(w, j)) print[count++].line = j;
  if (status == TW_OK) status = merge_lines(w, &(lines){&w->qp->a, w->s->row_step}, print, count, merge_columns);
  free(print);
  return status;
}
