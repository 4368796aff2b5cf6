/* Sparse derivatives against dense ones at random points. */
#ifndef TALWEG_TEST_SPARSE_H
#define TALWEG_TEST_SPARSE_H

#include "evaluate.h"

enum { MAX_MODEL_INPUTS = 8 };

/* An expression with its inputs: the first m are differentiated in, values are drawn from [low, high]. */
typedef struct model {
  const char *name;
  tw_graph *graph;
  tw_expr e;
  int m, n;
  tw_expr in[MAX_MODEL_INPUTS];
  double low, high;
} model;

/* The examples of an op as models; false when there is none with this number. */
static inline bool is_real_expr(tw_expr e) {
  return tw_dtype_get(tw_dtype_of(e))->kind == TW_KIND_FLOAT;
}

static inline void find_inputs(model *x, tw_expr e, bool real) {
  if (tw_is_input(e) && is_real_expr(e) == real) {
    for (int i = 0; i < x->n; i++)
      if (tw_same(x->in[i], e)) return;
    assert_true(x->n < MAX_MODEL_INPUTS);
    x->in[x->n++] = e;
  }
  for (int i = 0; i < tw_arity_of(e); i++) find_inputs(x, tw_input_of(e, i), real);
}

static inline bool open_example(model *x, const tw_op *op, int variant) {
  *x = (model){.name = op->name, .graph = tw_graph_new(), .low = op->low, .high = op->high};
  x->e = op->example(x->graph, TW_F64, variant);
  assert_int_equal(tw_graph_status(x->graph), TW_OK);
  if (tw_is_none(x->e)) {
    tw_graph_free(x->graph);
    return false;
  }
  find_inputs(x, x->e, true);
  x->m = x->n;
  find_inputs(x, x->e, false);
  return true;
}

static inline int64_t flat_size(const model *x) {
  int64_t size = 0;
  for (int i = 0; i < x->m; i++) size += tw_size_of(x->in[i]);
  return size;
}

static inline void draw_inputs(const model *x, uint64_t key, tw_array *value) {
  tw_error error = {0};
  for (int i = 0; i < x->n; i++) {
    assert_ok(tw_array_new(&value[i], tw_dtype_of(x->in[i]), tw_shape_of(x->in[i]), &error));
    for (int64_t k = 0; k < size_of(&value[i]); k++)
      set_element(&value[i], k,
                  x->low +
                      (x->high - x->low) * tw_random_uniform(tw_key_split(key, (uint64_t)i), (uint64_t)k));
  }
}

/* d e / d x with a row for every element of e and a column for every element of the inputs. */
static inline tw_expr dense_of(const model *x, tw_expr e) {
  tw_expr part[MAX_MODEL_INPUTS];
  for (int i = 0; i < x->m; i++)
    part[i] = tw_reshape(tw_jacobian(tw_ravel(e), x->in[i]), TW_SHAPE(tw_size_of(e), tw_size_of(x->in[i])));
  return tw_concat(x->m, part, 1);
}

static inline tw_expr gradient_of(const model *x) {
  tw_expr part[MAX_MODEL_INPUTS];
  for (int i = 0; i < x->m; i++) part[i] = tw_ravel(tw_grad(x->e, x->in[i]));
  return tw_concat(x->m, part, 0);
}

/* Columns ascend in rows, starts in columns. */
static inline void assert_well_formed(const char *name, const tw_pattern *p) {
  if (p->colptr[0] != 0 || p->colptr[p->cols] != p->nnz) fail_msg("%s: starts do not fit", name);
  for (int64_t j = 0; j < p->cols; j++)
    for (int64_t i = p->colptr[j]; i < p->colptr[j + 1]; i++) {
      if (p->rowidx[i] < 0 || p->rowidx[i] >= p->rows)
        fail_msg("%s: row %lld", name, (long long)p->rowidx[i]);
      if (i > p->colptr[j] && p->rowidx[i] <= p->rowidx[i - 1])
        fail_msg("%s: rows of column %lld", name, (long long)j);
    }
}

static inline void assert_same_pattern(const char *name, const tw_pattern *a, const tw_pattern *b) {
  if (a->rows != b->rows || a->cols != b->cols || a->nnz != b->nnz)
    fail_msg("%s: %lld x %lld with %lld entries, expected %lld x %lld with %lld", name, (long long)a->rows,
             (long long)a->cols, (long long)a->nnz, (long long)b->rows, (long long)b->cols,
             (long long)b->nnz);
  assert_memory_equal(a->colptr, b->colptr, ((size_t)a->cols + 1) * sizeof *a->colptr);
  if (a->nnz) assert_memory_equal(a->rowidx, b->rowidx, (size_t)a->nnz * sizeof *a->rowidx);
}

/* Values at the pattern's entries are those of the dense matrix, which is zero elsewhere; *zeros counts
 * entries that are zero at this point. */
static inline void compare_with_dense(const model *x, const tw_sparse_derivative *d, tw_expr dense,
                                      bool lower, uint64_t key, int64_t *zeros) {
  tw_array value[MAX_MODEL_INPUTS];
  draw_inputs(x, key, value);
  tw_array full = evaluate_on(x->name, x->n, x->in, value, dense, 1);
  tw_array some = evaluate_on(x->name, x->n, x->in, value, d->values, 2);
  const tw_pattern *p = &d->pattern;
  const double scale = largest(&full), tolerance = tw_dtype_of(d->values) == TW_F32 ? 1e-5 : 1e-13;
  assert_int_equal(size_of(&some), p->nnz);
  *zeros = 0;
  for (int64_t j = 0; j < p->cols; j++) {
    int64_t at = p->colptr[j];
    for (int64_t i = lower ? j : 0; i < p->rows; i++) {
      const double expected = element(&full, i * p->cols + j);
      const bool there = at < p->colptr[j + 1] && p->rowidx[at] == i;
      const double have = there ? element(&some, at++) : 0;
      if (!(fabs(have - expected) <= tolerance * fmax(1, scale)))
        fail_msg("%s: entry (%lld, %lld) is %.17g, expected %.17g", x->name, (long long)i, (long long)j, have,
                 expected);
      *zeros += there && have == 0;
    }
  }
  for (int i = 0; i < x->n; i++) tw_array_free(&value[i]);
  tw_array_free(&full);
  tw_array_free(&some);
}

/* The pattern has only entries that are not zero at one of some points. */
static inline void assert_no_idle_entries(const model *x, const tw_sparse_derivative *d) {
  tw_array value[MAX_MODEL_INPUTS];
  bool *used = calloc((size_t)d->pattern.nnz + 1, sizeof *used);
  for (uint64_t point = 0; point < 4; point++) {
    draw_inputs(x, 900 + point, value);
    tw_array some = evaluate_on(x->name, x->n, x->in, value, d->values, 1);
    for (int64_t p = 0; p < d->pattern.nnz; p++) used[p] |= element(&some, p) != 0;
    for (int i = 0; i < x->n; i++) tw_array_free(&value[i]);
    tw_array_free(&some);
  }
  for (int64_t p = 0; p < d->pattern.nnz; p++)
    if (!used[p])
      fail_msg("%s: entry %lld of %lld is always 0", x->name, (long long)p, (long long)d->pattern.nnz);
  free(used);
}

/* ------------------------------------------------------------------ writing models, and all of the above */

static inline tw_expr number(tw_graph *g, double c) {
  return tw_scalar(g, c);
}
static inline tw_expr plus(tw_expr k, int64_t c) {
  return tw_add(k, tw_integer(k.graph, c));
}
static inline tw_expr at(tw_expr x, tw_expr i) {
  return tw_take(x, 1, &i);
}
static inline tw_expr at2(tw_expr x, tw_expr i, tw_expr j) {
  return tw_take(x, 2, (tw_expr[]){i, j});
}
static inline tw_expr index_input(tw_graph *g) {
  return tw_input(g, "k", TW_I64, TW_SCALAR);
}

static inline tw_expr integers(tw_graph *g, int64_t n, const int64_t *value) {
  tw_array view = tw_array_view((void *)(uintptr_t)value, TW_I64, TW_SHAPE(n));
  return tw_constant(g, &view);
}

static inline model open_model(const char *name) {
  return (model){.name = name, .graph = tw_graph_new(), .low = 0.2, .high = 1.4};
}

static inline tw_expr add_input(model *x, const char *name, tw_shape shape, bool differentiated) {
  assert_true(x->n < MAX_MODEL_INPUTS);
  x->in[x->n++] = tw_input(x->graph, name, TW_F64, shape);
  x->m += differentiated;
  return x->in[x->n - 1];
}

/* ------------------------------------------------------------------ properties */

typedef struct expected {
  tw_sparse_way way;
  int64_t nnz; /* -1: any */
  bool exact;  /* every entry is used */
} expected;

static inline void check(model *x, tw_sparse_derivative *d, tw_expr dense, bool second, expected want) {
  tw_pattern p;
  int64_t zeros;
  if (tw_graph_status(x->graph)) fail_msg("%s: %s", x->name, tw_graph_message(x->graph));
  assert_well_formed(x->name, &d->pattern);
  compare_with_dense(x, d, dense, second, 1, &zeros);
  if (want.exact) assert_no_idle_entries(x, d);
  if (want.nnz >= 0 && d->pattern.nnz != want.nnz)
    fail_msg("%s: %lld entries, expected %lld", x->name, (long long)d->pattern.nnz, (long long)want.nnz);
  if (d->way != want.way) fail_msg("%s: way %d, expected %d", x->name, (int)d->way, (int)want.way);
  assert_int_equal((second ? tw_hessian_pattern : tw_jacobian_pattern)(x->e, x->m, x->in, &p), TW_OK);
  assert_same_pattern(x->name, &p, &d->pattern);
  tw_pattern_free(&p);
}

static inline void check_jacobian(model *x, expected want) {
  tw_sparse_derivative d;
  tw_sparse_jacobian(x->e, x->m, x->in, &d);
  check(x, &d, dense_of(x, x->e), false, want);
  tw_sparse_derivative_free(&d);
}

static inline void check_hessian(model *x, expected want) {
  tw_sparse_derivative d;
  tw_sparse_hessian(x->e, x->m, x->in, &d);
  check(x, &d, dense_of(x, gradient_of(x)), true, want);
  tw_sparse_derivative_free(&d);
}

static inline void close_model(model *x) {
  tw_graph_free(x->graph);
}

#endif
