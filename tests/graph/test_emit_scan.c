/* Scans and their reverse sweeps written as C, against the library: lengths, sizes of states, checkpoints,
 * derivatives. */
#include "written.h"

static tw_expr index_input(tw_graph *g) {
  return tw_input(g, "k", TW_I64, TW_SCALAR);
}
static tw_expr entry(tw_expr x, tw_expr k) {
  return tw_take(x, 1, &k);
}

/* A pendulum that is pushed, n steps: angle' = angle + speed' / 8, speed' = speed + push[k] - pull
 * sin(angle). Inputs: angle, speed, push [n + 1], pull. The final angle, the final speed, and the energies of
 * all steps. */
static void pendulum(tw_graph *g, tw_dtype dtype, int64_t n, int64_t checkpoints, function *f) {
  tw_expr k = index_input(g), angle = tw_input(g, "a", dtype, TW_SCALAR),
          speed = tw_input(g, "s", dtype, TW_SCALAR);
  f->n_in = 4;
  f->in[0] = tw_input(g, "angle", dtype, TW_SCALAR);
  f->in[1] = tw_input(g, "speed", dtype, TW_SCALAR);
  f->in[2] = tw_input(g, "push", dtype, TW_SHAPE(n + 1));
  f->in[3] = tw_input(g, "pull", dtype, TW_SCALAR);
  tw_expr faster = tw_add(speed, tw_sub(entry(f->in[2], k), tw_mul(f->in[3], tw_sin(angle))));
  tw_expr next[2] = {tw_add(angle, tw_scale(faster, 0.125)), faster},
          energy = tw_sub(tw_square(speed), tw_cos(angle));
  tw_expr scan = tw_scan(k, n, 2, (tw_expr[]){angle, speed}, f->in, next, 1, &energy,
                         &(tw_scan_options){.checkpoints = checkpoints});
  f->n_out = 3;
  f->out[0] = tw_scan_final(scan, 0);
  f->out[1] = tw_scan_final(scan, 1);
  f->out[2] = tw_scan_out(scan, 0);
}

/* Gradients of final angle times final speed and of the weighted energies in all inputs. */
static void add_gradients(function *f) {
  tw_expr value = tw_mul(f->out[0], f->out[1]), one = tw_ones_like(value), d[4];
  tw_expr weights = tw_scale(f->out[2], 0.5);
  assert_int_equal(tw_vjp(2, (tw_expr[]){value, f->out[2]}, (tw_expr[]){one, weights}, 4, f->in, d), TW_OK);
  for (int i = 0; i < 4; i++)
    if (!tw_is_none(d[i])) f->out[f->n_out++] = d[i];
}

static void lengths(void **state) {
  (void)state;
  const int64_t lengths[] = {0, 1, 2, 3, 40};
  for (size_t t = 0; t < sizeof lengths / sizeof *lengths; t++) {
    tw_graph *g = tw_graph_new();
    function f = {.label = "lengths"};
    pendulum(g, TW_F64, lengths[t], 0, &f);
    add_gradients(&f);
    assert_true(f.n_out >= 5);
    assert_written(&f);
    tw_graph_free(g);
  }
}

static void checkpoints(void **state) {
  (void)state;
  enum { N = 37 };
  const int64_t kept[] = {0, 1, 2, 3, 7, N - 2, N - 1, N, 1000};
  for (size_t t = 0; t < sizeof kept / sizeof *kept; t++) {
    tw_graph *g = tw_graph_new();
    function f = {.label = "checkpoints"};
    pendulum(g, TW_F64, N, kept[t], &f);
    add_gradients(&f);
    assert_written_by(&f, t % 2 && has_compiler("clang") ? "clang -O2" : "cc -O3");
    tw_graph_free(g);
  }
}

static void single_precision(void **state) {
  (void)state;
  for (int64_t kept = 0; kept < 3; kept++) {
    tw_graph *g = tw_graph_new();
    function f = {.label = "f32", .tolerance = 2e-5};
    pendulum(g, TW_F32, 11, kept, &f);
    add_gradients(&f);
    assert_written(&f);
    tw_graph_free(g);
  }
}

static void second_derivatives(void **state) {
  (void)state;
  for (int64_t kept = 0; kept < 3; kept += 2) {
    tw_graph *g = tw_graph_new();
    function f = {.label = "second derivatives"};
    pendulum(g, TW_F64, 9, kept, &f);
    tw_expr value = tw_mul(f.out[0], tw_exp(f.out[1])), push = f.in[2];
    f.out[0] = tw_grad(value, push);
    f.out[1] = tw_hvp(value, push, tw_cos(push));
    tw_expr k = index_input(g);
    f.out[2] = tw_grad(tw_loop_sum(k, 10, tw_square(entry(f.out[1], k))), push);
    assert_written(&f);
    tw_graph_free(g);
  }
}

/* Carries that change places, one of them too large for a variable; a loop in the step; the scan in a loop.
 */
static void states_of_all_sizes(void **state) {
  (void)state;
  enum { N = 5, LONG = 300 };
  const int64_t sizes[] = {3, LONG};
  for (int t = 0; t < 2; t++) {
    tw_graph *g = tw_graph_new();
    const tw_shape shape = TW_SHAPE(sizes[t]);
    tw_expr k = index_input(g), l = tw_input(g, "l", TW_I64, TW_SCALAR),
            r = tw_input(g, "r", TW_I64, TW_SCALAR);
    tw_expr x = tw_input(g, "x0", TW_F64, shape), y = tw_input(g, "y0", TW_F64, shape),
            w = tw_input(g, "w", TW_F64, TW_SHAPE(N));
    tw_expr p = tw_input(g, "p", TW_F64, shape), q = tw_input(g, "q", TW_F64, shape);
    tw_expr inner = tw_loop_sum(l, sizes[t], tw_mul(entry(p, l), entry(q, l)));
    tw_expr next[2] = {
        q, tw_add(tw_sin(tw_mul(p, entry(w, k))), tw_scale(tw_mul(inner, q), 0.01))}; /* p takes q over */
    tw_expr scan = tw_scan(k, N, 2, (tw_expr[]){p, q}, (tw_expr[]){x, y}, next, 1, &p,
                           &(tw_scan_options){.checkpoints = 2});
    tw_expr last = tw_scan_final(scan, 1), all = tw_scan_out(scan, 0);
    tw_expr many = tw_loop_sum(r, 4, tw_mul(entry(last, tw_mod(r, tw_integer(g, 3))), tw_cast(r, TW_F64)));
    function f = {.label = "states",
                  .n_in = 3,
                  .in = {x, y, w},
                  .n_out = 7,
                  .out = {tw_scan_final(scan, 0), last, all, many}};
    for (int i = 0; i < 3; i++) f.out[4 + i] = tw_grad(many, f.in[i]);
    assert_written(&f);
    assert_written_by(&f, "cc -O0");
    tw_graph_free(g);
  }
}

/* A scan whose start depends on the iteration of a loop around it. */
static void scans_in_loops(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr k = index_input(g), i = tw_input(g, "i", TW_I64, TW_SCALAR),
          x = tw_input(g, "x", TW_F64, TW_SHAPE(6)), c = tw_input(g, "c", TW_F64, TW_SCALAR);
  tw_expr z = tw_input(g, "z", TW_F64, TW_SCALAR),
          next = tw_sub(tw_cos(z), tw_mul(c, tw_cast(tw_add(k, i), TW_F64))), start = entry(x, i);
  tw_expr scan = tw_scan(k, 8, 1, &z, &start, &next, 0, NULL, &(tw_scan_options){.checkpoints = 3});
  tw_expr sum = tw_loop_sum(i, 6, tw_square(tw_scan_final(scan, 0)));
  function f = {.label = "scans in loops",
                .n_in = 2,
                .in = {x, c},
                .n_out = 3,
                .out = {sum, tw_grad(sum, x), tw_grad(sum, c)}};
  assert_written(&f);
  tw_graph_free(g);
}

/* Memory is that of the states which may be kept. */
static void work_memory_is_limited(void **state) {
  (void)state;
  enum { N = 4000 };
  size_t bytes[2];
  for (int t = 0; t < 2; t++) {
    tw_graph *g = tw_graph_new();
    tw_text c = {0}, header = {0};
    function f = {.label = "memory"};
    pendulum(g, TW_F64, N, t ? 5 : 0, &f);
    f.out[0] = tw_grad(f.out[0], f.in[0]);
    f.n_out = 1;
    function_write(&f, &c, &header);
    bytes[t] = written_work_bytes(&header);
    tw_text_free(&c);
    tw_text_free(&header);
    tw_graph_free(g);
  }
  const size_t state_bytes = 2 * sizeof(double);
  assert_true(bytes[0] >= (N - 1) * state_bytes);
  assert_true(bytes[0] - bytes[1] >= (N - 64) * state_bytes);
}

static void errors_in_steps(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr k = index_input(g), z = tw_input(g, "z", TW_F64, TW_SCALAR),
          x = tw_input(g, "x", TW_F64, TW_SHAPE(4)), at = tw_input(g, "at", TW_I64, TW_SHAPE(3));
  tw_expr next = tw_add(tw_mul(z, z), entry(x, entry(at, k))), start = tw_scalar(g, 0.5);
  tw_expr scan = tw_scan(k, 3, 1, &z, &start, &next, 0, NULL, NULL);
  function f = {
      .label = "errors", .n_in = 2, .in = {x, at}, .n_out = 1, .out = {tw_grad(tw_scan_final(scan, 0), x)}};
  double xs[4] = {1, 2, 3, 4}, own[4];
  for (int64_t last = 3; last < 5; last++) {
    int64_t index[3] = {0, 3, last};
    assert_int_equal(written_call(&f, "cc -O2", (void *[]){xs, index}, (void *[]){own}), last == 4);
    assert_int_equal(library_call(&f, (void *[]){xs, index}, (void *[]){own}) != TW_OK, last == 4);
  }
  tw_graph_free(g);
}

/* Steps that are left are not run: the fifth would read past the end of u. Without a stop it does. */
static void written_scans_stop(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr k = index_input(g), x = tw_input(g, "x", TW_F64, TW_SCALAR);
  function f = {.label = "stop", .n_in = 3, .n_out = 1};
  f.in[0] = tw_input(g, "start", TW_F64, TW_SCALAR);
  f.in[1] = tw_input(g, "u", TW_F64, TW_SHAPE(4));
  f.in[2] = tw_input(g, "limit", TW_F64, TW_SCALAR);
  tw_expr next = tw_add(x, entry(f.in[1], k));
  f.out[0] = tw_scan(k, 1000, 1, &x, f.in, &next, 0, NULL, &(tw_scan_options){.until = tw_ge(x, f.in[2])});
  double start = 0.5, u[4] = {1, 2, 3, 4}, own[2];
  const double limit[] = {0.5, 1, 2, 10.5, 11}, final[] = {0.5, 1.5, 3.5, 10.5};
  for (int t = 0; t < 5; t++) {
    double most = limit[t];
    assert_int_equal(written_call(&f, "cc -O2", (void *[]){&start, u, &most}, (void *[]){own}), t == 4);
    if (t < 4) assert_true(own[0] == final[t] && own[1] == 1);
  }
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(lengths),
                                     cmocka_unit_test(checkpoints),
                                     cmocka_unit_test(single_precision),
                                     cmocka_unit_test(second_derivatives),
                                     cmocka_unit_test(states_of_all_sizes),
                                     cmocka_unit_test(scans_in_loops),
                                     cmocka_unit_test(work_memory_is_limited),
                                     cmocka_unit_test(errors_in_steps),
                                     cmocka_unit_test(written_scans_stop)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
