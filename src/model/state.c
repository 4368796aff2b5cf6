/* Builder: statements of what is wanted: objective, constraints, method, reports, fixed-point maps; and nested problems. */
#include "model/builder.h"

#include <string.h>

/* ------------------------------------------------------------------ objective */

bool tw_build_objective(tw_builder *b, const tw_statement *s) {
  tw_value value;
  char text[TW_SHAPE_TEXT];
  if (b->site->objective.source) {
    int64_t line, column;
    tw_place_position(b->site->objective, &line, &column);
    return tw_build_fail(b, (tw_place){s->source, s->at}, TW_ERR_ARGUMENT,
                         "a second objective, expected the one of line %lld alone", (long long)line);
  }
  if (!tw_build_array(b, s->expr, &value)) return false;
  tw_shape shape = tw_value_shape(&value);
  if (shape.rank > 0)
    return tw_build_fail(b, tw_build_begin(s->expr), TW_ERR_SHAPE, "an objective of shape %s, expected a number; sum(..) adds up an array",
                         tw_shape_text(&shape, text));
  value.expr = tw_build_real(value.expr);
  b->site->objective = (tw_place){s->source, s->at};
  if (s->kind == TW_STATE_MINIMIZE)
    tw_problem_minimize(b->site->problem, s->name, value.expr);
  else
    tw_problem_maximize(b->site->problem, s->name, value.expr);
  if (!tw_build_check(b, tw_build_begin(s->expr))) return false;
  if (!s->name) return true;
  tw_symbol *symbol;
  if (!tw_build_declare(b, s, TW_SYMBOL_OBJECTIVE, &symbol)) return false;
  symbol->value = value;
  return tw_scope_add(b->scope, symbol) || tw_build_memory(b, symbol->place);
}

/* ------------------------------------------------------------------ constraints */

/* lower <= body <= upper, each an array or none. */
typedef struct row {
  tw_value body, lower, upper;
  bool has_lower, has_upper, equal;
} row;

static bool strict(tw_builder *b, const tw_ast *node, int link) {
  tw_token_kind op = node->link[link].op;
  if (op == TW_TOKEN_LT || op == TW_TOKEN_GT)
    return tw_build_fail(b, tw_ast_link_place(node, link), TW_ERR_ARGUMENT,
                         "a strict inequality has no solution on its edge, expected `%s`", op == TW_TOKEN_LT ? "<=" : ">=");
  if (op == TW_TOKEN_NE)
    return tw_build_fail(b, tw_ast_link_place(node, link), TW_ERR_ARGUMENT, "`!=` is no constraint, expected `==`, `<=` or `>=`");
  return true;
}

/* left op right: what depends on variables goes into the body, the rest is its bound. */
static bool two_sides(tw_builder *b, const tw_ast *node, row *r) {
  tw_value left, right;
  tw_token_kind op = node->link[0].op;
  if (!tw_build_array(b, node->child[0], &left) || !tw_build_array(b, node->child[1], &right)) return false;
  bool on_left = tw_build_on_variables(b, left.expr), on_right = tw_build_on_variables(b, right.expr);
  tw_value zero = tw_value_of(tw_integer(b->graph, 0)), bound = zero;
  if (on_left && !on_right) {
    r->body = left;
    bound = right;
  } else if (on_right && !on_left) {
    r->body = right;
    bound = left;
    op = op == TW_TOKEN_LE ? TW_TOKEN_GE : op == TW_TOKEN_GE ? TW_TOKEN_LE : op;
  } else if (!tw_build_operator(b, TW_TOKEN_MINUS, tw_ast_link_place(node, 0), &left, &right, &r->body)) {
    return false;
  }
  r->equal = op == TW_TOKEN_EQ;
  r->has_lower = op != TW_TOKEN_LE;
  r->has_upper = op != TW_TOKEN_GE;
  r->lower = r->upper = bound;
  return true;
}

/* low <= body <= high, or the other way round. */
static bool three_sides(tw_builder *b, const tw_ast *node, row *r) {
  tw_value first, last;
  tw_token_kind op = node->link[0].op;
  if (op != node->link[1].op || op == TW_TOKEN_EQ)
    return tw_build_fail(b, tw_ast_link_place(node, 1), TW_ERR_ARGUMENT, "expected `l <= e <= u` or `u >= e >= l`");
  if (!tw_build_array(b, node->child[0], &first) || !tw_build_array(b, node->child[1], &r->body) ||
      !tw_build_array(b, node->child[2], &last))
    return false;
  for (int k = 0; k < 3; k += 2)
    if (tw_build_on_variables(b, k ? last.expr : first.expr))
      return tw_build_fail(b, tw_build_begin(node->child[k]), TW_ERR_ARGUMENT,
                           "a limit depends on a variable, expected variables in the middle alone");
  r->lower = op == TW_TOKEN_LE ? first : last;
  r->upper = op == TW_TOKEN_LE ? last : first;
  r->has_lower = r->has_upper = true;
  return true;
}

static bool build_row(tw_builder *b, const tw_ast *node, row *r) {
  *r = (row){0};
  if (node->kind != TW_AST_COMPARE)
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT, "expected a comparison: lhs <= rhs, lhs >= rhs or lhs == rhs");
  if (node->n > 3)
    return tw_build_fail(b, tw_ast_link_place(node, 2), TW_ERR_ARGUMENT, "expected at most two comparisons: l <= e <= u");
  for (int k = 0; k < node->n - 1; k++)
    if (!strict(b, node, k)) return false;
  return node->n == 2 ? two_sides(b, node, r) : three_sides(b, node, r);
}

/* A part of a row over its index sets, as f64. */
static bool over_sets(tw_builder *b, const tw_index_loop *loop, tw_place place, tw_value *value) {
  value->expr = tw_build_real(value->expr);
  if (loop && value->looped) {
    tw_value body = *value;
    return tw_index_loop_array(b, loop, place, &body, value);
  }
  return tw_build_check(b, place);
}

static const char *constraint_name(tw_builder *b, const tw_statement *s) {
  if (s->name) return s->name;
  char *name = tw_build_alloc(b, 32, 1);
  if (name) snprintf(name, 32, "constraint%d", ++b->site->unnamed);
  return name;
}

static bool state_row(tw_builder *b, const tw_statement *s, const tw_index_loop *loop, row *r, const tw_value **axes) {
  tw_place place = tw_build_begin(s->expr);
  if (!over_sets(b, loop, place, &r->body)) return false;
  tw_shape shape = tw_value_shape(&r->body);
  tw_expr lower = TW_NONE, upper = TW_NONE;
  for (int k = 0; k < 2; k++) {
    tw_value *bound = k ? &r->upper : &r->lower;
    if (!(k ? r->has_upper : r->has_lower)) continue;
    if (!over_sets(b, loop, place, bound)) return false;
    tw_shape have = tw_value_shape(bound), joint;
    if (tw_shape_broadcast(&have, &shape, &joint) && !tw_shape_equal(&joint, &shape)) { /* the bound is larger */
      r->body.expr = tw_broadcast(r->body.expr, joint);
      shape = joint;
    }
    if (!tw_build_broadcast(b, place, "a side of the constraint", bound, &shape)) return false;
    *(k ? &upper : &lower) = bound->expr;
  }
  if (r->equal) upper = lower;
  const char *name = constraint_name(b, s);
  if (!name) return false;
  if (!tw_build_on_variables(b, r->body.expr))
    return tw_build_fail(b, place, TW_ERR_ARGUMENT, "no variable occurs in this constraint, expected one");
  tw_problem_subject(b->site->problem, name, r->body.expr, lower, upper);
  *axes = &r->body;
  return tw_build_check(b, place);
}

bool tw_build_constraint(tw_builder *b, const tw_statement *s) {
  tw_symbol *symbol = NULL;
  const tw_value *axes = NULL;
  row r;
  if (s->name && !tw_build_declare(b, s, TW_SYMBOL_CONSTRAINT, &symbol)) return false;
  bool good;
  if (s->n_index == 0) {
    good = build_row(b, s->expr, &r) && state_row(b, s, NULL, &r, &axes);
  } else {
    const char **name = tw_build_alloc(b, (size_t)s->n_index, sizeof *name);
    if (!name) return false;
    for (int k = 0; k < s->n_index; k++) name[k] = s->index_name[k] ? s->index_name[k] : "";
    tw_index_loop loop;
    good = tw_index_loop_open(b, s->n_index, name, s->index, s->filter, tw_statement_place(s), &loop) &&
           build_row(b, s->expr, &r) && state_row(b, s, &loop, &r, &axes);
    tw_index_loop_close(b, &loop);
  }
  if (!good || !symbol) return good;
  symbol->value = *axes;
  return tw_scope_add(b->scope, symbol) || tw_build_memory(b, symbol->place);
}

/* ------------------------------------------------------------------ method, report, map */

static bool append_option(tw_builder *b, const tw_ast *call, int k, tw_text *spec) {
  const tw_ast *value = call->child[k];
  if (!call->label || !call->label[k])
    return tw_build_fail(b, tw_build_begin(value), TW_ERR_ARGUMENT, "expected option=value");
  tw_text_printf(spec, "%c%s=", k ? ',' : ':', call->label[k]);
  if (value->kind == TW_AST_NAME && !tw_scope_find(b->scope, value->text)) {
    tw_text_puts(spec, value->text);
    return true;
  }
  if (value->kind == TW_AST_STRING) {
    tw_text_puts(spec, value->text);
    return true;
  }
  double number;
  if (!tw_build_number(b, value, "an option", &number)) return false;
  tw_text_number(spec, number);
  return true;
}

bool tw_build_method(tw_builder *b, const tw_statement *s) {
  if (b->site->method) return tw_build_fail(b, tw_statement_place(s), TW_ERR_ARGUMENT, "a second method, expected one");
  if (!tw_method_find(s->expr->text)) {
    char hint[96];
    tw_nearest nearest = tw_nearest_start(s->expr->text);
    for (const tw_method *const *m = tw_methods(); *m; m++) tw_nearest_offer(&nearest, (*m)->name);
    return tw_build_fail(b, tw_statement_place(s), TW_ERR_NAME, "unknown method `%.64s`%s", s->expr->text,
                         tw_nearest_text(&nearest, hint));
  }
  tw_text spec = {0};
  tw_text_puts(&spec, s->expr->text);
  bool good = true;
  for (int k = 0; s->expr->kind == TW_AST_CALL && k < s->expr->n && good; k++) good = append_option(b, s->expr, k, &spec);
  if (good && !spec.failed) b->site->method = tw_arena_strdup(b->arena, spec.data);
  tw_text_free(&spec);
  return good && (b->site->method || tw_build_memory(b, tw_statement_place(s)));
}

bool tw_build_report(tw_builder *b, const tw_statement *s) {
  tw_value value;
  if (b->site->outer)
    return tw_build_fail(b, tw_statement_place(s), TW_ERR_ARGUMENT, "a nested problem reports nothing, expected `report` outside");
  if (!tw_build_array(b, s->expr, &value)) return false;
  size_t length = s->expr->end - s->expr->begin;
  char *name = tw_build_alloc(b, length + 1, 1);
  if (!name) return false;
  memcpy(name, s->source->text + s->expr->begin, length);
  tw_problem_report(b->site->problem, name, value.expr);
  return tw_build_check(b, tw_build_begin(s->expr));
}

bool tw_build_map(tw_builder *b, const tw_statement *s) {
  tw_symbol *symbol = tw_scope_find_here(b->scope, s->name);
  tw_value value;
  if (!b->site->block || strcmp(b->site->block->text, "fixpoint") != 0)
    return tw_build_fail(b, tw_statement_place(s), TW_ERR_ARGUMENT, "`name = ..` belongs into fixpoint { }, expected `let` before the name");
  if (!symbol || symbol->kind != TW_SYMBOL_VAR)
    return tw_build_fail(b, tw_statement_place(s), TW_ERR_NAME, "`%.64s` is no var of this fixpoint, expected one", s->name);
  if (!tw_build_array(b, s->expr, &value)) return false;
  value.expr = tw_build_real(value.expr);
  tw_shape shape = tw_value_shape(&symbol->value);
  if (!tw_build_broadcast(b, tw_build_begin(s->expr), "a map", &value, &shape)) return false;
  tw_problem_fixpoint(b->site->problem, symbol->value.expr, value.expr);
  return tw_build_check(b, tw_build_begin(s->expr));
}

/* ------------------------------------------------------------------ nested problems */

bool tw_build_finish(tw_builder *b, tw_place place) {
  const tw_body_site *site = b->site;
  const char *kind = site->block ? site->block->text : NULL;
  tw_goal goal = tw_problem_goal(site->problem);
  bool root = kind && strcmp(kind, "root") == 0, fixpoint = kind && strcmp(kind, "fixpoint") == 0;
  if (tw_problem_variables(site->problem) == 0)
    return tw_build_fail(b, place, TW_ERR_ARGUMENT, "no variable, expected a `var`");
  if (root) {
    if (goal != TW_GOAL_NONE) return tw_build_fail(b, site->objective, TW_ERR_ARGUMENT, "a root has no objective, expected equations");
    tw_problem_root(site->problem);
  } else if (fixpoint) {
    if (goal != TW_GOAL_FIXPOINT) return tw_build_fail(b, place, TW_ERR_ARGUMENT, "expected a map for every variable: name = ..");
  } else if (kind && goal == TW_GOAL_NONE) {
    return tw_build_fail(b, place, TW_ERR_ARGUMENT, "%s without an objective, expected `minimize ..` or `maximize ..`", kind);
  } else if (!kind && goal == TW_GOAL_NONE && tw_problem_constraints(site->problem) == 0) {
    return tw_build_fail(b, place, TW_ERR_ARGUMENT, "nothing is asked for, expected `minimize`, `maximize` or `subject to`");
  }
  return tw_build_check(b, place);
}

/* The parts of a solution: one variable stands for itself. */
static bool solution_value(tw_builder *b, const tw_nested *nested, tw_value *out) {
  int n = tw_nested_variables(nested);
  tw_expr z = tw_argmin(nested);
  tw_record *record = tw_build_alloc(b, 1, sizeof *record);
  if (!record) return false;
  record->n = n;
  record->name = tw_build_alloc(b, (size_t)n, sizeof *record->name);
  record->value = tw_build_alloc(b, (size_t)n, sizeof *record->value);
  if (!record->name || !record->value) return false;
  for (int i = 0; i < n; i++) {
    record->name[i] = tw_nested_variable_name(nested, i);
    record->value[i] = tw_value_of(tw_nested_variable(z, nested, i));
    const tw_symbol *symbol = tw_scope_find_here(b->scope, record->name[i]);
    if (symbol) memcpy(record->value[i].axis, symbol->value.axis, sizeof symbol->value.axis);
    record->value[i].varies = true;
  }
  *out = record->value[0];
  if (n == 1) return true;
  *out = tw_value_of(TW_NONE);
  out->kind = TW_VALUE_RECORD;
  out->record = record;
  out->varies = true;
  return true;
}

static bool close_block(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_error error = {TW_OK, ""};
  bool value = strcmp(node->text, "min") == 0 || strcmp(node->text, "max") == 0;
  bool wrong = (strcmp(node->text, "min") == 0 && tw_problem_goal(b->site->problem) == TW_GOAL_MAXIMIZE) ||
               (strcmp(node->text, "max") == 0 && tw_problem_goal(b->site->problem) == TW_GOAL_MINIMIZE);
  if (wrong)
    return tw_build_fail(b, b->site->objective, TW_ERR_ARGUMENT, "%s { } with the other objective, expected `%simize`", node->text,
                         node->text);
  const tw_nested *nested = tw_nested_close(b->site->problem, b->site->method, &error);
  if (!nested) return tw_build_fail(b, tw_ast_place(node), error.status, "%s", error.message);
  if (value) {
    *out = tw_value_of(tw_optimal_value(nested));
    out->varies = true;
  } else if (!solution_value(b, nested, out)) {
    return false;
  }
  if (b->n_loops > 0 && out->kind == TW_VALUE_ARRAY) out->looped = tw_depends(out->expr, b->n_loops, b->loops);
  return tw_build_check(b, tw_ast_place(node));
}

bool tw_build_block(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_scope scope = {.outer = b->scope, .map = tw_map_new()};
  tw_body_site site = {.block = node, .problem = tw_problem_new(b->graph), .outer = b->site};
  tw_expr guard = b->guard;
  bool good = scope.map && site.problem;
  if (!good) tw_build_memory(b, tw_ast_place(node));
  b->scope = &scope;
  b->site = &site;
  b->guard = TW_NONE;
  good = good && tw_build_statements(b, node->body) && tw_build_finish(b, tw_ast_place(node)) && close_block(b, node, out);
  b->guard = guard;
  b->scope = scope.outer;
  b->site = site.outer;
  tw_problem_free(site.problem);
  tw_map_free(scope.map);
  return good;
}
