/* What the recipe must show. */
#include "chart.h"
#include "equilibrium.h"
#include "figures.h"

#include <math.h>
#include <stdlib.h>

enum { HIDDEN = 32, IMAGES = 1200, DEPTHS = 5 };
static const int depths[DEPTHS] = {12, 25, 50, 100, 200}; /* layers */

typedef struct costs {
  double depth[DEPTHS], implicit[DEPTHS], unrolled[DEPTHS]; /* MiB */
} costs;

/* Memory of a gradient: by the equation, with tolerances that take more and more iterations; by as many layers, all states kept. */
static void memory(figures *f, costs *c) {
  const equilibrium_options o = {1, HIDDEN, IMAGES, 0};
  double most = 0, least = INFINITY, exact = NAN, apart[2] = {0};
  study_cost cost;
  f->status = equilibrium_measure(&o, NULL, &cost, f->error); /* what is loaded once is loaded now */
  for (int k = 0; k < DEPTHS && f->status == TW_OK; k++) {
    char method[96];
    snprintf(method, sizeof method, "picard(tol=%g)", pow(0.9, depths[k]));
    f->status = equilibrium_measure(&o, method, &cost, f->error);
    c->depth[k] = depths[k];
    c->implicit[k] = cost.bytes / 1048576;
    most = fmax(most, cost.bytes), least = fmin(least, cost.bytes);
    exact = cost.slope;
    snprintf(method, sizeof method, "picard(derivative=unrolled, max_iter=%d, checkpoints=%d)", depths[k], depths[k]);
    if (f->status == TW_OK) f->status = equilibrium_measure(&o, method, &cost, f->error);
    c->unrolled[k] = cost.bytes / 1048576;
    apart[k == DEPTHS - 1] = cost.slope;
  }
  figures_line(f, "peak memory of a gradient by the equation, tolerances 0.9^12 to 0.9^200: largest over least", "at most 1.1",
               most <= 1.1 * least, "%.2f (%.1f MiB)", most / least, most / 1048576);
  figures_line(f, "peak memory of 200 layers unrolled over that of 50", "at least 2", c->unrolled[4] >= 2 * c->unrolled[2],
               "%.2f (%.1f and %.1f MiB)", c->unrolled[4] / c->unrolled[2], c->unrolled[4], c->unrolled[2]);
  figures_line(f, "gradient of 200 layers unrolled against that of the equation, along a direction, relative", "at most 1e-4",
               fabs(apart[1] / exact - 1) <= 1e-4, "%.1e", fabs(apart[1] / exact - 1));
}

static tw_status draw(const equilibrium *e, const costs *c, const char *path, tw_error *error) {
  const tw_history *h = &e->model.history;
  double *x = tw_alloc(2 * h->count, sizeof *x), *y = x + h->count;
  if (!x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a plot");
  for (size_t i = 0; i < h->count; i++) x[i] = (double)h->row[i].iteration, y[i] = h->row[i].objective;
  const chart_series loss = {.n = (int64_t)h->count, .x = x, .y = y, .color = 0x1f5fa8, .line = true, .dots = true};
  const chart_series peaks[] = {{"by the equation", DEPTHS, c->depth, c->implicit, 0x1f5fa8, true, true},
                                {"unrolled", DEPTHS, c->depth, c->unrolled, 0xd9572b, true, true}};
  const chart both[2] = {
      {.title = "Loss on 1200 digits", .x_name = "iteration of L-BFGS", .y_name = "", .y_log = true, .n = 1, .series = &loss},
      {.title = "Peak memory of a gradient", .x_name = "layers", .y_name = "MiB", .n = 2, .series = peaks}};
  const tw_status status = chart_write(2, both, path, error);
  free(x);
  return status;
}

tw_status equilibrium_acceptance(FILE *out, const char *plot, tw_error *error) {
  figures f;
  costs c = {0};
  equilibrium e = {0};
  figures_begin(&f, out, error);
  memory(&f, &c);
  if (f.status == TW_OK) f.status = equilibrium_run(&e, &(equilibrium_options){1, HIDDEN, IMAGES, 40}, error);
  figures_line(&f, "gradient through the fixed points against central differences, relative", "at most 1e-5", e.gradient_error <= 1e-5,
               "%.1e", e.gradient_error);
  figures_line(&f, "accuracy on 597 digits held out, 40 iterations of L-BFGS", "at least 0.9", e.tested >= 0.9,
               "%.4f (trained on: %.4f; %.1f s)", e.tested, e.trained, e.model.solution.result.seconds);
  figures_line(&f, "evidence of the last gradient", "reliable", e.evidence.reliable, "residual %.0e, linear residual %.0e, condition %.1f",
               e.evidence.inner_residual, e.evidence.linear_residual, e.evidence.condition);
  if (f.status == TW_OK && plot) f.status = draw(&e, &c, plot, error);
  equilibrium_free(&e);
  return f.status;
}
