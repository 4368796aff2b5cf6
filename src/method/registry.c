/* The table of built-in methods: one line each in methods.def. */
#include "method/driver.h"

#include <string.h>

#define X(name) extern const tw_method tw_method_##name;
#include "method/methods.def"
#undef X

static const tw_method *const table[] = {
#define X(name) &tw_method_##name,
#include "method/methods.def"
#undef X
    NULL};

const tw_method *const *tw_methods(void) {
  return table;
}

const tw_method *tw_method_find(const char *name) {
  if (name == NULL) return NULL;
  for (const tw_method *const *m = table; *m != NULL; m++)
    if (strcmp((*m)->name, name) == 0) return *m;
  return NULL;
}
