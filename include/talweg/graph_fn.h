/* graph: functions compiled from expressions; what they cost and where their time goes; functions as C source. */
#ifndef TALWEG_GRAPH_FN_H
#define TALWEG_GRAPH_FN_H

#ifndef TALWEG_GRAPH_H
#error "include <talweg/graph.h>, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ functions */

typedef struct tw_fn tw_fn;     /* immutable after tw_fn_new; shared by threads */
typedef struct tw_work tw_work; /* one per thread: buffers and the state of nested solves */

/* Plain arithmetic of passes, and sequences of small steps, as native code, made by the system's C compiler and kept in a cache
 * (see tw_cache_folder). The bits are the same with and without. AUTO: once the time that it would have saved exceeds what
 * compiling takes. Without a compiler, or when anything goes wrong, evaluation goes on as before. */
typedef enum tw_jit { TW_JIT_AUTO, TW_JIT_ON, TW_JIT_OFF } tw_jit;

/* What the caller lends to an evaluation. Zero-initialise for defaults. */
typedef struct tw_exec {
  int threads;              /* 0: all cores */
  double inner_tolerance;   /* for nested solves; 0: their own default */
  double deadline;          /* for nested solves, on tw_now's clock: leave then with TW_ERR_LIMIT; 0: none */
  const volatile int *stop; /* nonzero: leave at the next chance with TW_ERR_INTERRUPT */
  const tw_logger *log;
  tw_jit jit;
  struct tw_profile *profile; /* NULL: not measured */
  int depth;                  /* of functions inside ops: 0 is the outermost (for profiles) */
} tw_exec;

enum {
  TW_MODE_SERIAL = 1,  /* will run inside a parallel region: its own loops use one thread */
  TW_MODE_UNFUSED = 2  /* every op by its own kernel: the slow, plain reference */
};
typedef struct tw_fn_options {
  /* Level of every input (NULL: all 0): how often it changes, 0 the least. A call names the lowest level that has
   * changed; what depends only on lower levels is kept from the call before. */
  const int *levels;
  unsigned mode; /* TW_MODE_*; ops hand it on to the functions inside them (see tw_op.prepare) */
} tw_fn_options;

/* Compiles inputs -> outputs. Inputs are tw_input or tw_param nodes; outputs depend on nothing else. */
tw_status tw_fn_new(tw_fn **fn, int n_inputs, const tw_expr *inputs, int n_outputs, const tw_expr *outputs,
                    const tw_fn_options *options, tw_error *error);
void tw_fn_free(tw_fn *fn);
size_t tw_fn_work_bytes(const tw_fn *fn); /* planned buffers of one workspace */
size_t tw_fn_live_bytes(const tw_fn *fn); /* the largest live set: a lower bound for the above */
int tw_fn_steps(const tw_fn *fn);
double tw_fn_flops(const tw_fn *fn);
tw_status tw_work_new(tw_work **work, const tw_fn *fn, tw_error *error);
void tw_work_free(tw_work *work);
void tw_work_exec(tw_work *work, const tw_exec *exec); /* copied; NULL: defaults */
/* Runs: inputs[i] and outputs[i] are contiguous C-order arrays of the declared types. `level`: inputs at levels below
 * it are unchanged since the last successful call with this workspace (0: anything may have changed).
 * Allocates nothing, nested solves apart. */
tw_status tw_fn_call(const tw_fn *fn, tw_work *work, const void *const *inputs, void *const *outputs, int level,
                     tw_error *error);
/* Visits the state of every stateful op, nested ones included. */
typedef void tw_state_visitor(void *context, tw_expr node, void *state);
void tw_work_visit(tw_work *work, tw_state_visitor *visitor, void *context);
/* Visits the numbers that states carry from call to call (warm starts), so that a checkpoint can keep them: the order is
 * that of the steps; data may be overwritten with values saved from an equal function's workspace. n < 0 (data NULL): what
 * comes next could not be made, and the visit is of no use. */
typedef void tw_memory_visitor(void *context, double *data, int64_t n);
void tw_work_memory(tw_work *work, tw_memory_visitor *visitor, void *context);
/* The planned steps as a table: what runs, on how many elements, flops, bytes, where results go; then the workspace. */
void tw_fn_describe(const tw_fn *fn, tw_text *out);
/* Convenience: compile, evaluate an expression without inputs into a new array, release. */
tw_status tw_eval(tw_expr e, tw_array *out, tw_error *error);

/* ------------------------------------------------------------------ what functions cost */

/* A node of a planned function. A step is one node, or a pass over several, which is the entries of equal `step`. */
typedef struct tw_cost {
  int step;
  tw_expr node;
  double flops; /* by the op's rule */
  double bytes; /* read from and written to memory at least: nothing between the nodes of a pass */
  double moved; /* what the kernel moves: with its copies, and with what it reads again */
} tw_cost;
/* Copies at most `most` entries, in the order of steps; the number there are. Functions inside ops are part of the op. */
int tw_fn_costs(const tw_fn *fn, int most, tw_cost *costs);

/* A value or scratch memory in the workspace from one step to another, both included. */
typedef struct tw_held {
  tw_expr node; /* the value's, or of the step whose scratch it is */
  int first, last;
  size_t bytes;
  bool scratch;
} tw_held;
int tw_fn_held(const tw_fn *fn, int most, tw_held *held);

/* ------------------------------------------------------------------ profiles */

/* Where time goes, step by step. Set tw_exec.profile; any number of functions and threads may share one. */
typedef struct tw_profile tw_profile;
tw_profile *tw_profile_new(void); /* NULL when out of memory */
void tw_profile_free(tw_profile *profile);

typedef struct tw_profile_row {
  char name[96];        /* the op and its shape, or the ops of a pass */
  char kind[32];        /* tw_op_kind_name; "fused": a pass over nodes of several kinds */
  int depth;            /* 0: its time adds up to the total; deeper steps are part of an outer one */
  bool single;          /* f32 */
  int64_t calls;
  double seconds, flops, bytes; /* of all calls, which are alike; bytes read and written at least */
} tw_profile_row;
/* Copies at most `most` rows, by falling seconds; the number there are. Steps of one function have rows of their own; those of equal
 * name, dtype, cost and place among such in two functions share one. */
int tw_profile_rows(tw_profile *profile, int most, tw_profile_row *rows);

/* What this machine can do with `threads` threads, as measured: the best of products of matrices by BLAS, and of sums over one
 * array, copies and sums of two arrays into a third, on arrays within each cache and on arrays four times the last. */
typedef enum tw_memory_level { TW_CACHE_1, TW_CACHE_2, TW_CACHE_3, TW_MEMORY, TW_MEMORY_LEVELS } tw_memory_level;
typedef struct tw_machine {
  int threads;
  double flops, flops_single;       /* per second, f64 and f32 */
  double size[TW_MEMORY_LEVELS];    /* bytes that a cache holds, of all threads; of memory: infinite */
  double rate[TW_MEMORY_LEVELS];    /* bytes per second */
  double triad;                     /* of them, a = b + c alone in memory, without the lines that are read to be written */
  double rounds;                    /* measurements that these are the best of */
} tw_machine;
/* 0: all cores, 16 at most. About two seconds for a thread. */
tw_status tw_machine_measure(int threads, tw_machine *machine, tw_error *error);
/* The same, measured once and kept in the user's cache folder (see tw_cache_folder) for 30 days. */
tw_status tw_machine_get(int threads, tw_machine *machine, tw_error *error);
/* Measures once more; of each number the larger is kept, in *machine and in the folder. */
tw_status tw_machine_again(tw_machine *machine, tw_error *error);
/* The roof (Williams, Waterman & Patterson 2009): the least seconds for so many flops and bytes. Of bytes that fit twice into
 * a cache's size some may be found there, so they go at its rate. */
double tw_machine_least(const tw_machine *machine, bool single, double flops, double bytes);
double tw_machine_rate(const tw_machine *machine, double bytes);
/* "compute" or "memory", whichever the roof is made of; "overhead" when it took more than 5 times the least. */
const char *tw_machine_bound(const tw_machine *machine, bool single, double flops, double bytes, double seconds);

/* The roofs for a profile: tw_machine_get's, measured once more where a row of 10 microseconds or more attains above 1.05 of its
 * roof: the machine was busy when that was found. The best of 5 measurements is left as it is. */
tw_status tw_profile_machine(tw_profile *profile, int threads, tw_machine *machine, tw_error *error);
/* Roofline tables by step and by kind: time, flop/s and byte/s, their share of what the machine can do, and what bounds
 * each: tw_machine_bound. The time of a pass over several kinds goes to each by what the roof predicts of its nodes. A line on the
 * whole ends it: the time in steps, and of `wall` seconds (0: not known) what went by outside them. */
void tw_profile_table(tw_profile *profile, const tw_machine *machine, double wall, tw_text *out);
/* The events in Chrome's trace format (chrome://tracing, Perfetto), with the rows as `otherData`. */
void tw_profile_trace(tw_profile *profile, const tw_machine *machine, tw_text *json);

/* ------------------------------------------------------------------ steps, timed */

typedef struct tw_measure_options {
  int warm_up, runs; /* 0: 2 and 10 */
  bool counters;     /* of the processor, in runs of their own; without effect where the system does not permit them */
} tw_measure_options;

typedef struct tw_step_time {
  double median, low, high; /* seconds; low and high: the 10th and 90th percentile */
  int repeats;              /* runs in a row behind one sample: above 1 for steps too short for the clock */
  double cycles, instructions, misses; /* of the calling thread, medians; NaN: not counted. Misses: of the last cache */
} tw_step_time;

typedef struct tw_measurement {
  int runs;
  double probe;    /* seconds that reading the clock takes, taken off every step */
  double wall;     /* of a call while its steps are timed, and.. */
  double plain;    /* .. while they are not: medians */
  double coverage; /* the sum of step times over the wall time of the call: median */
} tw_measurement;
/* Calls `fn` again and again with these arguments and times its steps; step[tw_fn_steps]. Steps of less than 20 times the
 * probe are timed in a row, except those that overwrite what they read or keep a state. Errors are those of tw_fn_call. */
tw_status tw_fn_measure(const tw_fn *fn, tw_work *work, const void *const *inputs, void *const *outputs,
                        const tw_measure_options *options, tw_step_time *step, tw_measurement *whole, tw_error *error);

/* ------------------------------------------------------------------ functions as C source */

/* C11 files of functions that stand alone: no dependency but libm, no allocation, re-entrant. Their size does not depend on
 * the extents of loops and arrays, constants' data apart. */
typedef struct tw_source tw_source;
tw_source *tw_source_new(void); /* NULL when out of memory */
void tw_source_free(tw_source *source);
/* Appends `int name(const T *input.., T *output.., struct name_work *work)`, from the plan of `fn`: 0, or nonzero where the
 * library would have failed (an index outside its array, a singular matrix). Argument names are those of the inputs; outputs
 * are named by `outputs` (copied). TW_ERR_UNSUPPORTED names an op that has no C form. Builds on the function's graph, where
 * bodies of loops are planned anew. */
tw_status tw_source_add(tw_source *source, const char *name, const tw_fn *fn, const char *const *outputs, tw_error *error);

typedef struct tw_source_argument { /* an array that inputs of a function are parts of, or outputs */
  const char *name;    /* becomes a C identifier unlike the others */
  const char *meaning; /* for the comment; NULL: none */
  tw_dtype dtype;
  tw_shape shape;
  bool output;
} tw_source_argument;
typedef struct tw_source_part { /* `offset` elements into argument number `argument` */
  int argument;
  int64_t offset;
} tw_source_part;
/* The same with these n arguments in this order: part[k] is where input k of `fn` lies, and then where its outputs go. Outputs
 * overlap neither each other nor inputs. `meaning` goes to the function's comment. */
tw_status tw_source_add_packed(tw_source *source, const char *name, const char *meaning, const tw_fn *fn, int n,
                               const tw_source_argument *arguments, const tw_source_part *part, tw_error *error);
/* The same for `int name_values(..)`, the nnz values of a sparse matrix, and beside it `void name_pattern(int64_t *start,
 * int64_t *row)`, which fills start [cols + 1] and row [nnz]: compressed columns as in tw_pattern; the header defines name_nnz.
 * What is regular in the pattern is written as loops: stretches that recur, each of their numbers with a step of its own, and
 * stretches of such loops that do. TW_ERR_UNSUPPORTED, and nothing is added, where start, row or the constants that the values
 * need beyond those of the file are not regular and would take more than 16384 numbers each. O(cols + nnz). */
tw_status tw_source_add_sparse(tw_source *source, const char *name, const char *meaning, const tw_fn *fn, int n,
                               const tw_source_argument *arguments, const tw_source_part *part, const tw_pattern *pattern,
                               tw_error *error);
/* A comment of these lines between the functions. */
void tw_source_comment(tw_source *source, const char *lines);
/* The file and its header (either may be NULL); `title` goes to the first comment, `include` is the header's file name. */
tw_status tw_source_write(const tw_source *source, const char *title, const char *include, tw_text *c, tw_text *header,
                          tw_error *error);

#ifdef __cplusplus
}
#endif
#endif
