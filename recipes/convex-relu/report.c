/* Text and JSON. */
#include "report.h"

#include <math.h>

static void put_score(const fit_score *s, const char *name, tw_text *out) {
  if (s->n == 0) return;
  tw_text_printf(out, "%-5s %5lld rows: deviation %.4g", name, (long long)s->n, s->deviation);
  if (!isnan(s->accuracy)) tw_text_printf(out, ", accuracy %.4f", s->accuracy);
  if (!isnan(s->attacked))
    tw_text_printf(out, ", under attack %.4f, certified %.4f; largest hinge %.4g under attack, %.4g certified", s->attacked, s->certified,
                   s->worst_hinge, s->worst_certificate);
  tw_text_puts(out, "\n");
}

static const char *u_step_of(const fit *f, const fit_options *o) {
  return o->admm.step == BLOCK_DESCENT ? "blocks" : system_names[f->admm.system];
}

static void put_admm(const fit *f, const fit_options *o, tw_text *out) {
  const admm_row *last = &f->admm.history[f->admm.rows - 1];
  tw_text_printf(out, "%lld patterns, %lld of %lld blocks in use; ADMM: %lld iterations, %.2f s, u by %s%s\n", (long long)f->set.p,
                 (long long)f->admm.value.blocks, (long long)(2 * f->set.p), (long long)f->admm.iterations, f->admm.seconds,
                 u_step_of(f, o), f->admm.converged ? "" : "; tolerance not met");
  tw_text_printf(out, "residuals: primal %.2e, dual %.2e, infeasibility %.2e\n", last->primal, last->dual, last->infeasibility);
}

static void put_sampled(const fit *f, const fit_options *o, tw_text *out) {
  tw_text_printf(out, "%lld sampled neurons, %lld in use; %s after %lld iterations\n", (long long)o->sampled.neurons,
                 (long long)f->sampled.active, f->sampled.outcome, (long long)f->sampled.iterations);
  tw_text_printf(out, "of %lld fresh neurons %.2f %% could lower the objective; the largest is %.3g times the bound\n",
                 (long long)o->sampled.fresh, 100 * f->sampled.violated, f->sampled.worst);
}

void report_text(const fit *f, const fit_options *o, const table *t, tw_text *out) {
  tw_text_printf(out, "%s, %s loss, beta %g; %lld rows, %lld features and a constant\n", fit_mode_names[o->mode], loss_names[o->loss],
                 o->beta, (long long)t->train.n, (long long)t->train.features);
  if (o->mode == FIT_SCP) put_sampled(f, o, out);
  else put_admm(f, o, out);
  tw_text_printf(out, "objective %.10g, at least %.10g by duality (gap %.1e); the net's own objective %.10g, %lld neurons\n", f->objective,
                 f->bound, f->objective - f->bound, f->nonconvex, (long long)f->net.m);
  if (o->mode != FIT_EXACT) tw_text_puts(out, "the optimum is that over the sampled patterns or neurons; nets of others may be better\n");
  if (o->mode == FIT_ADV && t->classes)
    tw_text_printf(out, "loss under attack %.6g, by the program at most %.6g; %lld rows exceed theirs\n", f->attacked_loss,
                   f->admm.value.loss, (long long)f->exceeded);
  put_score(&f->train, "train", out);
  put_score(&f->test, "test", out);
}

static void put_number(tw_text *out, const char *name, double value) {
  tw_text_printf(out, ",\"%s\":", name);
  tw_text_json_number(out, value);
}

static void put_array(tw_text *out, const char *name, int64_t n, const double *value) {
  tw_text_printf(out, ",\"%s\":[", name);
  for (int64_t i = 0; i < n; i++) {
    if (i) tw_text_puts(out, ",");
    tw_text_json_number(out, value[i]);
  }
  tw_text_puts(out, "]");
}

static void put_score_json(tw_text *out, const char *name, const fit_score *s) {
  tw_text_printf(out, ",\n\"%s\":{\"rows\":%lld", name, (long long)s->n);
  put_number(out, "loss", s->loss);
  put_number(out, "deviation", s->deviation);
  put_number(out, "accuracy", s->accuracy);
  put_number(out, "attackedAccuracy", s->attacked);
  put_number(out, "certifiedAccuracy", s->certified);
  put_number(out, "largestHingeUnderAttack", s->worst_hinge);
  put_number(out, "largestHingeCertified", s->worst_certificate);
  tw_text_printf(out, ",\"contradictions\":%lld}", (long long)s->contradictions);
}

static void put_history(tw_text *out, const admm_result *r) {
  tw_text_puts(out, ",\n\"history\":[");
  for (int64_t i = 0; i < r->rows; i++) {
    tw_text_printf(out, "%s{\"iteration\":%lld", i ? ",\n " : "", (long long)r->history[i].iteration);
    put_number(out, "objective", r->history[i].objective);
    put_number(out, "infeasibility", r->history[i].infeasibility);
    put_number(out, "primal", r->history[i].primal);
    put_number(out, "dual", r->history[i].dual);
    tw_text_puts(out, "}");
  }
  tw_text_puts(out, "]");
}

void report_json(const fit *f, const fit_options *o, const table *t, tw_text *out) {
  tw_text_printf(out, "{\"mode\":\"%s\",\"loss\":\"%s\",\"seed\":%llu,\"features\":%lld", fit_mode_names[o->mode], loss_names[o->loss],
                 (unsigned long long)o->patterns.seed, (long long)t->train.features);
  put_number(out, "beta", o->beta);
  put_number(out, "eps", f->eps);
  put_number(out, "objective", f->objective);
  put_number(out, "bound", f->bound);
  put_number(out, "netObjective", f->nonconvex);
  if (o->mode == FIT_SCP) {
    tw_text_printf(out, ",\"neuronsSampled\":%lld,\"iterations\":%lld,\"outcome\":\"%s\"", (long long)o->sampled.neurons,
                   (long long)f->sampled.iterations, f->sampled.outcome);
    put_number(out, "freshViolations", f->sampled.violated);
    put_number(out, "freshWorst", f->sampled.worst);
  } else {
    tw_text_printf(out, ",\"patterns\":%lld,\"blocks\":%lld,\"iterations\":%lld,\"converged\":%s,\"system\":\"%s\"", (long long)f->set.p,
                   (long long)f->admm.value.blocks, (long long)f->admm.iterations, f->admm.converged ? "true" : "false", u_step_of(f, o));
    put_number(out, "infeasibility", f->admm.value.infeasibility);
    put_number(out, "seconds", f->admm.seconds);
  }
  if (o->mode == FIT_ADV) {
    put_number(out, "lossUnderAttack", f->attacked_loss);
    put_number(out, "lossBound", f->admm.value.loss);
    tw_text_printf(out, ",\"rowsExceeding\":%lld", (long long)f->exceeded);
  }
  put_score_json(out, "train", &f->train);
  put_score_json(out, "test", &f->test);
  tw_text_printf(out, ",\n\"neurons\":%lld", (long long)f->net.m);
  put_array(out, "u", f->net.m * f->net.d, f->net.u);
  put_array(out, "alpha", f->net.m, f->net.alpha);
  if (o->mode != FIT_SCP) put_history(out, &f->admm);
  tw_text_puts(out, "}\n");
}
