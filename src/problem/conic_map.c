/* The conic residual map and its derivative; see conic_map.h. */
#include "problem/conic_map.h"
#include "base/try.h"
#include "linear/csc.h"

#include <stdlib.h>

tw_status tw_conic_map_open(tw_conic_map *map, int64_t n, int64_t m, const tw_csc *p, const tw_csc *a, const double *c, const double *b,
                            int64_t cones, const tw_cone *cone, tw_error *error) {
  *map = (tw_conic_map){.n = n, .m = m, .p = p, .a = a, .c = c, .b = b};
  map->y = tw_alloc((size_t)m, sizeof(double));
  map->work = tw_alloc((size_t)(n + 2 * m), sizeof(double));
  if (!map->y || !map->work) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a residual map");
  return tw_cone_map_new(&map->dual, cones, cone, true, error);
}

void tw_conic_map_close(tw_conic_map *map) {
  tw_cone_map_free(map->dual);
  free(map->y);
  free(map->work);
  *map = (tw_conic_map){0};
}

/* first = P x + A'y, second = A x + y - v */
static void linear_part(const tw_conic_map *map, const double *x, const double *y, const double *v, double *first, double *second) {
  tw_csc_apply_transpose(map->a, y, first);
  csc_add_symmetric(map->p, 1, x, first);
  tw_csc_apply(map->a, x, second);
  for (int64_t i = 0; i < map->m; i++) second[i] += y[i] - v[i];
}

tw_status tw_conic_map_at(tw_conic_map *map, const double *z, bool derivative, double *f, tw_error *error) {
  const int64_t n = map->n, m = map->m;
  TW_TRY(tw_cone_map_at(map->dual, z + n, derivative, map->y, error));
  linear_part(map, z, map->y, z + n, f, f + n);
  for (int64_t j = 0; j < n; j++) f[j] += map->c[j];
  for (int64_t i = 0; i < m; i++) f[n + i] -= map->b[i];
  return TW_OK;
}

static tw_status apply(void *context, const double *d, double *out) {
  tw_conic_map *map = context;
  tw_cone_map_apply(map->dual, d + map->n, map->work);
  linear_part(map, d, map->work, d + map->n, out, out + map->n);
  return TW_OK;
}

/* J'(a, b) = (P a + A'b, D (A a + b) - b) */
static tw_status apply_transpose(void *context, const double *d, double *out) {
  tw_conic_map *map = context;
  const int64_t n = map->n, m = map->m;
  double *inner = map->work;
  tw_csc_apply_transpose(map->a, d + n, out);
  csc_add_symmetric(map->p, 1, d, out);
  tw_csc_apply(map->a, d, inner);
  for (int64_t i = 0; i < m; i++) inner[i] += d[n + i];
  tw_cone_map_apply(map->dual, inner, out + n);
  for (int64_t i = 0; i < m; i++) out[n + i] -= d[n + i];
  return TW_OK;
}

tw_linop tw_conic_map_linop(tw_conic_map *map) {
  const int64_t size = map->n + map->m;
  return (tw_linop){.rows = size, .cols = size, .apply = apply, .apply_transpose = apply_transpose, .context = map};
}
