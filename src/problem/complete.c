/* Completing an oracle made of callbacks: what the caller left out is derived from what was given. */
#include "problem/differences.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A vector-valued map with whatever derivatives the caller gave: the residual, or the constraints. */
typedef struct map {
  int64_t rows;
  tw_vector_function *value;
  tw_status (*jvp)(void *context, const double *x, const double *v, double *out, tw_error *error);
  tw_status (*vjp)(void *context, const double *x, const double *u, double *out, tw_error *error);
  tw_status (*jacobian)(void *context, const double *x, double *out, tw_error *error);
  tw_differences differences;
  double *dense, *at; /* the Jacobian [rows, n] at `at`, for products when the caller gave none */
  double *unit;
  bool known;
} map;

typedef struct completed {
  tw_oracle given;
  map residual, constraints;
  tw_differences value, lagrangian;
  double *g, *r;         /* scratch: n, k */
  const double *y;       /* of the Lagrangian being differenced */
} completed;

/* ------------------------------------------------------------------ Jacobians */

/* Dense Jacobian from the best source at hand. */
static tw_status map_jacobian(completed *c, map *m, const double *x, double *out, tw_error *error) {
  void *context = c->given.context;
  int64_t n = c->given.n;
  tw_status status = TW_OK;
  if (m->jacobian) return m->jacobian(context, x, out, error);
  if (m->vjp && m->rows <= n) {
    for (int64_t k = 0; k < m->rows && status == TW_OK; k++) {
      memset(m->unit, 0, (size_t)m->rows * sizeof(double));
      m->unit[k] = 1;
      status = m->vjp(context, x, m->unit, out + k * n, error);
    }
    return status;
  }
  for (int64_t i = 0; i < n && status == TW_OK; i++) {
    if (!m->jvp) {
      status = tw_difference_column(&m->differences, x, i, out + i, n, error);
      continue;
    }
    memset(m->unit, 0, (size_t)n * sizeof(double));
    m->unit[i] = 1;
    status = m->jvp(context, x, m->unit, m->differences.near, error);
    for (int64_t k = 0; k < m->rows; k++) out[k * n + i] = m->differences.near[k];
  }
  return status;
}

/* The Jacobian at x, kept for further products there. */
static tw_status map_at(completed *c, map *m, const double *x, tw_error *error) {
  size_t bytes = (size_t)c->given.n * sizeof(double);
  if (!m->dense) {
    m->dense = tw_alloc((size_t)m->rows, bytes);
    m->at = tw_alloc(1, bytes);
    if (!m->dense || !m->at) {
      free(m->dense);
      free(m->at);
      m->dense = m->at = NULL;
      return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory for a Jacobian of %lld x %lld", (long long)m->rows,
                     (long long)c->given.n);
    }
  }
  if (m->known && memcmp(m->at, x, bytes) == 0) return TW_OK;
  m->known = false;
  tw_status status = map_jacobian(c, m, x, m->dense, error);
  m->known = status == TW_OK;
  memcpy(m->at, x, bytes);
  return status;
}

static tw_status map_jvp(completed *c, map *m, const double *x, const double *v, double *out, tw_error *error) {
  if (m->jvp) return m->jvp(c->given.context, x, v, out, error);
  if (!m->jacobian && !m->vjp) return tw_difference_along(&m->differences, x, v, out, error);
  tw_status status = map_at(c, m, x, error);
  for (int64_t k = 0; k < m->rows && status == TW_OK; k++)
    out[k] = tw_vec_dot(m->dense + k * c->given.n, v, (size_t)c->given.n);
  return status;
}

static tw_status map_vjp(completed *c, map *m, const double *x, const double *u, double *out, tw_error *error) {
  if (m->vjp) return m->vjp(c->given.context, x, u, out, error);
  tw_status status = map_at(c, m, x, error);
  if (status != TW_OK) return status;
  memset(out, 0, (size_t)c->given.n * sizeof *out);
  for (int64_t k = 0; k < m->rows; k++)
    for (int64_t i = 0; i < c->given.n; i++) out[i] += m->dense[k * c->given.n + i] * u[k];
  return TW_OK;
}

static bool map_open(completed *c, map *m, int64_t rows) {
  const tw_oracle *o = &c->given;
  int64_t longest = rows > o->n ? rows : o->n;
  m->rows = rows;
  m->unit = tw_alloc((size_t)longest, sizeof(double));
  return tw_differences_open(&m->differences, m->value, o->context, o->n, rows, o->lower, o->upper) && m->unit;
}

static void map_close(map *m) {
  tw_differences_close(&m->differences);
  free(m->dense);
  free(m->at);
  free(m->unit);
}

/* ------------------------------------------------------------------ the completed functions */

#define FORWARD(name, parameters, arguments)                                                                         \
  static tw_status name parameters {                                                                                 \
    completed *c = self;                                                                                             \
    return arguments;                                                                                                \
  }

FORWARD(residual_jvp, (void *self, const double *x, const double *v, double *out, tw_error *error),
        map_jvp(c, &c->residual, x, v, out, error))
FORWARD(residual_vjp, (void *self, const double *x, const double *u, double *out, tw_error *error),
        map_vjp(c, &c->residual, x, u, out, error))
FORWARD(residual_jacobian, (void *self, const double *x, double *out, tw_error *error),
        map_jacobian(c, &c->residual, x, out, error))
FORWARD(constraints_jvp, (void *self, const double *x, const double *v, double *out, tw_error *error),
        map_jvp(c, &c->constraints, x, v, out, error))
FORWARD(constraints_vjp, (void *self, const double *x, const double *u, double *out, tw_error *error),
        map_vjp(c, &c->constraints, x, u, out, error))
FORWARD(constraints_jacobian, (void *self, const double *x, double *out, tw_error *error),
        map_jacobian(c, &c->constraints, x, out, error))
FORWARD(residual, (void *self, const double *x, double *out, tw_error *error),
        c->given.residual(c->given.context, x, out, error))
FORWARD(constraints, (void *self, const double *x, double *out, tw_error *error),
        c->given.constraints(c->given.context, x, out, error))
FORWARD(given_project, (void *self, const double *x, double *out, tw_error *error),
        c->given.project(c->given.context, x, out, error))
FORWARD(given_prox, (void *self, const double *x, double eta, double *out, tw_error *error),
        c->given.prox(c->given.context, x, eta, out, error))
FORWARD(given_regularizer, (void *self, const double *x, double *g, tw_error *error),
        c->given.regularizer(c->given.context, x, g, error))
FORWARD(given_mirror, (void *self, const double *x, const double *g, double eta, double *out, tw_error *error),
        c->given.mirror_step(c->given.context, x, g, eta, out, error))
FORWARD(given_pattern, (void *self, tw_matrix matrix, const tw_pattern **pattern, tw_error *error),
        c->given.sparse_pattern(c->given.context, matrix, pattern, error))
FORWARD(given_values,
        (void *self, tw_matrix matrix, const double *x, const double *y, double *values, tw_error *error),
        c->given.sparse_values(c->given.context, matrix, x, y, values, error))
FORWARD(given_start, (void *self, double *x, tw_error *error), c->given.start(c->given.context, x, error))

/* scale |r|^2 + offset. */
static tw_status value(void *self, const double *x, double *f, tw_error *error) {
  completed *c = self;
  const tw_oracle *o = &c->given;
  if (o->value) return o->value(o->context, x, f, error);
  if (o->gradient) return o->gradient(o->context, x, f, c->g, error);
  tw_status status = o->residual(o->context, x, c->r, error);
  if (status == TW_OK) *f = o->residual_scale * tw_vec_dot(c->r, c->r, (size_t)o->k) + o->residual_offset;
  return status;
}

/* The caller's; else 2 scale J'r; else differences of the value. */
static tw_status gradient(void *self, const double *x, double *f, double *g, tw_error *error) {
  completed *c = self;
  const tw_oracle *o = &c->given;
  if (o->gradient) return o->gradient(o->context, x, f, g, error);
  tw_status status = value(self, x, f, error);
  if (status == TW_OK && !o->value) {
    status = map_vjp(c, &c->residual, x, c->r, g, error);
    for (int64_t i = 0; i < o->n; i++) g[i] *= 2 * o->residual_scale;
    return status;
  }
  for (int64_t i = 0; i < o->n && status == TW_OK; i++)
    status = tw_difference_column(&c->value, x, i, g + i, 1, error);
  return status;
}

/* grad f + J'y, to be differenced. */
static tw_status lagrangian_gradient(void *self, const double *x, double *out, tw_error *error) {
  completed *c = self;
  double f;
  tw_status status = c->given.gradient(c->given.context, x, &f, out, error);
  if (status != TW_OK || !c->y) return status;
  status = map_vjp(c, &c->constraints, x, c->y, c->g, error);
  for (int64_t i = 0; status == TW_OK && i < c->given.n; i++) out[i] += c->g[i];
  return status;
}

static tw_status hvp(void *self, const double *x, const double *y, const double *v, double *out, tw_error *error) {
  completed *c = self;
  if (c->given.hvp) return c->given.hvp(c->given.context, x, y, v, out, error);
  c->y = y;
  return tw_difference_along(&c->lagrangian, x, v, out, error);
}

/* Columns by products with unit vectors, then made symmetric. */
static tw_status hessian(void *self, const double *x, const double *y, double *h, tw_error *error) {
  completed *c = self;
  int64_t n = c->given.n;
  if (c->given.hessian) return c->given.hessian(c->given.context, x, y, h, error);
  double *unit = tw_alloc((size_t)n, sizeof *unit);
  tw_status status = unit ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory for a Hessian");
  c->y = y;
  for (int64_t i = 0; i < n && status == TW_OK; i++) {
    if (!c->given.hvp) {
      status = tw_difference_column(&c->lagrangian, x, i, h + i * n, 1, error);
      continue;
    }
    unit[i] = 1;
    status = c->given.hvp(c->given.context, x, y, unit, h + i * n, error);
    unit[i] = 0;
  }
  free(unit);
  for (int64_t i = 0; i < n && status == TW_OK; i++)
    for (int64_t j = 0; j < i; j++) h[i * n + j] = h[j * n + i] = 0.5 * (h[i * n + j] + h[j * n + i]);
  return status;
}

static tw_status clip(void *self, const double *x, double *out, tw_error *error) {
  (void)error;
  const completed *c = self;
  for (int64_t i = 0; i < c->given.n; i++) out[i] = fmin(fmax(x[i], c->given.lower[i]), c->given.upper[i]);
  return TW_OK;
}

static void exec(void *self, const tw_exec *given) {
  completed *c = self;
  c->given.exec(c->given.context, given);
}

static void visit(void *self, tw_state_visitor *visitor, void *context) {
  completed *c = self;
  c->given.visit(c->given.context, visitor, context);
}

static void memory(void *self, tw_memory_visitor *visitor, void *context) {
  completed *c = self;
  c->given.memory(c->given.context, visitor, context);
}

static void release(void *self) {
  completed *c = self;
  map_close(&c->residual);
  map_close(&c->constraints);
  tw_differences_close(&c->value);
  tw_differences_close(&c->lagrangian);
  free(c->g);
  free(c->r);
  tw_oracle_release(&c->given);
  free(c);
}

/* ------------------------------------------------------------------ putting it together */

static tw_status check(const tw_oracle *o, tw_error *error) {
  if (o->n <= 0) return tw_fail(error, TW_ERR_ARGUMENT, "oracle: n is %lld, expected at least 1", (long long)o->n);
  if (o->m < 0 || o->k < 0) return tw_fail(error, TW_ERR_ARGUMENT, "oracle: m or k is negative");
  if (!o->lower != !o->upper) return tw_fail(error, TW_ERR_ARGUMENT, "oracle: one of lower and upper is NULL");
  for (int64_t i = 0; o->lower && i < o->n; i++)
    if (!(o->lower[i] <= o->upper[i]))
      return tw_fail(error, TW_ERR_INFEASIBLE, "oracle: variable %lld has bounds [%g, %g]", (long long)i, o->lower[i],
                     o->upper[i]);
  if (o->m > 0 && (!o->constraints || !o->c_lower || !o->c_upper))
    return tw_fail(error, TW_ERR_ARGUMENT, "oracle: m is %lld, expected constraints, c_lower and c_upper", (long long)o->m);
  if (o->k > 0 && !o->residual)
    return tw_fail(error, TW_ERR_ARGUMENT, "oracle: k is %lld, expected residual", (long long)o->k);
  if (!o->value && !o->gradient && !o->residual)
    return tw_fail(error, TW_ERR_ARGUMENT, "oracle: expected value, gradient or residual");
  return TW_OK;
}

/* True when grad f + J'y can be differenced: from true derivatives only. */
static bool can_difference_gradients(const tw_oracle *o) {
  return o->gradient && (o->m == 0 || o->constraints_vjp || o->constraints_jacobian);
}

static bool open_parts(completed *c) {
  const tw_oracle *o = &c->given;
  c->residual.value = o->residual;
  c->residual.jvp = o->residual_jvp;
  c->residual.vjp = o->residual_vjp;
  c->residual.jacobian = o->residual_jacobian;
  c->constraints.value = o->constraints;
  c->constraints.jvp = o->constraints_jvp;
  c->constraints.vjp = o->constraints_vjp;
  c->constraints.jacobian = o->constraints_jacobian;
  c->g = tw_alloc((size_t)o->n, sizeof(double));
  c->r = tw_alloc((size_t)o->k, sizeof(double));
  return map_open(c, &c->residual, o->k) && map_open(c, &c->constraints, o->m) &&
         tw_differences_open(&c->value, value, c, o->n, 1, o->lower, o->upper) &&
         tw_differences_open(&c->lagrangian, lagrangian_gradient, c, o->n, o->n, o->lower, o->upper) && c->g && c->r;
}

static void set_functions(tw_oracle *o, const tw_oracle *given, completed *c) {
  bool minimise = given->value || given->gradient || (given->residual && given->residual_scale != 0);
  bool curvature = given->hvp || can_difference_gradients(given);
  *o = (tw_oracle){.context = c,
                   .n = given->n,
                   .m = given->m,
                   .k = given->k,
                   .residual_scale = given->residual_scale,
                   .residual_offset = given->residual_offset,
                   .lower = given->lower,
                   .upper = given->upper,
                   .c_lower = given->c_lower,
                   .c_upper = given->c_upper,
                   .kinds = given->kinds,
                   .offers = given->offers & (TW_QP | TW_CONVEX),
                   .release = release};
  if (minimise) o->offers |= TW_VALUE | TW_GRADIENT, o->value = value, o->gradient = gradient;
  if (minimise && curvature) o->offers |= TW_CURVATURE, o->hvp = hvp;
  if (minimise && (curvature || given->hessian)) o->offers |= TW_HESSIAN, o->hessian = hessian;
  if (given->k > 0) {
    o->offers |= TW_RESIDUAL | TW_RESIDUAL_JVP | TW_RESIDUAL_JACOBIAN;
    o->residual = residual, o->residual_jvp = residual_jvp, o->residual_vjp = residual_vjp;
    o->residual_jacobian = residual_jacobian;
  }
  if (given->m > 0) {
    o->offers |= TW_CONSTRAINTS;
    o->constraints = constraints, o->constraints_jvp = constraints_jvp, o->constraints_vjp = constraints_vjp;
    o->constraints_jacobian = constraints_jacobian;
  }
  /* Bounds say all about the set unless the caller projects on something else. */
  if (given->project || given->lower) o->offers |= TW_PROJECT, o->project = given->project ? given_project : clip;
  if (given->lower && (!given->project || given->offers & TW_BOUNDS)) o->offers |= TW_BOUNDS;
  if (given->prox && given->regularizer) o->offers |= TW_PROX, o->prox = given_prox, o->regularizer = given_regularizer;
  if (given->mirror_step) o->offers |= TW_MIRROR, o->mirror_step = given_mirror;
  if (given->sparse_pattern && given->sparse_values)
    o->offers |= TW_SPARSE, o->sparse_pattern = given_pattern, o->sparse_values = given_values;
  if (given->start) o->start = given_start;
  if (given->exec) o->exec = exec;
  if (given->visit) o->visit = visit;
  if (given->memory) o->memory = memory;
}

tw_status tw_oracle_complete(tw_oracle *oracle, tw_error *error) {
  if (!oracle) return tw_fail(error, TW_ERR_ARGUMENT, "oracle: NULL");
  tw_status status = check(oracle, error);
  if (status != TW_OK) return status;
  completed *c = calloc(1, sizeof *c);
  if (!c) return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  c->given = *oracle;
  if (!open_parts(c)) {
    c->given = (tw_oracle){0}; /* still the caller's */
    release(c);
    return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  }
  set_functions(oracle, &c->given, c);
  return TW_OK;
}
