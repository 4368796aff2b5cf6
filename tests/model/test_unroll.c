/* Models over arrays unrolled to rows of scalars: the same functions with the same derivatives, sizes that do not grow beyond
 * what is shared, names, and what is refused. */
#include "flat_check.h"

#include "model/nl.h"
#include "model/nl_write.h"
#include "model/unroll.h"

static tw_error error;

static tw_model *model_of(const char *text) {
  tw_model *model = NULL;
  if (tw_model_parse(&model, text, strlen(text), "test.tw", NULL, &error) != TW_OK) fail_msg("%s\nin\n%s", error.message, text);
  return model;
}

/* The model's own oracle against the trees, at random points in (0.3, 0.9). */
static void check_model(const char *text, bool trees) {
  tw_model *model = model_of(text);
  const tw_problem *p = tw_model_problem(model);
  tw_flat *flat;
  tw_class cls;
  tw_oracle o;
  assert_ok(tw_classify(p, &cls, &error));
  assert_ok(tw_oracle_from_problem(&o, p, &cls, &error));
  if (tw_flat_from_problem(&flat, p, model, trees, &error) != TW_OK) fail_msg("%s\nin\n%s", error.message, text);
  if (!trees) assert_ok(tw_flat_fill_quadratic(flat, p, &error));
  const size_t n = (size_t)o.n, m = (size_t)o.m;
  double f, *x = calloc(4 * n + 3 * m + 1, sizeof *x), *v = x + n, *g = v + n, *h = g + n, *c = h + n, *jv = c + m, *y = jv + m;
  for (size_t j = 0; j < n; j++) x[j] = 0.3 + 0.6 * tw_random_uniform(3, j);
  tw_random_normal_fill(4, 0, n, v);
  tw_random_normal_fill(5, 0, m, y);
  assert_ok(o.gradient(o.context, x, &f, g, &error));
  const jet want = jet_row(flat, -1, x, v);
  const double sign = flat->maximize ? -1 : 1;
  check_number(text, "the value", -1, sign * want.f, f, 0);
  check_number(text, "the derivative", -1, sign * want.d, tw_vec_dot(g, v, n), 0);
  double curvature = sign * want.dd, size = fabs(want.dd);
  if (m > 0) {
    assert_ok(o.constraints(o.context, x, c, &error));
    assert_ok(o.constraints_jvp(o.context, x, v, jv, &error));
  }
  for (int64_t i = 0; i < o.m; i++) {
    const jet row = jet_row(flat, i, x, v);
    const double moved = trees ? 0 : o.c_upper[i] < INFINITY ? o.c_upper[i] - flat->row_upper[i] : o.c_lower[i] - flat->row_lower[i];
    check_number(text, "the value", i, row.f + moved, c[i], fabs(moved));
    check_number(text, "the derivative", i, row.d, jv[i], 0);
    curvature += y[i] * row.dd;
    size += fabs(y[i] * row.dd);
  }
  assert_ok(o.hvp(o.context, x, m > 0 ? y : NULL, v, h, &error));
  check_number(text, "the second derivative", -1, curvature, tw_vec_dot(h, v, n), 10 * size);
  free(x);
  tw_oracle_release(&o);
  tw_flat_free(flat);
  tw_model_free(model);
}

static void test_models(void **state) {
  (void)state;
  static const char *const models[] = {
      "var x[3]\nparam a[0..2] = {0: 1, 1: 2.5, 2: -1}\nminimize sum(exp(a * x) / (1 + x^2)) + prod(x) + max(x) - min(x[0:2])",
      "var x[2, 3]\nlet s = concat(x[0], 2 * x[1])\nminimize sum(s^3) + norm(x)\nsubject to x' @ x <= 3\nsubject to cumsum(s) <= 4",
      ("var x[5]\nset I = 0..3\nminimize sum(x[i] * x[i+1]^2 - i * sin(x[i]) for i in I)\nsubject to c[i in I]: "
       "sum(x[j] * (i + j) for j in 0..4 if j != i) + log(x[i]) <= i"),
      "var x[4]\nminimize logsumexp(x) + sum(softmax(x) * x) + sum(sigmoid(x)) + sum(softplus(x)) + sum(relu(x - 0.5))",
      "var x[3]\nvar y\nmaximize sum(abs(x - y)) + sum(tanh(x) * tan(y)) + y^2.5 - 2^y + log1p(y) + sum(sign(x - y) * x)",
      "var x[3]\nvar y\nminimize y if x[0] < x[1] else y^2\nsubject to max(x, y) - min(x[0], y) >= 0.1\nsubject to floor(3 * x) + x >= y",
      "var x[6]\nlet X = reshape(x, 2, 3)\nminimize sum((X @ [1, 2, 3])^2) + trace(X @ X.T) + sum(diag(X.T @ X)) + mean(stack(x, x^2))",
      "var x[3] in simplex\nparam S = [[2, 1, 0], [1, 3, 0.5], [0, 0.5, 1]]\nmaximize x @ [1, 2, 3] - x @ S @ x",
  };
  for (size_t k = 0; k < sizeof models / sizeof *models; k++) check_model(models[k], true);
}

/* Linear and quadratic terms from derivatives. */
static void test_quadratic(void **state) {
  (void)state;
  static const char *const models[] = {
      "var x[3]\nparam S = [[2, 1, 0], [1, 3, 0.5], [0, 0.5, 1]]\nmaximize x @ [1, 2, 3] - x @ S @ x + 7\nsubject to sum(x) + 3 <= 4",
      ("var x[4]\nvar y integer in 0..5\nminimize sum((x - y)^2)\nsubject to q[i in 0..3]: x[i] * y + x[i]^2 >= i - 1\n"
       "subject to x[0:2] - 2 * y == 0"),
      "var x[70] >= 0\nminimize sum(x[i] * x[i+1] for i in 0..68)\nsubject to l[i in 0..68]: x[i+1] - 2 * x[i] + i <= 3"};
  for (size_t k = 0; k < sizeof models / sizeof *models; k++) check_model(models[k], false);
}

static void test_names(void **state) {
  (void)state;
  tw_model *model = model_of(
      "set P = {ny, la}\nvar ship[P, 0..1] >= 0\nvar y binary\nminimize y\nsubject to cap[p in P]: sum(ship[p, j] for j in 0..1) <= 3");
  tw_flat *flat;
  assert_ok(tw_flat_from_problem(&flat, tw_model_problem(model), model, true, &error));
  static const char *const column[] = {"ship[ny,0]", "ship[ny,1]", "ship[la,0]", "ship[la,1]", "y"}, *const row[] = {"cap[ny]", "cap[la]"};
  for (int k = 0; k < 5; k++) assert_string_equal(flat->column[k], column[k]);
  for (int k = 0; k < 2; k++) assert_string_equal(flat->row[k], row[k]);
  assert_int_equal(flat->kind[4], TW_BINARY);
  assert_true(flat->lower[0] == 0 && flat->upper[4] == 1 && flat->row_upper[1] == 3);
  tw_flat_free(flat);
  tw_model_free(model);
}

/* Running sums and common factors are shared, so trees do not grow with the square of the size. */
static void test_sharing(void **state) {
  (void)state;
  tw_model *model = model_of("var x[500]\nminimize sum(cumsum(exp(x))^2)");
  tw_flat *flat;
  assert_ok(tw_flat_from_problem(&flat, tw_model_problem(model), model, true, &error));
  assert_in_range(flat->n_nodes, 500, 5000);
  tw_text text = {0};
  assert_ok(tw_nl_write(flat, &(tw_nl_style){false, false}, &text, NULL, NULL, &error));
  assert_in_range(text.length, 500, 60000);
  tw_text_free(&text);
  tw_flat_free(flat);
  tw_model_free(model);
}

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {{"var x[2]\nminimize sum(erf(x))", "objective: erf has no scalar form"},
               {"var x[2, 2] in psd\nminimize sum(x)", "variable x: the set psd has no form in rows and columns"},
               {"var x[2]\nminimize sum(x)\nsubject to d: det([[x[0], 1], [1, x[1]]]) >= 1", "constraint d: lu has no scalar form"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    tw_model *model = model_of(cases[k].text);
    tw_flat *flat;
    assert_fails(tw_flat_from_problem(&flat, tw_model_problem(model), model, true, &error), TW_ERR_UNSUPPORTED, cases[k].message);
    assert_null(flat);
    tw_model_free(model);
  }
}

/* Unrolled, written and read back: the derivatives have the entries of the loops they came from. */
static void test_entries(void **state) {
  (void)state;
  const tw_override override = {"N", "300"};
  const tw_model_options options = {.n_overrides = 1, .overrides = &override};
  tw_model *model = NULL;
  tw_flat *flat, *back = tw_flat_new();
  tw_text text = {0};
  assert_ok(tw_model_read(&model, "examples/luksan-vlcek.tw", &options, &error));
  assert_ok(tw_flat_from_problem(&flat, tw_model_problem(model), model, true, &error));
  assert_ok(tw_nl_write(flat, &(tw_nl_style){false, false}, &text, NULL, NULL, &error));
  assert_ok(tw_nl_parse(back, text.data, text.length, "back.nl", 0, &error));
  stated loops = {0}, rerolled;
  assert_ok(tw_classify(tw_model_problem(model), &loops.cls, &error));
  assert_ok(tw_oracle_from_problem(&loops.oracle, tw_model_problem(model), &loops.cls, &error));
  stated_open(&rerolled, back);
  static const tw_matrix matrices[] = {TW_MATRIX_CONSTRAINTS, TW_MATRIX_HESSIAN, TW_MATRIX_LAGRANGIAN};
  for (int k = 0; k < 3; k++) {
    tw_storage storage;
    const tw_pattern *a, *b;
    assert_ok(tw_oracle_storage(&rerolled.oracle, matrices[k], &storage, &a, &error));
    assert_int_equal(storage, TW_STORE_SPARSE);
    assert_ok(tw_oracle_storage(&loops.oracle, matrices[k], &storage, &b, &error));
    assert_int_equal(storage, TW_STORE_SPARSE);
    assert_int_equal(a->nnz, b->nnz);
    for (int64_t j = 0; j <= a->cols; j++) assert_int_equal(a->colptr[j], b->colptr[j]);
    for (int64_t i = 0; i < a->nnz; i++) assert_int_equal(a->rowidx[i], b->rowidx[i]);
  }
  assert_true(tw_graph_nodes(rerolled.graph) < 3000); /* not with the number of rows */
  check_flat("luksan-vlcek", back, 0.01);
  stated_free(&rerolled);
  tw_oracle_release(&loops.oracle);
  tw_flat_free(flat);
  tw_flat_free(back);
  tw_text_free(&text);
  tw_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_models),  cmocka_unit_test(test_quadratic), cmocka_unit_test(test_names),
                                     cmocka_unit_test(test_sharing), cmocka_unit_test(test_refusals),  cmocka_unit_test(test_entries)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
