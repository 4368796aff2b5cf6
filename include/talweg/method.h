/* method: the registry of methods, the driver that runs any of them, and what a method must say. */
#ifndef TALWEG_METHOD_H
#define TALWEG_METHOD_H

#include <talweg/problem.h>

#include <math.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ options of methods: a typed table */

typedef enum tw_option_type { TW_OPTION_REAL, TW_OPTION_INTEGER, TW_OPTION_FLAG, TW_OPTION_CHOICE } tw_option_type;
typedef struct tw_option {
  const char *name;
  tw_option_type type;
  double value, low, high; /* default and inclusive range; FLAG: 0/1; CHOICE: index into choices */
  const char *choices;     /* "armijo|wolfe|hager-zhang" */
  const char *doc;         /* one line */
} tw_option;

/* ------------------------------------------------------------------ results */

typedef enum tw_outcome {
  TW_RUNNING,
  TW_SOLVED,
  TW_STOPPED_ITERATIONS,
  TW_STOPPED_EVALUATIONS,
  TW_STOPPED_TIME,
  TW_STOPPED_CALLER,  /* interrupt or callback */
  TW_INFEASIBLE,
  TW_UNBOUNDED,
  TW_FAILED           /* numerical failure: see message */
} tw_outcome;
const char *tw_outcome_name(tw_outcome outcome); /* "solved" "iteration limit" .. */

typedef struct tw_optimality { /* all >= 0, infinity norms; NaN: not applicable */
  double stationarity;    /* of the method's optimality condition, relative to tw_result.scale */
  double feasibility;     /* largest constraint or set violation */
  double complementarity; /* relative likewise */
} tw_optimality;

typedef struct tw_counts {
  int64_t value, gradient, hvp, residual, jacobian, project, constraints;
} tw_counts;

/* What a per-iteration callback sees. Pointers are valid during the call. */
typedef struct tw_progress {
  const char *method;
  int64_t iteration, n;
  const double *x;
  double f, bound;       /* bound as in tw_result */
  tw_optimality optimality;
  double scale;          /* likewise */
  tw_counts counts;
  double seconds;
} tw_progress;

typedef struct tw_result {
  tw_outcome outcome;
  const char *method; /* registry name */
  double *x;          /* n: best point; owned by the result */
  double *dual;       /* m constraint multipliers y, L = f + y'c: y_i >= 0 at an active upper bound of a minimisation, <= 0 at an
                         active lower one, minus d objective / d bound; owned; NULL when m = 0 */
  bool certified;     /* of an infeasible problem: dual holds multipliers that prove it (Farkas); of an unbounded one: x holds a ray
                         along which the objective falls without end */
  int64_t n, m;
  double f;           /* minimised objective, regularizers included */
  double bound;       /* proven: no feasible point has a lower objective; NaN: the method proves none. See tw_gap */
  tw_optimality optimality;
  double scale;       /* what stationarity and complementarity of `optimality` were divided by, >= 1: times this they are absolute */
  tw_counts counts;
  int64_t iterations;
  double seconds;
  char message[TW_MESSAGE_MAX];
} tw_result;
void tw_result_free(tw_result *result);
/* What a proven bound leaves open of a feasible point's objective, (f - bound) / max(1, |f|), at least 0. NaN without a bound,
 * inf where the point is not feasible (a violation above 1e-6). */
static inline double tw_gap(double f, double bound, const tw_optimality *at) {
  const double size = f < 0 ? -f : f, gap = (f - bound) / (size > 1 ? size : 1);
  if (bound != bound) return bound;
  return at->feasibility > 1e-6 ? INFINITY : gap < 0 ? 0 : gap;
}

/* Reduced costs z = grad f + J'y (n) of a minimisation at its result: d objective / d bound where a bound is active (>= 0 at a lower
 * one, <= 0 at an upper one), zero in between. One gradient and one product with J'. TW_ERR_UNSUPPORTED where tw_has_reduced_costs
 * says no (sets and regularizers that are no bounds, neither bounds nor constraints) or the result has no multipliers. */
bool tw_has_reduced_costs(const tw_oracle *oracle);
tw_status tw_reduced_costs(const tw_oracle *oracle, const tw_result *at, double *z, tw_error *error);

/* ------------------------------------------------------------------ running */

typedef struct tw_solve_options { /* zero-initialise for defaults */
  const char *method;    /* "lbfgs", "lbfgs:tol=1e-10,memory=20"; NULL: chosen from the class */
  int64_t max_iter;      /* 0: the method's default */
  int64_t max_evaluations; /* 0: none */
  double time_limit;     /* seconds; 0: none */
  double tolerance;      /* 0: the method's tol option */
  uint64_t seed;
  tw_exec exec;          /* threads, stop flag, log */
  bool (*callback)(void *context, const tw_progress *progress); /* after every iteration; false stops */
  void *callback_context;
  const double *dual;     /* m multipliers to start from, for the methods that can use them (osqp); NULL: zeros */
  const char *checkpoint; /* file rewritten atomically every checkpoint_seconds (default 10; <0: every iteration) and at the end */
  double checkpoint_seconds;
  const char *resume;     /* file to go on from */
} tw_solve_options;

/* The loop in one call: from x0 (n; NULL: the oracle's start). Always fills `result` when it returns TW_OK, whatever the outcome. */
tw_status tw_minimize(const tw_oracle *oracle, const double *x0, const tw_solve_options *options, tw_result *result, tw_error *error);
/* Classify, choose, compile and run. */
tw_status tw_solve_problem(const tw_problem *p, const tw_solve_options *options, tw_result *result, tw_error *error);

/* The loop owned by the caller. */
typedef struct tw_solver tw_solver;
tw_status tw_solver_new(tw_solver **solver, const tw_oracle *oracle, const double *x0, const tw_solve_options *options, tw_error *error);
tw_outcome tw_solver_step(tw_solver *solver); /* one iteration; TW_RUNNING while it goes on */
void tw_solver_progress(const tw_solver *solver, tw_progress *progress);
tw_status tw_solver_result(const tw_solver *solver, tw_result *result, tw_error *error); /* best so far, any time */
tw_status tw_solver_save(const tw_solver *solver, const char *path, tw_error *error); /* atomically */
tw_status tw_solver_load(tw_solver *solver, const char *path, tw_error *error); /* refuses another problem's or method's file */
/* Runs again on what the oracle says by then (after tw_oracle_parameters, or a change of the data behind callbacks; sizes and patterns
 * as before), from the last x and with what the method can keep, such as multipliers and a factorization. Counts, iterations and the
 * clock begin at 0. Methods without a `restart` begin at the last x. */
tw_status tw_solver_restart(tw_solver *solver, tw_error *error);
/* The same from x0 (NULL: the oracle's start), with the bits of a new solver: what is kept, such as analyses of matrices, does not
 * depend on the runs before. Of `options` only dual and exec count, the rest is as the solver was made with. */
tw_status tw_solver_again(tw_solver *solver, const double *x0, const tw_solve_options *options, tw_error *error);
void tw_solver_free(tw_solver *solver);

/* ------------------------------------------------------------------ what a method must say */

enum { /* what a method can respect beside minimising */
  TW_HANDLES_BOUNDS = 1,
  TW_HANDLES_SETS = 2,         /* through project or mirror_step */
  TW_HANDLES_REGULARIZERS = 4, /* through prox */
  TW_HANDLES_CONSTRAINTS = 8,
  TW_HANDLES_INTEGERS = 16
};
enum { /* promises that spare the driver copies of large states */
  TW_MONOTONE = 1, /* an iterate is at least as good as the ones before, and x, f, dual change only when a step succeeds */
  TW_ATOMIC = 2,   /* a step that fails in an evaluation leaves every vector that the next step reads as it was */
  TW_FORGETS = 8,  /* restarts are always anew */
  TW_PATIENT = 4   /* many iterations may pass without visible progress: they are no reason to end the run */
};
enum { TW_FOR_MINIMIZE = 1, TW_FOR_LEAST_SQUARES = 2, TW_FOR_ROOT = 4, TW_FOR_FIXPOINT = 8 };

enum { /* of matrices */
  TW_HOLDS_HESSIAN = 1u << TW_MATRIX_HESSIAN,
  TW_HOLDS_LAGRANGIAN = 1u << TW_MATRIX_LAGRANGIAN, /* where there are no constraints, the Hessian */
  TW_HOLDS_CONSTRAINTS = 1u << TW_MATRIX_CONSTRAINTS,
  TW_HOLDS_RESIDUAL = 1u << TW_MATRIX_RESIDUAL,
  TW_HOLDS_IF_SPARSE = 1u << TW_MATRICES /* .. and only then */
};

typedef struct tw_run tw_run;
typedef struct tw_method {
  const char *name, *summary, *reference;
  unsigned goals;   /* TW_FOR_* */
  unsigned needs;   /* TW_VALUE | TW_GRADIENT .. of the oracle */
  unsigned handles; /* TW_HANDLES_* */
  const tw_option *options; /* terminated by name NULL; "tol" and "max_iter" belong to every method's table */
  /* Mathematics only. init allocates state with tw_run_vector / tw_run_scalars and evaluates at run->x; step does one
   * iteration: it leaves run->x, run->f and run->optimality up to date. Both return TW_OK to go on, or an error that ends
   * the run; to claim more than a tolerance test, call tw_run_end. */
  tw_status (*init)(tw_run *run);
  tw_status (*step)(tw_run *run);
  void (*finish)(tw_run *run); /* optional: before the run's state is released */
  unsigned traits; /* TW_MONOTONE | TW_ATOMIC .. */
  tw_status (*escape)(tw_run *run, bool *moved); /* optional: where the tolerances are met, before the run ends. A method of second
                                        derivatives moves to a lower point when x is no minimum (negative curvature), and goes on */
  tw_status (*restart)(tw_run *run); /* optional: as init, when the oracle's answers have changed and the run's state is at hand; with
                                        run->anew the state is zero, and the bits must be those of init */
  unsigned matrices; /* TW_HOLDS_*: derivatives that it may hold as matrices; of others it asks for products */
} tw_method;

struct tw_run { /* what the driver lends to a method */
  const tw_oracle *oracle;
  const tw_method *method;
  int64_t n;
  double *x;               /* current iterate; a method may let it point into a vector of its own (tw_run_vector) */
  double f;                /* objective at x */
  double bound;            /* see tw_result; NaN at the start */
  bool certified;          /* likewise: set when x or dual hold the proof of the outcome that the method ends with */
  double *dual;            /* m multipliers, at the start those of tw_solve_options or zeros; NULL when m = 0 */
  tw_optimality optimality; /* absolute here; the driver scales it: see tw_run_scale */
  double scale;            /* stationarity at the start (of the gradient, of the residual); methods set it in init */
  double size; /* of the terms that cancel in the optimality condition, where a method knows it of the data (|q| of a program) or
                  of the solution (|J'y|): an error of eps times this is rounding. 0: not known */
  int64_t iteration;
  uint64_t seed;
  const tw_exec *exec;
  tw_error *error;
  struct tw_driver *driver;
  bool anew;               /* see restart */
  double gradient_norm;    /* |g|_inf of the last tw_run_gradient */
  void *local;             /* the method's own memory beside its state: NULL at first and after a resume into a new run, not saved;
                              `finish` releases it */
};

double tw_run_real(const tw_run *run, const char *option);
int64_t tw_run_integer(const tw_run *run, const char *option);
bool tw_run_flag(const tw_run *run, const char *option);
int tw_run_choice(const tw_run *run, const char *option);
/* State that lives with the run, zeroed, and is saved and restored by checkpoints: n doubles under a unique name. Called
 * again with the same name (in step) it returns the same memory. NULL when out of memory (error set). */
double *tw_run_vector(tw_run *run, const char *name, int64_t n);
/* Ends the run with a reason. Returns a nonzero status (whatever the outcome) for init or step to return. */
tw_status tw_run_end(tw_run *run, tw_outcome outcome, const char *format, ...) TW_PRINTF(3, 4);

/* Counted, budgeted, NaN-checked evaluations: same meaning as the oracle's functions. A nonzero status must be returned
 * from init/step as it is. A non-finite objective is passed on (f = inf) for the line search to back off. */
tw_status tw_run_value(tw_run *run, const double *x, double *f);
tw_status tw_run_gradient(tw_run *run, const double *x, double *f, double *g);
/* The same and *slope = g'd, in the pass over g that checks it. */
tw_status tw_run_gradient_along(tw_run *run, const double *x, const double *d, double *f, double *g, double *slope);
tw_status tw_run_hvp(tw_run *run, const double *x, const double *y, const double *v, double *out);
tw_status tw_run_hessian(tw_run *run, const double *x, const double *y, double *h);
tw_status tw_run_residual(tw_run *run, const double *x, double *r);
tw_status tw_run_residual_jvp(tw_run *run, const double *x, const double *v, double *jv);
tw_status tw_run_residual_vjp(tw_run *run, const double *x, const double *u, double *jtu);
tw_status tw_run_residual_jacobian(tw_run *run, const double *x, double *j);
tw_status tw_run_constraints(tw_run *run, const double *x, double *c);
tw_status tw_run_constraints_jvp(tw_run *run, const double *x, const double *v, double *jv);
tw_status tw_run_constraints_vjp(tw_run *run, const double *x, const double *y, double *jty);
tw_status tw_run_constraints_jacobian(tw_run *run, const double *x, double *j);
/* Counted as one product (of a Hessian or Jacobian). Patterns are had from the oracle. */
tw_status tw_run_sparse_values(tw_run *run, tw_matrix matrix, const double *x, const double *y, double *values);
tw_status tw_run_project(tw_run *run, const double *x, double *out);
tw_status tw_run_prox(tw_run *run, const double *x, double eta, double *out);
tw_status tw_run_regularizer(tw_run *run, const double *x, double *g);
/* f = sum_j weight_j f_{row_j}(x) + rest(x) and, unless g is NULL, its gradient, of an oracle with tw_oracle.sample; counted as a value or
 * a gradient. run->gradient_norm is of g. */
tw_status tw_run_sample(tw_run *run, const double *x, int64_t count, const int64_t *row, const double *weight, double *f, double *g);
tw_status tw_run_mirror_step(tw_run *run, const double *x, const double *g, double eta, double *out);

/* A run of another method inside a step (augmented Lagrangian, polishing): the child's state is saved with the parent's.
 * `oracle` must outlive the child. Evaluations of the child's oracle that call tw_run_* of the parent are counted there. */
/* Called again with a known name it returns the same child, x0 and spec unused, with `oracle` in place of the one before. */
tw_status tw_run_child(tw_run *run, const char *name, const tw_oracle *oracle, const char *method_spec, const double *x0, tw_run **child);
tw_outcome tw_run_child_step(tw_run *child);  /* one iteration */
/* The child goes on from another x: begins again there with what its method keeps (tw_solver_restart). */
tw_status tw_run_child_move(tw_run *child, const double *x);
void tw_run_child_end(tw_run *run, const char *name);
const char *tw_run_message(const tw_run *run); /* why it ended; "" while it runs */
double tw_run_tolerance(const tw_run *run);    /* the run's tol after tw_solve_options.tolerance */
/* What stationarity and complementarity are compared with, times tol:
 *
 *   max(1, size, min(scale, 100))
 *
 * A large gradient at the start says that the start is poor, not that the problem is large: it counts for no more than a factor of 100
 * (Ipopt's nlp_scaling_max_gradient; Waechter & Biegler 2006, section 3.8). Beyond that, tol * scale ends a run when there is nothing
 * left to gain but rounding: see tw_driver_test_end. */
static inline double tw_run_scale(const tw_run *run) {
  const double start = run->scale < 100 ? run->scale : 100, size = run->size > start ? run->size : start;
  return size > 1 ? size : 1;
}

/* Registry: the built-in methods; NULL-terminated. A custom method is passed by pointer in tw_solve_options via
 * tw_solver_new_with. */
const tw_method *const *tw_methods(void);
const tw_method *tw_method_find(const char *name);
tw_status tw_solver_new_with(tw_solver **solver, const tw_method *method, const tw_oracle *oracle, const double *x0,
                             const tw_solve_options *options, tw_error *error);
/* The default for a class (also used by nested problems): a registry name. `why` (may be NULL) gets one line; NULL
 * result when no registered method solves the class: `why` names the class and what would. */
const char *tw_method_choose(const tw_problem *p, const tw_class *cls, char *why, size_t why_size);

#ifdef __cplusplus
}
#endif
#endif
