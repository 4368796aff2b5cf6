/* What the recipe must show, and the drawing of the images. */
#include "chart.h"
#include "distillation.h"
#include "figures.h"

#include <math.h>
#include <stdlib.h>

enum { SEEDS = 5, DRAWS = 20, EVALUATIONS = 70, SIDE = 8 };

/* Image k of ten in a grid, each from white at its least number to black at its largest. */
static void draw_images(tw_canvas *canvas, const double *image, tw_rect frame) {
  const double size = frame.w / 5;
  for (int k = 0; k < 10; k++) {
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < SIDE * SIDE; i++) low = fmin(low, image[64 * k + i]), high = fmax(high, image[64 * k + i]);
    chart_picture(canvas, SIDE, SIDE, image + 64 * k, low, high,
                  (tw_rect){frame.x + k % 5 * size, frame.y + k / 5 * (size + 20), size - 10, size - 10});
  }
}

static tw_status draw(const distillation *d, const char *path, tw_error *error) {
  const tw_font title = {.size = 13, .color = TW_INK, .bold = true};
  const tw_history *h = &d->model.history;
  double *x = tw_alloc(2 * h->count, sizeof *x), *y = x + h->count;
  tw_canvas *canvas = NULL;
  if (!x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a plot");
  for (size_t i = 0; i < h->count; i++) x[i] = (double)h->row[i].iteration, y[i] = h->row[i].objective;
  const chart_series loss = {.n = (int64_t)h->count, .x = x, .y = y, .color = 0x1f5fa8, .line = true, .dots = true};
  const chart c = {.title = "Loss on 1200 real images", .x_name = "outer iteration", .y_name = "", .y_log = true, .n = 1, .series = &loss};
  const tw_status status = tw_canvas_new(&canvas, path, 2 * CHART_WIDTH, 300, error);
  if (status == TW_OK) {
    chart_draw(canvas, &c, (tw_rect){70, 58, 360, 190});
    tw_canvas_text(canvas, &title, (tw_point){500, 26}, "The ten images, 0 to 9");
    draw_images(canvas, d->model.solution.result.x, (tw_rect){500, 58, 400, 200});
  }
  free(x);
  return status == TW_OK ? tw_canvas_save(canvas, error) : status;
}

/* One gradient by the optimality condition, and by unrolled gradient descent of more and more steps with all states kept. */
static void unrolled(figures *f) {
  static const int steps[] = {125, 250, 500, 1000, 2000};
  study_cost exact = {0}, cost = {0};
  for (int k = 0; k < 2 && f->status == TW_OK; k++)
    f->status = distillation_measure("gd(tol=1e-11)", &exact, f->error); /* 0: what is loaded once */
  if (f->status != TW_OK) return;
  fprintf(f->out,
          "\nOne gradient at random images, inner gradient descent; the error is that of the derivative along a direction.\n\n"
          "| how | seconds | peak MiB | relative error |\n|---|---|---|---|\n| optimality condition | %.4f | %.1f | |\n",
          exact.seconds, exact.bytes / 1048576);
  for (size_t k = 0; k < sizeof steps / sizeof *steps && f->status == TW_OK; k++) {
    char method[80];
    snprintf(method, sizeof method, "gd(derivative=unrolled, max_iter=%d, checkpoints=%d)", steps[k], steps[k]);
    f->status = distillation_measure(method, &cost, f->error);
    fprintf(f->out, "| %d steps unrolled | %.4f | %.1f | %.1e |\n", steps[k], cost.seconds, cost.bytes / 1048576,
            fabs(cost.slope / exact.slope - 1));
  }
}

tw_status distillation_acceptance(FILE *out, const char *plot, tw_error *error) {
  figures f;
  double least = 1, mean = 0, real = NAN, loss = 0, seconds = 0;
  int64_t evaluations = 0;
  figures_begin(&f, out, error);
  for (int seed = 1; seed <= SEEDS && f.status == TW_OK; seed++) {
    distillation d = {0};
    f.status = distillation_run(&d, seed, EVALUATIONS, error);
    if (seed == 1) {
      figures_line(&f, "gradient through training against central differences, relative", "at most 1e-5", d.gradient_error <= 1e-5, "%.1e",
                   d.gradient_error);
      figures_line(&f, "evidence of the last gradient", "reliable", d.evidence.reliable,
                   "inner residual %.0e, linear residual %.0e, condition %.0f", d.evidence.inner_residual, d.evidence.linear_residual,
                   d.evidence.condition);
      if (f.status == TW_OK && plot) f.status = draw(&d, plot, error);
    }
    least = fmin(least, d.accuracy);
    mean += d.accuracy / SEEDS;
    loss += d.loss / SEEDS;
    seconds += d.model.solution.result.seconds / SEEDS;
    evaluations = evaluations > d.evaluations ? evaluations : d.evaluations;
    distillation_free(&d);
  }
  if (f.status == TW_OK) f.status = distillation_real(1, DRAWS, &real, error);
  figures_line(&f, "outer evaluations at most", "70", evaluations <= EVALUATIONS, "%lld (%.2f s)", (long long)evaluations, seconds);
  figures_line(&f, "test accuracy, 597 images, least of 5 splits", "at least 0.95", least >= 0.95,
               "%.4f (mean %.4f; loss trained for %.4f)", least, mean, loss);
  figures_line(&f, "the same from a random real image of every digit, mean of 20 draws", "about 0.64", fabs(real - 0.643) <= 0.08, "%.4f",
               real);
  unrolled(&f);
  return f.status;
}
