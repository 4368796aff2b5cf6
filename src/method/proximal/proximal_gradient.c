/* Proximal gradient for f + g with acceleration; the iteration is fista.c's. */
#include "method/proximal/prox_map.h"

static const tw_option options[] = {
    TW_OPTION_TOL(1e-9),    TW_OPTION_MAX_ITER(100000), TW_PROX_OPTION_STEP,  TW_PROX_OPTION_GROWTH,
    TW_PROX_OPTION_MOMENTUM, TW_PROX_OPTION_RESTART,     TW_PROX_OPTION_POLISH, TW_OPTION_END};

const tw_method tw_method_proximal_gradient = {
    .name = "proximal_gradient",
    .summary =
        "smooth plus prox-able: FISTA with backtracking, adaptive restart and semismooth Newton polishing",
    .reference = "Beck & Teboulle 2009; O'Donoghue & Candès 2015",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT | TW_PROX,
    .handles = TW_HANDLES_REGULARIZERS | TW_HANDLES_BOUNDS | TW_HANDLES_SETS,
    .options = options,
    .init = tw_fista_init,
    .step = tw_fista_step,
    .restart = tw_fista_init,
};
