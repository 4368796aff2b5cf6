/* tuning: one penalty exp(l) chosen on rows held out, by the gradient of their loss through the fit. */
#ifndef HYPERPARAMETERS_TUNING_H
#define HYPERPARAMETERS_TUNING_H

#include "study.h"

typedef struct tuning_options {
  const char *name; /* of the model, without .tw */
  int seed;         /* splits the rows */
  int grid;         /* values of l between `low` and `high` at which the loss is evaluated too; 0: none */
  double low, high;
} tuning_options;

typedef struct tuning {  /* zero-initialise */
  study model;           /* its history holds the path of l and loss */
  double l, loss;        /* found */
  double tested;         /* the model's report about the test rows */
  double gradient_error; /* study_check at the start */
  double gradient;       /* at the end; 0 unless the minimum is a kink */
  tw_evidence evidence;  /* of it */
  double best;           /* of the grid; NaN: none */
  double *x, *y;         /* the grid, owned */
} tuning;

/* A run that stops at a kink of the loss (lasso: where a coefficient enters or leaves) is no error. */
tw_status tuning_run(tuning *t, const tuning_options *o, tw_error *error);
void tuning_free(tuning *t);

#endif
