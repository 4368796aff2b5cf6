/* Builder: what is wanted: objective, fixed-point maps, method and reports. */
#include "model/builder.h"

#include "method/options.h"

#include <string.h>

/* ------------------------------------------------------------------ objective, map */

static bool check_objective(tw_builder *b, const tw_statement *s) {
  tw_place place = {s->source, s->at};
  const tw_ast *block = b->site->block;
  if (block && (strcmp(block->text, "root") == 0 || strcmp(block->text, "fixpoint") == 0))
    return tw_build_fail(b, place, TW_ERR_ARGUMENT, "an objective in a %s, expected %s", block->text,
                         block->text[0] == 'r' ? "equations: subject to lhs == rhs" : "a map: name = ..");
  if (!b->site->objective.source) return true;
  int64_t line, column;
  tw_place_position(b->site->objective, &line, &column);
  return tw_build_fail(b, place, TW_ERR_ARGUMENT, "a second objective, expected the one of line %lld alone",
                       (long long)line);
}

bool tw_build_objective(tw_builder *b, const tw_statement *s) {
  tw_value value;
  tw_symbol *symbol = NULL;
  char text[TW_SHAPE_TEXT];
  if (!check_objective(b, s)) return false;
  if (s->name && !tw_build_declare(b, s, TW_SYMBOL_OBJECTIVE, &symbol)) return false;
  if (!tw_build_array(b, s->expr, &value)) return false;
  tw_shape shape = tw_value_shape(&value);
  if (shape.rank > 0)
    return tw_build_fail(b, tw_build_begin(s->expr), TW_ERR_SHAPE,
                         "an objective of shape %s, expected a number; sum(..) adds up an array",
                         tw_shape_text(&shape, text));
  value.expr = tw_build_real(value.expr);
  b->site->objective = (tw_place){s->source, s->at};
  if (s->kind == TW_STATE_MINIMIZE)
    tw_problem_minimize(b->site->problem, s->name, value.expr);
  else
    tw_problem_maximize(b->site->problem, s->name, value.expr);
  if (!tw_build_check(b, tw_build_begin(s->expr))) return false;
  if (!symbol) return true;
  symbol->value = value;
  return tw_scope_add(b->scope, symbol) || tw_build_memory(b, symbol->place);
}

bool tw_build_map(tw_builder *b, const tw_statement *s) {
  tw_symbol *symbol = tw_scope_find_here(b->scope, s->name);
  tw_value value;
  if (strcmp(b->site->block->text, "fixpoint") != 0)
    return tw_build_fail(
        b, tw_statement_place(s), TW_ERR_ARGUMENT,
        "a value without its kind in %s { }, expected `let` before the name; only fixpoint { } has maps",
        b->site->block->text);
  if (!symbol || symbol->kind != TW_SYMBOL_VAR)
    return tw_build_fail(b, tw_statement_place(s), TW_ERR_NAME,
                         "`%.64s` is no variable of this fixpoint, expected one", s->name);
  if (!tw_build_array(b, s->expr, &value)) return false;
  value.expr = tw_build_real(value.expr);
  tw_shape shape = tw_value_shape(&symbol->value);
  if (!tw_build_broadcast(b, tw_build_begin(s->expr), "a map", &value, &shape)) return false;
  tw_problem_fixpoint(b->site->problem, symbol->value.expr, value.expr);
  return tw_build_check(b, tw_statement_place(s));
}

/* ------------------------------------------------------------------ solve with */

/* ":option=value" behind what is in `spec`. */
static bool append_option(tw_builder *b, const tw_ast *call, int k, tw_text *spec) {
  const tw_ast *value = call->child[k];
  double number;
  if (!call->label[k])
    return tw_build_fail(b, tw_build_begin(value), TW_ERR_ARGUMENT,
                         "an option without its name, expected option=value");
  tw_text_printf(spec, "%c%s=", k ? ',' : ':', call->label[k]);
  bool word =
      value->kind == TW_AST_STRING || (value->kind == TW_AST_NAME && !tw_scope_find(b->scope, value->text));
  if (word) {
    tw_text_puts(spec, value->text);
    return true;
  }
  if (!tw_build_number(b, value, "an option", &number)) return false;
  tw_text_number(spec, number);
  return true;
}

/* The options so far against the method's table: the last one is at fault when they do not pass. Nested problems have options beside. */
static bool check_options(tw_builder *b, const tw_method *method, const tw_ast *value, const tw_text *spec) {
  tw_error error = {TW_OK, ""};
  if (spec->failed) return tw_build_memory(b, tw_build_begin(value));
  if (b->site->block) {
    const tw_status nested = tw_nested_check(spec->data, TW_GOAL_NONE, &error);
    return nested == TW_OK || tw_build_fail(b, tw_build_begin(value), nested, "%s", error.message);
  }
  size_t count = (size_t)tw_options_count(method) + 1;
  double *values = tw_build_alloc(b, count, sizeof *values);
  bool *given = tw_build_alloc(b, count, sizeof *given);
  if (!values || !given) return false;
  tw_status status = tw_options_parse(method, spec->data, values, given, &error);
  return status == TW_OK || tw_build_fail(b, tw_build_begin(value), status, "%s", error.message);
}

static const tw_method *find_method(tw_builder *b, const tw_statement *s) {
  const tw_method *method = tw_method_find(s->expr->text);
  if (method) return method;
  char hint[96];
  tw_nearest nearest = tw_nearest_start(s->expr->text);
  for (const tw_method *const *m = tw_methods(); *m; m++) tw_nearest_offer(&nearest, (*m)->name);
  tw_build_fail(b, tw_statement_place(s), TW_ERR_NAME,
                "unknown method `%.64s`%s; `talweg methods` lists them", s->expr->text,
                tw_nearest_text(&nearest, hint));
  return NULL;
}

bool tw_build_method(tw_builder *b, const tw_statement *s) {
  if (b->site->method)
    return tw_build_fail(b, (tw_place){s->source, s->at}, TW_ERR_ARGUMENT,
                         "a second `solve with`, expected one");
  const bool by_class = b->site->block && strcmp(s->expr->text, "auto") == 0; /* options of a nested problem alone */
  const tw_method *method = by_class ? NULL : find_method(b, s);
  if (!method && !by_class) return false;
  tw_text spec = {0};
  tw_text_puts(&spec, by_class ? "auto" : method->name);
  bool good = true;
  for (int k = 0; s->expr->kind == TW_AST_CALL && k < s->expr->n && good; k++)
    good = append_option(b, s->expr, k, &spec) && check_options(b, method, s->expr->child[k], &spec);
  if (good && !spec.failed) b->site->method = tw_arena_strdup(b->arena, spec.data);
  b->site->method_place = tw_statement_place(s);
  tw_text_free(&spec);
  return good && (b->site->method || tw_build_memory(b, tw_statement_place(s)));
}

/* ------------------------------------------------------------------ report */

/* The expression's text, blanks and line ends between tokens as one blank. */
static char *source_text(tw_builder *b, const tw_ast *node) {
  char *text = tw_build_alloc(b, node->end - node->begin + 1, 1);
  size_t length = 0;
  for (uint32_t at = node->begin; text && at < node->end;) {
    tw_token token = tw_token_next(node->source, at);
    if (token.begin > at && length > 0) text[length++] = ' ';
    memcpy(text + length, node->source->text + token.begin, token.end - token.begin);
    length += token.end - token.begin;
    at = token.end;
  }
  return text;
}

static bool is_reported(const tw_problem *p, const char *name) {
  for (int i = 0; i < tw_problem_reports(p); i++)
    if (strcmp(tw_problem_report_name(p, i), name) == 0) return true;
  return false;
}

bool tw_build_report(tw_builder *b, const tw_statement *s) {
  tw_value value;
  if (b->site->block)
    return tw_build_fail(b, (tw_place){s->source, s->at}, TW_ERR_ARGUMENT,
                         "a report in a nested problem, expected it outside");
  if (!tw_build_array(b, s->expr, &value)) return false;
  char *name = source_text(b, s->expr);
  if (!name) return false;
  if (!is_reported(b->site->problem, name)) tw_problem_report(b->site->problem, name, value.expr);
  return tw_build_check(b, tw_build_begin(s->expr));
}
