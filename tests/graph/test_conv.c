/* Convolution and its adjoints against plain loops over every index, as adjoints of each other, on several
 * threads, and as a part of derivatives of third order. Small shapes go by matrix products, large ones of f32
 * by oneDNN where the build has it. */
#include "evaluate.h"

enum { X, W, Y, ROLES };

typedef struct problem {
  int axes;
  int64_t n, c, k;
  int64_t image[3], kernel[3];
  tw_conv_options o;
} problem;

static int64_t or_one(int64_t x) {
  return x ? x : 1;
}

static int64_t out_of(const problem *p, int axis) {
  const int64_t reach = or_one(p->o.dilation[axis]) * (p->kernel[axis] - 1) + 1;
  return (p->image[axis] + p->o.low[axis] + p->o.high[axis] - reach) / or_one(p->o.stride[axis]) + 1;
}

static tw_shape shape_of(const problem *p, int role) {
  tw_shape s = {.rank = p->axes + 2};
  s.dim[0] = role == W ? p->k : p->n;
  s.dim[1] = role == X ? p->c : role == Y ? p->k : p->c / or_one(p->o.groups);
  for (int i = 0; i < p->axes; i++)
    s.dim[2 + i] = role == X ? p->image[i] : role == W ? p->kernel[i] : out_of(p, i);
  return s;
}

static tw_array draw(const problem *p, int role, tw_dtype dtype, uint64_t key) {
  tw_error error = {0};
  tw_array a;
  assert_ok(tw_array_new(&a, dtype, shape_of(p, role), &error));
  for (int64_t i = 0; i < size_of(&a); i++)
    set_element(&a, i, (double)(float)tw_random_normal(tw_key_split(key, (uint64_t)role), (uint64_t)i));
  return a;
}

/* Calls visit for every term x[..] w[..] of y[..] with the three flat positions. */
typedef void visitor(void *context, int64_t x, int64_t w, int64_t y);

static void each_term(const problem *p, visitor *visit, void *context) {
  const int64_t groups = or_one(p->o.groups), c_of = p->c / groups, k_of = p->k / groups;
  int64_t image[3] = {1, 1, 1}, kernel[3] = {1, 1, 1}, out[3] = {1, 1, 1}, stride[3] = {1, 1, 1},
          dilation[3] = {1, 1, 1}, low[3] = {0};
  for (int i = 0; i < p->axes; i++) {
    image[i] = p->image[i], kernel[i] = p->kernel[i], out[i] = out_of(p, i);
    stride[i] = or_one(p->o.stride[i]), dilation[i] = or_one(p->o.dilation[i]), low[i] = p->o.low[i];
  }
  int64_t y = 0;
  for (int64_t n = 0; n < p->n; n++)
    for (int64_t k = 0; k < p->k; k++)
      for (int64_t a = 0; a < out[0]; a++)
        for (int64_t b = 0; b < out[1]; b++)
          for (int64_t d = 0; d < out[2]; d++, y++)
            for (int64_t c = 0; c < c_of; c++)
              for (int64_t q = 0; q < kernel[0] * kernel[1] * kernel[2]; q++) {
                const int64_t i = a * stride[0] + q / (kernel[1] * kernel[2]) * dilation[0] - low[0];
                const int64_t j = b * stride[1] + q / kernel[2] % kernel[1] * dilation[1] - low[1];
                const int64_t l = d * stride[2] + q % kernel[2] * dilation[2] - low[2];
                if (i < 0 || j < 0 || l < 0 || i >= image[0] || j >= image[1] || l >= image[2]) continue;
                const int64_t channel = n * p->c + k / k_of * c_of + c;
                visit(context, ((channel * image[0] + i) * image[1] + j) * image[2] + l,
                      (k * c_of + c) * kernel[0] * kernel[1] * kernel[2] + q, y);
              }
}

/* The sums of one role from the numbers of the other two, and of their magnitudes. */
typedef struct sums {
  int role;
  const double *value[ROLES];
  double *sum, *size;
} sums;

static void add_term(void *context, int64_t x, int64_t w, int64_t y) {
  sums *s = context;
  const int64_t at[ROLES] = {x, w, y};
  double term = 1;
  for (int role = 0; role < ROLES; role++)
    if (role != s->role) term *= s->value[role][at[role]];
  s->sum[at[s->role]] += term;
  s->size[at[s->role]] += fabs(term);
}

static tw_expr build(const problem *p, int role, const tw_expr in[ROLES]) {
  if (role == Y) return tw_conv(in[X], in[W], &p->o);
  if (role == X) return tw_conv_input(in[Y], in[W], p->image, &p->o);
  return tw_conv_weight(in[X], in[Y], p->kernel, &p->o);
}

static const char *label_of(const problem *p, int role, tw_dtype dtype) {
  static char text[256];
  char x[TW_SHAPE_TEXT], w[TW_SHAPE_TEXT];
  const tw_shape image = shape_of(p, X), kernel = shape_of(p, W);
  snprintf(text, sizeof text, "%s %s of %s, %s, stride %lld, dilation %lld, padding %lld %lld, groups %lld",
           tw_dtype_get(dtype)->name,
           role == Y   ? "conv"
           : role == X ? "conv_input"
                       : "conv_weight",
           tw_shape_text(&image, x), tw_shape_text(&kernel, w), (long long)p->o.stride[0],
           (long long)p->o.dilation[0], (long long)p->o.low[0], (long long)p->o.high[0],
           (long long)p->o.groups);
  return text;
}

/* All three ops of a problem against the loops, to within the bound of any order of summation (that of
 * blocked layouts among them); the same bits on one, two and three threads. */
static void agrees_with_loops(const problem *p, tw_dtype dtype, uint64_t key) {
  tw_array value[ROLES];
  double *wide[ROLES];
  for (int role = 0; role < ROLES; role++) {
    value[role] = draw(p, role, dtype, key);
    wide[role] = tw_alloc((size_t)size_of(&value[role]) + 1, sizeof(double));
    assert_non_null(wide[role]);
    for (int64_t i = 0; i < size_of(&value[role]); i++) wide[role][i] = element(&value[role], i);
  }
  for (int role = 0; role < ROLES; role++) {
    const int64_t n = size_of(&value[role]);
    tw_graph *graph = tw_graph_new();
    tw_expr in[ROLES];
    for (int i = 0; i < ROLES; i++) in[i] = tw_input(graph, "in", dtype, value[i].shape);
    const tw_expr e = build(p, role, in);
    if (tw_is_none(e)) fail_msg("%s: %s", label_of(p, role, dtype), tw_graph_message(graph));
    tw_array one = evaluate_on(label_of(p, role, dtype), ROLES, in, value, e, 1);
    for (int threads = 2; threads < 4; threads++) {
      tw_array more = evaluate_on(label_of(p, role, dtype), ROLES, in, value, e, threads);
      if (memcmp(one.data, more.data, (size_t)n * tw_dtype_get(dtype)->size) != 0)
        fail_msg("%s: %d threads change bits", label_of(p, role, dtype), threads);
      tw_array_free(&more);
    }
    sums s = {role,
              {wide[X], wide[W], wide[Y]},
              tw_alloc((size_t)n + 1, sizeof(double)),
              tw_alloc((size_t)n + 1, sizeof(double))};
    assert_true(s.sum && s.size && n == size_of(&one));
    each_term(p, add_term, &s);
    for (int64_t i = 0; i < n; i++) {
      const double bound = (dtype == TW_F64 ? 1e-14 : 4e-6) * s.size[i];
      if (!(fabs(element(&one, i) - s.sum[i]) <= bound))
        fail_msg("%s: element %lld is %.12g, expected %.12g", label_of(p, role, dtype), (long long)i,
                 element(&one, i), s.sum[i]);
    }
    free(s.sum);
    free(s.size);
    tw_array_free(&one);
    tw_graph_free(graph);
  }
  for (int role = 0; role < ROLES; role++) {
    tw_array_free(&value[role]);
    free(wide[role]);
  }
}

static int64_t pick(uint64_t *key, int64_t low, int64_t high) {
  *key = tw_key_split(*key, 1);
  return tw_random_integer(*key, 0, low, high);
}

/* Any shape whose kernel fits. */
static problem draw_problem(uint64_t key) {
  problem p;
  do {
    p = (problem){.axes = (int)pick(&key, 1, 4), .n = pick(&key, 1, 4)};
    p.o.groups = pick(&key, 1, 4);
    p.c = p.o.groups * pick(&key, 1, 5);
    p.k = p.o.groups * pick(&key, 1, 5);
    for (int i = 0; i < p.axes; i++) {
      p.image[i] = pick(&key, 1, p.axes == 1 ? 40 : 9);
      p.kernel[i] = pick(&key, 1, 5);
      p.o.stride[i] = pick(&key, 1, 4);
      p.o.dilation[i] = pick(&key, 1, 3);
      p.o.low[i] = pick(&key, 0, 4);
      p.o.high[i] = pick(&key, 0, 4);
    }
    for (int i = 0; i < p.axes; i++)
      if (p.image[i] + p.o.low[i] + p.o.high[i] <= p.o.dilation[i] * (p.kernel[i] - 1)) p.axes = 0;
  } while (p.axes == 0);
  return p;
}

static void test_random_shapes(void **state) {
  (void)state;
  for (uint64_t key = 0; key < 120; key++) {
    const problem p = draw_problem(tw_key_split(11, key));
    agrees_with_loops(&p, TW_F64, key);
    agrees_with_loops(&p, TW_F32, key);
  }
}

/* Shapes of the size of layers. */
static void test_layers(void **state) {
  (void)state;
  static const problem layers[] = {
      {2, 16, 1, 8, {14, 12}, {5, 5}, {.low = {2, 2}, .high = {2, 2}}},                /* one channel in */
      {2, 5, 3, 20, {16, 16}, {3, 3}, {.low = {1, 1}, .high = {1, 1}}},                /* odd counts */
      {2, 1, 16, 64, {10, 10}, {3, 3}, {.low = {1, 1}, .high = {1, 1}}},               /* one image */
      {2, 7, 16, 32, {9, 9}, {3, 3}, {.stride = {2, 2}, .low = {1, 1}}},               /* strided, uneven */
      {2, 2, 32, 32, {12, 12}, {3, 3}, {.low = {1, 1}, .high = {1, 1}, .groups = 32}}, /* depthwise */
      {2, 33, 16, 16, {7, 7}, {3, 3}, {.low = {1, 1}, .high = {1, 1}, .groups = 2}},
      {2, 2, 12, 12, {12, 12}, {3, 3}, {.dilation = {2, 3}, .low = {2, 3}, .high = {2, 3}, .groups = 4}},
      {2, 3, 48, 24, {11, 11}, {1, 1}, {.groups = 1}}, /* pointwise */
      {2, 3, 48, 24, {11, 11}, {1, 1}, {.stride = {2, 2}}},
      {1, 3, 16, 24, {400}, {9}, {.stride = {2}, .dilation = {2}, .low = {5}, .high = {4}}}, /* signals */
      {1, 1, 2, 2, {9000}, {16}, {.low = {15}}},
      {3, 2, 4, 8, {7, 8, 9}, {3, 3, 3}, {.stride = {1, 2, 1}, .low = {1, 1, 1}, .high = {1, 1, 1}}}, /* volumes
                                                                                                       */
  };
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    agrees_with_loops(&layers[i], TW_F64, i);
    agrees_with_loops(&layers[i], TW_F32, i);
  }
}

static double inner(const tw_array *a, const tw_array *b) {
  return tw_vec_dot(a->data, b->data, (size_t)size_of(a));
}

/* <y, conv(x, w)> = <x, conv_input(y, w)> = <w, conv_weight(x, y)> */
static void test_adjoints(void **state) {
  (void)state;
  for (uint64_t key = 0; key < 40; key++) {
    const problem p = draw_problem(tw_key_split(12, key));
    tw_graph *graph = tw_graph_new();
    tw_array value[ROLES];
    tw_expr in[ROLES];
    double product[ROLES];
    for (int i = 0; i < ROLES; i++) {
      value[i] = draw(&p, i, TW_F64, key);
      in[i] = tw_input(graph, "in", TW_F64, value[i].shape);
    }
    for (int i = 0; i < ROLES; i++) {
      tw_array result = evaluate_on(label_of(&p, i, TW_F64), ROLES, in, value, build(&p, i, in), 1);
      product[i] = inner(&result, &value[i]);
      tw_array_free(&result);
    }
    assert_close(product[X], product[Y], 1e-11);
    assert_close(product[W], product[Y], 1e-11);
    for (int i = 0; i < ROLES; i++) tw_array_free(&value[i]);
    tw_graph_free(graph);
  }
}

/* h(w) = |grad_x sum tanh(conv(x, w))^2|^2: its gradient, which holds derivatives of third order of the loss,
 * against differences, and its second derivative against differences of that. */
static void test_derivatives_of_derivatives(void **state) {
  (void)state;
  const problem p = {2, 2, 2, 3, {5, 4}, {3, 2}, {.stride = {2, 1}, .low = {1, 0}, .high = {0, 1}}};
  const double step = 1e-5;
  tw_graph *graph = tw_graph_new();
  tw_array value[3] = {draw(&p, X, TW_F64, 1), draw(&p, W, TW_F64, 2), draw(&p, W, TW_F64, 3)};
  tw_expr in[3];
  for (int i = 0; i < 3; i++) in[i] = tw_input(graph, "in", TW_F64, value[i].shape);
  const tw_expr loss = tw_sum(tw_square(tw_tanh(tw_conv(in[0], in[1], &p.o))), TW_ALL, false);
  const tw_expr h = tw_sum(tw_square(tw_grad(loss, in[0])), TW_ALL, false), gradient = tw_grad(h, in[1]);
  const tw_expr along[2] = {tw_sum(tw_mul(gradient, in[2]), TW_ALL, false), tw_hvp(h, in[1], in[2])},
                of[2] = {h, gradient};
  for (int order = 0; order < 2; order++) {
    tw_array exact = evaluate_on("derivative", 3, in, value, along[order], 1), side[2], kept = value[1];
    for (int s = 0; s < 2; s++) {
      tw_error error = {0};
      assert_ok(tw_array_copy(&value[1], &kept, TW_F64, &error));
      for (int64_t i = 0; i < size_of(&kept); i++)
        set_element(&value[1], i, element(&kept, i) + (s ? -step : step) * element(&value[2], i));
      side[s] = evaluate_on("difference", 3, in, value, of[order], 1);
      tw_array_free(&value[1]);
    }
    value[1] = kept;
    const double scale = fmax(1, largest(&exact));
    for (int64_t i = 0; i < size_of(&exact); i++)
      assert_true(fabs(element(&exact, i) - (element(&side[0], i) - element(&side[1], i)) / (2 * step)) <=
                  1e-6 * scale);
    tw_array_free(&side[0]);
    tw_array_free(&side[1]);
    tw_array_free(&exact);
  }
  for (int i = 0; i < 3; i++) tw_array_free(&value[i]);
  tw_graph_free(graph);
}

static bool has_loop(tw_expr e) {
  if (tw_op_of(e) && strcmp(tw_op_of(e)->name, "loop") == 0) return true;
  for (int i = 0; i < tw_arity_of(e); i++)
    if (has_loop(tw_input_of(e, i))) return true;
  return false;
}

/* Gradients of weights by example, and every other batch, are one convolution. */
static void test_batches_are_no_loops(void **state) {
  (void)state;
  const problem p = {2, 3, 4, 6, {5, 4}, {3, 2}, {.groups = 2}};
  for (unsigned mask = 1; mask < 4; mask++)
    for (int role = 0; role < ROLES; role++) {
      tw_graph *graph = tw_graph_new();
      tw_expr in[ROLES], from[2], to[2], result;
      int n = 0;
      for (int i = 0, bit = 0; i < ROLES; i++) {
        in[i] = tw_input(graph, "in", TW_F64, shape_of(&p, i));
        if (i == role || !(mask >> bit++ & 1)) continue;
        tw_shape shape = shape_of(&p, i);
        memmove(shape.dim + 1, shape.dim, (size_t)shape.rank++ * sizeof *shape.dim);
        shape.dim[0] = 5;
        from[n] = in[i];
        to[n++] = tw_input(graph, "batch", TW_F64, shape);
      }
      const tw_expr e = build(&p, role, in);
      tw_batch(1, &e, n, from, to, 5, &result);
      assert_false(tw_is_none(result) || has_loop(result));
      tw_graph_free(graph);
    }
}

static void test_refusals(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(2, 3, 5, 5)),
                w = tw_input(g, "w", TW_F64, TW_SHAPE(4, 3, 3, 3));
  const tw_expr y = tw_input(g, "y", TW_F64, TW_SHAPE(2, 4, 3, 3)),
                flat = tw_input(g, "m", TW_F64, TW_SHAPE(2, 3));
  assert_refused(g, tw_conv(flat, w, NULL), TW_ERR_SHAPE, "shape [2, 3] has no one to three spatial axes");
  assert_refused(g, tw_conv(x, tw_input(g, "w", TW_F64, TW_SHAPE(4, 3, 3)), NULL), TW_ERR_SHAPE,
                 "different ranks");
  assert_refused(g, tw_conv(x, tw_input(g, "w", TW_F64, TW_SHAPE(4, 2, 3, 3)), NULL), TW_ERR_SHAPE,
                 "w is [4, 2, 3, 3] beside [2, 3, 5, 5]");
  assert_refused(g, tw_conv(x, w, &(tw_conv_options){.groups = 2}), TW_ERR_SHAPE, "(2 groups)");
  assert_refused(g,
                 tw_conv(x, tw_input(g, "w", TW_F64, TW_SHAPE(4, 1, 3, 3)), &(tw_conv_options){.groups = 3}),
                 TW_ERR_SHAPE, "3 input and 4 output channels do not fall into 3 groups");
  assert_refused(g, tw_conv(x, w, &(tw_conv_options){.groups = -1}), TW_ERR_ARGUMENT, "-1 groups");
  assert_refused(g, tw_conv(x, w, &(tw_conv_options){.stride = {1, -2}}), TW_ERR_SHAPE,
                 "the stride of spatial axis 1 is -2");
  assert_refused(g, tw_conv(x, w, &(tw_conv_options){.low = {-1}}), TW_ERR_SHAPE,
                 "the padding before of spatial axis 0 is -1");
  assert_refused(g, tw_conv(x, w, &(tw_conv_options){.dilation = {1, 3}}), TW_ERR_SHAPE,
                 "along spatial axis 1 a kernel of 3, dilated by 3, is longer than an image of 5");
  assert_refused(g, tw_conv_input(y, w, (int64_t[]){6, 5}, NULL), TW_ERR_SHAPE,
                 "y is [2, 4, 3, 3], expected [N, K, out..] with spatial extents [4, 3]");
  assert_refused(g, tw_conv_weight(x, y, (int64_t[]){3, 0}, NULL), TW_ERR_SHAPE,
                 "the kernel's extent of spatial axis 1 is 0");
  assert_refused(g,
                 tw_conv_weight(x, tw_input(g, "y", TW_F64, TW_SHAPE(1, 4, 3, 3)), (int64_t[]){3, 3}, NULL),
                 TW_ERR_SHAPE, "y is [1, 4, 3, 3] beside [2, 3, 5, 5]");
  assert_refused(g, tw_conv(x, TW_NONE, NULL), TW_ERR_ARGUMENT, "operand 2 is no expression");
  tw_graph_free(g);
}

/* Operands are promoted as elsewhere, and a zero operand gives a zero. */
static void test_builders(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_reshape(VECTOR(g, 1, 2, 4, 8, 16), TW_SHAPE(1, 1, 5));
  const tw_expr w = tw_reshape(tw_cast(VECTOR(g, 1, 0, -1), TW_I64), TW_SHAPE(1, 1, 3));
  assert_value(tw_conv(x, w, NULL), 0, -3, -6, -12);
  assert_value(tw_conv(x, w, &(tw_conv_options){.stride = {2}, .low = {1}, .high = {1}}), 0, -2, -6, 8);
  assert_value(tw_conv(x, w, &(tw_conv_options){.dilation = {2}}), 0, -15);
  assert_value(tw_conv_input(tw_reshape(VECTOR(g, 1, 2, 3), TW_SHAPE(1, 1, 3)), w, (int64_t[]){5}, NULL), 0,
               1, 2, 2, -2, -3);
  assert_value(tw_conv_weight(x, tw_reshape(VECTOR(g, 1, 2, 3), TW_SHAPE(1, 1, 3)), (int64_t[]){3}, NULL), 0,
               17, 34, 68);
  double zero;
  assert_true(tw_constant_value(tw_conv(x, tw_fill(g, TW_F64, TW_SHAPE(2, 1, 3), 0), NULL), &zero) &&
              zero == 0);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_builders),
      cmocka_unit_test(test_random_shapes),
      cmocka_unit_test(test_layers),
      cmocka_unit_test(test_adjoints),
      cmocka_unit_test(test_derivatives_of_derivatives),
      cmocka_unit_test(test_batches_are_no_loops),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
