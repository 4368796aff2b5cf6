/* The splitting on conic problems in arrays: optima known by construction, certificates, options, resuming. */
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
  int64_t *row = calloc((size_t)(m * n + n * n), sizeof *row), *col = calloc((size_t)(m * n + n * n), sizeof *col), count = 0;
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
static const tw_cone second_order[] = {{TW_CONE_ZERO, 5, 0}, {TW_CONE_NONNEG, 20, 0}, {TW_CONE_SECOND_ORDER, 12, 0}, {TW_CONE_SECOND_ORDER, 30, 0}};
static const tw_cone semidefinite[] = {{TW_CONE_ZERO, 6, 0}, {TW_CONE_PSD, 55, 0}, {TW_CONE_PSD, 78, 0}};
static const tw_cone exponential[] = {{TW_CONE_NONNEG, 6, 0}, {TW_CONE_EXP, 3, 0}, {TW_CONE_EXP, 3, 0}, {TW_CONE_EXP, 3, 0}, {TW_CONE_EXP, 3, 0},
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
      if (getenv("TALK")) printf("family %d seed %d: %lld iterations, stationarity %g, feasibility %g, f - f* %g, %g s\n", f, seed, (long long)r.iterations, r.optimality.stationarity, r.optimality.feasibility, r.f - k.optimum, r.seconds);
      tw_result_free(&r);
      free_known(&k);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(known_optima)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
