/* What the recipe must show. */
#include "chart.h"
#include "figures.h"
#include "sparse-coding.h"

#include <math.h>
#include <stdlib.h>

enum { SEEDS = 5, ATOMS = 3, ITERATIONS = 100 };

static tw_status draw(const sparse_coding_result *r, const char *path, tw_error *error) {
  const tw_history *h = &r->model.history;
  const size_t n = h->count;
  double *x = tw_alloc(3 * n, sizeof *x), *y = x + n, *level = y + n;
  if (!x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a plot");
  for (size_t i = 0; i < n; i++) x[i] = (double)h->row[i].iteration, y[i] = h->row[i].objective, level[i] = r->unsupervised.loss;
  const chart_series series[] = {{"task-driven", (int64_t)n, x, y, 0x1f5fa8, .line = true, .dots = true},
                                 {"the unsupervised dictionary, classifier fitted", (int64_t)n, x, level, 0xd9572b, .line = true}};
  const chart c = {.title = "Logistic loss of the codes", .x_name = "outer iteration", .y_name = "", .n = 2, .series = series};
  const tw_status status = chart_write(1, &c, path, error);
  free(x);
  return status;
}

tw_status sparse_coding_acceptance(FILE *out, const char *plot, tw_error *error) {
  figures f;
  double error_of = 0, loss[2] = {0}, tested[2] = {0}, nonzero = 0, seconds = 0;
  int lower = 0;
  figures_begin(&f, out, error);
  for (int seed = 1; seed <= SEEDS && f.status == TW_OK; seed++) {
    sparse_coding_result r = {0};
    f.status = sparse_coding_run(&r, &(sparse_coding_options){seed, ATOMS, ITERATIONS}, error);
    if (f.status == TW_OK && plot && seed == 1) f.status = draw(&r, plot, error);
    error_of = fmax(error_of, r.gradient_error);
    lower += r.driven.loss < r.unsupervised.loss;
    loss[0] += r.unsupervised.loss / SEEDS, loss[1] += r.driven.loss / SEEDS;
    tested[0] += r.unsupervised.tested / SEEDS, tested[1] += r.driven.tested / SEEDS;
    nonzero += r.nonzero / SEEDS;
    seconds += r.model.solution.result.seconds / SEEDS;
    sparse_coding_free(&r);
  }
  figures_line(&f, "gradient through the codes against central differences, relative, worst of 5 splits", "at most 1e-5", error_of <= 1e-5,
               "%.1e", error_of);
  figures_line(&f, "breast cancer, 3 atoms: loss on 400 rows, task-driven below unsupervised", "5 of 5", lower == SEEDS,
               "%d (means %.4f and %.4f; %.2f s)", lower, loss[1], loss[0], seconds);
  figures_line(&f, "accuracy on 169 rows held out, mean of 5 splits, task-driven against unsupervised", "not below", tested[1] >= tested[0],
               "%.4f and %.4f (%.0f %% of the codes are not 0)", tested[1], tested[0], 100 * nonzero);
  return f.status;
}
