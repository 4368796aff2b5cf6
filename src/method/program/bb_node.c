/* The open nodes of branch and bound: in blocks that are vectors of the run, in no order. */
#include "method/program/bb.h"

enum { PLUNGE_MOST = 200 };
static const double PLUNGE_SHARE = 0.25; /* of the gap: a dive goes on while its bound is within it (Achterberg 2007, section 6.4) */

static tw_status fetch_block(tw_bb *bb) {
  char name[40];
  double **table = realloc(bb->block, (size_t)(bb->blocks + 1) * sizeof *table);
  if (!table) return tw_fail(bb->run->error, TW_ERR_MEMORY, "out of memory for open nodes");
  bb->block = table;
  snprintf(name, sizeof name, "bb.nodes.%lld", (long long)bb->blocks);
  bb->block[bb->blocks] = tw_run_vector(bb->run, name, TW_BB_BLOCK * tw_bb_node_size(bb));
  if (!bb->block[bb->blocks]) return TW_ERR_MEMORY;
  bb->blocks++;
  return TW_OK;
}

tw_status tw_bb_fetch_blocks(tw_bb *bb) {
  while (bb->blocks < (int64_t)bb->head[TW_BB_BLOCKS]) TW_TRY(fetch_block(bb));
  return TW_OK;
}

tw_status tw_bb_push(tw_bb *bb, const double *node, int64_t *slot) {
  *slot = (int64_t)bb->head[TW_BB_OPEN];
  if (*slot >= bb->blocks * TW_BB_BLOCK) TW_TRY(fetch_block(bb));
  bb->head[TW_BB_BLOCKS] = (double)bb->blocks;
  double *to = tw_bb_node(bb, *slot);
  vec_copy(tw_bb_node_size(bb), node, to);
  to[TW_BB_BORN] = bb->head[TW_BB_SEQ]++;
  bb->head[TW_BB_OPEN]++;
  return TW_OK;
}

void tw_bb_remove(tw_bb *bb, int64_t slot) {
  const int64_t last = (int64_t)--bb->head[TW_BB_OPEN];
  if (slot != last) vec_copy(tw_bb_node_size(bb), tw_bb_node(bb, last), tw_bb_node(bb, slot));
  if ((int64_t)bb->head[TW_BB_DIVE] == slot) bb->head[TW_BB_DIVE] = -1;
  if ((int64_t)bb->head[TW_BB_DIVE] == last) bb->head[TW_BB_DIVE] = (double)slot;
}

double tw_bb_lowest(const tw_bb *bb) {
  double lowest = INFINITY;
  for (int64_t k = 0; k < (int64_t)bb->head[TW_BB_OPEN]; k++) lowest = fmin(lowest, tw_bb_node(bb, k)[TW_BB_BOUND]);
  return lowest;
}

double tw_bb_raise(const tw_bb *bb, double bound) {
  if (!(bb->grid > 0) || bb->head[TW_BB_BLIND] > 0) return bound;
  const double offset = bb->qp.constant;
  return fmax(bound, bb->grid * ceil((bound - offset) / bb->grid - 1e-6) + offset);
}

double tw_bb_cutoff(const tw_bb *bb) {
  const tw_run *run = bb->run;
  const double f = bb->improved ? bb->best_f : bb->head[TW_BB_FOUND] > 0 ? run->f : INFINITY;
  if (!(f < INFINITY)) return INFINITY;
  return f - fmax(tw_run_real(run, "gap"), tw_run_tolerance(run) * fmax(1, fabs(f)));
}

/* Whether the dive goes on: until the first feasible point always, then near the lowest bound alone. */
static bool dives_on(const tw_bb *bb, int64_t slot) {
  const double found = bb->head[TW_BB_FOUND], bound = tw_bb_node(bb, slot)[TW_BB_BOUND];
  if (!(found > 0)) return true;
  if (bb->head[TW_BB_PLUNGE] >= PLUNGE_MOST) return false;
  const double lowest = tw_bb_lowest(bb);
  return bound - lowest <= PLUNGE_SHARE * (bb->run->f - lowest);
}

/* By the lowest bound, the youngest of equals; above the limit on open nodes the deepest, so that they grow no more. */
int64_t tw_bb_select(tw_bb *bb) {
  const int64_t open = (int64_t)bb->head[TW_BB_OPEN], dive = (int64_t)bb->head[TW_BB_DIVE];
  if (dive >= 0 && dives_on(bb, dive)) return dive;
  const bool deepest = open > tw_run_integer(bb->run, "open");
  int64_t best = -1;
  for (int64_t k = 0; k < open; k++) {
    const double *a = tw_bb_node(bb, k), *b = best < 0 ? NULL : tw_bb_node(bb, best);
    const int key = deepest ? TW_BB_DEPTH : TW_BB_BOUND;
    const double sign = deepest ? -1 : 1;
    if (!b || sign * a[key] < sign * b[key] || (a[key] == b[key] && a[TW_BB_BORN] > b[TW_BB_BORN])) best = k;
  }
  return best;
}
