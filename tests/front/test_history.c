/* Traces: what was seen is what is read back. */
#include "command.h"

typedef struct fixture {
  tw_graph *graph;
  tw_problem *problem;
} fixture;

static fixture make(const char *first, tw_shape shape) {
  fixture f = {.graph = tw_graph_new()};
  f.problem = tw_problem_new(f.graph);
  tw_problem_variable(f.problem, first, shape);
  return f;
}

static void release(fixture *f) {
  tw_problem_free(f->problem);
  tw_graph_free(f->graph);
}

static void csv_round_trip(void **state) {
  (void)state;
  char folder[64], path[128];
  tw_error error = {0};
  tw_history history = {0};
  test_folder_make(folder);
  fixture f = make("x", TW_SHAPE(2));
  enum { ROWS = 3000 };
  for (int k = 0; k < ROWS; k++) {
    const uint64_t draw = (uint64_t)k;
    const double x[2] = {tw_random_normal(1, draw), tw_random_normal(2, draw) * 1e-200};
    const tw_progress progress = {.iteration = k, .n = 2, .x = x, .f = tw_random_normal(3, draw), .seconds = k,
                                  .optimality = {tw_random_uniform(4, draw), 0, NAN},
                                  .scale = 1};
    tw_history_add(&history, &progress, true);
  }
  assert_ok(tw_history_write(&history, f.problem, test_path(folder, "t.csv", path), &error));
  tw_array table = {0};
  assert_ok(tw_csv_read(path, NULL, &table, &error));
  assert_int_equal(table.shape.dim[0], ROWS);
  assert_int_equal(table.shape.dim[1], 7);
  const double *row = table.data;
  for (int k = 0; k < ROWS; k++, row += 7) {
    const uint64_t draw = (uint64_t)k;
    assert_close(row[0], k, 0);
    assert_true(row[1] == -tw_random_normal(3, draw)); /* as stated: maximised */
    assert_true(row[2] == tw_random_uniform(4, draw));
    assert_true(row[5] == tw_random_normal(1, draw));
    assert_true(row[6] == tw_random_normal(2, draw) * 1e-200);
  }
  tw_array_free(&table);
  tw_history_free(&history);
  release(&f);
  assert_int_equal(test_folder_remove(folder), 1);
}

static void cells_that_are_not_finite_are_empty(void **state) {
  (void)state;
  char folder[64], path[128], *data = NULL;
  size_t length = 0;
  tw_error error = {0};
  tw_history history = {0};
  test_folder_make(folder);
  fixture f = make("w", TW_SHAPE(3));
  const double x[3] = {0};
  const tw_progress progress = {.n = 3, .x = x, .f = NAN, .optimality = {INFINITY, NAN, NAN}, .seconds = 0.5};
  tw_history_add(&history, &progress, false);
  assert_ok(tw_history_write(&history, f.problem, test_path(folder, "t.csv", path), &error));
  assert_ok(tw_file_read(path, 10000, &data, &length, &error));
  assert_string_equal(data, "iteration,objective,stationarity,feasibility,seconds\n0,,,,0.5\n");
  free(data);
  tw_history_free(&history);
  release(&f);
  test_folder_remove(folder);
}

static void names_of_entries(void **state) {
  (void)state;
  char text[TW_SHAPE_TEXT];
  fixture f = make("a", TW_SHAPE(2, 3));
  tw_problem_variable(f.problem, "b", TW_SCALAR);
  assert_string_equal(tw_coordinate_name(f.problem, 0, text), "a[0, 0]");
  assert_string_equal(tw_coordinate_name(f.problem, 5, text), "a[1, 2]");
  assert_string_equal(tw_coordinate_name(f.problem, 6, text), "b");
  assert_string_equal(tw_coordinate_name(f.problem, 7, text), "");
  release(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(csv_round_trip),
                                     cmocka_unit_test(cells_that_are_not_finite_are_empty),
                                     cmocka_unit_test(names_of_entries)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
