/* Names. */
#include "model/scope.h"

#include <string.h>

const char *tw_symbol_kind_name(tw_symbol_kind kind) {
  static const char *const names[] = {
      [TW_SYMBOL_SET] = "set",     [TW_SYMBOL_PARAM] = "param",         [TW_SYMBOL_VAR] = "var",
      [TW_SYMBOL_LET] = "let",     [TW_SYMBOL_OBJECTIVE] = "objective", [TW_SYMBOL_CONSTRAINT] = "constraint",
      [TW_SYMBOL_INDEX] = "index",
  };
  return names[kind];
}

tw_symbol *tw_scope_find_here(const tw_scope *scope, const char *name) {
  if (scope->map) return tw_map_get(scope->map, name);
  for (tw_symbol *s = scope->newest; s; s = s->older)
    if (strcmp(s->name, name) == 0) return s;
  return NULL;
}

tw_symbol *tw_scope_find(const tw_scope *scope, const char *name) {
  for (; scope; scope = scope->outer) {
    tw_symbol *symbol = tw_scope_find_here(scope, name);
    if (symbol) return symbol;
  }
  return NULL;
}

bool tw_scope_add(tw_scope *scope, tw_symbol *symbol) {
  symbol->older = scope->newest;
  scope->newest = symbol;
  return !scope->map || tw_map_set(scope->map, symbol->name, symbol);
}

void tw_scope_offer(const tw_scope *scope, tw_nearest *nearest) {
  for (; scope; scope = scope->outer)
    for (const tw_symbol *s = scope->newest; s; s = s->older) tw_nearest_offer(nearest, s->name);
}
