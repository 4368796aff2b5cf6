/* The roof over a profile (Williams, Waterman, Patterson 2009): a step of intensity I flop/byte attains at most
 * min(P, I B) flop/s, P and B being what this machine was measured to do. */
#include "graph/run/profile.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PRODUCT = 768, TRIAD = 4 << 20, ROUNDS = 3, CACHED = 4096, REPEAT = 200 };

/* ------------------------------------------------------------------ the machine */

typedef struct probe {
  double *a, *b, *c;
  bool single;
  int threads;
} probe;

/* Each thread its own product: the roof of work that is shared out well. */
static void product(void *context, int64_t tile, int worker) {
  const probe *p = context;
  const int n = PRODUCT / 2;
  const size_t at = (size_t)tile * (size_t)(n * n);
  (void)worker;
  if (p->single)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, (const float *)(const void *)p->a, n, (const float *)(const void *)p->b,
                n, 0, (float *)(void *)p->c + at, n);
  else
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, p->a, n, p->b, n, 0, p->c + at, n);
}

/* Each thread its own 96 KiB, many times over. */
static void cached_triad(void *context, int64_t tile, int worker) {
  const probe *p = context;
  double *a = p->a + tile * CACHED, *b = p->b + tile * CACHED, *c = p->c + tile * CACHED;
  (void)worker;
  for (int r = 0; r < REPEAT; r++)
    for (int64_t i = 0; i < CACHED; i++) a[i] = b[i] + (double)r * c[i];
}

static void triad(void *context, int64_t tile, int worker) {
  const probe *p = context;
  const int64_t n = TRIAD / p->threads, low = tile * n;
  (void)worker;
  for (int64_t i = low; i < low + n; i++) p->a[i] = p->b[i] + 3 * p->c[i];
}

static double best_of(tw_task *task, probe *p, int64_t tiles) {
  double best = INFINITY;
  for (int r = 0; r <= ROUNDS; r++) { /* the first warms up */
    const double start = tw_now();
    tw_parallel(p->threads, tiles, task, p);
    const double seconds = tw_now() - start;
    if (r > 0 && seconds < best) best = seconds;
  }
  return best;
}

tw_status tw_machine_measure(int threads, tw_machine *machine, tw_error *error) {
  probe p = {.threads = threads > 0 ? threads : tw_cores()};
  if (p.threads > 16) p.threads = 16;
  p.a = tw_alloc(TRIAD, sizeof *p.a);
  p.b = tw_alloc(TRIAD, sizeof *p.b);
  p.c = tw_alloc(TRIAD, sizeof *p.c);
  const bool ok = p.a && p.b && p.c;
  *machine = (tw_machine){.threads = p.threads};
  if (ok) {
    const double n = PRODUCT / 2, work = 2 * n * n * n * p.threads;
    for (size_t i = 0; i < TRIAD; i++) p.b[i] = p.c[i] = 1;
    machine->bytes = 3.0 * (TRIAD / p.threads * p.threads) * sizeof(double) / best_of(triad, &p, p.threads);
    machine->bytes_cached = 3.0 * CACHED * REPEAT * sizeof(double) * p.threads / best_of(cached_triad, &p, p.threads);
    machine->flops = work / best_of(product, &p, p.threads);
    p.single = true;
    machine->flops_single = work / best_of(product, &p, p.threads);
  }
  free(p.a);
  free(p.b);
  free(p.c);
  return ok ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory measuring the machine");
}

/* ------------------------------------------------------------------ tables */

static void put_row(const tw_profile_row *r, const tw_machine *m, double total, tw_text *out) {
  const double peak = r->single ? m->flops_single : m->flops;
  const double by_flops = r->flops / peak, by_bytes = (r->bytes - r->cached) / m->bytes + r->cached / m->bytes_cached, least = fmax(by_flops, by_bytes);
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
  enum { SHOWN = 40 };
  const int n = tw_profile_rows(profile, 0, NULL);
  tw_profile_row *rows = calloc((size_t)n + 1, sizeof *rows), *kinds = calloc((size_t)n + 1, sizeof *kinds);
  double total = 0;
  if (!rows || !kinds) out->failed = true;
  for (int k = rows && kinds ? tw_profile_rows(profile, n, rows) : 0; k-- > 0;) total += rows[k].depth == 0 ? rows[k].seconds : 0;
  tw_text_printf(out, "machine: %d threads, %.1f Gflop/s f64, %.1f Gflop/s f32, %.1f GB/s, %.1f GB/s in cache (measured)\n", machine->threads, 1e-9 * machine->flops,
                 1e-9 * machine->flops_single, 1e-9 * machine->bytes, 1e-9 * machine->bytes_cached);
  put_heading(out, "step");
  for (int k = 0; rows && kinds && k < n && k < SHOWN; k++) put_row(&rows[k], machine, total, out);
  if (n > SHOWN) tw_text_printf(out, "  .. and %d more\n", n - SHOWN);
  put_heading(out, "kind");
  const int count = rows && kinds ? by_kind(rows, n, kinds) : 0;
  for (int k = 0; k < count; k++) put_row(&kinds[k], machine, total, out);
  free(rows);
  free(kinds);
}
