/* Potentials of transport polytopes as expressions, K(W) as in runtime/transport_solve.h. Private to domain. */
#ifndef TALWEG_DOMAIN_TRANSPORT_H
#define TALWEG_DOMAIN_TRANSPORT_H

#include <talweg/domain.h>

/* v = K+ rs: w [.., m, n], rs and v [.., m + n]. Differentiable where the parts of W's graph stay. */
tw_expr tw_transport_potentials(tw_expr w, tw_expr rs);
/* The sums of rows and of columns, [.., m + n]; the table of alpha_i + beta_j, [.., m, n]: adjoint to each other. */
tw_expr tw_transport_sums(tw_expr table);
tw_expr tw_transport_pairs(tw_expr v, int64_t m);
/* Of a solve. */
double tw_transport_flops(int64_t m, int64_t n);

#endif
