/* Builder: binary operators on built operands, comparisons, and array literals. */
#include "model/builder.h"

#include <math.h>

typedef struct operator_row {
  const char *text;
  tw_expr (*build)(tw_expr x, tw_expr y);
} operator_row;

static const operator_row operators[TW_TOKEN_KINDS] = {
    [TW_TOKEN_PLUS] = {"+", tw_add},       [TW_TOKEN_MINUS] = {"-", tw_sub},
    [TW_TOKEN_STAR] = {"*", tw_mul},       [TW_TOKEN_SLASH] = {"/", tw_div},
    [TW_TOKEN_FLOORDIV] = {"//", tw_idiv}, [TW_TOKEN_PERCENT] = {"%", tw_mod},
    [TW_TOKEN_AT] = {"@", tw_matmul},      [TW_TOKEN_POWER] = {"^", tw_pow},
    [TW_TOKEN_LT] = {"<", tw_lt},          [TW_TOKEN_LE] = {"<=", tw_le},
    [TW_TOKEN_GT] = {">", tw_gt},          [TW_TOKEN_GE] = {">=", tw_ge},
    [TW_TOKEN_EQ] = {"==", tw_eq},         [TW_TOKEN_NE] = {"!=", tw_ne},
    [TW_TOKEN_AND] = {"and", tw_and},      [TW_TOKEN_OR] = {"or", tw_or},
};

static bool fail_shapes(tw_builder *b, tw_place place, const char *op, const tw_shape *x, const tw_shape *y,
                        const char *expected) {
  char tx[TW_SHAPE_TEXT], ty[TW_SHAPE_TEXT];
  return tw_build_fail(b, place, TW_ERR_SHAPE, "`%s`: shapes %s and %s do not fit, expected %s", op,
                       tw_shape_text(x, tx), tw_shape_text(y, ty), expected);
}

static bool build_matmul(tw_builder *b, tw_place place, const tw_value *x, const tw_value *y, tw_value *out) {
  tw_shape sx = tw_value_shape(x), sy = tw_value_shape(y);
  if (sx.rank == 0 || sy.rank == 0)
    return fail_shapes(b, place, "@", &sx, &sy, "vectors or matrices (`*` scales)");
  int64_t inner_x = sx.dim[sx.rank - 1], inner_y = sy.dim[sy.rank > 1 ? sy.rank - 2 : 0];
  if (inner_x != inner_y)
    return fail_shapes(b, place, "@", &sx, &sy, "the columns of the left to equal the rows of the right");
  *out = tw_value_of(tw_matmul(x->expr, y->expr));
  if (!tw_build_check(b, place)) return false;
  if (sx.rank <= 2 && sy.rank <= 2) { /* without batch axes it is plain which sets remain */
    int at = 0;
    if (sx.rank == 2) out->axis[at++] = x->axis[0];
    if (sy.rank == 2) out->axis[at] = y->axis[1];
  }
  return true;
}

static bool is_integer(const tw_value *v) {
  tw_dtype_kind kind = tw_dtype_get(tw_dtype_of(v->expr))->kind;
  return kind != TW_KIND_FLOAT;
}

/* Powers of integers stay integers while they are exact: no wrapping, and 2^-1 is 0.5. */
static tw_expr build_power(const tw_value *x, const tw_value *y) {
  int64_t base, exponent;
  if (!is_integer(x) || !is_integer(y)) return tw_pow(x->expr, y->expr);
  bool known = tw_affine_is_constant(y->affine, &exponent) && exponent >= 0;
  if (known && tw_affine_is_constant(x->affine, &base)) {
    double power = pow((double)base, (double)exponent);
    return fabs(power) <= 9007199254740992.0 ? tw_integer(x->expr.graph, (int64_t)power)
                                             : tw_scalar(x->expr.graph, power);
  }
  if (known && exponent <= 3) return tw_pow(tw_cast(x->expr, TW_I64), y->expr);
  return tw_pow(tw_cast(x->expr, TW_F64), tw_cast(y->expr, TW_F64));
}

/* The affine form of a result, where it has one. */
static const tw_affine *affine_of(tw_builder *b, tw_token_kind op, const tw_value *x, const tw_value *y) {
  double folded;
  switch (op) {
  case TW_TOKEN_PLUS:
    return tw_affine_add(b->arena, x->affine, y->affine, 1);
  case TW_TOKEN_MINUS:
    return tw_affine_add(b->arena, x->affine, y->affine, -1);
  case TW_TOKEN_STAR:
    return tw_affine_multiply(b->arena, x->affine, y->affine);
  case TW_TOKEN_POWER:
  case TW_TOKEN_FLOORDIV:
  case TW_TOKEN_PERCENT: {
    int64_t c, d;
    if (!tw_affine_is_constant(x->affine, &c) || !tw_affine_is_constant(y->affine, &d)) return NULL;
    tw_expr e = operators[op].build(x->expr, y->expr);
    if (!tw_constant_value(e, &folded) || !(fabs(folded) <= 9007199254740992.0)) return NULL;
    return tw_affine_constant(b->arena, (int64_t)folded);
  }
  default:
    return NULL;
  }
}

/* Sums and products of integers that the machine's integers cannot hold are done in floating point. */
static bool overflows(tw_token_kind op, const tw_value *x, const tw_value *y, const tw_affine *result) {
  int64_t c, d;
  if (op != TW_TOKEN_PLUS && op != TW_TOKEN_MINUS && op != TW_TOKEN_STAR) return false;
  return !result && tw_affine_is_constant(x->affine, &c) && tw_affine_is_constant(y->affine, &d);
}

bool tw_build_operator(tw_builder *b, tw_token_kind op, tw_place place, const tw_value *x, const tw_value *y,
                       tw_value *out) {
  if (!tw_build_check(b, place)) return false;
  tw_value result;
  tw_shape sx = tw_value_shape(x), sy = tw_value_shape(y), shape;
  if (op == TW_TOKEN_AT) {
    if (!build_matmul(b, place, x, y, &result)) return false;
  } else {
    if (!tw_shape_broadcast(&sx, &sy, &shape))
      return fail_shapes(b, place, operators[op].text, &sx, &sy, "shapes that broadcast");
    tw_value left = *x, right = *y;
    const tw_affine *affine = affine_of(b, op, x, y);
    if (overflows(op, x, y, affine)) left.expr = tw_cast(left.expr, TW_F64);
    bool arithmetic = op <= TW_TOKEN_POWER;
    if (arithmetic && tw_dtype_of(left.expr) == TW_BOOL) left.expr = tw_cast(left.expr, TW_I64);
    if (arithmetic && tw_dtype_of(right.expr) == TW_BOOL) right.expr = tw_cast(right.expr, TW_I64);
    result = tw_value_of(op == TW_TOKEN_POWER ? build_power(&left, &right)
                                              : operators[op].build(left.expr, right.expr));
    if (!tw_build_check(b, place)) return false;
    tw_value_broadcast_axes(&result, x, y);
    if (tw_value_rank(&result) == 0 && is_integer(&result)) result.affine = affine;
  }
  tw_value_taint(&result, x);
  tw_value_taint(&result, y);
  *out = result;
  return true;
}

/* ------------------------------------------------------------------ comparisons */

/* An operand of a comparison with a label: a label itself, or an unquoted or quoted name of one. */
static bool build_label(tw_builder *b, const tw_ast *node, const tw_index_set *set, tw_value *out) {
  bool name = node->kind == TW_AST_NAME || node->kind == TW_AST_STRING;
  bool bound = node->kind == TW_AST_NAME && tw_scope_find(b->scope, node->text);
  if (!name || bound) return tw_build(b, node, out);
  int64_t position = tw_index_set_find_label(set, node->text);
  if (position < 0) {
    char hint[96];
    tw_nearest nearest = tw_nearest_start(node->text);
    for (int64_t k = 0; k < set->count; k++) tw_nearest_offer(&nearest, set->label[k]);
    return tw_build_fail(b, tw_ast_place(node), TW_ERR_NAME, "`%.64s` is not in the set %.64s%s", node->text,
                         set->name, tw_nearest_text(&nearest, hint));
  }
  *out = tw_value_of(tw_integer(b->graph, position));
  out->kind = TW_VALUE_LABEL;
  out->set = set;
  return tw_build_check(b, tw_ast_place(node));
}

/* The set whose labels an operand runs over, if it is an index over one. */
static const tw_index_set *label_set(const tw_builder *b, const tw_ast *node) {
  const tw_symbol *symbol = node->kind == TW_AST_NAME ? tw_scope_find(b->scope, node->text) : NULL;
  return symbol && symbol->kind == TW_SYMBOL_INDEX && symbol->value.kind == TW_VALUE_LABEL ? symbol->set
                                                                                           : NULL;
}

static bool compare_labels(tw_builder *b, const tw_ast *node, int link, const tw_index_set *set,
                           tw_value *out) {
  tw_value x, y;
  tw_token_kind op = node->link[link].op;
  tw_place place = tw_ast_link_place(node, link);
  if (op != TW_TOKEN_EQ && op != TW_TOKEN_NE)
    return tw_build_fail(b, place, TW_ERR_ARGUMENT, "labels have no order, expected `==` or `!=`");
  if (!build_label(b, node->child[link], set, &x) || !build_label(b, node->child[link + 1], set, &y))
    return false;
  if (x.kind != TW_VALUE_LABEL || y.kind != TW_VALUE_LABEL)
    return tw_build_fail(b, place, TW_ERR_ARGUMENT, "a label of %.64s and a number do not compare",
                         set->name);
  if (!tw_index_set_same(x.set, y.set))
    return tw_build_fail(b, place, TW_ERR_ARGUMENT, "labels of the sets %.64s and %.64s do not compare",
                         x.set->name, y.set->name);
  x.kind = y.kind = TW_VALUE_ARRAY;
  return tw_build_operator(b, op, place, &x, &y, out);
}

bool tw_build_comparison(tw_builder *b, const tw_ast *node, int link, tw_value *out) {
  const tw_index_set *left = label_set(b, node->child[link]), *right = label_set(b, node->child[link + 1]);
  if (left || right) return compare_labels(b, node, link, left ? left : right, out);
  tw_value x, y;
  if (!tw_build_array(b, node->child[link], &x) || !tw_build_array(b, node->child[link + 1], &y))
    return false;
  return tw_build_operator(b, node->link[link].op, tw_ast_link_place(node, link), &x, &y, out);
}
