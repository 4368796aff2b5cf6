/* The nearest point of an intersection of convex sets by Dykstra's algorithm (Boyle & Dykstra, 1986): with corrections q_i = 0 at first,
 *
 *   for i = 1 .. n:  y = P_i(z + q_i),  q_i <- z + q_i - y,  z <- y. */
#include "domain/kinds.h"

tw_expr tw_project_intersection(int n, const tw_domain *set, tw_expr x, int64_t sweeps) {
  if (tw_is_none(x)) return x;
  if (n > 0 && !set) return tw_graph_fail(x.graph, TW_ERR_ARGUMENT, "project_intersection: the sets are NULL");
  if (n < 0 || sweeps < 0)
    return tw_graph_fail(x.graph, TW_ERR_ARGUMENT, "project_intersection: %d sets, %lld sweeps, expected no number below 0", n,
                         (long long)sweeps);
  for (int i = 0; i < n; i++)
    if (set[i].kind && !set[i].kind->convex)
      return tw_graph_fail(x.graph, TW_ERR_ARGUMENT, "project_intersection: the set %s is not convex", set[i].kind->name);
  const tw_dtype dtype = tw_dtype_of(x);
  const size_t parts = (size_t)n + 1;
  tw_expr *carry = tw_arena_alloc(tw_graph_arena(x.graph), 3 * parts * sizeof *carry, sizeof(void *));
  if (!carry) return tw_graph_fail(x.graph, TW_ERR_MEMORY, "out of memory projecting on an intersection");
  tw_expr *init = carry + parts, *next = init + parts;
  init[0] = tw_cast(x, TW_F64);
  for (size_t i = 0; i < parts; i++) {
    if (i > 0) init[i] = tw_zeros_like(init[0]);
    carry[i] = tw_input(x.graph, NULL, TW_F64, tw_shape_of(x));
  }
  next[0] = carry[0];
  for (int i = 0; i < n; i++) {
    const tw_expr from = tw_add(next[0], carry[i + 1]), to = tw_project(set[i], from);
    next[i + 1] = tw_sub(from, to);
    next[0] = to;
  }
  if (tw_graph_status(x.graph) != TW_OK) return TW_NONE;
  const tw_expr k = tw_input(x.graph, NULL, TW_I64, TW_SCALAR);
  return tw_back_to(tw_scan_final(tw_scan(k, sweeps, n + 1, carry, init, next, 0, NULL, NULL), 0), dtype);
}
