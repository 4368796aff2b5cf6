/* Checking an oracle's derivatives against central differences. */
#include "problem/differences.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct checker {
  const tw_oracle *o;
  const double *x, *y;   /* y: multipliers of the Lagrangian under test, or NULL */
  double *v, *u;         /* a random direction [n], random weights [most rows] */
  double *claimed, *measured, *scratch; /* longest each */
  double worst;
  char *where;
  size_t where_size;
} checker;

/* Takes a disagreement in, relative to the size of the derivative. */
static void compare(checker *c, const char *what, int64_t count) {
  double scale = fmax(1e-8, fmax(tw_vec_norm_inf(c->measured, (size_t)count), tw_vec_norm_inf(c->claimed, (size_t)count)));
  for (int64_t i = 0; i < count; i++) {
    double gap = fabs(c->claimed[i] - c->measured[i]) / scale;
    if (isnan(gap)) gap = INFINITY;
    if (gap <= c->worst) continue;
    c->worst = gap;
    if (c->where_size)
      snprintf(c->where, c->where_size, "%s at position %lld: %.10g, by differences %.10g", what, (long long)i,
               c->claimed[i], c->measured[i]);
  }
}

static tw_status value_at(void *self, const double *x, double *out, tw_error *error) {
  const checker *c = self;
  return c->o->value(c->o->context, x, out, error);
}

static tw_status gradient_at(void *self, const double *x, double *out, tw_error *error) {
  const checker *c = self;
  double f;
  tw_status status = c->o->gradient(c->o->context, x, &f, out, error);
  if (status != TW_OK || !c->y) return status;
  status = c->o->constraints_vjp(c->o->context, x, c->y, c->scratch, error);
  for (int64_t i = 0; status == TW_OK && i < c->o->n; i++) out[i] += c->scratch[i];
  return status;
}

static tw_status residual_at(void *self, const double *x, double *out, tw_error *error) {
  const checker *c = self;
  return c->o->residual(c->o->context, x, out, error);
}

static tw_status constraints_at(void *self, const double *x, double *out, tw_error *error) {
  const checker *c = self;
  return c->o->constraints(c->o->context, x, out, error);
}

static bool open_differences(checker *c, tw_differences *d, tw_vector_function *function, int64_t count) {
  bool bounded = c->o->offers & TW_BOUNDS;
  return tw_differences_open(d, function, c, c->o->n, count, bounded ? c->o->lower : NULL, bounded ? c->o->upper : NULL);
}

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "oracle check: out of memory");
}

static tw_status check_gradient(checker *c, tw_error *error) {
  tw_differences d = {0};
  double f;
  tw_status status = open_differences(c, &d, value_at, 1) ? TW_OK : out_of_memory(error);
  for (int64_t i = 0; status == TW_OK && i < c->o->n; i++)
    status = tw_difference_column(&d, c->x, i, c->measured + i, 1, error);
  if (status == TW_OK) status = c->o->gradient(c->o->context, c->x, &f, c->claimed, error);
  for (int64_t i = 0; status == TW_OK && (c->o->offers & TW_BOUNDS) && i < c->o->n; i++)
    if (c->o->lower[i] >= c->o->upper[i]) c->claimed[i] = c->measured[i] = 0; /* a fixed variable has no differences */
  if (status == TW_OK) compare(c, "gradient", c->o->n);
  tw_differences_close(&d);
  return status;
}

static tw_status check_hvp(checker *c, const double *y, tw_error *error) {
  tw_differences d = {0};
  c->y = y;
  tw_status status = open_differences(c, &d, gradient_at, c->o->n) ? TW_OK : out_of_memory(error);
  if (status == TW_OK) status = tw_difference_along(&d, c->x, c->v, c->measured, error);
  if (status == TW_OK) status = c->o->hvp(c->o->context, c->x, y, c->v, c->claimed, error);
  if (status == TW_OK) compare(c, y ? "Hessian of the Lagrangian" : "Hessian product", c->o->n);
  tw_differences_close(&d);
  return status;
}

typedef tw_status product(void *context, const double *x, const double *v, double *out, tw_error *error);

/* J v against differences, then J'u against J by u'(J v) = (J'u)'v. */
static tw_status check_map(checker *c, const char *what, tw_vector_function *function, int64_t rows, product *jvp,
                           product *vjp, tw_error *error) {
  tw_differences d = {0};
  tw_status status = open_differences(c, &d, function, rows) ? TW_OK : out_of_memory(error);
  if (status == TW_OK) status = tw_difference_along(&d, c->x, c->v, c->measured, error);
  tw_differences_close(&d);
  if (status == TW_OK) status = jvp(c->o->context, c->x, c->v, c->claimed, error);
  if (status != TW_OK) return status;
  compare(c, what, rows);
  double forward = tw_vec_dot(c->u, c->measured, (size_t)rows);
  double size = tw_vec_norm2(c->u, (size_t)rows) * tw_vec_norm2(c->measured, (size_t)rows);
  status = vjp(c->o->context, c->x, c->u, c->scratch, error);
  if (status != TW_OK || !(size > 0)) return status;
  c->claimed[0] = tw_vec_dot(c->scratch, c->v, (size_t)c->o->n) / size;
  c->measured[0] = forward / size;
  c->claimed[1] = c->measured[1] = 1; /* the product of the norms is the scale */
  char transposed[96];
  snprintf(transposed, sizeof transposed, "transposed %s", what);
  compare(c, transposed, 2);
  return TW_OK;
}

/* out = A v from the entries; those of a symmetric matrix are its lower triangle. */
static void multiply(const tw_pattern *p, const double *value, bool symmetric, const double *v, double *out) {
  memset(out, 0, (size_t)p->rows * sizeof *out);
  for (int64_t j = 0; j < p->cols; j++)
    for (int64_t at = p->colptr[j]; at < p->colptr[j + 1]; at++) {
      const int64_t i = p->rowidx[at];
      out[i] += value[at] * v[j];
      if (symmetric && i != j) out[j] += value[at] * v[i];
    }
}

/* A v of a sparse matrix against differences. */
static tw_status check_sparse(checker *c, const char *what, tw_matrix matrix, tw_vector_function *function, const double *y,
                              tw_error *error) {
  const tw_pattern *p;
  tw_differences d = {0};
  tw_status status = c->o->sparse_pattern(c->o->context, matrix, &p, error);
  if (status != TW_OK) return status == TW_ERR_UNSUPPORTED ? TW_OK : status;
  c->y = y;
  double *value = tw_alloc((size_t)p->nnz, sizeof *value);
  if (!value || !open_differences(c, &d, function, p->rows)) status = out_of_memory(error);
  if (status == TW_OK) status = tw_difference_along(&d, c->x, c->v, c->measured, error);
  if (status == TW_OK) status = c->o->sparse_values(c->o->context, matrix, c->x, y, value, error);
  if (status == TW_OK) {
    multiply(p, value, matrix == TW_MATRIX_HESSIAN || matrix == TW_MATRIX_LAGRANGIAN, c->v, c->claimed);
    compare(c, what, p->rows);
  }
  tw_differences_close(&d);
  free(value);
  return status;
}

static tw_status check_all_sparse(checker *c, tw_error *error) {
  const unsigned offers = c->o->offers;
  tw_status status = TW_OK;
  if (!(offers & TW_SPARSE)) return TW_OK;
  if (offers & TW_GRADIENT) status = check_sparse(c, "sparse Hessian", TW_MATRIX_HESSIAN, gradient_at, NULL, error);
  if (status == TW_OK && (offers & TW_CONSTRAINTS) && (offers & TW_GRADIENT))
    status = check_sparse(c, "sparse Hessian of the Lagrangian", TW_MATRIX_LAGRANGIAN, gradient_at, c->u, error);
  if (status == TW_OK && (offers & TW_CONSTRAINTS))
    status = check_sparse(c, "sparse Jacobian of the constraints", TW_MATRIX_CONSTRAINTS, constraints_at, NULL, error);
  if (status == TW_OK && (offers & TW_RESIDUAL))
    status = check_sparse(c, "sparse Jacobian of the residual", TW_MATRIX_RESIDUAL, residual_at, NULL, error);
  return status;
}

static tw_status check_all(checker *c, tw_error *error) {
  const tw_oracle *o = c->o;
  tw_status status = TW_OK;
  if ((o->offers & TW_VALUE) && (o->offers & TW_GRADIENT)) status = check_gradient(c, error);
  if (status == TW_OK && (o->offers & TW_GRADIENT) && (o->offers & TW_CURVATURE)) status = check_hvp(c, NULL, error);
  if (status == TW_OK && (o->offers & TW_RESIDUAL_JVP))
    status = check_map(c, "Jacobian of the residual", residual_at, o->k, o->residual_jvp, o->residual_vjp, error);
  if (status == TW_OK && (o->offers & TW_CONSTRAINTS))
    status = check_map(c, "Jacobian of the constraints", constraints_at, o->m, o->constraints_jvp, o->constraints_vjp, error);
  if (status == TW_OK && (o->offers & TW_CONSTRAINTS) && (o->offers & TW_CURVATURE)) status = check_hvp(c, c->u, error);
  return status == TW_OK ? check_all_sparse(c, error) : status;
}

tw_status tw_oracle_check(const tw_oracle *oracle, const double *x, double *worst, char *where, size_t where_size,
                          tw_error *error) {
  if (!oracle || !x || !worst) return tw_fail(error, TW_ERR_ARGUMENT, "oracle check: the oracle, x or worst is NULL");
  size_t n = (size_t)oracle->n, rows = (size_t)(oracle->m > oracle->k ? oracle->m : oracle->k);
  size_t longest = (n > rows ? n : rows) + 2;
  double *memory = tw_alloc(5 * longest, sizeof *memory);
  if (!memory) return out_of_memory(error);
  checker c = {.o = oracle,
               .x = x,
               .v = memory,
               .u = memory + longest,
               .claimed = memory + 2 * longest,
               .measured = memory + 3 * longest,
               .scratch = memory + 4 * longest,
               .where = where,
               .where_size = where ? where_size : 0};
  if (c.where_size) where[0] = '\0';
  tw_random_normal_fill(1, 0, n, c.v);
  tw_random_normal_fill(2, 0, rows, c.u);
  tw_status status = check_all(&c, error);
  *worst = c.worst;
  free(memory);
  return status;
}
