/* Evaluating expressions in tests: compile, call, compare. */
#ifndef TALWEG_TEST_EVALUATE_H
#define TALWEG_TEST_EVALUATE_H

#include "test.h"

#include <talweg/graph.h>

/* The value of `e` for the given values of its inputs; `label` is shown on failure. The caller frees it. */
static inline tw_array evaluate_on(const char *label, int n, const tw_expr *in, const tw_array *value, tw_expr e,
                                   int threads) {
  tw_error error = {0};
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  tw_array out = {0};
  const void *data[16];
  if (tw_is_none(e)) fail_msg("%s: no expression (%s)", label, n ? tw_graph_message(in[0].graph) : "");
  assert_true(n <= 16);
  for (int i = 0; i < n; i++) data[i] = value[i].data;
  tw_status status = tw_fn_new(&fn, n, in, 1, &e, NULL, &error);
  if (status == TW_OK) status = tw_work_new(&work, fn, &error);
  if (status == TW_OK) status = tw_array_new(&out, tw_dtype_of(e), tw_shape_of(e), &error);
  if (status == TW_OK) {
    tw_work_exec(work, &(tw_exec){.threads = threads});
    status = tw_fn_call(fn, work, data, (void *[]){out.data}, 0, &error);
  }
  if (status != TW_OK) fail_msg("%s: %s (%s)", label, error.message, tw_status_name(status));
  tw_work_free(work);
  tw_fn_free(fn);
  return out;
}

static inline tw_array evaluate(tw_expr e) {
  return evaluate_on("evaluate", 0, NULL, NULL, e, 1);
}

/* Element number i in C order. */
static inline double element(const tw_array *array, int64_t i) {
  tw_array flat = tw_array_view(array->data, array->dtype, TW_SHAPE(tw_shape_size(&array->shape)));
  return tw_array_get(&flat, &i);
}

static inline void set_element(tw_array *array, int64_t i, double value) {
  tw_array flat = tw_array_view(array->data, array->dtype, TW_SHAPE(tw_shape_size(&array->shape)));
  tw_array_set(&flat, &i, value);
}

static inline int64_t size_of(const tw_array *array) {
  return tw_shape_size(&array->shape);
}

static inline double largest(const tw_array *array) {
  double result = 0;
  for (int64_t i = 0; i < size_of(array); i++) result = fmax(result, fabs(element(array, i)));
  return result;
}

/* A constant of the graph from C numbers: VECTOR(graph, 1, 2, 3). */
#define VECTOR(graph, ...)                                                                                        \
  vector_of(graph, (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})
static inline tw_expr vector_of(tw_graph *graph, int64_t n, double *x) {
  tw_array array = tw_array_f64(x, TW_SHAPE(n));
  return tw_constant(graph, &array);
}
#define MATRIX(graph, rows, cols, ...) tw_reshape(VECTOR(graph, __VA_ARGS__), TW_SHAPE(rows, cols))

/* The value of e has these elements, to `tolerance`; NaN equals NaN. */
#define assert_value(e, tolerance, ...)                                                                           \
  assert_elements(__FILE__, __LINE__, e, tolerance, (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)),  \
                  (double[]){__VA_ARGS__})
static inline void assert_elements(const char *file, int line, tw_expr e, double tolerance, int64_t n,
                                   const double *expected) {
  if (tw_is_none(e)) fail_msg("%s:%d: no expression", file, line);
  tw_array value = evaluate(e);
  if (size_of(&value) != n) fail_msg("%s:%d: %lld elements", file, line, (long long)size_of(&value));
  for (int64_t i = 0; i < n; i++) {
    const double a = element(&value, i), b = expected[i];
    const bool same = a == b || (a != a && b != b) || fabs(a - b) <= tolerance * fmax(1, fabs(b));
    if (!same) fail_msg("%s:%d: element %lld is %.17g, expected %.17g", file, line, (long long)i, a, b);
  }
  tw_array_free(&value);
}

/* Building fails with a message that contains `part`; the graph is cleared for more. */
static inline void assert_refused(tw_graph *graph, tw_expr e, tw_status status, const char *part) {
  if (!tw_is_none(e)) fail_msg("built, but expected \"%s\"", part);
  if (tw_graph_status(graph) != status || !strstr(tw_graph_message(graph), part))
    fail_msg("\"%s\" (%s), expected \"%s\" (%s)", tw_graph_message(graph), tw_status_name(tw_graph_status(graph)),
             part, tw_status_name(status));
  tw_graph_clear(graph);
}

#endif
