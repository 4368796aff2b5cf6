/* equilibrium: a deep equilibrium model (Bai, Kolter & Koltun 2019): the hidden layer is a fixed point, found by Anderson's method and
 * differentiated by its equation.
 *
 *   z = tanh(z A + x U + b),   scores z V + c,   |A|_F < 0.95 */
#ifndef EQUILIBRIUM_H
#define EQUILIBRIUM_H

#include "study.h"

typedef struct equilibrium_options {
  int seed, hidden, images;
  int64_t iterations; /* of L-BFGS */
} equilibrium_options;

typedef struct equilibrium { /* zero-initialise */
  study model;
  double gradient_error;  /* study_check at the start */
  double trained, tested; /* accuracies */
  tw_evidence evidence;
} equilibrium;

tw_status equilibrium_run(equilibrium *e, const equilibrium_options *o, tw_error *error);
void equilibrium_free(equilibrium *e);

/* Of one gradient at the start, the fixed point of the training images by `method` (NULL: the model's). */
tw_status equilibrium_measure(const equilibrium_options *o, const char *method, study_cost *cost, tw_error *error);
tw_status equilibrium_acceptance(FILE *out, const char *plot, tw_error *error);

#endif
