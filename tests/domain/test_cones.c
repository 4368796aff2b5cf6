/* Cones in arrays: Moreau's decomposition, membership, derivatives against differences, symmetry, agreement with the sets that
 * are expressions. */
#include "test.h"

#include <lapacke.h>
#include <talweg/domain.h>

enum { MOST = 64, ROUNDS = 400 };

static const tw_cone cones[] = {{TW_CONE_ZERO, 3, 0},  {TW_CONE_NONNEG, 4, 0},   {TW_CONE_SECOND_ORDER, 1, 0},
                                {TW_CONE_SECOND_ORDER, 5, 0}, {TW_CONE_PSD, 1, 0}, {TW_CONE_PSD, 10, 0},
                                {TW_CONE_PSD, 36, 0},  {TW_CONE_EXP, 3, 0},      {TW_CONE_POWER, 3, 0.5},
                                {TW_CONE_POWER, 3, 0.2}, {TW_CONE_POWER, 3, 0.9}};
enum { CONES = sizeof cones / sizeof *cones };

typedef struct stream {
  uint64_t key, index;
} stream;

static double draw(stream *s) {
  return tw_random_normal(s->key, s->index++);
}

static double smallest_eigenvalue(int64_t k, const double *v) {
  double x[MOST], w[8];
  for (int64_t j = 0; j < k; j++)
    for (int64_t i = j; i < k; i++, v++) x[j * k + i] = i == j ? *v : *v / sqrt(2);
  assert_int_equal(LAPACKE_dsyev(LAPACK_COL_MAJOR, 'N', 'L', (lapack_int)k, x, (lapack_int)k, w), 0);
  return w[0];
}

/* How far v is outside the cone, by its definition; relative for the exponential. */
static double outside(const tw_cone *c, bool dual, const double *v) {
  double most = 0;
  switch (c->kind) {
  case TW_CONE_ZERO:
    for (int64_t i = 0; i < c->rows && !dual; i++) most = fmax(most, fabs(v[i]));
    return most;
  case TW_CONE_NONNEG:
    for (int64_t i = 0; i < c->rows; i++) most = fmax(most, -v[i]);
    return most;
  case TW_CONE_SECOND_ORDER:
    return tw_vec_norm2(v + 1, (size_t)(c->rows - 1)) - v[0];
  case TW_CONE_PSD:
    return -smallest_eigenvalue(tw_cone_order(c), v);
  case TW_CONE_EXP:
    if (dual) return fmax(v[0], v[0] < 0 ? -v[0] * exp(v[1] / v[0] - 1) - v[2] : fmax(-v[1], -v[2]));
    return fmax(-v[1], v[1] > 0 ? v[1] * exp(v[0] / v[1]) - v[2] : fmax(v[0], -v[2]));
  default: {
    const double a = c->power, x = dual ? v[0] / a : v[0], y = dual ? v[1] / (1 - a) : v[1];
    return fmax(fmax(-x, -y), fabs(v[2]) - pow(fmax(x, 0), a) * pow(fmax(y, 0), 1 - a));
  }
  }
}

static void project(const tw_cone *c, bool dual, const double *v, double *out) {
  tw_error error;
  tw_cone_map *map;
  assert_ok(tw_cone_map_new(&map, 1, c, dual, &error));
  assert_ok(tw_cone_map_at(map, v, false, out, &error));
  tw_cone_map_free(map);
}

/* v = P_K(v) - P_K*(-v), the two orthogonal, each in its cone: what makes P_K(v) the projection. */
static void moreau(void **state) {
  (void)state;
  for (int k = 0; k < CONES; k++) {
    const int64_t n = cones[k].rows;
    stream random = {11, (uint64_t)k << 32};
    for (int round = 0; round < ROUNDS; round++) {
      double v[MOST], minus[MOST], p[MOST], q[MOST];
      const double size = pow(10, 3 * (tw_random_uniform(random.key, random.index++) - 0.5));
      for (int64_t i = 0; i < n; i++) v[i] = size * draw(&random), minus[i] = -v[i];
      project(&cones[k], false, v, p);
      project(&cones[k], true, minus, q);
      double product = 0, scale = tw_vec_norm2(v, (size_t)n);
      for (int64_t i = 0; i < n; i++) {
        if (!(fabs(p[i] - q[i] - v[i]) <= 1e-13 * scale)) fail_msg("%s: %g - %g is not %g", tw_cone_name(cones[k].kind), p[i], q[i], v[i]);
        product += p[i] * q[i];
      }
      const double out = outside(&cones[k], false, p), out_dual = outside(&cones[k], true, q);
      if (!(fabs(product) <= 1e-12 * scale * scale && out <= 1e-11 * scale && out_dual <= 1e-11 * scale))
        fail_msg("%s (%g) at %.17g %.17g %.17g: <p, q> = %g, outside by %g and %g", tw_cone_name(cones[k].kind), cones[k].power, v[0],
                 v[1], v[2], product, out, out_dual);
    }
  }
}

/* Away from kinks (the derivative is the same a little further on) it is that of differences, and symmetric everywhere. */
static void derivatives(void **state) {
  (void)state;
  for (int k = 0; k < CONES; k++)
    for (int dual = 0; dual < 2; dual++) {
      const int64_t n = cones[k].rows;
      tw_error error;
      stream random = {12, (uint64_t)k << 32};
      tw_cone_map *map;
      assert_ok(tw_cone_map_new(&map, 1, &cones[k], dual, &error));
      int checked = 0;
      for (int round = 0; round < ROUNDS; round++) {
        double v[MOST], d[MOST], e[MOST], out[MOST], out_e[MOST], near[MOST], ahead[MOST], behind[MOST];
        for (int64_t i = 0; i < n; i++) v[i] = draw(&random), d[i] = draw(&random), e[i] = draw(&random);
        const double h = 1e-6;
        double gap = 0, worst = 0, wd = 0, we = 0;
        assert_ok(tw_cone_map_at(map, v, true, near, &error));
        tw_cone_map_apply(map, d, out);
        tw_cone_map_apply(map, e, out_e);
        for (int64_t i = 0; i < n; i++) wd += out[i] * e[i], we += out_e[i] * d[i];
        if (!(fabs(wd - we) <= 1e-12 * (double)n))
            fail_msg("%s (dual %d) at %.17g %.17g %.17g: %g and %g", tw_cone_name(cones[k].kind), dual, v[0], v[1], v[2], wd, we);
        for (int64_t i = 0; i < n; i++) near[i] = v[i] + 10 * h * d[i];
        assert_ok(tw_cone_map_at(map, near, true, near, &error));
        tw_cone_map_apply(map, d, near);
        for (int64_t i = 0; i < n; i++) gap = fmax(gap, fabs(near[i] - out[i]));
        for (int64_t i = 0; i < n; i++) ahead[i] = v[i] + h * d[i], behind[i] = v[i] - h * d[i];
        project(&cones[k], dual, ahead, ahead);
        project(&cones[k], dual, behind, behind);
        for (int64_t i = 0; i < n; i++) worst = fmax(worst, fabs((ahead[i] - behind[i]) / (2 * h) - out[i]));
        if (gap > 1e-3) continue;
        checked++;
        if (!(worst <= 1e-6)) fail_msg("%s (dual %d) at %.17g %.17g %.17g: off by %g", tw_cone_name(cones[k].kind), dual, v[0], v[1],
            v[2], worst);
      }
      tw_cone_map_free(map);
      assert_true(checked > ROUNDS * 3 / 4);
    }
}

/* Places where formulas divide by nothing: finite, idempotent, and with a derivative. */
static void corners(void **state) {
  (void)state;
  static const double points[][3] = {{0, 0, 0},   {1, 0, 0},     {0, 1, 0},   {0, 0, 1},    {-1, 0, 0},      {0, -1, 0},
                                     {0, 0, -1},  {0, 1, 1},     {1, 1, M_E}, {300, 1, 2},  {-300, 1e-9, 2}, {1e-300, -1, 1},
                                     {1, -1e9, 3}, {1e9, 1e-9, -1e9}, {-1e9, 1e-3, 1e-9}, {5, 5, -1e12}, {1e-12, 1e-12, 1}, {-1, 2, 1e-14}};
  for (int k = 0; k < CONES; k++) {
    if (cones[k].rows != 3) continue;
    for (size_t j = 0; j < sizeof points / sizeof *points; j++) {
      tw_error error;
      tw_cone_map *map;
      double p[3], again[3], d[3];
      assert_ok(tw_cone_map_new(&map, 1, &cones[k], false, &error));
      assert_ok(tw_cone_map_at(map, points[j], true, p, &error));
      tw_cone_map_apply(map, points[j], d);
      assert_ok(tw_cone_map_at(map, p, false, again, &error));
      const double scale = tw_vec_norm2(points[j], 3);
      for (int i = 0; i < 3; i++) {
        if (!isfinite(d[i])) fail_msg("%s at point %zu: derivative %g", tw_cone_name(cones[k].kind), j, d[i]);
        if (!(fabs(again[i] - p[i]) <= 1e-10 * scale))
          fail_msg("%s at point %zu: %.17g projects to %.17g", tw_cone_name(cones[k].kind), j, p[i], again[i]);
      }
      tw_cone_map_free(map);
    }
  }
}

static void refusals(void **state) {
  (void)state;
  static const tw_cone none[] = {{TW_CONE_PSD, 5, 0}, {TW_CONE_EXP, 4, 0}, {TW_CONE_POWER, 3, 1}, {TW_CONE_SECOND_ORDER, 0, 0},
      {TW_CONE_KINDS, 1, 0}};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    tw_error error;
    tw_cone_map *map;
    assert_fails(tw_cone_map_new(&map, 1, &none[i], false, &error), TW_ERR_ARGUMENT, "does not exist");
    assert_null(map);
  }
}

/* The psd set of expressions projects to the same matrix. */
static void as_expressions(void **state) {
  (void)state;
  enum { K = 4 };
  stream random = {13, 0};
  double full[K * K], v[K * (K + 1) / 2], out[K * (K + 1) / 2];
  for (int j = 0, e = 0; j < K; j++)
    for (int i = j; i < K; i++, e++) full[i * K + j] = full[j * K + i] = draw(&random), v[e] = full[i * K + j] * (i == j ? 1 : sqrt(2));
  const tw_cone cone = {TW_CONE_PSD, K * (K + 1) / 2, 0};
  project(&cone, false, v, out);
  tw_graph *graph = tw_graph_new();
  tw_error error;
  tw_array x = tw_array_view(full, TW_F64, TW_SHAPE(K, K)), p;
  const tw_domain set = tw_domain_make(graph, tw_domain_find("psd"), TW_SHAPE(K, K), 0, NULL);
  assert_ok(tw_eval(tw_project(set, tw_constant(graph, &x)), &p, &error));
  for (int j = 0, e = 0; j < K; j++)
    for (int i = j; i < K; i++, e++) assert_close(((double *)p.data)[i * K + j], out[e] / (i == j ? 1 : sqrt(2)), 1e-12);
  tw_array_free(&p);
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(moreau), cmocka_unit_test(derivatives), cmocka_unit_test(corners),
                                     cmocka_unit_test(refusals), cmocka_unit_test(as_expressions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
