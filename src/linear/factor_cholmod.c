/* Sparse Cholesky, supernodal, by CHOLMOD (Chen, Davis, Hager & Rajamanickam 2008). */
#include "linear/cholmod_common.h"
#include "linear/factor.h"

typedef struct cholesky {
  tw_factor base;
  cholmod_common common;
  bool begun;
  cholmod_factor *l;
  cholmod_dense *x, *y, *e; /* solve2 keeps its memory here */
} cholesky;

static tw_status analyse(tw_factor *f, tw_error *error) {
  cholesky *c = (cholesky *)f;
  cholmod_begin(&c->common);
  c->begun = true;
  c->common.supernodal = CHOLMOD_SUPERNODAL;
  cholmod_sparse a = cholmod_view(&f->sparse, -1);
  if (f->given) c->common.method[0].ordering = CHOLMOD_GIVEN;
  c->l = cholmod_l_analyze_p(&a, (int64_t *)(uintptr_t)f->given, NULL, 0, &c->common);
  return c->l ? TW_OK : factor_no_memory(f, error);
}

/* ------------------------------------------------------------------ pivots */

/* Supernode s holds columns super[s] .. super[s+1]-1 densely from x[px[s]], pi[s+1] - pi[s] rows each. The
 * terms of pivot k add up to a_kk of the permuted matrix, the squares of its row of L. */
static const double *supernodal_column(const cholmod_factor *l, int64_t s, int64_t k) {
  const int64_t *super = l->super, *pi = l->pi, *px = l->px;
  return (const double *)l->x + px[s] + (k - super[s]) * (pi[s + 1] - pi[s] + 1);
}

static tw_status check_pivots(cholesky *c, tw_error *error) {
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

static tw_status factorize(tw_factor *f, tw_error *error) {
  cholesky *c = (cholesky *)f;
  cholmod_sparse a = cholmod_view(&f->sparse, -1);
  cholmod_l_factorize(&a, c->l, &c->common);
  if (c->common.status < 0) return factor_no_memory(f, error);
  if (c->l->minor < c->l->n) return factor_singular(f, ((const int64_t *)c->l->Perm)[c->l->minor], 0, error);
  return check_pivots(c, error);
}

/* ------------------------------------------------------------------ solving */

static tw_status solve(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x, tw_error *error) {
  (void)adjoint;
  cholesky *c = (cholesky *)f;
  cholmod_dense right = cholmod_columns(f->rows, columns, b);
  if (!cholmod_l_solve2(CHOLMOD_A, c->l, &right, NULL, &c->x, NULL, &c->y, &c->e, &c->common) || c->common.status < 0)
    return factor_no_memory(f, error);
  vec_copy(f->rows * columns, c->x->x, x);
  return TW_OK;
}

static const int64_t *order_of(const tw_factor *f) {
  const cholesky *c = (const cholesky *)f;
  return c->l ? c->l->Perm : NULL;
}

static void release(tw_factor *f) {
  cholesky *c = (cholesky *)f;
  if (!c->begun) return;
  cholmod_l_free_dense(&c->x, &c->common);
  cholmod_l_free_dense(&c->y, &c->common);
  cholmod_l_free_dense(&c->e, &c->common);
  cholmod_l_free_factor(&c->l, &c->common);
  cholmod_l_finish(&c->common);
}

const factor_ops factor_cholmod = {.name = "sparse Cholesky factorization",
                                       .size = sizeof(cholesky),
                                       .square = true,
                                       .symmetric = true,
                                       .analyse = analyse,
                                       .factorize = factorize,
                                       .solve = solve,
                                       .order = order_of,
                                       .release = release};
