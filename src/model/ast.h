/* The tree of a model's text. Arena-owned; every node has the same form, so that a walk is one recursion. */
#ifndef TALWEG_MODEL_AST_H
#define TALWEG_MODEL_AST_H

#include "model/token.h"

enum { TW_AST_MAX_DEPTH = 200 }; /* nesting of expressions and blocks */

typedef enum tw_ast_kind {
  TW_AST_INTEGER, /* integer */
  TW_AST_NUMBER,  /* number */
  TW_AST_STRING,  /* text, without quotes */
  TW_AST_NAME,    /* text */
  TW_AST_UNARY,   /* op in MINUS, NOT: child[0] */
  TW_AST_CHAIN,   /* child[0] op[0] child[1] op[1] ..: one precedence, left to right */
  TW_AST_POWER,   /* child[0] ^ child[1] */
  TW_AST_COMPARE, /* child[0] op[0] child[1] ..: all links hold */
  TW_AST_LOGIC,   /* op[0] in AND, OR between any number of children */
  TW_AST_IF,      /* child[0] if child[1] else child[2] */
  TW_AST_INDEX,   /* child[0][child[1], ..] */
  TW_AST_SLICE,   /* child[0]:child[1]:child[2], NULL where left out */
  TW_AST_FIELD,   /* child[0].text */
  TW_AST_TRANSPOSE,
  TW_AST_CALL,  /* text(child[0], ..), label[i] the keyword of an argument or NULL */
  TW_AST_ARRAY, /* [child[0], ..] */
  TW_AST_TUPLE, /* (child[0], child[1], ..), only as a key of a table */
  TW_AST_TABLE, /* {child[0]: child[1], child[2]: child[3], ..} */
  TW_AST_LIST,  /* {child[0], ..}, a set of labels or integers */
  TW_AST_RANGE, /* child[0]..child[1], both included */
  TW_AST_LOOP,  /* text(child[0] for label[1] in child[1], .. if child[n-1]); text NULL: an array; no filter:
                   NULL */
  TW_AST_BLOCK  /* text { body } */
} tw_ast_kind;

typedef struct tw_ast tw_ast;
typedef struct tw_statement tw_statement;

/* One link of a chain: the operator between child[k] and child[k+1]. */
typedef struct tw_ast_link {
  tw_token_kind op;
  uint32_t at;
} tw_ast_link;

struct tw_ast {
  tw_ast_kind kind;
  const tw_model_text *source;
  uint32_t begin, end; /* bytes of the whole expression */
  uint32_t at;         /* of what names it: operator, bracket or first byte */
  int n;
  tw_ast **child;
  const char **label;      /* parallel to child; NULL for kinds without labels */
  const tw_ast_link *link; /* n - 1 of them, of CHAIN, COMPARE, LOGIC; of UNARY one */
  const char *text;
  union {
    double number;
    int64_t integer;
    tw_statement *body;
  };
};

typedef enum tw_statement_kind {
  TW_STATE_MODEL,
  TW_STATE_SET,
  TW_STATE_PARAM,
  TW_STATE_VAR,
  TW_STATE_LET,
  TW_STATE_MINIMIZE,
  TW_STATE_MAXIMIZE,
  TW_STATE_SUBJECT,
  TW_STATE_SOLVE, /* expr: a NAME or CALL */
  TW_STATE_REPORT,
  TW_STATE_MAP /* name = expr, of a fixpoint block */
} tw_statement_kind;

struct tw_statement {
  tw_statement *next;
  tw_statement_kind kind;
  const tw_model_text *source;
  uint32_t at;      /* of the first token */
  uint32_t name_at; /* of the name, of the expression when there is none */
  const char *name; /* NULL: none given */
  int n_index;      /* shape of a param or var, index sets of a constraint: [index_name in index, ..] */
  tw_ast **index;
  const char **index_name;                /* NULL entries: no `name in` */
  tw_ast *filter;                         /* of a constraint's index sets */
  tw_ast *expr;                           /* value, objective, constraint, set; report: see next */
  tw_ast *lower, *upper, *start, *domain; /* of a var; NULL: none */
  enum { TW_VAR_REAL, TW_VAR_INTEGER, TW_VAR_BINARY } number;
};

static inline tw_place tw_ast_place(const tw_ast *node) {
  return (tw_place){node->source, node->at};
}

static inline tw_place tw_ast_link_place(const tw_ast *node, int link) {
  return (tw_place){node->source, node->link[link].at};
}

static inline tw_place tw_statement_place(const tw_statement *s) {
  return (tw_place){s->source, s->name_at};
}

/* The statements of a model's text. Nodes live in `arena`, which outlives `source`'s users too. */
tw_status tw_parse_model(tw_arena *arena, const tw_model_text *source, tw_statement **statements,
                         tw_error *error);
/* One expression and nothing after it: the value of an override. */
tw_status tw_parse_value(tw_arena *arena, const tw_model_text *source, tw_ast **value, tw_error *error);

#endif
