/* Writes .sol files: the message and an empty line, the options of the .nl file, the numbers of duals and primals and they
 * themselves, the objective with the result code, and suffixes. */
#include "model/sol.h"

#include <string.h>

/* Lines of the message; an empty one would end it. */
static void put_message(tw_text *text, const char *message) {
  tw_text_puts(text, "\n");
  for (const char *p = message; *p != '\0'; p++)
    if (p[0] != '\n' || (p > message && p[-1] != '\n')) tw_text_append(text, p, 1);
  tw_text_puts(text, "\n\n");
}

static void put_options(tw_text *text, const tw_model_table *t) {
  const bool tolerance = t->n_options > 1 && t->option[1] == 3;
  if (t->n_options == 0) return;
  tw_text_printf(text, "Options\n%d\n", t->n_options + 2 * tolerance);
  for (int k = 0; k < t->n_options; k++) tw_text_printf(text, "%lld\n", (long long)t->option[k]);
}

static void put_values(tw_text *text, const double *value, int64_t count) {
  for (int64_t i = 0; value != NULL && i < count; i++) {
    tw_text_number(text, value[i]);
    tw_text_puts(text, "\n");
  }
}

tw_status tw_sol_write(const tw_sol *sol, const char *path, tw_error *error) {
  const tw_model_table *t = sol->table;
  tw_text text = {0};
  put_message(&text, sol->message);
  put_options(&text, t);
  tw_text_printf(&text, "%lld\n%lld\n%lld\n%lld\n", (long long)t->algebraic, (long long)(sol->dual != NULL ? t->algebraic : 0),
                 (long long)t->n, (long long)(sol->primal != NULL ? t->n : 0));
  if (t->n_options > 1 && t->option[1] == 3) {
    tw_text_number(&text, t->option_tolerance);
    tw_text_puts(&text, "\n");
  }
  put_values(&text, sol->dual, t->algebraic);
  put_values(&text, sol->primal, t->n);
  tw_text_printf(&text, "objno %lld %d\n", (long long)sol->objective, sol->code);
  if (sol->reduced != NULL) {
    tw_text_printf(&text, "suffix 4 %lld 3 0 0\nrc\n", (long long)t->n);
    for (int64_t j = 0; j < t->n; j++) {
      tw_text_printf(&text, "%lld ", (long long)j);
      put_values(&text, sol->reduced + j, 1);
    }
  }
  tw_file *file = NULL;
  tw_status status = text.failed ? tw_fail(error, TW_ERR_MEMORY, "out of memory for %s", path) : tw_file_create(&file, path, error);
  if (status == TW_OK) {
    fwrite(text.data, 1, text.length, tw_file_stream(file)); /* errors show when it is committed */
    status = tw_file_commit(file, error);
  }
  tw_text_free(&text);
  return status;
}
