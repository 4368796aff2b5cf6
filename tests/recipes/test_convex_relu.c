/* Optima of convex-relu against other ways to them, its certificates under attack, and the program; its pieces are in the header. */
#include "convex_relu_pieces.h"

#include "reference.h"

#include <jansson.h>

static const char *const CANCER = TALWEG_SOURCE_DIR "/recipes/convex-relu/data/breast_cancer.csv";
static const char *const WINE = TALWEG_SOURCE_DIR "/recipes/convex-relu/data/wine.csv";

/* ------------------------------------------------------------------ optima */

static fit_options exact_options(void) {
  return (fit_options){.mode = FIT_EXACT,
                       .loss = LOSS_SQUARED,
                       .beta = 1e-2,
                       .p = INFINITY,
                       .attack_steps = 50,
                       .admm = {.rho = 0.03, .max_iter = 20000, .tol = 1e-8, .history = 10}};
}

/* All patterns of 12 points: the dual by interior points agrees, weak duality holds at every stage, no run of Adam is lower, the
 * net has the program's objective, and residuals fall. */
static void global_optimum(void **state) {
  (void)state;
  table t;
  fit f, early;
  tw_error error = {0};
  double optimum, residual;
  fit_options o = exact_options();
  assert_ok(table_wave(&t, 12, 1, &error));
  assert_ok(fit_run(&t, &o, &f, &error));
  assert_int_equal(f.set.p, 24);
  assert_true(f.admm.converged && f.admm.value.infeasibility <= 1e-7);
  assert_true(f.bound <= f.objective + 1e-9 && f.objective - f.bound <= 1e-5 * f.objective);
  assert_true(fabs(f.objective - f.nonconvex) <= 1e-6 * f.objective);
  assert_ok(reference_optimum(&(program){&t.train, &f.set, LOSS_SQUARED, o.beta, 0, INFINITY}, &optimum, &residual, &error));
  assert_close(f.objective, optimum, 1e-5 * optimum);
  for (uint64_t seed = 0; seed < 3; seed++) {
    double adam;
    net g;
    assert_ok(adam_train(&t.train, LOSS_SQUARED, o.beta, &(adam_options){seed ? 20 : 100, 2000, 0.02, seed}, &adam, &g, &error));
    assert_true(f.bound <= adam + 1e-9);
    double again;
    assert_ok(net_objective(&g, &t.train, LOSS_SQUARED, o.beta, &again, &error));
    assert_close(again, adam, 1e-12);
    if (seed == 0) assert_true(adam <= 1.02 * f.objective);
    net_free(&g);
  }
  o.admm.max_iter = 300;
  o.admm.history = 0;
  assert_ok(fit_run(&t, &o, &early, &error));
  assert_true(early.bound <= f.objective + 1e-9);
  assert_true(f.admm.history[f.admm.rows - 1].primal <= 1e-3 * early.admm.history[early.admm.rows - 1].primal);
  fit_free(&early);
  fit_free(&f);
  table_free(&t);
}

/* Every system and every u-step has the same optimum, from zeros and from random starts. */
static void ways_agree(void **state) {
  (void)state;
  instance s;
  tw_error error = {0};
  open_instance(&s, 25, 3, 8, true);
  for (int loss = 0; loss < LOSSES; loss++) {
    const program p = {&s.t.train, &s.set, (loss_kind)loss, loss == LOSS_SQUARED ? 0.1 : 0.01, 0, INFINITY};
    double first = NAN;
    for (int way = 0; way < 6; way++) {
      const double rho = loss == LOSS_SQUARED ? 0.1 : 0.005;
      admm_options o = {.rho = rho,
                        .max_iter = 10000,
                        .tol = 1e-5,
                        .system = way < 3 ? (system_kind)(BY_ROWS + way) : BY_CHOICE,
                        .history = way == 0 ? 5 : 0,
                        .seed = 1};
      if (way == 2) o.max_iter = 2000;
      if (way == 3) o.step = SPLIT_LOSS, o.relax = 1.6;
      if (way == 4) o.random_start = true;
      if (way == 5) o.step = BLOCK_DESCENT, o.max_iter = 1500;
      admm_result r;
      if (way == 5 && loss == LOSS_HINGE) {
        assert_fails(admm_solve(&p, &o, &r, &error), TW_ERR_ARGUMENT, "gradient");
        continue;
      }
      assert_ok(admm_solve(&p, &o, &r, &error));
      if (way == 0) {
        first = r.value.objective;
        assert_true(r.value.objective - r.bound <= 1e-4 * r.value.objective && r.bound <= r.value.objective + 1e-7);
      }
      if (!(fabs(r.value.objective - first) <= (way == 5 ? 2e-3 : 5e-4) * first))
        fail_msg("%s, way %d: %.9g, first %.9g", loss_names[loss], way, r.value.objective, first);
      admm_result_free(&r);
    }
  }
  close_instance(&s);
}

/* ------------------------------------------------------------------ robust programs */

/* Hinge against the dual by interior points; for every loss and norm no attack exceeds the program's loss of any row, nor the net's own
 * certificate; the optimum falls to the standard one with eps. */
static void robust_programs(void **state) {
  (void)state;
  static const double norms[] = {INFINITY, 2, 1, 3};
  const table_options from = {
      .path = WINE, .columns = "alcohol,flavanoids,cultivar", .two = true, .low = 0, .high = 1, .train = 40, .seed = 0};
  table t;
  tw_error error = {0};
  assert_ok(table_read(&t, &from, &error));
  for (int k = 0; k < 6; k++) {
    fit f;
    fit_options o = {.mode = FIT_ADV,
                     .loss = k < 4    ? LOSS_HINGE
                             : k == 4 ? LOSS_LOGISTIC
                                      : LOSS_SQUARED,
                     .beta = k == 5 ? 0.1 : 0.01,
                     .eps = 0.1,
                     .p = norms[k % 4],
                     .attack_steps = 50};
    o.patterns = (sampling){.wanted = 8, .seed = 1, .whole = true, .perturbed = 2};
    o.admm = (admm_options){.rho = k == 5 ? 0.1 : 0.01, .max_iter = k == 0 ? 6000 : k == 3 ? 600 : 2000, .tol = 1e-6, .history = 10};
    assert_ok(fit_run(&t, &o, &f, &error));
    if (f.exceeded + f.train.contradictions + f.test.contradictions != 0)
      fail_msg("case %d: %d, %d, %d rows exceed their certificates", k, (int)f.exceeded, (int)f.train.contradictions,
               (int)f.test.contradictions);
    if (!(f.train.certified <= f.train.attacked + 1e-9 && f.train.attacked <= f.train.accuracy + 1e-9 && f.train.accuracy >= 0.8))
      fail_msg("case %d: certified %g, under attack %g, accuracy %g", k, f.train.certified, f.train.attacked, f.train.accuracy);
    assert_true(f.attacked_loss <= f.admm.value.loss + 1e-2 * f.objective);
    if (!(f.bound <= f.objective + 1e-4 && f.objective - f.bound <= (k == 3 ? 0.15 : 0.02) * f.objective))
      fail_msg("case %d: bound %.9g, objective %.9g", k, f.bound, f.objective);
    if (k == 0) {
      double optimum, residual;
      assert_ok(reference_optimum(&(program){&t.train, &f.set, LOSS_HINGE, o.beta, f.eps, INFINITY}, &optimum, &residual, &error));
      assert_close(f.objective, optimum, 2e-5 * optimum);
    }
    fit_free(&f);
  }
  fit limit, standard;
  fit_options o = {.mode = FIT_HINGE,
                   .loss = LOSS_HINGE,
                   .beta = 0.01,
                   .p = INFINITY,
                   .patterns = {.wanted = 8, .seed = 1, .whole = true, .perturbed = 2}};
  o.admm = (admm_options){.rho = 0.01, .max_iter = 10000, .tol = 1e-7, .history = 10};
  assert_ok(fit_run(&t, &o, &standard, &error));
  o.mode = FIT_ADV;
  o.eps = 1e-7;
  o.attack_steps = 1;
  assert_ok(fit_run(&t, &o, &limit, &error));
  assert_close(limit.objective, standard.objective, 1e-5 * standard.objective);
  fit_free(&limit);
  fit_free(&standard);
  table_free(&t);
}

/* Of any net, trained or not: attacks stay above the certificate, which is exact where no activation flips. */
static void certificates(void **state) {
  (void)state;
  instance s;
  tw_error error = {0};
  net f;
  double certified[40], attacked[40], z[40];
  open_instance(&s, 40, 4, 3, true);
  assert_ok(net_new(&f, 7, 4, &error));
  random_fill(12, 28, f.u);
  random_fill(13, 7, f.alpha);
  for (int c = 0; c < 4; c++) {
    static const double norms[] = {INFINITY, 2, 1, 1.5};
    for (int e = 0; e < 3; e++) {
      const double eps = e == 0 ? 0 : e == 1 ? 1e-4 : 0.3;
      assert_ok(net_certify(&f, 40, s.t.x, s.t.y, 3, eps, norms[c], certified, &error));
      assert_ok(attack(&f, 40, s.t.x, s.t.y, 3, &(attack_options){50, 4, eps, norms[c], 1}, attacked, &error));
      net_predict(&f, 40, s.t.x, z);
      for (int k = 0; k < 40; k++) {
        assert_true(attacked[k] >= certified[k] - 1e-12 && attacked[k] <= s.t.y[k] * z[k] + 1e-12);
        if (e == 1) assert_close(attacked[k], certified[k], 1e-3);
      }
    }
  }
  net_free(&f);
  close_instance(&s);
}

/* ------------------------------------------------------------------ breast cancer, sampled neurons */

static void breast_cancer(void **state) {
  (void)state;
  table t;
  tw_error error = {0};
  fit f;
  fit_options o = {.mode = FIT_ADMM,
                   .loss = LOSS_SQUARED,
                   .beta = 0.01,
                   .p = INFINITY,
                   .patterns = {.wanted = 24, .seed = 1},
                   .admm = {.rho = 0.1, .max_iter = 20}};
  assert_ok(table_read(&t, &(table_options){.path = CANCER, .train = 400, .seed = 1}, &error));
  assert_int_equal(t.train.n + t.test.n, 569);
  assert_ok(fit_run(&t, &o, &f, &error));
  assert_int_equal(f.set.p, 24);
  assert_true(f.test.accuracy >= 0.93);
  fit_free(&f);
  double before = INFINITY;
  for (int64_t n = 25; n <= 100; n *= 2) {
    o.mode = FIT_SCP;
    o.beta = 0.3;
    o.sampled = (sampled_options){.neurons = n, .max_iter = 20000, .fresh = 300, .tol = 1e-6, .seed = 1};
    assert_ok(fit_run(&t, &o, &f, &error));
    assert_true(f.objective <= before && f.bound <= f.objective * (1 + 1e-9));
    assert_close(f.nonconvex, f.objective, 1e-9);
    assert_true(f.sampled.violated > 0 && f.sampled.violated <= 1);
    before = f.bound;
    fit_free(&f);
  }
  table_free(&t);
}

static void refusals(void **state) {
  (void)state;
  table t;
  tw_error error = {0};
  fit f;
  fit_options o = exact_options();
  assert_fails(table_read(&t, &(table_options){.path = WINE, .train = 1000}, &error), TW_ERR_RANGE, "--train 1000");
  assert_fails(table_read(&t, &(table_options){.path = WINE, .two = true, .low = 7, .high = 8}, &error), TW_ERR_DATA, "0 rows");
  assert_fails(table_read(&t, &(table_options){.path = WINE, .columns = "hue"}, &error), TW_ERR_SHAPE, "a target");
  assert_ok(table_wave(&t, 12, 1, &error));
  o.loss = LOSS_HINGE;
  assert_fails(fit_run(&t, &o, &f, &error), TW_ERR_DATA, "two values");
  o.loss = LOSS_SQUARED;
  o.beta = 0;
  assert_fails(fit_run(&t, &o, &f, &error), TW_ERR_RANGE, "beta");
  o.beta = 1;
  o.mode = FIT_ADV;
  assert_fails(fit_run(&t, &o, &f, &error), TW_ERR_RANGE, "eps");
  table_free(&t);
}

/* ------------------------------------------------------------------ the program */

static int run(const char *arguments) {
  char command[4096];
  snprintf(command, sizeof command, "%s %s >/dev/null 2>&1", RECIPE_PROGRAM, arguments);
  const int status = system(command);
  return status < 0 ? -1 : status >> 8;
}

static void command_line(void **state) {
  (void)state;
  char folder[64], json[128], plot[128], arguments[1024];
  test_folder_make(folder);
  test_path(folder, "fit.json", json);
  test_path(folder, "fit.svg", plot);
  snprintf(arguments, sizeof arguments, "--wave 10 --mode exact --rho 0.03 --iterations 500 --json %s --plot %s", json, plot);
  assert_int_equal(run(arguments), 0);
  json_t *all = json_load_file(json, 0, NULL);
  assert_non_null(all);
  assert_int_equal(json_integer_value(json_object_get(all, "patterns")), 20);
  assert_int_equal(json_array_size(json_object_get(all, "history")), 50);
  assert_int_equal(json_array_size(json_object_get(all, "u")), 2 * json_integer_value(json_object_get(all, "neurons")));
  assert_true(json_is_null(json_object_get(json_object_get(all, "train"), "accuracy")));
  json_decref(all);
  snprintf(arguments, sizeof arguments,
           "--data %s --columns alcohol,hue,cultivar --classes 0,1 --train 60 --adv-eps 0.1 --adv-norm 2 --patterns 6 --iterations 200 "
           "--json %s",
           WINE, json);
  assert_int_equal(run(arguments), 0);
  all = json_load_file(json, 0, NULL);
  assert_string_equal(json_string_value(json_object_get(all, "mode")), "adv");
  assert_true(json_is_number(json_object_get(json_object_get(all, "test"), "certifiedAccuracy")));
  json_decref(all);
  assert_int_equal(test_folder_remove(folder), 2);
  static const char *const wrong[] = {"",
                                      "--wave 10 --mode some",
                                      "--wave 10 --loss some",
                                      "--wave 10 --adv-norm 0.5",
                                      "--wave 10 --classes 1",
                                      "--wave 10 --beta 0",
                                      "--wave 10 --mode exact --patterns 3"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_int_equal(run(wrong[i]), 2);
  assert_int_equal(run("--data nowhere.csv"), 1);
  assert_int_equal(run("--help"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_patterns),
                                     cmocka_unit_test(degenerate_patterns),
                                     cmocka_unit_test(sampled_patterns),
                                     cmocka_unit_test(structured_operators),
                                     cmocka_unit_test(systems_solve),
                                     cmocka_unit_test(proxes_are_minimal),
                                     cmocka_unit_test(epigraph_projections),
                                     cmocka_unit_test(global_optimum),
                                     cmocka_unit_test(ways_agree),
                                     cmocka_unit_test(robust_programs),
                                     cmocka_unit_test(certificates),
                                     cmocka_unit_test(breast_cancer),
                                     cmocka_unit_test(refusals),
                                     cmocka_unit_test(command_line)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
