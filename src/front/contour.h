/* Level sets of sampled functions. */
#ifndef TALWEG_FRONT_CONTOUR_H
#define TALWEG_FRONT_CONTOUR_H

#include "front/canvas.h"

/* value[j * nx + i] at (x0 + i dx, y0 + j dy); finite. */
typedef struct tw_grid {
  int nx, ny;
  double x0, dx, y0, dy;
  const double *value;
} tw_grid;

/* Gets the points of one closed loop; the last is joined to the first. */
typedef void tw_loop_sink(void *context, int n, const tw_point *point);

/* The boundary of {value >= level} within the grid, as closed loops with the set on their left (y upwards): where the set
 * meets the border of the grid, the loop follows the border. O(nx ny). */
tw_status tw_contour(const tw_grid *grid, double level, tw_loop_sink *sink, void *context, tw_error *error);

#endif
