/* The distilled images, and real ones for comparison. */
#include "distillation.h"

tw_status distillation_run(distillation *d, int seed, int64_t evaluations, tw_error *error) {
  char text[16];
  const tw_override set = {"seed", text};
  const tw_solve_options options = {.max_evaluations = evaluations};
  double start[640] = {0};
  snprintf(text, sizeof text, "%d", seed);
  tw_status status = study_open(&d->model, &(study_options){.path = "recipes/distillation/distillation.tw", .n = 1, .set = &set}, error);
  if (status == TW_OK) {
    tw_random_normal_fill(7, 0, 640, start);
    for (int i = 0; i < 640; i++) start[i] *= 0.1;
    status = study_check(&d->model, start, 8, 1e-4, &d->gradient_error, error);
  }
  if (status == TW_OK) status = study_solve(&d->model, &options, error);
  if (status != TW_OK) return status;
  tw_oracle_evidence(&d->model.oracle, &d->evidence);
  d->loss = d->model.solution.objective;
  d->accuracy = study_report(&d->model, "accuracy");
  d->evaluations = d->model.solution.result.counts.gradient + d->model.solution.result.counts.value;
  return TW_OK;
}

void distillation_free(distillation *d) {
  study_close(&d->model);
}

tw_status distillation_real(int seed, int draws, double *accuracy, tw_error *error) {
  char text[2][16];
  const tw_override set[2] = {{"seed", text[0]}, {"draw", text[1]}};
  tw_status status = TW_OK;
  *accuracy = 0;
  for (int k = 0; k < draws && status == TW_OK; k++) {
    study s = {0};
    snprintf(text[0], sizeof text[0], "%d", seed);
    snprintf(text[1], sizeof text[1], "%d", k);
    status = study_open(&s, &(study_options){.path = "recipes/distillation/real-images.tw", .n = 2, .set = set}, error);
    if (status == TW_OK) status = study_solve(&s, NULL, error);
    *accuracy += study_report(&s, "accuracy") / draws;
    study_close(&s);
  }
  return status;
}

tw_status distillation_measure(const char *method, study_cost *cost, tw_error *error) {
  return study_measure(&(study_options){.path = "recipes/distillation/distillation.tw", .nested = method}, 0.1, cost, error);
}
