/* Rows: the runs along the last axis of a strided array, visited in C order. */
#ifndef TALWEG_ARRAY_ROWS_H
#define TALWEG_ARRAY_ROWS_H

#include <talweg/array.h>

typedef struct tw_rows {
  const tw_array *array;
  int64_t length, stride; /* of one row, in elements */
  int64_t left;           /* rows not visited yet */
  int64_t index[TW_MAX_RANK];
  int64_t offset; /* of the current row, in elements */
} tw_rows;

tw_rows tw_rows_of(const tw_array *array);
/* Address of the next row, NULL after the last. */
void *tw_rows_next(tw_rows *rows);

#endif
