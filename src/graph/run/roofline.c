/* The roof over a profile (Williams, Waterman, Patterson 2009): a step of intensity I flop/byte attains at most
 * min(P, I B) flop/s, P and B being what this machine was measured to do. */
#include "graph/run/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ tables */

static void put_row(const tw_profile_row *r, const tw_machine *m, double total, tw_text *out) {
  const double peak = r->single ? m->flops_single : m->flops;
  const double by_flops = r->flops / peak, by_bytes = (r->bytes - r->cached) / m->rate[TW_MEMORY] + r->cached / m->rate[TW_CACHE_2],
               least = fmax(by_flops, by_bytes);
  const char *bound = r->seconds > 5 * least ? "overhead" : by_flops > by_bytes ? "compute" : "memory";
  tw_text_printf(out, "  %9lld %10.3f %5.1f%% %8.2f %8.2f %5.0f%%  %-8s  %*s%s\n", (long long)r->calls, 1e3 * r->seconds,
                 r->depth == 0 && total > 0 ? 100 * r->seconds / total : 0, 1e-9 * r->flops / fmax(r->seconds, 1e-12),
                 1e-9 * r->bytes / fmax(r->seconds, 1e-12), 100 * least / fmax(r->seconds, 1e-12), bound, 2 * r->depth, "", r->name);
}

static void put_heading(tw_text *out, const char *last) {
  tw_text_printf(out, "      calls         ms  share  Gflop/s     GB/s   roof  bound     %s\n", last);
}

/* Rows of depth 0 added up by kind. */
static int by_kind(const tw_profile_row *rows, int n, tw_profile_row *kinds) {
  int count = 0;
  for (int k = 0; k < n; k++) {
    int at = 0;
    if (rows[k].depth > 0) continue;
    while (at < count && (strcmp(kinds[at].kind, rows[k].kind) != 0 || kinds[at].single != rows[k].single)) at++;
    if (at == count) {
      kinds[count] = (tw_profile_row){.single = rows[k].single};
      snprintf(kinds[count].kind, sizeof kinds[count].kind, "%s", rows[k].kind);
      snprintf(kinds[count].name, sizeof kinds[count].name, "%s%s", rows[k].kind, rows[k].single ? " (f32)" : "");
      count++;
    }
    kinds[at].calls += rows[k].calls;
    kinds[at].seconds += rows[k].seconds;
    kinds[at].flops += rows[k].flops;
    kinds[at].bytes += rows[k].bytes;
    kinds[at].cached += rows[k].cached;
  }
  return count;
}

void tw_profile_table(const tw_profile *profile, const tw_machine *machine, tw_text *out) {
  if (!profile || !machine || !out) return;
  enum { SHOWN = 40 };
  const int n = tw_profile_rows(profile, 0, NULL);
  tw_profile_row *rows = calloc((size_t)n + 1, sizeof *rows), *kinds = calloc((size_t)n + 1, sizeof *kinds);
  double total = 0;
  if (!rows || !kinds) out->failed = true;
  for (int k = rows && kinds ? tw_profile_rows(profile, n, rows) : 0; k-- > 0;) total += rows[k].depth == 0 ? rows[k].seconds : 0;
  tw_text_printf(out, "machine: %d threads, %.1f Gflop/s f64, %.1f Gflop/s f32, %.1f GB/s, %.1f GB/s in cache (measured)\n",
                 machine->threads, 1e-9 * machine->flops, 1e-9 * machine->flops_single, 1e-9 * machine->rate[TW_MEMORY],
                 1e-9 * machine->rate[TW_CACHE_2]);
  put_heading(out, "step");
  for (int k = 0; rows && kinds && k < n && k < SHOWN; k++) put_row(&rows[k], machine, total, out);
  if (n > SHOWN) tw_text_printf(out, "  .. and %d more\n", n - SHOWN);
  put_heading(out, "kind");
  const int count = rows && kinds ? by_kind(rows, n, kinds) : 0;
  for (int k = 0; k < count; k++) put_row(&kinds[k], machine, total, out);
  free(rows);
  free(kinds);
}
