/* Wrong parameters get a message that names the set, the parameter and what was expected; those that are only
 * known when evaluated get it then. */
#include "call.h"

#include <talweg/domain.h>

#include "graph/graph_fixture.h"

static tw_expr number(double x) {
  return tw_scalar(graph, x);
}

static tw_expr matrix_of(int64_t rows, int64_t cols, const double *value) {
  const tw_array array = tw_array_f64((double *)(uintptr_t)value, TW_SHAPE(rows, cols));
  return tw_constant(graph, &array);
}
#define LEAF(rows, cols, ...) matrix_of(rows, cols, (double[]){__VA_ARGS__})

static void refused(const char *kind, tw_shape shape, int n, const tw_expr *params, tw_status status,
                    const char *part) {
  const tw_domain domain = tw_domain_make(graph, tw_domain_find(kind), shape, n, params);
  assert_null(domain.kind);
  if (tw_graph_status(graph) != status || !strstr(tw_graph_message(graph), part) ||
      !strstr(tw_graph_message(graph), kind))
    fail_msg("%s: \"%s\" (%s), expected \"%s\" (%s)", kind, tw_graph_message(graph),
             tw_status_name(tw_graph_status(graph)), part, tw_status_name(status));
  tw_graph_clear(graph);
}

#define REFUSED(kind, shape, status, part, ...)                                                              \
  refused(kind, shape, (int)(sizeof((tw_expr[]){__VA_ARGS__}) / sizeof(tw_expr)), (tw_expr[]){__VA_ARGS__},  \
          status, part)

static void numbers_of_parameters(void **state) {
  (void)state;
  for (const tw_domain_kind *const *kind = tw_domain_kinds(); *kind; kind++) {
    const tw_shape shape = TW_SHAPE(3, 3);
    const tw_expr one = number(1), many[5] = {one, one, one, one, one};
    refused((*kind)->name, shape, (*kind)->max_params + 1, many, TW_ERR_ARGUMENT, "expected");
    if ((*kind)->min_params > 0)
      refused((*kind)->name, shape, (*kind)->min_params - 1, many, TW_ERR_ARGUMENT, "expected");
  }
  tw_domain_make(graph, NULL, TW_SCALAR, 0, NULL);
  assert_int_equal(tw_graph_status(graph), TW_ERR_ARGUMENT);
  tw_graph_clear(graph);
  tw_graph *other = tw_graph_new();
  REFUSED("ball", TW_SHAPE(3), TW_ERR_ARGUMENT, "parameter 1", tw_scalar(other, 1));
  REFUSED("box", TW_SHAPE(3), TW_ERR_ARGUMENT, "parameter 2", number(1), TW_NONE);
  tw_graph_free(other);
}

static void sizes(void **state) {
  (void)state;
  static const char *const kinds[] = {"simplex", "l1_ball",   "l1_sphere", "ball",
                                      "sphere",  "linf_ball", "hypercube"};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    const char *kind = kinds[k];
    REFUSED(kind, TW_SHAPE(3), TW_ERR_RANGE, "-1", number(-1));
    REFUSED(kind, TW_SHAPE(3), TW_ERR_RANGE, "nan", number(NAN));
    REFUSED(kind, TW_SHAPE(2, 3), TW_ERR_SHAPE, "[5]", VECTOR(graph, 1, 2, 3, 4, 5));
    REFUSED(kind, TW_SHAPE(2, 2), TW_ERR_RANGE, "-2", VECTOR(graph, 1, -2));
    if (strcmp(kind, "hypercube") == 0) continue;
    REFUSED(kind, TW_SCALAR, TW_ERR_SHAPE, "at least 1 axis", number(1));
    REFUSED(kind, TW_SHAPE(0), TW_ERR_SHAPE, "not empty", number(1));
    REFUSED(kind, TW_SHAPE(2, 3), TW_ERR_SHAPE, "the size", VECTOR(graph, 1, 2, 3));
  }
}

static void bounds(void **state) {
  (void)state;
  REFUSED("box", TW_SHAPE(3), TW_ERR_INFEASIBLE, "lower bound 2 above upper bound 1", number(2), number(1));
  REFUSED("box", TW_SHAPE(3), TW_ERR_INFEASIBLE, "at position 1", VECTOR(graph, 0, 3, 0),
          VECTOR(graph, 1, 2, 1));
  REFUSED("box", TW_SHAPE(2, 2), TW_ERR_INFEASIBLE, "at position 3", LEAF(2, 1, 0, 1), VECTOR(graph, 1, 0));
  REFUSED("box", TW_SHAPE(3), TW_ERR_INFEASIBLE, "nan", number(NAN), number(1));
  REFUSED("box", TW_SHAPE(3), TW_ERR_SHAPE, "the lower bound", VECTOR(graph, 0, 1), number(1));
  REFUSED("box", TW_SHAPE(3), TW_ERR_SHAPE, "the upper bound", number(0), LEAF(2, 3, 1, 1, 1, 1, 1, 1));
  REFUSED("capped_simplex", TW_SHAPE(3), TW_ERR_INFEASIBLE, "position 0", number(2), number(1));
  REFUSED("capped_simplex", TW_SHAPE(3), TW_ERR_SHAPE, "the sum", number(0), number(1),
          VECTOR(graph, 1, 1, 1));
  /* what is no constant is not known yet */
  const tw_expr low = tw_input(graph, "low", TW_F64, TW_SCALAR);
  const tw_domain domain =
      tw_domain_make(graph, tw_domain_find("box"), TW_SHAPE(3), 2, (tw_expr[]){low, number(0)});
  assert_non_null(domain.kind);
}

static void normals_and_matrices(void **state) {
  (void)state;
  static const char *const kinds[] = {"hyperplane", "halfspace"};
  for (int k = 0; k < 2; k++) {
    REFUSED(kinds[k], TW_SHAPE(3), TW_ERR_ARGUMENT, "the normal is 0", VECTOR(graph, 0, 0, 0), number(1));
    REFUSED(kinds[k], TW_SHAPE(3), TW_ERR_ARGUMENT, "the normal is 0", number(0), number(1));
    REFUSED(kinds[k], TW_SHAPE(2, 2), TW_ERR_ARGUMENT, "the normal is 0", LEAF(2, 2, 1, 0, 0, 0), number(1));
    REFUSED(kinds[k], TW_SHAPE(3), TW_ERR_SHAPE, "the normal", VECTOR(graph, 1, 2), number(1));
    REFUSED(kinds[k], TW_SHAPE(2, 3), TW_ERR_SHAPE, "the offset", VECTOR(graph, 1, 2, 3),
            VECTOR(graph, 1, 2, 3));
  }
  REFUSED("affine", TW_SHAPE(3), TW_ERR_SHAPE, "expected [m, 3]", LEAF(1, 2, 1, 1), number(1));
  REFUSED("affine", TW_SHAPE(3), TW_ERR_SHAPE, "expected [m, 3]", VECTOR(graph, 1, 2, 3), number(1));
  REFUSED("affine", TW_SHAPE(3), TW_ERR_SHAPE, "m at least 1", tw_fill(graph, TW_F64, TW_SHAPE(0, 3), 1),
          number(1));
  REFUSED("affine", TW_SHAPE(2), TW_ERR_SHAPE, "b has shape [3]", LEAF(2, 2, 1, 1, 1, 2),
          VECTOR(graph, 1, 2, 3));
  REFUSED("polyhedron", TW_SHAPE(3), TW_ERR_SHAPE, "expected [m, 3]", LEAF(1, 2, 1, 1), number(0), number(1));
  REFUSED("polyhedron", TW_SHAPE(2), TW_ERR_INFEASIBLE, "above", LEAF(1, 2, 1, 1), number(1), number(0));
  refused("psd", TW_SHAPE(2, 3), 0, NULL, TW_ERR_SHAPE, "square");
  refused("psd", TW_SHAPE(3), 0, NULL, TW_ERR_SHAPE, "at least 2 axes");
  refused("stiefel", TW_SHAPE(3), 0, NULL, TW_ERR_SHAPE, "at least 2 axes");
}

/* Evaluates the projection of 0 with the parameter given at that time. */
static void fails_when_evaluated(const char *kind, int n, tw_expr *params, int open, double value,
                                 tw_status status, const char *part) {
  tw_error error = {0};
  tw_fn *fn;
  tw_work *work;
  double out[3];
  const tw_expr input = tw_input(graph, "param", TW_F64, TW_SCALAR);
  params[open] = input;
  const tw_domain domain = tw_domain_make(graph, tw_domain_find(kind), TW_SHAPE(3), n, params);
  assert_non_null(domain.kind);
  const tw_expr p = tw_project(domain, VECTOR(graph, 1, 2, 3));
  assert_ok(tw_fn_new(&fn, 1, &input, 1, &p, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  assert_fails(tw_fn_call(fn, work, (const void *[]){&value}, (void *[]){out}, 0, &error), status, part);
  value = 1;
  assert_ok(tw_fn_call(fn, work, (const void *[]){&value}, (void *[]){out}, 0, &error));
  tw_work_free(work);
  tw_fn_free(fn);
}

static void known_only_when_evaluated(void **state) {
  (void)state;
  tw_expr p[3] = {number(0), number(1), number(1)};
  fails_when_evaluated("simplex", 1, p, 0, -2, TW_ERR_RANGE, "-2, expected at least 0");
  static const char *const sizes[] = {"l1_ball", "l1_sphere", "ball", "sphere", "linf_ball", "hypercube"};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    fails_when_evaluated(sizes[k], 1, p, 0, -2, TW_ERR_RANGE, "-2, expected at least 0");
    fails_when_evaluated(sizes[k], 1, p, 0, NAN, TW_ERR_RANGE, "nan");
  }
  p[0] = number(0);
  fails_when_evaluated("capped_simplex", 3, p, 2, 4, TW_ERR_INFEASIBLE, "shall sum to 4");
  fails_when_evaluated("capped_simplex", 3, p, 2, -1, TW_ERR_INFEASIBLE, "[0, 3]");
  p[2] = number(1);
  fails_when_evaluated("capped_simplex", 3, p, 1, -1, TW_ERR_INFEASIBLE, "bounds cross");
  p[0] = LEAF(2, 3, 1, 1, 1, -1, -1, -1), p[1] = number(-INFINITY), p[2] = number(1); /* sum(x) and -sum(x) below -1 */
  fails_when_evaluated("polyhedron", 3, p, 2, -1, TW_ERR_INFEASIBLE, "no point satisfies");
  p[1] = number(0);
  fails_when_evaluated("polyhedron", 3, p, 2, -1, TW_ERR_INFEASIBLE, "cross");
}

/* On a failed graph nothing happens, and nothing is lost. */
static void sticky(void **state) {
  (void)state;
  tw_graph_fail(graph, TW_ERR_NAME, "first");
  for (const tw_domain_kind *const *kind = tw_domain_kinds(); *kind; kind++) {
    const tw_expr none[TW_DOMAIN_PARAMS] = {TW_NONE, TW_NONE, TW_NONE, TW_NONE};
    const tw_domain domain = tw_domain_make(graph, *kind, TW_SHAPE(3, 3), (*kind)->min_params, none);
    assert_null(domain.kind);
    assert_true(tw_is_none((*kind)->project(TW_NONE, none)));
    if ((*kind)->mirror_step) assert_true(tw_is_none((*kind)->mirror_step(TW_NONE, TW_NONE, TW_NONE, none)));
    assert_true(
        tw_is_none(tw_project((tw_domain){.kind = *kind, .param = {TW_NONE, TW_NONE, TW_NONE, TW_NONE}}, TW_NONE)));
  }
  for (const tw_regularizer_kind *const *kind = tw_regularizer_kinds(); *kind; kind++) {
    const tw_expr none[2] = {TW_NONE, TW_NONE};
    assert_true(tw_is_none(tw_regularizer(graph, *kind, TW_NONE, (*kind)->min_params, none)));
    assert_true(tw_is_none((*kind)->prox(TW_NONE, TW_NONE, none)));
    assert_true(tw_is_none((*kind)->value(TW_NONE, none)));
  }
  assert_string_equal(tw_graph_message(graph), "first");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_graph, close_graph)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(numbers_of_parameters),     TEST(sizes),  TEST(bounds), TEST(normals_and_matrices),
      TEST(known_only_when_evaluated), TEST(sticky),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
