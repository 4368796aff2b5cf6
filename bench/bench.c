/* The benches: one after the other, or the one named. */
#include "bench.h"

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "examples/data/diabetes.csv", *only = argc > 2 ? argv[2] : "";
  int bad = 0;
  if (!*only || !strcmp(only, "ridge")) bad |= bench_ridge(path);
  if (!*only || !strcmp(only, "small")) bad |= bench_small();
  if (!*only || !strcmp(only, "chain")) bad |= bench_chain();
  if (!*only || !strcmp(only, "mlp")) bad |= bench_mlp();
  if (!*only || !strcmp(only, "luksan")) bad |= bench_luksan();
  if (!*only || !strcmp(only, "sensitivity")) bad |= bench_sensitivity();
  if (!*only || !strcmp(only, "rosenbrock")) bad |= bench_rosenbrock();
  if (!*only || !strcmp(only, "functions")) bad |= bench_functions();
  if (!*only || !strcmp(only, "projections")) bad |= bench_projections();
  return bad;
}
