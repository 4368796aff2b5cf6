/* Running the command on what people get wrong: a table of cases in a folder that must stay as it was. */
#ifndef TALWEG_TEST_BAD_CASE_H
#define TALWEG_TEST_BAD_CASE_H

#include "command.h"

#include <sys/stat.h>

enum { INPUT = 1, STOPPED = 2, NO_OPTIMUM = 3, NUMERIC = 4 };
#define ROSENBROCK "var x[2] init [-1.2, 1]\nminimize (1 - x[0])^2 + 100 * (x[1] - x[0]^2)^2\n"
#define SOLVE "solve @/m.tw"

typedef struct bad_case {
  const char *model; /* m.tw; NULL: none */
  const char *words; /* @ stands for the folder */
  int code;
  const char *part[3]; /* of the message; in models a place comes first: "m.tw:2:10: " */
} bad_case;

/* ------------------------------------------------------------------ a folder with data, watched */

typedef struct scene {
  char folder[64];
  tw_text before;
} scene;

static inline int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names and sizes, sorted. */
static inline tw_text list_folder(const char *folder) {
  enum { MOST = 64 };
  char *name[MOST], path[512];
  int n = 0;
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    assert_true(n < MOST);
    name[n++] = strdup(entry->d_name);
  }
  closedir(dir);
  qsort(name, (size_t)n, sizeof *name, by_name);
  tw_text text = {0};
  for (int i = 0; i < n; i++) {
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", folder, name[i]);
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode))
      tw_text_printf(&text, "%s %lld\n", name[i], (long long)info.st_size);
    free(name[i]);
  }
  return text;
}

static inline void watch(scene *s) {
  s->before = list_folder(s->folder);
}

static inline void unwatch(scene *s, const char *words) {
  tw_text after = list_folder(s->folder);
  if (strcmp(s->before.data, after.data) != 0)
    fail_msg("%s changed the folder from\n%sto\n%s", words, s->before.data, after.data);
  tw_text_free(&after);
  tw_text_free(&s->before);
}

static inline void open_scene(scene *s) {
  test_folder_make(s->folder);
  write_text(s->folder, "good.csv", "a,b\n1,2\n3,4\n");
  write_text(s->folder, "ragged.csv", "a,b\n1,2\n3\n");
  write_text(s->folder, "nan.csv", "a,b\n1,2\n3,nan\n");
  write_text(s->folder, "missing.csv", "a,b\n1,2\n3,\n");
  write_text(s->folder, "words.csv", "a,b\n1,2\n3,four\n");
  write_text(s->folder, "empty.csv", "");
  write_text(s->folder, "noise.npy", "this is no array");
}

static inline void close_scene(scene *s) {
  test_folder_remove(s->folder);
}

static inline void put_folder(const scene *s, const char *words, char out[1024]) {
  size_t used = 0;
  out[0] = '\0';
  for (; *words != '\0'; words++) {
    const int room = (int)(1024 - used);
    const int put = *words == '@' ? snprintf(out + used, (size_t)room, "%s", s->folder)
                                  : snprintf(out + used, (size_t)room, "%c", *words);
    assert_in_range(put, 1, room - 1);
    used += (size_t)put;
  }
}

/* ------------------------------------------------------------------ one case */

static inline void check_json(const outcome *o, const bad_case *c) {
  json_t *object = parse_object(o);
  const char *message = find_string(object, "message");
  for (int i = 0; i < 3 && c->part[i] != NULL; i++) expect_text(message, c->part[i]);
  if (c->code == INPUT) assert_string_equal(find_string(object, "status"), "error");
  json_decref(object);
}

static inline void run_words(const scene *s, const bad_case *c, const char *words) {
  char line[1024];
  put_folder(s, words, line);
  outcome o = command("%s", line);
  if (o.code != c->code)
    fail_msg("talweg %s: exit code %d, expected %d\n%s%s%s", words, o.code, c->code, c->model ? c->model : "",
             o.out, o.err);
  const bool failed =
      c->code == INPUT || strncmp(o.err, "talweg: ", 8) == 0; /* else the message is in the result */
  for (int i = 0; i < 3 && c->part[i] != NULL; i++) expect_text(failed ? o.err : o.out, c->part[i]);
  if (failed && strncmp(words, "check", 5) != 0) assert_string_equal(o.out, "");
  outcome_free(&o);
  if (strncmp(words, "solve", 5) != 0) return;
  o = command("solve --json --quiet%s", line + strlen("solve"));
  expect_code(&o, c->code);
  check_json(&o, c);
  outcome_free(&o);
}

static inline void run_cases(const bad_case *cases, size_t n) {
  scene s;
  open_scene(&s);
  for (size_t i = 0; i < n; i++) {
    if (cases[i].model != NULL) write_text(s.folder, "m.tw", cases[i].model);
    watch(&s);
    run_words(&s, &cases[i], cases[i].words);
    if (cases[i].code == INPUT && strcmp(cases[i].words, SOLVE) == 0)
      run_words(&s, &cases[i], "check @/m.tw");
    unwatch(&s, cases[i].words);
  }
  close_scene(&s);
}
#define RUN_CASES(cases) run_cases(cases, sizeof(cases) / sizeof *(cases))

static inline void write_bytes(const char *folder, const char *name, const char *data, size_t bytes) {
  char path[128];
  FILE *file = fopen(test_path(folder, name, path), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, bytes, file), bytes);
  assert_int_equal(fclose(file), 0);
}

#endif
