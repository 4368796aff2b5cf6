/* Sets cut by bounds: what the cut is, that projections on it land in both, and which pairs are refused. */
#include "sets.h"

#include "graph/graph_fixture.h"

static tw_domain make(const char *kind, tw_shape shape, int n, const tw_expr *params) {
  const tw_domain domain = tw_domain_make(graph, tw_domain_find(kind), shape, n, params);
  if (!domain.kind) fail_msg("%s: %s", kind, tw_graph_message(graph));
  return domain;
}

static tw_domain within(tw_domain domain, int64_t n, tw_expr lower, tw_expr upper) {
  return tw_domain_within(graph, domain, TW_SHAPE(n), lower, upper);
}

static const tw_domain whole = {.kind = NULL};

static void without_bounds_nothing_changes(void **state) {
  (void)state;
  const tw_domain simplex = make("simplex", TW_SHAPE(3), 0, NULL);
  const tw_domain same = within(simplex, 3, TW_NONE, TW_NONE);
  assert_ptr_equal(same.kind, simplex.kind);
  assert_true(tw_same(same.param[0], simplex.param[0]));
  assert_null(within(whole, 3, TW_NONE, TW_NONE).kind);
}

/* Boxes of boxes: the tighter bound on either side, infinite where there is none. */
static void boxes(void **state) {
  (void)state;
  const tw_expr x = VECTOR(graph, -5, 0.5, 5), low = VECTOR(graph, 0, 0, 1), high = tw_scalar(graph, 2);
  tw_domain d = within(whole, 3, low, TW_NONE);
  assert_string_equal(d.kind->name, "box");
  assert_value(tw_project(d, x), 0, 0, 0.5, 5);
  assert_value(tw_project(within(whole, 3, TW_NONE, high), x), 0, -5, 0.5, 2);
  assert_value(tw_project(within(d, 3, TW_NONE, high), x), 0, 0, 0.5, 2);
  d = make("nonneg", TW_SHAPE(3), 0, NULL);
  assert_value(tw_project(within(d, 3, TW_NONE, high), x), 0, 0, 0.5, 2);
  assert_value(tw_project(within(d, 3, VECTOR(graph, -1, 1, 1), high), x), 0, 0, 1, 2);
  d = make("linf_ball", TW_SHAPE(3), 1, &high);
  assert_value(tw_project(within(d, 3, low, TW_NONE), x), 0, 0, 0.5, 2);
  d = make("hypercube", TW_SHAPE(3), 0, NULL);
  assert_value(tw_project(within(d, 3, tw_scalar(graph, 0.75), TW_NONE), x), 0, 0.75, 0.75, 1);
  d = make("linf_ball", TW_SHAPE(2, 3), 1, (tw_expr[]){VECTOR(graph, 1, 3)});
  d = tw_domain_within(graph, d, TW_SHAPE(2, 3), TW_NONE, high);
  assert_value(tw_project(d, tw_fill(graph, TW_F64, TW_SHAPE(2, 3), 9)), 0, 1, 1, 1, 2, 2, 2);
}

/* A simplex in bounds is a capped simplex: the projection has its sum, keeps the bounds, and no member is
 * nearer. */
static void simplexes(void **state) {
  (void)state;
  const double low[4] = {-1, 0.25, 0, 0}, high[4] = {0.5, 1, 0.125, 3};
  const set_case cut = {"capped_simplex",
                        S1(4),
                        3,
                        {V1(4, 0, 0.25, 0, 0), V1(4, 0.5, 1, 0.125, 3), SCALAR(2)},
                        NULL,
                        NULL,
                        false};
  const tw_expr two = tw_scalar(graph, 2), x = tw_input(graph, "x", TW_F64, TW_SHAPE(4));
  const tw_expr lower = vector_of(graph, 4, (double *)(uintptr_t)low),
                upper = vector_of(graph, 4, (double *)(uintptr_t)high);
  tw_domain d = within(make("simplex", TW_SHAPE(4), 1, &two), 4, lower, upper);
  assert_string_equal(d.kind->name, "capped_simplex");
  tw_domain again =
      within(within(make("simplex", TW_SHAPE(4), 1, &two), 4, lower, TW_NONE), 4, TW_NONE, upper);
  call once = call_open("simplex", 1, &x, tw_project(d, x)),
       twice = call_open("simplex", 1, &x, tw_project(again, x));
  for (int i = 0; i < 50; i++) {
    double at[4], p[4], q[4], z[4];
    for (int k = 0; k < 4; k++) at[k] = 2 * normal((uint64_t)i, k);
    call_on(&once, at, p);
    call_on(&twice, at, q);
    assert_true(capped_outside(&cut, p) <= 1e-15 && distance(p, q, 4) == 0);
    for (int j = 0; j < 10; j++) {
      capped_draw(&cut, (uint64_t)(10 * i + j), z);
      assert_true(distance(at, p, 4) <= distance(at, z, 4) + 1e-14);
    }
  }
  call_close(&once);
  call_close(&twice);
}

static void derivatives_in_bounds(void **state) {
  (void)state;
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(3)),
                high = tw_input(graph, "high", TW_F64, TW_SCALAR);
  const tw_expr in[2] = {x, high};
  const tw_domain d = within(make("simplex", TW_SHAPE(3), 0, NULL), 3, TW_NONE, high);
  call f = call_open("within", 2, in, tw_project(d, x));
  call slope = call_open("within", 2, in, tw_jacobian(tw_project(d, x), high));
  double at[3] = {2, 0.1, 0.3}, cap = 0.55, expected[3], found[3], *value[2] = {at, &cap};
  call_difference(&f, value, 1, 0, 1e-6, expected);
  call_at(&slope, (const double *const *)value, found);
  for (int k = 0; k < 3; k++) assert_close(found[k], expected[k], 1e-9);
  assert_close(found[0], 1, 1e-15);
  call_close(&f);
  call_close(&slope);
}

static void refused_pairs(void **state) {
  (void)state;
  int refused = 0;
  for (const tw_domain_kind *const *kind = tw_domain_kinds(); *kind; kind++) {
    const bool simplex = strstr((*kind)->name, "simplex") != NULL;
    if ((*kind)->bounds || simplex) continue;
    const tw_shape shape = TW_SHAPE(3, 3);
    const tw_expr one = tw_scalar(graph, 1);
    tw_expr param[TW_DOMAIN_PARAMS] = {tw_fill(graph, TW_F64, TW_SHAPE(1, 3), 1), one, one, one};
    if (strcmp((*kind)->name, "transport") == 0 || strcmp((*kind)->name, "box_section") == 0) param[0] = tw_scalar(graph, 1);
    const tw_domain own = make((*kind)->name, shape, (*kind)->min_params, param);
    const tw_domain d = tw_domain_within(graph, own, shape, tw_scalar(graph, 0), TW_NONE);
    assert_null(d.kind);
    assert_int_equal(tw_graph_status(graph), TW_ERR_UNSUPPORTED);
    assert_non_null(strstr(tw_graph_message(graph), (*kind)->name));
    tw_graph_clear(graph);
    refused++;
  }
  assert_int_equal(refused, 15);
  assert_null(within(whole, 3, tw_scalar(graph, 1), tw_scalar(graph, 0)).kind);
  assert_int_equal(tw_graph_status(graph), TW_ERR_INFEASIBLE);
  tw_graph_clear(graph);
  assert_null(within(whole, 3, VECTOR(graph, 1, 2), TW_NONE).kind);
  assert_int_equal(tw_graph_status(graph), TW_ERR_SHAPE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_graph, close_graph)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(without_bounds_nothing_changes), TEST(boxes),         TEST(simplexes),
      TEST(derivatives_in_bounds),          TEST(refused_pairs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
