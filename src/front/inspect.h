/* What no run could begin with, told in the model's own names. */
#ifndef TALWEG_FRONT_INSPECT_H
#define TALWEG_FRONT_INSPECT_H

#include <talweg/front.h>

/* TW_ERR_INFEASIBLE: bounds or limits of a constraint that cross; TW_ERR_DATA: some that are NaN, or a start that is not
 * finite. The message is "file:line:column: x[2]: ..". O(unknowns + rows), not counting the start. */
tw_status tw_model_inspect(tw_model *model, const tw_oracle *oracle, tw_error *error);

#endif
