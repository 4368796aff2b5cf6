/* Fits a method to an oracle: the method's needs against what is offered, the problem's demands against what
 * the method handles. */
#include "method/driver.h"

#include <string.h>

static const struct {
  unsigned bit;
  const char *name;
} observations[] = {
    {TW_VALUE, "values"},
    {TW_GRADIENT, "gradients"},
    {TW_CURVATURE, "Hessian-vector products"},
    {TW_HESSIAN, "a dense Hessian"},
    {TW_RESIDUAL, "residuals"},
    {TW_RESIDUAL_JVP, "products with the residual's Jacobian"},
    {TW_RESIDUAL_JACOBIAN, "the residual's Jacobian"},
    {TW_PROJECT, "projections"},
    {TW_PROX, "a proximal operator"},
    {TW_MIRROR, "mirror steps"},
    {TW_CONSTRAINTS, "constraints"},
    {TW_BOUNDS, "bounds"},
    {TW_SPARSE, "sparse derivatives"},
    {TW_QP, "a linear or quadratic program"},
    {TW_CONVEX, "a problem that is proven convex"},
    {TW_CONIC, "a convex problem of which the rules of disciplined convex programming know it"},
};

/* What the problem behind the oracle demands of a method that minimises over it. A projection without bounds
 * stands for sets; one with bounds is the projection on the bounds. */
static unsigned demands(const tw_oracle *o) {
  unsigned d = 0;
  if (o->offers & TW_BOUNDS) d |= TW_HANDLES_BOUNDS;
  if ((o->offers & TW_PROJECT) && !(o->offers & TW_BOUNDS)) d |= TW_HANDLES_SETS;
  if ((o->offers & TW_PROX) || o->regularizer != NULL) d |= TW_HANDLES_REGULARIZERS;
  if (o->m > 0) d |= TW_HANDLES_CONSTRAINTS;
  if (o->kinds != NULL) d |= TW_HANDLES_INTEGERS;
  return d;
}

/* What the method would have to respect and does not. Roots and fixed points take bounds and sets as mere
 * hints. */
static unsigned unrespected(const tw_method *method, const tw_oracle *o) {
  const unsigned minimizes = method->goals & (TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES);
  return minimizes ? demands(o) & ~method->handles : 0;
}

static bool fits(const tw_method *method, const tw_oracle *o) {
  return (method->needs & ~o->offers) == 0 && unrespected(method, o) == 0;
}

/* Among those that answer the same question. */
static void list_fitting(const tw_method *method, const tw_oracle *o, tw_text *names) {
  const unsigned equations = TW_FOR_ROOT | TW_FOR_FIXPOINT;
  for (const tw_method *const *m = tw_methods(); *m != NULL; m++)
    if (!(method->goals & equations) == !((*m)->goals & equations) && fits(*m, o))
      tw_text_printf(names, "%s%s", names->length > 0 ? ", " : "", (*m)->name);
}

static tw_status missing(const tw_method *method, const tw_oracle *o, tw_error *error) {
  const unsigned lacking = method->needs & ~o->offers;
  tw_text names = {0};
  for (size_t i = 0; i < sizeof observations / sizeof *observations; i++)
    if (lacking & observations[i].bit)
      tw_text_printf(&names, "%s%s", names.length > 0 ? " and " : "", observations[i].name);
  const tw_status status =
      tw_fail(error, TW_ERR_UNSUPPORTED, "method %s needs %s, which this problem does not offer",
              method->name, names.failed || names.length == 0 ? "more" : names.data);
  tw_text_free(&names);
  return status;
}

static tw_status unhandled(const tw_method *method, const tw_oracle *o, tw_error *error) {
  static const struct {
    unsigned bit;
    const char *name;
  } kinds[] = {{TW_HANDLES_BOUNDS, "bounds"},
               {TW_HANDLES_SETS, "sets"},
               {TW_HANDLES_REGULARIZERS, "non-smooth regularizers"},
               {TW_HANDLES_CONSTRAINTS, "general constraints"},
               {TW_HANDLES_INTEGERS, "integer variables"}};
  const unsigned lacking = unrespected(method, o);
  const char *what = "this problem";
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (lacking & kinds[i].bit) what = kinds[i].name;
  tw_text names = {0};
  list_fitting(method, o, &names);
  const tw_status status =
      tw_fail(error, TW_ERR_UNSUPPORTED, "method %s cannot respect %s; methods that fit this problem: %s",
              method->name, what, names.failed || names.length == 0 ? "none" : names.data);
  tw_text_free(&names);
  return status;
}

tw_status tw_method_match(const tw_method *method, const tw_oracle *o, tw_error *error) {
  if (o->n < 1)
    return tw_fail(error, TW_ERR_ARGUMENT, "the oracle has n = %lld variables; expected at least 1",
                   (long long)o->n);
  if (o->m < 0 || o->k < 0)
    return tw_fail(error, TW_ERR_ARGUMENT,
                   "the oracle has m = %lld constraints and k = %lld residuals; expected >= 0",
                   (long long)o->m, (long long)o->k);
  if ((o->offers & TW_BOUNDS) && (o->lower == NULL || o->upper == NULL))
    return tw_fail(error, TW_ERR_ARGUMENT, "the oracle offers bounds but its lower or upper is NULL");
  if (o->m > 0 && (o->c_lower == NULL || o->c_upper == NULL))
    return tw_fail(error, TW_ERR_ARGUMENT, "the oracle has constraints but its c_lower or c_upper is NULL");
  if ((method->needs & ~o->offers) != 0) return missing(method, o, error);
  if (unrespected(method, o) != 0) return unhandled(method, o, error);
  return TW_OK;
}

/* Matrices of more entries are held only if they are sparse (as nlp.c has it). */
static bool is_large(int64_t rows, int64_t cols) {
  enum { ENTRIES_MOST = 50000000 };
  return rows > 0 && cols > ENTRIES_MOST / rows;
}

bool tw_method_is_large(int64_t n, int64_t m) {
  return is_large(n, n) || is_large(m, n);
}

static bool can_be_held(const tw_oracle *o, tw_matrix matrix, int64_t rows) {
  const tw_pattern *pattern;
  tw_storage storage;
  return !is_large(rows, o->n) || (tw_oracle_storage(o, matrix, &storage, &pattern, NULL) == TW_OK && storage == TW_STORE_SPARSE);
}

const char *tw_method_for_rows(const tw_oracle *o) {
  if (!(o->offers & TW_CURVATURE)) return "auglag";
  return can_be_held(o, TW_MATRIX_LAGRANGIAN, o->n) && can_be_held(o, TW_MATRIX_CONSTRAINTS, o->m) ? "ipm" : "auglag";
}

const char *tw_method_choose_for_oracle(const tw_oracle *o) {
  const unsigned demanded = demands(o);
  if ((o->offers & TW_CONIC) && !(o->offers & TW_GRADIENT)) return "hsde";
  if (!(o->offers & (TW_VALUE | TW_GRADIENT))) return "newton_root";
  if (demanded & TW_HANDLES_INTEGERS) return "branch_and_bound";
  const unsigned convex_program = TW_QP | TW_CONVEX | TW_GRADIENT | TW_CURVATURE;
  if (demanded & TW_HANDLES_CONSTRAINTS && !(demanded & (TW_HANDLES_SETS | TW_HANDLES_REGULARIZERS)) &&
      (o->offers & convex_program) == convex_program)
    return "mehrotra";
  if (demanded & TW_HANDLES_CONSTRAINTS)
    return demanded & (TW_HANDLES_SETS | TW_HANDLES_REGULARIZERS) ? "auglag" : tw_method_for_rows(o);
  if (demanded & TW_HANDLES_REGULARIZERS) return "proximal_gradient";
  if (demanded & TW_HANDLES_SETS) return "projected_gradient";
  const bool curvature = (o->offers & TW_CURVATURE) != 0;
  if (demanded & TW_HANDLES_BOUNDS) return curvature ? "tron" : "lbfgsb";
  if ((o->offers & TW_RESIDUAL) && (o->offers & (TW_RESIDUAL_JACOBIAN | TW_RESIDUAL_JVP))) return "lm";
  return curvature && o->n <= 1000 ? "newton_cg" : "lbfgs";
}
