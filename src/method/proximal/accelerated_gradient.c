/* Gradient descent with Nesterov's (1983) momentum for a smooth f alone; the iteration is fista.c's without a prox. */
#include "method/proximal/prox_map.h"

static const tw_option options[] = {
    TW_OPTION_TOL(1e-9),     TW_OPTION_MAX_ITER(100000), TW_PROX_OPTION_STEP,   TW_PROX_OPTION_GROWTH,
    TW_PROX_OPTION_MOMENTUM, TW_PROX_OPTION_RESTART,     TW_PROX_OPTION_POLISH, TW_OPTION_END};

const tw_method tw_method_accelerated_gradient = {
    .name = "accelerated_gradient",
    .summary = "gradient descent with Nesterov's momentum, backtracking and adaptive restart",
    .reference = "Nesterov 1983; O'Donoghue & Candès 2015",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT,
    .options = options,
    .init = tw_fista_init,
    .step = tw_fista_step,
    .restart = tw_fista_init,
};
