/* The examples that the ops of the table give of themselves, with values for their inputs. */
#ifndef TALWEG_TEST_EXAMPLES_H
#define TALWEG_TEST_EXAMPLES_H

#include "evaluate.h"

#define MAX_INPUTS 12

typedef struct example {
  const tw_op *op;
  int variant;
  char label[96];
  tw_graph *graph;
  tw_expr e;
  int n, reals; /* inputs; the first `reals` of them are f64 or f32 */
  tw_expr in[MAX_INPUTS];
  tw_array value[MAX_INPUTS];
} example;

/* ------------------------------------------------------------------ examples */

static inline bool is_real(tw_expr e) {
  return tw_dtype_get(tw_dtype_of(e))->kind == TW_KIND_FLOAT;
}

/* Depth first, each input once, in order of appearance. Examples are small: revisits do not matter. */
static inline void find_inputs(example *x, tw_expr e, bool reals) {
  if (tw_is_input(e) && is_real(e) == reals) {
    for (int i = 0; i < x->n; i++)
      if (tw_same(x->in[i], e)) return;
    assert_true(x->n < MAX_INPUTS);
    x->in[x->n++] = e;
  }
  for (int i = 0; i < tw_arity_of(e); i++) find_inputs(x, tw_input_of(e, i), reals);
}

/* Values that f32 holds exactly, so that both precisions see the same ones. */
static inline double draw(const example *x, int input, int64_t i, uint64_t stream) {
  const uint64_t key = tw_key_split(tw_key_split(tw_hash(x->op->name, strlen(x->op->name), 7), stream),
                                    (uint64_t)(x->variant * MAX_INPUTS + input));
  const double u = tw_random_uniform(key, (uint64_t)i);
  if (!is_real(x->in[input])) return floor(x->op->low + u * (x->op->high - x->op->low));
  return (double)(float)(x->op->low + u * (x->op->high - x->op->low));
}

/* False when the op has no such example. */
static inline bool example_open(example *x, const tw_op *op, tw_dtype dtype, int variant) {
  tw_error error = {0};
  *x = (example){.op = op, .variant = variant, .graph = tw_graph_new()};
  snprintf(x->label, sizeof x->label, "%s, example %d, %s", op->name, variant, tw_dtype_get(dtype)->name);
  x->e = op->example(x->graph, dtype, variant);
  if (tw_graph_status(x->graph)) fail_msg("%s: %s", x->label, tw_graph_message(x->graph));
  if (tw_is_none(x->e)) {
    tw_graph_free(x->graph);
    return false;
  }
  find_inputs(x, x->e, true);
  x->reals = x->n;
  find_inputs(x, x->e, false);
  for (int i = 0; i < x->n; i++) {
    assert_ok(tw_array_new(&x->value[i], tw_dtype_of(x->in[i]), tw_shape_of(x->in[i]), &error));
    for (int64_t k = 0; k < size_of(&x->value[i]); k++) set_element(&x->value[i], k, draw(x, i, k, 0));
  }
  return true;
}

static inline void example_close(example *x) {
  for (int i = 0; i < x->n; i++) tw_array_free(&x->value[i]);
  tw_graph_free(x->graph);
}

static inline tw_array value_of(const example *x, tw_expr e, int threads) {
  return evaluate_on(x->label, x->n, x->in, x->value, e, threads);
}

typedef void property(example *x);

static inline void each_example(property *holds) {
  for (const tw_op *const *op = tw_op_table(); *op; op++) {
    example x;
    if (!(*op)->example) continue;
    for (int variant = 0; example_open(&x, *op, TW_F64, variant); variant++) {
      holds(&x);
      example_close(&x);
      assert_true(variant < 64);
    }
  }
}

#endif
