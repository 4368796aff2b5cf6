/* Which names must be known when the model is read: those that sets, shapes, indices, conditions and options
 * come from. A param among them is a constant of the model and no parameter that a solve could change or
 * differentiate by.
 *
 * One backward pass suffices: a name is used after the statement that defines it, so that all its uses have
 * been seen when its own definition is. Names are marked as words: one that is shadowed is marked too, which
 * costs it derivatives but no correctness. */
#include "model/builder.h"

#include <string.h>

typedef struct marking {
  tw_map *fixed, *dynamic; /* dynamic: variables, and what is computed from them */
  int n_overrides;
  const tw_override_value *overrides;
  bool failed;
} marking;

static void add(marking *m, tw_map *map, const char *name) {
  m->failed |= !tw_map_set(map, name, m);
}

/* ------------------------------------------------------------------ forward: what varies with the variables
 */

static bool is_dynamic(const marking *m, const tw_ast *node) {
  if (!node) return false;
  if (node->kind == TW_AST_BLOCK) return true;
  if (node->kind == TW_AST_NAME && tw_map_get(m->dynamic, node->text)) return true;
  for (int k = 0; k < node->n; k++)
    if (is_dynamic(m, node->child[k])) return true;
  return false;
}

static void find_dynamic(marking *m, const tw_statement *s) {
  for (; s; s = s->next) {
    bool computed = (s->kind == TW_STATE_LET || s->kind == TW_STATE_PARAM) && is_dynamic(m, s->expr);
    if (s->name && (s->kind == TW_STATE_VAR || computed)) add(m, m->dynamic, s->name);
  }
}

/* ------------------------------------------------------------------ backward: what must be known */

static void visit_body(marking *m, tw_statement *body);

/* A condition is decided when the model is read unless it is about variables; `and` is decided part by part.
 */
static void visit(marking *m, const tw_ast *node, bool fixed);
static void visit_condition(marking *m, const tw_ast *node) {
  bool conjunction = node && node->kind == TW_AST_LOGIC && node->link[0].op == TW_TOKEN_AND;
  for (int k = 0; conjunction && k < node->n; k++) visit_condition(m, node->child[k]);
  if (node && !conjunction) visit(m, node, !is_dynamic(m, node));
}

/* Whether argument k of a call must be known; rows(x) and the like look at shapes alone, known or not. */
static bool argument_is_fixed(const tw_ast *call, int k, int *positional, bool fixed) {
  const tw_function *f = tw_function_find(call->text);
  int p = f ? tw_function_parameter(f, call->label[k], *positional) : -1;
  *positional += !call->label[k];
  if (p < 0) return fixed;
  char role = f->roles[p];
  if (role == TW_ROLE_EXTENT) return false;
  return fixed || role == TW_ROLE_INTEGER || role == TW_ROLE_INDICES || role == TW_ROLE_SHAPE;
}

static void visit(marking *m, const tw_ast *node, bool fixed) {
  if (!node) return;
  if (node->kind == TW_AST_BLOCK) {
    visit_body(m, node->body);
    return;
  }
  if (node->kind == TW_AST_NAME && fixed) add(m, m->fixed, node->text);
  int positional = 0;
  for (int k = 0; k < node->n; k++) {
    if (node->kind == TW_AST_LOOP && k == node->n - 1) {
      visit_condition(m, node->child[k]);
      continue;
    }
    bool known = fixed || node->kind == TW_AST_RANGE || node->kind == TW_AST_SLICE ||
                 node->kind == TW_AST_LIST || node->kind == TW_AST_TABLE ||
                 (node->kind == TW_AST_INDEX && k > 0) || (node->kind == TW_AST_LOOP && k > 0);
    if (node->kind == TW_AST_CALL) known = argument_is_fixed(node, k, &positional, fixed);
    visit(m, node->child[k], known);
  }
}

static const tw_ast *value_of(const marking *m, const tw_statement *s) {
  for (int k = 0; s->kind == TW_STATE_PARAM && k < m->n_overrides; k++)
    if (strcmp(m->overrides[k].name, s->name) == 0) return m->overrides[k].value;
  return s->expr;
}

static void visit_statement(marking *m, const tw_statement *s) {
  bool named = s->kind == TW_STATE_PARAM || s->kind == TW_STATE_LET;
  bool fixed =
      s->kind == TW_STATE_SET || s->kind == TW_STATE_SOLVE || (named && tw_map_get(m->fixed, s->name));
  for (int k = 0; k < s->n_index; k++) visit(m, s->index[k], true);
  visit_condition(m, s->filter);
  visit(m, value_of(m, s), fixed);
  visit(m, s->lower, false);
  visit(m, s->upper, false);
  visit(m, s->start, false);
  visit(m, s->domain, s->number != TW_VAR_REAL);
}

/* Last statement first: the list is turned around, and back. */
static void visit_body(marking *m, tw_statement *body) {
  find_dynamic(m, body);
  tw_statement *last = NULL, *next;
  for (tw_statement *s = body; s; s = next) {
    next = s->next;
    s->next = last;
    last = s;
  }
  tw_statement *first = NULL;
  for (tw_statement *s = last; s; s = next) {
    visit_statement(m, s);
    next = s->next;
    s->next = first;
    first = s;
  }
}

tw_map *tw_fixed_names(tw_statement *statements, int n_overrides, const tw_override_value *overrides) {
  marking m = {
      .fixed = tw_map_new(), .dynamic = tw_map_new(), .n_overrides = n_overrides, .overrides = overrides};
  m.failed = !m.fixed || !m.dynamic;
  if (!m.failed) visit_body(&m, statements);
  tw_map_free(m.dynamic);
  if (!m.failed) return m.fixed;
  tw_map_free(m.fixed);
  return NULL;
}
