/* Reading a model for a command. */
#include "front/model_file.h"

#include "method/options.h"

#include <stdlib.h>
#include <string.h>

/* "name=value" into an override; the name goes to `arena`. */
static tw_status split(const char *word, tw_arena *arena, const tw_override *before, int n, tw_override *out,
                       tw_error *error) {
  const char *equals = strchr(word, '=');
  if (equals == NULL || equals == word || equals[1] == '\0')
    return tw_fail(error, TW_ERR_ARGUMENT, "--set %s: expected NAME=VALUE", word);
  const size_t length = (size_t)(equals - word);
  char *name = tw_arena_dup(arena, word, length + 1, 1);
  if (name == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for --set");
  name[length] = '\0';
  for (int i = 0; i < n; i++)
    if (strcmp(before[i].name, name) == 0) return tw_fail(error, TW_ERR_ARGUMENT, "--set %s is given twice", name);
  *out = (tw_override){name, equals + 1};
  return TW_OK;
}

tw_status tw_model_file_open(tw_model **model, const char *path, const tw_words *sets, const tw_console *console,
                             tw_error *error) {
  *model = NULL;
  tw_arena *arena = tw_arena_new();
  tw_override *overrides = tw_alloc((size_t)sets->count, sizeof *overrides);
  tw_status status =
      arena != NULL && overrides != NULL ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for --set");
  for (int i = 0; i < sets->count && status == TW_OK; i++)
    status = split(sets->word[i], arena, overrides, i, &overrides[i], error);
  const tw_model_options options = {.n_overrides = sets->count, .overrides = overrides, .stop = console->stop};
  if (status == TW_OK) status = tw_model_read(model, path, &options, error);
  free(overrides);
  tw_arena_free(arena);
  return status;
}

tw_status tw_model_file_blame(tw_status status, const char *path, tw_error *error) {
  if (status != TW_OK) tw_error_prefix(error, "%s", path);
  return status;
}

const char *tw_model_file_title(const tw_model *model, const char *path) {
  const char *title = tw_model_title(model), *slash = strrchr(path, '/');
  return title != NULL && *title != '\0' ? title : slash != NULL ? slash + 1 : path;
}

tw_status tw_model_file_method(tw_model *model, const char *path, const char *asked, tw_class *cls,
                               const char **method, char why[TW_MESSAGE_MAX], tw_error *error) {
  const tw_problem *p = tw_model_problem(model);
  tw_status status = asked != NULL ? tw_spec_check(asked, tw_problem_goal(p), error) : TW_OK;
  if (status != TW_OK) {
    tw_error_prefix(error, "--method");
    return status;
  }
  status = tw_model_file_blame(tw_classify(p, cls, error), path, error);
  if (status != TW_OK) return status;
  const char *chosen = tw_method_choose(p, cls, why, TW_MESSAGE_MAX);
  if (chosen == NULL && asked == NULL && tw_model_method(model) == NULL)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "%s: %s", path, why);
  *method = asked != NULL ? asked : tw_model_method(model) != NULL ? tw_model_method(model) : chosen;
  if (chosen == NULL || strcmp(*method, chosen) != 0)
    snprintf(why, TW_MESSAGE_MAX, "%s: %s", *method, asked != NULL ? "asked for" : "the model asks for it");
  return TW_OK;
}
