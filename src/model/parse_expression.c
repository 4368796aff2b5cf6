/* Parser: operators, from the loosest to the tightest.
 *
 *   expression  = or ["if" or "else" expression]
 *   or, and     = chains; not = {"not"} compare; compare = chain of arithmetic
 *   arithmetic  = chain of term by + -; term = chain of unary by * / // % @
 *   unary       = {"-" | "+"} power; power = postfix ["^" unary]
 *   postfix     = primary {"[" items "]" | "." name | "'"} */
#include "model/parser.h"

typedef tw_ast *parse_fn(tw_parser *p);

static bool is_or(tw_token_kind kind) {
  return kind == TW_TOKEN_OR;
}

static bool is_and(tw_token_kind kind) {
  return kind == TW_TOKEN_AND;
}

static bool is_comparison(tw_token_kind kind) {
  return kind >= TW_TOKEN_LT && kind <= TW_TOKEN_NE;
}

static bool is_additive(tw_token_kind kind) {
  return kind == TW_TOKEN_PLUS || kind == TW_TOKEN_MINUS;
}

static bool is_multiplicative(tw_token_kind kind) {
  return kind >= TW_TOKEN_STAR && kind <= TW_TOKEN_AT;
}

typedef struct links {
  tw_ast_link *link;
  int n, capacity;
} links;

static bool add_link(tw_parser *p, links *list, tw_token token) {
  if (list->n == list->capacity) {
    int capacity = list->capacity ? 2 * list->capacity : 2;
    tw_ast_link *grown = tw_parser_alloc(p, (size_t)capacity * sizeof *grown);
    if (!grown) return false;
    for (int k = 0; k < list->n; k++) grown[k] = list->link[k];
    *list = (links){grown, list->n, capacity};
  }
  list->link[list->n++] = (tw_ast_link){token.kind, token.begin};
  return true;
}

/* next {op next}: one flat node however long, so that a sum of a thousand terms is no deep tree. */
static tw_ast *parse_chain(tw_parser *p, tw_ast_kind kind, bool (*is)(tw_token_kind), parse_fn *next) {
  uint32_t begin = p->token.begin;
  tw_ast *first = next(p);
  if (!first || !is(tw_parser_at(p))) return first;
  tw_ast_list items = {0};
  links list = {0};
  if (!tw_ast_list_add(p, &items, first, NULL)) return NULL;
  while (is(tw_parser_at(p))) {
    if (!add_link(p, &list, tw_parser_take(p))) return NULL;
    tw_ast *item = next(p);
    if (!item || !tw_ast_list_add(p, &items, item, NULL)) return NULL;
  }
  tw_ast *node = tw_parser_node_of(p, kind, begin, list.link[0].at, &items);
  if (node) node->link = list.link;
  return node;
}

static tw_ast *parse_unary_operator(tw_parser *p, parse_fn *operand) {
  tw_token token = tw_parser_take(p);
  if (!tw_parser_deeper(p)) return NULL;
  tw_ast_list items = {0};
  links list = {0};
  tw_ast *item = operand(p);
  p->depth--;
  if (!item || !tw_ast_list_add(p, &items, item, NULL) || !add_link(p, &list, token)) return NULL;
  tw_ast *node = tw_parser_node_of(p, TW_AST_UNARY, token.begin, token.begin, &items);
  if (node) node->link = list.link;
  return node;
}

static bool parse_index_item(tw_parser *p, tw_ast_list *items) {
  uint32_t begin = p->token.begin;
  tw_ast *part[3] = {NULL};
  int n = 0, colons = 0;
  for (;; n++) {
    tw_token_kind kind = tw_parser_at(p);
    bool empty = kind == TW_TOKEN_COLON || kind == TW_TOKEN_COMMA || kind == TW_TOKEN_RBRACKET;
    if (!empty || (n == 0 && kind != TW_TOKEN_COLON)) {
      part[n] = tw_parse_expression(p);
      if (!part[n]) return false;
    }
    if (n == 2 || !tw_parser_accept(p, TW_TOKEN_COLON)) break;
    colons++;
  }
  if (colons == 0 && tw_parser_at(p) == TW_TOKEN_RANGE)
    return tw_parser_fail(p, p->token.begin,
                          "`..` makes a set; expected a slice first:end, its end excluded");
  if (colons == 0) return tw_ast_list_add(p, items, part[0], NULL);
  tw_ast_list parts = {0};
  for (int k = 0; k < 3; k++)
    if (!tw_ast_list_add(p, &parts, part[k], NULL)) return false;
  tw_ast *slice = tw_parser_node_of(p, TW_AST_SLICE, begin, begin, &parts);
  return slice && tw_ast_list_add(p, items, slice, NULL);
}

bool tw_parse_index_items(tw_parser *p, tw_ast_list *items) {
  tw_line_mode outside = p->mode;
  p->mode = TW_LINES_JOINED;
  tw_parser_take(p);
  do {
    if (!parse_index_item(p, items)) return false;
  } while (tw_parser_accept(p, TW_TOKEN_COMMA) && tw_parser_at(p) != TW_TOKEN_RBRACKET);
  if (!tw_parser_expect(p, TW_TOKEN_RBRACKET, "or `,` after an index")) return false;
  p->mode = outside;
  return true;
}

static tw_ast *parse_postfix_one(tw_parser *p, tw_ast *base) {
  tw_ast_list items = {0};
  uint32_t at = p->token.begin;
  if (!tw_ast_list_add(p, &items, base, NULL)) return NULL;
  switch (p->token.kind) {
  case TW_TOKEN_LBRACKET:
    if (!tw_parse_index_items(p, &items)) return NULL;
    return tw_parser_node_of(p, TW_AST_INDEX, base->begin, at, &items);
  case TW_TOKEN_QUOTE:
    tw_parser_take(p);
    return tw_parser_node_of(p, TW_AST_TRANSPOSE, base->begin, at, &items);
  default: {
    tw_parser_take(p);
    const char *name = tw_parser_name(p, "`T` or the name of a variable after `.`");
    tw_ast *node = tw_parser_node_of(p, TW_AST_FIELD, base->begin, at, &items);
    if (node) node->text = name;
    return node;
  }
  }
}

tw_ast *tw_parse_primary(tw_parser *p); /* parse_primary.c */

static tw_ast *parse_postfix(tw_parser *p) {
  tw_ast *node = tw_parse_primary(p);
  int depth = p->depth;
  while (node) {
    tw_token_kind kind = tw_parser_at(p);
    if (kind != TW_TOKEN_LBRACKET && kind != TW_TOKEN_DOT && kind != TW_TOKEN_QUOTE) break;
    if (!tw_parser_deeper(p)) return NULL; /* x'''..: the tree deepens without recursion here */
    node = parse_postfix_one(p, node);
  }
  p->depth = depth;
  return node;
}

static tw_ast *parse_unary(tw_parser *p);

static tw_ast *parse_power(tw_parser *p) {
  uint32_t begin = p->token.begin;
  tw_ast *base = parse_postfix(p);
  if (!base || tw_parser_at(p) != TW_TOKEN_POWER) return base;
  uint32_t at = tw_parser_take(p).begin;
  if (!tw_parser_deeper(p)) return NULL;
  tw_ast *exponent = parse_unary(p);
  p->depth--;
  tw_ast_list items = {0};
  if (!exponent || !tw_ast_list_add(p, &items, base, NULL) || !tw_ast_list_add(p, &items, exponent, NULL))
    return NULL;
  return tw_parser_node_of(p, TW_AST_POWER, begin, at, &items);
}

static tw_ast *parse_unary(tw_parser *p) {
  bool sign = p->token.kind == TW_TOKEN_MINUS || p->token.kind == TW_TOKEN_PLUS;
  return sign ? parse_unary_operator(p, parse_unary) : parse_power(p);
}

static tw_ast *parse_term(tw_parser *p) {
  return parse_chain(p, TW_AST_CHAIN, is_multiplicative, parse_unary);
}

tw_ast *tw_parse_arithmetic(tw_parser *p) {
  return parse_chain(p, TW_AST_CHAIN, is_additive, parse_term);
}

static tw_ast *parse_comparison(tw_parser *p) {
  return parse_chain(p, TW_AST_COMPARE, is_comparison, tw_parse_arithmetic);
}

static tw_ast *parse_not(tw_parser *p) {
  return p->token.kind == TW_TOKEN_NOT ? parse_unary_operator(p, parse_not) : parse_comparison(p);
}

static tw_ast *parse_and(tw_parser *p) {
  return parse_chain(p, TW_AST_LOGIC, is_and, parse_not);
}

static tw_ast *parse_or(tw_parser *p) {
  return parse_chain(p, TW_AST_LOGIC, is_or, parse_and);
}

/* value ["if" condition "else" (the same again)] */
static tw_ast *parse_choice(tw_parser *p, parse_fn *value) {
  if (!tw_parser_deeper(p)) return NULL;
  uint32_t begin = p->token.begin;
  tw_ast *node = value(p);
  if (node && tw_parser_at(p) == TW_TOKEN_IF) {
    uint32_t at = tw_parser_take(p).begin;
    tw_ast *condition = parse_or(p), *otherwise = NULL;
    if (condition && tw_parser_expect(p, TW_TOKEN_ELSE, "of `x if condition else y`"))
      otherwise = parse_choice(p, value);
    tw_ast_list items = {0};
    if (!otherwise || !tw_ast_list_add(p, &items, node, NULL) ||
        !tw_ast_list_add(p, &items, condition, NULL) || !tw_ast_list_add(p, &items, otherwise, NULL))
      return NULL;
    node = tw_parser_node_of(p, TW_AST_IF, begin, at, &items);
  }
  p->depth--;
  return node;
}

tw_ast *tw_parse_expression(tw_parser *p) {
  return parse_choice(p, parse_or);
}

tw_ast *tw_parse_plain(tw_parser *p) {
  return parse_choice(p, tw_parse_arithmetic);
}
