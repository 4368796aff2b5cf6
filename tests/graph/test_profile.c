/* Profiles: which steps share a row, how the time of a pass is shared out, the line on the whole, and the roofs that are kept. */
#include "evaluate.h"

#include "graph/run/profile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, SIDE = 48 };

static tw_error error;

/* Seconds are powers of ten, so that nothing is measured here. */
static const tw_machine known = {1, 1e10, 2e10, {1e5, 1e6, 1e7, INFINITY}, {8e10, 4e10, 2e10, 1e10}, 1e10, 1};

typedef struct compiled {
  tw_fn *fn;
  tw_work *work;
} compiled;

static compiled compile(tw_profile *profile, tw_expr x, tw_expr e) {
  compiled c;
  assert_ok(tw_fn_new(&c.fn, 1, &x, 1, &e, NULL, &error));
  assert_ok(tw_work_new(&c.work, c.fn, &error));
  tw_work_exec(c.work, &(tw_exec){.threads = 1, .jit = TW_JIT_OFF, .profile = profile});
  return c;
}

static void release(compiled *c) {
  tw_work_free(c->work);
  tw_fn_free(c->fn);
}

/* Calls with zeros. */
static void call(tw_profile *profile, tw_expr x, tw_expr e, int times) {
  compiled c = compile(profile, x, e);
  void *in = calloc((size_t)tw_size_of(x) + 1, 8), *out = calloc((size_t)tw_size_of(e) + 1, 8);
  assert_true(in && out);
  for (int k = 0; k < times; k++) assert_ok(tw_fn_call(c.fn, c.work, (const void *[]){in}, (void *[]){out}, 0, &error));
  free(in);
  free(out);
  release(&c);
}

static void steps_do_not_share_rows(void **state) {
  (void)state;
  tw_profile *profile = tw_profile_new();
  tw_profile_row row[MOST];
  tw_graph *g = tw_graph_new();
  const tw_shape square = TW_SHAPE(SIDE, SIDE);
  const tw_expr x = tw_input(g, "x", TW_F64, square), s = tw_input(g, "s", TW_F32, square);
  const tw_expr two = tw_matmul(tw_matmul(x, x), x);
  call(profile, x, two, 3);
  assert_int_equal(tw_profile_rows(profile, MOST, row), 2);
  assert_string_equal(row[0].name, row[1].name);
  assert_int_equal(row[0].calls, 3);
  call(profile, x, two, 4); /* made again: the same rows */
  assert_int_equal(tw_profile_rows(profile, MOST, row), 2);
  assert_true(row[0].calls == 7 && row[1].calls == 7 && row[0].flops == 7 * 2.0 * SIDE * SIDE * SIDE);
  call(profile, s, tw_matmul(s, s), 1);
  const int n = tw_profile_rows(profile, MOST, row);
  assert_int_equal(n, 3);
  int single = 0;
  for (int k = 0; k < n; k++) single += row[k].single;
  assert_int_equal(single, 1);
  tw_profile_free(profile);
  tw_graph_free(g);
}

/* Two passes that differ in their last op alone, behind what a row's name has room for. */
static void long_names_differ(void **state) {
  (void)state;
  tw_profile *profile = tw_profile_new();
  tw_profile_row row[MOST];
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(100));
  tw_expr e = x;
  for (int k = 0; k < 20; k++) e = tw_sin(tw_exp(tw_neg(e)));
  call(profile, x, tw_sin(e), 1);
  call(profile, x, tw_cos(e), 1);
  assert_int_equal(tw_profile_rows(profile, MOST, row), 2);
  assert_string_equal(row[0].name, row[1].name);
  tw_profile_free(profile);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ tables */

static char *table_of(tw_profile *profile, const tw_machine *machine, double wall) {
  tw_text text = {0};
  tw_profile_table(profile, machine, wall, &text);
  assert_false(text.failed);
  return text.data;
}

static void expect_in(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("no \"%s\" in\n%s", part, text);
}

/* Milliseconds of the line of the second table that ends with `kind`, 0 without one. */
static double ms_of(const char *table, const char *kind) {
  char end[64];
  double ms = 0;
  long long calls;
  snprintf(end, sizeof end, "  %s\n", kind);
  const char *at = strstr(strstr(table, "bound     kind"), end);
  if (!at) return 0;
  while (at[-1] != '\n') at--;
  assert_int_equal(sscanf(at, "%lld %lf", &calls, &ms), 2);
  return ms;
}

static void a_pass_is_shared_out(void **state) {
  (void)state;
  tw_profile *profile = tw_profile_new();
  tw_profile_row row[MOST];
  tw_kind_costs costs[MOST];
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(1 << 18)), e = tw_sum(tw_exp(tw_sin(x)), TW_ALL, false);
  call(profile, x, e, 5);
  assert_int_equal(tw_profile_costs(profile, MOST, row, costs), 1);
  assert_string_equal(row[0].kind, "fused");
  double flops = 0, bytes = 0;
  for (int k = 0; k < TW_OP_KINDS; k++) flops += costs[0].flops[k], bytes += costs[0].bytes[k];
  assert_true(5 * flops == row[0].flops && 5 * bytes == row[0].bytes);
  assert_true(costs[0].flops[TW_OP_KIND_REDUCTION] == 1 << 18);
  char *table = table_of(profile, &known, 0);
  const double part = ms_of(table, "element-wise"), rest = ms_of(table, "reduction");
  assert_true(part > 0 && rest > 0);
  assert_true(fabs(part + rest - 1e3 * row[0].seconds) <= 0.0021);
  expect_in(table, "(element-wise ");
  expect_in(table, "%, reduction ");
  free(table);
  tw_profile_free(profile);
  tw_graph_free(g);
}

static void the_whole_ends_the_table(void **state) {
  (void)state;
  tw_profile *profile = tw_profile_new();
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(SIDE, SIDE));
  compiled c = compile(profile, x, tw_matmul(x, x));
  const int32_t row = tw_profile_row_of(profile, c.fn, 0, 0);
  const double bytes = tw_step_bytes(&c.fn->step[0]), flops = tw_step_flops(&c.fn->step[0]),
               least = tw_machine_least(&known, false, flops, bytes);
  for (int k = 0; k < 3; k++) tw_profile_add(profile, row, 0, 0.25, flops, bytes);
  char *table = table_of(profile, &known, 1), expected[32];
  expect_in(table, "total: 750.000 ms in steps of 1000.000 ms wall time; outside the graph (factorizations, method, making functions) "
                   "250.000 ms; coverage 75.0%\n");
  snprintf(expected, sizeof expected, " %5.0f%%  overhead", 100 * 3 * least / 0.75); /* the one rule of tw_machine_least */
  expect_in(table, expected);
  free(table);
  tw_profile_add(profile, row, 0, 0, flops, bytes);
  table = table_of(profile, &known, 0);
  expect_in(table, "total: 750.000 ms in steps\n");
  free(table);
  release(&c);
  tw_profile_free(profile);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ while steps run */

enum { THREADS = 4, ROUNDS = 50 };

typedef struct shared {
  tw_profile *profile;
  compiled c[THREADS];
} shared;

static void call_or_read(void *context, int64_t k, int worker) {
  const shared *s = context;
  double in[64] = {0}, out[64];
  (void)worker;
  for (int round = 0; round < ROUNDS; round++) {
    if (k % 2) {
      assert_int_equal(tw_fn_call(s->c[k].fn, s->c[k].work, (const void *[]){in}, (void *[]){out}, 0, NULL), TW_OK);
      continue;
    }
    tw_text text = {0};
    tw_profile_row row[MOST];
    tw_profile_table(s->profile, &known, 1, &text);
    tw_profile_trace(s->profile, &known, &text);
    assert_true(tw_profile_rows(s->profile, MOST, row) <= 2);
    tw_text_free(&text);
  }
}

static void reading_waits_for_adding(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(8, 8)), e = tw_matmul(tw_matmul(x, x), x);
  shared s = {.profile = tw_profile_new()};
  tw_profile_row row[MOST];
  for (int k = 0; k < THREADS; k++) s.c[k] = compile(s.profile, x, e);
  tw_parallel(THREADS, THREADS, call_or_read, &s);
  assert_int_equal(tw_profile_rows(s.profile, MOST, row), 2);
  assert_int_equal(row[0].calls + row[1].calls, 2 * ROUNDS * THREADS / 2);
  for (int k = 0; k < THREADS; k++) release(&s.c[k]);
  tw_profile_free(s.profile);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ roofs that are kept */

/* All numbers of the kept file are 1. */
static void keep_ones(const char *folder, char path[256]) {
  char name[128], heading[256];
  tw_cpu_name(name, sizeof name);
  snprintf(heading, sizeof heading, "roofs 3: %s, 1 of %d cores\n", name, tw_cores());
  snprintf(path, 256, "%s/talweg/roofs-%016llx", folder, (unsigned long long)tw_hash(heading, strlen(heading), 0));
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(heading, file);
  for (int k = 0; k < 12; k++) fputs("1\n", file);
  assert_int_equal(fclose(file), 0);
}

static void old_and_wrong_roofs_are_measured_again(void **state) {
  (void)state;
  char folder[64], path[256], inner[128], *before = getenv("XDG_CACHE_HOME") ? strdup(getenv("XDG_CACHE_HOME")) : NULL;
  tw_machine m;
  test_folder_make(folder);
  setenv("XDG_CACHE_HOME", folder, 1);
  assert_int_equal(mkdir(test_path(folder, "talweg", inner), 0700), 0);
  keep_ones(folder, path);
  assert_ok(tw_machine_get(1, &m, &error));
  assert_true(m.flops == 1); /* as it is kept */
  tw_profile *profile = tw_profile_new();
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(SIDE, SIDE));
  compiled c = compile(profile, x, tw_matmul(x, x));
  const int32_t row = tw_profile_row_of(profile, c.fn, 0, 0);
  tw_profile_add(profile, row, 0, 1e-6, 1e5, 8); /* too short to say anything */
  assert_ok(tw_profile_machine(profile, 1, &m, &error));
  assert_true(m.flops == 1 && m.rounds == 1);
  tw_profile_add(profile, row, 0, 1, 1e5, 8); /* 1e5 flops in a second, where one is the roof */
  assert_ok(tw_profile_machine(profile, 1, &m, &error));
  assert_true(m.flops > 1e6 && m.rounds == 2);
  keep_ones(folder, path);
  const struct timespec old[2] = {{.tv_sec = time(NULL) - 31 * 86400}, {.tv_sec = time(NULL) - 31 * 86400}};
  assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
  assert_ok(tw_machine_get(1, &m, &error));
  assert_true(m.flops > 1e6 && m.rounds == 1);
  release(&c);
  tw_profile_free(profile);
  tw_graph_free(g);
  if (before) setenv("XDG_CACHE_HOME", before, 1);
  else unsetenv("XDG_CACHE_HOME");
  free(before);
  test_folder_remove(inner);
  test_folder_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(steps_do_not_share_rows),  cmocka_unit_test(long_names_differ),
                                     cmocka_unit_test(a_pass_is_shared_out),     cmocka_unit_test(the_whole_ends_the_table),
                                     cmocka_unit_test(reading_waits_for_adding), cmocka_unit_test(old_and_wrong_roofs_are_measured_again)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
