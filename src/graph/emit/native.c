/* Clusters of plain arithmetic as C: one loop each, in which what is in between lives in variables. Segments of steps: the lines
 * that `talweg compile` would write, but for folds, which keep the library's order. */
#include "graph/emit/native.h"
#include "graph/emit/emit.h"

#include <stdlib.h>

typedef struct cluster_writer {
  const tw_pass *pass;
  const tw_instr *map;
  int n;
  tw_graph *graph;
  tw_text *out;
  char *role; /* per value: what the loop does with it */
} cluster_writer;

enum { UNUSED, READ, MADE };

static bool is_array(const tw_value *value) { return value->kind != TW_VALUE_LOCAL && !tw_value_repeats(value); }

static void find_roles(const cluster_writer *w) {
  for (int k = 0; k < w->pass->n_values; k++) w->role[k] = UNUSED;
  for (int i = 0; i < w->n; i++) {
    for (int k = 0; k < w->map[i].n; k++)
      if (w->role[w->map[i].in[k]] == UNUSED) w->role[w->map[i].in[k]] = READ;
    w->role[w->map[i].out] = MADE;
  }
}

/* Pointers, and values that do not change along the loop. */
static void put_values(const cluster_writer *w) {
  for (int k = 0; k < w->pass->n_values; k++) {
    const tw_value *value = &w->pass->value[k];
    const char *type = tw_c_type(value->dtype);
    if (w->role[k] == UNUSED || value->kind == TW_VALUE_CONSTANT) continue;
    if (is_array(value))
      tw_text_printf(w->out, "  %s%s *const v%d = (%svoid *)at[%d];\n", w->role[k] == READ ? "const " : "", type, k,
                     w->role[k] == READ ? "const " : "", k);
    else if (w->role[k] == READ)
      tw_text_printf(w->out, "  const %s t%d = *(const %s *)at[%d];\n", type, k, type, k);
  }
}

static void put_map(const cluster_writer *w, const tw_instr *instr) {
  tw_text name[TW_MAX_OPERANDS] = {{0}};
  const char *operand[TW_MAX_OPERANDS];
  const char *type = tw_c_type(w->pass->value[instr->out].dtype);
  for (int k = 0; k < instr->n; k++) {
    const tw_value *value = &w->pass->value[instr->in[k]];
    if (value->kind == TW_VALUE_CONSTANT)
      tw_emit_literal(&name[k], value->dtype, &value->bits);
    else
      tw_text_printf(&name[k], "t%d", instr->in[k]);
    if (name[k].failed) w->out->failed = true;
    operand[k] = name[k].data ? name[k].data : "";
  }
  tw_text_printf(w->out, "    const %s t%d = (%s)(", type, instr->out, type);
  tw_emit_put_formula(tw_at(w->graph, instr->node), operand, w->out);
  tw_text_puts(w->out, ");\n");
  for (int k = 0; k < instr->n; k++) tw_text_free(&name[k]);
}

/* Loads before stores: a result may lie where an operand is. */
static void put_cluster(const cluster_writer *w, int32_t number) {
  tw_text_printf(w->out, "void m%d(int64_t n, char *const *at) {\n", number);
  put_values(w);
  if (w->pass->n == 1)
    tw_text_puts(w->out, "  enum { i = 0 };\n  (void)n;\n  {\n");
  else
    tw_text_puts(w->out, "  _Pragma(\"omp simd\") for (int64_t i = 0; i < n; i++) {\n");
  for (int k = 0; k < w->pass->n_values; k++) {
    const tw_value *value = &w->pass->value[k];
    if (w->role[k] == READ && is_array(value)) tw_text_printf(w->out, "    const %s t%d = v%d[i];\n", tw_c_type(value->dtype), k, k);
  }
  for (int i = 0; i < w->n; i++) put_map(w, &w->map[i]);
  for (int k = 0; k < w->pass->n_values; k++)
    if (w->role[k] == MADE && is_array(&w->pass->value[k])) tw_text_printf(w->out, "    v%d[i] = t%d;\n", k, k);
  tw_text_puts(w->out, "  }\n}\n\n");
}

/* ------------------------------------------------------------------ segments */

/* Buffers are one array of their own; what is elsewhere does not overlap it. */
static tw_status put_segment(const tw_fn *fn, const tw_step *first, int *loops, tw_text *out, tw_error *error) {
  const tw_emit_frame frame = {.fn = fn, .by_operand = true};
  tw_emitter e = {.text = out, .indent = 1, .native = true, .loops = *loops, .error = error};
  tw_text_printf(out, "int s%d(const void *const *in, void *const *out, void *memory, rt_loop *const *loop) {\n", first->segment);
  tw_text_puts(out, "  unsigned char *const restrict work = memory;\n");
  for (int k = 0; k < first->n_segment && e.status == TW_OK; k++) tw_emit_step(&e, &frame, &first[k]);
  tw_text_puts(out, "  return 0;\n}\n\n");
  *loops = e.loops;
  if (e.status == TW_OK && e.work_most > 0) return tw_fail(error, TW_ERR_UNSUPPORTED, "a step takes more memory as C");
  return e.status;
}

static tw_status put_segments(const tw_fn *fn, tw_text *out, tw_error *error) {
  tw_status status = TW_OK;
  int loops = 0;
  tw_text_puts(out, "typedef void rt_loop(int64_t rows, int64_t n, const void *const *in, const int64_t *row, const int64_t *step, "
                    "void *out);\n\n");
  for (int s = 0; s < fn->n_steps && status == TW_OK; s++)
    if (fn->step[s].n_segment > 0) status = put_segment(fn, &fn->step[s], &loops, out, error);
  return status;
}

int tw_native_loops(const tw_fn *fn, tw_loop **loop) {
  int n = 0, end = 0;
  for (int s = 0; s < fn->n_steps; s++) {
    if (fn->step[s].n_segment > 0) end = s + fn->step[s].n_segment;
    const tw_pass *pass = s < end ? fn->step[s].pass : NULL;
    for (int i = 0; pass && i < pass->n_instrs; i++) {
      if (!tw_needs_loop(&pass->instr[i], fn->step[s].node.graph)) continue;
      if (loop) loop[n] = pass->instr[i].loop;
      n++;
    }
  }
  return n;
}

/* ------------------------------------------------------------------ all of a function */

static tw_status put_clusters(const tw_fn *fn, tw_text *out, tw_error *error) {
  for (int s = 0; s < fn->n_steps; s++) {
    const tw_pass *pass = fn->step[s].pass ? fn->step[s].pass->native : NULL;
    for (int i = 0; pass && i < pass->n_instrs; i++) {
      const tw_instr *instr = &pass->instr[i];
      if (instr->kind != TW_INSTR_NATIVE) continue;
      cluster_writer w = {pass, pass->map + instr->first, instr->n, fn->step[s].node.graph, out, malloc((size_t)pass->n_values + 1)};
      if (!w.role) return tw_fail(error, TW_ERR_MEMORY, "out of memory writing C");
      find_roles(&w);
      put_cluster(&w, instr->cluster);
      free(w.role);
    }
  }
  return TW_OK;
}

tw_status tw_native_text(const tw_fn *fn, tw_text *out, tw_error *error) {
  tw_text body = {0};
  tw_status status = put_clusters(fn, &body, error);
  if (status == TW_OK) status = put_segments(fn, &body, error);
  tw_text_puts(out, "#include <math.h>\n#include <stdbool.h>\n#include <stdint.h>\n#include <tgmath.h>\n\n");
  if (status == TW_OK) status = tw_emit_runtime(body.data ? body.data : "", out, error);
  if (body.data) tw_text_append(out, body.data, body.length);
  if (status == TW_OK && (body.failed || out->failed)) status = tw_fail(error, TW_ERR_MEMORY, "out of memory writing C");
  tw_text_free(&body);
  return status;
}
