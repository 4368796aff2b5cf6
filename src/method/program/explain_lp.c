/* Tests of subsets of a linear program by GLPK's simplex method, which goes on from basis to basis. In a copy of the process,
 * for GLPK aborts when it runs out of memory.
 *
 * Elastic program:  min sum_i p_i + q_i  with  rl_i <= a_i x + r_i (p_i - q_i) <= ru_i,  l <= x <= u,  r_i = max_j |a_ij|;
 * rows are divided by r_i; where the minimum is positive the duals lambda of the rows and d = -A'lambda of the bounds are multipliers that
 * prove it (Farkas), by the rule of certificate.h: their signs name the limits that the proof rests on. */
#ifdef TALWEG_GLPK
#include "linear/csc.h"
#include "method/program/explain_engine.h"
#include "method/program/qp_certify.h"

#include <glpk.h>

typedef struct lp_engine {
  const tw_qp *qp;
  const tw_limits *limits;
  glp_prob *lp;
  double *limit;  /* rl, ru [m], l, u [n] of a test */
  double *weight; /* r [m] */
  double *y;      /* multipliers y [m], z [n], scratch [n + m] */
} lp_engine;

/* ------------------------------------------------------------------ the program */

static int kind_of(double l, double u) {
  if (l == u) return GLP_FX;
  if (l > -INFINITY) return u < INFINITY ? GLP_DB : GLP_LO;
  return u < INFINITY ? GLP_UP : GLP_FR;
}

static void load_entries(lp_engine *e, int *row, int *col, double *value) {
  const tw_qp *qp = e->qp;
  int at = 0;
  for (int64_t j = 0; j < qp->n; j++)
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++) {
      const int64_t i = qp->a.row[k];
      row[++at] = (int)i + 1, col[at] = (int)j + 1, value[at] = qp->a.value[k];
      e->weight[i] = fmax(e->weight[i], fabs(qp->a.value[k]));
    }
  for (int64_t i = 0; i < qp->m; i++)
    if (!(e->weight[i] > 0)) e->weight[i] = 1;
  for (int k = 1; k <= at; k++) value[k] /= e->weight[row[k] - 1];
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < qp->m; i++) {
      row[++at] = (int)i + 1, col[at] = (int)(qp->n + side * qp->m + i) + 1, value[at] = side ? -1 : 1;
    }
  glp_load_matrix(e->lp, at, row, col, value);
}

static bool open_engine(lp_engine *e) {
  const tw_qp *qp = e->qp;
  const size_t count = (size_t)(csc_count(&qp->a) + 2 * qp->m + 1);
  int *row = tw_alloc(count, sizeof *row), *col = tw_alloc(count, sizeof *col);
  double *value = tw_alloc(count, sizeof *value);
  e->limit = tw_alloc((size_t)(2 * (qp->n + qp->m)), sizeof *e->limit);
  e->weight = tw_alloc((size_t)qp->m, sizeof *e->weight);
  e->y = tw_alloc((size_t)(2 * (qp->n + qp->m)), sizeof *e->y);
  const bool good = row && col && value && e->limit && e->weight && e->y;
  if (good) {
    glp_term_out(GLP_OFF);
    e->lp = glp_create_prob();
    if (qp->m > 0) glp_add_rows(e->lp, (int)qp->m);
    glp_add_cols(e->lp, (int)(qp->n + 2 * qp->m));
    load_entries(e, row, col, value);
    for (int64_t k = 0; k < 2 * qp->m; k++) {
      glp_set_col_bnds(e->lp, (int)(qp->n + k) + 1, GLP_LO, 0, 0);
      glp_set_obj_coef(e->lp, (int)(qp->n + k) + 1, 1);
    }
    glp_std_basis(e->lp);
  }
  free(row), free(col), free(value);
  return good;
}

static bool solve(lp_engine *e) {
  glp_smcp how;
  glp_init_smcp(&how);
  how.msg_lev = GLP_MSG_OFF;
  how.tol_bnd = 1e-9, how.tol_dj = 1e-9;
  if (glp_simplex(e->lp, &how) == 0 && glp_get_status(e->lp) == GLP_OPT) return true;
  glp_std_basis(e->lp);
  how.meth = GLP_DUALP;
  return glp_simplex(e->lp, &how) == 0 && glp_get_status(e->lp) == GLP_OPT;
}

/* ------------------------------------------------------------------ a test */

static void set_limits(lp_engine *e, const bool *in) {
  const int64_t n = e->qp->n, m = e->qp->m;
  double *rl = e->limit, *ru = rl + m, *l = ru + m, *u = l + n;
  tw_limits_keep(e->limits, in, rl, ru, l, u);
  for (int64_t i = 0; i < m; i++) glp_set_row_bnds(e->lp, (int)i + 1, kind_of(rl[i], ru[i]), rl[i] / e->weight[i], ru[i] / e->weight[i]);
  for (int64_t j = 0; j < n; j++) glp_set_col_bnds(e->lp, (int)j + 1, kind_of(l[j], u[j]), l[j], u[j]);
}

static void name_cause(const lp_engine *e, const bool *in, bool *cause) {
  for (int64_t k = 0; k < e->limits->count; k++) {
    const tw_member *x = &e->limits->member[k];
    const int at = (int)x->index + 1;
    const double lambda = x->row ? glp_get_row_dual(e->lp, at) : glp_get_col_dual(e->lp, at);
    cause[k] = in[k] && (lambda > 1e-9 ? x->lower : lambda < -1e-9 && x->upper);
  }
}

/* Whether the duals prove. Where they do not, the violation is a rounding error of the sums. */
static bool proves(const lp_engine *e) {
  const int64_t n = e->qp->n, m = e->qp->m;
  tw_qp qp = *e->qp;
  double margin = 0, *y = e->y, *z = y + m;
  qp.row_lower = e->limit, qp.row_upper = e->limit + m, qp.lower = e->limit + 2 * m, qp.upper = qp.lower + n;
  for (int64_t i = 0; i < m; i++) y[i] = -glp_get_row_dual(e->lp, (int)i + 1) / e->weight[i];
  return tw_qp_farkas(&qp, y, z, z + n, &margin) || margin > 0;
}

static tw_status test(void *context, const bool *in, const bool *hard, tw_test *result, bool *cause, tw_error *error) {
  (void)hard, (void)error;
  lp_engine *e = context;
  const int64_t n = e->qp->n, m = e->qp->m;
  set_limits(e, in);
  if (!solve(e)) return TW_OK;
  result->residual = 0;
  for (int64_t k = 0; k < 2 * m; k++)
    result->residual = fmax(result->residual, e->weight[k % m] * glp_get_col_prim(e->lp, (int)(n + k) + 1));
  const bool infeasible = glp_get_obj_val(e->lp) > TW_EXPLAIN_TOLERANCE && proves(e);
  result->verdict = infeasible ? TW_EXPLAIN_INFEASIBLE : TW_EXPLAIN_FEASIBLE;
  if (infeasible) name_cause(e, in, cause);
  return TW_OK;
}

/* ------------------------------------------------------------------ the copy */

typedef struct job {
  const tw_qp *qp;
  const tw_exec *exec;
  tw_filter *filter; /* shared */
} job;

static void run_apart(void *context) {
  const job *j = context;
  lp_engine e = {.qp = j->qp, .limits = j->filter->limits};
  const tw_engine engine = {.context = &e, .test = test, .proves = true};
  if (open_engine(&e)) tw_filter_run(j->filter, &engine, NULL);
}

static bool go_on(void *context) {
  const tw_exec *exec = ((const job *)context)->exec;
  return !(exec->stop && *exec->stop) && !(exec->deadline > 0 && tw_now() > exec->deadline);
}

tw_status tw_explain_lp(const tw_qp *qp, tw_filter *filter, const tw_exec *exec, tw_error *error) {
  const size_t count = (size_t)filter->limits->count, bytes = sizeof *filter + 3 * count * sizeof(bool);
  if (qp->n + 2 * qp->m > INT32_MAX || csc_count(&qp->a) + 2 * qp->m > INT32_MAX)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "the problem is larger than GLPK's integers");
  tw_filter *shared = tw_shared_alloc(bytes);
  if (!shared) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a search");
  *shared = *filter;
  shared->in = (bool *)(shared + 1), shared->cause = shared->in + count, shared->hard = shared->cause + count;
  job j = {qp, exec, shared};
  bool stopped;
  const tw_apart apart = {.task = run_apart, .go_on = go_on, .context = &j};
  const tw_status status = tw_run_apart(&apart, &stopped, error);
  if (status == TW_OK) {
    memcpy(filter->in, shared->in, count * sizeof(bool));
    filter->tests = shared->tests, filter->first = shared->first, filter->irreducible = shared->irreducible;
  } else {
    tw_error_prefix(error, "GLPK");
  }
  tw_shared_free(shared, bytes);
  return status;
}
#else
typedef int tw_without_glpk; /* a file of C holds something */
#endif
