/* The roofline with a dot for every step (colour: class of its costliest node), and stacked bars of time by class. */
#include "front/plot_axes.h"
#include "report.h"

#include <math.h>

static const double WIDTH = 900, HEIGHT = 420;
static const unsigned colors[CLASSES] = {0xd9572b, 0x1f5fa8, 0x2e8b6f, 0xa05fb4, 0xe0a528,
                                         0x6b7280, 0x9c6b3f, 0x53b3cb, 0xc2477f, 0xb8bdc6};

typedef struct roofline {
  const report *r;
  tw_canvas *canvas;
  tw_axis x, y;
  tw_rect frame;
} roofline;

static tw_point at(const roofline *v, double intensity, double rate) {
  return (tw_point){tw_axis_at(&v->x, fmax(intensity, v->x.low)), tw_axis_at(&v->y, fmax(rate, v->y.low))};
}

/* min(P, I B), from the left edge to the right. */
static void draw_roof(const roofline *v, double rate, const char *name) {
  const double peak = v->r->machine.flops_single, ridge = peak / rate, low = v->x.low;
  const tw_point line[3] = {at(v, low, low * rate), at(v, ridge, peak), at(v, v->x.high, peak)};
  const tw_font font = {.size = 9, .color = TW_MUTED};
  tw_canvas_lines(v->canvas, 3, line, false);
  tw_canvas_stroke(v->canvas, TW_RULE, 1);
  tw_canvas_text(v->canvas, &font, (tw_point){line[0].x + 4, line[0].y - 4}, name);
}

/* The class of the node that takes most of a step. */
static op_class main_class(const part *p, int s) {
  double most = -1;
  op_class class = CLASS_OTHER;
  for (int k = 0; k < p->n_costs; k++)
    if (p->cost[k].step == s && p->seconds[k] > most) most = p->seconds[k], class = class_of(p->cost[k].node);
  return class;
}

static void draw_dots(const roofline *v, const part *p) {
  for (int s = 0; s < p->n_steps; s++) {
    if (!(p->step_flops[s] > 0 && p->step_bytes[s] > 0 && p->time[s].median > 0)) continue;
    tw_color color = tw_rgb(colors[main_class(p, s)]);
    color.a = 0.75;
    tw_canvas_circle(v->canvas, at(v, p->step_flops[s] / p->step_bytes[s], p->step_flops[s] / p->time[s].median),
                     2 + 14 * sqrt(p->time[s].median / fmax(p->whole.plain, 1e-12)));
    tw_canvas_fill(v->canvas, color);
  }
}

static void draw_roofline(tw_canvas *canvas, const report *r, tw_rect frame) {
  static const char *const names[TW_MEMORY_LEVELS] = {"first-level cache", "second-level cache", "third-level cache", "memory"};
  roofline v = {.r = r, .canvas = canvas, .frame = frame};
  v.x = (tw_axis){1e-2, 1e3, frame.x, frame.x + frame.w, true};
  v.y = (tw_axis){1e7, 1e12, frame.y + frame.h, frame.y, true};
  tw_ticks ticks;
  tw_ticks_log(&ticks, v.y.low, v.y.high, 6);
  tw_axis_left(canvas, &v.y, &ticks, frame, "flop/s", true);
  tw_ticks_log(&ticks, v.x.low, v.x.high, 6);
  tw_axis_bottom(canvas, &v.x, &ticks, frame, "flop per byte (least bytes)", true);
  tw_canvas_clip(canvas, frame);
  for (int level = 0; level < TW_MEMORY_LEVELS; level++) draw_roof(&v, r->machine.rate[level], names[level]);
  for (int i = 0; i < r->n; i++) draw_dots(&v, r->part[i]);
  tw_canvas_unclip(canvas);
}

static void draw_bars(tw_canvas *canvas, const report *r, tw_rect frame) {
  const tw_font font = {.size = 10, .color = TW_INK, .align = TW_ALIGN_CENTER}, key = {.size = 10, .color = TW_INK};
  const double step = (frame.w - 120) / r->n;
  bool shown[CLASSES] = {false};
  for (int i = 0; i < r->n; i++) {
    const double all = part_totals(r->part[i], NULL, NULL).seconds;
    double y = frame.y + frame.h;
    for (int c = 0; c < CLASSES && all > 0; c++) {
      const op_class class = (op_class)c;
      const double h = frame.h * part_totals(r->part[i], is_of_class, &class).seconds / all;
      y -= h;
      shown[c] = shown[c] || h > 0;
      tw_canvas_rect(canvas, (tw_rect){frame.x + i * step, y, 0.7 * step, h});
      tw_canvas_fill(canvas, tw_rgb(colors[c]));
    }
    const tw_point below = {frame.x + (i + 0.35) * step, frame.y + frame.h + 14}, further = {below.x, below.y + 13};
    tw_canvas_text(canvas, &font, below, r->part[i]->n.name);
    tw_canvas_text(canvas, &font, further, r->part[i]->n.tiled ? "tiled" : "naive");
  }
  double y = frame.y + 8;
  for (int c = CLASSES; c-- > 0;) {
    if (!shown[c]) continue;
    tw_canvas_rect(canvas, (tw_rect){frame.x + frame.w - 110, y - 8, 9, 9});
    tw_canvas_fill(canvas, tw_rgb(colors[c]));
    tw_canvas_text(canvas, &key, (tw_point){frame.x + frame.w - 96, y}, class_names[c]);
    y += 16;
  }
}

tw_status report_plot(const report *r, const char *path, tw_error *error) {
  const tw_font title = {.size = 14, .color = TW_INK, .bold = true};
  tw_canvas *canvas = NULL;
  char text[128];
  const tw_status status = tw_canvas_new(&canvas, path, WIDTH, HEIGHT, error);
  if (status != TW_OK) return status;
  snprintf(text, sizeof text, "%s, %s %lld: roofline of steps, time by class", r->w->name, r->w->size_means, (long long)r->size.size);
  tw_canvas_text(canvas, &title, (tw_point){20, 27}, text);
  draw_roofline(canvas, r, (tw_rect){64, 50, 440, HEIGHT - 110});
  draw_bars(canvas, r, (tw_rect){560, 50, 320, HEIGHT - 110});
  return tw_canvas_save(canvas, error);
}
