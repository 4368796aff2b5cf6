/* Source text and its tokens. */
#ifndef TALWEG_MODEL_TOKEN_H
#define TALWEG_MODEL_TOKEN_H

#include <talweg/base.h>

typedef struct tw_model_text {
  const char *name; /* of the file, for messages */
  const char *text; /* need not end in NUL */
  size_t length;    /* below 2^32 */
} tw_model_text;

/* A position in a source. */
typedef struct tw_place {
  const tw_model_text *source;
  uint32_t at; /* byte */
} tw_place;

typedef enum tw_token_kind {
  TW_TOKEN_END, /* of the text; also what a parser sees where its statement ends */
  TW_TOKEN_BAD, /* no token: tw_token.hint says why */
  TW_TOKEN_NAME,
  TW_TOKEN_INTEGER,
  TW_TOKEN_NUMBER,
  TW_TOKEN_STRING,
  TW_TOKEN_PLUS,
  TW_TOKEN_MINUS,
  TW_TOKEN_STAR,
  TW_TOKEN_SLASH,
  TW_TOKEN_FLOORDIV,
  TW_TOKEN_PERCENT,
  TW_TOKEN_AT,
  TW_TOKEN_POWER,
  TW_TOKEN_LT,
  TW_TOKEN_LE,
  TW_TOKEN_GT,
  TW_TOKEN_GE,
  TW_TOKEN_EQ,
  TW_TOKEN_NE,
  TW_TOKEN_ASSIGN,
  TW_TOKEN_LPAREN,
  TW_TOKEN_RPAREN,
  TW_TOKEN_LBRACKET,
  TW_TOKEN_RBRACKET,
  TW_TOKEN_LBRACE,
  TW_TOKEN_RBRACE,
  TW_TOKEN_COMMA,
  TW_TOKEN_COLON,
  TW_TOKEN_DOT,
  TW_TOKEN_RANGE,
  TW_TOKEN_QUOTE,
  TW_TOKEN_SET,
  TW_TOKEN_PARAM,
  TW_TOKEN_VAR,
  TW_TOKEN_LET,
  TW_TOKEN_MINIMIZE,
  TW_TOKEN_MAXIMIZE,
  TW_TOKEN_SUBJECT,
  TW_TOKEN_REPORT,
  TW_TOKEN_FOR,
  TW_TOKEN_IN,
  TW_TOKEN_IF,
  TW_TOKEN_ELSE,
  TW_TOKEN_AND,
  TW_TOKEN_OR,
  TW_TOKEN_NOT,
  TW_TOKEN_KINDS
} tw_token_kind;

typedef struct tw_token {
  tw_token_kind kind;
  bool newline;        /* the first on its line */
  uint32_t begin, end; /* bytes; a string's quotes included */
  double number;       /* of INTEGER and NUMBER */
  int64_t integer;     /* of INTEGER */
  const char *hint;    /* of BAD */
} tw_token;

/* Takes the token that starts at or after byte `at`. A pure function: a parser looks ahead by calling it
 * again. */
tw_token tw_token_next(const tw_model_text *source, uint32_t at);
/* As written in a model: "`<=`", "a name", "the end of the text". */
const char *tw_token_text(tw_token_kind kind);

#endif
