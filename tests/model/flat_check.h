/* A flat problem stated on a graph agrees with its own trees: values, first and second derivatives along lines. */
#ifndef TALWEG_TEST_FLAT_CHECK_H
#define TALWEG_TEST_FLAT_CHECK_H

#include "jet.h"

#include <talweg/problem.h>

typedef struct stated { /* release with stated_free */
  tw_graph *graph;
  tw_problem *problem;
  tw_arena *arena;
  tw_flat_rows rows;
  tw_class cls;
  tw_oracle oracle;
} stated;

static inline void stated_open(stated *s, const tw_flat *flat) {
  tw_error error = {0};
  *s = (stated){.graph = tw_graph_new(), .arena = tw_arena_new()};
  s->problem = tw_problem_new(s->graph);
  assert_true(s->graph && s->arena && s->problem);
  assert_ok(tw_flat_state(flat, s->problem, s->arena, &s->rows, &error));
  assert_ok(tw_classify(s->problem, &s->cls, &error));
  assert_ok(tw_oracle_from_problem(&s->oracle, s->problem, &s->cls, &error));
  assert_int_equal(s->oracle.n, flat->n);
  assert_int_equal(s->oracle.m, flat->m);
}

static inline void stated_free(stated *s) {
  tw_oracle_release(&s->oracle);
  tw_problem_free(s->problem);
  tw_graph_free(s->graph);
  tw_arena_free(s->arena);
}

/* The terms' own sizes cancel in sums, so errors are measured against them. */
static inline void check_number(const char *label, const char *what, int64_t row, double got, double want, double scale) {
  if (got == want || (isnan(got) && isnan(want))) return;
  if (!(fabs(got - want) <= 1e-10 * fmax(1, fmax(fabs(want), scale))))
    fail_msg("%s: %s of row %lld is %.17g, expected %.17g", label, what, (long long)row, got, want);
}

static inline double largest(const double *x, int64_t n) {
  return tw_vec_norm_inf(x, (size_t)n);
}

static inline void check_constraints(const char *label, const tw_flat *f, stated *s, const double *x, const double *v) {
  tw_error error = {0};
  const size_t n = (size_t)f->n, m = (size_t)f->m;
  double *c = calloc(m + 1, sizeof *c), *jv = calloc(m + 1, sizeof *jv), *y = calloc(m + 1, sizeof *y), *hv = calloc(n, sizeof *hv);
  assert_true(c && jv && y && hv);
  assert_ok(s->oracle.constraints(s->oracle.context, x, c, &error));
  assert_ok(s->oracle.constraints_jvp(s->oracle.context, x, v, jv, &error));
  tw_random_normal_fill(7, 0, m, y);
  double curvature = 0, scale = 0;
  for (int64_t i = 0; i < f->m; i++) {
    const jet want = jet_row(f, i, x, v);
    const int64_t at = s->rows.position[i];
    check_number(label, "the value", i, c[at], want.f, fabs(want.d));
    check_number(label, "the derivative", i, jv[at], want.d, fabs(want.f));
    curvature += y[at] * want.dd;
    scale += fabs(y[at] * want.dd);
  }
  const jet objective = f->has_objective ? jet_row(f, -1, x, v) : jet_number(0);
  const double sign = f->maximize ? -1 : 1;
  assert_ok(s->oracle.hvp(s->oracle.context, x, y, v, hv, &error));
  const double got = tw_vec_dot(hv, v, n), size = tw_vec_norm2(hv, n) * tw_vec_norm2(v, n);
  check_number(label, "the second derivative of the Lagrangian", 0, got, curvature + sign * objective.dd,
               10 * (scale + fabs(objective.dd) + size));
  free(c);
  free(jv);
  free(y);
  free(hv);
}

static inline void check_objective(const char *label, const tw_flat *f, stated *s, const double *x, const double *v) {
  tw_error error = {0};
  double value, *g = calloc((size_t)f->n, sizeof *g);
  assert_non_null(g);
  assert_ok(s->oracle.gradient(s->oracle.context, x, &value, g, &error));
  const jet want = jet_row(f, -1, x, v);
  const double sign = f->maximize ? -1 : 1, scale = tw_vec_norm2(g, (size_t)f->n) * tw_vec_norm2(v, (size_t)f->n);
  check_number(label, "the value", -1, value, sign * want.f, 0);
  check_number(label, "the derivative", -1, tw_vec_dot(g, v, (size_t)f->n), sign * want.d, scale);
  free(g);
}

/* At the stated start, moved by `shift`, along a random direction. */
static inline void check_flat(const char *label, const tw_flat *f, double shift) {
  stated s;
  tw_error error = {0};
  stated_open(&s, f);
  const size_t n = (size_t)f->n;
  double *x = calloc(n, sizeof *x), *v = calloc(n, sizeof *v);
  assert_true(x && v);
  tw_random_normal_fill(3, 0, n, v);
  assert_ok(s.oracle.start(s.oracle.context, x, &error));
  for (size_t j = 0; j < n; j++) x[j] += shift * fmax(0.1, fabs(x[j])) * (0.5 + tw_random_uniform(5, j));
  if (f->has_objective) check_objective(label, f, &s, x, v);
  if (f->m > 0) check_constraints(label, f, &s, x, v);
  free(x);
  free(v);
  stated_free(&s);
}

#endif
