/* All activation patterns: the cells of a central arrangement of hyperplanes, by recursion on their dimension.
 *
 * Every cell in a subspace of dimension m >= 2 has a facet on one of the hyperplanes x_j' h = 0 that cut it, and that facet is a
 * cell of the arrangement restricted to this hyperplane, of dimension m - 1. So the cells are had from those of all restrictions by
 * one small step to either side: the signs of a facet are kept, and where they are 0 (on hyperplanes that hold the facet) they
 * become those of +-x_j' x_k. Nothing is a matter of how small the step is. In dimension 2 the cells lie between neighbouring
 * angles of lines, in dimension 1 they are two rays. */
#include "patterns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RANK_MOST = 8 };

typedef struct arrangement {
  int64_t n, d;
  const double *x;
  double *length; /* |x_k| */
  double *room;   /* a level of the recursion: basis d x d, projections n x d, signs n */
  patterns *out;
  tw_error *error;
} arrangement;

/* A level's memory. */
typedef struct level {
  double *basis; /* m x d orthonormal rows */
  double *z;     /* n x m: coordinates of x_k in the basis */
  double *sign;  /* n: of a facet */
} level;

static level level_of(const arrangement *a, int depth) {
  double *at = a->room + depth * (a->d * a->d + a->n * a->d + a->n);
  return (level){at, at + a->d * a->d, at + a->d * a->d + a->n * a->d};
}

static bool tiny(double value, double scale) { return !(fabs(value) > 1e-9 * scale); }

static void coordinates(const arrangement *a, const level *v, int64_t m) {
  for (int64_t k = 0; k < a->n; k++)
    for (int64_t i = 0; i < m; i++) {
      double sum = 0;
      for (int64_t j = 0; j < a->d; j++) sum += a->x[k * a->d + j] * v->basis[i * a->d + j];
      v->z[k * m + i] = sum;
    }
}

/* A cell in the subspace `depth` levels below the whole one, given by its signs; zeros are resolved upwards, to both sides. */
static tw_status deliver(const arrangement *a, int depth, int64_t rank, const double *sign, const int64_t *facet) {
  if (depth == 0) return patterns_add(a->out, a->n, sign, NULL, a->error);
  const int64_t m = rank - depth + 1; /* of the subspace above */
  const level above = level_of(a, depth - 1);
  const double *normal = above.z + facet[depth - 1] * m;
  tw_status status = TW_OK;
  for (int side = -1; side <= 1 && status == TW_OK; side += 2) {
    for (int64_t k = 0; k < a->n; k++) {
      const double s = sign[k] != 0 ? sign[k] : side * dot(m, above.z + k * m, normal);
      above.sign[k] = tiny(s, sign[k] != 0 ? 0 : a->length[k] * sqrt(dot(m, normal, normal))) ? 0 : s > 0 ? 1 : -1;
    }
    status = deliver(a, depth - 1, rank, above.sign, facet);
  }
  return status;
}

static void signs_at(const arrangement *a, const level *v, int64_t m, const double *h) {
  for (int64_t k = 0; k < a->n; k++) {
    const double s = dot(m, v->z + k * m, h);
    v->sign[k] = tiny(s, a->length[k] * sqrt(dot(m, h, h))) ? 0 : s > 0 ? 1 : -1;
  }
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Dimension 2: the lines z_k' h = 0 have angles in [0, pi); midway between neighbours is a point of a cell, and its opposite. */
static tw_status plane(const arrangement *a, int depth, int64_t rank, const int64_t *facet) {
  const level v = level_of(a, depth);
  const double pi = acos(-1);
  double *angle = tw_alloc((size_t)a->n + 1, sizeof *angle);
  if (!angle) return tw_fail(a->error, TW_ERR_MEMORY, "out of memory for angles");
  int64_t lines = 0, distinct = 0;
  for (int64_t k = 0; k < a->n; k++) {
    const double *z = v.z + 2 * k;
    if (tiny(hypot(z[0], z[1]), a->length[k])) continue;
    const double at = atan2(z[0], -z[1]); /* of h = (-z_1, z_0), on the line */
    angle[lines++] = at < 0 ? at + pi : at >= pi ? at - pi : at;
  }
  qsort(angle, (size_t)lines, sizeof *angle, ascending);
  for (int64_t k = 0; k < lines; k++)
    if (distinct == 0 || angle[k] > angle[distinct - 1] + 1e-9) angle[distinct++] = angle[k];
  if (distinct > 1 && angle[0] + pi <= angle[distinct - 1] + 1e-9) distinct--;
  tw_status status = TW_OK;
  for (int64_t k = 0; k < 2 * distinct && status == TW_OK; k++) {
    const int64_t i = k / 2;
    const double next = i + 1 < distinct ? angle[i + 1] : angle[0] + pi, middle = 0.5 * (angle[i] + next), side = k % 2 ? -1 : 1;
    signs_at(a, &v, 2, (double[]){side * cos(middle), side * sin(middle)});
    status = deliver(a, depth, rank, v.sign, facet);
  }
  free(angle);
  return status;
}

/* An orthonormal basis of the vectors of v's subspace (dimension m) orthogonal to its normal z_j: the rows i >= 1 of the Householder
 * reflection that takes z_j / |z_j| to +-e_1. */
static void restrict_to(const arrangement *a, const level *v, int64_t m, int64_t j, level *below) {
  double w[RANK_MOST];
  const double *z = v->z + j * m, norm = sqrt(dot(m, z, z));
  memcpy(w, z, (size_t)m * sizeof *w);
  w[0] += z[0] >= 0 ? norm : -norm;
  const double square = dot(m, w, w);
  for (int64_t i = 1; i < m; i++)
    for (int64_t c = 0; c < a->d; c++) {
      double sum = v->basis[i * a->d + c];
      for (int64_t l = 0; l < m; l++) sum -= 2 * w[i] * w[l] / square * v->basis[l * a->d + c];
      below->basis[(i - 1) * a->d + c] = sum;
    }
}

/* Cells of the subspace at `depth`, of dimension rank - depth, whose basis is set. */
static tw_status cells(const arrangement *a, int depth, int64_t rank, int64_t *facet) {
  const int64_t m = rank - depth;
  const level v = level_of(a, depth);
  coordinates(a, &v, m);
  if (m == 2) return plane(a, depth, rank, facet);
  tw_status status = TW_OK;
  if (m == 1) {
    for (int side = -1; side <= 1 && status == TW_OK; side += 2) {
      signs_at(a, &v, 1, (double[]){side});
      status = deliver(a, depth, rank, v.sign, facet);
    }
    return status;
  }
  for (int64_t j = 0; j < a->n && status == TW_OK; j++) {
    level below = level_of(a, depth + 1);
    if (tiny(sqrt(dot(m, v.z + j * m, v.z + j * m)), a->length[j])) continue;
    restrict_to(a, &v, m, j, &below);
    facet[depth] = j;
    status = cells(a, depth + 1, rank, facet);
  }
  return status;
}

/* An orthonormal basis of the rows of X by Gram-Schmidt, twice, the longest remainder first. Returns the rank; RANK_MOST + 1 when
 * it is larger. */
static int64_t row_basis(const arrangement *a, double *basis, double *rest) {
  double largest = 0;
  memcpy(rest, a->x, (size_t)(a->n * a->d) * sizeof *rest);
  for (int64_t k = 0; k < a->n; k++) largest = fmax(largest, a->length[k]);
  for (int64_t rank = 0; rank < a->d; rank++) {
    int64_t longest = 0;
    double most = -1;
    for (int64_t k = 0; k < a->n; k++) {
      const double square = dot(a->d, rest + k * a->d, rest + k * a->d);
      if (square > most) most = square, longest = k;
    }
    if (sqrt(fmax(most, 0)) <= 1e-10 * largest) return rank;
    if (rank == RANK_MOST) return RANK_MOST + 1;
    double *b = basis + rank * a->d;
    memcpy(b, rest + longest * a->d, (size_t)a->d * sizeof *b);
    for (int64_t i = 0; i < rank; i++) {
      const double along = dot(a->d, b, basis + i * a->d);
      for (int64_t j = 0; j < a->d; j++) b[j] -= along * basis[i * a->d + j];
    }
    const double norm = sqrt(dot(a->d, b, b));
    for (int64_t j = 0; j < a->d; j++) b[j] /= norm;
    for (int64_t k = 0; k < a->n; k++) {
      const double along = dot(a->d, rest + k * a->d, b);
      for (int64_t j = 0; j < a->d; j++) rest[k * a->d + j] -= along * b[j];
    }
  }
  return a->d;
}

double patterns_bound(int64_t n, int64_t rank) {
  double term = 1, sum = 0;
  for (int64_t j = 0; j < rank && j < n; j++) {
    sum += term;
    term *= (double)(n - 1 - j) / (double)(j + 1);
  }
  return 2 * sum;
}

static tw_status enumerate(const arrangement *a) {
  const level top = level_of(a, 0);
  const int64_t rank = row_basis(a, top.basis, top.z);
  int64_t facet[RANK_MOST + 1];
  if (rank == 0) return patterns_add(a->out, a->n, top.z, NULL, a->error); /* X = 0: all active */
  if (rank > RANK_MOST || pow((double)a->n, (double)rank - 1) * (double)(2 * a->n) > 2e9 ||
      patterns_bound(a->n, rank) * (double)a->n > PATTERNS_MOST)
    return tw_fail(a->error, TW_ERR_UNSUPPORTED, "all patterns of %lld rows of rank %s%lld are up to %.3g: sample them instead",
                   (long long)a->n, rank > RANK_MOST ? "above " : "", (long long)(rank > RANK_MOST ? RANK_MOST : rank),
                   rank > RANK_MOST ? INFINITY : patterns_bound(a->n, rank));
  return cells(a, 0, rank, facet);
}

tw_status patterns_enumerate(patterns *set, int64_t n, int64_t d, const double *x, tw_error *error) {
  const int64_t levels = d < RANK_MOST ? d : RANK_MOST;
  arrangement a = {.n = n, .d = d, .x = x, .out = set, .error = error};
  a.length = tw_alloc((size_t)n, sizeof *a.length);
  a.room = tw_alloc((size_t)levels, (size_t)(d * d + n * d + n) * sizeof *a.room);
  tw_status status =
      a.length && a.room ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for an arrangement of %lld hyperplanes", (long long)n);
  for (int64_t k = 0; k < n && status == TW_OK; k++) a.length[k] = sqrt(dot(d, x + k * d, x + k * d));
  if (status == TW_OK) status = enumerate(&a);
  free(a.length);
  free(a.room);
  return status;
}
