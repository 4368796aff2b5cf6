/* The direct primal method of Byrd, Lu, Nocedal & Zhu (1995), section 5.1: minimises the model over the
 * variables that are free at the Cauchy point. The result is brought into the box by projection when that
 * descends (Morales & Nocedal, 2011), else by stopping at the first bound. */
#include "method/gradient/lbfgsb.h"

#include <math.h>
#include <string.h>

/* A pass that first combines pairs and then multiplies with them again takes parts of a tile that stay in the
 * second cache with all pairs. */
enum { PART = 1024 };

typedef struct pass {
  tw_lbfgsb *s;
  double coefficient[2 * TW_COMPACT_PAIRS];
  bool gram, project;
} pass;

static double *reduce(pass *p, int n_sums, tw_pairs_tile *tile) {
  tw_compact *b = &p->s->b;
  double *sums = b->scratch + TW_SEGMENTS * n_sums;
  tw_pairs_reduce(&b->pairs, n_sums, tile, p, b->scratch, sums);
  return sums;
}

/* The Cauchy point of the variables that no bound stopped; which are free; sums[0]: how many are not. */
static void free_tile(void *context, int64_t first, int64_t length, double *sums) {
  const tw_lbfgsb *s = ((const pass *)context)->s;
  double *cauchy = s->cauchy + first, fixed = 0;
  const double *x = s->x + first, *d = s->d + first;
  for (int64_t i = 0; i < length; i++) cauchy[i] = d[i] != 0 ? x[i] + s->at * d[i] : cauchy[i];
  tw_box_clamp_tile(&s->box, first, length, cauchy);
  for (int64_t i = 0; i < length; i++) {
    s->is_free[first + i] = tw_box_interior(&s->box, first + i, cauchy[i]);
    fixed += s->is_free[first + i] ? 0 : 1;
  }
  sums[0] += fixed;
}

/* r = g + theta (cauchy - x) - W M c over the free variables; sums: those of W'r, then [Y S]'ZZ'[Y S]. */
static void reduced_part(const pass *p, int64_t first, int64_t length, double *sums) {
  const tw_lbfgsb *s = p->s;
  const double *x = s->x + first, *g = s->g + first, *cauchy = s->cauchy + first;
  const bool *is_free = s->is_free + first;
  double *r = s->t + first;
  for (int64_t i = 0; i < length; i++) r[i] = g[i] + s->b.theta * (cauchy[i] - x[i]);
  tw_pairs_combine(&s->b.pairs, first, length, p->coefficient, r);
  for (int64_t i = 0; i < length; i++) r[i] = is_free[i] ? r[i] : 0;
  tw_pairs_project(&s->b.pairs, first, length, r, sums);
  if (p->gram) tw_compact_add_gram(&s->b, first, length, is_free, sums + 2 * (s->b.pairs.count + 1));
}

static void reduced_tile(void *context, int64_t first, int64_t length, double *sums) {
  for (int64_t at = 0; at < length; at += PART)
    reduced_part(context, first + at, length - at < PART ? length - at : PART, sums);
}

/* Factors K - W'ZZ'W / theta and leaves W'r in v; r is in s->t. */
static bool reduce_model(pass *p, double *v) {
  tw_lbfgsb *s = p->s;
  const int k = s->b.pairs.count;
  double mc[2 * TW_COMPACT_PAIRS];
  memcpy(mc, s->c, sizeof mc);
  tw_compact_solve(&s->b, mc);
  tw_compact_coefficients(&s->b, -1, mc, p->coefficient);
  p->gram = *reduce(p, 1, free_tile) > 0;
  double *sums = reduce(p, 2 * (k + 1) + (p->gram ? 4 * k * k : 0), reduced_tile);
  tw_compact_collect(&s->b, sums, v);
  double *gram = sums + 2 * (k + 1);
  if (!p->gram) tw_compact_whole_gram(&s->b, gram);
  return tw_compact_factor(&s->b, gram);
}

/* The step from the Cauchy point, -r / theta - W v / theta^2 with v = (K - W'ZZ'W / theta)^-1 W'r; d, or
 * where `project` says so, P(cauchy + step) - x. sums[0]: g'd. */
static void step_tile(void *context, int64_t first, int64_t length, double *sums) {
  const pass *p = context;
  const tw_lbfgsb *s = p->s;
  const double *x = s->x + first, *cauchy = s->cauchy + first, *r = s->t + first;
  const bool *is_free = s->is_free + first;
  double *d = s->d + first, *x_trial = s->x_trial + first;
  for (int64_t i = 0; i < length; i++) d[i] = -r[i] / s->b.theta;
  tw_pairs_combine(&s->b.pairs, first, length, p->coefficient, d);
  for (int64_t i = 0; i < length; i++) d[i] = is_free[i] ? d[i] : 0;
  if (!p->project) return;
  for (int64_t i = 0; i < length; i++) x_trial[i] = cauchy[i] + d[i];
  tw_box_clamp_tile(&s->box, first, length, x_trial);
  for (int64_t i = 0; i < length; i++) d[i] = x_trial[i] - x[i];
  for (int64_t i = 0; i < length; i++) x_trial[i] = x[i] + d[i];
  tw_box_clamp_tile(&s->box, first, length, x_trial);
  sums[0] += tw_vec_dot_on(1, s->g + first, d, (size_t)length);
}

bool tw_lbfgsb_subspace(tw_lbfgsb *s, double *slope) {
  pass p = {.s = s, .project = true};
  double v[2 * TW_COMPACT_PAIRS];
  if (!reduce_model(&p, v)) return false;
  tw_compact_solve(&s->b, v);
  tw_compact_coefficients(&s->b, -1 / (s->b.theta * s->b.theta), v, p.coefficient);
  *slope = *reduce(&p, 1, step_tile);
  if (*slope < 0) return true;
  p.project = false;
  reduce(&p, 1, step_tile);
  const double a = fmin(1, tw_box_longest(&s->box, s->cauchy, s->d));
  tw_box_move(&s->box, s->cauchy, a, s->d, s->d);
  tw_add_scaled(s->box.threads, s->n, s->d, -1, s->x, s->d);
  tw_box_move(&s->box, s->x, 1, s->d, s->x_trial);
  *slope = tw_vec_dot_on(s->box.threads, s->g, s->d, (size_t)s->n);
  return true;
}
