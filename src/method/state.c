/* Named vectors and named children: the state of a run that checkpoints carry. */
#include "method/driver.h"

#include <stdlib.h>
#include <string.h>

static char *copy_name(const char *name) {
  const size_t bytes = strlen(name) + 1;
  char *copy = tw_alloc(bytes, 1);
  if (copy != NULL) memcpy(copy, name, bytes);
  return copy;
}

/* A table of `count` items of `size` bytes with room for one more; false when out of memory. */
static bool make_room(void **table, int count, int *room, size_t size) {
  if (count < *room) return true;
  const int wanted = *room > 0 ? 2 * *room : 8;
  void *grown = tw_alloc((size_t)wanted, size);
  if (grown == NULL) return false;
  if (count > 0) memcpy(grown, *table, (size_t)count * size);
  free(*table);
  *table = grown;
  *room = wanted;
  return true;
}

tw_named_vector *tw_driver_vector(tw_driver *d, const char *name, int64_t n) {
  for (int i = 0; i < d->vectors; i++)
    if (strcmp(d->vector[i].name, name) == 0) return d->vector[i].n == n ? &d->vector[i] : NULL;
  void *table = d->vector;
  const bool room = n >= 0 && make_room(&table, d->vectors, &d->vector_room, sizeof *d->vector);
  d->vector = table;
  if (!room) return NULL;
  const tw_named_vector v = {copy_name(name), tw_alloc((size_t)n, sizeof(double)), n};
  if (v.name == NULL || v.data == NULL) {
    free(v.name);
    free(v.data);
    return NULL;
  }
  d->vector[d->vectors] = v;
  return &d->vector[d->vectors++];
}

double *tw_run_vector(tw_run *run, const char *name, int64_t n) {
  const tw_named_vector *v = tw_driver_vector(run->driver, name, n);
  if (v != NULL) return v->data;
  tw_fail(run->error, TW_ERR_MEMORY,
          "method %s: no memory for '%s' of %lld numbers (or it exists with another length)",
          run->method->name, name, (long long)n);
  return NULL;
}

tw_named_child *tw_driver_child(tw_driver *d, const char *name) {
  for (int i = 0; i < d->children; i++)
    if (strcmp(d->child[i].name, name) == 0) return &d->child[i];
  return NULL;
}

tw_named_child *tw_driver_add_child(tw_driver *d, const char *name, tw_driver *driver) {
  void *table = d->child;
  const bool room = make_room(&table, d->children, &d->child_room, sizeof *d->child);
  d->child = table;
  if (!room) return NULL;
  const tw_named_child child = {copy_name(name), driver};
  if (child.name == NULL) return NULL;
  d->child[d->children] = child;
  return &d->child[d->children++];
}

void tw_run_child_end(tw_run *run, const char *name) {
  tw_driver *d = run->driver;
  tw_named_child *child = tw_driver_child(d, name);
  if (child == NULL) return;
  free(child->name);
  tw_driver_free(child->driver);
  *child = d->child[--d->children];
}

void tw_driver_drop_state(tw_driver *d) {
  for (int i = 0; i < d->vectors; i++) {
    free(d->vector[i].name);
    free(d->vector[i].data);
  }
  d->vectors = 0;
  for (int i = 0; i < d->children; i++) {
    free(d->child[i].name);
    tw_driver_free(d->child[i].driver);
  }
  d->children = 0;
}
