/* The plans of an oracle, and how it has its matrices of derivatives. */
#include "base/given.h"
#include "problem/conic.h"
#include "problem/oracle.h"

/* ------------------------------------------------------------------ functions */

static tw_status put_function(tw_kit *kit, tw_question question, const char *name, tw_text *out, tw_error *error) {
  const tw_status status = tw_kit_compile(kit, question, error);
  if (status != TW_OK) return status;
  tw_text_printf(out, "%s\n", name);
  tw_fn_describe(kit->fn[question], out);
  return TW_OK;
}

static tw_status put_functions(tw_kit *kit, unsigned offers, tw_text *out, tw_error *error) {
  static const struct {
    tw_question question;
    unsigned offer;
    const char *name;
  } shown[] = {{TW_ASK_VALUE, TW_VALUE, "objective"},
               {TW_ASK_GRADIENT, TW_GRADIENT, "objective and gradient"},
               {TW_ASK_HVP, TW_CURVATURE, "Hessian-vector product"},
               {TW_ASK_RESIDUAL, TW_RESIDUAL, "residual"},
               {TW_ASK_CONSTRAINTS, TW_CONSTRAINTS, "constraints"},
               {TW_ASK_CONSTRAINTS_VJP, TW_CONSTRAINTS, "transposed Jacobian product of the constraints"}};
  tw_status status = TW_OK;
  for (size_t k = 0; k < sizeof shown / sizeof *shown && status == TW_OK; k++)
    if (offers & shown[k].offer) status = put_function(kit, shown[k].question, shown[k].name, out, error);
  return status;
}

/* ------------------------------------------------------------------ matrices */

static const char *const matrix_name[TW_MATRICES] = {[TW_MATRIX_HESSIAN] = "Hessian of the objective",
                                                     [TW_MATRIX_LAGRANGIAN] = "Hessian of the Lagrangian",
                                                     [TW_MATRIX_CONSTRAINTS] = "Jacobian of the constraints",
                                                     [TW_MATRIX_RESIDUAL] = "Jacobian of the residual"};

static tw_question dense_question(tw_matrix matrix) {
  static const tw_question question[TW_MATRICES] = {[TW_MATRIX_HESSIAN] = TW_ASK_HESSIAN,
                                                    [TW_MATRIX_LAGRANGIAN] = TW_ASK_LAGRANGIAN_HESSIAN,
                                                    [TW_MATRIX_CONSTRAINTS] = TW_ASK_CONSTRAINTS_JACOBIAN,
                                                    [TW_MATRIX_RESIDUAL] = TW_ASK_RESIDUAL_JACOBIAN};
  return question[matrix];
}

/* A sparse matrix `d`, or one that is not. */
static void put_line(const char *name, int64_t rows, int64_t cols, const tw_sparse_derivative *d, tw_storage storage, bool lower,
                     tw_text *out) {
  const char *way = d ? tw_sparse_way_name(d) : storage == TW_STORE_DENSE ? "dense" : "products only";
  const char *held = d ? lower ? "sparse, lower triangle" : "sparse" : storage == TW_STORE_DENSE ? "dense" : "matrix-free";
  char colors[32] = "-", entries[32] = "-";
  if (d && d->way == TW_BY_COLORING) snprintf(colors, sizeof colors, "%lld", (long long)d->colors);
  if (d || storage == TW_STORE_DENSE) snprintf(entries, sizeof entries, "%lld", (long long)(d ? d->pattern.nnz : rows * cols));
  tw_text_printf(out, "  %-28s %10lld x %-10lld %12s  %-31s %6s  %s\n", name, (long long)rows, (long long)cols, entries, way, colors, held);
}

static void put_heading(tw_text *out) {
  tw_text_puts(out,
               "  matrix                             rows x columns         entries  way                             colors  storage\n");
}

static tw_status put_matrix(tw_kit *kit, const tw_oracle *o, const tw_held_matrix *held, tw_text *out, tw_error *error) {
  const tw_matrix matrix = held->matrix;
  const bool second = matrix == TW_MATRIX_HESSIAN || matrix == TW_MATRIX_LAGRANGIAN;
  const int64_t rows = matrix == TW_MATRIX_CONSTRAINTS ? o->m : matrix == TW_MATRIX_RESIDUAL ? o->k : o->n;
  const tw_sparse_derivative *d = NULL;
  const tw_status status = held->storage == TW_STORE_SPARSE ? tw_kit_sparse(kit, matrix, &d, error) : TW_OK;
  if (status == TW_OK) put_line(matrix_name[matrix], rows, o->n, d, held->storage, second, out);
  return status;
}

static tw_status put_matrices(tw_kit *kit, const tw_oracle *o, int n, const tw_held_matrix *held, tw_text *out, tw_error *error) {
  tw_status status = TW_OK;
  if (n > 0) put_heading(out);
  for (int k = 0; k < n && status == TW_OK; k++) status = put_matrix(kit, o, &held[k], out, error);
  return status;
}

tw_status tw_oracle_describe_conic(const tw_oracle *oracle, tw_text *out, tw_error *error) {
  tw_kit *kit = tw_oracle_kit(oracle);
  const tw_conic_form *form;
  if (!kit) return tw_fail(error, TW_ERR_UNSUPPORTED, "oracle: it is not made of expressions and has no plans");
  const tw_status status = tw_kit_conic_form(kit, &form, error);
  if (status != TW_OK) return status;
  const tw_pattern *rows = &form->rows.pattern, *hessian = &form->hessian.pattern;
  put_heading(out);
  put_line("rows of the conic form", rows->rows, rows->cols, &form->rows, TW_STORE_SPARSE, false, out);
  if (hessian->nnz > 0) put_line("Hessian of the conic form", hessian->rows, hessian->cols, &form->hessian, TW_STORE_SPARSE, true, out);
  return TW_OK;
}

tw_status tw_oracle_describe(const tw_oracle *oracle, int n, const tw_held_matrix *held, tw_text *out, tw_error *error) {
  TW_GIVEN(oracle);
  TW_GIVEN(out);
  if (n > 0) TW_GIVEN(held);
  tw_kit *kit = tw_oracle_kit(oracle);
  if (!kit) return tw_fail(error, TW_ERR_UNSUPPORTED, "oracle: it is not made of expressions and has no plans");
  tw_status status = put_matrices(kit, oracle, n, held, out, error);
  if (status == TW_OK) status = put_functions(kit, oracle->offers, out, error);
  for (int k = 0; k < n && status == TW_OK; k++) {
    if (held[k].storage == TW_STORE_PRODUCTS) continue;
    const tw_matrix matrix = held[k].matrix;
    const tw_question question = held[k].storage == TW_STORE_SPARSE ? (tw_question)(TW_ASK_SPARSE + (int)matrix) : dense_question(matrix);
    status = put_function(kit, question, matrix_name[matrix], out, error);
  }
  return status == TW_OK && out->failed ? tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory") : status;
}
