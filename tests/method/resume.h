/* A run cut after some steps, saved, loaded and gone on with, beside one that is not cut. */
#ifndef TALWEG_TESTS_METHOD_RESUME_H
#define TALWEG_TESTS_METHOD_RESUME_H

#include "test.h"

#include <talweg/method.h>

/* Both end in the same way with the same bits; how. */
static inline tw_outcome resumed_outcome(const tw_oracle *oracle, const char *method, int cut, const char *path) {
  const tw_solve_options options = {.method = method};
  tw_solver *whole, *first, *second;
  tw_result a, b;
  tw_error error;
  assert_ok(tw_solver_new(&whole, oracle, NULL, &options, &error));
  assert_ok(tw_solver_new(&first, oracle, NULL, &options, &error));
  assert_ok(tw_solver_new(&second, oracle, NULL, &options, &error));
  for (int i = 0; i < cut; i++) tw_solver_step(first);
  assert_ok(tw_solver_save(first, path, &error));
  assert_ok(tw_solver_load(second, path, &error));
  while (tw_solver_step(whole) == TW_RUNNING) {}
  while (tw_solver_step(second) == TW_RUNNING) {}
  assert_ok(tw_solver_result(whole, &a, &error));
  assert_ok(tw_solver_result(second, &b, &error));
  const tw_outcome outcome = a.outcome;
  assert_int_equal(a.outcome, b.outcome);
  assert_int_equal(a.iterations, b.iterations);
  assert_memory_equal(a.x, b.x, (size_t)a.n * sizeof(double));
  assert_memory_equal(a.dual, b.dual, (size_t)a.m * sizeof(double));
  tw_result_free(&a), tw_result_free(&b);
  tw_solver_free(whole), tw_solver_free(first), tw_solver_free(second);
  return outcome;
}

#endif
