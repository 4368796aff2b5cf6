/* The method hsde: start, one iteration, judging, refinement, certificates; see hsde.h. */
#include "method/program/hsde.h"

#include "method/driver.h"

static const double SCALE_LOW = 1e-4, SCALE_HIGH = 1e6, SCALE_JUMP = 3.1622776601683795, REFINE_BELOW = 1e-2, REFINE_AGAIN = 0.3,
    MISMATCH = 1e-3, TAU_LEAST = 1e-12, UNIT_JUMP = 100, UNIT_MOST = 1e4, UNITS_GROWTH = 1.2;
enum { RUIZ_PASSES = 15, JUDGE_EVERY = 10, SCALE_EVERY = 100, NEWTON_STEPS = 10, STRETCH = 2000 };

static const tw_option options[] = {
    TW_OPTION_TOL(1e-8),
    TW_OPTION_MAX_ITER(100000),
    {"scale", TW_OPTION_REAL, 0.1, 1e-4, 1e4, NULL, "first weight of the primal residual against the dual one"},
    {"adapt", TW_OPTION_FLAG, 1, 0, 1, NULL, "balance the two residuals by new scales, each with a new factorization"},
    {"anderson", TW_OPTION_FLAG, 1, 0, 1, NULL, "Anderson acceleration"},
    {"refine", TW_OPTION_FLAG, 1, 0, 1, NULL, "finish by Newton's method on the conic residual map"},
    {"presolve", TW_OPTION_FLAG, 0, 0, 1, NULL, "solve a smaller problem with the same solutions"},
    {"infeasible_tol", TW_OPTION_REAL, TW_PROOF_CERTAIN, 1e-14, 1e-2, NULL, "what a certificate may leave of its sums, beside their terms"},
    TW_OPTION_END};

/* ------------------------------------------------------------------ opening */

static void release(tw_hsde *h) {
  tw_conic_presolve_close(h->presolve);
  tw_conic_free(&h->full);
  free(h->full_x);
  tw_conic_scaled_free(&h->s);
  tw_conic_map_close(&h->map);
  tw_csc_free(&h->kkt);
  tw_factor_free(h->factor);
  free(h->r), free(h->g), free(h->work), free(h->x), free(h->y), free(h->slack);
}

static void finish(tw_run *run) {
  if (!run->local) return;
  release(run->local);
  free(run->local);
  run->local = NULL;
}

static tw_status fetch(tw_hsde *h) {
  const int64_t size = h->size;
  const tw_slot slots[] = {{"hsde.w", size, &h->w},
                           {"hsde.u", size, &h->u},
                           {"hsde.tilde", size, &h->tilde},
                           {"hsde.state", HSDE_STATE, &h->state},
                           {"hsde.aa_w", size * HSDE_MEMORY, &h->aa_w},
                           {"hsde.aa_f", size * HSDE_MEMORY, &h->aa_f},
                           {"hsde.aa_last_w", size, &h->aa_last_w},
                           {"hsde.aa_last_f", size, &h->aa_last_f},
                           {"hsde.aa_plain", size, &h->aa_plain},
                           {NULL, 0, NULL}};
  return tw_fetch(h->run, slots);
}

static tw_status allocate(tw_hsde *h) {
  const size_t n = (size_t)h->n, m = (size_t)h->m, size = (size_t)h->size;
  h->r = tw_alloc(size, sizeof(double)), h->g = tw_alloc(size, sizeof(double));
  h->work = tw_alloc(3 * size, sizeof(double));
  h->x = tw_alloc(n, sizeof(double)), h->y = tw_alloc(m, sizeof(double)), h->slack = tw_alloc(m, sizeof(double));
  if (h->r && h->g && h->work && h->x && h->y && h->slack) return TW_OK;
  return tw_fail(h->run->error, TW_ERR_MEMORY, "out of memory for a conic problem");
}

/* The problem, or the smaller one in its place. */
static tw_status take_problem(tw_hsde *h, tw_conic *raw) {
  tw_run *run = h->run;
  TW_TRY(run->oracle->conic(run->oracle->context, raw, run->error));
  if (!tw_run_flag(run, "presolve")) return TW_OK;
  h->full = *raw;
  TW_TRY(tw_conic_presolve_open(&h->presolve, &h->full, raw, run->error));
  if (!h->presolve) *raw = h->full, h->full = (tw_conic){0};
  if (!h->presolve) return TW_OK;
  const size_t n = (size_t)h->full.n, m = (size_t)h->full.m;
  if (!(h->full_x = tw_alloc(3 * n + 4 * m, sizeof(double))))
    return tw_fail(run->error, TW_ERR_MEMORY, "out of memory for a conic problem");
  h->full_y = h->full_x + n, h->full_slack = h->full_y + m;
  return TW_OK;
}

static tw_status open_parts(tw_hsde *h) {
  tw_run *run = h->run;
  tw_conic raw = {0};
  TW_TRY(take_problem(h, &raw));
  TW_TRY(tw_conic_scale(&h->s, &raw, RUIZ_PASSES, run->error));
  h->n = h->s.n, h->m = h->s.m, h->size = h->n + h->m + 1;
  TW_TRY(allocate(h));
  TW_TRY(fetch(h));
  TW_TRY(tw_conic_map_open(&h->map, h->n, h->m, &h->s.p, &h->s.a, h->s.c, h->s.b, h->s.raw.cones, h->s.raw.cone, run->error));
  if (h->state[HSDE_SCALE] == 0) {
    h->state[HSDE_SCALE] = tw_run_real(run, "scale");
    h->state[HSDE_SIGMA] = h->s.sigma, h->state[HSDE_RHO] = h->s.rho;
    h->state[HSDE_UNITS] = SCALE_EVERY - 1;
    h->state[HSDE_ATTEMPT] = h->state[HSDE_LEFT_Y] = h->state[HSDE_LEFT_X] = INFINITY;
    h->w[h->size - 1] = 1;
    hsde_forget(h);
  }
  tw_conic_rescale(&h->s, h->state[HSDE_SIGMA], h->state[HSDE_RHO]);
  return hsde_factorize(h);
}

static tw_status open(tw_hsde **out, tw_run *run) {
  tw_hsde *h = *out = run->local;
  if (h) { /* a resume may have moved the state and changed its scale */
    TW_TRY(fetch(h));
    const bool units = h->state[HSDE_SIGMA] == h->s.sigma && h->state[HSDE_RHO] == h->s.rho;
    if (!units) tw_conic_rescale(&h->s, h->state[HSDE_SIGMA], h->state[HSDE_RHO]);
    return units && h->state[HSDE_SCALE] == h->factored_scale ? TW_OK : hsde_factorize(h);
  }
  if (!(h = *out = run->local = tw_alloc(1, sizeof *h))) return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  h->run = run;
  return open_parts(h);
}

/* ------------------------------------------------------------------ judging */

/* x, y and s in the original units, of those in the problem's of the splitting, divided by tau. */
static void to_original(tw_hsde *h, const double *x, const double *y, const double *s, double tau) {
  const double primal = 1 / (h->s.sigma * tau), dual = 1 / (h->s.rho * tau);
  for (int64_t j = 0; j < h->n; j++) h->x[j] = primal * h->s.e[j] * x[j];
  for (int64_t i = 0; i < h->m; i++) h->y[i] = dual * h->s.d[i] * y[i], h->slack[i] = primal * s[i] / h->s.d[i];
}

static double relative(const tw_conic_error *e) {
  return fmax(fmax(e->primal / e->primal_scale, e->dual / e->dual_scale), e->gap / e->gap_scale);
}

/* The run's multipliers and point are `factor` times h->y and h->x, brought back from the smaller problem. */
static void point_at(tw_hsde *h, double factor, bool certificate) {
  tw_run *run = h->run;
  const tw_conic *c = h->presolve ? &h->full : &h->s.raw;
  if (h->presolve) tw_conic_presolve_bring(h->presolve, h->x, h->y, certificate, h->full_x, h->full_y);
  const double *x = h->presolve ? h->full_x : h->x, *y = h->presolve ? h->full_y : h->y;
  for (int64_t j = 0; j < c->n_x; j++) run->x[j] = factor * x[c->column[j]];
  if (run->dual) vec_zero(run->oracle->m, run->dual);
  for (int64_t k = 0; k < c->duals && run->dual; k++) run->dual[c->dual[k].row] += factor * c->dual[k].sign * y[c->dual[k].of];
}

/* What the problem's objective is at the run's point; NaN where it is not defined or cannot be had. */
static double objective_as_stated(const tw_run *run) {
  const tw_oracle *o = run->oracle;
  double f = NAN, g = 0;
  if (o->value(o->context, run->x, &f, NULL) != TW_OK) return NAN;
  if (o->regularizer && o->regularizer(o->context, run->x, &g, NULL) != TW_OK) return NAN;
  return f + g;
}

/* The run's point and optimality from h->x, h->y. f is that of the point; where it has none, that of the form. */
static void report(tw_hsde *h, const tw_conic_error *e) {
  tw_run *run = h->run;
  const double scale = tw_run_scale(run);
  point_at(h, 1, false);
  const double f = objective_as_stated(run);
  run->f = isfinite(f) ? f : e->objective;
  run->optimality = (tw_optimality){e->dual, e->primal, e->gap / e->gap_scale * scale};
}

static bool converged(const tw_hsde *h, const tw_conic_error *e) {
  return relative(e) <= tw_run_tolerance(h->run);
}

/* What the oracle says of the objective, where it is defined (iterates obey constraints only to the tolerance). A form that was
 * derived at other values of parameters, where something else was convex, is found out here. */
static tw_status end_solved(tw_hsde *h, const tw_conic_error *e) {
  tw_run *run = h->run;
  double f = NAN, g = 0;
  TW_TRY(tw_run_value(run, run->x, &f));
  if (run->oracle->regularizer) TW_TRY(tw_run_regularizer(run, run->x, &g));
  if (isfinite(f + g) && !(fabs(f + g - e->objective) <= MISMATCH * e->gap_scale))
    return tw_fail(run->error, TW_ERR_NUMERIC, "the conic form has the objective %.9g where the problem has %.9g", e->objective, f + g);
  if (isfinite(f + g)) run->f = f + g;
  tw_run_end(run, TW_SOLVED, "residuals %.2g primal, %.2g dual, gap %.2g, relative to what they are differences of",
      e->primal / e->primal_scale,
             e->dual / e->dual_scale, e->gap / e->gap_scale);
  return TW_OK;
}

/* ------------------------------------------------------------------ certificates */

static tw_status end_infeasible(tw_hsde *h) {
  tw_run *run = h->run;
  point_at(h, -1 / vec_dot(h->m, h->s.raw.b, h->y), true);
  const tw_conic *c = h->presolve ? &h->full : &h->s.raw;
  const tw_proof proof = tw_conic_proof_infeasible(c, h->presolve ? h->full_y : h->y);
  if (!tw_proof_holds(proof, tw_run_real(run, "infeasible_tol"))) return TW_OK;
  run->certified = true;
  return tw_run_end(run, TW_INFEASIBLE,
                    "no point satisfies all constraints: multipliers y of the cones have b'y = -1, and %.2g of its terms is left of A'y",
                    proof.left);
}

static tw_status end_unbounded(tw_hsde *h) {
  tw_run *run = h->run;
  point_at(h, -1 / vec_dot(h->n, h->s.raw.c, h->x), true);
  if (h->presolve) tw_conic_presolve_slack(h->presolve, h->full_x, h->slack, h->full_slack);
  const tw_proof proof = h->presolve ? tw_conic_proof_unbounded(&h->full, h->full_x, h->full_slack, h->full_slack + h->full.m)
                                     : tw_conic_proof_unbounded(&h->s.raw, h->x, h->slack, h->work);
  if (!tw_proof_holds(proof, tw_run_real(run, "infeasible_tol"))) return TW_OK;
  run->certified = true;
  return tw_run_end(run, TW_UNBOUNDED,
                    "the objective falls without end along a direction x with c'x = -1, and %.2g of its terms is left of the equations",
                    proof.left);
}

static tw_status look_for_certificates(tw_hsde *h, const double *slack) {
  bool infeasible, unbounded;
  TW_TRY(hsde_prove(h, slack, &infeasible, &unbounded));
  if (infeasible) return end_infeasible(h);
  return unbounded ? end_unbounded(h) : TW_OK;
}

/* ------------------------------------------------------------------ refinement */

/* Newton on the residual map from the present point; taken when it is better in the original units. */
static tw_status refine(tw_hsde *h, tw_conic_error *e) {
  const int64_t n = h->n, m = h->m;
  const double tau = h->u[h->size - 1], before = relative(e);
  double *z = h->work + 2 * h->size, *slack = h->work, norm;
  tw_run *run = h->run;
  hsde_slack(h, slack);
  for (int64_t j = 0; j < n; j++) z[j] = h->u[j] / tau;
  for (int64_t i = 0; i < m; i++) z[n + i] = (h->u[n + i] - slack[i]) / tau;
  TW_TRY(tw_conic_map_newton(&h->map, NEWTON_STEPS, z, &norm, run->error));
  TW_TRY(tw_cone_map_at(h->map.dual, z + n, false, h->map.y, run->error));
  for (int64_t i = 0; i < m; i++) slack[i] = h->map.y[i] - z[n + i];
  to_original(h, z, h->map.y, slack, 1);
  const tw_conic_error now = tw_conic_judge(&h->s.raw, h->x, h->y, h->slack, h->work + h->size);
  h->state[HSDE_ATTEMPT] = fmin(before, relative(&now));
  if (!(relative(&now) < before)) return TW_OK;
  *e = now;
  vec_copy(n, z, h->u);
  vec_copy(m, h->map.y, h->u + n);
  h->u[h->size - 1] = 1;
  vec_copy(h->size, h->u, h->tilde);
  vec_copy(h->size, h->u, h->w);
  hsde_set_w(h, slack);
  hsde_forget(h);
  return TW_OK;
}

/* ------------------------------------------------------------------ scale */

/* The iteration goes on from its present point under another scale or in other units. */
static tw_status go_on(tw_hsde *h, double *slack) {
  h->state[HSDE_LOG_SUM] = h->state[HSDE_LOGS] = h->state[HSDE_SINCE] = 0;
  TW_TRY(hsde_factorize(h));
  hsde_set_w(h, slack);
  hsde_forget(h);
  return TW_OK;
}

/* Weights by the root of the geometric mean of primal over dual residuals since the last change (O'Donoghue, 2021). */
static tw_status adapt_scale(tw_hsde *h) {
  double *state = h->state;
  if (state[HSDE_SINCE] < SCALE_EVERY || state[HSDE_LOGS] == 0) return TW_OK;
  const double factor = exp(state[HSDE_LOG_SUM] / state[HSDE_LOGS] / 2);
  if (factor < SCALE_JUMP && factor > 1 / SCALE_JUMP) return TW_OK;
  const double scale = fmin(fmax(state[HSDE_SCALE] * factor, SCALE_LOW), SCALE_HIGH);
  state[HSDE_LOG_SUM] = state[HSDE_LOGS] = state[HSDE_SINCE] = 0;
  if (scale == state[HSDE_SCALE]) return TW_OK;
  hsde_slack(h, h->slack);
  state[HSDE_SCALE] = scale;
  return go_on(h, h->slack);
}

/* What a size beside tau asks of its unit: 1 while they are comparable. */
static double unit_for(double size, double tau) {
  if (size <= UNIT_JUMP * tau && (size >= tau / UNIT_JUMP || size == 0)) return 1;
  return fmin(fmax(tau / size, 1 / UNIT_MOST), UNIT_MOST);
}

/* A solution far larger, or smaller, than the data leaves tau to rounding beside x or y: sigma and rho move it to the size of tau, seldom,
 * for the splitting has to settle again. */
static tw_status adapt_units(tw_hsde *h, bool *moved) {
  const int64_t n = h->n, m = h->m;
  const double tau = h->u[h->size - 1];
  double *state = h->state, *s = h->slack;
  *moved = false;
  if ((double)h->run->iteration < state[HSDE_UNITS]) return TW_OK;
  hsde_slack(h, s);
  const double a = unit_for(fmax(vec_norm_inf(n, h->u), vec_norm_inf(m, s)), tau), b = unit_for(vec_norm_inf(m, h->u + n), tau);
  if (a == 1 && b == 1) return TW_OK;
  *moved = true;
  state[HSDE_UNITS] = UNITS_GROWTH * (double)h->run->iteration + SCALE_EVERY;
  state[HSDE_SIGMA] *= a, state[HSDE_RHO] *= b;
  state[HSDE_ATTEMPT] = INFINITY;
  tw_conic_rescale(&h->s, state[HSDE_SIGMA], state[HSDE_RHO]);
  double *const points[] = {h->w, h->u, h->tilde};
  for (int k = 0; k < 3; k++) vec_scale(n, a, points[k]), vec_scale(m, b, points[k] + n);
  vec_scale(m, a, s);
  return go_on(h, s);
}

/* e NULL: there is no point. */
static tw_status adapt(tw_hsde *h, const tw_conic_error *e) {
  double *state = h->state;
  bool moved;
  state[HSDE_SINCE] += JUDGE_EVERY;
  if (e && e->primal > 0 && e->dual > 0)
    state[HSDE_LOG_SUM] += log(e->primal / e->primal_scale / (e->dual / e->dual_scale)), state[HSDE_LOGS]++;
  if (!tw_run_flag(h->run, "adapt")) return TW_OK;
  TW_TRY(adapt_units(h, &moved));
  return moved ? TW_OK : adapt_scale(h);
}

/* ------------------------------------------------------------------ the run */

static tw_status judge(tw_hsde *h) {
  tw_run *run = h->run;
  const double tau = h->u[h->size - 1];
  hsde_slack(h, h->slack);
  vec_copy(h->m, h->slack, h->work + 2 * h->size);
  const double *s = h->work + 2 * h->size;
  TW_TRY(look_for_certificates(h, s));
  if (run->driver->outcome != TW_RUNNING) return TW_OK;
  if (!(tau > TAU_LEAST)) return adapt(h, NULL);
  to_original(h, h->u, h->u + h->n, s, tau);
  tw_conic_error e = tw_conic_judge(&h->s.raw, h->x, h->y, h->slack, h->work);
  const double error = relative(&e);
  const bool done = converged(h, &e);
  if (!done && tw_run_flag(run, "refine") && error < REFINE_BELOW && error < REFINE_AGAIN * h->state[HSDE_ATTEMPT]) TW_TRY(refine(h, &e));
  report(h, &e);
  if (converged(h, &e)) return end_solved(h, &e);
  return adapt(h, &e);
}

static tw_status init(tw_run *run) {
  tw_hsde *h;
  TW_TRY(open(&h, run));
  run->size = vec_norm_inf(h->n, h->s.raw.c);
  const tw_conic_error e = tw_conic_judge(&h->s.raw, h->x, h->y, h->slack, h->work);
  report(h, &e);
  run->optimality.feasibility = fmax(run->optimality.feasibility, DBL_MIN);
  return TW_OK;
}

static tw_status step(tw_run *run) {
  tw_hsde *h;
  TW_TRY(open(&h, run));
  TW_TRY(hsde_iterate(h));
  if (run->iteration % JUDGE_EVERY == JUDGE_EVERY - 1) TW_TRY(judge(h));
  /* Extrapolation may lead in circles: every other stretch goes without. */
  if (run->iteration / STRETCH % 2 == 1) hsde_forget(h);
  else if (tw_run_flag(run, "anderson")) TW_TRY(hsde_accelerate(h));
  hsde_normalize(h);
  return TW_OK;
}

const tw_method tw_method_hsde = {
    .name = "hsde",
    .summary = "convex problems over second-order, semidefinite, exponential and power cones: homogeneous self-dual splitting",
    .reference = "O'Donoghue, Chu, Parikh & Boyd, 2016; O'Donoghue, 2021; Zhang, O'Donoghue & Boyd, 2020; Busseti, Moursi & Boyd, 2019",
    .goals = TW_FOR_MINIMIZE,
    .needs = TW_CONIC | TW_VALUE,
    .handles = TW_HANDLES_BOUNDS | TW_HANDLES_SETS | TW_HANDLES_REGULARIZERS | TW_HANDLES_CONSTRAINTS,
    .options = options,
    .init = init,
    .step = step,
    .finish = finish,
    .traits = TW_PATIENT, /* where tau is 0 there is no point to report */
};
