/* conic_map: the optimality conditions of a conic problem as equations: of z = (x, v), with y the projection of v on K* and s = y - v, the
 * conic residual map at w = 1,
 *   F(z) = (P x + A'y + c, A x + s - b);   J(dx, dv) = (P dx + A' D dv, A dx + (D - I) dv),  D the projection's derivative
 * (Busseti, Moursi & Boyd, 2019). Borrows the matrices. */
#ifndef TALWEG_PROBLEM_CONIC_MAP_H
#define TALWEG_PROBLEM_CONIC_MAP_H

#include <talweg/problem.h>

typedef struct tw_conic_map {
  int64_t n, m;
  const tw_csc *p, *a;
  const double *c, *b;
  tw_cone_map *dual; /* the projection on K* */
  double *y, *work;  /* m; n + 2 m */
} tw_conic_map;
tw_status tw_conic_map_open(tw_conic_map *map, int64_t n, int64_t m, const tw_csc *p, const tw_csc *a, const double *c, const double *b,
                            int64_t cones, const tw_cone *cone, tw_error *error);
void tw_conic_map_close(tw_conic_map *map);
/* f [n + m]; with `derivative` the operator is J at z from then on. */
tw_status tw_conic_map_at(tw_conic_map *map, const double *z, bool derivative, double *f, tw_error *error);
tw_linop tw_conic_map_linop(tw_conic_map *map);

#endif
