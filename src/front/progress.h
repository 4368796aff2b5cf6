/* The progress line of a run on a terminal. */
#ifndef TALWEG_FRONT_PROGRESS_H
#define TALWEG_FRONT_PROGRESS_H

#include <talweg/front.h>

typedef struct tw_progress_line {
  FILE *stream;    /* NULL: draws nothing */
  bool maximize, objective;
  double drawn_at; /* seconds of the run; < 0: never */
} tw_progress_line;

/* Rewrites the line, ten times a second at most. */
void tw_progress_draw(tw_progress_line *line, const tw_progress *progress);
void tw_progress_clear(tw_progress_line *line);

#endif
