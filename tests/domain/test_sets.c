/* Projections of every kind of set by their properties: feasible, idempotent, nearest, firmly non-expansive;
 * at ties, on the boundary, at extreme scales, of points without elements. */
#include "sets.h"

enum { POINTS = 60, MEMBERS = 12 };

typedef void property(const projection *q, const double *x, const double *p, int i);

static void each_point(property *holds) {
  double x[SET_MOST], p[SET_MOST];
  for (int k = 0; k < SET_CASES; k++) {
    projection q;
    projection_open(&q, &set_cases[k], false);
    for (int i = 0; i < POINTS; i++) {
      point(q.set, i, x);
      call_on(&q.call, x, p);
      holds(&q, x, p, i);
    }
    projection_close(&q);
  }
}

/* What rounding is relative to: the projected point and the finite parameters of the set. Affine sets add a
 * correction to the point itself, which is as exact as its digits. */
static double size_of_set(const projection *q, const double *x, const double *p) {
  const bool correction = q->set->outside == hyperplane_outside || q->set->outside == halfspace_outside ||
                          q->set->outside == affine_outside || q->set->outside == transport_outside ||
                          q->set->outside == polyhedron_outside || q->set->outside == permutahedron_outside;
  double size = fmax(1, fmax(size_inf(p, q->n), correction ? size_inf(x, q->n) : 0));
  for (int i = 0; i < q->set->n_params; i++)
    for (int j = 0; j < 16; j++)
      if (isfinite(q->set->param[i].v[j])) size = fmax(size, fabs(q->set->param[i].v[j]));
  return size;
}

static void feasible(const projection *q, const double *x, const double *p, int i) {
  const double outside = q->set->outside(q->set, p);
  if (!(outside <= 4e-15 * (double)q->n * size_of_set(q, x, p)))
    fail_msg("%s, point %d: outside by %.3g", q->label, i, outside);
}

static void idempotent(const projection *q, const double *x, const double *p, int i) {
  double again[SET_MOST];
  call_on(&q->call, p, again);
  const double moved = distance(again, p, q->n);
  if (!(moved <= 4e-15 * (double)q->n * size_of_set(q, x, p)))
    fail_msg("%s, point %d: moves by %.3g", q->label, i, moved);
}

/* Points of the set, by the definition, are where they are. */
static void keeps_members(const projection *q, const double *x, const double *p, int i) {
  (void)x, (void)p;
  double z[SET_MOST], pz[SET_MOST];
  q->set->draw(q->set, (uint64_t)i, z);
  assert_true(q->set->outside(q->set, z) <= 4e-15 * (double)q->n * size_of_set(q, z, z));
  call_on(&q->call, z, pz);
  const double moved = distance(pz, z, q->n);
  if (!(moved <= 1e-14 * (double)q->n * size_of_set(q, z, z)))
    fail_msg("%s, member %d: moves by %.3g", q->label, i, moved);
}

/* (x - p)'(z - p) <= 0 for z in a convex set; no z nearer to x than p in any. */
static void nearest(const projection *q, const double *x, const double *p, int i) {
  double z[SET_MOST], away[SET_MOST], step[SET_MOST];
  for (int j = 0; j < MEMBERS; j++) {
    q->set->draw(q->set, tw_key_split(99, (uint64_t)(i * MEMBERS + j)), z);
    for (int64_t k = 0; k < q->n; k++) {
      away[k] = x[k] - p[k];
      step[k] = z[k] - p[k];
    }
    const double size = size_inf(x, q->n) + size_inf(z, q->n) + size_inf(p, q->n);
    const double gap = q->convex ? dot(away, step, q->n) : distance(x, p, q->n) - distance(x, z, q->n);
    if (!(gap <= 1e-14 * (double)q->n * size * (q->convex ? size : 1)))
      fail_msg("%s, point %d, member %d: %.3g", q->label, i, j, gap);
  }
}

/* |Px - Py|^2 <= (Px - Py)'(x - y), which implies |Px - Py| <= |x - y|. */
static void firmly_nonexpansive(const projection *q, const double *x, const double *p, int i) {
  double y[SET_MOST], py[SET_MOST], d[SET_MOST], dp[SET_MOST];
  for (int j = 0; j < 4 && q->convex; j++) {
    point(q->set, 1000 + 4 * i + j, y);
    if (j == 3) /* near x */
      for (int64_t k = 0; k < q->n; k++) y[k] = x[k] + 1e-3 * y[k];
    call_on(&q->call, y, py);
    for (int64_t k = 0; k < q->n; k++) {
      d[k] = x[k] - y[k];
      dp[k] = p[k] - py[k];
    }
    const double size = size_inf(x, q->n) + size_inf(y, q->n) + size_of_set(q, x, p);
    const double gap = dot(dp, dp, q->n) - dot(dp, d, q->n);
    if (!(gap <= 1e-14 * (double)q->n * size * size))
      fail_msg("%s, points %d, %d: %.3g", q->label, i, j, gap);
  }
}

static void projections_are_feasible(void **state) {
  (void)state;
  each_point(feasible);
}
static void projections_are_idempotent(void **state) {
  (void)state;
  each_point(idempotent);
}
static void members_stay(void **state) {
  (void)state;
  each_point(keeps_members);
}
static void projections_are_nearest(void **state) {
  (void)state;
  each_point(nearest);
}
static void projections_are_firmly_nonexpansive(void **state) {
  (void)state;
  each_point(firmly_nonexpansive);
}

/* Every kind of the table is tested, has a description, and is found by its name. */
static void every_kind_is_covered(void **state) {
  (void)state;
  for (const tw_domain_kind *const *kind = tw_domain_kinds(); *kind; kind++) {
    int cases = 0;
    for (int k = 0; k < SET_CASES; k++) cases += strcmp(set_cases[k].kind, (*kind)->name) == 0;
    if (cases < 2) fail_msg("%s: %d cases", (*kind)->name, cases);
    assert_ptr_equal(tw_domain_find((*kind)->name), *kind);
    assert_true((*kind)->summary[0] && (*kind)->params && (*kind)->project);
    assert_true((*kind)->min_params <= (*kind)->max_params && (*kind)->max_params <= TW_DOMAIN_PARAMS);
  }
  assert_null(tw_domain_find("no such set"));
  assert_null(tw_domain_find(NULL));
}

/* The bounds of box-like kinds are those of the definition. */
static void bounds_are_the_set(void **state) {
  (void)state;
  for (int k = 0; k < SET_CASES; k++) {
    const set_case *c = &set_cases[k];
    projection q;
    projection_open(&q, c, false);
    const tw_domain_kind *kind = tw_domain_find(c->kind);
    tw_expr bound[2] = {TW_NONE, TW_NONE}, param[TW_DOMAIN_PARAMS];
    for (int i = 0; i < c->n_params; i++) {
      const tw_array value = tw_array_f64((double *)(uintptr_t)c->param[i].v, values_shape(&c->param[i]));
      param[i] = tw_constant(q.graph, &value);
    }
    const tw_domain domain = tw_domain_make(q.graph, kind, case_shape(c), c->n_params, param);
    if (kind->bounds) kind->bounds(q.graph, case_shape(c), domain.param, &bound[0], &bound[1]);
    assert_true((kind->bounds != NULL) == (c->outside == box_outside));
    for (int side = 0; side < 2; side++) {
      if (tw_is_none(bound[side])) continue;
      tw_array value = evaluate(tw_broadcast(bound[side], case_shape(c)));
      for (int64_t i = 0; i < q.n; i++)
        assert_same_bits(element(&value, i), side ? high_of(c, i) : low_of(c, i));
      tw_array_free(&value);
    }
    projection_close(&q);
  }
}

/* Squares of the coordinates overflow or vanish: the projection is finite and in the set all the same. */
static void extreme_scales(void **state) {
  (void)state;
  double x[SET_MOST], p[SET_MOST];
  for (int k = 0; k < SET_CASES; k++) {
    projection q;
    projection_open(&q, &set_cases[k], false);
    for (int i = 0; i < 12; i++) {
      static const double scale[] = {1e-170, 1e-300, 1e160, 1e200};
      for (int64_t j = 0; j < q.n; j++) x[j] = scale[i % 4] * normal(tw_key_split(5, (uint64_t)i), j);
      call_on(&q.call, x, p);
      for (int64_t j = 0; j < q.n; j++)
        if (!isfinite(p[j])) fail_msg("%s, scale %g: element %d is %g", q.label, scale[i % 4], (int)j, p[j]);
      feasible(&q, x, p, i);
    }
    projection_close(&q);
  }
}

/* NaN anywhere is NaN in the row it stands in, never a point of the set. */
static void nan_is_passed_on(void **state) {
  (void)state;
  double x[SET_MOST], p[SET_MOST];
  for (int k = 0; k < SET_CASES; k++) {
    projection q;
    projection_open(&q, &set_cases[k], false);
    const bool spectral = strcmp(q.set->kind, "psd") == 0 || strcmp(q.set->kind, "stiefel") == 0;
    if (!spectral) { /* LAPACK's answer to NaN is an error */
      point(q.set, 0, x);
      x[0] = NAN;
      call_on(&q.call, x, p);
      if (!isnan(p[0])) fail_msg("%s: %g", q.label, p[0]);
      const bool table = q.set->outside == transport_outside;
      for (int64_t j = row_length(q.set) * (table ? q.set->dim[q.set->rank - 2] : 1); j < q.n; j++) assert_true(isfinite(p[j]));
    }
    projection_close(&q);
  }
}

/* No rows, no answer to give; a row without entries is only a point of a box. */
static void empty_points(void **state) {
  (void)state;
  for (const tw_domain_kind *const *kind = tw_domain_kinds(); *kind; kind++) {
    tw_graph *graph = tw_graph_new();
    const bool table = strcmp((*kind)->name, "transport") == 0 || strcmp((*kind)->name, "birkhoff") == 0;
    const bool matrix = strcmp((*kind)->name, "psd") == 0 || strcmp((*kind)->name, "stiefel") == 0 || table;
    const bool affine = strcmp((*kind)->name, "affine") == 0 || strcmp((*kind)->name, "polyhedron") == 0;
    const tw_shape none = matrix ? TW_SHAPE(0, 2, 2) : TW_SHAPE(0, 2),
                   flat = matrix ? TW_SHAPE(0, 0) : TW_SHAPE(0);
    const tw_expr one = tw_scalar(graph, 1);
    tw_expr param[TW_DOMAIN_PARAMS] = {one, one, one, one};
    if (affine) param[0] = tw_fill(graph, TW_F64, TW_SHAPE(1, 2), 1);
    tw_domain domain = tw_domain_make(graph, *kind, none, (*kind)->min_params, param);
    if (!domain.kind) fail_msg("%s: %s", (*kind)->name, tw_graph_message(graph));
    tw_array p = evaluate(tw_project(domain, tw_fill(graph, TW_F64, none, 0)));
    assert_int_equal(size_of(&p), 0);
    tw_array_free(&p);
    domain = tw_domain_make(graph, *kind, flat, (*kind)->min_params, param);
    const bool allowed = (*kind)->bounds && strcmp((*kind)->name, "linf_ball") != 0;
    if (allowed) {
      p = evaluate(tw_project(domain, tw_fill(graph, TW_F64, flat, 0)));
      assert_int_equal(size_of(&p), 0);
      tw_array_free(&p);
    } else {
      assert_null(domain.kind);
      assert_int_equal(tw_graph_status(graph), TW_ERR_SHAPE);
    }
    tw_graph_free(graph);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_is_covered),      cmocka_unit_test(projections_are_feasible),
      cmocka_unit_test(projections_are_idempotent), cmocka_unit_test(members_stay),
      cmocka_unit_test(projections_are_nearest),    cmocka_unit_test(projections_are_firmly_nonexpansive),
      cmocka_unit_test(bounds_are_the_set),         cmocka_unit_test(extreme_scales),
      cmocka_unit_test(nan_is_passed_on),           cmocka_unit_test(empty_points),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
