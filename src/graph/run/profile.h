/* Recording of a profile by the interpreter. */
#ifndef TALWEG_GRAPH_PROFILE_H
#define TALWEG_GRAPH_PROFILE_H

#include "graph/plan/plan.h"

/* The row of a step, made when it is new; -1 when out of memory. */
int32_t tw_profile_row_of(tw_profile *profile, const tw_fn *fn, int step, int depth);
void tw_profile_add(tw_profile *profile, int32_t row, double start, double seconds, double flops, double bytes);
/* What a step is, for people; its kind; the bytes it must move. */
void tw_step_name(const tw_step *step, char *out, size_t size);
tw_op_kind tw_step_kind(const tw_step *step);
double tw_step_bytes(const tw_step *step);
double tw_step_flops(const tw_step *step);

#endif
