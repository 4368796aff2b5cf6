/* One quadratic program from arrays on disk by one method: talweg_qp FOLDER METHOD. FOLDER holds p_*.npy and a_*.npy (start, row, value:
 * compressed columns, P's lower triangle), q, row_lower, row_upper, lower, upper, and q_again: rows of other q, each solved by
 * tw_solver_restart. Writes x.npy and y.npy of the first solve, x_again.npy and y_again.npy of the last, and prints a line of JSON. */
#include <talweg/talweg.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static tw_error error;
static const char *folder;

static void check(tw_status status) {
  if (status == TW_OK) return;
  fprintf(stderr, "talweg_qp: %s\n", error.message);
  exit(1);
}

static tw_array read_array(const char *name) {
  char path[4096];
  tw_array a;
  snprintf(path, sizeof path, "%s/%s.npy", folder, name);
  check(tw_npy_read(path, &a, &error));
  return a;
}

static void write_vector(const char *name, double *v, int64_t n) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.npy", folder, name);
  const tw_array a = tw_array_f64(v, TW_SHAPE(n));
  check(tw_npy_write(path, &a, &error));
}

static double *numbers(const char *name) {
  return read_array(name).data;
}

static tw_csc read_matrix(const char *name, int64_t rows, int64_t cols) {
  char part[64];
  snprintf(part, sizeof part, "%s_start", name);
  int64_t *start = read_array(part).data;
  snprintf(part, sizeof part, "%s_row", name);
  int64_t *row = read_array(part).data;
  snprintf(part, sizeof part, "%s_value", name);
  return (tw_csc){rows, cols, start, row, numbers(part)};
}

/* Of this process, all threads: the machine may have other work. */
static double cpu_seconds(void) {
  return (double)clock() / CLOCKS_PER_SEC;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* To the end; the CPU seconds since `started`. */
static double run_on(tw_solver *solver, double started, tw_result *r) {
  while (tw_solver_step(solver) == TW_RUNNING) {}
  const double seconds = cpu_seconds() - started;
  check(tw_solver_result(solver, r, &error));
  return seconds;
}

int main(int argc, char **argv) {
  enum { AGAIN_MOST = 16, LIMIT = 100 };
  if (argc < 3) return 2;
  folder = argv[1];
  const tw_array q_again = read_array("q_again");
  const tw_array row_lower = read_array("row_lower"), q = read_array("q");
  const int64_t n = q.shape.dim[0], m = row_lower.shape.dim[0];
  const tw_csc p = read_matrix("p", n, n), a = read_matrix("a", m, n);
  const tw_quadratic program = {.p = p.start[n] > 0 ? &p : NULL, .q = q.data, .a = &a, .row_lower = row_lower.data,
                                .row_upper = numbers("row_upper"), .lower = numbers("lower"), .upper = numbers("upper"), .convex = true};
  tw_oracle oracle;
  tw_solver *solver;
  tw_result first, r;
  check(tw_oracle_quadratic(&oracle, &program, &error));
  const tw_solve_options options = {.method = argv[2], .time_limit = LIMIT, .exec = {.threads = 1}};
  const double started = cpu_seconds();
  check(tw_solver_new(&solver, &oracle, NULL, &options, &error));
  const double seconds = run_on(solver, started, &first);
  write_vector("x", first.x, n);
  if (m > 0) write_vector("y", first.dual, m);
  double again[AGAIN_MOST + 1] = {0};
  int64_t count = q_again.shape.dim[0] < AGAIN_MOST ? q_again.shape.dim[0] : AGAIN_MOST, iterations = 0;
  bool solved = first.outcome == TW_SOLVED;
  for (int64_t k = 0; k < count; k++) {
    memcpy(q.data, (double *)q_again.data + k * n, (size_t)n * sizeof(double));
    const double from = cpu_seconds();
    check(tw_solver_restart(solver, &error));
    again[k] = run_on(solver, from, &r);
    iterations += r.iterations;
    solved = solved && r.outcome == TW_SOLVED;
    if (k == count - 1) write_vector("x_again", r.x, n);
    if (k == count - 1 && m > 0) write_vector("y_again", r.dual, m);
    tw_result_free(&r);
  }
  qsort(again, (size_t)count, sizeof *again, by_value);
  printf(
      "{\"outcome\":\"%s\",\"solved\":%s,\"seconds\":%.6g,\"iterations\":%lld,\"objective\":%.12g,\"again\":%.6g,\"again_iterations\":%.3g,"
      "\"message\":\"%s\"}\n",
      tw_outcome_name(first.outcome), solved ? "true" : "false", seconds, (long long)first.iterations, first.f, again[count / 2],
      count > 0 ? (double)iterations / (double)count : 0, first.message);
  tw_solver_free(solver);
  tw_oracle_release(&oracle);
  return 0;
}
