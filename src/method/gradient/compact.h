/* The compact form of a limited-memory quasi-Newton matrix (Byrd, Nocedal & Schnabel, 1994) from the last
 * pairs of a trail:
 *   B = theta I - W M W',  W = [Y  theta S],  M^-1 = K = [ -D  L' ; L  theta S'S ],
 * D the diagonal and L the strictly lower part (s younger than y) of S'Y. Pairs are counted by age, the
 * newest first. Private to method/. */
#ifndef TALWEG_METHOD_COMPACT_H
#define TALWEG_METHOD_COMPACT_H

#include "method/gradient/pairs.h"

typedef struct tw_compact {
  tw_pairs pairs;
  double theta;
  double *state;        /* count of pairs, theta */
  double *yy, *sy, *ss; /* slots x slots; sy[i slots + j] = s_i'y_j */
  double *lu;           /* 2k x 2k, k = pairs.count */
  int *pivot;
  double *scratch; /* for reductions of up to TW_COMPACT_SUMS(k) sums */
} tw_compact;
enum { TW_COMPACT_PAIRS = 100 }; /* largest number of pairs */
#define TW_COMPACT_SUMS(k) (4 * (k) * (k) + 4 * (k) + 8)

/* The trail has tw_pairs_slots(m) slots. */
tw_status tw_compact_get(tw_run *run, const tw_trail *trail, tw_compact *c);
/* Forgets all pairs: B = I. */
void tw_compact_forget(tw_compact *c);
/* After the trail moved on: the pair of the last step enters; without positive curvature all are forgotten.
 * One pass. */
void tw_compact_update(tw_compact *c);

/* Between 2k-vectors v and what the passes over pairs take and give (pairs.h): the coefficients of `scale` W
 * v, and W'u from the sums of tw_pairs_project. */
void tw_compact_coefficients(const tw_compact *c, double scale, const double *v, double *coefficient);
void tw_compact_collect(const tw_compact *c, const double *sums, double *wu);
/* Row i of W, 2k numbers. */
void tw_compact_row(const tw_compact *c, int64_t i, double *row);
/* The tile's share of [Y S]'[Y S] over the variables in `is_free` (of the tile), added to the upper triangle
 * of `gram`, 2k x 2k. */
void tw_compact_add_gram(const tw_compact *c, int64_t first, int64_t length, const bool *is_free,
                         double *gram);
/* The same over all variables: known products. */
void tw_compact_whole_gram(const tw_compact *c, double *gram);
/* Factors K, or where `gram` is given K - W'ZZ'W / theta; false when singular. */
bool tw_compact_factor(tw_compact *c, const double *gram);
/* v <- (what was factored)^-1 v. */
void tw_compact_solve(const tw_compact *c, double *v);

#endif
