/* The processor's counters for the calling thread, where Linux permits them. */
#ifdef __linux__
#define _DEFAULT_SOURCE /* syscall */
#endif
#include "graph/run/profile.h"

#include <stdlib.h>

#ifdef __linux__
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct tw_counters {
  int fd[TW_COUNTERS];
};

static int open_counter(uint64_t which, int leader) {
  struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE, .size = sizeof attr, .config = which, .disabled = leader < 0};
  attr.exclude_kernel = attr.exclude_hv = 1;
  attr.read_format = PERF_FORMAT_GROUP;
  return (int)syscall(SYS_perf_event_open, &attr, 0, -1, leader, 0);
}

tw_counters *tw_counters_open(void) {
  static const uint64_t which[TW_COUNTERS] = {PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_CACHE_MISSES};
  tw_counters *c = malloc(sizeof *c);
  bool ok = c != NULL;
  for (int i = 0; c && i < TW_COUNTERS; i++) {
    c->fd[i] = ok ? open_counter(which[i], i ? c->fd[0] : -1) : -1;
    ok = ok && c->fd[i] >= 0;
  }
  if (ok) return c;
  tw_counters_close(c);
  return NULL;
}

void tw_counters_close(tw_counters *c) {
  for (int i = TW_COUNTERS; c && i-- > 0;)
    if (c->fd[i] >= 0) close(c->fd[i]);
  free(c);
}

void tw_counters_start(tw_counters *c) {
  ioctl(c->fd[0], PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
  ioctl(c->fd[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

void tw_counters_read(tw_counters *c, double count[TW_COUNTERS]) {
  uint64_t value[1 + TW_COUNTERS] = {0};
  ioctl(c->fd[0], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
  const bool ok = read(c->fd[0], value, sizeof value) == (ssize_t)sizeof value && value[0] == TW_COUNTERS;
  for (int i = 0; i < TW_COUNTERS; i++) count[i] = ok ? (double)value[1 + i] : 0;
}

#else

tw_counters *tw_counters_open(void) { return NULL; }
void tw_counters_close(tw_counters *c) { (void)c; }
void tw_counters_start(tw_counters *c) { (void)c; }
void tw_counters_read(tw_counters *c, double count[TW_COUNTERS]) { (void)c, (void)count; }

#endif
