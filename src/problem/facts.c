/* Walking a graph for the facts of its nodes. */
#include "problem/facts.h"

#include <stdlib.h>

static tw_expr node_at(const tw_facts *facts, int32_t id) {
  return (tw_expr){facts->graph, id};
}

enum { WANTED = 1, GIVEN = 2 };

/* Marks what lies below the roots, down to the inputs, whose facts are given. Operands are older than their users, so one
 * pass downwards suffices. */
static void mark(tw_facts *facts, int n, const tw_expr *roots) {
  for (int i = 0; i < n; i++) facts->wanted[roots[i].id] = WANTED;
  for (int j = 0; j < facts->m; j++) {
    int32_t id = facts->inputs[j].id;
    if (id >= facts->limit) continue;
    facts->wanted[id] |= GIVEN;
    facts->fact[id] = (tw_fact){TW_LINEAR, TW_CURV_AFFINE, facts->signs ? facts->signs[j] & TW_SIGN_ZERO : 0};
  }
  for (int32_t id = facts->limit; id-- > 0;) {
    if (facts->wanted[id] != WANTED) continue;
    tw_expr e = node_at(facts, id);
    for (int i = 0; i < tw_arity_of(e); i++) facts->wanted[tw_input_of(e, i).id] |= WANTED;
  }
}

static tw_fact fact_of_node(tw_facts *facts, tw_expr e) {
  enum { FEW = 16 };
  tw_fact few[FEW], *in = few;
  int n = tw_arity_of(e);
  if (n > FEW && !(in = malloc((size_t)n * sizeof *in))) {
    tw_graph_fail(facts->graph, TW_ERR_MEMORY, "out of memory classifying a problem");
    return (tw_fact){TW_NONLINEAR, TW_CURV_UNKNOWN, 0};
  }
  for (int i = 0; i < n; i++) in[i] = facts->fact[tw_input_of(e, i).id];
  tw_fact fact = tw_fact_by_rule(facts, e, in);
  if (in != few) free(in);
  return fact;
}

bool tw_facts_open(tw_facts *facts, int n, const tw_expr *roots) {
  facts->limit = 0;
  facts->fact = NULL;
  facts->wanted = NULL;
  for (int i = 0; i < n; i++) {
    if (tw_is_none(roots[i])) return tw_graph_status(facts->graph) == TW_OK;
    if (roots[i].id >= facts->limit) facts->limit = roots[i].id + 1;
  }
  facts->fact = calloc((size_t)facts->limit + 1, sizeof *facts->fact);
  facts->wanted = calloc((size_t)facts->limit + 1, 1);
  if (!facts->fact || !facts->wanted) {
    tw_facts_close(facts);
    tw_graph_fail(facts->graph, TW_ERR_MEMORY, "out of memory classifying a problem");
    return false;
  }
  mark(facts, n, roots);
  for (int32_t id = 0; id < facts->limit; id++)
    if (facts->wanted[id] == WANTED) facts->fact[id] = fact_of_node(facts, node_at(facts, id));
  return tw_graph_status(facts->graph) == TW_OK;
}

void tw_facts_close(tw_facts *facts) {
  free(facts->fact);
  free(facts->wanted);
  facts->fact = NULL;
  facts->wanted = NULL;
  facts->limit = 0;
}

tw_fact tw_fact_of(const tw_facts *facts, tw_expr e) {
  if (!tw_is_none(e) && e.id < facts->limit && facts->wanted[e.id] & WANTED) return facts->fact[e.id];
  return (tw_fact){TW_NONLINEAR, TW_CURV_UNKNOWN, 0};
}

unsigned tw_sign_of(const tw_facts *facts, tw_expr e) {
  enum { MOST = 1 << 22 };
  tw_fact fact = tw_fact_of(facts, e);
  if (fact.sign || fact.degree != TW_CONSTANT || tw_size_of(e) > MOST) return fact.sign;
  /* Params of a loop's body have no value; tw_problem_evaluate refuses what depends on them. */
  tw_array value;
  if (tw_problem_evaluate(facts->problem, e, &value, NULL) != TW_OK) return 0;
  unsigned sign = TW_SIGN_ZERO;
  tw_array flat = tw_array_view(value.data, value.dtype, TW_SHAPE(tw_size_of(e)));
  for (int64_t i = 0; i < tw_size_of(e) && sign; i++) {
    double x = tw_array_get(&flat, &i);
    if (!(x >= 0)) sign &= ~(unsigned)TW_SIGN_NONNEG;
    if (!(x <= 0)) sign &= ~(unsigned)TW_SIGN_NONPOS;
  }
  tw_array_free(&value);
  facts->fact[e.id].sign = (unsigned char)sign;
  return sign;
}

/* ------------------------------------------------------------------ public questions */

static tw_facts facts_in(tw_expr e, int m, const tw_expr *inputs) {
  return (tw_facts){.graph = e.graph, .m = m, .inputs = inputs};
}

tw_degree tw_degree_in(tw_expr e, int m, const tw_expr *inputs) {
  if (tw_is_none(e) || !inputs) return TW_CONSTANT;
  tw_facts facts = facts_in(e, m, inputs);
  tw_degree degree = tw_facts_open(&facts, 1, &e) ? (tw_degree)tw_fact_of(&facts, e).degree : TW_NONLINEAR;
  tw_facts_close(&facts);
  return degree;
}

tw_curvature tw_curvature_in(tw_expr e, int m, const tw_expr *inputs) {
  if (tw_is_none(e) || !inputs) return TW_CURV_UNKNOWN;
  tw_facts facts = facts_in(e, m, inputs);
  tw_curvature curvature = tw_facts_open(&facts, 1, &e) ? tw_curvature_of(&facts, e) : TW_CURV_UNKNOWN;
  tw_facts_close(&facts);
  return curvature;
}
