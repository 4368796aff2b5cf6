/* Buffers of planned functions: at most a tenth above the largest live set, and no heap call while they run, on every example
 * of the language and on the backward pass of a deep perceptron. Linked with counted allocation (failing_malloc.h). */
#include "failing_malloc.h"

#include <talweg/talweg.h>

#include <dirent.h>

/* "workspace W bytes (largest live set L)" in every plan of the text. */
static void assert_tight(const char *label, const char *plans) {
  int found = 0;
  for (const char *p = plans; (p = strstr(p, "workspace ")) != NULL; p++) {
    size_t work, live;
    assert_int_equal(sscanf(p, "workspace %zu bytes (largest live set %zu)", &work, &live), 2);
    if ((double)work > 1.1 * (double)live) fail_msg("%s: workspace %zu, largest live set %zu", label, work, live);
    found++;
  }
  assert_true(found > 0);
}

static void assert_no_heap(const char *label, const tw_oracle *o) {
  double *x = tw_alloc((size_t)o->n, sizeof *x), *g = tw_alloc((size_t)(o->n + o->m), sizeof *g), f;
  tw_error error;
  assert_non_null(x);
  assert_non_null(g);
  if (o->start) assert_int_equal(o->start(o->context, x, &error), TW_OK);
  for (int call = 0; call < 3; call++) { /* the first compiles */
    x[0] += 1e-3;
    failing_arm(call == 0 ? -1 : 0);
    tw_status status = TW_OK;
    if (o->offers & TW_GRADIENT) status = o->gradient(o->context, x, &f, g, &error);
    if (status == TW_OK && (o->offers & TW_CONSTRAINTS)) status = o->constraints(o->context, x, g, &error);
    if (failing_disarm()) fail_msg("%s: call %d allocates", label, call);
    if (status != TW_OK) fail_msg("%s: %s", label, error.message);
  }
  free(x);
  free(g);
}

static bool has_integers(const tw_problem *p) {
  bool integers = false;
  for (int i = 0; i < tw_problem_variables(p); i++) integers |= tw_problem_variable_at(p, i)->kind != TW_CONTINUOUS;
  return integers;
}

static void check_example(const char *path) {
  tw_error error;
  tw_model *model;
  tw_class cls;
  tw_oracle oracle;
  tw_text plans = {0};
  if (tw_model_read(&model, path, NULL, &error) != TW_OK) fail_msg("%s: %s", path, error.message);
  const tw_problem *p = tw_model_problem(model);
  if (tw_classify(p, &cls, &error) != TW_OK || tw_oracle_from_problem(&oracle, p, &cls, &error) != TW_OK)
    fail_msg("%s: %s", path, error.message);
  oracle.exec(oracle.context, &(tw_exec){.threads = 1, .jit = TW_JIT_OFF});
  const tw_held_matrix dense = {TW_MATRIX_RESIDUAL, TW_STORE_DENSE};
  if (tw_oracle_describe(&oracle, oracle.offers & TW_RESIDUAL_JACOBIAN ? 1 : 0, &dense, &plans, &error) != TW_OK)
    fail_msg("%s: %s", path, error.message);
  assert_tight(path, plans.data);
  tw_evidence evidence;
  double f, *x = tw_alloc((size_t)oracle.n, 2 * sizeof *x);
  assert_non_null(x);
  if (oracle.start) assert_int_equal(oracle.start(oracle.context, x, &error), TW_OK);
  if (oracle.offers & TW_GRADIENT) assert_int_equal(oracle.gradient(oracle.context, x, &f, x + oracle.n, &error), TW_OK);
  tw_oracle_evidence(&oracle, &evidence);
  if (evidence.solves == 0 && !has_integers(p)) assert_no_heap(path, &oracle); /* nested solves have their own memory */
  free(x);
  tw_text_free(&plans);
  tw_oracle_release(&oracle);
  tw_model_free(model);
}

static void examples(void **state) {
  (void)state;
  DIR *folder = opendir(TALWEG_SOURCE_DIR "/examples");
  int count = 0;
  assert_non_null(folder);
  for (struct dirent *e; (e = readdir(folder)) != NULL;) {
    char path[512];
    const size_t length = strlen(e->d_name);
    if (length < 3 || strcmp(e->d_name + length - 3, ".tw") != 0) continue;
    snprintf(path, sizeof path, "%s/examples/%s", TALWEG_SOURCE_DIR, e->d_name);
    check_example(path);
    count++;
  }
  closedir(folder);
  assert_true(count >= 9);
}

enum { LAYERS = 8, WIDTH = 64, BATCH = 32, ARRAYS = 2 * LAYERS + 2 };

static void deep_perceptron(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr in[LAYERS + 1] = {tw_input(g, "x", TW_F32, TW_SHAPE(BATCH, WIDTH))}, h = in[0], out[LAYERS + 1], one;
  for (int i = 1; i <= LAYERS; i++) {
    in[i] = tw_input(g, NULL, TW_F32, TW_SHAPE(WIDTH, WIDTH));
    h = tw_tanh(tw_matmul(h, in[i]));
  }
  out[0] = tw_sum(tw_square(h), TW_ALL, false);
  one = tw_ones_like(out[0]);
  assert_int_equal(tw_vjp(1, &out[0], &one, LAYERS, in + 1, out + 1), TW_OK);
  tw_fn *fn;
  tw_work *work;
  tw_error error;
  assert_int_equal(tw_fn_new(&fn, LAYERS + 1, in, LAYERS + 1, out, NULL, &error), TW_OK);
  assert_int_equal(tw_work_new(&work, fn, &error), TW_OK);
  assert_true((double)tw_fn_work_bytes(fn) <= 1.1 * (double)tw_fn_live_bytes(fn));
  float *data[ARRAYS];
  for (int i = 0; i < ARRAYS; i++) data[i] = tw_alloc(WIDTH * WIDTH, sizeof(float));
  for (int i = 0; i <= LAYERS; i++)
    for (int64_t e = 0; e < tw_size_of(in[i]); e++) data[i][e] = (float)(0.1 * tw_random_normal((uint64_t)i, (uint64_t)e));
  tw_work_exec(work, &(tw_exec){.threads = 1, .jit = TW_JIT_OFF});
  for (int call = 0; call < 2; call++) {
    failing_arm(0);
    const tw_status status = tw_fn_call(fn, work, (const void *const *)data, (void *const *)(data + LAYERS + 1), 0, &error);
    assert_false(failing_disarm());
    assert_int_equal(status, TW_OK);
  }
  for (int i = 0; i < ARRAYS; i++) free(data[i]);
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(examples), cmocka_unit_test(deep_perceptron)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
