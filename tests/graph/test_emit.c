/* Written C against the library and against the library unfused: every op of the table with its gradient, in f64 and f32. */
#include "compiled.h"
#include "examples.h"

typedef struct subject { /* one function in the file */
  example x;
  int n_out;
  tw_expr out[2 + MAX_INPUTS];
  char name[64];
} subject;

/* The example's value and the gradient of a weighted sum of it, when it is real. */
static void subject_outputs(subject *s) {
  s->out[s->n_out++] = s->x.e;
  if (!is_real(s->x.e) || s->x.reals == 0) return;
  tw_expr weight = tw_fill_like(s->x.e, 0.75), cotangents[MAX_INPUTS];
  if (tw_vjp(1, &s->x.e, &weight, s->x.reals, s->x.in, cotangents) != TW_OK) fail_msg("%s: %s", s->x.label, tw_graph_message(s->x.graph));
  for (int i = 0; i < s->x.reals; i++)
    if (!tw_is_none(cotangents[i])) s->out[s->n_out++] = cotangents[i];
}

static tw_fn *compile(const subject *s, unsigned mode) {
  tw_fn *fn;
  tw_error error;
  if (tw_fn_new(&fn, s->x.n, s->x.in, s->n_out, s->out, &(tw_fn_options){.mode = mode}, &error) != TW_OK)
    fail_msg("%s: %s", s->x.label, error.message);
  return fn;
}

/* Outputs of the library (one after the other in out) for the example's inputs. */
static void library_outputs(const subject *s, unsigned mode, tw_array *out) {
  tw_fn *fn = compile(s, mode);
  tw_work *work;
  tw_error error;
  const void *in[MAX_INPUTS];
  void *to[2 + MAX_INPUTS];
  assert_int_equal(tw_work_new(&work, fn, &error), TW_OK);
  for (int i = 0; i < s->x.n; i++) in[i] = s->x.value[i].data;
  for (int i = 0; i < s->n_out; i++) {
    assert_int_equal(tw_array_new(&out[i], tw_dtype_of(s->out[i]), tw_shape_of(s->out[i]), &error), TW_OK);
    to[i] = out[i].data;
  }
  if (tw_fn_call(fn, work, in, to, 0, &error) != TW_OK) fail_msg("%s: %s", s->x.label, error.message);
  tw_work_free(work);
  tw_fn_free(fn);
}

/* To rounding, relative to the largest element: sums are ordered otherwise. */
static void assert_near(const char *label, const char *what, const tw_array *a, const tw_array *b, double tolerance) {
  const double scale = fmax(1, largest(b));
  for (int64_t i = 0; i < size_of(a); i++) {
    const double x = element(a, i), y = element(b, i);
    if (x != y && !(x != x && y != y) && !(fabs(x - y) <= tolerance * scale))
      fail_msg("%s: element %lld is %.17g, %s %.17g", label, (long long)i, x, what, y);
  }
}

static void check(const subject *s, const compiled *c, size_t work_bytes) {
  tw_array fused[2 + MAX_INPUTS], plain[2 + MAX_INPUTS], own[2 + MAX_INPUTS];
  void *p[20];
  int n = 0;
  library_outputs(s, 0, fused);
  library_outputs(s, TW_MODE_UNFUSED, plain);
  for (int i = 0; i < s->x.n; i++) p[n++] = s->x.value[i].data;
  for (int i = 0; i < s->n_out; i++) {
    assert_int_equal(tw_array_new(&own[i], tw_dtype_of(s->out[i]), tw_shape_of(s->out[i]), NULL), TW_OK);
    memset(own[i].data, 0x55, (size_t)size_of(&own[i]) * tw_dtype_get(own[i].dtype)->size);
    p[n++] = own[i].data;
  }
  p[n++] = tw_alloc(work_bytes + 64, 1);
  memset(p[n - 1], 0x55, work_bytes + 64);
  if (compiled_call(c, s->name, n, p) != 0) fail_msg("%s: the written function fails", s->x.label);
  const double tolerance = tw_dtype_of(s->x.e) == TW_F32 ? 2e-5 : 2e-13;
  for (int i = 0; i < s->n_out; i++) {
    assert_near(s->x.label, "unfused", &fused[i], &plain[i], tolerance);
    assert_near(s->x.label, "written", &fused[i], &own[i], tolerance);
    tw_array_free(&fused[i]);
    tw_array_free(&plain[i]);
    tw_array_free(&own[i]);
  }
  free(p[n - 1]);
}

enum { SUBJECTS = 1024 };
typedef struct subjects {
  subject *item;
  int n, unwritten;
  char names[1024]; /* ops that have no C form */
} subjects;

static void add_subject(subjects *all, tw_source *source, const tw_op *op, int variant, tw_dtype dtype) {
  subject *s = &all->item[all->n];
  *s = (subject){0};
  tw_error error = {0};
  if (!example_open(&s->x, op, dtype, variant)) return;
  subject_outputs(s);
  snprintf(s->name, sizeof s->name, "f%d", all->n);
  tw_fn *fn = compile(s, 0);
  const tw_status status = tw_source_add(source, s->name, fn, NULL, &error);
  tw_fn_free(fn);
  if (status == TW_OK) {
    assert_true(++all->n < SUBJECTS);
    return;
  }
  if (status != TW_ERR_UNSUPPORTED) fail_msg("%s: %s", s->x.label, error.message);
  all->unwritten++;
  if (!strstr(all->names, error.message) && strlen(all->names) + strlen(error.message) + 3 < sizeof all->names) {
    strcat(all->names, error.message);
    strcat(all->names, "; ");
  }
  example_close(&s->x);
}

static void every_op(tw_dtype dtype) {
  subjects all = {.item = calloc(SUBJECTS, sizeof *all.item)};
  tw_source *source = tw_source_new();
  tw_text c = {0}, header = {0};
  tw_error error = {0};
  for (const tw_op *const *op = tw_op_table(); *op; op++)
    for (int variant = 0; (*op)->example && variant < 64; variant++) {
      example probe;
      if (!example_open(&probe, *op, dtype, variant)) break;
      example_close(&probe);
      add_subject(&all, source, *op, variant, dtype);
    }
  if (tw_source_write(source, "Every op", "code.h", &c, &header, &error) != TW_OK) fail_msg("%s", error.message);
  compiled library;
  compiled_open(&library, c.data, "code.h", header.data);
  for (int k = 0; k < all.n; k++) {
    check(&all.item[k], &library, 1 << 20);
    example_close(&all.item[k].x);
  }
  compiled_close(&library, "code.h");
  tw_text_free(&c);
  tw_text_free(&header);
  tw_source_free(source);
  free(all.item);
  if (all.unwritten) print_message("%d examples are not written: %s\n", all.unwritten, all.names);
}

static void every_op_f64(void **state) {
  (void)state;
  every_op(TW_F64);
}

static void every_op_f32(void **state) {
  (void)state;
  every_op(TW_F32);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_op_f64), cmocka_unit_test(every_op_f32)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
