/* Written C against the library and against the library unfused: every op of the table with its gradient, in
 * f64 and f32, planned with passes and, in f64, without. */
#include "examples.h"
#include "written_file.h"

/* The example's value and the gradient of a weighted sum of it, when it is real. */
static written function_of(const example *x) {
  written w = {.n = x->n};
  snprintf(w.label, sizeof w.label, "%s", x->label);
  for (int i = 0; i < x->n; i++) {
    w.in[i] = x->in[i];
    w.value[i] = x->value[i].data;
  }
  w.out[w.n_out++] = x->e;
  if (!is_real(x->e) || x->reals == 0) return w;
  tw_expr weight = tw_fill_like(x->e, 0.75), cotangents[MAX_INPUTS];
  if (tw_vjp(1, &x->e, &weight, x->reals, x->in, cotangents) != TW_OK)
    fail_msg("%s: %s", x->label, tw_graph_message(x->graph));
  for (int i = 0; i < x->reals; i++)
    if (!tw_is_none(cotangents[i])) w.out[w.n_out++] = cotangents[i];
  return w;
}

/* Ops that other tests write. */
static bool is_loop(const tw_op *op) {
  return strcmp(op->name, "scan") == 0 || strcmp(op->name, "scan_reverse") == 0;
}

static void every_op(tw_dtype dtype, unsigned mode) {
  enum { EXAMPLES = 1024 };
  example *x = calloc(EXAMPLES, sizeof *x);
  int n = 0;
  written_file file;
  tw_error error = {0};
  written_file_open(&file);
  for (const tw_op *const *op = tw_op_table(); *op; op++)
    for (int variant = 0; (*op)->example && example_open(&x[n], *op, dtype, variant); variant++) {
      const written w = function_of(&x[n]);
      if (written_file_add(&file, &w, mode, &error) != TW_OK && !is_loop(*op))
        fail_msg("%s: %s", w.label, error.message);
      assert_true(++n < EXAMPLES);
    }
  written_file_compile(&file);
  for (int k = 0; k < file.n; k++) written_check(&file, &file.item[k], dtype == TW_F32 ? 2e-5 : 2e-13);
  written_file_close(&file);
  for (int k = 0; k < n; k++) example_close(&x[k]);
  free(x);
}

static void every_op_f64(void **state) {
  (void)state;
  every_op(TW_F64, 0);
}

static void every_op_f32(void **state) {
  (void)state;
  every_op(TW_F32, 0);
}

static void every_kernel_f64(void **state) {
  (void)state;
  every_op(TW_F64, TW_MODE_UNFUSED);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_op_f64), cmocka_unit_test(every_op_f32),
                                     cmocka_unit_test(every_kernel_f64)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
