/* What the recipe must show, and the drawing of the packing. */
#include "chart.h"
#include "figures.h"
#include "soft-spheres.h"

#include <math.h>

enum { SEEDS = 5, SPHERES = 64 };
static const double THETA = 0.6, STEP = 1e-6;

/* Where in the box a position lies. */
static double wrap(double value, double side) {
  return value - side * floor(value / side);
}

static tw_status draw(const soft_spheres *s, double theta, const char *path, tw_error *error) {
  const double pi = acos(-1), side = sqrt(s->n / 2 * pi / 4 * (1 + theta * theta)), scale = 440 / side;
  tw_canvas *canvas = NULL;
  const tw_font title = {.size = 13, .color = TW_INK, .bold = true};
  const tw_rect box = {20, 40, 440, 440};
  const tw_status status = tw_canvas_new(&canvas, path, 480, 500, error);
  if (status != TW_OK) return status;
  tw_canvas_text(canvas, &title, (tw_point){20, 26}, "At rest, and motion as the small ones grow by 0.15");
  tw_canvas_clip(canvas, box);
  for (int i = 0; i < s->n; i++) {
    const double r = (i < s->n / 2 ? 1 : theta) / 2 * scale, x = wrap(s->x[2 * i], side) * scale, y = wrap(s->x[2 * i + 1], side) * scale;
    for (int image = 0; image < 9; image++) { /* across the sides */
      const tw_point at = {box.x + x + (image % 3 - 1) * box.w, box.y + y + (image / 3 - 1) * box.h};
      tw_color color = i < s->n / 2 ? TW_BLUE : TW_ORANGE;
      tw_canvas_circle(canvas, at, r);
      color.a = 0.35;
      tw_canvas_fill(canvas, color);
      tw_canvas_segment(canvas, at, (tw_point){at.x + 0.15 * s->moves[2 * i] * scale, at.y + 0.15 * s->moves[2 * i + 1] * scale}, TW_INK,
                        1.4);
      tw_canvas_circle(canvas, at, 1.8);
      tw_canvas_fill(canvas, TW_INK);
    }
  }
  tw_canvas_unclip(canvas);
  tw_canvas_rect(canvas, box);
  tw_canvas_stroke(canvas, TW_RULE, 1);
  return tw_canvas_save(canvas, error);
}

tw_status soft_spheres_acceptance(FILE *out, const char *plot, tw_error *error) {
  figures f;
  double worst = 0, residual = 0, seconds = 0, linear = 0;
  figures_begin(&f, out, error);
  for (int seed = 1; seed <= SEEDS && f.status == TW_OK; seed++) {
    const soft_spheres_options o = {.n = SPHERES, .seed = seed, .theta = THETA};
    soft_spheres s = {0};
    double apart = NAN;
    f.status = soft_spheres_run(&s, &o, NULL, error);
    if (f.status == TW_OK) f.status = soft_spheres_differences(&s, &o, STEP, &apart, error);
    if (f.status == TW_OK && plot && seed == 1) f.status = draw(&s, THETA, plot, error);
    worst = fmax(worst, apart);
    residual = fmax(residual, s.residual);
    linear = fmax(linear, s.evidence.linear_residual);
    seconds += s.seconds / SEEDS;
    soft_spheres_free(&s);
  }
  figures_line(&f, "64 soft spheres, 5 packings: largest force at rest", "at most 1e-13", residual <= 1e-13,
               "%.1e (%.2f s with the motion)", residual, seconds);
  figures_line(&f, "motion with theta against minimising again at theta +- 1e-6, translations removed", "at most 1e-5", worst <= 1e-5,
               "%.1e of the largest (linear residual %.0e, the Hessian singular)", worst, linear);
  return f.status;
}
