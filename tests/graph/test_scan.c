/* Loops with a carried state: values and derivatives of every order against the same steps written out,
 * against differences, inside one another and in batches. */
#include "chain.h"

/* Both expressions have the same value. */
static void assert_equal_values(const char *what, int n, const tw_expr *in, const tw_array *value, tw_expr a,
                                tw_expr b, double tolerance) {
  tw_array x = evaluate_on(what, n, in, value, a, 1), y = evaluate_on(what, n, in, value, b, 1);
  if (!tw_shape_equal(&x.shape, &y.shape)) fail_msg("%s: shapes", what);
  double scale = fmax(1, largest(&y));
  for (int64_t i = 0; i < size_of(&x); i++)
    if (!(fabs(element(&x, i) - element(&y, i)) <= tolerance * scale))
      fail_msg("%s: element %lld is %.17g, expected %.17g", what, (long long)i, element(&x, i),
               element(&y, i));
  tw_array_free(&x);
  tw_array_free(&y);
}

static tw_expr direction(tw_expr like, uint64_t seed) {
  tw_error error = {0};
  tw_array value;
  assert_ok(tw_array_new(&value, TW_F64, tw_shape_of(like), &error));
  tw_random_normal_fill(seed, 0, (size_t)size_of(&value), value.data);
  tw_expr e = tw_constant(like.graph, &value);
  tw_array_free(&value);
  return e;
}

/* ------------------------------------------------------------------ against the steps written out */

static void values_and_gradients(void **state) {
  (void)state;
  const int64_t lengths[] = {1, 2, 3, 9};
  for (int t = 0; t < 4; t++)
    for (int64_t checkpoints = 0; checkpoints <= 3; checkpoints++) {
      tw_graph *g = tw_graph_new();
      chain c = chain_of(g, lengths[t]);
      tw_expr in[CHAIN_INPUTS], f[2][2], o[2][2], loss[2];
      tw_array value[CHAIN_INPUTS];
      chain_inputs(&c, in, value, 3);
      chain_scan(&c, checkpoints, f[0], o[0]);
      chain_unrolled(&c, f[1], o[1]);
      for (int i = 0; i < 2; i++) {
        assert_equal_values("final", CHAIN_INPUTS, in, value, f[0][i], f[1][i], 1e-15);
        assert_equal_values("output", CHAIN_INPUTS, in, value, o[0][i], o[1][i], 1e-15);
        loss[i] = chain_loss(f[i], o[i]);
      }
      for (int i = 0; i < CHAIN_INPUTS; i++) {
        assert_equal_values("gradient", CHAIN_INPUTS, in, value, tw_grad(loss[0], in[i]),
                            tw_grad(loss[1], in[i]), 1e-13);
        tw_expr dt[2], v = direction(in[i], 40);
        for (int k = 0; k < 2; k++) tw_jvp(1, &loss[k], 1, &in[i], &v, &dt[k]);
        assert_equal_values("jvp", CHAIN_INPUTS, in, value, dt[0], dt[1], 1e-13);
      }
      free_arrays(CHAIN_INPUTS, value);
      tw_graph_free(g);
    }
}

/* Forward over reverse, reverse over reverse and reverse over both, in all pairs of inputs. */
static void second_and_third_derivatives(void **state) {
  (void)state;
  for (int64_t checkpoints = 0; checkpoints <= 2; checkpoints += 2) {
    tw_graph *g = tw_graph_new();
    chain c = chain_of(g, 5);
    tw_expr in[CHAIN_INPUTS], f[2][2], o[2][2];
    tw_array value[CHAIN_INPUTS];
    chain_inputs(&c, in, value, 5);
    chain_scan(&c, checkpoints, f[0], o[0]);
    chain_unrolled(&c, f[1], o[1]);
    for (int i = 0; i < CHAIN_INPUTS; i++) {
      tw_expr forward[2], reverse[2], third[2], v = direction(in[i], 50);
      for (int k = 0; k < 2; k++) {
        tw_expr loss = chain_loss(f[k], o[k]);
        forward[k] = tw_hvp(loss, in[i], v);
        reverse[k] = tw_grad(tw_dot(tw_grad(loss, in[i]), v), c.w);
        third[k] = tw_grad(tw_dot(reverse[k], direction(c.w, 51)), c.u);
      }
      assert_equal_values("hvp", CHAIN_INPUTS, in, value, forward[0], forward[1], 1e-12);
      assert_equal_values("reverse over reverse", CHAIN_INPUTS, in, value, reverse[0], reverse[1], 1e-12);
      assert_equal_values("third derivative", CHAIN_INPUTS, in, value, third[0], third[1], 1e-11);
    }
    tw_expr h[2], j[2], r[2];
    for (int k = 0; k < 2; k++) {
      h[k] = tw_hessian(chain_loss(f[k], o[k]), c.w);
      j[k] = tw_jacobian(o[k][1], c.x); /* forward: 15 outputs of 3 inputs */
      r[k] = tw_jacobian(f[k][0], c.w); /* reverse: 3 outputs of 9 inputs */
    }
    assert_equal_values("hessian", CHAIN_INPUTS, in, value, h[0], h[1], 1e-12);
    assert_equal_values("forward jacobian", CHAIN_INPUTS, in, value, j[0], j[1], 1e-13);
    assert_equal_values("reverse jacobian", CHAIN_INPUTS, in, value, r[0], r[1], 1e-13);
    free_arrays(CHAIN_INPUTS, value);
    tw_graph_free(g);
  }
}

/* A long chain, whose derivatives nobody writes out: (f(x + h v) - f(x - h v)) / 2h. */
static void long_chains_against_differences(void **state) {
  (void)state;
  const double h = 1e-5;
  tw_graph *g = tw_graph_new();
  chain c = chain_of(g, 400);
  tw_expr in[CHAIN_INPUTS], f[2], o[2];
  tw_array value[CHAIN_INPUTS];
  chain_inputs(&c, in, value, 7);
  chain_scan(&c, 4, f, o);
  tw_expr loss = chain_loss(f, o);
  for (int i = 0; i < CHAIN_INPUTS; i++) {
    tw_expr v = direction(in[i], 60), e[2] = {loss, tw_grad(loss, c.u)}, d[2];
    for (int k = 0; k < 2; k++) tw_jvp(1, &e[k], 1, &in[i], &v, &d[k]);
    assert_equal_values("slope", CHAIN_INPUTS, in, value, tw_dot(tw_grad(loss, in[i]), v), d[0], 1e-12);
    tw_expr moved[2] = {tw_add(in[i], tw_scale(v, h)), tw_sub(in[i], tw_scale(v, h))};
    for (int k = 0; k < 2; k++) {
      tw_expr at[2], scale = tw_scalar(g, 1 / (2 * h));
      for (int side = 0; side < 2; side++) tw_substitute(1, &e[k], 1, &in[i], &moved[side], &at[side]);
      assert_equal_values("difference", CHAIN_INPUTS, in, value, d[k], tw_mul(tw_sub(at[0], at[1]), scale),
                          1e-6);
    }
  }
  free_arrays(CHAIN_INPUTS, value);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ batches, and scans in loops in scans */

static void batches_are_loops(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  chain c = chain_of(g, 6);
  tw_expr in[CHAIN_INPUTS], f[2], o[2], all, each, k = tw_input(g, "b", TW_I64, TW_SCALAR);
  tw_array value[CHAIN_INPUTS];
  chain_inputs(&c, in, value, 9);
  chain_scan(&c, 2, f, o);
  tw_expr loss = chain_loss(f, o), many = direction(tw_fill(g, TW_F64, TW_SHAPE(4, 3), 0), 70);
  tw_expr e[] = {
      f[0], o[0], loss, tw_grad(loss, c.u), tw_grad(loss, c.w), tw_hvp(loss, c.w, direction(c.w, 71))};
  for (size_t i = 0; i < sizeof e / sizeof *e; i++) {
    tw_expr one = tw_take(many, 1, &k);
    assert_int_equal(tw_batch(1, &e[i], 1, &c.x, &many, 4, &all), TW_OK);
    assert_int_equal(tw_substitute(1, &e[i], 1, &c.x, &one, &each), TW_OK);
    assert_equal_values("batch", CHAIN_INPUTS, in, value, all, tw_loop_stack(k, 4, each), 1e-13);
  }
  /* The loop over the batch in one step, and its derivative in what the batch shares. */
  tw_expr by_loop, by_batch;
  tw_substitute(1, &loss, 1, &c.x, (tw_expr[]){tw_take(many, 1, &k)}, &by_loop);
  tw_batch(1, &loss, 1, &c.x, &many, 4, &by_batch);
  tw_expr sum[2] = {tw_loop_sum(k, 4, by_loop), tw_sum(by_batch, TW_ALL, false)};
  assert_equal_values("loop of scans", CHAIN_INPUTS, in, value, sum[0], sum[1], 1e-13);
  assert_equal_values("its gradient", CHAIN_INPUTS, in, value, tw_grad(sum[0], c.w), tw_grad(sum[1], c.w),
                      1e-12);
  assert_equal_values("its Hessian", CHAIN_INPUTS, in, value, tw_hessian(sum[0], c.w),
                      tw_hessian(sum[1], c.w), 1e-12);
  free_arrays(CHAIN_INPUTS, value);
  tw_graph_free(g);
}

/* Batched over tangents, a scan carries its states once, and the tangents side by side. */
static void tangents_share_their_states(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  chain c = chain_of(g, 6);
  tw_expr f[2], o[2], d, all, t = tw_input(g, "t", TW_F64, TW_SHAPE(3)),
                              many = tw_input(g, "many", TW_F64, TW_SHAPE(9, 3));
  chain_scan(&c, 0, f, o);
  assert_int_equal(tw_jvp(1, &f[0], 1, &c.x, &t, &d), TW_OK);
  assert_int_equal(tw_batch(1, &d, 1, &t, &many, 9, &all), TW_OK);
  while (strcmp(tw_op_of(all)->name, "scan") != 0) all = tw_input_of(all, 0);
  const int ranks[4] = {1, 0, 2, 1}; /* x, s and their tangents */
  for (int i = 0; i < 4; i++) assert_int_equal(tw_shape_of(tw_input_of(all, i)).rank, ranks[i]);
  tw_graph_free(g);
}

/* x_{i+1} = y_3(x_i) with y_{j+1} = sin(y_j + p_i sum_l (l + 1) y_j q_l), a loop in a scan in a scan, and
 * written out. */
static tw_expr nest(tw_expr x, tw_expr p, tw_expr q, bool scans) {
  tw_graph *g = x.graph;
  tw_expr i = tw_input(g, "i", TW_I64, TW_SCALAR), j = tw_input(g, "j", TW_I64, TW_SCALAR);
  tw_expr l = tw_input(g, "l", TW_I64, TW_SCALAR), outer = tw_input(g, "x_i", TW_F64, TW_SCALAR);
  tw_expr inner = tw_input(g, "y_j", TW_F64, TW_SCALAR);
  if (scans) {
    tw_expr weight = tw_mul(tw_cast(tw_add(l, tw_integer(g, 1)), TW_F64), tw_take(q, 1, &l));
    tw_expr sum = tw_loop_sum(l, 2, tw_mul(weight, inner));
    tw_expr step = tw_sin(tw_add(inner, tw_mul(tw_take(p, 1, &i), sum)));
    tw_expr turn = tw_scan_final(tw_scan(j, 3, 1, &inner, &outer, &step, 0, NULL, NULL), 0);
    return tw_scan_final(tw_scan(i, 4, 1, &outer, &x, &turn, 0, NULL, &(tw_scan_options){.checkpoints = 2}),
                         0);
  }
  tw_expr sum =
      tw_add(tw_squeeze(tw_slice(q, 0, 0, 1, 1), 0), tw_scale(tw_squeeze(tw_slice(q, 0, 1, 1, 1), 0), 2));
  for (int64_t a = 0; a < 4; a++)
    for (int b = 0; b < 3; b++)
      x = tw_sin(tw_add(x, tw_mul(tw_squeeze(tw_slice(p, 0, a, 1, 1), 0), tw_mul(x, sum))));
  return x;
}

static void scans_in_scans(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr in[3] = {tw_input(g, "x", TW_F64, TW_SCALAR), tw_input(g, "p", TW_F64, TW_SHAPE(4)),
                   tw_input(g, "q", TW_F64, TW_SHAPE(2))};
  double x = 0.7, p[4] = {0.3, -0.2, 0.5, 0.1}, q[2] = {0.4, 0.6};
  tw_array value[3] = {tw_array_f64(&x, TW_SCALAR), tw_array_f64(p, TW_SHAPE(4)),
                       tw_array_f64(q, TW_SHAPE(2))};
  tw_expr f[2] = {nest(in[0], in[1], in[2], true), nest(in[0], in[1], in[2], false)};
  assert_equal_values("nested", 3, in, value, f[0], f[1], 1e-14);
  for (int i = 0; i < 3; i++)
    assert_equal_values("its gradient", 3, in, value, tw_grad(f[0], in[i]), tw_grad(f[1], in[i]), 1e-13);
  for (int i = 1; i < 3; i++)
    assert_equal_values("its Hessian", 3, in, value, tw_hessian(f[0], in[i]), tw_hessian(f[1], in[i]), 1e-12);
  tw_expr mixed[2];
  for (int k = 0; k < 2; k++) mixed[k] = tw_grad(tw_dot(tw_grad(f[k], in[1]), in[1]), in[2]);
  assert_equal_values("reverse over reverse", 3, in, value, mixed[0], mixed[1], 1e-12);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ dtypes, lengths, sizes */

/* x' = x + dt(k) w x over captured values of the other precision: gradients come in each value's own dtype.
 */
static void precisions_mix(void **state) {
  (void)state;
  for (int single = 0; single < 2; single++) {
    tw_graph *g = tw_graph_new();
    tw_dtype of = single ? TW_F32 : TW_F64, other = single ? TW_F64 : TW_F32;
    tw_expr in[3] = {tw_input(g, "x", of, TW_SHAPE(2)), tw_input(g, "w", other, TW_SHAPE(2)),
                     tw_input(g, "dt", other, TW_SHAPE(5))};
    tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), x = tw_input(g, "x_k", of, TW_SHAPE(2));
    tw_expr rate = tw_cast(tw_mul(tw_take(in[2], 1, &k), in[1]), of), next = tw_add(x, tw_mul(rate, x));
    tw_expr final = tw_scan_final(tw_scan(k, 5, 1, &x, &in[0], &next, 0, NULL, NULL), 0);
    tw_expr loss = tw_sum(final, TW_ALL, false);
    double x0[2] = {1, 2}, w0[2] = {0.5, -0.25}, t0[5] = {0.5, 0.25, 0.125, 0.5, 0.75}, grad_w[2] = {0},
           f = 0;
    for (int i = 0; i < 2; i++) {
      double y = x0[i], dy = 0;
      for (int s = 0; s < 5; s++) {
        dy = dy * (1 + t0[s] * w0[i]) + y * t0[s];
        y *= 1 + t0[s] * w0[i];
      }
      f += y, grad_w[i] = dy;
    }
    tw_error error = {0};
    tw_array wide[3] = {tw_array_f64(x0, TW_SHAPE(2)), tw_array_f64(w0, TW_SHAPE(2)),
                        tw_array_f64(t0, TW_SHAPE(5))},
             value[3];
    for (int i = 0; i < 3; i++) assert_ok(tw_array_copy(&value[i], &wide[i], tw_dtype_of(in[i]), &error));
    tw_array v = evaluate_on("loss", 3, in, value, loss, 1),
             d = evaluate_on("gradient", 3, in, value, tw_grad(loss, in[1]), 1);
    tw_array dt = evaluate_on("gradient", 3, in, value, tw_grad(loss, in[2]), 1);
    assert_true(v.dtype == of && d.dtype == other && dt.dtype == other);
    assert_close(element(&v, 0), f, 1e-6);
    for (int i = 0; i < 2; i++) assert_close(element(&d, i), grad_w[i], 1e-6);
    double sum = 0; /* f is homogeneous in w and dt together: w df/dw = dt df/dt */
    for (int i = 0; i < 5; i++) sum += t0[i] * element(&dt, i);
    assert_close(sum, w0[0] * grad_w[0] + w0[1] * grad_w[1], 1e-6);
    tw_array_free(&v), tw_array_free(&d), tw_array_free(&dt);
    free_arrays(3, value);
    tw_graph_free(g);
  }
}

/* No step: the start. One step: no loop is left. */
static void short_scans_vanish(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), x = tw_input(g, "x_k", TW_F64, TW_SHAPE(2)),
          start = VECTOR(g, 3, 4);
  tw_expr next = tw_add(tw_square(x), tw_cast(k, TW_F64)), flat[2];
  for (int64_t n = 0; n < 2; n++) flat[n] = tw_scan(k, n, 1, &x, &start, &next, 1, &x, NULL);
  assert_true(tw_same(tw_scan_final(flat[0], 0), start));
  assert_int_equal(tw_size_of(tw_scan_out(flat[0], 0)), 0);
  assert_int_equal(tw_shape_of(tw_scan_out(flat[0], 0)).rank, 2);
  assert_true(tw_op_of(tw_scan_final(flat[1], 0)) != tw_op_of(flat[1]));
  assert_value(tw_scan_final(flat[1], 0), 0, 9, 16);
  assert_value(tw_scan_out(flat[1], 0), 0, 3, 4);
  /* The flat results and their derivatives, which nobody simplified. */
  assert_value(flat[0], 0, 3, 4);
  assert_value(flat[1], 0, 9, 16, 3, 4);
  assert_value(tw_grad(tw_sum(tw_square(flat[0]), TW_ALL, false), start), 0, 6, 8);
  assert_value(tw_grad(tw_sum(flat[1], TW_ALL, false), start), 0, 7, 9);
  assert_value(tw_hvp(tw_sum(tw_square(flat[0]), TW_ALL, false), start, VECTOR(g, 1, 2)), 0, 2, 4);
  tw_graph_free(g);
}

/* (a, b) -> (b, a + b): what is carried on without being computed. */
static void states_trade_places(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR);
  tw_expr now[2] = {tw_input(g, "a", TW_F64, TW_SCALAR), tw_input(g, "b", TW_F64, TW_SCALAR)};
  tw_expr start[2] = {tw_scalar(g, 0), tw_scalar(g, 1)}, next[2] = {now[1], tw_add(now[0], now[1])};
  tw_expr scan = tw_scan(k, 10, 2, now, start, next, 1, now, &(tw_scan_options){.checkpoints = 3});
  assert_value(scan, 0, 55, 89, 0, 1, 1, 2, 3, 5, 8, 13, 21, 34);
  assert_value(tw_grad(tw_scan_final(scan, 1), start[0]), 0, 55);
  assert_value(tw_grad(tw_scan_final(scan, 1), start[1]), 0, 89);
  tw_graph_free(g);
}

/* The graph of a scan and of its derivatives does not grow with the steps. */
static void size_does_not_grow(void **state) {
  (void)state;
  int32_t nodes[2];
  for (int t = 0; t < 2; t++) {
    tw_graph *g = tw_graph_new();
    chain c = chain_of(g, t ? 1000000000 : 10);
    tw_expr f[2], o[2];
    chain_scan(&c, 8, f, o);
    tw_hvp(chain_loss(f, o), c.w, c.w);
    tw_grad(tw_dot(tw_grad(chain_loss(f, o), c.w), c.w), c.u);
    assert_int_equal(tw_graph_status(g), TW_OK);
    nodes[t] = tw_graph_nodes(g);
    tw_graph_free(g);
  }
  assert_int_equal(nodes[0], nodes[1]);
}

/* ------------------------------------------------------------------ scans that stop */

/* x' = x + u[k] until x reaches `limit`; the same without a stop, in n steps. */
static tw_expr adding_up(tw_expr start, tw_expr u, tw_expr limit, int64_t n, bool stops) {
  tw_graph *g = start.graph;
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), x = tw_input(g, "x_k", TW_F64, TW_SCALAR), next = tw_add(x, tw_square(tw_take(u, 1, &k)));
  return tw_scan(k, n, 1, &x, &start, &next, 0, NULL, &(tw_scan_options){.until = stops ? tw_ge(x, limit) : TW_NONE});
}

/* A step that is not taken cannot fail: u has 4 entries and the loop 1000 steps. */
static void a_scan_stops(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr in[] = {tw_input(g, "start", TW_F64, TW_SCALAR), tw_input(g, "limit", TW_F64, TW_SCALAR)};
  tw_expr u = VECTOR(g, 1, 2, 3, 4), scan = adding_up(in[0], u, in[1], 1000, true);
  const double limits[] = {0.25, 0.5, 1, 2, 14.5, 30.5}, finals[] = {0.5, 0.5, 1.5, 5.5, 14.5, 30.5};
  double x = 0.5, limit = 0;
  tw_array value[] = {tw_array_f64(&x, TW_SCALAR), tw_array_f64(&limit, TW_SCALAR)};
  for (int t = 0; t < 6; t++) {
    limit = limits[t];
    tw_array out = evaluate_on("a scan that stops", 2, in, value, scan, 1);
    assert_int_equal(size_of(&out), 2);
    assert_true(element(&out, 0) == finals[t] && element(&out, 1) == 1);
    tw_array_free(&out);
    /* Forward mode stops with it. */
    tw_expr one = tw_scalar(g, 1), d;
    tw_expr final = tw_scan_final(scan, 0);
    assert_int_equal(tw_jvp(1, &final, 1, &in[0], &one, &d), TW_OK);
    out = evaluate_on("its tangent", 2, in, value, d, 1);
    assert_true(element(&out, 0) == 1);
    tw_array_free(&out);
  }
  tw_graph_free(g);
}

/* One that never stops says so; its derivatives are those of the steps taken, in reverse too; a batch stops when all are done. */
static void what_stops_is_differentiated(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr in[] = {tw_input(g, "start", TW_F64, TW_SCALAR), tw_input(g, "u", TW_F64, TW_SHAPE(6))};
  double x = 0.5, u[6] = {1, 2, 3, 4, 5, 6};
  tw_array value[] = {tw_array_f64(&x, TW_SCALAR), tw_array_f64(u, TW_SHAPE(6))};
  tw_expr stopped = tw_scan_final(adding_up(in[0], in[1], tw_scalar(g, 5), 6, true), 0);
  tw_expr two_steps = tw_scan_final(adding_up(in[0], in[1], TW_NONE, 2, false), 0);
  assert_equal_values("two steps", 2, in, value, stopped, two_steps, 0);
  assert_equal_values("their gradient", 2, in, value, tw_grad(stopped, in[1]), tw_grad(two_steps, in[1]), 0);
  assert_equal_values("their Hessian", 2, in, value, tw_hessian(stopped, in[1]), tw_hessian(two_steps, in[1]), 0);
  tw_expr endless = adding_up(in[0], in[1], tw_scalar(g, 1e9), 6, true), flag = tw_scan_final(endless, 1);
  tw_array out = evaluate_on("never over", 2, in, value, flag, 1);
  assert_true(element(&out, 0) == 0);
  tw_array_free(&out);
  tw_expr starts = VECTOR(g, 0, 4.5, 7, 3.5), many;
  assert_int_equal(tw_batch(1, &stopped, 1, in, &starts, 4, &many), TW_OK);
  out = evaluate_on("a batch", 2, in, value, many, 1);
  const double finals[] = {5, 5.5, 7, 8.5};
  for (int i = 0; i < 4; i++) assert_true(element(&out, i) == finals[i]);
  tw_array_free(&out);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_and_gradients),
      cmocka_unit_test(second_and_third_derivatives),
      cmocka_unit_test(long_chains_against_differences),
      cmocka_unit_test(batches_are_loops),
      cmocka_unit_test(tangents_share_their_states),
      cmocka_unit_test(scans_in_scans),
      cmocka_unit_test(precisions_mix),
      cmocka_unit_test(short_scans_vanish),
      cmocka_unit_test(states_trade_places),
      cmocka_unit_test(size_does_not_grow),
      cmocka_unit_test(a_scan_stops),
      cmocka_unit_test(what_stops_is_differentiated),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
