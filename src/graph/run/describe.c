/* Steps in words: for plans and profiles. */
#include "graph/run/profile.h"

#include <string.h>

/* "mul exp sum x3": the ops of a pass in order, repetitions counted. */
static void pass_name(const tw_step *step, tw_text *text) {
  const tw_pass *pass = step->pass;
  const tw_op *last = NULL;
  int times = 0;
  for (int i = 0; i <= pass->n_instrs; i++) {
    const tw_op *op = i < pass->n_instrs ? tw_op_of(tw_at(step->node.graph, pass->instr[i].node)) : NULL;
    if (op == last) {
      times++;
      continue;
    }
    if (last && times > 1) tw_text_printf(text, " x%d", times);
    if (op) tw_text_printf(text, "%s%s", last ? " " : "", op->name);
    last = op;
    times = 1;
  }
}

void tw_step_name(const tw_step *step, char *out, size_t size) {
  tw_text text = {0};
  char shape_text[TW_SHAPE_TEXT];
  if (step->pass) {
    pass_name(step, &text);
    tw_text_printf(&text, " [%lld]", (long long)step->pass->n);
  } else {
    const tw_shape shape = tw_shape_of(step->node);
    tw_text_printf(&text, "%s", tw_op_of(step->node)->name);
    for (int i = 0; i < step->n && i < 2; i++) {
      const tw_shape in = tw_shape_of(tw_input_of(step->node, i));
      tw_text_printf(&text, " %s", tw_shape_text(&in, shape_text));
    }
    tw_text_printf(&text, " -> %s", tw_shape_text(&shape, shape_text));
  }
  const char *all = text.data ? text.data : "";
  const bool cut = strlen(all) >= size;
  snprintf(out, size, "%s", all);
  if (cut && size > 4) memcpy(out + size - 4, "...", 4);
  tw_text_free(&text);
}

const char *tw_op_kind_name(tw_op_kind kind) {
  static const char *const name[TW_OP_KINDS] = {
      [TW_OP_KIND_OTHER] = "other",
      [TW_OP_KIND_ELEMENTWISE] = "element-wise",
      [TW_OP_KIND_PRODUCT] = "product",
      [TW_OP_KIND_CONVOLUTION] = "convolution",
      [TW_OP_KIND_ATTENTION] = "attention",
      [TW_OP_KIND_FACTORIZATION] = "factorization",
      [TW_OP_KIND_REDUCTION] = "reduction",
      [TW_OP_KIND_LOOKUP] = "look-up",
      [TW_OP_KIND_MOVEMENT] = "movement",
      [TW_OP_KIND_SCAN] = "scan",
      [TW_OP_KIND_LOOP] = "loop",
      [TW_OP_KIND_NESTED] = "nested solve",
  };
  return (unsigned)kind < TW_OP_KINDS ? name[kind] : name[TW_OP_KIND_OTHER];
}

tw_op_kind tw_op_kind_of(const tw_op *op) {
  if (!op) return TW_OP_KIND_OTHER;
  return op->kind == TW_OP_KIND_OTHER && op->flags & TW_OP_ELEMENTWISE ? TW_OP_KIND_ELEMENTWISE : op->kind;
}

static double bytes_of(tw_expr e) { return (double)tw_size_of(e) * (double)tw_dtype_get(tw_dtype_of(e))->size; }

double tw_step_bytes(const tw_step *step) {
  const tw_op *op = tw_op_of(step->node);
  if (step->pass) return step->pass->bytes;
  if (op->bytes) return op->bytes(step->node);
  double bytes = bytes_of(step->node);
  for (int i = 0; i < step->n; i++) bytes += bytes_of(tw_input_of(step->node, i));
  return bytes;
}

double tw_step_flops(const tw_step *step) {
  const tw_op *op = tw_op_of(step->node);
  if (step->pass) return step->pass->flops;
  return op->flops ? op->flops(step->node) : 0;
}

static void put_place(const tw_place *place, tw_text *out) {
  switch (place->space) {
  case TW_IN_WORK: tw_text_printf(out, " work+%zu", place->offset); break;
  case TW_IN_OUTPUT: tw_text_printf(out, " output %d", place->index); break;
  case TW_IN_INPUT: tw_text_printf(out, " input %d", place->index); break;
  case TW_IN_CONSTANT: tw_text_puts(out, " constant"); break;
  }
}

static void describe(const tw_fn *fn, int depth, tw_text *out) {
  char name[64];
  for (int s = 0; s < fn->n_steps; s++) {
    const tw_step *step = &fn->step[s];
    const tw_op *op = tw_op_of(step->node);
    tw_step_name(step, name, sizeof name);
    tw_text_printf(out, "  %4d %5d %11.4g %11.4g  %*s%-*s", s, step->level, tw_step_flops(step), tw_step_bytes(step), 2 * depth, "",
                   64 - 2 * (depth < 8 ? depth : 8), name);
    for (int r = 0; r < step->n_out; r++) put_place(&fn->result[step->first_out + r], out);
    if (step->pass && step->pass->native) tw_text_printf(out, " (%d of %d native)", step->pass->native->n_maps, step->pass->n_instrs);
    if (step->n_segment > 0) tw_text_printf(out, step->n_segment > 1 ? " (segment of %d steps)" : " (segment)", step->n_segment);
    tw_text_puts(out, "\n");
    for (int i = 0; !step->pass && step->prepared && op->function && op->function(step->prepared, i); i++)
      describe(op->function(step->prepared, i), depth + 1, out);
  }
}

void tw_fn_describe(const tw_fn *fn, tw_text *out) {
  if (!fn || !out) return;
  tw_text_puts(out, "  step level       flops       bytes  what                                                             results\n");
  describe(fn, 0, out);
  tw_text_printf(out, "  %d steps, %.4g flops, workspace %zu bytes (largest live set %zu)\n", fn->n_steps, fn->flops, fn->work_bytes,
                 fn->live_bytes);
}
