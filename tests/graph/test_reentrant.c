/* One compiled function in several threads at once, a workspace each, every thread on values of its own: the bits are those of
 * a call alone. Interpreted, while native code is made and with it; threads of the caller that share out work to more threads,
 * and tiles of a parallel region; written C. */
#include "chain.h"
#include "examples.h"
#include "together.h"
#include "written.h"

#include <stdatomic.h>

enum { ROUNDS = 3 };

typedef struct caller {
  tw_array value[WRITTEN_MOST], expected[WRITTEN_MOST], out[WRITTEN_MOST];
  void *in[WRITTEN_MOST], *alone[WRITTEN_MOST], *at[WRITTEN_MOST];
  tw_status wanted, status; /* alone, and the first that differs from it */
  int wrong;                /* outputs with other bits, in all rounds */
  tw_error error;
} caller;

typedef struct scene {
  const function *f;
  tw_fn *fn;
  tw_exec exec;
  caller caller[TOGETHER];
  const compiled *code; /* of written functions */
  size_t work_bytes;
} scene;

static size_t bytes_of(const tw_array *a) {
  return (size_t)size_of(a) * tw_dtype_get(a->dtype)->size;
}

/* ------------------------------------------------------------------ values and what they give alone */

static void call_alone(const scene *s, caller *c) {
  tw_fn *fn = function_compile(s->f);
  tw_work *work;
  tw_error error;
  assert_ok(tw_work_new(&work, fn, &error));
  tw_work_exec(work, &(tw_exec){.threads = 1, .jit = TW_JIT_OFF});
  c->wanted = tw_fn_call(fn, work, (const void *const *)c->in, c->alone, 0, &error);
  tw_work_free(work);
  tw_fn_free(fn);
}

static void scene_open(scene *s, const function *f) {
  *s = (scene){.f = f};
  for (int t = 0; t < TOGETHER; t++) {
    caller *c = &s->caller[t];
    for (int i = 0; i < f->n_in; i++) {
      c->value[i] = drawn_value(f, i, (uint64_t)t);
      c->in[i] = c->value[i].data;
    }
    new_outputs(f, c->expected, c->alone);
    new_outputs(f, c->out, c->at);
    call_alone(s, c);
  }
}

static void scene_close(scene *s) {
  for (int t = 0; t < TOGETHER; t++) {
    free_arrays(s->f->n_in, s->caller[t].value);
    free_arrays(s->f->n_out, s->caller[t].expected);
    free_arrays(s->f->n_out, s->caller[t].out);
  }
}

/* ------------------------------------------------------------------ at once */

static void judge(const scene *s, caller *c, tw_status status) {
  if (status != c->wanted) c->status = status != TW_OK ? status : c->wanted;
  for (int i = 0; i < s->f->n_out && status == TW_OK; i++) {
    c->wrong += memcmp(c->out[i].data, c->expected[i].data, bytes_of(&c->expected[i])) != 0;
    memset(c->out[i].data, 0x55, bytes_of(&c->out[i]));
  }
}

static void call_rounds(void *context, int number) {
  scene *s = context;
  caller *c = &s->caller[number];
  tw_work *work;
  c->status = tw_work_new(&work, s->fn, &c->error);
  if (c->status != TW_OK) return;
  tw_work_exec(work, &s->exec);
  for (int round = 0; round < ROUNDS; round++)
    judge(s, c, tw_fn_call(s->fn, work, (const void *const *)c->in, c->at, 0, &c->error));
  tw_work_free(work);
}

static void call_tile(void *context, int64_t tile, int worker) {
  (void)worker;
  call_rounds(context, (int)tile);
}

static void check(scene *s, const char *how) {
  for (int t = 0; t < TOGETHER; t++) {
    const caller *c = &s->caller[t];
    if (c->status != TW_OK) fail_msg("%s, %s, caller %d: %s (%s)", s->f->label, how, t, tw_status_name(c->status), c->error.message);
    if (c->wrong) fail_msg("%s, %s, caller %d: %d outputs differ from those of a call alone", s->f->label, how, t, c->wrong);
  }
}

static void hear(void *context, tw_level level, const char *message) {
  (void)level;
  if (strstr(message, "loops of native code")) atomic_fetch_add((atomic_int *)context, 1);
}

/* Calls with one thread each and with three; without native code, while one of them makes it, and with it. How often it was
 * made. */
static int callers_agree(const function *f) {
  scene s;
  atomic_int made = 0;
  const tw_logger log = {hear, &made, TW_LOG_DEBUG};
  scene_open(&s, f);
  for (int threads = 1; threads <= 3; threads += 2)
    for (int jit = 0; jit < 2; jit++) {
      s.fn = function_compile(f);
      s.exec = (tw_exec){.threads = threads, .jit = jit ? TW_JIT_ON : TW_JIT_OFF, .log = &log};
      for (int again = 0; again <= jit; again++) {
        together_call(call_rounds, &s);
        check(&s, !jit ? "interpreted" : again ? "native" : "becoming native");
      }
      tw_fn_free(s.fn);
    }
  s.fn = function_compile(f);
  tw_parallel(TOGETHER, TOGETHER, call_tile, &s);
  check(&s, "tiles of a region");
  tw_fn_free(s.fn);
  scene_close(&s);
  return atomic_load(&made);
}

/* Outputs of `f` are joined by the gradient of their weighed sum in the first n inputs. */
static void add_gradient(function *f, int n) {
  tw_expr sum = tw_scalar(f->in[0].graph, 0), g[WRITTEN_MOST];
  for (int i = 0; i < f->n_out; i++) sum = tw_add(sum, tw_scale(tw_sum(tw_cast(f->out[i], TW_F64), TW_ALL, false), 1 + i));
  const tw_expr one = tw_ones_like(sum);
  for (int i = 0; i < n; i++) g[i] = TW_NONE;
  assert_int_equal(tw_vjp(1, &sum, &one, n, f->in, g), TW_OK);
  for (int i = 0; i < n; i++)
    if (!tw_is_none(g[i])) f->out[f->n_out++] = g[i];
}

static tw_expr input(function *f, tw_graph *g, tw_dtype dtype, tw_shape shape) {
  return f->in[f->n_in++] = tw_input(g, "x", dtype, shape);
}

/* ------------------------------------------------------------------ kinds of functions */

/* Element-wise arithmetic with look-ups and reductions: passes with clusters of native code. */
static function passes(tw_graph *g) {
  enum { N = 30000 };
  function f = {.label = "passes"};
  const tw_expr x = input(&f, g, TW_F64, TW_SHAPE(N)), y = input(&f, g, TW_F64, TW_SHAPE(N));
  const tw_expr back = tw_sub(tw_integer(g, N - 1), tw_iota(g, TW_I64, N)), order = tw_argsort(y, 0);
  tw_expr e = x;
  for (int i = 0; i < 5; i++) e = tw_add(tw_mul(e, y), tw_scalar(g, 0.25 * i));
  e = tw_mul(tw_add(e, tw_take(x, 1, &back)), tw_exp(tw_take(y, 1, &order)));
  f.out[f.n_out++] = e;
  f.out[f.n_out++] = tw_sum(tw_square(e), TW_ALL, false);
  f.out[f.n_out++] = tw_reduce_max(tw_sub(e, y), TW_ALL, false);
  add_gradient(&f, 2);
  return f;
}

static function products(tw_graph *g) {
  function f = {.label = "products"};
  const tw_expr a = input(&f, g, TW_F64, TW_SHAPE(150, 130)), b = input(&f, g, TW_F64, TW_SHAPE(130, 170));
  const tw_expr c = input(&f, g, TW_F32, TW_SHAPE(6, 40, 33)), d = input(&f, g, TW_F32, TW_SHAPE(33, 50));
  f.out[f.n_out++] = tw_tanh(tw_matmul(a, b));
  f.out[f.n_out++] = tw_matmul(tw_matrix_transpose(a), tw_sum(a, 2, false));
  f.out[f.n_out++] = tw_tanh(tw_matmul(c, d));
  add_gradient(&f, 4);
  return f;
}

/* Of f32, which go by oneDNN where the build has it, and of f64, which do not. */
static function convolutions(tw_graph *g) {
  function f = {.label = "convolutions"};
  const tw_conv_options same = {.low = {1, 1}, .high = {1, 1}};
  const tw_expr x = input(&f, g, TW_F32, TW_SHAPE(5, 16, 12, 12)), w = input(&f, g, TW_F32, TW_SHAPE(32, 16, 3, 3));
  const tw_expr u = input(&f, g, TW_F64, TW_SHAPE(3, 4, 10, 10)), v = input(&f, g, TW_F64, TW_SHAPE(6, 4, 3, 3));
  f.out[f.n_out++] = tw_tanh(tw_conv(x, w, &same));
  f.out[f.n_out++] = tw_square(tw_conv(u, v, &same));
  add_gradient(&f, 4);
  return f;
}

static function attention(tw_graph *g) {
  function f = {.label = "attention"};
  const tw_expr q = input(&f, g, TW_F32, TW_SHAPE(3, 150, 16)), k = input(&f, g, TW_F32, TW_SHAPE(3, 270, 16));
  f.out[f.n_out++] = tw_attention(q, k, input(&f, g, TW_F32, TW_SHAPE(3, 270, 8)), &(tw_attention_options){.causal = true});
  add_gradient(&f, 3);
  return f;
}

/* A loop over an index set whose body has a product, in tiles, and a recursion with few kept states. */
static function loops(tw_graph *g) {
  enum { N = 6000 };
  function f = {.label = "loops"};
  const tw_expr x = input(&f, g, TW_F64, TW_SHAPE(N + 1)), m = input(&f, g, TW_F64, TW_SHAPE(4, 4));
  const tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), next = tw_add(k, tw_integer(g, 1));
  const tw_expr here = tw_take(x, 1, &k), there = tw_take(x, 1, &next);
  const tw_expr v = tw_stack(4, (tw_expr[]){here, there, tw_mul(here, there), tw_sin(here)}, 0);
  f.out[f.n_out++] = tw_loop_sum(k, N, tw_sum(tw_tanh(tw_matmul(m, v)), TW_ALL, false));
  f.out[f.n_out++] = tw_loop_stack(k, N, tw_sub(tw_mul(here, here), tw_mul(there, tw_cos(here))));
  add_gradient(&f, 2);
  return f;
}

static function recursions(tw_graph *g) {
  const chain c = chain_of(g, 200);
  function f = {.label = "recursions", .n_in = CHAIN_INPUTS, .in = {c.x, c.s, c.w, c.u}, .n_out = 4};
  chain_scan(&c, 5, f.out, f.out + 2);
  add_gradient(&f, CHAIN_INPUTS);
  return f;
}

static function factorizations(tw_graph *g) {
  function f = {.label = "factorizations"};
  const tw_expr m = input(&f, g, TW_F64, TW_SHAPE(3, 24, 24)), b = input(&f, g, TW_F64, TW_SHAPE(3, 24, 2));
  const tw_expr a = tw_add(tw_matmul(m, tw_matrix_transpose(m)), tw_eye(g, TW_F64, 24, 24));
  f.out[f.n_out++] = tw_cholesky_solve(a, b);
  f.out[f.n_out++] = tw_linear_solve(tw_add(m, a), b);
  f.out[f.n_out++] = tw_eigh_values(tw_eigh(a));
  f.out[f.n_out++] = tw_svd_s(tw_svd(m), 24);
  f.out[f.n_out++] = tw_logdet(a);
  add_gradient(&f, 2);
  return f;
}

static function by_rows(tw_graph *g) {
  function f = {.label = "rows, sorts and draws"};
  const tw_expr x = input(&f, g, TW_F64, TW_SHAPE(70, 333)), draws = tw_normal(tw_integer(g, 5), TW_SHAPE(70, 333));
  f.out[f.n_out++] = tw_mul(tw_softmax(x, 1), draws);
  f.out[f.n_out++] = tw_logsumexp(tw_mul(x, draws), 1, false);
  f.out[f.n_out++] = tw_sort(x, 1);
  f.out[f.n_out++] = tw_cumsum(tw_transpose(x, NULL), 1, true);
  add_gradient(&f, 1);
  return f;
}

/* Look-ups that fail for some callers' values, in a pass and by the kernel, beside calls that do not. */
static function failures(tw_graph *g) {
  enum { N = 20000 };
  function f = {.label = "look-ups outside"};
  const tw_expr x = input(&f, g, TW_F64, TW_SHAPE(N)), past = tw_floor(tw_scale(tw_slice(x, 0, 3, 1, 1), 4));
  const tw_expr at = tw_add(tw_iota(g, TW_I64, N), tw_cast(tw_maximum(past, tw_scalar(g, 0)), TW_I64));
  f.out[f.n_out++] = tw_mul(tw_take(x, 1, &at), x);
  return f;
}

static int kind_agrees(function (*make)(tw_graph *g)) {
  tw_graph *g = tw_graph_new();
  const function f = make(g);
  const int made = callers_agree(&f);
  tw_graph_free(g);
  return made;
}

static void each_kind(void **state) {
  (void)state;
  static function (*const kinds[])(tw_graph *g) = {products,   convolutions,   attention, loops,
                                                   recursions, factorizations, by_rows,   failures};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) kind_agrees(kinds[k]);
}

/* By one of the callers, for each of three functions. */
static void native_code_is_made_once(void **state) {
  (void)state;
  assert_int_equal(kind_agrees(passes), 3);
}

static int64_t calls_in(tw_profile *profile) {
  enum { ROWS = 64 };
  tw_profile_row row[ROWS];
  const int rows = tw_profile_rows(profile, ROWS, row);
  int64_t calls = 0;
  assert_true(rows <= ROWS);
  for (int k = 0; k < rows; k++) calls += row[k].calls;
  return calls;
}

/* Callers that share a profile: every step that each of them runs is in it. */
static void one_profile(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const function f = passes(g);
  int64_t calls[2];
  scene s;
  scene_open(&s, &f);
  s.fn = function_compile(&f);
  for (int all = 0; all < 2; all++) {
    s.exec = (tw_exec){.threads = 2, .jit = TW_JIT_OFF, .profile = tw_profile_new()};
    assert_non_null(s.exec.profile);
    if (all) together_call(call_rounds, &s);
    else call_rounds(&s, 0);
    check(&s, "profiled");
    calls[all] = calls_in(s.exec.profile);
    tw_profile_free(s.exec.profile);
  }
  assert_int_equal(calls[1], TOGETHER * calls[0]);
  tw_fn_free(s.fn);
  scene_close(&s);
  tw_graph_free(g);
}

static void some_fail(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const function f = failures(g);
  scene s;
  int failed = 0;
  scene_open(&s, &f);
  for (int t = 0; t < TOGETHER; t++) failed += s.caller[t].wanted == TW_ERR_RANGE;
  assert_true(failed > 0 && failed < TOGETHER);
  scene_close(&s);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ every op */

static void op_agrees(example *x) {
  if (x->n == 0) return;
  function f = {.label = x->label, .n_in = x->n, .n_out = 1, .out = {x->e}, .low = x->op->low, .high = x->op->high};
  scene s;
  memcpy(f.in, x->in, (size_t)x->n * sizeof *x->in);
  scene_open(&s, &f);
  s.fn = function_compile(&f);
  s.exec = (tw_exec){.threads = 2, .jit = TW_JIT_OFF};
  together_call(call_rounds, &s);
  check(&s, "interpreted");
  tw_fn_free(s.fn);
  scene_close(&s);
}

static void every_op(void **state) {
  (void)state;
  each_example(op_agrees);
}

/* ------------------------------------------------------------------ written C */

/* Work memory is each caller's own; p: inputs, outputs, work. */
static void call_written(void *context, int number) {
  scene *s = context;
  caller *c = &s->caller[number];
  void *p[2 * WRITTEN_MOST + 1];
  int n = 0;
  for (int i = 0; i < s->f->n_in; i++) p[n++] = c->in[i];
  for (int i = 0; i < s->f->n_out; i++) p[n++] = c->at[i];
  p[n] = tw_alloc(s->work_bytes, 1);
  for (int round = 0; round < ROUNDS && p[n]; round++)
    judge(s, c, compiled_call(s->code, "f", n + 1, p) == 0 ? TW_OK : TW_ERR_RANGE);
  if (!p[n]) c->status = TW_ERR_MEMORY;
  free(p[n]);
}

/* What it gives alone is what it is compared with: its sums are ordered otherwise than the library's. */
static void written_agrees(const function *f) {
  tw_text c = {0}, header = {0};
  compiled code;
  scene s;
  scene_open(&s, f);
  function_write(f, &c, &header);
  compiled_open_by(&code, "cc -O2", c.data, "code.h", header.data);
  s.code = &code;
  s.work_bytes = written_work_bytes(&header);
  for (int t = 0; t < TOGETHER; t++) {
    caller *at = &s.caller[t];
    void *p[2 * WRITTEN_MOST + 1];
    int n = 0;
    for (int i = 0; i < f->n_in; i++) p[n++] = at->in[i];
    for (int i = 0; i < f->n_out; i++) p[n++] = at->alone[i];
    p[n] = tw_alloc(s.work_bytes, 1);
    assert_int_equal(compiled_call(&code, "f", n + 1, p) != 0, at->wanted != TW_OK);
    free(p[n]);
  }
  together_call(call_written, &s);
  check(&s, "written");
  compiled_close(&code, "code.h");
  tw_text_free(&c);
  tw_text_free(&header);
  scene_close(&s);
}

static void written(void **state) {
  (void)state;
  static function (*const chosen[])(tw_graph *g) = {passes, loops, attention, by_rows, failures};
  for (size_t k = 0; k < sizeof chosen / sizeof *chosen; k++) {
    tw_graph *g = tw_graph_new();
    const function f = chosen[k](g);
    written_agrees(&f);
    tw_graph_free(g);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind), cmocka_unit_test(native_code_is_made_once), cmocka_unit_test(one_profile),
                                     cmocka_unit_test(some_fail), cmocka_unit_test(every_op), cmocka_unit_test(written)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
