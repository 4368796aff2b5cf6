/* Newton's system on the optimality conditions in compressed columns, factored by LU:
 *
 *   K = [ H_FF   J_AF' ]    H: scaled Hessian of the Lagrangian, J: scaled Jacobian of the constraints,
 *       [ J_AF     0   ]    F: free variables, A: active rows
 */
#include "method/constrained/al.h"

typedef struct assembly { /* entries of K so far */
  int64_t n, capacity;
  int64_t *row, *col;
  double *value;
} assembly;

static bool allocate(assembly *k, int64_t capacity) {
  const size_t n = (size_t)capacity;
  *k = (assembly){.capacity = capacity};
  k->row = tw_alloc(n, sizeof *k->row);
  k->col = tw_alloc(n, sizeof *k->col);
  k->value = tw_alloc(n, sizeof *k->value);
  return k->row && k->col && k->value;
}

static void release(assembly *k) {
  free(k->row);
  free(k->col);
  free(k->value);
}

/* Entry (i, j) and, off the diagonal, (j, i); negative places are not in the system. */
static void add(assembly *k, int64_t i, int64_t j, double value) {
  if (i < 0 || j < 0) return;
  k->row[k->n] = i;
  k->col[k->n] = j;
  k->value[k->n++] = value;
  if (i == j) return;
  k->row[k->n] = j;
  k->col[k->n] = i;
  k->value[k->n++] = value;
}

/* Places of variables and rows in the system; -1: held, or inactive. */
static void find_places(const tw_al *al, const tw_kkt_system *s, int64_t *variable, int64_t *row) {
  for (int64_t j = 0; j < al->n; j++) variable[j] = -1;
  for (int64_t i = 0; i < al->m; i++) row[i] = -1;
  for (int64_t j = 0; j < s->nf; j++) variable[s->variable[j]] = j;
  for (int64_t i = 0; i < s->na; i++) row[s->constraint[i]] = s->nf + i;
}

/* sigma hess L(x, row y / sigma), as tw_al_hvp has it. */
static tw_status add_hessian(tw_al *al, const tw_kkt_system *s, const tw_pattern *p, const int64_t *variable,
                             double *value, assembly *k) {
  const double sigma = al->scalars[TW_AL_SIGMA];
  for (int64_t i = 0; i < al->m; i++) al->row_work[i] = al->row[i] * s->y[i] / sigma;
  TW_TRY(tw_run_sparse_values(al->run, TW_MATRIX_LAGRANGIAN, s->x, al->row_work, value));
  for (int64_t j = 0; j < p->cols; j++)
    for (int64_t at = p->colptr[j]; at < p->colptr[j + 1]; at++)
      add(k, variable[p->rowidx[at]], variable[j], sigma * value[at]);
  return TW_OK;
}

static tw_status add_jacobian(tw_al *al, const tw_kkt_system *s, const tw_pattern *p, const int64_t *variable,
                              const int64_t *row, double *value, assembly *k) {
  TW_TRY(tw_run_sparse_values(al->run, TW_MATRIX_CONSTRAINTS, s->x, NULL, value));
  for (int64_t j = 0; j < p->cols; j++)
    for (int64_t at = p->colptr[j]; at < p->colptr[j + 1]; at++)
      add(k, row[p->rowidx[at]], variable[j], al->row[p->rowidx[at]] * value[at]);
  return TW_OK;
}

/* rhs <- K^-1 rhs; a singular or infinite K is not usable. */
static tw_status solve(const tw_kkt_system *s, const assembly *k, double *rhs, bool *usable) {
  const int64_t size = s->nf + s->na;
  tw_csc matrix = {0};
  tw_factor *factor = NULL;
  tw_error error = {TW_OK, ""};
  double *z = tw_alloc((size_t)size, sizeof *z);
  tw_status status = z ? TW_OK : tw_fail(&error, TW_ERR_MEMORY, "out of memory");
  if (status == TW_OK)
    status = tw_csc_from_triplets(&matrix, size, size, k->n, k->row, k->col, k->value, &error);
  if (status == TW_OK) status = tw_factor_csc(&factor, TW_FACTOR_LU, &matrix, &error);
  if (status == TW_OK) status = tw_factor_solve(factor, false, 1, rhs, z, &error);
  *usable = status == TW_OK && vec_find_nonfinite(size, z) < 0;
  if (*usable) vec_copy(size, z, rhs);
  tw_factor_free(factor);
  tw_csc_free(&matrix);
  free(z);
  return status == TW_ERR_MEMORY ? tw_fail(s->al->run->error, status, "%s", error.message) : TW_OK;
}

static tw_status assemble_and_solve(tw_al *al, const tw_kkt_system *s, const tw_pattern *h,
                                    const tw_pattern *j, double *rhs, bool *usable) {
  assembly k;
  int64_t *place = tw_alloc((size_t)(al->n + al->m), sizeof *place);
  double *value = tw_alloc((size_t)(h->nnz > j->nnz ? h->nnz : j->nnz), sizeof *value);
  tw_status status = TW_ERR_MEMORY;
  if (allocate(&k, 2 * (h->nnz + j->nnz)) && place && value) {
    find_places(al, s, place, place + al->n);
    status = add_hessian(al, s, h, place, value, &k);
    if (status == TW_OK) status = add_jacobian(al, s, j, place, place + al->n, value, &k);
    if (status == TW_OK) status = solve(s, &k, rhs, usable);
  } else {
    tw_fail(al->run->error, status, "out of memory");
  }
  release(&k);
  free(place);
  free(value);
  return status;
}

tw_status tw_kkt_solve_sparse(const tw_kkt_system *s, double *rhs, bool *usable) {
  tw_al *al = s->al;
  const tw_oracle *o = al->oracle;
  const tw_pattern *h, *j;
  tw_storage storage;
  *usable = false;
  TW_TRY(tw_oracle_storage(o, TW_MATRIX_LAGRANGIAN, &storage, &h, al->run->error));
  if (storage != TW_STORE_SPARSE) return TW_OK;
  tw_error error;
  const tw_status status = o->sparse_pattern(o->context, TW_MATRIX_CONSTRAINTS, &j, &error);
  if (status == TW_ERR_UNSUPPORTED) return TW_OK;
  if (status != TW_OK) return tw_fail(al->run->error, status, "%s", error.message);
  return assemble_and_solve(al, s, h, j, rhs, usable);
}
