/* Condition estimates of factored matrices from a few solves (Hager 1984; Higham & Tisseur 2000 via LAPACK's
 * dlacn2). */
#include "linear/factor.h"

#include <lapacke.h>
#include <limits.h>

/* y = (T'T)^-1 y for a tall T through its least-squares and minimum-norm solutions: T^+ (T'^+ y). */
static tw_status normal_inverse(tw_factor *f, double *y, double *tall) {
  const tw_status status = tw_factor_solve(f, !f->flipped, 1, y, tall, NULL);
  return status == TW_OK ? tw_factor_solve(f, f->flipped, 1, tall, y, NULL) : status;
}

/* The 1-norm of A^-1, or of (T'T)^-1 for QR, of order n; `tall` is scratch for the latter. */
static double inverse_norm(tw_factor *f, lapack_int n, double *x, double *v, double *tall, lapack_int *sign) {
  double estimate = 0;
  lapack_int kase = 0, save[3] = {0};
  for (;;) {
    LAPACKE_dlacn2_work(n, v, x, sign, &estimate, &kase, save);
    if (kase == 0) return estimate;
    const tw_status status =
        f->ops->tall ? normal_inverse(f, x, tall) : tw_factor_solve(f, kase == 2, 1, x, x, NULL);
    if (status != TW_OK) return status == TW_ERR_NUMERIC ? INFINITY : NAN;
  }
}

static double estimate(tw_factor *f) {
  const int64_t n = factor_t_cols(f), m = factor_t_rows(f);
  if (!f->ready || n == 0 || m > INT_MAX) return NAN;
  double *space = tw_alloc((size_t)(2 * n + m), sizeof *space);
  lapack_int *sign = tw_alloc((size_t)n, sizeof *sign);
  double result = NAN;
  if (space && sign) result = inverse_norm(f, (lapack_int)n, space, space + n, space + 2 * n, sign);
  free(space);
  free(sign);
  if (isnan(result)) return NAN;
  /* |T'T|_1 <= |T|_1 |T|_inf */
  return fmax(1, f->ops->tall ? sqrt(result * f->norm_one * f->norm_inf) : result * f->norm_one);
}

/* Estimated on first use and kept; factors are mutable, and used by one thread at a time. */
double tw_factor_condition(const tw_factor *factor) {
  if (!factor) return NAN;
  tw_factor *f = (tw_factor *)factor;
  if (f->condition < 0) f->condition = estimate(f);
  return f->condition;
}
