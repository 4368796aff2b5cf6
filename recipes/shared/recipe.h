/* recipe: what the programs of all recipes do. */
#ifndef RECIPES_RECIPE_H
#define RECIPES_RECIPE_H

#include "front/arguments.h"

/* Reads the arguments of `verb` into `fields` (zeroed) and runs; exit status 0, 2 after a wrong argument, 1 after another error. */
int recipe_main(const tw_verb *verb, void *fields, tw_status (*run)(const void *fields, tw_error *error), int argc, char **argv);

/* The program of a recipe whose models are .tw files: `--accept` prints what `acceptance` measures, `--plot FILE` has it drawn too (NULL
 * otherwise). From the root of the source tree, where the models lie. */
typedef tw_status recipe_acceptance(FILE *out, const char *plot, tw_error *error);
int recipe_of_models(const char *name, const char *summary, recipe_acceptance *acceptance, int argc, char **argv);

#endif
