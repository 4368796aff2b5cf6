/* Masked tangents and cotangents: where(c, a, 0) and what shape ops make of it. Their zeros mean "no path"
 * and win over the infinite or NaN slopes that they meet, as in the slope of where(x > 0, sqrt(x), 0) at -1.
 */
#ifndef TALWEG_GRAPH_GUARD_H
#define TALWEG_GRAPH_GUARD_H

#include <talweg/graph.h>

/* A bool expression in e's shape that is false only where e is such a zero; TW_NONE when e has none. */
tw_expr tw_guard_of(tw_expr e);

/* partial * t for the chain rule, t a tangent or cotangent: where(guard of t, partial * t, 0). */
tw_expr tw_chain(tw_expr partial, tw_expr t);

/* Makes a param that will stand for `t` in a body as masked as t is: *param becomes where(guard, *param, 0)
 * with guard = tw_param(k) when t has a guard, which is the result then and must be captured as that param.
 */
tw_expr tw_guard_param(tw_expr t, int k, tw_expr *param);

/* where(c, where(d, a, 0), 0) = where(c and d, a, 0), however deep; anything else stays. Chains of choices so
 * have derivatives of linear size. */
tw_expr tw_one_choice(tw_expr e);

#endif
