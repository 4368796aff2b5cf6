/* soft-spheres: a jammed packing at rest, and its motion with the size of half the spheres, through the optimality condition of the
 * minimum (the molecular dynamics of Blondel et al. 2022; FIRE: Bitzek et al. 2006). The Hessian is singular: translations cost nothing. */
#ifndef SOFT_SPHERES_H
#define SOFT_SPHERES_H

#include "study.h"

typedef struct soft_spheres_options {
  int n, seed;
  double theta;
  const char *method; /* of the minimisation; NULL: the model's */
} soft_spheres_options;

typedef struct soft_spheres { /* zero-initialise; owns x */
  int n;
  double *x, *moves; /* n x 2: at rest; d x / d theta less the mean motion */
  double residual;   /* of the minimisation */
  tw_evidence evidence;
  double seconds;
} soft_spheres;

/* From random positions, or from `start` (n x 2). */
tw_status soft_spheres_run(soft_spheres *s, const soft_spheres_options *o, const double *start, tw_error *error);
void soft_spheres_free(soft_spheres *s);
/* The motion by central differences: minimised again at theta +- h from the rest at theta. *error_of: the largest difference of an
 * entry, relative to the largest motion. */
tw_status soft_spheres_differences(const soft_spheres *s, const soft_spheres_options *o, double h, double *error_of, tw_error *error);
tw_status soft_spheres_acceptance(FILE *out, const char *plot, tw_error *error);

#endif
