/* array: dtypes, shapes and strided n-d arrays; readers and writers for npy and csv. */
#ifndef TALWEG_ARRAY_H
#define TALWEG_ARRAY_H

#include <talweg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_dtype { TW_F64, TW_F32, TW_I64, TW_I32, TW_U8, TW_BOOL, TW_DTYPE_COUNT } tw_dtype;

typedef enum tw_dtype_kind { TW_KIND_FLOAT, TW_KIND_INTEGER, TW_KIND_BOOL } tw_dtype_kind;

typedef struct tw_dtype_info {
  const char *name; /* "f64" */
  const char *npy;  /* "<f8" */
  size_t size;      /* bytes */
  tw_dtype_kind kind;
} tw_dtype_info;
const tw_dtype_info *tw_dtype_get(tw_dtype dtype);
/* The smallest dtype both convert to: bool < u8 < i32 < i64 < f32 < f64 (i64 with f32 gives f64). */
tw_dtype tw_dtype_promote(tw_dtype a, tw_dtype b);

#define TW_MAX_RANK 8

typedef struct tw_shape {
  int rank;
  int64_t dim[TW_MAX_RANK]; /* unused entries are 0 */
} tw_shape;

/* TW_SHAPE(3, 4) is a 3 x 4 shape, TW_SCALAR the shape of rank 0. */
#define TW_SHAPE(...)                                                                              \
  tw_shape_make((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
#define TW_SCALAR ((tw_shape){0})
tw_shape tw_shape_make(int rank, const int64_t *dim);
bool tw_shape_equal(const tw_shape *a, const tw_shape *b);
/* Number of elements; -1 on overflow of int64 or a negative extent. */
int64_t tw_shape_size(const tw_shape *shape);
/* NumPy broadcasting; false when the shapes do not fit. */
bool tw_shape_broadcast(const tw_shape *a, const tw_shape *b, tw_shape *out);
/* "[3, 4]" into `text` (at least 96 bytes); returns `text`. */
#define TW_SHAPE_TEXT 256
const char *tw_shape_text(const tw_shape *shape, char text[TW_SHAPE_TEXT]);

/* A strided array. `stride` counts elements. `owner` is the allocation to release, NULL for a view. */
typedef struct tw_array {
  tw_dtype dtype;
  tw_shape shape;
  int64_t stride[TW_MAX_RANK];
  void *data;
  void *owner;
} tw_array;

/* Zero-filled, contiguous, C order. */
tw_status tw_array_new(tw_array *array, tw_dtype dtype, tw_shape shape, tw_error *error);
void tw_array_free(tw_array *array); /* releases an owned allocation and zeroes the struct */
/* A contiguous view of caller-owned memory. */
tw_array tw_array_view(void *data, tw_dtype dtype, tw_shape shape);
tw_array tw_array_f64(double *data, tw_shape shape);
bool tw_array_contiguous(const tw_array *array);
/* New contiguous array of `dtype` with the same elements. Fractions round toward zero; what does not fit
 * (NaN or 300 as u8, 1e300 as f32) is TW_ERR_RANGE. */
tw_status tw_array_copy(tw_array *out, const tw_array *in, tw_dtype dtype, tw_error *error);
/* View with axes permuted / a range of one axis (start, stop, step like NumPy, already normalised). */
tw_array tw_array_transpose(const tw_array *array, const int *perm);
tw_array tw_array_slice(const tw_array *array, int axis, int64_t start, int64_t count, int64_t step);
/* Element at a multi-index as a double (no bounds check beyond an assert); set rounds toward zero and
 * saturates, NaN becomes 0, for integer dtypes. */
double tw_array_get(const tw_array *array, const int64_t *index);
void tw_array_set(tw_array *array, const int64_t *index, double value);
/* Flat C-order position of the first NaN or infinity, -1 if none. */
int64_t tw_array_find_nonfinite(const tw_array *array);

/* npy format 1.0-3.0, C and Fortran order, little and big endian; integer widths not in tw_dtype
 * are widened (i1 i2 u2 -> i32, u4 -> i64), f2 -> f32. Object, string and structured dtypes are
 * refused. `name` is used in messages. */
tw_status tw_npy_read(const char *path, tw_array *out, tw_error *error);
tw_status tw_npy_parse(const void *data, size_t bytes, const char *name, tw_array *out, tw_error *error);
tw_status tw_npy_write(const char *path, const tw_array *array, tw_error *error); /* version 1.0, atomically */

/* csv (RFC 4180 quoting, LF or CRLF, header row of names). `columns` selects by header name,
 * comma separated, `a..b` a range of columns in file order; NULL: all. One plain name gives a
 * vector [rows], anything else a matrix [rows, columns]. Missing or non-numeric cells, ragged rows,
 * unknown names, NaN and infinities are errors that name row (header is row 1) and column. */
tw_status tw_csv_read(const char *path, const char *columns, tw_array *out, tw_error *error);
tw_status tw_csv_parse(const char *data, size_t bytes, const char *name, const char *columns,
                       tw_array *out, tw_error *error);

#ifdef __cplusplus
}
#endif
#endif
