/* Tables of integers by iteration: affine ones take no storage, equal ones are one. */
#include "graph/transform/sparse.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ interning */

static bool same(const tw_table *a, const tw_table *b) {
  if (a->hash != b->hash || a->n != b->n || !a->at != !b->at) return false;
  if (!a->at) return a->base == b->base && a->step == b->step;
  return memcmp(a->at, b->at, (size_t)a->n * sizeof *a->at) == 0;
}

static tw_table **find(tw_table **slots, size_t capacity, const tw_table *wanted) {
  size_t mask = capacity - 1, at = (size_t)wanted->hash & mask;
  while (slots[at] && !same(slots[at], wanted)) at = (at + 1) & mask;
  return &slots[at];
}

static bool reserve(tw_sparse *s) {
  if ((s->n_tables + 1) * 3 < s->table_capacity * 2) return true;
  size_t capacity = s->table_capacity ? 2 * s->table_capacity : 64;
  tw_table **slots = calloc(capacity, sizeof *slots);
  if (!slots) return false;
  for (size_t i = 0; i < s->table_capacity; i++)
    if (s->table[i]) *find(slots, capacity, s->table[i]) = s->table[i];
  free(s->table);
  s->table = slots;
  s->table_capacity = capacity;
  return true;
}

static const tw_table *out_of_memory(tw_sparse *s) {
  tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
  return NULL;
}

/* The table equal to `wanted`, whose storage is released when there is one already. */
static const tw_table *intern(tw_sparse *s, tw_table wanted) {
  int64_t *storage = (int64_t *)(uintptr_t)wanted.at;
  if (storage)
    wanted.hash = tw_hash(storage, (size_t)wanted.n * sizeof *storage, 1);
  else
    wanted.hash = tw_hash((int64_t[]){wanted.n, wanted.base, wanted.step}, 3 * sizeof(int64_t), 2);
  if (!reserve(s)) {
    free(storage);
    return out_of_memory(s);
  }
  tw_table **slot = find(s->table, s->table_capacity, &wanted);
  if (*slot) {
    free(storage);
    return *slot;
  }
  void **owned = tw_grow(s->owned, &s->owned_capacity, s->n_owned + 1, sizeof *owned);
  if (owned) s->owned = owned;
  tw_table *table = owned ? tw_arena_dup(s->arena, &wanted, sizeof wanted, sizeof(void *)) : NULL;
  if (!table) {
    free(storage);
    return out_of_memory(s);
  }
  s->owned[s->n_owned++] = storage;
  *slot = table;
  s->n_tables++;
  return table;
}

/* ------------------------------------------------------------------ making tables */

int64_t *tw_table_buffer(tw_sparse *s, int64_t n) {
  int64_t *at = malloc(((size_t)n + 1) * sizeof *at);
  if (!at) out_of_memory(s);
  return at;
}

const tw_table *tw_table_affine(tw_sparse *s, int64_t n, int64_t base, int64_t step) {
  return intern(s, (tw_table){.n = n, .base = base, .step = n > 1 ? step : 0});
}

const tw_table *tw_table_own(tw_sparse *s, int64_t n, int64_t *at) {
  if (!at) return NULL;
  int64_t step = n > 1 ? at[1] - at[0] : 0, k = 1;
  while (k < n && at[k] - at[k - 1] == step) k++;
  if (k < n) return intern(s, (tw_table){.n = n, .at = at});
  int64_t base = n > 0 ? at[0] : 0;
  free(at);
  return tw_table_affine(s, n, base, step);
}

const tw_table *tw_table_compose(tw_sparse *s, const tw_table *outer, const tw_table *inner) {
  if (!outer || !inner) return NULL;
  if (!outer->at) return tw_table_scale(s, inner, outer->step, outer->base);
  if (tw_table_is_identity(inner, outer->n)) return outer;
  int64_t *at = tw_table_buffer(s, inner->n);
  for (int64_t k = 0; at && k < inner->n; k++) at[k] = outer->at[tw_table_at(inner, k)];
  return tw_table_own(s, inner->n, at);
}

const tw_table *tw_table_scale(tw_sparse *s, const tw_table *t, int64_t a, int64_t b) {
  if (!t || (a == 1 && b == 0)) return t;
  if (!t->at) return tw_table_affine(s, t->n, a * t->base + b, a * t->step);
  int64_t *at = tw_table_buffer(s, t->n);
  for (int64_t k = 0; at && k < t->n; k++) at[k] = a * t->at[k] + b;
  return tw_table_own(s, t->n, at);
}

const tw_table *tw_table_divide(tw_sparse *s, const tw_table *t, int64_t d) {
  if (!t || d == 1) return t;
  int64_t *at = tw_table_buffer(s, t->n);
  for (int64_t k = 0; at && k < t->n; k++) at[k] = tw_table_at(t, k) / d;
  return tw_table_own(s, t->n, at);
}

const tw_table *tw_table_remainder(tw_sparse *s, const tw_table *t, int64_t d) {
  if (!t) return t;
  if (d == 1) return tw_table_constant(s, t->n, 0);
  int64_t *at = tw_table_buffer(s, t->n);
  for (int64_t k = 0; at && k < t->n; k++) at[k] = tw_table_at(t, k) % d;
  return tw_table_own(s, t->n, at);
}

const tw_table *tw_table_sum(tw_sparse *s, const tw_table *a, int64_t scale, const tw_table *b) {
  if (!a || !b) return NULL;
  if (!a->at && !b->at) return tw_table_affine(s, a->n, scale * a->base + b->base, scale * a->step + b->step);
  int64_t *at = tw_table_buffer(s, a->n);
  for (int64_t k = 0; at && k < a->n; k++) at[k] = scale * tw_table_at(a, k) + tw_table_at(b, k);
  return tw_table_own(s, a->n, at);
}

/* ------------------------------------------------------------------ reading tables */

void tw_table_range(const tw_table *t, int64_t *low, int64_t *high) {
  int64_t first = t->n > 0 ? tw_table_at(t, 0) : 0, last = t->n > 0 ? tw_table_at(t, t->n - 1) : 0;
  *low = first < last ? first : last;
  *high = first < last ? last : first;
  for (int64_t k = 0; t->at && k < t->n; k++) {
    if (t->at[k] < *low) *low = t->at[k];
    if (t->at[k] > *high) *high = t->at[k];
  }
}

bool tw_table_is_identity(const tw_table *t, int64_t size) {
  return !t->at && t->n == size && t->base == 0 && (t->step == 1 || size <= 1);
}

/* One buffer for every label that occurs, filled in the order of iterations. */
static bool fill_parts(tw_sparse *s, const tw_table *labels, int64_t low, size_t most, int64_t **buffer,
                       int64_t *size) {
  for (int64_t k = 0; k < labels->n; k++) size[tw_table_at(labels, k) - low]++;
  bool ok = true;
  for (size_t l = 0; l < most; l++) {
    if (size[l] > 0) ok &= (buffer[l] = tw_table_buffer(s, size[l])) != NULL;
    size[l] = 0;
  }
  for (int64_t k = 0; ok && k < labels->n; k++) {
    int64_t l = tw_table_at(labels, k) - low;
    buffer[l][size[l]++] = k;
  }
  return ok;
}

bool tw_table_partition(tw_sparse *s, const tw_table *labels, int *count, const tw_table ***part,
                        int64_t **label) {
  int64_t low, high;
  tw_table_range(labels, &low, &high);
  *count = 0;
  size_t most = (size_t)(high - low) + 1;
  *part = tw_sparse_alloc(s, most, sizeof **part);
  *label = tw_sparse_alloc(s, most, sizeof **label);
  int64_t **buffer = tw_sparse_alloc(s, most, sizeof *buffer), *size = tw_sparse_alloc(s, most, sizeof *size);
  bool ok = *part && *label && buffer && size && fill_parts(s, labels, low, most, buffer, size);
  for (size_t l = 0; buffer && size && l < most; l++) {
    if (!buffer[l]) continue;
    if (!ok) free(buffer[l]);
    const tw_table *one = ok ? tw_table_own(s, size[l], buffer[l]) : NULL;
    ok = ok && one;
    if (!one) continue;
    (*part)[*count] = one;
    (*label)[(*count)++] = low + (int64_t)l;
  }
  return ok;
}
