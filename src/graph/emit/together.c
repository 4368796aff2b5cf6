/* Which loops may share one `for`: value and gradient of a sum over an index set, say, which read the same
 * entries.
 *
 * A loop may run before its turn when no step that it overtakes writes what it reads, or touches what it
 * writes. Steps share memory by liveness, so what counts is where values lie. */
#include "graph/emit/emit.h"
#include "graph/ops/loop.h"

typedef struct extent { /* bytes first .. end-1 of a place */
  tw_space space;
  int32_t index;
  size_t first, end;
} extent;

static extent extent_of(const tw_place *place, const tw_node_data *node) {
  const size_t bytes = (size_t)node->size * tw_dtype_get(node->type.dtype)->size;
  return (extent){place->space, place->space == TW_IN_WORK ? 0 : place->index, place->offset,
                  place->offset + bytes};
}

static extent operand_of(const tw_fn *fn, const tw_step *step, int k) {
  const int32_t id = step->pass ? step->pass->operand[k] : tw_input_of(step->node, k).id;
  return extent_of(&fn->operand[step->first_in + k], tw_node_at(step->node.graph, id));
}

static extent result_of(const tw_fn *fn, const tw_step *step, int k) {
  const int32_t id = step->pass ? step->pass->result[k] : step->node.id;
  return extent_of(&fn->result[step->first_out + k], tw_node_at(step->node.graph, id));
}

static bool overlap(extent a, extent b) {
  return a.space == b.space && a.index == b.index && a.first < b.end && b.first < a.end;
}

/* Whether `b` touches a result of `a`. */
static bool touches(const tw_fn *fn, const tw_step *a, const tw_step *b) {
  for (int r = 0; r < a->n_out; r++) {
    const extent written = result_of(fn, a, r);
    for (int k = 0; k < b->n; k++)
      if (overlap(written, operand_of(fn, b, k))) return true;
    for (int k = 0; k < b->n_out; k++)
      if (overlap(written, result_of(fn, b, k))) return true;
  }
  return false;
}

static bool is_loop(const tw_step *step) {
  return !step->pass && tw_op_of(step->node) == &tw_op_loop;
}

static int64_t iterations(const tw_step *step) {
  return ((const tw_loop_attr *)tw_attr_of(step->node))->n;
}

int tw_emit_together(const tw_fn *fn, const bool *done, int first, int high, int steps[TW_EMIT_TOGETHER]) {
  int count = 0;
  steps[count++] = first;
  for (int s = first + 1; s < fn->n_steps && count < TW_EMIT_TOGETHER; s++) {
    const tw_step *step = &fn->step[s];
    if (done[s] || step->level > high || !is_loop(step) || iterations(step) != iterations(&fn->step[first]))
      continue;
    bool free_to_go = true;
    for (int t = first; t < s && free_to_go; t++)
      free_to_go = done[t] || (!touches(fn, &fn->step[t], step) && !touches(fn, step, &fn->step[t]));
    if (free_to_go) steps[count++] = s;
  }
  return count;
}
