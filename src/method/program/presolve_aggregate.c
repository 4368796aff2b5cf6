/* Equations of two entries, a x_j + b x_k = value: x_j is put in place everywhere by (value - b x_k) / a, its bounds become bounds of x_k,
 * its column is added to x_k's, which gives no more entries than there were (Andersen & Andersen 1995, section 3.6). A column takes part
 * as the one that goes or, any number of times, as one that stays; chains take several layers. */
#include "method/program/presolve_work.h"

static const double RATIO_MOST = 1e3;

typedef struct pair {
  int64_t row, j, k; /* j goes */
  double a, b;
} pair;

static bool is_whole(double v) {
  return fabs(v) < 1e9 && fabs(v - nearbyint(v)) < 1e-9;
}

static bool may_go(const presolve_work *w, const pair *p) {
  const double value = w->rl[p->row];
  if (w->held && w->held[p->j]) return false;
  if (fabs(p->b) > RATIO_MOST * fabs(p->a) || fabs(p->a) > RATIO_MOST * fabs(p->b)) return false;
  return !is_integer(w, p->j) || (is_integer(w, p->k) && is_whole(p->b / p->a) && is_whole(value / p->a));
}

/* The two columns of row i, the one that goes first: by the shorter column, then the larger entry. */
static bool find_pair(const presolve_work *w, int64_t i, const unsigned char *role, pair *out) {
  const tw_csc *at = &w->s->at;
  pair p = {.row = i, .j = -1, .k = -1};
  for (int64_t e = at->start[i]; e < at->start[i + 1]; e++) {
    if (at->value[e] == 0 || !column_left(w, at->row[e])) continue;
    if (p.j < 0)
      p.j = at->row[e], p.a = at->value[e];
    else
      p.k = at->row[e], p.b = at->value[e];
  }
  if (p.k < 0) return false; /* one of them went before */
  const pair q = {i, p.k, p.j, p.b, p.a};
  const bool first = may_go(w, &p) && role[p.j] == 0 && role[p.k] != 2, second = may_go(w, &q) && role[q.j] == 0 && role[q.k] != 2;
  const int64_t longer = w->column_count[p.j] - w->column_count[p.k];
  *out = first && (!second || longer < 0 || (longer == 0 && fabs(p.a) >= fabs(p.b))) ? p : q;
  return first || second;
}

/* l_j <= (value - b x_k) / a <= u_j as bounds of x_k. */
static void bound_other(presolve_work *w, const pair *p, presolve_step *step) {
  const double l = w->l[p->j], u = w->u[p->j], slope = -p->a / p->b; /* of x_k over x_j */
  double low = (step->value - p->a * (slope > 0 ? l : u)) / p->b, high = (step->value - p->a * (slope > 0 ? u : l)) / p->b;
  if (is_integer(w, p->k)) low = ceil(low - 1e-9), high = floor(high + 1e-9);
  step->lower_moved = low > w->l[p->k], step->upper_moved = high < w->u[p->k];
  if (step->lower_moved) w->l[p->k] = low + 0.0;
  if (step->upper_moved) w->u[p->k] = high + 0.0;
}

static tw_status substitute(presolve_work *w, const pair *p) {
  presolve_step step = {.kind = PRESOLVE_AGGREGATE, .i = p->row, .j = p->j, .k = p->k, .a = p->a, .b = p->b, .value = w->rl[p->row]};
  const double l = w->l[p->k], u = w->u[p->k];
  bound_other(w, p, &step);
  if (w->l[p->k] > w->u[p->k]) { /* a contradiction, or rounding: for the next layer's rows to tell */
    w->l[p->k] = l, w->u[p->k] = u;
    return TW_OK;
  }
  presolve_promote(w, p->row, 0);
  w->s->row_step[p->row] = w->s->column_step[p->j] = w->s->steps;
  presolve_shift_rows(w, p->j, step.value / p->a);
  return presolve_record(w, step);
}

tw_status presolve_aggregate(presolve_work *w) {
  unsigned char *role = tw_alloc((size_t)w->qp->n, sizeof *role); /* 1: stays, 2: goes */
  if (!role) return tw_fail(w->error, TW_ERR_MEMORY, "presolve: out of memory");
  tw_status status = TW_OK;
  for (int64_t i = 0; i < w->qp->m && status == TW_OK; i++) {
    pair p;
    if (!row_left(w, i) || w->row_count[i] != 2 || w->rl[i] != w->ru[i] || !find_pair(w, i, role, &p)) continue;
    status = substitute(w, &p);
    if (row_left(w, i)) continue;
    role[p.j] = 2, role[p.k] = 1;
  }
  free(role);
  return status;
}
