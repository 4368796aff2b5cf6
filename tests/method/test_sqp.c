/* Sequential quadratic programming: the small .nl files, warm starts, stationary points that are no minima, and what it refuses. */
#include "test.h"

#include <talweg/model.h>

static tw_error error;

static tw_model *parse(const char *text) {
  tw_model *model = NULL;
  assert_ok(tw_model_parse(&model, text, strlen(text), "program", NULL, &error));
  return model;
}

static bool is_good(const tw_result *r) { return r->optimality.feasibility <= 1e-8 && r->optimality.stationarity <= 1e-6; }

/* Feasibility 1e-8 and stationarity 1e-6 on nine files of ten. */
static void files_of_other_modellers(void **state) {
  (void)state;
  DIR *folder = opendir(TALWEG_SOURCE_DIR "/tests/data/nl");
  assert_non_null(folder);
  int good = 0, all = 0;
  int64_t iterations = 0;
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    const char *suffix = strrchr(entry->d_name, '.');
    if (suffix == NULL || strcmp(suffix, ".nl") != 0) continue;
    char path[512];
    tw_model *model = NULL;
    tw_result r = {0};
    snprintf(path, sizeof path, TALWEG_SOURCE_DIR "/tests/data/nl/%s", entry->d_name);
    all++;
    if (tw_model_read(&model, path, NULL, &error) == TW_OK &&
        tw_solve_problem(tw_model_problem(model), &(tw_solve_options){.method = "sqp"}, &r, &error) == TW_OK) {
      good += is_good(&r);
      iterations += is_good(&r) ? r.iterations : 0;
      if (!is_good(&r)) print_message("%s: %s, %s\n", entry->d_name, tw_outcome_name(r.outcome), r.message);
    }
    tw_result_free(&r);
    tw_model_free(model);
  }
  closedir(folder);
  print_message("%d of %d files, %lld iterations\n", good, all, (long long)iterations);
  assert_true(all >= 50 && 10 * good >= 9 * all);
}

/* After a small change of a parameter, from the last solution: a few steps, fewer than from afar. */
static void warm_starts_take_few_steps(void **state) {
  (void)state;
  tw_model *model = parse("param volume = 25\nvar x[4] >= 1 <= 5 init {0: 1, 1: 5, 2: 5, 3: 1}\n"
                          "minimize x[0]*x[3]*(x[0]+x[1]+x[2]) + x[2]\n"
                          "subject to x[0]*x[1]*x[2]*x[3] >= volume\nsubject to sum(x^2) == 40\n");
  tw_problem *p = tw_model_problem(model);
  tw_class cls;
  tw_result far, near, same;
  tw_oracle oracle;
  const tw_solve_options options = {.method = "sqp"};
  assert_ok(tw_classify(p, &cls, &error));
  assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
  assert_ok(tw_minimize(&oracle, NULL, &options, &far, &error));
  assert_int_equal(far.outcome, TW_SOLVED);
  assert_ok(tw_minimize(&oracle, far.x, &options, &same, &error));
  assert_int_equal(same.outcome, TW_SOLVED);
  assert_true(same.iterations <= 1);
  tw_oracle_release(&oracle);
  double volume = 25.1;
  const tw_array value = tw_array_f64(&volume, TW_SCALAR);
  assert_ok(tw_problem_set_parameter(p, "volume", &value, &error));
  assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
  assert_ok(tw_minimize(&oracle, far.x, &options, &near, &error));
  print_message("%lld iterations, then %lld\n", (long long)far.iterations, (long long)near.iterations);
  assert_int_equal(near.outcome, TW_SOLVED);
  assert_true(near.iterations <= 4 && near.iterations < far.iterations);
  assert_true(near.x[0] == 1); /* an active bound holds to the last bit */
  tw_result_free(&far), tw_result_free(&same), tw_result_free(&near);
  tw_oracle_release(&oracle);
  tw_model_free(model);
}

/* A maximum on the circle is where the method starts; a full step keeps the rate beside a curved constraint (Maratos 1978). */
static void curvature_counts(void **state) {
  (void)state;
  const struct {
    const char *text;
    double f;
    int64_t most;
  } cases[] = {{"var x[2] init [0, 1]\nminimize -x[0]^2 + 0.1 * x[1]\nsubject to sum(x^2) <= 1\n", -1.0025, 60},
               {"var x[2] init [0.8, 0.6]\nminimize 2 * (x[0]^2 + x[1]^2 - 1) - x[0]\nsubject to sum(x^2) == 1\n", -1, 8},
               {"var x[2] init [cos(1.5), sin(1.5)]\nminimize 2 * (x[0]^2 + x[1]^2 - 1) - x[0]\nsubject to sum(x^2) == 1\n", -1, 20}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_model *model = parse(cases[i].text);
    tw_result r;
    assert_ok(tw_solve_problem(tw_model_problem(model), &(tw_solve_options){.method = "sqp"}, &r, &error));
    print_message("f %.10g, %lld iterations, %s\n", r.f, (long long)r.iterations, r.message);
    assert_int_equal(r.outcome, TW_SOLVED);
    assert_close(r.f, cases[i].f, 1e-8);
    assert_true(r.iterations <= cases[i].most);
    tw_result_free(&r);
    tw_model_free(model);
  }
}

static void large_problems_are_refused(void **state) {
  (void)state;
  tw_model *model = parse("var x[3000]\nminimize sum((x - 1)^2)\nsubject to sum(x) <= 5\n");
  tw_result r;
  assert_fails(tw_solve_problem(tw_model_problem(model), &(tw_solve_options){.method = "sqp"}, &r, &error), TW_ERR_UNSUPPORTED,
               "sqp keeps dense matrices: 3000 variables");
  tw_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(files_of_other_modellers), cmocka_unit_test(warm_starts_take_few_steps),
                                     cmocka_unit_test(curvature_counts), cmocka_unit_test(large_problems_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
