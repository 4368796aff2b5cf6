/* The projection on a product of cones and its derivative; zero, nonnegative and second-order cones. */
#include "base/given.h"
#include "domain/cones.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct part {
  tw_cone cone;
  int64_t start, data; /* of its rows; of its numbers in `data` */
} part;

struct tw_cone_map {
  int64_t count, rows;
  bool dual;
  part *part;
  double *v, *data; /* the point of the derivative [rows]; what kinds keep */
};

const char *tw_cone_name(tw_cone_kind kind) {
  static const char *const names[TW_CONE_KINDS] = {"zero", "nonneg", "second-order", "psd", "exp", "power"};
  return (unsigned)kind < TW_CONE_KINDS ? names[kind] : "unknown";
}

int64_t tw_cone_order(const tw_cone *cone) {
  if (!cone) return -1;
  const int64_t k = (int64_t)((sqrt(8 * (double)cone->rows + 1) - 1) / 2 + 0.5);
  return k > 0 && k * (k + 1) / 2 == cone->rows ? k : -1;
}

/* ------------------------------------------------------------------ second order: v = (t, x) */

/* |x| <= t: v. |x| <= -t: 0. Else (t + |x|) / 2 (1, x / |x|). */
static void project_second_order(int64_t n, const double *v, double *out) {
  const double t = v[0], norm = tw_vec_norm2(v + 1, (size_t)(n - 1));
  const double scale = norm <= t ? 1 : norm <= -t ? 0 : (t + norm) / 2 / norm;
  for (int64_t i = 1; i < n; i++) out[i] = scale * v[i];
  out[0] = norm <= t ? t : norm <= -t ? 0 : (t + norm) / 2;
}

/* In the third case with w = x / |x|:  1/2 [1, w'; w, (1 + t/|x|) I - t/|x| w w']. */
static void apply_second_order(int64_t n, const double *v, const double *d, double *out) {
  const double t = v[0], norm = tw_vec_norm2(v + 1, (size_t)(n - 1));
  if (norm <= fabs(t)) {
    for (int64_t i = 0; i < n; i++) out[i] = t > 0 ? d[i] : 0;
    return;
  }
  const double ratio = t / norm, along = tw_vec_dot(v + 1, d + 1, (size_t)(n - 1)) / norm;
  for (int64_t i = 1; i < n; i++) out[i] = ((1 + ratio) * d[i] + (d[0] - ratio * along) * v[i] / norm) / 2;
  out[0] = (d[0] + along) / 2;
}

/* ------------------------------------------------------------------ one cone */

static bool curved(const tw_cone *cone) {
  return cone->kind == TW_CONE_EXP || cone->kind == TW_CONE_POWER;
}

static int64_t data_of(const tw_cone *cone) {
  if (curved(cone)) return 10;
  return cone->kind == TW_CONE_PSD ? tw_cone_psd_data(tw_cone_order(cone)) : 0;
}

/* Moreau: the projection on the dual cone is v + P(-v), its derivative I - DP(-v). */
static void project_curved(const part *p, bool dual, double *data, const double *v, bool derivative, double *out) {
  double at[3], own[3], rest[3], *d = derivative ? data : NULL; /* the margin, d[9], is the same from both sides */
  for (int i = 0; i < 3; i++) at[i] = dual ? -v[i] : v[i];
  if (p->cone.kind == TW_CONE_EXP)
    tw_cone_exp_project(at, own, rest, d);
  else
    tw_cone_power_project(p->cone.power, at, own, rest, d);
  for (int i = 0; i < 3; i++) out[i] = dual ? -rest[i] : own[i];
  for (int i = 0; i < 9 && d && dual; i++) d[i] = (i % 4 == 0) - d[i];
}

static tw_status project_part(tw_cone_map *map, const part *p, const double *v, bool derivative, double *out, tw_error *error) {
  const int64_t n = p->cone.rows;
  switch (p->cone.kind) {
  case TW_CONE_ZERO:
    for (int64_t i = 0; i < n; i++) out[i] = map->dual ? v[i] : 0;
    return TW_OK;
  case TW_CONE_NONNEG:
    for (int64_t i = 0; i < n; i++) out[i] = v[i] > 0 ? v[i] : 0;
    return TW_OK;
  case TW_CONE_SECOND_ORDER:
    project_second_order(n, v, out);
    return TW_OK;
  case TW_CONE_PSD:
    return tw_cone_psd_project(tw_cone_order(&p->cone), map->data + p->data, v, out, error);
  default:
    project_curved(p, map->dual, map->data + p->data, v, derivative, out);
    return TW_OK;
  }
}

static void apply_part(tw_cone_map *map, const part *p, const double *d, double *out) {
  const int64_t n = p->cone.rows;
  const double *v = map->v + p->start, *data = map->data + p->data;
  switch (p->cone.kind) {
  case TW_CONE_ZERO:
    for (int64_t i = 0; i < n; i++) out[i] = map->dual ? d[i] : 0;
    break;
  case TW_CONE_NONNEG:
    for (int64_t i = 0; i < n; i++) out[i] = v[i] > 0 ? d[i] : 0;
    break;
  case TW_CONE_SECOND_ORDER:
    apply_second_order(n, v, d, out);
    break;
  case TW_CONE_PSD:
    tw_cone_psd_apply(tw_cone_order(&p->cone), map->data + p->data, d, out);
    break;
  default:
    for (int i = 0; i < 3; i++) out[i] = data[3 * i] * d[0] + data[3 * i + 1] * d[1] + data[3 * i + 2] * d[2];
    break;
  }
}

static double margin_of(const tw_cone_map *map, const part *p) {
  const int64_t n = p->cone.rows;
  const double *v = map->v + p->start, *data = map->data + p->data;
  double least = INFINITY;
  switch (p->cone.kind) {
  case TW_CONE_ZERO:
    break;
  case TW_CONE_NONNEG:
    for (int64_t i = 0; i < n; i++) least = fmin(least, fabs(v[i]));
    break;
  case TW_CONE_SECOND_ORDER:
    least = fabs(tw_vec_norm2(v + 1, (size_t)(n - 1)) - fabs(v[0]));
    break;
  case TW_CONE_PSD:
    least = tw_cone_psd_margin(tw_cone_order(&p->cone), data);
    break;
  default:
    least = data[9];
    break;
  }
  return least;
}

/* ------------------------------------------------------------------ products */

static tw_status check_cone(const tw_cone *cone, int64_t i, tw_error *error) {
  const bool psd = cone->kind == TW_CONE_PSD;
  bool fine = (unsigned)cone->kind < TW_CONE_KINDS && cone->rows >= (cone->kind == TW_CONE_SECOND_ORDER) && cone->rows < INT32_MAX;
  if (fine && curved(cone)) fine = cone->rows == 3;
  if (fine && psd) fine = tw_cone_order(cone) > 0;
  if (fine && cone->kind == TW_CONE_POWER) fine = cone->power > 0 && cone->power < 1;
  if (fine) return TW_OK;
  return tw_fail(error, TW_ERR_ARGUMENT, "cone %lld: a %s cone of %lld rows (power %g) does not exist", (long long)i,
                 tw_cone_name(cone->kind), (long long)cone->rows, cone->power);
}

tw_status tw_cone_map_new(tw_cone_map **out, int64_t count, const tw_cone *cone, bool dual, tw_error *error) {
  TW_GIVEN(out);
  *out = NULL;
  if (count < 0 || (count > 0 && !cone))
    return tw_fail(error, TW_ERR_ARGUMENT, "tw_cone_map_new: %lld cones, or none given", (long long)count);
  tw_cone_map *map = tw_alloc(1, sizeof *map);
  if (!map || !(map->part = tw_alloc((size_t)count, sizeof *map->part))) {
    tw_cone_map_free(map);
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld cones", (long long)count);
  }
  int64_t data = 0;
  map->dual = dual;
  map->count = count;
  for (int64_t i = 0; i < count; i++) {
    const tw_status status = check_cone(&cone[i], i, error);
    if (status != TW_OK) {
      tw_cone_map_free(map);
      return status;
    }
    map->part[i] = (part){cone[i], map->rows, data};
    map->rows += cone[i].rows;
    data += data_of(&cone[i]);
  }
  map->v = tw_alloc((size_t)map->rows, sizeof *map->v);
  map->data = tw_alloc((size_t)data, sizeof *map->data);
  if (map->v && map->data) {
    *out = map;
    return TW_OK;
  }
  tw_cone_map_free(map);
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld cones", (long long)count);
}

void tw_cone_map_free(tw_cone_map *map) {
  if (!map) return;
  free(map->part);
  free(map->v);
  free(map->data);
  free(map);
}

int64_t tw_cone_map_rows(const tw_cone_map *map) {
  if (!map) return 0;
  return map->rows;
}

tw_status tw_cone_map_at(tw_cone_map *map, const double *v, bool derivative, double *out, tw_error *error) {
  TW_GIVEN(map);
  TW_GIVEN(v);
  TW_GIVEN(out);
  if (derivative && map->rows) memcpy(map->v, v, (size_t)map->rows * sizeof *v);
  for (int64_t i = 0; i < map->count; i++) {
    const part *p = &map->part[i];
    const tw_status status = project_part(map, p, v + p->start, derivative, out + p->start, error);
    if (status != TW_OK) return status;
  }
  return TW_OK;
}

void tw_cone_map_apply(tw_cone_map *map, const double *d, double *out) {
  if (!map || !d || !out) return;
  for (int64_t i = 0; i < map->count; i++) apply_part(map, &map->part[i], d + map->part[i].start, out + map->part[i].start);
}

double tw_cone_map_margin(const tw_cone_map *map) {
  if (!map) return NAN;
  double least = INFINITY;
  for (int64_t i = 0; i < map->count; i++) least = fmin(least, margin_of(map, &map->part[i]));
  return least;
}
