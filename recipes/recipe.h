/* recipe: what the programs of all recipes do. */
#ifndef TALWEG_RECIPE_H
#define TALWEG_RECIPE_H

#include "front/arguments.h"

/* Reads the arguments of `verb` into `fields` (zeroed) and runs; exit status 0, 2 after a wrong argument, 1 after another error. */
static inline int recipe_main(const tw_verb *verb, void *fields, tw_status (*run)(const void *fields, tw_error *error), int argc, char **argv) {
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

#endif
