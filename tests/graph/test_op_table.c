/* Properties of every op in the table, on the examples it gives: f32 agrees with f64, jvp with differences, vjp is
 * the adjoint of jvp, batching is a loop, second derivatives agree with differences of first ones, and the number of
 * threads changes no bit. A new op is covered by being in the table. */
#include "examples.h"

/* ------------------------------------------------------------------ directions */

/* Random arrays in the shapes of `like`, as constants of the graph. */
static tw_expr direction_of(const example *x, tw_expr like, uint64_t stream, tw_array *value) {
  tw_error error = {0};
  const uint64_t key = tw_key_split(tw_hash(x->label, strlen(x->label), 3), stream);
  assert_ok(tw_array_new(value, TW_F64, tw_shape_of(like), &error));
  tw_random_normal_fill(key, 0, (size_t)size_of(value), value->data);
  return tw_constant(x->graph, value);
}

typedef struct directions {
  tw_expr t[MAX_INPUTS];
  tw_array value[MAX_INPUTS];
} directions;

static void directions_open(const example *x, directions *d) {
  for (int i = 0; i < x->reals; i++) d->t[i] = direction_of(x, x->in[i], (uint64_t)i + 10, &d->value[i]);
}

static void directions_close(const example *x, directions *d) {
  for (int i = 0; i < x->reals; i++) tw_array_free(&d->value[i]);
}

/* (e(x + h t) - e(x - h t)) / 2h */
static tw_array difference(const example *x, tw_expr e, const directions *d, double h) {
  tw_error error = {0};
  example moved[2] = {*x, *x};
  tw_array f[2];
  for (int side = 0; side < 2; side++) {
    for (int i = 0; i < x->reals; i++) {
      assert_ok(tw_array_copy(&moved[side].value[i], &x->value[i], tw_dtype_of(x->in[i]), &error));
      for (int64_t k = 0; k < size_of(&x->value[i]); k++)
        set_element(&moved[side].value[i], k, element(&x->value[i], k) + (side ? -h : h) * element(&d->value[i], k));
    }
    f[side] = value_of(&moved[side], e, 1);
    for (int i = 0; i < x->reals; i++) tw_array_free(&moved[side].value[i]);
  }
  for (int64_t k = 0; k < size_of(&f[0]); k++) set_element(&f[0], k, (element(&f[0], k) - element(&f[1], k)) / (2 * h));
  tw_array_free(&f[1]);
  return f[0];
}

/* `e` (or zeros when it is none) has the value `expected`, relative to the largest of it and `scale`. */
static void assert_agrees(const example *x, const char *what, tw_expr e, const tw_array *expected, double scale,
                          double tolerance) {
  tw_array value = {0};
  if (tw_graph_status(x->graph)) fail_msg("%s: %s: %s", x->label, what, tw_graph_message(x->graph));
  if (!tw_is_none(e)) value = value_of(x, e, 1);
  if (!tw_is_none(e) && !tw_shape_equal(&value.shape, &expected->shape)) fail_msg("%s: %s: shape", x->label, what);
  scale = fmax(scale, fmax(1, largest(expected)));
  for (int64_t k = 0; k < size_of(expected); k++) {
    const double a = tw_is_none(e) ? 0 : element(&value, k), b = element(expected, k);
    if (!(fabs(a - b) <= tolerance * scale))
      fail_msg("%s: %s: element %lld is %.12g, expected %.12g", x->label, what, (long long)k, a, b);
  }
  tw_array_free(&value);
}

/* Derivatives are tested of f64 functions of f64; stop_gradient is the one op whose derivative is a fiction. */
static bool differentiable(const example *x) {
  return x->reals > 0 && tw_dtype_of(x->e) == TW_F64 && strcmp(x->op->name, "stop_gradient") != 0;
}

/* ------------------------------------------------------------------ properties */

static void is_described(example *x) {
  if (!x->op->name || !x->op->summary || !x->op->infer || !x->op->kernel || !x->op->flops)
    fail_msg("%s: the descriptor is not complete", x->label);
  if (x->op->flops(x->e) < 0) fail_msg("%s: flops", x->label);
}

static void is_finite(example *x) {
  tw_array value = value_of(x, x->e, 1);
  for (int64_t k = 0; k < size_of(&value); k++)
    if (!isfinite(element(&value, k))) fail_msg("%s: element %lld is not finite", x->label, (long long)k);
  tw_array_free(&value);
}

static void agrees_in_f32(example *x) {
  example single;
  tw_array a = value_of(x, x->e, 1);
  assert_true(example_open(&single, x->op, TW_F32, x->variant));
  tw_array b = value_of(&single, single.e, 1);
  assert_true(tw_shape_equal(&a.shape, &b.shape));
  const bool real = tw_dtype_get(b.dtype)->kind == TW_KIND_FLOAT;
  const double tolerance = real ? 1e-4 * fmax(1, largest(&a)) : 0;
  for (int64_t k = 0; k < size_of(&a); k++)
    if (!(fabs(element(&a, k) - element(&b, k)) <= tolerance))
      fail_msg("%s: %.9g, in f32 %.9g", x->label, element(&a, k), element(&b, k));
  tw_array_free(&a);
  tw_array_free(&b);
  example_close(&single);
}

static void jvp_is_difference(example *x) {
  directions d;
  tw_expr jvp;
  if (!differentiable(x)) return;
  directions_open(x, &d);
  tw_jvp(1, &x->e, x->reals, x->in, d.t, &jvp);
  tw_array expected = difference(x, x->e, &d, 1e-5);
  assert_agrees(x, "jvp", jvp, &expected, 1, 1e-7);
  tw_array_free(&expected);
  directions_close(x, &d);
}

static double inner_product(const tw_array *a, const tw_array *b) {
  double sum = 0;
  for (int64_t k = 0; k < size_of(a); k++) sum += element(a, k) * element(b, k);
  return sum;
}

/* <c, J t> = <J' c, t> */
static void vjp_is_adjoint(example *x) {
  directions d;
  tw_expr jvp, vjp[MAX_INPUTS];
  tw_array c_value;
  if (!differentiable(x)) return;
  directions_open(x, &d);
  const tw_expr c = direction_of(x, x->e, 1, &c_value);
  tw_jvp(1, &x->e, x->reals, x->in, d.t, &jvp);
  tw_vjp(1, &x->e, &c, x->reals, x->in, vjp);
  if (tw_graph_status(x->graph)) fail_msg("%s: %s", x->label, tw_graph_message(x->graph));
  double left = 0, right = 0, scale = 1;
  if (!tw_is_none(jvp)) {
    tw_array value = value_of(x, jvp, 1);
    left = inner_product(&value, &c_value);
    scale = fmax(scale, largest(&value) * (double)size_of(&value));
    tw_array_free(&value);
  }
  for (int i = 0; i < x->reals; i++) {
    if (tw_is_none(vjp[i])) continue;
    tw_array value = value_of(x, vjp[i], 1);
    if (!tw_shape_equal(&value.shape, &x->value[i].shape)) fail_msg("%s: shape of vjp %d", x->label, i);
    right += inner_product(&value, &d.value[i]);
    tw_array_free(&value);
  }
  if (!(fabs(left - right) <= 1e-10 * scale)) fail_msg("%s: <c, Jt> = %.12g, <J'c, t> = %.12g", x->label, left, right);
  tw_array_free(&c_value);
  directions_close(x, &d);
}

/* Of g = J' c: its jvp along t against its difference. */
static void second_derivative_is_difference(example *x) {
  directions d;
  tw_expr vjp[MAX_INPUTS], second;
  tw_array c_value;
  if (!differentiable(x)) return;
  directions_open(x, &d);
  const tw_expr c = direction_of(x, x->e, 1, &c_value);
  tw_vjp(1, &x->e, &c, x->reals, x->in, vjp);
  for (int i = 0; i < x->reals; i++) {
    if (tw_is_none(vjp[i])) continue;
    tw_jvp(1, &vjp[i], x->reals, x->in, d.t, &second);
    tw_array expected = difference(x, vjp[i], &d, 1e-5);
    assert_agrees(x, "second derivative", second, &expected, 1, 1e-6);
    tw_array_free(&expected);
  }
  tw_array_free(&c_value);
  directions_close(x, &d);
}

/* The jvp along t of <J' c, u>, by vjp of vjp: reverse over reverse must be the adjoint of forward over reverse. */
static void reverse_over_reverse(example *x) {
  directions d;
  tw_expr vjp[MAX_INPUTS], forward, reverse[MAX_INPUTS], u[MAX_INPUTS];
  tw_array c_value, u_value;
  if (!differentiable(x)) return;
  directions_open(x, &d);
  const tw_expr c = direction_of(x, x->e, 1, &c_value);
  tw_vjp(1, &x->e, &c, x->reals, x->in, vjp);
  for (int i = 0; i < x->reals; i++) {
    if (tw_is_none(vjp[i])) continue;
    u[i] = direction_of(x, x->in[i], 90, &u_value);
    tw_jvp(1, &vjp[i], x->reals, x->in, d.t, &forward);
    tw_vjp(1, &vjp[i], &u[i], x->reals, x->in, reverse);
    if (tw_graph_status(x->graph)) fail_msg("%s: %s", x->label, tw_graph_message(x->graph));
    double left = 0, right = 0, scale = 1;
    if (!tw_is_none(forward)) {
      tw_array value = value_of(x, forward, 1);
      left = inner_product(&value, &u_value);
      scale = fmax(scale, largest(&value) * (double)size_of(&value));
      tw_array_free(&value);
    }
    for (int j = 0; j < x->reals; j++) {
      if (tw_is_none(reverse[j])) continue;
      tw_array value = value_of(x, reverse[j], 1);
      right += inner_product(&value, &d.value[j]);
      tw_array_free(&value);
    }
    if (!(fabs(left - right) <= 1e-9 * scale)) fail_msg("%s: second: %.12g and %.12g", x->label, left, right);
    tw_array_free(&u_value);
  }
  tw_array_free(&c_value);
  directions_close(x, &d);
}

/* Inputs in `mask` get a leading axis of `size`; slice 0 is the example's own values. */
static void batch_is_loop(example *x, unsigned mask, int64_t size) {
  tw_error error = {0};
  example batched = *x, one = *x;
  tw_expr from[MAX_INPUTS], to[MAX_INPUTS], result;
  int m = 0;
  for (int i = 0; i < x->n; i++) {
    if (!(mask >> i & 1)) continue;
    tw_shape shape = tw_shape_of(x->in[i]);
    for (int k = shape.rank++; k > 0; k--) shape.dim[k] = shape.dim[k - 1];
    shape.dim[0] = size;
    assert_ok(tw_array_new(&batched.value[i], tw_dtype_of(x->in[i]), shape, &error));
    for (int64_t k = 0; k < size_of(&batched.value[i]); k++)
      set_element(&batched.value[i], k, draw(x, i, k, 5));
    batched.in[i] = tw_input(x->graph, "batch", tw_dtype_of(x->in[i]), shape);
    from[m] = x->in[i];
    to[m++] = batched.in[i];
  }
  tw_batch(1, &x->e, m, from, to, size, &result);
  if (tw_graph_status(x->graph)) fail_msg("%s: batch: %s", x->label, tw_graph_message(x->graph));
  tw_array all = value_of(&batched, result, 1);
  for (int64_t b = 0; b < size; b++) {
    for (int i = 0; i < x->n; i++) {
      if (!(mask >> i & 1)) continue;
      const size_t bytes = (size_t)size_of(&x->value[i]) * tw_dtype_get(x->value[i].dtype)->size;
      one.value[i] = tw_array_view((char *)batched.value[i].data + (size_t)b * bytes, x->value[i].dtype,
                                   x->value[i].shape);
    }
    tw_array expected = value_of(&one, x->e, 1);
    const int64_t n = size_of(&expected);
    const double tolerance = 1e-13 * fmax(1, largest(&expected));
    if (size_of(&all) != n * size) fail_msg("%s: batch: shape", x->label);
    for (int64_t k = 0; k < n; k++)
      if (!(fabs(element(&all, b * n + k) - element(&expected, k)) <= tolerance))
        fail_msg("%s: batch %x, slice %lld: %.12g, alone %.12g", x->label, mask, (long long)b,
                 element(&all, b * n + k), element(&expected, k));
    tw_array_free(&expected);
  }
  tw_array_free(&all);
  for (int i = 0; i < x->n; i++)
    if (mask >> i & 1) tw_array_free(&batched.value[i]);
}

static void batches_are_loops(example *x) {
  if (x->n == 0) return;
  const unsigned all = (1u << x->n) - 1;
  batch_is_loop(x, all, 3);
  for (int i = 0; i < x->n && x->n > 1; i++) batch_is_loop(x, 1u << i, 2);
}

static void threads_change_nothing(example *x) {
  tw_array a = value_of(x, x->e, 1), b = value_of(x, x->e, 2);
  assert_memory_equal(a.data, b.data, (size_t)size_of(&a) * tw_dtype_get(a.dtype)->size);
  tw_array_free(&a);
  tw_array_free(&b);
}

/* ------------------------------------------------------------------ tests */

#define EACH(name, holds)                                                                                         \
  static void name(void **state) {                                                                                \
    (void)state;                                                                                                  \
    each_example(holds);                                                                                          \
  }
EACH(test_described, is_described)
EACH(test_finite, is_finite)
EACH(test_f32, agrees_in_f32)
EACH(test_jvp, jvp_is_difference)
EACH(test_vjp, vjp_is_adjoint)
EACH(test_second, second_derivative_is_difference)
EACH(test_reverse_over_reverse, reverse_over_reverse)
EACH(test_batch, batches_are_loops)
EACH(test_threads, threads_change_nothing)

/* Names are unique, and every op has an example, so that the properties above say something of it. */
static void test_names(void **state) {
  (void)state;
  for (const tw_op *const *a = tw_op_table(); *a; a++) {
    if (!(*a)->example) fail_msg("%s has no example", (*a)->name);
    for (const tw_op *const *b = tw_op_table(); b != a; b++) assert_string_not_equal((*a)->name, (*b)->name);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names),     cmocka_unit_test(test_described), cmocka_unit_test(test_finite),
      cmocka_unit_test(test_f32),       cmocka_unit_test(test_jvp),       cmocka_unit_test(test_vjp),
      cmocka_unit_test(test_second),    cmocka_unit_test(test_reverse_over_reverse),
      cmocka_unit_test(test_batch),     cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
