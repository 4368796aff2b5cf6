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

/* "model name" and "flags" on x86, "CPU part", "Features" and their like on others: of the first processor, without what varies. */
uint64_t tw_cpu_hash(void) {
  static const char *const said[] = {"vendor_id", "cpu family", "model", "stepping", "flags", "CPU", "Features", "isa", "cpu"};
  FILE *info = fopen("/proc/cpuinfo", "r");
  char line[8192];
  uint64_t hash = 0;
  while (info && fgets(line, sizeof line, info) && line[0] != '\n')
    for (size_t k = 0; k < sizeof said / sizeof *said; k++)
      if (strncmp(line, said[k], strlen(said[k])) == 0 && strncmp(line, "cpu MHz", 7) != 0) {
        hash = tw_hash(line, strlen(line), hash);
        break;
      }
  if (info) fclose(info);
  return hash;
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
