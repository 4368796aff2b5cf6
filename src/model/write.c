/* Models written for other solvers. */
#include "base/given.h"
#include "model/model.h"
#include "model/mps_write.h"
#include "model/nl_write.h"
#include "model/unroll.h"

#include <stdlib.h>
#include <string.h>

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory writing the model");
}

/* A name a line. */
static void put_names(tw_text *text, int64_t count, const int64_t *order, const char *const *name) {
  for (int64_t k = 0; k < count; k++) tw_text_printf(text, "%s\n", name[order[k]]);
}

/* Files that are written together: all are complete before the first gets its name. */
static tw_status write_files(int count, const char *const *path, const tw_text *text, tw_error *error) {
  tw_file *file[3] = {NULL, NULL, NULL};
  tw_status status = TW_OK;
  for (int k = 0; k < count && status == TW_OK; k++) {
    status = text[k].failed ? out_of_memory(error) : tw_file_create(&file[k], path[k], error);
    if (status == TW_OK && text[k].length > 0) fwrite(text[k].data, 1, text[k].length, tw_file_stream(file[k]));
  }
  for (int k = 0; k < count; k++) {
    if (status == TW_OK)
      status = tw_file_commit(file[k], error);
    else
      tw_file_discard(file[k]);
  }
  return status;
}

/* `path` with its last `length` characters replaced. */
static char *with_suffix(const char *path, size_t length, const char *suffix) {
  const size_t stem = strlen(path) - length;
  char *out = malloc(stem + strlen(suffix) + 1);
  if (out == NULL) return NULL;
  memcpy(out, path, stem);
  strcpy(out + stem, suffix);
  return out;
}

static tw_status write_nl(tw_flat *flat, const char *path, tw_error *error) {
  tw_text text[3] = {{0}, {0}, {0}};
  int64_t *columns = NULL, *rows = NULL;
  char *col = with_suffix(path, 3, ".col"), *row = with_suffix(path, 3, ".row");
  tw_status status =
      col != NULL && row != NULL ? tw_nl_write(flat, &(tw_nl_style){false, false}, &text[0], &columns, &rows, error) : out_of_memory(error);
  if (status == TW_OK) {
    put_names(&text[1], flat->n, columns, flat->column);
    put_names(&text[2], flat->m, rows, flat->row);
    const char *const paths[3] = {path, col, row};
    status = write_files(3, paths, text, error);
  }
  for (int k = 0; k < 3; k++) tw_text_free(&text[k]);
  free(columns);
  free(rows);
  free(col);
  free(row);
  return status;
}

static tw_status write_mps(const tw_flat *flat, const char *path, tw_error *error) {
  tw_text text = {0};
  tw_status status = tw_mps_write(flat, &text, error);
  if (status == TW_OK) status = write_files(1, &path, &text, error);
  tw_text_free(&text);
  return status;
}

tw_status tw_model_write(tw_model *model, const char *path, tw_error *error) {
  TW_GIVEN(model);
  TW_GIVEN(path);
  const tw_format format = tw_format_of(path);
  const tw_problem *p = tw_model_problem(model);
  tw_flat *flat = NULL;
  if (format != TW_FORMAT_NL && format != TW_FORMAT_MPS)
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: expected a name that ends in .nl or .mps", path);
  tw_status status = tw_flat_from_problem(&flat, p, model, format == TW_FORMAT_NL, error);
  if (status == TW_OK && format == TW_FORMAT_MPS) status = tw_flat_fill_quadratic(flat, p, error);
  if (status == TW_OK) status = format == TW_FORMAT_NL ? write_nl(flat, path, error) : write_mps(flat, path, error);
  tw_flat_free(flat);
  return status;
}
