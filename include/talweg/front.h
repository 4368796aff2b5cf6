/* front: what people see. The command itself, and the parts of it that other programs may want: the trace of a run, a
 * solution with everything that is worth reading about it, JSON, plots. */
#ifndef TALWEG_FRONT_H
#define TALWEG_FRONT_H

#include <talweg/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ the command */

typedef struct tw_console {
  FILE *out, *err;          /* borrowed */
  bool live;                /* err is a terminal: a progress line may be drawn on it */
  const volatile int *stop; /* nonzero: end the run with the best point so far; NULL: never */
} tw_console;

/* `talweg ARGUMENTS`: argv[0] is the program's name. Returns the exit code: 0 solved; 1 bad input; 2 stopped by a limit or
 * interrupt with a usable point; 3 infeasible or unbounded; 4 numerical failure. Installs no signal handlers. */
int tw_command_on(int argc, char *const *argv, const tw_console *console);
/* The same on two streams, never interrupted. */
int tw_command(int argc, char **argv, FILE *out, FILE *err);

/* ------------------------------------------------------------------ traces */

#define TW_HISTORY_COORDINATES 2 /* iterates are kept for this many unknowns at most */

typedef struct tw_history_row {
  int64_t iteration;
  double objective; /* as stated: maximised objectives grow */
  double stationarity, feasibility, seconds;
  double x[TW_HISTORY_COORDINATES];
} tw_history_row;

typedef struct tw_history { /* zero-initialise */
  tw_history_row *row;
  size_t count, capacity;
  int coordinates; /* of an iterate: 1 or 2, else 0 */
  bool failed;     /* out of memory: later rows are missing */
} tw_history;

/* A row per iteration; a second call for the same iteration does nothing. */
void tw_history_add(tw_history *history, const tw_progress *progress, bool maximize);
void tw_history_free(tw_history *history);
/* "x" or "x[0, 1]": the name of one entry of the flat vector of variables. */
const char *tw_coordinate_name(const tw_problem *p, int64_t entry, char text[TW_SHAPE_TEXT]);
/* CSV: iteration, objective, stationarity, feasibility, seconds and the iterate when it is kept. Written atomically; numbers
 * read back to the same double, what is not finite is an empty cell. */
tw_status tw_history_write(const tw_history *history, const tw_problem *p, const char *path, tw_error *error);

/* ------------------------------------------------------------------ solutions */

typedef struct tw_solution_sensitivity { /* d / d parameter at the solution */
  const char *parameter;
  tw_array objective;  /* the parameter's shape */
  tw_array *variables; /* one per variable: its shape followed by the parameter's */
  tw_evidence evidence;
} tw_solution_sensitivity;

/* A result together with what the problem asks to be told about it. Arrays are in the problem's order. */
typedef struct tw_solution {
  const tw_problem *problem; /* borrowed */
  const char *class_name;    /* borrowed, as in tw_class */
  tw_result result;          /* of the minimisation, owned */
  double objective;          /* as stated; NaN when the problem has none */
  double bound;              /* of the objective as stated, see tw_result; NaN: none */
  tw_array *variables;       /* views of result.x */
  tw_array *constraints;     /* values of the constrained expressions */
  /* One per constraint: y with grad f + y' grad c = 0 for the objective f as stated (on the active constraints and free
   * variables). Empty when the method has none. */
  tw_array *duals;
  double *dual; /* what they are views of; owned */
  /* One per variable: z = grad f + y' grad c for the objective f as stated, d objective / d bound where one is active. NULL: none. */
  tw_array *reduced_costs;
  double *reduced_cost; /* what they are views of; owned */
  tw_array *reports;
  int n_sensitivities;
  tw_solution_sensitivity *sensitivity;
  tw_evidence evidence; /* of the nested problems inside; solves 0: there are none */
  struct tw_basis_ranges *ranges; /* of a linear program's basis, owned; NULL: not asked for */
} tw_solution;

/* Takes over `result` (zeroed) and evaluates constraints and reports there (`exec` NULL: defaults); where that fails for
 * numerical reasons they are NaN, and a solved result becomes a numerical failure. On failure nothing is left to free. */
tw_status tw_solution_new(tw_solution *solution, const tw_problem *p, const tw_class *cls, tw_result *result,
                          const tw_exec *exec, tw_error *error);
/* Adds the reduced costs where there are any (see tw_has_reduced_costs); `oracle` is the one that was solved. */
tw_status tw_solution_price(tw_solution *solution, const tw_oracle *oracle, tw_error *error);
/* Adds the derivatives with respect to one parameter; TW_ERR_NAME when the problem has none of this name. Derivatives that do
 * not exist are NaN, and the evidence says why. */
tw_status tw_solution_differentiate(tw_solution *solution, const char *parameter, tw_error *error);
void tw_solution_free(tw_solution *solution);
/* The worst of two, into `into`. */
void tw_evidence_merge(tw_evidence *into, const tw_evidence *from);
/* The worst of everything behind a solution, sensitivities included. */
tw_evidence tw_solution_evidence(const tw_solution *solution);

/* Nested lists of numbers (booleans true and false; what is not finite null). */
void tw_json_array(tw_text *text, const tw_array *array);
/* The object of `talweg solve --json`, on one line. `model` names the variables and rows of .nl, .mps and .lp files; NULL: none. */
void tw_solution_json(tw_text *text, const tw_solution *solution, const tw_model *model);
/* For people: status, objective, variables, reports, constraints. `model` gives labels; NULL: none. */
void tw_solution_text(tw_text *text, const tw_solution *solution, const tw_model *model, const char *title);

/* ------------------------------------------------------------------ plots */

typedef struct tw_plot {
  const char *title, *subtitle; /* NULL: none */
  const tw_history *history;
  /* For the level sets around the iterates of one or two unknowns: the problem's oracle and the unknowns' names. NULL:
   * convergence alone. */
  const tw_oracle *oracle;
  const char *names[TW_HISTORY_COORDINATES];
  bool maximize;
  bool costly; /* a coarser grid: every value is a nested solve */
} tw_plot;

/* Whether a plot can be written there: suffix .svg or .png, a build with cairo, a writable place. Leaves no file. */
tw_status tw_plot_check(const char *path, tw_error *error);
/* Convergence on a logarithmic axis and, with an oracle, level sets with the path of the iterates. Written atomically. */
tw_status tw_plot_write(const tw_plot *plot, const char *path, tw_error *error);

#ifdef __cplusplus
}
#endif
#endif
