/* The rule for proofs, the sizes it compares with, and what a proof rests on; see certificate.h. */
#include "method/program/certificate.h"

static const double ROUNDING = 1e-10; /* of T: what -sigma must exceed */
static const double REACH = 1e-7;     /* of margin: what may be left */

bool tw_proof_holds(tw_proof p, double most) {
  return p.margin > ROUNDING && p.left <= most && p.left <= REACH * p.margin;
}

/* ------------------------------------------------------------------ sizes */

double tw_proof_columns(const tw_csc *a, const double *y, const double *z) {
  double left = 0;
  for (int64_t j = 0; j < a->cols; j++) {
    double sum = z ? z[j] : 0, size = fabs(sum);
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
      const double term = a->value[k] * y[a->row[k]];
      sum += term, size += fabs(term);
    }
    left = fmax(left, tw_proof_part(sum, size));
  }
  return left;
}

void tw_proof_add_rows(const tw_csc *a, const double *d, double *sum, double *size) {
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t k = a->start[j]; d[j] != 0 && k < a->start[j + 1]; k++) {
      const double term = a->value[k] * d[j];
      sum[a->row[k]] += term, size[a->row[k]] += fabs(term);
    }
}

void tw_proof_add_symmetric(const tw_csc *p, const double *d, double *sum, double *size) {
  for (int64_t j = 0; j < p->cols; j++)
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      const int64_t i = p->row[k];
      const double below = p->value[k] * d[j], beside = i == j ? 0 : p->value[k] * d[i];
      sum[i] += below, size[i] += fabs(below);
      sum[j] += beside, size[j] += fabs(beside);
    }
}

/* ------------------------------------------------------------------ what a proof rests on */

static bool keep_all(int64_t n, bool *kept) {
  for (int64_t i = 0; i < n; i++) kept[i] = true;
  return false;
}

bool tw_proof_reach_rows(const tw_csc *a, const double *y, const double *z, double noise, int sweep, bool *kept) {
  bool more = false;
  if (sweep >= TW_PROOF_SWEEPS) return keep_all(a->rows, kept);
  for (int64_t c = 0; c < a->cols; c++) {
    const int64_t j = sweep % 2 ? a->cols - 1 - c : c;
    double size = z ? fabs(z[j]) : 0;
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) size += kept[a->row[k]] ? fabs(a->value[k] * y[a->row[k]]) : 0;
    for (int64_t k = a->start[j]; size > 0 && k < a->start[j + 1]; k++) {
      const int64_t i = a->row[k];
      if (!kept[i] && fabs(a->value[k] * y[i]) > noise * size) kept[i] = more = true;
    }
  }
  return more;
}

/* size_i of columns that are kept. */
static void sizes_of_kept(const tw_csc *a, bool symmetric, const double *d, const bool *kept, double *size) {
  vec_zero(a->rows, size);
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
      const int64_t i = a->row[k];
      if (kept[j]) size[i] += fabs(a->value[k] * d[j]);
      if (symmetric && i != j && kept[i]) size[j] += fabs(a->value[k] * d[i]);
    }
}

bool tw_proof_reach_columns(const tw_csc *a, bool symmetric, const double *d, double noise, int sweep, bool *kept, double *size) {
  bool more = false;
  if (sweep >= TW_PROOF_SWEEPS) return keep_all(a->cols, kept);
  sizes_of_kept(a, symmetric, d, kept, size);
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
      const int64_t i = a->row[k];
      if (!kept[j] && size[i] > 0 && fabs(a->value[k] * d[j]) > noise * size[i]) kept[j] = more = true;
      if (symmetric && i != j && !kept[i] && size[j] > 0 && fabs(a->value[k] * d[i]) > noise * size[j]) kept[i] = more = true;
    }
  return more;
}
