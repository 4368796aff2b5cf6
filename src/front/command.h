/* What the commands share. */
#ifndef TALWEG_FRONT_COMMAND_H
#define TALWEG_FRONT_COMMAND_H

#include "front/arguments.h"

enum { /* exit codes */
  TW_EXIT_SOLVED = 0,
  TW_EXIT_INPUT = 1,
  TW_EXIT_STOPPED = 2,
  TW_EXIT_NO_OPTIMUM = 3,
  TW_EXIT_NUMERIC = 4
};
int tw_exit_of(tw_status status);
/* "talweg: message" on the error stream and, with `json`, {"status":"error",..} on the output; returns the exit code. */
int tw_print_error(const tw_console *console, bool json, const tw_error *error);
/* What the command calls an outcome: "interrupted" where the caller of the library stopped a run. */
const char *tw_status_word(tw_outcome outcome);
/* The same as tw_print_error of a verdict on the model before a run could begin (infeasible, unbounded, interrupted): with `json` the
 * object of a result without a point. Of other errors it is tw_print_error. */
int tw_print_verdict(const tw_console *console, bool json, const tw_error *error);
/* `talweg STUB -AMPL [option=value ..]`, `talweg -v` and `talweg -=`, as AMPL calls a solver; returns the exit code. */
int tw_ampl(int argc, char *const *argv, const tw_console *console);

#endif
