#include "method/gradient/trail.h"

#include <string.h>

/* A slot is n entries in whole cache lines, and one line more: entries of the same index in different slots
 * then lie at different offsets in their pages, also when n is a power of two. */
static int64_t stride_of(int64_t n) {
  return (n + 7) / 8 * 8 + 8;
}

static tw_status views(tw_run *run, int slots, tw_trail *t) {
  const int64_t stride = stride_of(run->n);
  *t = (tw_trail){.run = run,
                  .slots = slots,
                  .stride = stride,
                  .x = tw_run_vector(run, "iterates", slots * stride),
                  .g = tw_run_vector(run, "gradients", slots * stride),
                  .newest = tw_run_vector(run, "newest iterate", 1)};
  return t->x != NULL && t->g != NULL && t->newest != NULL ? TW_OK : TW_ERR_MEMORY;
}

tw_status tw_trail_begin(tw_run *run, int slots, tw_trail *t) {
  TW_TRY(views(run, slots, t));
  *t->newest = 0;
  memcpy(t->x, run->x, (size_t)run->n * sizeof(double));
  run->x = t->x;
  return TW_OK;
}

tw_status tw_trail_get(tw_run *run, int slots, tw_trail *t) {
  TW_TRY(views(run, slots, t));
  if (!(*t->newest >= 0 && *t->newest < slots))
    return tw_fail(run->error, TW_ERR_DATA,
                   "method %s: the checkpoint names an iterate that it does not hold", run->method->name);
  run->x = tw_trail_x(t, 0);
  return TW_OK;
}

int tw_trail_slot(const tw_trail *t, int age) {
  return ((int)*t->newest - age + t->slots) % t->slots;
}
double *tw_trail_x(const tw_trail *t, int age) {
  return t->x + tw_trail_slot(t, age) * t->stride;
}
double *tw_trail_g(const tw_trail *t, int age) {
  return t->g + tw_trail_slot(t, age) * t->stride;
}

void tw_trail_advance(tw_trail *t) {
  *t->newest = tw_trail_slot(t, -1);
  t->run->x = tw_trail_x(t, 0);
}
