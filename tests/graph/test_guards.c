/* Masked arrays under functions with infinite slopes where the mask is false: derivatives to third order, by
 * every sequence of forward and reverse mode, are those of the function without the masked entries. */
#include "graph/evaluate.h"

enum { N = 6, ORDER = 3, SEQUENCES = 1 << ORDER };

static tw_graph *graph;
static tw_expr x, t; /* [N], scalar */

static tw_expr total(tw_expr e) {
  return tw_sum(e, TW_ALL, false);
}

static tw_expr power(tw_expr e) {
  return tw_pow(e, tw_scalar(graph, 1.5));
}

/* t log(1 + t sum z^1.5): the entries meet in the logarithm. */
static tw_expr joined(tw_expr sum_of_powers) {
  return tw_mul(t, tw_log1p(tw_mul(t, sum_of_powers)));
}

static tw_expr index_input(void) {
  return tw_input(graph, "k", TW_I64, TW_SCALAR);
}

/* Ways to the power, from the masked z [N]. */
static tw_expr direct(tw_expr z) {
  return total(power(z));
}
static tw_expr reshaped(tw_expr z) {
  return total(power(tw_reshape(z, TW_SHAPE(2, 3))));
}
static tw_expr transposed(tw_expr z) {
  return total(power(tw_transpose(tw_reshape(z, TW_SHAPE(2, 3)), NULL)));
}
static tw_expr in_pieces(tw_expr z) {
  return tw_add(total(power(tw_slice(z, 0, 0, 4, 1))), total(power(tw_slice(z, 0, 4, 2, 1))));
}
static tw_expr repeated(tw_expr z) {
  return tw_scale(total(power(tw_broadcast(z, TW_SHAPE(3, N)))), 1.0 / 3);
}
static tw_expr picked(tw_expr z) {
  const tw_expr order = tw_cast(VECTOR(graph, 3, 1, 0, 5, 4, 2), TW_I64);
  return total(power(tw_take(z, 1, &order)));
}
static tw_expr scaled(tw_expr z) {
  return tw_scale(total(power(tw_neg(tw_scale(tw_neg(z), 4)))), 0.125);
}
static tw_expr added(tw_expr z) {
  return total(power(tw_scale(tw_add(z, tw_mul(z, tw_exp(tw_scale(z, 0)))), 0.5)));
}
static tw_expr looped(tw_expr z) {
  const tw_expr k = index_input();
  return tw_loop_sum(k, N, power(tw_take(z, 1, &k)));
}
static tw_expr along(tw_expr q, tw_expr at, tw_expr d, bool reverse) {
  tw_expr dq = TW_NONE;
  if (reverse) return tw_dot(tw_grad(q, at), d);
  assert_int_equal(tw_jvp(1, &q, 1, &at, &d, &dq), TW_OK);
  return dq;
}

/* q[k + 1][i | reverse << k] = the derivative of q[k][i] along d_k. */
static void climb(tw_expr f, tw_expr at, const tw_expr *d, tw_expr q[ORDER + 1][SEQUENCES]) {
  q[0][0] = f;
  for (int k = 0; k < ORDER; k++)
    for (int i = 0; i < 1 << k; i++)
      for (int reverse = 0; reverse < 2; reverse++)
        q[k + 1][i | reverse << k] = along(q[k][i], at, d[k], reverse);
}

static void check(const char *name, tw_expr (*way)(tw_expr)) {
  const double values[N + 1] = {0, 0.7, 0, 1.3, 0.2, 0, 0.8};
  const double directions[ORDER][N + 1] = {
      {1, 2, -1, 0.5, -2, 3, 0.3}, {-2, 1, 0.7, -1, 1, 1, 2}, {0.3, -0.4, 2, 1, 1.5, -1, -1}};
  graph = tw_graph_new();
  tw_array array = tw_array_f64((double *)(uintptr_t)values, TW_SHAPE(N + 1));
  const tw_expr at = tw_input(graph, "at", TW_F64, TW_SHAPE(N + 1)),
                mask = tw_input(graph, "mask", TW_BOOL, TW_SHAPE(N));
  x = tw_slice(at, 0, 0, N, 1);
  t = tw_reshape(tw_slice(at, 0, N, 1, 1), TW_SCALAR);
  const tw_expr free_entries = tw_cast(VECTOR(graph, 1, 3, 4), TW_I64);
  tw_expr d[ORDER], q[ORDER + 1][SEQUENCES], want[ORDER + 1][SEQUENCES];
  for (int k = 0; k < ORDER; k++) d[k] = vector_of(graph, N + 1, (double *)(uintptr_t)directions[k]);
  climb(joined(way(tw_where(mask, x, tw_scalar(graph, 0)))), at, d, q);
  climb(joined(total(power(tw_take(x, 1, &free_entries)))), at, d, want);
  unsigned char masks[N] = {0, 1, 0, 1, 1, 0};
  const tw_expr in[] = {at, mask};
  const tw_array value[] = {array, tw_array_view(masks, TW_BOOL, TW_SHAPE(N))};
  for (int k = 0; k <= ORDER; k++)
    for (int i = 0; i < 1 << k; i++) {
      tw_array a = evaluate_on(name, 2, in, value, q[k][i], 1),
               b = evaluate_on(name, 2, in, value, want[k][0], 1);
      const double got = element(&a, 0), expected = element(&b, 0);
      if (!(fabs(got - expected) <= 1e-12 * fmax(1, fabs(expected))))
        fail_msg("%s: order %d, sequence %d: %.17g, expected %.17g", name, k, i, got, expected);
      tw_array_free(&a);
      tw_array_free(&b);
    }
  tw_graph_free(graph);
}

#define WAY(way)                                                                                             \
  static void test_##way(void **state) {                                                                     \
    (void)state;                                                                                             \
    check(#way, way);                                                                                        \
  }
WAY(direct)
WAY(reshaped)
WAY(transposed)
WAY(in_pieces)
WAY(repeated)
WAY(picked)
WAY(scaled)
WAY(added)
WAY(looped)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_direct),    cmocka_unit_test(test_reshaped), cmocka_unit_test(test_transposed),
      cmocka_unit_test(test_in_pieces), cmocka_unit_test(test_repeated), cmocka_unit_test(test_picked),
      cmocka_unit_test(test_scaled),    cmocka_unit_test(test_added),    cmocka_unit_test(test_looped)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
