/* Parser: tokens, lists and messages. */
#include "model/parser.h"

#include <string.h>

void tw_parser_start(tw_parser *p, tw_arena *arena, const tw_model_text *source, tw_error *error) {
  *p = (tw_parser){.arena = arena, .source = source, .error = error};
  p->token = tw_token_next(source, 0);
}

/* In the body of a nested problem an operator goes on with the line before: no statement starts with one. */
static bool goes_on(tw_token_kind kind) {
  switch (kind) {
  case TW_TOKEN_PLUS:
  case TW_TOKEN_MINUS:
  case TW_TOKEN_STAR:
  case TW_TOKEN_SLASH:
  case TW_TOKEN_FLOORDIV:
  case TW_TOKEN_PERCENT:
  case TW_TOKEN_AT:
  case TW_TOKEN_POWER:
  case TW_TOKEN_LT:
  case TW_TOKEN_LE:
  case TW_TOKEN_GT:
  case TW_TOKEN_GE:
  case TW_TOKEN_EQ:
  case TW_TOKEN_NE:
  case TW_TOKEN_ASSIGN:
  case TW_TOKEN_COMMA:
  case TW_TOKEN_COLON:
  case TW_TOKEN_RANGE:
  case TW_TOKEN_IN:
  case TW_TOKEN_IF:
  case TW_TOKEN_ELSE:
  case TW_TOKEN_AND:
  case TW_TOKEN_OR:
    return true;
  default:
    return false;
  }
}

tw_token_kind tw_parser_at(const tw_parser *p) {
  tw_token_kind kind = p->token.kind;
  if (!p->token.newline || p->mode == TW_LINES_JOINED) return kind;
  if (p->mode == TW_LINES_IN_BODY && goes_on(kind)) return kind;
  return TW_TOKEN_END;
}

tw_token tw_parser_take(tw_parser *p) {
  tw_token taken = p->token;
  p->last_end = taken.end;
  p->token = tw_token_next(p->source, taken.end);
  return taken;
}

tw_token tw_parser_peek(const tw_parser *p) {
  return tw_token_next(p->source, p->token.end);
}

bool tw_parser_accept(tw_parser *p, tw_token_kind kind) {
  if (tw_parser_at(p) != kind) return false;
  tw_parser_take(p);
  return true;
}

bool tw_parser_word(const tw_parser *p, const char *word) {
  size_t length = strlen(word);
  return tw_parser_at(p) == TW_TOKEN_NAME && p->token.end - p->token.begin == length &&
         memcmp(p->source->text + p->token.begin, word, length) == 0;
}

bool tw_parser_fail(tw_parser *p, uint32_t at, const char *format, ...) {
  if (p->failed) return false;
  p->failed = true;
  va_list args;
  va_start(args, format);
  tw_place_fail_v((tw_place){p->source, at}, p->error, TW_ERR_PARSE, format, args);
  va_end(args);
  return false;
}

bool tw_parser_unexpected(tw_parser *p, const char *expected) {
  const tw_token *t = &p->token;
  if (t->kind == TW_TOKEN_BAD) return tw_parser_fail(p, t->begin, "%s", t->hint);
  if (tw_parser_at(p) == TW_TOKEN_END) /* point behind what there is */
    return tw_parser_fail(p, p->last_end, "the %s ends, expected %s",
                          t->kind == TW_TOKEN_END ? "text" : "line", expected);
  if (t->kind != TW_TOKEN_NAME)
    return tw_parser_fail(p, t->begin, "got %s, expected %s", tw_token_text(t->kind), expected);
  uint32_t length = t->end - t->begin;
  return tw_parser_fail(p, t->begin, "got `%.*s`, expected %s", (int)(length < 64 ? length : 64),
                        p->source->text + t->begin, expected);
}

bool tw_parser_expect(tw_parser *p, tw_token_kind kind, const char *why) {
  if (p->failed) return false;
  if (tw_parser_accept(p, kind)) return true;
  char expected[128];
  snprintf(expected, sizeof expected, "%s%s%s", tw_token_text(kind), *why ? " " : "", why);
  return tw_parser_unexpected(p, expected);
}

bool tw_parser_deeper(tw_parser *p) {
  if (p->failed) return false;
  if (++p->depth <= TW_AST_MAX_DEPTH) return true;
  return tw_parser_fail(p, p->token.begin,
                        "nested more than %d levels deep, expected fewer; name parts with `let`",
                        TW_AST_MAX_DEPTH);
}

void *tw_parser_alloc(tw_parser *p, size_t bytes) {
  void *data = tw_arena_alloc(p->arena, bytes, _Alignof(max_align_t));
  if (!data && !p->failed) {
    p->failed = true;
    tw_fail(p->error, TW_ERR_MEMORY, "%s: out of memory", p->source->name);
  }
  return data;
}

const char *tw_parser_text(tw_parser *p, tw_token token) {
  uint32_t quote = token.kind == TW_TOKEN_STRING;
  size_t length = token.end - token.begin - 2 * quote;
  char *text = tw_parser_alloc(p, length + 1);
  if (text) memcpy(text, p->source->text + token.begin + quote, length);
  return text;
}

const char *tw_parser_name(tw_parser *p, const char *why) {
  if (p->failed) return NULL;
  if (tw_parser_at(p) != TW_TOKEN_NAME) {
    tw_parser_unexpected(p, why);
    return NULL;
  }
  return tw_parser_text(p, tw_parser_take(p));
}

bool tw_ast_list_add(tw_parser *p, tw_ast_list *list, tw_ast *item, const char *label) {
  if (p->failed) return false;
  if (list->n == list->capacity) {
    int capacity = list->capacity ? 2 * list->capacity : 4;
    tw_ast **items = tw_parser_alloc(p, (size_t)capacity * sizeof *items);
    const char **labels = tw_parser_alloc(p, (size_t)capacity * sizeof *labels);
    if (!items || !labels) return false;
    if (list->n) {
      memcpy(items, list->item, (size_t)list->n * sizeof *items);
      memcpy(labels, list->label, (size_t)list->n * sizeof *labels);
    }
    *list = (tw_ast_list){items, labels, list->n, capacity};
  }
  list->item[list->n] = item;
  list->label[list->n++] = label;
  return true;
}

tw_ast *tw_parser_node_of(tw_parser *p, tw_ast_kind kind, uint32_t begin, uint32_t at,
                          const tw_ast_list *list) {
  if (p->failed) return NULL;
  tw_ast *node = tw_parser_alloc(p, sizeof *node);
  if (!node) return NULL;
  node->kind = kind;
  node->source = p->source;
  node->begin = begin;
  node->at = at;
  node->end = p->last_end;
  if (list) {
    node->n = list->n;
    node->child = list->item;
    node->label = list->label;
  }
  return node;
}

tw_ast *tw_parser_node(tw_parser *p, tw_ast_kind kind, uint32_t begin, uint32_t at) {
  return tw_parser_node_of(p, kind, begin, at, NULL);
}
