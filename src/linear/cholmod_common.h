/* What the CHOLMOD and SPQR backends share: quiet, deterministic settings and headers over our own arrays. */
#ifndef LINEAR_CHOLMOD_COMMON_H
#define LINEAR_CHOLMOD_COMMON_H

#include <cholmod.h>
#include <talweg/linear.h>

_Static_assert(sizeof(SuiteSparse_long) == sizeof(int64_t), "SuiteSparse_long is 64 bits wide");

/* Prints nothing. AMD is the only ordering: METIS draws from the process-wide rand(), so that what it finds
 * would depend on what other threads do. */
static inline void cholmod_begin(cholmod_common *c) {
  cholmod_l_start(c);
  c->print = 0;
  c->quick_return_if_not_posdef = 1;
  c->nmethods = 1;
  c->method[0].ordering = CHOLMOD_AMD;
  c->postorder = 1;
}

/* stype: -1 for the lower triangle of a symmetric matrix, 0 for a general one. */
static inline cholmod_sparse cholmod_view(const tw_csc *a, int stype) {
  return (cholmod_sparse){.nrow = (size_t)a->rows,
                          .ncol = (size_t)a->cols,
                          .nzmax = (size_t)a->start[a->cols],
                          .p = a->start,
                          .i = a->row,
                          .x = a->value,
                          .stype = stype,
                          .itype = CHOLMOD_LONG,
                          .xtype = CHOLMOD_REAL,
                          .dtype = CHOLMOD_DOUBLE,
                          .sorted = 1,
                          .packed = 1};
}

static inline cholmod_dense cholmod_columns(int64_t rows, int64_t columns, const double *x) {
  return (cholmod_dense){.nrow = (size_t)rows,
                         .ncol = (size_t)columns,
                         .nzmax = (size_t)(rows * columns),
                         .d = (size_t)rows,
                         .x = (void *)x,
                         .xtype = CHOLMOD_REAL,
                         .dtype = CHOLMOD_DOUBLE};
}

#endif
