/* Walking a graph: topological order by depth-first search, and dependence on a set of nodes. */
#include "graph/node.h"

#include <stdlib.h>

typedef struct frame {
  int32_t id;
  int next; /* input to look at next */
} frame;

typedef struct walk {
  bool *seen; /* graph->count */
  frame *stack;
  int32_t *order;
  int32_t count;
} walk;

/* Post-order from one root without recursion. */
static void visit(const tw_graph *graph, walk *w, int32_t root) {
  int32_t depth = 0;
  if (w->seen[root]) return;
  w->seen[root] = true;
  w->stack[depth++] = (frame){root, 0};
  while (depth > 0) {
    frame *top = &w->stack[depth - 1];
    const tw_node_data *node = tw_node_at(graph, top->id);
    if (top->next == node->n) {
      w->order[w->count++] = top->id;
      depth--;
      continue;
    }
    int32_t in = node->in[top->next++];
    if (w->seen[in]) continue;
    w->seen[in] = true;
    w->stack[depth++] = (frame){in, 0};
  }
}

bool tw_walk_to(tw_graph *graph, int n, const tw_expr *roots, int m, const tw_expr *stop, int32_t **order,
                int32_t *count) {
  size_t nodes = (size_t)graph->count + 1;
  walk w = {calloc(nodes, sizeof *w.seen), malloc(nodes * sizeof *w.stack), malloc(nodes * sizeof *w.order), 0};
  bool ok = w.seen && w.stack && w.order;
  if (ok) {
    for (int j = 0; j < m; j++) {
      if (tw_is_none(stop[j]) || w.seen[stop[j].id]) continue;
      w.seen[stop[j].id] = true;
      w.order[w.count++] = stop[j].id;
    }
    for (int i = 0; i < n; i++)
      if (!tw_is_none(roots[i])) visit(graph, &w, roots[i].id);
  } else {
    tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory walking the graph");
  }
  free(w.seen);
  free(w.stack);
  if (!ok) free(w.order);
  *order = ok ? w.order : NULL;
  *count = ok ? w.count : 0;
  return ok;
}

bool tw_walk(tw_graph *graph, int n, const tw_expr *roots, int32_t **order, int32_t *count) {
  return tw_walk_to(graph, n, roots, 0, NULL, order, count);
}

bool *tw_walk_depends(tw_graph *graph, const int32_t *order, int32_t count, int m, const tw_expr *inputs) {
  bool *depends = calloc((size_t)graph->count + 1, sizeof *depends);
  if (!depends) {
    tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory walking the graph");
    return NULL;
  }
  for (int j = 0; j < m; j++)
    if (!tw_is_none(inputs[j])) depends[inputs[j].id] = true;
  for (int32_t k = 0; k < count; k++) {
    const tw_node_data *node = tw_node_at(graph, order[k]);
    for (int i = 0; i < node->n && !depends[order[k]]; i++) depends[order[k]] = depends[node->in[i]];
  }
  return depends;
}

bool tw_depends(tw_expr e, int m, const tw_expr *inputs) {
  if (tw_is_none(e) || !inputs) return false;
  int32_t *order, count;
  if (!tw_walk_to(e.graph, 1, &e, m, inputs, &order, &count)) return false;
  bool *depends = tw_walk_depends(e.graph, order, count, m, inputs);
  bool answer = depends && depends[e.id];
  free(depends);
  free(order);
  return answer;
}
