/* A model that `talweg compile` has written, compiled and loaded, beside the library's oracle of it. */
#ifndef TALWEG_TEST_COMPILED_MODEL_H
#define TALWEG_TEST_COMPILED_MODEL_H

#include "command.h"

#include <ctype.h>
#include <dlfcn.h>
#include <sys/stat.h>

static tw_error error;

/* ------------------------------------------------------------------ compiling and calling */

typedef struct written {
  char folder[64], *header;
  void *library;
  tw_model *model;
  const tw_problem *p;
  tw_class cls;
  tw_oracle oracle;
  double sign; /* of the stated objective in the oracle's */
  double tolerance; /* relative, within which they agree */
} written;

static inline char *text_of(const char *folder, const char *name) {
  char path[128], *text = NULL;
  size_t length;
  assert_ok(tw_file_read(test_path(folder, name, path), 1 << 26, &text, &length, &error));
  return text;
}

static inline void run_shell(const char *format, ...) TW_PRINTF(1, 2);
static inline void run_shell(const char *format, ...) {
  char line[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  if (system(line) != 0) fail_msg("fails: %s", line);
}

/* The model at `path` compiled with the prefix m and loaded, beside its oracle. */
static inline void open_written(written *w, const char *path, const char *set, const char *cc) {
  char library[128], name[64];
  *w = (written){.tolerance = 1e-14};
  test_folder_make(w->folder);
  outcome o = command("compile %s -o %s/m.c%s%s", path, w->folder, set ? " --set " : "", set ? set : "");
  expect_code(&o, 0);
  outcome_free(&o);
  run_shell("%s -std=c11 -Wall -Wextra -Werror -ffp-contract=off -shared -fPIC %s/m.c -o %s/m.so -lm", cc,
            w->folder, w->folder);
  w->library = dlopen(test_path(w->folder, "m.so", library), RTLD_NOW | RTLD_LOCAL);
  if (!w->library) fail_msg("%s", dlerror());
  w->header = text_of(w->folder, "m.h");
  tw_model_options options = {0};
  tw_override override;
  if (set) {
    snprintf(name, sizeof name, "%.*s", (int)strcspn(set, "="), set);
    override = (tw_override){name, strchr(set, '=') + 1};
    options = (tw_model_options){.n_overrides = 1, .overrides = &override};
  }
  assert_ok(tw_model_read(&w->model, path, &options, &error));
  w->p = tw_model_problem(w->model);
  assert_ok(tw_classify(w->p, &w->cls, &error));
  assert_ok(tw_oracle_from_problem(&w->oracle, w->p, &w->cls, &error));
  w->sign = tw_problem_goal(w->p) == TW_GOAL_MAXIMIZE ? -1 : 1;
}

static inline void close_written(written *w) {
  tw_oracle_release(&w->oracle);
  tw_model_free(w->model);
  dlclose(w->library);
  free(w->header);
  test_folder_remove(w->folder);
}

/* Bytes of work memory that the header asks for. */
static inline size_t work_bytes(const written *w, const char *function) {
  char declared[128];
  snprintf(declared, sizeof declared, "struct %s_work {", function);
  const char *at = strstr(w->header, declared);
  if (!at) fail_msg("the header declares no %s", declared);
  at = strstr(at, "bytes[");
  return strtoul(at + 6, NULL, 10);
}

/* Calls m_NAME(first.., parameters.., others.., memory); NULL ends each list. x comes before the parameters.
 */
static inline void call(const written *w, const char *name, const double *x, int n, double *const *others) {
  typedef int function(const void *, const void *, const void *, const void *, const void *, const void *,
                       const void *, const void *, const void *, const void *, const void *, const void *);
  char full[64];
  const void *a[12] = {0};
  int count = 0;
  function *f;
  snprintf(full, sizeof full, "m_%s", name);
  void *symbol = dlsym(w->library, full);
  if (!symbol) fail_msg("no function %s", full);
  memcpy(&f, &symbol, sizeof f);
  void *memory = malloc(work_bytes(w, full));
  assert_non_null(memory);
  if (x) a[count++] = x;
  for (int i = 0; i < tw_problem_parameters(w->p); i++)
    a[count++] = tw_problem_parameter_at(w->p, i)->value.data;
  for (int i = 0; i < n; i++) a[count++] = others[i];
  a[count++] = memory;
  assert_true(count <= 12);
  if (f(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11]) != 0)
    fail_msg("%s returns nonzero", full);
  free(memory);
}
#define CALL(w, name, x, ...)                                                                                \
  call(w, name, x, (int)(sizeof((double *[]){__VA_ARGS__}) / sizeof(double *)),                              \
       (double *const[]){__VA_ARGS__})

/* ------------------------------------------------------------------ comparing */

static inline double *numbers(int64_t n) {
  double *x = tw_alloc((size_t)n + 1, sizeof *x);
  assert_non_null(x);
  for (int64_t i = 0; i < n; i++) x[i] = NAN;
  return x;
}

static inline double norm(const double *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
  return sqrt(sum);
}

/* |a - scale b| <= tolerance |b|, where |b| is what is left of larger terms at least 1e-2; `a` and `b` are
 * released. */
static inline void assert_agree(const written *w, const char *what, double *a, double *b, double scale, int64_t n) {
  double size = norm(b, n);
  for (int64_t i = 0; i < n; i++) a[i] -= scale * b[i];
  if (!(norm(a, n) <= w->tolerance * fmax(size, 1e-2)))
    fail_msg("%s differ by %.3g of %.3g", what, norm(a, n), size);
  free(a);
  free(b);
}

static inline void same_numbers(const char *what, const double *a, const double *b, int64_t n, double missing) {
  for (int64_t i = 0; i < n; i++)
    if (a[i] != (b ? b[i] : missing))
      fail_msg("%s[%lld] is %.17g, expected %.17g", what, (long long)i, a[i], b ? b[i] : missing);
}

static inline const char *example_path(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/examples/%s.tw", TALWEG_SOURCE_DIR, name);
  return path;
}

/* The text without its numbers. */
static inline void drop_digits(char *text) {
  char *to = text;
  for (const char *p = text; *p; p++)
    if (!isdigit((unsigned char)*p)) *to++ = *p;
  *to = 0;
}

#endif
