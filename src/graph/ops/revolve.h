/* Binomial checkpointing: in which order to advance, keep and restore states so that a chain of n steps can
 * be reversed while at most c of its states are kept.
 *
 *   A. Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse automatic
 *   differentiation", Optimization Methods and Software 1 (1992); A. Griewank and A. Walther, "Algorithm 799:
 *   revolve", ACM Transactions on Mathematical Software 26 (2000).
 *
 * States are x_0 .. x_n, step k takes x_k to x_{k+1}, and reversing step k needs x_k. With
 *   beta(c, t) = C(c + t, t),   t such that beta(c, t-1) < n <= beta(c, t)
 * no step need be evaluated more than t times, and n steps are reversed with t n - beta(c+1, t-1)
 * evaluations, which is the least possible. x_0 counts among the c states. */
#ifndef TALWEG_GRAPH_OPS_REVOLVE_H
#define TALWEG_GRAPH_OPS_REVOLVE_H

#include <stdint.h>

typedef enum tw_revolve_kind { /* in the order of rt_revolve (emit/runtime/revolve.h) */
  TW_REVOLVE_ADVANCE, /* evaluate steps from .. to-1; state `to` is at hand then, and goes to slot `slot`
                         unless that is -1 */
  TW_REVOLVE_RESTORE, /* the state in slot `slot` is at hand */
  TW_REVOLVE_REVERSE, /* reverse step `from`, whose state is at hand */
  TW_REVOLVE_DONE
} tw_revolve_kind;

typedef struct tw_revolve_action {
  tw_revolve_kind kind;
  int64_t from, to, slot;
} tw_revolve_action;

typedef struct tw_revolve {
  int64_t slots, used;
  int64_t position; /* of the state at hand */
  int64_t end;      /* steps end .. n-1 are reversed */
  int64_t *at;      /* [slots] which state each holds */
} tw_revolve;

/* Starts on n steps with 1 <= slots < 2^31 states, whose numbers are kept in the caller's `at` [slots]. The
 * caller has put x_0 in slot 0. */
void tw_revolve_begin(tw_revolve *r, int64_t n, int64_t slots, int64_t *at);
/* What to do next. All steps are reversed, n-1 first, when it says TW_REVOLVE_DONE. */
tw_revolve_action tw_revolve_next(tw_revolve *r);
/* How many evaluations of steps that takes. */
double tw_revolve_evaluations(int64_t n, int64_t slots);

#endif
