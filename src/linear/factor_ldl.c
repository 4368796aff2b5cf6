/* Sparse LDL' without pivoting: P A P' = L D L', D diagonal, which exists for every order when A is quasi-definite (Vanderbei 1995).
 * Order, elimination tree and counts are CHOLMOD's (AMD); the numbers are computed row by row of L (Davis 2005, LDL), so that each pivot is
 * seen beside the terms it is the sum of. One that is nothing but their rounding errors ends TW_FACTOR_LDLT. TW_FACTOR_QUASIDEFINITE puts
 * one of its diagonal entry's sign and of the size sqrt(eps) of the terms in its place, and in that of small ones of the other sign (Altman
 * & Gondzio 1999): a neighbour of A is factored. */
#include "linear/cholmod_common.h"
#include "linear/factor.h"

static const double REPLACED = 1.5e-8; /* sqrt(eps), of the terms */

typedef struct ldl {
  tw_factor base;
  int64_t *order, *parent;               /* n: pivot k is that of row order[k]; elimination tree */
  int64_t *c_start, *c_row, *c_from;     /* upper triangle of P A P' by columns, as places among A's values */
  int64_t *start, *row, *next;           /* L by columns without its diagonal; next: where a column goes on */
  double *value, *d, *y;
  int64_t *pattern, *flag;
  double *residual;
} ldl;

/* ------------------------------------------------------------------ analysis */

static bool allocate(ldl *s, int64_t n, int64_t count) {
  const size_t order = (size_t)n;
  s->order = tw_alloc(order, sizeof *s->order), s->parent = tw_alloc(order, sizeof *s->parent);
  s->c_start = tw_alloc(order + 1, sizeof *s->c_start);
  s->c_row = tw_alloc((size_t)count, sizeof *s->c_row), s->c_from = tw_alloc((size_t)count, sizeof *s->c_from);
  s->start = tw_alloc(order + 1, sizeof *s->start), s->next = tw_alloc(order, sizeof *s->next);
  s->pattern = tw_alloc(order, sizeof *s->pattern), s->flag = tw_alloc(order, sizeof *s->flag);
  s->d = tw_alloc(order, sizeof *s->d), s->y = tw_alloc(order, sizeof *s->y), s->residual = tw_alloc(order, sizeof *s->residual);
  return s->order && s->parent && s->c_start && s->c_row && s->c_from && s->start && s->next && s->pattern && s->flag && s->d && s->y &&
         s->residual;
}

/* The order of elimination into s->order, column counts of L (with the diagonal) into s->next. */
static bool find_order(ldl *s) {
  tw_factor *f = &s->base;
  cholmod_common common;
  cholmod_begin(&common);
  common.supernodal = CHOLMOD_SIMPLICIAL;
  cholmod_sparse a = cholmod_view(&f->sparse, -1);
  if (f->given) common.method[0].ordering = CHOLMOD_GIVEN;
  cholmod_factor *l = cholmod_l_analyze_p(&a, (int64_t *)(uintptr_t)f->given, NULL, 0, &common);
  if (l) {
    memcpy(s->order, l->Perm, (size_t)f->rows * sizeof *s->order);
    memcpy(s->next, l->ColCount, (size_t)f->rows * sizeof *s->next);
  }
  const bool found = l != NULL;
  cholmod_l_free_factor(&l, &common);
  cholmod_l_finish(&common);
  return found;
}

/* The upper triangle of P A P', whose entry (i, k), i < k, stands in column k. */
static void permute(ldl *s) {
  const tw_csc *a = &s->base.sparse;
  const int64_t n = a->cols;
  int64_t *place = s->pattern; /* of each row of A among the pivots */
  for (int64_t k = 0; k < n; k++) place[s->order[k]] = k;
  for (int64_t j = 0; j < n; j++)
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) {
      const int64_t i = place[a->row[p]], k = place[j];
      s->c_start[(i > k ? i : k) + 1]++;
    }
  for (int64_t k = 0; k < n; k++) s->c_start[k + 1] += s->c_start[k], s->flag[k] = s->c_start[k];
  for (int64_t j = 0; j < n; j++)
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) {
      const int64_t i = place[a->row[p]], k = place[j], at = s->flag[i > k ? i : k]++;
      s->c_row[at] = i > k ? k : i;
      s->c_from[at] = p;
    }
}

/* parent[i]: the first row below i of column i of L (Liu 1990). */
static void find_tree(ldl *s) {
  const int64_t n = s->base.rows;
  for (int64_t k = 0; k < n; k++) {
    s->parent[k] = -1, s->flag[k] = k;
    for (int64_t p = s->c_start[k]; p < s->c_start[k + 1]; p++)
      for (int64_t i = s->c_row[p]; s->flag[i] != k; i = s->parent[i]) {
        if (s->parent[i] < 0) s->parent[i] = k;
        s->flag[i] = k;
      }
  }
}

static tw_status analyse(tw_factor *f, tw_error *error) {
  ldl *s = (ldl *)f;
  const int64_t n = f->rows;
  if (!allocate(s, n, csc_count(&f->sparse)) || !find_order(s)) return factor_no_memory(f, error);
  for (int64_t k = 0; k < n; k++) s->start[k + 1] = s->start[k] + s->next[k] - 1;
  permute(s);
  find_tree(s);
  s->row = tw_alloc((size_t)s->start[n], sizeof *s->row);
  s->value = tw_alloc((size_t)s->start[n], sizeof *s->value);
  return s->row && s->value ? TW_OK : factor_no_memory(f, error);
}

/* ------------------------------------------------------------------ factorization */

/* Scatters column k of the triangle into y; the columns of L that meet row k, those below first, are pattern[top ..]. */
static int64_t reach(ldl *s, int64_t k, double *diagonal) {
  int64_t top = s->base.rows;
  *diagonal = 0;
  s->flag[k] = k;
  for (int64_t p = s->c_start[k]; p < s->c_start[k + 1]; p++) {
    int64_t length = 0, i = s->c_row[p];
    const double a = s->base.sparse.value[s->c_from[p]];
    if (i == k) {
      *diagonal = a;
      continue;
    }
    s->y[i] = a;
    for (; s->flag[i] != k; i = s->parent[i]) s->pattern[length++] = i, s->flag[i] = k;
    while (length > 0) s->pattern[--top] = s->pattern[--length];
  }
  return top;
}

/* d_k = a_kk - sum_j l_kj^2 d_j, which is `terms` in size. */
static tw_status take_pivot(ldl *s, int64_t k, double diagonal, double d, double terms, tw_error *error) {
  tw_factor *f = &s->base;
  const bool lost = factor_is_rounding(d, terms), right = (d > 0) == (diagonal > 0);
  if (f->kind == TW_FACTOR_QUASIDEFINITE && (lost || !right) && fabs(d) <= REPLACED * terms && terms > 0) {
    d = diagonal > 0 ? REPLACED * terms : -REPLACED * terms;
    f->replaced++;
  } else if (lost || (f->kind == TW_FACTOR_QUASIDEFINITE && !right)) {
    return factor_singular(f, s->order[k], d, error);
  }
  s->d[k] = d;
  *(d > 0 ? &f->positive : &f->negative) += 1;
  return TW_OK;
}

/* Row k of L: L y = the column above a_kk, l_ki = y_i / d_i. */
static tw_status factor_row(ldl *s, int64_t k, tw_error *error) {
  double diagonal;
  int64_t top = reach(s, k, &diagonal);
  double d = diagonal, terms = fabs(diagonal);
  for (; top < s->base.rows; top++) {
    const int64_t i = s->pattern[top], end = s->next[i];
    const double yi = s->y[i], l = yi / s->d[i];
    const int64_t *restrict row = s->row;
    const double *restrict value = s->value;
    double *restrict y = s->y;
    y[i] = 0;
    for (int64_t p = s->start[i]; p < end; p++) y[row[p]] -= value[p] * yi;
    d -= l * yi, terms += fabs(l * yi);
    s->row[end] = k, s->value[end] = l;
    s->next[i]++;
  }
  return take_pivot(s, k, diagonal, d, terms, error);
}

static tw_status factorize(tw_factor *f, tw_error *error) {
  ldl *s = (ldl *)f;
  f->replaced = 0;
  vec_zero(f->rows, s->y);
  for (int64_t k = 0; k < f->rows; k++) s->flag[k] = -1, s->next[k] = s->start[k];
  tw_status status = TW_OK;
  for (int64_t k = 0; k < f->rows && status == TW_OK; k++) status = factor_row(s, k, error);
  return status;
}

/* ------------------------------------------------------------------ solving */

/* out = (P' L D L' P)^-1 b */
static void substitute(const ldl *s, const double *b, double *out) {
  const int64_t n = s->base.rows;
  double *restrict y = s->y;
  for (int64_t k = 0; k < n; k++) y[k] = b[s->order[k]];
  for (int64_t k = 0; k < n; k++) {
    const double yk = y[k];
    for (int64_t p = s->start[k]; p < s->start[k + 1]; p++) y[s->row[p]] -= s->value[p] * yk;
  }
  for (int64_t k = n - 1; k >= 0; k--) {
    double sum = y[k] / s->d[k];
    for (int64_t p = s->start[k]; p < s->start[k + 1]; p++) sum -= s->value[p] * y[s->row[p]];
    y[k] = sum;
  }
  for (int64_t k = 0; k < n; k++) out[s->order[k]] = y[k];
}

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

/* LDL' does not pivot for stability: steps of refinement while they halve the residual. */
static void refine(const ldl *s, const double *b, double *x) {
  const int64_t n = s->base.rows;
  double before = INFINITY;
  for (int step = 0; step < s->base.refinements; step++) {
    symmetric_residual(&s->base.sparse, b, x, s->residual);
    const double norm = vec_norm(n, s->residual);
    if (!(norm < 0.5 * before) || norm <= DBL_EPSILON * vec_norm(n, b)) return;
    before = norm;
    substitute(s, s->residual, s->residual);
    vec_axpy(n, 1, s->residual, x);
  }
}

static tw_status solve(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x, tw_error *error) {
  (void)adjoint;
  const ldl *s = (const ldl *)f;
  const int64_t n = f->rows;
  const bool keep = f->refinements > 0 && b == x;
  double *right = keep ? tw_alloc((size_t)n, (size_t)columns * sizeof *right) : NULL;
  if (keep && !right) return factor_no_memory(f, error);
  if (keep) vec_copy(n * columns, b, right);
  for (int64_t j = 0; j < columns; j++) {
    substitute(s, b + j * n, x + j * n);
    refine(s, (keep ? right : b) + j * n, x + j * n);
  }
  free(right);
  return TW_OK;
}

static const int64_t *order_of(const tw_factor *f) {
  return ((const ldl *)f)->order;
}

static void release(tw_factor *f) {
  ldl *s = (ldl *)f;
  free(s->order), free(s->parent);
  free(s->c_start), free(s->c_row), free(s->c_from);
  free(s->start), free(s->row), free(s->next), free(s->value);
  free(s->d), free(s->y), free(s->residual);
  free(s->pattern), free(s->flag);
}

const factor_ops factor_ldl = {.name = "sparse LDL' factorization",
                               .size = sizeof(ldl),
                               .square = true,
                               .symmetric = true,
                               .analyse = analyse,
                               .factorize = factorize,
                               .solve = solve,
                               .order = order_of,
                               .release = release};
