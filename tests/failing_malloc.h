/* Makes the n-th allocation of the library fail. For programs called test_*_oom, whose link wraps the
 * allocation functions (tests/CMakeLists.txt). */
#ifndef TALWEG_FAILING_MALLOC_H
#define TALWEG_FAILING_MALLOC_H

#include "test.h"

#include <errno.h>
#include <stdbool.h>

static long failing_countdown = -1; /* allocations before the one that fails; negative: none fails */
static bool failing_happened;

/* The allocation after the next `successes` ones fails, once. */
static inline void failing_arm(long successes) {
  failing_countdown = successes;
  failing_happened = false;
}

/* Back to normal; true if an allocation did fail. */
static inline bool failing_disarm(void) {
  failing_countdown = -1;
  return failing_happened;
}

static inline bool failing_now(void) {
  if (failing_countdown < 0 || failing_countdown-- > 0) return false;
  failing_happened = true;
  errno = ENOMEM;
  return true;
}

/* Runs `task` with its first, second, .. allocation failing, until none of its `most` does. A failure may
 * pass unnoticed only where the result does not need the memory, which `task` checks. */
static inline void failing_each(tw_status (*task)(int which, tw_error *error), int which, long most) {
  for (long i = 0;; i++) {
    tw_error error = {0};
    if (i > most) fail_msg("more than %ld allocations", most);
    failing_arm(i);
    const tw_status status = task(which, &error);
    const bool happened = failing_disarm();
    if (status != TW_OK) {
      if (!happened) fail_msg("case %d: %s", which, error.message);
      if (status != TW_ERR_MEMORY || !strstr(error.message, "memory"))
        fail_msg("case %d, allocation %ld: %s (%s)", which, i, error.message, tw_status_name(status));
    } else if (!happened) {
      return;
    }
  }
}

/* WRAP(result, name, parameters, arguments) */
#define WRAP(result, name, parameters, arguments)                                                            \
  result __real_##name parameters;                                                                           \
  result __wrap_##name parameters;                                                                           \
  result __wrap_##name parameters {                                                                          \
    return failing_now() ? NULL : __real_##name arguments;                                                   \
  }
WRAP(void *, malloc, (size_t bytes), (bytes))
WRAP(void *, calloc, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, (void *data, size_t bytes), (data, bytes))
WRAP(void *, aligned_alloc, (size_t align, size_t bytes), (align, bytes))
WRAP(char *, strdup, (const char *text), (text))
WRAP(char *, strndup, (const char *text, size_t length), (text, length))

#endif
