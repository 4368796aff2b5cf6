/* Tables. */
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void report_machine(const tw_machine *m, tw_text *out) {
  tw_text_printf(out,
                 "machine: %d thread%s, %.1f Gflop/s f64, %.1f Gflop/s f32, GB/s %.0f / %.0f / %.0f in caches, %.1f in memory (measured); "
                 "ridge %.1f flop/byte f32\n",
                 m->threads, m->threads > 1 ? "s" : "", 1e-9 * m->flops, 1e-9 * m->flops_single, 1e-9 * m->rate[TW_CACHE_1],
                 1e-9 * m->rate[TW_CACHE_2], 1e-9 * m->rate[TW_CACHE_3], 1e-9 * m->rate[TW_MEMORY], m->flops_single / m->rate[TW_MEMORY]);
}

static void put_totals(const totals *t, double all, double peak, const char *name, tw_text *out) {
  const double seconds = fmax(t->seconds, 1e-12);
  tw_text_printf(out, "  %10.3f %5.1f%% %9.4f %9.3f %9.3f %8.2f %8.2f %10.1f  %s\n", 1e3 * t->seconds, all > 0 ? 100 * t->seconds / all : 0,
                 1e-9 * t->flops, 1e-6 * t->bytes, 1e-6 * t->moved, 1e-9 * t->flops / seconds, 1e-9 * t->bytes / seconds, peak / 1024,
                 name);
}

static void put_heading(const char *last, tw_text *out) {
  tw_text_printf(out, "          ms  share     Gflop   MB least  MB moved  Gflop/s     GB/s   peak KiB  %s\n", last);
}

static bool is_attention_part(tw_expr node, const void *name) { return strcmp(attention_part(node), name) == 0; }

void report_classes(const report *r, int i, tw_text *out) {
  static const char *const parts[] = {"QK", "softmax", "AV", "tiled"};
  const part *p = r->part[i];
  const double all = part_totals(p, NULL, NULL).seconds;
  int fused = 0;
  for (int s = 0; s < p->n_steps; s++) fused += p->nodes[s] > 1;
  tw_text_printf(out,
                 "%s, attention %s: %.3f ms a call; steps cover %.1f%%, timing them adds %.1f%%; %d of %d steps are fused, their time "
                 "shared out by roof\n",
                 p->n.name, p->n.tiled ? "tiled" : "naive", 1e3 * p->whole.plain, 100 * p->whole.coverage,
                 100 * (p->whole.wall / p->whole.plain - 1), fused, p->n_steps);
  put_heading("class", out);
  for (int c = 0; c < CLASSES; c++) {
    const op_class class = (op_class)c;
    const totals t = part_totals(p, is_of_class, &class);
    if (t.seconds > 0 || t.bytes > 0) put_totals(&t, all, part_peak(p, is_of_class, &class), class_names[c], out);
    for (size_t k = 0; c == CLASS_ATTENTION && k < sizeof parts / sizeof *parts; k++) {
      const totals of = part_totals(p, is_attention_part, parts[k]);
      char name[32];
      snprintf(name, sizeof name, "  %s", parts[k]);
      if (of.seconds > 0) put_totals(&of, all, part_peak(p, is_attention_part, parts[k]), name, out);
    }
  }
  const totals t = part_totals(p, NULL, NULL);
  put_totals(&t, all, (double)tw_fn_live_bytes(p->fn), "all", out);
}

/* The first two names of a path. */
static void shorten(const char *path, char *out, size_t size) {
  const char *end = strchr(path, '/');
  if (end) end = strchr(end + 1, '/');
  snprintf(out, size, "%.*s", end ? (int)(end - path) : (int)strlen(path), *path ? path : "(none)");
}

static bool is_short(tw_expr node, const void *name) {
  char text[96];
  shorten(tw_scope_of(node), text, sizeof text);
  return strcmp(text, name) == 0;
}

void report_scopes(const report *r, int i, tw_text *out) {
  enum { SCOPES = 128 };
  const part *p = r->part[i];
  const double all = part_totals(p, NULL, NULL).seconds;
  char (*name)[96] = calloc(SCOPES, sizeof *name);
  int n = 0;
  put_heading("scope", out);
  for (int k = 0; name && k < p->n_costs; k++) {
    char text[96];
    int at = 0;
    shorten(tw_scope_of(p->cost[k].node), text, sizeof text);
    while (at < n && strcmp(name[at], text) != 0) at++;
    if (at < n || n == SCOPES) continue;
    memcpy(name[n++], text, sizeof text);
    const totals t = part_totals(p, is_short, text);
    put_totals(&t, all, part_peak(p, is_short, text), text, out);
  }
  free(name);
}

/* ------------------------------------------------------------------ sequences and phases */

void report_trace(const report *r, tw_text *out) {
  for (int i = 0; i < r->n; i++) {
    const part *p = r->part[i];
    int64_t least = INT64_MAX, most = 0;
    tw_text_printf(out, "attention in each call of %s (%lld calls a run)\n", p->n.name,
                   (long long)workload_calls(r->w, r->which[i], &r->size, r->steps));
    tw_text_puts(out, "   call  kind           nq      nk  batch  heads  scores KiB\n");
    for (int k = 0; k < p->n.n_calls; k++) {
      const attention_call *c = &p->n.call[k];
      tw_text_printf(out, "  %5d  %-9s %7lld %7lld %6lld %6lld %11.1f\n", k, c->kind, (long long)c->nq, (long long)c->nk,
                     (long long)c->batch, (long long)c->heads, 4.0 * (double)(c->batch * c->heads * c->nq * c->nk) / 1024);
      if (strcmp(c->kind, "cross") == 0) continue;
      least = c->nk < least ? c->nk : least;
      most = c->nk > most ? c->nk : most;
    }
    if (most)
      tw_text_printf(out, "  sequence length (self): least %lld, most %lld, ratio %.3g; the pattern repeats every call\n", (long long)least,
                     (long long)most, (double)most / (double)least);
  }
}

void report_phases(const report *r, tw_text *out) {
  double all = 0;
  for (int i = 0; i < r->n; i++) all += (double)workload_calls(r->w, r->which[i], &r->size, r->steps) * r->part[i]->whole.plain;
  tw_text_puts(out, "  part             phase          calls      s  share  Gflop/s\n");
  for (int i = 0; i < r->n; i++) {
    const part *p = r->part[i];
    const double calls = (double)workload_calls(r->w, r->which[i], &r->size, r->steps), seconds = calls * p->whole.plain;
    tw_text_printf(out, "  %-16s %-12s %7.0f %6.3f %5.1f%% %8.2f\n", p->n.name, part_phase(p), calls, seconds, 100 * seconds / all,
                   1e-9 * part_flops(p) / p->whole.plain);
  }
}

what_if report_what_if(const part *naive, const part *tiled) {
  const op_class attention = CLASS_ATTENTION;
  const double before = part_totals(naive, is_of_class, &attention).seconds, after = part_totals(tiled, is_of_class, &attention).seconds;
  what_if w = {.share = before / part_totals(naive, NULL, NULL).seconds, .factor = before / after};
  w.predicted = 1 / (1 - w.share + w.share / w.factor);
  w.measured = naive->whole.plain / tiled->whole.plain;
  return w;
}
