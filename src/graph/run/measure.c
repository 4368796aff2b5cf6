/* Timing the steps of a function: repeated calls, order statistics, the cost of looking at the clock taken off. */
#include "base/given.h"
#include "graph/run/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 2, RUNS = 10, MOST_RUNS = 100000, SHORT = 20, MOST_REPEATS = 4096 };

typedef struct measuring {
  const tw_fn *fn;
  tw_work *work;
  const void *const *inputs;
  void *const *outputs;
  int runs;
  double *sample; /* [runs][steps], then as many counts */
  double *wall, *plain, *coverage, *sorted; /* [runs] */
  double *seconds, *count;                  /* of a call */
  int *repeat;
  tw_error *error;
} measuring;

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The quantile q of n sorted values, between neighbours by proportion. */
static double quantile(const double *sorted, int n, double q) {
  const double at = q * (n - 1);
  const int i = (int)at;
  return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static double median(double *value, int n) {
  qsort(value, (size_t)n, sizeof *value, by_value);
  return quantile(value, n, 0.5);
}

/* Seconds that one look at the clock takes. */
static double probe_cost(void) {
  enum { LOOKS = 1000, TRIES = 9 };
  double tries[TRIES], last = 0;
  for (int k = 0; k < TRIES; k++) {
    const double start = tw_now();
    for (int i = 0; i < LOOKS; i++) last = tw_now();
    tries[k] = (last - start) / LOOKS;
  }
  return median(tries, TRIES);
}

static tw_status call(const measuring *m, const tw_timing *timing, double *wall) {
  tw_work_time(m->work, timing);
  const double start = tw_now();
  const tw_status status = tw_fn_call(m->fn, m->work, m->inputs, m->outputs, 0, m->error);
  *wall = tw_now() - start;
  tw_work_time(m->work, NULL);
  return status;
}

/* Timed calls in turn with others, so that both see the same machine. */
static tw_status whole_calls(measuring *m, double probe) {
  const tw_timing timing = {.seconds = m->seconds};
  tw_status status = TW_OK;
  for (int r = 0; r < m->runs && status == TW_OK; r++) {
    double *sample = m->sample + (size_t)r * (size_t)m->fn->n_steps, sum = 0;
    status = call(m, NULL, &m->plain[r]);
    if (status == TW_OK) status = call(m, &timing, &m->wall[r]);
    for (int s = 0; s < m->fn->n_steps; s++) sum += sample[s] = fmax(m->seconds[s] - probe, 0);
    m->coverage[r] = m->wall[r] > 0 ? sum / m->wall[r] : 1;
  }
  return status;
}

static void fill_times(measuring *m, tw_step_time *step, bool repeated) {
  for (int s = 0; s < m->fn->n_steps; s++) {
    if (repeated && m->repeat[s] == 1) continue;
    for (int r = 0; r < m->runs; r++) m->sorted[r] = m->sample[(size_t)r * (size_t)m->fn->n_steps + (size_t)s];
    step[s].median = median(m->sorted, m->runs);
    step[s].low = quantile(m->sorted, m->runs, 0.1);
    step[s].high = quantile(m->sorted, m->runs, 0.9);
    step[s].repeats = m->repeat[s];
  }
}

/* Short steps again, many times in a row; the others once, so that each finds its operands. */
static tw_status short_steps(measuring *m, double probe, tw_step_time *step) {
  const tw_timing timing = {.seconds = m->seconds, .repeat = m->repeat};
  bool any = false;
  tw_status status = TW_OK;
  for (int s = 0; s < m->fn->n_steps; s++) {
    if (step[s].median >= SHORT * probe || !tw_work_repeatable(m->work, s)) continue;
    const double times = ceil(SHORT * probe / fmax(step[s].median, probe / 10));
    m->repeat[s] = times < MOST_REPEATS ? (int)times + 1 : MOST_REPEATS;
    any = true;
  }
  for (int r = 0; any && r < m->runs && status == TW_OK; r++) {
    double wall, *sample = m->sample + (size_t)r * (size_t)m->fn->n_steps;
    status = call(m, &timing, &wall);
    for (int s = 0; s < m->fn->n_steps; s++) sample[s] = fmax(m->seconds[s] - probe / m->repeat[s], 0);
  }
  if (any && status == TW_OK) fill_times(m, step, true);
  return status;
}

static tw_status counted_calls(measuring *m, tw_step_time *step) {
  tw_counters *counters = tw_counters_open();
  if (!counters) return TW_OK;
  const tw_timing timing = {.seconds = m->seconds, .counters = counters, .count = m->count};
  const size_t counts = (size_t)m->fn->n_steps * TW_COUNTERS;
  tw_status status = TW_OK;
  for (int r = 0; r < m->runs && status == TW_OK; r++) {
    double wall;
    status = call(m, &timing, &wall);
    memcpy(m->sample + (size_t)r * counts, m->count, counts * sizeof *m->count);
  }
  for (size_t k = 0; k < counts && status == TW_OK; k++) {
    for (int r = 0; r < m->runs; r++) m->sorted[r] = m->sample[(size_t)r * counts + k];
    tw_step_time *of = &step[k / TW_COUNTERS];
    *(k % TW_COUNTERS == 0 ? &of->cycles : k % TW_COUNTERS == 1 ? &of->instructions : &of->misses) = median(m->sorted, m->runs);
  }
  tw_counters_close(counters);
  return status;
}

static bool open_measuring(measuring *m) {
  const size_t steps = (size_t)m->fn->n_steps + 1, runs = (size_t)m->runs;
  m->sample = tw_alloc(runs * steps, TW_COUNTERS * sizeof *m->sample);
  m->wall = tw_alloc(4 * runs, sizeof *m->wall);
  m->seconds = tw_alloc(steps, (1 + TW_COUNTERS) * sizeof *m->seconds);
  m->repeat = tw_alloc(steps, sizeof *m->repeat);
  if (!m->sample || !m->wall || !m->seconds || !m->repeat) return false;
  m->plain = m->wall + runs, m->coverage = m->plain + runs, m->sorted = m->coverage + runs;
  m->count = m->seconds + steps;
  for (size_t s = 0; s < steps; s++) m->repeat[s] = 1;
  return true;
}

tw_status tw_fn_measure(const tw_fn *fn, tw_work *work, const void *const *inputs, void *const *outputs,
                        const tw_measure_options *options, tw_step_time *step, tw_measurement *whole, tw_error *error) {
  TW_GIVEN(fn);
  TW_GIVEN(work);
  TW_GIVEN(step);
  TW_GIVEN(whole);
  measuring m = {.fn = fn, .work = work, .inputs = inputs, .outputs = outputs, .runs = options ? options->runs : 0, .error = error};
  int warm_up = options ? options->warm_up : 0;
  if (m.runs == 0) m.runs = RUNS;
  if (warm_up == 0) warm_up = WARM_UP;
  if (m.runs < 0 || m.runs > MOST_RUNS || warm_up < 0)
    return tw_fail(error, TW_ERR_ARGUMENT, "measure: %d runs after %d to warm up: expected at most %d, and none below 0", m.runs, warm_up,
                   MOST_RUNS);
  tw_status status = open_measuring(&m) ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for times of %d runs", m.runs);
  double wall;
  for (int s = 0; s < fn->n_steps; s++) step[s] = (tw_step_time){.cycles = NAN, .instructions = NAN, .misses = NAN};
  for (int r = 0; r < warm_up && status == TW_OK; r++) status = call(&m, NULL, &wall);
  *whole = (tw_measurement){.runs = m.runs, .probe = probe_cost()};
  if (status == TW_OK) status = whole_calls(&m, whole->probe);
  if (status == TW_OK) {
    fill_times(&m, step, false);
    whole->wall = median(m.wall, m.runs);
    whole->plain = median(m.plain, m.runs);
    whole->coverage = median(m.coverage, m.runs);
    status = short_steps(&m, whole->probe, step);
  }
  if (status == TW_OK && options && options->counters) status = counted_calls(&m, step);
  free(m.sample);
  free(m.wall);
  free(m.seconds);
  free(m.repeat);
  return status;
}
