/* Strided arrays: allocation, views, rows, element access. */
#include "base/given.h"
#include "array/rows.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static void set_contiguous_strides(tw_array *array) {
  int64_t stride = 1;
  for (int k = array->shape.rank - 1; k >= 0; k--) {
    array->stride[k] = stride;
    if (array->shape.dim[k] > 1) stride *= array->shape.dim[k];
  }
}

tw_array tw_array_view(void *data, tw_dtype dtype, tw_shape shape) {
  tw_array array = {.dtype = dtype, .shape = shape, .data = data};
  if (tw_shape_size(&shape) > 0) set_contiguous_strides(&array);
  return array;
}

tw_array tw_array_f64(double *data, tw_shape shape) {
  return tw_array_view(data, TW_F64, shape);
}

tw_status tw_array_new(tw_array *array, tw_dtype dtype, tw_shape shape, tw_error *error) {
  TW_GIVEN(array);
  *array = (tw_array){0};
  char text[TW_SHAPE_TEXT];
  const tw_dtype_info *info = tw_dtype_get(dtype);
  if (!info) return tw_fail(error, TW_ERR_DTYPE, "unknown dtype %d", (int)dtype);
  if (shape.rank < 0 || shape.rank > TW_MAX_RANK)
    return tw_fail(error, TW_ERR_SHAPE, "an array of rank %d: expected 0 to %d", shape.rank, TW_MAX_RANK);
  int64_t size = tw_shape_size(&shape);
  if (size < 0)
    return tw_fail(error, TW_ERR_SHAPE, "shape %s is negative or too large", tw_shape_text(&shape, text));
  void *data = tw_alloc((size_t)size, info->size);
  if (!data)
    return tw_fail(error, TW_ERR_MEMORY, "no memory for a %s array of shape %s", info->name,
                   tw_shape_text(&shape, text));
  *array = tw_array_view(data, dtype, shape);
  array->owner = data;
  return TW_OK;
}

void tw_array_free(tw_array *array) {
  if (!array) return;
  free(array->owner);
  *array = (tw_array){0};
}

bool tw_array_contiguous(const tw_array *array) {
  if (!array) return false;
  int64_t stride = 1;
  if (tw_shape_size(&array->shape) == 0) return true;
  for (int k = array->shape.rank - 1; k >= 0; k--) {
    if (array->shape.dim[k] == 1) continue;
    if (array->stride[k] != stride) return false;
    stride *= array->shape.dim[k];
  }
  return true;
}

tw_array tw_array_transpose(const tw_array *array, const int *perm) {
  if (!array || !perm) return (tw_array){0};
  tw_array view = *array;
  view.owner = NULL;
  for (int k = 0; k < array->shape.rank; k++) {
    assert(perm[k] >= 0 && perm[k] < array->shape.rank);
    view.shape.dim[k] = array->shape.dim[perm[k]];
    view.stride[k] = array->stride[perm[k]];
  }
  return view;
}

static void *element(const tw_array *array, int64_t offset) {
  return (char *)array->data + offset * (int64_t)tw_dtype_get(array->dtype)->size;
}

tw_array tw_array_slice(const tw_array *array, int axis, int64_t start, int64_t count, int64_t step) {
  if (!array) return (tw_array){0};
  assert(axis >= 0 && axis < array->shape.rank && count >= 0);
  tw_array view = *array;
  view.owner = NULL;
  if (count > 0) {
    assert(start >= 0 && start < array->shape.dim[axis]);
    assert(start + (count - 1) * step >= 0 && start + (count - 1) * step < array->shape.dim[axis]);
    view.data = element(array, start * array->stride[axis]);
  }
  view.shape.dim[axis] = count;
  view.stride[axis] *= step;
  return view;
}

/* ------------------------------------------------------------------ rows */

tw_rows tw_rows_of(const tw_array *array) {
  tw_rows rows = {.array = array, .length = 1, .stride = 1};
  int last = array->shape.rank - 1;
  if (last >= 0) {
    rows.length = array->shape.dim[last];
    rows.stride = array->stride[last];
  }
  int64_t size = tw_shape_size(&array->shape);
  rows.left = size > 0 ? size / rows.length : 0;
  return rows;
}

void *tw_rows_next(tw_rows *rows) {
  if (rows->left == 0) return NULL;
  rows->left--;
  const tw_array *array = rows->array;
  void *row = element(array, rows->offset);
  for (int k = array->shape.rank - 2; k >= 0; k--) { /* an odometer over the outer axes */
    rows->offset += array->stride[k];
    if (++rows->index[k] < array->shape.dim[k]) break;
    rows->offset -= array->stride[k] * array->shape.dim[k];
    rows->index[k] = 0;
  }
  return row;
}

/* ------------------------------------------------------------------ elements */

static void *at(const tw_array *array, const int64_t *index) {
  int64_t offset = 0;
  for (int k = 0; k < array->shape.rank; k++) {
    assert(index[k] >= 0 && index[k] < array->shape.dim[k]);
    offset += index[k] * array->stride[k];
  }
  return element(array, offset);
}

double tw_array_get(const tw_array *array, const int64_t *index) {
  if (!array || !array->data || (!index && array->shape.rank > 0)) return NAN;
  const void *p = at(array, index);
  switch (array->dtype) {
  case TW_F64:
    return *(const double *)p;
  case TW_F32:
    return (double)*(const float *)p;
  case TW_I64:
    return (double)*(const int64_t *)p;
  case TW_I32:
    return (double)*(const int32_t *)p;
  case TW_U8:
    return (double)*(const uint8_t *)p;
  case TW_BOOL:
    return *(const uint8_t *)p != 0;
  case TW_DTYPE_COUNT:
    break;
  }
  return (double)NAN;
}

/* Rounds toward zero; saturates; NaN gives 0. */
static int64_t saturate(double value, int64_t low, int64_t high) {
  if (isnan(value)) return 0;
  if (value <= (double)low) return low;
  return value >= (double)high ? high : (int64_t)value;
}

void tw_array_set(tw_array *array, const int64_t *index, double value) {
  if (!array || !array->data || (!index && array->shape.rank > 0)) return;
  void *p = at(array, index);
  switch (array->dtype) {
  case TW_F64:
    *(double *)p = value;
    return;
  case TW_F32:
    *(float *)p = (float)value;
    return;
  case TW_I64:
    *(int64_t *)p = saturate(value, INT64_MIN, INT64_MAX);
    return;
  case TW_I32:
    *(int32_t *)p = (int32_t)saturate(value, INT32_MIN, INT32_MAX);
    return;
  case TW_U8:
    *(uint8_t *)p = (uint8_t)saturate(value, 0, UINT8_MAX);
    return;
  case TW_BOOL:
    *(uint8_t *)p = value != 0;
    return;
  case TW_DTYPE_COUNT:
    return;
  }
}

int64_t tw_array_find_nonfinite(const tw_array *array) {
  if (!array) return -1;
  if (tw_dtype_get(array->dtype)->kind != TW_KIND_FLOAT) return -1;
  tw_rows rows = tw_rows_of(array);
  int64_t position = 0;
  for (const void *row; (row = tw_rows_next(&rows)); position += rows.length) {
    for (int64_t i = 0; i < rows.length; i++) {
      double v = array->dtype == TW_F64 ? ((const double *)row)[i * rows.stride]
                                        : (double)((const float *)row)[i * rows.stride];
      if (!isfinite(v)) return position + i;
    }
  }
  return -1;
}
