/* Buffers: who reads what last, and where every value lies; memory is shared by liveness. */
#include "graph/plan/planner.h"

#include <stdlib.h>

static size_t bytes_of(const tw_node_data *node) { return (size_t)node->size * tw_dtype_get(node->type.dtype)->size; }

static const int32_t *operands_of(const tw_planner *p, const tw_step *step) { return p->operand + step->first_in; }
static const int32_t *results_of(const tw_planner *p, const tw_step *step) { return p->result + step->first_out; }

/* ------------------------------------------------------------------ lifetimes */

static void read_by(tw_planner *p, int32_t id, int32_t step, int level) {
  tw_fact *base = &p->fact[p->fact[id].base];
  if (step > base->last) base->last = step;
  if (level > base->reader) base->reader = level;
}

/* Who reads what last. An output that cannot be written in place is read at the end. */
static tw_status set_lifetimes(tw_planner *p, int n_outputs, const tw_expr *outputs) {
  tw_fn *fn = p->fn;
  for (int32_t s = 0; s < fn->n_steps; s++)
    for (int i = 0; i < fn->step[s].n; i++) read_by(p, operands_of(p, &fn->step[s])[i], s, fn->step[s].level);
  fn->copy = calloc((size_t)n_outputs + 1, sizeof *fn->copy);
  if (!fn->copy) return tw_fail(p->error, TW_ERR_MEMORY, "function: out of memory");
  for (int k = 0; k < n_outputs; k++) {
    tw_fact *fact = &p->fact[outputs[k].id];
    const bool own = fact->step >= 0 && fact->base == outputs[k].id && fact->place.space == TW_IN_WORK;
    if (own && fact->level == fn->max_level) {
      fact->place = (tw_place){.space = TW_IN_OUTPUT, .index = k};
      continue;
    }
    read_by(p, outputs[k].id, fn->n_steps, fn->max_level + 1);
    fn->copy[fn->n_copies++] = (tw_copy){.output = k, .bytes = bytes_of(tw_data(outputs[k])), .from = {.index = outputs[k].id}};
  }
  return TW_OK;
}

/* A value that a later call at a higher level still reads keeps its buffer for good. */
static bool is_kept(const tw_fact *fact) { return fact->reader > fact->level; }

/* ------------------------------------------------------------------ results in the place of operands */

/* Whether the buffer `base` ends here and has the size of `node`. */
static bool ends_here(const tw_planner *p, int32_t base, const tw_node_data *node, int32_t s) {
  const tw_fact *fact = &p->fact[base];
  return fact->place.space == TW_IN_WORK && fact->last == s && !is_kept(fact) && bytes_of(tw_node_at(p->graph, base)) == bytes_of(node);
}

/* An element-wise kernel may overwrite an operand whose uses are all laid out like the result. */
static bool kernel_overwrites(const tw_planner *p, const tw_node_data *node, int32_t base) {
  for (int j = 0; j < node->n; j++) {
    const tw_node_data *in = tw_node_at(p->graph, node->in[j]);
    if (p->fact[node->in[j]].base != base) continue;
    if (!tw_shape_equal(&in->type.shape, &node->type.shape) || bytes_of(in) != bytes_of(node)) return false;
  }
  return (node->op->flags & TW_OP_ELEMENTWISE) != 0;
}

/* The instruction that computes result r element by element; -1: none. */
static int maker_of(const tw_pass *pass, int r) {
  for (int i = 0; i < pass->n_instrs; i++) {
    const tw_instr *instr = &pass->instr[i];
    const bool native = instr->kind == TW_INSTR_NATIVE;
    const tw_instr *part = native ? pass->map + instr->first : instr;
    for (int k = 0; k < (native ? instr->n : 1); k++)
      if (part[k].kind != TW_INSTR_FOLD && pass->value[part[k].out].kind == TW_VALUE_RESULT && pass->value[part[k].out].at == r) return i;
  }
  return -1;
}

/* A pass may write result r over an operand that it reads element by element, and not after r's instruction. */
static bool form_overwrites(const tw_planner *p, const tw_step *step, const tw_pass *pass, int r, int32_t base) {
  const int made = maker_of(pass, r);
  const size_t element = tw_dtype_get(tw_node_at(p->graph, results_of(p, step)[r])->type.dtype)->size;
  for (int k = 0; k < step->n; k++) {
    const int32_t id = operands_of(p, step)[k];
    if (p->fact[id].base != base) continue;
    if (pass->last[k] > made || tw_dtype_get(tw_node_at(p->graph, id)->type.dtype)->size != element) return false;
  }
  return made >= 0;
}

static bool pass_overwrites(const tw_planner *p, const tw_step *step, int r, int32_t base) {
  return form_overwrites(p, step, step->pass, r, base) && (!step->pass->native || form_overwrites(p, step, step->pass->native, r, base));
}

/* The operand buffer that result r of step s takes over; -1: none. */
static int32_t overwritten(const tw_planner *p, int32_t s, int r) {
  const tw_step *step = &p->fn->step[s];
  const tw_node_data *node = tw_node_at(p->graph, results_of(p, step)[r]);
  for (int i = 0; i < step->n; i++) {
    const int32_t base = p->fact[operands_of(p, step)[i]].base;
    if (!ends_here(p, base, node, s)) continue;
    if (step->pass ? pass_overwrites(p, step, r, base) : kernel_overwrites(p, node, base)) return base;
  }
  return -1;
}

/* ------------------------------------------------------------------ buffers and their lifetimes */

typedef struct buffers {
  tw_buffer *item;
  size_t count, capacity;
} buffers;

static size_t rounded(size_t bytes) { return bytes ? (bytes + TW_ALIGN - 1) / TW_ALIGN * TW_ALIGN : TW_ALIGN; }

/* A buffer from step `first` on; -1 when out of memory. */
static int32_t add_buffer(buffers *b, int32_t first, int32_t last, size_t bytes) {
  tw_buffer *grown = tw_grow(b->item, &b->capacity, b->count + 1, sizeof *grown);
  if (!grown) return -1;
  b->item = grown;
  grown[b->count] = (tw_buffer){.first = first, .last = last, .bytes = rounded(bytes)};
  return (int32_t)b->count++;
}

static int32_t end_of(const tw_planner *p, const tw_fact *fact, int32_t s) {
  if (is_kept(fact)) return p->fn->n_steps;
  return fact->last > s ? fact->last : s;
}

/* Notes that `id` is in the workspace from step `first` to `last`; its number, -1 when out of memory. */
static int32_t hold(tw_planner *p, int32_t id, int32_t first, int32_t last, size_t bytes, bool scratch) {
  tw_fn *fn = p->fn;
  tw_held *grown = tw_grow(fn->held, &fn->held_capacity, fn->n_held + 1, sizeof *grown);
  if (!grown) return -1;
  fn->held = grown;
  grown[fn->n_held] = (tw_held){tw_at(p->graph, id), first, last < fn->n_steps ? last : fn->n_steps - 1, bytes, scratch};
  return (int32_t)fn->n_held++;
}

/* Buffers of the results of step s: of their own, or taken over from an operand that ends here. */
static bool place_results(tw_planner *p, buffers *b, int32_t s) {
  const tw_step *step = &p->fn->step[s];
  for (int r = 0; r < step->n_out; r++) {
    const int32_t id = results_of(p, step)[r];
    tw_fact *fact = &p->fact[id];
    if (fact->place.space != TW_IN_WORK) continue;
    const int32_t base = overwritten(p, s, r), end = end_of(p, fact, s);
    if (base >= 0) {
      fact->buffer = p->fact[base].buffer;
      p->fact[base].last = -2; /* taken: no other result may have it */
      p->fn->held[p->fact[base].held].last = s - 1;
      if (end > b->item[fact->buffer].last) b->item[fact->buffer].last = end;
    } else {
      fact->buffer = add_buffer(b, s, end, bytes_of(tw_node_at(p->graph, id)));
    }
    fact->held = hold(p, id, s, end, bytes_of(tw_node_at(p->graph, id)), false);
    if (fact->buffer < 0 || fact->held < 0) return false;
  }
  return true;
}

static size_t scratch_of(const tw_step *step) {
  const tw_op *op = tw_op_of(step->node);
  if (step->pass) return step->pass->scratch;
  return op->scratch ? op->scratch(step->node) : 0;
}

/* Offsets for all buffers of the workspace, scratch memory of single steps among them. */
static tw_status set_offsets(tw_planner *p) {
  buffers b = {0};
  bool ok = true;
  for (int32_t s = 0; ok && s < p->fn->n_steps; s++) {
    tw_step *step = &p->fn->step[s];
    const size_t scratch = scratch_of(step);
    ok = place_results(p, &b, s);
    step->scratch = 0;
    if (ok && scratch) {
      const int32_t at = add_buffer(&b, s, s, scratch);
      ok = at >= 0 && hold(p, step->node.id, s, s, scratch, true) >= 0;
      step->scratch = (size_t)at; /* its number for now */
    }
  }
  ok = ok && tw_buffers_place(b.item, b.count, p->fn->n_steps, &p->fn->work_bytes, &p->fn->live_bytes);
  for (int32_t s = 0; ok && s < p->fn->n_steps; s++) {
    tw_step *step = &p->fn->step[s];
    if (scratch_of(step)) step->scratch = b.item[step->scratch].offset;
    for (int r = 0; r < step->n_out; r++) {
      tw_fact *fact = &p->fact[results_of(p, step)[r]];
      if (fact->place.space == TW_IN_WORK) fact->place.offset = b.item[fact->buffer].offset;
    }
  }
  free(b.item);
  return ok ? TW_OK : tw_fail(p->error, TW_ERR_MEMORY, "function: out of memory");
}

static tw_place place_of(const tw_planner *p, int32_t id) {
  tw_place place = p->fact[p->fact[id].base].place;
  place.offset += p->fact[id].offset;
  return place;
}

static tw_status set_places(tw_planner *p) {
  tw_fn *fn = p->fn;
  fn->operand = calloc((size_t)fn->n_operands + 1, sizeof *fn->operand);
  fn->result = calloc((size_t)fn->n_results + 1, sizeof *fn->result);
  if (!fn->operand || !fn->result) return tw_fail(p->error, TW_ERR_MEMORY, "function: out of memory");
  for (int k = 0; k < fn->n_operands; k++) fn->operand[k] = place_of(p, p->operand[k]);
  for (int k = 0; k < fn->n_results; k++) fn->result[k] = place_of(p, p->result[k]);
  for (int k = 0; k < fn->n_copies; k++) fn->copy[k].from = place_of(p, fn->copy[k].from.index);
  return TW_OK;
}

tw_status tw_set_buffers(tw_planner *p, int n_outputs, const tw_expr *outputs) {
  tw_status status = set_lifetimes(p, n_outputs, outputs);
  if (status == TW_OK) status = set_offsets(p);
  return status == TW_OK ? set_places(p) : status;
}
