/* Every operator of .nl files: rerolled expressions agree with scalar evaluation, and files written from them, text and
 * binary in both byte orders, read back as the same functions. */
#include "flat_check.h"

#include "model/nl.h"
#include "model/nl_write.h"

static tw_error error;

enum { N = 6, ROWS = 5 };

/* Variables 0 and 1 lie in (0, 1), 2 and 3 in (1, 2), 4 and 5 below 0. */
static tw_flat *new_flat(void) {
  static const double start[N] = {0.3, 0.7, 1.4, 1.8, -0.6, -1.3};
  tw_flat *f = tw_flat_new();
  assert_non_null(f);
  assert_true(tw_flat_size(f, N, ROWS, 0));
  memcpy(f->start, start, sizeof start);
  f->has_objective = true;
  return f;
}

static int32_t var(tw_flat *f, int64_t j) {
  return tw_flat_variable(f, j);
}
static int32_t num(tw_flat *f, double x) {
  return tw_flat_number(f, x);
}
static int32_t one(tw_flat *f, int op, int32_t a) {
  return tw_flat_node(f, op, 1, &a);
}
static int32_t two(tw_flat *f, int op, int32_t a, int32_t b) {
  return tw_flat_node(f, op, 2, (int32_t[]){a, b});
}
static int32_t three(tw_flat *f, int op, int32_t a, int32_t b, int32_t c) {
  return tw_flat_node(f, op, 3, (int32_t[]){a, b, c});
}

static void finish(tw_flat *f, const char *label) {
  f->algebraic = f->m;
  for (int64_t i = 0; i < f->m; i++) f->row_upper[i] = 1;
  if (f->objective < 0) f->objective = two(f, TW_S_MUL, f->body[0], f->body[1]);
  assert_false(f->failed);
  check_flat(label, f, 0);
}

/* ------------------------------------------------------------------ writing and reading back */

static void check_same(const char *label, const tw_flat *a, const tw_flat *b, const int64_t *columns, const int64_t *rows) {
  double x[2][64], v[2][64];
  assert_int_equal(a->n, b->n);
  assert_int_equal(a->m, b->m);
  assert_true(a->n <= 64);
  for (int64_t k = 0; k < b->n; k++) {
    const int64_t j = columns[k];
    x[0][j] = x[1][k] = a->start[j] * 1.01;
    v[0][j] = v[1][k] = tw_random_normal(11, (uint64_t)j);
    assert_true(b->start[k] == a->start[j] && b->lower[k] == a->lower[j] && b->upper[k] == a->upper[j] && b->kind[k] == a->kind[j]);
  }
  for (int64_t k = -1; k < b->m; k++) {
    const int64_t i = k < 0 ? -1 : rows[k];
    const jet want = jet_row(a, i, x[0], v[0]), got = jet_row(b, k, x[1], v[1]);
    check_number(label, "the value read back", i, got.f, want.f, 0);
    check_number(label, "the derivative read back", i, got.d, want.d, fabs(want.f));
    check_number(label, "the second derivative read back", i, got.dd, want.dd, fabs(want.d));
    if (k >= 0) assert_true(b->row_lower[k] == a->row_lower[i] && b->row_upper[k] == a->row_upper[i]);
  }
  assert_int_equal(a->maximize, b->maximize);
}

static void check_written(const char *label, tw_flat *f) {
  static const tw_nl_style style[3] = {{false, false}, {true, false}, {true, true}};
  for (int k = 0; k < 3; k++) {
    tw_text text = {0};
    int64_t *columns, *rows;
    assert_ok(tw_nl_write(f, &style[k], &text, &columns, &rows, &error));
    tw_flat *back = tw_flat_new();
    assert_ok(tw_nl_parse(back, text.data, text.length, label, 0, &error));
    check_same(label, f, back, columns, rows);
    check_flat(label, back, 0);
    tw_flat_free(back);
    free(columns);
    free(rows);
    tw_text_free(&text);
  }
}

/* ------------------------------------------------------------------ operators */

/* Where an operator is smooth and real: the first of two neighbouring variables. */
static int64_t place_for(int op) {
  if (op == TW_S_ACOSH) return 2;
  if (op == TW_S_FLOOR || op == TW_S_CEIL || op == TW_S_ABS || op == TW_S_NEG || op == TW_S_ASINH || op == TW_S_TANH) return 4;
  return 0;
}

static void test_unary(void **state) {
  (void)state;
  for (int op = 0; op < TW_S_NUMBER; op++) {
    if (tw_scalar_arity_of(op) != 1) continue;
    char label[32];
    snprintf(label, sizeof label, "o%d", op);
    tw_flat *f = new_flat();
    const int64_t j = place_for(op);
    for (int64_t i = 0; i < ROWS; i++) { /* two shapes, among the rows and within them */
      const int32_t own = one(f, op, var(f, j + i % 2));
      f->body[i] = i % 2 == 0 ? own : two(f, TW_S_SUB, two(f, TW_S_MUL, num(f, 1.5 + (double)i), own), one(f, op, var(f, j)));
    }
    finish(f, label);
    check_written(label, f);
    tw_flat_free(f);
  }
}

static void test_binary(void **state) {
  (void)state;
  for (int op = 0; op < TW_S_NUMBER; op++) {
    if (tw_scalar_arity_of(op) != 2) continue;
    char label[32];
    snprintf(label, sizeof label, "o%d", op);
    tw_flat *f = new_flat();
    const bool places = op == TW_S_PRECISION || op == TW_S_ROUND || op == TW_S_TRUNC;
    for (int64_t i = 0; i < ROWS; i++) {
      int32_t a = var(f, i % 4), b = places ? num(f, 2) : var(f, (i + 1 + (i % 4 == 3)) % 4);
      if (i == 2 && !places) b = num(f, 1.5);
      if (i == 4) a = num(f, 2.5);
      f->body[i] = two(f, op, a, b);
    }
    finish(f, label);
    check_written(label, f);
    tw_flat_free(f);
  }
}

static void test_lists(void **state) {
  (void)state;
  static const int lists[] = {TW_S_MIN, TW_S_MAX, TW_S_SUM, TW_S_COUNT, TW_S_NUMBEROF, TW_S_ALL, TW_S_ANY, TW_S_ALLDIFF, TW_S_SOMESAME};
  for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
    const int op = lists[k];
    const bool logical = op == TW_S_COUNT || op == TW_S_ALL || op == TW_S_ANY;
    char label[32];
    snprintf(label, sizeof label, "o%d", op);
    tw_flat *f = new_flat();
    for (int64_t i = 0; i < ROWS; i++) {
      int32_t operand[4];
      const int32_t count = i == 4 ? 1 : i == 3 ? 4 : 3;
      for (int32_t q = 0; q < count; q++) {
        operand[q] = q == 1 && i % 2 == 1 ? two(f, TW_S_MUL, num(f, 2), var(f, (i + q) % N)) : var(f, (i + 2 * q) % N);
        if (logical) operand[q] = two(f, q == 0 ? TW_S_LE : TW_S_GT, operand[q], num(f, 0.2));
      }
      f->body[i] = tw_flat_node(f, op, count, operand);
    }
    finish(f, label);
    check_written(label, f);
    tw_flat_free(f);
  }
}

static void test_choices(void **state) {
  (void)state;
  static const int ops[] = {TW_S_IF, TW_S_IMPLIES};
  for (size_t k = 0; k < 2; k++) {
    tw_flat *f = new_flat();
    for (int64_t i = 0; i < ROWS; i++) {
      const int32_t test = two(f, i % 2 == 0 ? TW_S_LT : TW_S_GE, var(f, i % N), num(f, 0.5));
      int32_t a = two(f, TW_S_MUL, var(f, 0), var(f, (i + 1) % N)), b = one(f, TW_S_EXP, var(f, i % N));
      if (ops[k] == TW_S_IMPLIES) {
        a = two(f, TW_S_GT, a, num(f, 0));
        b = two(f, TW_S_NE, b, num(f, 1));
      }
      f->body[i] = three(f, ops[k], test, a, b);
    }
    finish(f, "if");
    check_written("if", f);
    tw_flat_free(f);
  }
}

static void test_piecewise(void **state) {
  (void)state;
  tw_flat *f = new_flat();
  for (int64_t i = 0; i < ROWS; i++) {
    const int32_t argument = i == 3 ? two(f, TW_S_MUL, num(f, 2), var(f, 1)) : var(f, i);
    f->body[i] =
        tw_flat_node(f, TW_S_PIECEWISE, 6, (int32_t[]){argument, num(f, -1), num(f, -0.5), num(f, 2 + (double)i), num(f, 0.5), num(f, 3)});
  }
  f->objective = tw_flat_node(f, TW_S_SUM, 3, f->body);
  finish(f, "o64");
  check_written("o64", f);
  tw_flat_free(f);
}

/* Shared trees become common expressions; quadratic and linear terms, kinds of all sorts and constants come back. */
static void test_shared(void **state) {
  (void)state;
  tw_flat *f = new_flat();
  const int32_t inner = two(f, TW_S_MUL, one(f, TW_S_EXP, var(f, 0)), var(f, 3));
  const int32_t outer = two(f, TW_S_POW, inner, num(f, 3));
  f->body[0] = two(f, TW_S_ADD, outer, num(f, 2.5));
  f->body[1] = two(f, TW_S_SUB, inner, two(f, TW_S_MUL, num(f, 4), var(f, 5)));
  f->body[2] = two(f, TW_S_DIV, outer, inner);
  f->body[3] = one(f, TW_S_NEG, two(f, TW_S_ADD, var(f, 1), two(f, TW_S_DIV, var(f, 2), num(f, 8))));
  f->objective = two(f, TW_S_MUL, outer, num(f, -1));
  f->maximize = true;
  f->constant = 3;
  for (int64_t i = 0; i < ROWS; i++)
    for (int64_t j = 0; j < N; j++) tw_flat_linear(f, i - 1, j, (double)((i * j) % 4 - 1));
  tw_flat_quadratic(f, 4, 0, 0, 2);
  tw_flat_quadratic(f, 4, 2, 5, -3);
  tw_flat_quadratic(f, -1, 5, 5, 1);
  f->kind[1] = TW_BINARY;
  f->lower[1] = 0;
  f->upper[1] = 1;
  f->kind[2] = TW_INTEGER;
  f->kind[3] = TW_INTEGER;
  f->lower[4] = f->upper[4] = f->start[4];
  f->lower[2] = -7;
  f->row_lower[1] = -2;
  f->row_lower[2] = 1; /* an equation, since all upper limits are 1 */
  finish(f, "shared");
  check_written("shared", f);
  tw_flat_free(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_unary),   cmocka_unit_test(test_binary),    cmocka_unit_test(test_lists),
                                     cmocka_unit_test(test_choices), cmocka_unit_test(test_piecewise), cmocka_unit_test(test_shared)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
