/* The trust-region subproblem by truncated conjugate gradients: Toint (1981), Steihaug (1983). From s = 0 the
 * model falls and |s| grows with every iteration; at the boundary, or on a direction of negative curvature, s
 * is where it leaves. */
#include "method/gradient/trust.h"

#include "method/vector.h"

#include <math.h>
#include <string.h>

/* tau >= 0 with |s + tau d| = radius, from s's, s'd, d'd, without cancellation. */
static double to_boundary(double ss, double sd, double dd, double radius) {
  const double gap = fmax(0, radius * radius - ss), root = sqrt(sd * sd + dd * gap);
  return sd > 0 ? gap / (sd + root) : (root - sd) / dd;
}

/* With r = g + H s: q(s) = (g's + r's) / 2. */
static void describe(int64_t n, const double *g, const double *r, const double *s, tw_trust_step *step) {
  step->slope = tw_vec_dot(g, s, (size_t)n);
  step->model = 0.5 * (step->slope + tw_vec_dot(r, s, (size_t)n));
  step->norm = tw_vec_norm2(s, (size_t)n);
}

static void start(const tw_trust *t, const double *g, double *s, double *r, double *d) {
  const int64_t n = t->run->n;
  memset(s, 0, (size_t)n * sizeof *s);
  for (int64_t i = 0; i < n; i++) {
    r[i] = t->is_free == NULL || t->is_free[i] ? g[i] : 0;
    d[i] = -r[i];
  }
}

static tw_status truncated_cg(tw_trust *t, const double *g, double radius, double rtol, double *s,
                              tw_trust_step *step) {
  const int64_t n = t->run->n;
  const int threads = t->run->exec->threads;
  double *r = t->work, *d = r + n, *hd = d + n;
  start(t, g, s, r, d);
  double rr = tw_vec_dot(r, r, (size_t)n), ss = 0, sd = 0, dd = rr;
  const double target = rtol * sqrt(rr);
  *step = (tw_trust_step){0};
  for (int64_t k = 0; k < 2 * n + 20 && sqrt(rr) > target; k++) {
    TW_TRY(tw_trust_product(t, d, hd));
    const double curvature = tw_vec_dot(d, hd, (size_t)n);
    double alpha = rr / curvature;
    step->boundary = !(curvature > 0) || ss + 2 * alpha * sd + alpha * alpha * dd >= radius * radius;
    if (step->boundary) alpha = to_boundary(ss, sd, dd, radius);
    tw_add_scaled(threads, n, s, alpha, d, s);
    tw_add_scaled(threads, n, r, alpha, hd, r);
    if (step->boundary) break;
    const double before = rr;
    rr = tw_vec_dot(r, r, (size_t)n);
    tw_combine(threads, n, rr / before, d, -1, r, d);
    ss = tw_vec_dot(s, s, (size_t)n);
    sd = tw_vec_dot(s, d, (size_t)n);
    dd = tw_vec_dot(d, d, (size_t)n);
  }
  describe(n, g, r, s, step);
  return TW_OK;
}

tw_status tw_trust_solve(tw_trust *t, const double *g, double radius, double rtol, double *s,
                         tw_trust_step *step) {
  return t->h != NULL ? tw_trust_solve_exact(t, g, radius, s, step)
                      : truncated_cg(t, g, radius, rtol, s, step);
}
