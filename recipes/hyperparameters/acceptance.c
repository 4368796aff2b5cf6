/* What the recipe must show. */
#include "chart.h"
#include "figures.h"
#include "hyperparameters.h"

#include <math.h>
#include <string.h>

enum { TUNED = 3, GRID = 201, SEEDS = 3, MAX_PATH = 64 };

typedef struct shown { /* what is drawn */
  tuning tuned[TUNED];
  precision jacobian;
} shown;

/* ------------------------------------------------------------------ one penalty on held-out rows */

static const tuning_options tuned[TUNED] = {{.name = "ridge", .low = -4, .high = 9, .grid = GRID},
                                            {.name = "lasso", .low = 0, .high = 8.5, .grid = GRID},
                                            {.name = "logistic", .low = -6, .high = 6, .grid = GRID}};

static void penalties(figures *f, shown *s) {
  char what[96];
  for (int k = 0; k < TUNED; k++) {
    double error_of = 0, above = -INFINITY;
    int64_t evaluations = 0;
    int kinks = 0;
    for (int seed = 1; seed <= SEEDS && f->status == TW_OK; seed++) {
      tuning t = {0};
      tuning_options o = tuned[k];
      o.seed = seed;
      f->status = tuning_run(&t, &o, f->error);
      error_of = fmax(error_of, t.gradient_error);
      above = fmax(above, (t.loss - t.best) / fabs(t.best));
      evaluations += t.model.solution.result.counts.gradient;
      kinks += t.model.solution.result.outcome != TW_SOLVED;
      if (seed == SEEDS - 1)
        s->tuned[k] = t;
      else
        tuning_free(&t);
    }
    snprintf(what, sizeof what, "%s: gradient through the fit against central differences, relative, worst of 3 splits", tuned[k].name);
    figures_line(f, what, "at most 1e-5", error_of <= 1e-5, "%.1e", error_of);
    snprintf(what, sizeof what, "%s: held-out loss above the best of a grid of 201, relative, worst of 3 splits", tuned[k].name);
    figures_line(f, what, "at most 1e-6", above <= 1e-6, "%.1e (%lld gradients in all; %d minima at kinks)", above, (long long)evaluations,
                 kinks);
  }
}

/* ------------------------------------------------------------------ the Jacobian where the solution is inexact */

static void inexact(figures *f, shown *s) {
  precision *p = &s->jacobian;
  int below = 0, better = 0;
  if (f->status == TW_OK) f->status = precision_run(p, f->error);
  for (int k = 0; k < PRECISION_POINTS; k++) {
    below += p->implicit[k] <= p->bound[k] * (1 + 1e-9);
    better += k >= 3 && p->implicit[k] <= p->unrolled[k];
  }
  figures_line(f, "diabetes ridge, 12 early stops: slope of log Jacobian error over log error of the solution", "0.9 to 1.1",
               p->slope >= 0.9 && p->slope <= 1.1, "%.3f (errors of the solution %.0e to %.0e)", p->slope, p->iterate[0],
               p->iterate[PRECISION_POINTS - 1]);
  figures_line(f, "the same below the bound of theorem 1", "12 of 12", below == PRECISION_POINTS, "%d", below);
  figures_line(f, "and at most the error by unrolling, past the first 3", "9 of 9", better == PRECISION_POINTS - 3,
               "%d (after 128 steps %.1e and %.1e)", better, p->implicit[6], p->unrolled[6]);
}

/* ------------------------------------------------------------------ support vector machines */

static const struct {
  const char *name, *spec;
} methods[] = {{"projected gradient", "projected_gradient(tol=1e-11)"},
               {"mirror descent", "mirror_descent(tol=1e-7, polish=false)"},
               {"block coordinate descent", "block_cd(tol=1e-9)"}};
enum { METHODS = sizeof methods / sizeof *methods };

static void machines(figures *f) {
  svm_gradient g[METHODS];
  double apart = 0, difference = NAN;
  char text[160] = "";
  for (int k = 0; k < METHODS && f->status == TW_OK; k++) {
    const svm_options o = {.m = 140, .v = 40, .p = 10, .l = 2, .method = methods[k].spec};
    f->status = svm_run(&o, k == 0, &g[k], f->error);
    if (k == 0) difference = g[k].difference;
    apart = fmax(apart, fabs(g[k].gradient / g[0].gradient - 1));
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %.2f s", k ? ", " : "", methods[k].name, g[k].seconds);
  }
  figures_line(f, "SVM, 140 rows, 10 features: hypergradients by different methods, relative", "at most 1e-4", apart <= 1e-4, "%.1e (%s)",
               apart, text);
  figures_line(f, "and against central differences", "at most 1e-4", difference <= 1e-4, "%.1e", difference);
}

enum { STEPS = 6 };
static const int unrolled_steps[STEPS] = {100, 200, 400, 800, 1600, 3200};

typedef struct costs {
  svm_gradient exact, by[STEPS]; /* by the optimality condition to 1e-9, and unrolled with all states kept */
} costs;

/* Memory of one hypergradient with more and more inner iterations. */
static void memory(figures *f, costs *c) {
  static const double tolerance[] = {1e-3, 1e-5, 1e-7, 1e-9};
  double most = 0, least = INFINITY;
  svm_options o = {.m = 700, .v = 200, .p = 20, .l = 2};
  char spec[96];
  o.method = spec;
  for (int k = -1; k < 4 && f->status == TW_OK; k++) { /* -1: what is loaded once is loaded then */
    snprintf(spec, sizeof spec, "projected_gradient(tol=%g, polish=false)", tolerance[k < 0 ? 0 : k]);
    f->status = svm_run(&o, false, &c->exact, f->error);
    if (k >= 0) most = fmax(most, c->exact.bytes), least = fmin(least, c->exact.bytes);
  }
  for (int k = 0; k < STEPS && f->status == TW_OK; k++) {
    snprintf(spec, sizeof spec, "projected_gradient(derivative=unrolled, max_iter=%d, checkpoints=%d)", unrolled_steps[k],
             unrolled_steps[k]);
    f->status = svm_run(&o, false, &c->by[k], f->error);
  }
  figures_line(f, "SVM, 700 rows: peak memory by the optimality condition, tolerances 1e-3 to 1e-9, largest over least", "at most 1.1",
               most <= 1.1 * least, "%.3f (%.1f MiB)", most / least, most / 1048576);
  const double growth = (c->by[5].bytes - c->by[4].bytes) / (c->by[4].bytes - c->by[3].bytes);
  figures_line(f, "peak memory unrolled: growth from 1600 to 3200 iterations over that from 800 to 1600", "1.8 to 2.2",
               growth >= 1.8 && growth <= 2.2, "%.2f (%.1f MiB at 3200)", growth, c->by[5].bytes / 1048576);
}

static void print_costs(figures *f, const costs *c) {
  if (f->status != TW_OK) return;
  fprintf(f->out,
          "\nOne hypergradient of the SVM, 700 rows, 20 features, projected gradient; the error is against the optimality condition.\n\n"
          "| how | seconds | peak MiB | relative error |\n|---|---|---|---|\n| optimality condition | %.3f | %.1f | |\n",
          c->exact.seconds, c->exact.bytes / 1048576);
  for (int k = 0; k < STEPS; k++)
    fprintf(f->out, "| %d iterations unrolled | %.3f | %.1f | %.1e |\n", unrolled_steps[k], c->by[k].seconds, c->by[k].bytes / 1048576,
            fabs(c->by[k].gradient / c->exact.gradient - 1));
}

/* Time and memory of one hypergradient as the features grow. */
static void sweep(figures *f) {
  static const int p[] = {10, 100, 1000, 10000};
  if (f->status != TW_OK) return;
  fprintf(f->out, "\nOne hypergradient of the SVM, 700 rows to train on and 200 held out, projected gradient:\n\n"
                  "| features | loss | d loss / d log theta | seconds | peak MiB |\n|---|---|---|---|---|\n");
  for (size_t k = 0; k < sizeof p / sizeof *p && f->status == TW_OK; k++) {
    svm_gradient g;
    f->status = svm_run(&(svm_options){.m = 700, .v = 200, .p = p[k], .l = 2, .method = "projected_gradient(tol=1e-9)"},
                        false, &g, f->error);
    if (f->status == TW_OK) fprintf(f->out, "| %d | %.6g | %.6g | %.2f | %.1f |\n", p[k], g.loss, g.gradient, g.seconds, g.bytes / 1048576);
  }
}

/* ------------------------------------------------------------------ the drawing */

static tw_status draw(const shown *s, const char *path, tw_error *error) {
  static const char *const titles[TUNED] = {"Ridge: held-out loss", "Lasso: held-out loss", "Logistic regression: held-out loss"};
  chart c[TUNED + 1];
  chart_series series[TUNED][2];
  double x[TUNED][MAX_PATH], y[TUNED][MAX_PATH];
  const precision *p = &s->jacobian;
  for (int k = 0; k < TUNED; k++) {
    const tw_history *h = &s->tuned[k].model.history;
    const int n = h->count < MAX_PATH ? (int)h->count : MAX_PATH;
    for (int i = 0; i < n; i++) x[k][i] = h->row[i].x[0], y[k][i] = h->row[i].objective;
    series[k][0] = (chart_series){"grid", GRID, s->tuned[k].x, s->tuned[k].y, 0x1f5fa8, .line = true};
    series[k][1] = (chart_series){"path of the outer method", n, x[k], y[k], 0xd9572b, .line = true, .dots = true};
    c[k] = (chart){.title = titles[k], .x_name = "log penalty", .y_name = "", .n = 2, .series = series[k]};
  }
  const chart_series errors[] = {{"implicit", PRECISION_POINTS, p->iterate, p->implicit, 0x1f5fa8, true, true},
                                 {"bound", PRECISION_POINTS, p->iterate, p->bound, 0x6b7280, true, false},
                                 {"unrolled", PRECISION_POINTS, p->iterate, p->unrolled, 0xd9572b, true, true}};
  c[TUNED] = (chart){.title = "Diabetes ridge: error of the Jacobian",
                     .x_name = "error of the solution",
                     .y_name = "",
                     .x_log = true,
                     .y_log = true,
                     .n = 3,
                     .series = errors};
  return chart_write(TUNED + 1, c, path, error);
}

tw_status hyperparameters_acceptance(FILE *out, const char *plot, tw_error *error) {
  figures f;
  shown s = {0};
  costs c = {0};
  figures_begin(&f, out, error);
  penalties(&f, &s);
  inexact(&f, &s);
  machines(&f);
  memory(&f, &c);
  print_costs(&f, &c);
  sweep(&f);
  if (f.status == TW_OK && plot) f.status = draw(&s, plot, error);
  for (int k = 0; k < TUNED; k++) tuning_free(&s.tuned[k]);
  return f.status;
}
