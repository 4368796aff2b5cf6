/* Measured parts as tables, as JSON and as a drawing. */
#ifndef OP_SCOPE_REPORT_H
#define OP_SCOPE_REPORT_H

#include "analysis.h"

enum { REPORT_PARTS = 4 };

typedef struct report {
  const workload *w;
  workload_size size;
  int64_t steps;
  tw_machine machine;
  int n;
  part *part[REPORT_PARTS]; /* borrowed */
  int which[REPORT_PARTS];  /* part of the workload */
} report;

void report_machine(const tw_machine *machine, tw_text *out);
/* Times by class; by the first two names of scopes. */
void report_classes(const report *r, int i, tw_text *out);
void report_scopes(const report *r, int i, tw_text *out);
/* Sequence lengths of attention, by call, and score memory; phases of a whole run. */
void report_trace(const report *r, tw_text *out);
void report_phases(const report *r, tw_text *out);
/* Amdahl's prediction from a measured pair (part `naive`, part `tiled`) of the same function. */
typedef struct what_if {
  double share, factor, predicted, measured; /* of attention; of attention; of the whole, as predicted and measured */
} what_if;
what_if report_what_if(const part *naive, const part *tiled);
void report_json(const report *r, tw_text *out);
/* A roofline with a dot for every step, and bars of shares by class. The format is that of the suffix, .svg or .png. */
tw_status report_plot(const report *r, const char *path, tw_error *error);

#endif
