/* Parser: statements. */
#include "model/parser.h"

#include <string.h>

static const char *const starters =
    "set, param, var, let, minimize, maximize, subject to, solve with, report or model";

static tw_statement *new_statement(tw_parser *p, tw_statement_kind kind) {
  tw_statement *s = tw_parser_alloc(p, sizeof *s);
  if (!s) return NULL;
  s->kind = kind;
  s->source = p->source;
  s->at = s->name_at = p->token.begin;
  return s;
}

/* [set, name in set, ..] after the name of a param, var or constraint; `filter` where one may stand. */
static bool parse_shape(tw_parser *p, tw_statement *s, bool filter) {
  tw_ast_list list = {0};
  tw_line_mode outside = p->mode;
  p->mode = TW_LINES_JOINED;
  tw_parser_take(p);
  do {
    const char *name = NULL;
    if (p->token.kind == TW_TOKEN_NAME && tw_parser_peek(p).kind == TW_TOKEN_IN) {
      name = tw_parser_name(p, "");
      tw_parser_take(p);
    }
    tw_ast *set = tw_parse_set(p);
    if (!set || !tw_ast_list_add(p, &list, set, name)) return false;
  } while (tw_parser_accept(p, TW_TOKEN_COMMA));
  if (filter && tw_parser_accept(p, TW_TOKEN_IF) && !(s->filter = tw_parse_expression(p))) return false;
  if (!tw_parser_expect(p, TW_TOKEN_RBRACKET, "or `,` after a set")) return false;
  p->mode = outside;
  s->n_index = list.n;
  s->index = list.item;
  s->index_name = list.label;
  return true;
}

static bool parse_name(tw_parser *p, tw_statement *s, const char *expected) {
  s->name_at = p->token.begin;
  s->name = tw_parser_name(p, expected);
  return s->name != NULL;
}

/* set NAME = .. */
static bool parse_set(tw_parser *p, tw_statement *s) {
  if (!parse_name(p, s, "the name of a set")) return false;
  if (!tw_parser_expect(p, TW_TOKEN_ASSIGN, "and the elements: {a, b} or 1..n")) return false;
  return (s->expr = tw_parse_set(p)) != NULL;
}

/* param NAME[..] = ..; the value may come from outside instead. */
static bool parse_param(tw_parser *p, tw_statement *s) {
  if (!parse_name(p, s, "the name of a param")) return false;
  if (tw_parser_at(p) == TW_TOKEN_LBRACKET && !parse_shape(p, s, false)) return false;
  if (!tw_parser_accept(p, TW_TOKEN_ASSIGN)) return true;
  return (s->expr = tw_parse_right_side(p)) != NULL;
}

static bool set_once(tw_parser *p, tw_ast **slot, uint32_t at, const char *what, tw_ast *value) {
  if (!value) return false;
  if (*slot) return tw_parser_fail(p, at, "%s is given twice, expected it once", what);
  *slot = value;
  return true;
}

/* One of: >= e, <= e, init e, in SET, integer, binary. False, without failing, where there is none. */
static bool parse_attribute(tw_parser *p, tw_statement *s) {
  uint32_t at = p->token.begin;
  if (tw_parser_accept(p, TW_TOKEN_GE))
    return set_once(p, &s->lower, at, "the lower bound", tw_parse_plain(p));
  if (tw_parser_accept(p, TW_TOKEN_LE))
    return set_once(p, &s->upper, at, "the upper bound", tw_parse_plain(p));
  if (tw_parser_accept(p, TW_TOKEN_IN)) return set_once(p, &s->domain, at, "the domain", tw_parse_set(p));
  tw_token_kind kind = tw_parser_at(p);
  if (kind == TW_TOKEN_LT || kind == TW_TOKEN_GT)
    return tw_parser_fail(p, at, "a strict bound has no nearest point, expected %s",
                          kind == TW_TOKEN_LT ? "`<=`" : "`>=`");
  if (kind == TW_TOKEN_EQ || kind == TW_TOKEN_ASSIGN)
    return tw_parser_fail(
        p, at, "a var has no value of its own; expected `init` for a start, or `let` for a formula");
  if (tw_parser_word(p, "init")) {
    tw_parser_take(p);
    bool braces = p->token.kind == TW_TOKEN_LBRACE;
    return set_once(p, &s->start, at, "init", braces ? tw_parse_right_side(p) : tw_parse_plain(p));
  }
  bool integer = tw_parser_word(p, "integer");
  if (!integer && !tw_parser_word(p, "binary")) return false;
  tw_parser_take(p);
  if (s->number) return tw_parser_fail(p, at, "a second kind of number, expected one of integer and binary");
  s->number = integer ? TW_VAR_INTEGER : TW_VAR_BINARY;
  return true;
}

static bool parse_var(tw_parser *p, tw_statement *s) {
  if (!parse_name(p, s, "the name of a var")) return false;
  if (tw_parser_at(p) == TW_TOKEN_LBRACKET && !parse_shape(p, s, false)) return false;
  while (parse_attribute(p, s)) continue;
  return !p->failed;
}

/* let NAME = .. */
static bool parse_let(tw_parser *p, tw_statement *s) {
  if (!parse_name(p, s, "a name after `let`")) return false;
  if (!tw_parser_expect(p, TW_TOKEN_ASSIGN, "and the expression to name")) return false;
  return (s->expr = tw_parse_expression(p)) != NULL;
}

/* minimize [NAME:] .. */
static bool parse_objective(tw_parser *p, tw_statement *s) {
  s->name_at = p->token.begin;
  if (p->token.kind == TW_TOKEN_NAME && tw_parser_peek(p).kind == TW_TOKEN_COLON) {
    if (!parse_name(p, s, "")) return false;
    tw_parser_take(p);
  }
  return (s->expr = tw_parse_expression(p)) != NULL;
}

/* [index in .. is how index sets begin; no expression does. */
static bool opens_index_sets(const tw_model_text *source, tw_token token) {
  if (token.kind != TW_TOKEN_LBRACKET) return false;
  token = tw_token_next(source, token.end);
  return token.kind == TW_TOKEN_NAME && tw_token_next(source, token.end).kind == TW_TOKEN_IN;
}

/* Whether a constraint's name stands next: NAME `:` or NAME [..] `:`. Reads ahead to the bracket's partner.
 */
static bool named_constraint(const tw_parser *p) {
  if (p->token.kind != TW_TOKEN_NAME) return false;
  tw_token token = tw_parser_peek(p);
  if (opens_index_sets(p->source, token)) return true;
  for (int open = 0; token.kind != TW_TOKEN_END; token = tw_token_next(p->source, token.end)) {
    if (token.kind == TW_TOKEN_LBRACKET || token.kind == TW_TOKEN_LPAREN || token.kind == TW_TOKEN_LBRACE)
      open++;
    if (token.kind == TW_TOKEN_RBRACKET || token.kind == TW_TOKEN_RPAREN || token.kind == TW_TOKEN_RBRACE)
      open--;
    if (open < 0) return false;
    if (open == 0 && token.kind != TW_TOKEN_RBRACKET) return token.kind == TW_TOKEN_COLON;
  }
  return false;
}

/* subject to [NAME[i in S, ..]:] .. */
static bool parse_subject(tw_parser *p, tw_statement *s) {
  if (!tw_parser_word(p, "to")) return tw_parser_unexpected(p, "`to`: subject to [name[i in S]:] lhs <= rhs");
  tw_parser_take(p);
  s->name_at = p->token.begin;
  if (named_constraint(p)) {
    if (!parse_name(p, s, "")) return false;
    if (tw_parser_at(p) == TW_TOKEN_LBRACKET && !parse_shape(p, s, true)) return false;
    if (!tw_parser_expect(p, TW_TOKEN_COLON, "after the name of a constraint")) return false;
  }
  s->expr = tw_parse_expression(p);
  if (!s->expr) return false;
  if (tw_parser_at(p) == TW_TOKEN_ASSIGN)
    return tw_parser_fail(p, p->token.begin, "`=` gives a name a value, expected `==` for an equality");
  return true;
}

/* solve with METHOD[(option=value, ..)] */
static bool parse_solve(tw_parser *p, tw_statement *s) {
  if (!tw_parser_word(p, "with"))
    return tw_parser_unexpected(p, "`with`: solve with method(option=value, ..)");
  tw_parser_take(p);
  uint32_t at = s->name_at = p->token.begin;
  const char *name = tw_parser_name(p, "the name of a method");
  if (!name) return false;
  tw_ast_list list = {0};
  bool call = tw_parser_at(p) == TW_TOKEN_LPAREN;
  if (call && !tw_parse_arguments(p, &list)) return false;
  s->expr = tw_parser_node_of(p, call ? TW_AST_CALL : TW_AST_NAME, at, at, &list);
  if (!s->expr) return false;
  s->expr->text = name;
  return true;
}

/* report e, ..: one statement each. */
static bool parse_report(tw_parser *p, tw_statement **s) {
  for (;;) {
    (*s)->name_at = p->token.begin;
    (*s)->expr = tw_parse_expression(p);
    if (!(*s)->expr) return false;
    if (!tw_parser_accept(p, TW_TOKEN_COMMA)) return true;
    (*s)->next = new_statement(p, TW_STATE_REPORT);
    if (!(*s)->next) return false;
    *s = (*s)->next;
  }
}

static bool parse_title(tw_parser *p, tw_statement *s) {
  s->name_at = p->token.begin;
  if (tw_parser_at(p) != TW_TOKEN_STRING) return tw_parser_unexpected(p, "a title in double quotes");
  s->name = tw_parser_text(p, tw_parser_take(p));
  return s->name != NULL;
}

/* NAME = .., in the body of a fixpoint, also where its line begins. */
static bool parse_map(tw_parser *p, tw_statement *s) {
  p->token.newline = false;
  if (!parse_name(p, s, "")) return false;
  tw_parser_take(p);
  return (s->expr = tw_parse_expression(p)) != NULL;
}

typedef struct starter {
  tw_token_kind token;
  const char *word; /* of a contextual keyword */
  tw_statement_kind kind;
  bool (*parse)(tw_parser *p, tw_statement *s);
} starter;

static const starter starter_table[] = {
    {TW_TOKEN_SET, NULL, TW_STATE_SET, parse_set},
    {TW_TOKEN_PARAM, NULL, TW_STATE_PARAM, parse_param},
    {TW_TOKEN_VAR, NULL, TW_STATE_VAR, parse_var},
    {TW_TOKEN_LET, NULL, TW_STATE_LET, parse_let},
    {TW_TOKEN_MINIMIZE, NULL, TW_STATE_MINIMIZE, parse_objective},
    {TW_TOKEN_MAXIMIZE, NULL, TW_STATE_MAXIMIZE, parse_objective},
    {TW_TOKEN_SUBJECT, NULL, TW_STATE_SUBJECT, parse_subject},
    {TW_TOKEN_NAME, "solve", TW_STATE_SOLVE, parse_solve},
    {TW_TOKEN_NAME, "model", TW_STATE_MODEL, parse_title},
};

/* Which statement the next token starts; NULL for none of the table. */
static const starter *find_starter(const tw_parser *p) {
  for (size_t k = 0; k < sizeof starter_table / sizeof starter_table[0]; k++) {
    const starter *s = &starter_table[k];
    if (s->token != p->token.kind) continue;
    if (!s->word) return s;
    uint32_t length = p->token.end - p->token.begin;
    if (length == strlen(s->word) && memcmp(p->source->text + p->token.begin, s->word, length) == 0) return s;
  }
  return NULL;
}

static bool fail_start(tw_parser *p) {
  static const char *const words[] = {"set",      "param",   "var",   "let",    "minimize",
                                      "maximize", "subject", "solve", "report", "model"};
  const tw_token *t = &p->token;
  if (t->kind == TW_TOKEN_BAD) return tw_parser_unexpected(p, "");
  if (t->kind != TW_TOKEN_NAME)
    return tw_parser_fail(p, t->begin,
                          "%s starts no statement, expected %s; an expression goes on in the next line in "
                          "brackets or after an operator",
                          tw_token_text(t->kind), starters);
  char name[64], hint[96];
  uint32_t length = t->end - t->begin;
  snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), p->source->text + t->begin);
  tw_nearest nearest = tw_nearest_start(name);
  for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) tw_nearest_offer(&nearest, words[k]);
  if (nearest.best)
    return tw_parser_fail(p, t->begin, "`%s` starts no statement%s", name, tw_nearest_text(&nearest, hint));
  return tw_parser_fail(p, t->begin, "`%s` starts no statement, expected %s", name, starters);
}

/* Appends one statement (a report: several) at *tail. */
static bool parse_statement(tw_parser *p, tw_statement **tail) {
  bool report = p->token.kind == TW_TOKEN_REPORT;
  bool assigns = p->token.kind == TW_TOKEN_NAME && tw_parser_peek(p).kind == TW_TOKEN_ASSIGN;
  const starter *start = find_starter(p);
  if (!report && !assigns && !start) return fail_start(p);
  if (assigns && p->mode != TW_LINES_IN_BODY)
    return tw_parser_fail(p, p->token.begin,
                          "a value without its kind, expected `let`, `param` or `set` before the name");
  tw_statement *s = new_statement(p, report ? TW_STATE_REPORT : assigns ? TW_STATE_MAP : start->kind);
  if (!s) return false;
  *tail = s;
  if (assigns) return parse_map(p, s);
  tw_parser_take(p);
  return report ? parse_report(p, &s) : start->parse(p, s);
}

bool tw_parse_statements(tw_parser *p, tw_statement **first) {
  tw_statement **tail = first;
  bool body = p->mode == TW_LINES_IN_BODY;
  while (!p->failed && p->token.kind != TW_TOKEN_END && !(body && p->token.kind == TW_TOKEN_RBRACE)) {
    if (!parse_statement(p, tail)) return false;
    while (*tail) tail = &(*tail)->next;
    /* In a body, statements may share a line: the keyword of the next one tells them apart. */
    if (!body && tw_parser_at(p) != TW_TOKEN_END)
      return tw_parser_unexpected(p, "an operator or the end of the line");
  }
  return !p->failed;
}

tw_status tw_parse_model(tw_arena *arena, const tw_model_text *source, tw_statement **statements,
                         tw_error *error) {
  tw_parser p;
  tw_error own = {TW_OK, ""};
  tw_parser_start(&p, arena, source, &own);
  p.mode = TW_LINES_END;
  *statements = NULL;
  if (tw_parse_statements(&p, statements)) return TW_OK;
  return tw_fail(error, own.status, "%s", own.message);
}

tw_status tw_parse_value(tw_arena *arena, const tw_model_text *source, tw_ast **value, tw_error *error) {
  tw_parser p;
  tw_error own = {TW_OK, ""};
  tw_parser_start(&p, arena, source, &own);
  p.mode = TW_LINES_JOINED;
  *value = tw_parse_right_side(&p);
  if (*value && p.token.kind != TW_TOKEN_END) tw_parser_unexpected(&p, "an operator or the end of the value");
  if (!p.failed) return TW_OK;
  return tw_fail(error, own.status, "%s", own.message);
}
