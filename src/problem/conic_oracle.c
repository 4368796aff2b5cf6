/* The oracle of a conic problem in arrays. */
#include <talweg/problem.h>

#include "base/given.h"
#include "linear/csc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct context {
  const tw_conic *conic;
  double *lower, *upper;
} context;

static tw_status value(void *self, const double *x, double *f, tw_error *error) {
  const tw_conic *k = ((const context *)self)->conic;
  (void)error;
  *f = k->constant;
  for (int64_t j = 0; j < k->n; j++) {
    *f += k->c[j] * x[j];
    for (int64_t e = k->p.start[j]; e < k->p.start[j + 1]; e++)
      *f += (k->p.row[e] == j ? 0.5 : 1) * k->p.value[e] * x[j] * x[k->p.row[e]];
  }
  return TW_OK;
}

static tw_status constraints(void *self, const double *x, double *c, tw_error *error) {
  const tw_conic *k = ((const context *)self)->conic;
  (void)error;
  tw_csc_apply(&k->a, x, c);
  for (int64_t i = 0; i < k->m; i++) c[i] = k->b[i] - c[i];
  return TW_OK;
}

static void *copy_of(const void *from, int64_t count, size_t size) {
  void *to = tw_alloc((size_t)count, size);
  if (to && count > 0) memcpy(to, from, (size_t)count * size);
  return to;
}

/* The same arrays, with all rows linked to their own multipliers. */
static tw_status conic(void *self, tw_conic *out, tw_error *error) {
  const tw_conic *k = ((const context *)self)->conic;
  *out = (tw_conic){.n = k->n, .m = k->m, .constant = k->constant, .cones = k->cones, .n_x = k->n, .duals = k->m};
  out->c = copy_of(k->c, k->n, sizeof *k->c);
  out->b = copy_of(k->b, k->m, sizeof *k->b);
  out->cone = copy_of(k->cone, k->cones, sizeof *k->cone);
  out->column = tw_alloc((size_t)k->n, sizeof *out->column);
  out->dual = tw_alloc((size_t)k->m, sizeof *out->dual);
  tw_status status = out->c && out->b && out->cone && out->column && out->dual ? TW_OK : TW_ERR_MEMORY;
  for (int64_t j = 0; j < k->n && status == TW_OK; j++) out->column[j] = j;
  for (int64_t i = 0; i < k->m && status == TW_OK; i++) out->dual[i] = (struct tw_conic_dual){i, i, -1};
  if (status != TW_OK) tw_fail(error, status, "out of memory for a conic problem");
  if (status == TW_OK) status = csc_copy(&out->p, &k->p, error);
  if (status == TW_OK) status = csc_copy(&out->a, &k->a, error);
  if (status != TW_OK) tw_conic_free(out);
  return status;
}

static void release(void *self) {
  context *c = self;
  free(c->lower);
  free(c->upper);
  free(c);
}

static tw_status check(const tw_conic *k, tw_error *error) {
  int64_t rows = 0;
  for (int64_t i = 0; i < k->cones; i++) rows += k->cone[i].rows;
  if (rows == k->m && k->a.rows == k->m && k->a.cols == k->n && k->p.rows == k->n && k->p.cols == k->n) return TW_OK;
  return tw_fail(error, TW_ERR_SHAPE, "conic: n = %lld, m = %lld, A is %lld x %lld, P is %lld x %lld, the cones have %lld rows",
                 (long long)k->n, (long long)k->m, (long long)k->a.rows, (long long)k->a.cols, (long long)k->p.rows,
                 (long long)k->p.cols, (long long)rows);
}

static void set_limits(context *c) {
  int64_t row = 0;
  for (int64_t i = 0; i < c->conic->cones; i++)
    for (int64_t k = 0; k < c->conic->cone[i].rows; k++, row++) {
      const tw_cone_kind kind = c->conic->cone[i].kind;
      c->lower[row] = kind == TW_CONE_ZERO || kind == TW_CONE_NONNEG ? 0 : -INFINITY;
      c->upper[row] = kind == TW_CONE_ZERO ? 0 : INFINITY;
    }
}

tw_status tw_oracle_from_conic(tw_oracle *out, const tw_conic *problem, tw_error *error) {
  TW_GIVEN(out);
  TW_GIVEN(problem);
  *out = (tw_oracle){0};
  const tw_status status = check(problem, error);
  if (status != TW_OK) return status;
  context *c = tw_alloc(1, sizeof *c);
  const size_t m = (size_t)problem->m;
  if (!c || !(c->lower = tw_alloc(m, sizeof(double))) || !(c->upper = tw_alloc(m, sizeof(double)))) {
    if (c) release(c);
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for a conic problem");
  }
  c->conic = problem;
  set_limits(c);
  *out = (tw_oracle){.context = c,
                     .n = problem->n,
                     .m = problem->m,
                     .offers = TW_VALUE | TW_CONIC | TW_CONVEX | (problem->m > 0 ? TW_CONSTRAINTS : 0),
                     .c_lower = c->lower,
                     .c_upper = c->upper,
                     .value = value,
                     .constraints = constraints,
                     .conic = conic,
                     .release = release};
  return TW_OK;
}
