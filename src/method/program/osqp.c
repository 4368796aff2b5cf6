/* The method osqp: start, one block of iterations, and when it ends; see osqp.h. */
#include "method/program/osqp.h"

#include "method/program/nlp.h"
#include "method/program/presolved.h"

enum { BLOCK = 10, ADAPT_EVERY = 50 }; /* iterations between checks, and between changes of rho */
static const double ADAPT_GROWTH = 1.3, POLISH_GROWTH = 1.5; /* .. later, and between polishings */
static const double RHO_FACTOR = 5, POLISH_FROM = 1e-3, POLISHED = 1e-2; /* a point polished early meets a tolerance this much lower */

static const tw_option options[] = {
    {"tol", TW_OPTION_REAL, 1e-6, 0, 1, NULL,
     "solved when the residuals and complementarity are at most this times 1 + the size of their terms"},
    TW_OPTION_MAX_ITER(4000),
    {"rho", TW_OPTION_REAL, 0.1, 1e-6, 1e6, NULL, "first weight of the rows; equalities have 1000 times it"},
    {"sigma", TW_OPTION_REAL, 1e-6, 1e-12, 1, NULL, "weight of the proximal term in x"},
    {"alpha", TW_OPTION_REAL, 1.6, 0.1, 1.99, NULL, "relaxation"},
    {"adaptive", TW_OPTION_FLAG, 1, 0, 1, NULL, "rho follows the ratio of the residuals"},
    {"scaling", TW_OPTION_INTEGER, 10, 0, 1000, NULL, "iterations of Ruiz's equilibration"},
    {"polish", TW_OPTION_FLAG, 1, 0, 1, NULL, "solve for the active set once it settles"},
    TW_OPTION_PRESOLVE(0),
    TW_OPTION_END};

/* ------------------------------------------------------------------ memory */

static double *cut(double **at, int64_t n) {
  double *v = *at;
  *at += n;
  return v;
}

static void place_point(osqp_point *p, double **at, int64_t n, int64_t m) {
  p->x = cut(at, n), p->z = cut(at, n), p->px = cut(at, n), p->aty = cut(at, n);
  p->y = cut(at, m), p->row = cut(at, m), p->ax = cut(at, m);
}

static tw_status allocate(tw_osqp *s) {
  const int64_t n = s->n, m = s->m;
  double *at = s->block = tw_alloc((size_t)(23 * n + 17 * m + 1), sizeof *at);
  if (!at) return tw_fail(s->run->error, TW_ERR_MEMORY, "osqp: out of memory");
  s->q = cut(&at, n);
  s->lower = cut(&at, m + n), s->upper = cut(&at, m + n), s->rho = cut(&at, m + n), s->step_y = cut(&at, m + n);
  s->step_x = cut(&at, n), s->right = cut(&at, n + m), s->made = cut(&at, 2 * (n + m) + 1);
  s->work = cut(&at, 2 * n + m);
  place_point(&s->at, &at, n, m), place_point(&s->polished, &at, n, m), place_point(&s->trial, &at, n, m);
  return TW_OK;
}

/* The state's vectors, which a resume replaces. */
static tw_status fetch(tw_osqp *s) {
  const int64_t n = s->n, m = s->m;
  const tw_slot slots[] = {{"x", n, &s->x}, {"z", m + n, &s->z}, {"y", m + n, &s->y},  {"d", n, &s->d},
                           {"e", m, &s->e}, {"number", OSQP_NUMBERS, &s->number}, {NULL, 0, NULL}};
  return tw_fetch(s->run, slots);
}

static void finish(tw_run *run) {
  if (tw_presolved_finish(run)) return;
  tw_osqp *s = run->local;
  if (!s) return;
  tw_qp_free(&s->qp);
  tw_csc_free(&s->k);
  tw_factor_free(s->factor);
  free(s->block);
  free(s);
  run->local = NULL;
}

/* The run's local memory, opened again after a resume. */
static tw_status enter(tw_osqp **out, tw_run *run) {
  tw_osqp *s = run->local;
  if (!s) {
    if (!(s = run->local = tw_alloc(1, sizeof *s))) return tw_fail(run->error, TW_ERR_MEMORY, "osqp: out of memory");
    *s = (tw_osqp){.run = run, .n = run->n, .m = run->oracle->m};
    s->sigma = tw_run_real(run, "sigma"), s->alpha = tw_run_real(run, "alpha");
    TW_TRY(tw_qp_open_convex(&s->qp, run->oracle, "osqp", run->error));
    TW_TRY(allocate(s));
  }
  *out = s;
  TW_TRY(fetch(s));
  return TW_OK;
}

/* ------------------------------------------------------------------ start */

/* The scaled iterate at x and y of the rows; z = A x within the limits, as far as it is known. */
static void place_start(tw_osqp *s) {
  const int64_t n = s->n, m = s->m;
  const double c = s->number[OSQP_C];
  double *ax = s->at.ax;
  vec_zero(m, ax);
  tw_qp_add_a(&s->qp, 1, s->run->x, ax);
  for (int64_t i = 0; i < m; i++) {
    s->z[i] = fmin(fmax(s->e[i] * ax[i], s->lower[i]), s->upper[i]);
    s->y[i] = c * s->run->dual[i] / s->e[i];
  }
  for (int64_t j = 0; j < n; j++) s->x[j] = s->z[m + j] = s->run->x[j] / s->d[j];
}

/* Stationarity is relative to the terms that cancel in it at the point: a start far away makes no tolerance looser. */
static void give(tw_osqp *s, const osqp_point *p) {
  tw_run *run = s->run;
  vec_copy(s->n, p->x, run->x);
  vec_copy(s->m, p->y, run->dual);
  run->f = p->f;
  run->optimality = p->optimality;
  run->scale = run->size = 1 + p->dual_scale;
}

static tw_status begin(tw_osqp *s) {
  osqp_look(s);
  give(s, &s->at);
  return TW_OK;
}

static tw_status begin_at_start(tw_osqp *s) {
  s->number[OSQP_RHO] = tw_run_real(s->run, "rho");
  s->number[OSQP_ADAPT_AT] = ADAPT_EVERY;
  s->number[OSQP_LEFT_Y] = s->number[OSQP_LEFT_D] = INFINITY;
  osqp_equilibrate(s, tw_run_integer(s->run, "scaling"));
  osqp_rescale(s);
  place_start(s);
  return begin(s);
}

static tw_status init(tw_run *run) {
  tw_osqp *s;
  bool taken;
  TW_TRY(tw_presolved_init(run, &taken));
  if (taken) return TW_OK;
  TW_TRY(tw_nlp_check_rows(run));
  TW_TRY(enter(&s, run));
  return begin_at_start(s);
}

/* The same matrices, patterns and all. */
static bool same_matrix(const tw_csc *a, const tw_csc *b) {
  return csc_same_pattern(a, b) && memcmp(a->value, b->value, (size_t)csc_count(a) * sizeof *a->value) == 0;
}

static void swap_vector(double **a, double **b) {
  double *other = *a;
  *a = *b, *b = other;
}

/* New vectors: scales, rho, factor and iterate stay as they are, or, anew, the analysis of the factor alone. New matrices: a new start. */
static tw_status restart(tw_run *run) {
  tw_osqp *s;
  tw_qp fresh;
  if (tw_presolved_is(run)) return tw_presolved_restart(run);
  TW_TRY(tw_nlp_check_rows(run));
  TW_TRY(enter(&s, run));
  tw_status status = tw_qp_open(&fresh, run->oracle, run->error);
  const bool same = status == TW_OK && same_matrix(&fresh.p, &s->qp.p) && same_matrix(&fresh.a, &s->qp.a);
  if (same) {
    swap_vector(&fresh.q, &s->qp.q);
    swap_vector(&fresh.lower, &s->qp.lower), swap_vector(&fresh.upper, &s->qp.upper);
    swap_vector(&fresh.row_lower, &s->qp.row_lower), swap_vector(&fresh.row_upper, &s->qp.row_upper);
    s->qp.constant = fresh.constant;
  }
  tw_qp_free(&fresh);
  if (status != TW_OK) return status;
  if (!same) {
    finish(run);
    return init(run);
  }
  if (run->anew) return begin_at_start(s);
  s->number[OSQP_TRIED] = s->number[OSQP_TRIED_AT] = 0;
  s->number[OSQP_ADAPT_AT] = ADAPT_EVERY;
  s->number[OSQP_LEFT_Y] = s->number[OSQP_LEFT_D] = INFINITY;
  osqp_rescale(s);
  for (int64_t i = 0; i < s->m + s->n; i++) {
    s->z[i] = fmin(fmax(s->z[i], s->lower[i]), s->upper[i]);
    if (s->rho[i] == 0) s->y[i] = 0;
  }
  return begin(s);
}

/* ------------------------------------------------------------------ one block */

static tw_status end_solved(tw_osqp *s) {
  const osqp_point *p = &s->at;
  return tw_run_end(s->run, TW_SOLVED, "primal residual %.2g, dual residual %.2g, complementarity %.2g", p->primal, p->dual,
                    p->optimality.complementarity);
}

static tw_status end_proven(tw_osqp *s, tw_outcome outcome, const double *proof, double *place, int64_t n, const char *why) {
  s->run->iteration++; /* the driver does not count a step that ends so */
  s->run->certified = true;
  vec_copy(n, proof, place);
  return tw_run_end(s->run, outcome, "%s", why);
}

/* Ends the run where the last step proves that there is no solution. */
static tw_status test_certificates(tw_osqp *s) {
  const double *y, *d;
  TW_TRY(osqp_infeasible(s, &y));
  if (y) return end_proven(s, TW_INFEASIBLE, y, s->run->dual, s->m, "multipliers prove that the constraints contradict each other");
  TW_TRY(osqp_unbounded(s, &d));
  if (d) return end_proven(s, TW_UNBOUNDED, d, s->run->x, s->n, "the objective falls without end along a direction from a feasible point");
  return TW_OK;
}

/* The active set, where it has not been tried: as soon as the residuals are small, then at iterations that grow by a factor; and at the
 * end. *solved: the polished point meets the tolerance. */
static tw_status polish(tw_osqp *s, bool met, bool *solved) {
  double *number = s->number;
  const double key = osqp_active_key(s), now = (double)s->run->iteration;
  const bool due = osqp_meets(&s->at, POLISH_FROM) && now >= POLISH_GROWTH * number[OSQP_TRIED_AT];
  *solved = met;
  if (!tw_run_flag(s->run, "polish") || (!met && (!due || key == number[OSQP_TRIED]))) return TW_OK;
  number[OSQP_TRIED] = key, number[OSQP_TRIED_AT] = now;
  bool better;
  const double enough = fmax(1e-12, POLISHED * tw_run_tolerance(s->run));
  TW_TRY(osqp_polish(s, enough, &better));
  if (!better || !(met || osqp_meets(&s->polished, enough))) return TW_OK;
  const osqp_point other = s->at;
  s->at = s->polished, s->polished = other;
  give(s, &s->at);
  *solved = true;
  return TW_OK;
}

static void adapt(tw_osqp *s) {
  const double rho = s->number[OSQP_RHO], next = osqp_next_rho(s), now = (double)s->run->iteration + 1;
  s->number[OSQP_ADAPT_AT] = fmax(now + ADAPT_EVERY, ADAPT_GROWTH * now);
  if (next <= RHO_FACTOR * rho && next >= rho / RHO_FACTOR) return;
  s->number[OSQP_RHO] = next;
  osqp_rescale(s);
}

static tw_status step(tw_run *run) {
  tw_osqp *s;
  if (tw_presolved_is(run)) return tw_presolved_step(run);
  TW_TRY(enter(&s, run));
  osqp_rescale(s);
  TW_TRY(osqp_factor(s));
  const int64_t most = run->driver->max_iter - run->iteration, rest = BLOCK - run->iteration % BLOCK, count = most < rest ? most : rest;
  for (int64_t k = 0; k < count; k++) TW_TRY(osqp_iterate(s));
  run->iteration += count - 1; /* the driver counts the step as one */
  osqp_look(s);
  give(s, &s->at);
  const bool met = osqp_meets(&s->at, tw_run_tolerance(run));
  const double tried = s->number[OSQP_TRIED], tried_at = s->number[OSQP_TRIED_AT];
  bool solved;
  TW_TRY(polish(s, met, &solved));
  if (solved) return end_solved(s);
  TW_TRY(test_certificates(s));
  if (count < rest) { /* the limit cuts the block short: what goes on from here shall not know */
    s->number[OSQP_TRIED] = tried, s->number[OSQP_TRIED_AT] = tried_at;
    return TW_OK;
  }
  if (tw_run_flag(run, "adaptive") && (double)run->iteration + 1 >= s->number[OSQP_ADAPT_AT]) adapt(s);
  return TW_OK;
}

const tw_method tw_method_osqp = {
    .name = "osqp",
    .summary = "operator splitting for convex QPs",
    .reference = "Stellato, Banjac, Goulart, Bemporad & Boyd 2020, OSQP: an operator splitting solver for quadratic programs",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT | TW_QP,
    .matrices = TW_HOLDS_HESSIAN | TW_HOLDS_CONSTRAINTS,
    .handles = TW_HANDLES_CONSTRAINTS | TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
    .finish = finish,
    .traits = TW_ATOMIC,
    .restart = restart,
};
