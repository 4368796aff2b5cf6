/* Inputs, weights and simple layers. */
#include "net.h"

#include <math.h>
#include <string.h>

void net_open(net *n, const char *name, bool tiled) {
  memset(n, 0, sizeof *n);
  n->name = name;
  n->tiled = tiled;
  n->key = tw_hash(name, strlen(name), 11);
  n->graph = tw_graph_new();
  if (!n->graph) tw_fail(&n->error, TW_ERR_MEMORY, "%s: out of memory", name);
}

void net_close(net *n) {
  for (int i = 0; i < n->n_inputs; i++) tw_array_free(&n->value[i]);
  tw_graph_free(n->graph);
  memset(n, 0, sizeof *n);
}

tw_status net_status(net *n) {
  if (n->error.status == TW_OK) tw_graph_check(n->graph, &n->error);
  return n->error.status;
}

static bool well(net *n) { return n->error.status == TW_OK && tw_graph_status(n->graph) == TW_OK; }

void net_output(net *n, tw_expr e) {
  if (!well(n)) return;
  if (n->n_outputs == NET_OUTPUTS) tw_fail(&n->error, TW_ERR_RANGE, "%s: more than %d outputs", n->name, NET_OUTPUTS);
  else n->output[n->n_outputs++] = e;
}

static tw_expr add_input(net *n, tw_dtype dtype, tw_shape shape, tw_array **value) {
  if (!well(n)) return TW_NONE;
  if (n->n_inputs == NET_INPUTS) {
    tw_fail(&n->error, TW_ERR_RANGE, "%s: more than %d inputs", n->name, NET_INPUTS);
    return TW_NONE;
  }
  char name[32];
  snprintf(name, sizeof name, "w%d", n->n_inputs);
  const tw_expr e = tw_input(n->graph, name, dtype, shape);
  *value = &n->value[n->n_inputs];
  if (tw_is_none(e) || tw_array_new(*value, dtype, shape, &n->error) != TW_OK) return TW_NONE;
  return n->input[n->n_inputs++] = e;
}

tw_expr net_normal(net *n, tw_shape shape, double deviation) {
  tw_array *value;
  const tw_expr e = add_input(n, TW_F32, shape, &value);
  const uint64_t key = tw_key_split(n->key, (uint64_t)n->n_inputs);
  for (int64_t i = 0; !tw_is_none(e) && i < tw_size_of(e); i++)
    ((float *)value->data)[i] = (float)(deviation * tw_random_normal(key, (uint64_t)i));
  return e;
}

tw_expr net_integers(net *n, int64_t count, int64_t below) {
  tw_array *value;
  const tw_expr e = add_input(n, TW_I64, TW_SHAPE(count), &value);
  const uint64_t key = tw_key_split(n->key, (uint64_t)n->n_inputs);
  for (int64_t i = 0; !tw_is_none(e) && i < count; i++) ((int64_t *)value->data)[i] = tw_random_integer(key, (uint64_t)i, 0, below);
  return e;
}

/* ------------------------------------------------------------------ layers */

static int64_t extent(tw_expr x, int axis) {
  const tw_shape shape = tw_shape_of(x);
  return axis < 0 ? shape.dim[shape.rank + axis] : shape.dim[axis];
}

tw_expr net_linear(net *n, tw_expr x, int64_t out) {
  if (tw_is_none(x)) return x;
  const int64_t in = extent(x, -1);
  tw_scope_push(n->graph, "linear");
  const tw_expr w = net_normal(n, TW_SHAPE(in, out), 1 / sqrt((double)in)), b = net_normal(n, TW_SHAPE(out), 0.1);
  const tw_expr y = tw_add(tw_matmul(x, w), b);
  tw_scope_pop(n->graph);
  return y;
}

tw_expr net_conv(net *n, tw_expr x, int64_t out, int64_t kernel, int64_t stride) {
  if (tw_is_none(x)) return x;
  tw_shape shape = tw_shape_of(x), bias = {.rank = shape.rank - 1, .dim = {out, 1, 1, 1}};
  const double taps = (double)shape.dim[1] * pow((double)kernel, shape.rank - 2);
  tw_conv_options options = {0};
  shape.dim[0] = out;
  for (int i = 0; i < shape.rank - 2; i++) {
    shape.dim[i + 2] = kernel;
    options.low[i] = options.high[i] = kernel / 2;
    options.stride[i] = stride;
  }
  tw_scope_push(n->graph, "conv");
  const tw_expr w = net_normal(n, shape, 1 / sqrt(taps)), b = net_normal(n, TW_SHAPE(out), 0.1);
  const tw_expr y = tw_add(tw_conv(x, w, &options), tw_reshape(b, bias));
  tw_scope_pop(n->graph);
  return y;
}

/* (x - mean) / sqrt(variance + 1e-5) over the last axis. */
static tw_expr standardize(tw_expr x) {
  const unsigned last = 1u << (tw_shape_of(x).rank - 1);
  const tw_expr centred = tw_sub(x, tw_mean(x, last, true));
  const tw_expr variance = tw_mean(tw_square(centred), last, true);
  return tw_div(centred, tw_sqrt(tw_add(variance, tw_fill(x.graph, TW_F32, TW_SCALAR, 1e-5))));
}

tw_expr net_group_norm(net *n, tw_expr x, int64_t groups) {
  if (tw_is_none(x)) return x;
  const tw_shape shape = tw_shape_of(x), channels = {.rank = shape.rank - 1, .dim = {shape.dim[1], 1, 1, 1}};
  tw_scope_push(n->graph, "norm");
  const tw_expr scale = net_normal(n, TW_SHAPE(shape.dim[1]), 1), shift = net_normal(n, TW_SHAPE(shape.dim[1]), 0.1);
  const tw_expr z = tw_reshape(standardize(tw_reshape(x, TW_SHAPE(shape.dim[0], groups, -1))), shape);
  const tw_expr y = tw_add(tw_mul(z, tw_reshape(scale, channels)), tw_reshape(shift, channels));
  tw_scope_pop(n->graph);
  return y;
}

tw_expr net_layer_norm(net *n, tw_expr x) {
  if (tw_is_none(x)) return x;
  const int64_t width = extent(x, -1);
  tw_scope_push(n->graph, "norm");
  const tw_expr scale = net_normal(n, TW_SHAPE(width), 1), shift = net_normal(n, TW_SHAPE(width), 0.1);
  const tw_expr y = tw_add(tw_mul(standardize(x), scale), shift);
  tw_scope_pop(n->graph);
  return y;
}

tw_expr net_silu(tw_expr x) { return tw_mul(x, tw_sigmoid(x)); }

tw_expr net_upsample(net *n, tw_expr x) {
  if (tw_is_none(x)) return x;
  const tw_shape s = tw_shape_of(x);
  tw_scope_push(n->graph, "upsample");
  const tw_expr spread = tw_broadcast(tw_reshape(x, TW_SHAPE(s.dim[0], s.dim[1], s.dim[2], 1, s.dim[3], 1)),
                                      TW_SHAPE(s.dim[0], s.dim[1], s.dim[2], 2, s.dim[3], 2));
  const tw_expr y = tw_reshape(spread, TW_SHAPE(s.dim[0], s.dim[1], 2 * s.dim[2], 2 * s.dim[3]));
  tw_scope_pop(n->graph);
  return y;
}

/* ------------------------------------------------------------------ attention */

/* [N, T, C] -> [N, heads, T, C / heads], and back. */
static tw_expr split(tw_expr x, int64_t heads) {
  return tw_transpose(tw_reshape(x, TW_SHAPE(extent(x, 0), extent(x, 1), heads, extent(x, 2) / heads)), (int[]){0, 2, 1, 3});
}

static tw_expr merge(tw_expr x) {
  return tw_reshape(tw_transpose(x, (int[]){0, 2, 1, 3}), TW_SHAPE(extent(x, 0), extent(x, 2), extent(x, 1) * extent(x, 3)));
}

static void note_call(net *n, const char *kind, tw_expr q, tw_expr k) {
  const attention_call call = {kind, extent(q, 2), extent(k, 2), extent(q, 0), extent(q, 1), extent(q, 3)};
  if (n->n_calls == NET_CALLS) tw_fail(&n->error, TW_ERR_RANGE, "%s: more than %d attentions", n->name, NET_CALLS);
  else n->call[n->n_calls++] = call;
}

static tw_expr after(tw_expr past, tw_expr x) { return tw_is_none(past) ? x : tw_concat(2, (tw_expr[]){past, x}, 2); }

tw_expr net_attend(net *n, tw_expr x, tw_expr context, const attend_options *o) {
  if (tw_is_none(x) || !well(n)) return TW_NONE;
  const int64_t width = extent(x, 2);
  const tw_expr from = tw_is_none(context) ? x : context;
  tw_scope_push(n->graph, o->kind);
  const tw_expr q = split(net_linear(n, x, width), o->heads);
  const tw_expr k = after(o->past_keys, split(net_linear(n, from, width), o->heads));
  const tw_expr v = after(o->past_values, split(net_linear(n, from, width), o->heads));
  if (o->keys) *o->keys = k;
  if (o->values) *o->values = v;
  tw_expr y = TW_NONE;
  if (well(n)) {
    const tw_attention_options options = {.causal = o->causal};
    note_call(n, o->kind, q, k);
    tw_scope_push(n->graph, "attend");
    y = n->tiled ? tw_attention(q, k, v, &options) : tw_attention_unfused(q, k, v, &options);
    tw_scope_pop(n->graph);
  }
  if (!tw_is_none(y)) y = net_linear(n, merge(y), width);
  tw_scope_pop(n->graph);
  return y;
}

tw_expr net_transformer_block(net *n, tw_expr x, const attend_options *options) {
  if (tw_is_none(x)) return x;
  const int64_t width = extent(x, -1);
  x = tw_add(x, net_attend(n, net_layer_norm(n, x), TW_NONE, options));
  tw_scope_push(n->graph, "mlp");
  x = tw_add(x, net_linear(n, net_silu(net_linear(n, net_layer_norm(n, x), 4 * width)), width));
  tw_scope_pop(n->graph);
  return x;
}
