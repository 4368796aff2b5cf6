/* Models: reading, and what the front asks about them afterwards. */
#include "base/given.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_BYTES = 16 << 20 };
static const int64_t DEFAULT_ELEMENTS = INT64_C(1) << 28;

const char *tw_model_title(const tw_model *model) {
  if (!model) return "";
  return model->title ? model->title : "";
}
tw_problem *tw_model_problem(tw_model *model) {
  if (!model) return NULL;
  return model->problem;
}
const char *tw_model_method(const tw_model *model) {
  if (!model) return NULL;
  return model->method;
}

static const tw_index_set *set_of_axis(const tw_model *model, const char *name, int axis) {
  const tw_symbol *symbol = tw_scope_find(&model->scope, name);
  return symbol && axis >= 0 && axis < TW_MAX_RANK ? symbol->value.axis[axis] : NULL;
}

const char *const *tw_model_labels(const tw_model *model, const char *name, int axis) {
  if (!model || !name) return NULL;
  if (model->table) return strcmp(name, "x") == 0 && axis == 0 ? model->table->column : NULL;
  const tw_index_set *set = set_of_axis(model, name, axis);
  return set && set->kind == TW_SET_LABELS ? set->label : NULL;
}

const char *tw_model_element(const tw_model *model, const char *name, int axis, int64_t position,
                             char text[64]) {
  if (!text) return "";
  if (!model || !name) {
    text[0] = '\0';
    return text;
  }
  const char *own = tw_model_entry(model, name, position, text);
  if (own) return own;
  static const tw_index_set plain = {.kind = TW_SET_RANGE};
  const tw_index_set *set = set_of_axis(model, name, axis);
  return tw_index_set_text(set && set->kind != TW_SET_MIXED ? set : &plain, position, text);
}

const tw_model_table *tw_model_table_of(const tw_model *model) {
  if (!model) return NULL;
  return model->table;
}

bool tw_model_fixed(const tw_model *model, const char *name) {
  if (!model || !name) return false;
  const tw_symbol *symbol = tw_scope_find(&model->scope, name);
  return symbol && symbol->kind == TW_SYMBOL_PARAM && symbol->fixed;
}

const char *tw_model_where(const tw_model *model, const char *name) {
  if (!model || !name) return NULL;
  const tw_symbol *symbol = tw_scope_find(&model->scope, name);
  if (!symbol) return NULL;
  tw_text text = {0};
  tw_place_text(symbol->place, &text);
  const char *where = text.failed ? NULL : tw_arena_strdup(model->arena, text.data);
  tw_text_free(&text);
  return where;
}

void tw_model_free(tw_model *model) {
  if (!model) return;
  tw_problem_free(model->problem);
  tw_graph_free(model->graph);
  tw_map_free(model->scope.map);
  tw_arena_free(model->arena);
  free(model);
}

/* ------------------------------------------------------------------ reading */

static tw_status oom(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory reading the model");
}

static tw_status read_overrides(tw_model *model, const tw_model_options *options, tw_override_value **out,
                                tw_error *error) {
  int n = options ? options->n_overrides : 0;
  *out = tw_arena_alloc(model->arena, ((size_t)n + 1) * sizeof **out, sizeof(void *));
  if (!*out) return oom(error);
  for (int k = 0; k < n; k++) {
    tw_override_value *o = &(*out)[k];
    o->name = tw_arena_strdup(model->arena, options->overrides[k].name);
    const char *text = tw_arena_strdup(model->arena, options->overrides[k].value);
    tw_text label = {0};
    tw_text_printf(&label, "--set %s", options->overrides[k].name);
    const char *source = label.failed ? NULL : tw_arena_strdup(model->arena, label.data);
    tw_text_free(&label);
    if (!o->name || !text || !source) return oom(error);
    o->source = (tw_model_text){source, text, strlen(text)};
    tw_status status = tw_parse_value(model->arena, &o->source, &o->value, error);
    if (status != TW_OK) return status;
  }
  return TW_OK;
}

static tw_status unused_override(const tw_builder *b, tw_error *error) {
  for (int k = 0; k < b->n_overrides; k++) {
    if (b->overrides[k].used) continue;
    char hint[96];
    tw_nearest nearest = tw_nearest_start(b->overrides[k].name);
    const tw_symbol *other = tw_scope_find_here(b->scope, b->overrides[k].name);
    if (other)
      return tw_fail(error, TW_ERR_NAME, "--set %s: this is a %s of the model, expected a param", other->name,
                     tw_symbol_kind_name(other->kind));
    for (const tw_symbol *s = b->scope->newest; s; s = s->older)
      if (s->kind == TW_SYMBOL_PARAM) tw_nearest_offer(&nearest, s->name);
    return tw_fail(error, TW_ERR_NAME, "--set %s: the model has no param of this name%s",
                   b->overrides[k].name, tw_nearest_text(&nearest, hint));
  }
  return TW_OK;
}

/* Behind the last token, where what is missing would stand. */
static tw_place end_of(const tw_model_text *source) {
  uint32_t at = 0;
  for (tw_token t = tw_token_next(source, 0); t.kind != TW_TOKEN_END; t = tw_token_next(source, t.end))
    at = t.end;
  return (tw_place){source, at};
}

static tw_status build(tw_model *model, tw_statement *statements, const tw_model_options *options,
                       const char *folder, tw_error *error) {
  tw_error own = {TW_OK, ""};
  tw_body_site site = {.problem = model->problem};
  tw_builder b = {.arena = model->arena,
                  .graph = model->graph,
                  .scope = &model->scope,
                  .site = &site,
                  .error = &own,
                  .folder = folder,
                  .max_elements = DEFAULT_ELEMENTS,
                  .guard = TW_NONE,
                  .n_overrides = options ? options->n_overrides : 0};
  if (options && options->max_elements > 0) b.max_elements = options->max_elements;
  if (options) b.stop = options->stop;
  tw_status status = read_overrides(model, options, &b.overrides, error);
  if (status != TW_OK) return status;
  b.fixed = tw_fixed_names(statements, b.n_overrides, b.overrides);
  if (!b.fixed) return oom(error);
  tw_place end = end_of(&model->source);
  bool good = tw_build_statements(&b, statements) && tw_build_finish(&b, end);
  tw_map_free(b.fixed);
  if (!good) return tw_fail(error, own.status, "%s", own.message);
  model->method = site.method;
  for (const tw_statement *s = statements; s; s = s->next)
    if (s->kind == TW_STATE_MODEL) model->title = s->name;
  return unused_override(&b, error);
}

tw_status tw_model_open(tw_model *model, tw_error *error) {
  model->arena = tw_arena_new();
  model->graph = tw_graph_new();
  model->scope.map = tw_map_new();
  if (!model->arena || !model->graph || !model->scope.map) return oom(error);
  model->problem = tw_problem_new(model->graph);
  return model->problem ? TW_OK : oom(error);
}

static tw_status fill(tw_model *model, const char *text, size_t bytes, const char *name,
                      const tw_model_options *options, const char *folder, tw_error *error) {
  tw_status status = tw_model_open(model, error);
  if (status != TW_OK) return status;
  char *copy = tw_arena_alloc(model->arena, bytes + 1, 1);
  const char *label = tw_arena_strdup(model->arena, name);
  if (!copy || !label) return oom(error);
  if (bytes) memcpy(copy, text, bytes);
  model->source = (tw_model_text){label, copy, bytes};
  tw_statement *statements;
  status = tw_parse_model(model->arena, &model->source, &statements, error);
  return status == TW_OK ? build(model, statements, options, folder, error) : status;
}

/* A model is written by people; the other formats by programs. */
static int64_t most_bytes(tw_format format) {
  return format == TW_FORMAT_TW ? DEFAULT_BYTES : INT64_C(1) << 31;
}

static tw_status check_options(const tw_model_options *options, tw_error *error) {
  const int n = options ? options->n_overrides : 0;
  if (n < 0 || (n > 0 && !options->overrides))
    return tw_fail(error, TW_ERR_ARGUMENT, "the model's options have %d overrides, and none are given", n);
  for (int k = 0; k < n; k++)
    if (!options->overrides[k].name || !options->overrides[k].value)
      return tw_fail(error, TW_ERR_ARGUMENT, "override number %d of the model's options has no name or no value", k + 1);
  return TW_OK;
}

static tw_status parse(tw_model **out, const char *text, size_t bytes, const char *name,
                       const tw_model_options *options, const char *folder, const char *path, tw_error *error) {
  const tw_format format = tw_format_of(name);
  *out = NULL;
  tw_status status = check_options(options, error);
  if (status != TW_OK) return status;
  int64_t most = options && options->max_bytes > 0 ? options->max_bytes : most_bytes(format);
  if (bytes > (size_t)most || (format == TW_FORMAT_TW && bytes >= UINT32_MAX))
    return tw_fail(error, TW_ERR_RANGE, "%s: %zu bytes of text, expected at most %lld", name, bytes,
                   (long long)most);
  tw_model *model = calloc(1, sizeof *model);
  if (!model) return oom(error);
  status = format == TW_FORMAT_TW ? fill(model, text, bytes, name, options, folder, error)
                                  : tw_model_fill_flat(model, format, text, bytes, name, path, options, error);
  if (status == TW_OK)
    *out = model;
  else
    tw_model_free(model);
  return status;
}

tw_status tw_model_parse(tw_model **model, const char *text, size_t bytes, const char *name,
                         const tw_model_options *options, tw_error *error) {
  TW_GIVEN(model);
  TW_GIVEN(text);
  TW_GIVEN(name);
  return parse(model, text, bytes, name, options, options && options->folder ? options->folder : ".", NULL, error);
}

/* "a/b.tw" -> "a"; "b.tw" -> "."; malloc'd. */
static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  size_t length = slash ? (size_t)(slash - path) : 0;
  if (slash == path) length = 1;
  char *folder = malloc(length + 2);
  if (!folder) return NULL;
  memcpy(folder, slash ? path : ".", slash ? length : 1);
  folder[slash ? length : 1] = '\0';
  return folder;
}

tw_status tw_model_read(tw_model **model, const char *path, const tw_model_options *options,
                        tw_error *error) {
  TW_GIVEN(model);
  TW_GIVEN(path);
  char *text = NULL, *folder = folder_of(path);
  size_t bytes = 0, most = options && options->max_bytes > 0 ? (size_t)options->max_bytes : (size_t)most_bytes(tw_format_of(path));
  *model = NULL;
  if (!folder) return oom(error);
  tw_status status = tw_file_read(path, most, &text, &bytes, error);
  if (status == TW_OK)
    status = parse(model, text, bytes, path, options, options && options->folder ? options->folder : folder,
                   path, error);
  free(text);
  free(folder);
  return status;
}
