/* unet: one denoising step of a latent diffusion model (Rombach et al., 2022). decoder: a language model, its prompt and one token
 * after it. image-tokens: an image as a sequence of tokens, one by one after those before (Chang et al. 2022 for all at once).
 * video: a block of factorized space-time layers (Ho et al., 2022). */
#include "workloads.h"

#include <string.h>

enum { UNET_BASE = 32, UNET_LATENT = 4, UNET_TEXT = 64, UNET_TIME = 128, HEADS = 4 };

/* ------------------------------------------------------------------ unet */

/* x + conv(silu(norm(conv(silu(norm x)) + time))), x by a 1 x 1 convolution where channels change. */
static tw_expr residual(net *n, tw_expr x, tw_expr time, int64_t channels) {
  if (tw_is_none(x)) return x;
  tw_scope_push(n->graph, "residual");
  tw_expr h = net_conv(n, net_silu(net_group_norm(n, x, 8)), channels, 3, 1);
  const tw_expr t = net_linear(n, net_silu(time), channels);
  if (!tw_is_none(t)) h = tw_add(h, tw_reshape(t, TW_SHAPE(-1, channels, 1, 1)));
  h = net_conv(n, net_silu(net_group_norm(n, h, 8)), channels, 3, 1);
  if (tw_shape_of(x).dim[1] != channels) x = net_conv(n, x, channels, 1, 1);
  x = tw_add(x, h);
  tw_scope_pop(n->graph);
  return x;
}

/* Self and cross attention of the pixels, x [N, C, H, W]. */
static tw_expr attentions(net *n, tw_expr x, tw_expr text) {
  if (tw_is_none(x)) return x;
  const tw_shape s = tw_shape_of(x);
  tw_expr t = tw_transpose(tw_reshape(x, TW_SHAPE(s.dim[0], s.dim[1], -1)), (int[]){0, 2, 1});
  t = tw_add(t, net_attend(n, net_layer_norm(n, t), TW_NONE, &(attend_options){.kind = "self", .heads = HEADS}));
  t = tw_add(t, net_attend(n, net_layer_norm(n, t), text, &(attend_options){.kind = "cross", .heads = HEADS}));
  return tw_reshape(tw_transpose(t, (int[]){0, 2, 1}), s);
}

static tw_expr level(net *n, const char *name, tw_expr x, tw_expr time, tw_expr text, int64_t channels) {
  tw_scope_push(n->graph, name);
  x = residual(n, x, time, channels);
  if (!tw_is_none(text)) x = attentions(n, x, text);
  tw_scope_pop(n->graph);
  return x;
}

static tw_expr join(tw_expr a, tw_expr b) { return tw_concat(2, (tw_expr[]){a, b}, 1); }

static void build_unet(net *n, const workload_size *s, bool tiled) {
  net_open(n, "unet", tiled);
  const tw_expr x = net_normal(n, TW_SHAPE(s->batch, UNET_LATENT, s->size, s->size), 1);
  const tw_expr text = net_normal(n, TW_SHAPE(s->batch, s->text, UNET_TEXT), 1), step = net_normal(n, TW_SHAPE(s->batch, UNET_BASE), 1);
  const tw_expr time = net_linear(n, net_silu(net_linear(n, step, UNET_TIME)), UNET_TIME);
  const tw_expr fine = level(n, "down0", net_conv(n, x, UNET_BASE, 3, 1), time, TW_NONE, UNET_BASE);
  const tw_expr middle = level(n, "down1", net_conv(n, fine, UNET_BASE, 3, 2), time, text, 2 * UNET_BASE);
  const tw_expr coarse = level(n, "mid", net_conv(n, middle, 2 * UNET_BASE, 3, 2), time, text, 4 * UNET_BASE);
  const tw_expr up = level(n, "up1", join(net_upsample(n, coarse), middle), time, text, 2 * UNET_BASE);
  const tw_expr out = level(n, "up0", join(net_upsample(n, up), fine), time, TW_NONE, UNET_BASE);
  net_output(n, net_conv(n, net_silu(net_group_norm(n, out, 8)), UNET_LATENT, 3, 1));
}

/* ------------------------------------------------------------------ transformers over tokens */

typedef struct decoder {
  int64_t layers, width, vocabulary;
  int64_t queries, past; /* tokens of this call; those in the cache */
  bool causal, keeps;    /* keeps: keys and values are outputs */
} decoder;

static void build_decoder(net *n, const decoder *d, int64_t batch) {
  const int64_t part = d->width / HEADS;
  const tw_expr ids = net_integers(n, batch * d->queries, d->vocabulary);
  tw_scope_push(n->graph, "embedding");
  tw_expr x = tw_take(net_normal(n, TW_SHAPE(d->vocabulary, d->width), 1), 1, &ids);
  x = tw_add(tw_reshape(x, TW_SHAPE(batch, d->queries, d->width)), net_normal(n, TW_SHAPE(d->queries, d->width), 0.1));
  tw_scope_pop(n->graph);
  for (int64_t l = 0; l < d->layers; l++) {
    char name[16];
    tw_expr keys, values;
    attend_options o = {.kind = "self", .heads = HEADS, .causal = d->causal, .past_keys = TW_NONE, .past_values = TW_NONE};
    snprintf(name, sizeof name, "layer%d", (int)l);
    if (d->past) o.past_keys = net_normal(n, TW_SHAPE(batch, HEADS, d->past, part), 1);
    if (d->past) o.past_values = net_normal(n, TW_SHAPE(batch, HEADS, d->past, part), 1);
    if (d->keeps) o.keys = &keys, o.values = &values;
    tw_scope_push(n->graph, name);
    x = net_transformer_block(n, x, &o);
    tw_scope_pop(n->graph);
    if (d->keeps) net_output(n, keys), net_output(n, values);
  }
  tw_scope_push(n->graph, "head");
  net_output(n, net_linear(n, net_layer_norm(n, x), d->vocabulary));
  tw_scope_pop(n->graph);
}

static void build_prefill(net *n, const workload_size *s, bool tiled) {
  net_open(n, "prefill", tiled);
  build_decoder(n, &(decoder){.layers = 4, .width = 256, .vocabulary = 1024, .queries = s->size, .causal = true, .keeps = true}, s->batch);
}

/* The last token of a context of `size`. */
static void build_decode(net *n, const workload_size *s, bool tiled) {
  net_open(n, "decode", tiled);
  const decoder d = {.layers = 4, .width = 256, .vocabulary = 1024, .queries = 1, .past = s->size - 1, .causal = true, .keeps = true};
  build_decoder(n, &d, s->batch);
}

/* The last of size^2 image tokens, after the text and those before. */
static void build_autoregressive(net *n, const workload_size *s, bool tiled) {
  net_open(n, "autoregressive", tiled);
  const decoder d = {
      .layers = 4, .width = 256, .vocabulary = 512, .queries = 1, .past = s->text + s->size * s->size - 1, .causal = true, .keeps = true};
  build_decoder(n, &d, s->batch);
}

/* All positions at once, of text and image. */
static void build_masked(net *n, const workload_size *s, bool tiled) {
  net_open(n, "masked", tiled);
  build_decoder(n, &(decoder){.layers = 4, .width = 256, .vocabulary = 512, .queries = s->text + s->size * s->size}, s->batch);
}

/* ------------------------------------------------------------------ video */

/* [B, F, C, H, W] -> [B H W, C, F] for layers over time, and back. */
static tw_expr by_pixel(tw_expr x, const tw_shape *s) {
  return tw_reshape(tw_transpose(x, (int[]){0, 3, 4, 2, 1}), TW_SHAPE(s->dim[0] * s->dim[3] * s->dim[4], s->dim[2], s->dim[1]));
}

static tw_expr by_frame(tw_expr x, const tw_shape *s) {
  return tw_transpose(tw_reshape(x, TW_SHAPE(s->dim[0], s->dim[3], s->dim[4], s->dim[2], s->dim[1])), (int[]){0, 4, 3, 1, 2});
}

/* Attention among the last axis of x [N, C, T]. */
static tw_expr attend_last(net *n, tw_expr x, const char *kind) {
  if (tw_is_none(x)) return x;
  const tw_expr t = tw_transpose(x, (int[]){0, 2, 1});
  const tw_expr y = tw_add(t, net_attend(n, net_layer_norm(n, t), TW_NONE, &(attend_options){.kind = kind, .heads = HEADS}));
  return tw_transpose(y, (int[]){0, 2, 1});
}

static void build_video(net *n, const workload_size *s, bool tiled) {
  enum { CHANNELS = 64 };
  net_open(n, "video", tiled);
  const tw_shape shape = TW_SHAPE(s->batch, s->frames, CHANNELS, s->size, s->size);
  const tw_shape images = TW_SHAPE(s->batch * s->frames, CHANNELS, s->size, s->size);
  tw_expr x = net_normal(n, shape, 1);
  tw_scope_push(n->graph, "space");
  x = tw_reshape(net_conv(n, net_silu(net_group_norm(n, tw_reshape(x, images), 8)), CHANNELS, 3, 1), shape);
  tw_scope_pop(n->graph);
  tw_scope_push(n->graph, "time");
  x = by_frame(net_conv(n, net_silu(net_group_norm(n, by_pixel(x, &shape), 8)), CHANNELS, 3, 1), &shape);
  tw_scope_pop(n->graph);
  tw_scope_push(n->graph, "spatial-module");
  x = tw_reshape(attend_last(n, tw_reshape(x, TW_SHAPE(images.dim[0], CHANNELS, -1)), "spatial"), shape);
  tw_scope_pop(n->graph);
  tw_scope_push(n->graph, "temporal-module");
  x = by_frame(attend_last(n, by_pixel(x, &shape), "temporal"), &shape);
  tw_scope_pop(n->graph);
  net_output(n, x);
}

/* ------------------------------------------------------------------ table */

const workload workloads[WORKLOADS] = {
    {"unet", "latent diffusion: a denoising step", "latent side", {32, 1, 1, 77}, 1, {build_unet}, {"denoise"}, {RUN_STEPS}},
    {"decoder", "language model: prompt, then token by token", "context", {256, 1, 1, 0}, 2, {build_prefill, build_decode},
     {"prefill", "decode"}, {RUN_ONCE, RUN_STEPS}},
    {"image-tokens", "image tokens one by one, and all at once", "side in tokens", {16, 1, 1, 16}, 2,
     {build_autoregressive, build_masked}, {"autoregressive", "masked"}, {RUN_PIXELS, RUN_STEPS}},
    {"video", "block of space and time layers", "image side", {32, 16, 1, 0}, 1, {build_video}, {"block"}, {RUN_STEPS}},
};

const workload *workload_find(const char *name) {
  for (int i = 0; i < WORKLOADS; i++)
    if (strcmp(workloads[i].name, name) == 0) return &workloads[i];
  return NULL;
}

workload_size workload_sizes(const workload *w, const workload_size *size) {
  workload_size s = *size;
  if (s.size == 0) s.size = w->usual.size;
  if (s.frames == 0) s.frames = w->usual.frames;
  if (s.batch == 0) s.batch = w->usual.batch;
  if (s.text == 0) s.text = w->usual.text;
  return s;
}

int64_t workload_calls(const workload *w, int part, const workload_size *size, int64_t steps) {
  return w->runs[part] == RUN_ONCE ? 1 : w->runs[part] == RUN_STEPS ? steps : size->size * size->size;
}
