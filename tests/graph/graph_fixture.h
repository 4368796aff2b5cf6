/* One graph for each test, by open_graph and close_graph. Included last: `graph` is a name of headers too. */
#ifndef TALWEG_TESTS_GRAPH_GRAPH_FIXTURE_H
#define TALWEG_TESTS_GRAPH_GRAPH_FIXTURE_H

#include "test.h"

#include <talweg/graph.h>

static tw_graph *graph;

static int open_graph(void **state) {
  (void)state;
  graph = tw_graph_new();
  return graph ? 0 : 1;
}

static int close_graph(void **state) {
  (void)state;
  tw_graph_free(graph);
  return 0;
}

#endif
