/* Scopes: where in a model a node was made. They are no part of what a node is: equal nodes are one node, in the scope of the
 * first. */
#include "graph/node.h"

#include <string.h>

enum { PATH = 512 };

static void set_scope(tw_graph *graph, const char *path, size_t length) {
  char text[PATH + 1];
  memcpy(text, path, length);
  text[length] = '\0';
  const char *interned = length ? tw_graph_intern(graph, text, length + 1) : NULL;
  if (interned || length == 0) graph->scope = interned;
}

void tw_scope_push(tw_graph *graph, const char *name) {
  if (!graph || graph->status != TW_OK) return;
  if (!name) {
    tw_graph_fail(graph, TW_ERR_ARGUMENT, "the name of a scope is NULL");
    return;
  }
  char path[PATH + 1];
  const char *outer = graph->scope ? graph->scope : "";
  const size_t length = strlen(outer) + strlen(name) + (*outer ? 1 : 0);
  if (*name == '\0' || strchr(name, '/') || length > PATH) {
    tw_graph_fail(graph, TW_ERR_ARGUMENT, "scope \"%.40s\": expected a name without '/', and at most %d characters on the path", name,
                  PATH);
    return;
  }
  snprintf(path, sizeof path, "%s%s%s", outer, *outer ? "/" : "", name);
  set_scope(graph, path, length);
}

void tw_scope_pop(tw_graph *graph) {
  if (!graph || !graph->scope) return;
  const char *end = strrchr(graph->scope, '/');
  set_scope(graph, graph->scope, end ? (size_t)(end - graph->scope) : 0);
}

const char *tw_scope_of(tw_expr e) {
  const char *scope = tw_is_none(e) ? NULL : tw_data(e)->scope;
  return scope ? scope : "";
}

const char *tw_scope_enter(tw_expr node) {
  const char *outer = node.graph->scope;
  node.graph->scope = tw_data(node)->scope;
  return outer;
}

void tw_scope_leave(tw_graph *graph, const char *outer) { graph->scope = outer; }
