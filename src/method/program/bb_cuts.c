/* Cuts at the root: which are kept, and the program with them. */
#include "method/program/bb.h"
#include "method/program/bb_cut.h"

#include "linear/csc.h"

#include <stdlib.h>

enum { ROUNDS = 12, IDLE_MOST = 3, EACH_ROUND = 40, TOGETHER = 6 }; /* rows in a sum */
static const double EFFICACY = 1e-3, ALIKE = 0.9, TINY = 1e-9, LOOSE = 1e-6, PROGRESS = 1e-4, WORTH = 1e-3;

/* ------------------------------------------------------------------ the cutter */

void tw_cut_free(tw_cut *cut) {
  free(cut->col), free(cut->value);
  *cut = (tw_cut){0};
}

/* Rows x_j - most y <= 0 of a continuous and an integer variable. */
static void find_variable_bounds(tw_cutter *c) {
  for (int64_t j = 0; j < c->n; j++) c->binary[j] = -1;
  for (int64_t i = 0; i < c->m; i++) {
    const int64_t p = c->rows->start[i];
    if (c->rows->start[i + 1] - p != 2) continue;
    for (int side = 0; side < 2; side++) {
      const int64_t j = c->rows->row[p + side], y = c->rows->row[p + 1 - side];
      const double v = c->rows->value[p + side], w = c->rows->value[p + 1 - side];
      const double limit = v > 0 ? c->qp->row_upper[i] : c->qp->row_lower[i];
      if (c->place[j] >= 0 || c->place[y] < 0 || limit != 0 || !(-w / v > 0)) continue;
      if (c->binary[j] < 0 || -w / v < c->most[j]) c->binary[j] = y, c->most[j] = -w / v;
    }
  }
}

tw_status tw_cutter_open(tw_cutter *c, tw_error *error) {
  const size_t n = (size_t)c->n;
  c->binary = tw_alloc(n, sizeof *c->binary);
  c->index = tw_alloc(2 * n, sizeof *c->index);
  c->most = tw_alloc(6 * n + (size_t)c->m, sizeof *c->most);
  c->used = tw_alloc((size_t)c->m, sizeof *c->used);
  c->cut = NULL, c->cuts = c->room = 0;
  if (!c->binary || !c->index || !c->most || !c->used) return tw_fail(error, TW_ERR_MEMORY, "out of memory for cuts");
  c->a = c->most + n, c->row = c->a + n, c->memory = c->row + n, c->activity = c->most + 6 * n;
  find_variable_bounds(c);
  return TW_OK;
}

void tw_cutter_clear(tw_cutter *c) {
  for (size_t k = 0; k < c->cuts; k++) tw_cut_free(&c->cut[k]);
  c->cuts = 0;
}

void tw_cutter_close(tw_cutter *c) {
  tw_cutter_clear(c);
  free(c->cut), free(c->binary), free(c->index), free(c->most), free(c->used);
}

/* c->a x <= limit as a cut: entries that are next to nothing leave for the bound that keeps it valid. */
static tw_status push(tw_cutter *c, double limit, tw_error *error) {
  const double most = vec_norm_inf(c->n, c->a);
  double left = 0, square = 0;
  int64_t count = 0;
  for (int64_t j = 0; j < c->n; j++) {
    if (c->a[j] == 0) continue;
    if (fabs(c->a[j]) <= TINY * most) {
      const double bound = c->a[j] > 0 ? c->lower[j] : c->upper[j];
      if (!isfinite(bound)) return TW_OK;
      limit -= c->a[j] * bound;
      c->a[j] = 0;
      continue;
    }
    left += c->a[j] * c->x[j], square += c->a[j] * c->a[j], count++;
  }
  limit += 1e-10 * fmax(1, fabs(limit));
  tw_cut cut = {.limit = limit, .efficacy = count > 0 ? (left - limit) / sqrt(square) : 0};
  if (!(cut.efficacy > EFFICACY) || !isfinite(limit)) return TW_OK;
  tw_cut *grown = tw_grow(c->cut, &c->room, c->cuts + 1, sizeof *grown);
  if (grown) c->cut = grown;
  cut.col = tw_alloc((size_t)count, sizeof *cut.col), cut.value = tw_alloc((size_t)count, sizeof *cut.value);
  if (!grown || !cut.col || !cut.value) {
    tw_cut_free(&cut);
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for cuts");
  }
  for (int64_t j = 0; j < c->n; j++)
    if (c->a[j] != 0) cut.col[cut.count] = j, cut.value[cut.count++] = c->a[j];
  c->cut[c->cuts++] = cut;
  return TW_OK;
}

/* ------------------------------------------------------------------ sums of rows */

/* How far a continuous variable is from the nearest of its bounds. */
static double inside(const tw_cutter *c, int64_t j) {
  const double below = c->binary[j] >= 0 ? c->most[j] * c->x[c->binary[j]] - c->x[j] : INFINITY;
  return fmin(below, fmin(c->x[j] - c->lower[j], c->upper[j] - c->x[j]));
}

static void add_row(tw_cutter *c, int64_t i, double factor, double *b) {
  c->used[i] = true;
  for (int64_t p = c->rows->start[i]; p < c->rows->start[i + 1]; p++) c->row[c->rows->row[p]] += factor * c->rows->value[p];
  *b += factor * (factor > 0 ? c->qp->row_upper[i] : c->qp->row_lower[i]);
}

/* The row that takes x_j out of the sum and leaves least room at x; -1: none. */
static int64_t partner(const tw_cutter *c, int64_t j, double *factor) {
  int64_t best = -1;
  double least = 1e-6;
  for (int64_t p = c->qp->a.start[j]; p < c->qp->a.start[j + 1]; p++) {
    const int64_t i = c->qp->a.row[p];
    if (i >= c->m || c->used[i] || fabs(c->qp->a.value[p]) < 1e-9) continue;
    const double f = -c->row[j] / c->qp->a.value[p], limit = f > 0 ? c->qp->row_upper[i] : c->qp->row_lower[i];
    const double slack = isfinite(limit) ? fabs(limit - c->activity[i]) / fmax(1, fabs(limit)) : INFINITY;
    if (slack < least) least = slack, best = i, *factor = f;
  }
  return best;
}

/* Another row for the continuous variable furthest inside its bounds (Marchand & Wolsey 2001, 3.1); false: there is none. */
static bool extend(tw_cutter *c, double *b) {
  int64_t worst = -1;
  double most = 1e-6, factor;
  for (int64_t j = 0; j < c->n; j++)
    if (c->place[j] < 0 && fabs(c->row[j]) > 1e-9 && inside(c, j) > most) most = inside(c, j), worst = j;
  const int64_t i = worst >= 0 ? partner(c, worst, &factor) : -1;
  if (i < 0) return false;
  add_row(c, i, factor, b);
  c->row[worst] = 0;
  return true;
}

static tw_status round_sums(tw_cutter *c, int64_t i, double sign, tw_error *error) {
  double b = 0, limit;
  vec_zero(c->n, c->row);
  memset(c->used, 0, (size_t)c->m * sizeof *c->used);
  add_row(c, i, sign, &b);
  for (int rows = 1;; rows++) {
    const size_t before = c->cuts;
    if (tw_cut_mir(c, b, &limit)) TW_TRY(push(c, limit, error));
    if (c->cuts > before || rows == TOGETHER || !extend(c, &b)) return TW_OK;
  }
}

tw_status tw_cutter_separate(tw_cutter *c, tw_error *error) {
  vec_zero(c->m, c->activity);
  for (int64_t i = 0; i < c->m; i++)
    for (int64_t p = c->rows->start[i]; p < c->rows->start[i + 1]; p++) c->activity[i] += c->rows->value[p] * c->x[c->rows->row[p]];
  for (int64_t i = 0; i < c->m; i++)
    for (int sign = -1; sign <= 1; sign += 2) {
      double limit;
      if (!isfinite(sign > 0 ? c->qp->row_upper[i] : c->qp->row_lower[i])) continue;
      TW_TRY(round_sums(c, i, sign, error));
      if (tw_cut_cover(c, i, sign, &limit)) TW_TRY(push(c, limit, error));
    }
  return TW_OK;
}

/* ------------------------------------------------------------------ choosing */

static int by_efficacy(const void *a, const void *b) {
  const tw_cut *p = a, *q = b;
  return p->efficacy > q->efficacy ? -1 : p->efficacy < q->efficacy;
}

/* The cosine of two rows. */
static double likeness(const tw_cut *a, const tw_cut *b) {
  double dot = 0, aa = 0, bb = 0;
  for (int64_t p = 0, q = 0; p < a->count && q < b->count;) {
    if (a->col[p] == b->col[q])
      dot += a->value[p++] * b->value[q++];
    else if (a->col[p] < b->col[q])
      p++;
    else
      q++;
  }
  for (int64_t p = 0; p < a->count; p++) aa += a->value[p] * a->value[p];
  for (int64_t q = 0; q < b->count; q++) bb += b->value[q] * b->value[q];
  return dot / sqrt(aa * bb);
}

typedef struct pool { /* cuts that are rows of the program */
  tw_cut *cut;
  size_t count, most;
} pool;

/* The deepest of those found that are not alike go over to the pool. */
static int64_t choose(tw_cutter *c, pool *rows) {
  const size_t before = rows->count;
  if (c->cuts > 0) qsort(c->cut, c->cuts, sizeof *c->cut, by_efficacy);
  for (size_t k = 0; k < c->cuts && rows->count < rows->most && rows->count - before < EACH_ROUND; k++) {
    bool alike = false;
    for (size_t r = before; r < rows->count && !alike; r++) alike = likeness(&c->cut[k], &rows->cut[r]) > ALIKE;
    if (alike) continue;
    rows->cut[rows->count++] = c->cut[k];
    c->cut[k] = (tw_cut){0};
  }
  tw_cutter_clear(c);
  return (int64_t)(rows->count - before);
}

/* ------------------------------------------------------------------ the program */

/* The program `from` with the rows of the pool after its own. */
static tw_status state_program(tw_qp *out, const tw_qp *from, const pool *rows, tw_error *error) {
  const int64_t m = from->m + (int64_t)rows->count;
  int64_t count = from->a.start[from->n], at = 0;
  for (size_t k = 0; k < rows->count; k++) count += rows->cut[k].count;
  TW_TRY(tw_qp_new(out, from->n, m, 0, 0, error));
  tw_csc_free(&out->a), tw_csc_free(&out->p);
  TW_TRY(csc_copy(&out->p, &from->p, error));
  int64_t *row = tw_alloc((size_t)count, sizeof *row), *col = tw_alloc((size_t)count, sizeof *col);
  double *value = tw_alloc((size_t)count, sizeof *value);
  tw_status status = row && col && value ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for cuts");
  for (int64_t j = 0; j < from->n && status == TW_OK; j++)
    for (int64_t p = from->a.start[j]; p < from->a.start[j + 1]; p++, at++)
      row[at] = from->a.row[p], col[at] = j, value[at] = from->a.value[p];
  for (size_t k = 0; k < rows->count && status == TW_OK; k++)
    for (int64_t p = 0; p < rows->cut[k].count; p++, at++)
      row[at] = from->m + (int64_t)k, col[at] = rows->cut[k].col[p], value[at] = rows->cut[k].value[p];
  if (status == TW_OK) status = tw_csc_from_triplets(&out->a, m, from->n, count, row, col, value, error);
  free(row), free(col), free(value);
  out->constant = from->constant;
  vec_copy(from->n, from->q, out->q), vec_copy(from->n, from->lower, out->lower), vec_copy(from->n, from->upper, out->upper);
  vec_copy(from->m, from->row_lower, out->row_lower), vec_copy(from->m, from->row_upper, out->row_upper);
  for (size_t k = 0; k < rows->count; k++) out->row_upper[from->m + (int64_t)k] = rows->cut[k].limit;
  return status;
}

/* A vertex of the relaxation; false where there is none to be had. */
static tw_status solve_vertex(tw_bb *bb, const tw_qp *qp, double *f, bool *solved) {
  tw_bb_lp *lp;
  TW_TRY(tw_bb_lp_new(&lp, qp, bb->run->error));
  *solved = lp && tw_bb_lp_solve(lp, bb->x, bb->y, f) == TW_BB_LP_SOLVED;
  tw_bb_lp_free(lp);
  return TW_OK;
}

/* Cuts that the last vertex does not touch leave. */
static void drop_loose(const tw_bb *bb, pool *rows) {
  size_t kept = 0;
  for (size_t k = 0; k < rows->count; k++) {
    tw_cut *cut = &rows->cut[k];
    double left = 0;
    for (int64_t p = 0; p < cut->count; p++) left += cut->value[p] * bb->x[cut->col[p]];
    if (left < cut->limit - LOOSE * fmax(1, fabs(cut->limit)))
      tw_cut_free(cut);
    else
      rows->cut[kept++] = *cut;
  }
  rows->count = kept;
}

static void empty(pool *rows) {
  for (size_t k = 0; k < rows->count; k++) tw_cut_free(&rows->cut[k]);
  rows->count = 0;
}

/* Round by round: the relaxation's vertex, cuts that it violates, the program with them. `with` is the program at last; where its value
 * hardly rises it has no cuts, which every node would pay for. */
static tw_status rounds(tw_bb *bb, tw_cutter *c, pool *rows, const tw_qp *base, tw_qp *with) {
  double f, first = 0, before = -INFINITY;
  bool solved;
  int idle = 0;
  for (int round = 0; round < ROUNDS && idle < IDLE_MOST; round++) {
    TW_TRY(tw_driver_check_budget(bb->run->driver, bb->run->error));
    TW_TRY(solve_vertex(bb, with, &f, &solved));
    if (!solved) {
      empty(rows);
      break;
    }
    if (round == 0) first = f;
    idle = f > before + PROGRESS * fmax(1, fabs(f)) ? 0 : idle + 1;
    before = f;
    drop_loose(bb, rows);
    TW_TRY(tw_cutter_separate(c, bb->run->error));
    if (choose(c, rows) == 0) break;
    tw_qp_free(with);
    TW_TRY(state_program(with, base, rows, bb->run->error));
  }
  if (before < first + WORTH * fmax(1, fabs(first))) empty(rows);
  tw_qp_free(with);
  return state_program(with, base, rows, bb->run->error);
}

int64_t tw_bb_cuts_most(const tw_bb *bb) {
  return bb->ni > 0 && bb->is_qp && tw_qp_is_linear(&bb->qp) ? 40 + 2 * bb->m : 0;
}

tw_status tw_bb_cut(tw_bb *bb) {
  pool rows = {.most = (size_t)tw_bb_cuts_most(bb)};
  if (rows.most == 0) return TW_OK;
  tw_error *error = bb->run->error;
  tw_cutter c = {.n = bb->n, .m = bb->m, .qp = &bb->qp, .rows = &bb->rows, .place = bb->place, .lower = bb->root_lower,
                 .upper = bb->root_upper, .x = bb->x};
  tw_qp with = {0};
  rows.cut = tw_alloc(rows.most, sizeof *rows.cut);
  tw_status status = rows.cut ? tw_cutter_open(&c, error) : tw_fail(error, TW_ERR_MEMORY, "out of memory for cuts");
  if (status == TW_OK) status = state_program(&with, &bb->qp, &rows, error);
  if (status == TW_OK) status = rounds(bb, &c, &rows, &bb->qp, &with);
  if (rows.cut) tw_cutter_close(&c);
  if (status == TW_OK && rows.count > 0) {
    const tw_qp without = bb->qp;
    bb->qp = with, with = without;
    tw_csc_free(&bb->rows);
    status = tw_csc_transpose(&bb->rows, &bb->qp.a, error);
  }
  tw_qp_free(&with);
  empty(&rows);
  free(rows.cut);
  return status;
}
