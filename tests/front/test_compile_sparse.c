/* Matrices in compressed columns from talweg compile: patterns and values are those of the oracle, files do not grow with
 * index sets, what is not regular is a table as long as it is short. */
#include "compiled_model.h"

/* ------------------------------------------------------------------ agreement */

static int64_t nnz_of(const written *w, const char *name) {
  char defined[64];
  snprintf(defined, sizeof defined, "#define m_%s_nnz INT64_C(", name);
  const char *at = strstr(w->header, defined);
  if (!at) fail_msg("the header has no %s", defined);
  return strtoll(at + strlen(defined), NULL, 10);
}

/* The written pattern; one number more of each array stays as it is. */
static void same_pattern(const written *w, const char *name, const tw_pattern *p) {
  typedef void function(int64_t *, int64_t *);
  char full[64];
  function *f;
  snprintf(full, sizeof full, "m_%s_pattern", name);
  void *symbol = dlsym(w->library, full);
  if (!symbol) fail_msg("no function %s", full);
  memcpy(&f, &symbol, sizeof f);
  assert_int_equal(nnz_of(w, name), p->nnz);
  int64_t *start = tw_alloc((size_t)p->cols + 2, sizeof *start), *row = tw_alloc((size_t)p->nnz + 1, sizeof *row);
  start[p->cols + 1] = row[p->nnz] = -7;
  f(start, row);
  assert_memory_equal(start, p->colptr, ((size_t)p->cols + 1) * sizeof *start);
  if (p->nnz > 0) assert_memory_equal(row, p->rowidx, (size_t)p->nnz * sizeof *row);
  assert_true(start[p->cols + 1] == -7 && row[p->nnz] == -7);
  free(start), free(row);
}

/* The matrix at x; the oracle's f is sign f, so its y is sign y and its Hessian sign times ours. */
static void agree_on(const written *w, tw_matrix matrix, const double *x, double *y) {
  const tw_oracle *o = &w->oracle;
  const bool jacobian = matrix == TW_MATRIX_CONSTRAINTS;
  const tw_pattern *p;
  assert_ok(o->sparse_pattern(o->context, matrix, &p, &error));
  same_pattern(w, jacobian ? "jacobian" : "hessian", p);
  double *ours = numbers(p->nnz), *theirs = numbers(p->nnz), *yo = numbers(o->m);
  for (int64_t i = 0; i < o->m; i++) yo[i] = w->sign * y[i];
  if (jacobian)
    CALL(w, "jacobian_values", x, ours);
  else if (o->m > 0)
    CALL(w, "hessian_values", x, y, ours);
  else
    CALL(w, "hessian_values", x, ours);
  assert_ok(o->sparse_values(o->context, matrix, x, yo, theirs, &error));
  assert_agree(w, jacobian ? "Jacobians" : "Hessians", ours, theirs, jacobian ? 1 : w->sign, p->nnz);
  free(yo);
}

/* Both matrices at the start and at a point near it. */
static void assert_agrees(const char *path, const char *set) {
  written w;
  open_written(&w, path, set, "cc -O1");
  const tw_oracle *o = &w.oracle;
  double *x = numbers(o->n), *y = numbers(o->m), *noise = numbers(o->n);
  assert_ok(o->start(o->context, x, &error));
  for (uint64_t point = 0; point < 2; point++) {
    tw_random_normal_fill(10 + point, 0, (size_t)o->n, noise);
    tw_random_normal_fill(20 + point, 0, (size_t)o->m, y);
    agree_on(&w, o->m > 0 ? TW_MATRIX_LAGRANGIAN : TW_MATRIX_HESSIAN, x, y);
    if (o->m > 0) agree_on(&w, TW_MATRIX_CONSTRAINTS, x, y);
    for (int64_t i = 0; i < o->n; i++) x[i] += 0.1 * noise[i] * fmax(1, fabs(x[i]));
  }
  free(x), free(y), free(noise);
  close_written(&w);
}

static void examples_agree(void **state) {
  (void)state;
  static const char *const name[] = {"rosenbrock", "transport", "knapsack", "portfolio", "hs071"};
  for (size_t i = 0; i < sizeof name / sizeof *name; i++) assert_agrees(example_path(name[i]), NULL);
  assert_agrees(example_path("luksan-vlcek"), "N=3");
  assert_agrees(example_path("luksan-vlcek"), "N=1000");
}

/* ------------------------------------------------------------------ models */

/* Shipping from n plants to m markets: rows of one kind are a loop in a loop. */
static const char shipping[] = "param n = 30\nparam m = 40\nset I = 0..n-1\nset J = 0..m-1\nvar x[I,J] >= 0 init 0.5\n"
                               "maximize sum((1+i+j)*x[i,j] - exp(x[i,j]) for i in I, j in J)\n"
                               "subject to supply[i in I]: sum(x[i,j]^2 for j in J) <= 10\n"
                               "subject to demand[j in J]: sum(x[i,j] for i in I) >= 3\n";

/* A nonlinear equation on a grid: positions of entries are piecewise affine in two indices. */
static const char grid[] =
    "param n = 40\nset I = 1..n-2\nset A = 0..n-2\nset K = 0..n-1\nvar u[n,n] init 0.1\n"
    "minimize sum((u[i+1,j]-u[i,j])^2 + (u[i,j+1]-u[i,j])^4 for i in A, j in A)\n"
    "subject to pde[i in I, j in I]: 4*u[i,j] - u[i-1,j] - u[i+1,j] - u[i,j-1] - u[i,j+1] + exp(u[i,j])/n^2 == 0\n"
    "subject to left[k in K]: u[0,k] == 1\n";

/* Control of three states by two inputs. */
static const char control[] = "param n = 100\nset K = 0..n-1\nvar x[n+1, 3] init 0.1\nvar u[n, 2] init 0\n"
                              "minimize sum(x[k+1,0]^2 + u[k,0]^2 + u[k,1]^4 for k in K)\n"
                              "subject to a[k in K]: x[k+1,0] == x[k,0] + 0.01*sin(x[k,1])*u[k,0]\n"
                              "subject to b[k in K]: x[k+1,1] == x[k,1] + 0.01*x[k,2]*u[k,1]\n"
                              "subject to c[k in K]: x[k+1,2] == x[k,2] + 0.01*cos(x[k,0])\n"
                              "subject to s: x[0,:] == ones(3)\n";

/* Indices that jump about. */
static const char scattered[] = "param n = 509\nset I = 0..n-1\nvar x[n] init 1\n"
                                "minimize sum(exp(x[i]) + x[i]*x[(7*i*i+3*i+1) % n] for i in I)\n"
                                "subject to c[i in I]: sin(x[i]) + x[(5*i*i+i+4) % n]^2 <= 10\n";

/* Indices from a file of edges. */
static const char edges[] = "param n = 300\nparam E = csv(\"edges.csv\")\nset K = 0..rows(E)-1\nvar x[n] init 1\n"
                            "minimize sum((x[floor(E[k,0])] - x[floor(E[k,1])])^4 for k in K)\n"
                            "subject to c[k in K]: x[floor(E[k,0])] * x[floor(E[k,1])] <= 10\n";

/* Dense, and no constraints. */
static const char full[] = "var x[60] init 0.3\nminimize logsumexp(x)\n";

static void model_agrees(const char *text, const char *set) {
  char folder[64], path[128];
  test_folder_make(folder);
  write_text(folder, "model.tw", text);
  assert_agrees(test_path(folder, "model.tw", path), set);
  test_folder_remove(folder);
}

static void regular_patterns_agree(void **state) {
  (void)state;
  model_agrees(shipping, NULL);
  model_agrees(grid, "n=90");
  model_agrees(control, NULL);
  model_agrees(full, NULL);
}

static void irregular_patterns_agree(void **state) {
  (void)state;
  char folder[64], path[128];
  model_agrees(scattered, NULL);
  test_folder_make(folder);
  FILE *file = fopen(test_path(folder, "edges.csv", path), "w");
  assert_non_null(file);
  fputs("from,to\n", file);
  for (uint64_t k = 0; k < 500; k++)
    fprintf(file, "%d,%d\n", (int)(300 * tw_random_uniform(1, k)), (int)(300 * tw_random_uniform(2, k)));
  assert_int_equal(fclose(file), 0);
  write_text(folder, "edges.tw", edges);
  assert_agrees(test_path(folder, "edges.tw", path), NULL);
  test_folder_remove(folder);
}

/* ------------------------------------------------------------------ what the files are */

/* The C file of the model; the header stays in the folder. */
static char *compiled_text(const char *folder, const char *model, const char *set) {
  write_text(folder, "model.tw", model);
  outcome o = command("compile %s/model.tw -o %s/m.c --set %s", folder, folder, set);
  expect_code(&o, 0);
  outcome_free(&o);
  return text_of(folder, "m.c");
}

static void files_do_not_grow(void **state) {
  (void)state;
  const struct {
    const char *model, *set[2];
  } cases[] = {{shipping, {"m=350", "m=2500"}}, {grid, {"n=128", "n=256"}}, {control, {"n=1000", "n=100000"}}};
  char folder[64];
  test_folder_make(folder);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *small = compiled_text(folder, cases[i].model, cases[i].set[0]),
         *large = compiled_text(folder, cases[i].model, cases[i].set[1]);
    expect_text(large, "m_jacobian_values(");
    expect_text(large, "m_hessian_values(");
    assert_true(strlen(large) < 65536);
    drop_digits(small);
    drop_digits(large);
    assert_string_equal(small, large);
    free(small), free(large);
  }
  test_folder_remove(folder);
}

/* A table of more than 16384 numbers is refused in words, and the rest is there. */
static void long_tables_are_left_out(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  char *c = compiled_text(folder, scattered, "n=20011"), *header = text_of(folder, "m.h");
  assert_true(strlen(c) < 65536);
  expect_text(header, "m_hessian_values is not written: its pattern is not regular: it takes more than 16384 numbers.");
  expect_text(header, "m_jacobian_values is not written: its pattern is not regular");
  expect_text(header, "m_hessian is not written: it has too many elements; its products with vectors are.");
  assert_null(strstr(header, "_nnz"));
  assert_null(strstr(header, "_pattern("));
  expect_text(header, "int m_hvp(");
  run_shell("cc -std=c11 -Wall -Wextra -Werror -c %s/m.c -o %s/m.o", folder, folder);
  free(c), free(header);
  test_folder_remove(folder);
}

static void headers_name_arguments(void **state) {
  (void)state;
  char folder[64];
  test_folder_make(folder);
  free(compiled_text(folder, control, "n=100"));
  char *header = text_of(folder, "m.h");
  expect_text(header, "/* m_jacobian_values: the Jacobian of c in compressed columns.");
  expect_text(header, "input 0: x, f64 [503]: the variables\n *   output 0: values, f64 [1103]");
  expect_text(header, "input 1: y, f64 [303]: a weight for each constraint row\n *   output 0: values, f64 [");
  expect_text(header, "/* m_jacobian_pattern: where the values of m_jacobian_values belong");
  expect_text(header, "Column j of the 303 by 503");
  expect_text(header, "output 0: start, i64 [504]\n *   output 1: row, i64 [1103]");
  expect_text(header, "#define m_jacobian_nnz INT64_C(1103)\nvoid m_jacobian_pattern(int64_t *start, int64_t *row);");
  free(header);
  test_folder_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(examples_agree),           cmocka_unit_test(regular_patterns_agree),
                                     cmocka_unit_test(irregular_patterns_agree), cmocka_unit_test(files_do_not_grow),
                                     cmocka_unit_test(long_tables_are_left_out), cmocka_unit_test(headers_name_arguments)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
