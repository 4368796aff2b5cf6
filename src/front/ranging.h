/* Ranges of a linear program's basis, for people and as JSON. */
#ifndef TALWEG_FRONT_RANGING_H
#define TALWEG_FRONT_RANGING_H

#include <talweg/front.h>

#include "method/ranging.h"

/* Of the objective as stated: a maximised one changes the sign of costs, rates and objectives. In place. */
void tw_ranging_state(tw_basis_ranges *ranges, bool maximize);
void tw_ranging_text(tw_text *text, const tw_basis_ranges *ranges, const tw_model *model);
/* {"degenerate":..,"unique":..,"variables":{..},"constraints":{..}} */
void tw_ranging_json(tw_text *text, const tw_basis_ranges *ranges, const tw_model *model);

#endif
