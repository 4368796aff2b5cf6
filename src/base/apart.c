/* Running a part of the program in a copy of the process. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif
#include <talweg/base.h>

#include "base/given.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { ASK_MS = 20, LINE = 1000 };

void *tw_shared_alloc(size_t bytes) {
  void *memory = mmap(NULL, bytes > 0 ? bytes : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void tw_shared_free(void *memory, size_t bytes) {
  if (memory != NULL) munmap(memory, bytes > 0 ? bytes : 1);
}

/* The copy: alone in its process group, so that the terminal's interrupt is the parent's to pass on; gone when the parent is. */
static void run_task(const tw_apart *a, const int pipe_end[2]) {
  setpgid(0, 0);
  signal(SIGINT, SIG_IGN);
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  dup2(pipe_end[1], STDOUT_FILENO);
  dup2(pipe_end[1], STDERR_FILENO);
  close(pipe_end[0]);
  close(pipe_end[1]);
  a->task(a->context);
  fflush(stdout);
  _exit(0);
}

typedef struct listener {
  const tw_apart *apart;
  char line[LINE + 1];
  size_t length;
} listener;

static void end_line(listener *l) {
  l->line[l->length] = '\0';
  if (l->length > 0 && l->apart->line != NULL) l->apart->line(l->apart->context, l->line);
  l->length = 0;
}

/* Takes what is there to read; false at the end of the stream. */
static bool listen_to(listener *l, int stream) {
  char buffer[4096];
  const ssize_t got = read(stream, buffer, sizeof buffer);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  for (ssize_t k = 0; k < got; k++) {
    if (buffer[k] == '\n')
      end_line(l);
    else if (l->length < LINE)
      l->line[l->length++] = buffer[k];
  }
  return got > 0;
}

/* Reads to the end of the stream, asks whether to go on, stops the copy when not. Returns whether it was stopped. */
static bool attend(listener *l, int stream, pid_t child) {
  const tw_apart *a = l->apart;
  bool stopped = false, killed = false;
  double stopped_at = 0;
  for (;;) {
    struct pollfd wait = {.fd = stream, .events = POLLIN};
    const int ready = poll(&wait, 1, ASK_MS);
    if (ready > 0 && !listen_to(l, stream)) break;
    if (!stopped && a->go_on != NULL && !a->go_on(a->context)) {
      stopped = true;
      stopped_at = tw_now();
      kill(child, SIGINT);
    }
    if (stopped && !killed && tw_now() - stopped_at > a->grace) {
      killed = true;
      kill(child, SIGKILL);
    }
  }
  end_line(l);
  return stopped;
}

tw_status tw_run_apart(const tw_apart *apart, bool *stopped, tw_error *error) {
  TW_GIVEN(apart);
  TW_GIVEN(stopped);
  TW_GIVEN(apart->task);
  int pipe_end[2];
  if (pipe(pipe_end) != 0) return tw_fail(error, TW_ERR_IO, "no pipe to a copy of the process: %s", strerror(errno));
  fflush(stdout); /* lest the copy says it again */
  const pid_t child = fork();
  if (child == 0) run_task(apart, pipe_end);
  close(pipe_end[1]);
  if (child < 0) {
    close(pipe_end[0]);
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for a copy of the process");
  }
  listener l = {.apart = apart};
  *stopped = attend(&l, pipe_end[0], child);
  close(pipe_end[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (*stopped || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return TW_OK;
  return tw_fail(error, TW_ERR_NUMERIC, "ended with %s %d", WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}
