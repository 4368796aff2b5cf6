/* Sets of distinct patterns, and their sampling. */
#include "patterns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void patterns_free(patterns *set) {
  free(set->mask);
  free(set->slot);
  *set = (patterns){0};
}

/* ------------------------------------------------------------------ distinct rows by hashing */

/* The slot of an equal row, or the empty one where it belongs (linear probing). */
static int64_t find(const patterns *set, const double *row) {
  const size_t bytes = (size_t)set->n * sizeof *row;
  int64_t at = (int64_t)(tw_hash(row, bytes, 0) & (uint64_t)(set->slots - 1));
  while (set->slot[at] && memcmp(set->mask + (set->slot[at] - 1) * set->n, row, bytes) != 0) at = (at + 1) & (set->slots - 1);
  return at;
}

/* Room for one more row and a table at most half full. */
static tw_status make_room(patterns *set, tw_error *error) {
  if ((set->p + 1) * set->n > PATTERNS_MOST)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "%lld patterns of %lld rows: more than %d entries", (long long)set->p + 1, (long long)set->n,
                   PATTERNS_MOST);
  size_t capacity = (size_t)set->capacity;
  double *mask = tw_grow(set->mask, &capacity, (size_t)(set->p + 1), (size_t)set->n * sizeof *mask);
  if (!mask) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld patterns", (long long)set->p + 1);
  set->mask = mask;
  set->capacity = (int64_t)capacity;
  if (2 * (set->p + 1) <= set->slots) return TW_OK;
  const int64_t slots = set->slots ? 2 * set->slots : 64;
  int64_t *slot = tw_alloc((size_t)slots, sizeof *slot);
  if (!slot) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a table of patterns");
  free(set->slot);
  set->slot = slot;
  set->slots = slots;
  for (int64_t i = 0; i < set->p; i++) slot[find(set, set->mask + i * set->n)] = i + 1;
  return TW_OK;
}

tw_status patterns_add(patterns *set, int64_t n, const double *a, bool *added, tw_error *error) {
  set->n = n;
  const tw_status status = make_room(set, error);
  if (status != TW_OK) return status;
  double *row = set->mask + set->p * n;
  for (int64_t k = 0; k < n; k++) row[k] = a[k] >= 0 ? 1 : 0;
  const int64_t at = find(set, row);
  const bool fresh = set->slot[at] == 0;
  if (fresh) set->slot[at] = ++set->p;
  if (added) *added = fresh;
  return TW_OK;
}

/* ------------------------------------------------------------------ sampling */

/* r, uniform in the cube of half side `reach` (p = inf) or else a normal direction of random length in the p-ball. */
static void draw_in_ball(uint64_t key, int64_t n, double p, double reach, double *r) {
  double norm = 0;
  if (isinf(p)) {
    tw_random_uniform_fill(key, 0, (size_t)n, r);
    for (int64_t j = 0; j < n; j++) r[j] = reach * (2 * r[j] - 1);
    return;
  }
  tw_random_normal_fill(key, 0, (size_t)n, r);
  for (int64_t j = 0; j < n; j++) norm += pow(fabs(r[j]), p);
  const double length = reach * tw_random_uniform(tw_key_split(key, 1), 0) / pow(fmax(norm, 1e-300), 1 / p);
  for (int64_t j = 0; j < n; j++) r[j] *= length;
}

/* a = (X + R) h; a row of R is drawn under its own key. */
static void perturbed_signs(int64_t n, int64_t d, const double *x, const double *h, const sampling *how, uint64_t key, double *r,
                            double *a) {
  for (int64_t k = 0; k < n; k++) {
    double sum = 0;
    for (int64_t j = 0; j < d; j++) sum += x[k * d + j] * h[j];
    if (key) {
      draw_in_ball(tw_key_split(key, (uint64_t)k), how->features, how->p, how->reach, r);
      for (int64_t j = 0; j < how->features; j++) sum += r[j] * h[j];
    }
    a[k] = sum;
  }
}

tw_status patterns_sample(patterns *set, int64_t n, int64_t d, const double *x, const sampling *how, tw_error *error) {
  const int64_t draws = 1000 + 200 * how->wanted, perturbed = how->reach > 0 ? how->perturbed : 0;
  double *h = tw_alloc((size_t)(2 * d + n), sizeof *h), *r = h + d, *a = r + d;
  if (!h) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a pattern of %lld rows", (long long)n);
  tw_status status = how->whole ? patterns_add(set, n, a, NULL, error) : TW_OK; /* a = 0: all active */
  for (int64_t draw = 0; draw < draws && set->p < how->wanted && status == TW_OK; draw++) {
    const uint64_t key = tw_key_split(how->seed, (uint64_t)draw);
    tw_random_normal_fill(key, 0, (size_t)d, h);
    for (int64_t t = 0; t <= perturbed && set->p < how->wanted && status == TW_OK; t++) {
      perturbed_signs(n, d, x, h, how, t ? tw_key_split(key, (uint64_t)t) : 0, r, a);
      status = patterns_add(set, n, a, NULL, error);
    }
  }
  free(h);
  return status;
}
