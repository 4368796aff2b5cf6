/* Models from the files of other modelling systems. */
#include "model/lp.h"
#include "model/model.h"
#include "model/mps.h"
#include "model/nl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAMES_BYTES = 1 << 28 };

static bool ends_with(const char *text, const char *end) {
  const size_t length = strlen(text), tail = strlen(end);
  return length > tail && strcasecmp(text + length - tail, end) == 0;
}

tw_format tw_format_of(const char *path) {
  if (ends_with(path, ".nl")) return TW_FORMAT_NL;
  if (ends_with(path, ".mps") || ends_with(path, ".qps")) return TW_FORMAT_MPS;
  return ends_with(path, ".lp") ? TW_FORMAT_LP : TW_FORMAT_TW;
}

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory reading the model");
}

/* ------------------------------------------------------------------ overrides */

static tw_status read_objective(const tw_model_options *options, tw_format format, int64_t *objective, tw_error *error) {
  *objective = 0;
  for (int k = 0; options != NULL && k < options->n_overrides; k++) {
    const tw_override *o = &options->overrides[k];
    char *end = NULL;
    if (format != TW_FORMAT_NL || strcmp(o->name, "objno") != 0)
      return tw_fail(error, TW_ERR_NAME, "--set %s: the file has no param%s", o->name,
                     format == TW_FORMAT_NL ? "; expected objno, the number of an objective" : "s");
    *objective = strtol(o->value, &end, 10);
    if (*end != '\0' || *objective < 1) return tw_fail(error, TW_ERR_ARGUMENT, "--set objno=%s: expected 1, 2, ..", o->value);
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ names beside a .nl file */

/* A name a line, `count` of them. */
static tw_status split_names(tw_flat *flat, const char *path, char *text, int64_t count, const char ***out, tw_error *error) {
  const char **name = malloc((size_t)(count > 0 ? count : 1) * sizeof *name);
  if (name == NULL) return out_of_memory(error);
  int64_t found = 0;
  for (char *at = text; found < count && *at != '\0'; found++) {
    const size_t length = strcspn(at, "\n");
    const size_t own = length > 0 && at[length - 1] == '\r' ? length - 1 : length;
    name[found] = tw_flat_name(flat, at, own);
    at += length + (at[length] == '\n');
  }
  if (found < count || flat->failed) {
    free(name);
    return flat->failed
               ? out_of_memory(error)
               : tw_fail(error, TW_ERR_PARSE, "%s:%lld: the file ends, expected %lld names", path, (long long)found, (long long)count);
  }
  *out = name;
  return TW_OK;
}

/* Names that are given twice name nothing: then there are none. */
static tw_status drop_doubles(int64_t count, const char ***names, tw_error *error) {
  tw_map *map = tw_map_new();
  bool good = map != NULL, twice = false;
  for (int64_t i = 0; good && !twice && i < count; i++) {
    twice = (*names)[i][0] == '\0' || tw_map_get(map, (*names)[i]) != NULL;
    good = tw_map_set(map, (*names)[i], map);
  }
  tw_map_free(map);
  if (!good) return out_of_memory(error);
  if (!twice) return TW_OK;
  free(*names);
  *names = NULL;
  return TW_OK;
}

static tw_status read_names(tw_flat *flat, const char *path, const char *suffix, int64_t count, const char ***out, tw_error *error) {
  char *text = NULL, *file = malloc(strlen(path) + strlen(suffix) + 1);
  size_t bytes = 0;
  if (file == NULL) return out_of_memory(error);
  strcpy(file, path);
  strcpy(file + strlen(file) - strlen(".nl"), suffix);
  tw_status status = TW_OK;
  FILE *there = fopen(file, "rb");
  if (there != NULL) {
    fclose(there);
    status = tw_file_read(file, NAMES_BYTES, &text, &bytes, error);
    if (status == TW_OK) status = split_names(flat, file, text, count, out, error);
    if (status == TW_OK) status = drop_doubles(count, out, error);
  }
  free(text);
  free(file);
  return status;
}

static tw_status read_nl(tw_flat **out, const char *text, size_t bytes, const char *name, const char *path, int64_t objective,
                         tw_error *error) {
  tw_flat *flat = tw_flat_new();
  if (flat == NULL) return out_of_memory(error);
  tw_status status = tw_nl_parse(flat, text, bytes, name, objective, error);
  if (status == TW_OK && path != NULL) status = read_names(flat, path, ".col", flat->n, &flat->column, error);
  if (status == TW_OK && path != NULL) status = read_names(flat, path, ".row", flat->m, &flat->row, error);
  if (status == TW_OK)
    *out = flat;
  else
    tw_flat_free(flat);
  return status;
}

/* ------------------------------------------------------------------ into a model */

static const char *const *copy_names(tw_arena *arena, int64_t count, const char *const *name, bool *good) {
  if (name == NULL || !*good) return NULL;
  const char **copy = tw_arena_alloc(arena, ((size_t)count + 1) * sizeof *copy, sizeof *copy);
  for (int64_t i = 0; copy != NULL && i < count; i++)
    if ((copy[i] = tw_arena_strdup(arena, name[i])) == NULL) copy = NULL;
  *good = copy != NULL;
  return copy;
}

static tw_status keep_table(tw_model *model, const tw_flat *flat, const tw_flat_rows *rows, tw_error *error) {
  tw_model_table *table = tw_arena_alloc(model->arena, sizeof *table, sizeof(void *));
  bool good = table != NULL, any = false;
  if (!good) return out_of_memory(error);
  *table = (tw_model_table){.n = flat->n, .m = flat->m, .algebraic = flat->algebraic, .position = rows->position, .row_at = rows->row};
  table->n_options = flat->n_options;
  memcpy(table->option, flat->option, sizeof table->option);
  table->option_tolerance = flat->option_tolerance;
  table->column = copy_names(model->arena, flat->n, flat->column, &good);
  table->row = copy_names(model->arena, flat->m, flat->row, &good);
  if (flat->title != NULL) good = good && (model->title = tw_arena_strdup(model->arena, flat->title)) != NULL;
  for (int64_t i = 0; i < flat->m; i++) any |= !isnan(flat->row_start[i]);
  if (any && good) table->dual = tw_arena_dup(model->arena, flat->row_start, (size_t)flat->m * sizeof(double), sizeof(double));
  if (!good || (any && table->dual == NULL)) return out_of_memory(error);
  model->table = table;
  return TW_OK;
}

tw_status tw_model_fill_flat(tw_model *model, tw_format format, const char *text, size_t bytes, const char *name, const char *path,
                             const tw_model_options *options, tw_error *error) {
  int64_t objective;
  tw_flat *flat = NULL;
  tw_flat_rows rows = {0};
  tw_status status = tw_model_open(model, error);
  if (status == TW_OK) status = read_objective(options, format, &objective, error);
  if (status != TW_OK) return status;
  switch (format) {
  case TW_FORMAT_NL: status = read_nl(&flat, text, bytes, name, path, objective, error); break;
  case TW_FORMAT_MPS: status = tw_mps_parse(&flat, text, bytes, name, error); break;
  default: status = tw_lp_parse(&flat, text, bytes, name, error);
  }
  if (status != TW_OK) return status;
  status = tw_flat_state(flat, model->problem, model->arena, &rows, error);
  if (status != TW_OK) tw_error_prefix(error, "%s", name);
  if (status == TW_OK) status = keep_table(model, flat, &rows, error);
  tw_flat_free(flat);
  return status;
}

/* ------------------------------------------------------------------ names of entries */

const char *tw_model_entry(const tw_model *model, const char *name, int64_t entry, char text[64]) {
  if (!model || !name || !text) return NULL;
  const tw_model_table *table = model->table;
  if (table == NULL) return NULL;
  if (strcmp(name, "x") == 0) {
    if (table->column == NULL) return NULL;
    snprintf(text, 64, "%s", table->column[entry]);
    return text;
  }
  for (int i = 0; i < tw_problem_constraints(model->problem); i++) {
    const tw_constraint *c = tw_problem_constraint_at(model->problem, i);
    if (strcmp(c->name, name) != 0) continue;
    const int64_t row = table->row_at[c->offset + entry];
    if (table->row != NULL)
      snprintf(text, 64, "%s", table->row[row]);
    else
      snprintf(text, 64, "c[%lld]", (long long)row);
    return text;
  }
  return NULL;
}
