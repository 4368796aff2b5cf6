/* Running oneDNN's convolution: what a workspace keeps for it, and its tasks. */
#ifdef TALWEG_DNNL
#include "graph/ops/conv_dnnl.h"

#include <stdlib.h>
#include <string.h>

/* Memory objects of one worker. */
typedef struct worker {
  dnnl_stream_t stream;
  dnnl_memory_t theirs[ROLES], own[ROLES], pad[PRIMITIVES];
  dnnl_memory_t more; /* role W: the sum over one more tile */
  dnnl_status_t status;
} worker;

typedef struct runner {
  const tw_conv_dnnl *d;
  int workers;
  worker *worker;
  dnnl_memory_t *weights; /* of each block, in the library's layout */
  char *memory;
  size_t used;
  void *role[ROLES]; /* of the call */
  void *partial;
} runner;

/* ------------------------------------------------------------------ once per workspace */

static size_t bytes_of(const dnnl_memory_desc_t *desc) {
  return (dnnl_memory_desc_get_size(desc) + 63) / 64 * 64;
}

static bool sums(const tw_conv_dnnl *d) {
  return d->s.role == TW_CONV_W;
}

/* Weights are reordered once per call, not by every worker. */
static bool shares(const tw_conv_dnnl *d) {
  return !sums(d) && d->primitive[TW_CONV_W];
}

static size_t worker_bytes(const tw_conv_dnnl *d) {
  size_t bytes = sums(d) ? bytes_of(&d->own[TW_CONV_W]) : 0;
  for (int i = 0; i < PRIMITIVES; i++) {
    bytes += bytes_of(&d->pad[i]);
    if (i < ROLES && d->primitive[i] && !(i == TW_CONV_W && shares(d))) bytes += bytes_of(&d->own[i]);
  }
  return bytes;
}

/* A memory object over the next bytes of the state's memory. */
static bool place(runner *s, const dnnl_memory_desc_t *desc, dnnl_memory_t *out) {
  void *at = s->memory + s->used;
  s->used += bytes_of(desc);
  return dnnl_memory_create(out, desc, s->d->engine, at) == dnnl_success;
}

static bool open_worker(runner *s, worker *w) {
  const tw_conv_dnnl *d = s->d;
  bool made = dnnl_stream_create(&w->stream, d->engine, dnnl_stream_default_flags) == dnnl_success;
  for (int i = 0; i < PRIMITIVES && made; i++) {
    if (dnnl_memory_desc_get_size(&d->pad[i]) > 0) made = place(s, &d->pad[i], &w->pad[i]);
    if (i == ROLES || !made) continue;
    made = dnnl_memory_create(&w->theirs[i], &d->theirs[i], d->engine, DNNL_MEMORY_NONE) == dnnl_success;
    if (made && d->primitive[i] && !(i == TW_CONV_W && shares(d))) made = place(s, &d->own[i], &w->own[i]);
  }
  return made && (!sums(d) || place(s, &d->own[TW_CONV_W], &w->more));
}

static void open_alone(void *context) {
  runner **out = context, *s = *out;
  const tw_conv_dnnl *d = s->d;
  bool made = true;
  for (int64_t b = 0; s->weights && b < d->blocks && made; b++)
    made = place(s, &d->own[TW_CONV_W], &s->weights[b]);
  for (int i = 0; i < s->workers && made; i++) made = open_worker(s, &s->worker[i]);
  if (made) return;
  tw_conv_dnnl_close(s);
  *out = NULL;
}

void *tw_conv_dnnl_open(const void *made, int workers) {
  const tw_conv_dnnl *d = made;
  runner *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  const size_t shared = shares(d) ? (size_t)d->blocks * bytes_of(&d->own[TW_CONV_W]) : 0;
  s->d = d;
  s->workers = workers;
  s->worker = calloc((size_t)workers, sizeof *s->worker);
  s->weights = shared ? calloc((size_t)d->blocks, sizeof(dnnl_memory_t)) : NULL;
  s->memory = tw_alloc(shared + (size_t)workers * worker_bytes(d) + 1, 1);
  if (!s->worker || !s->memory || (shared && !s->weights)) {
    tw_conv_dnnl_close(s);
    return NULL;
  }
  tw_alone(open_alone, &s);
  return s;
}

static void destroy(dnnl_memory_t memory) {
  if (memory) dnnl_memory_destroy(memory);
}

void tw_conv_dnnl_close(void *state) {
  runner *s = state;
  if (!s) return;
  for (int i = 0; s->worker && i < s->workers; i++) {
    worker *w = &s->worker[i];
    for (int k = 0; k < PRIMITIVES; k++) destroy(w->pad[k]);
    for (int k = 0; k < ROLES; k++) destroy(w->theirs[k]), destroy(w->own[k]);
    destroy(w->more);
    if (w->stream) dnnl_stream_destroy(w->stream);
  }
  for (int64_t b = 0; s->weights && b < s->d->blocks; b++) destroy(s->weights[b]);
  free(s->worker);
  free(s->weights);
  free(s->memory);
  free(s);
}

/* ------------------------------------------------------------------ runs */

/* The first failure of a worker stays. */
static void note(worker *w, dnnl_status_t status) {
  if (w->status == dnnl_success) w->status = status;
}

static void execute(const tw_conv_dnnl *d, worker *w, int at, int n, const dnnl_exec_arg_t *arguments) {
  dnnl_exec_arg_t all[ROLES + 1];
  memcpy(all, arguments, (size_t)n * sizeof *all);
  if (w->pad[at]) all[n++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, w->pad[at]};
  note(w, dnnl_primitive_execute(d->primitive[at], w->stream, n, all));
}

static void reorder(const tw_conv_dnnl *d, worker *w, int role, dnnl_memory_t from, dnnl_memory_t to) {
  execute(d, w, role, 2, (dnnl_exec_arg_t[]){{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

/* The array of `role` from element `at` on, where the convolution takes it from or leaves it. */
static dnnl_memory_t array(const tw_conv_dnnl *d, worker *w, int role, void *data, int64_t at) {
  note(w, dnnl_memory_set_data_handle(w->theirs[role], (float *)data + at));
  if (!d->primitive[role]) return w->theirs[role];
  if (role != (int)d->s.role) reorder(d, w, role, w->theirs[role], w->own[role]);
  return w->own[role];
}

static void convolve(const tw_conv_dnnl *d, worker *w, const dnnl_memory_t memory[ROLES]) {
  static const int given[ROLES] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
  static const int wanted[ROLES] = {DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST};
  const bool backward = d->s.role != TW_CONV_Y;
  dnnl_exec_arg_t arguments[ROLES];
  for (int i = 0; i < ROLES; i++) {
    const bool differs = backward && (i == (int)d->s.role || i == TW_CONV_Y);
    arguments[i] = (dnnl_exec_arg_t){differs ? wanted[i] : given[i], memory[i]};
  }
  execute(d, w, ROLES, ROLES, arguments);
}

static int64_t first_of(const tw_conv_dnnl *d, tw_conv_role role, int64_t tile, int64_t block) {
  const int64_t image = d->s.size[role] / d->s.images;
  return (role == TW_CONV_W ? 0 : tile * d->images * image) + block * d->step[role];
}

/* Roles X and Y: one block of the channels of one tile of images. */
static void tile_task(void *context, int64_t task, int number) {
  runner *s = context;
  const tw_conv_dnnl *d = s->d;
  worker *w = &s->worker[number];
  const int64_t block = task % d->blocks, tile = task / d->blocks;
  const int out = (int)d->s.role;
  dnnl_memory_t memory[ROLES];
  for (int i = 0; i < ROLES; i++)
    memory[i] = i == TW_CONV_W && s->weights
                    ? s->weights[block]
                    : array(d, w, i, s->role[i], first_of(d, (tw_conv_role)i, tile, block));
  convolve(d, w, memory);
  if (d->primitive[out]) reorder(d, w, out, w->own[out], w->theirs[out]);
}

static void add(const tw_conv_dnnl *d, worker *w, dnnl_memory_t to, dnnl_memory_t from) {
  void *x = NULL, *y = NULL;
  note(w, dnnl_memory_get_data_handle(to, &x));
  note(w, dnnl_memory_get_data_handle(from, &y));
  if (w->status != dnnl_success) return;
  const size_t n = dnnl_memory_desc_get_size(&d->own[TW_CONV_W]) / sizeof(float);
  for (size_t i = 0; i < n; i++) ((float *)x)[i] += ((const float *)y)[i];
}

/* Role W: one block of output channels, summed over one chunk of tiles. */
static void chunk_task(void *context, int64_t task, int number) {
  runner *s = context;
  const tw_conv_dnnl *d = s->d;
  worker *w = &s->worker[number];
  const int64_t block = task % d->blocks, chunk = task / d->blocks, first = d->tiles * chunk / d->chunks;
  const int64_t size = d->s.size[TW_CONV_W];
  dnnl_memory_t memory[ROLES];
  const dnnl_memory_t sum = array(d, w, TW_CONV_W, s->partial, chunk * size + block * d->step[TW_CONV_W]);
  for (int64_t tile = first; tile < d->tiles * (chunk + 1) / d->chunks; tile++) {
    memory[TW_CONV_X] = array(d, w, TW_CONV_X, s->role[TW_CONV_X], first_of(d, TW_CONV_X, tile, block));
    memory[TW_CONV_Y] = array(d, w, TW_CONV_Y, s->role[TW_CONV_Y], first_of(d, TW_CONV_Y, tile, block));
    memory[TW_CONV_W] = tile == first ? sum : w->more;
    convolve(d, w, memory);
    if (tile > first) add(d, w, sum, w->more);
  }
  if (d->primitive[TW_CONV_W]) reorder(d, w, TW_CONV_W, w->own[TW_CONV_W], w->theirs[TW_CONV_W]);
}

static tw_task *task_of(const tw_conv_dnnl *d) {
  return sums(d) ? chunk_task : tile_task;
}

static void prepare_weights(void *context) {
  runner *s = context;
  const tw_conv_dnnl *d = s->d;
  worker *w = &s->worker[0];
  for (int64_t b = 0; s->weights && b < d->blocks; b++) {
    note(w, dnnl_memory_set_data_handle(w->theirs[TW_CONV_W],
                                        (float *)s->role[TW_CONV_W] + b * d->step[TW_CONV_W]));
    reorder(d, w, TW_CONV_W, w->theirs[TW_CONV_W], s->weights[b]);
  }
}

static void all_tasks(void *context) {
  runner *s = context;
  for (int64_t task = 0; task < tw_conv_dnnl_tasks(s->d); task++) task_of(s->d)(s, task, 0);
}

tw_status tw_conv_dnnl_run(void *state, const tw_call *call, void *const role[ROLES]) {
  runner *s = state;
  const tw_conv_dnnl *d = s->d;
  const int64_t tasks = tw_conv_dnnl_tasks(d);
  const int threads = tw_conv_threads(call, s->workers);
  for (int i = 0; i < ROLES; i++) s->role[i] = role[i];
  s->partial = d->chunks > 1 ? call->scratch : role[TW_CONV_W];
  for (int i = 0; i < s->workers; i++) s->worker[i].status = dnnl_success;
  if (s->weights) tw_alone(prepare_weights, s);
  if (threads == 1 || tasks == 1)
    tw_alone(all_tasks, s);
  else
    tw_parallel(threads, tasks, task_of(d), s);
  if (d->chunks > 1) tw_conv_join(&d->s, d->chunks, s->partial, role[TW_CONV_W], threads);
  for (int i = 0; i < s->workers; i++)
    if (s->worker[i].status != dnnl_success)
      return tw_fail(call->error, TW_ERR_NUMERIC, "%s: oneDNN fails with status %d",
                     tw_op_of(call->node)->name, (int)s->worker[i].status);
  return TW_OK;
}
#else
typedef int tw_no_dnnl_run; /* a translation unit must declare something */
#endif
