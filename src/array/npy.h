/* The npy format: what reader and writer share. */
#ifndef TALWEG_ARRAY_NPY_H
#define TALWEG_ARRAY_NPY_H

#include <talweg/array.h>

#define TW_NPY_MAGIC "\x93NUMPY"
enum { TW_NPY_MAGIC_SIZE = 6, TW_NPY_ALIGN = 64 };

typedef struct tw_npy_header {
  char order;   /* '<', '>' or '|' */
  char type[8]; /* "f8" */
  bool fortran;
  tw_shape shape;
} tw_npy_header;

/* The dictionary at the head of an npy file, a Python literal such as
 * {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), } */
tw_status tw_npy_header_parse(const char *text, size_t length, const char *name, tw_npy_header *header,
                              tw_error *error);

#endif
