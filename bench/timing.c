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

int bench_time(const char *name, const char *who, int threads, double seconds, int (*call)(void *context), void *context) {
  enum { ROUNDS = 21 };
  double spent[ROUNDS], start = tw_now();
  long calls = 0;
  do { /* also the warm-up */
    if (call(context)) return bench_fail(name);
    calls++;
  } while (tw_now() - start < seconds / ROUNDS);
  int rounds = 0;
  for (start = tw_now(); rounds < ROUNDS && (rounds < 3 || tw_now() - start < 2 * seconds); rounds++) {
    const double from = tw_now();
    for (long k = 0; k < calls; k++)
      if (call(context)) return bench_fail(name);
    spent[rounds] = (tw_now() - from) / (double)calls;
  }
  qsort(spent, (size_t)rounds, sizeof *spent, by_value);
  printf("{\"case\":\"%s\",\"who\":\"%s\",\"threads\":%d,\"median\":%.5g,\"least\":%.5g}\n", name, who, threads, spent[rounds / 2],
         spent[0]);
  fflush(stdout);
  return 0;
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
