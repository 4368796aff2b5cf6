/* Evidence: what stands behind the values and derivatives that came through nested problems. */
#include "implicit/custom.h"
#include "implicit/modes.h"
#include "implicit/solve.h"

#include <math.h>
#include <string.h>

static const double GOOD_RESIDUAL = 1e-7, GOOD_SOLVE = 1e-6, GOOD_MARGIN = 1e-7, GOOD_ERROR = 1e-3;
const double tw_good_condition = 1e12, tw_good_residual = 1e-6;

/* The evidence while it is gathered. */
typedef struct gathering {
  tw_evidence *e;
  double condition; /* worst residual of a condition that is differentiated; see tw_exactness */
} gathering;

/* NaN is worse than any number. */
static double worst(double a, double b) {
  return isnan(a) || a > b ? a : b;
}

double tw_worst_residual(const tw_optimality *o) {
  return isnan(o->feasibility) ? o->stationarity : worst(o->stationarity, o->feasibility);
}

/* A solve that stagnates is judged by its residual alone; one that was cut short is named. */
static void add_solution(gathering *g, const tw_argmin_evidence *found) {
  tw_evidence *e = g->e;
  e->inner_residual = worst(e->inner_residual, found->residual);
  e->complementarity_gap = -worst(-e->complementarity_gap, -found->margin);
  g->condition = worst(g->condition, found->condition);
  if (found->outcome == TW_SOLVED || found->outcome == TW_FAILED || e->message[0]) return;
  snprintf(e->message, sizeof e->message, "%s: %.*s was cut short (%s) at a residual of %.1e", found->word,
           (int)strcspn(found->method, ":"), found->method, tw_outcome_name(found->outcome), found->residual);
}

/* What an op that finds solutions found; not used: the op finds none. */
static tw_argmin_evidence solution_of(tw_expr node, const void *state) {
  if (tw_op_of(node) == &tw_op_argmin) return tw_argmin_evidence_of(state);
  if (tw_op_of(node) == &tw_op_custom) return tw_custom_evidence_of(state);
  if (tw_op_of(node) == &tw_op_attested) return tw_attested_evidence_of(node, state);
  return (tw_argmin_evidence){.used = false};
}

/* Derivatives of one step: (I - J) dx = d, of which dx = d is taken, J the derivative of the step with spectral radius rate. */
static void add_rate(tw_evidence *e, double rate) {
  e->derivative_error = worst(e->derivative_error, rate < 1 ? rate / (1 - rate) : INFINITY);
  if (e->derivative_error <= GOOD_ERROR || e->message[0]) return;
  snprintf(e->message, sizeof e->message, "derivatives of one step may be wrong by %.1e: the iteration contracts by %.2g only",
           e->derivative_error, rate);
}

static void collect(void *context, tw_expr node, void *state) {
  gathering *g = context;
  tw_evidence *e = g->e;
  const tw_argmin_evidence found_solution = solution_of(node, state);
  if (found_solution.used) {
    e->solves += tw_op_of(node) != &tw_op_attested || tw_attested_is_value(node);
    add_solution(g, &found_solution);
  } else if (tw_op_of(node) == &tw_op_attested) {
    add_rate(e, tw_attested_rate(node, state));
  } else if (tw_op_of(node) == &tw_op_implicit_solve) {
    const tw_solve_evidence *found = tw_solve_evidence_of(state);
    if (!found->used) return;
    e->linear_residual = worst(e->linear_residual, found->residual);
    e->condition = worst(e->condition, found->condition);
    e->factorizations += found->factorizations;
    e->evaluations += found->products;
    e->product_flops += found->flops;
    e->linear = found->by;
  }
}

/* Solutions that derivatives were taken at. */
static void measure(void *context, tw_expr node, void *state) {
  gathering *g = context;
  tw_evidence *e = g->e;
  if (tw_op_of(node) == &tw_op_argmin && tw_argmin_evidence_of(state).used) {
    const tw_exact found = tw_argmin_exactness(state);
    e->derivative_error = worst(e->derivative_error, found.error);
    g->condition = worst(g->condition, found.residual);
  }
  if (tw_op_of(node) == &tw_op_custom && tw_custom_evidence_of(state).used)
    e->derivative_error = worst(e->derivative_error, tw_custom_derivative_error(state));
}

static void judge(const gathering *g) {
  tw_evidence *e = g->e;
  e->reliable = e->message[0] == '\0';
  const struct {
    bool bad;
    const char *format;
    double value;
    tw_derivative_kind kind;
  } checks[] = {
      {!(e->inner_residual <= GOOD_RESIDUAL), "the inner problem is solved to %.1e only", e->inner_residual,
       TW_DERIVATIVE_REGULAR},
      {!(e->linear_residual <= GOOD_SOLVE), "the implicit linear system is solved to %.1e only",
       e->linear_residual, TW_DERIVATIVE_REGULAR},
      {!(e->condition <= tw_good_condition),
       "the implicit linear system is nearly singular (condition %.1e): the solution is not isolated, or not "
       "regular",
       e->condition, TW_DERIVATIVE_LEAST_NORM},
      {!(e->complementarity_gap >= GOOD_MARGIN),
       "the solution is degenerate: a constraint is active with multiplier near zero (margin %.1e), so "
       "derivatives are one-sided",
       e->complementarity_gap, TW_DERIVATIVE_ONE_SIDED},
      {!(e->derivative_error <= GOOD_ERROR),
       "derivatives may be wrong by %.1e: their linear system is singular at the solution, or that is not "
       "solved well enough",
       e->derivative_error, TW_DERIVATIVE_REGULAR},
      {!(g->condition <= tw_good_residual),
       "the optimality condition that is differentiated does not hold (residual %.1e): the solution is at a kink that it does not know of",
       g->condition, TW_DERIVATIVE_REGULAR},
  };
  for (size_t i = 0; i < sizeof checks / sizeof *checks && e->reliable; i++) {
    if (!checks[i].bad) continue;
    e->reliable = false;
    e->kind = checks[i].kind;
    char number[64];
    snprintf(number, sizeof number, "%.1e", checks[i].value);
    const char *at = strstr(checks[i].format, "%.1e");
    snprintf(e->message, sizeof e->message, "%.*s%s%s", (int)(at - checks[i].format), checks[i].format,
             number, at + 4);
  }
}

static gathering start(tw_evidence *e) {
  *e = (tw_evidence){.complementarity_gap = INFINITY};
  return (gathering){.e = e};
}

/* Whether some derivative went through a linear solve. */
static void find_solve(void *context, tw_expr node, void *state) {
  bool *found = context;
  if (tw_op_of(node) == &tw_op_implicit_solve) *found |= tw_solve_evidence_of(state)->used;
}

void tw_work_evidence(tw_work *work, tw_evidence *evidence) {
  if (!evidence) return;
  bool derivatives = false;
  gathering g = start(evidence);
  tw_work_visit(work, collect, &g);
  tw_work_visit(work, find_solve, &derivatives);
  if (derivatives) tw_work_visit(work, measure, &g);
  judge(&g);
}

void tw_work_evidence_with(tw_work *work, const tw_argmin_evidence *solution, double derivative_error,
                           tw_evidence *evidence) {
  gathering g = start(evidence);
  add_solution(&g, solution);
  evidence->derivative_error = derivative_error;
  tw_work_visit(work, collect, &g);
  tw_work_visit(work, measure, &g);
  judge(&g);
}

void tw_evidence_at(const tw_argmin_evidence *solution, const tw_solve_evidence *solve, double derivative_error,
                    tw_derivative_kind kind, const char *why, tw_evidence *e) {
  gathering g = start(e);
  add_solution(&g, solution);
  e->linear_residual = solve->residual;
  e->condition = solve->condition;
  e->derivative_error = derivative_error;
  if (!e->message[0]) snprintf(e->message, sizeof e->message, "%s", why);
  judge(&g);
  e->kind = kind;
}

void tw_oracle_evidence(const tw_oracle *oracle, tw_evidence *evidence) {
  if (!evidence) return;
  bool derivatives = false;
  gathering g = start(evidence);
  if (oracle && oracle->visit) {
    oracle->visit(oracle->context, collect, &g);
    oracle->visit(oracle->context, find_solve, &derivatives);
    if (derivatives) oracle->visit(oracle->context, measure, &g);
  }
  judge(&g);
}
