/* What a planned function costs, node by node, and what its workspace holds. */
#include "graph/run/profile.h"

#include <stdlib.h>
#include <string.h>

double tw_step_moved(const tw_step *step) {
  const tw_op *op = tw_op_of(step->node);
  return step->pass || !op->moved ? tw_step_bytes(step) : op->moved(step->node, step->prepared);
}

/* Leaves and views of a pass cost nothing but what they are the first to read. */
bool tw_step_costs(const tw_step *step, int s, tw_cost_visitor *visit, void *context) {
  const tw_pass *pass = step->pass;
  if (!pass) {
    visit(context, &(tw_cost){s, step->node, tw_step_flops(step), tw_step_bytes(step), tw_step_moved(step)});
    return true;
  }
  bool *read = calloc((size_t)pass->n_operands + 1, sizeof *read);
  if (!read) return false;
  for (int i = 0; i < pass->n_instrs; i++) {
    tw_cost cost = {.step = s, .node = tw_at(step->node.graph, pass->instr[i].node)};
    tw_pass_cost(pass, step->node.graph, i, read, &cost.flops, &cost.bytes);
    cost.moved = cost.bytes;
    visit(context, &cost);
  }
  free(read);
  return true;
}

typedef struct cost_list {
  tw_cost *cost;
  int n, most;
} cost_list;

static void add_cost(void *context, const tw_cost *cost) {
  cost_list *list = context;
  if (list->n < list->most) list->cost[list->n] = *cost;
  list->n++;
}

int tw_fn_costs(const tw_fn *fn, int most, tw_cost *costs) {
  if (!fn) return 0;
  cost_list list = {costs, 0, costs ? most : 0};
  for (int s = 0; s < fn->n_steps; s++)
    if (!tw_step_costs(&fn->step[s], s, add_cost, &list)) return 0;
  return list.n;
}

int tw_fn_held(const tw_fn *fn, int most, tw_held *held) {
  if (!fn) return 0;
  if (!held || most < 0) most = 0;
  const size_t n = fn->n_held < (size_t)most ? fn->n_held : (size_t)most;
  if (n) memcpy(held, fn->held, n * sizeof *held);
  return (int)fn->n_held;
}
