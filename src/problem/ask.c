/* Asking; see ask.h. */
#include "problem/ask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIRECTIONS = 1 << TW_GROUP_V | 1 << TW_GROUP_U | 1 << TW_GROUP_W | 1 << TW_GROUP_ETA };

static bool reads(tw_question q, tw_group group) {
  return tw_question_groups(q) >> group & 1;
}

static tw_status open_question(tw_questions *k, tw_question q, tw_error *error) {
  tw_asked *a = &k->asked[q];
  if (a->work) return TW_OK;
  tw_status status = tw_kit_compile(k->kit, q, error);
  if (status != TW_OK) return status;
  const tw_problem *p = k->kit->problem;
  int inputs = 0;
  for (int g = 0; g < TW_GROUPS; g++)
    if (reads(q, (tw_group)g)) inputs += k->kit->count[g];
  bool keeps = tw_question_groups(q) & DIRECTIONS;
  if (!a->in) a->in = calloc((size_t)inputs + 1, sizeof *a->in);
  if (!a->out) a->out = calloc((size_t)k->kit->n_out[q] + 1, sizeof *a->out);
  if (keeps && !a->x) a->x = tw_alloc((size_t)p->size, sizeof(double));
  if (keeps && !a->y && reads(q, TW_GROUP_Y)) a->y = tw_alloc((size_t)p->rows, sizeof(double));
  if (!a->in || !a->out || (keeps && (!a->x || (reads(q, TW_GROUP_Y) && !a->y))))
    return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  status = tw_work_new(&a->work, k->kit->fn[q], error);
  if (status == TW_OK) tw_work_exec(a->work, &k->exec);
  return status;
}

static bool same(const double *a, const double *b, int64_t n) {
  return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

/* The lowest level of input that differs from the last call. */
static int changed_level(const tw_questions *k, tw_question q, const tw_point *at) {
  const tw_asked *a = &k->asked[q];
  if (!a->fresh) return 0;
  if (!a->x || !same(a->x, at->x, k->kit->problem->size)) return 1;
  return a->y && !same(a->y, at->y, k->kit->problem->rows) ? 1 : 2;
}

static void set_inputs(tw_questions *k, tw_question q, const tw_point *at) {
  const tw_problem *p = k->kit->problem;
  int n = 0;
  for (int g = 0; g < TW_GROUPS; g++) {
    if (!reads(q, (tw_group)g)) continue;
    for (int i = 0; i < k->kit->count[g]; i++) {
      const tw_variable *v = g == TW_GROUP_X || g == TW_GROUP_V ? p->variables.item[i] : NULL;
      const tw_constraint *row = g == TW_GROUP_Y || g == TW_GROUP_W ? p->constraints.item[i] : NULL;
      const void *from = NULL;
      switch ((tw_group)g) {
      case TW_GROUP_PARAMETERS: from = k->parameter[i]; break;
      case TW_GROUP_X: from = at->x + v->offset; break;
      case TW_GROUP_FLAT: from = at->x; break;
      case TW_GROUP_V: from = at->v + v->offset; break;
      case TW_GROUP_Y:
      case TW_GROUP_W: from = at->y + row->offset; break;
      case TW_GROUP_U: from = at->u; break;
      case TW_GROUP_ETA: from = at->eta; break;
      case TW_GROUPS: break;
      }
      k->asked[q].in[n++] = from;
    }
  }
}

tw_status tw_ask(tw_questions *k, tw_question q, const tw_point *at, double *first, double *second, tw_error *error) {
  tw_status status = open_question(k, q, error);
  if (status != TW_OK) return status;
  tw_asked *a = &k->asked[q];
  double *array[2] = {first, second};
  for (int i = 0; i < k->kit->n_out[q]; i++)
    a->out[i] = array[k->kit->out[q][i].array] + k->kit->out[q][i].offset;
  set_inputs(k, q, at);
  status = tw_fn_call(k->kit->fn[q], a->work, a->in, a->out, changed_level(k, q, at), error);
  a->fresh = status == TW_OK;
  if (!a->fresh || !a->x) return status;
  memcpy(a->x, at->x, (size_t)k->kit->problem->size * sizeof(double));
  if (a->y) memcpy(a->y, at->y, (size_t)k->kit->problem->rows * sizeof(double));
  return status;
}

void tw_ask_stale(tw_questions *k) {
  for (int q = 0; q < TW_QUESTIONS; q++) k->asked[q].fresh = false;
}

void tw_ask_exec(tw_questions *k, const tw_exec *exec) {
  k->exec = *exec;
  for (int q = 0; q < TW_QUESTIONS; q++)
    if (k->asked[q].work) tw_work_exec(k->asked[q].work, exec);
}

/* ------------------------------------------------------------------ states */

void tw_ask_visit(tw_questions *k, tw_state_visitor *visitor, void *context) {
  for (int q = 0; q < TW_QUESTIONS; q++)
    if (k->asked[q].work) tw_work_visit(k->asked[q].work, visitor, context);
}

static double open_questions(const tw_questions *k) {
  double mask = k->beside ? ldexp(1, TW_QUESTIONS) : 0;
  for (int q = 0; q < TW_QUESTIONS; q++)
    if (k->asked[q].work) mask += ldexp(1, q);
  return mask;
}

static bool is_open(double mask, int q) {
  return fmod(floor(ldexp(mask, -q)), 2) == 1;
}

void tw_ask_memory(tw_questions *k, tw_memory_visitor *visitor, void *context) {
  double mask = open_questions(k);
  visitor(context, &mask, 1);
  k->beside = is_open(mask, TW_QUESTIONS);
  for (int q = 0; q < TW_QUESTIONS; q++) {
    tw_asked *a = &k->asked[q];
    if (is_open(mask, q) && open_question(k, (tw_question)q, NULL) != TW_OK) {
      visitor(context, NULL, -1);
      return;
    }
    if (!is_open(mask, q) && a->work) {
      tw_work_free(a->work);
      a->work = NULL;
      a->fresh = false;
    }
    if (a->work) tw_work_memory(a->work, visitor, context);
  }
}

void tw_ask_close(tw_questions *k) {
  for (int q = 0; q < TW_QUESTIONS; q++) {
    tw_asked *a = &k->asked[q];
    tw_work_free(a->work);
    free(a->in), free(a->out), free(a->x), free(a->y);
  }
  for (int i = 0; k->parameter && i < k->kit->count[TW_GROUP_PARAMETERS]; i++) free(k->parameter[i]);
  free(k->parameter);
  tw_kit_release(k->kit);
}
