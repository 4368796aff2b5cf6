/* One file of many written functions, each compared with the library's on the same values. */
#ifndef TALWEG_TEST_WRITTEN_FILE_H
#define TALWEG_TEST_WRITTEN_FILE_H

#include "compiled.h"
#include "evaluate.h"

enum { FILE_INPUTS = 12, FILE_OUTPUTS = 16, FILE_FUNCTIONS = 2048 };

/* Expressions, and values of the inputs that others own. */
typedef struct written {
  char label[96], name[16];
  int n, n_out;
  tw_expr in[FILE_INPUTS], out[FILE_OUTPUTS];
  void *value[FILE_INPUTS];
} written;

typedef struct written_file {
  tw_source *source;
  written *item;
  int n;
  tw_text header;
  compiled library;
} written_file;

static inline void written_file_open(written_file *f) {
  *f = (written_file){.source = tw_source_new(), .item = calloc(FILE_FUNCTIONS, sizeof *f->item)};
  assert_non_null(f->source);
  assert_non_null(f->item);
}

static inline tw_fn *written_plan(const written *w, unsigned mode) {
  tw_fn *fn;
  tw_error error = {0};
  if (tw_fn_new(&fn, w->n, w->in, w->n_out, w->out, &(tw_fn_options){.mode = mode}, &error) != TW_OK)
    fail_msg("%s: %s", w->label, error.message);
  return fn;
}

/* Writes the plan made in `mode`. TW_ERR_UNSUPPORTED where an op has no C form; other errors fail the test.
 */
static inline tw_status written_file_add(written_file *f, const written *w, unsigned mode, tw_error *error) {
  written *item = &f->item[f->n];
  assert_true(f->n < FILE_FUNCTIONS);
  *item = *w;
  snprintf(item->name, sizeof item->name, "f%d", f->n);
  tw_fn *fn = written_plan(w, mode);
  const tw_status status = tw_source_add(f->source, item->name, fn, NULL, error);
  tw_fn_free(fn);
  if (status == TW_OK)
    f->n++;
  else if (status != TW_ERR_UNSUPPORTED)
    fail_msg("%s: %s", w->label, error->message);
  return status;
}

static inline void written_file_compile(written_file *f) {
  tw_text c = {0};
  tw_error error = {0};
  if (tw_source_write(f->source, "Functions of a test", "code.h", &c, &f->header, &error) != TW_OK)
    fail_msg("%s", error.message);
  compiled_open(&f->library, c.data, "code.h", f->header.data);
  tw_text_free(&c);
}

static inline void written_file_close(written_file *f) {
  compiled_close(&f->library, "code.h");
  tw_text_free(&f->header);
  tw_source_free(f->source);
  free(f->item);
}

static inline void written_outputs(const written *w, tw_array *out, void **data) {
  for (int i = 0; i < w->n_out; i++) {
    assert_int_equal(tw_array_new(&out[i], tw_dtype_of(w->out[i]), tw_shape_of(w->out[i]), NULL), TW_OK);
    data[i] = out[i].data;
    if (size_of(&out[i])) memset(data[i], 0x55, (size_t)size_of(&out[i]) * tw_dtype_get(out[i].dtype)->size);
  }
}

static inline tw_status written_by_library(const written *w, unsigned mode, void **out) {
  tw_fn *fn = written_plan(w, mode);
  tw_work *work;
  tw_error error = {0};
  const void *in[FILE_INPUTS];
  assert_int_equal(tw_work_new(&work, fn, &error), TW_OK);
  for (int i = 0; i < w->n; i++) in[i] = w->value[i];
  tw_work_exec(work, &(tw_exec){.threads = 1});
  const tw_status status = tw_fn_call(fn, work, in, out, 0, &error);
  tw_work_free(work);
  tw_fn_free(fn);
  return status;
}

/* Calls the written function with exactly the work memory that the header declares. */
static inline int written_by_itself(const written_file *f, const written *w, void **out) {
  char declaration[64];
  void *p[FILE_INPUTS + FILE_OUTPUTS + 1];
  int n = 0;
  snprintf(declaration, sizeof declaration, "struct %s_work {\n", w->name);
  const char *at = strstr(f->header.data, declaration);
  assert_non_null(at);
  const size_t bytes = strtoul(strstr(at, "bytes[") + 6, NULL, 10);
  for (int i = 0; i < w->n; i++) p[n++] = w->value[i];
  for (int i = 0; i < w->n_out; i++) p[n++] = out[i];
  p[n] = tw_alloc(bytes, 1);
  memset(p[n], 0x55, bytes);
  const int result = compiled_call(&f->library, w->name, n + 1, p);
  free(p[n]);
  return result;
}

/* To rounding, relative to the largest element: sums are ordered otherwise. */
static inline void written_near(const written *w, const char *what, int output, const tw_array *a,
                                const tw_array *b, double tolerance) {
  double scale = 1;
  for (int64_t i = 0; i < size_of(b); i++)
    if (fabs(element(b, i)) < INFINITY) scale = fmax(scale, fabs(element(b, i)));
  for (int64_t i = 0; i < size_of(a); i++) {
    const double x = element(a, i), y = element(b, i);
    if (x != y && !(x != x && y != y) && !(fabs(x - y) <= tolerance * scale))
      fail_msg("%s: output %d, element %lld is %.17g, %s %.17g", w->label, output, (long long)i, x, what, y);
  }
}

/* The written function fails exactly where the library does, and gives what the library gives, fused and
 * unfused. */
static inline void written_check(const written_file *f, const written *w, double tolerance) {
  tw_array value[3][FILE_OUTPUTS];
  void *out[3][FILE_OUTPUTS];
  for (int k = 0; k < 3; k++) written_outputs(w, value[k], out[k]);
  const tw_status fused = written_by_library(w, 0, out[0]),
                  plain = written_by_library(w, TW_MODE_UNFUSED, out[1]);
  const int result = written_by_itself(f, w, out[2]);
  if ((fused != TW_OK) != (result != 0) || fused != plain)
    fail_msg("%s: the library gives %s, unfused %s, written %d", w->label, tw_status_name(fused),
             tw_status_name(plain), result);
  for (int i = 0; i < w->n_out; i++) {
    if (result == 0) {
      written_near(w, "unfused", i, &value[0][i], &value[1][i], tolerance);
      written_near(w, "written", i, &value[0][i], &value[2][i], tolerance);
    }
    for (int k = 0; k < 3; k++) tw_array_free(&value[k][i]);
  }
}

#endif
