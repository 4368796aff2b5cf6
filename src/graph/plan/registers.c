/* Block registers of a pass by liveness, and the lifetimes of its operands. */
#include "graph/plan/pass.h"

#include <stdlib.h>

/* The values instruction i reads and writes: its own, and those of the maps it is made of. */
typedef void value_visitor(void *context, int instr, int32_t value, bool writes);

static void visit_values(const tw_pass *pass, int i, value_visitor *visit, void *context) {
  const tw_instr *instr = &pass->instr[i];
  const bool native = instr->kind == TW_INSTR_NATIVE;
  const tw_instr *part = native ? pass->map + instr->first : instr;
  const int parts = native ? instr->n : 1;
  for (int p = 0; p < parts; p++) {
    for (int k = 0; k < part[p].n; k++) visit(context, i, part[p].in[k], false);
    if (part[p].kind != TW_INSTR_FOLD) visit(context, i, part[p].out, true);
  }
}

typedef struct allocation {
  tw_pass *pass;
  int32_t *last, *idle, n_idle;
} allocation;

static void note_last(void *context, int i, int32_t value, bool writes) {
  allocation *a = context;
  (void)writes;
  a->last[value] = i;
}

/* A loop may write over an operand whose elements have its own size. */
static void take_over(allocation *a, int i) {
  const tw_instr *instr = &a->pass->instr[i];
  if (instr->kind != TW_INSTR_MAP) return;
  tw_value *out = &a->pass->value[instr->out];
  for (int k = 0; k < instr->n && out->kind == TW_VALUE_BLOCK && out->at < 0; k++) {
    const tw_value *in = &a->pass->value[instr->in[k]];
    if (in->kind != TW_VALUE_BLOCK || a->last[instr->in[k]] != i || in->bytes != out->bytes) continue;
    out->at = in->at;
    a->last[instr->in[k]] = -1; /* its register lives on */
  }
}

static void give_new(void *context, int i, int32_t value, bool writes) {
  allocation *a = context;
  tw_value *out = &a->pass->value[value];
  (void)i;
  if (writes && out->kind == TW_VALUE_BLOCK && out->at < 0) out->at = a->n_idle > 0 ? a->idle[--a->n_idle] : a->pass->slots++;
}

static void take_back(void *context, int i, int32_t value, bool writes) {
  allocation *a = context;
  const tw_value *v = &a->pass->value[value];
  if (writes || v->kind != TW_VALUE_BLOCK || a->last[value] != i) return;
  a->last[value] = -1; /* an operand may occur twice */
  a->idle[a->n_idle++] = v->at;
}

bool tw_pass_set_slots(tw_pass *pass) {
  const size_t n = (size_t)pass->n_values + 1;
  allocation a = {.pass = pass, .last = malloc(n * sizeof *a.last), .idle = malloc(n * sizeof *a.idle)};
  const bool ok = a.last && a.idle;
  for (int i = 0; ok && i < pass->n_instrs; i++) visit_values(pass, i, note_last, &a);
  for (int i = 0; ok && i < pass->n_instrs; i++) {
    take_over(&a, i);
    visit_values(pass, i, give_new, &a);
    visit_values(pass, i, take_back, &a);
  }
  free(a.last);
  free(a.idle);
  return ok;
}

static void note_read(void *context, int i, int32_t value, bool writes) {
  tw_pass *pass = context;
  const tw_value *in = &pass->value[value];
  if (writes) return;
  if (in->kind == TW_VALUE_SCALAR) pass->last[in->at] = INT32_MAX;
  if (in->kind == TW_VALUE_OPERAND && pass->last[in->at] < i) pass->last[in->at] = i;
}

/* Until when each operand is read element by element, for results that may take its memory. */
bool tw_pass_set_last_reads(tw_pass *pass) {
  pass->last = calloc((size_t)pass->n_operands + 1, sizeof *pass->last);
  for (int i = 0; pass->last && i < pass->n_instrs; i++) {
    const tw_instr *instr = &pass->instr[i];
    if (instr->array >= 0) pass->last[instr->array] = INT32_MAX;
    for (int d = 0; instr->kind == TW_INSTR_SLIDE && d < instr->rank; d++)
      for (int t = 0; t < instr->affine[d].n; t++) pass->last[instr->affine[d].scalar[t]] = INT32_MAX;
    visit_values(pass, i, note_read, pass);
  }
  return pass->last != NULL;
}
