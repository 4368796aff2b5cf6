/* The table of standard test problems, and what their builders share. */
#include "problem/standard.h"

#include <stdlib.h>

static const tw_test_problem problems[] = {
#define X(name, source, default_n, optimum) {#name, source, default_n, tw_standard_##name, optimum},
#include "problem/standard.def"
#undef X
    {NULL, NULL, 0, NULL, 0}};

const tw_test_problem *tw_test_problems(void) {
  return problems;
}

/* ------------------------------------------------------------------ statements */

tw_expr tw_standard_fixed(tw_problem *p, int64_t n, int64_t dimension, const double *start) {
  if (n != 0 && n != dimension)
    return tw_graph_fail(tw_problem_graph(p), TW_ERR_ARGUMENT, "test problem: n is %lld, expected 0 or %lld",
                         (long long)n, (long long)dimension);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(dimension));
  if (!tw_is_none(x)) tw_problem_start(p, x, tw_standard_vector(x, dimension, start));
  return x;
}

tw_expr tw_standard_sized(tw_problem *p, int64_t n, int64_t otherwise, int64_t multiple) {
  if (n == 0) n = otherwise;
  if (n < 1 || n % multiple != 0)
    return tw_graph_fail(tw_problem_graph(p), TW_ERR_ARGUMENT,
                         "test problem: n is %lld, expected a positive multiple of %lld", (long long)n,
                         (long long)multiple);
  return tw_problem_variable(p, "x", TW_SHAPE(n));
}

void tw_standard_start(tw_problem *p, tw_expr x, int64_t length, const double *pattern) {
  if (tw_is_none(x)) return;
  tw_shape rows = TW_SHAPE(tw_size_of(x) / length, length);
  tw_problem_start(p, x, tw_ravel(tw_broadcast(tw_standard_vector(x, length, pattern), rows)));
}

tw_status tw_standard_minimize(tw_problem *p, tw_expr objective) {
  tw_problem_minimize(p, NULL, objective);
  return tw_graph_status(tw_problem_graph(p));
}

/* ------------------------------------------------------------------ expressions */

tw_expr tw_standard_vector(tw_expr x, int64_t n, const double *value) {
  if (tw_is_none(x)) return x;
  tw_array array = tw_array_f64((double *)(uintptr_t)value, TW_SHAPE(n));
  return tw_constant(x.graph, &array);
}

tw_expr tw_standard_squares(int n, const tw_expr *r) {
  for (int i = 0; i < n; i++)
    if (tw_is_none(r[i])) return TW_NONE;
  return total(tw_square(tw_stack(n, r, 0)));
}
