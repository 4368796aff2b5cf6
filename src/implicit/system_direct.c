/* Implicit systems by factorization: dense while they are small, sparse where their entries are few. */
#include "implicit/system.h"

#include "base/try.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double RELIABLE_CONDITION = 1e13; /* beyond it a factorization is not trusted alone */

/* ------------------------------------------------------------------ dense */

static tw_status assemble(tw_system *a) {
  const size_t m = (size_t)a->m;
  double *unit = tw_alloc(m, sizeof *unit), *column = tw_alloc(m, sizeof *column);
  a->dense = tw_alloc(m * m, sizeof *a->dense);
  tw_status status = unit && column && a->dense ? TW_OK : tw_system_oom(a);
  for (int64_t j = 0; j < a->m && status == TW_OK; j++) {
    unit[j] = 1;
    status = tw_system_apply(a, false, unit, column);
    unit[j] = 0;
    for (int64_t i = 0; i < a->m; i++) a->dense[i * a->m + j] = column[i];
  }
  bool finite = status == TW_OK && isfinite(tw_vec_norm_inf(a->dense, m * m));
  if (status == TW_OK && !finite)
    status = tw_fail(a->call->error, TW_ERR_NUMERIC, "implicit derivative: its linear system holds NaN or infinities");
  free(unit);
  free(column);
  return status;
}

/* ------------------------------------------------------------------ sparse */

enum { PER_ROW = 200 /* entries of a row on average, beyond which a matrix is not sparse */ };

/* Whether some columns of L have few entries: asked by products, as a pattern of all entries would take long where they do not. */
static tw_status columns_are_short(tw_system *a, bool *few) {
  enum { COLUMNS = 4, KEY = 73 };
  tw_status status = TW_OK;
  memset(a->v, 0, (size_t)a->n * sizeof *a->v);
  *few = true;
  for (int k = 0; k < COLUMNS && status == TW_OK && *few; k++) {
    const int64_t j = tw_random_integer(KEY, (uint64_t)k, 0, a->n);
    int64_t count = 0;
    a->v[j] = 1;
    status = tw_system_apply_full(a, false);
    a->v[j] = 0;
    for (int64_t i = 0; i < a->n; i++) count += a->lv[i] != 0;
    *few = count <= PER_ROW && count <= a->n / 4;
  }
  return status;
}

/* The entries as a function, when they are few. A refusal is no error of the graph. */
static tw_status find_entries(tw_system *a) {
  tw_solve_prepared *p = a->s->p;
  const tw_body *body = ((const tw_solve_attr *)tw_attr_of(p->node))->body;
  tw_graph *graph = p->node.graph;
  tw_expr v = tw_input(graph, "v", TW_F64, TW_SHAPE(a->n)), e = TW_NONE;
  tw_sparse_derivative found = {0};
  if (tw_substitute(1, body->outputs, 1, body->params, &v, &e) != TW_OK) return tw_graph_check(graph, a->call->error);
  tw_status status = tw_jacobian_pattern(e, 1, &v, &p->entries.pattern);
  const int64_t nnz = p->entries.pattern.nnz;
  const bool few = status == TW_OK && nnz <= a->n * PER_ROW && nnz / a->n <= a->n / 10;
  tw_pattern_free(&p->entries.pattern);
  if (few) status = tw_sparse_jacobian(e, 1, &v, &found);
  if (status == TW_ERR_UNSUPPORTED) tw_graph_clear(graph);
  else if (status != TW_OK) return tw_graph_check(graph, a->call->error);
  if (status == TW_OK && few && found.way != TW_BY_DENSE) {
    tw_expr zero = tw_zeros_like(v), values = TW_NONE;
    status = tw_substitute(1, &found.values, 1, &v, &zero, &values);
    const tw_fn_options options = {.mode = p->mode};
    if (status == TW_OK) status = tw_fn_new(&p->entries.fn, body->n_params - 1, body->params + 1, 1, &values, &options, a->call->error);
    else status = tw_graph_check(graph, a->call->error);
    if (status == TW_OK) p->entries.pattern = found.pattern;
    else tw_sparse_derivative_free(&found);
    return status;
  }
  tw_sparse_derivative_free(&found);
  return TW_OK;
}

/* L_MM, with the ridge, from the values of all entries. */
static tw_status choose_entries(tw_system *a, const double *values) {
  const tw_pattern *pattern = &a->s->p->entries.pattern;
  int64_t *place = tw_alloc((size_t)a->n + 1, sizeof *place), count = 0;
  const size_t most = (size_t)(pattern->nnz + a->m) + 1;
  int64_t *row = tw_alloc(most, sizeof *row), *col = tw_alloc(most, sizeof *col);
  double *value = tw_alloc(most, sizeof *value);
  tw_status status = place && row && col && value ? TW_OK : tw_system_oom(a);
  if (status == TW_OK) {
    for (int64_t i = 0; i < a->n; i++) place[i] = -1;
    for (int64_t i = 0; i < a->m; i++) place[a->free_index[i]] = i;
    for (int64_t j = 0; j < a->n; j++)
      for (int64_t e = pattern->colptr[j]; place[j] >= 0 && e < pattern->colptr[j + 1]; e++)
        if (place[pattern->rowidx[e]] >= 0) row[count] = place[pattern->rowidx[e]], col[count] = place[j], value[count++] = values[e];
    const double ridge = a->choice->kind == TW_SOLVE_NORMAL_CG ? 0 : a->choice->ridge;
    for (int64_t i = 0; i < a->m; i++) row[count] = col[count] = i, value[count++] = ridge;
    status = tw_csc_from_triplets(&a->sparse, a->m, a->m, count, row, col, value, a->call->error);
  }
  free(place), free(row), free(col), free(value);
  return status;
}

/* The entries' function, NULL where they are many. */
static tw_status entries_of(tw_system *a, const tw_entries_fn **out) {
  tw_entries_fn *entries = &a->s->p->entries;
  bool few = true;
  *out = NULL;
  tw_graph_lock(a->call->node.graph);
  const bool made = entries->fn != NULL;
  tw_graph_unlock(a->call->node.graph);
  if (!made) TW_TRY(columns_are_short(a, &few));
  if (!few) return TW_OK;
  tw_status status = TW_OK;
  tw_graph_lock(a->call->node.graph);
  if (!entries->known) {
    status = find_entries(a);
    entries->known = status == TW_OK;
  }
  if (entries->fn) *out = entries;
  tw_graph_unlock(a->call->node.graph);
  return status;
}

tw_status tw_system_sparse(tw_system *a, bool *found) {
  *found = a->sparse.start != NULL;
  if (*found) return TW_OK;
  const tw_entries_fn *entries;
  tw_status status = entries_of(a, &entries);
  if (status != TW_OK || !entries) return status;
  tw_work *work = NULL;
  double *values = tw_alloc((size_t)entries->pattern.nnz + 1, sizeof *values);
  status = values ? tw_work_new(&work, entries->fn, a->call->error) : tw_system_oom(a);
  if (status == TW_OK) status = tw_fn_call(entries->fn, work, a->in, (void *[]){values}, 0, a->call->error);
  if (status == TW_OK && !isfinite(tw_vec_norm_inf(values, (size_t)entries->pattern.nnz)))
    status = tw_fail(a->call->error, TW_ERR_NUMERIC, "implicit derivative: its linear system holds NaN or infinities");
  if (status == TW_OK) status = choose_entries(a, values);
  tw_work_free(work);
  free(values);
  *found = status == TW_OK;
  return status;
}

/* ------------------------------------------------------------------ factors */

typedef struct attempt {
  tw_factor_kind kind;
  const char *dense, *sparse;
} attempt;

static const attempt INDEFINITE = {TW_FACTOR_INDEFINITE, "ldlt", "sparse ldlt"}, LU = {TW_FACTOR_LU, "lu", "sparse lu"},
                     CHOLESKY = {TW_FACTOR_CHOLESKY, "cholesky", "sparse cholesky"}, QR = {TW_FACTOR_QR, "qr", "sparse qr"},
                     LDLT = {TW_FACTOR_LDLT, "ldlt", "sparse ldlt"};

static tw_status try(tw_system *a, attempt how, tw_error *why) {
  const bool sparse = a->sparse.start != NULL;
  const tw_status status = sparse ? tw_factor_csc(&a->factor, how.kind, &a->sparse, why)
                                  : tw_factor_dense(&a->factor, how.kind, a->m, a->m, a->dense, why);
  if (status == TW_OK) {
    a->s->evidence.factorizations++;
    a->s->evidence.by = sparse ? how.sparse : how.dense;
  }
  return status;
}

/* By structure, the cheapest first. */
static tw_status automatic(tw_system *a, tw_error *why) {
  if (!a->symmetric) return try(a, LU, why);
  if (!a->sparse.start) return try(a, LDLT, why);
  const tw_status status = try(a, CHOLESKY, why);
  return status == TW_ERR_SINGULAR ? try(a, INDEFINITE, why) : status;
}

tw_status tw_system_factorize(tw_system *a) {
  const int64_t kind = a->choice->kind;
  const bool asked = kind != TW_SOLVE_AUTO;
  bool sparse = false;
  tw_error why = {TW_OK, ""};
  if (a->m > TW_SYSTEM_DENSE_LIMIT) TW_TRY(tw_system_sparse(a, &sparse));
  if (!sparse && !asked && a->m > TW_SYSTEM_DENSE_LIMIT) return TW_OK;
  if (!sparse && a->m > TW_SYSTEM_DENSE_MOST)
    return tw_fail(a->call->error, TW_ERR_UNSUPPORTED,
                   "linear=%s: a dense system of %lld unknowns, expected at most %d, or an iterative solver",
                   tw_solve_kind_name((tw_solve_kind)kind), (long long)a->m, TW_SYSTEM_DENSE_MOST);
  if (!sparse) TW_TRY(assemble(a));
  const tw_status status = kind == TW_SOLVE_LU         ? try(a, LU, &why)
                           : kind == TW_SOLVE_CHOLESKY ? try(a, CHOLESKY, &why)
                           : kind == TW_SOLVE_QR       ? try(a, QR, &why)
                                                       : automatic(a, &why);
  if (status == TW_ERR_MEMORY || (status != TW_OK && asked)) return tw_fail(a->call->error, status, "implicit derivative: %s", why.message);
  const double condition = status == TW_OK ? tw_factor_condition(a->factor) : INFINITY;
  if (!(condition <= a->s->evidence.condition)) a->s->evidence.condition = condition;
  if (status == TW_OK && (asked || condition < RELIABLE_CONDITION)) return TW_OK;
  tw_factor_free(a->factor);
  a->factor = NULL;
  a->s->evidence.condition = INFINITY;
  return TW_OK;
}
