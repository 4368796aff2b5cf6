#include "fit.h"

#include <math.h>
#include <stdlib.h>

const char *const fit_mode_names[FIT_MODES] = {"exact", "admm", "scp", "hinge", "adv"};

void fit_free(fit *f) {
  patterns_free(&f->set);
  admm_result_free(&f->admm);
  net_free(&f->net);
  *f = (fit){0};
}

static tw_status score_attacked(const net *f, const design *rows, double eps, double p, int64_t steps, uint64_t seed, double *room,
                                fit_score *s, tw_error *error) {
  const int64_t n = rows->n;
  double *attacked = room, *certified = room + n;
  const attack_options options = {.steps = steps, .restarts = 4, .eps = eps, .p = p, .seed = seed};
  tw_status status = attack(f, n, rows->x, rows->y, rows->features, &options, attacked, error);
  if (status == TW_OK) status = net_certify(f, n, rows->x, rows->y, rows->features, eps, p, certified, error);
  if (status != TW_OK) return status;
  s->attacked = s->certified = 0;
  for (int64_t k = 0; k < n; k++) {
    s->attacked += (attacked[k] > 0) / (double)n;
    s->certified += (certified[k] > 0) / (double)n;
    s->contradictions += attacked[k] < certified[k] - 1e-12 * (1 + fabs(certified[k]));
    s->worst_hinge = fmax(s->worst_hinge, 1 - attacked[k]);
    s->worst_certificate = fmax(s->worst_certificate, 1 - certified[k]);
  }
  return TW_OK;
}

tw_status fit_score_of(const net *f, const design *rows, bool classes, loss_kind loss, double eps, double p, int64_t attack_steps,
                       uint64_t seed, fit_score *s, tw_error *error) {
  const int64_t n = rows->n;
  *s = (fit_score){.n = n, .loss = NAN, .deviation = NAN, .accuracy = NAN, .attacked = NAN, .certified = NAN};
  if (n == 0) return TW_OK;
  double *z = tw_alloc((size_t)(3 * n), sizeof *z);
  if (!z) return tw_fail(error, TW_ERR_MEMORY, "out of memory for predictions");
  net_predict(f, n, rows->x, z);
  s->loss = loss_value(loss, n, rows->y, z, NULL) / (loss == LOSS_SQUARED ? (double)n : 1);
  s->deviation = sqrt(2 * loss_value(LOSS_SQUARED, n, rows->y, z, NULL) / (double)n);
  if (classes) s->accuracy = accuracy(n, rows->y, z);
  const tw_status status = classes && eps > 0 ? score_attacked(f, rows, eps, p, attack_steps, seed, z + n, s, error) : TW_OK;
  free(z);
  return status;
}

/* The program's loss of row k, loss_k(z_k, b_k), against the net's under attack. A constraint violated by t lets a neuron leave its
 * pattern by t: all of them together move a margin by at most 2 P times the infeasibility. */
static tw_status check_program(const program *p, const fit_options *o, fit *f, tw_error *error) {
  const design *a = p->data;
  const int64_t n = a->n;
  const attack_options options = {.steps = o->attack_steps, .restarts = 4, .eps = p->eps, .p = p->p, .seed = o->patterns.seed};
  double *z = tw_alloc((size_t)(3 * n), sizeof *z), *b = z + n, *margin = b + n;
  operators ops = {0};
  program_value value = {0};
  tw_status status = z ? operators_open(&ops, a, p->set, error) : tw_fail(error, TW_ERR_MEMORY, "out of memory for a certificate");
  if (status == TW_OK) status = program_evaluate(p, &ops, f->admm.u, &value, z, b, error);
  if (status == TW_OK) status = attack(&f->net, n, a->x, a->y, a->features, &options, margin, error);
  const double allowed = (double)(2 * p->set->p) * value.infeasibility + 1e-12;
  for (int64_t k = 0; k < n && status == TW_OK; k++) {
    f->exceeded += margin[k] < a->y[k] * z[k] - b[k] - allowed * (1 + fabs(z[k]));
    f->attacked_loss += loss_at(p->loss, n, a->y[k], a->y[k] * margin[k], 0);
  }
  operators_close(&ops);
  free(z);
  return status;
}

static tw_status run_admm(const table *t, const fit_options *o, fit *f, tw_error *error) {
  const design *a = &t->train;
  sampling how = o->patterns;
  const double eps = o->mode == FIT_ADV ? f->eps : 0;
  how.reach = eps;
  how.p = o->p;
  how.features = a->features;
  const program p = {a, &f->set, o->loss, o->beta, eps, o->p};
  tw_status status =
      o->mode == FIT_EXACT ? patterns_enumerate(&f->set, a->n, a->d, a->x, error) : patterns_sample(&f->set, a->n, a->d, a->x, &how, error);
  if (status == TW_OK) status = admm_solve(&p, &o->admm, &f->admm, error);
  if (status == TW_OK) status = net_recover(&f->net, f->set.p, a->d, f->admm.u, error);
  if (status == TW_OK && eps > 0 && t->classes) status = check_program(&p, o, f, error);
  f->objective = f->admm.value.objective;
  f->bound = f->admm.bound;
  return status;
}

static tw_status run_sampled(const table *t, const fit_options *o, fit *f, tw_error *error) {
  const tw_status status = sampled_solve(&t->train, o->loss, o->beta, &o->sampled, &f->sampled, &f->net, error);
  f->objective = f->sampled.objective;
  f->bound = f->sampled.bound;
  return status;
}

tw_status fit_run(const table *t, const fit_options *o, fit *f, tw_error *error) {
  *f = (fit){.eps = o->eps * t->scale};
  if (o->loss != LOSS_SQUARED && !t->classes)
    return tw_fail(error, TW_ERR_DATA, "the target has more than two values: only the squared loss fits");
  if (o->mode == FIT_ADV && !(o->eps > 0)) return tw_fail(error, TW_ERR_RANGE, "eps is %g, expected above 0 for a robust program", o->eps);
  tw_status status = o->mode == FIT_SCP ? run_sampled(t, o, f, error) : run_admm(t, o, f, error);
  if (status == TW_OK) status = net_objective(&f->net, &t->train, o->loss, o->beta, &f->nonconvex, error);
  if (status == TW_OK)
    status = fit_score_of(&f->net, &t->train, t->classes, o->loss, f->eps, o->p, o->attack_steps, o->patterns.seed, &f->train, error);
  if (status == TW_OK)
    status = fit_score_of(&f->net, &t->test, t->classes, o->loss, f->eps, o->p, o->attack_steps, o->patterns.seed, &f->test, error);
  if (status != TW_OK) fit_free(f);
  return status;
}
