/* The convergence panel. */
#include "front/plot.h"

#include <math.h>
#include <stdlib.h>

enum { MARKED = 40 }; /* up to here every iteration gets a dot */

typedef enum series_kind { GAP, STATIONARITY, FEASIBILITY, SERIES } series_kind;

static const struct {
  const char *name;
  unsigned color;
} style[SERIES] = {{"distance to the final objective", 0x1f5fa8}, {"stationarity", 0xd9572b}, {"violation", 0x2e8b6f}};

typedef struct chart {
  const tw_history *history;
  double final; /* objective of the last iterate */
  tw_axis x, y;
  tw_rect frame;
} chart;

static double value_of(const chart *c, series_kind kind, size_t i) {
  const tw_history_row *row = &c->history->row[i];
  return kind == GAP ? fabs(row->objective - c->final) : kind == STATIONARITY ? row->stationarity : row->feasibility;
}

static bool shown(double value) { return isfinite(value) && value > 0; }

static bool has_points(const chart *c, series_kind kind) {
  for (size_t i = 0; i < c->history->count; i++)
    if (shown(value_of(c, kind, i))) return true;
  return false;
}

static void choose_axes(chart *c) {
  double low = INFINITY, high = 0;
  for (int kind = 0; kind < SERIES; kind++)
    for (size_t i = 0; i < c->history->count; i++) {
      const double value = value_of(c, (series_kind)kind, i);
      if (!shown(value)) continue;
      low = fmin(low, value);
      high = fmax(high, value);
    }
  if (!(high > 0)) low = 0.1, high = 1;
  low = fmax(low, high * 1e-30); /* what underflow left behind does not set the scale */
  tw_axis_round_log(&low, &high);
  const double first = (double)c->history->row[0].iteration;
  const double last = (double)c->history->row[c->history->count - 1].iteration;
  c->x = (tw_axis){first, fmax(last, first + 1), c->frame.x, c->frame.x + c->frame.w, false};
  c->y = (tw_axis){low, high, c->frame.y + c->frame.h, c->frame.y, true};
}

/* A line through what can be shown; it breaks where a value is zero or not finite. */
static void draw_series(tw_canvas *canvas, const chart *c, series_kind kind, tw_point *point) {
  const tw_color color = tw_rgb(style[kind].color);
  int n = 0;
  for (size_t i = 0; i <= c->history->count; i++) {
    const double value = i < c->history->count ? value_of(c, kind, i) : NAN;
    if (shown(value)) {
      const double x = tw_axis_at(&c->x, (double)c->history->row[i].iteration);
      point[n++] = (tw_point){x, tw_axis_at(&c->y, fmax(value, c->y.low))};
      continue;
    }
    tw_canvas_lines(canvas, n, point, false);
    tw_canvas_stroke(canvas, color, 1.5);
    for (int k = 0; k < n && (c->history->count <= MARKED || n == 1); k++) tw_canvas_circle(canvas, point[k], 2.1);
    tw_canvas_fill(canvas, color);
    n = 0;
  }
}

/* One row above the frame. */
static void draw_legend(tw_canvas *canvas, const chart *c) {
  const tw_font font = {.size = 10, .color = TW_INK};
  tw_point at = {c->frame.x, c->frame.y - 12};
  for (int kind = 0; kind < SERIES; kind++) {
    if (!has_points(c, (series_kind)kind)) continue;
    const tw_color color = tw_rgb(style[kind].color);
    tw_canvas_segment(canvas, (tw_point){at.x, at.y - 3.5}, (tw_point){at.x + 16, at.y - 3.5}, color, 1.5);
    at.x += 21;
    at.x += tw_canvas_text(canvas, &font, at, style[kind].name) + 16;
  }
}

tw_status tw_plot_convergence(tw_canvas *canvas, const tw_history *history, tw_rect frame, tw_error *error) {
  chart c = {.history = history, .final = history->row[history->count - 1].objective, .frame = frame};
  tw_point *point = tw_alloc(history->count, sizeof *point);
  if (point == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a plot");
  choose_axes(&c);
  tw_ticks ticks;
  tw_ticks_log(&ticks, c.y.low, c.y.high, 8);
  tw_axis_left(canvas, &c.y, &ticks, frame, "", true);
  tw_axis_left_minor(canvas, &c.y, frame);
  tw_ticks_linear(&ticks, c.x.low, c.x.high, 6, true);
  tw_axis_bottom(canvas, &c.x, &ticks, frame, "iteration", false);
  const tw_point corner[] = {
      {frame.x, frame.y}, {frame.x, frame.y + frame.h}, {frame.x + frame.w, frame.y + frame.h}};
  tw_canvas_lines(canvas, 3, corner, false);
  tw_canvas_stroke(canvas, TW_RULE, 0.8);
  for (int kind = 0; kind < SERIES; kind++) draw_series(canvas, &c, (series_kind)kind, point);
  draw_legend(canvas, &c);
  free(point);
  return TW_OK;
}
