/* Planning: from outputs to an ordered list of steps whose buffers share memory by liveness. */
#include "graph/plan/plan.h"

#include <stdlib.h>
#include <string.h>

/* What planning knows of a node, by id. */
typedef struct tw_fact {
  int level;
  int32_t base;    /* the node whose buffer holds the value; itself unless an alias */
  size_t offset;   /* bytes into the base */
  int32_t last;    /* step of the last reader; n_steps when kept to the end */
  int reader;      /* highest level of a reader */
  tw_place place;  /* of a base */
} tw_fact;

typedef struct planner {
  tw_graph *graph;
  tw_fn *fn;
  int32_t *order, count;
  tw_fact *fact;
  tw_error *error;
} planner;

static size_t bytes_of(const tw_node_data *node) { return (size_t)node->size * tw_dtype_get(node->type.dtype)->size; }

static bool is_leaf(const tw_node_data *node) {
  return node->op == &tw_op_input || node->op == &tw_op_param || node->op == &tw_op_constant;
}

static tw_status set_inputs(planner *p, int n_inputs, const tw_expr *inputs, const int *levels) {
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
static tw_status set_facts(planner *p) {
  for (int32_t k = 0; k < p->count; k++) {
    int32_t id = p->order[k];
    const tw_node_data *node = tw_node_at(p->graph, id);
    tw_fact *fact = &p->fact[id];
    fact->base = id;
    fact->last = -1;
    fact->reader = -1;
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

/* Steps ordered by level, then topologically. */
static tw_status make_steps(planner *p) {
  tw_fn *fn = p->fn;
  fn->step = calloc((size_t)p->count + 1, sizeof *fn->step);
  size_t operands = 0;
  for (int32_t k = 0; k < p->count; k++) operands += (size_t)tw_node_at(p->graph, p->order[k])->n;
  fn->operand = calloc(operands + 1, sizeof *fn->operand);
  if (!fn->step || !fn->operand) return tw_fail(p->error, TW_ERR_MEMORY, "function: out of memory");
  for (int level = -1; level <= fn->max_level; level++)
    for (int32_t k = 0; k < p->count; k++) {
      tw_expr node = tw_at(p->graph, p->order[k]);
      const tw_node_data *data = tw_data(node);
      if (is_leaf(data) || p->fact[node.id].place.space == TW_IN_INPUT || p->fact[node.id].level != level ||
          (data->op->flags & TW_OP_ALIAS))
        continue;
      fn->step[fn->n_steps++] =
          (tw_step){.node = node, .level = level, .n = data->n, .first_in = fn->n_operands};
      fn->n_operands += data->n;
      if (data->op->flops) fn->flops += data->op->flops(node);
    }
  return TW_OK;
}

static void read_by(planner *p, int32_t id, int32_t step, int level) {
  tw_fact *base = &p->fact[p->fact[id].base];
  if (step > base->last) base->last = step;
  if (level > base->reader) base->reader = level;
}

/* Who reads what last. An output that cannot be written in place is read at the end. */
static tw_status set_lifetimes(planner *p, int n_outputs, const tw_expr *outputs) {
  tw_fn *fn = p->fn;
  for (int32_t s = 0; s < fn->n_steps; s++)
    for (int i = 0; i < fn->step[s].n; i++)
      read_by(p, tw_data(fn->step[s].node)->in[i], s, fn->step[s].level);
  fn->copy = calloc((size_t)n_outputs + 1, sizeof *fn->copy);
  if (!fn->copy) return tw_fail(p->error, TW_ERR_MEMORY, "function: out of memory");
  for (int k = 0; k < n_outputs; k++) {
    tw_fact *fact = &p->fact[outputs[k].id];
    const tw_node_data *node = tw_data(outputs[k]);
    bool own = fact->base == outputs[k].id && !is_leaf(node) && fact->place.space == TW_IN_WORK;
    if (own && fact->level == fn->max_level) {
      fact->place = (tw_place){.space = TW_IN_OUTPUT, .index = k};
      continue;
    }
    read_by(p, outputs[k].id, fn->n_steps, fn->max_level + 1);
    fn->copy[fn->n_copies++] = (tw_copy){.output = k, .bytes = bytes_of(node), .from = {.index = outputs[k].id}};
  }
  return TW_OK;
}

/* A value that a later call at a higher level still reads keeps its buffer for good. */
static bool is_kept(const tw_fact *fact) { return fact->reader > fact->level; }

/* An operand whose buffer an element-wise step may overwrite: read here for the last time, same bytes, and every
 * operand in that buffer is laid out like the result. -1: none. */
static int32_t overwritable(const planner *p, const tw_node_data *node, int32_t step) {
  if (!(node->op->flags & TW_OP_ELEMENTWISE)) return -1;
  for (int i = 0; i < node->n; i++) {
    int32_t base = p->fact[node->in[i]].base;
    const tw_fact *fact = &p->fact[base];
    if (fact->place.space != TW_IN_WORK || fact->last != step || is_kept(fact) ||
        bytes_of(tw_node_at(p->graph, base)) != bytes_of(node))
      continue;
    bool fits = true;
    for (int j = 0; j < node->n && fits; j++) {
      const tw_node_data *in = tw_node_at(p->graph, node->in[j]);
      fits = p->fact[node->in[j]].base != base ||
             (tw_shape_equal(&in->type.shape, &node->type.shape) && bytes_of(in) == bytes_of(node));
    }
    if (fits) return base;
  }
  return -1;
}

/* Releases what step s read for the last time, except `kept`. */
static void give_dead(planner *p, tw_pool *pool, const tw_node_data *node, int32_t s, int32_t kept) {
  for (int i = 0; i < node->n; i++) {
    int32_t base = p->fact[node->in[i]].base;
    tw_fact *fact = &p->fact[base];
    if (base == kept || fact->place.space != TW_IN_WORK || fact->last != s || is_kept(fact)) continue;
    tw_pool_give(pool, fact->place.offset);
    fact->last = -2; /* given: an operand may occur twice */
  }
}

static tw_status set_buffers(planner *p) {
  tw_pool pool = {0};
  for (int32_t s = 0; s < p->fn->n_steps; s++) {
    tw_step *step = &p->fn->step[s];
    const tw_node_data *node = tw_data(step->node);
    tw_fact *fact = &p->fact[step->node.id];
    int32_t reused = -1;
    if (fact->place.space == TW_IN_WORK) {
      reused = overwritable(p, node, s);
      fact->place.offset = reused >= 0 ? p->fact[reused].place.offset : tw_pool_take(&pool, bytes_of(node));
    }
    size_t scratch = node->op->scratch ? node->op->scratch(step->node) : 0;
    if (scratch) {
      step->scratch = tw_pool_take(&pool, scratch);
      tw_pool_give(&pool, step->scratch);
    }
    give_dead(p, &pool, node, s, reused);
    if (fact->place.space == TW_IN_WORK && fact->last < s && !is_kept(fact)) tw_pool_give(&pool, fact->place.offset);
  }
  p->fn->work_bytes = pool.peak;
  p->fn->live_bytes = pool.live_peak;
  bool failed = pool.failed;
  tw_pool_free(&pool);
  return failed ? tw_fail(p->error, TW_ERR_MEMORY, "function: out of memory") : TW_OK;
}

static tw_place place_of(const planner *p, int32_t id) {
  tw_place place = p->fact[p->fact[id].base].place;
  place.offset += p->fact[id].offset;
  return place;
}

static void set_places(planner *p) {
  for (int32_t s = 0; s < p->fn->n_steps; s++) {
    tw_step *step = &p->fn->step[s];
    step->out = place_of(p, step->node.id);
    for (int i = 0; i < step->n; i++) p->fn->operand[step->first_in + i] = place_of(p, tw_data(step->node)->in[i]);
  }
  for (int k = 0; k < p->fn->n_copies; k++) p->fn->copy[k].from = place_of(p, p->fn->copy[k].from.index);
}

static tw_status prepare_steps(planner *p) {
  for (int32_t s = 0; s < p->fn->n_steps; s++) {
    tw_step *step = &p->fn->step[s];
    const tw_op *op = tw_op_of(step->node);
    if (!op->kernel) return tw_fail(p->error, TW_ERR_UNSUPPORTED, "%s: cannot be evaluated", op->name);
    if (!op->prepare) continue;
    tw_status status = op->prepare(step->node, p->fn->serial, &step->prepared, p->error);
    if (status != TW_OK) return status;
  }
  return TW_OK;
}

static tw_status make_plan(planner *p, int n_inputs, const tw_expr *inputs, int n_outputs, const tw_expr *outputs,
                           const int *levels) {
  tw_status status = set_inputs(p, n_inputs, inputs, levels);
  if (status == TW_OK) status = set_facts(p);
  if (status == TW_OK) status = make_steps(p);
  if (status == TW_OK) status = set_lifetimes(p, n_outputs, outputs);
  if (status == TW_OK) status = set_buffers(p);
  if (status != TW_OK) return status;
  set_places(p);
  return prepare_steps(p);
}

tw_status tw_fn_new(tw_fn **out, int n_inputs, const tw_expr *inputs, int n_outputs, const tw_expr *outputs,
                    const tw_fn_options *options, tw_error *error) {
  *out = NULL;
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
  fn->serial = options && options->serial;
  tw_status status = TW_OK;
  if (graph) {
    planner p = {.graph = graph, .fn = fn, .error = error};
    int32_t limit = graph->count;
    p.fact = calloc((size_t)limit + 1, sizeof *p.fact);
    if (!p.fact || !tw_walk_to(graph, n_outputs, outputs, n_inputs, inputs, &p.order, &p.count))
      status = tw_fail(error, TW_ERR_MEMORY, "function: out of memory");
    else
      status = make_plan(&p, n_inputs, inputs, n_outputs, outputs, options ? options->levels : NULL);
    free(p.fact);
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
  for (int s = 0; s < fn->n_steps; s++)
    if (fn->step[s].prepared) tw_op_of(fn->step[s].node)->release(fn->step[s].prepared);
  free(fn->step);
  free(fn->operand);
  free(fn->copy);
  free(fn);
}

size_t tw_fn_work_bytes(const tw_fn *fn) { return fn->work_bytes; }
size_t tw_fn_live_bytes(const tw_fn *fn) { return fn->live_bytes; }
int tw_fn_steps(const tw_fn *fn) { return fn->n_steps; }
double tw_fn_flops(const tw_fn *fn) { return fn->flops; }
