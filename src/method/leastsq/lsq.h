/* lsq: least squares min |r(x)|^2 linearised at an iterate, r(x + s) ~ r + J s, as Levenberg-Marquardt,
 * Gauss-Newton and the singular steps of Newton's method for roots use it.
 *
 * Steps are measured in D s, D = diag(d): d_j is the largest norm that column j of J has had (Moré 1978), so
 * that everything below is invariant under a change of units of the variables. Components held at a bound by
 * the gradient take no part. Two kernels answer the same questions: QR of A = J D^-1 (dense), LSQR on A
 * (matrix-free). */
#ifndef TALWEG_METHOD_LSQ_H
#define TALWEG_METHOD_LSQ_H

#include "method/work.h"

typedef struct tw_lsq {
  tw_run *run;
  int64_t k, n; /* residual rows, variables */
  bool dense;
  double *r;        /* k: residual at run->x */
  double *jacobian; /* k x n row-major; dense only */
  double *gradient; /* n: J'r */
  double *d;        /* n: D, positive */
  double *free;     /* n: 1 where the variable may move, 0 where the gradient holds it at a bound */
  double *trial_x, *trial_r, *step, *js;
  /* dense: pivoted QR of A = J D^-1 over the free columns, A P = Q R */
  double *qr;    /* k x n column-major: R above, reflectors below */
  double *tau;   /* n */
  double *pivot; /* n: column of A at each position, 0-based */
  double *qtr;   /* k: Q'r */
  double *scalars;
} tw_lsq;

/* Whether J is held, unless an option says so. */
bool tw_lsq_is_dense(int64_t k, int64_t n);

/* Scalars that live with the run. */
enum { TW_LSQ_NORM, TW_LSQ_FREE, TW_LSQ_RANK, TW_LSQ_PROJECTED, TW_LSQ_NOISE, TW_LSQ_START, TW_LSQ_SCALARS };

/* Options every user of lsq has in its table; `jacobian` picks the kernel. */
#define TW_LSQ_OPTION_JACOBIAN                                                                               \
  {                                                                                                          \
    "jacobian", TW_OPTION_CHOICE, 0, 0, 2, "auto|dense|matrix-free",                                         \
        "dense QR or LSQR on products; auto: dense up to 500 columns and 4e6 entries"                        \
  }

/* The vectors of `run`, by name; the same memory every time. */
tw_status tw_lsq_open(tw_lsq *s, tw_run *run);
/* For init: moves run->x into the bounds and evaluates r there. A residual that is not finite is
 * TW_ERR_NUMERIC. */
tw_status tw_lsq_start(tw_lsq *s);
/* J at run->x (s->r known), its gradient, D and the free set. */
tw_status tw_lsq_jacobian(tw_lsq *s);
/* After tw_lsq_jacobian: factors A and finds |P r|, the norm of the projection of r on the range of the free
 * columns. */
tw_status tw_lsq_factor(tw_lsq *s);
/* step = argmin |J s + b|^2 + mu |D s|^2 over the free components (0 elsewhere). mu = 0: the Gauss-Newton
 * step, basic on the numerical rank (dense) or of minimum norm |D s| (matrix-free). */
tw_status tw_lsq_solve(tw_lsq *s, const double *b, double mu, double *step);
/* |r|^2 - |r + J s|^2 for s->step, with J s in s->js. */
double tw_lsq_predicted(const tw_lsq *s);
/* |D v| / |D x| */
double tw_lsq_relative(const tw_lsq *s, const double *v);
tw_status tw_lsq_apply(tw_lsq *s, const double *v, double *jv);

/* What one trial step did. */
typedef struct tw_lsq_trial {
  double actual, predicted; /* decreases of |r|^2 */
  double norm;              /* |r| at the trial point; inf when it is outside the domain */
  double relative;          /* |D s| / |D x| of the step taken */
  bool clipped;             /* a bound shortened the step */
  bool blind; /* both decreases are below the rounding of |r|^2: it cannot tell the points apart */
} tw_lsq_trial;
/* Moves to trial_x = clip(x + s->step), with s->step the step taken after clipping, and evaluates trial_r
 * there. */
tw_status tw_lsq_try(tw_lsq *s, tw_lsq_trial *trial);
/* trial -> run->x, r, f */
void tw_lsq_accept(tw_lsq *s, const tw_lsq_trial *trial);

/* One Levenberg-Marquardt step from a factored linearisation: damping grows from *mu until |r| decreases, and
 * *mu becomes the damping to start from next time. False in `moved`: no damping gives a decrease. Does not
 * accept. */
tw_status tw_lsq_damped(tw_lsq *s, double *mu, bool geodesic, tw_lsq_trial *trial, bool *moved);

/* For methods whose optimality is the relative offset: J, its factor and the optimality at run->x; */
tw_status tw_lsq_measure(tw_lsq *s);
/* accepts a trial and measures, ending the run when steps have come down to rounding; */
tw_status tw_lsq_advance(tw_lsq *s, const tw_lsq_trial *trial);
/* ends the run because no step decreases |r|: solved when the offset is zero within the precision of r. */
tw_status tw_lsq_stall(tw_lsq *s);

/* The relative offset |P r| / |r| (Bates & Watts 1981): the cosine of the angle between r and the range of J,
 * so that sqrt(k - n) times it bounds the error of every parameter in units of its standard deviation.
 * Rounding noise in r and an exact fit (|r| <= eps |r_0|) count as zero. */
double tw_lsq_offset(const tw_lsq *s, double tol);

/* |D^-1 J'r| / |r|: the cosines between r and the columns of J, these measured by the largest they have been.
 * Zero where |r|^2 is stationary, also where J vanishes. */
double tw_lsq_descent_cosine(const tw_lsq *s);

/* The kernels. */
tw_status tw_lsq_factor_dense(tw_lsq *s);
tw_status tw_lsq_solve_dense(tw_lsq *s, const double *b, double mu, double *step);
tw_status tw_lsq_linearise_products(tw_lsq *s, double *norms); /* gradient, estimates of column norms */
tw_status tw_lsq_factor_products(tw_lsq *s);
tw_status tw_lsq_solve_products(tw_lsq *s, const double *b, double mu, double *step);

#endif
