/* Parser: operands, calls, comprehensions, sets, tables and the braces of nested problems. */
#include "model/parser.h"

#include <string.h>

tw_ast *tw_parse_primary(tw_parser *p);

static bool is_block_word(const char *word) {
  static const char *const words[] = {"argmin", "min", "max", "root", "fixpoint"};
  for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
    if (strcmp(words[k], word) == 0) return true;
  return false;
}

/* Takes the closing bracket of one opened at `open`. */
static bool close_bracket(tw_parser *p, tw_token_kind kind, uint32_t open) {
  if (p->failed) return false;
  if (tw_parser_accept(p, kind)) return true;
  int64_t line, column;
  tw_place_position((tw_place){p->source, open}, &line, &column);
  char expected[96];
  snprintf(expected, sizeof expected, "%s to close the bracket at %lld:%lld", tw_token_text(kind),
           (long long)line, (long long)column);
  return tw_parser_unexpected(p, expected);
}

bool tw_parse_ranges(tw_parser *p, tw_ast_list *list) {
  do {
    const char *name = tw_parser_name(p, "the name of an index");
    if (!name || !tw_parser_expect(p, TW_TOKEN_IN, "after the name of an index")) return false;
    tw_ast *set = tw_parse_set(p);
    if (!set || !tw_ast_list_add(p, list, set, name)) return false;
  } while (tw_parser_accept(p, TW_TOKEN_COMMA) || tw_parser_accept(p, TW_TOKEN_FOR));
  tw_ast *filter = NULL;
  if (tw_parser_accept(p, TW_TOKEN_IF)) {
    filter = tw_parse_expression(p);
    if (!filter) return false;
  }
  return tw_ast_list_add(p, list, filter, NULL);
}

/* body "for" .., the body taken and `for` next. */
static tw_ast *parse_loop(tw_parser *p, const char *function, tw_ast *body, uint32_t begin, uint32_t at,
                          tw_token_kind closing) {
  tw_ast_list list = {0};
  tw_parser_take(p);
  if (!tw_ast_list_add(p, &list, body, NULL) || !tw_parse_ranges(p, &list)) return NULL;
  if (!close_bracket(p, closing, at)) return NULL;
  tw_ast *node = tw_parser_node_of(p, TW_AST_LOOP, begin, at, &list);
  if (node) node->text = function;
  return node;
}

static bool parse_argument(tw_parser *p, tw_ast_list *list) {
  const char *label = NULL;
  if (p->token.kind == TW_TOKEN_NAME && tw_parser_peek(p).kind == TW_TOKEN_ASSIGN) {
    label = tw_parser_name(p, "");
    tw_parser_take(p);
  }
  tw_ast *value = tw_parse_expression(p);
  return value && tw_ast_list_add(p, list, value, label);
}

bool tw_parse_arguments(tw_parser *p, tw_ast_list *list) {
  tw_line_mode outside = p->mode;
  p->mode = TW_LINES_JOINED;
  uint32_t open = tw_parser_take(p).begin;
  while (tw_parser_at(p) != TW_TOKEN_RPAREN) {
    if (!parse_argument(p, list)) return false;
    if (!tw_parser_accept(p, TW_TOKEN_COMMA)) break;
  }
  if (!close_bracket(p, TW_TOKEN_RPAREN, open)) return false;
  p->mode = outside;
  return true;
}

/* function(..): a call, or a comprehension when `for` follows its first argument. */
static tw_ast *parse_call(tw_parser *p, tw_token name) {
  const char *function = tw_parser_text(p, name);
  tw_line_mode outside = p->mode;
  p->mode = TW_LINES_JOINED;
  uint32_t open = tw_parser_take(p).begin;
  tw_ast_list list = {0};
  tw_ast *node = NULL;
  while (tw_parser_at(p) != TW_TOKEN_RPAREN) {
    if (!parse_argument(p, &list)) return NULL;
    if (list.n == 1 && !list.label[0] && tw_parser_at(p) == TW_TOKEN_FOR) {
      node = parse_loop(p, function, list.item[0], name.begin, open, TW_TOKEN_RPAREN);
      if (node) node->at = name.begin;
      p->mode = outside;
      return node;
    }
    if (!tw_parser_accept(p, TW_TOKEN_COMMA)) break;
  }
  if (!close_bracket(p, TW_TOKEN_RPAREN, open)) return NULL;
  p->mode = outside;
  node = tw_parser_node_of(p, TW_AST_CALL, name.begin, name.begin, &list);
  if (node) node->text = function;
  return node;
}

static tw_ast *parse_array(tw_parser *p) {
  tw_line_mode outside = p->mode;
  p->mode = TW_LINES_JOINED;
  uint32_t open = tw_parser_take(p).begin;
  tw_ast_list list = {0};
  do {
    tw_ast *item = tw_parse_expression(p);
    if (!item) return NULL;
    if (list.n == 0 && tw_parser_at(p) == TW_TOKEN_FOR) {
      tw_ast *loop = parse_loop(p, NULL, item, open, open, TW_TOKEN_RBRACKET);
      p->mode = outside;
      return loop;
    }
    if (!tw_ast_list_add(p, &list, item, NULL)) return NULL;
  } while (tw_parser_accept(p, TW_TOKEN_COMMA) && tw_parser_at(p) != TW_TOKEN_RBRACKET);
  if (!close_bracket(p, TW_TOKEN_RBRACKET, open)) return NULL;
  p->mode = outside;
  return tw_parser_node_of(p, TW_AST_ARRAY, open, open, &list);
}

static tw_ast *parse_parenthesis(tw_parser *p) {
  tw_line_mode outside = p->mode;
  p->mode = TW_LINES_JOINED;
  uint32_t open = tw_parser_take(p).begin;
  tw_ast *node = tw_parse_expression(p);
  if (!node || !close_bracket(p, TW_TOKEN_RPAREN, open)) return NULL;
  p->mode = outside;
  node->begin = open;
  node->end = p->last_end;
  return node;
}

/* word { statements } */
static tw_ast *parse_block(tw_parser *p, tw_token word) {
  const char *kind = tw_parser_text(p, word);
  uint32_t open = tw_parser_take(p).begin;
  if (!kind || !tw_parser_deeper(p)) return NULL;
  tw_line_mode outside = p->mode;
  p->mode = TW_LINES_IN_BODY;
  tw_statement *body = NULL;
  if (!tw_parse_statements(p, &body)) return NULL;
  p->mode = TW_LINES_JOINED; /* the brace may stand on a line of its own */
  if (!close_bracket(p, TW_TOKEN_RBRACE, open)) return NULL;
  p->mode = outside;
  p->depth--;
  tw_ast *node = tw_parser_node(p, TW_AST_BLOCK, word.begin, word.begin);
  if (!node) return NULL;
  node->text = kind;
  node->body = body;
  return node;
}

static tw_ast *parse_name(tw_parser *p) {
  tw_token name = tw_parser_take(p);
  tw_token_kind kind = tw_parser_at(p);
  if (kind == TW_TOKEN_LPAREN) return parse_call(p, name);
  const char *text = tw_parser_text(p, name);
  if (!text) return NULL;
  if (kind == TW_TOKEN_LBRACE && is_block_word(text)) return parse_block(p, name);
  if (kind == TW_TOKEN_LBRACE && strcmp(text, "argmax") == 0) {
    tw_parser_fail(
        p, name.begin,
        "a nested problem is argmin, min, max, root or fixpoint; expected argmin { .. maximize .. }");
    return NULL;
  }
  tw_ast *node = tw_parser_node(p, TW_AST_NAME, name.begin, name.begin);
  if (node) node->text = text;
  return node;
}

static tw_ast *parse_literal(tw_parser *p) {
  tw_token token = tw_parser_take(p);
  if (token.kind == TW_TOKEN_STRING) {
    tw_ast *node = tw_parser_node(p, TW_AST_STRING, token.begin, token.begin);
    if (node) node->text = tw_parser_text(p, token);
    return p->failed ? NULL : node;
  }
  bool whole = token.kind == TW_TOKEN_INTEGER;
  tw_ast *node = tw_parser_node(p, whole ? TW_AST_INTEGER : TW_AST_NUMBER, token.begin, token.begin);
  if (!node) return NULL;
  if (whole)
    node->integer = token.integer;
  else
    node->number = token.number;
  return node;
}

tw_ast *tw_parse_primary(tw_parser *p) {
  if (p->failed) return NULL;
  switch (p->token.kind) {
  case TW_TOKEN_INTEGER:
  case TW_TOKEN_NUMBER:
  case TW_TOKEN_STRING:
    return parse_literal(p);
  case TW_TOKEN_NAME:
    return parse_name(p);
  case TW_TOKEN_LPAREN:
    return parse_parenthesis(p);
  case TW_TOKEN_LBRACKET:
    return parse_array(p);
  case TW_TOKEN_LBRACE:
    tw_parser_unexpected(p, "an expression; {..} is the value of a set, of a param or of `init`");
    return NULL;
  default:
    tw_parser_unexpected(p, "an expression");
    return NULL;
  }
}

/* (a, b) or one expression. */
static tw_ast *parse_key(tw_parser *p) {
  if (p->token.kind != TW_TOKEN_LPAREN) return tw_parse_expression(p);
  uint32_t open = tw_parser_take(p).begin;
  tw_ast_list list = {0};
  do {
    tw_ast *item = tw_parse_expression(p);
    if (!item || !tw_ast_list_add(p, &list, item, NULL)) return NULL;
  } while (tw_parser_accept(p, TW_TOKEN_COMMA));
  if (!close_bracket(p, TW_TOKEN_RPAREN, open)) return NULL;
  return list.n == 1 ? list.item[0] : tw_parser_node_of(p, TW_AST_TUPLE, open, open, &list);
}

/* {key: value, ..} or {item, ..} */
static tw_ast *parse_braces(tw_parser *p) {
  tw_line_mode outside = p->mode;
  p->mode = TW_LINES_JOINED;
  uint32_t open = tw_parser_take(p).begin;
  tw_ast_list list = {0};
  bool table = false;
  while (tw_parser_at(p) != TW_TOKEN_RBRACE) {
    tw_ast *key = parse_key(p);
    if (!key || !tw_ast_list_add(p, &list, key, NULL)) return NULL;
    if (list.n == 1) table = tw_parser_at(p) == TW_TOKEN_COLON;
    if (table) {
      tw_ast *value = tw_parser_expect(p, TW_TOKEN_COLON, "after a key") ? tw_parse_expression(p) : NULL;
      if (!value || !tw_ast_list_add(p, &list, value, NULL)) return NULL;
    }
    if (!tw_parser_accept(p, TW_TOKEN_COMMA)) break;
  }
  if (!close_bracket(p, TW_TOKEN_RBRACE, open)) return NULL;
  p->mode = outside;
  return tw_parser_node_of(p, table ? TW_AST_TABLE : TW_AST_LIST, open, open, &list);
}

tw_ast *tw_parse_right_side(tw_parser *p) {
  if (p->failed) return NULL;
  return p->token.kind == TW_TOKEN_LBRACE ? parse_braces(p) : tw_parse_expression(p);
}

tw_ast *tw_parse_set(tw_parser *p) {
  if (p->failed) return NULL;
  uint32_t begin = p->token.begin;
  if (p->token.kind == TW_TOKEN_LBRACE) return parse_braces(p);
  tw_ast *first = tw_parse_arithmetic(p);
  if (!first || tw_parser_at(p) != TW_TOKEN_RANGE) return first;
  uint32_t at = tw_parser_take(p).begin;
  tw_ast *last = tw_parse_arithmetic(p);
  tw_ast_list list = {0};
  if (!last || !tw_ast_list_add(p, &list, first, NULL) || !tw_ast_list_add(p, &list, last, NULL)) return NULL;
  return tw_parser_node_of(p, TW_AST_RANGE, begin, at, &list);
}
