/* `talweg VERB ..`: finds the verb, reads its arguments, runs it. */
#include "front/command.h"

#include "model/diagnose.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const tw_verb *const verbs[] = {
    &tw_verb_solve, &tw_verb_check, &tw_verb_explain, &tw_verb_compile, &tw_verb_methods, &tw_verb_version, NULL};

static const tw_verb *find_verb(const char *name) {
  for (const tw_verb *const *v = verbs; *v != NULL; v++)
    if (strcmp((*v)->name, name) == 0) return *v;
  return NULL;
}

static int print_help(FILE *out) {
  fputs("usage: talweg COMMAND [ARGUMENT]...\n\n"
        "States an optimization problem once, solves it with any method whose needs are met, and\n"
        "differentiates the solution.\n\n",
        out);
  for (const tw_verb *const *v = verbs; *v != NULL; v++) fprintf(out, "  %-10s %s\n", (*v)->name, (*v)->summary);
  fputs("\nModels are .tw, .nl, .mps and .lp files. talweg STUB -AMPL solves STUB.nl for AMPL, Pyomo and JuMP.\n"
        "talweg COMMAND --help tells more. Exit codes: 0 solved; 1 bad input; 2 stopped by a limit or\n"
        "interrupt with a usable point; 3 infeasible or unbounded; 4 numerical failure.\n",
        out);
  return TW_EXIT_SOLVED;
}

static int unknown_verb(const char *name, const tw_console *console) {
  char hint[96];
  tw_nearest nearest = tw_nearest_start(name);
  for (const tw_verb *const *v = verbs; *v != NULL; v++) tw_nearest_offer(&nearest, (*v)->name);
  fprintf(console->err, "talweg: there is no command '%.60s'%s (see talweg --help)\n", name,
          tw_nearest_text(&nearest, hint));
  return TW_EXIT_INPUT;
}

/* Whether the words ask for JSON, for mistakes among them. */
static bool wants_json(int argc, char *const *argv) {
  for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--json") == 0) return true;
  return false;
}

int tw_exit_of(tw_status status) {
  switch (status) {
  case TW_OK:
    return TW_EXIT_SOLVED;
  case TW_ERR_INTERRUPT:
    return TW_EXIT_STOPPED;
  case TW_ERR_INFEASIBLE:
  case TW_ERR_UNBOUNDED:
    return TW_EXIT_NO_OPTIMUM;
  case TW_ERR_LIMIT: /* of a nested solve: there is no point to show */
  case TW_ERR_NUMERIC:
  case TW_ERR_SINGULAR:
    return TW_EXIT_NUMERIC;
  default:
    return TW_EXIT_INPUT;
  }
}

int tw_print_error(const tw_console *console, bool json, const tw_error *error) {
  fprintf(console->err, "talweg: %s\n", error->message);
  if (json) {
    tw_text text = {0};
    tw_text_puts(&text, "{\"status\":\"error\",\"error\":");
    tw_text_json_string(&text, tw_status_name(error->status));
    tw_text_puts(&text, ",\"message\":");
    tw_text_json_string(&text, error->message);
    tw_text_puts(&text, "}\n");
    if (!text.failed) fputs(text.data, console->out);
    tw_text_free(&text);
  }
  return tw_exit_of(error->status);
}

const char *tw_status_word(tw_outcome outcome) {
  return outcome == TW_STOPPED_CALLER ? "interrupted" : tw_outcome_name(outcome);
}

static tw_outcome verdict_of(tw_status status) {
  switch (status) {
  case TW_ERR_INFEASIBLE:
    return TW_INFEASIBLE;
  case TW_ERR_UNBOUNDED:
    return TW_UNBOUNDED;
  case TW_ERR_INTERRUPT:
    return TW_STOPPED_CALLER;
  default:
    return TW_FAILED;
  }
}

int tw_print_verdict(const tw_console *console, bool json, const tw_error *error) {
  const tw_outcome outcome = verdict_of(error->status);
  if (!json || outcome == TW_FAILED) return tw_print_error(console, json, error);
  tw_text text = {0};
  tw_text_printf(&text,
                 "{\"status\":\"%s\",\"objective\":null,\"variables\":{},\"reports\":{},\"constraints\":{},\"sensitivity\":{},"
                 "\"method\":null,\"class\":null,\"iterations\":0,\"evaluations\":{\"value\":0,\"gradient\":0,\"hvp\":0},\"seconds\":0,"
                 "\"optimality\":{\"stationarity\":null,\"feasibility\":null,\"complementarity\":null},\"message\":",
                 tw_status_word(outcome));
  tw_text_json_string(&text, error->message);
  tw_text_puts(&text, "}\n");
  fprintf(console->err, "talweg: %s\n", error->message);
  if (!text.failed) fputs(text.data, console->out);
  tw_text_free(&text);
  return tw_exit_of(error->status);
}

static int run_verb(const tw_verb *verb, int argc, char *const *argv, const tw_console *console) {
  tw_error error = {0};
  void *fields = calloc(1, verb->bytes > 0 ? verb->bytes : 1);
  if (fields == NULL) {
    fputs("talweg: out of memory\n", console->err);
    return TW_EXIT_INPUT;
  }
  bool help = false;
  int code = TW_EXIT_SOLVED;
  if (tw_arguments_read(verb, argc, argv, fields, &help, &error) != TW_OK)
    code = tw_print_error(console, wants_json(argc, argv), &error);
  else if (help)
    tw_arguments_help(verb, console->out);
  else
    code = verb->run(fields, console);
  tw_arguments_free(verb, fields);
  return code;
}

static int run_command(int argc, char *const *argv, const tw_console *console) {
  const char *name = argv[1];
  if (strcmp(name, "-v") == 0 || strcmp(name, "-=") == 0 || (argc > 2 && strcmp(argv[2], "-AMPL") == 0))
    return tw_ampl(argc, argv, console);
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) return print_help(console->out);
  if (strcmp(name, "help") == 0 && argc == 2) return print_help(console->out);
  const tw_verb *verb = find_verb(strcmp(name, "--version") == 0 ? "version"
                                  : strcmp(name, "help") == 0    ? argv[2]
                                                                 : name);
  if (verb == NULL) return unknown_verb(strcmp(name, "help") == 0 ? argv[2] : name, console);
  if (strcmp(name, "help") == 0) {
    tw_arguments_help(verb, console->out);
    return TW_EXIT_SOLVED;
  }
  return run_verb(verb, argc - 2, argv + 2, console);
}

int tw_command_on(int argc, char *const *argv, const tw_console *console) {
  if (!argv || argc < 1 || !console || !console->out || !console->err) return TW_EXIT_INPUT;
  if (argc < 2) {
    print_help(console->err);
    return TW_EXIT_INPUT;
  }
  int code = run_command(argc, argv, console);
  if (fflush(console->out) != 0 || ferror(console->out)) {
    fputs("talweg: the output could not be written\n", console->err);
    if (code == TW_EXIT_SOLVED) code = TW_EXIT_INPUT;
  }
  return code;
}

int tw_command(int argc, char **argv, FILE *out, FILE *err) {
  const int descriptor = err ? fileno(err) : -1;
  const tw_console console = {.out = out, .err = err, .live = descriptor >= 0 && isatty(descriptor) != 0};
  return tw_command_on(argc, argv, &console);
}
