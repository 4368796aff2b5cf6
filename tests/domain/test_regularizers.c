/* Regularizers: values by their definition, proxes by their condition of optimality and Moreau's
 * decomposition, firmly non-expansive, derivatives against differences, limits of the weight, parameters that
 * are refused. */
#include "sets.h"

/* ------------------------------------------------------------------ the kinds by their definition */

typedef struct reg_case {
  const char *kind;
  int rank;
  int64_t dim[3];
  int n_params;
  values param;
  double (*value)(const struct reg_case *c, const double *x);
  double (*dual)(const struct reg_case *c,
                 const double *x); /* the dual norm; NULL: the regularizer is no norm */
} reg_case;

static int64_t reg_size(const reg_case *c) {
  int64_t n = 1;
  for (int d = 0; d < c->rank; d++) n *= c->dim[d];
  return n;
}

/* The weight of coordinate i: of l1 alone. */
static double weight_at(const reg_case *c, int64_t i) {
  return c->n_params && strcmp(c->kind, "l1") == 0 ? c->param.v[i % value_size(&c->param)] : 1;
}

static double l1_norm(const reg_case *c, const double *x) {
  double sum = 0;
  for (int64_t i = 0; i < reg_size(c); i++) sum += weight_at(c, i) * fabs(x[i]);
  return sum;
}
static double linf_norm(const reg_case *c, const double *x) {
  double most = 0;
  for (int64_t i = 0; i < reg_size(c); i++) most = fmax(most, fabs(x[i]) / weight_at(c, i));
  return most;
}
static double squares(const reg_case *c, const double *x) {
  return dot(x, x, reg_size(c));
}
static double elastic(const reg_case *c, const double *x) {
  double sum = l1_norm(c, x);
  for (int64_t i = 0; i < reg_size(c); i++) sum += c->param.v[i % value_size(&c->param)] / 2 * x[i] * x[i];
  return sum;
}

/* The norms of the groups, label by label; the sum of them or the largest. */
static double over_groups(const reg_case *c, const double *x, bool largest_one) {
  const int64_t n = reg_size(c), row = c->dim[c->rank - 1],
                labels = c->n_params ? value_size(&c->param) : n / row;
  double norm[SET_MOST] = {0}, sum = 0, most = 0;
  for (int64_t i = 0; i < n; i++) {
    const int64_t label = c->n_params ? (int64_t)c->param.v[i / (n / labels)] : i / row;
    norm[label] = hypot(norm[label], x[i]);
  }
  for (int64_t g = 0; g < labels; g++) {
    sum += norm[g];
    most = fmax(most, norm[g]);
  }
  return largest_one ? most : sum;
}

static double group_sum(const reg_case *c, const double *x) {
  return over_groups(c, x, false);
}
static double group_most(const reg_case *c, const double *x) {
  return over_groups(c, x, true);
}

/* Singular values of one matrix, as roots of the eigenvalues of the smaller product. */
static int64_t singular_values(const reg_case *c, const double *x, double *s) {
  const int64_t m = c->dim[0], n = c->dim[1], k = m < n ? m : n;
  double product[SET_MOST * SET_MOST] = {0};
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = 0; j < k; j++)
      for (int64_t t = 0; t < m + n - k; t++)
        product[i * k + j] += m < n ? x[i * n + t] * x[j * n + t] : x[t * n + i] * x[t * n + j];
  eigenvalues(k, product, s);
  for (int64_t i = 0; i < k; i++) s[i] = sqrt(fmax(0, s[i]));
  return k;
}

static double nuclear_norm(const reg_case *c, const double *x) {
  double s[SET_MOST];
  return sum_of(s, singular_values(c, x, s));
}

static double spectral_norm(const reg_case *c, const double *x) {
  double s[SET_MOST];
  return s[singular_values(c, x, s) - 1];
}

static const reg_case reg_cases[] = {
    {"l1", S1(5), 0, SCALAR(0), l1_norm, linf_norm},
    {"l1", S2(2, 3), 0, SCALAR(0), l1_norm, linf_norm},
    {"l1", S1(1), 0, SCALAR(0), l1_norm, linf_norm},
    {"l1", S1(4), 1, V1(4, 0.5, 1, 2, 0.25), l1_norm, linf_norm},
    {"l1", S2(2, 3), 1, V1(3, 1.5, 1, 0.7), l1_norm, linf_norm},
    {"l2sq", S1(5), 0, SCALAR(0), squares, NULL},
    {"l2sq", S2(2, 3), 0, SCALAR(0), squares, NULL},
    {"elastic_net", S1(5), 1, SCALAR(0.7), elastic, NULL},
    {"elastic_net", S2(2, 3), 1, SCALAR(3), elastic, NULL},
    {"elastic_net", S1(4), 1, SCALAR(0), elastic, NULL},
    {"elastic_net", S1(3), 1, V1(3, 0.5, 0, 2), elastic, NULL},
    {"linf", S1(5), 0, SCALAR(0), linf_norm, l1_norm},
    {"linf", S2(2, 3), 0, SCALAR(0), linf_norm, l1_norm},
    {"linf", S1(1), 0, SCALAR(0), linf_norm, l1_norm},
    {"group_l2", S1(5), 0, SCALAR(0), group_sum, group_most},
    {"group_l2", S2(3, 2), 0, SCALAR(0), group_sum, group_most},
    {"group_l2", S1(6), 1, V1(6, 0, 2, 2, 0, 5, 2), group_sum, group_most},
    {"group_l2", S2(4, 3), 1, V1(4, 1, 0, 1, 3), group_sum, group_most},
    {"group_l2", S2(2, 3), 1, V2(2, 3, 0, 1, 0, 4, 4, 1), group_sum, group_most},
    {"nuclear", S2(3, 3), 0, SCALAR(0), nuclear_norm, spectral_norm},
    {"nuclear", S2(4, 2), 0, SCALAR(0), nuclear_norm, spectral_norm},
    {"nuclear", S2(2, 4), 0, SCALAR(0), nuclear_norm, spectral_norm},
    {"nuclear", S2(1, 1), 0, SCALAR(0), nuclear_norm, spectral_norm},
};
enum { REG_CASES = sizeof reg_cases / sizeof *reg_cases, POINTS = 40 };

/* ------------------------------------------------------------------ the library's */

typedef struct proximal {
  const reg_case *set;
  char label[64];
  int64_t n;
  tw_graph *graph;
  tw_expr in[2], r, p; /* x, eta; value, prox */
  call value, prox;
} proximal;

static void proximal_open(proximal *q, const reg_case *c) {
  char text[TW_SHAPE_TEXT];
  const tw_shape shape = tw_shape_make(c->rank, c->dim);
  const tw_regularizer_kind *kind = tw_regularizer_find(c->kind);
  assert_non_null(kind);
  *q = (proximal){.set = c, .n = reg_size(c), .graph = tw_graph_new()};
  snprintf(q->label, sizeof q->label, "%s %s, %d parameters", c->kind, tw_shape_text(&shape, text),
           c->n_params);
  q->in[0] = tw_input(q->graph, "x", TW_F64, shape);
  q->in[1] = tw_input(q->graph, "eta", TW_F64, TW_SCALAR);
  const tw_array param = tw_array_f64((double *)(uintptr_t)c->param.v, values_shape(&c->param));
  const tw_expr given = tw_constant(q->graph, &param);
  q->r = tw_regularizer(q->graph, kind, q->in[0], c->n_params, &given);
  tw_expr x, own[TW_REGULARIZER_PARAMS];
  assert_ptr_equal(tw_regularizer_of(q->r, &x, own), kind);
  assert_true(tw_same(x, q->in[0]));
  q->p = kind->prox(x, q->in[1], own);
  q->value = call_open(q->label, 1, q->in, q->r);
  q->prox = call_open(q->label, 2, q->in, q->p);
  assert_int_equal(q->value.size, 1);
  assert_int_equal(q->prox.size, q->n);
}

static void proximal_close(proximal *q) {
  call_close(&q->value);
  call_close(&q->prox);
  tw_graph_free(q->graph);
}

static double value_at(const proximal *q, const double *x) {
  double r;
  call_on(&q->value, x, &r);
  return r;
}

static void prox_at(const proximal *q, const double *x, double eta, double *p) {
  call_at(&q->prox, (const double *const[]){x, &eta}, p);
}

static double step_of(int i) {
  return (const double[]){0.3, 1, 0.05, 4}[i % 4];
}

static void reg_point(const reg_case *c, int i, double *x) {
  const uint64_t key = tw_key_split(tw_hash(c->kind, strlen(c->kind), 5), (uint64_t)i);
  const double scale = (const double[]){1, 3, 0.2, 30, 1e-6}[i % 5];
  for (int64_t k = 0; k < reg_size(c); k++) {
    x[k] = scale * normal(key, k);
    if (i % 7 == 6) x[k] = floor(2 * normal(key, k)) / 2;
    if (i % 14 == 5) x[k] = k % 2 ? -1 : 1;
  }
}

typedef void property(const proximal *q);

static void each_case(property *holds) {
  for (int k = 0; k < REG_CASES; k++) {
    proximal q;
    proximal_open(&q, &reg_cases[k]);
    holds(&q);
    proximal_close(&q);
  }
}

/* ------------------------------------------------------------------ values */

static void value_is_definition(const proximal *q) {
  double x[SET_MOST];
  for (int i = 0; i < POINTS; i++) {
    reg_point(q->set, i, x);
    const double expected = q->set->value(q->set, x), found = value_at(q, x);
    if (!(fabs(found - expected) <= 2e-7 * expected))
      fail_msg("%s, point %d: %.17g, expected %.17g", q->label, i, found, expected);
  }
  memset(x, 0, sizeof x);
  assert_true(value_at(q, x) == 0);
}

static void gradient_is_difference(const proximal *q) {
  call gradient = call_open(q->label, 1, q->in, tw_grad(q->r, q->in[0]));
  double x[SET_MOST], g[SET_MOST], slope, *value[1] = {x};
  for (int i = 0; i < 5; i++) {
    for (int64_t k = 0; k < q->n; k++) x[k] = normal((uint64_t)i + 300, k);
    call_on(&gradient, x, g);
    for (int64_t k = 0; k < q->n; k++) {
      call_difference(&q->value, value, 0, k, 1e-6, &slope);
      if (!(fabs(g[k] - slope) <= 1e-8 * fmax(1, fabs(slope))))
        fail_msg("%s: gradient %g, by differences %g", q->label, g[k], slope);
    }
  }
  call_close(&gradient);
}

/* ------------------------------------------------------------------ proxes */

/* r(z) >= r(p) + (x - p)'(z - p) / eta for all z: (x - p) / eta is a subgradient at p. */
static void prox_is_optimal(const proximal *q) {
  double x[SET_MOST], p[SET_MOST], z[SET_MOST], away[SET_MOST], step[SET_MOST];
  for (int i = 0; i < POINTS; i++) {
    const double eta = step_of(i);
    reg_point(q->set, i, x);
    prox_at(q, x, eta, p);
    for (int j = 0; j < 12; j++) {
      reg_point(q->set, 500 + 12 * i + j, z);
      for (int64_t k = 0; k < q->n; k++) {
        if (j % 3 == 0) z[k] = p[k] + 1e-2 * z[k];
        if (j == 11) z[k] = 0;
        away[k] = (x[k] - p[k]) / eta;
        step[k] = z[k] - p[k];
      }
      const double size = 1 + fabs(value_at(q, z)) + fabs(value_at(q, p)) +
                          (1 + size_inf(x, q->n) / eta) * size_inf(step, q->n);
      const double gap = value_at(q, p) + dot(away, step, q->n) - value_at(q, z);
      if (!(gap <= 1e-13 * size)) fail_msg("%s, point %d, other %d: %.3g", q->label, i, j, gap);
    }
  }
}

/* Of a norm: x - p is in the dual ball of radius eta, and p'(x - p) = eta |p|. */
static void prox_splits(const proximal *q) {
  double x[SET_MOST], p[SET_MOST], rest[SET_MOST];
  for (int i = 0; q->set->dual && i < POINTS; i++) {
    const double eta = step_of(i);
    reg_point(q->set, i, x);
    prox_at(q, x, eta, p);
    for (int64_t k = 0; k < q->n; k++) rest[k] = x[k] - p[k];
    const double size = 1 + size_inf(x, q->n);
    assert_true(q->set->dual(q->set, rest) <= eta + 1e-13 * size);
    const double gap = dot(p, rest, q->n) - eta * q->set->value(q->set, p);
    if (!(fabs(gap) <= 2e-7 * size * eta)) fail_msg("%s, point %d: %.3g", q->label, i, gap);
  }
}

static void prox_is_firmly_nonexpansive(const proximal *q) {
  double x[SET_MOST], y[SET_MOST], px[SET_MOST], py[SET_MOST], d[SET_MOST], dp[SET_MOST];
  for (int i = 0; i < POINTS; i++) {
    const double eta = step_of(i);
    reg_point(q->set, i, x);
    reg_point(q->set, 2000 + i, y);
    for (int64_t k = 0; i % 2 && k < q->n; k++) y[k] = x[k] + 1e-2 * y[k];
    prox_at(q, x, eta, px);
    prox_at(q, y, eta, py);
    for (int64_t k = 0; k < q->n; k++) {
      d[k] = x[k] - y[k];
      dp[k] = px[k] - py[k];
    }
    const double size = 1 + size_inf(x, q->n) + size_inf(y, q->n);
    assert_true(dot(dp, dp, q->n) - dot(dp, d, q->n) <= 1e-14 * size * size * (double)q->n);
  }
}

/* eta 0: x itself. A huge one: a minimiser of r. A tiny one: near x. */
static void prox_has_limits(const proximal *q) {
  double x[SET_MOST], p[SET_MOST];
  for (int i = 0; i < POINTS; i++) {
    reg_point(q->set, i, x);
    const double size = size_inf(x, q->n);
    prox_at(q, x, 0, p);
    if (!(distance(x, p, q->n) <= 1e-14 * (double)q->n * size)) fail_msg("%s, point %d: moved", q->label, i);
    prox_at(q, x, 1e-12, p);
    assert_true(distance(x, p, q->n) <= 1e-11 * (1 + size) * (double)q->n);
    prox_at(q, x, 1e12, p);
    assert_true(size_inf(p, q->n) <= 1e-12 * size);
    memset(x, 0, sizeof x);
    prox_at(q, x, step_of(i), p);
    assert_true(size_inf(p, q->n) == 0);
  }
}

/* Derivative in x: against differences, symmetric, eigenvalues from 0 to 1; in eta: against differences. */
static void prox_derivative(const proximal *q) {
  call in_x = call_open(q->label, 2, q->in, tw_jacobian(q->p, q->in[0]));
  call in_eta = call_open(q->label, 2, q->in, tw_jacobian(q->p, q->in[1]));
  double x[SET_MOST], j[SET_MOST * SET_MOST], e[SET_MOST], d[SET_MOST], w[SET_MOST], eta,
      *value[2] = {x, &eta};
  for (int i = 0; i < 8; i++) {
    eta = step_of(i);
    for (int64_t k = 0; k < q->n; k++) x[k] = 2 * normal((uint64_t)i + 900, k);
    call_at(&in_x, (const double *const *)value, j);
    call_at(&in_eta, (const double *const *)value, e);
    for (int64_t b = 0; b <= q->n; b++) {
      call_difference(&q->prox, value, b == q->n, b % q->n, 1e-6, d);
      for (int64_t a = 0; a < q->n; a++)
        if (!(fabs((b == q->n ? e[a] : j[a * q->n + b]) - d[a]) <= 1e-7 * fmax(1, fabs(d[a]))))
          fail_msg("%s, point %d: column %d: by differences %.10g", q->label, i, (int)b, d[a]);
    }
    for (int64_t a = 0; a < q->n; a++)
      for (int64_t b = 0; b < a; b++) assert_close(j[a * q->n + b], j[b * q->n + a], 1e-13);
    eigenvalues(q->n, j, w);
    assert_true(w[0] >= -1e-13 && w[q->n - 1] <= 1 + 1e-13);
  }
  call_close(&in_x);
  call_close(&in_eta);
}

/* At kinks the derivative is finite and between 0 and 1 too. */
static void prox_derivative_at_kinks(const proximal *q) {
  call in_x = call_open(q->label, 2, q->in, tw_jacobian(q->p, q->in[0]));
  double x[SET_MOST], j[SET_MOST * SET_MOST], w[SET_MOST], eta;
  for (int i = 0; i < 12; i++) {
    eta = 0.5 * (double)(i % 4);
    for (int64_t k = 0; k < q->n; k++) x[k] = i < 4 ? i - 2 : floor(2 * normal((uint64_t)i, k)) / 2;
    call_at(&in_x, (const double *const[]){x, &eta}, j);
    for (int64_t k = 0; k < q->n * q->n; k++)
      if (!isfinite(j[k])) fail_msg("%s, point %d: %g", q->label, i, j[k]);
    eigenvalues(q->n, j, w);
    if (!(w[0] >= -1e-13 && w[q->n - 1] <= 1 + 1e-13))
      fail_msg("%s, point %d: eigenvalues %g to %g", q->label, i, w[0], w[q->n - 1]);
  }
  call_close(&in_x);
}

/* Clipping the prox of a separable regularizer is the prox within a box: no point of the box is better. */
static void separable_within_a_box(const proximal *q) {
  double x[SET_MOST], p[SET_MOST], z[SET_MOST];
  if (!tw_regularizer_find(q->set->kind)->separable) return;
  for (int i = 0; i < POINTS; i++) {
    const double eta = step_of(i);
    reg_point(q->set, i, x);
    prox_at(q, x, eta, p);
    for (int64_t k = 0; k < q->n; k++) p[k] = fmin(fmax(p[k], 0.25), 1);
    const double best = eta * value_at(q, p) + 0.5 * pow(distance(x, p, q->n), 2);
    for (int j = 0; j < 20; j++) {
      for (int64_t k = 0; k < q->n; k++) z[k] = 0.25 + 0.75 * uniform((uint64_t)(20 * i + j), k);
      assert_true(best <= (eta * value_at(q, z) + 0.5 * pow(distance(x, z, q->n), 2)) * (1 + 1e-13));
    }
  }
}

#define EACH(test, property)                                                                                 \
  static void test(void **state) {                                                                           \
    (void)state;                                                                                             \
    each_case(property);                                                                                     \
  }
EACH(values_are_the_definition, value_is_definition)
EACH(gradients_agree_with_differences, gradient_is_difference)
EACH(proxes_are_optimal, prox_is_optimal)
EACH(proxes_split_their_point, prox_splits)
EACH(proxes_are_firmly_nonexpansive, prox_is_firmly_nonexpansive)
EACH(proxes_have_limits, prox_has_limits)
EACH(proxes_have_derivatives, prox_derivative)
EACH(proxes_have_derivatives_at_kinks, prox_derivative_at_kinks)
EACH(clipped_proxes, separable_within_a_box)

/* prox_{eta r}(x) + P(x) = x with P the projection on the dual ball of radius eta, as the library has it. */
static void moreau_with_the_library(void **state) {
  (void)state;
  static const struct {
    const char *norm, *ball;
    int64_t rows, cols;
  } pairs[] = {{"l1", "linf_ball", 1, 6}, {"linf", "l1_ball", 1, 6}, {"group_l2", "ball", 3, 4}};
  for (int k = 0; k < 3; k++) {
    tw_graph *graph = tw_graph_new();
    const tw_shape shape = TW_SHAPE(pairs[k].rows, pairs[k].cols);
    const tw_expr in[2] = {tw_input(graph, "x", TW_F64, shape), tw_input(graph, "eta", TW_F64, TW_SCALAR)};
    const tw_expr r = tw_regularizer(graph, tw_regularizer_find(pairs[k].norm), in[0], 0, NULL);
    tw_expr param[TW_REGULARIZER_PARAMS];
    const tw_regularizer_kind *kind = tw_regularizer_of(r, NULL, param);
    const tw_domain ball = tw_domain_make(graph, tw_domain_find(pairs[k].ball), shape, 1, &in[1]);
    const tw_expr gap = tw_sub(in[0], tw_add(kind->prox(in[0], in[1], param), tw_project(ball, in[0])));
    call c = call_open(pairs[k].norm, 2, in, gap);
    for (int i = 0; i < POINTS; i++) {
      double x[12], out[12], eta = step_of(i);
      for (int64_t j = 0; j < c.size; j++) x[j] = 2 * normal((uint64_t)i, j);
      call_at(&c, (const double *const[]){x, &eta}, out);
      assert_true(size_inf(out, c.size) <= 1e-15 * (1 + size_inf(x, c.size)));
    }
    call_close(&c);
    tw_graph_free(graph);
  }
}

/* ------------------------------------------------------------------ the table, recognition, errors */

static void every_kind_is_covered(void **state) {
  (void)state;
  for (const tw_regularizer_kind *const *kind = tw_regularizer_kinds(); *kind; kind++) {
    int cases = 0;
    for (int k = 0; k < REG_CASES; k++) cases += strcmp(reg_cases[k].kind, (*kind)->name) == 0;
    if (cases < 2) fail_msg("%s: %d cases", (*kind)->name, cases);
    assert_ptr_equal(tw_regularizer_find((*kind)->name), *kind);
    assert_true((*kind)->summary[0] && (*kind)->params && (*kind)->value && (*kind)->prox);
  }
  assert_null(tw_regularizer_find("no such regularizer"));
  assert_null(tw_regularizer_find(NULL));
}

static void recognition(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(3)), y = tw_input(graph, "y", TW_F64, TW_SHAPE(3));
  const tw_expr r = tw_regularizer(graph, tw_regularizer_find("l1"), x, 0, NULL);
  tw_expr of, moved;
  assert_non_null(tw_regularizer_of(r, &of, NULL));
  assert_true(tw_same(of, x));
  assert_null(tw_regularizer_of(tw_scale(r, 2), NULL, NULL));
  assert_null(tw_regularizer_of(tw_sum(tw_abs(x), TW_ALL, false), NULL, NULL));
  assert_null(tw_regularizer_of(TW_NONE, NULL, NULL));
  assert_int_equal(tw_substitute(1, &r, 1, &x, &y, &moved), TW_OK);
  assert_non_null(tw_regularizer_of(moved, &of, NULL));
  assert_true(tw_same(of, y));
  /* a batch of regularizers is an array of values */
  const tw_expr many = tw_input(graph, "many", TW_F64, TW_SHAPE(2, 3));
  assert_int_equal(tw_batch(1, &r, 1, &x, &many, 2, &moved), TW_OK);
  call c = call_open("batch", 1, &many, moved);
  double out[2];
  call_on(&c, (double[]){1, -2, 3, 0, 0, -1}, out);
  assert_true(out[0] == 6 && out[1] == 1);
  call_close(&c);
  tw_graph_free(graph);
}

static void wrong_parameters(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(3)), one = tw_scalar(graph, 1),
                many[3] = {one, one, one};
  const tw_expr scalar = tw_input(graph, "s", TW_F64, TW_SCALAR);
  for (const tw_regularizer_kind *const *kind = tw_regularizer_kinds(); *kind; kind++) {
    assert_refused(graph, tw_regularizer(graph, *kind, x, (*kind)->max_params + 1, many), TW_ERR_ARGUMENT,
                   "expected");
    assert_refused(graph, tw_regularizer(graph, *kind, TW_NONE, 0, NULL), TW_ERR_ARGUMENT,
                   "x is no expression");
  }
#define REFUSED(kind, at, status, part, n, ...)                                                              \
  assert_refused(graph, tw_regularizer(graph, tw_regularizer_find(kind), at, n, (tw_expr[]){__VA_ARGS__}),   \
                 status, part)
  assert_refused(graph, tw_regularizer(graph, NULL, x, 0, NULL), TW_ERR_ARGUMENT, "no kind");
  REFUSED("l1", x, TW_ERR_RANGE, "-1", 1, VECTOR(graph, 1, -1, 0));
  REFUSED("l1", x, TW_ERR_SHAPE, "weights has shape [2]", 1, VECTOR(graph, 1, 2));
  REFUSED("elastic_net", x, TW_ERR_ARGUMENT, "0 parameters given", 0, one);
  REFUSED("elastic_net", x, TW_ERR_RANGE, "-1", 1, tw_scalar(graph, -1));
  REFUSED("elastic_net", x, TW_ERR_SHAPE, "r has shape [2]", 1, VECTOR(graph, 1, 2));
  REFUSED("linf", scalar, TW_ERR_SHAPE, "at least 1 axis", 0, one);
  REFUSED("nuclear", x, TW_ERR_SHAPE, "at least 2 axes", 0, one);
  REFUSED("group_l2", x, TW_ERR_SHAPE, "expected one label", 1, VECTOR(graph, 0, 1));
  REFUSED("group_l2", x, TW_ERR_SHAPE, "expected one label", 1, one);
  REFUSED("group_l2", x, TW_ERR_RANGE, "label 3 at position 2", 1, VECTOR(graph, 0, 1, 3));
  REFUSED("group_l2", x, TW_ERR_RANGE, "label 0.5 at position 1", 1, VECTOR(graph, 0, 0.5, 1));
  REFUSED("group_l2", x, TW_ERR_RANGE, "label -1 at position 0", 1, VECTOR(graph, -1, 0, 1));
  REFUSED("group_l2", x, TW_ERR_RANGE, "label 7", 1, tw_fill(graph, TW_F64, TW_SHAPE(3), 7));
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_is_covered),
      cmocka_unit_test(values_are_the_definition),
      cmocka_unit_test(gradients_agree_with_differences),
      cmocka_unit_test(proxes_are_optimal),
      cmocka_unit_test(proxes_split_their_point),
      cmocka_unit_test(proxes_are_firmly_nonexpansive),
      cmocka_unit_test(proxes_have_limits),
      cmocka_unit_test(proxes_have_derivatives),
      cmocka_unit_test(proxes_have_derivatives_at_kinks),
      cmocka_unit_test(clipped_proxes),
      cmocka_unit_test(moreau_with_the_library),
      cmocka_unit_test(recognition),
      cmocka_unit_test(wrong_parameters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
