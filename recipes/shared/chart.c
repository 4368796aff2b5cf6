/* Charts. */
#include "chart.h"

#include <math.h>
#include <stdlib.h>

static bool shown(double value, bool log) {
  return isfinite(value) && (!log || value > 0);
}

/* The interval of all that is shown, a little wider; of a log axis from power of ten to power of ten. */
static void span(const chart *c, bool vertical, tw_axis *axis) {
  double low = INFINITY, high = -INFINITY;
  for (int k = 0; k < c->n; k++)
    for (int64_t i = 0; i < c->series[k].n; i++) {
      if (!shown(c->series[k].x[i], c->x_log) || !shown(c->series[k].y[i], c->y_log)) continue;
      const double value = vertical ? c->series[k].y[i] : c->series[k].x[i];
      low = fmin(low, value);
      high = fmax(high, value);
    }
  axis->log = vertical ? c->y_log : c->x_log;
  if (!(low <= high)) low = axis->log ? 0.1 : 0, high = 1;
  if (axis->log) tw_axis_round_log(&low, &high);
  const double margin = axis->log ? 0 : low < high ? 0.04 * (high - low) : 0.5;
  axis->low = low - margin;
  axis->high = high + margin;
}

static void ticks_of(const tw_axis *axis, tw_ticks *ticks) {
  if (axis->log)
    tw_ticks_log(ticks, axis->low, axis->high, 7);
  else
    tw_ticks_linear(ticks, axis->low, axis->high, 6, false);
}

static void draw_line(tw_canvas *canvas, const chart *c, const chart_series *s, const tw_axis *x, const tw_axis *y, tw_point *point) {
  int n = 0;
  for (int64_t i = 0; i <= s->n; i++) {
    if (i < s->n && shown(s->x[i], c->x_log) && shown(s->y[i], c->y_log)) {
      point[n++] = (tw_point){tw_axis_at(x, s->x[i]), tw_axis_at(y, s->y[i])};
      continue;
    }
    if (n > 1) {
      tw_canvas_lines(canvas, n, point, false);
      tw_canvas_stroke(canvas, tw_rgb(s->color), 1.4);
    }
    n = 0;
  }
}

static void draw_dots(tw_canvas *canvas, const chart *c, const chart_series *s, const tw_axis *x, const tw_axis *y) {
  for (int64_t i = 0; i < s->n; i++) {
    if (!shown(s->x[i], c->x_log) || !shown(s->y[i], c->y_log)) continue;
    tw_canvas_circle(canvas, (tw_point){tw_axis_at(x, s->x[i]), tw_axis_at(y, s->y[i])}, 2.6);
    tw_canvas_fill(canvas, tw_rgb(s->color));
  }
}

static void draw_legend(tw_canvas *canvas, const chart *c, tw_rect frame) {
  const tw_font font = {.size = 10, .color = TW_INK};
  tw_point at = {frame.x, frame.y - 10};
  for (int k = 0; k < c->n; k++) {
    const chart_series *s = &c->series[k];
    if (!s->name) continue;
    if (s->line) tw_canvas_segment(canvas, (tw_point){at.x, at.y - 3.5}, (tw_point){at.x + 14, at.y - 3.5}, tw_rgb(s->color), 1.6);
    if (s->dots) tw_canvas_circle(canvas, (tw_point){at.x + 7, at.y - 3.5}, 2.6), tw_canvas_fill(canvas, tw_rgb(s->color));
    at.x += 18;
    at.x += tw_canvas_text(canvas, &font, at, s->name) + 12;
  }
}

void chart_draw(tw_canvas *canvas, const chart *c, tw_rect frame) {
  const tw_font title = {.size = 13, .color = TW_INK, .bold = true};
  tw_axis x = {.from = frame.x, .to = frame.x + frame.w}, y = {.from = frame.y + frame.h, .to = frame.y};
  tw_ticks ticks;
  int64_t most = 0;
  for (int k = 0; k < c->n; k++) most = c->series[k].n > most ? c->series[k].n : most;
  tw_point *point = tw_alloc((size_t)most, sizeof *point); /* NULL: without lines */
  span(c, false, &x);
  span(c, true, &y);
  ticks_of(&y, &ticks);
  tw_axis_left(canvas, &y, &ticks, frame, c->y_name, true);
  ticks_of(&x, &ticks);
  tw_axis_bottom(canvas, &x, &ticks, frame, c->x_name, false);
  tw_canvas_clip(canvas, frame);
  for (int k = 0; k < c->n; k++) {
    if (c->series[k].line && point) draw_line(canvas, c, &c->series[k], &x, &y, point);
    if (c->series[k].dots) draw_dots(canvas, c, &c->series[k], &x, &y);
  }
  tw_canvas_unclip(canvas);
  draw_legend(canvas, c, frame);
  tw_canvas_text(canvas, &title, (tw_point){frame.x - 44, frame.y - 32}, c->title);
  free(point);
}

tw_status chart_write(int n, const chart *charts, const char *path, tw_error *error) {
  tw_canvas *canvas = NULL;
  const int columns = n > 1 ? 2 : 1, rows = (n + 1) / 2;
  const tw_status status = tw_canvas_new(&canvas, path, columns * CHART_WIDTH, rows * CHART_HEIGHT, error);
  if (status != TW_OK) return status;
  for (int k = 0; k < n; k++) {
    const double x = k % columns * CHART_WIDTH, y = k / columns * CHART_HEIGHT;
    chart_draw(canvas, &charts[k], (tw_rect){x + 70, y + 58, CHART_WIDTH - 95, CHART_HEIGHT - 110});
  }
  return tw_canvas_save(canvas, error);
}

void chart_picture(tw_canvas *canvas, int rows, int columns, const double *value, double low, double high, tw_rect frame) {
  const double w = frame.w / columns, h = frame.h / rows;
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      const double grey = 1 - fmin(fmax((value[i * columns + j] - low) / (high - low), 0), 1);
      tw_canvas_rect(canvas, (tw_rect){frame.x + j * w, frame.y + i * h, w + 0.3, h + 0.3}); /* without gaps */
      tw_canvas_fill(canvas, (tw_color){grey, grey, grey, 1});
    }
}
