/* The bundled workloads, small enough to run in seconds. */
#ifndef OP_SCOPE_WORKLOADS_H
#define OP_SCOPE_WORKLOADS_H

#include "net.h"

/* Sizes; 0: that of the workload. */
typedef struct workload_size {
  int64_t size;   /* latent side, prompt length, image side in tokens, or image side */
  int64_t frames; /* of video */
  int64_t batch;
  int64_t text;   /* tokens that images are conditioned on */
} workload_size;

typedef struct workload {
  const char *name, *summary;
  const char *size_means;
  workload_size usual;
  int n_parts;
  /* Part i: a function, with attention tiled or not; how often it runs when a run has so many steps. */
  void (*build[2])(net *n, const workload_size *size, bool tiled);
  const char *part[2];
  enum { RUN_ONCE, RUN_STEPS, RUN_PIXELS } runs[2]; /* PIXELS: once for each of size^2 tokens */
} workload;

enum { WORKLOADS = 4 };
extern const workload workloads[WORKLOADS];
const workload *workload_find(const char *name); /* NULL: none */
/* `size` with what is 0 replaced by the usual. */
workload_size workload_sizes(const workload *w, const workload_size *size);
/* How often part i runs. */
int64_t workload_calls(const workload *w, int part, const workload_size *size, int64_t steps);

#endif
