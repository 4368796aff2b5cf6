/* Work in several threads at once. */
#ifndef TALWEG_TEST_TOGETHER_H
#define TALWEG_TEST_TOGETHER_H

#include "test.h"

#include <pthread.h>

enum { TOGETHER = 4 };

/* What a thread does. It leaves what it finds in `context`: assertions are for the thread that tests. */
typedef void together_task(void *context, int number);

typedef struct together {
  together_task *task;
  void *context;
  pthread_barrier_t *start;
  int number;
} together;

static inline void *together_run(void *self) {
  const together *t = self;
  pthread_barrier_wait(t->start);
  t->task(t->context, t->number);
  return NULL;
}

/* task(context, 0 .. TOGETHER - 1), each in a thread of its own, which begins when all are there. */
static inline void together_call(together_task *task, void *context) {
  pthread_t thread[TOGETHER];
  together each[TOGETHER];
  pthread_barrier_t start;
  assert_int_equal(pthread_barrier_init(&start, NULL, TOGETHER), 0);
  for (int i = 0; i < TOGETHER; i++) {
    each[i] = (together){task, context, &start, i};
    assert_int_equal(pthread_create(&thread[i], NULL, together_run, &each[i]), 0);
  }
  for (int i = 0; i < TOGETHER; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
  pthread_barrier_destroy(&start);
}

#endif
