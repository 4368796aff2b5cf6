/* Roofs of this machine, measured. A product or a sweep over arrays is repeated and its best time counts. */
#include "base/given.h"
#include "graph/ops/loops.h"
#include "graph/ops/reduce.h"

#include "graph/run/profile.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PRODUCT = 1024, ROUNDS = 5, MOST_THREADS = 16 };
#define LEAST_SECONDS 2e-3 /* of a round */

typedef struct probe {
  double *a, *b, *c; /* c, with a stretch for every thread */
  int64_t stride;    /* between the stretches of threads */
  int64_t n;         /* order of the product; elements of an array of a thread */
  int64_t repeat;
  bool single;
  tw_loop *add;
  tw_fold_loop *sum;
} probe;

static void product(void *context, int64_t thread, int worker) {
  const probe *p = context;
  const int n = (int)p->n;
  double *c = p->c + thread * p->stride;
  (void)worker;
  for (int64_t r = 0; r < p->repeat; r++)
    if (p->single)
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, (const float *)(const void *)p->a, n,
                  (const float *)(const void *)p->b, n, 0, (float *)(void *)c, n);
    else
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, p->a, n, p->b, n, 0, c, n);
}

static void sum_of_two(void *context, int64_t thread, int worker) {
  const probe *p = context;
  const int64_t at = thread * p->stride, row[2] = {0, 0}, step[2] = {1, 1};
  (void)worker;
  for (int64_t r = 0; r < p->repeat; r++) p->add(1, p->n, (const void *[]){p->a + at, p->b + at}, row, step, p->c + at);
}

static void copy(void *context, int64_t thread, int worker) {
  const probe *p = context;
  const int64_t at = thread * p->stride;
  (void)worker;
  for (int64_t r = 0; r < p->repeat; r++) memcpy(p->c + at, (r & 1 ? p->a : p->b) + at, (size_t)p->n * sizeof *p->c);
}

/* One array of three times the length. */
static void sum_over(void *context, int64_t thread, int worker) {
  const probe *p = context;
  (void)worker;
  for (int64_t r = 0; r < p->repeat; r++) {
    p->sum(p->a + thread * p->stride, p->n, 1, 1, p->c + thread * p->stride);
    p->sum(p->b + thread * p->stride, p->n, 1, 1, p->c + thread * p->stride);
  }
}

/* The best time of one repetition. */
static double best_of(tw_task *task, probe *p, int threads) {
  double best = INFINITY;
  p->repeat = 1;
  for (int r = 0; r < ROUNDS;) {
    const double start = tw_now();
    tw_parallel(threads, threads, task, p);
    const double seconds = tw_now() - start;
    if (seconds < LEAST_SECONDS && p->repeat < 1 << 24) {
      p->repeat *= seconds < LEAST_SECONDS / 8 ? 8 : 2;
      continue;
    }
    if (seconds / (double)p->repeat < best) best = seconds / (double)p->repeat;
    r++;
  }
  return best;
}

/* Bytes per second when each thread's arrays have `bytes` in all; *triad: those of the sum of two. */
static double best_rate(probe *p, int threads, double bytes, double *triad) {
  const double each = 8.0 * threads;
  p->n = (int64_t)(bytes / 24) / 64 * 64;
  if (p->n < 64) p->n = 64;
  const double three = 3 * each * (double)p->n / best_of(sum_of_two, p, threads);
  const double two = 2 * each * (double)p->n / best_of(copy, p, threads);
  const double one = 2 * each * (double)p->n / best_of(sum_over, p, threads);
  *triad = three;
  return fmax(three, fmax(two, one));
}

static double best_flops(probe *p, int threads, bool single) {
  double best = 0;
  p->single = single;
  for (p->n = PRODUCT / 2; p->n <= PRODUCT; p->n *= 2) {
    const double n = (double)p->n;
    best = fmax(best, 2 * n * n * n * threads / best_of(product, p, threads));
  }
  return best;
}

static double cache_bytes(int name, double otherwise) {
  const long bytes = sysconf(name);
  return bytes > 0 ? (double)bytes : otherwise;
}

static int clip_threads(int threads) {
  if (threads <= 0) threads = tw_cores();
  return threads < MOST_THREADS ? threads : MOST_THREADS;
}

tw_status tw_machine_measure(int threads, tw_machine *m, tw_error *error) {
  TW_GIVEN(m);
  threads = clip_threads(threads);
  *m = (tw_machine){.threads = threads, .rounds = 1};
  m->size[TW_CACHE_1] = threads * cache_bytes(_SC_LEVEL1_DCACHE_SIZE, 32768);
  m->size[TW_CACHE_2] = threads * cache_bytes(_SC_LEVEL2_CACHE_SIZE, 524288);
  m->size[TW_CACHE_3] = fmax(cache_bytes(_SC_LEVEL3_CACHE_SIZE, 8388608), 2 * m->size[TW_CACHE_2]);
  m->size[TW_MEMORY] = INFINITY;
  const double memory = fmin(4 * m->size[TW_CACHE_3], 1e9) / threads;
  probe p = {
      .stride = (int64_t)(memory / 24) / 64 * 64 + 64, .add = tw_loop_get(TW_LOOP_add, TW_F64), .sum = tw_fold_get(TW_FOLD_SUM, TW_F64)};
  if (p.stride < PRODUCT * PRODUCT) p.stride = PRODUCT * PRODUCT;
  const size_t all = (size_t)(p.stride * threads);
  p.a = tw_alloc(all, sizeof *p.a);
  p.b = tw_alloc(all, sizeof *p.b);
  p.c = tw_alloc(all, sizeof *p.c);
  const bool ok = p.a && p.b && p.c;
  if (ok) {
    for (size_t i = 0; i < all; i++) p.a[i] = p.b[i] = 1, p.c[i] = 0;
    for (int level = TW_CACHE_1; level < TW_MEMORY; level++) /* half of it, so that all three arrays stay */
      m->rate[level] = best_rate(&p, threads, m->size[level] / threads / 2, &m->triad);
    m->rate[TW_CACHE_3] =
        fmax(m->rate[TW_CACHE_3], best_rate(&p, threads, 4 * m->size[TW_CACHE_2] / threads, &m->triad)); /* others use it, too */
    m->rate[TW_MEMORY] = best_rate(&p, threads, memory, &m->triad);
    m->flops = best_flops(&p, threads, false);
    for (size_t i = 0; i < all; i++) p.c[i] = 0;
    m->flops_single = best_flops(&p, threads, true);
    for (int level = TW_MEMORY; level-- > 0;) m->rate[level] = fmax(m->rate[level], m->rate[level + 1]);
  }
  free(p.a);
  free(p.b);
  free(p.c);
  return ok ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory measuring the machine");
}

/* ------------------------------------------------------------------ kept */

enum { NUMBERS = 4 + 2 * TW_MEMORY_LEVELS };
static const double SECONDS_KEPT = 30 * 86400.0;

static void numbers_of(tw_machine *m, double *number[NUMBERS]) {
  int n = 0;
  number[n++] = &m->flops;
  number[n++] = &m->flops_single;
  number[n++] = &m->triad;
  number[n++] = &m->rounds;
  for (int level = 0; level < TW_MEMORY_LEVELS; level++) number[n++] = &m->size[level], number[n++] = &m->rate[level];
}

static bool read_machine(const char *path, const char *heading, tw_machine *m) {
  char *text = NULL;
  size_t length;
  double *number[NUMBERS];
  numbers_of(m, number);
  bool ok = tw_file_read(path, 4096, &text, &length, NULL) == TW_OK && strncmp(text, heading, strlen(heading)) == 0;
  const char *at = ok ? text + strlen(heading) : NULL, *end = ok ? text + length : NULL;
  for (int i = 0; ok && i < NUMBERS; i++) {
    at = tw_parse_number(at, end, true, number[i]);
    ok = at && *at++ == '\n' && *number[i] > 0;
  }
  free(text);
  return ok;
}

/* What cannot be kept is measured again: no error. */
static void write_machine(const char *path, const char *heading, tw_machine *m) {
  tw_file *file;
  tw_text text = {0};
  double *number[NUMBERS];
  numbers_of(m, number);
  tw_text_puts(&text, heading);
  for (int i = 0; i < NUMBERS; i++) tw_text_number(&text, *number[i]), tw_text_puts(&text, "\n");
  if (!text.failed && tw_file_create(&file, path, NULL) == TW_OK) {
    fwrite(text.data, 1, text.length, tw_file_stream(file));
    tw_file_commit(file, NULL);
  }
  tw_text_free(&text);
}

typedef struct keeping {
  char heading[256], path[4096];
  bool kept; /* there is a folder */
} keeping;

static keeping keeping_of(int threads) {
  keeping k;
  char folder[3072], name[128];
  tw_cpu_name(name, sizeof name);
  snprintf(k.heading, sizeof k.heading, "roofs 3: %s, %d of %d cores\n", name, threads, tw_cores());
  k.kept = tw_cache_folder(folder, sizeof folder, NULL) == TW_OK;
  snprintf(k.path, sizeof k.path, "%s/roofs-%016llx", k.kept ? folder : "", (unsigned long long)tw_hash(k.heading, strlen(k.heading), 0));
  return k;
}

/* Clocks may have been set back: what is from the future is old, too. */
static bool is_fresh(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && fabs(difftime(time(NULL), info.st_mtime)) <= SECONDS_KEPT;
}

tw_status tw_machine_get(int threads, tw_machine *machine, tw_error *error) {
  TW_GIVEN(machine);
  threads = clip_threads(threads);
  const keeping k = keeping_of(threads);
  *machine = (tw_machine){.threads = threads};
  if (k.kept && is_fresh(k.path) && read_machine(k.path, k.heading, machine)) return TW_OK;
  const tw_status status = tw_machine_measure(threads, machine, error);
  if (status == TW_OK && k.kept) write_machine(k.path, k.heading, machine);
  return status;
}

tw_status tw_machine_again(tw_machine *machine, tw_error *error) {
  TW_GIVEN(machine);
  tw_machine other;
  double *number[NUMBERS], *found[NUMBERS];
  const keeping k = keeping_of(machine->threads);
  const tw_status status = tw_machine_measure(machine->threads, &other, error);
  if (status != TW_OK) return status;
  other.rounds += machine->rounds;
  numbers_of(machine, number), numbers_of(&other, found);
  for (int i = 0; i < NUMBERS; i++) *number[i] = fmax(*number[i], *found[i]);
  if (k.kept) write_machine(k.path, k.heading, machine);
  return TW_OK;
}

/* ------------------------------------------------------------------ the roof */

double tw_machine_rate(const tw_machine *m, double bytes) {
  if (!m) return 0;
  int level = TW_CACHE_1;
  while (level < TW_MEMORY && bytes > 2 * m->size[level]) level++;
  return m->rate[level];
}

double tw_machine_least(const tw_machine *m, bool single, double flops, double bytes) {
  if (!m) return 0;
  return fmax(flops / (single ? m->flops_single : m->flops), bytes / tw_machine_rate(m, bytes));
}

const char *tw_roof_bound(double least, double compute, double memory, double seconds) {
  if (seconds > 5 * least) return "overhead";
  return compute > memory ? "compute" : "memory";
}

const char *tw_machine_bound(const tw_machine *m, bool single, double flops, double bytes, double seconds) {
  if (!m) return "";
  const double compute = flops / (single ? m->flops_single : m->flops), memory = bytes / tw_machine_rate(m, bytes);
  return tw_roof_bound(fmax(compute, memory), compute, memory, seconds);
}
