/* What the benches share: timing, and one JSON line per measurement for bench/run. */
#ifndef TALWEG_BENCH_H
#define TALWEG_BENCH_H

#include <talweg/talweg.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern tw_error bench_error;

/* Prints why; the result of a case that failed. */
int bench_fail(const char *what);
typedef struct bench_timed {
  const char *name, *who;
  int threads;
  int (*call)(void *context);
  void *context;
} bench_timed;
/* Calls until `seconds` for each of n <= BENCH_TOGETHER have gone into rounds of equal length, which take turns, so that a slow spell of
 * the machine meets all; prints a line for each: seconds per call, median and least. */
enum { BENCH_TOGETHER = 2 };
int bench_together(int n, const bench_timed *timed, double seconds);
int bench_time(const char *name, const char *who, int threads, double seconds, int (*call)(void *context), void *context);
/* A number that is not a time: bytes, ratios. */
void bench_number(const char *name, const char *what, double value);

int bench_ridge(const char *diabetes);
int bench_small(void);
int bench_rosenbrock(void);
int bench_chain(void);
int bench_mlp(void);
int bench_luksan(void);
int bench_functions(void);
int bench_projections(void);
int bench_sensitivity(void);

/* A compiled function with what a call needs. */
typedef struct bench_fn {
  tw_fn *fn;
  tw_work *work;
  const void *in[16];
  void *out[16];
} bench_fn;
int bench_fn_open(bench_fn *f, int n, const tw_expr *in, int m, const tw_expr *out, tw_exec exec);
int bench_fn_call(void *f);
void bench_fn_close(bench_fn *f);

#endif
