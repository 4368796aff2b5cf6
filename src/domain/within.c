/* Sets cut by bounds. */
#include "domain/kinds.h"

#include <math.h>

static tw_expr tighter(tw_expr a, tw_expr b, tw_expr (*choose)(tw_expr, tw_expr)) {
  if (tw_is_none(a)) return b;
  return tw_is_none(b) ? a : choose(a, b);
}

tw_domain tw_domain_within(tw_graph *graph, tw_domain domain, tw_shape shape, tw_expr lower, tw_expr upper) {
  if (tw_is_none(lower) && tw_is_none(upper)) return domain;
  const tw_domain_kind *kind = domain.kind;
  tw_expr low = TW_NONE, high = TW_NONE, infinity = tw_scalar(graph, INFINITY);
  if (kind && kind->bounds) kind->bounds(graph, shape, domain.param, &low, &high);
  low = tighter(low, lower, tw_maximum);
  high = tighter(high, upper, tw_minimum);
  if (!kind || kind->bounds) {
    tw_expr box[2] = {tw_is_none(low) ? tw_neg(infinity) : low, tw_is_none(high) ? infinity : high};
    return tw_domain_make(graph, &tw_domain_box, shape, 2, box);
  }
  if (kind == &tw_domain_simplex || kind == &tw_domain_capped_simplex) {
    bool capped = kind == &tw_domain_capped_simplex;
    tw_expr floor = capped ? domain.param[0] : tw_scalar(graph, 0), cap = capped ? domain.param[1] : TW_NONE;
    low = tighter(floor, low, tw_maximum);
    high = tighter(cap, high, tw_minimum);
    tw_expr cut[3] = {low, tw_is_none(high) ? infinity : high, domain.param[capped ? 2 : 0]};
    return tw_domain_make(graph, &tw_domain_capped_simplex, shape, 3, cut);
  }
  tw_graph_fail(graph, TW_ERR_UNSUPPORTED, "bounds beside the set %s: expected one of the two to be stated as a constraint",
                kind->name);
  domain.kind = NULL;
  return domain;
}
