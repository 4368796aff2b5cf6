/* Bisection for one equation in one unknown, on a bracket [a, b] with r(a) r(b) < 0.
 *
 * The bracket comes from the variable's bounds; where one is infinite it is found by steps that double away
 * from the start. `itp` chooses points by interpolation, truncation and projection (Oliveira & Takahashi
 * 2020): superlinear on smooth functions, and never more than one evaluation beyond what halving takes. With
 *   x_h = (a + b)/2,  x_f = (b r_a - a r_b)/(r_a - r_b),  sigma = sign(x_h - x_f),  delta = 0.2 (b - a)^2 /
 * (b_0 - a_0) x_t = x_f + sigma delta   or x_h when that is nearer than delta x   = x_t                 or
 * x_h - sigma rho when it is further than rho = eps 2^(n_max - j) - (b - a)/2 from x_h. */
#include "method/root/root.h"

enum { A, B, RA, RB, WIDTH, EPSILON, TRIES, ALLOWED, STATE };
enum { BISECTION_HALVE, BISECTION_ITP };
enum { MAX_DOUBLINGS = 1100 };

static const tw_option options[] = {TW_OPTION_TOL(1e-15),
                                    TW_OPTION_MAX_ITER(3000),
                                    {"variant", TW_OPTION_CHOICE, BISECTION_ITP, 0, 1, "halve|itp",
                                     "plain halving, or interpolate-truncate-project"},
                                    TW_OPTION_END};

static tw_status residual(tw_run *run, double x, double *r) {
  TW_TRY(tw_run_residual(run, &x, r));
  if (isnan(*r)) return tw_fail(run->error, TW_ERR_NUMERIC, "bisection: the residual is NaN at x = %.17g", x);
  return TW_OK;
}

static bool differ(double ra, double rb) {
  return (ra <= 0 && rb >= 0) || (ra >= 0 && rb <= 0);
}

/* Half the smallest width worth having. */
static double resolution(const double *s) {
  return 2 * DBL_EPSILON * fmax(fmax(fabs(s[A]), fabs(s[B])), DBL_MIN);
}

/* Moves the infinite ends away from the start in doubling steps until the signs differ. */
static tw_status expand(tw_run *run, double *s, bool fixed_a, bool fixed_b) {
  double reach = fmax(1e-2, 0.1 * fabs(run->x[0]));
  for (int i = 0; i < MAX_DOUBLINGS && !differ(s[RA], s[RB]); i++, reach *= 2) {
    if (!fixed_a) s[A] = run->x[0] - reach;
    if (!fixed_b) s[B] = run->x[0] + reach;
    if ((fixed_a && fixed_b) || !isfinite(s[A]) || !isfinite(s[B])) break;
    if (!fixed_a) TW_TRY(residual(run, s[A], &s[RA]));
    if (!fixed_b) TW_TRY(residual(run, s[B], &s[RB]));
  }
  if (differ(s[RA], s[RB])) return TW_OK;
  return tw_fail(
      run->error, TW_ERR_ARGUMENT,
      "bisection: the residual is %.6g at %.6g and %.6g at %.6g; expected bounds where its signs differ",
      s[RA], s[A], s[RB], s[B]);
}

static void take(tw_run *run, double x, double r) {
  run->x[0] = x;
  tw_root_measure(run, &r, false);
}

static tw_status init(tw_run *run) {
  double *s = tw_run_vector(run, "bisection.state", STATE);
  if (!s) return TW_ERR_MEMORY;
  if (run->n != 1 || run->oracle->k != 1) {
    return tw_fail(run->error, TW_ERR_SHAPE,
                   "bisection: %lld equations in %lld unknowns; expected one of each",
                   (long long)run->oracle->k, (long long)run->n);
  }
  const tw_oracle *o = run->oracle;
  const bool fixed_a = o->lower && isfinite(o->lower[0]), fixed_b = o->upper && isfinite(o->upper[0]);
  s[A] = fixed_a ? o->lower[0] : run->x[0];
  s[B] = fixed_b ? o->upper[0] : run->x[0];
  TW_TRY(residual(run, s[A], &s[RA]));
  TW_TRY(residual(run, s[B], &s[RB]));
  TW_TRY(expand(run, s, fixed_a, fixed_b));
  run->scale = fmin(fabs(s[RA]), fabs(s[RB]));
  s[WIDTH] = s[B] - s[A];
  s[EPSILON] = resolution(s);
  s[ALLOWED] = ceil(log2(fmax(1, s[WIDTH] / (2 * s[EPSILON])))) + 1;
  if (fabs(s[RA]) <= fabs(s[RB])) {
    take(run, s[A], s[RA]);
  } else {
    take(run, s[B], s[RB]);
  }
  return TW_OK;
}

static double choose(const double *s, bool itp) {
  const double half = 0.5 * s[A] + 0.5 * s[B], width = s[B] - s[A];
  if (!itp || !isfinite(s[RA]) || !isfinite(s[RB]) || !isfinite(width)) return half;
  const double falsi = s[A] + width * (s[RA] / (s[RA] - s[RB]));
  const double sigma = half >= falsi ? 1 : -1, delta = 0.2 * width * (width / s[WIDTH]);
  const double truncated = delta <= fabs(half - falsi) ? falsi + sigma * delta : half;
  const double rho = fmax(0, s[EPSILON] * exp2(s[ALLOWED] - s[TRIES]) - width / 2);
  return fabs(truncated - half) <= rho ? truncated : half - sigma * rho;
}

static tw_status finish(tw_run *run, const double *s) {
  const bool left = fabs(s[RA]) <= fabs(s[RB]);
  take(run, left ? s[A] : s[B], left ? s[RA] : s[RB]);
  const double r = run->optimality.stationarity;
  if (r <= run->scale) return tw_run_end(run, TW_SOLVED, "the bracket is down to rounding; |r| = %.1e", r);
  return tw_run_end(run, TW_FAILED,
                    "the sign changes at x = %.17g without a root: |r| grows to %.3g there (a pole?)",
                    run->x[0], r);
}

static tw_status step(tw_run *run) {
  double *s = tw_run_vector(run, "bisection.state", STATE);
  if (!s) return TW_ERR_MEMORY;
  double r, x = choose(s, tw_run_choice(run, "variant") == BISECTION_ITP);
  if (x <= s[A] || x >= s[B]) x = 0.5 * s[A] + 0.5 * s[B];
  if (x <= s[A] || x >= s[B]) return finish(run, s);
  TW_TRY(residual(run, x, &r));
  s[TRIES] += 1;
  const bool left = differ(s[RA], r); /* the root lies in [A, x] */
  s[left ? B : A] = x;
  s[left ? RB : RA] = r;
  take(run, x, r);
  return s[B] - s[A] <= 2 * resolution(s) ? finish(run, s) : TW_OK;
}

const tw_method tw_method_bisection = {
    .name = "bisection",
    .summary = "one equation in one unknown on a bracket, by halving or ITP",
    .reference = "Oliveira & Takahashi 2020, ACM TOMS 47(1)",
    .goals = TW_FOR_ROOT | TW_FOR_FIXPOINT,
    .needs = TW_RESIDUAL,
    .handles = TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
};
