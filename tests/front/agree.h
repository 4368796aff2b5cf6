/* All functions of a model that `talweg compile` has written against the library's oracle. */
#ifndef TALWEG_TEST_AGREE_H
#define TALWEG_TEST_AGREE_H

#include "compiled_model.h"

static inline void agree_on_objective(const written *w, const double *x) {
  const tw_oracle *o = &w->oracle;
  double *f = numbers(1), *f2 = numbers(1), *g = numbers(o->n), *fo = numbers(1), *fo2 = numbers(1),
         *go = numbers(o->n), penalty = 0;
  CALL(w, "objective", x, f);
  CALL(w, "gradient", x, f2, g);
  assert_ok(o->gradient(o->context, x, fo, go, &error));
  if (o->regularizer) assert_ok(o->regularizer(o->context, x, &penalty, &error));
  *fo += penalty;
  *fo2 = *fo;
  assert_agree(w, "objectives", f, fo, w->sign, 1);
  assert_agree(w, "objectives with gradients", f2, fo2, w->sign, 1);
  if (o->regularizer)
    free(g), free(go);
  else
    assert_agree(w, "gradients", g, go, w->sign, o->n);
}

/* Hessian of f + y'c: the oracle's f is sign f, so its y is sign y and its answer sign times ours. */
static inline void agree_on_curvature(const written *w, const double *x, double *y, double *v) {
  const tw_oracle *o = &w->oracle;
  double *hv = numbers(o->n), *hvo = numbers(o->n), *yo = numbers(o->m);
  for (int64_t i = 0; i < o->m; i++) yo[i] = w->sign * y[i];
  if (o->m > 0)
    CALL(w, "hvp", x, y, v, hv);
  else
    CALL(w, "hvp", x, v, hv);
  assert_ok(o->hvp(o->context, x, o->m > 0 ? yo : NULL, v, hvo, &error));
  assert_agree(w, "Hessian products", hv, hvo, w->sign, o->n);
  if (o->n * o->n <= TW_SOURCE_DENSE) {
    double *h = numbers(o->n * o->n), *ho = numbers(o->n * o->n);
    if (o->m > 0)
      CALL(w, "hessian", x, y, h);
    else
      CALL(w, "hessian", x, h);
    assert_ok(o->hessian(o->context, x, o->m > 0 ? yo : NULL, ho, &error));
    assert_agree(w, "Hessians", h, ho, w->sign, o->n * o->n);
  }
  free(yo);
}

static inline void agree_on_constraints(const written *w, const double *x, double *y, double *v) {
  const tw_oracle *o = &w->oracle;
  if (o->m == 0) return;
  double *c = numbers(o->m), *co = numbers(o->m), *jv = numbers(o->m), *jvo = numbers(o->m),
         *jty = numbers(o->n), *jtyo = numbers(o->n);
  CALL(w, "constraints", x, c);
  CALL(w, "constraints_jvp", x, v, jv);
  CALL(w, "constraints_vjp", x, y, jty);
  assert_ok(o->constraints(o->context, x, co, &error));
  assert_ok(o->constraints_jvp(o->context, x, v, jvo, &error));
  assert_ok(o->constraints_vjp(o->context, x, y, jtyo, &error));
  assert_agree(w, "constraints", c, co, 1, o->m);
  assert_agree(w, "Jacobian products", jv, jvo, 1, o->m);
  assert_agree(w, "transposed Jacobian products", jty, jtyo, 1, o->n);
  if (o->m * o->n <= TW_SOURCE_DENSE) {
    double *j = numbers(o->m * o->n), *jo = numbers(o->m * o->n);
    CALL(w, "jacobian", x, j);
    assert_ok(o->constraints_jacobian(o->context, x, jo, &error));
    assert_agree(w, "Jacobians", j, jo, 1, o->m * o->n);
  }
}

/* The stated start and all bounds; leaves the start in x. */
static inline void agree_on_data(const written *w, double *x) {
  const tw_oracle *o = &w->oracle;
  double *lower = numbers(o->n), *upper = numbers(o->n), *start = numbers(o->n), *c_lower = numbers(o->m),
         *c_upper = numbers(o->m);
  CALL(w, "start", NULL, start);
  CALL(w, "bounds", NULL, lower, upper);
  assert_ok(o->start(o->context, x, &error));
  same_numbers("start", start, x, o->n, 0);
  if (!w->cls.has_set) {
    same_numbers("lower", lower, o->lower, o->n, -INFINITY);
    same_numbers("upper", upper, o->upper, o->n, INFINITY);
  }
  if (o->m > 0) {
    CALL(w, "constraint_bounds", NULL, c_lower, c_upper);
    same_numbers("constraint lower", c_lower, o->c_lower, o->m, -INFINITY);
    same_numbers("constraint upper", c_upper, o->c_upper, o->m, INFINITY);
  }
  free(lower), free(upper), free(start), free(c_lower), free(c_upper);
}

/* At the start and at two points near it. */
static inline void assert_agrees_within(double tolerance, const char *path, const char *set, const char *cc) {
  written w;
  open_written(&w, path, set, cc);
  w.tolerance = tolerance;
  const tw_oracle *o = &w.oracle;
  double *x = numbers(o->n), *y = numbers(o->m), *v = numbers(o->n), *noise = numbers(o->n);
  agree_on_data(&w, x);
  for (uint64_t point = 0; point < 3; point++) {
    tw_random_normal_fill(10 + point, 0, (size_t)o->n, noise);
    tw_random_normal_fill(20 + point, 0, (size_t)o->m, y);
    tw_random_normal_fill(30 + point, 0, (size_t)o->n, v);
    for (int64_t i = 0; i < o->n; i++) x[i] += 0.1 * noise[i] * fmax(1, fabs(x[i]));
    agree_on_objective(&w, x);
    if (!o->regularizer) agree_on_curvature(&w, x, y, v);
    agree_on_constraints(&w, x, y, v);
  }
  free(x), free(y), free(v), free(noise);
  close_written(&w);
}

#endif
