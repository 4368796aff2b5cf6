/* chart: lines and dots over two axes, and arrays as grey pictures. */
#ifndef RECIPES_CHART_H
#define RECIPES_CHART_H

#include "front/plot_axes.h"

typedef struct chart_series {
  const char *name; /* in the legend; NULL: not in it */
  int64_t n;
  const double *x, *y; /* what is not finite (on a log axis: not positive) breaks the line */
  unsigned color;      /* 0xRRGGBB */
  bool line, dots;
} chart_series;

typedef struct chart {
  const char *title, *x_name, *y_name;
  bool x_log, y_log;
  int n;
  const chart_series *series;
} chart;

enum { CHART_WIDTH = 470, CHART_HEIGHT = 380 };

/* Within `frame`, a legend above it. */
void chart_draw(tw_canvas *canvas, const chart *c, tw_rect frame);
/* n charts, two in a row. */
tw_status chart_write(int n, const chart *charts, const char *path, tw_error *error);
/* rows x columns numbers, white at `low`, black at `high`. */
void chart_picture(tw_canvas *canvas, int rows, int columns, const double *value, double low, double high, tw_rect frame);

#endif
