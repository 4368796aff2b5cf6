/* The augmented Lagrangian as an oracle; see al.h. */
#include "method/constrained/al.h"

static const double LARGEST_GRADIENT = 100, SMALLEST_SCALE = 1e-8;
enum { DENSE_ROWS = 64, PROBES = 8 };

/* ------------------------------------------------------------------ scaled parts */

tw_status tw_al_constraints(tw_al *al, const double *x, double *c) {
  TW_TRY(tw_run_constraints(al->run, x, c));
  for (int64_t i = 0; i < al->m; i++) c[i] *= al->row[i];
  return TW_OK;
}

tw_status tw_al_vjp(tw_al *al, const double *x, const double *y, double *jty) {
  for (int64_t i = 0; i < al->m; i++) al->row_work[i] = al->row[i] * y[i];
  return tw_run_constraints_vjp(al->run, x, al->row_work, jty);
}

tw_status tw_al_jvp(tw_al *al, const double *x, const double *v, double *jv) {
  TW_TRY(tw_run_constraints_jvp(al->run, x, v, jv));
  for (int64_t i = 0; i < al->m; i++) jv[i] *= al->row[i];
  return TW_OK;
}

tw_status tw_al_hvp(tw_al *al, const double *x, const double *y, const double *v, double *out) {
  const double sigma = al->scalars[TW_AL_SIGMA];
  for (int64_t i = 0; i < al->m; i++) al->row_work[i] = al->row[i] * y[i] / sigma;
  TW_TRY(tw_run_hvp(al->run, x, al->row_work, v, out));
  vec_scale(al->n, sigma, out);
  return TW_OK;
}

static double scale_for(double gradient) {
  return gradient > LARGEST_GRADIENT ? fmax(SMALLEST_SCALE, LARGEST_GRADIENT / gradient) : 1;
}

/* Norms of the rows of J at run->x: one by one when they are few, else from |J_i|^2 = E (J z)_i^2 with random
 * signs z. */
static tw_status row_norms(tw_al *al, double *norms) {
  tw_run *run = al->run;
  double *z = al->work, *row = al->gradient, *jz = al->trial_c;
  vec_zero(al->m, norms);
  if (al->m <= DENSE_ROWS) {
    vec_zero(al->m, jz);
    for (int64_t i = 0; i < al->m; i++) {
      jz[i] = 1;
      TW_TRY(tw_run_constraints_vjp(run, run->x, jz, row));
      jz[i] = 0;
      norms[i] = vec_norm_inf(al->n, row);
    }
    return TW_OK;
  }
  for (int probe = 0; probe < PROBES; probe++) {
    const uint64_t key = tw_key_split(run->seed, (uint64_t)probe);
    for (int64_t j = 0; j < al->n; j++) z[j] = (tw_random_bits(key, (uint64_t)j) & 1) ? 1 : -1;
    TW_TRY(tw_run_constraints_jvp(run, run->x, z, jz));
    for (int64_t i = 0; i < al->m; i++) norms[i] += jz[i] * jz[i] / PROBES;
  }
  for (int64_t i = 0; i < al->m; i++) norms[i] = sqrt(norms[i]);
  return TW_OK;
}

tw_status tw_al_scale(tw_al *al) {
  tw_run *run = al->run;
  double f;
  TW_TRY(tw_run_gradient(run, run->x, &f, al->gradient));
  const double norm = vec_norm_inf(al->n, al->gradient);
  run->scale = norm;
  /* a prox belongs to the unscaled objective */
  al->scalars[TW_AL_SIGMA] = (al->oracle->offers & TW_PROX) || !isfinite(norm) ? 1 : scale_for(norm);
  TW_TRY(row_norms(al, al->row));
  for (int64_t i = 0; i < al->m; i++) al->row[i] = isfinite(al->row[i]) ? scale_for(al->row[i]) : 1;
  return TW_OK;
}

tw_status tw_al_rescale(tw_al *al) {
  double *sigma = &al->scalars[TW_AL_SIGMA];
  if (*sigma >= 1 || (al->oracle->offers & TW_PROX)) return TW_OK;
  TW_TRY(tw_al_vjp(al, al->x, al->v, al->work));
  vec_sub(al->n, al->gradient, al->work, al->work);
  const double factor = scale_for(vec_norm_inf(al->n, al->work) / *sigma) / *sigma;
  if (!(factor >= 10)) return TW_OK;
  *sigma *= factor;
  al->scalars[TW_AL_RHO] *= factor;
  vec_scale(al->m, factor, al->y);
  tw_al_forget(al);
  return TW_OK;
}

/* ------------------------------------------------------------------ L_rho */

/* v_i, and what row i adds to L_rho. */
static double multiplier(const tw_al *al, int64_t i, double c, double *term) {
  const double rho = al->scalars[TW_AL_RHO], y = al->y[i], t = c + y / rho;
  const double bound = t < tw_al_lower(al, i)   ? tw_al_lower(al, i)
                       : t > tw_al_upper(al, i) ? tw_al_upper(al, i)
                                                : t;
  if (bound == t && tw_al_lower(al, i) < tw_al_upper(al, i)) { /* neither side presses */
    *term = -y * y / (2 * rho);
    return 0;
  }
  const double v = y + rho * (c - bound);
  *term = 0.5 * (c - bound) * (v + y);
  return v;
}

void tw_al_forget(tw_al *al) {
  al->scalars[TW_AL_KNOWN] = 0;
}

static bool known(const tw_al *al, const double *x) {
  return al->scalars[TW_AL_KNOWN] == 1 && memcmp(al->x, x, (size_t)al->n * sizeof *x) == 0;
}

static double penalty(const tw_al *al, const double *c, double *v) {
  double sum = 0;
  for (int64_t i = 0; i < al->m; i++) {
    double term;
    const double vi = multiplier(al, i, c[i], &term);
    if (v) v[i] = vi;
    sum += term;
  }
  return sum;
}

tw_status tw_al_at(tw_al *al, const double *x) {
  if (known(al, x)) return TW_OK;
  tw_al_forget(al);
  double f;
  TW_TRY(tw_run_gradient(al->run, x, &f, al->gradient));
  TW_TRY(tw_al_constraints(al, x, al->c));
  penalty(al, al->c, al->v);
  TW_TRY(tw_al_vjp(al, x, al->v, al->work));
  al->scalars[TW_AL_TERMS] = vec_norm_inf(al->n, al->work) / al->scalars[TW_AL_SIGMA];
  for (int64_t j = 0; j < al->n; j++)
    al->gradient[j] = al->scalars[TW_AL_SIGMA] * al->gradient[j] + al->work[j];
  vec_copy(al->n, x, al->x);
  al->scalars[TW_AL_F] = f;
  al->scalars[TW_AL_KNOWN] = 1;
  return TW_OK;
}

/* ------------------------------------------------------------------ as an oracle */

/* Remembers why an evaluation of the outer run failed before the inner run makes an outcome of it. */
static tw_status keep(tw_al *al, tw_status status, tw_error *error) {
  if (status == TW_OK) return TW_OK;
  al->failure = status;
  return tw_fail(error, status, "%s", al->run->error->status == status ? al->run->error->message : "");
}

static tw_status al_value(void *context, const double *x, double *f, tw_error *error) {
  tw_al *al = context;
  tw_status status = tw_run_value(al->run, x, f);
  if (status == TW_OK) status = tw_al_constraints(al, x, al->trial_c);
  if (status == TW_OK) *f = al->scalars[TW_AL_SIGMA] * *f + penalty(al, al->trial_c, NULL);
  return keep(al, status, error);
}

static tw_status al_gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  tw_al *al = context;
  const tw_status status = tw_al_at(al, x);
  if (status != TW_OK) return keep(al, status, error);
  *f = al->scalars[TW_AL_SIGMA] * al->scalars[TW_AL_F] + penalty(al, al->c, NULL);
  vec_copy(al->n, al->gradient, g);
  return TW_OK;
}

/* (sigma hess f + sum v_i hess c_i + rho J_A'J_A) d, A the rows that press */
static tw_status curvature(tw_al *al, const double *x, const double *d, double *out) {
  TW_TRY(tw_al_at(al, x));
  TW_TRY(tw_al_hvp(al, x, al->v, d, out));
  TW_TRY(tw_al_jvp(al, x, d, al->row_more));
  const double rho = al->scalars[TW_AL_RHO];
  for (int64_t i = 0; i < al->m; i++) {
    const bool presses = al->v[i] != 0 || tw_al_lower(al, i) == tw_al_upper(al, i);
    al->row_more[i] *= presses ? rho : 0;
  }
  TW_TRY(tw_al_vjp(al, x, al->row_more, al->work));
  vec_axpy(al->n, 1, al->work, out);
  return TW_OK;
}

static tw_status al_hvp(void *context, const double *x, const double *y, const double *d, double *out,
                        tw_error *error) {
  (void)y;
  tw_al *al = context;
  return keep(al, curvature(al, x, d, out), error);
}

static tw_status al_project(void *context, const double *x, double *out, tw_error *error) {
  tw_al *al = context;
  if (al->oracle->offers & TW_PROJECT) return keep(al, tw_run_project(al->run, x, out), error);
  vec_copy(al->n, x, out);
  vec_clip(al->n, al->oracle->lower, al->oracle->upper, out);
  return TW_OK;
}

static tw_status al_prox(void *context, const double *x, double eta, double *out, tw_error *error) {
  tw_al *al = context;
  return keep(al, tw_run_prox(al->run, x, eta, out), error);
}

static tw_status al_regularizer(void *context, const double *x, double *g, tw_error *error) {
  tw_al *al = context;
  return keep(al, tw_run_regularizer(al->run, x, g), error);
}

/* n variables, no constraints, the same set */
static void make_inner(tw_al *al) {
  const tw_oracle *o = al->oracle;
  const unsigned passed_on = TW_CURVATURE | TW_BOUNDS | TW_PROJECT | TW_PROX;
  al->inner = (tw_oracle){.context = al,
                          .n = al->n,
                          .offers = TW_VALUE | TW_GRADIENT | (o->offers & passed_on),
                          .lower = o->lower,
                          .upper = o->upper,
                          .value = al_value,
                          .gradient = al_gradient,
                          .hvp = al_hvp,
                          .project = al_project};
  if (o->offers & TW_BOUNDS) al->inner.offers |= TW_PROJECT;
  if (o->offers & TW_PROX) {
    al->inner.prox = al_prox;
    al->inner.regularizer = al_regularizer;
  }
}

static tw_status fetch(tw_al *al) {
  const int64_t n = al->n, m = al->m;
  const tw_slot slots[] = {{"al.scalars", TW_AL_SCALARS, &al->scalars},
                           {"al.row", m, &al->row},
                           {"al.y", m, &al->y},
                           {"al.x", n, &al->x},
                           {"al.c", m, &al->c},
                           {"al.v", m, &al->v},
                           {"al.gradient", n, &al->gradient},
                           {"al.trial_c", m, &al->trial_c},
                           {"al.row_work", m, &al->row_work},
                           {"al.row_more", m, &al->row_more},
                           {"al.work", n, &al->work},
                           {NULL, 0, NULL}};
  return tw_fetch(al->run, slots);
}

tw_status tw_al_open(tw_al **out, tw_run *run) {
  if (!run->local && !(run->local = tw_alloc(1, sizeof(tw_al)))) {
    return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  }
  tw_al *al = *out = run->local;
  *al = (tw_al){.run = run, .oracle = run->oracle, .n = run->n, .m = run->oracle->m, .failure = TW_OK};
  make_inner(al);
  return fetch(al);
}

void tw_al_close(tw_run *run) {
  free(run->local);
}
