/* A chain of steps with a vector and a scalar for a state, as a scan and written out step by step. */
#ifndef TALWEG_TEST_CHAIN_H
#define TALWEG_TEST_CHAIN_H

#include "evaluate.h"

/* Captured: a matrix, and an array of which step k reads entries k and k+1. */
typedef struct chain {
  tw_graph *graph;
  tw_expr x, s, w, u; /* starts [3] and [], matrix [3, 3], pushes [n + 1] */
  int64_t n;
} chain;

enum { CHAIN_INPUTS = 4 };

static inline chain chain_of(tw_graph *graph, int64_t n) {
  return (chain){graph,
                 tw_input(graph, "x", TW_F64, TW_SHAPE(3)),
                 tw_input(graph, "s", TW_F64, TW_SCALAR),
                 tw_input(graph, "w", TW_F64, TW_SHAPE(3, 3)),
                 tw_input(graph, "u", TW_F64, TW_SHAPE(n + 1)),
                 n};
}

/* x' = tanh(W x + u_k s),  s' = 0.9 s + 0.1 u_{k+1} sum(x);  outputs s sum(x^2) and x. */
static inline void chain_step(const chain *c, tw_expr k, const tw_expr *state, tw_expr *next, tw_expr *out) {
  tw_expr after = tw_add(k, tw_integer(c->graph, 1)), x = state[0], s = state[1];
  next[0] = tw_tanh(tw_add(tw_matmul(c->w, x), tw_mul(tw_take(c->u, 1, &k), s)));
  next[1] =
      tw_add(tw_scale(s, 0.9), tw_mul(tw_scale(tw_take(c->u, 1, &after), 0.1), tw_sum(x, TW_ALL, false)));
  out[0] = tw_mul(s, tw_sum(tw_square(x), TW_ALL, false));
  out[1] = x;
}

/* The last states and the stacked outputs. */
static inline void chain_scan(const chain *c, int64_t checkpoints, tw_expr *final, tw_expr *out) {
  tw_expr k = tw_input(c->graph, "k", TW_I64, TW_SCALAR), next[2], each[2];
  tw_expr carry[2] = {tw_input(c->graph, "x_k", TW_F64, TW_SHAPE(3)),
                      tw_input(c->graph, "s_k", TW_F64, TW_SCALAR)};
  chain_step(c, k, carry, next, each);
  tw_scan_options options = {.checkpoints = checkpoints};
  tw_expr scan = tw_scan(k, c->n, 2, carry, (tw_expr[]){c->x, c->s}, next, 2, each, &options);
  for (int i = 0; i < 2; i++) {
    final[i] = tw_scan_final(scan, i);
    out[i] = tw_scan_out(scan, i);
  }
}

static inline void chain_unrolled(const chain *c, tw_expr *final, tw_expr *out) {
  tw_expr state[2] = {c->x, c->s}, next[2], each[2][64];
  assert_true(c->n > 0 && c->n <= 64);
  for (int64_t k = 0; k < c->n; k++) {
    tw_expr now[2];
    chain_step(c, tw_integer(c->graph, k), state, next, now);
    for (int i = 0; i < 2; i++) {
      each[i][k] = now[i];
      state[i] = next[i];
    }
  }
  for (int i = 0; i < 2; i++) {
    final[i] = state[i];
    out[i] = tw_stack((int)c->n, each[i], 0);
  }
}

/* A scalar of everything. */
static inline tw_expr chain_loss(const tw_expr *final, const tw_expr *out) {
  tw_expr e = tw_add(tw_sum(tw_exp(final[0]), TW_ALL, false), tw_square(final[1]));
  return tw_add(
      e, tw_add(tw_sum(out[0], TW_ALL, false), tw_sum(tw_mul(out[1], tw_square(out[1])), TW_ALL, false)));
}

static inline void chain_inputs(const chain *c, tw_expr in[CHAIN_INPUTS], tw_array value[CHAIN_INPUTS],
                                uint64_t seed) {
  tw_error error = {0};
  const tw_expr all[CHAIN_INPUTS] = {c->x, c->s, c->w, c->u};
  for (int i = 0; i < CHAIN_INPUTS; i++) {
    in[i] = all[i];
    assert_ok(tw_array_new(&value[i], TW_F64, tw_shape_of(in[i]), &error));
    tw_random_normal_fill(seed + (uint64_t)i, 0, (size_t)size_of(&value[i]), value[i].data);
    for (int64_t e = 0; e < size_of(&value[i]); e++) set_element(&value[i], e, 0.5 * element(&value[i], e));
  }
}

static inline void free_arrays(int n, tw_array *value) {
  for (int i = 0; i < n; i++) tw_array_free(&value[i]);
}

#endif
