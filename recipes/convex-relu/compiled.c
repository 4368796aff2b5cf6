#include "compiled.h"

tw_status compiled_graph(compiled *c, tw_error *error) {
  *c = (compiled){.graph = tw_graph_new()};
  return c->graph ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for a graph");
}

tw_status compiled_finish(compiled *c, int n_in, const tw_expr *in, int n_out, const tw_expr *out, tw_error *error) {
  tw_status status = tw_graph_check(c->graph, error);
  if (status == TW_OK) status = tw_fn_new(&c->fn, n_in, in, n_out, out, NULL, error);
  if (status == TW_OK) status = tw_work_new(&c->work, c->fn, error);
  if (status == TW_OK) tw_work_exec(c->work, &(tw_exec){.threads = 1, .jit = TW_JIT_OFF});
  return status;
}

tw_status compiled_call(const compiled *c, const void *const *in, void *const *out, tw_error *error) {
  return tw_fn_call(c->fn, c->work, in, out, 0, error);
}

void compiled_close(compiled *c) {
  tw_work_free(c->work);
  tw_fn_free(c->fn);
  tw_graph_free(c->graph);
  *c = (compiled){0};
}

tw_expr constant_of(tw_graph *graph, const double *value, tw_shape shape) {
  const tw_array array = tw_array_f64((double *)(uintptr_t)value, shape);
  return tw_constant(graph, &array);
}
