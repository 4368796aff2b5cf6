/* Steps: one for every pass and for every node computed by its kernel, ordered by level and then depth first, so that what is
 * computed is read soon. */
#include "graph/plan/planner.h"

#include <stdlib.h>
#include <string.h>

typedef struct step_list {
  tw_planner *p;
  tw_step *step; /* as made */
  int32_t n, *order; /* .. and as run */
  int32_t *member, *start; /* needed nodes by group: member[start[g] ..], g a dense number of the group */
  size_t operands, results;
} step_list;

static tw_status no_memory(tw_planner *p) { return tw_fail(p->error, TW_ERR_MEMORY, "function: out of memory"); }

static bool is_computed(const tw_planner *p, int32_t id) {
  const tw_fact *fact = &p->fact[id];
  return fact->needed && fact->role != TW_ROLE_LEAF && fact->role != TW_ROLE_ALIAS;
}

/* Needed members of every group, in topological order. */
static bool collect(step_list *l) {
  tw_planner *p = l->p;
  int32_t *count = calloc((size_t)p->count + 2, sizeof *count), groups = 0;
  l->member = malloc(((size_t)p->count + 1) * sizeof *l->member);
  l->start = calloc((size_t)p->count + 2, sizeof *l->start);
  const bool ok = count && l->member && l->start;
  for (int pass = 0; ok && pass < 2; pass++) {
    for (int32_t k = 0; k < p->count; k++) {
      const int32_t id = p->order[k], group = tw_group_of(p, id);
      if (!is_computed(p, id) || group < 0) continue;
      if (pass == 0 && p->fact[group].number < 0) p->fact[group].number = groups++;
      const int32_t g = p->fact[group].number;
      if (pass == 0)
        l->start[g + 1]++;
      else
        l->member[l->start[g] + count[g]++] = id;
    }
    for (int32_t g = 0; pass == 0 && g < groups; g++) l->start[g + 1] += l->start[g];
  }
  free(count);
  return ok;
}

static bool add_ids(int32_t **list, size_t *capacity, int *count, const int32_t *ids, int n) {
  int32_t *grown = tw_grow(*list, capacity, (size_t)(*count + n) + 1, sizeof *grown);
  if (!grown) return false;
  *list = grown;
  if (n) memcpy(grown + *count, ids, (size_t)n * sizeof *ids);
  *count += n;
  return true;
}

/* Appends a step with these operands and results. */
static bool add_step(step_list *l, int32_t id, tw_pass *pass, const int32_t *in, int n_in, const int32_t *out, int n_out) {
  tw_planner *p = l->p;
  tw_step *step = &l->step[l->n];
  *step = (tw_step){.node = tw_at(p->graph, id), .pass = pass, .level = p->fact[id].level, .n = n_in, .n_out = n_out};
  step->first_in = p->fn->n_operands;
  step->first_out = p->fn->n_results;
  for (int k = 0; k < n_out; k++) p->fact[out[k]].step = l->n;
  l->n++;
  return add_ids(&p->operand, &l->operands, &p->fn->n_operands, in, n_in) &&
         add_ids(&p->result, &l->results, &p->fn->n_results, out, n_out);
}

static bool add_pass(step_list *l, int32_t group, int32_t g) {
  const int32_t *member = l->member + l->start[g];
  tw_pass *pass = tw_pass_make(l->p, group, member, l->start[g + 1] - l->start[g]);
  if (!pass) return false;
  l->p->fn->flops += pass->flops;
  l->p->fn->gain += pass->gain;
  return add_step(l, member[0], pass, pass->operand, pass->n_operands, pass->result, pass->n_results);
}

static bool add_all(step_list *l) {
  tw_planner *p = l->p;
  for (int32_t k = 0; k < p->count; k++) {
    const int32_t id = p->order[k], group = tw_group_of(p, id);
    if (!is_computed(p, id)) continue;
    if (group >= 0) {
      const int32_t g = p->fact[group].number;
      if (l->member[l->start[g]] == id && !add_pass(l, group, g)) return false;
      continue;
    }
    const tw_node_data *node = tw_node_at(p->graph, id);
    if (!add_step(l, id, NULL, node->in, node->n, &id, 1)) return false;
    if (node->op->flops) p->fn->flops += node->op->flops(tw_at(p->graph, id));
  }
  return true;
}

/* ------------------------------------------------------------------ order */

typedef struct frame {
  int32_t step, next;
} frame;

/* Appends `root` after the steps of its level that it reads, without recursion. */
static void visit(step_list *l, bool *seen, frame *stack, int32_t root, int32_t *count) {
  const tw_planner *p = l->p;
  int32_t depth = 0;
  if (seen[root]) return;
  seen[root] = true;
  stack[depth++] = (frame){root, 0};
  while (depth > 0) {
    frame *top = &stack[depth - 1];
    const tw_step *step = &l->step[top->step];
    if (top->next == step->n) {
      l->order[(*count)++] = top->step;
      depth--;
      continue;
    }
    const int32_t in = p->operand[step->first_in + top->next++];
    const int32_t from = p->fact[p->fact[in].base].step;
    if (from < 0 || seen[from] || l->step[from].level != step->level) continue;
    seen[from] = true;
    stack[depth++] = (frame){from, 0};
  }
}

static bool put_in_order(step_list *l) {
  tw_planner *p = l->p;
  bool *seen = calloc((size_t)l->n + 1, sizeof *seen);
  frame *stack = malloc(((size_t)l->n + 1) * sizeof *stack);
  l->order = malloc(((size_t)l->n + 1) * sizeof *l->order);
  p->fn->step = calloc((size_t)l->n + 1, sizeof *p->fn->step);
  const bool ok = seen && stack && l->order && p->fn->step;
  int32_t count = 0;
  for (int level = -1; ok && level <= p->fn->max_level; level++)
    for (int32_t s = 0; s < l->n; s++)
      if (l->step[s].level == level) visit(l, seen, stack, s, &count);
  for (int32_t s = 0; ok && s < l->n; s++) {
    p->fn->step[s] = l->step[l->order[s]];
    for (int k = 0; k < p->fn->step[s].n_out; k++) p->fact[p->result[p->fn->step[s].first_out + k]].step = s;
  }
  if (ok) p->fn->n_steps = l->n;
  free(seen);
  free(stack);
  return ok;
}

tw_status tw_make_steps(tw_planner *p) {
  step_list l = {.p = p, .step = calloc((size_t)p->count + 1, sizeof *l.step)};
  bool ok = l.step && collect(&l);
  ok = ok && add_all(&l) && put_in_order(&l);
  if (!ok)
    for (int32_t s = 0; l.step && !p->fn->n_steps && s < l.n; s++) tw_pass_free(l.step[s].pass);
  free(l.step);
  free(l.order);
  free(l.member);
  free(l.start);
  return ok ? TW_OK : no_memory(p);
}
