/* Ipopt by its C interface, for comparison: fed by the same derivatives, scaled by itself. It owns its loop: the run's one step is
 * all of it. */
#ifdef TALWEG_IPOPT
#include "linear/mumps_lock.h"
#include "method/driver.h"
#include "method/program/nlp.h"
#include "method/program/presolved.h"

#include <IpStdCInterface.h>

typedef struct ipopt_run {
  tw_nlp nlp;
  tw_status failure; /* of an evaluation: ends the run as it would any other */
  int64_t iterations;
  double *g, *c, *j, *zl, *zu, *y;
  double *block;
} ipopt_run;

static const tw_option options[] = {TW_OPTION_TOL(1e-8),
                                    TW_OPTION_MAX_ITER(3000),
                                    {"mu", TW_OPTION_CHOICE, 0, 0, 1, "monotone|adaptive", "update of the barrier parameter"},
                                    {"relax", TW_OPTION_REAL, 1e-8, 0, 1, NULL, "Ipopt's bound_relax_factor: 0 keeps bounds exactly"},
                                    TW_OPTION_PRESOLVE(0),
                                    TW_OPTION_END};

/* Evaluations happen outside MUMPS. */
static Bool evaluated(ipopt_run *r, tw_status status) {
  mumps_lock();
  if (status != TW_OK && status != TW_ERR_NUMERIC) r->failure = status;
  return status == TW_OK;
}

static Bool eval_f(Index n, Number *x, Bool fresh, Number *f, UserDataPtr data) {
  (void)n, (void)fresh;
  ipopt_run *r = data;
  mumps_unlock();
  const tw_status status = tw_run_value(r->nlp.run, x, f);
  return evaluated(r, status) && isfinite(*f);
}

static Bool eval_gradient(Index n, Number *x, Bool fresh, Number *g, UserDataPtr data) {
  (void)n, (void)fresh;
  ipopt_run *r = data;
  double f;
  mumps_unlock();
  const tw_status status = tw_run_gradient(r->nlp.run, x, &f, g);
  return evaluated(r, status) && isfinite(f);
}

static Bool eval_rows(Index n, Number *x, Bool fresh, Index m, Number *c, UserDataPtr data) {
  (void)n, (void)fresh;
  ipopt_run *r = data;
  mumps_unlock();
  const tw_status status = m > 0 ? tw_run_constraints(r->nlp.run, x, c) : TW_OK;
  return evaluated(r, status) && vec_find_nonfinite(m, c) < 0;
}

static void list_places(const tw_pattern *p, Index *row, Index *col) {
  for (int64_t k = 0; k < p->cols; k++)
    for (int64_t at = p->colptr[k]; at < p->colptr[k + 1]; at++) {
      row[at] = (Index)p->rowidx[at];
      col[at] = (Index)k;
    }
}

static Bool eval_jacobian(Index n, Number *x, Bool fresh, Index m, Index count, Index *row, Index *col, Number *value,
                          UserDataPtr data) {
  (void)n, (void)fresh, (void)m, (void)count;
  ipopt_run *r = data;
  bool finite = true;
  if (!value) {
    list_places(&r->nlp.j, row, col);
    return TRUE;
  }
  mumps_unlock();
  const tw_status status = tw_nlp_first(&r->nlp, x, r->g, value, &finite);
  return evaluated(r, status) && finite;
}

/* s hess f + y'hess c = s (hess f + (y / s)'hess c) */
static Bool eval_hessian(Index n, Number *x, Bool fresh, Number s, Index m, Number *y, Bool fresh_y, Index count, Index *row,
                         Index *col, Number *value, UserDataPtr data) {
  (void)n, (void)fresh, (void)fresh_y;
  ipopt_run *r = data;
  bool finite = true;
  if (!value) {
    list_places(&r->nlp.h, row, col);
    return TRUE;
  }
  mumps_unlock();
  for (Index i = 0; i < m; i++) r->y[i] = s != 0 ? y[i] / s : y[i];
  const tw_status status = tw_nlp_second(&r->nlp, x, s != 0, r->y, value, &finite);
  if (status == TW_OK && s != 0) vec_scale(count, s, value);
  return evaluated(r, status) && finite;
}

static Bool after_iteration(Index mode, Index iteration, Number f, Number primal, Number dual, Number mu, Number step, Number shift,
                            Number alpha_z, Number alpha, Index trials, UserDataPtr data) {
  (void)mode, (void)f, (void)primal, (void)dual, (void)mu, (void)step, (void)shift, (void)alpha_z, (void)alpha, (void)trials;
  ipopt_run *r = data;
  r->iterations = iteration;
  if (r->failure == TW_OK) r->failure = tw_driver_check_budget(r->nlp.run->driver, r->nlp.run->error);
  return r->failure == TW_OK;
}

static tw_status open_run(ipopt_run *r, tw_run *run) {
  *r = (ipopt_run){.failure = TW_OK};
  TW_TRY(tw_nlp_open(&r->nlp, run));
  const int64_t n = run->n, m = run->oracle->m;
  if (n > INT32_MAX || m > INT32_MAX || r->nlp.h.nnz > INT32_MAX || r->nlp.j.nnz > INT32_MAX)
    return tw_fail(run->error, TW_ERR_UNSUPPORTED, "ipopt: the problem is larger than Ipopt's integers");
  *r->nlp.scale = 1;
  for (int64_t i = 0; i < m; i++) r->nlp.row[i] = 1;
  double *b = r->block = tw_alloc((size_t)(3 * n + 2 * m + r->nlp.j.nnz), sizeof *b);
  if (!b) return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  r->g = b, r->zl = b + n, r->zu = b + 2 * n, r->c = b + 3 * n, r->y = b + 3 * n + m, r->j = b + 3 * n + 2 * m;
  return TW_OK;
}

static void close_run(ipopt_run *r) {
  tw_nlp_close(&r->nlp);
  free(r->block);
}

/* f, optimality of run->x with the multipliers at hand. */
static tw_status report(ipopt_run *r) {
  tw_run *run = r->nlp.run;
  bool finite;
  if (run->oracle->offers & TW_BOUNDS) vec_clip(run->n, run->oracle->lower, run->oracle->upper, run->x);
  TW_TRY(tw_nlp_value(&r->nlp, run->x, &run->f, r->c));
  TW_TRY(tw_nlp_first(&r->nlp, run->x, r->g, r->j, &finite));
  for (int64_t k = 0; run->iteration == 0 && k < run->n; k++) run->scale = fmax(run->scale, fabs(r->g[k]));
  run->optimality = tw_nlp_optimality(&r->nlp, run->x, r->c, r->g, r->j, run->dual, r->zl, r->zu);
  run->size = r->nlp.terms;
  return TW_OK;
}

static tw_status init(tw_run *run) {
  ipopt_run r;
  bool taken;
  TW_TRY(tw_presolved_init(run, &taken));
  if (taken) return TW_OK;
  tw_status status = open_run(&r, run);
  if (status == TW_OK) status = report(&r);
  close_run(&r);
  return status;
}

static void set_options(IpoptProblem problem, const tw_run *run, bool bfgs) {
  char sb[] = "sb", yes[] = "yes", print[] = "print_level", tol[] = "tol", most[] = "max_iter";
  char approximation[] = "hessian_approximation", limited[] = "limited-memory", mu[] = "mu_strategy", adaptive[] = "adaptive";
  char relax[] = "bound_relax_factor";
  AddIpoptStrOption(problem, sb, yes);
  AddIpoptIntOption(problem, print, 0);
  AddIpoptNumOption(problem, tol, tw_run_tolerance(run));
  AddIpoptNumOption(problem, relax, tw_run_real(run, "relax"));
  AddIpoptIntOption(problem, most, (Index)fmin(1e9, (double)run->driver->max_iter));
  if (bfgs) AddIpoptStrOption(problem, approximation, limited);
  if (tw_run_choice(run, "mu") == 1) AddIpoptStrOption(problem, mu, adaptive);
  SetIntermediateCallback(problem, after_iteration);
}

/* Ipopt's infinity is 1e19. */
static void take_bounds(int64_t n, const double *l, const double *u, double *lower, double *upper) {
  for (int64_t k = 0; k < n; k++) {
    lower[k] = l ? fmax(l[k], -2e19) : -2e19;
    upper[k] = u ? fmin(u[k], 2e19) : 2e19;
  }
}

static tw_status end_run(ipopt_run *r, enum ApplicationReturnStatus status) {
  tw_run *run = r->nlp.run;
  const long long count = (long long)r->iterations;
  if (r->failure != TW_OK) return r->failure;
  switch (status) {
  case Solve_Succeeded:
    return tw_run_end(run, TW_SOLVED, "Ipopt: optimal after %lld iterations", count);
  case Solved_To_Acceptable_Level:
    return tw_run_end(run, TW_SOLVED, "Ipopt: solved to an acceptable level after %lld iterations", count);
  case Feasible_Point_Found:
    return tw_run_end(run, TW_SOLVED, "Ipopt: feasible after %lld iterations", count);
  case Infeasible_Problem_Detected:
    return tw_run_end(run, TW_INFEASIBLE, "Ipopt: locally infeasible after %lld iterations", count);
  case Diverging_Iterates:
    return tw_run_end(run, TW_UNBOUNDED, "Ipopt: diverging iterates after %lld iterations", count);
  case Maximum_Iterations_Exceeded:
    return tw_run_end(run, TW_STOPPED_ITERATIONS, "Ipopt: limit of %lld iterations reached", count);
  default:
    return tw_run_end(run, TW_FAILED, "Ipopt ended with status %d after %lld iterations", (int)status, count);
  }
}

static tw_status solve(ipopt_run *r) {
  tw_run *run = r->nlp.run;
  const tw_oracle *o = run->oracle;
  const int64_t n = run->n, m = o->m;
  double *bounds = tw_alloc((size_t)(2 * (n + m)), sizeof *bounds);
  if (!bounds) return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  const bool bounded = (o->offers & TW_BOUNDS) != 0;
  take_bounds(n, bounded ? o->lower : NULL, bounded ? o->upper : NULL, bounds, bounds + n);
  take_bounds(m, o->c_lower, o->c_upper, bounds + 2 * n, bounds + 2 * n + m);
  mumps_lock();
  IpoptProblem problem =
      CreateIpoptProblem((Index)n, bounds, bounds + n, (Index)m, bounds + 2 * n, bounds + 2 * n + m, (Index)r->nlp.j.nnz,
                         (Index)r->nlp.h.nnz, 0, eval_f, eval_rows, eval_gradient, eval_jacobian, eval_hessian);
  enum ApplicationReturnStatus status = Insufficient_Memory;
  if (problem) {
    set_options(problem, run, r->nlp.bfgs != NULL);
    status = IpoptSolve(problem, run->x, r->c, &run->f, run->dual, r->zl, r->zu, r);
    FreeIpoptProblem(problem);
  }
  mumps_unlock();
  free(bounds);
  const tw_status measured = r->failure == TW_OK ? report(r) : TW_OK;
  if (r->iterations > 0) run->iteration += r->iterations - 1; /* the driver counts the step as one */
  return measured != TW_OK ? measured : end_run(r, status);
}

static tw_status step(tw_run *run) {
  ipopt_run r;
  if (tw_presolved_is(run)) return tw_presolved_step(run);
  tw_status status = open_run(&r, run);
  if (status == TW_OK) status = solve(&r);
  close_run(&r);
  return status;
}

static void finish(tw_run *run) {
  tw_presolved_finish(run);
}

const tw_method tw_method_ipopt = {
    .name = "ipopt",
    .summary = "Ipopt, where it is installed: an interior-point method to compare with",
    .reference = "Wächter & Biegler 2006; Ipopt 3.11 with MUMPS",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT,
    .matrices = TW_HOLDS_LAGRANGIAN | TW_HOLDS_CONSTRAINTS,
    .handles = TW_HANDLES_CONSTRAINTS | TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
    .finish = finish,
};
#else
typedef int tw_without_ipopt; /* a file of C holds something */
#endif
