/* Jacobians of projections, which are expressions: against central differences in the point and in the
 * parameters, symmetric, with eigenvalues from 0 to 1 for convex sets; products and second derivatives; where
 * derivatives are a choice, the one that is documented. */
#include "sets.h"

enum { POINTS = 12 };

/* A point of size about that of the sets. */
static void generic_point(const set_case *c, int i, double *x) {
  const uint64_t key = tw_key_split(tw_hash(c->kind, strlen(c->kind), 11), (uint64_t)i);
  for (int64_t k = 0; k < case_size(c); k++) x[k] = (i % 2 ? 1 : 3) * normal(key, k);
}

typedef void property(projection *q);

static void each_generic(property *holds) {
  for (int k = 0; k < SET_CASES; k++) {
    projection q;
    if (!set_cases[k].generic) continue;
    projection_open(&q, &set_cases[k], true);
    holds(&q);
    projection_close(&q);
  }
}

/* ------------------------------------------------------------------ against differences */

static void jacobian_is_difference(projection *q) {
  for (int k = 0; k < q->n_in; k++) {
    const int64_t m = tw_size_of(q->in[k]);
    call jacobian = call_open(q->label, q->n_in, q->in, tw_jacobian(q->p, q->in[k]));
    double *j = tw_alloc((size_t)(q->n * m), sizeof *j), column[SET_MOST];
    for (int i = 0; i < POINTS; i++) {
      generic_point(q->set, i, q->value[0]);
      call_at(&jacobian, (const double *const *)q->value, j);
      for (int64_t b = 0; b < m; b++) {
        call_difference(&q->call, q->value, k, b, 1e-6, column);
        for (int64_t a = 0; a < q->n; a++)
          if (!(fabs(column[a] - j[a * m + b]) <= 1e-7 * fmax(1, fabs(column[a]))))
            fail_msg("%s, point %d: d p[%d] / d input %d[%d] is %.10g, by differences %.10g", q->label, i,
                     (int)a, k, (int)b, j[a * m + b], column[a]);
      }
    }
    free(j);
    call_close(&jacobian);
  }
}

/* |z - Px|^2 is least at Px, so P is the gradient of a convex function: J is symmetric, J >= 0; of a convex
 * set J <= 1. */
static void jacobian_is_symmetric(projection *q) {
  const int64_t n = q->n;
  call jacobian = call_open(q->label, q->n_in, q->in, tw_jacobian(q->p, q->in[0]));
  double *j = tw_alloc((size_t)(n * n), sizeof *j), w[SET_MOST];
  for (int i = 0; i < POINTS; i++) {
    generic_point(q->set, i, q->value[0]);
    call_at(&jacobian, (const double *const *)q->value, j);
    const double size = fmax(1, size_inf(j, n * n));
    for (int64_t a = 0; a < n; a++)
      for (int64_t b = 0; b < a; b++)
        if (!(fabs(j[a * n + b] - j[b * n + a]) <= 1e-13 * size))
          fail_msg("%s, point %d: not symmetric", q->label, i);
    eigenvalues(n, j, w);
    if (!(w[0] >= -1e-13 * size)) fail_msg("%s, point %d: eigenvalue %g", q->label, i, w[0]);
    if (q->convex && !(w[n - 1] <= 1 + 1e-13)) fail_msg("%s, point %d: eigenvalue %g", q->label, i, w[n - 1]);
  }
  free(j);
  call_close(&jacobian);
}

static tw_expr random_like(const projection *q, tw_expr e, uint64_t key) {
  double *value = tw_alloc((size_t)tw_size_of(e), sizeof *value);
  tw_random_normal_fill(key, 0, (size_t)tw_size_of(e), value);
  const tw_array array = tw_array_f64(value, tw_shape_of(e));
  const tw_expr out = tw_constant(q->graph, &array);
  free(value);
  return out;
}

/* u'(J t) = (J'u)'t over point and parameters together. */
static void products_are_adjoint(projection *q) {
  tw_expr t[1 + TW_DOMAIN_PARAMS], back[1 + TW_DOMAIN_PARAMS], forward, u = random_like(q, q->p, 50);
  for (int k = 0; k < q->n_in; k++) t[k] = random_like(q, q->in[k], 51 + (uint64_t)k);
  assert_int_equal(tw_jvp(1, &q->p, q->n_in, q->in, t, &forward), TW_OK);
  assert_int_equal(tw_vjp(1, &q->p, &u, q->n_in, q->in, back), TW_OK);
  tw_expr gap = tw_dot(u, forward);
  for (int k = 0; k < q->n_in; k++)
    if (!tw_is_none(back[k])) gap = tw_sub(gap, tw_dot(back[k], t[k]));
  call c = call_open(q->label, q->n_in, q->in, gap);
  for (int i = 0; i < POINTS; i++) {
    double value;
    generic_point(q->set, i, q->value[0]);
    call_at(&c, (const double *const *)q->value, &value);
    if (!(fabs(value) <= 1e-12)) fail_msg("%s, point %d: %.3g", q->label, i, value);
  }
  call_close(&c);
}

/* d/dx of (J'u)'t, point and parameters, against differences. */
static void second_derivatives(projection *q) {
  tw_expr u = random_like(q, q->p, 60), t = random_like(q, q->in[0], 61), back;
  tw_vjp(1, &q->p, &u, 1, q->in, &back);
  tw_expr product = tw_dot(back, t);
  call f = call_open(q->label, q->n_in, q->in, product);
  for (int k = 0; k < q->n_in; k++) {
    const int64_t m = tw_size_of(q->in[k]);
    call gradient = call_open(q->label, q->n_in, q->in, tw_grad(product, q->in[k]));
    double *g = tw_alloc((size_t)m, sizeof *g), slope;
    for (int i = 0; i < POINTS; i++) {
      generic_point(q->set, i, q->value[0]);
      call_at(&gradient, (const double *const *)q->value, g);
      for (int64_t b = 0; b < m; b++) {
        call_difference(&f, q->value, k, b, 1e-6, &slope);
        if (!(fabs(slope - g[b]) <= 1e-5 * fmax(1, size_inf(g, m))))
          fail_msg("%s, point %d: input %d[%d]: %.10g, by differences %.10g", q->label, i, k, (int)b, g[b],
                   slope);
      }
    }
    free(g);
    call_close(&gradient);
  }
  call_close(&f);
}

static void jacobians_agree_with_differences(void **state) {
  (void)state;
  each_generic(jacobian_is_difference);
}
static void jacobians_are_symmetric(void **state) {
  (void)state;
  each_generic(jacobian_is_symmetric);
}
static void jacobian_products_are_adjoint(void **state) {
  (void)state;
  each_generic(products_are_adjoint);
}
static void second_derivatives_agree_with_differences(void **state) {
  (void)state;
  each_generic(second_derivatives);
}

/* ------------------------------------------------------------------ many points at once */

/* A batch of points, with parameters in the batch or shared, is projected as one by one. */
static void batch_is_loop(projection *q) {
  enum { B = 3 };
  tw_expr many[1 + TW_DOMAIN_PARAMS], whole, first;
  double *value[1 + TW_DOMAIN_PARAMS] = {NULL}, one[SET_MOST],
                    *all = tw_alloc((size_t)(B * q->n), sizeof *all);
  for (int shared = 0; shared < 2; shared++) {
    int n = shared ? 1 : q->n_in;
    for (int k = 0; k < q->n_in; k++) {
      const tw_shape shape = tw_shape_of(q->in[k]);
      tw_shape batched = {.rank = shape.rank + 1, .dim = {B}};
      memcpy(batched.dim + 1, shape.dim, (size_t)shape.rank * sizeof *shape.dim);
      many[k] = k < n ? tw_input(q->graph, "many", TW_F64, batched) : q->in[k];
      free(value[k]);
      value[k] = tw_alloc((size_t)tw_size_of(many[k]), sizeof(double));
      for (int64_t i = 0; i < tw_size_of(many[k]); i++)
        value[k][i] = k == 0 ? 2 * normal(70, i)
                             : q->value[k][i % tw_size_of(q->in[k])] * (k < n ? 1 + 0.01 * (double)i : 1);
    }
    assert_int_equal(tw_batch(1, &q->p, n, q->in, many, B, &whole), TW_OK);
    call c = call_open(q->label, q->n_in, many, whole);
    call_at(&c, (const double *const *)value, all);
    for (int b = 0; b < B; b++) {
      const double *part[1 + TW_DOMAIN_PARAMS] = {NULL};
      for (int k = 0; k < q->n_in; k++) part[k] = value[k] + (k < n ? b * tw_size_of(q->in[k]) : 0);
      call_at(&q->call, part, one);
      assert_true(distance(one, all + b * q->n, q->n) <= 1e-14 * (1 + size_inf(one, q->n)));
    }
    call_close(&c);
    /* differentiated after batching too */
    first = tw_grad(tw_sum(tw_mul(whole, whole), TW_ALL, false), many[0]);
    c = call_open(q->label, q->n_in, many, first);
    call_at(&c, (const double *const *)value, all);
    for (int64_t i = 0; i < B * q->n; i++) assert_true(isfinite(all[i]));
    call_close(&c);
  }
  for (int k = 0; k < q->n_in; k++) free(value[k]);
  free(all);
}

static void batches_are_loops(void **state) {
  (void)state;
  each_generic(batch_is_loop);
}

/* ------------------------------------------------------------------ repeated spectra */

/* dP/dx h at a diagonal point, against differences of P, which is smooth there though the eigenvectors are
 * not. */
static void spectra(const char *kind, int64_t rows, int64_t cols, const double *diagonal) {
  const set_case c = {kind, S2(rows, cols), 0, {SCALAR(0)}, NULL, NULL, true};
  projection q;
  projection_open(&q, &c, true);
  double *j = tw_alloc((size_t)(q.n * q.n), sizeof *j), column[SET_MOST];
  for (int64_t i = 0; i < rows && i < cols; i++) q.value[0][i * cols + i] = diagonal[i];
  call jacobian = call_open(q.label, q.n_in, q.in, tw_jacobian(q.p, q.in[0]));
  call_at(&jacobian, (const double *const *)q.value, j);
  for (int64_t b = 0; b < q.n; b++) {
    call_difference(&q.call, q.value, 0, b, 1e-5, column);
    for (int64_t a = 0; a < q.n; a++) assert_close(j[a * q.n + b], column[a], 1e-8);
  }
  free(j);
  call_close(&jacobian);
  projection_close(&q);
}

static void repeated_eigenvalues(void **state) {
  (void)state;
  spectra("psd", 3, 3, (double[]){1, 1, -2});
  spectra("psd", 3, 3, (double[]){-1, -1, -1});
  spectra("psd", 3, 3, (double[]){2, 2, 2});
  spectra("psd", 4, 4, (double[]){1, 1, -1, -1});
  spectra("stiefel", 4, 2, (double[]){2, 2});
  spectra("stiefel", 2, 4, (double[]){3, 3});
  spectra("stiefel", 3, 3, (double[]){1, 1, 1});
}

/* ------------------------------------------------------------------ kinks */

/* At ties and kinks a derivative is finite, symmetric and between 0 and 1: an element of the generalized
 * Jacobian. */
static void kinks(void **state) {
  (void)state;
  for (int k = 0; k < SET_CASES; k++) {
    projection q;
    if (!tw_domain_find(set_cases[k].kind)->convex) continue;
    projection_open(&q, &set_cases[k], false);
    const int64_t n = q.n;
    call jacobian = call_open(q.label, 1, q.in, tw_jacobian(q.p, q.in[0]));
    double *j = tw_alloc((size_t)(n * n), sizeof *j), x[SET_MOST], w[SET_MOST];
    for (int i = 0; i < 12; i++) {
      if (i < 4)
        for (int64_t a = 0; a < n; a++) x[a] = i - 1; /* 0 among them */
      else if (i < 8)
        q.set->draw(q.set, (uint64_t)i, x);
      else
        for (int64_t a = 0; a < n; a++) x[a] = floor(2 * normal((uint64_t)i, a));
      call_on(&jacobian, x, j);
      for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b < n; b++)
          if (!(fabs(j[a * n + b] - j[b * n + a]) <= 1e-13))
            fail_msg("%s, point %d: not symmetric", q.label, i);
      eigenvalues(n, j, w);
      if (!(w[0] >= -1e-13 && w[n - 1] <= 1 + 1e-13))
        fail_msg("%s, point %d: eigenvalues %g to %g", q.label, i, w[0], w[n - 1]);
    }
    free(j);
    call_close(&jacobian);
    projection_close(&q);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(jacobians_agree_with_differences),
      cmocka_unit_test(jacobians_are_symmetric),
      cmocka_unit_test(jacobian_products_are_adjoint),
      cmocka_unit_test(second_derivatives_agree_with_differences),
      cmocka_unit_test(batches_are_loops),
      cmocka_unit_test(repeated_eigenvalues),
      cmocka_unit_test(kinks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
