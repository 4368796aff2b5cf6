/* Colorings that compress sparse derivatives: columns of one color are had from one product (Curtis, Powell &
 * Reid 1974; Gebremedhin, Manne & Pothen 2005). */
#ifndef TALWEG_GRAPH_COLORING_H
#define TALWEG_GRAPH_COLORING_H

#include "graph/transform/sparsity.h"

typedef enum tw_ordering {
  TW_ORDER_NATURAL,
  TW_ORDER_LARGEST_FIRST, /* Welsh & Powell 1967 */
  TW_ORDER_SMALLEST_LAST, /* Matula & Beck 1983 */
  TW_ORDERINGS
} tw_ordering;

typedef struct tw_coloring {
  int64_t n, colors;
  int32_t *color; /* of every vertex; released by tw_coloring_free */
} tw_coloring;
void tw_coloring_free(tw_coloring *coloring);

/* All below: TW_ERR_MEMORY, or TW_ERR_LIMIT where coloring would take too long (sum of squared degrees above
 * 2e9). */

/* Distance-2 coloring of columns: two columns with an entry in one row have different colors. The first of
 * the orderings that needs fewest colors is taken, here and below. O(sum over rows of entries squared). */
tw_status tw_color_columns(const tw_pattern *p, tw_coloring *out);
tw_status tw_color_columns_by(const tw_pattern *p, tw_ordering ordering, tw_coloring *out);

/* Colorings of the graph of a symmetric matrix, given by its lower triangle: neighbours differ in color, and
 * the edges between any two colors form stars (no path of four vertices has two colors) or, at least, trees
 * (Gebremedhin, Tarafdar, Manne & Pothen 2007). O(sum of degrees squared). */
typedef enum tw_symmetric_coloring { TW_COLOR_STAR, TW_COLOR_ACYCLIC } tw_symmetric_coloring;
tw_status tw_color_symmetric(const tw_pattern *lower, tw_symmetric_coloring kind, tw_coloring *out);
tw_status tw_color_symmetric_by(const tw_pattern *lower, tw_symmetric_coloring kind, tw_ordering ordering,
                                tw_coloring *out);

/* How the entries of the lower triangle come back from B = H S, S[i, c] = 1 where vertex i has color c:
 *   h_p = B[row_p, color_p] - sum of h_q over all q with parent_q = p.
 * Entries of height 0 have no such q; those of height k only such of less height. Stars have height 0
 * everywhere. */
typedef struct tw_recovery {
  int64_t nnz;
  int64_t *row, *parent; /* -1: no parent */
  int32_t *color, *height;
  int32_t highest;
} tw_recovery;
/* TW_ERR_ARGUMENT when the coloring is not acyclic. */
tw_status tw_recovery_new(const tw_pattern *lower, const tw_coloring *coloring, tw_recovery *out);
void tw_recovery_free(tw_recovery *recovery);
/* The entries from B, n x colors row-major. */
void tw_recover(const tw_recovery *recovery, int64_t colors, const double *compressed, double *values);

/* Vertices in the order in which to color them: vertices are columns of `p`, two are neighbours once for
 * every row that has an entry in both; `t` is the transpose. */
tw_status tw_order_columns(const tw_pattern *p, const tw_pattern *t, tw_ordering ordering, int64_t *order);
/* TW_ERR_LIMIT when the sum of squared row lengths is too large to color. */
tw_status tw_coloring_work(const tw_pattern *t);

#endif
