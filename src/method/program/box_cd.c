/* Coordinate descent for box-constrained quadratic programs (Hildreth 1957; Luo & Tseng 1992):
 *
 *   min 1/2 x'P x + q'x   subject to   l <= x <= u
 *
 * Each coordinate in turn goes to its exact minimum, x_j <- clip(x_j - g_j / P_jj), with the gradient g = P x + q kept up to date by one
 * column of P. A sweep over all of them costs as much as a product with P. */
#include "method/program/qp.h"

enum { FRESH_EVERY = 20 }; /* sweeps after which g is computed anew */

typedef struct box_cd {
  tw_qp qp;
  tw_csc p; /* all of P */
} box_cd;

static const tw_option options[] = {TW_OPTION_TOL(1e-9), TW_OPTION_MAX_ITER(10000), TW_OPTION_END};

static void finish(tw_run *run) {
  box_cd *s = run->local;
  if (!s) return;
  tw_qp_free(&s->qp);
  tw_csc_free(&s->p);
  free(s);
  run->local = NULL;
}

/* Both triangles of P. */
static tw_status mirror(tw_csc *out, const tw_csc *p, tw_error *error) {
  const int64_t count = p->start[p->cols];
  int64_t *row = tw_alloc((size_t)(2 * count), sizeof *row), *col = tw_alloc((size_t)(2 * count), sizeof *col), at = 0;
  double *value = tw_alloc((size_t)(2 * count), sizeof *value);
  tw_status status = row && col && value ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "box_cd: out of memory");
  for (int64_t j = 0; status == TW_OK && j < p->cols; j++)
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      row[at] = p->row[k], col[at] = j, value[at++] = p->value[k];
      if (p->row[k] != j) row[at] = j, col[at] = p->row[k], value[at++] = p->value[k];
    }
  if (status == TW_OK) status = tw_csc_from_triplets(out, p->rows, p->cols, at, row, col, value, error);
  free(row), free(col), free(value);
  return status;
}

static tw_status enter(box_cd **out, double **g, tw_run *run) {
  box_cd *s = run->local;
  if (!s) {
    if (!(s = run->local = tw_alloc(1, sizeof *s))) return tw_fail(run->error, TW_ERR_MEMORY, "box_cd: out of memory");
    TW_TRY(tw_qp_open_convex(&s->qp, run->oracle, "box_cd", run->error));
    TW_TRY(mirror(&s->p, &s->qp.p, run->error));
  }
  *out = s;
  *g = tw_run_vector(run, "g", run->n);
  return *g ? TW_OK : TW_ERR_MEMORY;
}

static void compute_gradient(const tw_qp *qp, const double *x, double *g) {
  vec_copy(qp->n, qp->q, g);
  tw_qp_add_p(qp, 1, x, g);
}

/* f = constant + x'(q + g) / 2, |x - clip(x - g)|_inf. */
static void report(const tw_qp *qp, tw_run *run, const double *g) {
  double f = 0, most = 0;
  for (int64_t j = 0; j < qp->n; j++) {
    f += 0.5 * run->x[j] * (qp->q[j] + g[j]);
    most = fmax(most, fabs(run->x[j] - fmin(fmax(run->x[j] - g[j], qp->lower[j]), qp->upper[j])));
  }
  run->f = qp->constant + f;
  run->optimality = (tw_optimality){.stationarity = most, .feasibility = 0, .complementarity = NAN};
}

static tw_status init(tw_run *run) {
  box_cd *s;
  double *g;
  TW_TRY(enter(&s, &g, run));
  compute_gradient(&s->qp, run->x, g);
  report(&s->qp, run, g);
  run->scale = run->optimality.stationarity;
  run->size = vec_norm_inf(run->n, s->qp.q);
  return TW_OK;
}

/* Where P_jj = 0 row and column j of a semidefinite P are zero: the objective is linear in x_j. */
static double best_coordinate(const tw_qp *qp, int64_t j, double x, double g, double curvature) {
  if (curvature > 0) return fmin(fmax(x - g / curvature, qp->lower[j]), qp->upper[j]);
  return g > 0 ? qp->lower[j] : g < 0 ? qp->upper[j] : x;
}

static double diagonal_of(const tw_csc *p, int64_t j) {
  for (int64_t k = p->start[j]; k < p->start[j + 1]; k++)
    if (p->row[k] == j) return p->value[k];
  return 0;
}

static tw_status step(tw_run *run) {
  box_cd *s;
  double *g;
  TW_TRY(enter(&s, &g, run));
  for (int64_t j = 0; j < run->n; j++) {
    const double x = best_coordinate(&s->qp, j, run->x[j], g[j], diagonal_of(&s->qp.p, j)), d = x - run->x[j];
    if (isinf(x)) return tw_run_end(run, TW_UNBOUNDED, "the objective is linear in variable %lld and falls without end", (long long)j);
    if (d == 0) continue;
    run->x[j] = x;
    for (int64_t k = s->p.start[j]; k < s->p.start[j + 1]; k++) g[s->p.row[k]] += d * s->p.value[k];
  }
  if (run->iteration % FRESH_EVERY == FRESH_EVERY - 1) compute_gradient(&s->qp, run->x, g);
  report(&s->qp, run, g);
  return TW_OK;
}

const tw_method tw_method_box_cd = {
    .name = "box_cd",
    .summary = "coordinate descent for convex QPs with bounds",
    .reference = "Luo & Tseng 1992, On the convergence of the coordinate descent method for convex differentiable minimization",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT | TW_QP,
    .matrices = TW_HOLDS_HESSIAN,
    .handles = TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
    .finish = finish,
    .traits = TW_ATOMIC,
};
