/* The method sqp: memory, start, line search and every reason to end; see sqp.h. */
#include "method/program/sqp.h"

#include "method/program/presolved.h"

enum { ORDER_MOST = 2000, BACKTRACKS = 40, STUCK_MOST = 8, HOPELESS_MOST = 6, RAISED_MOST = 3 };
static const double ARMIJO = 1e-4, ACCEPTABLE = 1e-6, FEASIBLE = 1e-8, GAMMA_MOST = 1e12, GAIN = 1e-3, FAR = 1e20, RAY = 1e-9;

/* Attempts: the first shift of B, the price of violations, and the iterations before the next one begins. */
static const struct attempt {
  double floor, gamma;
  int64_t most;
} attempts[] = {{0, 1e3, 200}, {1e-2, 1e2, 200}, {1, 1e5, 200}, {0, 1e3, INT64_MAX}};
enum { ATTEMPTS = sizeof attempts / sizeof *attempts };

/* ------------------------------------------------------------------ memory */

static tw_status fetch(tw_sqp *s) {
  const int64_t n = s->n, m = s->m;
  const tw_slot slots[] = {{"sqp.number", SQP_NUMBERS, &s->number}, {"sqp.x", n, &s->x}, {"sqp.c", m, &s->c}, {"sqp.g", n, &s->g},
                           {"sqp.j", s->nlp.j.nnz, &s->j},          {"sqp.y", m, &s->y}, {"sqp.nu", m, &s->nu},
                           {"sqp.guess", m + n, &s->guess},         {"sqp.start", n, &s->start}, {NULL, 0, NULL}};
  TW_TRY(tw_fetch(s->run, slots));
  return tw_nlp_fetch(&s->nlp);
}

/* Limits from the scales; after tw_nlp_scale, and on resume. */
static void set_limits(tw_sqp *s) {
  const tw_oracle *o = s->run->oracle;
  const bool bounded = (o->offers & TW_BOUNDS) != 0;
  for (int64_t k = 0; k < s->n; k++) {
    s->l[k] = bounded ? o->lower[k] : -INFINITY;
    s->u[k] = bounded ? o->upper[k] : INFINITY;
  }
  for (int64_t i = 0; i < s->m; i++) {
    s->rl[i] = s->nlp.row[i] * o->c_lower[i];
    s->ru[i] = s->nlp.row[i] * o->c_upper[i];
  }
}

static tw_status allocate(tw_sqp *s) {
  const size_t n = (size_t)s->n, m = (size_t)s->m, all = n + m;
  const struct {
    double **at;
    size_t size;
  } parts[] = {{&s->rl, m}, {&s->ru, m}, {&s->l, n}, {&s->u, n}, {&s->h, (size_t)s->nlp.h.nnz}, {&s->b, n * n}, {&s->a, m * n},
               {&s->penalty, all}, {&s->q, n}, {&s->al, m}, {&s->au, m}, {&s->dl, n}, {&s->du, n}, {&s->d, n}, {&s->qy, m}, {&s->qz, n},
               {&s->d2, n}, {&s->y2, m}, {&s->z2, n}, {&s->trial, n}, {&s->trial_c, m}, {&s->base, m}, {&s->work, rt_active_room(s->n)},
               {&s->zl, n}, {&s->zu, n}};
  size_t total = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) total += parts[i].size;
  s->block = tw_alloc(total, sizeof *s->block);
  s->active = tw_alloc(all, sizeof *s->active);
  if (!s->block || !s->active) return tw_fail(s->run->error, TW_ERR_MEMORY, "out of memory");
  total = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    *parts[i].at = s->block + total;
    total += parts[i].size;
  }
  return TW_OK;
}

static tw_status open_sqp(tw_sqp **out, tw_run *run) {
  tw_sqp *s = *out = run->local;
  if (!s) {
    const int64_t m = run->oracle->m;
    if (run->n > ORDER_MOST || m > 10 * ORDER_MOST)
      return tw_fail(run->error, TW_ERR_UNSUPPORTED,
                     "sqp keeps dense matrices: %lld variables and %lld rows, at most %d and %d; method ipm keeps sparse ones",
                     (long long)run->n, (long long)m, ORDER_MOST, 10 * ORDER_MOST);
    if (!(s = *out = run->local = tw_alloc(1, sizeof *s))) return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
    s->run = run, s->n = run->n, s->m = m;
    s->tol = tw_run_tolerance(run);
    TW_TRY(tw_nlp_open(&s->nlp, run));
    TW_TRY(allocate(s));
  }
  TW_TRY(fetch(s));
  set_limits(s);
  return TW_OK;
}

static void finish(tw_run *run) {
  if (tw_presolved_finish(run)) return;
  tw_sqp *s = run->local;
  if (!s) return;
  tw_nlp_close(&s->nlp);
  free(s->block);
  free(s->active);
  free(s);
}

/* ------------------------------------------------------------------ what is left of the optimality conditions */

/* With multipliers y (scaled); the reduced costs of variables at their bounds are what they are. */
static tw_optimality optimality(tw_sqp *s, const double *y) {
  vec_copy(s->n, s->g, s->zl);
  tw_nlp_add_jt(&s->nlp, s->j, 1, y, s->zl);
  for (int64_t k = 0; k < s->n; k++) {
    const double z = s->zl[k];
    s->zl[k] = z > 0 && s->x[k] == s->l[k] ? z : 0;
    s->zu[k] = z < 0 && s->x[k] == s->u[k] ? -z : 0;
  }
  return tw_nlp_optimality(&s->nlp, s->x, s->c, s->g, s->j, y, s->zl, s->zu);
}

static void report(tw_sqp *s) {
  tw_run *run = s->run;
  vec_copy(s->n, s->x, run->x);
  run->f = s->number[SQP_F] / *s->nlp.scale;
  for (int64_t i = 0; i < s->m; i++) run->dual[i] = s->nlp.row[i] * s->y[i] / *s->nlp.scale;
  run->optimality = optimality(s, s->y);
  run->size = s->nlp.terms;
}

/* The larger of all, relative to what counts as none. */
static double total(const tw_sqp *s, const tw_optimality *e) {
  return fmax(e->feasibility / s->tol, fmax(e->stationarity / tw_run_scale(s->run), e->complementarity) / s->tol);
}

/* ------------------------------------------------------------------ start */

/* The start of an attempt, the scales known. */
static tw_status begin(tw_sqp *s, const struct attempt *attempt) {
  bool finite;
  vec_copy(s->n, s->start, s->x);
  TW_TRY(tw_nlp_value(&s->nlp, s->x, &s->number[SQP_F], s->c));
  TW_TRY(tw_nlp_first(&s->nlp, s->x, s->g, s->j, &finite));
  if (!isfinite(s->number[SQP_F]) || !finite)
    return tw_fail(s->run->error, TW_ERR_NUMERIC,
                   "sqp: the objective, a constraint or a derivative is not finite at the start (moved into the bounds)");
  tw_nlp_bfgs_reset(&s->nlp);
  vec_zero(s->m, s->y);
  vec_zero(s->m, s->nu);
  vec_zero(s->m + s->n, s->guess);
  s->number[SQP_SHIFT] = s->number[SQP_STUCK] = s->number[SQP_HOPELESS] = 0;
  s->number[SQP_FLOOR] = attempt->floor;
  s->number[SQP_GAMMA] = attempt->gamma * fmax(1, vec_norm_inf(s->n, s->g));
  report(s);
  return TW_OK;
}

static tw_status init(tw_run *run) {
  tw_sqp *s;
  bool taken;
  TW_TRY(tw_presolved_init(run, &taken));
  if (taken) return TW_OK;
  TW_TRY(open_sqp(&s, run));
  for (int64_t i = 0; i < s->m; i++)
    if (!(run->oracle->c_lower[i] <= run->oracle->c_upper[i]))
      return tw_run_end(run, TW_INFEASIBLE, "constraint row %lld has bounds %g above %g", (long long)i, run->oracle->c_lower[i],
                        run->oracle->c_upper[i]);
  vec_copy(s->n, run->x, s->start);
  vec_clip(s->n, s->l, s->u, s->start);
  TW_TRY(tw_nlp_scale(&s->nlp, s->start));
  set_limits(s);
  return begin(s, &attempts[0]);
}

/* This attempt found no solution: the next, or the end. The last repeats the first without its limit. What is nearly stationary counts as
 * solved unless the objective was still falling when the attempt's iterations were over. */
static tw_status start_again(tw_sqp *s, tw_outcome outcome, const char *message) {
  tw_run *run = s->run;
  const tw_optimality *e = &run->optimality;
  const double stationarity = e->stationarity / tw_run_scale(run);
  const bool falls = outcome == TW_RUNNING && run->driver->still == 0;
  if (!falls && e->feasibility <= FEASIBLE && fmax(stationarity, e->complementarity) <= ACCEPTABLE)
    return tw_run_end(run, TW_SOLVED, "solved to an acceptable level: stationarity %.2g, complementarity %.2g, violation %.2g",
                      e->stationarity, e->complementarity, e->feasibility);
  const int next = (int)++s->number[SQP_ATTEMPT];
  if (outcome == TW_INFEASIBLE) s->number[SQP_INFEASIBLE] = 1;
  if (next == 1 && outcome != TW_RUNNING) s->number[SQP_FAILED] = 1;
  if (!tw_run_flag(run, "restarts") || next >= ATTEMPTS || (next == ATTEMPTS - 1 && s->number[SQP_FAILED] != 0)) {
    if (outcome == TW_RUNNING) outcome = TW_FAILED;
    return tw_run_end(run, s->number[SQP_INFEASIBLE] != 0 ? TW_INFEASIBLE : outcome, "%s", message);
  }
  s->number[SQP_BEGAN] = (double)run->iteration;
  return begin(s, &attempts[next]);
}

/* ------------------------------------------------------------------ the merit function */

double sqp_merit(const tw_sqp *s, double f, const double *c) {
  double phi = f;
  for (int64_t i = 0; i < s->m; i++) phi += s->nu[i] * sqp_violation(s, i, c[i]);
  return phi;
}

static double violation(const tw_sqp *s, const double *c) {
  double sum = 0;
  for (int64_t i = 0; i < s->m; i++) sum += sqp_violation(s, i, c[i]);
  return sum;
}

/* nu_i = max(|y_i|, (nu_i + |y_i|) / 2) (Powell 1978), a little more for the strict descent. */
static void set_weights(tw_sqp *s) {
  for (int64_t i = 0; i < s->m; i++) {
    const double y = 1.1 * fabs(s->qy[i]) + 1e-8;
    s->nu[i] = fmax(y, 0.5 * (s->nu[i] + y));
  }
}

/* Of phi along d, with the rows as their linear models say. */
static double slope(tw_sqp *s) {
  double sum = vec_dot(s->n, s->g, s->d);
  vec_copy(s->m, s->c, s->base);
  tw_nlp_add_j(&s->nlp, s->j, 1, s->d, s->base);
  for (int64_t i = 0; i < s->m; i++) sum += s->nu[i] * (sqp_violation(s, i, s->base[i]) - sqp_violation(s, i, s->c[i]));
  return sum;
}

/* Weights that make d a direction of descent, should rounding or the penalty's own curvature have spoilt it. */
static double descend(tw_sqp *s) {
  double down = slope(s);
  const double gain = violation(s, s->c) - violation(s, s->base), wanted = -1e-8 * vec_dot(s->n, s->d, s->d);
  if (down <= wanted || !(gain > 0)) return down;
  const double more = 2 * (down - wanted) / gain;
  for (int64_t i = 0; i < s->m; i++) s->nu[i] += more;
  return slope(s);
}

/* ------------------------------------------------------------------ line search */

static void move_to(tw_sqp *s, double alpha, const double *d) {
  vec_add(s->n, s->x, alpha, d, s->trial);
  vec_clip(s->n, s->l, s->u, s->trial);
  for (int64_t k = 0; k < s->n && alpha == 1; k++)
    if (s->active[s->m + k]) s->trial[k] = s->active[s->m + k] < 0 ? s->l[k] : s->u[k];
}

static bool accepts(const tw_sqp *s, double f, double phi, double down, double alpha) {
  const double now = sqp_merit(s, s->number[SQP_F], s->c);
  return isfinite(f) && sqp_merit(s, f, s->trial_c) <= now + ARMIJO * alpha * down + 10 * DBL_EPSILON * fmax(1, fabs(phi));
}

/* Second-order correction (Fletcher 1982): the rows as they are at x + d, so that the curvature of the constraints does not
 * keep the full step from being taken (Maratos 1978). */
static tw_status correct(tw_sqp *s, double down, double *f, bool *accepted) {
  bool found;
  *accepted = false;
  for (int64_t i = 0; i < s->m; i++) s->base[i] = s->trial_c[i];
  tw_nlp_add_j(&s->nlp, s->j, -1, s->d, s->base);
  TW_TRY(sqp_program(s, s->base, s->d2, s->y2, s->z2, &found));
  if (!found || vec_norm_inf(s->n, s->d2) > 2 * vec_norm_inf(s->n, s->d)) return TW_OK;
  move_to(s, 1, s->d2);
  TW_TRY(tw_nlp_value(&s->nlp, s->trial, f, s->trial_c));
  *accepted = accepts(s, *f, *f, down, 1);
  return TW_OK;
}

/* Beyond a full step that a shift has shortened, tenfold while phi falls on. */
static tw_status extend(tw_sqp *s, double down, double *alpha, double *f) {
  double phi = sqp_merit(s, *f, s->trial_c), longer = 10 * *alpha, trial_f = *f;
  bool accepted = true;
  for (int k = 0; k < BACKTRACKS && accepted; k++, longer *= 10) {
    move_to(s, longer, s->d);
    TW_TRY(tw_nlp_value(&s->nlp, s->trial, &trial_f, s->trial_c));
    accepted = accepts(s, trial_f, phi, down, longer) && sqp_merit(s, trial_f, s->trial_c) < phi;
    if (!accepted) break;
    *alpha = longer, *f = trial_f;
    phi = sqp_merit(s, trial_f, s->trial_c);
  }
  move_to(s, *alpha, s->d);
  return accepted ? TW_OK : tw_nlp_value(&s->nlp, s->trial, f, s->trial_c);
}

/* The longest step of a backtracking search that lessens phi. *alpha: 0 when there is none. */
static tw_status search(tw_sqp *s, double down, double *alpha, double *f) {
  bool accepted = false;
  const double now = sqp_merit(s, s->number[SQP_F], s->c), before = violation(s, s->c);
  *alpha = 1;
  for (int k = 0; k < BACKTRACKS; k++) {
    move_to(s, *alpha, s->d);
    TW_TRY(tw_nlp_value(&s->nlp, s->trial, f, s->trial_c));
    if (accepts(s, *f, now, down, *alpha)) return k == 0 && s->shifted ? extend(s, down, alpha, f) : TW_OK;
    const double phi = isfinite(*f) ? sqp_merit(s, *f, s->trial_c) : INFINITY;
    if (k == 0 && isfinite(phi) && !s->elastic && s->m > 0 && violation(s, s->trial_c) > 0.1 * before) {
      TW_TRY(correct(s, down, f, &accepted));
      if (accepted) return TW_OK;
    }
    /* The minimum of the parabola, within [0.1, 0.5] of the last step. */
    const double bend = phi - now - *alpha * down, best = isfinite(phi) ? -0.5 * down * *alpha * *alpha / bend : 0;
    *alpha = fmin(0.5 * *alpha, fmax(0.1 * *alpha, best));
  }
  *alpha = 0;
  return TW_OK;
}

/* ------------------------------------------------------------------ one iteration */

/* Steps that had to be cut short are shortened by curvature from the start (Levenberg 1944, Marquardt 1963). */
static void adapt_floor(tw_sqp *s, double alpha) {
  double *floor = &s->number[SQP_FLOOR];
  if (alpha < 0.1) *floor = fmin(1e6, fmax(1e-5, 10 * *floor));
  if (alpha >= 1) *floor = *floor > 1e-7 ? *floor / 3 : 0;
}

/* The objective, its multipliers and the price of violations by another sigma, where that is outgrown. */
static void rescale(tw_sqp *s) {
  const double factor = tw_nlp_outgrown(&s->nlp, s->g);
  if (!(factor > 1)) return;
  *s->nlp.scale *= factor;
  s->number[SQP_F] *= factor;
  s->number[SQP_GAMMA] *= factor;
  vec_scale(s->n, factor, s->g);
  vec_scale(s->m, factor, s->y);
  vec_scale(s->m, factor, s->nu);
  if (s->nlp.bfgs) vec_scale(s->nlp.h.nnz, factor, s->nlp.bfgs);
}

/* The trial point becomes x. */
static tw_status take(tw_sqp *s, double alpha, double f) {
  const int64_t n = s->n;
  bool finite;
  double *step = s->d2, *change = s->z2;
  for (int64_t i = 0; i < s->m; i++) s->y[i] += fmin(1, alpha) * (s->qy[i] - s->y[i]);
  vec_sub(n, s->trial, s->x, step);
  vec_copy(n, s->g, change);
  tw_nlp_add_jt(&s->nlp, s->j, 1, s->y, change);
  vec_copy(n, s->trial, s->x);
  vec_copy(s->m, s->trial_c, s->c);
  s->number[SQP_F] = f;
  TW_TRY(tw_nlp_first(&s->nlp, s->x, s->g, s->j, &finite));
  if (!finite) return tw_fail(s->run->error, TW_ERR_NUMERIC, "sqp: a derivative is not finite at an iterate");
  if (s->nlp.bfgs) {
    for (int64_t k = 0; k < n; k++) change[k] = s->g[k] - change[k];
    tw_nlp_add_jt(&s->nlp, s->j, 1, s->y, change);
    tw_nlp_bfgs_update(&s->nlp, step, change);
  }
  for (int64_t i = 0; i < s->m + n; i++) s->guess[i] = s->active[i];
  adapt_floor(s, alpha);
  s->number[SQP_STUCK] = 0;
  rescale(s);
  return TW_OK;
}

/* Rows are violated, and no elastic program sees a way: that is infeasibility where their slopes cancel. */
static tw_status end_infeasible(tw_sqp *s) {
  char why[128];
  for (int64_t i = 0; i < s->m; i++) s->base[i] = sqp_violation(s, i, s->c[i]);
  double left;
  TW_TRY(tw_nlp_violation_left(&s->nlp, s->j, s->base, s->qy, s->qz, s->start, &left));
  if (left > TW_NLP_BALANCED) {
    if (s->number[SQP_RAISED] >= RAISED_MOST || !tw_nlp_raise_rows(&s->nlp, s->j, s->base, s->trial_c))
      return start_again(s, TW_FAILED, "no step lessens the violations, and yet they are not stationary");
    s->number[SQP_RAISED]++;
    set_limits(s);
    return begin(s, &attempts[(int)s->number[SQP_ATTEMPT]]);
  }
  snprintf(why, sizeof why, "no point nearby violates the constraints less: %.3g in all (scaled)", violation(s, s->c));
  return start_again(s, TW_INFEASIBLE, why);
}

/* x far out, seen as a direction: g'x < 0, and rows are violated by nothing beside their terms. */
static bool is_ray(tw_sqp *s) {
  double *size = s->base, slope = 0, terms = 0;
  vec_zero(s->m, size);
  for (int64_t k = 0; k < s->n; k++) {
    slope += s->g[k] * s->x[k], terms += fabs(s->g[k] * s->x[k]);
    for (int64_t p = s->nlp.j.colptr[k]; p < s->nlp.j.colptr[k + 1]; p++) size[s->nlp.j.rowidx[p]] += fabs(s->j[p] * s->x[k]);
  }
  for (int64_t i = 0; i < s->m; i++)
    if (sqp_violation(s, i, s->c[i]) > RAY * size[i]) return false;
  return -slope > ACCEPTABLE * terms;
}

static tw_status end_far(tw_sqp *s) {
  if (is_ray(s))
    return tw_run_end(s->run, TW_UNBOUNDED, "the iterates grow beyond 1e20, the objective is %.3g: there seems to be no finite minimum",
                      s->run->f);
  return start_again(s, TW_FAILED, "the iterates grow beyond 1e20 where rows are violated");
}

/* No step: more curvature next time, or the end. */
static tw_status stuck(tw_sqp *s) {
  tw_run *run = s->run;
  const tw_optimality *e = &run->optimality;
  const double scale = tw_run_scale(run);
  if (++s->number[SQP_STUCK] < STUCK_MOST) {
    s->number[SQP_FLOOR] = fmax(1e-4, 30 * s->number[SQP_FLOOR]);
    vec_zero(s->m + s->n, s->guess);
    vec_zero(s->m, s->nu);
    if (s->number[SQP_STUCK] == 1) tw_nlp_bfgs_reset(&s->nlp);
    if (s->elastic && s->number[SQP_GAMMA] < GAMMA_MOST) s->number[SQP_GAMMA] *= 10;
    return TW_OK;
  }
  if (e->feasibility > ACCEPTABLE && s->elastic) return end_infeasible(s);
  char why[128];
  snprintf(why, sizeof why, "no step lessens the merit function: stationarity %.2g, violation %.2g", e->stationarity / scale,
           e->feasibility);
  return start_again(s, TW_FAILED, why);
}

/* The elastic program's step lessens the violation by next to nothing, even as its price grows: x is locally infeasible. */
static bool is_hopeless(tw_sqp *s) {
  double *count = &s->number[SQP_HOPELESS];
  const double now = violation(s, s->c);
  vec_copy(s->m, s->c, s->base);
  tw_nlp_add_j(&s->nlp, s->j, 1, s->d, s->base);
  const bool gains = !s->elastic || now - violation(s, s->base) > GAIN * now || s->run->optimality.feasibility <= FEASIBLE;
  *count = gains ? 0 : *count + 1;
  if (!gains) s->number[SQP_GAMMA] = fmin(GAMMA_MOST, 10 * s->number[SQP_GAMMA]);
  return *count >= HOPELESS_MOST;
}

static tw_status direction(tw_sqp *s, bool *found) {
  bool finite;
  TW_TRY(sqp_curvature(s, &finite));
  *found = false;
  s->elastic = false;
  if (!finite) return TW_OK;
  TW_TRY(sqp_program(s, s->c, s->d, s->qy, s->qz, found));
  if (s->m == 0 || (*found && vec_norm_inf(s->m, s->qy) <= s->number[SQP_GAMMA])) return TW_OK;
  /* Rows that all but depend on each other: multipliers have lost their meaning. */
  s->elastic = true;
  return sqp_elastic(s, found);
}

/* The program's multipliers belong to x as much as to x + d: at the end they show that x is the solution. */
static bool take_multipliers(tw_sqp *s) {
  const tw_optimality e = optimality(s, s->qy);
  if (!(total(s, &e) <= 1)) return false;
  vec_copy(s->m, s->qy, s->y);
  for (int64_t i = 0; i < s->m + s->n; i++) s->guess[i] = s->active[i];
  return true;
}

static tw_status step(tw_run *run) {
  tw_sqp *s;
  if (tw_presolved_is(run)) return tw_presolved_step(run);
  bool found;
  double alpha = 0, f = 0;
  TW_TRY(open_sqp(&s, run));
  TW_TRY(direction(s, &found));
  if (found && is_hopeless(s)) return end_infeasible(s);
  bool moved = false;
  const bool stationary = found && take_multipliers(s);
  if (stationary) {
    set_weights(s);
    TW_TRY(sqp_escape(s, &f, &moved));
    if (moved) TW_TRY(take(s, 0, f));
  }
  if (found && !stationary) {
    set_weights(s);
    const double down = descend(s);
    if (down < 0) TW_TRY(search(s, down, &alpha, &f));
    if (alpha > 0) TW_TRY(take(s, alpha, f));
    if (alpha == 0) found = false;
  }
  report(s);
  if (vec_norm_inf(s->n, s->x) > FAR) return end_far(s);
  if (!found) return stuck(s);
  const struct attempt *attempt = &attempts[(int)s->number[SQP_ATTEMPT]];
  const bool more = tw_run_flag(run, "restarts") && run->iteration - (int64_t)s->number[SQP_BEGAN] >= attempt->most;
  return more && !(total(s, &run->optimality) <= 1) ? start_again(s, TW_RUNNING, "no attempt came to an end") : TW_OK;
}

/* Where the tolerances are met: the multipliers of one more program, whose active set shows the directions that are free. */
static tw_status escape(tw_run *run, bool *moved) {
  tw_sqp *s;
  bool found;
  double f = 0;
  if (tw_presolved_is(run)) return TW_OK;
  TW_TRY(open_sqp(&s, run));
  TW_TRY(direction(s, &found));
  if (!found || !s->shifted || !take_multipliers(s)) return TW_OK;
  set_weights(s);
  TW_TRY(sqp_escape(s, &f, moved));
  if (!*moved) return TW_OK;
  TW_TRY(take(s, 0, f));
  report(s);
  return TW_OK;
}

static const tw_option options[] = {TW_OPTION_TOL(1e-9), TW_OPTION_MAX_ITER(1000),
                                    {"restarts", TW_OPTION_FLAG, 1, 0, 1, NULL,
                                     "start again with other shifts and prices of violations after a failure or 200 iterations"},
                                    TW_OPTION_PRESOLVE(0),
                                    TW_OPTION_END};

const tw_method tw_method_sqp = {
    .name = "sqp",
    .summary = "sequential quadratic programming: dense active-set programs, a line search, for small or warm-started problems",
    .reference = "Powell 1978, A fast algorithm for nonlinearly constrained optimization calculations; Goldfarb & Idnani 1983",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT,
    .matrices = TW_HOLDS_LAGRANGIAN | TW_HOLDS_CONSTRAINTS,
    .handles = TW_HANDLES_CONSTRAINTS | TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
    .escape = escape,
    .finish = finish,
};
