/* Memory of branch and bound. */
#include "linear/csc.h"
#include "method/program/bb.h"

static const double ROUNDING = 1e-9; /* of stated bounds of integer variables */

static tw_status list_integers(tw_bb *bb) {
  const tw_oracle *o = bb->run->oracle;
  for (int64_t j = 0; j < bb->n; j++) bb->ni += o->kinds && o->kinds[j] != TW_CONTINUOUS;
  bb->index = tw_alloc((size_t)bb->ni, sizeof *bb->index);
  bb->place = tw_alloc((size_t)bb->n, sizeof *bb->place);
  bb->order = tw_alloc((size_t)bb->ni, sizeof *bb->order);
  if (!bb->index || !bb->place || !bb->order) return tw_fail(bb->run->error, TW_ERR_MEMORY, "out of memory");
  for (int64_t j = 0, k = 0; j < bb->n; j++) {
    const bool integer = o->kinds && o->kinds[j] != TW_CONTINUOUS;
    bb->place[j] = integer ? k : -1;
    if (integer) bb->index[k++] = j;
  }
  return TW_OK;
}

static tw_status open_program(tw_bb *bb) {
  tw_error *error = bb->run->error;
  bb->is_qp = (bb->run->oracle->offers & TW_QP) != 0;
  if (!bb->is_qp) return TW_OK;
  TW_TRY(tw_qp_open(&bb->stated, bb->run->oracle, error));
  free(bb->stated.kinds);
  bb->stated.kinds = NULL;
  TW_TRY(tw_qp_copy(&bb->qp, &bb->stated, error));
  TW_TRY(tw_csc_transpose(&bb->rows, &bb->qp.a, error));
  return csc_new(&bb->pump.p, bb->n, bb->n, 0, error);
}

static tw_status open_vectors(tw_bb *bb) {
  const int64_t n = bb->n, m = bb->m, rows = m + tw_bb_cuts_most(bb), ni = bb->ni, node = tw_bb_node_size(bb);
  double *b = bb->allocation = tw_alloc((size_t)(14 * n + 3 * m + 2 * rows + 3 * ni + 3 * node), sizeof *b);
  if (!b) return tw_fail(bb->run->error, TW_ERR_MEMORY, "out of memory");
  const struct {
    double **at;
    int64_t count;
  } part[] = {{&bb->lower, n},
              {&bb->upper, n},
              {&bb->root_lower, n},
              {&bb->root_upper, n},
              {&bb->tight_lower, n},
              {&bb->tight_upper, n},
              {&bb->x, n},
              {&bb->at, n},
              {&bb->point, n},
              {&bb->best, n},
              {&bb->work, 2 * n + 2 * m},
              {&bb->y, rows},
              {&bb->multiplier, rows},
              {&bb->best_dual, m},
              {&bb->gain, 2 * ni},
              {&bb->score, ni},
              {&bb->node, node},
              {&bb->child[0], node},
              {&bb->child[1], node},
              {&bb->pump.q, n}};
  for (size_t k = 0; k < sizeof part / sizeof *part; k++) *part[k].at = b, b += part[k].count;
  const tw_slot slots[] = {{"bb.head", TW_BB_HEAD, &bb->head}, {"bb.pseudo", TW_BB_PSEUDO * ni, &bb->pseudo}, {NULL, 0, NULL}};
  TW_TRY(tw_fetch(bb->run, slots));
  return tw_bb_fetch_blocks(bb);
}

/* What the root starts from is a function of the problem alone, so that a resumed run finds the same. */
static tw_status open_root(tw_bb *bb) {
  const tw_oracle *o = bb->run->oracle;
  const bool bounded = (o->offers & TW_BOUNDS) != 0;
  for (int64_t j = 0; j < bb->n; j++) {
    bb->root_lower[j] = bounded ? o->lower[j] : -INFINITY;
    bb->root_upper[j] = bounded ? o->upper[j] : INFINITY;
    if (bb->place[j] < 0) continue;
    bb->root_lower[j] = ceil(bb->root_lower[j] - ROUNDING) + 0.0;
    bb->root_upper[j] = floor(bb->root_upper[j] + ROUNDING) + 0.0;
  }
  if (!bb->is_qp) return TW_OK;
  tw_bb_tighten_rows(bb);
  bb->grid = tw_bb_grid(bb);
  vec_copy(bb->n, bb->root_lower, bb->qp.lower), vec_copy(bb->n, bb->root_upper, bb->qp.upper);
  if (tw_run_flag(bb->run, "cuts")) TW_TRY(tw_bb_cut(bb));
  double *q = bb->pump.q;
  const tw_csc none = bb->pump.p;
  bb->pump = bb->qp;
  bb->pump.q = q;
  bb->pump.p = none;
  bb->pump.constant = 0;
  return tw_bb_lp_new(&bb->lp, &bb->qp, bb->run->error);
}

tw_status tw_bb_open(tw_bb **out, tw_run *run) {
  tw_bb *bb = *out = tw_alloc(1, sizeof *bb);
  if (!bb) return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  bb->run = run, bb->n = run->n, bb->m = run->oracle->m;
  TW_TRY(list_integers(bb));
  TW_TRY(open_program(bb));
  TW_TRY(open_vectors(bb));
  return open_root(bb);
}

void tw_bb_close(tw_bb *bb) {
  if (!bb) return;
  tw_bb_lp_free(bb->lp);
  tw_csc_free(&bb->pump.p);
  tw_csc_free(&bb->rows);
  tw_qp_free(&bb->qp);
  tw_qp_free(&bb->stated);
  free(bb->index);
  free(bb->place);
  free(bb->order);
  free(bb->block);
  free(bb->allocation);
  free(bb);
}
