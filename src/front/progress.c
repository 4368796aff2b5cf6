/* The progress line: iteration, objective, optimality, elapsed time. */
#include "front/progress.h"

#include <math.h>

static const double REDRAW_SECONDS = 0.1;

void tw_progress_draw(tw_progress_line *line, const tw_progress *progress) {
  if (line->stream == NULL) return;
  if (line->drawn_at >= 0 && progress->seconds - line->drawn_at < REDRAW_SECONDS) return;
  line->drawn_at = progress->seconds;
  char objective[48] = "";
  if (line->objective)
    snprintf(objective, sizeof objective, "   objective %.9g", line->maximize ? 0 - progress->f : progress->f);
  char bound[64] = "";
  if (isfinite(progress->bound))
    snprintf(bound, sizeof bound, " bound %.9g gap %.1e", line->maximize ? 0 - progress->bound : progress->bound,
             tw_gap(progress->f, progress->bound, &progress->optimality));
  char feasibility[40] = "";
  if (progress->optimality.feasibility > 0)
    snprintf(feasibility, sizeof feasibility, " feasibility %.1e", progress->optimality.feasibility);
  fprintf(line->stream, "\r%s iteration %lld%s%s   optimality %.1e%s   %.1f s\033[K", progress->method,
          (long long)progress->iteration, objective, bound, progress->optimality.stationarity * progress->scale, feasibility,
          progress->seconds);
  fflush(line->stream);
}

void tw_progress_clear(tw_progress_line *line) {
  if (line->stream == NULL || line->drawn_at < 0) return;
  fputs("\r\033[K", line->stream);
  fflush(line->stream);
}
