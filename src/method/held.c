/* Which derivatives a method holds as matrices. */
#include "method/driver.h"
#include "method/leastsq/lsq.h"

#include <string.h>

/* Programs in arrays are sparse wherever there is a pattern (program/qp.c). */
static tw_status of_program(const tw_oracle *o, tw_matrix matrix, tw_storage *storage, tw_error *error) {
  const tw_pattern *pattern;
  const tw_status status = o->offers & TW_SPARSE ? o->sparse_pattern(o->context, matrix, &pattern, error) : TW_ERR_UNSUPPORTED;
  *storage = status == TW_OK ? TW_STORE_SPARSE : TW_STORE_DENSE;
  return status == TW_ERR_UNSUPPORTED ? TW_OK : status;
}

/* As many variables as the option `dense` allows. */
static bool are_few(const tw_method *m, int64_t n) {
  for (const tw_option *option = m->options; option && option->name; option++)
    if (strcmp(option->name, "dense") == 0) return (double)n <= option->value;
  return false;
}

/* Linear and quadratic programs that the method reads into arrays. */
static bool is_program(const tw_method *m, const tw_oracle *o) {
  return o->offers & TW_QP && (m->needs & TW_QP || m->handles & TW_HANDLES_INTEGERS);
}

static tw_status storage_of(const tw_method *m, const tw_oracle *o, tw_matrix matrix, tw_storage *storage, tw_error *error) {
  const tw_pattern *pattern;
  if (is_program(m, o)) return of_program(o, matrix, storage, error);
  if (matrix == TW_MATRIX_RESIDUAL || m->matrices == TW_HOLDS_HESSIAN) {
    const bool dense = matrix == TW_MATRIX_RESIDUAL ? tw_lsq_is_dense(o->k, o->n) : are_few(m, o->n);
    *storage = dense ? TW_STORE_DENSE : TW_STORE_PRODUCTS;
    return TW_OK;
  }
  const tw_status status = tw_oracle_storage(o, matrix, storage, &pattern, error);
  if (status == TW_OK && m->matrices & TW_HOLDS_IF_SPARSE && *storage == TW_STORE_DENSE) *storage = TW_STORE_PRODUCTS;
  return status;
}

tw_status tw_method_held(const tw_method *m, const tw_oracle *o, tw_held_matrix held[TW_MATRICES], int *count, tw_error *error) {
  *count = 0;
  for (int k = 0; k < TW_MATRICES; k++) {
    tw_matrix matrix = (tw_matrix)k;
    if (!(m->matrices & 1u << k) || (matrix == TW_MATRIX_CONSTRAINTS && o->m == 0) || (matrix == TW_MATRIX_RESIDUAL && o->k == 0)) continue;
    if (matrix == TW_MATRIX_LAGRANGIAN && (o->m == 0 || is_program(m, o))) matrix = TW_MATRIX_HESSIAN;
    if (matrix == TW_MATRIX_HESSIAN && !(o->offers & TW_CURVATURE)) continue;
    held[*count].matrix = matrix;
    const tw_status status = storage_of(m, o, matrix, &held[*count].storage, error);
    if (status != TW_OK) return status;
    (*count)++;
  }
  return TW_OK;
}
