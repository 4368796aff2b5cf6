#include "method/gradient/compact.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

enum { COUNT, THETA, STATE };

tw_status tw_compact_get(tw_run *run, const tw_trail *trail, tw_compact *c) {
  *c = (tw_compact){0};
  const int64_t slots = trail->slots, square = slots * slots, m = slots - 2;
  double *pivot = NULL;
  const struct {
    const char *name;
    double **vector;
    int64_t n;
  } wanted[] = {{"compact", &c->state, STATE},
                {"y'y", &c->yy, square},
                {"s'y", &c->sy, square},
                {"s's", &c->ss, square},
                {"lu", &c->lu, 4 * m * m},
                {"pivots", &pivot, 2 * m},
                {"sums", &c->scratch, (TW_SEGMENTS + 1) * TW_COMPACT_SUMS(m)}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    *wanted[i].vector = tw_run_vector(run, wanted[i].name, wanted[i].n);
    if (*wanted[i].vector == NULL) return TW_ERR_MEMORY;
  }
  if (!(c->state[COUNT] >= 0 && c->state[COUNT] <= (double)m))
    return tw_fail(run->error, TW_ERR_DATA, "method %s: the checkpoint has more pairs than the memory holds",
                   run->method->name);
  c->pivot = (int *)(void *)pivot;
  c->pairs = (tw_pairs){trail, (int)c->state[COUNT]};
  c->theta = c->pairs.count > 0 ? c->state[THETA] : 1;
  return TW_OK;
}

static void set(tw_compact *c, int count, double theta) {
  c->state[COUNT] = c->pairs.count = count;
  c->state[THETA] = c->theta = theta;
}

void tw_compact_forget(tw_compact *c) {
  set(c, 0, 1);
}

static int slot_of(const tw_compact *c, int age) {
  return tw_trail_slot(c->pairs.trail, age);
}

/* ------------------------------------------------------------------ a new pair */

static void update_tile(void *context, int64_t first, int64_t length, double *sums) {
  const tw_compact *c = context;
  const tw_trail *t = c->pairs.trail;
  const double *x = tw_trail_x(t, 0) + first, *x_before = tw_trail_x(t, 1) + first;
  const double *g = tw_trail_g(t, 0) + first, *g_before = tw_trail_g(t, 1) + first;
  double s[TW_PAIRS_TILE], y[TW_PAIRS_TILE];
  for (int64_t i = 0; i < length; i++) {
    s[i] = x[i] - x_before[i];
    y[i] = g[i] - g_before[i];
  }
  tw_pairs_products(&c->pairs, first, length, s, y, sums);
}

void tw_compact_update(tw_compact *c) {
  const int slots = c->pairs.trail->slots, newest = slot_of(c, 0);
  if (c->pairs.count < slots - 2) c->pairs.count++;
  const int n_sums = 4 * (c->pairs.count + 1);
  double *sums = c->scratch + TW_SEGMENTS * n_sums;
  tw_pairs_reduce(&c->pairs, n_sums, update_tile, c, c->scratch, sums);
  for (int age = 0; age < c->pairs.count; age++, sums += 4) {
    const int j = slot_of(c, age);
    c->ss[newest * slots + j] = c->ss[j * slots + newest] = sums[0];
    c->sy[newest * slots + j] = sums[1];
    c->sy[j * slots + newest] = sums[2];
    c->yy[newest * slots + j] = c->yy[j * slots + newest] = sums[3];
  }
  const double yy = c->yy[newest * (slots + 1)], sy = c->sy[newest * (slots + 1)];
  if (!(sy > DBL_EPSILON * yy) || !isfinite(yy / sy)) /* no curvature to learn from: start afresh */
    tw_compact_forget(c);
  else
    set(c, c->pairs.count, yy / sy);
}

/* ------------------------------------------------------------------ products with W */

void tw_compact_coefficients(const tw_compact *c, double scale, const double *v, double *coefficient) {
  const int k = c->pairs.count;
  for (int j = 0; j < k; j++) {
    coefficient[2 * j] = scale * c->theta * v[k + j];
    coefficient[2 * j + 1] = scale * v[j];
  }
}

void tw_compact_collect(const tw_compact *c, const double *sums, double *wu) {
  const int k = c->pairs.count;
  for (int j = 0; j < k; j++) {
    wu[j] = sums[2 * j + 1];
    wu[k + j] = c->theta * sums[2 * j];
  }
}

void tw_compact_row(const tw_compact *c, int64_t i, double *row) {
  const tw_trail *t = c->pairs.trail;
  const int k = c->pairs.count;
  for (int j = 0; j < k; j++) {
    row[j] = tw_trail_g(t, j)[i] - tw_trail_g(t, j + 1)[i];
    row[k + j] = c->theta * (tw_trail_x(t, j)[i] - tw_trail_x(t, j + 1)[i]);
  }
}

/* ------------------------------------------------------------------ Gram matrices */

/* v_age - v_age+1 over the `count` listed entries. */
static void gather(const tw_compact *c, double *vector(const tw_trail *, int), int age, const int64_t *entry,
                   int count, double *out) {
  const double *young = vector(c->pairs.trail, age), *old = vector(c->pairs.trail, age + 1);
  for (int e = 0; e < count; e++) out[e] = young[entry[e]] - old[entry[e]];
}

enum { STRIP = 64, QUAD = 4 };

/* sums[j] += row'b_j for QUAD neighbouring rows b_j. */
static void quad_dots(const double *row, const double *b, int count, double *sums) {
  const double *b1 = b + STRIP, *b2 = b1 + STRIP, *b3 = b2 + STRIP;
  double d0 = 0, d1 = 0, d2 = 0, d3 = 0;
#pragma omp simd reduction(+ : d0, d1, d2, d3)
  for (int e = 0; e < count; e++) {
    d0 += row[e] * b[e];
    d1 += row[e] * b1[e];
    d2 += row[e] * b2[e];
    d3 += row[e] * b3[e];
  }
  sums[0] += d0, sums[1] += d1, sums[2] += d2, sums[3] += d3;
}

/* gram += rows rows' in the upper triangle. */
static void add_products(int size, const double *rows, int count, double *gram) {
  for (int a = 0; a < size; a++) {
    int b = a;
    for (; b + QUAD <= size; b += QUAD)
      quad_dots(rows + a * STRIP, rows + b * STRIP, count, gram + a * size + b);
    for (; b < size; b++)
      for (int e = 0; e < count; e++) gram[a * size + b] += rows[a * STRIP + e] * rows[b * STRIP + e];
  }
}

/* By strips of the free variables' rows of [Y S]. BLAS would do, but not from several threads: Debian's
 * serial OpenBLAS 0.3.21 shares its buffers between them. */
void tw_compact_add_gram(const tw_compact *c, int64_t first, int64_t length, const bool *is_free,
                         double *gram) {
  const int k = c->pairs.count;
  double rows[2 * TW_COMPACT_PAIRS * STRIP];
  int64_t entry[STRIP];
  for (int64_t at = 0; k > 0 && at < length;) {
    int count = 0;
    for (; at < length && count < STRIP; at++)
      if (is_free[at]) entry[count++] = first + at;
    for (int age = 0; age < k && count > 0; age++) {
      gather(c, tw_trail_g, age, entry, count, rows + age * STRIP);
      gather(c, tw_trail_x, age, entry, count, rows + (k + age) * STRIP);
    }
    add_products(2 * k, rows, count, gram);
  }
}

void tw_compact_whole_gram(const tw_compact *c, double *gram) {
  const int k = c->pairs.count, slots = c->pairs.trail->slots;
  for (int i = 0; i < k; i++)
    for (int j = 0; j < k; j++) {
      const int si = slot_of(c, i), sj = slot_of(c, j);
      gram[i * 2 * k + j] = c->yy[si * slots + sj];
      gram[i * 2 * k + k + j] = c->sy[sj * slots + si];
      gram[(k + i) * 2 * k + k + j] = c->ss[si * slots + sj];
    }
}

/* ------------------------------------------------------------------ the middle matrix */

static void fill_middle(tw_compact *c) {
  const int k = c->pairs.count, size = 2 * k, slots = c->pairs.trail->slots;
  for (int i = 0; i < k; i++)
    for (int j = 0; j < k; j++) {
      const int si = slot_of(c, i), sj = slot_of(c, j);
      const double below = i < j ? c->sy[si * slots + sj] : 0; /* L */
      c->lu[i * size + j] = i == j ? -c->sy[si * slots + si] : 0;
      c->lu[(k + i) * size + j] = below;
      c->lu[j * size + k + i] = below;
      c->lu[(k + i) * size + k + j] = c->theta * c->ss[si * slots + sj];
    }
}

/* W is [Y S] with theta on the columns of S. */
static void subtract_gram(tw_compact *c, const double *gram) {
  const int k = c->pairs.count, size = 2 * k;
  for (int a = 0; a < size; a++)
    for (int b = a; b < size; b++) {
      const double scale = (a < k ? 1 : c->theta) * (b < k ? 1 : c->theta) / c->theta;
      c->lu[a * size + b] -= scale * gram[a * size + b];
      if (a != b) c->lu[b * size + a] -= scale * gram[a * size + b];
    }
}

bool tw_compact_factor(tw_compact *c, const double *gram) {
  const int size = 2 * c->pairs.count;
  if (size == 0) return true;
  fill_middle(c);
  if (gram != NULL) subtract_gram(c, gram);
  return LAPACKE_dgetrf(LAPACK_ROW_MAJOR, size, size, c->lu, size, c->pivot) == 0;
}

void tw_compact_solve(const tw_compact *c, double *v) {
  const int size = 2 * c->pairs.count;
  if (size > 0) LAPACKE_dgetrs(LAPACK_ROW_MAJOR, 'N', size, 1, c->lu, size, c->pivot, v, 1);
}
