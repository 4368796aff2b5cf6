/* Sparse symmetric indefinite LDL' by MUMPS (Amestoy, Duff, L'Excellent & Koster 2001): multifrontal, with threshold pivoting by
 * 1 x 1 and 2 x 2 blocks (Duff & Reid 1983), so that the inertia can be relied on for every nonsingular matrix. */
#include "linear/factor.h"
#include "linear/mumps_lock.h"

#include <dmumps_c.h>
#include <limits.h>
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void mumps_lock(void) {
  pthread_mutex_lock(&mutex);
}

void mumps_unlock(void) {
  pthread_mutex_unlock(&mutex);
}

enum { JOB_BEGIN = -1, JOB_END = -2, JOB_ANALYSE = 1, JOB_FACTORIZE = 2, JOB_SOLVE = 3 };
enum { WORKSPACE_MOST = 100000 /* percent beyond the estimate */ };

typedef struct mumps {
  tw_factor base;
  DMUMPS_STRUC_C at;
  bool begun;
  MUMPS_INT *row, *col; /* from 1 */
} mumps;

/* ICNTL and INFOG of the manual, which counts from 1. */
static MUMPS_INT *control(mumps *u, int i) {
  return &u->at.icntl[i - 1];
}

static MUMPS_INT info(const mumps *u, int i) {
  return u->at.infog[i - 1];
}

static void call(mumps *u, int job) {
  mumps_lock();
  u->at.job = job;
  dmumps_c(&u->at);
  mumps_unlock();
}

static tw_status translate(mumps *u, tw_error *error) {
  const MUMPS_INT code = info(u, 1);
  if (code >= 0) return TW_OK;
  if (code == -5 || code == -7 || code == -8 || code == -9 || code == -13) return factor_no_memory(&u->base, error);
  if (code == -10 || code == -6) return factor_deficient(&u->base, info(u, 2), error);
  return tw_fail(error, TW_ERR_NUMERIC, "%s: MUMPS reports error %d", u->base.ops->name, (int)code);
}

/* The entries of the lower triangle as coordinates. */
static bool list_entries(mumps *u) {
  const tw_csc *a = &u->base.sparse;
  const size_t count = (size_t)csc_count(a);
  u->row = tw_alloc(count, sizeof *u->row);
  u->col = tw_alloc(count, sizeof *u->col);
  if (!u->row || !u->col) return false;
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++) {
      u->row[p] = (MUMPS_INT)(a->row[p] + 1);
      u->col[p] = (MUMPS_INT)(j + 1);
    }
  return true;
}

/* Quiet, and by the pattern alone: what is found does not depend on the first values. The ordering is QAMD (Amestoy 1997). */
static void set_controls(mumps *u) {
  for (int i = 1; i <= 3; i++) *control(u, i) = -1;
  *control(u, 4) = 0;
  *control(u, 6) = 0;   /* no permutation by values */
  *control(u, 7) = 6;   /* AMD that sees rows that are nearly dense */
  *control(u, 8) = 77;  /* scaling as MUMPS sees fit */
  *control(u, 10) = 0;  /* no refinement here */
  *control(u, 12) = 1;  /* no compressed ordering */
  *control(u, 13) = 1;  /* no ScaLAPACK at the root: inertia is to be known */
  *control(u, 14) = 50; /* percent of workspace beyond the estimate */
  *control(u, 24) = 1;  /* null pivots are counted */
  u->at.cntl[0] = 1e-6; /* threshold of the pivoting; raised where solutions need it */
}

static tw_status analyse(tw_factor *f, tw_error *error) {
  mumps *u = (mumps *)f;
  const tw_csc *a = &f->sparse;
  if (a->cols >= INT_MAX)
    return tw_fail(error, TW_ERR_SHAPE, "%s: order %lld is larger than MUMPS's integers", f->ops->name, (long long)a->cols);
  if (csc_count(a) == 0) return TW_OK; /* singular, and refused by MUMPS */
  if (!list_entries(u)) return factor_no_memory(f, error);
  u->at.par = 1;
  u->at.sym = 2;
  u->at.comm_fortran = -987654;
  call(u, JOB_BEGIN);
  u->begun = true;
  tw_status status = translate(u, error);
  if (status != TW_OK) return status;
  set_controls(u);
  u->at.n = (MUMPS_INT)a->cols;
  u->at.nnz = csc_count(a);
  u->at.irn = u->row;
  u->at.jcn = u->col;
  u->at.a = f->sparse.value;
  call(u, JOB_ANALYSE);
  return translate(u, error);
}

/* More workspace while it is too small. */
static tw_status factorize(tw_factor *f, tw_error *error) {
  mumps *u = (mumps *)f;
  if (!u->begun) return factor_deficient(f, 0, error);
  u->at.a = f->sparse.value;
  call(u, JOB_FACTORIZE);
  while ((info(u, 1) == -8 || info(u, 1) == -9) && *control(u, 14) < WORKSPACE_MOST) {
    *control(u, 14) *= 2;
    call(u, JOB_FACTORIZE);
  }
  const tw_status status = translate(u, error);
  if (status != TW_OK) return status;
  if (info(u, 28) > 0) return factor_deficient(f, f->rows - info(u, 28), error);
  f->negative = info(u, 12);
  f->positive = f->rows - f->negative;
  return TW_OK;
}

static tw_status solve(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x, tw_error *error) {
  (void)adjoint;
  mumps *u = (mumps *)f;
  if (b != x) memmove(x, b, (size_t)(f->rows * columns) * sizeof *x);
  u->at.nrhs = (MUMPS_INT)columns;
  u->at.lrhs = (MUMPS_INT)f->rows;
  u->at.rhs = x;
  call(u, JOB_SOLVE);
  return translate(u, error);
}

static void release(tw_factor *f) {
  mumps *u = (mumps *)f;
  if (u->begun) call(u, JOB_END);
  free(u->row);
  free(u->col);
}

const factor_ops factor_mumps = {.name = "sparse indefinite factorization",
                                 .size = sizeof(mumps),
                                 .square = true,
                                 .symmetric = true,
                                 .analyse = analyse,
                                 .factorize = factorize,
                                 .solve = solve,
                                 .release = release};
