/* The pairs s = x+ - x, y = g+ - g between the last iterates of a trail, which keeps the iterates and
 * gradients: the differences are formed on the way, which is nothing beside the memory's traffic, and no pair
 * is ever written. All work is on tiles of the vectors: a pass goes tile by tile, and in a tile from iterate
 * to iterate. Private to method/gradient/. */
#ifndef TALWEG_METHOD_PAIRS_H
#define TALWEG_METHOD_PAIRS_H

#include "method/gradient/trail.h"
#include "method/vector.h"

typedef struct tw_pairs {
  const tw_trail *trail;
  int count; /* the newest one, of age 0, ends at the current iterate */
} tw_pairs;

/* Entries of a tile: a stream that is long enough for the memory, short enough for what is kept of a tile
 * between two iterates to stay in the second cache. */
enum { TW_PAIRS_TILE = 4096 };

/* Slots of a trail for m pairs: m + 1 iterates and the trial point. */
int tw_pairs_slots(int m);
/* tw_reduce over tiles of TW_PAIRS_TILE entries: tile(context, first, length, sums). */
typedef void tw_pairs_tile(void *context, int64_t first, int64_t length, double *sums);
void tw_pairs_reduce(const tw_pairs *p, int n_sums, tw_pairs_tile *tile, void *context, double *scratch,
                     double *out);

/* On the entries first .. first+length-1, `u`, `v` and `out` being the tile's own `length` numbers:
 *   products: sums[4 age ..] += s'u, y'u, s'v, y'v   for every pair; room for count + 1 pairs
 *   project:  sums[2 age ..] += s'u, y'u             likewise
 *   combine:  out += sum of coefficient[2 age] s + coefficient[2 age + 1] y */
void tw_pairs_products(const tw_pairs *p, int64_t first, int64_t length, const double *u, const double *v,
                       double *sums);
void tw_pairs_project(const tw_pairs *p, int64_t first, int64_t length, const double *u, double *sums);
void tw_pairs_combine(const tw_pairs *p, int64_t first, int64_t length, const double *coefficient,
                      double *out);

#endif
