/* Builder: csv("..") and npy(".."). */
#include "model/builder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The file's path: as it is when absolute, else in the model's folder. malloc'd. */
static char *resolve(const tw_builder *b, const char *path) {
  tw_text text = {0};
  if (path[0] != '/' && strcmp(b->folder, ".") != 0) tw_text_printf(&text, "%s/", b->folder);
  tw_text_puts(&text, path);
  if (!text.failed) return text.data;
  tw_text_free(&text);
  return NULL;
}

/* Flat position of the first NaN; infinities may be bounds. */
static int64_t find_nan(const tw_array *array) {
  int64_t n = tw_shape_size(&array->shape);
  for (int64_t k = 0; k < n; k++) {
    if (array->dtype == TW_F64 && isnan(((const double *)array->data)[k])) return k;
    if (array->dtype == TW_F32 && isnan(((const float *)array->data)[k])) return k;
  }
  return -1;
}

bool tw_build_numbers(tw_builder *b, tw_place place, const char *name, const tw_array *array) {
  int64_t at = find_nan(array);
  return at < 0 || tw_build_fail(b, place, TW_ERR_DATA, "%.400s: NaN at element %lld, expected numbers", name,
                                 (long long)at);
}

static bool check(tw_builder *b, const tw_ast *node, const char *path, tw_array *array) {
  bool good = tw_build_size(b, tw_ast_place(node), &array->shape) &&
              tw_build_numbers(b, tw_ast_place(node), path, array);
  if (!good) tw_array_free(array);
  return good;
}

bool tw_build_file(tw_builder *b, const tw_site *site, tw_array *out) {
  tw_error error = {TW_OK, ""};
  const tw_ast *node = site->node;
  const char *file = site->argument[0]->text, *columns = site->argument[1] ? site->argument[1]->text : NULL;
  *out = (tw_array){0};
  char *path = resolve(b, file);
  if (!path) return tw_build_memory(b, tw_ast_place(node));
  bool csv = strcmp(site->function->name, "csv") == 0;
  tw_status status = csv ? tw_csv_read(path, columns, out, &error) : tw_npy_read(path, out, &error);
  bool good = status == TW_OK || tw_build_fail(b, tw_ast_place(node), status, "%s", error.message);
  good = good && check(b, node, path, out);
  free(path);
  return good;
}

bool tw_function_file(tw_builder *b, const tw_site *site, tw_value *out) {
  tw_array array;
  if (!tw_build_file(b, site, &array)) return false;
  *out = tw_value_of(tw_constant(b->graph, &array));
  tw_array_free(&array);
  return true;
}
