/* The programs of recipes. */
#include "recipe.h"

int recipe_main(const tw_verb *verb, void *fields, tw_status (*run)(const void *fields, tw_error *error), int argc, char **argv) {
  tw_error error = {0};
  bool help = false;
  tw_status status = tw_arguments_read(verb, argc - 1, argv + 1, fields, &help, &error);
  if (status == TW_OK && help) {
    tw_arguments_help(verb, stdout);
    return 0;
  }
  if (status == TW_OK) status = run(fields, &error);
  if (status != TW_OK) fprintf(stderr, "%s: %s\n", verb->name, error.message);
  return status == TW_OK ? 0 : status == TW_ERR_ARGUMENT || status == TW_ERR_NAME || status == TW_ERR_RANGE ? 2 : 1;
}

typedef struct fields {
  const char *plot;
  bool accept;
  recipe_acceptance *acceptance;
} fields;

static tw_status run(const void *given, tw_error *error) {
  const fields *f = given;
  if (!f->accept) return tw_fail(error, TW_ERR_ARGUMENT, "expected --accept; `talweg solve` solves the models beside the recipe's README");
  return f->acceptance(stdout, f->plot, error);
}

int recipe_of_models(const char *name, const char *summary, recipe_acceptance *acceptance, int argc, char **argv) {
  const tw_argument arguments[] = {
      {"--accept", NULL, TW_ARGUMENT_FLAG, offsetof(fields, accept), 0, 0, false, "measure what the recipe must show, as markdown"},
      {"--plot", "FILE", TW_ARGUMENT_TEXT, offsetof(fields, plot), 0, 0, false, "and draw it (.svg, .png)"},
      {0}};
  const tw_verb verb = {name, summary, arguments, sizeof(fields), NULL};
  fields f = {.acceptance = acceptance};
  return recipe_main(&verb, &f, run, argc, argv);
}
