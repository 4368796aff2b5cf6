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

/* The axes of a declaration, those with an index first; *n of them. */
static void order_axes(const tw_statement *s, int order[TW_MAX_RANK], int *n) {
  int at = 0;
  for (int k = 0; k < s->n_index; k++)
    if (s->index_name[k]) order[at++] = k;
  *n = at;
  for (int k = 0; k < s->n_index; k++)
    if (!s->index_name[k]) order[at++] = k;
}

/* From the order of the axes in `value` to that of the declaration. */
static void restore_axes(const int *order, int rank, tw_value *value) {
  const tw_index_set *axis[TW_MAX_RANK];
  int perm[TW_MAX_RANK];
  bool ordered = true;
  memcpy(axis, value->axis, sizeof axis);
  for (int k = 0; k < rank; k++) {
    ordered &= order[k] == k;
    perm[order[k]] = k;
    value->axis[order[k]] = axis[k];
  }
  if (!ordered) value->expr = tw_transpose(value->expr, perm);
}

bool tw_build_indexed(tw_builder *b, const tw_statement *s, const tw_shape *shape, const tw_ast *node,
                      tw_value *value) {
  const char *name[TW_MAX_RANK];
  tw_ast *set[TW_MAX_RANK];
  int order[TW_MAX_RANK], n;
  tw_shape rest = {0};
  order_axes(s, order, &n);
  if (n == 0) return tw_build_array(b, node, value);
  for (int k = 0; k < s->n_index; k++) {
    name[k] = s->index_name[order[k]];
    set[k] = s->index[order[k]];
    if (k >= n) rest.dim[rest.rank++] = shape->dim[order[k]];
  }
  tw_index_loop loop;
  tw_value body;
  tw_place place = tw_build_begin(node);
  bool good = tw_index_loop_open(b, n, name, set, NULL, tw_statement_place(s), &loop) &&
              tw_build_array(b, node, &body) &&
              (rest.rank == 0 || tw_build_broadcast(b, place, "a value", &body, &rest)) &&
              tw_index_loop_array(b, &loop, place, &body, value);
  tw_index_loop_close(b, &loop);
  if (good && rest.rank > 0) restore_axes(order, s->n_index, value);
  return good && tw_build_check(b, place);
}

bool tw_build_broadcast(tw_builder *b, tw_place place, const char *what, tw_value *value,
                        const tw_shape *shape) {
  tw_shape have = tw_value_shape(value), joint;
  char text[TW_SHAPE_TEXT], want[TW_SHAPE_TEXT];
  if (!tw_shape_broadcast(&have, shape, &joint) || !tw_shape_equal(&joint, shape))
    return tw_build_fail(b, place, TW_ERR_SHAPE,
                         "%s of shape %s, expected %s or a shape that broadcasts to it", what,
                         tw_shape_text(&have, text), tw_shape_text(shape, want));
  value->expr = tw_broadcast(value->expr, *shape);
  return tw_build_check(b, place);
}

/* ------------------------------------------------------------------ param */

static tw_override_value *find_override(const tw_builder *b, const char *name) {
  for (int k = 0; k < b->n_overrides; k++)
    if (strcmp(b->overrides[k].name, name) == 0) return &b->overrides[k];
  return NULL;
}

/* What is known now becomes a parameter of the problem; a constant when it must be known (see fixed.c). */
static bool settle(tw_builder *b, const tw_statement *s, tw_symbol *symbol, const tw_array *array) {
  tw_array real;
  symbol->fixed = tw_map_get(b->fixed, s->name) != NULL;
  if (symbol->fixed) {
    symbol->value.expr = tw_constant(b->graph, array);
    return tw_build_check(b, symbol->place);
  }
  if (tw_array_copy(&real, array, TW_F64, NULL) != TW_OK) return tw_build_memory(b, symbol->place);
  symbol->value.expr = tw_problem_parameter(b->site->problem, s->name, &real);
  symbol->value.varies = true;
  tw_array_free(&real);
  return tw_build_check(b, symbol->place);
}

static bool param_table(tw_builder *b, const tw_statement *s, const tw_ast *node, const tw_shape *shape,
                        tw_symbol *symbol) {
  tw_array array;
  if (!tw_build_table(b, node, s->name, shape, symbol->value.axis, &array)) return false;
  bool good = settle(b, s, symbol, &array);
  tw_array_free(&array);
  return good;
}

/* csv(..) and npy(..) go straight into the param, not through a constant of the graph. */
static bool param_file(tw_builder *b, const tw_statement *s, const tw_ast *node, const tw_shape *shape,
                       tw_symbol *symbol) {
  tw_array array;
  tw_site site;
  if (!tw_build_site(b, node, &site) || !tw_build_file(b, &site, &array)) return false;
  bool good = s->n_index == 0 || tw_shape_equal(&array.shape, shape);
  char got[TW_SHAPE_TEXT], expected[TW_SHAPE_TEXT];
  if (good)
    good = settle(b, s, symbol, &array);
  else
    tw_build_fail(b, tw_build_begin(node), TW_ERR_SHAPE, "an array of shape %s for %.64s, expected %s",
                  tw_shape_text(&array.shape, got), s->name, tw_shape_text(shape, expected));
  tw_array_free(&array);
  return good;
}

static bool is_file(const tw_ast *node) {
  const tw_function *f = node->kind == TW_AST_CALL ? tw_function_find(node->text) : NULL;
  return f && f->build == tw_function_file;
}

static bool param_expression(tw_builder *b, const tw_statement *s, const tw_ast *node, const tw_shape *shape,
                             tw_symbol *symbol) {
  tw_value value;
  tw_array array;
  if (!tw_build_indexed(b, s, shape, node, &value)) return false;
  if (s->n_index > 0 && !tw_build_broadcast(b, tw_build_begin(node), "a value", &value, shape)) return false;
  if (s->n_index == 0) memcpy(symbol->value.axis, value.axis, sizeof value.axis);
  if (tw_build_on_variables(b, value.expr)) return tw_build_not_constant(b, node, "a param");
  if (value.varies) { /* computed from other params: a formula, which is differentiated through */
    symbol->value.expr = value.expr;
    symbol->value.varies = true;
    return true;
  }
  if (!tw_build_evaluate(b, node, &value, &array)) return false;
  bool good = tw_build_numbers(b, tw_build_begin(node), s->name, &array) && settle(b, s, symbol, &array);
  tw_array_free(&array);
  return good;
}

bool tw_build_param(tw_builder *b, const tw_statement *s) {
  tw_symbol *symbol;
  tw_shape shape = TW_SCALAR;
  if (b->site->block)
    return tw_build_fail(b, (tw_place){s->source, s->at}, TW_ERR_ARGUMENT,
                         "a param in a nested problem, expected it outside, or `let`");
  if (!tw_build_declare(b, s, TW_SYMBOL_PARAM, &symbol)) return false;
  if (!tw_build_shape(b, s, &shape, symbol->value.axis)) return false;
  tw_override_value *override = find_override(b, s->name);
  if (override) override->used = true;
  const tw_ast *node = override ? override->value : s->expr;
  if (!node)
    return tw_build_fail(b, symbol->place, TW_ERR_DATA,
                         "the param `%.64s` has no value, expected `= value` here or --set %.64s=VALUE",
                         s->name, s->name);
  if (node->kind == TW_AST_LIST)
    return tw_build_fail(
        b, tw_build_begin(node), TW_ERR_ARGUMENT,
        "a set as the value of a param, expected a number, an array [..] or a table {key: value}");
  bool good = node->kind == TW_AST_TABLE ? param_table(b, s, node, &shape, symbol)
              : is_file(node)            ? param_file(b, s, node, &shape, symbol)
                                         : param_expression(b, s, node, &shape, symbol);
  return good && add(b, symbol);
}

/* ------------------------------------------------------------------ all statements */

/* The title itself is taken by whoever reads the model. */
static bool build_title(tw_builder *b, const tw_statement *s) {
  if (!b->site->block) return true;
  return tw_build_fail(b, (tw_place){s->source, s->at}, TW_ERR_ARGUMENT,
                       "a title in a nested problem, expected none");
}

bool tw_build_statements(tw_builder *b, const tw_statement *statements) {
  static bool (*const builders[])(tw_builder *, const tw_statement *) = {
      [TW_STATE_MODEL] = build_title,
      [TW_STATE_SET] = build_set,
      [TW_STATE_PARAM] = tw_build_param,
      [TW_STATE_VAR] = tw_build_var,
      [TW_STATE_LET] = build_let,
      [TW_STATE_MINIMIZE] = tw_build_objective,
      [TW_STATE_MAXIMIZE] = tw_build_objective,
      [TW_STATE_SUBJECT] = tw_build_constraint,
      [TW_STATE_SOLVE] = tw_build_method,
      [TW_STATE_REPORT] = tw_build_report,
      [TW_STATE_MAP] = tw_build_map,
  };
  for (const tw_statement *s = statements; s; s = s->next)
    if (!builders[s->kind](b, s)) return false;
  return true;
}
