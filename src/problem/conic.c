/* The arrays of a conic form, and the form as a part of an oracle's kit. */
#include "problem/conic.h"

#include "problem/oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void tw_conic_free(tw_conic *conic) {
  if (!conic) return;
  tw_csc_free(&conic->p);
  tw_csc_free(&conic->a);
  free(conic->c);
  free(conic->b);
  free(conic->cone);
  free(conic->column);
  free(conic->dual);
  *conic = (tw_conic){0};
}

/* ------------------------------------------------------------------ arrays */

typedef struct triplets {
  int64_t count;
  int64_t *row, *col;
  double *value;
} triplets;

static bool triplets_new(triplets *t, int64_t room) {
  *t = (triplets){0};
  t->row = tw_alloc((size_t)room, sizeof *t->row);
  t->col = tw_alloc((size_t)room, sizeof *t->col);
  t->value = tw_alloc((size_t)room, sizeof *t->value);
  return t->row && t->col && t->value;
}

static void triplets_free(triplets *t) {
  free(t->row);
  free(t->col);
  free(t->value);
}

static void put(triplets *t, int64_t row, int64_t col, double value) {
  if (value == 0) return;
  t->row[t->count] = row;
  t->col[t->count] = col;
  t->value[t->count++] = value;
}

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for a conic form");
}

/* A = - d rows / d v; the last row of the derivative is c. */
static tw_status fill_rows(const tw_conic_form *form, const double *value, tw_conic *out, tw_error *error) {
  const tw_pattern *p = &form->rows.pattern;
  triplets t;
  tw_status status = triplets_new(&t, p->nnz) ? TW_OK : out_of_memory(error);
  for (int64_t j = 0; j < p->cols && status == TW_OK; j++)
    for (int64_t k = p->colptr[j]; k < p->colptr[j + 1]; k++) {
      const int64_t column = form->column[j];
      if (p->rowidx[k] == form->m)
        out->c[column] += value[k];
      else
        put(&t, p->rowidx[k], column, -value[k]);
    }
  if (status == TW_OK) status = tw_csc_from_triplets(&out->a, form->m, form->n, t.count, t.row, t.col, t.value, error);
  triplets_free(&t);
  return status;
}

/* E'H E for the map E of unknowns to elements. An entry off the diagonal of H that lands on the diagonal counts twice. */
static tw_status fill_hessian(const tw_conic_form *form, const double *value, tw_conic *out, tw_error *error) {
  const tw_pattern *p = &form->hessian.pattern;
  triplets t;
  tw_status status = triplets_new(&t, p->nnz) ? TW_OK : out_of_memory(error);
  for (int64_t j = 0; j < p->cols && status == TW_OK; j++)
    for (int64_t k = p->colptr[j]; k < p->colptr[j + 1]; k++) {
      const int64_t a = form->column[p->rowidx[k]], b = form->column[j];
      put(&t, a > b ? a : b, a > b ? b : a, a == b && p->rowidx[k] != j ? 2 * value[k] : value[k]);
    }
  if (status == TW_OK) status = tw_csc_from_triplets(&out->p, form->n, form->n, t.count, t.row, t.col, t.value, error);
  triplets_free(&t);
  return status;
}

static void *copy_of(const void *from, int64_t count, size_t size) {
  void *to = tw_alloc((size_t)count, size);
  if (to && count > 0) memcpy(to, from, (size_t)count * size);
  return to;
}

int64_t tw_conic_form_values(const tw_conic_form *form) {
  return form->rows.pattern.nnz + form->m + 1 + (tw_is_none(form->hessian_at) ? 0 : form->hessian.pattern.nnz);
}

tw_status tw_conic_form_fill(const tw_conic_form *form, const double *values, int64_t n_x, tw_conic *out, tw_error *error) {
  const double *constant = values + form->rows.pattern.nnz, *hessian = constant + form->m + 1;
  *out = (tw_conic){.n = form->n, .m = form->m, .cones = form->cones, .n_x = n_x, .duals = form->duals, .constant = constant[form->m]};
  for (int64_t k = 0; k < tw_conic_form_values(form); k++)
    if (!isfinite(values[k])) return tw_fail(error, TW_ERR_NUMERIC, "a coefficient of the conic form is not finite");
  out->c = tw_alloc((size_t)out->n, sizeof *out->c);
  out->b = copy_of(constant, out->m, sizeof *out->b);
  out->cone = copy_of(form->cone, out->cones, sizeof *out->cone);
  out->column = copy_of(form->column, n_x, sizeof *out->column);
  out->dual = copy_of(form->dual, out->duals, sizeof *out->dual);
  tw_status status = out->c && out->b && out->cone && out->column && out->dual ? TW_OK : out_of_memory(error);
  if (status == TW_OK) status = fill_rows(form, values, out, error);
  if (status == TW_OK && !tw_is_none(form->hessian_at)) status = fill_hessian(form, hessian, out, error);
  else if (status == TW_OK) status = tw_csc_from_triplets(&out->p, out->n, out->n, 0, NULL, NULL, NULL, error);
  if (status != TW_OK) tw_conic_free(out);
  return status;
}

/* ------------------------------------------------------------------ in the kit */

static tw_status derive(tw_kit *kit, tw_error *error) {
  kit->conic.form = tw_alloc(1, sizeof *kit->conic.form);
  if (!kit->conic.form) return out_of_memory(error);
  const tw_status status = tw_conic_form_make(kit->conic.form, kit->problem, &kit->cls, error);
  if (status == TW_OK) return status;
  free(kit->conic.form);
  kit->conic.form = NULL;
  return status;
}

tw_status tw_kit_conic_form(tw_kit *kit, const tw_conic_form **out, tw_error *error) {
  *out = NULL;
  tw_graph_lock(kit->problem->graph);
  if (!kit->conic.known) {
    kit->conic.refusal = (tw_error){.status = TW_OK};
    const tw_status status = derive(kit, &kit->conic.refusal);
    kit->conic.known = status == TW_OK || status == TW_ERR_UNSUPPORTED;
  }
  const tw_status status = kit->conic.refusal.status;
  if (status != TW_OK) tw_fail(error, status, "%s", kit->conic.refusal.message);
  tw_graph_unlock(kit->problem->graph);
  if (status == TW_OK) *out = kit->conic.form;
  return status;
}

void tw_kit_conic_free(tw_kit *kit) {
  if (!kit->conic.form) return;
  tw_conic_form_free(kit->conic.form);
  free(kit->conic.form);
  kit->conic.form = NULL;
}
