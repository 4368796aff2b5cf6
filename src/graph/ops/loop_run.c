/* Running loops: the body, batched over a tile of iterations, is evaluated tile by tile. Tiles are shared out to
 * threads in waves; their results are combined in tile order, so the bits do not depend on the number of threads. */
#include "graph/ops/loop.h"
#include "graph/plan/planner.h"

#include <stdlib.h>
#include <string.h>

enum {
  TILE = 1024,          /* iterations at most */
  TILE_LEAST = 8,
  TILE_BYTES = 1 << 18, /* of buffers a tile should stay within: half of a common L2 cache */
  WORKERS = 16,
  WAVE = 4 /* tiles per worker between two combinations */
};

typedef struct prepared {
  tw_expr node;
  const tw_loop_attr *attr;
  unsigned mode;
  tw_fn *fn;
  int64_t tile; /* iterations; 1 with an unbatched body when `sequential` */
  bool sequential;
  int workers;
  int64_t *slope;        /* per body output: of an index that steps evenly, whose first value alone is computed; -1: none */
  size_t *region_offset; /* of every body output in a tile's region */
  size_t region_bytes;
  int64_t sums; /* elements of all SUM results */
} prepared;

typedef struct state {
  const prepared *p;
  tw_work **work;    /* per worker */
  int64_t *k;        /* per worker: the tile's first iteration */
  const void **in;   /* per worker: captured, then k */
  void **out;        /* per worker: body outputs */
  bool *fresh;       /* per worker: captured values not seen in this call */
  char *region;      /* per tile of a wave */
  tw_status *status; /* per tile of a wave */
  tw_error *error;   /* per tile of a wave */
  double *compensation; /* of the SUM results */
} state;

/* ------------------------------------------------------------------ prepare: once per function */

/* Whether every op that depends on k can be batched without becoming a loop itself. */
static bool batches(const tw_body *body) {
  tw_graph *graph = body->params[0].graph;
  int32_t *order, count;
  if (!tw_walk(graph, body->n_outputs, body->outputs, &order, &count)) return false;
  bool *depends = tw_walk_depends(graph, order, count, 1, body->params);
  bool all = depends != NULL;
  for (int32_t i = 0; i < count && all; i++) {
    const tw_op *op = tw_node_at(graph, order[i])->op;
    if (depends[order[i]] && order[i] != body->params[0].id)
      all = (op->batch || (op->flags & TW_OP_ELEMENTWISE)) && !(op->flags & TW_OP_IMPURE);
  }
  free(depends);
  free(order);
  return all;
}

/* An index of a scattered value that is affine in the iteration, as in g[k+1] += ..: what is left to compute is its value at
 * the tile's first iteration. */
static void take_slopes(prepared *p, tw_expr *out) {
  for (int i = 0; i < p->attr->n_results; i++) {
    const tw_loop_result *result = &p->attr->result[i];
    for (int64_t d = 1; d <= result->n_index && result->kind == TW_LOOP_SCATTER; d++) {
      tw_expr *index = &out[result->first + d];
      tw_affine a;
      if (tw_is_none(*index) || tw_size_of(*index) != p->tile || !tw_affine_of(index->graph, index->id, p->tile, &a) || a.slope < 0)
        continue;
      tw_expr first = tw_integer(index->graph, a.constant);
      for (int t = 0; t < a.n; t++)
        first = tw_add(first, tw_mul(tw_at(index->graph, a.scalar[t]), tw_integer(index->graph, a.coefficient[t])));
      *index = tw_reshape(first, TW_SCALAR);
      p->slope[result->first + d] = a.slope;
    }
  }
}

/* Compiles the body for tiles of p->tile iterations: (captured.. at level 0, first iteration at level 1) -> outputs. */
static tw_status compile(prepared *p, tw_error *error) {
  const tw_body *body = p->attr->body;
  tw_graph *graph = p->node.graph;
  int n = body->n_params, m = body->n_outputs;
  tw_expr *in = calloc((size_t)n, sizeof *in), *out = calloc((size_t)m, sizeof *out);
  int *levels = calloc((size_t)n, sizeof *levels);
  tw_status status = TW_ERR_MEMORY;
  if (!in || !out || !levels) {
    tw_fail(error, status, "loop: out of memory");
  } else {
    for (int j = 1; j < n; j++) in[j - 1] = body->params[j];
    in[n - 1] = body->params[0];
    levels[n - 1] = 1;
    for (int i = 0; i < m; i++) p->slope[i] = -1;
    status = TW_OK;
    if (p->sequential) {
      memcpy(out, body->outputs, (size_t)m * sizeof *out);
    } else {
      tw_expr k = tw_add(body->params[0], tw_iota(graph, TW_I64, p->tile));
      status = tw_batch(m, body->outputs, 1, body->params, &k, p->tile, out);
      if (status == TW_OK) take_slopes(p, out);
    }
    if (status == TW_OK) status = graph->status;
    if (status != TW_OK) status = tw_graph_check(graph, error);
    tw_fn_free(p->fn);
    p->fn = NULL;
    tw_fn_options options = {.levels = levels, .mode = p->mode | TW_MODE_SERIAL};
    if (status == TW_OK) status = tw_fn_new(&p->fn, n, in, m, out, &options, error);
  }
  free(in);
  free(out);
  free(levels);
  return status;
}

static tw_status lay_out(prepared *p, tw_error *error) {
  const tw_body *body = p->attr->body;
  p->region_offset = calloc((size_t)body->n_outputs, sizeof *p->region_offset);
  if (!p->region_offset) return tw_fail(error, TW_ERR_MEMORY, "loop: out of memory");
  for (int i = 0; i < body->n_outputs; i++) {
    p->region_offset[i] = p->region_bytes;
    size_t bytes = (size_t)tw_size_of(body->outputs[i]) * tw_dtype_get(tw_dtype_of(body->outputs[i]))->size;
    p->region_bytes += ((size_t)p->tile * bytes + TW_ALIGN - 1) / TW_ALIGN * TW_ALIGN;
  }
  for (int i = 0; i < p->attr->n_results; i++)
    if (p->attr->result[i].kind == TW_LOOP_SUM) p->sums += tw_size_of(body->outputs[p->attr->result[i].first]);
  return TW_OK;
}

tw_status tw_loop_prepare(tw_expr node, unsigned mode, void **out, tw_error *error) {
  prepared *p = calloc(1, sizeof *p);
  if (!p) return tw_fail(error, TW_ERR_MEMORY, "loop: out of memory");
  *p = (prepared){.node = node, .attr = tw_attr_of(node), .mode = mode};
  *out = p;
  p->sequential = !batches(p->attr->body);
  p->tile = p->sequential ? 1 : p->attr->n < TILE ? p->attr->n : TILE;
  p->slope = calloc((size_t)p->attr->body->n_outputs, sizeof *p->slope);
  tw_status status = p->slope ? compile(p, error) : tw_fail(error, TW_ERR_MEMORY, "loop: out of memory");
  while (status == TW_OK && p->tile > TILE_LEAST && tw_fn_work_bytes(p->fn) > 2 * TILE_BYTES) {
    double shrink = (double)TILE_BYTES / (double)tw_fn_work_bytes(p->fn);
    int64_t tile = p->tile / 2;
    while (tile > TILE_LEAST && (double)tile > shrink * (double)p->tile) tile /= 2;
    p->tile = tile < TILE_LEAST ? TILE_LEAST : tile;
    status = compile(p, error);
  }
  int64_t tiles = (p->attr->n + p->tile - 1) / p->tile;
  int cores = tw_cores();
  p->workers = mode & TW_MODE_SERIAL || p->sequential ? 1 : (int)(tiles < cores ? tiles : cores);
  if (p->workers > WORKERS) p->workers = WORKERS;
  if (status == TW_OK) status = lay_out(p, error);
  if (status != TW_OK) {
    tw_loop_release(p);
    *out = NULL;
  }
  return status;
}

void tw_loop_release(void *prepared_) {
  prepared *p = prepared_;
  if (!p) return;
  tw_fn_free(p->fn);
  free(p->slope);
  free(p->region_offset);
  free(p);
}

/* ------------------------------------------------------------------ state: once per workspace */

static int64_t wave_of(const prepared *p) { return p->workers > 1 ? (int64_t)p->workers * WAVE : 1; }

tw_status tw_loop_open(tw_expr node, void *prepared_, void **out, tw_error *error) {
  const prepared *p = prepared_;
  (void)node;
  state *s = calloc(1, sizeof *s);
  *out = s;
  if (!s) return tw_fail(error, TW_ERR_MEMORY, "loop: out of memory");
  size_t w = (size_t)p->workers, wave = (size_t)wave_of(p);
  size_t n = (size_t)p->attr->body->n_params, m = (size_t)p->attr->body->n_outputs;
  s->p = p;
  s->work = calloc(w, sizeof(tw_work *));
  s->k = tw_alloc(w, sizeof *s->k);
  s->in = calloc(w * n, sizeof(void *));
  s->out = calloc(w * m + 1, sizeof(void *));
  s->fresh = calloc(w, sizeof *s->fresh);
  s->region = tw_alloc(wave, p->region_bytes + 1);
  s->status = calloc(wave, sizeof *s->status);
  s->error = calloc(wave, sizeof *s->error);
  s->compensation = calloc((size_t)p->sums + 1, sizeof *s->compensation);
  tw_status status = TW_OK;
  if (!s->work || !s->k || !s->in || !s->out || !s->fresh || !s->region || !s->status || !s->error || !s->compensation)
    status = tw_fail(error, TW_ERR_MEMORY, "loop: out of memory");
  for (size_t i = 0; i < w && status == TW_OK; i++) status = tw_work_new(&s->work[i], p->fn, error);
  if (status != TW_OK) {
    tw_loop_close(s);
    *out = NULL;
  }
  return status;
}

void tw_loop_close(void *state_) {
  state *s = state_;
  if (!s) return;
  for (int i = 0; s->work && i < s->p->workers; i++) tw_work_free(s->work[i]);
  free(s->work);
  free(s->k);
  free(s->in);
  free(s->out);
  free(s->fresh);
  free(s->region);
  free(s->status);
  free(s->error);
  free(s->compensation);
  free(s);
}

void tw_loop_visit(void *state_, tw_state_visitor *visitor, void *context) {
  state *s = state_;
  for (int i = 0; i < s->p->workers; i++) tw_work_visit(s->work[i], visitor, context);
}

void tw_loop_memory(void *state_, tw_memory_visitor *visitor, void *context) {
  state *s = state_;
  for (int i = 0; i < s->p->workers; i++) tw_work_memory(s->work[i], visitor, context);
}

/* ------------------------------------------------------------------ one tile */

typedef struct wave {
  const tw_call *call;
  state *s;
  int64_t first; /* tile */
} wave;

static char *output_of(const state *s, int64_t slot, int64_t output) {
  return s->region + (size_t)slot * s->p->region_bytes + s->p->region_offset[output];
}

static int64_t rows_of(const prepared *p, int64_t tile) {
  int64_t left = p->attr->n - tile * p->tile;
  return left < p->tile ? left : p->tile;
}

/* The last tile ends with the last iteration: what it does again of the tile before is skipped. */
static int64_t skip_of(const prepared *p, int64_t tile) { return p->tile - rows_of(p, tile); }

/* Row 0 becomes the sum of the rows. */
#define SUM_ROWS(T)                                                                                                    \
  static void sum_rows_##T(T *x, int64_t rows, int64_t size) {                                                         \
    for (int64_t r = 1; r < rows; r++)                                                                                 \
      for (int64_t i = 0; i < size; i++) x[i] += x[r * size + i];                                                      \
  }
SUM_ROWS(double)
SUM_ROWS(float)
SUM_ROWS(int64_t)

static void sum_rows(void *x, tw_dtype dtype, int64_t rows, int64_t size) {
  if (dtype == TW_F64 && size == 1) {
    double *v = x;
    v[0] = tw_vec_sum(v, (size_t)rows);
  } else if (dtype == TW_F64)
    sum_rows_double(x, rows, size);
  else if (dtype == TW_F32)
    sum_rows_float(x, rows, size);
  else
    sum_rows_int64_t(x, rows, size);
}

static void run_tile(void *context, int64_t slot, int worker) {
  const wave *w = context;
  state *s = w->s;
  const prepared *p = s->p;
  const tw_body *body = p->attr->body;
  int64_t tile = w->first + slot, rows = rows_of(p, tile), skip = skip_of(p, tile), *k = s->k + worker;
  const void **in = s->in + (size_t)worker * (size_t)body->n_params;
  void **out = s->out + (size_t)worker * (size_t)body->n_outputs;
  *k = tile * p->tile - skip;
  for (int i = 0; i < body->n_outputs; i++) out[i] = output_of(s, slot, i);
  int level = s->fresh[worker] ? 0 : 1;
  if (level == 0) {
    for (int j = 1; j < body->n_params; j++) in[j - 1] = w->call->in[j - 1];
    in[body->n_params - 1] = k;
    tw_exec exec = *w->call->exec;
    exec.threads = 1;
    tw_work_exec(s->work[worker], &exec);
  }
  s->status[slot] = tw_fn_call(p->fn, s->work[worker], in, out, level, &s->error[slot]);
  if (s->status[slot] != TW_OK) return;
  s->fresh[worker] = false;
  for (int i = 0; i < p->attr->n_results; i++) {
    const tw_loop_result *result = &p->attr->result[i];
    int64_t size = tw_size_of(body->outputs[result->first]);
    tw_dtype dtype = (tw_dtype)p->attr->dtype;
    size_t bytes = (size_t)size * tw_dtype_get(dtype)->size;
    char *first = (char *)out[result->first] + (size_t)skip * bytes;
    if (result->kind == TW_LOOP_SUM) {
      sum_rows(first, dtype, rows, size);
      if (skip) memmove(out[result->first], first, bytes);
    }
    if (result->kind == TW_LOOP_STACK) {
      char *to = (char *)w->call->out + (size_t)p->attr->target[result->target].offset * tw_dtype_get(dtype)->size;
      memcpy(to + (size_t)(tile * p->tile) * bytes, first, (size_t)rows * bytes);
    }
  }
}

/* ------------------------------------------------------------------ combining tiles, in order */

/* Neumaier's compensated sum; `c` collects what the additions lose. */
#define ADD_COMPENSATED(T)                                                                                             \
  static void add_##T(T *out, double *c, const T *x, int64_t size) {                                                   \
    for (int64_t i = 0; i < size; i++) {                                                                               \
      T a = out[i], b = x[i], t = (T)(a + b);                                                                          \
      c[i] += (a < 0 ? -a : a) >= (b < 0 ? -b : b) ? (double)((a - t) + b) : (double)((b - t) + a);                    \
      out[i] = t;                                                                                                      \
    }                                                                                                                  \
  }
ADD_COMPENSATED(double)
ADD_COMPENSATED(float)

static void add_sum(void *out, double *c, const void *x, tw_dtype dtype, int64_t size) {
  if (dtype == TW_F64)
    add_double(out, c, x, size);
  else if (dtype == TW_F32)
    add_float(out, c, x, size);
  else
    for (int64_t i = 0; i < size; i++) ((int64_t *)out)[i] += ((const int64_t *)x)[i];
}

static void add_rest(void *out, const double *c, tw_dtype dtype, int64_t size) {
  for (int64_t i = 0; i < size; i++) {
    if (c[i] == 0 || c[i] != c[i]) continue; /* NaN: an infinite sum needs no correction */
    if (dtype == TW_F64) ((double *)out)[i] += c[i];
    if (dtype == TW_F32) ((float *)out)[i] = (float)((double)((float *)out)[i] + c[i]);
  }
}

/* to[(at + slope e) tail ..] += value[e, ..] for e < n, at and slope in slots of `tail` elements. */
#define ADD_STEPS(T)                                                                                                   \
  static void add_steps_##T(T *to, int64_t at, int64_t slope, int64_t tail, const T *value, int64_t n) {               \
    to += at * tail;                                                                                                   \
    if (tail == 1 && slope == 1)                                                                                       \
      for (int64_t e = 0; e < n; e++) to[e] += value[e];                                                               \
    else if (tail == 1)                                                                                                \
      for (int64_t e = 0; e < n; e++) to[slope * e] += value[e];                                                       \
    else                                                                                                               \
      for (int64_t e = 0; e < n; e++)                                                                                  \
        for (int64_t i = 0; i < tail; i++) to[slope * e * tail + i] += value[e * tail + i];                            \
  }
ADD_STEPS(double)
ADD_STEPS(float)

/* One tile's values and where they go. */
typedef struct scattering {
  const tw_call *call;
  const state *s;
  const tw_loop_result *result;
  const tw_loop_target *target;
  const char *value;
  const int64_t *index[TW_MAX_RANK]; /* per indexed axis: at every entry, or the first when it steps evenly */
  int64_t points, tail;
} scattering;

static tw_status outside(const scattering *c, int64_t index, int d) {
  return tw_fail(c->call->error, TW_ERR_RANGE, "loop: index %lld is outside 0..%lld of axis %d", (long long)index,
                 (long long)c->target->shape.dim[d] - 1, d);
}

/* All indices step evenly: false in *done when one does not. */
static tw_status scatter_steps(const scattering *c, bool *done) {
  const tw_loop_attr *attr = c->s->p->attr;
  int64_t at = 0, slope = 0;
  *done = true;
  for (int d = 0; d < c->result->n_index; d++) {
    const int64_t step = c->s->p->slope[c->result->first + 1 + d], extent = c->target->shape.dim[d];
    if (step < 0) *done = false;
    if (!*done) return TW_OK;
    const int64_t low = *c->index[d], high = low + step * (c->points - 1);
    if (low < 0 || low >= extent) return outside(c, low, d);
    if (high >= extent) return outside(c, high, d);
    at = at * extent + low;
    slope = slope * extent + step;
  }
  if (attr->dtype == TW_F64)
    add_steps_double((double *)c->call->out + c->target->offset, at, slope, c->tail, (const void *)c->value, c->points);
  else
    add_steps_float((float *)c->call->out + c->target->offset, at, slope, c->tail, (const void *)c->value, c->points);
  return TW_OK;
}

static tw_status scatter_entries(const scattering *c) {
  const tw_loop_attr *attr = c->s->p->attr;
  const int64_t *step = c->s->p->slope + c->result->first + 1;
  for (int64_t e = 0; e < c->points; e++) {
    int64_t at = 0;
    for (int d = 0; d < c->result->n_index; d++) {
      int64_t i = step[d] < 0 ? c->index[d][e] : *c->index[d] + step[d] * e, extent = c->target->shape.dim[d];
      if (i < 0 || i >= extent) return outside(c, i, d);
      at = at * extent + i;
    }
    if (attr->dtype == TW_F64)
      add_steps_double((double *)c->call->out + c->target->offset, at, 0, c->tail, (const double *)(const void *)c->value + e * c->tail, 1);
    else
      add_steps_float((float *)c->call->out + c->target->offset, at, 0, c->tail, (const float *)(const void *)c->value + e * c->tail, 1);
  }
  return TW_OK;
}

/* target[index.., :] += value for the entries of one tile. */
static tw_status scatter(const tw_call *call, const state *s, int64_t slot, const tw_loop_result *result, int64_t tile) {
  const prepared *p = s->p;
  const tw_expr *outputs = p->attr->body->outputs + result->first;
  const int64_t each = tw_size_of(outputs[1]), skip = skip_of(p, tile);
  scattering c = {.call = call, .s = s, .result = result, .target = &p->attr->target[result->target], .tail = 1};
  c.points = rows_of(p, tile) * each;
  for (int d = (int)result->n_index; d < c.target->shape.rank; d++) c.tail *= c.target->shape.dim[d];
  c.value = output_of(s, slot, result->first) + (size_t)(skip * each * c.tail) * tw_dtype_get((tw_dtype)p->attr->dtype)->size;
  int64_t start[TW_MAX_RANK];
  for (int d = 0; d < result->n_index; d++) {
    const int64_t *index = (const void *)output_of(s, slot, result->first + 1 + d), step = p->slope[result->first + 1 + d];
    start[d] = *index + (step > 0 ? step * skip : 0);
    c.index[d] = step < 0 ? index + skip * each : &start[d];
  }
  bool done;
  tw_status status = scatter_steps(&c, &done);
  return status != TW_OK || done ? status : scatter_entries(&c);
}

static tw_status combine(const tw_call *call, state *s, int64_t slot, int64_t tile) {
  const tw_loop_attr *attr = s->p->attr;
  tw_dtype dtype = (tw_dtype)attr->dtype;
  size_t element = tw_dtype_get(dtype)->size;
  double *c = s->compensation;
  for (int i = 0; i < attr->n_results; i++) {
    const tw_loop_result *result = &attr->result[i];
    if (result->kind == TW_LOOP_SUM) {
      int64_t size = tw_size_of(attr->body->outputs[result->first]);
      add_sum((char *)call->out + (size_t)attr->target[result->target].offset * element, c,
              output_of(s, slot, result->first), dtype, size);
      c += size;
    } else if (result->kind == TW_LOOP_SCATTER) {
      tw_status status = scatter(call, s, slot, result, tile);
      if (status != TW_OK) return status;
    }
  }
  return TW_OK;
}

static void finish_sums(const tw_call *call, const state *s) {
  const tw_loop_attr *attr = s->p->attr;
  const double *c = s->compensation;
  for (int i = 0; i < attr->n_results; i++) {
    const tw_loop_result *result = &attr->result[i];
    if (result->kind != TW_LOOP_SUM) continue;
    int64_t size = tw_size_of(attr->body->outputs[result->first]);
    add_rest((char *)call->out + (size_t)attr->target[result->target].offset * tw_dtype_get((tw_dtype)attr->dtype)->size,
             c, (tw_dtype)attr->dtype, size);
    c += size;
  }
}

tw_status tw_loop_kernel(const tw_call *call) {
  state *s = call->state;
  const prepared *p = s->p;
  int64_t tiles = (p->attr->n + p->tile - 1) / p->tile, step = wave_of(p);
  memset(call->out, 0, (size_t)p->attr->size * tw_dtype_get((tw_dtype)p->attr->dtype)->size);
  memset(s->compensation, 0, (size_t)p->sums * sizeof *s->compensation);
  for (int i = 0; i < p->workers; i++) s->fresh[i] = true;
  int threads = call->exec->threads > 0 && call->exec->threads < p->workers ? call->exec->threads : p->workers;
  for (int64_t first = 0; first < tiles; first += step) {
    if (call->exec->stop && *call->exec->stop) return tw_fail(call->error, TW_ERR_INTERRUPT, "loop: interrupted");
    int64_t count = tiles - first < step ? tiles - first : step;
    wave w = {call, s, first};
    tw_parallel(threads, count, run_tile, &w);
    for (int64_t slot = 0; slot < count; slot++) {
      if (s->status[slot] != TW_OK) return tw_fail(call->error, s->status[slot], "%s", s->error[slot].message);
      tw_status status = combine(call, s, slot, first + slot);
      if (status != TW_OK) return status;
    }
  }
  finish_sums(call, s);
  return TW_OK;
}
