/* Messages that say where. */
#ifndef TALWEG_MODEL_DIAGNOSE_H
#define TALWEG_MODEL_DIAGNOSE_H

#include "model/token.h"

/* Line and column, both from 1; a column is a character (a UTF-8 code point). O(at). */
void tw_place_position(tw_place place, int64_t *line, int64_t *column);
/* "file:line:column" */
void tw_place_text(tw_place place, tw_text *text);

/* Fills `error` with "file:line:column: message", the line, and a caret under the column; returns `status`.
 */
tw_status tw_place_fail(tw_place place, tw_error *error, tw_status status, const char *format, ...)
    TW_PRINTF(4, 5);
tw_status tw_place_fail_v(tw_place place, tw_error *error, tw_status status, const char *format,
                          va_list args);

/* The best of the candidates offered for a misspelt name. */
typedef struct tw_nearest {
  const char *wanted, *best; /* best NULL: none is near */
  int distance;
} tw_nearest;
tw_nearest tw_nearest_start(const char *wanted);
void tw_nearest_offer(tw_nearest *nearest, const char *candidate);
/* ", did you mean `best`?" or "". */
const char *tw_nearest_text(const tw_nearest *nearest, char text[96]);

#endif
