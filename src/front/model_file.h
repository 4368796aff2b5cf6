/* Reading a model for a command. */
#ifndef TALWEG_FRONT_MODEL_FILE_H
#define TALWEG_FRONT_MODEL_FILE_H

#include "front/arguments.h"

/* With the overrides of --set NAME=VALUE; ends when the console asks to stop. */
tw_status tw_model_file_open(tw_model **model, const char *path, const tw_words *sets, const tw_console *console,
                             tw_error *error);
/* The model's title, or the name of its file. */
const char *tw_model_file_title(const tw_model *model, const char *path);
/* Classifies, and chooses the method: `asked` (--method), else the model's own, else the default for the class. A message
 * about what cannot be solved names the class. `why` says who chose. */
tw_status tw_model_file_method(tw_model *model, const char *path, const char *asked, tw_class *cls, const char **method,
                               char why[TW_MESSAGE_MAX], tw_error *error);

/* Puts the file's name before the message of a failure that names no place in it; returns `status`. */
tw_status tw_model_file_blame(tw_status status, const char *path, tw_error *error);

#endif
