/* Nonlinear conjugate gradients: d = -g at the start, then d <- -g+ + beta d. With y = g+ - g:
 *   fr           g+'g+ / g'g                                    Fletcher & Reeves, 1964
 *   pr+          max(0, g+'y / g'g)                             Polak & Ribiere, 1969; Powell, 1984
 *   hs           g+'y / d'y                                     Hestenes & Stiefel, 1952
 *   hager-zhang  (y - 2 d y'y / d'y)'g+ / d'y, bounded below    Hager & Zhang, 2005 (CG_DESCENT)
 * Restarts with -g+ when d is no descent direction, after `restart` n iterations, and when successive
 * gradients are far from orthogonal, |g+'g| >= 0.2 g+'g+ (Powell, 1977; not for hager-zhang, whose beta
 * copes). */
#include "method/gradient/descent.h"

#include "method/vector.h"

#include <math.h>

enum { BETA_FR, BETA_PR, BETA_HS, BETA_HZ };
static const double ETA = 0.01; /* Hager-Zhang: beta >= -1 / (|d| min(ETA, |g|)) */
static const double POWELL = 0.2;

typedef struct dots {
  double gg, dd, gplus, gplus_g, dy; /* g'g, d'd, g+'g+, g+'g, d'y */
  double g_d;                        /* g+'d */
} dots;

static double beta_of(int kind, const dots *v) {
  const double gplus_y = v->gplus - v->gplus_g;
  const double yy = v->gplus - 2 * v->gplus_g + v->gg;
  switch (kind) {
  case BETA_FR:
    return v->gplus / v->gg;
  case BETA_PR:
    return fmax(0, gplus_y / v->gg);
  case BETA_HS:
    return gplus_y / v->dy;
  default:
    return fmax((gplus_y - 2 * v->g_d * yy / v->dy) / v->dy, -1 / (sqrt(v->dd) * fmin(ETA, sqrt(v->gg))));
  }
}

static double beta(tw_descent *s, double slope, double *since_restart) {
  const size_t n = (size_t)s->run->n;
  const int kind = tw_run_choice(s->run, "beta");
  const dots v = {.gg = tw_vec_dot(s->g, s->g, n),
                  .dd = tw_vec_dot(s->d, s->d, n),
                  .gplus = tw_vec_dot(s->g_trial, s->g_trial, n),
                  .gplus_g = tw_vec_dot(s->g_trial, s->g, n),
                  .dy = s->accepted.slope - slope,
                  .g_d = s->accepted.slope};
  const double cycle = (double)(tw_run_integer(s->run, "restart") * s->run->n);
  const bool lost = kind != BETA_HZ && fabs(v.gplus_g) >= POWELL * v.gplus;
  const double b = beta_of(kind, &v);
  if (lost || !isfinite(b) || *since_restart + 1 >= cycle || !(-v.gplus + b * v.g_d < 0)) {
    *since_restart = 0;
    return 0;
  }
  *since_restart += 1;
  return b;
}

static tw_status init(tw_run *run) {
  TW_TRY(tw_descent_init(run));
  tw_descent s;
  TW_TRY(tw_descent_get(run, TW_DESCENT_SLOTS, &s));
  tw_combine(1, run->n, 0, s.g, -1, s.g, s.d);
  return tw_run_vector(run, "since restart", 1) != NULL ? TW_OK : TW_ERR_MEMORY;
}

/* The slope's fall is expected to repeat (Nocedal & Wright, 3.5). */
static double first_trial(const tw_descent *s, double slope) {
  if (s->run->iteration == 0) return tw_descent_first_trial(s);
  const double guess = s->last[TW_LAST_STEP] * s->last[TW_LAST_SLOPE] / slope;
  return guess > 0 && isfinite(guess) ? guess : s->last[TW_LAST_STEP];
}

static tw_status step(tw_run *run) {
  tw_descent s;
  TW_TRY(tw_descent_get(run, TW_DESCENT_SLOTS, &s));
  double *since_restart = tw_run_vector(run, "since restart", 1);
  if (since_restart == NULL) return TW_ERR_MEMORY;
  const size_t n = (size_t)run->n;
  double slope = tw_vec_dot(s.g, s.d, n);
  TW_TRY(tw_descent_search(&s, slope, first_trial(&s, slope)));
  if (s.end == TW_LINE_STUCK) TW_TRY(tw_descent_steepest(&s, &slope));
  s.last[TW_LAST_SLOPE] = slope;
  const double b = beta(&s, slope, since_restart);
  tw_descent_accept(&s);
  tw_combine(run->exec->threads, run->n, b, s.d, -1, s.g, tw_run_vector(run, "direction", run->n));
  return TW_OK;
}

static const tw_option options[] = {
    TW_DESCENT_OPTIONS(1e-9, 100000, TW_LINE_HAGER_ZHANG, 0.01, 0.1),
    {"beta", TW_OPTION_CHOICE, BETA_HZ, 0, 3, "fr|pr+|hs|hager-zhang", "formula for the conjugate direction"},
    {"restart", TW_OPTION_INTEGER, 6, 1, 1e9, NULL, "steepest descent every restart * n iterations"},
    TW_OPTION_END};

const tw_method tw_method_ncg = {
    .name = "ncg",
    .summary = "nonlinear conjugate gradients",
    .reference = "Hager & Zhang, 2005 (CG_DESCENT); Fletcher & Reeves, 1964; Polak & Ribiere, 1969",
    .goals = TW_FOR_MINIMIZE,
    .needs = TW_VALUE | TW_GRADIENT,
    .options = options,
    .init = init,
    .step = step,
    .traits = TW_MONOTONE | TW_ATOMIC};
