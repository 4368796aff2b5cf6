/* The compact form of a limited-memory quasi-Newton matrix (Byrd, Nocedal & Schnabel, 1994):
 *   B = theta I - W M W',  W = [Y  theta S],  M^-1 = K = [ -D  L' ; L  theta S'S ],
 * D the diagonal and L the strictly lower part (s younger than y) of S'Y. Private to method/. */
#ifndef TALWEG_METHOD_COMPACT_H
#define TALWEG_METHOD_COMPACT_H

#include "method/common.h"

typedef struct tw_compact {
  tw_run *run;
  int64_t n;
  int m, k; /* room for pairs; pairs there are */
  double theta;
  double *ring;         /* count, newest slot, theta */
  double *rows;         /* n x 2 m: row i is y_i of all slots, then s_i of all slots */
  double *yy, *sy, *ss; /* m x m by slots; sy[i m + j] = s_i'y_j */
  double *lu;           /* 2k x 2k */
  int *pivot;
  double *scratch; /* for reductions */
} tw_compact;
enum { TW_COMPACT_PAIRS = 100 }; /* largest m */

tw_status tw_compact_get(tw_run *run, int m, tw_compact *c);
/* Forgets all pairs: B = I. */
void tw_compact_forget(tw_compact *c);
/* Remembers s = x_new - x, y = g_new - g when s'y is positive; one pass. */
void tw_compact_update(tw_compact *c, const double *x, const double *x_new, const double *g,
                       const double *g_new);
/* out (2k) = W'v. */
void tw_compact_transpose(const tw_compact *c, const double *v, double *out);
/* Row i of W, 2k numbers. */
void tw_compact_row(const tw_compact *c, int64_t i, double *row);
/* w_i'v for v of 2k numbers. */
double tw_compact_row_dot(const tw_compact *c, int64_t i, const double *v);
/* Factors K - A / theta, A the 2k x 2k matrix W'ZZ'W over the variables in `is_free` (NULL: A = 0); false
 * when singular. */
bool tw_compact_factor(tw_compact *c, const bool *is_free);
/* v <- (K - A / theta)^-1 v. */
void tw_compact_solve(const tw_compact *c, double *v);

#endif
