/* Convolution as matrix products: for one image and one group, with W [k, c taps] and the columns X [c taps,
 * positions], y = W X,   x = scatter of W'y,   w = sum over images of y X'. Work is cut into tiles of
 * positions whose columns stay in the second-level cache; a tile is made by one thread. */
#include "graph/ops/conv.h"

#include <stdlib.h>
#include <string.h>

enum {
  TILE_BYTES = 1 << 18, /* columns of a tile */
  TILE_LEAST = 64,      /* positions of a tile, where there are as many */
  TASKS = 16,           /* as many as there should be at least */
  CHUNKS = 8            /* partial sums at most */
};

typedef struct cut {
  int64_t block, blocks; /* input channels at a time (conv: all) */
  int64_t tile, tiles;   /* positions at a time */
  int64_t chunks, units; /* of role W: chunks of units, a unit being a tile of an image */
  int64_t tasks;
} cut;

static int64_t pieces_of(int64_t extent, int64_t piece) {
  return (extent + piece - 1) / piece;
}
static int64_t between(int64_t x, int64_t low, int64_t high) {
  return x > high ? high : x < low ? low : x;
}

static cut cut_of(const tw_conv_shape *s) {
  const int64_t element = (int64_t)tw_dtype_get(s->dtype)->size, room = TILE_BYTES / element;
  const int64_t least = s->positions < TILE_LEAST ? s->positions : TILE_LEAST;
  cut p = {.block = s->c};
  if (s->role != TW_CONV_Y) {
    const int64_t alike = s->role == TW_CONV_X ? s->images * s->groups : s->groups;
    const int64_t fit = room / (s->taps * least), wanted = pieces_of(TASKS, alike);
    p.blocks = between(pieces_of(s->c, fit > 0 ? fit : 1), s->role == TW_CONV_X ? wanted : 1, s->c);
    p.block = pieces_of(s->c, p.blocks);
  }
  p.blocks = pieces_of(s->c, p.block);
  p.tiles = pieces_of(s->positions, between(room / (p.block * s->taps), least, s->positions));
  p.tile = pieces_of(s->positions, p.tiles);
  p.tiles = pieces_of(s->positions, p.tile);
  p.units = s->images * p.tiles;
  p.chunks = between(pieces_of(TASKS, s->groups * p.blocks), 1, p.units < CHUNKS ? p.units : CHUNKS);
  p.tasks = s->role == TW_CONV_Y   ? s->groups * p.units
            : s->role == TW_CONV_X ? s->images * s->groups * p.blocks
                                   : p.chunks * s->groups * p.blocks;
  return p;
}

int64_t tw_conv_chunks(const tw_conv_shape *s) {
  return s->role == TW_CONV_W ? cut_of(s).chunks : 1;
}
/* ------------------------------------------------------------------ tasks */

typedef struct products {
  tw_conv_shape shape;
  cut cut;
  size_t bytes; /* of the columns of a tile */
} products;

typedef struct job {
  const products *products;
  int workers;
  char *memory;
  const void *x, *w, *y; /* of the call; one of them is the result */
  void *out;
} job;

/* The columns of `channels` channels of x at a tile, and how far their rows lie apart. */
static const void *columns(const job *j, int64_t channels, int64_t first, int64_t count, const void *x,
                           void *memory, int64_t *ld) {
  const tw_conv_shape *s = &j->products->shape;
  *ld = s->pointwise ? s->pixels : count;
  if (s->pointwise) return tw_dense_at(s->dtype, x, first);
  tw_conv_gather(s, channels, first, count, x, memory);
  return memory;
}

static int64_t count_of(int64_t extent, int64_t first, int64_t piece) {
  return extent - first < piece ? extent - first : piece;
}

/* y[n, g, :, tile] = W[g] X */
static void conv_task(void *context, int64_t task, int worker) {
  const job *j = context;
  const tw_conv_shape *s = &j->products->shape;
  const cut *by = &j->products->cut;
  const int64_t first = task % by->tiles * by->tile, image_group = task / by->tiles, depth = s->c * s->taps;
  const int64_t count = count_of(s->positions, first, by->tile), group = image_group % s->groups;
  int64_t ld;
  const void *x = tw_dense_at(s->dtype, j->x, image_group * s->c * s->pixels);
  const void *col = columns(j, s->c, first, count, x, j->memory + (size_t)worker * j->products->bytes, &ld);
  const tw_product p = {s->dtype, s->k, count, depth, false, false, depth, ld, s->positions, false};
  tw_dense_product(&p, tw_dense_at(s->dtype, j->w, group * s->k * depth), col,
                   tw_dense_put(s->dtype, j->out, image_group * s->k * s->positions + first));
}

/* x[n, g, block] = the scattered W[g][:, block]' y[n, g], tile after tile. */
static void input_task(void *context, int64_t task, int worker) {
  const job *j = context;
  const tw_conv_shape *s = &j->products->shape;
  const cut *by = &j->products->cut;
  const int64_t channel = task % by->blocks * by->block, image_group = task / by->blocks;
  const int64_t channels = count_of(s->c, channel, by->block), group = image_group % s->groups,
                depth = s->c * s->taps;
  const void *w = tw_dense_at(s->dtype, j->w, group * s->k * depth + channel * s->taps);
  const void *y = tw_dense_at(s->dtype, j->y, image_group * s->k * s->positions);
  void *x = tw_dense_put(s->dtype, j->out, (image_group * s->c + channel) * s->pixels);
  void *col = j->memory + (size_t)worker * j->products->bytes;
  tw_product p = {s->dtype, channels * s->taps, s->positions, s->k, true, false,
                  depth,    s->positions,       s->pixels,    false};
  if (s->pointwise) {
    tw_dense_product(&p, w, y, x);
    return;
  }
  memset(x, 0, (size_t)(channels * s->pixels) * tw_dtype_get(s->dtype)->size);
  for (int64_t first = 0; first < s->positions; first += by->tile) {
    p.n = p.ldc = count_of(s->positions, first, by->tile);
    tw_dense_product(&p, w, tw_dense_at(s->dtype, y, first), col);
    tw_conv_scatter(s, channels, first, p.n, col, x);
  }
}

/* w[g][:, block] = the sum of y[n, g] X' over the tiles of a chunk. */
static void weight_task(void *context, int64_t task, int worker) {
  const job *j = context;
  const tw_conv_shape *s = &j->products->shape;
  const cut *by = &j->products->cut;
  const int64_t block = task % by->blocks, group = task / by->blocks % s->groups,
                chunk = task / (by->blocks * s->groups);
  const int64_t channel = block * by->block, channels = count_of(s->c, channel, by->block),
                depth = s->c * s->taps;
  const int64_t end = by->units * (chunk + 1) / by->chunks;
  void *out =
      tw_dense_put(s->dtype, j->out, chunk * s->size[TW_CONV_W] + group * s->k * depth + channel * s->taps);
  tw_product p = {s->dtype, s->k, channels * s->taps, 0, false, true, s->positions, 0, depth, false};
  for (int64_t unit = by->units * chunk / by->chunks; unit < end; unit++) {
    const int64_t first = unit % by->tiles * by->tile, image_group = unit / by->tiles * s->groups + group;
    p.k = count_of(s->positions, first, by->tile);
    const void *x = tw_dense_at(s->dtype, j->x, (image_group * s->c + channel) * s->pixels);
    const void *col =
        columns(j, channels, first, p.k, x, j->memory + (size_t)worker * j->products->bytes, &p.ldb);
    tw_dense_product(&p, tw_dense_at(s->dtype, j->y, image_group * s->k * s->positions + first), col, out);
    p.add = true;
  }
}

/* ------------------------------------------------------------------ the way */

static void *products_make(const tw_conv_shape *s) {
  products *p = malloc(sizeof *p);
  if (!p) return NULL;
  *p = (products){.shape = *s, .cut = cut_of(s)};
  const size_t bytes = (size_t)(p->cut.block * s->taps * p->cut.tile) * tw_dtype_get(s->dtype)->size;
  p->bytes = s->pointwise ? 0 : (bytes + 63) / 64 * 64;
  return p;
}

static int64_t products_tasks(const void *made) {
  return ((const products *)made)->cut.tasks;
}

static void products_close(void *state) {
  job *j = state;
  if (j) free(j->memory);
  free(j);
}

static void *products_open(const void *made, int workers) {
  job *j = calloc(1, sizeof *j);
  if (!j) return NULL;
  *j = (job){.products = made, .workers = workers};
  j->memory = tw_alloc((size_t)workers, j->products->bytes);
  if (j->memory) return j;
  products_close(j);
  return NULL;
}

static tw_status products_run(void *state, const tw_call *call, void *const role[TW_CONV_ROLES]) {
  job *j = state;
  const tw_conv_shape *s = &j->products->shape;
  const int threads = tw_conv_threads(call, j->workers);
  const int64_t chunks = tw_conv_chunks(s);
  j->x = role[TW_CONV_X], j->w = role[TW_CONV_W], j->y = role[TW_CONV_Y];
  j->out = chunks > 1 ? call->scratch : role[s->role];
  tw_parallel(threads, j->products->cut.tasks,
              s->role == TW_CONV_Y   ? conv_task
              : s->role == TW_CONV_X ? input_task
                                     : weight_task,
              j);
  if (chunks > 1) tw_conv_join(s, chunks, call->scratch, role[TW_CONV_W], threads);
  return TW_OK;
}

const tw_conv_way tw_conv_by_products = {products_make, free,           products_tasks,
                                         products_open, products_close, products_run};
