/* Profiles: rows by function and step, and the events of a trace. */
#include "graph/run/profile.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS = 200000 }; /* of a trace; later ones are counted in the rows alone */

typedef struct row {
  tw_profile_row shown;
  uint64_t name; /* of the whole of it */
  tw_dtype dtype;
  int place;            /* among steps of its function that are like it */
  double flops, bytes;  /* of a call */
  tw_kind_costs costs;
} row;

typedef struct event {
  int32_t row;
  int thread;
  double start, seconds;
} event;

struct tw_profile {
  pthread_mutex_t lock;
  row *row;
  size_t n_rows, row_capacity;
  event *event;
  size_t n_events, event_capacity, left_out;
  pthread_t thread[64];
  int n_threads;
  double start;
  uint64_t serial;
};

tw_profile *tw_profile_new(void) {
  tw_profile *p = calloc(1, sizeof *p);
  if (p && pthread_mutex_init(&p->lock, NULL) != 0) {
    free(p);
    p = NULL;
  }
  if (p) {
    static _Atomic uint64_t made;
    p->start = tw_now();
    p->serial = ++made;
  }
  return p;
}

uint64_t tw_profile_serial(const tw_profile *p) {
  return p->serial;
}

void tw_profile_free(tw_profile *p) {
  if (!p) return;
  pthread_mutex_destroy(&p->lock);
  free(p->row);
  free(p->event);
  free(p);
}

static bool is_same_row(const row *a, const row *b) {
  return a->shown.depth == b->shown.depth && a->name == b->name && a->dtype == b->dtype && a->place == b->place && a->flops == b->flops &&
         a->bytes == b->bytes && strcmp(a->shown.name, b->shown.name) == 0;
}

/* Functions made again and again (inner problems) do not fill the table: their steps are alike, one by one. */
static int32_t find_row(tw_profile *p, const row *wanted) {
  for (size_t k = 0; k < p->n_rows; k++)
    if (is_same_row(&p->row[k], wanted)) return (int32_t)k;
  row *grown = tw_grow(p->row, &p->row_capacity, p->n_rows + 1, sizeof *grown);
  if (!grown) return -1;
  p->row = grown;
  grown[p->n_rows] = *wanted;
  return (int32_t)p->n_rows++;
}

/* How many steps before this one are of its op, dtype and cost. */
static int place_of(const tw_fn *fn, int step) {
  const tw_step *own = &fn->step[step];
  int place = 0;
  for (int s = 0; s < step; s++) {
    const tw_step *other = &fn->step[s];
    place += !own->pass == !other->pass && tw_op_of(own->node) == tw_op_of(other->node) &&
             tw_dtype_of(own->node) == tw_dtype_of(other->node) && tw_step_flops(own) == tw_step_flops(other) &&
             tw_step_bytes(own) == tw_step_bytes(other);
  }
  return place;
}

static void add_costs(void *context, const tw_cost *cost) {
  tw_kind_costs *costs = context;
  const tw_op_kind kind = tw_op_kind_of(tw_op_of(cost->node));
  costs->flops[kind] += cost->flops;
  costs->bytes[kind] += cost->bytes;
}

/* The step's own kind, or "fused" where several cost something. */
static const char *kind_name(const tw_step *step, const tw_kind_costs *costs) {
  int kinds = 0, last = TW_OP_KIND_ELEMENTWISE;
  for (int k = 0; k < TW_OP_KINDS; k++)
    if (costs->flops[k] > 0 || costs->bytes[k] > 0) kinds++, last = k;
  if (!step->pass) return tw_op_kind_name(tw_op_kind_of(tw_op_of(step->node)));
  return kinds > 1 ? "fused" : tw_op_kind_name((tw_op_kind)last);
}

int32_t tw_profile_row_of(tw_profile *p, const tw_fn *fn, int s, int depth) {
  const tw_step *step = &fn->step[s];
  const tw_dtype dtype = tw_dtype_of(step->node);
  row wanted = {.shown = {.depth = depth, .single = dtype == TW_F32}, .dtype = dtype, .place = place_of(fn, s)};
  char name[1024];
  tw_step_name(step, name, sizeof name);
  tw_step_name(step, wanted.shown.name, sizeof wanted.shown.name);
  wanted.name = tw_hash(name, strlen(name), 0);
  wanted.flops = tw_step_flops(step), wanted.bytes = tw_step_bytes(step);
  if (!tw_step_costs(step, s, add_costs, &wanted.costs)) return -1;
  snprintf(wanted.shown.kind, sizeof wanted.shown.kind, "%s", kind_name(step, &wanted.costs));
  pthread_mutex_lock(&p->lock);
  const int32_t at = find_row(p, &wanted);
  pthread_mutex_unlock(&p->lock);
  return at;
}

static int thread_number(tw_profile *p) {
  const pthread_t self = pthread_self();
  for (int k = 0; k < p->n_threads; k++)
    if (pthread_equal(p->thread[k], self)) return k;
  if (p->n_threads == (int)(sizeof p->thread / sizeof *p->thread)) return p->n_threads;
  p->thread[p->n_threads] = self;
  return p->n_threads++;
}

void tw_profile_add(tw_profile *p, int32_t at, double start, double seconds, double flops, double bytes) {
  pthread_mutex_lock(&p->lock);
  tw_profile_row *shown = &p->row[at].shown;
  shown->calls++;
  shown->seconds += seconds;
  shown->flops += flops;
  shown->bytes += bytes;
  event *grown = p->n_events < EVENTS ? tw_grow(p->event, &p->event_capacity, p->n_events + 1, sizeof *grown) : NULL;
  if (grown) {
    p->event = grown;
    grown[p->n_events++] = (event){at, thread_number(p), start - p->start, seconds};
  } else {
    p->left_out++;
  }
  pthread_mutex_unlock(&p->lock);
}

static int by_seconds(const void *a_, const void *b_) {
  const tw_profile_row *a = &((const row *)a_)->shown, *b = &((const row *)b_)->shown;
  if (a->seconds != b->seconds) return a->seconds > b->seconds ? -1 : 1;
  return strcmp(a->name, b->name);
}

int tw_profile_costs(tw_profile *p, int most, tw_profile_row *rows, tw_kind_costs *costs) {
  if (!p) return 0;
  if (!rows) most = 0;
  pthread_mutex_lock(&p->lock);
  const size_t n = p->n_rows;
  row *all = malloc((n + 1) * sizeof *all);
  if (all && n) memcpy(all, p->row, n * sizeof *all);
  pthread_mutex_unlock(&p->lock);
  if (!all) return 0;
  qsort(all, n, sizeof *all, by_seconds);
  for (int k = 0; k < most && (size_t)k < n; k++) {
    rows[k] = all[k].shown;
    if (costs) costs[k] = all[k].costs;
  }
  free(all);
  return (int)n;
}

int tw_profile_rows(tw_profile *p, int most, tw_profile_row *rows) { return tw_profile_costs(p, most, rows, NULL); }

/* ------------------------------------------------------------------ trace */

static void put_rows(const tw_profile *p, tw_text *json) {
  for (size_t k = 0; k < p->n_rows; k++) {
    const tw_profile_row *r = &p->row[k].shown;
    tw_text_puts(json, k ? ",\n  {\"name\":" : "\n  {\"name\":");
    tw_text_json_string(json, r->name);
    tw_text_puts(json, ",\"kind\":");
    tw_text_json_string(json, r->kind);
    tw_text_printf(json, ",\"depth\":%d,\"calls\":%lld,\"seconds\":", r->depth, (long long)r->calls);
    tw_text_json_number(json, r->seconds);
    tw_text_puts(json, ",\"flops\":");
    tw_text_json_number(json, r->flops);
    tw_text_puts(json, ",\"bytes\":");
    tw_text_json_number(json, r->bytes);
    tw_text_puts(json, "}");
  }
}

void tw_profile_trace(tw_profile *p, const tw_machine *machine, tw_text *json) {
  if (!p || !machine || !json) return;
  pthread_mutex_lock(&p->lock);
  tw_text_puts(json, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
  for (size_t k = 0; k < p->n_events; k++) {
    const event *e = &p->event[k];
    tw_text_puts(json, k ? ",\n{\"name\":" : "\n{\"name\":");
    tw_text_json_string(json, p->row[e->row].shown.name);
    tw_text_puts(json, ",\"cat\":");
    tw_text_json_string(json, p->row[e->row].shown.kind);
    tw_text_printf(json, ",\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f}", e->thread, 1e6 * e->start, 1e6 * e->seconds);
  }
  tw_text_printf(json,
                 "],\n\"otherData\":{\"eventsLeftOut\":%zu,\"machine\":{\"threads\":%d,\"flops\":%.6g,\"flopsSingle\":%.6g,\"bytes\":%.6g,"
                 "\"bytesCached\":%.6g},\"rows\":[",
                 p->left_out, machine->threads, machine->flops, machine->flops_single, machine->rate[TW_MEMORY], machine->rate[TW_CACHE_2]);
  put_rows(p, json);
  pthread_mutex_unlock(&p->lock);
  tw_text_puts(json, "]}}\n");
}
