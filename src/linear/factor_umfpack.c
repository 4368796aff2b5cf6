/* Sparse LU by UMFPACK (Davis 2004), on the matrix with scaled columns; UMFPACK scales the rows and refines
 * solutions. */
#include "linear/factor.h"

#include <umfpack.h>

typedef struct umfpack {
  tw_factor base;
  void *symbolic, *numeric;
  double control[UMFPACK_CONTROL];
} umfpack;

/* UMFPACK's statuses as ours; warnings are looked at by the caller. */
static tw_status translate(const tw_factor *f, SuiteSparse_long status, tw_error *error) {
  if (status >= 0) return TW_OK;
  if (status == UMFPACK_ERROR_out_of_memory) return factor_no_memory(f, error);
  return tw_fail(error, TW_ERR_NUMERIC, "%s: UMFPACK reports error %ld", f->ops->name, (long)status);
}

static tw_status analyse(tw_factor *f, tw_error *error) {
  umfpack *u = (umfpack *)f;
  const tw_csc *a = &f->sparse;
  umfpack_dl_defaults(u->control);
  u->control[UMFPACK_PRL] = 0;
  u->control[UMFPACK_ORDERING] = UMFPACK_ORDERING_AMD; /* no METIS: see cholmod_common.h */
  return translate(
      f, umfpack_dl_symbolic(a->rows, a->cols, a->start, a->row, NULL, &u->symbolic, u->control, NULL),
      error);
}

/* With rows and columns scaled, the smallest pivot against the largest says enough about singularity. */
static tw_status factorize(tw_factor *f, tw_error *error) {
  umfpack *u = (umfpack *)f;
  const tw_csc *a = &f->sparse;
  double info[UMFPACK_INFO];
  umfpack_dl_free_numeric(&u->numeric);
  const SuiteSparse_long status =
      umfpack_dl_numeric(a->start, a->row, a->value, u->symbolic, &u->numeric, u->control, info);
  if (status == UMFPACK_WARNING_singular_matrix)
    return factor_deficient(f, (int64_t)info[UMFPACK_UDIAG_NZ], error);
  if (status < 0) return translate(f, status, error);
  if (factor_is_rounding(info[UMFPACK_RCOND], 1))
    return tw_fail(
        error, TW_ERR_SINGULAR,
        "%s: the smallest pivot is %g times the largest: the matrix is singular to working precision",
        f->ops->name, info[UMFPACK_RCOND]);
  return TW_OK;
}

static tw_status solve(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x,
                       tw_error *error) {
  umfpack *u = (umfpack *)f;
  const tw_csc *a = &f->sparse;
  const int64_t n = a->cols;
  double *space = tw_alloc(6 * (size_t)n, sizeof *space); /* a copy of b, and 5 n for the refinement */
  int64_t *index = tw_alloc((size_t)n, sizeof *index);
  tw_status status = space && index ? TW_OK : factor_no_memory(f, error);
  for (int64_t j = 0; j < columns && status == TW_OK; j++) {
    vec_copy(n, b + j * n, space);
    status = translate(f,
                       umfpack_dl_wsolve(adjoint ? UMFPACK_At : UMFPACK_A, a->start, a->row, a->value,
                                         x + j * n, space, u->numeric, u->control, NULL, index, space + n),
                       error);
  }
  free(space);
  free(index);
  return status;
}

static void release(tw_factor *f) {
  umfpack_dl_free_numeric(&((umfpack *)f)->numeric);
  umfpack_dl_free_symbolic(&((umfpack *)f)->symbolic);
}

const factor_ops factor_umfpack = {.name = "sparse LU factorization",
                                   .size = sizeof(umfpack),
                                   .square = true,
                                   .scaled = true,
                                   .analyse = analyse,
                                   .factorize = factorize,
                                   .solve = solve,
                                   .release = release};
