/* The native form of a pass: maps of plain arithmetic are gathered in clusters, each one loop of compiled code in which
 * everything in between is a variable. Views, look-ups, functions of a mathematical library and folds stay as they are, so
 * that the bits are the same with and without a compiler. */
#include "graph/plan/pass.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* No calls but those that compilers turn into an instruction. */
bool tw_is_plain(tw_expr node) {
  static const char *const word[] = {"fabs", "floor", "ceil", "rint", "sqrt", "negative"};
  if (!tw_op_of(node)->formula) return false;
  const char *formula = tw_op_of(node)->formula(node);
  for (const char *p = strchr(formula, '('); p; p = strchr(p + 1, '(')) {
    const char *start = p;
    while (start > formula && (isalnum((unsigned char)start[-1]) || start[-1] == '_')) start--;
    bool known = start == p;
    for (size_t k = 0; k < sizeof word / sizeof *word && !known; k++)
      known = strlen(word[k]) == (size_t)(p - start) && strncmp(word[k], start, (size_t)(p - start)) == 0;
    if (!known) return false;
  }
  return true;
}

typedef struct scheduler {
  const tw_pass *from;
  tw_pass *to;
  bool *plain, *done; /* per instruction of `from` */
  bool *ready;        /* per value */
  int left;
} scheduler;

static bool can_run(const scheduler *s, int i) {
  const tw_instr *instr = &s->from->instr[i];
  for (int k = 0; k < instr->n; k++)
    if (!s->ready[instr->in[k]]) return false;
  return !s->done[i];
}

static void finish(scheduler *s, int i) {
  s->done[i] = true;
  s->left--;
  if (s->from->instr[i].kind != TW_INSTR_FOLD) s->ready[s->from->instr[i].out] = true;
}

/* All that can run now and is no plain arithmetic. */
static bool schedule_others(scheduler *s) {
  bool any = false;
  for (int i = 0; i < s->from->n_instrs; i++) {
    if (s->plain[i] || !can_run(s, i)) continue;
    s->to->instr[s->to->n_instrs++] = s->from->instr[i];
    finish(s, i);
    any = true;
  }
  return any;
}

/* All plain arithmetic that can run now, what it makes possible included. */
static bool schedule_cluster(scheduler *s, int32_t *clusters) {
  const int first = s->to->n_maps;
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < s->from->n_instrs; i++) {
      if (!s->plain[i] || !can_run(s, i)) continue;
      s->to->map[s->to->n_maps++] = s->from->instr[i];
      finish(s, i);
      more = true;
    }
  }
  const int n = s->to->n_maps - first;
  if (n == 0) return false;
  tw_instr *instr = &s->to->instr[s->to->n_instrs++];
  if (n == 1) {
    *instr = s->to->map[--s->to->n_maps];
    return true;
  }
  *instr = (tw_instr){.kind = TW_INSTR_NATIVE, .node = s->to->map[first].node, .n = n, .array = -1, .out = -1, .first = first};
  instr->cluster = (*clusters)++;
  return true;
}

/* Block values that only one cluster knows are variables in it. */
static bool find_locals(tw_pass *pass) {
  int32_t *home = malloc(((size_t)pass->n_values + 1) * sizeof *home); /* -2: unseen, -1: seen outside */
  for (int k = 0; home && k < pass->n_values; k++) home[k] = -2;
  for (int i = 0; home && i < pass->n_instrs; i++) {
    const tw_instr *instr = &pass->instr[i];
    const bool native = instr->kind == TW_INSTR_NATIVE;
    const tw_instr *part = native ? pass->map + instr->first : instr;
    for (int p = 0; p < (native ? instr->n : 1); p++)
      for (int k = 0; k <= part[p].n; k++) {
        if (k == part[p].n && part[p].kind == TW_INSTR_FOLD) continue;
        int32_t *at = &home[k < part[p].n ? part[p].in[k] : part[p].out];
        *at = !native || (*at >= 0 && *at != i) ? -1 : *at == -2 ? i : *at;
      }
  }
  for (int k = 0; home && k < pass->n_values; k++)
    if (pass->value[k].kind == TW_VALUE_BLOCK && home[k] >= 0) pass->value[k].kind = TW_VALUE_LOCAL;
  free(home);
  return home != NULL;
}

static bool schedule(scheduler *s, tw_graph *graph, int32_t *clusters) {
  const tw_pass *from = s->from;
  for (int i = 0; i < from->n_instrs; i++) {
    s->plain[i] = from->instr[i].kind == TW_INSTR_MAP && tw_is_plain(tw_at(graph, from->instr[i].node));
    if (from->instr[i].kind != TW_INSTR_FOLD) s->ready[from->instr[i].out] = false;
  }
  for (s->left = from->n_instrs; s->left > 0;) {
    const bool a = schedule_others(s), b = schedule_cluster(s, clusters);
    if (!a && !b) return false;
  }
  return true;
}

bool tw_pass_cluster(tw_pass *pass, tw_graph *graph, int32_t *clusters) {
  const size_t n = (size_t)pass->n_instrs + 1, values = (size_t)pass->n_values + 1;
  tw_pass *to = calloc(1, sizeof *to);
  if (!to) return false;
  *to = (tw_pass){.n = pass->n, .n_values = pass->n_values, .n_operands = pass->n_operands, .n_results = pass->n_results};
  to->value = malloc(values * sizeof *to->value);
  to->instr = calloc(n, sizeof *to->instr);
  to->map = calloc(n, sizeof *to->map);
  scheduler s = {.from = pass, .to = to, .plain = calloc(n, 1), .done = calloc(n, 1), .ready = malloc(values)};
  bool ok = to->value && to->instr && to->map && s.plain && s.done && s.ready;
  if (ok) {
    memset(s.ready, 1, values);
    memcpy(to->value, pass->value, (values - 1) * sizeof *to->value);
    for (int k = 0; k < to->n_values; k++)
      if (to->value[k].kind == TW_VALUE_BLOCK) to->value[k].at = -1;
    ok = schedule(&s, graph, clusters) && find_locals(to) && tw_pass_set_slots(to);
  }
  free(s.plain);
  free(s.done);
  free(s.ready);
  if (!ok || to->n_maps == 0) {
    tw_pass_free(to);
    return ok;
  }
  to->operand = pass->operand;
  to->result = pass->result;
  pass->native = to;
  return true;
}
