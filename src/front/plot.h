/* The panels of a plot. */
#ifndef TALWEG_FRONT_PLOT_H
#define TALWEG_FRONT_PLOT_H

#include "front/landscape.h"
#include "front/plot_axes.h"

/* Distance to the final objective, stationarity and violation over the iterations, on a logarithmic axis. */
tw_status tw_plot_convergence(tw_canvas *canvas, const tw_history *history, tw_rect frame, tw_error *error);
/* One unknown: the objective's graph with the iterates on it. Two: filled level sets with their path. */
tw_status tw_plot_landscape(tw_canvas *canvas, const tw_plot *plot, const tw_landscape *landscape, tw_rect frame,
                            tw_error *error);
#endif
