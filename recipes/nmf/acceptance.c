/* What the recipe must show, and the drawing of the parts. */
#include "chart.h"
#include "figures.h"
#include "nmf.h"

#include <math.h>

enum { RANK = 10, SIDE = 8 };

static void draw_parts(tw_canvas *canvas, const double *part, tw_rect frame) {
  const double size = frame.w / 5;
  for (int k = 0; k < RANK; k++) {
    double high = 0;
    for (int i = 0; i < SIDE * SIDE; i++) high = fmax(high, part[64 * k + i]);
    chart_picture(canvas, SIDE, SIDE, part + 64 * k, 0, high,
                  (tw_rect){frame.x + k % 5 * size, frame.y + k / 5 * (size + 20), size - 10, size - 10});
  }
}

static tw_status draw(const nmf *r, const nmf_inpainting *i, const char *path, tw_error *error) {
  const tw_font title = {.size = 13, .color = TW_INK, .bold = true};
  tw_canvas *canvas = NULL;
  const tw_status status = tw_canvas_new(&canvas, path, 2 * CHART_WIDTH, 260, error);
  if (status != TW_OK) return status;
  tw_canvas_text(canvas, &title, (tw_point){20, 26}, "Parts that digits are sums of");
  draw_parts(canvas, study_array(&r->joint, "H")->data, (tw_rect){20, 45, 420, 200});
  tw_canvas_text(canvas, &title, (tw_point){500, 26}, "Parts that tell unseen pixels");
  draw_parts(canvas, study_array(&i->model, "H")->data, (tw_rect){500, 45, 420, 200});
  return tw_canvas_save(canvas, error);
}

static double least(const study *s, const char *name) {
  const tw_array *array = study_array(s, name);
  const double *value = array->data;
  double low = INFINITY;
  for (int64_t i = 0; i < tw_shape_size(&array->shape); i++) low = fmin(low, value[i]);
  return low;
}

static void factorizations(figures *f, nmf *r) {
  if (f->status == TW_OK) f->status = nmf_run(r, &(nmf_options){1, 300, RANK}, 200, f->error);
  if (f->status != TW_OK) return;
  const tw_result *joint = &r->joint.solution.result, *nested = &r->nested.solution.result;
  figures_line(f, "300 digits, 10 parts, all unknowns at once: stationarity", "at most 1e-6", joint->optimality.stationarity <= 1e-6,
               "%.1e (%lld unknowns, %lld iterations, %.2f s; relative error of the pictures %.4f)", joint->optimality.stationarity,
               (long long)joint->n, (long long)joint->iterations, joint->seconds, study_report(&r->joint, "error"));
  figures_line(f, "least entry of the factors", "0", least(&r->joint, "W") >= 0 && least(&r->joint, "H") >= 0, "%g",
               fmin(least(&r->joint, "W"), least(&r->joint, "H")));
  figures_line(f, "over the parts alone, weights nested: gradient against central differences, relative", "at most 1e-5",
               r->gradient_error <= 1e-5, "%.1e", r->gradient_error);
  figures_line(f, "its objective after 200 iterations less that of all unknowns at once, relative", "at most 1e-2",
               nested->f - joint->f <= 1e-2 * joint->f, "%.1e (%.2f s)", (nested->f - joint->f) / joint->f, nested->seconds);
}

static void inpainting(figures *f, nmf_inpainting *r) {
  double error_of = 0, worst = 0, before = 0, after = 0;
  for (int seed = 3; seed >= 1 && f->status == TW_OK; seed--) {
    nmf_inpainting_free(r);
    f->status = nmf_inpainting_run(r, &(nmf_options){seed, 600, RANK}, 60, f->error);
    error_of = fmax(error_of, r->gradient_error);
    worst = fmax(worst, r->after / r->before);
    before += r->before / 3, after += r->after / 3;
  }
  figures_line(f, "half of the pixels unseen: gradient in parts and penalty through the weights against central differences, worst of 3",
               "at most 1e-4", error_of <= 1e-4, "%.1e", error_of);
  figures_line(f, "error of unseen pixels of 300 other digits, parts learned for it over plain parts, worst of 3", "below 1", worst < 1,
               "%.3f (root mean square %.4f and %.4f of 0 .. 1)", worst, after, before);
}

tw_status nmf_acceptance(FILE *out, const char *plot, tw_error *error) {
  figures f;
  nmf r = {0};
  nmf_inpainting i = {0};
  figures_begin(&f, out, error);
  factorizations(&f, &r);
  inpainting(&f, &i);
  if (f.status == TW_OK && plot) f.status = draw(&r, &i, plot, error);
  nmf_inpainting_free(&i);
  nmf_free(&r);
  return f.status;
}
