/* Recording of a profile by the interpreter. */
#ifndef TALWEG_GRAPH_PROFILE_H
#define TALWEG_GRAPH_PROFILE_H

#include "graph/plan/plan.h"

/* Of this profile and no other that ever was in this process. */
uint64_t tw_profile_serial(const tw_profile *profile);
/* The row of a step, made when it is new; -1 when out of memory. */
int32_t tw_profile_row_of(tw_profile *profile, const tw_fn *fn, int step, int depth);
void tw_profile_add(tw_profile *profile, int32_t row, double start, double seconds, double flops, double bytes);
/* Of a call of a step: what its nodes of each kind cost. */
typedef struct tw_kind_costs {
  double flops[TW_OP_KINDS], bytes[TW_OP_KINDS];
} tw_kind_costs;
/* tw_profile_rows with these (NULL: without). */
int tw_profile_costs(tw_profile *profile, int most, tw_profile_row *rows, tw_kind_costs *costs);
/* "overhead", "compute" or "memory" of `seconds`, `least` being what the roof allows, and compute and memory its two sides. */
const char *tw_roof_bound(double least, double compute, double memory, double seconds);
/* ------------------------------------------------------------------ timed steps */

enum { TW_COUNTERS = 3 }; /* cycles, instructions, misses of the last cache */
typedef struct tw_counters tw_counters;
tw_counters *tw_counters_open(void); /* of the calling thread; NULL where they cannot be had. In counters.c */
void tw_counters_close(tw_counters *counters);
void tw_counters_start(tw_counters *counters);
void tw_counters_read(tw_counters *counters, double count[TW_COUNTERS]);

typedef struct tw_timing {
  double *seconds;   /* per step: of a run of it in the last call */
  const int *repeat; /* NULL: every step once */
  tw_counters *counters;
  double *count; /* per step and counter */
} tw_timing;
/* Calls with this workspace are timed from here on; NULL: no more. */
void tw_work_time(tw_work *work, const tw_timing *timing);
/* After a call: whether step s may run again on what it has left. */
bool tw_work_repeatable(const tw_work *work, int s);

/* What a step is, for people; the bytes it must move. */
void tw_step_name(const tw_step *step, char *out, size_t size);
double tw_step_bytes(const tw_step *step);
double tw_step_flops(const tw_step *step);
double tw_step_moved(const tw_step *step);
typedef void tw_cost_visitor(void *context, const tw_cost *cost);
/* The step's node, or the nodes of its pass in order; false when out of memory. In cost.c. */
bool tw_step_costs(const tw_step *step, int s, tw_cost_visitor *visit, void *context);

#endif
