/* Segments: steps that native code runs in one call give the interpreter's bits, fail as it does, and keep levels. */
#include "examples.h"

#include "graph/emit/native.h"

enum { MOST = 4096 };
static tw_error error;

typedef struct scene {
  int n_in, n_out;
  tw_expr in[MOST], out[MOST];
  tw_array value[MOST];
  double low[MOST], high[MOST];
  tw_fn *fn;
} scene;

static tw_array *new_outputs(const scene *s) {
  tw_array *out = calloc((size_t)s->n_out + 1, sizeof *out);
  for (int i = 0; i < s->n_out; i++) assert_ok(tw_array_new(&out[i], tw_dtype_of(s->out[i]), tw_shape_of(s->out[i]), &error));
  return out;
}

static void free_outputs(const scene *s, tw_array *out) {
  for (int i = 0; i < s->n_out; i++) tw_array_free(&out[i]);
  free(out);
}

static tw_status call(const scene *s, tw_jit jit, tw_array *out, tw_error *failure) {
  const void **in = calloc((size_t)s->n_in + 1, sizeof *in);
  void **to = calloc((size_t)s->n_out + 1, sizeof *to);
  tw_work *work;
  for (int i = 0; i < s->n_in; i++) in[i] = s->value[i].data;
  for (int i = 0; i < s->n_out; i++) to[i] = out[i].data;
  assert_ok(tw_work_new(&work, s->fn, &error));
  tw_work_exec(work, &(tw_exec){.threads = 1, .jit = jit});
  const tw_status status = tw_fn_call(s->fn, work, in, to, 0, failure);
  tw_work_free(work);
  free(in);
  free(to);
  return status;
}

static void compile(scene *s) {
  if (tw_fn_new(&s->fn, s->n_in, s->in, s->n_out, s->out, NULL, &error) != TW_OK) fail_msg("%s", error.message);
}

/* The outputs have the same bits interpreted and by segments, of which there are some. */
static void same_bits(const scene *s, const char *label) {
  tw_array *one = new_outputs(s), *two = new_outputs(s);
  assert_true(s->fn->n_segments > 0);
  if (call(s, TW_JIT_OFF, one, &error) != TW_OK || call(s, TW_JIT_ON, two, &error) != TW_OK) fail_msg("%s: %s", label, error.message);
  assert_non_null(atomic_load(&s->fn->native));
  for (int i = 0; i < s->n_out; i++)
    if (memcmp(one[i].data, two[i].data, (size_t)size_of(&one[i]) * tw_dtype_get(one[i].dtype)->size) != 0)
      fail_msg("%s: output %d, of %s, differs", label, i, tw_op_of(s->out[i])->name);
  free_outputs(s, one);
  free_outputs(s, two);
}

/* ------------------------------------------------------------------ every op */

static void add_inputs(scene *s, tw_expr e, const tw_op *op) {
  if (tw_is_input(e)) {
    for (int i = 0; i < s->n_in; i++)
      if (tw_same(s->in[i], e)) return;
    assert_true(s->n_in < MOST);
    s->low[s->n_in] = op->low;
    s->high[s->n_in] = op->high;
    s->in[s->n_in++] = e;
  }
  for (int i = 0; i < tw_arity_of(e); i++) add_inputs(s, tw_input_of(e, i), op);
}

static void draw_inputs(scene *s) {
  for (int i = 0; i < s->n_in; i++) {
    assert_ok(tw_array_new(&s->value[i], tw_dtype_of(s->in[i]), tw_shape_of(s->in[i]), &error));
    for (int64_t k = 0; k < size_of(&s->value[i]); k++) {
      const double v = s->low[i] + tw_random_uniform((uint64_t)i, (uint64_t)k) * (s->high[i] - s->low[i]);
      set_element(&s->value[i], k, is_real(s->in[i]) ? (double)(float)v : floor(v));
    }
  }
}

/* All examples of the ops that segments may hold, and their gradients, in one function. */
static void examples(tw_dtype dtype) {
  tw_graph *g = tw_graph_new();
  scene *s = calloc(1, sizeof *s);
  for (const tw_op *const *op = tw_op_table(); *op; op++) {
    const tw_op_kind kind = (*op)->flags & TW_OP_ELEMENTWISE ? TW_OP_KIND_ELEMENTWISE : (*op)->kind;
    const bool held =
        kind == TW_OP_KIND_ELEMENTWISE || kind == TW_OP_KIND_MOVEMENT || kind == TW_OP_KIND_LOOKUP || kind == TW_OP_KIND_REDUCTION;
    for (int variant = 0; held && (*op)->example && variant < (kind == TW_OP_KIND_ELEMENTWISE ? 2 : 64); variant++) {
      const tw_expr e = (*op)->example(g, dtype, variant);
      if (tw_is_none(e)) break;
      const int first = s->n_in;
      add_inputs(s, e, *op);
      s->out[s->n_out++] = e;
      if (!is_real(e) || s->n_in == first || !is_real(s->in[first])) continue;
      const tw_expr gradient = tw_grad(tw_sum(tw_square(e), TW_ALL, false), s->in[first]);
      if (!tw_is_none(gradient)) s->out[s->n_out++] = gradient;
    }
  }
  if (tw_graph_status(g)) fail_msg("%s", tw_graph_message(g));
  draw_inputs(s);
  compile(s);
  same_bits(s, tw_dtype_get(dtype)->name);
  tw_fn_free(s->fn);
  for (int i = 0; i < s->n_in; i++) tw_array_free(&s->value[i]);
  free(s);
  tw_graph_free(g);
}

static void every_op(void **state) {
  (void)state;
  examples(TW_F64);
  examples(TW_F32);
}

/* ------------------------------------------------------------------ folds */

/* n numbers, some of them special. */
static void draw_special(tw_array *a, int64_t n, uint64_t key) {
  static const double special[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0};
  for (int64_t k = 0; k < n; k++) {
    const uint64_t bits = tw_random_bits(key, (uint64_t)k);
    set_element(a, k,
                key % 3 && bits % 7 == 0 ? special[key % 3 == 1 ? 3 + bits / 7 % 2 : bits / 7 % 5] : tw_random_normal(key, (uint64_t)k));
  }
}

/* All folds of [rows, columns] along either axis and of all. */
static void add_folds(scene *s, tw_graph *g, tw_dtype dtype, int64_t rows, int64_t columns) {
  const tw_expr x = s->in[s->n_in] = tw_input(g, "x", dtype, TW_SHAPE(rows, columns));
  assert_ok(tw_array_new(&s->value[s->n_in], dtype, tw_shape_of(x), &error));
  draw_special(&s->value[s->n_in], rows * columns, (uint64_t)s->n_in);
  s->n_in++;
  const tw_expr y = tw_sub(x, tw_abs(x));
  for (int axis = -1; axis < 2; axis++) {
    const unsigned axes = axis < 0 ? TW_ALL : 1U << axis;
    s->out[s->n_out++] = tw_sum(y, axes, false);
    s->out[s->n_out++] = tw_sum(tw_square(y), axes, false);
    s->out[s->n_out++] = tw_prod(y, axes, false);
    s->out[s->n_out++] = tw_reduce_max(y, axes, false);
    s->out[s->n_out++] = tw_reduce_min(y, axes, false);
  }
}

static void folds(void **state) {
  (void)state;
  static const int64_t shape[][2] = {{1, 1},  {1, 2},  {2, 1},   {3, 5},   {1, 7},  {1, 8},  {1, 9},  {5, 8},
                                     {4, 32}, {2, 64}, {128, 1}, {1, 128}, {33, 3}, {32, 4}, {11, 11}};
  tw_graph *g = tw_graph_new();
  scene *s = calloc(1, sizeof *s);
  for (size_t k = 0; k < sizeof shape / sizeof *shape; k++)
    for (int repeat = 0; repeat < 4; repeat++) add_folds(s, g, repeat % 2 ? TW_F32 : TW_F64, shape[k][0], shape[k][1]);
  compile(s);
  same_bits(s, "folds");
  tw_fn_free(s->fn);
  for (int i = 0; i < s->n_in; i++) tw_array_free(&s->value[i]);
  free(s);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ whole functions */

static tw_expr number_of(tw_expr x, int64_t i) {
  return tw_reshape(tw_slice(x, 0, i, 1, 1), TW_SCALAR);
}

static int stand_ins; /* calls of it */

static int stand_in(const void *const *in, void *const *out, void *work, tw_loop *const *loop) {
  (void)in, (void)out, (void)work, (void)loop;
  stand_ins++;
  return 0;
}

/* Native code is called in place of the steps, and only where it is asked for. */
static void assert_runs_natively(const scene *s) {
  tw_array *out = new_outputs(s);
  atomic_load(&s->fn->native)->segment[0] = stand_in;
  stand_ins = 0;
  assert_ok(call(s, TW_JIT_OFF, out, &error));
  assert_int_equal(stand_ins, 0);
  assert_ok(call(s, TW_JIT_ON, out, &error));
  assert_int_equal(stand_ins, 1);
  free_outputs(s, out);
}

static void small_function_is_one_segment(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(4)), a = number_of(x, 0), b = number_of(x, 1), c = number_of(x, 2),
                d = number_of(x, 3);
  const tw_expr f = tw_add(tw_mul(tw_mul(a, d), tw_exp(tw_add(tw_add(a, b), c))), tw_log(tw_mul(c, tw_sum(tw_square(x), TW_ALL, false))));
  scene s = {.n_in = 1, .in = {x}, .n_out = 2, .out = {f, tw_grad(f, x)}};
  assert_ok(tw_array_new(&s.value[0], TW_F64, TW_SHAPE(4), &error));
  for (int i = 0; i < 4; i++) set_element(&s.value[0], i, 0.3 + i);
  compile(&s);
  assert_int_equal(s.fn->n_segments, 1);
  assert_int_equal(s.fn->step[0].n_segment, s.fn->n_steps);
  same_bits(&s, "small function");
  assert_runs_natively(&s);
  tw_fn_free(s.fn);
  tw_array_free(&s.value[0]);
  tw_graph_free(g);
}

/* Between calls that succeed. */
static void failures_are_the_interpreters(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(10)), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  const tw_expr far = tw_add(k, k), e = tw_mul(tw_take(x, 1, &k), tw_take(x, 1, &far));
  scene s = {.n_in = 2, .in = {x, k}, .n_out = 2, .out = {e, tw_grad(e, x)}};
  assert_ok(tw_array_new(&s.value[0], TW_F64, TW_SHAPE(10), &error));
  assert_ok(tw_array_new(&s.value[1], TW_I64, TW_SCALAR, &error));
  for (int i = 0; i < 10; i++) set_element(&s.value[0], i, i + 0.5);
  compile(&s);
  assert_true(s.fn->n_segments > 0);
  tw_array *out = new_outputs(&s);
  for (int64_t at = -2; at < 12; at++) {
    tw_error one = {0}, two = {0};
    *(int64_t *)s.value[1].data = at;
    const tw_status status = call(&s, TW_JIT_OFF, out, &one);
    assert_int_equal(status, at >= 0 && at < 5 ? TW_OK : TW_ERR_RANGE);
    assert_int_equal(call(&s, TW_JIT_ON, out, &two), status);
    assert_string_equal(one.message, two.message);
    if (status == TW_OK) same_bits(&s, "look-ups");
  }
  free_outputs(&s, out);
  tw_fn_free(s.fn);
  tw_array_free(&s.value[0]);
  tw_array_free(&s.value[1]);
  tw_graph_free(g);
}

/* What depends on the parameter alone is kept from the first call. */
static void levels(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_input(g, "x", TW_F64, TW_SCALAR), p = tw_input(g, "p", TW_F64, TW_SCALAR);
  const tw_expr fixed = tw_add(tw_square(p), tw_scalar(g, 1)), e = tw_mul(fixed, tw_add(x, tw_exp(x)));
  const tw_expr in[] = {p, x};
  tw_fn *fn;
  tw_work *work;
  assert_ok(tw_fn_new(&fn, 2, in, 1, &e, &(tw_fn_options){.levels = (int[]){0, 1}}, &error));
  assert_int_equal(fn->n_segments, 2);
  assert_ok(tw_work_new(&work, fn, &error));
  tw_work_exec(work, &(tw_exec){.jit = TW_JIT_ON});
  double pv = 2, xv = 0.5, out;
  assert_ok(tw_fn_call(fn, work, (const void *[]){&pv, &xv}, (void *[]){&out}, 0, &error));
  assert_true(out == 5 * (0.5 + exp(0.5)));
  pv = 3; /* not looked at */
  xv = 0;
  assert_ok(tw_fn_call(fn, work, (const void *[]){&pv, &xv}, (void *[]){&out}, 1, &error));
  assert_true(out == 5);
  assert_ok(tw_fn_call(fn, work, (const void *[]){&pv, &xv}, (void *[]){&out}, 0, &error));
  assert_true(out == 10);
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_op), cmocka_unit_test(folds), cmocka_unit_test(small_function_is_one_segment),
                                     cmocka_unit_test(failures_are_the_interpreters), cmocka_unit_test(levels)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
