/* What the processor of this machine can do; kernels with variants choose by it. */
#include <talweg/base.h>

#include <string.h>

tw_cpu tw_cpu_features(void) {
  tw_cpu cpu = {0};
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init(); /* which also asks whether the system saves the registers */
  cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  cpu.avx512 = cpu.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#endif
  return cpu;
}

void tw_cpu_name(char *name, size_t size) {
  if (!name || size == 0) return;
  FILE *info = fopen("/proc/cpuinfo", "r");
  char line[256];
  snprintf(name, size, "unknown");
  while (info && fgets(line, sizeof line, info)) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !colon) continue;
    snprintf(name, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    break;
  }
  if (info) fclose(info);
}
