/* Plots: files appear whole or not at all; ticks are round and inside their axis. */
#include "test.h"

#include "front/plot_axes.h"

#include <talweg/front.h>

#include <stdio.h>

/* ------------------------------------------------------------------ ticks */

static void linear_ticks(void **state) {
  (void)state;
  for (uint64_t i = 0; i < 2000; i++) {
    const double low = tw_random_normal(1, i) * pow(10, 8 * tw_random_uniform(2, i) - 4);
    const double high = low + pow(10, 10 * tw_random_uniform(3, i) - 5) * fmax(1, fabs(low));
    tw_ticks ticks;
    tw_ticks_linear(&ticks, low, high, 6, false);
    assert_in_range(ticks.n, 2, 14);
    const double step = ticks.value[1] - ticks.value[0];
    for (int k = 0; k < ticks.n; k++) {
      assert_true(ticks.value[k] >= low - 1e-5 * step && ticks.value[k] <= high + 1e-5 * step);
      assert_true(strlen(ticks.label[k]) > 0);
      if (k > 0) assert_close((ticks.value[k] - ticks.value[k - 1]) / step, 1, 1e-6);
    }
  }
}

static void integer_ticks(void **state) {
  (void)state;
  tw_ticks ticks;
  tw_ticks_linear(&ticks, 0, 3, 6, true);
  assert_int_equal(ticks.n, 4);
  for (int k = 0; k < ticks.n; k++) assert_close(ticks.value[k], k, 0);
  assert_string_equal(ticks.label[3], "3");
  tw_ticks_linear(&ticks, -0.2, 0.2, 4, false);
  assert_int_equal(ticks.n, 5);
  assert_string_equal(ticks.label[0], "\xE2\x88\x92"
                                      "0.2");
  assert_string_equal(ticks.label[2], "0.0");
}

static void log_ticks(void **state) {
  (void)state;
  for (int first = -30; first <= 5; first += 5)
    for (int decades = 1; decades <= 60; decades++) {
      double low = 3 * pow(10, first), high = low * pow(10, decades);
      tw_axis_round_log(&low, &high);
      tw_ticks ticks;
      tw_ticks_log(&ticks, low, high, 8);
      assert_in_range(ticks.n, 1, 12);
      const tw_axis axis = {low, high, 100, 0, true};
      for (int k = 0; k < ticks.n; k++) {
        const double at = tw_axis_at(&axis, ticks.value[k]);
        assert_true(at >= -1e-6 && at <= 100 + 1e-6);
      }
    }
}

/* ------------------------------------------------------------------ files */

static tw_status bowl(void *context, const double *x, double *f, tw_error *error) {
  (void)error;
  const int64_t n = *(const int64_t *)context;
  *f = 0;
  for (int64_t i = 0; i < n; i++) *f += (double)(i + 1) * x[i] * x[i];
  if (x[0] > 2) *f = NAN; /* outside the domain */
  return TW_OK;
}

static tw_status circle(void *context, const double *x, double *c, tw_error *error) {
  (void)context, (void)error;
  c[0] = x[0] * x[0] + x[1] * x[1];
  c[1] = x[0] - x[1];
  return TW_OK;
}

/* x_k = x_0 / 2^k; values that no logarithm has. */
static tw_history make_history(int64_t n, int rows, bool wild) {
  tw_history history = {0};
  for (int k = 0; k < rows; k++) {
    const double x[2] = {1.5 * pow(0.5, k), -1 * pow(0.5, k)};
    const double f = wild && k == 1 ? NAN : x[0] * x[0];
    const tw_progress progress = {.iteration = k,
                                  .n = n,
                                  .x = x,
                                  .f = f,
                                  .seconds = k,
                                  .optimality = {wild && k == 2 ? INFINITY : f, k % 2 == 0 ? 0 : f, NAN},
                                  .scale = 1};
    tw_history_add(&history, &progress, false);
    tw_history_add(&history, &progress, false); /* no second row */
  }
  assert_int_equal(history.count, rows);
  return history;
}

/* Writes the plot and reads the first bytes of the file. */
static void write_plot(const tw_plot *plot, const char *folder, const char *name, char head[8], long *bytes) {
  char path[128];
  tw_error error = {0};
  assert_ok(tw_plot_write(plot, test_path(folder, name, path), &error));
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fread(head, 1, 8, file), 8);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  *bytes = ftell(file);
  fclose(file);
}

static void formats(void **state) {
  (void)state;
  char folder[64], head[8];
  long bytes = 0;
  test_folder_make(folder);
  int64_t n = 2;
  const double lower[] = {-1, -2}, upper[] = {3, INFINITY};
  const double c_lower[] = {-INFINITY, 0.25}, c_upper[] = {2, 0.25};
  tw_oracle oracle = {.context = &n,
                      .offers = TW_VALUE | TW_BOUNDS | TW_CONSTRAINTS,
                      .value = bowl,
                      .constraints = circle,
                      .lower = lower,
                      .upper = upper,
                      .c_lower = c_lower,
                      .c_upper = c_upper};
  for (n = 1; n <= 2; n++)
    for (int maximize = 0; maximize < 2; maximize++) {
      oracle.n = n;
      oracle.m = n == 2 ? 2 : 0;
      tw_history history = make_history(n, 12, false);
      const tw_plot plot = {.title = "bowl",
                            .subtitle = "made up",
                            .history = &history,
                            .oracle = &oracle,
                            .names = {"x", "y"},
                            .maximize = maximize};
      write_plot(&plot, folder, "bowl.png", head, &bytes);
      assert_memory_equal(head, "\x89PNG\r\n\x1a\n", 8);
      write_plot(&plot, folder, "bowl.svg", head, &bytes);
      assert_memory_equal(head, "<?xml ", 6);
      assert_in_range(bytes, 2000, 2000000);
      tw_history_free(&history);
    }
  assert_int_equal(test_folder_remove(folder), 2);
}

static void odd_histories(void **state) {
  (void)state;
  char folder[64], head[8];
  long bytes = 0;
  test_folder_make(folder);
  for (int rows = 1; rows <= 300; rows = 3 * rows + 1)
    for (int64_t n = 1; n <= 3; n++) {
      int64_t own = n;
      const tw_oracle oracle = {.context = &own, .n = n, .offers = TW_VALUE, .value = bowl};
      tw_history history = make_history(n, rows, true);
      const tw_plot plot = {.history = &history, .oracle = &oracle, .costly = true};
      write_plot(&plot, folder, "odd.svg", head, &bytes);
      tw_history_free(&history);
    }
  assert_int_equal(test_folder_remove(folder), 1);
}

static void refusals(void **state) {
  (void)state;
  char folder[64], path[128];
  tw_error error = {0};
  test_folder_make(folder);
  assert_fails(tw_plot_check(test_path(folder, "a.pdf", path), &error), TW_ERR_ARGUMENT, ".svg or .png");
  assert_fails(tw_plot_check(".svg", &error), TW_ERR_ARGUMENT, ".svg or .png");
  assert_fails(tw_plot_check("/nonexistent/a.svg", &error), TW_ERR_IO, "/nonexistent/a.svg");
  assert_ok(tw_plot_check(test_path(folder, "a.svg", path), &error));
  tw_history history = make_history(3, 4, false);
  const tw_plot plot = {.history = &history};
  assert_fails(tw_plot_write(&plot, "/nonexistent/a.png", &error), TW_ERR_IO, "/nonexistent/a.png");
  const tw_history empty = {0};
  const tw_plot nothing = {.history = &empty};
  assert_fails(tw_plot_write(&nothing, test_path(folder, "a.png", path), &error), TW_ERR_ARGUMENT, "empty");
  tw_history_free(&history);
  assert_int_equal(test_folder_remove(folder), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(linear_ticks),  cmocka_unit_test(integer_ticks),
                                     cmocka_unit_test(log_ticks),     cmocka_unit_test(formats),
                                     cmocka_unit_test(odd_histories), cmocka_unit_test(refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
