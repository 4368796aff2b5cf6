/* Sparse matrices of derivatives: derived when first asked for, and how to hold a matrix. */
#include "base/given.h"
#include "problem/oracle.h"

enum { SHORT = 50, SPARSE_SHARE = 5, DENSE_MOST = 4000000 /* entries */ };

/* What the matrix is a derivative of; TW_NONE: the problem has no such thing. */
static tw_expr subject(const tw_kit *kit, tw_matrix matrix) {
  const bool minimise = !tw_is_none(kit->cls.smooth), constrained = kit->problem->rows > 0;
  switch (matrix) {
  case TW_MATRIX_HESSIAN:
    return minimise ? tw_kit_lagrangian(kit, false) : TW_NONE;
  case TW_MATRIX_LAGRANGIAN:
    return minimise && constrained ? tw_kit_lagrangian(kit, true) : TW_NONE;
  case TW_MATRIX_CONSTRAINTS:
    return minimise && constrained ? tw_kit_constraints(kit) : TW_NONE;
  default:
    return tw_is_none(kit->cls.residual) ? TW_NONE : tw_ravel(kit->cls.residual);
  }
}

/* A refusal for lack of sparsity is remembered, and is no error of the graph. */
static tw_status derive(tw_kit *kit, tw_matrix matrix, tw_error *error) {
  tw_kit_matrix *m = &kit->matrix[matrix];
  tw_graph *graph = kit->problem->graph;
  tw_status status = tw_graph_check(graph, error);
  if (status != TW_OK) return status;
  const tw_expr e = subject(kit, matrix);
  const bool second = matrix == TW_MATRIX_HESSIAN || matrix == TW_MATRIX_LAGRANGIAN;
  const int n = kit->count[TW_GROUP_X];
  status = tw_graph_check(graph, error);
  if (status != TW_OK) return status;
  if (tw_is_none(e)) return tw_fail(error, TW_ERR_UNSUPPORTED, "oracle: the problem has no such derivative");
  status = (second ? tw_sparse_hessian : tw_sparse_jacobian)(e, n, kit->input[TW_GROUP_X], &m->derivative);
  tw_graph_check(graph, error);
  if (status == TW_ERR_UNSUPPORTED) tw_graph_clear(graph);
  const tw_pattern *p = &m->derivative.pattern;
  if (status != TW_OK || m->derivative.way != TW_BY_DENSE || p->rows <= DENSE_MOST / p->cols) return status;
  tw_sparse_derivative_free(&m->derivative);
  return tw_fail(error, TW_ERR_UNSUPPORTED, "oracle: not sparse enough: values take the whole dense matrix");
}

tw_status tw_kit_sparse(tw_kit *kit, tw_matrix matrix, const tw_sparse_derivative **out, tw_error *error) {
  *out = NULL;
  if ((int)matrix < 0 || matrix >= TW_MATRICES)
    return tw_fail(error, TW_ERR_ARGUMENT, "oracle: no matrix has number %d", (int)matrix);
  tw_kit_matrix *m = &kit->matrix[matrix];
  tw_graph_lock(kit->problem->graph);
  if (!m->known) {
    m->refusal = (tw_error){.status = TW_OK};
    const tw_status status = derive(kit, matrix, &m->refusal);
    m->known = status == TW_OK || status == TW_ERR_UNSUPPORTED;
  }
  const tw_status status = m->refusal.status;
  if (status != TW_OK) tw_fail(error, status, "%s", m->refusal.message);
  tw_graph_unlock(kit->problem->graph);
  if (status == TW_OK) *out = &m->derivative;
  return status;
}

/* ------------------------------------------------------------------ how to hold a matrix */

static int64_t rows_of(const tw_oracle *o, tw_matrix matrix) {
  if (matrix == TW_MATRIX_CONSTRAINTS) return o->m;
  return matrix == TW_MATRIX_RESIDUAL ? o->k : o->n;
}

static bool has_dense(const tw_oracle *o, tw_matrix matrix) {
  if (matrix == TW_MATRIX_CONSTRAINTS) return o->constraints_jacobian != NULL;
  return matrix == TW_MATRIX_RESIDUAL ? o->residual_jacobian != NULL : o->hessian != NULL;
}

/* Entries of the whole matrix: those below the diagonal of a Hessian count twice. */
static int64_t entries_of(const tw_pattern *p, tw_matrix matrix) {
  int64_t entries = p->nnz;
  if (matrix == TW_MATRIX_CONSTRAINTS || matrix == TW_MATRIX_RESIDUAL) return entries;
  for (int64_t j = 0; j < p->cols; j++)
    for (int64_t i = p->colptr[j]; i < p->colptr[j + 1]; i++) entries += p->rowidx[i] != j;
  return entries;
}

tw_storage tw_pattern_storage(const tw_pattern *p, tw_matrix matrix) {
  const bool few = entries_of(p, matrix) <= p->rows * p->cols / SPARSE_SHARE;
  return p->rows > SHORT && p->cols > SHORT && few ? TW_STORE_SPARSE : TW_STORE_DENSE;
}

tw_status tw_oracle_storage(const tw_oracle *o, tw_matrix matrix, tw_storage *storage,
                            const tw_pattern **pattern, tw_error *error) {
  TW_GIVEN(o);
  TW_GIVEN(storage);
  TW_GIVEN(pattern);
  const int64_t rows = rows_of(o, matrix);
  *pattern = NULL;
  *storage =
      has_dense(o, matrix) && (rows == 0 || o->n <= DENSE_MOST / rows) ? TW_STORE_DENSE : TW_STORE_PRODUCTS;
  if (!(o->offers & TW_SPARSE) || rows <= SHORT || o->n <= SHORT) return TW_OK;
  const tw_pattern *p;
  const tw_status status = o->sparse_pattern(o->context, matrix, &p, error);
  if (status != TW_OK) return status == TW_ERR_UNSUPPORTED ? TW_OK : status;
  if (tw_pattern_storage(p, matrix) != TW_STORE_SPARSE) return TW_OK;
  *storage = TW_STORE_SPARSE;
  *pattern = p;
  return TW_OK;
}
