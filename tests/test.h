/* What every test program needs. */
#ifndef TALWEG_TEST_H
#define TALWEG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h must come after these four */
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <talweg/base.h>

/* The call succeeds; its message is shown when it does not. `error` is the tw_error passed to it. */
#define assert_ok(call)                                                                                      \
  do {                                                                                                       \
    tw_status assert_ok_status = (call);                                                                     \
    if (assert_ok_status != TW_OK)                                                                           \
      fail_msg("%s: %s (%s)", #call, tw_status_name(assert_ok_status), error.message);                       \
  } while (0)

/* The call fails with `expected` and a message that contains `part`. */
#define assert_fails(call, expected, part)                                                                   \
  do {                                                                                                       \
    error = (tw_error){0};                                                                                   \
    tw_status assert_fails_status = (call);                                                                  \
    if (assert_fails_status != (expected) || error.status != (expected))                                     \
      fail_msg("%s: expected '%s', got '%s' (%s)", #call, tw_status_name(expected),                          \
               tw_status_name(assert_fails_status), error.message);                                          \
    if (!strstr(error.message, part)) fail_msg("\"%s\" does not contain \"%s\"", error.message, part);       \
  } while (0)

/* |a - b| <= tolerance * max(1, |b|) */
#define assert_close(a, b, tolerance)                                                                        \
  do {                                                                                                       \
    double close_a = (a), close_b = (b);                                                                     \
    if (!(fabs(close_a - close_b) <= (tolerance)*fmax(1.0, fabs(close_b))))                                  \
      fail_msg("%s = %.17g, expected %s = %.17g", #a, close_a, #b, close_b);                                 \
  } while (0)

/* The same bits: tells -0 from 0 and lets NaN equal itself. */
#define assert_same_bits(a, b)                                                                               \
  do {                                                                                                       \
    double same_a = (a), same_b = (b);                                                                       \
    if (memcmp(&same_a, &same_b, sizeof same_a) != 0)                                                        \
      fail_msg("%s = %.17g, expected the bits of %s = %.17g", #a, same_a, #b, same_b);                       \
  } while (0)

/* A fresh folder for files; test_folder_remove deletes it with the files in it and returns their number. */
static inline void test_folder_make(char path[64]) {
  strcpy(path, "/tmp/talweg-test-XXXXXX");
  if (!mkdtemp(path)) fail_msg("cannot make %s", path);
}

static inline const char *test_path(const char *folder, const char *name, char path[128]) {
  if (snprintf(path, 128, "%s/%s", folder, name) >= 128) fail_msg("path too long");
  return path;
}

static inline int test_folder_remove(const char *folder) {
  int count = 0;
  char path[512];
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (remove(path) == 0) count++;
  }
  if (dir) closedir(dir);
  rmdir(folder);
  return count;
}

#endif
