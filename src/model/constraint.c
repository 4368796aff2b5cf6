/* Builder: constraints. `name[i in S]: lhs <= rhs` is one block of rows: its body is stacked over S by one
 * loop, and so is a bound that depends on the indices. */
#include "model/builder.h"

/* lower <= body <= upper; a bound that is not there has the expression NONE. */
typedef struct row {
  tw_value body, lower, upper;
} row;

static bool check_link(tw_builder *b, const tw_ast *node, int link) {
  switch (node->link[link].op) {
  case TW_TOKEN_LT:
    return tw_build_fail(b, tw_ast_link_place(node, link), TW_ERR_ARGUMENT,
                         "a strict inequality has no solution on its edge, expected `<=`");
  case TW_TOKEN_GT:
    return tw_build_fail(b, tw_ast_link_place(node, link), TW_ERR_ARGUMENT,
                         "a strict inequality has no solution on its edge, expected `>=`");
  case TW_TOKEN_NE:
    return tw_build_fail(b, tw_ast_link_place(node, link), TW_ERR_ARGUMENT,
                         "`!=` is no constraint, expected `==`, `<=` or `>=`");
  default:
    return true;
  }
}

/* The sides of one comparison: the one with the variables is the body, the other its bound; the difference
 * against 0 when both have some. */
static bool two_sides(tw_builder *b, const tw_ast *node, row *r) {
  tw_value left, right, bound;
  tw_token_kind op = node->link[0].op;
  if (!tw_build_array(b, node->child[0], &left) || !tw_build_array(b, node->child[1], &right)) return false;
  bool on_left = tw_build_on_variables(b, left.expr), on_right = tw_build_on_variables(b, right.expr);
  if (!on_left && !on_right)
    return tw_build_fail(b, tw_ast_link_place(node, 0), TW_ERR_ARGUMENT,
                         "no variable occurs in this constraint, expected one on a side");
  if (!tw_build_operator(b, TW_TOKEN_MINUS, tw_ast_link_place(node, 0), &left, &right, &r->body))
    return false; /* shapes fit */
  if (on_left && on_right) {
    bound = tw_value_of(tw_scalar(b->graph, 0));
  } else {
    r->body = on_left ? left : right;
    bound = on_left ? right : left;
    if (on_right && op != TW_TOKEN_EQ) op = op == TW_TOKEN_LE ? TW_TOKEN_GE : TW_TOKEN_LE;
  }
  r->lower = r->upper = tw_value_of(TW_NONE);
  if (op != TW_TOKEN_LE) r->lower = bound;
  if (op != TW_TOKEN_GE) r->upper = bound;
  return true;
}

/* low <= body <= high, or the other way round. */
static bool three_sides(tw_builder *b, const tw_ast *node, row *r) {
  tw_value side[3], unused;
  if (node->link[0].op != node->link[1].op || node->link[0].op == TW_TOKEN_EQ)
    return tw_build_fail(b, tw_ast_link_place(node, 1), TW_ERR_ARGUMENT,
                         "expected `l <= e <= u` or `u >= e >= l`");
  for (int k = 0; k < 3; k++) {
    if (!tw_build_array(b, node->child[k], &side[k])) return false;
    if (tw_build_on_variables(b, side[k].expr) != (k == 1))
      return tw_build_fail(b, tw_build_begin(node->child[k]), TW_ERR_ARGUMENT,
                           k == 1 ? "no variable occurs in the middle of this constraint, expected one"
                                  : "a limit depends on a variable, expected variables in the middle alone; "
                                    "write two constraints");
  }
  for (int k = 0; k < 2; k++)
    if (!tw_build_operator(b, TW_TOKEN_MINUS, tw_ast_link_place(node, k), &side[k], &side[k + 1], &unused))
      return false;
  bool rising = node->link[0].op == TW_TOKEN_LE;
  r->body = side[1];
  r->lower = side[rising ? 0 : 2];
  r->upper = side[rising ? 2 : 0];
  return true;
}

static bool build_row(tw_builder *b, const tw_ast *node, row *r) {
  if (node->kind != TW_AST_COMPARE)
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT,
                         "a constraint without a comparison, expected lhs <= rhs, lhs >= rhs or lhs == rhs");
  if (node->n > 3)
    return tw_build_fail(b, tw_ast_link_place(node, 2), TW_ERR_ARGUMENT,
                         "expected at most two comparisons: l <= e <= u");
  for (int k = 0; k < node->n - 1; k++)
    if (!check_link(b, node, k)) return false;
  return node->n == 2 ? two_sides(b, node, r) : three_sides(b, node, r);
}

/* Gives body and bounds one shape, and stacks over the index sets what depends on them; the body always, so
 * that there is a row for every index. */
static bool stack_row(tw_builder *b, const tw_index_loop *loop, tw_place place, row *r) {
  tw_value *part[3] = {&r->body, &r->lower, &r->upper};
  tw_shape shape = tw_value_shape(&r->body);
  for (int k = 1; k < 3; k++) {
    if (tw_is_none(part[k]->expr)) continue;
    tw_shape own = tw_value_shape(part[k]);
    if (!tw_shape_broadcast(&shape, &own, &shape))
      return tw_build_fail(b, place, TW_ERR_SHAPE,
                           "the sides of this constraint have shapes that do not broadcast together");
  }
  bool equal = tw_same(r->lower.expr, r->upper.expr);
  for (int k = 0; k < (equal ? 2 : 3); k++) {
    if (tw_is_none(part[k]->expr)) continue;
    part[k]->expr = tw_build_real(part[k]->expr);
    bool stack = loop && (k == 0 || part[k]->looped);
    if ((k == 0 || stack) && !tw_build_broadcast(b, place, "a side of this constraint", part[k], &shape))
      return false;
    tw_value body = *part[k];
    if (stack && !tw_index_loop_array(b, loop, place, &body, part[k])) return false;
  }
  if (equal) r->upper = r->lower;
  return tw_build_check(b, place);
}

static const char *row_name(tw_builder *b, const tw_statement *s) {
  if (s->name) return s->name;
  char *name = tw_build_alloc(b, 32, 1);
  do {
    if (name) snprintf(name, 32, "c%d", ++b->site->unnamed);
  } while (name && tw_scope_find_here(b->scope, name));
  return name;
}

static bool state_row(tw_builder *b, const tw_statement *s, const row *r) {
  const char *name = row_name(b, s);
  if (!name) return false;
  tw_symbol *symbol;
  tw_statement named = *s;
  named.name = name;
  if (!tw_build_declare(b, &named, TW_SYMBOL_CONSTRAINT, &symbol)) return false;
  symbol->value = r->body;
  tw_problem_subject(b->site->problem, name, r->body.expr, r->lower.expr, r->upper.expr);
  if (!tw_build_check(b, tw_statement_place(s))) return false;
  return tw_scope_add(b->scope, symbol) || tw_build_memory(b, symbol->place);
}

bool tw_build_constraint(tw_builder *b, const tw_statement *s) {
  row r;
  if (s->n_index == 0)
    return build_row(b, s->expr, &r) && stack_row(b, NULL, tw_build_begin(s->expr), &r) &&
           state_row(b, s, &r);
  tw_index_loop loop;
  bool good =
      tw_index_loop_open(b, s->n_index, s->index_name, s->index, s->filter, tw_statement_place(s), &loop) &&
      build_row(b, s->expr, &r) && stack_row(b, &loop, tw_build_begin(s->expr), &r);
  tw_index_loop_close(b, &loop);
  return good && state_row(b, s, &r);
}
