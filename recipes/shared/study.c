/* Models with another inner method, their solutions and reports. */
#include "study.h"
#include "figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The text with `method` in place of what follows the first indented "solve with". */
static tw_status with_method(const char *path, const char *data, size_t length, const char *method, tw_text *out, tw_error *error) {
  static const char key[] = "\n  solve with ";
  const char *at = strstr(data, key);
  if (!at) return tw_fail(error, TW_ERR_ARGUMENT, "%s: expected a nested problem with `solve with`", path);
  at += sizeof key - 1;
  const char *rest = strchr(at, '\n');
  tw_text_append(out, data, (size_t)(at - data));
  tw_text_puts(out, method);
  if (rest) tw_text_append(out, rest, length - (size_t)(rest - data));
  return out->failed ? tw_fail(error, TW_ERR_MEMORY, "out of memory for %s", path) : TW_OK;
}

static tw_status read_model(study *s, const study_options *o, tw_error *error) {
  char *data = NULL, folder[512];
  size_t length = 0;
  tw_text text = {0};
  const char *slash = strrchr(o->path, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - o->path) : 1, slash ? o->path : ".");
  const tw_model_options options = {.folder = folder, .n_overrides = o->n, .overrides = o->set};
  if (!o->nested) return tw_model_read(&s->model, o->path, &options, error);
  tw_status status = tw_file_read(o->path, 1 << 20, &data, &length, error);
  if (status == TW_OK) status = with_method(o->path, data, length, o->nested, &text, error);
  if (status == TW_OK) status = tw_model_parse(&s->model, text.data, text.length, o->path, &options, error);
  tw_text_free(&text);
  free(data);
  return status;
}

tw_status study_open(study *s, const study_options *o, tw_error *error) {
  tw_status status = read_model(s, o, error);
  if (status != TW_OK) return status;
  s->problem = tw_model_problem(s->model);
  status = tw_classify(s->problem, &s->cls, error);
  if (status == TW_OK) status = tw_oracle_from_problem(&s->oracle, s->problem, &s->cls, error);
  if (status != TW_OK) return tw_error_prefix(error, "%s", o->path);
  s->opened = true;
  const tw_exec exec = {.threads = 1};
  if (s->oracle.exec) s->oracle.exec(s->oracle.context, &exec);
  s->method = tw_model_method(s->model);
  if (!s->method) s->method = tw_method_choose(s->problem, &s->cls, NULL, 0);
  return TW_OK;
}

static void forget(study *s) {
  if (s->solved) tw_solution_free(&s->solution);
  s->solved = false;
  tw_history_free(&s->history);
  s->history = (tw_history){0};
}

static bool remember(void *context, const tw_progress *progress) {
  study *s = context;
  tw_history_add(&s->history, progress, false);
  return true;
}

tw_status study_solve(study *s, const tw_solve_options *options, tw_error *error) {
  tw_solve_options o = options ? *options : (tw_solve_options){0};
  tw_result result = {0};
  const tw_exec exec = {.threads = 1};
  forget(s);
  if (!o.method) o.method = s->method;
  o.exec.threads = 1;
  if (!o.callback) o.callback = remember, o.callback_context = s;
  tw_status status = tw_minimize(&s->oracle, NULL, &o, &result, error);
  if (status == TW_OK) status = tw_solution_new(&s->solution, s->problem, &s->cls, &result, &exec, error);
  s->solved = status == TW_OK;
  return status;
}

tw_status study_at(study *s, const double *x, tw_error *error) {
  const int64_t n = s->oracle.n;
  const tw_exec exec = {.threads = 1};
  tw_result result = {.outcome = TW_RUNNING, .method = "none", .n = n, .x = tw_alloc((size_t)n, sizeof *x)};
  forget(s);
  if (!result.x) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld unknowns", (long long)n);
  memcpy(result.x, x, (size_t)n * sizeof *x);
  const tw_status status = tw_solution_new(&s->solution, s->problem, &s->cls, &result, &exec, error);
  s->solved = status == TW_OK;
  return status;
}

tw_status study_gradient(study *s, const double *x, double *f, double *g, tw_error *error) {
  if (!(s->oracle.offers & TW_GRADIENT)) return tw_fail(error, TW_ERR_UNSUPPORTED, "the model has no gradient");
  return s->oracle.gradient(s->oracle.context, x, f, g, error);
}

tw_status study_check(study *s, const double *x, uint64_t key, double h, double *error_of, tw_error *error) {
  const int64_t n = s->oracle.n;
  double *d = tw_alloc((size_t)(3 * n), sizeof *d), *g = d + n, *at = g + n, f[2] = {0}, length = 0, slope = 0;
  if (!d) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld unknowns", (long long)n);
  tw_random_normal_fill(key, 0, (size_t)n, d);
  for (int64_t i = 0; i < n; i++) length += d[i] * d[i];
  tw_status status = study_gradient(s, x, f, g, error);
  for (int64_t i = 0; i < n; i++) d[i] /= sqrt(length), slope += g[i] * d[i];
  for (int side = 0; side < 2 && status == TW_OK; side++) {
    for (int64_t i = 0; i < n; i++) at[i] = x[i] + (side ? -h : h) * d[i];
    status = s->oracle.value(s->oracle.context, at, &f[side], error);
  }
  *error_of = fabs(slope - (f[0] - f[1]) / (2 * h)) / fmax(fabs(slope), 1e-300);
  free(d);
  return status;
}

const tw_array *study_array(const study *s, const char *name) {
  if (!s->solved) return NULL;
  for (int i = 0; i < tw_problem_reports(s->problem); i++)
    if (strcmp(tw_problem_report_name(s->problem, i), name) == 0) return &s->solution.reports[i];
  for (int i = 0; i < tw_problem_variables(s->problem); i++)
    if (strcmp(tw_problem_variable_at(s->problem, i)->name, name) == 0) return &s->solution.variables[i];
  return NULL;
}

double study_report(const study *s, const char *name) {
  const tw_array *array = study_array(s, name);
  return array ? tw_array_get(array, (int64_t[TW_MAX_RANK]){0}) : NAN;
}

tw_status study_measure(const study_options *options, double spread, study_cost *cost, tw_error *error) {
  study s = {0};
  peak at;
  double f, *x = NULL;
  *cost = (study_cost){NAN, NAN, 0};
  peak_begin(&at);
  tw_status status = study_open(&s, options, error);
  const int64_t n = status == TW_OK ? s.oracle.n : 0;
  if (status == TW_OK && !(x = tw_alloc(2 * (size_t)n, sizeof *x)))
    status = tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld unknowns", (long long)n);
  if (status == TW_OK) status = s.oracle.start(s.oracle.context, x, error);
  for (int64_t i = 0; i < n && status == TW_OK; i++) x[i] += spread * tw_random_normal(7, (uint64_t)i);
  double began = tw_now();
  if (status == TW_OK) status = study_gradient(&s, x, &f, x + n, error);
  if (spread > 0) {
    for (int64_t i = 0; i < n && status == TW_OK; i++) x[i] += spread * tw_random_normal(8, (uint64_t)i);
    began = tw_now();
    if (status == TW_OK) status = study_gradient(&s, x, &f, x + n, error);
  }
  cost->seconds = tw_now() - began;
  cost->bytes = peak_end(&at);
  for (int64_t i = 0; i < n && status == TW_OK; i++) cost->slope += x[n + i] * tw_random_normal(9, (uint64_t)i);
  free(x);
  study_close(&s);
  return status;
}

void study_close(study *s) {
  forget(s);
  if (s->opened) tw_oracle_release(&s->oracle);
  tw_model_free(s->model);
  *s = (study){0};
}
