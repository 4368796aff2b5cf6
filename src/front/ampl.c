/* The AMPL solver convention (Gay, Hooking Your Solver to AMPL, 1997): `talweg STUB -AMPL [option=value ..]` solves STUB.nl
 * and writes STUB.sol. Options are read from the environment variable talweg_options, then from the command line.
 * Multipliers are those of AMPL: d objective / d right-hand side, so with L = f + y'c they are -y where f is minimised, and
 * y where f is maximised. */
#include "front/command.h"
#include "front/inspect.h"
#include "front/model_file.h"

#include "model/sol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct ampl_options {
  char *method; /* owned */
  double tolerance, time_limit;
  int64_t max_iter, seed, threads, objno, level, reduced;
} ampl_options;

typedef enum option_kind { REAL, INTEGER, WORD } option_kind;

static const struct option {
  const char *name;
  option_kind kind;
  size_t offset;
  double low, high;
  const char *doc;
} options[] = {
    {"max_iter", INTEGER, offsetof(ampl_options, max_iter), 1, 1e15, "stop after this many iterations"},
    {"method", WORD, offsetof(ampl_options, method), 0, 0, "the method, NAME[:opt=val,..] (see talweg methods)"},
    {"objno", INTEGER, offsetof(ampl_options, objno), 1, 1e9, "which objective of several is meant; default 1"},
    {"outlev", INTEGER, offsetof(ampl_options, level), 0, 1, "1: print the result; default 1"},
    {"rc", INTEGER, offsetof(ampl_options, reduced), 0, 1, "1: return reduced costs as suffix rc"},
    {"seed", INTEGER, offsetof(ampl_options, seed), 0, 9007199254740992.0, "key of the method's random numbers"},
    {"threads", INTEGER, offsetof(ampl_options, threads), 0, 4096, "threads at most; 0: all cores"},
    {"timelimit", REAL, offsetof(ampl_options, time_limit), 1e-9, 1e15, "stop after so many seconds"},
    {"tol", REAL, offsetof(ampl_options, tolerance), 1e-16, 1, "tolerance of the optimality conditions"},
};
enum { OPTIONS = sizeof options / sizeof *options };

/* ------------------------------------------------------------------ options */

static tw_status set_option(ampl_options *o, const char *name, size_t length, const char *value, size_t size, tw_error *error) {
  const struct option *found = NULL;
  for (int k = 0; k < OPTIONS; k++)
    if (strlen(options[k].name) == length && strncmp(options[k].name, name, length) == 0) found = &options[k];
  if (found == NULL)
    return tw_fail(error, TW_ERR_NAME, "there is no option '%.*s' (see talweg -=)", (int)(length > 60 ? 60 : length), name);
  void *field = (char *)o + found->offset;
  if (found->kind == WORD) {
    char *copy = strndup(value, size);
    if (copy == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for options");
    free(o->method);
    o->method = copy;
    return TW_OK;
  }
  double number = 0;
  if (tw_parse_number(value, value + size, false, &number) != value + size || size == 0 ||
      !(number >= found->low && number <= found->high) || (found->kind == INTEGER && number != floor(number)))
    return tw_fail(error, TW_ERR_ARGUMENT, "%s=%.*s: expected %s in %g..%g", found->name, (int)(size > 60 ? 60 : size), value,
                   found->kind == INTEGER ? "an integer" : "a number", found->low, found->high);
  if (found->kind == INTEGER)
    *(int64_t *)field = (int64_t)number;
  else
    *(double *)field = number;
  return TW_OK;
}

/* "a=1 b=2": words with an equals sign, or a name and its value behind blanks. */
static tw_status read_options(ampl_options *o, const char *text, tw_error *error) {
  static const char blanks[] = " \t\n\r";
  for (text += strspn(text, blanks); *text != '\0'; text += strspn(text, blanks)) {
    const char *name = text;
    const size_t length = strcspn(text, " \t\n\r=");
    text += length;
    text += strspn(text, blanks);
    if (*text == '=') text++;
    text += strspn(text, blanks);
    const size_t size = strcspn(text, blanks);
    const tw_status status = set_option(o, name, length, text, size, error);
    if (status != TW_OK) return status;
    text += size;
  }
  return TW_OK;
}

static int print_options(FILE *out) {
  fputs("Options of talweg STUB -AMPL option=value .., also in the environment variable talweg_options:\n\n", out);
  for (int k = 0; k < OPTIONS; k++) fprintf(out, "  %-10s %s\n", options[k].name, options[k].doc);
  return TW_EXIT_SOLVED;
}

/* ------------------------------------------------------------------ the run */

typedef struct session {
  const tw_console *console;
  ampl_options o;
  char *nl, *sol; /* file names */
  tw_model *model;
  const tw_problem *p;
  const tw_model_table *table;
  tw_class cls;
  tw_oracle oracle;
  tw_result result;
} session;

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for the solution");
}

/* STUB or STUB.nl. */
static tw_status name_files(session *s, const char *stub, tw_error *error) {
  size_t length = strlen(stub);
  if (length > 3 && strcmp(stub + length - 3, ".nl") == 0) length -= 3;
  s->nl = malloc(length + 4);
  s->sol = malloc(length + 5);
  if (s->nl == NULL || s->sol == NULL) return out_of_memory(error);
  memcpy(s->nl, stub, length);
  memcpy(s->sol, stub, length);
  strcpy(s->nl + length, ".nl");
  strcpy(s->sol + length, ".sol");
  return TW_OK;
}

static tw_status open_model(session *s, tw_error *error) {
  char set[40];
  const char *word[1] = {set};
  snprintf(set, sizeof set, "objno=%lld", (long long)s->o.objno);
  const tw_words sets = {word, s->o.objno > 1 ? 1 : 0};
  const tw_status status = tw_model_file_open(&s->model, s->nl, &sets, s->console, error);
  if (status != TW_OK) return status;
  s->p = tw_model_problem(s->model);
  s->table = tw_model_table_of(s->model);
  return TW_OK;
}

static tw_status run_method(session *s, tw_error *error) {
  char why[TW_MESSAGE_MAX];
  const char *method = NULL;
  tw_status status = tw_model_file_method(s->model, s->nl, s->o.method, &s->cls, &method, why, error);
  if (status == TW_OK) status = tw_oracle_from_problem(&s->oracle, s->p, &s->cls, error);
  if (status == TW_OK) status = tw_model_inspect(s->model, &s->oracle, error);
  const tw_solve_options run = {.method = method,
                                .max_iter = s->o.max_iter,
                                .time_limit = s->o.time_limit,
                                .tolerance = s->o.tolerance,
                                .seed = (uint64_t)s->o.seed,
                                .exec = {.threads = (int)s->o.threads, .stop = s->console->stop}};
  return status == TW_OK ? tw_minimize(&s->oracle, NULL, &run, &s->result, error) : status;
}

/* solve_result_num: 0 solved, 100 uncertain, 200 infeasible, 300 unbounded, 400 limits, 500 failure. */
static int code_of(const tw_result *r) {
  switch (r->outcome) {
  case TW_SOLVED: return 0;
  case TW_INFEASIBLE: return 200;
  case TW_UNBOUNDED: return 300;
  case TW_STOPPED_ITERATIONS: return 400;
  case TW_STOPPED_TIME: return 401;
  case TW_STOPPED_EVALUATIONS: return 402;
  case TW_STOPPED_CALLER: return 403;
  default: return isfinite(r->f) && (isnan(r->optimality.feasibility) || r->optimality.feasibility <= 1e-6) ? 100 : 500;
  }
}

static int code_of_failure(tw_status status) {
  return status == TW_ERR_INFEASIBLE    ? 200
         : status == TW_ERR_UNBOUNDED   ? 300
         : status == TW_ERR_LIMIT       ? 400
         : status == TW_ERR_UNSUPPORTED ? 501
                                        : 500;
}

/* Reduced costs d f / d x - J' dual, of the objective as stated. */
static tw_status reduced_costs(session *s, double sign, double *reduced, tw_error *error) {
  const tw_oracle *o = &s->oracle;
  double f, *product = tw_alloc((size_t)o->n, sizeof *product);
  tw_status status = product != NULL ? TW_OK : out_of_memory(error);
  if (status == TW_OK && (o->offers & TW_GRADIENT)) status = o->gradient(o->context, s->result.x, &f, reduced, error);
  if (status == TW_OK && s->result.dual != NULL) status = o->constraints_vjp(o->context, s->result.x, s->result.dual, product, error);
  for (int64_t j = 0; status == TW_OK && j < o->n; j++) reduced[j] = -sign * (reduced[j] + product[j]);
  free(product);
  return status;
}

static tw_status write_solution(session *s, const char *message, int code, tw_error *error) {
  const tw_model_table *t = s->table;
  const bool maximize = tw_problem_goal(s->p) == TW_GOAL_MAXIMIZE;
  const double sign = maximize ? 1 : -1;
  double *dual = tw_alloc((size_t)t->algebraic, sizeof *dual), *reduced = tw_alloc((size_t)t->n, sizeof *reduced);
  tw_status status = dual != NULL && reduced != NULL ? TW_OK : out_of_memory(error);
  const bool has_dual = s->result.dual != NULL && status == TW_OK;
  for (int64_t i = 0; has_dual && i < t->algebraic; i++) dual[i] = sign * s->result.dual[t->position[i]] + 0.0;
  const bool costs = s->o.reduced == 1 && s->result.x != NULL && (has_dual || t->m == 0);
  if (status == TW_OK && costs) status = reduced_costs(s, sign, reduced, error);
  const tw_sol sol = {.message = message,
                      .table = t,
                      .dual = has_dual ? dual : NULL,
                      .primal = s->result.x,
                      .reduced = costs ? reduced : NULL,
                      .objective = s->o.objno > 1 ? s->o.objno - 1 : 0,
                      .code = code};
  if (status == TW_OK) status = tw_sol_write(&sol, s->sol, error);
  free(dual);
  free(reduced);
  return status;
}

static tw_status solve(session *s, tw_error *error) {
  tw_text text = {0};
  tw_error failure = {0};
  int code;
  tw_text_printf(&text, "talweg %s: ", TALWEG_VERSION);
  tw_status status = run_method(s, &failure);
  if (status != TW_OK) {
    code = code_of_failure(status);
    tw_text_puts(&text, failure.message);
  } else {
    const tw_result *r = &s->result;
    const double f = tw_problem_goal(s->p) == TW_GOAL_MAXIMIZE ? -r->f : r->f;
    code = code_of(r);
    tw_text_printf(&text, "%s; objective ", r->outcome == TW_SOLVED ? "optimal solution found" : tw_status_word(r->outcome));
    tw_text_number(&text, f + 0.0);
    tw_text_printf(&text, "\n%lld iterations of %s", (long long)r->iterations, r->method);
    if (r->outcome != TW_SOLVED) tw_text_printf(&text, "\n%s", r->message);
  }
  status = text.failed ? out_of_memory(error) : write_solution(s, text.data, code, error);
  if (status == TW_OK && s->o.level > 0) fprintf(s->console->out, "%s\n", text.data);
  tw_text_free(&text);
  return status;
}

int tw_ampl(int argc, char *const *argv, const tw_console *console) {
  if (strcmp(argv[1], "-v") == 0) {
    fprintf(console->out, "talweg %s\n", TALWEG_VERSION);
    return TW_EXIT_SOLVED;
  }
  if (strcmp(argv[1], "-=") == 0) return print_options(console->out);
  session s = {.console = console, .o = {.level = 1}};
  tw_error error = {0};
  const char *environment = getenv("talweg_options");
  tw_status status = name_files(&s, argv[1], &error);
  if (status == TW_OK && environment != NULL) status = read_options(&s.o, environment, &error);
  for (int k = 3; k < argc && status == TW_OK; k++) status = read_options(&s.o, argv[k], &error);
  if (status == TW_OK) status = open_model(&s, &error);
  if (status == TW_OK) status = solve(&s, &error);
  tw_oracle_release(&s.oracle);
  tw_result_free(&s.result);
  tw_model_free(s.model);
  free(s.nl);
  free(s.sol);
  free(s.o.method);
  if (status == TW_OK) return TW_EXIT_SOLVED;
  tw_print_error(console, false, &error);
  return TW_EXIT_INPUT;
}
