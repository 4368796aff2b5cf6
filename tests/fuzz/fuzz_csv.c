/* csv reader: any bytes give finite numbers or an error that says why. What comes before a NUL byte, if there
 * is one, selects the columns. */
#include <talweg/array.h>

#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data, *nul = size ? memchr(text, 0, size) : NULL;
  const char *columns = nul ? text : NULL;
  if (nul) {
    size -= (size_t)(nul + 1 - text);
    text = nul + 1;
  }
  tw_error error = {0};
  tw_array array;
  tw_status status = tw_csv_parse(text, size, "fuzz.csv", columns, &array, &error);
  if (status == TW_OK) {
    REQUIRE(array.dtype == TW_F64 && tw_shape_size(&array.shape) >= 0);
    REQUIRE(tw_array_find_nonfinite(&array) == -1);
  } else {
    REQUIRE(error.status == status && strstr(error.message, "fuzz.csv") != NULL && array.data == NULL);
  }
  tw_array_free(&array);
  return 0;
}
