/* What the recipe must show, measured and written as markdown: each line with its figure, and whether it holds. Run from the root of the
 * source tree, where the data lie. */
#ifndef CONVEX_RELU_ACCEPTANCE_H
#define CONVEX_RELU_ACCEPTANCE_H

#include <talweg/base.h>

tw_status acceptance(FILE *out, tw_error *error);

#endif
