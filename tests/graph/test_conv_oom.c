/* Convolution when memory runs out at any allocation of its own: an error, no crash, no leak, and the next
 * attempt works. */
#include "evaluate.h"
#include "failing_malloc.h"

/* Compiles and calls conv_weight of a shape; what fails first is the result. */
static tw_status attempt(tw_expr e, tw_expr x, tw_expr y, const void *const *data, void *out) {
  tw_error error = {0};
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  tw_status status = tw_fn_new(&fn, 2, (tw_expr[]){x, y}, 1, &e, NULL, &error);
  if (status == TW_OK) status = tw_work_new(&work, fn, &error);
  if (status == TW_OK) status = tw_fn_call(fn, work, data, &out, 0, &error);
  tw_work_free(work);
  tw_fn_free(fn);
  assert_true(status == TW_OK || error.status == status);
  return status;
}

static void fails_everywhere(tw_dtype dtype, int64_t channels, int64_t extent) {
  const tw_conv_options o = {.low = {1, 1}, .high = {1, 1}};
  tw_graph *g = tw_graph_new();
  const tw_shape shape = TW_SHAPE(4, channels, extent, extent);
  const tw_expr x = tw_input(g, "x", dtype, shape), y = tw_input(g, "y", dtype, shape);
  const tw_expr e = tw_conv_weight(x, y, (int64_t[]){3, 3}, &o);
  const size_t bytes = tw_dtype_get(dtype)->size;
  void *data = tw_alloc((size_t)tw_shape_size(&shape), bytes), *out = tw_alloc((size_t)tw_size_of(e), bytes);
  assert_true(data && out);
  long failures = 0;
  for (bool failed = true; failed; failures += failed) {
    tw_graph_clear(g);
    failing_arm(failures);
    const tw_status status = attempt(e, x, y, (const void *[]){data, data}, out);
    failed = failing_disarm();
    if (status != TW_OK && !(failed && status == TW_ERR_MEMORY))
      fail_msg("allocation %ld: %s", failures, tw_status_name(status));
  }
  assert_true(failures > 8);
  free(data);
  free(out);
  tw_graph_free(g);
}

static void test_by_products(void **state) {
  (void)state;
  fails_everywhere(TW_F64, 3, 5);
}

static void test_large(void **state) {
  (void)state;
  fails_everywhere(TW_F32, 16, 14);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_products), cmocka_unit_test(test_large)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
