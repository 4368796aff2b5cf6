/* The questions as expressions. */
#include "problem/conic.h"
#include "problem/oracle.h"

#include <math.h>
#include <stdlib.h>

static tw_graph *graph_of(const tw_answers *a) {
  return a->kit->problem->graph;
}

static const tw_variable *variable(const tw_answers *a, int i) {
  return a->kit->problem->variables.item[i];
}

static const tw_constraint *constraint(const tw_answers *a, int i) {
  return a->kit->problem->constraints.item[i];
}

static int variables(const tw_answers *a) {
  return a->kit->problem->variables.count;
}

static int constraints(const tw_answers *a) {
  return a->kit->problem->constraints.count;
}

/* One array of expressions for every variable or constraint; NULL with the graph's error set. */
static tw_expr *some(const tw_answers *a, int n) {
  tw_expr *e = calloc((size_t)n + 1, sizeof *e);
  if (!e) tw_graph_fail(graph_of(a), TW_ERR_MEMORY, "out of memory asking an oracle");
  for (int i = 0; e && i < n; i++) e[i] = TW_NONE;
  return e;
}

/* e, zeros when there is none, in the given shape, at the place of variable or row `offset` of array `array`. */
static void answer_shaped(tw_answers *a, tw_expr e, tw_shape shape, int array, int64_t offset) {
  if (tw_is_none(e)) e = tw_fill(graph_of(a), TW_F64, shape, 0);
  tw_answer(a, tw_broadcast(e, shape), array, offset);
}

static void answer_variables(tw_answers *a, const tw_expr *e, int array) {
  for (int i = 0; e && i < variables(a); i++)
    answer_shaped(a, e[i], tw_shape_of(variable(a, i)->expr), array, variable(a, i)->offset);
}

/* ------------------------------------------------------------------ objective */

tw_expr tw_kit_lagrangian(const tw_kit *kit, bool multipliers) {
  tw_expr f = kit->cls.smooth;
  for (int i = 0; multipliers && i < kit->problem->constraints.count; i++)
    f = tw_add(f, tw_dot(kit->input[TW_GROUP_Y][i], ((const tw_constraint *)kit->problem->constraints.item[i])->expr));
  return f;
}

static void value(tw_answers *a) {
  tw_answer(a, a->kit->cls.smooth, 0, 0);
}

static tw_expr *gradient_of(const tw_answers *a, tw_expr f) {
  tw_expr *g = some(a, variables(a)), one = tw_ones_like(f);
  if (g) tw_vjp(1, &f, &one, variables(a), a->kit->problem->unknowns, g);
  return g;
}

static void gradient(tw_answers *a) {
  tw_expr *g = gradient_of(a, a->kit->cls.smooth);
  tw_answer(a, a->kit->cls.smooth, 0, 0);
  answer_variables(a, g, 1);
  free(g);
}

/* Forward over reverse; gradients that are zero stay so. */
static void hvp_of(tw_answers *a, tw_expr f) {
  int n = variables(a);
  tw_expr *g = gradient_of(a, f), *out = some(a, n);
  for (int i = 0; g && i < n; i++)
    if (tw_is_none(g[i])) g[i] = tw_zeros_like(variable(a, i)->expr);
  if (g && out) tw_jvp(n, g, n, a->kit->problem->unknowns, a->kit->input[TW_GROUP_V], out);
  answer_variables(a, out, 0);
  free(g);
  free(out);
}

static void hvp(tw_answers *a) { hvp_of(a, tw_kit_lagrangian(a->kit, false)); }
static void lagrangian_hvp(tw_answers *a) { hvp_of(a, tw_kit_lagrangian(a->kit, true)); }

/* e as a function of the flat vector of all variables. */
static tw_expr of_flat(const tw_answers *a, tw_expr e) {
  int n = variables(a);
  tw_expr *part = some(a, n), out = TW_NONE;
  for (int i = 0; part && i < n; i++) {
    const tw_variable *v = variable(a, i);
    part[i] = tw_reshape(tw_slice(a->kit->input[TW_GROUP_FLAT][0], 0, v->offset, v->size, 1), tw_shape_of(v->expr));
  }
  if (part && !tw_is_none(e)) tw_substitute(1, &e, n, a->kit->problem->unknowns, part, &out);
  free(part);
  return out;
}

static void hessian_of(tw_answers *a, tw_expr f) {
  tw_answer(a, tw_hessian(of_flat(a, f), a->kit->input[TW_GROUP_FLAT][0]), 0, 0);
}

static void hessian(tw_answers *a) { hessian_of(a, tw_kit_lagrangian(a->kit, false)); }
static void lagrangian_hessian(tw_answers *a) { hessian_of(a, tw_kit_lagrangian(a->kit, true)); }

/* ------------------------------------------------------------------ residual */

static void residual(tw_answers *a) {
  tw_answer(a, a->kit->cls.residual, 0, 0);
}

static void residual_jvp(tw_answers *a) {
  tw_expr out = TW_NONE;
  tw_jvp(1, &a->kit->cls.residual, variables(a), a->kit->problem->unknowns, a->kit->input[TW_GROUP_V], &out);
  answer_shaped(a, out, tw_shape_of(a->kit->cls.residual), 0, 0);
}

static void residual_vjp(tw_answers *a) {
  tw_expr *out = some(a, variables(a));
  if (out)
    tw_vjp(1, &a->kit->cls.residual, &a->kit->input[TW_GROUP_U][0], variables(a), a->kit->problem->unknowns, out);
  answer_variables(a, out, 0);
  free(out);
}

static void residual_jacobian(tw_answers *a) {
  tw_answer(a, tw_jacobian(of_flat(a, a->kit->cls.residual), a->kit->input[TW_GROUP_FLAT][0]), 0, 0);
}

/* ------------------------------------------------------------------ constraints */

static tw_expr *constraint_exprs(const tw_answers *a) {
  tw_expr *c = some(a, constraints(a));
  for (int i = 0; c && i < constraints(a); i++) c[i] = constraint(a, i)->expr;
  return c;
}

static void answer_constraints(tw_answers *a, const tw_expr *e) {
  for (int i = 0; e && i < constraints(a); i++)
    answer_shaped(a, e[i], tw_shape_of(constraint(a, i)->expr), 0, constraint(a, i)->offset);
}

static void constraint_values(tw_answers *a) {
  tw_expr *c = constraint_exprs(a);
  answer_constraints(a, c);
  free(c);
}

static void constraints_jvp(tw_answers *a) {
  tw_expr *c = constraint_exprs(a), *out = some(a, constraints(a));
  if (c && out)
    tw_jvp(constraints(a), c, variables(a), a->kit->problem->unknowns, a->kit->input[TW_GROUP_V], out);
  answer_constraints(a, out);
  free(c);
  free(out);
}

static void constraints_vjp(tw_answers *a) {
  tw_expr *c = constraint_exprs(a), *out = some(a, variables(a));
  if (c && out) tw_vjp(constraints(a), c, a->kit->input[TW_GROUP_W], variables(a), a->kit->problem->unknowns, out);
  answer_variables(a, out, 0);
  free(c);
  free(out);
}

tw_expr tw_kit_constraints(const tw_kit *kit) {
  const tw_answers a = {.kit = (tw_kit *)(uintptr_t)kit};
  tw_expr *c = constraint_exprs(&a);
  for (int i = 0; c && i < constraints(&a); i++) c[i] = tw_ravel(c[i]);
  tw_expr all = c ? tw_concat(constraints(&a), c, 0) : TW_NONE;
  free(c);
  return all;
}

static void constraints_jacobian(tw_answers *a) {
  tw_answer(a, tw_jacobian(of_flat(a, tw_kit_constraints(a->kit)), a->kit->input[TW_GROUP_FLAT][0]), 0, 0);
}

/* ------------------------------------------------------------------ sparse matrices */

static void sparse(tw_answers *a, tw_matrix matrix) {
  const tw_sparse_derivative *d;
  tw_error error;
  if (tw_kit_sparse(a->kit, matrix, &d, &error) == TW_OK)
    tw_answer(a, d->values, 0, 0);
  else
    tw_graph_fail(graph_of(a), error.status, "%s", error.message);
}

static void sparse_hessian(tw_answers *a) { sparse(a, TW_MATRIX_HESSIAN); }
static void sparse_lagrangian(tw_answers *a) { sparse(a, TW_MATRIX_LAGRANGIAN); }
static void sparse_constraints(tw_answers *a) { sparse(a, TW_MATRIX_CONSTRAINTS); }
static void sparse_residual(tw_answers *a) { sparse(a, TW_MATRIX_RESIDUAL); }

/* ------------------------------------------------------------------ sets and regularizers */

static void project(tw_answers *a) {
  for (int i = 0; i < variables(a); i++)
    tw_answer(a, tw_project(a->kit->set[i], variable(a, i)->expr), 0, variable(a, i)->offset);
}

static const struct tw_reg_term *regularizer_on(const tw_kit *kit, int i) {
  for (int j = 0; j < kit->cls.n_regularizers; j++)
    if (kit->cls.regularizers[j].variable == i) return &kit->cls.regularizers[j];
  return NULL;
}

/* A separable regularizer and a box: the prox of both is the clipped prox. */
tw_expr tw_kit_prox(const tw_kit *kit, int i) {
  const struct tw_reg_term *term = regularizer_on(kit, i);
  tw_expr out = ((const tw_variable *)kit->problem->variables.item[i])->expr;
  if (term) out = term->kind->prox(out, tw_mul(kit->input[TW_GROUP_ETA][0], term->weight), term->param);
  return tw_project(kit->set[i], out);
}

static void prox(tw_answers *a) {
  for (int i = 0; i < variables(a); i++) tw_answer(a, tw_kit_prox(a->kit, i), 0, variable(a, i)->offset);
}

static void regularizer(tw_answers *a) {
  tw_expr sum = tw_scalar(graph_of(a), 0);
  for (int j = 0; j < a->kit->cls.n_regularizers; j++) {
    const struct tw_reg_term *term = &a->kit->cls.regularizers[j];
    sum = tw_add(sum, tw_mul(term->weight, term->kind->value(variable(a, term->variable)->expr, term->param)));
  }
  tw_answer(a, sum, 0, 0);
}

static void mirror(tw_answers *a) {
  tw_expr eta = a->kit->input[TW_GROUP_ETA][0];
  for (int i = 0; i < variables(a); i++) {
    const tw_domain *set = &a->kit->set[i];
    tw_expr x = variable(a, i)->expr, g = a->kit->input[TW_GROUP_V][i];
    tw_expr out = set->kind ? set->kind->mirror_step(x, g, eta, set->param) : tw_sub(x, tw_mul(eta, g));
    tw_answer(a, out, 0, variable(a, i)->offset);
  }
}

/* The stated start, or the point of the set nearest to 0. */
static void start(tw_answers *a) {
  for (int i = 0; i < variables(a); i++) {
    const tw_variable *v = variable(a, i);
    tw_expr from = tw_is_none(v->start) ? tw_project(a->kit->set[i], tw_zeros_like(v->expr)) : v->start;
    answer_shaped(a, from, tw_shape_of(v->expr), 0, v->offset);
  }
}

static void bounds(tw_answers *a) {
  for (int i = 0; i < variables(a); i++) {
    const tw_variable *v = variable(a, i);
    const tw_domain *set = &a->kit->set[i];
    tw_expr bound[2] = {TW_NONE, TW_NONE};
    if (set->kind && set->kind->bounds)
      set->kind->bounds(graph_of(a), tw_shape_of(v->expr), set->param, &bound[0], &bound[1]);
    for (int side = 0; side < 2; side++) {
      tw_expr free_side = tw_scalar(graph_of(a), side ? INFINITY : -INFINITY);
      answer_shaped(a, tw_is_none(bound[side]) ? free_side : bound[side], tw_shape_of(v->expr), side, v->offset);
    }
  }
}

static void c_bounds(tw_answers *a) {
  for (int i = 0; i < constraints(a); i++) {
    const tw_constraint *c = constraint(a, i);
    for (int side = 0; side < 2; side++) {
      tw_expr bound = side ? c->upper : c->lower, free_side = tw_scalar(graph_of(a), side ? INFINITY : -INFINITY);
      answer_shaped(a, tw_is_none(bound) ? free_side : bound, tw_shape_of(c->expr), side, c->offset);
    }
  }
}

static void offset(tw_answers *a) {
  tw_answer(a, a->kit->cls.residual_constant, 0, 0);
}

static void conic(tw_answers *a) {
  const tw_conic_form *form;
  tw_error error;
  if (tw_kit_conic_form(a->kit, &form, &error) != TW_OK) {
    tw_graph_fail(graph_of(a), error.status, "%s", error.message);
    return;
  }
  int64_t at = 0;
  const tw_expr part[3] = {form->rows_at, form->constant, form->hessian_at};
  for (int i = 0; i < 3; at += tw_is_none(part[i]) ? 0 : tw_size_of(part[i]), i++) tw_answer(a, part[i], 0, at);
}

tw_question_build *const tw_question_builders[TW_QUESTIONS] = {
    [TW_ASK_VALUE] = value,
    [TW_ASK_GRADIENT] = gradient,
    [TW_ASK_HVP] = hvp,
    [TW_ASK_LAGRANGIAN_HVP] = lagrangian_hvp,
    [TW_ASK_HESSIAN] = hessian,
    [TW_ASK_LAGRANGIAN_HESSIAN] = lagrangian_hessian,
    [TW_ASK_RESIDUAL] = residual,
    [TW_ASK_RESIDUAL_JVP] = residual_jvp,
    [TW_ASK_RESIDUAL_VJP] = residual_vjp,
    [TW_ASK_RESIDUAL_JACOBIAN] = residual_jacobian,
    [TW_ASK_CONSTRAINTS] = constraint_values,
    [TW_ASK_CONSTRAINTS_JVP] = constraints_jvp,
    [TW_ASK_CONSTRAINTS_VJP] = constraints_vjp,
    [TW_ASK_CONSTRAINTS_JACOBIAN] = constraints_jacobian,
    [TW_ASK_PROJECT] = project,
    [TW_ASK_PROX] = prox,
    [TW_ASK_REGULARIZER] = regularizer,
    [TW_ASK_MIRROR] = mirror,
    [TW_ASK_START] = start,
    [TW_ASK_BOUNDS] = bounds,
    [TW_ASK_C_BOUNDS] = c_bounds,
    [TW_ASK_OFFSET] = offset,
    [TW_ASK_CONIC] = conic,
    [TW_ASK_SPARSE + TW_MATRIX_HESSIAN] = sparse_hessian,
    [TW_ASK_SPARSE + TW_MATRIX_LAGRANGIAN] = sparse_lagrangian,
    [TW_ASK_SPARSE + TW_MATRIX_CONSTRAINTS] = sparse_constraints,
    [TW_ASK_SPARSE + TW_MATRIX_RESIDUAL] = sparse_residual,
};
