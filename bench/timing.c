/* Timing and output of the benches. */
#include "bench.h"

tw_error bench_error;

int bench_fail(const char *what) {
  fprintf(stderr, "bench: %s: %s\n", what, bench_error.message);
  return 1;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

enum { ROUNDS = 21 };

/* How often a round calls; the calls also warm up. 0: a call failed. */
static long calls_of_round(const bench_timed *t, double seconds) {
  const double start = tw_now();
  long calls = 0;
  do {
    if (t->call(t->context)) return 0;
    calls++;
  } while (tw_now() - start < seconds / ROUNDS);
  return calls;
}

int bench_together(int n, const bench_timed *timed, double seconds) {
  double spent[BENCH_TOGETHER][ROUNDS], start;
  long calls[BENCH_TOGETHER];
  int rounds = 0;
  for (int i = 0; i < n; i++)
    if ((calls[i] = calls_of_round(&timed[i], seconds)) == 0) return bench_fail(timed[i].name);
  for (start = tw_now(); rounds < ROUNDS && (rounds < 3 || tw_now() - start < 2 * n * seconds); rounds++)
    for (int i = 0; i < n; i++) {
      const double from = tw_now();
      for (long k = 0; k < calls[i]; k++)
        if (timed[i].call(timed[i].context)) return bench_fail(timed[i].name);
      spent[i][rounds] = (tw_now() - from) / (double)calls[i];
    }
  for (int i = 0; i < n; i++) {
    qsort(spent[i], (size_t)rounds, sizeof *spent[i], by_value);
    printf("{\"case\":\"%s\",\"who\":\"%s\",\"threads\":%d,\"median\":%.5g,\"least\":%.5g}\n", timed[i].name, timed[i].who,
           timed[i].threads, spent[i][rounds / 2], spent[i][0]);
  }
  fflush(stdout);
  return 0;
}

int bench_time(const char *name, const char *who, int threads, double seconds, int (*call)(void *context), void *context) {
  return bench_together(1, &(bench_timed){name, who, threads, call, context}, seconds);
}

void bench_number(const char *name, const char *what, double value) {
  printf("{\"case\":\"%s\",\"number\":\"%s\",\"value\":%.6g}\n", name, what, value);
  fflush(stdout);
}

int bench_fn_open(bench_fn *f, int n, const tw_expr *in, int m, const tw_expr *out, tw_exec exec) {
  if (tw_fn_new(&f->fn, n, in, m, out, NULL, &bench_error) != TW_OK || tw_work_new(&f->work, f->fn, &bench_error) != TW_OK) return 1;
  tw_work_exec(f->work, &exec);
  return 0;
}

int bench_fn_call(void *f_) {
  bench_fn *f = f_;
  return tw_fn_call(f->fn, f->work, f->in, f->out, 0, &bench_error) != TW_OK;
}

void bench_fn_close(bench_fn *f) {
  tw_work_free(f->work);
  tw_fn_free(f->fn);
}
