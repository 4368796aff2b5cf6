/* Recursive descent: what the parts of the parser share. */
#ifndef TALWEG_MODEL_PARSER_H
#define TALWEG_MODEL_PARSER_H

#include "model/ast.h"
#include "model/diagnose.h"

/* Where a newline ends a statement. */
typedef enum tw_line_mode {
  TW_LINES_END,     /* top level */
  TW_LINES_IN_BODY, /* directly in the braces of a nested problem: unless an operator follows */
  TW_LINES_JOINED   /* inside brackets: nowhere */
} tw_line_mode;

typedef struct tw_parser {
  tw_arena *arena;
  const tw_model_text *source;
  tw_error *error;
  tw_token token;    /* the next one */
  uint32_t last_end; /* end of the one taken last */
  tw_line_mode mode;
  int depth;
  bool failed; /* error is filled in; whoever sees NULL or false returns at once */
} tw_parser;

void tw_parser_start(tw_parser *p, tw_arena *arena, const tw_model_text *source, tw_error *error);
/* The kind of the next token, or TW_TOKEN_END where the statement ends before it. */
tw_token_kind tw_parser_at(const tw_parser *p);
/* Takes the next token, whatever line it is on. */
tw_token tw_parser_take(tw_parser *p);
/* Takes it if it is a `kind` on this statement. */
bool tw_parser_accept(tw_parser *p, tw_token_kind kind);
/* Takes a `kind`; else fails: "got .., expected `)` <why>". */
bool tw_parser_expect(tw_parser *p, tw_token_kind kind, const char *why);
/* Whether the next token is this contextual word. */
bool tw_parser_word(const tw_parser *p, const char *word);
/* The token after the next one. */
tw_token tw_parser_peek(const tw_parser *p);

/* Fails at the next token ("got `x`, expected .."), or at any place; return false. */
bool tw_parser_unexpected(tw_parser *p, const char *expected);
bool tw_parser_fail(tw_parser *p, uint32_t at, const char *format, ...) TW_PRINTF(3, 4);
/* One level deeper; false, with a message, beyond the limit. Pair with p->depth--. */
bool tw_parser_deeper(tw_parser *p);

void *tw_parser_alloc(tw_parser *p, size_t bytes);
/* The text of a token (NUL-terminated, arena-owned); strings without their quotes. */
const char *tw_parser_text(tw_parser *p, tw_token token);
const char *tw_parser_name(tw_parser *p, const char *why);

/* A growing list of children with optional labels. */
typedef struct tw_ast_list {
  tw_ast **item;
  const char **label;
  int n, capacity;
} tw_ast_list;
bool tw_ast_list_add(tw_parser *p, tw_ast_list *list, tw_ast *item, const char *label);

tw_ast *tw_parser_node(tw_parser *p, tw_ast_kind kind, uint32_t begin, uint32_t at);
tw_ast *tw_parser_node_of(tw_parser *p, tw_ast_kind kind, uint32_t begin, uint32_t at,
                          const tw_ast_list *list);

/* Expressions. `arithmetic` stops before comparisons, `plain` is arithmetic with `if`-`else`. */
tw_ast *tw_parse_expression(tw_parser *p);
tw_ast *tw_parse_arithmetic(tw_parser *p);
tw_ast *tw_parse_plain(tw_parser *p);
/* What may stand after `=` and `init`: an expression or a table {key: value}. */
tw_ast *tw_parse_right_side(tw_parser *p);
/* A set: {a, b}, 1..n, or an expression that names one. */
tw_ast *tw_parse_set(tw_parser *p);
/* [.., ..] as indices, the bracket still to be taken. */
bool tw_parse_index_items(tw_parser *p, tw_ast_list *items);
/* (.., name=..), the parenthesis still to be taken. */
bool tw_parse_arguments(tw_parser *p, tw_ast_list *arguments);
/* `name in set, .. if filter`, as children 1 .. of a loop. */
bool tw_parse_ranges(tw_parser *p, tw_ast_list *list);
/* Statements up to the closing brace of a nested problem (TW_LINES_IN_BODY) or the end of the text. */
bool tw_parse_statements(tw_parser *p, tw_statement **first);

#endif
