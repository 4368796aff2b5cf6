/* The driver behind tw_run and tw_solver: everything about a run that is not mathematics. Private to method/.
 */
#ifndef TALWEG_METHOD_DRIVER_H
#define TALWEG_METHOD_DRIVER_H

#include "method/options.h"

typedef struct tw_driver tw_driver;

typedef struct tw_named_vector {
  char *name;
  double *data;
  int64_t n;
} tw_named_vector;

typedef struct tw_named_child {
  char *name;
  tw_driver *driver; /* between a resume and the parent's first use its oracle is NULL */
} tw_named_child;

/* Everything a checkpoint holds beside vectors and children; also what is rewound when a step is abandoned.
 */
typedef struct tw_tally {
  tw_counts counts;
  int64_t iteration;
  double f, bound, scale, size, f_start;
  tw_optimality optimality;
  double last_f, last_stationarity,
      last_feasibility; /* of the iteration before; monotone: the lowest so far */
  int64_t idle;         /* iterations in a row without progress */
  double level_f, level_stationarity; /* where the last `still` iterations began */
  int64_t still;        /* iterations in a row that gained no more than rounding */
} tw_tally;

typedef struct tw_best {
  bool found;
  double f;
  tw_optimality optimality; /* relative */
  double scale;             /* to this */
  double *x, *dual;         /* NULL for monotone methods: the current iterate is the best */
} tw_best;

struct tw_driver {
  tw_run run;
  double *x;         /* n: where run.x points at first and after a resume */
  tw_driver *parent; /* of a child run */
  int64_t m;         /* constraint rows */
  double *option;    /* by position in method->options */
  bool *given;       /* named in the spec */
  tw_named_vector *vector;
  int vectors, vector_room;
  tw_named_child *child;
  int children, child_room;
  tw_exec exec;
  tw_error error;
  tw_counts counts;
  double f_start;
  double last_f, last_stationarity, last_feasibility;
  int64_t idle;
  double level_f, level_stationarity;
  int64_t still;
  bool to_rounding; /* solved relative to the start alone: see tw_driver_test_end */
  int64_t max_iter, max_evaluations;
  double tol;
  double time_limit, outer_deadline;        /* as given; 0: none */
  double started, deadline, elapsed_before; /* seconds on tw_now's clock; time of resumed runs */
  tw_best best;
  tw_tally boundary; /* at the end of the last complete iteration */
  bool torn;         /* the last step was abandoned half-way */
  bool keep_snapshots;
  tw_text snapshot; /* packed state before the step under way, for methods whose steps are not atomic */
  tw_outcome outcome;
  char message[TW_MESSAGE_MAX];
};

/* What a driver is made from. */
typedef struct tw_driver_setup {
  const tw_method *method;
  const char *spec; /* "name:option=value,.." or NULL */
  const tw_oracle *oracle;
  const double *x0; /* NULL: the oracle's start */
  const double *dual; /* NULL: zeros */
  const tw_exec *exec;
  int64_t max_iter, max_evaluations; /* 0: the method's default, none */
  double tolerance, time_limit;      /* 0: the method's default, none */
  uint64_t seed;
  tw_driver *parent;
} tw_driver_setup;

/* Allocates and starts at x0. The method's init runs in tw_driver_begin. */
tw_status tw_driver_make(tw_driver **out, const tw_driver_setup *setup, tw_error *error);
/* The same after a check that the method fits the oracle. */
tw_status tw_driver_new(tw_driver **out, const tw_driver_setup *setup, tw_error *error);
/* Runs init. Fails only for errors that make a run impossible; numerical trouble becomes the outcome. */
tw_status tw_driver_begin(tw_driver *d, tw_error *error);
tw_outcome tw_driver_step(tw_driver *d);
/* Begins again where the run is, on the oracle's present answers. */
tw_status tw_driver_restart(tw_driver *d, tw_error *error);
/* Begins again from x0 (NULL: the oracle's start) and dual (NULL: zeros), with the same bits as a new run: run->anew. */
tw_status tw_driver_again(tw_driver *d, const double *x0, const double *dual, const tw_exec *exec, tw_error *error);
void tw_driver_free(tw_driver *d);

/* Ends the run unless it has ended. */
void tw_driver_end(tw_driver *d, tw_outcome outcome, const char *format, ...) TW_PRINTF(3, 4);
/* Ends the run when a budget of this driver or of one above it is used up; returns the status to pass on. */
tw_status tw_driver_check_budget(tw_driver *d, tw_error *error);
double tw_driver_seconds(const tw_driver *d);
double tw_driver_scale(const tw_driver *d); /* tw_run_scale; to rounding, max(1, run.size, run.scale) */
tw_optimality tw_driver_relative(const tw_driver *d); /* optimality as the outside sees it: over tw_driver_scale */
bool tw_driver_minimizes(const tw_driver *d);               /* no equations */
bool tw_driver_meets(const tw_driver *d, double scale);     /* the tolerances, relative to this */
bool tw_driver_converged(const tw_driver *d);               /* relative to tw_driver_scale */
/* Ends the run when its iterate calls for it: as solved where
 *
 *   stationarity, complementarity <= tol * tw_run_scale,
 *
 * or, "to rounding", where they are <= tol * max(1, size, scale), scale that of the start without the cap, and the run can go no further: a
 * minimisation's step found no lower point, or for some iterations neither f nor the stationarity (equations: the stationarity) fell by
 * more than rounding, and rounding explains what is left (rounding.c). */
void tw_driver_test_end(tw_driver *d);
bool tw_outcome_is_stop(tw_outcome outcome); /* a limit or the caller, nothing mathematical */
tw_tally tw_driver_tally(const tw_driver *d);
void tw_driver_set_tally(tw_driver *d, const tw_tally *tally);

/* rounding.c: the other end of tw_driver_test_end. After every iteration; whether it is time to look; ends the run if it is solved so (two
 * evaluations). */
void tw_driver_watch_rounding(tw_driver *d);
bool tw_driver_is_still(const tw_driver *d);
void tw_driver_solve_to_rounding(tw_driver *d);

/* child.c: tw_run_child with multipliers (m, NULL: zeros) beside x0. */
tw_status tw_run_child_at(tw_run *run, const char *name, const tw_oracle *oracle, const char *method_spec, const double *x0,
                          const double *dual, tw_run **child);

/* match.c */
/* The default method for an oracle whose class is not known. */
const char *tw_method_choose_for_oracle(const tw_oracle *oracle);
/* ipm or auglag, for general constraints alone: ipm factors second derivatives, which those of a large problem (too many entries where
 * nothing is sparse; nlp.c refuses them) must be sparse for. */
bool tw_method_is_large(int64_t n, int64_t m);
const char *tw_method_for_rows(const tw_oracle *oracle);


/* state.c */
tw_named_vector *tw_driver_vector(tw_driver *d, const char *name,
                                  int64_t n); /* new or found; NULL: out of memory or another size */
tw_named_child *tw_driver_child(tw_driver *d, const char *name); /* found or NULL */
tw_named_child *tw_driver_add_child(tw_driver *d, const char *name, tw_driver *child);
void tw_driver_drop_state(tw_driver *d); /* vectors and children */

/* pack.c: bytes to memory or to a stream, and back. */
typedef struct tw_packer {
  FILE *stream; /* or */
  tw_text *text;
  uint32_t crc;
  bool failed;
} tw_packer;
void tw_pack_bytes(tw_packer *p, const void *data, size_t bytes);
void tw_pack_u32(tw_packer *p, uint32_t value);
void tw_pack_i64(tw_packer *p, int64_t value);
void tw_pack_f64(tw_packer *p, double value);
void tw_pack_string(tw_packer *p, const char *string);
void tw_pack_vector(tw_packer *p, const double *data, int64_t n); /* length, then the doubles */

typedef struct tw_unpacker {
  const char *at, *end;
  bool failed; /* ran past the end or met nonsense; later reads give zeros */
} tw_unpacker;
void tw_unpack_bytes(tw_unpacker *u, void *data, size_t bytes);
uint32_t tw_unpack_u32(tw_unpacker *u);
int64_t tw_unpack_i64(tw_unpacker *u);
double tw_unpack_f64(tw_unpacker *u);
bool tw_unpack_string(tw_unpacker *u, char *out, size_t size); /* fails when it does not fit */
/* The length must be n; false otherwise. */
bool tw_unpack_vector(tw_unpacker *u, double *data, int64_t n);

/* remember.c: what nested problems of the oracle carry from evaluation to evaluation. */
bool tw_driver_remembers(const tw_driver *d);
void tw_driver_pack_memory(const tw_driver *d, tw_packer *p);
tw_status tw_driver_unpack_memory(tw_driver *d, tw_unpacker *u, tw_error *error);

/* checkpoint.c: the state of a run at its last complete iteration. */
void tw_driver_pack(const tw_driver *d, tw_packer *p);
tw_status tw_driver_save(const tw_driver *d, const char *path, tw_error *error);
tw_status tw_driver_load(tw_driver *d, const char *path, tw_error *error);

#endif
