/* Names and what they stand for. */
#ifndef TALWEG_MODEL_SCOPE_H
#define TALWEG_MODEL_SCOPE_H

#include "model/diagnose.h"
#include "model/value.h"

typedef enum tw_symbol_kind {
  TW_SYMBOL_SET,
  TW_SYMBOL_PARAM,
  TW_SYMBOL_VAR,
  TW_SYMBOL_LET,
  TW_SYMBOL_OBJECTIVE,
  TW_SYMBOL_CONSTRAINT,
  TW_SYMBOL_INDEX /* of a comprehension */
} tw_symbol_kind;

struct tw_symbol {
  tw_symbol_kind kind;
  const char *name;
  tw_place place;
  tw_value value;          /* PARAM, VAR, LET, OBJECTIVE, INDEX; CONSTRAINT: its axes alone */
  const tw_index_set *set; /* SET; INDEX: what it runs over */
  tw_expr position;        /* INDEX: 0 .. count-1 */
  int64_t low, high;       /* INDEX over integers: smallest and largest value */
  bool exact;              /* INDEX: takes every value of its set whatever the other indices */
  bool fixed;              /* PARAM: a constant of the model, because sizes or indices come from it */
  tw_symbol *older;        /* in the same scope */
};

/* Scopes form a chain: comprehension in body in model. */
typedef struct tw_scope {
  struct tw_scope *outer;
  tw_map *map; /* of the scopes of statements; NULL for those of comprehensions */
  tw_symbol *newest;
} tw_scope;

const char *tw_symbol_kind_name(tw_symbol_kind kind); /* "param" */
tw_symbol *tw_scope_find_here(const tw_scope *scope, const char *name);
tw_symbol *tw_scope_find(const tw_scope *scope, const char *name);
bool tw_scope_add(tw_scope *scope, tw_symbol *symbol); /* false when out of memory */
/* Offers every visible name. */
void tw_scope_offer(const tw_scope *scope, tw_nearest *nearest);

#endif
