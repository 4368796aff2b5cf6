/* nmf: digits as sums of non-negative parts (Lee & Seung 1999), and derivatives through such a factorization.
 *
 *   minimise  1/2 |X - W H|^2 + ridge/2 (|W|^2 + |H|^2),   W, H >= 0:   all unknowns at once; or over H alone, W(H) its best weights
 *   inpainting: the weights come of the pixels seen, parts and penalty of those not seen */
#ifndef NMF_H
#define NMF_H

#include "study.h"

typedef struct nmf_options {
  int seed, images, rank;
} nmf_options;

typedef struct nmf {     /* zero-initialise */
  study joint, nested;   /* solved */
  double gradient_error; /* study_check of the nested objective at its start */
} nmf;

typedef struct nmf_inpainting { /* zero-initialise */
  study model;                  /* solved */
  double gradient_error;        /* study_check at the start: the parts of the plain factorization */
  double before, after;         /* root mean square error of unseen pixels of other images: with those parts, and with those learned */
  double trained[2];            /* likewise, of the images trained on */
} nmf_inpainting;

/* At most this many iterations of the nested problem's outer method. */
tw_status nmf_run(nmf *r, const nmf_options *o, int64_t iterations, tw_error *error);
void nmf_free(nmf *r);
tw_status nmf_inpainting_run(nmf_inpainting *r, const nmf_options *o, int64_t iterations, tw_error *error);
void nmf_inpainting_free(nmf_inpainting *r);
tw_status nmf_acceptance(FILE *out, const char *plot, tw_error *error);

#endif
