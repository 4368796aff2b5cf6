/* The roof over a profile (Williams, Waterman, Patterson 2009): a call of F flops and B bytes takes at least max(F / P, B / rate(B))
 * seconds, P and rate being what this machine was measured to do (machine.c). */
#include "base/given.h"
#include "graph/run/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 40, ROUNDS_MOST = 5 };
#define ABOVE 1.05           /* a roof is wrong that is exceeded by more */
#define TRUSTED_SECONDS 1e-5 /* a row with less time says nothing about it */

/* What is added up of rows: a row itself, or all of a kind. */
typedef struct sum {
  const char *kind;
  bool single;
  int64_t calls;
  double seconds, flops, bytes;
  double least, compute, memory; /* seconds of the roof, and of its two sides */
} sum;

static double peak(const tw_machine *m, bool single) { return single ? m->flops_single : m->flops; }

static sum of_row(const tw_profile_row *r, const tw_machine *m) {
  const double calls = r->calls > 0 ? (double)r->calls : 1, flops = r->flops / calls, bytes = r->bytes / calls;
  return (sum){.kind = r->kind, .single = r->single, .calls = r->calls, .seconds = r->seconds, .flops = r->flops, .bytes = r->bytes,
               .least = calls * tw_machine_least(m, r->single, flops, bytes), .compute = r->flops / peak(m, r->single),
               .memory = r->bytes / tw_machine_rate(m, bytes)};
}

/* share[k]: of a call's time what goes to nodes of kind k, as the roof predicts them one by one; in all 1, or 0 where nothing costs. */
static void share_out(const tw_profile_row *r, const tw_kind_costs *c, const tw_machine *m, double share[TW_OP_KINDS]) {
  double all = 0;
  for (int k = 0; k < TW_OP_KINDS; k++) all += share[k] = tw_machine_least(m, r->single, c->flops[k], c->bytes[k]);
  for (int k = 0; k < TW_OP_KINDS && all > 0; k++) share[k] /= all;
}

/* ------------------------------------------------------------------ by kind */

static void add(sum *to, const sum *s, double share) {
  to->calls += s->calls;
  to->seconds += share * s->seconds, to->least += share * s->least;
  to->flops += s->flops, to->bytes += s->bytes, to->compute += s->compute, to->memory += s->memory;
}

static sum *kind_of(sum *kinds, int *count, const char *kind, bool single) {
  int at = 0;
  while (at < *count && (strcmp(kinds[at].kind, kind) != 0 || kinds[at].single != single)) at++;
  if (at == *count) kinds[(*count)++] = (sum){.kind = kind, .single = single};
  return &kinds[at];
}

static void add_row(sum *kinds, int *count, const tw_profile_row *r, const tw_kind_costs *c, const tw_machine *m) {
  const sum whole = of_row(r, m);
  double share[TW_OP_KINDS];
  if (strcmp(r->kind, "fused") != 0) {
    add(kind_of(kinds, count, r->kind, r->single), &whole, 1);
    return;
  }
  share_out(r, c, m, share);
  for (int k = 0; k < TW_OP_KINDS; k++) {
    if (share[k] == 0) continue;
    sum part = whole;
    part.flops = (double)r->calls * c->flops[k], part.bytes = (double)r->calls * c->bytes[k];
    part.compute = part.flops / peak(m, r->single), part.memory = part.bytes / tw_machine_rate(m, c->bytes[k]);
    add(kind_of(kinds, count, tw_op_kind_name((tw_op_kind)k), r->single), &part, share[k]);
  }
}

/* ------------------------------------------------------------------ tables */

static void put_heading(tw_text *out, const char *last) {
  tw_text_printf(out, "      calls         ms  share  Gflop/s     GB/s   roof  bound     %s\n", last);
}

static void put_sum(const sum *s, double share, tw_text *out) {
  const double seconds = fmax(s->seconds, 1e-12);
  tw_text_printf(out, "  %9lld %10.3f %5.1f%% %8.2f %8.2f %5.0f%%  %-8s  ", (long long)s->calls, 1e3 * s->seconds, 100 * share,
                 1e-9 * s->flops / seconds, 1e-9 * s->bytes / seconds, 100 * s->least / seconds,
                 tw_roof_bound(s->least, s->compute, s->memory, s->seconds));
}

/* Of fused passes the kinds with their shares. */
static void put_row(const tw_profile_row *r, const tw_kind_costs *c, const tw_machine *m, double total, tw_text *out) {
  const sum s = of_row(r, m);
  double share[TW_OP_KINDS];
  put_sum(&s, r->depth == 0 && total > 0 ? r->seconds / total : 0, out);
  tw_text_printf(out, "%*s%s%s", 2 * r->depth, "", r->name, r->single ? " f32" : "");
  if (strcmp(r->kind, "fused") == 0) {
    const char *before = "  (";
    share_out(r, c, m, share);
    for (int k = 0; k < TW_OP_KINDS; k++)
      if (share[k] > 0) tw_text_printf(out, "%s%s %.0f%%", before, tw_op_kind_name((tw_op_kind)k), 100 * share[k]), before = ", ";
    tw_text_puts(out, ")");
  }
  tw_text_puts(out, "\n");
}

static void put_machine(const tw_machine *m, tw_text *out) {
  tw_text_printf(out, "machine: %d threads, %.1f Gflop/s f64, %.1f Gflop/s f32, %.1f GB/s, %.1f GB/s in cache (measured)\n", m->threads,
                 1e-9 * m->flops, 1e-9 * m->flops_single, 1e-9 * m->rate[TW_MEMORY], 1e-9 * m->rate[TW_CACHE_2]);
}

/* Steps that threads take side by side may add up to more than the wall time. */
static void put_total(double total, double wall, tw_text *out) {
  tw_text_printf(out, "total: %.3f ms in steps", 1e3 * total);
  if (wall > 0)
    tw_text_printf(out, " of %.3f ms wall time; outside the graph (factorizations, method, making functions) %.3f ms; coverage %.1f%%",
                   1e3 * wall, 1e3 * fmax(wall - total, 0), 100 * total / wall);
  tw_text_puts(out, "\n");
}

static void put_tables(int n, const tw_profile_row *rows, const tw_kind_costs *costs, sum *kinds, const tw_machine *m, double wall,
                       tw_text *out) {
  double total = 0;
  int count = 0;
  for (int k = n; k-- > 0;) total += rows[k].depth == 0 ? rows[k].seconds : 0;
  put_heading(out, "step");
  for (int k = 0; k < n && k < SHOWN; k++) put_row(&rows[k], &costs[k], m, total, out);
  if (n > SHOWN) tw_text_printf(out, "  .. and %d more\n", n - SHOWN);
  for (int k = 0; k < n; k++)
    if (rows[k].depth == 0) add_row(kinds, &count, &rows[k], &costs[k], m);
  put_heading(out, "kind");
  for (int k = 0; k < count; k++) {
    put_sum(&kinds[k], total > 0 ? kinds[k].seconds / total : 0, out);
    tw_text_printf(out, "%s%s\n", kinds[k].kind, kinds[k].single ? " (f32)" : "");
  }
  put_total(total, wall, out);
}

void tw_profile_table(tw_profile *profile, const tw_machine *machine, double wall, tw_text *out) {
  if (!profile || !machine || !out) return;
  int n = tw_profile_rows(profile, 0, NULL);
  tw_profile_row *rows = calloc((size_t)n + 1, sizeof *rows);
  tw_kind_costs *costs = calloc((size_t)n + 1, sizeof *costs);
  sum *kinds = calloc(2 * TW_OP_KINDS, sizeof *kinds);
  put_machine(machine, out);
  if (rows && costs && kinds) {
    const int now = tw_profile_costs(profile, n, rows, costs);
    put_tables(now < n ? now : n, rows, costs, kinds, machine, wall, out);
  } else {
    out->failed = true;
  }
  free(rows);
  free(costs);
  free(kinds);
}

/* ------------------------------------------------------------------ roofs */

static bool exceeds(tw_profile *profile, const tw_machine *machine) {
  const int n = tw_profile_rows(profile, 0, NULL);
  tw_profile_row *rows = calloc((size_t)n + 1, sizeof *rows);
  bool any = false;
  const int found = rows ? tw_profile_rows(profile, n, rows) : 0;
  for (int k = 0; k < n && k < found; k++)
    any = any || (rows[k].seconds >= TRUSTED_SECONDS && of_row(&rows[k], machine).least > ABOVE * rows[k].seconds);
  free(rows);
  return any;
}

tw_status tw_profile_machine(tw_profile *profile, int threads, tw_machine *machine, tw_error *error) {
  TW_GIVEN(profile);
  const tw_status status = tw_machine_get(threads, machine, error);
  if (status != TW_OK || machine->rounds >= ROUNDS_MOST || !exceeds(profile, machine)) return status;
  return tw_machine_again(machine, error);
}
