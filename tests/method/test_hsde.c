/* The splitting on conic problems in arrays: optima known by construction, certificates, options, resuming. */
#include "resume.h"
#include "test.h"

#include "linear/csc.h"
#include <talweg/method.h>

typedef struct stream {
  uint64_t key, index;
} stream;

static double draw(stream *s) {
  return tw_random_normal(s->key, s->index++);
}

/* ------------------------------------------------------------------ problems with a known solution */

typedef struct known {
  tw_conic conic;
  double *x, *y, optimum;
} known;

static double *numbers(int64_t n) {
  double *v = calloc((size_t)n + 1, sizeof *v);
  assert_non_null(v);
  return v;
}

/* A of the given density and P = G'G of rank `rank`, as triplets. */
static void random_matrices(tw_conic *c, int rank, stream *s) {
  tw_error error;
  const int64_t n = c->n, m = c->m;
  const size_t room = (size_t)(m * n + n * n);
  int64_t *row = calloc(room, sizeof *row), *col = calloc(room, sizeof *col), count = 0;
  double *value = numbers(m * n + n * n), *g = numbers(rank * n);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      if ((i + j) % 3 == 0 || i == j || m * n < 400) row[count] = i, col[count] = j, value[count++] = draw(s);
  assert_ok(tw_csc_from_triplets(&c->a, m, n, count, row, col, value, &error));
  count = 0;
  for (int64_t k = 0; k < rank * n; k++) g[k] = draw(s) / sqrt((double)n);
  for (int64_t j = 0; j < n && rank > 0; j++)
    for (int64_t i = j; i < n; i++) {
      value[count] = 0, row[count] = i, col[count] = j;
      for (int64_t k = 0; k < rank; k++) value[count] += g[k * n + i] * g[k * n + j];
      count++;
    }
  assert_ok(tw_csc_from_triplets(&c->p, n, n, count, row, col, value, &error));
  free(row), free(col), free(value), free(g);
}

static void multiply_p(const tw_csc *p, const double *x, double *out) {
  for (int64_t j = 0; j < p->cols; j++)
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      out[p->row[k]] += p->value[k] * x[j];
      if (p->row[k] != j) out[j] += p->value[k] * x[p->row[k]];
    }
}

/* s and y are the two parts of a random vector (Moreau), x is random; b = A x + s, c = -P x - A'y. */
static known make_known(int64_t n, int64_t cones, const tw_cone *cone, int rank, uint64_t key) {
  tw_error error;
  stream random = {key, 0};
  known k = {.conic = {.n = n, .cones = cones, .constant = 2.5}};
  tw_conic *c = &k.conic;
  c->cone = (tw_cone *)(uintptr_t)cone;
  for (int64_t i = 0; i < cones; i++) c->m += cone[i].rows;
  random_matrices(c, rank, &random);
  k.x = numbers(n), k.y = numbers(c->m), c->c = numbers(n), c->b = numbers(c->m);
  double *s = numbers(c->m), *px = numbers(n);
  for (int64_t j = 0; j < n; j++) k.x[j] = draw(&random);
  for (int64_t i = 0; i < c->m; i++) s[i] = draw(&random);
  tw_cone_map *map;
  assert_ok(tw_cone_map_new(&map, cones, cone, true, &error));
  assert_ok(tw_cone_map_at(map, s, false, k.y, &error));
  tw_cone_map_free(map);
  for (int64_t i = 0; i < c->m; i++) s[i] = k.y[i] - s[i];
  tw_csc_apply(&c->a, k.x, c->b);
  for (int64_t i = 0; i < c->m; i++) c->b[i] += s[i];
  tw_csc_apply_transpose(&c->a, k.y, c->c);
  multiply_p(&c->p, k.x, px);
  k.optimum = c->constant;
  for (int64_t j = 0; j < n; j++) c->c[j] = -c->c[j] - px[j], k.optimum += k.x[j] * (c->c[j] + px[j] / 2);
  free(s), free(px);
  return k;
}

static void free_known(known *k) {
  k->conic.cone = NULL;
  tw_conic_free(&k->conic);
  free(k->x), free(k->y);
}

static tw_result solve(const tw_conic *conic, const char *method) {
  tw_error error;
  tw_oracle oracle;
  tw_result result;
  const tw_solve_options options = {.method = method};
  assert_ok(tw_oracle_from_conic(&oracle, conic, &error));
  assert_ok(tw_minimize(&oracle, NULL, &options, &result, &error));
  tw_oracle_release(&oracle);
  return result;
}

static const tw_cone mixed[] = {{TW_CONE_ZERO, 4, 0}, {TW_CONE_NONNEG, 10, 0}, {TW_CONE_SECOND_ORDER, 5, 0}, {TW_CONE_SECOND_ORDER, 8, 0},
                                {TW_CONE_PSD, 10, 0}, {TW_CONE_PSD, 21, 0},    {TW_CONE_EXP, 3, 0},          {TW_CONE_EXP, 3, 0},
                                {TW_CONE_POWER, 3, 0.3}};
static const tw_cone second_order[] = {{TW_CONE_ZERO, 5, 0}, {TW_CONE_NONNEG, 20, 0}, {TW_CONE_SECOND_ORDER, 12, 0},
    {TW_CONE_SECOND_ORDER, 30, 0}};
static const tw_cone semidefinite[] = {{TW_CONE_ZERO, 6, 0}, {TW_CONE_PSD, 55, 0}, {TW_CONE_PSD, 78, 0}};
static const tw_cone exponential[] = {{TW_CONE_NONNEG, 6, 0}, {TW_CONE_EXP, 3, 0}, {TW_CONE_EXP, 3, 0}, {TW_CONE_EXP, 3, 0},
    {TW_CONE_EXP, 3, 0},
                                      {TW_CONE_EXP, 3, 0},    {TW_CONE_EXP, 3, 0}};
static const struct family {
  int64_t n, cones;
  const tw_cone *cone;
} families[] = {{20, 9, mixed}, {30, 4, second_order}, {40, 3, semidefinite}, {12, 7, exponential}};
enum { FAMILIES = sizeof families / sizeof *families };

static void known_optima(void **state) {
  (void)state;
  for (int f = 0; f < FAMILIES; f++)
    for (int seed = 0; seed < 8; seed++) {
      known k = make_known(families[f].n, families[f].cones, families[f].cone, seed % 2 ? 5 : 0, (uint64_t)(100 * f + seed));
      tw_result r = solve(&k.conic, "hsde");
      if (r.outcome != TW_SOLVED || !(fabs(r.f - k.optimum) <= 1e-6 * fmax(1, fabs(k.optimum))))
        fail_msg("family %d, seed %d: %s after %lld iterations (%s): %.12g, optimum %.12g", f, seed, tw_outcome_name(r.outcome),
                 (long long)r.iterations, r.message, r.f, k.optimum);
      tw_result_free(&r);
      free_known(&k);
    }
}

/* Without Newton's finish, acceleration or adaptive scales the splitting finds the same. */
static void plain_options(void **state) {
  (void)state;
  static const char *const methods[] = {"hsde:refine=0,tol=1e-7", "hsde:anderson=0,refine=0,tol=1e-6", "hsde:adapt=0,scale=1"};
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    known k = make_known(30, 4, second_order, 5, 17);
    tw_result r = solve(&k.conic, methods[i]);
    assert_int_equal(r.outcome, TW_SOLVED);
    assert_close(r.f, k.optimum, 1e-4);
    tw_result_free(&r);
    free_known(&k);
  }
}

/* x and y themselves where they are unique, y with its sign turned to the problem's. */
static void solutions(void **state) {
  (void)state;
  static const tw_cone cones[] = {{TW_CONE_SECOND_ORDER, 6, 0}, {TW_CONE_NONNEG, 6, 0}};
  known k = make_known(12, 2, cones, 12, 3);
  tw_result r = solve(&k.conic, "hsde");
  assert_int_equal(r.outcome, TW_SOLVED);
  for (int64_t j = 0; j < 12; j++) assert_close(r.x[j], k.x[j], 1e-6);
  for (int64_t i = 0; i < 12; i++) assert_close(r.dual[i], -k.y[i], 1e-6);
  tw_result_free(&r);
  free_known(&k);
}

/* ------------------------------------------------------------------ certificates */

/* A'y = 0, b'y < 0 by construction: A has its rows freed of a y in the dual cone, b = -y. */
static void make_infeasible(known *k) {
  tw_conic *c = &k->conic;
  double norm = 0, *column = numbers(c->n);
  for (int64_t i = 0; i < c->m; i++) norm += k->y[i] * k->y[i];
  tw_csc_apply_transpose(&c->a, k->y, column);
  int64_t count = 0, *row = calloc((size_t)(c->m * c->n), sizeof *row), *col = calloc((size_t)(c->m * c->n), sizeof *col);
  double *value = numbers(c->m * c->n);
  for (int64_t j = 0; j < c->n; j++)
    for (int64_t i = 0; i < c->m; i++) row[count] = i, col[count] = j, value[count++] = -k->y[i] * column[j] / norm;
  for (int64_t j = 0; j < c->n; j++)
    for (int64_t e = c->a.start[j]; e < c->a.start[j + 1]; e++) value[j * c->m + c->a.row[e]] += c->a.value[e];
  tw_error error;
  tw_csc_free(&c->a);
  assert_ok(tw_csc_from_triplets(&c->a, c->m, c->n, count, row, col, value, &error));
  for (int64_t i = 0; i < c->m; i++) c->b[i] = -k->y[i];
  free(row), free(col), free(value), free(column);
}

/* The multipliers that come back prove it: y in K* (to rounding), b'y = -1, A'y = 0. */
static void check_infeasible(const known *k, const tw_result *r) {
  const tw_conic *c = &k->conic;
  double *y = numbers(c->m), *p = numbers(c->m), *column = numbers(c->n), by = 0, outside = 0, left = 0;
  tw_error error;
  tw_cone_map *map;
  for (int64_t i = 0; i < c->m; i++) y[i] = -r->dual[i], by += c->b[i] * y[i];
  assert_ok(tw_cone_map_new(&map, c->cones, c->cone, true, &error));
  assert_ok(tw_cone_map_at(map, y, false, p, &error));
  tw_cone_map_free(map);
  tw_csc_apply_transpose(&c->a, y, column);
  for (int64_t i = 0; i < c->m; i++) outside = fmax(outside, fabs(p[i] - y[i]));
  for (int64_t j = 0; j < c->n; j++) left = fmax(left, fabs(column[j]));
  assert_close(by, -1, 1e-9);
  assert_true(outside <= 1e-9 && left <= 1e-7);
  free(y), free(p), free(column);
}

static void infeasible(void **state) {
  (void)state;
  for (int f = 0; f < FAMILIES; f++) {
    known k = make_known(families[f].n, families[f].cones, families[f].cone, 0, (uint64_t)(50 + f));
    make_infeasible(&k);
    tw_result r = solve(&k.conic, "hsde");
    if (r.outcome != TW_INFEASIBLE) fail_msg("family %d: %s (%s)", f, tw_outcome_name(r.outcome), r.message);
    check_infeasible(&k, &r);
    tw_result_free(&r);
    free_known(&k);
  }
}

/* min -t - <1, x> over t >= |x|. */
static void unbounded(void **state) {
  (void)state;
  tw_error error;
  tw_cone cone = {TW_CONE_SECOND_ORDER, 3, 0};
  tw_conic c = {.n = 3, .m = 3, .cones = 1, .cone = &cone, .c = (double[]){-1, -1, -1}, .b = (double[]){0, 0, 0}};
  assert_ok(tw_csc_from_triplets(&c.a, 3, 3, 3, (int64_t[]){0, 1, 2}, (int64_t[]){0, 1, 2}, (double[]){-1, -1, -1}, &error));
  assert_ok(tw_csc_from_triplets(&c.p, 3, 3, 0, NULL, NULL, NULL, &error));
  tw_result r = solve(&c, "hsde");
  assert_int_equal(r.outcome, TW_UNBOUNDED);
  tw_result_free(&r);
  tw_csc_free(&c.a);
  tw_csc_free(&c.p);
}

/* ------------------------------------------------------------------ resuming, bad input */

static void resumed_equals_uninterrupted(void **state) {
  (void)state;
  char folder[64], path[128];
  tw_error error;
  tw_oracle oracle;
  test_folder_make(folder);
  test_path(folder, "run", path);
  known k = make_known(40, 3, semidefinite, 5, 1);
  assert_ok(tw_oracle_from_conic(&oracle, &k.conic, &error));
  for (int stop = 5; stop <= 320; stop *= 4) assert_int_equal(resumed_outcome(&oracle, "hsde", stop, path), TW_SOLVED);
  tw_oracle_release(&oracle);
  free_known(&k);
  test_folder_remove(folder);
}

static void wrong_sizes(void **state) {
  (void)state;
  tw_error error;
  tw_oracle oracle;
  known k = make_known(20, 9, mixed, 0, 2);
  k.conic.m++;
  assert_fails(tw_oracle_from_conic(&oracle, &k.conic, &error), TW_ERR_SHAPE, "the cones have");
  k.conic.m--;
  free_known(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_optima), cmocka_unit_test(plain_options), cmocka_unit_test(solutions),
      cmocka_unit_test(infeasible),   cmocka_unit_test(unbounded),     cmocka_unit_test(resumed_equals_uninterrupted),
      cmocka_unit_test(wrong_sizes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
