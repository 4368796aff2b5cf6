/* csv reader: header, column selection, numeric cells. */
#include "base/given.h"
#include "array/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct table {
  const char *name;
  tw_text names;   /* header names, NUL-separated */
  size_t *name_at; /* offset of each in names.data */
  int64_t columns;
  int64_t *selected; /* file column of each output column */
  int64_t selected_count;
  size_t selected_capacity;
  bool vector;           /* one plain name was asked for */
  int64_t *first, *next; /* output columns fed by a file column: a list per file column, -1 ends it */
  double *values;
  size_t capacity; /* in values */
  int64_t rows;
} table;

static void release(table *t) {
  tw_text_free(&t->names);
  free(t->name_at);
  free(t->selected);
  free(t->first);
  free(t->next);
  free(t->values);
}

static tw_status out_of_memory(const table *t, tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", t->name);
}

/* `text` for a message: at most 40 bytes, control characters shown as '?'. */
static const char *excerpt(const char *text, size_t length, char out[48]) {
  size_t n = length > 40 ? 40 : length;
  for (size_t k = 0; k < n; k++) out[k] = (unsigned char)text[k] < 0x20 || text[k] == 0x7F ? '?' : text[k];
  strcpy(out + n, length > n ? "..." : "");
  return out;
}

static const char *column_name(const table *t, int64_t column) {
  return t->names.data + t->name_at[column];
}

/* ------------------------------------------------------------------ header */

static tw_status read_header(table *t, tw_csv_lexer *lexer, tw_error *error) {
  if (!tw_csv_next_row(lexer))
    return tw_fail(error, TW_ERR_PARSE, "%s: empty: expected a row of names", t->name);
  size_t capacity = 0;
  while (lexer->more) {
    tw_csv_cell cell;
    tw_status status = tw_csv_next_cell(lexer, &cell, error);
    if (status != TW_OK) return status;
    size_t *name_at = tw_grow(t->name_at, &capacity, (size_t)t->columns + 1, sizeof *name_at);
    if (!name_at) return out_of_memory(t, error);
    t->name_at = name_at;
    t->name_at[t->columns++] = t->names.length;
    for (size_t k = 0; k < cell.length; k++) {
      tw_text_append(&t->names, cell.text + k, 1);
      if (cell.escaped && cell.text[k] == '"') k++;
    }
    tw_text_append(&t->names, "", 1);
  }
  return t->names.failed ? out_of_memory(t, error) : TW_OK;
}

/* ------------------------------------------------------------------ selection */

/* The column called text[0..length), -1 if none, -2 if several. */
static int64_t find_column(const table *t, const char *text, size_t length) {
  int64_t found = -1;
  for (int64_t c = 0; c < t->columns; c++) {
    const char *name = column_name(t, c);
    if (strlen(name) != length || memcmp(name, text, length) != 0) continue;
    if (found >= 0) return -2;
    found = c;
  }
  return found;
}

static tw_status require_column(const table *t, const char *text, size_t length, int64_t *column,
                                tw_error *error) {
  char shown[48];
  *column = find_column(t, text, length);
  if (*column == -1)
    return tw_fail(error, TW_ERR_NAME, "%s: no column \"%s\"", t->name, excerpt(text, length, shown));
  if (*column == -2)
    return tw_fail(error, TW_ERR_NAME, "%s: more than one column is called \"%s\"", t->name,
                   excerpt(text, length, shown));
  return TW_OK;
}

static tw_status select_range(table *t, int64_t first, int64_t last, tw_error *error) {
  size_t count = (size_t)(t->selected_count + (last - first + 1));
  int64_t *selected = tw_grow(t->selected, &t->selected_capacity, count, sizeof *selected);
  if (!selected) return out_of_memory(t, error);
  t->selected = selected;
  for (int64_t c = first; c <= last; c++) t->selected[t->selected_count++] = c;
  return TW_OK;
}

/* One item of the specification: a name, or `a..b`. A column may itself be called "a..b". */
static tw_status select_item(table *t, const char *text, size_t length, bool *plain, tw_error *error) {
  int64_t first, last;
  const char *dots = NULL;
  if (find_column(t, text, length) == -1)
    for (const char *p = text; !dots && p + 2 <= text + length; p++)
      if (p[0] == '.' && p[1] == '.') dots = p;
  *plain = !dots;
  tw_status status = require_column(t, text, dots ? (size_t)(dots - text) : length, &first, error);
  last = first;
  if (status == TW_OK && dots)
    status = require_column(t, dots + 2, (size_t)(text + length - dots - 2), &last, error);
  if (status != TW_OK) return status;
  if (last < first)
    return tw_fail(error, TW_ERR_NAME, "%s: column \"%s\" comes after \"%s\"", t->name, column_name(t, first),
                   column_name(t, last));
  return select_range(t, first, last, error);
}

static tw_status select_columns(table *t, const char *columns, tw_error *error) {
  if (!columns) return select_range(t, 0, t->columns - 1, error);
  int items = 0;
  bool plain = false;
  for (const char *p = columns;; p++, items = items < 2 ? items + 1 : 2) {
    const char *comma = strchr(p, ',');
    const char *end = comma ? comma : p + strlen(p), *stop = end;
    while (p < stop && (*p == ' ' || *p == '\t')) p++;
    while (p < stop && (stop[-1] == ' ' || stop[-1] == '\t')) stop--;
    tw_status status = select_item(t, p, (size_t)(stop - p), &plain, error);
    if (status != TW_OK) return status;
    p = end;
    if (!comma) break;
  }
  t->vector = items == 0 && plain;
  return TW_OK;
}

/* Turns output <- file around into file -> outputs, so that a record is read once, left to right. */
static tw_status link_columns(table *t, tw_error *error) {
  t->first = malloc((size_t)t->columns * sizeof *t->first);
  t->next = malloc((size_t)t->selected_count * sizeof *t->next);
  if (!t->first || !t->next) return out_of_memory(t, error);
  for (int64_t c = 0; c < t->columns; c++) t->first[c] = -1;
  for (int64_t k = t->selected_count; k-- > 0;) {
    t->next[k] = t->first[t->selected[k]];
    t->first[t->selected[k]] = k;
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ cells */

static tw_status read_number(const table *t, const tw_csv_lexer *lexer, const tw_csv_cell *cell,
                             double *value, tw_error *error) {
  const char *end = cell->text + cell->length;
  const char *after = tw_parse_number(cell->text, end, true, value);
  if (after == end && cell->length > 0 && isfinite(*value)) return TW_OK;
  char shown[48];
  const char *name = column_name(t, lexer->column - 1);
  if (cell->length == 0)
    return tw_fail(error, TW_ERR_DATA, "%s: row %lld, column \"%s\": missing value", t->name,
                   (long long)lexer->row, name);
  bool number = after == end;
  return tw_fail(error, number ? TW_ERR_DATA : TW_ERR_PARSE,
                 "%s: row %lld, column \"%s\": expected a %s, found \"%s\"", t->name, (long long)lexer->row,
                 name, number ? "finite number" : "number", excerpt(cell->text, cell->length, shown));
}

static tw_status read_row(table *t, tw_csv_lexer *lexer, double *row, tw_error *error) {
  while (lexer->more && lexer->column < t->columns) {
    tw_csv_cell cell;
    tw_status status = tw_csv_next_cell(lexer, &cell, error);
    if (status != TW_OK) return status;
    int64_t k = t->first[lexer->column - 1];
    double value = 0;
    if (k >= 0) status = read_number(t, lexer, &cell, &value, error);
    if (status != TW_OK) return status;
    for (; k >= 0; k = t->next[k]) row[k] = value;
  }
  if (lexer->more || lexer->column < t->columns)
    return tw_fail(error, TW_ERR_PARSE, "%s: row %lld: expected %lld cells, found %s%lld", t->name,
                   (long long)lexer->row, (long long)t->columns, lexer->more ? "more than " : "",
                   (long long)lexer->column);
  return TW_OK;
}

static tw_status read_rows(table *t, tw_csv_lexer *lexer, tw_error *error) {
  size_t width = (size_t)t->selected_count;
  for (; tw_csv_next_row(lexer); t->rows++) {
    size_t used = (size_t)t->rows * width;
    double *values = tw_grow(t->values, &t->capacity, used + width, sizeof *values);
    if (!values) return out_of_memory(t, error);
    t->values = values;
    tw_status status = read_row(t, lexer, t->values + used, error);
    if (status != TW_OK) return status;
  }
  return TW_OK;
}

static tw_status fill(const table *t, tw_array *out, tw_error *error) {
  tw_shape shape = t->vector ? TW_SHAPE(t->rows) : TW_SHAPE(t->rows, t->selected_count);
  tw_status status = tw_array_new(out, TW_F64, shape, error);
  size_t count = (size_t)(t->rows * t->selected_count);
  if (status == TW_OK && count) memcpy(out->data, t->values, count * sizeof *t->values);
  return status;
}

tw_status tw_csv_parse(const char *data, size_t bytes, const char *name, const char *columns, tw_array *out,
                       tw_error *error) {
  TW_GIVEN(data);
  TW_GIVEN(name);
  TW_GIVEN(out);
  *out = (tw_array){0};
  table t = {.name = name};
  tw_csv_lexer lexer;
  tw_csv_start(&lexer, data, bytes, name);
  tw_status status = read_header(&t, &lexer, error);
  if (status == TW_OK) status = select_columns(&t, columns, error);
  if (status == TW_OK) status = link_columns(&t, error);
  if (status == TW_OK) status = read_rows(&t, &lexer, error);
  if (status == TW_OK) status = fill(&t, out, error);
  release(&t);
  return status;
}

tw_status tw_csv_read(const char *path, const char *columns, tw_array *out, tw_error *error) {
  TW_GIVEN(path);
  TW_GIVEN(out);
  char *data;
  size_t length;
  *out = (tw_array){0};
  tw_status status = tw_file_read(path, PTRDIFF_MAX / 2, &data, &length, error);
  if (status != TW_OK) return status;
  status = tw_csv_parse(data, length, path, columns, out, error);
  free(data);
  return status;
}
