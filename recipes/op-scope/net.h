/* Networks under construction: expressions with random weights, and a note of every attention. */
#ifndef OP_SCOPE_NET_H
#define OP_SCOPE_NET_H

#include <talweg/graph.h>

/* One attention: nq queries over nk keys, in `batch` groups of `heads`, each of width `width`. */
typedef struct attention_call {
  const char *kind; /* "self", "cross", "spatial", "temporal" */
  int64_t nq, nk, batch, heads, width;
} attention_call;

enum { NET_INPUTS = 256, NET_CALLS = 64, NET_OUTPUTS = 32 };

/* One function of a workload: graph, inputs (weights among them) with values, outputs. */
typedef struct net {
  const char *name;
  tw_graph *graph;
  bool tiled; /* attention by the one op, or by product, softmax and product */
  uint64_t key;
  int n_inputs, n_outputs, n_calls;
  tw_expr input[NET_INPUTS], output[NET_OUTPUTS];
  tw_array value[NET_INPUTS];
  attention_call call[NET_CALLS];
  tw_error error; /* the first; later calls do nothing */
} net;

void net_open(net *n, const char *name, bool tiled);
void net_close(net *n);
tw_status net_status(net *n);
void net_output(net *n, tw_expr e);

/* Inputs with values drawn from N(0, deviation^2), or for integers evenly from 0 .. below-1. */
tw_expr net_normal(net *n, tw_shape shape, double deviation);
tw_expr net_integers(net *n, int64_t count, int64_t below);

/* Layers on f32 arrays. Each makes its weights and is in a scope of its name. */
tw_expr net_linear(net *n, tw_expr x, int64_t out);                    /* [.., in] -> [.., out], with a bias */
tw_expr net_conv(net *n, tw_expr x, int64_t out, int64_t kernel, int64_t stride); /* x [N, C, image..], padded by kernel / 2 */
tw_expr net_group_norm(net *n, tw_expr x, int64_t groups);             /* [N, C, image..] */
tw_expr net_layer_norm(net *n, tw_expr x);                             /* over the last axis */
tw_expr net_silu(tw_expr x);
tw_expr net_upsample(net *n, tw_expr x); /* [N, C, H, W], nearest */

typedef struct attend_options {
  const char *kind;
  int64_t heads;
  bool causal;
  tw_expr past_keys, past_values; /* [N, heads, T, width] before those of x; TW_NONE: none */
  tw_expr *keys, *values;         /* all of them, for a cache; NULL: not asked for */
} attend_options;
/* x [N, T, C] over itself, or over context [N, S, D] unless that is none; projections, attention, projection. */
tw_expr net_attend(net *n, tw_expr x, tw_expr context, const attend_options *options);
/* x + attention(norm(x)), then x + mlp(norm(x)) of width 4 C. */
tw_expr net_transformer_block(net *n, tw_expr x, const attend_options *options);

#endif
