/* The compiled functions behind an oracle. */
#include "domain/kinds.h"
#include "problem/oracle.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ inputs */

enum {
  P = 1 << TW_GROUP_PARAMETERS,
  X = 1 << TW_GROUP_X,
  FLAT = 1 << TW_GROUP_FLAT,
  Y = 1 << TW_GROUP_Y,
  V = 1 << TW_GROUP_V,
  U = 1 << TW_GROUP_U,
  W = 1 << TW_GROUP_W,
  ETA = 1 << TW_GROUP_ETA
};

static const int levels[TW_GROUPS] = {0, 1, 1, 1, 2, 2, 2, 2};

unsigned tw_question_groups(tw_question question) {
  static const unsigned groups[TW_QUESTIONS] = {
      [TW_ASK_VALUE] = P | X,
      [TW_ASK_GRADIENT] = P | X,
      [TW_ASK_HVP] = P | X | V,
      [TW_ASK_LAGRANGIAN_HVP] = P | X | Y | V,
      [TW_ASK_HESSIAN] = P | FLAT,
      [TW_ASK_LAGRANGIAN_HESSIAN] = P | FLAT | Y,
      [TW_ASK_RESIDUAL] = P | X,
      [TW_ASK_RESIDUAL_JVP] = P | X | V,
      [TW_ASK_RESIDUAL_VJP] = P | X | U,
      [TW_ASK_RESIDUAL_JACOBIAN] = P | FLAT,
      [TW_ASK_CONSTRAINTS] = P | X,
      [TW_ASK_CONSTRAINTS_JVP] = P | X | V,
      [TW_ASK_CONSTRAINTS_VJP] = P | X | W,
      [TW_ASK_CONSTRAINTS_JACOBIAN] = P | FLAT,
      [TW_ASK_PROJECT] = P | X,
      [TW_ASK_PROX] = P | X | ETA,
      [TW_ASK_REGULARIZER] = P | X,
      [TW_ASK_MIRROR] = P | X | V | ETA,
      [TW_ASK_START] = P,
      [TW_ASK_BOUNDS] = P,
      [TW_ASK_C_BOUNDS] = P,
      [TW_ASK_OFFSET] = P,
      [TW_ASK_CONIC] = P,
      [TW_ASK_SPARSE + TW_MATRIX_HESSIAN] = P | X,
      [TW_ASK_SPARSE + TW_MATRIX_LAGRANGIAN] = P | X | Y,
      [TW_ASK_SPARSE + TW_MATRIX_CONSTRAINTS] = P | X,
      [TW_ASK_SPARSE + TW_MATRIX_RESIDUAL] = P | X,
  };
  return groups[question];
}

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
}

/* One f64 input for each variable or constraint. */
static bool mirror_inputs(tw_kit *kit, tw_group group, const tw_list *list, bool is_constraint) {
  kit->count[group] = list->count;
  kit->input[group] = calloc((size_t)list->count + 1, sizeof(tw_expr));
  for (int i = 0; kit->input[group] && i < list->count; i++) {
    tw_expr like = is_constraint ? ((const tw_constraint *)list->item[i])->expr : ((const tw_variable *)list->item[i])->expr;
    kit->input[group][i] = tw_input(kit->problem->graph, "direction", TW_F64, tw_shape_of(like));
  }
  return kit->input[group] != NULL;
}

static bool one_input(tw_kit *kit, tw_group group, const char *name, tw_shape shape) {
  kit->count[group] = 1;
  kit->input[group] = calloc(1, sizeof(tw_expr));
  if (kit->input[group]) kit->input[group][0] = tw_input(kit->problem->graph, name, TW_F64, shape);
  return kit->input[group] != NULL;
}

static bool make_inputs(tw_kit *kit) {
  const tw_problem *p = kit->problem;
  int n = p->variables.count, np = p->parameters.count;
  kit->set = calloc((size_t)n + 1, sizeof *kit->set);
  kit->count[TW_GROUP_X] = n;
  kit->input[TW_GROUP_X] = calloc((size_t)n + 1, sizeof(tw_expr));
  kit->count[TW_GROUP_PARAMETERS] = np;
  kit->input[TW_GROUP_PARAMETERS] = calloc((size_t)np + 1, sizeof(tw_expr));
  if (!kit->set || !kit->input[TW_GROUP_X] || !kit->input[TW_GROUP_PARAMETERS]) return false;
  for (int i = 0; i < np; i++)
    kit->input[TW_GROUP_PARAMETERS][i] = ((const tw_parameter *)p->parameters.item[i])->expr;
  for (int i = 0; i < n; i++) {
    kit->input[TW_GROUP_X][i] = p->unknowns[i];
    const tw_variable *v = p->variables.item[i];
    kit->set[i] = tw_domain_nonempty(tw_problem_set(p, i), tw_shape_of(v->expr));
  }
  return mirror_inputs(kit, TW_GROUP_V, &p->variables, false) && mirror_inputs(kit, TW_GROUP_Y, &p->constraints, true) &&
         mirror_inputs(kit, TW_GROUP_W, &p->constraints, true) &&
         one_input(kit, TW_GROUP_FLAT, "x", TW_SHAPE(p->size)) && one_input(kit, TW_GROUP_U, "u", TW_SHAPE(kit->k)) &&
         one_input(kit, TW_GROUP_ETA, "eta", TW_SCALAR);
}

tw_status tw_kit_new(tw_kit **out, const tw_problem *p, const tw_class *cls, tw_error *error) {
  *out = NULL;
  tw_kit *kit = calloc(1, sizeof *kit);
  if (!kit) return out_of_memory(error);
  kit->users = 1;
  kit->problem = p;
  kit->cls = *cls;
  kit->k = tw_is_none(cls->residual) ? 0 : tw_size_of(cls->residual);
  tw_graph_lock(p->graph);
  tw_status status = make_inputs(kit) ? tw_graph_check(p->graph, error) : out_of_memory(error);
  tw_graph_unlock(p->graph);
  if (status != TW_OK)
    tw_kit_release(kit);
  else
    *out = kit;
  return status;
}

void tw_kit_release(tw_kit *kit) {
  if (!kit) return;
  tw_graph_lock(kit->problem->graph);
  bool last = --kit->users == 0;
  tw_graph_unlock(kit->problem->graph);
  if (!last) return;
  for (int g = 0; g < TW_GROUPS; g++) free(kit->input[g]);
  for (int q = 0; q < TW_QUESTIONS; q++) {
    tw_fn_free(kit->fn[q]);
    free(kit->out[q]);
  }
  for (int i = 0; i < TW_MATRICES; i++) tw_sparse_derivative_free(&kit->matrix[i].derivative);
  tw_kit_conic_free(kit);
  free(kit->set);
  free(kit);
}

bool tw_kit_has_mirror(const tw_kit *kit) {
  bool some = false;
  for (int i = 0; i < kit->problem->variables.count; i++) {
    if (!kit->set[i].kind) continue;
    if (!kit->set[i].kind->mirror_step) return false;
    some = true;
  }
  return some;
}

/* ------------------------------------------------------------------ functions */

void tw_answer(tw_answers *a, tw_expr e, int array, int64_t offset) {
  if (tw_is_none(e)) return; /* the graph has failed */
  if (a->n == a->capacity) {
    int capacity = 2 * a->capacity + 4;
    tw_expr *expr = realloc(a->expr, (size_t)capacity * sizeof *expr);
    if (expr) a->expr = expr;
    tw_place_out *place = realloc(a->place, (size_t)capacity * sizeof *place);
    if (place) a->place = place;
    if (!expr || !place) {
      tw_graph_fail(e.graph, TW_ERR_MEMORY, "out of memory asking an oracle");
      return;
    }
    a->capacity = capacity;
  }
  a->expr[a->n] = e;
  a->place[a->n++] = (tw_place_out){array, offset};
}

static tw_status compile(tw_kit *kit, tw_question q, tw_answers *a, tw_error *error) {
  unsigned groups = tw_question_groups(q);
  int n = 0, at = 0;
  for (int g = 0; g < TW_GROUPS; g++) n += groups >> g & 1 ? kit->count[g] : 0;
  tw_expr *input = calloc((size_t)n + 1, sizeof *input);
  int *level = calloc((size_t)n + 1, sizeof *level);
  tw_status status = input && level ? TW_OK : out_of_memory(error);
  for (int g = 0; g < TW_GROUPS && status == TW_OK; g++)
    for (int i = 0; (groups >> g & 1) && i < kit->count[g]; i++) {
      input[at] = kit->input[g][i];
      level[at++] = levels[g];
    }
  if (status == TW_OK) tw_question_builders[q](a);
  if (status == TW_OK) status = tw_graph_check(kit->problem->graph, error);
  tw_fn_options options = {.levels = level};
  if (status == TW_OK) status = tw_fn_new(&kit->fn[q], n, input, a->n, a->expr, &options, error);
  free(input);
  free(level);
  return status;
}

tw_status tw_kit_compile(tw_kit *kit, tw_question q, tw_error *error) {
  tw_graph_lock(kit->problem->graph);
  tw_status status = TW_OK;
  if (!kit->fn[q]) {
    tw_answers answers = {.kit = kit};
    status = compile(kit, q, &answers, error);
    free(answers.expr);
    if (status == TW_OK) {
      kit->out[q] = answers.place;
      kit->n_out[q] = answers.n;
    } else {
      free(answers.place);
    }
  }
  tw_graph_unlock(kit->problem->graph);
  return status;
}
