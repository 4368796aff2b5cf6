/* Newton's method with a trust region: the step minimises g's + s'Hs / 2 over |s| <= radius, by truncated CG
 * on Hessian products (Steihaug, 1983), or exactly when there are few variables. Negative curvature is
 * followed to the boundary. */
#include "method/gradient/trust.h"

#include "method/vector.h"

static double measure(const tw_run *run, const double *x, const double *g) {
  (void)x;
  (void)g;
  return run->gradient_norm;
}

static tw_status init(tw_run *run) {
  tw_trust t;
  TW_TRY(tw_trust_begin(run, &t));
  run->scale = run->optimality.stationarity = run->gradient_norm;
  return TW_OK;
}

static tw_status step(tw_run *run) {
  tw_trust t;
  tw_trust_step s;
  TW_TRY(tw_trust_get(run, &t));
  TW_TRY(tw_trust_prepare(&t));
  TW_TRY(tw_trust_solve(&t, t.g, t.scalar[TW_TRUST_RADIUS], tw_trust_forcing(&t), t.s, &s));
  tw_add_scaled(run->exec->threads, run->n, run->x, 1, t.s, t.x_trial);
  return tw_trust_judge(&t, &s, measure);
}

static tw_status escape(tw_run *run, bool *moved) {
  tw_trust t;
  const tw_box box = tw_box_of(run);
  TW_TRY(tw_trust_get(run, &t));
  return tw_trust_escape(&t, &box, measure, moved);
}

static const tw_option options[] = {TW_OPTION_TOL(1e-9), TW_OPTION_MAX_ITER(2000), TW_OPTION_CG_TOL(0.1),
                                    TW_OPTION_DENSE(40), TW_OPTION_END};

const tw_method tw_method_newton_cg = {.name = "newton_cg",
                                       .summary = "Newton's method in a trust region",
                                       .reference = "Steihaug, 1983; More & Sorensen, 1983",
                                       .goals = TW_FOR_MINIMIZE,
                                       .needs = TW_VALUE | TW_GRADIENT | TW_CURVATURE,
                                       .matrices = TW_HOLDS_HESSIAN,
                                       .options = options,
                                       .init = init,
                                       .step = step,
                                       .escape = escape,
                                       .traits = TW_MONOTONE | TW_ATOMIC};
