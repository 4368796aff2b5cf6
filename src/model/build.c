/* Builder: messages, and the dispatch over expressions. */
#include "model/builder.h"

#include <string.h>

/* Where the graph ran out of memory, nothing that was concluded from it afterwards is to be believed. */
bool tw_build_fail(tw_builder *b, tw_place place, tw_status status, const char *format, ...) {
  if (b->failed) return false;
  b->failed = true;
  if (tw_graph_status(b->graph) == TW_ERR_MEMORY) {
    tw_place_fail(place, b->error, TW_ERR_MEMORY, "%s", tw_graph_message(b->graph));
    return false;
  }
  va_list args;
  va_start(args, format);
  tw_place_fail_v(place, b->error, status, format, args);
  va_end(args);
  return false;
}

bool tw_build_check(tw_builder *b, tw_place place) {
  if (b->failed) return false;
  if (tw_graph_status(b->graph) == TW_OK) return true;
  return tw_build_fail(b, place, tw_graph_status(b->graph), "%s", tw_graph_message(b->graph));
}

bool tw_build_memory(tw_builder *b, tw_place place) {
  return tw_build_fail(b, place, TW_ERR_MEMORY, "out of memory");
}

void *tw_build_alloc(tw_builder *b, size_t count, size_t size) {
  size_t bytes;
  void *data = NULL;
  if (!__builtin_mul_overflow(count, size, &bytes))
    data = tw_arena_alloc(b->arena, bytes, _Alignof(max_align_t));
  if (!data && !b->failed) {
    b->failed = true;
    tw_fail(b->error, TW_ERR_MEMORY, "out of memory");
  }
  return data;
}

tw_place tw_build_begin(const tw_ast *node) {
  return (tw_place){node->source, node->begin};
}

/* The first name of an expression that varies, in reading order. */
static const tw_symbol *find_varying(const tw_builder *b, const tw_ast *node) {
  if (!node || node->kind == TW_AST_BLOCK) return NULL;
  if (node->kind == TW_AST_NAME) {
    const tw_symbol *symbol = tw_scope_find(b->scope, node->text);
    return symbol && !tw_value_constant(&symbol->value) ? symbol : NULL;
  }
  for (int k = 0; k < node->n; k++) {
    const tw_symbol *symbol = find_varying(b, node->child[k]);
    if (symbol) return symbol;
  }
  return NULL;
}

bool tw_build_not_constant(tw_builder *b, const tw_ast *node, const char *what) {
  const tw_symbol *symbol = find_varying(b, node);
  if (!symbol)
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT,
                         "%s must be known when the model is read, expected numbers, params and sets alone",
                         what);
  return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT,
                       "%s must be known when the model is read, but it depends on the %s `%.64s`", what,
                       tw_symbol_kind_name(symbol->kind), symbol->name);
}

bool tw_build_unknown(tw_builder *b, tw_place place, const char *name) {
  char hint[96];
  tw_nearest nearest = tw_nearest_start(name);
  tw_scope_offer(b->scope, &nearest);
  tw_nearest_text(&nearest, hint);
  if (tw_function_find(name) && nearest.distance > 0)
    return tw_build_fail(b, place, TW_ERR_NAME, "`%.64s` is a function, expected its arguments: %.64s(%s)",
                         name, name, tw_function_find(name)->parameters);
  return tw_build_fail(b, place, TW_ERR_NAME, "unknown name `%.64s`%s", name, hint);
}

/* ------------------------------------------------------------------ leaves */

static bool build_integer(tw_builder *b, const tw_ast *node, tw_value *out) {
  *out = tw_value_of(tw_integer(b->graph, node->integer));
  out->affine = tw_affine_constant(b->arena, node->integer);
  return tw_build_check(b, tw_ast_place(node));
}

static bool build_number(tw_builder *b, const tw_ast *node, tw_value *out) {
  *out = tw_value_of(tw_scalar(b->graph, node->number));
  return tw_build_check(b, tw_ast_place(node));
}

static bool build_string(tw_builder *b, const tw_ast *node, tw_value *out) {
  (void)out;
  return tw_build_fail(b, tw_ast_place(node), TW_ERR_ARGUMENT,
                       "a string is no number; strings name files, columns, labels and options");
}

static bool build_name(tw_builder *b, const tw_ast *node, tw_value *out) {
  const tw_symbol *symbol = tw_scope_find(b->scope, node->text);
  if (!symbol && strcmp(node->text, "pi") == 0) {
    *out = tw_value_of(tw_scalar(b->graph, 3.14159265358979323846));
    return tw_build_check(b, tw_ast_place(node));
  }
  if (!symbol) return tw_build_unknown(b, tw_ast_place(node), node->text);
  if (symbol->kind == TW_SYMBOL_SET)
    return tw_build_fail(b, tw_ast_place(node), TW_ERR_ARGUMENT,
                         "`%.64s` is a set, expected a number or array; run over it with `for i in %.64s`",
                         node->text, node->text);
  if (symbol->kind == TW_SYMBOL_CONSTRAINT)
    return tw_build_fail(b, tw_ast_place(node), TW_ERR_ARGUMENT,
                         "`%.64s` is a constraint, expected a number or array", node->text);
  *out = symbol->value;
  return true;
}

/* ------------------------------------------------------------------ choices and logic */

tw_expr tw_build_truth(tw_expr e) {
  return tw_is_none(e) || tw_dtype_of(e) == TW_BOOL ? e : tw_ne(e, tw_integer(e.graph, 0));
}

tw_expr tw_build_push_guard(tw_builder *b, tw_expr condition) {
  tw_expr before = b->guard;
  b->guard = tw_is_none(before) ? condition : tw_and(before, condition);
  return before;
}

/* A branch under a scalar condition: where the condition fails it may index outside its arrays. */
static bool build_branch(tw_builder *b, const tw_ast *node, const tw_value *condition, bool wanted,
                         tw_value *out) {
  if (condition->varies || tw_value_rank(condition) > 0) return tw_build_array(b, node, out);
  tw_expr before = tw_build_push_guard(b, wanted ? condition->expr : tw_not(condition->expr));
  bool built = tw_build_array(b, node, out);
  b->guard = before;
  return built;
}

static bool build_if(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_value condition, yes, no;
  if (!tw_build_array(b, node->child[1], &condition)) return false;
  condition.expr = tw_build_truth(condition.expr);
  if (!tw_build_check(b, tw_ast_place(node))) return false;
  double decided;
  if (tw_value_constant(&condition) && tw_value_rank(&condition) == 0) {
    tw_array value;
    if (!tw_build_evaluate(b, node->child[1], &condition, &value)) return false;
    decided = tw_array_get(&value, NULL);
    tw_array_free(&value);
    return tw_build_array(b, node->child[decided != 0 ? 0 : 2], out);
  }
  if (!build_branch(b, node->child[0], &condition, true, &yes)) return false;
  if (!build_branch(b, node->child[2], &condition, false, &no)) return false;
  tw_shape sc = tw_value_shape(&condition), sy = tw_value_shape(&yes), sn = tw_value_shape(&no), both, all;
  char ty[TW_SHAPE_TEXT], tn[TW_SHAPE_TEXT], tc[TW_SHAPE_TEXT];
  if (!tw_shape_broadcast(&sy, &sn, &both) || !tw_shape_broadcast(&both, &sc, &all))
    return tw_build_fail(b, tw_ast_place(node), TW_ERR_SHAPE,
                         "x if c else y: shapes %s, %s and %s do not fit, expected shapes that broadcast",
                         tw_shape_text(&sy, ty), tw_shape_text(&sc, tc), tw_shape_text(&sn, tn));
  tw_value result = tw_value_of(tw_where(condition.expr, yes.expr, no.expr));
  if (!tw_build_check(b, tw_ast_place(node))) return false;
  tw_value_broadcast_axes(&result, &yes, &no);
  tw_value_taint(&result, &condition);
  tw_value_taint(&result, &yes);
  tw_value_taint(&result, &no);
  *out = result;
  return true;
}

static bool build_logic(tw_builder *b, const tw_ast *node, tw_value *out) {
  if (!tw_build_array(b, node->child[0], out)) return false;
  out->expr = tw_build_truth(out->expr);
  for (int k = 1; k < node->n; k++) {
    tw_value next, left = *out;
    if (!tw_build_array(b, node->child[k], &next)) return false;
    next.expr = tw_build_truth(next.expr);
    tw_token_kind op = node->link[k - 1].op;
    if (!tw_build_operator(b, op, tw_ast_link_place(node, k - 1), &left, &next, out)) return false;
  }
  return true;
}

static bool build_compare(tw_builder *b, const tw_ast *node, tw_value *out) {
  if (!tw_build_comparison(b, node, 0, out)) return false;
  for (int k = 1; k < node->n - 1; k++) {
    tw_value next, left = *out;
    if (!tw_build_comparison(b, node, k, &next)) return false;
    if (!tw_build_operator(b, TW_TOKEN_AND, tw_ast_link_place(node, k), &left, &next, out)) return false;
  }
  return true;
}

static bool build_chain(tw_builder *b, const tw_ast *node, tw_value *out) {
  if (!tw_build_array(b, node->child[0], out)) return false;
  for (int k = 1; k < node->n; k++) {
    tw_value next, left = *out;
    if (!tw_build_array(b, node->child[k], &next)) return false;
    if (!tw_build_operator(b, node->link[k - 1].op, tw_ast_link_place(node, k - 1), &left, &next, out))
      return false;
  }
  return true;
}

static bool build_power(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_value base, exponent;
  if (!tw_build_array(b, node->child[0], &base) || !tw_build_array(b, node->child[1], &exponent))
    return false;
  return tw_build_operator(b, TW_TOKEN_POWER, tw_ast_place(node), &base, &exponent, out);
}

static bool build_unary(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_value x;
  if (!tw_build_array(b, node->child[0], &x)) return false;
  *out = x;
  out->index = NULL;
  out->affine = NULL;
  switch (node->link[0].op) {
  case TW_TOKEN_MINUS:
    if (tw_dtype_of(x.expr) == TW_BOOL) x.expr = tw_cast(x.expr, TW_I64);
    out->expr = tw_neg(x.expr);
    out->affine = tw_affine_add(b->arena, tw_affine_constant(b->arena, 0), x.affine, -1);
    break;
  case TW_TOKEN_NOT:
    out->expr = tw_not(tw_build_truth(x.expr));
    break;
  default:
    break;
  }
  return tw_build_check(b, tw_ast_place(node));
}

/* ------------------------------------------------------------------ postfix */

static bool build_transpose(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_value x;
  if (!tw_build_array(b, node->child[0], &x)) return false;
  int rank = tw_value_rank(&x);
  *out = x;
  for (int k = 0; k < rank; k++) out->axis[k] = x.axis[rank - 1 - k];
  if (rank > 1) out->expr = tw_transpose(x.expr, NULL);
  return tw_build_check(b, tw_ast_place(node));
}

static bool build_field(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_value base;
  if (!tw_build(b, node->child[0], &base)) return false;
  if (base.kind != TW_VALUE_RECORD) {
    if (strcmp(node->text, "T") == 0) return build_transpose(b, node, out);
    return tw_build_fail(
        b, tw_ast_place(node), TW_ERR_NAME,
        "no part `%.64s`: only the solution of a nested problem with several variables has parts; "
        "expected .T for a transpose",
        node->text);
  }
  char hint[96];
  tw_nearest nearest = tw_nearest_start(node->text);
  for (int k = 0; k < base.record->n; k++) {
    if (strcmp(base.record->name[k], node->text) == 0) {
      *out = base.record->value[k];
      return true;
    }
    tw_nearest_offer(&nearest, base.record->name[k]);
  }
  return tw_build_fail(b, tw_ast_place(node), TW_ERR_NAME, "the nested problem has no variable `%.64s`%s",
                       node->text, tw_nearest_text(&nearest, hint));
}

static bool build_misplaced(tw_builder *b, const tw_ast *node, tw_value *out) {
  (void)out;
  return tw_build_fail(b, tw_ast_place(node), TW_ERR_ARGUMENT,
                       "expected a number or array here; sets and tables stand after `=`, `in` and `init`");
}

typedef bool build_fn(tw_builder *b, const tw_ast *node, tw_value *out);

bool tw_build(tw_builder *b, const tw_ast *node, tw_value *out) {
  static build_fn *const builders[] = {
      [TW_AST_INTEGER] = build_integer,       [TW_AST_NUMBER] = build_number,
      [TW_AST_STRING] = build_string,         [TW_AST_NAME] = build_name,
      [TW_AST_UNARY] = build_unary,           [TW_AST_CHAIN] = build_chain,
      [TW_AST_POWER] = build_power,           [TW_AST_COMPARE] = build_compare,
      [TW_AST_LOGIC] = build_logic,           [TW_AST_IF] = build_if,
      [TW_AST_INDEX] = tw_build_index,        [TW_AST_SLICE] = build_misplaced,
      [TW_AST_FIELD] = build_field,           [TW_AST_TRANSPOSE] = build_transpose,
      [TW_AST_CALL] = tw_build_call,          [TW_AST_ARRAY] = tw_build_literal,
      [TW_AST_TUPLE] = build_misplaced,       [TW_AST_TABLE] = build_misplaced,
      [TW_AST_LIST] = build_misplaced,        [TW_AST_RANGE] = build_misplaced,
      [TW_AST_LOOP] = tw_build_comprehension, [TW_AST_BLOCK] = tw_build_block,
  };
  if (b->failed) return false;
  return builders[node->kind](b, node, out);
}

bool tw_build_array(tw_builder *b, const tw_ast *node, tw_value *out) {
  if (!tw_build(b, node, out)) return false;
  if (out->kind == TW_VALUE_ARRAY) return true;
  if (out->kind == TW_VALUE_LABEL)
    return tw_build_fail(
        b, tw_build_begin(node), TW_ERR_ARGUMENT,
        "this is a label of the set %.64s, expected a number; labels index arrays and are compared",
        out->set->name);
  return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT,
                       "this is a nested problem with %d variables, expected one of them: .%.64s, ..",
                       out->record->n, out->record->name[0]);
}
