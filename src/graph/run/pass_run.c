/* Running a pass: tile by tile on threads, block by block through the instructions. An element's value does not depend on the
 * cut, and reductions are combined in the order of blocks, so the bits do not depend on the number of threads. */
#include "graph/plan/pass.h"
#include "graph/ops/index.h"
#include "graph/plan/plan.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct failure { /* an index that is outside its axis */
  int64_t element, index, extent;
  int instr, axis;
} failure;

typedef struct pass_task {
  const tw_pass_call *call;
  atomic_flag busy; /* guards `bad` */
  failure bad;      /* the first in order of elements, then of instructions; element INT64_MAX: none */
} pass_task;

/* Where values are in the block at hand. */
typedef struct block_frame {
  const tw_pass_call *call;
  int64_t low, n; /* its elements */
  char **at;      /* per value */
  int8_t *step;   /* 0: repeats */
  bool ahead;     /* whether the next block is asked for */
} block_frame;

static const int64_t no_row[TW_MAX_RANK];

/* ------------------------------------------------------------------ memory
 *
 * Functions of a mathematical library compute for long and leave memory idle, so the next block is asked for meanwhile. */

enum {
  LINE = 64,
  AHEAD_BYTES = 1 << 22, /* of a pass: what is in a cache needs not be asked for */
  PIECE_BYTES = 512      /* of an operand of such a function, between two requests */
};

/* Asks for the lines between two places, four at a time: compilers drop calls without other effects, hence inline. */
static inline __attribute__((always_inline)) void ask_lines(const char *at, const char *end, bool writes) {
  if (writes)
    for (; at < end; at += 4 * LINE) {
      __builtin_prefetch(at, 1), __builtin_prefetch(at + LINE, 1);
      __builtin_prefetch(at + 2 * LINE, 1), __builtin_prefetch(at + 3 * LINE, 1);
    }
  else
    for (; at < end; at += 4 * LINE) {
      __builtin_prefetch(at, 0), __builtin_prefetch(at + LINE, 0);
      __builtin_prefetch(at + 2 * LINE, 0), __builtin_prefetch(at + 3 * LINE, 0);
    }
}

/* Asks for a share of all arrays' next block: request number `at` of `count`. */
static inline __attribute__((always_inline)) void ask(const block_frame *f, int64_t at, int64_t count) {
  const tw_pass *pass = f->call->pass;
  for (int k = 0; k < pass->n_values; k++) {
    const tw_value *value = &pass->value[k];
    if (value->kind != TW_VALUE_OPERAND && value->kind != TW_VALUE_RESULT) continue;
    const size_t block = (size_t)pass->block * value->bytes, share = block / (size_t)count, from = share * (size_t)at;
    const char *next = f->at[k] + block;
    ask_lines(next + from, next + (at + 1 == count ? block : from + share), value->kind == TW_VALUE_RESULT);
  }
}

/* instr->loop piece by piece. */
static void run_map_ahead(const block_frame *f, const tw_instr *instr, const void *const *in, const int64_t *step) {
  const tw_pass *pass = f->call->pass;
  const size_t bytes = pass->value[instr->out].bytes;
  const int64_t piece = PIECE_BYTES / (int64_t)bytes, pieces = (f->n + piece - 1) / piece;
  const void *from[TW_MAX_OPERANDS];
  for (int64_t p = 0; p < pieces; p++) {
    const int64_t first = p * piece, n = f->n - first < piece ? f->n - first : piece;
    ask(f, instr->turn * pieces + p, pass->turns * pieces);
    for (int k = 0; k < instr->n; k++)
      from[k] = (const char *)in[k] + (size_t)(first * step[k]) * pass->value[instr->in[k]].bytes;
    instr->loop(1, n, from, no_row, step, f->at[instr->out] + (size_t)first * bytes);
  }
}

/* ------------------------------------------------------------------ instructions */

static void run_map(const block_frame *f, const tw_instr *instr) {
  const void *in[TW_MAX_OPERANDS];
  int64_t step[TW_MAX_OPERANDS];
  bool repeats = true;
  for (int k = 0; k < instr->n; k++) {
    in[k] = f->at[instr->in[k]];
    step[k] = f->step[instr->in[k]];
    repeats = repeats && step[k] == 0;
  }
  if (repeats && f->n > 1) { /* loops of one operand step on: one element, then its copies */
    const tw_dtype dtype = f->call->pass->value[instr->out].dtype;
    const void *out = f->at[instr->out];
    instr->loop(1, 1, in, no_row, step, f->at[instr->out]);
    char element[8];
    memcpy(element, out, tw_dtype_get(dtype)->size);
    tw_loop_get(TW_LOOP_copy, dtype)(1, f->n, (const void *[]){element}, no_row, no_row, f->at[instr->out]);
    return;
  }
  if (f->ahead && instr->turn >= 0)
    run_map_ahead(f, instr, in, step);
  else
    instr->loop(1, f->n, in, no_row, step, f->at[instr->out]);
}

#define COPY_STEPS(bits)                                                                                                \
  static void copy_steps_##bits(const char *from, int64_t step, int64_t n, char *to) {                                 \
    const uint##bits##_t *x = (const void *)from;                                                                      \
    uint##bits##_t *z = (void *)to;                                                                                    \
    for (int64_t i = 0; i < n; i++) z[i] = x[i * step];                                                                \
  }
COPY_STEPS(64)
COPY_STEPS(32)
COPY_STEPS(8)

/* n elements of `bytes`, `step` elements apart. */
static void copy_steps(const char *from, int64_t step, int64_t n, size_t bytes, char *to) {
  if (step == 1)
    memcpy(to, from, (size_t)n * bytes);
  else if (bytes == 8)
    copy_steps_64(from, step, n, to);
  else if (bytes == 4)
    copy_steps_32(from, step, n, to);
  else
    copy_steps_8(from, step, n, to);
}

/* A block within one row of the view is read where it lies; others are collected row by row. */
static void run_view(const block_frame *f, const tw_instr *instr) {
  const tw_view *v = &instr->view;
  const size_t bytes = f->call->pass->value[instr->out].bytes;
  const char *array = f->call->in[instr->array];
  int64_t digit[TW_MAX_RANK], rest = f->low, at = v->offset;
  for (int k = 0; k < v->rank; k++) {
    digit[k] = rest % v->dim[k];
    rest /= v->dim[k];
    at += digit[k] * v->stride[k];
  }
  const int64_t left = v->rank ? v->dim[0] - digit[0] : 1;
  if (left >= f->n && v->rank && v->stride[0] == 1) {
    f->at[instr->out] = (char *)(uintptr_t)array + (size_t)at * bytes;
    return;
  }
  char *out = f->at[instr->out];
  for (int64_t done = 0; done < f->n;) {
    int64_t run = v->rank ? v->dim[0] - digit[0] : 1;
    if (run > f->n - done) run = f->n - done;
    copy_steps(array + (size_t)at * bytes, v->rank ? v->stride[0] : 0, run, bytes, out + (size_t)done * bytes);
    done += run;
    if (v->rank == 0) continue;
    at -= digit[0] * v->stride[0];
    digit[0] = 0;
    for (int k = 1; k < v->rank; k++) {
      at += v->stride[k];
      if (++digit[k] < v->dim[k]) break;
      at -= digit[k] * v->stride[k];
      digit[k] = 0;
    }
  }
}

static void run_iota(const block_frame *f, const tw_instr *instr) {
  char *out = f->at[instr->out];
  const tw_dtype dtype = f->call->pass->value[instr->out].dtype;
  for (int64_t i = 0; i < f->n; i++) {
    const int64_t e = f->low + i;
    switch (dtype) {
    case TW_F64: ((double *)(void *)out)[i] = (double)e; break;
    case TW_F32: ((float *)(void *)out)[i] = (float)e; break;
    case TW_I64: ((int64_t *)(void *)out)[i] = e; break;
    case TW_I32: ((int32_t *)(void *)out)[i] = (int32_t)e; break;
    default: ((uint8_t *)(void *)out)[i] = (uint8_t)e; break;
    }
  }
}

/* The position of element i of the block in the gathered array; -1 outside. */
static int64_t gather_at(const block_frame *f, const tw_instr *instr, int64_t i) {
  int64_t at = 0;
  for (int d = 0; d < instr->rank; d++) {
    const int64_t k = ((const int64_t *)(const void *)f->at[instr->in[d]])[f->step[instr->in[d]] ? i : 0];
    if ((uint64_t)k >= (uint64_t)instr->extent[d]) return -1;
    at = at * instr->extent[d] + k;
  }
  return at;
}

#define GATHER_ONE(bits)                                                                                               \
  for (; i < f->n; i++) {                                                                                              \
    const int64_t k = index[i];                                                                                        \
    if ((uint64_t)k >= (uint64_t)instr->extent[0]) return i;                                                           \
    ((uint##bits##_t *)(void *)out)[i] = ((const uint##bits##_t *)(const void *)array)[k];                             \
  }

/* The first element that is outside; n when none is. */
static int64_t run_gather(const block_frame *f, const tw_instr *instr) {
  const size_t bytes = f->call->pass->value[instr->out].bytes;
  const char *array = f->call->in[instr->array];
  char *out = f->at[instr->out];
  int64_t i = 0;
  if (instr->rank == 1 && f->step[instr->in[0]]) {
    const int64_t *index = (const void *)f->at[instr->in[0]];
    if (bytes == 8) GATHER_ONE(64)
    if (bytes == 4) GATHER_ONE(32)
  }
  for (; i < f->n; i++) {
    const int64_t at = gather_at(f, instr, i);
    if (at < 0) return i;
    memcpy(out + (size_t)i * bytes, array + (size_t)at * bytes, bytes);
  }
  return f->n;
}

static int64_t affine_at(const block_frame *f, const tw_affine *a, int64_t element) {
  uint64_t at = (uint64_t)a->constant + (uint64_t)a->slope * (uint64_t)element; /* wraps around as the ops do */
  for (int t = 0; t < a->n; t++) at += (uint64_t)a->coefficient[t] * (uint64_t)*(const int64_t *)f->call->in[a->scalar[t]];
  return (int64_t)at;
}

static int64_t run_slide(const block_frame *f, const tw_instr *instr) {
  const tw_value *value = &f->call->pass->value[instr->out];
  int64_t at = 0, slope = 0;
  for (int d = 0; d < instr->rank; d++) {
    const int64_t first = affine_at(f, &instr->affine[d], f->low), last = affine_at(f, &instr->affine[d], f->low + f->n - 1);
    if ((uint64_t)first >= (uint64_t)instr->extent[d]) return 0;
    if ((uint64_t)last >= (uint64_t)instr->extent[d]) return f->n - 1;
    at = at * instr->extent[d] + first;
    slope = slope * instr->extent[d] + instr->affine[d].slope;
  }
  const char *from = (const char *)f->call->in[instr->array] + (size_t)at * value->bytes;
  if (value->kind == TW_VALUE_WINDOW) {
    f->at[instr->out] = (char *)(uintptr_t)from;
  } else {
    copy_steps(from, slope, f->n, value->bytes, f->at[instr->out]);
  }
  return f->n;
}

/* ------------------------------------------------------------------ folds */

/* A folded value's elements as an array: repeated ones are spread into `room`. */
static const char *spread(const block_frame *f, int32_t value, char *room) {
  const tw_dtype dtype = f->call->pass->value[value].dtype;
  if (f->step[value] || f->n == 1) return f->at[value];
  tw_loop_get(TW_LOOP_copy, dtype)(1, f->n, (const void *[]){f->at[value]}, no_row, no_row, room);
  return room;
}

static void run_fold(const block_frame *f, const tw_instr *instr) {
  const tw_pass *pass = f->call->pass;
  const tw_dtype from = pass->value[instr->in[0]].dtype;
  const tw_node_data *node = tw_node_at(f->call->graph, instr->node);
  const size_t in_bytes = tw_dtype_get(from)->size, bytes = tw_dtype_get(node->type.dtype)->size;
  _Alignas(64) char room[TW_PASS_ROW * sizeof(double)];
  const char *x = spread(f, instr->in[0], room);
  tw_fold_loop *fold = tw_fold_get(instr->fold, from);
  if (instr->shape == TW_FOLD_ALL) {
    fold(x, f->n, 1, 1, f->call->scratch + instr->partial + (size_t)(f->low / pass->block) * bytes);
  } else if (instr->shape == TW_FOLD_ROWS) {
    char *out = (char *)f->call->out[instr->out] + (size_t)(f->low / pass->row) * bytes;
    for (int64_t r = 0; r < f->n / pass->row; r++)
      fold(x + (size_t)(r * pass->row) * in_bytes, pass->row, 1, 1, out + (size_t)r * bytes);
  } else {
    /* the tile's sum so far, then this block's */
    _Alignas(64) char both[2 * TW_PASS_ROW * sizeof(double)];
    const size_t row = (size_t)pass->row * bytes;
    char *partial = f->call->scratch + instr->partial + (size_t)(f->low / pass->tile) * row;
    if (f->low % pass->tile == 0) {
      fold(x, f->n / pass->row, pass->row, pass->row, partial);
      return;
    }
    memcpy(both, partial, row);
    fold(x, f->n / pass->row, pass->row, pass->row, both + row);
    tw_fold_get(instr->combine, node->type.dtype)(both, 2, pass->row, pass->row, partial);
  }
}

static void finish_folds(const tw_pass_call *call) {
  const tw_pass *pass = call->pass;
  for (int i = 0; i < pass->n_instrs; i++) {
    const tw_instr *instr = &pass->instr[i];
    if (instr->kind != TW_INSTR_FOLD || instr->shape == TW_FOLD_ROWS) continue;
    const bool all = instr->shape == TW_FOLD_ALL;
    const int64_t piece = all ? pass->block : pass->tile, row = all ? 1 : pass->row;
    const tw_dtype dtype = tw_node_at(call->graph, instr->node)->type.dtype;
    tw_fold_get(instr->combine, dtype)(call->scratch + instr->partial, (pass->n + piece - 1) / piece, row, row,
                                       call->out[instr->out]);
  }
}

/* ------------------------------------------------------------------ blocks and tiles */

/* Instruction i of the block's element `e` reads outside its array. The first such is kept. */
static void note_failure(pass_task *task, const block_frame *f, int i, int64_t e) {
  const tw_instr *instr = &task->call->pass->instr[i];
  failure bad = {.element = f->low + e, .instr = i};
  for (int d = 0; d < instr->rank; d++) {
    const int64_t *in = instr->kind == TW_INSTR_GATHER ? (const void *)f->at[instr->in[d]] : NULL;
    bad.axis = d;
    bad.extent = instr->extent[d];
    bad.index = in ? in[f->step[instr->in[d]] ? e : 0] : affine_at(f, &instr->affine[d], f->low + e);
    if ((uint64_t)bad.index >= (uint64_t)bad.extent) break;
  }
  while (atomic_flag_test_and_set(&task->busy)) {}
  const failure *first = &task->bad;
  if (bad.element < first->element || (bad.element == first->element && i < first->instr)) task->bad = bad;
  atomic_flag_clear(&task->busy);
}

static bool run_instr(const block_frame *f, const tw_instr *instr, int64_t *done) {
  *done = f->n;
  switch (instr->kind) {
  case TW_INSTR_MAP: run_map(f, instr); break;
  case TW_INSTR_VIEW: run_view(f, instr); break;
  case TW_INSTR_IOTA: run_iota(f, instr); break;
  case TW_INSTR_GATHER: *done = run_gather(f, instr); break;
  case TW_INSTR_SLIDE: *done = run_slide(f, instr); break;
  case TW_INSTR_FOLD: run_fold(f, instr); break;
  case TW_INSTR_NATIVE: f->call->native[instr->cluster](f->n, f->at); break;
  }
  return *done == f->n;
}

/* The block's values: registers in `room`, operands and results at its first element. */
static void place_values(const block_frame *f, char *room, size_t slot_bytes) {
  const tw_pass *pass = f->call->pass;
  for (int k = 0; k < pass->n_values; k++) {
    const tw_value *value = &pass->value[k];
    const size_t skip = (size_t)f->low * value->bytes;
    f->step[k] = !tw_value_repeats(value);
    switch (value->kind) {
    case TW_VALUE_BLOCK: f->at[k] = room + (size_t)value->at * slot_bytes; break;
    case TW_VALUE_OPERAND: f->at[k] = (char *)(uintptr_t)f->call->in[value->at] + skip; break;
    case TW_VALUE_SCALAR: f->at[k] = (char *)(uintptr_t)f->call->in[value->at]; break;
    case TW_VALUE_CONSTANT: f->at[k] = (char *)(uintptr_t)&value->bits; break;
    case TW_VALUE_RESULT: f->at[k] = (char *)f->call->out[value->at] + skip; break;
    case TW_VALUE_WINDOW:
    case TW_VALUE_LOCAL: break;
    }
  }
}

static void run_tile(void *context, int64_t tile, int worker) {
  pass_task *task = context;
  const tw_pass *pass = task->call->pass;
  char *room = task->call->scratch + (size_t)worker * pass->room_bytes, *pointers = room + (size_t)pass->slots * pass->slot_bytes;
  block_frame f = {.call = task->call, .at = (char **)(void *)pointers};
  f.step = (int8_t *)(pointers + (size_t)pass->n_values * sizeof *f.at);
  const int64_t low = tile * pass->tile, high = low + pass->tile < pass->n ? low + pass->tile : pass->n;
  for (f.low = low; f.low < high; f.low += pass->block) {
    f.n = high - f.low < pass->block ? high - f.low : pass->block;
    place_values(&f, room, pass->slot_bytes);
    f.ahead = pass->turns > 0 && pass->bytes > AHEAD_BYTES && f.low + 2 * pass->block <= pass->n;
    for (int i = 0; i < pass->n_instrs; i++) {
      int64_t done;
      if (run_instr(&f, &pass->instr[i], &done)) continue;
      note_failure(task, &f, i, done);
      return;
    }
  }
}

tw_status tw_pass_run(const tw_pass_call *call) {
  const tw_pass *pass = call->pass;
  pass_task task = {.call = call, .busy = ATOMIC_FLAG_INIT, .bad = {.element = INT64_MAX}};
  int threads = pass->work < TW_PARALLEL_WORK ? 1 : call->exec->threads;
  if (threads <= 0 || threads > pass->workers) threads = pass->workers;
  tw_parallel(threads, (pass->n + pass->tile - 1) / pass->tile, run_tile, &task);
  if (task.bad.element != INT64_MAX)
    return tw_fail(call->error, TW_ERR_RANGE, "take: index %lld is outside axis %d, whose extent is %lld", (long long)task.bad.index,
                   task.bad.axis, (long long)task.bad.extent);
  finish_folds(call);
  return TW_OK;
}
