/* Linear and quadratic rows from derivatives at 0: f(0), grad f(0) and the Hessian, which is the same everywhere. */
#include "model/unroll.h"

#include <math.h>
#include <stdlib.h>

typedef struct taker {
  tw_flat *flat;
  const tw_problem *problem;
  tw_oracle oracle;
  double sign;            /* of the objective as stated in the oracle's */
  double *zero, *row, *y; /* n, n + m, m */
  tw_error *error;
} taker;

static tw_status take_objective(taker *t) {
  const tw_oracle *o = &t->oracle;
  double f;
  const tw_status status = o->gradient(o->context, t->zero, &f, t->row, t->error);
  if (status != TW_OK) return status;
  t->flat->constant = t->sign * f;
  for (int64_t j = 0; j < o->n; j++) tw_flat_linear(t->flat, -1, j, t->sign * t->row[j]);
  return TW_OK;
}

/* A constraint's constant moves to its limits, as MPS files have none. */
static void move_constants(taker *t, const double *value) {
  for (int64_t i = 0; i < t->oracle.m; i++) {
    t->flat->row_lower[i] -= value[i];
    t->flat->row_upper[i] -= value[i];
  }
}

static tw_status take_jacobian(taker *t) {
  const tw_oracle *o = &t->oracle;
  const tw_pattern *p = NULL;
  tw_status status = o->offers & TW_SPARSE ? o->sparse_pattern(o->context, TW_MATRIX_CONSTRAINTS, &p, t->error) : TW_ERR_UNSUPPORTED;
  if (status != TW_OK && status != TW_ERR_UNSUPPORTED) return status;
  const size_t entries = p != NULL ? (size_t)p->nnz : (size_t)o->n * (size_t)o->m;
  double *value = tw_alloc(entries, sizeof *value);
  if (value == NULL) return tw_fail(t->error, TW_ERR_MEMORY, "out of memory for the matrix of constraints");
  status = p != NULL ? o->sparse_values(o->context, TW_MATRIX_CONSTRAINTS, t->zero, NULL, value, t->error)
                     : o->constraints_jacobian(o->context, t->zero, value, t->error);
  for (int64_t j = 0; status == TW_OK && j < o->n; j++)
    for (int64_t k = p != NULL ? p->colptr[j] : 0, end = p != NULL ? p->colptr[j + 1] : o->m; k < end; k++)
      tw_flat_linear(t->flat, p != NULL ? p->rowidx[k] : k, j, value[p != NULL ? k : k * o->n + j]);
  free(value);
  return status;
}

/* The Hessian of the Lagrangian with multipliers y, NULL: of the objective: its lower triangle goes to `row`, half of the
 * diagonal, with a factor. */
static tw_status take_hessian(taker *t, int64_t row, const double *y, double factor) {
  const tw_oracle *o = &t->oracle;
  const tw_matrix matrix = y != NULL ? TW_MATRIX_LAGRANGIAN : TW_MATRIX_HESSIAN;
  const tw_pattern *p = NULL;
  tw_status status = o->offers & TW_SPARSE ? o->sparse_pattern(o->context, matrix, &p, t->error) : TW_ERR_UNSUPPORTED;
  if (status != TW_OK && status != TW_ERR_UNSUPPORTED) return status;
  const int64_t n = o->n, entries = p != NULL ? p->nnz : n * n;
  double *value = tw_alloc((size_t)entries, 2 * sizeof *value), *zero = tw_alloc((size_t)o->m, sizeof *zero);
  status = value != NULL && zero != NULL ? TW_OK : tw_fail(t->error, TW_ERR_MEMORY, "out of memory for a Hessian");
  for (int part = 0; part < 1 + (y != NULL) && status == TW_OK; part++) /* with y, then without the row */
    status = p != NULL ? o->sparse_values(o->context, matrix, t->zero, part == 0 ? y : zero, value + part * entries, t->error)
                       : o->hessian(o->context, t->zero, part == 0 ? y : zero, value + part * entries, t->error);
  for (int64_t j = 0; status == TW_OK && j < n; j++)
    for (int64_t k = p != NULL ? p->colptr[j] : j, end = p != NULL ? p->colptr[j + 1] : n; k < end; k++) {
      const int64_t i = p != NULL ? p->rowidx[k] : k, at = p != NULL ? k : k * n + j;
      const double q = value[at] - (y != NULL ? value[entries + at] : 0);
      tw_flat_quadratic(t->flat, row, i, j, factor * (i == j ? q / 2 : q));
    }
  free(value);
  free(zero);
  return status;
}

static tw_status take_rows(taker *t) {
  const tw_oracle *o = &t->oracle;
  tw_status status = o->constraints(o->context, t->zero, t->row, t->error);
  if (status != TW_OK) return status;
  move_constants(t, t->row);
  status = take_jacobian(t);
  tw_expr unknown[64];
  const int variables = tw_problem_variables(t->problem);
  for (int i = 0; i < variables && i < 64; i++) unknown[i] = tw_problem_variable_at(t->problem, i)->expr;
  for (int i = 0; i < tw_problem_constraints(t->problem) && status == TW_OK; i++) {
    const tw_constraint *c = tw_problem_constraint_at(t->problem, i);
    if (variables <= 64 && tw_degree_in(c->expr, variables, unknown) != TW_QUADRATIC) continue;
    for (int64_t k = c->offset; k < c->offset + c->size && status == TW_OK; k++) {
      t->y[k] = 1;
      status = take_hessian(t, k, t->y, 1);
      t->y[k] = 0;
    }
  }
  return status;
}

tw_status tw_flat_fill_quadratic(tw_flat *flat, const tw_problem *problem, tw_error *error) {
  tw_class cls;
  taker t = {.flat = flat, .problem = problem, .error = error, .sign = flat->maximize ? -1 : 1};
  tw_status status = tw_classify(problem, &cls, error);
  if (status == TW_OK && (cls.objective > TW_QUADRATIC || cls.constraints > TW_QUADRATIC || cls.n_regularizers > 0))
    status =
        tw_fail(error, TW_ERR_UNSUPPORTED, "the model is a %s; files of rows and columns hold linear and quadratic terms alone", cls.name);
  if (status == TW_OK) status = tw_oracle_from_problem(&t.oracle, problem, &cls, error);
  if (status != TW_OK) return status;
  const size_t n = (size_t)t.oracle.n, m = (size_t)t.oracle.m;
  t.zero = tw_alloc(n, sizeof *t.zero);
  t.row = tw_alloc(n + m, sizeof *t.row);
  t.y = tw_alloc(m, sizeof *t.y);
  if (t.zero == NULL || t.row == NULL || t.y == NULL) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for the rows of a model");
  if (status == TW_OK && flat->has_objective) status = take_objective(&t);
  if (status == TW_OK && flat->has_objective && cls.objective == TW_QUADRATIC) status = take_hessian(&t, -1, NULL, t.sign);
  if (status == TW_OK && t.oracle.m > 0) status = take_rows(&t);
  if (status == TW_OK && flat->failed) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for the rows of a model");
  tw_oracle_release(&t.oracle);
  free(t.zero);
  free(t.row);
  free(t.y);
  return status;
}
