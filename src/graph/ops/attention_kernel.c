/* Tiled attention with the softmax carried along (Milakov & Gimelshein 2018; Rabe & Staats 2021; Dao et al. 2022). A tile of
 * queries goes over the keys block by block; with scores s_j of the block and what the blocks before left,
 *   m' = max(m, max_j s_j),  a = e^(m - m'),  l' = a l + sum_j e^(s_j - m'),  o' = a o + sum_j e^(s_j - m') v_j,
 * and at the end o / l. Memory is that of a block of scores, whatever the number of keys.
 *
 * m only keeps e^s within range. By Cauchy and Schwarz |s_j| <= |scale q| max_j |k_j|: where that is moderate, and no value is huge,
 * m = 0 throughout, and the maxima need not be found. The norms of the keys are worth it when there are many queries. */
#include "graph/ops/attention.h"
#include "graph/ops/loops.h"
#include "graph/ops/reduce.h"

#include <math.h>

enum {
  ROWS = 64,          /* queries of a tile */
  BLOCK = 256,        /* keys of a block, more where a tile has few queries */
  SCORES = ROWS * BLOCK,
  MANY = 256,         /* queries worth the norms of the keys */
  LINE = 64
};
/* Sums of nk < 2^60 products of e^s <= e^MODERATE and a value <= HUGE_VALUE stay finite. */
#define MODERATE 16
#define HUGE_VALUE 1e12

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

int64_t tw_attention_rows(const tw_attention_shape *s) {
  return s->nq > 1 ? least(s->nq, ROWS) : 1;
}

static int64_t columns_of(const tw_attention_shape *s) {
  const int64_t many = SCORES / tw_attention_rows(s);
  return s->nk > 1 ? least(s->nk, least(many, 16 * BLOCK)) : 1;
}

static int64_t tiles_of(const tw_attention_shape *s) {
  const int64_t rows = tw_attention_rows(s);
  return s->stack * ((s->nq + rows - 1) / rows);
}

/* Elements of a worker's room: a block of scores, a tile of scaled queries, and m, l and a. */
static int64_t room_of(const tw_attention_shape *s) {
  const int64_t rows = tw_attention_rows(s), all = rows * (columns_of(s) + s->d + 3);
  return (all + LINE - 1) / LINE * LINE;
}

static int workers_of(const tw_attention_shape *s) {
  const int64_t tiles = tiles_of(s);
  return (int)least(tw_cores(), tiles > 1 ? tiles : 1);
}

/* Before the workers' room: the bound of every entry's keys. */
static int64_t bounds_of(const tw_attention_shape *s) {
  return s->nq < MANY ? 0 : (s->stack + LINE - 1) / LINE * LINE;
}

size_t tw_attention_scratch(tw_expr node) {
  const tw_attention_shape s = tw_attention_shape_of(node);
  return (size_t)(bounds_of(&s) + workers_of(&s) * room_of(&s)) * tw_dtype_get(s.dtype)->size;
}

typedef struct attention_task {
  const tw_attention_shape *s;
  const void *q, *k, *v;
  void *out, *bound, *room; /* bound[entry] >= |k_j|; NULL: not known */
  int64_t room_size;
  tw_exp_sum *exp_sum;
  tw_fold_loop *max;
} attention_task;

#define KERNEL(T, suffix)                                                                                                   \
  static T norm_##suffix(const T *x, int64_t n) {                                                                           \
    T sum[8] = {0};                                                                                                         \
    for (int64_t i = 0; i < n; i++) sum[i & 7] += x[i] * x[i];                                                              \
    return (T)sqrt((double)(((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]))));            \
  }                                                                                                                         \
  /* The largest norm of an entry's keys; infinite where a value is huge or a norm is NaN. */                               \
  static void bound_##suffix(void *context, int64_t entry, int worker) {                                                    \
    const attention_task *t = context;                                                                                      \
    const tw_attention_shape *s = t->s;                                                                                     \
    const T *k = (const T *)t->k + entry * s->nk * s->d, *v = (const T *)t->v + entry * s->nk * s->e;                       \
    T most = 0;                                                                                                             \
    bool huge = false;                                                                                                      \
    (void)worker;                                                                                                           \
    for (int64_t i = 0; i < s->nk * s->e; i++) huge |= v[i] > (T)HUGE_VALUE || v[i] < -(T)HUGE_VALUE;                       \
    for (int64_t j = 0; j < s->nk && !huge; j++) {                                                                          \
      const T norm = norm_##suffix(k + j * s->d, s->d);                                                                     \
      most = norm > most ? norm : most;                                                                                     \
      huge = norm != norm;                                                                                                  \
    }                                                                                                                       \
    ((T *)t->bound)[entry] = huge ? (T)INFINITY : most;                                                                     \
  }                                                                                                                         \
  /* Whether all scores of n queries, scaled, are moderate. */                                                              \
  static bool moderate_##suffix(const attention_task *t, const T *scaled, int64_t n, int64_t entry) {                       \
    const T *bound = t->bound;                                                                                              \
    for (int64_t i = 0; i < n && bound; i++)                                                                                \
      if (!(norm_##suffix(scaled + i * t->s->d, t->s->d) * bound[entry] <= MODERATE)) return false;                         \
    return bound != NULL;                                                                                                   \
  }                                                                                                                         \
  /* Of the n scores at x the first `seen` become e^(s - m'), the others 0; returns their sum, m and a as above. m' = 0 where it is \
     infinite, so that inf - inf makes no NaN of its own. */                                                                \
  static T carry_##suffix(const attention_task *t, T *x, int64_t n, int64_t seen, bool moderate, T *m, T *a) {              \
    T top = 0, shift = 0;                                                                                                   \
    double sum = 0;                                                                                                         \
    *a = 1;                                                                                                                 \
    if (!moderate) {                                                                                                        \
      t->max(x, seen, 1, 1, &top);                                                                                          \
      top = top < *m ? *m : top;                                                                                            \
      shift = top - top == 0 ? top : 0;                                                                                     \
      *a = *m == -(T)INFINITY ? 0 : (T)exp((double)((*m - *m == 0 ? *m : 0) - shift));                                      \
      *m = top;                                                                                                             \
    }                                                                                                                       \
    for (int64_t j = 0; j < seen; j += TW_EXP_SUM_MOST)                                                                     \
      sum += t->exp_sum(least(seen - j, TW_EXP_SUM_MOST), x + j, (double)shift, x + j);                                     \
    for (int64_t j = seen; j < n; j++) x[j] = 0;                                                                            \
    return (T)sum;                                                                                                          \
  }                                                                                                                         \
  static void tile_##suffix(void *context, int64_t tile, int worker) {                                                      \
    const attention_task *t = context;                                                                                      \
    const tw_attention_shape *s = t->s;                                                                                     \
    const int64_t rows = tw_attention_rows(s), block = columns_of(s), in_entry = (s->nq + rows - 1) / rows;                 \
    const int64_t entry = tile / in_entry, first = tile % in_entry * rows, n = least(rows, s->nq - first);                  \
    const T *q = (const T *)t->q + (entry * s->nq + first) * s->d, *k = (const T *)t->k + entry * s->nk * s->d,             \
            *v = (const T *)t->v + entry * s->nk * s->e;                                                                    \
    T *out = (T *)t->out + (entry * s->nq + first) * s->e, *x = (T *)t->room + worker * t->room_size;                       \
    T *scaled = x + rows * block, *m = scaled + rows * s->d, *l = m + rows, *a = l + rows;                                  \
    const int64_t last = least(s->nk, first + n - 1 + s->ahead); /* no query of the tile sees more */                       \
    for (int64_t i = 0; i < n * s->d; i++) scaled[i] = (T)s->scale * q[i];                                                  \
    for (int64_t i = 0; i < n; i++) m[i] = -(T)INFINITY, l[i] = 0;                                                          \
    const bool moderate = moderate_##suffix(t, scaled, n, entry);                                                           \
    for (int64_t j = 0; j < last; j += block) {                                                                             \
      const int64_t keys = least(block, last - j);                                                                          \
      const tw_product scores = {.dtype = s->dtype, .m = n, .n = keys, .k = s->d, .tb = true, .lda = s->d, .ldb = s->d,     \
                                 .ldc = keys};                                                                              \
      const tw_product values = {.dtype = s->dtype, .m = n, .n = s->e, .k = keys, .lda = keys, .ldb = s->e, .ldc = s->e,    \
                                 .add = j > 0};                                                                             \
      tw_dense_product(&scores, scaled, k + j * s->d, x);                                                                   \
      for (int64_t i = 0; i < n; i++) { /* a row at a time, while it is in the cache */                                     \
        T *score = x + i * keys;                                                                                            \
        const int64_t seen = first + i + s->ahead - j;                                                                      \
        const T sum = carry_##suffix(t, score, keys, seen < 0 ? 0 : least(keys, seen), moderate, &m[i], &a[i]);             \
        l[i] = a[i] * l[i] + sum;                                                                                           \
        for (int64_t c = 0; c < s->e && j > 0 && a[i] != 1; c++) out[i * s->e + c] *= a[i];                                 \
      }                                                                                                                     \
      tw_dense_product(&values, x, v + j * s->e, out);                                                                      \
    }                                                                                                                       \
    for (int64_t i = 0; i < n; i++)                                                                                         \
      for (int64_t c = 0; c < s->e; c++) out[i * s->e + c] = last > 0 ? out[i * s->e + c] / l[i] : 0;                       \
  }
KERNEL(double, f64)
KERNEL(float, f32)

tw_status tw_attention_kernel(const tw_call *call) {
  const tw_attention_shape s = tw_attention_shape_of(call->node);
  attention_task t = {.s = &s, .q = call->in[0], .k = call->in[1], .v = call->in[2], .out = call->out, .room = call->scratch};
  if (s.stack == 0 || s.nq == 0 || s.e == 0) return TW_OK;
  t.room_size = room_of(&s);
  t.exp_sum = tw_exp_sum_get(s.dtype), t.max = tw_fold_get(TW_FOLD_MAX, s.dtype);
  const double work = (double)s.stack * (double)s.nq * (double)s.nk * (double)(s.d + s.e + 8) / 4;
  int threads = tw_call_threads(call, work < 1e15 ? (int64_t)work : TW_PARALLEL_WORK);
  if (threads <= 0 || threads > workers_of(&s)) threads = workers_of(&s);
  if (bounds_of(&s)) {
    t.bound = call->scratch;
    t.room = (char *)call->scratch + (size_t)bounds_of(&s) * tw_dtype_get(s.dtype)->size;
    tw_parallel(threads, s.stack, s.dtype == TW_F64 ? bound_f64 : bound_f32, &t);
  }
  tw_parallel(threads, tiles_of(&s), s.dtype == TW_F64 ? tile_f64 : tile_f32, &t);
  return TW_OK;
}
