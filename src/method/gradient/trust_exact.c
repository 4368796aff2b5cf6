/* The trust-region subproblem by eigenvalues, H = Q diag(lambda) Q': with c = Q'g the solution is s = -Q (c_i
 * / (lambda_i + mu)) for the smallest mu >= max(0, -lambda_min) with |s| <= radius (More & Sorensen, 1983),
 * hard case included. */
#include "method/gradient/trust.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

typedef struct spectrum {
  int n;
  double *lambda, *c, *q; /* q column i belongs to lambda_i, ascending */
} spectrum;

static double step_norm(const spectrum *e, double mu) {
  double sum = 0;
  for (int i = 0; i < e->n; i++)
    if (e->c[i] != 0) sum = hypot(sum, e->c[i] / (e->lambda[i] + mu));
  return sum;
}

/* Root of 1 / |s(mu)| = 1 / radius in (low, inf), where |s| > radius near low: Newton's method on a nearly
 * linear function, kept in a bracket. */
static double multiplier(const spectrum *e, double low, double radius) {
  double norm_c = 0;
  for (int i = 0; i < e->n; i++) norm_c = hypot(norm_c, e->c[i]);
  double high = low + norm_c / radius + DBL_MIN;
  double mu = high;
  for (int k = 0; k < 200; k++) {
    const double norm = step_norm(e, mu);
    if (fabs(norm - radius) <= 1e-12 * radius) break;
    if (norm > radius)
      low = mu;
    else
      high = mu;
    double weight = 0; /* -(|s|^2)' / 2 */
    for (int i = 0; i < e->n; i++) {
      const double si = e->c[i] / (e->lambda[i] + mu);
      if (e->c[i] != 0) weight += si * si / (e->lambda[i] + mu);
    }
    mu += (norm - radius) / radius * (norm * norm / weight);
    if (!(mu > low && mu < high)) mu = 0.5 * (low + high);
    if (high - low <= DBL_EPSILON * high) break;
  }
  return mu;
}

/* Components of c along null directions of H that are nothing but rounding are dropped: there the model is
 * flat. */
static void drop_noise(spectrum *e) {
  double largest = 0, norm_c = 0;
  for (int i = 0; i < e->n; i++) {
    largest = fmax(largest, fabs(e->lambda[i]));
    norm_c = hypot(norm_c, e->c[i]);
  }
  const double tiny = e->n * DBL_EPSILON;
  for (int i = 0; i < e->n; i++) {
    if (fabs(e->lambda[i]) > tiny * largest) continue;
    e->lambda[i] = 0;
    if (fabs(e->c[i]) <= 10 * tiny * norm_c) e->c[i] = 0;
  }
}

/* s in the basis of eigenvectors, into c. Returns whether it lies on the boundary. */
static bool solve_diagonal(spectrum *e, double radius) {
  const double lowest = e->lambda[0];
  double mu = 0;
  bool boundary = true, hard = false;
  bool interior = lowest >= 0;
  for (int i = 0; i < e->n; i++)
    if (e->lambda[i] == 0 && e->c[i] != 0) interior = false;
  if (interior && step_norm(e, 0) <= radius)
    boundary = false;
  else {
    const double low = fmax(0, -lowest);
    spectrum rest = *e; /* without the lowest eigenspace */
    int first = 0;
    bool orthogonal = true;
    while (first < e->n && e->lambda[first] + low == 0) orthogonal &= e->c[first++] == 0;
    rest.n = e->n - first;
    rest.lambda += first;
    rest.c += first;
    hard = lowest < 0 && orthogonal && step_norm(&rest, low) < radius;
    mu = hard ? low : multiplier(e, low, radius);
  }
  double square = 0;
  for (int i = 0; i < e->n; i++) {
    e->c[i] = e->c[i] == 0 ? 0 : -e->c[i] / (e->lambda[i] + mu);
    square += e->c[i] * e->c[i];
  }
  if (hard) e->c[0] = sqrt(fmax(0, radius * radius - square));
  return boundary;
}

/* H over the free variables, packed; returns how many. */
static int pack_free(const tw_trust *t, const double *g, int *index, spectrum *e, double *packed_g) {
  const int64_t n = t->run->n;
  int k = 0;
  for (int64_t i = 0; i < n; i++)
    if (t->is_free == NULL || t->is_free[i]) index[k++] = (int)i;
  for (int i = 0; i < k; i++) {
    packed_g[i] = g[index[i]];
    for (int j = 0; j < k; j++) e->q[i * k + j] = t->h[index[i] * n + index[j]];
  }
  e->n = k;
  return k;
}

static void unpack_step(const spectrum *e, const int *index, double *s) {
  for (int i = 0; i < e->n; i++) {
    double sum = 0;
    for (int j = 0; j < e->n; j++) sum += e->q[j * e->n + i] * e->c[j];
    s[index[i]] = sum;
  }
}

/* Slope and model value of s, over the free variables. */
static tw_status describe(tw_trust *t, const double *g, double *hs, const double *s, tw_trust_step *step) {
  const size_t n = (size_t)t->run->n;
  TW_TRY(tw_trust_product(t, s, hs));
  step->slope = tw_vec_dot(g, s, n);
  step->model = step->slope + 0.5 * tw_vec_dot(hs, s, n);
  step->norm = tw_vec_norm2(s, n);
  return TW_OK;
}

tw_status tw_trust_solve_exact(tw_trust *t, const double *g, double radius, double *s, tw_trust_step *step) {
  const int64_t n = t->run->n;
  double *q = tw_run_vector(t->run, "eigenvectors", n * n),
         *indices = tw_run_vector(t->run, "free indices", n);
  if (q == NULL || indices == NULL) return TW_ERR_MEMORY;
  int *index = (int *)(void *)indices;
  double *packed_g = t->work + 2 * n;
  spectrum e = {.lambda = t->work, .c = t->work + n, .q = q};
  memset(s, 0, (size_t)n * sizeof *s);
  *step = (tw_trust_step){0};
  if (pack_free(t, g, index, &e, packed_g) == 0) return TW_OK;
  if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', e.n, e.q, e.n, e.lambda) != 0)
    return tw_fail(t->run->error, TW_ERR_NUMERIC, "the eigenvalues of the Hessian did not converge");
  for (int i = 0; i < e.n; i++) {
    e.c[i] = 0;
    for (int j = 0; j < e.n; j++) e.c[i] += e.q[i * e.n + j] * packed_g[j];
  }
  t->scalar[TW_TRUST_CONVEX] = e.n == n && e.lambda[0] > 1e-6 * e.lambda[e.n - 1];
  drop_noise(&e);
  step->boundary = solve_diagonal(&e, radius);
  unpack_step(&e, index, s);
  TW_TRY(describe(t, g, packed_g, s, step));
  if (step->norm > 1e-3 * fmax(1, tw_vec_norm2(t->run->x, (size_t)n))) t->scalar[TW_TRUST_CONVEX] = 0;
  return TW_OK;
}

tw_status tw_trust_lowest(tw_trust *t, double *v, double *lowest, double *largest) {
  const int64_t n = t->run->n;
  double *q = tw_run_vector(t->run, "eigenvectors", n * n), *indices = tw_run_vector(t->run, "free indices", n);
  if (q == NULL || indices == NULL) return TW_ERR_MEMORY;
  int *index = (int *)(void *)indices;
  spectrum e = {.lambda = t->work, .c = t->work + n, .q = q};
  memset(v, 0, (size_t)n * sizeof *v);
  *lowest = *largest = 0;
  if (pack_free(t, t->g, index, &e, t->work + 2 * n) == 0) return TW_OK;
  if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', e.n, e.q, e.n, e.lambda) != 0)
    return tw_fail(t->run->error, TW_ERR_NUMERIC, "the eigenvalues of the Hessian did not converge");
  *lowest = e.lambda[0];
  *largest = fmax(fabs(e.lambda[0]), fabs(e.lambda[e.n - 1]));
  for (int i = 0; i < e.n; i++) v[index[i]] = e.q[i];
  return TW_OK;
}
