/* Projections on the simplex and on its intersection with a box, as nodes; rows are points. Private to domain. */
#ifndef TALWEG_DOMAIN_SIMPLEX_H
#define TALWEG_DOMAIN_SIMPLEX_H

#include <talweg/domain.h>

/* {p >= 0, sum p = s}; s a scalar or one entry per row. */
tw_expr tw_project_simplex(tw_expr x, tw_expr s);
/* {l <= p <= u, sum p = s}; l and u broadcast to x. */
tw_expr tw_project_capped_simplex(tw_expr x, tw_expr lower, tw_expr upper, tw_expr s);

#endif
