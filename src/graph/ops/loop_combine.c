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

/* target[index.., :] += value for the entries of `rows` iterations. */
static tw_status scatter(const tw_loop_attr *attr, const tw_loop_result *result, void *out,
                         const char *region, const size_t *offset, int64_t rows, tw_error *error) {
  const tw_loop_target *target = &attr->target[result->target];
  int64_t points = rows * tw_size_of(attr->body->outputs[result->first + 1]), tail = 1;
  for (int d = (int)result->n_index; d < target->shape.rank; d++) tail *= target->shape.dim[d];
  const int64_t *index[TW_MAX_RANK];
  for (int d = 0; d < result->n_index; d++)
    index[d] = (const int64_t *)(const void *)(region + offset[result->first + 1 + d]);
  const void *value = region + offset[result->first];
  void *place = tw_loop_place(attr, result->target, out);
  for (int64_t e = 0; e < points; e++) {
    int64_t at = 0;
    for (int d = 0; d < result->n_index; d++) {
      int64_t i = index[d][e], extent = target->shape.dim[d];
      if (i < 0 || i >= extent)
        return tw_fail(error, TW_ERR_RANGE, "index %lld is outside 0..%lld of axis %d", (long long)i,
                       (long long)extent - 1, d);
      at = at * extent + i;
    }
    if (attr->dtype == TW_F64) {
      double *to = (double *)place + at * tail;
      for (int64_t i = 0; i < tail; i++) to[i] += ((const double *)value)[e * tail + i];
    } else {
      float *to = (float *)place + at * tail;
      for (int64_t i = 0; i < tail; i++) to[i] += ((const float *)value)[e * tail + i];
    }
  }
  return TW_OK;
}

tw_status tw_loop_combine(const tw_loop_attr *attr, void *out, double *compensation, const char *region,
                          const size_t *offset, int64_t rows, tw_error *error) {
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
