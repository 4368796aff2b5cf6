/* Training, and what a gradient costs. */
#include "equilibrium.h"

#include <stdlib.h>

/* Options of the model, their text in `text`. */
static study_options options_of(const equilibrium_options *o, const char *method, tw_override set[3], char text[3][16]) {
  snprintf(text[0], sizeof text[0], "%d", o->seed);
  snprintf(text[1], sizeof text[1], "%d", o->hidden);
  snprintf(text[2], sizeof text[2], "%d", o->images);
  set[0] = (tw_override){"seed", text[0]};
  set[1] = (tw_override){"h", text[1]};
  set[2] = (tw_override){"images", text[2]};
  return (study_options){.path = "recipes/equilibrium/equilibrium.tw", .nested = method, .n = 3, .set = set};
}

tw_status equilibrium_run(equilibrium *e, const equilibrium_options *o, tw_error *error) {
  study *s = &e->model;
  tw_override set[3];
  char text[3][16];
  const study_options options = options_of(o, NULL, set, text);
  tw_status status = study_open(s, &options, error);
  double *x = status == TW_OK ? tw_alloc((size_t)s->oracle.n, sizeof *x) : NULL;
  if (status == TW_OK && !x) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld unknowns", (long long)s->oracle.n);
  if (status == TW_OK) status = s->oracle.start(s->oracle.context, x, error);
  if (status == TW_OK) status = study_check(s, x, 5, 1e-4, &e->gradient_error, error);
  if (status == TW_OK) status = study_solve(s, &(tw_solve_options){.max_iter = o->iterations}, error);
  if (status == TW_OK) tw_oracle_evidence(&s->oracle, &e->evidence);
  e->trained = study_report(s, "trained");
  e->tested = study_report(s, "tested");
  free(x);
  return status;
}

void equilibrium_free(equilibrium *e) {
  study_close(&e->model);
}

tw_status equilibrium_measure(const equilibrium_options *o, const char *method, study_cost *cost, tw_error *error) {
  tw_override set[3];
  char text[3][16];
  const study_options options = options_of(o, method, set, text);
  return study_measure(&options, 0, cost, error);
}
