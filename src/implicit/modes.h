/* Values that carry evidence of how far they are from a solution. */
#ifndef TALWEG_IMPLICIT_MODES_H
#define TALWEG_IMPLICIT_MODES_H

#include "implicit/argmin.h"

/* z, with the relative residual of its optimality condition; derivatives of z keep the evidence. */
tw_expr tw_attest(const tw_nested *nested, tw_expr z, tw_expr residual);
/* z, whose derivatives lack the part that the rate at which an iteration contracts tells: rate / (1 - rate) of themselves. */
tw_expr tw_attest_rate(const tw_nested *nested, tw_expr z, tw_expr rate);
double tw_attested_rate(tw_expr node, const void *state); /* 0: no such derivative, or it was not used */
tw_argmin_evidence tw_attested_evidence_of(tw_expr node, const void *state);
/* Whether the node is the value itself and not a derivative of it. */
bool tw_attested_is_value(tw_expr node);

#endif
