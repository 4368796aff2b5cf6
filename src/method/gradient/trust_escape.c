/* Away from stationary points that are no minima: where v'Hv < 0 for a direction v of free variables, f falls along v or -v (as in methods
 * that follow negative curvature: More & Sorensen, 1979; Gould, Lucidi, Roma & Toint, 2000). v is the eigenvector of the lowest
 * eigenvalue when H is dense, else the first direction of negative curvature that conjugate gradients meet from a random right-hand
 * side: they meet one within n products unless H is semidefinite or the side is orthogonal to it. */
#include "method/gradient/trust.h"

#include "method/vector.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { PRODUCTS = 12, LENGTHS = 12 };
static const double NEGATIVE = 1e-8; /* of the largest curvature seen: less is rounding */
static const double DECREASE = 0.1;  /* of what the curvature promises */

/* v (|v| = 1) and its curvature; 0 when none was found to be negative. */
static tw_status follow_cg(tw_trust *t, double *v, double *curvature) {
  tw_run *run = t->run;
  const size_t n = (size_t)run->n;
  double *r = t->work, *hd = r + n;
  const uint64_t key = tw_key_split(run->seed, 0x65736361);
  *curvature = 0;
  for (size_t i = 0; i < n; i++) r[i] = t->is_free == NULL || t->is_free[i] ? tw_random_normal(key, i) : 0;
  memcpy(v, r, n * sizeof *v);
  double rr = tw_vec_dot(r, r, n), largest = 0;
  const double target = 1e-20 * rr;
  for (size_t k = 0; k < PRODUCTS && k < n && rr > target; k++) {
    TW_TRY(tw_trust_product(t, v, hd));
    const double vv = tw_vec_dot(v, v, n), bend = tw_vec_dot(v, hd, n), rate = bend / vv;
    if (!isfinite(rate)) return TW_OK;
    largest = fmax(largest, fmax(fabs(rate), sqrt(tw_vec_dot(hd, hd, n) / vv)));
    if (rate < -NEGATIVE * largest) {
      *curvature = rate;
      for (size_t i = 0; i < n; i++) v[i] /= sqrt(vv);
      return TW_OK;
    }
    if (!(bend > 0)) return TW_OK;
    const double before = rr;
    tw_add_scaled(1, run->n, r, -before / bend, hd, r);
    rr = tw_vec_dot(r, r, n);
    tw_combine(1, run->n, rr / before, v, 1, r, v);
  }
  return TW_OK;
}

static tw_status find(tw_trust *t, double *v, double *curvature) {
  if (t->h == NULL) return follow_cg(t, v, curvature);
  TW_TRY(tw_trust_prepare(t));
  double largest = 0;
  TW_TRY(tw_trust_lowest(t, v, curvature, &largest));
  if (!(*curvature < -NEGATIVE * largest)) *curvature = 0;
  return TW_OK;
}

static double signed_slope(const tw_trust *t, const double *v) {
  const double slope = tw_vec_dot(t->g, v, (size_t)t->run->n);
  if (slope != 0) return slope;
  for (int64_t i = 0; i < t->run->n; i++)
    if (v[i] != 0) return -v[i];
  return 0;
}

/* x_trial = P(x + a v), its distance from x, and whether f is low enough there. */
static tw_status is_lower(tw_trust *t, const tw_box *box, const double *v, double a, double curvature, double *f, double *far,
                          bool *lower) {
  tw_run *run = t->run;
  const size_t n = (size_t)run->n;
  tw_box_move(box, run->x, a, v, t->x_trial);
  for (size_t i = 0; i < n; i++) t->work[i] = t->x_trial[i] - run->x[i];
  *far = tw_vec_norm2(t->work, n);
  TW_TRY(tw_run_gradient(run, t->x_trial, f, t->g_trial));
  *lower = isfinite(*f) && *far > 0 && run->f - *f >= DECREASE * -0.5 * curvature * *far * *far &&
           run->f - *f > 1e3 * DBL_EPSILON * fabs(run->f);
  return TW_OK;
}

tw_status tw_trust_escape(tw_trust *t, const tw_box *box, tw_trust_measure *measure, bool *moved) {
  tw_run *run = t->run;
  double *v = t->s, curvature = 0, f = 0, far = 0;
  *moved = false;
  if (tw_trust_is_convex(t)) return TW_OK;
  TW_TRY(find(t, v, &curvature));
  if (!(curvature < 0)) return TW_OK;
  const double down = signed_slope(t, v) > 0 ? -1 : 1;
  double length = fmax(1, tw_vec_norm2(run->x, (size_t)run->n));
  for (int k = 0; k < 2 * LENGTHS && !*moved; k++) {
    TW_TRY(is_lower(t, box, v, (k % 2 ? -down : down) * length, curvature, &f, &far, moved));
    if (k % 2) length *= 0.1;
  }
  if (!*moved) return TW_OK;
  tw_trust_move(t, f, measure(run, t->x_trial, t->g_trial));
  t->scalar[TW_TRUST_RADIUS] = fmax(t->scalar[TW_TRUST_RADIUS], far);
  return TW_OK;
}
