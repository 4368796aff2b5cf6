#include "problem/summands.h"

#include "graph/ops/loop.h"
#include "graph/ops/ops.h"
#include "graph/ops/reduce.h"
#include "graph/transform/rows.h"

#include <stdlib.h>

static bool loop_summand(tw_expr loop, tw_expr k, int64_t *rows, tw_expr *row) {
  const tw_loop_attr *attr = tw_attr_of(loop);
  if (attr->n_results != 1 || attr->result[0].kind != TW_LOOP_SUM || attr->size != 1) return false;
  tw_expr *args = calloc((size_t)attr->body->n_params, sizeof *args), *value = calloc((size_t)attr->body->n_outputs + 1, sizeof *value);
  bool fine = args && value;
  if (!fine) tw_graph_fail(loop.graph, TW_ERR_MEMORY, "out of memory reading a sum");
  for (int i = 0; fine && i < attr->body->n_params; i++) args[i] = i == 0 ? k : tw_input_of(loop, i - 1);
  fine = fine && tw_body_inline(attr->body, args, value) == TW_OK;
  *rows = attr->n;
  if (fine) *row = tw_reshape(tw_rows_below(value[attr->result[0].first], k), TW_SCALAR);
  free(args);
  free(value);
  return fine;
}

static tw_expr summed(tw_expr e, tw_expr k, int64_t *rows) {
  *rows = tw_shape_of(e).dim[0];
  return tw_sum(tw_row(e, k), TW_ALL, false);
}

bool tw_summands(tw_expr body, tw_expr k, int64_t *rows, tw_expr *row) {
  while (tw_op_of(body) == &tw_op_reshape || tw_op_of(body) == &tw_op_slice_view) {
    if (tw_size_of(tw_input_of(body, 0)) != 1) return false;
    body = tw_input_of(body, 0);
  }
  const tw_op *op = tw_op_of(body);
  tw_expr a = tw_input_of(body, 0), b = tw_input_of(body, 1);
  *row = TW_NONE;
  if (tw_is_none(a) || tw_size_of(body) != 1) return false;
  if (op == &tw_op_loop) return loop_summand(body, k, rows, row);
  const tw_shape shape = tw_shape_of(a);
  if (op == &tw_op_sum) {
    const tw_axes_attr axes = tw_reduce_axes(body);
    if (axes.first == 0 && axes.count == shape.rank) *row = summed(a, k, rows);
  }
  if (op == &tw_op_matmul && shape.rank == 1 && tw_shape_of(b).rank == 1) {
    *rows = shape.dim[0];
    *row = tw_mul(tw_row(a, k), tw_row(b, k));
  }
  if (op == &tw_op_square) {
    tw_expr r = tw_squared(body);
    if (!tw_same(r, a) && tw_shape_of(r).rank > 0) *row = summed(tw_square(r), k, rows);
  }
  return !tw_is_none(*row);
}

tw_expr tw_replace_row(tw_expr e, tw_expr x, tw_expr k, tw_expr by, bool *rest) {
  tw_expr taken = tw_take(x, 1, &k), out = TW_NONE;
  tw_substitute(1, &e, 1, &taken, &by, &out);
  *rest = tw_is_none(out) || tw_depends(out, 1, &x);
  return out;
}

/* ------------------------------------------------------------------ compiled functions */

tw_status tw_asker_open(tw_asker *a, const tw_kit *kit, const tw_exec *exec, int n, const tw_expr *inputs, int n_out,
                        const tw_expr *outputs, tw_error *error) {
  const int np = kit->count[TW_GROUP_PARAMETERS];
  *a = (tw_asker){.n_parameters = np, .n_out = n_out};
  tw_expr *all = calloc((size_t)(np + n) + 1, sizeof *all);
  int *level = calloc((size_t)(np + n) + 1, sizeof *level);
  a->in = calloc((size_t)(np + n) + 1, sizeof *a->in);
  tw_status status = all && level && a->in ? tw_graph_check(kit->problem->graph, error)
                                           : tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  for (int i = 0; status == TW_OK && i < np + n; i++) {
    all[i] = i < np ? kit->input[TW_GROUP_PARAMETERS][i] : inputs[i - np];
    level[i] = i < np ? 0 : 1;
  }
  const tw_fn_options options = {.levels = level};
  if (status == TW_OK) status = tw_fn_new(&a->fn, np + n, all, n_out, outputs, &options, error);
  if (status == TW_OK) status = tw_work_new(&a->work, a->fn, error);
  if (status == TW_OK) tw_work_exec(a->work, exec);
  free(all);
  free(level);
  if (status != TW_OK) tw_asker_close(a);
  return status;
}

tw_status tw_asker_call(tw_asker *a, void *const *parameters, const void *const *more, int n, void *const *out, tw_error *error) {
  for (int i = 0; i < a->n_parameters; i++) a->in[i] = parameters[i];
  for (int i = 0; i < n; i++) a->in[a->n_parameters + i] = more[i];
  const tw_status status = tw_fn_call(a->fn, a->work, a->in, out, a->fresh ? 1 : 0, error);
  a->fresh = status == TW_OK;
  return status;
}

void tw_asker_close(tw_asker *a) {
  tw_work_free(a->work);
  tw_fn_free(a->fn);
  free(a->in);
  *a = (tw_asker){0};
}
