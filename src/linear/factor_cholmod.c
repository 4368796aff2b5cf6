/* Sparse Cholesky (supernodal) and LDL' (simplicial) by CHOLMOD (Chen, Davis, Hager & Rajamanickam 2008). */
#include "linear/cholmod_common.h"
#include "linear/factor.h"

typedef struct cholesky {
  tw_factor base;
  cholmod_common common;
  bool begun;
  cholmod_factor *l;
  cholmod_dense *x, *y, *e; /* solve2 keeps its memory here */
  double *terms;            /* n: sizes of what each pivot was computed from; later scratch */
} cholesky;

static tw_status analyse(tw_factor *f, tw_error *error) {
  cholesky *c = (cholesky *)f;
  cholmod_begin(&c->common);
  c->begun = true;
  c->common.supernodal = f->kind == TW_FACTOR_CHOLESKY ? CHOLMOD_SUPERNODAL : CHOLMOD_SIMPLICIAL;
  c->terms = tw_alloc((size_t)f->rows, sizeof *c->terms);
  cholmod_sparse a = cholmod_view(&f->sparse, -1);
  if (f->given) c->common.method[0].ordering = CHOLMOD_GIVEN;
  c->l = cholmod_l_analyze_p(&a, (int64_t *)(uintptr_t)f->given, NULL, 0, &c->common);
  return c->terms && c->l ? TW_OK : factor_no_memory(f, error);
}

/* ------------------------------------------------------------------ pivots */

/* Supernode s holds columns super[s] .. super[s+1]-1 densely from x[px[s]], pi[s+1] - pi[s] rows each. The
 * terms of pivot k add up to a_kk of the permuted matrix, the squares of its row of L. */
static const double *supernodal_column(const cholmod_factor *l, int64_t s, int64_t k) {
  const int64_t *super = l->super, *pi = l->pi, *px = l->px;
  return (const double *)l->x + px[s] + (k - super[s]) * (pi[s + 1] - pi[s] + 1);
}

static tw_status check_supernodal(cholesky *c, tw_error *error) {
  const cholmod_factor *l = c->l;
  const int64_t *super = l->super, *perm = l->Perm;
  const tw_csc *a = &c->base.sparse;
  for (int64_t s = 0; s < (int64_t)l->nsuper; s++)
    for (int64_t k = super[s]; k < super[s + 1]; k++) {
      const double root = *supernodal_column(l, s, k), diagonal = a->value[a->start[perm[k]]];
      if (factor_is_rounding(root * root, diagonal))
        return factor_singular(&c->base, perm[k], root * root, error);
    }
  c->base.positive = c->base.rows;
  return TW_OK;
}

/* Column j: D_jj, then the column of L below it. The terms of pivot i are d_i and l_ij^2 d_j. */
static tw_status check_simplicial(cholesky *c, tw_error *error) {
  const cholmod_factor *l = c->l;
  const int64_t *start = l->p, *count = l->nz, *row = l->i, *perm = l->Perm, n = c->base.rows;
  const double *x = l->x;
  vec_zero(n, c->terms);
  for (int64_t j = 0; j < n; j++) {
    const double d = x[start[j]];
    for (int64_t p = start[j] + 1; p < start[j] + count[j]; p++) c->terms[row[p]] += x[p] * x[p] * fabs(d);
    if (factor_is_rounding(d, c->terms[j] + fabs(d))) return factor_singular(&c->base, perm[j], d, error);
    *(d > 0 ? &c->base.positive : &c->base.negative) += 1;
  }
  return TW_OK;
}

static tw_status factorize(tw_factor *f, tw_error *error) {
  cholesky *c = (cholesky *)f;
  cholmod_sparse a = cholmod_view(&f->sparse, -1);
  cholmod_l_factorize(&a, c->l, &c->common);
  if (c->common.status < 0) return factor_no_memory(f, error);
  if (c->l->minor < c->l->n) return factor_singular(f, ((const int64_t *)c->l->Perm)[c->l->minor], 0, error);
  return c->l->is_super ? check_supernodal(c, error) : check_simplicial(c, error);
}

/* ------------------------------------------------------------------ solving */

/* r = b - A x from the lower triangle. */
static void symmetric_residual(const tw_csc *a, const double *b, const double *x, double *r) {
  vec_copy(a->cols, b, r);
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) {
      const int64_t i = a->row[p];
      r[i] -= a->value[p] * x[j];
      if (i != j) r[j] -= a->value[p] * x[i];
    }
}

/* c->x = A^-1 b */
static bool solve_columns(cholesky *c, int64_t columns, const double *b) {
  cholmod_dense right = cholmod_columns(c->base.rows, columns, b);
  return cholmod_l_solve2(CHOLMOD_A, c->l, &right, NULL, &c->x, NULL, &c->y, &c->e, &c->common) &&
         c->common.status >= 0;
}

/* LDL' does not pivot for stability: steps of refinement while they halve the residual. */
static bool refine(cholesky *c, const double *b, double *x) {
  const int64_t n = c->base.rows;
  double before = INFINITY;
  for (int step = 0; step < c->base.refinements; step++) {
    symmetric_residual(&c->base.sparse, b, x, c->terms);
    const double norm = vec_norm(n, c->terms);
    if (!(norm < 0.5 * before) || norm <= DBL_EPSILON * vec_norm(n, b)) return true;
    before = norm;
    if (!solve_columns(c, 1, c->terms)) return false;
    vec_axpy(n, 1, c->x->x, x);
  }
  return true;
}

static tw_status solve(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x,
                       tw_error *error) {
  (void)adjoint;
  cholesky *c = (cholesky *)f;
  const int64_t n = f->rows;
  const bool refined = f->kind == TW_FACTOR_LDLT && f->refinements > 0;
  double *right = refined && b == x ? tw_alloc((size_t)n, (size_t)columns * sizeof *right) : NULL;
  if (refined && b == x && !right) return factor_no_memory(f, error);
  if (right) vec_copy(n * columns, b, right);
  bool ok = solve_columns(c, columns, b);
  if (ok) vec_copy(n * columns, c->x->x, x);
  for (int64_t j = 0; ok && refined && j < columns; j++)
    ok = refine(c, (right ? right : b) + j * n, x + j * n);
  free(right);
  return ok ? TW_OK : factor_no_memory(f, error);
}

static const int64_t *order_of(const tw_factor *f) {
  const cholesky *c = (const cholesky *)f;
  return c->l ? c->l->Perm : NULL;
}

static void release(tw_factor *f) {
  cholesky *c = (cholesky *)f;
  free(c->terms);
  if (!c->begun) return;
  cholmod_l_free_dense(&c->x, &c->common);
  cholmod_l_free_dense(&c->y, &c->common);
  cholmod_l_free_dense(&c->e, &c->common);
  cholmod_l_free_factor(&c->l, &c->common);
  cholmod_l_finish(&c->common);
}

const factor_ops factor_cholmod_llt = {.name = "sparse Cholesky factorization",
                                       .size = sizeof(cholesky),
                                       .square = true,
                                       .symmetric = true,
                                       .analyse = analyse,
                                       .factorize = factorize,
                                       .solve = solve,
                                       .order = order_of,
                                       .release = release};
const factor_ops factor_cholmod_ldlt = {.name = "sparse LDL' factorization",
                                        .size = sizeof(cholesky),
                                        .square = true,
                                        .symmetric = true,
                                        .analyse = analyse,
                                        .factorize = factorize,
                                        .solve = solve,
                                        .order = order_of,
                                        .release = release};
