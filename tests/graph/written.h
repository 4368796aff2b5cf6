/* A function of the library beside the C that is written of it, on the same values. */
#ifndef TALWEG_TEST_WRITTEN_H
#define TALWEG_TEST_WRITTEN_H

#include "compiled.h"
#include "evaluate.h"

enum { WRITTEN_MOST = 12 };

typedef struct function {
  const char *label;
  int n_in, n_out;
  tw_expr in[WRITTEN_MOST], out[WRITTEN_MOST];
  double low, high; /* of the inputs' values; both 0: -1 .. 1 */
  double tolerance; /* relative to the largest element of an output; 0: 2e-13 */
} function;

static inline tw_fn *function_compile(const function *f) {
  tw_fn *fn;
  tw_error error;
  if (tw_graph_status(f->in[0].graph)) fail_msg("%s: %s", f->label, tw_graph_message(f->in[0].graph));
  if (tw_fn_new(&fn, f->n_in, f->in, f->n_out, f->out, NULL, &error) != TW_OK)
    fail_msg("%s: %s", f->label, error.message);
  return fn;
}

/* The C file and its header "code.h"; the caller frees both. */
static inline void function_write(const function *f, tw_text *c, tw_text *header) {
  tw_fn *fn = function_compile(f);
  tw_source *source = tw_source_new();
  tw_error error = {0};
  tw_status status = tw_source_add(source, "f", fn, NULL, &error);
  if (status == TW_OK) status = tw_source_write(source, f->label, "code.h", c, header, &error);
  if (status != TW_OK) fail_msg("%s: %s", f->label, error.message);
  tw_source_free(source);
  tw_fn_free(fn);
}

/* Bytes of the work area, from its declaration. */
static inline size_t written_work_bytes(const tw_text *header) {
  const char *at = strstr(header->data, "bytes[");
  assert_non_null(at);
  return strtoul(at + 6, NULL, 10);
}

/* Input i: floats in the given range, integers at its floor; others for each `set`. */
static inline tw_array drawn_value(const function *f, int i, uint64_t set) {
  tw_array value = {0};
  const bool real = tw_dtype_get(tw_dtype_of(f->in[i]))->kind == TW_KIND_FLOAT;
  const double low = f->low == f->high ? -1 : f->low, high = f->low == f->high ? 1 : f->high;
  assert_int_equal(tw_array_new(&value, tw_dtype_of(f->in[i]), tw_shape_of(f->in[i]), NULL), TW_OK);
  for (int64_t k = 0; k < size_of(&value); k++) {
    const double x = low + (high - low) * tw_random_uniform(77 + WRITTEN_MOST * set + (uint64_t)i, (uint64_t)k);
    set_element(&value, k, real ? (double)(float)x : floor(x));
  }
  return value;
}

static inline void new_outputs(const function *f, tw_array *out, void **data) {
  for (int i = 0; i < f->n_out; i++) {
    assert_int_equal(tw_array_new(&out[i], tw_dtype_of(f->out[i]), tw_shape_of(f->out[i]), NULL), TW_OK);
    memset(out[i].data, 0x55, (size_t)size_of(&out[i]) * tw_dtype_get(out[i].dtype)->size);
    data[i] = out[i].data;
  }
}

static inline tw_status library_call(const function *f, void *const *in, void *const *out) {
  tw_fn *fn = function_compile(f);
  tw_work *work;
  tw_error error = {0};
  assert_int_equal(tw_work_new(&work, fn, &error), TW_OK);
  const tw_status status = tw_fn_call(fn, work, (const void *const *)in, out, 0, &error);
  tw_work_free(work);
  tw_fn_free(fn);
  return status;
}

/* Runs the written function, compiled by `cc`; what it returns. */
static inline int written_call(const function *f, const char *cc, void *const *in, void *const *out) {
  tw_text c = {0}, header = {0};
  compiled code;
  void *p[2 * WRITTEN_MOST + 1];
  int n = 0;
  function_write(f, &c, &header);
  const size_t bytes = written_work_bytes(&header);
  for (int i = 0; i < f->n_in; i++) p[n++] = in[i];
  for (int i = 0; i < f->n_out; i++) p[n++] = out[i];
  p[n++] = tw_alloc(bytes, 1);
  memset(p[n - 1], 0x55, bytes);
  compiled_open_by(&code, cc, c.data, "code.h", header.data);
  const int result = compiled_call(&code, "f", n, p);
  compiled_close(&code, "code.h");
  free(p[n - 1]);
  tw_text_free(&c);
  tw_text_free(&header);
  return result;
}

/* Written C gives what the library gives. */
static inline void assert_written_by(const function *f, const char *cc) {
  tw_array value[WRITTEN_MOST], ours[WRITTEN_MOST], theirs[WRITTEN_MOST];
  void *in[WRITTEN_MOST], *out[WRITTEN_MOST], *other[WRITTEN_MOST];
  const double tolerance = f->tolerance > 0 ? f->tolerance : 2e-13;
  for (int i = 0; i < f->n_in; i++) value[i] = drawn_value(f, i, 0), in[i] = value[i].data;
  new_outputs(f, ours, out);
  new_outputs(f, theirs, other);
  if (library_call(f, in, out) != TW_OK) fail_msg("%s: the library fails", f->label);
  if (written_call(f, cc, in, other) != 0) fail_msg("%s: the written function fails", f->label);
  for (int i = 0; i < f->n_out; i++) {
    const double scale = fmax(1, largest(&ours[i]));
    for (int64_t k = 0; k < size_of(&ours[i]); k++) {
      const double a = element(&ours[i], k), b = element(&theirs[i], k);
      if (!(fabs(a - b) <= tolerance * scale))
        fail_msg("%s: output %d[%lld] is %.17g, written %.17g", f->label, i, (long long)k, a, b);
    }
    tw_array_free(&ours[i]);
    tw_array_free(&theirs[i]);
  }
  for (int i = 0; i < f->n_in; i++) tw_array_free(&value[i]);
}

static inline void assert_written(const function *f) {
  assert_written_by(f, "cc -O2");
}

#endif
