/* sparse-coding: a dictionary learned for the task behind its codes (Mairal, Bach & Ponce 2012), beside one learned without.
 *
 *   C(D) = argmin  1/2 |X - C D|^2 + lambda |C|_1 + ridge/2 |C|^2,     rows of D in the unit ball
 *   unsupervised   minimise that optimum over D, then fit a logistic regression to the codes
 *   task-driven    minimise the logistic loss of C(D) w + b on the rows trained on, over D, w and b together */
#ifndef SPARSE_CODING_H
#define SPARSE_CODING_H

#include "study.h"

typedef struct sparse_coding {  /* of the classifier on the codes of a dictionary */
  double loss, trained, tested; /* regularised loss; accuracies */
} sparse_coding;

typedef struct sparse_coding_options {
  int seed, atoms;
  int64_t iterations; /* of each outer method */
} sparse_coding_options;

typedef struct sparse_coding_result { /* zero-initialise */
  sparse_coding unsupervised, driven;
  double gradient_error; /* study_check of the task-driven loss at the unsupervised dictionary */
  double nonzero;        /* share of the codes, task-driven */
  tw_evidence evidence;
  study model; /* the task-driven one */
} sparse_coding_result;

/* The task-driven run starts from the unsupervised dictionary. */
tw_status sparse_coding_run(sparse_coding_result *r, const sparse_coding_options *o, tw_error *error);
void sparse_coding_free(sparse_coding_result *r);
tw_status sparse_coding_acceptance(FILE *out, const char *plot, tw_error *error);

#endif
