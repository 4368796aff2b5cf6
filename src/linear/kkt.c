/* The KKT matrix in compressed columns and its factorization; see kkt.h. */
#include "linear/kkt.h"
#include "linear/csc.h"
#include "linear/vec.h"

#include <stdlib.h>

enum { DENSE_ORDER = 80, FULL_ORDER = 1500, FULL_PART = 4 };

/* Small, or at least a quarter of the triangle holds entries: LAPACK's blocks are faster than columns one by one, which those of the
 * sparse LDL' are. */
static bool is_dense(int64_t order, int64_t count, tw_factor_kind kind) {
  return order <= DENSE_ORDER || (kind == TW_FACTOR_QUASIDEFINITE && order <= FULL_ORDER && FULL_PART * count >= order * (order + 1) / 2);
}

static bool has_diagonal(const tw_pattern *h, int64_t j) {
  return h->colptr[j] < h->colptr[j + 1] && h->rowidx[h->colptr[j]] == j;
}

/* Column j < n: the diagonal, H below it, J; column n + i: the diagonal. */
static void place_entries(tw_kkt_matrix *kkt) {
  const tw_pattern *h = &kkt->h, *jac = &kkt->j;
  int64_t at = 0;
  for (int64_t j = 0; j < kkt->n; j++) {
    kkt->k.start[j] = at;
    kkt->d_at[j] = at;
    kkt->k.row[at++] = j;
    for (int64_t p = h->colptr[j]; p < h->colptr[j + 1]; p++) {
      kkt->h_at[p] = h->rowidx[p] == j ? kkt->d_at[j] : at;
      if (h->rowidx[p] != j) kkt->k.row[at++] = h->rowidx[p];
    }
    for (int64_t p = jac->colptr[j]; p < jac->colptr[j + 1]; p++) {
      kkt->j_at[p] = at;
      kkt->k.row[at++] = kkt->n + jac->rowidx[p];
    }
  }
  for (int64_t i = 0; i < kkt->m; i++) {
    kkt->k.start[kkt->n + i] = at;
    kkt->d_at[kkt->n + i] = at;
    kkt->k.row[at++] = kkt->n + i;
  }
  kkt->k.start[kkt->n + kkt->m] = at;
}

tw_status tw_kkt_open(tw_kkt_matrix *kkt, const tw_pattern *h, const tw_pattern *j, tw_factor_kind kind, tw_error *error) {
  const int64_t n = h->cols, m = j->rows, order = n + m;
  int64_t count = order + h->nnz + j->nnz;
  for (int64_t k = 0; k < n; k++) count -= has_diagonal(h, k);
  *kkt = (tw_kkt_matrix){.n = n, .m = m, .h = *h, .j = *j, .kind = kind, .dense = is_dense(order, count, kind)};
  kkt->k = (tw_csc){.rows = order, .cols = order};
  kkt->k.start = tw_alloc((size_t)order + 1, sizeof *kkt->k.start);
  kkt->k.row = tw_alloc((size_t)count, sizeof *kkt->k.row);
  kkt->k.value = tw_alloc((size_t)count, sizeof *kkt->k.value);
  kkt->h_at = tw_alloc((size_t)h->nnz, sizeof *kkt->h_at);
  kkt->j_at = tw_alloc((size_t)j->nnz, sizeof *kkt->j_at);
  kkt->d_at = tw_alloc((size_t)order, sizeof *kkt->d_at);
  if (kkt->dense) kkt->full = tw_alloc((size_t)(order * order), sizeof *kkt->full);
  if (!kkt->k.start || !kkt->k.row || !kkt->k.value || !kkt->h_at || !kkt->j_at || !kkt->d_at || (kkt->dense && !kkt->full))
    return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  place_entries(kkt);
  return TW_OK;
}

void tw_kkt_set_kind(tw_kkt_matrix *kkt, tw_factor_kind kind) {
  if (kind == kkt->kind) return;
  tw_factor *other = kkt->aside;
  if (kkt->aside_kind != kind) tw_factor_free(other), other = NULL;
  kkt->aside = kkt->factor, kkt->aside_kind = kkt->kind;
  kkt->factor = other, kkt->kind = kind;
}

void tw_kkt_adopt(tw_kkt_matrix *kkt, tw_kkt_matrix *from) {
  if (!from->k.start || kkt->dense || kkt->factor || !csc_same_pattern(&kkt->k, &from->k)) return;
  kkt->factor = from->factor, kkt->kind = from->kind;
  kkt->aside = from->aside, kkt->aside_kind = from->aside_kind;
  from->factor = from->aside = NULL;
}

void tw_kkt_close(tw_kkt_matrix *kkt) {
  tw_factor_free(kkt->factor), tw_factor_free(kkt->aside);
  tw_csc_free(&kkt->k);
  free(kkt->h_at);
  free(kkt->j_at);
  free(kkt->d_at);
  free(kkt->full);
}

static void fill(tw_kkt_matrix *kkt, const double *h, const double *j, const double *d, const double *e, const bool *no_variable,
                 const bool *no_row) {
  double *value = kkt->k.value;
  vec_zero(kkt->k.start[kkt->n + kkt->m], value);
  for (int64_t k = 0; k < kkt->n; k++) {
    const bool out = no_variable && no_variable[k];
    value[kkt->d_at[k]] = out ? 1 : d[k];
    for (int64_t p = kkt->h.colptr[k]; h && !out && p < kkt->h.colptr[k + 1]; p++)
      if (!no_variable || !no_variable[kkt->h.rowidx[p]]) value[kkt->h_at[p]] += h[p];
    for (int64_t p = kkt->j.colptr[k]; !out && p < kkt->j.colptr[k + 1]; p++)
      if (!no_row || !no_row[kkt->j.rowidx[p]]) value[kkt->j_at[p]] = j[p];
  }
  for (int64_t i = 0; i < kkt->m; i++) value[kkt->d_at[kkt->n + i]] = no_row && no_row[i] ? -1 : -e[i];
}

static tw_status factor_dense(tw_kkt_matrix *kkt, tw_error *error) {
  const int64_t order = kkt->k.cols;
  vec_zero(order * order, kkt->full);
  for (int64_t j = 0; j < order; j++)
    for (int64_t p = kkt->k.start[j]; p < kkt->k.start[j + 1]; p++) kkt->full[kkt->k.row[p] * order + j] = kkt->k.value[p];
  tw_factor_free(kkt->factor);
  kkt->factor = NULL;
  return tw_factor_dense(&kkt->factor, TW_FACTOR_INDEFINITE, order, order, kkt->full, error);
}

tw_status tw_kkt_factor(tw_kkt_matrix *kkt, const double *h, const double *j, const double *d, const double *e,
                        const bool *no_variable, const bool *no_row, int64_t *negative, tw_error *error) {
  tw_error why = {TW_OK, ""};
  fill(kkt, h, j, d, e, no_variable, no_row);
  const tw_status status = kkt->dense    ? factor_dense(kkt, &why)
                           : kkt->factor ? tw_factor_update(kkt->factor, &kkt->k, &why)
                                         : tw_factor_csc(&kkt->factor, kkt->kind, &kkt->k, &why);
  *negative = -1;
  if (status == TW_ERR_SINGULAR || status == TW_ERR_DATA) return TW_OK;
  if (status != TW_OK) return tw_fail(error, status, "%s", why.message);
  tw_factor_refinement(kkt->factor, 0);
  tw_factor_inertia(kkt->factor, NULL, negative, NULL);
  return TW_OK;
}

tw_status tw_kkt_solve(tw_kkt_matrix *kkt, double *xy, tw_error *error) {
  return tw_factor_solve(kkt->factor, false, 1, xy, xy, error);
}
