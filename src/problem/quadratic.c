/* Oracles of quadratic programs in the caller's arrays. */
#include <talweg/problem.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct context {
  tw_quadratic program;
  tw_csc none;     /* P without entries, where the caller gives none */
  tw_pattern p, a; /* views of the matrices */
} context;

/* ------------------------------------------------------------------ products */

/* out += P x */
static void add_p(const tw_csc *p, const double *x, double *out) {
  for (int64_t j = 0; j < p->cols; j++)
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      const int64_t i = p->row[k];
      out[i] += p->value[k] * x[j];
      if (i != j) out[j] += p->value[k] * x[i];
    }
}

static tw_status gradient(void *self, const double *x, double *f, double *g, tw_error *error) {
  (void)error;
  const tw_quadratic *program = &((context *)self)->program;
  const int64_t n = program->a->cols;
  memset(g, 0, (size_t)n * sizeof *g);
  add_p(program->p, x, g);
  *f = program->constant;
  for (int64_t j = 0; j < n; j++) {
    const double q = program->q ? program->q[j] : 0;
    *f += (0.5 * g[j] + q) * x[j];
    g[j] += q;
  }
  return TW_OK;
}

static tw_status value(void *self, const double *x, double *f, tw_error *error) {
  const int64_t n = ((context *)self)->program.a->cols;
  double *g = tw_alloc((size_t)n, sizeof *g);
  if (!g) return tw_fail(error, TW_ERR_MEMORY, "quadratic program: out of memory");
  const tw_status status = gradient(self, x, f, g, error);
  free(g);
  return status;
}

static tw_status hvp(void *self, const double *x, const double *y, const double *v, double *out, tw_error *error) {
  (void)x, (void)y, (void)error;
  const tw_quadratic *program = &((context *)self)->program;
  memset(out, 0, (size_t)program->a->cols * sizeof *out);
  add_p(program->p, v, out);
  return TW_OK;
}

static tw_status constraints(void *self, const double *x, double *c, tw_error *error) {
  (void)error;
  tw_csc_apply(((context *)self)->program.a, x, c);
  return TW_OK;
}

static tw_status constraints_jvp(void *self, const double *x, const double *v, double *jv, tw_error *error) {
  (void)x;
  return constraints(self, v, jv, error);
}

static tw_status constraints_vjp(void *self, const double *x, const double *y, double *jty, tw_error *error) {
  (void)x, (void)error;
  tw_csc_apply_transpose(((context *)self)->program.a, y, jty);
  return TW_OK;
}

/* ------------------------------------------------------------------ matrices */

static tw_status hessian(void *self, const double *x, const double *y, double *h, tw_error *error) {
  (void)x, (void)y, (void)error;
  const tw_quadratic *program = &((context *)self)->program;
  const tw_csc *p = program->p;
  const int64_t n = program->a->cols;
  memset(h, 0, (size_t)(n * n) * sizeof *h);
  for (int64_t j = 0; j < n; j++)
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) h[p->row[k] * n + j] = h[j * n + p->row[k]] = p->value[k];
  return TW_OK;
}

static tw_status jacobian(void *self, const double *x, double *out, tw_error *error) {
  (void)x, (void)error;
  const tw_csc *a = ((context *)self)->program.a;
  memset(out, 0, (size_t)(a->rows * a->cols) * sizeof *out);
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) out[a->row[k] * a->cols + j] = a->value[k];
  return TW_OK;
}

static const tw_csc *matrix_of(const context *c, tw_matrix matrix) {
  return matrix == TW_MATRIX_CONSTRAINTS ? c->program.a : c->program.p;
}

static tw_status sparse_pattern(void *self, tw_matrix matrix, const tw_pattern **pattern, tw_error *error) {
  const context *c = self;
  *pattern = NULL;
  if (matrix == TW_MATRIX_RESIDUAL)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "quadratic program: it has no residual");
  *pattern = matrix == TW_MATRIX_CONSTRAINTS ? &c->a : &c->p;
  return TW_OK;
}

static tw_status sparse_values(void *self, tw_matrix matrix, const double *x, const double *y, double *values, tw_error *error) {
  (void)x, (void)y;
  const tw_pattern *pattern;
  const tw_status status = sparse_pattern(self, matrix, &pattern, error);
  if (status == TW_OK) memcpy(values, matrix_of(self, matrix)->value, (size_t)pattern->nnz * sizeof *values);
  return status;
}

/* ------------------------------------------------------------------ making one */

static tw_status check_matrix(const tw_csc *a, const char *name, bool lower, tw_error *error) {
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++)
      if (a->row[k] < (lower ? j : 0) || a->row[k] >= a->rows || (k > a->start[j] && a->row[k] <= a->row[k - 1]))
        return tw_fail(error, TW_ERR_RANGE, "quadratic program: column %lld of %s has row %lld, expected ascending rows%s", (long long)j,
                       name, (long long)a->row[k], lower ? " of the lower triangle" : " in range");
  return TW_OK;
}

static tw_status check(const tw_quadratic *program, tw_error *error) {
  const tw_csc *a = program->a, *p = program->p;
  if (!a || !a->start)
    return tw_fail(error, TW_ERR_ARGUMENT, "quadratic program: a is NULL, expected a matrix (of 0 rows when there are none)");
  if (p && (p->rows != a->cols || p->cols != a->cols))
    return tw_fail(error, TW_ERR_SHAPE, "quadratic program: P is %lld x %lld and A has %lld columns", (long long)p->rows,
                   (long long)p->cols, (long long)a->cols);
  if (a->rows > 0 && (!program->row_lower || !program->row_upper))
    return tw_fail(error, TW_ERR_ARGUMENT, "quadratic program: row_lower or row_upper is NULL");
  if (!program->lower != !program->upper) return tw_fail(error, TW_ERR_ARGUMENT, "quadratic program: one of lower and upper is NULL");
  const tw_status status = p ? check_matrix(p, "P", true, error) : TW_OK;
  return status == TW_OK ? check_matrix(a, "A", false, error) : status;
}

static tw_pattern view(const tw_csc *a) {
  return (tw_pattern){.rows = a->rows, .cols = a->cols, .nnz = a->start[a->cols], .colptr = a->start, .rowidx = a->row};
}

static void release(void *self) {
  tw_csc_free(&((context *)self)->none);
  free(self);
}

static tw_status open_context(context **out, const tw_quadratic *program, tw_error *error) {
  const int64_t n = program->a->cols;
  context *c = *out = tw_alloc(1, sizeof *c);
  if (!c) return tw_fail(error, TW_ERR_MEMORY, "quadratic program: out of memory");
  c->program = *program;
  if (!program->p) {
    const tw_status status = tw_csc_from_triplets(&c->none, n, n, 0, NULL, NULL, NULL, error);
    if (status != TW_OK) return status;
    c->program.p = &c->none;
  }
  c->p = view(c->program.p), c->a = view(program->a);
  return TW_OK;
}

tw_status tw_oracle_quadratic(tw_oracle *out, const tw_quadratic *program, tw_error *error) {
  enum { DENSE_MOST = 10000000 };
  if (!out || !program) return tw_fail(error, TW_ERR_ARGUMENT, "quadratic program: the oracle or the program is NULL");
  *out = (tw_oracle){0};
  context *c = NULL;
  tw_status status = check(program, error);
  if (status == TW_OK) status = open_context(&c, program, error);
  if (status != TW_OK) {
    if (c) release(c);
    return status;
  }
  const int64_t n = program->a->cols, m = program->a->rows;
  const bool dense = n <= DENSE_MOST / (n > 0 ? n : 1), dense_rows = m <= DENSE_MOST / (n > 0 ? n : 1);
  *out = (tw_oracle){.context = c,
                     .n = n,
                     .m = m,
                     .offers = TW_VALUE | TW_GRADIENT | TW_CURVATURE | TW_SPARSE | TW_QP | (dense ? TW_HESSIAN : 0) |
                               (m > 0 ? TW_CONSTRAINTS : 0) | (program->lower ? TW_BOUNDS : 0) | (program->convex ? TW_CONVEX : 0),
                     .lower = program->lower,
                     .upper = program->upper,
                     .c_lower = program->row_lower,
                     .c_upper = program->row_upper,
                     .kinds = program->kinds,
                     .value = value,
                     .gradient = gradient,
                     .hvp = hvp,
                     .hessian = dense ? hessian : NULL,
                     .constraints = m > 0 ? constraints : NULL,
                     .constraints_jvp = m > 0 ? constraints_jvp : NULL,
                     .constraints_vjp = m > 0 ? constraints_vjp : NULL,
                     .constraints_jacobian = m > 0 && dense_rows ? jacobian : NULL,
                     .sparse_pattern = sparse_pattern,
                     .sparse_values = sparse_values,
                     .release = release};
  return TW_OK;
}
