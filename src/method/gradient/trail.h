/* The last iterates of a run and their gradients, in two rings of slots. A step writes its trial point and
 * gradient into the slots after the newest ones; to accept it is to move on by one slot, and nothing is
 * copied. Private to method/gradient/. */
#ifndef TALWEG_METHOD_TRAIL_H
#define TALWEG_METHOD_TRAIL_H

#include "method/common.h"

/* Views of named vectors of the run. */
typedef struct tw_trail {
  tw_run *run;
  int slots;      /* >= 2 */
  int64_t stride; /* from slot to slot */
  double *x, *g;
  double *newest; /* slot of the current iterate */
} tw_trail;

/* Puts the run's starting point into the first slot. */
tw_status tw_trail_begin(tw_run *run, int slots, tw_trail *t);
/* Lets run->x be the newest slot. */
tw_status tw_trail_get(tw_run *run, int slots, tw_trail *t);
/* Slot of the iterate `age` iterations ago, -1 <= age < slots - 1; -1: of the trial point. */
int tw_trail_slot(const tw_trail *t, int age);
double *tw_trail_x(const tw_trail *t, int age);
double *tw_trail_g(const tw_trail *t, int age);
/* The trial point becomes the newest iterate; run->x follows. */
void tw_trail_advance(tw_trail *t);

#endif
