/* A penalty by L-BFGS or BFGS, and the loss on a grid. */
#include "tuning.h"

#include <math.h>
#include <stdlib.h>

static tw_status evaluate_grid(tuning *t, const tuning_options *o, tw_error *error) {
  tw_status status = TW_OK;
  t->best = NAN;
  if (o->grid == 0) return TW_OK;
  t->x = tw_alloc(2 * (size_t)o->grid, sizeof *t->x);
  if (!t->x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a grid of %d", o->grid);
  t->y = t->x + o->grid;
  for (int i = 0; i < o->grid && status == TW_OK; i++) {
    t->x[i] = o->low + (o->high - o->low) * i / fmax(o->grid - 1, 1);
    status = t->model.oracle.value(t->model.oracle.context, &t->x[i], &t->y[i], error);
    t->best = fmin(t->best, t->y[i]); /* fmin takes the number of a pair with NaN */
  }
  return status;
}

tw_status tuning_run(tuning *t, const tuning_options *o, tw_error *error) {
  char path[128], seed[16];
  double start, f;
  const tw_override set = {"seed", seed};
  snprintf(path, sizeof path, "recipes/hyperparameters/%s.tw", o->name);
  snprintf(seed, sizeof seed, "%d", o->seed);
  study *s = &t->model;
  tw_status status = study_open(s, &(study_options){.path = path, .n = 1, .set = &set}, error);
  if (status == TW_OK) status = s->oracle.start(s->oracle.context, &start, error);
  if (status == TW_OK) status = study_check(s, &start, 1, 1e-4, &t->gradient_error, error);
  if (status == TW_OK) status = study_solve(s, NULL, error);
  if (status != TW_OK) return status;
  t->l = s->solution.result.x[0];
  t->loss = s->solution.objective;
  t->tested = study_report(s, "tested");
  status = study_gradient(s, &t->l, &f, &t->gradient, error);
  tw_oracle_evidence(&s->oracle, &t->evidence);
  return status == TW_OK ? evaluate_grid(t, o, error) : status;
}

void tuning_free(tuning *t) {
  study_close(&t->model);
  free(t->x);
  *t = (tuning){0};
}
