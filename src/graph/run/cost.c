/* What a planned function costs, node by node, and what its workspace holds. */
#include "graph/run/profile.h"

#include <stdlib.h>
#include <string.h>

double tw_step_moved(const tw_step *step) {
  const tw_op *op = tw_op_of(step->node);
  return step->pass || !op->moved ? tw_step_bytes(step) : op->moved(step->node, step->prepared);
}

/* The nodes of a pass from entry `n` on; the number of entries after them, -1 when out of memory. Leaves and views cost nothing
 * but what they are the first to read. */
static int pass_costs(const tw_step *step, int s, int n, int most, tw_cost *costs) {
  const tw_pass *pass = step->pass;
  bool *read = calloc((size_t)pass->n_operands + 1, sizeof *read);
  if (!read) return -1;
  for (int i = 0; i < pass->n_instrs; i++, n++) {
    tw_cost cost = {.step = s, .node = tw_at(step->node.graph, pass->instr[i].node)};
    tw_pass_cost(pass, step->node.graph, i, read, &cost.flops, &cost.bytes);
    cost.moved = cost.bytes;
    if (n < most) costs[n] = cost;
  }
  free(read);
  return n;
}

int tw_fn_costs(const tw_fn *fn, int most, tw_cost *costs) {
  if (!fn) return 0;
  if (!costs) most = 0;
  int n = 0;
  for (int s = 0; s < fn->n_steps && n >= 0; s++) {
    const tw_step *step = &fn->step[s];
    if (step->pass) {
      n = pass_costs(step, s, n, most, costs);
      continue;
    }
    if (n < most)
      costs[n] = (tw_cost){s, step->node, tw_step_flops(step), tw_step_bytes(step), tw_step_moved(step)};
    n++;
  }
  return n < 0 ? 0 : n;
}

int tw_fn_held(const tw_fn *fn, int most, tw_held *held) {
  if (!fn) return 0;
  if (!held || most < 0) most = 0;
  const size_t n = fn->n_held < (size_t)most ? fn->n_held : (size_t)most;
  if (n) memcpy(held, fn->held, n * sizeof *held);
  return (int)fn->n_held;
}
