/* Limits lower <= e <= upper as cones, element by element: equations, inequalities on one side or two, or nothing. */
#include "problem/conic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum side { LOWER, UPPER, EQUAL } side;

/* The value of a limit broadcast to n elements. What cannot be told (names from outside a nested problem) counts as finite. */
static bool limit_values(tw_conic_build *b, tw_expr limit, tw_shape shape, double otherwise, double *out) {
  const int64_t n = tw_shape_size(&shape);
  tw_array value;
  for (int64_t i = 0; i < n; i++) out[i] = otherwise;
  if (tw_is_none(limit)) return true;
  const bool known = tw_problem_evaluate(b->problem, tw_cast(tw_broadcast(limit, shape), TW_F64), &value, NULL) == TW_OK;
  if (tw_graph_status(b->graph) != TW_OK) return false;
  if (known) memcpy(out, value.data, (size_t)n * sizeof *out);
  if (known) tw_array_free(&value);
  for (int64_t i = 0; i < n && !known; i++) out[i] = 0;
  return true;
}

/* Whether a parameter, whose value may change, is in a limit. */
static bool is_parametric(const tw_conic_build *b, tw_expr limit) {
  for (int i = 0; i < b->problem->parameters.count && !tw_is_none(limit); i++)
    if (tw_depends(limit, 1, &((const tw_parameter *)b->problem->parameters.item[i])->expr)) return true;
  return false;
}

static void link_rows(tw_conic_build *b, int segment, int64_t first, int64_t count, const int64_t *index, double sign) {
  tw_conic_link *grown = tw_grow(b->link, &b->link_room, b->links + 1, sizeof *grown);
  int64_t *own = tw_alloc((size_t)count, sizeof *own);
  if (grown) b->link = grown;
  if (!grown || !own) {
    free(own);
    tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
    return;
  }
  memcpy(own, index, (size_t)count * sizeof *own);
  b->link[b->links++] = (tw_conic_link){segment, first, own, count, sign};
}

/* Some elements of `rows` as a segment, linked to the problem's rows. */
static void add_some(tw_conic_build *b, tw_cone_kind kind, tw_expr rows, int64_t count, const int64_t *index, int64_t first, double sign) {
  if (count == 0 || tw_is_none(rows)) return;
  const tw_expr take = tw_conic_indices(b, count, index);
  const int segment = tw_conic_add(b, kind, 0, 0, count == tw_size_of(rows) ? rows : tw_take(tw_ravel(rows), 1, &take));
  if (segment >= 0 && first >= 0) link_rows(b, segment, first, count, index, sign);
}

/* Elements with limits on the wanted side; both count as an equation where they are one expression or one known number. */
static int64_t select_sides(int64_t n, const double *low, const double *high, bool same, bool known, side wanted, int64_t *index) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) {
    const bool l = low[i] > -INFINITY, u = high[i] < INFINITY, equal = same || (known && l && u && low[i] == high[i]);
    const bool in = wanted == EQUAL ? equal : !equal && (wanted == LOWER ? l : u);
    if (in) index[count++] = i;
  }
  return count;
}

void tw_conic_add_bounded(tw_conic_build *b, tw_expr e, tw_expr lower, tw_expr upper, int64_t first) {
  if (tw_is_none(e)) return;
  const tw_shape shape = tw_shape_of(e);
  const int64_t n = tw_size_of(e);
  const bool same = !tw_is_none(lower) && tw_same(lower, upper), known = !is_parametric(b, lower) && !is_parametric(b, upper);
  double *low = tw_alloc((size_t)n, sizeof *low), *high = tw_alloc((size_t)n, sizeof *high);
  int64_t *index = tw_alloc((size_t)n, sizeof *index);
  if (!low || !high || !index) tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  if (b->status == TW_OK && limit_values(b, lower, shape, -INFINITY, low) && limit_values(b, upper, shape, INFINITY, high)) {
    const tw_expr above = tw_is_none(lower) ? TW_NONE : tw_sub(e, lower), below = tw_is_none(upper) ? TW_NONE : tw_sub(upper, e);
    add_some(b, TW_CONE_ZERO, above, select_sides(n, low, high, same, known, EQUAL, index), index, first, -1);
    add_some(b, TW_CONE_NONNEG, above, select_sides(n, low, high, same, known, LOWER, index), index, first, -1);
    add_some(b, TW_CONE_NONNEG, below, select_sides(n, low, high, same, known, UPPER, index), index, first, 1);
  }
  free(low);
  free(high);
  free(index);
}
