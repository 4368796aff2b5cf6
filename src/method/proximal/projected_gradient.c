/* Projected gradient over a set known by its projection: accelerated (fista.c) or spectral (spectral.c). */
#include "method/proximal/prox_map.h"

enum { ACCELERATED, SPECTRAL };

static const tw_option options[] = {
    TW_OPTION_TOL(1e-9),
    TW_OPTION_MAX_ITER(100000),
    {"variant", TW_OPTION_CHOICE, ACCELERATED, 0, 1, "accelerated|spectral",
     "FISTA with restart, or Barzilai-Borwein steps with a nonmonotone line search (convex sets)"},
    TW_PROX_OPTION_STEP,
    TW_PROX_OPTION_GROWTH,
    TW_PROX_OPTION_MOMENTUM,
    TW_PROX_OPTION_RESTART,
    TW_PROX_OPTION_POLISH,
    TW_OPTION_END};

static tw_status init(tw_run *run) {
  return tw_run_choice(run, "variant") == SPECTRAL ? tw_spectral_init(run) : tw_fista_init(run);
}

static tw_status step(tw_run *run) {
  return tw_run_choice(run, "variant") == SPECTRAL ? tw_spectral_step(run) : tw_fista_step(run);
}

const tw_method tw_method_projected_gradient = {
    .name = "projected_gradient",
    .summary =
        "smooth over a projectable set: accelerated with restart, or spectral; semismooth Newton polishing",
    .reference = "Beck & Teboulle 2009; Birgin, Martínez & Raydan 2000",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT | TW_PROJECT,
    .handles = TW_HANDLES_SETS | TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
    .restart = init,
};
