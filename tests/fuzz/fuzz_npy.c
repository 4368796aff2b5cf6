/* npy reader: any bytes give an array whose size fits the input, or an error that says why. */
#include <talweg/array.h>

#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tw_error error = {0};
  tw_array array, copy;
  tw_status status = tw_npy_parse(data, size, "fuzz.npy", &array, &error);
  if (status == TW_OK) {
    int64_t count = tw_shape_size(&array.shape), bad = tw_array_find_nonfinite(&array);
    REQUIRE(count >= 0 && (uint64_t)count <= size && tw_array_contiguous(&array) && bad < count);
    REQUIRE(tw_array_copy(&copy, &array, TW_F64, &error) == TW_OK);
    tw_array_free(&copy);
  } else {
    REQUIRE(error.status == status && strstr(error.message, "fuzz.npy") != NULL && array.data == NULL);
  }
  tw_array_free(&array);
  return 0;
}
