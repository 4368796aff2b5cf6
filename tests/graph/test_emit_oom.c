/* Every allocation of writing a function with loops and a reverse sweep as C may fail: an error comes back,
 * the text is whole or not there, and nothing leaks (address sanitizer). */
#include "failing_malloc.h"

#include "test.h"

#include <talweg/graph.h>

/* The final state of z' = cos z x[k], and a sum over x: their gradients, and a row of numbers. */
static tw_status make(tw_graph *g, int64_t checkpoints, tw_fn **fn, tw_error *error) {
  enum { N = 12 };
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(N)), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  tw_expr z = tw_input(g, "z", TW_F64, TW_SCALAR), start = tw_input(g, "start", TW_F64, TW_SCALAR);
  tw_expr xk = tw_take(x, 1, &k), next = tw_mul(tw_cos(z), xk);
  const tw_scan_options options = {.checkpoints = checkpoints};
  tw_expr scan = tw_scan(k, N, 1, &z, &start, &next, 0, NULL, &options);
  tw_expr sum = tw_loop_sum(k, N, tw_mul(tw_square(xk), start));
  double numbers[N] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};
  const tw_array row = tw_array_f64(numbers, TW_SHAPE(N));
  tw_expr weighted = tw_loop_sum(k, N, tw_mul(xk, tw_take(tw_constant(g, &row), 1, &k)));
  tw_expr out[3] = {tw_grad(tw_scan_final(scan, 0), start), tw_grad(sum, x), weighted};
  return tw_fn_new(fn, 2, (tw_expr[]){x, start}, 3, out, NULL, error);
}

static tw_status write_text(const tw_fn *fn, tw_text *c, tw_text *header, tw_error *error) {
  tw_source *source = tw_source_new();
  if (!source) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  tw_source_comment(source, "one\ntwo");
  tw_status status = tw_source_add(source, "f", fn, (const char *const[]){"a", "b", "c"}, error);
  if (status == TW_OK) status = tw_source_write(source, "title", "f.h", c, header, error);
  tw_source_free(source);
  return status;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  for (int64_t checkpoints = 0; checkpoints < 3; checkpoints += 2) {
    tw_text expected[2] = {{0}, {0}};
    bool happened = true;
    for (long i = -1; happened; i++) {
      tw_graph *g = tw_graph_new(); /* what runs out of memory once stays so */
      tw_fn *fn = NULL;
      tw_text text[2] = {{0}, {0}};
      tw_error error = {0};
      assert_ok(make(g, checkpoints, &fn, &error));
      if (i >= 0) failing_arm(i);
      const tw_status status = write_text(fn, &text[0], &text[1], &error);
      happened = failing_disarm() || i < 0;
      if (i < 0) {
        assert_int_equal(status, TW_OK);
        for (int t = 0; t < 2; t++) expected[t] = text[t];
      } else if (status == TW_OK) {
        for (int t = 0; t < 2; t++) assert_string_equal(text[t].data, expected[t].data);
      } else if (status != TW_ERR_MEMORY || !happened) {
        fail_msg("allocation %ld: %s", i, error.message);
      }
      for (int t = 0; t < 2 && i >= 0; t++) tw_text_free(&text[t]);
      tw_fn_free(fn);
      tw_graph_free(g);
    }
    for (int t = 0; t < 2; t++) tw_text_free(&expected[t]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
