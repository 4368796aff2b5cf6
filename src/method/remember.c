/* The memory of nested problems in checkpoints: their last solutions, from which the next evaluation starts.
 */
#include "method/driver.h"

static void count(void *context, double *data, int64_t n) {
  int64_t *total = context;
  (void)data;
  if (n > 0) *total += n;
}

/* The first number says which functions are open. */
bool tw_driver_remembers(const tw_driver *d) {
  const tw_oracle *o = d->run.oracle;
  int64_t total = 0;
  if (o == NULL || o->memory == NULL) return false;
  o->memory(o->context, count, &total);
  return total > 1;
}

static void pack(void *context, double *data, int64_t n) {
  tw_packer *p = context;
  if (n < 0)
    p->failed = true;
  else
    tw_pack_vector(p, data, n);
}

void tw_driver_pack_memory(const tw_driver *d, tw_packer *p) {
  const tw_oracle *o = d->run.oracle;
  if (o != NULL && o->memory != NULL) o->memory(o->context, pack, p);
  tw_pack_i64(p, -1);
}

static void close_all(void *context, double *data, int64_t n) {
  (void)context;
  if (n == 1) *data = 0;
}

typedef struct reader {
  tw_unpacker *u;
  bool unmade;
} reader;

static void unpack(void *context, double *data, int64_t n) {
  reader *r = context;
  if (n < 0)
    r->unmade = true;
  else if (!r->u->failed)
    tw_unpack_vector(r->u, data, n);
}

tw_status tw_driver_unpack_memory(tw_driver *d, tw_unpacker *u, tw_error *error) {
  const tw_oracle *o = d->run.oracle;
  reader r = {.u = u};
  if (o->memory != NULL) {
    o->memory(o->context, close_all, NULL);
    o->memory(o->context, unpack, &r);
  }
  if (r.unmade) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the state of nested problems");
  if (!u->failed && tw_unpack_i64(u) == -1 && !u->failed) return TW_OK;
  return tw_fail(error, TW_ERR_PARSE, "the checkpoint's nested problems are not those of this problem");
}
