/* Names that sizes, sets and indices come from. What they stand for must be known when the model is read, so a param among
 * them is a constant of the model and no parameter that a solve could change. */
#include "model/builder.h"

#include <string.h>

typedef struct marking {
  tw_map *names;
  bool grew, failed;
} marking;

static bool is_marked(const marking *m, const char *name) { return tw_map_get(m->names, name) != NULL; }

static void mark(marking *m, const char *name) {
  if (is_marked(m, name)) return;
  m->grew = true;
  if (!tw_map_set(m->names, name, m)) m->failed = true;
}

/* Marks every name of an expression that decides a size. rows(x) and the like read shapes alone, not values. */
static void mark_all(marking *m, const tw_ast *node) {
  if (!node || node->kind == TW_AST_BLOCK) return;
  if (node->kind == TW_AST_NAME) mark(m, node->text);
  for (int k = 0; k < node->n; k++) {
    const tw_function *function = node->kind == TW_AST_CALL ? tw_function_find(node->text) : NULL;
    int p = function ? tw_function_parameter(function, node, k) : -1;
    if (p >= 0 && function->roles[p] == TW_ROLE_EXTENT) continue;
    mark_all(m, node->child[k]);
  }
}

static void visit_statements(marking *m, const tw_statement *s);

/* Finds the places in an expression where names decide sizes. */
static void visit(marking *m, const tw_ast *node) {
  if (!node) return;
  if (node->kind == TW_AST_BLOCK) {
    visit_statements(m, node->body);
    return;
  }
  const tw_function *function = node->kind == TW_AST_CALL ? tw_function_find(node->text) : NULL;
  for (int k = 0; k < node->n; k++) {
    bool decides = (node->kind == TW_AST_INDEX && k > 0) || node->kind == TW_AST_RANGE || node->kind == TW_AST_SLICE ||
                   (node->kind == TW_AST_LOOP && k > 0);
    if (function) {
      int p = tw_function_parameter(function, node, k);
      char role = p >= 0 && p < (int)strlen(function->roles) ? function->roles[p] : TW_ROLE_VALUE;
      decides = role == TW_ROLE_INTEGER || role == TW_ROLE_INDICES || role == TW_ROLE_SHAPE;
    }
    if (decides) mark_all(m, node->child[k]);
    visit(m, node->child[k]);
  }
}

static void visit_statements(marking *m, const tw_statement *s) {
  for (; s; s = s->next) {
    for (int k = 0; k < s->n_index; k++) {
      mark_all(m, s->index[k]);
      visit(m, s->index[k]);
    }
    mark_all(m, s->filter);
    if (s->kind == TW_STATE_SET) mark_all(m, s->expr);
    if (s->number == TW_VAR_INTEGER && s->domain) mark_all(m, s->domain);
    /* What a fixed name is computed from is fixed too. */
    if (s->name && (s->kind == TW_STATE_PARAM || s->kind == TW_STATE_LET) && is_marked(m, s->name)) mark_all(m, s->expr);
    const tw_ast *const parts[] = {s->expr, s->lower, s->upper, s->start, s->domain, s->filter};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) visit(m, parts[k]);
  }
}

tw_map *tw_fixed_names(const tw_statement *statements, int n_overrides, const tw_override_value *overrides) {
  marking m = {.names = tw_map_new()};
  if (!m.names) return NULL;
  do {
    m.grew = false;
    visit_statements(&m, statements);
    for (int k = 0; k < n_overrides; k++)
      if (is_marked(&m, overrides[k].name)) mark_all(&m, overrides[k].value);
  } while (m.grew && !m.failed);
  if (!m.failed) return m.names;
  tw_map_free(m.names);
  return NULL;
}
