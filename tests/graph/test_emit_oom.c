/* Every allocation of writing a function with loops and a reverse sweep, and a sparse matrix, as C may fail: an error comes back,
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

enum { LONG = 1100 };

/* Elements of z at positions from a long regular table. */
static tw_status make_values(tw_graph *g, tw_fn **fn, tw_error *error) {
  int64_t number[LONG];
  for (int64_t i = 0; i < LONG; i++) number[i] = i / 100 + 2 * (i % 100);
  const tw_array table = {.dtype = TW_I64, .shape = TW_SHAPE(LONG), .stride = {1}, .data = number};
  const tw_expr z = tw_input(g, "z", TW_F64, TW_SHAPE(LONG)), at = tw_constant(g, &table), values = tw_take(z, 1, &at);
  return tw_fn_new(fn, 1, &z, 1, &values, NULL, error);
}

/* As the values of a diagonal matrix. */
static tw_status add_values(tw_source *source, const tw_fn *fn, tw_error *error) {
  int64_t start[LONG + 1], row[LONG];
  for (int64_t i = 0; i <= LONG; i++) start[i] = i;
  for (int64_t i = 0; i < LONG; i++) row[i] = i;
  const tw_pattern pattern = {LONG, LONG, LONG, start, row};
  const tw_source_argument argument[2] = {{"z", NULL, TW_F64, TW_SHAPE(LONG), false}, {"values", NULL, TW_F64, TW_SHAPE(LONG), true}};
  const tw_source_part part[2] = {{0, 0}, {1, 0}};
  return tw_source_add_sparse(source, "s", "a diagonal", fn, 2, argument, part, &pattern, error);
}

static tw_status write_text(const tw_fn *fn, const tw_fn *values, tw_text *c, tw_text *header, tw_error *error) {
  tw_source *source = tw_source_new();
  if (!source) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  tw_source_comment(source, "one\ntwo");
  tw_status status = tw_source_add(source, "f", fn, (const char *const[]){"a", "b", "c"}, error);
  if (status == TW_OK) status = add_values(source, values, error);
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
      tw_fn *fn = NULL, *values = NULL;
      tw_text text[2] = {{0}, {0}};
      tw_error error = {0};
      assert_ok(make(g, checkpoints, &fn, &error));
      assert_ok(make_values(g, &values, &error));
      if (i >= 0) failing_arm(i);
      const tw_status status = write_text(fn, values, &text[0], &text[1], &error);
      happened = failing_disarm() || i < 0;
      if (i < 0) {
        assert_int_equal(status, TW_OK);
        for (int t = 0; t < 2; t++) expected[t] = text[t];
        assert_non_null(strstr(text[0].data, "_fill((int64_t *)"));
      } else if (status == TW_OK) {
        for (int t = 0; t < 2; t++) assert_string_equal(text[t].data, expected[t].data);
      } else if (status != TW_ERR_MEMORY || !happened) {
        fail_msg("allocation %ld: %s", i, error.message);
      }
      for (int t = 0; t < 2 && i >= 0; t++) tw_text_free(&text[t]);
      tw_fn_free(fn);
      tw_fn_free(values);
      tw_graph_free(g);
    }
    for (int t = 0; t < 2; t++) tw_text_free(&expected[t]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
