/* Oracles of problems over expressions: every offered derivative against differences and against each other,
 * projections and proxes by what they minimise, parameters without compiling again, clones. */
#include "oracles.h"

typedef void property(int model, tw_oracle *o);

static void each_model(property *holds) {
  for (int k = 0; k < MODELS; k++) {
    reopen_model();
    models[k]();
    tw_oracle o = oracle_of_problem();
    holds(k, &o);
    tw_oracle_release(&o);
    tw_oracle_release(&o); /* again: nothing */
  }
}

#define EACH(test, property)                                                                                 \
  static void test(void **state) {                                                                           \
    (void)state;                                                                                             \
    each_model(property);                                                                                    \
  }

/* ------------------------------------------------------------------ properties */

static void functions_are_those_offered(int model, tw_oracle *o) {
  const bool constraints = offers(o, TW_CONSTRAINTS), residual = offers(o, TW_RESIDUAL);
  const bool fine =
      offers(o, TW_VALUE) == (o->value != NULL) && offers(o, TW_GRADIENT) == (o->gradient != NULL) &&
      offers(o, TW_CURVATURE) == (o->hvp != NULL) && offers(o, TW_HESSIAN) == (o->hessian != NULL) &&
      residual == (o->residual != NULL) &&
      offers(o, TW_RESIDUAL_JVP) == (o->residual_jvp && o->residual_vjp) &&
      offers(o, TW_RESIDUAL_JACOBIAN) == (o->residual_jacobian != NULL) &&
      offers(o, TW_PROJECT) == (o->project != NULL) && offers(o, TW_PROX) == (o->prox && o->regularizer) &&
      offers(o, TW_MIRROR) == (o->mirror_step != NULL) &&
      constraints ==
          (o->constraints && o->constraints_jvp && o->constraints_vjp && o->constraints_jacobian) &&
      offers(o, TW_BOUNDS) == (o->lower && o->upper) && constraints == (o->c_lower && o->c_upper) &&
      constraints == (o->m > 0) && residual == (o->k > 0) && o->start && o->clone && o->release && o->exec;
  if (!fine) fail_msg("model %d", model);
  assert_int_equal(o->n, tw_problem_size(problem));
}

static void derivatives_are_differences(int model, tw_oracle *o) {
  double x[MOST], worst;
  char where[160];
  for (uint64_t i = 0; i < 4; i++) {
    random_vector(i, o->n, x);
    if (o->project) assert_ok(o->project(o->context, x, x, &error));
    for (int64_t k = 0; o->lower && k < o->n; k++)
      x[k] = fmin(fmax(x[k], o->lower[k] + 0.1), o->upper[k] - 0.1);
    assert_ok(tw_oracle_check(o, x, &worst, where, sizeof where, &error));
    if (!(worst <= 2e-7)) fail_msg("model %d: %.3g, %s", model, worst, where);
  }
}

/* Two ways to the same numbers: f with and without gradient, dense matrices and products. */
static void forms_agree(int model, tw_oracle *o) {
  double x[MOST], y[MOST], v[MOST], u[MOST], a[MOST], b[MOST], f, g, dense[MOST * MOST], out[MOST], worst = 0;
  random_vector(7, o->n, x);
  random_vector(8, o->m, y);
  random_vector(9, o->n, v);
  random_vector(10, o->k > o->m ? o->k : o->m, u);
  if (o->value) {
    assert_ok(o->value(o->context, x, &f, &error));
    assert_ok(o->gradient(o->context, x, &g, a, &error));
    assert_same_bits(f, g);
  }
  for (int lagrangian = 0; o->hessian && lagrangian < (o->m ? 2 : 1); lagrangian++) {
    const double *weights = lagrangian ? y : NULL;
    assert_ok(o->hessian(o->context, x, weights, dense, &error));
    assert_ok(o->hvp(o->context, x, weights, v, a, &error));
    for (int64_t i = 0; i < o->n; i++) b[i] = tw_vec_dot(dense + i * o->n, v, (size_t)o->n);
    worst = fmax(worst, gap(a, b, o->n));
    for (int64_t i = 0; i < o->n; i++)
      for (int64_t j = 0; j < i; j++) assert_close(dense[i * o->n + j], dense[j * o->n + i], 1e-13);
  }
  for (int part = 0; part < 2; part++) { /* residual, constraints */
    const int64_t rows = part ? o->m : o->k;
    if (rows == 0) continue;
    assert_ok((part ? o->constraints_jacobian : o->residual_jacobian)(o->context, x, dense, &error));
    assert_ok((part ? o->constraints_jvp : o->residual_jvp)(o->context, x, v, a, &error));
    for (int64_t i = 0; i < rows; i++) b[i] = tw_vec_dot(dense + i * o->n, v, (size_t)o->n);
    worst = fmax(worst, gap(a, b, rows));
    assert_ok((part ? o->constraints_vjp : o->residual_vjp)(o->context, x, u, out, &error));
    assert_close(tw_vec_dot(out, v, (size_t)o->n), tw_vec_dot(u, a, (size_t)rows), 1e-12);
    for (int64_t j = 0; j < o->n; j++) {
      b[j] = 0;
      for (int64_t i = 0; i < rows; i++) b[j] += dense[i * o->n + j] * u[i];
    }
    worst = fmax(worst, gap(out, b, o->n));
  }
  if (!(worst <= 1e-13)) fail_msg("model %d: %.3g", model, worst);
}

/* f + regularizers = objective; scale |r|^2 + offset = f. */
static void parts_add_up(int model, tw_oracle *o) {
  double x[MOST], r[MOST], f, extra = 0;
  if (!o->value) return;
  random_vector(3, o->n, x);
  assert_ok(o->value(o->context, x, &f, &error));
  if (offers(o, TW_RESIDUAL)) {
    assert_ok(o->residual(o->context, x, r, &error));
    assert_close(o->residual_scale * tw_vec_dot(r, r, (size_t)o->k) + o->residual_offset, f, 1e-13);
  }
  if (o->regularizer) assert_ok(o->regularizer(o->context, x, &extra, &error));
  tw_expr inputs[8];
  tw_array values[8];
  int n = 0;
  for (int i = 0; i < tw_problem_variables(problem); i++) {
    const tw_variable *v = tw_problem_variable_at(problem, i);
    inputs[n] = v->expr;
    values[n++] = tw_array_f64(x + v->offset, tw_shape_of(v->expr));
  }
  for (int i = 0; i < tw_problem_parameters(problem); i++) {
    inputs[n] = tw_problem_parameter_at(problem, i)->expr;
    values[n++] = tw_problem_parameter_at(problem, i)->value;
  }
  tw_array whole = evaluate_on("objective", n, inputs, values, tw_problem_objective(problem), 1);
  const double sign = tw_problem_goal(problem) == TW_GOAL_MAXIMIZE ? -1 : 1;
  if (!(fabs(sign * element(&whole, 0) - (f + extra)) <= 1e-13 * fmax(1, fabs(f))))
    fail_msg("model %d", model);
  tw_array_free(&whole);
}

/* No point of the sets is nearer than the projection; none has a smaller eta r(z) + |z - x|^2 / 2 than the
 * prox. */
static void projections_and_proxes(int model, tw_oracle *o) {
  double x[MOST], p[MOST], z[MOST], again[MOST];
  for (uint64_t i = 0; (o->project || o->prox) && i < 30; i++) {
    const double eta = o->prox ? 0.25 * (double)(1 + i % 4) : 0;
    random_vector(i, o->n, x);
    if (o->prox)
      assert_ok(o->prox(o->context, x, eta, p, &error));
    else
      assert_ok(o->project(o->context, x, p, &error));
    if (o->project) assert_ok(o->project(o->context, p, again, &error));
    if (o->project && !(gap(again, p, o->n) <= 1e-14)) fail_msg("model %d: not a point of the set", model);
    for (uint64_t j = 0; j < 20; j++) {
      double f[2] = {0, 0}, d[2] = {0, 0};
      random_vector(1000 + 20 * i + j, o->n, z);
      for (int64_t k = 0; j % 2 && k < o->n; k++) z[k] = p[k] + 0.05 * z[k];
      if (o->project) assert_ok(o->project(o->context, z, z, &error));
      for (int64_t k = 0; k < o->n; k++) {
        d[0] += (p[k] - x[k]) * (p[k] - x[k]) / 2;
        d[1] += (z[k] - x[k]) * (z[k] - x[k]) / 2;
      }
      if (o->prox) assert_ok(o->regularizer(o->context, p, &f[0], &error));
      if (o->prox) assert_ok(o->regularizer(o->context, z, &f[1], &error));
      if (!(eta * f[0] + d[0] <= eta * f[1] + d[1] + 1e-13))
        fail_msg("model %d: point %d, %d", model, (int)i, (int)j);
    }
  }
}

/* Clones answer the same and keep their own parameters. */
static void clones_are_equal(int model, tw_oracle *o) {
  (void)model;
  double x[MOST], a[MOST], b[MOST], f, g, value[2] = {0.4, 1.5};
  const void *values[2] = {&value[0], &value[1]};
  tw_oracle copy, other;
  random_vector(5, o->n, x);
  assert_ok(tw_oracle_clone(&copy, o, &error));
  assert_ok(tw_oracle_clone(&other, &copy, &error));
  assert_ok(tw_oracle_parameters(&other, values, &error));
  assert_true(copy.offers == o->offers && copy.n == o->n && copy.m == o->m && copy.k == o->k);
  for (int round = 0; round < 2; round++) {
    if (o->gradient) {
      assert_ok(o->gradient(o->context, x, &f, a, &error));
      assert_ok(copy.gradient(copy.context, x, &g, b, &error));
      assert_true(f == g && memcmp(a, b, (size_t)o->n * sizeof *a) == 0);
    } else {
      assert_ok(o->residual(o->context, x, a, &error));
      assert_ok(copy.residual(copy.context, x, b, &error));
      assert_true(memcmp(a, b, (size_t)o->k * sizeof *a) == 0);
    }
    tw_oracle_release(&other); /* what they share stays */
  }
  tw_oracle_release(&copy);
}

/* New values of the parameters: the answers of an oracle made afresh, and no new node in the graph. */
static void parameters_need_no_compiling(int model, tw_oracle *o) {
  double x[MOST], first[MOST], a[MOST], b[MOST], f = 0, g = 0, value[2] = {0.4, 1.5};
  const void *values[2] = {&value[0], &value[1]};
  random_vector(6, o->n, x);
  if (o->gradient) assert_ok(o->gradient(o->context, x, &f, first, &error));
  if (o->residual) assert_ok(o->residual(o->context, x, first, &error));
  if (o->start) assert_ok(o->start(o->context, a, &error));
  const int32_t nodes = tw_graph_nodes(graph);
  assert_ok(tw_oracle_parameters(o, values, &error));
  if (o->gradient) assert_ok(o->gradient(o->context, x, &f, a, &error));
  if (o->residual) assert_ok(o->residual(o->context, x, a, &error));
  assert_int_equal(tw_graph_nodes(graph), nodes);
  for (int i = 0; i < tw_problem_parameters(problem); i++) {
    const tw_array array = tw_array_f64(&value[i], TW_SCALAR);
    assert_ok(tw_problem_set_parameter(problem, i == 0 ? "p" : "q", &array, &error));
  }
  tw_oracle fresh = oracle_of_problem();
  if (o->gradient) assert_ok(fresh.gradient(fresh.context, x, &g, b, &error));
  if (o->residual) assert_ok(fresh.residual(fresh.context, x, b, &error));
  if (!(gap(a, b, o->residual ? o->k : o->n) <= 1e-14 && gap(&f, &g, 1) <= 1e-14))
    fail_msg("model %d: answers", model);
  assert_true(gap(first, a, o->residual ? o->k : o->n) > 1e-8 || model == 3 || model == 4 || model == 5);
  for (int64_t i = 0; o->lower && i < o->n; i++)
    assert_true(o->lower[i] == fresh.lower[i] && o->upper[i] == fresh.upper[i]);
  for (int64_t i = 0; i < o->m; i++)
    assert_true(o->c_lower[i] == fresh.c_lower[i] && o->c_upper[i] == fresh.c_upper[i]);
  assert_close(o->residual_offset, fresh.residual_offset, 1e-15);
  assert_ok(tw_oracle_parameters(o, NULL, &error)); /* the problem's present ones */
  if (o->gradient) assert_ok(o->gradient(o->context, x, &f, a, &error));
  assert_true(gap(a, b, o->residual && !o->gradient ? o->k : o->n) <= 1e-14 || o->residual);
  tw_oracle_release(&fresh);
}

/* What is kept from call to call is never stale: points, multipliers and directions change in any order. */
static void memory_is_never_stale(int model, tw_oracle *o) {
  double x[3][MOST], v[3][MOST], y[3][MOST], a[MOST], b[MOST];
  for (uint64_t i = 0; i < 3; i++) {
    random_vector(20 + i, o->n, x[i]);
    random_vector(30 + i, o->n, v[i]);
    random_vector(40 + i, o->m > o->k ? o->m : o->k, y[i]);
  }
  for (uint64_t i = 0; i < 40; i++) {
    const int64_t p = tw_random_integer(1, i, 0, 3), d = tw_random_integer(2, i, 0, 3),
                  w = tw_random_integer(3, i, 0, 3);
    tw_oracle fresh;
    assert_ok(tw_oracle_clone(&fresh, o, &error));
    int64_t n = o->n;
    if (o->hvp && i % 3 == 0) {
      const double *weights = o->m && i % 2 ? y[w] : NULL;
      assert_ok(o->hvp(o->context, x[p], weights, v[d], a, &error));
      assert_ok(fresh.hvp(fresh.context, x[p], weights, v[d], b, &error));
    } else if (o->residual && i % 3 == 1) {
      assert_ok(o->residual_vjp(o->context, x[p], y[w], a, &error));
      assert_ok(fresh.residual_vjp(fresh.context, x[p], y[w], b, &error));
    } else if (o->m) {
      assert_ok(o->constraints_vjp(o->context, x[p], y[w], a, &error));
      assert_ok(fresh.constraints_vjp(fresh.context, x[p], y[w], b, &error));
    } else {
      assert_ok(o->start(o->context, a, &error));
      assert_ok(fresh.start(fresh.context, b, &error));
    }
    if (memcmp(a, b, (size_t)n * sizeof *a) != 0) fail_msg("model %d, question %d", model, (int)i);
    tw_oracle_release(&fresh);
  }
}

EACH(offers_are_functions, functions_are_those_offered)
EACH(derivatives_agree_with_differences, derivatives_are_differences)
EACH(dense_and_products_agree, forms_agree)
EACH(objectives_add_up, parts_add_up)
EACH(projections_and_proxes_are_minima, projections_and_proxes)
EACH(clones, clones_are_equal)
EACH(parameters, parameters_need_no_compiling)
EACH(questions_in_any_order, memory_is_never_stale)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(offers_are_functions),
      TEST(derivatives_agree_with_differences),
      TEST(dense_and_products_agree),
      TEST(objectives_add_up),
      TEST(projections_and_proxes_are_minima),
      TEST(clones),
      TEST(parameters),
      TEST(questions_in_any_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
