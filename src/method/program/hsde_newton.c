/* Newton's method on the conic residual map; see hsde.h. */
#include "method/program/hsde.h"

/* Steps 1, 1/2, .. along d until |F| falls; true when it did, with z and f there. */
static tw_status search(tw_conic_map *map, double *z, const double *d, double *trial, double *f, double *norm, bool *fell,
    tw_error *error) {
  const int64_t size = map->n + map->m;
  *fell = false;
  for (double t = 1; t > 0.05 && !*fell; t /= 2) {
    vec_add(size, z, t, d, trial);
    TW_TRY(tw_conic_map_at(map, trial, false, f, error));
    const double now = vec_norm(size, f);
    *fell = now < (1 - t / 20) * *norm;
    if (!*fell) continue;
    *norm = now;
    vec_copy(size, trial, z);
  }
  return TW_OK;
}

static tw_status newton(tw_conic_map *map, int steps, double *z, double *norm, double *room, tw_error *error) {
  const int64_t size = map->n + map->m;
  double *f = room, *d = room + size, *trial = d + size;
  const tw_linop jacobian = tw_conic_map_linop(map);
  for (int k = 0; k < steps; k++) {
    TW_TRY(tw_conic_map_at(map, z, true, f, error));
    *norm = vec_norm(size, f);
    if (*norm == 0) break;
    const tw_linear_options options = {.rtol = 1e-4, .max_iter = 200 + size / 2};
    tw_linear_result result;
    vec_scale(size, -1, f);
    vec_zero(size, d);
    TW_TRY(tw_lsqr(&jacobian, f, d, &options, &result, error));
    const double before = *norm;
    bool fell;
    TW_TRY(search(map, z, d, trial, f, norm, &fell, error));
    if (!fell || *norm > before / 2) break;
  }
  return TW_OK;
}

tw_status tw_conic_map_newton(tw_conic_map *map, int steps, double *z, double *norm, tw_error *error) {
  double *room = tw_alloc((size_t)(3 * (map->n + map->m)), sizeof *room);
  if (!room) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a residual map");
  const tw_status status = newton(map, steps, z, norm, room, error);
  free(room);
  return status;
}
