/* An expression compiled once and called at many points. */
#ifndef TALWEG_TESTS_DOMAIN_CALL_H
#define TALWEG_TESTS_DOMAIN_CALL_H

#include "graph/evaluate.h"

typedef struct call {
  tw_fn *fn;
  tw_work *work;
  int n;        /* inputs */
  int64_t size; /* of the result */
} call;

static inline call call_open(const char *label, int n, const tw_expr *in, tw_expr e) {
  tw_error error = {0};
  call c = {.n = n};
  if (tw_is_none(e)) fail_msg("%s: %s", label, n ? tw_graph_message(in[0].graph) : "no expression");
  if (tw_fn_new(&c.fn, n, in, 1, &e, NULL, &error) != TW_OK || tw_work_new(&c.work, c.fn, &error) != TW_OK)
    fail_msg("%s: %s", label, error.message);
  tw_work_exec(c.work, &(tw_exec){.threads = 1});
  c.size = tw_size_of(e);
  return c;
}

static inline void call_close(call *c) {
  tw_work_free(c->work);
  tw_fn_free(c->fn);
}

/* The inputs may be the output. */
static inline void call_at(const call *c, const double *const *in, double *out) {
  tw_error error = {0};
  const void *data[8] = {NULL};
  assert_true(c->n <= 8);
  for (int i = 0; i < c->n; i++) data[i] = in[i];
  double *result = tw_alloc((size_t)c->size, sizeof *result);
  assert_non_null(result);
  if (tw_fn_call(c->fn, c->work, data, (void *[]){result}, 0, &error) != TW_OK) fail_msg("%s", error.message);
  memcpy(out, result, (size_t)c->size * sizeof *out);
  free(result);
}

static inline void call_on(const call *c, const double *x, double *out) {
  assert_int_equal(c->n, 1);
  call_at(c, &x, out);
}

/* The derivative in entry i of input number k by central differences, two points of four. */
static inline void call_difference(const call *c, double *const *in, int k, int64_t i, double h,
                                   double *out) {
  double *ahead = tw_alloc((size_t)c->size, sizeof *ahead);
  assert_non_null(ahead);
  const double at = in[k][i];
  in[k][i] = at + h;
  call_at(c, (const double *const *)in, ahead);
  in[k][i] = at - h;
  call_at(c, (const double *const *)in, out);
  in[k][i] = at;
  for (int64_t j = 0; j < c->size; j++) out[j] = (ahead[j] - out[j]) / (2 * h);
  free(ahead);
}

static inline double dot(const double *a, const double *b, int64_t n) {
  return tw_vec_dot(a, b, (size_t)n);
}

static inline double distance(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum = hypot(sum, a[i] - b[i]);
  return sum;
}

static inline double size_inf(const double *a, int64_t n) {
  return tw_vec_norm_inf(a, (size_t)n);
}

#endif
