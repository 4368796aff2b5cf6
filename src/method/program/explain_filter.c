/* From an infeasible set of limits to one that is irreducible.
 *
 * Elastic filter (Chinneck & Dravnieks 1991): rows may be violated at a price; those that are at the optimum become hard, until
 * hard rows alone cannot hold: then they and the bounds are infeasible. Where tests come with a proof, its support does the same
 * in one step. Deletion filter: every member is left out once, for good when the rest is infeasible all the same. What is
 * tested last survives most easily: rows are tried before bounds, so that explanations have few rows. */
#include "method/program/explain_engine.h"

static int64_t members(const tw_filter *f) {
  int64_t count = 0;
  for (int64_t k = 0; k < f->limits->count; k++) count += f->in[k];
  return count;
}

static tw_status test(tw_filter *f, const tw_engine *e, const bool *in, const bool *hard, tw_test *result, tw_error *error) {
  memset(f->cause, 0, (size_t)f->limits->count * sizeof *f->cause);
  *result = (tw_test){TW_EXPLAIN_UNDECIDED, NAN};
  f->tests++;
  return e->test(e->context, in, hard, result, f->cause, error);
}

/* Whether a part of `in`, in f->hard, is infeasible by itself: then it is what is left. */
static tw_status try_part(tw_filter *f, const tw_engine *e, tw_error *error) {
  tw_test result;
  int64_t size = 0;
  for (int64_t k = 0; k < f->limits->count; k++) size += f->hard[k];
  if (size == 0 || size == members(f)) return TW_OK;
  TW_TRY(test(f, e, f->hard, NULL, &result, error));
  if (result.verdict == TW_EXPLAIN_INFEASIBLE) memcpy(f->in, f->hard, (size_t)f->limits->count * sizeof *f->in);
  return TW_OK;
}

/* The support of the last proof. */
static tw_status take_support(tw_filter *f, const tw_engine *e, tw_error *error) {
  for (int64_t k = 0; k < f->limits->count; k++) f->hard[k] = f->in[k] && f->cause[k];
  return try_part(f, e, error);
}

static tw_status elastic_filter(tw_filter *f, const tw_engine *e, tw_error *error) {
  const int64_t count = f->limits->count;
  memset(f->hard, 0, (size_t)count * sizeof *f->hard);
  for (int64_t round = 0; round < count; round++) {
    tw_test result;
    bool more = false;
    for (int64_t k = 0; k < count; k++) {
      more |= f->cause[k] && !f->hard[k];
      f->hard[k] |= f->cause[k];
    }
    if (!more) break;
    TW_TRY(test(f, e, f->in, f->hard, &result, error));
    if (result.verdict != TW_EXPLAIN_INFEASIBLE) break;
  }
  for (int64_t k = 0; k < count; k++) f->hard[k] = f->in[k] && (f->hard[k] || !f->limits->member[k].row);
  return try_part(f, e, error);
}

static tw_status deletion_filter(tw_filter *f, const tw_engine *e, tw_error *error) {
  bool sure = true;
  for (int64_t k = 0; k < f->limits->count; k++) {
    tw_test result;
    if (!f->in[k]) continue;
    memcpy(f->hard, f->in, (size_t)f->limits->count * sizeof *f->in);
    f->hard[k] = false;
    TW_TRY(test(f, e, f->hard, NULL, &result, error));
    sure = sure && result.verdict != TW_EXPLAIN_UNDECIDED;
    if (result.verdict != TW_EXPLAIN_INFEASIBLE) continue;
    f->in[k] = false;
    if (e->proves) TW_TRY(take_support(f, e, error));
  }
  f->irreducible = sure;
  return TW_OK;
}

tw_status tw_filter_run(tw_filter *f, const tw_engine *e, tw_error *error) {
  for (int64_t k = 0; k < f->limits->count; k++) f->in[k] = true;
  TW_TRY(test(f, e, f->in, NULL, &f->first, error));
  if (f->first.verdict != TW_EXPLAIN_INFEASIBLE) return TW_OK;
  TW_TRY(e->proves ? take_support(f, e, error) : elastic_filter(f, e, error));
  return deletion_filter(f, e, error);
}
