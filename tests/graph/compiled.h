/* Written C, compiled by the system's compiler and loaded: for tests that compare it with the library. */
#ifndef TALWEG_TEST_COMPILED_H
#define TALWEG_TEST_COMPILED_H

#include "test.h"

#include <talweg/base.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct compiled {
  void *library;
  char folder[64];
} compiled;

/* Whether this machine has the compiler. */
static inline bool has_compiler(const char *cc) {
  char command[128];
  snprintf(command, sizeof command, "command -v %s > /dev/null", cc);
  return system(command) == 0;
}

/* `cc`: the compiler and its options. Warnings are errors; `c` and `header` are the files' texts. */
static inline void compiled_open_by(compiled *out, const char *cc, const char *c, const char *include, const char *header) {
  char path[160], command[640];
  tw_file *file;
  tw_error error = {0};
  snprintf(out->folder, sizeof out->folder, "/tmp/talweg-test-XXXXXX");
  if (!mkdtemp(out->folder)) fail_msg("no temporary folder");
  for (int k = 0; k < 2; k++) {
    snprintf(path, sizeof path, "%s/%s", out->folder, k ? include : "code.c");
    if (tw_file_create(&file, path, &error) != TW_OK) fail_msg("%s", error.message);
    fputs(k ? header : c, tw_file_stream(file));
    if (tw_file_commit(file, &error) != TW_OK) fail_msg("%s", error.message);
  }
  snprintf(command, sizeof command,
           "%s -std=c11 -Wall -Wextra -Werror -ffp-contract=off -shared -fPIC %s/code.c -o %s/code.so -lm", cc, out->folder, out->folder);
  if (system(command) != 0) fail_msg("the compiler refuses %s/code.c", out->folder);
  snprintf(path, sizeof path, "%s/code.so", out->folder);
  out->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!out->library) fail_msg("%s", dlerror());
}

static inline void compiled_open(compiled *out, const char *c, const char *include, const char *header) {
  compiled_open_by(out, "cc -O1", c, include, header);
}

static inline void compiled_close(compiled *c, const char *include) {
  static const char *const name[] = {"code.c", "code.so"};
  char path[160];
  dlclose(c->library);
  for (int k = 0; k < 3; k++) {
    snprintf(path, sizeof path, "%s/%s", c->folder, k < 2 ? name[k] : include);
    unlink(path);
  }
  rmdir(c->folder);
}

/* Calls int name(pointers..) with up to 20 pointers. */
static inline int compiled_call(const compiled *c, const char *name, int n, void *const *p) {
  typedef int function(void *, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *,
                       void *, void *, void *, void *, void *, void *, void *);
  function *f = NULL;
  void *symbol = dlsym(c->library, name), *a[20] = {0};
  if (!symbol) fail_msg("no function %s", name);
  memcpy(&f, &symbol, sizeof f);
  assert_true(n <= 20);
  for (int k = 0; k < n; k++) a[k] = p[k];
  return f(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16], a[17],
           a[18], a[19]);
}

#endif
