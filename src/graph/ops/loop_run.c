/* Running loops: the body, batched over a tile of iterations, is evaluated tile by tile. Tiles are shared out to
 * threads in waves; their results are combined in tile order, so the bits do not depend on the number of threads. */
#include "graph/ops/loop.h"
#include "graph/plan/planner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  TILE = 1024,          /* iterations at most */
  TILE_LEAST = 8,
  TILE_BYTES = 1 << 18, /* of buffers a tile should stay within: half of a common L2 cache */
  WORKERS = 16,
  WAVE = 8 /* tiles per worker between two combinations, at least */
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
  double work; /* of a tile, in the units of TW_PARALLEL_WORK */
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
  p->region_bytes = tw_loop_layout(body, p->tile, p->region_offset);
  p->sums = tw_loop_sums(p->attr);
  return TW_OK;
}

/* Element operations of a tile: four flops each, as of a pass, and what it writes. An op that does not tell may cost anything. */
static double work_of(const prepared *p) {
  const double flops = tw_fn_flops(p->fn), written = (double)p->region_bytes / sizeof(double);
  for (int i = 0; i < p->fn->n_steps; i++)
    if (!p->fn->step[i].pass && !tw_op_of(p->fn->step[i].node)->flops) return TW_PARALLEL_WORK;
  return flops / 4 > written ? flops / 4 : written;
}

static void choose_workers(prepared *p) {
  const int64_t tiles = (p->attr->n + p->tile - 1) / p->tile;
  const int cores = tw_cores();
  p->work = work_of(p);
  const bool serial = p->mode & TW_MODE_SERIAL || p->sequential || (double)tiles * p->work < TW_PARALLEL_WORK;
  p->workers = serial ? 1 : (int)(tiles < cores ? tiles : cores);
  if (p->workers > WORKERS) p->workers = WORKERS;
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
  if (status == TW_OK) status = lay_out(p, error);
  if (status == TW_OK) choose_workers(p);
  if (status != TW_OK) {
    tw_loop_release(p);
    *out = NULL;
  }
  return status;
}

const tw_fn *tw_loop_function(const void *prepared_, int i) {
  const prepared *p = prepared_;
  return i == 0 ? p->fn : NULL;
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

/* Tiles between two combinations: so many that threads pay. */
static int64_t wave_of(const prepared *p) {
  if (p->workers == 1) return 1;
  const int64_t least = (int64_t)p->workers * WAVE, tiles = (p->attr->n + p->tile - 1) / p->tile;
  const double enough = ceil(TW_PARALLEL_WORK / p->work);
  return (double)least >= enough ? least : enough < (double)tiles ? (int64_t)enough : tiles;
}

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
    tw_exec exec = tw_exec_inside(w->call->exec);
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
      memcpy(tw_loop_place(p->attr, result->target, w->call->out) + (size_t)(tile * p->tile) * bytes, first, (size_t)rows * bytes);
    }
  }
}

/* ------------------------------------------------------------------ the kernel: tiles combined in order */

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
    tw_parallel((double)count * p->work < TW_PARALLEL_WORK ? 1 : threads, count, run_tile, &w);
    for (int64_t slot = 0; slot < count; slot++) {
      if (s->status[slot] != TW_OK) return tw_fail(call->error, s->status[slot], "%s", s->error[slot].message);
      const tw_loop_rows rows = {rows_of(p, first + slot), skip_of(p, first + slot), p->slope};
      tw_status status = tw_loop_combine(p->attr, call->out, s->compensation, s->region + (size_t)slot * p->region_bytes, p->region_offset,
                                         &rows, call->error);
      if (status != TW_OK) return tw_error_prefix(call->error, "loop");
    }
  }
  tw_loop_finish(p->attr, call->out, s->compensation);
  return TW_OK;
}
