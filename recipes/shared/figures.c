/* Lines of a table, and peaks of memory by /proc. */
#include "figures.h"

#include <malloc.h>
#include <math.h>
#include <string.h>

void figures_begin(figures *f, FILE *out, tw_error *error) {
  *f = (figures){.out = out, .error = error, .status = TW_OK};
  fprintf(out, "| what | wanted | measured | holds |\n|---|---|---|---|\n");
}

void figures_line(figures *f, const char *what, const char *wanted, bool holds, const char *format, ...) {
  if (f->status != TW_OK) return;
  va_list args;
  fprintf(f->out, "| %s | %s | ", what, wanted);
  va_start(args, format);
  vfprintf(f->out, format, args);
  va_end(args);
  fprintf(f->out, " | %s |\n", holds ? "yes" : "**no**");
  fflush(f->out);
  f->missed += !holds;
}

/* A line of /proc/self/status in bytes: "VmHWM:   1234 kB". */
static double status_bytes(const char *name) {
  char line[256];
  double kilobytes = NAN;
  FILE *file = fopen("/proc/self/status", "r");
  if (!file) return NAN;
  while (fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0) {
      sscanf(line + strlen(name), "%lf", &kilobytes);
      break;
    }
  fclose(file);
  return 1024 * kilobytes;
}

void peak_begin(peak *p) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  FILE *file = fopen("/proc/self/clear_refs", "w"); /* 5: the peak begins anew */
  const bool cleared = file && fputs("5", file) >= 0;
  const bool closed = file && fclose(file) == 0;
  p->before = cleared && closed ? status_bytes("VmRSS:") : NAN;
}

double peak_end(const peak *p) {
  return status_bytes("VmHWM:") - p->before;
}
