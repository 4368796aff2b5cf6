/* distillation: a data set of ten images, made so that a classifier trained on them is good at a whole one (Wang et al. 2018; through
 * the optimality condition of the training as in Blondel et al. 2022).
 *
 *   minimise over images I   mean softmax loss of W(I) on real images,   W(I) = argmin  mean softmax loss on I + 1e-3 |W|^2  */
#ifndef DISTILLATION_H
#define DISTILLATION_H

#include "study.h"

typedef struct distillation { /* zero-initialise */
  study model;
  double loss, accuracy; /* of real images: on those trained for, and on those held out */
  int64_t evaluations;   /* of the loss with its gradient */
  double gradient_error; /* study_check at the start */
  tw_evidence evidence;
} distillation;

/* By L-BFGS from images that are 0, within `evaluations`. `seed` splits the data. */
tw_status distillation_run(distillation *d, int seed, int64_t evaluations, tw_error *error);
void distillation_free(distillation *d);
/* The accuracy of training on a random real image of every digit, mean of `draws`. */
tw_status distillation_real(int seed, int draws, double *accuracy, tw_error *error);
/* Of one gradient at random images, the training by `method` (NULL: the model's). */
tw_status distillation_measure(const char *method, study_cost *cost, tw_error *error);
tw_status distillation_acceptance(FILE *out, const char *plot, tw_error *error);

#endif
