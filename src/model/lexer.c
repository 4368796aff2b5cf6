/* Lexer: bytes to tokens. */
#include "model/token.h"

#include <math.h>
#include <string.h>

static const char *const texts[TW_TOKEN_KINDS] = {
    [TW_TOKEN_END] = "the end of the text",
    [TW_TOKEN_BAD] = "an unknown character",
    [TW_TOKEN_NAME] = "a name",
    [TW_TOKEN_INTEGER] = "a number",
    [TW_TOKEN_NUMBER] = "a number",
    [TW_TOKEN_STRING] = "a string",
    [TW_TOKEN_PLUS] = "`+`",
    [TW_TOKEN_MINUS] = "`-`",
    [TW_TOKEN_STAR] = "`*`",
    [TW_TOKEN_SLASH] = "`/`",
    [TW_TOKEN_FLOORDIV] = "`//`",
    [TW_TOKEN_PERCENT] = "`%`",
    [TW_TOKEN_AT] = "`@`",
    [TW_TOKEN_POWER] = "`^`",
    [TW_TOKEN_LT] = "`<`",
    [TW_TOKEN_LE] = "`<=`",
    [TW_TOKEN_GT] = "`>`",
    [TW_TOKEN_GE] = "`>=`",
    [TW_TOKEN_EQ] = "`==`",
    [TW_TOKEN_NE] = "`!=`",
    [TW_TOKEN_ASSIGN] = "`=`",
    [TW_TOKEN_LPAREN] = "`(`",
    [TW_TOKEN_RPAREN] = "`)`",
    [TW_TOKEN_LBRACKET] = "`[`",
    [TW_TOKEN_RBRACKET] = "`]`",
    [TW_TOKEN_LBRACE] = "`{`",
    [TW_TOKEN_RBRACE] = "`}`",
    [TW_TOKEN_COMMA] = "`,`",
    [TW_TOKEN_COLON] = "`:`",
    [TW_TOKEN_DOT] = "`.`",
    [TW_TOKEN_RANGE] = "`..`",
    [TW_TOKEN_QUOTE] = "`'`",
    [TW_TOKEN_SET] = "`set`",
    [TW_TOKEN_PARAM] = "`param`",
    [TW_TOKEN_VAR] = "`var`",
    [TW_TOKEN_LET] = "`let`",
    [TW_TOKEN_MINIMIZE] = "`minimize`",
    [TW_TOKEN_MAXIMIZE] = "`maximize`",
    [TW_TOKEN_SUBJECT] = "`subject`",
    [TW_TOKEN_REPORT] = "`report`",
    [TW_TOKEN_FOR] = "`for`",
    [TW_TOKEN_IN] = "`in`",
    [TW_TOKEN_IF] = "`if`",
    [TW_TOKEN_ELSE] = "`else`",
    [TW_TOKEN_AND] = "`and`",
    [TW_TOKEN_OR] = "`or`",
    [TW_TOKEN_NOT] = "`not`",
};

const char *tw_token_text(tw_token_kind kind) {
  return texts[kind];
}

typedef struct spelling {
  const char *text;
  tw_token_kind kind;
  const char *hint; /* of BAD */
} spelling;

/* Longest first among those that share a beginning. What people bring along from other languages is told
 * apart from noise, with what to write instead. */
static const spelling symbols[] = {
    {"...", TW_TOKEN_BAD, "`...` is not part of the language, write `:` for a whole axis"},
    {"**", TW_TOKEN_POWER, NULL},
    {"//", TW_TOKEN_FLOORDIV, NULL},
    {"<=", TW_TOKEN_LE, NULL},
    {">=", TW_TOKEN_GE, NULL},
    {"==", TW_TOKEN_EQ, NULL},
    {"!=", TW_TOKEN_NE, NULL},
    {"..", TW_TOKEN_RANGE, NULL},
    {":=", TW_TOKEN_BAD, "`:=` is not an operator, write `=` to give a value"},
    {"&&", TW_TOKEN_BAD, "`&&` is not an operator, write `and`"},
    {"||", TW_TOKEN_BAD, "`||` is not an operator, write `or`"},
    {"+", TW_TOKEN_PLUS, NULL},
    {"-", TW_TOKEN_MINUS, NULL},
    {"*", TW_TOKEN_STAR, NULL},
    {"/", TW_TOKEN_SLASH, NULL},
    {"%", TW_TOKEN_PERCENT, NULL},
    {"@", TW_TOKEN_AT, NULL},
    {"^", TW_TOKEN_POWER, NULL},
    {"<", TW_TOKEN_LT, NULL},
    {">", TW_TOKEN_GT, NULL},
    {"=", TW_TOKEN_ASSIGN, NULL},
    {"(", TW_TOKEN_LPAREN, NULL},
    {")", TW_TOKEN_RPAREN, NULL},
    {"[", TW_TOKEN_LBRACKET, NULL},
    {"]", TW_TOKEN_RBRACKET, NULL},
    {"{", TW_TOKEN_LBRACE, NULL},
    {"}", TW_TOKEN_RBRACE, NULL},
    {",", TW_TOKEN_COMMA, NULL},
    {":", TW_TOKEN_COLON, NULL},
    {".", TW_TOKEN_DOT, NULL},
    {"'", TW_TOKEN_QUOTE, NULL},
    {";", TW_TOKEN_BAD, "`;` is not part of the language, a statement ends with its line"},
    {"&", TW_TOKEN_BAD, "`&` is not an operator, write `and`"},
    {"|", TW_TOKEN_BAD, "`|` is not an operator, write `or`, abs(x) or norm(x)"},
    {"!", TW_TOKEN_BAD, "`!` is not an operator, write `not`"},
    {"\xe2\x89\xa4", TW_TOKEN_BAD, "write `<=`"}, /* U+2264 */
    {"\xe2\x89\xa5", TW_TOKEN_BAD, "write `>=`"}, /* U+2265 */
    {"\xe2\x88\x92", TW_TOKEN_BAD, "write `-`"},  /* U+2212 */
    {"\xe2\x80\x93", TW_TOKEN_BAD, "write `-`"},  /* U+2013 */
    {"\xc3\x97", TW_TOKEN_BAD, "write `*`"},      /* U+00D7 */
    {"\xc2\xb7", TW_TOKEN_BAD, "write `*`"},      /* U+00B7 */
    {"\xe2\x80\x9c", TW_TOKEN_BAD, "write `\"`"}, /* U+201C */
    {"\xe2\x80\x9d", TW_TOKEN_BAD, "write `\"`"}, /* U+201D */
    {"\xe2\x88\x9e", TW_TOKEN_BAD, "write inf"},  /* U+221E */
};

static const spelling keywords[] = {
    {"set", TW_TOKEN_SET, NULL},
    {"param", TW_TOKEN_PARAM, NULL},
    {"var", TW_TOKEN_VAR, NULL},
    {"let", TW_TOKEN_LET, NULL},
    {"minimize", TW_TOKEN_MINIMIZE, NULL},
    {"maximize", TW_TOKEN_MAXIMIZE, NULL},
    {"subject", TW_TOKEN_SUBJECT, NULL},
    {"report", TW_TOKEN_REPORT, NULL},
    {"for", TW_TOKEN_FOR, NULL},
    {"in", TW_TOKEN_IN, NULL},
    {"if", TW_TOKEN_IF, NULL},
    {"else", TW_TOKEN_ELSE, NULL},
    {"and", TW_TOKEN_AND, NULL},
    {"or", TW_TOKEN_OR, NULL},
    {"not", TW_TOKEN_NOT, NULL},
};

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Blanks, comments and line ends before a token. */
static const char *skip_blank(const char *p, const char *end, bool *newline) {
  for (; p < end; p++) {
    if (*p == '#') {
      while (p < end && *p != '\n') p++;
      if (p == end) break;
    }
    if (*p == '\n')
      *newline = true;
    else if (*p != ' ' && *p != '\t' && *p != '\r')
      break;
  }
  return p;
}

static bool all_digits(const char *p, const char *end) {
  while (p < end && is_digit(*p)) p++;
  return p == end;
}

static const char *take_number(const char *p, const char *end, tw_token *token) {
  const char *after = tw_parse_number(p, end, false, &token->number);
  if (!after) { /* cannot be: p starts with a digit, or a point and a digit */
    token->kind = TW_TOKEN_BAD;
    token->hint = "not a number";
    return p + 1;
  }
  token->kind = TW_TOKEN_NUMBER;
  if (all_digits(p, after)) {
    int64_t value = 0;
    bool fits = true;
    for (const char *d = p; fits && d < after; d++)
      fits = !__builtin_mul_overflow(value, (int64_t)10, &value) &&
             !__builtin_add_overflow(value, (int64_t)(*d - '0'), &value);
    if (fits) {
      token->kind = TW_TOKEN_INTEGER;
      token->integer = value;
    }
  }
  if (after < end && is_letter(*after)) {
    token->kind = TW_TOKEN_BAD;
    token->hint = "a number runs into a name, expected an operator between them (2*x, not 2x)";
  }
  return after;
}

static const char *take_name(const char *p, const char *end, tw_token *token) {
  const char *after = p;
  while (after < end && (is_letter(*after) || is_digit(*after))) after++;
  size_t length = (size_t)(after - p);
  token->kind = TW_TOKEN_NAME;
  if (length == 3 && memcmp(p, "inf", 3) == 0) {
    token->kind = TW_TOKEN_NUMBER;
    token->number = HUGE_VAL;
  }
  for (size_t k = 0; k < sizeof keywords / sizeof keywords[0]; k++)
    if (strlen(keywords[k].text) == length && memcmp(keywords[k].text, p, length) == 0)
      token->kind = keywords[k].kind;
  return after;
}

static const char *take_string(const char *p, const char *end, tw_token *token) {
  const char *after = p + 1;
  while (after < end && *after != '"' && *after != '\n') after++;
  if (after < end && *after == '"') {
    token->kind = TW_TOKEN_STRING;
    if (memchr(p, '\0', (size_t)(after - p))) {
      token->kind = TW_TOKEN_BAD;
      token->hint = "a string holds a NUL byte";
    }
    return after + 1;
  }
  token->kind = TW_TOKEN_BAD;
  token->hint = "a string without its end, expected `\"` on the same line";
  return p + 1;
}

static const char *take_symbol(const char *p, const char *end, tw_token *token) {
  for (size_t k = 0; k < sizeof symbols / sizeof symbols[0]; k++) {
    size_t length = strlen(symbols[k].text);
    if (length > (size_t)(end - p) || memcmp(symbols[k].text, p, length) != 0) continue;
    token->kind = symbols[k].kind;
    token->hint = symbols[k].hint;
    return p + length;
  }
  token->kind = TW_TOKEN_BAD;
  token->hint = (unsigned char)*p >= 0x80 ? "names are made of the letters a-z, A-Z, digits and `_`"
                                          : "this character is not part of the language";
  return p + 1;
}

tw_token tw_token_next(const tw_model_text *source, uint32_t at) {
  const char *begin = source->text, *end = begin + source->length;
  tw_token token = {.newline = at == 0};
  const char *p = begin + at;
  if (at == 0 && source->length >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) p += 3; /* byte order mark */
  p = skip_blank(p, end, &token.newline);
  token.begin = (uint32_t)(p - begin);
  const char *after = p;
  if (p == end)
    token.kind = TW_TOKEN_END;
  else if (is_digit(*p) || (*p == '.' && end - p > 1 && is_digit(p[1])))
    after = take_number(p, end, &token);
  else if (is_letter(*p))
    after = take_name(p, end, &token);
  else if (*p == '"')
    after = take_string(p, end, &token);
  else
    after = take_symbol(p, end, &token);
  token.end = (uint32_t)(after - begin);
  return token;
}
