/* lsq: what both kernels share; see lsq.h. */
#include "method/leastsq/lsq.h"

bool tw_lsq_is_dense(int64_t k, int64_t n) {
  enum { ENTRIES_MOST = 4000000, COLUMNS_MOST = 500 };
  return n <= COLUMNS_MOST && k <= ENTRIES_MOST / (n > 0 ? n : 1);
}

static bool choose_dense(const tw_run *run) {
  enum { AUTO, DENSE, PRODUCTS };
  const int choice = tw_run_choice(run, "jacobian");
  const int64_t k = run->oracle->k, n = run->n;
  return choice == DENSE || (choice == AUTO && tw_lsq_is_dense(k, n));
}

tw_status tw_lsq_open(tw_lsq *s, tw_run *run) {
  const int64_t n = run->n, k = run->oracle->k;
  *s = (tw_lsq){.run = run, .k = k, .n = n, .dense = choose_dense(run)};
  const int64_t full = s->dense ? k * n : 0;
  const tw_slot slots[] = {{"lsq.r", k, &s->r},
                           {"lsq.jacobian", full, &s->jacobian},
                           {"lsq.gradient", n, &s->gradient},
                           {"lsq.d", n, &s->d},
                           {"lsq.free", n, &s->free},
                           {"lsq.trial_x", n, &s->trial_x},
                           {"lsq.trial_r", k, &s->trial_r},
                           {"lsq.step", n, &s->step},
                           {"lsq.js", k, &s->js},
                           {"lsq.qr", full, &s->qr},
                           {"lsq.tau", n, &s->tau},
                           {"lsq.pivot", n, &s->pivot},
                           {"lsq.qtr", k, &s->qtr},
                           {"lsq.scalars", TW_LSQ_SCALARS, &s->scalars},
                           {NULL, 0, NULL}};
  return tw_fetch(run, slots);
}

/* In the problem's units. */
static double objective(const tw_lsq *s, double norm) {
  const tw_oracle *o = s->run->oracle;
  return o->residual_scale * norm * norm + o->residual_offset;
}

tw_status tw_lsq_apply(tw_lsq *s, const double *v, double *jv) {
  if (!s->dense) return tw_run_residual_jvp(s->run, s->run->x, v, jv);
  for (int64_t i = 0; i < s->k; i++) jv[i] = vec_dot(s->n, s->jacobian + i * s->n, v);
  return TW_OK;
}

/* J entry by entry: as offered, or assembled from products. */
static tw_status assemble(tw_lsq *s) {
  tw_run *run = s->run;
  const int64_t n = s->n, k = s->k;
  double *j = s->jacobian;
  if (run->oracle->offers & TW_RESIDUAL_JACOBIAN) return tw_run_residual_jacobian(run, run->x, j);
  double *e = s->trial_x, *column = s->trial_r; /* free at this point of an iteration */
  if (k < n) {                                  /* rows, by J'e_i */
    vec_zero(k, column);
    for (int64_t i = 0; i < k; i++) {
      column[i] = 1;
      TW_TRY(tw_run_residual_vjp(run, run->x, column, j + i * n));
      column[i] = 0;
    }
    return TW_OK;
  }
  vec_zero(n, e);
  for (int64_t c = 0; c < n; c++) {
    e[c] = 1;
    TW_TRY(tw_run_residual_jvp(run, run->x, e, column));
    e[c] = 0;
    for (int64_t i = 0; i < k; i++) j[i * n + c] = column[i];
  }
  return TW_OK;
}

/* J, its column norms and the gradient J'r. */
static tw_status linearise_dense(tw_lsq *s, double *norms) {
  TW_TRY(assemble(s));
  vec_zero(s->n, norms);
  vec_zero(s->n, s->gradient);
  for (int64_t i = 0; i < s->k; i++) {
    const double *row = s->jacobian + i * s->n, ri = s->r[i];
    for (int64_t j = 0; j < s->n; j++) {
      norms[j] = hypot(norms[j], row[j]);
      s->gradient[j] += row[j] * ri;
    }
  }
  return TW_OK;
}

/* d_j = max(d_j, |J_j|); columns that are still zero take the largest scale, so that they cannot dominate. */
static void update_scaling(tw_lsq *s, const double *norms) {
  double largest = 0;
  for (int64_t j = 0; j < s->n; j++) {
    s->d[j] = fmax(s->d[j], norms[j]);
    largest = fmax(largest, s->d[j]);
  }
  for (int64_t j = 0; j < s->n; j++)
    if (s->d[j] <= largest * DBL_EPSILON * DBL_EPSILON) s->d[j] = largest > 0 ? largest : 1;
}

static void find_free(tw_lsq *s) {
  const double *l = s->run->oracle->lower, *u = s->run->oracle->upper, *x = s->run->x, *g = s->gradient;
  double count = 0;
  for (int64_t j = 0; j < s->n; j++) {
    const bool held =
        (l && x[j] <= l[j] && g[j] > 0) || (u && x[j] >= u[j] && g[j] < 0) || (l && u && l[j] == u[j]);
    s->free[j] = held ? 0 : 1;
    count += s->free[j];
  }
  s->scalars[TW_LSQ_FREE] = count;
}

tw_status tw_lsq_jacobian(tw_lsq *s) {
  double *norms = s->step; /* not needed before the next solve */
  if (s->dense) {
    TW_TRY(linearise_dense(s, norms));
  } else {
    TW_TRY(tw_lsq_linearise_products(s, norms));
  }
  if (vec_find_nonfinite(s->n, s->gradient) >= 0) {
    return tw_fail(s->run->error, TW_ERR_NUMERIC,
                   "%s: the Jacobian of the residual is not finite in column %lld", s->run->method->name,
                   (long long)vec_find_nonfinite(s->n, s->gradient));
  }
  update_scaling(s, norms);
  for (int64_t j = 0; j < s->n; j++) norms[j] *= s->run->x[j];
  /* rounding of x moves r by about this much */
  s->scalars[TW_LSQ_NOISE] = 4 * DBL_EPSILON * vec_norm(s->n, norms);
  find_free(s);
  return TW_OK;
}

tw_status tw_lsq_factor(tw_lsq *s) {
  return s->dense ? tw_lsq_factor_dense(s) : tw_lsq_factor_products(s);
}

tw_status tw_lsq_solve(tw_lsq *s, const double *b, double mu, double *step) {
  return s->dense ? tw_lsq_solve_dense(s, b, mu, step) : tw_lsq_solve_products(s, b, mu, step);
}

double tw_lsq_offset(const tw_lsq *s, double tol) {
  const double norm = s->scalars[TW_LSQ_NORM];
  if (norm <= DBL_EPSILON * s->scalars[TW_LSQ_START] || s->scalars[TW_LSQ_PROJECTED] == 0) return 0;
  return s->scalars[TW_LSQ_PROJECTED] / (norm + s->scalars[TW_LSQ_NOISE] / fmax(tol, DBL_EPSILON));
}

static double scaled_norm(const tw_lsq *s, const double *v) {
  double largest = 0, sum = 0;
  for (int64_t j = 0; j < s->n; j++) largest = fmax(largest, s->d[j] * fabs(v[j]));
  if (largest == 0 || !isfinite(largest)) return largest;
  for (int64_t j = 0; j < s->n; j++) sum += (s->d[j] * v[j] / largest) * (s->d[j] * v[j] / largest);
  return largest * sqrt(sum);
}

double tw_lsq_relative(const tw_lsq *s, const double *v) {
  return scaled_norm(s, v) / fmax(scaled_norm(s, s->run->x), DBL_MIN);
}

double tw_lsq_predicted(const tw_lsq *s) {
  return -2 * vec_dot(s->n, s->gradient, s->step) - vec_dot(s->k, s->js, s->js);
}

tw_status tw_lsq_try(tw_lsq *s, tw_lsq_trial *trial) {
  tw_run *run = s->run;
  vec_add(s->n, run->x, 1, s->step, s->trial_x);
  vec_clip(s->n, run->oracle->lower, run->oracle->upper, s->trial_x);
  trial->clipped = false;
  for (int64_t j = 0; j < s->n; j++) {
    trial->clipped = trial->clipped || s->trial_x[j] != run->x[j] + s->step[j];
    s->step[j] = s->trial_x[j] - run->x[j];
  }
  trial->relative = tw_lsq_relative(s, s->step);
  trial->blind = false;
  TW_TRY(tw_lsq_apply(s, s->step, s->js));
  trial->predicted = tw_lsq_predicted(s);
  TW_TRY(tw_run_residual(run, s->trial_x, s->trial_r));
  trial->norm = vec_norm(s->k, s->trial_r);
  if (!isfinite(trial->norm)) {
    trial->norm = INFINITY;
    trial->actual = -INFINITY;
    return TW_OK;
  }
  /* |r|^2 - |r_t|^2 = sum (r - r_t)(r + r_t): the cancellation happens between nearly equal numbers, without
   * error */
  trial->actual = 0;
  for (int64_t i = 0; i < s->k; i++) trial->actual += (s->r[i] - s->trial_r[i]) * (s->r[i] + s->trial_r[i]);
  const double norm = s->scalars[TW_LSQ_NORM],
               rounding = norm * (8 * DBL_EPSILON * norm + s->scalars[TW_LSQ_NOISE]);
  trial->blind = fabs(trial->predicted) <= rounding && fabs(trial->actual) <= rounding;
  return TW_OK;
}

tw_status tw_lsq_start(tw_lsq *s) {
  tw_run *run = s->run;
  vec_clip(s->n, run->oracle->lower, run->oracle->upper, run->x);
  TW_TRY(tw_run_residual(run, run->x, s->r));
  const double norm = vec_norm(s->k, s->r);
  if (!isfinite(norm)) {
    return tw_fail(run->error, TW_ERR_NUMERIC, "%s: the residual is not finite at the start (row %lld)",
                   run->method->name, (long long)vec_find_nonfinite(s->k, s->r));
  }
  s->scalars[TW_LSQ_NORM] = s->scalars[TW_LSQ_START] = norm;
  run->f = objective(s, norm);
  return TW_OK;
}

void tw_lsq_accept(tw_lsq *s, const tw_lsq_trial *trial) {
  vec_copy(s->n, s->trial_x, s->run->x);
  vec_copy(s->k, s->trial_r, s->r);
  s->scalars[TW_LSQ_NORM] = trial->norm;
  s->run->f = objective(s, trial->norm);
}

tw_status tw_lsq_measure(tw_lsq *s) {
  TW_TRY(tw_lsq_jacobian(s));
  TW_TRY(tw_lsq_factor(s));
  s->run->optimality.stationarity = tw_lsq_offset(s, tw_run_tolerance(s->run));
  s->run->scale = 1; /* the relative offset has no units */
  return TW_OK;
}

double tw_lsq_descent_cosine(const tw_lsq *s) {
  double square = 0;
  for (int64_t j = 0; j < s->n; j++) {
    const double g = s->free[j] * s->gradient[j] / s->d[j];
    square += g * g;
  }
  return sqrt(square) / fmax(s->scalars[TW_LSQ_NORM], DBL_MIN);
}

/* The cosine of the angle between r and J v, v = D^-2 J'r: its square is the part of |r|^2 that the linear
 * model takes away along the scaled gradient. Small where |r|^2 is stationary though J is all but singular
 * and r in its range, as at a local minimum of as many equations as unknowns. */
static tw_status gradient_cosine(tw_lsq *s, double *cosine) {
  double square = 0;
  for (int64_t j = 0; j < s->n; j++) {
    s->step[j] = s->free[j] * s->gradient[j] / (s->d[j] * s->d[j]);
    square += s->step[j] * s->gradient[j];
  }
  TW_TRY(tw_lsq_apply(s, s->step, s->js));
  *cosine = square / fmax(vec_norm(s->k, s->js) * s->scalars[TW_LSQ_NORM], DBL_MIN);
  return TW_OK;
}

tw_status tw_lsq_stall(tw_lsq *s) {
  tw_run *run = s->run;
  const double offset = run->optimality.stationarity, cosine = tw_lsq_descent_cosine(s);
  if (offset <= 1e-5) {
    return tw_run_end(run, TW_SOLVED, "no further decrease in this precision; relative offset %.1e", offset);
  }
  if (cosine <= 1e-10) {
    run->optimality.stationarity = cosine;
    return tw_run_end(run, TW_SOLVED,
                      "the residual has stopped responding to the variables: gradient %.1e of its "
                      "largest (a plateau, perhaps towards infinity)",
                      cosine);
  }
  double along;
  TW_TRY(gradient_cosine(s, &along));
  if (along * along <= 512 * DBL_EPSILON) { /* 334 have been seen: what cancels in residuals amplifies rounding */
    run->optimality.stationarity = along;
    return tw_run_end(run, TW_SOLVED,
                      "no further decrease in this precision; the gradient would take %.1e of |r|^2 away",
                      along * along);
  }
  return tw_run_end(run, TW_FAILED, "no step decreases the residual, yet its relative offset is %.1e",
                    offset);
}

tw_status tw_lsq_advance(tw_lsq *s, const tw_lsq_trial *trial) {
  const double offset = s->run->optimality.stationarity;
  tw_lsq_accept(s, trial);
  TW_TRY(tw_lsq_measure(s));
  const bool idle = trial->blind && s->run->optimality.stationarity > 0.95 * offset;
  return idle || trial->relative <= DBL_EPSILON ? tw_lsq_stall(s) : TW_OK;
}
