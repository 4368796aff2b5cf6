/* Ranging by GLPK, in a copy of the process, for GLPK aborts when it runs out of memory.
 *
 * Crossover: of the n variables and m rows those furthest inside their limits are basic, then those at a limit with the smallest
 * rates; the simplex method goes on from there. Nonbasic costs: c_j may fall by its reduced cost d_j (at a lower bound), or rise
 * by -d_j (at an upper one). Limits of basic rows may move up to the row's value. */
#include "method/ranging.h"

#include "linear/csc.h"
#include "method/program/qp.h"

#ifdef TALWEG_GLPK
#include <glpk.h>

typedef struct candidate {
  double key;
  int at; /* 1 .. m rows, m + 1 .. m + n columns */
} candidate;

typedef struct job {
  const tw_qp *qp;
  const double *x, *y;
  double *ax, *d; /* m, n: rows and reduced costs at x */
  candidate *order;
  tw_basis_ranges *out; /* shared; moved < 0 until all is there */
  glp_prob *lp;
} job;

/* ------------------------------------------------------------------ the program */

static int kind_of(double l, double u) {
  if (l == u) return GLP_FX;
  if (l > -INFINITY) return u < INFINITY ? GLP_DB : GLP_LO;
  return u < INFINITY ? GLP_UP : GLP_FR;
}

static bool load(job *j) {
  const tw_qp *qp = j->qp;
  const size_t count = (size_t)csc_count(&qp->a) + 1;
  int *row = tw_alloc(count, sizeof *row), *col = tw_alloc(count, sizeof *col), at = 0;
  double *value = tw_alloc(count, sizeof *value);
  if (!row || !col || !value) return false;
  glp_term_out(GLP_OFF);
  j->lp = glp_create_prob();
  if (qp->m > 0) glp_add_rows(j->lp, (int)qp->m);
  glp_add_cols(j->lp, (int)qp->n);
  for (int64_t k = 0; k < qp->n; k++) {
    for (int64_t p = qp->a.start[k]; p < qp->a.start[k + 1]; p++)
      row[++at] = (int)qp->a.row[p] + 1, col[at] = (int)k + 1, value[at] = qp->a.value[p];
    glp_set_obj_coef(j->lp, (int)k + 1, qp->q[k]);
    glp_set_col_bnds(j->lp, (int)k + 1, kind_of(qp->lower[k], qp->upper[k]), qp->lower[k], qp->upper[k]);
  }
  for (int64_t i = 0; i < qp->m; i++)
    glp_set_row_bnds(j->lp, (int)i + 1, kind_of(qp->row_lower[i], qp->row_upper[i]), qp->row_lower[i], qp->row_upper[i]);
  glp_load_matrix(j->lp, at, row, col, value);
  free(row), free(col), free(value);
  return true;
}

/* ------------------------------------------------------------------ crossover */

static double inside(double v, double l, double u) {
  return fmin(v - l, u - v);
}

static int by_key(const void *a, const void *b) {
  const candidate *p = a, *q = b;
  return p->key != q->key ? (p->key < q->key ? 1 : -1) : p->at - q->at;
}

static candidate rank(double v, double l, double u, double rate, int at) {
  const double distance = inside(v, l, u), near = 1e-7 * fmax(1, fabs(v));
  return (candidate){distance > near ? distance : l == u ? -INFINITY : -fabs(rate), at};
}

static int status_at(double v, double l, double u) {
  if (l == u) return GLP_NS;
  if (!isfinite(l) && !isfinite(u)) return GLP_NF;
  return v - l <= u - v ? GLP_NL : GLP_NU;
}

static void cross_over(job *j) {
  const tw_qp *qp = j->qp;
  const int64_t n = qp->n, m = qp->m;
  for (int64_t i = 0; i < m; i++) j->order[i] = rank(j->ax[i], qp->row_lower[i], qp->row_upper[i], j->y[i], (int)i + 1);
  for (int64_t k = 0; k < n; k++) j->order[m + k] = rank(j->x[k], qp->lower[k], qp->upper[k], j->d[k], (int)(m + k) + 1);
  qsort(j->order, (size_t)(n + m), sizeof *j->order, by_key);
  for (int64_t k = 0; k < n + m; k++) {
    const int at = j->order[k].at, c = at - (int)m - 1;
    if (at <= m)
      glp_set_row_stat(j->lp, at, k < m ? GLP_BS : status_at(j->ax[at - 1], qp->row_lower[at - 1], qp->row_upper[at - 1]));
    else
      glp_set_col_stat(j->lp, c + 1, k < m ? GLP_BS : status_at(j->x[c], qp->lower[c], qp->upper[c]));
  }
  if (glp_factorize(j->lp) != 0) glp_adv_basis(j->lp, 0);
}

static bool optimize(job *j) {
  glp_smcp how;
  glp_init_smcp(&how);
  how.msg_lev = GLP_MSG_OFF;
  how.tol_bnd = 1e-9, how.tol_dj = 1e-9;
  cross_over(j);
  if (glp_simplex(j->lp, &how) != 0 || glp_get_status(j->lp) != GLP_OPT) {
    glp_std_basis(j->lp);
    if (glp_simplex(j->lp, &how) != 0 || glp_get_status(j->lp) != GLP_OPT) return false;
  }
  return glp_bf_exists(j->lp) || glp_factorize(j->lp) == 0;
}

/* ------------------------------------------------------------------ ranges */

static double infinite(double v) {
  return v <= -DBL_MAX ? -INFINITY : v >= DBL_MAX ? INFINITY : v;
}

/* At the ends of a cost's range the vertex is the same. */
static void range_cost(const job *j, int k, tw_range *r) {
  const int status = glp_get_col_stat(j->lp, k);
  const double f = j->out->objective, d = glp_get_col_dual(j->lp, k), c = glp_get_obj_coef(j->lp, k);
  *r = (tw_range){
      .basic = status == GLP_BS, .value = glp_get_col_prim(j->lp, k), .rate = d, .now = c, .low = -INFINITY, .high = INFINITY};
  if (r->basic) {
    double low, high, x;
    int other;
    glp_analyze_coef(j->lp, (int)j->qp->m + k, &low, &other, &x, &high, &other, &x);
    r->low = infinite(low), r->high = infinite(high), r->rate = 0;
  } else if (status == GLP_NL) {
    r->low = c - d;
  } else if (status == GLP_NU) {
    r->high = c - d;
  } else if (status == GLP_NF) {
    r->low = r->high = c;
  }
  r->at_low = r->value == 0 ? f : f + (r->low - c) * r->value;
  r->at_high = r->value == 0 ? f : f + (r->high - c) * r->value;
}

static void range_limit(const job *j, int i, tw_range *r) {
  const double l = j->qp->row_lower[i - 1], u = j->qp->row_upper[i - 1], f = j->out->objective;
  const int status = glp_get_row_stat(j->lp, i);
  *r = (tw_range){.basic = status == GLP_BS,
                  .value = glp_get_row_prim(j->lp, i),
                  .rate = glp_get_row_dual(j->lp, i),
                  .low = -INFINITY,
                  .high = INFINITY,
                  .at_low = f,
                  .at_high = f,
                  .now = NAN};
  if (r->basic || status == GLP_NF) {
    r->rate = 0;
    if (l > -INFINITY && !(u - r->value < r->value - l))
      r->now = l, r->high = r->value;
    else if (u < INFINITY)
      r->now = u, r->low = r->value;
    return;
  }
  double low, high;
  int other;
  glp_analyze_bound(j->lp, i, &low, &other, &high, &other);
  r->now = status == GLP_NU ? u : l;
  r->low = infinite(low), r->high = infinite(high);
  r->at_low = r->rate == 0 ? f : f + r->rate * (r->low - r->now);
  r->at_high = r->rate == 0 ? f : f + r->rate * (r->high - r->now);
}

static void judge(tw_basis_ranges *out, const tw_range *r, double l, double u) {
  const double near = 1e-9 * fmax(1, fabs(r->value));
  if (r->basic)
    out->primal_degenerate |= inside(r->value, l, u) <= near;
  else
    out->dual_degenerate |= l != u && fabs(r->rate) <= 1e-9;
}

static void range_apart(void *context) {
  job *j = context;
  const tw_qp *qp = j->qp;
  tw_basis_ranges *out = j->out;
  if (!load(j) || !optimize(j)) return;
  double moved = 0;
  out->objective = glp_get_obj_val(j->lp);
  for (int64_t k = 0; k < qp->n; k++) {
    range_cost(j, (int)k + 1, &out->column[k]);
    judge(out, &out->column[k], qp->lower[k], qp->upper[k]);
    moved = fmax(moved, fabs(out->column[k].value - j->x[k]));
  }
  for (int64_t i = 0; i < qp->m; i++) {
    range_limit(j, (int)i + 1, &out->row[i]);
    judge(out, &out->row[i], qp->row_lower[i], qp->row_upper[i]);
  }
  out->moved = moved;
}

/* ------------------------------------------------------------------ around it */

static tw_status make_room(job *j, tw_error *error) {
  const size_t n = (size_t)j->qp->n, m = (size_t)j->qp->m, bytes = sizeof(tw_basis_ranges) + (n + m) * sizeof(tw_range);
  if (j->qp->n + j->qp->m > INT32_MAX || csc_count(&j->qp->a) > INT32_MAX)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "the problem is larger than GLPK's integers");
  j->out = tw_shared_alloc(bytes);
  j->ax = tw_alloc(n + m, sizeof *j->ax);
  j->order = tw_alloc(n + m, sizeof *j->order);
  if (!j->out || !j->ax || !j->order) return tw_fail(error, TW_ERR_MEMORY, "out of memory for ranges");
  j->d = j->ax + m;
  j->out->column = (tw_range *)(void *)(j->out + 1);
  j->out->row = j->out->column + n;
  j->out->n = j->qp->n, j->out->m = j->qp->m, j->out->bytes = bytes, j->out->moved = -1;
  vec_zero(j->qp->m, j->ax);
  tw_qp_add_a(j->qp, 1, j->x, j->ax);
  vec_copy(j->qp->n, j->qp->q, j->d);
  tw_qp_add_at(j->qp, 1, j->y, j->d);
  return TW_OK;
}

static tw_status range_program(const tw_qp *qp, const double *x, const double *y, tw_basis_ranges **out, tw_error *error) {
  job j = {.qp = qp, .x = x, .y = y};
  bool stopped;
  const tw_apart apart = {.task = range_apart, .context = &j};
  tw_status status = make_room(&j, error);
  if (status == TW_OK) status = tw_run_apart(&apart, &stopped, error);
  if (status == TW_OK && j.out->moved < 0) status = tw_fail(error, TW_ERR_NUMERIC, "GLPK found no optimal basis");
  if (status == TW_OK) j.out->objective += qp->constant;
  for (int64_t k = 0; status == TW_OK && k < qp->n + qp->m; k++)
    j.out->column[k].at_low += qp->constant, j.out->column[k].at_high += qp->constant;
  free(j.ax);
  free(j.order);
  if (status == TW_OK)
    *out = j.out;
  else if (j.out)
    tw_shared_free(j.out, j.out->bytes);
  return status;
}
#else
static tw_status range_program(const tw_qp *qp, const double *x, const double *y, tw_basis_ranges **out, tw_error *error) {
  (void)qp, (void)x, (void)y, (void)out;
  return tw_fail(error, TW_ERR_UNSUPPORTED, "this build has no GLPK, which finds bases (libglpk-dev)");
}
#endif

/* Rows as stated, with the constants that the program has in its limits. */
static void add_constants(const tw_oracle *o, const tw_qp *qp, tw_range *row) {
  for (int64_t i = 0; i < qp->m; i++) {
    const double lower = o->c_lower[i] - qp->row_lower[i], upper = o->c_upper[i] - qp->row_upper[i];
    const double constant = isfinite(lower) ? lower : isfinite(upper) ? upper : 0;
    row[i].value += constant, row[i].now += constant, row[i].low += constant, row[i].high += constant;
  }
}

tw_status tw_ranges_new(tw_basis_ranges **out, const tw_oracle *o, const double *x, const double *y, tw_error *error) {
  *out = NULL;
  if (!(o->offers & TW_QP) || o->kinds)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "ranges are those of a basis: expected a linear program without integers");
  tw_qp qp;
  tw_status status = tw_qp_open(&qp, o, error);
  if (status == TW_OK && !tw_qp_is_linear(&qp))
    status = tw_fail(error, TW_ERR_UNSUPPORTED, "ranges are those of a basis: expected a linear objective");
  if (status == TW_OK) status = range_program(&qp, x, y, out, error);
  if (status == TW_OK) add_constants(o, &qp, (*out)->row);
  tw_qp_free(&qp);
  return status;
}

void tw_ranges_free(tw_basis_ranges *ranges) {
  if (ranges) tw_shared_free(ranges, ranges->bytes);
}
