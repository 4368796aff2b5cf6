#include "normal.h"

#include <stdlib.h>
#include <string.h>

enum { CHOSEN_MOST = 4000, SIDE_MOST = 20000 /* of a matrix to factor: when chosen here, at all */ };

const char *const system_names[SYSTEMS] = {"auto", "rows", "patterns", "cg"};

static int64_t side(const normal_system *s) { return s->o->set->p * s->o->data->d; }

/* ------------------------------------------------------------------ C_i */

static void fill_c(normal_system *s, int64_t i, double *c) {
  const design *a = s->o->data;
  const int64_t n = a->n, d = a->d;
  const double *mask = mask_of(s->o, i);
  product(true, false, d, d, n, a->x, a->x, c);
  for (int64_t j = 0; j < d; j++) c[j * d + j] += 1 + (s->robust && j < a->features ? 1 : 0);
  if (!s->robust) return;
  double *g = s->padded;
  for (int64_t j = 0; j < d; j++) g[j] = 0;
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < d; j++) g[j] += (2 * mask[k] - 1) * a->x[k * d + j];
  const double weight = s->eps * s->eps / (1 + (double)n * s->eps * s->eps);
  for (int64_t j = 0; j < d; j++)
    for (int64_t l = 0; l < d; l++) c[j * d + l] -= weight * g[j] * g[l];
}

static tw_status solve_c(const normal_system *s, const double *r, double *x, tw_error *error) {
  const int64_t p = s->o->set->p, d = s->o->data->d;
  tw_status status = TW_OK;
  if (s->factors == 1) return tw_factor_solve(s->of_c[0], false, p, r, x, error);
  for (int64_t i = 0; i < p && status == TW_OK; i++) status = tw_factor_solve(s->of_c[i], false, 1, r + i * d, x + i * d, error);
  return status;
}

/* ------------------------------------------------------------------ A */

/* F_1 c and F_1'z for P x d blocks. */
static void apply_f1(const normal_system *s, const double *c, double *z) {
  memcpy(s->padded, c, (size_t)side(s) * sizeof *c);
  memset(s->padded + side(s), 0, (size_t)side(s) * sizeof *c);
  apply_f(s->o, s->padded, z);
}

/* I / (2 kappa) + (X C^-1 X') o (M M'): n x n. */
static tw_status factor_rows(normal_system *s, tw_error *error) {
  const design *a = s->o->data;
  const int64_t n = a->n;
  double *h = tw_alloc((size_t)(n * a->d), sizeof *h), *w = tw_alloc((size_t)(n * n), sizeof *w), *m = tw_alloc((size_t)(n * n), sizeof *m);
  tw_status status = h && w && m ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for a matrix of %lld rows", (long long)n);
  if (status == TW_OK) status = tw_factor_solve(s->of_c[0], false, n, a->x, h, error); /* rows of h: C^-1 x_k */
  if (status == TW_OK) {
    product(false, true, n, n, a->d, a->x, h, w);
    product(true, false, n, n, s->o->set->p, s->o->set->mask, s->o->set->mask, m);
    for (int64_t k = 0; k < n * n; k++) w[k] *= m[k];
    for (int64_t k = 0; k < n; k++) w[k * n + k] += 0.5 / s->kappa;
    status = tw_factor_dense(&s->whole, TW_FACTOR_CHOLESKY, n, n, w, error);
  }
  free(h);
  free(w);
  free(m);
  return status;
}

/* Block (i, j) of A; scratch n x d. */
static void a_block(const normal_system *s, int64_t i, int64_t j, double *scratch, double *out) {
  const design *a = s->o->data;
  const int64_t d = a->d;
  const double *c = s->c + (s->factors == 1 ? 0 : i) * d * d, *di = mask_of(s->o, i), *dj = mask_of(s->o, j);
  gram_block(s->o, i, j, scratch, out);
  for (int64_t k = 0; k < d * d; k++) out[k] = 2 * s->kappa * out[k] + (i == j ? c[k] : 0);
  double both = 0;
  for (int64_t k = 0; k < a->n && s->robust; k++) both += di[k] * dj[k];
  for (int64_t k = 0; k < a->features; k++) out[k * d + k] += 2 * both;
}

static tw_status factor_patterns(normal_system *s, tw_error *error) {
  const int64_t p = s->o->set->p, d = s->o->data->d, m = p * d;
  double *a = tw_alloc((size_t)m, (size_t)m * sizeof *a), *scratch = tw_alloc((size_t)((s->o->data->n + d) * d), sizeof *scratch);
  if (!a || !scratch) {
    free(a);
    free(scratch);
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for a matrix of %lld rows: choose cg", (long long)m);
  }
  double *block = scratch + s->o->data->n * d;
  for (int64_t i = 0; i < p; i++)
    for (int64_t j = 0; j <= i; j++) {
      a_block(s, i, j, scratch, block);
      for (int64_t k = 0; k < d; k++) memcpy(a + (i * d + k) * m + j * d, block + k * d, (size_t)d * sizeof *a);
    }
  const tw_status status = tw_factor_dense(&s->whole, TW_FACTOR_CHOLESKY, m, m, a, error);
  free(a);
  free(scratch);
  return status;
}

static tw_status factor_blocks(normal_system *s, tw_error *error) {
  const int64_t p = s->o->set->p, d = s->o->data->d;
  double *scratch = tw_alloc((size_t)((s->o->data->n + d) * d), sizeof *scratch), *block = scratch + s->o->data->n * d;
  s->block = tw_alloc((size_t)p, sizeof(tw_factor *));
  tw_status status = scratch && s->block ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld blocks", (long long)p);
  for (int64_t i = 0; i < p && status == TW_OK; i++) {
    a_block(s, i, i, scratch, block);
    status = tw_factor_dense(&s->block[i], TW_FACTOR_CHOLESKY, d, d, block, error);
  }
  free(scratch);
  return status;
}

/* A x: C_i x_i, and by rows R_k = (R x)_k the product with R' of 2 kappa (x_k'R_k) x_k + 2 J R_k. */
static tw_status apply_a(void *context, const double *x, double *y) {
  const normal_system *s = context;
  const design *a = s->o->data;
  const int64_t p = s->o->set->p, d = a->d;
  memcpy(s->padded, x, (size_t)side(s) * sizeof *x);
  memset(s->padded + side(s), 0, (size_t)side(s) * sizeof *x);
  apply_r(s->o, s->padded, s->gradients);
  for (int64_t k = 0; k < a->n; k++) {
    double *r = s->gradients + k * d, z = 0;
    const double *row = a->x + k * d;
    for (int64_t j = 0; j < d; j++) z += row[j] * r[j];
    for (int64_t j = 0; j < d; j++) r[j] = 2 * s->kappa * z * row[j] + (s->robust && j < a->features ? 2 * r[j] : 0);
  }
  apply_r_transposed(s->o, s->gradients, s->padded);
  for (int64_t i = 0; i < p; i++) {
    const double *c = s->c + (s->factors == 1 ? 0 : i) * d * d;
    for (int64_t j = 0; j < d; j++) {
      double sum = s->padded[i * d + j];
      for (int64_t l = 0; l < d; l++) sum += c[j * d + l] * x[i * d + l];
      y[i * d + j] = sum;
    }
  }
  return TW_OK;
}

static tw_status apply_preconditioner(void *context, const double *x, double *y) {
  const normal_system *s = context;
  const int64_t d = s->o->data->d;
  tw_status status = TW_OK;
  for (int64_t i = 0; i < s->o->set->p && status == TW_OK; i++) status = tw_factor_solve(s->block[i], false, 1, x + i * d, y + i * d, NULL);
  return status;
}

/* ------------------------------------------------------------------ the system */

static system_kind choose(const normal_system *s) {
  const int64_t n = s->o->data->n, m = side(s);
  if (!s->robust && n <= m && n <= CHOSEN_MOST) return BY_ROWS;
  return m <= CHOSEN_MOST ? BY_PATTERNS : BY_CG;
}

static tw_status factor_all(normal_system *s, tw_error *error) {
  const int64_t d = s->o->data->d;
  tw_status status = TW_OK;
  for (int64_t i = 0; i < s->factors && status == TW_OK; i++) {
    fill_c(s, i, s->c + i * d * d);
    status = tw_factor_dense(&s->of_c[i], TW_FACTOR_CHOLESKY, d, d, s->c + i * d * d, error);
  }
  if (status != TW_OK) return status;
  return s->kind == BY_ROWS ? factor_rows(s, error) : s->kind == BY_PATTERNS ? factor_patterns(s, error) : factor_blocks(s, error);
}

tw_status normal_open(normal_system *s, const operators *o, system_kind kind, double kappa, bool robust, double eps, tw_error *error) {
  const int64_t n = o->data->n, d = o->data->d, m = o->set->p * d;
  *s = (normal_system){.o = o, .robust = robust, .kappa = kappa, .eps = eps, .factors = robust ? o->set->p : 1};
  s->kind = kind == BY_CHOICE ? choose(s) : kind;
  if (s->kind == BY_ROWS && robust)
    return tw_fail(error, TW_ERR_ARGUMENT, "the robust program's system has no n x n form: expected patterns or cg");
  if ((s->kind == BY_ROWS ? n : s->kind == BY_PATTERNS ? m : 0) > SIDE_MOST)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "a dense matrix of side above %d: choose cg", SIDE_MOST);
  s->c = tw_alloc((size_t)(s->factors * d * d), sizeof *s->c);
  s->of_c = tw_alloc((size_t)s->factors, sizeof(tw_factor *));
  s->sum = tw_alloc((size_t)(4 * m + n + n * d), sizeof *s->sum);
  if (!s->c || !s->of_c || !s->sum) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a system of %lld unknowns", (long long)(2 * m));
  s->difference = s->sum + m;
  s->padded = s->difference + m;
  s->rows = s->padded + 2 * m;
  s->gradients = s->rows + n;
  return factor_all(s, error);
}

void normal_close(normal_system *s) {
  for (int64_t i = 0; i < s->factors && s->of_c; i++) tw_factor_free(s->of_c[i]);
  for (int64_t i = 0; s->block && i < s->o->set->p; i++) tw_factor_free(s->block[i]);
  tw_factor_free(s->whole);
  free(s->of_c);
  free(s->block);
  free(s->c);
  free(s->sum);
  *s = (normal_system){0};
}

/* In place: A^-1 r = C^-1 (r - F_1'z), (I / (2 kappa) + F_1 C^-1 F_1') z = F_1 C^-1 r. */
static tw_status solve_by_rows(normal_system *s, double *r, tw_error *error) {
  double *z = s->rows;
  tw_status status = solve_c(s, r, r, error);
  if (status != TW_OK) return status;
  apply_f1(s, r, z);
  status = tw_factor_solve(s->whole, false, 1, z, z, error);
  if (status != TW_OK) return status;
  apply_f_transposed(s->o, z, s->padded);
  status = solve_c(s, s->padded, s->padded, error);
  for (int64_t k = 0; k < side(s); k++) r[k] -= s->padded[k];
  return status;
}

static tw_status solve_by_cg(normal_system *s, const double *r, double *x, tw_error *error) {
  const tw_linop a = {side(s), side(s), TW_LINOP_DEFINITE, apply_a, NULL, s},
                 m = {side(s), side(s), TW_LINOP_DEFINITE, apply_preconditioner, NULL, s};
  const tw_linear_options options = {.rtol = 1e-11, .preconditioner = &m};
  tw_linear_result result;
  const tw_status status = tw_cg(&a, r, x, &options, &result, error);
  s->iterations += status == TW_OK ? result.iterations : 0;
  return status;
}

tw_status normal_solve(normal_system *s, const double *r, double *u, tw_error *error) {
  const int64_t m = side(s);
  double *q = s->difference;
  for (int64_t i = 0; i < m; i++) s->sum[i] = r[i] + r[m + i];
  tw_status status = solve_c(s, s->sum, s->sum, error);
  if (status != TW_OK) return status;
  for (int64_t i = 0; i < m; i++) q[i] = r[i] - r[m + i];
  if (s->kind == BY_ROWS) status = solve_by_rows(s, q, error);
  else if (s->kind == BY_PATTERNS) status = tw_factor_solve(s->whole, false, 1, q, q, error);
  else {
    for (int64_t i = 0; i < m; i++) u[i] -= u[m + i]; /* the last difference, where CG starts */
    status = solve_by_cg(s, q, u, error);
    memcpy(q, u, (size_t)m * sizeof *q);
  }
  for (int64_t i = 0; i < m; i++) {
    u[i] = 0.5 * (s->sum[i] + q[i]);
    u[m + i] = 0.5 * (s->sum[i] - q[i]);
  }
  return status;
}
