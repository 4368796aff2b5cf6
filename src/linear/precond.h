/* precond: the common part of the preconditioners. A kind is a descriptor; its struct embeds tw_precond
 * first. */
#ifndef LINEAR_PRECOND_H
#define LINEAR_PRECOND_H

#include <talweg/linear.h>

typedef struct precond_kind {
  const char *name;
  size_t size; /* of the kind's struct */
  unsigned flags;
  tw_status (*apply)(void *p, const double *x, double *y);
  tw_status (*apply_transpose)(void *p, const double *x, double *y);
  tw_status (*build)(tw_precond *p, const void *source, tw_error *error);
  void (*release)(tw_precond *p); /* what `build` allocated, even when it failed */
} precond_kind;

struct tw_precond {
  tw_linop op;
  const precond_kind *kind;
};

/* A preconditioner of order n, built from `source`. */
tw_status precond_new(tw_precond **out, const precond_kind *kind, int64_t n, const void *source,
                      tw_error *error);
/* The same from a matrix, which is checked first. */
tw_status precond_new_csc(tw_precond **out, const precond_kind *kind, const tw_csc *a, tw_error *error);

#endif
