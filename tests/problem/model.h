/* A graph and a problem for every test, and short names to state problems with. */
#ifndef TALWEG_TESTS_PROBLEM_MODEL_H
#define TALWEG_TESTS_PROBLEM_MODEL_H

#include "graph/evaluate.h"

#include <talweg/problem.h>

static tw_graph *graph;
static tw_problem *problem;

static inline int open_model(void **state) {
  (void)state;
  graph = tw_graph_new();
  problem = tw_problem_new(graph);
  return graph && problem ? 0 : 1;
}

static inline int close_model(void **state) {
  (void)state;
  tw_problem_free(problem);
  tw_graph_free(graph);
  return 0;
}

/* The same test on a fresh graph. */
static inline void reopen_model(void) {
  close_model(NULL);
  if (open_model(NULL)) fail_msg("out of memory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_model, close_model)

static inline tw_expr number(double value) {
  return tw_scalar(graph, value);
}
static inline tw_expr total(tw_expr e) {
  return tw_sum(e, TW_ALL, false);
}
static inline tw_expr at(tw_expr x, int64_t i) {
  return tw_squeeze(tw_slice(x, 0, i, 1, 1), 0);
}
static inline tw_expr plus(tw_expr e, double c) {
  return tw_add(e, number(c));
}

static inline tw_expr variable(const char *name, int64_t n) {
  return tw_problem_variable(problem, name, TW_SHAPE(n));
}

static inline tw_expr parameter(const char *name, double value) {
  const tw_array a = tw_array_f64(&value, TW_SCALAR);
  return tw_problem_parameter(problem, name, &a);
}

static inline tw_expr random_constant(uint64_t key, tw_shape shape) {
  tw_array a;
  assert_int_equal(tw_array_new(&a, TW_F64, shape, NULL), TW_OK);
  tw_random_normal_fill(key, 0, (size_t)tw_shape_size(&shape), a.data);
  const tw_expr e = tw_constant(graph, &a);
  tw_array_free(&a);
  return e;
}

static inline tw_domain set(const char *kind, tw_shape shape, int n, const tw_expr *params) {
  const tw_domain d = tw_domain_make(graph, tw_domain_find(kind), shape, n, params);
  if (!d.kind) fail_msg("%s: %s", kind, tw_graph_message(graph));
  return d;
}

static inline tw_expr regularizer(const char *kind, tw_expr x) {
  return tw_regularizer(graph, tw_regularizer_find(kind), x, 0, NULL);
}

/* The graph has failed with a message that contains `part`; it is cleared for more. */
static inline void expect_failure(const char *file, int line, tw_status status, const char *part) {
  if (tw_graph_status(graph) != status || !strstr(tw_graph_message(graph), part))
    fail_msg("%s:%d: \"%s\" (%s), expected \"%s\" (%s)", file, line, tw_graph_message(graph),
             tw_status_name(tw_graph_status(graph)), part, tw_status_name(status));
  tw_graph_clear(graph);
}
#define assert_failed(status, part) expect_failure(__FILE__, __LINE__, status, part)

#endif
