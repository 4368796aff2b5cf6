/* What iterations give, laid out in memory and added up in the loop's targets. Sums over many iterations
 * carry their error along. */
#include "graph/ops/loop.h"

enum { LINE = 64, WORD = 8 };

/* Arrays of a cache line and more begin on one; smaller ones lie close together. */
size_t tw_loop_layout(const tw_body *body, int64_t tile, size_t *offset) {
  size_t end = 0, most = WORD;
  for (int i = 0; i < body->n_outputs; i++) {
    size_t element = tw_dtype_get(tw_dtype_of(body->outputs[i]))->size;
    size_t bytes = (size_t)(tile * tw_size_of(body->outputs[i])) * element,
           align = bytes < LINE ? WORD : LINE;
    if (align > most) most = align;
    end = (end + align - 1) / align * align;
    if (offset) offset[i] = end;
    end += bytes;
  }
  return (end + most - 1) / most * most;
}

int64_t tw_loop_sums(const tw_loop_attr *attr) {
  int64_t size = 0;
  for (int i = 0; i < attr->n_results; i++)
    if (attr->result[i].kind == TW_LOOP_SUM) size += tw_size_of(attr->body->outputs[attr->result[i].first]);
  return size;
}

char *tw_loop_place(const tw_loop_attr *attr, int64_t target, void *out) {
  return (char *)out + (size_t)attr->target[target].offset * tw_dtype_get((tw_dtype)attr->dtype)->size;
}

/* Neumaier's compensated sum; `c` collects what the additions lose. */
#define ADD_COMPENSATED(T)                                                                                   \
  static void add_##T(T *out, double *c, const T *x, int64_t size) {                                         \
    for (int64_t i = 0; i < size; i++) {                                                                     \
      T a = out[i], b = x[i], t = (T)(a + b);                                                                \
      c[i] += (a < 0 ? -a : a) >= (b < 0 ? -b : b) ? (double)((a - t) + b) : (double)((b - t) + a);          \
      out[i] = t;                                                                                            \
    }                                                                                                        \
  }
ADD_COMPENSATED(double)
ADD_COMPENSATED(float)

static void add_sum(void *out, double *c, const void *x, tw_dtype dtype, int64_t size) {
  if (dtype == TW_F64)
    add_double(out, c, x, size);
  else if (dtype == TW_F32)
    add_float(out, c, x, size);
  else
    for (int64_t i = 0; i < size; i++) ((int64_t *)out)[i] += ((const int64_t *)x)[i];
}

static void add_rest(void *out, const double *c, tw_dtype dtype, int64_t size) {
  for (int64_t i = 0; i < size; i++) {
    if (c[i] == 0 || c[i] != c[i]) continue; /* NaN: an infinite sum needs no correction */
    if (dtype == TW_F64) ((double *)out)[i] += c[i];
    if (dtype == TW_F32) ((float *)out)[i] = (float)((double)((float *)out)[i] + c[i]);
  }
}

/* to[(at + slope e) tail ..] += value[e, ..] for e < n, at and slope in slots of `tail` elements. */
#define ADD_STEPS(T)                                                                                         \
  static void add_steps_##T(T *to, int64_t at, int64_t slope, int64_t tail, const T *value, int64_t n) {     \
    to += at * tail;                                                                                         \
    if (tail == 1 && slope == 1)                                                                             \
      for (int64_t e = 0; e < n; e++) to[e] += value[e];                                                     \
    else if (tail == 1)                                                                                      \
      for (int64_t e = 0; e < n; e++) to[slope * e] += value[e];                                             \
    else                                                                                                     \
      for (int64_t e = 0; e < n; e++)                                                                        \
        for (int64_t i = 0; i < tail; i++) to[slope * e * tail + i] += value[e * tail + i];                  \
  }
ADD_STEPS(double)
ADD_STEPS(float)

/* The values of some iterations and where they go. */
typedef struct scattering {
  const tw_loop_target *target;
  tw_dtype dtype;
  int n_index;
  const int64_t *index[TW_MAX_RANK]; /* of every entry; of the first alone where slope >= 0 */
  int64_t slope[TW_MAX_RANK];
  int64_t points, tail;
  const void *value;
  void *place;
} scattering;

static void add_entries(const scattering *c, int64_t at, int64_t slope, int64_t first, int64_t n) {
  if (c->dtype == TW_F64)
    add_steps_double(c->place, at, slope, c->tail, (const double *)c->value + first * c->tail, n);
  else
    add_steps_float(c->place, at, slope, c->tail, (const float *)c->value + first * c->tail, n);
}

static tw_status outside(const scattering *c, int64_t index, int d, tw_error *error) {
  return tw_fail(error, TW_ERR_RANGE, "index %lld is outside 0..%lld of axis %d", (long long)index,
                 (long long)c->target->shape.dim[d] - 1, d);
}

/* Where all indices step evenly one look at both ends is enough. */
static tw_status scatter_steps(const scattering *c, tw_error *error) {
  int64_t at = 0, slope = 0;
  for (int d = 0; d < c->n_index; d++) {
    const int64_t extent = c->target->shape.dim[d], low = *c->index[d], high = low + c->slope[d] * (c->points - 1);
    if (low < 0 || low >= extent) return outside(c, low, d, error);
    if (high >= extent) return outside(c, high, d, error);
    at = at * extent + low;
    slope = slope * extent + c->slope[d];
  }
  add_entries(c, at, slope, 0, c->points);
  return TW_OK;
}

static tw_status scatter_entries(const scattering *c, tw_error *error) {
  for (int64_t e = 0; e < c->points; e++) {
    int64_t at = 0;
    for (int d = 0; d < c->n_index; d++) {
      const int64_t extent = c->target->shape.dim[d], i = c->slope[d] < 0 ? c->index[d][e] : *c->index[d] + c->slope[d] * e;
      if (i < 0 || i >= extent) return outside(c, i, d, error);
      at = at * extent + i;
    }
    add_entries(c, at, 0, e, 1);
  }
  return TW_OK;
}

/* target[index.., :] += value for the entries of these iterations. */
static tw_status scatter(const tw_loop_attr *attr, const tw_loop_result *result, void *out, const char *region,
                         const size_t *offset, const tw_loop_rows *rows, tw_error *error) {
  const int64_t each = tw_size_of(attr->body->outputs[result->first + 1]);
  scattering c = {.target = &attr->target[result->target], .dtype = (tw_dtype)attr->dtype, .n_index = (int)result->n_index,
                  .points = rows->count * each, .tail = 1, .place = tw_loop_place(attr, result->target, out)};
  for (int d = c.n_index; d < c.target->shape.rank; d++) c.tail *= c.target->shape.dim[d];
  c.value = region + offset[result->first] + (size_t)(rows->skip * each * c.tail) * tw_dtype_get(c.dtype)->size;
  int64_t start[TW_MAX_RANK];
  bool even = true;
  for (int d = 0; d < c.n_index; d++) {
    const int64_t *index = (const void *)(region + offset[result->first + 1 + d]);
    c.slope[d] = rows->slope ? rows->slope[result->first + 1 + d] : -1;
    even = even && c.slope[d] >= 0;
    start[d] = c.slope[d] < 0 ? 0 : (int64_t)((uint64_t)*index + (uint64_t)(c.slope[d] * rows->skip));
    c.index[d] = c.slope[d] < 0 ? index + rows->skip * each : &start[d];
  }
  return even ? scatter_steps(&c, error) : scatter_entries(&c, error);
}

tw_status tw_loop_combine(const tw_loop_attr *attr, void *out, double *compensation, const char *region,
                          const size_t *offset, const tw_loop_rows *rows, tw_error *error) {
  double *c = compensation;
  for (int i = 0; i < attr->n_results; i++) {
    const tw_loop_result *result = &attr->result[i];
    if (result->kind == TW_LOOP_SUM) {
      int64_t size = tw_size_of(attr->body->outputs[result->first]);
      add_sum(tw_loop_place(attr, result->target, out), c, region + offset[result->first],
              (tw_dtype)attr->dtype, size);
      c += size;
    } else if (result->kind == TW_LOOP_SCATTER) {
      tw_status status = scatter(attr, result, out, region, offset, rows, error);
      if (status != TW_OK) return status;
    }
  }
  return TW_OK;
}

void tw_loop_finish(const tw_loop_attr *attr, void *out, const double *compensation) {
  const double *c = compensation;
  for (int i = 0; i < attr->n_results; i++) {
    const tw_loop_result *result = &attr->result[i];
    if (result->kind != TW_LOOP_SUM) continue;
    int64_t size = tw_size_of(attr->body->outputs[result->first]);
    add_rest(tw_loop_place(attr, result->target, out), c, (tw_dtype)attr->dtype, size);
    c += size;
  }
}
