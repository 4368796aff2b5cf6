/* The objective of one or two unknowns around the iterates of a run, sampled on a grid. */
#ifndef TALWEG_FRONT_LANDSCAPE_H
#define TALWEG_FRONT_LANDSCAPE_H

#include "front/contour.h"

#include <talweg/front.h>

enum { TW_LANDSCAPE_EQUALITIES = 4 };

typedef struct tw_landscape {
  tw_grid grid;      /* of the objective as stated; ny 1 for one unknown */
  double *objective; /* the grid's values */
  double low, high;  /* of the finite values; outside its domain the objective is set to the worst of them */
  double *violation; /* of bounds, sets and inequalities: <= 0 where they hold; NULL: there are none */
  int n_equalities;
  double *equality[TW_LANDSCAPE_EQUALITIES]; /* c(x) - b of the first ones */
} tw_landscape;

/* `plot` has an oracle and a history of one or two coordinates. */
tw_status tw_landscape_sample(tw_landscape *landscape, const tw_plot *plot, tw_error *error);
void tw_landscape_free(tw_landscape *landscape);

#endif
