/* convex-relu: two-layer ReLU nets trained to global optimality, and robustly, as convex programs. */
#include "acceptance.h"
#include "recipe.h"
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct fields {
  const char *data, *columns, *classes, *mode, *loss, *step, *system, *norm, *json, *plot;
  int64_t train, patterns, perturbed, neurons, iterations, anderson, seed, attack_steps, wave;
  double beta, rho, relax, tol, eps;
  bool raw, no_whole, accept;
} fields;

#define FIELD(name) offsetof(fields, name)
static const tw_argument arguments[] = {
    {"--data", "FILE", TW_ARGUMENT_TEXT, FIELD(data), 0, 0, false, "csv with a header; the last column is the target"},
    {"--columns", "LIST", TW_ARGUMENT_TEXT, FIELD(columns), 0, 0, false, "of the file: a..b,c; the last one is the target (all)"},
    {"--classes", "LOW,HIGH", TW_ARGUMENT_TEXT, FIELD(classes), 0, 0, false, "rows of two target values only, which become -1 and 1"},
    {"--wave", "N", TW_ARGUMENT_INTEGER, FIELD(wave), 2, 100000, false, "in place of a file: N points of sin 4x + 0.3 x and noise"},
    {"--train", "N", TW_ARGUMENT_INTEGER, FIELD(train), 2, 1e9, false, "rows to train on, in random order; the others test (all)"},
    {"--raw", NULL, TW_ARGUMENT_FLAG, FIELD(raw), 0, 0, false, "features as they are; else standardised and over sqrt(features)"},
    {"--mode", "NAME", TW_ARGUMENT_TEXT, FIELD(mode), 0, 0, false, "exact, admm, scp, hinge or adv (admm; adv with --adv-eps)"},
    {"--loss", "NAME", TW_ARGUMENT_TEXT, FIELD(loss), 0, 0, false, "squared, hinge or logistic (squared; hinge with hinge and adv)"},
    {"--patterns", "N", TW_ARGUMENT_INTEGER, FIELD(patterns), 1, 100000, false, "distinct activation patterns to sample (24)"},
    {"--gaussian-only", NULL, TW_ARGUMENT_FLAG, FIELD(no_whole), 0, 0, false,
     "do not add the pattern of the constant neuron, all rows active"},
    {"--perturbed", "N", TW_ARGUMENT_INTEGER, FIELD(perturbed), 1, 1000, false, "adv: patterns of perturbed data for each draw (2)"},
    {"--beta", "X", TW_ARGUMENT_REAL, FIELD(beta), 1e-12, 1e12, false, "weight decay (0.01)"},
    {"--adv-eps", "X", TW_ARGUMENT_REAL, FIELD(eps), 1e-12, 1e6, false, "radius of the adversary's ball, in standardised units"},
    {"--adv-norm", "P", TW_ARGUMENT_TEXT, FIELD(norm), 0, 0, false, "of the ball: inf, 1, 2 or any p >= 1 (inf)"},
    {"--attack-steps", "N", TW_ARGUMENT_INTEGER, FIELD(attack_steps), 1, 10000, false, "of the attack by projected gradient (50)"},
    {"--rho", "X", TW_ARGUMENT_REAL, FIELD(rho), 1e-12, 1e12, false, "penalty of ADMM (0.01 squared loss, 0.001 others)"},
    {"--relax", "X", TW_ARGUMENT_REAL, FIELD(relax), 1, 1.95, false, "over-relaxation (1)"},
    {"--anderson", "N", TW_ARGUMENT_INTEGER, FIELD(anderson), 0, 100, false,
     "extrapolation of the iterates with N differences; 0: plain ADMM (0)"},
    {"--step", "NAME", TW_ARGUMENT_TEXT, FIELD(step), 0, 0, false,
     "of u: loss (squared loss within the system), split, or blocks (coordinate descent)"},
    {"--system", "NAME", TW_ARGUMENT_TEXT, FIELD(system), 0, 0, false, "auto, rows, patterns or cg (auto)"},
    {"--neurons", "N", TW_ARGUMENT_INTEGER, FIELD(neurons), 1, 1000000, false, "scp: random neurons (500)"},
    {"--iterations", "N", TW_ARGUMENT_INTEGER, FIELD(iterations), 1, 1e7, false, "at most (4000)"},
    {"--tol", "X", TW_ARGUMENT_REAL, FIELD(tol), 0, 1, false, "on both residuals (1e-6)"},
    {"--seed", "N", TW_ARGUMENT_INTEGER, FIELD(seed), 0, 1e15, false, "of the split, patterns, neurons, attacks (0)"},
    {"--json", "FILE", TW_ARGUMENT_TEXT, FIELD(json), 0, 0, false, "result, net and history"},
    {"--plot", "FILE", TW_ARGUMENT_TEXT, FIELD(plot), 0, 0, false, "draw residuals, and the fit of one feature (.svg, .png)"},
    {"--accept", NULL, TW_ARGUMENT_FLAG, FIELD(accept), 0, 0, false, "measure what the recipe must show, as markdown"},
    {0}};
static const tw_verb verb = {"convex-relu", "two-layer ReLU nets as convex programs", arguments, sizeof(fields), NULL};

/* The place of `word` in a list; NULL is `otherwise`. */
static tw_status choose(const char *option, const char *word, int n, const char *const *names, int otherwise, int *out, tw_error *error) {
  *out = otherwise;
  if (!word) return TW_OK;
  for (int i = 0; i < n; i++)
    if (strcmp(word, names[i]) == 0) {
      *out = i;
      return TW_OK;
    }
  tw_text list = {0};
  for (int i = 0; i < n; i++) tw_text_printf(&list, "%s%s", i == 0 ? "" : i == n - 1 ? " or " : ", ", names[i]);
  const tw_status status = tw_fail(error, TW_ERR_NAME, "%s %s: expected %s", option, word, list.failed ? "a known name" : list.data);
  tw_text_free(&list);
  return status;
}

static tw_status read_norm(const char *text, double *p, tw_error *error) {
  *p = INFINITY;
  if (!text || strcmp(text, "inf") == 0) return TW_OK;
  const char *end = tw_parse_number(text, text + strlen(text), false, p);
  if (end && *end == '\0' && *p >= 1 && *p <= 100) return TW_OK;
  return tw_fail(error, TW_ERR_RANGE, "--adv-norm %s: expected inf or a number of 1 to 100", text);
}

static tw_status read_classes(const char *text, table_options *o, tw_error *error) {
  if (!text) return TW_OK;
  const char *last = text + strlen(text), *comma = tw_parse_number(text, last, false, &o->low);
  const char *end = comma && *comma == ',' ? tw_parse_number(comma + 1, last, false, &o->high) : NULL;
  o->two = true;
  if (end && *end == '\0' && o->low != o->high) return TW_OK;
  return tw_fail(error, TW_ERR_ARGUMENT, "--classes %s: expected two different numbers, LOW,HIGH", text);
}

static int64_t integer_or(int64_t given, int64_t otherwise) { return given ? given : otherwise; }
static double real_or(double given, double otherwise) { return given > 0 ? given : otherwise; }

static tw_status options_of(const fields *f, fit_options *o, tw_error *error) {
  static const char *const steps[] = {"loss", "split", "blocks"};
  int mode = FIT_ADMM, loss = LOSS_SQUARED, step = SPLIT_BY_LOSS, system = BY_CHOICE;
  const uint64_t seed = (uint64_t)f->seed;
  tw_status status = choose("--mode", f->mode, FIT_MODES, fit_mode_names, f->eps > 0 ? FIT_ADV : FIT_ADMM, &mode, error);
  if (status == TW_OK)
    status = choose("--loss", f->loss, LOSSES, loss_names, mode == FIT_HINGE || mode == FIT_ADV ? LOSS_HINGE : LOSS_SQUARED, &loss, error);
  if (status == TW_OK) status = choose("--step", f->step, 3, steps, SPLIT_BY_LOSS, &step, error);
  if (status == TW_OK) status = choose("--system", f->system, SYSTEMS, system_names, BY_CHOICE, &system, error);
  if (status == TW_OK && mode == FIT_HINGE && loss != LOSS_HINGE)
    status = tw_fail(error, TW_ERR_ARGUMENT, "--mode hinge with --loss %s", f->loss);
  if (status == TW_OK && mode == FIT_EXACT && f->patterns)
    status = tw_fail(error, TW_ERR_ARGUMENT, "--mode exact takes all patterns, not --patterns");
  *o = (fit_options){.mode = (fit_mode)mode,
                     .loss = (loss_kind)loss,
                     .beta = real_or(f->beta, 0.01),
                     .eps = f->eps,
                     .attack_steps = integer_or(f->attack_steps, 50)};
  o->patterns =
      (sampling){.wanted = integer_or(f->patterns, 24), .seed = seed, .perturbed = integer_or(f->perturbed, 2), .whole = !f->no_whole};
  o->admm = (admm_options){.rho = real_or(f->rho, loss == LOSS_SQUARED ? 0.01 : 0.001),
                           .relax = f->relax,
                           .max_iter = integer_or(f->iterations, 4000),
                           .tol = real_or(f->tol, 1e-6),
                           .system = (system_kind)system,
                           .step = (u_step)step,
                           .seed = seed,
                           .history = (int)f->anderson};
  o->sampled = (sampled_options){.neurons = integer_or(f->neurons, 500),
                                 .max_iter = integer_or(f->iterations, 20000),
                                 .fresh = 2000,
                                 .tol = real_or(f->tol, 1e-6),
                                 .seed = seed};
  return status == TW_OK ? read_norm(f->norm, &o->p, error) : status;
}

static tw_status put_reports(const fields *f, const fit *result, const fit_options *o, const table *t, tw_error *error) {
  tw_text text = {0}, json = {0};
  report_text(result, o, t, &text);
  tw_status status = text.failed ? tw_fail(error, TW_ERR_MEMORY, "out of memory for a report") : TW_OK;
  if (status == TW_OK) fputs(text.data, stdout);
  if (status == TW_OK && f->json) report_json(result, o, t, &json), status = tw_file_write(f->json, &json, error);
  if (status == TW_OK && f->plot) status = report_plot(result, o, t, f->plot, error);
  tw_text_free(&text);
  tw_text_free(&json);
  return status;
}

static tw_status run(const void *given, tw_error *error) {
  const fields *f = given;
  fit_options o;
  fit result = {0};
  table t = {0};
  table_options from = {.path = f->data, .columns = f->columns, .train = f->train, .seed = (uint64_t)f->seed, .raw = f->raw};
  if (f->accept) return acceptance(stdout, error);
  if (!f->data == !f->wave) return tw_fail(error, TW_ERR_ARGUMENT, "which data? --data FILE or --wave N");
  tw_status status = options_of(f, &o, error);
  if (status == TW_OK) status = read_classes(f->classes, &from, error);
  if (status == TW_OK) status = f->data ? table_read(&t, &from, error) : table_wave(&t, f->wave, (uint64_t)f->seed, error);
  if (status == TW_OK) status = fit_run(&t, &o, &result, error);
  if (status == TW_OK) status = put_reports(f, &result, &o, &t, error);
  fit_free(&result);
  table_free(&t);
  return status;
}

int main(int argc, char **argv) {
  fields f = {0};
  return recipe_main(&verb, &f, run, argc, argv);
}
