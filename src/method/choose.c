/* The default method for a class of problems: the first row that matches. */
#include "method/driver.h"

#include <stdio.h>
#include <string.h>

enum {
  DIRECT_N = 1000, /* up to here second derivatives are cheaper than the iterations they save */
  TRON_N = 20000,
  CONIC_N = 200000
};

static const char *chosen(const char *method, const char *reason, char *why, size_t size) {
  if (why != NULL) snprintf(why, size, "%s: %s", method, reason);
  return method;
}

static const char *nothing(const tw_class *cls, const char *reason, char *why, size_t size) {
  if (why != NULL) snprintf(why, size, "%s: %s", cls->name != NULL ? cls->name : "problem", reason);
  return NULL;
}

static bool is_convex_program(const tw_class *cls) {
  return cls->convex && cls->objective <= TW_QUADRATIC && cls->constraints <= TW_LINEAR;
}

/* What the oracle of the problem says of its second derivatives, where there may be too many. */
static bool fits_ipm(const tw_problem *p, const tw_class *cls) {
  tw_oracle oracle;
  if (!tw_method_is_large(tw_problem_size(p), tw_problem_rows(p))) return true;
  if (tw_oracle_from_problem(&oracle, p, cls, NULL) != TW_OK) return true; /* the run will say why */
  const bool fits = strcmp(tw_method_for_rows(&oracle), "ipm") == 0;
  tw_oracle_release(&oracle);
  return fits;
}

/* Sets that are no boxes and regularizers stay with the inner methods of the augmented Lagrangian. */
static const char *for_constrained(const tw_problem *p, const tw_class *cls, char *why, size_t size) {
  if (cls->has_set || cls->has_regularizer) return chosen("auglag", "general constraints beside a set or a regularizer", why, size);
  if (is_convex_program(cls)) return chosen("mehrotra", "a convex linear or quadratic program", why, size);
  if (!fits_ipm(p, cls)) return chosen("auglag", "general constraints, second derivatives too large to be factored", why, size);
  return chosen("ipm", "general constraints, second derivatives at hand", why, size);
}

static const char *for_bounds(int64_t n, char *why, size_t size) {
  return n <= TRON_N ? chosen("tron", "bounds, second derivatives at hand", why, size)
                     : chosen("lbfgsb", "bounds, many variables", why, size);
}

static bool is_nonlinear_least_squares(const tw_class *cls) {
  return cls->residual.graph != NULL && cls->objective == TW_NONLINEAR;
}

static const char *for_smooth(int64_t n, const tw_class *cls, char *why, size_t size) {
  if (is_nonlinear_least_squares(cls)) return chosen("lm", "a sum of squares", why, size);
  if (n <= DIRECT_N) return chosen("newton_cg", "smooth, second derivatives at hand", why, size);
  if (cls->objective == TW_QUADRATIC) return chosen("newton_cg", "quadratic", why, size);
  return chosen("lbfgs", "smooth, many variables", why, size);
}

static const char *for_integers(const tw_class *cls, char *why, size_t size) {
  const bool linear = cls->objective <= TW_LINEAR && cls->constraints <= TW_LINEAR;
  if (cls->has_set || cls->has_regularizer)
    return nothing(cls, "integer variables beside a set or a regularizer, which no method handles", why, size);
  if (linear && tw_method_find("cbc") != NULL) return chosen("cbc", "linear, with integer variables", why, size);
  if (cls->convex) return chosen("branch_and_bound", "integer variables, and a convex relaxation", why, size);
  return nothing(cls,
                 "integer variables, and a relaxation that is not proven convex: its local solutions bound nothing "
                 "(branch_and_bound:convex=assume searches all the same; or declare the variables continuous)",
                 why, size);
}

/* What derivatives do not see: kinks, and constraints beside sets and regularizers. Without constraints these have projections and
 * proximal operators of their own. */
static bool for_cones(const tw_problem *p, const tw_class *cls) {
  const bool beside = cls->constrained && (cls->has_set || cls->has_regularizer);
  if (!cls->convex || cls->integer || !(cls->kinks || beside) || tw_problem_size(p) > CONIC_N) return false;
  return tw_conic_exists(p, cls, NULL) == TW_OK;
}

const char *tw_method_choose(const tw_problem *p, const tw_class *cls, char *why, size_t size) {
  if (!p || !cls) {
    if (why && size > 0) snprintf(why, size, "no problem is given");
    return NULL;
  }
  const int64_t n = tw_problem_size(p);
  if (cls->integer) return for_integers(cls, why, size);
  switch (tw_problem_goal(p)) {
  case TW_GOAL_ROOT:
    return chosen("newton_root", "a system of equations", why, size);
  case TW_GOAL_FIXPOINT:
    return chosen("anderson", "a fixed point", why, size);
  case TW_GOAL_NONE:
    if (!cls->constrained)
      return nothing(cls, "nothing to minimize, maximize or satisfy was stated", why, size);
    break;
  case TW_GOAL_MINIMIZE:
  case TW_GOAL_MAXIMIZE:
    break;
  }
  if (for_cones(p, cls)) return chosen("hsde", "convex, not smooth, made of cones", why, size);
  if (cls->constrained) return for_constrained(p, cls, why, size);
  if (cls->has_regularizer)
    return chosen("proximal_gradient", "a smooth part and a regularizer with a prox", why, size);
  if (cls->has_set) return chosen("projected_gradient", "a set with a projection", why, size);
  if (cls->bounded) return for_bounds(n, why, size);
  return for_smooth(n, cls, why, size);
}
