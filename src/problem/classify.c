/* The class of a problem: what it is made of, and the forms that methods can use. */
#include "domain/kinds.h"
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"
#include "problem/facts.h"

#include <math.h>
#include <stdlib.h>

typedef struct tw_reg_term reg_term;

/* ------------------------------------------------------------------ variables */

static bool is_box(const tw_domain *set) {
  return set->kind && set->kind->bounds;
}

unsigned char tw_sign_in(const tw_problem *p, const tw_domain *set, tw_shape shape) {
  tw_expr bound[2] = {TW_NONE, TW_NONE};
  if (set->kind == &tw_domain_simplex) return TW_SIGN_NONNEG;
  if (set->kind == &tw_domain_psd) return TW_SET_PSD;
  if (set->kind == &tw_domain_capped_simplex) {
    bound[0] = set->param[0];
    bound[1] = set->param[1];
  }
  if (is_box(set)) set->kind->bounds(p->graph, shape, set->param, &bound[0], &bound[1]);
  tw_facts facts = {.graph = p->graph, .problem = p};
  unsigned sign = 0;
  for (int i = 0; i < 2; i++) {
    double value;
    if (tw_is_none(bound[i])) continue;
    if (tw_constant_value(bound[i], &value)) { /* without a walk over the graph for each of many variables */
      sign |= i == 0 ? (value >= 0 ? TW_SIGN_NONNEG : 0u) : (value <= 0 ? TW_SIGN_NONPOS : 0u);
      continue;
    }
    if (tw_facts_open(&facts, 1, &bound[i])) sign |= tw_sign_of(&facts, bound[i]) & (i == 0 ? 1u : 2u);
    tw_facts_close(&facts);
  }
  return (unsigned char)sign;
}

static void look_at_variables(const tw_problem *p, tw_class *out, tw_domain *set, unsigned char *sign) {
  bool box = false;
  out->convex = true;
  for (int i = 0; i < p->variables.count; i++) {
    const tw_variable *v = p->variables.item[i];
    set[i] = tw_problem_set(p, i);
    sign[i] = tw_sign_in(p, &set[i], tw_shape_of(v->expr));
    out->integer |= v->kind != TW_CONTINUOUS;
    box |= is_box(&set[i]);
    out->has_set |= set[i].kind && !is_box(&set[i]);
    out->convex &= !set[i].kind || set[i].kind->convex;
  }
  out->bounded = box && !out->has_set;
}

/* ------------------------------------------------------------------ regularizers */

static int variable_at(const tw_problem *p, tw_expr x) {
  for (int i = 0; i < p->variables.count; i++)
    if (tw_same(p->unknowns[i], x)) return i;
  return -1;
}

/* The term as a regularizer of a whole variable that its prox can handle together with the variable's set. */
static bool as_regularizer(const tw_facts *facts, const tw_domain *set, const tw_term *term, reg_term *out) {
  tw_expr x;
  out->kind = tw_regularizer_of(term->body, &x, out->param);
  if (!out->kind || out->kind->smooth) return false;
  out->variable = variable_at(facts->problem, x);
  if (out->variable < 0) return false;
  for (int i = 0; i < out->kind->max_params; i++)
    if (!tw_fixed(facts, out->param[i])) return false;
  const tw_domain *own = &set[out->variable];
  if (own->kind && !(is_box(own) && out->kind->separable)) return false;
  /* A weight of unknown sign (a nested problem's, from outside) is taken for a weight. */
  if (tw_term_sign(facts, term) == TW_SIGN_NONPOS) return false;
  out->weight = tw_is_none(term->weight) ? tw_scalar(facts->graph, term->scale) : tw_scale(term->weight, term->scale);
  return true;
}

static bool same_regularizer(const reg_term *a, const reg_term *b) {
  bool same = a->kind == b->kind;
  for (int i = 0; same && i < a->kind->max_params; i++) same = tw_same(a->param[i], b->param[i]);
  return same;
}

/* Takes a regularizer in: a second one of the same kind adds its weight, one of another kind is refused. */
static bool take_regularizer(tw_class *out, const reg_term *found) {
  for (int i = 0; i < out->n_regularizers; i++) {
    reg_term *own = &out->regularizers[i];
    if (own->variable != found->variable) continue;
    if (!same_regularizer(own, found)) return false;
    own->weight = tw_add(own->weight, found->weight);
    return true;
  }
  out->regularizers[out->n_regularizers++] = *found;
  return true;
}

/* Splits the objective (to be minimised) into regularizers and the smooth rest. */
static bool split_objective(const tw_problem *p, const tw_facts *facts, const tw_domain *set, tw_expr objective,
                            tw_class *out) {
  tw_terms terms;
  out->regularizers = tw_arena_alloc(tw_graph_arena(p->graph), (size_t)p->variables.count * sizeof(reg_term), sizeof(void *));
  if (!out->regularizers) {
    tw_graph_fail(p->graph, TW_ERR_MEMORY, "out of memory classifying a problem");
    return false;
  }
  bool fine = tw_terms_split(facts, objective, &terms);
  tw_expr rest = TW_NONE;
  for (size_t i = 0; fine && i < terms.count; i++) {
    reg_term found;
    if (as_regularizer(facts, set, &terms.term[i], &found) && take_regularizer(out, &found)) continue;
    tw_expr value = tw_term_value(&terms.term[i]);
    rest = tw_is_none(rest) ? value : tw_add(rest, value);
  }
  tw_terms_free(&terms);
  out->has_regularizer = out->n_regularizers > 0;
  out->smooth = !out->has_regularizer ? objective : tw_is_none(rest) ? tw_scalar(p->graph, 0) : rest;
  return fine && tw_graph_status(p->graph) == TW_OK;
}

/* ------------------------------------------------------------------ roots and fixed points */

static tw_expr joined(const tw_problem *p, int n, tw_expr *part) {
  for (int i = 0; i < n; i++) part[i] = tw_ravel(part[i]);
  return n == 0 ? tw_fill(p->graph, TW_F64, TW_SHAPE(0), 0) : tw_concat(n, part, 0);
}

static tw_status root_residual(const tw_problem *p, tw_class *out, tw_error *error) {
  out->name = "root";
  if (p->rows != p->size)
    return tw_fail(error, TW_ERR_SHAPE, "root: %lld equations in %lld unknowns, expected as many", (long long)p->rows,
                   (long long)p->size);
  tw_expr *part = calloc((size_t)p->constraints.count + 1, sizeof *part);
  if (!part) return tw_fail(error, TW_ERR_MEMORY, "out of memory classifying a problem");
  tw_status status = TW_OK;
  for (int i = 0; i < p->constraints.count && status == TW_OK; i++) {
    const tw_constraint *c = p->constraints.item[i];
    if (tw_is_none(c->lower) || !tw_same(c->lower, c->upper))
      status = tw_fail(error, TW_ERR_ARGUMENT, "root: %s is an inequality, expected equations only", c->name);
    part[i] = tw_sub(c->expr, c->lower);
  }
  if (status == TW_OK) out->residual = joined(p, p->constraints.count, part);
  free(part);
  return status;
}

static tw_status fixpoint_residual(const tw_problem *p, tw_class *out, tw_error *error) {
  out->name = "fixed point";
  if (p->constraints.count)
    return tw_fail(error, TW_ERR_ARGUMENT, "fixpoint: %d constraints stated, expected none", p->constraints.count);
  tw_expr *part = calloc((size_t)p->variables.count + 1, sizeof *part);
  if (!part) return tw_fail(error, TW_ERR_MEMORY, "out of memory classifying a problem");
  tw_status status = TW_OK;
  for (int i = 0; i < p->variables.count && status == TW_OK; i++) {
    const tw_variable *v = p->variables.item[i];
    tw_expr map = tw_problem_map(p, i);
    if (tw_is_none(map)) status = tw_fail(error, TW_ERR_ARGUMENT, "fixpoint: %s has no map", v->name);
    part[i] = tw_sub(map, v->expr);
  }
  if (status == TW_OK) out->residual = joined(p, p->variables.count, part);
  free(part);
  return status;
}

/* ------------------------------------------------------------------ objectives and constraints */

static void look_at_constraints(const tw_problem *p, const tw_facts *facts, tw_class *out) {
  out->constrained = p->rows > 0;
  unsigned char *degree = p->constraints.count ? tw_arena_alloc(tw_graph_arena(p->graph), (size_t)p->constraints.count, 1) : NULL;
  out->constraint_degree = degree;
  for (int i = 0; i < p->constraints.count; i++) {
    const tw_constraint *c = p->constraints.item[i];
    tw_fact fact = tw_fact_of(facts, c->expr);
    if ((tw_degree)fact.degree > out->constraints) out->constraints = (tw_degree)fact.degree;
    if (degree) degree[i] = fact.degree;
    if (fact.curvature == TW_CURV_AFFINE || !out->convex) continue;
    tw_curvature curvature = tw_curvature_of(facts, c->expr);
    bool holds = curvature == TW_CURV_AFFINE || (curvature == TW_CURV_CONVEX && tw_is_none(c->lower)) ||
                 (curvature == TW_CURV_CONCAVE && tw_is_none(c->upper));
    out->convex &= holds;
  }
}

/* Whether a function with kinks of what varies is among the nodes that the facts are about, bodies of loops included. Of a norm
 * that is squared at once none are left. */
static bool has_kinks(const tw_facts *facts);

static bool loop_has_kinks(const tw_facts *facts, tw_expr loop) {
  enum { FEW = 64 };
  const tw_loop_attr *attr = tw_attr_of(loop);
  tw_fact params[FEW] = {{TW_CONSTANT, TW_CURV_AFFINE, 0}};
  if (attr->body->n_params > FEW) return false;
  for (int i = 1; i < attr->body->n_params; i++) params[i] = tw_fact_of(facts, tw_input_of(loop, i - 1));
  tw_facts body = {.graph = facts->graph, .n_params = attr->body->n_params, .params = params};
  const bool found = tw_facts_open(&body, attr->body->n_outputs, attr->body->outputs) && has_kinks(&body);
  tw_facts_close(&body);
  return found;
}

static bool has_kinks(const tw_facts *facts) {
  static const tw_op *const kinked[] = {&tw_op_abs, &tw_op_relu, &tw_op_maximum, &tw_op_minimum, &tw_op_reduce_max, &tw_op_reduce_min};
  for (int32_t id = 0; id < facts->limit; id++) {
    const tw_expr e = {facts->graph, id};
    if (!facts->wanted[id] || facts->fact[id].degree == TW_CONSTANT || tw_regularizer_of(e, NULL, NULL)) continue;
    for (size_t k = 0; k < sizeof kinked / sizeof *kinked; k++)
      if (tw_op_of(e) == kinked[k]) return true;
    for (int i = 0; i < tw_arity_of(e) && tw_op_of(e) != &tw_op_square; i++) {
      const tw_expr u = tw_input_of(e, i);
      if (tw_op_of(u) == &tw_op_norm && !tw_fixed(facts, u)) return true;
    }
    if (tw_op_of(e) == &tw_op_loop && loop_has_kinks(facts, e)) return true;
  }
  return false;
}

static bool polyhedral(int n, const tw_domain *set) {
  for (int i = 0; i < n; i++)
    if (set[i].kind && !set[i].kind->polyhedral) return false;
  return true;
}

static const char *name_of(const tw_problem *p, const tw_class *c, const tw_domain *set) {
  bool flat = c->constraints <= TW_LINEAR && polyhedral(p->variables.count, set);
  if (c->integer) return c->objective <= TW_LINEAR && flat && !c->has_regularizer ? "MILP" : "MINLP";
  if (c->has_regularizer) return "composite";
  if (flat && c->objective <= TW_LINEAR && (c->constrained || c->bounded || c->has_set)) return "LP";
  bool squares = !tw_is_none(c->residual) && !c->constrained && !c->has_set;
  if (squares) return c->objective <= TW_QUADRATIC ? "least squares" : "nonlinear least squares";
  if (flat && c->objective == TW_QUADRATIC) return "QP";
  if (c->convex) return "convex";
  return c->constrained || c->has_set ? "NLP" : "smooth";
}

/* Of a nested problem it may hold names from around it, which have no value here: tw_problem_evaluate refuses them. */
static tw_status residual_offset(const tw_problem *p, tw_class *out, tw_error *error) {
  tw_array value;
  tw_error own = {0};
  tw_status status = tw_problem_evaluate(p, out->residual_constant, &value, &own);
  out->residual_offset = NAN;
  if (status == TW_ERR_ARGUMENT) return TW_OK;
  if (status != TW_OK) return tw_fail(error, status, "%s", own.message);
  out->residual_offset = *(const double *)value.data;
  tw_array_free(&value);
  return TW_OK;
}

static bool open_facts(tw_facts *facts, const tw_problem *p, tw_expr objective) {
  tw_expr *roots = calloc((size_t)p->constraints.count + 1, sizeof *roots);
  if (!roots) {
    tw_graph_fail(p->graph, TW_ERR_MEMORY, "out of memory classifying a problem");
    return false;
  }
  for (int i = 0; i < p->constraints.count; i++) roots[i] = ((const tw_constraint *)p->constraints.item[i])->expr;
  roots[p->constraints.count] = objective;
  bool fine = tw_facts_open(facts, p->constraints.count + 1, roots);
  free(roots);
  return fine;
}

static tw_status classify_objective(const tw_problem *p, const tw_domain *set, const unsigned char *sign, tw_class *out,
                                    tw_error *error) {
  tw_expr objective = p->objective;
  if (p->goal == TW_GOAL_NONE) objective = tw_scalar(p->graph, 0);
  if (p->goal == TW_GOAL_MAXIMIZE) objective = tw_neg(objective);
  tw_facts facts = {.graph = p->graph, .problem = p, .m = p->variables.count, .inputs = p->unknowns, .signs = sign};
  bool fine = tw_facts_open(&facts, 1, &objective) && split_objective(p, &facts, set, objective, out);
  tw_facts_close(&facts);
  if (!fine || !open_facts(&facts, p, out->smooth)) {
    tw_facts_close(&facts);
    return tw_graph_check(p->graph, error);
  }
  look_at_constraints(p, &facts, out);
  tw_squares squares;
  if (tw_squares_find(&facts, out->smooth, &squares)) {
    out->residual = squares.residual;
    out->residual_scale = squares.scale;
    out->residual_constant = squares.constant;
  }
  out->objective = (tw_degree)tw_fact_of(&facts, out->smooth).degree;
  if (out->convex) {
    tw_curvature curvature = tw_curvature_of(&facts, out->smooth);
    out->convex = curvature == TW_CURV_AFFINE || curvature == TW_CURV_CONVEX;
  }
  out->kinks = has_kinks(&facts) || tw_op_of(out->smooth) == &tw_op_norm;
  tw_facts_close(&facts);
  out->name = name_of(p, out, set);
  tw_status status = tw_graph_check(p->graph, error);
  return status == TW_OK && !tw_is_none(out->residual) ? residual_offset(p, out, error) : status;
}

static tw_status classify(const tw_problem *p, tw_domain *set, unsigned char *sign, tw_class *out, tw_error *error) {
  tw_status status = tw_graph_check(p->graph, error);
  if (status != TW_OK) return status;
  if (p->size == 0) return tw_fail(error, TW_ERR_ARGUMENT, "the problem has no variables");
  if (p->goal == TW_GOAL_NONE && p->rows == 0)
    return tw_fail(error, TW_ERR_ARGUMENT,
                   "the problem has no objective, expected minimize, maximize, a root, a fixed point or constraints");
  look_at_variables(p, out, set, sign);
  status = tw_graph_check(p->graph, error);
  if (status != TW_OK) return status;
  status = p->goal == TW_GOAL_ROOT       ? root_residual(p, out, error)
           : p->goal == TW_GOAL_FIXPOINT ? fixpoint_residual(p, out, error)
                                         : classify_objective(p, set, sign, out, error);
  return status == TW_OK ? tw_graph_check(p->graph, error) : status;
}

tw_status tw_classify(const tw_problem *p, tw_class *out, tw_error *error) {
  if (!p || !out) return tw_fail(error, TW_ERR_ARGUMENT, "classify: %s is NULL", p ? "the result" : "the problem");
  *out = (tw_class){.residual = TW_NONE, .residual_constant = TW_NONE, .smooth = TW_NONE};
  const size_t n = (size_t)p->variables.count;
  tw_domain *set = calloc(n + 1, sizeof *set);
  unsigned char *sign = calloc(n + 1, 1);
  tw_status status = TW_ERR_MEMORY;
  if (set && sign) {
    tw_graph_lock(p->graph); /* the graph's status too is others' while they build */
    status = classify(p, set, sign, out, error);
    tw_graph_unlock(p->graph);
  } else {
    tw_fail(error, status, "out of memory classifying a problem");
  }
  free(set);
  free(sign);
  return status;
}
