/* Planning: from outputs to an ordered list of steps whose buffers share memory by liveness. */
#include "base/given.h"
#include "graph/emit/native.h"
#include "graph/plan/planner.h"

#include <stdlib.h>
#include <string.h>

static tw_status set_inputs(tw_planner *p, int n_inputs, const tw_expr *inputs, const int *levels) {
  for (int32_t k = 0; k < p->count; k++) p->fact[p->order[k]].level = INT32_MIN;
  for (int j = 0; j < n_inputs; j++) {
    tw_fact *fact = &p->fact[inputs[j].id];
    fact->level = levels ? levels[j] : 0;
    if (fact->level < 0) return tw_fail(p->error, TW_ERR_ARGUMENT, "function: the level of input %d is negative", j);
    if (fact->level > p->fn->max_level) p->fn->max_level = fact->level;
    fact->place = (tw_place){.space = TW_IN_INPUT, .index = j};
  }
  return TW_OK;
}

/* Levels, alias bases and places of leaves, in topological order. */
static tw_status set_facts(tw_planner *p) {
  for (int32_t k = 0; k < p->count; k++) {
    int32_t id = p->order[k];
    const tw_node_data *node = tw_node_at(p->graph, id);
    tw_fact *fact = &p->fact[id];
    fact->base = id;
    fact->last = -1;
    fact->reader = -1;
    fact->step = fact->number = -1;
    if (fact->level != INT32_MIN) continue; /* an input of the function */
    if (node->op == &tw_op_input || node->op == &tw_op_param)
      return tw_fail(p->error, TW_ERR_ARGUMENT, "function: depends on \"%s\", which is not among its inputs",
                     node->op == &tw_op_input ? ((const tw_input_attr *)node->attr)->name : "a param");
    fact->level = -1;
    for (int i = 0; i < node->n; i++)
      if (p->fact[node->in[i]].level > fact->level) fact->level = p->fact[node->in[i]].level;
    if (node->op == &tw_op_constant)
      fact->place = (tw_place){.space = TW_IN_CONSTANT, .data = tw_constant_data(tw_at(p->graph, id))};
    if (node->op->flags & TW_OP_ALIAS) {
      const tw_fact *of = &p->fact[node->in[0]];
      int64_t first = node->op->alias ? node->op->alias(tw_at(p->graph, id)) : 0;
      fact->base = of->base;
      fact->offset = of->offset + (size_t)first * tw_dtype_get(node->type.dtype)->size;
    }
  }
  return TW_OK;
}

static tw_status prepare_steps(tw_planner *p) {
  for (int32_t s = 0; s < p->fn->n_steps; s++) {
    tw_step *step = &p->fn->step[s];
    const tw_op *op = tw_op_of(step->node);
    if (step->pass) continue;
    if (!op->kernel) return tw_fail(p->error, TW_ERR_UNSUPPORTED, "%s: cannot be evaluated", op->name);
    if (!op->prepare) continue;
    tw_status status = op->prepare(step->node, p->fn->mode, &step->prepared, p->error);
    if (status != TW_OK) return status;
  }
  return TW_OK;
}

static tw_status make_plan(tw_planner *p, int n_inputs, const tw_expr *inputs, int n_outputs, const tw_expr *outputs,
                           const int *levels) {
  tw_status status = set_inputs(p, n_inputs, inputs, levels);
  if (status == TW_OK) status = set_facts(p);
  if (status == TW_OK && !tw_fuse(p, n_outputs, outputs)) status = tw_fail(p->error, TW_ERR_MEMORY, "function: out of memory");
  if (status == TW_OK) status = tw_make_steps(p);
  if (status == TW_OK) status = tw_set_buffers(p, n_outputs, outputs);
  if (status == TW_OK) status = prepare_steps(p);
  if (status == TW_OK) tw_set_segments(p->fn);
  return status;
}

tw_status tw_fn_new(tw_fn **out, int n_inputs, const tw_expr *inputs, int n_outputs, const tw_expr *outputs,
                    const tw_fn_options *options, tw_error *error) {
  TW_GIVEN(out);
  *out = NULL;
  if ((n_inputs > 0 && !inputs) || (n_outputs > 0 && !outputs))
    return tw_fail(error, TW_ERR_ARGUMENT, "tw_fn_new: inputs or outputs are NULL");
  tw_graph *graph = NULL;
  for (int i = 0; i < n_inputs + n_outputs; i++) {
    tw_expr e = i < n_inputs ? inputs[i] : outputs[i - n_inputs];
    if (e.graph && !graph) graph = e.graph;
    if (graph && graph->status != TW_OK) return tw_graph_check(graph, error);
    if (tw_is_none(e) || e.graph != graph)
      return tw_fail(error, TW_ERR_ARGUMENT, "function: %s %d is not an expression of its graph",
                     i < n_inputs ? "input" : "output", i < n_inputs ? i : i - n_inputs);
  }
  tw_fn *fn = calloc(1, sizeof *fn);
  if (!fn) return tw_fail(error, TW_ERR_MEMORY, "function: out of memory");
  fn->n_inputs = n_inputs;
  fn->n_outputs = n_outputs;
  fn->mode = options ? options->mode : 0;
  fn->input = calloc((size_t)(n_inputs + n_outputs) + 1, sizeof *fn->input);
  if (!fn->input) {
    free(fn);
    return tw_fail(error, TW_ERR_MEMORY, "function: out of memory");
  }
  fn->output = fn->input + n_inputs;
  for (int i = 0; i < n_inputs + n_outputs; i++) fn->input[i] = i < n_inputs ? inputs[i] : outputs[i - n_inputs];
  tw_status status = TW_OK;
  if (graph) {
    tw_planner p = {.graph = graph, .fn = fn, .fused = !(fn->mode & TW_MODE_UNFUSED), .error = error};
    int32_t limit = graph->count;
    p.fact = calloc((size_t)limit + 1, sizeof *p.fact);
    if (!p.fact || !tw_walk_to(graph, n_outputs, outputs, n_inputs, inputs, &p.order, &p.count))
      status = tw_fail(error, TW_ERR_MEMORY, "function: out of memory");
    else
      status = make_plan(&p, n_inputs, inputs, n_outputs, outputs, options ? options->levels : NULL);
    free(p.fact);
    free(p.operand);
    free(p.result);
    free(p.order);
  }
  if (status != TW_OK) {
    tw_fn_free(fn);
    return status;
  }
  *out = fn;
  return TW_OK;
}

void tw_fn_free(tw_fn *fn) {
  if (!fn) return;
  for (int s = 0; s < fn->n_steps; s++) {
    if (fn->step[s].prepared) tw_op_of(fn->step[s].node)->release(fn->step[s].prepared);
    tw_pass_free(fn->step[s].pass);
  }
  tw_native_free(atomic_load(&fn->native));
  free(fn->input);
  free(fn->step);
  free(fn->operand);
  free(fn->result);
  free(fn->copy);
  free(fn->held);
  free(fn);
}

size_t tw_fn_work_bytes(const tw_fn *fn) { return fn ? fn->work_bytes : 0; }
size_t tw_fn_live_bytes(const tw_fn *fn) { return fn ? fn->live_bytes : 0; }
int tw_fn_steps(const tw_fn *fn) { return fn ? fn->n_steps : 0; }
double tw_fn_flops(const tw_fn *fn) { return fn ? fn->flops : 0; }
