/* Names of single variables and rows, as the model calls them. */
#ifndef TALWEG_FRONT_NAMES_H
#define TALWEG_FRONT_NAMES_H

#include <talweg/front.h>

/* "ship[seattle, topeka]", of a place in the flat vector of variables, or among all rows when `row`. */
void tw_entry_name(const tw_model *model, bool row, int64_t index, tw_text *text);
/* "file:line:column" of its statement; NULL when unknown. */
const char *tw_entry_where(tw_model *model, bool row, int64_t index);

#endif
