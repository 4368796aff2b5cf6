/* Hashing, and a hash map from strings to pointers: open addressing with linear probing,
 * at most 3/4 full. */
#include <talweg/base.h>

#include <stdlib.h>
#include <string.h>

/* Finaliser of SplitMix64 (Steele, Lea & Flood, 2014): a bijection with full avalanche. */
static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

uint64_t tw_hash(const void *data, size_t bytes, uint64_t seed) {
  const uint64_t golden = UINT64_C(0x9E3779B97F4A7C15);
  const unsigned char *p = data;
  uint64_t h = mix(seed + golden * (bytes + 1));
  for (; bytes >= 8; p += 8, bytes -= 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    h = mix(h ^ word) + golden;
  }
  if (bytes) {
    uint64_t word = 0;
    memcpy(&word, p, bytes);
    h = mix(h ^ word) + golden;
  }
  return mix(h);
}

typedef struct slot {
  char *key; /* NULL: free */
  uint64_t hash;
  void *value;
} slot;

struct tw_map {
  slot *slots;
  size_t capacity, count; /* capacity is a power of two */
};

tw_map *tw_map_new(void) {
  tw_map *map = calloc(1, sizeof *map);
  if (!map) return NULL;
  map->capacity = 16;
  map->slots = calloc(map->capacity, sizeof *map->slots);
  if (!map->slots) {
    free(map);
    return NULL;
  }
  return map;
}

void tw_map_free(tw_map *map) {
  if (!map) return;
  for (size_t k = 0; k < map->capacity; k++) free(map->slots[k].key);
  free(map->slots);
  free(map);
}

/* The slot that holds `key`, or the free one where it belongs. */
static slot *find(slot *slots, size_t capacity, uint64_t hash, const char *key) {
  size_t k = (size_t)hash & (capacity - 1);
  while (slots[k].key && (slots[k].hash != hash || strcmp(slots[k].key, key) != 0))
    k = (k + 1) & (capacity - 1);
  return &slots[k];
}

static bool grow(tw_map *map) {
  size_t capacity = 2 * map->capacity;
  slot *slots = calloc(capacity, sizeof *slots);
  if (!slots) return false;
  for (size_t k = 0; k < map->capacity; k++)
    if (map->slots[k].key) *find(slots, capacity, map->slots[k].hash, map->slots[k].key) = map->slots[k];
  free(map->slots);
  map->slots = slots;
  map->capacity = capacity;
  return true;
}

bool tw_map_set(tw_map *map, const char *key, void *value) {
  if (!map || !key) return false;
  uint64_t hash = tw_hash(key, strlen(key), 0);
  slot *s = find(map->slots, map->capacity, hash, key);
  if (!s->key) {
    if (4 * (map->count + 1) > 3 * map->capacity) {
      if (!grow(map)) return false;
      s = find(map->slots, map->capacity, hash, key);
    }
    char *copy = strdup(key);
    if (!copy) return false;
    s->key = copy;
    s->hash = hash;
    map->count++;
  }
  s->value = value;
  return true;
}

void *tw_map_get(const tw_map *map, const char *key) {
  if (!map || !key) return NULL;
  return find(map->slots, map->capacity, tw_hash(key, strlen(key), 0), key)->value;
}

size_t tw_map_count(const tw_map *map) {
  return map ? map->count : 0;
}
