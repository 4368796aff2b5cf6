/* Running other programs. */
#include <talweg/base.h>

#include "base/given.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

tw_status tw_program_find(const char *program, char *path, size_t size, tw_error *error) {
  TW_GIVEN(program);
  TW_GIVEN(path);
  const char *p = getenv("PATH");
  while (p && *p) {
    const size_t length = strcspn(p, ":");
    struct stat info;
    const int n = snprintf(path, size, "%.*s/%s", (int)length, p, program);
    const bool absolute = p[0] == '/';
    if (absolute && n > 0 && (size_t)n < size && stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0) return TW_OK;
    p += length;
    if (*p == ':') p++;
  }
  return tw_fail(error, TW_ERR_NAME, "%s: no such program", program);
}

static void kill_all_of(pid_t child) {
  int status;
  kill(-child, SIGKILL); /* its process group */
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
}

/* Waits for the child, in ever longer naps. */
static tw_status wait_for(pid_t child, const char *name, double seconds, const volatile int *stop, tw_error *error) {
  const double start = tw_now();
  struct timespec nap = {0, 1000000};
  int status = 0;
  for (;;) {
    const pid_t done = waitpid(child, &status, WNOHANG);
    if (done == child) break;
    if (done < 0 && errno != EINTR) return tw_fail(error, TW_ERR_IO, "%s: %s", name, strerror(errno));
    const bool stopped = stop && *stop;
    if (stopped || tw_now() - start > seconds) {
      kill_all_of(child);
      return stopped ? tw_fail(error, TW_ERR_INTERRUPT, "%s: stopped", name)
                     : tw_fail(error, TW_ERR_LIMIT, "%s: did not end within %g s", name, seconds);
    }
    nanosleep(&nap, NULL);
    if (nap.tv_nsec < 8000000) nap.tv_nsec *= 2;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return TW_OK;
  return tw_fail(error, TW_ERR_IO, "%s: ended with status %d", name, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

tw_status tw_program_run(const char *const *argv, double seconds, const volatile int *stop, tw_error *error) {
  TW_GIVEN(argv);
  TW_GIVEN(argv[0]);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (posix_spawn_file_actions_init(&actions) != 0) return tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", argv[0]);
  if (posix_spawnattr_init(&attributes) != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", argv[0]);
  }
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); /* a group of its own */
  for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
  pid_t child;
  const int failed = posix_spawn(&child, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed) return tw_fail(error, TW_ERR_IO, "%s: %s", argv[0], strerror(failed));
  return wait_for(child, argv[0], seconds, stop, error);
}
