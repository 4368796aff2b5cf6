/* The lines of acceptance. One thread, fixed seeds. */
#include "acceptance.h"
#include "figures.h"
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct bench {
  const tw_machine *machine;
  int runs;
  figures shown;
} bench;

/* The named part of a workload, measured. */
static bool measured(bench *b, part *p, const char *name, int which, const workload_size *size, bool tiled) {
  const workload *w = workload_find(name);
  const workload_size all = workload_sizes(w, size);
  if (b->shown.status == TW_OK) b->shown.status = part_open(p, w, which, &all, tiled, b->shown.error);
  else memset(p, 0, sizeof *p);
  if (b->shown.status == TW_OK) b->shown.status = part_measure(p, b->machine, b->runs, true, b->shown.error);
  return b->shown.status == TW_OK;
}

/* ------------------------------------------------------------------ closure */

/* The largest share of its roof that a step attains; *worst: which. */
static double highest(const part *p, int *worst) {
  double most = 0;
  for (int k = 0; k < p->n_costs; k++) {
    const int s = p->cost[k].step;
    const double of =
        p->time[s].median > 0
            ? tw_machine_least(&p->machine, tw_dtype_of(p->cost[k].node) == TW_F32, p->step_flops[s], p->step_bytes[s]) / p->time[s].median
            : 0;
    if (of > most) most = of, *worst = k;
  }
  return most;
}

static void closure_of(bench *b, const char *name, int which) {
  part p;
  char what[96];
  int worst = 0;
  if (measured(b, &p, name, which, &(workload_size){0}, true)) {
    const double most = highest(&p, &worst);
    snprintf(what, sizeof what, "%s: steps cover the run", p.n.name);
    figures_line(&b->shown, what, "at least 95 %", p.whole.coverage >= 0.95, "%.1f %%", 100 * p.whole.coverage);
    snprintf(what, sizeof what, "%s: timing slows the run", p.n.name);
    figures_line(&b->shown, what, "at most 5 %", p.whole.wall <= 1.05 * p.whole.plain, "%.1f %%", 100 * (p.whole.wall / p.whole.plain - 1));
    snprintf(what, sizeof what, "%s: highest share of a roof", p.n.name);
    figures_line(&b->shown, what, "at most 1.05", most <= 1.05, "%.2f (%s)", most, p.n_costs ? tw_op_of(p.cost[worst].node)->name : "");
  }
  part_close(&p);
}

/* A function of n inputs [rows, cols] in f32, timed as a whole: its best rate of `per_call` in a second. */
static double rate_of(bench *b, tw_expr (*make)(const tw_expr *x), int n, tw_shape shape, double per_call) {
  tw_graph *graph = tw_graph_new();
  tw_expr x[2], e = TW_NONE;
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  tw_array value[2] = {{0}}, out = {0};
  double best = INFINITY;
  for (int i = 0; i < n && b->shown.status == TW_OK; i++) {
    x[i] = tw_input(graph, "x", TW_F32, shape);
    b->shown.status = tw_array_new(&value[i], TW_F32, shape, b->shown.error);
  }
  if (b->shown.status == TW_OK) e = make(x), b->shown.status = tw_fn_new(&fn, n, x, 1, &e, NULL, b->shown.error);
  if (b->shown.status == TW_OK) b->shown.status = tw_work_new(&work, fn, b->shown.error);
  if (b->shown.status == TW_OK) b->shown.status = tw_array_new(&out, TW_F32, tw_shape_of(e), b->shown.error);
  if (b->shown.status == TW_OK) tw_work_exec(work, &(tw_exec){.threads = b->machine->threads});
  for (int r = 0; r < b->runs && b->shown.status == TW_OK; r++) {
    const double start = tw_now();
    b->shown.status = tw_fn_call(fn, work, (const void *[]){value[0].data, value[1].data}, (void *[]){out.data}, 0, b->shown.error);
    best = fmin(best, tw_now() - start);
  }
  for (int i = 0; i < n; i++) tw_array_free(&value[i]);
  tw_array_free(&out);
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(graph);
  return per_call / best;
}

static tw_expr make_product(const tw_expr *x) { return tw_matmul(x[0], x[1]); }
static tw_expr make_copy(const tw_expr *x) { return tw_concat(2, (tw_expr[]){x[0], x[1]}, 0); }

static void closure(bench *b) {
  const double triad = b->machine->triad, best = b->machine->rate[TW_MEMORY],
               flops = rate_of(b, make_product, 2, TW_SHAPE(1024, 1024), 2.0 * 1024 * 1024 * 1024);
  const double copied = rate_of(b, make_copy, 2, TW_SHAPE(4096, 4096), 4.0 * 4 * 4096 * 4096);
  closure_of(b, "unet", 0);
  closure_of(b, "decoder", 0);
  closure_of(b, "decoder", 1);
  figures_line(&b->shown, "1024^3 product, f32", "at least 0.9 of P", flops >= 0.9 * b->machine->flops_single, "%.2f (%.1f Gflop/s)",
               flops / b->machine->flops_single, 1e-9 * flops);
  figures_line(&b->shown, "copy of 128 MiB", "at least 0.8 of STREAM's B", copied >= 0.8 * triad,
               "%.2f (%.1f of %.1f GB/s; %.2f of the best sweep, %.1f GB/s, which is the roof used)", copied / triad, 1e-9 * copied,
               1e-9 * triad, copied / best, 1e-9 * best);
}

/* ------------------------------------------------------------------ findings */

/* The class that takes most time. */
static op_class largest_of(const part *p) {
  op_class largest = CLASS_ATTENTION;
  double most = 0;
  for (int c = 0; c < CLASSES; c++) {
    const op_class class = (op_class)c;
    const double seconds = part_totals(p, is_of_class, &class).seconds;
    if (seconds > most) most = seconds, largest = class;
  }
  return largest;
}

static double percent(const part *p, op_class class) {
  return 100 * part_totals(p, is_of_class, &class).seconds / part_totals(p, NULL, NULL).seconds;
}

static void largest_class(bench *b, const char *name, int which, op_class wanted) {
  part p;
  char what[96];
  if (measured(b, &p, name, which, &(workload_size){0}, true)) {
    const op_class largest = largest_of(&p);
    snprintf(what, sizeof what, "%s: largest class, tiled", p.n.name);
    figures_line(&b->shown, what, class_names[wanted], largest == wanted, "%s, %.0f %%", class_names[largest], percent(&p, largest));
  }
  part_close(&p);
}

/* Attention alone: `size` queries over `text` keys. */
static void build_lone(net *n, const workload_size *size, bool tiled) {
  const int64_t heads = 4, width = 32;
  net_open(n, "attention", tiled);
  const tw_expr q = net_normal(n, TW_SHAPE(1, heads, size->size, width), 1), k = net_normal(n, TW_SHAPE(1, heads, size->text, width), 1);
  const tw_expr v = net_normal(n, TW_SHAPE(1, heads, size->text, width), 1);
  tw_scope_push(n->graph, "attend");
  net_output(n, tiled ? tw_attention(q, k, v, NULL) : tw_attention_unfused(q, k, v, NULL));
  tw_scope_pop(n->graph);
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* How much faster the tiled module is: medians of rounds in turn, so that a slow spell of the machine meets both. */
static double module_gain(bench *b, int64_t nq, int64_t nk) {
  enum { ROUNDS = 9 };
  const workload w = {.name = "attention", .n_parts = 1, .build = {build_lone}};
  const workload_size size = {.size = nq, .text = nk};
  double seconds[2][ROUNDS] = {{0}};
  part p[2] = {{.fn = NULL}, {.fn = NULL}};
  for (int tiled = 0; tiled < 2 && b->shown.status == TW_OK; tiled++)
    b->shown.status = part_open(&p[tiled], &w, 0, &size, tiled, b->shown.error);
  for (int r = 0; r < 2 * ROUNDS && b->shown.status == TW_OK; r++) {
    b->shown.status = part_measure(&p[r % 2], b->machine, (b->runs + 3) / 4, false, b->shown.error);
    seconds[r % 2][r / 2] = p[r % 2].whole.plain;
  }
  for (int tiled = 0; tiled < 2; tiled++) part_close(&p[tiled]);
  for (int tiled = 0; tiled < 2; tiled++) qsort(seconds[tiled], ROUNDS, sizeof *seconds[tiled], by_value);
  return seconds[0][ROUNDS / 2] / seconds[1][ROUNDS / 2];
}

static bool is_score(tw_expr node, const void *context) {
  (void)context;
  return in_scope(node, "self") && (strcmp(attention_part(node), "QK") == 0 || strcmp(attention_part(node), "softmax") == 0);
}

static bool in_attention(tw_expr node, const void *context) {
  (void)context;
  return in_scope(node, "self") && class_of(node) == CLASS_ATTENTION;
}

tw_status unet_attention_bytes(int64_t side, bool tiled, double *bytes, tw_error *error) {
  part p;
  const workload *w = workload_find("unet");
  const workload_size size = workload_sizes(w, &(workload_size){.size = side});
  const tw_status status = part_open(&p, w, 0, &size, tiled, error);
  *bytes = status == TW_OK ? part_peak(&p, tiled ? in_attention : is_score, NULL) : 0;
  part_close(&p);
  return status;
}

static void memory(bench *b) {
  static const double side[] = {8, 16, 32, 48};
  double bytes[2][4];
  for (int i = 0; i < 8 && b->shown.status == TW_OK; i++)
    b->shown.status = unet_attention_bytes((int64_t)side[i % 4], i / 4, &bytes[i / 4][i % 4], b->shown.error);
  if (b->shown.status != TW_OK) return;
  const double naive = log_slope(4, side, bytes[0]), tiled = log_slope(4, side, bytes[1]);
  figures_line(&b->shown, "unet: slope of peak score bytes over latent side, naive", "4.0 +- 0.1", fabs(naive - 4) <= 0.1, "%.3f", naive);
  figures_line(&b->shown, "unet: slope of peak attention bytes over latent side, tiled", "at most 2.1", tiled <= 2.1, "%.3f", tiled);
}

static void findings(bench *b) {
  largest_class(b, "unet", 0, CLASS_CONVOLUTION);
  largest_class(b, "decoder", 0, CLASS_LINEAR);
  largest_class(b, "decoder", 1, CLASS_LINEAR);
  largest_class(b, "image-tokens", 0, CLASS_LINEAR);
  largest_class(b, "image-tokens", 1, CLASS_LINEAR);
  const double many = module_gain(b, 2048, 2048), one = module_gain(b, 1, 2048);
  figures_line(&b->shown, "attention module, tiled over naive: 2048 x 2048 against 1 x 2048", "ratio at least 1.5", many >= 1.5 * one,
               "%.2f / %.2f = %.2f", many, one, many / one);
  memory(b);
  part p;
  const workload_size size = workload_sizes(&workloads[0], &(workload_size){0});
  if (b->shown.status == TW_OK) {
    b->shown.status = part_open(&p, &workloads[0], 0, &size, true, b->shown.error);
    int64_t least = INT64_MAX, most = 0;
    for (int k = 0; k < p.n.n_calls; k++) {
      if (p.n.call[k].nq < least) least = p.n.call[k].nq;
      if (p.n.call[k].nq > most) most = p.n.call[k].nq;
    }
    figures_line(&b->shown, "unet: longest over shortest sequence, from level to level", "4", most == 4 * least, "%lld / %lld",
                 (long long)most, (long long)least);
    part_close(&p);
  }
}

/* ------------------------------------------------------------------ video and what-if */

static bool attends_in(tw_expr node, const void *module) { return in_scope(node, module) && class_of(node) == CLASS_ATTENTION; }

/* Attention of a module with its transposes, projections and norm left out. */
static bool attends_or_moves_in(tw_expr node, const void *module) {
  const op_class class = class_of(node);
  return in_scope(node, module) && (class == CLASS_ATTENTION || class == CLASS_MEMORY);
}

static void video(bench *b) {
  for (int tiled = 0; tiled < 2; tiled++) {
    part p;
    char what[96];
    if (measured(b, &p, "video", 0, &(workload_size){0}, tiled)) {
      const totals space = part_totals(&p, attends_or_moves_in, "spatial-module"),
                   time = part_totals(&p, attends_or_moves_in, "temporal-module");
      const double flops = part_totals(&p, attends_in, "spatial-module").flops / part_totals(&p, attends_in, "temporal-module").flops;
      snprintf(what, sizeof what, "video, %s: flops of spatial over temporal attention, HW = 1024, F = 16", tiled ? "tiled" : "naive");
      figures_line(&b->shown, what, "64 exactly", flops == 64, "%.17g", flops);
      snprintf(what, sizeof what, "video, %s: time of the two with transposes", tiled ? "tiled" : "naive");
      figures_line(&b->shown, what, "below the ratio of flops", space.seconds < flops * time.seconds,
                   "%.1f (%.2f ms / %.2f ms; %.1f MB / %.1f MB moved)", space.seconds / time.seconds, 1e3 * space.seconds,
                   1e3 * time.seconds, 1e-6 * space.moved, 1e-6 * time.moved);
    }
    part_close(&p);
  }
}

static void honest(bench *b, const char *name, int which, const workload_size *size) {
  part naive, tiled;
  char what[96];
  const bool first = measured(b, &naive, name, which, size, false), both = measured(b, &tiled, name, which, size, true);
  if (first && both) {
    const what_if w = report_what_if(&naive, &tiled);
    const op_class largest = largest_of(&tiled);
    snprintf(what, sizeof what, "%s %lld: speed-up by tiling, predicted and measured", naive.n.name,
             (long long)workload_sizes(workload_find(name), size).size);
    figures_line(&b->shown, what, "within 10 %", fabs(w.predicted / w.measured - 1) <= 0.1,
                 "%.3f, %.3f (attention %.2f times faster, from %.0f to %.0f %% of the time; %s from %.0f to %.0f %%)", w.predicted,
                 w.measured, w.factor, percent(&naive, CLASS_ATTENTION), percent(&tiled, CLASS_ATTENTION), class_names[largest],
                 percent(&naive, largest), percent(&tiled, largest));
  }
  part_close(&naive);
  part_close(&tiled);
}

/* ------------------------------------------------------------------ sweeps */

typedef struct sweep {
  const char *what, *name;
  int which, n;
  double value[4];
  size_t field; /* of workload_size */
} sweep;

static void sweep_slopes(bench *b, const sweep *s) {
  for (int tiled = 0; tiled < 2 && b->shown.status == TW_OK; tiled++) {
    double seconds[4], bytes[4], attention[4];
    for (int i = 0; i < s->n && b->shown.status == TW_OK; i++) {
      workload_size size = {0};
      part p;
      *(int64_t *)(void *)((char *)&size + s->field) = (int64_t)s->value[i];
      if (measured(b, &p, s->name, s->which, &size, tiled)) {
        seconds[i] = p.whole.plain;
        bytes[i] = (double)tw_fn_live_bytes(p.fn);
        attention[i] = part_totals(&p, is_of_class, &(op_class){CLASS_ATTENTION}).seconds;
      }
      part_close(&p);
    }
    if (b->shown.status != TW_OK) return;
    fprintf(b->shown.out, "| %s, %g .. %g | %s | %.2f | %.2f | %.2f |\n", s->what, s->value[0], s->value[s->n - 1],
            tiled ? "tiled" : "naive", log_slope(s->n, s->value, seconds), log_slope(s->n, s->value, attention),
            log_slope(s->n, s->value, bytes));
  }
}

static void sweeps(bench *b) {
  static const sweep all[] = {{"unet, latent side", "unet", 0, 4, {8, 16, 32, 48}, offsetof(workload_size, size)},
                              {"unet, batch", "unet", 0, 3, {1, 2, 4}, offsetof(workload_size, batch)},
                              {"unet, text", "unet", 0, 4, {32, 77, 154, 308}, offsetof(workload_size, text)},
                              {"prefill, prompt", "decoder", 0, 4, {64, 128, 256, 512}, offsetof(workload_size, size)},
                              {"video, frames", "video", 0, 3, {4, 8, 16}, offsetof(workload_size, frames)}};
  fprintf(b->shown.out, "\nSlopes of log-log fits: seconds of a call, seconds of attention, peak bytes of the workspace.\n\n"
                  "| sweep | attention | time | attention time | peak memory |\n|---|---|---|---|---|\n");
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) sweep_slopes(b, &all[k]);
}

tw_status acceptance(const tw_machine *machine, int runs, FILE *out, tw_error *error) {
  bench b = {.machine = machine, .runs = runs};
  tw_text text = {0};
  report_machine(machine, &text);
  fprintf(out, "%s\nMedians of %d runs. Counts (flops and bytes by node) are checked by `ctest -R recipes`.\n\n",
          text.failed ? "" : text.data, runs);
  tw_text_free(&text);
  figures_begin(&b.shown, out, error);
  closure(&b);
  findings(&b);
  video(&b);
  honest(&b, "unet", 0, &(workload_size){0});
  honest(&b, "unet", 0, &(workload_size){.size = 48});
  honest(&b, "decoder", 0, &(workload_size){0});
  honest(&b, "image-tokens", 1, &(workload_size){0});
  sweeps(&b);
  return b.shown.status;
}
