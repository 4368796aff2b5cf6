/* GMRES(m) (Saad & Schultz 1986), right preconditioned, so that its residual is the true one. */
#include "linear/krylov.h"

/* Memory of one cycle, kept from cycle to cycle. */
typedef struct cycle {
  double **basis;    /* restart + 1 orthonormal vectors, allocated as they are needed */
  double *h;         /* the new column of the Hessenberg matrix, then of R: restart + 1 */
  double *g, *c, *s; /* rotated right-hand side, rotations */
  double *column;    /* h as the triangle stores it */
} cycle;

/* Modified Gram-Schmidt of w against basis[0..j], h[0..j+1]; a second pass when the first cancelled much
 * (Daniel, Gragg, Kaufman & Stewart 1976). False when w is in their span. */
static bool orthogonalise(int64_t n, const cycle *y, int j, double *w) {
  const double before = vec_norm(n, w);
  double norm = before;
  memset(y->h, 0, (size_t)(j + 1) * sizeof *y->h);
  for (int pass = 0; pass < 2; pass++) {
    const double length = norm;
    for (int i = 0; i <= j; i++) {
      const double part = vec_dot(n, y->basis[i], w);
      vec_axpy(n, -part, y->basis[i], w);
      y->h[i] += part;
    }
    norm = vec_norm(n, w);
    if (norm > 0.7071 * length) break;
  }
  const bool independent = norm > 10 * DBL_EPSILON * before;
  y->h[j + 1] = independent ? norm : 0;
  if (independent) vec_scale(n, 1 / norm, w);
  return independent;
}

/* Applies the rotations so far to h, makes one that clears h[j+1], and turns g with it; |g[j+1]| is the
 * residual. */
static void rotate(const cycle *y, int j) {
  for (int i = 0; i < j; i++) {
    const double upper = y->h[i], lower = y->h[i + 1];
    y->h[i] = y->c[i] * upper + y->s[i] * lower;
    y->h[i + 1] = y->c[i] * lower - y->s[i] * upper;
  }
  const double length = hypot(y->h[j], y->h[j + 1]);
  y->c[j] = length > 0 ? y->h[j] / length : 1;
  y->s[j] = length > 0 ? y->h[j + 1] / length : 0;
  y->h[j] = length;
  y->g[j + 1] = -y->s[j] * y->g[j];
  y->g[j] *= y->c[j];
}

/* Appends h[0..j] as column j of R, right-aligned in the triangle's width. */
static bool record(krylov *k, const cycle *y, int j) {
  const int64_t width = k->coefficients.width;
  vec_zero(width - j - 1, y->column);
  vec_copy(j + 1, y->h, y->column + width - j - 1);
  return triangle_push(&k->coefficients, y->column);
}

/* d = M^-1 V y with R y = g over the first `size` columns; g is overwritten. */
static bool finish(krylov *k, const cycle *y, int size) {
  const int64_t n = k->cols, width = k->coefficients.width;
  double *sum = k->preconditioned ? k->v[0] : k->d;
  vec_zero(n, sum);
  for (int j = size - 1; j >= 0; j--) {
    const double *column = k->coefficients.value + j * width + width - 1 - j;
    y->g[j] /= column[j];
    for (int i = 0; i < j; i++) y->g[i] -= column[i] * y->g[j];
    vec_axpy(n, y->g[j], y->basis[j], sum);
  }
  return sum == k->d || krylov_precondition(k, sum, k->d);
}

static bool start(krylov *k, cycle *y) {
  const int64_t m = k->restart;
  if (!y->basis) {
    y->basis = tw_arena_alloc(k->arena, (size_t)(m + 1) * sizeof *y->basis, 64);
    double *space = krylov_vector(k, 5 * (m + 1));
    if (!y->basis || !space) return false;
    y->h = space, y->g = space + m + 1, y->c = y->g + m + 1, y->s = y->c + m + 1, y->column = y->s + m + 1;
  }
  y->basis[0] = k->r;
  y->g[0] = 1;
  return true;
}

/* Arnoldi steps until the target, the end of the cycle, or a reason to stop; *size columns are good for
 * `finish`. */
static krylov_end expand(krylov *k, cycle *y, int *size) {
  for (int j = 0; j < k->restart; j++) {
    if (!krylov_step(k)) return KRYLOV_LIMIT;
    if (!y->basis[j + 1] && !(y->basis[j + 1] = krylov_vector(k, k->cols))) return KRYLOV_MEMORY;
    double *w = y->basis[j + 1], *z = k->preconditioned ? k->v[0] : y->basis[j];
    if (k->preconditioned && !krylov_precondition(k, y->basis[j], z)) return KRYLOV_OPERATOR;
    if (!krylov_apply(k, z, w)) return KRYLOV_OPERATOR;
    const double length = vec_norm(k->cols, w);
    if (!isfinite(length)) return KRYLOV_BREAKDOWN;
    const bool independent = orthogonalise(k->cols, y, j, w);
    rotate(y, j);
    if (!(y->h[j] > DBL_EPSILON * length)) return KRYLOV_BREAKDOWN; /* singular: no solution in this space */
    if (!record(k, y, j)) return KRYLOV_MEMORY;
    *size = j + 1;
    if (fabs(y->g[j + 1]) <= k->target) return KRYLOV_MET;
    if (!independent) return KRYLOV_BREAKDOWN;
  }
  return KRYLOV_RESTART;
}

static krylov_end sweep(krylov *k) {
  cycle *y = k->context;
  int size = 0;
  if (!start(k, y)) return KRYLOV_MEMORY;
  const krylov_end end = expand(k, y, &size);
  if (end == KRYLOV_OPERATOR || end == KRYLOV_MEMORY) return end;
  return finish(k, y, size) ? end : KRYLOV_OPERATOR;
}

tw_status tw_gmres(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                   tw_linear_result *result, tw_error *error) {
  static const krylov_method method = {.name = "tw_gmres",
                                       .sweep = sweep,
                                       .col_vectors = 1,
                                       .width = -1,
                                       .keep_best = true,
                                       .precondition = true};
  cycle y = {0};
  return krylov_solve(&method, &y, a, b, x, options, result, error);
}
