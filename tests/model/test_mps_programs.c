/* The programs of tests/data/mps: their optima are those of GLPK 5.0 (glpsol --mps --nomip) and CBC 2.10.8, integers relaxed; those
 * that have none are named with a certificate that is checked here. Quadratic ones are compared with `ipm`. */
#include "method/certificates.h"
#include "test.h"

#include "method/program/qp_solve.h"
#include <talweg/talweg.h>

static tw_error error;

static const struct program {
  const char *name;
  tw_outcome outcome;
  double f;
  bool integer;
} programs[] = {
    {"adlittle", TW_SOLVED, 225494.963162364, false}, {"afiro", TW_SOLVED, -464.753142857143, false},
    {"avgas", TW_SOLVED, -7.75, false},               {"bell5", TW_SOLVED, 8608417.94651, true},
    {"blending", TW_SOLVED, -3200, false},            {"egout", TW_SOLVED, 149.588766229, true},
    {"etamacro", TW_SOLVED, -755.715233254, false},   {"flugpl", TW_SOLVED, 1167185.72559, true},
    {"gas11", TW_UNBOUNDED, NAN, false},              {"infeasible-mip0", TW_SOLVED, 21580.3162075, true},
    {"klein1", TW_INFEASIBLE, NAN, false},            {"lseu", TW_SOLVED, 834.682352941, true},
    {"qjh", TW_SOLVED, NAN, false},                   {"qjh_quadobj", TW_SOLVED, NAN, false},
    {"shell", TW_SOLVED, 1208825346, false},          {"small_mip", TW_SOLVED, 3.23684210526, true},
    {"stair", TW_SOLVED, -251.266951192, false},      {"standata", TW_SOLVED, 1257.6995, false},
};
enum { PROGRAMS = sizeof programs / sizeof *programs };

typedef struct opened {
  tw_model *model;
  tw_class cls;
  tw_oracle oracle;
  tw_qp qp;
  double *work;
} opened;

static opened open_program(const char *name) {
  opened p = {.model = NULL};
  char path[256];
  snprintf(path, sizeof path, "%s/tests/data/mps/%s.mps", TALWEG_SOURCE_DIR, name);
  assert_ok(tw_model_read(&p.model, path, NULL, &error));
  const tw_problem *problem = tw_model_problem(p.model);
  assert_ok(tw_classify(problem, &p.cls, &error));
  assert_ok(tw_oracle_from_problem(&p.oracle, problem, &p.cls, &error));
  assert_ok(tw_qp_open(&p.qp, &p.oracle, &error));
  p.work = calloc((size_t)(2 * p.qp.n + p.qp.m), sizeof *p.work);
  return p;
}

static void close_program(opened *p) {
  free(p->work);
  tw_qp_free(&p->qp);
  tw_oracle_release(&p->oracle);
  tw_model_free(p->model);
}

static void relative_close(const char *name, double f, double expected) {
  if (!(fabs(f - expected) <= 1e-7 * fmax(1, fabs(expected)))) fail_msg("%s: %.12g, expected %.12g", name, f, expected);
}

static void check_answer(const struct program *known, const opened *p, const tw_qp_answer *a) {
  if (a->outcome != known->outcome) fail_msg("%s: %s", known->name, tw_outcome_name(a->outcome));
  if (a->outcome == TW_INFEASIBLE) assert_true(tw_qp_proves_infeasible(&p->qp, a->y, a->z) > 1e-6);
  if (a->outcome == TW_UNBOUNDED) assert_true(tw_qp_proves_unbounded(&p->qp, a->x) > 1e-6);
  if (a->outcome != TW_SOLVED) return;
  if (!isnan(known->f)) relative_close(known->name, a->f, known->f);
  const tw_optimality e = tw_qp_optimality(&p->qp, a->x, a->y, a->z, p->work);
  const double size = fmax(1, vec_norm_inf(p->qp.n, p->qp.q));
  print_message("%-16s %3lld iterations, f %.10g, stationarity %.1e, feasibility %.1e, complementarity %.1e\n", known->name,
                (long long)a->iterations, a->f, e.stationarity, e.feasibility, e.complementarity);
  assert_true(e.stationarity <= 1e-9 * size && e.feasibility <= 1e-9 && e.complementarity <= 1e-9 * size);
}

static void programs_have_the_known_answers(void **state) {
  (void)state;
  for (int i = 0; i < PROGRAMS; i++) {
    opened p = open_program(programs[i].name);
    tw_qp_answer a;
    assert_ok(tw_qp_solve(&p.qp, 1e-9, NULL, &a, &error));
    check_answer(&programs[i], &p, &a);
    tw_qp_answer_free(&a);
    close_program(&p);
  }
}

/* By the method that is chosen, the result in the caller's terms. */
static void the_method_finds_them(void **state) {
  (void)state;
  for (int i = 0; i < PROGRAMS; i++) {
    if (programs[i].integer) continue;
    opened p = open_program(programs[i].name);
    tw_result r, other;
    assert_ok(tw_solve_problem(tw_model_problem(p.model), NULL, &r, &error));
    assert_string_equal(r.method, "mehrotra");
    assert_int_equal(r.outcome, programs[i].outcome);
    if (r.outcome != TW_SOLVED && !strstr(r.message, "verified")) fail_msg("%s: %s", programs[i].name, r.message);
    assert_true(r.certified == (r.outcome != TW_SOLVED));
    if (r.outcome == TW_UNBOUNDED) assert_true(margin_of_ray(&p.qp, r.x) > 1e-6);
    if (r.outcome == TW_INFEASIBLE) assert_true(margin_of_multipliers(&p.qp, r.dual) > 1e-6);
    if (!isnan(programs[i].f)) relative_close(programs[i].name, r.f, programs[i].f);
    if (!tw_qp_is_linear(&p.qp)) {
      assert_ok(tw_solve_problem(tw_model_problem(p.model), &(tw_solve_options){.method = "ipm"}, &other, &error));
      relative_close(programs[i].name, r.f, other.f);
      for (int64_t k = 0; k < r.n; k++) assert_close(r.x[k], other.x[k], 1e-7);
      for (int64_t k = 0; k < r.m; k++) assert_close(r.dual[k], other.dual[k], 1e-7);
      tw_result_free(&other);
    }
    tw_result_free(&r);
    close_program(&p);
  }
}

/* Saved after some iterations and gone on with in another run: the same bits. */
static void resumed_is_uninterrupted(void **state) {
  (void)state;
  const char *const names[] = {"adlittle", "klein1", "qjh"};
  char folder[64], path[128];
  test_folder_make(folder);
  test_path(folder, "run", path);
  for (int i = 0; i < 3; i++)
    for (int cut = 0; cut < 40; cut += 9) {
      opened p = open_program(names[i]);
      tw_solver *whole, *first, *second;
      const tw_solve_options options = {.method = "mehrotra"};
      assert_ok(tw_solver_new(&whole, &p.oracle, NULL, &options, &error));
      assert_ok(tw_solver_new(&first, &p.oracle, NULL, &options, &error));
      assert_ok(tw_solver_new(&second, &p.oracle, NULL, &options, &error));
      for (int k = 0; k < cut; k++) tw_solver_step(first);
      assert_ok(tw_solver_save(first, path, &error));
      assert_ok(tw_solver_load(second, path, &error));
      while (tw_solver_step(whole) == TW_RUNNING) {}
      while (tw_solver_step(second) == TW_RUNNING) {}
      tw_result a, b;
      assert_ok(tw_solver_result(whole, &a, &error));
      assert_ok(tw_solver_result(second, &b, &error));
      const bool ended = tw_solver_step(first) != TW_RUNNING && cut > 0;
      if (!ended || a.outcome == TW_SOLVED) {
        assert_int_equal(a.iterations, b.iterations);
        assert_string_equal(a.message, b.message);
        assert_memory_equal(a.x, b.x, (size_t)a.n * sizeof(double));
        assert_memory_equal(a.dual, b.dual, (size_t)a.m * sizeof(double));
      }
      tw_result_free(&a), tw_result_free(&b);
      tw_solver_free(whole), tw_solver_free(first), tw_solver_free(second);
      close_program(&p);
    }
  test_folder_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(programs_have_the_known_answers),
      cmocka_unit_test(the_method_finds_them),
      cmocka_unit_test(resumed_is_uninterrupted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
