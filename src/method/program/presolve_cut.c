/* What the steps of a layer leave: with x = T v + t, where t holds fixed values and T the columns left and the aggregated ones,
 *
 *   A T,  T'P T,  T'(q + P t)
 *
 * of the rows that are left. What cancels to rounding is 0. */
#include "linear/csc.h"
#include "method/program/presolve_work.h"

typedef struct cutting {
  const presolve_work *w;
  int64_t *place, *row_place; /* n, m: in what is left, or -1; of an aggregated column that of x_k */
  double *factor, *shift;     /* n: T and t */
  int64_t *head, *next;       /* n: columns that were added to a column, a list */
  double *sum, *size;         /* m */
  int64_t *touched;           /* m */
} cutting;

static int ascending(const void *a, const void *b) {
  const int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
  return (p > q) - (p < q);
}

/* The places of columns and rows, T and t. */
static void number_all(cutting *c) {
  presolve_layer *s = c->w->s;
  const int64_t n = s->qp->n, m = s->qp->m;
  int64_t cols = 0, rows = 0;
  for (int64_t j = 0; j < n; j++) {
    c->head[j] = c->next[j] = -1;
    c->place[j] = column_left(c->w, j) ? cols : -1;
    if (c->place[j] >= 0) s->column[cols++] = j, c->factor[j] = 1;
  }
  for (int64_t i = 0; i < m; i++) {
    c->row_place[i] = row_left(c->w, i) ? rows : -1;
    if (c->row_place[i] >= 0) s->row[rows++] = i;
  }
  s->left.n = cols, s->left.m = rows;
  for (int64_t t = 0; t < s->steps; t++) {
    const presolve_step *e = &s->step[t];
    if (e->kind == PRESOLVE_FIX) c->shift[e->j] = e->value;
    if (e->kind != PRESOLVE_AGGREGATE) continue;
    c->place[e->j] = c->place[e->k], c->factor[e->j] = -e->b / e->a, c->shift[e->j] = e->value / e->a;
    c->next[e->j] = c->head[e->k], c->head[e->k] = e->j;
  }
}

/* ------------------------------------------------------------------ A T */

/* Adds column j into the sums; how many rows are touched then. */
static int64_t add_column(cutting *c, int64_t j, int64_t touched) {
  const tw_csc *a = &c->w->qp->a;
  for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
    const int64_t i = a->row[k];
    const double v = c->factor[j] * a->value[k];
    if (v == 0 || c->row_place[i] < 0) continue;
    if (c->size[i] == 0) c->touched[touched++] = i;
    c->sum[i] += v, c->size[i] += fabs(v);
  }
  return touched;
}

static int64_t write_column(cutting *c, int64_t j, tw_csc *out, int64_t at) {
  int64_t touched = add_column(c, j, 0);
  for (int64_t k = c->head[j]; k >= 0; k = c->next[k]) touched = add_column(c, k, touched);
  if (c->head[j] >= 0) qsort(c->touched, (size_t)touched, sizeof *c->touched, ascending);
  for (int64_t k = 0; k < touched; k++) {
    const int64_t i = c->touched[k];
    if (fabs(c->sum[i]) > PRESOLVE_ROUNDING * c->size[i]) out->row[at] = c->row_place[i], out->value[at++] = c->sum[i];
    c->sum[i] = c->size[i] = 0;
  }
  return at;
}

static tw_status cut_a(cutting *c) {
  const presolve_layer *s = c->w->s;
  tw_csc *out = &c->w->s->left.a;
  const tw_csc *a = &s->qp->a;
  int64_t count = 0, at = 0;
  for (int64_t j = 0; j < s->qp->n; j++)
    if (c->place[j] >= 0) count += a->start[j + 1] - a->start[j];
  TW_TRY(csc_new(out, s->left.m, s->left.n, count, c->w->error));
  for (int64_t j = 0; j < s->left.n; j++) out->start[j + 1] = at = write_column(c, s->column[j], out, at);
  return TW_OK;
}

/* ------------------------------------------------------------------ T'P T */

static tw_status cut_p(cutting *c) {
  const presolve_layer *s = c->w->s;
  const tw_csc *p = &s->qp->p;
  const size_t most = (size_t)p->start[s->qp->n];
  int64_t *row = tw_alloc(most, sizeof *row), *col = tw_alloc(most, sizeof *col), count = 0;
  double *value = tw_alloc(most, sizeof *value);
  tw_status status = row && col && value ? TW_OK : tw_fail(c->w->error, TW_ERR_MEMORY, "presolve: out of memory");
  for (int64_t j = 0; j < s->qp->n && status == TW_OK; j++)
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      const int64_t i = p->row[k], at = c->place[i], to = c->place[j];
      const double v = p->value[k] * c->factor[i] * c->factor[j];
      if (v == 0 || at < 0 || to < 0) continue;
      row[count] = at > to ? at : to, col[count] = at > to ? to : at;
      value[count++] = i != j && at == to ? 2 * v : v;
    }
  if (status == TW_OK) status = tw_csc_from_triplets(&c->w->s->left.p, s->left.n, s->left.n, count, row, col, value, c->w->error);
  free(row), free(col), free(value);
  return status;
}

/* What the costs of columns that went come to: c't + 1/2 t'P t, and c_j b / a of those that equations took in. gradient: P t. */
static double constant(const cutting *c, const double *gradient) {
  const presolve_layer *s = c->w->s;
  double sum = s->qp->constant + 0.5 * vec_dot(s->qp->n, c->shift, gradient) + vec_dot(s->qp->n, c->shift, s->cost);
  for (int64_t t = 0; t < s->steps; t++)
    if (s->step[t].kind == PRESOLVE_ABSORB && s->step[t].cost != 0) {
      const presolve_step *e = &s->step[t];
      sum += e->cost * e->lower / e->a;
    }
  return sum;
}

/* T'(cost + P t); t is 0 for columns that are left. */
static void cut_costs(cutting *c) {
  presolve_layer *s = c->w->s;
  double *gradient = s->px, *size = s->z;
  vec_zero(s->qp->n, gradient);
  tw_qp_add_p(s->qp, 1, c->shift, gradient);
  s->left.constant = constant(c, gradient);
  for (int64_t j = 0; j < s->left.n; j++) size[j] = 0;
  for (int64_t j = 0; j < s->qp->n; j++) {
    if (c->place[j] < 0) continue;
    const double g = c->factor[j] * (s->cost[j] + gradient[j]);
    s->left.q[c->place[j]] += g;
    size[c->place[j]] += fabs(g);
  }
  for (int64_t j = 0; j < s->left.n; j++)
    if (fabs(s->left.q[j]) <= PRESOLVE_ROUNDING * size[j]) s->left.q[j] = 0;
}

/* ------------------------------------------------------------------ */

static tw_status fill(cutting *c) {
  const presolve_work *w = c->w;
  presolve_layer *s = w->s;
  tw_qp *out = &s->left;
  number_all(c);
  const int64_t cols = out->n, rows = out->m;
  TW_TRY(tw_qp_new(out, cols, rows, 0, 0, w->error));
  tw_csc_free(&out->a), tw_csc_free(&out->p);
  TW_TRY(cut_a(c));
  TW_TRY(cut_p(c));
  for (int64_t j = 0; j < cols; j++) out->lower[j] = w->l[s->column[j]], out->upper[j] = w->u[s->column[j]];
  for (int64_t i = 0; i < rows; i++) out->row_lower[i] = w->rl[s->row[i]], out->row_upper[i] = w->ru[s->row[i]];
  cut_costs(c);
  if (!s->qp->kinds) return TW_OK;
  if (!(out->kinds = tw_alloc((size_t)cols, sizeof *out->kinds))) return tw_fail(w->error, TW_ERR_MEMORY, "presolve: out of memory");
  for (int64_t j = 0; j < cols; j++) out->kinds[j] = s->qp->kinds[s->column[j]];
  return TW_OK;
}

tw_status presolve_cut(const presolve_work *w) {
  const size_t n = (size_t)w->qp->n, m = (size_t)w->qp->m;
  int64_t *whole = tw_alloc(3 * n + 2 * m, sizeof *whole);
  double *real = tw_alloc(2 * n + 2 * m, sizeof *real);
  cutting c = {.w = w};
  tw_status status = whole && real ? TW_OK : tw_fail(w->error, TW_ERR_MEMORY, "presolve: out of memory");
  if (status == TW_OK) {
    c.place = whole, c.head = whole + n, c.next = whole + 2 * n, c.row_place = whole + 3 * n, c.touched = c.row_place + m;
    c.factor = real, c.shift = real + n, c.sum = real + 2 * n, c.size = c.sum + m;
    status = fill(&c);
  }
  free(whole), free(real);
  return status;
}
