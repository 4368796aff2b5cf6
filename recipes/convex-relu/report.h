/* A fit as text, as JSON and as a drawing. */
#ifndef CONVEX_RELU_REPORT_H
#define CONVEX_RELU_REPORT_H

#include "fit.h"

void report_text(const fit *f, const fit_options *options, const table *t, tw_text *out);
void report_json(const fit *f, const fit_options *options, const table *t, tw_text *out);
/* Residuals and distance to the last objective over iterations; beside them, for one feature, the data with the net's graph. The
 * format is that of the suffix, .svg or .png. */
tw_status report_plot(const fit *f, const fit_options *options, const table *t, const char *path, tw_error *error);

#endif
