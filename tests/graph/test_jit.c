/* Native code: the cache is private, checked and bounded; without compiler, with a read-only cache or against a racing
 * process evaluation goes on, with the same bits. (That bits agree on all kinds of passes: test_fuse.c.) */
#include "test.h"

#include <talweg/graph.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 1000 };

typedef struct heard { /* the last message of the log */
  char text[256];
} heard;

static void hear(void *context, tw_level level, const char *message) {
  heard *h = context;
  (void)level;
  snprintf(h->text, sizeof h->text, "%s", message);
}

/* A function whose arithmetic depends on `salt`, evaluated with and without native code: what was logged. */
static void evaluate(double salt, heard *h) {
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(N)), e = x;
  for (int i = 0; i < 5; i++) e = tw_add(tw_mul(e, x), tw_scalar(g, salt + i));
  double in[N], out[2][N];
  tw_logger log = {hear, h, TW_LOG_DEBUG};
  h->text[0] = 0;
  for (int i = 0; i < N; i++) in[i] = tw_random_normal(1, (uint64_t)i);
  for (int jit = 0; jit < 2; jit++) {
    tw_fn *fn;
    tw_work *work;
    tw_error error;
    assert_int_equal(tw_fn_new(&fn, 1, &x, 1, &e, NULL, &error), TW_OK);
    assert_int_equal(tw_work_new(&work, fn, &error), TW_OK);
    tw_work_exec(work, &(tw_exec){.jit = jit ? TW_JIT_ON : TW_JIT_OFF, .log = &log});
    assert_int_equal(tw_fn_call(fn, work, (const void *[]){in}, (void *[]){out[jit]}, 0, &error), TW_OK);
    tw_work_free(work);
    tw_fn_free(fn);
  }
  assert_memory_equal(out[0], out[1], sizeof out[0]);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ a cache of our own for each test */

static char base[64], cache[96];

static int open_cache(void **state) {
  (void)state;
  snprintf(base, sizeof base, "/tmp/talweg-jit-XXXXXX");
  if (!mkdtemp(base)) return 1;
  setenv("XDG_CACHE_HOME", base, 1);
  snprintf(cache, sizeof cache, "%s/talweg", base);
  return 0;
}

/* Calls visit(path) for the files in the cache; how many. */
static int each_file(void (*visit)(const char *path)) {
  DIR *folder = opendir(cache);
  int count = 0;
  for (struct dirent *e; folder && (e = readdir(folder)) != NULL;) {
    char path[512];
    if (e->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", cache, e->d_name);
    if (visit) visit(path);
    count++;
  }
  if (folder) closedir(folder);
  return count;
}

static void discard(const char *path) { unlink(path); }

static int close_cache(void **state) {
  (void)state;
  chmod(cache, 0700);
  each_file(discard);
  rmdir(cache);
  return rmdir(base);
}

static void assert_private(const char *path) {
  struct stat info;
  assert_int_equal(lstat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
}

static void assert_native(const heard *h) {
  if (!strstr(h->text, "loops of native code")) fail_msg("no native code: %s", h->text);
}

static void kept_and_private(void **state) {
  (void)state;
  heard h;
  struct stat info;
  evaluate(1, &h);
  assert_native(&h);
  assert_int_equal(lstat(cache, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0700);
  assert_int_equal(each_file(assert_private), 1);
  evaluate(1, &h); /* found */
  assert_native(&h);
  assert_int_equal(each_file(NULL), 1);
  evaluate(2, &h);
  assert_int_equal(each_file(NULL), 2);
}

static void flip_a_byte(const char *path) {
  FILE *f = fopen(path, "r+b");
  assert_non_null(f);
  fseek(f, 1000, SEEK_SET);
  const int c = fgetc(f);
  fseek(f, 1000, SEEK_SET);
  fputc(c ^ 1, f);
  fclose(f);
}
static void cut(const char *path) { assert_int_equal(truncate(path, 100), 0); }
static void open_to_others(const char *path) { assert_int_equal(chmod(path, 0666), 0); }

/* Made again rather than loaded. */
static void spoilt_files_are_not_loaded(void **state) {
  (void)state;
  void (*const spoil[])(const char *) = {flip_a_byte, cut, open_to_others};
  for (int k = 0; k < 3; k++) {
    heard h;
    evaluate(3, &h);
    each_file(spoil[k]);
    evaluate(3, &h);
    assert_native(&h);
    assert_int_equal(each_file(assert_private), 1);
  }
}

static void folder_of_others_is_not_used(void **state) {
  (void)state;
  heard h;
  assert_int_equal(mkdir(cache, 0700), 0);
  assert_int_equal(chmod(cache, 0777), 0);
  evaluate(4, &h);
  assert_native(&h); /* from a temporary folder */
  assert_int_equal(each_file(NULL), 0);
}

static void read_only_cache(void **state) {
  (void)state;
  heard h;
  if (geteuid() == 0) { /* root writes anywhere: no folder at all instead */
    setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
  } else {
    assert_int_equal(mkdir(cache, 0500), 0);
  }
  evaluate(5, &h);
  assert_native(&h);
  assert_int_equal(each_file(NULL), 0);
}

static void no_compiler(void **state) {
  (void)state;
  heard h;
  char path[4096];
  snprintf(path, sizeof path, "%s", getenv("PATH"));
  setenv("PATH", base, 1);
  evaluate(6, &h);
  assert_non_null(strstr(h.text, "goes on without"));
  char fake[128];
  snprintf(fake, sizeof fake, "%s/cc", base);
  FILE *f = fopen(fake, "w"); /* one that fails */
  fputs("#!/bin/sh\nexit 1\n", f);
  fclose(f);
  chmod(fake, 0755);
  evaluate(7, &h);
  assert_non_null(strstr(h.text, "goes on without"));
  unlink(fake);
  setenv("PATH", path, 1);
  evaluate(6, &h);
  assert_native(&h);
}

static void racing_processes(void **state) {
  (void)state;
  pid_t child[4];
  for (int k = 0; k < 4; k++) {
    child[k] = fork();
    if (child[k] == 0) {
      heard h;
      evaluate(8, &h);
      _exit(strstr(h.text, "loops of native code") ? 0 : 1);
    }
  }
  for (int k = 0; k < 4; k++) {
    int status;
    assert_int_equal(waitpid(child[k], &status, 0), child[k]);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  assert_int_equal(each_file(assert_private), 1);
}

static void bounded(void **state) {
  (void)state;
  heard h;
  assert_int_equal(mkdir(cache, 0700), 0);
  for (int k = 0; k < 3; k++) { /* 90 MB of older files */
    char path[128];
    snprintf(path, sizeof path, "%s/old%d.so", cache, k);
    const int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0 && ftruncate(fd, 30000000) == 0);
    close(fd);
    struct timespec age[2] = {{1000 + k, 0}, {1000 + k, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, age, 0), 0);
  }
  evaluate(9, &h);
  assert_native(&h);
  assert_int_equal(each_file(NULL), 3); /* the oldest is gone, ours is there */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_cache, close_cache)
  const struct CMUnitTest tests[] = {TEST(kept_and_private), TEST(spoilt_files_are_not_loaded), TEST(folder_of_others_is_not_used),
                                     TEST(read_only_cache), TEST(no_compiler), TEST(racing_processes), TEST(bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
