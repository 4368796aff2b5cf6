/* Residuals over iterations, and the fit of one feature. */
#include "front/plot_axes.h"
#include "report.h"

#include <math.h>
#include <stdlib.h>

enum { OBJECTIVE, PRIMAL, DUAL, INFEASIBILITY, SERIES };
static const struct {
  const char *name;
  unsigned color;
} style[SERIES] = {
    {"distance to the last objective", 0x1f5fa8}, {"primal residual", 0xd9572b}, {"dual residual", 0x2e8b6f}, {"infeasibility", 0xa05fb4}};

static double value_of(const admm_result *r, int series, int64_t i) {
  const admm_row *row = &r->history[i];
  return series == OBJECTIVE ? fabs(row->objective - r->value.objective)
         : series == PRIMAL  ? row->primal
         : series == DUAL    ? row->dual
                             : row->infeasibility;
}

static void draw_legend(tw_canvas *canvas, tw_rect frame) {
  const tw_font font = {.size = 10, .color = TW_INK};
  tw_point at = {frame.x, frame.y - 12};
  for (int k = 0; k < SERIES; k++) {
    tw_canvas_segment(canvas, (tw_point){at.x, at.y - 3.5}, (tw_point){at.x + 14, at.y - 3.5}, tw_rgb(style[k].color), 1.5);
    at.x += 18;
    at.x += tw_canvas_text(canvas, &font, at, style[k].name) + 12;
  }
}

static tw_status draw_convergence(tw_canvas *canvas, const admm_result *r, tw_rect frame, tw_error *error) {
  tw_point *point = tw_alloc((size_t)r->rows, sizeof *point);
  if (!point) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a plot");
  double low = INFINITY, high = 0;
  for (int k = 0; k < SERIES; k++)
    for (int64_t i = 0; i < r->rows; i++) {
      const double value = value_of(r, k, i);
      if (value > 0) low = fmin(low, value), high = fmax(high, value);
    }
  if (!(high > 0)) low = 0.1, high = 1;
  low = fmax(low, 1e-14 * high);
  tw_axis_round_log(&low, &high);
  const tw_axis x = {0, (double)r->iterations, frame.x, frame.x + frame.w, false}, y = {low, high, frame.y + frame.h, frame.y, true};
  tw_ticks ticks;
  tw_ticks_log(&ticks, low, high, 8);
  tw_axis_left(canvas, &y, &ticks, frame, "", true);
  tw_ticks_linear(&ticks, 0, (double)r->iterations, 6, true);
  tw_axis_bottom(canvas, &x, &ticks, frame, "iteration", false);
  tw_canvas_clip(canvas, frame);
  for (int k = 0; k < SERIES; k++) {
    int n = 0;
    for (int64_t i = 0; i < r->rows; i++) {
      const double value = value_of(r, k, i);
      if (value > 0) point[n++] = (tw_point){tw_axis_at(&x, (double)r->history[i].iteration), tw_axis_at(&y, fmax(value, low))};
    }
    tw_canvas_lines(canvas, n, point, false);
    tw_canvas_stroke(canvas, tw_rgb(style[k].color), 1.2);
  }
  tw_canvas_unclip(canvas);
  draw_legend(canvas, frame);
  free(point);
  return TW_OK;
}

/* The rows trained on as dots, the net as a line. */
static void draw_fit(tw_canvas *canvas, const fit *f, const design *rows, tw_rect frame) {
  enum { POINTS = 400 };
  double low = INFINITY, high = -INFINITY, bottom = INFINITY, top = -INFINITY, x[2 * POINTS], z[POINTS];
  for (int64_t k = 0; k < rows->n; k++)
    low = fmin(low, rows->x[2 * k]), high = fmax(high, rows->x[2 * k]), bottom = fmin(bottom, rows->y[k]), top = fmax(top, rows->y[k]);
  const double margin = 0.05 * fmax(high - low, 1e-12), over = 0.1 * fmax(top - bottom, 1e-12);
  for (int i = 0; i < POINTS; i++) x[2 * i] = low - margin + (high - low + 2 * margin) * i / (POINTS - 1), x[2 * i + 1] = 1;
  net_predict(&f->net, POINTS, x, z);
  const tw_axis across = {low - margin, high + margin, frame.x, frame.x + frame.w, false},
                up = {bottom - over, top + over, frame.y + frame.h, frame.y, false};
  tw_ticks ticks;
  tw_ticks_linear(&ticks, up.low, up.high, 6, false);
  tw_axis_left(canvas, &up, &ticks, frame, "", true);
  tw_ticks_linear(&ticks, across.low, across.high, 6, false);
  tw_axis_bottom(canvas, &across, &ticks, frame, "feature", false);
  tw_point point[POINTS];
  for (int i = 0; i < POINTS; i++) point[i] = (tw_point){tw_axis_at(&across, x[2 * i]), tw_axis_at(&up, z[i])};
  tw_canvas_clip(canvas, frame);
  tw_canvas_lines(canvas, POINTS, point, false);
  tw_canvas_stroke(canvas, TW_BLUE, 1.6);
  for (int64_t k = 0; k < rows->n; k++) {
    tw_canvas_circle(canvas, (tw_point){tw_axis_at(&across, rows->x[2 * k]), tw_axis_at(&up, rows->y[k])}, 2.4);
    tw_canvas_fill(canvas, TW_ORANGE);
  }
  tw_canvas_unclip(canvas);
}

tw_status report_plot(const fit *f, const fit_options *o, const table *t, const char *path, tw_error *error) {
  const bool converges = o->mode != FIT_SCP, curve = t->train.d == 2;
  const tw_font title = {.size = 14, .color = TW_INK, .bold = true};
  tw_canvas *canvas = NULL;
  char text[160];
  if (!converges && !curve)
    return tw_fail(error, TW_ERR_ARGUMENT, "--plot: a sampled program of more than one feature has nothing to draw");
  tw_status status = tw_canvas_new(&canvas, path, converges && curve ? 1040 : 560, 420, error);
  if (status != TW_OK) return status;
  snprintf(text, sizeof text, "%s: objective %.6g, at least %.6g", fit_mode_names[o->mode], f->objective, f->bound);
  tw_canvas_text(canvas, &title, (tw_point){20, 27}, text);
  if (curve) draw_fit(canvas, f, &t->train, (tw_rect){converges ? 590 : 70, 70, 420, 280});
  if (converges) status = draw_convergence(canvas, &f->admm, (tw_rect){70, 70, 460, 280}, error);
  if (status == TW_OK) return tw_canvas_save(canvas, error);
  tw_canvas_free(canvas);
  return status;
}
