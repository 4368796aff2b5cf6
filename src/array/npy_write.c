/* npy writer, format version 1.0. */
#include "base/given.h"
#include "array/npy.h"

#include <stdlib.h>

/* Magic, version, length and dictionary, padded with spaces to a multiple of 64 bytes. */
static void header_text(const tw_array *array, tw_text *text) {
  tw_text dictionary = {0};
  tw_text_printf(&dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                 tw_dtype_get(array->dtype)->npy);
  for (int k = 0; k < array->shape.rank; k++)
    tw_text_printf(&dictionary, "%s%lld", k ? ", " : "", (long long)array->shape.dim[k]);
  tw_text_puts(&dictionary, array->shape.rank == 1 ? ",), }" : "), }");
  const size_t prefix = TW_NPY_MAGIC_SIZE + 4;
  while ((prefix + dictionary.length + 1) % TW_NPY_ALIGN != 0 && !dictionary.failed)
    tw_text_append(&dictionary, " ", 1);
  tw_text_append(&dictionary, "\n", 1);
  const char version_and_length[4] = {1, 0, (char)(dictionary.length & 255), (char)(dictionary.length >> 8)};
  tw_text_append(text, TW_NPY_MAGIC, TW_NPY_MAGIC_SIZE);
  tw_text_append(text, version_and_length, sizeof version_and_length);
  if (dictionary.failed)
    text->failed = true;
  else
    tw_text_append(text, dictionary.data, dictionary.length);
  tw_text_free(&dictionary);
}

tw_status tw_npy_write(const char *path, const tw_array *array, tw_error *error) {
  TW_GIVEN(path);
  TW_GIVEN(array);
  tw_array copy = {0};
  const tw_array *source = array;
  if (!tw_array_contiguous(array)) {
    tw_status status = tw_array_copy(&copy, array, array->dtype, error);
    if (status != TW_OK) return status;
    source = &copy;
  }
  tw_text header = {0};
  header_text(array, &header);
  tw_file *file = NULL;
  tw_status status = header.failed ? tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", path)
                                   : tw_file_create(&file, path, error);
  if (status == TW_OK) {
    size_t bytes = (size_t)tw_shape_size(&array->shape) * tw_dtype_get(array->dtype)->size;
    fwrite(header.data, 1, header.length, tw_file_stream(file));
    if (bytes) fwrite(source->data, 1, bytes, tw_file_stream(file));
    status = tw_file_commit(file, error); /* reports what the stream could not write */
  }
  tw_text_free(&header);
  tw_array_free(&copy);
  return status;
}
