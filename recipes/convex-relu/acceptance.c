/* The lines of acceptance. One thread, fixed seeds. */
#include "acceptance.h"
#include "figures.h"
#include "fit.h"
#include "reference.h"

#include <math.h>
#include <stdlib.h>

enum { SPLITS = 5, ROBUST_SPLITS = 3 };

typedef figures bench;

static const admm_row *last_row(const fit *f) { return &f->admm.history[f->admm.rows - 1]; }
static double residual(const admm_row *row) { return fmax(row->primal, row->dual); }

/* ------------------------------------------------------------------ 1, 2: the global optimum in one dimension */

/* By what factor the larger residual fell over the last 3000 iterations above `floor`. */
static double late_fall(const fit *f, double floor) {
  const int64_t back = 3000 / ADMM_EVERY;
  int64_t end = f->admm.rows - 1;
  while (end > 0 && residual(&f->admm.history[end]) < floor) end--;
  return end >= back ? residual(&f->admm.history[end - back]) / residual(&f->admm.history[end]) : NAN;
}

static void against_adam(bench *b, const table *t, const fit *f, double beta) {
  enum { WIDTHS = 3, SEEDS = 6 };
  static const int64_t width[WIDTHS] = {10, 50, 200};
  double best[WIDTHS] = {INFINITY, INFINITY, INFINITY}, least = INFINITY;
  int worse = 0, much_worse = 0;
  for (int w = 0; w < WIDTHS; w++)
    for (uint64_t seed = 0; seed < SEEDS && b->status == TW_OK; seed++) {
      double objective;
      b->status = adam_train(&t->train, LOSS_SQUARED, beta, &(adam_options){width[w], 8000, 0.01, seed}, &objective, NULL, b->error);
      best[w] = fmin(best[w], objective);
      least = fmin(least, objective);
      worse += w == 0 && objective > 1.05 * f->objective;
      much_worse += w == 0 && objective > 1.35 * f->objective;
    }
  figures_line(b, "objective less the best of 18 Adam runs", "at most 1e-4", f->objective <= least + 1e-4,
       "%.2e (%.6f; Adam %.6f, %.6f, %.6f at width 10, 50, 200)", f->objective - least, f->objective, best[0], best[1], best[2]);
  figures_line(b, "best width-50 run above the optimum", "at most 0.1 %", best[1] <= 1.001 * f->objective,
       "%.3f %% (width 10: %d of 6 runs end 5 %% or more above, %d of them 35 %%)", 100 * (best[1] / f->objective - 1), worse, much_worse);
  figures_line(b, "lower bound of every net's objective, by duality", "below Adam's best", f->bound <= least, "%.8f, a gap of %.1e",
               f->bound, f->objective - f->bound);
}

static void one_dimension(bench *b) {
  const double beta = 1e-2;
  table t;
  fit f = {0}, slow = {0};
  double optimum = NAN, accuracy_of = NAN;
  fit_options o = {.mode = FIT_EXACT,
                   .loss = LOSS_SQUARED,
                   .beta = beta,
                   .p = INFINITY,
                   .admm = {.rho = 0.01, .max_iter = 20000, .tol = 1e-9, .history = 10}};
  b->status = table_wave(&t, 30, 1, b->error);
  if (b->status == TW_OK) b->status = fit_run(&t, &o, &f, b->error);
  o.admm.history = 0;
  if (b->status == TW_OK) b->status = fit_run(&t, &o, &slow, b->error);
  if (b->status == TW_OK)
    b->status = reference_optimum(&(program){&t.train, &f.set, LOSS_SQUARED, beta, 0, INFINITY}, &optimum, &accuracy_of, b->error);
  figures_line(b, "1-D, n = 30: patterns", "60", f.set.p == 60, "%lld", (long long)f.set.p);
  if (b->status == TW_OK) {
    figures_line(b, "residuals of extrapolated ADMM, rho = 0.01, after at most 20000 iterations", "at most 1e-6",
                 residual(last_row(&f)) <= 1e-6, "primal %.1e, dual %.1e after %lld", last_row(&f)->primal, last_row(&f)->dual,
                 (long long)f.admm.iterations);
    figures_line(b, "residuals of plain ADMM, rho = 0.01, after 20000 iterations", "at most 1e-6", residual(last_row(&slow)) <= 1e-6,
         "primal %.1e, dual %.1e; objective %.6f", last_row(&slow)->primal, last_row(&slow)->dual, slow.objective);
    figures_line(b, "late phase of extrapolated ADMM: residuals fall in 3000 iterations", "by 10 or more", late_fall(&f, 1e-9) >= 10,
                 "by %.3g", late_fall(&f, 1e-9));
    figures_line(b, "late phase of plain ADMM", "by 10 or more", late_fall(&slow, 0) >= 10, "by %.3g", late_fall(&slow, 0));
    figures_line(b, "recovery: convex less the net's own objective, relative", "at most 1e-4",
         f.admm.value.infeasibility <= 1e-5 && fabs(f.objective - f.nonconvex) <= 1e-4 * f.objective,
         "%.1e at infeasibility %.1e, %lld neurons", fabs(f.objective - f.nonconvex) / f.objective, f.admm.value.infeasibility,
         (long long)f.net.m);
    figures_line(b, "reference: dual program by interior points, relative", "at most 1e-5", fabs(f.objective - optimum) <= 1e-5 * optimum,
         "%.1e (%.8f, its residuals %.0e)", fabs(f.objective - optimum) / optimum, optimum, accuracy_of);
    against_adam(b, &t, &f, beta);
  }
  fit_free(&f);
  fit_free(&slow);
  table_free(&t);
}

/* ------------------------------------------------------------------ 3: breast cancer */

static const char *const CANCER = "recipes/convex-relu/data/breast_cancer.csv", *const WINE = "recipes/convex-relu/data/wine.csv";

static tw_status read_cancer(table *t, uint64_t seed, tw_error *error) {
  return table_read(t, &(table_options){.path = CANCER, .train = 400, .seed = seed}, error);
}

static fit_options cancer_options(void) {
  return (fit_options){.mode = FIT_ADMM,
                       .loss = LOSS_SQUARED,
                       .beta = 0.01,
                       .p = INFINITY,
                       .patterns = {.wanted = 24, .seed = 1},
                       .attack_steps = 50,
                       .admm = {.rho = 0.1, .max_iter = 20, .tol = 1e-6}};
}

static void few_iterations(bench *b) {
  double early = 0, late = 0, least[2] = {1, 1};
  for (uint64_t seed = 0; seed < SPLITS && b->status == TW_OK; seed++) {
    table t = {0};
    fit f = {0}, end = {0};
    fit_options o = cancer_options();
    b->status = read_cancer(&t, seed, b->error);
    if (b->status == TW_OK) b->status = fit_run(&t, &o, &f, b->error);
    o.admm = (admm_options){.rho = 0.01, .max_iter = 3000, .tol = 1e-6, .history = 10};
    if (b->status == TW_OK) b->status = fit_run(&t, &o, &end, b->error);
    early += f.test.accuracy / SPLITS;
    late += end.test.accuracy / SPLITS;
    least[0] = fmin(least[0], f.test.accuracy);
    least[1] = fmin(least[1], end.test.accuracy);
    fit_free(&f);
    fit_free(&end);
    table_free(&t);
  }
  figures_line(b, "breast cancer, P = 24: test accuracy after 20 iterations, mean of 5 splits", "at least 0.93", early >= 0.93,
               "%.4f (least %.4f)", early, least[0]);
  figures_line(b, "the same at the optimum", "at least 0.93", late >= 0.93, "%.4f (least %.4f)", late, least[1]);
}

static double largest_difference(const net *f, const net *g, const design *rows, tw_error *error, tw_status *status) {
  double *z = tw_alloc((size_t)(2 * rows->n), sizeof *z), largest = 0;
  if (!z) *status = tw_fail(error, TW_ERR_MEMORY, "out of memory for predictions");
  if (!z) return NAN;
  net_predict(f, rows->n, rows->x, z);
  net_predict(g, rows->n, rows->x, z + rows->n);
  for (int64_t k = 0; k < rows->n; k++) largest = fmax(largest, fabs(z[k] - z[rows->n + k]));
  free(z);
  return largest;
}

static void two_starts(bench *b) {
  table t = {0};
  fit f[2] = {0};
  for (int k = 0; k < 2 && b->status == TW_OK; k++) {
    fit_options o = cancer_options();
    o.admm = (admm_options){.rho = 0.01, .max_iter = 6000, .tol = 1e-7, .history = 20, .random_start = k == 1, .seed = 3};
    if (k == 0) b->status = read_cancer(&t, 0, b->error);
    if (b->status == TW_OK) b->status = fit_run(&t, &o, &f[k], b->error);
  }
  const double apart = b->status == TW_OK ? largest_difference(&f[0].net, &f[1].net, &t.test, b->error, &b->status) : NAN;
  figures_line(b, "two starts, zeros and random: objectives, relative", "within 1e-4",
       fabs(f[0].objective - f[1].objective) <= 1e-4 * f[0].objective, "%.1e (%.8f, gap %.0e)",
       fabs(f[0].objective - f[1].objective) / f[0].objective, f[0].objective, f[0].objective - f[0].bound);
  figures_line(b, "and predictions on the test rows", "within 1e-4", apart <= 1e-4, "%.1e", apart);
  double adam = NAN;
  if (b->status == TW_OK) b->status = adam_train(&t.train, LOSS_SQUARED, 0.01, &(adam_options){50, 4000, 0.01, 0}, &adam, NULL, b->error);
  figures_line(b, "a sampled optimum is no global one: Adam, width 50, free in its patterns", "below it", adam < f[0].objective,
       "%.3f against %.3f", adam, f[0].objective);
  fit_free(&f[0]);
  fit_free(&f[1]);
  table_free(&t);
}

static void sampled_neurons(bench *b) {
  enum { NESTED = 3 };
  fit f[NESTED] = {0};
  table t = {0};
  b->status = b->status == TW_OK ? read_cancer(&t, 0, b->error) : b->status;
  for (int k = 0; k < NESTED && b->status == TW_OK; k++) {
    fit_options o = cancer_options();
    o.mode = FIT_SCP;
    o.sampled = (sampled_options){.neurons = 125 << k, .max_iter = 10000, .fresh = 2000, .tol = 1e-6, .seed = 1};
    b->status = fit_run(&t, &o, &f[k], b->error);
  }
  figures_line(b, "SCP, N = 500: test accuracy", "at least 0.93", f[2].test.accuracy >= 0.93, "%.4f (%lld neurons in use)",
               f[2].test.accuracy, (long long)f[2].sampled.active);
  figures_line(b, "SCP, nested N = 125, 250, 500: objective", "not increasing",
               f[1].objective <= f[0].bound && f[2].objective <= f[1].bound,
               "%.4f, %.4f, %.4f, each below the lower bound of the one before (%.4f, %.4f)", f[0].objective, f[1].objective,
               f[2].objective, f[0].bound, f[1].bound);
  figures_line(b, "SCP: fresh neurons that could lower the objective", "falls with N", f[2].sampled.violated <= f[0].sampled.violated,
       "%.0f %%, %.0f %%, %.0f %%", 100 * f[0].sampled.violated, 100 * f[1].sampled.violated, 100 * f[2].sampled.violated);
  for (int k = 0; k < NESTED; k++) fit_free(&f[k]);
  table_free(&t);
}

/* ------------------------------------------------------------------ 4: robust */

static fit_options robust_options(void) {
  fit_options o = cancer_options();
  o.loss = LOSS_HINGE;
  o.beta = 1e-3;
  o.patterns.whole = true;
  o.patterns.perturbed = 2;
  o.eps = 0.1;
  o.admm = (admm_options){.rho = 1e-4, .max_iter = 5000, .tol = 1e-7, .history = 10};
  return o;
}

static void robust_lines(bench *b, const char *name, const fit *standard, const fit *robust) {
  char what[128];
  const int64_t rows = robust->train.n + robust->test.n;
  snprintf(what, sizeof what, "%s: rows whose hinge under PGD-50 exceeds the certificate", name);
  figures_line(b, what, "none",
       robust->train.contradictions + robust->test.contradictions + standard->train.contradictions + standard->test.contradictions == 0,
       "%lld of %lld (robust), %lld (standard); largest hinge %.4f, certificate %.4f",
       (long long)(robust->train.contradictions + robust->test.contradictions), (long long)rows,
       (long long)(standard->train.contradictions + standard->test.contradictions), robust->train.worst_hinge,
       robust->train.worst_certificate);
  snprintf(what, sizeof what, "%s: rows trained on whose hinge under PGD-50 exceeds the program's; mean hinges", name);
  figures_line(b, what, "none", robust->exceeded == 0 && robust->attacked_loss <= robust->admm.value.loss + 1e-6,
       "%lld; %.6f by the program, %.6f under attack (objective %.6f, gap %.0e, infeasibility %.0e)", (long long)robust->exceeded,
       robust->admm.value.loss, robust->attacked_loss, robust->objective, robust->objective - robust->bound,
       robust->admm.value.infeasibility);
}

static void robust_cancer(bench *b) {
  double attacked[2] = {0}, clean[2] = {0};
  for (uint64_t seed = 0; seed < ROBUST_SPLITS && b->status == TW_OK; seed++) {
    table t = {0};
    fit f[2] = {0};
    b->status = read_cancer(&t, seed, b->error);
    for (int k = 0; k < 2 && b->status == TW_OK; k++) {
      fit_options o = robust_options();
      o.mode = k ? FIT_ADV : FIT_HINGE;
      b->status = fit_run(&t, &o, &f[k], b->error);
      attacked[k] += f[k].test.attacked / ROBUST_SPLITS;
      clean[k] += f[k].test.accuracy / ROBUST_SPLITS;
    }
    if (seed == 0) robust_lines(b, "breast cancer, eps = 0.1", &f[0], &f[1]);
    fit_free(&f[0]);
    fit_free(&f[1]);
    table_free(&t);
  }
  figures_line(b, "accuracy under PGD-50 on test rows, robust less standard, mean of 3 splits", "at least 3 points",
       attacked[1] - attacked[0] >= 0.03, "%.1f (%.4f and %.4f; unattacked %.4f and %.4f)", 100 * (attacked[1] - attacked[0]), attacked[1],
       attacked[0], clean[1], clean[0]);
}

static void robust_wine(bench *b) {
  const table_options from = {
      .path = WINE, .columns = "alcohol,flavanoids,cultivar", .two = true, .low = 0, .high = 1, .train = 90, .seed = 0};
  table t = {0};
  fit f[2] = {0}, limit = {0};
  if (b->status == TW_OK) b->status = table_read(&t, &from, b->error);
  for (int k = 0; k < 2 && b->status == TW_OK; k++) {
    fit_options o = robust_options();
    o.mode = k ? FIT_ADV : FIT_HINGE;
    o.admm.rho = 1e-3;
    o.admm.max_iter = 20000;
    b->status = fit_run(&t, &o, &f[k], b->error);
  }
  robust_lines(b, "wine, 2 features, eps = 0.1", &f[0], &f[1]);
  fit_options o = robust_options();
  o.mode = FIT_ADV;
  o.eps = 1e-7;
  o.admm.rho = 1e-3;
  o.admm.max_iter = 20000;
  if (b->status == TW_OK) b->status = fit_run(&t, &o, &limit, b->error);
  const double apart = b->status == TW_OK ? largest_difference(&f[0].net, &limit.net, &t.test, b->error, &b->status) : NAN;
  figures_line(b, "wine: robust program as eps falls to 1e-7 against the standard one, objective", "within 1e-5",
       fabs(limit.objective - f[0].objective) <= 1e-5 * f[0].objective, "%.1e (%.8f; gaps %.0e, %.0e; predictions within %.0e)",
       fabs(limit.objective - f[0].objective) / f[0].objective, f[0].objective, f[0].objective - f[0].bound, limit.objective - limit.bound,
       apart);
  double optimum = NAN, precision = NAN;
  if (b->status == TW_OK) {
    patterns few = {0};
    design small = t.train;
    fit_options fewer = robust_options();
    admm_result r = {0};
    small.n = 30;
    const sampling how = {
        .wanted = 10, .seed = 1, .whole = true, .reach = f[1].eps, .p = INFINITY, .features = small.features, .perturbed = 2};
    b->status = patterns_sample(&few, small.n, small.d, small.x, &how, b->error);
    const program p = {&small, &few, LOSS_HINGE, 1e-2, f[1].eps, INFINITY};
    fewer.admm.rho = 1e-2;
    fewer.admm.max_iter = 20000;
    fewer.admm.tol = 1e-9;
    if (b->status == TW_OK) b->status = reference_optimum(&p, &optimum, &precision, b->error);
    if (b->status == TW_OK) b->status = admm_solve(&p, &fewer.admm, &r, b->error);
    figures_line(b, "robust program of 30 rows, 10 patterns: ADMM and the dual by interior points, relative", "within 1e-5",
         fabs(r.value.objective - optimum) <= 1e-5 * optimum, "%.1e (%.8f)", fabs(r.value.objective - optimum) / optimum, optimum);
    admm_result_free(&r);
    patterns_free(&few);
  }
  fit_free(&f[0]);
  fit_free(&f[1]);
  fit_free(&limit);
  table_free(&t);
}

tw_status acceptance(FILE *out, tw_error *error) {
  bench b;
  figures_begin(&b, out, error);
  one_dimension(&b);
  few_iterations(&b);
  two_starts(&b);
  sampled_neurons(&b);
  robust_cancer(&b);
  robust_wine(&b);
  return b.status;
}
