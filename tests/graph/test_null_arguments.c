/* Public functions of graph/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/graph.h>

#include "null_arguments.h"

static void refused(void **state) {
  (void)state;
  tw_error error;
  FAILS(tw_graph_status(NULL));
  REFUSED(tw_graph_check(NULL, &error));
  FAILS(tw_substitute(0, NULL, 0, NULL, NULL, NULL));
  FAILS(tw_jvp(0, NULL, 0, NULL, NULL, NULL));
  FAILS(tw_vjp(0, NULL, NULL, 0, NULL, NULL));
  FAILS(tw_batch(0, NULL, 0, NULL, NULL, 0, NULL));
  FAILS(tw_body_inline(NULL, NULL, NULL));
  FAILS(tw_jacobian_pattern(TW_NONE, 0, NULL, NULL));
  FAILS(tw_hessian_pattern(TW_NONE, 0, NULL, NULL));
  FAILS(tw_sparse_jacobian(TW_NONE, 0, NULL, NULL));
  FAILS(tw_sparse_hessian(TW_NONE, 0, NULL, NULL));
  REFUSED(tw_fn_new(NULL, 0, NULL, 0, NULL, NULL, &error));
  REFUSED(tw_work_new(NULL, NULL, &error));
  REFUSED(tw_fn_call(NULL, NULL, NULL, NULL, 0, &error));
  REFUSED(tw_eval(TW_NONE, NULL, &error));
  REFUSED(tw_machine_measure(0, NULL, &error));
  REFUSED(tw_machine_get(0, NULL, &error));
  REFUSED(tw_fn_measure(NULL, NULL, NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_source_add(NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_source_add_packed(NULL, NULL, NULL, NULL, 0, NULL, NULL, &error));
  REFUSED(tw_source_add_sparse(NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, &error));
  REFUSED(tw_source_write(NULL, NULL, NULL, NULL, NULL, &error));
}

static void neutral_1(void **state) {
  (void)state;
  tw_graph_free(NULL);
  (void)tw_graph_message(NULL);
  (void)tw_graph_fail(NULL, (tw_status){0}, "x");
  tw_graph_clear(NULL);
  tw_graph_lock(NULL);
  tw_graph_unlock(NULL);
  (void)tw_graph_nodes(NULL);
  (void)tw_graph_bytes(NULL);
  (void)tw_graph_arena(NULL);
  (void)tw_dtype_of(TW_NONE);
  (void)tw_shape_of(TW_NONE);
  (void)tw_size_of(TW_NONE);
  (void)tw_op_of(TW_NONE);
  (void)tw_arity_of(TW_NONE);
  (void)tw_input_of(TW_NONE, 0);
  (void)tw_attr_of(TW_NONE);
  (void)tw_name_of(TW_NONE);
  tw_scope_push(NULL, NULL);
  tw_scope_pop(NULL);
  (void)tw_scope_of(TW_NONE);
  (void)tw_is_input(TW_NONE);
  (void)tw_constant_data(TW_NONE);
  (void)tw_constant_value(TW_NONE, NULL);
  (void)tw_input(NULL, NULL, (tw_dtype){0}, (tw_shape){0});
  (void)tw_constant(NULL, NULL);
  (void)tw_scalar(NULL, 0);
  (void)tw_integer(NULL, 0);
  (void)tw_fill(NULL, (tw_dtype){0}, (tw_shape){0}, 0);
  (void)tw_iota(NULL, (tw_dtype){0}, 0);
  (void)tw_eye(NULL, (tw_dtype){0}, 0, 0);
  (void)tw_zeros_like(TW_NONE);
  (void)tw_ones_like(TW_NONE);
  (void)tw_fill_like(TW_NONE, 0);
  (void)tw_neg(TW_NONE);
  (void)tw_abs(TW_NONE);
  (void)tw_sign(TW_NONE);
  (void)tw_square(TW_NONE);
  (void)tw_floor(TW_NONE);
  (void)tw_ceil(TW_NONE);
  (void)tw_round(TW_NONE);
}

static void neutral_2(void **state) {
  (void)state;
  (void)tw_not(TW_NONE);
  (void)tw_is_finite(TW_NONE);
  (void)tw_sqrt(TW_NONE);
  (void)tw_exp(TW_NONE);
  (void)tw_expm1(TW_NONE);
  (void)tw_log(TW_NONE);
  (void)tw_log1p(TW_NONE);
  (void)tw_sin(TW_NONE);
  (void)tw_cos(TW_NONE);
  (void)tw_tan(TW_NONE);
  (void)tw_asin(TW_NONE);
  (void)tw_acos(TW_NONE);
  (void)tw_atan(TW_NONE);
  (void)tw_sinh(TW_NONE);
  (void)tw_cosh(TW_NONE);
  (void)tw_tanh(TW_NONE);
  (void)tw_sigmoid(TW_NONE);
  (void)tw_softplus(TW_NONE);
  (void)tw_relu(TW_NONE);
  (void)tw_erf(TW_NONE);
  (void)tw_lgamma(TW_NONE);
  (void)tw_digamma(TW_NONE);
  (void)tw_reciprocal(TW_NONE);
  (void)tw_add(TW_NONE, TW_NONE);
  (void)tw_sub(TW_NONE, TW_NONE);
  (void)tw_mul(TW_NONE, TW_NONE);
  (void)tw_div(TW_NONE, TW_NONE);
  (void)tw_idiv(TW_NONE, TW_NONE);
  (void)tw_mod(TW_NONE, TW_NONE);
  (void)tw_pow(TW_NONE, TW_NONE);
  (void)tw_atan2(TW_NONE, TW_NONE);
  (void)tw_minimum(TW_NONE, TW_NONE);
  (void)tw_maximum(TW_NONE, TW_NONE);
  (void)tw_eq(TW_NONE, TW_NONE);
  (void)tw_ne(TW_NONE, TW_NONE);
  (void)tw_lt(TW_NONE, TW_NONE);
  (void)tw_le(TW_NONE, TW_NONE);
  (void)tw_gt(TW_NONE, TW_NONE);
  (void)tw_ge(TW_NONE, TW_NONE);
  (void)tw_and(TW_NONE, TW_NONE);
}

static void neutral_3(void **state) {
  (void)state;
  (void)tw_or(TW_NONE, TW_NONE);
  (void)tw_where(TW_NONE, TW_NONE, TW_NONE);
  (void)tw_cast(TW_NONE, (tw_dtype){0});
  (void)tw_scale(TW_NONE, 0);
  (void)tw_stop_gradient(TW_NONE);
  (void)tw_reshape(TW_NONE, (tw_shape){0});
  (void)tw_ravel(TW_NONE);
  (void)tw_transpose(TW_NONE, NULL);
  (void)tw_broadcast(TW_NONE, (tw_shape){0});
  (void)tw_unbroadcast(TW_NONE, (tw_shape){0});
  (void)tw_slice(TW_NONE, 0, 0, 0, 0);
  (void)tw_unslice(TW_NONE, 0, 0, 0, 0);
  (void)tw_concat(0, NULL, 0);
  (void)tw_stack(0, NULL, 0);
  (void)tw_expand(TW_NONE, 0);
  (void)tw_squeeze(TW_NONE, 0);
  (void)tw_move_axis(TW_NONE, 0, 0);
  (void)tw_diag(TW_NONE);
  (void)tw_tril(TW_NONE, 0);
  (void)tw_triu(TW_NONE, 0);
  (void)tw_trace(TW_NONE);
  (void)tw_sum(TW_NONE, 0, false);
  (void)tw_mean(TW_NONE, 0, false);
  (void)tw_prod(TW_NONE, 0, false);
  (void)tw_reduce_max(TW_NONE, 0, false);
  (void)tw_reduce_min(TW_NONE, 0, false);
  (void)tw_logsumexp(TW_NONE, 0, false);
  (void)tw_softmax(TW_NONE, 0);
  (void)tw_log_softmax(TW_NONE, 0);
  (void)tw_norm(TW_NONE, 0, false);
  (void)tw_argmax(TW_NONE, 0);
  (void)tw_argmin_index(TW_NONE, 0);
  (void)tw_cumsum(TW_NONE, 0, false);
  (void)tw_cumprod(TW_NONE, 0);
  (void)tw_sort(TW_NONE, 0);
  (void)tw_argsort(TW_NONE, 0);
  (void)tw_take(TW_NONE, 0, NULL);
  (void)tw_scatter_add(NULL, (tw_shape){0}, 0, NULL, TW_NONE);
  (void)tw_take_along(TW_NONE, TW_NONE, 0);
  (void)tw_matmul(TW_NONE, TW_NONE);
}

static void neutral_4(void **state) {
  (void)state;
  (void)tw_dot(TW_NONE, TW_NONE);
  (void)tw_matrix_transpose(TW_NONE);
  (void)tw_cholesky(TW_NONE);
  (void)tw_triangular_solve(TW_NONE, TW_NONE, false, false);
  (void)tw_linear_solve(TW_NONE, TW_NONE);
  (void)tw_cholesky_solve(TW_NONE, TW_NONE);
  (void)tw_inverse(TW_NONE);
  (void)tw_det(TW_NONE);
  (void)tw_logdet(TW_NONE);
  (void)tw_eigh(TW_NONE);
  (void)tw_eigh_values(TW_NONE);
  (void)tw_eigh_vectors(TW_NONE);
  (void)tw_lambda_max(TW_NONE);
  (void)tw_lambda_min(TW_NONE);
  (void)tw_svd(TW_NONE);
  (void)tw_svd_u(TW_NONE, 0);
  (void)tw_svd_s(TW_NONE, 0);
  (void)tw_svd_v(TW_NONE, 0);
  (void)tw_conv(TW_NONE, TW_NONE, NULL);
  (void)tw_conv_input(TW_NONE, TW_NONE, NULL, NULL);
  (void)tw_conv_weight(TW_NONE, TW_NONE, NULL, NULL);
  (void)tw_attention(TW_NONE, TW_NONE, TW_NONE, NULL);
  (void)tw_attention_unfused(TW_NONE, TW_NONE, TW_NONE, NULL);
  (void)tw_uniform(TW_NONE, (tw_shape){0});
  (void)tw_normal(TW_NONE, (tw_shape){0});
  (void)tw_loop_sum(TW_NONE, 0, TW_NONE);
  (void)tw_loop_stack(TW_NONE, 0, TW_NONE);
  (void)tw_scan(TW_NONE, 0, 0, NULL, NULL, NULL, 0, NULL, NULL);
  (void)tw_scan_final(TW_NONE, 0);
  (void)tw_scan_out(TW_NONE, 0);
  (void)tw_grad(TW_NONE, TW_NONE);
  (void)tw_hvp(TW_NONE, TW_NONE, TW_NONE);
  (void)tw_jacobian(TW_NONE, TW_NONE);
  (void)tw_hessian(TW_NONE, TW_NONE);
  (void)tw_batch_by_loop(TW_NONE, 0, NULL, NULL);
  (void)tw_depends(TW_NONE, 0, NULL);
  (void)tw_row(TW_NONE, TW_NONE);
  (void)tw_rows(TW_NONE, TW_NONE);
  (void)tw_param(NULL, 0, (tw_dtype){0}, (tw_shape){0});
  (void)tw_body_close(NULL, 0, NULL, 0, NULL, NULL, NULL);
}

static void neutral_5(void **state) {
  (void)state;
  (void)tw_body_make(NULL, 0, NULL, 0, NULL);
  tw_pattern_free(NULL);
  tw_sparse_derivative_free(NULL);
  tw_fn_free(NULL);
  (void)tw_fn_work_bytes(NULL);
  (void)tw_fn_live_bytes(NULL);
  (void)tw_fn_steps(NULL);
  (void)tw_fn_flops(NULL);
  tw_work_free(NULL);
  tw_work_exec(NULL, NULL);
  tw_work_visit(NULL, NULL, NULL);
  tw_work_memory(NULL, NULL, NULL);
  tw_fn_describe(NULL, NULL);
  (void)tw_fn_costs(NULL, 0, NULL);
  (void)tw_fn_held(NULL, 0, NULL);
  tw_profile_free(NULL);
  (void)tw_profile_rows(NULL, 0, NULL);
  (void)tw_machine_least(NULL, false, 0, 0);
  (void)tw_machine_rate(NULL, 0);
  (void)tw_machine_bound(NULL, false, 0, 0, 0);
  tw_profile_table(NULL, NULL, 0, NULL);
  tw_profile_trace(NULL, NULL, NULL);
  tw_source_free(NULL);
  tw_source_comment(NULL, NULL);
  (void)tw_op_kind_name((tw_op_kind){0});
  (void)tw_op_kind_of(NULL);
  (void)tw_node(NULL, NULL, 0, NULL, NULL);
}

/* A graph that could not be made. */
static void no_graph(void **state) {
  (void)state;
  tw_error error = {0};
  assert_int_equal(tw_graph_check(NULL, &error), TW_ERR_ARGUMENT);
  assert_int_equal(tw_graph_status(NULL), TW_ERR_ARGUMENT);
  assert_true(tw_graph_message(NULL)[0] != '\0');
  assert_true(tw_is_none(tw_add(tw_scalar(NULL, 1), TW_NONE)));
}

/* Builders on a graph: the error sticks to it. */
static void parts(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(2));
  assert_true(tw_is_none(tw_constant(graph, NULL)));
  assert_int_equal(tw_graph_status(graph), TW_ERR_ARGUMENT);
  tw_graph_clear(graph);
  assert_true(tw_is_none(tw_take(x, 1, NULL)));
  assert_int_equal(tw_graph_status(graph), TW_ERR_ARGUMENT);
  tw_graph_clear(graph);
  assert_true(tw_is_none(tw_node(graph, NULL, 0, NULL, NULL)));
  assert_int_equal(tw_graph_status(graph), TW_ERR_ARGUMENT);
  tw_graph_clear(graph);
  tw_expr out;
  FAILS(tw_jvp(1, &x, 1, &x, NULL, &out));
  FAILS(tw_vjp(1, &x, NULL, 1, &x, &out));
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  tw_error error = {0};
  REFUSED(tw_fn_new(&fn, 1, NULL, 1, &x, NULL, &error));
  assert_ok(tw_fn_new(&fn, 1, &x, 1, &x, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  REFUSED(tw_fn_call(fn, work, NULL, NULL, 0, &error));
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_graph), cmocka_unit_test(parts),
                                     cmocka_unit_test(refused), cmocka_unit_test(neutral_1), cmocka_unit_test(neutral_2),
      cmocka_unit_test(neutral_3), cmocka_unit_test(neutral_4), cmocka_unit_test(neutral_5)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
