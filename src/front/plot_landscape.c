/* The panel of level sets. */
#include "front/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BANDS = 13, MARKED = 200 };

/* From the valley to the heights, even steps of lightness. */
static const unsigned palette[] = {0x173f5f, 0x20638f, 0x3b87a8, 0x6aa9b3, 0x9cc7bd, 0xcbe0cc, 0xf2f3e1};

static tw_color shade(double t) {
  const int last = (int)(sizeof palette / sizeof *palette) - 1;
  const double at = fmin(fmax(t, 0), 1) * last;
  const int i = at >= last ? last - 1 : (int)at;
  const tw_color a = tw_rgb(palette[i]), b = tw_rgb(palette[i + 1]);
  const double s = at - i;
  return (tw_color){a.r + s * (b.r - a.r), a.g + s * (b.g - a.g), a.b + s * (b.b - a.b), 1};
}

/* ------------------------------------------------------------------ levels */

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Levels at the quantiles ((k + 1) / BANDS)^1.6 of the sampled values, counted from the best: whatever monotone function is
 * applied to the objective, the same sets are drawn, and they gather where it is good. */
static int choose_levels(const tw_landscape *l, bool maximize, double level[BANDS], tw_error *error) {
  const size_t n = (size_t)l->grid.nx * (size_t)l->grid.ny;
  double *sorted = tw_alloc(n, sizeof *sorted);
  if (sorted == NULL) {
    tw_fail(error, TW_ERR_MEMORY, "out of memory for level sets");
    return -1;
  }
  memcpy(sorted, l->objective, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, compare);
  int count = 0;
  for (int k = 0; k < BANDS - 1; k++) {
    const double part = pow((k + 1.0) / BANDS, 1.6);
    const size_t at = (size_t)(part * (double)(n - 1));
    const double value = sorted[maximize ? n - 1 - at : at];
    if (value > l->low && value < l->high && (count == 0 || value != level[count - 1])) level[count++] = value;
  }
  free(sorted);
  return count;
}

/* ------------------------------------------------------------------ two unknowns */

typedef struct view {
  tw_canvas *canvas;
  tw_axis x, y;
  int levels;
  double level[BANDS]; /* from the best */
  tw_point *point; /* the loop on the page */
  size_t capacity;
  bool failed;
} view;

static void add_loop(void *context, int n, const tw_point *loop) {
  view *v = context;
  tw_point *grown = tw_grow(v->point, &v->capacity, (size_t)n, sizeof *grown);
  if (grown == NULL) {
    v->failed = true;
    return;
  }
  v->point = grown;
  for (int i = 0; i < n; i++)
    v->point[i] = (tw_point){tw_axis_at(&v->x, loop[i].x), tw_axis_at(&v->y, loop[i].y)};
  tw_canvas_lines(v->canvas, n, v->point, true);
}

/* The band between level k-1 and level k, counted from the best: the better, the darker. */
static tw_color band(const view *v, int k) { return shade(v->levels > 0 ? (double)k / v->levels : 0); }

/* Painted from the lowest values up: each set lies on the one before. */
static tw_status fill_levels(view *v, const tw_plot *plot, const tw_landscape *l, tw_rect frame, tw_error *error) {
  tw_canvas_rect(v->canvas, frame);
  tw_canvas_fill(v->canvas, band(v, plot->maximize ? v->levels : 0));
  for (int i = 0; i < v->levels; i++) {
    const int k = plot->maximize ? v->levels - 1 - i : i;
    tw_status status = tw_contour(&l->grid, v->level[k], add_loop, v, error);
    if (status != TW_OK) return status;
    tw_canvas_fill(v->canvas, band(v, plot->maximize ? k : k + 1));
    status = tw_contour(&l->grid, v->level[k], add_loop, v, error);
    if (status != TW_OK) return status;
    tw_canvas_stroke(v->canvas, (tw_color){1, 1, 1, 0.35}, 0.6);
  }
  return TW_OK;
}

/* The bands and some of their limits, best at the bottom. */
static void draw_key(const view *v, tw_rect frame) {
  const tw_font font = {.size = 9, .color = TW_MUTED};
  const double x = frame.x + frame.w + 12, width = 7, h = frame.h / (v->levels + 1);
  for (int k = 0; k <= v->levels; k++) {
    const double bottom = frame.y + frame.h - k * h;
    tw_canvas_rect(v->canvas, (tw_rect){x, bottom - h, width, h});
    tw_canvas_fill(v->canvas, band(v, k));
    if (k == 0 || (k - 1) % 3 != 0) continue;
    char label[32];
    snprintf(label, sizeof label, "%s%.3g", v->level[k - 1] < 0 ? "\xE2\x88\x92" : "", fabs(v->level[k - 1]));
    tw_canvas_segment(v->canvas, (tw_point){x + width, bottom}, (tw_point){x + width + 3, bottom}, TW_RULE, 0.8);
    tw_canvas_text(v->canvas, &font, (tw_point){x + width + 6, bottom + 3}, label);
  }
  tw_canvas_rect(v->canvas, (tw_rect){x, frame.y, width, frame.h});
  tw_canvas_stroke(v->canvas, TW_RULE, 0.6);
}

/* A veil over what is not feasible, and the curves of equalities. */
static tw_status draw_constraints(view *v, const tw_landscape *l, tw_error *error) {
  tw_grid grid = l->grid;
  tw_status status = TW_OK;
  if (l->violation != NULL) {
    grid.value = l->violation;
    status = tw_contour(&grid, 1e-12, add_loop, v, error);
    tw_canvas_fill(v->canvas, (tw_color){1, 1, 1, 0.62});
    if (status == TW_OK) status = tw_contour(&grid, 1e-12, add_loop, v, error);
    tw_canvas_stroke(v->canvas, TW_INK, 0.9);
  }
  for (int k = 0; k < l->n_equalities && status == TW_OK; k++) {
    grid.value = l->equality[k];
    status = tw_contour(&grid, 0, add_loop, v, error);
    tw_canvas_stroke(v->canvas, TW_INK, 1.1);
  }
  return status;
}

/* The iterates, joined or not, the first and the last marked. */
static void draw_path(tw_canvas *canvas, int n, const tw_point *point, bool joined) {
  if (joined) {
    tw_canvas_lines(canvas, n, point, false);
    tw_canvas_stroke(canvas, (tw_color){1, 1, 1, 0.85}, 3.2);
    tw_canvas_lines(canvas, n, point, false);
    tw_canvas_stroke(canvas, TW_ORANGE, 1.5);
  }
  for (int i = 0; i < n && (n <= MARKED || !joined); i++) tw_canvas_circle(canvas, point[i], joined ? 1.9 : 2.6);
  tw_canvas_fill(canvas, TW_ORANGE);
  tw_canvas_circle(canvas, point[0], 3.6);
  tw_canvas_fill(canvas, tw_rgb(0xffffff));
  tw_canvas_circle(canvas, point[0], 3.6);
  tw_canvas_stroke(canvas, TW_ORANGE, 1.5);
  tw_canvas_circle(canvas, point[n - 1], 4.6);
  tw_canvas_fill(canvas, tw_rgb(0xffffff));
  tw_canvas_circle(canvas, point[n - 1], 3.4);
  tw_canvas_fill(canvas, TW_ORANGE);
}

static tw_status draw_plane(view *v, const tw_plot *plot, const tw_landscape *l, tw_rect frame, tw_error *error) {
  v->levels = choose_levels(l, plot->maximize, v->level, error);
  if (v->levels < 0) return TW_ERR_MEMORY;
  draw_key(v, frame);
  tw_canvas_clip(v->canvas, frame);
  tw_status status = fill_levels(v, plot, l, frame, error);
  if (status == TW_OK) status = draw_constraints(v, l, error);
  const tw_history *h = plot->history;
  tw_point *path = tw_alloc(h->count, sizeof *path);
  if (path == NULL && status == TW_OK) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for a plot");
  for (size_t i = 0; path != NULL && i < h->count; i++)
    path[i] = (tw_point){tw_axis_at(&v->x, h->row[i].x[0]), tw_axis_at(&v->y, h->row[i].x[1])};
  if (status == TW_OK) draw_path(v->canvas, (int)h->count, path, true);
  tw_canvas_unclip(v->canvas);
  free(path);
  return status;
}

/* ------------------------------------------------------------------ one unknown */

/* The objective's range with some air. */
static void choose_heights(view *v, const tw_landscape *l) {
  const double air = l->high > l->low ? 0.06 * (l->high - l->low) : fmax(0.5 * fabs(l->high), 1);
  v->y.low = l->low - air;
  v->y.high = l->high + air;
}

static tw_status draw_line(view *v, const tw_plot *plot, const tw_landscape *l, tw_rect frame, tw_error *error) {
  const tw_history *h = plot->history;
  const size_t curve = (size_t)l->grid.nx, n = h->count > curve ? h->count : curve;
  tw_point *point = tw_alloc(n, sizeof *point);
  if (point == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a plot");
  tw_canvas_clip(v->canvas, frame);
  for (size_t i = 0; i < curve; i++)
    point[i] = (tw_point){tw_axis_at(&v->x, l->grid.x0 + (double)i * l->grid.dx), tw_axis_at(&v->y, l->objective[i])};
  tw_canvas_lines(v->canvas, (int)curve, point, false);
  tw_canvas_stroke(v->canvas, TW_BLUE, 1.5);
  for (size_t i = 0; i < h->count; i++)
    point[i] = (tw_point){tw_axis_at(&v->x, h->row[i].x[0]), tw_axis_at(&v->y, h->row[i].objective)};
  draw_path(v->canvas, (int)h->count, point, false);
  tw_canvas_unclip(v->canvas);
  free(point);
  return TW_OK;
}

tw_status tw_plot_landscape(tw_canvas *canvas, const tw_plot *plot, const tw_landscape *l, tw_rect frame,
                            tw_error *error) {
  const tw_grid *g = &l->grid;
  const bool plane = g->ny > 1;
  view v = {.canvas = canvas};
  v.x = (tw_axis){g->x0, g->x0 + g->dx * (g->nx - 1), frame.x, frame.x + frame.w, false};
  v.y = (tw_axis){g->y0, g->y0 + g->dy * (g->ny - 1), frame.y + frame.h, frame.y, false};
  if (!plane) choose_heights(&v, l);
  tw_ticks ticks;
  tw_ticks_linear(&ticks, v.x.low, v.x.high, 6, false);
  tw_axis_bottom(canvas, &v.x, &ticks, frame, plot->names[0] != NULL ? plot->names[0] : "", false);
  tw_ticks_linear(&ticks, v.y.low, v.y.high, 6, false);
  const char *other = plane ? plot->names[1] : "objective";
  tw_axis_left(canvas, &v.y, &ticks, frame, other != NULL ? other : "", !plane);
  tw_status status = plane ? draw_plane(&v, plot, l, frame, error) : draw_line(&v, plot, l, frame, error);
  if (status == TW_OK && v.failed) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for level sets");
  tw_canvas_rect(canvas, frame);
  tw_canvas_stroke(canvas, TW_RULE, 0.8);
  free(v.point);
  return status;
}
