/* Builder: statements that give names to things: set, param, let, var. */
#include "model/builder.h"

#include <math.h>
#include <string.h>

bool tw_build_declare(tw_builder *b, const tw_statement *s, tw_symbol_kind kind, tw_symbol **out) {
  tw_symbol *older = tw_scope_find_here(b->scope, s->name);
  if (older) {
    int64_t line, column;
    tw_place_position(older->place, &line, &column);
    return tw_build_fail(b, tw_statement_place(s), TW_ERR_NAME,
                         "the name `%.64s` is taken by the %s of line %lld, expected another name", s->name,
                         tw_symbol_kind_name(older->kind), (long long)line);
  }
  tw_symbol *symbol = tw_build_alloc(b, 1, sizeof *symbol);
  if (!symbol) return false;
  symbol->kind = kind;
  symbol->name = s->name;
  symbol->place = tw_statement_place(s);
  symbol->value = tw_value_of(TW_NONE);
  symbol->position = TW_NONE;
  *out = symbol;
  return true;
}

static bool add(tw_builder *b, tw_symbol *symbol) {
  return tw_scope_add(b->scope, symbol) || tw_build_memory(b, symbol->place);
}

static bool build_set(tw_builder *b, const tw_statement *s) {
  tw_symbol *symbol;
  const tw_index_set *set;
  if (!tw_build_declare(b, s, TW_SYMBOL_SET, &symbol) || !tw_build_set(b, s->expr, &set)) return false;
  tw_index_set *named = tw_build_alloc(b, 1, sizeof *named);
  if (!named) return false;
  *named = *set;
  named->name = s->name;
  symbol->set = named;
  return add(b, symbol);
}

static bool build_let(tw_builder *b, const tw_statement *s) {
  tw_symbol *symbol;
  if (!tw_build_declare(b, s, TW_SYMBOL_LET, &symbol) || !tw_build(b, s->expr, &symbol->value)) return false;
  symbol->value.index = NULL;
  return add(b, symbol);
}

bool tw_build_broadcast(tw_builder *b, tw_place place, const char *what, tw_value *value, const tw_shape *shape) {
  tw_shape have = tw_value_shape(value), joint;
  char text[TW_SHAPE_TEXT], want[TW_SHAPE_TEXT];
  if (!tw_shape_broadcast(&have, shape, &joint) || !tw_shape_equal(&joint, shape))
    return tw_build_fail(b, place, TW_ERR_SHAPE, "%s of shape %s, expected %s or a shape that broadcasts to it", what,
                         tw_shape_text(&have, text), tw_shape_text(shape, want));
  value->expr = tw_broadcast(value->expr, *shape);
  return tw_build_check(b, place);
}

bool tw_build_on_variables(const tw_builder *b, tw_expr e) {
  for (const tw_body_site *site = b->site; site; site = NULL)
    for (int i = 0; i < tw_problem_variables(site->problem); i++) {
      tw_expr x = tw_problem_variable_at(site->problem, i)->expr;
      if (tw_depends(e, 1, &x)) return true;
    }
  return false;
}

/* ------------------------------------------------------------------ param */

static tw_override_value *find_override(const tw_builder *b, const char *name) {
  for (int k = 0; k < b->n_overrides && !b->site->outer; k++)
    if (strcmp(b->overrides[k].name, name) == 0) return &b->overrides[k];
  return NULL;
}

/* An array known now becomes a parameter of the problem, or a constant when sizes come from it or the problem is nested. */
static bool settle(tw_builder *b, const tw_statement *s, tw_symbol *symbol, const tw_array *array) {
  symbol->fixed = b->site->outer || tw_map_get(b->fixed, s->name);
  if (symbol->fixed) {
    symbol->value.expr = tw_constant(b->graph, array);
    return tw_build_check(b, symbol->place);
  }
  tw_array real;
  if (tw_array_copy(&real, array, TW_F64, NULL) != TW_OK) return tw_build_memory(b, symbol->place);
  symbol->value.expr = tw_problem_parameter(b->site->problem, s->name, &real);
  symbol->value.varies = true;
  tw_array_free(&real);
  return tw_build_check(b, symbol->place);
}

static bool param_expression(tw_builder *b, const tw_statement *s, const tw_ast *expr, const tw_shape *shape,
                             tw_symbol *symbol) {
  tw_value value;
  tw_array array;
  if (!tw_build_array(b, expr, &value)) return false;
  if (s->n_index > 0 && !tw_build_broadcast(b, tw_build_begin(expr), "a value", &value, shape)) return false;
  if (s->n_index == 0) memcpy(symbol->value.axis, value.axis, sizeof value.axis);
  if (!tw_value_constant(&value)) { /* computed from other params: a formula */
    if (tw_map_get(b->fixed, s->name)) return tw_build_not_constant(b, expr, "a param that sizes or indices come from");
    symbol->value.expr = value.expr;
    symbol->value.varies = true;
    return true;
  }
  if (!tw_build_evaluate(b, expr, &value, &array)) return false;
  bool good = settle(b, s, symbol, &array);
  tw_array_free(&array);
  return good;
}

bool tw_build_param(tw_builder *b, const tw_statement *s) {
  tw_symbol *symbol;
  tw_shape shape = TW_SCALAR;
  if (!tw_build_declare(b, s, TW_SYMBOL_PARAM, &symbol)) return false;
  if (!tw_build_shape(b, s, &shape, symbol->value.axis)) return false;
  tw_override_value *override = find_override(b, s->name);
  if (override) override->used = true;
  const tw_ast *expr = override ? override->value : s->expr;
  if (!expr)
    return tw_build_fail(b, symbol->place, TW_ERR_DATA, "param `%.64s` has no value, expected `= value` here or --set %.64s=VALUE",
                         s->name, s->name);
  if (expr->kind == TW_AST_TABLE) {
    tw_array array;
    if (!tw_build_table(b, expr, s->name, &shape, symbol->value.axis, &array)) return false;
    bool good = settle(b, s, symbol, &array);
    tw_array_free(&array);
    return good && add(b, symbol);
  }
  return param_expression(b, s, expr, &shape, symbol) && add(b, symbol);
}

/* ------------------------------------------------------------------ var */

/* A bound or start: broadcast to the variable, free of variables. */
static bool var_array(tw_builder *b, const tw_statement *s, const tw_ast *node, const char *what, const tw_symbol *symbol,
                      const tw_shape *shape, tw_expr *out) {
  *out = TW_NONE;
  if (!node) return true;
  tw_value value;
  if (node->kind == TW_AST_TABLE) {
    tw_array array;
    if (!tw_build_table(b, node, s->name, shape, symbol->value.axis, &array)) return false;
    value = tw_value_of(tw_constant(b->graph, &array));
    tw_array_free(&array);
  } else if (!tw_build_array(b, node, &value)) {
    return false;
  }
  if (!tw_build_check(b, tw_build_begin(node))) return false;
  if (tw_build_on_variables(b, value.expr))
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT, "%s depends on a variable, expected params and numbers; "
                         "state a constraint instead: subject to ..", what);
  value.expr = tw_build_real(value.expr);
  if (!tw_build_broadcast(b, tw_build_begin(node), what, &value, shape)) return false;
  *out = value.expr;
  return true;
}

static bool unknown_domain(tw_builder *b, const tw_ast *node, const char *name) {
  char hint[96];
  tw_nearest nearest = tw_nearest_start(name);
  for (const tw_domain_kind *const *k = tw_domain_kinds(); *k; k++) tw_nearest_offer(&nearest, (*k)->name);
  return tw_build_fail(b, tw_build_begin(node), TW_ERR_NAME, "unknown set `%.64s`%s", name, tw_nearest_text(&nearest, hint));
}

static bool var_domain(tw_builder *b, const tw_statement *s, const tw_symbol *symbol, const tw_shape *shape) {
  const tw_ast *node = s->domain;
  bool call = node->kind == TW_AST_CALL;
  if (!call && node->kind != TW_AST_NAME)
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT,
                         "expected a set such as simplex, ball(2) or box(0, 1)%s",
                         node->kind == TW_AST_RANGE ? "; integers are declared by `integer in a..b`" : "");
  const tw_domain_kind *kind = tw_domain_find(node->text);
  if (!kind) return unknown_domain(b, node, node->text);
  int n = call ? node->n : 0;
  tw_expr param[TW_DOMAIN_PARAMS] = {TW_NONE, TW_NONE, TW_NONE};
  if (n < kind->min_params || n > kind->max_params)
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT, "%s takes (%s), got %d argument%s", kind->name, kind->params,
                         n, n == 1 ? "" : "s");
  for (int k = 0; k < n; k++) {
    tw_value value;
    if (!tw_build_array(b, node->child[k], &value)) return false;
    param[k] = tw_build_real(value.expr);
  }
  tw_problem_domain(b->site->problem, symbol->value.expr, tw_domain_make(b->graph, kind, *shape, n, param));
  return tw_build_check(b, tw_build_begin(node));
}

/* integer in a..b, binary */
static bool var_number(tw_builder *b, const tw_statement *s, tw_expr x, tw_expr *lower, tw_expr *upper) {
  tw_problem_kind(b->site->problem, x, s->number == TW_VAR_BINARY ? TW_BINARY : TW_INTEGER);
  int64_t first = 0, last = 1;
  if (s->number == TW_VAR_INTEGER) {
    if (!s->domain) return true;
    if (s->domain->kind != TW_AST_RANGE)
      return tw_build_fail(b, tw_build_begin(s->domain), TW_ERR_ARGUMENT, "expected a range of integers: integer in 0..10");
    if (!tw_build_integer(b, s->domain->child[0], "the smallest value", &first) ||
        !tw_build_integer(b, s->domain->child[1], "the largest value", &last))
      return false;
  }
  *lower = tw_fill_like(x, (double)first);
  *upper = tw_fill_like(x, (double)last);
  return true;
}

bool tw_build_var(tw_builder *b, const tw_statement *s) {
  tw_symbol *symbol;
  tw_shape shape;
  tw_expr lower, upper, start;
  if (!tw_build_declare(b, s, TW_SYMBOL_VAR, &symbol)) return false;
  if (!tw_build_shape(b, s, &shape, symbol->value.axis)) return false;
  tw_problem *p = b->site->problem;
  tw_expr x = symbol->value.expr = tw_problem_variable(p, s->name, shape);
  symbol->value.varies = true;
  if (!tw_build_check(b, symbol->place)) return false;
  if (!var_array(b, s, s->lower, "a lower bound", symbol, &shape, &lower) ||
      !var_array(b, s, s->upper, "an upper bound", symbol, &shape, &upper) ||
      !var_array(b, s, s->start, "a start", symbol, &shape, &start))
    return false;
  if (s->number && !var_number(b, s, x, &lower, &upper)) return false;
  if (!tw_is_none(lower) || !tw_is_none(upper)) tw_problem_bounds(p, x, lower, upper);
  if (!tw_is_none(start)) tw_problem_start(p, x, start);
  if (s->domain && !s->number && !var_domain(b, s, symbol, &shape)) return false;
  return tw_build_check(b, symbol->place) && add(b, symbol);
}

/* ------------------------------------------------------------------ all statements */

static bool build_title(tw_builder *b, const tw_statement *s);

static bool build_statement(tw_builder *b, const tw_statement *s) {
  switch (s->kind) {
  case TW_STATE_MODEL: return build_title(b, s);
  case TW_STATE_SET: return build_set(b, s);
  case TW_STATE_PARAM: return tw_build_param(b, s);
  case TW_STATE_VAR: return tw_build_var(b, s);
  case TW_STATE_LET: return build_let(b, s);
  case TW_STATE_MINIMIZE:
  case TW_STATE_MAXIMIZE: return tw_build_objective(b, s);
  case TW_STATE_SUBJECT: return tw_build_constraint(b, s);
  case TW_STATE_SOLVE: return tw_build_method(b, s);
  case TW_STATE_REPORT: return tw_build_report(b, s);
  case TW_STATE_MAP: return tw_build_map(b, s);
  }
  return true;
}

/* The title is read by tw_model_title from the statements. */
static bool build_title(tw_builder *b, const tw_statement *s) {
  return !b->site->outer || tw_build_fail(b, tw_statement_place(s), TW_ERR_ARGUMENT, "a nested problem has no title");
}

bool tw_build_statements(tw_builder *b, const tw_statement *statements) {
  for (const tw_statement *s = statements; s; s = s->next)
    if (!build_statement(b, s)) return false;
  return true;
}
