/* Tiles shared out over OpenMP threads. */
#include <talweg/base.h>

#include <omp.h>

/* OpenBLAS runs each call on the thread that makes it: work is shared out here, in tiles, so that bits do not depend on the
 * number of threads. Set once, when the library is loaded; weak, for programs linked without it. */
extern void openblas_set_num_threads(int threads) __attribute__((weak));
__attribute__((constructor)) static void keep_blas_to_its_thread(void) {
  if (openblas_set_num_threads) openblas_set_num_threads(1);
}

/* Tiles go to whichever thread is free; with the thread sanitizer to each in turn, so that it sees all of them at work on short
 * tasks too. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHARE static
#endif
#endif
#ifndef SHARE
#define SHARE dynamic
#endif

int tw_cores(void) {
  return omp_get_max_threads();
}

void tw_parallel(int threads, int64_t tiles, tw_task *task, void *context) {
  if (tiles <= 0) return;
  if (threads <= 0) threads = tw_cores();
  if (threads > tiles) threads = (int)tiles;
  if (threads == 1 || omp_in_parallel()) {
    for (int64_t tile = 0; tile < tiles; tile++) task(context, tile, 0);
    return;
  }
#pragma omp parallel for schedule(SHARE, 1) num_threads(threads)
  for (int64_t tile = 0; tile < tiles; tile++) task(context, tile, omp_get_thread_num());
}

/* The number of threads that is set inside the region holds for its task alone. */
void tw_alone(void (*run)(void *context), void *context) {
#pragma omp parallel num_threads(1)
  {
    omp_set_num_threads(1);
    run(context);
  }
}
