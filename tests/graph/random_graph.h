/* Random expressions over a few inputs, for tests that compare two ways of evaluating the same graph. */
#ifndef TALWEG_TEST_RANDOM_GRAPH_H
#define TALWEG_TEST_RANDOM_GRAPH_H

#include "test.h"

#include <talweg/graph.h>

enum { RANDOM_INPUTS = 5, RANDOM_POOL = 64 };

typedef struct random_graph {
  tw_graph *graph;
  uint64_t key, draw;
  int64_t m, n; /* arrays are [m, n], [n], [m, 1] or scalars */
  tw_dtype dtype;
  bool smooth; /* set after opening: no conversions, which tell apart what rounding made differ */
  tw_expr input[RANDOM_INPUTS];
  tw_array value[RANDOM_INPUTS];
  tw_expr pool[RANDOM_POOL]; /* floats built so far */
  int count;
} random_graph;

static inline int64_t pick(random_graph *r, int64_t below) {
  return tw_random_integer(r->key, r->draw++, 0, below);
}

static inline void random_graph_open(random_graph *r, uint64_t key, tw_dtype dtype, int64_t m, int64_t n) {
  *r = (random_graph){.graph = tw_graph_new(), .key = key, .m = m, .n = n, .dtype = dtype};
  const tw_shape shape[RANDOM_INPUTS] = {TW_SHAPE(m, n), TW_SHAPE(m, n), TW_SHAPE(n), TW_SHAPE(m, 1), TW_SCALAR};
  static const char *const name[RANDOM_INPUTS] = {"a", "b", "row", "column", "s"};
  for (int i = 0; i < RANDOM_INPUTS; i++) {
    r->input[i] = tw_input(r->graph, name[i], dtype, shape[i]);
    assert_int_equal(tw_array_new(&r->value[i], dtype, shape[i], NULL), TW_OK);
    const int64_t size = tw_shape_size(&shape[i]);
    for (int64_t e = 0; e < size; e++) {
      const double x = 2 * tw_random_uniform(tw_key_split(key, (uint64_t)i), (uint64_t)e) - 1;
      if (dtype == TW_F64)
        ((double *)r->value[i].data)[e] = x;
      else
        ((float *)r->value[i].data)[e] = (float)x;
    }
    r->pool[r->count++] = r->input[i];
  }
}

static inline void random_graph_close(random_graph *r) {
  for (int i = 0; i < RANDOM_INPUTS; i++) tw_array_free(&r->value[i]);
  tw_graph_free(r->graph);
}

/* Rows of an array with n columns, at affine or arbitrary positions, back in the shape [m, n] or [n]. */
static inline tw_expr random_lookup(random_graph *r, tw_expr x) {
  const tw_shape shape = tw_shape_of(x);
  if (shape.rank != 1 || shape.dim[0] < 2) return tw_scale(x, 0.5);
  const int64_t n = shape.dim[0];
  tw_expr at = tw_iota(r->graph, TW_I64, n);
  switch (pick(r, 4)) {
  case 0: at = tw_sub(tw_integer(r->graph, n - 1), at); break;
  case 1: at = tw_mod(tw_mul(at, tw_integer(r->graph, 3)), tw_integer(r->graph, n)); break;
  case 2: at = tw_minimum(tw_add(at, tw_integer(r->graph, 1)), tw_integer(r->graph, n - 1)); break;
  default: at = tw_mul(at, tw_integer(r->graph, 1)); break;
  }
  return tw_take(x, 1, &at);
}

static inline tw_expr random_step(random_graph *r) {
  tw_expr x = r->pool[pick(r, r->count)], y = r->pool[pick(r, r->count)];
  const tw_shape shape = tw_shape_of(x);
  switch (pick(r, 20)) {
  case 0: return tw_add(x, y);
  case 1: return tw_sub(x, y);
  case 2: return tw_mul(x, y);
  case 3: return tw_div(x, tw_add(tw_square(y), tw_cast(tw_scalar(r->graph, 1), r->dtype)));
  case 4: return tw_maximum(x, y);
  case 5: return tw_where(tw_lt(x, y), x, tw_neg(y));
  case 6: return tw_tanh(x);
  case 7: return tw_exp(tw_minimum(x, tw_cast(tw_scalar(r->graph, 1), r->dtype)));
  case 8: return tw_sigmoid(x);
  case 9:
    return r->smooth ? tw_scale(x, 0.5) : tw_cast(tw_cast(x, r->dtype == TW_F64 ? TW_F32 : TW_F64), r->dtype);
  case 10:
    return r->smooth ? tw_sin(x) : tw_cast(tw_cast(tw_scale(x, 10), TW_I32), r->dtype);
  case 11: return tw_tanh(tw_sum(x, TW_ALL, false));
  case 12: return shape.rank ? tw_tanh(tw_sum(x, 1u << (shape.rank - 1), true)) : tw_abs(x);
  case 13: return shape.rank ? tw_tanh(tw_sum(x, 1u, true)) : tw_relu(x);
  case 14: return shape.rank ? tw_reduce_max(x, 1u << pick(r, shape.rank), true) : tw_square(x);
  case 15: return random_lookup(r, x);
  case 16: return shape.rank == 2 && shape.dim[0] == shape.dim[1] ? tw_transpose(x, NULL) : tw_scale(x, 0.25);
  case 17: return shape.rank ? tw_reshape(tw_ravel(x), shape) : tw_sin(x);
  case 18: /* reversed along an axis */
    return shape.rank ? tw_slice(x, shape.rank - 1, shape.dim[shape.rank - 1] - 1, shape.dim[shape.rank - 1], -1) : tw_cos(x);
  default: return tw_broadcast(x, shape.rank == 2 ? shape : TW_SHAPE(r->m, r->n));
  }
}

/* A few more nodes; values stay moderate. */
static inline void random_graph_grow(random_graph *r, int steps) {
  while (steps-- > 0 && r->count < RANDOM_POOL) {
    tw_expr e = random_step(r);
    if (tw_is_none(e)) fail_msg("random graph: %s", tw_graph_message(r->graph));
    r->pool[r->count++] = e;
  }
}

#endif
