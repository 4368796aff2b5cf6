/* Evaluation of the three ops: which way, with what memory, on how many threads. */
#include "graph/ops/conv.h"

#include <stdlib.h>
#include <string.h>

tw_conv_shape tw_conv_shape_of(tw_expr node) {
  const tw_conv_attr *attr = tw_attr_of(node);
  const tw_conv_role *roles = tw_conv_roles(tw_op_of(node));
  tw_shape shape[TW_CONV_ROLES];
  shape[roles[0]] = tw_shape_of(tw_input_of(node, 0));
  shape[roles[1]] = tw_shape_of(tw_input_of(node, 1));
  shape[roles[2]] = tw_shape_of(node);
  tw_conv_shape s = {.dtype = tw_dtype_of(node),
                     .role = roles[2],
                     .axes = (int)attr->axes,
                     .groups = attr->groups,
                     .images = shape[TW_CONV_X].dim[0],
                     .c = shape[TW_CONV_W].dim[1],
                     .k = shape[TW_CONV_W].dim[0] / attr->groups,
                     .pixels = 1,
                     .taps = 1,
                     .positions = 1,
                     .pointwise = true};
  for (int i = 0; i < TW_CONV_AXES; i++) {
    s.image[i] = attr->image[i], s.kernel[i] = attr->kernel[i], s.out[i] = tw_conv_out(attr, i);
    s.stride[i] = attr->stride[i], s.dilation[i] = attr->dilation[i], s.low[i] = attr->low[i],
    s.high[i] = attr->high[i];
    s.pixels *= s.image[i], s.taps *= s.kernel[i], s.positions *= s.out[i];
    s.pointwise = s.pointwise && s.kernel[i] == 1 && s.stride[i] == 1 && s.low[i] == 0 && s.high[i] == 0;
  }
  for (int i = 0; i < TW_CONV_ROLES; i++) s.size[i] = tw_shape_size(&shape[i]);
  return s;
}

/* ------------------------------------------------------------------ partial sums */

typedef struct join {
  const tw_conv_shape *s;
  int64_t chunks;
  void *partial, *out;
} join;

enum { JOIN_TILE = 16384 };

#define JOIN(type)                                                                                           \
  do {                                                                                                       \
    type *x = j->partial, *out = j->out;                                                                     \
    for (int64_t step = 1; step < j->chunks; step *= 2)                                                      \
      for (int64_t q = 0; q + step < j->chunks; q += 2 * step)                                               \
        for (int64_t i = first; i < end; i++) x[q * size + i] += x[(q + step) * size + i];                   \
    memcpy(out + first, x + first, (size_t)(end - first) * sizeof *x);                                       \
  } while (0)

static void join_tile(void *context, int64_t tile, int worker) {
  const join *j = context;
  const int64_t size = j->s->size[TW_CONV_W], first = tile * JOIN_TILE,
                end = size - first < JOIN_TILE ? size : first + JOIN_TILE;
  (void)worker;
  if (j->s->dtype == TW_F64)
    JOIN(double);
  else
    JOIN(float);
}

void tw_conv_join(const tw_conv_shape *s, int64_t chunks, void *partial, void *out, int threads) {
  join j = {s, chunks, partial, out};
  tw_parallel(threads, (s->size[TW_CONV_W] + JOIN_TILE - 1) / JOIN_TILE, join_tile, &j);
}

size_t tw_conv_scratch(tw_expr node) {
  const tw_conv_shape s = tw_conv_shape_of(node);
  if (s.size[s.role] == 0 || s.size[TW_CONV_X] == 0 || s.size[TW_CONV_Y] == 0) return 0;
  const int64_t chunks = tw_conv_chunks(&s);
  return chunks > 1 ? (size_t)(chunks * s.size[TW_CONV_W]) * tw_dtype_get(s.dtype)->size : 0;
}

/* ------------------------------------------------------------------ once per function, once per workspace */

enum { WORKERS = 16 };

/* The first that will is taken. */
static const tw_conv_way *const ways[] = {
#ifdef TALWEG_DNNL
    &tw_conv_by_dnnl,
#endif
    &tw_conv_by_products};

typedef struct prepared {
  tw_conv_shape shape;
  const tw_conv_way *way; /* NULL: nothing to add up, zeros */
  void *made;
  int workers;
} prepared;

typedef struct state {
  const prepared *p;
  void *state;
} state;

static tw_status out_of_memory(tw_expr node, tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", tw_op_of(node)->name);
}

tw_status tw_conv_prepare(tw_expr node, unsigned mode, void **out, tw_error *error) {
  prepared *p = calloc(1, sizeof *p);
  *out = p;
  if (!p) return out_of_memory(node, error);
  p->shape = tw_conv_shape_of(node);
  for (int i = 0; i < TW_CONV_ROLES; i++)
    if (p->shape.size[i] == 0) return TW_OK;
  for (size_t i = 0; i < sizeof ways / sizeof *ways && !p->made; i++) {
    p->way = ways[i];
    p->made = p->way->make(&p->shape);
  }
  if (!p->made) {
    free(p);
    *out = NULL;
    return out_of_memory(node, error);
  }
  const int64_t tasks = p->way->tasks(p->made);
  const int cores = tw_cores() < WORKERS ? tw_cores() : WORKERS;
  p->workers = mode & TW_MODE_SERIAL ? 1 : tasks < cores ? (int)tasks : cores;
  return TW_OK;
}

void tw_conv_release(void *prepared_) {
  prepared *p = prepared_;
  if (p && p->way) p->way->release(p->made);
  free(p);
}

double tw_conv_moved(tw_expr node, const void *prepared_) {
  const prepared *p = prepared_;
  const tw_conv_shape s = tw_conv_shape_of(node);
  double elements = 0;
  for (int i = 0; i < TW_CONV_ROLES; i++) elements += (double)s.size[i];
  if (p && p->way == &tw_conv_by_products && !s.pointwise)
    elements += 2.0 * (double)s.images * (double)(s.groups * s.c) * (double)s.taps * (double)s.positions;
  return elements * (double)tw_dtype_get(s.dtype)->size;
}

tw_status tw_conv_open(tw_expr node, void *prepared_, void **out, tw_error *error) {
  const prepared *p = prepared_;
  state *s = calloc(1, sizeof *s);
  *out = s;
  if (!s) return out_of_memory(node, error);
  s->p = p;
  if (!p->way || (s->state = p->way->open(p->made, p->workers))) return TW_OK;
  free(s);
  *out = NULL;
  return out_of_memory(node, error);
}

void tw_conv_close(void *state_) {
  state *s = state_;
  if (s && s->p->way) s->p->way->close(s->state);
  free(s);
}

int tw_conv_threads(const tw_call *call, int workers) {
  const int asked = call->exec && call->exec->threads > 0 ? call->exec->threads : tw_cores();
  return asked < workers ? asked : workers;
}

tw_status tw_conv_kernel(const tw_call *call) {
  const state *s = call->state;
  const tw_conv_shape *shape = &s->p->shape;
  const tw_conv_role *roles = tw_conv_roles(tw_op_of(call->node));
  void *role[TW_CONV_ROLES];
  for (int i = 0; i < 2; i++) role[roles[i]] = (void *)(uintptr_t)call->in[i];
  role[roles[2]] = call->out;
  if (s->p->way) return s->p->way->run(s->state, call, role);
  memset(call->out, 0, (size_t)shape->size[shape->role] * tw_dtype_get(shape->dtype)->size);
  return TW_OK;
}
