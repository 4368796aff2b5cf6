/* Builder: nested problems, and what a problem needs once all is stated. */
#include "model/builder.h"

#include "method/options.h"
#include "problem/problem.h"

#include <string.h>

/* ------------------------------------------------------------------ completeness */

static bool is(const tw_body_site *site, const char *kind) {
  return site->block && strcmp(site->block->text, kind) == 0;
}

static bool finish_root(tw_builder *b, tw_place place) {
  tw_problem *p = b->site->problem;
  for (int i = 0; i < tw_problem_constraints(p); i++) {
    const tw_constraint *c = tw_problem_constraint_at(p, i);
    if (!tw_same(c->lower, c->upper))
      return tw_build_fail(b, tw_scope_find_here(b->scope, c->name)->place, TW_ERR_ARGUMENT,
                           "an inequality in a root, expected equations: lhs == rhs");
  }
  if (tw_problem_rows(p) != tw_problem_size(p))
    return tw_build_fail(b, place, TW_ERR_SHAPE,
                         "a root of %lld equations for %lld unknowns, expected as many equations",
                         (long long)tw_problem_rows(p), (long long)tw_problem_size(p));
  tw_problem_root(p);
  return true;
}

static bool finish_fixpoint(tw_builder *b, tw_place place) {
  tw_problem *p = b->site->problem;
  for (int i = 0; i < tw_problem_variables(p); i++)
    if (tw_is_none(tw_problem_map(p, i)))
      return tw_build_fail(b, place, TW_ERR_ARGUMENT, "no map for the variable %s, expected %s = ..",
                           tw_problem_variable_at(p, i)->name, tw_problem_variable_at(p, i)->name);
  if (tw_problem_constraints(p) > 0)
    return tw_build_fail(b, tw_scope_find_here(b->scope, tw_problem_constraint_at(p, 0)->name)->place,
                         TW_ERR_ARGUMENT, "a constraint in a fixpoint, expected maps alone: name = ..");
  return true;
}

/* An objective of the sense that the kind of problem has. */
static bool finish_optimum(tw_builder *b, tw_place place) {
  const char *kind = b->site->block->text;
  tw_goal goal = tw_problem_goal(b->site->problem),
          wrong = is(b->site, "min") ? TW_GOAL_MAXIMIZE : TW_GOAL_MINIMIZE;
  if (goal == TW_GOAL_NONE)
    return tw_build_fail(b, place, TW_ERR_ARGUMENT, "%s without an objective, expected minimize or maximize",
                         kind);
  if (goal == wrong && !is(b->site, "argmin"))
    return tw_build_fail(b, b->site->objective, TW_ERR_ARGUMENT, "%s with the other sense, expected %simize",
                         kind, kind);
  return true;
}

/* As many equations as unknowns that are free of bounds and sets: a system to solve. */
static bool is_system(const tw_problem *p) {
  for (int i = 0; i < tw_problem_variables(p); i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    if (!tw_is_none(v->lower) || !tw_is_none(v->upper) || v->domain.kind || v->kind != TW_CONTINUOUS)
      return false;
  }
  for (int i = 0; i < tw_problem_constraints(p); i++)
    if (!tw_same(tw_problem_constraint_at(p, i)->lower, tw_problem_constraint_at(p, i)->upper)) return false;
  return tw_problem_rows(p) == tw_problem_size(p);
}

static bool finish_model(tw_builder *b, tw_place place) {
  tw_problem *p = b->site->problem;
  if (tw_problem_goal(p) != TW_GOAL_NONE) return true;
  if (tw_problem_constraints(p) == 0)
    return tw_build_fail(b, place, TW_ERR_ARGUMENT,
                         "nothing is asked for, expected minimize, maximize or subject to");
  if (is_system(p)) tw_problem_root(p);
  return true;
}

/* Whether the method asked for answers what turned out to be the question. */
static bool check_method(tw_builder *b) {
  tw_error error = {TW_OK, ""};
  const tw_body_site *site = b->site;
  if (!site->method) return true;
  const tw_goal goal = tw_problem_goal(site->problem);
  const tw_status status = site->block ? tw_nested_check(site->method, goal, &error) : tw_spec_check(site->method, goal, &error);
  if (status == TW_OK) return true;
  return tw_build_fail(b, site->method_place, error.status, "%s", error.message);
}

bool tw_build_finish(tw_builder *b, tw_place place) {
  if (tw_problem_variables(b->site->problem) == 0)
    return tw_build_fail(b, place, TW_ERR_ARGUMENT, "no variable, expected a `var`");
  bool good = !b->site->block           ? finish_model(b, place)
              : is(b->site, "root")     ? finish_root(b, place)
              : is(b->site, "fixpoint") ? finish_fixpoint(b, place)
                                        : finish_optimum(b, place);
  return good && tw_build_check(b, place) && check_method(b);
}

/* ------------------------------------------------------------------ nested problems */

static bool variable_value(tw_builder *b, tw_expr solution, const tw_nested *nested, int i, tw_value *out) {
  *out = tw_value_of(tw_nested_variable(solution, nested, i));
  const tw_symbol *symbol = tw_scope_find_here(b->scope, tw_nested_variable_name(nested, i));
  if (symbol) memcpy(out->axis, symbol->value.axis, sizeof out->axis);
  out->varies = true;
  out->looped = b->n_loops > 0 && tw_depends(out->expr, b->n_loops, b->loops);
  return !b->failed;
}

/* One variable stands for itself, several are the parts of a record. */
static bool solution_value(tw_builder *b, const tw_nested *nested, tw_value *out) {
  int n = tw_nested_variables(nested);
  tw_expr solution = tw_argmin(nested);
  if (!tw_build_check(b, tw_ast_place(b->site->block))) return false;
  if (n == 1) return variable_value(b, solution, nested, 0, out);
  tw_record *record = tw_build_alloc(b, 1, sizeof *record);
  if (!record) return false;
  record->n = n;
  record->name = tw_build_alloc(b, (size_t)n, sizeof *record->name);
  record->value = tw_build_alloc(b, (size_t)n, sizeof *record->value);
  if (!record->name || !record->value) return false;
  *out = tw_value_of(TW_NONE);
  out->kind = TW_VALUE_RECORD;
  out->record = record;
  for (int i = 0; i < n; i++) {
    record->name[i] = tw_nested_variable_name(nested, i);
    if (!variable_value(b, solution, nested, i, &record->value[i])) return false;
    tw_value_taint(out, &record->value[i]);
  }
  return true;
}

static bool close_block(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_error error = {TW_OK, ""};
  const tw_nested *nested = tw_nested_close(b->site->problem, b->site->method, &error);
  if (!nested) return tw_build_fail(b, tw_ast_place(node), error.status, "%s", error.message);
  if (!is(b->site, "min") && !is(b->site, "max"))
    return solution_value(b, nested, out) && tw_build_check(b, tw_ast_place(node));
  *out = tw_value_of(tw_optimal_value(nested));
  if (!tw_build_check(b, tw_ast_place(node))) return false;
  out->varies = true;
  out->looped = b->n_loops > 0 && tw_depends(out->expr, b->n_loops, b->loops);
  return true;
}

bool tw_build_block(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_scope scope = {.outer = b->scope, .map = tw_map_new()};
  tw_body_site site = {.block = node, .problem = tw_problem_new(b->graph), .outer = b->site};
  tw_expr guard = b->guard;
  bool good = (scope.map && site.problem) || tw_build_memory(b, tw_ast_place(node));
  const tw_body_site *top = b->site;
  while (top && top->outer) top = top->outer;
  if (site.problem && top) site.problem->around = top->problem;
  b->scope = &scope;
  b->site = &site;
  b->guard = TW_NONE; /* what the solver meets must make sense at every point */
  good = good && tw_build_statements(b, node->body) && tw_build_finish(b, tw_ast_place(node)) &&
         close_block(b, node, out);
  b->guard = guard;
  b->scope = scope.outer;
  b->site = site.outer;
  tw_problem_free(site.problem);
  tw_map_free(scope.map);
  return good;
}
