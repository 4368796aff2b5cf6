/* Nested problems with kinks, restated so that their optimality conditions know of these; see nested.h. */
#include "implicit/nested.h"

#include "graph/ops/ops.h"
#include "problem/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tw_kinks_as_l1(const tw_problem *p, tw_problem *marked, tw_class *cls) {
  const tw_regularizer_kind *l1 = tw_regularizer_find("l1");
  *marked = *p;
  for (int i = 0; i < tw_problem_variables(p); i++) {
    tw_expr x = tw_problem_variable_at(p, i)->expr, sum = tw_sum(tw_abs(x), TW_ALL, false), by = tw_regularizer(p->graph, l1, x, 0, NULL);
    if (tw_substitute(1, &marked->objective, 1, &sum, &by, &marked->objective) != TW_OK) return false;
  }
  return !tw_same(marked->objective, p->objective) && tw_classify(marked, cls, NULL) == TW_OK && cls->has_regularizer && !cls->kinks;
}

/* ------------------------------------------------------------------ epigraphs */

typedef struct epigraphs {
  const tw_problem *from;
  tw_problem *to;
  tw_expr f; /* in the sense of minimisation */
  int v, n;  /* variables, kinks */
  tw_expr *old, *stated; /* v + n: variables, then kinks, and the variables that stand for them */
  unsigned char *sign;   /* n */
} epigraphs;

static bool is_kink(tw_expr e) { return tw_op_of(e) == &tw_op_abs || tw_op_of(e) == &tw_op_relu || tw_op_of(e) == &tw_op_maximum; }

/* Those of what varies in the objective. */
static bool find_kinks(epigraphs *s) {
  tw_facts facts = {.graph = s->from->graph, .problem = s->from, .m = s->v, .inputs = s->from->unknowns};
  bool found = tw_facts_open(&facts, 1, &s->f);
  for (int pass = 0; pass < 2 && found; pass++) {
    for (int32_t id = s->n = 0; id < facts.limit; id++) {
      const tw_expr e = {facts.graph, id};
      if (!facts.wanted[id] || facts.fact[id].degree == TW_CONSTANT || !is_kink(e) || tw_dtype_of(e) != TW_F64) continue;
      if (pass == 1) s->old[s->v + s->n] = e;
      s->n++;
    }
    if (pass == 1) break;
    const size_t most = (size_t)(s->v + s->n) + 1;
    s->old = calloc(most, sizeof *s->old), s->stated = calloc(most, sizeof *s->stated), s->sign = calloc(most, 1);
    found = s->n > 0 && s->old && s->stated && s->sign;
  }
  tw_facts_close(&facts);
  return found;
}

/* Variables with what is stated of them; s_k starts at the kink's value at the start. */
static bool state_variables(epigraphs *s) {
  tw_graph *graph = s->from->graph;
  tw_expr *start = calloc((size_t)s->v + 1, sizeof *start);
  for (int i = 0; start && i < s->v; i++) {
    const tw_variable *v = tw_problem_variable_at(s->from, i);
    tw_expr x = s->stated[i] = tw_problem_variable(s->to, v->name, tw_shape_of(v->expr));
    s->old[i] = v->expr;
    if (!tw_is_none(v->lower) || !tw_is_none(v->upper)) tw_problem_bounds(s->to, x, v->lower, v->upper);
    if (!tw_is_none(v->start)) tw_problem_start(s->to, x, v->start);
    if (v->domain.kind) tw_problem_domain(s->to, x, v->domain);
    start[i] = tw_is_none(v->start) ? tw_zeros_like(v->expr) : tw_broadcast(tw_cast(v->start, TW_F64), tw_shape_of(v->expr));
  }
  for (int k = s->v; start && k < s->v + s->n && tw_graph_status(graph) == TW_OK; k++) {
    char name[32];
    snprintf(name, sizeof name, "kink %d", k - s->v);
    tw_expr e = s->old[k], at = TW_NONE;
    s->stated[k] = tw_problem_variable(s->to, name, tw_shape_of(e));
    if (tw_substitute(1, &e, s->v, s->old, start, &at) == TW_OK) tw_problem_start(s->to, s->stated[k], at);
    if (tw_op_of(e) != &tw_op_maximum) s->sign[k - s->v] = TW_SIGN_NONNEG;
  }
  const bool stated = start != NULL;
  free(start);
  return stated && tw_graph_status(graph) == TW_OK;
}

static bool restated(const epigraphs *s, tw_expr e, tw_expr *out) {
  return tw_substitute(1, &e, s->v + s->n, s->old, s->stated, out) == TW_OK && !tw_is_none(*out);
}

/* Whether the objective is affine in the kinks, with weights that are not negative; those inside others have none. Of these the rules of
 * disciplined convex programming ask that what is around them grows. */
static bool is_weighted(const epigraphs *s, tw_expr f) {
  tw_expr *weight = calloc((size_t)s->n, sizeof *weight), one = tw_ones_like(f);
  bool fine = weight && tw_vjp(1, &f, &one, s->n, s->stated + s->v, weight) == TW_OK;
  for (int k = 0; k < s->n && fine; k++)
    if (tw_is_none(weight[k])) weight[k] = tw_zeros_like(s->stated[s->v + k]);
  tw_facts facts = {.graph = f.graph, .problem = s->from, .m = s->n, .inputs = s->stated + s->v, .signs = s->sign};
  fine = fine && tw_facts_open(&facts, s->n, weight);
  for (int k = 0; k < s->n && fine; k++)
    fine = tw_fixed(&facts, weight[k]) && (tw_sign_of(&facts, weight[k]) & TW_SIGN_NONNEG) != 0;
  tw_facts_close(&facts);
  free(weight);
  return fine;
}

/* |a|: a <= s, -a <= s;  max(a, 0): a <= s, 0 <= s;  max(a, b): a <= s, b <= s */
static bool state_rows(const epigraphs *s) {
  tw_graph *graph = s->from->graph;
  const tw_expr zero = tw_scalar(graph, 0);
  for (int i = 0; i < tw_problem_constraints(s->from); i++) {
    const tw_constraint *c = tw_problem_constraint_at(s->from, i);
    tw_expr row = TW_NONE;
    if (tw_substitute(1, &c->expr, s->v, s->old, s->stated, &row) != TW_OK) return false;
    tw_problem_subject(s->to, c->name, row, c->lower, c->upper);
  }
  for (int k = s->v; k < s->v + s->n; k++) {
    tw_expr e = s->old[k], above = s->stated[k], a = TW_NONE, b = TW_NONE;
    const tw_op *op = tw_op_of(e);
    if (!restated(s, tw_input_of(e, 0), &a)) return false;
    if (op == &tw_op_maximum && !restated(s, tw_input_of(e, 1), &b)) return false;
    if (op == &tw_op_abs) b = tw_neg(a);
    tw_problem_subject(s->to, NULL, tw_sub(a, above), TW_NONE, zero);
    if (op == &tw_op_relu) tw_problem_bounds(s->to, above, zero, TW_NONE);
    else tw_problem_subject(s->to, NULL, tw_sub(b, above), TW_NONE, zero);
  }
  return tw_graph_status(graph) == TW_OK;
}

tw_problem *tw_kinks_as_rows(const tw_problem *p, tw_class *cls) {
  epigraphs s = {.from = p, .v = tw_problem_variables(p), .f = p->objective};
  const tw_goal goal = tw_problem_goal(p);
  if (!cls->convex || cls->has_set || cls->has_regularizer || (goal != TW_GOAL_MINIMIZE && goal != TW_GOAL_MAXIMIZE)) return NULL;
  if (goal == TW_GOAL_MAXIMIZE) s.f = tw_neg(s.f);
  tw_class smooth;
  tw_expr f = TW_NONE;
  bool done = find_kinks(&s) && (s.to = tw_problem_new(p->graph)) != NULL;
  done = done && state_variables(&s) && restated(&s, s.f, &f) && is_weighted(&s, f) && state_rows(&s);
  if (done && goal == TW_GOAL_MAXIMIZE) tw_problem_maximize(s.to, NULL, tw_neg(f));
  else if (done) tw_problem_minimize(s.to, NULL, f);
  if (done) {
    tw_problem known = *s.to; /* with the values that p knows */
    known.parameters = p->parameters;
    done = tw_classify(&known, &smooth, NULL) == TW_OK && smooth.convex && !smooth.kinks;
  }
  free(s.old), free(s.stated), free(s.sign);
  if (done) *cls = smooth;
  else tw_problem_free(s.to);
  return done ? s.to : NULL;
}
