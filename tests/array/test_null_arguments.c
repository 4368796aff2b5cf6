/* Public functions of array/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/array.h>

#include "null_arguments.h"

static void refused(void **state) {
  (void)state;
  tw_error error;
  REFUSED(tw_array_new(NULL, (tw_dtype){0}, (tw_shape){0}, &error));
  REFUSED(tw_array_copy(NULL, NULL, (tw_dtype){0}, &error));
  REFUSED(tw_npy_read(NULL, NULL, &error));
  REFUSED(tw_npy_parse(NULL, 0, NULL, NULL, &error));
  REFUSED(tw_npy_write(NULL, NULL, &error));
  REFUSED(tw_csv_read(NULL, NULL, NULL, &error));
  REFUSED(tw_csv_parse(NULL, 0, NULL, NULL, NULL, &error));
}

static void neutral(void **state) {
  (void)state;
  (void)tw_dtype_get((tw_dtype){0});
  (void)tw_dtype_promote((tw_dtype){0}, (tw_dtype){0});
  (void)tw_shape_make(0, NULL);
  (void)tw_shape_equal(NULL, NULL);
  (void)tw_shape_size(NULL);
  (void)tw_shape_broadcast(NULL, NULL, NULL);
  (void)tw_shape_text(NULL, NULL);
  tw_array_free(NULL);
  (void)tw_array_view(NULL, (tw_dtype){0}, (tw_shape){0});
  (void)tw_array_f64(NULL, (tw_shape){0});
  (void)tw_array_contiguous(NULL);
  (void)tw_array_transpose(NULL, NULL);
  (void)tw_array_slice(NULL, 0, 0, 0, 0);
  (void)tw_array_get(NULL, NULL);
  tw_array_set(NULL, NULL, 0);
  (void)tw_array_find_nonfinite(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(refused), cmocka_unit_test(neutral)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
