/* Scans that stop: one more state tells that the others are final. A step leaves them as they are from then on, so that all rules of
 * scans hold as they are, and those that run one need not take such steps. */
#include "graph/ops/scan.h"

#include <stdlib.h>

/* until(k, state) at these. */
static tw_expr until_at(tw_expr until, tw_expr k, tw_expr at_k, int n, const tw_expr *carry, const tw_expr *state, tw_dtype dtype) {
  tw_expr *from = calloc((size_t)n + 1, sizeof *from), *to = calloc((size_t)n + 1, sizeof *to), at = TW_NONE;
  if (from && to) {
    from[n] = k, to[n] = at_k;
    for (int i = 0; i < n; i++) from[i] = carry[i], to[i] = state[i];
    tw_substitute(1, &until, n + 1, from, to, &at);
  } else {
    tw_graph_fail(k.graph, TW_ERR_MEMORY, "out of memory making a scan");
  }
  free(from), free(to);
  return tw_is_none(at) ? at : tw_cast(at, dtype);
}

tw_expr tw_scan_make_until(tw_expr k, int64_t n, const tw_scan_form *form, const tw_expr *carry, const tw_expr *init,
                           const tw_expr *next, tw_expr until) {
  tw_graph *graph = k.graph;
  const int m = form->n_states;
  const tw_dtype dtype = tw_dtype_of(carry[0]);
  if (until.graph != graph || tw_dtype_of(until) != TW_BOOL || tw_shape_of(until).rank != 0)
    return tw_graph_fail(graph, TW_ERR_DTYPE, "scan: `until` must be a bool scalar");
  tw_expr *all = calloc(3 * ((size_t)m + 1), sizeof *all), scan = TW_NONE;
  if (!all) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory making a scan");
  tw_expr *state = all, *start = all + m + 1, *then = start + m + 1;
  const tw_expr over = tw_input(graph, "over", dtype, TW_SCALAR), is_over = tw_ne(over, tw_zeros_like(over));
  for (int i = 0; i < m; i++) {
    state[i] = carry[i];
    start[i] = init[i];
    then[i] = tw_where(is_over, carry[i], next[i]);
  }
  state[m] = over;
  start[m] = until_at(until, k, tw_integer(graph, 0), m, carry, init, dtype);
  then[m] = tw_where(is_over, over, until_at(until, k, tw_add(k, tw_integer(graph, 1)), m, carry, next, dtype));
  if (tw_graph_status(graph) == TW_OK)
    scan = tw_scan_make(k, n, &(tw_scan_form){m + 1, 0, form->checkpoints, m + 1}, state, start, then, 0, NULL);
  free(all);
  return scan;
}
