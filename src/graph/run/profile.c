/* Profiles: rows by function and step, and the events of a trace. */
#include "graph/run/profile.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES 262144.0 /* of a call that a second-level cache holds */
enum { EVENTS = 200000 }; /* of a trace; later ones are counted in the rows alone */

typedef struct row {
  tw_profile_row shown;
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

/* Rows of equal name and depth are one: functions made again and again (inner problems) do not fill the table. */
static int32_t find_row(tw_profile *p, const tw_profile_row *shown) {
  for (size_t k = 0; k < p->n_rows; k++)
    if (p->row[k].shown.depth == shown->depth && strcmp(p->row[k].shown.name, shown->name) == 0) return (int32_t)k;
  row *grown = tw_grow(p->row, &p->row_capacity, p->n_rows + 1, sizeof *grown);
  if (!grown) return -1;
  p->row = grown;
  grown[p->n_rows] = (row){.shown = *shown};
  return (int32_t)p->n_rows++;
}

int32_t tw_profile_row_of(tw_profile *p, const tw_fn *fn, int step, int depth) {
  tw_profile_row shown = {.depth = depth, .single = tw_dtype_of(fn->step[step].node) == TW_F32};
  tw_step_name(&fn->step[step], shown.name, sizeof shown.name);
  snprintf(shown.kind, sizeof shown.kind, "%s", tw_op_kind_name(tw_step_kind(&fn->step[step])));
  pthread_mutex_lock(&p->lock);
  const int32_t at = find_row(p, &shown);
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
  if (bytes <= CACHE_BYTES) shown->cached += bytes;
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
  const tw_profile_row *a = a_, *b = b_;
  if (a->seconds != b->seconds) return a->seconds > b->seconds ? -1 : 1;
  return strcmp(a->name, b->name);
}

int tw_profile_rows(const tw_profile *p, int most, tw_profile_row *rows) {
  if (!p) return 0;
  tw_profile_row *all = malloc((p->n_rows + 1) * sizeof *all);
  for (size_t k = 0; all && k < p->n_rows; k++) all[k] = p->row[k].shown;
  if (all) qsort(all, p->n_rows, sizeof *all, by_seconds);
  for (int k = 0; all && k < most && (size_t)k < p->n_rows; k++) rows[k] = all[k];
  free(all);
  return all ? (int)p->n_rows : 0;
}

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

void tw_profile_trace(const tw_profile *p, const tw_machine *machine, tw_text *json) {
  if (!p || !machine || !json) return;
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
  tw_text_puts(json, "]}}\n");
}
