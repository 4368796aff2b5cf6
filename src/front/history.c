/* The history of a run: a row per iteration, and its CSV file, the trace. */
#include <talweg/front.h>

#include "base/given.h"

#include <math.h>
#include <stdlib.h>

void tw_history_add(tw_history *history, const tw_progress *progress, bool maximize) {
  if (!history || !progress) return;
  if (history->failed || (history->count > 0 && history->row[history->count - 1].iteration == progress->iteration)) return;
  tw_history_row *grown = tw_grow(history->row, &history->capacity, history->count + 1, sizeof *grown);
  if (grown == NULL) {
    history->failed = true;
    return;
  }
  history->row = grown;
  history->coordinates = progress->n <= TW_HISTORY_COORDINATES ? (int)progress->n : 0;
  tw_history_row *row = &grown[history->count++];
  *row = (tw_history_row){.iteration = progress->iteration,
                        .objective = maximize ? 0 - progress->f : progress->f,
                        .stationarity = progress->optimality.stationarity * progress->scale,
                        .feasibility = progress->optimality.feasibility,
                        .seconds = progress->seconds};
  for (int i = 0; i < history->coordinates; i++) row->x[i] = progress->x[i];
}

void tw_history_free(tw_history *history) {
  if (!history) return;
  free(history->row);
  *history = (tw_history){0};
}

const char *tw_coordinate_name(const tw_problem *p, int64_t entry, char text[TW_SHAPE_TEXT]) {
  if (!text) return "";
  text[0] = '\0';
  if (!p) return text;
  text[0] = '\0';
  for (int i = 0; i < tw_problem_variables(p); i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    if (entry < v->offset || entry >= v->offset + v->size) continue;
    const tw_shape shape = tw_shape_of(v->expr);
    int64_t index[TW_MAX_RANK], left = entry - v->offset;
    for (int axis = shape.rank - 1; axis >= 0; axis--) {
      index[axis] = left % shape.dim[axis];
      left /= shape.dim[axis];
    }
    size_t used = (size_t)snprintf(text, TW_SHAPE_TEXT, "%.80s%s", v->name, shape.rank > 0 ? "[" : "");
    for (int axis = 0; axis < shape.rank; axis++)
      used += (size_t)snprintf(text + used, TW_SHAPE_TEXT - used, "%s%lld", axis > 0 ? ", " : "",
                               (long long)index[axis]);
    if (shape.rank > 0) snprintf(text + used, TW_SHAPE_TEXT - used, "]");
    break;
  }
  return text;
}

/* ------------------------------------------------------------------ CSV */

static void put_cell(tw_text *line, double value) {
  tw_text_puts(line, ",");
  if (isfinite(value)) tw_text_number(line, value);
}

static void put_header(tw_text *line, const tw_history *history, const tw_problem *p) {
  char name[TW_SHAPE_TEXT];
  tw_text_puts(line, "iteration,objective,stationarity,feasibility,seconds");
  for (int i = 0; i < history->coordinates; i++)
    tw_text_printf(line, ",\"%s\"", tw_coordinate_name(p, i, name)); /* quoted: "x[0, 1]" has a comma */
  tw_text_puts(line, "\n");
}

static void put_row(tw_text *line, const tw_history *history, const tw_history_row *row) {
  const double value[] = {row->objective, row->stationarity, row->feasibility, row->seconds};
  tw_text_printf(line, "%lld", (long long)row->iteration);
  for (size_t i = 0; i < sizeof value / sizeof *value; i++) put_cell(line, value[i]);
  for (int i = 0; i < history->coordinates; i++) put_cell(line, row->x[i]);
  tw_text_puts(line, "\n");
}

tw_status tw_history_write(const tw_history *history, const tw_problem *p, const char *path, tw_error *error) {
  TW_GIVEN(history);
  TW_GIVEN(p);
  TW_GIVEN(path);
  if (history->failed) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the trace %s", path);
  tw_file *file = NULL;
  const tw_status status = tw_file_create(&file, path, error);
  if (status != TW_OK) return status;
  tw_text line = {0};
  put_header(&line, history, p);
  for (size_t i = 0; i < history->count && !line.failed; i++) {
    put_row(&line, history, &history->row[i]);
    if (line.length < 1 << 16) continue;
    fwrite(line.data, 1, line.length, tw_file_stream(file));
    tw_text_clear(&line);
  }
  const bool failed = line.failed;
  if (!failed && line.length > 0) fwrite(line.data, 1, line.length, tw_file_stream(file));
  tw_text_free(&line);
  if (!failed) return tw_file_commit(file, error);
  tw_file_discard(file);
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for the trace %s", path);
}
