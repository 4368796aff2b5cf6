/* Copying with conversion, a row at a time through a buffer of doubles, or of integers when both
 * sides are integers, so that int64 never passes through a double. */
#include "base/given.h"
#include "array/rows.h"

#include <math.h>
#include <string.h>

enum { BUFFER = 512 };

/* LOAD(name, buffer type, element type) reads n strided elements, STORE writes n contiguous ones. */
#define LOAD(name, wide, type)                                                                               \
  static void name(const void *row, int64_t stride, int64_t n, wide *buffer) {                               \
    const type *p = row;                                                                                     \
    for (int64_t i = 0; i < n; i++) buffer[i] = (wide)p[i * stride];                                         \
  }
#define STORE(name, wide, type)                                                                              \
  static void name(const wide *buffer, int64_t n, void *out) {                                               \
    type *p = out;                                                                                           \
    for (int64_t i = 0; i < n; i++) p[i] = (type)buffer[i];                                                  \
  }
LOAD(load_f64, double, double)
LOAD(load_f32, double, float)
LOAD(load_f64_i64, double, int64_t)
LOAD(load_f64_i32, double, int32_t)
LOAD(load_f64_u8, double, uint8_t)
LOAD(load_i64, int64_t, int64_t)
LOAD(load_i32, int64_t, int32_t)
LOAD(load_u8, int64_t, uint8_t)
STORE(store_f64, double, double)
STORE(store_f32, double, float)
STORE(store_f64_i64, double, int64_t)
STORE(store_f64_i32, double, int32_t)
STORE(store_f64_u8, double, uint8_t)
STORE(store_i64, int64_t, int64_t)
STORE(store_i32, int64_t, int32_t)
STORE(store_u8, int64_t, uint8_t)

static const struct {
  void (*load)(const void *row, int64_t stride, int64_t n, double *buffer);
  void (*store)(const double *buffer, int64_t n, void *out);
  void (*load_integer)(const void *row, int64_t stride, int64_t n, int64_t *buffer);
  void (*store_integer)(const int64_t *buffer, int64_t n, void *out);
  int64_t low, high;   /* integers that fit */
  double below, above; /* doubles strictly between truncate to integers that fit */
} kernels[TW_DTYPE_COUNT] = {
    [TW_F64] = {load_f64, store_f64, NULL, NULL, 0, 0, 0, 0},
    [TW_F32] = {load_f32, store_f32, NULL, NULL, 0, 0, 0, 0},
    /* -2^63 itself fits, and the double below it is -2^63 - 2048 */
    [TW_I64] = {load_f64_i64, store_f64_i64, load_i64, store_i64, INT64_MIN, INT64_MAX, -0x1.0000000000001p63,
                0x1p63},
    [TW_I32] = {load_f64_i32, store_f64_i32, load_i32, store_i32, INT32_MIN, INT32_MAX, -0x1p31 - 1, 0x1p31},
    [TW_U8] = {load_f64_u8, store_f64_u8, load_u8, store_u8, 0, UINT8_MAX, -1, 256},
    [TW_BOOL] = {load_f64_u8, store_f64_u8, load_u8, store_u8, 0, 1, 0, 0},
};

/* Index of the first entry that does not fit `to`, n if all do; booleans become 0 or 1. */
static int64_t fit_doubles(double *buffer, int64_t n, tw_dtype to) {
  if (to == TW_BOOL) {
    for (int64_t i = 0; i < n; i++) buffer[i] = buffer[i] != 0;
  } else if (tw_dtype_get(to)->kind == TW_KIND_INTEGER) {
    for (int64_t i = 0; i < n; i++)
      if (!(buffer[i] > kernels[to].below && buffer[i] < kernels[to].above)) return i;
  } else if (to == TW_F32) {
    for (int64_t i = 0; i < n; i++)
      if (isinf((float)buffer[i]) && !isinf(buffer[i])) return i;
  }
  return n;
}

static int64_t fit_integers(int64_t *buffer, int64_t n, tw_dtype to) {
  for (int64_t i = 0; i < n; i++) {
    if (to == TW_BOOL)
      buffer[i] = buffer[i] != 0;
    else if (buffer[i] < kernels[to].low || buffer[i] > kernels[to].high)
      return i;
  }
  return n;
}

/* Converts a run of n <= BUFFER elements; returns how many fit, and the first that does not in *misfit. */
#define CONVERT_RUN(name, wide, load, fit, store)                                                            \
  static int64_t name(tw_dtype in, const void *from, int64_t stride, int64_t n, tw_dtype out, void *to,      \
                      double *misfit) {                                                                      \
    wide buffer[BUFFER];                                                                                     \
    kernels[in].load(from, stride, n, buffer);                                                               \
    int64_t good = fit(buffer, n, out);                                                                      \
    if (good == n)                                                                                           \
      kernels[out].store(buffer, n, to);                                                                     \
    else                                                                                                     \
      *misfit = (double)buffer[good];                                                                        \
    return good;                                                                                             \
  }
CONVERT_RUN(convert_doubles, double, load, fit_doubles, store)
CONVERT_RUN(convert_integers, int64_t, load_integer, fit_integers, store_integer)

static tw_status convert(const tw_array *in, tw_array *out, tw_error *error) {
  const tw_dtype_info *from = tw_dtype_get(in->dtype), *to = tw_dtype_get(out->dtype);
  bool integers = from->kind != TW_KIND_FLOAT && to->kind != TW_KIND_FLOAT;
  tw_rows rows = tw_rows_of(in);
  int64_t done = 0;
  for (const char *row; (row = tw_rows_next(&rows));) {
    for (int64_t i = 0, n; i < rows.length; i += n, done += n) {
      n = rows.length - i < BUFFER ? rows.length - i : BUFFER;
      double misfit = 0;
      int64_t good = (integers ? convert_integers : convert_doubles)(
          in->dtype, row + i * rows.stride * (int64_t)from->size, rows.stride, n, out->dtype,
          (char *)out->data + (size_t)done * to->size, &misfit);
      char shape[TW_SHAPE_TEXT];
      if (good < n)
        return tw_fail(error, TW_ERR_RANGE, "%s array of shape %s: element %lld is %g, which does not fit %s",
                       from->name, tw_shape_text(&in->shape, shape), (long long)(done + good), misfit,
                       to->name);
    }
  }
  return TW_OK;
}

tw_status tw_array_copy(tw_array *out, const tw_array *in, tw_dtype dtype, tw_error *error) {
  TW_GIVEN(out);
  TW_GIVEN(in);
  tw_array copy;
  tw_status status = tw_array_new(&copy, dtype, in->shape, error);
  if (status == TW_OK) {
    if (in->dtype == dtype && tw_array_contiguous(in)) {
      size_t bytes = (size_t)tw_shape_size(&in->shape) * tw_dtype_get(dtype)->size;
      if (bytes) memcpy(copy.data, in->data, bytes);
    } else {
      status = convert(in, &copy, error);
    }
  }
  if (status != TW_OK) tw_array_free(&copy);
  *out = copy;
  return status;
}
