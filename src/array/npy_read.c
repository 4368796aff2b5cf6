/* npy reader (NumPy format versions 1.0 to 3.0; Kern, NEP 1, 2007). */
#include "base/given.h"
#include "array/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ element types */

/* IEEE 754 binary16 to binary32. */
static float half_to_float(uint16_t h) {
  int exponent = (h >> 10) & 31, mantissa = h & 1023;
  float value = exponent == 31  ? (mantissa ? NAN : HUGE_VALF)
                : exponent == 0 ? ldexpf((float)mantissa, -24)
                                : ldexpf((float)(mantissa + 1024), exponent - 25);
  return h & 0x8000 ? -value : value;
}

/* DECODE(name, raw, type, expression of raw v): n elements of the machine's byte order. */
#define DECODE(name, raw, type, expression)                                                                  \
  static void name(const unsigned char *from, size_t n, void *to) {                                          \
    type *out = to;                                                                                          \
    for (size_t i = 0; i < n; i++) {                                                                         \
      raw v;                                                                                                 \
      memcpy(&v, from + i * sizeof v, sizeof v);                                                             \
      out[i] = expression;                                                                                   \
    }                                                                                                        \
  }
DECODE(decode_f8, double, double, v)
DECODE(decode_f4, float, float, v)
DECODE(decode_f2, uint16_t, float, half_to_float(v))
DECODE(decode_i8, int64_t, int64_t, v)
DECODE(decode_i4, int32_t, int32_t, v)
DECODE(decode_i2, int16_t, int32_t, v)
DECODE(decode_i1, int8_t, int32_t, v)
DECODE(decode_u4, uint32_t, int64_t, v)
DECODE(decode_u2, uint16_t, int32_t, v)
DECODE(decode_u1, uint8_t, uint8_t, v)
DECODE(decode_b1, uint8_t, uint8_t, v != 0)

typedef struct element_type {
  const char *type;
  size_t size;
  tw_dtype dtype;
  void (*decode)(const unsigned char *from, size_t n, void *to);
} element_type;

static const element_type types[] = {
    {"f8", 8, TW_F64, decode_f8}, {"f4", 4, TW_F32, decode_f4},  {"f2", 2, TW_F32, decode_f2},
    {"i8", 8, TW_I64, decode_i8}, {"i4", 4, TW_I32, decode_i4},  {"i2", 2, TW_I32, decode_i2},
    {"i1", 1, TW_I32, decode_i1}, {"u4", 4, TW_I64, decode_u4},  {"u2", 2, TW_I32, decode_u2},
    {"u1", 1, TW_U8, decode_u1},  {"b1", 1, TW_BOOL, decode_b1}, {"?", 1, TW_BOOL, decode_b1},
};

static const element_type *find_type(const char *type) {
  for (size_t k = 0; k < sizeof types / sizeof types[0]; k++)
    if (strcmp(types[k].type, type) == 0) return &types[k];
  return NULL;
}

/* Big-endian elements pass through a small buffer that turns them around. */
static void decode_all(const element_type *type, bool swap, const unsigned char *from, size_t n, void *to) {
  if (!swap || type->size == 1) {
    type->decode(from, n, to);
    return;
  }
  unsigned char buffer[4096];
  size_t per_buffer = sizeof buffer / type->size, out_size = tw_dtype_get(type->dtype)->size;
  for (size_t i = 0; i < n; i += per_buffer) {
    size_t count = n - i < per_buffer ? n - i : per_buffer;
    for (size_t j = 0; j < count; j++)
      for (size_t b = 0; b < type->size; b++)
        buffer[j * type->size + b] = from[(i + j) * type->size + type->size - 1 - b];
    type->decode(buffer, count, (char *)to + i * out_size);
  }
}

/* ------------------------------------------------------------------ layout */

/* The stored elements are those of the reversed shape in C order; the array is its transpose. */
static tw_status from_fortran(tw_array *array, tw_error *error) {
  int perm[TW_MAX_RANK];
  for (int k = 0; k < array->shape.rank; k++) perm[k] = array->shape.rank - 1 - k;
  tw_array view = tw_array_transpose(array, perm), copy;
  tw_status status = tw_array_copy(&copy, &view, array->dtype, error);
  tw_array_free(array);
  *array = copy;
  return status;
}

static tw_status read_elements(const tw_npy_header *h, const unsigned char *data, size_t bytes,
                               const char *name, tw_array *out, tw_error *error) {
  const element_type *type = find_type(h->type);
  if (!type)
    return tw_fail(
        error, TW_ERR_UNSUPPORTED,
        "%s: dtype '%s' is not supported: expected a float, an integer up to 64 bits signed or 32 bits "
        "unsigned, or bool",
        name, h->type);
  if (h->order == '|' && type->size > 1)
    return tw_fail(error, TW_ERR_PARSE, "%s: npy header: dtype '%s' lacks a byte order", name, h->type);
  char text[TW_SHAPE_TEXT];
  int64_t n = tw_shape_size(&h->shape);
  if (n < 0 || (uint64_t)n > SIZE_MAX / type->size)
    return tw_fail(error, TW_ERR_SHAPE, "%s: shape %s is too large", name, tw_shape_text(&h->shape, text));
  if ((size_t)n * type->size != bytes) /* before anything is allocated for what the header claims */
    return tw_fail(error, TW_ERR_PARSE, "%s: shape %s of '%s' needs %zu bytes of data, found %zu", name,
                   tw_shape_text(&h->shape, text), h->type, (size_t)n * type->size, bytes);
  tw_shape stored = h->shape;
  bool reverse = h->fortran && h->shape.rank > 1;
  if (reverse)
    for (int k = 0; k < stored.rank; k++) stored.dim[k] = h->shape.dim[stored.rank - 1 - k];
  tw_status status = tw_array_new(out, type->dtype, stored, error);
  if (status != TW_OK) return status;
  decode_all(type, h->order == '>', data, (size_t)n, out->data);
  return reverse ? from_fortran(out, error) : TW_OK;
}

tw_status tw_npy_parse(const void *data, size_t bytes, const char *name, tw_array *out, tw_error *error) {
  TW_GIVEN(data);
  TW_GIVEN(name);
  TW_GIVEN(out);
  const unsigned char *p = data;
  *out = (tw_array){0};
  if (bytes < TW_NPY_MAGIC_SIZE + 4 || memcmp(p, TW_NPY_MAGIC, TW_NPY_MAGIC_SIZE) != 0)
    return tw_fail(error, TW_ERR_PARSE, "%s: not an npy file", name);
  int major = p[TW_NPY_MAGIC_SIZE], minor = p[TW_NPY_MAGIC_SIZE + 1];
  if (major < 1 || major > 3 || minor != 0)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "%s: npy version %d.%d: expected 1.0 to 3.0", name, major,
                   minor);
  size_t start = TW_NPY_MAGIC_SIZE + 2, width = major == 1 ? 2 : 4, length = 0;
  if (bytes < start + width) return tw_fail(error, TW_ERR_PARSE, "%s: truncated npy header", name);
  for (size_t k = 0; k < width; k++) length |= (size_t)p[start + k] << (8 * k);
  start += width;
  if (length > bytes - start)
    return tw_fail(error, TW_ERR_PARSE, "%s: truncated npy header: expected %zu bytes, found %zu", name,
                   length, bytes - start);
  tw_npy_header header;
  tw_status status = tw_npy_header_parse((const char *)p + start, length, name, &header, error);
  if (status != TW_OK) return status;
  return read_elements(&header, p + start + length, bytes - start - length, name, out, error);
}

tw_status tw_npy_read(const char *path, tw_array *out, tw_error *error) {
  TW_GIVEN(path);
  TW_GIVEN(out);
  char *data;
  size_t length;
  *out = (tw_array){0};
  tw_status status = tw_file_read(path, PTRDIFF_MAX / 2, &data, &length, error);
  if (status != TW_OK) return status;
  status = tw_npy_parse(data, length, path, out, error);
  free(data);
  return status;
}
