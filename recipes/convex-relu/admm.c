#include "admm.h"
#include "blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A split A u = copy with its scaled dual. */
typedef struct split {
  int64_t size;
  double *au, *copy, *dual, *out;
} split;

enum { GROUPS, SIGNS, MARGINS, GRADIENTS, LOSS_Z, LOSS_B, SPLITS };
/* GROUPS u = v; SIGNS G u - eps t = s; MARGINS (u_b,J, t_b) in K; GRADIENTS ((R u)_k,J, q_k) in K; LOSS_Z F u = a; LOSS_B eps q = b */

typedef struct admm {
  const program *a;
  const admm_options *options;
  operators o;
  normal_system system;
  block_descent descent;
  compiled groups;
  epigraph margins, gradients;
  bool robust, split_loss;
  double kappa;                    /* weight of F'F in the quadratic */
  double *u, *rhs, *rows, *target; /* 2P x d, 2P x d, n x d, 2P x n */
  double *t, *turned;              /* 2P: t; 2P x d: g_b = G_b'1 */
  split part[SPLITS];
  int64_t size;         /* of all splits */
  double *sum, *memory; /* the state: copy + dual of all splits before the proximal operators */
} admm;

/* ------------------------------------------------------------------ memory */

static void sizes(const admm *s, int64_t size[SPLITS]) {
  const int64_t n = s->a->data->n, d = s->a->data->d, f = s->a->data->features, blocks = 2 * s->a->set->p;
  size[GROUPS] = blocks * d;
  size[SIGNS] = blocks * n;
  size[MARGINS] = s->robust ? blocks * (f + 1) : 0;
  size[GRADIENTS] = s->robust ? n * (f + 1) : 0;
  size[LOSS_Z] = s->split_loss ? n : 0;
  size[LOSS_B] = s->robust ? n : 0;
}

static tw_status allocate(admm *s, tw_error *error) {
  const int64_t n = s->a->data->n, d = s->a->data->d, blocks = 2 * s->a->set->p;
  int64_t size[SPLITS];
  sizes(s, size);
  for (int k = 0; k < SPLITS; k++) s->size += size[k];
  double *at = s->memory = tw_alloc((size_t)(5 * s->size + 3 * blocks * d + n * d + blocks * n + blocks), sizeof *at);
  if (!at) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld patterns of %lld rows", (long long)s->a->set->p, (long long)n);
  s->sum = at;
  at += s->size;
  for (int k = 0; k < SPLITS; k++) {
    s->part[k] = (split){size[k], at, at + s->size, at + 2 * s->size, at + 3 * s->size};
    at += size[k];
  }
  s->u = at + 3 * s->size;
  s->rhs = s->u + blocks * d;
  s->turned = s->rhs + blocks * d;
  s->rows = s->turned + blocks * d;
  s->target = s->rows + n * d;
  s->t = s->target + blocks * n;
  return TW_OK;
}

/* g_b = X'(2 D_b - 1). */
static void turn(admm *s) {
  for (int64_t i = 0; i < s->part[SIGNS].size; i++) s->target[i] = 1;
  apply_g_transposed(&s->o, s->target, s->turned);
}

static tw_status open_proxes(admm *s, tw_error *error) {
  const int64_t n = s->a->data->n, d = s->a->data->d, f = s->a->data->features;
  const double q = dual_exponent(s->a->p);
  tw_status status = shrinkage_open(&s->groups, s->o.blocks, d, error);
  if (!s->robust) return status;
  if (status == TW_OK) status = epigraph_open(&s->margins, s->o.blocks, f + 1, q, error);
  if (status == TW_OK) status = epigraph_open(&s->gradients, n, f + 1, q, error);
  if (status == TW_OK) turn(s);
  return status;
}

static tw_status check(const program *a, const admm_options *options, tw_error *error) {
  if (!(a->beta > 0 && isfinite(a->beta))) return tw_fail(error, TW_ERR_RANGE, "beta is %g, expected above 0", a->beta);
  if (!(options->rho > 0 && isfinite(options->rho))) return tw_fail(error, TW_ERR_RANGE, "rho is %g, expected above 0", options->rho);
  if (!(a->eps >= 0 && isfinite(a->eps))) return tw_fail(error, TW_ERR_RANGE, "eps is %g, expected at least 0", a->eps);
  if (a->eps > 0 && !(a->p >= 1)) return tw_fail(error, TW_ERR_RANGE, "the norm's exponent is %g, expected at least 1", a->p);
  if (a->eps > 0 && a->data->features < 1) return tw_fail(error, TW_ERR_ARGUMENT, "no features to perturb");
  if (options->step == BLOCK_DESCENT && options->history > 0)
    return tw_fail(error, TW_ERR_ARGUMENT, "block coordinate descent is no map that could be extrapolated");
  if (options->step == BLOCK_DESCENT && (a->loss == LOSS_HINGE || a->eps > 0))
    return tw_fail(error, TW_ERR_ARGUMENT, "block coordinate descent needs a loss with a gradient: it can stop short of the optimum of %s",
                   a->eps > 0 ? "a robust program" : "hinge losses");
  for (int64_t k = 0; k < a->data->n && a->loss != LOSS_SQUARED; k++)
    if (fabs(a->data->y[k]) != 1)
      return tw_fail(error, TW_ERR_DATA, "%s loss: y is %g in row %lld, expected -1 or 1", loss_names[a->loss], a->data->y[k],
                     (long long)k);
  return TW_OK;
}

static tw_status open(admm *s, const program *a, const admm_options *options, tw_error *error) {
  *s = (admm){.a = a, .options = options, .robust = a->eps > 0};
  tw_status status = check(a, options, error);
  s->split_loss = s->robust || (options->step != BLOCK_DESCENT && (a->loss != LOSS_SQUARED || options->step == SPLIT_LOSS));
  s->kappa = s->split_loss ? 1 : 1 / options->rho;
  if (status == TW_OK) status = operators_open(&s->o, a->data, a->set, error);
  if (status == TW_OK) status = allocate(s, error);
  if (status == TW_OK) status = open_proxes(s, error);
  if (status == TW_OK && options->step == BLOCK_DESCENT)
    return block_descent_open(&s->descent, &s->o, a->loss, options->rho, options->seed, error);
  if (status == TW_OK) status = normal_open(&s->system, &s->o, options->system, s->kappa, s->robust, a->eps, error);
  return status;
}

static void close(admm *s) {
  operators_close(&s->o);
  if (s->system.o) normal_close(&s->system);
  if (s->descent.o) block_descent_close(&s->descent);
  compiled_close(&s->groups);
  epigraph_close(&s->margins);
  epigraph_close(&s->gradients);
  free(s->memory);
}

/* ------------------------------------------------------------------ (u, t, q) */

/* target = copy - dual of the split, for all parts of the quadratic. */
static double wanted(const split *p, int64_t i) { return p->copy[i] - p->dual[i]; }

/* The rows x_k (a - alpha)_k + J (r - zeta)_k, whose product with R' is F'(a - alpha) + R'J(r - zeta); without a split F'y / rho. */
static void gather_rows(admm *s) {
  const design *a = s->a->data;
  const int64_t f = a->features;
  for (int64_t k = 0; k < a->n; k++) {
    const double z = s->split_loss ? wanted(&s->part[LOSS_Z], k) : s->kappa * a->y[k];
    for (int64_t j = 0; j < a->d; j++) {
      const double r = s->robust && j < f ? wanted(&s->part[GRADIENTS], k * (f + 1) + j) : 0;
      s->rows[k * a->d + j] = z * a->x[k * a->d + j] + r;
    }
  }
}

/* Robust: adds (e - eta)_J and what eliminating t leaves, eps g_b tau_b / (1 + n eps^2) with tau_b = (e - eta)_t - eps 1'(s - nu)_b;
 * t holds tau. */
static void gather_margins(admm *s) {
  const design *a = s->a->data;
  const int64_t n = a->n, d = a->d, f = a->features;
  const double eps = s->a->eps, whole = 1 + (double)n * eps * eps;
  for (int64_t b = 0; b < s->o.blocks; b++) {
    double tau = wanted(&s->part[MARGINS], b * (f + 1) + f);
    for (int64_t k = 0; k < n; k++) tau -= eps * wanted(&s->part[SIGNS], b * n + k);
    s->t[b] = tau;
    for (int64_t j = 0; j < f; j++) s->rhs[b * d + j] += wanted(&s->part[MARGINS], b * (f + 1) + j);
    for (int64_t j = 0; j < d; j++) s->rhs[b * d + j] += eps * s->turned[b * d + j] * tau / whole;
  }
}

static tw_status solve_quadratic(admm *s, int64_t iteration, tw_error *error) {
  const design *a = s->a->data;
  const int64_t n = a->n, d = a->d, size = s->part[GROUPS].size;
  const double eps = s->a->eps;
  for (int64_t i = 0; i < s->part[SIGNS].size; i++) s->target[i] = wanted(&s->part[SIGNS], i);
  apply_g_transposed(&s->o, s->target, s->rhs);
  for (int64_t i = 0; i < size; i++) s->rhs[i] += wanted(&s->part[GROUPS], i);
  if (s->options->step == BLOCK_DESCENT)
    return block_descent_solve(&s->descent, s->rhs, fmax(1e-3 * pow(0.9, (double)iteration), 1e-11), s->u, error);
  double *image = s->part[GROUPS].au; /* free until the splits are filled */
  gather_rows(s);
  apply_r_transposed(&s->o, s->rows, image);
  for (int64_t i = 0; i < size; i++) s->rhs[i] += image[i];
  if (s->robust) gather_margins(s);
  const tw_status status = normal_solve(&s->system, s->rhs, s->u, error);
  for (int64_t b = 0; s->robust && b < s->o.blocks; b++) {
    double sum = s->t[b];
    for (int64_t j = 0; j < d; j++) sum += eps * s->turned[b * d + j] * s->u[b * d + j];
    s->t[b] = sum / (1 + (double)n * eps * eps);
  }
  return status;
}

/* A u for every split; q_k = ((r - zeta)_q + eps (b - beta))_k / (1 + eps^2). */
static void fill_splits(admm *s) {
  const design *a = s->a->data;
  const int64_t n = a->n, d = a->d, f = a->features;
  const double eps = s->a->eps;
  split *part = s->part;
  memcpy(part[GROUPS].au, s->u, (size_t)part[GROUPS].size * sizeof *s->u);
  apply_g(&s->o, s->u, part[SIGNS].au);
  if (!s->robust) {
    if (s->split_loss) apply_f(&s->o, s->u, part[LOSS_Z].au);
    return;
  }
  apply_r(&s->o, s->u, s->rows);
  for (int64_t b = 0; b < s->o.blocks; b++) {
    for (int64_t k = 0; k < n; k++) part[SIGNS].au[b * n + k] -= eps * s->t[b];
    for (int64_t j = 0; j <= f; j++) part[MARGINS].au[b * (f + 1) + j] = j < f ? s->u[b * d + j] : s->t[b];
  }
  for (int64_t k = 0; k < n; k++) {
    const double q = (wanted(&part[GRADIENTS], k * (f + 1) + f) + eps * wanted(&part[LOSS_B], k)) / (1 + eps * eps);
    double z = 0;
    for (int64_t j = 0; j < d; j++) z += a->x[k * d + j] * s->rows[k * d + j];
    for (int64_t j = 0; j <= f; j++) part[GRADIENTS].au[k * (f + 1) + j] = j < f ? s->rows[k * d + j] : q;
    part[LOSS_Z].au[k] = z;
    part[LOSS_B].au[k] = eps * q;
  }
}

/* ------------------------------------------------------------------ copies and duals */

/* copy = prox(sum), dual = sum - copy. */
static tw_status part_sum(const admm *s, const double *sum, tw_error *error) {
  const split *part = s->part;
  const double rho = s->options->rho, *at[SPLITS];
  at[0] = sum;
  for (int k = 1; k < SPLITS; k++) at[k] = at[k - 1] + part[k - 1].size;
  tw_status status = shrink(&s->groups, at[GROUPS], s->a->beta / rho, part[GROUPS].copy, error);
  for (int64_t i = 0; i < part[SIGNS].size; i++) part[SIGNS].copy[i] = fmax(at[SIGNS][i], 0);
  for (int64_t k = 0; k < part[LOSS_Z].size; k++) part[LOSS_Z].copy[k] = at[LOSS_Z][k];
  for (int64_t k = 0; k < part[LOSS_B].size; k++) part[LOSS_B].copy[k] = at[LOSS_B][k];
  if (s->split_loss) loss_prox(s->a->loss, s->a->data->n, s->a->data->y, rho, part[LOSS_Z].copy, s->robust ? part[LOSS_B].copy : NULL);
  if (status == TW_OK && s->robust) status = epigraph_project(&s->margins, at[MARGINS], part[MARGINS].copy, error);
  if (status == TW_OK && s->robust) status = epigraph_project(&s->gradients, at[GRADIENTS], part[GRADIENTS].copy, error);
  for (int k = 0; k < SPLITS; k++)
    for (int64_t i = 0; i < part[k].size; i++) part[k].dual[i] = at[k][i] - part[k].copy[i];
  return status;
}

/* One iteration as a map of the sum (Douglas-Rachford): the next sum is dual + h, h = relax A u + (1 - relax) copy. In place if need be. */
static tw_status iterate(admm *s, int64_t iteration, const double *sum, double *next, tw_error *error) {
  const double relax = s->options->relax > 0 ? s->options->relax : 1;
  tw_status status = part_sum(s, sum, error);
  if (status == TW_OK) status = solve_quadratic(s, iteration, error);
  if (status != TW_OK) return status;
  fill_splits(s);
  for (int k = 0; k < SPLITS; k++) {
    const split *p = &s->part[k];
    for (int64_t i = 0; i < p->size; i++) *next++ = p->dual[i] + relax * p->au[i] + (1 - relax) * p->copy[i];
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ how far it is */

static double primal_residual(const admm *s) {
  double square = 0;
  for (int k = 0; k < SPLITS; k++)
    for (int64_t i = 0; i < s->part[k].size; i++) square += pow(s->part[k].au[i] - s->part[k].copy[i], 2);
  return sqrt(square);
}

/* |rho (lambda + G'nu + eta_J + R'(x_k alpha_k + J zeta_k)) (+ F'grad L)| in u, and rho (eta_t - eps 1'nu), rho (zeta_q + eps beta) in
 * t and q. */
static double dual_residual(admm *s) {
  const design *a = s->a->data;
  const split *part = s->part;
  const int64_t n = a->n, d = a->d, f = a->features;
  const double rho = s->options->rho, eps = s->a->eps;
  double square = 0, *image = part[GROUPS].out, *g = part[SIGNS].out;
  if (!s->split_loss) {
    apply_f(&s->o, s->u, s->rows);
    loss_gradient(s->a->loss, n, a->y, s->rows, g);
  }
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = 0; j < d; j++)
      s->rows[k * d + j] = (s->split_loss ? part[LOSS_Z].dual[k] : g[k] / rho) * a->x[k * d + j] +
                           (s->robust && j < f ? part[GRADIENTS].dual[k * (f + 1) + j] : 0);
  apply_r_transposed(&s->o, s->rows, image);
  apply_g_transposed(&s->o, part[SIGNS].dual, s->rhs);
  for (int64_t b = 0; b < s->o.blocks; b++) {
    double t = s->robust ? part[MARGINS].dual[b * (f + 1) + f] : 0;
    for (int64_t j = 0; j < d; j++)
      square += pow(image[b * d + j] + s->rhs[b * d + j] + part[GROUPS].dual[b * d + j] +
                        (s->robust && j < f ? part[MARGINS].dual[b * (f + 1) + j] : 0),
                    2);
    for (int64_t k = 0; s->robust && k < n; k++) t -= eps * part[SIGNS].dual[b * n + k];
    square += t * t;
  }
  for (int64_t k = 0; s->robust && k < n; k++) square += pow(part[GRADIENTS].dual[k * (f + 1) + f] + eps * part[LOSS_B].dual[k], 2);
  return rho * sqrt(square);
}

/* A row of the history, of the copies and duals that the last iteration's sum gives. */
static tw_status measure(admm *s, int64_t iteration, admm_result *result, tw_error *error) {
  tw_status status = part_sum(s, s->sum, error);
  if (status == TW_OK) status = program_evaluate(s->a, &s->o, s->part[GROUPS].copy, &result->value, NULL, NULL, error);
  if (status != TW_OK) return status;
  result->history[result->rows++] =
      (admm_row){iteration, result->value.objective, result->value.infeasibility, primal_residual(s), dual_residual(s)};
  const admm_row *row = &result->history[result->rows - 1];
  result->iterations = iteration;
  result->converged = row->primal <= s->options->tol && row->dual <= s->options->tol;
  if (!isfinite(row->objective + row->primal))
    return tw_fail(error, TW_ERR_NUMERIC, "the iterates are not finite after %lld iterations", (long long)iteration);
  return TW_OK;
}

/* theta = -rho alpha, or -grad L(F v); kappa = -rho nu; pi = -rho zeta_J; psi = -rho eta_J. */
static tw_status lower_bound(admm *s, double *bound, tw_error *error) {
  const int64_t n = s->a->data->n, f = s->a->data->features;
  const double rho = s->options->rho;
  const split *part = s->part;
  double *theta = tw_alloc((size_t)n, sizeof *theta), *small = tw_alloc((size_t)((s->o.blocks + n) * f), sizeof *small);
  const multipliers m = {theta, part[SIGNS].out, s->robust ? small : NULL, s->robust ? small + n * f : NULL};
  tw_status status = theta && small ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for a dual point");
  if (status == TW_OK && !s->split_loss) {
    apply_f(&s->o, part[GROUPS].copy, s->rows);
    loss_gradient(s->a->loss, n, s->a->data->y, s->rows, theta);
  }
  for (int64_t k = 0; k < n && status == TW_OK; k++) theta[k] = s->split_loss ? -rho * part[LOSS_Z].dual[k] : -theta[k];
  for (int64_t i = 0; i < part[SIGNS].size && status == TW_OK; i++) m.kappa[i] = -rho * part[SIGNS].dual[i];
  for (int64_t k = 0; s->robust && k < n && status == TW_OK; k++)
    for (int64_t j = 0; j < f; j++) m.pi[k * f + j] = -rho * part[GRADIENTS].dual[k * (f + 1) + j];
  for (int64_t b = 0; s->robust && b < s->o.blocks && status == TW_OK; b++)
    for (int64_t j = 0; j < f; j++) m.psi[b * f + j] = -rho * part[MARGINS].dual[b * (f + 1) + j];
  if (status == TW_OK) status = program_bound(s->a, &s->o, &m, bound, error);
  free(theta);
  free(small);
  return status;
}

/* ------------------------------------------------------------------ the loop */

/* ADMM_EVERY iterations are one map: slow modes are seen by differences that far apart, at a tenth of the cost. */
static tw_status fixed_point_residual(void *context, const double *x, double *r, tw_error *error) {
  admm *s = context;
  tw_status status = iterate(s, 0, x, r, error);
  for (int k = 1; k < ADMM_EVERY && status == TW_OK; k++) status = iterate(s, 0, r, r, error);
  for (int64_t i = 0; i < s->size && status == TW_OK; i++) r[i] -= x[i];
  return status;
}

/* Iterations first .. last, until both residuals are small. */
static tw_status plain(admm *s, int64_t first, int64_t last, admm_result *result, tw_error *error) {
  tw_status status = TW_OK;
  for (int64_t k = first; k <= last && status == TW_OK && !result->converged; k++) {
    status = iterate(s, k - 1, s->sum, s->sum, error);
    if (status == TW_OK && (k % ADMM_EVERY == 0 || k == last)) status = measure(s, k, result, error);
  }
  return status;
}

/* From s->sum with Anderson's extrapolation, by the library's method for fixed points, until it gives up. */
static tw_status extrapolated(admm *s, const tw_oracle *oracle, admm_result *result, tw_error *error) {
  char method[64];
  snprintf(method, sizeof method, "anderson:history=%d,tol=1e-300", s->options->history);
  const tw_solve_options options = {.method = method, .max_iter = s->options->max_iter, .exec = {.threads = 1}};
  tw_solver *solver = NULL;
  tw_progress progress;
  tw_status status = tw_solver_new(&solver, oracle, s->sum, &options, error);
  tw_outcome outcome = TW_RUNNING;
  while (status == TW_OK && outcome == TW_RUNNING && !result->converged && result->iterations + ADMM_EVERY <= s->options->max_iter) {
    outcome = tw_solver_step(solver);
    tw_solver_progress(solver, &progress);
    status = iterate(s, 0, progress.x, s->sum, error);
    if (status == TW_OK) status = measure(s, result->iterations + ADMM_EVERY, result, error);
  }
  tw_solver_free(solver);
  return status;
}

/* Where iterates drift at a constant pace there is nothing to extrapolate from: plain iterations, each time twice as many,
 * until they turn. */
static tw_status accelerated(admm *s, admm_result *result, tw_error *error) {
  const tw_oracle oracle = {
      .context = s, .n = s->size, .k = s->size, .offers = TW_RESIDUAL, .residual_scale = 1, .residual = fixed_point_residual};
  const int64_t most = s->options->max_iter;
  tw_status status = TW_OK;
  for (int64_t drift = 200; status == TW_OK && !result->converged && result->iterations < most; drift *= 2) {
    const int64_t before = result->iterations;
    status = most - before >= ADMM_EVERY ? extrapolated(s, &oracle, result, error) : TW_OK;
    const int64_t k = result->iterations, last = k + drift < most ? k + drift : most;
    if (status == TW_OK && !result->converged) status = plain(s, k + 1, last, result, error);
  }
  return status;
}

tw_status admm_solve(const program *a, const admm_options *options, admm_result *result, tw_error *error) {
  const double begin = tw_now();
  admm s;
  *result = (admm_result){0};
  tw_status status = open(&s, a, options, error);
  if (status == TW_OK) {
    result->history = tw_alloc((size_t)(options->max_iter / ADMM_EVERY + 2), sizeof *result->history);
    result->u = tw_alloc((size_t)s.part[GROUPS].size, sizeof *result->u);
    if (!result->history || !result->u) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for results");
  }
  if (status == TW_OK && options->random_start) tw_random_normal_fill(tw_key_split(options->seed, 11), 0, (size_t)s.size, s.sum);
  if (status == TW_OK) status = options->history > 0 ? accelerated(&s, result, error) : plain(&s, 1, options->max_iter, result, error);
  if (status == TW_OK) status = lower_bound(&s, &result->bound, error);
  if (status == TW_OK) memcpy(result->u, s.part[GROUPS].copy, (size_t)s.part[GROUPS].size * sizeof *result->u);
  result->system = s.system.kind;
  result->seconds = tw_now() - begin;
  close(&s);
  if (status != TW_OK) admm_result_free(result);
  return status;
}

void admm_result_free(admm_result *result) {
  free(result->u);
  free(result->history);
  *result = (admm_result){0};
}
