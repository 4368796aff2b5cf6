/* Scalars as sums of terms; curvature of a sum with the help of a Hessian. */
#include "graph/ops/ops.h"
#include "problem/facts.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

static bool push(const tw_facts *facts, tw_terms *terms, tw_term term) {
  tw_term *grown = tw_grow(terms->term, &terms->capacity, terms->count + 1, sizeof *grown);
  if (!grown) {
    tw_graph_fail(facts->graph, TW_ERR_MEMORY, "out of memory classifying a problem");
    return false;
  }
  terms->term = grown;
  grown[terms->count++] = term;
  return true;
}

void tw_terms_free(tw_terms *terms) {
  free(terms->term);
  *terms = (tw_terms){0};
}

/* A factor that depends on no input joins the scale or the weight. */
static tw_term weigh(tw_term term, tw_expr factor, tw_expr body, bool divide) {
  double value;
  term.body = body;
  if (tw_constant_value(factor, &value)) {
    term.scale = divide ? term.scale / value : term.scale * value;
    return term;
  }
  if (divide) factor = tw_reciprocal(factor);
  term.weight = tw_is_none(term.weight) ? factor : tw_mul(term.weight, factor);
  return term;
}

/* The one or two terms that a term is made of, at the place of the term; false when it is not a sum or product. */
static int parts_of(const tw_facts *facts, tw_term term, tw_term out[2]) {
  const tw_op *op = tw_op_of(term.body);
  tw_expr a = tw_input_of(term.body, 0), b = tw_input_of(term.body, 1);
  out[0] = out[1] = term;
  out[0].body = a;
  out[1].body = b;
  if (op == &tw_op_neg) {
    out[0].scale = -term.scale;
    return 1;
  }
  if (op == &tw_op_add || op == &tw_op_sub) {
    if (op == &tw_op_sub) out[1].scale = -term.scale;
    return 2;
  }
  bool first = op == &tw_op_mul && tw_fixed(facts, a) && tw_size_of(a) == 1;
  bool second = (op == &tw_op_mul || op == &tw_op_div) && tw_fixed(facts, b) && tw_size_of(b) == 1;
  if (first) out[0] = weigh(term, a, b, false);
  if (!first && second) out[0] = weigh(term, b, a, op == &tw_op_div);
  return first || second;
}

bool tw_terms_split(const tw_facts *facts, tw_expr root, tw_terms *terms) {
  tw_terms stack = {0};
  *terms = (tw_terms){0};
  bool fine = push(facts, &stack, (tw_term){1, TW_NONE, root});
  while (fine && stack.count) {
    tw_term term = stack.term[--stack.count], part[2];
    int n = tw_fixed(facts, term.body) || tw_shape_of(term.body).rank ? 0 : parts_of(facts, term, part);
    if (n == 0) fine = push(facts, terms, term);
    for (int i = n; fine && i-- > 0;) fine = push(facts, &stack, part[i]);
  }
  tw_terms_free(&stack);
  return fine && tw_graph_status(facts->graph) == TW_OK;
}

tw_expr tw_term_value(const tw_term *term) {
  tw_expr value = tw_is_none(term->weight) ? term->body : tw_mul(term->weight, term->body);
  return term->scale == 1 ? value : tw_scale(value, term->scale);
}

unsigned tw_term_sign(const tw_facts *facts, const tw_term *term) {
  unsigned sign = TW_SIGN_NONNEG;
  if (!tw_is_none(term->weight)) {
    /* Weights may be newer than the facts. */
    tw_facts own = {.graph = facts->graph, .problem = facts->problem, .m = facts->m, .inputs = facts->inputs};
    sign = tw_facts_open(&own, 1, &term->weight) ? tw_sign_of(&own, term->weight) : 0;
    tw_facts_close(&own);
  }
  if (term->scale == 0) return TW_SIGN_ZERO;
  return term->scale > 0 ? sign : ((sign & 1) << 1 | (sign & 2) >> 1);
}

/* ------------------------------------------------------------------ curvature of quadratics */

enum { HESSIAN_MOST = 2000 };

/* 1: positive semidefinite up to rounding, by a Cholesky factorization of H + shift I (H is overwritten). */
static bool is_semidefinite(const double *h, int64_t n, double sign, double *work) {
  double norm = tw_vec_norm_inf(h, (size_t)(n * n));
  if (!isfinite(norm)) return false;
  if (norm == 0) return true;
  for (int64_t i = 0; i < n * n; i++) work[i] = sign * h[i] / norm;
  for (int64_t i = 0; i < n; i++) work[i * n + i] += 8 * (double)n * DBL_EPSILON;
  return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', (lapack_int)n, work, (lapack_int)n) == 0;
}

/* The Hessian of a quadratic in all inputs together, at the parameters' values. */
static tw_status evaluate_hessian(const tw_facts *facts, tw_expr quadratic, int64_t n, tw_array *out) {
  tw_graph *graph = facts->graph;
  tw_expr flat = tw_input(graph, "x", TW_F64, TW_SHAPE(n));
  tw_expr *parts = calloc((size_t)facts->m + 1, sizeof *parts), whole = TW_NONE;
  if (!parts) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory classifying a problem"), TW_ERR_MEMORY;
  int64_t offset = 0;
  for (int j = 0; j < facts->m; offset += tw_size_of(facts->inputs[j]), j++)
    parts[j] = tw_reshape(tw_slice(flat, 0, offset, tw_size_of(facts->inputs[j]), 1), tw_shape_of(facts->inputs[j]));
  tw_substitute(1, &quadratic, facts->m, facts->inputs, parts, &whole);
  free(parts);
  /* Constant, but perhaps not in form: asked for at x = 1. */
  tw_expr hessian = tw_is_none(whole) ? TW_NONE : tw_hessian(whole, flat), one = tw_fill_like(flat, 1), at = TW_NONE;
  if (!tw_is_none(hessian)) tw_substitute(1, &hessian, 1, &flat, &one, &at);
  if (tw_is_none(at)) return tw_graph_status(graph) == TW_OK ? TW_ERR_UNSUPPORTED : tw_graph_status(graph);
  return tw_problem_evaluate(facts->problem, at, out, NULL);
}

static tw_curvature curvature_of_quadratic(const tw_facts *facts, tw_expr quadratic) {
  int64_t n = 0;
  for (int j = 0; j < facts->m; j++) n += tw_size_of(facts->inputs[j]);
  if (n == 0 || n > HESSIAN_MOST) return TW_CURV_UNKNOWN;
  tw_array hessian = {0};
  tw_curvature curvature = TW_CURV_UNKNOWN;
  double *work = tw_alloc((size_t)n * (size_t)n, sizeof *work);
  if (work && evaluate_hessian(facts, quadratic, n, &hessian) == TW_OK) {
    if (is_semidefinite(hessian.data, n, 1, work))
      curvature = TW_CURV_CONVEX;
    else if (is_semidefinite(hessian.data, n, -1, work))
      curvature = TW_CURV_CONCAVE;
  }
  tw_array_free(&hessian);
  free(work);
  return curvature;
}

static tw_curvature joined(tw_curvature a, tw_curvature b) {
  if (a == b || b == TW_CURV_AFFINE) return a;
  return a == TW_CURV_AFFINE ? b : TW_CURV_UNKNOWN;
}

static tw_curvature signed_curvature(const tw_facts *facts, const tw_term *term) {
  tw_curvature c = (tw_curvature)tw_fact_of(facts, term->body).curvature;
  if (c == TW_CURV_AFFINE || c == TW_CURV_UNKNOWN) return c;
  unsigned sign = tw_term_sign(facts, term);
  if (sign & TW_SIGN_NONNEG) return c;
  if (sign & TW_SIGN_NONPOS) return c == TW_CURV_CONVEX ? TW_CURV_CONCAVE : TW_CURV_CONVEX;
  return TW_CURV_UNKNOWN;
}

tw_curvature tw_curvature_of(const tw_facts *facts, tw_expr root) {
  tw_fact whole = tw_fact_of(facts, root);
  if (whole.curvature != TW_CURV_UNKNOWN || tw_size_of(root) != 1) return (tw_curvature)whole.curvature;
  tw_terms terms;
  tw_curvature curvature = TW_CURV_AFFINE;
  tw_expr quadratic = TW_NONE;
  bool fine = tw_terms_split(facts, tw_reshape(root, TW_SCALAR), &terms);
  for (size_t i = 0; fine && i < terms.count; i++) {
    if (tw_fact_of(facts, terms.term[i].body).degree == TW_QUADRATIC) {
      tw_expr value = tw_reshape(tw_term_value(&terms.term[i]), TW_SCALAR);
      quadratic = tw_is_none(quadratic) ? value : tw_add(quadratic, value);
    } else {
      curvature = joined(curvature, signed_curvature(facts, &terms.term[i]));
    }
  }
  tw_terms_free(&terms);
  if (!fine) return TW_CURV_UNKNOWN;
  if (tw_is_none(quadratic) || curvature == TW_CURV_UNKNOWN) return curvature;
  return joined(curvature, curvature_of_quadratic(facts, quadratic));
}
