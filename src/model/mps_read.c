/* The sections of MPS files. */
#include "model/mps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IGNORED = -2, OBJECTIVE = -1 }; /* rows beside 0 .. m-1 */

typedef struct bound_state { /* of a column */
  bool low, high, semicontinuous;
} bound_state;

typedef struct reader {
  tw_mps_lines lines;
  tw_flat *flat;
  tw_map *rows, *columns; /* names to 3 + row, 1 + column */
  char *type;             /* of rows: E L G */
  double *range;          /* of rows; NaN: none */
  int64_t *stamp;         /* of rows + the objective: the last column with an entry, from 1 */
  bound_state *state;     /* of columns */
  size_t type_capacity, range_capacity, stamp_capacity, state_capacity;
  int64_t column; /* the present one; -1: none */
  bool integer, seen_objective;
  const char *objective; /* asked for by OBJNAME; NULL: the first */
  const char *set[3];    /* the first of right-hand sides, ranges, bounds */
  int64_t matrix_row;    /* of QCMATRIX */
} reader;

static bool out_of_memory(reader *r) {
  return tw_mps_fail(&r->lines, TW_ERR_MEMORY, "out of memory reading the file");
}

/* ------------------------------------------------------------------ names and numbers */

static bool find(reader *r, const tw_map *map, const char *what, const char *name, int64_t offset, int64_t *index) {
  const uintptr_t found = (uintptr_t)tw_map_get(map, name);
  if (found == 0) return tw_mps_fail(&r->lines, TW_ERR_PARSE, "there is no %s '%.100s'", what, name);
  *index = (int64_t)found - offset;
  return true;
}

static bool find_row(reader *r, const char *name, int64_t *row) {
  return find(r, r->rows, "row", name, 3, row);
}
static bool find_column(reader *r, const char *name, int64_t *col) {
  return find(r, r->columns, "column", name, 1, col);
}

static bool read_number(reader *r, const char *text, double *value) {
  if (text == NULL) return tw_mps_fail(&r->lines, TW_ERR_PARSE, "a value is missing");
  const char *end = text + strlen(text), *from = text + (*text == '+');
  char copy[64];
  if ((size_t)(end - from) < sizeof copy) { /* Fortran's exponents */
    memcpy(copy, from, (size_t)(end - from) + 1);
    for (char *p = copy; *p != '\0'; p++)
      if (*p == 'd' || *p == 'D') *p = 'e';
    if (tw_parse_number(copy, copy + (end - from), true, value) == copy + (end - from) && end > from && !isnan(*value)) return true;
  }
  return tw_mps_fail(&r->lines, TW_ERR_PARSE, "'%.40s' is no number", text);
}

/* Whether a line belongs to the first set of its section that has a name, or to none. */
static bool in_set(reader *r, int which, const char *set) {
  if (set != NULL && r->set[which] == NULL) r->set[which] = tw_flat_name(r->flat, set, strlen(set));
  return set == NULL || (r->set[which] != NULL && strcmp(r->set[which], set) == 0);
}

/* ------------------------------------------------------------------ rows and columns */

static bool grow_rows(reader *r, int64_t m) {
  char *type = tw_grow(r->type, &r->type_capacity, (size_t)m, sizeof *type);
  if (type != NULL) r->type = type;
  double *range = tw_grow(r->range, &r->range_capacity, (size_t)m, sizeof *range);
  if (range != NULL) r->range = range;
  int64_t *stamp = tw_grow(r->stamp, &r->stamp_capacity, (size_t)m + 1, sizeof *stamp);
  if (stamp != NULL) r->stamp = stamp;
  return type != NULL && range != NULL && stamp != NULL;
}

static bool read_row(reader *r, const tw_mps_record *record) {
  tw_flat *f = r->flat;
  const char type = record->type[0];
  if (record->type[1] != '\0' || strchr("NELG", type) == NULL)
    return tw_mps_fail(&r->lines, TW_ERR_PARSE, "'%.20s' is no type of row, expected N, E, L or G", record->type);
  if (tw_map_get(r->rows, record->set) != NULL) return tw_mps_fail(&r->lines, TW_ERR_PARSE, "row '%.100s' is stated twice", record->set);
  const bool objective = type == 'N' && (r->objective != NULL ? strcmp(r->objective, record->set) == 0 : !r->seen_objective);
  int64_t row = type == 'N' ? objective ? OBJECTIVE : IGNORED : f->m;
  const char *name = tw_flat_name(f, record->set, strlen(record->set));
  if (name == NULL || !tw_map_set(r->rows, name, (void *)(uintptr_t)(row + 3))) return out_of_memory(r);
  if (objective) {
    r->seen_objective = true;
    f->has_objective = true;
    f->objective_name = name;
  }
  if (row < 0) return true;
  if (!grow_rows(r, row + 1) || !tw_flat_size(f, f->n, row + 1, 0)) return out_of_memory(r);
  r->type[row] = type;
  r->range[row] = NAN;
  r->stamp[row + 1] = 0;
  f->row[row] = name;
  f->row_lower[row] = type == 'L' ? -INFINITY : 0;
  f->row_upper[row] = type == 'G' ? INFINITY : 0;
  return true;
}

static bool begin_column(reader *r, const char *word) {
  tw_flat *f = r->flat;
  if (r->column >= 0 && strcmp(f->column[r->column], word) == 0) return true;
  if (tw_map_get(r->columns, word) != NULL) return tw_mps_fail(&r->lines, TW_ERR_PARSE, "column '%.100s' begins again", word);
  const int64_t j = f->n;
  const char *name = tw_flat_name(f, word, strlen(word));
  bound_state *state = tw_grow(r->state, &r->state_capacity, (size_t)j + 1, sizeof *state);
  if (state != NULL) r->state = state;
  if (name == NULL || state == NULL || !tw_flat_size(f, j + 1, f->m, 0) || !tw_map_set(r->columns, name, (void *)(uintptr_t)(j + 1)))
    return out_of_memory(r);
  state[j] = (bound_state){false, false, false};
  f->column[j] = name;
  f->kind[j] = r->integer ? TW_INTEGER : TW_CONTINUOUS;
  f->lower[j] = 0;
  r->column = j;
  return true;
}

static bool read_column(reader *r, const tw_mps_record *record) {
  if (strcmp(record->name[0], "'MARKER'") == 0) {
    const char *what = record->pairs > 1 ? record->name[1] : "";
    if (strcmp(what, "'INTORG'") != 0 && strcmp(what, "'INTEND'") != 0)
      return tw_mps_fail(&r->lines, TW_ERR_UNSUPPORTED, "marker '%.40s', expected 'INTORG' or 'INTEND'", what);
    r->integer = strcmp(what, "'INTORG'") == 0;
    return true;
  }
  if (record->set == NULL) return tw_mps_fail(&r->lines, TW_ERR_PARSE, "the name of a column is missing");
  if (!begin_column(r, record->set)) return false;
  for (int k = 0; k < record->pairs; k++) {
    int64_t row = IGNORED;
    double value = 0;
    if (!find_row(r, record->name[k], &row) || !read_number(r, record->value[k], &value)) return false;
    if (row == IGNORED) continue;
    if (!isfinite(value)) return tw_mps_fail(&r->lines, TW_ERR_DATA, "the coefficient of row '%.100s' is not finite", record->name[k]);
    if (r->stamp[row + 1] == r->column + 1)
      return tw_mps_fail(&r->lines, TW_ERR_PARSE, "column '%.100s' has two entries in row '%.100s'", record->set, record->name[k]);
    r->stamp[row + 1] = r->column + 1;
    tw_flat_linear(r->flat, row, r->column, value);
  }
  return true;
}

/* ------------------------------------------------------------------ right-hand sides and ranges */

/* Of the objective: minus its constant. */
static bool read_rhs(reader *r, const tw_mps_record *record) {
  if (!in_set(r, 0, record->set)) return !r->flat->failed || out_of_memory(r);
  for (int k = 0; k < record->pairs; k++) {
    int64_t row = IGNORED;
    double value = 0;
    if (!find_row(r, record->name[k], &row) || !read_number(r, record->value[k], &value)) return false;
    if (row == OBJECTIVE) r->flat->constant = -value;
    if (row < 0) continue;
    if (r->type[row] != 'L') r->flat->row_lower[row] = value;
    if (r->type[row] != 'G') r->flat->row_upper[row] = value;
  }
  return true;
}

static bool read_range(reader *r, const tw_mps_record *record) {
  if (!in_set(r, 1, record->set)) return !r->flat->failed || out_of_memory(r);
  for (int k = 0; k < record->pairs; k++) {
    int64_t row = IGNORED;
    if (!find_row(r, record->name[k], &row)) return false;
    double value = 0;
    if (!read_number(r, record->value[k], &value)) return false;
    if (row >= 0) r->range[row] = value;
  }
  return true;
}

/* G: [b, b + |R|];  L: [b - |R|, b];  E: [b, b + R] for R > 0, [b + R, b] for R < 0. */
static void apply_ranges(reader *r) {
  tw_flat *f = r->flat;
  for (int64_t i = 0; i < f->m; i++) {
    const double range = r->range[i];
    if (isnan(range)) continue;
    if (r->type[i] == 'G' || (r->type[i] == 'E' && range > 0)) f->row_upper[i] = f->row_lower[i] + fabs(range);
    if (r->type[i] == 'L' || (r->type[i] == 'E' && range < 0)) f->row_lower[i] = f->row_upper[i] - fabs(range);
  }
}

/* ------------------------------------------------------------------ bounds */

static bool set_bound(reader *r, const char *type, int64_t j, double value) {
  tw_flat *f = r->flat;
  bound_state *state = &r->state[j];
  const bool integer = strcmp(type, "LI") == 0 || strcmp(type, "UI") == 0 || strcmp(type, "BV") == 0;
  if (integer) f->kind[j] = TW_INTEGER;
  if (strcmp(type, "LO") == 0 || strcmp(type, "LI") == 0) {
    f->lower[j] = value;
    state->low = true;
  } else if (strcmp(type, "UP") == 0 || strcmp(type, "UI") == 0 || strcmp(type, "SC") == 0) {
    f->upper[j] = value;
    if (value < 0 && !state->low && type[0] == 'U') f->lower[j] = -INFINITY;
    state->high = true;
    state->semicontinuous |= type[0] == 'S';
  } else if (strcmp(type, "FX") == 0) {
    f->lower[j] = f->upper[j] = value;
    state->low = state->high = true;
  } else if (strcmp(type, "FR") == 0) {
    f->lower[j] = -INFINITY;
    f->upper[j] = INFINITY;
    state->low = state->high = true;
  } else if (strcmp(type, "MI") == 0) {
    f->lower[j] = -INFINITY;
    state->low = true;
  } else if (strcmp(type, "PL") == 0) {
    f->upper[j] = INFINITY;
    state->high = true;
  } else if (strcmp(type, "BV") == 0) {
    f->lower[j] = 0;
    f->upper[j] = 1;
    f->kind[j] = TW_BINARY;
    state->low = state->high = true;
  } else {
    return tw_mps_fail(&r->lines, TW_ERR_PARSE, "'%.20s' is no type of bound, expected UP LO FX FR MI PL BV LI UI or SC", type);
  }
  return true;
}

static bool read_bound(reader *r, const tw_mps_record *record) {
  int64_t j = 0;
  double value = 0;
  if (record->type == NULL) return tw_mps_fail(&r->lines, TW_ERR_PARSE, "the type of a bound is missing");
  if (!in_set(r, 2, record->set)) return !r->flat->failed || out_of_memory(r);
  if (!find_column(r, record->name[0], &j)) return false;
  const char *type = record->type;
  const bool bare = strcmp(type, "FR") == 0 || strcmp(type, "MI") == 0 || strcmp(type, "PL") == 0 || strcmp(type, "BV") == 0;
  if (strcmp(type, "SC") == 0 && record->value[0] == NULL)
    value = INFINITY;
  else if (!bare && !read_number(r, record->value[0], &value))
    return false;
  if (fabs(value) >= 1e30) value = copysign(INFINITY, value);
  return set_bound(r, type, j, value);
}

/* Integer columns without any bound are binary, as CPLEX, CBC and GLPK read them. */
static void default_bounds(reader *r) {
  tw_flat *f = r->flat;
  for (int64_t j = 0; j < f->n; j++) {
    if (f->kind[j] != TW_INTEGER) continue;
    if (!r->state[j].low && !r->state[j].high) f->upper[j] = 1;
    if (f->lower[j] == 0 && f->upper[j] == 1) f->kind[j] = TW_BINARY;
  }
}

static bool state_semicontinuous(reader *r, int64_t j) {
  const tw_status status = tw_flat_semicontinuous(r->flat, j);
  if (status == TW_ERR_UNSUPPORTED)
    return tw_mps_fail(&r->lines, status, "column '%.100s' is semi-continuous without an upper bound, which no method handles",
                       r->flat->column[j]);
  return status == TW_OK || out_of_memory(r);
}

/* ------------------------------------------------------------------ quadratic terms */

/* x'Q x / 2, of which QUADOBJ and QSECTION hold one triangle and QMATRIX all entries; QCMATRIX adds x'Q x to a row. */
static bool read_quadratic(reader *r, tw_mps_section section, const tw_mps_record *record) {
  int64_t i = 0, j = 0;
  double value = 0;
  if (record->set == NULL) return tw_mps_fail(&r->lines, TW_ERR_PARSE, "the name of a column is missing");
  if (!find_column(r, record->set, &i) || !find_column(r, record->name[0], &j) || !read_number(r, record->value[0], &value)) return false;
  if (!isfinite(value)) return tw_mps_fail(&r->lines, TW_ERR_DATA, "a quadratic coefficient is not finite");
  if (section == TW_MPS_QMATRIX || (section == TW_MPS_QUADOBJ && i == j)) value /= 2;
  if (r->matrix_row != IGNORED) tw_flat_quadratic(r->flat, r->matrix_row, i, j, value);
  return true;
}

/* ------------------------------------------------------------------ sections */

static bool read_sense(reader *r, const char *word) {
  const bool max = strncmp(word, "MAX", 3) == 0 || strncmp(word, "max", 3) == 0;
  if (!max && strncmp(word, "MIN", 3) != 0 && strncmp(word, "min", 3) != 0)
    return tw_mps_fail(&r->lines, TW_ERR_PARSE, "OBJSENSE '%.40s', expected MAX or MIN", word);
  r->flat->maximize = max;
  return true;
}

static bool read_objective_name(reader *r, const char *word) {
  r->objective = tw_flat_name(r->flat, word, strlen(word));
  return r->objective != NULL || out_of_memory(r);
}

static const struct {
  const char *name;
  tw_mps_section section;
} sections[] = {{"ROWS", TW_MPS_ROWS},         {"COLUMNS", TW_MPS_COLUMNS},   {"RHS", TW_MPS_RHS},           {"RANGES", TW_MPS_RANGES},
                {"BOUNDS", TW_MPS_BOUNDS},     {"OBJSENSE", TW_MPS_OBJSENSE}, {"OBJNAME", TW_MPS_OBJNAME},   {"QUADOBJ", TW_MPS_QUADOBJ},
                {"QSECTION", TW_MPS_QUADOBJ},  {"QMATRIX", TW_MPS_QMATRIX},   {"QCMATRIX", TW_MPS_QCMATRIX}, {"ENDATA", TW_MPS_END},
                {"MAXIMIZE", TW_MPS_OBJSENSE}, {"MINIMIZE", TW_MPS_OBJSENSE}};

static bool begin_section(reader *r, const tw_mps_record *record, tw_mps_section *section) {
  const char *word = record->word[0], *next = record->words > 1 ? record->word[1] : NULL;
  if (strcmp(word, "NAME") == 0) {
    *section = TW_MPS_NONE;
    if (next != NULL) r->flat->title = tw_flat_name(r->flat, next, strlen(next));
    return !r->flat->failed || out_of_memory(r);
  }
  *section = TW_MPS_NONE;
  for (size_t k = 0; k < sizeof sections / sizeof *sections; k++)
    if (strcmp(sections[k].name, word) == 0) *section = sections[k].section;
  if (*section == TW_MPS_NONE)
    return tw_mps_fail(&r->lines, TW_ERR_UNSUPPORTED,
                       "section '%.40s', expected NAME ROWS COLUMNS RHS RANGES BOUNDS OBJSENSE OBJNAME "
                       "QUADOBJ QMATRIX QSECTION QCMATRIX or ENDATA",
                       word);
  r->matrix_row = OBJECTIVE;
  if (word[0] == 'M') return read_sense(r, word);
  if (*section == TW_MPS_OBJSENSE && next != NULL) return read_sense(r, next);
  if (*section == TW_MPS_OBJNAME && next != NULL) return read_objective_name(r, next);
  if (*section == TW_MPS_QCMATRIX || (strcmp(word, "QSECTION") == 0 && next != NULL)) {
    if (next == NULL) return tw_mps_fail(&r->lines, TW_ERR_PARSE, "QCMATRIX names no row");
    return find_row(r, next, &r->matrix_row);
  }
  return true;
}

static bool read_line(reader *r, tw_mps_section section, const tw_mps_record *record) {
  switch (section) {
  case TW_MPS_ROWS: return read_row(r, record);
  case TW_MPS_COLUMNS: return read_column(r, record);
  case TW_MPS_RHS: return read_rhs(r, record);
  case TW_MPS_RANGES: return read_range(r, record);
  case TW_MPS_BOUNDS: return read_bound(r, record);
  case TW_MPS_OBJSENSE: return read_sense(r, record->word[0]);
  case TW_MPS_OBJNAME: return read_objective_name(r, record->word[0]);
  case TW_MPS_QUADOBJ:
  case TW_MPS_QMATRIX:
  case TW_MPS_QCMATRIX: return read_quadratic(r, section, record);
  default: return tw_mps_fail(&r->lines, TW_ERR_PARSE, "a line that stands in no section");
  }
}

static bool read_all(reader *r) {
  tw_mps_section section = TW_MPS_NONE;
  tw_mps_record record;
  bool failed = false;
  while (section != TW_MPS_END && tw_mps_next(&r->lines, section, &record, &failed))
    if (!(record.section ? begin_section(r, &record, &section) : read_line(r, section, &record))) return false;
  if (failed) return false;
  if (section != TW_MPS_END) return tw_mps_fail(&r->lines, TW_ERR_PARSE, "the file ends without ENDATA");
  if (r->flat->n == 0) return tw_mps_fail(&r->lines, TW_ERR_PARSE, "the file has no columns");
  apply_ranges(r);
  default_bounds(r);
  for (int64_t j = 0, n = r->flat->n; j < n; j++)
    if (r->state[j].semicontinuous && !state_semicontinuous(r, j)) return false;
  r->flat->algebraic = r->flat->m;
  return !r->flat->failed || out_of_memory(r);
}

/* ------------------------------------------------------------------ the file */

/* *line: how far it went. */
static tw_status parse(tw_flat **out, const char *data, size_t bytes, const char *name, bool fixed, int64_t *line, tw_error *error) {
  char *copy = malloc(bytes + 1);
  reader r = {.flat = tw_flat_new(),
              .rows = tw_map_new(),
              .columns = tw_map_new(),
              .column = -1,
              .lines = {.name = name, .at = copy, .end = copy != NULL ? copy + bytes : NULL, .fixed = fixed, .error = error}};
  bool good = copy != NULL && r.flat != NULL && r.rows != NULL && r.columns != NULL && tw_flat_size(r.flat, 0, 0, 0) && grow_rows(&r, 0);
  if (good) {
    r.stamp[0] = 0;
    if (bytes > 0) memcpy(copy, data, bytes);
    r.flat->column = malloc(sizeof *r.flat->column);
    r.flat->row = malloc(sizeof *r.flat->row);
    good = r.flat->column != NULL && r.flat->row != NULL;
  }
  good = good ? read_all(&r) : out_of_memory(&r);
  *line = r.lines.line;
  tw_map_free(r.rows);
  tw_map_free(r.columns);
  free(r.type);
  free(r.range);
  free(r.stamp);
  free(r.state);
  free(copy);
  if (good) *out = r.flat;
  if (!good) tw_flat_free(r.flat);
  return good ? TW_OK : error->status;
}

tw_status tw_mps_parse(tw_flat **flat, const char *data, size_t bytes, const char *name, tw_error *error) {
  tw_error own[2] = {{.status = TW_OK}, {.status = TW_OK}};
  int64_t line[2] = {0, 0};
  *flat = NULL;
  if (parse(flat, data, bytes, name, false, &line[0], &own[0]) == TW_OK) return TW_OK;
  if (own[0].status != TW_ERR_MEMORY && parse(flat, data, bytes, name, true, &line[1], &own[1]) == TW_OK) return TW_OK;
  const tw_error *told = &own[line[1] > line[0]];
  return tw_fail(error, told->status, "%s", told->message);
}
