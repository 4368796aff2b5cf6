/* What the recipe must show, measured on this machine and written as markdown: each line with its figure, and whether it holds. */
#ifndef OP_SCOPE_ACCEPTANCE_H
#define OP_SCOPE_ACCEPTANCE_H

#include "analysis.h"

tw_status acceptance(const tw_machine *machine, int runs, FILE *out, tw_error *error);
/* Bytes of scores of self attention, naive, or of all attention's memory, tiled, in a U-Net step with this latent side. */
tw_status unet_attention_bytes(int64_t side, bool tiled, double *bytes, tw_error *error);

#endif
