/* Loops over index sets written as C, against the library: every kind of result, nested and derived loops,
 * checks of indices, loops that share a `for`, and files that do not grow with the sets. */
#include "written.h"

#include <ctype.h>

static const char *const compilers[] = {"cc -O1", "cc -O3 -march=native", "clang -O2"};

static void assert_written_everywhere(const function *f) {
  for (size_t k = 0; k < sizeof compilers / sizeof *compilers; k++)
    if (k < 2 || has_compiler("clang")) assert_written_by(f, compilers[k]);
}

static tw_expr index_input(tw_graph *g, const char *name) {
  return tw_input(g, name, TW_I64, TW_SCALAR);
}
static tw_expr plus(tw_expr k, int64_t by) {
  return tw_add(k, tw_integer(k.graph, by));
}
static tw_expr entry(tw_expr x, tw_expr k) {
  return tw_take(x, 1, &k);
}
static tw_expr entry2(tw_expr x, tw_expr i, tw_expr j) {
  return tw_take(x, 2, (tw_expr[]){i, j});
}

/* 100 (x[k]^2 - x[k+1])^2 + sin(x[k] y) */
static tw_expr chain_term(tw_expr x, tw_expr y, tw_expr k) {
  tw_expr a = entry(x, k), b = entry(x, plus(k, 1));
  return tw_add(tw_scale(tw_square(tw_sub(tw_square(a), b)), 100), tw_sin(tw_mul(a, y)));
}

/* ------------------------------------------------------------------ results */

static void sums_of_numbers(void **state) {
  (void)state;
  const tw_dtype dtypes[] = {TW_F64, TW_F32};
  for (int t = 0; t < 2; t++) {
    tw_graph *g = tw_graph_new();
    tw_expr x = tw_input(g, "x", dtypes[t], TW_SHAPE(1001)), y = tw_input(g, "y", dtypes[t], TW_SCALAR),
            k = index_input(g, "k");
    tw_expr i = tw_input(g, "n", TW_I64, TW_SHAPE(1000));
    function f = {.label = "sums of numbers", .n_in = 3, .in = {x, y, i}, .n_out = 3, .low = -4, .high = 4};
    f.tolerance = t ? 1e-5 : 1e-14;
    f.out[0] = tw_loop_sum(k, 1000, chain_term(x, y, k));
    f.out[1] = tw_loop_sum(k, 1000, tw_square(entry(i, k))); /* integers */
    f.out[2] = tw_loop_sum(k, 1000, tw_gt(entry(x, k), y));  /* truth values, counted in f64 */
    assert_written_everywhere(&f);
    tw_graph_free(g);
  }
}

/* A sum that plain addition gets wrong in the sixth digit. */
static void sums_are_compensated(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SCALAR), k = index_input(g, "k"), r = tw_cast(k, TW_F64);
  tw_expr term = tw_add(tw_mul(x, tw_scalar(g, 1e-3)),
                        tw_where(tw_eq(k, tw_integer(g, 0)), tw_scalar(g, 1e13), tw_mul(r, tw_scalar(g, 0))));
  tw_expr sum = tw_loop_sum(k, 100000, term);
  function f = {.label = "compensated",
                .n_in = 1,
                .in = {x},
                .n_out = 2,
                .out = {tw_sub(sum, tw_scalar(g, 1e13)), sum}};
  f.out[1] = tw_sub(
      tw_loop_sum(k, 100000,
                  tw_mul(tw_broadcast(term, TW_SHAPE(3)), tw_add(tw_iota(g, TW_F64, 3), tw_scalar(g, 1)))),
      tw_scalar(g, 1e13));
  double at = 1, own[4];
  void *out[2] = {own, own + 1};
  assert_int_equal(written_call(&f, "cc -O2", (void *[]){&at}, out), 0);
  assert_close(own[0], 100, 2e-5); /* half a unit in the last place of 1e13 is 1e-3 */
  for (int i = 0; i < 3; i++)
    assert_close(own[1 + i], 1e13 * i + 100 * (i + 1), 1e-15 * (i ? 1e13 : 100) + 4e-3);
  tw_graph_free(g);
}

static void stacks_and_sums_of_arrays(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(41)), v = tw_input(g, "v", TW_F64, TW_SHAPE(3)),
          k = index_input(g, "k");
  tw_expr long_vector = tw_input(g, "long", TW_F64, TW_SHAPE(400)), xk = entry(x, k);
  function f = {.label = "stacks and sums", .n_in = 3, .in = {x, v, long_vector}, .n_out = 7};
  f.out[0] = tw_loop_stack(k, 40, tw_mul(xk, entry(x, plus(k, 1))));
  f.out[1] = tw_loop_stack(k, 40, tw_mul(tw_exp(xk), v));           /* [40, 3] */
  f.out[2] = tw_loop_stack(k, 40, tw_gt(xk, entry(x, plus(k, 1)))); /* truth values */
  f.out[3] = tw_loop_stack(k, 40, plus(tw_mul(k, k), -5));          /* integers */
  f.out[4] = tw_loop_sum(k, 40, tw_cos(tw_mul(xk, v)));             /* [3] */
  f.out[5] = tw_loop_sum(k, 40, tw_sin(tw_mul(xk, long_vector)));   /* too large for variables */
  f.out[6] = tw_loop_stack(k, 40, k);                               /* no step of its own */
  assert_written_everywhere(&f);
  tw_graph_free(g);
}

/* Gradients of captured arrays: scattered by one and two indices, whole rows, several to one array, plain
 * sums. */
static void scattered_gradients(void **state) {
  (void)state;
  const tw_dtype dtypes[] = {TW_F64, TW_F32};
  for (int t = 0; t < 2; t++) {
    tw_graph *g = tw_graph_new();
    tw_expr x = tw_input(g, "x", dtypes[t], TW_SHAPE(9)), a = tw_input(g, "a", dtypes[t], TW_SHAPE(9, 4)),
            y = tw_input(g, "y", dtypes[t], TW_SCALAR);
    tw_expr v = tw_input(g, "v", dtypes[t], TW_SHAPE(4)), k = index_input(g, "k"),
            j = tw_mod(k, tw_integer(g, 4));
    tw_expr term = tw_mul(chain_term(x, y, k), tw_exp(entry2(a, plus(k, 1), j)));
    tw_expr row = tw_mul(tw_mul(tw_take(a, 1, &k), v), entry(x, k)); /* [4] */
    tw_expr rows = tw_loop_sum(k, 9, tw_square(row)), w = tw_fill_like(rows, 0.5);
    function f = {.label = "gradients", .n_in = 4, .in = {x, a, y, v}, .n_out = 6, .tolerance = t ? 1e-5 : 0};
    f.out[0] = tw_loop_sum(k, 8, term);
    for (int i = 0; i < 3; i++) f.out[1 + i] = tw_grad(f.out[0], f.in[i]);
    assert_int_equal(tw_vjp(1, &rows, &w, 2, (tw_expr[]){a, v}, f.out + 4), TW_OK);
    assert_written_everywhere(&f);
    tw_graph_free(g);
  }
}

/* Many entries in one iteration: x[index[k, :]], whose gradient is scattered entry by entry. */
static void scattered_vectors(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(9)), index = tw_input(g, "index", TW_I64, TW_SHAPE(6, 5)),
          k = index_input(g, "k");
  tw_expr at = tw_take(index, 1, &k), parts = tw_loop_sum(k, 6, tw_square(tw_take(x, 1, &at))),
          w = tw_fill_like(parts, 2);
  function f = {.label = "scattered vectors", .n_in = 2, .in = {x, index}, .n_out = 2, .low = 0, .high = 8};
  f.out[0] = parts;
  assert_int_equal(tw_vjp(1, &parts, &w, 1, &x, &f.out[1]), TW_OK);
  assert_written(&f);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ nested and derived loops */

static void nested_loops(void **state) {
  (void)state;
  enum { M = 7, N = 6 };
  tw_graph *g = tw_graph_new();
  tw_expr a = tw_input(g, "a", TW_F64, TW_SHAPE(M, N)), x = tw_input(g, "x", TW_F64, TW_SHAPE(N)),
          y = tw_input(g, "y", TW_F64, TW_SCALAR);
  tw_expr i = index_input(g, "i"), j = index_input(g, "j"), l = index_input(g, "l");
  tw_expr inner = tw_loop_sum(j, N, tw_sin(tw_mul(tw_mul(entry2(a, i, j), entry(x, j)), y)));
  tw_expr deep = tw_loop_sum(l, 3, tw_mul(tw_add(tw_cast(l, TW_F64), inner), entry(x, l)));
  function f = {.label = "nested loops", .n_in = 3, .in = {a, x, y}, .n_out = 6};
  f.out[0] = tw_loop_sum(i, M, tw_square(inner));
  f.out[1] = tw_loop_stack(i, M, deep);
  for (int t = 0; t < 3; t++) f.out[2 + t] = tw_grad(f.out[0], f.in[t]);
  f.out[5] = tw_hvp(f.out[0], x, tw_cos(x));
  assert_written_everywhere(&f);
  tw_graph_free(g);
}

static void second_and_third_derivatives(void **state) {
  (void)state;
  enum { N = 50 };
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(N + 1)), v = tw_input(g, "v", TW_F64, TW_SHAPE(N + 1)),
          y = tw_input(g, "y", TW_F64, TW_SCALAR);
  tw_expr k = index_input(g, "k"), f0 = tw_loop_sum(k, N, chain_term(x, y, k)), hv = tw_hvp(f0, x, v);
  tw_expr quadratic = tw_loop_sum(k, N, tw_mul(entry(hv, k), entry(v, k)));
  function f = {.label = "derivatives", .n_in = 3, .in = {x, v, y}, .n_out = 5};
  f.out[0] = f0;
  f.out[1] = tw_grad(f0, x);
  f.out[2] = hv;
  f.out[3] = quadratic;
  f.out[4] = tw_grad(quadratic, x);
  assert_written_everywhere(&f);
  tw_graph_free(g);
}

/* The tangent of the gradient of sum_k a_k x_k in x alone: nothing comes to the part that belongs to x. */
static void parts_without_results(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr a = tw_input(g, "a", TW_F64, TW_SHAPE(5)), x = tw_input(g, "x", TW_F64, TW_SHAPE(5)),
          v = tw_input(g, "v", TW_F64, TW_SHAPE(5));
  tw_expr k = index_input(g, "k"), sum = tw_loop_sum(k, 5, tw_mul(entry(a, k), entry(x, k))),
          one = tw_ones_like(sum), gradient[2], tangent[2];
  assert_int_equal(tw_vjp(1, &sum, &one, 2, (tw_expr[]){a, x}, gradient), TW_OK);
  assert_int_equal(tw_jvp(2, gradient, 1, &x, &v, tangent), TW_OK);
  function f = {.label = "parts without results", .n_in = 3, .in = {a, x, v}};
  for (int i = 0; i < 2; i++)
    if (!tw_is_none(tangent[i])) f.out[f.n_out++] = tangent[i];
  assert_int_equal(f.n_out, 2);
  assert_written(&f);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ sharing */

static int count_of(const char *text, const char *part) {
  int count = 0;
  for (; (text = strstr(text, part)); text++) count++;
  return count;
}

static int loops_of(const function *f) {
  tw_text c = {0}, header = {0};
  function_write(f, &c, &header);
  const int count = count_of(c.data, "for (int64_t k");
  tw_text_free(&c);
  tw_text_free(&header);
  return count;
}

/* Value, gradient and what else reads the same entries in one `for`; a loop over another one's result has its
 * own, and so has one whose result lies where an array was that loops before it read. */
static void loops_share(void **state) {
  (void)state;
  enum { N = 30 };
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(N + 1)), y = tw_input(g, "y", TW_F64, TW_SCALAR),
          k = index_input(g, "k");
  function f = {.label = "sharing", .n_in = 2, .in = {x, y}, .n_out = 3};
  f.out[0] = tw_loop_sum(k, N, chain_term(x, y, k));
  f.out[1] = tw_grad(f.out[0], x);
  f.out[2] = tw_loop_stack(k, N, tw_mul(entry(x, k), y));
  assert_int_equal(loops_of(&f), 1);
  assert_written(&f);
  tw_expr first = tw_loop_stack(
      k, N, tw_exp(tw_mul(entry(x, k), y))); /* dead after the second: its memory is free again */
  tw_expr second = tw_loop_stack(k, N, tw_mul(entry(first, k), entry(x, plus(k, 1))));
  tw_expr third =
      tw_loop_stack(k, N, tw_add(entry(second, k), entry(second, tw_sub(tw_integer(g, N - 1), k))));
  f.n_out = 1;
  f.out[0] = tw_loop_sum(k, N, tw_square(entry(third, k)));
  assert_int_equal(loops_of(&f), 4);
  f.out[f.n_out++] = tw_loop_sum(k, N, tw_cos(entry(x, k)));
  assert_true(loops_of(&f) >= 4);
  assert_written(&f);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ failures */

static void indices_are_checked(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(8)), at = tw_input(g, "at", TW_I64, TW_SHAPE(3)),
          k = index_input(g, "k");
  tw_expr sum = tw_loop_sum(k, 3, tw_square(entry(x, entry(at, k))));
  function f = {.label = "indices", .n_in = 2, .in = {x, at}, .n_out = 1, .out = {sum}};
  double xs[8] = {1, 2, 3, 4, 5, 6, 7, 8}, own[8] = {0};
  const int64_t cases[][4] = {{0, 7, 3, 0}, {0, 8, 3, 1}, {-1, 0, 0, 1}, {0, 0, INT64_MIN, 1}};
  for (int way = 0; way < 2; way++) { /* reading, and scattering the gradient */
    if (way) f.out[0] = tw_grad(sum, x);
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
      int64_t index[3] = {cases[t][0], cases[t][1], cases[t][2]};
      void *in[2] = {xs, index}, *out[1] = {own};
      assert_int_equal(written_call(&f, "cc -O2", in, out), cases[t][3]);
      assert_int_equal(library_call(&f, in, out) != TW_OK, cases[t][3]);
    }
  }
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ size */

/* The text without its numbers. */
static void drop_digits(char *text) {
  char *to = text;
  for (const char *p = text; *p; p++)
    if (!isdigit((unsigned char)*p)) *to++ = *p;
  *to = 0;
}

static void files_do_not_grow(void **state) {
  (void)state;
  tw_text c[2] = {{0}, {0}}, header[2] = {{0}, {0}};
  for (int t = 0; t < 2; t++) {
    const int64_t n = t ? 1000000 : 1000;
    tw_graph *g = tw_graph_new();
    tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(n)), v = tw_input(g, "v", TW_F64, TW_SHAPE(n)),
            y = tw_input(g, "y", TW_F64, TW_SCALAR);
    tw_expr k = index_input(g, "k"), f0 = tw_loop_sum(k, n - 1, chain_term(x, y, k));
    function f = {.label = "size", .n_in = 3, .in = {x, v, y}, .n_out = 4};
    f.out[0] = f0;
    f.out[1] = tw_grad(f0, x);
    f.out[2] = tw_hvp(f0, x, v);
    f.out[3] = tw_loop_stack(k, n - 2, tw_mul(entry(x, plus(k, 2)), y));
    function_write(&f, &c[t], &header[t]);
    assert_true(c[t].length < 16384);
    drop_digits(c[t].data);
    tw_graph_free(g);
  }
  assert_string_equal(c[0].data, c[1].data);
  for (int t = 0; t < 2; t++) tw_text_free(&c[t]), tw_text_free(&header[t]);
}

/* Arguments keep clear of the names that are made up for variables. */
static void names_do_not_clash(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  function f = {.label = "names", .n_in = 12, .n_out = 1};
  tw_expr k = index_input(g, "k0"), sum = TW_NONE;
  static const char *const name[] = {"k0",   "o0",  "a1", "w3",   "s0_0",   "t2_1",
                                     "p4_0", "exp", "i",  "work", "memory", "j5"};
  for (int i = 0; i < f.n_in; i++) f.in[i] = tw_input(g, name[i], TW_F64, TW_SHAPE(4));
  for (int i = 0; i < f.n_in; i++) {
    tw_expr term = tw_exp(entry(f.in[i], k));
    sum = i ? tw_add(sum, term) : term;
  }
  f.out[0] = tw_loop_sum(k, 4, sum);
  assert_written(&f);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums_of_numbers),
                                     cmocka_unit_test(sums_are_compensated),
                                     cmocka_unit_test(stacks_and_sums_of_arrays),
                                     cmocka_unit_test(scattered_gradients),
                                     cmocka_unit_test(scattered_vectors),
                                     cmocka_unit_test(nested_loops),
                                     cmocka_unit_test(second_and_third_derivatives),
                                     cmocka_unit_test(parts_without_results),
                                     cmocka_unit_test(loops_share),
                                     cmocka_unit_test(indices_are_checked),
                                     cmocka_unit_test(files_do_not_grow),
                                     cmocka_unit_test(names_do_not_clash)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
