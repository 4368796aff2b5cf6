#include "reference.h"

#include <talweg/method.h>

#include <math.h>
#include <stdlib.h>

typedef struct statement {
  const program *a;
  tw_graph *graph;
  tw_problem *p;
  tw_expr x, y, mask, zero; /* [n, d], [n], [P, n], scalar */
} statement;

/* The blocks c_i of the first half, and -c_i: [P, d] -> [2 P, d]. */
static tw_expr both(tw_expr c) { return tw_concat(2, (tw_expr[]){c, tw_neg(c)}, 0); }

/* [n, f] or [2 P, f] filled up with zeros for the columns that are no features. */
static tw_expr widen(tw_expr m, int64_t d) {
  const tw_shape shape = tw_shape_of(m);
  return shape.dim[1] == d ? m : tw_concat(2, (tw_expr[]){m, tw_fill(m.graph, TW_F64, TW_SHAPE(shape.dim[0], d - shape.dim[1]), 0)}, 1);
}

static void within(statement *s, const char *name, tw_expr e, tw_expr bound) { /* -bound <= e <= bound */
  tw_problem_subject(s->p, name, tw_sub(e, bound), TW_NONE, s->zero);
  tw_problem_subject(s->p, NULL, tw_add(e, bound), s->zero, TW_NONE);
}

static void state(statement *s) {
  const program *a = s->a;
  const int64_t n = a->data->n, d = a->data->d, f = a->data->features, p = a->set->p;
  const tw_expr one = tw_scalar(s->graph, 1), eps = tw_scalar(s->graph, a->eps);
  const tw_expr theta = tw_problem_variable(s->p, "theta", TW_SHAPE(n)), kappa = tw_problem_variable(s->p, "kappa", TW_SHAPE(2 * p, n));
  const tw_expr flips = tw_sub(tw_scale(s->mask, 2), one), flip = tw_concat(2, (tw_expr[]){flips, flips}, 0);
  tw_expr rows = tw_mul(tw_expand(theta, -1), s->x);
  tw_problem_bounds(s->p, kappa, s->zero, TW_NONE);
  if (a->loss == LOSS_HINGE) tw_problem_subject(s->p, "margins", tw_scale(tw_mul(s->y, theta), (double)n), s->zero, one);
  tw_expr block = tw_matmul(tw_mul(flip, kappa), s->x);
  if (a->eps > 0) {
    const tw_expr pi = tw_problem_variable(s->p, "pi", TW_SHAPE(n, f)), psi = tw_problem_variable(s->p, "psi", TW_SHAPE(2 * p, f));
    within(s, "pi", pi, tw_mul(eps, tw_expand(tw_mul(s->y, theta), -1)));
    within(s, "psi", psi, tw_mul(eps, tw_sum(kappa, 2, true)));
    rows = tw_add(rows, widen(pi, d));
    block = tw_add(block, widen(psi, d));
  }
  block = tw_add(block, both(tw_matmul(s->mask, rows)));
  /* in units of beta, so that all constraints are of one size */
  tw_problem_subject(s->p, "blocks", tw_sum(tw_square(tw_scale(block, 1 / a->beta)), 2, false), TW_NONE, one);
  const tw_expr linear = tw_dot(s->y, theta), squares = tw_scale(tw_sum(tw_square(theta), TW_ALL, false), 0.5);
  tw_problem_minimize(s->p, "dual", a->loss == LOSS_SQUARED ? tw_sub(squares, linear) : tw_neg(linear));
}

tw_status reference_optimum(const program *a, double *optimum, double *residual, tw_error *error) {
  if (a->loss == LOSS_LOGISTIC || (a->eps > 0 && (a->loss != LOSS_HINGE || !isinf(a->p))))
    return tw_fail(error, TW_ERR_UNSUPPORTED, "a reference is had for squared and hinge losses, robust ones for hinge and p = inf");
  statement s = {.a = a, .graph = tw_graph_new()};
  s.p = s.graph ? tw_problem_new(s.graph) : NULL;
  tw_result result = {0};
  tw_status status = s.p ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for a problem");
  if (status == TW_OK) {
    s.zero = tw_scalar(s.graph, 0);
    s.x = constant_of(s.graph, a->data->x, TW_SHAPE(a->data->n, a->data->d));
    s.y = constant_of(s.graph, a->data->y, TW_SHAPE(a->data->n));
    s.mask = constant_of(s.graph, a->set->mask, TW_SHAPE(a->set->p, a->data->n));
    state(&s);
    status = tw_graph_check(s.graph, error);
  }
  const tw_solve_options options = {.method = "ipm", .tolerance = 1e-8, .exec = {.threads = 1, .jit = TW_JIT_OFF}};
  if (status == TW_OK) status = tw_solve_problem(s.p, &options, &result, error);
  if (status == TW_OK && result.outcome != TW_SOLVED)
    status = tw_fail(error, TW_ERR_NUMERIC, "reference: %s: %s", tw_outcome_name(result.outcome), result.message);
  if (status == TW_OK) {
    *optimum = -result.f;
    *residual = fmax(result.optimality.stationarity, fmax(result.optimality.feasibility, result.optimality.complementarity));
  }
  tw_result_free(&result);
  tw_problem_free(s.p);
  tw_graph_free(s.graph);
  return status;
}
