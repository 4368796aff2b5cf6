/* Index sets: what axes are indexed by and comprehensions run over. Arena-owned, immutable; a range is never
 * listed. */
#ifndef TALWEG_MODEL_INDEX_SET_H
#define TALWEG_MODEL_INDEX_SET_H

#include <talweg/base.h>

typedef enum tw_index_set_kind {
  TW_SET_RANGE,    /* first, first+1, .. */
  TW_SET_INTEGERS, /* listed integers */
  TW_SET_LABELS,
  TW_SET_MIXED /* of an axis: operands with different sets met there */
} tw_index_set_kind;

typedef struct tw_index_set {
  tw_index_set_kind kind;
  const char *name; /* for messages, "" when it has none */
  int64_t first, count;
  const int64_t *integer;   /* INTEGERS, in the order written */
  const char *const *label; /* LABELS, NULL-terminated */
  const int64_t *order;     /* positions in ascending order of element: INTEGERS, LABELS */
} tw_index_set;

extern const tw_index_set tw_mixed_set;

const tw_index_set *tw_index_set_range(tw_arena *arena, const char *name, int64_t first, int64_t count);
/* NULL when out of memory, or when an element comes twice: *twice is then its second position, else -1. */
const tw_index_set *tw_index_set_integers(tw_arena *arena, const char *name, const int64_t *value,
                                          int64_t count, int64_t *twice);
const tw_index_set *tw_index_set_labels(tw_arena *arena, const char *name, const char *const *label,
                                        int64_t count, int64_t *twice);

/* Position of an element, -1 when the set does not have it. O(log count). */
int64_t tw_index_set_find(const tw_index_set *set, int64_t element);
int64_t tw_index_set_find_label(const tw_index_set *set, const char *label);
/* The element at a position, as written in a model. */
const char *tw_index_set_text(const tw_index_set *set, int64_t position, char text[64]);

/* The same elements in the same order. NULL stands for 0..n-1, whatever n. */
bool tw_index_set_same(const tw_index_set *a, const tw_index_set *b);
/* Whether elements are positions: no set, or a range from 0. */
bool tw_index_set_plain(const tw_index_set *set);
/* The set of an axis made by broadcasting axes of these sets: mixed when elements would mean different
 * positions. */
const tw_index_set *tw_index_set_join(const tw_index_set *a, const tw_index_set *b);

#endif
