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

enum { GG, GPLUS_GPLUS, GPLUS_G, GPLUS_Y, YY, DD, PRODUCTS };

typedef struct dots {
  double v[PRODUCTS]; /* g'g, g+'g+, g+'g, g+'y, y'y, d'd */
  double dy, dg;      /* d'y, d'g+ */
} dots;

static double beta_of(int kind, const dots *p) {
  const double *v = p->v;
  switch (kind) {
  case BETA_FR:
    return v[GPLUS_GPLUS] / v[GG];
  case BETA_PR:
    return fmax(0, v[GPLUS_Y] / v[GG]);
  case BETA_HS:
    return v[GPLUS_Y] / p->dy;
  default:
    return fmax((v[GPLUS_Y] - 2 * p->dg * v[YY] / p->dy) / p->dy,
                -1 / (sqrt(v[DD]) * fmin(ETA, sqrt(v[GG]))));
  }
}

/* The products of `count` entries, added to sums. Those with y are made of its entries: differences of
 * products would lose what successive gradients have in common. */
static void add_products(int64_t count, const double *g, const double *g_plus, const double *d,
                         double *sums) {
  double gg = 0, pp = 0, pg = 0, py = 0, yy = 0, dd = 0;
#pragma omp simd reduction(+ : gg, pp, pg, py, yy, dd)
  for (int64_t i = 0; i < count; i++) {
    const double y = g_plus[i] - g[i];
    gg += g[i] * g[i];
    pp += g_plus[i] * g_plus[i];
    pg += g_plus[i] * g[i];
    py += g_plus[i] * y;
    yy += y * y;
    dd += d[i] * d[i];
  }
  const double sum[PRODUCTS] = {gg, pp, pg, py, yy, dd};
  for (int k = 0; k < PRODUCTS; k++) sums[k] += sum[k];
}

static void products_segment(void *context, int64_t first, int64_t count, double *sums) {
  enum { CHAIN = 512 };
  const tw_descent *s = context;
  for (int64_t at = first; at < first + count; at += CHAIN) {
    const int64_t rest = first + count - at;
    add_products(rest < CHAIN ? rest : CHAIN, s->g + at, s->g_trial + at, s->d + at, sums);
  }
}

static double beta(tw_descent *s, double slope, double *since_restart) {
  const int kind = tw_run_choice(s->run, "beta");
  double scratch[TW_SEGMENTS * PRODUCTS];
  dots p = {.dy = s->accepted.slope - slope, .dg = s->accepted.slope};
  tw_reduce(s->run->exec->threads, s->run->n, s->run->n, PRODUCTS, products_segment, s, scratch, p.v);
  const double cycle = (double)(tw_run_integer(s->run, "restart") * s->run->n);
  const bool lost = kind != BETA_HZ && fabs(p.v[GPLUS_G]) >= POWELL * p.v[GPLUS_GPLUS];
  const double b = beta_of(kind, &p);
  if (lost || !isfinite(b) || *since_restart + 1 >= cycle || !(-p.v[GPLUS_GPLUS] + b * p.dg < 0)) {
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
  tw_combine(run->exec->threads, run->n, 0, s.g, -1, s.g, s.d);
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
  double slope = tw_vec_dot_on(run->exec->threads, s.g, s.d, (size_t)run->n);
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
