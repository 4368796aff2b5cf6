#include "method/gradient/compact.h"

#include "method/vector.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

enum { COUNT, NEWEST, THETA, RING };

tw_status tw_compact_get(tw_run *run, int m, tw_compact *c) {
  *c = (tw_compact){.run = run, .n = run->n, .m = m};
  const int64_t square = (int64_t)m * m;
  double *pivot = NULL;
  const struct {
    const char *name;
    double **vector;
    int64_t n;
  } wanted[] = {{"ring", &c->ring, RING},  {"rows", &c->rows, 2 * run->n * m},
                {"y'y", &c->yy, square},   {"s'y", &c->sy, square},
                {"s's", &c->ss, square},   {"lu", &c->lu, 4 * square},
                {"pivots", &pivot, 2 * m}, {"sums", &c->scratch, (TW_SEGMENTS + 1) * (2 * square + m + 4)}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    *wanted[i].vector = tw_run_vector(run, wanted[i].name, wanted[i].n);
    if (*wanted[i].vector == NULL) return TW_ERR_MEMORY;
  }
  c->pivot = (int *)(void *)pivot;
  c->k = (int)c->ring[COUNT];
  c->theta = c->k > 0 ? c->ring[THETA] : 1;
  return TW_OK;
}

void tw_compact_forget(tw_compact *c) {
  c->k = 0;
  c->theta = 1;
}

/* ------------------------------------------------------------------ a new pair */

typedef struct pass {
  const tw_compact *c;
  const double *x, *x_new, *g, *g_new, *v;
  const bool *is_free;
  int slot;
} pass;

/* Writes the new pair into its slot; sums: y'y_j, y's_j, s'y_j, s's_j for every slot j. */
static void update_segment(void *context, int64_t first, int64_t count, double *sums) {
  const pass *p = context;
  const int m = p->c->m, k = p->c->k;
  for (int64_t i = first; i < first + count; i++) {
    double *y = p->c->rows + 2 * i * m, *s = y + m;
    const double yi = p->g_new[i] - p->g[i], si = p->x_new[i] - p->x[i];
    y[p->slot] = yi;
    s[p->slot] = si;
    for (int j = 0; j < k; j++) {
      sums[4 * j] += yi * y[j];
      sums[4 * j + 1] += yi * s[j];
      sums[4 * j + 2] += si * y[j];
      sums[4 * j + 3] += si * s[j];
    }
  }
}

void tw_compact_update(tw_compact *c, const double *x, const double *x_new, const double *g,
                       const double *g_new) {
  const int m = c->m, slot = c->k == 0 ? 0 : ((int)c->ring[NEWEST] + 1) % m;
  if (c->k < m) c->k++;
  const pass p = {.c = c, .x = x, .x_new = x_new, .g = g, .g_new = g_new, .slot = slot};
  double *sums = c->scratch + TW_SEGMENTS * 4 * c->k;
  tw_reduce(c->run->exec->threads, c->n, c->n, 4 * c->k, update_segment, (void *)(uintptr_t)&p, c->scratch,
            sums);
  const double yy = sums[4 * slot], sy = sums[4 * slot + 1];
  c->ring[COUNT] = c->k;
  c->ring[NEWEST] = slot;
  c->ring[THETA] = c->theta = yy / sy;
  if (!(sy > DBL_EPSILON * yy) || !isfinite(c->theta)) { /* no curvature to learn from: start afresh */
    tw_compact_forget(c);
    c->ring[COUNT] = 0;
    return;
  }
  for (int j = 0; j < c->k; j++) {
    c->yy[slot * m + j] = c->yy[j * m + slot] = sums[4 * j];
    c->sy[j * m + slot] = sums[4 * j + 1];
    c->sy[slot * m + j] = sums[4 * j + 2];
    c->ss[slot * m + j] = c->ss[j * m + slot] = sums[4 * j + 3];
  }
}

/* ------------------------------------------------------------------ products with W */

void tw_compact_row(const tw_compact *c, int64_t i, double *row) {
  const double *y = c->rows + 2 * i * c->m, *s = y + c->m;
  for (int j = 0; j < c->k; j++) {
    row[j] = y[j];
    row[c->k + j] = c->theta * s[j];
  }
}

double tw_compact_row_dot(const tw_compact *c, int64_t i, const double *v) {
  const double *y = c->rows + 2 * i * c->m, *s = y + c->m;
  double along_y = 0, along_s = 0;
  for (int j = 0; j < c->k; j++) {
    along_y += y[j] * v[j];
    along_s += s[j] * v[c->k + j];
  }
  return along_y + c->theta * along_s;
}

static void transpose_segment(void *context, int64_t first, int64_t count, double *sums) {
  const pass *p = context;
  const int m = p->c->m, k = p->c->k;
  for (int64_t i = first; i < first + count; i++) {
    const double vi = p->v[i];
    if (vi == 0) continue;
    const double *y = p->c->rows + 2 * i * m, *s = y + m;
    for (int j = 0; j < k; j++) {
      sums[j] += vi * y[j];
      sums[k + j] += vi * s[j];
    }
  }
}

void tw_compact_transpose(const tw_compact *c, const double *v, double *out) {
  if (c->k == 0) return;
  const pass p = {.c = c, .v = v};
  tw_reduce(c->run->exec->threads, c->n, c->n, 2 * c->k, transpose_segment, (void *)(uintptr_t)&p, c->scratch,
            out);
  for (int j = 0; j < c->k; j++) out[c->k + j] *= c->theta;
}

/* ------------------------------------------------------------------ the middle matrix */

/* Upper triangle of W'ZZ'W over the free variables, theta left out. */
static void gram_segment(void *context, int64_t first, int64_t count, double *sums) {
  const pass *p = context;
  const int m = p->c->m, k = p->c->k;
  for (int64_t i = first; i < first + count; i++) {
    if (!p->is_free[i]) continue;
    const double *y = p->c->rows + 2 * i * m, *s = y + m;
    double *sum = sums;
    for (int a = 0; a < 2 * k; a++) {
      const double wa = a < k ? y[a] : s[a - k];
      for (int b = a; b < 2 * k; b++) *sum++ += wa * (b < k ? y[b] : s[b - k]);
    }
  }
}

/* Subtracts W'ZZ'W / theta from the matrix. Over all variables it is made of products that are known. */
static void subtract_gram(tw_compact *c, const bool *is_free) {
  const int k = c->k, m = c->m, size = 2 * k;
  double *sums = c->scratch + TW_SEGMENTS * k * (size + 1);
  const bool all = memchr(is_free, 0, (size_t)c->n) == NULL;
  const pass p = {.c = c, .is_free = is_free};
  if (!all)
    tw_reduce(c->run->exec->threads, c->n, c->n, k * (size + 1), gram_segment, (void *)(uintptr_t)&p,
              c->scratch, sums);
  int at = 0;
  for (int a = 0; a < size; a++)
    for (int b = a; b < size; b++, at++) {
      const int i = a % k, j = b % k;
      const double known = b < k ? c->yy[i * m + j] : a < k ? c->sy[j * m + i] : c->ss[i * m + j];
      const double scale = (a < k ? 1 : c->theta) * (b < k ? 1 : c->theta) / c->theta;
      const double value = scale * (all ? known : sums[at]);
      c->lu[a * size + b] -= value;
      if (a != b) c->lu[b * size + a] -= value;
    }
}

/* How many pairs ago slot j was filled. */
static int age(const tw_compact *c, int j) {
  return ((int)c->ring[NEWEST] - j + c->m) % c->m;
}

bool tw_compact_factor(tw_compact *c, const bool *is_free) {
  const int k = c->k, m = c->m, size = 2 * k;
  if (k == 0) return true;
  for (int i = 0; i < k; i++)
    for (int j = 0; j < k; j++) {
      const double below = age(c, i) < age(c, j) ? c->sy[i * m + j] : 0; /* L */
      c->lu[i * size + j] = i == j ? -c->sy[i * m + i] : 0;
      c->lu[(k + i) * size + j] = below;
      c->lu[j * size + k + i] = below;
      c->lu[(k + i) * size + k + j] = c->theta * c->ss[i * m + j];
    }
  if (is_free != NULL) subtract_gram(c, is_free);
  return LAPACKE_dgetrf(LAPACK_ROW_MAJOR, size, size, c->lu, size, c->pivot) == 0;
}

void tw_compact_solve(const tw_compact *c, double *v) {
  if (c->k > 0) LAPACKE_dgetrs(LAPACK_ROW_MAJOR, 'N', 2 * c->k, 1, c->lu, 2 * c->k, c->pivot, v, 1);
}
