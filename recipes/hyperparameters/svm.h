/* svm: the gradient of a held-out loss in the penalty of a multiclass support vector machine, through its dual. */
#ifndef HYPERPARAMETERS_SVM_H
#define HYPERPARAMETERS_SVM_H

#include "study.h"

typedef struct svm_options {
  int m, v, p;        /* rows to train on and to hold out; features */
  double l;           /* theta = exp(l) */
  const char *method; /* of the dual */
} svm_options;

typedef struct svm_gradient {
  double loss, gradient;
  double difference;     /* relative to a central difference; NaN: not asked for */
  double seconds, bytes; /* of value and gradient; memory taken at most while the model is read and they are computed */
  tw_evidence evidence;
} svm_gradient;

tw_status svm_run(const svm_options *o, bool difference, svm_gradient *g, tw_error *error);

#endif
