/* talweg solve: reads a model, runs a method, tells about the solution. */
#include "front/command.h"
#include "front/inspect.h"
#include "front/model_file.h"
#include "front/progress.h"
#include "front/ranging.h"

#include "model/diagnose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct solve_fields {
  const char *model, *method, *sensitivity, *checkpoint, *resume, *trace, *plot, *profile, *jit;
  tw_words sets;
  double time_limit;
  int64_t max_iter, seed, threads;
  bool json, quiet, ranging;
} solve_fields;

/* Everything that lives while the command runs. */
typedef struct session {
  const solve_fields *f;
  const tw_console *console;
  tw_model *model;
  const tw_problem *p;
  tw_class cls;
  const char *method;
  tw_oracle oracle;
  tw_logger log;
  tw_jit jit;
  tw_profile *profile;
  tw_history history;
  tw_progress_line line;
  tw_words sensitivity; /* names, in `names` */
  char *names;
  double wall;   /* seconds of the run */
  bool doubtful; /* some sensitivity is not reliable */
  tw_error contradiction; /* limits of the model that cross; status TW_OK: none */
} session;

static bool maximizes(const session *s) { return tw_problem_goal(s->p) == TW_GOAL_MAXIMIZE; }

static bool has_objective(const session *s) { return maximizes(s) || tw_problem_goal(s->p) == TW_GOAL_MINIMIZE; }

/* ------------------------------------------------------------------ before the run */

static tw_status check_writable(const char *option, const char *path, tw_error *error) {
  tw_file *file = NULL;
  const tw_status status = tw_file_create(&file, path, error);
  if (status == TW_OK)
    tw_file_discard(file);
  else
    tw_error_prefix(error, "%s", option);
  return status;
}

/* Files that could not be written at the end are refused now. Nothing is left behind. */
static tw_status check_outputs(const solve_fields *f, tw_error *error) {
  tw_status status = f->plot != NULL ? tw_plot_check(f->plot, error) : TW_OK;
  if (status != TW_OK) tw_error_prefix(error, "--plot");
  if (status == TW_OK && f->trace != NULL) status = check_writable("--trace", f->trace, error);
  if (status == TW_OK && f->profile != NULL && strcmp(f->profile, "-") != 0) status = check_writable("--profile", f->profile, error);
  return status;
}

static tw_status check_parameter(const tw_problem *p, const char *name, tw_error *error) {
  char hint[96];
  tw_nearest nearest = tw_nearest_start(name);
  for (int i = 0; i < tw_problem_parameters(p); i++) {
    const char *known = tw_problem_parameter_at(p, i)->name;
    if (strcmp(known, name) == 0) return TW_OK;
    tw_nearest_offer(&nearest, known);
  }
  return tw_fail(error, TW_ERR_NAME,
                 "--sensitivity %s: expected a param of the model that no set, size or index depends on%s", name,
                 tw_nearest_text(&nearest, hint));
}

/* "a,b" into s->sensitivity. */
static tw_status read_sensitivity(session *s, tw_error *error) {
  if (s->f->sensitivity == NULL) return TW_OK;
  const size_t length = strlen(s->f->sensitivity);
  s->names = tw_alloc(length + 1, 1);
  s->sensitivity.word = tw_alloc(length + 1, sizeof *s->sensitivity.word);
  if (s->names == NULL || s->sensitivity.word == NULL)
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for --sensitivity");
  memcpy(s->names, s->f->sensitivity, length);
  for (char *at = s->names; at != NULL;) {
    char *comma = strchr(at, ',');
    if (comma != NULL) *comma = '\0';
    if (*at == '\0') return tw_fail(error, TW_ERR_ARGUMENT, "--sensitivity '%s': an empty name, expected NAME,..", s->f->sensitivity);
    const tw_status status = check_parameter(s->p, at, error);
    if (status != TW_OK) return status;
    s->sensitivity.word[s->sensitivity.count++] = at;
    at = comma != NULL ? comma + 1 : NULL;
  }
  return TW_OK;
}

static tw_status read_jit(session *s, tw_error *error) {
  static const char *const word[] = {[TW_JIT_AUTO] = "auto", [TW_JIT_ON] = "on", [TW_JIT_OFF] = "off"};
  for (int k = 0; k < 3 && s->f->jit != NULL; k++) {
    s->jit = (tw_jit)k;
    if (strcmp(s->f->jit, word[k]) == 0) return TW_OK;
  }
  return s->f->jit == NULL ? TW_OK : tw_fail(error, TW_ERR_ARGUMENT, "--jit is '%.100s'; expected auto, on or off", s->f->jit);
}

/* Known before the run. */
static tw_status check_ranging(const session *s, tw_error *error) {
  const bool linear = s->cls.objective <= TW_LINEAR && s->cls.constraints <= TW_LINEAR && !s->cls.integer && (s->oracle.offers & TW_QP);
  if (!s->f->ranging || linear) return TW_OK;
  return tw_fail(error, TW_ERR_ARGUMENT, "--ranging: %s is of class %s, expected a linear program without integers", s->f->model,
                 s->cls.name);
}

static tw_status open_problem(session *s, tw_error *error) {
  char why[TW_MESSAGE_MAX];
  tw_status status = check_outputs(s->f, error);
  if (status == TW_OK) status = read_jit(s, error);
  if (status == TW_OK && s->f->profile != NULL && (s->profile = tw_profile_new()) == NULL)
    status = tw_fail(error, TW_ERR_MEMORY, "out of memory for --profile");
  if (status == TW_OK) status = tw_model_file_open(&s->model, s->f->model, &s->f->sets, s->console, error);
  if (status != TW_OK) return status;
  s->p = tw_model_problem(s->model);
  status = read_sensitivity(s, error);
  if (status == TW_OK)
    status = tw_model_file_method(s->model, s->f->model, s->f->method, &s->cls, &s->method, why, error);
  if (status == TW_OK)
    status = tw_model_file_blame(tw_oracle_from_problem(&s->oracle, s->p, &s->cls, error), s->f->model, error);
  if (status == TW_OK) status = check_ranging(s, error);
  return status;
}

/* Limits that cross are an answer, not a mistake: kept for the result. */
static tw_status inspect(session *s, tw_error *error) {
  const tw_status status = tw_model_inspect(s->model, &s->oracle, &s->contradiction);
  if (status == TW_OK || status == TW_ERR_INFEASIBLE) return TW_OK;
  return tw_fail(error, status, "%s", s->contradiction.message);
}

/* ------------------------------------------------------------------ the run */

static void print_warning(void *context, tw_level level, const char *message) {
  const session *s = context;
  if (level <= TW_LOG_WARNING && !s->f->quiet) fprintf(s->console->err, "talweg: %s\n", message);
}

static void observe(session *s, const tw_solver *solver) {
  tw_progress progress;
  tw_solver_progress(solver, &progress);
  if (s->f->trace != NULL || s->f->plot != NULL) tw_history_add(&s->history, &progress, maximizes(s));
  tw_progress_draw(&s->line, &progress);
}

static tw_status run_solver(session *s, tw_result *result, tw_error *error) {
  const solve_fields *f = s->f;
  const tw_solve_options options = {
      .method = s->method,
      .max_iter = f->max_iter,
      .time_limit = f->time_limit,
      .seed = (uint64_t)f->seed,
      .exec = {.threads = (int)f->threads, .stop = s->console->stop, .log = &s->log, .jit = s->jit, .profile = s->profile},
      .checkpoint = f->checkpoint,
      .resume = f->resume};
  tw_solver *solver = NULL;
  const double start = tw_now();
  tw_status status = tw_solver_new(&solver, &s->oracle, NULL, &options, error);
  if (status != TW_OK) return tw_model_file_blame(status, f->model, error);
  s->line = (tw_progress_line){.stream = s->console->live && !f->quiet ? s->console->err : NULL,
                               .maximize = maximizes(s),
                               .objective = has_objective(s),
                               .drawn_at = -1};
  observe(s, solver);
  while (tw_solver_step(solver) == TW_RUNNING) observe(s, solver);
  observe(s, solver);
  tw_progress_clear(&s->line);
  status = tw_solver_result(solver, result, error);
  tw_solver_free(solver);
  s->wall = tw_now() - start;
  return status;
}

/* ------------------------------------------------------------------ after the run */

/* What is evaluated from now on is not stopped by the interrupt that ended the run. */
static tw_exec calm(const session *s) {
  return (tw_exec){.threads = (int)s->f->threads, .log = &s->log, .jit = s->jit};
}

/* What stands behind the derivatives at the answer: they are taken once more there, for the run's last evaluation may have
 * been elsewhere. */
static tw_evidence evidence_at(const session *s, const tw_result *result) {
  const tw_oracle *o = &s->oracle;
  tw_evidence evidence;
  tw_oracle_evidence(o, &evidence);
  if (evidence.solves == 0) return evidence;
  const size_t n = (size_t)o->n, k = (size_t)o->k;
  double f = 0, *out = tw_alloc(n + k, sizeof *out);
  if (out == NULL) return evidence;
  if (o->offers & TW_GRADIENT)
    o->gradient(o->context, result->x, &f, out, NULL);
  else if (o->offers & TW_RESIDUAL)
    o->residual(o->context, result->x, out, NULL);
  if (result->dual != NULL) o->constraints_vjp(o->context, result->x, result->dual, out, NULL);
  free(out);
  tw_oracle_evidence(o, &evidence);
  return evidence;
}

/* An answer that rests on derivatives that cannot be trusted is none; where limits cross there is none either. */
static void judge(const session *s, tw_result *result, const tw_evidence *evidence) {
  if (s->contradiction.status != TW_OK) {
    result->outcome = TW_INFEASIBLE;
    memcpy(result->message, s->contradiction.message, sizeof result->message);
    return;
  }
  if (evidence->reliable || result->outcome != TW_SOLVED) return;
  result->outcome = TW_FAILED;
  snprintf(result->message, sizeof result->message, "derivatives through a nested problem are not reliable: %s",
           evidence->message);
}

/* Of sets, whose points a method takes for feasible: how far the point is from its projection. */
static void measure_sets(const session *s, tw_result *result) {
  const tw_oracle *o = &s->oracle;
  const bool sets = (o->offers & TW_PROJECT) && !(o->offers & TW_BOUNDS);
  double *nearest = sets && isnan(result->optimality.feasibility) ? tw_alloc((size_t)o->n, sizeof *nearest) : NULL;
  if (nearest != NULL && o->project(o->context, result->x, nearest, NULL) == TW_OK) {
    double most = 0;
    for (int64_t k = 0; k < o->n; k++) most = fmax(most, fabs(result->x[k] - nearest[k]));
    result->optimality.feasibility = most;
  }
  free(nearest);
}

static tw_status range_solution(const session *s, tw_solution *solution, tw_error *error) {
  const tw_result *r = &solution->result;
  const tw_status status = tw_ranges_new(&solution->ranges, &s->oracle, r->x, r->dual, error);
  if (status != TW_OK) return tw_error_prefix(error, "--ranging");
  tw_ranging_state(solution->ranges, maximizes(s));
  return TW_OK;
}

static tw_status make_solution(session *s, tw_result *result, tw_solution *solution, tw_error *error) {
  const tw_exec exec = calm(s);
  if (s->oracle.exec != NULL) s->oracle.exec(s->oracle.context, &exec);
  const tw_evidence evidence = evidence_at(s, result);
  judge(s, result, &evidence);
  measure_sets(s, result);
  const bool solved = result->outcome == TW_SOLVED;
  tw_status status = tw_solution_new(solution, s->p, &s->cls, result, &exec, error);
  if (status != TW_OK) return tw_model_file_blame(status, s->f->model, error);
  tw_evidence_merge(&solution->evidence, &evidence);
  status = tw_solution_price(solution, &s->oracle, error);
  for (int i = 0; i < s->sensitivity.count && solved && status == TW_OK; i++) {
    status = tw_solution_differentiate(solution, s->sensitivity.word[i], error);
    if (status != TW_OK || solution->sensitivity[i].evidence.reliable) continue;
    s->doubtful = true;
    tw_log_write(&s->log, TW_LOG_WARNING, "the sensitivity to %s is not reliable: %s", s->sensitivity.word[i],
                 solution->sensitivity[i].evidence.message);
  }
  if (status != TW_OK) tw_error_prefix(error, "--sensitivity");
  if (status == TW_OK && s->f->ranging && solved) status = range_solution(s, solution, error);
  if (status != TW_OK) tw_solution_free(solution);
  return status;
}

static tw_status write_plot(session *s, const tw_solution *solution, tw_error *error) {
  char subtitle[160], name[2][TW_SHAPE_TEXT];
  const tw_result *r = &solution->result;
  snprintf(subtitle, sizeof subtitle, "%s by %s: %s after %lld iterations", s->cls.name, r->method,
           tw_status_word(r->outcome), (long long)r->iterations);
  const tw_plot plot = {.title = tw_model_file_title(s->model, s->f->model),
                        .subtitle = subtitle,
                        .history = &s->history,
                        .oracle = has_objective(s) ? &s->oracle : NULL,
                        .names = {tw_coordinate_name(s->p, 0, name[0]), tw_coordinate_name(s->p, 1, name[1])},
                        .maximize = maximizes(s),
                        .costly = solution->evidence.solves > 0};
  return tw_plot_write(&plot, s->f->plot, error);
}

/* The table goes to the terminal (to stderr beside JSON), the trace to the file. */
static tw_status write_profile(const session *s, tw_error *error) {
  tw_machine machine;
  tw_text table = {0}, trace = {0};
  const bool file = strcmp(s->f->profile, "-") != 0;
  tw_status status = tw_profile_machine(s->profile, (int)s->f->threads, &machine, error);
  if (status == TW_OK) {
    tw_profile_table(s->profile, &machine, s->wall, &table);
    if (file) tw_profile_trace(s->profile, &machine, &trace);
    if (table.failed || trace.failed) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for --profile");
  }
  if (status == TW_OK) fputs(table.data, s->f->json ? s->console->err : s->console->out);
  if (status == TW_OK && file) status = tw_file_write(s->f->profile, &trace, error);
  tw_text_free(&table);
  tw_text_free(&trace);
  return status;
}

static tw_status write_files(session *s, const tw_solution *solution, tw_error *error) {
  tw_status status = TW_OK;
  if (s->f->trace != NULL) status = tw_history_write(&s->history, s->p, s->f->trace, error);
  if (status == TW_OK && s->f->plot != NULL) status = write_plot(s, solution, error);
  return status;
}

static tw_status print_solution(const session *s, const tw_solution *solution, tw_error *error) {
  tw_text text = {0};
  if (s->f->json)
    tw_solution_json(&text, solution, s->model);
  else
    tw_solution_text(&text, solution, s->model, tw_model_file_title(s->model, s->f->model));
  const bool failed = text.failed;
  if (!failed) fwrite(text.data, 1, text.length, s->console->out);
  tw_text_free(&text);
  return failed ? tw_fail(error, TW_ERR_MEMORY, "out of memory for the output") : TW_OK;
}

/* Of integer problems a point that is not feasible says nothing. */
static bool usable(const session *s, const tw_result *r) {
  if (s->cls.integer && r->optimality.feasibility > 1e-6) return false;
  return isfinite(r->f) || !has_objective(s);
}

static int exit_of_result(const session *s, const tw_result *r) {
  switch (r->outcome) {
  case TW_SOLVED:
    return s->doubtful ? TW_EXIT_NUMERIC : TW_EXIT_SOLVED;
  case TW_STOPPED_ITERATIONS:
  case TW_STOPPED_EVALUATIONS:
  case TW_STOPPED_TIME:
    return usable(s, r) ? TW_EXIT_STOPPED : TW_EXIT_NUMERIC;
  case TW_STOPPED_CALLER:
    return TW_EXIT_STOPPED;
  case TW_INFEASIBLE:
  case TW_UNBOUNDED:
    return TW_EXIT_NO_OPTIMUM;
  case TW_RUNNING:
  case TW_FAILED:
    break;
  }
  return TW_EXIT_NUMERIC;
}

/* ------------------------------------------------------------------ the command */

static tw_status solve(session *s, int *code, tw_error *error) {
  tw_result result = {0};
  tw_solution solution = {0};
  tw_status status = open_problem(s, error);
  if (status == TW_OK) status = inspect(s, error);
  if (status == TW_OK) status = run_solver(s, &result, error);
  if (status == TW_OK) status = make_solution(s, &result, &solution, error);
  if (status == TW_OK) {
    status = write_files(s, &solution, error);
    if (status == TW_OK) status = print_solution(s, &solution, error);
    if (status == TW_OK && s->f->profile != NULL) status = write_profile(s, error);
    *code = exit_of_result(s, &solution.result);
  }
  tw_solution_free(&solution);
  tw_result_free(&result);
  return status;
}

static int run(const void *fields, const tw_console *console) {
  session s = {.f = fields, .console = console};
  s.log = (tw_logger){print_warning, &s, TW_LOG_WARNING};
  tw_error error = {0};
  int code = TW_EXIT_SOLVED;
  if (solve(&s, &code, &error) != TW_OK) code = tw_print_verdict(console, s.f->json, &error);
  tw_oracle_release(&s.oracle);
  tw_history_free(&s.history);
  tw_model_free(s.model);
  tw_profile_free(s.profile);
  free(s.sensitivity.word);
  free(s.names);
  return code;
}

#define FIELD(name) offsetof(solve_fields, name)
static const tw_argument arguments[] = {
    {"MODEL", NULL, TW_ARGUMENT_TEXT, FIELD(model), 0, 0, true, "the model, a .tw, .nl, .mps or .lp file"},
    {"--set", "NAME=VALUE", TW_ARGUMENT_TEXTS, FIELD(sets), 0, 0, false, "another value for a param"},
    {"--method", "NAME[:opt=val,..]", TW_ARGUMENT_TEXT, FIELD(method), 0, 0, false, "the method (see talweg methods)"},
    {"--sensitivity", "NAME,..", TW_ARGUMENT_TEXT, FIELD(sensitivity), 0, 0, false,
     "derivatives of objective and solution with respect to params"},
    {"--time-limit", "SECONDS", TW_ARGUMENT_REAL, FIELD(time_limit), 1e-9, 1e15, false, "stop after this time"},
    {"--max-iter", "N", TW_ARGUMENT_INTEGER, FIELD(max_iter), 1, 1e15, false, "stop after this many iterations"},
    {"--seed", "N", TW_ARGUMENT_INTEGER, FIELD(seed), 0, 9007199254740992.0, false, "key of the method's random numbers"},
    {"--threads", "N", TW_ARGUMENT_INTEGER, FIELD(threads), 0, 4096, false,
     "threads at most; 0: all cores. Results do not depend on it"},
    {"--checkpoint", "FILE", TW_ARGUMENT_FILE, FIELD(checkpoint), 0, 0, false, "keep the run's state here as it goes"},
    {"--resume", "FILE", TW_ARGUMENT_FILE, FIELD(resume), 0, 0, false, "go on from such a file"},
    {"--ranging", NULL, TW_ARGUMENT_FLAG, FIELD(ranging), 0, 0, false,
     "of a linear program: how far costs and limits may move before the basis changes"},
    {"--json", NULL, TW_ARGUMENT_FLAG, FIELD(json), 0, 0, false, "print the result as one JSON object"},
    {"--trace", "FILE", TW_ARGUMENT_FILE, FIELD(trace), 0, 0, false, "write a row per iteration as CSV"},
    {"--plot", "FILE", TW_ARGUMENT_FILE, FIELD(plot), 0, 0, false,
     "draw the run as .svg or .png: convergence; level sets for one or two unknowns"},
    {"--profile", "FILE", TW_ARGUMENT_FILE, FIELD(profile), 0, 0, false,
     "a roofline table of where time goes, and the events in Chrome's trace format; -: the table alone"},
    {"--jit", "MODE", TW_ARGUMENT_TEXT, FIELD(jit), 0, 0, false,
     "auto, on or off: compile arithmetic with the system's cc; results do not depend on it"},
    {"--quiet", NULL, TW_ARGUMENT_FLAG, FIELD(quiet), 0, 0, false, "no progress line and no warnings"},
    {.name = NULL}};

const tw_verb tw_verb_solve = {.name = "solve",
                               .summary = "Solves a model and prints the optimum, or the best point found.",
                               .arguments = arguments,
                               .bytes = sizeof(solve_fields),
                               .run = run};
