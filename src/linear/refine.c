/* Iterative refinement (Wilkinson 1963): Richardson's iteration with an approximate inverse, its residuals those of the true A. */
#include "linear/krylov.h"

static krylov_end sweep(krylov *k) {
  if (!krylov_step(k)) return KRYLOV_LIMIT;
  return krylov_precondition(k, k->r, k->d) ? KRYLOV_RESTART : KRYLOV_OPERATOR;
}

tw_status tw_refine(const tw_linop *a, const tw_linop *inverse, const double *b, double *x, const tw_linear_options *options,
                    tw_linear_result *result, tw_error *error) {
  static const krylov_method method = {.name = "tw_refine", .sweep = sweep, .keep_best = true, .precondition = true};
  tw_linear_options chosen = options ? *options : (tw_linear_options){0};
  if (!inverse) return tw_fail(error, TW_ERR_ARGUMENT, "tw_refine: the operator `inverse` must not be NULL");
  if (chosen.preconditioner) return tw_fail(error, TW_ERR_ARGUMENT, "tw_refine: `inverse` is the preconditioner, another is given");
  chosen.preconditioner = inverse;
  if (chosen.rtol == 0 && chosen.atol == 0) chosen.rtol = 1e-7;
  if (chosen.max_iter == 0) chosen.max_iter = 10;
  return krylov_solve(&method, NULL, a, b, x, &chosen, result, error);
}
