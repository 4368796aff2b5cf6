/* The pixels that a kernel's taps read, as columns of a matrix (Chellapilla, Puri and Simard, 2006), and
 * their adjoint. */
#include "graph/ops/conv.h"

#include <string.h>

/* One tap along the last axis reads pixel `offset` + p stride, which is inside the image for first <= p <
 * end. */
typedef struct tap {
  int64_t offset[TW_CONV_AXES], first, end;
} tap;

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
  return x < low ? low : x > high ? high : x;
}

static tap tap_of(const tw_conv_shape *s, int64_t t) {
  enum { LAST = TW_CONV_AXES - 1 };
  tap of;
  for (int axis = LAST; axis >= 0; axis--) {
    of.offset[axis] = t % s->kernel[axis] * s->dilation[axis] - s->low[axis];
    t /= s->kernel[axis];
  }
  const int64_t step = s->stride[LAST], before = -of.offset[LAST], inside = s->image[LAST] - of.offset[LAST];
  of.first = before > 0 ? (before + step - 1) / step : 0;
  of.end = inside > 0 ? (inside + step - 1) / step : 0;
  return of;
}

/* Positions that differ in the last axis only, a stretch of a row of columns. */
typedef struct stretch {
  int64_t at, count; /* columns */
  int64_t inside,
      last; /* those of them whose pixel is in the image: at most as many as `count`, from the first on */
  int64_t pixel; /* of the first inside */
} stretch;

/* Walks the stretches of `count` positions. */
typedef struct walk {
  int64_t position[TW_CONV_AXES], at, count;
} walk;

static walk walk_begin(const tw_conv_shape *s, int64_t first, int64_t count) {
  walk w = {.count = count};
  for (int axis = TW_CONV_AXES - 1; axis >= 0; axis--) {
    w.position[axis] = first % s->out[axis];
    first /= s->out[axis];
  }
  return w;
}

static bool walk_next(walk *w, const tw_conv_shape *s, const tap *t, stretch *out) {
  enum { LAST = TW_CONV_AXES - 1 };
  if (w->at == w->count) return false;
  const int64_t from = w->position[LAST], left = w->count - w->at, row = s->out[LAST] - from;
  *out = (stretch){.at = w->at, .count = row < left ? row : left};
  bool inside = true;
  for (int axis = 0; axis < LAST; axis++) {
    const int64_t i = w->position[axis] * s->stride[axis] + t->offset[axis];
    inside = inside && i >= 0 && i < s->image[axis];
    out->pixel = (out->pixel + i) * s->image[axis + 1];
  }
  out->inside = inside ? clamp(t->first - from, 0, out->count) : out->count;
  out->last = inside ? clamp(t->end - from, out->inside, out->count) : out->count;
  out->pixel += (from + out->inside) * s->stride[LAST] + t->offset[LAST];
  w->at += out->count;
  w->position[LAST] = from + out->count;
  for (int axis = LAST; axis > 0 && w->position[axis] == s->out[axis]; axis--) {
    w->position[axis] = 0;
    w->position[axis - 1]++;
  }
  return true;
}

/* `step` pixels apart; elements are moved whole. */
#define DEFINE_GATHER(type)                                                                                  \
  static void gather_##type(const stretch *g, int64_t step, const type *x, type *col) {                      \
    const int64_t inside = g->last - g->inside;                                                              \
    col += g->at;                                                                                            \
    for (int64_t i = 0; i < g->inside; i++) col[i] = 0;                                                      \
    if (step == 1 && inside > 0)                                                                             \
      memcpy(col + g->inside, x + g->pixel, (size_t)inside * sizeof *x);                                     \
    else                                                                                                     \
      for (int64_t i = 0; i < inside; i++) col[g->inside + i] = x[g->pixel + i * step];                      \
    for (int64_t i = g->last; i < g->count; i++) col[i] = 0;                                                 \
  }                                                                                                          \
  static void scatter_##type(const stretch *g, int64_t step, const type *col, type *x) {                     \
    col += g->at;                                                                                            \
    for (int64_t i = g->inside; i < g->last; i++) x[g->pixel + (i - g->inside) * step] += col[i];            \
  }
DEFINE_GATHER(double)
DEFINE_GATHER(float)

void tw_conv_gather(const tw_conv_shape *s, int64_t channels, int64_t first, int64_t count, const void *x,
                    void *col) {
  const int64_t step = s->stride[TW_CONV_AXES - 1];
  for (int64_t t = 0; t < s->taps; t++) {
    const tap of = tap_of(s, t);
    walk w = walk_begin(s, first, count);
    for (stretch g; walk_next(&w, s, &of, &g);)
      for (int64_t c = 0; c < channels; c++) {
        const void *from = tw_dense_at(s->dtype, x, c * s->pixels);
        void *to = tw_dense_put(s->dtype, col, (c * s->taps + t) * count);
        if (s->dtype == TW_F64)
          gather_double(&g, step, from, to);
        else
          gather_float(&g, step, from, to);
      }
  }
}

void tw_conv_scatter(const tw_conv_shape *s, int64_t channels, int64_t first, int64_t count, const void *col,
                     void *x) {
  const int64_t step = s->stride[TW_CONV_AXES - 1];
  for (int64_t t = 0; t < s->taps; t++) {
    const tap of = tap_of(s, t);
    walk w = walk_begin(s, first, count);
    for (stretch g; walk_next(&w, s, &of, &g);)
      for (int64_t c = 0; c < channels; c++) {
        const void *from = tw_dense_at(s->dtype, col, (c * s->taps + t) * count);
        void *to = tw_dense_put(s->dtype, x, c * s->pixels);
        if (s->dtype == TW_F64)
          scatter_double(&g, step, from, to);
        else
          scatter_float(&g, step, from, to);
      }
  }
}
