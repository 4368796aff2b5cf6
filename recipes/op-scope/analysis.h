/* What a function of a workload costs and takes: by node, by class, by scope, by phase. */
#ifndef OP_SCOPE_ANALYSIS_H
#define OP_SCOPE_ANALYSIS_H

#include "workloads.h"

typedef enum op_class {
  CLASS_ATTENTION, CLASS_CONVOLUTION, CLASS_LINEAR, CLASS_NORM, CLASS_ELEMENTWISE,
  CLASS_EMBEDDING, CLASS_MEMORY, CLASS_REDUCTION, CLASS_SCAN, CLASS_OTHER, CLASSES
} op_class;
extern const char *const class_names[CLASSES];

/* Of a node: by its scope ("attend", "norm") and else by what its op spends its time on. Projections are linear. */
op_class class_of(tw_expr node);
/* "QK", "softmax", "AV" or "tiled" of nodes in attention; "" of others. */
const char *attention_part(tw_expr node);
/* Whether `name` is one of the names on a scope's path. */
bool in_scope(tw_expr node, const char *name);

typedef struct part {
  net n;
  tw_fn *fn;
  tw_work *work;
  int n_steps, n_costs, n_held;
  tw_cost *cost;
  tw_held *held;
  int *nodes;      /* per step: nodes with a cost */
  double *seconds; /* per cost: its share of the median of its step, by the times that the roof predicts */
  tw_step_time *time;
  double *step_flops, *step_bytes; /* per step */
  tw_measurement whole;
  void **out;
  tw_machine machine;
} part;

/* Builds and compiles; nothing is timed yet. */
tw_status part_open(part *p, const workload *w, int which, const workload_size *size, bool tiled, tw_error *error);
void part_close(part *p);
/* Memory for outputs and a workspace; then times of steps and nodes. */
tw_status part_measure(part *p, const tw_machine *machine, int runs, bool counters, tw_error *error);

/* "prefill-like": all positions at once; "decode-like": one; by its self attention. "": neither. */
const char *part_phase(const part *p);
double part_flops(const part *p);
/* Sums over nodes for which `holds` (NULL: all). */
typedef bool node_test(tw_expr node, const void *context);
typedef struct totals {
  double seconds, flops, bytes, moved;
} totals;
totals part_totals(const part *p, node_test *holds, const void *context);
bool is_of_class(tw_expr node, const void *op_class);
bool is_in_scope(tw_expr node, const void *name);
/* The most bytes in the workspace at one step, of values (and scratch memory) for which `holds`. */
double part_peak(const part *p, node_test *holds, const void *context);
/* The slope of log y over log x by least squares. */
double log_slope(int n, const double *x, const double *y);

#endif
