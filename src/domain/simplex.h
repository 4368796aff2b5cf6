/* Projections on the simplex and on its intersection with a box, as nodes; rows are points. */
#ifndef TALWEG_DOMAIN_SIMPLEX_H
#define TALWEG_DOMAIN_SIMPLEX_H

#include <talweg/domain.h>

/* {p >= 0, sum p = s}; s a scalar or one entry per row. */
tw_expr tw_project_simplex(tw_expr x, tw_expr s);
/* {l <= p <= u, sum p = s}; l and u broadcast to x. */
tw_expr tw_project_capped_simplex(tw_expr x, tw_expr lower, tw_expr upper, tw_expr s);

/* Both projections are p = clip(x - tau, l, u) with tau such that sum p = s. With the 0/1 mask m of the coordinates
 * strictly between their bounds and k = max(1, sum m) their derivative needs two maps.
 *   shift(m, v, ds):  v - m (sum v - ds) / k     TW_NONE is zero in v and ds
 *   mean(m, u):       sum(m u) / k               adjoint of the second term, one column */
tw_expr tw_simplex_shift(tw_expr mask, tw_expr v, tw_expr ds);
tw_expr tw_simplex_mean(tw_expr mask, tw_expr u);

#endif
