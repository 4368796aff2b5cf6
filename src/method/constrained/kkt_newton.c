/* Newton's method on the optimality conditions with the active set held fixed (Nocedal & Wright 2006,
 * chapter 18):
 *
 *   [ H_FF   J_AF' ] [ dx_F ]     [ grad_F L  ]
 *   [ J_AF     0   ] [ dy_A ] = - [ c_A - b_A ]
 *
 * F: variables not held at a bound; A: equalities and the rows that press. Small systems are factored LDL'
 * (Bunch & Kaufman 1977) and must have the inertia of a minimiser, (|F|, |A|, 0); large ones are factored LU where the
 * oracle has sparse matrices (kkt_sparse.c), else go to MINRES on products. */
#include "method/constrained/al.h"

enum { DENSE_MAX = 400, MINRES_MAX = 20000 };

/* A point, its multipliers, and what is evaluated there. */
typedef struct point {
  double *x, *y, *gradient, *c; /* scaled grad_x L and rows */
  double f;
  tw_kkt kkt;
  double terms; /* |J'y|_inf, unscaled */
} point;

typedef struct system {
  tw_kkt_system of;
  const point *at;
  double *full, *image, *rows; /* n, n, m: scratch */
} system_t;

/* H z_F + J'z_A on F, J z_F on A. */
static tw_status apply(void *context, const double *z, double *out) {
  const system_t *s = context;
  tw_al *al = s->of.al;
  vec_zero(al->n, s->full);
  vec_zero(al->m, s->rows);
  for (int64_t j = 0; j < s->of.nf; j++) s->full[s->of.variable[j]] = z[j];
  for (int64_t i = 0; i < s->of.na; i++) s->rows[s->of.constraint[i]] = z[s->of.nf + i];
  TW_TRY(tw_al_hvp(al, s->at->x, s->at->y, s->full, s->image));
  for (int64_t j = 0; j < s->of.nf; j++) out[j] = s->image[s->of.variable[j]];
  TW_TRY(tw_al_vjp(al, s->at->x, s->rows, s->image));
  for (int64_t j = 0; j < s->of.nf; j++) out[j] += s->image[s->of.variable[j]];
  TW_TRY(tw_al_jvp(al, s->at->x, s->full, s->rows));
  for (int64_t i = 0; i < s->of.na; i++) out[s->of.nf + i] = s->rows[s->of.constraint[i]];
  return TW_OK;
}

/* The matrix, column by column, made symmetric: products of its two halves differ in the last bits. */
static tw_status assemble(system_t *s, int64_t size, double *matrix, double *unit) {
  for (int64_t j = 0; j < size; j++) {
    unit[j] = 1;
    TW_TRY(apply(s, unit, matrix + j * size));
    unit[j] = 0;
  }
  for (int64_t i = 0; i < size; i++)
    for (int64_t j = 0; j < i; j++)
      matrix[i * size + j] = matrix[j * size + i] = 0.5 * (matrix[i * size + j] + matrix[j * size + i]);
  return TW_OK;
}

/* rhs <- matrix^-1 rhs. Not `usable`: singular, or not a minimiser's inertia. */
static tw_status solve_factored(const system_t *s, int64_t size, const double *matrix, double *rhs,
                                bool *usable) {
  tw_factor *factor = NULL;
  tw_error error = {TW_OK, ""};
  int64_t positive, negative, zero;
  *usable = false;
  tw_status status = tw_factor_dense(&factor, TW_FACTOR_LDLT, size, size, matrix, &error);
  if (status == TW_OK) {
    tw_factor_inertia(factor, &positive, &negative, &zero);
    *usable = positive == s->of.nf && negative == s->of.na;
    if (*usable) status = tw_factor_solve(factor, false, 1, rhs, rhs, &error);
    tw_factor_free(factor);
  }
  if (status == TW_OK) return TW_OK;
  *usable = false;
  if (status != TW_ERR_MEMORY) return TW_OK;
  return tw_fail(s->of.al->run->error, status, "%s", error.message);
}

static tw_status solve_dense(system_t *s, double *rhs, bool *usable) {
  const int64_t size = s->of.nf + s->of.na;
  double *matrix = tw_alloc((size_t)(size * size + size), sizeof *matrix);
  if (!matrix) return tw_fail(s->of.al->run->error, TW_ERR_MEMORY, "out of memory");
  tw_status status = assemble(s, size, matrix, matrix + size * size);
  if (status == TW_OK) status = solve_factored(s, size, matrix, rhs, usable);
  free(matrix);
  return status;
}

static tw_status solve_products(system_t *s, double *rhs, bool *usable) {
  const int64_t size = s->of.nf + s->of.na;
  double *z = tw_alloc((size_t)size, sizeof *z);
  if (!z) return tw_fail(s->of.al->run->error, TW_ERR_MEMORY, "out of memory");
  const tw_linop a = {.rows = size, .cols = size, .flags = TW_LINOP_SYMMETRIC, .apply = apply, .context = s};
  const tw_linear_options options = {.rtol = 1e-6, .max_iter = size < MINRES_MAX / 4 ? 4 * size : MINRES_MAX};
  tw_linear_result result;
  const tw_status status = tw_minres(&a, rhs, z, &options, &result, s->of.al->run->error);
  *usable = status == TW_OK && result.residual < 0.5 * result.rhs_norm;
  vec_copy(size, z, rhs);
  free(z);
  return status;
}

static tw_status solve_system(system_t *s, double *rhs, bool *usable) {
  if (s->of.nf + s->of.na <= DENSE_MAX) return solve_dense(s, rhs, usable);
  const tw_status status = tw_kkt_solve_sparse(&s->of, rhs, usable);
  return status != TW_OK || *usable ? status : solve_products(s, rhs, usable);
}

/* F and A: a variable is held when the gradient presses it on its bound, a row counts when it has a
 * multiplier. */
static void active_set(system_t *s) {
  const tw_al *al = s->of.al;
  const double *l = al->oracle->lower, *u = al->oracle->upper, *x = s->at->x, *g = s->at->gradient;
  for (int64_t j = 0; j < al->n; j++) {
    const bool held = (l && x[j] <= l[j] && g[j] > 0) || (u && x[j] >= u[j] && g[j] < 0);
    if (!held) s->of.variable[s->of.nf++] = j;
  }
  for (int64_t i = 0; i < al->m; i++) {
    const bool equality = tw_al_lower(al, i) == tw_al_upper(al, i);
    if (equality || s->at->y[i] != 0) s->of.constraint[s->of.na++] = i;
  }
}

/* -(grad_F L, c_A - b_A) */
static void right_hand_side(const system_t *s, double *rhs) {
  for (int64_t j = 0; j < s->of.nf; j++) rhs[j] = -s->at->gradient[s->of.variable[j]];
  for (int64_t a = 0; a < s->of.na; a++) {
    const int64_t i = s->of.constraint[a];
    rhs[s->of.nf + a] = (s->at->y[i] > 0 ? tw_al_upper(s->of.al, i) : tw_al_lower(s->of.al, i)) - s->at->c[i];
  }
}

/* x + dx kept in its bounds, y + dy with zeros for inactive rows. */
static void take_step(const system_t *s, const double *step, point *trial) {
  const tw_al *al = s->of.al;
  vec_copy(al->n, s->at->x, trial->x);
  vec_zero(al->m, trial->y);
  for (int64_t j = 0; j < s->of.nf; j++) trial->x[s->of.variable[j]] += step[j];
  vec_clip(al->n, al->oracle->lower, al->oracle->upper, trial->x);
  for (int64_t a = 0; a < s->of.na; a++)
    trial->y[s->of.constraint[a]] = s->at->y[s->of.constraint[a]] + step[s->of.nf + a];
}

static tw_status evaluate(tw_al *al, point *p) {
  TW_TRY(tw_run_gradient(al->run, p->x, &p->f, p->gradient));
  TW_TRY(tw_al_constraints(al, p->x, p->c));
  TW_TRY(tw_al_vjp(al, p->x, p->y, al->work));
  p->terms = vec_norm_inf(al->n, al->work) / al->scalars[TW_AL_SIGMA];
  for (int64_t j = 0; j < al->n; j++)
    p->gradient[j] = al->scalars[TW_AL_SIGMA] * p->gradient[j] + al->work[j];
  return tw_kkt_measure(al, p->x, p->gradient, p->c, p->y, &p->kkt);
}

/* Of the scaled problem. */
static double total(const tw_al *al, const tw_kkt *kkt) {
  const double sigma = al->scalars[TW_AL_SIGMA];
  return fmax(kkt->worst_violation, sigma * fmax(kkt->error.stationarity, kkt->error.complementarity));
}

static void accept(tw_al *al, const point *p) {
  tw_run *run = al->run;
  vec_copy(al->n, p->x, run->x);
  vec_copy(al->m, p->y, al->y);
  run->f = p->f;
  run->optimality = p->kkt.error;
  run->size = p->terms;
  for (int64_t i = 0; i < al->m; i++) run->dual[i] = al->row[i] * p->y[i] / al->scalars[TW_AL_SIGMA];
  tw_al_forget(al);
}

/* The Newton step from `at` into `trial`. */
static tw_status newton_step(tw_al *al, const point *at, point *trial, bool *usable) {
  const int64_t n = al->n, m = al->m;
  double *work = tw_alloc((size_t)(3 * n + 2 * m), sizeof *work);
  int64_t *index = tw_alloc((size_t)(n + m), sizeof *index);
  tw_status status = TW_OK;
  if (work && index) {
    system_t s = {.of = {.al = al, .x = at->x, .y = at->y, .variable = index, .constraint = index + n}, .at = at};
    s.full = work;
    s.image = work + n;
    s.rows = work + 2 * n;
    double *rhs = s.rows + m;
    active_set(&s);
    right_hand_side(&s, rhs);
    status = solve_system(&s, rhs, usable);
    if (status == TW_OK && *usable) take_step(&s, rhs, trial);
  } else {
    status = tw_fail(al->run->error, TW_ERR_MEMORY, "out of memory");
  }
  free(work);
  free(index);
  return status;
}

tw_status tw_kkt_newton(tw_al *al, const double *y, bool *moved) {
  tw_run *run = al->run;
  *moved = false;
  const unsigned offers = run->oracle->offers;
  const bool set = (offers & TW_PROJECT) && !(offers & TW_BOUNDS);
  if (!(offers & TW_CURVATURE) || (offers & TW_PROX) || set) return TW_OK;
  point at, trial;
  const tw_slot slots[] = {{"kkt.x", al->n, &at.x},
                           {"kkt.y", al->m, &at.y},
                           {"kkt.gradient", al->n, &at.gradient},
                           {"kkt.c", al->m, &at.c},
                           {"kkt.trial_x", al->n, &trial.x},
                           {"kkt.trial_y", al->m, &trial.y},
                           {"kkt.trial_gradient", al->n, &trial.gradient},
                           {"kkt.trial_c", al->m, &trial.c},
                           {NULL, 0, NULL}};
  TW_TRY(tw_fetch(run, slots));
  vec_copy(al->n, run->x, at.x);
  vec_copy(al->m, y, at.y);
  TW_TRY(evaluate(al, &at));
  bool usable = false;
  TW_TRY(newton_step(al, &at, &trial, &usable));
  if (!usable) return TW_OK;
  TW_TRY(evaluate(al, &trial));
  *moved = isfinite(trial.f) && total(al, &trial.kkt) <= 0.5 * total(al, &at.kkt);
  if (*moved) accept(al, &trial);
  return TW_OK;
}
