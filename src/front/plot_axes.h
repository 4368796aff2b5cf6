/* Axes with ticks and labels, and the colours and type of all plots. */
#ifndef TALWEG_FRONT_PLOT_AXES_H
#define TALWEG_FRONT_PLOT_AXES_H

#include "front/canvas.h"

/* A scale from values to positions on the page. */
typedef struct tw_axis {
  double low, high; /* values at the ends */
  double from, to;  /* positions of the ends */
  bool log;
} tw_axis;
double tw_axis_at(const tw_axis *axis, double value);

enum { TW_TICKS = 24, TW_TICK_LABEL = 24 };

typedef struct tw_ticks {
  int n;
  double value[TW_TICKS];
  char label[TW_TICKS][TW_TICK_LABEL]; /* of a log axis: the power of ten */
  bool log;
} tw_ticks;

/* Round values within [low, high], about `wanted` of them; integers: no fractions (Heckbert, 1990). */
void tw_ticks_linear(tw_ticks *ticks, double low, double high, int wanted, bool integers);
/* Powers of ten, thinned out to about `wanted`. */
void tw_ticks_log(tw_ticks *ticks, double low, double high, int wanted);
/* The interval that starts and ends at powers of ten. */
void tw_axis_round_log(double *low, double *high);

/* Tick marks outside `frame` at its bottom or left with their labels, and the axis' name beyond them. `grid`: light lines
 * across the frame. */
void tw_axis_bottom(tw_canvas *canvas, const tw_axis *axis, const tw_ticks *ticks, tw_rect frame, const char *name, bool grid);
void tw_axis_left(tw_canvas *canvas, const tw_axis *axis, const tw_ticks *ticks, tw_rect frame, const char *name, bool grid);
/* Small marks at 2 .. 9 times the powers of ten. */
void tw_axis_left_minor(tw_canvas *canvas, const tw_axis *axis, tw_rect frame);

/* ------------------------------------------------------------------ style */

#define TW_INK tw_rgb(0x22262b)
#define TW_MUTED tw_rgb(0x6b7280)
#define TW_RULE tw_rgb(0x9aa1ab)
#define TW_GRID tw_rgb(0xe8eaee)
#define TW_BLUE tw_rgb(0x1f5fa8)
#define TW_ORANGE tw_rgb(0xd9572b)
#define TW_GREEN tw_rgb(0x2e8b6f)

#endif
