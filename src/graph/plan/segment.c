/* Segments: consecutive small steps that compiled code runs in one call. In a function of a few variables the arithmetic is a
 * fraction of what it takes to go from step to step; as straight lines of C it is all that is left.
 *
 * A step can be in one when its C gives the interpreter's bits: passes of plain arithmetic, views, look-ups and short folds,
 * and ops that move elements. Functions of a mathematical library are called as the interpreter calls them, where there is one
 * element; for several that would be slower than its own vectors. */
#include "graph/plan/planner.h"

enum {
  SMALL = 128,      /* elements of a step; no more than a fold sums in one plain loop */
  FOLDED_ROWS = 32, /* of columns: likewise */
  SEGMENT_MOST = 400,
  WRITTEN_MOST = 4000 /* instructions of a segment and of all: compilers take long over long functions */
};
/* What the interpreter takes for a step and for an instruction beyond the arithmetic. */
#define STEP_SECONDS 40e-9
#define INSTR_SECONDS 12e-9

static bool can_write_fold(const tw_pass *pass, tw_graph *graph, const tw_instr *instr) {
  if (tw_dtype_get(tw_node_at(graph, instr->node)->type.dtype)->kind != TW_KIND_FLOAT) return false;
  if (instr->shape != TW_FOLD_COLUMNS) return true;
  return (instr->fold == TW_FOLD_SUM || instr->fold == TW_FOLD_SQUARES) && pass->n / pass->row <= FOLDED_ROWS;
}

static bool can_write_pass(const tw_pass *pass, tw_graph *graph) {
  if (pass->n > SMALL || pass->n > pass->block || pass->n > pass->tile || pass->n_instrs > SEGMENT_MOST) return false;
  for (int i = 0; i < pass->n_instrs; i++) {
    const tw_instr *instr = &pass->instr[i];
    if (pass->n > 1 && tw_needs_loop(instr, graph)) return false;
    if (instr->kind == TW_INSTR_FOLD && !can_write_fold(pass, graph, instr)) return false;
  }
  return true;
}

static bool can_write(const tw_step *step) {
  const tw_op *op = tw_op_of(step->node);
  if (step->pass) return can_write_pass(step->pass, step->node.graph);
  if (tw_size_of(step->node) > SMALL || op->open || op->prepare || op->flags & TW_OP_IMPURE) return false;
  return op->kind == TW_OP_KIND_MOVEMENT && (op->emit || op->view);
}

static int instrs_of(const tw_step *step) {
  return step->pass ? step->pass->n_instrs : 1;
}

/* Steps from `first` on of its level, as many as fit. */
static int length_at(const tw_fn *fn, int first, int *instrs) {
  int s = first;
  *instrs = 0;
  while (s < fn->n_steps && fn->step[s].level == fn->step[first].level && can_write(&fn->step[s]) &&
         *instrs + instrs_of(&fn->step[s]) <= SEGMENT_MOST)
    *instrs += instrs_of(&fn->step[s++]);
  return s - first;
}

void tw_set_segments(tw_fn *fn) {
  for (int s = 0, n; s<fn->n_steps; s += n> 0 ? n : 1) {
    int instrs;
    n = length_at(fn, s, &instrs);
    if (instrs < 2) continue; /* nothing to gain */
    if (fn->n_written + instrs > WRITTEN_MOST) return;
    fn->n_written += instrs;
    fn->step[s].segment = fn->n_segments++;
    fn->step[s].n_segment = n;
    fn->gain += STEP_SECONDS * n + INSTR_SECONDS * instrs;
    for (int k = s; k < s + n; k++)
      if (fn->step[k].pass) fn->gain -= fn->step[k].pass->gain; /* counted already */
  }
}
